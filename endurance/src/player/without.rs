//! What a phone can be told to leave out: a search for what must not be there has to find it then.

use wayhex_device::privacy::{Trim, TrimError, TripKind, Zone};

/// What is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Without {
    /// The detector sees nothing, so that nothing is covered.
    Redaction,
    /// The driver's zones are not private.
    Zones,
    /// No end of a trip is cut.
    Trim,
}

impl Without {
    /// How phones are told.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Redaction => "redaction",
            Self::Zones => "zones",
            Self::Trim => "trim",
        }
    }
}

/// The zones that are kept private.
pub(super) fn zones(without: Option<Without>, zones: &[Zone]) -> Vec<Zone> {
    if without == Some(Without::Zones) {
        Vec::new()
    } else {
        zones.to_vec()
    }
}

/// What is cut; only a recording may be whole, so a trip is called one.
pub(super) fn trim(
    without: Option<Without>,
    metres: Option<u32>,
    kind: TripKind,
) -> Result<Trim, TrimError> {
    match metres {
        _ if without == Some(Without::Trim) => Trim::exact(0, TripKind::Recording),
        Some(metres) => Trim::exact(metres, kind),
        None => Ok(Trim::default()),
    }
}
