//! From a baseline and traces to the cells that are replayed. Knows nothing of counts.

use super::{CheckArgs, none};
use crate::check::cell::{cell_path, incomparable, other_part};
use crate::check::{Baseline, Pattern};
use crate::cli::failure::Failure;
use crate::cli::input::Inputs;
use crate::cli::progress::message;
use crate::policy::{PolicyChoice, params};
use crate::report::columns::Row;
use crate::report::rows;
use crate::space::Resolved;
use crate::sweep::{Cell, Facts, Plan, Settings, TraceFacts, Warmup};
use crate::trace::digest;
use crate::units::PageSize;
use std::path::Path;

/// The page size of a row; every row of a baseline has one.
pub fn page_size(row: &Row) -> Option<PageSize> {
    PageSize::from_shift(row.page_size.trailing_zeros() as u8)
        .filter(|size| size.bytes() == row.page_size)
}

/// A trace whose references the baseline knows has the name that it has there, whatever its file
/// is called and whatever lies beside it.
pub fn recognise(inputs: &mut Inputs, baseline: &Baseline) {
    for loaded in &mut inputs.loaded {
        let known = loaded.traces.iter().find_map(|trace| {
            let digest = digest::show(trace.digest());
            let same = |row: &&Row| {
                row.trace_digest == digest && page_size(row) == Some(trace.meta.page_size)
            };
            baseline.rows().find(same)
        });
        let Some(known) = known else { continue };
        for trace in &mut loaded.traces {
            trace.meta.name.clone_from(&known.trace);
        }
    }
}

/// What holds for every cell.
pub fn settings(args: &CheckArgs, warmup_refs: Option<u64>) -> Result<Settings, Failure> {
    let mut settings = args.sweep.settings(args.select.selection().describe())?;
    if let Some(refs) = warmup_refs {
        settings.warmup = Warmup::Refs(refs);
    }
    settings.drop_tlb();
    // Of all counts only these are compared and kept.
    settings.curves = Some(Facts {
        write_backs: true,
        frames: false,
    });
    Ok(settings)
}

/// The cells to be replayed: those that the baseline names, and with `--accept` those that it is to
/// get. `only` leaves the cells whose path it matches.
pub fn plan<'t>(
    baseline: Option<&Baseline>,
    traces: &[&'t Resolved],
    args: &CheckArgs,
    only: Option<&Pattern>,
) -> Result<Plan<'t>, Failure> {
    let mut plan = match baseline {
        None => fresh_plan(traces, args)?,
        Some(baseline) => plan_of(baseline, traces, args, only)?,
    };
    if let Some(only) = only {
        let mut cells = std::mem::take(&mut plan.cells);
        cells.retain(|cell| only.matches(&cell_path(&rows::key_of(&plan, cell))));
        plan.cells = cells;
    }
    Ok(plan)
}

/// The cells for a baseline that is not there yet: one that can be read again.
fn fresh_plan<'t>(traces: &[&'t Resolved], args: &CheckArgs) -> Result<Plan<'t>, Failure> {
    let plan = Plan::new(traces, &args.sweep.axes()?, settings(args, None)?)?;
    let warmup = plan.facts[0].warmup_refs;
    match plan.facts.iter().find(|facts| facts.warmup_refs != warmup) {
        None => Ok(plan),
        Some(other) => Err(Failure::usage(format!(
            "--warmup {}: {warmup} references of trace {}, but {} of trace {}: a baseline has one \
             warm-up\n  help: give it as a count, or keep one baseline for each trace",
            args.sweep.warmup, plan.facts[0].name, other.warmup_refs, other.name
        ))),
    }
}

/// The cells that a baseline names. Its traces must be the same references.
fn plan_of<'t>(
    baseline: &Baseline,
    traces: &[&'t Resolved],
    args: &CheckArgs,
    only: Option<&Pattern>,
) -> Result<Plan<'t>, Failure> {
    let entries = baseline.entries.iter();
    let chosen = |row: &Row| only.is_none_or(|only| only.matches(&cell_path(row)));
    let mut entries = entries
        .filter(|entry| args.accept || chosen(&entry.row))
        .peekable();
    let warmup = entries.peek().map_or(0, |entry| entry.row.warmup_refs);
    let mut plan = Plan::empty(traces, settings(args, Some(warmup))?)?;
    for entry in entries {
        let row = &entry.row;
        let refused = |why: String| none(&args.baseline, Some(entry.line), why);
        if row.warmup_refs != warmup {
            let why = "its cells have different warm-ups: keep one baseline for each, or choose with --only";
            return Err(refused(why.into()));
        }
        let same = |facts: &TraceFacts| {
            facts.name == row.trace && facts.page_size.bytes() == row.page_size
        };
        // A cell whose trace was not given is missing from the results, and told then.
        let Some(trace) = plan.facts.iter().position(same) else {
            continue;
        };
        if let Some(why) = other_part(row, &plan.facts[trace].filter) {
            return Err(refused(why));
        }
        let choice: Result<PolicyChoice, params::ParamError> = row.policy_label().parse();
        let cell = Cell {
            trace,
            choice: choice.map_err(|e| refused(e.to_string()))?,
            seed: row.seed,
            frames: row.frames.and_then(|frames| u32::try_from(frames).ok()),
            tau: row.tau,
        };
        if let Some(why) = incomparable(row, &rows::key_of(&plan, &cell)).filter(|_| !args.accept) {
            return Err(refused(why));
        }
        plan.cells.push(cell);
    }
    if args.accept {
        add_cells(&mut plan, baseline, traces, args)?;
    } else if args.sweep.axes_given() {
        message(
            "note: the cells of the baseline are compared; -p, -m and --tau add cells with --accept",
        );
    }
    Ok(plan)
}

/// Adds the cells of the axes: for every trace if the axes are given, else for the traces of which
/// the baseline knows nothing.
fn add_cells<'t>(
    plan: &mut Plan<'t>,
    baseline: &Baseline,
    traces: &[&'t Resolved],
    args: &CheckArgs,
) -> Result<(), Failure> {
    let fresh: Vec<&Resolved> = traces
        .iter()
        .copied()
        .filter(|trace| {
            args.sweep.axes_given()
                || baseline
                    .rows()
                    .all(|row| row.trace != trace.trace.meta.name)
        })
        .collect();
    if fresh.is_empty() {
        return Ok(());
    }
    let added = Plan::new(&fresh, &args.sweep.axes()?, plan.settings.clone())?;
    for cell in added.cells {
        let facts = &added.facts[cell.trace];
        let place = plan.facts.iter().position(|known| known == facts);
        let trace = place.expect("the plan has all traces");
        let cell = Cell { trace, ..cell };
        if !plan.cells.contains(&cell) {
            plan.cells.push(cell);
        }
    }
    Ok(())
}

/// Names the traces of which the baseline knows nothing.
pub fn tell_unknown(baseline: &Baseline, plan: &Plan<'_>, path: &Path) {
    let mut names: Vec<&str> = plan.facts.iter().map(|facts| facts.name.as_str()).collect();
    names.dedup();
    for name in names {
        if !baseline.rows().any(|row| row.trace == name) {
            message(&format!(
                "warning: {}: has no cell of trace {name}; it is not compared",
                path.display()
            ));
        }
    }
}
