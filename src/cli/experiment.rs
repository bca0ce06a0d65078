//! The command line and an experiment file together: every setting with its value and where that
//! came from. What the command line says wins over the file, the file over what is the case if
//! nothing is said.
//!
//! The file's settings are put into the command line as flags and read by the same parser, so that
//! both have one grammar and one set of errors.

pub mod file;
pub mod text;

use super::Cli;
use super::failure::Failure;
use super::job::JobArgs;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, CommandFactory, FromArgMatches};
use file::{Experiment, Setting, settings_of};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write;
use std::path::Path;

/// A setting as it holds.
struct Resolved {
    key: String,
    /// A flag without value is `true` or `false`; `None` if nothing is set.
    value: Option<String>,
    /// `flag`, the place in the file, or `default`.
    origin: String,
}

/// The settings of a command, and the experiment if there is one.
pub struct Config {
    /// What the experiment file says.
    pub experiment: Option<Experiment>,
    settings: Vec<Resolved>,
    /// The traces of the command line.
    traces: Vec<String>,
}

impl Config {
    /// The arguments of the running subcommand, those of its experiment file put in.
    pub fn resolve<A: Args>(file: Option<&Path>) -> Result<(A, Config), Failure> {
        let given: Vec<OsString> = std::env::args_os().collect();
        let command = Cli::command();
        let name = given.get(1).map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let sub = command.find_subcommand(&name);
        let sub = sub.expect("the subcommand that is running");
        let first = parse(&given)?;
        let experiment = file.map(|path| Experiment::read(path, sub)).transpose()?;
        let mut flags = Vec::new();
        if let Some(experiment) = &experiment {
            check_values(experiment)?;
            let wanted = |setting: &&Setting| !overridden(sub, &first, &setting.key);
            flags = experiment.settings.iter().filter(wanted).collect();
        }
        // Behind the name of the subcommand: at the end they might stand behind a "--".
        let mut all = given[..2].to_vec();
        all.extend(flags.iter().map(|setting| flag_of(setting)));
        all.extend_from_slice(&given[2..]);
        let second = parse(&all)?;
        let args = A::from_arg_matches(&second).map_err(usage)?;
        let origin = |arg: &Arg| {
            let from_file = |setting: &&&Setting| arg.get_long() == Some(&setting.key);
            match (flags.iter().find(from_file), &experiment) {
                (Some(setting), Some(experiment)) => experiment.text.place(&setting.span),
                _ if was_given(&first, arg) => "flag".to_owned(),
                _ => "default".to_owned(),
            }
        };
        let settings = settings_of(sub)
            .map(|arg| Resolved {
                key: arg.get_long().unwrap_or_default().to_owned(),
                value: value_of(&second, arg),
                origin: origin(arg),
            })
            .collect();
        let traces = first.get_raw("traces").unwrap_or_default();
        let traces = traces.map(|path| path.to_string_lossy().into_owned());
        let config = Config {
            traces: traces.collect(),
            experiment,
            settings,
        };
        Ok((args, config))
    }

    /// Every setting that is set, for the plan.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let set = |setting: &Resolved| Some((setting.key.clone(), setting.value.clone()?));
        let mut all: BTreeMap<String, String> = self.settings.iter().filter_map(set).collect();
        for (number, place) in (1..).zip(self.excludes()) {
            all.insert(format!("exclude {number}"), place);
        }
        all
    }

    /// The text of each exclusion.
    fn excludes(&self) -> Vec<String> {
        let excludes = self.experiment.iter().flat_map(|e| &e.excludes);
        excludes.map(|(_, exclude)| exclude.to_string()).collect()
    }

    /// Everything that is set and where it came from, as an experiment file.
    pub fn show(&self) -> String {
        let mut out = format!("schema = {}\n", file::SCHEMA);
        let quoted = |text: &str| toml::Value::from(text).to_string();
        if let Some(name) = self.experiment.as_ref().and_then(|e| e.name.as_ref()) {
            let _ = writeln!(out, "name = {}", quoted(name));
        }
        for setting in &self.settings {
            let (key, origin) = (&setting.key, &setting.origin);
            let _ = match setting.value.as_deref() {
                Some(value @ ("true" | "false")) => writeln!(out, "{key} = {value}  # {origin}"),
                Some(value) => writeln!(out, "{key} = {}  # {origin}", quoted(value)),
                None => writeln!(out, "# {key} is not set  # {origin}"),
            };
        }
        for path in &self.traces {
            let _ = writeln!(out, "\n[[trace]]  # flag\npath = {}", quoted(path));
        }
        let Some(experiment) = &self.experiment else {
            return out;
        };
        for trace in experiment.traces.iter().filter(|_| self.traces.is_empty()) {
            let path = trace.path.to_string_lossy();
            let place = experiment.text.place(&trace.span);
            let _ = writeln!(out, "\n[[trace]]  # {place}\npath = {}", quoted(&path));
            let rest = [
                ("name", &trace.name),
                ("format", &trace.format),
                ("digest", &trace.digest),
            ];
            for (key, value) in rest {
                if let Some(value) = value {
                    let _ = writeln!(out, "{key} = {}", quoted(value));
                }
            }
        }
        for (span, exclude) in &experiment.excludes {
            let place = experiment.text.place(span);
            let _ = writeln!(out, "\n[[exclude]]  # {place}\n{exclude}");
        }
        out
    }
}

/// The command line of a subcommand, parsed.
fn parse(given: &[OsString]) -> Result<ArgMatches, Failure> {
    let mut all = Cli::command().try_get_matches_from(given).map_err(usage)?;
    let (_, matches) = all.remove_subcommand().expect("clap demands a subcommand");
    Ok(matches)
}

/// What clap says, as this program says it.
fn usage(error: clap::Error) -> Failure {
    Failure::usage(said(&error))
}

/// What is wrong with a value, without how to use the program.
fn said(error: &clap::Error) -> String {
    if let Some(source) = std::error::Error::source(error) {
        return source.to_string();
    }
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let mut lines = text.lines().take_while(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |all, line| format!("{all} {}", line.trim()))
}

fn flag_of(setting: &Setting) -> OsString {
    match &*setting.value {
        "true" => format!("--{}", setting.key).into(),
        value => format!("--{}={value}", setting.key).into(),
    }
}

fn was_given(matches: &ArgMatches, arg: &Arg) -> bool {
    matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
}

/// Whether the command line gives this setting, or one that excludes it.
fn overridden(command: &Command, first: &ArgMatches, key: &str) -> bool {
    let is = |arg: &Arg| arg.get_long() == Some(key);
    command
        .get_arguments()
        .filter(|arg| was_given(first, arg))
        .any(|given| {
            let excluded = command.get_arg_conflicts_with(given);
            let excludes = settings_of(command)
                .filter(|arg| is(arg))
                .flat_map(|arg| command.get_arg_conflicts_with(arg))
                .any(|other| other.get_id() == given.get_id());
            is(given) || excluded.into_iter().any(is) || excludes
        })
}

fn value_of(matches: &ArgMatches, arg: &Arg) -> Option<String> {
    let id = arg.get_id().as_str();
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return Some(matches.get_flag(id).to_string());
    }
    let values = matches.get_raw(id)?.map(|value| value.to_string_lossy());
    let text = values.collect::<Vec<_>>().join(",");
    (!text.is_empty()).then_some(text)
}

/// Looks at the values of a file as the command line looks at them, so that an error can say where
/// in the file they stand.
fn check_values(experiment: &Experiment) -> Result<(), Failure> {
    let fail = |setting: &Setting, why: String| experiment.text.fail(setting.span.clone(), why);
    for setting in &experiment.settings {
        alone(&[setting]).map_err(|why| fail(setting, why))?;
    }
    let all: Vec<&Setting> = experiment.settings.iter().collect();
    let Err(why) = asked(&all) else { return Ok(()) };
    // What is wrong in itself, or else what the message names: some make sense together only.
    let named = |setting: &&&Setting| why.contains(&format!("--{}", setting.key));
    let wrong = |setting: &&&Setting| asked(&[**setting]).is_err_and(|other| other == why);
    let culprit = all.iter().find(wrong).or_else(|| all.iter().find(named));
    Err(match culprit {
        Some(setting) => fail(setting, why),
        None => Failure::usage(format!("{}: {why}", experiment.text.path().display())),
    })
}

/// The arguments that these settings alone come to.
fn alone(settings: &[&Setting]) -> Result<JobArgs, String> {
    let start = ["pagebench", "run", "-"].map(OsString::from);
    let flags = settings.iter().map(|setting| flag_of(setting));
    let all = Cli::command().try_get_matches_from(start.into_iter().chain(flags));
    let mut all = all.map_err(|e| said(&e))?;
    let (_, matches) = all.remove_subcommand().expect("it was put in");
    JobArgs::from_arg_matches(&matches).map_err(|e| said(&e))
}

/// Whether what these settings ask for makes sense.
fn asked(settings: &[&Setting]) -> Result<(), String> {
    let asked = alone(settings)?.asked();
    asked.map(|_| ()).map_err(|failure| failure.to_string())
}
