//! The SPEC address traces of cache courses: loads and stores with instruction counts.

use super::Format;
use super::complaint::{Complaint, address, nothing_more};
use super::lines::{self, LineParser};
use super::options::{Base, Numbers, Open, ReadOptions};
use super::tokens::{decimal, word};
use crate::trace::model::access::{Access, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "spec",
    about: "SPEC address traces of courses: l or s, an address, instructions since the last one",
    layout: "\
one access per line: l (load) or s (store), byte address (hexadecimal, with or without 0x), and
the number of instructions since the last access (decimal), which is ignored. There is no size:
each access touches one byte.
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

struct Spec {
    base: Base,
}

impl LineParser for Spec {
    const NAME: &'static str = FORMAT.name;

    fn new(options: &ReadOptions) -> Spec {
        Spec {
            base: options.base.unwrap_or(Base::Hex),
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let (kind, rest) = word(line);
        let (place, rest) = word(rest);
        let (count, rest) = word(rest);
        let kind = match kind {
            b"l" => Kind::Read,
            b"s" => Kind::Write,
            _ => return Err("the line does not begin with l or s".into()),
        };
        let addr = address(self.base, place)?;
        if count.is_empty() {
            return Err("the instruction count is missing".into());
        }
        if decimal(count).is_err() {
            return Err("the instruction count is not a decimal number".into());
        }
        nothing_more(rest)?;
        Ok(Some(Access::single(kind, addr)))
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
                ("l 0x10", "instruction count is missing"),
                ("l 0x10 x", "instruction count is not"),
                ("l 0x10 1 1", "more on the line"),
                ("l 0x11112222333344445 1", "address over 64 bits"),
                ("l\x010x10 1", "binary data"),
            ],
        );
        let (got, skipped) = skipping("spec", b"l 0x10 1\nl 0x10\nq\n");
        assert_eq!((got.len(), skipped), (1, 2));
    }
}
