//! THE table of the charts of results: what each is called, which table it is drawn from, and who
//! draws it. The command line, its help and the files of a run follow it.
//!
//! Does not know what the charts look like.

use super::options::{Log, Options};
use super::series::{self, Group};
use super::theme::Styles;
use super::{Chart, ChartError, Drawn};
use super::{curve, fault_rate, faults, heat, hit_rate, lifetime, opt_ratio, overview, phases};
use crate::report::columns::{Column, Row, col};
use crate::report::curves::CurveRow;
use crate::report::windows::CellWindows;

/// The table that a chart is drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `results.csv`.
    Results,
    /// `windows.csv`.
    Windows,
    /// `curve.csv`.
    Curves,
}

impl Source {
    /// The name of the file in a folder of results.
    pub const fn file_name(self) -> &'static str {
        match self {
            Source::Results => "results.csv",
            Source::Windows => "windows.csv",
            Source::Curves => "curve.csv",
        }
    }
}

/// Rows of all the tables that charts are drawn from.
#[derive(Debug, Default)]
pub struct Rows {
    /// Of `results.csv`.
    pub results: Vec<Row>,
    /// Of `windows.csv`.
    pub windows: Vec<CellWindows>,
    /// Of `curve.csv`.
    pub curves: Vec<CurveRow>,
}

/// A kind of chart.
#[derive(Debug)]
pub struct Kind {
    /// The name on the command line, and with which the names of its files end or begin.
    pub name: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// What it is drawn from.
    pub source: Source,
    /// The columns of results.csv without which there is nothing to draw.
    needs: &'static [&'static Column],
    /// Whether it is among the charts of a run, where the rows allow it.
    pub by_default: bool,
    /// The axes that can be made logarithmic or even.
    pub log: Log,
    /// Whether it is about one memory size.
    pub at: bool,
    draw: Draw,
}

/// What every chart of a call shares.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// A policy looks the same in all.
    pub styles: &'a Styles,
    /// What was chosen.
    pub options: &'a Options,
}

/// Who draws a kind.
#[derive(Debug)]
enum Draw {
    /// One picture for each group.
    Each(fn(&Group<'_>, &Context<'_>) -> Result<Drawn, ChartError>),
    /// All groups in one picture, or in as many as they need, which the second function tells.
    Together(
        fn(&[Group<'_>], &Context<'_>) -> Result<Vec<Drawn>, ChartError>,
        fn(&[Group<'_>]) -> usize,
    ),
    /// From other tables; each picture has its name.
    Windows(fn(&[CellWindows], &Options) -> Result<Vec<Chart>, ChartError>),
    Curves(fn(&[CurveRow], &Options) -> Result<Vec<Chart>, ChartError>),
}

const NEITHER: Log = Log { x: false, y: false };
const BOTH: Log = Log { x: true, y: true };

/// Every kind of chart, in the order of lists.
pub const KINDS: [Kind; 9] = [
    Kind {
        name: "overview",
        about: "fault rates of all traces, a small panel each",
        source: Source::Results,
        needs: &[col::fault_rate, col::mean_resident],
        by_default: true,
        log: NEITHER,
        at: false,
        draw: Draw::Together(overview::draw_all, overview::parts),
    },
    Kind {
        name: "heat",
        about: "policies by traces: faults relative to OPT, or to the best, at one memory size",
        source: Source::Results,
        needs: &[col::faults],
        by_default: true,
        log: NEITHER,
        at: true,
        draw: Draw::Together(heat::draw, heat::parts),
    },
    Kind {
        name: "fault-rate",
        about: "faults per reference over mean resident pages",
        source: Source::Results,
        needs: &[col::fault_rate, col::mean_resident],
        by_default: true,
        log: BOTH,
        at: false,
        draw: Draw::Each(fault_rate::draw),
    },
    Kind {
        name: "hit-rate",
        about: "hit rates of memory and TLB over mean resident pages",
        source: Source::Results,
        needs: &[col::hit_rate, col::mean_resident],
        by_default: true,
        log: NEITHER,
        at: false,
        draw: Draw::Each(hit_rate::draw),
    },
    Kind {
        name: "lifetime",
        about: "mean references between faults over mean resident pages, with the knee",
        source: Source::Results,
        needs: &[col::faults, col::refs_per_fault, col::mean_resident],
        by_default: true,
        log: BOTH,
        at: false,
        draw: Draw::Each(lifetime::draw),
    },
    Kind {
        name: "opt-ratio",
        about: "faults over those of OPT with as many frames: what is left to gain",
        source: Source::Results,
        needs: &[col::faults, col::ratio_to_opt],
        by_default: true,
        log: BOTH,
        at: false,
        draw: Draw::Each(opt_ratio::draw),
    },
    Kind {
        name: "faults",
        about: "absolute faults over frames; Belady's anomalies are marked",
        source: Source::Results,
        needs: &[col::faults],
        by_default: false,
        log: BOTH,
        at: false,
        draw: Draw::Each(faults::draw),
    },
    Kind {
        name: "phases",
        about: "faults and resident pages over time at one memory size (run with --windows)",
        source: Source::Windows,
        needs: &[],
        by_default: true,
        log: Log { x: false, y: true },
        at: true,
        draw: Draw::Windows(phases::draw),
    },
    Kind {
        name: "curve",
        about: "fault rate at every size (of pagebench curve -o)",
        source: Source::Curves,
        needs: &[],
        by_default: true,
        log: BOTH,
        at: false,
        draw: Draw::Curves(curve::draw),
    },
];

impl Kind {
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

/// The stems of the charts of a run, of a kind that is drawn by default each, that finished rows and
/// windows with these keys allow, whatever their counts.
pub fn stems(results: &[Row], windows: &[Row]) -> Vec<String> {
    let (groups, over_time) = (series::groups(results), series::groups(windows));
    let each = |groups: &[Group<'_>], kind: &Kind| -> Vec<String> {
        let stems = groups.iter().map(|group| &group.stem);
        stems.map(|stem| format!("{stem}-{}", kind.name)).collect()
    };
    let of = |kind: &Kind| match kind.draw {
        Draw::Together(..) if groups.len() < 2 => Vec::new(),
        Draw::Together(_, parts) => {
            let numbers = 1..=parts(&groups);
            numbers.map(|n| format!("{}-{n}", kind.name)).collect()
        }
        Draw::Each(_) => each(&groups, kind),
        Draw::Windows(_) => each(&over_time, kind),
        Draw::Curves(_) => Vec::new(),
    };
    let by_default = KINDS.iter().filter(|kind| kind.by_default);
    by_default.flat_map(of).collect()
}

/// What came of a kind.
#[derive(Debug, Default)]
pub struct Drawing {
    /// The charts.
    pub charts: Vec<Chart>,
    /// For which traces there is none, and why.
    pub left_out: Vec<String>,
}

/// Draws the charts of a kind. The order of the rows does not matter; rows that are not ok are left
/// out.
///
/// # Errors
///
/// There is no row, or none has what the chart shows.
pub fn draw(kind: &Kind, rows: &Rows, options: &Options) -> Result<Drawing, ChartError> {
    let charts = match kind.draw {
        Draw::Windows(draw) => draw(&rows.windows, options)?,
        Draw::Curves(draw) => draw(&rows.curves, options)?,
        Draw::Each(_) | Draw::Together(..) => {
            let groups = series::groups(&rows.results);
            return of_groups(kind, &groups, options);
        }
    };
    Ok(Drawing {
        charts,
        left_out: Vec::new(),
    })
}

/// Draws every chart of a run that the rows allow: of each kind that is drawn by default those of
/// the groups of comparable rows (same trace, filter, page size and warm-up) and, if there are
/// several groups, those of all groups.
///
/// # Errors
///
/// There is no row.
pub fn all(rows: &Rows, options: &Options) -> Result<Vec<Chart>, ChartError> {
    let groups = series::groups(&rows.results);
    if groups.is_empty() && rows.windows.is_empty() && rows.curves.is_empty() {
        return Err(ChartError::Empty);
    }
    let mut charts = Vec::new();
    for kind in KINDS.iter().filter(|kind| kind.by_default) {
        let drawing = match (&kind.draw, kind.source) {
            (Draw::Together(..), _) if groups.len() < 2 => continue,
            (_, Source::Results) if groups.is_empty() => continue,
            (_, Source::Windows) if rows.windows.is_empty() => continue,
            (_, Source::Curves) if rows.curves.is_empty() => continue,
            (_, Source::Results) => of_groups(kind, &groups, options),
            _ => draw(kind, rows, options),
        };
        match drawing {
            Ok(drawing) => charts.extend(drawing.charts),
            Err(ChartError::Lacks(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(charts)
}

fn of_groups(kind: &Kind, groups: &[Group<'_>], options: &Options) -> Result<Drawing, ChartError> {
    if groups.is_empty() {
        return Err(ChartError::Empty);
    }
    let styles = series::styles(groups);
    let context = Context {
        styles: &styles,
        options,
    };
    let chart = |stem: String, (scene, data): Drawn| Chart {
        stem,
        scene,
        data: Some(data),
    };
    let mut drawing = Drawing::default();
    match kind.draw {
        Draw::Together(draw, _) => {
            groups
                .iter()
                .try_for_each(|group| kind.check_columns(group))?;
            let parts = (1..).zip(draw(groups, &context)?);
            let charts = parts.map(|(n, drawn)| chart(format!("{}-{n}", kind.name), drawn));
            drawing.charts = charts.collect();
        }
        Draw::Each(draw) => {
            for group in groups {
                match kind
                    .check_columns(group)
                    .and_then(|()| draw(group, &context))
                {
                    Ok(drawn) => {
                        let stem = format!("{}-{}", group.stem, kind.name);
                        drawing.charts.push(chart(stem, drawn));
                    }
                    Err(ChartError::Lacks(why)) => {
                        let name = &group.first().trace;
                        drawing.left_out.push(format!("{name}: {why}"));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Draw::Windows(_) | Draw::Curves(_) => {}
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
