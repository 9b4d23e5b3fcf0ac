//! The drives that can be rendered.

use crate::course::{Course, Gap, Stop, Stretch, Turn};

/// Everything that decides the bytes of a rendered drive, besides the photograph that lends the faces.
#[derive(Debug, Clone, PartialEq)]
pub struct DriveSpec {
    /// Seed of every choice.
    pub seed: u64,
    /// Width of the pictures in pixels; the height is 9/16 of it.
    pub width_px: u16,
    /// Unix time of the start, ms.
    pub start_ms: i64,
    /// Where the drive leads.
    pub course: Course,
}

/// 1 June 2026, 10:00 UTC. Replays are shifted to end now, so the date only has to be a plausible one.
const START_MS: i64 = 1_780_308_000_000;

impl DriveSpec {
    /// The drive that the demo plays: 3.4 km, a wait of 32 s, a right turn, 8 s without fixes, a private zone,
    /// a fast stretch. With trips trimmed by up to 750 m at each end, 1.9 km remain, of which the zone takes
    /// 400 to 600 m and the gap 100 m.
    #[must_use]
    pub fn demo() -> Self {
        Self {
            seed: 3,
            width_px: 1280,
            start_ms: START_MS,
            course: Course {
                lat_deg: 46.95,
                lon_deg: 7.45,
                heading_deg: 28.0,
                length_m: 3400.0,
                cruise_mps: 13.0,
                turns: vec![Turn {
                    at_m: 1150.0,
                    degrees: 90.0,
                    radius_m: 18.0,
                    speed_mps: 6.0,
                }],
                stops: vec![Stop {
                    at_m: 900.0,
                    seconds: 32.0,
                }],
                stretches: vec![Stretch {
                    from_m: 2120.0,
                    to_m: 2560.0,
                    speed_mps: 26.0,
                }],
                gaps: vec![Gap {
                    from_m: 1330.0,
                    seconds: 8.0,
                }],
                zones_at_m: vec![1750.0],
            },
        }
    }

    /// About 300 m in pictures of 320 x 180 pixels, for tests that want a drive in a second or two.
    #[must_use]
    pub fn short() -> Self {
        Self {
            seed: 5,
            width_px: 320,
            start_ms: START_MS,
            course: Course {
                lat_deg: 46.95,
                lon_deg: 7.45,
                heading_deg: 28.0,
                length_m: 300.0,
                cruise_mps: 11.0,
                turns: vec![],
                stops: vec![],
                stretches: vec![],
                gaps: vec![],
                zones_at_m: vec![],
            },
        }
    }

    /// Height of the pictures in pixels, even.
    #[must_use]
    pub fn height_px(&self) -> u16 {
        self.width_px / 32 * 18
    }
}
