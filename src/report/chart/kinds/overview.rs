//! Fault rates of many groups side by side: one small panel each, one legend for all.

use std::collections::BTreeMap;

use super::Context;
use super::fault_rate;
use crate::report::chart::axis::{bytes, decimal};
use crate::report::chart::options::{Log, Options};
use crate::report::chart::page;
use crate::report::chart::page::MARGIN;
use crate::report::chart::panel::{Look, XLabels};
use crate::report::chart::scene::{Canvas, Pen, Rect, render};
use crate::report::chart::series;
use crate::report::chart::series::{Curves, Group, Series, is_full_trace};
use crate::report::chart::{ChartError, Drawn, theme};

/// Panels of a picture; more groups make more pictures.
const PANELS_MAX: usize = 12;

/// Returns the columns and rows for a number of panels.
fn grid(panels: usize) -> (usize, usize) {
    match panels {
        0..=3 => (panels.max(1), 1),
        4 => (2, 2),
        5..=6 => (3, 2),
        7..=9 => (3, 3),
        _ => (4, 3),
    }
}

/// Returns how many pictures the groups need.
pub fn parts(groups: &[Group<'_>]) -> usize {
    groups.len().div_ceil(PANELS_MAX)
}

/// Draws as many pictures as the groups need.
pub fn draw_all(groups: &[Group<'_>], context: &Context<'_>) -> Result<Vec<Drawn>, ChartError> {
    let parts = groups.chunks(PANELS_MAX);
    let count = parts.len();
    let parts = (1..).zip(parts);
    let drawn = parts.map(|(part, groups)| draw(groups, context, (part, count)));
    Ok(drawn.collect())
}

/// Draws one picture of at most [`PANELS_MAX`] groups; `part` is its number and how many there are.
fn draw(groups: &[Group<'_>], context: &Context<'_>, part: (usize, usize)) -> Drawn {
    let panels: Vec<(&Group<'_>, Curves)> = groups
        .iter()
        .map(|group| {
            let mut curves = group.curves(context.styles, &series::FAULT_RATE);
            curves.retain(|point| point.y > 0.0);
            (group, curves)
        })
        .collect();
    // One entry per label, bounds first as in each panel.
    let legend: BTreeMap<(bool, &str), &Series> = panels
        .iter()
        .flat_map(|(_, curves)| &curves.series)
        .map(|series| ((series.online, series.label.as_str()), series))
        .collect();
    let scene = render(context.options.pixels, |canvas| {
        let body = head(canvas, groups, part, context.options);
        let lines = ["first touches".to_owned()];
        let entries = page::entries(legend.into_values(), &lines);
        let body = page::legend_below(canvas, body, entries);
        let (columns, rows) = grid(panels.len());
        for (i, (group, curves)) in panels.iter().enumerate() {
            let cell = body.cell((columns, rows), i);
            small(canvas, cell, group, curves, mixed_page_sizes(groups));
        }
    });
    let tables = panels.iter().map(|(group, curves)| {
        let mut data = group.data(&[(&series::FAULT_RATE, curves)]);
        data.header.push("settings");
        data.lines
            .iter_mut()
            .for_each(|line| line.push(group.settings()));
        data
    });
    (scene, series::joined(tables))
}

fn head(
    canvas: &Canvas,
    groups: &[Group<'_>],
    (part, parts): (usize, usize),
    options: &Options,
) -> Rect {
    let mut text = "Faults per reference over mean resident pages".to_owned();
    if parts > 1 {
        text.push_str(&format!(" ({part} of {parts})"));
    }
    page::title(canvas, 52.0, options.title.as_deref(), (&text, ""));
    // Something must be said of memory sizes if pages differ.
    let size = groups[0].first().page_size;
    let top = if mixed_page_sizes(groups) {
        74.0
    } else {
        let pen = Pen::new(theme::LABEL - 1.0, theme::FAINT_INK);
        let text = format!("pages of {}", bytes(size as f64));
        canvas.text(&text, (MARGIN, 86.0), &pen);
        104.0
    };
    page::below(canvas, top)
}

/// Returns whether groups differ in page size.
pub fn mixed_page_sizes(groups: &[Group<'_>]) -> bool {
    let mut sizes = groups.iter().map(|group| group.first().page_size);
    let first = sizes.next();
    sizes.any(|size| Some(size) != first)
}

/// Draws a panel with its own axes, since traces differ by orders of magnitude.
fn small(canvas: &Canvas, cell: Rect, group: &Group<'_>, curves: &Curves, mixed_page_sizes: bool) {
    let rect = Rect {
        left: cell.left + 96.0,
        top: cell.top + 66.0,
        right: cell.right - 18.0,
        bottom: cell.bottom - 42.0,
    };
    let row = group.first();
    let width = rect.width();
    let name = Pen::new(theme::LABEL, theme::INK).bold();
    let text = name.fitted(&row.trace, width);
    canvas.text(&text, (rect.left, cell.top + 28.0), &name);

    let mut facts = vec![format!("{} refs", decimal(row.refs as f64))];
    if mixed_page_sizes {
        facts.insert(0, bytes(row.page_size as f64));
    }
    facts.extend(group.setting.unusual());
    let is_full_trace = is_full_trace(&row.trace_kind);
    if !is_full_trace {
        facts.insert(0, row.trace_kind.clone());
    }
    let ink = if is_full_trace {
        theme::FAINT_INK
    } else {
        theme::WARNING
    };
    let pen = Pen::new(theme::SMALL - 1.0, ink);
    let text = pen.fitted(&facts.join(" · "), width);
    canvas.text(&text, (rect.left, cell.top + 53.0), &pen);

    let bound = group.first_touches();
    let panel = fault_rate::panel(rect, curves, bound, Look::SMALL, Log { x: true, y: true });
    panel.frame(canvas, XLabels::Values);
    if let Some(rate) = bound {
        panel.level(canvas, rate);
    }
    if curves.series.is_empty() {
        return panel.nothing(canvas, "no faults to draw");
    }
    panel.curves(canvas, &curves.series)
}
