//! `pagebench record`: runs a program under valgrind and stores what it and its children touch as
//! a `.pbt`. This file has the arguments and the report at the end; `session` runs the program.

#[cfg(target_os = "linux")]
mod measure;
#[cfg(target_os = "linux")]
mod session;

use crate::cli::args::{LevelArgs, QuietArgs};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::input::plain_given_name;
use crate::cli::setup::output_file::check_stored_name;
use crate::cli::setup::paths::{refuse_inputs, refuse_replacing};
use crate::cli::setup::progress::note;
use crate::exit::ExitCode;
use crate::record::{ProcessSummary, RecordOptions, Repairs};
use crate::trace::model::digest;
use crate::trace::model::trace_name::name_of;
use crate::trace::store::Summary;
use crate::units::{PageSize, Printable, about, counted, parse_count, show_bytes, show_count};
use clap::Args;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Record a program and its children as .pbt: every access, mapping and process, with valgrind.
#[derive(Debug, Args)]
#[command(
    after_help = "The program keeps its standard streams; messages of pagebench go to standard error. The exit code \
is the program's (128 + N if signal N killed it), once the recording is stored.

Expect a slowdown of 1000 or more (about 1 M references per second). Memory written by the kernel, as \
by read(), is not recorded. Processes that run at the same time interleave as they did.

Examples:
  pagebench record -- sort big.txt > sorted.txt
  pagebench record -o build.pbt -- gcc -O2 -c prog.c
  pagebench record -o pipe.pbt --data-only --limit 50M -- sh -c 'sort big.txt | uniq -c'"
)]
pub struct RecordArgs {
    /// The program to run, and its arguments
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command: Vec<OsString>,

    /// The file to write; PROGRAM.pbt in this folder if absent
    #[arg(short, long, value_name = "FILE.pbt")]
    output: Option<PathBuf>,

    /// Replace the file if it exists
    #[arg(long)]
    force: bool,

    /// Name of the trace inside the file; the file name if absent
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Skip instruction fetches
    #[arg(long)]
    data_only: bool,

    /// Record N references (1000, 20M), then end the program
    #[arg(long, value_name = "N", value_parser = parse_count)]
    limit: Option<u64>,

    /// Also record reads and writes of files without a mapping
    #[arg(long)]
    file_io: bool,

    /// Keep the mappings of valgrind in the program, and accesses of them
    #[arg(long)]
    keep_preloads: bool,

    /// Also run the program without valgrind, and compare its page faults
    #[arg(long, conflicts_with_all = ["data_only", "limit", "page_size"])]
    measure: bool,

    /// Page size, 64 to 1GiB; a coarser one can be derived later, a finer one cannot
    #[arg(long, value_name = "BYTES")]
    page_size: Option<PageSize>,

    #[command(flatten)]
    level: LevelArgs,

    #[command(flatten)]
    quiet: QuietArgs,
}

impl RecordArgs {
    fn options(&self) -> RecordOptions {
        RecordOptions {
            keep_preloads: self.keep_preloads,
            file_io: self.file_io,
            notes_kernel_writes: self.measure,
        }
    }
}

/// A finished recording.
struct Recorded {
    summary: Summary,
    /// The number of references of each process, by its number.
    references: Vec<u64>,
    processes: Vec<ProcessSummary>,
    repairs: Repairs,
    /// Whether the recording ended because of --limit.
    limited: bool,
    /// The exit code of the command.
    code: ExitCode,
}

/// Runs the command.
pub fn record(args: RecordArgs) -> Result<ExitCode, Failure> {
    let output = output(&args)?;
    #[cfg(target_os = "linux")]
    if args.measure {
        measure::check_input()?;
    }
    let recorded = run(&args, &output)?;
    report(&args, &output, &recorded);
    #[cfg(target_os = "linux")]
    if args.measure {
        measure::compare(&args.command, &output, &recorded.repairs)?;
    }
    Ok(recorded.code)
}

#[cfg(target_os = "linux")]
use session::run;

#[cfg(not(target_os = "linux"))]
fn run(_: &RecordArgs, _: &Path) -> Result<Recorded, Failure> {
    let message = "programs can be recorded on Linux only; convert reads traces made elsewhere";
    Err(Failure::new(crate::exit::FAILURE, message))
}

/// Returns the file to write. Errors if it exists and is not to be replaced.
fn output(args: &RecordArgs) -> Result<PathBuf, Failure> {
    if let Some(output) = &args.output {
        check_stored_name(output)?;
        if output == Path::new("-") {
            let message = "-o -: standard output is the program's; name a file";
            return Err(Failure::usage(message));
        }
        return Ok(output.clone());
    }
    let program = args
        .command
        .first()
        .map(Path::new)
        .and_then(Path::file_name);
    let Some(program) = program else {
        return Err(Failure::usage(
            "the command has no name; name the file with -o",
        ));
    };
    let mut name = program.to_os_string();
    name.push(".pbt");
    let output = PathBuf::from(name);
    refuse_inputs("COMMAND", [output.clone()])?;
    refuse_replacing("COMMAND", &output, args.force)?;
    Ok(output)
}

/// Returns the name of the trace.
fn trace_name(args: &RecordArgs, output: &Path) -> String {
    let given = args.name.as_deref().map(plain_given_name);
    given.unwrap_or_else(|| name_of(output))
}

/// The most processes that are listed.
const LISTED: usize = 20;

/// Prints what was recorded.
fn report(args: &RecordArgs, output: &Path, recorded: &Recorded) {
    let summary = &recorded.summary;
    if recorded.limited {
        note("the limit is reached: the program was ended");
    }
    note(&format!(
        "{}: {}, {}, {} ({:.3} bytes a reference), digest {}",
        output.printed(),
        about(summary.refs, "reference"),
        counted(summary.distinct, "page"),
        show_bytes(summary.bytes),
        summary.bytes as f64 / summary.refs.max(1) as f64,
        digest::show(summary.digest),
    ));
    let processes = &recorded.processes;
    if processes.len() > 1 {
        for (number, process) in (1..).zip(processes.iter().take(LISTED)) {
            let count = recorded.references.get(number).copied();
            let count = about(count.unwrap_or(0), "reference");
            let command = one_line(&process.command);
            note(&format!("  process {number}: {count}: {command}"));
        }
        if processes.len() > LISTED {
            note(&format!("  and {} more", processes.len() - LISTED));
        }
    }
    report_mappings(args, summary.distinct, &recorded.repairs);
}

/// The most characters of a command in a list.
const COMMAND_SHOWN: usize = 72;

/// Returns a command without valgrind's escapes, cut to a line.
fn one_line(command: &str) -> String {
    let mut plain = String::with_capacity(command.len());
    let mut letters = command.chars();
    while let Some(letter) = letters.next() {
        let letter = if letter == '\\' {
            letters.next().unwrap_or('\\')
        } else {
            letter
        };
        plain.push(letter);
    }
    match plain.char_indices().nth(COMMAND_SHOWN) {
        None => plain.printed().to_string(),
        Some((end, _)) => format!("{}…", plain[..end].printed()),
    }
}

/// Prints which share of the touched pages lies in known mappings.
fn report_mappings(args: &RecordArgs, pages: u64, repairs: &Repairs) {
    let count = |what: usize| what as u64;
    let (valgrind, unknown) = (count(repairs.valgrind.len()), count(repairs.unknown.len()));
    // The pages of valgrind are touched in the recording only if it keeps them.
    let kept = if args.keep_preloads { valgrind } else { 0 };
    let own = pages.saturating_sub(kept + unknown);
    let mut text = format!(
        "{:.1} % of {pages} touched pages lie in mappings of the program",
        100.0 * own as f64 / pages.max(1) as f64
    );
    for (number, what) in [
        (kept, "of valgrind"),
        (
            unknown,
            "in mappings that had to be guessed, called [unknown]",
        ),
        (
            count(repairs.widened.len()),
            "made to allow more than was seen",
        ),
    ] {
        if number > 0 {
            text.push_str(&format!("; {number} {what}"));
        }
    }
    note(&text);
    if repairs.valgrind_left_out > 0 {
        let accesses = show_count(repairs.valgrind_left_out);
        note(&format!(
            "left out: {accesses} accesses of {} of valgrind's own (--keep-preloads keeps them)",
            counted(valgrind, "page")
        ));
    }
    if repairs.unseen_uses > 0 && args.file_io {
        note(&format!(
            "warning: {} of files left out: the log does not show where in the file they were",
            counted(repairs.unseen_uses, "use")
        ));
    }
    if repairs.left_out > 0 {
        let left_out = show_count(repairs.left_out);
        note(&format!(
            "warning: {left_out} accesses without a valid address or process left out"
        ));
    }
}
