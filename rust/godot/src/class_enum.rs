//! Enums of the classes: the editor's help groups their constants, and scripts can name them as types.
//!
//! gdext's `#[constant]` registers plain integers only, so the enums are registered here. The documentation is made from
//! the constants in the classes, which are therefore written there too, under `#[cfg(false)]`.

use std::borrow::Cow;
use std::marker::PhantomData;

use godot::builtin::{StringName, VariantType};
use godot::meta::conv::ByValue;
use godot::meta::error::ConvertError;
use godot::meta::shape::{EnumeratorShape, GodotShape};
use godot::meta::{FromGodot, GodotConvert, ToGodot};
use godot::obj::GodotClass;
// Not public API of gdext: `Cargo.lock` fixes the version, and the tests ask the engine for the enums.
use godot::register::private::constant::{ConstantKind, ExportConstant, IntegerConstant};
use godot::register::property::SimpleVar;

use crate::{tcp_client, websocket_client, websocket_server};

/// An enum of a class.
pub(crate) trait ClassEnum: Copy + 'static {
    type Class: GodotClass;

    /// Its name as scripts write it, with that of its class.
    const NAME: &'static str;

    const CONSTANTS: &'static [EnumeratorShape];

    fn number(self) -> i32;
}

/// A value of an enum in a signature. A script can pass any number.
#[derive(Debug)]
pub(crate) struct EnumValue<E> {
    pub(crate) number: i64,
    of: PhantomData<E>,
}

impl<E> Clone for EnumValue<E> {
    fn clone(&self) -> Self {
        Self {
            number: self.number,
            of: PhantomData,
        }
    }
}

impl<E: ClassEnum> From<E> for EnumValue<E> {
    fn from(value: E) -> Self {
        Self {
            number: value.number().into(),
            of: PhantomData,
        }
    }
}

impl<E: ClassEnum> GodotConvert for EnumValue<E> {
    type Via = i64;

    fn godot_shape() -> GodotShape {
        GodotShape::Enum {
            variant_type: VariantType::INT,
            enumerators: Cow::Borrowed(E::CONSTANTS),
            godot_name: Some(Cow::Borrowed(E::NAME)),
            is_bitfield: false,
        }
    }
}

impl<E: ClassEnum> ToGodot for EnumValue<E> {
    type Pass = ByValue;

    fn to_godot(&self) -> i64 {
        self.number
    }
}

impl<E: ClassEnum> FromGodot for EnumValue<E> {
    fn try_from_godot(number: i64) -> Result<Self, ConvertError> {
        Ok(Self {
            number,
            of: PhantomData,
        })
    }
}

impl<E: ClassEnum> SimpleVar for EnumValue<E> {}

/// Registers all enums. The classes are registered already.
pub(crate) fn register() {
    register_one::<tcp_client::Status>();
    register_one::<Option<tcp_client::Close>>();
    register_one::<websocket_client::ReadyState>();
    register_one::<websocket_server::Backpressure>();
}

fn register_one<E: ClassEnum>() {
    let (_, name) = E::NAME.split_once('.').unwrap_or_default();
    let constants = E::CONSTANTS.iter();
    let kind = ConstantKind::Enum {
        name: StringName::from(name),
        enumerators: constants
            .map(|constant| IntegerConstant::new(&constant.name, constant.value.unwrap_or_default()))
            .collect(),
    };
    ExportConstant::new(E::Class::class_id(), kind).register();
}
