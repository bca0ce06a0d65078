//! ChampSim's instruction traces, of 64 bytes an instruction, and those of the CloudSuite
//! programs, of 96. The layouts are those of `input_instr` and `cloudsuite_instr` in ChampSim's
//! `inc/trace_instruction.h`.

use super::fixed::{FixedReader, RecordParser, sample_records, u64_at};
use super::lines::Complaint;
use super::{Fit, Format, OpenReader, Sample};
use crate::trace::record::{Access, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "champsim",
    about: "ChampSim's binary instruction traces, 64 bytes an instruction",
    layout: "\
64 bytes per instruction, little-endian, no header:
  offset 0   u64     address of the instruction
  offset 8   8 bytes whether it branches, and its registers; ignored
  offset 16  2 x u64 addresses that it writes, 0 where there is none
  offset 32  4 x u64 addresses that it reads, 0 where there is none
Each is an instruction fetch, then the reads, then the writes; there are no sizes, so that each
access touches one byte.
",
    kind: TraceKind::Full,
    sniff,
    open: open::<PLAIN>(),
    written: None,
};

pub(super) const CLOUDSUITE: Format = Format {
    name: "cloudsuite",
    about: "ChampSim's traces of CloudSuite, 96 bytes an instruction; only by --format",
    layout: "\
96 bytes per instruction, little-endian, no header:
  offset 0   u64      address of the instruction
  offset 8   16 bytes whether it branches, and its registers; ignored
  offset 24  4 x u64  addresses that it writes, 0 where there is none
  offset 56  4 x u64  addresses that it reads, 0 where there is none
  offset 88  8 bytes  address space; ignored
Accesses are those of champsim. It is never guessed: say --format cloudsuite.
",
    kind: TraceKind::Full,
    sniff: |_| Fit::No,
    open: open::<CLOUD>(),
    written: None,
};

/// Which of the two layouts.
type Which = usize;
const PLAIN: Which = 0;
const CLOUD: Which = 1;

/// Length of a record, where the written addresses begin and where those read begin, how many of
/// each. In bytes.
const LAYOUTS: [Layout; 2] = [
    Layout {
        bytes: 64,
        writes: (16, 2),
        reads: (32, 4),
    },
    Layout {
        bytes: 96,
        writes: (24, 4),
        reads: (56, 4),
    },
];

struct Layout {
    bytes: usize,
    /// Offset and number of the addresses written.
    writes: (usize, usize),
    /// Offset and number of the addresses read.
    reads: (usize, usize),
}

/// Fewer instructions than this are not taken for a trace unasked.
const LEAST: usize = 8;

struct Instructions<const WHICH: Which>;

const fn open<const WHICH: Which>() -> OpenReader {
    |input, path, options| {
        let parser = Instructions::<WHICH>;
        Ok(Box::new(FixedReader::new(input, path, options, 0, parser)))
    }
}

impl<const WHICH: Which> RecordParser for Instructions<WHICH> {
    const NAME: &'static str = [FORMAT.name, CLOUDSUITE.name][WHICH];

    #[inline(always)]
    fn bytes(&self) -> usize {
        LAYOUTS[WHICH].bytes
    }

    fn parse(&mut self, record: &[u8], out: &mut Vec<Access>) -> Result<(), Complaint> {
        let layout = &LAYOUTS[WHICH];
        let groups = [
            (Kind::Ifetch, (0, 1)),
            (Kind::Read, layout.reads),
            (Kind::Write, layout.writes),
        ];
        if u64_at(record, 0) == 0 {
            return Err("the instruction has no address".into());
        }
        for (kind, (offset, count)) in groups {
            let addresses = (0..count).map(|i| u64_at(record, offset + 8 * i));
            out.extend(addresses.filter(|&addr| addr != 0).map(|addr| Access {
                pid: 0,
                kind,
                size: 1,
                addr,
            }));
        }
        Ok(())
    }
}

/// Whether an address is one of 48 bits, of either half.
fn is_canonical(addr: u64) -> bool {
    matches!(addr >> 47, 0 | 0x1_ffff)
}

/// Branch bits that are bits, and addresses that are addresses, in every record.
fn sniff(sample: &Sample<'_>) -> Fit {
    let layout = &LAYOUTS[PLAIN];
    let Some(mut records) = sample_records(sample, 0, layout.bytes) else {
        return Fit::No;
    };
    let of = records.len();
    let fits = |record: &[u8]| {
        let operands = (2..8).map(|i| u64_at(record, 8 * i));
        u64_at(record, 0) != 0
            && is_canonical(u64_at(record, 0))
            && record[8] <= 1
            && record[9] <= 1
            && { operands }.all(is_canonical)
    };
    if of < LEAST || !records.all(fits) {
        return Fit::No;
    }
    let of = of as u32;
    Fit::Share { good: of, of }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::testing::{accesses, error, guess_of, skipping, tuples};
    use super::*;
    use crate::trace::error::Position;

    /// Instructions that read and write here and there, byte by byte as the structs have them.
    pub fn trace(which: Which, count: u64) -> Vec<u8> {
        let layout = &LAYOUTS[which];
        let mut bytes = Vec::new();
        for i in 0..count {
            let mut record = vec![0; layout.bytes];
            record[..8].copy_from_slice(&(0x40_1000 + 4 * i).to_le_bytes());
            record[8] = u8::from(i % 5 == 0);
            record[9] = u8::from(i % 10 == 0);
            record[12] = 26;
            let (reads, writes) = (layout.reads.0, layout.writes.0);
            record[reads + 8..reads + 16].copy_from_slice(&(0x7ffd_0000 + i).to_le_bytes());
            if i % 2 == 1 {
                record[writes..writes + 8].copy_from_slice(&(0x60_0000 + i).to_le_bytes());
            }
            bytes.extend_from_slice(&record);
        }
        bytes
    }

    #[test]
    fn an_instruction_is_fetched_then_reads_then_writes() {
        for (which, name) in [(PLAIN, "champsim"), (CLOUD, "cloudsuite")] {
            let expected = [
                (Kind::Ifetch, 0x40_1000, 1),
                (Kind::Read, 0x7ffd_0000, 1),
                (Kind::Ifetch, 0x40_1004, 1),
                (Kind::Read, 0x7ffd_0001, 1),
                (Kind::Write, 0x60_0001, 1),
            ];
            assert_eq!(tuples(&accesses(name, &trace(which, 2))), expected);
        }
    }

    #[test]
    fn only_plausible_instructions_are_guessed() {
        assert_eq!(guess_of(&trace(PLAIN, 8)).unwrap(), "champsim");
        assert!(guess_of(&trace(PLAIN, 7)).is_err());
        assert!(guess_of(&trace(PLAIN, 9)[..570]).is_err());
        assert!(guess_of(&trace(CLOUD, 64)).is_err());
        for (at, value) in [(8, 2), (9, 0x80), (7, 1), (23, 0x12)] {
            let mut bytes = trace(PLAIN, 20);
            bytes[64 * 5 + at] = value;
            assert!(guess_of(&bytes).is_err(), "{at}");
        }
    }

    #[test]
    fn a_record_without_address_or_end_is_told() {
        let mut bytes = trace(PLAIN, 20);
        bytes[64 * 3..64 * 3 + 8].fill(0);
        let fault = error("champsim", &bytes);
        assert!(
            fault
                .what
                .contains("record 3: the instruction has no address")
        );
        assert_eq!(fault.position, Position::Byte(192));
        assert_eq!(skipping("champsim", &bytes).1, 1);
        let fault = error("cloudsuite", &trace(CLOUD, 2)[..100]);
        assert!(
            fault
                .what
                .contains("record 1 at byte offset 96 is cut short (4 of 96 bytes)")
        );
    }
}
