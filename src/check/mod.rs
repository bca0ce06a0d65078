//! Baselines: exact counts that a later run must reproduce, the limits within which they may change, what
//! a comparison finds, and the files that report it to machines.
//!
//! [`judge`] compares the cells of a [`baseline`] with the rows of the current run, by the rules of
//! [`limits`], and returns a [`Verdict`]. [`forms`] write it as
//! JUnit, Markdown, annotations and JSON. [`digests`] keep the sequence of faults beside a baseline.
//! [`compare`] is the engine of `pagebench compare`, which has neither baseline nor limits.
//!
//! Deliberately absent: replays, and what is printed on a terminal.

pub mod baseline;
pub mod cell_key;
pub mod compare;
pub mod digests;
pub mod forms;
pub mod limits;
pub mod verdict;

pub use baseline::{Baseline, Entry, Taken};
pub use limits::{Limits, METRICS, Metric, Pattern};
pub use verdict::{CellStatus, Change, Checked, Standing, Verdict, deltas};

use self::cell_key::{incomparable, key_of, other_part};
use crate::report::results::columns::Row;
use crate::sweep::{Identity, Part};
use std::collections::BTreeMap;

/// Why there is no verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// The baseline was counted on another trace, another selection of it or another model.
    #[error("line {line}: {what}")]
    Unusable {
        /// The line of the baseline.
        line: u64,
        /// What differs and what to do.
        what: String,
    },
    /// The results contradict themselves.
    #[error("two results for one cell, {0}: compare with one run at a time")]
    Twice(String),
}

/// Compares the rows of the current run, `now`, with the cells of `baseline`. With `only`, compares only
/// cells whose path that glob matches. Ignores rows that the baseline does not name.
///
/// # Errors
///
/// Errors if counts cannot be compared, see [`CheckError`]. A regression is never an error, and an error
/// never a regression.
pub fn judge(
    baseline: &Baseline,
    only: Option<&Pattern>,
    now: &[Row],
    limits: &Limits,
) -> Result<Verdict, CheckError> {
    let today = Today::of(now.iter().map(Row::identity).collect())?;
    let metrics = limits.metrics();
    let mut cells = Vec::new();
    for entry in baseline.chosen(only) {
        let fate = match today.cell(entry)? {
            None => CellStatus::Missing,
            Some(index) => fate(entry, &now[index], &metrics, limits),
        };
        cells.push(Checked {
            line: entry.line,
            cell: entry.shown.clone(),
            row: entry.row.clone(),
            fate,
        });
    }
    Ok(Verdict {
        metrics,
        cells,
        errors: Vec::new(),
    })
}

/// Returns what `--accept` did, as a verdict by which nothing fails: the cells of the `new` baseline that
/// have a row in `now`, and the counts of the `old` baseline that these replaced.
pub fn accepted(old: &Baseline, new: &Baseline, now: &[Row]) -> Verdict {
    let before: BTreeMap<Identity, &Row> = old
        .entries
        .iter()
        .map(|entry| (key_of(&entry.cell), &entry.row))
        .collect();
    let today: BTreeMap<Identity, &Row> = now
        .iter()
        .map(|row| (key_of(&row.identity()), row))
        .collect();
    let cell = |entry: &Entry| {
        let key = key_of(&entry.cell);
        let now = *today.get(&key)?;
        let row = before.get(&key).copied().unwrap_or(&entry.row);
        let changes = METRICS.iter().filter_map(|metric| {
            let (expected, got) = (metric.count_in(row), metric.count_in(now));
            (expected != got).then_some(Change {
                metric,
                expected,
                got,
                standing: Standing::Accepted,
            })
        });
        Some(Checked {
            line: entry.line,
            cell: entry.shown.clone(),
            row: row.clone(),
            fate: CellStatus::Compared(changes.collect()),
        })
    };
    Verdict {
        metrics: METRICS.iter().collect(),
        cells: new.entries.iter().filter_map(cell).collect(),
        errors: Vec::new(),
    }
}

/// Finds the current row of a cell of a baseline.
pub struct Today {
    cells: Vec<Identity>,
    indices: BTreeMap<Identity, usize>,
}

impl Today {
    /// Indexes the cells of the current rows.
    ///
    /// # Errors
    ///
    /// Errors if two cells are the same.
    pub fn of(cells: Vec<Identity>) -> Result<Today, CheckError> {
        let mut indices = BTreeMap::new();
        for (index, cell) in cells.iter().enumerate() {
            if indices.insert(key_of(cell), index).is_some() {
                return Err(CheckError::Twice(cell.name()));
            }
        }
        Ok(Today { cells, indices })
    }

    /// Returns the index of the current row of a baseline's cell; `None` if it is missing.
    ///
    /// # Errors
    ///
    /// Errors if there is one, but of another trace, another selection of it or another model.
    pub fn cell(&self, entry: &Entry) -> Result<Option<usize>, CheckError> {
        let index = self.indices.get(&key_of(&entry.cell)).copied();
        let why = match index {
            None => self.other_part(&entry.cell),
            Some(index) => incomparable(&entry.cell, &self.cells[index]),
        };
        match why {
            None => Ok(index),
            Some(what) => Err(CheckError::Unusable {
                line: entry.line,
                what,
            }),
        }
    }

    /// Returns what differs if there is a row of the same trace, policy and memory, but of another
    /// selection of the trace or after another warm-up.
    fn other_part(&self, baseline: &Identity) -> Option<String> {
        let rest = |cell: &Identity| key_of(cell).without(&[Part::Filter, Part::WarmupRefs]);
        let wanted = rest(baseline);
        let found = self.cells.iter().find(|cell| rest(cell) == wanted)?;
        other_part(baseline, found)
    }
}

fn fate(entry: &Entry, now: &Row, metrics: &[&'static Metric], limits: &Limits) -> CellStatus {
    let (baseline, cell) = (&entry.row, &entry.cell);
    if !now.is_ok() {
        return CellStatus::Failed(now.error.clone());
    }
    let changes = metrics.iter().filter_map(|metric| {
        let (expected, got) = (metric.count_in(baseline), metric.count_in(now));
        (expected != got).then(|| Change {
            metric,
            expected,
            got,
            standing: standing(metric, expected, got, limits.bounds(cell, metric)),
        })
    });
    CellStatus::Compared(changes.collect())
}

fn standing(metric: &Metric, expected: u64, got: u64, bounds: limits::Bounds) -> Standing {
    let fewer = got < expected;
    let bound = if fewer {
        bounds.decrease
    } else {
        bounds.increase
    };
    if bound.holds(expected, got) {
        Standing::Within
    } else if fewer && metric.fewer_is_better() {
        Standing::Improvement(bounds.improvement)
    } else {
        Standing::Regression
    }
}

#[cfg(test)]
mod tests;
