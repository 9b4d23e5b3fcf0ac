//! The claim tree: OpenZeppelin's StandardMerkleTree over `["address", "uint256"]`, so that its published contracts and
//! libraries check a claim as they stand.
//!
//! ```text
//! leaf = keccak256(keccak256(abi.encode(address, uint256)))      amount = millionths x 10^12: 18 decimals on chain
//! node = keccak256(lesser child || greater child)
//! tree = an array of 2n - 1: node i has the children 2i + 1 and 2i + 2; the leaves, sorted by hash, stand at its end in
//!        reverse, the least one last
//! ```
//! Both hashes of a leaf keep it apart from a node; the order inside a pair spares the proof its directions.

use std::collections::BTreeMap;

use sha3::{Digest, Keccak256};

use crate::account::Account;
use crate::micros::Micros;

/// A Keccak-256 hash.
pub type Hash = [u8; 32];

/// An EVM address.
pub type Address = [u8; 20];

/// The root of a tree without a leaf.
pub const EMPTY_ROOT: Hash = [0; 32];

/// Units of 18 decimals in a millionth of a point.
const UNITS_PER_MICRO: u128 = 1_000_000_000_000;

/// An amount as the chain counts it, with 18 decimals.
#[must_use]
pub fn on_chain(amount: Micros) -> u128 {
    u128::from(amount.get()) * UNITS_PER_MICRO
}

/// One word of the ABI's encoding, in bytes.
const WORD_BYTES: usize = 32;

/// The tree of one close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimTree {
    amounts: BTreeMap<Address, Micros>,
    nodes: Vec<Hash>,
}

/// What an account hands to the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimProof {
    /// The cumulative amount of the leaf.
    pub amount: Micros,
    /// The sibling hashes from the leaf up; empty in a tree of one leaf.
    pub siblings: Vec<Hash>,
}

impl ClaimTree {
    /// The tree over `leaves`. An address named more than once gets one leaf with the sum: the contract counts what an
    /// address has claimed, not what an account has.
    pub fn new(leaves: impl IntoIterator<Item = (Address, Micros)>) -> Self {
        let mut amounts: BTreeMap<Address, Micros> = BTreeMap::new();
        for (address, amount) in leaves {
            let sum = amounts.entry(address).or_default();
            *sum = sum.saturating_add(amount);
        }
        let mut hashes: Vec<Hash> = amounts
            .iter()
            .map(|(address, amount)| leaf_hash(address, *amount))
            .collect();
        hashes.sort_unstable();
        Self {
            amounts,
            nodes: complete_tree(&hashes),
        }
    }

    /// The tree over those of `leaves` whose account has an `eip155` address; the others cannot claim on this chain.
    pub fn of_accounts<'a>(leaves: impl IntoIterator<Item = (&'a Account, Micros)>) -> Self {
        let addressed =
            |(account, amount): (&Account, Micros)| Some((account.eip155_address()?, amount));
        Self::new(leaves.into_iter().filter_map(addressed))
    }

    /// The root; [`EMPTY_ROOT`] without a leaf.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.nodes.first().copied().unwrap_or(EMPTY_ROOT)
    }

    /// The amount and proof of `address`; nothing when it has no leaf.
    #[must_use]
    pub fn proof(&self, address: &Address) -> Option<ClaimProof> {
        let amount = *self.amounts.get(address)?;
        let first_leaf = self.nodes.len() / 2;
        let leaves = self.nodes.get(first_leaf..)?;
        let leaf = leaf_hash(address, amount);
        let place = leaves.binary_search_by(|hash| leaf.cmp(hash)).ok()?;
        let mut node = first_leaf + place;
        let mut siblings = Vec::new();
        while node > 0 {
            let sibling = if node % 2 == 1 { node + 1 } else { node - 1 };
            siblings.push(*self.nodes.get(sibling)?);
            node = (node - 1) / 2;
        }
        Some(ClaimProof { amount, siblings })
    }
}

/// Whether `proof` shows that the tree of `root` grants `address` the proof's amount.
#[must_use]
pub fn verify(root: &Hash, address: &Address, proof: &ClaimProof) -> bool {
    let leaf = leaf_hash(address, proof.amount);
    proof
        .siblings
        .iter()
        .fold(leaf, |hash, sibling| node_hash(&hash, sibling))
        == *root
}

/// The nodes from the root on, over leaf hashes sorted upwards.
fn complete_tree(sorted: &[Hash]) -> Vec<Hash> {
    let mut backwards: Vec<Hash> = Vec::with_capacity(2 * sorted.len());
    backwards.extend(sorted);
    for first in (0..).step_by(2).take(sorted.len().saturating_sub(1)) {
        let parent = node_hash(&backwards[first], &backwards[first + 1]);
        backwards.push(parent);
    }
    backwards.reverse();
    backwards
}

fn leaf_hash(address: &Address, amount: Micros) -> Hash {
    let mut words = [0; 2 * WORD_BYTES];
    words[WORD_BYTES - address.len()..WORD_BYTES].copy_from_slice(address);
    let amount = on_chain(amount).to_be_bytes();
    words[2 * WORD_BYTES - amount.len()..].copy_from_slice(&amount);
    Keccak256::digest(Keccak256::digest(words)).into()
}

fn node_hash(a: &Hash, b: &Hash) -> Hash {
    let (lesser, greater) = if a < b { (a, b) } else { (b, a) };
    Keccak256::new()
        .chain_update(lesser)
        .chain_update(greater)
        .finalize()
        .into()
}
