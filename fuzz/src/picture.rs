//! A small picture that passes for a street: sharp, and neither crushed nor burnt out.

use jpeg_encoder::{ColorType, Encoder};

/// Width and height of the picture, pixels: flat, since pictures are measured at a width of 512 pixels and as many rows as
/// that gives, which takes most of the time.
pub const SIDES: (u16, u16) = (160, 16);

/// A JPEG of blocks of grey that `seed` chooses.
#[must_use]
pub fn street(seed: u32) -> Vec<u8> {
    let (width, height) = SIDES;
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let block = u32::from(y / 4) * 64 + u32::from(x / 4);
            let mixed = (block + 1)
                .wrapping_add(seed << 12)
                .wrapping_mul(2_654_435_761);
            let grey = 32 + mixed.to_be_bytes()[0] / 2;
            pixels.extend([grey; 3]);
        }
    }
    let mut jpeg = Vec::new();
    Encoder::new(&mut jpeg, 60)
        .encode(&pixels, width, height, ColorType::Rgb)
        .expect("a picture can be encoded");
    jpeg
}
