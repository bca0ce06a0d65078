//! From a baseline and traces to the cells to replay. Knows nothing of counts.

use super::args::CheckArgs;
use super::task::{Task, no_baseline, no_verdict};
use crate::check::cell_key::{incomparable, other_part};
use crate::check::verdict::counted;
use crate::check::{Baseline, Pattern, Today};
use crate::cli::setup::experiment::Config;
use crate::cli::setup::failure::Failure;
use crate::cli::setup::input::Inputs;
use crate::cli::setup::job::exclude;
use crate::cli::setup::progress::note;
use crate::exit;
use crate::policy::{PolicyChoice, params};
use crate::space::Resolved;
use crate::sweep::{Cell, CurveNeeds, Identity, Plan, Settings, TraceFacts, Warmup};
use crate::trace::model::digest;
use crate::units::{PageSize, Printable};
use crate::vm::models::choices::Model;
use std::collections::BTreeSet;
use std::path::Path;

/// Returns the page size of a cell.
fn page_size(cell: &Identity) -> Option<PageSize> {
    PageSize::from_bytes(cell.page_size)
}

/// Returns the page sizes at which the trace `name` is read: those asked for and all of the baseline, so
/// that the baseline's digest is found whatever the file is called. `stored` is the size of a stored
/// trace.
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
    let mut sizes = args.replay.sweep.page_size.clone();
    sizes.extend(
        cells()
            .filter(|cell| cell.trace == name)
            .filter_map(page_size),
    );
    if sizes.is_empty() {
        sizes.push(stored.unwrap_or(PageSize::DEFAULT));
    }
    // A part of standard input can be read only once, at one size.
    let selection = args.replay.select.selection();
    let part = selection.skip > 0 || selection.limit.is_some();
    if part && args.traces.iter().any(|path| path == Path::new("-")) {
        return sizes;
    }
    // A stored trace cannot be read at a finer size.
    let can_be = |size: &PageSize| stored.is_none_or(|stored| *size >= stored);
    sizes.extend(cells().filter_map(page_size).filter(can_be));
    sizes
}

/// Gives each trace whose references the baseline has the name that they have there, whatever the file
/// is called.
pub fn recognise(inputs: &mut Inputs, baseline: &Baseline) {
    for loaded in &mut inputs.loaded {
        let known = loaded.traces.iter().find_map(|trace| {
            let digest = digest::show(trace.digest());
            let same = |cell: &&Identity| {
                cell.trace_digest == digest && page_size(cell) == Some(trace.meta.page_size)
            };
            // Several files with the same references keep names that the baseline has.
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

/// Keeps, for each trace, the page sizes asked for and those of the baseline; for a trace that the
/// baseline does not have, its own.
pub fn keep_sizes(inputs: &mut Inputs, args: &CheckArgs, baseline: &Baseline) {
    for loaded in &mut inputs.loaded {
        let name = loaded.traces[0].meta.name.clone();
        let cells = baseline.entries.iter().map(|entry| &entry.cell);
        let of_name = cells.filter(|cell| cell.trace == name);
        let mut wanted: BTreeSet<PageSize> = of_name.filter_map(page_size).collect();
        wanted.extend(&args.replay.sweep.page_size);
        if wanted.is_empty() {
            wanted.insert(loaded.own_page_size);
        }
        loaded
            .traces
            .retain(|trace| wanted.contains(&trace.meta.page_size));
    }
    inputs.loaded.retain(|loaded| !loaded.traces.is_empty());
}

/// Returns the settings of every cell.
pub fn settings(args: &CheckArgs) -> Result<Settings, Failure> {
    let mut settings = args.replay.settings()?;
    settings.drop_tlb();
    // Curves suffice for the counts that are compared and kept.
    settings.curves = Some(CurveNeeds {
        write_backs: true,
        frames: false,
    });
    Ok(settings)
}

/// Returns the cells to replay: those of the baseline, and of an experiment only these; with `--accept`
/// also those that the baseline is to get.
pub fn plan<'t>(
    task: &Task,
    traces: &[&'t Resolved],
    args: &CheckArgs,
    config: &Config,
    settings: &Settings,
) -> Result<Plan<'t>, Failure> {
    let only = task.only.as_ref();
    let all_cells = || -> Result<Plan<'t>, Failure> {
        let axes = args.replay.sweep.axes()?;
        Ok(Plan::new(traces, &axes, settings.clone())?)
    };
    let mut plan = match (task.baseline(), &config.experiment) {
        (baseline, Some(_)) => of_experiment(all_cells()?, baseline, args, config, only)?,
        (None, None) => new_baseline(all_cells()?, args)?,
        (Some(baseline), None) => of_baseline(baseline, traces, args, only, settings)?,
    };
    if let Some(only) = only {
        let mut cells = std::mem::take(&mut plan.cells);
        cells.retain(|cell| only.matches(&task.path_of(&plan.identity(cell))));
        plan.cells = cells;
    }
    Ok(plan)
}

/// Returns the cells of an experiment that the baseline has; with `--accept` all of them.
fn of_experiment<'t>(
    mut plan: Plan<'t>,
    baseline: Option<&Baseline>,
    args: &CheckArgs,
    config: &Config,
    only: Option<&Pattern>,
) -> Result<Plan<'t>, Failure> {
    exclude(&mut plan, config);
    if plan.cells.is_empty() {
        let what = "nothing selected: the experiment names no cell, or excludes every one";
        return Err(Failure::new(exit::NOTHING, what));
    }
    let Some(baseline) = baseline.filter(|_| !args.accept) else {
        return Ok(plan);
    };
    let cells = plan.cells.iter().map(|cell| plan.identity(cell));
    let fail = |error| no_verdict(&args.baseline, error);
    let today = Today::of(cells.collect()).map_err(fail)?;
    let mut known = BTreeSet::new();
    for entry in baseline.chosen(only) {
        known.extend(today.cell(entry).map_err(fail)?);
    }
    let unknown = plan.cells.len() - known.len();
    if unknown > 0 && only.is_none() {
        note(&format!(
            "note: {} of the experiment {} not in {} and not compared: --accept adds them",
            counted(unknown, "cell"),
            if unknown == 1 { "is" } else { "are" },
            args.baseline.printed(),
        ));
    }
    Ok(plan.part(&Vec::from_iter(known)))
}

/// Returns the cells of a new baseline. Errors if their warm-ups differ: it could not be read again.
fn new_baseline<'t>(plan: Plan<'t>, args: &CheckArgs) -> Result<Plan<'t>, Failure> {
    let warmup = plan.facts[0].warmup_refs;
    match plan.facts.iter().find(|facts| facts.warmup_refs != warmup) {
        None => Ok(plan),
        Some(other) => Err(Failure::usage(format!(
            "--warmup {}: {warmup} references of trace {}, but {} of trace {}: a baseline has one \
             warm-up\n  help: give it as a count, or keep one baseline for each trace",
            args.replay.sweep.warmup, plan.facts[0].name, other.warmup_refs, other.name
        ))),
    }
}

/// Returns the cells of a baseline. Errors if its traces are not the same references.
fn of_baseline<'t>(
    baseline: &Baseline,
    traces: &[&'t Resolved],
    args: &CheckArgs,
    only: Option<&Pattern>,
    settings: &Settings,
) -> Result<Plan<'t>, Failure> {
    let only = only.filter(|_| !args.accept);
    let mut entries = baseline.chosen(only).peekable();
    let warmup = entries.peek().map_or(0, |entry| entry.cell.warmup_refs);
    let settings = Settings {
        warmup: Warmup::Refs(warmup),
        ..settings.clone()
    };
    let mut plan = Plan::empty(traces, settings)?;
    for entry in entries {
        let refused = |why: String| no_baseline(&args.baseline, Some(entry.line), why);
        if entry.cell.warmup_refs != warmup {
            let why = "its cells have different warm-ups: keep one baseline for each, or choose with --only";
            return Err(refused(why.into()));
        }
        let cell = cell_of(&entry.cell, &plan, args.accept).map_err(refused)?;
        plan.cells.extend(cell);
    }
    if args.accept {
        add_cells(&mut plan, baseline, traces, args)?;
    } else if args.replay.sweep.axes_given() {
        note(
            "note: the cells of the baseline are compared; -p, -m and --tau add cells with --accept",
        );
    }
    Ok(plan)
}

/// Returns the cell of a plan that a baseline's cell names; `None` if its trace was not given, which is
/// reported as missing later. Errors if its counts cannot be compared; with `accept` these may differ.
fn cell_of(named: &Identity, plan: &Plan<'_>, accept: bool) -> Result<Option<Cell>, String> {
    let same = |facts: &TraceFacts| {
        facts.name == named.trace && facts.page_size.bytes() == named.page_size
    };
    let Some(trace) = plan.facts.iter().position(same) else {
        return Ok(None);
    };
    // A model without policies has none.
    let label = match named.policy.is_empty() {
        true => "lru".to_owned(),
        false => named.policy_label(),
    };
    let choice: Result<PolicyChoice, params::ParamError> = label.parse();
    let cell = Cell {
        trace,
        choice: choice.map_err(|e| e.to_string())?,
        seed: named.seed,
        frames: named.frames.and_then(|frames| u32::try_from(frames).ok()),
        tau: named.tau,
        model: Model::ALL
            .into_iter()
            .find_map(|(model, name)| (name == named.model).then_some(model)),
    };
    let now = plan.identity(&cell);
    let why = other_part(named, &now);
    let why = why.or_else(|| incomparable(named, &now).filter(|_| !accept));
    match why {
        Some(why) => Err(why),
        None => Ok(Some(cell)),
    }
}

/// Adds the cells of the axes: for every trace if the axes are given, else for the traces that the
/// baseline does not have.
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
            args.replay.sweep.axes_given()
                || baseline
                    .rows()
                    .all(|row| row.trace != trace.trace.meta.name)
        })
        .collect();
    if fresh.is_empty() {
        return Ok(());
    }
    let added = Plan::new(&fresh, &args.replay.sweep.axes()?, plan.settings.clone())?;
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

/// Warns of traces that the baseline does not have.
pub fn warn_of_unknown(baseline: &Baseline, plan: &Plan<'_>, path: &Path) {
    let mut names: Vec<&str> = plan.facts.iter().map(|facts| facts.name.as_str()).collect();
    names.dedup();
    for name in names {
        if !baseline.rows().any(|row| row.trace == name) {
            note(&format!(
                "warning: {}: has no cell of trace {name}; it is not compared",
                path.printed()
            ));
        }
    }
}
