//! The states of memory at many positions: writes `states.csv`, reads it back and draws its chart.

use super::machine::{ChosenMachine, MachineChoice};
use super::{VmArgs, load};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::folder::{IfResultsExist, RunFolder, claim_folder};
use crate::cli::setup::input::report_illegal;
use crate::cli::setup::progress::note;
use crate::cli::setup::terminal::print;
use crate::exit::{self, ExitCode};
use crate::report::chart::{self, Subject};
use crate::report::results::results_csv::write_file;
use crate::report::tables::states_csv::{StatesRow, read_rows, to_csv};
use crate::space::{self, Origin, Resolved};
use crate::units::{Printable, counted};
use crate::vm::States;
use crate::vm::machine::snapshot::states;
use std::path::Path;

/// The files to write.
const TABLE: &str = "states.csv";
const CHART: &str = "states.png";

/// Returns the number of states to take.
pub fn samples(asked: Option<u64>) -> Result<u64, Failure> {
    match asked {
        None => Ok(200),
        Some(samples @ 2..=10_000) => Ok(samples),
        Some(samples) => Err(Failure::usage(format!(
            "--over-time {samples}: from 2 to 10000 positions"
        ))),
    }
}

/// Runs the command with `-o`.
pub fn write(
    args: &VmArgs,
    choice: &MachineChoice<'_>,
    folder: &Path,
    samples: u64,
) -> Result<ExitCode, Failure> {
    let if_exist = IfResultsExist::of(args.force);
    let folder = claim_folder(folder, if_exist, TABLE, &[CHART])?;
    folder.lock()?;
    let resolved = resolve(args, choice)?;
    let machine = choice.machine(&resolved)?;
    let positions = positions(resolved.trace.len() as u64, samples);
    let (states, end) = states(&machine.job(&resolved), &positions)?;
    if let Some(end) = end {
        note(&format!(
            "note: swap was full after the first {}, where the replay ended: the last states are taken there",
            counted(end.legal, "legal reference")
        ));
    }
    let rows: Vec<StatesRow> = states.iter().map(|at| row(at, &resolved)).collect();
    let subject = subject(&resolved, &machine, end.is_some());
    write_files(&folder, &rows, &subject)?;
    Ok(exit::OK)
}

/// Reads and resolves the trace; errors if no reference is legal.
pub(super) fn resolve(args: &VmArgs, choice: &MachineChoice<'_>) -> Result<Resolved, Failure> {
    let name = args.trace.printed().to_string();
    let resolved = space::resolve(load(args)?, &choice.space);
    let resolved = resolved.map_err(|error| error.named(&name))?;
    report_illegal(&name, &resolved, &choice.space);
    if resolved.trace.is_empty() {
        let why = "nothing to sample: no reference is legal";
        return Err(Failure::new(exit::NOTHING, why));
    }
    Ok(resolved)
}

/// Writes the table and its chart, and prints their paths.
fn write_files(folder: &RunFolder, rows: &[StatesRow], subject: &Subject) -> Result<(), Failure> {
    folder.clear(&[TABLE, CHART])?;
    let table = folder.path().join(TABLE);
    write_file(&table, &to_csv(rows))?;
    let png = chart::states(&read_rows(&table)?, subject)?.png()?;
    let chart = folder.path().join(CHART);
    write_file(&chart, &png)?;
    print(&format!("{}\n{}\n", table.printed(), chart.printed()))
}

/// Returns `samples` positions, equally far apart, from before the first reference to after the last;
/// each once.
pub(super) fn positions(refs: u64, samples: u64) -> Vec<u64> {
    let at = |n: u64| (u128::from(refs) * u128::from(n) / u128::from(samples - 1)) as u64;
    let mut positions: Vec<u64> = (0..samples).map(at).collect();
    positions.dedup();
    positions
}

fn row(states: &States, resolved: &Resolved) -> StatesRow {
    let space = resolved.space.as_ref();
    let space = space.filter(|_| resolved.origin != Origin::Permissive);
    let mapped = space.map(|space| space.mapped.after(states.position));
    let touched = space.map(|space| space.touched.after(states.position));
    StatesRow {
        position: states.position,
        resident: states.resident,
        resident_dirty: states.dirty,
        swapped: states.swapped,
        dropped: states.dropped,
        untouched: mapped
            .zip(touched)
            .map(|(mapped, touched)| mapped - touched),
        mapped,
        faults: states.faults,
    }
}

/// Returns the words of the chart; `full` if full swap ended the replay.
fn subject(resolved: &Resolved, machine: &ChosenMachine, full: bool) -> Subject {
    let meta = &resolved.trace.meta;
    let mappings = match resolved.origin {
        Origin::Permissive => "no mappings".to_owned(),
        origin => format!("{} mappings", origin.name()),
    };
    let mut facts = vec![machine.policy()];
    facts.extend(machine.frames().map(|frames| counted(frames, "frame")));
    facts.push(mappings);
    Subject {
        trace: meta.name.clone(),
        trace_kind: meta.kind.name().to_owned(),
        facts,
        frames: machine.frames(),
        page_size: meta.page_size.bytes(),
        notes: full
            .then(|| "swap was full: the replay ended here".to_owned())
            .into_iter()
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_go_from_end_to_end() {
        assert_eq!(positions(100, 5), [0, 25, 50, 75, 100]);
        assert_eq!(positions(2, 10), [0, 1, 2]);
        assert_eq!(positions(u64::MAX, 2), [0, u64::MAX]);
        assert!(samples(Some(1)).is_err() && samples(Some(10_001)).is_err());
    }
}
