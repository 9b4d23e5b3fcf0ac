//! Whom a reward is for: a CAIP-10 account.

use core::fmt;

/// Longest CAIP-10 text: namespace 8, reference 32, address 128 and two colons.
pub const ACCOUNT_LENGTH_MAX: usize = 8 + 32 + 128 + 2;

/// A CAIP-10 account (`namespace:reference:address`). Addresses of `eip155` are kept in lower case, so that one
/// account has one spelling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account(String);

/// Why a text is no account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("account {text:?} is not CAIP-10: {cause}")]
pub struct AccountError {
    text: String,
    cause: &'static str,
}

impl Account {
    /// Parses a CAIP-10 text.
    ///
    /// # Errors
    /// Names the part that breaks the grammar, or an `eip155` address that is not 0x and 40 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, AccountError> {
        let fail = |cause| AccountError {
            text: text.chars().take(ACCOUNT_LENGTH_MAX).collect(),
            cause,
        };
        let mut parts = text.splitn(3, ':');
        let (Some(namespace), Some(reference), Some(address)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(fail("three parts are needed, namespace:reference:address"));
        };
        if !within(namespace, 3, 8, |c| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
        }) {
            return Err(fail("the namespace is [-a-z0-9]{3,8}"));
        }
        if !within(reference, 1, 32, |c| {
            c.is_ascii_alphanumeric() || c == '-' || c == '_'
        }) {
            return Err(fail("the reference is [-_a-zA-Z0-9]{1,32}"));
        }
        if !within(address, 1, 128, |c| {
            c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '%')
        }) {
            return Err(fail("the address is [-.%a-zA-Z0-9]{1,128}"));
        }
        if namespace != "eip155" {
            return Ok(Self(text.to_owned()));
        }
        let account = Self(format!(
            "{namespace}:{reference}:{}",
            address.to_ascii_lowercase()
        ));
        account
            .eip155_address()
            .ok_or_else(|| fail("an eip155 address is 0x and 40 hexadecimal digits"))?;
        Ok(account)
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 20 bytes of an `eip155` address; `None` for another namespace.
    #[must_use]
    pub fn eip155_address(&self) -> Option<[u8; 20]> {
        let digits = self
            .0
            .strip_prefix("eip155:")?
            .split_once(':')?
            .1
            .strip_prefix("0x")?;
        if digits.len() != 40 {
            return None;
        }
        let mut address = [0; 20];
        for (byte, pair) in address.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(address)
    }
}

fn within(part: &str, least: usize, most: usize, legal: impl Fn(char) -> bool) -> bool {
    (least..=most).contains(&part.len()) && part.chars().all(legal)
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
