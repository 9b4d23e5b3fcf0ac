//! What became of a device's own items: the driver's evidence.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use data_encoding::HEXLOWER;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wayhex_protocol::reason::Reason;
use wayhex_protocol::unit::CellId;

use super::asked::{Asked, cut, page_limit};
use super::driver::Driver;
use super::units::class_name;
use crate::app::App;
use crate::problem::{Problem, ProblemBody};
use crate::score::class_of;
use crate::store::{DeviceRow, StoreError};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ItemsQuery {
    /// `next` of the page before.
    cursor: Option<i64>,
    /// Items of a page, 1 to 10,000; 1,000 when not given.
    limit: Option<usize>,
}

/// A page of items.
#[derive(Serialize, ToSchema)]
pub(super) struct ItemPage {
    /// The device, hexadecimal.
    device: String,
    /// Its items with a final verdict, the last decided first.
    items: Vec<Item>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

/// An item.
#[derive(Serialize, ToSchema)]
pub(super) struct Item {
    /// The observation's id, hexadecimal.
    observation: String,
    /// `accepted` or `refused`.
    state: &'static str,
    /// Why it was refused.
    reason: Option<&'static str>,
    /// What to do about it.
    advice: Option<&'static str>,
    /// The epoch that was open when it was decided.
    epoch: u64,
    /// When it was decided, Unix milliseconds.
    decided_ms: u64,
    /// What was accepted; null for a refused item.
    counted: Option<CountedItem>,
}

/// How an accepted observation counts.
#[derive(Serialize, ToSchema)]
pub(super) struct CountedItem {
    /// When it was captured, Unix milliseconds.
    captured_ms: u64,
    /// `high` or `low`; null when nothing is believed of it, and it earns nothing.
    class: Option<&'static str>,
    /// Its weight in millionths, decimal.
    weight_micros: String,
    /// 0 north, 1 east, 2 south, 3 west; null for an observation of one place, which earns nothing.
    quadrant: Option<u8>,
    /// The cells of its segment, hexadecimal, ascending.
    cells: Vec<String>,
}

/// My items
///
/// Every item of the device that signed the token which has a final verdict: with the table of units, enough to repeat one's
/// own score.
#[utoipa::path(
    get,
    path = "/v1/me/items",
    tag = "driver",
    params(ItemsQuery),
    security(("driver" = [])),
    responses(
        (status = 200, description = "A page of items", body = ItemPage),
        (status = 400, description = "`malformed`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`token_missing`, `token_malformed`, `token_unknown_device`, `token_signature`, `token_audience`, `token_request`, `token_stale`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn items(
    State(app): State<Arc<App>>,
    driver: Driver,
    Asked(query): Asked<ItemsQuery>,
) -> Result<Json<ItemPage>, Problem> {
    let limit = page_limit(query.limit)?;
    let before = query.cursor.unwrap_or(i64::MAX);
    let read = move |connection: &Connection| -> Result<ItemPage, StoreError> {
        let (items, next) = page(connection, driver.row, before, limit)?;
        Ok(ItemPage {
            device: driver.device.to_string(),
            items,
            next,
        })
    };
    Ok(Json(app.store.read(read).await?))
}

fn page(
    connection: &Connection,
    device: DeviceRow,
    before: i64,
    limit: usize,
) -> Result<(Vec<Item>, Option<String>), StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT v.id, v.item, v.reason, v.epoch, v.decided_ms, o.captured_ms, o.class, o.weight_micros, o.quadrant
         FROM verdicts v LEFT JOIN observations o ON o.id = v.id
         WHERE v.device = ?1 AND v.id < ?2 ORDER BY v.id DESC LIMIT ?3",
    )?;
    let mut rows = query.query((device.0, before, limit + 1))?;
    let mut items: Vec<(i64, Item)> = Vec::new();
    while let Some(row) = rows.next()? {
        items.push((row.get(0)?, item(connection, row)?));
    }
    let more = cut(&mut items, limit);
    let next = items.last().filter(|_| more).map(|(id, _)| id.to_string());
    Ok((items.into_iter().map(|(_, item)| item).collect(), next))
}

fn item(connection: &Connection, row: &Row<'_>) -> Result<Item, StoreError> {
    let observation: Vec<u8> = row.get(1)?;
    let reason: Option<u16> = row.get(2)?;
    let reason = reason.map(|number| {
        Reason::from_number(number).ok_or(StoreError::Damaged("a reason is not on the list"))
    });
    let reason = reason.transpose()?;
    Ok(Item {
        observation: HEXLOWER.encode(&observation),
        state: if reason.is_some() {
            "refused"
        } else {
            "accepted"
        },
        reason: reason.map(Reason::name),
        advice: reason.map(Reason::advice),
        epoch: row.get(3)?,
        decided_ms: row.get(4)?,
        counted: counted(connection, row)?,
    })
}

fn counted(connection: &Connection, row: &Row<'_>) -> Result<Option<CountedItem>, StoreError> {
    let Some(captured_ms) = row.get(5)? else {
        return Ok(None);
    };
    let class: Option<u8> = row.get(6)?;
    let mut cells = connection.prepare_cached(
        "SELECT cell FROM observation_cells WHERE observation = ?1 ORDER BY cell",
    )?;
    let cells = cells.query_map([row.get::<_, i64>(0)?], |row| row.get(0))?;
    let cells: Vec<u64> = cells.collect::<Result<_, _>>()?;
    Ok(Some(CountedItem {
        captured_ms,
        class: class.and_then(class_of).map(class_name),
        weight_micros: row.get::<_, u64>(7)?.to_string(),
        quadrant: row.get(8)?,
        cells: cells
            .into_iter()
            .filter_map(CellId::new)
            .map(CellId::to_hex)
            .collect(),
    }))
}
