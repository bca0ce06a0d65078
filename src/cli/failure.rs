//! From errors to exit codes: the one place where they meet.

use crate::exit::{self, ExitCode};
use crate::policy::ParamError;
use crate::report::csv::TableError;
use crate::space::SpaceError;
use crate::sweep::PlanError;
use crate::trace::error::TraceError;
use crate::trace::source::ConvertError;
use crate::units::UnitError;
use std::fmt;
use std::io;
use std::path::Path;

/// Why a command ends early.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: ExitCode,
    message: String,
}

impl Failure {
    /// With this exit code and message, a lowercase fragment.
    pub fn new(code: ExitCode, message: impl Into<String>) -> Failure {
        Failure {
            code,
            message: message.into(),
        }
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::new(exit::USAGE, message)
    }

    /// Standard output does not take what is written. A closed pipe is no failure: nobody reads
    /// on.
    pub fn stdout(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::new(exit::OK, ""),
            _ => Failure::new(
                exit::FAILURE,
                format!("cannot write to standard output: {error}"),
            ),
        }
    }

    /// A file does not take what is written.
    pub fn file(path: &Path, error: io::Error) -> Failure {
        Failure::new(
            exit::FAILURE,
            format!("{}: cannot write: {error}", path.display()),
        )
    }

    /// True if there is nothing to say.
    pub fn is_silent(&self) -> bool {
        self.message.is_empty()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<TraceError> for Failure {
    fn from(error: TraceError) -> Failure {
        let code = if error.is_io() {
            exit::FAILURE
        } else {
            exit::BAD_TRACE
        };
        Failure::new(code, error.to_string())
    }
}

impl From<SpaceError> for Failure {
    fn from(error: SpaceError) -> Failure {
        Failure::new(exit::BAD_TRACE, error.to_string())
    }
}

impl From<ConvertError> for Failure {
    fn from(error: ConvertError) -> Failure {
        match error {
            ConvertError::Trace(error) => error.into(),
            error @ (ConvertError::Nothing(_) | ConvertError::Unheld { .. }) => {
                Failure::new(exit::NOTHING, error.to_string())
            }
            error @ ConvertError::Write(_) => Failure::new(exit::FAILURE, error.to_string()),
        }
    }
}

impl From<TableError> for Failure {
    fn from(error: TableError) -> Failure {
        Failure::new(exit::FAILURE, error.to_string())
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Failure {
        let code = match error {
            PlanError::Units(_) | PlanError::Swap(_) => exit::USAGE,
            PlanError::NothingLeft { .. } => exit::NOTHING,
            PlanError::Trace(_) => exit::BAD_TRACE,
        };
        Failure::new(code, error.to_string())
    }
}

impl From<UnitError> for Failure {
    fn from(error: UnitError) -> Failure {
        Failure::usage(error.to_string())
    }
}

impl From<ParamError> for Failure {
    fn from(error: ParamError) -> Failure {
        Failure::usage(error.to_string())
    }
}
