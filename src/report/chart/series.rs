//! From rows to what is drawn: groups of rows that may share a picture, and in each the curves of
//! its policies.
//!
//! Does not know axes, pixels or colours beyond handing a style on.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::columns::Row;

use super::names::Stems;
use super::scale::{bytes, decimal};
use super::theme::{Style, Styles, is_offline};

/// The rows of one trace, filter, page size and warm-up: only these are comparable.
#[derive(Debug)]
pub struct Group<'a> {
    /// Rows in their stable order; at least one.
    pub rows: Vec<&'a Row>,
    /// How the names of its files begin.
    pub stem: String,
}

/// Sorts the finished rows into groups.
pub fn groups(rows: &[Row]) -> Vec<Group<'_>> {
    let mut by_key: BTreeMap<_, Vec<&Row>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.is_ok()) {
        // Two traces may have one name; their digests differ.
        let trace = (row.trace.as_str(), row.trace_digest.as_str());
        let key = (trace, row.filter.as_str(), row.page_size, row.warmup_refs);
        by_key.entry(key).or_default().push(row);
    }
    let page_sizes: BTreeSet<u64> = by_key.keys().map(|key| key.2).collect();
    let mut stems = Stems::default();
    by_key
        .into_iter()
        .map(|((trace, _, page_size, _), mut rows)| {
            rows.sort_by_cached_key(|row| row.sort_key());
            let stem = if page_sizes.len() > 1 {
                let size: String = bytes(page_size as f64).replace(' ', "");
                // The size must survive the cutting of a long name.
                stems.take(&format!("{}-{size}", head(trace.0, 60)))
            } else {
                stems.take(trace.0)
            };
            Group { rows, stem }
        })
        .collect()
}

/// What a reader must know if a trace of this kind is not the full trace of a program.
pub fn warning(kind: &str) -> Option<String> {
    (!kind.is_empty() && kind != "full")
        .then(|| format!("{kind} trace: not the rates of a program"))
}

fn head(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

impl Group<'_> {
    /// Any of the rows, for what all have in common.
    pub fn first(&self) -> &Row {
        self.rows[0]
    }

    /// What the numbers hold for, most important first.
    pub fn facts(&self) -> Vec<String> {
        let row = self.first();
        let mut facts = vec![
            format!("{} pages", bytes(row.page_size as f64)),
            format!("{} references", decimal(row.refs as f64)),
        ];
        if row.warmup_refs > 0 {
            facts.push(format!(
                "after {} of warm-up",
                decimal(row.warmup_refs as f64)
            ));
        }
        if !row.trace_digest.is_empty() {
            facts.push(format!("digest {}", head(&row.trace_digest, 8)));
        }
        if !row.filter.is_empty() {
            facts.push(row.filter.clone());
        }
        facts
    }

    /// The fault rate that no memory can avoid: first touches / references.
    pub fn first_touches(&self) -> Option<f64> {
        let row = self.first();
        let all = row.hits + row.faults;
        (row.fills > 0 && all > 0).then(|| row.fills as f64 / all as f64)
    }

    /// The curves of a measure over mean resident pages.
    pub fn curves(&self, styles: &Styles, measure: fn(&Row) -> Option<f64>) -> Curves {
        let mut curves = Curves::default();
        let mut runs: BTreeMap<(bool, String, bool), BTreeMap<_, Vec<Point>>> = BTreeMap::new();
        for row in &self.rows {
            let label = row.policy_label();
            // The bounds come first in the legend.
            let key = (!is_offline(&row.policy), label, row.tau.is_none());
            let series = runs.entry(key).or_default();
            let limit = row.tau.map(|_| row.frames);
            let run = series.entry((row.seed, limit)).or_default();
            match Point::of(row, measure) {
                Some(point) => run.push(point),
                None => curves.absent += 1,
            }
        }
        for ((online, label, fixed_space), runs) in runs {
            let mut runs: Vec<Vec<Point>> = runs.into_values().collect();
            for run in &mut runs {
                run.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
                run.dedup_by_key(|point| (point.x.to_bits(), point.y.to_bits()));
            }
            runs.retain(|run| !run.is_empty());
            if !runs.is_empty() {
                let style = styles.of(&label);
                curves.series.push(Series {
                    label,
                    style,
                    online,
                    fixed_space,
                    runs,
                });
            }
        }
        curves
    }
}

/// The styles of all groups. Each group counts once per label, however many sizes and seeds it
/// has.
pub fn styles(groups: &[Group<'_>]) -> Styles {
    let labels = groups.iter().flat_map(|group| {
        let rows = group.rows.iter();
        let labels: BTreeSet<_> = rows
            .map(|row| (row.policy.as_str(), row.policy_label()))
            .collect();
        labels
    });
    Styles::assign(labels)
}

/// A measured point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Mean resident pages.
    pub x: f64,
    /// The measure.
    pub y: f64,
    /// Mean resident pages times faults.
    pub space_time: f64,
}

impl Point {
    fn of(row: &Row, measure: fn(&Row) -> Option<f64>) -> Option<Point> {
        let (x, y) = (row.mean_resident?, measure(row)?);
        let space_time = x * row.faults as f64;
        (x > 0.0 && x.is_finite() && y.is_finite()).then_some(Point { x, y, space_time })
    }
}

/// The points of one policy with its parameters.
#[derive(Debug, Clone)]
pub struct Series {
    /// Policy and parameters.
    pub label: String,
    /// How it is drawn.
    pub style: Style,
    /// Whether the policy does without the future.
    pub online: bool,
    /// Whether the policy is given a number of frames.
    pub fixed_space: bool,
    /// One line each, by growing x: seeds and frame limits of one policy are lines of one series.
    pub runs: Vec<Vec<Point>>,
}

/// The series of a panel.
#[derive(Debug, Default)]
pub struct Curves {
    /// Bounds first, then by label; none is without points.
    pub series: Vec<Series>,
    /// Rows that lack the measure or the mean resident size.
    pub absent: usize,
}

impl Curves {
    /// Every point.
    pub fn points(&self) -> impl Iterator<Item = &Point> {
        let runs = self.series.iter().flat_map(|series| &series.runs);
        runs.flatten()
    }

    /// Removes the points that `keep` refuses and says how many these were.
    pub fn retain(&mut self, keep: impl Fn(&Point) -> bool) -> usize {
        let before = self.points().count();
        for series in &mut self.series {
            series.runs.iter_mut().for_each(|run| run.retain(&keep));
            series.runs.retain(|run| !run.is_empty());
        }
        self.series.retain(|series| !series.runs.is_empty());
        before - self.points().count()
    }
}
