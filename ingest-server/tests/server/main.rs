//! The server as a black box: the built program, spoken to over loopback sockets by phones that the tests play.

mod configuration;
mod limits;
mod refusals;
mod registration;
mod restart;
mod store;
mod support;
mod upload;
