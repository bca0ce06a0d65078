//! Where the pages of one trace are over time: areas one above the other for what is in memory and
//! what has left it, and below them, on an axis of their own, the untouched pages, of which there
//! may be many times as many.

use plotters::style::RGBColor;

use crate::report::chart::axis::{Axis, bytes, decimal};
use crate::report::chart::page;
use crate::report::chart::page::{Entry, Head};
use crate::report::chart::panel::{Look, Panel, XLabels};
use crate::report::chart::scene::{Canvas, Rect, render};
use crate::report::chart::{Chart, ChartError, theme};
use crate::report::tables::states_csv::StatesRow;
use crate::units::counted;

/// What the rows are of.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// The name of the trace.
    pub trace: String,
    /// The kind of its recording.
    pub trace_kind: String,
    /// Policy and mappings, for the second line.
    pub facts: Vec<String>,
    /// The most pages that can be resident, if there is a limit.
    pub frames: Option<u64>,
    /// The page size in bytes.
    pub page_size: u64,
    /// What else the reader must know, for the lower edge.
    pub notes: Vec<String>,
}

/// A count of a row.
type Count = fn(&StatesRow) -> u64;

/// The areas from below.
const AREAS: [(&str, RGBColor, Count); 4] = [
    ("resident, clean", theme::CLEAN, |row| {
        row.resident.saturating_sub(row.resident_dirty)
    }),
    ("resident, dirty", theme::DIRTY, |row| row.resident_dirty),
    ("swapped", theme::SWAPPED, |row| row.swapped),
    ("dropped", theme::DROPPED, |row| row.dropped),
];

/// The area on an axis of its own.
const UNTOUCHED: (&str, RGBColor, Count) = ("mapped, untouched", theme::UNTOUCHED, |row| {
    row.untouched.unwrap_or(0)
});

/// A frame limit above this many times the highest area is not drawn: it would flatten the areas.
const LIMIT_REACH: f64 = 2.0;

/// Room below the panels for one line of tick labels, the title of the axis and a note.
const X_ROOM: f64 = 112.0;
/// Where the title of the x axis stands below one line of tick labels.
pub const X_TITLE: f64 = 76.0;

/// Draws the chart.
pub fn draw(rows: &[StatesRow], subject: &Subject) -> Result<Chart, ChartError> {
    if rows.is_empty() {
        return Err(ChartError::Empty);
    }
    let has_untouched = rows.iter().any(|row| row.untouched.is_some());
    let top = highest(rows, |row| AREAS.iter().map(|area| (area.2)(row)).sum());
    let limit = subject.frames.map(|frames| frames as f64);
    let drawn_limit = limit.filter(|limit| *limit <= LIMIT_REACH * top);
    let scene = render((theme::WIDTH, theme::HEIGHT), |canvas| {
        let body = page::heading(canvas, &head(rows, subject));
        let body = page::legend_right(canvas, body, legend(has_untouched, drawn_limit));
        let rect = plot(body);
        let (upper, lower) = if has_untouched {
            let (upper, lower) = split(rect);
            (upper, Some(lower))
        } else {
            (rect, None)
        };
        let panel = panel(upper, rows, top.max(drawn_limit.unwrap_or(0.0)));
        let labels = if has_untouched {
            XLabels::None
        } else {
            XLabels::Values
        };
        panel.frame(canvas, labels);
        let size = bytes(subject.page_size as f64);
        panel.y_title(canvas, &format!("pages ({size} each)"));
        areas(canvas, &panel, rows, &AREAS);
        if let Some(limit) = drawn_limit {
            line_at(canvas, &panel, limit);
        }
        let lowest = match lower {
            Some(lower) => untouched(canvas, lower, rows),
            None => panel,
        };
        lowest.x_title(canvas, "references", X_TITLE);
        page::notes(canvas, &notes(subject, drawn_limit))
    });
    Ok(Chart {
        stem: "states".into(),
        scene,
        data: None,
    })
}

fn head<'a>(rows: &[StatesRow], subject: &'a Subject) -> Head<'a> {
    let last = rows[rows.len() - 1];
    let mut facts = subject.facts.clone();
    facts.push(format!("{} references", decimal(last.position as f64)));
    facts.push(format!("{} faults", decimal(last.faults as f64)));
    Head {
        name: &subject.trace,
        what: "pages over time",
        title: None,
        facts,
        trace_kind: &subject.trace_kind,
    }
}

/// Returns the entries of the legend, from the uppermost area down.
fn legend(has_untouched: bool, limit: Option<f64>) -> Vec<Entry> {
    let mut entries = Vec::new();
    if let Some(limit) = limit {
        entries.push(Entry::line(&frames(limit), theme::INK, theme::DASHED));
    }
    let areas = AREAS.iter().rev();
    entries.extend(areas.map(|(label, colour, _)| Entry::area(label, *colour)));
    if has_untouched {
        entries.push(Entry::area(UNTOUCHED.0, UNTOUCHED.1));
    }
    entries
}

fn frames(limit: f64) -> String {
    counted(limit, "frame")
}

fn notes(subject: &Subject, drawn_limit: Option<f64>) -> Vec<String> {
    let mut notes = subject.notes.clone();
    if let (Some(limit), None) = (subject.frames, drawn_limit) {
        let limit = frames(limit as f64);
        notes.push(format!("{limit}: too many to be drawn as a line"));
    }
    notes
}

/// Returns the rectangle of the panels of a body, with room for their labels.
pub fn plot(body: Rect) -> Rect {
    Rect {
        bottom: body.bottom - X_ROOM,
        ..page::plot(body)
    }
}

/// Divides a rectangle into a large panel and a small one below.
pub fn split(rect: Rect) -> (Rect, Rect) {
    const GAP: f64 = 30.0;
    const SHARE: f64 = 0.7;
    rect.split(rect.top + rect.height() * SHARE, GAP)
}

fn highest(rows: &[StatesRow], count: impl Fn(&StatesRow) -> u64) -> f64 {
    rows.iter().map(count).max().unwrap_or(0) as f64
}

fn panel(rect: Rect, rows: &[StatesRow], top: f64) -> Panel {
    let labels = (rect.height() / 40.0) as usize;
    Panel {
        rect,
        x: Axis::amounts(highest(rows, |row| row.position), 0.0, 9),
        y: Axis::amounts(top, 0.05, labels.clamp(2, 8)),
        look: Look::LARGE,
    }
}

/// Draws the lower panel.
fn untouched(canvas: &Canvas, rect: Rect, rows: &[StatesRow]) -> Panel {
    let panel = panel(rect, rows, highest(rows, UNTOUCHED.2));
    panel.frame(canvas, XLabels::Values);
    panel.y_title(canvas, "untouched");
    areas(canvas, &panel, rows, &[UNTOUCHED]);
    panel
}

/// Draws areas one above the other: the sum of all first, then what lies below the highest over
/// it, so that no seam shows between two of them.
fn areas(canvas: &Canvas, panel: &Panel, rows: &[StatesRow], areas: &[(&str, RGBColor, Count)]) {
    for highest in (0..areas.len()).rev() {
        let sum = |row: &StatesRow| {
            let counts = areas[..=highest].iter().map(|area| (area.2)(row));
            counts.sum::<u64>() as f64
        };
        let edge = rows
            .iter()
            .filter_map(|row| panel.pixel(row.position as f64, sum(row)));
        let mut corners: Vec<(f64, f64)> = edge.collect();
        let (Some(first), Some(last)) = (corners.first(), corners.last()) else {
            continue;
        };
        let base = panel.rect.bottom;
        let ends = [(last.0, base), (first.0, base)];
        corners.extend(ends);
        // An area without height would still leave a thread of its colour.
        if corners.iter().any(|corner| corner.1 < base) {
            canvas.polygon(&corners, areas[highest].1);
        }
    }
}

fn line_at(canvas: &Canvas, panel: &Panel, value: f64) {
    let ends = [panel.rect.left, panel.rect.right];
    if let Some((_, y)) = panel.pixel(0.0, value) {
        let line = ends.map(|x| (x, y));
        canvas.line(&line, 2.2, theme::INK, theme::DASHED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::tests::size;

    /// States of a trace that grows, with or without mappings.
    fn states_of(rows: u64, mapped: Option<u64>) -> Vec<StatesRow> {
        let row = |at: u64| StatesRow {
            position: at * 1000,
            resident: at.min(20),
            resident_dirty: at.min(20) / 2,
            swapped: at / 3,
            dropped: at / 4,
            untouched: mapped.map(|mapped| mapped - at),
            mapped,
            faults: at * 7,
        };
        (0..rows).map(row).collect()
    }

    fn subject(frames: Option<u64>) -> Subject {
        Subject {
            trace: "a trace".into(),
            trace_kind: "synthetic".into(),
            facts: vec!["lru".into(), "recorded mappings".into()],
            frames,
            page_size: 4096,
            notes: Vec::new(),
        }
    }

    #[test]
    fn states_are_drawn_the_same_each_time() {
        let rows = states_of(100, Some(1 << 20));
        let chart = draw(&rows, &subject(Some(20))).unwrap();
        assert_eq!(chart.stem, "states");
        assert_eq!(size(&chart.png().unwrap()), (1600, 1000));
        assert_eq!(draw(&rows, &subject(Some(20))).unwrap(), chart);
        let other = draw(&states_of(100, None), &subject(Some(20))).unwrap();
        assert_ne!(other, chart, "without mappings there is one panel");
    }

    #[test]
    fn states_without_extent_are_drawn() {
        assert!(matches!(draw(&[], &subject(None)), Err(ChartError::Empty)));
        let huge = StatesRow {
            position: u64::MAX,
            resident: u64::MAX / 8,
            resident_dirty: u64::MAX,
            untouched: Some(u64::MAX),
            ..StatesRow::default()
        };
        for rows in [
            states_of(1, None),
            states_of(2, Some(2)),
            vec![StatesRow::default(); 3],
            vec![StatesRow::default(), huge],
        ] {
            for frames in [None, Some(1), Some(u64::MAX)] {
                draw(&rows, &subject(frames)).unwrap();
            }
        }
    }
}
