//! `pagebench vm`: memory looked at, at one position of a trace or at many. Here are the arguments
//! and how the trace comes in.
//!
//! | module | owns |
//! |---|---|
//! | `machine` | from arguments to the one machine that is looked at |
//! | `at` | the state at a position, as text |
//! | `pages` | its lists of single entries and frames |
//! | `over_time` | the states at many positions, as a table and a chart |

mod at;
mod machine;
mod over_time;
mod pages;

use super::args::{ReadArgs, SelectArgs};
use super::failure::Failure;
use super::input::load_all;
use super::memory::MemoryArgs;
use super::signals::end_cleanly;
use crate::exit::ExitCode;
use crate::report::states;
use crate::space::SpaceError;
use crate::trace::dense::Trace;
use crate::units::{Ladder, PageSize};
use at::At;
use clap::Args;
use std::path::PathBuf;

/// Show the state of memory at a position of a trace, or draw it over time.
///
/// Without -o it prints, as they stand after the first references of the trace: the processes with
/// their mappings, and of each mapping how many pages it has, how many of these were touched
/// (bound to something), and where those are: resident (in a frame, whether this process's page
/// table names it or not), swapped (on the swap device), or dropped (left memory without a slot: read
/// again from their file or original, or zeros). Then the frames, if they are few.
///
/// With -o it writes states.csv and states.png.
#[derive(Debug, Args)]
#[command(after_help = after_help())]
pub struct VmArgs {
    /// A trace; - is standard input
    #[arg(value_name = "TRACE")]
    trace: PathBuf,

    /// The position: after so many references (1000, 20M), a share of them (50%), or end: after the
    /// last event
    #[arg(
        long,
        value_name = "POS",
        default_value = "50%",
        conflicts_with = "output"
    )]
    at: At,

    /// List every entry: each touched page of each process
    #[arg(long, conflicts_with = "output")]
    entries: bool,

    /// List the frames, even if they are more than 64
    #[arg(long, conflicts_with = "output")]
    list_frames: bool,

    /// Folder for states.csv and states.png: memory over time
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// At how many positions, equally far apart, states are taken: 2 to 10000 (default 200)
    #[arg(long, value_name = "SAMPLES", requires = "output")]
    over_time: Option<u64>,

    /// Write into a folder that holds states already
    #[arg(long, requires = "output")]
    force: bool,

    /// Print errors only on standard error
    #[arg(short, long)]
    pub quiet: bool,

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

    /// Window of a variable-space policy in references, or % of them; if absent, one whose mean
    /// working set is about a quarter of the pages
    #[arg(long, value_name = "REFERENCES")]
    tau: Option<Ladder>,

    /// Page size, 64 to 1GiB; the stored one, or 4KiB, if absent
    #[arg(long, value_name = "BYTES")]
    page_size: Option<PageSize>,

    #[command(flatten)]
    memory: MemoryArgs,
}

/// The columns of `states.csv` and examples, for `--help`.
fn after_help() -> String {
    let width = states::COLUMNS.iter().map(|column| column.name.len());
    let width = width.max().unwrap_or(0);
    let lines = states::COLUMNS
        .iter()
        .map(|column| format!("  {:width$}  {}\n", column.name, column.about));
    format!(
        "Columns of states.csv, whose rows stand after so many references, before the events that \
         follow:\n{}\nExamples:\n  \
         pagebench vm traces/sort.pbt --at 1M -m 64\n  \
         pagebench vm build.pbt --at end -p clock --entries\n  \
         pagebench vm build.pbt --over-time 500 -m 10% -o over-time",
        lines.collect::<String>()
    )
}

/// Runs the command.
pub fn vm(args: VmArgs) -> Result<ExitCode, Failure> {
    // What can be wrong without the trace is told before it is read.
    let machine = machine::Choice::new(&args.machine)?;
    match &args.output {
        None => at::show(&args, &machine),
        Some(folder) => {
            let samples = over_time::samples(args.over_time)?;
            end_cleanly();
            over_time::write(&args, &machine, folder, samples)
        }
    }
}

/// Reads the trace.
fn load(args: &VmArgs) -> Result<Trace, Failure> {
    let path = args.trace.display();
    if args.trace.is_dir() {
        return Err(Failure::usage(format!(
            "{path}: a folder; vm looks at one trace"
        )));
    }
    let options = args.read.options(&args.select)?;
    let sizes = |_: &str, _| args.machine.page_size.into_iter().collect();
    let paths = std::slice::from_ref(&args.trace);
    let inputs = load_all(paths, &options, &sizes, None)?;
    let mut traces = inputs.loaded.into_iter().flat_map(|loaded| loaded.traces);
    Ok(traces.next().expect("a trace is left, or it failed"))
}

/// An error of the trace, by the name that it was given with.
fn contradiction(args: &VmArgs, error: SpaceError) -> Failure {
    Failure::from(SpaceError {
        name: args.trace.display().to_string(),
        ..error
    })
}
