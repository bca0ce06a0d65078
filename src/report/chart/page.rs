//! What charts have in common around their panels: title, facts, legend and notes.
//!
//! Deliberately absent: which measure is shown.

use super::axis::bytes;
use super::options::Options;
use super::panel::{Look, Panel, XLabels, sample};
use super::scene::{Anchor, Canvas, Pen, Rect};
use super::series::{Curves, Group, Series, warning};
use super::theme::{self, Dash, Style};
use plotters::style::RGBColor;

/// Free space at the edges of a chart.
pub const MARGIN: f64 = 28.0;
/// Room to the left of a panel for tick labels and the title of the axis.
pub const Y_ROOM: f64 = 140.0;
/// Room below a panel for two lines of tick labels, the title of the axis and a note.
pub const X_ROOM: f64 = 142.0;
/// Where the title of the x axis stands below a panel.
pub const X_TITLE: f64 = 98.0;

/// Length of a sample line in a legend.
const SAMPLE: f64 = 52.0;
/// Height of a legend's row.
const ROW: f64 = 34.0;
/// Radius of a ring around a point, in a panel and in a legend.
pub const RING: f64 = 13.0;
/// A legend's label is cut at this width.
const LABEL_MAX: f64 = 330.0;

/// The title and the facts above a chart.
#[derive(Debug)]
pub struct Head<'a> {
    /// The name of the trace.
    pub name: &'a str,
    /// What is drawn.
    pub what: &'a str,
    /// The title instead of both.
    pub title: Option<&'a str>,
    /// What the numbers hold for, most important first.
    pub facts: Vec<String>,
    /// The kind of recording.
    pub trace_kind: &'a str,
}

impl<'a> Head<'a> {
    /// Makes the heading of a chart of `group`.
    pub fn for_group(group: &'a Group<'_>, what: &'a str, options: &'a Options) -> Head<'a> {
        Head {
            name: &group.first().trace,
            what,
            title: options.title.as_deref(),
            facts: group.facts(),
            trace_kind: &group.first().trace_kind,
        }
    }
}

/// The rectangle of the only panel of a body, with room for its labels.
pub fn plot(body: Rect) -> Rect {
    Rect {
        left: body.left + Y_ROOM,
        bottom: body.bottom - X_ROOM,
        ..body
    }
}

/// Draws the frame and the titles, x then y, of the only panel of a chart over pages or frames.
pub fn axes(canvas: &Canvas, panel: &Panel, page_size: u64, [x, y]: [&str; 2]) {
    panel.frame(canvas, XLabels::PagesAndBytes(page_size));
    panel.x_title(canvas, x, X_TITLE);
    panel.y_title(canvas, y);
}

/// Returns the title of an x axis in pages.
pub fn pages_title(page_size: u64) -> String {
    format!("mean resident pages ({} each)", bytes(page_size as f64))
}

/// Returns the title of an x axis in frames.
pub fn frames_title(page_size: u64) -> String {
    format!("frames ({} each)", bytes(page_size as f64))
}

/// Writes the title and the facts of a group, and returns what is left below.
pub fn head(canvas: &Canvas, group: &Group<'_>, what: &str, options: &Options) -> Rect {
    heading(canvas, &Head::for_group(group, what, options))
}

/// Writes the title of a chart: the one asked for, or else a name that may be cut and what is shown of
/// it.
pub fn title(canvas: &Canvas, baseline: f64, asked: Option<&str>, (name, what): (&str, &str)) {
    let pen = Pen::new(theme::TITLE, theme::INK).bold();
    let room = canvas.width() - 2.0 * MARGIN;
    let text = match asked {
        Some(title) => pen.fitted(title, room),
        None => {
            let name = pen.fitted(name, room - pen.width(what));
            pen.fitted(&format!("{name}{what}"), room)
        }
    };
    canvas.text(&text, (MARGIN, baseline), &pen)
}

/// Returns the paper below `top`, within the margins.
pub fn below(canvas: &Canvas, top: f64) -> Rect {
    Rect {
        left: MARGIN,
        top,
        right: canvas.width() - MARGIN,
        bottom: canvas.height() - 12.0,
    }
}

/// Writes the title and the facts, and returns what is left below.
pub fn heading(canvas: &Canvas, head: &Head<'_>) -> Rect {
    let full = canvas.width();
    let tail = format!(": {}", head.what);
    title(canvas, 56.0, head.title, (head.name, &tail));

    let pen = Pen::new(theme::LABEL - 1.0, theme::FAINT_INK);
    let warning = warning(head.trace_kind);
    let warn = Pen::new(theme::LABEL - 1.0, theme::WARNING);
    let warn_width = warning.as_ref().map_or(0.0, |text| warn.width(text) + 40.0);
    let facts = head.facts.join("  ·  ");
    let facts = pen.fitted(&facts, full - 2.0 * MARGIN - warn_width);
    canvas.text(&facts, (MARGIN, 94.0), &pen);
    if let Some(text) = &warning {
        let x = MARGIN + pen.width(&facts) + 40.0;
        canvas.text(text, (x, 94.0), &warn);
    }
    below(canvas, 128.0)
}

/// A row of a legend.
#[derive(Debug, Clone)]
pub struct Entry {
    label: String,
    mark: Mark,
}

#[derive(Debug, Clone)]
enum Mark {
    Series(Style),
    Line,
    Dashed(RGBColor, Dash),
    Area(RGBColor),
    Ring(RGBColor),
    More,
}

impl Entry {
    /// A line of its own kind.
    pub fn line(label: &str, colour: RGBColor, dash: Dash) -> Entry {
        let (label, mark) = (label.to_owned(), Mark::Dashed(colour, dash));
        Entry { label, mark }
    }

    /// A filled area.
    pub fn area(label: &str, colour: RGBColor) -> Entry {
        let (label, mark) = (label.to_owned(), Mark::Area(colour));
        Entry { label, mark }
    }

    /// A ring around a point.
    pub fn ring(label: &str, colour: RGBColor) -> Entry {
        let (label, mark) = (label.to_owned(), Mark::Ring(colour));
        Entry { label, mark }
    }
}

/// Returns the entries of a legend for series and bounding lines.
pub fn entries<'a>(series: impl Iterator<Item = &'a Series>, lines: &[String]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = series
        .map(|series| Entry {
            label: match series.runs.len() {
                // A working set of the same mean size may well lie below it.
                1 if !series.online && series.fixed_space => {
                    format!("{} (fixed space)", series.label)
                }
                1 => series.label.clone(),
                runs => format!("{} ({runs} runs)", series.label),
            },
            mark: Mark::Series(series.style),
        })
        .collect();
    entries.extend(lines.iter().map(|label| Entry {
        label: label.clone(),
        mark: Mark::Line,
    }));
    entries
}

/// Keeps at most `max` entries: the first ones and, if some are left out, one that states their
/// number.
fn cut(mut entries: Vec<Entry>, max: usize) -> Vec<Entry> {
    if entries.len() > max {
        let left_out = entries.len() - (max - 1);
        entries.truncate(max - 1);
        entries.push(Entry {
            label: format!("… and {left_out} more"),
            mark: Mark::More,
        });
    }
    entries
}

/// Draws the legend in columns at the right edge, and returns what is left of it for panels.
pub fn legend_right(canvas: &Canvas, body: Rect, entries: Vec<Entry>) -> Rect {
    let per_column = (((body.height() - X_ROOM) / ROW) as usize).max(1);
    let entries = cut(entries, per_column * 2);
    let pen = Pen::new(theme::LABEL, theme::INK);
    // Two columns must leave the panel at least half of the chart.
    let columns = entries.len().div_ceil(per_column).max(1);
    let mut label_max = LABEL_MAX / columns as f64 + 40.0 * (columns - 1) as f64;
    // The label of a line has a figure, which is not cut off.
    for entry in entries.iter().filter(|e| matches!(e.mark, Mark::Line)) {
        label_max = label_max.max(pen.width(&entry.label));
    }
    let (labels, width) = fitted(&entries, &pen, label_max);
    let column = SAMPLE + 12.0 + width;
    let left = body.right - column * columns as f64 - 24.0 * (columns - 1) as f64;
    for (i, (entry, label)) in entries.iter().zip(&labels).enumerate() {
        let x = left + (i / per_column) as f64 * (column + 24.0);
        let y = body.top + 14.0 + (i % per_column) as f64 * ROW;
        draw_entry(canvas, (x, y), entry, label, &pen);
    }
    Rect {
        right: left - 30.0,
        ..body
    }
}

/// Draws the legend in rows at the lower edge, and returns what is left above it.
pub fn legend_below(canvas: &Canvas, body: Rect, entries: Vec<Entry>) -> Rect {
    const ROWS_MAX: usize = 4;
    const GAP: f64 = 34.0;
    // Five columns fit.
    const LABEL_MAX: f64 = 205.0;
    let pen = Pen::new(theme::LABEL, theme::INK);
    let (_, widest) = fitted(&entries, &pen, LABEL_MAX);
    let column = SAMPLE + 12.0 + widest + GAP;
    let columns = ((body.width() / column) as usize).clamp(1, entries.len().max(1));
    let entries = cut(entries, columns * ROWS_MAX);
    let (labels, _) = fitted(&entries, &pen, LABEL_MAX);
    let rows = entries.len().div_ceil(columns);
    let top = body.bottom - rows as f64 * ROW;
    let left = body.centre() - (columns as f64 * column - GAP) / 2.0;
    for (i, (entry, label)) in entries.iter().zip(&labels).enumerate() {
        let x = left + (i % columns) as f64 * column;
        let y = top + (i / columns) as f64 * ROW + ROW / 2.0;
        draw_entry(canvas, (x, y), entry, label, &pen);
    }
    Rect {
        bottom: top - 14.0,
        ..body
    }
}

/// Returns the labels cut to a width, and the width of the widest.
fn fitted(entries: &[Entry], pen: &Pen, max: f64) -> (Vec<String>, f64) {
    let labels = entries.iter().map(|entry| pen.fitted(&entry.label, max));
    let labels: Vec<String> = labels.collect();
    let widest = pen.widest(&labels);
    (labels, widest)
}

fn draw_entry(canvas: &Canvas, (x, y): (f64, f64), entry: &Entry, label: &str, pen: &Pen) {
    const SOLID: Dash = &[];
    match &entry.mark {
        Mark::Series(style) => sample(canvas, (x, y), SAMPLE, style, &Look::LARGE),
        Mark::Line => canvas.line(&[(x, y), (x + SAMPLE, y)], 1.8, theme::BOUND, SOLID),
        Mark::Dashed(colour, dash) => {
            canvas.line(&[(x, y), (x + SAMPLE, y)], 2.2, *colour, dash);
        }
        Mark::Area(colour) => {
            let area = Rect {
                left: x,
                top: y - 10.0,
                right: x + SAMPLE,
                bottom: y + 10.0,
            };
            canvas.fill(area, *colour);
        }
        Mark::Ring(colour) => canvas.ring((x + SAMPLE / 2.0, y), RING, 2.4, *colour),
        Mark::More => {}
    }
    canvas.text_centred(label, (x + SAMPLE + 12.0, y), pen)
}

/// Writes what is missing from a chart at its lower edge.
pub fn notes(canvas: &Canvas, notes: &[String]) {
    let pen = Pen::new(theme::SMALL, theme::FAINT_INK).anchored(Anchor::Start);
    let width = canvas.width() - 2.0 * MARGIN;
    let text = pen.fitted(&notes.join("  ·  "), width);
    canvas.text(&text, (MARGIN, canvas.height() - 14.0), &pen)
}

/// Returns the note for points that a logarithmic axis has no place for.
pub fn note_dropped(dropped: usize) -> Option<String> {
    match dropped {
        0 => None,
        1 => Some("1 point without a fault is not drawn: zero has no logarithm".to_owned()),
        n => Some(format!(
            "{n} points without a fault are not drawn: zero has no logarithm"
        )),
    }
}

/// Returns the note for rows without the measure.
pub fn note_absent(absent: usize) -> Option<String> {
    match absent {
        0 => None,
        1 => Some("1 row without the measure or its mean resident pages".to_owned()),
        n => Some(format!(
            "{n} rows without the measure or their mean resident pages"
        )),
    }
}

/// Returns the notes on what is missing from a chart over frames.
pub fn notes_over_frames(curves: &Curves, dropped: usize) -> Vec<String> {
    let mut notes: Vec<String> = note_dropped(dropped).into_iter().collect();
    notes.extend(note_windowed(curves.windowed.iter()));
    notes
}

/// Returns the note for policies without a number of frames.
pub fn note_windowed<'a>(labels: impl Iterator<Item = &'a String>) -> Option<String> {
    let labels: Vec<&str> = labels.map(String::as_str).collect();
    (!labels.is_empty()).then(|| {
        format!(
            "{}: given a window and no number of frames, not shown",
            labels.join(", ")
        )
    })
}
