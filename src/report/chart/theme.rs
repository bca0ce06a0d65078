//! How charts look: sizes, colours, markers, and which series gets which. A series is a label here.

use crate::policy;
use std::collections::BTreeMap;

use plotters::style::RGBColor;

/// Default width in pixels. Layouts are made for a picture of this area; `render` scales other sizes to
/// it.
pub const WIDTH: u32 = 1600;
/// Default height in pixels.
pub const HEIGHT: u32 = 1000;

/// Em of the chart's title, in pixels.
pub const TITLE: f64 = 34.0;
/// Em of axis titles, legends and panel titles.
pub const LABEL: f64 = 23.0;
/// Em of tick labels.
pub const TICK: f64 = 21.0;
/// Em of facts and notes: the smallest text of a chart.
pub const SMALL: f64 = 19.0;

/// Titles and labels.
pub const INK: RGBColor = RGBColor(34, 34, 34);
/// Facts, notes and the second line of tick labels.
pub const FAINT_INK: RGBColor = RGBColor(95, 95, 95);
/// Axis lines and tick marks.
pub const AXIS: RGBColor = RGBColor(120, 120, 120);
/// Grid lines.
pub const GRID: RGBColor = RGBColor(228, 228, 228);
/// Bounds that are no policy: the share of first touches, tangents.
pub const BOUND: RGBColor = RGBColor(150, 150, 150);
/// Warnings and anomalies (Okabe and Ito's vermillion).
pub const WARNING: RGBColor = RGBColor(190, 75, 0);
/// Pages in frames that were not written (this and the next ones from Okabe and Ito's palette).
pub const CLEAN: RGBColor = RGBColor(0, 114, 178);
/// Pages in frames that were written.
pub const DIRTY: RGBColor = RGBColor(213, 94, 0);
/// Pages on the swap device.
pub const SWAPPED: RGBColor = RGBColor(204, 121, 167);
/// Pages that left memory and have no swap slot.
pub const DROPPED: RGBColor = RGBColor(150, 206, 238);
/// Mapped pages that were never touched.
pub const UNTOUCHED: RGBColor = RGBColor(190, 190, 190);
/// The paper.
pub const WHITE: RGBColor = RGBColor(255, 255, 255);

const BLACK: RGBColor = RGBColor(0, 0, 0);

/// The palette of Okabe and Ito, which the colour-blind can tell apart, without black (kept for
/// the optimum) and without yellow (too pale for a line on white).
const PALETTE: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// Returns the colours of areas that differ in colour alone.
pub fn fills() -> [RGBColor; 6] {
    PALETTE
}

/// The mark at a measured point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Marker {
    /// A filled circle.
    Disc,
    /// A filled square.
    Square,
    /// A filled triangle, tip up.
    Up,
    /// A filled square on its corner.
    Diamond,
    /// A filled triangle, tip down.
    Down,
    /// A circle, white inside.
    Ring,
    /// A square, white inside.
    Box,
    /// Two crossing strokes; kept for the optimum.
    Cross,
}

/// Seven markers and six colours have no common factor: the first 42 series differ in both.
const MARKERS: [Marker; 7] = [
    Marker::Disc,
    Marker::Square,
    Marker::Up,
    Marker::Diamond,
    Marker::Down,
    Marker::Ring,
    Marker::Box,
];

/// Lengths of ink and gap along a line, in pixels; empty for a solid line.
pub type Dash = &'static [f64];

/// The dash of bounds that a policy cannot beat.
pub const DASHED: Dash = &[13.0, 7.0];
/// The dash of auxiliary lines.
pub const DOTTED: Dash = &[3.0, 6.0];

const DASHES: [Dash; 3] = [&[], &[22.0, 6.0], &[5.0, 5.0]];

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// Colour of line and marker.
    pub colour: RGBColor,
    /// The mark at each point.
    pub marker: Marker,
    /// The pattern of the line.
    pub dash: Dash,
}

/// Policies that know the future are bounds and no competitors, so they are drawn in black.
pub use crate::report::results::columns::is_offline;

/// The style of every series. One assignment serves all charts of a report, so that a policy
/// looks the same in each.
#[derive(Debug)]
pub struct Styles(BTreeMap<String, Style>);

impl Styles {
    /// Gives styles to the `(policy, label)` pairs of all pictures. The first styles, which are the
    /// most distinct, go to the labels in the most pictures, so that a policy seen everywhere
    /// shares its colour with as few as possible; the order of the pairs does not matter.
    pub fn assign<'a>(pairs: impl Iterator<Item = (&'a str, String)>) -> Styles {
        let mut counts: BTreeMap<(String, &str), usize> = BTreeMap::new();
        for (policy, label) in pairs {
            *counts.entry((label, policy)).or_default() += 1;
        }
        let mut labels: Vec<((String, &str), usize)> = counts.into_iter().collect();
        labels.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let (mut online, mut bounds) = (0, 0);
        let mut styles = BTreeMap::new();
        for ((label, policy), _) in labels {
            let style = if label == policy::OPTIMUM {
                OPTIMUM
            } else if is_offline(policy) {
                bounds += 1;
                bound_style(bounds - 1)
            } else {
                online += 1;
                online_style(online - 1)
            };
            styles.insert(label, style);
        }
        Styles(styles)
    }

    /// Returns the style of a label; that of the first series for an unknown label.
    pub fn style(&self, label: &str) -> Style {
        self.0
            .get(label)
            .copied()
            .unwrap_or_else(|| online_style(0))
    }
}

fn online_style(nth: usize) -> Style {
    Style {
        colour: PALETTE[nth % PALETTE.len()],
        marker: MARKERS[nth % MARKERS.len()],
        dash: DASHES[nth / (PALETTE.len() * MARKERS.len()) % DASHES.len()],
    }
}

/// The style of plain OPT, whose cross no other has.
const OPTIMUM: Style = Style {
    colour: BLACK,
    marker: Marker::Cross,
    dash: DASHED,
};

/// Dashes of the other bounds. Seven markers and four dashes have no common factor: the first 28
/// bounds differ.
const BOUND_DASHES: [Dash; 4] = [DOTTED, DASHED, &[22.0, 6.0], &[5.0, 5.0]];

fn bound_style(nth: usize) -> Style {
    Style {
        colour: BLACK,
        // Hollow markers first.
        marker: MARKERS[MARKERS.len() - 1 - nth % MARKERS.len()],
        dash: BOUND_DASHES[nth % BOUND_DASHES.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_series_are_all_distinct() {
        let labels: Vec<String> = (0..100).map(|i| format!("policy-{i:03}")).collect();
        let styles = Styles::assign(labels.iter().map(|label| (label.as_str(), label.clone())));
        let drawn: Vec<Style> = labels.iter().map(|label| styles.style(label)).collect();
        for (i, style) in drawn.iter().enumerate() {
            assert!(!drawn[..i].contains(style), "series {i}");
        }
        for (i, style) in drawn[..8].iter().enumerate() {
            let same = |other: &Style| {
                other.marker == style.marker && other.colour.rgb_tuple() == style.colour.rgb_tuple()
            };
            assert!(!drawn[..i].iter().any(same), "series {i}");
        }
    }

    /// Policies that know the future differ in marker or dash, variants of one policy too.
    #[test]
    fn bounds_are_all_distinct() {
        let mut labels = vec![("opt", "opt".to_owned()), ("vmin", "vmin".to_owned())];
        labels.push(("opt-wb", "opt-wb".to_owned()));
        labels.extend((0..25).map(|cost| ("opt-wb", format!("opt-wb:write-cost={cost}"))));
        let styles = Styles::assign(labels.iter().cloned());
        let drawn: Vec<Style> = labels
            .iter()
            .map(|(_, label)| styles.style(label))
            .collect();
        for (i, style) in drawn.iter().enumerate() {
            assert_eq!(style.colour, BLACK);
            assert!(!drawn[..i].contains(style), "{}", labels[i].1);
        }
    }

    #[test]
    fn the_optimum_is_dashed_and_black() {
        let styles = Styles::assign([("lru", "lru".into()), ("opt", "opt".into())].into_iter());
        assert_eq!(styles.style("opt").colour, BLACK);
        assert_eq!(styles.style("opt").dash, DASHED);
        assert_ne!(styles.style("lru").colour, BLACK);
    }

    trait Tuple {
        fn rgb_tuple(&self) -> (u8, u8, u8);
    }

    impl Tuple for RGBColor {
        fn rgb_tuple(&self) -> (u8, u8, u8) {
            (self.0, self.1, self.2)
        }
    }
}
