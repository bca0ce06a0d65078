//! `pagebench vm`: the state of memory at one position of a trace, or at many. This file has the
//! arguments and reads the trace.
//!
//! | module | owns |
//! |---|---|
//! | `machine` | from arguments to one machine, and its description |
//! | `at` | the state at a position, as text |
//! | `pages` | its lists of single entries and frames |
//! | `over_time` | the states at many positions, as a table and a chart |
//! | `segments` | segment tables and memory maps of models without frames |

mod at;
mod machine;
mod over_time;
mod pages;
mod picture;
mod segments;

use crate::cli::args::memory::MemoryArgs;
use crate::cli::args::models::ModelArgs;
use crate::cli::args::{QuietArgs, ReadArgs, SelectArgs};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::input::load_one_trace;
use crate::cli::setup::signals::leaves;
use crate::exit::ExitCode;
use crate::report::tables::states_csv;
use crate::trace::model::dense::Trace;
use crate::units::{Ladder, PageSize};
use crate::vm::AccessedBitMode;
use at::Position;
use clap::Args;
use std::path::PathBuf;

/// Show the state of memory at a position of a trace, or draw it over time.
///
/// Without -o it prints the processes with their mappings at the position, the pages of each mapping by
/// their state, and the frames if they are few. With -o it writes states.csv and states.png. With --model
/// segmentation or base-limit it prints segment tables and holes, and with -o writes memory.csv and
/// memory.png, a map of memory over time.
///
/// The states of pages:
///
/// mapped: pages of the mapping.
///
/// touched: bound by a reference, a fork or madvise.
///
/// resident: in a frame, whether or not this process's page table names it.
///
/// swapped: on the swap device only.
///
/// dropped: left memory without a slot; comes back from its file, its original, or as zeros.
#[derive(Debug, Args)]
#[command(after_help = after_help())]
pub struct VmArgs {
    /// A trace; - is standard input
    #[arg(value_name = "TRACE")]
    trace: PathBuf,

    /// Position: before reference N, counted from 0 with illegal ones as `run` and `explain` do (1000,
    /// 20M), after a share of the references (50%), or end: after the last event
    #[arg(
        long,
        value_name = "POS",
        default_value = "50%",
        conflicts_with = "output"
    )]
    at: Position,

    /// List every entry: each touched page of each process
    #[arg(long, conflicts_with = "output")]
    entries: bool,

    /// List the frames even if they are more than 64
    #[arg(long, conflicts_with = "output")]
    list_frames: bool,

    /// Folder for states.csv and states.png: memory over time
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Number of positions, equally far apart: 2 to 10000 (default 200)
    #[arg(long, value_name = "SAMPLES", requires = "output")]
    over_time: Option<u64>,

    /// Replace the states that the folder holds
    #[arg(long, requires = "output")]
    force: bool,

    #[command(flatten)]
    quiet: QuietArgs,

    #[command(flatten)]
    machine: MachineArgs,

    #[command(flatten)]
    read: ReadArgs,

    #[command(flatten)]
    select: SelectArgs,
}

/// The machine.
#[derive(Debug, Args)]
#[command(next_help_heading = "Machine")]
struct MachineArgs {
    /// The policy with its parameters: clock:load-bit=0 (see: pagebench policies)
    #[arg(short, long, value_name = "POLICY", default_value = "lru")]
    policy: String,

    /// Frames: 64, 5% of the pages, 64MiB; a quarter of the pages if absent
    #[arg(short = 'm', long, value_name = "FRAMES")]
    frames: Option<Ladder>,

    /// Window of a variable-space policy, in references or % of them; if absent, the window whose mean
    /// working set is about a quarter of the pages
    #[arg(long, value_name = "REFERENCES")]
    tau: Option<Ladder>,

    /// Page size, 64 to 1GiB; the stored one, or 4KiB, if absent
    #[arg(long, value_name = "BYTES")]
    page_size: Option<PageSize>,

    #[command(flatten)]
    memory: MemoryArgs,

    #[command(flatten)]
    models: ModelArgs,
}

/// Returns the columns of `states.csv` and examples, for `--help`.
fn after_help() -> String {
    let width = states_csv::COLUMNS.iter().map(|column| column.name.len());
    let width = width.max().unwrap_or(0);
    let lines = states_csv::COLUMNS
        .iter()
        .map(|column| format!("  {:width$}  {}\n", column.name, column.about));
    format!(
        "Columns of states.csv. A row is the state after its number of references, before the events \
         that follow:\n{}\nExamples:\n  \
         pagebench vm traces/sort.pbt --at 1M -m 64\n  \
         pagebench vm build.pbt --at end -p clock --entries\n  \
         pagebench vm build.pbt --over-time 500 -m 10% -o over-time",
        lines.collect::<String>()
    )
}

/// Runs the command.
pub fn vm(args: VmArgs) -> Result<ExitCode, Failure> {
    // Check everything that needs no trace before it is read.
    let machine = machine::MachineChoice::new(&args.machine)?;
    args.machine
        .models
        .check(&args.machine.memory, AccessedBitMode::Every)?;
    if let Some(model) = segments::model_of(&args)? {
        return match &args.output {
            None => segments::show(&args, &machine, model),
            Some(folder) => {
                let samples = over_time::samples(args.over_time)?;
                leaves("nothing was written");
                segments::write(&args, &machine, model, (folder, samples))
            }
        };
    }
    match &args.output {
        None => at::show(&args, &machine),
        Some(folder) => {
            let samples = over_time::samples(args.over_time)?;
            leaves("nothing was written");
            over_time::write(&args, &machine, folder, samples)
        }
    }
}

/// Reads the trace.
fn load(args: &VmArgs) -> Result<Trace, Failure> {
    let options = args.read.options(&args.select)?;
    load_one_trace(&args.trace, &options, args.machine.page_size, "vm")
}
