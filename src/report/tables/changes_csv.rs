//! The counts that changed against a baseline, written and read back: what the chart of `pagebench
//! check --chart` is drawn from. THE column table of changes.

use crate::report::results::column::{TableRow, table};
use crate::report::results::results_csv::{TableError, read_table, rows_to_csv};
use std::path::Path;

table! {
    /// A count that changed. The fields are the columns of [`COLUMNS`], in order, where each is defined.
    #[derive(Debug, Clone, Default, PartialEq)]
    pub struct DeltaRow {}
    /// Every column of `deltas.csv`, in order.
    pub const COLUMNS;
    trace: String, "", "name of the trace";
    policy: String, "", "name of the policy with its parameters";
    memory: String, "", "frames or window of the cell, in words";
    metric: String, "", "the column of results.csv that changed";
    expected: u64, "", "the count of the baseline";
    got: u64, "", "the count now";
    percent: Option<f64>, "%", "(got - expected) / expected in percent; empty if expected is 0";
    verdict: String, "", "regression, improvement, within limits or accepted";
}

impl TableRow for DeltaRow {}

/// Returns the rows as CSV text, in their order.
pub fn to_csv(rows: &[DeltaRow]) -> Vec<u8> {
    rows_to_csv(COLUMNS, rows)
}

/// Reads rows from CSV text; `path` is for messages.
///
/// # Errors
///
/// Errors if the header is another one, or if a field is not what its column holds.
pub fn parse_rows(path: &Path, text: &[u8]) -> Result<Vec<DeltaRow>, TableError> {
    read_table(path, text, "changes", COLUMNS)
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
                "d.csv:1: not a table of changes",
            ),
            (
                text.replace(",5,", ",five,"),
                "d.csv:2: column got: not a whole number",
            ),
        ] {
            let error = parse_rows(Path::new("d.csv"), text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
