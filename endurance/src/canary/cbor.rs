//! Walks CBOR without knowing what it says: where an item ends, and which integers are in it.

/// Levels of nesting at most.
const DEPTH_MAX: u32 = 24;

/// The tag of a `COSE_Sign1` and the head of its four parts: how every signed message begins.
pub const SIGNED: [u8; 2] = [0xd2, 0x84];

/// The length of the item that these bytes begin with; `None` where they begin with none. Each integer is shown in the order
/// in which it stands, a negative one by its own value; what is in byte strings is not looked at.
pub fn item(bytes: &[u8], integer: &mut dyn FnMut(i128)) -> Option<usize> {
    let mut at = 0;
    walk(bytes, &mut at, integer, DEPTH_MAX)?;
    Some(at)
}

/// The byte strings of an item of two levels, as of an envelope.
#[must_use]
pub fn strings(envelope: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < envelope.len() {
        let first = envelope[at];
        let Some(value) = head(envelope, &mut at) else {
            break;
        };
        if first >> 5 == 2
            && let Some(string) = usize::try_from(value)
                .ok()
                .and_then(|length| envelope.get(at..at.checked_add(length)?))
        {
            found.push(string);
            at += string.len();
        }
    }
    found
}

fn walk(bytes: &[u8], at: &mut usize, integer: &mut dyn FnMut(i128), depth: u32) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    let first = *bytes.get(*at)?;
    let value = head(bytes, at)?;
    match first >> 5 {
        0 => integer(i128::from(value)),
        1 => integer(-1 - i128::from(value)),
        2 | 3 => {
            let end = at.checked_add(usize::try_from(value).ok()?)?;
            bytes.get(*at..end)?;
            *at = end;
        }
        4 => {
            for _ in 0..value {
                walk(bytes, at, integer, depth)?;
            }
        }
        5 => {
            for _ in 0..value.checked_mul(2)? {
                walk(bytes, at, integer, depth)?;
            }
        }
        6 => walk(bytes, at, integer, depth)?,
        _ => {}
    }
    Some(())
}

/// The number in an item's head; indefinite lengths, which nobody here writes, are none.
fn head(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let first = *bytes.get(*at)?;
    *at += 1;
    let length = match first & 0x1f {
        small @ 0..=23 => return Some(u64::from(small)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    let end = *at + length;
    let value = bytes.get(*at..end)?;
    *at = end;
    Some(
        value
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)),
    )
}
