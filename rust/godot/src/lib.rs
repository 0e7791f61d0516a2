//! The engine classes of Async Sockets, and nothing else: no socket, no protocol.
//!
//! The threads of the runtime never touch an engine object. Their events are queued in the mailboxes of
//! `async-sockets-net`, which `pump` drains on the main thread. No method takes `&mut self`: signals run user code
//! that may call straight back into the emitting object, and a mutable borrow would then be held twice.
//!
//! A socket class is a module with the engine class, which implements `class::SocketClass`, and its state, which
//! implements `socket::Socket`.

// Documentation of the classes is BBCode for the editor's help.
#![allow(rustdoc::broken_intra_doc_links)]

mod admission;
mod advice;
mod async_sockets;
mod class;
mod class_enum;
mod convert;
#[cfg(feature = "editor")]
mod docs;
mod emission;
mod guard;
mod lifecycle;
mod multiplayer_peer;
mod names;
mod optional_dictionary;
mod optional_tls;
mod project_settings;
mod pump;
mod restore;
mod socket;
mod task;
mod tcp_client;
mod tcp_listener;
mod termination;
mod time;
mod tls;
mod udp_socket;
mod waiting;
mod websocket_client;
mod websocket_server;

/// The entry point of the library, and the only place where gdext requires `unsafe`.
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
                crate::class_enum::register();
                lifecycle::loaded();
            }
            #[cfg(feature = "editor")]
            if stage == InitStage::Editor {
                crate::docs::write_if_asked();
            }
        }

        fn on_stage_deinit(stage: InitStage) {
            if stage == InitStage::Scene {
                lifecycle::unloading();
            }
        }
    }
}
