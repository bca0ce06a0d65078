//! `pagebench init`: an experiment file to begin with, made from the flags of `run` and the tables
//! of keys.

use crate::check::limits::{self, Key};
use crate::cli::setup::experiment::file::{
    EXCLUDE_KEYS, KEYS, SCHEMA, TRACE_KEYS, is_switch, keys_of, settings_of,
};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::terminal::print;
use crate::exit::{self, ExitCode};
use crate::report::results::results_csv::write_file;
use crate::units::Printable;
use clap::{Arg, Args, Command};
use std::path::PathBuf;

/// Write a commented experiment file to begin with.
///
/// It has every setting with its default, commented out, and runs as it is next to a folder called
/// traces. Errors if the file exists.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  pagebench init mine.toml && pagebench run -f mine.toml -o out")]
pub struct InitArgs {
    /// The file to write; - is standard output
    #[arg(value_name = "FILE", default_value = "experiment.toml")]
    file: PathBuf,
}

/// The settings that the example sets; others are comments.
const SET: [(&str, &str); 1] = [("frames", "\"2^6..2^9\"")];

/// The widest comment, in characters.
const WIDTH: usize = 96;

/// Runs the command; `program` is the grammar of all commands.
pub fn init(args: InitArgs, program: &Command) -> Result<ExitCode, Failure> {
    let text = example(program);
    if args.file.as_os_str() == "-" {
        print(&text)?;
        return Ok(exit::OK);
    }
    let place = args.file.printed();
    if args.file.symlink_metadata().is_ok() {
        let what = "is there already; name another file, or remove it";
        return Err(Failure::usage(format!("{place}: {what}")));
    }
    write_file(&args.file, text.as_bytes())?;
    print(&format!(
        "{place}: run it with pagebench run -f {place}, see what it does with pagebench plan -f {place}\n"
    ))?;
    Ok(exit::OK)
}

/// Returns the text of the example.
fn example(program: &Command) -> String {
    let mut out = comment(
        "An experiment of pagebench. Settings come first, tables ([[trace]] and so on) after them. \
         Each setting is also a flag of run; flags on the command line win. Several values are a \
         text with commas, or an array.",
    );
    out += &format!("\n{}schema = {SCHEMA}\n", comment(about("schema")));
    out += &format!("\n{}name = \"example\"\n", comment(about("name")));
    let run = program.find_subcommand("run").expect("a subcommand");
    let run_keys = keys_of(program);
    for arg in settings_of(run, &run_keys).filter(|arg| arg.get_long() != Some("policy")) {
        out += &setting(arg);
    }
    out += &format!("\n{}[[trace]]\n", comment(about("trace")));
    out += &keys(&TRACE_KEYS, &[("path", "\"traces\"")]);
    out += &policies(run);
    out += &format!("\n{}[[exclude]]\n", comment(about("exclude")));
    out += &keys(
        &EXCLUDE_KEYS,
        &[("policy", "\"opt\""), ("frames", "\">=512\"")],
    );
    out + &check()
}

/// Returns the help of a key that is no flag.
fn about(name: &str) -> &'static str {
    let found = KEYS.iter().find(|(key, _)| *key == name);
    found.map_or("", |(_, about)| about)
}

/// Returns the `[[policy]]` tables.
fn policies(run: &Command) -> String {
    let policy = run
        .get_arguments()
        .find(|arg| arg.get_long() == Some("policy"));
    let help = policy.map(help).unwrap_or_default();
    format!(
        "\n{}[[policy]]\nname = \"lru\"\n\n[[policy]]\nname = \"clock\"\nload-bit = [0, 1]\n\n\
         [[policy]]\nname = \"opt\"\n",
        comment(&format!(
            "policies (see: pagebench policies): the name of one, and its parameters; a list of values of \
             a parameter gives a policy for each. The key policy can replace these tables: it takes what \
             -p takes, before the first table. {help}"
        ))
    )
}

/// Returns the `[check]` table.
fn check() -> String {
    let mut out = format!("\n{}[check]\n", comment(about("check")));
    let (overrides, own): (Vec<Key>, Vec<Key>) =
        (limits::KEYS.into_iter()).partition(|(key, _)| *key == limits::OVERRIDE);
    out += &keys(&own, &[("max-increase", "0"), ("improvement", "\"warn\"")]);
    for (key, about) in overrides {
        out += &format!("\n{}# [[check.{key}]]\n", comment(about));
        out += &keys(&limits::OVERRIDE_KEYS, &[]);
    }
    out
}

/// Returns the keys of a table, each with its help; those that `set` does not set as comments.
fn keys(keys: &[Key], set: &[(&str, &str)]) -> String {
    let line = |(key, about): &Key| {
        let value = set.iter().find(|(name, _)| name == key);
        let line = match value {
            Some((_, value)) => format!("{key} = {value}"),
            None => format!("# {key} = \"\""),
        };
        format!("{}{line}\n", comment(&format!("{key}: {about}")))
    };
    keys.iter().map(line).collect()
}

/// Returns a flag of `run` with its help and its default.
fn setting(arg: &Arg) -> String {
    let key = arg.get_long().unwrap_or_default();
    let set = SET.iter().find(|(name, _)| *name == key);
    let defaults: Vec<_> = arg.get_default_values().iter().collect();
    let line = match (set, &defaults[..]) {
        (Some((_, value)), _) => format!("{key} = {value}"),
        _ if is_switch(arg) => format!("# {key} = false"),
        (None, []) => format!("# {key} = \"\"  # not set"),
        (None, values) => {
            let values: Vec<_> = values.iter().map(|value| value.to_string_lossy()).collect();
            format!("# {key} = \"{}\"", values.join(","))
        }
    };
    format!("\n{}{line}\n", comment(&help(arg)))
}

/// Returns the help of a flag, on one line.
fn help(arg: &Arg) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    help.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns `text` as comment lines.
fn comment(text: &str) -> String {
    let mut lines = vec!["#".to_owned()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is a first line");
        if last.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(format!("# {word}"));
        } else {
            *last += &format!(" {word}");
        }
    }
    lines.join("\n") + "\n"
}
