//! The output of Intel Pin's example tool pinatrace, and of the many tools derived from it: data reads
//! and writes with the address of their instruction.

use super::Format;
use super::complaint::{BYTES_MAX, Complaint, address, checked_size, nothing_more};
use super::lines::{self, LineParser};
use super::options::{Base, FormatBy, Numbers, Open, ReadOptions};
use super::quick::{Head, Letters, Quick, Word};
use super::tokens::{decimal, hex_0x, strip_0x, word};
use crate::simd::text::Lanes;
use crate::trace::model::access::{Access, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "pinatrace",
    about: "Intel Pin's pinatrace: an instruction, R or W, an address",
    layout: "\
one access per line: address of the instruction (hexadecimal, 0x or not), a colon or none, R or W,
byte address (hexadecimal, 0x or not), and size in bytes (decimal, 1 to 1048576), 1 if absent.
Only data accesses are read. The instruction is not counted as a fetch, because instructions
without data accesses are not in the file. Lines that begin with #, such as #eof, are skipped.
    0x7f3bf1a4f2b3: W 0x7ffd9c0b1e98
    0x7f3bf1a4fea8: R 0x7f3bf1c75e68 8
    #eof
",
    kind: TraceKind::Full,
    numbers: Numbers {
        sizes_in_bytes: true,
        open: Open::Base(place),
        ..Numbers::HEX_BYTES
    },
    sniff: lines::sniff::<Pinatrace>,
    open: lines::open::<Pinatrace>,
    written: None,
};

static LETTERS: Letters = Letters::new(&[(b'R', Kind::Read), (b'W', Kind::Write)]);

struct Pinatrace {
    base: Base,
    /// True if the first word must look like a program counter.
    strict: bool,
}

/// Fewest digits of a program counter without `0x`: a shorter number is rather a process or a thread.
const COUNTER_DIGITS: usize = 5;

/// The word of a line that is the address.
fn place(line: &[u8]) -> &[u8] {
    let (mut kind, mut rest) = word(word(line).1);
    if kind == b":" {
        (kind, rest) = word(rest);
    }
    match kind {
        b"R" | b"W" => word(rest).0,
        _ => b"",
    }
}

impl LineParser for Pinatrace {
    const NAME: &'static str = FORMAT.name;
    const MANY: bool = true;

    fn new(options: &ReadOptions) -> Pinatrace {
        Pinatrace {
            base: options.base.unwrap_or(Base::Hex),
            strict: options.format_by == FormatBy::Content,
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let (instruction, rest) = word(line);
        let (mut kind, mut rest) = word(rest);
        if kind == b":" {
            (kind, rest) = word(rest);
        }
        let (place, rest) = word(rest);
        let (size, rest) = word(rest);
        let instruction = instruction.strip_suffix(b":").unwrap_or(instruction);
        if hex_0x(instruction).is_err() {
            return Err("the line does not begin with the address of an instruction".into());
        }
        if self.strict && strip_0x(instruction).is_none() && instruction.len() < COUNTER_DIGITS {
            return Err("the first word is too short for a program counter".into());
        }
        let kind = match kind {
            b"R" => Kind::Read,
            b"W" => Kind::Write,
            _ => return Err("no R or W after the instruction".into()),
        };
        let addr = address(self.base, place)?;
        let size = match size {
            b"" => Ok(1),
            size => decimal(size),
        };
        nothing_more(rest)?;
        Ok(Some(Access {
            size: checked_size(size, addr, BYTES_MAX)?,
            ..Access::single(kind, addr)
        }))
    }

    /// Reads lines whose instruction has up to sixteen digits and perhaps a colon after it.
    #[inline(always)]
    fn quick<L: Lanes>(&mut self, head: Head<'_, L>) -> Option<Quick> {
        let block = head.first();
        let end = block.end()?;
        let mut words = block.words(end.text);
        let instruction = words.next();
        let kind = block.letter(words.next(), &LETTERS)?;
        let (place, size) = (words.next(), words.next());
        let colon = block.byte(instruction.to.wrapping_sub(1)) == b':';
        let instruction = Word {
            to: instruction.to - u32::from(colon),
            ..instruction
        };
        let is_prefixed = block.has(instruction.from, b"0x");
        let digits = instruction.after(if is_prefixed { 2 } else { 0 });
        let is_short = self.strict && !is_prefixed && digits.len() < COUNTER_DIGITS as u32;
        if !digits.is_number(block.hex_digits(), 16) || is_short {
            return None;
        }
        let addr = block.number(self.base, place)?;
        let size = match size.is_empty() {
            true => 1,
            false => block.decimal(block.digits(), size)?,
        };
        let fits = (1..=BYTES_MAX).contains(&size) && addr.checked_add(size - 1).is_some();
        if !(fits && words.is_empty()) {
            return None;
        }
        let access = Access {
            size: size as u32,
            ..Access::single(kind, addr)
        };
        Quick::access(access, end.next)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accesses, bad_line_cases, guess_of, skipping, tuples};
    use super::*;

    #[test]
    fn variants_of_the_line() {
        let text = b"0x401: R 0x7ffd10\n401 W 7ffd20\r\n0x401 : R 0xffffffffffffffff\n0x4: W 0x8 16\n#eof\n";
        let expected = [
            (Kind::Read, 0x7f_fd10, 1),
            (Kind::Write, 0x7f_fd20, 1),
            (Kind::Read, u64::MAX, 1),
            (Kind::Write, 8, 16),
        ];
        assert_eq!(tuples(&accesses("pinatrace", text)), expected);
        // Without 0x, a short number may be a process.
        assert!(guess_of(b"401 W 7ffd20\n1 R 49152\n").is_err());
        let longer = b"401000 W 7ffd20\n0x4: R 8\n";
        assert_eq!(guess_of(longer).unwrap(), "pinatrace");
    }

    #[test]
    fn what_is_wrong_is_said() {
        bad_line_cases(
            "pinatrace",
            "0x401: R 0x7ffd10",
            &[
                ("x401: R 0x10", "address of an instruction"),
                ("0x401: P 0x10", "no R or W"),
                ("0x401: R", "the address is missing"),
                ("0x401: R (nil)", "not hexadecimal"),
                ("0x401: R 0x10 0", "size is 0"),
                ("0x401: R 0x10 4 1", "more on the line"),
                ("0x401: R 0x10\x01", "binary data"),
            ],
        );
        let (got, skipped) = skipping("pinatrace", b"0x1: R 0x10\n0x1: R\nhello\n");
        assert_eq!((got.len(), skipped), (1, 2));
    }
}
