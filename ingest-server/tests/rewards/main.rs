//! Epochs closed, audited and asked about: through the built program where it is about the program, and through the store's
//! own records where a phone could not make the case (its keys are all of the low class).

mod auditing;
mod bounds;
mod closing;
mod driver;
mod ledger;
mod map;
mod openapi;
mod server;
mod upload;
