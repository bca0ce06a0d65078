//! Traces of operating-systems courses: an address, and R or W.

use super::Format;
use super::complaint::{Complaint, address, nothing_more};
use super::lines::{self, LineParser};
use super::options::{Base, Numbers, Open, ReadOptions};
use super::tokens::word;
use super::write::{Kinds, LineWriter, Written, text};
use crate::trace::model::access::{Access, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "addr-rw",
    about: "course traces: an address and R or W on each line",
    layout: "\
one access per line: byte address (hexadecimal, with or without 0x), blanks or a tab, R or W of
either case. There is no size: each access touches one byte. Without 0x, a digit a to f or zeros up
to 8 or 16 digits the addresses may be decimal: then say --base hex or dec.
    0041f7a0 R
    0x13f5e2c0 W
",
    kind: TraceKind::Full,
    numbers: Numbers {
        open: Open::Base(|line| word(line).0),
        ..Numbers::HEX_BYTES
    },
    sniff: lines::sniff::<AddrRw>,
    open: lines::open::<AddrRw>,
    written: Some(Written {
        endings: &["rw"],
        kinds: Kinds::Data,
        ..text(|| {
            Box::new(LineWriter(|out, a| {
                writeln!(out, "0x{:x} {}", a.addr, a.kind.letter())
            }))
        })
    }),
};

struct AddrRw {
    base: Base,
}

impl LineParser for AddrRw {
    const NAME: &'static str = FORMAT.name;

    fn new(options: &ReadOptions) -> AddrRw {
        AddrRw {
            base: options.base.unwrap_or(Base::Hex),
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let (place, rest) = word(line);
        let (kind, rest) = word(rest);
        let addr = address(self.base, place)?;
        let kind = match kind {
            b"R" | b"r" => Kind::Read,
            b"W" | b"w" => Kind::Write,
            b"" => return Err("R or W is missing after the address".into()),
            _ => return Err("the word after the address is not R or W".into()),
        };
        nothing_more(rest)?;
        Ok(Some(Access::single(kind, addr)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accesses, bad_line_cases, skipping, tuples};
    use super::*;

    #[test]
    fn both_spellings_of_everything() {
        let text = b"0041f7a0 R\r\n0X13F5E2C0\tw\r\n\r\n  ffffffffffffffff   r";
        let expected = [
            (Kind::Read, 0x41_f7a0, 1),
            (Kind::Write, 0x13f5_e2c0, 1),
            (Kind::Read, u64::MAX, 1),
        ];
        assert_eq!(tuples(&accesses("addr-rw", text)), expected);
    }

    #[test]
    fn what_is_wrong_is_said() {
        bad_line_cases(
            "addr-rw",
            "0041f7a0 R",
            &[
                ("0x41f7g0 R", "the address is not hexadecimal"),
                ("0x R", "the address is missing"),
                ("0041f7a0", "R or W is missing"),
                ("0041f7a0 X", "not R or W"),
                ("0041f7a0 RW", "not R or W"),
                ("0041f7a0 R 4", "more on the line"),
                ("1ffffffffffffffff R", "address over 64 bits"),
                ("\0\0\0 R", "binary data"),
            ],
        );
        let (got, skipped) = skipping("addr-rw", b"1 R\n2\n3 W\n? R\n");
        assert_eq!((got.len(), skipped), (2, 2));
    }
}
