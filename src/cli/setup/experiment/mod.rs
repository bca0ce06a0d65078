//! The command line and an experiment file together: every setting with its value and its origin. The
//! command line wins over the file, the file over the defaults.
//!
//! The file's settings are inserted into the command line as flags and read by the same parser, so
//! that both have one grammar and one set of errors.

pub mod file;
pub mod text;

use super::failure::Failure;
use crate::cli::args::ProgressMode;
use crate::cli::args::job_args::{CheckedArgs, JobArgs};
use crate::units::{Printable, did_you_mean, toml_string};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use file::{Experiment, Setting, is_switch, keys_of, settings_of};
use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// A command line, parsed once.
pub struct CommandLine {
    /// The grammar: the program with all its subcommands. Few commands look at it after parsing.
    pub command: LazyCell<Command>,
    /// The arguments, the program's name first.
    given: Vec<OsString>,
    /// The values of all arguments.
    pub matches: ArgMatches,
}

impl CommandLine {
    /// Parses the arguments `given`, the program's name first, by the grammar that `grammar` makes.
    pub fn parse(
        grammar: fn() -> Command,
        given: Vec<OsString>,
    ) -> Result<CommandLine, clap::Error> {
        let matches = grammar().try_get_matches_from(&given)?;
        Ok(CommandLine {
            command: LazyCell::new(grammar),
            given,
            matches,
        })
    }

    /// Returns the name of the subcommand, its grammar and the values of its arguments.
    fn subcommand(&self) -> (&str, &Command, &ArgMatches) {
        let (name, matches) = self.matches.subcommand().expect("clap demands one");
        let command = self.command.find_subcommand(name);
        (name, command.expect("clap found it"), matches)
    }

    /// Returns whether `--quiet` is given, to a subcommand that has it.
    pub fn is_quiet(&self) -> bool {
        let (_, _, matches) = self.subcommand();
        matches!(matches.try_get_one::<bool>("quiet"), Ok(Some(true)))
    }

    /// Returns whether `--progress never` is given, to a subcommand that has it.
    pub fn hides_progress(&self) -> bool {
        let (_, _, matches) = self.subcommand();
        let mode = matches.try_get_one::<ProgressMode>("progress");
        matches!(mode, Ok(Some(ProgressMode::Never)))
    }

    /// Parses the command line again, with `flags` inserted.
    fn parse_with(&self, flags: Vec<OsString>) -> Result<ArgMatches, Failure> {
        let (name, ..) = self.subcommand();
        let mut all = self.given.clone();
        let subcommand = all.iter().skip(1).position(|arg| arg == OsStr::new(name));
        // Right after the subcommand: at the end they could follow a `--`.
        let place = subcommand.expect("clap found its name") + 2;
        all.splice(place..place, flags);
        parse(&self.command, all).map_err(|error| Failure::usage(clap_message(&error)))
    }
}

/// The origin of a setting that the command line gives.
const FLAG: &str = "flag";

/// A setting with the value that holds.
struct EffectiveSetting {
    key: String,
    /// A flag without value is `true` or `false`; `None` if nothing is set.
    value: Option<String>,
    /// Whether it is on or off.
    is_switch: bool,
    /// `flag`, the place in the file, or `default`.
    origin: String,
}

/// The settings of a command, and the experiment if there is one.
pub struct Config {
    /// The experiment file.
    pub experiment: Option<Experiment>,
    settings: Vec<EffectiveSetting>,
    /// The traces of the command line.
    traces: Vec<String>,
}

/// Settings that mean something only together with one value of another: the setting, the other, and
/// that value. If the command line gives the other one another value, the file's setting is ignored.
const ONLY_WITH: [(&str, &str, &str); 1] = [("ram", "overcommit", "strict")];

impl Config {
    /// Returns the arguments of the running subcommand with those of its experiment file inserted,
    /// except for those that `--unset` names.
    pub fn resolve<A: Args>(line: &CommandLine) -> Result<(A, Config), Failure> {
        let (_, sub, first) = line.subcommand();
        let keys = keys_of(&line.command);
        let unset: Vec<&String> = first.get_many("unset").unwrap_or_default().collect();
        refuse_unknown_keys(&unset, &keys)?;
        let file = first.get_one::<PathBuf>("file");
        let experiment = file.map(|file| Experiment::read(file, &line.command));
        let experiment = experiment.transpose()?;
        let mut flags: Vec<&Setting> = Vec::new();
        if let Some(experiment) = &experiment {
            check_values(experiment, &line.command)?;
            // A key may be one of `run` alone, such as `counts`.
            let applies = |setting: &&Setting| {
                let arg = settings_of(sub, &keys).find(|arg| arg.get_long() == Some(&setting.key));
                !unset.contains(&&setting.key)
                    && arg.is_some_and(|arg| !is_overridden(sub, first, arg))
            };
            flags = experiment.settings.iter().filter(applies).collect();
        }
        let second = line.parse_with(flags.iter().map(|setting| flag_of(setting)).collect())?;
        let args = A::from_arg_matches(&second);
        let args = args.map_err(|error| Failure::usage(clap_message(&error)))?;
        let origin = |arg: &Arg| {
            let from_file = |setting: &&&Setting| arg.get_long() == Some(&setting.key);
            match (flags.iter().find(from_file), &experiment) {
                (Some(setting), Some(experiment)) => experiment.text.place(&setting.span),
                _ if was_given(first, arg) => FLAG.to_owned(),
                _ => "default".to_owned(),
            }
        };
        let settings = settings_of(sub, &keys)
            .map(|arg| EffectiveSetting {
                key: arg.get_long().unwrap_or_default().to_owned(),
                value: value_of(sub, &second, arg),
                is_switch: is_switch(arg),
                origin: origin(arg),
            })
            .collect();
        let traces = first.get_raw("traces").unwrap_or_default();
        let traces = traces.map(|path| path.to_string_lossy().into_owned());
        let config = Config {
            traces: traces.collect(),
            settings,
            experiment,
        };
        Ok((args, config))
    }

    /// Returns every setting that is set, for the plan.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let set = |setting: &EffectiveSetting| Some((setting.key.clone(), setting.value.clone()?));
        let mut all: BTreeMap<String, String> = self.settings.iter().filter_map(set).collect();
        for (number, place) in (1..).zip(self.excludes()) {
            all.insert(format!("exclude {number}"), place);
        }
        all
    }

    /// Returns whether the command line itself gives the setting `key`.
    pub fn is_given(&self, key: &str) -> bool {
        let given = |setting: &EffectiveSetting| setting.key == key && setting.origin == FLAG;
        self.settings.iter().any(given)
    }

    /// Returns the text of each exclusion.
    fn excludes(&self) -> Vec<String> {
        let excludes = self.experiment.iter().flat_map(|e| &e.excludes);
        excludes.map(|(_, exclude)| exclude.to_string()).collect()
    }

    /// Returns everything that is set and its origin, as an experiment file that gives the same plan and
    /// verdict in any folder.
    pub fn show(&self) -> Result<String, Failure> {
        let mut out = format!("schema = {}\n", file::SCHEMA);
        if let Some(name) = self.experiment.as_ref().and_then(|e| e.name.as_ref()) {
            let _ = writeln!(out, "name = {}", toml_string(name));
        }
        for setting in &self.settings {
            let (key, origin) = (&setting.key, &setting.origin);
            let _ = match setting.value.as_deref() {
                Some(value) if setting.is_switch => {
                    writeln!(out, "{key} = {value}  # {origin}")
                }
                Some(value) => writeln!(out, "{key} = {}  # {origin}", toml_string(value)),
                None => writeln!(out, "# {key} is not set  # {origin}"),
            };
        }
        for path in &self.traces {
            let path = absolute(Path::new(path));
            let _ = writeln!(out, "\n[[trace]]  # {FLAG}\npath = {}", toml_string(&path));
        }
        let Some(experiment) = &self.experiment else {
            return Ok(out);
        };
        for trace in experiment.traces.iter().filter(|_| self.traces.is_empty()) {
            let path = absolute(&trace.path);
            let place = experiment.text.place(&trace.span);
            let _ = writeln!(out, "\n[[trace]]  # {place}\npath = {}", toml_string(&path));
            let format = trace.format.as_ref();
            let rest = [
                ("name", trace.name.as_ref()),
                ("format", format.filter(|_| !self.is_given("format"))),
                ("digest", trace.digest.as_ref()),
            ];
            for (key, value) in rest {
                if let Some(value) = value {
                    let _ = writeln!(out, "{key} = {}", toml_string(value));
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

/// Returns the absolute form of `path`, which means the same file in any folder; `-` stays.
fn absolute(path: &Path) -> String {
    let whole = if path == Path::new("-") {
        path.to_path_buf()
    } else {
        std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
    };
    whole.to_string_lossy().into_owned()
}

/// Errors if one of `names` is not among `keys`, the keys of an experiment file.
fn refuse_unknown_keys(names: &[&String], keys: &[String]) -> Result<(), Failure> {
    match names.iter().find(|name| !keys.contains(name)) {
        None => Ok(()),
        Some(name) => {
            let hint = did_you_mean(name, keys.iter().map(String::as_str));
            Err(Failure::usage(format!(
                "--unset {name:?} is no setting of an experiment file{hint} (see: pagebench init)"
            )))
        }
    }
}

/// Parses a command line; returns the values of its subcommand.
fn parse(command: &Command, given: Vec<OsString>) -> Result<ArgMatches, clap::Error> {
    let mut all = command.clone().try_get_matches_from(given)?;
    let (_, matches) = all.remove_subcommand().expect("clap demands a subcommand");
    Ok(matches)
}

/// Returns the reason of a clap error on one line, without usage and hints.
fn clap_message(error: &clap::Error) -> String {
    if let Some(source) = std::error::Error::source(error) {
        return source.to_string();
    }
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let mut lines = text.lines().take_while(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default().to_owned();
    let all = lines.fold(first, |all, line| format!("{all} {}", line.trim()));
    all.printed().to_string()
}

fn flag_of(setting: &Setting) -> OsString {
    format!("--{}={}", setting.key, setting.value).into()
}

fn was_given(matches: &ArgMatches, arg: &Arg) -> bool {
    matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
}

/// Returns whether the command line gives `arg`, another that excludes it, or another whose value
/// makes it meaningless (see [`ONLY_WITH`]).
fn is_overridden(command: &Command, first: &ArgMatches, arg: &Arg) -> bool {
    let has_other_value = |other: &Arg, value: &str| {
        was_given(first, other) && text_of(first, other).is_some_and(|given| given != value)
    };
    let is_meaningless = |(one, other, value): (&str, &str, &str)| {
        let mut others = command.get_arguments();
        let other = others.find(|arg| arg.get_long() == Some(other));
        arg.get_long() == Some(one) && other.is_some_and(|other| has_other_value(other, value))
    };
    was_given(first, arg)
        || is_excluded(command, first, arg)
        || ONLY_WITH.into_iter().any(is_meaningless)
}

/// Returns whether an argument that is given excludes `arg`.
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

/// Returns the value of the setting `arg`; `None` if nothing is set, or if another that is given
/// excludes it, so that its default does not hold.
fn value_of(command: &Command, matches: &ArgMatches, arg: &Arg) -> Option<String> {
    let holds = was_given(matches, arg) || !is_excluded(command, matches, arg);
    text_of(matches, arg).filter(|text| holds && !text.is_empty())
}

/// Returns the values of `arg`, given or by default, as one text.
fn text_of(matches: &ArgMatches, arg: &Arg) -> Option<String> {
    let values = matches.get_raw(arg.get_id().as_str())?;
    let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
    Some(values.join(","))
}

/// Checks the values of a file as those of a command line, so that an error can point at the place in
/// the file.
fn check_values(experiment: &Experiment, command: &Command) -> Result<(), Failure> {
    let fail = |setting: &Setting, why: String| experiment.text.fail(setting.span.clone(), why);
    for setting in &experiment.settings {
        parse_only(&[setting], command).map_err(|why| fail(setting, why))?;
    }
    let all: Vec<&Setting> = experiment.settings.iter().collect();
    let Err(why) = check_only(&all, command) else {
        return Ok(());
    };
    // Blame the setting that fails alone; else one that the message names, since some settings
    // conflict only in pairs.
    let named = |setting: &&&Setting| why.contains(&format!("--{}", setting.key));
    let wrong =
        |setting: &&&Setting| check_only(&[**setting], command).is_err_and(|other| other == why);
    let culprit = all.iter().find(wrong).or_else(|| all.iter().find(named));
    Err(match culprit {
        Some(setting) => fail(setting, why),
        None => Failure::usage(format!("{}: {why}", experiment.text.path().printed())),
    })
}

/// Parses a command line of `run` with only these settings.
fn parse_only(settings: &[&Setting], command: &Command) -> Result<JobArgs, String> {
    let start = ["pagebench", "run", "-"].map(OsString::from);
    let flags = settings.iter().map(|setting| flag_of(setting));
    parse(command, start.into_iter().chain(flags).collect())
        .and_then(|matches| JobArgs::from_arg_matches(&matches))
        .map_err(|error| clap_message(&error))
}

/// Checks the arguments of a command line of `run` with only these settings.
fn check_only(settings: &[&Setting], command: &Command) -> Result<CheckedArgs, String> {
    let checked = parse_only(settings, command)?.checked();
    checked.map_err(|failure| failure.to_string())
}
