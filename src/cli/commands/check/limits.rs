//! The limits of `check`: its flags, which win over the table of a file.

use crate::check::Metric;
use crate::check::limits::{Improvement, KEYS, Limits, Metrics, Override, metric};
use crate::cli::args::words;
use crate::cli::setup::experiment::Config;
use crate::cli::setup::experiment::file::check_table;
use crate::cli::setup::experiment::text::{TomlFile, entries};
use crate::cli::setup::failure::Failure;
use crate::units::Percent;
use clap::Args;
use std::path::{Path, PathBuf};

/// How much counts may change. These flags win over a file.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// TOML file with the limits, in a [check] table or alone; replaces the [check] table of the
    /// experiment file
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,

    /// Counts to compare: refs,faults,write_backs; all if absent
    #[arg(long, value_name = "METRIC,…", value_delimiter = ',', value_parser = metric)]
    metric: Vec<&'static Metric>,

    /// Most by which a count may grow, in counts
    #[arg(long, value_name = "COUNT")]
    max_increase: Option<u64>,

    /// Most by which a count may grow, in percent of what is expected
    #[arg(long, value_name = "PERCENT")]
    max_increase_pct: Option<Percent>,

    /// Most by which a count may shrink without being an unexpected improvement, in counts
    #[arg(long, value_name = "COUNT")]
    max_decrease: Option<u64>,

    /// The same in percent of what is expected
    #[arg(long, value_name = "PERCENT")]
    max_decrease_pct: Option<Percent>,

    /// On an unexpected improvement: warn (the default) and allow pass, fail is exit code 6
    #[arg(long, value_name = "warn|allow|fail", value_parser = words(Improvement::ALL),
          hide_possible_values = true)]
    improvement: Option<Improvement>,
}

impl LimitArgs {
    /// Returns the limits of the flags over the limits of a file.
    pub fn limits(&self, config: &Config) -> Result<Limits, Failure> {
        let mut limits = match (&self.limits, &config.experiment) {
            (Some(path), _) => read(path)?,
            (None, Some(experiment)) => experiment.check.clone().unwrap_or_default(),
            (None, None) => Limits::default(),
        };
        if !self.metric.is_empty() {
            limits.metric = Some(Metrics(self.metric.clone()));
        }
        limits.overrides.push(Override {
            max_increase: self.max_increase,
            max_increase_pct: self.max_increase_pct,
            max_decrease: self.max_decrease,
            max_decrease_pct: self.max_decrease_pct,
            improvement: self.improvement,
            ..Override::default()
        });
        Ok(limits)
    }
}

/// Reads limits from the `[check]` table of a file, ignoring other tables; or from the whole file if it
/// has no such table.
fn read(path: &Path) -> Result<Limits, Failure> {
    let text = TomlFile::read(path)?;
    let document = text.parse()?;
    let all = entries(document.get_ref());
    if !all.iter().any(|entry| entry.key == "check") {
        return text.read_as();
    }
    let is_limit = |name: &str| KEYS.iter().any(|(key, _)| *key == name);
    match all.iter().find(|entry| is_limit(entry.key)) {
        None => check_table(&text),
        Some(entry) => {
            let key = entry.key;
            let what =
                format!("{key} stands outside of [check], where it means nothing: move it there");
            Err(text.fail(entry.span.clone(), what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Limits, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.toml");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn both_places_are_read() {
        let whole = parse("max-increase = 5").unwrap();
        assert_eq!(whole.max_increase, Some(5));
        let table = parse("[check]\nmax-increase = 5\n[plan]\nx = 1\n").unwrap();
        assert_eq!(table, whole);
        assert_eq!(parse("").unwrap(), Limits::default());
    }

    #[test]
    fn errors_point_at_the_place() {
        for (text, pieces) in [
            (
                "[check]\nmax-incraese = 1\n",
                &[
                    "l.toml:2:1: unknown field \"max-incraese\"",
                    "did you mean \"max-increase\"?",
                    "\n  2 | max-incraese = 1\n    | ^^^^^^^^^^^^",
                ][..],
            ),
            (
                "max-increase = -1",
                &[
                    "l.toml:1:16: invalid value",
                    "| max-increase = -1\n    |                ^^",
                ],
            ),
            (
                "improvement = \"wran\"",
                &[
                    "l.toml:1:15: unknown variant \"wran\"",
                    "did you mean \"warn\"?",
                ],
            ),
            (
                "[[check.override]]\ntrase = \"x\"",
                &[
                    "l.toml:2:1: unknown field \"trase\"",
                    "did you mean \"trace\"?",
                ],
            ),
            (
                "max-increase = 1\n[check]\n",
                &["l.toml:1:1: max-increase stands outside of [check]"],
            ),
            ("a = = 1", &["l.toml:1:5: "]),
            ("é = 1 ü", &["l.toml:1:"]),
        ] {
            let error = parse(text).unwrap_err().to_string();
            for piece in pieces {
                assert!(error.contains(piece), "{piece}\n{error}");
            }
        }
    }
}
