//! The built program, on free ports, in a folder of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wayhex_protocol::batch::{Answer, SignedPolicy};
use wayhex_protocol::envelope::open;
use wayhex_protocol::id::{BatchId, NetworkId};
use wayhex_protocol::key::PublicKey;
use wayhex_protocol::policy::Policy;
use wayhex_protocol::receipt::Receipt;

use super::http::{self, Reply};

const START_MAX: Duration = Duration::from_mins(1);
/// How long the metrics of a server that goes on may take.
const METRICS_WITHIN: Duration = Duration::from_secs(10);
const PANICS: &str = "wayhex_panics_total ";

/// A running server; it is killed when dropped, and must not have met a fault of its own until then.
pub struct Server {
    pub address: SocketAddr,
    metrics: SocketAddr,
    pub key_thumbprint: String,
    process: Child,
    folder: TempDir,
    settings: Vec<(String, String)>,
}

/// The program with its store in `folder`, and `settings` in its environment.
pub fn command(folder: &TempDir, settings: &[(&str, &str)]) -> Command {
    command_in(folder.path(), settings)
}

/// The same with its store in any folder.
pub fn command_in(folder: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wayhex-server"));
    let own = [
        ("SERVER__LISTEN", "127.0.0.1:0"),
        ("SERVER__METRICS", "127.0.0.1:0"),
    ];
    for (key, value) in own.iter().chain(settings) {
        command.env(format!("WAYHEX_SERVER__{key}"), value);
    }
    command
        .env("WAYHEX_SERVER__STORE__FOLDER", folder.join("store"))
        .current_dir(folder)
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null());
    command
}

impl Server {
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        Self::in_folder(folder, settings)
    }

    /// With more in its environment.
    pub fn start_with(environment: &[(&str, &str)], settings: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut command = command(&folder, settings);
        command.envs(environment.iter().copied());
        Self::launch(folder, settings, command)
    }

    fn in_folder(folder: TempDir, settings: &[(&str, &str)]) -> Self {
        let command = command(&folder, settings);
        Self::launch(folder, settings, command)
    }

    /// Starts it by a command that lacks the program's own arguments.
    pub(super) fn launch(folder: TempDir, settings: &[(&str, &str)], mut command: Command) -> Self {
        let ready = folder.path().join("ready.json");
        std::fs::remove_file(&ready).ok();
        let mut process = command
            .args(["serve", "--ready-file", "ready.json"])
            .spawn()
            .expect("the server starts");
        let begun = Instant::now();
        let text = loop {
            if let Ok(text) = std::fs::read_to_string(&ready) {
                break text;
            }
            let ended = process.try_wait().expect("the process is known");
            assert!(
                ended.is_none() && begun.elapsed() < START_MAX,
                "the server did not start"
            );
            sleep(Duration::from_millis(10));
        };
        let said: serde_json::Value = serde_json::from_str(&text).expect("the ready file is JSON");
        let address = |url: &serde_json::Value| {
            let url = url.as_str().and_then(|url| url.strip_prefix("http://"));
            let host = url.map(|url| url.trim_end_matches("/metrics"));
            host.and_then(|host| host.parse().ok())
                .expect("the ready file has URLs")
        };
        let settings = settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Self {
            address: address(&said["url"]),
            metrics: address(&said["metrics"]),
            key_thumbprint: said["server_key"].as_str().expect("a key").to_owned(),
            settings: settings.collect(),
            process,
            folder,
        }
    }

    /// Kills the server and starts it again on the same store, as after a power cut.
    pub fn restart(self) -> Self {
        let settings = self.settings.clone();
        let settings: Vec<_> = settings
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        self.restart_with(&settings)
    }

    pub fn restart_with(mut self, settings: &[(&str, &str)]) -> Self {
        self.assert_sound();
        self.kill();
        let empty = TempDir::new().expect("a temporary folder");
        let folder = std::mem::replace(&mut self.folder, empty);
        Self::in_folder(folder, settings)
    }

    /// Asks it to stop, and returns once it takes no more connections.
    pub fn ask_to_stop(&self) {
        let process = self.process.id().to_string();
        let asked = Command::new("kill").arg(process).status();
        assert!(asked.is_ok_and(|status| status.success()));
        let begun = Instant::now();
        while TcpStream::connect(self.address).is_ok() {
            assert!(begun.elapsed() < START_MAX, "the server goes on");
            sleep(Duration::from_millis(10));
        }
    }

    /// Waits for its end; whether that was without an error.
    pub fn wait(&mut self) -> bool {
        self.process.wait().expect("the server ends").success()
    }

    /// The figures of `/metrics`; `None` when nobody answers, as when it was told to stop.
    pub fn figures(&self) -> Option<String> {
        let mut stream = TcpStream::connect_timeout(&self.metrics, METRICS_WITHIN).ok()?;
        stream.set_read_timeout(Some(METRICS_WITHIN)).ok()?;
        let request = b"GET /metrics HTTP/1.1\r\nhost: metrics\r\nconnection: close\r\n\r\n";
        stream.write_all(request).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// The most memory that it has held so far, kB.
    pub fn memory_peak_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.expect("the process goes on");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|text| text.trim().strip_suffix("kB")?.trim().parse().ok());
        peak.expect("Linux tells it")
    }

    /// Fails the test when the server has met a fault of its own, caught or not.
    fn assert_sound(&self) {
        if let Some(figures) = self.figures() {
            let panics = figures.lines().find(|line| line.starts_with(PANICS));
            assert_eq!(panics, Some("wayhex_panics_total 0"), "see its log above");
        }
    }

    /// Ends it at once, as a power cut does.
    fn kill(&mut self) {
        self.process.kill().expect("the server can be killed");
        self.process.wait().expect("the server ends");
    }

    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Where its folder of the store lies.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn get(&self, path: &str) -> Reply {
        http::request(
            self.address,
            &format!("GET {path}"),
            &[("wayhex-version", "1")],
            b"",
        )
    }

    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let headers = [&[("wayhex-version", "1")], headers].concat();
        http::request(self.address, &format!("POST {path}"), &headers, body)
    }

    /// Sends a batch in chunks, its length unannounced.
    pub fn post_chunked<'a>(
        &self,
        batch: &BatchId,
        chunks: impl IntoIterator<Item = &'a [u8]>,
    ) -> Reply {
        let batch = batch.to_string();
        let headers = [("wayhex-version", "1"), ("wayhex-batch", batch.as_str())];
        http::chunked(self.address, "POST /v1/batches", &headers, chunks)
    }

    /// Asks for so many nonces on one connection; how many it gave.
    pub fn ask_for_nonces(&self, times: usize) -> usize {
        http::pipelined(self.address, "POST /v1/devices/nonce", times)
    }

    /// Asks as a driver, by a token.
    pub fn get_as(&self, path: &str, token: &[u8]) -> Reply {
        let token = format!("Wayhex {}", data_encoding::BASE64URL_NOPAD.encode(token));
        let headers = [("wayhex-version", "1"), ("authorization", token.as_str())];
        http::request(self.address, &format!("GET {path}"), &headers, b"")
    }

    /// Closes the open epoch by the program's own command, beside the running server; what it printed.
    pub fn close_epoch(&self) -> serde_json::Value {
        let settings = self.settings.iter();
        let settings: Vec<_> = settings.map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let output = command(&self.folder, &settings)
            .args(["close-epoch", "--json"])
            .output()
            .expect("the program runs");
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Begins an upload of `length` bytes under a batch id, and leaves the rest to the caller.
    pub fn begin_upload(&self, batch: &BatchId, length: usize) -> TcpStream {
        let (batch, length) = (batch.to_string(), length.to_string());
        let headers = [
            ("wayhex-version", "1"),
            ("wayhex-batch", batch.as_str()),
            ("content-length", length.as_str()),
        ];
        http::begin(self.address, "POST /v1/batches", &headers)
    }

    /// The key and the policy, after the signature was checked.
    pub fn policy(&self) -> (PublicKey, Policy) {
        let reply = self.get("/v1/policy");
        assert_eq!(reply.status, 200);
        let signed = SignedPolicy::from_bytes(&reply.body).expect("the answer is a signed policy");
        let key = PublicKey::from_bytes(&signed.server_key).expect("a COSE key");
        assert_eq!(key.thumbprint().to_string(), self.key_thumbprint);
        let opened = open::<Policy>(&signed.envelope, &network(), |kid| {
            (kid == key.thumbprint()).then(|| key.clone())
        });
        (key, opened.expect("the signature fits").message)
    }

    /// A receipt, after the server's signature was checked.
    pub fn verified(&self, answer: &Answer) -> Receipt {
        let (key, _) = self.policy();
        let opened = open::<Receipt>(&answer.receipt, &network(), |kid| {
            (kid == key.thumbprint()).then(|| key.clone())
        });
        opened.expect("the server signed the receipt").message
    }

    /// Waits until `count` items of a batch are answered, and returns the answers.
    pub fn await_answers(&self, batch: &BatchId, count: usize) -> Vec<Answer> {
        let begun = Instant::now();
        loop {
            let reply = self.get(&format!("/v1/batches/{batch}"));
            let answers = Answer::read_all(&reply.body);
            if reply.status == 200 && answers.len() >= count {
                return answers;
            }
            assert!(begun.elapsed() < START_MAX, "the items were not answered");
            sleep(Duration::from_millis(10));
        }
    }

    /// The answers of `GET /v1/batches/{id}`.
    pub fn answers(&self, batch: &BatchId) -> Vec<Answer> {
        let reply = self.get(&format!("/v1/batches/{batch}"));
        assert_eq!(reply.status, 200, "{reply:?}");
        Answer::read_all(&reply.body)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            let sound = std::panic::AssertUnwindSafe(|| self.assert_sound());
            let found = (!std::thread::panicking()).then(|| std::panic::catch_unwind(sound));
            self.kill();
            if let Some(Err(fault)) = found {
                std::panic::resume_unwind(fault);
            }
        }
    }
}

/// The network of the defaults.
pub fn network() -> NetworkId {
    NetworkId::parse("wayhex-dev").expect("the default network")
}

/// All files of a folder and of those beneath it.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .expect("the folder is read")
        .map(|entry| entry.expect("the folder is read").path());
    let (folders, mut found): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    found.extend(folders.iter().flat_map(|folder| files(folder)));
    found
}
