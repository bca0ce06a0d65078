//! Charts: finished rows to RGB pixels to PNG bytes, the same bytes on every run.
//!
//! Charts see nothing but [`Row`]s, [`CurveRow`]s, [`DeltaRow`]s and [`StatesRow`]s that were read back
//! from their CSV, and the font built into the program. Deliberately absent: files, traces, policies and their
//! tables, and how counts came about.
//!
//! Reading order: `series` (rows to groups and curves), `scale` (values to places), `theme`
//! (colours and marks), `canvas` (places to pixels), `panel` and `page` (what all charts share),
//! then one file per chart.

mod canvas;
mod curve;
mod delta;
mod encode;
mod fault_rate;
mod font;
mod hit_rate;
mod lifetime;
mod names;
mod overview;
mod page;
mod panel;
mod scale;
mod series;
mod states;
#[cfg(test)]
mod tests;
mod theme;

use std::fmt;

use crate::report::columns::Row;
use crate::report::curves::CurveRow;
use crate::report::deltas::DeltaRow;
use crate::report::states::StatesRow;

pub use states::Subject;

/// A picture and the name it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// Safe on every file system, and unique among the charts of one call.
    pub file_name: String,
    /// The whole file.
    pub png: Vec<u8>,
}

/// Why no chart came about.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// No row has status ok.
    #[error("no finished row to draw")]
    Empty,
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

/// Draws every chart of these rows: three per group of comparable rows (same trace, filter, page
/// size and warm-up) and, if there are several groups, overviews. The order of the rows does not
/// matter; rows that are not ok are left out.
pub fn all(rows: &[Row]) -> Result<Vec<Chart>, ChartError> {
    let groups = series::groups(rows);
    if groups.is_empty() {
        return Err(ChartError::Empty);
    }
    let styles = series::styles(&groups);
    let draw = |(file_name, picture): (String, Picture<'_>)| {
        let png = match picture {
            Picture::Overview(part, of) => overview::draw(part, &styles, of)?,
            Picture::Of(group, draw) => draw(group, &styles)?,
        };
        Ok(Chart { file_name, png })
    };
    plan(&groups).into_iter().map(draw).collect()
}

/// Draws the curves of each trace in one chart.
pub fn curves(rows: &[CurveRow]) -> Result<Vec<Chart>, ChartError> {
    curve::draw(rows)
}

/// Draws what changed against a baseline of this name; `facts` say what was compared.
pub fn deltas(rows: &[DeltaRow], name: &str, facts: Vec<String>) -> Result<Vec<u8>, ChartError> {
    delta::draw(rows, name, facts)
}

/// Draws where pages are over time.
pub fn states(rows: &[StatesRow], subject: &Subject) -> Result<Chart, ChartError> {
    states::draw(rows, subject)
}

type Draw = fn(&series::Group<'_>, &theme::Styles) -> Result<Vec<u8>, ChartError>;

/// The charts of a group: how their file names end, and who draws them.
const KINDS: [(&str, Draw); 3] = [
    ("fault-rate", fault_rate::draw),
    ("hit-rate", hit_rate::draw),
    ("lifetime", lifetime::draw),
];

/// A picture to be drawn.
enum Picture<'a> {
    /// Several groups; which part it is of how many.
    Overview(&'a [series::Group<'a>], (usize, usize)),
    /// One group.
    Of(&'a series::Group<'a>, Draw),
}

/// File names and pictures, overviews first.
fn plan<'a>(groups: &'a [series::Group<'a>]) -> Vec<(String, Picture<'a>)> {
    let mut plan = Vec::new();
    if groups.len() > 1 {
        let parts = groups.chunks(overview::PANELS_MAX);
        let count = parts.len();
        for (i, part) in parts.enumerate() {
            let picture = Picture::Overview(part, (i + 1, count));
            plan.push((format!("overview-{}.png", i + 1), picture));
        }
    }
    for group in groups {
        for (what, draw) in KINDS {
            let name = format!("{}-{what}.png", group.stem);
            plan.push((name, Picture::Of(group, draw)));
        }
    }
    plan
}
