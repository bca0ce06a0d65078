//! Dinero's `.din`: a label for the kind, an address.

use super::lines::{Complaint, LineParser, LineReader, bad_address, sample_lines, share};
use super::number::{hex, word};
use super::write::{Lines, TEXT, Written, by_kind};
use super::{Fit, Format};
use crate::trace::record::{Access, Kind, TraceKind};

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
    // What follows the address is ignored, but a long row of numbers is something else.
    sniff: |sample| match sample_lines(sample).any(|line| words(line) > WORDS_MAX) {
        true => Fit::No,
        false => share(sample, Dinero),
    },
    open: |input, path, options| Ok(Box::new(LineReader::new(input, path, options, Dinero))),
    written: Some(Written {
        endings: &["din"],
        writer: || {
            Box::new(Lines(|out, a| {
                writeln!(out, "{} {:x}", by_kind(a, 2, 0, 1), a.addr)
            }))
        },
        ..TEXT
    }),
};

/// The most words of a line that is taken for this format unasked.
const WORDS_MAX: usize = 4;

fn words(line: &[u8]) -> usize {
    line.split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .count()
}

struct Dinero;

impl LineParser for Dinero {
    const NAME: &'static str = FORMAT.name;

    fn parse(&mut self, line: &[u8], out: &mut Vec<Access>) -> Result<(), Complaint> {
        let (label, rest) = word(line);
        let (address, rest) = word(rest);
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
        let addr = hex(address).map_err(bad_address)?;
        if let Some(kind) = kind {
            out.push(Access {
                pid: 0,
                kind,
                size: 1,
                addr,
            });
        }
        Ok(())
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
