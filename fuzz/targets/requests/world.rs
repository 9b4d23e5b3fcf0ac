//! A server in this process: one registered device, one closed epoch, and a store that is made anew now and then.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Method, Request, StatusCode, Uri};
use data_encoding::HEXLOWER;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt;
use wayhex_fuzz::key::Key;
use wayhex_fuzz::network;
use wayhex_fuzz::picture::street;
use wayhex_protocol::account::Account;
use wayhex_protocol::envelope::seal;
use wayhex_protocol::id::Nonce;
use wayhex_protocol::key::{PublicKey, Signer};
use wayhex_protocol::policy::Policy;
use wayhex_protocol::registration::Registration;
use wayhex_server::app::{App, router};
use wayhex_server::clock::ClockWatch;
use wayhex_server::config::Config;
use wayhex_server::keys::Keys;
use wayhex_server::policy::{FIRST_EPOCH, PolicyBook, publish};
use wayhex_server::reward::Closer;
use wayhex_server::store::{self, Store};

/// How the server is addressed.
pub const ORIGIN: &str = "http://127.0.0.1:8080";

/// Requests after which the store is made anew, so that a long run does not fill the disk and an input behaves nearly as it
/// does alone.
const REQUESTS_MAX: u32 = 2_000;
/// Bytes of an answer: a page of the map at most.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

const CONFIG: &str = r#"
[network]
id = "wayhex-test"
[server]
origins = ["http://127.0.0.1:8080"]
[policy]
coverage_delay_s = 0
coverage_step_s = 1
"#;

pub struct World {
    pub device: Key,
    pub server_key: PublicKey,
    pub policy: Policy,
    pub picture: Vec<u8>,
    runtime: Runtime,
    router: Router,
    requests: u32,
    _folder: TempDir,
}

/// Calls with the server, which is made where there is none.
pub fn with_world(act: impl FnOnce(&mut World)) {
    thread_local! {
        static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
    }
    WORLD.with_borrow_mut(|world| {
        if world
            .as_ref()
            .is_some_and(|world| world.requests > REQUESTS_MAX)
        {
            *world = None;
        }
        act(world.get_or_insert_with(World::new));
    });
}

pub fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("the clock is set").as_millis();
    u64::try_from(now).expect("the clock is sane")
}

impl World {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let (router, server_key, policy) = serve(folder.path());
        let mut world = Self {
            device: Key::device(),
            server_key,
            policy,
            picture: street(1),
            runtime,
            router,
            requests: 0,
            _folder: folder,
        };
        let registration = Registration {
            key: world.device.public_key(),
            nonce: world.nonce(),
            origin: ORIGIN.to_owned(),
            network: network(),
            account: Account::parse("eip155:1:0x00000000000000000000000000000000000000aa")
                .expect("an account"),
            binding: 1,
        };
        assert_eq!(world.register(&registration).0, StatusCode::OK);
        world
    }

    /// Asks the server. Only being busy is a failure that it may admit, and nothing here keeps it busy.
    pub fn ask(&mut self, request: Request<Bytes>) -> (StatusCode, Vec<u8>) {
        self.requests += 1;
        let what = format!("{} {}", request.method(), request.uri());
        let router = self.router.clone();
        let (status, body) = self.runtime.block_on(async {
            let answer = router.oneshot(request.map(Body::from)).await;
            let (head, body) = answer.expect("a router always answers").into_parts();
            let body = to_bytes(body, ANSWER_BYTES_MAX).await;
            (head.status, body.expect("a body in memory").to_vec())
        });
        let said = String::from_utf8_lossy(&body[..body.len().min(1_000)]);
        assert!(
            !status.is_server_error(),
            "{what} made the server fail: {status} {said}"
        );
        (status, body)
    }

    /// A challenge that is good once.
    pub fn nonce(&mut self) -> Nonce {
        let (status, body) = self.ask(post("/v1/devices/nonce", Vec::new()));
        assert_eq!(status, StatusCode::OK);
        let digits = body.split(|byte| *byte == b'"').nth(3).unwrap_or_default();
        let bytes = HEXLOWER.decode(digits).ok();
        let nonce = bytes.and_then(|bytes| Nonce::from_slice(&bytes));
        nonce.expect("the nonce is hexadecimal")
    }

    /// Sends a registration, signed by the device.
    pub fn register(&mut self, registration: &Registration) -> (StatusCode, Vec<u8>) {
        let sealed = seal(registration, &network(), &self.device).expect("a key in memory signs");
        self.ask(post("/v1/devices", sealed))
    }
}

fn post(path: &'static str, body: Vec<u8>) -> Request<Bytes> {
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static(path);
    let version = "1".parse().expect("a header's text");
    request.headers_mut().insert("wayhex-version", version);
    request
}

fn serve(folder: &Path) -> (Router, PublicKey, Policy) {
    let mut config = Config::parse(CONFIG).expect("the configuration is right");
    folder.clone_into(&mut config.store.folder);
    let keys = Arc::new(Keys::open(folder).expect("the keys are made"));
    let store = Store::open(folder, Arc::clone(&keys), &network()).expect("the store is made");
    let terms = config.policy.terms().expect("the terms are known");
    let mut connection = store::connect(folder).expect("the store opens");
    let transaction = connection.transaction().expect("nobody else writes");
    let (network, signing) = (network(), &keys.signing);
    publish(&transaction, &terms, &network, signing, now_ms()).expect("a policy is published");
    let policies = PolicyBook::read(&transaction, &network, signing).expect("it can be read");
    transaction.commit().expect("nobody else writes");
    let closer = Closer {
        folder,
        network: &network,
        keys: &keys,
    };
    let first = closer.close(&mut connection, None, now_ms());
    assert_eq!(
        first.expect("the first epoch closes").summary.number,
        FIRST_EPOCH
    );
    let current = policies.current().expect("a policy was published");
    let policy = current.policy.clone();
    let bound = "127.0.0.1:8080".parse().expect("an address");
    let clock = ClockWatch::new(now_ms(), Instant::now(), 0);
    let app = App::new(config, network, store, policies, bound, clock);
    (router(Arc::new(app)), signing.public_key(), policy)
}
