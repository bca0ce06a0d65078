//! The vSCSI traces of CloudPhysics: requests of a virtual machine to its disk, in two versions.
//! The layouts are those of `trace_v1_record_t` and `trace_v2_record_t` in libCacheSim's `vscsi.h`.

use super::complaint::{Complaint, RUN_MAX, checked_size};
use super::fixed::{FixedReader, RecordParser, peek, sample_records, u16_at, u32_at, u64_at};
use super::options::Numbers;
use super::{Fit, Format, ReadOptions, RecordReader, Sample};
use crate::trace::codec::read_error;
use crate::trace::model::access::{Access, Kind, TraceKind};
use crate::trace::model::error::TraceError;
use std::io::BufRead;
use std::path::PathBuf;

pub(super) const FORMAT: Format = Format {
    name: "vscsi",
    about: "CloudPhysics' binary traces of virtual disks, versions 1 and 2",
    layout: "\
32 bytes per request (version 1) or 40 (version 2), little-endian, no header:
  version 1  u32 number, u32 bytes, u32 parts, u16 command, u16 version, u64 block, u64 time
  version 2  u16 command, u16 version, u32 number, u32 bytes, u32 parts, u64 block, u64 time, u64
The upper half of the version is 1 or 2. Blocks are of 512 bytes; a request touches the bytes of
the disk from there on. The commands 0x0a, 0x2a, 0x8a and 0xaa write, all others read.
",
    kind: TraceKind::BlockIo,
    numbers: Numbers::FIXED,
    sniff: |sample| {
        let fit = [&V2, &V1].into_iter().find_map(|v| share(sample, v));
        fit.unwrap_or(Fit::No)
    },
    open,
    written: None,
};

/// The layout of a version: the length of a record and the offsets of its fields, in bytes.
struct Version {
    number: u16,
    /// Length of a record.
    bytes: usize,
    /// Offset of the length of the request.
    length: usize,
    command: usize,
    version: usize,
    block: usize,
}

static V1: Version = Version {
    number: 1,
    bytes: 32,
    length: 4,
    command: 12,
    version: 14,
    block: 16,
};

static V2: Version = Version {
    number: 2,
    bytes: 40,
    length: 8,
    command: 0,
    version: 2,
    block: 16,
};

/// Size of a block in bytes.
const BLOCK: u64 = 512;

/// Number of bytes at the beginning of a file that show its version: two records of either.
const HEAD: usize = 80;

impl Version {
    fn is_of(&self, record: &[u8]) -> bool {
        u16_at(record, self.version) >> 8 == self.number
            && u16_at(record, self.command) < 0x100
            && u64_at(record, self.block) >> 48 == 0
    }

    /// Returns how many of the first two records in `head` are of this version.
    fn records_in(&self, head: &[u8]) -> usize {
        let records = head.chunks_exact(self.bytes).take(2);
        records.filter(|record| self.is_of(record)).count()
    }
}

fn share(sample: &Sample<'_>, version: &Version) -> Option<Fit> {
    let mut records = sample_records(sample, version.bytes)?;
    let of = records.len() as u32;
    let all = records.all(|record| version.is_of(record));
    (of >= 2 && all).then_some(Fit::Share { good: of, of })
}

fn open(
    input: Box<dyn BufRead + Send>,
    path: PathBuf,
    options: &ReadOptions,
) -> Result<Box<dyn RecordReader>, TraceError> {
    let (head, input) = peek(input, HEAD).map_err(|e| read_error(&path, e))?;
    // One record alone may look as if it were of the other version. A file that is neither version is
    // read as version 1; its first record is then reported as bad.
    let version = if V2.records_in(&head) > V1.records_in(&head) {
        &V2
    } else {
        &V1
    };
    let parser = Vscsi { version };
    Ok(Box::new(FixedReader::new(input, path, options, 0, parser)))
}

struct Vscsi {
    version: &'static Version,
}

impl RecordParser for Vscsi {
    const NAME: &'static str = FORMAT.name;

    fn bytes(&self) -> usize {
        self.version.bytes
    }

    fn parse(&mut self, record: &[u8], out: &mut Vec<Access>) -> Result<(), Complaint> {
        let v = self.version;
        let number = u16_at(record, v.version) >> 8;
        if number != v.number {
            return Err(format!(
                "version {number} where the trace is of version {}",
                v.number
            )
            .into());
        }
        let block = u64_at(record, v.block);
        let addr = block
            .checked_mul(BLOCK)
            .ok_or("the block is beyond 64 bits of bytes")?;
        let length = u64::from(u32_at(record, v.length)).max(1);
        let kind = match u16_at(record, v.command) {
            0x0a | 0x2a | 0x8a | 0xaa => Kind::Write,
            _ => Kind::Read,
        };
        out.push(Access {
            size: checked_size(Ok(length), addr, RUN_MAX)?,
            ..Access::single(kind, addr)
        });
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::testing::{accesses, error, guess_of, skipping, tuples};
    use super::*;
    use crate::trace::model::error::Position;

    pub fn trace(number: u16, requests: &[(u16, u32, u64)]) -> Vec<u8> {
        let v = [&V1, &V2][number as usize - 1];
        let mut bytes = Vec::new();
        for &(command, length, block) in requests {
            let mut record = vec![0; v.bytes];
            record[v.command..v.command + 2].copy_from_slice(&command.to_le_bytes());
            record[v.version..v.version + 2].copy_from_slice(&(number << 8).to_le_bytes());
            record[v.length..v.length + 4].copy_from_slice(&length.to_le_bytes());
            record[v.block..v.block + 8].copy_from_slice(&block.to_le_bytes());
            bytes.extend_from_slice(&record);
        }
        bytes
    }

    const REQUESTS: [(u16, u32, u64); 3] = [(0x28, 4096, 8), (0x2a, 512, 17), (0x00, 0, 1 << 30)];

    #[test]
    fn both_versions() {
        for number in [1, 2] {
            let bytes = trace(number, &REQUESTS);
            assert_eq!(guess_of(&bytes).unwrap(), "vscsi");
            let expected = [
                (Kind::Read, 4096, 4096),
                (Kind::Write, 8704, 512),
                (Kind::Read, 1 << 39, 1),
            ];
            assert_eq!(tuples(&accesses("vscsi", &bytes)), expected);
        }
    }

    /// Numbers of requests of version 1 from 0x02000000 on look like version 2.
    #[test]
    fn the_number_of_a_request_is_no_version() {
        for first in [0x0200_0000u32, 0x0200_0028, 0x02ff_ffff] {
            let mut bytes = trace(1, &REQUESTS);
            for (record, number) in bytes.chunks_mut(32).zip(first..) {
                record[..4].copy_from_slice(&number.to_le_bytes());
            }
            assert_eq!(guess_of(&bytes).unwrap(), "vscsi");
            let expected = [
                (Kind::Read, 4096, 4096),
                (Kind::Write, 8704, 512),
                (Kind::Read, 1 << 39, 1),
            ];
            assert_eq!(tuples(&accesses("vscsi", &bytes)), expected);
            assert_eq!(tuples(&accesses("vscsi", &bytes[..32])), expected[..1]);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let mixed = [trace(1, &REQUESTS), trace(2, &REQUESTS)[..32].to_vec()].concat();
        let fault = error("vscsi", &mixed);
        assert!(
            fault.what.contains("where the trace is of version 1"),
            "{fault}"
        );
        assert_eq!(fault.position, Position::Byte(96));
        assert_eq!(skipping("vscsi", &mixed).1, 1);
        let far = trace(2, &[(0x28, 512, 1), (0x28, 512, u64::MAX)]);
        assert!(
            error("vscsi", &far)
                .what
                .contains("record 1: the block is beyond")
        );
        assert!(guess_of(&far).is_err());
        assert!(error("vscsi", &[0; 33]).what.contains("version 0"));
    }
}
