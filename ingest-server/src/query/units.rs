//! The public table of an epoch's units: with it and his own evidence a driver repeats his score.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wayhex_protocol::micros::Micros;
use wayhex_protocol::unit::CellId;
use wayhex_protocol::weight::Class;

use super::asked::{Asked, Named, cut, malformed, page_limit};
use super::delay::PublicDelay;
use super::epochs::closed_epoch;
use crate::app::App;
use crate::clock::now_ms;
use crate::problem::{Problem, ProblemBody};
use crate::score::{class_number, class_of};
use crate::store::StoreError;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct UnitsQuery {
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows of a page, 1 to 10,000; 1,000 when not given.
    limit: Option<usize>,
}

/// A page of the table.
#[derive(Serialize, ToSchema)]
pub(super) struct UnitPage {
    /// The epoch.
    epoch: u64,
    /// Ascending by cell, quadrant, class.
    units: Vec<UnitLine>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

/// One unit in one class. Amounts are millionths, decimal.
#[derive(Serialize, ToSchema)]
pub(super) struct UnitLine {
    /// H3 index, hexadecimal.
    cell: String,
    /// 0 north, 1 east, 2 south, 3 west.
    quadrant: u8,
    /// `high` or `low`.
    class: &'static str,
    /// F when the epoch opened.
    freshness_micros: String,
    /// M, the greatest weight; the unit pays F x M to the class.
    greatest_micros: String,
    /// The sum of the accounts' weights, by which it is divided.
    sum_micros: String,
    /// How many observations of the class cover it.
    observations: u64,
}

/// Where a page begins: after this row.
type Place = (u64, u8, u8);

/// Units of a closed epoch
///
/// Freshness, greatest weight and sum of weights of each unit and class, without accounts. It appears as late after the close
/// as coverage does after its capture.
#[utoipa::path(
    get,
    path = "/v1/epochs/{epoch}/units",
    tag = "epochs",
    params(("epoch" = String, Path, description = "Its number"), UnitsQuery),
    responses(
        (status = 200, description = "A page of the table", body = UnitPage),
        (status = 400, description = "`malformed`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`epoch_unknown`, `epoch_open`, `not_public_yet`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn units(
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
    Asked(query): Asked<UnitsQuery>,
) -> Result<Json<UnitPage>, Problem> {
    let limit = page_limit(query.limit)?;
    let after = query.cursor.as_deref().map(parse_cursor).transpose()?;
    let delay = app.public_delay();
    let read = move |connection: &Connection| -> Result<UnitPage, Problem> {
        let epoch = closed_epoch(connection, &name)?;
        if !is_public(epoch.closed_ms, delay) {
            let detail = format!(
                "the units of epoch {} appear as late as coverage does",
                epoch.number
            );
            return Err(Problem::not_found("not_public_yet", detail));
        }
        Ok(page(connection, epoch.number, after, limit)?)
    };
    Ok(Json(app.store.read(read).await?))
}

fn is_public(closed_ms: Option<u64>, delay: PublicDelay) -> bool {
    let horizon_ms = delay.horizon_ms(now_ms());
    closed_ms.is_some_and(|closed_ms| closed_ms < horizon_ms)
}

fn parse_cursor(text: &str) -> Result<Place, Problem> {
    let place = || {
        let mut parts = text.split('.');
        let cell = CellId::from_hex(parts.next()?)?;
        let quadrant = parts.next()?.parse().ok()?;
        let class = parts.next()?.parse().ok()?;
        parts
            .next()
            .is_none()
            .then_some((cell.index(), quadrant, class))
    };
    place().ok_or_else(|| malformed("cursor: it is the `next` of another page"))
}

fn page(
    connection: &Connection,
    epoch: u64,
    after: Option<Place>,
    limit: usize,
) -> Result<UnitPage, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT cell, quadrant, class, freshness_micros, greatest_micros, sum_micros, observations
         FROM epoch_units WHERE epoch = ?1 AND (cell, quadrant, class) > (?2, ?3, ?4)
         ORDER BY cell, quadrant, class LIMIT ?5",
    )?;
    let (cell, quadrant, class) = after.unwrap_or_default();
    let mut rows = query.query((epoch, cell, quadrant, class, limit + 1))?;
    let mut units = Vec::new();
    while let Some(row) = rows.next()? {
        let cell = CellId::new(row.get(0)?).ok_or(StoreError::Damaged("a cell is none"))?;
        let class = class_of(row.get(2)?).ok_or(StoreError::Damaged("a class is not 1 or 2"))?;
        let line = UnitLine {
            cell: cell.to_hex(),
            quadrant: row.get(1)?,
            class: class_name(class),
            freshness_micros: Micros(row.get(3)?).to_string(),
            greatest_micros: Micros(row.get(4)?).to_string(),
            sum_micros: Micros(row.get(5)?).to_string(),
            observations: row.get(6)?,
        };
        let cursor = format!("{}.{}.{}", line.cell, line.quadrant, class_number(class));
        units.push((line, cursor));
    }
    let more = cut(&mut units, limit);
    let next = units
        .last()
        .filter(|_| more)
        .map(|(_, cursor)| cursor.clone());
    Ok(UnitPage {
        epoch,
        units: units.into_iter().map(|(line, _)| line).collect(),
        next,
    })
}

/// The name of a class in JSON.
pub(super) fn class_name(class: Class) -> &'static str {
    match class {
        Class::High => "high",
        Class::Low => "low",
    }
}
