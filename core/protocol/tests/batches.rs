//! Batches and answers as bytes: in whatever pieces they come, up to each limit and not a byte beyond.

use proptest::prelude::*;
use wayhex_protocol::batch::{Answer, BatchFault, BatchReader, RawItem, SignedPolicy, item_size};
use wayhex_protocol::cbor::DecodeError;
use wayhex_protocol::limits::{
    BATCH_BYTES_MAX, BATCH_ITEMS_MAX, ENVELOPE_BYTES_MAX, PICTURE_BYTES_MAX,
};

fn item(envelope_bytes: usize, picture_bytes: Option<usize>) -> RawItem {
    RawItem {
        envelope: vec![0xe5; envelope_bytes],
        picture: picture_bytes.map(|length| vec![0xab; length]),
    }
}

/// Lengths on both sides of each step of a head, and none.
fn small_items() -> Vec<RawItem> {
    let lengths = [0, 1, 23, 24, 255, 256];
    let mut items: Vec<RawItem> = lengths.map(|length| item(length, None)).into();
    items.extend(lengths.map(|length| item(256 - length, Some(length))));
    items
}

fn bytes_of(items: &[RawItem]) -> Vec<u8> {
    items.iter().flat_map(RawItem::to_bytes).collect()
}

/// The items of a body that comes in these chunks, and how it ends.
fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<RawItem>, Result<(), BatchFault>) {
    let (mut reader, mut items) = (BatchReader::default(), Vec::new());
    for chunk in chunks {
        if let Err(fault) = reader.push(chunk) {
            return (items, Err(fault));
        }
        loop {
            match reader.next_item() {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(fault) => return (items, Err(fault)),
            }
        }
    }
    (items, reader.finish())
}

#[test]
fn a_batch_is_read_alike_wherever_it_is_split() {
    let items = small_items();
    let bytes = bytes_of(&items);
    for at in 0..=bytes.len() {
        let (before, after) = bytes.split_at(at);
        assert_eq!(read([before, after]), (items.clone(), Ok(())), "at {at}");
    }
    let one_by_one = read(bytes.chunks(1));
    assert_eq!(one_by_one, (items, Ok(())));
}

#[test]
fn a_batch_cut_anywhere_gives_its_whole_items_and_says_that_it_was_cut() {
    let items = small_items();
    let bytes = bytes_of(&items);
    let ends: Vec<usize> = items
        .iter()
        .scan(0, |end, item| {
            *end += item.to_bytes().len();
            Some(*end)
        })
        .collect();
    for at in 0..bytes.len() {
        let whole = ends.iter().filter(|end| **end <= at).count();
        let expect = if at == 0 || ends.contains(&at) {
            Ok(())
        } else {
            Err(BatchFault::CutShort)
        };
        assert_eq!(
            read([&bytes[..at]]),
            (items[..whole].to_vec(), expect),
            "at {at}"
        );
    }
}

#[test]
fn the_size_of_an_item_is_known_before_it_is_written() {
    for (envelope, picture) in [
        (0, None),
        (23, Some(24)),
        (255, Some(65_535)),
        (256, Some(65_536)),
        (ENVELOPE_BYTES_MAX, Some(PICTURE_BYTES_MAX)),
    ] {
        assert_eq!(
            item(envelope, picture).to_bytes().len(),
            item_size(envelope, picture)
        );
    }
}

#[test]
fn each_string_may_be_as_long_as_its_limit_and_no_longer() {
    let longest = [
        item(ENVELOPE_BYTES_MAX, None),
        item(1, Some(PICTURE_BYTES_MAX)),
    ];
    for item in longest {
        assert_eq!(read([&item.to_bytes()[..]]), (vec![item], Ok(())));
    }
    let too_long = |item: RawItem, expect: &str| {
        // The head alone is enough: what it announces is not waited for.
        let head = &item.to_bytes()[..12];
        match read([head]) {
            (items, Err(BatchFault::TooLarge { what, .. })) => {
                assert_eq!((items, what), (vec![], expect));
            }
            other => panic!("{other:?}"),
        }
    };
    too_long(item(ENVELOPE_BYTES_MAX + 1, None), "envelope");
    too_long(item(1, Some(PICTURE_BYTES_MAX + 1)), "picture");
}

#[test]
fn a_batch_has_as_many_items_as_its_limit_and_no_more() {
    let items = vec![item(1, None); BATCH_ITEMS_MAX];
    let full = bytes_of(&items);
    assert_eq!(read([&full[..]]), (items.clone(), Ok(())));
    let one_more = [full.clone(), item(1, None).to_bytes()].concat();
    assert_eq!(
        read([&one_more[..]]),
        (items.clone(), Err(BatchFault::TooManyItems))
    );
    let (read_items, fault) = read([&one_more[..full.len() + 2]]);
    assert_eq!((read_items, fault), (items, Err(BatchFault::CutShort)));
}

#[test]
fn a_batch_has_as_many_bytes_as_its_limit_and_no_more() {
    let large = item(1, Some(PICTURE_BYTES_MAX));
    let mut items = vec![large.clone(); BATCH_BYTES_MAX / large.to_bytes().len()];
    let rest = BATCH_BYTES_MAX - bytes_of(&items).len();
    let around = item_size(1, Some(rest)) - rest;
    items.push(item(1, Some(rest - around)));
    let full = bytes_of(&items);
    assert_eq!(full.len(), BATCH_BYTES_MAX);
    assert_eq!(read(full.chunks(1 << 20)), (items, Ok(())));
    let mut reader = BatchReader::default();
    for chunk in full.chunks(1 << 20) {
        reader.push(chunk).unwrap();
        while reader.next_item().unwrap().is_some() {}
    }
    assert_eq!(reader.push(&[0x82]), Err(BatchFault::TooManyBytes));
}

#[test]
fn what_is_no_item_is_refused_from_its_first_bytes() {
    let range = |what| BatchFault::Decode(DecodeError::Range { what });
    let not_canonical = |what| BatchFault::Decode(DecodeError::NotCanonical { what });
    let endless = BatchFault::TooLarge {
        what: "envelope",
        size: u64::MAX,
        limit: ENVELOPE_BYTES_MAX,
    };
    let cases: &[(&[u8], BatchFault)] = &[
        (&[0x00], range("item")),
        (&[0x81], range("item")),
        (&[0x83], range("item")),
        (&[0x9f], range("item")),
        (&[0x98, 0x02], range("item")),
        (&[0xd2, 0x82], range("item")),
        (&[0x82, 0x00], range("envelope")),
        (&[0x82, 0x61, 0x78], range("envelope")),
        (&[0x82, 0xf6], range("envelope")),
        (&[0x82, 0x5f], not_canonical("envelope")),
        (&[0x82, 0x5c], not_canonical("envelope")),
        (&[0x82, 0x58, 0x17], not_canonical("envelope")),
        (&[0x82, 0x59, 0x00, 0xff], not_canonical("envelope")),
        (
            &[0x82, 0x5a, 0x00, 0x00, 0x00, 0x01],
            not_canonical("envelope"),
        ),
        (
            &[0x82, 0x5b, 0, 0, 0, 0, 0, 0, 0, 1],
            not_canonical("envelope"),
        ),
        (
            &[0x82, 0x5b, 255, 255, 255, 255, 255, 255, 255, 255],
            endless,
        ),
        (&[0x82, 0x40, 0x00], range("picture")),
        (&[0x82, 0x40, 0xf7], range("picture")),
        (&[0x82, 0x40, 0xf5], range("picture")),
        (&[0x82, 0x40, 0x5f], not_canonical("picture")),
        (&[0x82, 0x40, 0x58, 0x00], not_canonical("picture")),
    ];
    for (bytes, expect) in cases {
        assert_eq!(
            read([*bytes]),
            (vec![], Err(expect.clone())),
            "{bytes:02x?}"
        );
        let one_by_one = read(bytes.chunks(1));
        assert_eq!(one_by_one, (vec![], Err(expect.clone())), "{bytes:02x?}");
    }
}

#[test]
fn answers_are_read_up_to_where_they_stop_being_answers() {
    let answer = |length, replayed| Answer {
        receipt: vec![7; length],
        replayed,
    };
    let answers = vec![answer(200, false), answer(0, true)];
    let whole: Vec<u8> = answers.iter().flat_map(Answer::to_bytes).collect();
    assert_eq!(Answer::read_all(&whole), answers);
    for cut in 0..whole.len() {
        let expect = usize::from(cut >= answers[0].to_bytes().len());
        assert_eq!(Answer::read_all(&whole[..cut]), answers[..expect]);
    }
    for tail in [
        &b"<html>"[..],
        &[0x83, 0x41, 7, 0xf4, 0xf4],
        &[0x9f, 0x41, 7, 0xf4, 0xff],
        &[0x82, 0x58, 0x01, 7, 0xf4],
        &[0x98, 0x02, 0x41, 7, 0xf4],
        &[0x82, 0x5f, 0x41, 7, 0xff, 0xf4],
        &[0x82, 0x41, 7, 0xf6],
    ] {
        let bytes = [&whole[..], tail, &whole].concat();
        assert_eq!(Answer::read_all(&bytes), answers, "{tail:02x?}");
    }
    let flood = answer(1, false).to_bytes().repeat(BATCH_ITEMS_MAX + 1);
    assert_eq!(Answer::read_all(&flood).len(), BATCH_ITEMS_MAX);
}

#[test]
fn a_signed_policy_has_one_encoding() {
    let signed = SignedPolicy {
        server_key: vec![1; 40],
        envelope: vec![2; 300],
    };
    let good = signed.to_bytes();
    assert_eq!(SignedPolicy::from_bytes(&good), Ok(signed));
    for length in 0..good.len() {
        assert!(SignedPolicy::from_bytes(&good[..length]).is_err());
    }
    let long_head = [&good[..1], &[0x59, 0, 40], &good[3..]].concat();
    let indefinite = [&[0x9f], &good[1..], &[0xff]].concat();
    let followed = [&good[..], &[0]].concat();
    let of_three = [&[0x83], &good[1..], &[0xf6]].concat();
    for bytes in [long_head, indefinite, followed, of_three] {
        assert!(SignedPolicy::from_bytes(&bytes).is_err(), "{bytes:02x?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_are_read_alike_and_never_beyond_the_limits(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        honest in any::<bool>(),
        size in 1..50_usize,
    ) {
        if honest {
            bytes = bytes_of(&small_items());
            for (place, with) in flips {
                let place = place.index(bytes.len());
                bytes[place] = with;
            }
        }
        let whole = read([&bytes[..]]);
        prop_assert_eq!(read(bytes.chunks(size)), whole.clone());
        let again = bytes_of(&whole.0);
        prop_assert!(bytes.starts_with(&again), "what was read is what was sent");
    }
}
