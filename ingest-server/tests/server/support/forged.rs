//! Envelopes that no phone of ours would make.

use minicbor::Encoder;
use minicbor::data::Tag;
use wayhex_protocol::id::DeviceId;
use wayhex_protocol::key::Signer;

use super::network;

/// An envelope part by part; what is signed is what it says.
pub struct Forged<'a> {
    pub domain: &'a str,
    pub payload: &'a [u8],
    /// Who signs.
    pub signer: &'a dyn Signer,
    /// Who is named as the signer.
    pub kid: DeviceId,
    /// The algorithm that is named.
    pub algorithm: i64,
}

impl<'a> Forged<'a> {
    /// A message of a domain as its signer would write it.
    pub fn new(domain: &'a str, payload: &'a [u8], signer: &'a dyn Signer) -> Self {
        let key = signer.public_key();
        Self {
            domain,
            payload,
            signer,
            kid: key.thumbprint(),
            algorithm: key.algorithm(),
        }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let protected = written(|e| {
            let e = e.map(2)?.u8(1)?.i64(self.algorithm)?;
            e.u8(4)?.bytes(&self.kid.0)
        });
        let aad = written(|e| e.array(2)?.str(self.domain)?.str(network().as_str()));
        let signed = written(|e| {
            let e = e.array(4)?.str("Signature1")?.bytes(&protected)?;
            e.bytes(&aad)?.bytes(self.payload)
        });
        let signature = self.signer.sign(&signed).expect("the key signs");
        written(|e| {
            let e = e.tag(Tag::new(18))?.array(4)?.bytes(&protected)?.map(0)?;
            e.bytes(self.payload)?.bytes(&signature)
        })
    }
}

type Writer = Encoder<Vec<u8>>;
type Written<'a> = Result<&'a mut Writer, minicbor::encode::Error<std::convert::Infallible>>;

fn written(write: impl FnOnce(&mut Writer) -> Written<'_>) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    write(&mut encoder).expect("writing to memory cannot fail");
    encoder.into_writer()
}

/// The order of P-256's group (FIPS 186-5).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// An envelope with a P-256 signature's other s, which fits the message just as well: n - s, at the envelope's end.
pub fn high_s(mut envelope: Vec<u8>) -> Vec<u8> {
    let begin = envelope.len() - 32;
    let mut borrow = 0;
    for (byte, order) in envelope[begin..].iter_mut().zip(P256_ORDER).rev() {
        let difference = i16::from(order) - i16::from(*byte) - borrow;
        borrow = i16::from(difference < 0);
        *byte = difference.to_le_bytes()[0];
    }
    envelope
}
