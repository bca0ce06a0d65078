//! Opening a trace file that is decompressed already: in the format that the user named, or in the one
//! that its beginning fits. Errors of the reader then also state how format and input were found.

use super::guess::{Guess, decide, ending_of};
use super::options::{FormatBy, Numbers, ReadOptions, Unit};
use super::report::ReadReport;
use super::scaled::scaled;
use super::settle::{Head, Reading};
use super::{
    Fit, Format, Known, RecordReader, Sample, TABLE, csv, drmemtrace, drmemtrace_folder, options,
};
use crate::trace::codec;
use crate::trace::model::access::{Access, Addressing, Packed};
use crate::trace::model::error::{Cause, Position, TraceError};
use crate::trace::model::event::EventRecord;
use std::io::{BufRead, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Number of bytes at the beginning of a file from which its format is guessed.
const SAMPLE: usize = 64 * 1024;

/// A trace file, ready to be read.
pub struct Opened {
    /// The accesses and events.
    pub reader: Box<dyn RecordReader>,
    /// The format of the file.
    pub format: &'static Format,
    /// The codec's name; `none` if the file is not compressed.
    pub codec: &'static str,
    /// True if the format was guessed.
    pub guessed: bool,
    /// How the file was read, once `reader` was dropped.
    pub report: SharedReport,
}

/// The report of a reader, which is there once the reader was dropped.
#[derive(Debug, Clone, Default)]
pub struct SharedReport(Arc<Mutex<ReadReport>>);

impl SharedReport {
    /// Returns the report; an empty one while the reader is in use.
    pub fn get(&self) -> ReadReport {
        let report = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        report.clone()
    }

    fn set(&self, report: ReadReport) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = report;
    }
}

/// Opens the trace file `path` (`-`: standard input), which `input` decompresses, in `format`. Without
/// one, takes the format that the first 64 KiB fit; of a pipe it waits for these bytes or the end,
/// unless one of the first pieces identifies the format. Where these leave open what numbers mean, it
/// reads on, up to 64 MiB.
///
/// # Errors
///
/// Errors if the file cannot be read, is empty, fits no format, or can be read in several ways, and if
/// `options` do not fit it.
pub fn open_input(
    path: &Path,
    mut input: codec::Input,
    format: Option<&'static Format>,
    options: &ReadOptions,
) -> Result<Opened, TraceError> {
    let piece = codec::fill_buf(&mut input.reader).map_err(|e| codec::read_error(path, e))?;
    if piece.is_empty() {
        return Err(TraceError::new(path, "the file is empty"));
    }
    // Only csv has columns to choose: naming them says what the file is.
    let columns = (!options.columns.is_empty()).then_some(&csv::FORMAT);
    let format = format.or(columns);
    let (guessed, codec) = (format.is_none(), input.codec);
    let (guess, reader) = match format {
        // A compressed file is looked at even so: then a damaged stream is reported as one.
        Some(format) if codec == "none" => (given(format), input.reader),
        format => with_beginning(path, input, format, options).map_err(|e| in_codec(e, codec))?,
    };
    let Guess { reading, why } = guess;
    let (format, options) = (reading.format, &reading.options(options));
    check_options(path, format, options)?;
    let mut inner = (format.open)(reader, path.to_path_buf(), options)?;
    check_columns(path, format, options, &inner.report())?;
    if let Some(unit) = options.unit {
        inner = scaled(inner, path, &format.numbers, unit);
    }
    let mut note = String::new();
    let numbers = Numbers {
        base: options.base.or(format.numbers.base),
        ..format.numbers
    };
    if guessed {
        note = format!("; {} was guessed from the first 64 KiB", format.name);
    }
    if !why.is_empty() {
        note.push_str("; ");
        note.push_str(&why);
    }
    if codec != "none" {
        note.push_str("; places are those in the decompressed file");
    }
    let (reader, report) = Noted::of(inner, note, numbers);
    Ok(Opened {
        reader,
        format,
        codec,
        guessed,
        report,
    })
}

/// Opens the thread files `files` of the drmemtrace in `folder` as one trace.
///
/// # Errors
///
/// Errors if a file cannot be read, if they are of several processes, and if `options` do not fit.
pub fn open_threads(
    folder: &Path,
    files: &[PathBuf],
    options: &ReadOptions,
) -> Result<Opened, TraceError> {
    let format = &drmemtrace::FORMAT;
    check_options(folder, format, options)?;
    let inner = drmemtrace_folder::open(folder, files, options)?;
    let note = "; a folder of drmemtrace is read as one process".to_owned();
    let (reader, report) = Noted::of(inner, note, format.numbers);
    Ok(Opened {
        reader,
        format,
        codec: "none",
        guessed: true,
        report,
    })
}

/// Says in an error about a file of no known format that the file was unpacked, or should have been.
fn in_codec(mut error: TraceError, codec: &str) -> TraceError {
    if !matches!(error.cause, Cause::UnknownFormat) {
        return error;
    }
    let ending = error.path.extension().unwrap_or_default().to_string_lossy();
    let named = codec::by_ending(&ending).map_or("none", |codec| codec.name);
    if codec != "none" {
        error.what = format!("{} (the content of its {codec} stream)", error.what).into();
    } else if named != "none" {
        let help = format!(
            "the name says {named}, but the file does not begin as {named} streams do: unpack it with \
             the tool that wrote it, or fetch it again; {}",
            error.help
        );
        error.help = help;
    }
    error
}

/// Returns the decision for a format that the user named.
fn given(format: &'static Format) -> Guess {
    Guess {
        reading: Reading::of(format, FormatBy::User),
        why: String::new(),
    }
}

/// Errors if `options` has a base or a unit that `format` cannot honour.
fn check_options(path: &Path, format: &Format, options: &ReadOptions) -> Result<(), TraceError> {
    let refused = match (options.base, options.unit, format.numbers) {
        (Some(base), _, Numbers { base: None, .. }) => format!("--base {}", base.name()),
        (_, Some(unit), Numbers { unit: None, .. }) => format!("--unit {unit}"),
        _ => return Ok(()),
    };
    let what = format!(
        "{refused} does not apply to {}, whose layout fixes what its numbers mean",
        format.name
    );
    let help = "leave the option out, or choose a text format with --format";
    Err(TraceError {
        cause: Cause::Options,
        ..TraceError::new(path, what).help(help)
    })
}

/// Errors if `options` choose lines or explain kinds, which a reader with this report does not do.
fn check_columns(
    path: &Path,
    format: &Format,
    options: &ReadOptions,
    report: &ReadReport,
) -> Result<(), TraceError> {
    let filters = report.used.iter().any(|used| used.starts_with("where="));
    match options.lines_option() {
        Some("--where") if filters => Ok(()),
        Some(option) if format.name != csv::FORMAT.name => {
            Err(options::no_columns(path, format.name, option))
        }
        _ => Ok(()),
    }
}

/// Number of pieces of a stream after which it is checked whether a format is certain.
const PIECES: usize = 4;

/// Reads the beginning of a stream. Returns `format`, or if it is `None` the reading that the beginning
/// fits, and the whole stream.
fn with_beginning(
    path: &Path,
    input: codec::Input,
    format: Option<&'static Format>,
    options: &ReadOptions,
) -> Result<(Guess, Box<dyn BufRead + Send>), TraceError> {
    let ending = &ending_of(path);
    let (mut reader, file_bytes) = (input.reader, input.file_bytes);
    let pieces = if input.codec == "none" { PIECES } else { 0 };
    let mut bytes = Vec::with_capacity(SAMPLE);
    let mut format = format;
    for piece in 0.. {
        if bytes.len() == SAMPLE {
            break;
        }
        let buffer = codec::fill_buf(&mut reader).map_err(|e| codec::read_error(path, e))?;
        let some = buffer.len().min(SAMPLE - bytes.len());
        bytes.extend_from_slice(&buffer[..some]);
        reader.consume(some);
        if some == 0 {
            break;
        }
        if piece < pieces {
            let sample = Sample {
                bytes: &bytes,
                whole: false,
                file_bytes,
                options,
                ending,
            };
            let is_certain = |format: &&Format| (format.sniff)(&sample) == Fit::Certain;
            format = TABLE.iter().find(is_certain);
            if format.is_some() {
                break;
            }
        }
    }
    let guess = match format {
        Some(format) => given(format),
        None => {
            // A copy: the file may have to be read on.
            let first = bytes.clone();
            let whole = bytes.len() < SAMPLE || file_bytes == Some(SAMPLE as u64);
            let sample = Sample {
                bytes: &first,
                whole,
                file_bytes,
                options,
                ending,
            };
            let mut head = Head {
                bytes: &mut bytes,
                whole,
                more: &mut |bytes| read_more(path, &mut reader, bytes),
            };
            decide(path, &sample, &mut head)?
        }
    };
    Ok((guess, Box::new(Cursor::new(bytes).chain(reader))))
}

/// Appends the next piece of a stream. Returns false at its end.
fn read_more(
    path: &Path,
    reader: &mut dyn BufRead,
    bytes: &mut Vec<u8>,
) -> Result<bool, TraceError> {
    let buffer = codec::fill_buf(reader).map_err(|e| codec::read_error(path, e))?;
    bytes.extend_from_slice(buffer);
    let some = buffer.len();
    reader.consume(some);
    Ok(some > 0)
}

/// A reader that adds `note` to its errors: how format and input were found. It leaves its report when
/// it is dropped.
struct Noted {
    inner: Box<dyn RecordReader>,
    note: String,
    /// What the numbers mean.
    numbers: Numbers,
    /// True if something was read.
    begun: bool,
    report: SharedReport,
}

impl Drop for Noted {
    fn drop(&mut self) {
        // Before the first record the file has not stated what it is.
        if self.begun {
            self.report.set(self.report());
        }
    }
}

impl Noted {
    /// Returns a reader around `inner`, and the report that it leaves.
    fn of(
        inner: Box<dyn RecordReader>,
        note: String,
        numbers: Numbers,
    ) -> (Box<dyn RecordReader>, SharedReport) {
        let report = SharedReport::default();
        let reader = Noted {
            inner,
            note,
            numbers,
            begun: false,
            report: report.clone(),
        };
        (Box::new(reader), report)
    }

    fn noted(&self, mut error: TraceError) -> TraceError {
        if error.position != Position::Whole && !error.help.is_empty() {
            error.help.push_str(&self.note);
        }
        error
    }
}

#[deny(clippy::missing_trait_methods)]
impl RecordReader for Noted {
    fn fill(&mut self, batch: &mut Vec<Access>, max: usize) -> Result<bool, TraceError> {
        self.begun = true;
        let result = self.inner.fill(batch, max);
        result.map_err(|error| self.noted(error))
    }

    fn fill_packed(
        &mut self,
        packed: &mut Vec<Packed>,
        batch: &mut Vec<Access>,
        max: usize,
    ) -> Result<bool, TraceError> {
        self.begun = true;
        let result = self.inner.fill_packed(packed, batch, max);
        result.map_err(|error| self.noted(error))
    }

    fn has_events(&self) -> bool {
        self.inner.has_events()
    }

    fn take_events(&mut self, into: &mut Vec<EventRecord>) {
        self.inner.take_events(into);
    }

    fn known(&self) -> Known {
        self.inner.known()
    }

    fn report(&self) -> ReadReport {
        let report = self.inner.report();
        let unit = match (self.numbers.unit, self.known().addressing) {
            (Some(_), Addressing::Ids) => Some(Unit::Page),
            (unit, _) => unit,
        };
        ReadReport {
            base: report.base.or(self.numbers.base),
            unit: report.unit.or(unit),
            ..report
        }
    }
}
