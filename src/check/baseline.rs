//! The baseline file: a small CSV, one line a cell, in the stable order, made for `git diff`. It is read
//! with its line numbers and changed line by line: lines that are not accepted stay byte for byte.
//!
//! Deliberately absent: comparing.

use super::cell_key::key_of;
use super::limits::Pattern;
use crate::policy::PolicyChoice;
use crate::report::results::column::read_fields;
use crate::report::results::columns::{
    Column, Row, SCHEMA, col, is_later, other_schema, wrong_schema,
};
use crate::report::results::results_csv::{
    TableError, csv_error, csv_line, schema_of_other_version,
};
use crate::sweep::{Identity, MODEL, Part};
use crate::units::PageSize;
use csv::StringRecord;
use std::collections::BTreeMap;
use std::path::Path;

/// The columns of a baseline: which cell, then its counts; then what earlier versions did not have.
const COLUMNS: [&Column; 34] = [
    col::schema,
    col::trace,
    col::trace_digest,
    col::filter,
    col::mappings,
    col::on_segfault,
    col::page_size,
    col::policy,
    col::params,
    col::seed,
    col::tau,
    col::frames,
    col::allocation,
    col::accessed_bit,
    col::swap_limit,
    col::commit_limit,
    col::warmup_refs,
    col::refs,
    col::faults,
    col::write_backs,
    col::swap_in,
    col::pin_cow_source,
    col::fork_file_ptes,
    col::free_frames,
    col::layout,
    col::page_cache,
    col::file_io,
    col::beyond_eof,
    col::model,
    col::segments,
    col::fit,
    col::swap_unit,
    col::relief,
    col::idle,
];

/// A cell of a baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The line of the file, from 1.
    pub line: u64,
    /// The cell. A policy's alias and written defaults are resolved.
    pub cell: Identity,
    /// The cell as messages name it: its identity without what all cells of the baseline have alike.
    pub shown: Identity,
    /// The cell and its counts. Other fields are empty.
    pub row: Row,
    /// The bytes of the line in the file.
    raw: Vec<u8>,
}

/// A baseline as it was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Baseline {
    /// The bytes of the header in the file; empty if there is no file yet.
    header: Vec<u8>,
    /// Whether the header ends with CR LF. New lines then do, too.
    crlf: bool,
    /// Whether the file lacks a column: an earlier version wrote it.
    is_earlier: bool,
    /// The cells, in the order of their lines; no two the same.
    pub entries: Vec<Entry>,
    /// The parts, among filter and warm-up, that all cells have alike. Names leave them out.
    alike: Vec<Part>,
}

/// Returns the parts, of filter and warm-up, that all of these cells have alike.
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

impl Baseline {
    /// Reads a baseline; `path` is for messages.
    ///
    /// # Errors
    ///
    /// Errors with the file and the line if the columns or the schema are others, if a field is not what
    /// its column holds, if two lines are of one cell, or if there is no cell.
    pub fn parse(path: &Path, text: &[u8]) -> Result<Baseline, TableError> {
        let mut reader = csv::ReaderBuilder::new().from_reader(text);
        let header = reader.headers().map_err(|e| csv_error(path, &e))?.clone();
        let mut known: BTreeMap<Identity, u64> = BTreeMap::new();
        let mut starts = Vec::new();
        let mut entries: Vec<Entry> = Vec::new();
        let mut records = reader.records().peekable();
        let Some(columns) = columns_of(&header) else {
            if let Some((line, schema)) = schema_of_other_version(&header, records.peek()) {
                return Err(TableError::content(path, line, wrong_baseline(schema)));
            }
            let what = "not a baseline of this version: its columns differ\n  \
                        help: `pagebench check FILE TRACE… --accept` writes a baseline";
            return Err(TableError::content(path, Some(1), what));
        };
        for record in records {
            let record = record.map_err(|e| csv_error(path, &e))?;
            let (start, line) = begin_of(&record, text);
            let row = row_of(path, line, &columns, &record)?;
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
            is_earlier: columns.len() < COLUMNS.len(),
            entries: Vec::new(),
            alike,
        };
        for entry in &mut entries {
            entry.shown = baseline.shown(&entry.cell);
        }
        baseline.entries = entries;
        Ok(baseline)
    }

    /// Returns a cell as messages name it: without the model, which all cells of a baseline share, and
    /// without filter and warm-up unless some cells differ in these.
    pub fn shown(&self, cell: &Identity) -> Identity {
        cell.without(&MODEL).without(&self.alike)
    }

    /// Returns the cells.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.entries.iter().map(|entry| &entry.row)
    }

    /// Returns the cells whose path the glob `only` matches; every cell without a glob.
    pub fn chosen<'b>(&'b self, only: Option<&'b Pattern>) -> impl Iterator<Item = &'b Entry> {
        let chosen =
            move |entry: &&Entry| only.is_none_or(|glob| glob.matches(&entry.shown.path()));
        self.entries.iter().filter(chosen)
    }

    /// Updates the baseline with `rows`: replaces lines whose values changed and inserts new cells in the
    /// stable order. All other lines stay byte for byte. Returns how many lines were changed and added.
    pub fn take(&mut self, rows: &[Row]) -> Taken {
        let mut taken = Taken::default();
        let cells = self.entries.iter().map(|entry| key_of(&entry.cell));
        let indices: BTreeMap<Identity, usize> = cells.zip(0..).collect();
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
            let Some(&index) = indices.get(&key_of(&cell)) else {
                new.push((cell, row, raw));
                continue;
            };
            let entry = &mut self.entries[index];
            if line_of(&completed(&entry.row, &cell)) != raw {
                let [before, behind] = empty_lines(&entry.raw);
                let raw = [before, &written(raw), behind].concat();
                (entry.cell, entry.row, entry.raw) = (cell, row.clone(), raw);
                taken.changed += 1;
            }
        }
        for (cell, row, raw) in new {
            let after = |entry: &Entry| entry.cell > cell;
            let index = self.entries.iter().position(after);
            let index = index.unwrap_or(self.entries.len());
            let entry = Entry {
                line: 0,
                row: row.clone(),
                raw: written(raw),
                shown: self.shown(&cell),
                cell,
            };
            self.entries.insert(index, entry);
            taken.new += 1;
        }
        if self.is_earlier && taken != Taken::default() {
            self.add_columns();
        }
        taken
    }

    /// Gives the header and every line the columns that an earlier version did not write.
    fn add_columns(&mut self) {
        let crlf = self.crlf;
        let written = |mut line: Vec<u8>| {
            line.pop();
            ended(line, crlf)
        };
        self.header = written(header_line());
        for entry in &mut self.entries {
            let [before, behind] = empty_lines(&entry.raw);
            entry.raw = [before, &written(line_of(&entry.row)), behind].concat();
        }
        self.is_earlier = false;
    }

    /// Returns the bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = if self.header.is_empty() {
            header_line()
        } else {
            self.header.clone()
        };
        for entry in &self.entries {
            bytes = ended(bytes, self.crlf);
            bytes.extend(&entry.raw);
        }
        bytes
    }
}

/// The number of lines that [`Baseline::take`] changed and added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Lines whose counts, digest or model changed.
    pub changed: usize,
    /// Lines that were added.
    pub new: usize,
}

/// Returns the empty lines before and after a line. They stay where they are.
fn empty_lines(raw: &[u8]) -> [&[u8]; 2] {
    let is_text = |byte: &u8| !matches!(byte, b'\r' | b'\n');
    let begin = raw.iter().position(is_text).unwrap_or(0);
    let end = raw.iter().rposition(is_text).map_or(0, |last| last + 1);
    let own_end = raw[end..].iter().position(|&byte| byte == b'\n');
    let behind = own_end.map_or(raw.len(), |at| end + at + 1);
    [&raw[..begin], &raw[behind..]]
}

/// Returns the line with a line end, so that another line can follow.
fn ended(mut line: Vec<u8>, crlf: bool) -> Vec<u8> {
    if line.last() != Some(&b'\n') {
        line.extend_from_slice(if crlf { b"\r\n" } else { b"\n" });
    }
    line
}

/// Returns the byte and the line, from 1, at which a record begins. The reader ends a record at the CR
/// of CR LF and counts the LF to the next one.
fn begin_of(record: &StringRecord, text: &[u8]) -> (usize, u64) {
    let begin = record
        .position()
        .expect("records of a reader have positions");
    let (start, line) = (begin.byte() as usize, begin.line());
    if start > 0 && text[start - 1..].starts_with(b"\r\n") {
        (start + 1, line + 1)
    } else {
        (start, line)
    }
}

/// Returns the columns of a header: all, but for [later ones](is_later); `None` if it is not that of a
/// baseline.
fn columns_of(header: &StringRecord) -> Option<Vec<&'static Column>> {
    let is_there = |column: &&Column| !is_later(column) || header.iter().any(|n| n == column.name);
    let columns: Vec<&Column> = COLUMNS.into_iter().filter(is_there).collect();
    let names = columns.iter().map(|column| column.name);
    header.iter().eq(names).then_some(columns)
}

/// Returns the row with the parts that an earlier version did not write, where `now` has what it did.
fn completed(row: &Row, now: &Identity) -> Row {
    let cell = row.identity().completed(now);
    Row {
        swap_in: cell.swap_in,
        pin_cow_source: cell.pin_cow_source,
        fork_file_ptes: cell.fork_file_ptes,
        free_frames: cell.free_frames,
        layout: cell.layout,
        page_cache: cell.page_cache,
        file_io: cell.file_io,
        beyond_eof: cell.beyond_eof,
        ..row.clone()
    }
}

fn header_line() -> Vec<u8> {
    csv_line(COLUMNS.map(|column| column.name))
}

fn line_of(row: &Row) -> Vec<u8> {
    csv_line(COLUMNS.map(|column| (column.show)(row)))
}

/// Returns what is wrong with a baseline of another schema, and what to do.
fn wrong_baseline(schema: u64) -> String {
    if schema > SCHEMA {
        return other_schema(schema);
    }
    format!(
        "{}\n  help: an earlier pagebench wrote it: delete the baseline and run `pagebench check FILE \
         TRACE… --accept`",
        wrong_schema(schema)
    )
}

fn row_of(
    path: &Path,
    line: u64,
    columns: &[&'static Column],
    record: &StringRecord,
) -> Result<Row, TableError> {
    let fail = |what: String| TableError::content(path, Some(line), what);
    let mut row = Row::default();
    // The schema is looked at first: another version explains other fields.
    read_fields(&mut row, COLUMNS.into_iter().take(1), record.iter()).map_err(fail)?;
    if row.schema != SCHEMA {
        return Err(fail(wrong_baseline(row.schema)));
    }
    read_fields(&mut row, columns.iter().copied(), record.iter()).map_err(fail)?;
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
