//! The policy and its hash.

#![expect(clippy::unwrap_used, reason = "a broken premise ends the test")]

use wayhex_protocol::cbor::{DecodeError, Wire, decode_exact};
use wayhex_protocol::id::NetworkId;
use wayhex_protocol::policy::Policy;

fn genesis() -> Policy {
    Policy::genesis(NetworkId::parse("wayhex-test").unwrap())
}

#[test]
fn the_genesis_policy_is_read_back_as_it_was_written() {
    let policy = genesis();
    assert_eq!(decode_exact::<Policy>(&policy.to_bytes()).unwrap(), policy);
    assert!(policy.in_force_at(0) && !policy.in_force_at(policy.valid_until_ms));
}

#[test]
fn every_parameter_changes_the_hash_and_is_found_by_its_name() {
    for (name, value) in genesis().parameters.entries() {
        let mut changed = genesis();
        *changed.parameters.get_mut(name).unwrap() = value + 1;
        assert_ne!(changed.hash(), genesis().hash(), "{name}");
        assert_eq!(
            decode_exact::<Policy>(&changed.to_bytes()).unwrap(),
            changed,
            "{name}"
        );
    }
    assert!(genesis().parameters.get_mut("no_such_parameter").is_none());
}

#[test]
fn a_policy_without_one_of_its_parameters_is_refused() {
    let mut bytes = genesis().to_bytes();
    // The last parameter is a small number: its key 35 takes two bytes, its value one.
    bytes.truncate(bytes.len() - 3);
    bytes[1] -= 1;
    assert!(matches!(
        decode_exact::<Policy>(&bytes),
        Err(DecodeError::Missing { .. })
    ));
}
