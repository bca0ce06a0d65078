//! Faults over those of OPT with as many frames, for one group: how much a better policy could still
//! gain at each memory size.

use super::Context;
use crate::report::chart::axis::{Axis, LABELS};
use crate::report::chart::page;
use crate::report::chart::panel::{Look, Panel};
use crate::report::chart::scene::render;
use crate::report::chart::series::{Group, OPT_RATIO};
use crate::report::chart::{ChartError, Drawn};

/// From this ratio on the axis is logarithmic.
const FAR: f64 = 20.0;

/// Draws the chart.
pub fn draw(group: &Group<'_>, context: &Context<'_>) -> Result<Drawn, ChartError> {
    let options = context.options;
    let mut curves = group.curves(context.styles, &OPT_RATIO);
    // One policy far off must not press the others together.
    let log = options.log_or(true, curves.points().any(|point| point.y > FAR));
    let dropped = curves.retain(|point| !log.y || point.y > 0.0);
    if curves.series.is_empty() {
        let why = if group.rows.iter().any(|row| row.opt_faults == Some(0)) {
            "OPT has no fault with as many frames: there is no ratio"
        } else {
            "no row has the faults of OPT with as many frames (run with opt among -p)"
        };
        return Err(ChartError::Lacks(why.to_owned()));
    }
    let scene = render(options.pixels, |canvas| {
        let body = page::head(canvas, group, "faults relative to OPT", options);
        let entries = page::entries(curves.series.iter(), &[]);
        let body = page::legend_right(canvas, body, entries);
        let ratios = curves.points().map(|point| point.y);
        let panel = Panel {
            rect: page::plot(body),
            x: Axis::sizes(log.x, curves.points().map(|point| point.x), LABELS),
            y: Axis::ratios(log.y, ratios),
            look: Look::LARGE,
        };
        let page_size = group.first().page_size;
        page::axes(
            canvas,
            &panel,
            page_size,
            [&page::frames_title(page_size), "faults / faults of OPT"],
        );
        panel.curves(canvas, &curves.series);
        let mut notes = page::notes_over_frames(&curves, dropped);
        if curves.absent > 0 {
            let rows = if curves.absent == 1 { "row" } else { "rows" };
            notes.push(format!(
                "{} {rows} without a fault of OPT at that size",
                curves.absent
            ));
        }
        page::notes(canvas, &notes)
    });
    Ok((scene, group.data(&[(&OPT_RATIO, &curves)])))
}
