//! Numbers that are written as text: what stands in logs, in JSON and in answers.

/// Decimals from which on a number may be a coordinate: 11 m.
const DECIMALS_MIN: usize = 4;
/// Digits before the point that a coordinate has at most; what has more and any decimals is a time, and its whole part tells it.
const DEGREES_DIGITS_MAX: usize = 3;
/// Digits of a number at most; a longer run is no number of ours.
const DIGITS_MAX: usize = 24;

/// A number in a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Digits alone, or before a point, with what may be its sign.
    Whole(i128),
    /// Four decimals and more, with its sign.
    Decimal(f64),
}

/// All of them, each with the offset of its first digit.
#[must_use]
pub fn numbers(bytes: &[u8]) -> Vec<(usize, Number)> {
    let mut found = Vec::new();
    let mut offset = 0;
    while offset < bytes.len() {
        if !bytes[offset].is_ascii_digit() {
            offset += 1;
            continue;
        }
        let whole = digits(&bytes[offset..]);
        let end = offset + whole;
        let decimals = match bytes.get(end) {
            Some(b'.') => digits(&bytes[end + 1..]),
            _ => 0,
        };
        let length = if decimals == 0 {
            whole
        } else {
            whole + 1 + decimals
        };
        if length <= DIGITS_MAX
            && let Ok(text) = std::str::from_utf8(&bytes[offset..offset + length])
        {
            let is_negative = offset > 0 && bytes[offset - 1] == b'-';
            if decimals == 0 || whole > DEGREES_DIGITS_MAX {
                let sign = if is_negative { -1 } else { 1 };
                let number = text[..whole].parse::<i128>();
                found.extend(number.map(|it| (offset, Number::Whole(sign * it))));
            } else if decimals >= DECIMALS_MIN {
                let sign = if is_negative { -1.0 } else { 1.0 };
                let number = text.parse::<f64>();
                found.extend(number.map(|it| (offset, Number::Decimal(sign * it))));
            }
        }
        offset += length;
    }
    found
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|it| it.is_ascii_digit()).count()
}
