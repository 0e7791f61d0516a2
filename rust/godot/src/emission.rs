//! Emitting signals.
//!
//! gdext's `emit_signal` keeps quiet about calls to this library that fail while it runs, for the sake of its result: a
//! handler that passes a wrong type would end without a word. What is used here keeps quiet about nothing.

use std::iter;

use godot::builtin::inner::InnerSignal;
use godot::builtin::{Callable, Signal, StringName, Variant};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Gd, GodotClass};

use crate::pump::Pump;

/// Emits a signal. Runs user code: hold nothing.
pub(crate) fn emit<T: GodotClass>(object: &Gd<T>, signal: &StringName, args: &[Variant]) {
    InnerSignal::from_outer(&Signal::from_object_signal(object, signal)).emit(args);
}

/// Emits a signal and returns whether it had a connection. A check beforehand costs as much as the emission, which tells
/// for a little more. Runs user code: hold nothing.
pub(crate) fn emit_heard<T: GodotClass>(object: &Gd<T>, signal: &StringName, args: &[Variant], pump: &Pump) -> bool {
    let all: Vec<_> = iter::once(signal.to_variant()).chain(args.iter().cloned()).collect();
    let error = Callable::from_object_method(object, &pump.names.emit_signal).call(&all);
    !matches!(
        error.try_to(),
        Ok(Error::ERR_UNAVAILABLE | Error::ERR_CANT_ACQUIRE_RESOURCE)
    )
}
