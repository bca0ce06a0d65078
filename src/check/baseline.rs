//! The baseline file: a small CSV, one line a cell, in the stable order, made for `git diff`. Read
//! with its line numbers, and changed line by line: what is not accepted stays byte for byte.
//!
//! Deliberately absent: what is compared, and how counts come about.

use super::cell::key_of;
use super::limits::Pattern;
use crate::policy::PolicyChoice;
use crate::report::columns::{Column, Row, SCHEMA, column, other_schema};
use crate::report::csv::{TableError, csv_error, table_to_csv};
use crate::sweep::{Identity, MODEL, Part};
use crate::units::PageSize;
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

/// A cell of a baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The line of the file, from 1.
    pub line: u64,
    /// The cell, as its line was read: a policy by an alias or with written defaults is the same.
    pub cell: Identity,
    /// The cell as it is called: its identity without what all cells of the baseline have alike.
    pub shown: Identity,
    /// The cell and its counts; other fields are empty.
    pub row: Row,
    /// The line's bytes as they are in the file.
    raw: Vec<u8>,
}

/// A baseline as it was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Baseline {
    /// The header's bytes as they are in the file; empty if there is none yet.
    header: Vec<u8>,
    /// Whether lines end with CR LF, as those of the header do: then new lines do, too.
    crlf: bool,
    /// The cells, in the order of their lines; no two the same.
    pub entries: Vec<Entry>,
    /// The parts that no two cells differ in, of those that names have only where they tell cells
    /// apart.
    alike: Vec<Part>,
}

/// The parts in which all of these cells are alike, of the filter and the warm-up.
fn alike(entries: &[Entry]) -> Vec<Part> {
    let of_all = |part: &Part| {
        let mut texts = entries.iter().map(|entry| entry.cell.text(*part));
        let first = texts.next();
        texts.all(|text| Some(text) == first)
    };
    [Part::Filter, Part::WarmupRefs]
        .into_iter()
        .filter(of_all)
        .collect()
}

fn baseline_columns() -> impl Iterator<Item = &'static Column> {
    BASELINE_COLUMNS
        .iter()
        .map(|name| column(name).expect("a column of the table"))
}

impl Baseline {
    /// Reads a baseline; `path` is for messages.
    ///
    /// # Errors
    ///
    /// The file and the line: other columns, another schema, a field that is none, two lines for
    /// one cell, no cell at all.
    pub fn parse(path: &Path, text: &[u8]) -> Result<Baseline, TableError> {
        let mut reader = csv::ReaderBuilder::new().from_reader(text);
        let header = reader.headers().map_err(|e| csv_error(path, &e))?.clone();
        let mut known: BTreeMap<Identity, u64> = BTreeMap::new();
        let mut starts = Vec::new();
        let mut entries: Vec<Entry> = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|e| csv_error(path, &e))?;
            let (start, line) = begin_of(&record, text);
            check_columns(path, &header, Some((line, &record)))?;
            let row = row_of(path, line, &record)?;
            let cell = row.identity();
            if let Some(first) = known.insert(key_of(&cell), line) {
                let what = format!("the same cell as line {first}: keep one of the two");
                return Err(TableError::content(path, Some(line), what));
            }
            starts.push(start);
            let raw = Vec::new();
            entries.push(Entry {
                line,
                shown: cell.clone(),
                cell,
                row,
                raw,
            });
        }
        check_columns(path, &header, None)?;
        if entries.is_empty() {
            let what = "the baseline names no cell";
            return Err(TableError::content(path, None, what));
        }
        let ends = starts.iter().copied().skip(1).chain([text.len()]);
        for ((entry, &from), to) in entries.iter_mut().zip(&starts).zip(ends) {
            entry.raw = text[from..to].to_vec();
        }
        let header = text[..starts[0]].to_vec();
        let crlf = header.ends_with(b"\r\n");
        let alike = alike(&entries);
        let mut baseline = Baseline {
            header,
            crlf,
            entries: Vec::new(),
            alike,
        };
        for entry in &mut entries {
            entry.shown = baseline.shown(&entry.cell);
        }
        baseline.entries = entries;
        Ok(baseline)
    }

    /// A cell as it is called beside those of the baseline: without the model, in which no two of
    /// them differ, and without filter and warm-up unless some differ in these.
    pub fn shown(&self, cell: &Identity) -> Identity {
        cell.without(&MODEL).without(&self.alike)
    }

    /// The cells.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.entries.iter().map(|entry| &entry.row)
    }

    /// The cells that a glob of paths matches; all if there is none.
    pub fn chosen<'b>(&'b self, only: Option<&'b Pattern>) -> impl Iterator<Item = &'b Entry> {
        let chosen =
            move |entry: &&Entry| only.is_none_or(|glob| glob.matches(&entry.shown.path()));
        self.entries.iter().filter(chosen)
    }

    /// Takes the counts of these rows, each for the line of its cell, or as a new line in the stable
    /// order; a line that says the same already is left as it is. Returns how many lines were
    /// changed and how many are new.
    pub fn take(&mut self, rows: &[Row]) -> Taken {
        let mut taken = Taken::default();
        let cells = self.entries.iter().map(|entry| key_of(&entry.cell));
        let places: BTreeMap<Identity, usize> = cells.zip(0..).collect();
        let crlf = self.crlf;
        // A line of this program ends with LF.
        let written = |mut line: Vec<u8>| {
            line.pop();
            ended(line, crlf)
        };
        let mut new = Vec::new();
        for row in rows {
            let cell = row.identity();
            let raw = line_of(row);
            let Some(&place) = places.get(&key_of(&cell)) else {
                new.push((cell, row, raw));
                continue;
            };
            let entry = &mut self.entries[place];
            if line_of(&entry.row) != raw {
                let [before, behind] = empty_lines(&entry.raw);
                let raw = [before, &written(raw), behind].concat();
                (entry.cell, entry.row, entry.raw) = (cell, row.clone(), raw);
                taken.changed += 1;
            }
        }
        for (cell, row, raw) in new {
            let after = |entry: &Entry| entry.cell > cell;
            let place = self.entries.iter().position(after);
            let place = place.unwrap_or(self.entries.len());
            let entry = Entry {
                line: 0,
                row: row.clone(),
                raw: written(raw),
                shown: self.shown(&cell),
                cell,
            };
            self.entries.insert(place, entry);
            taken.new += 1;
        }
        taken
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let header = match self.header.is_empty() {
            true => header_line(),
            false => self.header.clone(),
        };
        let mut bytes = header;
        for entry in &self.entries {
            bytes = ended(bytes, self.crlf);
            bytes.extend(&entry.raw);
        }
        bytes
    }
}

/// What [`Baseline::take`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Lines whose counts, digest or model are others now.
    pub changed: usize,
    /// Lines that were not there.
    pub new: usize,
}

/// The empty lines before and behind a line, which stay where they are.
fn empty_lines(raw: &[u8]) -> [&[u8]; 2] {
    let is_text = |byte: &u8| !matches!(byte, b'\r' | b'\n');
    let begin = raw.iter().position(is_text).unwrap_or(0);
    let end = raw.iter().rposition(is_text).map_or(0, |last| last + 1);
    let own_end = raw[end..].iter().position(|&byte| byte == b'\n');
    let behind = own_end.map_or(raw.len(), |at| end + at + 1);
    [&raw[..begin], &raw[behind..]]
}

/// A line whose end is missing gets one, so that another can follow.
fn ended(mut line: Vec<u8>, crlf: bool) -> Vec<u8> {
    if line.last() != Some(&b'\n') {
        line.extend_from_slice(if crlf { b"\r\n" } else { b"\n" });
    }
    line
}

/// The byte and the line, from 1, at which a record begins. The reader ends a record at the CR of
/// CR LF, and counts the LF to the next.
fn begin_of(record: &csv::StringRecord, text: &[u8]) -> (usize, u64) {
    let place = record.position().expect("it was read from a text");
    let (start, line) = (place.byte() as usize, place.line());
    match start > 0 && text[start - 1..].starts_with(b"\r\n") {
        true => (start + 1, line + 1),
        false => (start, line),
    }
}

fn header_line() -> Vec<u8> {
    let names = BASELINE_COLUMNS.map(str::to_owned).to_vec();
    table_to_csv(names, std::iter::empty())
}

fn line_of(row: &Row) -> Vec<u8> {
    let fields = baseline_columns().map(|column| (column.show)(row));
    table_to_csv(fields.collect(), std::iter::empty())
}

/// The columns are those of this program. Of another version the first line is looked at, too:
/// its schema says which.
fn check_columns(
    path: &Path,
    header: &csv::StringRecord,
    first: Option<(u64, &csv::StringRecord)>,
) -> Result<(), TableError> {
    if header.iter().eq(BASELINE_COLUMNS) {
        return Ok(());
    }
    if let (Some("schema"), Some((line, record))) = (header.get(0), first) {
        let schema: Option<u64> = record.get(0).and_then(|field| field.parse().ok());
        if let Some(schema) = schema.filter(|&schema| schema != SCHEMA) {
            let what = other_schema(schema) + RENEW;
            return Err(TableError::content(path, Some(line), what));
        }
    }
    let what = "no baseline of this version: its columns are others\n  \
                help: a baseline is what `pagebench check FILE TRACE… --accept` writes";
    Err(TableError::content(path, Some(1), what))
}

/// What to do with a baseline of another schema, beside what the program says of any table.
const RENEW: &str =
    "; a baseline is made anew by removing it and `pagebench check FILE TRACE… --accept`";

fn row_of(path: &Path, line: u64, record: &csv::StringRecord) -> Result<Row, TableError> {
    let fail = |what: String| TableError::content(path, Some(line), what);
    let mut row = Row::default();
    for (column, field) in baseline_columns().zip(record) {
        (column.read)(&mut row, field)
            .map_err(|why| fail(format!("column {}: {why}", column.name)))?;
        if row.schema != SCHEMA {
            return Err(fail(other_schema(row.schema) + RENEW));
        }
    }
    let size = row.page_size.to_string().parse::<PageSize>();
    size.map_err(|e| fail(e.to_string()))?;
    let choice = row.identity().policy_label().parse::<PolicyChoice>();
    let choice = choice.map_err(|e| fail(e.to_string()))?;
    (row.policy, row.params) = (choice.spec().name.to_owned(), choice.params());
    if row.frames == Some(0) || row.tau == Some(0) {
        return Err(fail("0 frames or a window of 0".into()));
    }
    if row
        .frames
        .is_some_and(|frames| u32::try_from(frames).is_err())
    {
        return Err(fail("too many frames: at most 4294967295".into()));
    }
    if row.frames.is_none() && row.tau.is_none() {
        return Err(fail("neither frames nor a window".into()));
    }
    if row.faults > row.refs {
        let what = format!("{} faults of {} references", row.faults, row.refs);
        return Err(fail(what));
    }
    Ok(row)
}
