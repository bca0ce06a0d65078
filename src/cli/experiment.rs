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
use super::run::RunArgs;
use crate::units::did_you_mean;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, CommandFactory, FromArgMatches};
use file::{Experiment, Setting, is_switch, settings_of};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write;
use std::path::Path;

/// The origin of what the command line gives.
const FLAG: &str = "flag";

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

/// Settings that mean something only together with one value of another: the setting, the other, and
/// that value. Where the command line gives the other one another value, the file's setting goes.
const ONLY_WITH: [(&str, &str, &str); 1] = [("ram", "overcommit", "strict")];

impl Config {
    /// The arguments of the running subcommand, those of its experiment file put in, but for those
    /// that `unset` names.
    pub fn resolve<A: Args>(file: Option<&Path>, unset: &[String]) -> Result<(A, Config), Failure> {
        let given: Vec<OsString> = std::env::args_os().collect();
        let command = Cli::command();
        let name = given.get(1).map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let sub = command.find_subcommand(&name);
        let sub = sub.expect("the subcommand that is running");
        let first = parse(&given)?;
        known_keys(unset)?;
        let experiment = file.map(Experiment::read).transpose()?;
        let mut flags = Vec::new();
        if let Some(experiment) = &experiment {
            check_values(experiment)?;
            // A key may be one of `run` alone, such as `counts`.
            let has = |key: &str| settings_of(sub).any(|arg| arg.get_long() == Some(key));
            let wanted = |setting: &&Setting| {
                has(&setting.key)
                    && !unset.contains(&setting.key)
                    && !overridden(sub, &first, &setting.key)
            };
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
                _ if was_given(&first, arg) => FLAG.to_owned(),
                _ => "default".to_owned(),
            }
        };
        let settings = settings_of(sub)
            .map(|arg| Resolved {
                key: arg.get_long().unwrap_or_default().to_owned(),
                value: value_of(sub, &second, arg),
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

    /// True if the command line itself gives this setting.
    pub fn is_given(&self, key: &str) -> bool {
        let given = |setting: &Resolved| setting.key == key && setting.origin == FLAG;
        self.settings.iter().any(given)
    }

    /// The text of each exclusion.
    fn excludes(&self) -> Vec<String> {
        let excludes = self.experiment.iter().flat_map(|e| &e.excludes);
        excludes.map(|(_, exclude)| exclude.to_string()).collect()
    }

    /// Everything that is set and where it came from, as an experiment file that gives the same plan
    /// and verdict in any folder.
    pub fn show(&self) -> Result<String, Failure> {
        let mut out = format!("schema = {}\n", file::SCHEMA);
        if let Some(name) = self.experiment.as_ref().and_then(|e| e.name.as_ref()) {
            let _ = writeln!(out, "name = {}", quoted(name));
        }
        let command = Cli::command();
        let run = command.find_subcommand("run").expect("a subcommand");
        let switches: Vec<&str> = (settings_of(run).filter(|arg| is_switch(arg)))
            .filter_map(Arg::get_long)
            .collect();
        for setting in &self.settings {
            let (key, origin) = (&setting.key, &setting.origin);
            let _ = match setting.value.as_deref() {
                Some(value) if switches.contains(&&**key) => {
                    writeln!(out, "{key} = {value}  # {origin}")
                }
                Some(value) => writeln!(out, "{key} = {}  # {origin}", quoted(value)),
                None => writeln!(out, "# {key} is not set  # {origin}"),
            };
        }
        for path in &self.traces {
            let path = absolute(Path::new(path));
            let _ = writeln!(out, "\n[[trace]]  # {FLAG}\npath = {}", quoted(&path));
        }
        let Some(experiment) = &self.experiment else {
            return Ok(out);
        };
        for trace in experiment.traces.iter().filter(|_| self.traces.is_empty()) {
            let path = absolute(&trace.path);
            let place = experiment.text.place(&trace.span);
            let _ = writeln!(out, "\n[[trace]]  # {place}\npath = {}", quoted(&path));
            let format = trace.format.as_ref();
            let rest = [
                ("name", trace.name.as_ref()),
                ("format", format.filter(|_| !self.is_given("format"))),
                ("digest", trace.digest.as_ref()),
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
        Ok(out + &file::check_as_written(&experiment.text)?)
    }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A path that means the same file wherever it is read; standard input stays `-`.
fn absolute(path: &Path) -> String {
    let whole = match path == Path::new("-") {
        true => path.to_path_buf(),
        false => std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()),
    };
    whole.to_string_lossy().into_owned()
}

/// Refuses names that are no keys of an experiment file.
fn known_keys(names: &[String]) -> Result<(), Failure> {
    let command = Cli::command();
    let run = command.find_subcommand("run").expect("a subcommand");
    let known: Vec<&str> = settings_of(run).filter_map(Arg::get_long).collect();
    match names.iter().find(|name| !known.contains(&&***name)) {
        None => Ok(()),
        Some(name) => {
            let hint = did_you_mean(name, known.iter().copied());
            Err(Failure::usage(format!(
                "--unset \"{name}\" is no setting of an experiment file{hint} (see: pagebench init)"
            )))
        }
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
    format!("--{}={}", setting.key, setting.value).into()
}

fn was_given(matches: &ArgMatches, arg: &Arg) -> bool {
    matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
}

/// Whether the command line gives this setting, one that excludes it, or one without whose value in
/// the file it means nothing.
fn overridden(command: &Command, first: &ArgMatches, key: &str) -> bool {
    let find = |key: &str| settings_of(command).find(|arg| arg.get_long() == Some(key));
    let Some(arg) = find(key) else {
        return false;
    };
    let given = |other: &Arg, value: &str| {
        was_given(first, other) && text_of(first, other).is_some_and(|given| given != value)
    };
    let left_alone = |(one, other, value): (&str, &str, &str)| {
        one == key && find(other).is_some_and(|other| given(other, value))
    };
    was_given(first, arg)
        || is_excluded(command, first, arg)
        || ONLY_WITH.into_iter().any(left_alone)
}

/// Whether an argument that is given excludes this one.
fn is_excluded(command: &Command, matches: &ArgMatches, arg: &Arg) -> bool {
    let excludes = |one: &Arg, other: &Arg| {
        let others = command.get_arg_conflicts_with(one);
        others
            .iter()
            .any(|another| another.get_id() == other.get_id())
    };
    let mut given = command
        .get_arguments()
        .filter(|one| was_given(matches, one));
    given.any(|given| excludes(given, arg) || excludes(arg, given))
}

/// The value of a setting; none if nothing is set, or if another that is given excludes it, whose
/// default then does not hold.
fn value_of(command: &Command, matches: &ArgMatches, arg: &Arg) -> Option<String> {
    let holds = was_given(matches, arg) || !is_excluded(command, matches, arg);
    text_of(matches, arg).filter(|text| holds && !text.is_empty())
}

/// The values of an argument, given or not, as one text.
fn text_of(matches: &ArgMatches, arg: &Arg) -> Option<String> {
    let values = matches.get_raw(arg.get_id().as_str())?;
    let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
    Some(values.join(","))
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
fn alone(settings: &[&Setting]) -> Result<RunArgs, String> {
    let start = ["pagebench", "run", "-"].map(OsString::from);
    let flags = settings.iter().map(|setting| flag_of(setting));
    let all = Cli::command().try_get_matches_from(start.into_iter().chain(flags));
    let mut all = all.map_err(|e| said(&e))?;
    let (_, matches) = all.remove_subcommand().expect("it was put in");
    RunArgs::from_arg_matches(&matches).map_err(|e| said(&e))
}

/// Whether what these settings ask for makes sense.
fn asked(settings: &[&Setting]) -> Result<(), String> {
    let asked = alone(settings)?.job.asked();
    asked.map(|_| ()).map_err(|failure| failure.to_string())
}
