//! One [`Record`] per finished cell. A run appends it to `cells.jsonl` as soon as the cell is finished. All
//! tables are built from records, so a killed run can be resumed and runs of several machines merged.
//!
//! A line has a checksum. A line that is cut short or garbled is ignored: its cell is replayed again. The
//! file is locked while a run adds to it, if the system can do that.

use super::column_set::Counts;
use super::columns::{COLUMNS, Column, ColumnKind, ERROR, Row, key_columns, key_fields};
use super::plan_file::cell_id;
use super::results_csv::{TableError, table_to_csv};
use super::row_of_cell;
use crate::report::tables::list::Described;
use crate::report::tables::{distributions, vmstat};
use crate::sweep::{Cell, CellResult, Plan};
use crate::trace::model::digest;
use crate::units::printed_json;
use crate::vm::hardware::cost::CostTable;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use xxhash_rust::xxh3::xxh3_64;

/// The name of the file in a folder of results.
pub const CELLS: &str = "cells.jsonl";

/// A finished cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The cell's id, 32 hexadecimal digits.
    pub id: String,
    /// Its row, without the columns that are computed from other rows.
    pub row: Row,
    /// Its lines of `distributions.csv`, without the fields that name it.
    pub distributions: Vec<Vec<String>>,
    /// Its lines of `vmstat.csv`, likewise; none if its policy keeps no counts.
    pub vmstat: Vec<Vec<String>>,
    /// The time of its replay in nanoseconds; `None` if a curve gave its counts.
    pub wall_ns: Option<u64>,
    /// The number of references replayed.
    pub replayed: u64,
}

/// A record as the file has it.
#[derive(Serialize, Deserialize)]
struct Stored {
    cell: String,
    row: Vec<String>,
    distributions: Vec<Vec<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    vmstat: Vec<Vec<String>>,
    /// The names of the counts asked for; an empty list for all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    counts: Vec<String>,
    wall_ns: Option<u64>,
    replayed: u64,
}

/// A line is `{"sum":"<16 hex digits>","record":{…}}`. The sum is the XXH3 of the record's exact text.
const OPEN: &str = "{\"sum\":\"";
const MIDDLE: &str = "\",\"record\":";
const CLOSE: &str = "}";

impl Record {
    /// Makes the record of a finished cell that was asked for `counts`.
    pub fn of(
        plan: &Plan<'_>,
        cell: &Cell,
        result: &CellResult,
        costs: &CostTable,
        counts: Counts,
    ) -> Record {
        let outcome = result.outcome.as_ref().ok().filter(|_| counts.is_all());
        Record {
            id: digest::show(cell_id(plan, cell, costs, counts)),
            row: {
                let row = row_of_cell::row(plan, cell, &result.outcome, costs);
                Row {
                    counts: row.counts.and(counts),
                    ..row
                }
            },
            distributions: outcome
                .map(|outcome| distributions::lines(outcome, cell.model.is_some(), costs))
                .unwrap_or_default(),
            vmstat: outcome.map(vmstat::lines).unwrap_or_default(),
            wall_ns: result.wall.map(|wall| wall.as_nanos() as u64),
            replayed: result.replayed(plan.traces[cell.trace].trace.len()),
        }
    }

    /// Returns whether the cell has counts. A cell that failed is replayed again when the run is resumed.
    pub fn has_counts(&self) -> bool {
        self.row.status != ERROR
    }

    /// Returns what gave the counts: `replay` or `curve`.
    pub fn by(&self) -> &'static str {
        match self.wall_ns {
            Some(_) => "replay",
            None => "curve",
        }
    }

    /// Returns whether both have the same counts, whatever their times.
    pub fn agrees(&self, other: &Record) -> bool {
        let tables = |record: &Record| [record.distributions.clone(), record.vmstat.clone()];
        self.row == other.row && tables(self) == tables(other)
    }

    fn to_line(&self) -> String {
        let stored = Stored {
            cell: self.id.clone(),
            row: COLUMNS.iter().map(|c| (c.show)(&self.row)).collect(),
            distributions: self.distributions.clone(),
            vmstat: self.vmstat.clone(),
            counts: self
                .row
                .counts
                .names()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            wall_ns: self.wall_ns,
            replayed: self.replayed,
        };
        let text = serde_json::to_string(&stored).expect("a record has no odd keys");
        let text = printed_json(text);
        let sum = xxh3_64(text.as_bytes());
        format!("{OPEN}{sum:016x}{MIDDLE}{text}{CLOSE}\n")
    }

    /// Reads the record of a line; `None` if the line is damaged or of another version.
    fn of_line(line: &str) -> Option<Record> {
        let (sum, text) = line.strip_prefix(OPEN)?.split_once(MIDDLE)?;
        let text = text.strip_suffix(CLOSE)?;
        if u64::from_str_radix(sum, 16).ok()? != xxh3_64(text.as_bytes()) {
            return None;
        }
        let stored: Stored = serde_json::from_str(text).ok()?;
        if stored.row.len() != COLUMNS.len() {
            return None;
        }
        let counts = Counts::parse(&stored.counts).ok()?;
        let mut row = Row {
            counts,
            ..Row::default()
        };
        let all = COLUMNS.iter().zip(&stored.row);
        for (column, text) in all.filter(|(column, _)| counts.has(column.index)) {
            (column.read)(&mut row, text).ok()?;
        }
        Some(Record {
            id: stored.cell,
            row,
            distributions: stored.distributions,
            vmstat: stored.vmstat,
            wall_ns: stored.wall_ns,
            replayed: stored.replayed,
        })
    }
}

/// Returns the rows of the records, with the columns that are computed from other rows, in the stable
/// order.
pub fn rows(records: &[Record]) -> Vec<Row> {
    let mut rows: Vec<Row> = records.iter().map(|record| record.row.clone()).collect();
    row_of_cell::complete(&mut rows);
    rows
}

/// Returns `distributions.csv`: the lines of each cell that has counts.
pub fn distributions(records: &[Record]) -> Vec<u8> {
    let header = distributions::columns().map(|(name, ..)| name);
    table_of(header, records, |record| &record.distributions)
}

/// Returns `vmstat.csv`: the lines of each cell whose policy keeps counts; `None` if there is none.
pub fn vmstat(records: &[Record]) -> Option<Vec<u8>> {
    let header = vmstat::columns().map(|(name, ..)| name);
    let any = records.iter().any(|record| !record.vmstat.is_empty());
    any.then(|| table_of(header, records, |record| &record.vmstat))
}

/// Returns a table of the lines of each cell, after the fields that name it.
fn table_of<'r>(
    header: impl Iterator<Item = &'static str>,
    records: &'r [Record],
    lines: fn(&'r Record) -> &'r [Vec<String>],
) -> Vec<u8> {
    let lines = in_order(records).into_iter().flat_map(|record| {
        let key = key_fields(&record.row);
        let line = move |line: &Vec<String>| [key.clone(), line.clone()].concat();
        lines(record).iter().map(line)
    });
    table_to_csv(header, lines)
}

/// The columns of `timings.csv` after those that name a cell.
const TIMINGS: [Described; 4] = [
    (
        "refs",
        ColumnKind::Count,
        "references",
        "references replayed, warm-up included",
    ),
    (
        "wall_ns",
        ColumnKind::Count,
        "ns",
        "how long the replay took; empty where a curve gave the cell",
    ),
    (
        "refs_per_s",
        ColumnKind::Count,
        "references/s",
        "refs / wall_ns, per second; empty where a curve gave the cell",
    ),
    (
        "by",
        ColumnKind::Text,
        "",
        "what gave the counts: replay, or curve (one pass for many cells)",
    ),
];

/// Returns every column of `timings.csv` as `pagebench columns` describes it.
pub fn timing_columns() -> impl Iterator<Item = Described> {
    key_columns().map(Column::described).chain(TIMINGS)
}

/// Returns `timings.csv`: what differs from run to run. A cell that a curve gave has no time of its own.
pub fn timings(records: &[Record]) -> Vec<u8> {
    let header = timing_columns().map(|(name, ..)| name);
    let lines = in_order(records).into_iter().map(|record| {
        let speed = |ns: u64| record.replayed as f64 / (ns as f64 / 1e9).max(1e-9);
        let text = |text: Option<String>| text.unwrap_or_default();
        let numbers = [
            record.replayed.to_string(),
            text(record.wall_ns.map(|ns| ns.to_string())),
            text(record.wall_ns.map(|ns| format!("{:.0}", speed(ns)))),
            record.by().to_owned(),
        ];
        [key_fields(&record.row), numbers.to_vec()].concat()
    });
    table_to_csv(header, lines)
}

fn in_order(records: &[Record]) -> Vec<&Record> {
    let mut all: Vec<&Record> = records.iter().collect();
    all.sort_by_cached_key(|record| record.row.identity());
    all
}

/// The records of a folder.
#[derive(Debug, Default)]
pub struct Kept {
    /// The records by the ids of their cells. Of several records of a cell this is the last one with
    /// counts.
    pub records: HashMap<String, Record>,
    /// The number of damaged lines.
    pub broken: usize,
}

/// Reads `cells.jsonl` of a folder; returns no records if there is no file.
///
/// # Errors
///
/// Errors if the file exists and cannot be read.
pub fn read(folder: &Path) -> Result<Kept, TableError> {
    let path = folder.join(CELLS);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
        Err(e) => return Err(TableError::io(&path, "read", e)),
    };
    let mut kept = Kept::default();
    for line in bytes.split(|&byte| byte == b'\n') {
        if line.is_empty() {
            continue;
        }
        match std::str::from_utf8(line).ok().and_then(Record::of_line) {
            None => kept.broken += 1,
            Some(record) => {
                let known = kept.records.get(&record.id);
                if record.has_counts() || known.is_none_or(|known| !known.has_counts()) {
                    kept.records.insert(record.id.clone(), record);
                }
            }
        }
    }
    Ok(kept)
}

/// `cells.jsonl`, open for adding finished cells.
pub struct Appender {
    file: Mutex<File>,
    path: PathBuf,
}

impl Appender {
    /// Opens the file of a folder, or creates it, and locks it.
    ///
    /// # Errors
    ///
    /// Errors if the file cannot be opened or written, or if another run holds its lock.
    pub fn open(folder: &Path) -> Result<Appender, TableError> {
        let path = folder.join(CELLS);
        let fail = |e| TableError::io(&path, "write", e);
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(fail)?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            let what =
                "another run is writing into this folder; wait for it, or choose another one";
            return Err(TableError::content(&path, None, what));
        }
        end_line(&mut file).map_err(fail)?;
        Ok(Appender {
            file: Mutex::new(file),
            path,
        })
    }

    /// Empties the file.
    ///
    /// # Errors
    ///
    /// Errors if the file cannot be truncated.
    pub fn clear(&self) -> Result<(), TableError> {
        let file = self.file.lock().unwrap_or_else(|e| e.into_inner());
        let cut = file.set_len(0);
        cut.map_err(|e| TableError::io(&self.path, "write", e))
    }

    /// Appends a record with one write.
    ///
    /// # Errors
    ///
    /// Errors if the file cannot be written.
    pub fn add(&self, record: &Record) -> Result<(), TableError> {
        // A thread that panicked left complete lines, or one that the reader ignores.
        let mut file = self.file.lock().unwrap_or_else(|e| e.into_inner());
        file.write_all(record.to_line().as_bytes())
            .map_err(|e| TableError::io(&self.path, "write", e))
    }
}

/// Ends a line that was cut short, so that the next record begins a new line.
fn end_line(file: &mut File) -> io::Result<()> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(());
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    match last {
        [b'\n'] => Ok(()),
        _ => file.write_all(b"\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, faults: u64, status: &str) -> Record {
        Record {
            id: id.into(),
            row: Row {
                trace: "a \"b\",é".into(),
                faults,
                fault_rate: Some(1.0 / 3.0),
                refs_per_fault: Some(12_345_678_901.123_457),
                status: status.into(),
                ..Row::default()
            },
            distributions: vec![vec!["x".into()], Vec::new()],
            vmstat: vec![vec!["pgscan".into(), "3".into()]],
            wall_ns: Some(5),
            replayed: 6,
        }
    }

    /// A row's reals are as exact as they are written.
    fn shown(record: &Record) -> Vec<String> {
        COLUMNS.iter().map(|c| (c.show)(&record.row)).collect()
    }

    #[test]
    fn records_survive_the_file_and_torn_lines_do_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        let add = |records: &[Record]| {
            let file = Appender::open(folder.path()).unwrap();
            records.iter().for_each(|record| file.add(record).unwrap());
        };
        assert!(read(folder.path()).unwrap().records.is_empty());
        let all = [record("1", 7, "ok"), record("2", 8, "ok")];
        add(&all);
        let path = folder.path().join(CELLS);
        let whole = std::fs::read(&path).unwrap();
        let first = whole.iter().position(|&b| b == b'\n').unwrap() + 1;
        for cut in [
            first,
            first + 1,
            first + 40,
            whole.len() - 2,
            whole.len() - 1,
        ] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let torn = read(folder.path()).unwrap();
            assert_eq!(
                torn.records.len(),
                if cut + 1 < whole.len() { 1 } else { 2 }
            );
            add(&all[1..]);
            let kept = read(folder.path()).unwrap();
            for record in &all {
                assert_eq!(shown(&kept.records[&record.id]), shown(record), "{cut}");
                assert_eq!(kept.records[&record.id].distributions, record.distributions);
            }
        }
        let mut garbled = whole.clone();
        garbled[first / 2] ^= 1;
        std::fs::write(&path, garbled).unwrap();
        let kept = read(folder.path()).unwrap();
        assert_eq!((kept.records.len(), kept.broken), (1, 1));
    }

    #[test]
    fn counts_win_over_failures() {
        let folder = tempfile::tempdir().unwrap();
        let file = Appender::open(folder.path()).unwrap();
        for (faults, status) in [(0, ERROR), (9, "ok"), (0, ERROR)] {
            file.add(&record("1", faults, status)).unwrap();
        }
        assert_eq!(read(folder.path()).unwrap().records["1"].row.faults, 9);
        let second = Appender::open(folder.path()).map(|_| ()).unwrap_err();
        assert!(second.to_string().contains("another run"), "{second}");
    }
}
