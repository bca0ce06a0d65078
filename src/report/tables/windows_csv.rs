//! `windows.csv`: faults and resident pages of each cell by windows of references, written and read
//! back. THE column table of windows, which follow the columns that name the cell.

use crate::report::results::column::{Described, TableRow, read_fields, table};
use crate::report::results::columns::{Column, Row, col, column_of};
use crate::report::results::results_csv::{
    TableError, not_a_table, read, read_records, table_to_csv,
};
use crate::sweep::{IN_A_RUN, MODEL};
use std::path::Path;

/// Columns beside the key of a cell and its model, so that a chart can be drawn from this file alone.
const ABOUT_COLUMNS: [&Column; 4] = [
    col::trace_kind,
    col::warmup_refs,
    col::distinct_pages,
    col::status,
];

table! {
    /// Some successive references of a cell.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct Window {}
    /// The columns of a window, in order.
    pub const COLUMNS;
    index as "window": u64, "", "number of the window, from 0";
    first: u64, "references", "position of its first reference in the trace, from 0, warm-up included";
    last: u64, "references", "position of its last reference";
    refs as "references": u64, "references", "references in the window; the last window of a cell may have fewer";
    faults: u64, "faults", "faults in the window, of all kinds";
    resident: u64, "pages", "pages resident after its last reference";
}

impl TableRow for Window {}

/// Returns every column as `pagebench columns` describes it.
pub fn columns() -> impl Iterator<Item = Described> {
    let cell = key_columns().map(Column::described);
    cell.chain(
        COLUMNS
            .iter()
            .map(crate::report::results::column::Column::described),
    )
}

impl Window {
    /// Returns the faults per reference.
    pub fn fault_rate(&self) -> f64 {
        self.faults as f64 / self.refs.max(1) as f64
    }
}

/// The windows of a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct CellWindows {
    /// The cell. Only the columns that `windows.csv` has, and `refs`, mean something.
    pub key: Row,
    /// Its windows in the order of time.
    pub windows: Vec<Window>,
}

impl CellWindows {
    /// Makes the windows of the cell of a result row.
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

    /// Sets `refs` of the cell to the sum over its windows.
    fn complete(&mut self) {
        let refs = self.windows.iter().map(|window| window.refs);
        self.key.refs = refs.fold(0, u64::saturating_add);
    }

    /// Returns the mean of the resident pages at the ends of the windows.
    pub fn mean_resident(&self) -> f64 {
        let sum: f64 = self.windows.iter().map(|w| w.resident as f64).sum();
        sum / self.windows.len().max(1) as f64
    }

    /// Returns the lines of the file.
    pub fn lines(&self) -> impl Iterator<Item = Vec<String>> {
        let key: Vec<String> = key_columns().map(|c| (c.show)(&self.key)).collect();
        self.windows.iter().map(move |window| {
            let own = COLUMNS.iter().map(|column| (column.show)(window));
            key.iter().cloned().chain(own).collect()
        })
    }
}

fn key_columns() -> impl Iterator<Item = &'static Column> {
    let model = MODEL.into_iter().filter(|part| !IN_A_RUN.contains(part));
    let model = model.map(column_of);
    crate::report::results::columns::key_columns()
        .chain(ABOUT_COLUMNS)
        .chain(model)
}

/// Returns the names of all columns.
pub fn header() -> impl Iterator<Item = &'static str> {
    columns().map(|(name, ..)| name)
}

/// Returns the windows as CSV text.
pub fn to_csv(cells: &[CellWindows]) -> Vec<u8> {
    table_to_csv(header(), cells.iter().flat_map(CellWindows::lines))
}

/// Reads the windows of a file.
///
/// # Errors
///
/// As [`parse_rows`], and errors if the file cannot be read.
pub fn read_rows(path: &Path) -> Result<Vec<CellWindows>, TableError> {
    parse_rows(path, &read(path)?)
}

/// Reads windows from CSV text; `path` is for messages.
///
/// # Errors
///
/// Errors if the header is another one, if a field is not what its column holds, or if a window does
/// not have as many references as its positions say.
pub fn parse_rows(path: &Path, text: &[u8]) -> Result<Vec<CellWindows>, TableError> {
    let header: Vec<&str> = header().collect();
    let mut cells: Vec<CellWindows> = Vec::new();
    read_records(
        path,
        text,
        &header,
        &not_a_table("windows", &header),
        |record| {
            let (mut key, mut window) = (Row::default(), Window::default());
            read_fields(&mut key, key_columns(), record.iter())?;
            let own = record.iter().skip(record.len() - COLUMNS.len());
            read_fields(&mut window, COLUMNS.iter(), own)?;
            let Window {
                first, last, refs, ..
            } = window;
            if refs == 0 || first.checked_add(refs - 1) != Some(last) || last == u64::MAX {
                return Err(format!(
                    "{refs} references do not go from {first} to {last}"
                ));
            }
            match cells.last_mut().filter(|cell| cell.key == key) {
                Some(cell) => cell.windows.push(window),
                None => cells.push(CellWindows {
                    key,
                    windows: vec![window],
                }),
            }
            Ok(())
        },
    )?;
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
                "w.csv:1: not a table of windows",
            ),
            (
                good.replace(",0,0,9,", ",0,0,8,"),
                "w.csv:2: 10 references do not go from 0 to 8",
            ),
            (
                good.replace(",0,0,9,", ",x,0,9,"),
                "w.csv:2: column window: not a whole number: \"x\"",
            ),
            (
                good.replace(",4096,", ",big,"),
                "w.csv:2: column page_size: not a whole number",
            ),
            (format!("{good}1,2\n"), "w.csv:5: 2 fields where"),
            (String::new(), "not a table of windows"),
        ] {
            let error = parse_rows(Path::new("w.csv"), text.as_bytes());
            let error = error.unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
