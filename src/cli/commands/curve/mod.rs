//! `pagebench curve`: faults over memory for every size in one pass.

mod rows;
mod sampled;

use crate::cli::args::memory::LegalityArgs;
use crate::cli::args::{ReadArgs, SelectArgs, TerminalArgs, threads};
use crate::cli::setup::chart_files::{ChartFiles, FileArgs};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::folder::{IfResultsExist, RunFolder, claim_folder};
use crate::cli::setup::input::{
    Inputs, frames_of_string, keep_countable, load_all, load_string, resolve_all,
};
use crate::cli::setup::progress::{Progress, message};
use crate::cli::setup::replay::use_threads;
use crate::cli::setup::signals::Signals;
use crate::cli::setup::terminal::print;
use crate::curve::{Amounts, CurveError, CurveInputs, CurveKind, Point, Wanted};
use crate::exit::{self, ExitCode};
use crate::report::chart;
use crate::report::results::results_csv::write_file;
use crate::report::tables::curve_csv::{CurveRow, read_rows, to_csv};
use crate::report::tables::curves_text;
use crate::space::{Options, Resolved};
use crate::sweep::Warmup;
use crate::trace::model::dense::Trace;
use crate::trace::model::digest;
use crate::trace::model::source::LoadOptions;
use crate::units::{Ladder, PageSize, Printable, about, counted, parse_share};
use clap::Args;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// The table that is written.
const FILE: &str = "curve.csv";

/// Curves: faults over memory at every size, each policy in one pass.
///
/// The counts are those of `run` at each size, for traces in which nothing is shared, copied, unmapped
/// or freed: of the options of memory only those that say which references are legal can change them.
/// OPT has no write-backs, since these depend on which of the pages that are never used
/// again leaves first.
#[derive(Debug, Args)]
#[command(after_help = "The columns of curve.csv: pagebench columns curve.csv

Examples:
  pagebench curve trace.lackey.zst
  pagebench curve traces/cc1.pbt --ignore-events -p lru,opt -o out
  pagebench curve blocks.csv --sample 0.01 -o out")]
pub struct CurveArgs {
    /// Traces, or folders of traces; - is standard input
    #[arg(required_unless_present = "string", value_name = "TRACE")]
    traces: Vec<PathBuf>,

    /// A reference string instead of traces: page numbers between blanks or commas, with a w after a
    /// page that is written (3w). Without -m: every number of frames up to that of pages
    #[arg(long, value_name = "PAGES", conflicts_with = "traces")]
    string: Option<String>,

    /// Curves: lru, opt, ws, vmin, fifo, clock, clock:load-bit=0, or all. Default: all; with --sample: none
    #[arg(short, long, value_name = "POLICY,…", value_delimiter = ',')]
    policy: Vec<String>,

    /// Frames, as in run. auto: for LRU and OPT about 200 sizes, where faults fall and the size before
    /// each fall; for FIFO and Clock 64
    #[arg(
        short = 'm',
        long,
        value_name = "FRAMES,…",
        default_value = "auto",
        conflicts_with = "all_sizes"
    )]
    frames: Ladder,

    /// Windows of ws and vmin, in references or % of them. auto: about 200, up to the longest
    #[arg(long, value_name = "REFERENCES,…", default_value = "auto")]
    tau: Ladder,

    /// Every number of frames of LRU and OPT
    #[arg(long)]
    all_sizes: bool,

    /// Estimate LRU from this share of the pages (0.01 or 1%), with an error bound. Sizes too small for
    /// the sample are left out. -p adds exact curves
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    sample: Option<f64>,

    /// Ignore the mappings and forks of a trace: no page is shared, pages leave only by replacement, and
    /// every reference is legal
    #[arg(long, conflicts_with_all = ["on_segfault", "layout", "beyond_eof"])]
    ignore_events: bool,

    #[command(flatten)]
    legality: LegalityArgs,

    /// Page sizes, 64 to 1GiB: 4KiB,64KiB; the stored one, or 4KiB, if absent
    #[arg(long, value_name = "BYTES,…", value_delimiter = ',')]
    page_size: Vec<PageSize>,

    /// Folder for curve.csv and the charts; without it only the table is printed
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Replace the curves that the folder holds
    #[arg(long)]
    force: bool,

    /// Threads; all cores if absent
    #[arg(short, long, value_name = "THREADS")]
    jobs: Option<usize>,

    #[command(flatten)]
    read: ReadArgs,

    #[command(flatten)]
    select: SelectArgs,

    #[command(flatten)]
    pub terminal: TerminalArgs,
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match parse_share(text) {
        Some(rate) if rate > 0.0 && rate <= 1.0 => Ok(rate),
        _ => Err("a share of the pages above 0 and at most 1: 0.01 or 1%".to_owned()),
    }
}

/// Runs the command.
pub fn curve(mut args: CurveArgs) -> Result<ExitCode, Failure> {
    let choices = choices(&args)?;
    if let Some(text) = args.string.as_ref().filter(|_| !args.all_sizes) {
        args.frames = frames_of_string(text, &args.frames)?;
    }
    args.tau.refuse_bytes("--tau")?;
    let options = args.read.options(&args.select)?;
    use_threads(threads(args.jobs)?);
    let folder = claim_output(&args)?;
    let signals = Signals::watch("no curve is finished");
    let inputs = load(&args, &options)?;
    if let Some(folder) = &folder {
        folder.claim(FILE, &charts(&inputs), IfResultsExist::of(args.force))?;
    }
    let curves = CurvesInProgress {
        args: &args,
        choices: &choices,
        progress: Progress::new(&args.terminal, total(&inputs, choices.len())),
        signals,
        finished: AtomicUsize::new(0),
    };
    let rows = curves.rows(&inputs)?;
    let all = choices.len() * inputs.traces().len();
    let finished = curves.finished.into_inner();
    let signal = curves.signals.code();
    if !rows.is_empty() || finished == all {
        // The files first: they are kept even if the table has no reader.
        let written = folder.map(|folder| write(&folder, &rows, curves.signals, signal));
        let written = written.transpose()?.into_iter().flatten();
        let paths = written.map(|path| format!("{}\n", path.printed()));
        print(&(curves_text::render(&rows) + &paths.collect::<String>()))?;
    }
    let Some(code) = signal else {
        return Ok(inputs.failed);
    };
    let what = match finished {
        0 => "none is finished".to_owned(),
        n => format!("{n} of {all} curves are finished and kept"),
    };
    message(&format!("interrupted: {what}"));
    Ok(exit::worse(inputs.failed, code))
}

/// Takes the folder that `-o` names, if any.
fn claim_output(args: &CurveArgs) -> Result<Option<RunFolder>, Failure> {
    let if_exist = IfResultsExist::of(args.force);
    let folder = args.output.as_ref();
    folder
        .map(|folder| claim_folder(folder, if_exist, FILE, &[]))
        .transpose()
}

/// Reads the traces as references alone, and keeps those that the sizes asked for fit.
fn load(args: &CurveArgs, options: &LoadOptions) -> Result<Inputs, Failure> {
    let sizes = |_: &str, _| args.page_size.clone();
    let inputs = match &args.string {
        Some(text) => load_string(text, &args.page_size, options)?,
        None => load_all(&args.traces, options, &sizes, None)?,
    };
    let mut inputs = references(inputs, args)?;
    keep_fitting(&mut inputs, args)?;
    Ok(inputs)
}

/// Returns the number of references that all curves visit.
fn total(inputs: &Inputs, curves: usize) -> u64 {
    let refs = inputs.traces().into_iter().map(|trace| trace.len() as u64);
    refs.sum::<u64>() * curves as u64
}

/// Curves while they are computed.
struct CurvesInProgress<'a> {
    args: &'a CurveArgs,
    choices: &'a [CurveKind],
    progress: Progress,
    signals: Signals,
    /// The number of finished curves.
    finished: AtomicUsize,
}

impl CurvesInProgress<'_> {
    /// Returns the rows of all curves; after a signal, of those that were finished by then.
    fn rows(&self, inputs: &Inputs) -> Result<Vec<CurveRow>, Failure> {
        self.signals.finish_running_cells_first();
        let mut rows = Vec::new();
        for trace in inputs.traces() {
            if self.signals.code().is_some() {
                break;
            }
            let start = Instant::now();
            let before = self.finished.load(Ordering::Relaxed);
            let template = template(trace, self.args.filter(trace));
            rows.extend(self.of_trace(trace, &template)?);
            let sampled = usize::from(self.args.sample.is_some());
            let count = self.finished.load(Ordering::Relaxed) - before + sampled;
            self.progress.note(&format!(
                "{}: {} of {} in {:.2} s",
                trace.meta.name,
                counted(count, "curve"),
                about(trace.len() as u64, "reference"),
                start.elapsed().as_secs_f64()
            ));
        }
        self.progress.finish();
        rows.sort_by_cached_key(CurveRow::sort_key);
        Ok(rows)
    }

    /// Returns the rows of every curve of a trace. The curves are computed side by side.
    fn of_trace(&self, trace: &Trace, template: &CurveRow) -> Result<Vec<CurveRow>, Failure> {
        let wanted = wanted(trace, self.args)?;
        let mut rows = Vec::new();
        let source = CurveInputs::new(trace);
        let curves: Result<Vec<Option<Vec<Point>>>, CurveError> =
            source.prepare(self.choices, &wanted).and_then(|()| {
                let curves = self.choices.par_iter();
                curves
                    .map(|&choice| self.points(choice, &source, &wanted))
                    .collect()
            });
        let failed = |error| match error {
            CurveError::TooLong(e) => Failure::usage(format!("{}: {e}", template.trace)),
            CurveError::Trace(e) => Failure::from(e),
        };
        let curves = curves.map_err(failed)?;
        for (&choice, points) in self.choices.iter().zip(&curves) {
            let points = points.iter().flatten();
            rows.extend(points.map(|point| rows::exact(template, choice, point)));
        }
        if let Some(rate) = self.args.sample {
            let request = sampled::Request {
                rate,
                wanted: &wanted,
                has_exact: self.choices.contains(&CurveKind::Lru),
            };
            let sampled = sampled::rows(&source, template, &request);
            rows.extend(sampled.map_err(failed)?);
        }
        Ok(rows)
    }

    /// Returns the points of a curve; `None` if a signal came before it was begun.
    fn points(
        &self,
        choice: CurveKind,
        source: &CurveInputs<'_>,
        wanted: &Wanted,
    ) -> Result<Option<Vec<Point>>, CurveError> {
        if self.signals.code().is_some() {
            return Ok(None);
        }
        let points = choice.points(source, wanted)?;
        self.finished.fetch_add(1, Ordering::Relaxed);
        self.progress.advance(source.trace.len() as u64);
        Ok(Some(points))
    }
}

impl CurveArgs {
    /// Returns the column `filter` of the rows of a trace.
    fn filter(&self, trace: &Trace) -> String {
        let mut parts = vec![self.select.selection().describe(), self.legality.describe()];
        // Events that change no count stay with the trace, though none is ignored.
        if self.ignore_events && !trace.events.is_empty() {
            parts.push("events-ignored".to_owned());
        }
        parts.retain(|part| !part.is_empty());
        parts.join(" ")
    }
}

/// Returns the exact curves that the arguments ask for.
fn choices(args: &CurveArgs) -> Result<Vec<CurveKind>, Failure> {
    let mut choices = Vec::new();
    for text in &args.policy {
        match text.trim() {
            "all" => choices.extend(CurveKind::ALL),
            text => choices.push(text.parse()?),
        }
    }
    if args.policy.is_empty() && args.sample.is_none() {
        choices = CurveKind::ALL.to_vec();
    }
    choices.sort_unstable();
    choices.dedup();
    Ok(choices)
}

/// Returns the traces as references alone; errors if events of a trace change its counts.
fn references(inputs: Inputs, args: &CurveArgs) -> Result<Inputs, Failure> {
    if args.ignore_events {
        return Ok(inputs);
    }
    let space = Options {
        only_used_entries: true,
        ..args.legality.space()
    };
    let mut inputs = resolve_all(inputs, &space)?;
    keep_countable(&mut inputs, Warmup::Refs(0))?;
    let mut loaded = Vec::new();
    for one in inputs.loaded {
        let path = one.path.clone();
        loaded.push(one.try_map(|resolved| references_only(resolved, &path, args))?);
    }
    Ok(Inputs {
        loaded,
        failed: inputs.failed,
        errors: inputs.errors,
    })
}

/// Removes the traces that cannot have the frames or windows asked for, and reports why.
fn keep_fitting(inputs: &mut Inputs, args: &CurveArgs) -> Result<(), Failure> {
    let mut failed = inputs.failed;
    let mut fits = |trace: &Trace| match wanted(trace, args) {
        Ok(_) => true,
        Err(why) => {
            let meta = &trace.meta;
            message(&format!(
                "error: {}, pages of {}: {why}",
                meta.name, meta.page_size
            ));
            failed = exit::worse(failed, why.code);
            false
        }
    };
    for loaded in &mut inputs.loaded {
        loaded.traces.retain(&mut fits);
    }
    inputs.failed = failed;
    inputs.loaded.retain(|loaded| !loaded.traces.is_empty());
    if inputs.loaded.is_empty() {
        return Err(Failure::reported(failed));
    }
    Ok(())
}

/// Returns the trace of `resolved`; errors if its mappings and forks change what its references mean.
fn references_only(resolved: Resolved, path: &Path, args: &CurveArgs) -> Result<Trace, Failure> {
    let space = resolved.space.as_ref();
    if space.is_none_or(|space| space.is_identity()) {
        return Ok(resolved.trace);
    }
    let (name, path) = (&resolved.trace.meta.name, path.printed());
    let policies = match args.policy.as_slice() {
        [] => String::new(),
        policies => format!(" -p {}", policies.join(",")),
    };
    let legality = args.legality.describe();
    let legality = legality.split_whitespace().map(|part| {
        let option = part.replace('=', " ");
        format!(" --{option}")
    });
    let legality: String = legality.collect();
    Err(Failure::usage(format!(
        "{name}: its mappings and forks decide which pages are shared and when they leave, and curves do not model that\n  help: to replay it at each size: pagebench run {path}{policies} -m {}{legality}\n  help: to take its references as they are: pagebench curve {path}{policies} --ignore-events",
        args.frames
    )))
}

/// Returns a row with the columns that all rows of a trace have in common.
fn template(trace: &Trace, filter: String) -> CurveRow {
    CurveRow {
        trace: trace.meta.name.clone(),
        trace_digest: digest::show(trace.digest()),
        trace_kind: trace.meta.kind.name().to_owned(),
        filter,
        page_size: trace.meta.page_size.bytes(),
        refs: trace.len() as u64,
        distinct_pages: trace.distinct() as u64,
        ..CurveRow::default()
    }
}

/// Returns the memory sizes at which the curves of a trace are wanted.
fn wanted(trace: &Trace, args: &CurveArgs) -> Result<Wanted, Failure> {
    let (size, pages) = (trace.meta.page_size, trace.distinct() as u64);
    // Each curve chooses its own values for `auto`.
    let amounts = |ladder: &Ladder, asked: Vec<u64>| Amounts {
        asked,
        chosen: ladder.has_auto(),
    };
    let refs = trace.len() as u64;
    Ok(Wanted {
        frames: amounts(&args.frames, args.frames.frames(pages, size, &[])?),
        taus: amounts(&args.tau, args.tau.windows(refs, size, &[])?),
        all_sizes: args.all_sizes,
    })
}

/// Returns the names of the charts of these traces.
fn charts(inputs: &Inputs) -> Vec<String> {
    let traces = inputs.traces().into_iter();
    let row = |trace| template(trace, String::new());
    let rows: Vec<CurveRow> = traces.map(row).collect();
    chart_names(&rows)
}

/// Returns the names of the charts of these rows.
fn chart_names(rows: &[CurveRow]) -> Vec<String> {
    let stems = chart::curve_stems(rows).into_iter();
    stems.map(|stem| format!("{stem}.png")).collect()
}

/// Writes the table, reads it back and draws its charts; returns the paths of all. Removes the charts of
/// an earlier table. `seen` is the signal that came before.
fn write(
    folder: &RunFolder,
    rows: &[CurveRow],
    signals: Signals,
    seen: Option<ExitCode>,
) -> Result<Vec<PathBuf>, Failure> {
    let table = folder.path().join(FILE);
    if let Ok(earlier) = read_rows(&table) {
        folder.clear(&chart_names(&earlier))?;
    }
    let folder = folder.path();
    write_file(&table, &to_csv(rows))?;
    let shown = folder.printed();
    let left = format!("all curves are in {shown}; pagebench plot {shown} draws the charts");
    signals.finish_nothing(&left, seen);
    if rows.is_empty() {
        return Ok(vec![table]);
    }
    let charts = chart::curves(&read_rows(&table)?)?;
    let png_only = FileArgs {
        svg: false,
        no_data: true,
    };
    let charts = ChartFiles::in_folder(folder, charts, png_only).write()?;
    Ok(std::iter::once(table).chain(charts).collect())
}
