//! Reads a SQLite file and its log as they lie on the disk, page by page: what is current, what is free, and every older version
//! that the log still has.
//!
//! After <https://sqlite.org/fileformat2.html>. A row whose pages were taken again in part reads as garbage; nothing is assumed
//! of what comes out.

use std::collections::HashMap;

/// Bytes before the log's first frame, and before each of its pages.
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// Pages of one row at most: 32 MiB of 4 KiB.
const CHAIN_MAX: usize = 8_192;

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// Another number.
    Real(f64),
    /// Text or bytes.
    Bytes(Vec<u8>),
}

/// A row or an index entry: where its page begins, in the file or the log, and its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Offset of its page.
    pub offset: usize,
    /// Whether that is in the log.
    pub in_log: bool,
    /// Its values; those of a table begin with its row's number.
    pub values: Vec<Value>,
}

/// All rows of all versions of all pages, and how many pages there were.
#[must_use]
pub fn rows(file: &[u8], log: &[u8]) -> (Vec<Row>, usize) {
    let Some(size) = page_size(file, log) else {
        return (Vec::new(), 0);
    };
    let mut reader = Reader {
        pages: HashMap::new(),
        usable: size,
        rows: Vec::new(),
    };
    if let Some(reserved) = file.get(20) {
        reader.usable = size - usize::from(*reserved).min(size / 2);
    }
    let mut looked = 0;
    let pages = || file.chunks_exact(size).zip(1_u32..);
    reader
        .pages
        .extend(pages().map(|(page, number)| (number, page)));
    for (page, number) in pages() {
        let offset = size * (to_usize(number) - 1);
        reader.read(page, number, offset, false);
        looked += 1;
    }
    // What one transaction wrote belongs together, its pages in any order.
    let mut together: Vec<(&[u8], u32, usize)> = Vec::new();
    let frames = log.get(LOG_HEADER..).unwrap_or_default();
    for (index, frame) in frames.chunks_exact(FRAME_HEADER + size).enumerate() {
        let (Some(number), Some(commit)) = (u32_at(frame, 0), u32_at(frame, 4)) else {
            continue;
        };
        let offset = LOG_HEADER + index * (FRAME_HEADER + size) + FRAME_HEADER;
        together.push((&frame[FRAME_HEADER..], number, offset));
        looked += 1;
        if commit != 0 {
            reader.read_together(&std::mem::take(&mut together));
        }
    }
    reader.read_together(&together);
    (reader.rows, looked)
}

fn page_size(file: &[u8], log: &[u8]) -> Option<usize> {
    let size = match file.get(16..18) {
        Some(&[0, 1]) => 65_536,
        Some(&[high, low]) => usize::from(high) << 8 | usize::from(low),
        _ => to_usize(u32_at(log, 8)?),
    };
    (size >= 512 && size.is_power_of_two()).then_some(size)
}

struct Reader<'b> {
    pages: HashMap<u32, &'b [u8]>,
    usable: usize,
    rows: Vec<Row>,
}

impl<'b> Reader<'b> {
    fn read_together(&mut self, pages: &[(&'b [u8], u32, usize)]) {
        for (page, number, _) in pages {
            self.pages.insert(*number, page);
        }
        for (page, number, offset) in pages {
            self.read(page, *number, *offset, true);
        }
    }

    fn read(&mut self, page: &[u8], number: u32, offset: usize, in_log: bool) {
        let start = if number == 1 { 100 } else { 0 };
        let Some(kind) = page.get(start).copied() else {
            return;
        };
        let pointers = match kind {
            0x0d | 0x0a => start + 8,
            0x02 => start + 12,
            _ => return,
        };
        let cells = u16_at(page, start + 3).unwrap_or(0);
        for cell in 0..cells {
            let values = u16_at(page, pointers + 2 * cell)
                .and_then(|at| self.cell(page, at, kind))
                .unwrap_or_default();
            if !values.is_empty() {
                self.rows.push(Row {
                    offset,
                    in_log,
                    values,
                });
            }
        }
    }

    fn cell(&self, page: &[u8], mut at: usize, kind: u8) -> Option<Vec<Value>> {
        let mut values = Vec::new();
        if kind == 0x02 {
            at += 4;
        }
        let length = usize::try_from(varint(page, &mut at)?).ok()?;
        if kind == 0x0d {
            values.push(Value::Integer(varint(page, &mut at)?.cast_signed()));
        }
        let usable = self.usable;
        let local_max = if kind == 0x0d {
            usable - 35
        } else {
            (usable - 12) * 64 / 255 - 23
        };
        let local = if length <= local_max {
            length
        } else {
            let least = (usable - 12) * 32 / 255 - 23;
            let kept = least + (length.checked_sub(least)?) % (usable - 4);
            if kept <= local_max { kept } else { least }
        };
        let mut payload = page.get(at..at + local)?.to_vec();
        let mut next = if local < length {
            u32_at(page, at + local)?
        } else {
            0
        };
        for _ in 0..CHAIN_MAX {
            let Some(page) = self.pages.get(&next).filter(|_| payload.len() < length) else {
                break;
            };
            let part = (length - payload.len()).min(usable - 4);
            payload.extend_from_slice(page.get(4..4 + part)?);
            next = u32_at(page, 0)?;
        }
        values.extend(record(&payload)?);
        Some(values)
    }
}

/// The values of a record; the last may be cut short.
fn record(payload: &[u8]) -> Option<Vec<Value>> {
    let mut at = 0;
    let header = usize::try_from(varint(payload, &mut at)?).ok()?;
    let mut values = Vec::new();
    let mut body = header;
    while at < header {
        let kind = varint(payload, &mut at)?;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => usize::try_from((kind - 12) / 2).ok()?,
        };
        let bytes = payload.get(body.min(payload.len())..)?;
        let bytes = &bytes[..length.min(bytes.len())];
        body += length;
        values.push(match kind {
            0 => continue,
            1..=6 => Value::Integer(signed(bytes)),
            7 => Value::Real(f64::from_be_bytes(*bytes.first_chunk()?)),
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            _ => Value::Bytes(bytes.to_vec()),
        });
    }
    Some(values)
}

fn signed(bytes: &[u8]) -> i64 {
    let begin = match bytes.first() {
        Some(first) if first & 0x80 != 0 => -1,
        _ => 0,
    };
    bytes
        .iter()
        .fold(begin, |value, byte| value << 8 | i64::from(*byte))
}

/// Seven bits a byte, the ninth byte whole.
fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for nth in 0..9 {
        let byte = *bytes.get(*at)?;
        *at += 1;
        if nth == 8 {
            return Some(value << 8 | u64::from(byte));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(value)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    let [high, low] = *bytes.get(at..)?.first_chunk()?;
    Some(usize::from(high) << 8 | usize::from(low))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
