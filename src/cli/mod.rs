//! The command line: from arguments to library calls, and from their results to the terminal.
//!
//! `args` has arguments that several subcommands share, `setup` the way from arguments to a job and from
//! results to files, and `commands` a module for each subcommand.
//!
//! A job takes three steps, each once: `setup::experiment::CommandLine` parses the arguments,
//! `setup::experiment::Config` merges them with an experiment file, and `setup::job::Job` checks them.
//! Data goes to standard output, progress and messages to standard error.

mod args;
mod commands;
mod setup;

use self::args::blanks::blanks_for_commas;
use self::setup::experiment::CommandLine;
use self::setup::failure::Failure;
use self::setup::replay::use_all_cores;
use self::setup::signals::{install, last_word};
use crate::exit::{self, ExitCode};
use crate::policy::Registry;
use crate::units::Printable;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;

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
    Run(Box<crate::cli::commands::run::RunArgs>),
    Plan(Box<crate::cli::commands::plan::PlanArgs>),
    Init(crate::cli::commands::init::InitArgs),
    Merge(crate::cli::commands::merge::MergeArgs),
    Check(Box<crate::cli::commands::check::CheckArgs>),
    Compare(crate::cli::commands::compare::CompareArgs),
    Curve(crate::cli::commands::curve::CurveArgs),
    Plot(crate::cli::commands::plot::PlotArgs),
    Convert(crate::cli::commands::convert::ConvertArgs),
    Record(crate::cli::commands::record::RecordArgs),
    Interleave(crate::cli::commands::interleave::InterleaveArgs),
    Gen(crate::cli::commands::generate::GenArgs),
    Head(crate::cli::commands::inspect::HeadArgs),
    Stat(crate::cli::commands::inspect::StatArgs),
    Explain(crate::cli::commands::explain::ExplainArgs),
    Vm(crate::cli::commands::vm::VmArgs),
    Translate(crate::cli::commands::translate::TranslateArgs),
    /// List the machines whose TLBs are known, or describe one
    #[command(after_help = "Example:\n  pagebench machines zen3")]
    Machines(crate::cli::commands::lists::NameArgs),
    /// List the policies, or describe one
    #[command(after_help = "Example:\n  pagebench policies clock")]
    Policies(crate::cli::commands::lists::NameArgs),
    /// List the trace formats, or describe one
    #[command(after_help = "Example:\n  pagebench formats lackey")]
    Formats(crate::cli::commands::lists::NameArgs),
    /// List the columns of results.csv, or of another table, with their definitions; or define one
    Columns(crate::cli::commands::lists::ColumnsArgs),
    Guide(crate::cli::commands::guide::GuideArgs),
    Completions(crate::cli::commands::completions::CompletionsArgs),
    Man(crate::cli::commands::completions::ManArgs),
}

impl Command {
    /// Returns whether the command reads or draws on all cores. Others start no thread, or as many as
    /// `--jobs` says.
    fn takes_all_cores(&self) -> bool {
        match self {
            Command::Merge(_)
            | Command::Plot(_)
            | Command::Convert(_)
            | Command::Record(_)
            | Command::Interleave(_)
            | Command::Head(_)
            | Command::Stat(_)
            | Command::Explain(_)
            | Command::Vm(_)
            | Command::Translate(_) => true,
            Command::Run(_)
            | Command::Plan(_)
            | Command::Check(_)
            | Command::Curve(_)
            | Command::Init(_)
            | Command::Compare(_)
            | Command::Gen(_)
            | Command::Machines(_)
            | Command::Policies(_)
            | Command::Formats(_)
            | Command::Columns(_)
            | Command::Guide(_)
            | Command::Completions(_)
            | Command::Man(_) => false,
        }
    }
}

/// Returns the table of exit codes, for `--help`.
fn exit_codes() -> String {
    let lines = exit::ALL.map(|exit| format!("  {:>3}  {}\n", exit.code, exit.about));
    format!("Exit codes:\n{}", lines.concat())
}

/// Runs the program with the policies of `registry` on the arguments of the process. Returns the
/// exit code, which `pagebench guide exits` explains.
///
/// # Panics
/// If it is called a second time: the policies of a process are registered once.
pub fn main(registry: Registry) -> std::process::ExitCode {
    registry.install();
    install();
    // The row of a cell that panics holds the error; a backtrace would not help.
    std::panic::set_hook(Box::new(|panic| {
        crate::cli::setup::progress::message(&format!("internal error: {panic}"))
    }));
    std::process::ExitCode::from(last_word(run(std::env::args_os().collect())).code)
}

/// Runs the program on the arguments `given`, the program's name first. Returns the exit code.
pub(crate) fn run_given(given: Vec<OsString>) -> u8 {
    run(given).code
}

fn run(given: Vec<OsString>) -> ExitCode {
    if let Some(what) = blanks_for_commas(&Cli::command(), &given) {
        return report(&Failure::usage(what));
    }
    let (cli, line) = match parse(given.clone()) {
        Ok(parsed) => parsed,
        Err(error) => return print_clap_error(error, &given),
    };
    if line.is_quiet() {
        crate::cli::setup::progress::be_quiet();
    }
    if line.hides_progress() {
        crate::cli::setup::progress::hide_progress();
    }
    // Before any work: no output replaces an input.
    crate::cli::setup::paths::declare(&line.matches)
        .and_then(|()| execute(cli.command, line))
        .unwrap_or_else(|failure| report(&failure))
}

/// Parses the arguments `given`.
fn parse(given: Vec<OsString>) -> Result<(Cli, CommandLine), clap::Error> {
    let line = CommandLine::parse(Cli::command, given)?;
    let cli = Cli::from_arg_matches(&line.matches);
    let cli = cli.map_err(|error| error.format(&mut Cli::command()))?;
    Ok((cli, line))
}

/// Prints help, the version or an error of the command line, which `given` is; returns the exit code. An
/// error shows arguments: it becomes that of the arguments as they are printed.
fn print_clap_error(error: clap::Error, given: &[OsString]) -> ExitCode {
    let shown = |arg: &OsString| OsString::from(arg.printed().to_string());
    let shown: Vec<OsString> = given.iter().map(shown).collect();
    let error = if error.use_stderr() && shown != given {
        let of_shown = Cli::command().try_get_matches_from(&shown).err();
        let what = "an argument has control characters, and is wrong with them";
        of_shown.unwrap_or_else(|| Cli::command().error(error.kind(), what))
    } else {
        error
    };
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
    if command.takes_all_cores() {
        use_all_cores();
    }
    match command {
        Command::Run(_) => crate::cli::commands::run::run(&line),
        Command::Plan(_) => crate::cli::commands::plan::plan(&line),
        Command::Init(args) => crate::cli::commands::init::init(args, &line.command),
        Command::Merge(args) => crate::cli::commands::merge::merge(args),
        Command::Check(_) => crate::cli::commands::check::check(&line),
        Command::Compare(args) => crate::cli::commands::compare::compare(args),
        Command::Curve(args) => crate::cli::commands::curve::curve(args),
        Command::Plot(args) => crate::cli::commands::plot::plot(args),
        Command::Convert(args) => crate::cli::commands::convert::convert(args),
        Command::Record(args) => crate::cli::commands::record::record(args),
        Command::Interleave(args) => crate::cli::commands::interleave::interleave(args),
        Command::Gen(args) => crate::cli::commands::generate::generate(args),
        Command::Head(args) => crate::cli::commands::inspect::head(args),
        Command::Stat(args) => crate::cli::commands::inspect::stat(args),
        Command::Explain(args) => crate::cli::commands::explain::explain(args),
        Command::Vm(args) => crate::cli::commands::vm::vm(args),
        Command::Translate(args) => crate::cli::commands::translate::translate(args),
        Command::Machines(args) => crate::cli::commands::machines::machines(args),
        Command::Policies(args) => crate::cli::commands::lists::policies(args),
        Command::Formats(args) => crate::cli::commands::lists::formats(args),
        Command::Columns(args) => crate::cli::commands::lists::columns(args),
        Command::Guide(args) => crate::cli::commands::guide::guide(args),
        Command::Completions(args) => {
            crate::cli::commands::completions::completions(args, Cli::command())
        }
        Command::Man(args) => crate::cli::commands::completions::man(args, Cli::command()),
    }
}

/// Prints the message of a failure, unless it was printed before; returns its exit code.
fn report(failure: &Failure) -> ExitCode {
    if let Some(text) = failure.message() {
        crate::cli::setup::progress::message(&format!("error: {text}"));
    }
    failure.code
}
