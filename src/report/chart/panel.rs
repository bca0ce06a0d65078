//! One pair of axes with its curves: frame, grid, tick labels, lines and marks.
//!
//! Deliberately absent: rows, and which measure is shown.

use super::axis::{Axis, bytes};
use super::scene::{Anchor, Canvas, Pen, Rect};
use super::series::{Point, Series};
use super::theme::{self, Style};

/// Sizes of what a panel draws.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Em of tick labels.
    pub tick_em: f64,
    /// Width of curves.
    pub line: f64,
    /// Radius of markers.
    pub marker: f64,
    /// Distance that marks of a dense line keep.
    pub mark_gap: f64,
    /// A line of at most this many points gets a marker at every point.
    pub sparse: usize,
}

impl Look {
    /// Sizes for a panel as wide as the chart.
    pub const LARGE: Look = Look {
        tick_em: theme::TICK,
        line: 2.6,
        marker: 6.5,
        mark_gap: 6.5 * 3.5,
        sparse: 24,
    };
    /// Sizes for one of several panels.
    pub const SMALL: Look = Look {
        tick_em: theme::SMALL - 1.0,
        line: 1.9,
        marker: 4.1,
        mark_gap: 4.1 * 3.5,
        sparse: 24,
    };
    /// Sizes for lines of hundreds of points that go up and down.
    pub const SERIES: Look = Look {
        tick_em: theme::TICK,
        line: 1.7,
        marker: 5.5,
        mark_gap: 130.0,
        sparse: 1,
    };
}

/// The labels below the x axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum XLabels {
    /// Nothing: the panel below has the labels.
    None,
    /// The labels of the ticks.
    Values,
    /// The labels of the ticks, which are pages, and below them bytes, for pages of this size.
    PagesAndBytes(u64),
}

/// The lines of a series in pixels.
pub type Lines = Vec<Vec<(f64, f64)>>;

/// Distance of tick labels from the y axis.
const TICK_ROOM: f64 = 12.0;

/// A rectangle with two axes.
#[derive(Debug)]
pub struct Panel {
    /// Where the curves are; labels lie outside.
    pub rect: Rect,
    /// The axis from left to right.
    pub x: Axis,
    /// The axis from bottom to top.
    pub y: Axis,
    /// Sizes.
    pub look: Look,
}

impl Panel {
    /// Returns the pixel of a point; `None` if an axis has no place for it.
    pub fn pixel(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let (x, y) = (self.x.share(x)?, self.y.share(y)?);
        Some((
            self.rect.left + x * self.rect.width(),
            self.rect.bottom - y * self.rect.height(),
        ))
    }

    /// Draws grid, frame and tick labels.
    pub fn frame(&self, canvas: &Canvas, labels: XLabels) {
        self.x_axis(canvas, labels);
        self.y_axis(canvas);
        let Rect {
            left,
            top,
            right,
            bottom,
        } = self.rect;
        canvas.stroke((left, top), (left, bottom + 0.75), 1.5, theme::AXIS);
        canvas.stroke((left, bottom), (right, bottom), 1.5, theme::AXIS)
    }

    fn x_axis(&self, canvas: &Canvas, labels: XLabels) {
        let Rect { top, bottom, .. } = self.rect;
        let em = self.look.tick_em;
        let pen = Pen::new(em, theme::INK).anchored(Anchor::Middle);
        let faint = Pen::new(theme::SMALL.min(em), theme::FAINT_INK).anchored(Anchor::Middle);
        for tick in &self.x.ticks {
            let Some(x) = self.x_pixel(tick.value) else {
                continue;
            };
            if tick.label.is_empty() {
                canvas.stroke((x, bottom), (x, bottom + 4.0), 1.0, theme::AXIS);
                continue;
            }
            canvas.stroke((x, top), (x, bottom), 1.0, theme::GRID);
            canvas.stroke((x, bottom), (x, bottom + 7.0), 1.5, theme::AXIS);
            let baseline = bottom + 10.0 + em;
            if labels != XLabels::None {
                canvas.text(&tick.label, (x, baseline), &pen);
            }
            if let XLabels::PagesAndBytes(page_size) = labels {
                let size = bytes(tick.value * page_size as f64);
                canvas.text(&size, (x, baseline + em + 6.0), &faint);
            }
        }
    }

    fn x_pixel(&self, value: f64) -> Option<f64> {
        let share = self.x.share(value)?;
        Some(self.rect.left + share * self.rect.width())
    }

    fn y_axis(&self, canvas: &Canvas) {
        let Rect { left, right, .. } = self.rect;
        let pen = Pen::new(self.look.tick_em, theme::INK).anchored(Anchor::End);
        for tick in &self.y.ticks {
            let Some(share) = self.y.share(tick.value) else {
                continue;
            };
            let y = self.rect.bottom - share * self.rect.height();
            if tick.label.is_empty() {
                canvas.stroke((left - 4.0, y), (left, y), 1.0, theme::AXIS);
                continue;
            }
            canvas.stroke((left, y), (right, y), 1.0, theme::GRID);
            canvas.stroke((left - 7.0, y), (left, y), 1.5, theme::AXIS);
            canvas.text_centred(&tick.label, (left - TICK_ROOM, y), &pen);
        }
    }

    /// Writes the title of the x axis below the tick labels.
    pub fn x_title(&self, canvas: &Canvas, text: &str, below: f64) {
        let pen = Pen::new(theme::LABEL, theme::INK).anchored(Anchor::Middle);
        let at = (self.rect.centre(), self.rect.bottom + below);
        canvas.text(text, at, &pen)
    }

    /// Writes the title of the y axis, upwards, centred on the panel and left of the widest label.
    pub fn y_title(&self, canvas: &Canvas, text: &str) {
        let tick = Pen::new(self.look.tick_em, theme::INK);
        let widest = tick.widest(self.y.ticks.iter().map(|tick| &tick.label));
        let pen = Pen::new(theme::LABEL, theme::INK).anchored(Anchor::Middle);
        // Below the baseline, here to the right, hang the tails of g and p.
        let x = self.rect.left - TICK_ROOM - widest - pen.em * 0.75;
        canvas.text_upwards(text, (x, self.rect.middle()), &pen)
    }

    /// Draws a horizontal line at a value and returns its y. Returns `None` if the value is outside the
    /// axis.
    pub fn level(&self, canvas: &Canvas, value: f64) -> Option<f64> {
        let share = self.y.share(value).filter(|s| (0.0..=1.0).contains(s))?;
        let y = self.rect.bottom - share * self.rect.height();
        let ends = ((self.rect.left, y), (self.rect.right, y));
        canvas.stroke(ends.0, ends.1, 1.8, theme::BOUND);
        Some(y)
    }

    /// Draws the curves: first all lines, then all marks, so that no line hides a mark.
    pub fn curves(&self, canvas: &Canvas, series: &[Series]) {
        let lines = |series| (series, self.lines(series));
        let pixels: Vec<(&Series, Lines)> = series.iter().map(lines).collect();
        for (series, lines) in &pixels {
            for line in lines {
                let Style { colour, dash, .. } = series.style;
                canvas.line(line, self.look.line, colour, dash);
            }
        }
        for (series, lines) in &pixels {
            for at in marked(lines, &self.look) {
                let Style { colour, marker, .. } = series.style;
                canvas.marker(at, marker, self.look.marker, colour);
            }
        }
    }

    /// The lines of a series in pixels.
    pub fn lines(&self, series: &Series) -> Lines {
        let to_pixels =
            |run: &Vec<Point>| run.iter().filter_map(|p| self.pixel(p.x, p.y)).collect();
        series.runs.iter().map(to_pixels).collect()
    }

    /// Writes in the middle of an empty panel why it is empty.
    pub fn nothing(&self, canvas: &Canvas, text: &str) {
        let pen = Pen::new(theme::LABEL, theme::FAINT_INK).anchored(Anchor::Middle);
        let text = pen.fitted(text, self.rect.width() - 20.0);
        canvas.text_centred(&text, (self.rect.centre(), self.rect.middle()), &pen)
    }
}

/// Returns the points of a series that get a mark. Marks of a dense line would merge, so they keep a
/// distance. A single point always gets one: it has no line.
fn marked(lines: &Lines, look: &Look) -> Vec<(f64, f64)> {
    let mut marks: Vec<(f64, f64)> = Vec::new();
    for line in lines {
        // Few points are all measured ones that the reader wants to see.
        let sparse = line.len() <= look.sparse;
        for &(x, y) in line {
            let far = |last: &(f64, f64)| (x - last.0).abs() + (y - last.1).abs() >= look.mark_gap;
            if sparse || marks.last().is_none_or(far) {
                marks.push((x, y));
            }
        }
    }
    marks
}

/// Draws a sample of a style, for legends.
pub fn sample(canvas: &Canvas, (x, y): (f64, f64), length: f64, style: &Style, look: &Look) {
    let ends = [(x, y), (x + length, y)];
    canvas.line(&ends, look.line, style.colour, style.dash);
    canvas.marker(
        (x + length / 2.0, y),
        style.marker,
        look.marker,
        style.colour,
    )
}

/// Points that drawn curves cover, to find a free place for a label.
#[derive(Debug, Default)]
pub struct Ink(Vec<(f64, f64)>);

impl Ink {
    /// Takes the curves of a panel.
    pub fn new(panel: &Panel, series: &[Series]) -> Ink {
        let lines: Vec<_> = series
            .iter()
            .flat_map(|series| panel.lines(series))
            .collect();
        let mut ink = Ink::default();
        for line in &lines {
            ink.0.extend(line.first());
            for pair in line.windows(2) {
                ink.add(pair[0], pair[1]);
            }
        }
        ink
    }

    /// Adds a straight line.
    pub fn add(&mut self, from: (f64, f64), to: (f64, f64)) {
        const STEP: f64 = 4.0;
        let length = (to.0 - from.0).abs().max((to.1 - from.1).abs());
        // Axes keep coordinates within the picture; the bound only guards against abuse.
        let steps = ((length / STEP).ceil() as usize).clamp(1, 1000);
        for i in 0..=steps {
            let share = i as f64 / steps as f64;
            let at = |from: f64, to: f64| from + (to - from) * share;
            self.0.push((at(from.0, to.0), at(from.1, to.1)));
        }
    }

    /// Returns how many points a rectangle covers.
    pub fn under(&self, rect: Rect) -> usize {
        let inside = |p: &&(f64, f64)| {
            rect.left <= p.0 && p.0 <= rect.right && rect.top <= p.1 && p.1 <= rect.bottom
        };
        self.0.iter().filter(inside).count()
    }
}
