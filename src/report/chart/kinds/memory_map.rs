//! A memory without frames over time: a map of what lies where, in the colour of its process, and the
//! external fragmentation below.

use plotters::style::RGBColor;
use std::collections::BTreeMap;

use crate::report::chart::axis::{Axis, bytes, decimal};
use crate::report::chart::kinds::states::{Subject, X_TITLE, plot, split};
use crate::report::chart::page;
use crate::report::chart::page::{Entry, Head};
use crate::report::chart::panel::{Look, Panel, XLabels};
use crate::report::chart::scene::{Canvas, Rect, render};
use crate::report::chart::{Chart, ChartError, theme};
use crate::report::tables::memory_csv::MemoryRow;

/// The most processes that the legend names.
const NAMED: usize = 14;

/// The rows of one position.
type Moment<'r> = (u64, &'r [MemoryRow]);

/// Draws the chart. `rows` are in the order of positions, and of places at each.
pub fn draw(rows: &[MemoryRow], subject: &Subject) -> Result<Chart, ChartError> {
    let moments: Vec<Moment<'_>> = rows
        .chunk_by(|a, b| a.position == b.position)
        .map(|rows| (rows[0].position, rows))
        .collect();
    let (Some(last), Some(size)) = (moments.last(), rows.iter().map(|row| row.end).max()) else {
        return Err(ChartError::Empty);
    };
    let colours = colours(rows);
    let scene = render((theme::WIDTH, theme::HEIGHT), |canvas| {
        let body = page::heading(canvas, &head(last.0, subject));
        let body = page::legend_right(canvas, body, legend(&colours));
        let (upper, lower) = split(plot(body));
        let x = || Axis::amounts(last.0 as f64, 0.0, 9);
        let map = Panel {
            rect: upper,
            x: x(),
            y: Axis::amounts(size as f64 / MIB, 0.0, 8),
            look: Look::LARGE,
        };
        for pair in moments.windows(2) {
            column(canvas, &map, pair[0], pair[1].0, &colours);
        }
        map.frame(canvas, XLabels::None);
        map.y_title(canvas, "address (MiB)");
        let shares = Panel {
            rect: lower,
            x: x(),
            y: Axis::amounts(1.0, 0.05, 3),
            look: Look::LARGE,
        };
        shares.frame(canvas, XLabels::Values);
        shares.y_title(canvas, "fragmentation");
        line(canvas, &shares, &moments);
        shares.x_title(canvas, "references", X_TITLE);
        page::notes(canvas, &subject.notes)
    });
    Ok(Chart {
        stem: "memory".into(),
        scene,
        data: None,
    })
}

const MIB: f64 = 1_048_576.0;

/// Returns external fragmentation: 1 - largest hole / free bytes, 0 if nothing is free.
pub fn fragmentation(rows: &[MemoryRow]) -> f64 {
    let holes = rows.iter().filter(|row| row.pid.is_none());
    let (free, largest) = holes.fold((0, 0), |(free, largest): (u64, u64), hole| {
        let bytes = hole.end - hole.start;
        (free + bytes, largest.max(bytes))
    });
    match free {
        0 => 0.0,
        free => 1.0 - largest as f64 / free as f64,
    }
}

fn head<'s>(position: u64, subject: &'s Subject) -> Head<'s> {
    let mut facts = subject.facts.clone();
    facts.push(format!("{} references", decimal(position as f64)));
    Head {
        name: &subject.trace,
        what: "memory over time",
        title: None,
        facts,
        trace_kind: &subject.trace_kind,
    }
}

/// Returns the colour of each process, in the order of their numbers.
fn colours(rows: &[MemoryRow]) -> BTreeMap<u64, RGBColor> {
    let pids: std::collections::BTreeSet<u64> = rows.iter().filter_map(|row| row.pid).collect();
    let colours = theme::fills();
    pids.into_iter()
        .enumerate()
        .map(|(nth, pid)| (pid, colours[nth % colours.len()]))
        .collect()
}

fn legend(colours: &BTreeMap<u64, RGBColor>) -> Vec<Entry> {
    let named = colours.iter().take(NAMED);
    let mut entries: Vec<Entry> = named
        .map(|(pid, colour)| Entry::area(&format!("process {pid}"), *colour))
        .collect();
    if colours.len() > NAMED {
        // The colours come round: two owners can have the same.
        let more = format!("{} more, as above", colours.len() - NAMED);
        entries.push(Entry::area(&more, theme::WHITE));
    }
    entries
}

/// Draws what memory holds from one position to the next.
fn column(
    canvas: &Canvas,
    panel: &Panel,
    (from, rows): Moment<'_>,
    to: u64,
    colours: &BTreeMap<u64, RGBColor>,
) {
    for row in rows {
        let Some(colour) = row.pid.and_then(|pid| colours.get(&pid)) else {
            continue;
        };
        let low = panel.pixel(from as f64, row.start as f64 / MIB);
        let high = panel.pixel(to as f64, row.end as f64 / MIB);
        if let (Some((left, bottom)), Some((right, top))) = (low, high) {
            let rect = Rect {
                left,
                top,
                right,
                bottom,
            };
            canvas.fill(rect, *colour);
        }
    }
}

/// Draws fragmentation as steps: it holds from a position to the next.
fn line(canvas: &Canvas, panel: &Panel, moments: &[Moment<'_>]) {
    let mut points = Vec::new();
    let mut before: Option<f64> = None;
    for (position, rows) in moments {
        let value = fragmentation(rows);
        for y in before.into_iter().chain([value]) {
            points.extend(panel.pixel(*position as f64, y));
        }
        before = Some(value);
    }
    canvas.line(&points, 2.4, theme::WARNING, &[]);
}

/// Returns the words for a size of memory.
pub fn memory_fact(size: u64) -> String {
    format!("{} of memory", bytes(size as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::tests::size;

    fn row(position: u64, start: u64, end: u64, pid: Option<u64>) -> MemoryRow {
        MemoryRow {
            position,
            start,
            end,
            pid,
            address: pid.map(|_| 0),
        }
    }

    #[test]
    fn a_map_is_drawn_the_same_each_time() {
        let rows = [
            row(0, 0, 1 << 20, None),
            row(5, 0, 1 << 19, Some(1)),
            row(5, 1 << 19, 1 << 20, None),
            row(9, 0, 1 << 19, None),
            row(9, 1 << 19, 1 << 20, Some(2)),
        ];
        let chart = draw(&rows, &Subject::default()).unwrap();
        assert_eq!(size(&chart.png().unwrap()), (1600, 1000));
        assert_eq!(draw(&rows, &Subject::default()).unwrap(), chart);
        assert!(matches!(
            draw(&[], &Subject::default()),
            Err(ChartError::Empty)
        ));
    }

    #[test]
    fn fragmentation_is_what_the_largest_hole_lacks() {
        let rows = [
            row(0, 0, 128, None),
            row(0, 128, 512, Some(1)),
            row(0, 512, 640, None),
        ];
        assert!((fragmentation(&rows) - 0.5).abs() < 1e-12);
        assert!(fragmentation(&rows[1..2]).abs() < 1e-12);
    }
}
