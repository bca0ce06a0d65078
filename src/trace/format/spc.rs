//! The block traces of the Storage Performance Council's format, as those of UMass (Financial,
//! WebSearch): "SPC Trace File Format Specification", revision 1.0.1.

use super::Format;
use super::complaint::{Complaint, RUN_MAX, checked_size};
use super::lines::{self, LineParser};
use super::options::{Base, FormatBy, Numbers, ReadOptions, Unit};
use super::quick::{Head, Letters, Quick};
use super::tokens::{decimal, decimal_u32, trim};
use crate::simd::text::Lanes;
use crate::trace::model::access::{Access, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "spc",
    about: "SPC block traces (UMass Financial, WebSearch): unit, block, bytes, R or W, time",
    layout: "\
one request per line, five fields or more between commas: number of the storage unit, block of 512
bytes, size in bytes (decimal, 0 to 16777216), R or W of either case, time in seconds. The time and
what follows it are ignored. A request touches the bytes of the unit from its block on, of size 0
one byte. Each unit is a process with its number.
    0,20941264,8192,W,0.551706
    0,21741712,24576,R,0.000774
",
    kind: TraceKind::BlockIo,
    numbers: Numbers {
        unit: Some(Unit::Sector),
        sizes_in_bytes: true,
        ..Numbers::DEC_BYTES
    },
    sniff: lines::sniff::<Spc>,
    open: lines::open::<Spc>,
    written: None,
};

/// Size of a block in bytes.
const BLOCK: u64 = 512;

static LETTERS: Letters = Letters::new(&[
    (b'R', Kind::Read),
    (b'r', Kind::Read),
    (b'W', Kind::Write),
    (b'w', Kind::Write),
]);

struct Spc {
    base: Base,
    /// True if a line must have five fields, as in all published files.
    strict: bool,
}

impl LineParser for Spc {
    const NAME: &'static str = FORMAT.name;
    const MANY: bool = true;

    fn new(options: &ReadOptions) -> Spc {
        Spc {
            base: options.base.unwrap_or(Base::Dec),
            strict: options.format_by == FormatBy::Content,
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let mut fields = line.split(|&b| b == b',').map(trim);
        let mut next = || fields.next().ok_or("fewer than five fields between commas");
        let (unit, block, size, kind, time) = (next()?, next()?, next()?, next()?, next()?);
        if self.strict && fields.next().is_some() {
            return Err("more than five fields between commas".into());
        }
        let kind = match kind {
            b"R" | b"r" => Kind::Read,
            b"W" | b"w" => Kind::Write,
            _ => return Err("the fourth field is not R or W".into()),
        };
        let pid = decimal_u32(unit).ok_or("the unit is not a decimal number of up to 32 bits")?;
        let block = self
            .base
            .number(block)
            .ok()
            .and_then(|block| block.checked_mul(BLOCK));
        let addr = block.ok_or("the block is not a decimal number of up to 55 bits")?;
        if time.is_empty()
            || !time
                .iter()
                .all(|b| b.is_ascii_digit() || b".eE+-".contains(b))
        {
            return Err("the time is not a number of seconds".into());
        }
        Ok(Some(Access {
            pid,
            kind,
            size: checked_size(decimal(size).map(|n| n.max(1)), addr, RUN_MAX)?,
            addr,
        }))
    }

    /// Reads lines of five fields without blanks, the time without an exponent.
    #[inline(always)]
    fn quick<L: Lanes>(&mut self, head: Head<'_, L>) -> Option<Quick> {
        let block = head.first();
        let end = block.end()?;
        let digits = block.digits();
        let mut fields = block.fields(b',', end.text);
        let pid = u32::try_from(block.decimal(digits, fields.next())?).ok()?;
        let addr = block.number(self.base, fields.next())?.checked_mul(BLOCK)?;
        let size = block.decimal(digits, fields.next())?.max(1);
        let kind = block.letter(fields.next(), &LETTERS)?;
        let time = fields.next();
        let is_time = !time.is_empty() && time.bits() & !(digits | block.equal(b'.')) == 0;
        let fits = size <= RUN_MAX && addr.checked_add(size - 1).is_some();
        if !(fits && is_time && time.to == end.text) {
            return None;
        }
        let access = Access {
            pid,
            kind,
            size: size as u32,
            addr,
        };
        Quick::access(access, end.next)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accesses, bad_line_cases, guess_of, skipping, tuples};
    use super::*;

    #[test]
    fn units_blocks_and_sizes() {
        let text =
            b"0,1,8192,W,0.551706\r\n 3 , 2 , 0 , r , 1.5e-3 , more\n4294967295,0,16777216,R,2";
        let got = accesses("spc", text);
        let expected = [
            (Kind::Write, 512, 8192),
            (Kind::Read, 1024, 1),
            (Kind::Read, 0, 1 << 24),
        ];
        assert_eq!(tuples(&got), expected);
        let pids: Vec<u32> = got.iter().map(|a| a.pid).collect();
        assert_eq!(pids, [0, 3, u32::MAX]);
        assert!(guess_of(text).is_err(), "a sixth field may be anything");
        assert_eq!(guess_of(&text[..20]).unwrap(), "spc");
    }

    #[test]
    fn what_is_wrong_is_said() {
        bad_line_cases(
            "spc",
            "0,1,512,R,0.5",
            &[
                ("0,1,512,R", "fewer than five"),
                ("0,1,512,X,0.5", "not R or W"),
                ("-1,1,512,R,0.5", "the unit is not"),
                ("0,36028797018963968,512,R,0.5", "the block is not"),
                ("0,1,x,R,0.5", "size is not a decimal"),
                ("0,1,16777217,R,0.5", "over 16777216"),
                ("0,36028797018963967,513,R,0.5", "past the end"),
                ("0,1,512,R,now", "the time is not"),
                ("0,1,512,R,\x02", "binary data"),
            ],
        );
        assert_eq!(skipping("spc", b"0,1,1,R,1\n0,1\n").1, 1);
    }
}
