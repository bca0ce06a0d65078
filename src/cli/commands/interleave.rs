//! `pagebench interleave`: traces of single programs become one trace of several processes.

use crate::cli::args::{LevelArgs, QuietArgs, ReadArgs, SelectArgs};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::input::load_all;
use crate::cli::setup::output_file::{check_stored_name, write_whole};
use crate::cli::setup::progress::note;
use crate::cli::setup::terminal::print;
use crate::exit::{self, ExitCode};
use crate::trace::model::access::TraceKind;
use crate::trace::model::dense::Trace;
use crate::trace::model::digest;
use crate::trace::model::interleave;
use crate::trace::model::trace_name::name_of;
use crate::trace::store::{Summary, Writer};
use crate::units::{PageSize, Printable, about, counted, parse_count, show_bytes};
use clap::Args;
use std::path::{Path, PathBuf};

/// Merge traces into one of several processes, round robin.
///
/// Each process runs for a quantum of its own accesses, then the next. A process that ends leaves the
/// round. Processes are numbered from 1 in the order of the inputs.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  pagebench interleave traces/sort.pbt traces/git.pbt --quantum 100k -o both.pbt")]
pub struct InterleaveArgs {
    /// Traces, or folders of traces
    #[arg(required = true, value_name = "TRACE")]
    traces: Vec<PathBuf>,

    /// Accesses of a process before it is the next one's turn
    #[arg(long, value_name = "ACCESSES", value_parser = parse_count, default_value = "100k")]
    quantum: u64,

    /// The file to write
    #[arg(short, long, value_name = "FILE.pbt")]
    output: PathBuf,

    /// Replace the file if it exists
    #[arg(long)]
    force: bool,

    /// Page size, 64 to 1GiB; 4KiB if absent
    #[arg(long, value_name = "BYTES", default_value = "4KiB")]
    page_size: PageSize,

    #[command(flatten)]
    level: LevelArgs,

    #[command(flatten)]
    quiet: QuietArgs,

    #[command(flatten)]
    read: ReadArgs,

    #[command(flatten)]
    select: SelectArgs,
}

/// Runs the command.
pub fn interleave(args: InterleaveArgs) -> Result<ExitCode, Failure> {
    if args.quantum == 0 {
        return Err(Failure::usage("--quantum: at least 1"));
    }
    if args.output == Path::new("-") {
        let what = "-o -: a .pbt file is written, not standard output; ./- is a file of that name";
        return Err(Failure::usage(what));
    }
    check_stored_name(&args.output)?;
    let traces = load(&args)?;
    check_mergeable(&traces)?;
    let (summary, kind) = write(&args, &traces)?;
    if traces.iter().any(|trace| trace.meta.kind != kind) {
        note(&format!(
            "warning: {}: the traces are of different kinds; the kind of all is {:?}",
            args.output.printed(),
            kind.name()
        ));
    }
    print(&format!(
        "{}: {} of {}, {}, {}, digest {}\n",
        args.output.printed(),
        about(summary.refs, "reference"),
        counted(traces.len(), "trace"),
        counted(summary.distinct, "page"),
        show_bytes(summary.bytes),
        digest::show(summary.digest),
    ))?;
    Ok(exit::OK)
}

/// Reads all traces; errors if one of them cannot be read.
fn load(args: &InterleaveArgs) -> Result<Vec<Trace>, Failure> {
    let options = args.read.options(&args.select)?;
    let mut traces: Vec<Trace> = Vec::new();
    for path in &args.traces {
        // Load each path alone: `load_all` drops a path named twice, but the same trace may run as two
        // processes.
        let path = std::slice::from_ref(path);
        let sizes = |_: &str, _| vec![args.page_size];
        let inputs = load_all(path, &options, &sizes, None)?;
        if inputs.failed != exit::OK {
            return Err(Failure::new(inputs.failed, "nothing was written"));
        }
        traces.extend(inputs.loaded.into_iter().flat_map(|loaded| loaded.traces));
    }
    Ok(traces)
}

/// Errors if the traces have different addressing, or only some have mappings.
fn check_mergeable(traces: &[Trace]) -> Result<(), Failure> {
    if traces
        .windows(2)
        .any(|pair| pair[0].meta.addressing != pair[1].meta.addressing)
    {
        return Err(Failure::usage(
            "traces of addresses and traces of ids cannot be merged",
        ));
    }
    if let (Some(with), Some(without)) = (
        traces.iter().find(|trace| trace.has_mappings()),
        traces.iter().find(|trace| !trace.has_mappings()),
    ) {
        return Err(Failure::usage(format!(
            "{} has mappings and {} has none: merged, every page of the second would be illegal",
            with.meta.name, without.meta.name
        )));
    }
    Ok(())
}

/// Writes the merged trace; returns its summary and its kind.
fn write(args: &InterleaveArgs, traces: &[Trace]) -> Result<(Summary, TraceKind), Failure> {
    let name = name_of(&args.output);
    let mut kind = TraceKind::Synthetic;
    let summary = write_whole(&args.output, args.force, |out| {
        let fail = |e| Failure::file(&args.output, e);
        let mut writer = Writer::new(out, args.level.level).map_err(fail)?;
        let (meta, dictionary) = interleave::interleave(traces, args.quantum, name, &mut writer)
            .map_err(|e| Failure::new(exit::BAD_TRACE, e.to_string()))?;
        kind = meta.kind;
        Ok(writer.finish(&meta, &dictionary).map_err(fail)?.1)
    })?;
    Ok((summary, kind))
}
