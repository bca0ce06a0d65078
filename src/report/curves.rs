//! `curve.csv`: points of curves, written and read back, its columns in one table. Knows nothing
//! of how the counts come about.

use super::columns::{ColumnKind, Field};
use super::csv::{TableError, csv_error, table_to_csv};
use std::fs;
use std::path::Path;

/// A column of `curve.csv`.
pub struct CurveColumn {
    /// The header, which is also the name of the field in [`CurveRow`].
    pub name: &'static str,
    /// The unit; empty for names and texts.
    pub unit: &'static str,
    /// What it means.
    pub about: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    show: fn(&CurveRow) -> String,
    read: fn(&mut CurveRow, &str) -> Result<(), String>,
}

macro_rules! columns {
    ($($name:ident : $type:ty, $unit:literal, $about:literal;)*) => {
        /// One point of a curve. The fields are the columns of [`COLUMNS`], in order, where each
        /// is defined.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct CurveRow {
            $(#[doc = $about] pub $name: $type,)*
        }

        /// Every column of `curve.csv`, in order.
        pub const COLUMNS: &[CurveColumn] = &[
            $(CurveColumn {
                name: stringify!($name),
                unit: $unit,
                about: $about,
                kind: <$type as Field>::KIND,
                show: |row| row.$name.show(),
                read: |row, text| {
                    row.$name = <$type as Field>::read(text)?;
                    Ok(())
                },
            },)*
        ];
    };
}

columns! {
    trace: String, "", "name of the trace";
    trace_digest: String, "", "hash of the stream of references and events of the trace, as in results.csv";
    trace_kind: String, "", "full, sampled, faults-only, block-io or synthetic: whether a rate is that of a program";
    filter: String, "", "what was taken of the trace (data-only, pid, skip, limit); events-ignored if its mappings and forks were left out";
    page_size: u64, "bytes", "size of a page and of a frame";
    policy: String, "", "lru, opt, ws, vmin, fifo or clock";
    params: String, "", "parameters that differ from their defaults, key=value";
    frames: Option<u64>, "frames", "frames of memory; empty for ws and vmin";
    tau: Option<u64>, "references", "window of ws and vmin in references of the process; empty for the others";
    mean_resident: f64, "pages", "resident pages after each reference, summed, / references";
    refs: u64, "references", "references counted: all of them";
    distinct_pages: u64, "pages", "distinct pages, each process's its own";
    faults: u64, "faults", "references whose page was not resident";
    fault_rate: f64, "of references", "faults / refs";
    write_backs: Option<u64>, "pages", "dirty pages that left memory; empty where they are not known: opt, vmin, estimates";
    accuracy: String, "", "exact: what a replay at this size counts; estimate: from a sample of the pages";
    sample_rate: Option<f64>, "of pages", "share of the pages that the estimate is made of; empty if exact";
    error_bound: Option<f64>, "of references", "how far fault_rate may be from the true one, for about 19 of 20 samples (one sample errs alike at neighbouring sizes): t times the standard error among 8 groups of the pages; empty if exact";
}

/// [`CurveRow::accuracy`] of counts.
pub const EXACT: &str = "exact";
/// [`CurveRow::accuracy`] of estimates.
pub const ESTIMATE: &str = "estimate";

impl CurveRow {
    /// The curve it is a point of, for legends and tables.
    pub fn label(&self) -> String {
        let mut label = self.policy.clone();
        if !self.params.is_empty() {
            label = format!("{label}:{}", self.params);
        }
        match self.sample_rate {
            Some(rate) => format!("{label} (~{}%)", sample_percent(rate)),
            None => label,
        }
    }

    /// The stable order of rows.
    pub fn sort_key(&self) -> impl Ord + use<> {
        let rate = self.sample_rate.unwrap_or(0.0).to_bits();
        (
            (self.trace.clone(), self.page_size, self.filter.clone()),
            (self.policy.clone(), self.params.clone(), rate),
            (self.tau, self.frames),
        )
    }

    /// Whether another row is of the same references.
    pub fn same_trace(&self, other: &CurveRow) -> bool {
        let key = |row: &CurveRow| (row.page_size, row.refs);
        key(self) == key(other)
            && self.trace == other.trace
            && self.trace_digest == other.trace_digest
            && self.filter == other.filter
    }
}

/// The share of a sample in percent, as names of curves have it: 0.07 is `7`.
pub fn sample_percent(rate: f64) -> String {
    let percent = rate * 100.0;
    // Shares below 0.001 % have the nine decimals that the table has of them.
    let decimals = if percent < 0.001 { 7 } else { 4 };
    let text = format!("{percent:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The rows as CSV text.
pub fn to_csv(rows: &[CurveRow]) -> Vec<u8> {
    let header = COLUMNS.iter().map(|column| column.name.to_owned());
    let fields = |row: &CurveRow| COLUMNS.iter().map(|column| (column.show)(row)).collect();
    table_to_csv(header.collect(), rows.iter().map(fields))
}

/// Reads the rows of a file.
pub fn read_rows(path: &Path) -> Result<Vec<CurveRow>, TableError> {
    let text = fs::read(path).map_err(|e| TableError::io(path, "read", e))?;
    parse_rows(path, &text)
}

/// Reads rows from CSV text; `path` is for messages.
pub fn parse_rows(path: &Path, text: &[u8]) -> Result<Vec<CurveRow>, TableError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text);
    let header = reader.headers().map_err(|e| csv_error(path, &e))?.clone();
    if !header.iter().eq(COLUMNS.iter().map(|column| column.name)) {
        let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
        let what = format!("no table of curves: its header is not {}", names.join(","));
        return Err(TableError::content(path, Some(1), what));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| csv_error(path, &e))?;
        let line = record.position().map(csv::Position::line);
        let mut row = CurveRow::default();
        for (column, text) in COLUMNS.iter().zip(&record) {
            (column.read)(&mut row, text).map_err(|why| {
                TableError::content(path, line, format!("column {}: {why}", column.name))
            })?;
        }
        rows.push(row);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_survive_the_file() {
        let exact = CurveRow {
            trace: "a,\"b\"".into(),
            policy: "ws".into(),
            tau: Some(9),
            mean_resident: 1.5,
            faults: u64::MAX,
            accuracy: EXACT.into(),
            ..CurveRow::default()
        };
        let estimate = CurveRow {
            tau: None,
            frames: Some(3),
            sample_rate: Some(0.01),
            error_bound: Some(0.125),
            accuracy: ESTIMATE.into(),
            ..exact.clone()
        };
        let rows = [exact, estimate];
        let text = to_csv(&rows);
        assert_eq!(parse_rows(Path::new("c.csv"), &text).unwrap(), rows);
        assert_eq!(rows[1].label(), "ws (~1%)");
        let shown = [0.07, 1.0, 0.5, 0.0625, 0.000_001].map(sample_percent);
        assert_eq!(shown, ["7", "100", "50", "6.25", "0.0001"]);
    }

    #[test]
    fn broken_tables_say_where() {
        let good = String::from_utf8(to_csv(&[CurveRow::default()])).unwrap();
        for (text, why) in [
            (
                good.replace(",faults,", ",fautls,"),
                "c.csv:1: no table of curves",
            ),
            (
                good.replace("0.000000000", "fast"),
                "c.csv:2: column mean_resident",
            ),
            (format!("{good}1,2\n"), "c.csv:3: 2 fields where"),
            (String::new(), "no table of curves"),
        ] {
            let error = parse_rows(Path::new("c.csv"), text.as_bytes());
            let error = error.unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn every_column_is_defined() {
        for (i, column) in COLUMNS.iter().enumerate() {
            assert!(COLUMNS[..i].iter().all(|other| other.name != column.name));
            assert!(
                column.about.len() > 10 && column.about.is_ascii(),
                "{}",
                column.name
            );
        }
    }
}
