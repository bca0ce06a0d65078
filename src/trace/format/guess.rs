//! Guessing the format of a file from its beginning. If several formats fit equally well, the user
//! has to choose: guessing never picks one of them.

use super::lines::sample_lines;
use super::strangers;
use super::{Fit, Format, Sample, TABLE};
use crate::trace::model::error::{Cause, Position, TraceError};
use std::cmp::Ordering;
use std::path::Path;

/// Smallest share of the sample, in percent, that a format must accept to be taken.
const PERCENT_MIN: u64 = 80;

/// A format that accepts some of the sample: `good` of `of` records.
#[derive(Clone, Copy)]
struct Candidate {
    format: &'static Format,
    good: u64,
    of: u64,
}

impl Candidate {
    /// Orders candidates by the share that they accept.
    fn cmp_share(&self, other: &Candidate) -> Ordering {
        (self.good * other.of).cmp(&(other.good * self.of))
    }
}

/// Guesses the format of a sample: a certain one; else the one that accepts the largest share, if no
/// other accepts as much and the share is at least 80 %. If lines remain that it does not accept, the
/// reader reports the first of them.
///
/// # Errors
///
/// Errors if the sample fits several formats equally well, or none.
pub fn guess(path: &Path, sample: &Sample<'_>) -> Result<&'static Format, TraceError> {
    let mut candidates: Vec<Candidate> = Vec::new();
    for format in TABLE {
        match (format.sniff)(sample) {
            Fit::Certain => return Ok(format),
            Fit::Share { good, of } if good > 0 => candidates.push(Candidate {
                format,
                good: u64::from(good),
                of: u64::from(of),
            }),
            Fit::Share { .. } | Fit::No => {}
        }
    }
    let Some(&best) = candidates.iter().max_by(|a, b| a.cmp_share(b)) else {
        return Err(unknown(path, sample, None));
    };
    let equals: Vec<&Format> = candidates
        .iter()
        .filter(|candidate| candidate.cmp_share(&best) == Ordering::Equal)
        .map(|candidate| candidate.format)
        .collect();
    match equals.len() {
        1 if best.good * 100 >= best.of * PERCENT_MIN => Ok(best.format),
        1 => Err(unknown(path, sample, Some(best))),
        _ if best.good == best.of => Err(ambiguous(path, &equals)),
        _ => Err(unknown(path, sample, None)),
    }
}

fn ambiguous(path: &Path, formats: &[&Format]) -> TraceError {
    let names: Vec<&str> = formats.iter().map(|format| format.name).collect();
    let what = format!(
        "the beginning fits more than one format: {}",
        names.join(", ")
    );
    let help = format!("choose one of them, for example with --format {}", names[0]);
    TraceError::new(path, what).help(help)
}

fn unknown(path: &Path, sample: &Sample<'_>, nearest: Option<Candidate>) -> TraceError {
    if let Some((name, advice)) = strangers::refusal(sample) {
        return TraceError::new(path, format!("this is {name}")).help(advice);
    }
    let (line, text) = sample_lines(sample)
        .enumerate()
        .find(|(_, line)| !line.trim_ascii().is_empty())
        .unwrap_or((0, b""));
    let mut help = String::from(
        "`pagebench formats` lists them, --format NAME chooses one; columns without a header need \
         --format csv --col addr=N",
    );
    if let Some(Candidate { format, good, of }) = nearest {
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
