//! Parameters of policies and the grammar `name:key=value:key=value`. Errors name the nearest
//! name that exists and the range that is allowed.

use super::{Spec, TABLE};
use crate::units::did_you_mean;
use std::fmt;
use std::ops::RangeInclusive;

/// What the value of a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A whole number.
    Count,
    /// A decimal number, kept in millionths.
    Fraction,
}

/// What 1 is in the values of fractions.
pub const MILLION: u64 = 1_000_000;

/// One parameter of a policy.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// The key.
    pub name: &'static str,
    /// What its values are.
    pub unit: Unit,
    /// The value if none is given; `None` where the parameter is then off.
    pub default: Option<u64>,
    /// The least value.
    pub min: u64,
    /// The greatest value.
    pub max: u64,
    /// What it means, with its unit.
    pub about: &'static str,
}

impl Param {
    /// A whole number within a range.
    pub const fn count(
        name: &'static str,
        default: Option<u64>,
        range: RangeInclusive<u64>,
        about: &'static str,
    ) -> Param {
        Param {
            name,
            unit: Unit::Count,
            default,
            min: *range.start(),
            max: *range.end(),
            about,
        }
    }

    /// A decimal number, default and range in millionths.
    pub const fn fraction(
        name: &'static str,
        default: Option<u64>,
        range: RangeInclusive<u64>,
        about: &'static str,
    ) -> Param {
        Param {
            unit: Unit::Fraction,
            ..Param::count(name, default, range, about)
        }
    }

    /// A value as it is written.
    pub fn show(&self, value: u64) -> String {
        match self.unit {
            Unit::Count => value.to_string(),
            Unit::Fraction => {
                let digits = format!("{}.{:06}", value / MILLION, value % MILLION);
                digits.trim_end_matches('0').trim_end_matches('.').into()
            }
        }
    }

    /// The value that a text stands for, if it is one within the range.
    fn parse(&self, text: &str) -> Option<u64> {
        let value = match self.unit {
            Unit::Count => crate::units::parse_count(text).ok()?,
            Unit::Fraction => parse_fraction(text.trim())?,
        };
        (self.min..=self.max).contains(&value).then_some(value)
    }

    /// What it takes, for messages and listings.
    pub fn range(&self) -> String {
        let unit = match self.unit {
            Unit::Count => "a whole number",
            Unit::Fraction => "a decimal number (6 places at most)",
        };
        let (min, max) = (self.show(self.min), self.show(self.max));
        match self.max {
            u64::MAX => format!("{unit} from {min} on"),
            _ => format!("{unit} from {min} to {max}"),
        }
    }
}

/// A decimal number with up to six places, in millionths.
fn parse_fraction(text: &str) -> Option<u64> {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(places) || places.len() > 6 || whole.len() + places.len() == 0 {
        return None;
    }
    let number = |digits: &str| match digits {
        "" => Some(0),
        digits => digits.parse::<u64>().ok(),
    };
    let millionths = number(&format!("{places:0<6}"))?;
    number(whole)?.checked_mul(MILLION)?.checked_add(millionths)
}

/// Keys and values of parameters.
type Given = Vec<(&'static str, u64)>;

/// Values of the parameters of one policy, those not given left at their defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Params {
    /// Key and value of those that differ from their default, by key.
    given: Given,
}

impl Params {
    /// The value of a parameter; `None` if it is off.
    ///
    /// # Panics
    /// If the policy has no such parameter.
    pub fn get(&self, spec: &Spec, name: &str) -> Option<u64> {
        let param = spec.param(name);
        let param = param.unwrap_or_else(|| panic!("{} has no parameter {name}", spec.name));
        self.given
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| *value)
            .or(param.default)
    }

    /// The value of a parameter; `None` if it is off, or the policy has no such parameter.
    pub fn find(&self, spec: &Spec, name: &str) -> Option<u64> {
        self.get(spec, spec.param(name)?.name)
    }

    /// The value of a parameter that is never off.
    ///
    /// # Panics
    /// If the policy has no such parameter, or it is off.
    pub fn of(&self, spec: &Spec, name: &str) -> u64 {
        let value = self.get(spec, name);
        value.unwrap_or_else(|| panic!("{}: {name} is off", spec.name))
    }

    /// That fraction of a number of frames, rounded down.
    ///
    /// # Panics
    /// As for [`Params::of`].
    pub fn share(&self, spec: &Spec, name: &str, frames: u32) -> u32 {
        let share = self.part(spec, name, u64::from(frames));
        u32::try_from(share).unwrap_or(u32::MAX)
    }

    /// That fraction of any number, rounded down.
    ///
    /// # Panics
    /// As for [`Params::of`].
    pub fn part(&self, spec: &Spec, name: &str, of: u64) -> u64 {
        let part = u128::from(of) * u128::from(self.of(spec, name)) / u128::from(MILLION);
        u64::try_from(part).unwrap_or(u64::MAX)
    }
}

/// A policy of the table with its parameters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyChoice {
    /// The index in [`TABLE`].
    pub index: usize,
    /// The parameters.
    pub params: Params,
}

impl PolicyChoice {
    /// The policy at an index of the table, without parameters.
    pub fn at_defaults(index: usize) -> PolicyChoice {
        PolicyChoice {
            index,
            params: Params::default(),
        }
    }

    /// The policy with parameters of which those at their defaults are left out.
    fn of(index: usize, mut given: Given) -> PolicyChoice {
        let spec = &TABLE[index];
        given.retain(|(key, value)| {
            spec.params
                .iter()
                .all(|p| p.name != *key || p.default != Some(*value))
        });
        let params = Params { given };
        PolicyChoice { index, params }
    }

    /// The entry of the table.
    pub fn spec(&self) -> &'static Spec {
        &TABLE[self.index]
    }

    /// The parameters that differ from their defaults, as they are written.
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

/// A policy or parameter that cannot be: a lowercase sentence that says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParamError(pub String);

/// The index in [`TABLE`] of a policy's name or alias, in any case.
pub fn find(name: &str) -> Result<usize, ParamError> {
    let wanted = name.to_lowercase();
    let is = |spec: &Spec| spec.name == wanted || spec.aliases.contains(&wanted.as_str());
    TABLE.iter().position(is).ok_or_else(|| {
        let names = TABLE
            .iter()
            .flat_map(|spec| [spec.name].into_iter().chain(spec.aliases.iter().copied()));
        ParamError(format!(
            "unknown policy \"{name}\"{} (see: pagebench policies)",
            did_you_mean(&wanted, names)
        ))
    })
}

/// The policies that a text means: without parameters the policy with any, with some the policy with
/// these and all others at their defaults. A parameter that is written at its default counts.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyPattern {
    choice: PolicyChoice,
    /// Every parameter that was written, by key.
    written: Given,
}

impl PolicyPattern {
    /// Whether it means the policy of this name in [`TABLE`] with these parameters, written as
    /// [`PolicyChoice::params`] writes them.
    pub fn matches(&self, name: &str, params: &str) -> bool {
        let any = self.written.is_empty();
        name == self.choice.spec().name && (any || params == self.choice.params())
    }
}

impl fmt::Display for PolicyPattern {
    /// As it can be read back: with the parameters at their defaults that were written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PolicyChoice { index, .. } = self.choice;
        let params = Params {
            given: self.written.clone(),
        };
        PolicyChoice { index, params }.fmt(f)
    }
}

impl std::str::FromStr for PolicyPattern {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<PolicyPattern, ParamError> {
        let (index, written) = parse_written(text)?;
        let choice = PolicyChoice::of(index, written.clone());
        Ok(PolicyPattern { choice, written })
    }
}

impl std::str::FromStr for PolicyChoice {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<PolicyChoice, ParamError> {
        let (index, written) = parse_written(text)?;
        Ok(PolicyChoice::of(index, written))
    }
}

/// The index of a policy and the parameters that are written, by key.
fn parse_written(text: &str) -> Result<(usize, Given), ParamError> {
    let mut parts = text.trim().split(':');
    let index = find(parts.next().unwrap_or_default().trim())?;
    let spec = &TABLE[index];
    let mut written = Given::new();
    for part in parts {
        let (param, value) = parse_param(spec, part)?;
        if written.iter().any(|(key, _)| *key == param.name) {
            return Err(ParamError(format!(
                "{}: parameter \"{}\" is given twice",
                spec.name, param.name
            )));
        }
        written.push((param.name, value));
    }
    written.sort_unstable();
    Ok((index, written))
}

fn parse_param(spec: &'static Spec, part: &str) -> Result<(&'static Param, u64), ParamError> {
    let name = spec.name;
    let Some((key, value)) = part.split_once('=') else {
        return Err(ParamError(format!(
            "{name}: \"{part}\" is no parameter: write {name}:key=value"
        )));
    };
    let Some(param) = spec.params.iter().find(|param| param.name == key.trim()) else {
        let known: Vec<&str> = spec.params.iter().map(|param| param.name).collect();
        let known = if known.is_empty() {
            "it has none".into()
        } else {
            format!("it has: {}", known.join(", "))
        };
        let hint = did_you_mean(key, spec.params.iter().map(|param| param.name));
        return Err(ParamError(format!(
            "{name}: unknown parameter \"{key}\"{hint} ({known})"
        )));
    };
    match param.parse(value) {
        Some(value) => Ok((param, value)),
        None => Err(ParamError(format!(
            "{name}: {key}=\"{value}\" is not {}",
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
        ] {
            assert_eq!(text.parse::<PolicyChoice>().unwrap().to_string(), shown);
        }
        let clock: PolicyChoice = "clock".parse().unwrap();
        assert_eq!(clock.params.get(clock.spec(), "load-bit"), Some(1));
    }

    /// A parameter written at its default is told from none.
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
