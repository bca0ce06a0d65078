//! The charts' own font: a subset of DejaVu Sans, built into the program, so that a chart needs no
//! system font and is the same everywhere. `scripts/subset-font.sh` makes the files.
//!
//! Glyphs are placed here and not by plotters, which drops their left bearing and so sets narrow
//! letters unevenly.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, PxScale, PxScaleFont, ScaleFont, point};

const REGULAR: &[u8] = include_bytes!("fonts/DejaVuSans-subset.ttf");
const BOLD: &[u8] = include_bytes!("fonts/DejaVuSans-Bold-subset.ttf");

/// Ascent plus descent of DejaVu Sans in units of its em: the scale of a font is the height of its
/// lines.
const LINE_PER_EM: f64 = (1901.0 + 483.0) / 2048.0;

/// Half the height of a capital letter, in em: what centres a line of text on a point.
pub const HALF_CAP: f64 = 0.365;

/// Weight of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The weight of everything that is read as data.
    Normal,
    /// The weight of titles.
    Bold,
}

/// Returns the font of a weight. Each is read once per process.
fn face(weight: Weight) -> &'static FontRef<'static> {
    static NORMAL_FACE: OnceLock<FontRef<'static>> = OnceLock::new();
    static BOLD_FACE: OnceLock<FontRef<'static>> = OnceLock::new();
    let (cell, bytes) = match weight {
        Weight::Normal => (&NORMAL_FACE, REGULAR),
        Weight::Bold => (&BOLD_FACE, BOLD),
    };
    cell.get_or_init(|| FontRef::try_from_slice(bytes).expect("a test reads both built-in fonts"))
}

fn scaled(em: f64, weight: Weight) -> PxScaleFont<&'static FontRef<'static>> {
    face(weight).as_scaled(PxScale::from((em * LINE_PER_EM) as f32))
}

/// Returns the width of a line of text whose em is `em` pixels.
pub fn width(text: &str, em: f64, weight: Weight) -> f64 {
    let font = scaled(em, weight);
    let mut last = None;
    let mut width = 0.0;
    for c in text.chars() {
        let id = font.glyph_id(c);
        width += last.map_or(0.0, |last| font.kern(last, id)) + font.h_advance(id);
        last = Some(id);
    }
    f64::from(width)
}

/// Returns whether the font has every character of a text. A missing one shows as a box.
pub fn has_all(text: &str, weight: Weight) -> bool {
    let font = face(weight);
    text.chars().all(|c| font.glyph_id(c).0 != 0)
}

/// Calls `put` with each pixel of a line of text, relative to the start of its baseline, and the
/// share of the pixel that is covered.
pub fn rasterise(text: &str, em: f64, weight: Weight, mut put: impl FnMut(i32, i32, f32)) {
    let font = scaled(em, weight);
    let mut last = None;
    let mut x = 0.0;
    for c in text.chars() {
        let id = font.glyph_id(c);
        x += last.map_or(0.0, |last| font.kern(last, id));
        let glyph = id.with_scale_and_position(font.scale(), point(x, 0.0));
        if let Some(outline) = font.outline_glyph(glyph) {
            let corner = outline.px_bounds().min;
            let (left, top) = (corner.x as i32, corner.y as i32);
            outline.draw(|x, y, share| put(left + x as i32, top + y as i32, share));
        }
        x += font.h_advance(id);
        last = Some(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_a_width_and_pixels_within_it() {
        let narrow = width("il", 20.0, Weight::Normal);
        let wide = width("MW", 20.0, Weight::Bold);
        assert!(0.0 < narrow && narrow < wide);
        let mut covered = 0.0;
        rasterise("MW", 20.0, Weight::Bold, |x, y, share| {
            assert!((-1..=wide as i32 + 1).contains(&x) && (-20..=5).contains(&y));
            covered += share;
        });
        assert!(covered > 50.0);
    }

    #[test]
    fn every_sign_that_charts_write_is_in_the_font() {
        for weight in [Weight::Normal, Weight::Bold] {
            let font = face(weight);
            for c in "AZaz09%·…×≤≥→µτ²≈–".chars() {
                assert_ne!(font.glyph_id(c).0, 0, "{c}");
            }
        }
    }
}
