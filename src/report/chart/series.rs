//! From rows to what is drawn: groups of rows that may share a picture, and in each the curves of
//! its policies.
//!
//! Deliberately absent: axes, pixels and colours.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::results::columns::{Column, Row, col, short_digest};
use crate::report::stems::Stems;
use crate::sweep::{Identity, Labels, Part, by_setting};

use super::Data;
use super::axis::{bytes, decimal};
use super::theme::{Style, Styles, is_offline};
use crate::units::counted;
use crate::vm::models::choices::Model;

/// The rows of one setting: only these are comparable.
#[derive(Debug, Clone)]
pub struct Group<'a> {
    /// Rows in their stable order; at least one.
    pub rows: Vec<&'a Row>,
    /// What the cells of the rows have in common.
    pub setting: Identity,
    /// How the names of its files begin.
    pub stem: String,
    /// The labels of policies, the same in all groups of a call.
    labels: Labels,
    /// Cells of the same setting that full swap ended, which are not drawn.
    pub ended: u64,
}

/// Sorts the finished rows into groups.
pub fn groups(rows: &[Row]) -> Vec<Group<'_>> {
    let ended = rows.iter().filter(|row| row.is_cut_short());
    let ended: Vec<Identity> = ended.map(|row| row.identity().setting()).collect();
    let rows: Vec<&Row> = rows.iter().filter(|row| row.is_ok()).collect();
    let cells: Vec<Identity> = rows.iter().map(|row| row.identity()).collect();
    let labels = Labels::of(&cells);
    let page_sizes: BTreeSet<u64> = cells.iter().map(|cell| cell.page_size).collect();
    let mut stems = Stems::default();
    let group = |(setting, indices): (Identity, Vec<usize>)| {
        let stem = if page_sizes.len() > 1 {
            let size: String = bytes(setting.page_size as f64).replace(' ', "");
            // The size must survive the cutting of a long name.
            stems.take(&format!("{}-{size}", head(&setting.trace, 60)))
        } else {
            stems.take(&setting.trace)
        };
        Group {
            ended: ended.iter().filter(|cell| **cell == setting).count() as u64,
            rows: indices.into_iter().map(|index| rows[index]).collect(),
            setting,
            stem,
            labels: labels.clone(),
        }
    };
    by_setting(&cells).into_iter().map(group).collect()
}

/// Returns whether a trace of this kind is the full trace of a program.
pub fn is_full_trace(kind: &str) -> bool {
    kind.is_empty() || kind == "full"
}

/// Returns the warning for a trace of this kind; `None` if it is the full trace of a program.
pub fn warning(kind: &str) -> Option<String> {
    (!is_full_trace(kind)).then(|| format!("{kind} trace: not the rates of a program"))
}

fn head(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

impl Group<'_> {
    /// Returns whether the rows are of memory with frames: of paging, or of a model that counts as it does.
    pub fn has_frames(&self) -> bool {
        let model = &self.first().model;
        let mut models = Model::ALL.into_iter();
        models.all(|(of, name)| name != model || of.has_frames())
    }

    /// Returns one of the rows, for what all have in common.
    pub fn first(&self) -> &Row {
        self.rows[0]
    }

    /// Returns the label of the policy of a row.
    pub fn label(&self, row: &Row) -> String {
        self.labels.label(&row.identity())
    }

    /// Returns what the numbers hold for, most important first.
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
            facts.push(format!("digest {}", short_digest(&row.trace_digest)));
        }
        if !row.filter.is_empty() {
            facts.push(row.filter.clone());
        }
        let told = [Part::Filter, Part::WarmupRefs];
        facts.extend(self.setting.without(&told).unusual());
        if self.ended > 0 {
            let cells = counted(self.ended, "cell");
            facts.push(format!("without {cells} that full swap ended"));
        }
        facts
    }

    /// Returns all that is unusual in the setting, for tables of several groups.
    pub fn settings(&self) -> String {
        self.setting.unusual().collect::<Vec<_>>().join(", ")
    }

    /// Returns the fault rate that no memory can avoid: first touches / references.
    pub fn first_touches(&self) -> Option<f64> {
        let row = self.first();
        (row.fills > 0 && row.refs > 0).then(|| row.fills as f64 / row.refs as f64)
    }

    /// Returns the curves of a measure.
    pub fn curves(&self, styles: &Styles, measure: &Measure) -> Curves {
        let mut curves = Curves::default();
        let by_frames = measure.x.index == col::frames.index;
        let mut runs: BTreeMap<(bool, String, bool), BTreeMap<_, Vec<Point>>> = BTreeMap::new();
        for row in &self.rows {
            let cell = row.identity();
            let label = self.labels.label(&cell);
            if by_frames && row.tau.is_some() {
                curves.windowed.insert(label);
                continue;
            }
            // The bounds come first in the legend.
            let key = (!is_offline(&row.policy), label, row.tau.is_none());
            let series = runs.entry(key).or_default();
            let run = series.entry(cell.line()).or_default();
            match Point::from_row(row, measure) {
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
                let style = styles.style(&label);
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

impl Group<'_> {
    /// Returns what curves show as a table, one line a point.
    pub fn data(&self, measures: &[(&Measure, &Curves)]) -> Data {
        let x = measures.first().map_or("x", |(measure, _)| measure.x.name);
        let row = self.first();
        let mut lines = Vec::new();
        for (measure, curves) in measures {
            for series in &curves.series {
                for (run, points) in (1..).zip(&series.runs) {
                    lines.extend(points.iter().map(|point: &Point| {
                        vec![
                            row.trace.clone(),
                            row.trace_digest.clone(),
                            row.page_size.to_string(),
                            series.label.clone(),
                            u64::to_string(&run),
                            measure.y.name.to_owned(),
                            point.x.to_string(),
                            point.y.to_string(),
                        ]
                    }));
                }
            }
        }
        Data {
            header: vec![
                "trace",
                "trace_digest",
                "page_size",
                "policy",
                "run",
                "measure",
                x,
                "value",
            ],
            lines,
        }
    }
}

/// Returns the styles of all groups. Each group counts once per label, however many sizes it has.
pub fn styles(groups: &[Group<'_>]) -> Styles {
    let labels = groups.iter().flat_map(|group| {
        let rows = group.rows.iter();
        let labels: BTreeSet<_> = rows
            .map(|row| (row.policy.as_str(), group.label(row)))
            .collect();
        labels
    });
    Styles::assign(labels)
}

/// A measured point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Value on the x axis: mean resident pages, frames, or the position of a reference.
    pub x: f64,
    /// Value on the y axis.
    pub y: f64,
    /// `x` times faults; the knee is its minimum. Infinite without a number of faults; unused by
    /// `phases`.
    pub space_time: f64,
    /// Whether the chart sets the point off from the others of its line.
    pub marked: bool,
}

impl Point {
    fn from_row(row: &Row, measure: &Measure) -> Option<Point> {
        let (x, y) = ((measure.x.number)(row)?, (measure.y.number)(row)?);
        // Without a number of faults there is no knee.
        let space_time = x * (col::faults.number)(row).unwrap_or(f64::INFINITY);
        (x > 0.0 && x.is_finite() && y.is_finite()).then_some(Point {
            x,
            y,
            space_time,
            marked: false,
        })
    }
}

/// The points of one policy with its parameters.
#[derive(Debug, Clone)]
pub struct Series {
    /// Policy and parameters.
    pub label: String,
    /// How it is drawn.
    pub style: Style,
    /// Whether the policy runs without knowing the future.
    pub online: bool,
    /// Whether the policy is given a number of frames.
    pub fixed_space: bool,
    /// One line each, by growing x: frame limits of one policy are lines of one series.
    pub runs: Vec<Vec<Point>>,
}

/// The series of a panel.
#[derive(Debug, Default)]
pub struct Curves {
    /// Bounds first, then by label; none is without points.
    pub series: Vec<Series>,
    /// Rows that lack the measure or what it is drawn over.
    pub absent: usize,
    /// Policies that are given a window, where numbers of frames are asked for.
    pub windowed: BTreeSet<String>,
}

/// Two columns of the results: what is drawn over what.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    /// The column of the x axis: pages or frames.
    pub x: &'static Column,
    /// The column of the y axis.
    pub y: &'static Column,
}

const fn over_pages(y: &'static Column) -> Measure {
    Measure {
        x: col::mean_resident,
        y,
    }
}

/// Faults per reference.
pub const FAULT_RATE: Measure = over_pages(col::fault_rate);
/// Hits per reference.
pub const HIT_RATE: Measure = over_pages(col::hit_rate);
/// References translated by a TLB, per reference.
pub const TLB_HIT_RATE: Measure = over_pages(col::tlb_hit_rate);
/// References per fault.
pub const LIFETIME: Measure = over_pages(col::refs_per_fault);
/// Faults.
pub const FAULTS: Measure = Measure {
    x: col::frames,
    y: col::faults,
};
/// Faults per fault of OPT.
pub const OPT_RATIO: Measure = Measure {
    x: col::frames,
    y: col::ratio_to_opt,
};

/// Joins tables under the header of the first.
pub fn joined(tables: impl Iterator<Item = Data>) -> Data {
    tables
        .reduce(|mut all, table| {
            all.lines.extend(table.lines);
            all
        })
        .unwrap_or(Data {
            header: Vec::new(),
            lines: Vec::new(),
        })
}

impl Curves {
    /// Returns every point.
    pub fn points(&self) -> impl Iterator<Item = &Point> {
        let runs = self.series.iter().flat_map(|series| &series.runs);
        runs.flatten()
    }

    /// Removes the points that `keep` refuses and returns how many these were.
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
