//! The server of the demo: its own process, on loopback, with its embedded defaults.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::exit::{Ending, Exit};
use crate::run::{ask_to_end, say};
use crate::workspace::Workspace;

/// How long the server may take until it accepts connections.
const START_MAX: Duration = Duration::from_secs(30);
/// How long it may take to drain and end.
const STOP_MAX: Duration = Duration::from_secs(30);
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What the demo's policy says otherwise than the genesis policy: nothing waits for a day or a week.
const OVERRIDES: [(&str, u64); 3] = [
    ("claim_delay_epochs", 0),
    ("coverage_delay_s", 0),
    ("coverage_step_s", 1),
];

/// The running server, for the handler of interruptions.
static RUNNING: Mutex<Option<Child>> = Mutex::new(None);

/// A server that runs.
pub struct Server {
    /// Its address.
    pub url: String,
    /// The thumbprint of its key.
    pub key: String,
    /// Its store.
    pub store: PathBuf,
    /// Its configuration.
    pub config: PathBuf,
}

impl Server {
    /// Starts a server whose store lies in `folder`, and waits until it answers.
    pub fn start(workspace: &Workspace, folder: &Path) -> Result<Self> {
        let (config, ready, store) = (
            folder.join("server.toml"),
            folder.join("ready.json"),
            folder.join("server"),
        );
        fs::write(&config, configuration(&store))
            .with_context(|| format!("cannot write {}", config.display()))?;
        let log_path = folder.join("server.log");
        let log = fs::File::create(&log_path)
            .with_context(|| format!("cannot write {}", log_path.display()))?;
        let mut command = Command::new(workspace.program("wayhex-server"));
        command
            .arg("serve")
            .arg("--config")
            .arg(&config)
            .arg("--ready-file")
            .arg(&ready);
        command.stdout(log.try_clone()?).stderr(log);
        *running() = Some(command.spawn().context("cannot start the server")?);
        let answer = Self::wait_until_ready(&ready, &log_path)?;
        let text = |key: &str| {
            answer[key]
                .as_str()
                .map(str::to_owned)
                .with_context(|| format!("no {key} in the ready file"))
        };
        Ok(Self {
            url: text("url")?,
            key: text("server_key")?,
            store,
            config,
        })
    }

    fn wait_until_ready(ready: &Path, log: &Path) -> Result<Value> {
        let began = Instant::now();
        while began.elapsed() < START_MAX {
            if let Ok(text) = fs::read(ready)
                && let Ok(answer) = serde_json::from_slice(&text)
            {
                return Ok(answer);
            }
            if let Some(server) = running().as_mut()
                && let Some(status) = server.try_wait()?
            {
                bail!(
                    "the server ended with {status}; its log is {}",
                    log.display()
                );
            }
            sleep(LOOK_EVERY);
        }
        Err(Ending::error(
            Exit::Pending,
            format!("the server did not start; its log is {}", log.display()),
        ))
    }
}

/// However the demo ends, its server ends with it.
impl Drop for Server {
    fn drop(&mut self) {
        stop_running();
    }
}

/// Waits until the server ends by itself; an interruption ends the process meanwhile.
pub fn wait_for_end() -> Result<()> {
    loop {
        sleep(LOOK_EVERY);
        let ended = match running().as_mut() {
            Some(server) => server.try_wait()?,
            None => None,
        };
        if let Some(status) = ended {
            say(&format!("the server ended with {status}"));
            return Ok(());
        }
    }
}

/// Ends the server, if one runs: first by asking, then by force.
pub fn stop_running() {
    let Some(mut server) = running().take() else {
        return;
    };
    let asked = ask_to_end(server.id());
    let began = Instant::now();
    while asked && began.elapsed() < STOP_MAX {
        if matches!(server.try_wait(), Ok(Some(_)) | Err(_)) {
            return;
        }
        sleep(LOOK_EVERY);
    }
    if let Err(error) = server.kill().and_then(|()| server.wait()) {
        say(&format!("the server did not end: {error}"));
    }
}

fn running() -> std::sync::MutexGuard<'static, Option<Child>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn configuration(store: &Path) -> String {
    let policy: Vec<String> = OVERRIDES
        .iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    let policy = policy.join("\n");
    let folder = Value::from(store.to_string_lossy());
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nmetrics = \"127.0.0.1:0\"\n\n[store]\nfolder = {folder}\n\n[policy]\n{policy}\n"
    )
}
