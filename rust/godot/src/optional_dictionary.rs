//! A `Dictionary` argument that may be omitted.

#![allow(unsafe_code)]

use godot::builtin::VarDictionary;
use godot::meta::conv::ByValue;
use godot::meta::error::ConvertError;
use godot::meta::shape::GodotShape;
use godot::meta::{FromGodot, GodotConvert, GodotImmutable, ToGodot};

/// An argument of type `Dictionary` whose default is empty. gdext takes no dictionary as a default value, since a
/// dictionary can be changed by whoever holds it.
#[derive(Clone, Debug)]
pub(crate) struct OptionalDictionary(pub(crate) VarDictionary);

impl OptionalDictionary {
    pub(crate) fn empty() -> Self {
        Self(VarDictionary::new().into_read_only())
    }
}

// SAFETY: The only default value is empty and read-only, and it is never handed on.
unsafe impl GodotImmutable for OptionalDictionary {}

impl GodotConvert for OptionalDictionary {
    type Via = VarDictionary;

    fn godot_shape() -> GodotShape {
        Self::Via::godot_shape()
    }
}

impl ToGodot for OptionalDictionary {
    type Pass = ByValue;

    fn to_godot(&self) -> Self::Via {
        self.0.clone()
    }
}

impl FromGodot for OptionalDictionary {
    fn try_from_godot(dictionary: Self::Via) -> Result<Self, ConvertError> {
        Ok(Self(dictionary))
    }
}
