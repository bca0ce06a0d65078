//! Lines, marks and text on white paper: what charts draw with. Every call is noted as one of four
//! shapes in a [`Scene`], which `bitmap` and `svg` make pictures of, so that both show the same.
//!
//! Does not know axes, series, rows or file formats.

use std::cell::RefCell;

use plotters::style::RGBColor;

use super::ChartError;
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
pub fn render(
    (width, height): (u32, u32),
    draw: impl FnOnce(&Canvas) -> Result<(), ChartError>,
) -> Result<Scene, ChartError> {
    let (full, asked) = (
        f64::from(theme::WIDTH) * f64::from(theme::HEIGHT),
        f64::from(width) * f64::from(height),
    );
    let unit = (full / asked.max(1.0)).sqrt();
    let extent = (f64::from(width) * unit, f64::from(height) * unit);
    scene((width, height), extent, draw)
}

/// Draws a picture as large as what it shows needs: a unit is a pixel.
pub fn render_to_size(
    (width, height): (u32, u32),
    draw: impl FnOnce(&Canvas) -> Result<(), ChartError>,
) -> Result<Scene, ChartError> {
    scene((width, height), (f64::from(width), f64::from(height)), draw)
}

fn scene(
    pixels: (u32, u32),
    extent: (f64, f64),
    draw: impl FnOnce(&Canvas) -> Result<(), ChartError>,
) -> Result<Scene, ChartError> {
    let canvas = Canvas {
        extent,
        shapes: RefCell::default(),
    };
    draw(&canvas)?;
    Ok(Scene {
        pixels,
        extent,
        shapes: canvas.shapes.into_inner(),
    })
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

    fn note(&self, shape: Shape) -> Result<(), ChartError> {
        self.shapes.borrow_mut().push(shape);
        Ok(())
    }

    /// A filled polygon.
    pub fn polygon(&self, corners: &[(f64, f64)], colour: RGBColor) -> Result<(), ChartError> {
        self.note(Shape::Polygon(corners.to_vec(), colour))
    }

    /// A filled rectangle.
    pub fn fill(&self, rect: Rect, colour: RGBColor) -> Result<(), ChartError> {
        let Rect {
            left,
            top,
            right,
            bottom,
        } = rect;
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
        self.polygon(&corners, colour)
    }

    /// A filled circle.
    pub fn disc(&self, at: (f64, f64), radius: f64, colour: RGBColor) -> Result<(), ChartError> {
        self.note(Shape::Disc(at, radius, colour))
    }

    /// The outline of a circle; what is under it stays visible.
    pub fn ring(
        &self,
        at: (f64, f64),
        radius: f64,
        width: f64,
        colour: RGBColor,
    ) -> Result<(), ChartError> {
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
    pub fn stroke(
        &self,
        from: (f64, f64),
        to: (f64, f64),
        width: f64,
        colour: RGBColor,
    ) -> Result<(), ChartError> {
        self.line(&[from, to], width, colour, &[])
    }

    /// A line through the points with round joints, solid or dashed.
    pub fn line(
        &self,
        points: &[(f64, f64)],
        width: f64,
        colour: RGBColor,
        dash: Dash,
    ) -> Result<(), ChartError> {
        if points.len() < 2 {
            return Ok(());
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
    pub fn marker(
        &self,
        at: (f64, f64),
        marker: Marker,
        radius: f64,
        colour: RGBColor,
    ) -> Result<(), ChartError> {
        const RIM: f64 = 1.3;
        match marker {
            Marker::Disc | Marker::Square | Marker::Up | Marker::Diamond | Marker::Down => {
                self.shape(at, marker, radius + RIM, WHITE)?;
                self.shape(at, marker, radius, colour)
            }
            Marker::Ring | Marker::Box => {
                self.shape(at, marker, radius, colour)?;
                self.shape(at, marker, radius * 0.52, WHITE)
            }
            Marker::Cross => {
                let r = radius * 0.8;
                let width = radius * 0.42;
                self.stroke((at.0 - r, at.1 - r), (at.0 + r, at.1 + r), width, colour)?;
                self.stroke((at.0 - r, at.1 + r), (at.0 + r, at.1 - r), width, colour)
            }
        }
    }

    /// The filled outline of a marker. Factors give all shapes about the same area.
    fn shape(
        &self,
        (x, y): (f64, f64),
        marker: Marker,
        radius: f64,
        colour: RGBColor,
    ) -> Result<(), ChartError> {
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

    /// The width of a text in pixels.
    pub fn text_width(&self, text: &str, pen: &Pen) -> Result<f64, ChartError> {
        // Widths are the same at every scale.
        font::width(text, pen.em, pen.weight)
    }

    /// The text, cut and ended with "…" if it is wider than `width`.
    pub fn fitted(&self, text: &str, pen: &Pen, width: f64) -> Result<String, ChartError> {
        if self.text_width(text, pen)? <= width {
            return Ok(text.to_owned());
        }
        let chars: Vec<char> = text.chars().collect();
        let cut = |n: usize| -> String { chars[..n].iter().chain(&['…']).collect() };
        // Widths grow with the number of characters: search by halving.
        let (mut fits, mut too_wide) = (0, chars.len());
        while too_wide - fits > 1 {
            let n = usize::midpoint(fits, too_wide);
            if self.text_width(&cut(n), pen)? <= width {
                fits = n;
            } else {
                too_wide = n;
            }
        }
        Ok(cut(fits))
    }

    /// Writes a line of text with its baseline at the point's y.
    pub fn text(&self, text: &str, at: (f64, f64), pen: &Pen) -> Result<(), ChartError> {
        self.write(text, at, pen, false)
    }

    /// Writes a line of text whose capitals are centred on the point's y.
    pub fn text_centred(&self, text: &str, at: (f64, f64), pen: &Pen) -> Result<(), ChartError> {
        self.text(text, (at.0, at.1 + font::HALF_CAP * pen.em), pen)
    }

    /// Writes a line of text that runs upwards, its baseline at the point's x.
    pub fn text_upwards(&self, text: &str, at: (f64, f64), pen: &Pen) -> Result<(), ChartError> {
        self.write(text, at, pen, true)
    }

    fn write(
        &self,
        text: &str,
        at: (f64, f64),
        pen: &Pen,
        upwards: bool,
    ) -> Result<(), ChartError> {
        if text.is_empty() {
            return Ok(());
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
        let scene = render((40, 20), |canvas| {
            let pen = Pen::new(10.0, WHITE);
            let cut = canvas.fitted("a trace with a long name", &pen, 60.0)?;
            assert!(cut.ends_with('…') && cut.len() > 5, "{cut}");
            assert!(canvas.text_width(&cut, &pen)? <= 60.0);
            assert_eq!(canvas.fitted("ls", &pen, 60.0)?, "ls");
            Ok(())
        });
        assert!(scene.is_ok());
    }
}
