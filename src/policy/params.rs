//! Parameters of policies and the grammar `name:key=value:key=value`. Errors name the nearest
//! name that exists and the range that is allowed.

use super::{Spec, TABLE};
use crate::units::did_you_mean;
use std::fmt;

/// One parameter of a policy.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// The key.
    pub name: &'static str,
    /// The value if none is given; `None` where the parameter is then off.
    pub default: Option<u64>,
    /// The least value.
    pub min: u64,
    /// The greatest value.
    pub max: u64,
    /// What it means, with its unit.
    pub about: &'static str,
}

/// Values of the parameters of one policy, those not given left at their defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Params {
    /// Key and value of those that differ from their default, by key.
    given: Vec<(&'static str, u64)>,
}

impl Params {
    /// The value of a parameter; `None` if it is off.
    ///
    /// # Panics
    /// If the policy has no such parameter.
    pub fn get(&self, spec: &Spec, name: &str) -> Option<u64> {
        let param = spec.params.iter().find(|param| param.name == name);
        let param = param.unwrap_or_else(|| panic!("{} has no parameter {name}", spec.name));
        self.given
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| *value)
            .or(param.default)
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.given.iter().map(|(k, v)| format!("{k}={v}")).collect();
        f.write_str(&parts.join(":"))
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
    /// The entry of the table.
    pub fn spec(&self) -> &'static Spec {
        &TABLE[self.index]
    }
}

impl fmt::Display for PolicyChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec().name)?;
        if self.params.given.is_empty() {
            Ok(())
        } else {
            write!(f, ":{}", self.params)
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

impl std::str::FromStr for PolicyChoice {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<PolicyChoice, ParamError> {
        let mut parts = text.trim().split(':');
        let index = find(parts.next().unwrap_or_default().trim())?;
        let spec = &TABLE[index];
        let mut given: Vec<(&'static str, u64)> = Vec::new();
        for part in parts {
            let (param, value) = parse_param(spec, part)?;
            if given.iter().any(|(key, _)| *key == param.name) {
                return Err(ParamError(format!(
                    "{}: parameter \"{}\" is given twice",
                    spec.name, param.name
                )));
            }
            given.push((param.name, value));
        }
        given.retain(|(key, value)| {
            spec.params
                .iter()
                .all(|p| p.name != *key || p.default != Some(*value))
        });
        given.sort_unstable();
        Ok(PolicyChoice {
            index,
            params: Params { given },
        })
    }
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
    match crate::units::parse_count(value) {
        Ok(number) if (param.min..=param.max).contains(&number) => Ok((param, number)),
        _ => Err(ParamError(format!(
            "{name}: {key}=\"{value}\" is not a whole number from {} to {}",
            param.min, param.max
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
