//! How the commands end: the codes that scripts act on.

use std::fmt;
use std::process::ExitCode;

/// Why a command ended otherwise than well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Something that no rule foresees.
    Internal = 1,
    /// The command line cannot be acted on.
    Usage = 2,
    /// A program or package is missing; the message names the command that installs it.
    Missing = 3,
    /// The drive cannot be read, or nothing in it can be used.
    Drive = 4,
    /// Items are pending, or the server cannot be reached.
    Pending = 5,
    /// An identity of the summary or the audit failed.
    Identity = 6,
    /// Interrupted by its user.
    Interrupted = 130,
}

impl Exit {
    /// The meaning of another program's exit code.
    pub fn of_code(code: Option<i32>) -> Self {
        [
            Self::Usage,
            Self::Missing,
            Self::Drive,
            Self::Pending,
            Self::Identity,
            Self::Interrupted,
        ]
        .into_iter()
        .find(|exit| code == Some(*exit as i32))
        .unwrap_or(Self::Internal)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error that says how the command ends.
#[derive(Debug)]
pub struct Ending {
    exit: Exit,
    message: String,
}

impl Ending {
    /// Ends the command with a code, for a reason.
    pub fn error(exit: Exit, message: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Self {
            exit,
            message: message.into(),
        })
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Ending {}

/// The code for an error: the one it carries, else [`Exit::Internal`].
pub fn code_of(error: &anyhow::Error) -> Exit {
    error
        .downcast_ref::<Ending>()
        .map_or(Exit::Internal, |ending| ending.exit)
}
