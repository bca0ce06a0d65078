//! Reference strings of operating-systems courses: the output of lackey with addresses rounded down to
//! pages.

use super::Format;
use super::complaint::{Complaint, address, nothing_more};
use super::lines::{self, LineParser};
use super::options::{Base, FormatBy, Numbers, ReadOptions};
use super::quick::{Head, Letters, Quick};
use super::tokens::word;
use super::write::{LineWriter, Written, by_kind, text};
use crate::simd::text::Lanes;
use crate::trace::model::access::{Access, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "page-ref",
    about: "teaching reference strings: I, L, S or M and the address of a page",
    layout: "\
one access per line: I (instruction fetch), L (load), S (store) or M (read and write, counted as
one write), and the byte address of a page (hexadecimal, a multiple of 4096). There is no size:
each access touches one byte.
    I 4000000
    S fff000000
    L 4226000
",
    kind: TraceKind::Full,
    numbers: Numbers::HEX_BYTES,
    sniff: lines::sniff::<PageRef>,
    open: lines::open::<PageRef>,
    written: Some(Written {
        endings: &["ref"],
        alignment: ALIGNMENT,
        ..text(|| {
            Box::new(LineWriter(|out, a| {
                writeln!(out, "{} {:x}", by_kind(a, 'I', 'L', 'S'), a.addr)
            }))
        })
    }),
};

/// Size of a page in bytes; every address in such a file is a multiple of it.
const ALIGNMENT: u64 = 4096;

static LETTERS: Letters = Letters::new(&[
    (b'I', Kind::Ifetch),
    (b'L', Kind::Read),
    (b'S', Kind::Write),
    (b'M', Kind::Write),
]);

struct PageRef {
    base: Base,
    /// True if an address must be that of a page. Others are read if the user names the format.
    strict: bool,
}

impl LineParser for PageRef {
    const NAME: &'static str = FORMAT.name;
    const MANY: bool = true;

    fn new(options: &ReadOptions) -> PageRef {
        PageRef {
            base: options.base.unwrap_or(Base::Hex),
            strict: options.format_by == FormatBy::Content,
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let (kind, rest) = word(line);
        let (place, rest) = word(rest);
        let kind = match kind {
            b"I" => Kind::Ifetch,
            b"L" => Kind::Read,
            b"S" | b"M" => Kind::Write,
            _ => return Err("the line does not begin with I, L, S or M".into()),
        };
        let addr = address(self.base, place)?;
        nothing_more(rest)?;
        if self.strict && addr % ALIGNMENT != 0 {
            return Err("the address is not a multiple of 4096".into());
        }
        Ok(Some(Access::single(kind, addr)))
    }

    #[inline(always)]
    fn quick<L: Lanes>(&mut self, head: Head<'_, L>) -> Option<Quick> {
        let block = head.first();
        let end = block.end()?;
        let mut words = block.words(end.text);
        let kind = block.letter(words.next(), &LETTERS)?;
        let addr = block.number(self.base, words.next())?;
        let fits = !self.strict || addr % ALIGNMENT == 0;
        (fits && words.is_empty()).then(|| Quick::single(kind, addr, end.next))?
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accesses, bad_line_cases, guess_of, skipping, tuples};
    use super::*;

    #[test]
    fn crlf_as_in_the_course_files() {
        let text = b"I 4000000\r\nS fff000000\r\nM 4001000\r\nL 0x4226000";
        let expected = [
            (Kind::Ifetch, 0x400_0000, 1),
            (Kind::Write, 0xf_ff00_0000, 1),
            (Kind::Write, 0x400_1000, 1),
            (Kind::Read, 0x422_6000, 1),
        ];
        assert_eq!(tuples(&accesses("page-ref", text)), expected);
    }

    #[test]
    fn only_page_addresses_are_guessed() {
        assert_eq!(guess_of(b"I 4000000\nL 5000\n").unwrap(), "page-ref");
        assert!(guess_of(b"I 4000010\nL 5004\n").is_err());
        assert_eq!(accesses("page-ref", b"I 4000010\n")[0].addr, 0x400_0010);
    }

    #[test]
    fn what_is_wrong_is_said() {
        bad_line_cases(
            "page-ref",
            "I 4000000",
            &[
                ("R 4000000", "I, L, S or M"),
                ("I", "address is missing"),
                ("I 4000000,3", "not hexadecimal"),
                ("I 4000000 3", "more on the line"),
                ("I 11112222333344000", "address over 64 bits"),
                ("I \x7f", "binary data"),
            ],
        );
        let (got, skipped) = skipping("page-ref", b"I 1000\nI\nS 2000\n");
        assert_eq!((got.len(), skipped), (2, 1));
    }
}
