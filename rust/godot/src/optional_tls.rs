//! A `TLSOptions` argument that may be omitted.

#![allow(unsafe_code)]

use godot::classes::TlsOptions;
use godot::meta::conv::ByValue;
use godot::meta::error::ConvertError;
use godot::meta::shape::GodotShape;
use godot::meta::{FromGodot, GodotConvert, GodotImmutable, ToGodot};
use godot::obj::Gd;

/// An argument of type `TLSOptions` whose default is `null`. gdext takes no object as a default value, not even `null`.
#[derive(Clone, Debug)]
pub(crate) struct OptionalTls(pub(crate) Option<Gd<TlsOptions>>);

// SAFETY: The only default value is `null`, which is immutable and may be copied in any thread.
unsafe impl GodotImmutable for OptionalTls {}

impl GodotConvert for OptionalTls {
    type Via = Option<Gd<TlsOptions>>;

    fn godot_shape() -> GodotShape {
        Self::Via::godot_shape()
    }
}

impl ToGodot for OptionalTls {
    type Pass = ByValue;

    fn to_godot(&self) -> Self::Via {
        self.0.clone()
    }
}

impl FromGodot for OptionalTls {
    fn try_from_godot(options: Self::Via) -> Result<Self, ConvertError> {
        Ok(Self(options))
    }
}
