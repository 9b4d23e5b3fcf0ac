//! What each unit of an epoch pays, and what each account scores.
//!
//! In each class a unit u pays `P = floor(F(u) x M)`, where F is its freshness when the epoch opened and M the class's
//! greatest weight on it; an account of weight w gets `floor(P x w / W)`, W being the sum of the class's weights on u. Of a
//! cell's four quadrants an account gets the `quadrants_paid` that pay it most. Its score is the sum, capped.
//!
//! [`account_units`] needs only an account's own weights and the public [`UnitRow`]s: a driver repeats his score from his
//! own evidence, to the last digit, and [`score`] is the same function over everybody.

use std::collections::BTreeMap;

use crate::micros::Micros;
use crate::params::ScoringParams;
use crate::unit::Unit;
use crate::weight::{ByClass, Class};

/// For each class, unit and account the greatest weight among the account's accepted observations.
///
/// Adding is taking the greater of two: in any order, and however often, the same observations give the same table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochWeights<A> {
    units: BTreeMap<(Class, Unit), BTreeMap<A, Micros>>,
}

impl<A> Default for EpochWeights<A> {
    fn default() -> Self {
        Self {
            units: BTreeMap::new(),
        }
    }
}

impl<A: Ord + Clone> EpochWeights<A> {
    /// A table without a weight.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in one observation's cover of one unit. A weight above 1.0, which the law cannot make, counts as 1.0.
    pub fn add(&mut self, class: Class, unit: Unit, account: &A, weight: Micros) {
        let weight = weight.min(Micros::ONE);
        let accounts = self.units.entry((class, unit)).or_default();
        match accounts.get_mut(account) {
            Some(greatest) => *greatest = weight.max(*greatest),
            None => {
                accounts.insert(account.clone(), weight);
            }
        }
    }

    /// Every entry, sorted by class, unit and account: the order of the evidence.
    pub fn iter(&self) -> impl Iterator<Item = (Class, Unit, &A, Micros)> {
        self.units.iter().flat_map(|((class, unit), accounts)| {
            accounts
                .iter()
                .map(move |(account, weight)| (*class, *unit, account, *weight))
        })
    }

    /// The class's greatest weight on `unit`, M; zero where the class has not covered it.
    #[must_use]
    pub fn greatest(&self, class: Class, unit: Unit) -> Micros {
        self.units
            .get(&(class, unit))
            .and_then(|accounts| accounts.values().max())
            .copied()
            .unwrap_or_default()
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }
}

/// The public line of one unit in one class: all that an account's share depends on, and no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitRow {
    /// F, the unit's freshness when the epoch opened, at most 1.0.
    pub freshness: Micros,
    /// M, the greatest weight.
    pub greatest: Micros,
    /// W, the sum of the accounts' weights.
    pub sum: Micros,
}

impl UnitRow {
    /// P, what the unit pays to all accounts of the class together: `floor(F x M)`.
    #[must_use]
    pub fn pays(&self) -> Micros {
        self.freshness.times(self.greatest)
    }

    /// What it pays to an account of `weight`: `floor(P x weight / W)`.
    #[must_use]
    pub fn share(&self, weight: Micros) -> Micros {
        self.pays().mul_div(weight, self.sum)
    }
}

/// The outcome of an epoch's scoring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scores<A> {
    /// The table of units, as it is published.
    pub units: BTreeMap<(Class, Unit), UnitRow>,
    /// Each account's capped score in each class. An account with weights is listed even where it scores zero.
    pub accounts: BTreeMap<A, ByClass<Micros>>,
}

/// Scores an epoch. `freshness` gives each unit's F at the opening, in millionths; more than 1.0 counts as 1.0.
pub fn score<A: Ord + Clone>(
    weights: &EpochWeights<A>,
    freshness: impl Fn(Unit) -> Micros,
    params: &ScoringParams,
) -> Scores<A> {
    let mut units = BTreeMap::new();
    let mut own: BTreeMap<(&A, Class), BTreeMap<Unit, Micros>> = BTreeMap::new();
    for ((class, unit), accounts) in &weights.units {
        units.insert(
            (*class, *unit),
            unit_row(accounts.values(), freshness(*unit)),
        );
        for (account, weight) in accounts {
            own.entry((account, *class))
                .or_default()
                .insert(*unit, *weight);
        }
    }
    let mut accounts: BTreeMap<A, ByClass<Micros>> = BTreeMap::new();
    for ((account, class), own) in own {
        let paid = account_units(&own, |unit| units.get(&(class, unit)).copied(), params);
        let score = capped_sum(&paid, params);
        *accounts.entry(account.clone()).or_default().get_mut(class) = score;
    }
    Scores { units, accounts }
}

/// The units that pay an account in one class, with what each pays: of each cell's quadrants the `quadrants_paid` that pay
/// most, between equals the lower number of N, E, S, W. `own` holds the account's weights, `row` the published table; a
/// unit without a row pays nothing.
pub fn account_units(
    own: &BTreeMap<Unit, Micros>,
    row: impl Fn(Unit) -> Option<UnitRow>,
    params: &ScoringParams,
) -> Vec<(Unit, Micros)> {
    let mut offered: Vec<(Unit, Micros)> = own
        .iter()
        .filter_map(|(unit, weight)| row(*unit).map(|row| (*unit, row.share(*weight))))
        .collect();
    offered.sort_by_key(|(unit, pays)| (unit.cell, std::cmp::Reverse(*pays), unit.quadrant));
    offered
        .chunk_by(|(a, _), (b, _)| a.cell == b.cell)
        .flat_map(|cell| {
            cell.iter()
                .take(usize::from(params.quadrants_paid))
                .copied()
        })
        .collect()
}

/// An account's score in one class: the sum of what its units pay, at most `cap_micros`.
#[must_use]
pub fn capped_sum(paid: &[(Unit, Micros)], params: &ScoringParams) -> Micros {
    paid.iter()
        .map(|(_, pays)| *pays)
        .sum::<Micros>()
        .min(Micros(params.cap_micros))
}

fn unit_row<'a>(weights: impl Iterator<Item = &'a Micros>, freshness: Micros) -> UnitRow {
    let empty = UnitRow {
        freshness: freshness.min(Micros::ONE),
        greatest: Micros::ZERO,
        sum: Micros::ZERO,
    };
    weights.fold(empty, |row, weight| UnitRow {
        greatest: row.greatest.max(*weight),
        sum: row.sum.saturating_add(*weight),
        ..row
    })
}
