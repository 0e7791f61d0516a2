//! Tasks that wait for other tasks: `NetTask.all()` and `NetTask.any()`.

use std::cell::{Cell, OnceCell, RefCell};
use std::sync::Arc;

use godot::builtin::{VarArray, Variant, varray};
use godot::meta::ToGodot;
use godot::obj::{Gd, InstanceId};

use super::NetTask;
use crate::convert::int;

/// When a group is complete.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// When all results are known.
    All,
    /// With the first result.
    Any,
}

/// The tasks that a task waits for. They hold it; it does not hold them.
pub(super) struct Group {
    kind: Kind,
    sources: RefCell<Vec<InstanceId>>,
    /// The results so far, of [`Kind::All`].
    results: Vec<OnceCell<Variant>>,
    missing: Cell<usize>,
    /// Each [`Dependent`] has a clone. Atomic, since the last reference to a task may be dropped in any thread.
    mark: Arc<()>,
}

impl Group {
    pub(super) fn new(kind: Kind, sources: &[Gd<NetTask>]) -> Self {
        let results = if kind == Kind::All { sources.len() } else { 0 };
        Self {
            kind,
            sources: RefCell::new(sources.iter().map(Gd::instance_id).collect()),
            results: vec![OnceCell::new(); results],
            missing: Cell::new(results),
            mark: Arc::new(()),
        }
    }

    /// Number of [`Dependent`]s.
    pub(super) fn dependencies(&self) -> usize {
        Arc::strong_count(&self.mark) - 1
    }

    pub(super) fn take_sources(&self) -> Vec<InstanceId> {
        self.sources.take()
    }

    /// Records the result of one source; returns the result of the whole if that is complete now.
    pub(super) fn take_in(&self, index: usize, result: &Variant) -> Option<Variant> {
        if self.kind == Kind::Any {
            return Some(varray![int(index), result].to_variant());
        }
        self.results[index].get_or_init(|| result.clone());
        self.missing.set(self.missing.get().saturating_sub(1));
        let results = self
            .results
            .iter()
            .map(|result| result.get().cloned().unwrap_or_default());
        (self.missing.get() == 0).then(|| results.collect::<VarArray>().to_variant())
    }
}

/// A task that waits for the one that lists it.
pub(super) struct Dependent {
    /// Declared first, so that it is dropped first: a reference that is not counted looks like one of the script.
    _mark: Option<Arc<()>>,
    whole: Gd<NetTask>,
    index: usize,
}

impl Dependent {
    pub(super) fn new(whole: &Gd<NetTask>, index: usize) -> Self {
        Self {
            _mark: whole.bind().group.get().map(|group| group.mark.clone()),
            whole: whole.clone(),
            index,
        }
    }

    pub(super) fn whole(&self) -> Gd<NetTask> {
        self.whole.clone()
    }

    pub(super) fn id(&self) -> InstanceId {
        self.whole.instance_id()
    }

    pub(super) fn is(&self, whole: &Gd<NetTask>) -> bool {
        self.whole == *whole
    }

    /// Passes the result on. Runs user code: hold nothing.
    pub(super) fn tell(&self, result: &Variant) {
        let complete = self
            .whole
            .bind()
            .group
            .get()
            .and_then(|group| group.take_in(self.index, result));
        if let Some(result) = complete {
            NetTask::finish(&self.whole, result);
        }
    }
}
