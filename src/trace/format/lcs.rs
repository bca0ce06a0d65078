//! libCacheSim's own traces: a header with statistics, then requests to a store. The layouts are
//! those of `lcs_trace_header` and `lcs_req_v1_t` to `lcs_req_v8_t` in libCacheSim's `lcs.h`.

use super::complaint::Complaint;
use super::fixed::{FixedReader, RecordParser, peek, u64_at};
use super::options::Numbers;
use super::{Fit, Format, ReadOptions, RecordReader};
use crate::trace::codec::read_error;
use crate::trace::model::access::{Access, Addressing, Kind, TraceKind};
use crate::trace::model::error::{Position, TraceError};
use std::io::{self, BufRead, Read};
use std::path::PathBuf;

pub(super) const FORMAT: Format = Format {
    name: "lcs",
    about: "libCacheSim's traces with a header, versions 1 to 8",
    layout: "\
A header of 1024 or 8192 bytes that begins with the number 0x123456789abcdef0 and the version (u64)
and ends with the same number, then requests of 24 to 100 bytes, little-endian:
  offset 0   u32  time, ignored
  offset 4   u64  object id
  then the size (u32 in versions 1 and 2, else i64) and, from version 2 on, u8 operation
Each object is a page. Operations that set, write or change are writes, others reads.
",
    kind: TraceKind::BlockIo,
    numbers: Numbers::FIXED,
    sniff: |sample| {
        if sample.bytes.starts_with(&MAGIC.to_le_bytes()) {
            Fit::Certain
        } else {
            Fit::No
        }
    },
    open,
    written: None,
};

/// The number at the beginning and at the end of the header.
const MAGIC: u64 = 0x1234_5678_9abc_def0;

/// Lengths of the header in bytes: in earlier files, and in later ones.
const HEADERS: [usize; 2] = [1024, 8192];

/// Length of a request and offset of its operation in bytes, of versions 1 to 8.
const VERSIONS: [(usize, Option<usize>); 8] = [
    (24, None),
    (28, Some(16)),
    (36, Some(20)),
    (40, Some(20)),
    (44, Some(20)),
    (52, Some(20)),
    (68, Some(20)),
    (100, Some(20)),
];

fn open(
    input: Box<dyn BufRead + Send>,
    path: PathBuf,
    options: &ReadOptions,
) -> Result<Box<dyn RecordReader>, TraceError> {
    let failed = |e| read_error(&path, e);
    let (head, mut input) = peek(input, HEADERS[1]).map_err(failed)?;
    let bad = |what: String, at: usize| {
        TraceError::new(&path, what)
            .at(Position::Byte(at as u64))
            .text(&head[at.min(head.len())..head.len().min(at + 16)])
    };
    if head.is_empty() {
        let parser = Lcs::new(1);
        return Ok(Box::new(FixedReader::new(input, path, options, 0, parser)));
    }
    if u64_at(&head, 0) != MAGIC {
        let help = "leave --format out to have the format guessed";
        return Err(bad("no header of lcs".into(), 0).help(help));
    }
    let ends = |bytes: &&usize| u64_at(&head, **bytes - 8) == MAGIC;
    let Some(&header) = HEADERS.iter().find(ends) else {
        let help =
            "a file of an earlier or later layout, or one that is cut; libCacheSim converts it";
        return Err(bad("the header of lcs does not end where it should".into(), 0).help(help));
    };
    let version = u64_at(&head, 8);
    if !(1..=VERSIONS.len() as u64).contains(&version) {
        let what = format!(
            "version {version} of lcs; versions 1 to {} are read",
            VERSIONS.len()
        );
        return Err(bad(what, 8).help("libCacheSim's traceConv writes others"));
    }
    // All of it was peeked at.
    io::copy(&mut (&mut input).take(header as u64), &mut io::sink()).map_err(failed)?;
    let parser = Lcs::new(version as usize);
    Ok(Box::new(FixedReader::new(
        input,
        path,
        options,
        header as u64,
        parser,
    )))
}

struct Lcs {
    bytes: usize,
    operation: Option<usize>,
}

impl Lcs {
    fn new(version: usize) -> Lcs {
        let (bytes, operation) = VERSIONS[version - 1];
        Lcs { bytes, operation }
    }
}

impl RecordParser for Lcs {
    const NAME: &'static str = FORMAT.name;

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn parse(&mut self, record: &[u8], out: &mut Vec<Access>) -> Result<(), Complaint> {
        // set, add, cas, replace, append, prepend; incr, decr; write, update.
        let kind = match self.operation.map_or(0, |at| record[at]) {
            3..=8 | 10 | 11 | 13 | 14 => Kind::Write,
            _ => Kind::Read,
        };
        out.push(Access::single(kind, u64_at(record, 4)));
        Ok(())
    }

    fn addressing(&self) -> Addressing {
        Addressing::Ids
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::testing::{accesses, error, guess_of, tuples};
    use super::*;

    /// A trace of this version after a header of `header` bytes; requests are id and operation.
    pub fn trace(version: u64, header: usize, requests: &[(u64, u8)]) -> Vec<u8> {
        let mut bytes = vec![0; header];
        bytes[..8].copy_from_slice(&MAGIC.to_le_bytes());
        bytes[8..16].copy_from_slice(&version.to_le_bytes());
        bytes[header - 8..].copy_from_slice(&MAGIC.to_le_bytes());
        let (length, operation) = VERSIONS[version as usize - 1];
        for &(id, op) in requests {
            let mut record = vec![0; length];
            record[4..12].copy_from_slice(&id.to_le_bytes());
            if let Some(at) = operation {
                record[at] = op;
            }
            bytes.extend_from_slice(&record);
        }
        bytes
    }

    #[test]
    fn every_version_after_every_header() {
        for version in 1..=8 {
            for header in HEADERS {
                let bytes = trace(version, header, &[(7, 1), (u64::MAX, 3), (7, 12)]);
                assert_eq!(guess_of(&bytes).unwrap(), "lcs");
                let write = if version == 1 {
                    Kind::Read
                } else {
                    Kind::Write
                };
                let expected = [(Kind::Read, 7, 1), (write, u64::MAX, 1), (Kind::Read, 7, 1)];
                assert_eq!(tuples(&accesses("lcs", &bytes)), expected);
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let good = trace(2, 1024, &[(1, 1), (2, 3)]);
        let mut newer = good.clone();
        newer[8] = 9;
        let mut open = good.clone();
        open[1020] = 0;
        for (bytes, what, at) in [
            (newer, "version 9 of lcs", 8),
            (open, "does not end where", 0),
            (good[..500].to_vec(), "does not end where", 0),
            (b"1\n2\n".to_vec(), "no header of lcs", 0),
            (
                good[..1060].to_vec(),
                "record 1 at byte offset 1,052 is cut short",
                1052,
            ),
        ] {
            let fault = error("lcs", &bytes);
            assert!(fault.what.contains(what), "{fault}");
            assert_eq!(fault.position, Position::Byte(at));
        }
    }
}
