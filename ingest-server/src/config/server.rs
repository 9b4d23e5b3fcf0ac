//! `[server]`

use std::net::{Ipv4Addr, SocketAddr};

use serde::Deserialize;
use wayhex_protocol::limits::ORIGIN_BYTES_MAX;

use super::{ConfigError, within};

/// Connections at a time at most: 10 GiB of memory.
const CONNECTIONS_MOST: usize = 100_000;
/// Seconds for a head at most (an hour): whoever needs longer is not asking.
const HEAD_TIMEOUT_MOST_S: u64 = 3_600;
/// Seconds of draining at most (a day): as long as an upload may take.
const DRAIN_MOST_S: u64 = 86_400;

/// Where the server listens and under which names it is known.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port of the API; port 0 takes a free one, which the log and the ready file name.
    pub listen: SocketAddr,
    /// Address and port of `/metrics`, apart from the API so that it need not be public.
    pub metrics: SocketAddr,
    /// The origins (`scheme://host:port`) as which phones may address this server: what a registration or a token is
    /// signed for must be one of them. Empty means the loopback names of `listen`, which must then be a loopback address.
    pub origins: Vec<String>,
    /// Connections at a time; further ones wait in the kernel's queue. Bounds memory: some 100 KiB each.
    pub connections_max: usize,
    /// Seconds for a request's head, and for a connection to stay without one.
    pub head_timeout_s: u64,
    /// Seconds that requests in flight have to end when the server is told to stop.
    pub drain_s: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8737)),
            metrics: SocketAddr::from((Ipv4Addr::LOCALHOST, 9737)),
            origins: Vec::new(),
            connections_max: 1_024,
            head_timeout_s: 30,
            drain_s: 30,
        }
    }
}

impl ServerConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        within(
            "server.connections_max",
            self.connections_max,
            &(1..=CONNECTIONS_MOST),
        )?;
        within(
            "server.head_timeout_s",
            self.head_timeout_s,
            &(1..=HEAD_TIMEOUT_MOST_S),
        )?;
        within("server.drain_s", self.drain_s, &(0..=DRAIN_MOST_S))?;
        if self.origins.is_empty() && !self.listen.ip().is_loopback() {
            return Err(ConfigError::value(
                "server.origins",
                "must name how phones address this server, since server.listen is not a loopback address",
            ));
        }
        match self.origins.iter().find(|origin| !is_origin(origin)) {
            None => Ok(()),
            Some(origin) => Err(ConfigError::value(
                "server.origins",
                format!(
                    "{origin:?} is not http:// or https:// and a host, without a path or a slash at its end"
                ),
            )),
        }
    }
}

fn is_origin(text: &str) -> bool {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    text.len() <= ORIGIN_BYTES_MAX
        && host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']))
}
