//! The server as a black box: the built program, spoken to over loopback sockets by phones that the tests play.

mod configuration;
mod cuts;
mod durability;
mod faults;
mod forgeries;
mod limits;
mod mutations;
mod pictures;
mod policies;
mod refusals;
mod registration;
mod restart;
mod rivals;
mod standstill;
mod store;
mod support;
mod trips;
mod upload;
mod vectors;
