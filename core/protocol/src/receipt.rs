//! Verdict and receipt: what the server signs about each item it was sent.

use minicbor::Decoder;

use crate::cbor::{
    DecodeError, MapWriter, Wire, malformed, missing, read_id, read_map, read_u64, unknown,
};
use crate::envelope::Signable;
use crate::id::ObservationId;
use crate::reason::{Reason, Retry};

/// What became of an item. A refusal whose reason says `later` is not stored, and leaves the item pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is durable and counts in the epoch that the receipt names.
    Accepted,
    /// It is not, and why.
    Refused(Reason),
}

impl Verdict {
    /// Whether the same answer will be given for ever.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Accepted => true,
            Self::Refused(reason) => reason.retry() == Retry::Never,
        }
    }
}

/// The payload of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The observation id of an item that a registered device signed; of any other, SHA-256 of the bytes that came as its
    /// envelope, so that nobody is given a receipt for somebody else's observation.
    pub id: ObservationId,
    /// What became of it.
    pub verdict: Verdict,
    /// The epoch that was open when it was decided.
    pub epoch: u64,
    /// The server's time then, Unix milliseconds.
    pub server_time_ms: u64,
}

impl Signable for Receipt {
    const DOMAIN: &'static str = "wayhex/receipt/1";
}

impl Wire for Receipt {
    const NAME: &'static str = "receipt";
    const BYTES_MAX: usize = 256;

    fn to_bytes(&self) -> Vec<u8> {
        let map = MapWriter::new().put_bytes(1, &self.id.0);
        let map = match self.verdict {
            Verdict::Accepted => map.put_u64(2, 1),
            Verdict::Refused(reason) => map
                .put_u64(2, 2)
                .put_u64(3, u64::from(reason.number()))
                .put_u64(4, u64::from(reason.retry().number())),
        };
        // Key 7 is the inclusion proof in the server's log; null until there is one.
        map.put_u64(5, self.epoch)
            .put_u64(6, self.server_time_ms)
            .put(7, minicbor::Encoder::null)
            .finish()
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let what = Self::NAME;
        let (mut id, mut verdict, mut reason, mut retry, mut epoch, mut time) =
            (None, None, None, None, None, None);
        read_map(what, d, |key, d| {
            match key {
                1 => id = Some(read_id("id", d, ObservationId::from_slice)?),
                2 => verdict = Some(read_u64("verdict", d)?),
                3 => {
                    let number = d.u16().map_err(malformed("reason"))?;
                    reason = Some(
                        Reason::from_number(number).ok_or(DecodeError::Range { what: "reason" })?,
                    );
                }
                4 => retry = Retry::from_number(d.u8().map_err(malformed("retry"))?),
                5 => epoch = Some(read_u64("epoch", d)?),
                6 => time = Some(read_u64("server time", d)?),
                7 => d.null().map_err(malformed("log"))?,
                _ => return Err(unknown(what, key)),
            }
            Ok(())
        })?;
        let verdict = match (verdict, reason) {
            (Some(1), None) => Verdict::Accepted,
            (Some(2), Some(reason)) if retry == Some(reason.retry()) => Verdict::Refused(reason),
            _ => return Err(DecodeError::Range { what: "verdict" }),
        };
        Ok(Self {
            id: id.ok_or_else(missing(what, "id"))?,
            verdict,
            epoch: epoch.ok_or_else(missing(what, "epoch"))?,
            server_time_ms: time.ok_or_else(missing(what, "server time"))?,
        })
    }
}
