//! The task behind a UDP socket, and the options of the socket itself.

pub(crate) mod driver;
pub(crate) mod interface;
pub(crate) mod socket;
