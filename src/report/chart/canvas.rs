//! Lines, marks and text on white paper, in pixels with fractions, smoothed by drawing at twice
//! the size and averaging.
//!
//! Does not know axes, series or rows.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, Polygon};
use plotters::prelude::{BitMapBackend, IntoDrawingArea};
use plotters::style::{Color, RGBColor};

use super::ChartError;
use super::encode::encode_rgb;
use super::font::{self, Weight};
use super::theme::{Dash, Marker, WHITE};

/// How many drawn pixels make one pixel of the picture, each way: plotters smooths polygons only
/// partly and takes whole pixels.
const SCALE: u32 = 2;

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
#[derive(Debug, Clone, Copy)]
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

/// A picture in the making.
pub struct Canvas<'a> {
    area: DrawingArea<BitMapBackend<'a>, Shift>,
}

/// Draws a picture and returns its PNG bytes.
pub fn render(
    width: u32,
    height: u32,
    draw: impl FnOnce(&Canvas<'_>) -> Result<(), ChartError>,
) -> Result<Vec<u8>, ChartError> {
    let size = (width * SCALE, height * SCALE);
    let mut pixels = vec![255; size.0 as usize * size.1 as usize * 3];
    let canvas = Canvas {
        area: BitMapBackend::with_buffer(&mut pixels, size).into_drawing_area(),
    };
    draw(&canvas)?;
    canvas.area.present().map_err(ChartError::draw)?;
    drop(canvas);
    encode_rgb(width, height, &averaged(&pixels, width, height))
}

/// The mean of each square of `SCALE` x `SCALE` pixels, rounded to nearest.
fn averaged(pixels: &[u8], width: u32, height: u32) -> Vec<u8> {
    let (scale, row) = (SCALE as usize, width as usize * 3);
    let count = (SCALE * SCALE) as u16;
    let mut small = Vec::with_capacity(row * height as usize);
    let mut sums = vec![0_u16; row];
    for rows in pixels.chunks_exact(row * scale * scale) {
        sums.fill(count / 2);
        for line in rows.chunks_exact(row * scale) {
            let squares = line.chunks_exact(3 * scale);
            for (sum, square) in sums.chunks_exact_mut(3).zip(squares) {
                for pixel in square.chunks_exact(3) {
                    sum[0] += u16::from(pixel[0]);
                    sum[1] += u16::from(pixel[1]);
                    sum[2] += u16::from(pixel[2]);
                }
            }
        }
        small.extend(sums.iter().map(|sum| (sum / count) as u8));
    }
    small
}

/// To a drawn pixel.
fn grid(value: f64) -> i32 {
    (value * f64::from(SCALE)).round() as i32
}

impl Canvas<'_> {
    /// A filled polygon.
    pub fn polygon(&self, corners: &[(f64, f64)], colour: RGBColor) -> Result<(), ChartError> {
        let corners: Vec<(i32, i32)> = corners.iter().map(|p| (grid(p.0), grid(p.1))).collect();
        self.area
            .draw(&Polygon::new(corners, colour))
            .map_err(ChartError::draw)
    }

    /// A filled circle.
    pub fn disc(&self, at: (f64, f64), radius: f64, colour: RGBColor) -> Result<(), ChartError> {
        let circle = Circle::new((grid(at.0), grid(at.1)), grid(radius), colour.filled());
        self.area.draw(&circle).map_err(ChartError::draw)
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
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = (dx * dx + dy * dy).sqrt();
        // Shorter strokes vanish on the pixel grid and would have no direction.
        if length < 1e-6 {
            return Ok(());
        }
        let (nx, ny) = (-dy / length * width / 2.0, dx / length * width / 2.0);
        self.polygon(
            &[
                (from.0 + nx, from.1 + ny),
                (to.0 + nx, to.1 + ny),
                (to.0 - nx, to.1 - ny),
                (from.0 - nx, from.1 - ny),
            ],
            colour,
        )
    }

    /// A line through the points with round joints, solid or dashed.
    pub fn line(
        &self,
        points: &[(f64, f64)],
        width: f64,
        colour: RGBColor,
        dash: Dash,
    ) -> Result<(), ChartError> {
        if !dash.is_empty() {
            return self.dashed(points, width, colour, dash);
        }
        for pair in points.windows(2) {
            self.stroke(pair[0], pair[1], width, colour)?;
        }
        // Joints of thin lines would only make them spotty.
        if width >= 2.0 {
            for joint in points.iter().skip(1).take(points.len().saturating_sub(2)) {
                self.disc(*joint, width / 2.0, colour)?;
            }
        }
        Ok(())
    }

    fn dashed(
        &self,
        points: &[(f64, f64)],
        width: f64,
        colour: RGBColor,
        dash: Dash,
    ) -> Result<(), ChartError> {
        let (mut phase, mut left) = (0, dash[0]);
        for pair in points.windows(2) {
            let (mut from, to) = (pair[0], pair[1]);
            loop {
                let (dx, dy) = (to.0 - from.0, to.1 - from.1);
                let length = (dx * dx + dy * dy).sqrt();
                let step = left.min(length);
                let share = if length > 0.0 { step / length } else { 0.0 };
                let next = (from.0 + dx * share, from.1 + dy * share);
                if phase % 2 == 0 {
                    self.stroke(from, next, width, colour)?;
                }
                if length <= left {
                    left -= length;
                    break;
                }
                from = next;
                phase = (phase + 1) % dash.len();
                left = dash[phase];
            }
        }
        Ok(())
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
        let start = (at.0 - self.shift(text, pen)?, at.1);
        self.place(text, start, pen, |x, y| (x, y))
    }

    /// Writes a line of text whose capitals are centred on the point's y.
    pub fn text_centred(&self, text: &str, at: (f64, f64), pen: &Pen) -> Result<(), ChartError> {
        self.text(text, (at.0, at.1 + font::HALF_CAP * pen.em), pen)
    }

    /// Writes a line of text that runs upwards, its baseline at the point's x.
    pub fn text_upwards(&self, text: &str, at: (f64, f64), pen: &Pen) -> Result<(), ChartError> {
        let start = (at.0, at.1 + self.shift(text, pen)?);
        self.place(text, start, pen, |x, y| (y, -x))
    }

    fn shift(&self, text: &str, pen: &Pen) -> Result<f64, ChartError> {
        Ok(match pen.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => self.text_width(text, pen)? / 2.0,
            Anchor::End => self.text_width(text, pen)?,
        })
    }

    /// Writes a text from a point on, each pixel turned around it by `turn`.
    fn place(
        &self,
        text: &str,
        at: (f64, f64),
        pen: &Pen,
        turn: fn(i32, i32) -> (i32, i32),
    ) -> Result<(), ChartError> {
        let (left, baseline) = (grid(at.0), grid(at.1));
        let mut drawn = Ok(());
        font::rasterise(
            text,
            pen.em * f64::from(SCALE),
            pen.weight,
            |x, y, share| {
                let (x, y) = turn(x, y);
                let colour = pen.colour.mix(f64::from(share));
                let pixel = self.area.draw_pixel((left + x, baseline + y), &colour);
                if let (Ok(()), Err(error)) = (&drawn, pixel) {
                    drawn = Err(ChartError::draw(error));
                }
            },
        )?;
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_pixels_become_their_rounded_mean() {
        // Two squares of 2 x 2 pixels side by side, one row of squares.
        let upper = [0, 0, 0, 2, 0, 0, 9, 9, 9, 9, 9, 9];
        let lower = [1, 255, 0, 1, 255, 0, 9, 9, 9, 9, 9, 9];
        let pixels = [upper, lower].concat();
        assert_eq!(averaged(&pixels, 2, 1), [1, 128, 0, 9, 9, 9]);
    }

    #[test]
    fn a_long_text_is_cut_to_its_width() {
        let png = render(40, 20, |canvas| {
            let pen = Pen::new(10.0, WHITE);
            let cut = canvas.fitted("a trace with a long name", &pen, 60.0)?;
            assert!(cut.ends_with('…') && cut.len() > 5, "{cut}");
            assert!(canvas.text_width(&cut, &pen)? <= 60.0);
            assert_eq!(canvas.fitted("ls", &pen, 60.0)?, "ls");
            Ok(())
        });
        assert!(png.is_ok());
    }
}
