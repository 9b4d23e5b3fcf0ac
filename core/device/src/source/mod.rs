//! Where frames, fixes and inertial samples come from: recorded drives of four kinds, and a camera.
//!
//! A source gives [`Event`]s in the order of time and decides nothing: what is wrong with a single frame becomes an
//! [`UnusableFrame`] with its reason, and only what makes the whole drive unplayable is a [`DriveError`].

#[cfg(feature = "camera")]
mod camera;
mod drive;
mod event;
mod files;
mod frames_json;
mod geotagged;
mod hash;
mod order;
mod recording;
mod shots;
mod tables;

#[cfg(feature = "camera")]
pub use camera::{CameraError, CameraSource, FixSource, NoFixes};
pub use drive::{Drive, DriveError, DriveEvents, DriveKind};
pub use event::{Event, Fix, Frame, FrameData, FrameSource, InertialSample, UnusableFrame};
pub use files::{FILES_MAX, FOLDER_DEPTH_MAX, FOLDERS_MAX};
pub use frames_json::JSON_BYTES_MAX;
pub use hash::DriveHash;
pub use recording::{RecordError, RecordedFrame, Recorder};
pub use tables::{TABLE_BYTES_MAX, TABLE_ROWS_MAX};
