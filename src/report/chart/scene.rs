//! Lines, marks and text on white paper: what charts draw with. Every call adds one of four shapes to a
//! [`Scene`]. `bitmap` and `svg` make pictures of it, so both show the same. Drawing cannot fail.
//!
//! Deliberately absent: axes, series, rows and file formats.

use std::cell::RefCell;

use plotters::style::RGBColor;

use super::font::{self, Weight};
use super::theme::{self, Dash, Marker, WHITE};

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Smallest x.
    pub left: f64,
    /// Smallest y; y grows downwards.
    pub top: f64,
    /// Largest x.
    pub right: f64,
    /// Largest y.
    pub bottom: f64,
}

impl Rect {
    /// Makes a rectangle from its upper left corner and its size.
    pub fn at((left, top): (f64, f64), (width, height): (f64, f64)) -> Rect {
        Rect {
            left,
            top,
            right: left + width,
            bottom: top + height,
        }
    }

    /// Returns the rectangle without a border of this width.
    pub fn inset(self, border: f64) -> Rect {
        Rect {
            left: self.left + border,
            top: self.top + border,
            right: self.right - border,
            bottom: self.bottom - border,
        }
    }

    /// Returns the cell with this index, from 0 and row by row, of a grid of `columns` by `rows`.
    pub fn cell(self, (columns, rows): (usize, usize), index: usize) -> Rect {
        let (width, height) = (self.width() / columns as f64, self.height() / rows as f64);
        let left = self.left + (index % columns) as f64 * width;
        let top = self.top + (index / columns) as f64 * height;
        Rect::at((left, top), (width, height))
    }

    /// Returns what is above `y`, and what is below with a gap between.
    pub fn split(self, y: f64, gap: f64) -> (Rect, Rect) {
        let upper = Rect { bottom: y, ..self };
        let lower = Rect {
            top: y + gap,
            ..self
        };
        (upper, lower)
    }

    /// Returns the corners, clockwise from the upper left one.
    pub fn corners(self) -> [(f64, f64); 4] {
        let Rect {
            left,
            top,
            right,
            bottom,
        } = self;
        [(left, top), (right, top), (right, bottom), (left, bottom)]
    }

    /// The distance from left to right.
    pub fn width(&self) -> f64 {
        self.right - self.left
    }

    /// The distance from top to bottom.
    pub fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// The x of the middle.
    pub fn centre(&self) -> f64 {
        f64::midpoint(self.left, self.right)
    }

    /// The y of the middle.
    pub fn middle(&self) -> f64 {
        f64::midpoint(self.top, self.bottom)
    }
}

/// Where a text stands relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// The text begins at the point.
    Start,
    /// The text is centred on the point.
    Middle,
    /// The text ends at the point.
    End,
}

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pen {
    /// Em in pixels.
    pub em: f64,
    /// Normal or bold.
    pub weight: Weight,
    /// Colour.
    pub colour: RGBColor,
    /// Where the text stands relative to its point.
    pub anchor: Anchor,
}

impl Pen {
    /// A pen for normal text that begins at its point.
    pub fn new(em: f64, colour: RGBColor) -> Pen {
        Pen {
            em,
            weight: Weight::Normal,
            colour,
            anchor: Anchor::Start,
        }
    }

    /// The same pen, bold.
    pub fn bold(self) -> Pen {
        Pen {
            weight: Weight::Bold,
            ..self
        }
    }

    /// The same pen with another anchor.
    pub fn anchored(self, anchor: Anchor) -> Pen {
        Pen { anchor, ..self }
    }

    /// Returns the width of a text.
    pub fn width(&self, text: &str) -> f64 {
        // Widths are the same at every scale.
        font::width(text, self.em, self.weight)
    }

    /// Returns the width of the widest of some texts; 0 without one.
    pub fn widest(&self, texts: impl IntoIterator<Item: AsRef<str>>) -> f64 {
        let widths = texts.into_iter().map(|text| self.width(text.as_ref()));
        widths.fold(0.0, f64::max)
    }

    /// Returns the text, cut and ended with "…" if it is wider than `width`.
    pub fn fitted(&self, text: &str, width: f64) -> String {
        if self.width(text) <= width {
            return text.to_owned();
        }
        let chars: Vec<char> = text.chars().collect();
        let cut = |n: usize| -> String { chars[..n].iter().chain(&['…']).collect() };
        // Widths grow with the number of characters: search by halving.
        let (mut fits, mut too_wide) = (0, chars.len());
        while too_wide - fits > 1 {
            let n = usize::midpoint(fits, too_wide);
            if self.width(&cut(n)) <= width {
                fits = n;
            } else {
                too_wide = n;
            }
        }
        cut(fits)
    }
}

/// What a picture is made of, in the order of drawing.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A filled polygon.
    Polygon(Vec<(f64, f64)>, RGBColor),
    /// A filled circle.
    Disc((f64, f64), f64, RGBColor),
    /// A line with round joints and no caps.
    Line {
        /// Its corners, two at least.
        points: Vec<(f64, f64)>,
        /// Its width.
        width: f64,
        /// Its colour.
        colour: RGBColor,
        /// Its dashes.
        dash: Dash,
    },
    /// A line of text.
    Text {
        /// The text.
        text: String,
        /// The point that it is anchored to, on its baseline.
        at: (f64, f64),
        /// How it is written.
        pen: Pen,
        /// Whether it runs upwards.
        upwards: bool,
    },
}

/// A finished picture on white paper, in units of a layout that fits its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Width and height of the picture in pixels.
    pub pixels: (u32, u32),
    /// Width and height in units of the shapes.
    pub extent: (f64, f64),
    /// The shapes; later ones cover earlier ones.
    pub shapes: Vec<Shape>,
}

/// A picture in the making.
#[derive(Debug)]
pub struct Canvas {
    extent: (f64, f64),
    shapes: RefCell<Vec<Shape>>,
}

/// Draws a picture of this size in pixels. Text keeps its share of the picture whatever the size,
/// so that a small picture is no cut-out of a large one.
pub fn render((width, height): (u32, u32), draw: impl FnOnce(&Canvas)) -> Scene {
    let (full, asked) = (
        f64::from(theme::WIDTH) * f64::from(theme::HEIGHT),
        f64::from(width) * f64::from(height),
    );
    let unit = (full / asked.max(1.0)).sqrt();
    let extent = (f64::from(width) * unit, f64::from(height) * unit);
    scene((width, height), extent, draw)
}

/// Draws a picture as large as what it shows needs: a unit is a pixel.
pub fn render_to_size((width, height): (u32, u32), draw: impl FnOnce(&Canvas)) -> Scene {
    scene((width, height), (f64::from(width), f64::from(height)), draw)
}

fn scene(pixels: (u32, u32), extent: (f64, f64), draw: impl FnOnce(&Canvas)) -> Scene {
    let canvas = Canvas {
        extent,
        shapes: RefCell::default(),
    };
    draw(&canvas);
    Scene {
        pixels,
        extent,
        shapes: canvas.shapes.into_inner(),
    }
}

impl Canvas {
    /// The width of the paper.
    pub fn width(&self) -> f64 {
        self.extent.0
    }

    /// The height of the paper.
    pub fn height(&self) -> f64 {
        self.extent.1
    }

    fn note(&self, shape: Shape) {
        self.shapes.borrow_mut().push(shape);
    }

    /// A filled polygon.
    pub fn polygon(&self, corners: &[(f64, f64)], colour: RGBColor) {
        self.note(Shape::Polygon(corners.to_vec(), colour))
    }

    /// A filled rectangle.
    pub fn fill(&self, rect: Rect, colour: RGBColor) {
        self.polygon(&rect.corners(), colour)
    }

    /// A filled circle.
    pub fn disc(&self, at: (f64, f64), radius: f64, colour: RGBColor) {
        self.note(Shape::Disc(at, radius, colour))
    }

    /// The outline of a circle; what is under it stays visible.
    pub fn ring(&self, at: (f64, f64), radius: f64, width: f64, colour: RGBColor) {
        const SIDES: usize = 72;
        let corner = |i: usize| {
            let angle = i as f64 / SIDES as f64 * std::f64::consts::TAU;
            (
                at.0 + radius * libm::cos(angle),
                at.1 + radius * libm::sin(angle),
            )
        };
        let outline: Vec<(f64, f64)> = (0..=SIDES).map(corner).collect();
        self.line(&outline, width, colour, &[])
    }

    /// A straight stroke without caps.
    pub fn stroke(&self, from: (f64, f64), to: (f64, f64), width: f64, colour: RGBColor) {
        self.line(&[from, to], width, colour, &[])
    }

    /// A line through the points with round joints, solid or dashed.
    pub fn line(&self, points: &[(f64, f64)], width: f64, colour: RGBColor, dash: Dash) {
        if points.len() < 2 {
            return;
        }
        let points = points.to_vec();
        self.note(Shape::Line {
            points,
            width,
            colour,
            dash,
        })
    }

    /// The mark of a measured point, with a thin white rim that sets it off from lines below.
    pub fn marker(&self, at: (f64, f64), marker: Marker, radius: f64, colour: RGBColor) {
        const RIM: f64 = 1.3;
        match marker {
            Marker::Disc | Marker::Square | Marker::Up | Marker::Diamond | Marker::Down => {
                self.shape(at, marker, radius + RIM, WHITE);
                self.shape(at, marker, radius, colour)
            }
            Marker::Ring | Marker::Box => {
                self.shape(at, marker, radius, colour);
                self.shape(at, marker, radius * 0.52, WHITE)
            }
            Marker::Cross => {
                let r = radius * 0.8;
                let width = radius * 0.42;
                self.stroke((at.0 - r, at.1 - r), (at.0 + r, at.1 + r), width, colour);
                self.stroke((at.0 - r, at.1 + r), (at.0 + r, at.1 - r), width, colour)
            }
        }
    }

    /// The filled outline of a marker. Factors give all shapes about the same area.
    fn shape(&self, (x, y): (f64, f64), marker: Marker, radius: f64, colour: RGBColor) {
        match marker {
            Marker::Square | Marker::Box => {
                let r = radius * 0.9;
                let corners = [
                    (x - r, y - r),
                    (x + r, y - r),
                    (x + r, y + r),
                    (x - r, y + r),
                ];
                self.polygon(&corners, colour)
            }
            Marker::Up | Marker::Down => {
                let turn = if marker == Marker::Up { 1.0 } else { -1.0 };
                let r = radius * 1.28;
                let (tip, base) = (y - turn * r, y + turn * r * 0.62);
                self.polygon(
                    &[(x, tip), (x + r * 0.98, base), (x - r * 0.98, base)],
                    colour,
                )
            }
            Marker::Diamond => {
                let r = radius * 1.28;
                self.polygon(&[(x, y - r), (x + r, y), (x, y + r), (x - r, y)], colour)
            }
            Marker::Disc | Marker::Ring | Marker::Cross => self.disc((x, y), radius, colour),
        }
    }

    /// Writes a line of text with its baseline at the point's y.
    pub fn text(&self, text: &str, at: (f64, f64), pen: &Pen) {
        self.write(text, at, pen, false)
    }

    /// Writes a line of text whose capitals are centred on the point's y.
    pub fn text_centred(&self, text: &str, at: (f64, f64), pen: &Pen) {
        self.text(text, (at.0, at.1 + font::HALF_CAP * pen.em), pen)
    }

    /// Writes a line of text that runs upwards, its baseline at the point's x.
    pub fn text_upwards(&self, text: &str, at: (f64, f64), pen: &Pen) {
        self.write(text, at, pen, true)
    }

    fn write(&self, text: &str, at: (f64, f64), pen: &Pen, upwards: bool) {
        if text.is_empty() {
            return;
        }
        self.note(Shape::Text {
            text: text.to_owned(),
            at,
            pen: *pen,
            upwards,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_to_its_width() {
        let pen = Pen::new(10.0, WHITE);
        let cut = pen.fitted("a trace with a long name", 60.0);
        assert!(cut.ends_with('…') && cut.len() > 5, "{cut}");
        assert!(pen.width(&cut) <= 60.0);
        assert_eq!(pen.fitted("ls", 60.0), "ls");
        assert_eq!(pen.widest(["i", "ls"]), pen.width("ls"));
        assert_eq!(pen.widest([""; 0]), 0.0);
    }

    #[test]
    fn cells_of_a_grid_go_by_rows() {
        let rect = Rect {
            left: 10.0,
            top: 20.0,
            right: 40.0,
            bottom: 40.0,
        };
        let cell = rect.cell((3, 2), 4);
        assert_eq!((cell.left, cell.top), (20.0, 30.0));
        assert_eq!((cell.right, cell.bottom), (30.0, 40.0));
        let inner = rect.inset(1.0);
        assert_eq!((inner.width(), inner.height()), (28.0, 18.0));
        assert_eq!(rect.centre(), inner.centre());
    }
}
