//! `pagebench explain`: the textbook's table of a replay, step by step, with the reasons.

use crate::cli::args::memory::MemoryArgs;
use crate::cli::args::models::ModelArgs;
use crate::cli::args::{OutFormat, QuietArgs, ReadArgs, SelectArgs, axes, out_formats};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::input::{load_one_trace, report_illegal};
use crate::cli::setup::progress::note;
use crate::cli::setup::terminal;
use crate::cli::setup::terminal::print;
use crate::exit::{self, ExitCode};
use crate::report::chart;
use crate::report::explain::models::{self, Told};
use crate::report::explain::{Explained, anomalies, to_csv, to_markdown, to_text};
use crate::report::results::results_csv::write_file;
use crate::report::results::row_of_cell::row;
use crate::space::{self, Resolved, WatchedRefs};
use crate::sweep::{Axes, Cell, Engine, Plan, Settings, Warmup};
use crate::trace::model::dense::Trace;
use crate::trace::model::reference_string;
use crate::units::{EntryId, Ladder, PageSize, Printable, parse_count, show_count};
use crate::vm::AccessedBitMode;
use crate::vm::hardware::cost::CostTable;
use crate::vm::machine::stepper as replay;
use crate::vm::models::choices::Model;
use crate::vm::models::counts::ModelOutcome;
use crate::vm::models::story::story;
use clap::Args;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The references that are shown without `--count`.
const COUNT: u64 = 64;
/// The most references that are shown: a longer table has no reader.
const COUNT_MAX: u64 = 10_000;
/// The most tables: more are likely a mistake.
const TABLES_MAX: usize = 100;

/// Show a replay step by step: the frames after each reference, the faults, and why pages left.
///
/// Prints a table for each policy and size, as in textbooks: references from left to right (or one below
/// the other if that fits better), the page in each frame afterwards, an F at each fault and the page
/// that left; then the reason for each victim. For traces with processes and mappings it shows the kind
/// of each fault and the page-table entry before and after.
///
/// References have the numbers that `run` and `vm` give them: from 0, illegal ones, which are not shown,
/// among them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pagebench explain --string \"1 2 3 4 1 2 5 1 2 3 4 5\" -p fifo -m 3,4
  pagebench explain --string \"2w 3 2 1 5 2 4 5\" -p clock,lru -m 3 --state --png table.png
  pagebench explain traces/pipeline.pbt -p lru -m 64 --from 5M --count 20")]
pub struct ExplainArgs {
    /// A trace; - is standard input
    #[arg(value_name = "TRACE")]
    trace: Option<PathBuf>,

    /// A reference string instead of a trace: page numbers between blanks or commas, with a w after a
    /// page that is written (3w)
    #[arg(long, value_name = "PAGES", conflicts_with = "trace")]
    string: Option<String>,

    /// Policies with their parameters: lru,2q:kin=0.1,0.25 | @textbook (see: pagebench policies) | all
    #[arg(short, long, value_name = "POLICY,…", default_value = "lru")]
    policy: Vec<String>,

    /// Frames: 3,4 | 2..5:+1 | 50% of the pages | 16KiB | auto
    #[arg(short = 'm', long, value_name = "FRAMES,…", default_value = "3")]
    frames: Ladder,

    /// Windows of variable-space policies, in references or % of them; auto: for each frame count, the
    /// window whose mean working set is about that large
    #[arg(long, value_name = "REFERENCES,…", default_value = "auto")]
    tau: Ladder,

    /// The seed of policies that draw random numbers
    #[arg(long, value_name = "SEED", default_value = "1")]
    seed: u64,

    /// The first reference to show, counted from 0 (1000, 20M)
    #[arg(long, value_name = "REFERENCE", value_parser = parse_count, default_value = "0")]
    from: u64,

    /// Number of references to show, 1 to 10000; 64 if absent; with a --model without frames the moments
    /// at which memory changes. The totals are always of all
    #[arg(long, value_name = "REFERENCES", value_parser = parse_count)]
    count: Option<u64>,

    /// Show the policy's state after each reference: order of recency, hand and bits, window, next uses
    #[arg(long)]
    state: bool,

    /// How the tables are printed: text, markdown or csv
    #[arg(long, value_name = "text|markdown|csv", value_parser = out_formats::<3>(),
          hide_possible_values = true, default_value = "text")]
    out: OutFormat,

    /// Also draw the tables for slides: a picture 1600 pixels wide, SVG if the name ends in .svg
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,

    /// Page size, 64 to 1GiB; the stored one, or 4KiB, if absent
    #[arg(long, value_name = "BYTES")]
    page_size: Option<PageSize>,

    #[command(flatten)]
    quiet: QuietArgs,

    #[command(flatten)]
    memory: MemoryArgs,

    #[command(flatten)]
    models: ModelArgs,

    #[command(flatten)]
    read: ReadArgs,

    #[command(flatten)]
    select: SelectArgs,
}

/// Runs the command.
pub fn explain(args: ExplainArgs) -> Result<ExitCode, Failure> {
    args.models.check(&args.memory, AccessedBitMode::Every)?;
    let axes = Axes {
        models: args.models.model.clone(),
        ..axes(&args.policy, &args.frames, &args.tau, &[args.seed])?
    };
    let count = count(&args)?;
    let first = args.from;
    let settings = settings(&args)?;
    let trace = match &args.string {
        Some(text) => reference_string::parse(text)?,
        None => load(&args)?,
    };
    let range = first..first.saturating_add(count);
    let refs = trace.len() as u64;
    let (resolved, watched) = resolve(&args, trace, &settings, range)?;
    let plan = Plan::new(&[&resolved], &axes, settings)?;
    let has_tables = plan.cells.iter().any(|cell| cell.model().has_frames());
    if has_tables {
        check_range(&args, &resolved, &watched, refs, count)?;
    }
    if plan.cells.len() > TABLES_MAX {
        return Err(Failure::usage(format!(
            "{} tables: choose fewer policies (-p) or sizes (-m, --tau), {TABLES_MAX} at most",
            plan.cells.len()
        )));
    }
    let stories = stories(&args, &plan, &watched, count)?;
    print(&stories.join("\n"))?;
    if !has_tables {
        return Ok(exit::OK);
    }
    let mut tables = Vec::new();
    for cell in plan.cells.iter().filter(|cell| cell.model().has_frames()) {
        tables.push(table(&plan, cell, &watched, args.state)?);
    }
    if let Some(path) = &args.png {
        draw(path, &tables)?;
    }
    show(&args, &tables)?;
    Ok(exit::OK)
}

fn settings(args: &ExplainArgs) -> Result<Settings, Failure> {
    Ok(Settings {
        warmup: Warmup::Refs(0),
        tlb: None,
        swap_bytes: args.memory.swap_bytes()?,
        filter: args.select.selection().describe(),
        space: args.models.space(&args.memory)?,
        allocation: args.memory.allocation.clone(),
        accessed: AccessedBitMode::Every,
        choices: args.memory.choices(),
        segments: args.models.segments(),
        engine: Engine::Plain,
        curves: None,
    })
}

/// Returns the number of references to show.
fn count(args: &ExplainArgs) -> Result<u64, Failure> {
    match args.count {
        None => Ok(COUNT),
        Some(count @ 1..=COUNT_MAX) => Ok(count),
        Some(count) => Err(Failure::usage(format!(
            "--count {count}: from 1 to {COUNT_MAX}"
        ))),
    }
}

fn load(args: &ExplainArgs) -> Result<Trace, Failure> {
    let Some(path) = &args.trace else {
        let message = "name a trace, or give references: --string \"1 2 3 4 1 2 5\"";
        return Err(Failure::usage(message));
    };
    let options = args.read.options(&args.select)?;
    load_one_trace(path, &options, args.page_size, "explain")
}

/// Resolves the trace; returns with it the legal references of the range.
fn resolve(
    args: &ExplainArgs,
    trace: Trace,
    settings: &Settings,
    range: Range<u64>,
) -> Result<(Resolved, WatchedRefs), Failure> {
    let name = args
        .trace
        .as_ref()
        .map_or("--string".into(), |path| path.printed().to_string());
    let resolved = space::resolve_watched(trace, &settings.space, range);
    let (resolved, watched) = resolved.map_err(|error| error.named(&name))?;
    report_illegal(&name, &resolved, &settings.space);
    Ok((resolved, watched))
}

/// Errors if the range holds no legal reference of the `refs` of the trace. Notes which references are
/// not shown.
fn check_range(
    args: &ExplainArgs,
    resolved: &Resolved,
    watched: &WatchedRefs,
    refs: u64,
    count: u64,
) -> Result<(), Failure> {
    if resolved.trace.is_empty() {
        let message = "nothing selected: the trace has no legal reference";
        return Err(Failure::new(exit::NOTHING, message));
    }
    if args.from >= refs {
        return Err(Failure::usage(format!(
            "--from {}: beyond the end of the trace, whose last reference is {}",
            args.from,
            refs - 1
        )));
    }
    let shown = count.min(refs - args.from);
    if watched.legal.is_empty() {
        return Err(Failure::usage(format!(
            "no reference from {} to {} is legal: choose others by --from and --count",
            args.from,
            args.from + shown - 1
        )));
    }
    if shown < refs {
        note(&format!(
            "shown: references {} to {} of {} (others by --from and --count); totals are of all",
            args.from,
            args.from + shown - 1,
            show_count(refs)
        ));
    }
    Ok(())
}

fn table(
    plan: &Plan<'_>,
    cell: &Cell,
    watched: &WatchedRefs,
    state: bool,
) -> Result<Explained, Failure> {
    let resolved = plan.traces[cell.trace];
    let inputs = plan.inputs(cell).map_err(Failure::usage)?;
    let story = replay::explain(&inputs.job(), watched.legal.clone(), state)?;
    let name = |entry: EntryId| page_name(resolved, entry);
    let memory = (cell.frames.map(u64::from), cell.tau);
    let policy = cell.choice.to_string();
    let (rights, left_out) = (&watched.rights, resolved.left_out_at());
    Ok(Explained {
        entries: resolved.space.is_some(),
        ..Explained::new(policy, memory, &story, rights, left_out, &name)
    })
}

/// Returns the address of a page, or its id; with its process if there are several.
fn page_name(resolved: &Resolved, entry: EntryId) -> String {
    let key = resolved.entries()[entry as usize];
    let files = resolved.space.iter().map(|space| &space.io_entries);
    if let Some((file, offset)) = files.filter_map(|files| files.get(&entry)).next() {
        return space::file_page_text((*file, *offset));
    }
    let page = resolved.trace.meta.page_text(key.number);
    let dictionary = &resolved.trace.dictionary;
    match dictionary.pids.len() {
        1 => page,
        _ => format!("{}:{page}", dictionary.pid(key.process)),
    }
}

/// Returns the stories of the cells without frames: at most `count` moments of each.
fn stories(
    args: &ExplainArgs,
    plan: &Plan<'_>,
    watched: &WatchedRefs,
    count: u64,
) -> Result<Vec<String>, Failure> {
    let cells = plan.cells.iter().filter(|cell| !cell.model().has_frames());
    let cells: Vec<&Cell> = cells.collect();
    if !cells.is_empty() && (args.out != OutFormat::Text || args.png.is_some()) {
        let name = cells[0].model().name();
        return Err(Failure::usage(format!(
            "--model {name} has a story as text only: leave --out and --png out"
        )));
    }
    let costs = CostTable::default();
    let one = |cell: &&Cell| -> Result<String, Failure> {
        let resolved = plan.traces[cell.trace];
        let told = Told {
            resolved,
            name: plan.identity(cell).name(),
            memory: cell.frames.map_or(0, u64::from) * resolved.trace.meta.page_size.bytes(),
        };
        if cell.model() == Model::Physical {
            let outcome = plan.run_model(cell).map_err(Failure::usage)?;
            let model = outcome.model.clone();
            let row = row(plan, cell, &Ok(outcome), &costs);
            return Ok(match model.as_deref() {
                Some(ModelOutcome::Places(outcome)) => models::places(&told, outcome, &row),
                _ => String::new(),
            });
        }
        let job = plan.segment_job(cell).map_err(Failure::usage)?;
        let range = watched.legal.start..u64::MAX;
        let (moments, outcome) = story(&job, range, count as usize);
        let row = row(plan, cell, &Ok(Plan::outcome_of(outcome)), &costs);
        Ok(models::segments(&told, &moments, &row))
    };
    cells.iter().map(one).collect()
}

fn draw(path: &Path, tables: &[Explained]) -> Result<(), Failure> {
    let picture = chart::explained(tables)?.for_file(path)?;
    Ok(write_file(path, &picture)?)
}

fn show(args: &ExplainArgs, tables: &[Explained]) -> Result<(), Failure> {
    let notes = anomalies(tables);
    let text = match args.out {
        OutFormat::Csv => String::from_utf8_lossy(&to_csv(tables)).into_owned(),
        out => {
            let width = terminal::width();
            let one = |table| match out {
                OutFormat::Markdown => to_markdown(table),
                _ => to_text(table, width),
            };
            let mut parts: Vec<String> = tables.iter().map(one).collect();
            parts.extend(notes.iter().map(|note| format!("{note}\n")));
            parts.join("\n")
        }
    };
    print(&text)
}
