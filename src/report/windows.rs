//! `windows.csv`: faults and resident pages of each cell by windows of references, written and read
//! back. Knows nothing of how the counts come about, nor of charts.

use super::columns::{Column, ColumnKind, Row, column};
use super::csv::{TableError, csv_error, table_to_csv};
use super::distributions;
use crate::sweep::{MODEL, Part};
use std::fs;
use std::path::Path;

/// What stands beside the key of a cell and its model, so that a chart can be drawn from this file
/// alone.
const ABOUT_COLUMNS: [&str; 4] = ["trace_kind", "warmup_refs", "distinct_pages", "status"];

/// The columns of a window, with their units and what they mean.
const WINDOW_COLUMNS: [(&str, &str, &str); 6] = [
    ("window", "", "number of the window, from 0"),
    (
        "first",
        "references",
        "position of its first reference in the trace, from 0, warm-up included",
    ),
    ("last", "references", "position of its last reference"),
    (
        "references",
        "references",
        "references in the window; the last window of a cell may have fewer",
    ),
    ("faults", "faults", "faults in the window, of all kinds"),
    (
        "resident",
        "pages",
        "pages resident after its last reference",
    ),
];

/// Every column: name, what it holds, unit and meaning.
pub fn columns() -> impl Iterator<Item = (&'static str, ColumnKind, &'static str, &'static str)> {
    let own = WINDOW_COLUMNS.map(|(name, unit, about)| (name, ColumnKind::Count, unit, about));
    key_columns()
        .map(|column| (column.name, column.kind, column.unit, column.about))
        .chain(own)
}

/// Some successive references of a cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// Its number, from 0.
    pub index: u64,
    /// The position of its first reference.
    pub first: u64,
    /// The position of its last reference.
    pub last: u64,
    /// Its references, one at least.
    pub refs: u64,
    /// Faults.
    pub faults: u64,
    /// Pages resident after its last reference.
    pub resident: u64,
}

impl Window {
    /// Faults per reference.
    pub fn fault_rate(&self) -> f64 {
        self.faults as f64 / self.refs.max(1) as f64
    }
}

/// The windows of a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct CellWindows {
    /// The cell: the fields of `KEY_COLUMNS` and what a chart says of the trace.
    pub key: Row,
    /// Its windows in the order of time.
    pub windows: Vec<Window>,
}

impl CellWindows {
    /// The windows of the cell that a result row is about.
    pub fn new(row: &Row, windows: Vec<Window>) -> CellWindows {
        let mut key = Row::default();
        for column in key_columns() {
            // What a column shows it also reads.
            let _ = (column.read)(&mut key, &(column.show)(row));
        }
        if key.status.is_empty() {
            key.status = "ok".into();
        }
        let mut cell = CellWindows { key, windows };
        cell.complete();
        cell
    }

    /// Sets what follows from the windows.
    fn complete(&mut self) {
        let refs = self.windows.iter().map(|window| window.refs);
        self.key.refs = refs.fold(0, u64::saturating_add);
    }

    /// Mean resident pages at the ends of the windows.
    pub fn mean_resident(&self) -> f64 {
        let sum: f64 = self.windows.iter().map(|w| w.resident as f64).sum();
        sum / self.windows.len().max(1) as f64
    }

    /// The lines of the file.
    pub fn lines(&self) -> impl Iterator<Item = Vec<String>> {
        let key: Vec<String> = key_columns().map(|c| (c.show)(&self.key)).collect();
        self.windows.iter().map(move |w| {
            let counts = [w.index, w.first, w.last, w.refs, w.faults, w.resident];
            let counts = counts.iter().map(u64::to_string);
            key.iter().cloned().chain(counts).collect()
        })
    }
}

fn key_columns() -> impl Iterator<Item = &'static Column> {
    let names = ABOUT_COLUMNS.into_iter().chain(MODEL.map(Part::column));
    let about = |name| column(name).expect("a column of the table");
    distributions::key_columns().chain(names.map(about))
}

/// The names of all columns.
pub fn header() -> impl Iterator<Item = &'static str> {
    columns().map(|(name, ..)| name)
}

/// The windows as CSV text.
pub fn to_csv(cells: &[CellWindows]) -> Vec<u8> {
    let names = header().map(str::to_owned).collect();
    table_to_csv(names, cells.iter().flat_map(CellWindows::lines))
}

/// Reads the windows of a file.
///
/// # Errors
///
/// The file cannot be read, or is no such table; it says where.
pub fn read_rows(path: &Path) -> Result<Vec<CellWindows>, TableError> {
    let text = fs::read(path).map_err(|e| TableError::io(path, "read", e))?;
    parse_rows(path, &text)
}

/// Reads windows from CSV text; `path` is for messages.
///
/// # Errors
///
/// The text is no such table; it says where.
pub fn parse_rows(path: &Path, text: &[u8]) -> Result<Vec<CellWindows>, TableError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text);
    let names = reader.headers().map_err(|e| csv_error(path, &e))?.clone();
    if !names.iter().eq(header()) {
        let names: Vec<&str> = header().collect();
        let what = format!("no table of windows: its header is not {}", names.join(","));
        return Err(TableError::content(path, Some(1), what));
    }
    let mut cells: Vec<CellWindows> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| csv_error(path, &e))?;
        let line = record.position().map(csv::Position::line);
        let fail = |what: String| TableError::content(path, line, what);
        let mut key = Row::default();
        let mut fields = record.iter();
        for (column, text) in key_columns().zip(fields.by_ref()) {
            let read = (column.read)(&mut key, text);
            read.map_err(|why| fail(format!("column {}: {why}", column.name)))?;
        }
        let mut counts = [0_u64; WINDOW_COLUMNS.len()];
        for ((count, (name, ..)), text) in counts.iter_mut().zip(WINDOW_COLUMNS).zip(fields) {
            let what = || fail(format!("column {name}: \"{text}\" is not a count"));
            *count = text.parse().map_err(|_| what())?;
        }
        let [index, first, last, refs, faults, resident] = counts;
        if refs == 0 || first.checked_add(refs - 1) != Some(last) || last == u64::MAX {
            let what = format!("{refs} references do not go from {first} to {last}");
            return Err(fail(what));
        }
        let window = Window {
            index,
            first,
            last,
            refs,
            faults,
            resident,
        };
        match cells.last_mut().filter(|cell| cell.key == key) {
            Some(cell) => cell.windows.push(window),
            None => cells.push(CellWindows {
                key,
                windows: vec![window],
            }),
        }
    }
    cells.iter_mut().for_each(CellWindows::complete);
    Ok(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(frames: u64) -> CellWindows {
        let row = Row {
            trace: "a,b".into(),
            policy: "lru".into(),
            page_size: 4096,
            frames: Some(frames),
            distinct_pages: 9,
            ..Row::default()
        };
        let window = |index: u64| Window {
            index,
            first: index * 10,
            last: index * 10 + 9,
            refs: 10,
            faults: 3,
            resident: 2,
        };
        CellWindows::new(&row, (0..3).map(window).collect())
    }

    #[test]
    fn windows_survive_the_file() {
        let cells = [cell(1), cell(2)];
        let text = to_csv(&cells);
        assert_eq!(parse_rows(Path::new("w.csv"), &text).unwrap(), cells);
        assert_eq!(cells[0].key.refs, 30);
    }

    #[test]
    fn broken_tables_say_where() {
        let good = String::from_utf8(to_csv(&[cell(1)])).unwrap();
        for (text, why) in [
            (
                good.replace("faults", "fautls"),
                "w.csv:1: no table of windows",
            ),
            (
                good.replace(",0,0,9,", ",0,0,8,"),
                "w.csv:2: 10 references do not go from 0 to 8",
            ),
            (
                good.replace(",0,0,9,", ",x,0,9,"),
                "w.csv:2: column window: \"x\" is not a count",
            ),
            (
                good.replace(",4096,", ",big,"),
                "w.csv:2: column page_size: not a whole number",
            ),
            (format!("{good}1,2\n"), "w.csv:5: 2 fields where"),
            (String::new(), "no table of windows"),
        ] {
            let error = parse_rows(Path::new("w.csv"), text.as_bytes());
            let error = error.unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
