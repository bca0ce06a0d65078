//! Guessing the format of a file from its beginning. If several formats fit equally well, the user
//! has to choose: guessing never picks one of them.

use super::ask::question;
use super::lines::sample_lines;
use super::options::ReadOptions;
use super::settle::{Answer, Head, Reading, by_ending, settle};
use super::strange_text;
use super::strangers::refusal;
use super::{Fit, Format, Sample, TABLE, csv};
use crate::trace::codec;
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

/// A decision about how a file is read.
#[derive(Debug)]
pub(super) struct Guess {
    /// The reading.
    pub reading: Reading,
    /// What settled it, for errors further on; empty if the layout did.
    pub why: String,
}

/// Decides how a file is read from its beginning, and reads on where the beginning does not settle it.
///
/// # Errors
///
/// Errors if the beginning fits no format. Asks with an error if several readings fit and nothing
/// settles which is meant.
pub(super) fn decide(
    path: &Path,
    sample: &Sample<'_>,
    head: &mut Head<'_>,
) -> Result<Guess, TraceError> {
    let mut formats = fitting(path, sample)?;
    let owns = |format: &&Format| format.numbers.endings.contains(&sample.ending);
    if let [owner] = *formats.iter().copied().filter(owns).collect::<Vec<_>>() {
        formats = vec![owner];
    }
    let mut open = Vec::new();
    let one = formats.len() == 1;
    for format in formats {
        match settle(path, format, sample.options, sample.ending, head)? {
            Answer::Settled(reading, why) if one => return Ok(Guess { reading, why }),
            Answer::Settled(reading, _) => open.push(reading),
            Answer::Open(readings) => open.extend(readings),
        }
    }
    Err(question(path, head.bytes, &open, sample.options))
}

/// Returns the formats that fit a sample: the certain ones; else the one that accepts the largest
/// share, if no other accepts as much and the share is at least 80 %; else all that accept all of it. If
/// lines remain that the format does not accept, its reader reports the first of them.
///
/// # Errors
///
/// Errors if the sample fits none.
fn fitting(path: &Path, sample: &Sample<'_>) -> Result<Vec<&'static Format>, TraceError> {
    let mut certain = Vec::new();
    let mut candidates: Vec<Candidate> = Vec::new();
    for (format, fit) in fits(sample) {
        match fit {
            Fit::Certain => certain.push(format),
            Fit::Share { good, of } if good > 0 => candidates.push(Candidate {
                format,
                good: u64::from(good),
                of: u64::from(of),
            }),
            Fit::Share { .. } | Fit::No => {}
        }
    }
    if !certain.is_empty() {
        return Ok(certain);
    }
    if let Some(refusal) = refusal(path, sample) {
        return Err(refusal);
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
        1 if best.good * 100 >= best.of * PERCENT_MIN => Ok(equals),
        1 => Err(unknown(path, sample, Some(best))),
        _ if best.good == best.of => Ok(equals),
        _ => Err(unknown(path, sample, None)),
    }
}

/// Returns every format, and how well a sample fits it when the user does not name the format.
pub(super) fn fits(sample: &Sample<'_>) -> Vec<(&'static Format, Fit)> {
    let fit = |format: &'static Format| {
        let options = ReadOptions {
            format_by: by_ending(format, sample.ending),
            ..sample.options.clone()
        };
        let sample = Sample {
            options: &options,
            ..*sample
        };
        (format, (format.sniff)(&sample))
    };
    TABLE.iter().map(fit).collect()
}

/// Returns the ending of a file's name in lower case, without dot and without that of a codec.
pub(super) fn ending_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_ascii_lowercase();
    let mut name = name.as_str();
    loop {
        match name.rsplit_once('.') {
            Some((stem, ending)) if codec::by_ending(ending).is_some() => name = stem,
            Some((_, ending)) => return ending.to_owned(),
            None => return String::new(),
        }
    }
}

fn unknown(path: &Path, sample: &Sample<'_>, nearest: Option<Candidate>) -> TraceError {
    if let Some((name, advice)) = strange_text::refusal(sample) {
        return TraceError::new(path, format!("this is {name}")).help(advice);
    }
    let (line, text) = sample_lines(sample)
        .enumerate()
        .find(|(_, line)| !line.trim_ascii().is_empty())
        .unwrap_or((0, b""));
    let mut help = String::from("`pagebench formats` lists them, --format NAME chooses one");
    if let Some(columns) = csv::advice(path, &csv::Head::of(sample), sample.options) {
        help = format!("{help}; {columns}");
    }
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
