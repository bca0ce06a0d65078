//! ChampSim's instruction traces, 64 bytes per instruction, and its traces of the CloudSuite
//! programs, 96 bytes per instruction. The layouts are those of `input_instr` and `cloudsuite_instr` in ChampSim's
//! `inc/trace_instruction.h`.

use super::complaint::Complaint;
use super::fixed::{self, RecordParser, sample_records, u64_at};
use super::options::Numbers;
use super::{Fit, Format, Sample};
use crate::trace::model::access::{Access, Kind, TraceKind};
use std::marker::PhantomData;

pub(super) const FORMAT: Format = Format {
    name: "champsim",
    about: "ChampSim's binary instruction traces, 64 bytes an instruction",
    layout: "\
64 bytes per instruction, little-endian, no header:
  offset 0   u64     address of the instruction
  offset 8   8 bytes whether it branches, and its registers; ignored
  offset 16  2 x u64 addresses that it writes, 0 in unused places
  offset 32  4 x u64 addresses that it reads, 0 in unused places
Each is an instruction fetch, then the reads, then the writes; there are no sizes, so that each
access touches one byte.
",
    kind: TraceKind::Full,
    numbers: Numbers::FIXED,
    sniff,
    open: fixed::open::<Instructions<ChampSim>>,
    written: None,
};

pub(super) const CLOUDSUITE: Format = Format {
    name: "cloudsuite",
    about: "ChampSim's traces of CloudSuite, 96 bytes an instruction; only by --format",
    layout: "\
96 bytes per instruction, little-endian, no header:
  offset 0   u64      address of the instruction
  offset 8   16 bytes whether it branches, and its registers; ignored
  offset 24  4 x u64  addresses that it writes, 0 in unused places
  offset 56  4 x u64  addresses that it reads, 0 in unused places
  offset 88  8 bytes  address space; ignored
Accesses are those of champsim. It is never guessed: say --format cloudsuite.
",
    kind: TraceKind::Full,
    numbers: Numbers::FIXED,
    sniff: |_| Fit::No,
    open: fixed::open::<Instructions<CloudSuite>>,
    written: None,
};

/// The layout of a record; constants, so that the loops over the addresses are unrolled.
trait Layout {
    /// The format's name, for messages.
    const NAME: &'static str;
    /// Length of a record in bytes.
    const BYTES: usize;
    /// Offset and number of the addresses written.
    const WRITES: (usize, usize);
    /// Offset and number of the addresses read.
    const READS: (usize, usize);
}

struct ChampSim;

impl Layout for ChampSim {
    const NAME: &'static str = FORMAT.name;
    const BYTES: usize = 64;
    const WRITES: (usize, usize) = (16, 2);
    const READS: (usize, usize) = (32, 4);
}

struct CloudSuite;

impl Layout for CloudSuite {
    const NAME: &'static str = CLOUDSUITE.name;
    const BYTES: usize = 96;
    const WRITES: (usize, usize) = (24, 4);
    const READS: (usize, usize) = (56, 4);
}

/// Smallest number of instructions for the format to be guessed.
const INSTRUCTIONS_MIN: usize = 8;

struct Instructions<L>(PhantomData<L>);

impl<L> Default for Instructions<L> {
    fn default() -> Instructions<L> {
        Instructions(PhantomData)
    }
}

impl<L: Layout + Send> RecordParser for Instructions<L> {
    const NAME: &'static str = L::NAME;

    #[inline(always)]
    fn bytes(&self) -> usize {
        L::BYTES
    }

    fn parse(&mut self, record: &[u8], out: &mut Vec<Access>) -> Result<(), Complaint> {
        let groups = [
            (Kind::Ifetch, (0, 1)),
            (Kind::Read, L::READS),
            (Kind::Write, L::WRITES),
        ];
        if u64_at(record, 0) == 0 {
            return Err("the instruction has no address".into());
        }
        for (kind, (offset, count)) in groups {
            let addresses = (0..count).map(|i| u64_at(record, offset + 8 * i));
            let used = addresses.filter(|&addr| addr != 0);
            out.extend(used.map(|addr| Access::single(kind, addr)));
        }
        Ok(())
    }
}

/// Returns true if an address has 48 bits, of either half.
fn is_canonical(addr: u64) -> bool {
    matches!(addr >> 47, 0 | 0x1_ffff)
}

/// Accepts a sample if in every record the branch bits are 0 or 1 and the addresses are canonical.
fn sniff(sample: &Sample<'_>) -> Fit {
    let Some(mut records) = sample_records(sample, ChampSim::BYTES) else {
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
    if of < INSTRUCTIONS_MIN || !records.all(fits) {
        return Fit::No;
    }
    let of = of as u32;
    Fit::Share { good: of, of }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::testing::{accesses, error, guess_of, skipping, tuples};
    use super::*;
    use crate::trace::model::error::Position;

    /// Instructions that read and write here and there, byte by byte as the structs have them.
    fn trace<L: Layout>(count: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        for i in 0..count {
            let mut record = vec![0; L::BYTES];
            record[..8].copy_from_slice(&(0x40_1000 + 4 * i).to_le_bytes());
            record[8] = u8::from(i % 5 == 0);
            record[9] = u8::from(i % 10 == 0);
            record[12] = 26;
            let (reads, writes) = (L::READS.0, L::WRITES.0);
            record[reads + 8..reads + 16].copy_from_slice(&(0x7ffd_0000 + i).to_le_bytes());
            if i % 2 == 1 {
                record[writes..writes + 8].copy_from_slice(&(0x60_0000 + i).to_le_bytes());
            }
            bytes.extend_from_slice(&record);
        }
        bytes
    }

    pub fn champsim(count: u64) -> Vec<u8> {
        trace::<ChampSim>(count)
    }

    pub fn cloudsuite(count: u64) -> Vec<u8> {
        trace::<CloudSuite>(count)
    }

    #[test]
    fn an_instruction_is_fetched_then_reads_then_writes() {
        for (name, bytes) in [("champsim", champsim(2)), ("cloudsuite", cloudsuite(2))] {
            let expected = [
                (Kind::Ifetch, 0x40_1000, 1),
                (Kind::Read, 0x7ffd_0000, 1),
                (Kind::Ifetch, 0x40_1004, 1),
                (Kind::Read, 0x7ffd_0001, 1),
                (Kind::Write, 0x60_0001, 1),
            ];
            assert_eq!(tuples(&accesses(name, &bytes)), expected);
        }
    }

    #[test]
    fn only_plausible_instructions_are_guessed() {
        assert_eq!(guess_of(&champsim(8)).unwrap(), "champsim");
        assert!(guess_of(&champsim(7)).is_err());
        assert!(guess_of(&champsim(9)[..570]).is_err());
        assert!(guess_of(&cloudsuite(64)).is_err());
        for (at, value) in [(8, 2), (9, 0x80), (7, 1), (23, 0x12)] {
            let mut bytes = champsim(20);
            bytes[64 * 5 + at] = value;
            assert!(guess_of(&bytes).is_err(), "{at}");
        }
    }

    #[test]
    fn a_record_without_address_or_end_is_told() {
        let mut bytes = champsim(20);
        bytes[64 * 3..64 * 3 + 8].fill(0);
        let fault = error("champsim", &bytes);
        assert!(
            fault
                .what
                .contains("record 3: the instruction has no address")
        );
        assert_eq!(fault.position, Position::Byte(192));
        assert_eq!(skipping("champsim", &bytes).1, 1);
        let fault = error("cloudsuite", &cloudsuite(2)[..100]);
        assert!(
            fault
                .what
                .contains("record 1 at byte offset 96 is cut short (4 of 96 bytes)")
        );
    }
}
