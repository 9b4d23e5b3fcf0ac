//! A server of a few lines: it keeps what it is sent, answers as it is told, and counts.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use wayhex_protocol::batch::{Answer, BatchReader, SignedPolicy};
use wayhex_protocol::cbor::Wire;
use wayhex_protocol::envelope::{open, peek, seal};
use wayhex_protocol::id::{DeviceId, ObservationId, sha256};
use wayhex_protocol::key::{PublicKey, Signer};
use wayhex_protocol::limits::TIME_AHEAD_MAX_MS;
use wayhex_protocol::observation::Observation;
use wayhex_protocol::policy::Policy;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::{Receipt, Verdict};
use wayhex_protocol::registration::Registration;

use crate::items::{Key, NOON_MS, network};

/// How long a server that hangs keeps a connection: longer than the tests that meet it wait.
const HANG: Duration = Duration::from_secs(20);

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
    /// This status with a page of HTML: what portals and proxies say.
    Page(u16),
    /// Status 200 and no byte of an answer; nothing is taken in.
    Empty,
    /// Status 200 and bytes without a meaning; nothing is taken in.
    Garbage,
    /// Valid receipts of the server, for other items than were asked for; nothing is taken in.
    OthersReceipts,
    /// The receipts that it gave before, for other items of the same phone; nothing is taken in.
    EarlierReceipts,
    /// Its signed policy, as it comes to the question for that; nothing is taken in.
    Policy,
    /// All is read, and no answer comes for longer than anybody waits.
    Hang,
    /// All is read, and the connection is closed.
    HangUp,
    /// Receipts by a key that is not the server's.
    ForeignReceipts,
    /// This verdict for every item.
    Refuse(Reason),
}

pub struct Seen {
    pub requests: Vec<String>,
    pub bytes: u64,
    /// How often each picture came whole.
    pub pictures: BTreeMap<ObservationId, u32>,
    pub receipts: BTreeMap<ObservationId, Vec<u8>>,
    pub batches: BTreeMap<String, Vec<ObservationId>>,
    /// The key of the device that was registered last; without one nobody is known.
    pub registered: Option<PublicKey>,
    /// The keys of all that were registered.
    pub devices: BTreeMap<DeviceId, PublicKey>,
    /// Every observation that was accepted.
    pub accepted: Vec<Observation>,
    /// Its clock, Unix milliseconds: what its `date` says.
    pub now_ms: u64,
    /// How much later its receipts say that it is.
    pub late_ms: u64,
    /// Whether it refuses times that cannot be, as the law says.
    pub judges_time: bool,
    /// How old a cache says that its answers are, seconds.
    pub cached_s: Option<u32>,
    pub fates: Vec<Fate>,
    /// What all requests about batches meet, however often.
    pub always: Option<Fate>,
    /// Items that make the whole batch meet a fate, by their place among all.
    pub poison: Option<(ObservationId, Fate)>,
    pub key_seed: u8,
    /// Its policy: the genesis one but for these.
    pub policy_version: u64,
    pub version_min: u64,
}

impl Seen {
    pub fn policy(&self) -> Policy {
        let mut policy = Policy::genesis(network());
        policy.version = self.policy_version;
        policy.parameters.version_min = self.version_min;
        policy
    }
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
            requests: Vec::new(),
            bytes: 0,
            pictures: BTreeMap::new(),
            receipts: BTreeMap::new(),
            batches: BTreeMap::new(),
            registered: None,
            devices: BTreeMap::new(),
            accepted: Vec::new(),
            now_ms: NOON_MS,
            late_ms: 0,
            judges_time: false,
            cached_s: None,
            fates: Vec::new(),
            always: None,
            poison: None,
            key_seed: 9,
            policy_version: 1,
            version_min: 1,
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
    let fate = {
        let mut state = state.lock().unwrap();
        let next = if is_batch { state.fates.pop() } else { None };
        next.or(state.always.filter(|_| line.contains(" /v1/batches")))
    };
    let wanted = match fate {
        Some(Fate::CutRequestAfter(bytes)) => bytes.min(length),
        _ => length,
    };
    let mut body = vec![0; wanted];
    if stream.read_exact(&mut body).is_err() {
        return;
    }
    if fate == Some(Fate::Hang) {
        std::thread::sleep(HANG);
        return;
    }
    let state = &mut *state.lock().unwrap();
    state.bytes += u64::try_from(body.len()).unwrap();
    let reply = if let Some(reply) = fate.and_then(|fate| misled(state, fate)) {
        Some(reply)
    } else if fate == Some(Fate::HangUp) {
        None
    } else if is_batch {
        let name = header(&text, "wayhex-batch").unwrap();
        take_batch(state, &name, &body, fate)
    } else {
        Some(other(state, &line, &body))
    };
    let Some((status, kind, body)) = reply else {
        return;
    };
    let age = state
        .cached_s
        .map_or(String::new(), |seconds| format!("age: {seconds}\r\n"));
    let now = UNIX_EPOCH + Duration::from_millis(state.now_ms);
    let head = format!(
        "HTTP/1.1 {status} {}\r\ncontent-type: {kind}\r\ndate: {}\r\n{age}content-length: {}\r\n\r\n",
        reason_phrase(status),
        httpdate::fmt_http_date(now),
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

type Reply = (u16, &'static str, Vec<u8>);

/// The answer of what stands between the phone and the server, or of a server that is beside itself.
fn misled(state: &Seen, fate: Fate) -> Option<Reply> {
    let page = b"<html>Please log in</html>".to_vec();
    Some(match fate {
        Fate::Portal => (200, "text/html", page),
        Fate::Page(status) => (status, "text/html", page),
        Fate::Problem(status, code) => problem(status, code),
        Fate::Empty => (200, "application/cbor-seq", Vec::new()),
        Fate::Garbage => (200, "application/cbor-seq", vec![0x9f; 700]),
        Fate::OthersReceipts => {
            let receipt = Receipt {
                id: ObservationId([0xee; 32]),
                verdict: Verdict::Accepted,
                epoch: 1,
                server_time_ms: state.now_ms,
            };
            let answer = Answer {
                receipt: seal(&receipt, &network(), &Key::of(state.key_seed)).unwrap(),
                replayed: false,
            };
            (200, "application/cbor-seq", answer.to_bytes())
        }
        Fate::EarlierReceipts => repeated(state, state.receipts.keys()),
        Fate::Policy => policy(state),
        _ => return None,
    })
}

fn take_batch(state: &mut Seen, name: &str, body: &[u8], fate: Option<Fate>) -> Option<Reply> {
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
        if let Some((poison, fate)) = state.poison
            && poison == id
        {
            return misled(state, fate);
        }
        *state.pictures.entry(id).or_default() += 1;
        let known = state
            .devices
            .get(&device)
            .filter(|_| state.registered.is_some());
        let is_known = known.is_some();
        if let Some(key) = known {
            open::<Observation>(&item.envelope, &network(), |_kid| Some(key.clone())).unwrap();
            let picture = sha256(&item.picture.unwrap());
            assert_eq!(observation.media[0].sha256.0, picture);
        }
        let known = state.receipts.get(&id).cloned();
        let replayed = known.is_some();
        let verdict = match fate {
            Some(Fate::Refuse(reason)) => Verdict::Refused(reason),
            _ if !is_known => Verdict::Refused(Reason::UnknownDevice),
            _ => judged(state, &observation),
        };
        let receipt = known.unwrap_or_else(|| {
            let receipt = Receipt {
                id,
                verdict,
                epoch: 1,
                server_time_ms: state.now_ms + state.late_ms,
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
    Some((200, "application/cbor-seq", answers))
}

fn judged(state: &Seen, observation: &Observation) -> Verdict {
    let captured_ms = observation.captured_at_ms;
    let latency_last_ms = state.policy().parameters.latency_last_ms;
    if !state.judges_time {
        Verdict::Accepted
    } else if captured_ms > state.now_ms + TIME_AHEAD_MAX_MS {
        Verdict::Refused(Reason::CapturedInFuture)
    } else if captured_ms + latency_last_ms < state.now_ms {
        Verdict::Refused(Reason::TooLate)
    } else {
        Verdict::Accepted
    }
}

fn other(state: &mut Seen, line: &str, body: &[u8]) -> Reply {
    let path = line.split(' ').nth(1).unwrap();
    if let Some(name) = path.strip_prefix("/v1/batches/") {
        let Some(ids) = state.batches.get(name) else {
            return problem(404, "batch_unknown");
        };
        return repeated(state, ids);
    }
    match path.split('?').next().unwrap() {
        "/v1/policy" => policy(state),
        "/v1/devices/nonce" => {
            let nonce = format!(r#"{{"nonce":"{}"}}"#, "ab".repeat(32));
            (200, "application/json", nonce.into_bytes())
        }
        "/v1/devices" => {
            let opened = Registration::open(body, &network()).unwrap();
            let key = opened.message.key;
            state.devices.insert(key.thumbprint(), key.clone());
            state.registered = Some(key);
            (200, "application/json", b"{}".to_vec())
        }
        "/v1/freshness" => (
            200,
            "application/json",
            br#"{"epoch":1,"units":[]}"#.to_vec(),
        ),
        _ => problem(404, "not_found"),
    }
}

fn repeated<'a>(state: &Seen, ids: impl IntoIterator<Item = &'a ObservationId>) -> Reply {
    let answers = ids.into_iter().flat_map(|id| {
        let receipt = state.receipts[id].clone();
        let replayed = true;
        Answer { receipt, replayed }.to_bytes()
    });
    (200, "application/cbor-seq", answers.collect())
}

fn policy(state: &Seen) -> Reply {
    let signer = Key::of(state.key_seed);
    let policy = SignedPolicy {
        server_key: signer.public_key().to_bytes(),
        envelope: seal(&state.policy(), &network(), &signer).unwrap(),
    };
    (200, "application/cbor", policy.to_bytes())
}

fn problem(status: u16, code: &str) -> Reply {
    let body = format!(r#"{{"type":"about:blank","title":"no","detail":"no","code":"{code}"}}"#);
    (status, "application/problem+json", body.into_bytes())
}

fn reason_phrase(status: u16) -> &'static str {
    reqwest::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Unknown")
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        (found == name).then(|| value.to_owned())
    })
}
