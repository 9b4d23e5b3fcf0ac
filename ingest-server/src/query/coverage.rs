//! Where somebody has driven: the cells of a box, without a driver.

use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use geo::Polygon;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wayhex_protocol::unit::{CellId, Quadrant};

use super::asked::{Asked, cut, malformed, page_limit};
use super::bbox::BoundingBox;
use super::delay::PublicDelay;
use super::outline::{meets, outline};
use super::spatial::ranges;
use crate::app::App;
use crate::clock::now_ms;
use crate::problem::{Problem, ProblemBody};
use crate::store::StoreError;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CoverageQuery {
    /// `west,south,east,north` in degrees; west greater than east lies across the antimeridian. At most 10,000 km².
    bbox: String,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Cells of a page, 1 to 10,000; 1,000 when not given.
    limit: Option<usize>,
}

/// A GeoJSON `FeatureCollection` (RFC 7946) of one page.
#[derive(Serialize, ToSchema)]
pub(super) struct Coverage {
    /// Always `FeatureCollection`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The cells, ascending.
    features: Vec<Cell>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

/// A covered cell.
#[derive(Serialize, ToSchema)]
pub(super) struct Cell {
    /// Always `Feature`.
    #[serde(rename = "type")]
    kind: &'static str,
    geometry: Geometry,
    properties: CellProperties,
}

/// The hexagon; its longitudes are continuous, beyond 180 at the antimeridian.
#[derive(Serialize, ToSchema)]
pub(super) struct Geometry {
    /// Always `Polygon`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// One closed ring of `[longitude, latitude]`, counter-clockwise.
    coordinates: [Vec<[f64; 2]>; 1],
}

/// What is public of a cell.
#[derive(Serialize, ToSchema)]
pub(super) struct CellProperties {
    /// H3 index of resolution 12, hexadecimal.
    cell: String,
    /// The directions that it was driven in: 0 north, 1 east, 2 south, 3 west.
    quadrants: Vec<u8>,
    /// How many observations cover it.
    observations: u64,
    /// Start of the step in which the first was captured, Unix milliseconds.
    first_ms: u64,
    /// Start of the step in which the last was captured, Unix milliseconds.
    last_ms: u64,
}

/// Coverage in a box
///
/// The cells whose hexagon meets the box, its border included, ascending by index. Observations younger than the policy's
/// `coverage_delay_s` are not in it, and times are told in steps of `coverage_step_s`.
#[utoipa::path(
    get,
    path = "/v1/coverage",
    tag = "map",
    params(CoverageQuery),
    responses(
        (status = 200, description = "A page of cells", body = Coverage, content_type = "application/geo+json"),
        (status = 400, description = "`bbox_malformed`, `bbox_too_large`, `malformed`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn coverage(
    State(app): State<Arc<App>>,
    Asked(query): Asked<CoverageQuery>,
) -> Result<([(&'static str, &'static str); 1], Json<Coverage>), Problem> {
    let delay = app.public_delay();
    let wanted = Wanted {
        asked: BoundingBox::parse(&query.bbox)?,
        after: query.cursor.as_deref().map(parse_cursor).transpose()?,
        limit: page_limit(query.limit)?,
        delay,
        horizon_ms: delay.horizon_ms(now_ms()),
    };
    let read = move |connection: &Connection| wanted.page(connection);
    let page = app.store.read(read).await?;
    Ok(([("content-type", "application/geo+json")], Json(page)))
}

impl App {
    /// The delays of the newest policy.
    pub(super) fn public_delay(&self) -> PublicDelay {
        let published = self.policies.current();
        let parameters = published.map(|published| published.policy.parameters.clone());
        PublicDelay::of(&parameters.unwrap_or_default())
    }
}

fn parse_cursor(text: &str) -> Result<CellId, Problem> {
    CellId::from_hex(text).ok_or_else(|| malformed("cursor: it is the `next` of another page"))
}

/// What a page is made of.
struct Wanted {
    asked: BoundingBox,
    after: Option<CellId>,
    limit: usize,
    delay: PublicDelay,
    horizon_ms: u64,
}

impl Wanted {
    fn page(&self, connection: &Connection) -> Result<Coverage, StoreError> {
        let begin = self.after.map_or(0, |cell| cell.index() + 1);
        let mut features = Vec::new();
        for range in ranges(&self.asked) {
            let range = begin.max(*range.start())..=*range.end();
            if !range.is_empty() {
                self.collect(connection, &range, &mut features)?;
            }
            if features.len() > self.limit {
                break;
            }
        }
        let more = cut(&mut features, self.limit);
        let last = features.last().filter(|_| more);
        Ok(Coverage {
            kind: "FeatureCollection",
            next: last.map(|cell: &Cell| cell.properties.cell.clone()),
            features,
        })
    }

    /// Adds the cells of a range that meet the box, until there is one more than the page may have.
    fn collect(
        &self,
        connection: &Connection,
        range: &RangeInclusive<u64>,
        features: &mut Vec<Cell>,
    ) -> Result<(), StoreError> {
        let mut query = connection.prepare_cached(
            "SELECT c.cell, COUNT(*), MIN(o.captured_ms), MAX(o.captured_ms),
                 TOTAL(o.quadrant = 0) > 0, TOTAL(o.quadrant = 1) > 0, TOTAL(o.quadrant = 2) > 0, TOTAL(o.quadrant = 3) > 0
             FROM observation_cells c JOIN observations o ON o.id = c.observation
             WHERE c.cell BETWEEN ?1 AND ?2 AND o.received_ms < ?3 AND o.captured_ms < ?3
             GROUP BY c.cell ORDER BY c.cell",
        )?;
        let mut rows = query.query((*range.start(), *range.end(), self.horizon_ms))?;
        while let Some(row) = rows.next()? {
            let cell = CellId::new(row.get(0)?).ok_or(StoreError::Damaged("a cell is none"))?;
            let outline = outline(cell);
            if meets(&outline, &self.asked) {
                features.push(Cell {
                    kind: "Feature",
                    geometry: Geometry::of(&outline),
                    properties: CellProperties::of(row, cell, self.delay)?,
                });
                if features.len() > self.limit {
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Geometry {
    fn of(outline: &Polygon<f64>) -> Self {
        let ring = outline.exterior().coords();
        Self {
            kind: "Polygon",
            coordinates: [ring.map(|corner| [corner.x, corner.y]).collect()],
        }
    }
}

impl CellProperties {
    fn of(row: &Row<'_>, cell: CellId, delay: PublicDelay) -> rusqlite::Result<Self> {
        let mut quadrants = Vec::new();
        for (column, quadrant) in (4..).zip(Quadrant::ALL) {
            if row.get(column)? {
                quadrants.push(quadrant.number());
            }
        }
        Ok(Self {
            cell: cell.to_hex(),
            quadrants,
            observations: row.get(1)?,
            first_ms: delay.step_of(row.get(2)?),
            last_ms: delay.step_of(row.get(3)?),
        })
    }
}
