//! Keys by which a signature says nothing about its message.

use wayhex_protocol::key::{BadSignature, PublicKey};

/// The y coordinates of the eight points of Ed25519 whose order divides 8, little-endian, also as they are not reduced: the
/// neutral point, those of order 2, 4 and 8.
const SMALL_ORDER_Y: [&str; 7] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];
/// Messages tried: one signature fits an eighth of them or more.
const MESSAGES: u8 = 64;

/// Every encoding of every such point, both signs of x.
fn points() -> Vec<[u8; 32]> {
    let mut points = Vec::new();
    for text in SMALL_ORDER_Y {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes());
        let mut point = <[u8; 32]>::try_from(bytes.expect("digits")).expect("32 bytes");
        points.push(point);
        point[31] |= 0x80;
        points.push(point);
    }
    points
}

/// With S = 0 the equation is R = -kA: some R of these fits whatever k is, and nobody needs a secret for it.
fn signature(r: &[u8; 32]) -> [u8; 64] {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(r);
    signature
}

#[test]
fn a_key_of_small_order_verifies_nothing() {
    for point in points() {
        let key = PublicKey::Ed25519(point);
        for r in points() {
            for message in 0..MESSAGES {
                let checked = key.verify(&[message], &signature(&r));
                assert_eq!(checked, Err(BadSignature), "key {point:02x?}, R {r:02x?}");
            }
        }
    }
}
