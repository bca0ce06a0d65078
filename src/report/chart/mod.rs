//! Charts: finished rows to a scene of shapes, and that to PNG or SVG, the same bytes on every run.
//!
//! Charts see nothing but rows that were read back from their CSV ([`Row`]s, [`CurveRow`]s,
//! [`DeltaRow`]s, [`StatesRow`]s, [`CellWindows`]), and the font built into the program. Deliberately
//! absent: files, traces, policies and their tables, and how counts came about.
//!
//! Reading order: `series` (rows to groups and curves), `scale` (values to places), `theme`
//! (colours and marks), `canvas` (what is drawn with), `bitmap` and `svg` (pictures of a scene), `panel`
//! and `page` (what all charts share), `kinds` (THE table of charts of results), then one file per
//! chart.

mod bitmap;
mod canvas;
mod curve;
mod delta;
mod encode;
mod explain;
mod fault_rate;
mod faults;
mod font;
mod heat;
mod hit_rate;
mod kinds;
mod lifetime;
mod names;
mod opt_ratio;
mod options;
mod overview;
mod page;
mod panel;
mod phases;
mod scale;
mod series;
mod states;
mod svg;
#[cfg(test)]
mod tests;
mod theme;

use std::fmt;
use std::path::Path;

use crate::report::csv::table_to_csv;
use crate::report::curves::CurveRow;
use crate::report::deltas::DeltaRow;
use crate::report::explain::Explained;
use crate::report::states::StatesRow;

pub use curve::stems as curve_stems;
pub use kinds::{Drawing, KINDS, Kind, Rows, Source, all, draw, stems};
pub use options::{At, Log, Options, PIXELS, pixels};
pub use states::Subject;

/// A picture, what it shows as numbers, and the name that both should have.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Safe on every file system, and unique among the charts of one call; no ending.
    pub stem: String,
    scene: canvas::Scene,
    data: Option<Data>,
}

impl Chart {
    /// The picture as a PNG file.
    ///
    /// # Errors
    ///
    /// The font is damaged, or the drawing library refuses.
    pub fn png(&self) -> Result<Vec<u8>, ChartError> {
        bitmap::png(&self.scene)
    }

    /// The picture as an SVG file.
    ///
    /// # Errors
    ///
    /// The font is damaged.
    pub fn svg(&self) -> Result<Vec<u8>, ChartError> {
        svg::svg(&self.scene)
    }

    /// The picture as the ending of its file's name has it: SVG for `.svg` or `.SVG`, else PNG.
    ///
    /// # Errors
    ///
    /// See [`Chart::png`] and [`Chart::svg`].
    pub fn for_file(&self, path: &Path) -> Result<Vec<u8>, ChartError> {
        match path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("svg"))
        {
            true => self.svg(),
            false => self.png(),
        }
    }

    /// The numbers that the picture shows; `None` where another file has them.
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
type Drawn = (canvas::Scene, Data);

/// Why no chart came about.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// No row has status ok.
    #[error("no finished row to draw")]
    Empty,
    /// The rows do not have what this chart shows.
    #[error("{0}")]
    Lacks(String),
    /// The built-in font cannot be read.
    #[error("the built-in font is damaged")]
    Font,
    /// The drawing library refused.
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
pub fn curves(rows: &[CurveRow]) -> Result<Vec<Chart>, ChartError> {
    curve::draw(rows, &Options::default())
}

/// Draws what changed against a baseline of this name; `facts` say what was compared.
pub fn deltas(rows: &[DeltaRow], name: &str, facts: Vec<String>) -> Result<Chart, ChartError> {
    delta::draw(rows, name, facts)
}

/// Draws where pages are over time.
pub fn states(rows: &[StatesRow], subject: &Subject) -> Result<Chart, ChartError> {
    states::draw(rows, subject)
}

/// Draws step-by-step tables one below the other.
pub fn explained(tables: &[Explained]) -> Result<Chart, ChartError> {
    explain::draw(tables)
}
