//! `pagebench run`: the main job.

use super::plan;
use crate::cli::args::job_args::JobArgs;
use crate::cli::args::numeric_column;
use crate::cli::setup::chart_files::{FileArgs, chart_names, write_charts};
use crate::cli::setup::defaults;
use crate::cli::setup::experiment::{CommandLine, Config};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::folder::{IfResultsExist, RunFolder, begin_run, make_folder};
use crate::cli::setup::host::timestamp;
use crate::cli::setup::input::Inputs;
use crate::cli::setup::job::Job;
use crate::cli::setup::manifest::{RunSummary, write_manifest};
use crate::cli::setup::miss_files::MissFolder;
use crate::cli::setup::outputs::write_tables;
use crate::cli::setup::over_windows::{WindowLength, write_windows};
use crate::cli::setup::progress::{message, note};
use crate::cli::setup::replay::{code_of_failed, replay_and, use_threads};
use crate::cli::setup::signals::Signals;
use crate::cli::setup::terminal::print;
use crate::exit::{self, ExitCode};
use crate::report::results::cells_jsonl::{Appender, Record};
use crate::report::results::column_set::Counts;
use crate::report::results::columns::{Column, DOES_NOT_FIT, Row, SWAP_FULL};
use crate::report::results::plan_file::PlanFile;
use crate::report::results::results_csv::TableError;
use crate::report::results::results_text;
use crate::report::results::row_of_cell::key_of;
use crate::report::tables::windows_csv::CellWindows;
use crate::space::Resolved;
use crate::sweep::{Cell, OpenMisses, Plan};
use crate::units::Printable;
use clap::Args;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

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

    /// Start over in a folder that holds results
    #[arg(long)]
    pub force: bool,

    /// Continue the interrupted run in the folder, or start if there is none
    #[arg(long, requires = "output", conflicts_with = "force")]
    pub resume: bool,

    /// List the cells and what they may cost, as plan does, and replay nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Column of results.csv to show in the table (see: pagebench columns); fault_rate if absent, or the
    /// first of --counts
    #[arg(long, value_name = "COLUMN")]
    pub show: Option<String>,

    /// Draw no charts
    #[arg(long)]
    pub no_charts: bool,

    #[command(flatten)]
    pub job: JobArgs,

    // After `job`: its first arguments would stand under the heading of these.
    #[command(flatten)]
    pub files: FileArgs,

    /// Also write and draw windows.csv: faults and resident pages per window of N references (10k).
    /// Without N: about 400 windows per trace (see: pagebench columns windows.csv)
    #[arg(
        long,
        value_name = "N",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "auto",
        help_heading = "Cells"
    )]
    pub windows: Option<WindowLength>,

    /// Also write the miss stream of each cell, DIR/TRACE-POLICY-FRAMES.pbt: its faults, and its
    /// write-backs as writes, in order, to be read as the trace of the next level. Every cell is
    /// replayed, since curves have no single faults
    #[arg(long, value_name = "DIR", help_heading = "Cells")]
    pub write_misses: Option<PathBuf>,
}

/// Runs the command.
pub fn run(line: &CommandLine) -> Result<ExitCode, Failure> {
    let (args, config) = Config::resolve::<RunArgs>(line)?;
    let job = Job::new(&args.job, config)?;
    let metric = metric_column(args.show.as_deref(), job.checked.counts)?;
    if args.job.show_config || args.dry_run {
        return plan::show(&job);
    }
    use_threads(job.checked.threads);
    let started = timestamp();
    let reserved = args.reserve_folder()?;
    let mut misses = args
        .write_misses
        .as_deref()
        .map(MissFolder::make)
        .transpose()?;
    let signals = Signals::watch("nothing was replayed");
    let inputs = job.load()?;
    let (plan, plan_file) = job.plan(&inputs)?;
    args.check_windows(&plan)?;
    if let Some(misses) = &mut misses {
        let if_exist = args.if_misses_exist(reserved.as_ref())?;
        misses.name_cells(&plan, &plan_file.selected(), if_exist)?;
    }
    let folder = match reserved {
        Some(folder) => folder,
        None => make_folder(None, IfResultsExist::Refuse)?,
    };
    defaults::report(&args.job.replay.sweep, &plan, folder.path());
    let run = RunInProgress {
        args: &args,
        job: &job,
        inputs: &inputs,
        signals: &signals,
        run_folder: &folder,
        folder: folder.path(),
        misses: misses.as_ref(),
    };
    let (records, summary) = run.records(&plan, &plan_file, started)?;
    run.finish(&plan, &plan_file, &records, summary, metric)
}

/// Returns the column that the table shows: `show`, else fault_rate, else the first of `counts`.
fn metric_column(show: Option<&str>, counts: Counts) -> Result<&'static Column, Failure> {
    if let Some(name) = show {
        let column = numeric_column("--show", name)?;
        if !counts.has(column.index) {
            return Err(Failure::usage(format!(
                "--show {name:?} is not among --counts {}",
                counts.names().join(",")
            )));
        }
        return Ok(column);
    }
    let usual = numeric_column("--show", "fault_rate")?;
    let names = counts.names();
    if names.contains(&usual.name) {
        return Ok(usual);
    }
    let first = names
        .iter()
        .find_map(|name| numeric_column("--counts", name).ok());
    Ok(first.unwrap_or(usual))
}

impl RunArgs {
    /// Makes the folder that `-o` names, before hours of work could end in an unwritable one. Returns
    /// `None` without `-o`: a fresh folder is made only once there is a plan.
    fn reserve_folder(&self) -> Result<Option<RunFolder>, Failure> {
        let folder = self.output.as_deref();
        folder
            .map(|folder| make_folder(Some(folder), self.if_results_exist()))
            .transpose()
    }

    /// Errors if `--windows` asks for more windows than a chart can show.
    fn check_windows(&self, plan: &Plan<'_>) -> Result<(), Failure> {
        let other = plan.cells.iter().find(|cell| !cell.model().has_frames());
        for (option, given) in [
            ("--windows", self.windows.is_some()),
            ("--write-misses", self.write_misses.is_some()),
        ] {
            if let Some(cell) = other.filter(|_| given) {
                let name = cell.model().name();
                return Err(Failure::usage(format!(
                    "{option} is about pages, which --model {name} does not move one by one"
                )));
            }
        }
        self.windows.map_or(Ok(()), |length| length.check(plan))
    }

    /// Returns the names of the charts that the cells of a plan may become.
    fn chart_names(&self, plan: &Plan<'_>) -> Vec<String> {
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
        chart_names(&rows, over_time, self.files)
    }

    /// Returns how to treat miss streams that are there. A run that only begins with `--resume` has none
    /// of its own.
    fn if_misses_exist(&self, folder: Option<&RunFolder>) -> Result<IfResultsExist, Failure> {
        let earlier = folder.map(|folder| PlanFile::read(folder.path()));
        let begins = earlier.transpose()?.flatten().is_none();
        Ok(match self.if_results_exist() {
            IfResultsExist::Resume if begins => IfResultsExist::Refuse,
            if_exist => if_exist,
        })
    }

    fn if_results_exist(&self) -> IfResultsExist {
        match (self.force, self.resume) {
            (true, _) => IfResultsExist::Remove,
            (_, true) => IfResultsExist::Resume,
            _ => IfResultsExist::Refuse,
        }
    }
}

/// A run whose plan is known.
struct RunInProgress<'a> {
    args: &'a RunArgs,
    job: &'a Job<'a>,
    inputs: &'a Inputs<Resolved>,
    signals: &'a Signals,
    run_folder: &'a RunFolder,
    /// The path of `run_folder`.
    folder: &'a Path,
    misses: Option<&'a MissFolder>,
}

impl RunInProgress<'_> {
    /// Returns the records of the cells to take, kept from an earlier run or replayed now, and how it
    /// went.
    fn records(
        &self,
        plan: &Plan<'_>,
        file: &PlanFile,
        started: String,
    ) -> Result<(Vec<Record>, RunSummary), Failure> {
        let selected = file.selected();
        let charts = self.args.chart_names(&plan.part(&selected));
        let if_exist = self.args.if_results_exist();
        let (appender, mut records) = begin_run(self.run_folder, file, if_exist, &charts)?;
        let id = |&place: &usize| &file.cells[place].id;
        let has_misses = |&place: &usize| {
            let cell = plan.identity(&plan.cells[place]);
            self.misses.is_none_or(|misses| misses.has(&cell))
        };
        let is_kept = |place: &&usize| records.contains_key(id(place)) && has_misses(place);
        let (kept, missing): (Vec<usize>, Vec<usize>) = selected.iter().partition(is_kept);
        if !kept.is_empty() {
            note(&format!(
                "going on: {} of {} cells are finished already",
                kept.len(),
                selected.len()
            ));
        }
        let fresh = self.replay_and_keep(&plan.part(&missing), &appender)?;
        records.extend(fresh.into_iter().map(|record| (record.id.clone(), record)));
        let in_order = selected
            .iter()
            .filter_map(|place| records.remove(id(place)));
        let records: Vec<Record> = in_order.collect();
        let summary = RunSummary {
            started,
            cells: selected.len(),
            finished: records.len(),
            by_curve: records.iter().filter(|r| r.wall_ns.is_none()).count(),
            resumed: kept.len(),
            interrupted: self.signals.code().is_some(),
        };
        Ok((records, summary))
    }

    /// Replays the plan. Each record is kept in the folder as soon as its cell is finished.
    fn replay_and_keep(
        &self,
        plan: &Plan<'_>,
        appender: &Appender,
    ) -> Result<Vec<Record>, Failure> {
        let checked = &self.job.checked;
        let replay = &self.args.job.replay;
        let kept: Mutex<Vec<Record>> = Mutex::default();
        let failed: Mutex<Option<TableError>> = Mutex::default();
        let keep = |cell: usize, result: &_| {
            let cell = &plan.cells[cell];
            let record = Record::of(plan, cell, result, &checked.costs, checked.counts);
            if let Err(error) = appender.add(&record) {
                // Results that cannot be kept need not be computed.
                self.signals.stop_sweep();
                *failed.lock().expect("no holder panics") = Some(error);
            }
            kept.lock().expect("no holder panics").push(record);
        };
        let open =
            |misses: &MissFolder, cell: usize| misses.open(&plan.identity(&plan.cells[cell]));
        let open = self.misses.map(|misses| move |cell| open(misses, cell));
        replay_and(
            plan,
            &replay.sweep,
            &replay.terminal,
            self.signals,
            open.as_ref().map(|open| open as &OpenMisses<'_>),
            &keep,
        )?;
        match failed.into_inner().expect("no holder panics") {
            Some(error) => Err(error.into()),
            None => Ok(kept.into_inner().expect("no holder panics")),
        }
    }

    /// Writes the windows of the finished cells and returns them; none without `--windows`.
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

    /// Writes tables, manifest and charts, prints the table, and returns the exit code.
    fn finish(
        &self,
        plan: &Plan<'_>,
        file: &PlanFile,
        records: &[Record],
        mut summary: RunSummary,
        metric: &Column,
    ) -> Result<ExitCode, Failure> {
        let rows = write_tables(self.folder, records)?;
        let windows = self.windows(plan, file, records)?;
        // Windows take as long as the cells, and may be interrupted too.
        summary.interrupted = self.signals.code().is_some();
        write_manifest(self.folder, self.job, self.inputs, plan, &summary)?;
        let folder = self.folder.printed();
        let seen = self.signals.code().filter(|_| summary.interrupted);
        self.signals.finish_nothing(
            &format!("all results are in {folder}; pagebench plot {folder} draws the charts"),
            seen,
        );
        let drawn = match self.args.no_charts {
            true => Ok(()),
            false => write_charts(self.folder, &rows, windows, self.args.files),
        };
        // After every file: a reader that leaves ends the program. A chart that failed hides no table.
        print(&results_text::render(&rows, metric))?;
        drawn?;
        print(&format!("results, charts and manifest: {folder}\n"))?;
        if let Some(misses) = self.misses {
            print(&format!("miss streams: {}\n", misses.path().printed()))?;
        }
        let code = exit::worse(self.inputs.failed, report_unfinished(plan, &rows));
        Ok(exit::worse(code, self.report_interrupt(&summary)))
    }

    /// Reports how to continue an interrupted run. Returns the exit code of the signal; OK if none came
    /// before the manifest was written.
    fn report_interrupt(&self, summary: &RunSummary) -> ExitCode {
        let Some(signal) = self.signals.code().filter(|_| summary.interrupted) else {
            return exit::OK;
        };
        let without = if self.args.force {
            " in place of --force"
        } else {
            ""
        };
        message(&format!(
            "interrupted: {} of {} cells are finished and kept; the same command with -o {} \
             --resume{without} goes on",
            summary.finished,
            summary.cells,
            self.folder.printed(),
        ));
        signal
    }
}

/// Reports the cells that full swap ended and those that failed. Returns the exit code that follows.
fn report_unfinished(plan: &Plan<'_>, rows: &[Row]) -> ExitCode {
    let full = rows.iter().filter(|row| row.status == SWAP_FULL).count();
    if full > 0 {
        note(&format!(
            "note: swap was full in {full} of {} cells: their counts are exact up to there (column refs)",
            rows.len()
        ));
    }
    let small = rows.iter().filter(|row| row.status == DOES_NOT_FIT);
    if let Some(first) = small.clone().next() {
        note(&format!(
            "note: memory was too small in {} of {} cells: their counts are exact up to there (column \
             refs); the first: {}: {}",
            small.count(),
            rows.len(),
            first.identity().name(),
            first.error
        ));
    }
    let mut code = exit::OK;
    let failed = rows
        .iter()
        .filter(|row| !row.is_ok() && !row.is_cut_short());
    for row in failed {
        let cell = row.identity();
        message(&format!("error: cell {}: {}", cell.name(), row.error));
        code = exit::worse(code, code_of_failed(plan, &cell.trace));
    }
    code
}
