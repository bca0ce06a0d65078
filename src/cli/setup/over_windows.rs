//! `run --windows`: writes `windows.csv`, reads it back for its charts, and joins several such tables.

use super::failure::Failure;
use super::own_files;
use super::progress::{message, note};
use super::signals::Signals;
use crate::exit;
use crate::report::results::columns::Row;
use crate::report::results::row_of_cell::key_of;
use crate::report::results::row_up_to::ended;
use crate::report::tables::windows_csv::{CellWindows, Window, read_rows, to_csv};
use crate::sweep::{self, Cell, CellStates, Identity, Part, Plan, WINDOWS_MAX};
use crate::units::{Printable, parse_count};
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
    /// Long enough that a trace has about 400 windows.
    Auto,
    /// This number of references, at least 1.
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

    /// Errors if the windows are too many for a chart.
    pub fn check(self, plan: &Plan<'_>) -> Result<(), Failure> {
        let Some(refs) = self.refs() else {
            return Ok(());
        };
        let counted = plan.traces.iter().zip(&plan.facts);
        let counted = counted.map(|(one, facts)| one.trace.len() as u64 - facts.warmup_refs);
        let windows = counted.max().unwrap_or(0).div_ceil(refs);
        if windows > WINDOWS_MAX {
            return Err(Failure::usage(format!(
                "--windows={refs}: that makes {windows} windows, at most {WINDOWS_MAX} are taken; \
                 take longer ones"
            )));
        }
        Ok(())
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
        note(&format!(
            "note: {name}: has no windows, since it is replayed from its file (raise --mem-limit)"
        ));
    }
    let states = sweep::windows(plan, length.refs(), signals.stop());
    let cells: Vec<CellWindows> = plan
        .cells
        .iter()
        .zip(states)
        .filter_map(|(cell, states)| Some(windows_of(plan, cell, &states?)))
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

fn windows_of(plan: &Plan<'_>, cell: &Cell, states: &CellStates) -> CellWindows {
    let key = key_of(plan, cell);
    let key = match states.end {
        Some(end) => ended(key, plan.traces[cell.trace], end)
            .expect("windows are of traces in memory, which can be read"),
        None => Row {
            status: "ok".into(),
            ..key
        },
    };
    CellWindows::new(&key, between(&states.states))
}

/// Writes the table in the stable order, and reads it back.
pub fn write_table(
    folder: &Path,
    mut cells: Vec<CellWindows>,
) -> Result<Vec<CellWindows>, Failure> {
    cells.sort_by_cached_key(|cell| cell.key.identity());
    own_files::write_table(folder, TABLE, &to_csv(&cells))?;
    Ok(read_rows(&folder.join(TABLE))?)
}

/// Returns the windows of all folders, each cell once. Returns none, and notes why, if a folder has no
/// windows or windows of another length. `expected` is the number of cells that should have windows.
pub fn join(folders: &[PathBuf], expected: usize) -> Result<Vec<CellWindows>, Failure> {
    let (with, without): (Vec<&PathBuf>, Vec<&PathBuf>) =
        (folders.iter()).partition(|folder| folder.join(TABLE).exists());
    if let (false, Some(folder)) = (with.is_empty(), without.first()) {
        let folder = folder.printed();
        note(&format!(
            "note: {folder}: has no {TABLE}, but other folders have: not joined (run --windows --resume)"
        ));
        return Ok(Vec::new());
    }
    let mut lengths: HashMap<_, Lengths> = HashMap::new();
    let mut all: HashMap<Identity, CellWindows> = HashMap::new();
    for folder in with {
        for cell in read_rows(&folder.join(TABLE))? {
            let trace = cell.key.identity().setting().without(&[Part::Allocation]);
            if !lengths.entry(trace).or_default().fit(&cell.windows) {
                note(&format!(
                    "note: {}: its windows have another length than those of other folders: not \
                     joined (run --windows=REFERENCES --resume)",
                    folder.printed()
                ));
                return Ok(Vec::new());
            }
            add_cell(&mut all, cell, folder)?;
        }
    }
    if !all.is_empty() && all.len() < expected {
        note(&format!(
            "note: {TABLE} has {} of {expected} cells: the runs of the parts left others out",
            all.len()
        ));
    }
    Ok(all.into_values().collect())
}

/// Adds the windows of a cell, read from `folder`. Errors if other windows of the same cell are there.
fn add_cell(
    all: &mut HashMap<Identity, CellWindows>,
    cell: CellWindows,
    folder: &Path,
) -> Result<(), Failure> {
    match all.entry(cell.key.identity()) {
        Entry::Vacant(place) => {
            place.insert(cell);
        }
        Entry::Occupied(known) if known.get().windows == cell.windows => {}
        Entry::Occupied(known) => {
            let what = format!(
                "{}: other windows of one cell than in another folder: {}",
                folder.join(TABLE).printed(),
                known.key().name()
            );
            return Err(Failure::new(exit::FAILURE, what));
        }
    }
    Ok(())
}

/// The length of the windows of a trace, gathered from its cells.
#[derive(Default)]
struct Lengths {
    /// The length of all windows but the last of each cell, which may be shorter: at the end of the
    /// trace, or where full swap ended a cell.
    length: Option<u64>,
    /// The longest last window.
    longest: u64,
}

impl Lengths {
    /// Adds the windows of one more cell; returns false if they cannot have the same length.
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

/// Returns the windows between successive states.
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
