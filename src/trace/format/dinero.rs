//! Dinero's `.din`: a label for the kind, an address.

use super::Format;
use super::complaint::{Complaint, address, bad_address};
use super::lines::{self, LineParser};
use super::options::{Base, FormatBy, Numbers, Open, ReadOptions};
use super::quick::{Head, Letters, Quick};
use super::report::ReadReport;
use super::tokens::{hex, word};
use super::write::{FileHead, RecordWriter, Written, by_kind, text};
use crate::simd::text::Lanes;
use crate::trace::model::access::{Access, Kind, TraceKind};
use std::io::{self, Write};

pub(super) const FORMAT: Format = Format {
    name: "dinero",
    about: "Dinero III .din: a label from 0 to 4 and an address",
    layout: "\
one access per line: label, byte address (hexadecimal, without 0x), and anything after that,
which is ignored. Label 0 is a read, 1 a write, 2 an instruction fetch; 3 (escape) and 4 (flush) are
dropped and counted. There is no size: each access touches one byte. The format is guessed only from
lines of two words, with labels 3 and 4 only if the name ends in .din. Without that ending, a digit
a to f or zeros up to 8 or 16 digits the addresses may be decimal: then say --base hex or dec.
    2 408ed4
    0 10019d94
    1 10019d88
",
    kind: TraceKind::Full,
    numbers: Numbers {
        open: Open::Base(|line| word(word(line).1).0),
        endings: &["din"],
        ..Numbers::HEX_BYTES
    },
    sniff: lines::sniff::<Dinero>,
    open: lines::open::<Dinero>,
    written: Some(Written {
        endings: &["din"],
        ..text(|| Box::new(Labels { settled: false }))
    }),
};

/// Writes lines. Until an address has a digit a to f, addresses get zeros in front up to 8 or 16 digits,
/// so that they are not taken for decimal ones; not if the name of the file settles it.
struct Labels {
    /// True if no zeros are needed any more.
    settled: bool,
}

impl RecordWriter for Labels {
    fn begin(&mut self, _out: &mut dyn Write, origin: FileHead) -> io::Result<()> {
        self.settled = origin.name_settles;
        Ok(())
    }

    fn access(&mut self, out: &mut dyn Write, access: &Access) -> io::Result<()> {
        let (label, addr) = (by_kind(access, 2, 0, 1), access.addr);
        self.settled = self.settled || has_letter(addr);
        match self.settled {
            true => writeln!(out, "{label} {addr:x}"),
            // At least one zero in front.
            false if addr < 1 << 28 => writeln!(out, "{label} {addr:08x}"),
            false => writeln!(out, "{label} {addr:016x}"),
        }
    }
}

/// Returns true if a digit of a number is a to f in hexadecimal.
fn has_letter(number: u64) -> bool {
    (0..16).any(|digit| number >> (4 * digit) & 0xf > 9)
}

/// The labels of accesses.
static LABELS: Letters = Letters::new(&[
    (b'0', Kind::Read),
    (b'1', Kind::Write),
    (b'2', Kind::Ifetch),
]);

struct Dinero {
    base: Base,
    /// Unless the user named the format, a line has two words. Labels 3 and 4 fit only a file that is
    /// named so: small numbers before an address have other meanings in other formats.
    format_by: FormatBy,
    /// Escape records, counted.
    dropped: Vec<(&'static str, u64)>,
    /// True if a line had more than label and address.
    more: bool,
}

impl LineParser for Dinero {
    const NAME: &'static str = FORMAT.name;
    const MANY: bool = true;

    fn new(options: &ReadOptions) -> Dinero {
        Dinero {
            base: options.base.unwrap_or(Base::Hex),
            format_by: options.format_by,
            dropped: Vec::new(),
            more: false,
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let (label, rest) = word(line);
        let (place, rest) = word(rest);
        let kind = match label {
            b"0" => Some(Kind::Read),
            b"1" => Some(Kind::Write),
            b"2" => Some(Kind::Ifetch),
            b"3" | b"4" if self.format_by == FormatBy::Content => {
                return Err(Complaint {
                    help: "say --format dinero if 3 and 4 are escape and flush records",
                    ..Complaint::from("the label 3 or 4 may be a number of something else")
                });
            }
            b"3" | b"4" => None,
            _ => return Err("the label is not 0, 1, 2, 3 or 4".into()),
        };
        if rest.iter().any(|&b| b.is_ascii_control() && b != b'\t') {
            return Err("control characters after the address".into());
        }
        let addr = match self.base {
            Base::Hex => hex(place).map_err(bad_address)?,
            base => address(base, place)?,
        };
        if !word(rest).0.is_empty() {
            if self.format_by != FormatBy::User {
                return Err(Complaint {
                    help: "say --format dinero to ignore it",
                    ..Complaint::from("something follows the address")
                });
            }
            self.more = true;
        }
        if kind.is_none() {
            ReadReport::drop_one(&mut self.dropped, "escape record");
        }
        Ok(kind.map(|kind| Access::single(kind, addr)))
    }

    /// Reads lines of a label from 0 to 2 and an address.
    #[inline(always)]
    fn quick<L: Lanes>(&mut self, head: Head<'_, L>) -> Option<Quick> {
        let block = head.first();
        let end = block.end()?;
        let mut words = block.words(end.text);
        let kind = block.letter(words.next(), &LABELS)?;
        let place = words.next();
        let addr = match self.base {
            Base::Hex => block.hex(block.hex_digits(), place)?,
            base => block.number(base, place)?,
        };
        words
            .is_empty()
            .then(|| Quick::single(kind, addr, end.next))?
    }

    fn report(&self) -> ReadReport {
        let after = "what follows the address".to_owned();
        ReadReport {
            ignored: self.more.then_some(after).into_iter().collect(),
            dropped: self.dropped.clone(),
            ..ReadReport::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accesses, bad_line_cases, skipping, tuples};
    use super::*;

    #[test]
    fn labels_and_ignored_rests() {
        let text = b"2 408ed4\r\n0 10019d94 4 x y\r\n4 0\n3 0\n 1\tFFFFFFFFFFFFFFFF";
        let expected = [
            (Kind::Ifetch, 0x40_8ed4, 1),
            (Kind::Read, 0x1001_9d94, 1),
            (Kind::Write, u64::MAX, 1),
        ];
        assert_eq!(tuples(&accesses("dinero", text)), expected);
    }

    #[test]
    fn what_is_wrong_is_said() {
        bad_line_cases(
            "dinero",
            "2 408ed4",
            &[
                ("5 408ed4", "label is not"),
                ("r 408ed4", "label is not"),
                ("0", "address is missing"),
                ("0 0x10", "not hexadecimal"),
                ("0 11112222333344445", "address over 64 bits"),
                ("0 10 \0", "binary data"),
            ],
        );
        let (got, skipped) = skipping("dinero", b"0 1\n9 1\n0 q\n2 3\n");
        assert_eq!((got.len(), skipped), (2, 2));
    }
}
