//! The exit codes of the program: one table, from which the help text, the guide and the tests
//! are derived. `cli::setup::failure` maps errors to codes.

/// One exit code: its number, its name and its meaning for a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitCode {
    /// The number that the process returns.
    pub code: u8,
    /// The stable name in JSON, JUnit and annotations. Renaming it breaks their readers.
    pub name: &'static str,
    /// The meaning of the code, one line.
    pub about: &'static str,
}

impl ExitCode {
    /// Returns the name as messages have it, in words.
    pub fn shown(&self) -> String {
        self.name.replace('-', " ")
    }
}

const fn exit(code: u8, name: &'static str, about: &'static str) -> ExitCode {
    ExitCode { code, name, about }
}

/// Everything went well.
pub const OK: ExitCode = exit(0, "ok", "fine");
/// Reading, writing or a cell failed.
pub const FAILURE: ExitCode = exit(1, "failure", "an input or output error, or a cell failed");
/// The command line, or an experiment file, is wrong.
pub const USAGE: ExitCode = exit(
    2,
    "usage",
    "the command line or an experiment file is wrong",
);
/// A trace could not be read.
pub const BAD_TRACE: ExitCode = exit(3, "bad-trace", "a trace is malformed, cut short or unknown");
/// Nothing was left to do.
pub const NOTHING: ExitCode = exit(
    4,
    "nothing",
    "nothing selected: no trace, no reference, no cell",
);
/// Cells are missing.
pub const INCOMPLETE: ExitCode = exit(5, "incomplete", "results are incomplete");
/// `check` found a regression, or `compare` a difference that `--fail-on` names.
pub const REGRESSION: ExitCode = exit(
    6,
    "regression",
    "check found a regression, or compare what --fail-on names",
);
/// `check` has nothing to compare with.
pub const NO_BASELINE: ExitCode = exit(7, "no-baseline", "check has no usable baseline");
/// Ended because the terminal was closed (SIGHUP).
pub const HUNG_UP: ExitCode = exit(129, "hung-up", "hung up; finished cells are kept");
/// Interrupted by Ctrl-C.
pub const INTERRUPTED: ExitCode = exit(130, "interrupted", "interrupted; finished cells are kept");
/// Terminated by a signal.
pub const TERMINATED: ExitCode = exit(143, "terminated", "terminated; finished cells are kept");

/// Every exit code, in numerical order.
pub const ALL: [ExitCode; 11] = [
    OK,
    FAILURE,
    USAGE,
    BAD_TRACE,
    NOTHING,
    INCOMPLETE,
    REGRESSION,
    NO_BASELINE,
    HUNG_UP,
    INTERRUPTED,
    TERMINATED,
];

/// The codes in the order in which [`worse`] prefers them.
const PRECEDENCE: [ExitCode; 10] = [
    USAGE,
    // An interrupt explains a failure that follows it.
    HUNG_UP,
    INTERRUPTED,
    TERMINATED,
    // A regression stands, whatever else failed or is missing.
    REGRESSION,
    FAILURE,
    BAD_TRACE,
    INCOMPLETE,
    NO_BASELINE,
    NOTHING,
];

/// Returns whichever of `a` and `b` comes first in `PRECEDENCE`; [`OK`] if neither is in it.
pub fn worse(a: ExitCode, b: ExitCode) -> ExitCode {
    PRECEDENCE
        .into_iter()
        .find(|code| *code == a || *code == b)
        .unwrap_or(OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_ordered() {
        assert!(ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
    }

    #[test]
    fn the_worse_code_wins_in_the_documented_order() {
        assert_eq!(worse(FAILURE, REGRESSION), REGRESSION);
        assert_eq!(worse(INCOMPLETE, NO_BASELINE), INCOMPLETE);
        assert_eq!(worse(BAD_TRACE, FAILURE), FAILURE);
        assert_eq!(worse(NOTHING, REGRESSION), REGRESSION);
        assert_eq!(worse(OK, NOTHING), NOTHING);
        assert_eq!(worse(OK, OK), OK);
    }
}
