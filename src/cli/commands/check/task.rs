//! The task of a check, worked out before any trace is read: its baseline, its mode and its cells.

use super::args::CheckArgs;
use crate::check::{Baseline, CheckError, Limits, Pattern};
use crate::cli::setup::failure::Failure;
use crate::exit::{self, ExitCode};
use crate::report::results::results_csv::TableError;
use crate::sweep::{Identity, MODEL, Part};
use crate::units::{Printable, did_you_mean};
use std::io::ErrorKind;
use std::path::Path;

/// The use that a check makes of its baseline.
pub enum Mode {
    /// Compares all cells, or those of `--only`.
    Compare(Baseline),
    /// Compares one cell, and shows where its faults depart.
    Explain(Baseline),
    /// Writes the counts of today into the baseline; `None` if there is none yet.
    Accept(Option<Baseline>),
}

/// A check.
pub struct Task {
    /// Compare, explain or accept.
    pub mode: Mode,
    /// The cells to check; `None` for all.
    pub only: Option<Pattern>,
    /// How much counts may change.
    pub limits: Limits,
}

impl Task {
    /// Reads the baseline and checks the arguments.
    pub fn new(args: &CheckArgs, limits: Limits) -> Result<Task, Failure> {
        let baseline = read_baseline(args)?;
        let only = only(args, baseline.as_ref())?;
        let mode = match baseline {
            baseline if args.accept => Mode::Accept(baseline),
            Some(baseline) if args.explain.is_some() => Mode::Explain(baseline),
            Some(baseline) => Mode::Compare(baseline),
            None => unreachable!("without --accept a missing baseline is an error"),
        };
        Ok(Task { mode, only, limits })
    }

    /// Returns the baseline; `None` if it is to be written anew.
    pub fn baseline(&self) -> Option<&Baseline> {
        match &self.mode {
            Mode::Compare(baseline) | Mode::Explain(baseline) => Some(baseline),
            Mode::Accept(baseline) => baseline.as_ref(),
        }
    }

    /// Returns whether counts are accepted, not compared.
    pub fn accepts(&self) -> bool {
        matches!(self.mode, Mode::Accept(_))
    }

    /// Returns the path of a cell, which globs match: as the baseline shows it, or as a new one would.
    pub fn path_of(&self, cell: &Identity) -> String {
        let shown = match self.baseline() {
            Some(baseline) => baseline.shown(cell),
            // The cells of a new baseline have the same part and warm-up.
            None => cell
                .without(&MODEL)
                .without(&[Part::Filter, Part::WarmupRefs]),
        };
        shown.path()
    }
}

/// Traces that could not be read, which does not keep the others from being checked.
pub struct ReadErrors {
    /// The worst exit code.
    pub code: ExitCode,
    /// The messages.
    pub errors: Vec<String>,
}

impl Default for ReadErrors {
    fn default() -> ReadErrors {
        ReadErrors {
            code: exit::OK,
            errors: Vec::new(),
        }
    }
}

/// Returns the error that a baseline cannot be used, and why.
pub fn no_baseline(path: &Path, line: Option<u64>, why: String) -> Failure {
    let error = TableError::content(path, line, why);
    Failure::new(exit::NO_BASELINE, error.to_string())
}

/// Returns why nothing can be compared with the baseline `path`.
pub fn no_verdict(path: &Path, error: CheckError) -> Failure {
    match error {
        CheckError::Unusable { line, what } => no_baseline(path, Some(line), what),
        error @ CheckError::Twice(_) => Failure::new(exit::FAILURE, error.to_string()),
    }
}

/// Reads the baseline. Returns `None` if it is missing and to be written.
pub fn read_baseline(args: &CheckArgs) -> Result<Option<Baseline>, Failure> {
    let path = &args.baseline;
    match std::fs::read(path) {
        Ok(text) => match Baseline::parse(path, &text) {
            Ok(baseline) => Ok(Some(baseline)),
            Err(error) => Err(Failure::new(exit::NO_BASELINE, error.to_string())),
        },
        Err(e) if e.kind() == ErrorKind::NotFound && args.accept => Ok(None),
        Err(e) => {
            let help = match e.kind() {
                ErrorKind::NotFound => "\n  help: write one with --accept",
                _ => "",
            };
            Err(no_baseline(path, None, format!("no baseline: {e}{help}")))
        }
    }
}

/// Returns the cells to check, by `--only` or `--explain`. Errors if the baseline has none of them.
fn only(args: &CheckArgs, baseline: Option<&Baseline>) -> Result<Option<Pattern>, Failure> {
    let nothing = |what: String| Failure::new(exit::NOTHING, what);
    let entries = baseline.iter().flat_map(|b| &b.entries);
    let paths: Vec<String> = entries.map(|entry| entry.shown.path()).collect();
    if let Some(cell) = &args.explain {
        if !paths.contains(cell) {
            let hint = did_you_mean(cell, paths.iter().map(String::as_str));
            let path = args.baseline.printed();
            return Err(nothing(format!(
                "--explain: {path} has no cell {cell:?}{hint}"
            )));
        }
        let exactly = globset::escape(cell).parse().map_err(Failure::usage)?;
        return Ok(Some(exactly));
    }
    let matches_any = |glob: &Pattern| paths.iter().any(|path| glob.matches(path));
    match &args.only {
        Some(glob) if !args.accept && !matches_any(glob) => Err(nothing(format!(
            "--only matches no cell of {}; they are called like {}",
            args.baseline.printed(),
            paths.first().map_or("", String::as_str)
        ))),
        glob => Ok(glob.clone()),
    }
}
