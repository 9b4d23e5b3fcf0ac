//! Uploads that are cut at a random point of a full batch: what arrived is not sent again.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use jpeg_encoder::{ColorType, Encoder};
use ring::rand::{SecureRandom, SystemRandom};
use wayhex_protocol::batch::{Answer, RawItem};
use wayhex_protocol::id::{BatchId, ObservationId, SessionId};
use wayhex_protocol::limits::{BATCH_BYTES_MAX, BATCH_ITEMS_MAX, PICTURE_BYTES_MAX};
use wayhex_protocol::observation::Media;
use wayhex_protocol::receipt::Verdict;
use wayhex_vision::quality_of_jpeg;

use crate::support::{Draft, Phone, Server, media, send};

/// Sets a run's random points again.
const SEED_VARIABLE: &str = "WAYHEX_TEST_SEED";

/// `SplitMix64` (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    /// With a fresh seed, which is printed, or the one that is asked for.
    #[expect(clippy::print_stdout, reason = "who repeats a run needs its seed")]
    fn seeded() -> Self {
        let asked = std::env::var(SEED_VARIABLE).ok();
        let seed = asked.and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
            let mut bytes = [0; 8];
            SystemRandom::new().fill(&mut bytes).expect("random bytes");
            u64::from_be_bytes(bytes)
        });
        println!("{SEED_VARIABLE}={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).expect("64 bits");
        usize::try_from(self.next() % limit).expect("64 bits")
    }
}

/// A picture of noise.
fn noise(random: &mut Random, side: u16) -> Vec<u8> {
    let pixels: Vec<u8> = (0..usize::from(side) * usize::from(side))
        .map(|_| random.next().to_be_bytes()[0])
        .collect();
    let mut jpeg = Vec::new();
    Encoder::new(&mut jpeg, 90)
        .encode(&pixels, side, side, ColorType::Luma)
        .expect("a picture can be encoded");
    jpeg
}

/// As many items as a batch takes, of pictures of this side.
fn full_batch(phone: &Phone, random: &mut Random, side: u16) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let mut bytes = 0;
    loop {
        let picture = noise(random, side);
        assert!(picture.len() <= PICTURE_BYTES_MAX, "{}", picture.len());
        let sequence = u64::try_from(drafts.len()).expect("64 bits");
        let mut draft = phone.draft(sequence);
        draft.observation.media = vec![Media {
            width: side.into(),
            height: side.into(),
            ..media(&picture)
        }];
        draft.observation.quality = quality_of_jpeg(&picture).expect("a JPEG").value;
        draft.picture = Some(picture);
        bytes += phone.sign(&draft).to_bytes().len();
        if bytes > BATCH_BYTES_MAX || drafts.len() == BATCH_ITEMS_MAX {
            return drafts;
        }
        drafts.push(draft);
    }
}

/// Passes one connection on to a server, and cuts it once so many bytes went through.
fn cutting_proxy(server: SocketAddr, cut_after: usize) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let passing = std::thread::spawn(move || {
        let (mut phone, _) = listener.accept().expect("a connection");
        let mut server = TcpStream::connect(server).expect("the server accepts");
        let mut left = cut_after;
        let mut buffer = vec![0; 64 * 1_024];
        while left > 0 {
            let most = left.min(buffer.len());
            let read = phone.read(&mut buffer[..most]).expect("the phone sends");
            assert!(read > 0, "the cut lies within the body");
            server.write_all(&buffer[..read]).expect("the server reads");
            left -= read;
        }
        server
            .shutdown(Shutdown::Both)
            .expect("the server's side is cut");
        phone
            .shutdown(Shutdown::Both)
            .expect("the phone's side is cut");
    });
    (address, passing)
}

/// Sends a batch through a proxy that cuts it.
fn send_cut(proxy: SocketAddr, batch: &BatchId, body: &[u8]) {
    let mut stream = TcpStream::connect(proxy).expect("the proxy accepts");
    let head = format!(
        "POST /v1/batches HTTP/1.1\r\nhost: {proxy}\r\nwayhex-version: 1\r\nwayhex-batch: {batch}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("the head is sent");
    match stream.write_all(body) {
        Ok(()) => {}
        Err(error) => assert!(
            matches!(
                error.kind(),
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
            ),
            "{error}"
        ),
    }
}

/// Cuts an upload of a full batch at `points` random points, and sends what the server does not know of.
#[expect(clippy::print_stdout, reason = "a figure of the run")]
fn check(side: u16, points: usize) {
    let mut random = Random::seeded();
    let server = Server::start(&[]);
    let mut phone = Phone::new(1).register(&server);
    for point in 0..points {
        phone.session = SessionId([u8::try_from(100 + point).expect("few points"); 16]);
        let drafts = full_batch(&phone, &mut random, side);
        let batch = phone.batch_of(&drafts);
        let items: Vec<RawItem> = drafts.iter().map(|draft| phone.sign(draft)).collect();
        let encoded: Vec<Vec<u8>> = items.iter().map(RawItem::to_bytes).collect();
        let body = encoded.concat();
        let cut_after = 1 + random.below(body.len());
        let (proxy, passing) = cutting_proxy(server.address, cut_after);
        send_cut(proxy, &batch, &body);
        passing.join().expect("the proxy's thread");

        let reply = server.get(&format!("/v1/batches/{batch}"));
        let answers = Answer::read_all(&reply.body);
        let known: Vec<ObservationId> = answers
            .iter()
            .map(|answer| server.verified(answer).id)
            .collect();
        let is_known = |draft: &&Draft| known.contains(&phone.id(draft));
        let told = drafts.iter().filter(is_known).count();
        let arrived = whole_items(&encoded, cut_after);
        assert!(
            told == arrived || told + 1 == arrived,
            "{told} of {arrived} whole items are told of after a cut at {cut_after}"
        );

        let rest: Vec<RawItem> = drafts
            .iter()
            .zip(items)
            .filter(|(draft, _)| !is_known(draft))
            .map(|(_, item)| item)
            .collect();
        let sent_again: usize = rest.iter().map(|item| item.to_bytes().len()).sum();
        let (sent, whole) = (cut_after + sent_again, body.len());
        println!(
            "{} items, {whole} bytes, cut after {cut_after}: {sent} sent",
            drafts.len()
        );
        assert!(4 * sent <= 5 * whole, "{sent} bytes for {whole}");
        for answer in send(&server, &batch, &rest) {
            assert_eq!(server.verified(&answer).verdict, Verdict::Accepted);
            assert!(!answer.replayed, "no picture is sent again that arrived");
        }
    }
}

/// Items that are whole among the first bytes of a body. The head of the request is passed on, too: the last of them may have
/// been cut by as much.
fn whole_items(encoded: &[Vec<u8>], bytes: usize) -> usize {
    let mut end = 0;
    let ends = encoded.iter().map(|item| {
        end += item.len();
        end
    });
    ends.take_while(|end| *end <= bytes).count()
}

#[test]
fn a_cut_batch_of_usual_pictures_costs_no_quarter_more() {
    check(580, 3);
}

#[test]
fn a_cut_batch_of_the_largest_pictures_costs_no_quarter_more() {
    check(1_550, 2);
}
