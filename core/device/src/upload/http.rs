//! The transport by default: `reqwest` over HTTP/1.1, TLS by `rustls` with `ring` and the bundled roots.
//!
//! Absent on purpose: proxies, redirects, cookies, compression, retries and kept connections. One request is one connection,
//! so that what it costs can be told.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use reqwest::blocking::{Body as HttpBody, Client, RequestBuilder, Response};
use reqwest::header::{AGE, CONTENT_LENGTH, DATE, HeaderMap, TRANSFER_ENCODING};
use reqwest::{StatusCode, Url};

use super::cost::{body_bytes, head_bytes, tls_bytes};
use crate::ports::{Answer, Body, Exchange, Method, Request, Transport, TransportError};

/// Longest time to make a connection: a phone between two masts needs some seconds.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// Longest time for an exchange, apart from its body.
const EXCHANGE_TIME_MAX: Duration = Duration::from_secs(30);
/// Slowest upload that is waited for, bytes per second: a poor mobile network.
const UPLOAD_BYTES_PER_S: u64 = 16 * 1_024;
/// What the frame of one chunk of a chunked answer takes: eight digits and two line ends.
const CHUNK_BYTES: u64 = 12;

/// Moves requests over HTTP.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    client: Client,
    exchange_time_max: Duration,
}

/// Why there is no transport.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The client cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(#[from] reqwest::Error),
}

impl HttpTransport {
    /// A transport with the bundled roots.
    ///
    /// # Errors
    /// TLS or the client cannot be set up.
    pub fn new() -> Result<Self, HttpError> {
        let roots = rustls::RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_TIME_MAX)
            .build()?;
        Ok(Self {
            client,
            exchange_time_max: EXCHANGE_TIME_MAX,
        })
    }

    /// The same, with another longest time for an exchange apart from its body: where servers are near, a shorter one.
    #[must_use]
    pub fn with_time_max(self, exchange_time_max: Duration) -> Self {
        Self {
            exchange_time_max,
            ..self
        }
    }

    fn request(
        &self,
        request: &Request<'_>,
        url: &Url,
        body_bytes: Option<u64>,
        read: &Arc<AtomicU64>,
    ) -> io::Result<RequestBuilder> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
        };
        let length = body_bytes.unwrap_or(0);
        let time_max = self.exchange_time_max + Duration::from_secs(length / UPLOAD_BYTES_PER_S);
        let mut builder = self.client.request(method, url.clone()).timeout(time_max);
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        let counted = |bytes: Box<dyn Read + Send>| {
            let counting = Counting {
                bytes,
                read: Arc::clone(read),
            };
            HttpBody::sized(counting, length)
        };
        Ok(match request.body {
            // The client would leave it out; servers may insist on it (RFC 9110, section 8.6).
            Body::Empty if request.method == Method::Post => builder.header(CONTENT_LENGTH, 0),
            Body::Empty => builder,
            Body::Bytes(bytes) => builder.body(counted(Box::new(io::Cursor::new(bytes.to_vec())))),
            Body::File(path) => builder.body(counted(Box::new(File::open(path)?))),
        })
    }
}

impl Transport for HttpTransport {
    fn exchange(&self, request: &Request<'_>) -> Exchange {
        let nothing = |cause: String| Exchange {
            sent: 0,
            received: 0,
            outcome: Err(TransportError::Unsendable {
                url: request.url.to_owned(),
                cause,
            }),
        };
        let url = match Url::parse(request.url) {
            Ok(url) => url,
            Err(source) => return nothing(source.to_string()),
        };
        let body_bytes = match body_bytes(request) {
            Ok(bytes) => bytes,
            Err(source) => return nothing(source.to_string()),
        };
        let read = Arc::new(AtomicU64::new(0));
        let builder = match self.request(request, &url, body_bytes, &read) {
            Ok(builder) => builder,
            Err(source) => return nothing(source.to_string()),
        };
        let response = builder.send();
        let payload = head_bytes(request.method, &url, request.headers, body_bytes)
            + read.load(Ordering::Relaxed);
        let sent = payload + tls_bytes(&url, payload);
        match response {
            Ok(response) => receive(response, request, &url, sent),
            Err(source) if source.is_connect() => Exchange {
                sent: tls_bytes(&url, 0),
                received: tls_bytes(&url, 0),
                outcome: Err(TransportError::NoConnection {
                    url: request.url.to_owned(),
                    cause: root_cause(&source),
                }),
            },
            Err(source) => Exchange {
                sent,
                received: tls_bytes(&url, 0),
                outcome: Err(TransportError::Broken {
                    url: request.url.to_owned(),
                    cause: root_cause(&source),
                }),
            },
        }
    }
}

fn receive(mut response: Response, request: &Request<'_>, url: &Url, sent: u64) -> Exchange {
    let status = response.status();
    let head = answer_head_bytes(status, response.headers());
    let date_ms = date_ms(response.headers());
    let chunked = response.headers().contains_key(TRANSFER_ENCODING);
    let limit = request.answer_bytes_max;
    let mut body = Vec::new();
    let mut chunks = 0;
    let mut buffer = vec![0; 8_192];
    let complete = loop {
        match response.read(&mut buffer) {
            Ok(0) => break true,
            Ok(count) => {
                body.extend_from_slice(&buffer[..count]);
                chunks += 1;
            }
            Err(source) if source.kind() == io::ErrorKind::Interrupted => {}
            Err(_broken_off) => break false,
        }
        if body.len() > limit {
            break false;
        }
    };
    let frames = if chunked {
        CHUNK_BYTES * (chunks + 1)
    } else {
        0
    };
    let payload = head + frames + u64::try_from(body.len()).unwrap_or(u64::MAX);
    let outcome = if body.len() > limit {
        Err(TransportError::AnswerTooLarge {
            url: request.url.to_owned(),
            limit,
        })
    } else {
        Ok(Answer {
            status: status.as_u16(),
            date_ms,
            body,
            complete,
        })
    };
    Exchange {
        sent,
        received: payload + tls_bytes(url, payload),
        outcome,
    }
}

/// Bytes of a status line and headers, as they are written in one way or nearly so by every server.
fn answer_head_bytes(status: StatusCode, headers: &HeaderMap) -> u64 {
    let reason = status.canonical_reason().map_or(0, str::len);
    let lines: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + ": ".len() + value.len() + "\r\n".len())
        .sum();
    let all = "HTTP/1.1 200 ".len() + reason + "\r\n".len() + lines + "\r\n".len();
    u64::try_from(all).unwrap_or(u64::MAX)
}

/// The `date` header, Unix milliseconds; `None` where there is none or it is no HTTP date, and where a cache answered, whose `age`
/// says so: that is the time of an earlier answer.
fn date_ms(headers: &HeaderMap) -> Option<u64> {
    if headers.contains_key(AGE) {
        return None;
    }
    let text = headers.get(DATE)?.to_str().ok()?;
    let time = httpdate::parse_http_date(text).ok()?;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

/// The innermost cause: what the system said, without the layers above it.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Counts the bytes that the client takes to send.
struct Counting {
    bytes: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counting {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(out)?;
        self.read
            .fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(count)
    }
}
