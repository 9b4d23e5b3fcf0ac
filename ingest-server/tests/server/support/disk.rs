//! A server whose store lies on a file system of its own, in a mount namespace that ends with it.

use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::server::{Server, command, command_in};

const NAMESPACE: [&str; 3] = ["--user", "--map-root-user", "--mount"];

/// Set where no test may be skipped.
const NO_SKIP: &str = "WAYHEX_NO_SKIP";

/// Whether this system lets a program mount a file system of its own; a test is skipped otherwise, and says so, or fails where
/// none may be skipped.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
pub fn can_mount() -> bool {
    let tried = Command::new("unshare")
        .args(NAMESPACE)
        .args(["sh", "-c", "mount -t tmpfs -o size=1m tmpfs /tmp"])
        .output();
    let can = tried.is_ok_and(|tried| tried.status.success());
    if !can {
        let is_needed = std::env::var_os(NO_SKIP).is_some();
        assert!(!is_needed, "no file system can be mounted here");
        println!("skipped: no file system can be mounted here");
    }
    can
}

impl Server {
    /// With its store on a disk of so many bytes, such as `6m`.
    pub fn start_on_small_disk(size: &str, settings: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("store")).expect("a folder");
        let program = command(&folder, settings);
        let mount =
            format!("mount -t tmpfs -o mode=700,size={size} tmpfs store && exec \"$0\" \"$@\"");
        let mut within = Command::new("unshare");
        within.args(NAMESPACE).args(["sh", "-c", &mount]);
        within.arg(program.get_program()).current_dir(folder.path());
        for (name, value) in program.get_envs() {
            within.env(name, value.expect("nothing is taken away"));
        }
        Self::launch(folder, settings, within)
    }

    /// Its store, as it sees it.
    pub fn store_within(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.process_id()));
        let store = self.store();
        root.join(store.strip_prefix("/").expect("an absolute path"))
    }

    /// Runs one of the program's commands on the same disk.
    pub fn run_beside(&self, arguments: &[&str]) -> Output {
        let program = command_in(self.folder(), &[]);
        let mut within = self.enter();
        within.arg(program.get_program()).args(arguments);
        for (name, value) in program.get_envs() {
            within.env(name, value.expect("nothing is taken away"));
        }
        within.output().expect("the program runs")
    }

    /// Runs a line of shell in the store, where the server sees it.
    pub fn in_its_place(&self, line: &str) {
        let mut within = self.enter();
        within.args(["sh", "-c", &format!("cd \"$0\" && {line}")]);
        let done = within.arg(self.store()).output().expect("the shell runs");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{line}: {said}");
    }

    fn enter(&self) -> Command {
        let mut enter = Command::new("nsenter");
        let process = self.process_id().to_string();
        enter.args(["--target", &process, "--user", "--mount"]);
        enter
    }
}
