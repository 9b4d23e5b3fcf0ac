//! From accepted observations to the tables of an evidence, in any order.

use std::collections::{BTreeMap, BTreeSet};

use super::{AccountObservations, Cover, UnitCovers};
use crate::account::Account;
use crate::id::ObservationId;
use crate::micros::Micros;
use crate::unit::Unit;
use crate::weight::{ByClass, Class};

/// One accepted observation, as it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Its id.
    pub id: ObservationId,
    /// For whom.
    pub account: Account,
    /// In which class; `None` where its trust is nothing, and it counts in no unit.
    pub class: Option<Class>,
    /// Its weight.
    pub weight: Micros,
    /// The units that it covers.
    pub units: Vec<Unit>,
}

/// Accounts with their observations, and units with what covers them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// Every account with an accepted observation, ascending.
    pub accounts: Vec<AccountObservations>,
    /// Every unit touched.
    pub units: BTreeMap<Unit, UnitCovers>,
}

impl Tables {
    /// The tables of an epoch; `freshness` gives a unit's F at the opening. The order of the observations does not matter,
    /// and one that is named twice counts once.
    #[must_use]
    pub fn of(observations: &[Counted], freshness: impl Fn(Unit) -> Micros) -> Self {
        let mut ids: BTreeMap<&Account, BTreeSet<ObservationId>> = BTreeMap::new();
        for counted in observations {
            ids.entry(&counted.account).or_default().insert(counted.id);
        }
        let places: BTreeMap<(&Account, ObservationId), (u32, u32)> = (0..)
            .zip(&ids)
            .flat_map(|(account_place, (account, ids))| {
                (0..)
                    .zip(ids)
                    .map(move |(place, id)| ((*account, *id), (account_place, place)))
            })
            .collect();
        let mut covers: BTreeMap<(Unit, Class, u32), (Micros, BTreeSet<u32>)> = BTreeMap::new();
        for counted in observations {
            let Some((class, (account, place))) = counted
                .class
                .zip(places.get(&(&counted.account, counted.id)).copied())
            else {
                continue;
            };
            for unit in &counted.units {
                let (weight, of) = covers.entry((*unit, class, account)).or_default();
                *weight = counted.weight.max(*weight);
                of.insert(place);
            }
        }
        Self {
            units: by_unit(covers, freshness),
            accounts: ids
                .into_iter()
                .map(|(account, ids)| AccountObservations {
                    account: account.clone(),
                    observations: ids.into_iter().collect(),
                })
                .collect(),
        }
    }
}

fn by_unit(
    covers: BTreeMap<(Unit, Class, u32), (Micros, BTreeSet<u32>)>,
    freshness: impl Fn(Unit) -> Micros,
) -> BTreeMap<Unit, UnitCovers> {
    let mut units: BTreeMap<Unit, UnitCovers> = BTreeMap::new();
    for ((unit, class, account), (weight, observations)) in covers {
        let of = units.entry(unit).or_insert_with(|| UnitCovers {
            freshness: freshness(unit),
            covers: ByClass::default(),
        });
        of.covers.get_mut(class).push(Cover {
            account,
            weight,
            observations: observations.into_iter().collect(),
        });
    }
    units
}
