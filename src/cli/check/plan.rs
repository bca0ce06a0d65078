//! From a baseline and traces to the cells that are replayed. Knows nothing of counts.

use super::{CheckArgs, Task, no_verdict, none};
use crate::check::cell::{incomparable, other_part};
use crate::check::verdict::counted;
use crate::check::{Baseline, Pattern, Today};
use crate::cli::experiment::Config;
use crate::cli::failure::Failure;
use crate::cli::input::Inputs;
use crate::cli::job::exclude;
use crate::cli::progress::note;
use crate::exit;
use crate::policy::{PolicyChoice, params};
use crate::space::Resolved;
use crate::sweep::{Cell, Facts, Identity, Plan, Settings, TraceFacts, Warmup};
use crate::trace::digest;
use crate::units::PageSize;
use std::collections::BTreeSet;
use std::path::Path;

/// The page size of a cell; every cell of a baseline has one.
fn page_size(cell: &Identity) -> Option<PageSize> {
    PageSize::from_shift(cell.page_size.trailing_zeros() as u8)
        .filter(|size| size.bytes() == cell.page_size)
}

/// The page sizes at which a trace of this name is read: those asked for and all of the baseline, so
/// that its digest is found there whatever its file is called.
pub fn page_sizes(
    args: &CheckArgs,
    baseline: Option<&Baseline>,
    name: &str,
    stored: Option<PageSize>,
) -> Vec<PageSize> {
    let cells = || {
        let entries = baseline.iter().flat_map(|baseline| &baseline.entries);
        entries.map(|entry| &entry.cell)
    };
    let mut sizes = args.sweep.page_size.clone();
    sizes.extend(
        cells()
            .filter(|cell| cell.trace == name)
            .filter_map(page_size),
    );
    if sizes.is_empty() {
        sizes.push(stored.unwrap_or(PageSize::DEFAULT));
    }
    // A part of standard input is read once, at one size.
    let selection = args.select.selection();
    let part = selection.skip > 0 || selection.limit.is_some();
    if part && args.traces.iter().any(|path| path == Path::new("-")) {
        return sizes;
    }
    // No trace can be read at a finer size than it was stored with.
    let can_be = |size: &PageSize| stored.is_none_or(|stored| *size >= stored);
    sizes.extend(cells().filter_map(page_size).filter(can_be));
    sizes
}

/// A trace whose references the baseline knows has the name that it has there, whatever its file
/// is called and whatever lies beside it.
pub fn recognise(inputs: &mut Inputs, baseline: &Baseline) {
    for loaded in &mut inputs.loaded {
        let known = loaded.traces.iter().find_map(|trace| {
            let digest = digest::show(trace.digest());
            let same = |cell: &&Identity| {
                cell.trace_digest == digest && page_size(cell) == Some(trace.meta.page_size)
            };
            // Several files of the same references keep their names where the baseline has them.
            let named = |cell: &&Identity| same(cell) && cell.trace == trace.meta.name;
            let cells = || baseline.entries.iter().map(|entry| &entry.cell);
            cells().find(named).or_else(|| cells().find(same))
        });
        let Some(known) = known else { continue };
        for trace in &mut loaded.traces {
            trace.meta.name.clone_from(&known.trace);
        }
    }
}

/// Keeps of each trace the page sizes that are asked for and those at which the baseline has it; of
/// one that it does not have, the size without the baseline.
pub fn keep_sizes(inputs: &mut Inputs, args: &CheckArgs, baseline: &Baseline) {
    for loaded in &mut inputs.loaded {
        let name = loaded.traces[0].meta.name.clone();
        let cells = baseline.entries.iter().map(|entry| &entry.cell);
        let of_name = cells.filter(|cell| cell.trace == name);
        let mut wanted: BTreeSet<PageSize> = of_name.filter_map(page_size).collect();
        wanted.extend(&args.sweep.page_size);
        if wanted.is_empty() {
            wanted.insert(loaded.unasked);
        }
        loaded
            .traces
            .retain(|trace| wanted.contains(&trace.meta.page_size));
    }
    inputs.loaded.retain(|loaded| !loaded.traces.is_empty());
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

/// The cells to be replayed: those that the baseline names, of an experiment's those that it names,
/// too; and with `--accept` those that it is to get.
pub fn plan<'t>(
    task: &Task,
    traces: &[&'t Resolved],
    args: &CheckArgs,
    config: &Config,
) -> Result<Plan<'t>, Failure> {
    let only = task.only.as_ref();
    let mut plan = match (&task.baseline, &config.experiment) {
        (baseline, Some(_)) => of_experiment(baseline.as_ref(), traces, args, config, only)?,
        (None, None) => fresh_plan(traces, args)?,
        (Some(baseline), None) => plan_of(baseline, traces, args, only)?,
    };
    if let Some(only) = only {
        let mut cells = std::mem::take(&mut plan.cells);
        cells.retain(|cell| only.matches(&task.shown(&plan.identity(cell)).path()));
        plan.cells = cells;
    }
    Ok(plan)
}

/// The cells of an experiment that the baseline names; with `--accept` all of them.
fn of_experiment<'t>(
    baseline: Option<&Baseline>,
    traces: &[&'t Resolved],
    args: &CheckArgs,
    config: &Config,
    only: Option<&Pattern>,
) -> Result<Plan<'t>, Failure> {
    let mut plan = Plan::new(traces, &args.sweep.axes()?, settings(args, None)?)?;
    exclude(&mut plan, config);
    if plan.cells.is_empty() {
        let what = "nothing selected: the experiment names no cell, or excludes every one";
        return Err(Failure::new(exit::NOTHING, what));
    }
    let Some(baseline) = baseline.filter(|_| !args.accept) else {
        return Ok(plan);
    };
    let cells = plan.cells.iter().map(|cell| plan.identity(cell));
    let today = Today::of(cells.collect()).map_err(|error| no_verdict(args, error))?;
    let mut named = BTreeSet::new();
    for entry in baseline.chosen(only) {
        named.extend(today.cell(entry).map_err(|error| no_verdict(args, error))?);
    }
    let unnamed = plan.cells.len() - named.len();
    if unnamed > 0 && only.is_none() {
        note(&format!(
            "note: {} of the experiment {} not in {} and not compared: --accept adds them",
            counted(unnamed, "cell"),
            if unnamed == 1 { "is" } else { "are" },
            args.baseline.display(),
        ));
    }
    Ok(plan.part(&Vec::from_iter(named)))
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
    let only = only.filter(|_| !args.accept);
    let mut entries = baseline.chosen(only).peekable();
    let warmup = entries.peek().map_or(0, |entry| entry.cell.warmup_refs);
    let mut plan = Plan::empty(traces, settings(args, Some(warmup))?)?;
    for entry in entries {
        let named = &entry.cell;
        let refused = |why: String| none(&args.baseline, Some(entry.line), why);
        if named.warmup_refs != warmup {
            let why = "its cells have different warm-ups: keep one baseline for each, or choose with --only";
            return Err(refused(why.into()));
        }
        let same = |facts: &TraceFacts| {
            facts.name == named.trace && facts.page_size.bytes() == named.page_size
        };
        // A cell whose trace was not given is missing from the results, and told then.
        let Some(trace) = plan.facts.iter().position(same) else {
            continue;
        };
        let choice: Result<PolicyChoice, params::ParamError> = named.policy_label().parse();
        let cell = Cell {
            trace,
            choice: choice.map_err(|e| refused(e.to_string()))?,
            seed: named.seed,
            frames: named.frames.and_then(|frames| u32::try_from(frames).ok()),
            tau: named.tau,
        };
        let now = plan.identity(&cell);
        if let Some(why) = other_part(named, &now) {
            return Err(refused(why));
        }
        if let Some(why) = incomparable(named, &now).filter(|_| !args.accept) {
            return Err(refused(why));
        }
        plan.cells.push(cell);
    }
    if args.accept {
        add_cells(&mut plan, baseline, traces, args)?;
    } else if args.sweep.axes_given() {
        note(
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
            note(&format!(
                "warning: {}: has no cell of trace {name}; it is not compared",
                path.display()
            ));
        }
    }
}
