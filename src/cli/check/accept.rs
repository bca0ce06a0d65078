//! `--accept`: the counts of today become the baseline, line by line; and the digests beside it.

use super::outputs::{Told, tell, withdraw};
use super::{Beside, CheckArgs, Task};
use crate::check::cell::key_of;
use crate::check::digests::{Digests, FaultDigest, Rolling, path_of};
use crate::check::{Baseline, Fate, Verdict, accepted};
use crate::cli::failure::Failure;
use crate::cli::progress::note;
use crate::cli::signals::Signals;
use crate::exit::{self, ExitCode};
use crate::report::columns::Row;
use crate::report::csv::write_file;
use crate::sweep::{self, Identity, Plan};
use rayon::prelude::*;
use std::collections::BTreeSet;

/// Writes the counts of these rows into the baseline; other lines stay byte for byte. The rows are
/// those of a replay, or of finished results if there was none. Tells what was accepted in every form
/// asked for.
pub fn accept(
    args: &CheckArgs,
    task: Task,
    mut now: Vec<Row>,
    replayed: Option<(&Plan<'_>, &Signals)>,
    beside: Beside,
) -> Result<ExitCode, Failure> {
    if let Some(only) = &task.only {
        now.retain(|row| only.matches(&task.shown(&row.identity()).path()));
    }
    if now.is_empty() {
        let what = "nothing selected: there is no cell to accept (see --only)";
        return Err(Failure::new(exit::NOTHING, what));
    }
    if let Some(row) = now.iter().find(|row| !row.is_ok()) {
        let what = format!(
            "cell {}: {}; nothing is accepted",
            row.identity().name(),
            row.error
        );
        return Err(Failure::new(exit::FAILURE, what));
    }
    let mut keys = BTreeSet::new();
    if let Some(cell) = (now.iter().map(Row::identity)).find(|cell| !keys.insert(key_of(cell))) {
        let what = format!(
            "two results for one cell, {}; nothing is accepted",
            cell.name()
        );
        return Err(Failure::new(exit::FAILURE, what));
    }
    let digests = digests(args, &now, replayed)?;
    let before = task.baseline.unwrap_or_default();
    let mut baseline = before.clone();
    let taken = baseline.take(&now);
    let bytes = baseline.to_bytes();
    write_file(&args.baseline, &bytes)?;
    if let Some(digests) = digests {
        write_file(&path_of(&args.baseline), &digests.to_bytes())?;
    }
    if task.only.is_none() {
        withdraw(args);
    }
    // Read back for the lines of what is new.
    let baseline = Baseline::parse(&args.baseline, &bytes)?;
    let mut verdict = accepted(&before, &baseline, &now);
    verdict.errors = beside.errors;
    let done = format!(
        "{}: {} changed, {} new, {} as they were\n",
        args.baseline.display(),
        taken.changed,
        taken.new,
        baseline.entries.len() - taken.changed - taken.new,
    );
    Ok(tell(
        args,
        Told {
            verdict,
            code: beside.code,
            explanation: None,
            accepted: Some(done),
        },
    ))
}

/// The baseline as it would be with the counts of today in the cells that were compared.
pub fn proposal(baseline: &Baseline, verdict: &Verdict, now: &[Row]) -> Vec<u8> {
    let compared = verdict.cells.iter();
    let compared = compared.filter(|cell| matches!(cell.fate, Fate::Compared(_)));
    let keys: BTreeSet<_> = compared.map(|cell| key_of(&cell.row.identity())).collect();
    let rows = now
        .iter()
        .filter(|row| keys.contains(&key_of(&row.identity())));
    let rows: Vec<Row> = rows.cloned().collect();
    let mut proposal = baseline.clone();
    proposal.take(&rows);
    proposal.to_bytes()
}

/// The digests beside the baseline.
pub fn read_digests(args: &CheckArgs) -> Result<Option<Digests>, Failure> {
    let path = path_of(&args.baseline);
    let unusable = |error: String| Failure::new(exit::NO_BASELINE, error);
    match std::fs::read(&path) {
        Ok(text) => match Digests::parse(&path, &text) {
            Ok(digests) => Ok(Some(digests)),
            Err(error) => Err(unusable(error.to_string())),
        },
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(unusable(format!("{}: cannot read: {e}", path.display()))),
    }
}

/// The digests with those of the accepted cells, where they are kept. Without a replay these are not
/// known, and what was kept of the cells goes.
fn digests(
    args: &CheckArgs,
    now: &[Row],
    replayed: Option<(&Plan<'_>, &Signals)>,
) -> Result<Option<Digests>, Failure> {
    let kept = read_digests(args)?;
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
    let digest = |cell: usize| -> Result<Option<(Identity, FaultDigest)>, Failure> {
        if signals.code().is_some() {
            return Ok(None);
        }
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
        Ok(Some((named, rolling.finish())))
    };
    let all: Result<Vec<_>, Failure> = (0..plan.cells.len()).into_par_iter().map(digest).collect();
    for (named, digest) in all?.into_iter().flatten() {
        digests.set(&named, Some(digest));
    }
    match signals.code() {
        Some(code) => Err(Failure::new(code, "interrupted: nothing was accepted")),
        None => Ok(Some(digests)),
    }
}
