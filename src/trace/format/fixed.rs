//! The reader shared by all formats whose records have one length. It finds and counts records in the
//! input's own buffer, and turns a parser's `Complaint` into a `TraceError` with the byte offset. A
//! record is copied only if it straddles two buffers.
//!
//! Does not know any format: the [`RecordParser`] says what a record means.

use super::complaint::{BadRecords, Complaint};
use super::lines::BATCH;
use super::tokens::grouped;
use super::{Known, ReadOptions, RecordReader, Sample};
use crate::trace::codec::{fill_buf, read_error};
use crate::trace::model::access::{Access, Addressing, TraceKind};
use crate::trace::model::error::{Position, TraceError};
use crate::trace::model::sample::Chosen;
use std::io::{self, BufRead, Cursor, Read};
use std::path::PathBuf;

/// A format whose records have one length: the meaning of one record.
pub(super) trait RecordParser: Send {
    /// The format's name, for messages.
    const NAME: &'static str;

    /// The length of every record in bytes, at least 1.
    fn bytes(&self) -> usize;

    /// Appends the accesses of one record, which has [`RecordParser::bytes`] bytes.
    fn parse(&mut self, record: &[u8], out: &mut Vec<Access>) -> Result<(), Complaint>;

    /// The meaning of the addresses.
    fn addressing(&self) -> Addressing {
        Addressing::Bytes
    }

    /// The kind of trace, if the file itself states it.
    fn kind(&self) -> Option<TraceKind> {
        None
    }
}

/// Opens a reader with a new parser for a file without a header; for the table.
pub(super) fn open<P: RecordParser + Default + 'static>(
    input: Box<dyn BufRead + Send>,
    path: PathBuf,
    options: &ReadOptions,
) -> Result<Box<dyn RecordReader>, TraceError> {
    let reader = FixedReader::new(input, path, options, 0, P::default());
    Ok(Box::new(reader))
}

/// Reads a format whose records have one length.
pub(super) struct FixedReader<P> {
    input: Box<dyn BufRead + Send>,
    parser: P,
    /// Length of the header in bytes.
    header: u64,
    /// The beginning of a record whose end is not in the buffer.
    cut: Vec<u8>,
    /// Whole records read so far.
    records: u64,
    bad_records: BadRecords,
    done: bool,
}

impl<P: RecordParser> FixedReader<P> {
    /// Reads `input`, whose first `header` bytes have been consumed already.
    pub fn new(
        input: Box<dyn BufRead + Send>,
        path: PathBuf,
        options: &ReadOptions,
        header: u64,
        parser: P,
    ) -> FixedReader<P> {
        FixedReader {
            input,
            parser,
            header,
            cut: Vec::new(),
            records: 0,
            bad_records: BadRecords::new(path, options),
            done: false,
        }
    }

    /// Returns the parser.
    pub fn parser(&self) -> &P {
        &self.parser
    }

    /// Returns the parser, to be changed between two calls of `fill`.
    pub fn parser_mut(&mut self) -> &mut P {
        &mut self.parser
    }

    /// The offset of the record after those read.
    fn offset(&self) -> u64 {
        self.header + self.records * self.parser.bytes() as u64
    }

    fn fill_to(&mut self, goal: usize, batch: &mut Vec<Access>) -> Result<(), TraceError> {
        let bytes = self.parser.bytes();
        while batch.len() < goal {
            let offset = self.offset();
            let buffer = fill_buf(&mut self.input).map_err(|e| {
                let offset = offset + self.cut.len() as u64;
                read_error(&self.bad_records.path, e).at(Position::Byte(offset))
            })?;
            if buffer.is_empty() {
                self.done = true;
                return self.end();
            }
            let mut used = 0;
            let mut bad = None;
            if self.cut.is_empty() && buffer.len() >= bytes {
                for record in buffer.chunks_exact(bytes) {
                    used += bytes;
                    self.records += 1;
                    if let Err(complaint) = self.parser.parse(record, batch) {
                        bad = Some((complaint, record.to_vec()));
                        break;
                    }
                    if batch.len() >= goal {
                        break;
                    }
                }
            } else {
                used = buffer.len().min(bytes - self.cut.len());
                self.cut.extend_from_slice(&buffer[..used]);
                if self.cut.len() == bytes {
                    self.records += 1;
                    let parsed = self.parser.parse(&self.cut, batch);
                    bad = parsed.err().map(|complaint| (complaint, self.cut.clone()));
                    self.cut.clear();
                }
            }
            self.input.consume(used);
            if let Some((complaint, record)) = bad {
                self.bad(complaint, &record)?;
            }
        }
        Ok(())
    }

    /// Counts or reports the record just read.
    #[cold]
    fn bad(&mut self, complaint: Complaint, record: &[u8]) -> Result<(), TraceError> {
        if self.bad_records.skip(complaint.fatal) {
            return Ok(());
        }
        let offset = self.offset() - self.parser.bytes() as u64;
        let what = format!("record {}: {}", grouped(self.records - 1), complaint.what);
        Err(TraceError::new(&self.bad_records.path, what)
            .at(Position::Byte(offset))
            .text(record)
            .help(complaint.help(P::NAME, "records")))
    }

    /// Ends the file. Errors if it ends within a record.
    fn end(&mut self) -> Result<(), TraceError> {
        if self.cut.is_empty() || self.bad_records.skip(false) {
            return Ok(());
        }
        let offset = self.offset();
        let what = format!(
            "record {} at byte offset {} is cut short ({} of {} bytes)",
            grouped(self.records),
            grouped(offset),
            self.cut.len(),
            self.parser.bytes(),
        );
        let help = format!(
            "the file is incomplete or not {}; --skip-bad leaves the rest out",
            P::NAME
        );
        Err(TraceError::new(&self.bad_records.path, what)
            .at(Position::Byte(offset))
            .help(help))
    }
}

impl<P: RecordParser> RecordReader for FixedReader<P> {
    fn fill(&mut self, batch: &mut Vec<Access>, max: usize) -> Result<bool, TraceError> {
        let before = batch.len();
        if !self.done {
            let result = self.fill_to(before + max.min(BATCH), batch);
            self.done |= result.is_err();
            result?;
        }
        Ok(batch.len() > before)
    }

    fn known(&self) -> Known {
        Known {
            skipped: self.bad_records.skipped,
            addressing: self.parser.addressing(),
            kind: self.parser.kind(),
            chosen: Chosen::ALL,
        }
    }
}

/// Returns up to `max` bytes from the beginning of an input, and the input with these bytes before
/// the rest.
pub(super) fn peek(
    mut input: Box<dyn BufRead + Send>,
    max: usize,
) -> io::Result<(Vec<u8>, Box<dyn BufRead + Send>)> {
    let mut head = Vec::new();
    (&mut input).take(max as u64).read_to_end(&mut head)?;
    let whole = Box::new(Cursor::new(head.clone()).chain(input));
    Ok((head, whole))
}

/// The whole records of a sample without a header. Returns `None` if there are none, or if the size of
/// the file is known and no multiple of `bytes`.
pub(super) fn sample_records<'a>(
    sample: &Sample<'a>,
    bytes: usize,
) -> Option<std::slice::ChunksExact<'a, u8>> {
    let size = match sample.file_bytes {
        None if sample.whole => Some(sample.bytes.len() as u64),
        size => size,
    };
    let records = sample.bytes.chunks_exact(bytes);
    let whole = size.is_none_or(|n| n.is_multiple_of(bytes as u64));
    (whole && records.len() > 0).then_some(records)
}

/// Returns the little-endian number of eight bytes at offset `at` of a record, or 0 if the record ends
/// before it does.
#[inline(always)]
pub(super) fn u64_at(record: &[u8], at: usize) -> u64 {
    match record.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => 0,
    }
}

/// Like [`u64_at`], of four bytes.
#[inline(always)]
pub(super) fn u32_at(record: &[u8], at: usize) -> u32 {
    match record.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(bytes) => u32::from_le_bytes(*bytes),
        None => 0,
    }
}

/// Like [`u64_at`], of two bytes.
#[inline(always)]
pub(super) fn u16_at(record: &[u8], at: usize) -> u16 {
    match record.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(bytes) => u16::from_le_bytes(*bytes),
        None => 0,
    }
}
