//! Parameters of policies: how they are defined, written and read. Knows no policy.

use std::ops::RangeInclusive;

/// The unit of a parameter's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A whole number.
    Count,
    /// A decimal number, stored in millionths.
    Fraction,
    /// One of these words, stored as its place among them.
    Word(&'static [&'static str]),
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

    /// Creates a choice among `words`, of which the first is the default.
    pub const fn words(
        name: &'static str,
        words: &'static [&'static str],
        about: &'static str,
    ) -> Param {
        Param {
            unit: Unit::Word(words),
            ..Param::count(name, Some(0), 0..=words.len() as u64 - 1, about)
        }
    }

    /// Returns whether `text` is one of the words that the parameter can be.
    pub(super) fn has_word(&self, text: &str) -> bool {
        matches!(self.unit, Unit::Word(_)) && self.parse(text).is_some()
    }

    /// Returns `value` as it is written.
    pub fn show(&self, value: u64) -> String {
        match self.unit {
            Unit::Count => value.to_string(),
            Unit::Fraction => {
                let digits = format!("{}.{:06}", value / MILLION, value % MILLION);
                digits.trim_end_matches('0').trim_end_matches('.').into()
            }
            Unit::Word(words) => words[value as usize].into(),
        }
    }

    /// Returns the value of `text`; `None` if it is no value of the range.
    pub(super) fn parse(&self, text: &str) -> Option<u64> {
        let value = match self.unit {
            Unit::Count => crate::units::parse_count(text).ok()?,
            Unit::Fraction => parse_fraction(text.trim())?,
            Unit::Word(words) => {
                let is_same = |word: &&str| word.eq_ignore_ascii_case(text.trim());
                words.iter().position(is_same)? as u64
            }
        };
        (self.min..=self.max).contains(&value).then_some(value)
    }

    /// Returns the range in words, for messages and listings.
    pub fn range(&self) -> String {
        let unit = match self.unit {
            Unit::Count => "a whole number",
            Unit::Fraction => "a decimal number (6 places at most)",
            Unit::Word(words) => return format!("one of: {}", words.join(", ")),
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

/// A policy or parameter that cannot be: a lowercase sentence that says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParamError(pub String);
