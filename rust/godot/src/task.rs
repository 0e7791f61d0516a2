//! The class `NetTask`: the awaitable behind every operation that does not finish at once.
//!
//! Operations whose result nobody can receive take nothing: see [`NetTask::is_over`].

use std::cell::{Cell, OnceCell, RefCell};
use std::{mem, slice};

use async_sockets_net::mailbox::SocketId;
use godot::builtin::{
    AnyArray, Array, Callable, GString, Signal, StringName, VarArray, VarDictionary, Variant, varray,
};
use godot::classes::object::ConnectFlags;
use godot::classes::{Object, RefCounted};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd, InstanceId, NewGd, WithBaseField};
use godot::register::{GodotClass, godot_api};

use crate::emission::emit;
use crate::guard::{misuse, on_main_thread};
use crate::lifecycle;
use crate::pump::Pump;
use group::{Dependent, Group, Kind};

mod group;

/// An operation in flight, which [code]await[/code] waits for.
///
/// An awaitable method such as [method TcpClient.recv] returns its result if that is available at once, otherwise the
/// [signal completed] signal of a task; [code]await[/code] accepts both. To start an operation and await it later, keep
/// its task:
/// ```gdscript
/// var task := NetTask.from(client.recv(16))
/// # ...
/// var result: Array = await task.wait()
/// ```
/// The library keeps a reference to a task while its operation is in flight, so a connection to [signal completed] is
/// enough.
/// [br][br]An operation is abandoned when [signal completed] has no connection and no script holds the task: the node
/// that awaited it was freed, or another awaitable won [method any]. Its bytes, client or datagram stay for the next
/// operation; a send is still sent. The result of an awaitable method that is neither awaited nor kept by [method from]
/// therefore takes nothing unless it is available at once.
/// [br][br][method from], [method all] and [method any] accept as an awaitable: the return value of an awaitable
/// method; a [NetTask]; any [Signal], whose arguments are the result (several as an [Array]); a [Callable], which is
/// called without arguments and stands for its return value, as for your own coroutine:
/// [code]NetTask.from(fetch.bind("a"))[/code]. Any other value, such as a number, an [Array] or another object, is its
/// own result. The state of a running coroutine that was called without [code]await[/code] is accepted too; the engine
/// keeps no result of one that has ended.
#[derive(GodotClass)]
#[class(base = RefCounted, init, tool)]
pub(crate) struct NetTask {
    result: OnceCell<Variant>,
    /// The result if the task is cancelled.
    if_cancelled: OnceCell<Variant>,
    /// The socket whose queue it is in. Not a reference: the socket belongs to the main thread, and the last reference
    /// to this task may be dropped in another.
    owner: Cell<Option<SocketId>>,
    /// The signal of another object that completes it, and the connected callable. The connection holds the task; this
    /// does not hold the connection.
    watched: RefCell<Option<(Signal, Callable)>>,
    /// The tasks that complete it.
    group: OnceCell<Group>,
    /// The tasks that wait for this one.
    dependents: RefCell<Vec<Dependent>>,
    cancelled: Cell<bool>,
    base: Base<RefCounted>,
}

#[godot_api]
impl NetTask {
    /// The operation is complete; emitted exactly once.
    #[signal]
    fn completed(result: Variant);

    /// Returns the task of an awaitable; a task, or its signal, returns the task itself. The result for a [Callable]
    /// that cannot be called, or needs arguments, is [code][ERR_INVALID_PARAMETER][/code], reported as an error. A
    /// [Signal] whose object was freed is reported as an error, and its task is pending until [method cancel].
    #[func]
    fn from(awaitable: Variant) -> Gd<Self> {
        if !on_main_thread() {
            return Self::done(Variant::nil());
        }
        let awaitable = called(awaitable);
        if let Ok(task) = awaitable.try_to::<Gd<Self>>() {
            return task;
        }
        let Some(signal) = signal_of(&awaitable) else {
            return Self::done(awaitable);
        };
        if let Some(task) = signal.object().and_then(|object| object.try_cast::<Self>().ok()) {
            return task;
        }
        Self::watching(signal)
    }

    /// Awaitable: [code][result, result, ...][/code] of all awaitables, in their order, once all are complete. Empty
    /// without any awaitable.
    #[func]
    fn all(awaitables: AnyArray) -> Variant {
        if !on_main_thread() || awaitables.is_empty() {
            return VarArray::new().to_variant();
        }
        Self::grouped(Kind::All, &awaitables)
    }

    /// Awaitable: [code][index, result][/code] of the awaitable that completes first. Of the others, a [NetTask] that a
    /// script holds and a coroutine go on; operations that only this waited for are abandoned. Without any awaitable:
    /// [code][-1, null][/code], reported as an error.
    #[func]
    fn any(awaitables: AnyArray) -> Variant {
        if on_main_thread() {
            if !awaitables.is_empty() {
                return Self::grouped(Kind::Any, &awaitables);
            }
            misuse("NetTask.any() needs at least one awaitable");
        }
        varray![-1, &Variant::nil()].to_variant()
    }

    /// Whether the operation is complete.
    #[func]
    fn is_completed(&self) -> bool {
        self.result.get().is_some()
    }

    /// Whether it was completed by [method cancel].
    #[func]
    fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    /// The result; [code]null[/code] while the operation is in flight.
    #[func]
    fn get_result(&self) -> Variant {
        self.result.get().cloned().unwrap_or_default()
    }

    /// Awaitable: the result itself. Unlike awaiting [signal completed], this works after completion too.
    #[func]
    pub(crate) fn wait(&self) -> Variant {
        match self.result.get() {
            Some(result) => result.clone(),
            None => Signal::from_object_signal(&*self.base(), "completed").to_variant(),
        }
    }

    /// Cancels the operation: it completes at once with [constant ERR_SKIP] as its error. A cancelled receive leaves
    /// its bytes in the buffer for the next one; the bytes of a cancelled [method TcpClient.send_async] are still sent.
    /// No effect on a completed task.
    #[func(gd_self)]
    fn cancel(this: Gd<Self>) {
        if !on_main_thread() || Self::is_done(&this) {
            return;
        }
        this.bind().cancelled.set(true);
        let owner = this.bind().owner.get();
        let result = this.bind().if_cancelled.get().cloned();
        Self::finish(&this, result.unwrap_or_else(|| varray![Error::ERR_SKIP].to_variant()));
        // The next operation in the queue may be ready now.
        reschedule(owner);
    }
}

impl NetTask {
    /// The task of an operation in the queue of `owner`. `if_cancelled` is its result if it is cancelled.
    pub(crate) fn pending(owner: Option<SocketId>, if_cancelled: Variant) -> Gd<Self> {
        let task = Self::new_gd();
        {
            let this = task.bind();
            this.owner.set(owner);
            this.if_cancelled.get_or_init(|| if_cancelled);
        }
        task
    }

    /// The awaitable of a known result: the result itself, or, once this turn has spent its time, the signal of a task
    /// that completes at the next drain.
    pub(crate) fn answer(result: VarArray, pump: &Pump) -> Variant {
        let result = result.to_variant();
        if pump.may_answer_now() {
            return result;
        }
        let task = Self::new_gd();
        let signal = task.bind().wait();
        // There may be no socket yet, whose start would have done that.
        lifecycle::hook();
        pump.finish_later(task, result);
        signal
    }

    /// Completes a task. Runs user code: hold nothing.
    pub(crate) fn complete(task: &Gd<Self>, result: Variant, pump: &Pump) {
        Self::finish_by(task, result, &pump.names.completed);
    }

    /// Completes a task even where no socket was ever created. Runs user code: hold nothing.
    fn finish(task: &Gd<Self>, result: Variant) {
        match Pump::existing() {
            Some(pump) => Self::complete(task, result, &pump),
            None => Self::finish_by(task, result, &StringName::from("completed")),
        }
    }

    fn finish_by(task: &Gd<Self>, result: Variant, completed: &StringName) {
        if Self::is_done(task) {
            return;
        }
        let (dependents, has_sources) = {
            let this = task.bind();
            this.result.get_or_init(|| result.clone());
            this.owner.set(None);
            let has_sources = this.group.get().is_some() || this.watched.borrow().is_some();
            (this.dependents.take(), has_sources)
        };
        if has_sources {
            Self::leave_sources(task);
        }
        emit(task, completed, slice::from_ref(&result));
        for dependent in dependents {
            dependent.tell(&result);
        }
    }

    pub(crate) fn is_done(task: &Gd<Self>) -> bool {
        task.bind().is_completed()
    }

    /// Whether nobody can receive the result of an operation that is held by its queue: it is completed or abandoned.
    /// Runs no user code.
    pub(crate) fn is_over(task: &mut Gd<Self>) -> bool {
        Self::is_done(task) || Self::is_abandoned(task, 1)
    }

    /// Whether nobody waits for the result: the signal has no connection, no script holds the task, and all tasks that
    /// depend on it are completed or abandoned themselves. `holders` is the number of references of the caller.
    ///
    /// A task whose signal was returned and is not awaited yet looks abandoned, so this must not be called inside the
    /// call that returns it.
    fn is_abandoned(task: &mut Gd<Self>, holders: usize) -> bool {
        let count = usize::try_from(task.get_reference_count()).unwrap_or(usize::MAX);
        if count > holders + task.bind().held_by_sources() || has_connections(task) {
            return false;
        }
        if task.bind().dependents.borrow().is_empty() {
            return true;
        }
        // Ids and not references, which would count: a task may be listed twice, or be checked again through another
        // one.
        let wholes: Vec<_> = task.bind().dependents.borrow().iter().map(Dependent::id).collect();
        wholes
            .into_iter()
            .filter_map(|id| Gd::<Self>::try_from_instance_id(id).ok())
            .all(|mut whole| Self::is_done(&whole) || Self::is_abandoned(&mut whole, 1))
    }

    /// Number of references to this task that belong to its sources.
    fn held_by_sources(&self) -> usize {
        let watched = self.watched.borrow();
        let connected = watched
            .as_ref()
            .is_some_and(|(signal, callable)| is_connected(signal, callable));
        usize::from(connected) + self.group.get().map_or(0, Group::dependencies)
    }

    /// Drops an abandoned task that was taken out of its queue, and the tasks that waited for it. Runs user code.
    pub(crate) fn give_up(task: Gd<Self>) {
        task.bind().owner.set(None);
        Self::abandon(&task);
        drop(task);
    }

    /// An abandoned task waits for nothing any more, and neither does what depends on it.
    fn abandon(task: &Gd<Self>) {
        Self::leave_sources(task);
        let dependents = task.bind().dependents.take();
        for dependent in &dependents {
            let whole = dependent.whole();
            if !Self::is_done(&whole) {
                Self::abandon(&whole);
            }
        }
        drop(dependents);
    }

    /// Detaches a task from its sources, which are abandoned unless somebody else waits for them.
    fn leave_sources(task: &Gd<Self>) {
        let watched = task.bind().watched.take();
        if let Some((signal, callable)) = watched
            && is_connected(&signal, &callable)
        {
            signal.disconnect(&callable);
        }
        let sources = task.bind().group.get().map(Group::take_sources).unwrap_or_default();
        for id in sources {
            if let Ok(source) = Gd::<Self>::try_from_instance_id(id) {
                let left = source.bind().forget_dependent(task);
                drop(left);
            }
            Self::unneeded(id);
        }
    }

    /// Abandons a task at once if the last one that waited for it has left.
    fn unneeded(id: InstanceId) {
        let Ok(mut task) = Gd::<Self>::try_from_instance_id(id) else {
            return;
        };
        let owner = task.bind().owner.get();
        if owner.is_some() {
            // Its queue checks whether it is abandoned, and the next operation may be ready.
            reschedule(owner);
        } else if !Self::is_done(&task) && Self::is_abandoned(&mut task, 1) {
            Self::abandon(&task);
        }
    }

    fn forget_dependent(&self, whole: &Gd<Self>) -> Vec<Dependent> {
        let mut dependents = self.dependents.borrow_mut();
        let (left, kept) = mem::take(&mut *dependents)
            .into_iter()
            .partition(|dependent| dependent.is(whole));
        *dependents = kept;
        left
    }

    fn done(result: Variant) -> Gd<Self> {
        let task = Self::new_gd();
        task.bind().result.get_or_init(|| result);
        task
    }

    /// A task that completes with the next emission of a signal.
    fn watching(signal: Signal) -> Gd<Self> {
        let task = Self::new_gd();
        // The task is an argument of the connection, so that the connection holds the task and not the other way round.
        let callable = Callable::from_fn("NetTask", |args: &[&Variant]| {
            if let Some((task, args)) = args.split_last()
                && on_main_thread()
                && let Ok(task) = task.try_to::<Gd<Self>>()
            {
                Self::finish(&task, collected(args));
            }
        });
        if signal.object().is_some() {
            let connection = callable.bind(&[task.to_variant()]);
            signal.connect_flags(&connection, ConnectFlags::ONE_SHOT);
        } else {
            misuse("NetTask: this Signal never fires; it is empty, or its object was freed");
        }
        *task.bind().watched.borrow_mut() = Some((signal, callable));
        task
    }

    /// The awaitable of a task that waits for several awaitables.
    fn grouped(kind: Kind, awaitables: &AnyArray) -> Variant {
        // A Callable is user code, which may drain: the tasks of the other awaitables are held first.
        let held: Vec<Variant> = awaitables
            .iter_shared()
            .map(|awaitable| match awaitable.try_to::<Callable>() {
                Ok(_) => awaitable,
                Err(_) => Self::from(awaitable).to_variant(),
            })
            .collect();
        let sources: Vec<Gd<Self>> = held.into_iter().map(Self::from).collect();
        let group = Group::new(kind, &sources);
        for (index, source) in sources.iter().enumerate() {
            let result = source.bind().result.get().cloned();
            if let Some(complete) = result.and_then(|result| group.take_in(index, &result)) {
                let losers = group.take_sources();
                drop(sources);
                losers.into_iter().for_each(Self::unneeded);
                return complete;
            }
        }
        let whole = Self::new_gd();
        whole.bind().group.get_or_init(|| group);
        for (index, source) in sources.iter().enumerate() {
            if !Self::is_done(source) {
                let dependent = Dependent::new(&whole, index);
                source.bind().dependents.borrow_mut().push(dependent);
            }
        }
        whole.bind().wait()
    }
}

/// Gives the socket a turn, if there is one.
fn reschedule(owner: Option<SocketId>) {
    if let (Some(id), Some(pump)) = (owner, Pump::existing())
        && let Some(socket) = pump.socket(id)
    {
        pump.schedule(socket);
    }
}

/// Whether the object of the signal is alive and the signal is connected to the callable.
fn is_connected(signal: &Signal, callable: &Callable) -> bool {
    signal.object().is_some() && signal.is_connected(callable)
}

/// Whether the signal of the task has a connection.
fn has_connections(task: &mut Gd<NetTask>) -> bool {
    match Pump::existing() {
        Some(pump) => pump.ears.are_on(task, &pump.names.completed),
        None => !task.get_signal_connection_list("completed").is_empty(),
    }
}

/// The return value of a Callable; any other value itself.
fn called(awaitable: Variant) -> Variant {
    let Ok(callable) = awaitable.try_to::<Callable>() else {
        return awaitable;
    };
    if !callable.is_valid() {
        misuse("NetTask: this Callable cannot be called; its object was freed, or has no such method");
        return varray![Error::ERR_INVALID_PARAMETER].to_variant();
    }
    // A call without an argument that the function needs fails without a word, and gives the default of its type.
    match missing_arguments(&callable) {
        0 => callable.call(&[]),
        missing => report_missing(&callable, missing),
    }
}

fn report_missing(callable: &Callable, missing: usize) -> Variant {
    let name = callable.method_name().unwrap_or_default();
    misuse(&format!(
        "NetTask: {name} needs {missing} more argument(s), and is called without any: pass {name}.bind(...)"
    ));
    varray![Error::ERR_INVALID_PARAMETER].to_variant()
}

/// Number of arguments that a Callable needs and has not bound. 0 where the engine does not tell which have defaults, as
/// of a lambda and a static function.
fn missing_arguments(callable: &Callable) -> usize {
    match callable.get_argument_count() {
        0 => 0,
        taken => default_arguments(callable).map_or(0, |defaults| taken.saturating_sub(defaults)),
    }
}

/// Number of default arguments of a method; `None` for a lambda or a static function.
fn default_arguments(callable: &Callable) -> Option<usize> {
    let (object, name) = callable.object().zip(callable.method_name())?;
    let name = GString::from(&name);
    let methods = object.get_method_list();
    let is_it = |method: &VarDictionary| method.get("name").is_some_and(|own| own.stringify() == name);
    let method = methods.iter_shared().find(is_it)?;
    Some(method.get("default_args")?.try_to::<VarArray>().ok()?.len())
}

/// The signal to wait for: the awaitable itself, or the one of a coroutine that was called without `await`.
fn signal_of(awaitable: &Variant) -> Option<Signal> {
    if let Ok(signal) = awaitable.try_to::<Signal>() {
        return Some(signal);
    }
    let object = awaitable.try_to::<Gd<Object>>().ok()?;
    let is_coroutine = object.get_class() == "GDScriptFunctionState";
    is_coroutine.then(|| Signal::from_object_signal(&object, "completed"))
}

/// The arguments of a signal as one value, as `await` returns them.
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
