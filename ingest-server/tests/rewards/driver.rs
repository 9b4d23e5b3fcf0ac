//! A driver's token: good for one device, one request and one minute.

use data_encoding::BASE64URL_NOPAD;
use wayhex_protocol::envelope::seal;
use wayhex_protocol::id::NetworkId;
use wayhex_protocol::token::Token;
use wayhex_server::clock::now_ms;

use crate::ledger::{Ledger, OPEN_POLICY, account};
use crate::server::{Reply, Server};
use crate::upload::Phone;

struct Asking<'a> {
    server: &'a Server,
    phone: &'a Phone,
    network: &'a str,
    token: Token,
}

impl<'a> Asking<'a> {
    fn of(server: &'a Server, phone: &'a Phone, path: &str) -> Self {
        Self {
            server,
            phone,
            network: "wayhex-dev",
            token: Token {
                audience: server.url.clone(),
                issued_at_s: now_ms() / 1_000,
                method: "GET".to_owned(),
                path: path.to_owned(),
            },
        }
    }

    fn ask(&self, path: &str) -> Reply {
        let network = NetworkId::parse(self.network).expect("a network id");
        let sealed = seal(&self.token, &network, &self.phone.key).expect("a signature");
        let header = format!("Wayhex {}", BASE64URL_NOPAD.encode(&sealed));
        self.server.get_with(path, &[("authorization", &header)])
    }
}

fn refused(reply: &Reply, code: &str) {
    let json = reply.json();
    assert_eq!(
        (reply.status, json["code"].as_str()),
        (401, Some(code)),
        "{json}"
    );
    assert_eq!(reply.header("www-authenticate"), Some("Wayhex"));
    assert!(
        reply.header("date").is_some(),
        "a phone sets its clock by it"
    );
}

#[test]
fn a_token_is_good_for_one_request_of_one_device_in_one_minute() {
    let ledger = Ledger::new(OPEN_POLICY);
    let server = Server::start(ledger.folder(), OPEN_POLICY);
    let phone = Phone::registered(&server, &account(1));
    let other = Phone::new();
    let path = "/v1/me/rewards";

    let good = Asking::of(&server, &phone, path);
    let answer = good.ask(path);
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(answer.json()["account"], account(1).as_str());
    assert_eq!(answer.json()["open_epoch"], 1);

    refused(&server.get(path), "token_missing");
    let plain = server.get_with(path, &[("authorization", "Bearer abc")]);
    refused(&plain, "token_missing");
    let broken = server.get_with(path, &[("authorization", "Wayhex !!")]);
    refused(&broken, "token_malformed");
    refused(&good.ask("/v1/me/items"), "token_request");
    refused(&good.ask("/v1/me/rewards?limit=1"), "token_request");
    let with_query = Asking::of(&server, &phone, "/v1/me/items?limit=1");
    assert_eq!(with_query.ask("/v1/me/items?limit=1").status, 200);
    refused(&with_query.ask("/v1/me/items?limit=2"), "token_request");
    refused(
        &Asking::of(&server, &other, path).ask(path),
        "token_unknown_device",
    );

    let changed = |change: fn(&mut Asking<'_>)| {
        let mut asking = Asking::of(&server, &phone, path);
        change(&mut asking);
        asking.ask(path)
    };
    refused(
        &changed(|of| of.token.method = "POST".to_owned()),
        "token_request",
    );
    refused(
        &changed(|of| of.token.audience = "http://elsewhere:1".to_owned()),
        "token_audience",
    );
    refused(&changed(|of| of.token.issued_at_s -= 61), "token_stale");
    refused(&changed(|of| of.token.issued_at_s += 400), "token_stale");
    refused(&changed(|of| of.network = "another"), "token_signature");
}
