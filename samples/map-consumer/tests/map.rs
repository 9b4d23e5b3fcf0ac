//! The built program against a server of canned answers on loopback.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::thread::JoinHandle;

/// Answers one request with each of `answers` (status line and body) in turn; gives back what was asked for.
fn serve(answers: Vec<(&'static str, String)>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let url = format!("http://{}", listener.local_addr().expect("address"));
    let handle = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().expect("accept");
            let mut lines = BufReader::new(stream.try_clone().expect("clone")).lines();
            asked.push(lines.next().expect("request").expect("line"));
            while lines
                .next()
                .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
            {}
            write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Type: application/geo+json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .expect("answer");
        }
        asked
    });
    (url, handle)
}

/// A hexagon of about 10 m around a place.
fn feature(lon: f64, lat: f64, observations: u64) -> String {
    let corners: Vec<String> = (0..7)
        .map(|corner| {
            let angle = f64::from(corner % 6) * std::f64::consts::FRAC_PI_3;
            let east = lon + 1.4e-4 * angle.cos();
            let east = if east > 180.0 { east - 360.0 } else { east };
            format!("[{},{}]", east, lat + 1e-4 * angle.sin())
        })
        .collect();
    format!(
        r#"{{"type":"Feature","geometry":{{"type":"Polygon","coordinates":[[{}]]}},"properties":{{"cell":"8c","quadrants":[0,1],"observations":{observations}}}}}"#,
        corners.join(",")
    )
}

fn page(features: &[String], next: &str) -> (&'static str, String) {
    let body = format!(
        r#"{{"type":"FeatureCollection","features":[{}],"next":{next}}}"#,
        features.join(",")
    );
    ("200 OK", body)
}

fn run(server: &str, bbox: &str, out: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_map-consumer"))
        .args(["--server", server, "--bbox", bbox, "--out"])
        .arg(out)
        .output()
        .expect("run")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The x coordinates of all corners drawn.
fn corners_x(svg: &str) -> Vec<f64> {
    svg.split("points=\"")
        .skip(1)
        .flat_map(|rest| rest.split('"').next().unwrap_or_default().split(' '))
        .map(|corner| {
            corner
                .split(',')
                .next()
                .expect("x")
                .parse()
                .expect("number")
        })
        .collect()
}

#[test]
fn all_pages_are_asked_for_and_drawn() {
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("map.svg");
    let (url, server) = serve(vec![
        page(
            &[feature(7.45, 46.95, 1), feature(7.4503, 46.95, 9)],
            "\"8c/1&x\"",
        ),
        page(&[feature(7.4506, 46.9502, 20)], "null"),
    ]);
    let output = run(&url, "7.44,46.94,7.46,46.96", &out);
    assert!(output.status.success(), "{}", stderr(&output));
    let asked = server.join().expect("server");
    assert_eq!(
        asked[0],
        "GET /v1/coverage?bbox=7.44%2C46.94%2C7.46%2C46.96 HTTP/1.1"
    );
    assert!(
        asked[1].ends_with("&cursor=8c%2F1%26x HTTP/1.1"),
        "{}",
        asked[1]
    );
    let svg = std::fs::read_to_string(&out).expect("drawing");
    assert_eq!(svg.matches("<polygon").count(), 3);
    assert!(svg.contains("3 cells, 30 observations"), "{svg}");
    assert_eq!(
        svg.matches("class=\"q\"").count(),
        6,
        "two headings in each cell"
    );
}

#[test]
fn a_box_across_the_antimeridian_is_drawn_in_one_piece() {
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("map.svg");
    let (url, server) = serve(vec![page(
        &[feature(179.9999, -17.0, 1), feature(-179.9995, -17.0, 1)],
        "null",
    )]);
    let output = run(&url, "179.99,-17.01,-179.99,-16.99", &out);
    assert!(output.status.success(), "{}", stderr(&output));
    server.join().expect("server");
    let xs = corners_x(&std::fs::read_to_string(&out).expect("drawing"));
    assert!(xs.iter().all(|x| (0.0..=1160.0).contains(x)), "{xs:?}");
    let widest = xs
        .chunks(7)
        .map(|ring| {
            ring.iter()
                .fold(0.0, |w: f64, x| w.max((x - ring[0]).abs()))
        })
        .fold(0.0, f64::max);
    assert!(
        widest > 50.0,
        "a cell of 20 m among 40 m is no hairline: {widest}"
    );
}

#[test]
fn where_nothing_is_covered_the_page_says_so() {
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("map.svg");
    let (url, server) = serve(vec![page(&[], "null")]);
    assert!(run(&url, "-1,-1,1,1", &out).status.success());
    server.join().expect("server");
    assert!(
        std::fs::read_to_string(&out)
            .expect("drawing")
            .contains("nothing is covered here")
    );
}

#[test]
fn what_is_no_coverage_ends_with_a_word_about_it_and_no_drawing() {
    let problem = r#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"bbox: too large","code":"bbox"}"#;
    for (answers, says) in [
        (
            vec![("400 Bad Request", problem.to_owned())],
            "bbox: too large",
        ),
        (vec![("200 OK", "<html>".to_owned())], "is no coverage"),
        (
            vec![
                page(&[feature(7.0, 46.0, 1)], "\"a\""),
                page(&[feature(7.0, 46.0, 1)], "\"a\""),
            ],
            "lead nowhere",
        ),
        (
            vec![page(&[feature(7.0, 1e15, 1)], "null")],
            "nowhere on Earth",
        ),
        (vec![page(&[], "\"a\"")], "lead nowhere"),
    ] {
        let folder = tempfile::tempdir().expect("folder");
        let out = folder.path().join("map.svg");
        let (url, server) = serve(answers);
        let output = run(&url, "7,46,8,47", &out);
        server.join().expect("server");
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(says), "{}", stderr(&output));
        assert!(!out.exists());
    }
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let url = format!("http://{}", listener.local_addr().expect("address"));
    drop(listener);
    let folder = tempfile::tempdir().expect("folder");
    let output = run(&url, "7,46,8,47", &folder.path().join("map.svg"));
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(&url), "{}", stderr(&output));
}

#[test]
fn a_box_that_is_none_is_a_mistake_of_usage() {
    let folder = tempfile::tempdir().expect("folder");
    for bbox in [
        "7,46,8",
        "7,46,8,x",
        "7,47,8,46",
        "7,46,181,47",
        "NaN,46,8,47",
        "7,46,7,47",
    ] {
        let output = run("http://127.0.0.1:9", bbox, &folder.path().join("map.svg"));
        assert_eq!(output.status.code(), Some(2), "{bbox}: {}", stderr(&output));
    }
}
