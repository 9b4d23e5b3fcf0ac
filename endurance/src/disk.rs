//! A real, small file system: a `tmpfs` in a mount namespace of its own, which needs no privileges where the system permits user
//! namespaces. Programs are run inside it by a shell; from outside it is seen through the shell's entry in `/proc`.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// The file system, for as long as its shell lives.
pub struct Disk {
    shell: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    folder: PathBuf,
}

impl Disk {
    /// A disk of so many KiB in place of this folder; `None`, with the cause, where the system does not permit it.
    ///
    /// # Errors
    /// The shell does not answer.
    pub fn mount(folder: &Path, size_kib: u64) -> Result<Result<Self, String>> {
        let spawned = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut shell = match spawned {
            Ok(shell) => shell,
            Err(error) => return Ok(Err(format!("unshare: {error}"))),
        };
        let orders = shell.stdin.take().context("a pipe to the shell")?;
        let answers = shell.stdout.take().context("a pipe from the shell")?;
        let mut disk = Self {
            shell,
            orders,
            answers: BufReader::new(answers),
            folder: folder.to_owned(),
        };
        let order = format!(
            "mount -t tmpfs -o size={size_kib}k none {}",
            quoted(folder.as_os_str())
        );
        Ok(match disk.order(&order) {
            Ok(0) => Ok(disk),
            Ok(code) => Err(format!("mount ended with {code}")),
            Err(error) => Err(format!("no mount namespace: {error}")),
        })
    }

    /// Gives it another size.
    ///
    /// # Errors
    /// It cannot have it.
    pub fn resize(&mut self, size_kib: u64) -> Result<()> {
        self.remount(&format!("size={size_kib}k"))
    }

    /// Lets nothing be written, or everything again.
    ///
    /// # Errors
    /// The system refuses.
    pub fn set_read_only(&mut self, is_read_only: bool) -> Result<()> {
        self.remount(if is_read_only { "ro" } else { "rw" })
    }

    fn remount(&mut self, option: &str) -> Result<()> {
        let folder = quoted(self.folder.as_os_str());
        let code = self.order(&format!("mount -o remount,{option} {folder}"))?;
        ensure!(code == 0, "the disk cannot be mounted with {option}");
        Ok(())
    }

    /// Fills it up but for so many KiB.
    ///
    /// # Errors
    /// The system refuses.
    pub fn fill_but(&mut self, free_kib: u64) -> Result<()> {
        let folder = quoted(self.folder.as_os_str());
        let code = self.order(&format!(
            "f=$(df -Pk {folder} | awk 'NR==2 {{print $4}}'); dd if=/dev/zero of={folder}/filler bs=1024 count=$((f - {free_kib}))"
        ))?;
        ensure!(code == 0, "the disk cannot be filled");
        Ok(())
    }

    /// Takes away what filled it.
    ///
    /// # Errors
    /// The system refuses.
    pub fn unfill(&mut self) -> Result<()> {
        let code = self.order(&format!("rm -f {}/filler", quoted(self.folder.as_os_str())))?;
        ensure!(code == 0, "the filler cannot be removed");
        Ok(())
    }

    /// Runs a program inside; its exit code. What it prints goes to these files, which lie outside.
    ///
    /// # Errors
    /// The shell does not answer.
    pub fn run(&mut self, command: &Command, printed: &Path, complained: &Path) -> Result<i32> {
        let mut words = vec!["env".to_owned()];
        for (name, value) in command.get_envs() {
            words.push(match value {
                Some(value) => format!("{}={}", name.display(), quoted(value)),
                None => format!("-u {}", name.display()),
            });
        }
        // `env` takes what is unset before what is set.
        words[1..].sort_by_key(|word| !word.starts_with("-u "));
        words.push(quoted(command.get_program()));
        words.extend(command.get_args().map(quoted));
        let order = format!(
            "{} </dev/null >{} 2>{}",
            words.join(" "),
            quoted(printed.as_os_str()),
            quoted(complained.as_os_str())
        );
        self.order(&order)
    }

    /// A path inside, as it is reached from outside.
    #[must_use]
    pub fn seen(&self, path: &Path) -> PathBuf {
        let inside = path.strip_prefix("/").unwrap_or(path);
        Path::new("/proc")
            .join(self.shell.id().to_string())
            .join("root")
            .join(inside)
    }

    fn order(&mut self, order: &str) -> Result<i32> {
        writeln!(
            self.orders,
            "( {order} ) </dev/null >/dev/null; echo \"ended $?\""
        )?;
        self.orders.flush()?;
        let mut answer = String::new();
        if self.answers.read_line(&mut answer)? == 0 {
            bail!("the shell has ended");
        }
        let code = answer
            .trim()
            .strip_prefix("ended ")
            .context("the shell's answer")?;
        Ok(code.parse()?)
    }
}

/// The disk goes with its shell.
impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.shell.kill());
        drop(self.shell.wait());
    }
}

/// As the shell takes it for one word.
fn quoted(word: &OsStr) -> String {
    format!("'{}'", word.display().to_string().replace('\'', r"'\''"))
}
