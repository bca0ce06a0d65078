//! The reader that all formats of records of one length share: it finds records in the input's own
//! buffer, counts them, and turns what a format's parser objects to into an error with its place. A
//! record is copied only where it straddles two buffers.
//!
//! Knows no format: what a record means is the [`RecordParser`]'s business.

use super::lines::{BATCH, Complaint};
use super::number::grouped;
use super::{ReadOptions, RecordReader, Sample};
use crate::trace::codec::{fill_buf, read_error};
use crate::trace::error::{Position, TraceError};
use crate::trace::record::{Access, Addressing, TraceKind};
use std::io::{self, BufRead, Cursor, Read};
use std::path::PathBuf;

/// What a format of records of one length knows: the meaning of one record.
pub(super) trait RecordParser: Send {
    /// The format's name, for messages.
    const NAME: &'static str;

    /// The length of every record in bytes, at least 1.
    fn bytes(&self) -> usize;

    /// Appends what one record says; it is of [`RecordParser::bytes`].
    fn parse(&mut self, record: &[u8], out: &mut Vec<Access>) -> Result<(), Complaint>;

    /// How the addresses are to be read.
    fn addressing(&self) -> Addressing {
        Addressing::Bytes
    }

    /// The kind of trace that the file itself states.
    fn kind(&self) -> Option<TraceKind> {
        None
    }
}

/// Reads a format of records of one length.
pub(super) struct FixedReader<P> {
    input: Box<dyn BufRead + Send>,
    path: PathBuf,
    parser: P,
    /// Bytes before the first record, which are read already.
    header: u64,
    /// The beginning of a record whose end is not in the buffer.
    cut: Vec<u8>,
    /// Whole records read so far.
    records: u64,
    skip_bad: bool,
    skipped: u64,
    done: bool,
}

impl<P: RecordParser> FixedReader<P> {
    /// A reader of `input`, which stands behind a header of so many bytes.
    pub fn new(
        input: Box<dyn BufRead + Send>,
        path: PathBuf,
        options: &ReadOptions,
        header: u64,
        parser: P,
    ) -> FixedReader<P> {
        FixedReader {
            input,
            path,
            parser,
            header,
            cut: Vec::new(),
            records: 0,
            skip_bad: options.skip_bad,
            skipped: 0,
            done: false,
        }
    }

    /// The offset of the record after those read.
    fn offset(&self) -> u64 {
        self.header + self.records * self.parser.bytes() as u64
    }

    fn fill_to(&mut self, goal: usize, batch: &mut Vec<Access>) -> Result<(), TraceError> {
        let bytes = self.parser.bytes();
        while batch.len() < goal {
            let offset = self.offset();
            let buffer = match fill_buf(&mut self.input) {
                Ok(buffer) => buffer,
                Err(e) => {
                    let offset = offset + self.cut.len() as u64;
                    return Err(read_error(&self.path, e).at(Position::Byte(offset)));
                }
            };
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

    /// The record just read is none.
    #[cold]
    fn bad(&mut self, complaint: Complaint, record: &[u8]) -> Result<(), TraceError> {
        if self.skip_bad && !complaint.fatal {
            self.skipped += 1;
            return Ok(());
        }
        let help = match complaint.help {
            "" => format!(
                "the file is read as {}; choose another format with --format NAME, or leave out \
                 bad records with --skip-bad",
                P::NAME
            ),
            help => help.to_owned(),
        };
        let offset = self.offset() - self.parser.bytes() as u64;
        let what = format!("record {}: {}", grouped(self.records - 1), complaint.what);
        Err(TraceError::new(&self.path, what)
            .at(Position::Byte(offset))
            .text(record)
            .help(help))
    }

    /// The end of the file: nothing may be left of a record.
    fn end(&mut self) -> Result<(), TraceError> {
        if self.cut.is_empty() {
            return Ok(());
        }
        if self.skip_bad {
            self.skipped += 1;
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
        Err(TraceError::new(&self.path, what)
            .at(Position::Byte(offset))
            .help(help))
    }
}

impl<P: RecordParser> RecordReader for FixedReader<P> {
    fn fill(&mut self, batch: &mut Vec<Access>, most: usize) -> Result<bool, TraceError> {
        let before = batch.len();
        if !self.done {
            let result = self.fill_to(before + most.min(BATCH), batch);
            self.done |= result.is_err();
            result?;
        }
        Ok(batch.len() > before)
    }

    fn skipped(&self) -> u64 {
        self.skipped
    }

    fn addressing(&self) -> Addressing {
        self.parser.addressing()
    }

    fn kind(&self) -> Option<TraceKind> {
        self.parser.kind()
    }
}

/// The first bytes of an input, `most` at most, and the input with these bytes before the rest.
pub(super) fn peek(
    mut input: Box<dyn BufRead + Send>,
    most: usize,
) -> io::Result<(Vec<u8>, Box<dyn BufRead + Send>)> {
    let mut head = Vec::new();
    (&mut input).take(most as u64).read_to_end(&mut head)?;
    let whole = Box::new(Cursor::new(head.clone()).chain(input));
    Ok((head, whole))
}

/// The whole records of a sample behind a header, if the size of the file, where it is known, is
/// that of whole records.
pub(super) fn sample_records<'a>(
    sample: &Sample<'a>,
    header: usize,
    bytes: usize,
) -> Option<std::slice::ChunksExact<'a, u8>> {
    let size = match sample.file_bytes {
        None if sample.whole => Some(sample.bytes.len() as u64),
        size => size,
    };
    let records = sample.bytes.get(header..)?.chunks_exact(bytes);
    let whole = size.is_none_or(|n| n.wrapping_sub(header as u64).is_multiple_of(bytes as u64));
    (whole && records.len() > 0).then_some(records)
}

/// The little-endian number in these bytes of a record; bytes beyond its end are zero.
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
