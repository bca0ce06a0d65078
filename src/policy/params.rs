//! Parameters of policies: their definitions and values.

use super::spec::Spec;
use std::ops::RangeInclusive;

/// The unit of a parameter's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A whole number.
    Count,
    /// A decimal number, stored in millionths.
    Fraction,
}

/// The value of the fraction 1: fractions are stored in millionths.
pub const MILLION: u64 = 1_000_000;

/// One parameter of a policy.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// The key.
    pub name: &'static str,
    /// The unit of its values.
    pub unit: Unit,
    /// The value if none is given; `None` if the parameter is then off.
    pub default: Option<u64>,
    /// The lowest value.
    pub min: u64,
    /// The highest value.
    pub max: u64,
    /// What it means, with its unit.
    pub about: &'static str,
}

impl Param {
    /// Creates a parameter whose values are the whole numbers of `range`.
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

    /// Creates a parameter whose values are decimal numbers; `default` and `range` are in
    /// millionths.
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

    /// Creates a switch: a count that is 0 or 1.
    pub const fn flag(name: &'static str, default: bool, about: &'static str) -> Param {
        Param::count(name, Some(default as u64), 0..=1, about)
    }

    /// Returns `value` as it is written.
    pub fn show(&self, value: u64) -> String {
        match self.unit {
            Unit::Count => value.to_string(),
            Unit::Fraction => {
                let digits = format!("{}.{:06}", value / MILLION, value % MILLION);
                digits.trim_end_matches('0').trim_end_matches('.').into()
            }
        }
    }

    /// Returns the value of `text`; `None` if it is no value of the range.
    pub(super) fn parse(&self, text: &str) -> Option<u64> {
        let value = match self.unit {
            Unit::Count => crate::units::parse_count(text).ok()?,
            Unit::Fraction => parse_fraction(text.trim())?,
        };
        (self.min..=self.max).contains(&value).then_some(value)
    }

    /// Returns the range in words, for messages and listings.
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

/// Returns the decimal number `text` in millionths; `None` if it has more than six places or is no
/// number.
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

/// Keys and values of parameters, by key.
pub(super) type Given = Vec<(&'static str, u64)>;

/// Values of the parameters of one policy, those not given left at their defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Params {
    /// Key and value of those that differ from their default, by key.
    pub(super) given: Given,
}

impl Params {
    /// Returns the value of the parameter `name`; `None` if it is off.
    ///
    /// # Panics
    /// If `spec` has no such parameter.
    pub fn get(&self, spec: &Spec, name: &str) -> Option<u64> {
        let param = spec.param(name);
        let param = param.unwrap_or_else(|| panic!("{} has no parameter {name}", spec.name));
        self.given
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| *value)
            .or(param.default)
    }

    /// Returns the value of the parameter `name`; `None` if it is off or `spec` has no such
    /// parameter.
    pub fn get_if_any(&self, spec: &Spec, name: &str) -> Option<u64> {
        self.get(spec, spec.param(name)?.name)
    }

    /// Returns the value of the parameter `name`, which is never off.
    ///
    /// # Panics
    /// If `spec` has no such parameter, or it is off.
    pub fn of(&self, spec: &Spec, name: &str) -> u64 {
        let value = self.get(spec, name);
        value.unwrap_or_else(|| panic!("{}: {name} is off", spec.name))
    }

    /// Returns `frames` times the fraction `name`, rounded down.
    ///
    /// # Panics
    /// As for [`Params::of`].
    pub fn share(&self, spec: &Spec, name: &str, frames: u32) -> u32 {
        let share = self.part(spec, name, u64::from(frames));
        u32::try_from(share).unwrap_or(u32::MAX)
    }

    /// Returns `of` times the fraction `name`, rounded down.
    ///
    /// # Panics
    /// As for [`Params::of`].
    pub fn part(&self, spec: &Spec, name: &str, of: u64) -> u64 {
        let part = u128::from(of) * u128::from(self.of(spec, name)) / u128::from(MILLION);
        u64::try_from(part).unwrap_or(u64::MAX)
    }
}

/// A policy or parameter that cannot be: a lowercase sentence that says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParamError(pub String);
