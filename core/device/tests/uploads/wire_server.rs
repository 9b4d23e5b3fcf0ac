//! A server of a few lines: it keeps what it is sent, answers as it is told, and counts.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use wayhex_protocol::batch::{Answer, BatchReader, SignedPolicy};
use wayhex_protocol::cbor::Wire;
use wayhex_protocol::envelope::{open, peek, seal};
use wayhex_protocol::id::{ObservationId, sha256};
use wayhex_protocol::key::{PublicKey, Signer};
use wayhex_protocol::observation::Observation;
use wayhex_protocol::policy::Policy;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::{Receipt, Verdict};
use wayhex_protocol::registration::Registration;

use crate::items::{Key, NOON_MS, network};

/// What the next batch meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The connection breaks after this many bytes of the request.
    CutRequestAfter(usize),
    /// All items are taken in; the connection breaks within the answer.
    CutAnswer,
    /// A page of HTML, status 200, and nothing is taken in.
    Portal,
    /// This status with a problem.
    Problem(u16, &'static str),
    /// Receipts by a key that is not the server's.
    ForeignReceipts,
    /// This verdict for every item.
    Refuse(Reason),
}

#[derive(Default)]
pub struct Seen {
    pub requests: Vec<String>,
    pub bytes: u64,
    /// How often each picture came whole.
    pub pictures: BTreeMap<ObservationId, u32>,
    pub receipts: BTreeMap<ObservationId, Vec<u8>>,
    pub batches: BTreeMap<String, Vec<ObservationId>>,
    /// The key of the registered device.
    pub registered: Option<PublicKey>,
    /// Every observation that was accepted.
    pub accepted: Vec<Observation>,
    /// How long after noon it says that it is.
    pub late_ms: u64,
    pub fates: Vec<Fate>,
    /// Items that make the whole batch fail, by their place among all.
    pub poison: Option<ObservationId>,
    pub key_seed: u8,
}

#[derive(Clone)]
pub struct WireServer {
    pub address: SocketAddr,
    pub seen: Arc<Mutex<Seen>>,
}

impl WireServer {
    /// Whether no picture came more than once.
    pub fn has_each_picture_once(&self) -> bool {
        let seen = self.seen.lock().unwrap();
        seen.pictures.values().all(|&times| times == 1)
    }

    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen {
            key_seed: 9,
            ..Seen::default()
        }));
        let state = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&state);
                std::thread::spawn(move || serve(stream.unwrap(), &state));
            }
        });
        Self { address, seen }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What meets the next batches, the first one first.
    pub fn fates(&self, fates: &[Fate]) {
        self.seen.lock().unwrap().fates = fates.iter().rev().copied().collect();
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<Seen>) {
    let mut head = Vec::new();
    let mut byte = [0; 1];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let text = String::from_utf8(head).unwrap();
    let line = text.lines().next().unwrap().to_owned();
    let length: usize = header(&text, "content-length").map_or(0, |it| it.parse().unwrap());
    assert_eq!(
        header(&text, "wayhex-version").as_deref(),
        Some("1"),
        "{text}"
    );
    state.lock().unwrap().bytes += u64::try_from(text.len()).unwrap();
    state.lock().unwrap().requests.push(line.clone());
    let is_batch = line.starts_with("POST /v1/batches");
    let fate = if is_batch {
        state.lock().unwrap().fates.pop()
    } else {
        None
    };
    let wanted = match fate {
        Some(Fate::CutRequestAfter(bytes)) => bytes.min(length),
        _ => length,
    };
    let mut body = vec![0; wanted];
    if stream.read_exact(&mut body).is_err() {
        return;
    }
    let state = &mut *state.lock().unwrap();
    state.bytes += u64::try_from(body.len()).unwrap();
    let reply = if is_batch {
        let name = header(&text, "wayhex-batch").unwrap();
        take_batch(state, &name, &body, fate)
    } else {
        Some(other(state, &line, &body))
    };
    let Some((status, kind, body)) = reply else {
        return;
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ndate: Sun, 22 Nov 2026 12:00:00 GMT\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let cut = if fate == Some(Fate::CutAnswer) {
        body.len() / 2
    } else {
        body.len()
    };
    // A client that has gone is what some tests are about.
    drop(
        stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(&body[..cut])),
    );
}

type Reply = (&'static str, &'static str, Vec<u8>);

fn take_batch(state: &mut Seen, name: &str, body: &[u8], fate: Option<Fate>) -> Option<Reply> {
    match fate {
        Some(Fate::Portal) => {
            return Some((
                "200 OK",
                "text/html",
                b"<html>Please log in</html>".to_vec(),
            ));
        }
        Some(Fate::Problem(status, code)) => return Some(problem(status, code)),
        _ => {}
    }
    let signer = Key::of(if fate == Some(Fate::ForeignReceipts) {
        77
    } else {
        state.key_seed
    });
    let mut reader = BatchReader::default();
    reader.push(body).unwrap();
    let mut answers = Vec::new();
    while let Some(item) = reader.next_item().unwrap() {
        let (device, observation) = peek::<Observation>(&item.envelope).unwrap();
        let id = Observation::id(device, &observation.to_bytes());
        if state.poison == Some(id) {
            return Some(problem(400, "malformed"));
        }
        *state.pictures.entry(id).or_default() += 1;
        if let Some(key) = &state.registered {
            open::<Observation>(&item.envelope, &network(), |_kid| Some(key.clone())).unwrap();
            let picture = sha256(&item.picture.unwrap());
            assert_eq!(observation.media[0].sha256.0, picture);
        }
        let known = state.receipts.get(&id).cloned();
        let replayed = known.is_some();
        let verdict = match fate {
            Some(Fate::Refuse(reason)) => Verdict::Refused(reason),
            _ if state.registered.is_none() => Verdict::Refused(Reason::UnknownDevice),
            _ => Verdict::Accepted,
        };
        let receipt = known.unwrap_or_else(|| {
            let receipt = Receipt {
                id,
                verdict,
                epoch: 1,
                server_time_ms: NOON_MS + state.late_ms,
            };
            seal(&receipt, &network(), &signer).unwrap()
        });
        if verdict == Verdict::Accepted && !replayed {
            state.accepted.push(observation);
        }
        if verdict.is_final() {
            state.receipts.insert(id, receipt.clone());
            state.batches.entry(name.to_owned()).or_default().push(id);
        }
        answers.extend(Answer { receipt, replayed }.to_bytes());
    }
    if matches!(fate, Some(Fate::CutRequestAfter(_))) {
        return None;
    }
    Some(("200 OK", "application/cbor-seq", answers))
}

fn other(state: &mut Seen, line: &str, body: &[u8]) -> Reply {
    let path = line.split(' ').nth(1).unwrap();
    if let Some(name) = path.strip_prefix("/v1/batches/") {
        let Some(ids) = state.batches.get(name) else {
            return problem(404, "batch_unknown");
        };
        let answers = ids.iter().flat_map(|id| {
            Answer {
                receipt: state.receipts[id].clone(),
                replayed: true,
            }
            .to_bytes()
        });
        return ("200 OK", "application/cbor-seq", answers.collect());
    }
    match path.split('?').next().unwrap() {
        "/v1/policy" => {
            let signer = Key::of(state.key_seed);
            let policy = SignedPolicy {
                server_key: signer.public_key().to_bytes(),
                envelope: seal(&Policy::genesis(network()), &network(), &signer).unwrap(),
            };
            ("200 OK", "application/cbor", policy.to_bytes())
        }
        "/v1/devices/nonce" => {
            let nonce = format!(r#"{{"nonce":"{}"}}"#, "ab".repeat(32));
            ("200 OK", "application/json", nonce.into_bytes())
        }
        "/v1/devices" => {
            let opened = Registration::open(body, &network()).unwrap();
            state.registered = Some(opened.message.key);
            ("200 OK", "application/json", b"{}".to_vec())
        }
        "/v1/freshness" => (
            "200 OK",
            "application/json",
            br#"{"epoch":1,"units":[]}"#.to_vec(),
        ),
        _ => problem(404, "not_found"),
    }
}

fn problem(status: u16, code: &str) -> Reply {
    let status = match status {
        400 => "400 Bad Request",
        404 => "404 Not Found",
        426 => "426 Upgrade Required",
        _ => "503 Service Unavailable",
    };
    let body = format!(r#"{{"type":"about:blank","title":"no","detail":"no","code":"{code}"}}"#);
    (status, "application/problem+json", body.into_bytes())
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        (found == name).then(|| value.to_owned())
    })
}
