//! `GET /v1/coverage`, page by page until the server says that there is no more.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::blocking::Client;
use serde::Deserialize;

use crate::bbox::BoundingBox;

/// Bytes of one page at most: the server sends a few hundred kilobytes.
const PAGE_BYTES_MAX: u64 = 16 << 20;
/// Cells that are drawn at most; more make no legible page.
const CELLS_MAX: usize = 500_000;
/// Patience with one request.
const REQUEST_S: u64 = 30;

/// A covered cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Its outline, longitude and latitude in degrees, the first corner repeated at the end.
    pub ring: Vec<[f64; 2]>,
    /// Heading quadrants covered, N, E, S, W = 0..=3.
    pub quadrants: Vec<u8>,
    /// Number of observations.
    pub observations: u64,
}

/// Why there is no coverage to draw.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The client could not be set up.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
    /// The ciphers could not be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// The server's address cannot be extended by a path.
    #[error("{0} is no address of a server")]
    Address(Url),
    /// No answer.
    #[error("no answer from {url}")]
    Unreachable {
        /// What was asked for.
        url: Url,
        /// Why there was none.
        #[source]
        source: reqwest::Error,
    },
    /// The answer broke off.
    #[error("the answer of {url} broke off")]
    Broken {
        /// What was asked for.
        url: Url,
        /// What the connection said.
        #[source]
        source: std::io::Error,
    },
    /// The server refused.
    #[error("{url} answered {status}: {detail}")]
    Refused {
        /// What was asked for.
        url: Url,
        /// The HTTP status.
        status: u16,
        /// What the problem document says, or nothing.
        detail: String,
    },
    /// The answer is no coverage.
    #[error("the answer of {url} is no coverage")]
    Malformed {
        /// What was asked for.
        url: Url,
        /// What the decoder said.
        #[source]
        source: serde_json::Error,
    },
    /// A cell whose corners lie nowhere on Earth.
    #[error("{0} sends a cell that is nowhere on Earth")]
    Outline(Url),
    /// The pages would never end.
    #[error("{0} sends cursors that lead nowhere")]
    Endless(Url),
    /// More than can be drawn.
    #[error("more than {CELLS_MAX} cells; ask for a smaller box")]
    TooMany,
}

#[derive(Deserialize)]
struct Page {
    features: Vec<Feature>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Feature {
    geometry: Geometry,
    properties: Properties,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Geometry {
    Polygon { coordinates: Vec<Vec<[f64; 2]>> },
}

#[derive(Deserialize)]
struct Properties {
    quadrants: Vec<u8>,
    observations: u64,
}

#[derive(Deserialize)]
struct Problem {
    detail: String,
}

/// All covered cells that meet the box.
///
/// # Errors
/// When the server cannot be reached, refuses, or answers with something else than coverage.
pub fn coverage(server: &Url, bbox: &BoundingBox) -> Result<Vec<Cell>, AskError> {
    let client = client()?;
    let mut cells = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let url = address(server, bbox, cursor.as_deref())?;
        let page = page(&client, &url)?;
        let empty = page.features.is_empty();
        for feature in page.features {
            cells.push(cell(feature).ok_or_else(|| AskError::Outline(url.clone()))?);
        }
        if cells.len() > CELLS_MAX {
            return Err(AskError::TooMany);
        }
        match page.next {
            None => return Ok(cells),
            // Cursors that repeat, and pages that bring nothing, would go on for ever.
            Some(next) if empty || cursor.as_ref() == Some(&next) => {
                return Err(AskError::Endless(url));
            }
            Some(next) => cursor = Some(next),
        }
    }
}

/// The cell, unless its outline is none.
fn cell(feature: Feature) -> Option<Cell> {
    let Geometry::Polygon { coordinates } = feature.geometry;
    let ring = coordinates.into_iter().next()?;
    let on_earth =
        |[lon, lat]: &[f64; 2]| (-360.0..=360.0).contains(lon) && (-90.0..=90.0).contains(lat);
    (ring.len() >= 4 && ring.iter().all(on_earth)).then_some(Cell {
        ring,
        quadrants: feature.properties.quadrants,
        observations: feature.properties.observations,
    })
}

fn address(server: &Url, bbox: &BoundingBox, cursor: Option<&str>) -> Result<Url, AskError> {
    let mut url = server.clone();
    url.path_segments_mut()
        .map_err(|()| AskError::Address(server.clone()))?
        .pop_if_empty()
        .extend(["v1", "coverage"]);
    url.query_pairs_mut().append_pair("bbox", &bbox.to_string());
    if let Some(cursor) = cursor {
        url.query_pairs_mut().append_pair("cursor", cursor);
    }
    Ok(url)
}

fn page(client: &Client, url: &Url) -> Result<Page, AskError> {
    let answer = client
        .get(url.clone())
        .send()
        .map_err(|source| AskError::Unreachable {
            url: url.clone(),
            source: source.without_url(),
        })?;
    let status = answer.status();
    let mut body = Vec::new();
    answer
        .take(PAGE_BYTES_MAX)
        .read_to_end(&mut body)
        .map_err(|source| AskError::Broken {
            url: url.clone(),
            source,
        })?;
    if !status.is_success() {
        let detail = serde_json::from_slice::<Problem>(&body)
            .map_or_else(|_| String::new(), |problem| problem.detail);
        return Err(AskError::Refused {
            url: url.clone(),
            status: status.as_u16(),
            detail,
        });
    }
    serde_json::from_slice(&body).map_err(|source| AskError::Malformed {
        url: url.clone(),
        source,
    })
}

/// A client with ring's ciphers and the roots compiled in: without a configuration given to it, this build of the
/// client has no ciphers at all and would not even speak plain HTTP.
fn client() -> Result<Client, AskError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(AskError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .timeout(Duration::from_secs(REQUEST_S))
        .user_agent(concat!("wayhex-map-consumer/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(AskError::Client)
}
