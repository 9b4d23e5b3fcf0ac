//! The configuration: its example file, and the errors that stop a start.

use tempfile::TempDir;
use wayhex_protocol::policy::Parameters;
use wayhex_protocol::receipt::Verdict;
use wayhex_server::config::Config;
use wayhex_server::policy::Terms;

use crate::support::{Phone, Server, command};

#[test]
fn the_example_file_says_the_defaults() {
    let example = include_str!("../../wayhex-server.example.toml");
    assert_eq!(Config::parse(example).unwrap(), Config::default());
}

#[test]
fn every_line_that_the_example_leaves_out_is_good_as_it_stands() {
    let example = include_str!("../../wayhex-server.example.toml");
    let uncommented: String = example
        .lines()
        .map(|line| line.strip_prefix("#= ").unwrap_or(line))
        .flat_map(|line| [line, "\n"])
        .collect();
    assert_ne!(uncommented, example);
    assert_ne!(Config::parse(&uncommented).unwrap(), Config::default());
}

#[test]
fn a_wrong_value_is_named_by_its_key() {
    for (text, key) in [
        ("[server]\nlisten = \"nowhere\"", "server.listen"),
        ("[server]\nlisten = \"0.0.0.0:80\"", "server.origins"),
        ("[server]\norigins = [\"example.com\"]", "server.origins"),
        ("[server]\nconnections_max = 0", "server.connections_max"),
        (
            "[server]\nconnections_max = \"many\"",
            "server.connections_max",
        ),
        ("[server]\nport = 80", "port"),
        ("[servers]", "servers"),
        ("[network]\nid = \"No Grammar\"", "network.id"),
        ("[receive]\nuploads_max = 0", "receive.uploads_max"),
        ("[receive]\npause_max_s = -1", "receive.pause_max_s"),
        ("[policy]\nemission = 1", "policy.emission"),
        ("[policy]\nrate_micros = \"much\"", "policy.rate_micros"),
        ("[policy]\nmodels = \"face\"", "policy.models"),
        ("[policy]\nmodels = [1]", "policy.models"),
        ("[policy]\nmodels = []", "policy.models"),
        ("[policy]\nmodels = [\"face:12\"]", "policy.models"),
        ("[receive]\nuploads_max = 4097", "receive.uploads_max"),
        (
            "[receive]\nuploads_max = 9223372036854775807",
            "receive.uploads_max",
        ),
        ("[receive]\npause_max_s = 3601", "receive.pause_max_s"),
        (
            "[receive]\npause_max_s = 9223372036854775807",
            "receive.pause_max_s",
        ),
        ("[receive]\nupload_max_s = 86401", "receive.upload_max_s"),
        (
            "[receive]\nupload_max_s = 9223372036854775807",
            "receive.upload_max_s",
        ),
        (
            "[server]\nconnections_max = 100001",
            "server.connections_max",
        ),
        (
            "[server]\nconnections_max = 9223372036854775807",
            "server.connections_max",
        ),
        ("[server]\nhead_timeout_s = 3601", "server.head_timeout_s"),
        (
            "[server]\nhead_timeout_s = 9223372036854775807",
            "server.head_timeout_s",
        ),
        ("[server]\ndrain_s = 86401", "server.drain_s"),
    ] {
        let error = Config::parse(text).expect_err(text).to_string();
        assert!(error.contains(key), "{text:?} gave {error:?}");
    }
}

#[test]
fn every_parameter_of_the_policy_may_be_as_great_as_its_bound_and_no_greater() {
    for bound in Parameters::BOUNDS {
        let section = |value: u64| Config::parse(&format!("[policy]\n{} = {value}", bound.name));
        let most = section(bound.max).expect(bound.name).policy.terms();
        let mut parameters = most.expect(bound.name).parameters;
        assert_eq!(parameters.get_mut(bound.name).copied(), Some(bound.max));
        for beyond in [bound.max + 1, i64::MAX.unsigned_abs()] {
            let error = section(beyond).expect_err(bound.name).to_string();
            let key = format!("policy.{}: at most {}", bound.name, bound.max);
            assert!(error.contains(&key), "{error}");
        }
    }
}

#[test]
fn a_server_at_the_greatest_of_its_own_limits_serves() {
    let server = Server::start(&[
        ("SERVER__CONNECTIONS_MAX", "100000"),
        ("SERVER__HEAD_TIMEOUT_S", "3600"),
        ("SERVER__DRAIN_S", "86400"),
        ("RECEIVE__UPLOADS_MAX", "4096"),
        ("RECEIVE__PAUSE_MAX_S", "3600"),
        ("RECEIVE__UPLOAD_MAX_S", "86400"),
    ]);
    let phone = Phone::new(1).register(&server);
    let answers = phone.upload(&server, &[phone.draft(0)]);
    assert_eq!(server.verified(&answers[0]).verdict, Verdict::Accepted);
}

#[test]
fn the_accepted_models_are_a_list_with_a_detector_of_faces_and_none_twice() {
    let (face, plate) = ("11".repeat(32), "22".repeat(32));
    let models = |list: &str| Config::parse(&format!("[policy]\nmodels = {list}"));
    let both = models(&format!("[\"plate:{plate}\", \"face:{face}\"]")).unwrap();
    let hashes = both.policy.terms().unwrap().models;
    let hashes = hashes
        .iter()
        .map(|model| (model.role.name(), model.sha256.to_string()));
    assert!(hashes.eq([("plate", plate.clone()), ("face", face.clone())]));
    let genesis = Config::default().policy.terms().unwrap();
    assert_eq!(
        genesis,
        Terms::default(),
        "without a list it is that of genesis"
    );

    let many: Vec<String> = (0..33).map(|n| format!("\"face:{n:064x}\"")).collect();
    for (list, cause) in [
        (format!("[\"plate:{plate}\"]"), "no detector of faces"),
        (format!("[\"face:{face}\", \"face:{face}\"]"), "twice"),
        (format!("[\"nose:{face}\"]"), "nose"),
        (format!("[\"{face}\"]"), "face: or plate:"),
        (format!("[\"face:{}\"]", "AA".repeat(32)), "face: or plate:"),
        (format!("[{}]", many.join(",")), "at most 32"),
    ] {
        let error = models(&list).expect_err(&list).to_string();
        assert!(
            error.contains("policy.models") && error.contains(cause),
            "{error}"
        );
    }
}

#[test]
fn a_start_with_a_wrong_value_ends_and_names_the_key() {
    for (key, value, named) in [
        ("RECEIVE__UPLOADS_MAX", "0", "receive.uploads_max"),
        ("RECEIVE__UPLOADS", "3", "uploads"),
        ("POLICY__NO_SUCH", "1", "policy.no_such"),
        ("SERVER__METRICS", "here", "server.metrics"),
        (
            "POLICY__CLAIM_DELAY_EPOCHS",
            "9223372036854775807",
            "policy.claim_delay_epochs",
        ),
        ("POLICY__MODELS", "face:1", "policy.models"),
    ] {
        let folder = TempDir::new().unwrap();
        let output = command(&folder, &[(key, value)])
            .arg("serve")
            .output()
            .unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(named), "{key}={value} said {said}");
        assert!(!folder.path().join("store").exists(), "nothing was made");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = TempDir::new().unwrap();
    let output = command(&folder, &[])
        .args(["serve", "--config", "absent.toml"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("absent.toml"));
}
