//! The awaitable behind every operation that does not finish at once.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use async_sockets_net::mailbox::SocketId;
use godot::builtin::{AnyArray, Array, Callable, Signal, VarArray, Variant, varray};
use godot::classes::{Object, RefCounted};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd, NewGd, WithBaseField};
use godot::register::{GodotClass, godot_api};

use crate::guard::{misuse, on_main_thread};
use crate::pump::Pump;
use crate::socket::Socket;

/// An operation that is under way: what `await` waits for.
///
/// Methods such as [method TcpClient.recv] give their result at once if it is there, and else the [signal completed]
/// signal of a task; [code]await[/code] takes both. To start now and await later, keep the task:
/// [codeblock]
/// var task := NetTask.from(client.recv(16))
/// # ...
/// var result := await task.wait() as Array
/// [/codeblock]
/// The library holds a task until it has fired, so nothing needs to keep it.
#[derive(GodotClass)]
#[class(base = RefCounted, init, tool)]
pub(crate) struct NetTask {
    result: RefCell<Option<Variant>>,
    /// What the task gives if it is cancelled.
    if_cancelled: RefCell<Variant>,
    /// Whose queue it stands in. Not a reference to it: that belongs to the main thread, and the last one to this task may
    /// go in another.
    owner: Cell<Option<SocketId>>,
    cancelled: Cell<bool>,
    base: Base<RefCounted>,
}

#[godot_api]
impl NetTask {
    /// Fires exactly once, with the result that [code]await[/code] gives.
    #[signal]
    fn completed(result: Variant);

    /// Makes a task of what an awaitable method returned: the result itself, or the signal of one under way. Any signal
    /// will do; its arguments become the result (one as it is, several as an [Array]).
    #[func]
    fn from(awaitable: Variant) -> Gd<Self> {
        if !on_main_thread() {
            return Self::done(&Variant::nil());
        }
        if let Ok(task) = awaitable.try_to::<Gd<Self>>() {
            return task;
        }
        let Some(signal) = signal_of(&awaitable) else {
            return Self::done(&awaitable);
        };
        if let Some(task) = signal.object().and_then(|object| object.try_cast::<Self>().ok()) {
            return task;
        }
        let task = Self::new_gd();
        let waiting = task.clone();
        then(&signal, move |args| Self::complete_with(&waiting, collected(args)));
        task
    }

    /// Awaitable: an [Array] with the results of all the awaitables, in their order, once the last one has its own.
    #[func]
    fn all(awaitables: AnyArray) -> Variant {
        if !on_main_thread() {
            return VarArray::new().to_variant();
        }
        let results: Rc<RefCell<Vec<Variant>>> = Rc::new(RefCell::new(vec![Variant::nil(); awaitables.len()]));
        let missing = Rc::new(Cell::new(awaitables.len()));
        let whole = Self::new_gd();
        if awaitables.is_empty() {
            return VarArray::new().to_variant();
        }
        for (index, awaitable) in awaitables.iter_shared().enumerate() {
            let (results, missing, whole) = (results.clone(), missing.clone(), whole.clone());
            Self::when_done(&awaitable, move |result| {
                results.borrow_mut()[index] = result;
                missing.set(missing.get() - 1);
                if missing.get() == 0 {
                    let all: VarArray = results.take().into_iter().collect();
                    Self::complete_with(&whole, all.to_variant());
                }
            });
        }
        whole.bind().wait()
    }

    /// Awaitable: [code][index, result][/code] of the awaitable that has its result first. The others go on.
    #[func]
    fn any(awaitables: AnyArray) -> Variant {
        if !on_main_thread() || awaitables.is_empty() {
            misuse("NetTask.any() needs at least one awaitable");
            return varray![-1, &Variant::nil()].to_variant();
        }
        let whole = Self::new_gd();
        for (index, awaitable) in awaitables.iter_shared().enumerate() {
            let whole = whole.clone();
            Self::when_done(&awaitable, move |result| {
                Self::complete_with(&whole, varray![crate::convert::int(index), &result].to_variant());
            });
        }
        whole.bind().wait()
    }

    /// Whether the result is there.
    #[func]
    fn is_completed(&self) -> bool {
        self.result.borrow().is_some()
    }

    /// Whether [method cancel] ended it.
    #[func]
    fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    /// The result, or [code]null[/code] while there is none.
    #[func]
    fn get_result(&self) -> Variant {
        self.result.borrow().clone().unwrap_or_default()
    }

    /// Awaitable: the result if it is there, else [signal completed]. Works before and after completion, which awaiting
    /// the signal itself does not.
    #[func]
    pub(crate) fn wait(&self) -> Variant {
        match &*self.result.borrow() {
            Some(result) => result.clone(),
            None => Signal::from_object_signal(&*self.base(), "completed").to_variant(),
        }
    }

    /// Gives the operation up: it completes now with [constant ERR_SKIP] as its error. A cancelled receive leaves its
    /// bytes in the buffer for the next one; bytes given to a cancelled [method TcpClient.send_async] are still sent.
    /// Without effect once completed.
    #[func(gd_self)]
    fn cancel(this: Gd<Self>) {
        if !on_main_thread() || this.bind().is_completed() {
            return;
        }
        this.bind().cancelled.set(true);
        let owner = this.bind().owner.take().and_then(|id| Pump::get().socket(id));
        let result = this.bind().if_cancelled.borrow().clone();
        let result = if result.is_nil() {
            varray![Error::ERR_SKIP].to_variant()
        } else {
            result
        };
        Self::complete_with(&this, result);
        if let Some(owner) = owner {
            // What stands behind it in the queue may be ready now.
            Pump::get().schedule(owner);
        }
    }
}

impl NetTask {
    /// A task of an operation in the queue of `owner`. `if_cancelled` is its result then.
    pub(crate) fn pending(owner: &Rc<dyn Socket>, if_cancelled: Variant) -> Gd<Self> {
        let task = Self::new_gd();
        {
            let this = task.bind();
            this.owner.set(owner.id());
            *this.if_cancelled.borrow_mut() = if_cancelled;
        }
        task
    }

    /// Gives the result of an operation: at once, or, when this turn has used its time, at the next drain.
    pub(crate) fn answer(result: VarArray, pump: &Pump) -> Variant {
        let result = result.to_variant();
        if pump.may_answer_now() {
            return result;
        }
        let task = Self::new_gd();
        let signal = task.bind().wait();
        pump.finish_later(task, result);
        signal
    }

    /// Completes a task. Runs user code: hold nothing.
    pub(crate) fn complete(task: &Gd<Self>, result: Variant, pump: &Pump) {
        if task.bind().result.borrow().is_some() {
            return;
        }
        {
            let this = task.bind();
            *this.result.borrow_mut() = Some(result.clone());
            this.owner.set(None);
        }
        task.clone().emit_signal(&pump.names.completed, &[result]);
    }

    fn complete_with(task: &Gd<Self>, result: Variant) {
        if let Some(pump) = Pump::existing() {
            Self::complete(task, result, &pump);
        }
    }

    pub(crate) fn is_done(task: &Gd<Self>) -> bool {
        task.bind().is_completed()
    }

    fn done(result: &Variant) -> Gd<Self> {
        let task = Self::new_gd();
        *task.bind().result.borrow_mut() = Some(result.clone());
        task
    }

    /// Calls back with the result of an awaitable, now or when it comes.
    fn when_done(awaitable: &Variant, callback: impl Fn(Variant) + 'static) {
        match signal_of(awaitable) {
            None => {
                let finished = awaitable.try_to::<Gd<Self>>().ok().map(|task| task.bind().get_result());
                callback(finished.unwrap_or_else(|| awaitable.clone()));
            }
            Some(signal) => then(&signal, move |args| callback(collected(args))),
        }
    }
}

/// The signal to wait for: the awaitable itself, a task's that is under way, or that of a coroutine called without
/// `await`.
fn signal_of(awaitable: &Variant) -> Option<Signal> {
    if let Ok(signal) = awaitable.try_to::<Signal>() {
        return Some(signal);
    }
    if let Ok(task) = awaitable.try_to::<Gd<NetTask>>() {
        let under_way = !task.bind().is_completed();
        return under_way.then(|| Signal::from_object_signal(&task, "completed"));
    }
    let object = awaitable.try_to::<Gd<Object>>().ok()?;
    let is_coroutine = object.get_class() == "GDScriptFunctionState";
    is_coroutine.then(|| Signal::from_object_signal(&object, "completed"))
}

/// Connects a callback to a signal, for one emission.
fn then(signal: &Signal, callback: impl Fn(&[&Variant]) + 'static) {
    let callable = Callable::from_fn("NetTask", move |args| callback(args));
    signal.connect_flags(&callable, godot::classes::object::ConnectFlags::ONE_SHOT);
}

/// The arguments of a signal as one value, as `await` gives them.
fn collected(args: &[&Variant]) -> Variant {
    match args {
        [] => Variant::nil(),
        [one] => (*one).clone(),
        many => many
            .iter()
            .map(|arg| (*arg).clone())
            .collect::<Array<Variant>>()
            .to_variant(),
    }
}
