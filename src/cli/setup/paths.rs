//! The files that each command reads and writes: THE table of arguments that are paths. All of them are
//! compared before any work, so that no output replaces an input or another output, and no trace is
//! replaced without `--force`. A test demands an entry for every argument that is a path.
//!
//! The table knows the paths of the command line. Traces of folders and experiments are declared as they
//! are found ([`declare_traces`]), and the files in an output folder are compared once their names are
//! known ([`refuse_inputs`]).

use super::failure::Failure;
use crate::check::digests;
use crate::report::inputs::{Clash, declare_input, declare_output, input_at};
use crate::report::results::cells_jsonl::CELLS;
use crate::report::results::plan_file::PLAN;
use crate::report::tables::list::TABLES;
use crate::units::Printable;
use clap::ArgMatches;
use std::fs;
use std::path::{Path, PathBuf};

/// What a command does with the file that an argument names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Reads it; a folder is one trace of several files.
    Read,
    /// Reads it; of a folder the traces, which [`declare_traces`] declares once they are found.
    Traces,
    /// Reads it; of a folder the tables of a run, or the traces.
    Results,
    /// Reads the program of this name.
    Program,
    /// Reads it. With `--accept`: replaces it and its digests. In both cases its proposal is written.
    Baseline,
    /// Writes a trace; one that is there is replaced with `--force` only.
    Trace,
    /// Writes or replaces a report.
    Report,
    /// Writes or replaces a picture, and the CSV beside it.
    Chart,
    /// Writes files into it, whose names the command compares once it knows them.
    Folder,
    /// Reads and writes files in it that are named by their contents.
    Cache,
}

/// An argument: its command, its id in the grammar, the name that messages give it, and its use.
type Row = (&'static str, &'static str, &'static str, Use);

/// THE table of arguments that are paths.
const TABLE: &[Row] = &[
    ("run", "traces", "TRACE", Use::Traces),
    ("run", "file", "-f", Use::Read),
    ("run", "output", "-o", Use::Folder),
    ("run", "write_misses", "--write-misses", Use::Folder),
    ("run", "cache", "--cache", Use::Cache),
    ("plan", "traces", "TRACE", Use::Traces),
    ("plan", "file", "-f", Use::Read),
    ("plan", "cache", "--cache", Use::Cache),
    ("init", "file", "FILE", Use::Report),
    ("merge", "parts", "DIR", Use::Results),
    ("merge", "output", "-o", Use::Folder),
    ("check", "traces", "TRACE|RESULTS", Use::Results),
    ("check", "file", "-f", Use::Read),
    ("check", "limits", "--limits", Use::Read),
    ("check", "cache", "--cache", Use::Cache),
    ("check", "baseline", "BASELINE", Use::Baseline),
    ("check", "junit", "--junit", Use::Report),
    ("check", "json", "--json", Use::Report),
    ("check", "summary_md", "--summary-md", Use::Report),
    ("check", "chart", "--chart", Use::Chart),
    ("compare", "results", "RESULTS", Use::Results),
    ("curve", "traces", "TRACE", Use::Traces),
    ("curve", "output", "-o", Use::Folder),
    ("plot", "words", "INPUT", Use::Results),
    ("plot", "output", "-o", Use::Folder),
    ("convert", "trace", "TRACE", Use::Read),
    ("convert", "output", "-o", Use::Trace),
    ("record", "command", "COMMAND", Use::Program),
    ("record", "output", "-o", Use::Trace),
    ("interleave", "traces", "TRACE", Use::Traces),
    ("interleave", "output", "-o", Use::Trace),
    ("gen", "output", "-o", Use::Trace),
    ("head", "trace", "TRACE", Use::Read),
    ("stat", "trace", "TRACE", Use::Read),
    ("stat", "cache", "--cache", Use::Cache),
    ("explain", "trace", "TRACE", Use::Read),
    ("explain", "png", "--png", Use::Report),
    ("vm", "trace", "TRACE", Use::Read),
    ("vm", "output", "-o", Use::Folder),
    ("translate", "state", "--state", Use::Read),
    ("man", "output", "-o", Use::Folder),
];

impl Use {
    fn is_read(self) -> bool {
        matches!(self, Use::Read | Use::Traces | Use::Results | Use::Program)
    }
}

/// Declares the files of a command line, given its values. Errors if an output is an input or another
/// output, or if a trace would be replaced without `--force`.
pub fn declare(matches: &ArgMatches) -> Result<(), Failure> {
    let Some((command, mut matches)) = matches.subcommand() else {
        return Ok(());
    };
    while let Some((_, inner)) = matches.subcommand() {
        matches = inner;
    }
    let is_on = |flag: &str| matches!(matches.try_get_one::<bool>(flag), Ok(Some(true)));
    let rows = TABLE.iter().filter(|(name, ..)| *name == command);
    let (inputs, outputs): (Vec<&Row>, Vec<&Row>) =
        rows.partition(|(.., purpose)| purpose.is_read());
    for &(_, id, label, purpose) in inputs.into_iter().chain(outputs) {
        for path in values(matches, id) {
            match purpose {
                Use::Program => {
                    declare_program(&path)?;
                    // What follows are the arguments of the program.
                    break;
                }
                Use::Read => declare_read(&path, FOLDERS_MAX)?,
                Use::Traces => declare_read(&path, 0)?,
                Use::Results => declare_results(&path)?,
                Use::Baseline => declare_baseline(&path, is_on("accept"))?,
                Use::Trace => {
                    declare_written(label, &path)?;
                    refuse_replacing(label, &path, is_on("force"))?;
                }
                Use::Report => declare_written(label, &path)?,
                Use::Chart => {
                    declare_written(label, &path)?;
                    let numbers = path.with_extension("csv");
                    if numbers != path {
                        declare_written(label, &numbers)?;
                    }
                }
                Use::Folder | Use::Cache => {}
            }
        }
    }
    Ok(())
}

/// Returns the paths that an argument has, those of its default too.
fn values(matches: &ArgMatches, id: &str) -> Vec<PathBuf> {
    let values = matches.try_get_raw(id).ok().flatten();
    values.into_iter().flatten().map(PathBuf::from).collect()
}

/// Folders in a trace that is a folder, each in the one before.
const FOLDERS_MAX: u32 = 3;

/// Declares that `path` is read, and the files below it, `depth` folders deep.
fn declare_read(path: &Path, depth: u32) -> Result<(), Failure> {
    if path == Path::new("-") {
        return input(Path::new("/dev/stdin"));
    }
    input(path)?;
    if depth > 0 && path.is_dir() {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        for entry in entries {
            declare_read(&entry.path(), depth - 1)?;
        }
    }
    Ok(())
}

/// Declares that the traces `paths` are read, which were found in folders or in an experiment file.
/// Errors if one is an output.
pub fn declare_traces<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Result<(), Failure> {
    paths
        .into_iter()
        .try_for_each(|path| declare_read(path, FOLDERS_MAX))
}

#[cfg(target_os = "linux")]
fn declare_program(name: &Path) -> Result<(), Failure> {
    let file = crate::record::session::find(name.as_os_str());
    file.map_or(Ok(()), |file| input(&file))
}

#[cfg(not(target_os = "linux"))]
fn declare_program(_: &Path) -> Result<(), Failure> {
    Ok(())
}

/// Declares that a table is read, or the tables of a folder.
fn declare_results(path: &Path) -> Result<(), Failure> {
    declare_read(path, 0)?;
    let tables = TABLES.iter().map(|(name, _)| *name);
    let mut files = tables.chain([PLAN, CELLS]).map(|name| path.join(name));
    files.try_for_each(|file| input(&file))
}

fn declare_baseline(path: &Path, accepts: bool) -> Result<(), Failure> {
    const LABEL: &str = "BASELINE";
    let kept = digests::path_of(path);
    if accepts {
        let other = [path, &kept]
            .into_iter()
            .find(|path| path.exists() && !path.is_file());
        if let Some(path) = other {
            let path = path.printed();
            return Err(Failure::usage(format!(
                "{path}: no regular file: --accept replaces files"
            )));
        }
        declare_written(LABEL, path)?;
        declare_written(LABEL, &kept)?;
    } else {
        declare_read(path, 0)?;
        declare_read(&kept, 0)?;
    }
    declare_written(LABEL, &proposal_path(path))?;
    match std::env::var_os("GITHUB_STEP_SUMMARY").map(PathBuf::from) {
        Some(summary) => refuse_inputs("GITHUB_STEP_SUMMARY", [summary]),
        None => Ok(()),
    }
}

/// Returns the file for the counts of today that differ from the baseline `path`, `BASELINE.new`.
pub fn proposal_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// Declares an input. `path` is an output already if this fails.
fn input(path: &Path) -> Result<(), Failure> {
    declare_input(path).map_err(|clash| match clash {
        Clash::Output(output) | Clash::Input(output) => is_read("", &output, path),
    })
}

fn declare_written(label: &str, path: &Path) -> Result<(), Failure> {
    let place = match path == Path::new("-") {
        true => Path::new("/dev/stdout"),
        false => path,
    };
    declare_output(place).map_err(|clash| match clash {
        Clash::Input(input) => is_read(label, path, &input),
        Clash::Output(other) => Failure::usage(format!(
            "{label} {}: {} is written to the same file; choose another name for one of them",
            path.printed(),
            other.printed()
        )),
    })
}

/// Errors if one of `files`, which the argument `label` has written, is an input.
pub fn refuse_inputs(label: &str, files: impl IntoIterator<Item = PathBuf>) -> Result<(), Failure> {
    for file in files {
        if let Some(input) = input_at(&file) {
            return Err(is_read(label, &file, &input));
        }
    }
    Ok(())
}

fn is_read(label: &str, output: &Path, input: &Path) -> Failure {
    let blank = if label.is_empty() { "" } else { " " };
    Failure::usage(format!(
        "{label}{blank}{}: would be written over {}, which is read; choose another name",
        output.printed(),
        input.printed()
    ))
}

/// Errors if the trace `path` would be replaced and may not be. An empty file holds nothing to lose.
pub fn refuse_replacing(label: &str, path: &Path, force: bool) -> Result<(), Failure> {
    let holds_something = |meta: fs::Metadata| meta.is_file() && meta.len() > 0;
    if force || path == Path::new("-") || !fs::metadata(path).is_ok_and(holds_something) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{label} {}: exists already; choose another name, or replace it with --force",
        path.printed()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Arg, Command, CommandFactory};
    use std::any::TypeId;
    use std::collections::BTreeSet;
    use std::ffi::OsString;

    /// Words in the name of a value that is a path.
    const WORDS: [&str; 5] = ["FILE", "DIR", "TRACE", "RESULTS", "BASELINE"];

    fn is_path(arg: &Arg) -> bool {
        let value = arg.get_value_parser().type_id();
        let names = arg.get_value_names().unwrap_or_default();
        let is_named = names.iter().any(|name| {
            let mut words = name.split(|c: char| !c.is_ascii_alphabetic());
            words.any(|word| WORDS.contains(&word))
        });
        let is_typed = value == TypeId::of::<PathBuf>() || value == TypeId::of::<OsString>();
        arg.get_action().takes_values() && (is_typed || is_named)
    }

    /// Gathers the arguments of `command` and its subcommands that are paths.
    fn paths(name: &'static str, command: &Command, found: &mut BTreeSet<(String, String)>) {
        let arguments = command.get_arguments().filter(|arg| is_path(arg));
        found.extend(arguments.map(|arg| (name.to_owned(), arg.get_id().to_string())));
        command
            .get_subcommands()
            .for_each(|inner| paths(name, inner, found));
    }

    #[test]
    fn every_argument_that_is_a_path_is_in_the_table_once() {
        let program = crate::cli::Cli::command();
        let mut found = BTreeSet::new();
        for command in program.get_subcommands() {
            let name = command.get_name().to_owned().leak();
            paths(name, command, &mut found);
        }
        let row = |(command, id, ..): &Row| ((*command).to_owned(), (*id).to_owned());
        let table: BTreeSet<_> = TABLE.iter().map(row).collect();
        assert_eq!(table.len(), TABLE.len(), "an argument has two entries");
        let missing: Vec<_> = found.difference(&table).collect();
        let stale: Vec<_> = table.difference(&found).collect();
        assert!(
            missing.is_empty() && stale.is_empty(),
            "in the grammar, but not in TABLE: {missing:?}; in TABLE only: {stale:?}"
        );
    }

    /// A command that writes a trace can be told to replace it.
    #[test]
    fn every_command_that_writes_a_trace_has_force() {
        let program = crate::cli::Cli::command();
        for (command, ..) in TABLE.iter().filter(|row| row.3 == Use::Trace) {
            let command = program.find_subcommand(command).unwrap();
            let inner: Vec<&Command> = command.get_subcommands().collect();
            for command in if inner.is_empty() {
                vec![command]
            } else {
                inner
            } {
                let mut arguments = command.get_arguments();
                assert!(
                    arguments.any(|arg| arg.get_long() == Some("force")),
                    "{}",
                    command.get_name()
                );
            }
        }
    }
}
