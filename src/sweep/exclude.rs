//! Cells that an experiment leaves out: an exclusion has conditions on trace, policy and sizes, and
//! all of them must hold. Knows nothing of the file that states them.

use super::identity::Identity;
use crate::policy::PolicyPattern;
use crate::units::{UnitError, parse_bytes, parse_count};
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The most exclusions of an experiment: each is compared with every cell.
pub const EXCLUDES_MAX: usize = 1000;

/// The operators, each with the results of comparing the cell's number with the condition's that
/// satisfy it. Longer operators come first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, &[Ordering]); 6] = [
    (">=", &[Ordering::Greater, Ordering::Equal]),
    ("<=", &[Ordering::Less, Ordering::Equal]),
    ("!=", &[Ordering::Less, Ordering::Greater]),
    (">", &[Ordering::Greater]),
    ("<", &[Ordering::Less]),
    ("=", &[Ordering::Equal]),
];

/// A condition on a number: `>=8192`, `<64`, `!=1k`, `=64` or `64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    allowed: &'static [Ordering],
    number: u64,
}

impl Comparison {
    fn holds(&self, number: u64) -> bool {
        self.allowed.contains(&number.cmp(&self.number))
    }

    fn read(
        text: &str,
        number: fn(&str) -> Result<u64, UnitError>,
    ) -> Result<Comparison, UnitError> {
        let text = text.trim();
        let found = OPERATORS
            .into_iter()
            .find_map(|(sign, allowed)| Some((text.strip_prefix(sign)?, allowed)));
        let (rest, allowed) = found.unwrap_or((text, &[Ordering::Equal]));
        let number = number(rest)
            .map_err(|why| UnitError(format!("{why}; write a number or >=8192, <64, !=16")))?;
        Ok(Comparison { allowed, number })
    }

    /// Reads a condition on an amount of memory: `>=64KiB`.
    ///
    /// # Errors
    ///
    /// The text is not such a condition.
    pub fn of_bytes(text: &str) -> Result<Comparison, UnitError> {
        Comparison::read(text, parse_bytes)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = OPERATORS
            .iter()
            .find(|(_, allowed)| *allowed == self.allowed);
        let sign = found.map_or("", |(sign, _)| sign);
        write!(f, "{sign}{}", self.number)
    }
}

impl FromStr for Comparison {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Comparison, UnitError> {
        Comparison::read(text, parse_count)
    }
}

/// Cells to leave out: those that meet every condition that is set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exclude {
    /// The name of the trace.
    pub trace: Option<String>,
    /// The policy. Without parameters the pattern matches the policy with any parameters.
    pub policy: Option<PolicyPattern>,
    /// The frames. A cell without a number of frames does not meet this condition.
    pub frames: Option<Comparison>,
    /// The window in references. A cell without a window does not meet this condition.
    pub tau: Option<Comparison>,
    /// The page size in bytes.
    pub page_size: Option<Comparison>,
}

impl Exclude {
    /// Returns true if `cell` is to be left out.
    pub fn matches(&self, cell: &Identity) -> bool {
        let policy = |wanted: &PolicyPattern| wanted.matches(&cell.policy, &cell.params);
        let number = |condition: Option<Comparison>, number: Option<u64>| {
            condition.is_none_or(|condition| number.is_some_and(|n| condition.holds(n)))
        };
        self.trace.as_ref().is_none_or(|name| *name == cell.trace)
            && self.policy.as_ref().is_none_or(policy)
            && number(self.frames, cell.frames)
            && number(self.tau, cell.tau)
            && number(self.page_size, Some(cell.page_size))
    }
}

impl fmt::Display for Exclude {
    /// Writes an entry of an experiment file, one condition per line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |condition: Option<Comparison>| condition.map(|c| c.to_string());
        let conditions = [
            ("trace", self.trace.clone()),
            ("policy", self.policy.as_ref().map(PolicyPattern::to_string)),
            ("frames", number(self.frames)),
            ("tau", number(self.tau)),
            ("page-size", number(self.page_size)),
        ];
        let given = conditions
            .into_iter()
            .filter_map(|(key, text)| Some((key, text?)));
        let lines: Vec<String> = given
            .map(|(key, text)| format!("{key} = {}", toml::Value::from(text)))
            .collect();
        f.write_str(&lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_hold_where_they_should() {
        for (text, holds) in [
            (">=64", [false, true, true]),
            ("<= 64", [true, true, false]),
            (">64", [false, false, true]),
            ("<2^6", [true, false, false]),
            ("!=64", [true, false, true]),
            ("=64", [false, true, false]),
            ("64", [false, true, false]),
        ] {
            let comparison: Comparison = text.parse().unwrap();
            assert_eq!([63, 64, 65].map(|n| comparison.holds(n)), holds, "{text}");
            assert_eq!(comparison.to_string().parse(), Ok(comparison));
        }
        assert!(Comparison::of_bytes(">=64KiB").unwrap().holds(1 << 16));
        for text in ["", ">=", "=>64", "about 64", ">=64KiB"] {
            assert!(text.parse::<Comparison>().is_err(), "{text}");
        }
    }
}
