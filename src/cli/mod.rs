//! The command line: one module per subcommand, each from arguments to library calls, and from their
//! results to the terminal.
//!
//! A job takes three steps, each once: [`experiment::CommandLine`] parses the arguments,
//! `experiment::Config` merges them with an experiment file, and `job::Job` checks them. Data goes to
//! standard output, progress and messages to standard error.

mod args;
mod cache;
mod chart_files;
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
mod host;
mod init;
mod input;
mod inspect;
mod interleave;
mod job;
mod job_args;
mod lists;
mod machines;
mod manifest;
mod memory;
mod merge;
mod output_file;
mod outputs;
mod over_windows;
mod plan;
mod plot;
mod progress;
mod record;
mod replay;
mod run;
mod signals;
mod tables;
mod terminal;
mod translate;
mod vm;

use crate::exit::{self, ExitCode};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use experiment::CommandLine;
use failure::Failure;

/// Replays memory-access traces through a virtual-memory model under page-replacement policies:
/// exact fault counts, CSV and charts.
#[derive(Debug, Parser)]
#[command(name = "pagebench", version, max_term_width = 100, after_help = exit_codes())]
struct Cli {
    /// The command to run
    #[command(subcommand)]
    command: Command,
}

// A `///` on a variant replaces the long help of its arguments: only variants whose arguments have none
// of their own get one.
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
    Translate(translate::TranslateArgs),
    /// List the machines whose TLBs are known, or describe one
    #[command(after_help = "Example:\n  pagebench machines zen3")]
    Machines(lists::NameArgs),
    /// List the policies, or describe one
    #[command(after_help = "Example:\n  pagebench policies clock")]
    Policies(lists::NameArgs),
    /// List the trace formats, or describe one
    #[command(after_help = "Example:\n  pagebench formats lackey")]
    Formats(lists::NameArgs),
    /// List the columns of results.csv, or of another table, with their definitions; or define one
    Columns(lists::ColumnsArgs),
    Guide(guide::GuideArgs),
    Completions(completions::CompletionsArgs),
    Man(completions::ManArgs),
}

/// Returns the table of exit codes, for `--help`.
fn exit_codes() -> String {
    let lines = exit::ALL.map(|exit| format!("  {:>3}  {}\n", exit.code, exit.about));
    format!("Exit codes:\n{}", lines.concat())
}

/// Runs the program on the arguments of the process; returns its exit code.
pub fn main() -> ExitCode {
    // The row of a cell that panics holds the error; a backtrace would not help.
    std::panic::set_hook(Box::new(|panic| {
        progress::message(&format!("internal error: {panic}"))
    }));
    let (cli, line) = match parse() {
        Ok(parsed) => parsed,
        Err(error) => return print_clap_error(&error),
    };
    if line.is_quiet() {
        progress::be_quiet();
    }
    execute(cli.command, line).unwrap_or_else(|failure| report(&failure))
}

/// Parses the arguments of the process.
fn parse() -> Result<(Cli, CommandLine), clap::Error> {
    let line = CommandLine::parse(Cli::command())?;
    let cli = Cli::from_arg_matches(&line.matches);
    let cli = cli.map_err(|error| error.format(&mut Cli::command()))?;
    Ok((cli, line))
}

/// Prints help, the version or an error of the command line; returns the exit code.
fn print_clap_error(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    if error.use_stderr() {
        return exit::USAGE;
    }
    match printed.map_err(Failure::stdout) {
        Err(failure) => report(&failure),
        Ok(()) => exit::OK,
    }
}

/// Runs a command. Commands that take an experiment file read their arguments from `line`.
fn execute(command: Command, line: CommandLine) -> Result<ExitCode, Failure> {
    match command {
        Command::Run(_) => run::run(&line),
        Command::Plan(_) => plan::plan(&line),
        Command::Init(args) => init::init(args, &line.command),
        Command::Merge(args) => merge::merge(args),
        Command::Check(_) => check::check(&line),
        Command::Compare(args) => compare::compare(args),
        Command::Curve(args) => curve::curve(args),
        Command::Plot(args) => plot::plot(args),
        Command::Convert(args) => convert::convert(args),
        Command::Record(args) => record::record(args),
        Command::Interleave(args) => interleave::interleave(args),
        Command::Gen(args) => generate::generate(args),
        Command::Head(args) => inspect::head(args),
        Command::Stat(args) => inspect::stat(args),
        Command::Explain(args) => explain::explain(args),
        Command::Vm(args) => vm::vm(args),
        Command::Translate(args) => translate::translate(args),
        Command::Machines(args) => machines::machines(args),
        Command::Policies(args) => lists::policies(args),
        Command::Formats(args) => lists::formats(args),
        Command::Columns(args) => lists::columns(args),
        Command::Guide(args) => guide::guide(args),
        Command::Completions(args) => completions::completions(args, line.command),
        Command::Man(args) => completions::man(args, line.command),
    }
}

/// Prints the message of a failure, unless it was printed before; returns its exit code.
fn report(failure: &Failure) -> ExitCode {
    if let Some(text) = failure.message() {
        progress::message(&format!("error: {text}"));
    }
    failure.code
}
