//! The wire version that a phone says it speaks.

use axum::http::{HeaderMap, StatusCode};

use crate::app::App;
use crate::problem::Problem;

/// The header, on every request of a phone.
pub(super) const HEADER: &str = "wayhex-version";

/// Refuses a phone that is older than the policy allows, before anything of its request is read.
pub(super) fn check(headers: &HeaderMap, app: &App) -> Result<(), Problem> {
    let said = headers.get(HEADER).and_then(|value| value.to_str().ok());
    let version: u64 = said.and_then(|text| text.parse().ok()).ok_or_else(|| {
        Problem::bad_request(
            "version_missing",
            format!("the header {HEADER} must be the number of the wire version"),
        )
    })?;
    let current = app.policies.current();
    let least = current.map_or(1, |published| published.policy.parameters.version_min);
    if version < least {
        return Err(Problem::new(
            StatusCode::UPGRADE_REQUIRED,
            "version_too_old",
            format!(
                "wire version {version} is older than {least}, the oldest accepted; update the app"
            ),
        ));
    }
    Ok(())
}
