//! Every reason to refuse an item, a row each.

use wayhex_protocol::batch::RawItem;
use wayhex_protocol::cbor::{DecodeError, Wire};
use wayhex_protocol::envelope::{Signable, seal};
use wayhex_protocol::id::{BatchId, ModelHash, PolicyHash, SessionId};
use wayhex_protocol::limits::{
    ENVELOPE_BYTES_MAX, REST_SPREAD_MAX_MM_S2, TIME_AHEAD_MAX_MS, TIME_MIN_MS,
};
use wayhex_protocol::observation::{Kind, Observation, Role};
use wayhex_protocol::position::Position;
use wayhex_protocol::reason::{Reason, Retry};
use wayhex_protocol::receipt::Verdict;
use wayhex_protocol::segment::{Segment, Vertex};

use crate::support::{Draft, Phone, Server, jpeg, media, network, now_ms, send};

const DAY_MS: u64 = 86_400_000;

/// What is changed of a good item before it is signed.
type Change = fn(&mut Draft);

const CHANGES: &[(Reason, Change)] = &[
    (Reason::KindUnsupported, |draft| {
        draft.observation.kind = Kind::Motion;
    }),
    (Reason::CapturedBefore2010, |draft| {
        draft.observation.captured_at_ms = TIME_MIN_MS - 1;
    }),
    (Reason::CapturedInFuture, |draft| {
        draft.observation.captured_at_ms = now_ms() + TIME_AHEAD_MAX_MS + 60_000;
    }),
    (Reason::TooLate, |draft| {
        draft.observation.captured_at_ms = now_ms() - 10 * DAY_MS - 60_000;
    }),
    (Reason::PolicyUnknown, |draft| {
        draft.observation.policy = PolicyHash([1; 32]);
    }),
    (Reason::Malformed, |draft| {
        draft.observation.sequence = u64::MAX;
    }),
    (Reason::ModelNotAccepted, |draft| {
        draft.observation.redaction.models.clear();
    }),
    (Reason::ModelNotAccepted, |draft| {
        draft.observation.redaction.version = 2;
    }),
    (Reason::ModelNotAccepted, |draft| {
        draft.observation.redaction.models[0].sha256 = ModelHash([1; 32]);
    }),
    (Reason::ModelNotAccepted, |draft| {
        draft.observation.redaction.models[0].role = Role::Plate;
    }),
    (Reason::FixTooPoor, |draft| {
        draft.observation.fix.accuracy_mm = Some(25_001);
    }),
    (Reason::FixTooPoor, |draft| {
        draft.observation.fix.satellites = Some(3);
    }),
    (Reason::FixTooPoor, |draft| {
        draft.observation.fix.hdop_milli = Some(4_001);
    }),
    (Reason::SegmentTooLong, |draft| {
        drive(draft, &[(0, 5_000), (35, 2_500), (70, 0)]);
    }),
    (Reason::SegmentTooSlow, |draft| {
        drive(draft, &[(0, 10_001), (8, 0)]);
    }),
    (Reason::Teleport, |draft| drive(draft, &[(0, 100), (8, 0)])),
    (Reason::MotionDenied, |draft| {
        draft.observation.motion.acceleration_spread_mm_s2 = Some(3);
    }),
    (Reason::PictureMissing, |draft| {
        draft.observation.media.clear();
    }),
    (Reason::PictureMismatch, |draft| {
        draft.observation.media[0].size_bytes += 1;
    }),
    (Reason::PictureMismatch, |draft| {
        draft.observation.media[0].width += 1;
    }),
    (Reason::PictureMetadata, |draft| {
        // A comment of two bytes right after the picture's beginning.
        change_picture(draft, |picture| {
            drop(picture.splice(2..2, [0xff, 0xfe, 0, 4, b'h', b'i']));
        });
    }),
    (Reason::PictureInvalid, |draft| {
        change_picture(draft, |picture| picture.truncate(200));
    }),
    (Reason::PictureInvalid, |draft| {
        change_picture(draft, |picture| picture.push(0));
    }),
    (Reason::QualityMismatch, |draft| {
        let quality = &mut draft.observation.quality;
        *quality = if *quality > 127 {
            *quality - 3
        } else {
            *quality + 3
        };
    }),
];

#[test]
fn every_lie_is_refused_for_its_reason_and_for_ever() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    for (number, (reason, change)) in (0..).zip(CHANGES) {
        let mut draft = phone.draft(number);
        change(&mut draft);
        let drafts = [draft];
        let first = phone.upload(&server, &drafts);
        let receipt = server.verified(&first[0]);
        assert_eq!(receipt.verdict, Verdict::Refused(*reason), "row {number}");
        assert_eq!(receipt.id, phone.id(&drafts[0]));
        let again = phone.upload(&server, &drafts);
        assert!(
            again[0].replayed && again[0].receipt == first[0].receipt,
            "row {number}"
        );
    }
}

#[test]
fn what_is_just_within_the_bounds_is_accepted() {
    let changes: &[Change] = &[
        |draft| draft.observation.captured_at_ms = now_ms() + TIME_AHEAD_MAX_MS - 60_000,
        |draft| draft.observation.captured_at_ms = now_ms() - 10 * DAY_MS + 60_000,
        |draft| draft.observation.fix = wayhex_protocol::observation::FixQuality::default(),
        |draft| draft.observation.fix.accuracy_mm = Some(25_000),
        |draft| drive(draft, &[(8, 0)]),
        |draft| {
            draft.observation.motion.acceleration_spread_mm_s2 = Some(REST_SPREAD_MAX_MM_S2);
        },
        |draft| draft.observation.quality = draft.observation.quality.saturating_sub(2),
    ];
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let drafts: Vec<Draft> = (0..)
        .zip(changes)
        .map(|(number, change)| {
            let mut draft = phone.draft(number);
            change(&mut draft);
            draft
        })
        .collect();
    for (number, answer) in phone.upload(&server, &drafts).iter().enumerate() {
        assert_eq!(
            server.verified(answer).verdict,
            Verdict::Accepted,
            "row {number}"
        );
    }
}

#[test]
fn a_place_or_a_picture_that_is_taken_is_refused() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let first = phone.draft(0);
    let mut same_place = phone.draft(1);
    same_place.observation.sequence = 0;
    let mut same_picture = phone.draft(0);
    same_picture.observation.session = SessionId([99; 16]);
    let answers = phone.upload(&server, std::slice::from_ref(&first));
    assert_eq!(server.verified(&answers[0]).verdict, Verdict::Accepted);
    let answers = phone.upload(&server, &[same_place, same_picture]);
    let verdicts = answers.iter().map(|answer| server.verified(answer).verdict);
    let expect = [Reason::SequenceConflict, Reason::DuplicatePicture].map(Verdict::Refused);
    assert!(verdicts.eq(expect));
}

/// A payload that no phone of ours would make, signed like one.
struct Raw(Vec<u8>);

impl Wire for Raw {
    const NAME: &'static str = "raw";
    const BYTES_MAX: usize = ENVELOPE_BYTES_MAX;

    fn to_bytes(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn read(_: &mut minicbor::Decoder<'_>) -> Result<Self, DecodeError> {
        Err(DecodeError::Range { what: Self::NAME })
    }
}

impl Signable for Raw {
    const DOMAIN: &'static str = Observation::DOMAIN;
}

#[test]
fn what_cannot_be_read_is_named_by_the_hash_of_its_envelope() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let payload = phone.draft(0).observation.to_bytes();
    let signed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut payload = payload.clone();
        change(&mut payload);
        seal(&Raw(payload), &network(), phone.signer()).unwrap()
    };
    // The last vertex is at the capture: its time 0 stands right before key 7.
    let time = payload
        .windows(3)
        .position(|three| three == [0, 7, 0xa3])
        .unwrap();
    let check = |reason: Reason, envelope: Vec<u8>| {
        let item = RawItem {
            envelope,
            picture: Some(jpeg(1)),
        };
        let batch = BatchId::of(&[item.unreadable_id()]);
        for replayed in [false, true] {
            let answers = send(&server, &batch, std::slice::from_ref(&item));
            let receipt = server.verified(&answers[0]);
            assert_eq!(receipt.verdict, Verdict::Refused(reason));
            assert_eq!(receipt.id, item.unreadable_id());
            assert_eq!(answers[0].replayed, replayed);
        }
    };
    check(Reason::Malformed, b"rubbish".to_vec());
    check(Reason::Malformed, signed(&|payload| payload.truncate(50)));
    check(Reason::KindUnsupported, signed(&|payload| payload[2] = 9));
    check(Reason::SegmentShape, signed(&|payload| payload[time] = 1));
    check(Reason::TooLarge, vec![0; ENVELOPE_BYTES_MAX - 1]);
}

#[test]
fn a_strangers_copy_with_a_bad_signature_does_not_spoil_the_observation() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let drafts = [phone.draft(0)];
    let mut forged = phone.sign(&drafts[0]);
    let last = forged.envelope.len() - 1;
    forged.envelope[last] ^= 1;
    let named = forged.unreadable_id();
    let refused = send(&server, &phone.batch_of(&drafts), &[forged]);
    let receipt = server.verified(&refused[0]);
    assert_eq!(receipt.verdict, Verdict::Refused(Reason::BadSignature));
    assert_eq!(receipt.id, named);
    assert_ne!(
        receipt.id,
        phone.id(&drafts[0]),
        "nobody is given a refusal of another's observation"
    );

    let genuine = phone.upload(&server, &drafts);
    assert_eq!(server.verified(&genuine[0]).verdict, Verdict::Accepted);
}

#[test]
fn no_row_expects_a_reason_that_could_be_retried() {
    assert!(
        CHANGES
            .iter()
            .all(|(reason, _)| reason.retry() == Retry::Never)
    );
}

/// Puts the item on a straight way north, given in metres and milliseconds before the capture.
fn drive(draft: &mut Draft, way: &[(i32, u32)]) {
    let start = draft.observation.segment.vertices()[0].position;
    let vertices = way.iter().map(|(metres, before_ms)| Vertex {
        position: Position::from_e7(start.lat_e7() + metres * 90, start.lon_e7())
            .expect("a position"),
        before_ms: *before_ms,
    });
    draft.observation.segment = Segment::from_vertices(vertices.collect()).expect("a segment");
}

/// Changes the picture and signs what came of it.
fn change_picture(draft: &mut Draft, change: impl FnOnce(&mut Vec<u8>)) {
    if let Some(picture) = &mut draft.picture {
        change(picture);
        draft.observation.media = vec![media(picture)];
    }
}
