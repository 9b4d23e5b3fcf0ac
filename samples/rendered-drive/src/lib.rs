//! A drive that nobody drove: a street, the people in it, and what a phone on the dashboard would have recorded, all
//! drawn from a seed. The demo plays it, so that a stranger needs no recording of his own, and tests take it where
//! a real one must not be kept in a repository.
//!
//! ```text
//! DriveSpec -> course -> motion -> sensors -> tables --+
//!                           |                          +--> a folder that `wayhex-device` reads
//!                           +----> street  -> render --+
//! ```
//!
//! The same description gives the same bytes on the same machine; every choice is a hash of the seed. It is no
//! simulator: light has no direction, nobody walks except on crossings, and corners are bent streets.

mod assets;
mod course;
mod drive;
mod error;
mod folder;
mod motion;
mod number;
mod pictures;
mod render;
mod sensors;
mod spec;
mod street;
mod tables;
mod texture;

pub use assets::Assets;
pub use course::{Course, Gap, Stop, Stretch, Turn};
pub use drive::render_drive;
pub use error::{PIP_INSTALL, RenderError};
pub use folder::{DriveSummary, Zone};
pub use pictures::{PictureSpec, render_pictures};
pub use spec::DriveSpec;
