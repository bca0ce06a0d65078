//! A policy with its parameters, as it is written: `name:key=value:key=value`. Errors name the
//! nearest name that exists and the range that is allowed.

use super::param_values::{Given, Params};
use super::params::{Param, ParamError};
use super::spec::{PolicyId, Spec};
use crate::units::did_you_mean;
use std::fmt;

/// A policy of the table with its parameters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyChoice {
    /// The policy.
    pub id: PolicyId,
    /// The parameters.
    pub params: Params,
}

impl PolicyChoice {
    /// Creates a choice of `id` with all parameters at their defaults.
    pub fn at_defaults(id: PolicyId) -> PolicyChoice {
        PolicyChoice {
            id,
            params: Params::default(),
        }
    }

    /// Creates a choice of `id` with the parameters `given`, and drops those at their defaults.
    fn of(id: PolicyId, mut given: Given) -> PolicyChoice {
        let is_default = |key, value| {
            id.spec()
                .param(key)
                .is_some_and(|p| p.default == Some(value))
        };
        given.retain(|&(key, value)| !is_default(key, value));
        let params = Params { given };
        PolicyChoice { id, params }
    }

    /// Creates a choice of `id` with the parameters that `text` writes: `key=value:key=value`, or
    /// nothing.
    pub fn with_params(id: PolicyId, text: &str) -> Result<PolicyChoice, ParamError> {
        let parts = text.split(':').filter(|_| !text.is_empty());
        let given = parse_params(id.spec(), parts)?;
        Ok(PolicyChoice::of(id, given))
    }

    /// Returns what the policy states about itself.
    pub fn spec(&self) -> &'static Spec {
        self.id.spec()
    }

    /// Returns the parameters that differ from their defaults, as they are written.
    pub fn params(&self) -> String {
        let show = |(key, value): &(&'static str, u64)| {
            let param = self.spec().param(key).expect("its own parameter");
            format!("{key}={}", param.show(*value))
        };
        let parts: Vec<String> = self.params.given.iter().map(show).collect();
        parts.join(":")
    }
}

impl fmt::Display for PolicyChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec().name)?;
        match self.params() {
            params if params.is_empty() => Ok(()),
            params => write!(f, ":{params}"),
        }
    }
}

/// The choices that a text stands for. Without parameters: the policy with any. With some: the
/// policy with these, and all others at their defaults. A parameter written at its default counts.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyPattern {
    choice: PolicyChoice,
    /// Every parameter that was written, by key.
    written: Given,
}

impl PolicyPattern {
    /// Returns whether it stands for the policy `name` with the parameters `params`, written as
    /// [`PolicyChoice::params`] writes them.
    pub fn matches(&self, name: &str, params: &str) -> bool {
        let any = self.written.is_empty();
        name == self.choice.spec().name && (any || params == self.choice.params())
    }
}

impl fmt::Display for PolicyPattern {
    /// Writes what can be read back: with the written parameters at their defaults.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let params = Params {
            given: self.written.clone(),
        };
        let id = self.choice.id;
        PolicyChoice { id, params }.fmt(f)
    }
}

impl std::str::FromStr for PolicyPattern {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<PolicyPattern, ParamError> {
        let (id, written) = parse_written(text)?;
        let choice = PolicyChoice::of(id, written.clone());
        Ok(PolicyPattern { choice, written })
    }
}

impl std::str::FromStr for PolicyChoice {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<PolicyChoice, ParamError> {
        let (id, written) = parse_written(text)?;
        Ok(PolicyChoice::of(id, written))
    }
}

/// Returns the policy that `text` names, and the parameters that are written, by key.
fn parse_written(text: &str) -> Result<(PolicyId, Given), ParamError> {
    let mut parts = text.trim().split(':');
    let id = PolicyId::named(parts.next().unwrap_or_default().trim())?;
    Ok((id, parse_params(id.spec(), parts)?))
}

/// Returns the parameters that `parts` write, by key.
fn parse_params<'a>(
    spec: &'static Spec,
    parts: impl Iterator<Item = &'a str>,
) -> Result<Given, ParamError> {
    let mut written = Given::new();
    for part in parts {
        let (param, value) = parse_param(spec, part)?;
        if written.iter().any(|(key, _)| *key == param.name) {
            return Err(ParamError(format!(
                "{}: parameter {:?} is given twice",
                spec.name, param.name
            )));
        }
        written.push((param.name, value));
    }
    written.sort_unstable();
    Ok(written)
}

fn parse_param(spec: &'static Spec, part: &str) -> Result<(&'static Param, u64), ParamError> {
    let name = spec.name;
    let Some((key, value)) = part.split_once('=') else {
        return Err(ParamError(format!(
            "{name}: {part:?} is no parameter: write {name}:key=value"
        )));
    };
    let Some(param) = spec.param(key.trim()) else {
        let known: Vec<&str> = spec.params.iter().map(|param| param.name).collect();
        let known = if known.is_empty() {
            "it has none".into()
        } else {
            format!("it has: {}", known.join(", "))
        };
        let hint = did_you_mean(key, spec.params.iter().map(|param| param.name));
        return Err(ParamError(format!(
            "{name}: unknown parameter {key:?}{hint} ({known})"
        )));
    };
    match param.parse(value) {
        Some(value) => Ok((param, value)),
        None => Err(ParamError(format!(
            "{name}: {key}={value:?} is not {}",
            param.range()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_read_and_print() {
        for (text, shown) in [
            ("lru", "lru"),
            ("CLOCK:load-bit=0", "clock:load-bit=0"),
            ("clock:load-bit=1", "clock"),
            ("clock:order=frame", "clock:order=frame"),
            ("clock:order=load", "clock"),
        ] {
            assert_eq!(text.parse::<PolicyChoice>().unwrap().to_string(), shown);
        }
        let clock: PolicyChoice = "clock".parse().unwrap();
        assert_eq!(clock.params.get(clock.spec(), "load-bit"), Some(1));
    }

    /// A parameter written at its default is distinguished from none.
    #[test]
    fn patterns_mean_what_is_written() {
        for (text, shown, any, default, other) in [
            ("clock", "clock", true, true, true),
            ("CLOCK:load-bit=1", "clock:load-bit=1", false, true, false),
            ("clock:load-bit=0", "clock:load-bit=0", false, false, true),
        ] {
            let pattern: PolicyPattern = text.parse().unwrap();
            assert_eq!(pattern.to_string(), shown);
            assert_eq!(shown.parse::<PolicyPattern>(), Ok(pattern.clone()));
            assert_eq!(pattern.matches("clock", ""), default, "{text}");
            assert_eq!(pattern.matches("clock", "load-bit=0"), other, "{text}");
            assert_eq!(pattern.matches("clock", "load-bit=7"), any, "{text}");
            assert!(!pattern.matches("lru", ""));
        }
    }

    #[test]
    fn wrong_choices_say_what_is_right() {
        for (text, why) in [
            ("lur", "did you mean \"lru\""),
            ("clock:load-bti=0", "did you mean \"load-bit\""),
            ("clock:load-bit=2", "from 0 to 1"),
            (
                "clock:order=loda",
                "order=\"loda\" is not one of: load, frame",
            ),
            ("clock:load-bit=0:load-bit=0", "twice"),
            ("clock:0", "key=value"),
            ("lru:k=2", "it has none"),
            ("", "unknown policy"),
        ] {
            let error = text.parse::<PolicyChoice>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
