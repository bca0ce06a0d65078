//! Dinero's `.din`: a label for the kind, an address.

use super::complaint::{Complaint, address, bad_address};
use super::lines::{self, LineParser, sample_lines};
use super::options::{Base, Numbers, ReadOptions};
use super::tokens::{hex, word};
use super::write::{LineWriter, Written, by_kind, text};
use super::{Fit, Format};
use crate::trace::model::access::{Access, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "dinero",
    about: "Dinero III .din: a label from 0 to 4 and an address",
    layout: "\
one access per line: label, byte address (hexadecimal, without 0x), and anything after that,
which is ignored. Label 0 is a read, 1 a write, 2 an instruction fetch; 3 (escape) and 4 (flush)
are skipped. There is no size: each access touches one byte. A file of four decimal numbers on
each line may also be arc; then --format decides.
    2 408ed4
    0 10019d94
    1 10019d88
",
    kind: TraceKind::Full,
    numbers: Numbers::HEX_BYTES,
    // What follows the address is ignored, but a long row of numbers is something else.
    sniff: |sample| {
        if sample_lines(sample).any(|line| words(line) > WORDS_MAX) {
            Fit::No
        } else {
            lines::sniff::<Dinero>(sample)
        }
    },
    open: lines::open::<Dinero>,
    written: Some(Written {
        endings: &["din"],
        ..text(|| {
            Box::new(LineWriter(|out, a| {
                writeln!(out, "{} {:x}", by_kind(a, 2, 0, 1), a.addr)
            }))
        })
    }),
};

/// Largest number of words on a line for the format to be guessed.
const WORDS_MAX: usize = 4;

/// Counts the words of a line. Unlike [`super::tokens::words`] it separates them at every ASCII
/// blank: a line that is too long to be of this format is so whatever is between its words.
fn words(line: &[u8]) -> usize {
    line.split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .count()
}

struct Dinero {
    base: Base,
}

impl LineParser for Dinero {
    const NAME: &'static str = FORMAT.name;

    fn new(options: &ReadOptions) -> Dinero {
        Dinero {
            base: options.base.unwrap_or(Base::Hex),
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let (label, rest) = word(line);
        let (place, rest) = word(rest);
        let kind = match label {
            b"0" => Some(Kind::Read),
            b"1" => Some(Kind::Write),
            b"2" => Some(Kind::Ifetch),
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
        Ok(kind.map(|kind| Access::single(kind, addr)))
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
