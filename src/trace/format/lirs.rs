//! The `.trc` files of the LIRS authors: one block number per line.

use super::Format;
use super::complaint::{Complaint, id};
use super::lines::{self, LineParser};
use super::options::{Base, Numbers, ReadOptions};
use super::tokens::trim;
use super::write::{Kinds, LineWriter, Written, text};
use crate::trace::model::access::{Access, Addressing, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "lirs",
    about: "LIRS .trc: one decimal block number on each line",
    layout: "\
one access per line: a block number (decimal). Each number is a page, all are reads. Empty lines
and lines with a lone * are ignored.
    0
    1
    2527
",
    kind: TraceKind::BlockIo,
    numbers: Numbers::DEC_IDS,
    sniff: lines::sniff::<Lirs>,
    open: lines::open::<Lirs>,
    written: Some(Written {
        endings: &["trc", "vpn"],
        kinds: Kinds::None,
        addressings: &[Addressing::Ids],
        tells_kind: |kind, _| kind == TraceKind::BlockIo,
        ..text(|| Box::new(LineWriter(|out, a| writeln!(out, "{}", a.addr))))
    }),
};

struct Lirs {
    base: Base,
}

impl LineParser for Lirs {
    const NAME: &'static str = FORMAT.name;

    fn new(options: &ReadOptions) -> Lirs {
        Lirs {
            base: options.base.unwrap_or(Base::Dec),
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let number = trim(line);
        if number == b"*" {
            return Ok(None);
        }
        let addr = id(self.base, number)?;
        Ok(Some(Access::single(Kind::Read, addr)))
    }

    fn addressing(&self) -> Addressing {
        Addressing::Ids
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accesses, bad_line_cases, skipping, tuples};
    use super::*;

    #[test]
    fn numbers_stars_and_blank_lines() {
        let expected = [
            (Kind::Read, 0, 1),
            (Kind::Read, 2527, 1),
            (Kind::Read, u64::MAX, 1),
        ];
        let text = b"0\r\n*\r\n\r\n2527 \n*\n18446744073709551615";
        assert_eq!(tuples(&accesses("lirs", text)), expected);
    }

    #[test]
    fn what_is_wrong_is_said() {
        bad_line_cases(
            "lirs",
            "7",
            &[
                ("x", "the id is not a decimal number"),
                ("-1", "the id is not a decimal number"),
                ("1 2", "the id is not a decimal number"),
                ("18446744073709551616", "id over 64 bits"),
                ("1\0", "binary data"),
            ],
        );
        let (got, skipped) = skipping("lirs", b"1\n**\n2\n?");
        assert_eq!((got.len(), skipped), (2, 2));
    }
}
