//! Every limit of the wire, with unit and reason. What a network may tune is in the policy instead.

/// Vertices of a segment: enough for a roundabout at 60 m, few enough to sign with each picture.
pub const SEGMENT_VERTICES_MAX: usize = 8;
/// Metres of a segment: twice the widest spacing and slack, so that a lie stays local.
pub const SEGMENT_LENGTH_MAX_M: f64 = 60.0;
/// Metres from a segment's first vertex to its last below which it has no direction: the fixes of a phone at rest wander by
/// one or two within a segment's 10 s, and the slowest way that is captured (0.5 m/s) is 5 m long in them.
pub const SEGMENT_SPAN_MIN_M: f64 = 3.0;
/// Milliseconds from a segment's first vertex to the capture: at 10 s a slow crawl still joins up.
pub const SEGMENT_DURATION_MAX_MS: u32 = 10_000;
/// Cells of a segment: 60 m cross about 7, and 12 at most where cells are smallest, beside a pentagon, since no way from corner
/// to corner meets more than 0.1532 cells there for each metre beyond the three that it begins in: 3 + 60 x 0.1532 = 12.19. So
/// [`SEGMENT_LENGTH_MAX_M`] always refuses first; this limit keeps the work for a message bounded should that one be raised.
pub const SEGMENT_CELLS_MAX: usize = 12;
/// Metres per second between two vertices (252 km/h): faster is no car.
pub const LEG_SPEED_MAX_M_S: f64 = 70.0;

/// Spread of acceleration, mm/s², below which a phone lies still: the noise of its sensor at rest is 5 to 15; in a car at
/// 15 m/s on a good road it is 230 and more over a second.
pub const REST_SPREAD_MAX_MM_S2: u32 = 20;
/// Samples of acceleration without which no spread is told: a few can be alike in a moving car.
pub const SPREAD_SAMPLES_MIN: usize = 10;
/// Milliseconds that a segment must last to be held against a phone that lies still: shorter ones see too little of the road.
pub const REST_DURATION_MIN_MS: u32 = 500;
/// Metres per second from first to last vertex that no phone has which lies still.
pub const REST_SPEED_MAX_M_S: f64 = 3.0;

/// Bytes of a signed envelope: an observation of 8 vertices and 4 models needs under 700.
pub const ENVELOPE_BYTES_MAX: usize = 4_096;
/// Bytes of a signed policy: it carries up to [`POLICY_MODELS_MAX`] model hashes.
pub const POLICY_BYTES_MAX: usize = 16_384;
/// Bytes of a picture (2 MB): with its envelope it fits an item of 2 MiB.
pub const PICTURE_BYTES_MAX: usize = 2_000_000;
/// Pixels of a picture's longer side: what the map needs to read a sign across a street.
pub const PICTURE_SIDE_MAX: u16 = 2_048;
/// Items of an upload batch.
pub const BATCH_ITEMS_MAX: usize = 64;
/// Bytes of an upload batch (16 MiB): what a phone can afford to send again.
pub const BATCH_BYTES_MAX: usize = 16 * 1_024 * 1_024;
/// Pictures of one observation: one, until a kind needs more.
pub const MEDIA_MAX: usize = 1;
/// Models that one observation or policy names.
pub const POLICY_MODELS_MAX: usize = 32;
/// Models that one observation names: one for each role, twice over.
pub const OBSERVATION_MODELS_MAX: usize = 4;

/// Unix milliseconds of 2010-01-01: no earlier time is a capture's.
pub const TIME_MIN_MS: u64 = 1_262_304_000_000;
/// Milliseconds that a capture may lie ahead of the server's clock: what clocks differ by.
pub const TIME_AHEAD_MAX_MS: u64 = 300_000;

/// Seconds for which a driver's token is good.
pub const TOKEN_LIFE_S: u64 = 60;
/// Bytes of a path that a token may name.
pub const TOKEN_PATH_BYTES_MAX: usize = 256;
/// Bytes of a server's origin in a registration.
pub const ORIGIN_BYTES_MAX: usize = 256;
