//! Files of integers without anything else: one page id each, or with `--unit` an address. No byte of
//! such a file says so; it is never guessed.

use super::complaint::Complaint;
use super::fixed::{self, RecordParser};
use super::options::{Numbers, Unit};
use super::{Fit, Format, OpenReader};
use crate::trace::model::access::{Access, Addressing, Kind, TraceKind};
use std::marker::PhantomData;

pub(super) const U32_LE: Format = format(
    "raw:u32le",
    "integers of 4 bytes, little-endian, page ids; only by --format",
    fixed::open::<Integers<U32Le>>,
);
pub(super) const U64_LE: Format = format(
    "raw:u64le",
    "integers of 8 bytes, little-endian, page ids; only by --format",
    fixed::open::<Integers<U64Le>>,
);
pub(super) const U32_BE: Format = format(
    "raw:u32be",
    "integers of 4 bytes, big-endian, page ids; only by --format",
    fixed::open::<Integers<U32Be>>,
);
pub(super) const U64_BE: Format = format(
    "raw:u64be",
    "integers of 8 bytes, big-endian, page ids; only by --format",
    fixed::open::<Integers<U64Be>>,
);
pub(super) const I64_BE: Format = format(
    "raw:i64be",
    "integers of 8 bytes with sign, big-endian, page ids; only by --format",
    fixed::open::<Integers<I64Be>>,
);

const fn format(name: &'static str, about: &'static str, open: OpenReader) -> Format {
    Format {
        name,
        about,
        layout: "\
One integer after the other, no header: the format's name has its width in bits, and le if the
lowest byte comes first, be if it comes last. Each is a read of one page, by its id. With --unit
byte, sector or a number of bytes it is an address in that unit. A size that is no multiple of
the integer's, and a negative integer, are errors. The file says nothing of itself, so that it
is never guessed: say --format raw:u32le (or u64le, u32be, u64be, i64be).
",
        kind: TraceKind::Full,
        numbers: Numbers {
            unit: Some(Unit::Page),
            sizes_in_bytes: false,
            ..Numbers::FIXED
        },
        sniff: |_| Fit::No,
        open,
        written: None,
    }
}

/// An integer in a file; constants, so that each loop is compiled for its own.
trait Integer {
    /// The format's name, for messages.
    const NAME: &'static str;
    /// Its length in bytes.
    const BYTES: usize;
    /// Returns the integer of [`Integer::BYTES`] bytes. Errors if it is negative.
    fn value(bytes: &[u8]) -> Result<u64, Complaint>;
}

macro_rules! integers {
    ($($type:ident $of:ident $from:ident $name:expr;)*) => {
        $(
            struct $type;

            impl Integer for $type {
                const NAME: &'static str = $name;
                const BYTES: usize = size_of::<$of>();

                #[inline(always)]
                fn value(bytes: &[u8]) -> Result<u64, Complaint> {
                    // The reader hands over records of this length.
                    let bytes = bytes.first_chunk().copied().unwrap_or_default();
                    let value = $of::$from(bytes);
                    u64::try_from(value).map_err(|_| format!("{value} is negative").into())
                }
            }
        )*
    };
}

integers! {
    U32Le u32 from_le_bytes "raw:u32le";
    U64Le u64 from_le_bytes "raw:u64le";
    U32Be u32 from_be_bytes "raw:u32be";
    U64Be u64 from_be_bytes "raw:u64be";
    I64Be i64 from_be_bytes "raw:i64be";
}

struct Integers<I>(PhantomData<I>);

impl<I> Default for Integers<I> {
    fn default() -> Integers<I> {
        Integers(PhantomData)
    }
}

impl<I: Integer + Send> RecordParser for Integers<I> {
    const NAME: &'static str = I::NAME;

    #[inline(always)]
    fn bytes(&self) -> usize {
        I::BYTES
    }

    #[inline(always)]
    fn parse(&mut self, record: &[u8], out: &mut Vec<Access>) -> Result<(), Complaint> {
        out.push(Access::single(Kind::Read, I::value(record)?));
        Ok(())
    }

    fn addressing(&self) -> Addressing {
        Addressing::Ids
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accesses, error, guess_of, skipping};
    use super::super::{Fit, Sample, TABLE};
    use crate::trace::model::error::Position;

    /// Numbers with a byte of their own in each place.
    const NUMBERS: [u64; 4] = [0x0102_0304, 7, 0, 0xfffe_fdfc];

    type Encode = fn(u64) -> Vec<u8>;

    const FORMATS: [(&str, Encode); 5] = [
        ("raw:u32le", |n| (n as u32).to_le_bytes().to_vec()),
        ("raw:u64le", |n| n.to_le_bytes().to_vec()),
        ("raw:u32be", |n| (n as u32).to_be_bytes().to_vec()),
        ("raw:u64be", |n| n.to_be_bytes().to_vec()),
        ("raw:i64be", |n| (n as i64).to_be_bytes().to_vec()),
    ];

    #[test]
    fn integers_of_every_width_and_order_are_ids() {
        for (name, encode) in FORMATS {
            let bytes: Vec<u8> = NUMBERS.iter().flat_map(|&n| encode(n)).collect();
            let ids: Vec<u64> = accesses(name, &bytes).iter().map(|a| a.addr).collect();
            assert_eq!(ids, NUMBERS, "{name}");
            // A cut within an integer is an error with its place.
            for end in 1..bytes.len() {
                let width = encode(0).len();
                if end.is_multiple_of(width) {
                    assert_eq!(accesses(name, &bytes[..end]).len(), end / width);
                    continue;
                }
                let error = error(name, &bytes[..end]);
                let whole = end / width * width;
                assert_eq!(error.position, Position::Byte(whole as u64), "{name}");
                assert!(error.what.contains("cut short"), "{error}");
                assert_eq!(skipping(name, &bytes[..end]).0.len(), end / width);
            }
        }
    }

    #[test]
    fn a_negative_integer_is_an_error() {
        let bytes: Vec<u8> = [5i64, -3, 6].iter().flat_map(|n| n.to_be_bytes()).collect();
        let told = error("raw:i64be", &bytes);
        assert_eq!(told.position, Position::Byte(8));
        assert!(told.what.contains("record 1: -3 is negative"), "{told}");
        let (left, skipped) = skipping("raw:i64be", &bytes);
        assert_eq!((left.len(), skipped), (2, 1));
        // Without a sign it is a large number.
        assert_eq!(accesses("raw:u64be", &bytes)[1].addr, u64::MAX - 2);
    }

    #[test]
    fn they_are_never_guessed() {
        let bytes: Vec<u8> = (0..4096u64).flat_map(u64::to_le_bytes).collect();
        assert!(guess_of(&bytes).is_err());
        for format in TABLE
            .iter()
            .filter(|format| format.name.starts_with("raw:"))
        {
            assert_eq!((format.sniff)(&Sample::of(&bytes)), Fit::No);
        }
    }
}
