//! The fixed point of the law: 1.0 is 1,000,000. Weights, freshness, scores and points are all counted in it.
//!
//! Every product goes through [`Micros::times`] or [`Micros::mul_div`]: 128 bits in between, floored once, so that a
//! formula written left to right has one value on every platform. Nothing here panics; what does not fit stays at the
//! largest value, which no policy of a sane size comes near (18 million million points).

use std::fmt;

/// A number of millionths, never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub u64);

impl Micros {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// 1.0: a whole weight, a whole freshness, one point.
    pub const ONE: Self = Self(1_000_000);

    /// The number of millionths.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The product of two fixed-point numbers: `floor(self * factor / 1.0)`.
    #[must_use]
    pub fn times(self, factor: Self) -> Self {
        self.mul_div(factor, Self::ONE)
    }

    /// `floor(self * numerator / denominator)`; a part of nothing is nothing, so a denominator of zero gives zero.
    #[must_use]
    pub fn mul_div(self, numerator: Self, denominator: Self) -> Self {
        let product = u128::from(self.0) * u128::from(numerator.0);
        let quotient = product.checked_div(u128::from(denominator.0)).unwrap_or(0);
        Self(u64::try_from(quotient).unwrap_or(u64::MAX))
    }

    /// The sum, at most `u64::MAX` millionths.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, at least zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The sum, or nothing where it does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or nothing where it would be negative.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

/// The number of millionths in decimal, as the summaries and the JSON answers carry it.
impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A saturating sum.
impl std::iter::Sum for Micros {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::ZERO, Self::saturating_add)
    }
}
