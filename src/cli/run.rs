//! `pagebench run`: the main job.

use super::args::{CacheArgs, ReadArgs, SelectArgs, SweepArgs, TerminalArgs, numeric_column};
use super::cache::Cache;
use super::failure::Failure;
use super::input::{Inputs, keep_countable, load_all, resolve_all};
use super::outputs::{Course, make_folder, timestamp, write_manifest, write_timings};
use super::plot::write_charts;
use super::print;
use super::progress::{Progress, message};
use super::signals::Signals;
use crate::exit::{self, ExitCode};
use crate::report::columns::{Row, SWAP_FULL};
use crate::report::csv::{read_rows, to_csv, write_file};
use crate::report::{distributions, rows, table};
use crate::space::Resolved;
use crate::sweep::{self, Axes, CellResult, Plan};
use crate::units::show_count;
use clap::Args;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// Replay traces under policies over a range of memory sizes.
///
/// Every combination of trace, page size, policy and number of frames (or window) is a cell;
/// cells are replayed in parallel. The results are the same bytes for any number of threads.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pagebench run traces
  pagebench run prog.lackey.zst -p lru,clock -m 2^4..2^14
  pagebench run trace.csv --format csv --col addr=2,rw=3 -m 1%,5%,64MiB -o out")]
pub struct RunArgs {
    /// Traces, or folders of traces; - is standard input
    #[arg(required = true, value_name = "TRACE")]
    pub traces: Vec<PathBuf>,

    /// Folder for the results; a fresh one under reports/runs if absent
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,

    /// Write into a folder that holds results already
    #[arg(long)]
    pub force: bool,

    /// The column of results.csv that the table shows (see: pagebench columns)
    #[arg(long, value_name = "COLUMN", default_value = "fault_rate")]
    pub show: String,

    /// Draw no charts
    #[arg(long)]
    pub no_charts: bool,

    #[command(flatten)]
    pub sweep: SweepArgs,

    #[command(flatten)]
    pub read: ReadArgs,

    #[command(flatten)]
    pub select: SelectArgs,

    #[command(flatten)]
    pub cache: CacheArgs,

    #[command(flatten)]
    pub terminal: TerminalArgs,
}

/// Says which traces are replayed from their files, and what that leaves out.
fn tell_long(traces: &[&Resolved], axes: &Axes) {
    let future = axes.policies.iter().map(|choice| choice.spec());
    let names: Vec<&str> = future
        .filter(|spec| spec.needs_future)
        .map(|spec| spec.name)
        .collect();
    for resolved in traces {
        let trace = &resolved.trace;
        if trace.store().is_none() {
            continue;
        }
        let mut what = format!(
            "note: {}: replayed from its file, tile by tile: it does not fit into memory",
            trace.meta.name
        );
        if !names.is_empty() {
            what += &format!(
                "; left out, since they know the future: {}",
                names.join(", ")
            );
        }
        message(&what);
    }
}

/// Runs the command.
pub fn run(args: RunArgs) -> Result<ExitCode, Failure> {
    let metric = numeric_column("--show", &args.show)?;
    let axes = args.sweep.axes()?;
    let costs = args.sweep.costs()?;
    let mut options = args.read.options(&args.select)?;
    options.mem_limit = args.sweep.mem_limit()?;
    let settings = args.sweep.settings(args.select.selection().describe())?;
    use_threads(args.sweep.threads()?);
    let started = timestamp();
    let asked = args.output.as_deref();
    // An unwritable folder must be known before hours of work, a fresh one not made for nothing.
    let reserved = asked
        .map(|folder| make_folder(Some(folder), args.force))
        .transpose()?;
    let signals = Signals::watch();
    let cache = Cache::of(&args.cache, args.terminal.quiet);
    let sizes = |_: &str, _| args.sweep.page_size.clone();
    let inputs = load_all(
        &args.traces,
        &options,
        &sizes,
        cache.as_ref(),
        args.terminal.quiet,
    )?;
    let mut inputs = resolve_all(inputs, &settings.space)?;
    keep_countable(&mut inputs, settings.warmup)?;
    let traces: Vec<&Resolved> = inputs
        .loaded
        .iter()
        .flat_map(|loaded| &loaded.traces)
        .collect();
    let plan = Plan::new(&traces, &axes, settings)?;
    tell_long(&traces, &axes);
    if plan.cells.is_empty() {
        let what = "nothing selected: every policy asked for knows the future, and the traces do not \
                    fit into memory (raise --mem-limit)";
        return Err(Failure::new(exit::NOTHING, what));
    }
    let run_folder = match reserved {
        Some(folder) => folder,
        None => make_folder(None, false)?,
    };
    let folder = run_folder.path();
    super::choices::tell(&args, &plan, folder);
    let results = replay(&plan, &args.sweep, &args.terminal, &signals)?;

    let all = rows::rows(&plan, &results, &costs);
    let interrupted = signals.code();
    write_file(&folder.join("results.csv"), &to_csv(&all))?;
    write_file(
        &folder.join("distributions.csv"),
        &distributions::to_csv(&plan, &results, &costs),
    )?;
    write_timings(folder, &plan, &results)?;
    let course = Course {
        started,
        finished: all.len(),
        interrupted: interrupted.is_some(),
    };
    write_manifest(folder, &args, &inputs, &plan, &costs, &course)?;
    let read_back = read_rows(&folder.join("results.csv"))?;
    print(&table::render(&read_back, metric))?;
    if !args.no_charts && read_back.iter().any(Row::is_ok) {
        write_charts(folder, &read_back)?;
    }
    print(&format!(
        "results, charts and manifest: {}\n",
        folder.display()
    ))?;
    Ok(verdict(&inputs, &read_back, plan.cells.len(), interrupted))
}

/// Reading traces takes no more threads than replaying them.
pub fn use_threads(threads: usize) {
    // It fails where the pool is there already, which then does as well.
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global();
}

/// Replays the plan with progress on standard error.
pub fn replay(
    plan: &Plan<'_>,
    sweep: &SweepArgs,
    terminal: &TerminalArgs,
    signals: &Signals,
) -> Result<Vec<Option<CellResult>>, Failure> {
    let threads = sweep.threads()?;
    let total: u64 = plan
        .cells
        .iter()
        .map(|cell| plan.traces[cell.trace].trace.len() as u64)
        .sum();
    let progress = Progress::new(terminal, total);
    let start = Instant::now();
    let replayed = AtomicU64::new(0);
    let told = AtomicBool::new(false);
    signals.hold();
    let results = sweep::run(plan, threads, signals.stop(), &|_, refs| {
        replayed.fetch_add(refs, Ordering::Relaxed);
        progress.advance(refs);
        if signals.code().is_some() && !told.swap(true, Ordering::Relaxed) {
            progress.say("finishing the cells under way; interrupt again to stop at once");
        }
    });
    progress.finish();
    let seconds = start.elapsed().as_secs_f64();
    let replayed = replayed.into_inner();
    let done = results.iter().flatten().count();
    progress.say(&format!(
        "replayed {} references in {done} of {} cells in {seconds:.2} s: {} references/s on {threads} thread{}",
        show_count(replayed),
        plan.cells.len(),
        show_count((replayed as f64 / seconds.max(1e-9)) as u64),
        if threads == 1 { "" } else { "s" },
    ));
    Ok(results)
}

/// What the run comes to, with words on what is missing.
fn verdict(
    inputs: &Inputs<Resolved>,
    rows: &[Row],
    cells: usize,
    interrupted: Option<ExitCode>,
) -> ExitCode {
    let mut code = inputs.failed;
    let full = rows.iter().filter(|row| row.status == SWAP_FULL).count();
    if full > 0 {
        message(&format!(
            "note: swap was full in {full} of {} cells: their counts are exact up to there (column refs)",
            rows.len()
        ));
    }
    let failed: Vec<&Row> = rows
        .iter()
        .filter(|row| !row.is_ok() && row.status != SWAP_FULL)
        .collect();
    for row in &failed {
        let place = row
            .frames
            .map_or(String::new(), |frames| format!(", {frames} frames"));
        message(&format!(
            "error: cell {}, {}{place}: {}",
            row.trace,
            row.policy_label(),
            row.error
        ));
    }
    if !failed.is_empty() {
        code = exit::worse(code, exit::FAILURE);
    }
    if let Some(signal) = interrupted {
        message(&format!(
            "interrupted: {} of {cells} cells are finished and kept",
            rows.len()
        ));
        code = exit::worse(code, signal);
    }
    code
}
