//! Hit rates over mean resident pages, for one group: those of memory above, those of the TLB
//! below, on the same x axis.

use super::Context;
use crate::report::chart::axis::{Axis, LABELS};
use crate::report::chart::page;
use crate::report::chart::panel::{Look, Panel, XLabels};
use crate::report::chart::scene::{Canvas, Rect, render};
use crate::report::chart::series::{Curves, Group, HIT_RATE, TLB_HIT_RATE};
use crate::report::chart::{ChartError, Drawn};
use std::collections::BTreeSet;

/// Space between the two panels.
const GAP: f64 = 46.0;

/// Draws the chart.
pub fn draw(group: &Group<'_>, context: &Context<'_>) -> Result<Drawn, ChartError> {
    let (styles, options) = (context.styles, context.options);
    let mut pages = Rates::new("page hit rate", group.curves(styles, &HIT_RATE));
    let mut notes: Vec<String> = page::note_absent(pages.curves.absent).into_iter().collect();
    notes.extend(page::note_dropped(pages.drop_unplaced()));
    let tlb = group.curves(styles, &TLB_HIT_RATE);
    let tlb = (!tlb.series.is_empty()).then(|| tlb_rates(tlb, &mut notes));
    if tlb.is_none() {
        notes.push("no TLB in these rows".to_owned());
    }
    let title = match tlb {
        Some(_) => "hit rates of memory and TLB",
        None => "hit rate",
    };
    let panels: Vec<&Rates> = [&pages].into_iter().chain(&tlb).collect();
    let scene = render(options.pixels, |canvas| {
        let body = page::head(canvas, group, title, options);
        let mut labels = BTreeSet::new();
        let series = panels.iter().flat_map(|rates| &rates.curves.series);
        let once = series.filter(|series| labels.insert(series.label.as_str()));
        let body = page::legend_right(canvas, body, page::entries(once, &[]));
        draw_panels(canvas, page::plot(body), &panels, group.first().page_size);
        page::notes(canvas, &notes);
    });
    let mut tables = vec![(&HIT_RATE, &pages.curves)];
    tables.extend(tlb.as_ref().map(|tlb| (&TLB_HIT_RATE, &tlb.curves)));
    Ok((scene, group.data(&tables)))
}

/// Returns the rates of the TLB, and notes what is not drawn of them.
fn tlb_rates(curves: Curves, notes: &mut Vec<String>) -> Rates {
    let mut tlb = Rates::new("TLB hit rate", curves);
    notes.extend(page::note_absent(tlb.curves.absent).map(|note| format!("TLB: {note}")));
    let unplaced = tlb.drop_unplaced();
    if unplaced > 0 {
        notes.push(format!(
            "TLB: {unplaced} points without a miss are not drawn"
        ));
    }
    tlb
}

/// Draws one or two panels, one above the other, on the same x axis.
fn draw_panels(canvas: &Canvas, rect: Rect, panels: &[&Rates], page_size: u64) {
    let rects = match panels.len() {
        1 => vec![rect],
        _ => halves(rect).into(),
    };
    let points = panels.iter().flat_map(|rates| rates.curves.points());
    let x = Axis::pages(points.map(|point| point.x), LABELS);
    let panel = |(rect, rates): (Rect, &&Rates)| Panel {
        rect,
        x: x.clone(),
        y: rates.axis.clone(),
        look: Look::LARGE,
    };
    let drawn: Vec<Panel> = rects.into_iter().zip(panels).map(panel).collect();
    let last = drawn.len() - 1;
    drawn[last].x_title(canvas, &page::pages_title(page_size), page::X_TITLE);
    for (index, (panel, rates)) in drawn.iter().zip(panels).enumerate() {
        let labels = if index == last {
            XLabels::PagesAndBytes(page_size)
        } else {
            XLabels::None
        };
        fill(canvas, panel, rates, labels);
    }
}

/// Hit rates with their axis.
struct Rates {
    title: &'static str,
    curves: Curves,
    axis: Axis,
}

impl Rates {
    fn new(title: &'static str, curves: Curves) -> Rates {
        let axis = Axis::shares(curves.points().map(|point| point.y));
        Rates {
            title,
            curves,
            axis,
        }
    }

    /// Removes the points that the axis has no place for, since a hit rate of one has infinitely many
    /// nines, and returns how many these were.
    fn drop_unplaced(&mut self) -> usize {
        let axis = &self.axis;
        self.curves.retain(|point| axis.share(point.y).is_some())
    }
}

fn halves(rect: Rect) -> [Rect; 2] {
    let height = (rect.height() - GAP) / 2.0;
    let above = Rect {
        bottom: rect.top + height,
        ..rect
    };
    let below = Rect {
        top: rect.bottom - height,
        ..rect
    };
    [above, below]
}

fn fill(canvas: &Canvas, panel: &Panel, rates: &Rates, labels: XLabels) {
    panel.frame(canvas, labels);
    let title = if rates.axis.is_nines() {
        format!("{} (by nines)", rates.title)
    } else {
        rates.title.to_owned()
    };
    panel.y_title(canvas, &title);
    if rates.curves.series.is_empty() {
        let why = "no row has a hit rate below 100 % and a mean resident size";
        return panel.nothing(canvas, why);
    }
    panel.curves(canvas, &rates.curves.series);
}
