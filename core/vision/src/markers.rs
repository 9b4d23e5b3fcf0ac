//! A walk over a JPEG's segments (ITU-T T.81 annex B), without decoding a pixel.

/// Marker bytes, the second of each pair; the first is always 0xFF.
pub(crate) mod marker {
    pub(crate) const SOF0: u8 = 0xC0;
    pub(crate) const DHT: u8 = 0xC4;
    pub(crate) const SOI: u8 = 0xD8;
    pub(crate) const EOI: u8 = 0xD9;
    pub(crate) const SOS: u8 = 0xDA;
    pub(crate) const DQT: u8 = 0xDB;
    pub(crate) const DRI: u8 = 0xDD;
    pub(crate) const APP0: u8 = 0xE0;
    pub(crate) const APP15: u8 = 0xEF;
    pub(crate) const COM: u8 = 0xFE;
}

/// Why the walk ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WalkFault {
    /// The bytes do not begin with a start of image.
    NotJpeg,
    /// The bytes end before the end of image.
    Truncated,
    /// Neither a marker nor a length where one has to be.
    Malformed {
        /// Offset from the file's first byte.
        offset: usize,
    },
}

/// One segment: its marker, what it holds after its length, and where the next byte stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment<'a> {
    pub(crate) marker: u8,
    pub(crate) payload: &'a [u8],
    /// Bytes of 0xFF before the marker beyond the one that it needs: legal, and a place to hide things.
    pub(crate) fill: usize,
    /// Offset of the byte after the segment.
    pub(crate) end: usize,
}

/// The segments after the start of image, up to and with the end of image. Entropy-coded data is passed over.
pub(crate) struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
    ended: bool,
}

impl<'a> Segments<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Result<Self, WalkFault> {
        match bytes {
            [0xFF, marker::SOI, ..] => Ok(Self {
                bytes,
                at: 2,
                ended: false,
            }),
            _ => Err(WalkFault::NotJpeg),
        }
    }

    fn step(&mut self) -> Result<Segment<'a>, WalkFault> {
        if self.byte(self.at)? != 0xFF {
            return Err(WalkFault::Malformed { offset: self.at });
        }
        let mut fill = 0;
        while self.byte(self.at + 1 + fill)? == 0xFF {
            fill += 1;
        }
        let offset = self.at + 1 + fill;
        let marker = self.byte(offset)?;
        let payload = match marker {
            marker::EOI => &[][..],
            0x00 | 0x01 | 0xD0..=marker::SOI => return Err(WalkFault::Malformed { offset }),
            _ => self.payload(offset + 1)?,
        };
        let mut end = offset + 1;
        if marker == marker::EOI {
            self.ended = true;
        } else {
            end += 2 + payload.len();
        }
        self.at = end;
        if marker == marker::SOS {
            self.at = self.after_entropy(end)?;
        }
        Ok(Segment {
            marker,
            payload,
            fill,
            end,
        })
    }

    fn byte(&self, at: usize) -> Result<u8, WalkFault> {
        self.bytes.get(at).copied().ok_or(WalkFault::Truncated)
    }

    /// What follows the length at `at`; the length counts itself.
    fn payload(&self, at: usize) -> Result<&'a [u8], WalkFault> {
        let length = u16::from_be_bytes([self.byte(at)?, self.byte(at + 1)?]);
        let length = usize::from(length);
        if length < 2 {
            return Err(WalkFault::Malformed { offset: at });
        }
        self.bytes
            .get(at + 2..at + length)
            .ok_or(WalkFault::Truncated)
    }

    /// Offset of the first marker that is neither a stuffed zero nor a restart.
    fn after_entropy(&self, from: usize) -> Result<usize, WalkFault> {
        let rest = self.bytes.get(from..).unwrap_or_default();
        rest.windows(2)
            .position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xD0..=0xD7))
            .map(|found| from + found)
            .ok_or(WalkFault::Truncated)
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Result<Segment<'a>, WalkFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let step = self.step();
        self.ended |= step.is_err();
        Some(step)
    }
}
