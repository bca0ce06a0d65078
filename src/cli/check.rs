//! `pagebench check`: today's exact counts against a baseline. Here are its arguments and its way;
//! `plan` has the cells, `accept` changes the baseline, `outputs` writes what was found, and `explain`
//! looks for the fault at which a cell departs.

mod accept;
mod explain;
mod limits;
mod outputs;
mod plan;

use super::args::{CacheArgs, ReadArgs, SelectArgs, SweepArgs, TerminalArgs};
use super::cache::Cache;
use super::experiment::Config;
use super::failure::Failure;
use super::input::{keep_fitting, load_each, resolve_all};
use super::job::{check_digests, wanted};
use super::progress::{message, note};
use super::run::{replay, use_threads};
use super::signals::Signals;
use crate::check::limits::Metrics;
use crate::check::{Baseline, CheckError, Limits, METRICS, Pattern, digests, judge};
use crate::exit::{self, ExitCode};
use crate::report::columns::Row;
use crate::report::csv::{TableError, read_rows};
use crate::report::plan_file::PLAN;
use crate::report::records::CELLS;
use crate::report::rows;
use crate::space::Resolved;
use crate::sweep::{Identity, MODEL, Part, Plan};
use crate::units::did_you_mean;
use clap::Args;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Compare exact counts with a baseline.
///
/// Replays the cells that the baseline names, or reads finished results, and compares references,
/// faults and write-backs. A count that grew beyond its limit (0 if nothing is said) is a regression,
/// exit code 6, and the counts of today are put into BASELINE.new. With --accept they are written into
/// the baseline instead; a trace of which it knows nothing gets the cells of -p, -m and --tau.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pagebench check reports/baseline.csv traces
  pagebench check baseline.csv -f experiment.toml
  pagebench check reports/baseline.csv out --max-increase-pct 0.5 --junit junit.xml
  pagebench check reports/baseline.csv traces --accept --only 'cc1/lru/*'
  pagebench check reports/baseline.csv traces --accept -p lru,fifo,opt -m 2^6..2^12")]
pub struct CheckArgs {
    /// The baseline, a CSV
    #[arg(value_name = "BASELINE")]
    baseline: PathBuf,

    /// Traces and folders of traces to replay; or the results of a run, results.csv or its folder
    #[arg(required_unless_present = "file", value_name = "TRACE|RESULTS")]
    traces: Vec<PathBuf>,

    /// Experiment file (see: pagebench init) that says which traces and cells are replayed, of which
    /// those that the baseline names are compared, and in [check] how much counts may change; what
    /// the command line says wins over it
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Settings of the experiment file that do not hold here, by their keys: limit,swap
    #[arg(long, value_name = "KEY,…", value_delimiter = ',', requires = "file")]
    unset: Vec<String>,

    /// Write today's counts into the baseline
    #[arg(long)]
    accept: bool,

    /// Look at the cells trace/policy/frames that this glob matches only: 'cc1/*/64', '*/ws/tau=*'
    #[arg(long, value_name = "GLOB", conflicts_with = "explain")]
    only: Option<Pattern>,

    /// With --accept, keep digests of each cell's sequence of faults in BASELINE.faults.csv, in so many
    /// blocks a cell (1 to 4096; 64 if no number is given); they are kept up to date from then on
    #[arg(long, value_name = "BLOCKS", num_args = 0..=1, require_equals = true,
          default_missing_value = "64", value_parser = parse_blocks, requires = "accept")]
    with_digests: Option<usize>,

    /// Compare this cell only, trace/policy/frames, and show the faults where their sequence departs
    /// from that of the baseline, by its digests
    #[arg(long, value_name = "CELL", conflicts_with = "accept")]
    explain: Option<String>,

    #[command(flatten)]
    limits: limits::LimitArgs,

    #[command(flatten)]
    outputs: outputs::OutputArgs,

    #[command(flatten)]
    sweep: SweepArgs,

    #[command(flatten)]
    read: ReadArgs,

    #[command(flatten)]
    select: SelectArgs,

    #[command(flatten)]
    cache: CacheArgs,

    #[command(flatten)]
    pub terminal: TerminalArgs,
}

fn parse_blocks(text: &str) -> Result<usize, String> {
    let blocks = text.parse().ok();
    let fits = blocks.filter(|blocks| (1..=digests::BLOCKS_MAX).contains(blocks));
    fits.ok_or_else(|| format!("a whole number from 1 to {}", digests::BLOCKS_MAX))
}

/// What is asked for, worked out before any trace is read.
struct Task {
    /// The baseline; `None` if it is to be written anew.
    baseline: Option<Baseline>,
    /// The cells that are looked at; `None` for all.
    only: Option<Pattern>,
    limits: Limits,
}

impl Task {
    /// A cell as globs name it: beside those of the baseline, or of one that is to be written.
    fn shown(&self, cell: &Identity) -> Identity {
        match &self.baseline {
            Some(baseline) => baseline.shown(cell),
            // Its cells have one part and one warm-up.
            None => cell
                .without(&MODEL)
                .without(&[Part::Filter, Part::WarmupRefs]),
        }
    }
}

/// Runs the command.
pub fn check(args: CheckArgs) -> Result<ExitCode, Failure> {
    let (args, config) = Config::resolve::<CheckArgs>(args.file.as_deref(), &args.unset)?;
    let result = attempt(&args, &config);
    if let Err(failure) = &result {
        outputs::tell_failure(&args, failure);
    }
    result
}

fn attempt(args: &CheckArgs, config: &Config) -> Result<ExitCode, Failure> {
    let limits = args.limits.limits(config)?;
    args.outputs.check()?;
    let baseline = read_baseline(args)?;
    let only = only(args, baseline.as_ref())?;
    let task = Task {
        baseline,
        only,
        limits,
    };
    match results(&args.traces)? {
        Some(paths) => of_results(args, task, &paths),
        None => of_traces(args, config, task),
    }
}

/// No usable baseline, and why.
fn none(path: &Path, line: Option<u64>, why: String) -> Failure {
    let error = TableError::content(path, line, why);
    Failure::new(exit::NO_BASELINE, error.to_string())
}

/// Why nothing can be compared.
fn no_verdict(args: &CheckArgs, error: CheckError) -> Failure {
    match error {
        CheckError::Unusable { line, what } => none(&args.baseline, Some(line), what),
        error @ CheckError::Twice(_) => Failure::new(exit::FAILURE, error.to_string()),
    }
}

/// The baseline, or `None` if one is to be written anew.
fn read_baseline(args: &CheckArgs) -> Result<Option<Baseline>, Failure> {
    let path = &args.baseline;
    match std::fs::read(path) {
        Ok(text) => match Baseline::parse(path, &text) {
            Ok(baseline) => Ok(Some(baseline)),
            Err(error) => Err(Failure::new(exit::NO_BASELINE, error.to_string())),
        },
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && args.accept => Ok(None),
        Err(e) => {
            let help = match e.kind() {
                std::io::ErrorKind::NotFound => "\n  help: write one with --accept",
                _ => "",
            };
            Err(none(path, None, format!("no baseline: {e}{help}")))
        }
    }
}

/// The cells that are looked at, by glob or by name. There must be one.
fn only(args: &CheckArgs, baseline: Option<&Baseline>) -> Result<Option<Pattern>, Failure> {
    let nothing = |what: String| Failure::new(exit::NOTHING, what);
    let paths: Vec<String> = baseline
        .iter()
        .flat_map(|b| &b.entries)
        .map(|entry| entry.shown.path())
        .collect();
    if let Some(cell) = &args.explain {
        if !paths.contains(cell) {
            let hint = did_you_mean(cell, paths.iter().map(String::as_str));
            let path = args.baseline.display();
            return Err(nothing(format!(
                "--explain: {path} has no cell \"{cell}\"{hint}"
            )));
        }
        let exactly = globset::escape(cell).parse().map_err(Failure::usage)?;
        return Ok(Some(exactly));
    }
    let some = |glob: &Pattern| paths.iter().any(|path| glob.matches(path));
    match &args.only {
        Some(glob) if !args.accept && !some(glob) => Err(nothing(format!(
            "--only matches no cell of {}; they are called like {}",
            args.baseline.display(),
            paths.first().map_or("", String::as_str)
        ))),
        glob => Ok(glob.clone()),
    }
}

/// The tables of results, if that is what was given.
fn results(sources: &[PathBuf]) -> Result<Option<Vec<PathBuf>>, Failure> {
    for folder in sources {
        let begun = [PLAN, CELLS].iter().any(|file| folder.join(file).is_file());
        if begun && !folder.join("results.csv").exists() {
            let what = "the run in this folder has not ended: go on with it by run --resume";
            let what = format!("{}: {what}", folder.display());
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
            tables[0].display()
        ))),
    }
}

fn of_results(args: &CheckArgs, mut task: Task, paths: &[PathBuf]) -> Result<ExitCode, Failure> {
    if args.explain.is_some() || args.with_digests.is_some() {
        let message = "--explain and --with-digests replay: they need traces, not results";
        return Err(Failure::usage(message));
    }
    let mut rows = Vec::new();
    for path in paths {
        let read = read_rows(path)?;
        if read.is_empty() {
            let what = format!("{}: no result in this table", path.display());
            return Err(Failure::new(exit::NOTHING, what));
        }
        rows.extend(read);
    }
    let lacking = lacking(&rows);
    if args.accept {
        return match lacking.is_empty() {
            true => accept::accept(args, task, rows, None, Beside::default()),
            false => Err(Failure::new(
                exit::FAILURE,
                format!(
                    "these results do not have {}, which a baseline has; nothing is accepted\n  help: \
                     run with these among --counts, or without --counts",
                    lacking.join(", ")
                ),
            )),
        };
    }
    leave_out(&mut task.limits, &lacking)?;
    conclude(args, &task, &rows, Beside::default(), None)
}

/// The metrics that a finished row does not have.
fn lacking(rows: &[Row]) -> Vec<&'static str> {
    let lack = |column| rows.iter().any(|row| row.is_ok() && !row.has(column));
    let lacking = METRICS.iter().filter(|metric| lack(metric.column));
    lacking.map(|metric| metric.name).collect()
}

/// Compares the metrics that are there, and says which are not. At least the faults or the
/// write-backs must be.
fn leave_out(limits: &mut Limits, lacking: &[&str]) -> Result<(), Failure> {
    let (without, left): (Vec<_>, Vec<_>) = limits
        .metrics()
        .into_iter()
        .partition(|metric| lacking.contains(&metric.name));
    if without.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = without.iter().map(|metric| metric.name).collect();
    let names = names.join(", ");
    // The references are those of the trace, whatever was replayed.
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

fn of_traces(args: &CheckArgs, config: &Config, task: Task) -> Result<ExitCode, Failure> {
    use_threads(args.sweep.threads()?);
    let mut options = args.read.options(&args.select)?;
    options.mem_limit = args.sweep.mem_limit()?;
    let cache = Cache::of(&args.cache);
    let sizes = |name: &str, stored| match &config.experiment {
        // What an experiment does not have is missing.
        Some(_) => args.sweep.page_size.clone(),
        None => plan::page_sizes(args, task.baseline.as_ref(), name, stored),
    };
    let signals = Signals::watch();
    let wanted = wanted(&args.traces, &options, config)?;
    let mut inputs = load_each(&wanted, &sizes, cache.as_ref())?;
    if let Some(baseline) = &task.baseline {
        plan::recognise(&mut inputs, baseline);
        if config.experiment.is_none() {
            plan::keep_sizes(&mut inputs, args, baseline);
        }
    }
    let mut inputs = resolve_all(inputs, &plan::settings(args, None)?.space)?;
    if config.experiment.is_some() || args.accept {
        keep_fitting(&mut inputs, &args.sweep.axes()?)?;
    }
    if args.traces.is_empty() {
        check_digests(&inputs, config)?;
    }
    let loaded = inputs.loaded.iter();
    let traces: Vec<&Resolved> = loaded.flat_map(|loaded| &loaded.traces).collect();
    let plan = plan::plan(&task, &traces, args, config)?;
    if let (Some(baseline), false) = (&task.baseline, args.accept || args.explain.is_some()) {
        plan::tell_unknown(baseline, &plan, &args.baseline);
    }
    let results = replay(&plan, &args.sweep, &args.terminal, &signals)?;
    if let Some(code) = signals.code() {
        return Err(Failure::new(code, "interrupted: nothing was compared"));
    }
    let now = rows::rows(&plan, &results, &args.sweep.costs()?);
    let beside = Beside {
        code: inputs.failed,
        errors: inputs.errors,
    };
    match args.accept {
        true => accept::accept(args, task, now, Some((&plan, &signals)), beside),
        false => conclude(args, &task, &now, beside, Some(&plan)),
    }
}

/// What went wrong before anything was compared, and did not keep the rest from it: traces that could
/// not be read.
struct Beside {
    code: ExitCode,
    errors: Vec<String>,
}

impl Default for Beside {
    fn default() -> Beside {
        Beside {
            code: exit::OK,
            errors: Vec::new(),
        }
    }
}

/// Compares finished rows with the baseline and tells what is found, with the explanation if one was
/// asked for and the rows are those of a plan.
fn conclude(
    args: &CheckArgs,
    task: &Task,
    now: &[Row],
    beside: Beside,
    plan: Option<&Plan<'_>>,
) -> Result<ExitCode, Failure> {
    let baseline = task
        .baseline
        .as_ref()
        .expect("without --accept there is one");
    let verdict = judge(baseline, task.only.as_ref(), now, &task.limits);
    let mut verdict = verdict.map_err(|error| no_verdict(args, error))?;
    let mut code = exit::worse(beside.code, verdict.code());
    let whole = lacking(now).is_empty();
    let proposal = (verdict.fails() && whole).then(|| accept::proposal(baseline, &verdict, now));
    verdict.errors = beside.errors;
    let mut explanation = None;
    if let Some(plan) = plan.filter(|_| args.explain.is_some()) {
        // What was found stands, whether or not it can be explained.
        match explain::explain(args, task, plan) {
            Ok(text) => explanation = text,
            Err(failure) => {
                message(&format!("error: {failure}"));
                code = exit::worse(code, failure.code);
                verdict.errors.push(failure.to_string());
            }
        }
    }
    let told = outputs::Told {
        verdict,
        code,
        explanation,
        accepted: None,
    };
    let code = outputs::tell(args, told);
    if let Some(proposal) = proposal {
        outputs::propose(args, &proposal);
    }
    if code == exit::OK && task.only.is_none() {
        outputs::withdraw(args);
    }
    Ok(code)
}
