//! The one published list of reasons: why a frame was dropped, an item refused or evicted.
//!
//! The list only grows; a number is never given a second meaning.

use core::fmt;

/// Where in a frame's way a reason arises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// On the phone, before anything was signed.
    Drop,
    /// On the server, as a signed verdict.
    Refuse,
    /// On the phone, in the queue.
    Evict,
}

/// Whether sending again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Retry {
    /// It cannot: the item has ended.
    Never,
    /// It can: the item stays pending.
    Later,
    /// It can once the app is newer.
    AfterUpdate,
}

impl Retry {
    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Never => 1,
            Self::Later => 2,
            Self::AfterUpdate => 3,
        }
    }

    /// The inverse of [`Self::number`].
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Never, Self::Later, Self::AfterUpdate]
            .into_iter()
            .find(|retry| retry.number() == number)
    }

    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Later => "later",
            Self::AfterUpdate => "after_update",
        }
    }
}

macro_rules! reasons {
    ($($number:literal $variant:ident $name:literal $side:ident $retry:ident $advice:literal;)*) => {
        /// A reason from the published list.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $(#[doc = $advice] $variant,)*
        }

        impl Reason {
            /// The whole list, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The number on the wire.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self { $(Self::$variant => $number,)* }
            }

            /// The name in JSON and in counts, `snake_case`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Where it arises.
            #[must_use]
            pub const fn side(self) -> Side {
                match self { $(Self::$variant => Side::$side,)* }
            }

            /// Whether sending again can help.
            #[must_use]
            pub const fn retry(self) -> Retry {
                match self { $(Self::$variant => Retry::$retry,)* }
            }

            /// What happened, and what the driver can do about it.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice,)* }
            }
        }
    };
}

reasons! {
    1 TooClose "too_close" Drop Never "The phone has not moved the capture spacing since the last kept frame.";
    2 StandingStill "standing_still" Drop Never "The phone stands still; capture goes on when it moves.";
    3 NoFix "no_fix" Drop Never "No position is known at the frame's time; give the phone a clear view of the sky.";
    4 GnssGap "gnss_gap" Drop Never "The frame lies in a gap between two fixes; nothing is interpolated across it.";
    5 AccuracyTooLow "accuracy_too_low" Drop Never "The position is less accurate than 25 m; give the phone a clear view of the sky.";
    6 TooFewSatellites "too_few_satellites" Drop Never "The fix rests on fewer than 4 satellites.";
    7 HdopTooHigh "hdop_too_high" Drop Never "The satellites stand too close together in the sky (HDOP above 4).";
    8 ImplausiblePosition "implausible_position" Drop Never "The position cannot follow from its neighbours.";
    9 PositionOutOfRange "position_out_of_range" Drop Never "The position is no pair of a latitude and a longitude.";
    10 TimeBefore2010 "time_before_2010" Drop Never "The time lies before 2010; check the recorder's clock.";
    11 TimeBackwards "time_backwards" Drop Never "The time does not follow the one before it; check the recorder's clock.";
    12 TimeInFuture "time_in_future" Drop Never "The time lies in the future; check the recorder's clock.";
    13 Blurred "blurred" Drop Never "The picture is not sharp; clean the lens or the windscreen and check the mount.";
    14 BadExposure "bad_exposure" Drop Never "The picture is too dark or too bright.";
    15 PictureUnreadable "picture_unreadable" Drop Never "The picture file cannot be decoded.";
    16 PictureTooLarge "picture_too_large" Drop Never "The picture is larger than can be decoded or sent.";
    17 MetadataMissing "metadata_missing" Drop Never "Time or position are missing beside the picture.";
    18 DetectorFailed "detector_failed" Drop Never "A detector failed on this frame; it was not kept, since it could not be redacted.";
    19 DetectorTimeout "detector_timeout" Drop Never "A detector did not answer in time; the frame was not kept.";
    20 DetectorMissing "detector_missing" Drop Never "A detector is missing or is not the one it claims to be; reinstall the models.";
    21 PrivateZone "private_zone" Drop Never "The way touches one of your private zones.";
    22 TripTrimmed "trip_trimmed" Drop Never "The frame lies at a trimmed end of the trip.";
    23 KeyUnavailable "key_unavailable" Drop Never "The signing key could not be used; unlock the phone or register it anew.";
    100 Malformed "malformed" Refuse Never "The item is not in the wire format; update the app.";
    101 BadSignature "bad_signature" Refuse Never "The signature does not fit the device's key.";
    102 UnknownDevice "unknown_device" Refuse Later "The device is not registered here; register it, then send again.";
    103 SequenceConflict "sequence_conflict" Refuse Never "This place in the session holds another observation already.";
    104 DuplicatePicture "duplicate_picture" Refuse Never "The same picture was uploaded before.";
    105 PictureMissing "picture_missing" Refuse Never "The observation names a picture that did not come with it.";
    106 PictureMismatch "picture_mismatch" Refuse Never "The picture's hash, size or dimensions are not those that were signed.";
    107 PictureMetadata "picture_metadata" Refuse Never "The picture carries metadata, which must be stripped on the phone.";
    108 PictureInvalid "picture_invalid" Refuse Never "The picture is not a JPEG within the limits.";
    109 QualityMismatch "quality_mismatch" Refuse Never "The signed quality is not that of the picture.";
    110 SegmentShape "segment_shape" Refuse Never "The segment has no vertices, too many, or times out of order.";
    111 SegmentTooLong "segment_too_long" Refuse Never "The segment is longer than 60 m.";
    112 SegmentTooSlow "segment_too_slow" Refuse Never "The segment lasts longer than 10 s.";
    113 SegmentTooManyCells "segment_too_many_cells" Refuse Never "The segment crosses more than 12 cells.";
    114 Teleport "teleport" Refuse Never "The segment, or the way from another place of the same session, claims a speed that no car drives.";
    115 FixTooPoor "fix_too_poor" Refuse Never "The fix is poorer than the policy accepts.";
    116 TooLate "too_late" Refuse Never "The capture lies too long ago to be accepted.";
    117 CapturedInFuture "captured_in_future" Refuse Never "The capture lies in the future; check the phone's clock.";
    118 CapturedBefore2010 "captured_before_2010" Refuse Never "The capture lies before 2010; check the phone's clock.";
    119 PolicyUnknown "policy_unknown" Refuse Never "The policy that the observation names was not in force at capture.";
    120 ModelNotAccepted "model_not_accepted" Refuse Never "A model that redacted the picture is not on the signed list; update the app.";
    121 KindUnsupported "kind_unsupported" Refuse Never "Observations of this kind are not accepted yet.";
    122 TooLarge "too_large" Refuse Never "The item is larger than the limits allow.";
    123 MotionImpossible "motion_impossible" Refuse Never "The segments claim more driving than there was time for in the session or the day.";
    124 MotionDenied "motion_denied" Refuse Never "The segment claims a drive, and the phone's own acceleration says that it lay still.";
    150 ServerBusy "server_busy" Refuse Later "The server has too much to do; the app sends again by itself.";
    151 StorageUnavailable "storage_unavailable" Refuse Later "The server cannot store at present; the app sends again by itself.";
    152 PictureNotSigned "picture_not_signed" Refuse Later "The signed picture did not come with the item; the app sends it again by itself.";
    153 ServerClock "server_clock" Refuse Later "The server is not sure of its time, by which the capture would be too late or in the future; the app sends again by itself.";
    160 VersionTooOld "version_too_old" Refuse AfterUpdate "The server needs a newer app.";
    200 QueueBytes "queue_bytes" Evict Never "The queue reached its size; the oldest item made room.";
    201 QueueCount "queue_count" Evict Never "The queue reached its number of items; the oldest made room.";
    202 QueueAge "queue_age" Evict Never "The item waited longer than the server accepts.";
    203 KeyLost "key_lost" Evict Never "The key that signed the item is lost, and the server does not know it.";
}

impl Reason {
    /// The reason of a number on the wire; `None` for one that is not on the list.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.number() == number)
    }

    /// The reason of a name in JSON.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.name() == name)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
