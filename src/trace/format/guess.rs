//! Guessing the format of a file from its beginning: which entry of the table it is, if it can
//! only be one. Never picks among several that fit; the user does.

use super::lines::sample_lines;
use super::{Fit, Format, Sample, TABLE};
use crate::trace::error::{Cause, Position, TraceError};
use std::cmp::Ordering;
use std::path::Path;

/// Below this many percent of the lines a format is not taken for the one that was meant.
const LEAST_PERCENT: u64 = 80;

/// The format that a sample is of: one that is certain, else the only one that the whole sample
/// fits, else the only one that fits best and at least 80 % of it. In the last case the reader
/// will come to a bad line and say which.
///
/// # Errors
///
/// The sample is empty, fits several formats, or none.
pub fn guess(path: &Path, sample: &Sample<'_>) -> Result<&'static Format, TraceError> {
    if sample.bytes.is_empty() {
        return Err(TraceError::new(path, "the file is empty"));
    }
    let mut shares: Vec<(&'static Format, u64, u64)> = Vec::new();
    for format in TABLE {
        match (format.sniff)(sample) {
            Fit::Certain => return Ok(format),
            Fit::Share { good, of } if good > 0 => {
                shares.push((format, u64::from(good), u64::from(of)));
            }
            Fit::Share { .. } | Fit::No => {}
        }
    }
    let better = |a: &(_, u64, u64), b: &(_, u64, u64)| (a.1 * b.2).cmp(&(b.1 * a.2));
    let Some(&best) = shares.iter().max_by(|a, b| better(a, b)) else {
        return Err(unknown(path, sample, None));
    };
    let equals: Vec<&Format> = shares
        .iter()
        .filter(|share| better(share, &best) == Ordering::Equal)
        .map(|share| share.0)
        .collect();
    let (format, good, of) = best;
    match equals.len() {
        1 if good * 100 >= of * LEAST_PERCENT => Ok(format),
        1 => Err(unknown(path, sample, Some(best))),
        _ if good == of => Err(ambiguous(path, &equals)),
        _ => Err(unknown(path, sample, None)),
    }
}

fn ambiguous(path: &Path, formats: &[&Format]) -> TraceError {
    let names: Vec<&str> = formats.iter().map(|format| format.name).collect();
    let what = format!(
        "the beginning fits more than one format: {}",
        names.join(", ")
    );
    TraceError::new(path, what).help(format!("say which with --format {}", names[0]))
}

fn unknown(
    path: &Path,
    sample: &Sample<'_>,
    nearest: Option<(&'static Format, u64, u64)>,
) -> TraceError {
    let (line, text) = sample_lines(sample)
        .enumerate()
        .find(|(_, line)| !line.trim_ascii().is_empty())
        .unwrap_or((0, b""));
    let mut help = String::from(
        "`pagebench formats` lists them, --format NAME chooses one; columns without a header need \
         --format csv --col addr=N",
    );
    if let Some((format, good, of)) = nearest {
        help = format!(
            "nearest is {} ({good} of the first {of} lines); {help}",
            format.name
        );
    }
    let error = TraceError {
        cause: Cause::UnknownFormat,
        ..TraceError::new(path, "not a trace of a known format")
    };
    error
        .at(Position::Line(line as u64 + 1))
        .text(text)
        .help(help)
}
