//! From degrees to a page: metres east and north of the middle of the map (equirectangular, true at the middle
//! latitude; a page shows a city, not a continent), then pixels.

use geo::{
    BoundingRect as _, ChamberlainDuquetteArea as _, Coord, LineString, MultiPolygon, Polygon, Rect,
};

use crate::ask::Cell;
use crate::bbox::BoundingBox;

/// Metres per degree of latitude on a sphere of radius 6,371,008.8 m.
const METRES_PER_DEGREE: f64 = 6_371_008.8 * std::f64::consts::PI / 180.0;
/// White space around what is shown, share of its greater extent.
const MARGIN: f64 = 0.06;
/// Least extent shown, degrees: about 100 m, so that a single cell does not fill the page.
const EXTENT_MIN_DEG: f64 = 0.001;

/// The cells as polygons whose longitudes are continuous around the middle of the box.
#[must_use]
pub fn polygons(cells: &[Cell], bbox: &BoundingBox) -> MultiPolygon {
    let middle = bbox.middle_lon();
    let near = |lon: f64| lon - ((lon - middle) / 360.0).round() * 360.0;
    let polygon = |cell: &Cell| {
        let ring: LineString = cell
            .ring
            .iter()
            .map(|[lon, lat]| Coord {
                x: near(*lon),
                y: *lat,
            })
            .collect();
        Polygon::new(ring, Vec::new())
    };
    cells.iter().map(polygon).collect()
}

/// Area of the cells on the sphere, square metres.
#[must_use]
pub fn area_m2(polygons: &MultiPolygon) -> f64 {
    polygons.chamberlain_duquette_unsigned_area()
}

/// A page onto which a part of the Earth is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    west: f64,
    north: f64,
    per_lon: f64,
    per_lat: f64,
    /// Width of the map, pixels.
    pub width: f64,
    /// Height of the map, pixels.
    pub height: f64,
}

impl Projection {
    /// Shows all polygons, or the box where there are none, on a map as large as fits into the given pixels.
    #[must_use]
    pub fn new(
        polygons: &MultiPolygon,
        bbox: &BoundingBox,
        width_max: f64,
        height_max: f64,
    ) -> Self {
        let asked = bbox.middle_lon() - bbox.west;
        let whole = Rect::new(
            Coord {
                x: bbox.west,
                y: bbox.south,
            },
            Coord {
                x: bbox.west + 2.0 * asked,
                y: bbox.north,
            },
        );
        let shown = polygons.bounding_rect().unwrap_or(whole);
        let middle = shown.center();
        let squeeze = middle.y.to_radians().cos().max(0.01);
        let wide = (shown.width() * squeeze).max(EXTENT_MIN_DEG);
        let high = shown.height().max(EXTENT_MIN_DEG);
        let margin = 2.0 * MARGIN * wide.max(high);
        let (wide, high) = (wide + margin, high + margin);
        let per_lat = (width_max / wide).min(height_max / high);
        let per_lon = per_lat * squeeze;
        Self {
            west: middle.x - wide / squeeze / 2.0,
            north: middle.y + high / 2.0,
            per_lon,
            per_lat,
            width: wide * per_lat,
            height: high * per_lat,
        }
    }

    /// Pixels from the map's left and upper edge.
    #[must_use]
    pub fn pixels(&self, place: Coord) -> (f64, f64) {
        (
            (place.x - self.west) * self.per_lon,
            (self.north - place.y) * self.per_lat,
        )
    }

    /// West, south, east and north of the map, degrees; east may lie beyond 180.
    #[must_use]
    pub fn edges(&self) -> (f64, f64, f64, f64) {
        let (wide, high) = (self.width / self.per_lon, self.height / self.per_lat);
        (self.west, self.north - high, self.west + wide, self.north)
    }

    /// Pixels per metre.
    #[must_use]
    pub fn pixels_per_metre(&self) -> f64 {
        self.per_lat / METRES_PER_DEGREE
    }
}
