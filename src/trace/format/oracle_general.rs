//! libCacheSim's oracleGeneral: binary records of requests to a store, each with the number of the
//! next request of the same object. Only the object is used: the clairvoyant policies work out the
//! next request themselves.

use super::complaint::Complaint;
use super::fixed::{self, RecordParser, sample_records, u32_at, u64_at};
use super::options::Numbers;
use super::write::{Kinds, RecordWriter, Written, text};
use super::{Fit, Format, Sample};
use crate::trace::model::access::{Access, Addressing, Kind, TraceKind};
use rustc_hash::FxHashMap;
use std::io::{self, Write};

pub(super) const FORMAT: Format = Format {
    name: "oracleGeneral",
    about: "libCacheSim's binary traces of requests to a store",
    layout: "\
24 bytes per request, little-endian, no header:
  offset 0   u32  time in seconds, never falling
  offset 4   u64  object id
  offset 12  u32  object size, ignored
  offset 16  i64  number of the next request of the object, counted from 1; -1 without one
Each object is a page, all requests are reads.
",
    kind: TraceKind::BlockIo,
    numbers: Numbers::FIXED,
    sniff,
    open: fixed::open::<OracleGeneral>,
    written: Some(Written {
        endings: &["oracleGeneral"],
        kinds: Kinds::None,
        addressings: &[Addressing::Ids],
        tells_kind: |kind, _| kind == TraceKind::BlockIo,
        ..text(|| Box::new(Requests::default()))
    }),
};

/// The length of a record in bytes.
const RECORD: usize = 24;

#[derive(Default)]
struct OracleGeneral;

impl RecordParser for OracleGeneral {
    const NAME: &'static str = FORMAT.name;

    #[inline(always)]
    fn bytes(&self) -> usize {
        RECORD
    }

    #[inline(always)]
    fn parse(&mut self, record: &[u8], out: &mut Vec<Access>) -> Result<(), Complaint> {
        out.push(Access::single(Kind::Read, u64_at(record, 4)));
        Ok(())
    }

    fn addressing(&self) -> Addressing {
        Addressing::Ids
    }
}

/// Writes requests. The next request of an object is known only at the end, so all ids stay in memory
/// until then, 8 bytes per request.
#[derive(Default)]
struct Requests {
    ids: Vec<u64>,
}

impl RecordWriter for Requests {
    fn access(&mut self, _out: &mut dyn Write, access: &Access) -> io::Result<()> {
        self.ids.push(access.addr);
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let mut next = vec![-1i64; self.ids.len()];
        let mut later: FxHashMap<u64, i64> = FxHashMap::default();
        for (index, &id) in self.ids.iter().enumerate().rev() {
            if let Some(number) = later.insert(id, index as i64 + 1) {
                next[index] = number;
            }
        }
        for (id, next) in self.ids.iter().zip(next) {
            // The time is 0. The size of every object is 1, so that sizes of stores count pages.
            out.write_all(&0u32.to_le_bytes())?;
            out.write_all(&id.to_le_bytes())?;
            out.write_all(&1u32.to_le_bytes())?;
            out.write_all(&next.to_le_bytes())?;
        }
        Ok(())
    }
}

/// Number of records from which a file is guessed although no object in the sample comes again.
const RECORDS_MIN: usize = 16;

/// Accepts a binary sample of whole records whose times never fall and whose next requests lie ahead
/// and are of the same object. A few records need at least one object that comes again, or the ending
/// of the format.
fn sniff(sample: &Sample<'_>) -> Fit {
    let Some(records) = sample_records(sample, RECORD) else {
        return Fit::No;
    };
    if !sample.bytes.contains(&0) {
        return Fit::No;
    }
    let of = records.len();
    let (mut last_time, mut links) = (0, 0);
    for (index, record) in records.clone().enumerate() {
        let (time, next) = (u32_at(record, 0), u64_at(record, 16) as i64);
        // The request after the next one at the earliest, counted from 1; `MAX` is one too.
        let ahead = next == -1 || next >= index as i64 + 2;
        if time < last_time || !ahead {
            return Fit::No;
        }
        last_time = time;
        let next = usize::try_from(next).ok().filter(|&next| next <= of);
        if let Some(again) = next.and_then(|next| records.clone().nth(next - 1)) {
            if u64_at(again, 4) != u64_at(record, 4) {
                return Fit::No;
            }
            links += 1;
        }
    }
    let owns_ending = sample.ending == "oraclegeneral";
    if links == 0 && of < RECORDS_MIN && !owns_ending {
        return Fit::No;
    }
    let of = of as u32;
    Fit::Share { good: of, of }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Slow, guess_of, read, read_slowly, skipping};
    use super::super::{ReadOptions, by_name};
    use super::*;
    use crate::trace::model::error::Position;

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
        // Request 52 is for the object of request 51, request 53 is not.
        let mut next = trace(100);
        let object = next[24 * 50 + 4..24 * 50 + 12].to_vec();
        next[24 * 51 + 4..24 * 51 + 12].copy_from_slice(&object);
        let cases = [
            (51i64, false),
            (52, true),
            (53, false),
            (101, true),
            (i64::MAX, true),
            (-2, false),
        ];
        for (value, fits) in cases {
            next[24 * 50 + 16..24 * 51].copy_from_slice(&value.to_le_bytes());
            assert_eq!(guess_of(&next).is_ok(), fits, "next {value} of request 51");
        }
    }

    #[test]
    fn a_few_integers_are_not_taken_for_requests() {
        let integers = |values: &[u64]| -> Vec<u8> {
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        };
        assert!(guess_of(&integers(&[1, 2, 3])).is_err());
        assert!(guess_of(&integers(&[7, 9, 12, 4_000_000_007, 11, 40])).is_err());
        // Two requests for one object, one after the other, are enough.
        let mut two = trace(2);
        let object = two[4..12].to_vec();
        two[28..36].copy_from_slice(&object);
        two[16..24].copy_from_slice(&2i64.to_le_bytes());
        assert_eq!(guess_of(&two).unwrap(), "oracleGeneral");
    }

    #[test]
    fn empty_input_has_no_records() {
        let format = by_name("oracleGeneral").unwrap();
        let input = Box::new(Slow::new(b"", 1));
        let (got, result) = read(format, input, &ReadOptions::default());
        assert_eq!((got.len(), result.unwrap()), (0, 0));
    }
}
