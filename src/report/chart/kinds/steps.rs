//! The textbook's table as a picture for slides: references from left to right, the frames below
//! each, what came in coloured, an F at each fault, and the page that left. Long tables go on in
//! further blocks.

use crate::report::chart::page::MARGIN;
use crate::report::chart::scene::{Anchor, Canvas, Pen, Rect, render_to_size};
use crate::report::chart::{Chart, ChartError, theme};
use crate::report::explain::{Explained, Line, anomalies};
use plotters::style::RGBColor;

/// Height of a line of the table, in pixels.
const ROW: f64 = 40.0;
/// Least and greatest width of a reference's column.
const COLUMN: (f64, f64) = (52.0, 260.0);
/// Room above a table for its policy, and between its blocks.
const HEADING: f64 = 58.0;
const GAP: f64 = 24.0;
/// The most pixels that the picture may be high: a slide shows far less.
const HEIGHT_MAX: f64 = 6000.0;
/// Em of the table's fields.
const FIELD: f64 = 22.0;
/// Behind what has just come in: a pale orange.
const FRESH: RGBColor = RGBColor(253, 224, 197);

/// A table, and how it is cut into blocks.
struct Layout<'a> {
    table: &'a Explained,
    /// The references, and the end of the replay if anything left there.
    lines: Vec<&'a Line>,
    /// The number of frames that are shown.
    frames: usize,
    /// Whether the kinds of access are shown.
    kinds: bool,
    titles: f64,
    column: f64,
    /// References side by side.
    across: usize,
}

/// Draws tables one below the other.
///
/// # Errors
/// There is nothing to draw, or too much for one picture.
pub fn draw(tables: &[Explained]) -> Result<Chart, ChartError> {
    if tables.iter().all(|table| table.lines.is_empty()) {
        return Err(ChartError::Empty);
    }
    let notes = anomalies(tables);
    let layouts: Vec<Layout<'_>> = tables.iter().map(layout).collect();
    let tables: f64 = layouts.iter().map(Layout::height).sum();
    let height = 2.0 * MARGIN + tables + notes.len() as f64 * ROW;
    if height > HEIGHT_MAX {
        return Err(ChartError::TooManySteps);
    }
    let scene = render_to_size((theme::WIDTH, height as u32), |canvas| {
        let mut top = MARGIN;
        for layout in &layouts {
            layout.draw(canvas, top);
            top += layout.height();
        }
        let pen = Pen::new(FIELD, theme::WARNING).bold();
        for note in &notes {
            let room = f64::from(theme::WIDTH) - 2.0 * MARGIN;
            let note = pen.fitted(note, room);
            canvas.text_centred(&note, (MARGIN, top + ROW / 2.0), &pen);
            top += ROW;
        }
    });
    Ok(Chart {
        stem: "explain".into(),
        scene,
        data: None,
    })
}

fn layout(table: &Explained) -> Layout<'_> {
    let pen = Pen::new(FIELD, theme::INK).bold();
    let lines: Vec<&Line> = table.lines.iter().chain(&table.end).collect();
    let texts = lines
        .iter()
        .flat_map(|line| [line.page.clone(), line.label()]);
    let widest = pen.widest(texts);
    let column = (widest + 18.0).clamp(COLUMN.0, COLUMN.1);
    let titles = pen.width("reference") + 24.0;
    let room = f64::from(theme::WIDTH) - 2.0 * MARGIN - titles;
    Layout {
        table,
        lines,
        frames: table.frames_shown(),
        kinds: table.lines.iter().any(|line| line.kind != 'R'),
        titles,
        column,
        across: ((room / column) as usize).max(1),
    }
}

impl Layout<'_> {
    /// Lines of a block: reference, page, kind, the frames, fault and left.
    fn rows(&self) -> usize {
        4 + usize::from(self.kinds) + self.frames
    }

    fn height(&self) -> f64 {
        let blocks = self.lines.len().div_ceil(self.across) as f64;
        HEADING + blocks * (self.rows() as f64 * ROW + GAP) + ROW
    }

    fn draw(&self, canvas: &Canvas, top: f64) {
        let room = f64::from(theme::WIDTH) - 2.0 * MARGIN;
        let title = Pen::new(theme::TITLE, theme::INK).bold();
        let heading = title.fitted(&self.table.heading(), room);
        canvas.text(&heading, (MARGIN, top + theme::TITLE), &title);
        let mut y = top + HEADING;
        for lines in self.lines.chunks(self.across) {
            self.block(canvas, lines, y);
            y += self.rows() as f64 * ROW + GAP;
        }
        let pen = Pen::new(FIELD, theme::INK);
        let totals = pen.fitted(&self.table.totals(), room);
        canvas.text_centred(&totals, (MARGIN, y - GAP / 2.0 + ROW / 4.0), &pen)
    }

    fn block(&self, canvas: &Canvas, lines: &[&Line], top: f64) {
        let at = |row: usize| top + row as f64 * ROW;
        let first_frame = 2 + usize::from(self.kinds);
        let (fault, left) = (first_frame + self.frames, first_frame + self.frames + 1);
        let title = Pen::new(theme::SMALL, theme::FAINT_INK);
        let mut titles = vec!["reference".to_owned(), "page".to_owned()];
        titles.extend(self.kinds.then(|| "kind".to_owned()));
        titles.extend((0..self.frames).map(|frame| format!("frame {frame}")));
        titles.extend(["fault".to_owned(), "left".to_owned()]);
        for (row, text) in titles.iter().enumerate() {
            canvas.text_centred(text, (MARGIN, at(row) + ROW / 2.0), &title);
        }
        for (index, line) in lines.iter().enumerate() {
            let x = MARGIN + self.titles + index as f64 * self.column;
            let field = |row, text: &str, pen: &Pen| self.field(canvas, (x, at(row)), text, pen);
            let small = Pen::new(theme::SMALL, theme::FAINT_INK);
            field(0, &line.label(), &small);
            field(1, &line.page, &Pen::new(FIELD, theme::INK).bold());
            if self.kinds {
                field(2, &line.kind.to_string(), &small);
            }
            for (frame, held) in line.frames.iter().enumerate().take(self.frames) {
                let cell = self.cell((x, at(first_frame + frame)));
                let fresh = held.as_ref().is_some_and(|held| held.fresh);
                canvas.fill(cell, if fresh { FRESH } else { theme::WHITE });
                outline(canvas, cell);
                let pen = Pen::new(FIELD, theme::INK);
                let pen = if fresh { pen.bold() } else { pen };
                field(first_frame + frame, line.page_in(frame), &pen);
            }
            field(
                fault,
                line.fault_mark(),
                &Pen::new(FIELD, theme::WARNING).bold(),
            );
            field(left, &line.names_left(), &small);
        }
    }

    fn cell(&self, (left, top): (f64, f64)) -> Rect {
        Rect::at((left, top), (self.column, ROW))
    }

    fn field(&self, canvas: &Canvas, at: (f64, f64), text: &str, pen: &Pen) {
        let cell = self.cell(at);
        let text = pen.fitted(text, cell.width() - 6.0);
        let pen = pen.anchored(Anchor::Middle);
        canvas.text_centred(&text, (cell.centre(), cell.middle()), &pen)
    }
}

fn outline(canvas: &Canvas, rect: Rect) {
    let [a, b, c, d] = rect.corners();
    for (from, to) in [(a, b), (b, c), (c, d), (d, a)] {
        canvas.stroke(from, to, 1.5, theme::AXIS);
    }
}
