//! Bytes written to swap over the size of memory, a line for each model of memory: what whole programs,
//! segments and pages cost on the same trace. One picture for each trace of which cells have models.

use std::collections::BTreeMap;

use super::Context;
use crate::report::chart::axis::{Axis, LABELS};
use crate::report::chart::page;
use crate::report::chart::page::Head;
use crate::report::chart::panel::{Look, Panel};
use crate::report::chart::scene::render;
use crate::report::chart::series::{Curves, Group, Measure, Point, Series};
use crate::report::chart::theme::Styles;
use crate::report::chart::{ChartError, Drawn};
use crate::report::results::columns::{Row, col};
use crate::sweep::{Identity, MEMORY_MODEL, Part};

/// What is drawn over what.
const SWAPPED: Measure = Measure {
    x: col::frames,
    y: col::swap_bytes_out,
};

/// Groups that share a picture, by what they have in common.
fn pictures<'g, 'a>(groups: &'g [Group<'a>]) -> BTreeMap<Identity, Vec<&'g Group<'a>>> {
    let mut pictures: BTreeMap<Identity, Vec<&Group<'_>>> = BTreeMap::new();
    for group in groups.iter().filter(|group| has_bytes(group.first())) {
        let common = group.setting.without(&MEMORY_MODEL);
        let common = common.without(&[Part::AccessedBit]);
        pictures.entry(common).or_default().push(group);
    }
    pictures
}

/// Returns whether cells of the row's model write to swap.
fn has_bytes(row: &Row) -> bool {
    !row.model.is_empty() && row.model != "physical"
}

/// Returns the number of pictures.
pub fn parts(groups: &[Group<'_>]) -> usize {
    pictures(groups).len()
}

/// Draws the charts.
pub fn draw(groups: &[Group<'_>], context: &Context<'_>) -> Result<Vec<Drawn>, ChartError> {
    let pictures = pictures(groups);
    if pictures.is_empty() {
        let why = "no row has a model of memory (run with --model)";
        return Err(ChartError::Lacks(why.to_owned()));
    }
    pictures.values().map(|of| picture(of, context)).collect()
}

fn picture(groups: &[&Group<'_>], context: &Context<'_>) -> Result<Drawn, ChartError> {
    let options = context.options;
    let log = options.log_or(true, false);
    let mut curves = curves(groups);
    let dropped = curves.retain(|point| !log.y || point.y > 0.0);
    let first = groups[0];
    let scene = render(options.pixels, |canvas| {
        let head = Head {
            facts: vec![page_fact(first.first())],
            ..Head::for_group(first, "bytes written to swap", options)
        };
        let body = page::heading(canvas, &head);
        let entries = page::entries(curves.series.iter(), &[]);
        let body = page::legend_right(canvas, body, entries);
        let panel = Panel {
            rect: page::plot(body),
            x: Axis::sizes(log.x, curves.points().map(|point| point.x), LABELS),
            y: Axis::numbers(log.y, curves.points().map(|point| point.y)),
            look: Look::LARGE,
        };
        let page_size = first.first().page_size;
        page::axes(
            canvas,
            &panel,
            page_size,
            [&page::frames_title(page_size), "bytes written to swap"],
        );
        panel.curves(canvas, &curves.series);
        if curves.series.is_empty() {
            panel.nothing(canvas, "nothing is written to swap at these sizes");
        }
        page::notes(canvas, &page::notes_over_frames(&curves, dropped))
    });
    Ok((scene, first.data(&[(&SWAPPED, &curves)])))
}

fn page_fact(row: &Row) -> String {
    format!("{} references", row.refs)
}

/// Returns a line for each model and policy.
fn curves(groups: &[&Group<'_>]) -> Curves {
    let mut lines: BTreeMap<String, Vec<Point>> = BTreeMap::new();
    for group in groups {
        for row in &group.rows {
            let (Some(frames), Some(bytes)) = (row.frames, row.swap_bytes_out) else {
                continue;
            };
            lines.entry(label(group, row)).or_default().push(Point {
                x: frames as f64,
                y: bytes as f64,
                space_time: f64::INFINITY,
                marked: false,
            });
        }
    }
    let labels = lines.keys().map(|label| ("", label.clone()));
    let styles = Styles::assign(labels);
    let series = lines.into_iter().map(|(label, mut run)| {
        run.sort_by(|a, b| a.x.total_cmp(&b.x));
        Series {
            style: styles.style(&label),
            label,
            online: true,
            fixed_space: true,
            runs: vec![run],
        }
    });
    Curves {
        series: series.collect(),
        ..Curves::default()
    }
}

/// Returns the model, what is unusual about it, and the policy.
fn label(group: &Group<'_>, row: &Row) -> String {
    let mut words = vec![row.model.clone()];
    let usual = ["", "vma", "first", "compact"];
    let options = [&row.segments, &row.fit, &row.relief].into_iter();
    words.extend(
        options
            .filter(|text| !usual.contains(&text.as_str()))
            .cloned(),
    );
    words.push(group.label(row));
    words.join(" ")
}
