//! The command line.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{ArgGroup, Parser, ValueEnum};
use wayhex_device::ports::NetworkKind;
use wayhex_device::privacy::{Trim, TripKind, Zone};
use wayhex_device::session::Settings;
use wayhex_device::upload::plan::Rules;
use wayhex_device::upload::server::Server;
use wayhex_protocol::account::Account;
use wayhex_protocol::id::{DeviceId, NetworkId};

/// Whom rewards are for when nobody is named: an address for trying things out, whose key nobody holds.
const TRIAL_ACCOUNT: &str = "eip155:1:0x000000000000000000000000000000000000d21e";
/// Bytes of a megabyte, as data plans count.
const MEGABYTE: u64 = 1_000_000;

/// Films a trip, or plays a recorded one, and sends what privacy lets go.
#[derive(Debug, Parser)]
#[command(name = "dashcam", version, group = ArgGroup::new("source").required(true))]
pub struct Options {
    /// Play the recorded drive in this folder
    #[arg(long, value_name = "DIR", group = "source")]
    pub replay: Option<PathBuf>,
    /// Film with the camera of this number, until interrupted
    #[arg(long, value_name = "N", group = "source")]
    pub camera: Option<u32>,
    /// Send to this server, such as <http://127.0.0.1:8090>
    #[arg(long, value_name = "URL", required_unless_present = "offline")]
    server: Option<String>,
    /// Send nothing; what is queued stays pending
    #[arg(long, conflicts_with = "server")]
    pub offline: bool,
    /// The thumbprint of the server's key; without it the first use pins the key
    #[arg(long, value_name = "HEX", value_parser = thumbprint)]
    server_key: Option<DeviceId>,
    /// The network that the server serves
    #[arg(long, value_name = "ID", default_value = "wayhex-dev", value_parser = network)]
    network_id: NetworkId,
    /// The folder of key and queue; made where it is missing
    #[arg(long, value_name = "DIR")]
    pub store: PathBuf,
    /// Whom rewards are for, as CAIP-10
    #[arg(long, value_name = "CAIP10", default_value = TRIAL_ACCOUNT, value_parser = account)]
    account: Account,
    /// Keep this place private; may be given more than once
    #[arg(long, value_name = "LAT,LON[,RADIUS_M]", allow_hyphen_values = true)]
    private_zone: Vec<Zone>,
    /// Cut exactly this much from a trip's ends, in metres; 0 for recordings only
    #[arg(long, value_name = "M")]
    trim_m: Option<u32>,
    /// Send over Wi-Fi only
    #[arg(long)]
    wifi_only: bool,
    /// What this computer is connected by
    #[arg(long, value_enum, default_value_t = Kind::Wifi)]
    network_kind: Kind,
    /// Send and receive at most this much in a calendar month, in megabytes, headers and retries included
    #[arg(long, value_name = "MB")]
    data_cap_mb: Option<u64>,
    /// The folder of the detectors' models
    #[arg(long, value_name = "DIR", default_value = "models")]
    pub models: PathBuf,
    /// Record here what privacy lets go, too
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Wifi,
    Metered,
}

impl Options {
    /// What the driver wants.
    pub fn settings(&self) -> Result<Settings> {
        let kind = if self.replay.is_some() {
            TripKind::Recording
        } else {
            TripKind::Live
        };
        let trim = self
            .trim_m
            .map_or(Ok(Trim::default()), |metres| Trim::exact(metres, kind))
            .context("--trim-m")?;
        let server = self.server.as_deref().map(|address| {
            Server::new(address, self.network_id.clone(), self.server_key).context("--server")
        });
        Ok(Settings {
            network: self.network_id.clone(),
            server: server.transpose()?,
            account: Some(self.account.clone()),
            zones: self.private_zone.clone(),
            trim,
            rules: Rules {
                wifi_only: self.wifi_only,
                data_cap_bytes: self.data_cap_mb.map(|mb| mb.saturating_mul(MEGABYTE)),
            },
            record: self.record.clone(),
        })
    }

    /// What this computer is connected by.
    pub fn network_kind(&self) -> NetworkKind {
        match (self.offline, self.network_kind) {
            (true, _) => NetworkKind::Offline,
            (false, Kind::Wifi) => NetworkKind::Wifi,
            (false, Kind::Metered) => NetworkKind::Metered,
        }
    }
}

fn thumbprint(text: &str) -> Result<DeviceId, String> {
    DeviceId::from_hex(text).ok_or_else(|| "64 lower-case hexadecimal digits are needed".to_owned())
}

fn network(text: &str) -> Result<NetworkId, String> {
    NetworkId::parse(text).map_err(|error| error.to_string())
}

fn account(text: &str) -> Result<Account, String> {
    Account::parse(text).map_err(|error| error.to_string())
}
