//! The engine classes of Async Sockets, and nothing else: no socket, no protocol.
//!
//! The runtime's threads never touch an engine object. What they have to say waits in the mailboxes of
//! `async-sockets-net`; `pump` drains those on the main thread. No method takes `&mut self`: signals run user code that
//! calls straight back into the object that emits, and a mutable borrow would then be held twice.

// The documentation of the classes is BBCode, as the editor's help shows it.
#![allow(rustdoc::broken_intra_doc_links)]

mod admission;
mod async_sockets;
mod class;
mod convert;
mod guard;
mod lifecycle;
mod names;
mod project_settings;
mod pump;
mod restore;
mod socket;
mod task;
mod tcp_client;
mod tcp_listener;
mod time;
mod tls;
mod udp_socket;
mod waiting;
mod websocket_server;

/// The library's entry point; the one place where gdext asks for `unsafe`.
mod entry {
    #![allow(unsafe_code)]

    use godot::init::{ExtensionLibrary, InitLevel, InitStage, gdextension};

    use crate::lifecycle;

    struct AsyncSocketsExtension;

    #[gdextension]
    unsafe impl ExtensionLibrary for AsyncSocketsExtension {
        fn min_level() -> InitLevel {
            InitLevel::Scene
        }

        fn on_stage_init(stage: InitStage) {
            if stage == InitStage::Scene {
                lifecycle::loaded();
            }
        }

        fn on_stage_deinit(stage: InitStage) {
            if stage == InitStage::Scene {
                lifecycle::unloading();
            }
        }
    }
}
