//! `run --windows`: `windows.csv`, and what is read back from it for its charts.

use super::failure::Failure;
use super::progress::message;
use super::signals::Signals;
use crate::report::csv::write_file;
use crate::report::rows::key_of;
use crate::report::windows::{CellWindows, Window, read_rows, to_csv};
use crate::sweep::{self, Plan, WINDOWS_MAX};
use crate::units::parse_count;
use crate::vm::States;
use std::path::Path;
use std::str::FromStr;

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
    let mut cells: Vec<CellWindows> = plan
        .cells
        .iter()
        .zip(states)
        .filter_map(|(cell, states)| Some(CellWindows::new(&key_of(plan, cell), between(&states?))))
        .collect();
    if signals.code().is_some() {
        message(&format!(
            "interrupted: windows.csv has {} of {} cells",
            cells.len(),
            plan.cells.len()
        ));
    }
    cells.sort_by_cached_key(|cell| cell.key.sort_key());
    let table = folder.join("windows.csv");
    write_file(&table, &to_csv(&cells))?;
    Ok(read_rows(&table)?)
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
