//! A server process, a phone, and the few bytes of HTTP between them.

mod http;
mod phone;
mod server;

pub use http::Reply;
pub use phone::{Draft, Phone, jpeg, media, now_ms, send};
pub use server::{Server, command, files, network};
