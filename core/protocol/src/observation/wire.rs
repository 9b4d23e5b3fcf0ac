//! The observation's encoding, field by field as `wire.md` draws it.

use minicbor::Decoder;

use super::{FixQuality, Kind, Media, Model, Motion, Observation, Redaction, Role, TimeSource};
use crate::cbor::{
    DecodeError, MapWriter, Wire, array_of, malformed, missing, read_array, read_bytes, read_id,
    read_map, read_tuple, read_u32, read_u64, unknown, written,
};
use crate::id::{ModelHash, PictureHash, PolicyHash, Salt, SessionId};
use crate::limits::{ENVELOPE_BYTES_MAX, MEDIA_MAX, OBSERVATION_MODELS_MAX, SEGMENT_VERTICES_MAX};
use crate::position::Position;
use crate::segment::{Segment, Vertex};

impl Wire for Observation {
    const NAME: &'static str = "observation";
    const BYTES_MAX: usize = ENVELOPE_BYTES_MAX - 256;

    fn to_bytes(&self) -> Vec<u8> {
        let vertices = array_of(self.segment.vertices().iter().map(|vertex| {
            let (lat, lon) = (vertex.position.lat_e7(), vertex.position.lon_e7());
            written(|e| e.array(3)?.i32(lat)?.i32(lon)?.u32(vertex.before_ms))
        }));
        MapWriter::new()
            .put_u64(1, self.kind as u64)
            .put_bytes(2, &self.session.0)
            .put_u64(3, self.sequence)
            .put_u64(4, self.captured_at_ms)
            .put_u64(5, self.time_source as u64)
            .put_raw(6, &vertices)
            .put_raw(7, &self.fix.to_bytes())
            .put_raw(8, &self.motion.to_bytes())
            .put_raw(
                9,
                &array_of(self.media.iter().copied().map(Media::to_bytes)),
            )
            .put_raw(10, &self.redaction.to_bytes())
            .put_u64(11, u64::from(self.quality))
            .put_bytes(12, &self.policy.0)
            .put_bytes(13, &self.salt.0)
            .finish()
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let what = Self::NAME;
        let (mut kind, mut session, mut sequence, mut captured_at_ms, mut time_source) =
            (None, None, None, None, None);
        let (mut segment, mut fix, mut motion, mut media, mut redaction) =
            (None, None, None, None, None);
        let (mut quality, mut policy, mut salt) = (None, None, None);
        read_map(what, d, |key, d| {
            match key {
                1 => kind = Some(read_kind(d)?),
                2 => session = Some(read_id("session", d, SessionId::from_slice)?),
                3 => sequence = Some(read_u64("sequence", d)?),
                4 => captured_at_ms = Some(read_u64("capture time", d)?),
                5 => time_source = Some(read_time_source(d)?),
                6 => segment = Some(read_segment(d)?),
                7 => fix = Some(FixQuality::read(d)?),
                8 => motion = Some(Motion::read(d)?),
                9 => media = Some(read_array("media", MEDIA_MAX, d, Media::read)?),
                10 => redaction = Some(Redaction::read(d)?),
                11 => quality = Some(d.u8().map_err(malformed("quality"))?),
                12 => policy = Some(read_id("policy", d, PolicyHash::from_slice)?),
                13 => salt = Some(read_id("salt", d, Salt::from_slice)?),
                _ => return Err(unknown(what, key)),
            }
            Ok(())
        })?;
        Ok(Self {
            kind: kind.ok_or_else(missing(what, "kind"))?,
            session: session.ok_or_else(missing(what, "session"))?,
            sequence: sequence.ok_or_else(missing(what, "sequence"))?,
            captured_at_ms: captured_at_ms.ok_or_else(missing(what, "capture time"))?,
            time_source: time_source.ok_or_else(missing(what, "time source"))?,
            segment: segment.ok_or_else(missing(what, "segment"))?,
            fix: fix.ok_or_else(missing(what, "fix"))?,
            motion: motion.ok_or_else(missing(what, "motion"))?,
            media: media.ok_or_else(missing(what, "media"))?,
            redaction: redaction.ok_or_else(missing(what, "redaction"))?,
            quality: quality.ok_or_else(missing(what, "quality"))?,
            policy: policy.ok_or_else(missing(what, "policy"))?,
            salt: salt.ok_or_else(missing(what, "salt"))?,
        })
    }
}

fn read_kind(d: &mut Decoder<'_>) -> Result<Kind, DecodeError> {
    match read_u64("kind", d)? {
        1 => Ok(Kind::Picture),
        2 => Ok(Kind::Motion),
        _ => Err(DecodeError::Range { what: "kind" }),
    }
}

fn read_time_source(d: &mut Decoder<'_>) -> Result<TimeSource, DecodeError> {
    match read_u64("time source", d)? {
        1 => Ok(TimeSource::Gnss),
        2 => Ok(TimeSource::Server),
        3 => Ok(TimeSource::Phone),
        _ => Err(DecodeError::Range {
            what: "time source",
        }),
    }
}

fn read_segment(d: &mut Decoder<'_>) -> Result<Segment, DecodeError> {
    let vertices = read_array("segment", SEGMENT_VERTICES_MAX, d, |d| {
        read_tuple("vertex", 3, d)?;
        let lat = d.i32().map_err(malformed("latitude"))?;
        let lon = d.i32().map_err(malformed("longitude"))?;
        let position = Position::from_e7(lat, lon).ok_or(DecodeError::Range { what: "vertex" })?;
        Ok(Vertex {
            position,
            before_ms: read_u32("time before capture", d)?,
        })
    })?;
    Segment::from_vertices(vertices).map_err(|_shape| DecodeError::Range { what: "segment" })
}

impl FixQuality {
    fn to_bytes(self) -> Vec<u8> {
        MapWriter::new()
            .put_option(1, self.accuracy_mm.map(u64::from))
            .put_option(2, self.satellites.map(u64::from))
            .put_option(3, self.hdop_milli.map(u64::from))
            .finish()
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut fix = Self::default();
        read_map("fix", d, |key, d| {
            match key {
                1 => fix.accuracy_mm = Some(read_u32("accuracy", d)?),
                2 => fix.satellites = Some(read_u32("satellites", d)?),
                3 => fix.hdop_milli = Some(read_u32("hdop", d)?),
                _ => return Err(unknown("fix", key)),
            }
            Ok(())
        })?;
        Ok(fix)
    }
}

impl Motion {
    fn to_bytes(self) -> Vec<u8> {
        let mut map = MapWriter::new().put_option(1, self.speed_mm_s.map(u64::from));
        if let Some(yaw) = self.yaw_mdeg {
            map = map.put(2, |e| e.i32(yaw));
        }
        map.put_option(3, self.acceleration_spread_mm_s2.map(u64::from))
            .finish()
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut motion = Self::default();
        read_map("motion", d, |key, d| {
            match key {
                1 => motion.speed_mm_s = Some(read_u32("speed", d)?),
                2 => motion.yaw_mdeg = Some(d.i32().map_err(malformed("yaw"))?),
                3 => motion.acceleration_spread_mm_s2 = Some(read_u32("acceleration spread", d)?),
                _ => return Err(unknown("motion", key)),
            }
            Ok(())
        })?;
        Ok(motion)
    }
}

impl Media {
    fn to_bytes(self) -> Vec<u8> {
        written(|e| {
            e.array(4)?
                .bytes(&self.sha256.0)?
                .u32(self.size_bytes)?
                .u32(self.width)?
                .u32(self.height)
        })
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        read_tuple("media", 4, d)?;
        Ok(Self {
            sha256: PictureHash::from_slice(read_bytes("picture hash", d)?).ok_or(
                DecodeError::Range {
                    what: "picture hash",
                },
            )?,
            size_bytes: read_u32("picture size", d)?,
            width: read_u32("picture width", d)?,
            height: read_u32("picture height", d)?,
        })
    }
}

impl Redaction {
    fn to_bytes(&self) -> Vec<u8> {
        MapWriter::new()
            .put_u64(1, self.version)
            .put_raw(
                2,
                &array_of(self.models.iter().copied().map(Model::to_bytes)),
            )
            .put_u64(3, u64::from(self.faces))
            .put_u64(4, u64::from(self.plates))
            .finish()
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let what = "redaction";
        let (mut version, mut models, mut faces, mut plates) = (None, None, None, None);
        read_map(what, d, |key, d| {
            match key {
                1 => version = Some(read_u64("redaction version", d)?),
                2 => {
                    models = Some(read_array(
                        "models",
                        OBSERVATION_MODELS_MAX,
                        d,
                        Model::read,
                    )?);
                }
                3 => faces = Some(read_u32("faces", d)?),
                4 => plates = Some(read_u32("plates", d)?),
                _ => return Err(unknown(what, key)),
            }
            Ok(())
        })?;
        Ok(Self {
            version: version.ok_or_else(missing(what, "version"))?,
            models: models.ok_or_else(missing(what, "models"))?,
            faces: faces.ok_or_else(missing(what, "faces"))?,
            plates: plates.ok_or_else(missing(what, "plates"))?,
        })
    }
}

impl Model {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        written(|e| e.array(2)?.u8(self.role as u8)?.bytes(&self.sha256.0))
    }

    pub(crate) fn read(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        read_tuple("model", 2, d)?;
        let role = match read_u64("model role", d)? {
            1 => Role::Face,
            2 => Role::Plate,
            _ => return Err(DecodeError::Range { what: "model role" }),
        };
        Ok(Self {
            role,
            sha256: read_id("model hash", d, ModelHash::from_slice)?,
        })
    }
}
