//! Batches that were good once: flipped, cut, spliced, shuffled, with other pictures. Whatever comes of them, each answer is
//! one of the published reasons, and no honest item is lost.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use wayhex_protocol::batch::{Answer, BatchReader, RawItem};
use wayhex_protocol::envelope::open;
use wayhex_protocol::id::SessionId;
use wayhex_protocol::key::PublicKey;
use wayhex_protocol::reason::Side;
use wayhex_protocol::receipt::{Receipt, Verdict};

use crate::support::{Draft, Phone, Reply, Server, jpeg, network};

const ITEMS: u64 = 6;
const CASES: u32 = 64;

/// One thing that is done to a batch; places are chosen among what is there.
#[derive(Clone, Debug)]
enum Mutation {
    FlipEnvelope(Index, Index, u8),
    FlipPicture(Index, Index, u8),
    FlipByte(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Remove(Index, Index),
    Repeat(Index, Index),
    Reorder(Index, Index),
    SwapPictures(Index, Index),
    LosePicture(Index),
    LeaveOut(Index),
    /// The head of one item, the tail of another.
    Splice(Index, Index, Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<Index>;
    prop_oneof![
        (at(), at(), 0..8_u8).prop_map(|(a, b, c)| Mutation::FlipEnvelope(a, b, c)),
        (at(), at(), 0..8_u8).prop_map(|(a, b, c)| Mutation::FlipPicture(a, b, c)),
        (at(), 0..8_u8).prop_map(|(a, b)| Mutation::FlipByte(a, b)),
        at().prop_map(Mutation::Cut),
        (at(), prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(a, b)| Mutation::Insert(a, b)),
        (at(), at()).prop_map(|(a, b)| Mutation::Remove(a, b)),
        (at(), at()).prop_map(|(a, b)| Mutation::Repeat(a, b)),
        (at(), at()).prop_map(|(a, b)| Mutation::Reorder(a, b)),
        (at(), at()).prop_map(|(a, b)| Mutation::SwapPictures(a, b)),
        at().prop_map(Mutation::LosePicture),
        at().prop_map(Mutation::LeaveOut),
        (at(), at(), at()).prop_map(|(a, b, c)| Mutation::Splice(a, b, c)),
    ]
}

fn flip(bytes: &mut [u8], place: Index, bit: u8) {
    if !bytes.is_empty() {
        bytes[place.index(bytes.len())] ^= 1 << bit;
    }
}

/// Those that know of items are done to the items, in their order; then the others to the bytes.
fn mutated(honest: &[RawItem], mutations: &[Mutation]) -> Vec<u8> {
    let mut items = honest.to_vec();
    for mutation in mutations {
        change_items(&mut items, mutation);
        if items.is_empty() {
            return Vec::new();
        }
    }
    let mut bytes: Vec<u8> = items.iter().flat_map(RawItem::to_bytes).collect();
    for mutation in mutations {
        change_bytes(&mut bytes, mutation);
    }
    bytes
}

fn change_items(items: &mut Vec<RawItem>, mutation: &Mutation) {
    let count = items.len();
    match mutation {
        Mutation::FlipEnvelope(item, place, bit) => {
            flip(&mut items[item.index(count)].envelope, *place, *bit);
        }
        Mutation::FlipPicture(item, place, bit) => {
            if let Some(picture) = &mut items[item.index(count)].picture {
                flip(picture, *place, *bit);
            }
        }
        Mutation::Repeat(item, to) => {
            let again = items[item.index(count)].clone();
            items.insert(to.index(count + 1), again);
        }
        Mutation::Reorder(a, b) => items.swap(a.index(count), b.index(count)),
        Mutation::SwapPictures(a, b) => {
            let (a, b) = (a.index(count), b.index(count));
            let picture = items[a].picture.take();
            let other = std::mem::replace(&mut items[b].picture, picture);
            if a == b {
                return;
            }
            items[a].picture = other;
        }
        Mutation::LosePicture(item) => items[item.index(count)].picture = None,
        Mutation::LeaveOut(item) => drop(items.remove(item.index(count))),
        Mutation::Splice(head, tail, place) => {
            let (head, tail) = (head.index(count), tail.index(count));
            let cut = place.index(items[head].envelope.len() + 1);
            let end = items[tail].envelope.get(cut..).unwrap_or_default().to_vec();
            items[head].envelope.truncate(cut);
            items[head].envelope.extend(end);
        }
        _ => {}
    }
}

fn change_bytes(bytes: &mut Vec<u8>, mutation: &Mutation) {
    let count = bytes.len();
    match mutation {
        Mutation::FlipByte(place, bit) => flip(bytes, *place, *bit),
        Mutation::Cut(place) => bytes.truncate(place.index(count + 1)),
        Mutation::Insert(place, more) => {
            let place = place.index(count + 1);
            drop(bytes.splice(place..place, more.iter().copied()));
        }
        Mutation::Remove(place, length) => {
            let begin = place.index(count + 1);
            let length = length.index(300).min(count - begin);
            drop(bytes.drain(begin..begin + length));
        }
        _ => {}
    }
}

/// A server, a phone, and how many drives it has made.
struct Scene {
    server: Server,
    server_key: PublicKey,
    phone: Phone,
    drives: u32,
}

impl Scene {
    fn new() -> Self {
        let server = Server::start(&[]);
        Self {
            server_key: server.policy().0,
            phone: Phone::new(1).register(&server),
            server,
            drives: 0,
        }
    }

    /// A drive in a session of its own, with pictures that nobody has seen.
    fn drive(&mut self) -> Vec<Draft> {
        self.drives += 1;
        let mut session = [0; 16];
        session[..4].copy_from_slice(&self.drives.to_be_bytes());
        self.phone.session = SessionId(session);
        let picture = |sequence: u64| {
            let sequence = u32::try_from(sequence).expect("a short drive");
            jpeg(1_000_000 + self.drives * 10 + sequence)
        };
        (0..ITEMS)
            .map(|sequence| self.phone.draft_of(sequence, picture(sequence)))
            .collect()
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        let opened = open::<Receipt>(&answer.receipt, &network(), |_| {
            Some(self.server_key.clone())
        });
        let verdict = opened.expect("the server signed it").message.verdict;
        if let Verdict::Refused(reason) = verdict {
            assert_eq!(
                reason.side(),
                Side::Refuse,
                "{reason} is no server's reason"
            );
        }
        verdict
    }

    /// Sends a drive's batch after it was changed, then the drive itself.
    fn check(&mut self, mutations: &[Mutation]) {
        let drafts = self.drive();
        let honest: Vec<RawItem> = drafts.iter().map(|draft| self.phone.sign(draft)).collect();
        let bytes = mutated(&honest, mutations);
        let batch = self.phone.batch_of(&drafts).to_string();
        let reply = self
            .server
            .post("/v1/batches", &[("wayhex-batch", &batch)], &bytes);
        let items = whole_items(&bytes);
        self.check_reply(&reply, &items, &honest);

        let known = |item: &RawItem| items.contains(item);
        let answers = self.phone.upload(&self.server, &drafts);
        assert_eq!(answers.len(), honest.len());
        for (answer, item) in answers.iter().zip(&honest) {
            assert_eq!(
                self.verdict(answer),
                Verdict::Accepted,
                "an honest item is never lost"
            );
            assert_eq!(
                answer.replayed,
                known(item),
                "what came whole was taken then"
            );
        }
    }

    fn check_reply(&self, reply: &Reply, items: &[RawItem], honest: &[RawItem]) {
        if reply.status != 200 {
            let found = (reply.status, reply.code());
            let published = [(400, "malformed".to_owned()), (413, "too_large".to_owned())];
            assert!(published.contains(&found), "{found:?}");
            return;
        }
        let answers = Answer::read_all(&reply.body);
        let read: Vec<u8> = answers.iter().flat_map(Answer::to_bytes).collect();
        assert_eq!(read, reply.body, "the answers are the whole body");
        assert_eq!(answers.len(), items.len(), "one for each item");
        for (answer, item) in answers.iter().zip(items) {
            let verdict = self.verdict(answer);
            if honest.contains(item) {
                assert_eq!(verdict, Verdict::Accepted, "beside whatever else came");
            } else if verdict == Verdict::Accepted {
                // Its envelope came with its own picture too, and that is what the verdict repeats.
                let whole = honest
                    .iter()
                    .any(|of| of.envelope == item.envelope && items.contains(of));
                assert!(whole && answer.replayed, "it is not what was signed");
            }
        }
    }
}

/// The items that a body holds whole, up to where it stops being a batch.
fn whole_items(bytes: &[u8]) -> Vec<RawItem> {
    let (mut reader, mut items) = (BatchReader::default(), Vec::new());
    if reader.push(bytes).is_ok() {
        while let Ok(Some(item)) = reader.next_item() {
            items.push(item);
        }
    }
    items
}

#[test]
fn a_batch_changed_in_any_way_is_answered_and_costs_no_honest_item() {
    let scene = std::cell::RefCell::new(Scene::new());
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let checked =
        TestRunner::new(config).run(&prop::collection::vec(mutation(), 1..5), |mutations| {
            scene.borrow_mut().check(&mutations);
            Ok(())
        });
    if let Err(found) = checked {
        panic!("{found}");
    }
}
