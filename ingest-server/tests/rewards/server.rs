//! The built program: served on free ports of the loopback, or run once.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_wayhex-server");
const READY_WITHIN: Duration = Duration::from_mins(1);

/// A server that ends with the test, and must not have met a fault of its own until then.
pub struct Server {
    child: Child,
    pub url: String,
    pub metrics: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let asked = !std::thread::panicking() && matches!(self.child.try_wait(), Ok(None));
        let figures = asked.then(|| self.figures());
        self.child.kill().expect("the server can be stopped");
        self.child.wait().expect("the server ends");
        if let Some(figures) = figures {
            let sound = figures.lines().any(|line| line == "wayhex_panics_total 0");
            assert!(
                sound,
                "the server met a fault of its own: see its log above"
            );
        }
    }
}

/// An answer.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON answer")
    }
}

fn program(store: &Path, policy: &[(&str, u64)]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .env("WAYHEX_SERVER__STORE__FOLDER", store)
        .env("WAYHEX_SERVER__SERVER__LISTEN", "127.0.0.1:0")
        .env("WAYHEX_SERVER__SERVER__METRICS", "127.0.0.1:0")
        .env("RUST_LOG", "warn");
    for (name, value) in policy {
        let name = format!("WAYHEX_SERVER__POLICY__{}", name.to_uppercase());
        command.env(name, value.to_string());
    }
    command
}

/// Runs a subcommand to its end.
pub fn run(store: &Path, arguments: &[&str]) -> Output {
    let mut command = program(store, &[]);
    command.args(arguments).output().expect("the program runs")
}

/// Runs a subcommand beside others.
pub fn spawn(store: &Path, arguments: &[&str]) -> Child {
    let mut command = program(store, &[]);
    let command = command.args(arguments).stdout(Stdio::piped());
    command.spawn().expect("the program runs")
}

impl Server {
    pub fn start(store: &Path, policy: &[(&str, u64)]) -> Self {
        let ready = store.join("ready.json");
        let mut command = program(store, policy);
        let command = command.arg("serve").arg("--ready-file").arg(&ready);
        let child = command.spawn().expect("the program runs");
        let mut server = Self {
            child,
            url: String::new(),
            metrics: String::new(),
        };
        let begun = Instant::now();
        while !ready.exists() {
            assert!(begun.elapsed() < READY_WITHIN, "the server is not ready");
            std::thread::sleep(Duration::from_millis(20));
        }
        let said: Value = serde_json::from_slice(&std::fs::read(&ready).expect("the ready file"))
            .expect("JSON in the ready file");
        let text = |key: &str| said[key].as_str().expect("a text").to_owned();
        (server.url, server.metrics) = (text("url"), text("metrics"));
        std::fs::remove_file(&ready).expect("the ready file can be removed");
        server
    }

    pub fn get(&self, path: &str) -> Reply {
        self.get_with(path, &[])
    }

    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        request(&self.url, "GET", path, headers, &[])
    }

    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        request(&self.url, "POST", path, headers, body)
    }

    pub fn figures(&self) -> String {
        let (url, path) = self.metrics.rsplit_once('/').expect("a path");
        let reply = request(url, "GET", &format!("/{path}"), &[], &[]);
        String::from_utf8(reply.body).expect("text")
    }

    /// The answer's JSON after it was found to be a success.
    pub fn json(&self, path: &str) -> Value {
        let reply = self.get(path);
        let json = reply.json();
        assert_eq!(reply.status, 200, "{path}: {json}");
        json
    }

    /// The problem's code after it was found to be one of this status.
    pub fn problem(&self, path: &str, status: u16) -> (String, String) {
        let reply = self.get(path);
        let json = reply.json();
        assert_eq!(reply.status, status, "{path}: {json}");
        assert_eq!(
            reply.header("content-type"),
            Some("application/problem+json")
        );
        let text = |key: &str| json[key].as_str().expect("a text").to_owned();
        (text("code"), text("detail"))
    }
}

/// One request on a connection of its own.
fn request(url: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let host = url.strip_prefix("http://").expect("a plain address");
    let mut stream = TcpStream::connect(host).expect("the server listens");
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nwayhex-version: 1\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").expect("a text grows");
    }
    head.push_str("\r\n");
    stream
        .write_all(head.as_bytes())
        .expect("the request is sent");
    stream.write_all(body).expect("the body is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    parse(&answer)
}

fn parse(answer: &[u8]) -> Reply {
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("the end of the head");
    let head = std::str::from_utf8(&answer[..end]).expect("a head in ASCII");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let mut reply = Reply {
        status: status
            .and_then(|status| status.parse().ok())
            .expect("a status"),
        headers: lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: answer[end + 4..].to_vec(),
    };
    if reply.header("transfer-encoding") == Some("chunked") {
        reply.body = unchunked(&reply.body);
    }
    reply
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = rest
            .windows(2)
            .position(|window| window == b"\r\n")
            .expect("a chunk's size");
        let size = std::str::from_utf8(&rest[..line]).expect("ASCII");
        let size = usize::from_str_radix(size, 16).expect("a size");
        if size == 0 {
            return body;
        }
        let begin = line + 2;
        body.extend_from_slice(&rest[begin..begin + size]);
        rest = &rest[begin + size + 2..];
    }
}
