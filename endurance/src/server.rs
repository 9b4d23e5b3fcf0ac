//! The handle on wayhex-server: its store, its port, and its process, which may be ended at any moment and started again.

use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::drive::mix;
use crate::phone::undisturbed;
use crate::programs::program;

/// How long a server may take until it accepts connections.
const START_MAX: Duration = Duration::from_mins(1);
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Ports that the system gives to nobody by itself: a server that was ended finds its own free again.
const PORTS: std::ops::Range<u16> = 10_240..32_000;
/// Ports that are tried until one is free.
const PORTS_TRIED_MAX: u64 = 200;

/// What the servers' policy says other than genesis: epochs are closed when a test wants it, what is earned can be claimed at once,
/// and units recover so slowly that what an epoch pays does not depend on how many seconds it was open (up to 5 minutes).
const POLICY: [(&str, &str); 3] = [
    ("EPOCH_LENGTH_S", "0"),
    ("CLAIM_DELAY_EPOCHS", "0"),
    ("FRESHNESS_RECOVERY_S", "315360000"),
];

/// Servers made by this process, so that no two of them try the same ports.
static SERVERS: AtomicU64 = AtomicU64::new(0);

/// A server with a store of its own.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    address: SocketAddr,
    settings: Vec<(String, String)>,
    process: Option<Child>,
    has_ended: bool,
}

/// What came of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It accepts connections.
    Ready,
    /// It ended before.
    Ended,
}

impl Server {
    /// A server that is not started yet; its store is `store` in `folder`, which is made. `settings` are its configuration, as
    /// `SECTION__KEY` and value.
    ///
    /// # Errors
    /// The folder cannot be made, or no port is free.
    pub fn new(folder: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let policy = POLICY.iter().map(|(key, value)| {
            let key = format!("POLICY__{key}");
            (key, (*value).to_owned())
        });
        Ok(Self {
            folder: folder.to_owned(),
            address: free_address()?,
            settings: policy.chain(settings.iter().map(own)).collect(),
            process: None,
            has_ended: false,
        })
    }

    /// Its store.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.folder.join("store")
    }

    /// Where it listens, now and after each restart.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How phones address it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts it, and waits until it accepts connections or has ended; `environment` is added to its own.
    ///
    /// # Errors
    /// It cannot be started, or does neither.
    pub fn start(&mut self, environment: &[(String, String)]) -> Result<Start> {
        self.spawn(environment)?;
        let began = Instant::now();
        while began.elapsed() < START_MAX {
            if self.is_ready() {
                return Ok(Start::Ready);
            }
            if !self.is_running()? {
                return Ok(Start::Ended);
            }
            sleep(LOOK_EVERY);
        }
        bail!(
            "the server did not start; its log is {}",
            self.log().display()
        )
    }

    /// Starts it, and does not wait.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(&mut self, environment: &[(String, String)]) -> Result<()> {
        match fs::remove_file(self.ready_file()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).context("the ready file of the last start cannot be removed");
            }
            Ok(()) | Err(_) => {}
        }
        let mut command = self.command(environment)?;
        command.args(["serve", "--ready-file", "ready.json"]);
        self.process = Some(command.spawn().context("the server cannot be started")?);
        self.has_ended = false;
        Ok(())
    }

    /// Whether it has said that it accepts connections since it was started last.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready_file().exists()
    }

    /// Whether its process lives.
    ///
    /// # Errors
    /// The system does not know.
    pub fn is_running(&mut self) -> Result<bool> {
        let Some(process) = &mut self.process else {
            return Ok(false);
        };
        self.has_ended = process.try_wait()?.is_some();
        if self.has_ended {
            self.process = None;
        }
        Ok(!self.has_ended)
    }

    /// Whether its last process ended by itself: neither killed by this handle nor never started.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Ends it by SIGKILL; whether it lived until then.
    ///
    /// # Errors
    /// The system refuses.
    pub fn kill(&mut self) -> Result<bool> {
        let lived = self.is_running()?;
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
        }
        Ok(lived)
    }

    /// A process that closes an epoch of its store, however often it is asked.
    ///
    /// # Errors
    /// The program has not been built, or its log cannot be written.
    pub fn close_epoch(&self, epoch: u64, environment: &[(String, String)]) -> Result<Command> {
        let mut command = self.command(environment)?;
        command.args(["close-epoch", "--epoch", &epoch.to_string(), "--json"]);
        Ok(command)
    }

    /// Audits an epoch; see `wayhex-server audit`.
    ///
    /// # Errors
    /// The program cannot be run.
    pub fn audit(&self, epoch: u64) -> Result<ExitStatus> {
        let mut command = self.command(&[])?;
        command.arg("audit").arg(self.evidence(epoch));
        command.status().context("the audit cannot be run")
    }

    /// The evidence of an epoch.
    #[must_use]
    pub fn evidence(&self, epoch: u64) -> PathBuf {
        let name = format!("epoch-{epoch}.cbor");
        self.store().join("evidence").join(name)
    }

    fn ready_file(&self) -> PathBuf {
        self.folder.join("ready.json")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    fn command(&self, environment: &[(String, String)]) -> Result<Command> {
        let mut command = Command::new(program("wayhex-server")?);
        undisturbed(&mut command);
        let log = OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.log());
        let log: File = log.with_context(|| format!("cannot write {}", self.log().display()))?;
        let origin = self.url();
        let own = [
            ("SERVER__LISTEN", self.address.to_string()),
            ("SERVER__METRICS", "127.0.0.1:0".to_owned()),
            ("SERVER__ORIGINS", origin),
            ("STORE__FOLDER", self.store().display().to_string()),
        ];
        for (key, value) in own {
            command.env(format!("WAYHEX_SERVER__{key}"), value);
        }
        for (key, value) in &self.settings {
            command.env(format!("WAYHEX_SERVER__{key}"), value);
        }
        command
            .env("RUST_LOG", "warn")
            .envs(environment.iter().map(|(key, value)| (key, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(command)
    }
}

/// However a test ends, its server ends with it.
impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.kill());
    }
}

/// An address that stays free while nobody listens there.
fn free_address() -> Result<SocketAddr> {
    let process = u64::from(std::process::id());
    let moment = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let nth = SERVERS.fetch_add(1, Ordering::SeqCst) << 48;
    let seed = mix(nth ^ process << 32 ^ u64::from(moment.subsec_nanos()));
    for attempt in 0..PORTS_TRIED_MAX {
        let drawn = mix(seed.wrapping_add(attempt)) % u64::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(drawn)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("no port is free")
}
