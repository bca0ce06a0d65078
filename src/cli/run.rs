//! `pagebench run`: the main job.

use super::args::{SweepArgs, TerminalArgs, numeric_column};
use super::experiment::Config;
use super::failure::Failure;
use super::folder::{Found, chart_files, enter, make_folder};
use super::input::Inputs;
use super::job::{Asked, JobArgs};
use super::outputs::{Course, timestamp, write_manifest, write_tables};
use super::over_windows::{WindowLength, write_windows};
use super::plan;
use super::plot::{FileArgs, write_charts};
use super::print;
use super::progress::{Progress, message, note};
use super::signals::Signals;
use crate::exit::{self, ExitCode};
use crate::report::chart::Rows;
use crate::report::columns::{Column, Row, SWAP_FULL};
use crate::report::counts::Counts;
use crate::report::csv::TableError;
use crate::report::plan_file::PlanFile;
use crate::report::records::{Appender, Record};
use crate::report::rows::key_of;
use crate::report::table;
use crate::report::windows::CellWindows;
use crate::space::Resolved;
use crate::sweep::{self, Cell, CellResult, Plan};
use crate::units::show_count;
use clap::Args;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

/// Replay traces under policies over a range of memory sizes.
///
/// Every combination of trace, page size, policy and number of frames (or window) is a cell;
/// cells are replayed in parallel. The results are the same bytes for any number of threads.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pagebench run traces
  pagebench run prog.lackey.zst -p lru,clock -m 2^4..2^14
  pagebench run trace.csv --format csv --col addr=2,rw=3 -m 1%,5%,64MiB -o out
  pagebench run -f experiment.toml -o out --resume")]
pub struct RunArgs {
    /// Folder for the results; a fresh one under reports/runs if absent
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,

    /// Begin anew in a folder that holds results already
    #[arg(long)]
    pub force: bool,

    /// Go on with the run that was interrupted or killed in the folder, or begin if there is none
    #[arg(long, requires = "output", conflicts_with = "force")]
    pub resume: bool,

    /// List the cells and what they may cost, as plan does, and replay nothing
    #[arg(long)]
    pub dry_run: bool,

    /// The column of results.csv that the table shows (see: pagebench columns); fault_rate if absent, or
    /// the first of --counts
    #[arg(long, value_name = "COLUMN")]
    pub show: Option<String>,

    /// Draw no charts
    #[arg(long)]
    pub no_charts: bool,

    #[command(flatten)]
    pub files: FileArgs,

    #[command(flatten)]
    pub job: JobArgs,

    /// Write windows.csv too, and draw it: faults and resident pages over time, by windows of so many
    /// references (10k); some 400 windows a trace if no number is given (see: pagebench columns
    /// windows.csv)
    #[arg(
        long,
        value_name = "REFERENCES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "auto",
        help_heading = "Cells"
    )]
    pub windows: Option<WindowLength>,
}

/// Runs the command.
pub fn run(args: RunArgs) -> Result<ExitCode, Failure> {
    let (args, config) = Config::resolve::<RunArgs>(args.job.file.as_deref(), &args.job.unset)?;
    let job = &args.job;
    let asked = job.asked()?;
    let metric = shown(args.show.as_deref(), asked.counts)?;
    if args.job.show_config || args.dry_run {
        return plan::plan_of(job, &asked, &config);
    }
    use_threads(asked.threads);
    let started = timestamp();
    // An unwritable folder must be known before hours of work, a fresh one not made for nothing.
    let reserved = args
        .output
        .as_deref()
        .map(|folder| make_folder(Some(folder), args.found()))
        .transpose()?;
    let signals = Signals::watch();
    let inputs = asked.load(job, &config)?;
    let (plan, plan_file) = asked.plan(&inputs, &config)?;
    if let Some(length) = args.windows {
        length.check(&plan)?;
    }
    let run_folder = match reserved {
        Some(folder) => folder,
        None => make_folder(None, Found::Refuse)?,
    };
    super::choices::tell(&args, &plan, run_folder.path());
    let work = Work {
        args: &args,
        config: &config,
        asked: &asked,
        inputs: &inputs,
        signals: &signals,
        folder: run_folder.path(),
    };
    let (records, course) = work.records(&plan, &plan_file, started)?;
    work.finish(&plan, &plan_file, &records, course, metric)
}

/// The column that the table shows.
fn shown(show: Option<&str>, counts: Counts) -> Result<&'static Column, Failure> {
    let Some(name) = show else {
        let usual = numeric_column("--show", "fault_rate")?;
        let numeric = |name: &&str| numeric_column("--counts", name).ok();
        let mut asked = counts.names();
        asked.retain(|name| *name != usual.name);
        return Ok(match counts.names().contains(&usual.name) {
            true => usual,
            false => asked.iter().find_map(numeric).unwrap_or(usual),
        });
    };
    let column = numeric_column("--show", name)?;
    let there = Row {
        counts,
        ..Row::default()
    };
    match there.has(column) {
        true => Ok(column),
        false => Err(Failure::usage(format!(
            "--show \"{name}\" is not among --counts {}",
            counts.names().join(",")
        ))),
    }
}

/// A run under way.
struct Work<'a> {
    args: &'a RunArgs,
    config: &'a Config,
    asked: &'a Asked,
    inputs: &'a Inputs<Resolved>,
    signals: &'a Signals,
    folder: &'a Path,
}

impl Work<'_> {
    /// What the cells of the part come to: taken over from an earlier run, or replayed now.
    fn records(
        &self,
        plan: &Plan<'_>,
        file: &PlanFile,
        started: String,
    ) -> Result<(Vec<Record>, Course), Failure> {
        let selected = file.selected();
        let charts = self.args.charts(&plan.part(&selected));
        let (appender, mut kept) = enter(self.folder, file, self.args.found(), &charts)?;
        let id = |&place: &usize| &file.cells[place].id;
        let is_kept = |place: &&usize| kept.contains_key(id(place));
        let (resumed, left): (Vec<usize>, Vec<usize>) = selected.iter().partition(is_kept);
        if !resumed.is_empty() {
            note(&format!(
                "going on: {} of {} cells are finished already",
                resumed.len(),
                selected.len()
            ));
        }
        let left = plan.part(&left);
        let fresh = replay_and_keep(&left, self.asked, &self.args.job, self.signals, &appender)?;
        let fresh = fresh.into_iter().map(|record| (record.id.clone(), record));
        kept.extend(fresh);
        let all = selected.iter().filter_map(|place| kept.remove(id(place)));
        let records: Vec<Record> = all.collect();
        let course = Course {
            started,
            cells: selected.len(),
            finished: records.len(),
            by_curve: records.iter().filter(|r| r.wall_ns.is_none()).count(),
            resumed: resumed.len(),
            interrupted: self.signals.code().is_some(),
        };
        Ok((records, course))
    }

    /// The windows of the cells that are finished, if they are asked for.
    fn windows(
        &self,
        plan: &Plan<'_>,
        file: &PlanFile,
        records: &[Record],
    ) -> Result<Vec<CellWindows>, Failure> {
        let Some(length) = self.args.windows else {
            return Ok(Vec::new());
        };
        let finished = records.iter().filter(|record| record.has_counts());
        let finished: HashSet<&str> = finished.map(|record| &*record.id).collect();
        let mut places = file.selected();
        places.retain(|&place| finished.contains(&*file.cells[place].id));
        write_windows(self.folder, &plan.part(&places), length, self.signals)
    }

    /// Writes tables, manifest and charts, and says what the run comes to.
    fn finish(
        &self,
        plan: &Plan<'_>,
        file: &PlanFile,
        records: &[Record],
        mut course: Course,
        metric: &Column,
    ) -> Result<ExitCode, Failure> {
        let rows = write_tables(self.folder, records)?;
        let windows = self.windows(plan, file, records)?;
        // They take as long as the cells, and may be interrupted too.
        course.interrupted = self.signals.code().is_some();
        write_manifest(
            self.folder,
            self.config,
            self.asked,
            self.inputs,
            plan,
            &course,
        )?;
        print(&table::render(&rows, metric))?;
        if !self.args.no_charts && rows.iter().any(Row::is_ok) {
            let rows = Rows {
                results: rows.clone(),
                windows,
                ..Rows::default()
            };
            write_charts(self.folder, &rows, self.args.files)?;
        }
        let folder = self.folder.display();
        print(&format!("results, charts and manifest: {folder}\n"))?;
        let code = verdict(self.inputs, &rows);
        let Some(signal) = self.signals.code().filter(|_| course.interrupted) else {
            return Ok(code);
        };
        let without = if self.args.force {
            " in place of --force"
        } else {
            ""
        };
        message(&format!(
            "interrupted: {} of {} cells are finished and kept; the same command with -o {folder} \
             --resume{without} goes on",
            course.finished, course.cells
        ));
        Ok(exit::worse(code, signal))
    }
}

impl RunArgs {
    /// The names of the charts that the cells of a plan may become.
    fn charts(&self, plan: &Plan<'_>) -> Vec<String> {
        if self.no_charts {
            return Vec::new();
        }
        let finished = |cell: &Cell| Row {
            status: "ok".into(),
            ..key_of(plan, cell)
        };
        let rows: Vec<Row> = plan.cells.iter().map(finished).collect();
        let over_time = if self.windows.is_some() {
            &rows[..]
        } else {
            &[]
        };
        chart_files(&rows, over_time, self.files)
    }

    /// What is done with results that the folder holds.
    fn found(&self) -> Found {
        match (self.force, self.resume) {
            (true, _) => Found::Remove,
            (_, true) => Found::Resume,
            _ => Found::Refuse,
        }
    }
}

/// Reading traces takes no more threads than replaying them.
pub fn use_threads(threads: usize) {
    // It fails where the pool is there already, which then does as well.
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global();
}

/// Replays the plan, and keeps what each cell came to as soon as it is finished.
fn replay_and_keep(
    plan: &Plan<'_>,
    asked: &Asked,
    job: &JobArgs,
    signals: &Signals,
    appender: &Appender,
) -> Result<Vec<Record>, Failure> {
    let kept: Mutex<Vec<Record>> = Mutex::default();
    let failed: Mutex<Option<TableError>> = Mutex::default();
    replay_and(plan, &job.sweep, &job.terminal, signals, &|cell, result| {
        let cell = &plan.cells[cell];
        let record = Record::of(plan, cell, result, &asked.costs, asked.counts);
        if let Err(error) = appender.add(&record) {
            // Cells that cannot be kept need not be replayed.
            signals.stop().store(true, Ordering::Relaxed);
            *failed.lock().expect("no holder panics") = Some(error);
        }
        kept.lock().expect("no holder panics").push(record);
    })?;
    match failed.into_inner().expect("no holder panics") {
        Some(error) => Err(error.into()),
        None => Ok(kept.into_inner().expect("no holder panics")),
    }
}

/// Replays the plan with progress on standard error.
pub fn replay(
    plan: &Plan<'_>,
    sweep: &SweepArgs,
    terminal: &TerminalArgs,
    signals: &Signals,
) -> Result<Vec<Option<CellResult>>, Failure> {
    replay_and(plan, sweep, terminal, signals, &|_, _| {})
}

/// Replays the plan with progress on standard error; `finished` is called after each cell.
fn replay_and(
    plan: &Plan<'_>,
    sweep: &SweepArgs,
    terminal: &TerminalArgs,
    signals: &Signals,
    finished: &(dyn Fn(usize, &CellResult) + Sync),
) -> Result<Vec<Option<CellResult>>, Failure> {
    let threads = sweep.threads()?;
    let refs_of = |cell: &Cell| plan.traces[cell.trace].trace.len();
    let total: u64 = plan.cells.iter().map(|cell| refs_of(cell) as u64).sum();
    let progress = Progress::new(terminal, total);
    let start = Instant::now();
    let replayed = AtomicU64::new(0);
    let by_curve = AtomicUsize::new(0);
    let told = AtomicBool::new(false);
    signals.hold();
    let results = sweep::run(plan, threads, signals.stop(), &|cell, result| {
        let refs = result.replayed(refs_of(&plan.cells[cell]));
        finished(cell, result);
        match result.wall {
            Some(_) => replayed.fetch_add(refs, Ordering::Relaxed),
            None => by_curve.fetch_add(1, Ordering::Relaxed) as u64,
        };
        progress.advance(refs);
        if signals.code().is_some() && !told.swap(true, Ordering::Relaxed) {
            progress.say("finishing the cells under way; interrupt again to stop at once");
        }
    });
    progress.finish();
    let seconds = start.elapsed().as_secs_f64();
    let replayed = replayed.into_inner();
    let done = results.iter().flatten().count();
    let by_curve = by_curve.into_inner();
    let (all, s) = (plan.cells.len(), if threads == 1 { "" } else { "s" });
    let on = format!("on {threads} thread{s}");
    let curves = match by_curve {
        0 => String::new(),
        n if n == done => {
            progress.say(&format!(
                "curves gave {n} of {all} cells in {seconds:.2} s {on}"
            ));
            return Ok(results);
        }
        n => format!(", and {n} by curves,"),
    };
    progress.say(&format!(
        "replayed {} references in {} of {all} cells{curves} in {seconds:.2} s: {} references/s {on}",
        show_count(replayed),
        done - by_curve,
        show_count((replayed as f64 / seconds.max(1e-9)) as u64),
    ));
    Ok(results)
}

/// What the run comes to, with words on what is missing.
fn verdict(inputs: &Inputs<Resolved>, rows: &[Row]) -> ExitCode {
    let mut code = inputs.failed;
    let full = rows.iter().filter(|row| row.status == SWAP_FULL).count();
    if full > 0 {
        note(&format!(
            "note: swap was full in {full} of {} cells: their counts are exact up to there (column refs)",
            rows.len()
        ));
    }
    let failed: Vec<&Row> = rows
        .iter()
        .filter(|row| !row.is_ok() && row.status != SWAP_FULL)
        .collect();
    for row in &failed {
        message(&format!(
            "error: cell {}: {}",
            row.identity().name(),
            row.error
        ));
    }
    if !failed.is_empty() {
        code = exit::worse(code, exit::FAILURE);
    }
    code
}
