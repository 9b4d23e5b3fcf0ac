//! The driver's token: a request for his own data, signed by his device for one path and one minute.

use minicbor::Decoder;

use crate::cbor::{
    DecodeError, MapWriter, Wire, missing, read_map, read_text, read_u64, too_large, unknown,
};
use crate::envelope::Signable;
use crate::limits::{TIME_AHEAD_MAX_MS, TOKEN_LIFE_S, TOKEN_PATH_BYTES_MAX};

/// CWT claims (RFC 8392): `aud` 3, `exp` 4, `iat` 6; method and path under private keys of our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The server's origin.
    pub audience: String,
    /// When it was made, Unix seconds.
    pub issued_at_s: u64,
    /// The HTTP method it is for.
    pub method: String,
    /// The path with its query.
    pub path: String,
}

impl Token {
    /// Whether it is good at `now_ms`, Unix milliseconds: made at most a minute ago, or ahead of us by what clocks differ.
    #[must_use]
    pub fn is_fresh(&self, now_ms: u64) -> bool {
        let expires_ms = self
            .issued_at_s
            .saturating_add(TOKEN_LIFE_S)
            .saturating_mul(1_000);
        now_ms < expires_ms
            && self.issued_at_s.saturating_mul(1_000) <= now_ms.saturating_add(TIME_AHEAD_MAX_MS)
    }
}

impl Signable for Token {
    const DOMAIN: &'static str = "wayhex/token/1";
}

impl Wire for Token {
    const NAME: &'static str = "token";
    const BYTES_MAX: usize = 1_024;

    fn to_bytes(&self) -> Vec<u8> {
        MapWriter::new()
            .put_text(3, &self.audience)
            .put_u64(4, self.issued_at_s.saturating_add(TOKEN_LIFE_S))
            .put_u64(6, self.issued_at_s)
            .put_text(256, &self.method)
            .put_text(257, &self.path)
            .finish()
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let what = Self::NAME;
        let (mut audience, mut issued, mut method, mut path) = (None, None, None, None);
        read_map(what, d, |key, d| {
            match key {
                3 => audience = Some(short_text("audience", d)?),
                // The expiry follows from the time of issue; another one is not canonical.
                4 => drop(read_u64("expiry", d)?),
                6 => issued = Some(read_u64("time of issue", d)?),
                256 => method = Some(short_text("method", d)?),
                257 => path = Some(short_text("path", d)?),
                _ => return Err(unknown(what, key)),
            }
            Ok(())
        })?;
        Ok(Self {
            audience: audience.ok_or_else(missing(what, "audience"))?,
            issued_at_s: issued.ok_or_else(missing(what, "time of issue"))?,
            method: method.ok_or_else(missing(what, "method"))?,
            path: path.ok_or_else(missing(what, "path"))?,
        })
    }
}

fn short_text(what: &'static str, d: &mut Decoder<'_>) -> Result<String, DecodeError> {
    let text = read_text(what, d)?;
    if text.len() > TOKEN_PATH_BYTES_MAX {
        return Err(too_large(what, text.len(), TOKEN_PATH_BYTES_MAX));
    }
    Ok(text.to_owned())
}
