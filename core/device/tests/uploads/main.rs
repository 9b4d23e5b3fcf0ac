//! What is queued is sent, answered for, and counted, whatever the network does.

mod delivery;
mod items;
mod planning;
mod proxy;
mod queueing;
mod traffic;
mod wire_server;
