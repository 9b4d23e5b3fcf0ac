//! What a request asks for: parameters that are refused by name, and pages.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Rows of a page when nothing is said.
const PAGE_DEFAULT: usize = 1_000;
/// Rows of a page at most: some 5 MB of hexagons.
const PAGE_MAX: usize = 10_000;

/// The parameters after `?`; one that is unknown or of the wrong form is answered 400 `malformed`.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::from_request_parts(parts, state).await;
        let query = query.map_err(|error: QueryRejection| malformed(&error.body_text()));
        query.map(|Query(asked)| Self(asked))
    }
}

/// The parameters within the path.
pub(super) struct Named<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::from_request_parts(parts, state).await;
        let path = path.map_err(|error: PathRejection| malformed(&error.body_text()));
        path.map(|Path(named)| Self(named))
    }
}

pub(super) fn malformed(detail: &str) -> Problem {
    Problem::bad_request("malformed", detail)
}

/// The rows that a page may have.
///
/// # Errors
/// Less than 1 or more than [`PAGE_MAX`].
pub(super) fn page_limit(limit: Option<usize>) -> Result<usize, Problem> {
    match limit.unwrap_or(PAGE_DEFAULT) {
        limit if (1..=PAGE_MAX).contains(&limit) => Ok(limit),
        limit => Err(malformed(&format!(
            "limit: {limit} is not within 1 and {PAGE_MAX}"
        ))),
    }
}

/// Takes what was read beyond the page away; whether there was anything is whether there is a next page.
pub(super) fn cut<T>(rows: &mut Vec<T>, limit: usize) -> bool {
    let more = rows.len() > limit;
    rows.truncate(limit);
    more
}
