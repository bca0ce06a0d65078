//! THE table of the charts of results: the name of each, the table that it is drawn from, and the function
//! that draws it. The command line, its help and the files of a run follow it.

pub(in crate::report::chart) mod curve;
pub(in crate::report::chart) mod delta;
pub(in crate::report::chart) mod fault_rate;
pub(in crate::report::chart) mod faults;
pub(in crate::report::chart) mod heat;
pub(in crate::report::chart) mod hit_rate;
pub(in crate::report::chart) mod lifetime;
pub(in crate::report::chart) mod memory_map;
pub(in crate::report::chart) mod opt_ratio;
pub(in crate::report::chart) mod overview;
pub(in crate::report::chart) mod phases;
pub(in crate::report::chart) mod states;
pub(in crate::report::chart) mod steps;
pub(in crate::report::chart) mod swapped;

use super::options::{Log, Options};
use super::series::{self, Group};
use super::theme::Styles;
use super::{Chart, ChartError, Drawn};
use crate::report::results::columns::{Column, Row, col};
use crate::report::tables::curve_csv::CurveRow;
use crate::report::tables::windows_csv::CellWindows;

/// The table that a chart is drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartTable {
    /// `results.csv`.
    Results,
    /// `windows.csv`.
    Windows,
    /// `curve.csv`.
    Curves,
}

impl ChartTable {
    /// Returns the name of the file in a folder of results.
    pub const fn file_name(self) -> &'static str {
        match self {
            ChartTable::Results => "results.csv",
            ChartTable::Windows => "windows.csv",
            ChartTable::Curves => "curve.csv",
        }
    }
}

/// Rows of all the tables that charts are drawn from.
#[derive(Debug, Default)]
pub struct Rows {
    /// The rows of `results.csv`.
    pub results: Vec<Row>,
    /// The cells of `windows.csv`.
    pub windows: Vec<CellWindows>,
    /// The rows of `curve.csv`.
    pub curves: Vec<CurveRow>,
}

/// A kind of chart.
#[derive(Debug)]
pub struct Kind {
    /// The name on the command line. The names of its files end or begin with it.
    pub name: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// The columns of results.csv without which there is nothing to draw.
    needs: &'static [&'static Column],
    /// Whether a run draws it if the rows allow it.
    pub by_default: bool,
    /// Axes for which `--log` is accepted.
    pub log: Log,
    /// Whether the chart shows one memory size, so that `--at` applies.
    pub at: bool,
    draw: Draw,
}

/// What all charts of a call share.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The styles: a policy looks the same in all charts.
    pub styles: &'a Styles,
    /// What the user chose.
    pub options: &'a Options,
}

/// The table that a kind is drawn from, and the function that draws it.
#[derive(Debug)]
enum Draw {
    /// Draws groups of rows of `results.csv`.
    Groups(OfGroups),
    /// Draws `windows.csv`; each picture has its name.
    Windows(fn(&[CellWindows], &Options) -> Result<Vec<Chart>, ChartError>),
    /// Draws `curve.csv`; each picture has its name.
    Curves(fn(&[CurveRow], &Options) -> Result<Vec<Chart>, ChartError>),
}

/// How groups share pictures.
#[derive(Debug)]
enum OfGroups {
    /// One picture for each group.
    Each(fn(&Group<'_>, &Context<'_>) -> Result<Drawn, ChartError>),
    /// All groups in one picture, or in as many as they need. The second function returns that number.
    Together(
        fn(&[Group<'_>], &Context<'_>) -> Result<Vec<Drawn>, ChartError>,
        fn(&[Group<'_>]) -> usize,
    ),
}

const NEITHER: Log = Log { x: false, y: false };
const BOTH: Log = Log { x: true, y: true };

/// Every kind of chart, in the order of lists.
pub const KINDS: [Kind; 10] = [
    Kind {
        name: "overview",
        about: "fault rates of all traces, a small panel each",
        needs: &[col::fault_rate, col::mean_resident],
        by_default: true,
        log: NEITHER,
        at: false,
        draw: Draw::Groups(OfGroups::Together(overview::draw_all, overview::parts)),
    },
    Kind {
        name: "heat",
        about: "policies by traces: faults relative to OPT, or to the best, at one memory size",
        needs: &[col::faults],
        by_default: true,
        log: NEITHER,
        at: true,
        draw: Draw::Groups(OfGroups::Together(heat::draw, heat::parts)),
    },
    Kind {
        name: "fault-rate",
        about: "faults per reference over mean resident pages",
        needs: &[col::fault_rate, col::mean_resident],
        by_default: true,
        log: BOTH,
        at: false,
        draw: Draw::Groups(OfGroups::Each(fault_rate::draw)),
    },
    Kind {
        name: "hit-rate",
        about: "hit rates of memory and TLB over mean resident pages",
        needs: &[col::hit_rate, col::mean_resident],
        by_default: true,
        log: NEITHER,
        at: false,
        draw: Draw::Groups(OfGroups::Each(hit_rate::draw)),
    },
    Kind {
        name: "lifetime",
        about: "mean references between faults over mean resident pages, with the knee",
        needs: &[col::faults, col::refs_per_fault, col::mean_resident],
        by_default: true,
        log: BOTH,
        at: false,
        draw: Draw::Groups(OfGroups::Each(lifetime::draw)),
    },
    Kind {
        name: "opt-ratio",
        about: "faults over those of OPT with as many frames: what is left to gain",
        needs: &[col::faults, col::ratio_to_opt],
        by_default: true,
        log: BOTH,
        at: false,
        draw: Draw::Groups(OfGroups::Each(opt_ratio::draw)),
    },
    Kind {
        name: "faults",
        about: "absolute faults over frames; Belady's anomalies are marked",
        needs: &[col::faults],
        by_default: false,
        log: BOTH,
        at: false,
        draw: Draw::Groups(OfGroups::Each(faults::draw)),
    },
    Kind {
        name: "swapped",
        about: "bytes written to swap over frames, a line for each model (run with --model)",
        needs: &[],
        by_default: true,
        log: BOTH,
        at: false,
        draw: Draw::Groups(OfGroups::Together(swapped::draw, swapped::parts)),
    },
    Kind {
        name: "phases",
        about: "faults and resident pages over time at one memory size (run with --windows)",
        needs: &[],
        by_default: true,
        log: Log { x: false, y: true },
        at: true,
        draw: Draw::Windows(phases::draw),
    },
    Kind {
        name: "curve",
        about: "fault rate at every size (of pagebench curve -o)",
        needs: &[],
        by_default: true,
        log: BOTH,
        at: false,
        draw: Draw::Curves(curve::draw),
    },
];

impl Kind {
    /// Returns the table that the charts are drawn from.
    pub const fn source(&self) -> ChartTable {
        match self.draw {
            Draw::Groups(_) => ChartTable::Results,
            Draw::Windows(_) => ChartTable::Windows,
            Draw::Curves(_) => ChartTable::Curves,
        }
    }

    /// Returns the groups that the chart is of: cells of memory without frames have no mean resident pages
    /// and no ratio to OPT.
    fn groups_of<'a>(&self, groups: &[Group<'a>]) -> Vec<Group<'a>> {
        let of_frames = [col::mean_resident.name, col::ratio_to_opt.name];
        let mut needs = self.needs.iter();
        let needs_frames = needs.any(|need| of_frames.contains(&need.name));
        let of = groups.iter();
        let of = of.filter(|group| !needs_frames || group.has_frames());
        of.cloned().collect()
    }

    /// Errors if the rows of a group lack a column that the chart needs.
    fn check_columns(&self, group: &Group<'_>) -> Result<(), ChartError> {
        let lacks = |column: &&&Column| group.rows.iter().any(|row| !row.has(column));
        match self.needs.iter().find(lacks) {
            None => Ok(()),
            Some(column) => Err(ChartError::Lacks(format!(
                "the results have no {} (run with it among --counts, or without --counts)",
                column.name
            ))),
        }
    }
}

/// Returns the stems of the charts of a run: of each kind that is drawn by default those that finished
/// rows and windows with these keys allow, whatever their counts.
pub fn stems(results: &[Row], windows: &[Row]) -> Vec<String> {
    let (groups, over_time) = (series::groups(results), series::groups(windows));
    let each = |groups: &[Group<'_>], kind: &Kind| -> Vec<String> {
        let stems = groups.iter().map(|group| &group.stem);
        stems.map(|stem| format!("{stem}-{}", kind.name)).collect()
    };
    let of = |kind: &Kind| match kind.draw {
        Draw::Groups(OfGroups::Together(_, parts)) => match kind.groups_of(&groups) {
            few if few.len() < 2 => Vec::new(),
            groups => {
                let numbers = 1..=parts(&groups);
                numbers.map(|n| format!("{}-{n}", kind.name)).collect()
            }
        },
        Draw::Groups(OfGroups::Each(_)) => each(&kind.groups_of(&groups), kind),
        Draw::Windows(_) => each(&over_time, kind),
        Draw::Curves(_) => Vec::new(),
    };
    let by_default = KINDS.iter().filter(|kind| kind.by_default);
    by_default.flat_map(of).collect()
}

/// The charts of a kind.
#[derive(Debug, Default)]
pub struct Drawing {
    /// The charts.
    pub charts: Vec<Chart>,
    /// The traces without a chart, and why.
    pub left_out: Vec<String>,
}

impl From<Vec<Chart>> for Drawing {
    fn from(charts: Vec<Chart>) -> Drawing {
        let left_out = Vec::new();
        Drawing { charts, left_out }
    }
}

/// Draws the charts of a kind. The order of the rows does not matter. Leaves out rows of cells that were
/// not replayed to their end.
///
/// # Errors
///
/// Errors if there is no row, or if none has what the chart shows.
pub fn draw(kind: &Kind, rows: &Rows, options: &Options) -> Result<Drawing, ChartError> {
    match &kind.draw {
        Draw::Groups(draw) => {
            let groups = series::groups(&rows.results);
            of_groups(kind, draw, &groups, options)
        }
        Draw::Windows(draw) => draw(&rows.windows, options).map(Drawing::from),
        Draw::Curves(draw) => draw(&rows.curves, options).map(Drawing::from),
    }
}

/// Draws every chart of a run that the rows allow. Of each kind that is drawn by default these are the
/// charts of the groups of comparable rows (same trace, filter, page size and warm-up) and, if there are
/// several groups, those of all groups.
///
/// # Errors
///
/// Errors if there is no row.
pub fn all(rows: &Rows, options: &Options) -> Result<Vec<Chart>, ChartError> {
    let groups = series::groups(&rows.results);
    if groups.is_empty() && rows.windows.is_empty() && rows.curves.is_empty() {
        return Err(ChartError::Empty);
    }
    let mut charts = Vec::new();
    for kind in KINDS.iter().filter(|kind| kind.by_default) {
        let drawing = match &kind.draw {
            Draw::Groups(OfGroups::Together(..)) if kind.groups_of(&groups).len() < 2 => continue,
            Draw::Groups(_) if groups.is_empty() => continue,
            Draw::Windows(_) if rows.windows.is_empty() => continue,
            Draw::Curves(_) if rows.curves.is_empty() => continue,
            Draw::Groups(draw) => of_groups(kind, draw, &groups, options),
            Draw::Windows(_) | Draw::Curves(_) => draw(kind, rows, options),
        };
        match drawing {
            Ok(drawing) => charts.extend(drawing.charts),
            Err(ChartError::Lacks(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(charts)
}

fn of_groups(
    kind: &Kind,
    draw: &OfGroups,
    groups: &[Group<'_>],
    options: &Options,
) -> Result<Drawing, ChartError> {
    if groups.is_empty() {
        return Err(ChartError::Empty);
    }
    let styles = series::styles(groups);
    let context = Context {
        styles: &styles,
        options,
    };
    let groups = &kind.groups_of(groups)[..];
    if groups.is_empty() {
        let why = "the results have no cells of memory with frames, and so no mean resident pages";
        return Err(ChartError::Lacks(why.into()));
    }
    match draw {
        OfGroups::Together(draw, _) => {
            for group in groups {
                kind.check_columns(group)?;
            }
            let parts = (1..).zip(draw(groups, &context)?);
            let charts = parts.map(|(n, drawn)| named(format!("{}-{n}", kind.name), drawn));
            Ok(charts.collect::<Vec<_>>().into())
        }
        OfGroups::Each(draw) => each(kind, *draw, groups, &context),
    }
}

fn named(stem: String, (scene, data): Drawn) -> Chart {
    let data = Some(data);
    Chart { stem, scene, data }
}

/// Draws one picture for each group that has what the chart shows.
fn each(
    kind: &Kind,
    draw: fn(&Group<'_>, &Context<'_>) -> Result<Drawn, ChartError>,
    groups: &[Group<'_>],
    context: &Context<'_>,
) -> Result<Drawing, ChartError> {
    let mut drawing = Drawing::default();
    for group in groups {
        let drawn = kind
            .check_columns(group)
            .and_then(|()| draw(group, context));
        match drawn {
            Ok(drawn) => {
                let stem = format!("{}-{}", group.stem, kind.name);
                drawing.charts.push(named(stem, drawn));
            }
            Err(ChartError::Lacks(why)) => {
                let name = &group.first().trace;
                drawing.left_out.push(format!("{name}: {why}"));
            }
            Err(error) => return Err(error),
        }
    }
    match drawing.left_out.first() {
        Some(why) if drawing.charts.is_empty() => Err(ChartError::Lacks(why.clone())),
        _ => Ok(drawing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(trace: &str, page_size: u64) -> Row {
        Row {
            trace: trace.into(),
            page_size,
            policy: "lru".into(),
            frames: Some(8),
            status: "ok".into(),
            ..Row::default()
        }
    }

    #[test]
    fn charts_are_named_before_they_are_drawn() {
        let one = stems(&[row("a", 4096)], &[]);
        assert_eq!(
            one,
            ["a-fault-rate", "a-hit-rate", "a-lifetime", "a-opt-ratio"]
        );
        let rows = [row("a", 4096), row("a", 8192)];
        let two = stems(&rows, &rows[..1]);
        let expected = [
            "overview-1",
            "heat-1",
            "a-4KiB-fault-rate",
            "a-8KiB-fault-rate",
            "a-phases",
        ];
        for name in expected {
            assert!(two.contains(&name.to_owned()), "{name} {two:?}");
        }
        let many: Vec<Row> = (0..30).map(|n| row(&n.to_string(), 4096)).collect();
        let many = stems(&many, &[]);
        let count = |start: &str| many.iter().filter(|stem| stem.starts_with(start)).count();
        assert_eq!((count("overview-"), count("heat-")), (3, 3));
    }
}
