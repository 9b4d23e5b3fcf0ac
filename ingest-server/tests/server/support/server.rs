//! The built program, on free ports, in a folder of its own.

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

/// A running server; it is killed when dropped.
pub struct Server {
    pub address: SocketAddr,
    pub key_thumbprint: String,
    process: Child,
    folder: TempDir,
    settings: Vec<(String, String)>,
}

/// The program with its store in `folder`, and `settings` in its environment.
pub fn command(folder: &TempDir, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wayhex-server"));
    let own = [
        ("SERVER__LISTEN", "127.0.0.1:0"),
        ("SERVER__METRICS", "127.0.0.1:0"),
    ];
    for (key, value) in own.iter().chain(settings) {
        command.env(format!("WAYHEX_SERVER__{key}"), value);
    }
    command
        .env("WAYHEX_SERVER__STORE__FOLDER", folder.path().join("store"))
        .current_dir(folder.path())
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null());
    command
}

impl Server {
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        Self::in_folder(folder, settings)
    }

    fn in_folder(folder: TempDir, settings: &[(&str, &str)]) -> Self {
        let ready = folder.path().join("ready.json");
        std::fs::remove_file(&ready).ok();
        let mut process = command(&folder, settings)
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
        let url = said["url"]
            .as_str()
            .and_then(|url| url.strip_prefix("http://"));
        let settings = settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Self {
            address: url
                .and_then(|url| url.parse().ok())
                .expect("the ready file has a URL"),
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

    fn kill(&mut self) {
        self.process.kill().expect("the server can be killed");
        self.process.wait().expect("the server ends");
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
            self.kill();
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
