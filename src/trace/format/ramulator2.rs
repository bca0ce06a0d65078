//! Load and store traces of the DRAM simulator Ramulator 2 (`LoadStoreTrace`).

use super::Format;
use super::complaint::{Complaint, address, nothing_more};
use super::lines::{self, LineParser};
use super::options::{Base, Numbers, ReadOptions};
use super::quick::{Head, Quick};
use super::tokens::word;
use crate::simd::text::Lanes;
use crate::trace::model::access::{Access, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "ramulator2",
    about: "Ramulator 2 load and store traces: LD or ST and an address",
    layout: "\
one access per line: LD (load) or ST (store), and a byte address: hexadecimal with 0x, else decimal.
There is no size: each access touches one byte. A file without 0x may also be addr-rw, which reads
hexadecimal addresses; then --format decides.
    LD 0x1400c0
    ST 0x1102c0
",
    kind: TraceKind::Full,
    numbers: Numbers::DEC_BYTES,
    sniff: lines::sniff::<Ramulator2>,
    open: lines::open::<Ramulator2>,
    written: None,
};

struct Ramulator2 {
    base: Base,
}

impl LineParser for Ramulator2 {
    const NAME: &'static str = FORMAT.name;
    const MANY: bool = true;

    fn new(options: &ReadOptions) -> Ramulator2 {
        Ramulator2 {
            base: options.base.unwrap_or(Base::Dec),
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let (kind, rest) = word(line);
        let (place, rest) = word(rest);
        let kind = match kind {
            b"LD" => Kind::Read,
            b"ST" => Kind::Write,
            _ => return Err("the line does not begin with LD or ST".into()),
        };
        let addr = address(self.base, place)?;
        nothing_more(rest)?;
        Ok(Some(Access::single(kind, addr)))
    }

    #[inline(always)]
    fn quick<L: Lanes>(&mut self, head: Head<'_, L>) -> Option<Quick> {
        let block = head.first();
        let end = block.end()?;
        let mut words = block.words(end.text);
        let name = words.next();
        let (load, store) = (block.is(name, b"LD"), block.is(name, b"ST"));
        let kind = if store { Kind::Write } else { Kind::Read };
        let addr = block.number(self.base, words.next())?;
        let fits = (load | store) && words.is_empty();
        fits.then(|| Quick::single(kind, addr, end.next))?
    }
}
