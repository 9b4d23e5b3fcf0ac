//! The configuration: its example file, and the errors that stop a start.

use tempfile::TempDir;
use wayhex_server::config::Config;

use crate::support::command;

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
    ] {
        let error = Config::parse(text).expect_err(text).to_string();
        assert!(error.contains(key), "{text:?} gave {error:?}");
    }
}

#[test]
fn a_start_with_a_wrong_value_ends_and_names_the_key() {
    for (key, value, named) in [
        ("RECEIVE__UPLOADS_MAX", "0", "receive.uploads_max"),
        ("RECEIVE__UPLOADS", "3", "uploads"),
        ("POLICY__NO_SUCH", "1", "policy.no_such"),
        ("SERVER__METRICS", "here", "server.metrics"),
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
