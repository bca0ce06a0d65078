//! The reference strings of operating-systems courses that come out of lackey with the addresses
//! rounded down to pages.

use super::lines::{Complaint, LineParser, LineReader, bad_address, nothing_more, share};
use super::number::{hex_0x, word};
use super::write::{Lines, TEXT, Written, by_kind};
use super::{Fit, Format, Sample};
use crate::trace::record::{Access, Kind, TraceKind};

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
    sniff,
    open: |input, path, options| Ok(Box::new(LineReader::new(input, path, options, PageRef))),
    written: Some(Written {
        endings: &["ref"],
        alignment: ALIGNMENT,
        writer: || {
            Box::new(Lines(|out, a| {
                writeln!(out, "{} {:x}", by_kind(a, 'I', 'L', 'S'), a.addr)
            }))
        },
        ..TEXT
    }),
};

/// The page that every address of a file of this format is a multiple of, in bytes.
const ALIGNMENT: u64 = 4096;

struct PageRef;

/// Unaligned addresses are read where the user names the format, but nothing that has them is
/// taken for it.
fn sniff(sample: &Sample<'_>) -> Fit {
    struct Aligned(PageRef);

    impl LineParser for Aligned {
        const NAME: &'static str = FORMAT.name;

        fn parse(&mut self, line: &[u8], out: &mut Vec<Access>) -> Result<(), Complaint> {
            self.0.parse(line, out)?;
            match out.last() {
                Some(access) if access.addr % ALIGNMENT != 0 => Err("not page-aligned".into()),
                _ => Ok(()),
            }
        }
    }

    share(sample, Aligned(PageRef))
}

impl LineParser for PageRef {
    const NAME: &'static str = FORMAT.name;

    fn parse(&mut self, line: &[u8], out: &mut Vec<Access>) -> Result<(), Complaint> {
        let (kind, rest) = word(line);
        let (address, rest) = word(rest);
        let kind = match kind {
            b"I" => Kind::Ifetch,
            b"L" => Kind::Read,
            b"S" | b"M" => Kind::Write,
            _ => return Err("the line does not begin with I, L, S or M".into()),
        };
        let addr = hex_0x(address).map_err(bad_address)?;
        nothing_more(rest)?;
        out.push(Access {
            pid: 0,
            kind,
            size: 1,
            addr,
        });
        Ok(())
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
