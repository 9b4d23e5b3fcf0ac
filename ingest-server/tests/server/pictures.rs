//! Pictures that a phone of ours would not make: what they carry, claim and cost.

use wayhex_protocol::limits::PICTURE_SIDE_MAX;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::Verdict;

use crate::support::{Draft, Jpeg, Phone, Server, media};

/// What is done to a good picture before it is signed.
type Change = fn(&mut Jpeg);

/// A body of APP1 as cameras write it, with a thumbnail in its second directory.
const EXIF_WITH_THUMBNAIL: &[u8] = b"Exif\0\0II*\0\x08\0\0\0\0\0\x0e\0\0\0\x02\0\x01\x02\x04\0\x01\0\0\0\x2c\0\0\0\x02\x02\x04\0\x01\0\0\0\x04\0\0\0\0\0\0\0\xff\xd8\xff\xd9";

const LIES: &[(&str, Reason, Change)] = &[
    ("EXIF with a thumbnail", Reason::PictureMetadata, |jpeg| {
        jpeg.put(0xe1, EXIF_WITH_THUMBNAIL);
    }),
    ("XMP", Reason::PictureMetadata, |jpeg| {
        jpeg.put(0xe1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>");
    }),
    ("an ICC profile", Reason::PictureMetadata, |jpeg| {
        jpeg.put(0xe2, b"ICC_PROFILE\0\x01\x01");
    }),
    ("a multi-picture index", Reason::PictureMetadata, |jpeg| {
        jpeg.put(0xe2, b"MPF\0II*\0");
    }),
    ("IPTC", Reason::PictureMetadata, |jpeg| {
        jpeg.put(0xed, b"Photoshop 3.0\0");
    }),
    ("Adobe's segment", Reason::PictureMetadata, |jpeg| {
        jpeg.put(0xee, b"Adobe\0\x64\0\0\0\0\0");
    }),
    (
        "the last of the application segments",
        Reason::PictureMetadata,
        |jpeg| {
            jpeg.put(0xef, b"x");
        },
    ),
    ("a comment", Reason::PictureMetadata, |jpeg| {
        jpeg.put(0xfe, b"hi");
    }),
    (
        "a thumbnail in its JFIF header",
        Reason::PictureMetadata,
        Jpeg::put_thumbnail,
    ),
    ("a picture behind its end", Reason::PictureInvalid, |jpeg| {
        let again = jpeg.0.clone();
        jpeg.0.extend(again);
    }),
    ("sides of 65,535", Reason::PictureInvalid, |jpeg| {
        jpeg.claim_sides(u16::MAX, u16::MAX);
    }),
    (
        "a side just beyond the limit",
        Reason::PictureInvalid,
        |jpeg| {
            jpeg.claim_sides(PICTURE_SIDE_MAX + 1, 64);
        },
    ),
    ("no height", Reason::PictureInvalid, |jpeg| {
        jpeg.claim_sides(64, 0);
    }),
    ("a progressive frame", Reason::PictureInvalid, |jpeg| {
        jpeg.claim_process(0xc2);
    }),
    ("a lossless frame", Reason::PictureInvalid, |jpeg| {
        jpeg.claim_process(0xc3);
    }),
    ("arithmetic coding", Reason::PictureInvalid, |jpeg| {
        jpeg.claim_process(0xc9);
    }),
    (
        "nothing but a beginning and an end",
        Reason::PictureInvalid,
        |jpeg| {
            jpeg.0 = vec![0xff, 0xd8, 0xff, 0xd9];
        },
    ),
    ("another format", Reason::PictureInvalid, |jpeg| {
        jpeg.0 = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff\xff\xff\xff\xff\xff".to_vec();
    }),
    ("not a byte", Reason::PictureInvalid, |jpeg| jpeg.0.clear()),
];

fn with(draft: &mut Draft, change: Change) {
    let picture = draft.picture.take().expect("a draft has a picture");
    let mut jpeg = Jpeg(picture);
    change(&mut jpeg);
    draft.observation.media = vec![media(&jpeg.0)];
    draft.picture = Some(jpeg.0);
}

#[test]
fn a_picture_that_carries_or_claims_what_it_must_not_is_refused() {
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    for (number, (what, reason, change)) in (0..).zip(LIES) {
        let mut draft = phone.draft(number);
        with(&mut draft, *change);
        let answers = phone.upload(&server, &[draft]);
        let verdict = server.verified(&answers[0]).verdict;
        assert_eq!(verdict, Verdict::Refused(*reason), "{what}");
    }
    let good = phone.upload(&server, &[phone.draft(99)]);
    assert_eq!(server.verified(&good[0]).verdict, Verdict::Accepted);
}

/// Some 2 kB that decode to the most pixels that a picture may have, a whole batch of them at once.
#[test]
fn pictures_that_would_decode_to_gigabytes_cost_their_bytes_and_what_one_picture_may_cost() {
    const BOMBS: u64 = 64;
    let server = Server::start(&[]);
    let phone = Phone::new(1).register(&server);
    let drafts: Vec<Draft> = (0..BOMBS)
        .map(|number| {
            let mut draft = phone.draft(number);
            with(&mut draft, |jpeg| {
                jpeg.claim_sides(PICTURE_SIDE_MAX, PICTURE_SIDE_MAX);
            });
            let media = &mut draft.observation.media[0];
            (media.width, media.height) = (PICTURE_SIDE_MAX.into(), PICTURE_SIDE_MAX.into());
            // What is not in the file comes out grey: the pixels are there, and of no quality.
            draft.observation.quality = u8::MAX;
            draft
        })
        .collect();
    for answer in phone.upload(&server, &drafts) {
        let verdict = server.verified(&answer).verdict;
        let expect = [Reason::PictureInvalid, Reason::QualityMismatch].map(Verdict::Refused);
        assert!(expect.contains(&verdict), "{verdict:?}");
    }
    let most_kb = server.memory_peak_kb();
    assert!(most_kb < MEMORY_MAX_KB, "{most_kb} kB");
    let good = phone.upload(&server, &[phone.draft(99)]);
    assert_eq!(server.verified(&good[0]).verdict, Verdict::Accepted);
}

/// 64 times 2,048 x 2,048 x 3 bytes are 800 MB; a picture at a time for each of a machine's cores is some 25 MB each.
const MEMORY_MAX_KB: u64 = 600_000;
