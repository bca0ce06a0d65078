//! Hit rates over mean resident pages, for one group: those of memory above, those of the TLB
//! below, on the same x axis.
//!
//! Does not know how rows came about.

use super::canvas::{Canvas, Rect, render};
use super::fault_rate::pages_title;
use super::kinds::Context;
use super::page;
use super::panel::{Look, Panel, XLabels};
use super::scale::{Axis, LABELS};
use super::series::{Curves, Group, HIT_RATE, TLB_HIT_RATE};
use super::{ChartError, Drawn};

/// Space between the two panels.
const GAP: f64 = 46.0;

/// Draws the chart.
pub fn draw(group: &Group<'_>, context: &Context<'_>) -> Result<Drawn, ChartError> {
    let (styles, options) = (context.styles, context.options);
    let mut pages = Measure::new(group.curves(styles, &HIT_RATE));
    let mut tlb = Measure::new(group.curves(styles, &TLB_HIT_RATE));
    let has_tlb = !tlb.curves.series.is_empty();
    let mut notes: Vec<String> = page::note_absent(pages.curves.absent).into_iter().collect();
    notes.extend(page::note_dropped(pages.drop_unplaced()));
    if has_tlb {
        notes.extend(page::note_absent(tlb.curves.absent).map(|note| format!("TLB: {note}")));
        let unplaced = tlb.drop_unplaced();
        if unplaced > 0 {
            notes.push(format!(
                "TLB: {unplaced} points without a miss are not drawn"
            ));
        }
    } else {
        notes.push("no TLB in these rows".to_owned());
    }
    let scene = render(options.pixels, |canvas| {
        let title = if has_tlb {
            "hit rates of memory and TLB"
        } else {
            "hit rate"
        };
        let body = page::head(canvas, group, title, options)?;
        let both = pages.curves.series.iter().chain(&tlb.curves.series);
        let mut labels = std::collections::BTreeSet::new();
        let once = both.filter(|series| labels.insert(series.label.as_str()));
        let body = page::legend_right(canvas, body, page::entries(once, &[]))?;
        let rect = page::plot(body);
        let points = pages.curves.points().chain(tlb.curves.points());
        let x = Axis::pages(points.map(|point| point.x), LABELS);
        let page_size = group.first().page_size;
        let (above, below) = halves(rect);
        let upper = Panel {
            rect: if has_tlb { above } else { rect },
            x: x.clone(),
            y: pages.axis.clone(),
            look: Look::LARGE,
        };
        let lower = has_tlb.then(|| Panel {
            rect: below,
            x,
            y: tlb.axis.clone(),
            look: Look::LARGE,
        });
        let last = lower.as_ref().unwrap_or(&upper);
        last.x_title(canvas, &pages_title(page_size), page::X_TITLE)?;
        let labels = XLabels::PagesAndBytes(page_size);
        let upper_labels = if has_tlb { XLabels::None } else { labels };
        fill(canvas, &upper, &pages, ("page hit rate", upper_labels))?;
        if let Some(lower) = &lower {
            fill(canvas, lower, &tlb, ("TLB hit rate", labels))?;
        }
        page::notes(canvas, &notes)
    })?;
    let both = [(&HIT_RATE, &pages.curves), (&TLB_HIT_RATE, &tlb.curves)];
    Ok((scene, group.data(&both)))
}

/// A hit rate with its axis.
struct Measure {
    curves: Curves,
    axis: Axis,
}

impl Measure {
    fn new(curves: Curves) -> Measure {
        let axis = Axis::shares(curves.points().map(|point| point.y));
        Measure { curves, axis }
    }

    /// Removes what the axis has no place for: a hit rate of one has infinitely many nines.
    fn drop_unplaced(&mut self) -> usize {
        let axis = &self.axis;
        self.curves.retain(|point| axis.share(point.y).is_some())
    }
}

fn halves(rect: Rect) -> (Rect, Rect) {
    let height = (rect.height() - GAP) / 2.0;
    let above = Rect {
        bottom: rect.top + height,
        ..rect
    };
    let below = Rect {
        top: rect.bottom - height,
        ..rect
    };
    (above, below)
}

fn fill(
    canvas: &Canvas,
    panel: &Panel,
    measure: &Measure,
    (title, labels): (&str, XLabels),
) -> Result<(), ChartError> {
    panel.frame(canvas, labels)?;
    let scale = if measure.axis.is_nines() {
        format!("{title} (by nines)")
    } else {
        title.to_owned()
    };
    panel.y_title(canvas, &scale)?;
    if measure.curves.series.is_empty() {
        return panel.nothing(
            canvas,
            "no row has a hit rate below 100 % and a mean resident size",
        );
    }
    panel.curves(canvas, &measure.curves.series)
}
