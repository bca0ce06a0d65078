//! `pagebench curve`: faults over memory for every size in one pass.

mod sampled;

use super::args::{ReadArgs, SelectArgs, TerminalArgs, threads};
use super::failure::Failure;
use super::folder::{RunFolder, claim_folder, refuse_files};
use super::input::{Inputs, Loaded, keep_countable, load_all, resolve_all};
use super::print;
use super::progress::{Progress, message};
use super::run::use_threads;
use super::signals::Signals;
use crate::curve::{Amounts, CurveKind, Point, Source, TooLong, Wanted};
use crate::exit::{self, ExitCode};
use crate::report::csv::write_file;
use crate::report::curves::{CurveRow, EXACT, read_rows, to_csv};
use crate::report::{chart, curve_table};
use crate::space::{Options, Resolved};
use crate::sweep::Warmup;
use crate::trace::dense::Trace;
use crate::trace::digest;
use crate::units::{Ladder, PAGE_ID_MAX, PageSize, about, counted};
use clap::Args;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// The table that is written.
const FILE: &str = "curve.csv";

/// Curves: faults over memory at every size, each policy in one pass.
///
/// Exact: what `run` counts at each size, for traces in which nothing is mapped, shared or
/// unmapped. OPT tells no write-backs, since these depend on which of the pages that are never
/// used again goes first.
#[derive(Debug, Args)]
#[command(after_help = "The columns of curve.csv: pagebench columns curve.csv

Examples:
  pagebench curve trace.lackey.zst
  pagebench curve traces/cc1.pbt --ignore-events -p lru,opt -o out
  pagebench curve blocks.csv --sample 0.01 -o out")]
pub struct CurveArgs {
    /// Traces, or folders of traces; - is standard input
    #[arg(required = true, value_name = "TRACE")]
    traces: Vec<PathBuf>,

    /// Curves: lru, opt, ws, vmin, fifo, clock, clock:load-bit=0, or all; all but with --sample
    #[arg(short, long, value_name = "POLICY,…", value_delimiter = ',')]
    policy: Vec<String>,

    /// Frames, as in run; auto: of LRU and OPT about 200, where they fall and the size before each
    /// fall; of FIFO and Clock 64
    #[arg(
        short = 'm',
        long,
        value_name = "FRAMES,…",
        default_value = "auto",
        conflicts_with = "all_sizes"
    )]
    frames: Ladder,

    /// Windows of ws and vmin, in references or % of them; auto: about 200 up to the longest
    #[arg(long, value_name = "REFERENCES,…", default_value = "auto")]
    tau: Ladder,

    /// Every number of frames of LRU and OPT
    #[arg(long)]
    all_sizes: bool,

    /// An estimate of LRU from about this share of the pages, with an error bound: 0.01. Sizes that
    /// the sample is too small for are left out. Curves named with -p come beside it, exactly
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    sample: Option<f64>,

    /// Take the references of traces with mappings and forks as they are: no page is shared or
    /// leaves otherwise than by replacement
    #[arg(long)]
    ignore_events: bool,

    /// Page sizes, 64 to 1GiB: 4KiB,64KiB; the stored one, or 4KiB, if absent
    #[arg(long, value_name = "BYTES,…", value_delimiter = ',')]
    page_size: Vec<PageSize>,

    /// Folder for curve.csv and the charts; without it only the table is printed
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Write into a folder that holds curves already
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
    match text.trim().parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 1.0 => Ok(rate),
        _ => Err("a share of the pages above 0 and at most 1, such as 0.01".to_owned()),
    }
}

/// Runs the command.
pub fn curve(args: CurveArgs) -> Result<ExitCode, Failure> {
    let choices = choices(&args)?;
    if args.tau.has_bytes() {
        let message = "a window is a number of references, not of bytes";
        return Err(Failure::usage(format!("--tau {}: {message}", args.tau)));
    }
    let mut options = args.read.options(&args.select)?;
    options.lists_do = args.sample.is_none() && choices.iter().all(|kind| kind.needs_lists_only());
    use_threads(threads(args.jobs)?);
    let folder = match &args.output {
        Some(folder) => Some(claim_folder(folder, args.force, &[FILE])?),
        None => None,
    };
    let signals = Signals::watch();
    let sizes = |_: &str, _| args.page_size.clone();
    let inputs = load_all(&args.traces, &options, &sizes, None)?;
    let mut inputs = references(inputs, &args)?;
    keep_fitting(&mut inputs, &args)?;
    if let (Some(folder), false) = (&folder, args.force) {
        refuse_files(folder.path(), &charts(&inputs))?;
    }
    let work = Work {
        args: &args,
        choices: &choices,
        progress: Progress::new(&args.terminal, total(&inputs, choices.len())),
        signals,
        finished: AtomicUsize::new(0),
    };
    let rows = work.rows(&inputs)?;
    let all = choices.len() * inputs.loaded.iter().map(|l| l.traces.len()).sum::<usize>();
    let finished = work.finished.into_inner();
    if !rows.is_empty() || finished == all {
        print(&curve_table::render(&rows))?;
        if let Some(folder) = folder {
            write(&folder, &rows)?;
        }
    }
    match work.signals.code().filter(|_| finished < all) {
        None => Ok(inputs.failed),
        Some(code) => {
            let what = match finished {
                0 => "none is finished".to_owned(),
                n => format!("{n} of {all} curves are finished and kept"),
            };
            message(&format!("interrupted: {what}"));
            Ok(exit::worse(inputs.failed, code))
        }
    }
}

/// The references that all curves go over.
fn total(inputs: &Inputs, curves: usize) -> u64 {
    let traces = inputs.loaded.iter().flat_map(|loaded| &loaded.traces);
    traces.map(|trace| trace.len() as u64).sum::<u64>() * curves as u64
}

/// Curves under way.
struct Work<'a> {
    args: &'a CurveArgs,
    choices: &'a [CurveKind],
    progress: Progress,
    signals: Signals,
    finished: AtomicUsize,
}

impl Work<'_> {
    /// The rows of all curves; once a signal came, of those that were finished by then.
    fn rows(&self, inputs: &Inputs) -> Result<Vec<CurveRow>, Failure> {
        self.signals.hold();
        let filter = self.args.select.selection().describe();
        let mut rows = Vec::new();
        for trace in inputs.loaded.iter().flat_map(|loaded| &loaded.traces) {
            if self.signals.code().is_some() {
                break;
            }
            let start = Instant::now();
            let before = self.finished.load(Ordering::Relaxed);
            rows.extend(self.of_trace(trace, &template(trace, &filter))?);
            let sampled = usize::from(self.args.sample.is_some());
            let count = self.finished.load(Ordering::Relaxed) - before + sampled;
            self.progress.say(&format!(
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

    /// A curve; `None` if a signal came before it was begun.
    fn points(
        &self,
        choice: CurveKind,
        source: &Source<'_>,
        wanted: &Wanted,
    ) -> Result<Option<Vec<Point>>, TooLong> {
        if self.signals.code().is_some() {
            return Ok(None);
        }
        let points = choice.points(source, wanted)?;
        self.finished.fetch_add(1, Ordering::Relaxed);
        self.progress.advance(source.trace.len() as u64);
        Ok(Some(points))
    }
}

/// The exact curves asked for.
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

/// The traces as references alone, or why they are more than that.
fn references(inputs: Inputs, args: &CurveArgs) -> Result<Inputs, Failure> {
    if args.ignore_events {
        return Ok(inputs);
    }
    let mut inputs = resolve_all(inputs, &Options::default())?;
    keep_countable(&mut inputs, Warmup::Refs(0))?;
    let mut loaded = Vec::new();
    for one in inputs.loaded {
        let alone = |resolved| alone(resolved, &one.path, args);
        let traces: Result<Vec<Trace>, Failure> = one.traces.into_iter().map(alone).collect();
        loaded.push(Loaded {
            path: one.path,
            format: one.format,
            codec: one.codec,
            guessed: one.guessed,
            unasked: one.unasked,
            traces: traces?,
        });
    }
    Ok(Inputs {
        loaded,
        failed: inputs.failed,
        errors: inputs.errors,
    })
}

/// Leaves out traces that cannot have the frames or windows asked for, and says why.
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
    match inputs.loaded.is_empty() {
        true => Err(Failure::new(failed, "")),
        false => Ok(()),
    }
}

/// The references, if there is nothing else.
fn alone(resolved: Resolved, path: &Path, args: &CurveArgs) -> Result<Trace, Failure> {
    let space = resolved.space.as_ref();
    if space.is_none_or(|space| space.is_identity()) {
        return Ok(resolved.trace);
    }
    let (name, path) = (&resolved.trace.meta.name, path.display());
    let policies = match args.policy.as_slice() {
        [] => String::new(),
        policies => format!(" -p {}", policies.join(",")),
    };
    Err(Failure::usage(format!(
        "{name}: its mappings and forks decide which pages are shared and when they leave, and curves do not model that\n  help: to replay it at each size: pagebench run {path}{policies} -m {}\n  help: to take its references as they are: pagebench curve {path}{policies} --ignore-events",
        args.frames
    )))
}

/// What all rows of a trace have in common.
fn template(trace: &Trace, filter: &str) -> CurveRow {
    // Identities have been resolved, so events that are left were to be ignored.
    let ignored = (!trace.events.is_empty()).then_some("events-ignored");
    let filter = [Some(filter).filter(|filter| !filter.is_empty()), ignored];
    CurveRow {
        trace: trace.meta.name.clone(),
        trace_digest: digest::show(trace.digest()),
        trace_kind: trace.meta.kind.name().to_owned(),
        filter: filter.into_iter().flatten().collect::<Vec<_>>().join(" "),
        page_size: trace.meta.page_size.bytes(),
        refs: trace.len() as u64,
        distinct_pages: trace.distinct() as u64,
        ..CurveRow::default()
    }
}

/// The memory at which the curves of a trace are wanted.
fn wanted(trace: &Trace, args: &CurveArgs) -> Result<Wanted, Failure> {
    let (size, pages) = (trace.meta.page_size, trace.distinct() as u64);
    // What `auto` stands for is chosen by each curve.
    let amounts = |ladder: &Ladder, whole, max| -> Result<Amounts, Failure> {
        Ok(Amounts {
            asked: ladder.resolve(whole, size, &[], max)?,
            chosen: ladder.has_auto(),
        })
    };
    Ok(Wanted {
        frames: amounts(&args.frames, pages, u64::from(PAGE_ID_MAX))?,
        taus: amounts(&args.tau, trace.len() as u64, u64::MAX >> 1)?,
        all_sizes: args.all_sizes,
    })
}

impl Work<'_> {
    /// Every curve of a trace, side by side.
    fn of_trace(&self, trace: &Trace, template: &CurveRow) -> Result<Vec<CurveRow>, Failure> {
        let wanted = wanted(trace, self.args)?;
        let mut rows = Vec::new();
        let source = Source::new(trace);
        let curves: Result<Vec<Option<Vec<Point>>>, TooLong> =
            source.prepare(self.choices, &wanted).and_then(|()| {
                let curves = self.choices.par_iter();
                curves
                    .map(|&choice| self.points(choice, &source, &wanted))
                    .collect()
            });
        let failed = |e: TooLong| Failure::usage(format!("{}: {e}", template.trace));
        let curves = curves.map_err(failed)?;
        for (&choice, points) in self.choices.iter().zip(&curves) {
            let points = points.iter().flatten();
            rows.extend(points.map(|point| exact(template, choice, point)));
        }
        if let Some(rate) = self.args.sample {
            let asked = sampled::Asked {
                rate,
                wanted: &wanted,
                has_exact: self.choices.contains(&CurveKind::Lru),
                quiet: self.args.terminal.quiet,
            };
            let sampled = sampled::rows(&source, template, &asked);
            rows.extend(sampled.map_err(failed)?);
        }
        Ok(rows)
    }
}

fn exact(template: &CurveRow, choice: CurveKind, point: &Point) -> CurveRow {
    let refs = template.refs.max(1) as f64;
    let windows = choice.has_windows();
    CurveRow {
        policy: choice.name().to_owned(),
        params: choice.params().to_owned(),
        frames: (!windows).then_some(point.memory),
        tau: windows.then_some(point.memory),
        mean_resident: point.resident_sum as f64 / refs,
        faults: point.faults,
        fault_rate: point.faults as f64 / refs,
        write_backs: point.write_backs,
        accuracy: EXACT.to_owned(),
        ..template.clone()
    }
}

/// The names of the charts of these traces.
fn charts(inputs: &Inputs) -> Vec<String> {
    let traces = inputs.loaded.iter().flat_map(|loaded| &loaded.traces);
    let rows: Vec<CurveRow> = traces.map(|trace| template(trace, "")).collect();
    pictures(&rows)
}

/// The names of the charts of these rows.
fn pictures(rows: &[CurveRow]) -> Vec<String> {
    let stems = chart::curve_stems(rows).into_iter();
    stems.map(|stem| format!("{stem}.png")).collect()
}

/// Writes the table, and the charts drawn from it once it is read back. Those of an earlier table
/// go.
fn write(folder: &RunFolder, rows: &[CurveRow]) -> Result<(), Failure> {
    let table = folder.path().join(FILE);
    if let Ok(earlier) = read_rows(&table) {
        folder.clear(&pictures(&earlier))?;
    }
    let folder = folder.path();
    write_file(&table, &to_csv(rows))?;
    print(&format!("{}\n", table.display()))?;
    if rows.is_empty() {
        return Ok(());
    }
    let charts = chart::curves(&read_rows(&table)?);
    for chart in charts.map_err(|e| Failure::new(exit::FAILURE, e.to_string()))? {
        let path = folder.join(format!("{}.png", chart.stem));
        let png = chart.png();
        let png = png.map_err(|e| Failure::new(exit::FAILURE, e.to_string()))?;
        write_file(&path, &png)?;
        print(&format!("{}\n", path.display()))?;
    }
    Ok(())
}
