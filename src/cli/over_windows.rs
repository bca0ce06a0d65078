//! `run --windows`: `windows.csv`, what is read back from it for its charts, and the joining of
//! several such tables.

use super::failure::Failure;
use super::progress::message;
use super::signals::Signals;
use crate::check::cell::cell_name;
use crate::exit;
use crate::report::columns::Row;
use crate::report::csv::write_file;
use crate::report::distributions::key_fields;
use crate::report::rows::{ended, key_of};
use crate::report::windows::{CellWindows, Window, read_rows, to_csv};
use crate::sweep::{self, Cell, CellStates, Plan, WINDOWS_MAX};
use crate::units::parse_count;
use crate::vm::States;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The name of the table in a folder of results.
const TABLE: &str = "windows.csv";

/// How long a window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowLength {
    /// So long that a trace has about 400.
    Auto,
    /// So many references, one at least.
    Refs(u64),
}

impl FromStr for WindowLength {
    type Err = String;

    fn from_str(text: &str) -> Result<WindowLength, String> {
        if text == "auto" {
            return Ok(WindowLength::Auto);
        }
        match parse_count(text) {
            Ok(0) => Err("a window has one reference at least".to_owned()),
            Ok(refs) => Ok(WindowLength::Refs(refs)),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl WindowLength {
    fn refs(self) -> Option<u64> {
        match self {
            WindowLength::Auto => None,
            WindowLength::Refs(refs) => Some(refs),
        }
    }

    /// Refuses windows that no chart could show.
    pub fn check(self, plan: &Plan<'_>) -> Result<(), Failure> {
        let Some(refs) = self.refs() else {
            return Ok(());
        };
        let longest = plan.traces.iter().map(|resolved| resolved.trace.len());
        let windows = longest.max().unwrap_or(0) as u64 / refs;
        match windows > WINDOWS_MAX {
            false => Ok(()),
            true => Err(Failure::usage(format!(
                "--windows={refs}: that makes {windows} windows, at most {WINDOWS_MAX} are taken; \
                 take longer ones"
            ))),
        }
    }
}

/// Replays the cells by windows, writes the table and reads it back.
pub fn write_windows(
    folder: &Path,
    plan: &Plan<'_>,
    length: WindowLength,
    signals: &Signals,
) -> Result<Vec<CellWindows>, Failure> {
    for resolved in plan.traces.iter().filter(|r| r.trace.store().is_some()) {
        let name = &resolved.trace.meta.name;
        message(&format!(
            "note: {name}: no windows of a trace that is replayed from its file (raise --mem-limit)"
        ));
    }
    let states = sweep::windows(plan, length.refs(), signals.stop());
    let cells: Vec<CellWindows> = plan
        .cells
        .iter()
        .zip(states)
        .filter_map(|(cell, states)| windows_of(plan, cell, &states?))
        .collect();
    if signals.code().is_some() {
        message(&format!(
            "interrupted: windows.csv has {} of {} cells",
            cells.len(),
            plan.cells.len()
        ));
    }
    write_table(folder, cells)
}

fn windows_of(plan: &Plan<'_>, cell: &Cell, states: &CellStates) -> Option<CellWindows> {
    let key = key_of(plan, cell);
    let key = match states.end {
        // Only traces in memory have windows.
        Some(end) => ended(&key, plan.traces[cell.trace], end).ok()?,
        None => Row {
            status: "ok".into(),
            ..key
        },
    };
    Some(CellWindows::new(&key, between(&states.states)))
}

/// Writes the table in the stable order, and reads it back.
pub fn write_table(
    folder: &Path,
    mut cells: Vec<CellWindows>,
) -> Result<Vec<CellWindows>, Failure> {
    cells.sort_by_cached_key(|cell| cell.key.sort_key());
    let table = folder.join(TABLE);
    write_file(&table, &to_csv(&cells))?;
    Ok(read_rows(&table)?)
}

/// The windows of all folders, each cell once; nothing where not all have them, or not all of one
/// length, and that is told. `wanted` is how many cells should have windows.
pub fn join(folders: &[PathBuf], wanted: usize) -> Result<Vec<CellWindows>, Failure> {
    let (with, without): (Vec<&PathBuf>, Vec<&PathBuf>) =
        (folders.iter()).partition(|folder| folder.join(TABLE).exists());
    if let (false, Some(folder)) = (with.is_empty(), without.first()) {
        let folder = folder.display();
        message(&format!(
            "note: {folder}: has no {TABLE}, as others have: it is not joined (run --windows --resume)"
        ));
        return Ok(Vec::new());
    }
    let mut lengths: HashMap<_, Lengths> = HashMap::new();
    let mut all: HashMap<Vec<String>, CellWindows> = HashMap::new();
    for folder in with {
        for cell in read_rows(&folder.join(TABLE))? {
            let key = &cell.key;
            let trace = (key.trace.clone(), key.trace_digest.clone(), key.page_size);
            if !lengths.entry(trace).or_default().fit(&cell.windows) {
                message(&format!(
                    "note: {}: its windows are of another length than those of other folders: they \
                     are not joined (run --windows=REFERENCES --resume)",
                    folder.display()
                ));
                return Ok(Vec::new());
            }
            match all.entry(key_fields(key)) {
                Entry::Vacant(place) => {
                    place.insert(cell);
                }
                Entry::Occupied(known) if known.get().windows == cell.windows => {}
                Entry::Occupied(_) => {
                    let what = format!(
                        "{}: other windows of one cell than in another folder: {}",
                        folder.join(TABLE).display(),
                        cell_name(key)
                    );
                    return Err(Failure::new(exit::FAILURE, what));
                }
            }
        }
    }
    if !all.is_empty() && all.len() < wanted {
        message(&format!(
            "note: {TABLE} has {} of {wanted} cells: the runs of the parts left others out",
            all.len()
        ));
    }
    Ok(all.into_values().collect())
}

/// What is known of the length of a trace's windows.
#[derive(Default)]
struct Lengths {
    /// That of all but the last ones, which may be shorter: at the end of the trace, or where full
    /// swap ended a cell.
    length: Option<u64>,
    /// The longest of the last ones.
    longest: u64,
}

impl Lengths {
    /// Takes the windows of one more cell; false if they cannot be of the same length.
    fn fit(&mut self, windows: &[Window]) -> bool {
        let Some((last, before)) = windows.split_last() else {
            return true;
        };
        self.longest = self.longest.max(last.refs);
        let lengths = before.iter().map(|window| window.refs);
        let fit = lengths.fold(true, |fit, refs| {
            fit & (*self.length.get_or_insert(refs) == refs)
        });
        fit && self.length.is_none_or(|length| self.longest <= length)
    }
}

/// What happened from one state to the next.
fn between(states: &[States]) -> Vec<Window> {
    let window = |(index, pair): (u64, &[States])| Window {
        index,
        first: pair[0].position,
        last: pair[1].position - 1,
        refs: pair[1].position - pair[0].position,
        faults: pair[1].faults - pair[0].faults,
        resident: pair[1].resident,
    };
    (0..).zip(states.windows(2)).map(window).collect()
}
