//! How much a count may change: for each metric and for cells that globs choose, absolute or in
//! percent, for an increase and for a decrease. This is the `[check]` table of an experiment file or of
//! a file of its own; command-line flags override it.
//!
//! Deliberately absent: files, where counts come from, and which exit code a verdict gives.

use crate::report::results::columns::{Better, Column, Row, col};
use crate::sweep::Identity;
use crate::units::{Fraction, Percent, did_you_mean};
use globset::{GlobBuilder, GlobMatcher};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A count that is compared.
#[derive(Debug)]
pub struct Metric {
    /// The column.
    pub column: &'static Column,
    /// The name of the column.
    pub name: &'static str,
    count: fn(&Row) -> u64,
}

/// Every count that is compared, in order.
pub const METRICS: [Metric; 3] = [
    Metric::new(col::refs, |row| row.refs),
    Metric::new(col::faults, |row| row.faults),
    Metric::new(col::write_backs, |row| row.write_backs),
];

impl PartialEq for Metric {
    fn eq(&self, other: &Metric) -> bool {
        self.column.index == other.column.index
    }
}

impl Metric {
    const fn new(column: &'static Column, count: fn(&Row) -> u64) -> Metric {
        let name = column.name;
        Metric {
            column,
            name,
            count,
        }
    }

    /// Returns whether fewer are better. Any change of another metric is a regression.
    pub fn fewer_is_better(&self) -> bool {
        self.column.facts.better == Better::Less
    }

    /// Returns the name in words.
    pub fn words(&self) -> String {
        self.name.replace('_', "-")
    }

    /// Returns the count of a row.
    pub fn count_in(&self, row: &Row) -> u64 {
        (self.count)(row)
    }
}

/// Returns the metric called `name`, which may be written with `-`.
pub fn metric(name: &str) -> Result<&'static Metric, String> {
    let same = |metric: &&Metric| metric.name == name.trim().replace('-', "_");
    METRICS.iter().find(same).ok_or_else(|| {
        let names = METRICS.iter().map(|metric| metric.name);
        let hint = did_you_mean(name, names.clone());
        let names: Vec<&str> = names.collect();
        format!("no metric {name:?}{hint} (one of: {})", names.join(", "))
    })
}

/// What an unexpected improvement leads to, the worst first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Improvement {
    /// The check fails: a better count that was not expected has no known reason.
    Fail,
    /// The check passes with a warning.
    #[default]
    Warn,
    /// The check passes.
    Allow,
}

impl Improvement {
    /// Every one with its name, in the order of help texts.
    pub const ALL: [(Improvement, &'static str); 3] = [
        (Improvement::Warn, "warn"),
        (Improvement::Allow, "allow"),
        (Improvement::Fail, "fail"),
    ];
}

/// A glob: `*`, `?`, `[ab]`, `{a,b}`. It must match a whole text; `*` matches `/`, too.
#[derive(Debug, Clone)]
pub struct Pattern(GlobMatcher);

impl Pattern {
    /// Returns whether the glob matches the whole of `text`.
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.0.glob() == other.0.glob()
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Pattern, String> {
        let glob = GlobBuilder::new(text).build();
        let glob = glob.map_err(|e| format!("{text:?} is not a glob: {}", e.kind()))?;
        Ok(Pattern(glob.compile_matcher()))
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Pattern, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Pattern;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a glob or a number")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Pattern, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Pattern, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Pattern, E> {
                self.visit_str(&number.to_string())
            }
        }
        from.deserialize_any(Text)
    }
}

/// The metrics that are compared. Read from a name or a list of names.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics(pub Vec<&'static Metric>);

impl<'de> Deserialize<'de> for Metrics {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Metrics, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Metrics;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a metric or a list of them")
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<Metrics, E> {
                Ok(Metrics(vec![metric(name).map_err(E::custom)?]))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut all: A,
            ) -> Result<Metrics, A::Error> {
                let mut metrics = Vec::new();
                while let Some(name) = all.next_element::<String>()? {
                    metrics.push(metric(&name).map_err(A::Error::custom)?);
                }
                if metrics.is_empty() {
                    let why = "an empty list of metrics compares nothing";
                    return Err(A::Error::custom(why));
                }
                Ok(Metrics(metrics))
            }
        }
        from.deserialize_any(Names)
    }
}

/// Reads a percentage. A TOML number is taken as its shortest decimal fraction, which is the text
/// of the file up to 15 digits.
fn percentage<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Percent>, D::Error> {
    let value = f64::deserialize(from)?;
    value
        .to_string()
        .parse()
        .map(Some)
        .map_err(D::Error::custom)
}

/// Defines a table of limits with fields of its own. A macro, since serde's `flatten` does not work with
/// `deny_unknown_fields`.
macro_rules! limits {
    ($(#[$about:meta])* $name:ident { $($(#[$field:meta])* $own:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        pub struct $name {
            $($(#[$field])* pub $own: $type,)*
            /// Most by which a count may grow.
            pub max_increase: Option<u64>,
            /// Most by which a count may grow, in percent of what is expected.
            #[serde(default, deserialize_with = "percentage")]
            pub max_increase_pct: Option<Percent>,
            /// Most by which a count may shrink without being an unexpected improvement.
            pub max_decrease: Option<u64>,
            /// The same in percent of what is expected.
            #[serde(default, deserialize_with = "percentage")]
            pub max_decrease_pct: Option<Percent>,
            /// What an unexpected improvement leads to.
            pub improvement: Option<Improvement>,
        }

        impl $name {
            /// Returns these limits, and those of `under` where these say nothing. A table that limits
            /// a direction, absolutely or in percent, replaces both limits of that direction.
            fn over(&self, under: Bounds) -> Bounds {
                let bound = |absolute: Option<u64>, percent: Option<Percent>, under: Bound| {
                    if absolute.is_some() || percent.is_some() {
                        Bound { absolute, percent }
                    } else {
                        under
                    }
                };
                Bounds {
                    increase: bound(self.max_increase, self.max_increase_pct, under.increase),
                    decrease: bound(self.max_decrease, self.max_decrease_pct, under.decrease),
                    improvement: self.improvement.unwrap_or(under.improvement),
                }
            }
        }
    };
}

limits! {
    /// The `[check]` table.
    Limits {
        /// The counts that are compared; all of [`METRICS`] if absent.
        metric: Option<Metrics>,
        /// Limits for cells and metrics that globs choose; later entries override earlier ones.
        #[serde(default, rename = "override")]
        overrides: Vec<Override>,
    }
}

limits! {
    /// Limits for some cells: `[[check.override]]`. A glob that is absent matches everything.
    Override {
        /// Traces by name.
        trace: Option<Pattern>,
        /// Policies with their parameters, `clock:load-bit=0`.
        policy: Option<Pattern>,
        /// Numbers of frames, or `tau=300` for a window.
        frames: Option<Pattern>,
        /// Metrics.
        metric: Option<Pattern>,
    }
}

impl Override {
    fn applies(&self, cell: &Identity, metric: &Metric) -> bool {
        let matches = |glob: &Option<Pattern>, text: &str| {
            glob.as_ref().is_none_or(|glob| glob.matches(text))
        };
        let metrics = [metric.name.to_owned(), metric.words()];
        matches(&self.trace, &cell.trace)
            && (matches(&self.policy, &cell.policy_label()) || matches(&self.policy, &cell.policy))
            && matches(&self.frames, &cell.size())
            && metrics.iter().any(|name| matches(&self.metric, name))
    }
}

/// Most by which a count may change in one direction. If both fields are set, both apply. If neither is
/// set, no change is allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bound {
    /// The limit in counts.
    pub absolute: Option<u64>,
    /// The limit in percent of what is expected.
    pub percent: Option<Percent>,
}

impl Bound {
    /// Returns whether a change from `expected` to `got` is within the bound. Rounds nothing.
    pub fn holds(&self, expected: u64, got: u64) -> bool {
        let change = got.abs_diff(expected);
        if (self.absolute, self.percent) == (None, None) {
            return change == 0;
        }
        let (before, now) = (Fraction::of(expected), Fraction::of(got));
        let within = |percent: Percent| percent.allows(before, now);
        self.absolute.is_none_or(|most| change <= most) && self.percent.is_none_or(within)
    }
}

/// The limits of one count of one cell.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bounds {
    /// Upwards.
    pub increase: Bound,
    /// Downwards.
    pub decrease: Bound,
    /// What an unexpected improvement leads to.
    pub improvement: Improvement,
}

impl Limits {
    /// Returns the metrics that are compared.
    pub fn metrics(&self) -> Vec<&'static Metric> {
        match &self.metric {
            Some(Metrics(metrics)) => METRICS.iter().filter(|one| metrics.contains(one)).collect(),
            None => METRICS.iter().collect(),
        }
    }

    /// Returns the limits of one count of one cell.
    pub fn bounds(&self, cell: &Identity, metric: &Metric) -> Bounds {
        let all = self.over(Bounds::default());
        let chosen = self
            .overrides
            .iter()
            .filter(|one| one.applies(cell, metric));
        chosen.fold(all, |under, one| one.over(under))
    }
}

/// A key of a table of limits, and what it means.
pub type Key = (&'static str, &'static str);

/// The keys of the `[check]` table.
pub const KEYS: [Key; 7] = [
    (
        "metric",
        "counts that are compared: refs, faults, write_backs; all if absent",
    ),
    ("max-increase", "most by which a count may grow, in counts"),
    (
        "max-increase-pct",
        "the same in percent of what is expected",
    ),
    (
        "max-decrease",
        "most by which a count may shrink without being an unexpected improvement, in counts",
    ),
    (
        "max-decrease-pct",
        "the same in percent of what is expected",
    ),
    (
        "improvement",
        "what an unexpected improvement does: warn, allow or fail",
    ),
    (
        OVERRIDE,
        "limits for some cells, by globs; later entries override earlier ones",
    ),
];

/// The key of the limits for some cells.
pub const OVERRIDE: &str = "override";

/// The keys of a `[[check.override]]` beside those that a `[check]` table has, too.
pub const OVERRIDE_KEYS: [Key; 4] = [
    ("trace", "traces by name"),
    (
        "policy",
        "policies, with their parameters or without: \"clock:load-bit=0\"",
    ),
    ("frames", "numbers of frames, or tau=300 for a window"),
    ("metric", "counts"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn row(trace: &str, policy: &str, frames: u64) -> Identity {
        Identity {
            trace: trace.into(),
            policy: policy.into(),
            frames: Some(frames),
            ..Identity::default()
        }
    }

    fn parse(text: &str) -> Result<Limits, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn a_later_override_goes_over_an_earlier_one() {
        let text = r#"
            metric = ["faults", "write-backs"]
            max-increase = 0
            improvement = "fail"
            [[override]]
            trace = "gcc*"
            policy = "clock*"
            max-increase-pct = 0.5
            max-increase = 7
            [[override]]
            frames = 64
            metric = "write_backs"
            max-increase = 3
            improvement = "allow"
        "#;
        let limits = parse(text).unwrap();
        assert_eq!(limits.metrics(), [&METRICS[1], &METRICS[2]]);
        let faults = |row: &Identity| limits.bounds(row, &METRICS[1]);
        let zero = faults(&row("xz", "lru", 64));
        assert!(zero.increase.holds(9, 9) && !zero.increase.holds(9, 10));
        assert!(!zero.decrease.holds(9, 8) && zero.improvement == Improvement::Fail);
        // Both limits must be kept.
        let both = faults(&row("gcc-2", "clock", 64)).increase;
        assert!(both.holds(1000, 1005) && !both.holds(1000, 1006));
        assert!(both.holds(100_000, 100_007) && !both.holds(100_000, 100_008));
        let last = limits.bounds(&row("gcc", "clock", 64), &METRICS[2]);
        assert!(last.increase.holds(3, 6) && !last.increase.holds(1000, 1004));
        assert_eq!(last.improvement, Improvement::Allow);
    }

    /// The lists that the help of keys goes by are those of the fields.
    #[test]
    fn the_keys_are_the_fields() {
        assert_eq!(parse(""), Ok(Limits::default()));
        let known = |text: String| {
            let error = parse(&text).unwrap_err().to_string();
            assert!(!error.contains("unknown field"), "{error}");
        };
        for (key, _) in KEYS {
            known(format!("{key} = false"));
        }
        let limits = KEYS.iter().filter(|(key, _)| *key != OVERRIDE);
        for (key, _) in OVERRIDE_KEYS.iter().chain(limits) {
            known(format!("[[override]]\n{key} = false"));
        }
        let fields = |text: &str| {
            let error = parse(text).unwrap_err().to_string();
            error
                .rsplit("expected")
                .next()
                .unwrap()
                .matches('`')
                .count()
                / 2
        };
        assert_eq!(fields("x = 1"), KEYS.len());
        assert_eq!(
            fields("[[override]]\nx = 1"),
            KEYS.len() - 2 + OVERRIDE_KEYS.len()
        );
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        for (text, why) in [
            ("max-increase = -1", "invalid value"),
            ("max-increase-pct = nan", "\"NaN\" is no percentage"),
            (
                "max-increase-pct = -0.5",
                "\"-0.5\" is no percentage from 0",
            ),
            ("metric = \"fautls\"", "no metric \"fautls\"; did you mean"),
            ("metric = []", "compares nothing"),
            ("[[override]]\ntrace = \"[x\"", "\"[x\" is not a glob"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
