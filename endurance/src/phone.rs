//! The handle on a phone: what it is told, and its process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::programs::program;

/// A phone: a store, a key that follows from its seed, and a driver.
#[derive(Clone, Debug)]
pub struct Phone {
    /// The folder of key and queue.
    pub store: PathBuf,
    /// What its key and all else by chance is drawn from.
    pub seed: u64,
    /// Whom its rewards are for.
    pub account: String,
    /// What its clock says at the start, Unix milliseconds.
    pub clock_ms: u64,
    /// What the server's clock is ahead of it, milliseconds.
    pub server_ahead_ms: i64,
    /// Waits are so many times shorter.
    pub hurry: u32,
    /// Exact metres of a trimmed end.
    pub trim_m: u32,
    /// Private zones, as `LAT,LON,RADIUS_M`.
    pub private_zones: Vec<String>,
    /// Where what passes privacy is recorded, too.
    pub record: Option<PathBuf>,
}

/// What a phone does in one life of its process.
#[derive(Clone, Debug)]
pub enum Task {
    /// Plays a recorded drive, and sends.
    Replay(PathBuf),
    /// Films a recorded drive as if it happened now, and sends.
    Film(PathBuf),
    /// Sends what is queued.
    Deliver,
}

impl Phone {
    /// The same in a later life: time has passed, and chance is drawn anew, as a trip that happens needs it.
    #[must_use]
    pub fn in_life(&self, life: u32) -> Self {
        /// Between two lives: less than after which a trip does not go on.
        const PAUSE_MS: u64 = 60_000;
        let life = u64::from(life);
        Self {
            seed: self.seed + (life << 32),
            clock_ms: self.clock_ms + life * PAUSE_MS,
            ..self.clone()
        }
    }

    /// The same after it waited so often for what was put off. Chance and all that is dated stand: a drive is dated when it is begun.
    #[must_use]
    pub fn after_waits(&self, waits: u32) -> Self {
        /// One wait: what kills have put off again and again is put off by an hour at most.
        const WAIT_MS: u64 = 10 * 60_000;
        Self {
            clock_ms: self.clock_ms + u64::from(waits) * WAIT_MS,
            ..self.clone()
        }
    }

    /// The command that starts it; `server` is where it sends to, if anywhere.
    ///
    /// # Errors
    /// The program has not been built.
    pub fn command(&self, task: &Task, server: Option<&str>) -> Result<Command> {
        let mut command = Command::new(program("endurance-phone")?);
        undisturbed(&mut command);
        command.args(task.arguments());
        command.arg("--store").arg(&self.store);
        if let Some(url) = server {
            command.args(["--server", url]);
        }
        command.args(["--account", &self.account]);
        let numbers = [
            ("--clock-ms", self.clock_ms.to_string()),
            ("--server-ahead-ms", self.server_ahead_ms.to_string()),
            ("--seed", self.seed.to_string()),
            ("--hurry", self.hurry.to_string()),
            ("--trim-m", self.trim_m.to_string()),
        ];
        for (name, number) in numbers {
            command.args([name, &number]);
        }
        for zone in &self.private_zones {
            command.args(["--private-zone", zone]);
        }
        if let Some(folder) = &self.record {
            command.arg("--record").arg(folder);
        }
        command.stdin(Stdio::null());
        Ok(command)
    }
}

impl Task {
    fn arguments(&self) -> Vec<OsString> {
        let with = |name: &str, folder: &Path| vec![name.into(), folder.as_os_str().to_owned()];
        match self {
            Self::Replay(folder) => with("--replay", folder),
            Self::Film(folder) => with("--film", folder),
            Self::Deliver => vec!["--deliver".into()],
        }
    }
}

/// What a process that is to be ended at a failpoint is told.
pub const FAILPOINT: &str = "WAYHEX_FAILPOINT";
/// Where a process writes which failpoints it passed.
pub const FAILPOINTS_SEEN: &str = "WAYHEX_FAILPOINTS_SEEN";

/// Takes away what this process was told itself.
pub(crate) fn undisturbed(command: &mut Command) {
    command.env_remove(FAILPOINT).env_remove(FAILPOINTS_SEEN);
}
