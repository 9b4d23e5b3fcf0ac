//! The only thing that lets a queued item go.

use wayhex_protocol::envelope::{OpenError, open};
use wayhex_protocol::id::NetworkId;
use wayhex_protocol::key::PublicKey;
use wayhex_protocol::receipt::Receipt;

/// A receipt that the server's pinned key signed. [`VerifiedReceipt::open`] alone makes it.
///
/// ```compile_fail
/// use wayhex_device::queue::VerifiedReceipt;
/// fn believe(receipt: wayhex_protocol::receipt::Receipt, envelope: Vec<u8>) -> VerifiedReceipt {
///     VerifiedReceipt { receipt, envelope }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedReceipt {
    receipt: Receipt,
    envelope: Vec<u8>,
}

impl VerifiedReceipt {
    /// Opens a receipt's envelope by the server's key.
    ///
    /// # Errors
    /// It is no receipt for this network, or another key signed it.
    pub fn open(
        envelope: &[u8],
        network: &NetworkId,
        server_key: &PublicKey,
    ) -> Result<Self, OpenError> {
        let opened = open::<Receipt>(envelope, network, |kid| {
            (server_key.thumbprint() == kid).then(|| server_key.clone())
        })?;
        Ok(Self {
            receipt: opened.message,
            envelope: envelope.to_vec(),
        })
    }

    /// What it says.
    #[must_use]
    pub const fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// Its envelope.
    #[must_use]
    pub fn envelope(&self) -> &[u8] {
        &self.envelope
    }
}
