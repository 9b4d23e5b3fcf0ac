//! Numbers drawn once and the same ever after: HMAC-SHA256 of a secret, read as two fractions.

use ring::hmac;

/// Two numbers in [0, 1) that follow from the secret and the parts.
pub(super) fn draws(secret: &[u8; 32], parts: &[&[u8]]) -> [f64; 2] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    for part in parts {
        context.update(part);
    }
    let tag = context.sign();
    let fraction = |at: usize| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&tag.as_ref()[at..at + 4]);
        f64::from(u32::from_be_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    };
    [fraction(0), fraction(4)]
}
