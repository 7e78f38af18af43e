//! What goes over the two sockets, in layers that never mix: bytes, [`frame`], [`message`] arguments, [`call`]s and
//! bus [`event`]s. Everything here is pure: no sockets, no state.

#![forbid(unsafe_code)]

pub mod call;
pub mod event;
pub mod feed;
pub mod frame;
pub mod json;
pub mod members;
pub mod message;

/// The pm2 whose protocol this is, and what clients are told as the daemon's version: pm2's own client warns of any
/// other.
pub const PM2_VERSION: &str = "7.0.4";

/// What a daemon says on its standard output once it serves. Anything but this and [`BUSY`] is why it cannot.
pub const READY: &str = "ready";

/// What a keeper says there when the home has another one.
pub const BUSY: &str = "busy";

/// What a launcher adds for a daemon that is to end with it: its standard input is then a socket, kept under this name,
/// whose other end the launcher holds as long as it lives.
pub const OWNER: &str = "owner";

/// The id of a reply that answers no request: the daemon leaves to the next one. Its result is an array of the ids of
/// the calls on this connection that are under way and will still be answered; whatever else was sent and is not
/// answered was not read, and may be asked of the next daemon. pm2's client ignores a reply that it has not asked for.
pub const FAREWELL: &str = "rpm2:farewell";

/// The word before it lets the version be found in the executable.
const VERSION_MARK: &str = concat!("rpm2 version ", env!("CARGO_PKG_VERSION"));

/// The version of this program itself.
pub fn rpm2_version() -> &'static str {
    // Opaque to the compiler, which would else take the mark apart.
    let mark = std::hint::black_box(VERSION_MARK);
    mark.strip_prefix("rpm2 version ").unwrap_or(mark)
}

/// Largest message body (a packet to an app, or from one) in bytes.
pub const MESSAGE_LIMIT: usize = 64 * 1024 * 1024;

/// Largest frame in bytes: the largest message with its envelope, doubled nowhere, and room for a `list` of many apps.
pub const FRAME_LIMIT: usize = MESSAGE_LIMIT + 16 * 1024 * 1024;
