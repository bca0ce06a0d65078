//! `--accept`: writes the counts of today into the baseline, line by line, and its digests of faults.

use super::args::CheckArgs;
use super::departure::read_digests;
use super::outputs::{Conclusion, report, withdraw};
use super::task::{ReadErrors, Task};
use crate::check::cell_key::key_of;
use crate::check::digests::{Digests, FaultDigest, Rolling, path_of};
use crate::check::{Baseline, CellStatus, Verdict, accepted};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::progress::note;
use crate::cli::setup::signals::Signals;
use crate::exit::{self, ExitCode};
use crate::report::results::columns::Row;
use crate::report::results::results_csv::write_file;
use crate::sweep::{self, Identity, Plan};
use crate::units::Printable;
use rayon::prelude::*;
use std::collections::BTreeSet;

/// Writes the counts of the rows `now` into the baseline, which was `before`; other lines stay byte for
/// byte. `replayed` is the plan of the rows, if they are not of finished results. Reports what was
/// accepted in every form asked for, and returns the exit code.
pub fn accept(
    args: &CheckArgs,
    task: &Task,
    before: Option<&Baseline>,
    mut now: Vec<Row>,
    replayed: Option<(&Plan<'_>, &Signals)>,
    read_errors: ReadErrors,
) -> Result<ExitCode, Failure> {
    if let Some(only) = &task.only {
        now.retain(|row| only.matches(&task.path_of(&row.identity())));
    }
    check_rows(&now)?;
    let digests = digests(args, &now, replayed)?;
    let before = before.cloned().unwrap_or_default();
    let mut baseline = before.clone();
    let taken = baseline.take(&now);
    let bytes = baseline.to_bytes();
    // Counts and digests belong together.
    Signals::watch("").finish_running_cells_first();
    write_file(&args.baseline, &bytes)?;
    if let Some(digests) = digests {
        write_file(&path_of(&args.baseline), &digests.to_bytes())?;
    }
    if task.only.is_none() {
        withdraw(&args.baseline);
    }
    // Parsed again, so that new entries know their lines.
    let baseline = Baseline::parse(&args.baseline, &bytes)?;
    let mut verdict = accepted(&before, &baseline, &now);
    verdict.errors = read_errors.errors;
    let done = format!(
        "{}: {} changed, {} new, {} as they were\n",
        args.baseline.printed(),
        taken.changed,
        taken.new,
        baseline.entries.len() - taken.changed - taken.new,
    );
    Ok(report(
        &args.outputs,
        &args.baseline,
        Conclusion {
            verdict,
            code: read_errors.code,
            explanation: None,
            accepted: Some(done),
        },
    ))
}

/// Errors if there is no row, a cell failed, or two rows are of one cell.
fn check_rows(rows: &[Row]) -> Result<(), Failure> {
    if rows.is_empty() {
        let what = "nothing selected: there is no cell to accept (see --only)";
        return Err(Failure::new(exit::NOTHING, what));
    }
    if let Some(row) = rows.iter().find(|row| !row.is_ok()) {
        let what = format!(
            "cell {}: {}; nothing is accepted",
            row.identity().name(),
            row.error
        );
        return Err(Failure::new(exit::FAILURE, what));
    }
    let mut keys = BTreeSet::new();
    let mut cells = rows.iter().map(Row::identity);
    if let Some(cell) = cells.find(|cell| !keys.insert(key_of(cell))) {
        let what = format!(
            "two results for one cell, {}; nothing is accepted",
            cell.name()
        );
        return Err(Failure::new(exit::FAILURE, what));
    }
    Ok(())
}

/// Returns the bytes of the baseline with the counts of today in the cells that were compared.
pub fn proposal(baseline: &Baseline, verdict: &Verdict, now: &[Row]) -> Vec<u8> {
    let compared = verdict.cells.iter();
    let compared = compared.filter(|cell| matches!(cell.fate, CellStatus::Compared(_)));
    let keys: BTreeSet<_> = compared.map(|cell| key_of(&cell.row.identity())).collect();
    let rows = now
        .iter()
        .filter(|row| keys.contains(&key_of(&row.identity())));
    let rows: Vec<Row> = rows.cloned().collect();
    let mut proposal = baseline.clone();
    proposal.take(&rows);
    proposal.to_bytes()
}

/// Returns the digests with those of the accepted cells; `None` if none are kept. Without a replay the
/// digests of the accepted cells are dropped.
fn digests(
    args: &CheckArgs,
    now: &[Row],
    replayed: Option<(&Plan<'_>, &Signals)>,
) -> Result<Option<Digests>, Failure> {
    let kept = read_digests(&args.baseline)?;
    if kept.is_none() && args.with_digests.is_none() {
        return Ok(None);
    }
    let mut digests = kept.unwrap_or_default();
    let Some((plan, signals)) = replayed else {
        note(
            "note: results have no sequence of faults: the digests of the accepted cells are dropped",
        );
        now.iter()
            .for_each(|row| digests.set(&row.identity(), None));
        return Ok(Some(digests));
    };
    let blocks = args.with_digests.unwrap_or_else(|| digests.blocks());
    let cells = (0..plan.cells.len()).into_par_iter();
    let all = cells.map(|cell| match signals.code() {
        Some(_) => Ok(None),
        None => digest_of(plan, cell, blocks).map(Some),
    });
    for (cell, digest) in all
        .collect::<Result<Vec<_>, Failure>>()?
        .into_iter()
        .flatten()
    {
        digests.set(&cell, Some(digest));
    }
    match signals.code() {
        Some(code) => Err(Failure::new(code, "interrupted: nothing was accepted")),
        None => Ok(Some(digests)),
    }
}

/// Replays a cell; returns the digest of its faults, in `blocks` blocks.
fn digest_of(
    plan: &Plan<'_>,
    cell: usize,
    blocks: usize,
) -> Result<(Identity, FaultDigest), Failure> {
    let named = plan.identity(&plan.cells[cell]);
    if plan.traces[plan.cells[cell].trace].trace.store().is_some() {
        let what = format!(
            "{}: digests need the whole trace in memory (raise --mem-limit)",
            named.trace
        );
        return Err(Failure::new(exit::FAILURE, what));
    }
    let mut rolling = Rolling::in_blocks(blocks);
    let outcome = sweep::listen(plan, cell, &mut rolling);
    outcome.map_err(|e| Failure::new(exit::FAILURE, format!("{}: {e}", named.name())))?;
    Ok((named, rolling.finish()))
}
