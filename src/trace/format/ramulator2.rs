//! Load and store traces of the DRAM simulator Ramulator 2 (`LoadStoreTrace`).

use super::Format;
use super::complaint::{Complaint, address, nothing_more};
use super::lines::{self, AccessBuffer, LineParser};
use super::options::{Base, Numbers, ReadOptions};
use super::runs::{decimal_run, each_line, hex_run};
use super::tokens::word;
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

    fn parse_many<B: AccessBuffer>(
        &mut self,
        bytes: &[u8],
        max: usize,
        out: &mut B,
    ) -> (usize, u64) {
        let decimal = self.base == Base::Dec;
        each_line(bytes, max, out, |head| {
            let kind = match &head[..3] {
                b"LD " => Kind::Read,
                b"ST " => Kind::Write,
                _ => return None,
            };
            let (addr, at) = match &head[3..5] {
                b"0x" => hex_run(head, 5)?,
                _ if decimal => decimal_run(head, 3)?,
                _ => hex_run(head, 3)?,
            };
            (head.get(at) == Some(&b'\n')).then(|| (Access::single(kind, addr), at + 1))
        })
    }
}
