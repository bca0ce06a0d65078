//! The `.lis` files of the ARC authors: requests for runs of disk blocks.

use super::Format;
use super::complaint::{Complaint, RUN_MAX, checked_size, id, nothing_more};
use super::lines::{self, LineParser};
use super::options::{Base, FormatBy, Numbers, ReadOptions};
use super::quick::{Head, Quick};
use super::tokens::{decimal, word};
use crate::simd::text::Lanes;
use crate::trace::model::access::{Access, Addressing, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "arc",
    about: "ARC .lis: first block, number of blocks, two more numbers",
    layout: "\
one request per line, four decimal numbers: first block, number of blocks (1 to 16777216), a
number that is ignored, number of the request. A request is that many accesses to consecutive
blocks; each block is a page, all are reads. The format is guessed if the third number is always 0
and the fourth counts the requests; other files of four numbers need --format arc.
    1479552 64 0 0
    41 8 0 1
",
    kind: TraceKind::BlockIo,
    numbers: Numbers {
        endings: &["lis"],
        ..Numbers::DEC_IDS
    },
    sniff: lines::sniff::<Arc>,
    open: lines::open::<Arc>,
    written: None,
};

struct Arc {
    base: Base,
    /// True if the two last columns must be as in the published files: a 0, and numbers that count the
    /// requests. Other files of four numbers are something else.
    strict: bool,
    /// The number of the last request.
    last: Option<u64>,
}

impl Arc {
    /// Returns true if the two last columns are as in the published files.
    fn counts_requests(&mut self, ignored: u64, number: u64) -> bool {
        let last = self.last.replace(number);
        ignored == 0 && last.is_none_or(|last| last.checked_add(1) == Some(number))
    }
}

impl LineParser for Arc {
    const NAME: &'static str = FORMAT.name;
    const MANY: bool = true;

    fn new(options: &ReadOptions) -> Arc {
        Arc {
            base: options.base.unwrap_or(Base::Dec),
            strict: options.format_by == FormatBy::Content,
            last: None,
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
        let (Ok(ignored), Ok(number)) = (decimal(ignored), decimal(number)) else {
            return Err("the last two words are not decimal numbers".into());
        };
        nothing_more(rest)?;
        if self.strict && !self.counts_requests(ignored, number) {
            return Err("the last two numbers are not 0 and that of the request".into());
        }
        Ok(Some(Access {
            size,
            ..Access::single(Kind::Read, addr)
        }))
    }

    #[inline(always)]
    fn quick<L: Lanes>(&mut self, head: Head<'_, L>) -> Option<Quick> {
        let block = head.first();
        let end = block.end()?;
        let digits = block.digits();
        let mut words = block.words(end.text);
        let addr = block.number(self.base, words.next())?;
        let size = block.decimal(digits, words.next())?;
        let ignored = block.decimal(digits, words.next())?;
        let number = block.decimal(digits, words.next())?;
        let fits = (1..=RUN_MAX).contains(&size) && addr.checked_add(size - 1).is_some();
        if !(fits && words.is_empty()) {
            return None;
        }
        if self.strict {
            let counts = self
                .last
                .is_none_or(|last| last.checked_add(1) == Some(number));
            if ignored != 0 || !counts {
                return None;
            }
            self.last = Some(number);
        }
        let access = Access {
            size: size as u32,
            ..Access::single(Kind::Read, addr)
        };
        Quick::access(access, end.next)
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
    fn four_numbers_that_do_not_count_requests_are_something_else() {
        assert_eq!(guess_of(b"0 1 0 1\n1 3 0 2\n").unwrap(), "arc");
        assert!(guess_of(b"0 1 0 1\n1 3 0 9\n").is_err());
        assert!(guess_of(b"0 1 7 1\n1 3 7 2\n").is_err());
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
