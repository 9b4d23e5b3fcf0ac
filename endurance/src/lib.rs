//! Real phones and a real server, ended at any moment and started again, until what is left can be compared with what an
//! undisturbed run leaves.
//!
//! ```text
//! drive                   a recorded drive, made by code from a seed
//! player -> phone         the phone: a program of its own around wayhex-device, and the handle on its process
//! server                  the handle on wayhex-server's process
//! world, scenario         what every run begins with, and what happens in it
//! trouble, run            what is done to the processes, and the run itself
//! outcome                 what is left in the end, row by row, and the laws that it obeys
//! kills                   every failpoint once, and random moments
//! cuts                    a network that breaks off, counted byte by byte
//! queue                   a queue that holds as much as it may
//! canary                  what is private, looked for in every byte that was written and sent
//! ```
//! Only what would make two runs differ is replaced: the phone's clock, its chance, and a detector that costs a fifth of a second
//! for each frame. The HTTP, the files, the databases and the signals are the system's.

pub mod canary;
pub mod cuts;
pub mod disk;
pub mod drive;
pub mod folders;
pub mod kills;
pub mod outcome;
pub mod phone;
pub mod player;
pub mod programs;
pub mod queue;
pub mod run;
pub mod scenario;
pub mod server;
pub(crate) mod settled;
pub mod soak;
pub mod trouble;
pub mod world;
