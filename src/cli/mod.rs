//! The command line: clap types, one file per subcommand, each only from arguments to library
//! calls and from their results to the terminal. Knows no algorithm.
//!
//! Data goes to standard output, progress and messages to standard error.

mod args;
mod cache;
mod check;
mod choices;
mod compare;
mod completions;
mod convert;
mod curve;
mod experiment;
mod explain;
mod failure;
mod folder;
mod generate;
mod guide;
mod init;
mod input;
mod inspect;
mod interleave;
mod job;
mod lists;
mod machines;
mod memory;
mod merge;
mod outputs;
mod over_windows;
mod plan;
mod plot;
mod progress;
mod record;
mod run;
mod signals;
mod tables;
mod vm;

use crate::exit::{self, ExitCode};
use clap::{CommandFactory, Parser, Subcommand};
use failure::Failure;
use std::io::{self, Write};

/// Replays memory-access traces through a virtual-memory model under page-replacement policies:
/// exact fault counts, CSV and charts.
#[derive(Debug, Parser)]
#[command(name = "pagebench", version, max_term_width = 100, after_help = exit_codes())]
struct Cli {
    /// What to do
    #[command(subcommand)]
    command: Command,
}

// Where a variant says nothing, its arguments do: a comment here would hide their longer one.
#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<run::RunArgs>),
    Plan(Box<plan::PlanArgs>),
    Init(init::InitArgs),
    Merge(merge::MergeArgs),
    Check(Box<check::CheckArgs>),
    Compare(compare::CompareArgs),
    Curve(curve::CurveArgs),
    Plot(plot::PlotArgs),
    Convert(convert::ConvertArgs),
    Record(record::RecordArgs),
    Interleave(interleave::InterleaveArgs),
    Gen(generate::GenArgs),
    Head(inspect::HeadArgs),
    Stat(inspect::StatArgs),
    Explain(explain::ExplainArgs),
    Vm(vm::VmArgs),
    /// Walk single addresses through TLBs and page tables, step by step
    Translate(machines::TranslateArgs),
    /// List the machines whose TLBs are known, or describe one
    #[command(after_help = "Example:\n  pagebench machines zen3")]
    Machines(lists::NameArgs),
    /// List the policies, or describe one
    #[command(after_help = "Example:\n  pagebench policies clock")]
    Policies(lists::NameArgs),
    /// List the trace formats, or describe one
    #[command(after_help = "Example:\n  pagebench formats lackey")]
    Formats(lists::NameArgs),
    /// List the columns of results.csv, or of another table, with their definitions
    Columns(lists::ColumnsArgs),
    Guide(guide::GuideArgs),
    Completions(completions::CompletionsArgs),
    Man(completions::ManArgs),
}

/// The table of exit codes, for `--help`.
fn exit_codes() -> String {
    let lines = exit::ALL.map(|exit| format!("  {:>3}  {}\n", exit.code, exit.about));
    format!("Exit codes:\n{}", lines.concat())
}

/// Runs the program on the arguments of the process; returns its exit code.
pub fn main() -> ExitCode {
    // A cell that fails says so in its row; a backtrace helps nobody there.
    std::panic::set_hook(Box::new(|panic| {
        progress::message(&format!("internal error: {panic}"))
    }));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let printed = error.print();
            if error.use_stderr() {
                return exit::USAGE;
            }
            return match printed.map_err(Failure::stdout) {
                Err(failure) => end(&failure),
                Ok(()) => exit::OK,
            };
        }
    };
    if cli.command.is_quiet() {
        progress::be_quiet();
    }
    let result = match cli.command {
        Command::Run(args) => run::run(*args),
        Command::Plan(args) => plan::plan(*args),
        Command::Init(args) => init::init(args),
        Command::Merge(args) => merge::merge(args),
        Command::Check(args) => check::check(*args),
        Command::Compare(args) => compare::run(args),
        Command::Curve(args) => curve::curve(args),
        Command::Plot(args) => plot::plot(args),
        Command::Convert(args) => convert::convert(args),
        Command::Record(args) => record::record(args),
        Command::Interleave(args) => interleave::interleave(args),
        Command::Gen(args) => generate::generate(args),
        Command::Head(args) => inspect::head(args),
        Command::Stat(args) => inspect::stat(args),
        Command::Explain(args) => explain::run(args),
        Command::Vm(args) => vm::vm(args),
        Command::Translate(args) => machines::translate(args),
        Command::Machines(args) => machines::machines(args),
        Command::Policies(args) => lists::policies(args),
        Command::Formats(args) => lists::formats(args),
        Command::Columns(args) => lists::columns(args),
        Command::Guide(args) => guide::guide(args),
        Command::Completions(args) => completions::completions(args, Cli::command()),
        Command::Man(args) => completions::man(args, Cli::command()),
    };
    match result {
        Ok(code) => code,
        Err(failure) => end(&failure),
    }
}

impl Command {
    /// Whether `--quiet` is given, to a command that has it.
    fn is_quiet(&self) -> bool {
        match self {
            Command::Run(args) => args.job.terminal.quiet,
            Command::Plan(args) => args.job.terminal.quiet,
            Command::Check(args) => args.terminal.quiet,
            Command::Curve(args) => args.terminal.quiet,
            Command::Convert(args) => args.quiet,
            Command::Record(args) => args.quiet,
            Command::Interleave(args) => args.quiet,
            Command::Explain(args) => args.quiet,
            Command::Vm(args) => args.quiet,
            _ => false,
        }
    }
}

/// Says why the program ends.
fn end(failure: &Failure) -> ExitCode {
    if !failure.is_silent() {
        progress::message(&format!("error: {failure}"));
    }
    failure.code
}

/// Characters that a line of text may have: `COLUMNS`, the terminal's, or 100.
fn terminal_width() -> usize {
    let asked = std::env::var("COLUMNS").ok();
    let asked = asked.and_then(|text| text.parse::<usize>().ok());
    let terminal = || Some(usize::from(terminal_size::terminal_size()?.0.0));
    asked.or_else(terminal).unwrap_or(100).max(40)
}

/// Writes text to standard output. A reader that has gone away is no failure, and changes no
/// verdict that is still to come: `pagebench check … | head -1` must find a regression too.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(Failure::stdout),
    }
}
