//! A network that does what the input says, one turn for each request. A turn's first byte says what:
//!
//! ```text
//! 0  an answer as it stands: three digits of status, a byte of flags, the body
//! 1  what an honest server answers; two bytes that follow make one of its policy's parameters very large
//! 2  a policy that another key signed
//! 3  receipts for the items, a byte for each: 0 none, 1 accepted, others a reason; what follows, a place and a byte in turn,
//!    damages the answer
//! 4  the same, signed by another key
//! 5  the same, for another network
//! 6  a failure to connect, a break, an answer too large
//! 7  receipts for the ids that stand for items which the server cannot read
//! ```

use std::sync::Mutex;

use wayhex_device::ports::{Answer, Exchange, Request, Transport, TransportError};
use wayhex_device::sign::Signed;
use wayhex_fuzz::key::Key;
use wayhex_fuzz::network;
use wayhex_protocol::batch::{Answer as ItemAnswer, RawItem, SignedPolicy};
use wayhex_protocol::cbor::Wire;
use wayhex_protocol::envelope::seal;
use wayhex_protocol::id::{NetworkId, ObservationId};
use wayhex_protocol::key::Signer;
use wayhex_protocol::policy::Policy;
use wayhex_protocol::reason::Reason;
use wayhex_protocol::receipt::{Receipt, Verdict};

/// Turns, and what the pinned key has signed in them.
pub struct Turns<'a> {
    items: &'a [Signed],
    state: Mutex<State<'a>>,
}

struct State<'a> {
    left: std::vec::IntoIter<&'a [u8]>,
    signed: Vec<(ObservationId, Verdict)>,
}

impl<'a> Turns<'a> {
    pub fn new(turns: Vec<&'a [u8]>, items: &'a [Signed]) -> Self {
        let state = State {
            left: turns.into_iter(),
            signed: Vec::new(),
        };
        Self {
            items,
            state: Mutex::new(state),
        }
    }

    pub fn are_over(&self) -> bool {
        self.state.lock().expect("one thread").left.len() == 0
    }

    /// Whether the pinned key signed this of an item, under its own name or the one for what cannot be read.
    pub fn were_signed(&self, item: &Signed, said: Verdict) -> bool {
        let names = [item.id(), unreadable(item)];
        let state = self.state.lock().expect("one thread");
        let mut signed = state.signed.iter();
        signed.any(|(id, verdict)| names.contains(id) && *verdict == said)
    }

    fn answer(&self, url: &str, turn: &[u8]) -> Result<Answer, TransportError> {
        let (what, how) = turn
            .split_first()
            .map_or((6, turn), |(what, how)| (*what, how));
        Ok(match what % 8 {
            0 => as_it_stands(how),
            1 => whole(200, self.honest(url, how)),
            2 => whole(200, policy(&Key::foreign(), how)),
            3 => whole(
                200,
                self.receipts(&Key::server(), &network(), Signed::id, how),
            ),
            4 => whole(
                200,
                self.receipts(&Key::foreign(), &network(), Signed::id, how),
            ),
            5 => whole(
                200,
                self.receipts(&Key::server(), &elsewhere(), Signed::id, how),
            ),
            6 => return Err(failure(url, how.first().copied().unwrap_or(0))),
            _ => whole(
                200,
                self.receipts(&Key::server(), &network(), unreadable, how),
            ),
        })
    }

    fn honest(&self, url: &str, how: &[u8]) -> Vec<u8> {
        let path = url.strip_prefix("http://ingest.example").unwrap_or(url);
        match path.split('?').next() {
            Some("/v1/policy") => policy(&Key::server(), how),
            Some("/v1/devices/nonce") => {
                format!(r#"{{"nonce":"{}"}}"#, "5a".repeat(32)).into_bytes()
            }
            Some("/v1/batches") => self.receipts(&Key::server(), &network(), Signed::id, &[1; 8]),
            Some("/v1/freshness") => br#"{"epoch":1,"units":[]}"#.to_vec(),
            _ => b"{}".to_vec(),
        }
    }

    fn receipts(
        &self,
        key: &Key,
        network_of: &NetworkId,
        name: impl Fn(&Signed) -> ObservationId,
        how: &[u8],
    ) -> Vec<u8> {
        let mut body = Vec::new();
        for (item, said) in self.items.iter().zip(how) {
            let verdict = match said {
                0 => continue,
                1 => Verdict::Accepted,
                said => Verdict::Refused(Reason::ALL[usize::from(*said) % Reason::ALL.len()]),
            };
            let receipt = Receipt {
                id: name(item),
                verdict,
                epoch: u64::from(*said),
                server_time_ms: 1_795_348_800_000,
            };
            if key.public_key() == Key::server().public_key() && *network_of == network() {
                let mut state = self.state.lock().expect("one thread");
                state.signed.push((receipt.id, verdict));
            }
            let envelope = seal(&receipt, network_of, key).expect("a key in memory signs");
            let replayed = said % 2 == 0;
            body.extend(
                ItemAnswer {
                    receipt: envelope,
                    replayed,
                }
                .to_bytes(),
            );
        }
        damage(&mut body, how.get(self.items.len()..).unwrap_or_default());
        body
    }
}

impl Transport for Turns<'_> {
    fn exchange(&self, request: &Request<'_>) -> Exchange {
        let turn = self.state.lock().expect("one thread").left.next();
        let outcome = self.answer(request.url, turn.unwrap_or_default());
        let outcome = outcome.and_then(|answer| {
            if answer.body.len() > request.answer_bytes_max {
                return Err(failure(request.url, 2));
            }
            Ok(answer)
        });
        Exchange {
            sent: 500,
            received: 500,
            outcome,
        }
    }
}

fn whole(status: u16, body: Vec<u8>) -> Answer {
    Answer {
        status,
        date_ms: Some(1_795_348_801_000),
        body,
        complete: true,
    }
}

fn as_it_stands(how: &[u8]) -> Answer {
    let Some((head, body)) = how.split_first_chunk::<4>() else {
        return whole(200, how.to_vec());
    };
    let [status @ .., flags] = head;
    let digit = |byte: &u8| u16::from(byte.wrapping_sub(b'0') % 10);
    Answer {
        status: status
            .iter()
            .fold(0, |status, byte| status * 10 + digit(byte)),
        date_ms: (flags & 2 == 0).then(|| u64::from(*flags) << 48),
        body: body.to_vec(),
        complete: flags & 1 == 0,
    }
}

fn policy(key: &Key, how: &[u8]) -> Vec<u8> {
    let mut policy = Policy::genesis(network());
    if let [parameter, shift, ..] = how {
        let names: Vec<_> = policy.parameters.entries();
        let (name, _) = names[usize::from(*parameter) % names.len()];
        if let Some(value) = policy.parameters.get_mut(name) {
            *value = u64::MAX >> (shift % 64);
        }
        policy.version = 2;
    }
    let signed = SignedPolicy {
        server_key: key.public_key().to_bytes(),
        envelope: seal(&policy, &network(), key).expect("a key in memory signs"),
    };
    signed.to_bytes()
}

fn failure(url: &str, kind: u8) -> TransportError {
    let (url, cause) = (url.to_owned(), "so the input says".to_owned());
    match kind % 4 {
        0 => TransportError::NoConnection { url, cause },
        1 => TransportError::Broken { url, cause },
        2 => TransportError::AnswerTooLarge { url, limit: 1 },
        _ => TransportError::Unsendable { url, cause },
    }
}

/// Pairs of a place and a byte: the byte is put there, and a zero cuts the answer off.
fn damage(body: &mut Vec<u8>, how: &[u8]) {
    for pair in how.chunks_exact(2) {
        let at = usize::from(pair[0]) * 4;
        match (body.get_mut(at), pair[1]) {
            (None, _) => {}
            (Some(_), 0) => body.truncate(at),
            (Some(byte), value) => *byte ^= value,
        }
    }
}

fn unreadable(item: &Signed) -> ObservationId {
    let raw = RawItem {
        envelope: item.envelope().to_vec(),
        picture: None,
    };
    raw.unreadable_id()
}

fn elsewhere() -> NetworkId {
    NetworkId::parse("elsewhere").expect("the constant is a network id")
}
