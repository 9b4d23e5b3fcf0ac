//! Numbers that look random and are not: every choice in a rendered drive is a hash of the seed and of what it
//! is about, so that any frame can be drawn alone, on any thread, and comes out the same.

/// A 64-bit hash of a seed and two labels (the finaliser of `SplitMix64`, applied once per word).
#[must_use]
pub fn hash(seed: u64, kind: u64, index: u64) -> u64 {
    let mut x = seed ^ 0x9e37_79b9_7f4a_7c15;
    for word in [kind, index] {
        x = x.wrapping_add(word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
    }
    x
}

/// A stream of choices about one thing.
#[derive(Debug, Clone)]
pub struct Dice {
    seed: u64,
    kind: u64,
    next: u64,
}

impl Dice {
    /// The choices about thing `index` of `kind`.
    #[must_use]
    pub fn new(seed: u64, kind: u64, index: u64) -> Self {
        Self {
            seed: hash(seed, kind, index),
            kind,
            next: 0,
        }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.next += 1;
        hash(self.seed, self.kind, self.next)
    }

    /// A number in `[low, high)`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        let unit = f64::from(u32::try_from(self.bits() >> 32).unwrap_or(0)) / 4_294_967_296.0;
        low + (high - low) * unit
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.bits() % 100 < percent
    }

    /// One of `options`, none of an empty list.
    pub fn pick<'a, T>(&mut self, options: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(options.len()).unwrap_or(1).max(1);
        options.get(usize::try_from(self.bits() % count).unwrap_or(0))
    }

    /// About normal, mean 0 and deviation 1 (twelve uniform numbers), never beyond 6.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.between(0.0, 1.0)).sum::<f64>() - 6.0
    }
}

/// The whole number below `value`; the ends of `i32` for what lies beyond them, 0 for NaN.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float cast saturates, which is what is documented"
)]
#[must_use]
pub fn floor(value: f64) -> i32 {
    value.floor() as i32
}

/// `value` rounded to a byte, clamped to 0..=255.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates"
)]
#[must_use]
pub fn byte(value: f64) -> u8 {
    value.round() as u8
}

/// A count as a length or an index; negative is 0.
#[must_use]
pub fn index(value: i32) -> usize {
    usize::try_from(value).unwrap_or(0)
}

/// A length as a signed number; beyond `i32` it stays at its end.
#[must_use]
pub fn signed(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// A length as a float.
#[must_use]
pub fn float(value: usize) -> f64 {
    f64::from(u32::try_from(value).unwrap_or(u32::MAX))
}
