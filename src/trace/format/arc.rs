//! The `.lis` files of the ARC authors: requests for runs of disk blocks.

use super::Format;
use super::complaint::{Complaint, RUN_MAX, checked_size, id, nothing_more};
use super::lines::{self, LineParser};
use super::options::{Base, Numbers, ReadOptions};
use super::tokens::{decimal, word};
use crate::trace::model::access::{Access, Addressing, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "arc",
    about: "ARC .lis: first block, number of blocks, two more numbers",
    layout: "\
one request per line, four decimal numbers: first block, number of blocks (1 to 16777216), a
number that is ignored, number of the request. A request is that many accesses to consecutive
blocks; each block is a page, all are reads. If every first block is below 5, the file may also be
dinero; then --format decides.
    1479552 64 0 0
    41 8 0 1
",
    kind: TraceKind::BlockIo,
    numbers: Numbers::DEC_IDS,
    sniff: lines::sniff::<Arc>,
    open: lines::open::<Arc>,
    written: None,
};

struct Arc {
    base: Base,
}

impl LineParser for Arc {
    const NAME: &'static str = FORMAT.name;

    fn new(options: &ReadOptions) -> Arc {
        Arc {
            base: options.base.unwrap_or(Base::Dec),
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let (first, rest) = word(line);
        let (count, rest) = word(rest);
        let (ignored, rest) = word(rest);
        let (number, rest) = word(rest);
        if number.is_empty() {
            return Err("fewer than four numbers".into());
        }
        let addr = id(self.base, first)?;
        let size = checked_size(decimal(count), addr, RUN_MAX)?;
        if decimal(ignored).is_err() || decimal(number).is_err() {
            return Err("the last two words are not decimal numbers".into());
        }
        nothing_more(rest)?;
        Ok(Some(Access {
            size,
            ..Access::single(Kind::Read, addr)
        }))
    }

    fn addressing(&self) -> Addressing {
        Addressing::Ids
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accesses, bad_line_cases, guess_of, skipping, tuples};
    use super::*;

    #[test]
    fn runs_of_blocks() {
        let expected = [
            (Kind::Read, 1_479_552, 64),
            (Kind::Read, 41, 1 << 24),
            (Kind::Read, u64::MAX, 1),
        ];
        let text = b"1479552 64 0 0\r\n41\t16777216 0 1\n18446744073709551615 1 0 2";
        assert_eq!(tuples(&accesses("arc", text)), expected);
    }

    #[test]
    fn small_blocks_could_be_dinero_and_both_are_named() {
        let text = guess_of(b"0 1 0 1\n1 3 0 2\n").unwrap_err().to_string();
        assert!(text.contains("arc") && text.contains("dinero"), "{text}");
        assert!(
            text.contains("choose one of them, for example with --format dinero"),
            "{text}"
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        bad_line_cases(
            "arc",
            "41 8 0 1",
            &[
                ("41 8 0", "fewer than four"),
                ("41 8 0 1 1", "more on the line"),
                ("x 8 0 1", "id is not a decimal"),
                ("41 0 0 1", "size is 0"),
                ("41 16777217 0 1", "over 16777216"),
                ("18446744073709551615 2 0 1", "past the end"),
                ("18446744073709551616 2 0 1", "id over 64 bits"),
                ("41 8 a 1", "last two"),
                ("41 8 0 \x02", "binary data"),
            ],
        );
        let (got, skipped) = skipping("arc", b"1 1 0 0\n1 0 0 0\n1 2\n");
        assert_eq!((got.len(), skipped), (1, 2));
    }
}
