//! What a request costs on the wire, as HTTP/1.1 writes it.
//!
//! ```text
//! METHOD path?query HTTP/1.1 CRLF        name: value CRLF ...        host, content-length        CRLF        body
//! ```
//! One formula serves the booking before a request and the count after it.

use reqwest::Url;

use crate::ports::{Body, Method, Request};

/// Bytes of an answer's status line and headers that are booked: the server's own have a fifth of it.
pub const ANSWER_HEAD_BYTES_MAX: u64 = 4_096;
/// Bytes of a TLS handshake in both directions, booked and counted with each connection: a chain of four certificates.
const TLS_HANDSHAKE_BYTES: u64 = 8_192;
/// Bytes that a TLS record adds (5 header, 1 type, 16 tag, and what TLS 1.2 has more).
const TLS_RECORD_BYTES: u64 = 29;
/// Bytes of payload in the smallest record that is written in bulk.
const TLS_RECORD_PAYLOAD_BYTES: u64 = 4_096;

/// Bytes of a request's line and headers with the empty line after them.
#[must_use]
pub fn head_bytes(
    method: Method,
    url: &Url,
    headers: &[(String, String)],
    body_bytes: Option<u64>,
) -> u64 {
    let line = |name: &str, value: usize| name.len() + ": ".len() + value + "\r\n".len();
    let target = url.path().len() + url.query().map_or(0, |query| 1 + query.len());
    let port = url.port().map_or(0, |port| 1 + port.to_string().len());
    let host = url.host_str().map_or(0, str::len) + port;
    let length = body_bytes.map_or(0, |bytes| line("content-length", bytes.to_string().len()));
    let own: usize = headers
        .iter()
        .map(|(name, value)| line(name, value.len()))
        .sum();
    let bytes = method.name().len() + " ".len() + target + " HTTP/1.1\r\n".len();
    let all = bytes + line("host", host) + length + own + "\r\n".len();
    u64::try_from(all).unwrap_or(u64::MAX)
}

/// What TLS adds to this many bytes in one direction; 0 for a plain address.
#[must_use]
pub fn tls_bytes(url: &Url, payload_bytes: u64) -> u64 {
    if url.scheme() == "https" {
        TLS_HANDSHAKE_BYTES / 2 + TLS_RECORD_BYTES * (1 + payload_bytes / TLS_RECORD_PAYLOAD_BYTES)
    } else {
        0
    }
}

/// Bytes of a request's body; `None` for a `GET`, which has none and does not say so.
///
/// # Errors
/// The file cannot be looked at.
pub fn body_bytes(request: &Request<'_>) -> std::io::Result<Option<u64>> {
    Ok(match request.body {
        Body::Empty if request.method == Method::Get => None,
        Body::Empty => Some(0),
        Body::Bytes(bytes) => Some(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
        Body::File(path) => Some(std::fs::metadata(path)?.len()),
    })
}

/// The most that a request may cost in both directions.
///
/// # Errors
/// The body's file cannot be looked at.
pub fn cost_max(request: &Request<'_>, url: &Url) -> std::io::Result<u64> {
    let body = body_bytes(request)?;
    let sent = head_bytes(request.method, url, request.headers, body) + body.unwrap_or(0);
    let answer = u64::try_from(request.answer_bytes_max).unwrap_or(u64::MAX);
    let received = answer.saturating_add(ANSWER_HEAD_BYTES_MAX);
    Ok(sent
        .saturating_add(tls_bytes(url, sent))
        .saturating_add(received)
        .saturating_add(tls_bytes(url, received)))
}

/// How much of the bytes sent was body.
#[must_use]
pub fn body_part(sent: u64, request: &Request<'_>) -> u64 {
    let head = Url::parse(request.url).map_or(0, |url| {
        head_bytes(request.method, &url, request.headers, Some(0))
    });
    sent.saturating_sub(head)
}
