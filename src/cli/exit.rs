//! Exit codes: a contract with whoever calls the tool (`design`: 0 passed, 1 failed, 2 input, 3 environment, 4 unknown, 130).

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exit {
    /// Everything that was expected held.
    Passed,
    /// An expectation failed.
    Failed,
    /// The input is wrong; nothing was started.
    Input,
    /// The environment could not do it.
    Environment,
    /// Something that was expected could not be observed, or what was to be done was not done.
    Unknown,
    /// Ctrl-C, SIGTERM or SIGHUP; judged and torn down before.
    Interrupted,
}

impl Exit {
    /// The number.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Input => 2,
            Self::Environment => 3,
            Self::Unknown => 4,
            Self::Interrupted => 130,
        }
    }

    /// The exit of several runs: what a caller must look at first. An interrupt ends everything, the environment
    /// says that results are missing, a failure is news, an unknown is a question.
    pub(super) fn worst(self, other: Self) -> Self {
        let weight = |exit: Self| match exit {
            Self::Passed => 0,
            Self::Unknown => 1,
            Self::Failed => 2,
            Self::Environment => 3,
            Self::Input => 4,
            Self::Interrupted => 5,
        };
        if weight(other) > weight(self) { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
