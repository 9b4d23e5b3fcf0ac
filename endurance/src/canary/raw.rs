//! Raw pictures that do not begin as a JPEG does: a piece of one in a page that was freed, or pixels that were decoded.
//!
//! ```text
//! pieces    16 bytes of every 512 of the coded pixels: any 527 bytes in a row hold one, but where all is flat
//! pixels    a square's row of the pattern in one colour, as it was drawn and as it is decoded; RGB, BGR, RGBA and BGRA
//! ```

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use image::ImageFormat;

use super::ground::{FRAMES, Ground};
use super::needles::Needles;
use super::pattern;
use crate::drive::BLOCK_PX;

/// From one piece to the next, bytes.
const PIECE_EVERY_BYTES: usize = 512;
/// Bytes of a piece: nothing looks like it by chance.
const PIECE_BYTES: usize = 16;
/// How many of them differ at least: areas of one colour are coded in the same few bytes in every picture, redacted or not.
const DIFFERENT_MIN: usize = 12;
/// The marker that begins a JPEG's scan; behind it stands the length of its head.
const SCAN: [u8; 2] = [0xff, 0xda];

/// Looks for all raw pictures of a way, whether their frames are private or not.
///
/// # Errors
/// A picture cannot be encoded or decoded.
pub fn add(ground: &Ground, needles: &mut Needles) -> Result<()> {
    for drive in [ground.clone(), ground.seen_again()] {
        for frame in 0..FRAMES {
            let what = format!("a piece of the raw picture of frame {frame}");
            for piece in pieces(&drive.picture(frame)?) {
                needles.add(piece, &what);
            }
        }
    }
    for colour in colours(&ground.picture(0)?)? {
        for row in rows(colour) {
            needles.add(&row, "decoded pixels of a raw picture");
        }
    }
    Ok(())
}

/// The pieces of a picture's coded pixels.
fn pieces(jpeg: &[u8]) -> Vec<&[u8]> {
    let scan = jpeg
        .windows(SCAN.len())
        .position(|marker| marker == SCAN)
        .and_then(|at| {
            let [high, low] = *jpeg.get(at + SCAN.len()..)?.first_chunk()?;
            jpeg.get(at + SCAN.len() + usize::from(u16::from_be_bytes([high, low]))..)
        });
    scan.unwrap_or_default()
        .chunks(PIECE_EVERY_BYTES)
        .filter_map(|part| part.get(..PIECE_BYTES))
        .filter(|piece| piece.iter().collect::<BTreeSet<_>>().len() >= DIFFERENT_MIN)
        .collect()
}

/// The colours of the pattern's squares: as they are drawn, and as they come back from a JPEG.
fn colours(jpeg: &[u8]) -> Result<BTreeSet<[u8; 3]>> {
    let decoded = image::load_from_memory_with_format(jpeg, ImageFormat::Jpeg)
        .context("a raw picture cannot be decoded")?
        .into_rgb8();
    let drawn = [pattern::colour(0, 0), pattern::colour(BLOCK_PX, 0)];
    // The pattern is aligned to its squares, and a JPEG gives a square of one colour back as one of another.
    let squares = (0..decoded.height() / BLOCK_PX)
        .flat_map(|row| (0..decoded.width() / BLOCK_PX).map(move |column| (column, row)));
    let middles = squares.map(|(column, row)| {
        let middle = |square: u32| square * BLOCK_PX + BLOCK_PX / 2;
        decoded.get_pixel(middle(column), middle(row)).0
    });
    Ok(middles
        .filter(|rgb| pattern::is_coloured(*rgb))
        .chain(drawn)
        .collect())
}

/// A square's row of pixels of a colour, in all layouts.
fn rows([red, green, blue]: [u8; 3]) -> BTreeSet<Vec<u8>> {
    let layouts: [&[u8]; 4] = [
        &[red, green, blue],
        &[blue, green, red],
        &[red, green, blue, u8::MAX],
        &[blue, green, red, u8::MAX],
    ];
    let pixels = usize::try_from(BLOCK_PX).unwrap_or(0);
    layouts.map(|pixel| pixel.repeat(pixels)).into()
}
