//! A release build holds nothing of the places: no order is heard, and no name is left in the program.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// A name that no other program has.
const PLACE: &str = "release.test.held_nowhere";
/// The variable that gives orders.
const ORDER: &str = "WAYHEX_FAILPOINT";

/// Compiles this crate and a program that passes its one place, both optimised.
fn build(folder: &Path, debug_assertions: &str) -> PathBuf {
    std::fs::create_dir_all(folder).expect("a folder");
    let source = folder.join("passes.rs");
    let text = format!(
        "wayhex_failpoint::failpoints! {{ ONLY = \"{PLACE}\" }}\nfn main() {{ ONLY.hit(); }}\n"
    );
    std::fs::write(&source, text).expect("the source is written");
    let library = folder.join("libwayhex_failpoint.rlib");
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    let compile = |kind: &str, name: &str, source: &Path, made: &Path| {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut rustc = Command::new(rustc);
        rustc.args(["--edition", "2024", "-O", "--crate-type", kind]);
        rustc.args(["--crate-name", name, "-C", debug_assertions]);
        rustc.arg("-o").arg(made).arg(source);
        rustc
    };
    run(&mut compile("rlib", "wayhex_failpoint", &place, &library));
    let program = folder.join("passes");
    let mut linked = compile("bin", "passes", &source, &program);
    linked.arg("--extern");
    linked.arg(format!("wayhex_failpoint={}", library.display()));
    run(&mut linked);
    program
}

fn run(rustc: &mut Command) {
    let output = rustc.output().expect("the compiler starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// How the program ends that is to be ended at its place.
fn ordered_to_end(program: &Path) -> ExitStatus {
    Command::new(program)
        .env(ORDER, PLACE)
        .env_remove("WAYHEX_FAILPOINTS_SEEN")
        .status()
        .expect("the program starts")
}

fn holds(program: &Path, text: &str) -> bool {
    let bytes = std::fs::read(program).expect("the program is read");
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[test]
fn a_release_build_passes_its_places_and_holds_no_name_of_them() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("without_assertions");
    let program = build(&folder, "debug-assertions=off");
    assert_eq!(ordered_to_end(&program).code(), Some(0));
    assert!(!holds(&program, PLACE) && !holds(&program, ORDER));
}

#[test]
fn a_build_with_debug_assertions_ends_at_its_place_and_holds_the_names() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("with_assertions");
    let program = build(&folder, "debug-assertions=on");
    assert!(!ordered_to_end(&program).success());
    assert!(holds(&program, PLACE) && holds(&program, ORDER));
}
