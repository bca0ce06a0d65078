//! `curve.csv`: points of curves, written and read back. THE column table of curves.

use crate::report::results::column::{TableRow, table};
use crate::report::results::results_csv::{TableError, read, read_table, rows_to_csv};
use crate::sweep::{Identity, Part};
use std::path::Path;

table! {
    /// One point of a curve. The fields are the columns of [`COLUMNS`], in order, where each is
    /// defined.
    #[derive(Debug, Clone, Default, PartialEq)]
    pub struct CurveRow {}
    /// Every column of `curve.csv`, in order.
    pub const COLUMNS;
    trace: String, "", "name of the trace";
    trace_digest: String, "", "hash of the stream of references and events of the trace, as in results.csv";
    trace_kind: String, "", "full, sampled, faults-only, block-io or synthetic: whether a rate is that of a program";
    filter: String, "", "the selection read (data-only, pid, skip, limit), and which references are legal if that was chosen (beyond-eof=fault); events-ignored if its mappings and forks were left out";
    page_size: u64, "bytes", "size of a page and of a frame";
    policy: String, "", "lru, opt, ws, vmin, fifo or clock";
    params: String, "", "parameters that differ from their defaults, key=value";
    frames: Option<u64>, "frames", "frames of memory; empty for ws and vmin";
    tau: Option<u64>, "references", "window of ws and vmin in references of the process; empty for the others";
    mean_resident: f64, "pages", "mean resident set size: resident pages after each reference, averaged";
    refs: u64, "references", "references counted: all of them";
    distinct_pages: u64, "pages", "distinct pages, each process's its own";
    faults: u64, "faults", "references whose page was not resident";
    fault_rate: f64, "of references", "faults / refs";
    write_backs: Option<u64>, "pages", "dirty pages that left memory; empty where they are not known: opt, vmin, estimates";
    accuracy: String, "", "exact: what a replay at this size counts; estimate: from a sample of the pages";
    sample_rate: Option<f64>, "of pages", "share of the pages that the estimate is made of: pages taken / distinct_pages; empty if exact";
    error_bound: Option<f64>, "of references", "how far fault_rate may be from the true one, for at least about 19 of 20 samples (one sample errs alike at neighbouring sizes): three standard errors over the pages, and by how much the curve changes within two standard deviations of the sampled pages among frames pages, and a fault of each page of a kind that no page of the sample is of; empty if exact";
}

/// [`CurveRow::accuracy`] of counts.
pub const EXACT: &str = "exact";
/// [`CurveRow::accuracy`] of estimates.
pub const ESTIMATE: &str = "estimate";

impl TableRow for CurveRow {}

/// Returns a share of the pages in percent, with at most three digits.
pub fn share(rate: f64) -> String {
    let digits = (2.0 - (rate * 100.0).log10().floor()).clamp(0.0, 12.0);
    let text = format!("{:.*}", digits as usize, rate * 100.0);
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}%")
}

impl CurveRow {
    /// Returns the name of the curve that the point is on, for legends and tables.
    pub fn label(&self) -> String {
        let label = self.identity().policy_label();
        match self.sample_rate {
            Some(rate) => format!("{label} (~{})", share(rate)),
            None => label,
        }
    }

    /// Returns what names the point, except for its sample rate.
    pub fn identity(&self) -> Identity {
        Identity {
            trace: self.trace.clone(),
            page_size: self.page_size,
            trace_digest: self.trace_digest.clone(),
            filter: self.filter.clone(),
            tau: self.tau,
            frames: self.frames,
            ..Identity::default()
        }
        .with_policy(&self.policy, &self.params)
    }

    /// Returns the key by which rows are sorted: curve, sample rate, window, frames.
    pub fn sort_key(&self) -> impl Ord + use<> {
        let rate = self.sample_rate.unwrap_or(0.0).to_bits();
        let curve = self.identity().without(&[Part::Tau, Part::Frames]);
        (curve, rate, self.tau, self.frames)
    }

    /// Returns whether both rows are of the same references.
    pub fn same_trace(&self, other: &CurveRow) -> bool {
        self.refs == other.refs && self.identity().setting() == other.identity().setting()
    }
}

/// Returns the rows as CSV text.
pub fn to_csv(rows: &[CurveRow]) -> Vec<u8> {
    rows_to_csv(COLUMNS, rows)
}

/// Reads the rows of a file.
///
/// # Errors
///
/// As [`parse_rows`], and errors if the file cannot be read.
pub fn read_rows(path: &Path) -> Result<Vec<CurveRow>, TableError> {
    parse_rows(path, &read(path)?)
}

/// Reads rows from CSV text; `path` is for messages.
///
/// # Errors
///
/// Errors if the header is another one, or if a field is not what its column holds.
pub fn parse_rows(path: &Path, text: &[u8]) -> Result<Vec<CurveRow>, TableError> {
    read_table(path, text, "curves", COLUMNS)
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
        let shares = [0.07, 0.5, 0.098_76, 0.000_012_345, 0.123_4, 0.999_9];
        let shown = ["7%", "50%", "9.88%", "0.00123%", "12.3%", "100%"];
        assert_eq!(shares.map(share), shown);
    }

    #[test]
    fn broken_tables_say_where() {
        let good = String::from_utf8(to_csv(&[CurveRow::default()])).unwrap();
        for (text, why) in [
            (
                good.replace(",faults,", ",fautls,"),
                "c.csv:1: not a table of curves",
            ),
            (
                good.replace("0.000000000", "fast"),
                "c.csv:2: column mean_resident",
            ),
            (format!("{good}1,2\n"), "c.csv:3: 2 fields where"),
            (String::new(), "not a table of curves"),
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
