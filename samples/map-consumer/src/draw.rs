//! The page: a title, the cells in the colours of their number of observations, a tick for each heading that was
//! covered, a legend and a scale.

use geo::{Centroid as _, Coord, Polygon};
use reqwest::Url;

use crate::ask::Cell;
use crate::bbox::BoundingBox;
use crate::project::{Projection, area_m2, polygons};

/// Greatest width and height of the map, pixels.
const MAP_MAX: (f64, f64) = (1160.0, 900.0);
/// Space at the left, pixels, and above the map for the title.
const MARGIN_LEFT: f64 = 20.0;
const MARGIN_TOP: f64 = 84.0;
/// Space below the map for legend and scale.
const MARGIN_BELOW: f64 = 76.0;
/// Least width of a page, so that title and legend fit.
const PAGE_WIDTH_MIN: f64 = 640.0;
/// Height of a cell from which its headings are drawn, pixels.
const TICKS_FROM_PX: f64 = 16.0;
/// Colour of each class of cells, and the least number of observations in it.
const CLASSES: [(u64, &str); 5] = [
    (1, "#f2b134"),
    (2, "#ee8434"),
    (4, "#dc4b3e"),
    (8, "#a8285f"),
    (16, "#5a1a75"),
];

/// The whole drawing, an SVG document.
#[must_use]
pub fn page(server: &Url, bbox: &BoundingBox, cells: &[Cell]) -> String {
    let polygons = polygons(cells, bbox);
    let projection = Projection::new(&polygons, bbox, MAP_MAX.0, MAP_MAX.1);
    let observations: u64 = cells
        .iter()
        .map(|cell| cell.observations)
        .fold(0, u64::saturating_add);
    let width = projection.width.max(PAGE_WIDTH_MIN) + 2.0 * MARGIN_LEFT;
    let height = projection.height + MARGIN_TOP + MARGIN_BELOW;
    let map: String = cells
        .iter()
        .zip(&polygons.0)
        .map(|(cell, polygon)| hexagon(cell, polygon, &projection))
        .collect();
    let empty = if cells.is_empty() {
        "<text class=\"t\" x=\"24\" y=\"40\">nothing is covered here</text>"
    } else {
        ""
    };
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" font-family="Helvetica, Arial, sans-serif">
<style>.h{{stroke:#fff;stroke-width:.4}}.q{{stroke:#20242c;stroke-width:1.1;stroke-linecap:round}}.t{{font-size:13px;fill:#555b66}}.g{{stroke:#dde1db}}.d{{font-size:10px;fill:#9aa096}}</style>
<rect width="100%" height="100%" fill="#fff"/>
<text x="{MARGIN_LEFT}" y="36" font-size="24" fill="#20242c">Coverage</text>
<text class="t" x="{MARGIN_LEFT}" y="58">{count} cells, {observations} observations, {area}; asked of {server} for {bbox}</text>
<svg x="{MARGIN_LEFT}" y="{MARGIN_TOP}" width="{map_width:.1}" height="{map_height:.1}">
<rect width="100%" height="100%" fill="#f1f3f0"/>
{grid}{map}{empty}</svg>
{legend}{scale}</svg>
"##,
        count = cells.len(),
        grid = grid(&projection),
        area = area(area_m2(&polygons)),
        server = escape(server.as_str()),
        map_width = projection.width,
        map_height = projection.height,
        legend = legend(height),
        scale = scale(&projection, width, height),
    )
}

fn hexagon(cell: &Cell, polygon: &Polygon, projection: &Projection) -> String {
    let corners: Vec<(f64, f64)> = polygon
        .exterior()
        .coords()
        .map(|place| projection.pixels(*place))
        .collect();
    let points: Vec<String> = corners
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    let mut drawn = vec![format!(
        "<polygon class=\"h\" fill=\"{}\" points=\"{}\"/>",
        colour(cell.observations),
        points.join(" ")
    )];
    let low = corners
        .iter()
        .map(|corner| corner.1)
        .fold(f64::NEG_INFINITY, f64::max);
    let high = corners
        .iter()
        .map(|corner| corner.1)
        .fold(f64::INFINITY, f64::min);
    if let (true, Some(centre)) = (low - high >= TICKS_FROM_PX, polygon.centroid()) {
        let (x, y) = projection.pixels(centre.0);
        let reach = (low - high) * 0.3;
        for quadrant in &cell.quadrants {
            let (dx, dy) = match quadrant {
                0 => (0.0, -reach),
                1 => (reach, 0.0),
                2 => (0.0, reach),
                _ => (-reach, 0.0),
            };
            drawn.push(format!(
                "<path class=\"q\" d=\"M{x:.1} {y:.1}l{dx:.1} {dy:.1}\"/>"
            ));
        }
    }
    drawn.push("\n".to_owned());
    drawn.concat()
}

fn colour(observations: u64) -> &'static str {
    CLASSES
        .iter()
        .rev()
        .find(|(least, _)| observations >= *least)
        .map_or("#e4e6e4", |(_, colour)| colour)
}

fn legend(height: f64) -> String {
    let mut drawn = Vec::new();
    let y = height - 44.0;
    let mut x = MARGIN_LEFT;
    for (least, colour) in CLASSES {
        drawn.push(format!(
            "<rect x=\"{x}\" y=\"{y:.0}\" width=\"16\" height=\"16\" fill=\"{colour}\"/>"
        ));
        drawn.push(format!(
            "<text class=\"t\" x=\"{}\" y=\"{:.0}\">{least}+</text>",
            x + 21.0,
            y + 13.0
        ));
        x += 58.0;
    }
    drawn.push(format!(
        "<text class=\"t\" x=\"{x}\" y=\"{:.0}\">observations; a tick for each heading covered</text>\n",
        y + 13.0
    ));
    drawn.concat()
}

/// Meridians and parallels at round degrees, six or so across, with their values.
fn grid(projection: &Projection) -> String {
    let (west, south, east, north) = projection.edges();
    let step = 2.0 * round_below((east - west).max(north - south) / 10.0);
    let decimals = usize::from(step < 0.01) * 2 + usize::from(step < 0.1) + usize::from(step < 1.0);
    let mut drawn = Vec::new();
    let mut lon = (west / step).ceil() * step;
    while lon < east {
        let shown = (lon + 180.0).rem_euclid(360.0) - 180.0;
        let (x, _) = projection.pixels(Coord { x: lon, y: north });
        drawn.push(format!(
            "<path class=\"g\" d=\"M{x:.1} 0v{:.1}\"/>",
            projection.height
        ));
        drawn.push(format!(
            "<text class=\"d\" x=\"{:.1}\" y=\"{:.1}\">{shown:.decimals$}°</text>",
            x + 3.0,
            projection.height - 4.0
        ));
        lon += step;
    }
    let mut lat = (south / step).ceil() * step;
    while lat < north {
        let (_, y) = projection.pixels(Coord { x: west, y: lat });
        drawn.push(format!(
            "<path class=\"g\" d=\"M0 {y:.1}h{:.1}\"/>",
            projection.width
        ));
        // The lowest line is where the longitudes stand.
        let is_free = y < projection.height - 16.0;
        drawn.extend(is_free.then(|| {
            format!(
                "<text class=\"d\" x=\"3\" y=\"{:.1}\">{lat:.decimals$}°</text>\n",
                y - 3.0
            )
        }));
        lat += step;
    }
    drawn.concat()
}

/// The greatest of 1, 2 and 5 times a power of ten that is not above `value`, which is positive.
fn round_below(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [5.0, 2.0, 1.0]
        .into_iter()
        .map(|step| step * power)
        .find(|round| *round <= value)
        .unwrap_or(power)
}

/// A bar of 1, 2 or 5 times a power of ten metres, at most 160 pixels long.
fn scale(projection: &Projection, width: f64, height: f64) -> String {
    let metres = round_below(160.0 / projection.pixels_per_metre());
    let (length, y) = (metres * projection.pixels_per_metre(), height - 30.0);
    let left = width - MARGIN_LEFT - length;
    let label = if metres >= 1000.0 {
        format!("{} km", metres / 1000.0)
    } else {
        format!("{metres} m")
    };
    format!(
        "<path d=\"M{left:.1} {:.0}v6h{length:.1}v-6\" fill=\"none\" stroke=\"#20242c\" stroke-width=\"1.5\"/><text class=\"t\" x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{label}</text>\n",
        y - 6.0,
        left + length / 2.0,
        y - 10.0,
    )
}

fn area(square_metres: f64) -> String {
    if square_metres >= 1e6 {
        format!("{:.2} km²", square_metres / 1e6)
    } else {
        format!("{square_metres:.0} m²")
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
