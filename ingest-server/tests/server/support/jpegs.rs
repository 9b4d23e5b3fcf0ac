//! Pictures changed marker by marker.

/// A picture as its bytes: SOI, then segments, then the scan.
#[derive(Clone)]
pub struct Jpeg(pub Vec<u8>);

impl Jpeg {
    const SOF0: u8 = 0xc0;

    /// Puts a segment right after the picture's beginning.
    pub fn put(&mut self, marker: u8, payload: &[u8]) {
        let length = u16::try_from(payload.len() + 2).expect("a segment's length");
        let segment = [&[0xff, marker], &length.to_be_bytes()[..], payload].concat();
        drop(self.0.splice(2..2, segment));
    }

    /// The payload of the first segment of a marker.
    fn payload(&mut self, marker: u8) -> &mut [u8] {
        let mut at = 2;
        while self.0[at + 1] != marker {
            at += 2 + self.length_at(at + 2);
        }
        let length = self.length_at(at + 2);
        &mut self.0[at + 4..at + 2 + length]
    }

    fn length_at(&self, at: usize) -> usize {
        usize::from(u16::from_be_bytes([self.0[at], self.0[at + 1]]))
    }

    /// Claims other sides in the frame header, whatever the scan holds.
    pub fn claim_sides(&mut self, width: u16, height: u16) {
        let header = self.payload(Self::SOF0);
        header[1..3].copy_from_slice(&height.to_be_bytes());
        header[3..5].copy_from_slice(&width.to_be_bytes());
    }

    /// Says that the frame is of another coding process.
    pub fn claim_process(&mut self, marker: u8) {
        let length = self.payload(Self::SOF0).len();
        let place = self.0.windows(2).position(|two| two == [0xff, Self::SOF0]);
        let place = place.expect("a frame header");
        assert!(length > 6);
        self.0[place + 1] = marker;
    }

    /// Says that the JFIF header carries a thumbnail of one pixel, and brings it.
    pub fn put_thumbnail(&mut self) {
        const APP0: u8 = 0xe0;
        if self.0[2..4] == [0xff, APP0] {
            let length = self.length_at(4);
            drop(self.0.drain(2..4 + length));
        }
        let jfif = b"JFIF\0\x01\x01\0\0\x01\0\x01\x01\x01\xaa\xbb\xcc";
        self.put(APP0, jfif);
    }
}
