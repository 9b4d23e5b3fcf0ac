//! From a plan to a folder: draws the frames on a few threads, writes the tables beside them, and gives the folder
//! its name only when all of it is there.

use std::fs;
use std::path::Path;
use std::sync::mpsc;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::error::{RenderError, file};
use crate::street::{Street, View};
use crate::tables::picture_name;

/// JPEG quality of the frames: what dashcams write.
const QUALITY: u8 = 85;
/// Threads that draw, at most; more would only fill the disk's queue.
const THREADS_MAX: usize = 8;

/// Draws `views` as `frames/000000.jpg` and so on below `folder`; returns how many faces they show.
pub(crate) fn draw_all(
    folder: &Path,
    street: &Street,
    size: (u16, u16),
    views: &[View<'_>],
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, RenderError> {
    let frames = folder.join("frames");
    fs::create_dir_all(&frames).map_err(file("make folder", &frames))?;
    let total = u64::try_from(views.len()).unwrap_or(u64::MAX);
    let threads = std::thread::available_parallelism()
        .map_or(2, std::num::NonZero::get)
        .clamp(1, THREADS_MAX);
    let (send, receive) = mpsc::channel();
    std::thread::scope(|scope| {
        for first in 0..threads {
            let send = send.clone();
            scope.spawn(move || {
                let mut picture = Vec::new();
                for (number, view) in views.iter().enumerate().skip(first).step_by(threads) {
                    let faces = street.draw(view, &mut picture);
                    let written =
                        encode(&folder.join(picture_name(number)), &picture, size).map(|()| faces);
                    // Nobody listens any more once a frame has failed.
                    if send.send(written).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        let mut faces = 0;
        for done in 1..=total {
            // The channel closes early only when a thread has died.
            let drawn = receive
                .recv()
                .map_err(|_closed| RenderError::Thread(done))?;
            faces += u64::from(drawn?);
            progress(done, total);
        }
        drop(receive);
        Ok(faces)
    })
}

fn encode(path: &Path, picture: &[[u8; 4]], size: (u16, u16)) -> Result<(), RenderError> {
    let named = |source| RenderError::Picture {
        path: path.to_path_buf(),
        source,
    };
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder
        .encode(picture.as_flattened(), size.0, size.1, ColorType::Rgba)
        .map_err(named)?;
    fs::write(path, bytes).map_err(file("write", path))
}
