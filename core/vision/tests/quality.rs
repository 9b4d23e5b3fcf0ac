//! The number that is signed: near nothing for what shows nothing, and the same for phone and server.

mod support;

use std::path::Path;

use support::{frame, noise, redacted};
use wayhex_vision::{
    JPEG_QUALITY, Quality, RgbFrame, decode_jpeg, quality_of_jpeg, sharpness_and_exposure,
};

fn checked(width: u32, height: u32, square: u32) -> RgbFrame {
    frame(width, height, |x, y| {
        let is_dark = (x / square + y / square).is_multiple_of(2);
        [if is_dark { 60 } else { 180 }; 3]
    })
}

/// The frame, each pixel the mean of its surroundings of `2 reach + 1` pixels: a lens out of focus.
fn blurred(raw: &RgbFrame, reach: u32) -> RgbFrame {
    let (width, height) = (raw.width(), raw.height());
    let at = |x: u32, y: u32| u32::from(raw.view().pixels()[((y * width + x) * 3) as usize]);
    let mean = |x: u32, y: u32| {
        let (across, down) = (
            x.saturating_sub(reach)..(x + reach + 1).min(width),
            y.saturating_sub(reach)..(y + reach + 1).min(height),
        );
        let count = (across.end - across.start) * (down.end - down.start);
        let sum: u32 = down
            .flat_map(|y| across.clone().map(move |x| (x, y)))
            .map(|(x, y)| at(x, y))
            .sum();
        [u8::try_from(sum / count).expect("a mean of bytes is one"); 3]
    };
    frame(width, height, mean)
}

#[test]
fn black_white_and_empty_pictures_are_worth_nothing() {
    for level in [0, 15, 128, 240, 255] {
        let quality = sharpness_and_exposure(&frame(600, 300, |_, _| [level; 3]));
        let exposure = if level == 128 { 255 } else { 0 };
        assert_eq!(
            quality,
            Quality {
                sharpness: 0,
                exposure,
                value: 0
            }
        );
    }
}

#[test]
fn a_picture_out_of_focus_is_worth_a_fraction_of_a_sharp_one() {
    let sharp = frame(640, 320, |x, y| {
        noise(5, x / 4, y / 4).map(|it| 40 + it / 2)
    });
    let soft = blurred(&sharp, 8);
    let (sharp, soft) = (
        sharpness_and_exposure(&sharp).value,
        sharpness_and_exposure(&soft).value,
    );
    assert!(sharp > 150 && soft < 15, "{sharp} {soft}");
}

#[test]
fn the_value_is_the_product_of_sharpness_and_exposure() {
    // The right half is burnt out and flat; the left one is sharp beyond the clamp.
    let quality = sharpness_and_exposure(&frame(512, 256, |x, y| {
        if x < 256 {
            [if (x + y) % 2 == 0 { 60 } else { 180 }; 3]
        } else {
            [255; 3]
        }
    }));
    assert_eq!(
        quality,
        Quality {
            sharpness: 255,
            exposure: 128,
            value: 128
        }
    );
}

#[test]
fn a_known_picture_has_the_value_that_the_formula_gives() {
    // 512 wide, so nothing is scaled: one bright pixel of luma 116 on 100. Of N = 510 x 62 Laplacians one is 64 and
    // four are -16, so that sum = 0, sum of squares = 5,120 and the variance is 5,120 / 31,620, which rounds to 0;
    // with 200 such pixels it is 32.4, of 1,200 that is 6.9 steps of 255.
    let dotted = |dots: u32| {
        frame(512, 64, move |x, y| {
            [if x % 20 == 10 && y % 6 == 3 && x / 20 + y / 6 * 25 < dots && x < 500 {
                116
            } else {
                100
            }; 3]
        })
    };
    assert_eq!(sharpness_and_exposure(&dotted(1)).value, 0);
    assert_eq!(sharpness_and_exposure(&dotted(200)).value, 7);
}

#[test]
fn a_picture_of_another_size_that_shows_the_same_has_about_the_same_value() {
    let one = sharpness_and_exposure(&checked(512, 256, 16));
    for times in [2, 3, 4] {
        let other = sharpness_and_exposure(&checked(512 * times, 256 * times, 16 * times));
        assert_eq!(one, other, "{times} times as large");
    }
    let tiny = sharpness_and_exposure(&checked(64, 32, 2));
    assert!(tiny.value * 4 < one.value, "{tiny:?} {one:?}");
}

#[test]
fn pictures_of_any_shape_have_a_value() {
    for (width, height) in [
        (1, 1),
        (2, 2),
        (1, 16_384),
        (16_384, 1),
        (511, 4000),
        (512, 3),
        (513, 700),
        (3, 24),
    ] {
        let quality = sharpness_and_exposure(&frame(width, height, |x, y| noise(1, x, y)));
        let measured = height <= 8 * width && 512 * height / width >= 3;
        assert_eq!(
            quality.exposure > 0,
            measured,
            "{width} x {height}: {quality:?}"
        );
    }
}

#[test]
fn the_server_measures_what_the_phone_measured() {
    let raw = frame(1000, 500, |x, y| {
        noise(9, x / 5, y / 5).map(|it| 30 + it / 2)
    });
    let jpeg = redacted(raw, &[]).encode(JPEG_QUALITY).unwrap().into_jpeg();
    let again = sharpness_and_exposure(&decode_jpeg(&jpeg).unwrap());
    assert_eq!(quality_of_jpeg(&jpeg).unwrap(), again);
}

#[test]
fn frames_of_a_real_drive_are_good() {
    let drive = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/drive-sf");
    let Ok(entries) = drive.read_dir() else {
        println!("skipped: no drive at {}", drive.display());
        return;
    };
    let files = entries
        .map(|entry| entry.unwrap().path())
        .filter(|it| it.extension().is_some_and(|it| it == "jpg"));
    let mut values: Vec<u8> = Vec::new();
    for file in files.step_by(7) {
        let raw = decode_jpeg(&std::fs::read(file).unwrap()).unwrap();
        let jpeg = redacted(raw, &[]).encode(JPEG_QUALITY).unwrap().into_jpeg();
        values.push(quality_of_jpeg(&jpeg).unwrap().value);
    }
    assert!(values.iter().all(|it| *it > 60), "{values:?}");
}
