//! The claim tree against OpenZeppelin's own library, whose trees are in `vectors/merkle.json`.

use proptest::prelude::*;
use serde_json::Value;
use wayhex_protocol::account::Account;
use wayhex_protocol::merkle::{Address, ClaimProof, ClaimTree, EMPTY_ROOT, Hash, verify};
use wayhex_protocol::micros::Micros;

const VECTORS: &str = include_str!("../vectors/merkle.json");

fn bytes<const N: usize>(value: &Value) -> [u8; N] {
    let digits = value
        .as_str()
        .and_then(|text| text.strip_prefix("0x"))
        .expect("0x and digits");
    let decoded = data_encoding::HEXLOWER
        .decode(digits.as_bytes())
        .expect("hexadecimal");
    decoded.try_into().expect("the right length")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

#[test]
fn roots_and_proofs_are_those_of_openzeppelin() {
    let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
    for expected in list(&vectors["trees"]) {
        let leaves: Vec<(Address, Micros, Vec<Hash>)> = list(&expected["leaves"])
            .iter()
            .map(|leaf| {
                let micros = leaf["micros"]
                    .as_str()
                    .and_then(|text| text.parse().ok())
                    .expect("a number");
                (
                    bytes(&leaf["address"]),
                    Micros(micros),
                    list(&leaf["proof"]).iter().map(bytes).collect(),
                )
            })
            .collect();
        let tree = ClaimTree::new(
            leaves
                .iter()
                .map(|(address, amount, _)| (*address, *amount)),
        );
        let root = bytes(&expected["root"]);
        assert_eq!(tree.root(), root, "{} leaves", leaves.len());
        for (address, amount, siblings) in leaves {
            let proof = ClaimProof { amount, siblings };
            assert!(verify(&root, &address, &proof));
            assert_eq!(tree.proof(&address), Some(proof));
        }
    }
}

#[test]
fn a_tree_without_a_leaf_has_the_zero_root() {
    let tree = ClaimTree::new([]);
    assert_eq!(tree.root(), EMPTY_ROOT);
    assert_eq!(tree.proof(&[1; 20]), None);
}

#[test]
fn an_address_on_two_chains_is_one_leaf_and_other_namespaces_have_none() {
    let hex = "0x00000000000000000000000000000000000000aa";
    let account = |text: &str| Account::parse(text).expect("an account");
    let named = [
        (account(&format!("eip155:1:{hex}")), Micros(3)),
        (account(&format!("eip155:137:{hex}")), Micros(4)),
        (account("cosmos:hub:abc"), Micros(5)),
    ];
    let tree = ClaimTree::of_accounts(named.iter().map(|(account, amount)| (account, *amount)));
    let mut address = [0; 20];
    address[19] = 0xaa;
    assert_eq!(tree, ClaimTree::new([(address, Micros(7))]));
}

proptest! {
    #[test]
    fn every_leaf_is_proven_and_nothing_else(
        leaves in prop::collection::btree_map(any::<[u8; 20]>(), any::<u64>().prop_map(Micros), 1..40),
        other in any::<u64>().prop_map(Micros),
    ) {
        let tree = ClaimTree::new(leaves.clone());
        for (address, amount) in leaves {
            let proof = tree.proof(&address).expect("a leaf");
            prop_assert_eq!(proof.amount, amount);
            prop_assert!(verify(&tree.root(), &address, &proof));
            let forged = ClaimProof { amount: other, siblings: proof.siblings };
            prop_assert_eq!(verify(&tree.root(), &address, &forged), other == amount);
        }
    }
}
