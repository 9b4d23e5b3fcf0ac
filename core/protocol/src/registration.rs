//! Registration: a device proves that it holds its key, and names the account it works for.

use minicbor::Decoder;

use crate::account::Account;
use crate::cbor::{
    DecodeError, MapWriter, Wire, missing, read_bytes, read_id, read_map, read_text, read_u64,
    too_large, unknown,
};
use crate::envelope::{OpenError, Opened, Signable, open, peek};
use crate::id::{NetworkId, Nonce};
use crate::key::PublicKey;
use crate::limits::ORIGIN_BYTES_MAX;
use crate::policy::{read_account, read_network};

/// A device's binding to an account, signed by the key that it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The device's key.
    pub key: PublicKey,
    /// The server's single-use nonce.
    pub nonce: Nonce,
    /// The server's origin as the device knows it, such as `https://ingest.example`.
    pub origin: String,
    /// The network.
    pub network: NetworkId,
    /// Whom the device works for.
    pub account: Account,
    /// Counts up with each change of account; an old registration replayed cannot undo a newer one.
    pub binding: u64,
}

impl Registration {
    /// Opens a registration by the key that it carries itself.
    ///
    /// # Errors
    /// See [`open`]; also when the signer is not that key.
    pub fn open(bytes: &[u8], network: &NetworkId) -> Result<Opened<Self>, OpenError> {
        let (_, claimed) = peek::<Self>(bytes)?;
        open(bytes, network, |kid| {
            (claimed.key.thumbprint() == kid).then_some(claimed.key)
        })
    }
}

impl Signable for Registration {
    const DOMAIN: &'static str = "wayhex/register/1";
}

impl Wire for Registration {
    const NAME: &'static str = "registration";
    const BYTES_MAX: usize = 1_024;

    fn to_bytes(&self) -> Vec<u8> {
        MapWriter::new()
            .put_bytes(1, &self.key.to_bytes())
            .put_bytes(2, &self.nonce.0)
            .put_text(3, &self.origin)
            .put_text(4, self.network.as_str())
            .put_text(5, self.account.as_str())
            .put_u64(6, self.binding)
            .finish()
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let what = Self::NAME;
        let (mut key, mut nonce, mut origin, mut network, mut account, mut binding) =
            (None, None, None, None, None, None);
        read_map(what, d, |field, d| {
            match field {
                1 => key = Some(PublicKey::from_bytes(read_bytes("key", d)?)?),
                2 => nonce = Some(read_id("nonce", d, Nonce::from_slice)?),
                3 => {
                    let text = read_text("origin", d)?;
                    if text.len() > ORIGIN_BYTES_MAX {
                        return Err(too_large("origin", text.len(), ORIGIN_BYTES_MAX));
                    }
                    origin = Some(text.to_owned());
                }
                4 => network = Some(read_network(d)?),
                5 => account = Some(read_account("account", d)?),
                6 => binding = Some(read_u64("binding", d)?),
                _ => return Err(unknown(what, field)),
            }
            Ok(())
        })?;
        Ok(Self {
            key: key.ok_or_else(missing(what, "key"))?,
            nonce: nonce.ok_or_else(missing(what, "nonce"))?,
            origin: origin.ok_or_else(missing(what, "origin"))?,
            network: network.ok_or_else(missing(what, "network"))?,
            account: account.ok_or_else(missing(what, "account"))?,
            binding: binding.ok_or_else(missing(what, "binding"))?,
        })
    }
}
