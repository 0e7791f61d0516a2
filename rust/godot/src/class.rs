//! What every socket class does the same way, whatever its socket is.
//!
//! A class has its state behind a [`State`] and implements [`SocketClass`]; its `#[func]`s call the methods here.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::Duration;

use godot::builtin::GString;
use godot::global::Error;
use godot::obj::{EngineBitfield, Gd, WithBaseField};
use godot::register::info::{PropertyInfo, PropertyUsageFlags};

use crate::convert::{MAX_ARRAY_LEN, budget, int};
use crate::guard::{State, on_main_thread};
use crate::pump::Pump;
use crate::socket::Socket;
use crate::time;

/// Marks a property as one for the editor, for `on_validate_property`: only of such a property the editor's help has the
/// default, and the debugger the value.
pub(crate) fn show_property(property: &mut PropertyInfo) {
    if !property.usage.is_set(PropertyUsageFlags::EDITOR) {
        property.usage |= PropertyUsageFlags::EDITOR;
    }
}

/// A class of the engine whose state is a [`Socket`].
pub(crate) trait SocketClass: WithBaseField {
    type Core: Socket + 'static;

    fn state(&self) -> &State<Self::Core>;

    /// The state, for a call that may touch the network. `None`, reported to the author of the script, in any thread
    /// but the main one.
    fn core(&self) -> Option<&Rc<Self::Core>> {
        if !on_main_thread() {
            return None;
        }
        let core: &Rc<Self::Core> = self.state();
        core.base().set_instance(|| self.base().instance_id());
        Some(core)
    }

    /// Runs an operation that gives an error: `ERR_UNAVAILABLE` in any thread but the main one.
    fn run(&self, operation: impl FnOnce(&Rc<Self::Core>) -> Error) -> Error {
        self.core().map_or(Error::ERR_UNAVAILABLE, operation)
    }

    /// Runs an operation that starts the socket, and gives an error likewise.
    fn begin(&self, operation: impl FnOnce(&Rc<Self::Core>) -> Error) -> Error {
        self.run(|core| {
            core.base().begun.set(true);
            operation(core)
        })
    }

    // Common members --------------------------------------------------------------------------------------------------

    /// `process()`, which takes the object itself and thereby keeps it alive.
    fn drain(this: Gd<Self>, budget_usec: i64) -> i64 {
        let Some(core) = this.bind().core().cloned() else {
            return 0;
        };
        int(Pump::get().process(core, budget(budget_usec)))
    }

    fn automatic(&self) -> bool {
        self.state().base().auto_process.get()
    }

    fn set_automatic(&self, on: bool) {
        Pump::get().set_automatic(Rc::<Self::Core>::clone(self.state()), on);
    }

    /// The id of the open socket; 0 if there is none.
    fn open_id(&self) -> i64 {
        self.state().id().map_or(0, |id| int(id.get()))
    }

    fn last_error(&self) -> GString {
        self.state().base().last_error()
    }

    // Values from a script --------------------------------------------------------------------------------------------

    /// Refuses a value with `ERR_INVALID_PARAMETER`, reported to the author of the script.
    fn refuse(&self, member: &str, words: impl Display) -> Error {
        self.state().refuse(Error::ERR_INVALID_PARAMETER, member, words)
    }

    /// The value that was parsed; an error is refused.
    fn parsed<T>(&self, member: &str, parsed: Result<T, impl Display>) -> Option<T> {
        parsed.map_err(|words| self.refuse(member, words)).ok()
    }

    /// A number within `range`; any other is refused.
    fn number<N: TryFrom<i64>>(&self, property: &str, number: i64, range: RangeInclusive<i64>) -> Option<N> {
        let checked = range.contains(&number).then(|| N::try_from(number).ok()).flatten();
        if checked.is_none() {
            self.refuse(
                property,
                format_args!("{number} is outside {}..{}", range.start(), range.end()),
            );
        }
        checked
    }

    /// A count, or a number of bytes, from `low` to 2147483647; any other is refused.
    fn size(&self, property: &str, number: i64, low: i64) -> Option<usize> {
        self.number(property, number, low..=MAX_ARRAY_LEN)
    }

    /// A time limit in seconds: `Some(None)` is no limit, `None` was refused.
    fn time(&self, property: &str, seconds: f64) -> Option<Option<Duration>> {
        self.parsed(property, time::limit(seconds))
    }
}
