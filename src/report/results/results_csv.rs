//! `results.csv`: result rows to CSV and back; and the CSV helpers that the other tables share.
//!
//! UTF-8, `.` as decimal point, line feeds, a header, RFC 4180 quoting; an absent value is the empty
//! field. Columns of `results.csv` are written in the order of the column table and found by name;
//! other tables must have exactly their own header.

use super::column::{Column, read_fields};
use super::columns::{self, COLUMNS, ERROR, Row, SCHEMA, other_schema};
use csv::StringRecord;
use std::fs;
use std::path::Path;

pub use crate::report::whole_file::{TableError, write_file};

/// Returns result rows as CSV text.
pub fn to_csv(rows: &[Row]) -> Vec<u8> {
    let lines = rows.iter().map(|row| {
        COLUMNS.iter().map(|column| {
            if row.status == ERROR && column.facts.empty_on_error {
                String::new()
            } else {
                (column.show)(row)
            }
        })
    });
    table_to_csv(COLUMNS.iter().map(|column| column.name), lines)
}

/// Returns rows as CSV text, under the header of their columns.
pub fn rows_to_csv<R>(columns: &[Column<R>], rows: &[R]) -> Vec<u8> {
    let lines = rows
        .iter()
        .map(|row| columns.iter().map(|column| (column.show)(row)));
    table_to_csv(columns.iter().map(|column| column.name), lines)
}

/// Returns any table as CSV text.
pub fn table_to_csv<H, L>(header: H, lines: impl IntoIterator<Item = L>) -> Vec<u8>
where
    H: IntoIterator<Item: AsRef<[u8]>>,
    L: IntoIterator<Item: AsRef<[u8]>>,
{
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::Any(b'\n'))
        .from_writer(Vec::new());
    writer.write_record(header).expect(IN_MEMORY);
    for line in lines {
        writer.write_record(line).expect(IN_MEMORY);
    }
    writer.into_inner().expect(IN_MEMORY)
}

/// Returns one line of CSV.
pub fn csv_line(fields: impl IntoIterator<Item: AsRef<[u8]>>) -> Vec<u8> {
    table_to_csv(fields, std::iter::empty::<[&str; 0]>())
}

const IN_MEMORY: &str = "writing to memory does not fail";

/// Reads a file of result rows.
///
/// # Errors
///
/// As [`parse_rows`], and errors if the file cannot be read.
pub fn read_rows(path: &Path) -> Result<Vec<Row>, TableError> {
    parse_rows(path, &read(path)?)
}

/// Reads the bytes of a file.
///
/// # Errors
///
/// Errors if the file cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, TableError> {
    fs::read(path).map_err(|e| TableError::io(path, "read", e))
}

/// Reads result rows from CSV text; `path` is for messages.
///
/// # Errors
///
/// Errors if the table has another schema, if a column is unknown or missing (but for
/// [later ones](columns::is_later)), or if a field is not
/// what its column holds.
pub fn parse_rows(path: &Path, text: &[u8]) -> Result<Vec<Row>, TableError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text);
    let header = reader.headers().map_err(|e| csv_error(path, &e))?.clone();
    let wrong_header = |what: String| TableError::content(path, Some(1), what);
    if header.get(0) != Some("schema") {
        let what = "not a results table: the first column must be \"schema\"";
        return Err(wrong_header(what.to_owned()));
    }
    let mut records = reader.records().peekable();
    if let Some((line, schema)) = schema_of_other_version(&header, records.peek()) {
        return Err(TableError::content(path, line, other_schema(schema)));
    }
    let columns = header.iter().map(|name| {
        let unknown = || wrong_header(format!("unknown column {name:?}"));
        columns::column(name).ok_or_else(unknown)
    });
    let columns: Vec<&columns::Column> = columns.collect::<Result<_, _>>()?;
    let has = |known: &columns::Column| columns.iter().any(|column| column.index == known.index);
    let is_missing = |known: &&columns::Column| !has(known) && !columns::is_later(known);
    if let Some(missing) = COLUMNS.iter().find(is_missing) {
        let what = format!("not a results table: column {:?} is missing", missing.name);
        return Err(wrong_header(what));
    }
    let status = columns
        .iter()
        .position(|column| column.index == columns::col::status.index);
    let mut rows = Vec::new();
    for record in records {
        let record = record.map_err(|e| csv_error(path, &e))?;
        let fail = |what: String| TableError::content(path, line_of(&record), what);
        let failed = status.and_then(|at| record.get(at)) == Some(ERROR);
        let mut row = Row::default();
        for (column, text) in columns.iter().zip(&record) {
            if failed && text.is_empty() {
                continue;
            }
            row.read(column, text)
                .map_err(|why| fail(format!("column {}: {why}", column.name)))?;
        }
        if row.schema != SCHEMA {
            return Err(fail(other_schema(row.schema)));
        }
        rows.push(row);
    }
    mark_unasked(&mut rows);
    Ok(rows)
}

/// Returns the line and the schema of the first record of a table with a column `schema`, if it is not
/// this program's. Callers ask before they look at the header: another schema explains other columns.
pub fn schema_of_other_version(
    header: &StringRecord,
    first: Option<&Result<StringRecord, csv::Error>>,
) -> Option<(Option<u64>, u64)> {
    let Some(Ok(record)) = first else {
        return None;
    };
    let schema = record.get(0).filter(|_| header.get(0) == Some("schema"))?;
    let schema: u64 = schema.parse().ok()?;
    (schema != SCHEMA).then(|| (line_of(record), schema))
}

/// Removes optional counts that are empty in every row from every row's set. In a table of a run with
/// `--counts` these were not asked for.
fn mark_unasked(rows: &mut [Row]) {
    if rows.iter().all(|row| row.counts.is_all()) {
        return;
    }
    for column in COLUMNS.iter().filter(|column| column.facts.counted) {
        if rows.iter().all(|row| (column.show)(row).is_empty()) {
            let unasked = |row: &mut Row| row.counts.remove(column.index);
            rows.iter_mut().for_each(unasked);
        }
    }
}

/// Reads a table whose header is exactly that of `columns`; `what` names its rows in messages.
///
/// # Errors
///
/// Errors if the header is another one, or if a field is not what its column holds.
pub fn read_table<R: Default + 'static>(
    path: &Path,
    text: &[u8],
    what: &str,
    columns: &'static [Column<R>],
) -> Result<Vec<R>, TableError> {
    let header: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let mut rows = Vec::new();
    read_records(path, text, &header, &not_a_table(what, &header), |record| {
        let mut row = R::default();
        read_fields(&mut row, columns.iter(), record.iter())?;
        rows.push(row);
        Ok(())
    })?;
    Ok(rows)
}

/// Returns what is wrong with a table of `what` that has another header.
pub fn not_a_table(what: &str, header: &[&str]) -> String {
    let header = header.join(",");
    format!("not a table of {what}: the header must be {header}")
}

/// Calls `each` with every record of a table whose header is exactly `header`.
///
/// # Errors
///
/// Errors with `wrong_header` if the header is another one. An error of `each` gets the record's line.
pub fn read_records(
    path: &Path,
    text: &[u8],
    header: &[&str],
    wrong_header: &str,
    mut each: impl FnMut(&StringRecord) -> Result<(), String>,
) -> Result<(), TableError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text);
    let found = reader.headers().map_err(|e| csv_error(path, &e))?;
    if !found.iter().eq(header.iter().copied()) {
        return Err(TableError::content(path, Some(1), wrong_header));
    }
    for record in reader.records() {
        let record = record.map_err(|e| csv_error(path, &e))?;
        each(&record).map_err(|why| TableError::content(path, line_of(&record), why))?;
    }
    Ok(())
}

fn line_of(record: &StringRecord) -> Option<u64> {
    record.position().map(csv::Position::line)
}

/// Returns an error of the csv reader as one about the file.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::results::column_set::Counts;
    use crate::report::results::columns::col;

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
        assert!(both[1].has(col::hits) && both[1].has(col::faults) && !both[0].has(col::hits));
    }

    /// A table without rows must have the columns of one with rows.
    #[test]
    fn a_table_without_rows_has_all_columns() {
        let empty = String::from_utf8(to_csv(&[])).unwrap();
        assert_eq!(
            parse_rows(Path::new("r.csv"), empty.as_bytes()).unwrap(),
            []
        );
        for (text, why) in [
            (
                empty.replace(",faults,", ","),
                "r.csv:1: not a results table: column \"faults\" is missing",
            ),
            (
                empty.replace(",faults,", ",fautls,"),
                "r.csv:1: unknown column \"fautls\"",
            ),
        ] {
            let error = parse_rows(Path::new("r.csv"), text.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), why);
        }
    }

    #[test]
    fn broken_tables_say_where() {
        let good = String::from_utf8(to_csv(&[row()])).unwrap();
        for (text, why) in [
            (
                "trace,faults\nx,1\n".to_owned(),
                "r.csv:1: not a results table",
            ),
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
            (String::new(), "not a results table"),
        ] {
            let error = parse_rows(Path::new("r.csv"), text.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
