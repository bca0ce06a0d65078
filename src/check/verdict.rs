//! What a comparison finds: for each cell of the baseline its changes, or that it has no counts; and the
//! exit code that follows.
//!
//! Deliberately absent: how it is written down.

use super::limits::{Improvement, Metric};
use crate::exit::{self, ExitCode};
use crate::report::results::columns::Row;
use crate::report::tables::changes_csv::DeltaRow;
use crate::sweep::Identity;
pub use crate::units::counted;

/// Severity of a change, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// More than allowed, or any change of what has no better direction.
    Regression,
    /// An unexpected improvement, and what it leads to.
    Improvement(Improvement),
    /// Within its limits.
    Within,
    /// Written into the baseline by `--accept`.
    Accepted,
}

impl Standing {
    /// Returns whether the check fails by it.
    pub fn fails(self) -> bool {
        matches!(
            self,
            Standing::Regression | Standing::Improvement(Improvement::Fail)
        )
    }

    /// Returns the name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Standing::Regression => "regression",
            Standing::Improvement(_) => "improvement",
            Standing::Within => "within limits",
            Standing::Accepted => "accepted",
        }
    }
}

/// A count that is not what the baseline says.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The count.
    pub metric: &'static Metric,
    /// The count of the baseline.
    pub expected: u64,
    /// The count now.
    pub got: u64,
    /// Its severity.
    pub standing: Standing,
}

impl Change {
    /// Returns `got - expected`.
    pub fn difference(&self) -> i128 {
        i128::from(self.got) - i128::from(self.expected)
    }

    /// Returns the difference in percent of `expected`; `None` if that is 0.
    pub fn percent(&self) -> Option<f64> {
        (self.expected > 0).then(|| self.difference() as f64 * 100.0 / self.expected as f64)
    }

    /// Returns the percentage as text with its sign; `new` if `expected` is 0.
    pub fn show_percent(&self) -> String {
        let percent = self.percent();
        percent.map_or("new".into(), |percent| format!("{percent:+.4}"))
    }

    /// Describes the change: `faults 10432 > baseline 10400 (+32, +0.3077 %)`.
    pub fn words(&self) -> String {
        let (got, expected) = (self.got, self.expected);
        let sign = if got > expected { '>' } else { '<' };
        let percent = self.percent().map(|percent| format!(", {percent:+.4} %"));
        format!(
            "{} {got} {sign} baseline {expected} ({:+}{})",
            self.metric.words(),
            self.difference(),
            percent.unwrap_or_default()
        )
    }
}

/// Whether a cell was compared, is missing or failed.
#[derive(Debug, Clone, PartialEq)]
pub enum CellStatus {
    /// It was compared: the counts that differ.
    Compared(Vec<Change>),
    /// There is no result for it.
    Missing,
    /// It could not be replayed to its end: why.
    Failed(String),
}

/// A cell of the baseline, and whether it was compared, is missing or failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The number of its line in the baseline.
    pub line: u64,
    /// The cell as messages name it, see [`super::Baseline::shown`].
    pub cell: Identity,
    /// The line of the baseline.
    pub row: Row,
    /// Whether it was compared, is missing or failed.
    pub fate: CellStatus,
}

impl Checked {
    /// Returns the cell in words.
    pub fn name(&self) -> String {
        self.cell.name()
    }

    /// Returns why the cell fails; `None` if it passes.
    pub fn complaint(&self) -> Option<String> {
        match &self.fate {
            CellStatus::Missing => {
                Some("no result: its trace or cell was not among those given".into())
            }
            CellStatus::Failed(why) => Some(why.clone()),
            CellStatus::Compared(changes) => {
                let failing = changes.iter().filter(|change| change.standing.fails());
                let words: Vec<String> = failing.map(Change::words).collect();
                (!words.is_empty()).then(|| words.join("; "))
            }
        }
    }
}

/// What a comparison finds.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The metrics that were compared.
    pub metrics: Vec<&'static Metric>,
    /// The cells of the baseline that were looked at, in its order.
    pub cells: Vec<Checked>,
    /// What failed beside the comparison: traces that could not be read, an explanation or an output that
    /// could not be written.
    pub errors: Vec<String>,
}

/// The numbers of cells and changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Cells compared.
    pub compared: usize,
    /// Cells without a result.
    pub missing: usize,
    /// Cells that could not be replayed to their end.
    pub failed: usize,
    /// Counts that fail as regressions.
    pub regressions: usize,
    /// Counts that are better than expected.
    pub improvements: usize,
    /// Those improvements that fail.
    pub failing_improvements: usize,
    /// Those improvements that give a warning.
    pub warned: usize,
    /// Counts that changed within their limits.
    pub within: usize,
    /// Counts that were accepted.
    pub accepted: usize,
}

impl Verdict {
    /// Returns all changes with their cells, the worst first: by severity, then by percent.
    pub fn changes(&self) -> Vec<(&Checked, &Change)> {
        let mut changes: Vec<(&Checked, &Change)> = Vec::new();
        for cell in &self.cells {
            if let CellStatus::Compared(of_cell) = &cell.fate {
                changes.extend(of_cell.iter().map(|change| (cell, change)));
            }
        }
        let size = |change: &Change| change.percent().map_or(f64::INFINITY, f64::abs);
        changes.sort_by(|(_, a), (_, b)| {
            let severity = a.standing.cmp(&b.standing);
            severity.then_with(|| size(b).total_cmp(&size(a)))
        });
        changes
    }

    /// Returns the cells without a result.
    pub fn missing(&self) -> impl Iterator<Item = &Checked> {
        (self.cells.iter()).filter(|cell| cell.fate == CellStatus::Missing)
    }

    /// Returns the cells that could not be replayed, and why.
    pub fn failed(&self) -> impl Iterator<Item = (&Checked, &str)> {
        self.cells.iter().filter_map(|cell| match &cell.fate {
            CellStatus::Failed(why) => Some((cell, why.as_str())),
            _ => None,
        })
    }

    /// Counts cells and changes.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally {
            missing: self.missing().count(),
            failed: self.failed().count(),
            ..Tally::default()
        };
        tally.compared = self.cells.len() - tally.missing - tally.failed;
        for (_, change) in self.changes() {
            match change.standing {
                Standing::Regression => tally.regressions += 1,
                Standing::Within => tally.within += 1,
                Standing::Accepted => tally.accepted += 1,
                Standing::Improvement(improvement) => {
                    tally.improvements += 1;
                    tally.warned += usize::from(improvement == Improvement::Warn);
                    tally.failing_improvements += usize::from(improvement == Improvement::Fail);
                }
            }
        }
        tally
    }

    /// Returns whether a count is beyond its limits.
    pub fn fails(&self) -> bool {
        self.code() == exit::REGRESSION
    }

    /// Returns the exit code. A regression wins over everything else: it is certain, whatever is missing.
    pub fn code(&self) -> ExitCode {
        let tally = self.tally();
        let codes = [
            (
                tally.regressions + tally.failing_improvements,
                exit::REGRESSION,
            ),
            (tally.failed, exit::FAILURE),
            (tally.missing, exit::INCOMPLETE),
            (usize::from(self.cells.is_empty()), exit::NOTHING),
        ];
        let found = codes.into_iter().filter(|(count, _)| *count > 0);
        found.fold(exit::OK, |worst, (_, code)| exit::worse(worst, code))
    }

    /// Returns the outcome in one line.
    pub fn sentence(&self) -> String {
        let tally = self.tally();
        let names: Vec<String> = self.metrics.iter().map(|metric| metric.words()).collect();
        let mut parts = vec![
            counted(tally.regressions, "regression"),
            counted(tally.improvements, "improvement"),
        ];
        if tally.within > 0 {
            parts.push(format!("{} within limits", counted(tally.within, "change")));
        }
        if tally.accepted > 0 {
            parts.push(format!("{} accepted", counted(tally.accepted, "change")));
        }
        parts.push(format!("{} missing", tally.missing));
        if tally.failed > 0 {
            parts.push(format!("{} failed", tally.failed));
        }
        format!(
            "{} compared ({}): {}",
            counted(tally.compared, "cell"),
            names.join(", "),
            parts.join(", ")
        )
    }
}

/// Returns the changes as rows of a delta table, the worst first.
pub fn deltas(verdict: &Verdict) -> Vec<DeltaRow> {
    let row = |(cell, change): (&Checked, &Change)| DeltaRow {
        trace: cell.cell.trace.clone(),
        policy: cell.cell.policy_label(),
        memory: cell.cell.place(),
        metric: change.metric.name.to_owned(),
        expected: change.expected,
        got: change.got,
        percent: change.percent(),
        verdict: change.standing.name().to_owned(),
    };
    verdict.changes().into_iter().map(row).collect()
}
