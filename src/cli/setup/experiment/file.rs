//! Experiment files: which traces, which cells, under which settings. A setting is a flag of `run`
//! by its long name, with the same grammar, so that no setting is listed twice.
//!
//! Deliberately absent: how the command line and the file go together.

use super::text::{Entry, Node, TomlFile, entries};
use crate::check::Limits;
use crate::check::limits::{Key, OVERRIDE};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::input::real;
use crate::policy::choice_list::{check_number, items, parse_list};
use crate::policy::{PolicyChoice, PolicyPattern};
use crate::sweep::{Comparison, EXCLUDES_MAX, Exclude};
use crate::trace::format;
use crate::trace::model::source::PBT;
use clap::builder::PossibleValue;
use clap::{Arg, Command};
use serde::Deserialize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// The version of the file's grammar.
pub const SCHEMA: &str = "1";

/// The keys of the file in addition to the flags of `run`.
pub const KEYS: [Key; 5] = [
    ("schema", "version of the grammar of this file: 1"),
    ("name", "name of the experiment, for the manifest"),
    ("trace", "traces; those of the command line replace them"),
    (
        "exclude",
        "cells to leave out: those that meet all conditions of an entry",
    ),
    (
        "check",
        "how much counts may change, for pagebench check -f",
    ),
];

/// The keys of a `[[trace]]`.
pub const TRACE_KEYS: [Key; 4] = [
    (
        "path",
        "file, or folder of traces, relative to the folder of this file",
    ),
    (
        "name",
        "name in the results; the stored name, or the file's, if absent",
    ),
    (
        "format",
        "format; guessed from its content if absent (see: pagebench formats)",
    ),
    (
        "digest",
        "digest of the references replayed (column trace_digest), 8 digits of it or more; another trace is an error",
    ),
];

/// The keys of an `[[exclude]]`.
pub const EXCLUDE_KEYS: [Key; 5] = [
    ("trace", "name of the trace"),
    (
        "policy",
        "policy; a bare name matches any parameters; with some, the others have their defaults",
    ),
    (
        "frames",
        "number of frames: 64, \">=8192\", \"<64\", \"!=16\"",
    ),
    ("tau", "window in references: 1000, \">=1000\""),
    ("page-size", "page size: 4KiB, \">=64KiB\""),
];

/// The flags of `run` that are no keys: they concern one call, the terminal, charts or speed, and
/// change no count. Every other flag is a key.
pub const NO_KEYS: [&str; 20] = [
    "file",
    "string",
    "unset",
    "show-config",
    "dry-run",
    "partition",
    "output",
    "force",
    "resume",
    "show",
    "write-misses",
    "progress",
    "quiet",
    "no-charts",
    "svg",
    "no-data",
    "cache",
    "no-cache",
    "engine",
    "jobs",
];

/// The keys whose values may be lists: those whose flags show `,…` in their help, which a test compares.
const LISTS: [&str; 11] = [
    "policy",
    "frames",
    "tau",
    "seed",
    "page-size",
    "model",
    "cost",
    "counts",
    "col",
    "kinds",
    "pid",
];

/// Returns the flags of `run` that are keys of an experiment file; `program` is the whole grammar.
pub fn keys_of(program: &Command) -> Vec<String> {
    let longs = run_of(program).get_arguments().filter_map(Arg::get_long);
    longs
        .filter(|long| !NO_KEYS.contains(long))
        .map(str::to_owned)
        .collect()
}

fn run_of(program: &Command) -> &Command {
    program.find_subcommand("run").expect("a subcommand")
}

/// Returns the flags of the subcommand `command` that are among `keys`, in the order of its help.
pub fn settings_of<'c>(command: &'c Command, keys: &'c [String]) -> impl Iterator<Item = &'c Arg> {
    let is_key = move |arg: &&Arg| {
        let long = arg.get_long().unwrap_or_default();
        keys.iter().any(|key| key == long)
    };
    command.get_arguments().filter(is_key)
}

/// Returns whether the flag `arg` is on or off: its values are `true` and `false`.
pub fn is_switch(arg: &Arg) -> bool {
    let values = arg.get_possible_values();
    values
        .iter()
        .map(PossibleValue::get_name)
        .eq(["true", "false"])
}

/// Returns the `[check]` table of a file as it is written there, without comments; empty if there is
/// none.
pub fn check_as_written(text: &TomlFile) -> Result<String, Failure> {
    let document = text.parse()?;
    let all = entries(document.get_ref());
    let Some(check) = all.iter().find(|entry| entry.key == "check") else {
        return Ok(String::new());
    };
    let line = |entry: &Entry<'_, '_>| format!("{} = {}\n", entry.key, text.written(entry.node));
    let mut out = String::new();
    for (_, table) in text.tables(check.node)? {
        let (overrides, own): (Vec<_>, Vec<_>) =
            (entries(table).into_iter()).partition(|entry| entry.key == OVERRIDE);
        out += &format!("\n[check]  # {}\n", text.place(&check.span));
        out.extend(own.iter().map(line));
        for entry in overrides {
            for (place, table) in text.tables(entry.node)? {
                out += &format!("\n[[check.{OVERRIDE}]]  # {}\n", text.place(&place));
                out.extend(entries(table).iter().map(line));
            }
        }
    }
    Ok(out)
}

/// A setting of the file.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The long name of the flag.
    pub key: String,
    /// Its value, as a flag has it; `true` or `false` for a flag without one.
    pub value: String,
    /// The place of the value.
    pub span: Range<usize>,
}

/// A trace of the file.
#[derive(Debug, Clone)]
pub struct TraceEntry {
    /// The file or folder.
    pub path: PathBuf,
    /// Its name; `None` for the name of its file.
    pub name: Option<String>,
    /// Its format; `None` to guess it.
    pub format: Option<String>,
    /// The digest that it must have, or the beginning of it.
    pub digest: Option<String>,
    /// The place of the entry.
    pub span: Range<usize>,
}

impl TraceEntry {
    fn is_of_same_file(&self, other: &TraceEntry) -> bool {
        real(&self.path) == real(&other.path)
    }

    /// Returns a key whose values differ between two entries.
    fn difference(&self, other: &TraceEntry) -> Option<&'static str> {
        let keys = [
            ("name", &self.name, &other.name),
            ("format", &self.format, &other.format),
            ("digest", &self.digest, &other.digest),
        ];
        let different = keys.into_iter().find(|(_, here, there)| here != there);
        different.map(|(key, ..)| key)
    }
}

/// The content of an experiment file.
pub struct Experiment {
    /// The file.
    pub text: TomlFile,
    /// The name of the experiment.
    pub name: Option<String>,
    /// The traces.
    pub traces: Vec<TraceEntry>,
    /// The settings, in the order of the file.
    pub settings: Vec<Setting>,
    /// Cells to leave out, each with its place.
    pub excludes: Vec<(Range<usize>, Exclude)>,
    /// The limits of `check`.
    pub check: Option<Limits>,
}

impl Experiment {
    /// Reads the file `path`. Its keys are those of `run` in the grammar `program`, whatever command
    /// reads it.
    pub fn read(path: &Path, program: &Command) -> Result<Experiment, Failure> {
        let text = TomlFile::read(path)?;
        let mut all = Experiment {
            text: text.clone(),
            name: None,
            traces: Vec::new(),
            settings: Vec::new(),
            excludes: Vec::new(),
            check: None,
        };
        let document = text.parse()?;
        let mut schema = false;
        for entry in entries(document.get_ref()) {
            let node = entry.node;
            match entry.key {
                "schema" => schema = is_schema(&text, node)?,
                "name" => all.name = Some(text.string(node)?.to_owned()),
                "trace" => all.traces = traces(&text, node)?,
                "exclude" => all.excludes = excludes(&text, node)?,
                "check" => all.check = Some(check_table(&text)?),
                _ => all.settings.push(setting(&text, entry, program)?),
            }
        }
        if !schema {
            let what = format!("no schema: write schema = {SCHEMA} at the beginning");
            return Err(text.fail(0..0, what));
        }
        Ok(all)
    }
}

fn is_schema(text: &TomlFile, node: &Node<'_>) -> Result<bool, Failure> {
    match text.scalar(node)? {
        found if found == SCHEMA => Ok(true),
        found => {
            let what = format!("schema {found}: this program reads schema {SCHEMA}");
            Err(text.fail(node.span(), what))
        }
    }
}

/// Returns the `[check]` table of a file, and ignores everything else in it.
pub fn check_table(text: &TomlFile) -> Result<Limits, Failure> {
    #[derive(Deserialize)]
    struct Whole {
        check: Limits,
    }
    Ok(text.read_as::<Whole>()?.check)
}

fn names(keys: &[Key]) -> Vec<&'static str> {
    keys.iter().map(|(name, _)| *name).collect()
}

fn traces(text: &TomlFile, node: &Node<'_>) -> Result<Vec<TraceEntry>, Failure> {
    let mut all: Vec<TraceEntry> = Vec::new();
    for (span, table) in text.tables(node)? {
        let entry = trace_entry(text, span, table, &all)?;
        match all.iter().find(|other| other.is_of_same_file(&entry)) {
            None => all.push(entry),
            Some(other) => {
                if let Some(key) = other.difference(&entry) {
                    let what = format!(
                        "the entry at {} is of the same file, with another {key}",
                        text.place(&other.span)
                    );
                    return Err(text.fail(entry.span, what));
                }
            }
        }
    }
    Ok(all)
}

/// Returns the trace of a table; errors if one of `known` has its name.
fn trace_entry(
    text: &TomlFile,
    span: Range<usize>,
    table: &DeTable<'_>,
    known: &[TraceEntry],
) -> Result<TraceEntry, Failure> {
    let (mut path, mut name, mut format, mut digest) = (None, None, None, None);
    for entry in entries(table) {
        let node = entry.node;
        match entry.key {
            "path" => path = Some(text.string(node)?),
            "name" => name = Some((text.string(node)?.to_owned(), node.span())),
            "format" => format = Some(known_format(text, node)?),
            "digest" => digest = Some(digest_text(text, node)?),
            _ => return Err(text.unknown_key(entry, &names(&TRACE_KEYS))),
        }
    }
    let path = path.ok_or_else(|| text.fail(span.clone(), "this trace has no path"))?;
    // Standard input is not in the folder.
    let path = if path == "-" {
        path.into()
    } else {
        text.path().parent().unwrap_or(Path::new("")).join(path)
    };
    if let Some((name, span)) = &name
        && known.iter().any(|other| other.name.as_ref() == Some(name))
    {
        let what = format!("two traces have the name {name:?}");
        return Err(text.fail(span.clone(), what));
    }
    if path.is_dir() && (name.is_some() || digest.is_some()) {
        let what = "a folder of traces has no one name or digest: name its files";
        return Err(text.fail(span, what));
    }
    Ok(TraceEntry {
        path,
        name: name.map(|(name, _)| name),
        format,
        digest,
        span,
    })
}

fn known_format(text: &TomlFile, node: &Node<'_>) -> Result<String, Failure> {
    let name = text.string(node)?;
    if !name.eq_ignore_ascii_case(PBT) {
        format::by_name(name).map_err(|e| text.fail(node.span(), &e))?;
    }
    Ok(name.to_owned())
}

fn digest_text(text: &TomlFile, node: &Node<'_>) -> Result<String, Failure> {
    let digest = text.string(node)?.to_ascii_lowercase();
    let hex = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hex || !(8..=32).contains(&digest.len()) {
        let what = "a digest is 8 to 32 hexadecimal digits (pagebench stat shows it)";
        return Err(text.fail(node.span(), what));
    }
    Ok(digest)
}

fn excludes(text: &TomlFile, node: &Node<'_>) -> Result<Vec<(Range<usize>, Exclude)>, Failure> {
    let mut all = Vec::new();
    let tables = text.tables(node)?;
    if tables.len() > EXCLUDES_MAX {
        let (number, span) = (tables.len(), tables[EXCLUDES_MAX].0.clone());
        let what = format!(
            "{number} excludes: at most {EXCLUDES_MAX} are allowed; one with conditions such as \
             frames = \">=64\" stands for many"
        );
        return Err(text.fail(span, what));
    }
    for (span, table) in tables {
        let mut exclude = Exclude::default();
        for entry in entries(table) {
            let node = entry.node;
            let fail = |why: String| text.fail(node.span(), why);
            let number = |read: fn(&str) -> Result<Comparison, _>| {
                let condition = read(&text.scalar(node)?);
                condition.map_err(|e: crate::units::UnitError| fail(e.to_string()))
            };
            match entry.key {
                "trace" => exclude.trace = Some(text.string(node)?.to_owned()),
                "policy" => {
                    let policy = text.string(node)?.parse::<PolicyPattern>();
                    exclude.policy = Some(policy.map_err(|e| fail(e.to_string()))?);
                }
                "frames" => exclude.frames = Some(number(str::parse)?),
                "tau" => exclude.tau = Some(number(str::parse)?),
                "page-size" => exclude.page_size = Some(number(Comparison::of_bytes)?),
                _ => return Err(text.unknown_key(entry, &names(&EXCLUDE_KEYS))),
            }
        }
        if exclude == Exclude::default() {
            let what = "an exclude without conditions would leave out everything";
            return Err(text.fail(span, what));
        }
        all.push((span, exclude));
    }
    Ok(all)
}

/// Returns the setting of an entry; errors if its key is no flag of `run`.
fn setting(text: &TomlFile, entry: Entry<'_, '_>, program: &Command) -> Result<Setting, Failure> {
    let Entry { key, node, .. } = entry;
    let flags = keys_of(program);
    let mut settings = settings_of(run_of(program), &flags);
    let Some(arg) = settings.find(|arg| arg.get_long() == Some(key)) else {
        let flags = flags.iter().map(String::as_str);
        let known: Vec<&str> = names(&KEYS).into_iter().chain(flags).collect();
        return Err(text.unknown_key(entry, &known));
    };
    let value = match node.get_ref() {
        DeValue::Boolean(on) if is_switch(arg) => on.to_string(),
        _ if is_switch(arg) => {
            return Err(text.fail(node.span(), "true or false is wanted here"));
        }
        _ if key == "policy" => policies(text, node)?.join(","),
        _ => value(text, node, LISTS.contains(&key))?,
    };
    Ok(Setting {
        key: key.to_owned(),
        value,
        span: node.span(),
    })
}

/// Returns a value as a flag has it. With `list`, an array, or a table with the one key `values`, is the
/// same as a text with commas.
fn value(text: &TomlFile, node: &Node<'_>, list: bool) -> Result<String, Failure> {
    match node.get_ref() {
        DeValue::Array(array) if list => {
            let values = array.iter().map(|node| text.scalar(node));
            Ok(values.collect::<Result<Vec<_>, _>>()?.join(","))
        }
        DeValue::Table(table) if list => match entries(table)[..] {
            [
                Entry {
                    key: "values",
                    node,
                    ..
                },
            ] => value(text, node, list),
            [] => Err(text.fail(node.span(), "no values: write values = \"…\"")),
            [ref first, ..] => Err(text.unknown_key(first.clone(), &["values"])),
        },
        DeValue::Array(_) => Err(text.fail(node.span(), "one value is wanted here, not a list")),
        _ => text.scalar(node),
    }
}

/// Returns policies as flags have them, from texts, tables, or arrays of both.
fn policies(text: &TomlFile, node: &Node<'_>) -> Result<Vec<String>, Failure> {
    match node.get_ref() {
        DeValue::Array(array) => {
            let all = array.iter().map(|node| policies(text, node));
            let all = all.collect::<Result<Vec<_>, _>>()?.concat();
            check_number_of(text, node.span(), &all.join(","), all.len())?;
            Ok(all)
        }
        DeValue::Table(table) => policy_axes(text, node.span(), table),
        _ => {
            let written = text.string(node)?;
            let known = parse_list(written);
            known.map_err(|e| text.fail(node.span(), e.to_string()))?;
            Ok(items(written))
        }
    }
}

/// Errors if `policies`, those that `written` stands for, are too many.
fn check_number_of(
    text: &TomlFile,
    span: Range<usize>,
    written: &str,
    policies: usize,
) -> Result<(), Failure> {
    check_number(written, policies).map_err(|e| text.fail(span, e.to_string()))
}

fn known_policy(
    text: &TomlFile,
    span: Range<usize>,
    policy: &str,
) -> Result<PolicyChoice, Failure> {
    let choice = policy.parse::<PolicyChoice>();
    choice.map_err(|e| text.fail(span, e.to_string()))
}

/// Returns a policy with every combination of its parameters' values.
fn policy_axes(
    text: &TomlFile,
    span: Range<usize>,
    table: &DeTable<'_>,
) -> Result<Vec<String>, Failure> {
    let name = entries(table).into_iter().find(|entry| entry.key == "name");
    let node = match name {
        Some(entry) => entry.node,
        None => return Err(text.fail(span, "this policy has no name")),
    };
    let name = text.string(node)?;
    let choice = known_policy(text, node.span(), name).map_err(|failure| {
        if parse_list(name).is_ok_and(|all| all.len() > 1) {
            let what = format!("name is one policy; for several write policy = {name:?}");
            text.fail(node.span(), what)
        } else {
            failure
        }
    })?;
    let mut all = vec![name.to_owned()];
    for Entry { span, key, node } in entries(table) {
        if key == "name" {
            continue;
        }
        let known = choice.spec().params.iter().any(|param| param.name == key);
        let values: Vec<&Node<'_>> = match node.get_ref() {
            DeValue::Array(array) => array.iter().collect(),
            _ => vec![node],
        };
        let number = all.len().saturating_mul(values.len());
        check_number_of(text, span.clone(), name, number)?;
        let mut pairs = Vec::new();
        for value in values {
            let pair = format!("{key}={}", text.scalar(value)?);
            let place = if known { value.span() } else { span.clone() };
            known_policy(text, place, &format!("{name}:{pair}"))?;
            pairs.push(pair);
        }
        let with = |policy: &String| -> Vec<String> {
            pairs
                .iter()
                .map(|pair| format!("{policy}:{pair}"))
                .collect()
        };
        all = all.iter().flat_map(with).collect();
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory;

    /// The value name of a flag tells users whether it takes a list; the file must agree.
    #[test]
    fn lists_are_the_flags_that_show_a_list() {
        let program = Cli::command();
        let keys = keys_of(&program);
        let shows_list = |arg: &&Arg| {
            let names = arg.get_value_names().unwrap_or_default();
            names.iter().any(|name| name.ends_with(",…"))
        };
        let mut shown: Vec<&str> = settings_of(run_of(&program), &keys)
            .filter(shows_list)
            .filter_map(Arg::get_long)
            .collect();
        let mut lists = LISTS.to_vec();
        shown.sort_unstable();
        lists.sort_unstable();
        assert_eq!(shown, lists);
    }
}
