//! The states of memory at many positions: `states.csv`, and the chart that is drawn from it once
//! it is read back.

use super::machine::{Choice, Machine, cannot_run};
use super::{VmArgs, contradiction, load};
use crate::cli::failure::Failure;
use crate::cli::folder::claim_folder;
use crate::cli::input::tell_illegal;
use crate::cli::print;
use crate::cli::progress::note;
use crate::exit::{self, ExitCode};
use crate::report::chart::{self, Subject};
use crate::report::csv::write_file;
use crate::report::states::{StatesRow, read_rows, to_csv};
use crate::space::{self, Origin, Resolved};
use crate::units::counted;
use crate::vm::States;
use crate::vm::machine::observe::states;
use std::path::Path;

/// The files that are written.
const TABLE: &str = "states.csv";
const CHART: &str = "states.png";

/// How many states are taken.
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
    choice: &Choice<'_>,
    folder: &Path,
    samples: u64,
) -> Result<ExitCode, Failure> {
    let folder = claim_folder(folder, args.force, &[TABLE, CHART])?;
    let trace = load(args)?;
    let resolved = space::resolve(trace, &choice.space);
    let resolved = resolved.map_err(|error| contradiction(args, error))?;
    tell_illegal(&args.trace.display().to_string(), &resolved, &choice.space);
    let refs = resolved.trace.len() as u64;
    if refs == 0 {
        let why = "nothing to sample: no reference is legal";
        return Err(Failure::new(exit::NOTHING, why));
    }
    let machine = choice.machine(&resolved)?;
    let positions = positions(refs, samples);
    let (states, end) = states(&machine.job(&resolved), &positions).map_err(cannot_run)?;
    if let Some(end) = end {
        note(&format!(
            "note: swap was full after the first {}, where the replay ended: the last states are taken there",
            counted(end.legal, "legal reference")
        ));
    }
    let full = end.is_some();
    let rows: Vec<StatesRow> = states.iter().map(|at| row(at, &resolved)).collect();
    folder.clear(&[TABLE, CHART])?;
    let table = folder.path().join(TABLE);
    write_file(&table, &to_csv(&rows))?;
    let subject = subject(&resolved, &machine, full);
    let drawn = chart::states(&read_rows(&table)?, &subject);
    let png = drawn.and_then(|chart| chart.png());
    let png = png.map_err(|e| Failure::new(exit::FAILURE, e.to_string()))?;
    let chart = folder.path().join(CHART);
    write_file(&chart, &png)?;
    print(&format!("{}\n{}\n", table.display(), chart.display()))?;
    Ok(exit::OK)
}

/// From the first reference to behind the last, equally far apart; each once.
fn positions(refs: u64, samples: u64) -> Vec<u64> {
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

fn subject(resolved: &Resolved, machine: &Machine, full: bool) -> Subject {
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
