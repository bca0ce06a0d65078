//! libCacheSim's oracleGeneral: binary records of requests to a store, with the next request of
//! the same object worked out beforehand. Only the object is used: the next request is never
//! trusted, since the clairvoyant policies work it out themselves.

use super::lines::BATCH;
use super::number::grouped;
use super::{Fit, Format, ReadOptions, RecordReader, Sample};
use crate::trace::codec::{fill_buf, read_error};
use crate::trace::error::{Position, TraceError};
use crate::trace::record::{Access, Addressing, Kind, TraceKind};
use std::io::BufRead;
use std::path::PathBuf;

pub(super) const FORMAT: Format = Format {
    name: "oracleGeneral",
    about: "libCacheSim's binary traces of requests to a store",
    layout: "\
24 bytes per request, little-endian, no header:
  offset 0   u32  time in seconds, never falling
  offset 4   u64  object id
  offset 12  u32  object size, ignored
  offset 16  i64  number of the next request of the object, counted from 1; -1 if there is none
Each object is a page, all requests are reads.
",
    kind: TraceKind::BlockIo,
    sniff,
    open: |input, path, options: &ReadOptions| {
        Ok(Box::new(OracleGeneral {
            input,
            path,
            cut: Vec::new(),
            records: 0,
            skip_bad: options.skip_bad,
            skipped: 0,
            done: false,
        }))
    },
};

/// The length of a record in bytes.
const RECORD: usize = 24;

struct OracleGeneral {
    input: Box<dyn BufRead + Send>,
    path: PathBuf,
    /// The beginning of a record whose end is not in the buffer.
    cut: Vec<u8>,
    /// Whole records read so far.
    records: u64,
    skip_bad: bool,
    skipped: u64,
    done: bool,
}

impl OracleGeneral {
    fn fill_to(&mut self, goal: usize, batch: &mut Vec<Access>) -> Result<(), TraceError> {
        while batch.len() < goal {
            let buffer = match fill_buf(&mut self.input) {
                Ok(buffer) => buffer,
                Err(e) => {
                    let offset = self.records * RECORD as u64 + self.cut.len() as u64;
                    return Err(read_error(&self.path, e).at(Position::Byte(offset)));
                }
            };
            if buffer.is_empty() {
                self.done = true;
                return self.end();
            }
            let used = if self.cut.is_empty() && buffer.len() >= RECORD {
                let whole = (buffer.len() / RECORD).min(goal - batch.len());
                let (records, _) = buffer.as_chunks::<RECORD>();
                batch.extend(records[..whole].iter().map(access));
                self.records += whole as u64;
                whole * RECORD
            } else {
                let used = buffer.len().min(RECORD - self.cut.len());
                self.cut.extend_from_slice(&buffer[..used]);
                if let Some(record) = self.cut.first_chunk() {
                    batch.push(access(record));
                    self.records += 1;
                    self.cut.clear();
                }
                used
            };
            self.input.consume(used);
        }
        Ok(())
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
        let offset = self.records * RECORD as u64;
        let what = format!(
            "record {} at byte offset {} is cut short ({} of {RECORD} bytes)",
            grouped(self.records),
            grouped(offset),
            self.cut.len(),
        );
        let help = "the file is incomplete or not oracleGeneral; --skip-bad leaves the rest out";
        Err(TraceError::new(&self.path, what)
            .at(Position::Byte(offset))
            .help(help))
    }
}

impl RecordReader for OracleGeneral {
    fn fill(&mut self, batch: &mut Vec<Access>) -> Result<bool, TraceError> {
        let before = batch.len();
        if !self.done {
            let result = self.fill_to(before + BATCH, batch);
            self.done |= result.is_err();
            result?;
        }
        Ok(batch.len() > before)
    }

    fn skipped(&self) -> u64 {
        self.skipped
    }

    fn addressing(&self) -> Addressing {
        Addressing::Ids
    }
}

/// The access that a record stands for.
fn access(record: &[u8; RECORD]) -> Access {
    Access {
        pid: 0,
        kind: Kind::Read,
        size: 1,
        addr: u64::from_le_bytes(std::array::from_fn(|i| record[4 + i])),
    }
}

/// Binary, a whole number of records where the size is known, times that never fall, and next
/// requests that lie ahead.
fn sniff(sample: &Sample<'_>) -> Fit {
    let size = match sample.file_bytes {
        None if sample.whole => Some(sample.bytes.len() as u64),
        size => size,
    };
    let whole_records = size.is_none_or(|n| n.is_multiple_of(RECORD as u64));
    let (records, _) = sample.bytes.as_chunks::<RECORD>();
    if !whole_records || records.is_empty() || !sample.bytes.contains(&0) {
        return Fit::No;
    }
    let mut last_time = 0;
    for (index, record) in records.iter().enumerate() {
        let time = u32::from_le_bytes(std::array::from_fn(|i| record[i]));
        let next = i64::from_le_bytes(std::array::from_fn(|i| record[16 + i]));
        // The request after the next one at the earliest, counted from 1; `MAX` is one too.
        let ahead = next == -1 || next >= index as i64 + 2;
        if time < last_time || !ahead {
            return Fit::No;
        }
        last_time = time;
    }
    let of = records.len() as u32;
    Fit::Share { good: of, of }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Slow, guess_of, read, read_slowly, skipping};
    use super::super::{ReadOptions, by_name};
    use super::*;

    /// `n` requests for objects 100, 101, ..., none of which comes again.
    fn trace(n: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        for i in 0..n {
            bytes.extend_from_slice(&(5_000 + i).to_le_bytes());
            bytes.extend_from_slice(&u64::from(100 + i).to_le_bytes());
            bytes.extend_from_slice(&512u32.to_le_bytes());
            bytes.extend_from_slice(&(-1i64).to_le_bytes());
        }
        bytes
    }

    #[test]
    fn records_straddle_buffers() {
        let format = by_name("oracleGeneral").unwrap();
        let bytes = trace(10_000);
        for step in [1, 23, 24, 25, 4096, 1 << 20] {
            let (got, result) = read_slowly(format, &bytes, step);
            assert_eq!(result.unwrap(), 0);
            assert_eq!(got.len(), 10_000);
            assert!(
                got.iter()
                    .zip(100..)
                    .all(|(a, id)| a.addr == id && a.size == 1)
            );
        }
    }

    #[test]
    fn a_cut_record_is_named_or_counted() {
        let format = by_name("oracleGeneral").unwrap();
        let bytes = &trace(1025)[..1024 * RECORD + 17];
        let (got, result) = read_slowly(format, bytes, 100);
        let error = result.unwrap_err();
        assert_eq!(got.len(), 1024);
        assert_eq!(error.position, Position::Byte(24_576));
        assert_eq!(
            &*error.what,
            "record 1,024 at byte offset 24,576 is cut short (17 of 24 bytes)"
        );
        let (got, skipped) = skipping("oracleGeneral", bytes);
        assert_eq!((got.len(), skipped), (1024, 1));
    }

    #[test]
    fn only_plausible_records_are_guessed() {
        assert_eq!(guess_of(&trace(100)).unwrap(), "oracleGeneral");
        assert!(guess_of(&trace(100)[..2399]).is_err());
        let mut backwards = trace(100);
        backwards[24 * 50] = 0;
        backwards[24 * 50 + 1] = 0;
        assert!(guess_of(&backwards).is_err());
        let mut next = trace(100);
        for (value, fits) in [(51i64, false), (52, true), (i64::MAX, true), (-2, false)] {
            next[24 * 50 + 16..24 * 51].copy_from_slice(&value.to_le_bytes());
            assert_eq!(guess_of(&next).is_ok(), fits, "next {value} of record 50");
        }
    }

    #[test]
    fn empty_input_has_no_records() {
        let format = by_name("oracleGeneral").unwrap();
        let input = Box::new(Slow::new(b"", 1));
        let (got, result) = read(format, input, &ReadOptions::default());
        assert_eq!((got.len(), result.unwrap()), (0, 0));
    }
}
