//! Charts: finished rows to a scene of shapes, and that to PNG or SVG, the same bytes on every run.
//!
//! All charts but `explained` are drawn from rows read back from their CSV, so they cannot disagree with
//! it. Charts do not know how counts were computed. Deliberately absent: files, traces and policies.
//!
//! Reading order: `series` (rows to groups and curves), `axis`, `theme` (colours and marks),
//! `scene` (what is drawn with), `bitmap` and `svg` (pictures of a scene), `panel` and `page` (what all
//! charts share), `kinds` (THE table of charts of results, and one file per chart).

mod axis;
mod bitmap;
mod encode;
mod font;
mod kinds;
mod options;
mod page;
mod panel;
mod scene;
mod series;
mod svg;
#[cfg(test)]
mod tests;
mod theme;

use std::fmt;
use std::path::Path;

use crate::report::results::results_csv::table_to_csv;
use crate::report::tables::curve_csv::CurveRow;

pub use self::kinds::curve::stems as curve_stems;
pub use self::kinds::delta::draw as deltas;
pub use self::kinds::memory_map::{draw as memory_map, memory_fact};
pub use self::kinds::states::{Subject, draw as states};
pub use self::kinds::steps::draw as explained;
pub use kinds::{ChartTable, Drawing, KINDS, Kind, Rows, all, draw, stems};
pub use options::{At, Log, Options, pixels};

/// A picture, what it shows as numbers, and the name that both should have.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Safe on every file system, and unique among the charts of one call; no ending.
    pub stem: String,
    scene: crate::report::chart::scene::Scene,
    data: Option<Data>,
}

impl Chart {
    /// Returns the picture as a PNG file.
    ///
    /// # Errors
    ///
    /// Errors if the drawing library fails.
    pub fn png(&self) -> Result<Vec<u8>, ChartError> {
        bitmap::png(&self.scene)
    }

    /// Returns the picture as an SVG file.
    pub fn svg(&self) -> Vec<u8> {
        svg::svg(&self.scene)
    }

    /// Returns the picture in the format that the ending of `path` asks for: SVG for `.svg` or `.SVG`, else
    /// PNG.
    ///
    /// # Errors
    ///
    /// As [`Chart::png`].
    pub fn for_file(&self, path: &Path) -> Result<Vec<u8>, ChartError> {
        let is_svg = |ending: &std::ffi::OsStr| ending.eq_ignore_ascii_case("svg");
        if path.extension().is_some_and(is_svg) {
            Ok(self.svg())
        } else {
            self.png()
        }
    }

    /// Returns the numbers that the picture shows; `None` if another file has them.
    pub fn csv(&self) -> Option<Vec<u8>> {
        let data = self.data.as_ref()?;
        Some(table_to_csv(&data.header, &data.lines))
    }
}

/// The numbers of a picture.
#[derive(Debug, Clone, PartialEq)]
struct Data {
    header: Vec<&'static str>,
    lines: Vec<Vec<String>>,
}

/// A chart that has no name yet.
type Drawn = (crate::report::chart::scene::Scene, Data);

/// Why there is no chart.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// No row has status ok.
    #[error("no finished row to draw")]
    Empty,
    /// The rows do not have what this chart shows.
    #[error("{0}")]
    Lacks(String),
    /// The steps of `explain` need more room than a picture may have.
    #[error(
        "too many references for one picture: take fewer (--count), or fewer policies and sizes"
    )]
    TooManySteps,
    /// The drawing library failed.
    #[error("drawing failed: {0}")]
    Draw(String),
    /// The pixels could not be written as PNG.
    #[error("encoding failed: {0}")]
    Encode(#[from] png::EncodingError),
}

impl ChartError {
    fn draw(cause: impl fmt::Display) -> ChartError {
        ChartError::Draw(cause.to_string())
    }
}

/// Draws the curves of each trace in one chart.
///
/// # Errors
///
/// Errors if there is no row.
pub fn curves(rows: &[CurveRow]) -> Result<Vec<Chart>, ChartError> {
    crate::report::chart::kinds::curve::draw(rows, &Options::default())
}
