//! Where frames, fixes and inertial samples come from.

mod event;

pub use event::{Event, Fix, Frame, FrameData, FrameSource, InertialSample, UnusableFrame};

/// A drive's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriveHash(pub [u8; 32]);
