//! The face detector finds a face, in any place and position of the camera, and is the model that it says it is.

use std::path::{Path, PathBuf};

use wayhex_vision::{
    CenterFace, Detection, Detector, Findings, ModelError, RgbFrame, Role, decode_jpeg,
};

/// The model, or a failure that says how to get it.
fn model_file() -> PathBuf {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models/centerface.onnx");
    assert!(
        file.is_file(),
        "{} is missing: run `cargo xtask models`",
        file.display()
    );
    file
}

fn frame(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 3]) -> RgbFrame {
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    RgbFrame::new(
        width,
        height,
        places.flat_map(|(x, y)| colour(x, y)).collect(),
    )
    .expect("the sides are within the limits")
}

/// A face as paint: head, hair, eyes, nose, mouth, shoulders; `(u, v)` in half heads from the face's middle.
fn painted(u: f64, v: f64) -> [u8; 3] {
    let strokes: [(f64, f64, f64, f64, f64, [f64; 3]); 13] = [
        (0.0, 2.1, 1.5, 1.1, 0.06, [40.0, 60.0, 50.0]),
        (0.0, -0.22, 0.9, 1.0, 0.06, [60.0, 40.0, 25.0]),
        (0.0, 1.0, 0.35, 0.5, 0.06, [190.0, 140.0, 115.0]),
        (0.0, 0.1, 0.72, 0.92, 0.06, [205.0, 158.0, 135.0]),
        (-0.3, -0.22, 0.19, 0.05, 0.2, [90.0, 60.0, 45.0]),
        (-0.3, -0.05, 0.15, 0.075, 0.15, [245.0, 245.0, 240.0]),
        (-0.3, -0.05, 0.07, 0.075, 0.15, [50.0, 35.0, 30.0]),
        (0.3, -0.22, 0.19, 0.05, 0.2, [90.0, 60.0, 45.0]),
        (0.3, -0.05, 0.15, 0.075, 0.15, [245.0, 245.0, 240.0]),
        (0.3, -0.05, 0.07, 0.075, 0.15, [50.0, 35.0, 30.0]),
        (0.0, 0.15, 0.06, 0.22, 0.4, [235.0, 190.0, 165.0]),
        (0.0, 0.58, 0.26, 0.075, 0.15, [165.0, 75.0, 75.0]),
        (0.0, 0.57, 0.24, 0.02, 0.3, [110.0, 45.0, 45.0]),
    ];
    let street = [70.0, 110.0, 150.0];
    let colour = strokes
        .iter()
        .fold(street, |under, (x, y, wide, high, softness, paint)| {
            let outside = ((u - x) / wide).hypot((v - y) / high) - 1.0;
            let cover = 1.0 / (1.0 + (outside / softness).clamp(-50.0, 50.0).exp());
            [0, 1, 2].map(|at| under[at] * (1.0 - cover) + paint[at] * cover)
        });
    colour.map(|it| {
        (0..=u8::MAX)
            .rev()
            .find(|level| f64::from(*level) <= it)
            .unwrap_or(0)
    })
}

/// A picture with one face about `(x, y)`, `half` pixels from its middle to its chin.
fn portrait(width: u32, height: u32, (x, y): (u32, u32), half: u32) -> RgbFrame {
    let scaled = |at: u32, middle: u32| (f64::from(at) - f64::from(middle)) / f64::from(half);
    frame(width, height, |px, py| {
        painted(scaled(px, x), scaled(py, y))
    })
}

fn detector() -> CenterFace {
    CenterFace::load(&model_file()).expect("the fetched model is the pinned one")
}

fn best(found: &[Detection]) -> Detection {
    *found
        .iter()
        .max_by(|a, b| a.score.total_cmp(&b.score))
        .expect("a face is found")
}

#[test]
fn a_face_is_found_where_it_stands_in_any_shape_of_frame() {
    let detector = detector();
    for (width, height, at) in [
        (640, 384, (320, 160)),
        (300, 700, (120, 500)),
        (2028, 1024, (1700, 300)),
    ] {
        let half = 60_u16;
        let findings =
            Findings::of(&detector, portrait(width, height, at, half.into()).view()).unwrap();
        let face = best(findings.detections());
        let (x, y) = (
            f32::midpoint(face.left, face.right),
            f32::midpoint(face.top, face.bottom),
        );
        let near = |found: f32, painted: u32| {
            (f64::from(found) - f64::from(painted)).abs() < f64::from(half) * 0.3
        };
        assert!(
            near(x, at.0) && near(y, at.1),
            "{width} x {height}: {face:?}"
        );
        assert!(
            (50.0..140.0).contains(&(face.right - face.left)),
            "{face:?}"
        );
        assert!(face.score > 0.3, "{face:?}");
    }
}

#[test]
fn frames_without_structure_hold_no_face() {
    let detector = detector();
    for (width, height) in [(1, 1), (33, 1), (1, 2000), (640, 480)] {
        let found = detector
            .detect(frame(width, height, |_, _| [90; 3]).view())
            .unwrap();
        assert_eq!(found, [], "{width} x {height}");
    }
}

#[test]
fn threads_that_share_the_detector_get_the_same_boxes() {
    let (detector, one) = (detector(), portrait(640, 384, (320, 160), 60));
    let other = portrait(300, 700, (120, 500), 60);
    let expected = [
        detector.detect(one.view()).unwrap(),
        detector.detect(other.view()).unwrap(),
    ];
    std::thread::scope(|scope| {
        let first = scope.spawn(|| detector.detect(one.view()).unwrap());
        let second = scope.spawn(|| detector.detect(other.view()).unwrap());
        assert_eq!([first.join().unwrap(), second.join().unwrap()], expected);
    });
}

#[test]
fn the_detector_names_the_model_it_runs() {
    let detector = detector();
    let identity = detector.identity();
    assert_eq!(
        (identity.role, identity.name.as_str()),
        (Role::Face, "CenterFace")
    );
    let digest = ring::digest::digest(&ring::digest::SHA256, &std::fs::read(model_file()).unwrap());
    assert_eq!(identity.sha256, digest.as_ref());
}

#[test]
fn a_model_file_cut_short_or_swapped_is_refused_with_both_hashes() {
    let whole = std::fs::read(model_file()).unwrap();
    let mut swapped = whole.clone();
    swapped[100_000] ^= 1;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (name, bytes) in [
        ("cut.onnx", &whole[..whole.len() / 2]),
        ("swapped.onnx", &swapped),
        ("empty.onnx", &[]),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = CenterFace::load(&path)
            .err()
            .expect("another file is refused");
        let text = error.to_string();
        let ModelError::Hash {
            expected, found, ..
        } = error
        else {
            panic!("{text}")
        };
        assert_ne!(expected, found);
        for part in [
            path.to_str().unwrap(),
            &expected,
            &found,
            "cargo xtask models",
        ] {
            assert!(text.contains(part), "{text} does not name {part}");
        }
    }
}

#[test]
fn a_missing_model_file_is_named_with_the_command_that_fetches_it() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("absent.onnx");
    let error = CenterFace::load(&path)
        .err()
        .expect("an absent file is refused");
    assert!(matches!(error, ModelError::Read { .. }));
    assert!(
        error.to_string().contains("absent.onnx")
            && error.to_string().contains("cargo xtask models")
    );
}

#[test]
fn what_is_found_in_a_real_street_covers_little_of_it() {
    let drive = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/drive-sf");
    let Ok(entries) = drive.read_dir() else {
        println!("skipped: no drive at {}", drive.display());
        return;
    };
    let files = entries
        .map(|entry| entry.unwrap().path())
        .filter(|it| it.extension().is_some_and(|it| it == "jpg"));
    let detector = detector();
    for file in files.step_by(20) {
        let raw = decode_jpeg(&std::fs::read(&file).unwrap()).unwrap();
        let pixels = u64::from(raw.width()) * u64::from(raw.height());
        let findings = Findings::of(&detector, raw.view()).unwrap();
        let redacted = wayhex_vision::redact(raw, &[findings]).unwrap();
        assert!(
            redacted.filled_pixels() < pixels / 10,
            "{}: {}",
            file.display(),
            redacted.filled_pixels()
        );
    }
}
