//! Real phones and a real server, ended at any moment and started again, until what is left can be compared with what an
//! undisturbed run leaves.
//!
//! ```text
//! drive                   a recorded drive, made by code from a seed
//! player -> phone         the phone: a program of its own around wayhex-device, and the handle on its process
//! server                  the handle on wayhex-server's process
//! outcome                 what both have in the end, row by row, and the laws that it obeys
//! ```
//! Only what would make two runs differ is replaced: the phone's clock, its chance, and a detector that costs a fifth of a second
//! for each frame. The HTTP, the files, the databases and the signals are the system's.

pub mod drive;
pub mod folders;
pub mod outcome;
pub mod phone;
pub mod player;
pub mod programs;
pub mod server;
