//! The project settings of the library, shown in the editor with their ranges.

use std::time::Duration;

use godot::builtin::{GString, VarDictionary, Variant, VariantType, vdict};
use godot::classes::ProjectSettings;
use godot::meta::ToGodot;
use godot::obj::{EngineEnum, Singleton};
use godot::register::info::PropertyHint;

/// Maximum time of the automatic drain in a frame, in microseconds.
const FRAME_BUDGET: &str = "async_sockets/process/frame_budget_usec";
const FRAME_BUDGET_DEFAULT: i64 = 4000;
const FRAME_BUDGET_RANGE: (i64, i64) = (100, 1_000_000);

/// Number of threads of the runtime; 0 (default) stands for half the processors, at least 1 and at most 4.
const WORKER_THREADS: &str = "async_sockets/runtime/worker_threads";
const WORKER_THREADS_RANGE: (i64, i64) = (0, 64);

/// Registers the settings in the engine and the editor.
pub(crate) fn register() {
    add(FRAME_BUDGET, FRAME_BUDGET_DEFAULT, FRAME_BUDGET_RANGE);
    add(WORKER_THREADS, 0, WORKER_THREADS_RANGE);
}

pub(crate) fn frame_budget() -> Duration {
    let (low, high) = FRAME_BUDGET_RANGE;
    let microseconds = read(FRAME_BUDGET, FRAME_BUDGET_DEFAULT).clamp(low, high);
    Duration::from_micros(microseconds.unsigned_abs())
}

/// The number of worker threads; `None` leaves it to the library.
pub(crate) fn worker_threads() -> Option<usize> {
    let (low, high) = WORKER_THREADS_RANGE;
    usize::try_from(read(WORKER_THREADS, 0).clamp(low, high))
        .ok()
        .filter(|&threads| threads > 0)
}

fn add(name: &str, default: i64, (low, high): (i64, i64)) {
    let mut settings = ProjectSettings::singleton();
    if !settings.has_setting(name) {
        settings.set_setting(name, &default.to_variant());
    }
    settings.set_initial_value(name, &default.to_variant());
    settings.set_as_basic(name, true);
    let info: VarDictionary = vdict! {
        "name" => &GString::from(name),
        "type" => VariantType::INT.ord(),
        "hint" => PropertyHint::RANGE.ord(),
        "hint_string" => &GString::from(&format!("{low},{high},1")),
    };
    settings.add_property_info(&info.upcast_any_dictionary());
}

fn read(name: &str, default: i64) -> i64 {
    let value: Variant = ProjectSettings::singleton().get_setting_with_override(name);
    value.try_to().unwrap_or(default)
}
