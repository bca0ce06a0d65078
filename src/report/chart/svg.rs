//! From a scene to SVG 1.1. Text stays text, in the charts' font or, where that is missing, one that is
//! not wider. Numbers have two decimals, so that the same scene is the same bytes.

use std::fmt::Write;

use plotters::style::RGBColor;

use super::font::{self, Weight};
use super::scene::{Anchor, Pen, Scene, Shape};
use crate::report::xml::escaped;

/// Verdana has the widths of DejaVu Sans.
const FONTS: &str = "'DejaVu Sans', Verdana, sans-serif";

/// Returns the SVG file of a scene.
pub fn svg(scene: &Scene) -> Vec<u8> {
    let ((width, height), extent) = (scene.pixels, scene.extent);
    let (right, bottom) = (number(extent.0), number(extent.1));
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {right} {bottom}\" font-family=\"{FONTS}\" stroke-linejoin=\"round\" xml:space=\"preserve\">\n\
         <rect width=\"{right}\" height=\"{bottom}\" fill=\"#ffffff\"/>\n"
    );
    for shape in &scene.shapes {
        text += &element(shape);
        text.push('\n');
    }
    text += "</svg>\n";
    text.into_bytes()
}

fn element(shape: &Shape) -> String {
    match shape {
        Shape::Polygon(corners, colour) => {
            format!(
                "<polygon points=\"{}\" fill=\"{}\"/>",
                points(corners),
                hex(*colour)
            )
        }
        Shape::Disc(at, radius, colour) => format!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\"/>",
            number(at.0),
            number(at.1),
            number(*radius),
            hex(*colour)
        ),
        Shape::Line {
            points: corners,
            width,
            colour,
            dash,
        } => {
            let dash: Vec<String> = dash.iter().map(|length| number(*length)).collect();
            let dash = if dash.is_empty() {
                String::new()
            } else {
                format!(" stroke-dasharray=\"{}\"", dash.join(" "))
            };
            format!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{dash}/>",
                points(corners),
                hex(*colour),
                number(*width)
            )
        }
        Shape::Text {
            text,
            at,
            pen,
            upwards,
        } => text_element(text, *at, pen, *upwards),
    }
}

fn text_element(text: &str, at: (f64, f64), pen: &Pen, upwards: bool) -> String {
    let (x, y) = (number(at.0), number(at.1));
    let mut attributes = format!(
        "x=\"{x}\" y=\"{y}\" font-size=\"{}\" fill=\"{}\"",
        number(pen.em),
        hex(pen.colour)
    );
    if pen.weight == Weight::Bold {
        attributes += " font-weight=\"bold\"";
    }
    match pen.anchor {
        Anchor::Start => {}
        Anchor::Middle => attributes += " text-anchor=\"middle\"",
        Anchor::End => attributes += " text-anchor=\"end\"",
    }
    if upwards {
        attributes += &format!(" transform=\"rotate(-90 {x} {y})\"");
    }
    // The width of a character from another font is unknown: the text is held to its place.
    if !font::has_all(text, pen.weight) {
        let width = number(font::width(text, pen.em, pen.weight));
        attributes += &format!(" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\"");
    }
    format!("<text {attributes}>{}</text>", escaped(text))
}

fn points(corners: &[(f64, f64)]) -> String {
    let mut text = String::new();
    for (x, y) in corners {
        let gap = if text.is_empty() { "" } else { " " };
        // Writing to a string does not fail.
        let _ = write!(text, "{gap}{},{}", number(*x), number(*y));
    }
    text
}

/// Returns a number with at most two decimals. Values beyond any paper are clamped.
fn number(value: f64) -> String {
    const FAR: f64 = 1e6;
    let value = if value.is_nan() { 0.0 } else { value };
    let text = format!("{:.2}", value.clamp(-FAR, FAR));
    let short = text.trim_end_matches('0').trim_end_matches('.');
    match short {
        "-0" => "0".to_owned(),
        short => short.to_owned(),
    }
}

fn hex(colour: RGBColor) -> String {
    format!("#{:02x}{:02x}{:02x}", colour.0, colour.1, colour.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_finite() {
        let shown = [1.0, 0.126, -0.001, f64::NAN, f64::INFINITY].map(number);
        assert_eq!(shown, ["1", "0.13", "0", "0", "1000000"]);
    }
}
