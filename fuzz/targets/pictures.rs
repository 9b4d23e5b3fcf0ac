//! A picture that a stranger uploads, or that lies in a drive.
//!
//! Laws: what the server takes in has the dimensions that its header told; what is decoded is within the limits; what is
//! redacted and encoded is a picture that the server takes in, of the dimensions that it says, and shows nothing below a box.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wayhex_vision::{
    DetectError, Detection, Detector, FILL_RGB, FRAME_PIXELS_MAX, FRAME_SIDE_MAX, Findings,
    JPEG_QUALITY, ModelIdentity, RgbFrame, RgbView, Role, decode_jpeg, inspect_jpeg,
    quality_of_jpeg, redact, sharpness_and_exposure,
};

/// Pixels that a picture may announce to be decoded each time (512 x 512): a few bytes may announce many, and most of the
/// time would go into filling them.
const PIXELS_EACH_TIME: u64 = 1 << 18;
/// Pixels that one may announce to be decoded at all, one time in 32: the largest that the server takes in.
const PIXELS_AT_ALL: u64 = 1 << 22;

// Pictures are measured at a width of 512 pixels, which takes most of the time: flat ones each time, others one time in 16.
fuzz_target!(|input: &[u8]| {
    let inspected = inspect_jpeg(input);
    let announced = announced_pixels(input);
    if announced > PIXELS_AT_ALL
        || (announced > PIXELS_EACH_TIME && !input[input.len() / 2].is_multiple_of(32))
    {
        return;
    }
    let Ok(frame) = decode_jpeg(input) else {
        return;
    };
    let (width, height) = (frame.width(), frame.height());
    assert!(width.max(height) <= FRAME_SIDE_MAX);
    assert!(u64::from(width) * u64::from(height) <= FRAME_PIXELS_MAX);
    if let Ok(info) = inspected {
        assert_eq!((info.width, info.height), (width, height));
    }
    let is_measured = height * 8 <= width || input[input.len() / 2].is_multiple_of(16);
    if is_measured {
        let quality = sharpness_and_exposure(&frame);
        assert!(quality.value <= quality.sharpness.min(quality.exposure));
    }
    publish(frame, input, is_measured);
});

/// The most pixels that anything which looks like a frame header tells; what is beyond the limits is refused at once, and
/// costs nothing.
fn announced_pixels(input: &[u8]) -> u64 {
    let header = |bytes: &[u8]| {
        let side = |at: usize| u64::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
        let is_header = bytes[0] == 0xff && (0xc0..=0xcf).contains(&bytes[1]);
        is_header.then(|| side(5) * side(7))
    };
    let announced = input.windows(9).filter_map(header);
    let within = announced.filter(|pixels| *pixels <= FRAME_PIXELS_MAX);
    within.max().unwrap_or(0)
}

/// One box, which the input's last bytes place.
struct Told(ModelIdentity, Detection);

impl Detector for Told {
    fn identity(&self) -> &ModelIdentity {
        &self.0
    }

    fn detect(&self, _frame: RgbView<'_>) -> Result<Vec<Detection>, DetectError> {
        Ok(vec![self.1])
    }
}

fn publish(frame: RgbFrame, input: &[u8], is_measured: bool) {
    let place = |from_end: usize| {
        let byte = input.len().checked_sub(from_end).map_or(0, |at| input[at]);
        f32::from(byte) * 4.0 - 64.0
    };
    let (left, top) = (place(3), place(4));
    let detection = Detection {
        left,
        top,
        right: left + place(5),
        bottom: top + place(6),
        score: 0.5,
    };
    let identity = ModelIdentity {
        role: Role::Face,
        name: "Told".to_owned(),
        version: "1".to_owned(),
        runtime: "none".to_owned(),
        sha256: [7; 32],
    };
    // A box that is none of this frame is refused, and the frame with it.
    let Ok(findings) = Findings::of(&Told(identity, detection), frame.view()) else {
        return;
    };
    let redacted = redact(frame, &[findings]).expect("the findings are of this frame");
    assert!(redacted.filled_pixels() > 0);
    let view = redacted.view();
    let filled = view
        .pixels()
        .chunks_exact(3)
        .filter(|pixel| **pixel == FILL_RGB);
    assert!(filled.count() as u64 >= redacted.filled_pixels());
    let Ok(encoded) = redacted.encode(JPEG_QUALITY) else {
        return;
    };
    let info = inspect_jpeg(encoded.jpeg()).expect("what leaves the phone is taken in");
    assert_eq!(
        (info.width, info.height),
        (encoded.width(), encoded.height())
    );
    if is_measured {
        let measured = quality_of_jpeg(encoded.jpeg());
        assert!(measured.is_ok(), "what leaves the phone cannot be measured");
    }
}
