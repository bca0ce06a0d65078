//! From errors to exit codes: the one place where they meet.

use crate::exit::{self, ExitCode};
use crate::policy::ParamError;
use crate::report::chart::ChartError;
use crate::report::results::results_csv::TableError;
use crate::space::SpaceError;
use crate::sweep::PlanError;
use crate::trace::model::convert::ConvertError;
use crate::trace::model::error::{Cause, TraceError};
use crate::trace::model::reference_string::StringError;
use crate::units::{Printable, UnitError};
use crate::vm::hardware::tlb_shapes::GeometryError;
use crate::vm::machine::RunError;
use std::fmt;
use std::io;
use std::path::Path;

/// Why a command ends early: an exit code, and a message unless it was printed before.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: ExitCode,
    message: Option<String>,
}

impl Failure {
    /// With `message`, a lowercase fragment.
    pub fn new(code: ExitCode, message: impl Into<String>) -> Failure {
        Failure {
            code,
            message: Some(message.into()),
        }
    }

    /// Without a message: the reasons are on standard error already.
    pub fn reported(code: ExitCode) -> Failure {
        Failure {
            code,
            message: None,
        }
    }

    /// The command line or an experiment file is wrong.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::new(exit::USAGE, message)
    }

    /// Standard output cannot be written. A closed pipe ends the command quietly, with exit code 0.
    pub fn stdout(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::reported(exit::OK),
            _ => Failure::new(
                exit::FAILURE,
                format!("cannot write to standard output: {error}"),
            ),
        }
    }

    /// The file `path` cannot be written.
    pub fn file(path: &Path, error: io::Error) -> Failure {
        Failure::new(
            exit::FAILURE,
            format!("{}: cannot write: {error}", path.printed()),
        )
    }

    /// The file `path` cannot be read.
    pub fn unreadable(path: &Path, error: io::Error) -> Failure {
        Failure::new(
            exit::FAILURE,
            format!("{}: cannot read: {error}", path.printed()),
        )
    }

    /// The message; `None` if the reasons were printed before.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message().unwrap_or_default())
    }
}

impl From<TraceError> for Failure {
    fn from(error: TraceError) -> Failure {
        let code = match error.cause {
            Cause::Io(_) => exit::FAILURE,
            Cause::Options => exit::USAGE,
            Cause::Content | Cause::UnknownFormat => exit::BAD_TRACE,
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

impl From<ChartError> for Failure {
    fn from(error: ChartError) -> Failure {
        Failure::new(exit::FAILURE, error.to_string())
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Failure {
        Failure::new(exit::FAILURE, error.to_string())
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Failure {
        let code = match error {
            PlanError::Units(_)
            | PlanError::Swap(_)
            | PlanError::Model(_)
            | PlanError::TooManyCells => exit::USAGE,
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

impl From<StringError> for Failure {
    fn from(error: StringError) -> Failure {
        let code = match error {
            StringError::Word(_) | StringError::TooManyPages => exit::USAGE,
            StringError::Empty => exit::NOTHING,
        };
        Failure::new(code, format!("--string: {error}"))
    }
}

impl From<GeometryError> for Failure {
    fn from(error: GeometryError) -> Failure {
        Failure::usage(error.to_string())
    }
}
