//! A server process, a phone, a forger, and the few bytes of HTTP between them.

mod disk;
mod forged;
mod http;
mod jpegs;
mod phone;
mod server;

pub use disk::can_mount;
pub use forged::{Forged, high_s};
pub use http::Reply;
pub use jpegs::Jpeg;
pub use phone::{Draft, Phone, jpeg, media, now_ms, send};
pub use server::{Server, command, command_in, files, network};
