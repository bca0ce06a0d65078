//! `pagebench check`: today's exact counts against a baseline. This file has the flow of the command.
//!
//! | module | owns |
//! |---|---|
//! | `args` | the arguments |
//! | `limits` | how much counts may change |
//! | `task` | the baseline and the cells to check, before any trace is read |
//! | `plan` | from a baseline and traces to the cells to replay |
//! | `accept` | `--accept`: writes the baseline and its digests |
//! | `departure` | `--explain`: the fault at which a cell departs |
//! | `outputs` | the table, and the files and annotations that are asked for |

mod accept;
mod args;
mod departure;
mod limits;
mod outputs;
mod plan;
mod task;

pub use args::CheckArgs;

use crate::check::limits::Metrics;
use crate::check::{Baseline, Limits, METRICS, judge};
use crate::cli::setup::cache::Cache;
use crate::cli::setup::experiment::{CommandLine, Config};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::input::{Inputs, keep_fitting, load_each, resolve_all};
use crate::cli::setup::job::{check_digests, wanted_traces};
use crate::cli::setup::progress::{message, note};
use crate::cli::setup::replay::{code_of_failed, replay, use_threads};
use crate::cli::setup::signals::Signals;
use crate::exit::{self, ExitCode};
use crate::report::results::cells_jsonl::CELLS;
use crate::report::results::columns::Row;
use crate::report::results::plan_file::PLAN;
use crate::report::results::results_csv::read_rows;
use crate::report::results::row_of_cell;
use crate::space::{self, Resolved};
use crate::sweep::{Plan, Settings};
use crate::units::Printable;
use std::io::Read;
use std::path::PathBuf;
use task::{Mode, ReadErrors, Task, no_verdict};

/// Runs the command.
pub fn check(line: &CommandLine) -> Result<ExitCode, Failure> {
    let (args, config) = Config::resolve::<CheckArgs>(line)?;
    let result = attempt(&args, &config);
    if let Err(failure) = &result {
        outputs::report_failure(&args.outputs, &args.baseline, failure);
    }
    result
}

fn attempt(args: &CheckArgs, config: &Config) -> Result<ExitCode, Failure> {
    let limits = args.limits.limits(config)?;
    args.outputs.check()?;
    let task = Task::new(args, limits)?;
    match result_tables(&args.traces)? {
        Some(tables) => check_results(args, task, &tables),
        None => check_traces(args, config, &task),
    }
}

/// Returns the tables if the sources are finished results; `None` if they are traces.
fn result_tables(sources: &[PathBuf]) -> Result<Option<Vec<PathBuf>>, Failure> {
    for folder in sources {
        let begun = [PLAN, CELLS].iter().any(|file| folder.join(file).is_file());
        if begun && !folder.join("results.csv").exists() {
            let what = "the run in this folder has not ended: continue it with run --resume";
            let what = format!("{}: {what}", folder.printed());
            return Err(Failure::new(exit::INCOMPLETE, what));
        }
    }
    let table = |path: &PathBuf| {
        let inside = path.join("results.csv");
        if path.is_dir() {
            return inside.is_file().then_some(inside);
        }
        let mut start = [0; 7];
        let mut file = std::fs::File::open(path).ok().filter(|_| path.is_file())?;
        file.read_exact(&mut start).ok()?;
        (&start == b"schema,").then(|| path.clone())
    };
    let tables: Vec<PathBuf> = sources.iter().filter_map(table).collect();
    match tables.len() {
        0 => Ok(None),
        n if n == sources.len() => Ok(Some(tables)),
        _ => Err(Failure::usage(format!(
            "{} has results, others are traces: give one or the other",
            tables[0].printed()
        ))),
    }
}

/// Checks the rows of finished results.
fn check_results(
    args: &CheckArgs,
    mut task: Task,
    tables: &[PathBuf],
) -> Result<ExitCode, Failure> {
    if args.explain.is_some() || args.with_digests.is_some() {
        let message = "--explain and --with-digests replay: they need traces, not results";
        return Err(Failure::usage(message));
    }
    let now = read_results(tables)?;
    let absent = absent_metrics(&now);
    let none = ReadErrors::default();
    if !task.accepts() {
        exclude_metrics(&mut task.limits, &absent)?;
    } else if !absent.is_empty() {
        return Err(Failure::new(
            exit::FAILURE,
            format!(
                "these results do not have {}, which a baseline has; nothing is accepted\n  help: \
                 run with these among --counts, or without --counts",
                absent.join(", ")
            ),
        ));
    }
    match &task.mode {
        Mode::Accept(_) => accept::accept(args, &task, now, None, none),
        Mode::Compare(baseline) | Mode::Explain(baseline) => {
            conclude(args, &task, baseline, &now, none, None)
        }
    }
}

/// Reads the rows of all tables; errors if a table has none.
fn read_results(tables: &[PathBuf]) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for path in tables {
        let read = read_rows(path)?;
        if read.is_empty() {
            let what = format!("{}: no result in this table", path.printed());
            return Err(Failure::new(exit::NOTHING, what));
        }
        rows.extend(read);
    }
    Ok(rows)
}

/// Returns the metrics that a finished row lacks.
fn absent_metrics(rows: &[Row]) -> Vec<&'static str> {
    let lack = |column| rows.iter().any(|row| row.is_ok() && !row.has(column));
    let absent = METRICS.iter().filter(|metric| lack(metric.column));
    absent.map(|metric| metric.name).collect()
}

/// Excludes the metrics `absent` from the comparison, and notes that. Errors if neither faults nor
/// write-backs are left.
fn exclude_metrics(limits: &mut Limits, absent: &[&str]) -> Result<(), Failure> {
    let (without, left): (Vec<_>, Vec<_>) = limits
        .metrics()
        .into_iter()
        .partition(|metric| absent.contains(&metric.name));
    if without.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = without.iter().map(|metric| metric.name).collect();
    let names = names.join(", ");
    // The first metric, the references, is the same whatever was replayed.
    if left.iter().all(|metric| metric.name == METRICS[0].name) {
        return Err(Failure::new(
            exit::NOTHING,
            format!(
                "nothing to compare: these results do not have {names}\n  help: run with these among \
                 --counts, or without --counts"
            ),
        ));
    }
    note(&format!(
        "note: these results do not have {names} (see run --counts): not compared"
    ));
    limits.metric = Some(Metrics(left));
    Ok(())
}

/// Replays the cells and checks their counts.
fn check_traces(args: &CheckArgs, config: &Config, task: &Task) -> Result<ExitCode, Failure> {
    let replay_args = &args.replay;
    use_threads(replay_args.sweep.threads()?);
    let settings = plan::settings(args)?;
    let signals = Signals::watch("nothing was compared");
    let inputs = load(args, config, task, &settings)?;
    let plan = plan::plan(task, &inputs.traces(), args, config, &settings)?;
    if let Mode::Compare(baseline) = &task.mode {
        plan::warn_of_unknown(baseline, &plan, &args.baseline);
    }
    let results = replay(&plan, &replay_args.sweep, &replay_args.terminal, &signals)?;
    if let Some(code) = signals.code() {
        return Err(Failure::new(code, "interrupted: nothing was compared"));
    }
    let mut now = row_of_cell::rows(&plan, &results, &replay_args.sweep.costs()?);
    let mut read_errors = ReadErrors {
        code: inputs.failed,
        errors: inputs.errors.clone(),
    };
    leave_out_bad_traces(&plan, task, &mut now, &mut read_errors)?;
    match &task.mode {
        Mode::Accept(_) => {
            let replayed = Some((&plan, &signals));
            accept::accept(args, task, now, replayed, read_errors)
        }
        Mode::Compare(baseline) | Mode::Explain(baseline) => {
            conclude(args, task, baseline, &now, read_errors, Some(&plan))
        }
    }
}

/// Leaves out the rows of traces that only their replay showed to be damaged, as if they had not been
/// read. Errors if counts are to be accepted.
fn leave_out_bad_traces(
    plan: &Plan<'_>,
    task: &Task,
    now: &mut Vec<Row>,
    read_errors: &mut ReadErrors,
) -> Result<(), Failure> {
    let is_bad =
        |row: &Row| !row.is_ok() && code_of_failed(plan, &row.identity().trace) == exit::BAD_TRACE;
    let mut errors: Vec<String> = now
        .iter()
        .filter(|row| is_bad(row))
        .map(|row| row.error.clone())
        .collect();
    errors.dedup();
    if let Some(error) = errors.first().filter(|_| task.accepts()) {
        let what = format!("{error}; nothing is accepted");
        return Err(Failure::new(exit::BAD_TRACE, what));
    }
    for error in errors {
        message(&format!("error: {error}"));
        read_errors.code = exit::worse(read_errors.code, exit::BAD_TRACE);
        read_errors.errors.push(error);
    }
    now.retain(|row| !is_bad(row));
    Ok(())
}

/// Reads the traces at the page sizes of the baseline, or of the experiment.
fn load(
    args: &CheckArgs,
    config: &Config,
    task: &Task,
    settings: &Settings,
) -> Result<Inputs<Resolved>, Failure> {
    let sizes = |name: &str, stored| match &config.experiment {
        // With an experiment file only its page sizes are loaded; other baseline rows are reported
        // missing.
        Some(_) => args.replay.sweep.page_size.clone(),
        None => plan::page_sizes(args, task.baseline(), name, stored),
    };
    let wanted = wanted_traces(&args.traces, &args.replay.load_options()?, config)?;
    let cache = Cache::of(&args.replay.cache);
    let mut inputs = load_each(&wanted, &sizes, cache.as_ref())?;
    if let Some(baseline) = task.baseline() {
        plan::recognise(&mut inputs, baseline);
        if config.experiment.is_none() {
            plan::keep_sizes(&mut inputs, args, baseline);
        }
    }
    let mut entries = task.baseline().into_iter().flat_map(Baseline::rows);
    let has_models = entries.any(|row| !row.model.is_empty());
    let space = space::Options {
        only_used_entries: settings.space.only_used_entries && !has_models,
        ..settings.space
    };
    let mut inputs = resolve_all(inputs, &space)?;
    if config.experiment.is_some() || task.accepts() {
        keep_fitting(&mut inputs, &args.replay.sweep.axes()?)?;
    }
    if args.traces.is_empty() {
        check_digests(&inputs, config)?;
    }
    Ok(inputs)
}

/// Compares finished rows with the baseline, reports the verdict, and returns the exit code. `plan` is
/// that of the rows, if they were replayed.
fn conclude(
    args: &CheckArgs,
    task: &Task,
    baseline: &Baseline,
    now: &[Row],
    read_errors: ReadErrors,
    plan: Option<&Plan<'_>>,
) -> Result<ExitCode, Failure> {
    // A verdict is written in all of its forms, which state the exit code of a signal, too.
    let signals = Signals::watch("");
    signals.finish_running_cells_first();
    let verdict = judge(baseline, task.only.as_ref(), now, &task.limits);
    let mut verdict = verdict.map_err(|error| no_verdict(&args.baseline, error))?;
    let mut code = exit::worse(read_errors.code, verdict.code());
    let complete = absent_metrics(now).is_empty();
    let proposal = (verdict.fails() && complete).then(|| accept::proposal(baseline, &verdict, now));
    verdict.errors = read_errors.errors;
    let mut explanation = None;
    if let (Mode::Explain(_), Some(plan)) = (&task.mode, plan) {
        // The verdict stands whether or not it can be explained.
        match departure::explain(&args.baseline, baseline, plan) {
            Ok(text) => explanation = text,
            Err(failure) => {
                message(&format!("error: {failure}"));
                code = exit::worse(code, failure.code);
                verdict.errors.push(failure.to_string());
            }
        }
    }
    if let Some(signal) = signals.code() {
        code = exit::worse(code, signal);
    }
    let conclusion = outputs::Conclusion {
        verdict,
        code,
        explanation,
        accepted: None,
    };
    let code = outputs::report(&args.outputs, &args.baseline, conclusion);
    if let Some(proposal) = proposal {
        outputs::propose(&args.baseline, &proposal);
    }
    if code == exit::OK && task.only.is_none() {
        outputs::withdraw(&args.baseline);
    }
    Ok(code)
}
