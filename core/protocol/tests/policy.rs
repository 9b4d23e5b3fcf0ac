//! The policy and its hash.

#![expect(clippy::unwrap_used, reason = "a broken premise ends the test")]

use wayhex_protocol::cbor::{DecodeError, Wire, decode_exact};
use wayhex_protocol::id::NetworkId;
use wayhex_protocol::policy::{Parameters, Policy};

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
fn every_parameter_has_a_bound_that_is_kept_up_to_its_last_value() {
    let genesis = genesis().parameters;
    assert_eq!(genesis.beyond(), None);
    assert_eq!(Parameters::BOUNDS.len(), genesis.entries().len());
    for (bound, (name, _)) in Parameters::BOUNDS.iter().zip(genesis.entries()) {
        assert_eq!(bound.name, name);
        assert!(!bound.why.is_empty() && i64::try_from(bound.max).is_ok());
        let mut parameters = genesis.clone();
        *parameters.get_mut(name).unwrap() = bound.max;
        assert_eq!(parameters.beyond(), None, "{name}");
        *parameters.get_mut(name).unwrap() += 1;
        assert_eq!(parameters.beyond(), Some(bound), "{name}");
    }
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
