//! Every message of the protocol: the first byte chooses the reader, the rest is its input.
//!
//! Laws: what is read is written again as the same bytes; what is signed is opened by its key, as its type, for its network,
//! and by nothing else; an evidence that can be read is recomputed or refused, and its sum is exact.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use wayhex_fuzz::key::Key;
use wayhex_fuzz::network;
use wayhex_protocol::account::Account;
use wayhex_protocol::batch::SignedPolicy;
use wayhex_protocol::cbor::{Wire, decode_exact};
use wayhex_protocol::envelope::{Signable, open, peek, seal};
use wayhex_protocol::evidence::{Evidence, recompute};
use wayhex_protocol::id::{DeviceId, NetworkId, ObservationId, SessionId};
use wayhex_protocol::key::{PublicKey, Signer};
use wayhex_protocol::limits::SEGMENT_CELLS_MAX;
use wayhex_protocol::observation::Observation;
use wayhex_protocol::policy::Policy;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::Receipt;
use wayhex_protocol::registration::Registration;
use wayhex_protocol::token::Token;
use wayhex_protocol::unit::CellId;

fuzz_target!(|input: &[u8]| {
    let Some((&reader, bytes)) = input.split_first() else {
        return;
    };
    match reader % 16 {
        0 => payload::<Observation, Receipt>(bytes),
        1 => payload::<Receipt, Token>(bytes),
        2 => payload::<Registration, Policy>(bytes),
        3 => payload::<Token, Observation>(bytes),
        4 => payload::<Policy, Registration>(bytes),
        5 => envelope::<Observation>(bytes),
        6 => envelope::<Receipt>(bytes),
        7 => registration(bytes),
        8 => envelope::<Token>(bytes),
        9 => envelope::<Policy>(bytes),
        10 => drop(exact::<PublicKey>(bytes)),
        11 => evidence(bytes),
        12 => signed_policy(bytes),
        13 => observation(bytes),
        14 => texts(bytes),
        _ => raw_key(bytes),
    }
});

fn exact<M: Wire>(bytes: &[u8]) -> Option<M> {
    let message = decode_exact::<M>(bytes).ok()?;
    assert_eq!(message.to_bytes(), bytes, "{} has two encodings", M::NAME);
    Some(message)
}

/// A payload, which is signed where it can be read.
fn payload<M: Signable + PartialEq + Debug, Other: Signable>(bytes: &[u8]) {
    let Some(message) = exact::<M>(bytes) else {
        return;
    };
    let key = Key::device();
    let known = |kid| (kid == key.public_key().thumbprint()).then(|| key.public_key());
    let sealed = seal(&message, &network(), &key).expect("a key in memory signs");
    let opened = open::<M>(&sealed, &network(), known).expect("its own envelope opens");
    assert_eq!(opened.message, message);
    assert_eq!(opened.payload, bytes);
    assert!(open::<Other>(&sealed, &network(), known).is_err());
    let elsewhere = NetworkId::parse("elsewhere").expect("a network id");
    assert!(open::<M>(&sealed, &elsewhere, known).is_err());
    let stranger = Key::foreign().public_key();
    assert!(open::<M>(&sealed, &network(), |_| Some(stranger)).is_err());
    let mut flipped = sealed;
    let bit = bytes.iter().map(|byte| usize::from(*byte)).sum::<usize>() % (flipped.len() * 8);
    flipped[bit / 8] ^= 1 << (bit % 8);
    assert!(open::<M>(&flipped, &network(), known).is_err());
}

/// An envelope as it came; the keys are those that signed the golden vectors.
fn envelope<M: Signable + PartialEq + Debug>(bytes: &[u8]) {
    let keys = [Key::device(), Key::server()].map(|key| key.public_key());
    let known = |kid| keys.iter().find(|key| key.thumbprint() == kid).cloned();
    let seen = peek::<M>(bytes);
    if let Ok(opened) = open::<M>(bytes, &network(), known) {
        assert_eq!(seen, Ok((opened.signer, opened.message)));
    }
}

fn registration(bytes: &[u8]) {
    envelope::<Registration>(bytes);
    if let Ok(opened) = Registration::open(bytes, &network()) {
        assert_eq!(opened.signer, opened.message.key.thumbprint());
    }
}

fn evidence(bytes: &[u8]) {
    let Some(evidence) = exact::<Evidence>(bytes) else {
        return;
    };
    let Ok(found) = recompute(&evidence) else {
        return;
    };
    let payouts = &found.outcome.payouts;
    let divided = payouts.paid().checked_add(payouts.treasury);
    assert_eq!(divided, Some(payouts.pool), "the sum is not exact");
    assert_eq!(found.results.difference(&found.results), None);
    drop(evidence.claimed.difference(&found.results));
    let hash = Evidence::hash_of(bytes);
    let follows_itself = evidence.break_after(&evidence, hash);
    assert!(follows_itself.is_ok_and(|found| found.is_some()));
}

fn signed_policy(bytes: &[u8]) {
    let Ok(signed) = SignedPolicy::from_bytes(bytes) else {
        return;
    };
    assert_eq!(
        signed.to_bytes(),
        bytes,
        "a signed policy has two encodings"
    );
    if let Some(key) = exact::<PublicKey>(&signed.server_key) {
        let opened = open::<Policy>(&signed.envelope, &network(), |_| Some(key));
        drop(opened.map(|opened| opened.message.hash()));
    }
}

/// A lawful segment stays within the law's bounds.
fn observation(bytes: &[u8]) {
    let Some(observation) = exact::<Observation>(bytes) else {
        return;
    };
    if let Ok(facts) = observation.segment.facts() {
        assert!((1..=SEGMENT_CELLS_MAX).contains(&facts.cells.len()));
        assert!(facts.units().count() <= SEGMENT_CELLS_MAX);
    }
    let id = Observation::id(DeviceId([0; 32]), bytes);
    assert_ne!(id, Observation::id(DeviceId([1; 32]), bytes));
}

/// Names and numbers as text: what is read is written again alike.
fn texts(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(account) = Account::parse(text) {
        assert_eq!(Account::parse(account.as_str()), Ok(account.clone()));
        assert!(account.as_str().eq_ignore_ascii_case(text));
    }
    assert!(
        NetworkId::parse(text).is_ok_and(|it| it.as_str() == text)
            || NetworkId::parse(text).is_err()
    );
    assert!(ObservationId::from_hex(text).is_none_or(|id| id.to_string() == text));
    assert!(SessionId::from_hex(text).is_none_or(|id| id.to_string() == text));
    assert!(Reason::from_name(text).is_none_or(|reason| reason.name() == text));
    assert!(
        CellId::from_hex(text).is_none_or(|cell| CellId::from_hex(&cell.to_hex()) == Some(cell))
    );
}

/// A key that anybody may name, and a signature that nobody made.
fn raw_key(bytes: &[u8]) {
    let Some((point, rest)) = bytes.split_first_chunk::<64>() else {
        return;
    };
    let (Some((signature, message)), (x, y)) = (rest.split_first_chunk::<64>(), point.split_at(32))
    else {
        return;
    };
    let half = |half: &[u8]| half.try_into().expect("half of 64 bytes");
    let (x, y) = (half(x), half(y));
    for key in [PublicKey::P256 { x, y }, PublicKey::Ed25519(x)] {
        assert_eq!(PublicKey::from_bytes(&key.to_bytes()), Ok(key.clone()));
        if key.verify(message, signature).is_ok() {
            let longer = [message, b"."].concat();
            assert!(key.verify(&longer, signature).is_err());
        }
    }
}
