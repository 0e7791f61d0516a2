//! The task of a UDP socket, and the socket's options.

pub(crate) mod driver;
pub(crate) mod interface;
pub(crate) mod socket;
