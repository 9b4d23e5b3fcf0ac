//! The committed description of the API.

#[test]
fn the_committed_description_is_the_one_that_the_handlers_give() {
    let committed = include_str!("../../openapi.json");
    let given = wayhex_server::openapi::json().expect("JSON");
    assert!(
        committed == given,
        "ingest-server/openapi.json is out of date: `wayhex-server openapi > ingest-server/openapi.json` writes it"
    );
}
