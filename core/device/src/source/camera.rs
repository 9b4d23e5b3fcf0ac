//! A camera of this computer.
//!
//! A camera knows no position: fixes come through [`FixSource`]. Without any, every frame is dropped as `no_fix` and counted so; a
//! position that somebody types in is no coverage.

use std::collections::VecDeque;
use std::sync::Arc;

use nokhwa::Camera;
use nokhwa::pixel_format::RgbFormat;
use nokhwa::utils::{CameraIndex, RequestedFormat, RequestedFormatType};
use wayhex_vision::RgbFrame;

use super::event::{Event, Fix, Frame, FrameData, FrameSource};
use crate::ports::Clock;

/// Frames a second that are asked for; what is too close is dropped anyway.
const FRAMES_PER_S: u32 = 10;

/// Where the fixes of a live session come from.
pub trait FixSource {
    /// The next fix that has arrived, its time by the session's [`Clock`]; `None` when there is no other yet.
    fn next_fix(&mut self) -> Option<Fix>;
}

/// No receiver.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFixes;

impl FixSource for NoFixes {
    fn next_fix(&mut self) -> Option<Fix> {
        None
    }
}

/// A camera that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("camera {index} cannot be opened: {source}")]
pub struct CameraError {
    index: u32,
    source: nokhwa::NokhwaError,
}

/// Frames of a camera, and the fixes that come meanwhile. It ends when the camera does.
pub struct CameraSource {
    camera: Camera,
    fixes: Box<dyn FixSource>,
    clock: Arc<dyn Clock>,
    ready: VecDeque<Event>,
    taken: u64,
}

impl CameraSource {
    /// Opens the camera of that number and starts it.
    ///
    /// # Errors
    /// [`CameraError`] naming the camera.
    pub fn open(
        index: u32,
        fixes: Box<dyn FixSource>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CameraError> {
        let cannot = |source| CameraError { index, source };
        let format = RequestedFormat::new::<RgbFormat>(RequestedFormatType::HighestResolution(
            nokhwa::utils::Resolution::new(1_920, 1_080),
        ));
        let mut camera = Camera::new(CameraIndex::Index(index), format).map_err(cannot)?;
        if let Err(error) = camera.set_frame_rate(FRAMES_PER_S) {
            tracing::info!(%error, "the camera keeps its own rate");
        }
        camera.open_stream().map_err(cannot)?;
        Ok(Self {
            camera,
            fixes,
            clock,
            ready: VecDeque::new(),
            taken: 0,
        })
    }

    fn take(&mut self) -> Result<Frame, nokhwa::NokhwaError> {
        let buffer = self.camera.frame()?;
        let at_ns = self.clock.monotonic_ns();
        let image = buffer.decode_image::<RgbFormat>()?;
        let (width, height) = image.dimensions();
        let pixels = RgbFrame::new(width, height, image.into_raw())
            .map_err(|error| nokhwa::NokhwaError::ReadFrameError(error.to_string()))?;
        let source = format!("camera-{:06}", self.taken);
        self.taken += 1;
        Ok(Frame {
            source,
            at_ns,
            data: FrameData::Rgb(pixels),
        })
    }
}

impl FrameSource for CameraSource {
    fn next_event(&mut self) -> Option<Event> {
        if self.ready.is_empty() {
            let frame = match self.take() {
                Ok(frame) => frame,
                Err(error) => {
                    tracing::warn!(%error, "the camera gave no frame");
                    return None;
                }
            };
            while let Some(fix) = self.fixes.next_fix() {
                self.ready.push_back(Event::Fix(fix));
            }
            self.ready.push_back(Event::Frame(frame));
        }
        self.ready.pop_front()
    }
}

impl std::fmt::Debug for CameraSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CameraSource")
            .field("index", self.camera.index())
            .finish_non_exhaustive()
    }
}
