//! One request after the other: what the gate of a connection and the service that answers tell each other.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::http::headers::Headers;
use crate::http::response::Refusal;

/// The head of a request that was let through.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// As received.
    pub(crate) path: String,
    /// Without the `?`; empty if there is none.
    pub(crate) query: String,
    pub(crate) headers: Headers,
    pub(crate) body: Announced,
}

impl Asked {
    /// In bytes, approximately.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.method.len() + self.path.len() + self.query.len() + self.headers.size()
    }
}

/// The body that a head announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Announced {
    #[default]
    Nothing,
    /// This many bytes, at least 1.
    Length(u64),
    Chunks,
}

/// What hyper is given to answer.
#[derive(Debug)]
pub(crate) enum Next {
    Request(Box<Asked>),
    /// A head that the gate refused, and whether its method is HEAD; hyper got a harmless one in its place.
    Refused(Refusal, bool),
}

/// The request that is being answered, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    next: Option<Next>,
    /// From the moment a head is let through until the response is handed to hyper completely.
    busy: bool,
    /// The service has read the body, or does not want it.
    body_over: bool,
    /// The client has closed its side, or the connection has broken.
    left: bool,
    gate: Option<Waker>,
    service: Option<Waker>,
}

impl Turns {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // The gate --------------------------------------------------------------------------------------------------------

    /// Begins the turn of a request.
    pub(crate) fn begin(&self, next: Next) {
        let mut state = self.state();
        state.next = Some(next);
        state.busy = true;
        state.body_over = false;
    }

    /// Whether no request is being answered. Otherwise the gate's task is woken when that changes.
    pub(crate) fn poll_idle(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if !state.busy {
            return Poll::Ready(());
        }
        state.gate = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(crate) fn is_idle(&self) -> bool {
        !self.state().busy
    }

    pub(crate) fn is_body_over(&self) -> bool {
        self.state().body_over
    }

    /// Notes that the client has closed its side.
    pub(crate) fn leave(&self) {
        let waker = {
            let mut state = self.state();
            state.left = true;
            state.service.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    // The service -----------------------------------------------------------------------------------------------------

    /// Takes the request whose turn it is. The turn ends when the returned value is dropped.
    pub(crate) fn take(self: &Arc<Self>) -> (Option<Next>, Turn) {
        (self.state().next.take(), Turn(self.clone()))
    }

    /// Notes that the body was read: what follows on the connection is not for hyper yet.
    pub(crate) fn end_body(&self) {
        self.state().body_over = true;
    }

    /// Waits until the client has closed its side.
    pub(crate) async fn left(&self) {
        poll_fn(|cx| {
            let mut state = self.state();
            if state.left {
                return Poll::Ready(());
            }
            state.service = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// The turn of one request, held by its service and then by its response.
#[derive(Debug)]
pub(crate) struct Turn(Arc<Turns>);

impl Drop for Turn {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.0.state();
            state.busy = false;
            state.gate.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
