//! What the engine calls. SceneMultiplayer works through these methods alone.

use godot::builtin::PackedByteArray;
use godot::classes::IMultiplayerPeerExtension;
use godot::classes::multiplayer_peer::{ConnectionStatus, TransferMode};
use godot::global::Error;
use godot::obj::{Gd, WithBaseField};
use godot::register::godot_api;
use godot::register::info::PropertyInfo;

use super::AsyncMultiplayerPeer;
use super::core::Role;
use super::roster::SERVER;
use crate::class::{SocketClass, show_property};
use crate::pump::Pump;

/// Bytes of a frame beside its payload, at most (RFC 6455 section 5.2).
const FRAME_HEAD: usize = 14;

#[godot_api]
impl IMultiplayerPeerExtension for AsyncMultiplayerPeer {
    fn on_validate_property(&self, property: &mut PropertyInfo) {
        show_property(property);
    }

    fn get_available_packet_count(&self) -> i32 {
        self.core()
            .map_or(0, |core| core.available().try_into().unwrap_or(i32::MAX))
    }

    fn get_max_packet_size(&self) -> i32 {
        let limit = self.outbound().saturating_sub(FRAME_HEAD);
        limit.try_into().unwrap_or(i32::MAX)
    }

    fn get_packet_script(&mut self) -> PackedByteArray {
        self.core().map(|core| core.take_packet()).unwrap_or_default()
    }

    fn put_packet_script(&mut self, packet: PackedByteArray) -> Error {
        self.run(|core| core.put(packet.as_slice()))
    }

    fn get_packet_channel(&self) -> i32 {
        0
    }

    fn get_packet_mode(&self) -> TransferMode {
        TransferMode::RELIABLE
    }

    fn set_transfer_channel(&mut self, channel: i32) {
        if let Some(core) = self.core() {
            core.channel.set(channel);
        }
    }

    fn get_transfer_channel(&self) -> i32 {
        self.core().map_or(0, |core| core.channel.get())
    }

    fn set_transfer_mode(&mut self, mode: TransferMode) {
        if let Some(core) = self.core() {
            core.mode.set(mode);
        }
    }

    fn get_transfer_mode(&self) -> TransferMode {
        self.core().map_or(TransferMode::RELIABLE, |core| core.mode.get())
    }

    fn set_target_peer(&mut self, peer: i32) {
        if let Some(core) = self.core() {
            core.target.set(peer);
        }
    }

    fn get_packet_peer(&self) -> i32 {
        self.core()
            .and_then(|core| core.incoming.borrow().next_peer())
            .unwrap_or(SERVER)
    }

    fn is_server(&self) -> bool {
        self.core().is_some_and(|core| core.role.get() == Role::Server)
    }

    /// The state is taken out and the object made accessible: handlers call back into it.
    fn poll(&mut self) {
        let Some(core) = self.core().cloned() else { return };
        let alive = self.to_gd();
        {
            let _accessible = self.base_mut();
            core.poll();
        }
        release_later(alive);
    }

    fn close(&mut self) {
        if let Some(core) = self.core().cloned() {
            core.close();
        }
    }

    fn disconnect_peer(&mut self, peer: i32, force: bool) {
        let Some(core) = self.core().cloned() else { return };
        let alive = self.to_gd();
        {
            let _accessible = self.base_mut();
            match core.role.get() {
                Role::Server => core.kick(peer, force),
                Role::Nothing | Role::Joining(_) | Role::Joined(_) | Role::Leaving(_) => {
                    core.disconnect_from_server(peer, force);
                }
            }
        }
        release_later(alive);
    }

    fn get_unique_id(&self) -> i32 {
        match self.core().map(|core| core.role.get()) {
            Some(Role::Joined(id) | Role::Leaving(id)) => id,
            Some(Role::Joining(_)) => 0,
            Some(Role::Server | Role::Nothing) | None => SERVER,
        }
    }

    fn set_refuse_new_connections(&mut self, on: bool) {
        if let Some(core) = self.core() {
            core.refusing.set(on);
            core.server().set_refusing(on);
        }
    }

    fn is_refusing_new_connections(&self) -> bool {
        self.core().is_some_and(|core| core.refusing.get())
    }

    fn is_server_relay_supported(&self) -> bool {
        true
    }

    fn get_connection_status(&self) -> ConnectionStatus {
        self.core().map_or(ConnectionStatus::DISCONNECTED, |core| core.status())
    }
}

/// A handler may have dropped every other reference, and the object must not go while one of its methods runs: it goes
/// in the next frame.
fn release_later(alive: Gd<AsyncMultiplayerPeer>) {
    if alive.get_reference_count() > 1 {
        return;
    }
    let mut alive = Some(alive);
    Pump::get().finish_in_background(move || {
        drop(alive.take());
        false
    });
}
