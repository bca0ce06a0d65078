//! From a scene to pixels: drawn at twice the size and averaged, since plotters smooths polygons
//! only partly and takes whole pixels.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, Polygon};
use plotters::prelude::{BitMapBackend, IntoDrawingArea};
use plotters::style::{Color, RGBColor};

use super::ChartError;
use super::encode::encode_rgb;
use super::font;
use super::scene::{Anchor, Pen, Scene, Shape};
use super::theme::Dash;

/// How many drawn pixels make one pixel of the picture, each way.
const SCALE: u32 = 2;

/// Returns the PNG file of a scene.
pub fn png(scene: &Scene) -> Result<Vec<u8>, ChartError> {
    let (width, height) = scene.pixels;
    let size = (width * SCALE, height * SCALE);
    let mut pixels = vec![255; size.0 as usize * size.1 as usize * 3];
    let paper = Paper {
        area: BitMapBackend::with_buffer(&mut pixels, size).into_drawing_area(),
        scale: f64::from(size.0) / scene.extent.0,
    };
    for shape in &scene.shapes {
        paper.draw(shape)?;
    }
    paper.area.present().map_err(ChartError::draw)?;
    drop(paper);
    encode_rgb(width, height, &averaged(&pixels, width, height))
}

/// Returns the mean of each square of `SCALE` x `SCALE` pixels, rounded to nearest.
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

/// The drawing area.
struct Paper<'a> {
    area: DrawingArea<BitMapBackend<'a>, Shift>,
    /// Drawn pixels to a unit of the scene.
    scale: f64,
}

impl Paper<'_> {
    fn draw(&self, shape: &Shape) -> Result<(), ChartError> {
        match shape {
            Shape::Polygon(corners, colour) => self.polygon(corners, *colour),
            Shape::Disc(at, radius, colour) => self.disc(*at, *radius, *colour),
            Shape::Line {
                points,
                width,
                colour,
                dash: [],
            } => self.line(points, *width, *colour),
            Shape::Line {
                points,
                width,
                colour,
                dash,
            } => self.dashed(points, *width, *colour, dash),
            Shape::Text {
                text,
                at,
                pen,
                upwards,
            } => self.text(text, *at, pen, *upwards),
        }
    }

    /// Returns the drawn pixel of a coordinate.
    fn grid(&self, value: f64) -> i32 {
        (value * self.scale).round() as i32
    }

    fn polygon(&self, corners: &[(f64, f64)], colour: RGBColor) -> Result<(), ChartError> {
        let corners: Vec<(i32, i32)> = corners
            .iter()
            .map(|p| (self.grid(p.0), self.grid(p.1)))
            .collect();
        self.area
            .draw(&Polygon::new(corners, colour))
            .map_err(ChartError::draw)
    }

    fn disc(&self, at: (f64, f64), radius: f64, colour: RGBColor) -> Result<(), ChartError> {
        let centre = (self.grid(at.0), self.grid(at.1));
        let circle = Circle::new(centre, self.grid(radius), colour.filled());
        self.area.draw(&circle).map_err(ChartError::draw)
    }

    fn stroke(
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

    fn line(&self, points: &[(f64, f64)], width: f64, colour: RGBColor) -> Result<(), ChartError> {
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

    /// Writes a text from its start on, each pixel turned around it if it runs upwards.
    fn text(&self, text: &str, at: (f64, f64), pen: &Pen, upwards: bool) -> Result<(), ChartError> {
        // Widths are the same at every scale.
        let shift = match pen.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => pen.width(text) / 2.0,
            Anchor::End => pen.width(text),
        };
        let at = if upwards {
            (at.0, at.1 + shift)
        } else {
            (at.0 - shift, at.1)
        };
        let (left, baseline) = (self.grid(at.0), self.grid(at.1));
        let mut drawn = Ok(());
        let em = pen.em * self.scale;
        font::rasterise(text, em, pen.weight, |x, y, share| {
            let (x, y) = if upwards { (y, -x) } else { (x, y) };
            let colour = pen.colour.mix(f64::from(share));
            let pixel = self.area.draw_pixel((left + x, baseline + y), &colour);
            if let (Ok(()), Err(error)) = (&drawn, pixel) {
                drawn = Err(ChartError::draw(error));
            }
        });
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
}
