//! `pagebench explain`: the textbook's table of a replay, step by step, with the reasons.

use super::args::{OutFormat, ReadArgs, SelectArgs, axes, parse_out};
use super::failure::Failure;
use super::input::{load_all, tell_illegal};
use super::memory::MemoryArgs;
use super::progress::note;
use super::{print, terminal_width};
use crate::exit::{self, ExitCode};
use crate::report::chart;
use crate::report::csv::write_file;
use crate::report::explain::{Explained, anomalies, to_csv, to_markdown, to_text};
use crate::space::{self, Resolved, Rights, SpaceError};
use crate::sweep::{Cell, Engine, Plan, Settings, Warmup};
use crate::trace::dense::{Densifier, Meta, PageKey, Trace, pack};
use crate::trace::record::{Addressing, Kind, TraceKind};
use crate::units::{EntryId, Ladder, PageSize, parse_count, show_count};
use crate::vm::Accessed;
use crate::vm::machine::explain::explain;
use clap::Args;
use std::path::PathBuf;

/// References that are shown if nothing is said.
const COUNT: u64 = 64;
/// More than this is no table for people.
const COUNT_MAX: u64 = 10_000;
/// More tables than this are a mistake rather than a wish.
const TABLES_MAX: usize = 100;

/// Show a replay step by step: the frames after each reference, the faults, and why pages left.
///
/// For each policy and size one table, as in textbooks: references from left to right (or one below
/// the other where that fits better), what is in each frame afterwards, an F at each fault and
/// the page that left; below it the reason for each victim. Of traces with processes and mappings
/// it shows the kind of each fault and the page-table entry before and after.
///
/// References are counted from 1; those that are illegal are left out.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pagebench explain --string \"1 2 3 4 1 2 5 1 2 3 4 5\" -p fifo -m 3,4
  pagebench explain --string \"2w 3 2 1 5 2 4 5\" -p clock,lru -m 3 --state --png table.png
  pagebench explain traces/pipeline.pbt -p lru -m 64 --from 5M --count 20")]
pub struct ExplainArgs {
    /// A trace; - is standard input
    #[arg(value_name = "TRACE")]
    trace: Option<PathBuf>,

    /// A reference string instead of a trace: page numbers between blanks or commas, those
    /// that are written with a w behind (3w)
    #[arg(long, value_name = "PAGES", conflicts_with = "trace")]
    string: Option<String>,

    /// Policies with their parameters: lru,2q:kin=0.1,0.25 | @textbook (see: pagebench policies) | all
    #[arg(short, long, value_name = "POLICY,…", default_value = "lru")]
    policy: Vec<String>,

    /// Frames: 3,4 | 2..5:+1 | 50% of the pages | 16KiB | auto
    #[arg(short = 'm', long, value_name = "FRAMES,…", default_value = "3")]
    frames: Ladder,

    /// Windows of variable-space policies in references, or % of them; auto: mean working sets
    /// like the frames
    #[arg(long, value_name = "REFERENCES,…", default_value = "auto")]
    tau: Ladder,

    /// The seed of policies that draw random numbers
    #[arg(long, value_name = "SEED", default_value = "1")]
    seed: u64,

    /// The first reference to show, counted from 1 (1000, 20M)
    #[arg(long, value_name = "REFERENCE", value_parser = parse_count, default_value = "1")]
    from: u64,

    /// How many references to show, 1 to 10000; 64 if absent. The totals are always of all
    #[arg(long, value_name = "REFERENCES", value_parser = parse_count)]
    count: Option<u64>,

    /// After each reference show what the policy keeps in order: recency, the hand and the bits, the
    /// window, the next uses
    #[arg(long)]
    state: bool,

    /// How the tables are printed: text, markdown or csv
    #[arg(long, value_name = "text|markdown|csv", value_parser = parse_out::<3>, default_value = "text")]
    out: OutFormat,

    /// Draw the tables for slides, too: a picture 1600 pixels wide, SVG if the name ends so
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,

    /// Page size, 64 to 1GiB; the stored one, or 4KiB, if absent
    #[arg(long, value_name = "BYTES")]
    page_size: Option<PageSize>,

    /// Print errors only on standard error
    #[arg(short, long)]
    pub quiet: bool,

    #[command(flatten)]
    memory: MemoryArgs,

    #[command(flatten)]
    read: ReadArgs,

    #[command(flatten)]
    select: SelectArgs,
}

/// Runs the command.
pub fn run(args: ExplainArgs) -> Result<ExitCode, Failure> {
    let axes = axes(&args.policy, &args.frames, &args.tau, &[args.seed])?;
    let count = count(&args)?;
    let first = args.from - 1;
    let settings = Settings {
        warmup: Warmup::Refs(0),
        tlb: None,
        swap_bytes: args.memory.swap_bytes()?,
        filter: args.select.selection().describe(),
        space: args.memory.space()?,
        allocation: args.memory.allocation.clone(),
        accessed: Accessed::Every,
        engine: Engine::Plain,
        curves: None,
    };
    let trace = match &args.string {
        Some(text) => of_string(text)?,
        None => load(&args)?,
    };
    let range = first..first.saturating_add(count);
    let (resolved, rights) = resolve(&args, trace, &settings, range.clone())?;
    check_range(&args, &resolved, count)?;
    let plan = Plan::new(&[&resolved], &axes, settings)?;
    if plan.cells.len() > TABLES_MAX {
        return Err(Failure::usage(format!(
            "{} tables: choose fewer policies (-p) or sizes (-m, --tau), {TABLES_MAX} at most",
            plan.cells.len()
        )));
    }
    let mut tables = Vec::new();
    for cell in &plan.cells {
        tables.push(table(&plan, cell, range.clone(), &rights, args.state)?);
    }
    if let Some(path) = &args.png {
        let picture = chart::explained(&tables).and_then(|chart| chart.for_file(path));
        let picture = picture.map_err(|e| Failure::new(exit::FAILURE, e.to_string()))?;
        write_file(path, &picture)?;
    }
    show(&args, &tables)?;
    Ok(exit::OK)
}

/// How many references are shown.
fn count(args: &ExplainArgs) -> Result<u64, Failure> {
    if args.from == 0 {
        return Err(Failure::usage("--from 0: references are counted from 1"));
    }
    match args.count {
        None => Ok(COUNT),
        Some(count @ 1..=COUNT_MAX) => Ok(count),
        Some(count) => Err(Failure::usage(format!(
            "--count {count}: from 1 to {COUNT_MAX}"
        ))),
    }
}

/// A reference string as a trace of ids.
fn of_string(text: &str) -> Result<Trace, Failure> {
    let mut densifier = Densifier::new();
    let process = densifier.process(0);
    let (mut refs, mut kinds) = (Vec::new(), Vec::new());
    let words = text.split([' ', ',', '\t', '\n', '\r']);
    for word in words.filter(|word| !word.is_empty()) {
        let written = word.strip_suffix(['w', 'W']);
        let digits = written.unwrap_or(word);
        let number = match digits.parse::<u64>() {
            Ok(number) if digits.bytes().all(|byte| byte.is_ascii_digit()) => number,
            _ => {
                return Err(Failure::usage(format!(
                    "--string: \"{word}\" is no page number: write \"1 2 3w 4\", w behind what is written"
                )));
            }
        };
        let key = PageKey { process, number };
        let id = densifier.id(key).map_err(|_| {
            Failure::usage("--string: too many pages: put them into a file".to_owned())
        })?;
        let kind = if written.is_some() {
            Kind::Write
        } else {
            Kind::Read
        };
        refs.push(pack(id, written.is_some()));
        kinds.push(kind as u8);
    }
    if refs.is_empty() {
        return Err(Failure::new(
            exit::NOTHING,
            "--string: no page in it: write \"1 2 3 4 1 2 5\"",
        ));
    }
    let meta = Meta {
        name: "string".into(),
        format: "string".into(),
        kind: TraceKind::Synthetic,
        addressing: Addressing::Ids,
        page_size: PageSize::DEFAULT,
        skipped: 0,
    };
    Ok(Trace::new(
        meta,
        densifier.into_dictionary(),
        refs,
        kinds,
        None,
    ))
}

fn load(args: &ExplainArgs) -> Result<Trace, Failure> {
    let Some(path) = &args.trace else {
        let message = "name a trace, or give references: --string \"1 2 3 4 1 2 5\"";
        return Err(Failure::usage(message));
    };
    if path.is_dir() {
        let path = path.display();
        return Err(Failure::usage(format!(
            "{path}: a folder; explain looks at one trace"
        )));
    }
    let options = args.read.options(&args.select)?;
    let sizes = |_: &str, _| args.page_size.into_iter().collect();
    let paths = std::slice::from_ref(path);
    let inputs = load_all(paths, &options, &sizes, None)?;
    let mut traces = inputs.loaded.into_iter().flat_map(|loaded| loaded.traces);
    Ok(traces.next().expect("a trace is left, or it failed"))
}

fn resolve(
    args: &ExplainArgs,
    trace: Trace,
    settings: &Settings,
    range: std::ops::Range<u64>,
) -> Result<(Resolved, Vec<Rights>), Failure> {
    let name = args
        .trace
        .as_ref()
        .map_or("--string".into(), |path| path.display().to_string());
    let resolved = space::resolve_watched(trace, &settings.space, range);
    let (resolved, rights) = resolved.map_err(|error| {
        Failure::from(SpaceError {
            name: name.clone(),
            ..error
        })
    })?;
    tell_illegal(&name, &resolved, &settings.space);
    Ok((resolved, rights))
}

/// There is something to show; what is not shown is said.
fn check_range(args: &ExplainArgs, resolved: &Resolved, count: u64) -> Result<(), Failure> {
    let refs = resolved.trace.len() as u64;
    if refs == 0 {
        let message = "nothing selected: the trace has no legal reference";
        return Err(Failure::new(exit::NOTHING, message));
    }
    if args.from > refs {
        return Err(Failure::usage(format!(
            "--from {}: beyond the end of the trace, which has {refs} references",
            args.from
        )));
    }
    let shown = count.min(refs - args.from + 1);
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
    range: std::ops::Range<u64>,
    rights: &[Rights],
    state: bool,
) -> Result<Explained, Failure> {
    let resolved = plan.traces[cell.trace];
    let inputs = plan.inputs(cell).map_err(Failure::usage)?;
    let story = explain(&inputs.job(), range, state)
        .map_err(|error| Failure::new(exit::FAILURE, error.to_string()))?;
    let name = |entry: EntryId| page_name(resolved, entry);
    let memory = (cell.frames.map(u64::from), cell.tau);
    let policy = cell.choice.to_string();
    Ok(Explained {
        entries: resolved.space.is_some(),
        ..Explained::new(policy, memory, &story, rights, &name)
    })
}

/// The address of a page, or its id; with its process if there are several.
fn page_name(resolved: &Resolved, entry: EntryId) -> String {
    let key = resolved.entries()[entry as usize];
    let meta = &resolved.trace.meta;
    let number = match meta.addressing {
        Addressing::Bytes => format!("{:#x}", key.number << meta.page_shift()),
        Addressing::Ids => key.number.to_string(),
    };
    let pids = &resolved.trace.dictionary.pids;
    match pids.len() {
        1 => number,
        _ => format!("{}:{number}", pids[key.process as usize]),
    }
}

fn show(args: &ExplainArgs, tables: &[Explained]) -> Result<(), Failure> {
    let notes = anomalies(tables);
    let text = match args.out {
        OutFormat::Csv => String::from_utf8_lossy(&to_csv(tables)).into_owned(),
        out => {
            let width = terminal_width();
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
