//! Rows to CSV and back, and files that are either whole or not there.
//!
//! UTF-8, `.` as decimal point, line feeds, a header, RFC 4180 quoting; absent is the empty
//! field. The order of columns is that of the column table; on reading they are found by name.

use super::columns::{COLUMNS, Column, ColumnKind, ERROR, Row, SCHEMA, other_schema};
use super::counts::is_count;
use super::file::WholeFile;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a table cannot be read or written: file, line where there is one, and what is wrong.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The system says no.
    #[error("{path}: cannot {action}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's word.
        source: io::Error,
    },
    /// The content is not what it should be.
    #[error("{path}{at}: {what}", path = path.display(), at = line.map_or(String::new(), |l| format!(":{l}")))]
    Content {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: Option<u64>,
        /// What is wrong and what to do.
        what: String,
    },
}

impl TableError {
    /// An error about the content of a file.
    pub fn content(path: &Path, line: Option<u64>, what: impl Into<String>) -> TableError {
        TableError::Content {
            path: path.to_path_buf(),
            line,
            what: what.into(),
        }
    }

    /// An error of the system about a file.
    pub fn io(path: &Path, action: &'static str, source: io::Error) -> TableError {
        TableError::Io {
            path: path.to_path_buf(),
            action,
            source,
        }
    }
}

/// The rows as CSV text.
pub fn to_csv(rows: &[Row]) -> Vec<u8> {
    let header = COLUMNS
        .iter()
        .map(|column| column.name.to_owned())
        .collect();
    table_to_csv(header, rows.iter().map(fields))
}

/// The fields of a row. Where there are no counts, the fields of counts are empty.
fn fields(row: &Row) -> Vec<String> {
    let counts = COLUMNS.iter().position(|column| column.name == "hits");
    let show = |(place, column): (usize, &Column)| {
        let count = Some(place) >= counts && column.kind != ColumnKind::Text;
        if count && row.status == ERROR {
            String::new()
        } else {
            (column.show)(row)
        }
    };
    COLUMNS.iter().enumerate().map(show).collect()
}

/// Any table as CSV text.
pub fn table_to_csv(header: Vec<String>, lines: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::Any(b'\n'))
        .from_writer(Vec::new());
    for record in std::iter::once(header).chain(lines) {
        writer
            .write_record(record)
            .expect("memory takes all that is written");
    }
    writer
        .into_inner()
        .expect("memory takes all that is written")
}

/// Reads result rows. A table of another schema, an unknown column or a broken field is an error
/// that says where.
pub fn read_rows(path: &Path) -> Result<Vec<Row>, TableError> {
    let text = fs::read(path).map_err(|e| TableError::io(path, "read", e))?;
    parse_rows(path, &text)
}

/// Reads result rows from CSV text; `path` is for messages.
pub fn parse_rows(path: &Path, text: &[u8]) -> Result<Vec<Row>, TableError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text);
    let header = reader.headers().map_err(|e| csv_error(path, &e))?.clone();
    if header.iter().next() != Some("schema") {
        return Err(TableError::content(
            path,
            Some(1),
            "no result table: its first column is not \"schema\"",
        ));
    }
    let mut columns = Vec::new();
    for name in &header {
        let known = super::columns::column(name);
        // The schema is looked at first: another version explains an unknown column.
        columns.push((name.to_owned(), known));
    }
    let mut rows = Vec::new();
    let absent = COLUMNS
        .iter()
        .find(|known| columns.iter().all(|(name, _)| name != known.name));
    for record in reader.records() {
        let record = record.map_err(|e| csv_error(path, &e))?;
        let line = record.position().map(csv::Position::line);
        let fail = |what: String| TableError::content(path, line, what);
        let mut row = Row::default();
        let failed = columns
            .iter()
            .zip(&record)
            .any(|((name, _), text)| name == "status" && text == ERROR);
        for ((name, column), text) in columns.iter().zip(&record) {
            if failed && text.is_empty() {
                continue;
            }
            if row.schema != SCHEMA && name != "schema" {
                return Err(fail(other_schema(row.schema)));
            }
            let column = column.ok_or_else(|| fail(format!("unknown column \"{name}\"")))?;
            row.read(column, text)
                .map_err(|why| fail(format!("column {name}: {why}")))?;
        }
        if let Some(absent) = absent {
            let what = format!("no result table: it has no column \"{}\"", absent.name);
            return Err(TableError::content(path, Some(1), what));
        }
        rows.push(row);
    }
    settle(&mut rows);
    Ok(rows)
}

/// Of a table that lacks counts those columns lack, too, that may be empty by themselves and are so
/// in every row.
fn settle(rows: &mut [Row]) {
    if rows.iter().all(|row| row.counts.is_all()) {
        return;
    }
    for (place, column) in COLUMNS.iter().enumerate() {
        let empty = |row: &Row| (column.show)(row).is_empty();
        if is_count(column.name) && rows.iter().all(empty) {
            rows.iter_mut().for_each(|row| row.counts.remove(place));
        }
    }
}

/// An error of the csv reader as one about the file.
pub fn csv_error(path: &Path, error: &csv::Error) -> TableError {
    let line = error.position().map(csv::Position::line);
    let what = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "not UTF-8 text".to_owned(),
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            format!("{len} fields where the header has {expected_len}")
        }
        _ => error.to_string(),
    };
    TableError::content(path, line, what)
}

/// Writes a file beside its final name and renames it, so that it is whole or not there.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), TableError> {
    WholeFile::create(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.finish()))
        .map_err(|e| TableError::io(path, "write", e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::counts::Counts;

    fn row() -> Row {
        Row {
            schema: SCHEMA,
            trace: "a,\"b\"".into(),
            faults: 7,
            fault_rate: Some(0.25),
            status: "ok".into(),
            ..Row::default()
        }
    }

    #[test]
    fn rows_survive_the_file() {
        let failed = Row {
            status: ERROR.into(),
            faults: 0,
            fault_rate: None,
            ..row()
        };
        assert!(
            String::from_utf8(to_csv(std::slice::from_ref(&failed)))
                .unwrap()
                .contains(",,,,,")
        );
        let rows = vec![
            failed,
            row(),
            Row {
                tau: Some(9),
                ..row()
            },
        ];
        let text = to_csv(&rows);
        assert!(!text.contains(&b'\r'));
        assert_eq!(parse_rows(Path::new("r.csv"), &text).unwrap(), rows);
    }

    #[test]
    fn counts_that_were_not_asked_for_are_empty_and_stay_away() {
        let asked = Counts::parse(&["faults", "hit_rate"]).unwrap();
        let row = Row {
            counts: asked,
            hit_rate: Some(0.75),
            hits: 3,
            ..row()
        };
        let text = to_csv(std::slice::from_ref(&row));
        let read = parse_rows(Path::new("r.csv"), &text).unwrap();
        assert_eq!(read[0].counts, asked);
        assert_eq!((read[0].faults, read[0].hits), (7, 0));
        assert_eq!(to_csv(&read), text);
        let other = Row {
            counts: Counts::ALL,
            ..row
        };
        // What another row has is there.
        let both = parse_rows(Path::new("r.csv"), &to_csv(&[read[0].clone(), other])).unwrap();
        assert!(both[1].has("hits") && both[1].has("faults") && !both[0].has("hits"));
    }

    #[test]
    fn broken_tables_say_where() {
        let good = String::from_utf8(to_csv(&[row()])).unwrap();
        for (text, why) in [
            ("trace,faults\nx,1\n".to_owned(), "r.csv:1: no result table"),
            (
                good.replace("\n2,", "\n3,"),
                "r.csv:2: schema 3: this program reads schema 2",
            ),
            (
                good.replace(",faults,", ",fautls,"),
                "unknown column \"fautls\"",
            ),
            (
                good.replace("0.250000000", "fast"),
                "column fault_rate: not a finite number",
            ),
            (
                format!("{good}1,2\n"),
                "r.csv:3: 2 fields where the header has",
            ),
            (String::new(), "no result table"),
        ] {
            let error = parse_rows(Path::new("r.csv"), text.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
