//! Redaction fails closed: whatever a detector does wrong, the frame is gone.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use wayhex_device::privacy::{Detectors, PrivacySettings, Zones};
use wayhex_vision::{DetectError, Detection, Detector, ModelIdentity, RgbView, Role, decode_jpeg};

use crate::scene::{Finds, Told, identity, open_privacy, privacy_with, straight, told, untrimmed};

type Ask = fn() -> Answer;
type Answer = Result<Vec<Detection>, DetectError>;

/// A detector that does as it is told.
struct Does<F>(F);

impl<F: Fn() -> Answer + Send + Sync> Detector for Does<F> {
    fn identity(&self) -> &ModelIdentity {
        identity()
    }

    fn detect(&self, _frame: RgbView<'_>) -> Answer {
        (self.0)()
    }
}

fn with(detector: impl Detector + 'static) -> Told {
    told(
        privacy_with(untrimmed(), Zones::default(), detector),
        straight(50.0, 10.0, 1.0),
    )
}

fn a_box() -> Detection {
    Detection {
        left: 32.0,
        top: 32.0,
        right: 64.0,
        bottom: 64.0,
        score: 0.9,
    }
}

#[test]
fn a_frame_that_a_detector_could_not_look_at_is_gone() {
    let failed = || {
        Err(DetectError::Failed {
            model: "told".to_owned(),
            cause: "no memory".to_owned(),
        })
    };
    let nan = || {
        Ok(vec![Detection {
            left: f32::NAN,
            ..a_box()
        }])
    };
    let outside = || {
        Ok(vec![Detection {
            left: 900.0,
            right: 950.0,
            ..a_box()
        }])
    };
    let inverted = || {
        Ok(vec![Detection {
            left: 64.0,
            right: 32.0,
            ..a_box()
        }])
    };
    let score = || {
        Ok(vec![Detection {
            score: 1.5,
            ..a_box()
        }])
    };
    let too_many = || Ok(vec![a_box(); 10_000]);
    let answers: [(&str, Ask); 6] = [
        ("an error", failed),
        ("a NaN", nan),
        ("a box outside", outside),
        ("a box inside out", inverted),
        ("a score above 1", score),
        ("too many boxes", too_many),
    ];
    for (what, answer) in answers {
        let told = with(Does(answer));
        assert_eq!(
            (told.released.len(), told.count("detector_failed")),
            (0, 5),
            "{what}"
        );
    }
}

#[test]
fn a_detector_that_panics_costs_the_frame_and_not_the_session() {
    let calls = std::sync::atomic::AtomicU32::new(0);
    let told = with(Does(move || {
        let call = calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        assert!(call % 2 == 1, "every other frame");
        Ok(Vec::new())
    }));
    assert_eq!((told.released.len(), told.count("detector_failed")), (2, 3));
}

#[test]
fn a_detector_that_hangs_is_not_waited_for() {
    let (release, gate): (SyncSender<()>, Receiver<()>) = sync_channel(0);
    let gate = Mutex::new(gate);
    let hangs = Does(move || {
        gate.lock().unwrap().recv().unwrap_or_default();
        Ok(Vec::new())
    });
    let detectors = Detectors::new(vec![Arc::new(hangs)], Duration::from_millis(5));
    let told = told(
        PrivacySettings {
            detectors,
            ..open_privacy()
        },
        straight(50.0, 10.0, 1.0),
    );
    drop(release);
    assert_eq!(
        (told.released.len(), told.count("detector_timeout")),
        (0, 5)
    );
}

#[test]
fn without_a_detector_for_faces_nothing_is_kept() {
    struct Plates(ModelIdentity);
    impl Detector for Plates {
        fn identity(&self) -> &ModelIdentity {
            &self.0
        }
        fn detect(&self, _frame: RgbView<'_>) -> Answer {
            Ok(Vec::new())
        }
    }
    let plates = Plates(ModelIdentity {
        role: Role::Plate,
        ..identity().clone()
    });
    let none: Vec<Arc<dyn Detector>> = Vec::new();
    for detectors in [none, vec![Arc::new(plates)]] {
        let detectors = Detectors::new(detectors, Duration::from_mins(1));
        let told = told(
            PrivacySettings {
                detectors,
                ..open_privacy()
            },
            straight(50.0, 10.0, 1.0),
        );
        assert_eq!(
            (told.released.len(), told.count("detector_missing")),
            (0, 5)
        );
    }
}

#[test]
fn what_was_found_is_covered_in_the_picture_that_is_let_go() {
    let told = with(Finds(vec![a_box()]));
    assert_eq!(told.released.len(), 5);
    let picture = decode_jpeg(told.released[0].picture().jpeg()).unwrap();
    let centre = (usize::try_from(picture.width()).unwrap() * 48 + 48) * 3;
    let pixel = &picture.view().pixels()[centre..centre + 3];
    assert!(
        pixel.iter().all(|channel| channel.abs_diff(128) <= 2),
        "{pixel:?}"
    );
}
