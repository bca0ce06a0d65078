//! `pagebench check`: today's exact counts against a baseline.

use super::args::{CacheArgs, ReadArgs, SelectArgs, SweepArgs, TerminalArgs};
use super::cache::Cache;
use super::failure::Failure;
use super::input::{Inputs, load_all, resolve_all};
use super::print;
use super::progress::message;
use super::run::{replay, use_threads};
use super::signals::Signals;
use crate::check::{self, Verdict, cell_name, compare, parse_baseline, to_baseline};
use crate::exit::{self, ExitCode};
use crate::policy::{PolicyChoice, params};
use crate::report::columns::Row;
use crate::report::csv::write_file;
use crate::report::rows;
use crate::report::table::aligned;
use crate::space::Resolved;
use crate::sweep::{Cell, Plan, Settings, Warmup};
use crate::trace::digest;
use crate::units::PageSize;
use crate::vm::Accessed;
use clap::Args;
use std::path::{Path, PathBuf};

/// Compare exact counts with a baseline.
///
/// Replays the cells that the baseline names and compares references, faults and write-backs:
/// any difference gives exit code 6. With --accept the counts of today are written instead; a
/// trace of which the baseline knows nothing gets the cells of -p, -m and --tau.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pagebench check reports/baseline.csv traces
  pagebench check reports/baseline.csv traces --accept -p lru,fifo,opt -m 2^6..2^12")]
pub struct CheckArgs {
    /// The baseline, a CSV
    #[arg(value_name = "BASELINE")]
    baseline: PathBuf,

    /// Traces, or folders of traces
    #[arg(required = true, value_name = "TRACE")]
    traces: Vec<PathBuf>,

    /// Write today's counts as the baseline
    #[arg(long)]
    accept: bool,

    #[command(flatten)]
    sweep: SweepArgs,

    #[command(flatten)]
    read: ReadArgs,

    #[command(flatten)]
    select: SelectArgs,

    #[command(flatten)]
    cache: CacheArgs,

    #[command(flatten)]
    terminal: TerminalArgs,
}

/// Runs the command.
pub fn check(args: CheckArgs) -> Result<ExitCode, Failure> {
    let baseline = read_baseline(&args)?;
    use_threads(args.sweep.threads()?);
    let mut options = args.read.options(&args.select)?;
    options.mem_limit = args.sweep.mem_limit()?;
    let rows = baseline.as_deref().unwrap_or(&[]);
    let cache = Cache::of(&args.cache, args.terminal.quiet);
    let sizes = |name: &str, _| {
        let of_baseline = rows
            .iter()
            .filter(|row| row.trace == name)
            .filter_map(page_size);
        args.sweep
            .page_size
            .iter()
            .copied()
            .chain(of_baseline)
            .collect()
    };
    let signals = Signals::watch();
    let mut inputs = load_all(
        &args.traces,
        &options,
        &sizes,
        cache.as_ref(),
        args.terminal.quiet,
    )?;
    recognise(&mut inputs, rows);
    let inputs = resolve_all(inputs, &settings(&args, None)?.space)?;
    let traces: Vec<&Resolved> = inputs
        .loaded
        .iter()
        .flat_map(|loaded| &loaded.traces)
        .collect();
    let plan = match &baseline {
        None => fresh_plan(&traces, &args)?,
        Some(rows) => plan_of(rows, &traces, &args)?,
    };
    if let (Some(rows), false) = (&baseline, args.accept) {
        tell_unknown(rows, &plan, &args.baseline);
    }
    let results = replay(&plan, &args.sweep, &args.terminal, &signals)?;
    if let Some(code) = signals.code() {
        return Err(Failure::new(code, "interrupted: nothing was compared"));
    }
    let now = rows::rows(&plan, &results, &args.sweep.costs()?);
    if let Some(row) = now.iter().find(|row| !row.is_ok()) {
        return Err(Failure::new(
            exit::FAILURE,
            format!("cell {}: {}", cell_name(row), row.error),
        ));
    }
    if args.accept {
        return accept(&args, baseline, now, &inputs);
    }
    let verdict = compare(&baseline.expect("without --accept there is one"), &now);
    print(&show(&verdict))?;
    Ok(code_of(&verdict, &inputs))
}

fn page_size(row: &Row) -> Option<PageSize> {
    PageSize::from_shift(row.page_size.trailing_zeros() as u8)
        .filter(|size| size.bytes() == row.page_size)
}

/// A trace whose references the baseline knows has the name that it has there, whatever its file
/// is called and whatever lies beside it.
fn recognise(inputs: &mut Inputs, rows: &[Row]) {
    for loaded in &mut inputs.loaded {
        let known = loaded.traces.iter().find_map(|trace| {
            let digest = digest::show(trace.digest());
            let same = |row: &&Row| {
                row.trace_digest == digest && page_size(row) == Some(trace.meta.page_size)
            };
            rows.iter().find(same)
        });
        let Some(known) = known else { continue };
        for trace in &mut loaded.traces {
            trace.meta.name.clone_from(&known.trace);
        }
    }
}

/// The baseline, or `None` if one is to be written anew.
fn read_baseline(args: &CheckArgs) -> Result<Option<Vec<Row>>, Failure> {
    let none = |why: String| Failure::new(exit::NO_BASELINE, why);
    match std::fs::read(&args.baseline) {
        Ok(text) => {
            let rows = parse_baseline(&args.baseline, &text).map_err(|e| none(e.to_string()))?;
            match rows.iter().find(|row| page_size(row).is_none()) {
                None => Ok(Some(rows)),
                Some(row) => {
                    let wrong = row.page_size.to_string().parse::<PageSize>().err();
                    let why = wrong.map_or(String::new(), |e| e.to_string());
                    Err(none(format!("{}: {why}", args.baseline.display())))
                }
            }
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && args.accept => Ok(None),
        Err(e) => Err(none(format!(
            "{}: no baseline: {e}\n  help: write one with --accept",
            args.baseline.display()
        ))),
    }
}

fn settings(args: &CheckArgs, warmup_refs: Option<u64>) -> Result<Settings, Failure> {
    let mut settings = args.sweep.settings(args.select.selection().describe())?;
    if let Some(refs) = warmup_refs {
        settings.warmup = Warmup::Refs(refs);
    }
    // Counts of faults do not depend on translation, unless it is what sets reference bits.
    if settings.accessed == Accessed::Every {
        settings.tlb = None;
    }
    Ok(settings)
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
    rows: &[Row],
    traces: &[&'t Resolved],
    args: &CheckArgs,
) -> Result<Plan<'t>, Failure> {
    let none = |why: String| {
        Failure::new(
            exit::NO_BASELINE,
            format!("{}: {why}", args.baseline.display()),
        )
    };
    let warmup = rows[0].warmup_refs;
    if rows.iter().any(|row| row.warmup_refs != warmup) {
        return Err(none(
            "its cells have different warm-ups; keep one baseline for each".into(),
        ));
    }
    let mut plan = Plan::empty(traces, settings(args, Some(warmup))?)?;
    for row in rows {
        let same = |facts: &crate::sweep::TraceFacts| {
            facts.name == row.trace && facts.page_size.bytes() == row.page_size
        };
        // A cell whose trace was not given is missing from the results, and told then.
        let Some(trace) = plan.facts.iter().position(same) else {
            continue;
        };
        let facts = &plan.facts[trace];
        if facts.filter != row.filter {
            let part = |filter: &str| match filter {
                "" => "the whole of it".to_owned(),
                filter => format!("its part \"{filter}\""),
            };
            return Err(none(format!(
                "trace {}: the baseline counts {}, this command {}\n  \
                 help: take the same part (--data-only, --pid, --skip, --limit)",
                row.trace,
                part(&row.filter),
                part(&facts.filter)
            )));
        }
        if facts.digest != row.trace_digest && !args.accept {
            return Err(none(format!(
                "trace {} is another one now: digest {} in the baseline, {} here\n  \
                 help: take the trace of the baseline, or write the counts of this one with --accept",
                row.trace, row.trace_digest, facts.digest
            )));
        }
        let text = row.policy_label();
        let choice: PolicyChoice = text
            .parse()
            .map_err(|e: params::ParamError| none(e.to_string()))?;
        let frames = row
            .frames
            .map(u32::try_from)
            .transpose()
            .map_err(|_| none("too many frames".into()))?;
        if frames == Some(0) || row.tau == Some(0) {
            return Err(none(format!(
                "{}: 0 frames or a window of 0",
                cell_name(row)
            )));
        }
        let cell = Cell {
            trace,
            choice,
            seed: row.seed,
            frames,
            tau: row.tau,
        };
        if let Some(other) =
            check::other_model(row, &rows::key_of(&plan, &cell)).filter(|_| !args.accept)
        {
            return Err(none(format!(
                "{}: counted with other options: {other}\n  \
                 help: give the options that the baseline was made with, or write the counts of \
                 these with --accept",
                cell_name(row)
            )));
        }
        plan.cells.push(cell);
    }
    if args.accept {
        add_cells(&mut plan, rows, traces, args)?;
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
    rows: &[Row],
    traces: &[&'t Resolved],
    args: &CheckArgs,
) -> Result<(), Failure> {
    let fresh: Vec<&Resolved> = traces
        .iter()
        .copied()
        .filter(|trace| {
            args.sweep.axes_given() || rows.iter().all(|row| row.trace != trace.trace.meta.name)
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
fn tell_unknown(rows: &[Row], plan: &Plan<'_>, baseline: &Path) {
    let mut names: Vec<&str> = plan.facts.iter().map(|facts| facts.name.as_str()).collect();
    names.dedup();
    for name in names {
        if !rows.iter().any(|row| row.trace == name) {
            message(&format!(
                "warning: {}: has no cell of trace {name}; it is not compared",
                baseline.display()
            ));
        }
    }
}

/// Writes the baseline: cells of traces that were not given stay as they are.
fn accept(
    args: &CheckArgs,
    old: Option<Vec<Row>>,
    now: Vec<Row>,
    inputs: &Inputs<Resolved>,
) -> Result<ExitCode, Failure> {
    let verdict = compare(old.as_deref().unwrap_or(&[]), &now);
    let kept = old
        .unwrap_or_default()
        .into_iter()
        .filter(|row| verdict.missing.contains(&cell_name(row)));
    let rows: Vec<Row> = now.into_iter().chain(kept).collect();
    write_file(&args.baseline, &to_baseline(&rows))?;
    print(&format!(
        "{}: {} written, {} changed\n",
        args.baseline.display(),
        counted(rows.len(), "cell"),
        counted(verdict.differences.len(), "count"),
    ))?;
    Ok(inputs.failed)
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn show(verdict: &Verdict) -> String {
    let mut out = String::new();
    if !verdict.differences.is_empty() {
        let mut lines = vec![
            ["cell", "count", "expected", "got", "difference", "percent"]
                .map(str::to_owned)
                .to_vec(),
        ];
        for difference in &verdict.differences {
            let change = i128::from(difference.got) - i128::from(difference.expected);
            lines.push(vec![
                difference.cell.clone(),
                difference.column.replace('_', " "),
                difference.expected.to_string(),
                difference.got.to_string(),
                format!("{change:+}"),
                format!("{:+.4}", difference.percent()),
            ]);
        }
        aligned(&mut out, &lines);
    }
    for cell in &verdict.missing {
        out.push_str(&format!("missing: {cell}\n"));
    }
    out.push_str(&format!(
        "{} compared ({}): {}, {} missing\n",
        counted(verdict.compared, "cell"),
        check::COMPARED.join(", ").replace('_', "-"),
        counted(verdict.differences.len(), "difference"),
        verdict.missing.len()
    ));
    out
}

fn code_of(verdict: &Verdict, inputs: &Inputs<Resolved>) -> ExitCode {
    let mut code = inputs.failed;
    if !verdict.missing.is_empty() {
        code = exit::worse(code, exit::INCOMPLETE);
    }
    if !verdict.differences.is_empty() {
        code = exit::worse(code, exit::REGRESSION);
    }
    code
}
