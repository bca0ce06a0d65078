//! Fault rate over mean resident pages, for one group: the chart that shows which policy needs how
//! much memory.

use super::Context;
use crate::report::chart::axis::{Axis, LABELS, percent_short};
use crate::report::chart::options::{Log, Options};
use crate::report::chart::page;
use crate::report::chart::panel::{Ink, Look, Panel};
use crate::report::chart::scene::{Canvas, Pen, Rect, render};
use crate::report::chart::series::{Curves, FAULT_RATE, Group};
use crate::report::chart::{ChartError, Drawn, theme};

/// The bound is drawn if it is at most this far below the lowest point: else the curves would be
/// squeezed into the upper part of the picture.
const BOUND_REACH: f64 = 100.0;

/// Draws the chart.
pub fn draw(group: &Group<'_>, context: &Context<'_>) -> Result<Drawn, ChartError> {
    let curves = group.curves(context.styles, &FAULT_RATE);
    Ok(draw_curves(group, curves, "fault rate", context.options))
}

/// Draws these curves of fault rates of a group under a title.
pub fn draw_curves(group: &Group<'_>, mut curves: Curves, what: &str, options: &Options) -> Drawn {
    let log = options.log_or(true, true);
    let dropped = curves.retain(|point| !log.y || point.y > 0.0);
    let bound = group.first_touches();
    let scene = render(options.pixels, |canvas| {
        let body = page::head(canvas, group, what, options);
        let near = bound.filter(|rate| is_near(&curves, *rate));
        let line = near.map(|rate| format!("first touches: {}", percent_short(rate)));
        let entries = page::entries(curves.series.iter(), line.as_slice());
        let body = page::legend_right(canvas, body, entries);
        let rect = page::plot(body);
        let panel = panel(rect, &curves, bound, Look::LARGE, log);
        let page_size = group.first().page_size;
        page::axes(
            canvas,
            &panel,
            page_size,
            [&page::pages_title(page_size), "faults per reference"],
        );
        fill(canvas, &panel, &curves, bound);
        let mut notes: Vec<String> = page::note_dropped(dropped).into_iter().collect();
        notes.extend(page::note_absent(curves.absent));
        if let (Some(rate), None) = (bound, near) {
            let rate = percent_short(rate);
            notes.push(format!("first touches ({rate}) lie far below the axis"));
        }
        page::notes(canvas, &notes)
    });
    (scene, group.data(&[(&FAULT_RATE, &curves)]))
}

/// Returns whether the bound is near enough to the curves to be drawn.
fn is_near(curves: &Curves, bound: f64) -> bool {
    let rates = curves.points().map(|point| point.y);
    let lowest = rates.fold(f64::INFINITY, f64::min);
    bound * BOUND_REACH >= lowest || lowest.is_infinite()
}

/// Returns a panel with axes around the curves and, if it is near enough, the bound.
pub fn panel(rect: Rect, curves: &Curves, bound: Option<f64>, look: Look, log: Log) -> Panel {
    // The labels that fit side by side, and one below the other.
    let columns = (rect.width() / (look.tick_em * 3.5)) as usize;
    let rows = (rect.height() / (look.tick_em * 1.5)) as usize;
    let bound = bound.filter(|bound| is_near(curves, *bound));
    let rates = curves.points().map(|point| point.y).chain(bound);
    Panel {
        rect,
        x: Axis::sizes(
            log.x,
            curves.points().map(|point| point.x),
            columns.min(LABELS),
        ),
        y: Axis::fault_rates(log.y, rates, rows.clamp(2, LABELS)),
        look,
    }
}

/// Draws the bound and the curves.
pub fn fill(canvas: &Canvas, panel: &Panel, curves: &Curves, bound: Option<f64>) {
    let level = bound.and_then(|rate| panel.level(canvas, rate));
    if curves.series.is_empty() {
        return panel.nothing(canvas, "no row has a fault and a mean resident size");
    }
    panel.curves(canvas, &curves.series);
    if let Some(y) = level {
        name_level(canvas, panel, &Ink::new(panel, &curves.series), y);
    }
}

/// Writes what the line is where no curve is in the way; the legend says it too.
fn name_level(canvas: &Canvas, panel: &Panel, ink: &Ink, y: f64) {
    let pen = Pen::new(theme::SMALL.min(panel.look.tick_em), theme::FAINT_INK);
    let text = "first touches";
    let width = pen.width(text);
    let left = panel.rect.left + 12.0;
    let place = Rect {
        left,
        top: y - pen.em - 8.0,
        right: left + width,
        bottom: y - 2.0,
    };
    if ink.under(place) > 0 {
        return;
    }
    canvas.text(text, (left, y - 7.0), &pen)
}
