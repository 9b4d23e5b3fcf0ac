//! What the targets share: keys of fixed seeds, the parts of an input, a small picture, and the phone's pipeline.
//!
//! Each target takes one family of readers, feeds them what a stranger could, and asserts the laws that must hold whatever
//! comes. A law that does not hold panics, which ends the process and makes the input a finding. Inputs are bytes in the form
//! that the reader itself takes, so that a corpus can be written by hand; where a reader takes several things, they are cut
//! by [`CUT`].

pub mod key;
pub mod phone;
pub mod picture;

use wayhex_protocol::id::NetworkId;

/// What cuts an input into parts: two record separators of ASCII.
pub const CUT: [u8; 2] = [0x1e, 0x1e];

/// The network that everything here is for, that of the golden vectors.
#[must_use]
pub fn network() -> NetworkId {
    NetworkId::parse("wayhex-test").expect("the constant is a network id")
}

/// The parts of an input between the cuts, at most `most`; the last one takes the rest.
#[must_use]
pub fn parts(input: &[u8], most: usize) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = input;
    while parts.len() + 1 < most {
        let Some(at) = rest.windows(CUT.len()).position(|pair| pair == CUT) else {
            break;
        };
        parts.push(&rest[..at]);
        rest = &rest[at + CUT.len()..];
    }
    parts.push(rest);
    parts
}
