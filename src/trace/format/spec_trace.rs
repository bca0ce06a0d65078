//! The SPEC address traces of cache courses: loads and stores with instruction counts.

use super::Format;
use super::complaint::{Complaint, address};
use super::lines::{self, LineParser};
use super::options::{Base, Numbers, Open, ReadOptions};
use super::quick::{Head, Letters, Quick, SURE_DIGITS};
use super::report::ReadReport;
use super::tokens::{word, words};
use crate::simd::text::Lanes;
use crate::trace::model::access::{Access, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "spec",
    about: "SPEC address traces of courses: l or s, an address, more numbers or none",
    layout: "\
one access per line: l (load) or s (store), byte address (hexadecimal, with or without 0x), and
numbers that are ignored (decimal, or with 0x): usually the number of instructions since the last
access, or none. All lines have as many. There is no size: each access touches one byte.
    s 0x1fffff50 1
    l 0x1fffff58 6
",
    kind: TraceKind::Full,
    numbers: Numbers {
        open: Open::Base(|line| word(word(line).1).0),
        ..Numbers::HEX_BYTES
    },
    sniff: lines::sniff::<Spec>,
    open: lines::open::<Spec>,
    written: None,
};

static LETTERS: Letters = Letters::new(&[(b'l', Kind::Read), (b's', Kind::Write)]);

struct Spec {
    base: Base,
    /// Number of columns of the first line.
    columns: Option<usize>,
}

impl LineParser for Spec {
    const NAME: &'static str = FORMAT.name;
    const MANY: bool = true;

    fn new(options: &ReadOptions) -> Spec {
        Spec {
            base: options.base.unwrap_or(Base::Hex),
            columns: None,
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let (kind, rest) = word(line);
        let (place, rest) = word(rest);
        let kind = match kind {
            b"l" => Kind::Read,
            b"s" => Kind::Write,
            _ => return Err("the line does not begin with l or s".into()),
        };
        let addr = address(self.base, place)?;
        let mut columns = 2;
        for number in words(rest) {
            if Base::Dec.number(number).is_err() {
                return Err(
                    "a number after the address is neither decimal nor begins with 0x".into(),
                );
            }
            columns += 1;
        }
        let first = *self.columns.get_or_insert(columns);
        if columns != first {
            return Err(format!("{columns} columns, but {first} on the first line").into());
        }
        Ok(Some(Access::single(kind, addr)))
    }

    /// Reads lines with decimal numbers after the address, once the number of columns is known.
    #[inline(always)]
    fn quick<L: Lanes>(&mut self, head: Head<'_, L>) -> Option<Quick> {
        let columns = self.columns?;
        let block = head.first();
        let end = block.end()?;
        let mut words = block.words(end.text);
        let kind = block.letter(words.next(), &LETTERS)?;
        let addr = block.number(self.base, words.next())?;
        let digits = block.digits();
        for _ in 2..columns {
            if !words.next().is_number(digits, SURE_DIGITS) {
                return None;
            }
        }
        words
            .is_empty()
            .then(|| Quick::single(kind, addr, end.next))?
    }

    fn report(&self) -> ReadReport {
        let ignored = 3..=self.columns.unwrap_or(2);
        ReadReport {
            ignored: ignored.map(|column| format!("column {column}")).collect(),
            ..ReadReport::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accesses, bad_line_cases, skipping, tuples};
    use super::*;

    #[test]
    fn loads_and_stores() {
        let text = b"s 0x1fffff50 1\r\nl 0x1fffff58 60\r\nl ffffffffffffffff 0";
        let expected = [
            (Kind::Write, 0x1fff_ff50, 1),
            (Kind::Read, 0x1fff_ff58, 1),
            (Kind::Read, u64::MAX, 1),
        ];
        assert_eq!(tuples(&accesses("spec", text)), expected);
    }

    #[test]
    fn what_is_wrong_is_said() {
        bad_line_cases(
            "spec",
            "s 0x1fffff50 1",
            &[
                ("m 0x10 1", "l or s"),
                ("l", "the address is missing"),
                ("l 0x1x 1", "not hexadecimal"),
                ("l 0x10", "2 columns, but 3 on the first line"),
                ("l 0x10 x", "a number after the address is"),
                ("l 0x10 1 1", "4 columns, but 3 on the first line"),
                ("l 0x11112222333344445 1", "address over 64 bits"),
                ("l\x010x10 1", "binary data"),
            ],
        );
        let (got, skipped) = skipping("spec", b"l 0x10 1\nl 0x10\nq\n");
        assert_eq!((got.len(), skipped), (1, 2));
    }
}
