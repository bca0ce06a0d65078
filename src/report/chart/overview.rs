//! Fault rates of many groups side by side: one small panel each, one legend for all.
//!
//! Does not know how rows came about.

use std::collections::BTreeMap;

use super::canvas::{Canvas, Pen, Rect, render};
use super::fault_rate;
use super::kinds::Context;
use super::options::{Log, Options};
use super::page::{self, MARGIN};
use super::panel::{Look, XLabels};
use super::scale::{bytes, decimal};
use super::series::{self, Curves, Group, Series};
use super::{ChartError, Drawn, theme};

/// Panels of a picture; more groups make more pictures.
const PANELS_MAX: usize = 12;

/// Columns and rows for a number of panels.
fn grid(panels: usize) -> (usize, usize) {
    match panels {
        0..=3 => (panels.max(1), 1),
        4 => (2, 2),
        5..=6 => (3, 2),
        7..=9 => (3, 3),
        _ => (4, 3),
    }
}

/// How many pictures the groups need.
pub fn parts(groups: &[Group<'_>]) -> usize {
    groups.len().div_ceil(PANELS_MAX)
}

/// Draws as many pictures as the groups need.
pub fn draw_all(groups: &[Group<'_>], context: &Context<'_>) -> Result<Vec<Drawn>, ChartError> {
    let parts = groups.chunks(PANELS_MAX);
    let count = parts.len();
    (1..)
        .zip(parts)
        .map(|(part, groups)| draw(groups, context, (part, count)))
        .collect()
}

/// Draws one picture of at most [`PANELS_MAX`] groups; `part` is its number and how many there are.
fn draw(
    groups: &[Group<'_>],
    context: &Context<'_>,
    part: (usize, usize),
) -> Result<Drawn, ChartError> {
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
        let body = head(canvas, groups, part, context.options)?;
        let lines = ["first touches".to_owned()];
        let entries = page::entries(legend.into_values(), &lines);
        let body = page::legend_below(canvas, body, entries)?;
        let (columns, rows) = grid(panels.len());
        for (i, (group, curves)) in panels.iter().enumerate() {
            let cell = cell(body, (columns, rows), i);
            small(canvas, cell, group, curves, one_size(groups))?;
        }
        Ok(())
    })?;
    let tables = panels.iter().map(|(group, curves)| {
        let mut data = group.data(&[(&series::FAULT_RATE, curves)]);
        data.header.push("settings");
        data.lines
            .iter_mut()
            .for_each(|line| line.push(group.settings()));
        data
    });
    Ok((scene, series::joined(tables)))
}

fn head(
    canvas: &Canvas,
    groups: &[Group<'_>],
    (part, parts): (usize, usize),
    options: &Options,
) -> Result<Rect, ChartError> {
    let mut text = "Faults per reference over mean resident pages".to_owned();
    if parts > 1 {
        text.push_str(&format!(" ({part} of {parts})"));
    }
    page::title(canvas, 52.0, options.title.as_deref(), (&text, ""))?;
    // Something must be said of memory sizes if pages differ.
    let size = groups[0].first().page_size;
    let top = if one_size(groups) {
        let pen = Pen::new(theme::LABEL - 1.0, theme::FAINT_INK);
        let text = format!("pages of {}", bytes(size as f64));
        canvas.text(&text, (MARGIN, 86.0), &pen)?;
        104.0
    } else {
        74.0
    };
    Ok(Rect {
        left: MARGIN,
        top,
        right: canvas.width() - MARGIN,
        bottom: canvas.height() - 12.0,
    })
}

/// Whether all groups have pages of one size.
pub fn one_size(groups: &[Group<'_>]) -> bool {
    let mut sizes = groups.iter().map(|group| group.first().page_size);
    let first = sizes.next();
    sizes.all(|size| Some(size) == first)
}

fn cell(body: Rect, (columns, rows): (usize, usize), i: usize) -> Rect {
    let (width, height) = (body.width() / columns as f64, body.height() / rows as f64);
    let left = body.left + (i % columns) as f64 * width;
    let top = body.top + (i / columns) as f64 * height;
    Rect {
        left,
        top,
        right: left + width,
        bottom: top + height,
    }
}

/// Draws a panel with its own axes, since traces differ by orders of magnitude.
fn small(
    canvas: &Canvas,
    cell: Rect,
    group: &Group<'_>,
    curves: &Curves,
    one_size: bool,
) -> Result<(), ChartError> {
    let rect = Rect {
        left: cell.left + 96.0,
        top: cell.top + 66.0,
        right: cell.right - 18.0,
        bottom: cell.bottom - 42.0,
    };
    let row = group.first();
    let width = rect.width();
    let name = Pen::new(theme::LABEL, theme::INK).bold();
    let text = canvas.fitted(&row.trace, &name, width)?;
    canvas.text(&text, (rect.left, cell.top + 28.0), &name)?;

    let mut facts = vec![format!("{} refs", decimal(row.refs as f64))];
    if !one_size {
        facts.insert(0, bytes(row.page_size as f64));
    }
    facts.extend(group.setting.unusual());
    let plain = row.trace_kind.is_empty() || row.trace_kind == "full";
    if !plain {
        facts.insert(0, row.trace_kind.clone());
    }
    let ink = if plain {
        theme::FAINT_INK
    } else {
        theme::WARNING
    };
    let pen = Pen::new(theme::SMALL - 1.0, ink);
    let text = canvas.fitted(&facts.join(" · "), &pen, width)?;
    canvas.text(&text, (rect.left, cell.top + 53.0), &pen)?;

    let bound = group.first_touches();
    let panel = fault_rate::panel(rect, curves, bound, Look::SMALL, Log { x: true, y: true });
    panel.frame(canvas, XLabels::Values)?;
    if let Some(rate) = bound {
        panel.level(canvas, rate)?;
    }
    if curves.series.is_empty() {
        return panel.nothing(canvas, "no faults to draw");
    }
    panel.curves(canvas, &curves.series)
}
