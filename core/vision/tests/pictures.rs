//! What goes out as a picture, what the server takes for one, and what a replay may bring.

mod support;

use proptest::prelude::*;
use support::{frame, noise, redacted};
use wayhex_vision::{
    DecodeError, EncodeError, FrameError, JPEG_QUALITY, JPEG_QUALITY_MIN, PICTURE_BYTES_MAX,
    PictureFault, PictureInfo, RgbFrame, decode_jpeg, inspect_jpeg, quality_of_jpeg,
};

fn picture(width: u32, height: u32) -> Vec<u8> {
    let street = frame(width, height, |x, y| {
        [x.to_be_bytes()[3], y.to_be_bytes()[3], 90]
    });
    redacted(street, &[])
        .encode(JPEG_QUALITY)
        .expect("the picture is within the limits")
        .into_jpeg()
}

/// The picture with a segment put in after its first `at` bytes.
fn with_segment(at: usize, marker: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = picture(40, 24);
    let length = u16::try_from(payload.len() + 2)
        .expect("a short payload")
        .to_be_bytes();
    let segment = [&[0xFF, marker][..], &length, payload].concat();
    bytes.splice(at..at, segment);
    bytes
}

/// Offset after the JFIF header: start of image, marker, 16 bytes.
const AFTER_JFIF: usize = 20;

/// An Exif payload whose one entry is the orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut payload = b"Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    payload.extend([orientation, 0, 0, 0, 0, 0, 0]);
    payload
}

#[test]
fn what_is_encoded_passes_the_servers_look_and_decodes_to_its_dimensions() {
    for (width, height) in [(1, 1), (1, 2048), (2048, 1), (17, 31), (640, 480)] {
        let bytes = picture(width, height);
        assert_eq!(inspect_jpeg(&bytes), Ok(PictureInfo { width, height }));
        let decoded = decode_jpeg(&bytes).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (width, height));
    }
}

#[test]
fn a_picture_holds_nothing_before_its_frame_but_the_smallest_jfif_header() {
    let bytes = picture(40, 24);
    assert_eq!(
        bytes[..AFTER_JFIF],
        *b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01\x02\0\0\x01\0\x01\0\0"
    );
    assert_eq!(bytes[AFTER_JFIF..AFTER_JFIF + 2], [0xFF, 0xC0]);
    assert!(bytes.ends_with(&[0xFF, 0xD9]));
}

#[test]
fn a_long_frame_is_scaled_down_and_a_thin_one_keeps_a_pixel() {
    for (sides, expected) in [
        ((2049, 1025), (2048, 1024)),
        ((16_384, 3), (2048, 1)),
        ((1000, 4000), (512, 2048)),
    ] {
        let raw = frame(sides.0, sides.1, |_, _| [60, 70, 80]);
        let encoded = redacted(raw, &[]).encode(JPEG_QUALITY).unwrap();
        assert_eq!((encoded.width(), encoded.height()), expected);
    }
}

#[test]
fn a_picture_above_the_limit_of_bytes_is_encoded_at_a_lower_quality() {
    let worst = redacted(frame(2048, 2048, |x, y| noise(1, x, y)), &[]);
    let encoded = worst.encode(100).unwrap();
    assert!(encoded.jpeg().len() <= PICTURE_BYTES_MAX);
    assert!(encoded.jpeg_quality() < 100, "{}", encoded.jpeg_quality());
    let error = worst.encode(JPEG_QUALITY_MIN - 1).unwrap_err();
    assert!(matches!(error, EncodeError::Quality(_)));
}

#[test]
fn metadata_is_refused_wherever_it_stands() {
    let jfif_thumbnail = b"JFIF\0\x01\x02\0\0\x01\0\x01\x01\x01\x10\x20\x30";
    let app_markers = (0xE1..=0xEF).chain([0xFE]);
    let mut refused: Vec<Vec<u8>> = app_markers
        .map(|it| with_segment(AFTER_JFIF, it, b"hidden"))
        .collect();
    refused.push(with_segment(AFTER_JFIF, 0xE0, b"JFXX\0\x10hidden"));
    refused.push(with_segment(
        AFTER_JFIF,
        0xE0,
        b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0",
    ));
    refused.push(with_segment(2, 0xE0, jfif_thumbnail));
    let scan = picture(40, 24)
        .windows(2)
        .position(|it| it == [0xFF, 0xDA])
        .unwrap();
    refused.push(with_segment(scan, 0xFE, b"hidden"));
    let mut padded = picture(40, 24);
    padded.splice(AFTER_JFIF..AFTER_JFIF, [0xFF; 9]);
    refused.push(padded);
    for bytes in refused {
        let fault = inspect_jpeg(&bytes);
        assert!(
            matches!(fault, Err(PictureFault::Metadata { .. })),
            "{fault:?}"
        );
    }
}

#[test]
fn each_wrong_form_of_a_picture_has_its_fault() {
    let whole = picture(40, 24);
    let edit = |at: usize, bytes: &[u8]| {
        let mut edited = whole.clone();
        edited[at..at + bytes.len()].copy_from_slice(bytes);
        inspect_jpeg(&edited)
    };
    assert_eq!(inspect_jpeg(b""), Err(PictureFault::NotJpeg));
    assert_eq!(
        inspect_jpeg(b"\x89PNG\r\n\x1A\n"),
        Err(PictureFault::NotJpeg)
    );
    assert_eq!(
        inspect_jpeg(&whole[..whole.len() - 1]),
        Err(PictureFault::Truncated)
    );
    assert_eq!(
        inspect_jpeg(&[&whole[..], b"more"].concat()),
        Err(PictureFault::Trailing(4))
    );
    assert_eq!(
        inspect_jpeg(b"\xFF\xD8\xFF\xD9"),
        Err(PictureFault::Malformed { offset: 4 })
    );
    assert_eq!(
        inspect_jpeg(&vec![0; PICTURE_BYTES_MAX + 1]),
        Err(PictureFault::TooLarge(PICTURE_BYTES_MAX + 1))
    );
    assert_eq!(
        edit(AFTER_JFIF + 1, &[0xC2]),
        Err(PictureFault::NotBaseline { marker: 0xC2 })
    );
    assert_eq!(
        edit(AFTER_JFIF + 4, &[12]),
        Err(PictureFault::NotBaseline { marker: 0xC0 })
    );
    // A frame header that claims 65,535 x 65,535: a decoder would ask for 12 GB.
    let bomb = Err(PictureFault::Dimensions {
        width: 65_535,
        height: 65_535,
    });
    assert_eq!(edit(AFTER_JFIF + 5, &[0xFF; 4]), bomb);
    assert_eq!(
        edit(AFTER_JFIF + 5, &[0; 4]),
        Err(PictureFault::Dimensions {
            width: 0,
            height: 0
        })
    );
}

#[test]
fn a_frame_is_upright_whatever_its_exif_says() {
    // Left half red, right half blue; orientation 6 turns the picture clockwise, so red comes to the top.
    let raw = frame(
        64,
        32,
        |x, _| if x < 32 { [250, 0, 0] } else { [0, 0, 250] },
    );
    let plain = redacted(raw, &[]).encode(95).unwrap().into_jpeg();
    let turned = [
        &plain[..AFTER_JFIF],
        &[0xFF, 0xE1, 0, 34],
        &exif(6),
        &plain[AFTER_JFIF..],
    ]
    .concat();
    let decoded = decode_jpeg(&turned).unwrap();
    assert_eq!((decoded.width(), decoded.height()), (32, 64));
    let pixels = decoded.view().pixels();
    let first_and_last = [pixels[0] > 200, pixels[pixels.len() - 1] > 200];
    assert_eq!(first_and_last, [true, true]);
}

#[test]
fn what_is_not_one_whole_jpeg_is_not_decoded() {
    let whole = picture(200, 100);
    assert!(matches!(decode_jpeg(b""), Err(DecodeError::NotJpeg)));
    assert!(matches!(
        decode_jpeg(b"no picture"),
        Err(DecodeError::NotJpeg)
    ));
    assert!(matches!(
        decode_jpeg(&whole[..whole.len() - 2]),
        Err(DecodeError::Truncated)
    ));
    assert!(matches!(
        decode_jpeg(&whole[..whole.len() / 2]),
        Err(DecodeError::Truncated)
    ));
    assert!(matches!(
        decode_jpeg(b"\xFF\xD8\xFF\xD9"),
        Err(DecodeError::Decoder(_))
    ));
    let mut bomb = whole;
    bomb[AFTER_JFIF + 5..AFTER_JFIF + 9].copy_from_slice(&[0xFF; 4]);
    assert!(matches!(
        decode_jpeg(&bomb),
        Err(DecodeError::Frame(FrameError::Dimensions { .. }))
    ));
}

#[test]
fn greyscale_and_progressive_files_of_other_cameras_are_decoded() {
    let encode = |set: fn(&mut jpeg_encoder::Encoder<&mut Vec<u8>>), colour, pixels: &[u8]| {
        let mut bytes = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
        set(&mut encoder);
        encoder.encode(pixels, 20, 10, colour).unwrap();
        let decoded = decode_jpeg(&bytes).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (20, 10));
        decoded.view().pixels()[0]
    };
    let grey = encode(|_| {}, jpeg_encoder::ColorType::Luma, &[77; 200]);
    let progressive = encode(
        |it| it.set_progressive(true),
        jpeg_encoder::ColorType::Rgb,
        &[77; 600],
    );
    let inks = encode(
        |_| {},
        jpeg_encoder::ColorType::CmykAsYcck,
        &[178, 178, 178, 0].repeat(200),
    );
    assert_eq!((grey, progressive), (77, 77));
    assert!((70..=84).contains(&inks), "{inks}");
}

#[test]
fn a_frame_outside_the_limits_is_not_made() {
    for (width, height) in [(0, 4), (4, 0), (16_385, 1), (16_384, 16_384)] {
        let error = RgbFrame::new(width, height, Vec::new()).unwrap_err();
        assert_eq!(error, FrameError::Dimensions { width, height });
    }
    assert!(matches!(
        RgbFrame::new(2, 2, vec![0; 11]),
        Err(FrameError::Length { expected: 12, .. })
    ));
}

proptest! {
    #[test]
    fn bytes_changed_at_random_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<prop::sample::Index>(), is_cut in any::<bool>()
    ) {
        let mut bytes = picture(70, 50);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if inspect_jpeg(&bytes).is_ok() {
            // Whatever passes is small, so decoding it is harmless; it may fail, it may not panic.
            drop(quality_of_jpeg(&bytes));
        }
        drop(decode_jpeg(&bytes));
    }

    #[test]
    fn random_segments_never_panic(tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = [&[0xFF, 0xD8][..], &tail].concat();
        prop_assert!(inspect_jpeg(&bytes).is_err());
        drop(decode_jpeg(&bytes));
    }
}
