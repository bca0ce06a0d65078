//! The `.trc` files of the LIRS authors: one block number per line.

use super::complaint::{Complaint, FAR_LONGER, id};
use super::lines::{self, LineParser};
use super::options::{Base, Numbers, Open, ReadOptions, Unit};
use super::quick::{Head, Quick, Word};
use super::settle::{SMALL_IDS, far_longer, is_far_longer};
use super::tokens::trim;
use super::write::{FileHead, Kinds, RecordWriter, Written, text};
use super::{Fit, Format, Sample};
use crate::simd::text::Lanes;
use crate::trace::model::access::{Access, Addressing, Kind, TraceKind};
use std::io::{self, Write};

pub(super) const FORMAT: Format = Format {
    name: "lirs",
    about: "LIRS .trc: one decimal block number on each line",
    layout: "\
one access per line: a block number (decimal). Each number is a page, all are reads. Empty lines
and lines with a lone * are ignored. A list without the ending .trc or .vpn and with numbers of 4096
or more may be byte addresses: then say --unit page or byte. A number far longer than those before
and after it is an error.
    0
    1
    2527
",
    kind: TraceKind::BlockIo,
    numbers: Numbers {
        open: Open::Unit(trim),
        endings: &["trc", "vpn"],
        ..Numbers::DEC_IDS
    },
    sniff,
    open: lines::open::<Lirs>,
    written: Some(Written {
        endings: &["trc", "vpn"],
        kinds: Kinds::None,
        addressings: &[Addressing::Ids],
        tells_kind: |kind, _| kind == TraceKind::BlockIo,
        ..text(|| Box::new(Ids { star: false }))
    }),
};

/// Writes ids. Before the first one that could be a byte address comes a lone star, unless the name of
/// the file settles that it is a list of ids.
struct Ids {
    /// True if no star is needed any more.
    star: bool,
}

impl RecordWriter for Ids {
    fn begin(&mut self, _out: &mut dyn Write, origin: FileHead) -> io::Result<()> {
        self.star = origin.name_settles;
        Ok(())
    }

    fn access(&mut self, out: &mut dyn Write, access: &Access) -> io::Result<()> {
        if access.addr >= SMALL_IDS && !std::mem::replace(&mut self.star, true) {
            out.write_all(b"*\n")?;
        }
        writeln!(out, "{}", access.addr)
    }
}

struct Lirs {
    base: Base,
    /// True if the user says that the numbers are byte addresses, which are a program's.
    of_bytes: bool,
    /// True if a number that is no small id is an error.
    small_ids: bool,
    /// Digits of the longest number so far.
    longest: usize,
    /// A number far longer than all before it, until the next line shows whether numbers grew.
    suspect: Option<(usize, u64)>,
}

/// Fits decimal numbers, and hexadecimal ones about whose base nothing is said.
fn sniff(sample: &Sample<'_>) -> Fit {
    /// A list whose lengths are not compared: that is done with all lines around (see `settle`).
    struct List(Base);

    impl LineParser for List {
        const NAME: &'static str = FORMAT.name;

        fn new(options: &ReadOptions) -> List {
            List(options.base.unwrap_or(Base::Dec))
        }

        fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
            match trim(line) {
                b"*" => Ok(None),
                number => Ok(Some(Access::single(Kind::Read, id(self.0, number)?))),
            }
        }
    }

    let decimal = lines::sniff::<List>(sample);
    if sample.options.base.is_some() || matches!(decimal, Fit::Share { good, of } if good == of) {
        return decimal;
    }
    let hexadecimal = ReadOptions {
        base: Some(Base::Hex),
        ..sample.options.clone()
    };
    let hexadecimal = lines::sniff::<List>(&Sample {
        options: &hexadecimal,
        ..*sample
    });
    match hexadecimal {
        Fit::Share { good, of } if good == of => hexadecimal,
        _ => decimal,
    }
}

impl Lirs {
    /// Notes the length of a number. Errors if the one before it is far longer than those around it.
    fn check_length(&mut self, digits: usize, number: u64) -> Result<(), Complaint> {
        if let Some((longer, before)) = self.suspect.take() {
            if is_far_longer(longer, digits.max(self.longest)) {
                return Err(Complaint {
                    help: FAR_LONGER,
                    fatal: true,
                    ..Complaint::from(format!(
                        "on the line before, at {before}, {}",
                        far_longer(longer, digits.max(self.longest))
                    ))
                });
            }
            self.longest = self.longest.max(longer);
        }
        if digits > self.longest {
            if is_far_longer(digits, self.longest) {
                self.suspect = Some((digits, number));
            } else {
                self.longest = digits;
            }
        }
        Ok(())
    }
}

impl LineParser for Lirs {
    const NAME: &'static str = FORMAT.name;
    const MANY: bool = true;

    fn new(options: &ReadOptions) -> Lirs {
        Lirs {
            base: options.base.unwrap_or(Base::Dec),
            of_bytes: options.unit == Some(Unit::Byte),
            small_ids: options.small_ids,
            longest: 0,
            suspect: None,
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let number = trim(line);
        if number == b"*" {
            return Ok(None);
        }
        let addr = id(self.base, number)?;
        self.check_length(number.len(), addr)?;
        if self.small_ids && addr >= SMALL_IDS {
            return Err(Complaint {
                help: "say --unit page if the numbers are ids, or --unit byte if they are addresses",
                fatal: true,
                ..Complaint::from(format!("{addr} may be an id or a byte address"))
            });
        }
        Ok(Some(Access::single(Kind::Read, addr)))
    }

    /// Reads numbers no longer than those before.
    #[inline(always)]
    fn quick<L: Lanes>(&mut self, head: Head<'_, L>) -> Option<Quick> {
        let block = head.first();
        let end = block.end()?;
        let number = Word {
            from: 0,
            to: end.text,
        };
        let addr = block.number(self.base, number)?;
        let is_long = self.suspect.is_some() || number.len() as usize > self.longest;
        let is_large = self.small_ids && addr >= SMALL_IDS;
        (!is_long && !is_large).then(|| Quick::single(Kind::Read, addr, end.next))?
    }

    fn addressing(&self) -> Addressing {
        Addressing::Ids
    }

    fn kind(&self) -> Option<TraceKind> {
        self.of_bytes.then_some(TraceKind::Full)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accesses, bad_line_cases, read, skipping, tuples};
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
    fn a_large_number_after_small_ones_is_no_id_for_certain() {
        let options = ReadOptions {
            small_ids: true,
            ..ReadOptions::default()
        };
        let input = Box::new(&b"1\n4095\n4096\n"[..]);
        let (got, result) = read(&FORMAT, input, &options);
        let error = result.unwrap_err().to_string();
        assert_eq!(got.len(), 2);
        assert!(
            error.contains("t:3: 4096 may be an id or a byte address"),
            "{error}"
        );
        assert!(error.contains("--unit page"), "{error}");
    }

    #[test]
    fn a_number_far_longer_than_its_neighbours_is_an_error() {
        let error = |text: &[u8]| super::super::testing::error("lirs", text).to_string();
        let text = error(b"16912\n6249030190\n16920\n");
        assert!(
            text.contains("on the line before, at 6249030190, the number has 10 digits"),
            "{text}"
        );
        // Numbers that grow are no error, nor is one that is just longer.
        assert_eq!(accesses("lirs", b"1\n2\n1234567890\n1234567891\n").len(), 4);
        assert_eq!(accesses("lirs", b"16912\n624903019\n1\n").len(), 3);
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
