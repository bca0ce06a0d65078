//! A trace written as a `.pbt`, and why a trace cannot be written.

use super::error::TraceError;
use super::refs::Meta;
use super::source::{TraceSource, no_reference};
use crate::trace::store::{Summary, Writer};
use crate::units::Printable;
use std::io::Write;
use std::path::PathBuf;

/// Why a trace could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The original cannot be read.
    #[error("{0}")]
    Trace(#[from] TraceError),
    /// The selection leaves nothing.
    #[error("{}: nothing selected: no reference is left", .0.printed())]
    Nothing(PathBuf),
    /// The format holds nothing of what is selected.
    #[error("{}: nothing is left to write: {lost}", .path.printed())]
    Unheld {
        /// The original.
        path: PathBuf,
        /// What the format does not hold, a sentence.
        lost: String,
    },
    /// The sink does not take it.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}

/// Streams a trace into a `.pbt`. Memory grows with the pages, not with the references. `level` is
/// zstd's, 1 to 19. Returns the metadata and the counts of the file.
pub fn convert<W: Write>(
    source: TraceSource,
    out: W,
    level: i32,
) -> Result<(Meta, Summary), ConvertError> {
    let path = source.path().to_path_buf();
    let all = source.selection().is_all();
    let mut writer = Writer::new(out, level)?;
    let (meta, dictionary) = source.stream(&mut writer)?;
    if dictionary.pages.is_empty() {
        return Err(match all {
            true => no_reference(&path, &meta).into(),
            false => ConvertError::Nothing(path),
        });
    }
    let (_, summary) = writer.finish(&meta, &dictionary)?;
    Ok((meta, summary))
}
