//! Parameters of generators: their units, ranges and defaults, and the grammar
//! `name:key=value:key=value`. Does not know what a generator does with them.

use super::{COMMON, Pattern, by_name};
use crate::units::{did_you_mean, parse_bytes, parse_count};

/// The unit of a value, with its name in help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A whole number: 4096, 20M.
    Count(&'static str),
    /// Bytes: 64, 4KiB.
    Bytes(&'static str),
    /// A decimal fraction.
    Real(&'static str),
    /// Text with a grammar of its own.
    Text(&'static str),
}

/// One parameter.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// The name of the key and of the flag.
    pub name: &'static str,
    /// The unit of its value.
    pub unit: Unit,
    /// The value if none is given.
    pub default: &'static str,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// What it means.
    pub about: &'static str,
}

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Whole(u64),
    Real(f64),
    Text(String),
}

/// The values of all parameters of one generator.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Values(Vec<(&'static str, Value)>);

impl Param {
    /// The unit's name in help.
    pub fn value_name(&self) -> &'static str {
        match self.unit {
            Unit::Count(name) | Unit::Bytes(name) | Unit::Real(name) | Unit::Text(name) => name,
        }
    }

    /// Returns the default. `pattern` has its own defaults of `refs` and `writes`.
    pub fn default_of(&self, pattern: &Pattern) -> &'static str {
        match self.name {
            "refs" => pattern.refs,
            "writes" => pattern.writes,
            _ => self.default,
        }
    }

    /// The range as text.
    pub fn range(&self) -> String {
        let shown = |limit: f64| match self.unit {
            _ if limit >= 2f64.powi(63) => "2^64 - 1".to_owned(),
            Unit::Real(_) => format!("{limit}"),
            _ if limit >= 65_536.0 && limit.log2().fract() == 0.0 => format!("2^{}", limit.log2()),
            _ => format!("{limit}"),
        };
        match self.unit {
            Unit::Text(_) => String::new(),
            _ => format!("from {} to {}", shown(self.min), shown(self.max)),
        }
    }

    fn parse(&self, text: &str) -> Result<Value, String> {
        let in_range = |value: f64| value >= self.min && value <= self.max;
        let value = match self.unit {
            Unit::Count(_) => parse_count(text).ok().map(Value::Whole),
            Unit::Bytes(_) => parse_bytes(text).ok().map(Value::Whole),
            Unit::Real(_) => text.trim().parse().ok().map(Value::Real),
            Unit::Text(_) => Some(Value::Text(text.to_owned())),
        };
        let fits = |value: &Value| match value {
            Value::Whole(number) => in_range(*number as f64),
            Value::Real(number) => in_range(*number),
            Value::Text(_) => true,
        };
        value.filter(fits).ok_or_else(|| {
            let what = match self.unit {
                Unit::Count(_) => "a whole number",
                Unit::Bytes(_) => "a number of bytes",
                _ => "a number",
            };
            format!("{}: {text:?} is not {what} {}", self.name, self.range())
        })
    }
}

impl Values {
    /// The defaults of a generator.
    pub fn of(pattern: &Pattern) -> Values {
        let mut values = Values::default();
        for param in COMMON.iter().chain(pattern.params) {
            values
                .set(param, param.default_of(pattern))
                .unwrap_or_else(|what| panic!("{}: {what}", pattern.name));
        }
        values
    }

    /// Gives a parameter a value.
    ///
    /// # Errors
    ///
    /// Errors if `text` is not a value of the parameter or out of range; a lowercase sentence with the
    /// range.
    pub fn set(&mut self, param: &Param, text: &str) -> Result<(), String> {
        let value = param.parse(text)?;
        self.0.retain(|(name, _)| *name != param.name);
        self.0.push((param.name, value));
        Ok(())
    }

    fn get(&self, name: &str) -> &Value {
        let found = self.0.iter().find(|(known, _)| *known == name);
        &found.unwrap_or_else(|| panic!("no parameter {name}")).1
    }

    /// The value of a parameter that is a whole number.
    pub(super) fn count(&self, name: &str) -> u64 {
        match self.get(name) {
            Value::Whole(number) => *number,
            other => panic!("{name} is {other:?}"),
        }
    }

    /// The value of a parameter that is a real number.
    pub(super) fn real(&self, name: &str) -> f64 {
        match self.get(name) {
            Value::Real(number) => *number,
            other => panic!("{name} is {other:?}"),
        }
    }

    /// The value of a parameter that is text.
    pub(super) fn text(&self, name: &str) -> &str {
        match self.get(name) {
            Value::Text(text) => text,
            other => panic!("{name} is {other:?}"),
        }
    }
}

/// Reads `name:key=value:key=value`. `others` are extra keys, allowed besides the pattern's own. If there
/// are any, the text is a part of a mix, and parameters of the whole mix are refused. Returns the
/// pattern and the values of its parameters, of the common ones, and of `others`.
pub(super) fn parse(text: &str, others: &[Param]) -> Result<(&'static Pattern, Values), String> {
    let mut parts = text.trim().split(':');
    let pattern = by_name(parts.next().unwrap_or_default().trim())?;
    let mut values = Values::of(pattern);
    for param in others {
        values.set(param, param.default)?;
    }
    let name = pattern.name;
    let own = || others.iter().chain(pattern.params);
    for part in parts {
        let Some((key, value)) = part.split_once('=') else {
            return Err(format!(
                "{name}: {part:?} is not a parameter: write {name}:key=value"
            ));
        };
        let key = key.trim();
        let is = |param: &&Param| param.name == key;
        if !others.is_empty() && COMMON.iter().any(|param| is(&param)) {
            return Err(format!(
                "{name}: {key} is of the whole mix, not of a part: --{key}"
            ));
        }
        let Some(param) = own().chain(&COMMON).find(is) else {
            let known = || own().map(|param| param.name);
            return Err(format!(
                "{name}: unknown parameter {key:?}{} (it has: {})",
                did_you_mean(key, known()),
                known().collect::<Vec<_>>().join(", ")
            ));
        };
        let set = values.set(param, value);
        set.map_err(|what| format!("{name}: {what}"))?;
    }
    Ok((pattern, values))
}
