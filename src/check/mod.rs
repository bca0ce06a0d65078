//! Baselines: exact counts that a later run must reproduce. A baseline is a small CSV, one line a
//! cell, in the stable order, made for `git diff`.
//!
//! Deliberately absent: how counts come about, and what is printed.

pub mod between;

use crate::report::columns::{COLUMNS, Column, Row, SCHEMA, column};
use crate::report::csv::{TableError, csv_error, table_to_csv};
use crate::report::distributions::KEY_COLUMNS;
use std::collections::BTreeMap;
use std::path::Path;

/// The columns of a baseline, by name in the column table: which cell, then its counts.
pub const BASELINE_COLUMNS: [&str; 20] = [
    "schema",
    "trace",
    "trace_digest",
    "filter",
    "mappings",
    "on_segfault",
    "page_size",
    "policy",
    "params",
    "seed",
    "tau",
    "frames",
    "allocation",
    "accessed_bit",
    "swap_limit",
    "commit_limit",
    "warmup_refs",
    "refs",
    "faults",
    "write_backs",
];

/// The columns that say how the model was set: counts of other settings are not comparable.
pub const MODEL: [&str; 6] = [
    "mappings",
    "on_segfault",
    "allocation",
    "accessed_bit",
    "swap_limit",
    "commit_limit",
];

/// The columns that are compared.
pub const COMPARED: [&str; 3] = ["refs", "faults", "write_backs"];

/// Where the model of a row now is set otherwise than for its baseline, in words.
pub fn other_model(baseline: &Row, now: &Row) -> Option<String> {
    MODEL.iter().find_map(|name| {
        let column = column(name).expect("a column of the table");
        let [then, now] = [baseline, now].map(column.show);
        let word = |text: String| match text.is_empty() {
            true => "nothing".to_owned(),
            false => text,
        };
        (then != now).then(|| format!("{name}: {} there, {} here", word(then), word(now)))
    })
}

fn baseline_columns() -> impl Iterator<Item = &'static Column> {
    BASELINE_COLUMNS
        .iter()
        .map(|name| column(name).expect("a column of the table"))
}

/// The rows as a baseline.
pub fn to_baseline(rows: &[Row]) -> Vec<u8> {
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by_cached_key(|row| row.sort_key());
    let header = BASELINE_COLUMNS.map(str::to_owned).to_vec();
    table_to_csv(
        header,
        rows.iter().map(|row| {
            baseline_columns()
                .map(|column| (column.show)(row))
                .collect()
        }),
    )
}

/// Reads a baseline; `path` is for messages. Two lines for one cell are an error.
pub fn parse_baseline(path: &Path, text: &[u8]) -> Result<Vec<Row>, TableError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text);
    let header = reader.headers().map_err(|e| csv_error(path, &e))?;
    if header.iter().ne(BASELINE_COLUMNS) {
        return Err(TableError::content(
            path,
            Some(1),
            "no baseline of this version: its columns are others\n  \
             help: a baseline is what `pagebench check FILE TRACE… --accept` writes",
        ));
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut seen = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|e| csv_error(path, &e))?;
        let line = record.position().map(csv::Position::line);
        let fail = |what: String| TableError::content(path, line, what);
        let mut row = Row::default();
        for (column, field) in baseline_columns().zip(&record) {
            (column.read)(&mut row, field)
                .map_err(|why| fail(format!("column {}: {why}", column.name)))?;
        }
        if row.schema != SCHEMA {
            return Err(fail(format!(
                "schema {}: this program reads schema {SCHEMA}",
                row.schema
            )));
        }
        if let Some(first) = seen.insert(cell_key(&row), line) {
            return Err(fail(format!(
                "the same cell as line {}",
                first.unwrap_or(0)
            )));
        }
        rows.push(row);
    }
    if rows.is_empty() {
        return Err(TableError::content(
            path,
            None,
            "the baseline names no cell",
        ));
    }
    Ok(rows)
}

/// What makes two rows the same cell: everything but the counts and the digest.
fn cell_key(row: &Row) -> Vec<String> {
    let place =
        |name: &str| name == "warmup_refs" || name != "trace_digest" && KEY_COLUMNS.contains(&name);
    COLUMNS
        .iter()
        .filter(|column| place(column.name))
        .map(|column| (column.show)(row))
        .collect()
}

/// A count that is not what the baseline says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The cell, in words.
    pub cell: String,
    /// The column.
    pub column: &'static str,
    /// The count of the baseline.
    pub expected: u64,
    /// The count now.
    pub got: u64,
}

impl Difference {
    /// The difference in percent of what was expected.
    pub fn percent(&self) -> f64 {
        (self.got as f64 - self.expected as f64) * 100.0 / (self.expected.max(1)) as f64
    }
}

/// What a comparison finds.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Cells compared.
    pub compared: usize,
    /// Counts that differ, the largest change first.
    pub differences: Vec<Difference>,
    /// Cells of the baseline for which there is no result now.
    pub missing: Vec<String>,
}

/// Compares rows with a baseline, exactly.
pub fn compare(baseline: &[Row], now: &[Row]) -> Verdict {
    let found: BTreeMap<_, &Row> = now
        .iter()
        .filter(|row| row.is_ok())
        .map(|row| (cell_key(row), row))
        .collect();
    let mut verdict = Verdict::default();
    for expected in baseline {
        let Some(got) = found.get(&cell_key(expected)) else {
            verdict.missing.push(cell_name(expected));
            continue;
        };
        verdict.compared += 1;
        for name in COMPARED {
            let number = |row: &Row| {
                let text = (column(name).expect("a column of the table").show)(row);
                text.parse::<u64>().expect("a count")
            };
            let (expected_count, got_count) = (number(expected), number(got));
            if expected_count != got_count {
                verdict.differences.push(Difference {
                    cell: cell_name(expected),
                    column: name,
                    expected: expected_count,
                    got: got_count,
                });
            }
        }
    }
    verdict
        .differences
        .sort_by(|a, b| b.percent().abs().total_cmp(&a.percent().abs()));
    verdict
}

/// A cell in words: `cc1, lru, 64 frames`.
pub fn cell_name(row: &Row) -> String {
    let mut name = format!("{}, {}", row.trace, row.policy_label());
    if let Some(tau) = row.tau {
        name.push_str(&format!(", tau {tau}"));
    }
    if let Some(frames) = row.frames {
        name.push_str(&format!(", {frames} frames"));
    }
    if row.page_size != 4096 {
        name.push_str(&format!(
            ", pages of {}",
            crate::units::show_bytes(row.page_size)
        ));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(frames: u64, faults: u64) -> Row {
        Row {
            schema: SCHEMA,
            trace: "t".into(),
            trace_digest: "d".into(),
            page_size: 4096,
            policy: "lru".into(),
            frames: Some(frames),
            refs: 100,
            faults,
            status: "ok".into(),
            ..Row::default()
        }
    }

    #[test]
    fn a_baseline_survives_the_file_and_finds_every_difference() {
        let path = Path::new("b.csv");
        let baseline =
            parse_baseline(path, &to_baseline(&[row(8, 20), row(4, 50), row(16, 10)])).unwrap();
        assert_eq!(
            baseline.iter().map(|row| row.frames).collect::<Vec<_>>(),
            [Some(4), Some(8), Some(16)]
        );
        let same = compare(&baseline, &[row(4, 50), row(8, 20), row(16, 10)]);
        assert!(same.differences.is_empty() && same.missing.is_empty() && same.compared == 3);
        let other = compare(&baseline, &[row(4, 51), row(8, 40)]);
        assert_eq!(other.missing, ["t, lru, 16 frames"]);
        assert_eq!(other.differences[0].cell, "t, lru, 8 frames");
        assert_eq!(other.differences.len(), 2);
        assert!((other.differences[0].percent() - 100.0).abs() < 1e-9);
    }

    #[test]
    fn nonsense_is_refused() {
        let path = Path::new("b.csv");
        let good = String::from_utf8(to_baseline(&[row(4, 50)])).unwrap();
        let line = good.lines().nth(1).unwrap();
        for (text, why) in [
            (
                format!("{good}{line}\n"),
                "b.csv:3: the same cell as line 2",
            ),
            (good.replace("\n2,", "\n9,"), "schema 9"),
            (
                good.replace(",50,", ",many,"),
                "b.csv:2: column faults: not a whole number",
            ),
            (
                good.lines().next().unwrap().to_owned() + "\n",
                "names no cell",
            ),
            ("a,b\n1,2\n".into(), "no baseline of this version"),
        ] {
            let error = parse_baseline(path, text.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
