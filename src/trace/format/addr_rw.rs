//! Traces of operating-systems courses: an address, and whether it is read or written.

use super::complaint::{Complaint, address, nothing_more};
use super::lines::{self, LineParser, sample_lines};
use super::options::{Base, Numbers, Open, ReadOptions};
use super::quick::{Head, Letters, Quick};
use super::report::ReadReport;
use super::tokens::{strip_0x, trim, word};
use super::write::{Kinds, LineWriter, Written, text};
use super::{Fit, Format, Sample};
use crate::simd::text::Lanes;
use crate::trace::model::access::{Access, Kind, TraceKind};
use memchr::memchr3_iter;

pub(super) const FORMAT: Format = Format {
    name: "addr-rw",
    about: "course traces: an address and R or W on each line",
    layout: "\
one access per line: byte address (hexadecimal, with or without 0x), blanks or a tab, and R or W; or
R or W first. Also READ and WRITE, LOAD and STORE, LD and ST, L and S, all of either case. What
follows a #, a ; or // is a comment; comments are counted. There is no size: each access touches one
byte. Without 0x, a digit a to f or zeros up to 8 or 16 digits the addresses may be decimal: then
say --base hex or dec. Lines that begin with LD or ST and 0x, with l or s, or with L or S and the
address of a page, are guessed to be ramulator2, spec or page-ref, which read them in the same way.
    0041f7a0 R
    0x13f5e2c0 W
    0x13f5e2c8 R  # a comment
",
    kind: TraceKind::Full,
    numbers: Numbers {
        open: Open::Base(place),
        ..Numbers::HEX_BYTES
    },
    sniff,
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

/// Page size of page-ref, in bytes.
const PAGE: u64 = 4096;

struct AddrRw {
    base: Base,
    comments: u64,
}

/// The words for kinds that are one letter.
static LETTERS: Letters = Letters::new(&[
    (b'R', Kind::Read),
    (b'r', Kind::Read),
    (b'L', Kind::Read),
    (b'l', Kind::Read),
    (b'W', Kind::Write),
    (b'w', Kind::Write),
    (b'S', Kind::Write),
    (b's', Kind::Write),
]);

/// Returns the kind that a word names, in any case.
fn kind(word: &[u8]) -> Option<Kind> {
    // No other word is as long.
    let mut upper = [0; 5];
    let upper = upper.get_mut(..word.len())?;
    upper.copy_from_slice(word);
    upper.make_ascii_uppercase();
    match &*upper {
        b"R" | b"READ" | b"LD" | b"LOAD" | b"L" => Some(Kind::Read),
        b"W" | b"WRITE" | b"ST" | b"STORE" | b"S" => Some(Kind::Write),
        _ => None,
    }
}

/// Returns the word of a line that is the address.
fn place(line: &[u8]) -> &[u8] {
    let (first, rest) = word(without_comment(line).0);
    match kind(first) {
        Some(_) => word(rest).0,
        None => first,
    }
}

/// Splits a line at its comment. Returns the text before it, and whether there is one.
fn without_comment(line: &[u8]) -> (&[u8], bool) {
    let begins = |&at: &usize| line[at] != b'/' || line.get(at + 1) == Some(&b'/');
    match memchr3_iter(b'#', b';', b'/', line).find(begins) {
        Some(at) => (&line[..at], true),
        None => (line, false),
    }
}

/// Guesses the format unless another one describes every line as well: ramulator2, spec or page-ref.
/// `LD` and `ST` without any `0x` remain open: ramulator2 reads decimal numbers.
fn sniff(sample: &Sample<'_>) -> Fit {
    let base = sample.options.base.unwrap_or(Base::Hex);
    let texts = sample_lines(sample).map(|line| trim(without_comment(line).0));
    let mut of_others = true;
    for line in texts.filter(|line| !line.is_empty()) {
        let (first, rest) = word(line);
        let place = trim(rest);
        let of_other = match first {
            b"LD" | b"ST" => strip_0x(place).is_some(),
            b"l" | b"s" => true,
            b"I" | b"L" | b"S" | b"M" => base
                .number(place)
                .is_ok_and(|addr| addr.is_multiple_of(PAGE)),
            _ => false,
        };
        of_others &= of_other;
    }
    if of_others {
        Fit::No
    } else {
        lines::sniff::<AddrRw>(sample)
    }
}

impl LineParser for AddrRw {
    const NAME: &'static str = FORMAT.name;
    const COMMENTS: bool = false;
    const MANY: bool = true;

    fn new(options: &ReadOptions) -> AddrRw {
        AddrRw {
            base: options.base.unwrap_or(Base::Hex),
            comments: 0,
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let (line, comment) = without_comment(line);
        self.comments += u64::from(comment);
        let (first, rest) = word(line);
        let (second, rest) = word(rest);
        if comment && first.is_empty() {
            return Ok(None);
        }
        let access = match (kind(first), kind(second)) {
            (Some(kind), _) => Access::single(kind, address(self.base, second)?),
            (None, Some(kind)) => Access::single(kind, address(self.base, first)?),
            (None, None) => {
                address(self.base, first)?;
                return Err(Complaint::from(match second {
                    b"" => "R or W is missing after the address",
                    _ => "the word after the address is not R or W",
                }));
            }
        };
        nothing_more(rest)?;
        Ok(Some(access))
    }

    /// Reads lines without a comment whose kind is one letter.
    #[inline(always)]
    fn quick<L: Lanes>(&mut self, head: Head<'_, L>) -> Option<Quick> {
        let block = head.first();
        let end = block.end()?;
        let mut words = block.words(end.text);
        let (first, second) = (words.next(), words.next());
        let (kind, place) = match block.letter(first, &LETTERS) {
            Some(kind) => (kind, second),
            None => (block.letter(second, &LETTERS)?, first),
        };
        let addr = block.number(self.base, place)?;
        words
            .is_empty()
            .then(|| Quick::single(kind, addr, end.next))?
    }

    fn report(&self) -> ReadReport {
        ReadReport {
            dropped: vec![("comment", self.comments)],
            ..ReadReport::default()
        }
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
                ("0x41f7g0 / R", "the address is not hexadecimal"),
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
