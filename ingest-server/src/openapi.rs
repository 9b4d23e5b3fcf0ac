//! The description of the API, from the handlers' own annotations. `openapi.json` beside this crate is its committed form.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi};

use crate::app;

const TAGS: [(&str, &str); 5] = [
    (
        "phone",
        "Registration, policy and uploads: CBOR and COSE, as wire.md describes them",
    ),
    ("map", "Coverage for whoever draws a map"),
    ("epochs", "What epochs paid, and the proofs to claim it"),
    (
        "driver",
        "A driver's own items and rewards, for the device that signs",
    ),
    ("server", "Whether it is there"),
];

/// The description.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = app::api().to_openapi();
    document.info = InfoBuilder::new()
        .title("Wayhex ingest server")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Errors are RFC 9457 problems with a `code` for programs. Hashes and ids are lower-case hexadecimal, amounts are \
             millionths of a point in decimal.",
        ))
        .license(Some(
            LicenseBuilder::new()
                .name("MIT OR Apache-2.0")
                .identifier(Some("MIT OR Apache-2.0"))
                .build(),
        ))
        .build();
    document.tags = Some(
        TAGS.map(|(name, description)| {
            TagBuilder::new()
                .name(name)
                .description(Some(description))
                .build()
        })
        .into(),
    );
    let token = ApiKeyValue::with_description(
        "authorization",
        "`Wayhex ` and a COSE_Sign1 token in base64url without padding, signed by the device for one method and path and one \
         minute",
    );
    document
        .components
        .get_or_insert_default()
        .add_security_scheme("driver", SecurityScheme::ApiKey(ApiKey::Header(token)));
    document
}

/// The description as it is committed: indented, with a line feed at its end.
///
/// # Errors
/// It cannot be written as JSON.
pub fn json() -> serde_json::Result<String> {
    document().to_pretty_json().map(|text| text + "\n")
}
