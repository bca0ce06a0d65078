//! Faults over time, for one trace at one memory size: the fault rate of each window of references,
//! and below it the pages that are resident at its end, one line a policy.

use super::states;
use crate::report::chart::axis::{Axis, decimal};
use crate::report::chart::options::Options;
use crate::report::chart::page;
use crate::report::chart::page::Head;
use crate::report::chart::panel::{Look, Panel, XLabels};
use crate::report::chart::scene::{Canvas, Rect, render};
use crate::report::chart::series;
use crate::report::chart::series::{Group, Point, Series};
use crate::report::chart::theme::{Styles, is_offline};
use crate::report::chart::{Chart, ChartError, Data};
use crate::report::results::columns::Row;
use crate::report::tables::windows_csv;
use crate::report::tables::windows_csv::{CellWindows, Window};
use crate::sweep::Part;
use crate::units::counted;

/// Draws one chart for each setting.
pub fn draw(cells: &[CellWindows], options: &Options) -> Result<Vec<Chart>, ChartError> {
    let keys: Vec<Row> = cells.iter().map(|cell| cell.key.clone()).collect();
    let groups = series::groups(&keys);
    if groups.is_empty() {
        return Err(ChartError::Empty);
    }
    let styles = series::styles(&groups);
    let chart = |group: &Group<'_>| {
        let own = cells.iter().filter(|cell| group.rows.contains(&&cell.key));
        one(
            group,
            &Chosen::new(&own.collect::<Vec<_>>(), options),
            &styles,
            options,
        )
    };
    Ok(groups.iter().map(chart).collect())
}

/// The cells that are drawn together.
struct Chosen<'a> {
    cells: Vec<&'a CellWindows>,
    /// The frames that the fixed-space ones have.
    frames: Option<u64>,
}

impl<'a> Chosen<'a> {
    /// Chooses the cells whose number of frames is nearest to the one asked for, and of each policy with a
    /// window the cell whose mean resident pages are nearest to that number.
    fn new(all: &[&'a CellWindows], options: &Options) -> Chosen<'a> {
        let fixed = |cell: &&&CellWindows| cell.key.tau.is_none();
        let distinct = all.first().map_or(0, |cell| cell.key.distinct_pages);
        let sizes = all.iter().filter(fixed).filter_map(|cell| cell.key.frames);
        let frames = options.at.nearest(sizes, distinct);
        let same = all
            .iter()
            .filter(fixed)
            .filter(|cell| cell.key.frames == frames);
        let mut cells: Vec<&CellWindows> = same.copied().collect();
        let mut windowed: Vec<&CellWindows> =
            all.iter().filter(|cell| !fixed(cell)).copied().collect();
        if let Some(frames) = frames {
            let far = |cell: &CellWindows| {
                libm::log2(cell.mean_resident().max(1e-3) / frames as f64).abs()
            };
            let policy =
                |cell: &CellWindows| cell.key.identity().without(&[Part::Tau, Part::Frames]);
            windowed.sort_by(|a, b| policy(a).cmp(&policy(b)).then(far(a).total_cmp(&far(b))));
            windowed.dedup_by_key(|cell| policy(cell));
        }
        cells.append(&mut windowed);
        Chosen { cells, frames }
    }

    /// Returns one line of each cell.
    fn series(&self, group: &Group<'_>, styles: &Styles, y: fn(&Window) -> f64) -> Vec<Series> {
        let line = |cell: &&CellWindows| {
            let key = &cell.key;
            let label = group.label(key);
            let point = |window: &Window| Point {
                x: window.first as f64 + window.refs as f64 / 2.0,
                y: y(window),
                space_time: 0.0,
                marked: false,
            };
            Series {
                style: styles.style(&label),
                label: match key.tau {
                    Some(tau) => format!("{label}, window {}", decimal(tau as f64)),
                    None => label,
                },
                online: !is_offline(&key.policy),
                fixed_space: key.tau.is_none(),
                runs: vec![cell.windows.iter().map(point).collect()],
            }
        };
        let mut all: Vec<Series> = self.cells.iter().map(line).collect();
        all.sort_by(|a, b| (a.online, &a.label).cmp(&(b.online, &b.label)));
        all
    }

    /// Returns the lines of `windows.csv` that are drawn.
    fn data(&self) -> Data {
        Data {
            header: windows_csv::header().collect(),
            lines: self.cells.iter().flat_map(|cell| cell.lines()).collect(),
        }
    }
}

fn one(group: &Group<'_>, chosen: &Chosen<'_>, styles: &Styles, options: &Options) -> Chart {
    let log = options.log_or(false, false);
    let mut rates = chosen.series(group, styles, Window::fault_rate);
    let resident = chosen.series(group, styles, |window| window.resident as f64);
    let legend = page::entries(rates.iter(), &[]);
    let runs = rates.iter_mut().map(|series| &mut series.runs);
    let without = if log.y { runs.map(broken).sum() } else { 0 };
    let scene = render(options.pixels, |canvas| {
        let what = match chosen.frames {
            Some(frames) => format!("faults over time with {}", counted(frames, "frame")),
            None => "faults over time".to_owned(),
        };
        let mut head = Head::for_group(group, &what, options);
        head.facts.extend(window_length(chosen));
        let body = page::heading(canvas, &head);
        let body = page::legend_right(canvas, body, legend);
        let (upper, lower) = states::split(states::plot(body));
        rate_panel(canvas, upper, chosen, (&rates, log.y));
        resident_panel(canvas, lower, chosen, &resident);
        page::notes(canvas, &notes(chosen, without))
    });
    Chart {
        stem: format!("{}-phases", group.stem),
        scene,
        data: Some(chosen.data()),
    }
}

fn rate_panel(canvas: &Canvas, rect: Rect, chosen: &Chosen<'_>, (rates, log): (&[Series], bool)) {
    let panel = Panel {
        rect,
        x: time_axis(chosen),
        y: Axis::fault_rates(log, values(rates), 8),
        look: Look::SERIES,
    };
    panel.frame(canvas, XLabels::None);
    panel.y_title(canvas, "faults per reference");
    panel.curves(canvas, rates);
}

fn resident_panel(canvas: &Canvas, rect: Rect, chosen: &Chosen<'_>, resident: &[Series]) {
    let panel = Panel {
        rect,
        x: time_axis(chosen),
        y: Axis::amounts(values(resident).fold(0.0, f64::max), 0.08, 4),
        look: Look::SERIES,
    };
    panel.frame(canvas, XLabels::Values);
    panel.y_title(canvas, "resident");
    panel.curves(canvas, resident);
    panel.x_title(canvas, "references", states::X_TITLE);
}

/// Returns the values of all points.
fn values(series: &[Series]) -> impl Iterator<Item = f64> {
    let points = series.iter().flat_map(|series| &series.runs).flatten();
    points.map(|point| point.y)
}

/// Breaks lines at windows without a fault, which a logarithmic axis has no place for, and returns how
/// many these were. A line across them would show faults that were not there.
fn broken(runs: &mut Vec<Vec<Point>>) -> usize {
    let points = runs.iter().flatten();
    let without = points.filter(|point| point.y <= 0.0).count();
    let pieces = runs
        .iter()
        .flat_map(|run| run.split(|point| point.y <= 0.0));
    let pieces = pieces.filter(|piece| !piece.is_empty());
    *runs = pieces.map(<[Point]>::to_vec).collect();
    without
}

fn window_length(chosen: &Chosen<'_>) -> Option<String> {
    let window = chosen.cells.first()?.windows.first()?;
    let plural = if window.refs == 1 { "" } else { "s" };
    Some(format!(
        "windows of {} reference{plural}",
        decimal(window.refs as f64)
    ))
}

/// Returns the axis from the start of the trace to the end of the last window.
fn time_axis(chosen: &Chosen<'_>) -> Axis {
    let ends = chosen.cells.iter().filter_map(|cell| cell.windows.last());
    let last = ends.map(|window| window.last + 1).max().unwrap_or(1);
    Axis::amounts(last as f64, 0.0, 9)
}

fn notes(chosen: &Chosen<'_>, without: usize) -> Vec<String> {
    let mut notes: Vec<String> = page::note_dropped(without).into_iter().collect();
    notes.push("below: pages resident at each window's end".to_owned());
    let windowed = chosen.cells.iter().any(|cell| cell.key.tau.is_some());
    if windowed && chosen.frames.is_some() {
        notes.push("window: of mean size near the frames".into());
    }
    notes
}
