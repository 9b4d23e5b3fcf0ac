//! What a drive is made of, and where it leads: a chain of straight legs and arcs on a plane that touches the
//! Earth at the start. Distances are metres along the way from the start.

/// Mean Earth radius in metres, the one that the law of spacing uses.
const EARTH_M: f64 = 6_371_008.8;

/// A bend of constant radius.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Where the bend begins, metres along the way.
    pub at_m: f64,
    /// Change of heading in degrees, clockwise positive.
    pub degrees: f64,
    /// Radius in metres.
    pub radius_m: f64,
    /// Greatest speed in the bend, metres per second.
    pub speed_mps: f64,
}

/// A wait at a traffic light.
#[derive(Debug, Clone, PartialEq)]
pub struct Stop {
    /// Where the car stands, metres along the way.
    pub at_m: f64,
    /// How long it stands, seconds.
    pub seconds: f64,
}

/// A part of the way with a speed of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// Its beginning, metres along the way.
    pub from_m: f64,
    /// Its end, metres along the way.
    pub to_m: f64,
    /// The speed driven there, metres per second.
    pub speed_mps: f64,
}

/// A time without fixes while the car goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Gap {
    /// Where the last fix is lost, metres along the way.
    pub from_m: f64,
    /// How long there is none, seconds.
    pub seconds: f64,
}

/// A whole drive, from rest to rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Latitude of the start, degrees.
    pub lat_deg: f64,
    /// Longitude of the start, degrees.
    pub lon_deg: f64,
    /// First heading, degrees clockwise from north.
    pub heading_deg: f64,
    /// Length of the way, metres.
    pub length_m: f64,
    /// Speed where nothing else is said, metres per second.
    pub cruise_mps: f64,
    /// Bends, in order along the way, not overlapping.
    pub turns: Vec<Turn>,
    /// Waits, in order along the way.
    pub stops: Vec<Stop>,
    /// Parts with a speed of their own; a faster one wins over `cruise_mps`.
    pub stretches: Vec<Stretch>,
    /// Times without fixes.
    pub gaps: Vec<Gap>,
    /// Places on the way, in metres, that are centres of private zones.
    pub zones_at_m: Vec<f64>,
}

/// Where the car is, and how the way goes there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Metres east of the start.
    pub east_m: f64,
    /// Metres north of the start.
    pub north_m: f64,
    /// Heading in radians clockwise from north; not wrapped.
    pub heading_rad: f64,
    /// Change of heading per metre, radians, clockwise positive.
    pub curvature: f64,
}

impl Course {
    /// The place `along_m` metres from the start; before it and after the end the way goes on straight.
    #[must_use]
    pub fn place(&self, along_m: f64) -> Place {
        let mut place = Place {
            east_m: 0.0,
            north_m: 0.0,
            heading_rad: self.heading_deg.to_radians(),
            curvature: 0.0,
        };
        let mut done = 0.0;
        for turn in &self.turns {
            if along_m <= turn.at_m {
                break;
            }
            straight(&mut place, turn.at_m - done);
            let arc_m = turn.length_m().min(along_m - turn.at_m);
            arc(&mut place, arc_m, turn.curvature());
            done = turn.at_m + arc_m;
            if along_m < turn.at_m + turn.length_m() {
                place.curvature = turn.curvature();
                return place;
            }
        }
        straight(&mut place, along_m - done);
        place
    }

    /// Latitude and longitude in degrees of a place on the plane.
    #[must_use]
    pub fn degrees(&self, east_m: f64, north_m: f64) -> (f64, f64) {
        let lat = self.lat_deg + (north_m / EARTH_M).to_degrees();
        let lon =
            self.lon_deg + (east_m / (EARTH_M * self.lat_deg.to_radians().cos())).to_degrees();
        (lat, lon)
    }

    /// Mean curvature of the next `ahead_m` metres, which is what a picture of the road shows.
    #[must_use]
    pub fn bend_ahead(&self, along_m: f64, ahead_m: f64) -> f64 {
        (self.place(along_m + ahead_m).heading_rad - self.place(along_m).heading_rad) / ahead_m
    }
}

impl Turn {
    fn length_m(&self) -> f64 {
        self.degrees.to_radians().abs() * self.radius_m
    }

    fn curvature(&self) -> f64 {
        self.degrees.signum() / self.radius_m
    }
}

fn straight(place: &mut Place, metres: f64) {
    place.east_m += metres * place.heading_rad.sin();
    place.north_m += metres * place.heading_rad.cos();
}

fn arc(place: &mut Place, metres: f64, curvature: f64) {
    let end = place.heading_rad + metres * curvature;
    place.east_m += (place.heading_rad.cos() - end.cos()) / curvature;
    place.north_m += (end.sin() - place.heading_rad.sin()) / curvature;
    place.heading_rad = end;
}
