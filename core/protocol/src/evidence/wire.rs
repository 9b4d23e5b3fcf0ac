//! The evidence's encoding; `evidence.rs` draws it.

use std::collections::BTreeMap;

use minicbor::Decoder;

use super::{
    AccountObservations, AccountResult, Cover, EVIDENCE_BYTES_MAX, Evidence, Facts, Results,
    Tables, UnitCovers,
};
use crate::account::Account;
use crate::cbor::{
    DecodeError, MapWriter, Wire, array_of, decode_exact, malformed, missing, read_array,
    read_bytes, read_id, read_map, read_text, read_tuple, read_u32, read_u64, unknown, written,
};
use crate::claims::{Balance, Claims};
use crate::id::{EvidenceHash, ObservationId};
use crate::micros::Micros;
use crate::policy::{Policy, read_account, read_network};
use crate::unit::{CellId, Quadrant, Unit};
use crate::weight::ByClass;

const FORMAT: &str = "wayhex/evidence/1";
/// Entries of one list: the document's own limit binds first, as each entry has more than one byte.
const ENTRIES_MAX: usize = EVIDENCE_BYTES_MAX;

impl Wire for Evidence {
    const NAME: &'static str = "evidence";
    const BYTES_MAX: usize = EVIDENCE_BYTES_MAX;

    fn to_bytes(&self) -> Vec<u8> {
        let facts = &self.facts;
        let map = MapWriter::new()
            .put_text(1, FORMAT)
            .put_text(2, facts.network.as_str())
            .put_u64(3, facts.epoch)
            .put_u64(4, facts.opened_ms)
            .put_u64(5, facts.closed_ms)
            .put_bytes(6, &facts.policy.to_bytes());
        let map = match &facts.previous {
            Some(hash) => map.put_bytes(7, &hash.0),
            None => map,
        };
        map.put_u64(8, facts.burnt.get())
            .put_raw(9, &amounts_to_bytes(&facts.corrections))
            .put_raw(
                10,
                &array_of(facts.claims.balances.iter().map(balance_to_bytes)),
            )
            .put_raw(
                11,
                &array_of(facts.claims.pending.iter().map(pending_to_bytes)),
            )
            .put_raw(
                12,
                &array_of(facts.tables.accounts.iter().map(account_to_bytes)),
            )
            .put_raw(13, &array_of(facts.tables.units.iter().map(unit_to_bytes)))
            .put_raw(14, &self.claimed.to_bytes())
            .finish()
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let what = Self::NAME;
        let (mut format, mut network, mut epoch, mut opened, mut closed, mut policy) =
            (None, None, None, None, None, None);
        let (mut previous, mut burnt, mut corrections, mut balances, mut pending) =
            (None, None, None, None, None);
        let (mut accounts, mut units, mut claimed) = (None, None, None);
        read_map(what, d, |key, d| {
            match key {
                1 => format = (read_text("format", d)? == FORMAT).then_some(()),
                2 => network = Some(read_network(d)?),
                3 => epoch = Some(read_u64("epoch", d)?),
                4 => opened = Some(read_u64("opening time", d)?),
                5 => closed = Some(read_u64("closing time", d)?),
                6 => policy = Some(decode_exact::<Policy>(read_bytes("policy", d)?)?),
                7 => previous = Some(read_id("previous evidence", d, EvidenceHash::from_slice)?),
                8 => burnt = Some(read_micros("credits burnt", d)?),
                9 => corrections = Some(read_amounts("corrections", d)?),
                10 => balances = Some(read_pairs("balances", d, read_balance)?),
                11 => pending = Some(read_pairs("pending payouts", d, read_pending)?),
                12 => accounts = Some(read_array("accounts", ENTRIES_MAX, d, read_observations)?),
                13 => units = Some(read_pairs("units", d, read_unit_covers)?),
                14 => claimed = Some(Results::read(d)?),
                _ => return Err(unknown(what, key)),
            }
            Ok(())
        })?;
        format.ok_or(DecodeError::Range {
            what: "evidence format",
        })?;
        let facts = Facts {
            network: network.ok_or_else(missing(what, "network"))?,
            epoch: epoch.ok_or_else(missing(what, "epoch"))?,
            opened_ms: opened.ok_or_else(missing(what, "opening time"))?,
            closed_ms: closed.ok_or_else(missing(what, "closing time"))?,
            policy: policy.ok_or_else(missing(what, "policy"))?,
            previous,
            burnt: burnt.ok_or_else(missing(what, "credits burnt"))?,
            corrections: corrections.ok_or_else(missing(what, "corrections"))?,
            claims: Claims {
                balances: balances.ok_or_else(missing(what, "balances"))?,
                pending: pending.ok_or_else(missing(what, "pending payouts"))?,
            },
            tables: Tables {
                accounts: accounts.ok_or_else(missing(what, "accounts"))?,
                units: units.ok_or_else(missing(what, "units"))?,
            },
        };
        let claimed = claimed.ok_or_else(missing(what, "results"))?;
        Ok(Self { facts, claimed })
    }
}

impl Results {
    fn to_bytes(&self) -> Vec<u8> {
        let accounts = self.accounts.iter().map(|(account, of)| {
            let AccountResult { score, payout } = of;
            let numbers = [score.high, score.low, payout.high, payout.low];
            named_numbers(account.as_str(), &numbers)
        });
        let freshness = self.freshness.iter().map(|(unit, freshness)| {
            let (cell, quadrant) = (unit.cell.index(), unit.quadrant.number());
            written(|e| e.array(3)?.u64(cell)?.u8(quadrant)?.u64(freshness.get()))
        });
        MapWriter::new()
            .put_raw(1, &array_of(accounts))
            .put_u64(2, self.pool.get())
            .put_u64(3, self.treasury.get())
            .put_raw(4, &array_of(freshness))
            .put_bytes(5, &self.root)
            .finish()
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let what = "results";
        let (mut accounts, mut pool, mut treasury, mut freshness, mut root) =
            (None, None, None, None, None);
        read_map(what, d, |key, d| {
            match key {
                1 => accounts = Some(read_pairs("scores and payouts", d, read_result)?),
                2 => pool = Some(read_micros("pool", d)?),
                3 => treasury = Some(read_micros("treasury", d)?),
                4 => freshness = Some(read_pairs("next freshness", d, read_next)?),
                5 => {
                    root = Some(read_id("root", d, |bytes| {
                        <[u8; 32]>::try_from(bytes).ok()
                    })?);
                }
                _ => return Err(unknown(what, key)),
            }
            Ok(())
        })?;
        Ok(Self {
            accounts: accounts.ok_or_else(missing(what, "scores and payouts"))?,
            pool: pool.ok_or_else(missing(what, "pool"))?,
            treasury: treasury.ok_or_else(missing(what, "treasury"))?,
            freshness: freshness.ok_or_else(missing(what, "next freshness"))?,
            root: root.ok_or_else(missing(what, "root"))?,
        })
    }
}

fn named_numbers(name: &str, numbers: &[Micros]) -> Vec<u8> {
    written(|e| {
        let e = e.array(1 + numbers.len() as u64)?.str(name)?;
        numbers.iter().try_fold(e, |e, number| e.u64(number.get()))
    })
}

fn amounts_to_bytes(amounts: &BTreeMap<Account, Micros>) -> Vec<u8> {
    let pair = |(account, amount): (&Account, &Micros)| named_numbers(account.as_str(), &[*amount]);
    array_of(amounts.iter().map(pair))
}

fn balance_to_bytes((account, of): (&Account, &Balance)) -> Vec<u8> {
    named_numbers(account.as_str(), &[of.matured, of.corrected, of.claimable])
}

fn pending_to_bytes((epoch, amounts): (&u64, &BTreeMap<Account, Micros>)) -> Vec<u8> {
    let mut bytes = written(|e| e.array(2)?.u64(*epoch));
    bytes.extend(amounts_to_bytes(amounts));
    bytes
}

fn account_to_bytes(of: &AccountObservations) -> Vec<u8> {
    written(|e| {
        let e = e
            .array(2)?
            .str(of.account.as_str())?
            .array(of.observations.len() as u64)?;
        of.observations.iter().try_fold(e, |e, id| e.bytes(&id.0))
    })
}

fn unit_to_bytes((unit, of): (&Unit, &UnitCovers)) -> Vec<u8> {
    let (cell, quadrant) = (unit.cell.index(), unit.quadrant.number());
    let mut bytes = written(|e| e.array(5)?.u64(cell)?.u8(quadrant)?.u64(of.freshness.get()));
    bytes.extend(array_of(of.covers.high.iter().map(Cover::to_bytes)));
    bytes.extend(array_of(of.covers.low.iter().map(Cover::to_bytes)));
    bytes
}

impl Cover {
    fn to_bytes(&self) -> Vec<u8> {
        written(|e| {
            let e = e.array(3)?.u32(self.account)?.u64(self.weight.get())?;
            let e = e.array(self.observations.len() as u64)?;
            self.observations
                .iter()
                .try_fold(e, |e, place| e.u32(*place))
        })
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        read_tuple("cover", 3, d)?;
        Ok(Self {
            account: read_u32("account of a cover", d)?,
            weight: read_micros("weight", d)?,
            observations: read_array("observations of a cover", ENTRIES_MAX, d, |d| {
                read_u32("observation of a cover", d)
            })?,
        })
    }
}

/// Reads a list of pairs. One out of order, or a key named twice, does not come out as it went in: `decode_exact` refuses it.
fn read_pairs<K: Ord, V>(
    what: &'static str,
    d: &mut Decoder<'_>,
    pair: impl FnMut(&mut Decoder<'_>) -> Result<(K, V), DecodeError>,
) -> Result<BTreeMap<K, V>, DecodeError> {
    Ok(read_array(what, ENTRIES_MAX, d, pair)?
        .into_iter()
        .collect())
}

fn read_micros(what: &'static str, d: &mut Decoder<'_>) -> Result<Micros, DecodeError> {
    Ok(Micros(read_u64(what, d)?))
}

fn read_amounts(
    what: &'static str,
    d: &mut Decoder<'_>,
) -> Result<BTreeMap<Account, Micros>, DecodeError> {
    read_pairs(what, d, |d| {
        read_tuple(what, 2, d)?;
        Ok((read_account("account", d)?, read_micros("amount", d)?))
    })
}

fn read_balance(d: &mut Decoder<'_>) -> Result<(Account, Balance), DecodeError> {
    read_tuple("balance", 4, d)?;
    let account = read_account("account", d)?;
    let balance = Balance {
        matured: read_micros("matured", d)?,
        corrected: read_micros("corrected", d)?,
        claimable: read_micros("claimable", d)?,
    };
    Ok((account, balance))
}

fn read_pending(d: &mut Decoder<'_>) -> Result<(u64, BTreeMap<Account, Micros>), DecodeError> {
    read_tuple("pending payouts", 2, d)?;
    Ok((read_u64("epoch", d)?, read_amounts("pending payouts", d)?))
}

fn read_observations(d: &mut Decoder<'_>) -> Result<AccountObservations, DecodeError> {
    read_tuple("account", 2, d)?;
    Ok(AccountObservations {
        account: read_account("account", d)?,
        observations: read_array("observations", ENTRIES_MAX, d, |d| {
            read_id("observation", d, ObservationId::from_slice)
        })?,
    })
}

fn read_unit(d: &mut Decoder<'_>) -> Result<Unit, DecodeError> {
    let cell = CellId::new(read_u64("cell", d)?).ok_or(DecodeError::Range { what: "cell" })?;
    let number = d.u8().map_err(malformed("quadrant"))?;
    let quadrant = Quadrant::from_number(number).ok_or(DecodeError::Range { what: "quadrant" })?;
    Ok(Unit { cell, quadrant })
}

fn read_unit_covers(d: &mut Decoder<'_>) -> Result<(Unit, UnitCovers), DecodeError> {
    read_tuple("unit", 5, d)?;
    let unit = read_unit(d)?;
    let covers = UnitCovers {
        freshness: read_micros("freshness", d)?,
        covers: ByClass {
            high: read_array("covers", ENTRIES_MAX, d, Cover::read)?,
            low: read_array("covers", ENTRIES_MAX, d, Cover::read)?,
        },
    };
    Ok((unit, covers))
}

fn read_next(d: &mut Decoder<'_>) -> Result<(Unit, Micros), DecodeError> {
    read_tuple("next freshness", 3, d)?;
    Ok((read_unit(d)?, read_micros("freshness", d)?))
}

fn read_result(d: &mut Decoder<'_>) -> Result<(Account, AccountResult), DecodeError> {
    read_tuple("scores and payouts", 5, d)?;
    let account = read_account("account", d)?;
    let result = AccountResult {
        score: ByClass {
            high: read_micros("score", d)?,
            low: read_micros("score", d)?,
        },
        payout: ByClass {
            high: read_micros("payout", d)?,
            low: read_micros("payout", d)?,
        },
    };
    Ok((account, result))
}
