//! Policies by traces at one memory size: each cell shows a policy's faults as a multiple of OPT's
//! with the same number of frames (of the best policy's, where OPT is not among the rows). Darker
//! is more, so that the table reads in grey too.

use std::collections::{BTreeMap, BTreeSet};

use plotters::style::RGBColor;

use super::Context;
use super::overview::mixed_page_sizes;
use crate::report::chart::axis::{bytes, decimal};
use crate::report::chart::page;
use crate::report::chart::page::MARGIN;
use crate::report::chart::scene::{Anchor, Canvas, Pen, Rect, render};
use crate::report::chart::series::{Group, is_full_trace};
use crate::report::chart::{ChartError, Data, Drawn, theme};
use crate::report::results::columns::{Row, short_digest};
use crate::units::counted;

/// Most rows and columns of a picture; more make more pictures.
const LINES_MAX: usize = 14;
const COLUMNS_MAX: usize = 16;

/// What the faults are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    Opt,
    Best,
}

/// A trace at the size that was taken.
struct Line {
    name: String,
    facts: String,
    is_full_trace: bool,
    key: [String; 4],
    /// What is unusual in the setting.
    settings: String,
    /// Faults over those of the base, by policy label.
    ratios: BTreeMap<String, f64>,
}

/// The whole table.
struct Table {
    base: Base,
    /// The best first.
    columns: Vec<String>,
    lines: Vec<Line>,
    /// The mean of a column over all traces, where each has it.
    means: BTreeMap<String, f64>,
    notes: Vec<String>,
}

/// Returns how many pictures the groups need at most.
pub fn parts(groups: &[Group<'_>]) -> usize {
    let labels = groups
        .iter()
        .flat_map(|group| fixed(group).map(|row| group.label(row)));
    let columns = labels.collect::<BTreeSet<String>>().len();
    groups.len().div_ceil(LINES_MAX) * columns.div_ceil(COLUMNS_MAX)
}

/// Draws as many pictures as the table needs.
pub fn draw(groups: &[Group<'_>], context: &Context<'_>) -> Result<Vec<Drawn>, ChartError> {
    let table = table(groups, context)?;
    let column_parts: Vec<&[String]> = table.columns.chunks(COLUMNS_MAX).collect();
    let line_parts = table.lines.chunks(LINES_MAX);
    let count = line_parts.len() * column_parts.len();
    let mut drawn = Vec::new();
    for lines in line_parts {
        for columns in &column_parts {
            let part = (drawn.len() + 1, count);
            let options = context.options;
            let scene = render(options.pixels, |canvas| {
                let body = head(canvas, groups, &table, part, context);
                fill(canvas, body, &table, lines, columns);
                page::notes(canvas, &table.notes)
            });
            drawn.push((scene, data(&table, lines, columns)));
        }
    }
    Ok(drawn)
}

fn table(groups: &[Group<'_>], context: &Context<'_>) -> Result<Table, ChartError> {
    let all_have_opt = groups
        .iter()
        .all(|group| fixed(group).any(|row| row.ratio_to_opt.is_some()));
    let base = if all_have_opt { Base::Opt } else { Base::Best };
    let mixed_page_sizes = mixed_page_sizes(groups);
    let lines: Vec<Line> = groups
        .iter()
        .filter_map(|group| line(group, base, mixed_page_sizes, context))
        .collect();
    let labels = lines.iter().flat_map(|line| line.ratios.keys().cloned());
    let labels: BTreeSet<String> = labels.collect();
    if labels.is_empty() {
        let why = "no trace has two policies with the same number of frames, of which one faults";
        return Err(ChartError::Lacks(why.to_owned()));
    }
    let means: BTreeMap<String, f64> = labels
        .iter()
        .filter_map(|label| Some((label.clone(), geometric_mean(&lines, label)?)))
        .collect();
    let mut columns: Vec<String> = labels.into_iter().collect();
    // Those without a mean have gaps and come last.
    let mean = |label: &String| means.get(label).copied().unwrap_or(f64::INFINITY);
    columns.sort_by(|a, b| mean(a).total_cmp(&mean(b)).then_with(|| a.cmp(b)));
    let mut notes = vec!["darker: more faults; bold: the best of a row".to_owned()];
    let windowed = groups.iter().flat_map(|group| {
        let rows = group.rows.iter().filter(|row| row.tau.is_some());
        rows.map(|row| group.label(row))
    });
    let windowed: BTreeSet<String> = windowed.collect();
    notes.extend(page::note_windowed(windowed.iter()));
    let left_out = groups.len() - lines.len();
    if left_out > 0 {
        notes.push(format!(
            "{} without such a size",
            counted(left_out, "trace")
        ));
    }
    Ok(Table {
        base,
        columns,
        lines,
        means,
        notes,
    })
}

/// Rows with a number of frames and no window.
fn fixed<'a>(group: &'a Group<'_>) -> impl Iterator<Item = &'a Row> {
    let rows = group.rows.iter().copied();
    rows.filter(|row| row.tau.is_none() && row.frames.is_some())
}

fn line(
    group: &Group<'_>,
    base: Base,
    mixed_page_sizes: bool,
    context: &Context<'_>,
) -> Option<Line> {
    let row = group.first();
    let usable = |row: &&Row| base == Base::Best || row.ratio_to_opt.is_some();
    let sizes = fixed(group).filter(usable).filter_map(|row| row.frames);
    let frames = context.options.at.nearest(sizes, row.distinct_pages)?;
    let there: Vec<&Row> = fixed(group)
        .filter(|row| row.frames == Some(frames))
        .collect();
    let ratios = ratios_at(group, base, &there)?;
    (!ratios.is_empty()).then(|| Line {
        name: row.trace.clone(),
        facts: facts(group, frames, mixed_page_sizes).join(" · "),
        is_full_trace: is_full_trace(&row.trace_kind),
        key: [
            row.trace.clone(),
            row.trace_digest.clone(),
            row.page_size.to_string(),
            frames.to_string(),
        ],
        settings: group.settings(),
        ratios,
    })
}

/// Returns the faults of each policy over those of the base, in the rows of one size; `None` if there is no
/// row.
fn ratios_at(group: &Group<'_>, base: Base, rows: &[&Row]) -> Option<BTreeMap<String, f64>> {
    let least = rows.iter().map(|row| row.faults).min()? as f64;
    let ratio = |row: &&&Row| match base {
        // The ratio of OPT to itself says nothing.
        Base::Opt if group.label(row) == "opt" => None,
        Base::Opt => row.ratio_to_opt,
        Base::Best => Some(row.faults as f64 / least),
    };
    let ratios = rows.iter().filter_map(|row| {
        let ratio = ratio(&row).filter(|ratio| ratio.is_finite() && *ratio > 0.0)?;
        Some((group.label(row), ratio))
    });
    Some(ratios.collect())
}

/// Returns what the second line of a name says.
fn facts(group: &Group<'_>, frames: u64, mixed_page_sizes: bool) -> Vec<String> {
    let row = group.first();
    let mut facts = Vec::new();
    if !is_full_trace(&row.trace_kind) {
        facts.push(row.trace_kind.clone());
    }
    if mixed_page_sizes {
        facts.push(bytes(row.page_size as f64));
    }
    let plural = if frames == 1 { "" } else { "s" };
    facts.push(format!("{} frame{plural}", decimal(frames as f64)));
    if row.distinct_pages > 0 {
        let share = frames as f64 / row.distinct_pages as f64 * 100.0;
        facts.push(format!("{} %", decimal(share)));
    }
    if !row.trace_digest.is_empty() {
        facts.push(short_digest(&row.trace_digest).to_owned());
    }
    facts.extend(group.setting.unusual());
    facts
}

fn geometric_mean(lines: &[Line], label: &str) -> Option<f64> {
    let mut sum = 0.0;
    for line in lines {
        sum += libm::log2(*line.ratios.get(label)?);
    }
    Some(libm::exp2(sum / lines.len() as f64))
}

fn head(
    canvas: &Canvas,
    groups: &[Group<'_>],
    table: &Table,
    (part, parts): (usize, usize),
    context: &Context<'_>,
) -> Rect {
    let mut title = match table.base {
        Base::Opt => "Faults relative to OPT with as many frames",
        Base::Best => "Faults relative to the best policy with as many frames",
    }
    .to_owned();
    if parts > 1 {
        title.push_str(&format!(" ({part} of {parts})"));
    }
    page::title(canvas, 56.0, context.options.title.as_deref(), (&title, ""));
    let pen = Pen::new(theme::LABEL - 1.0, theme::FAINT_INK);
    let mut facts = vec![format!(
        "the measured size nearest to {}",
        context.options.at
    )];
    if !mixed_page_sizes(groups) {
        facts.insert(
            0,
            format!("{} pages", bytes(groups[0].first().page_size as f64)),
        );
    }
    let text = pen.fitted(&facts.join("  ·  "), canvas.width() - 2.0 * MARGIN);
    canvas.text(&text, (MARGIN, 94.0), &pen);
    Rect {
        bottom: canvas.height() - 48.0,
        ..page::below(canvas, 122.0)
    }
}

/// The grid of cells.
struct Grid {
    cells: Rect,
    width: f64,
    height: f64,
    /// Whether the labels of columns run upwards.
    upwards: bool,
}

impl Grid {
    fn new(body: Rect, lines: usize, columns: &[String]) -> Grid {
        const NAMES: f64 = 360.0;
        const WIDEST: f64 = 300.0;
        const HIGHEST: f64 = 100.0;
        let names = NAMES.min(body.width() * 0.4);
        let width = ((body.width() - names) / columns.len() as f64).min(WIDEST);
        let pen = Pen::new(theme::LABEL, theme::INK);
        let longest = pen.widest(columns);
        let upwards = longest > width - 12.0;
        let labels = if upwards {
            longest.min(UPWARDS_MAX) + 16.0
        } else {
            44.0
        };
        let top = body.top + labels;
        let height = ((body.bottom - top) / lines as f64).min(HIGHEST);
        let cells = Rect {
            left: body.left + names,
            top,
            right: body.left + names + width * columns.len() as f64,
            bottom: top + height * lines as f64,
        };
        Grid {
            cells,
            width,
            height,
            upwards,
        }
    }

    fn cell(&self, column: usize, line: f64) -> Rect {
        let left = self.cells.left + column as f64 * self.width;
        let top = self.cells.top + line * self.height;
        Rect::at((left, top), (self.width, self.height))
    }
}

/// A label that runs upwards is cut at this length.
const UPWARDS_MAX: f64 = 330.0;
/// The space before the means, in heights of a line.
const APART: f64 = 0.25;

fn fill(canvas: &Canvas, body: Rect, table: &Table, lines: &[Line], columns: &[String]) {
    let with_means = table.lines.len() > 1;
    // Room for the means and the space before them.
    let rows = lines.len() + if with_means { 2 } else { 0 };
    let grid = Grid::new(body, rows.max(3), columns);
    labels(canvas, &grid, columns);
    let all = table.lines.iter().flat_map(|line| line.ratios.values());
    let most = all.fold(2.0_f64, |most, ratio| most.max(*ratio));
    for (i, line) in lines.iter().enumerate() {
        name(canvas, body, &grid, i as f64, line);
        ratios(canvas, &grid, i as f64, columns, (&line.ratios, most));
    }
    if with_means {
        let row = lines.len() as f64 + APART;
        let y = grid.cell(0, row).middle();
        let pen = Pen::new(theme::LABEL, theme::INK);
        let room = grid.cells.left - body.left - 20.0;
        let text = pen.fitted("geometric mean", room);
        canvas.text_centred(&text, (body.left, y), &pen);
        ratios(canvas, &grid, row, columns, (&table.means, most));
    }
}

fn labels(canvas: &Canvas, grid: &Grid, columns: &[String]) {
    let pen = Pen::new(theme::LABEL, theme::INK);
    for (i, label) in columns.iter().enumerate() {
        let (x, y) = (grid.cell(i, 0.0).centre(), grid.cells.top - 12.0);
        if grid.upwards {
            let text = pen.fitted(label, UPWARDS_MAX);
            // Centred on the column like a line of text on its middle.
            canvas.text_upwards(&text, (x + pen.em * 0.36, y), &pen);
        } else {
            canvas.text(label, (x, y), &pen.anchored(Anchor::Middle));
        }
    }
}

fn name(canvas: &Canvas, body: Rect, grid: &Grid, row: f64, line: &Line) {
    let room = grid.cells.left - body.left - 20.0;
    let middle = grid.cell(0, row).middle();
    let pen = Pen::new(theme::LABEL, theme::INK);
    let ink = if line.is_full_trace {
        theme::FAINT_INK
    } else {
        theme::WARNING
    };
    let small = Pen::new(theme::SMALL - 1.0, ink);
    let name = pen.fitted(&line.name, room);
    let facts = small.fitted(&line.facts, room);
    canvas.text(&name, (body.left, middle - 3.0), &pen);
    canvas.text(&facts, (body.left, middle + small.em + 1.0), &small)
}

/// Draws a line of cells: a shade by the ratio, and the ratio as a number.
fn ratios(
    canvas: &Canvas,
    grid: &Grid,
    row: f64,
    columns: &[String],
    (ratios, most): (&BTreeMap<String, f64>, f64),
) {
    const SEAM: f64 = 1.5;
    let best = ratios.values().copied().fold(f64::INFINITY, f64::min);
    for (i, label) in columns.iter().enumerate() {
        let cell = grid.cell(i, row);
        let centre = (cell.centre(), cell.middle());
        let em = theme::LABEL.min(grid.width * 0.3);
        let pen = Pen::new(em, theme::FAINT_INK).anchored(Anchor::Middle);
        let Some(ratio) = ratios.get(label) else {
            canvas.text_centred("–", centre, &pen);
            continue;
        };
        let share = libm::log2(*ratio) / libm::log2(most);
        canvas.fill(cell.inset(SEAM), shade(share));
        let colour = if share > 0.57 {
            theme::WHITE
        } else {
            theme::INK
        };
        let pen = Pen { colour, ..pen };
        let pen = if *ratio == best { pen.bold() } else { pen };
        canvas.text_centred(&shown(*ratio), centre, &pen);
    }
}

/// Formats a ratio with two decimals, or a large one with three digits.
fn shown(ratio: f64) -> String {
    if ratio < 99.995 {
        format!("{ratio:.2}")
    } else {
        decimal(ratio)
    }
}

/// Returns a blue from pale (0) to dark (1), evenly darker.
fn shade(share: f64) -> RGBColor {
    const ENDS: [(f64, f64); 3] = [(240.0, 8.0), (246.0, 52.0), (252.0, 110.0)];
    let share = share.clamp(0.0, 1.0);
    let [red, green, blue] = ENDS.map(|(from, to)| (from + (to - from) * share).round() as u8);
    RGBColor(red, green, blue)
}

fn data(table: &Table, lines: &[Line], columns: &[String]) -> Data {
    let base = match table.base {
        Base::Opt => "opt",
        Base::Best => "best",
    };
    let mut data = Data {
        header: vec![
            "trace",
            "trace_digest",
            "page_size",
            "frames",
            "policy",
            "relative_to",
            "ratio",
            "settings",
        ],
        lines: Vec::new(),
    };
    for line in lines {
        for (label, ratio) in columns
            .iter()
            .filter_map(|label| Some((label, line.ratios.get(label)?)))
        {
            let mut fields = line.key.to_vec();
            fields.extend([label.clone(), base.to_owned(), ratio.to_string()]);
            fields.push(line.settings.clone());
            data.lines.push(fields);
        }
    }
    // The row of means, which is of no trace.
    for label in columns.iter().filter(|_| table.lines.len() > 1) {
        if let Some(mean) = table.means.get(label) {
            let mut fields = ["geometric mean", "", "", ""].map(str::to_owned).to_vec();
            fields.extend([
                label.clone(),
                base.to_owned(),
                mean.to_string(),
                String::new(),
            ]);
            data.lines.push(fields);
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_grow_darker_in_grey() {
        let grey = |share: f64| {
            let RGBColor(r, g, b) = shade(share);
            0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b)
        };
        let greys: Vec<f64> = (0..=10).map(|i| grey(f64::from(i) / 10.0)).collect();
        assert!(
            greys.windows(2).all(|pair| pair[0] > pair[1] + 10.0),
            "{greys:?}"
        );
    }

    #[test]
    fn ratios_are_short() {
        assert_eq!(
            [1.0, 1.005, 12.346, 99.999, 12345.0].map(shown),
            ["1.00", "1.00", "12.35", "100", "12.3 k"]
        );
    }
}
