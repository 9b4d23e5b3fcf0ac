//! What units have left to pay in the open epoch: what a phone's live estimate rests on.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wayhex_protocol::micros::Micros;
use wayhex_protocol::unit::{CellId, Quadrant, Unit};

use super::asked::{Asked, malformed};
use crate::app::App;
use crate::problem::{Problem, ProblemBody};
use crate::score::{opening_freshness, recovered_before};
use crate::store::{OpenEpoch, StoreError};

/// Cells of a request at most: a web address of 8 kB.
const CELLS_MAX: usize = 500;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FreshnessQuery {
    /// H3 indexes of resolution 12, hexadecimal, separated by commas; at most 500.
    cells: String,
}

/// F of the asked cells' units.
#[derive(Serialize, ToSchema)]
pub(super) struct Freshness {
    /// The open epoch.
    epoch: u64,
    /// The units that differ from 1.0.
    units: Vec<UnitFreshness>,
}

/// F of a unit.
#[derive(Serialize, ToSchema)]
pub(super) struct UnitFreshness {
    /// H3 index, hexadecimal.
    cell: String,
    /// 0 north, 1 east, 2 south, 3 west.
    quadrant: u8,
    /// F when the open epoch opened, in millionths, decimal.
    freshness_micros: String,
}

/// Freshness of cells
///
/// F of the units of the given cells in the open epoch. It follows from closed epochs alone; a unit that is not listed is at
/// 1,000,000 millionths.
#[utoipa::path(
    get,
    path = "/v1/freshness",
    tag = "epochs",
    params(FreshnessQuery),
    responses(
        (status = 200, description = "The units below 1.0", body = Freshness),
        (status = 400, description = "`cells_malformed`, `malformed`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn freshness(
    State(app): State<Arc<App>>,
    Asked(query): Asked<FreshnessQuery>,
) -> Result<Json<Freshness>, Problem> {
    let cells = parse_cells(&query.cells)?;
    let read = move |connection: &Connection| answer(connection, &cells);
    Ok(Json(app.store.read(read).await?))
}

fn parse_cells(text: &str) -> Result<Vec<CellId>, Problem> {
    let parts: Vec<&str> = text.split(',').filter(|part| !part.is_empty()).collect();
    if parts.len() > CELLS_MAX {
        let found = parts.len();
        return Err(malformed(&format!(
            "cells: {found} are more than {CELLS_MAX}"
        )));
    }
    let cell = |part: &str| {
        CellId::from_hex(part).ok_or_else(|| {
            let detail = format!("cells: {part:?} is no H3 index of resolution 12");
            Problem::bad_request("cells_malformed", detail)
        })
    };
    parts.into_iter().map(cell).collect()
}

fn answer(connection: &Connection, cells: &[CellId]) -> Result<Freshness, StoreError> {
    // One snapshot: a close in between would mix two epochs.
    let snapshot = connection.unchecked_transaction()?;
    let epoch = OpenEpoch::read(&snapshot)?.number;
    let recovered = recovered_before(&snapshot, epoch)?;
    let mut units = Vec::new();
    for cell in cells {
        for quadrant in Quadrant::ALL {
            let unit = Unit {
                cell: *cell,
                quadrant,
            };
            let freshness = opening_freshness(&snapshot, unit, recovered)?;
            if freshness != Micros::ONE {
                units.push(UnitFreshness {
                    cell: cell.to_hex(),
                    quadrant: quadrant.number(),
                    freshness_micros: freshness.to_string(),
                });
            }
        }
    }
    Ok(Freshness { epoch, units })
}
