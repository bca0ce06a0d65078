//! A table of counts that changed, written and read back: what the chart of changes is drawn from.
//! Knows nothing of how the counts come about, nor of limits.

use super::columns::{ColumnKind, Field};
use super::csv::{TableError, csv_error, table_to_csv};
use super::tables::Described;
use std::path::Path;

/// A count that changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeltaRow {
    /// The name of the trace.
    pub trace: String,
    /// The policy with its parameters.
    pub policy: String,
    /// The memory of the cell in words: `64 frames`.
    pub memory: String,
    /// The column of the count.
    pub metric: String,
    /// The count of the baseline.
    pub expected: u64,
    /// The count now.
    pub got: u64,
    /// The difference in percent of what was expected; `None` if that was nothing.
    pub percent: Option<f64>,
    /// `regression`, `improvement`, `within limits` or `accepted`.
    pub verdict: String,
}

/// The columns, in order: name, what it holds, unit and meaning.
pub const COLUMNS: [Described; 8] = [
    ("trace", ColumnKind::Text, "", "name of the trace"),
    (
        "policy",
        ColumnKind::Text,
        "",
        "name of the policy with its parameters",
    ),
    (
        "memory",
        ColumnKind::Text,
        "",
        "frames or window of the cell, in words",
    ),
    (
        "metric",
        ColumnKind::Text,
        "",
        "the column of results.csv that changed",
    ),
    (
        "expected",
        ColumnKind::Count,
        "",
        "the count of the baseline",
    ),
    ("got", ColumnKind::Count, "", "the count now"),
    (
        "percent",
        ColumnKind::Real,
        "%",
        "(got - expected) / expected in percent; empty if expected is 0",
    ),
    (
        "verdict",
        ColumnKind::Text,
        "",
        "regression, improvement or within limits",
    ),
];

/// The names of the columns.
fn header() -> impl Iterator<Item = &'static str> {
    COLUMNS.into_iter().map(|(name, ..)| name)
}

/// The rows as CSV text, in their order.
pub fn to_csv(rows: &[DeltaRow]) -> Vec<u8> {
    let fields = |row: &DeltaRow| {
        vec![
            row.trace.clone(),
            row.policy.clone(),
            row.memory.clone(),
            row.metric.clone(),
            row.expected.show(),
            row.got.show(),
            row.percent.show(),
            row.verdict.clone(),
        ]
    };
    table_to_csv(
        header().map(str::to_owned).collect(),
        rows.iter().map(fields),
    )
}

/// Reads the rows of a file.
pub fn read_rows(path: &Path) -> Result<Vec<DeltaRow>, TableError> {
    let text = std::fs::read(path).map_err(|e| TableError::io(path, "read", e))?;
    parse_rows(path, &text)
}

/// Reads rows from CSV text; `path` is for messages.
pub fn parse_rows(path: &Path, text: &[u8]) -> Result<Vec<DeltaRow>, TableError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text);
    let found = reader.headers().map_err(|e| csv_error(path, &e))?;
    if !found.iter().eq(header()) {
        let names: Vec<&str> = header().collect();
        let what = format!("no table of changes: its header is not {}", names.join(","));
        return Err(TableError::content(path, Some(1), what));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| csv_error(path, &e))?;
        let line = record.position().map(csv::Position::line);
        let fail = |why: String| TableError::content(path, line, why);
        let text = |column: usize| record[column].to_owned();
        rows.push(DeltaRow {
            trace: text(0),
            policy: text(1),
            memory: text(2),
            metric: text(3),
            expected: Field::read(&record[4]).map_err(fail)?,
            got: Field::read(&record[5]).map_err(fail)?,
            percent: Field::read(&record[6]).map_err(fail)?,
            verdict: text(7),
        });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_survive_the_file() {
        let row = DeltaRow {
            trace: "a,\"b\"".into(),
            expected: 4,
            got: 5,
            percent: Some(25.0),
            ..DeltaRow::default()
        };
        let new = DeltaRow {
            percent: None,
            ..row.clone()
        };
        let rows = [row, new];
        let text = String::from_utf8(to_csv(&rows)).unwrap();
        assert_eq!(
            parse_rows(Path::new("d.csv"), text.as_bytes()).unwrap(),
            rows
        );
        for (text, why) in [
            (
                text.replace(",got,", ",gto,"),
                "d.csv:1: no table of changes",
            ),
            (text.replace(",5,", ",five,"), "d.csv:2: not a whole number"),
        ] {
            let error = parse_rows(Path::new("d.csv"), text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
