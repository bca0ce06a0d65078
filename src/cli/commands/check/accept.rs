//! `--accept`: writes the counts of today into the baseline, line by line, and its digests of faults.

use super::args::CheckArgs;
use super::departure::read_digests;
use super::outputs::{Conclusion, report, withdraw};
use super::task::{ReadErrors, Task, read_baseline};
use crate::check::cell_key::key_of;
use crate::check::digests::{FaultDigest, Rolling, path_of};
use crate::check::{Baseline, CellStatus, Taken, Verdict, accepted};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::progress::note;
use crate::cli::setup::signals::Signals;
use crate::exit::{self, ExitCode};
use crate::report::lock::wait_for;
use crate::report::results::columns::Row;
use crate::report::whole_file::write_together;
use crate::sweep::{self, Identity, Plan};
use crate::units::Printable;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;

/// Writes the counts of the rows `now` into the baseline; other lines stay byte for byte. `replayed` is
/// the plan of the rows, if they are not of finished results. Reports what was accepted in every form
/// asked for, and returns the exit code.
pub fn accept(
    args: &CheckArgs,
    task: &Task,
    mut now: Vec<Row>,
    replayed: Option<(&Plan<'_>, &Signals)>,
    read_errors: ReadErrors,
) -> Result<ExitCode, Failure> {
    if let Some(only) = &task.only {
        now.retain(|row| only.matches(&task.path_of(&row.identity())));
    }
    check_rows(&now)?;
    let digests = digests(args, &now, replayed)?;
    // Counts and digests belong together.
    Signals::watch("").finish_running_cells_first();
    let written = write(args, task, &now, digests)?;
    let mut verdict = accepted(&written.before, &written.after, &now);
    verdict.errors = read_errors.errors;
    let Taken { changed, new } = written.taken;
    let done = format!(
        "{}: {changed} changed, {new} new, {} as they were\n",
        args.baseline.printed(),
        written.after.entries.len() - changed - new,
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

/// What [`write`] did.
struct Written {
    /// The baseline that was replaced.
    before: Baseline,
    /// The baseline that is there now.
    after: Baseline,
    taken: Taken,
}

/// Writes the counts of the rows `now` into the baseline, and their digests beside it: both files or
/// none. Both are read anew under a lock, since another process may have changed them during the replay:
/// what that one accepted stays.
fn write(
    args: &CheckArgs,
    task: &Task,
    now: &[Row],
    digests: Option<CellDigests>,
) -> Result<Written, Failure> {
    let path = &args.baseline;
    let _turn = wait_for(path).map_err(|e| Failure::file(path, e))?;
    let before = read_baseline(args)?.unwrap_or_default();
    let mut after = before.clone();
    let taken = after.take(now);
    let bytes = after.to_bytes();
    // Parsed again, so that new entries know their lines.
    let after = Baseline::parse(path, &bytes)?;
    let digests_path = path_of(path);
    let kept = match (read_digests(path)?, &digests) {
        (None, None) => None,
        (kept, _) => Some(kept.unwrap_or_default()),
    };
    let digest_bytes = kept.map(|mut kept| {
        let cells = digests.unwrap_or_else(|| without_digests(now));
        for (cell, digest) in cells {
            kept.set(&cell, digest);
        }
        kept.to_bytes()
    });
    let mut files: Vec<(&Path, &[u8])> = vec![(path, &bytes)];
    files.extend(
        digest_bytes
            .as_ref()
            .map(|bytes| (&*digests_path, &bytes[..])),
    );
    write_together(&files)?;
    if task.only.is_none() {
        withdraw(path);
    }
    Ok(Written {
        before,
        after,
        taken,
    })
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

/// Digests of cells; `None` for a cell whose digest is to be dropped.
type CellDigests = Vec<(Identity, Option<FaultDigest>)>;

/// Returns the digests of the accepted cells; `None` if none are kept. Without a replay the digests are
/// dropped.
fn digests(
    args: &CheckArgs,
    now: &[Row],
    replayed: Option<(&Plan<'_>, &Signals)>,
) -> Result<Option<CellDigests>, Failure> {
    let kept = read_digests(&args.baseline)?;
    if kept.is_none() && args.with_digests.is_none() {
        return Ok(None);
    }
    let Some((plan, signals)) = replayed else {
        note(
            "note: results have no sequence of faults: the digests of the accepted cells are dropped",
        );
        return Ok(Some(without_digests(now)));
    };
    let blocks = args.with_digests;
    let blocks = blocks.unwrap_or_else(|| kept.unwrap_or_default().blocks());
    let cells = (0..plan.cells.len()).into_par_iter();
    let all = cells.map(|cell| match signals.code() {
        Some(_) => Ok(None),
        None => digest_of(plan, cell, blocks).map(Some),
    });
    let all = all.collect::<Result<Vec<_>, Failure>>()?;
    match signals.code() {
        Some(code) => Err(Failure::new(code, "interrupted: nothing was accepted")),
        None => Ok(Some(
            (all.into_iter().flatten())
                .map(|(cell, digest)| (cell, Some(digest)))
                .collect(),
        )),
    }
}

/// Drops the digests of the cells of `rows`.
fn without_digests(rows: &[Row]) -> CellDigests {
    rows.iter().map(|row| (row.identity(), None)).collect()
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
