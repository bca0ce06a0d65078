//! The text that DynamoRIO's view tool makes of a drmemtrace: one line per record. Written from
//! `clients/drcachesim/tools/view.cpp` and the outputs of several of its versions.

use super::Format;
use super::complaint::{BYTES_MAX, Complaint, bad_address, checked_size};
use super::lines::{self, LineParser};
use super::options::{Numbers, ReadOptions};
use super::quick;
use super::quick::{Block, Head as Start, LineEnd, Quick, SURE_DIGITS, Word};
use super::report::ReadReport;
use super::tokens::{NumberFault, decimal, decimal_u32, hex, is_blank, strip_0x, trim, word};
use crate::simd::text::Lanes;
use crate::trace::model::access::{Access, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "drmemtrace-view",
    about: "the text of DynamoRIO's view tool for a drmemtrace",
    layout: "\
one record per line: number, instruction (newer versions), thread, what it is. Made by:
drrun -t drmemtrace -tool view -indir drmemtrace.PROG.*.dir > FILE 2>&1
ifetch, read and write have a size in bytes and an address after the @; older versions write only
the address of an instruction. The disassembly is ignored. Markers, flushes, prefetches and
instructions without a fetch are dropped and counted. Threads share the memory of their program: all
are process 0. In a trace of several programs (threads such as W1.T7) each is a process.
    Output format:
    <--record#-> <--instr#->: <---tid---> <record details>
    ------------------------------------------------------------
           1           0:     2765542 <marker: version 5>
           2           1:     2765543 ifetch       5 byte(s) @ 0x0000000000404a7e 48 8b 5c
           3           1:     2765543 read         8 byte(s) @ 0x00007fdf64e2adc8 by PC 0x404a7e
           4           1:     2765543 write        8 byte(s) @ 0x00007fdf64e2add0 by PC 0x404a7e
",
    kind: TraceKind::Full,
    numbers: Numbers::HEX_BYTES,
    sniff: lines::sniff::<View>,
    open: lines::open::<View>,
    written: None,
};

/// Least number of blanks before the bytes of an instruction that did not fit on its line.
const SPILL: usize = 24;

/// The end of an instruction's line if it was not fetched again, as in a repeated string instruction.
const NO_FETCH: &[u8] = b"non-fetched instruction";

#[derive(Default)]
struct View {
    dropped: Vec<(&'static str, u64)>,
}

/// The beginning of a line: its process and the text after the thread.
struct Head<'a> {
    pid: u32,
    text: &'a [u8],
}

/// Reads `RECORD: THREAD` or `RECORD INSTRUCTION: THREAD`.
fn head(line: &[u8]) -> Option<Head<'_>> {
    let (mut number, mut rest) = word(line);
    if !number.ends_with(b":") {
        decimal(number).ok()?;
        (number, rest) = word(rest);
    }
    decimal(number.strip_suffix(b":")?).ok()?;
    let (thread, text) = word(rest);
    Some(Head {
        pid: program(thread)?,
        text,
    })
}

/// Returns the number of a thread's program: `7` and `T7` are of program 0, `W1.T7` of program 1.
fn program(thread: &[u8]) -> Option<u32> {
    let (program, thread) = match thread.strip_prefix(b"W") {
        Some(rest) => {
            let dot = rest.iter().position(|&b| b == b'.')?;
            (decimal_u32(&rest[..dot])?, &rest[dot + 1..])
        }
        None => (0, thread),
    };
    decimal(thread.strip_prefix(b"T").unwrap_or(thread)).ok()?;
    Some(program)
}

/// Returns true for lines before and between the records.
fn is_head(line: &[u8]) -> bool {
    let text = trim(line);
    text == b"Output format:"
        || text == b"View tool results:"
        || text.starts_with(b"<record#>")
        || text.starts_with(b"<--record#->")
        || text.ends_with(b" : total instructions")
        || (text.len() > 3 && text.iter().all(|&b| b == b'-'))
}

impl View {
    fn drop_one(&mut self, kind: &'static str) -> Option<Access> {
        ReadReport::drop_one(&mut self.dropped, kind);
        None
    }
}

/// Reads `SIZE byte(s)`. Returns the size, at least 1: an access of 0 bytes touches its page all the
/// same. Also returns the text after it.
fn size(text: &[u8]) -> Result<(Result<u64, NumberFault>, &[u8]), Complaint> {
    let (size, rest) = word(text);
    let (unit, rest) = word(rest);
    if unit != b"byte(s)" {
        return Err("no size in byte(s)".into());
    }
    Ok((decimal(size).map(|size| size.max(1)), rest))
}

/// Reads `SIZE byte(s) @ 0xADDRESS`. Returns the access and the text after it.
fn access(kind: Kind, pid: u32, text: &[u8]) -> Result<(Access, &[u8]), Complaint> {
    let (size, rest) = size(text)?;
    let (at, rest) = word(rest);
    let (place, rest) = word(rest);
    let digits = strip_0x(place).filter(|_| at == b"@");
    let addr = hex(digits.ok_or("no @ 0x… after the size")?).map_err(bad_address)?;
    let size = checked_size(size, addr, BYTES_MAX)?;
    let single = Access::single(kind, addr);
    Ok((
        Access {
            pid,
            size,
            ..single
        },
        rest,
    ))
}

/// Reads the older form of a fetch, `KIND SIZE byte(s)` after the address.
fn old_fetch(address: &[u8], pid: u32, mut text: &[u8]) -> Result<Access, Complaint> {
    let addr = hex(address).map_err(bad_address)?;
    // Words for the kind of instruction come before the size.
    while word(text).0.first().is_some_and(u8::is_ascii_alphabetic) {
        text = word(text).1;
    }
    let (size, rest) = size(text)?;
    let size = checked_size(size, addr, BYTES_MAX)?;
    if !trim(rest).is_empty() {
        return Err("more on the line than belongs to a fetch".into());
    }
    let single = Access::single(Kind::Ifetch, addr);
    Ok(Access {
        pid,
        size,
        ..single
    })
}

/// Checks what follows the address of a read or write: nothing, or `by PC 0x…`.
fn check_instruction(text: &[u8]) -> Result<(), Complaint> {
    let text = trim(text);
    let instruction = text.strip_prefix(b"by PC ").and_then(strip_0x);
    if text.is_empty() || instruction.is_some_and(|digits| hex(digits).is_ok()) {
        Ok(())
    } else {
        Err("something else than `by PC 0x…` after the address".into())
    }
}

/// Returns the place of the text after the thread; see [`head`].
#[inline(always)]
fn quick_head<L: Lanes>(block: Block<'_, L>) -> Option<u32> {
    let digits = block.digits();
    let mut words = block.words(64);
    let (record, second) = (words.next(), words.next());
    let is_old = block.byte(record.last()) == b':';
    let (number, thread) = match is_old {
        true => (record, second),
        false => (second, words.next()),
    };
    let what = words.next();
    let colon = block.byte(number.last()) == b':';
    let number = Word {
        to: number.last(),
        ..number
    };
    let good = colon
        && (is_old || record.is_number(digits, SURE_DIGITS))
        && number.is_number(digits, SURE_DIGITS)
        && thread.is_number(digits, SURE_DIGITS)
        && !what.is_empty()
        && block.equal(b'\n') & !quick::from(what.from) == 0;
    good.then_some(what.from)
}

/// Checks what follows the address of a read or write; see [`check_instruction`].
#[inline(always)]
fn is_quick_instruction<L: Lanes>(block: Block<'_, L>, end: LineEnd) -> bool {
    let mut words = block.words(end.text);
    if words.is_empty() {
        return true;
    }
    let (by, instruction) = (words.next(), (words.next(), words.next()).1);
    let digits = instruction.after(2);
    block.has(by.from, b"by PC 0x")
        && instruction.from == by.from + 6
        && digits.is_number(block.hex_digits(), 16)
        && words.is_empty()
}

/// Returns the length of the text after the address of a fetch, unless it may be that of an instruction
/// without one, or of a heading.
#[inline(always)]
fn quick_code<L: Lanes>(head: Start<'_, L>, at: u32) -> Option<u32> {
    let block = head.block(at)?;
    let (block, end, before) = match block.end() {
        Some(end) if end.text == 0 => return Some(end.next),
        Some(end) => (block, end, 0),
        None => {
            let block = head.block(at + 64)?;
            (block, block.end()?, 64)
        }
    };
    let last = block.byte(end.text.checked_sub(1)?);
    let open = matches!(last, b' ' | b'\t' | b'n' | b's');
    (!open).then_some(before + end.next)
}

impl LineParser for View {
    const NAME: &'static str = FORMAT.name;
    const MANY: bool = true;

    fn new(_: &ReadOptions) -> View {
        View::default()
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        if is_head(line) {
            return Ok(None);
        }
        let Some(Head { pid, text }) = head(line) else {
            return Err("the line does not begin with a record's number and a thread".into());
        };
        let (what, rest) = word(text);
        match what {
            b"ifetch" => {
                let (fetch, rest) = access(Kind::Ifetch, pid, rest)?;
                if trim(rest).ends_with(NO_FETCH) {
                    return Ok(self.drop_one("instruction without a fetch"));
                }
                Ok(Some(fetch))
            }
            b"read" | b"write" => {
                let write = what == b"write";
                let kind = if write { Kind::Write } else { Kind::Read };
                let (access, rest) = access(kind, pid, rest)?;
                check_instruction(rest)?;
                Ok(Some(access))
            }
            b"iflush" | b"dflush" => Ok(self.drop_one("flush")),
            _ if what.starts_with(b"pref") => Ok(self.drop_one("prefetch")),
            _ if what.starts_with(b"<") => Ok(self.drop_one("marker")),
            _ if text.iter().take_while(|&&b| is_blank(b)).count() >= SPILL => Ok(None),
            _ => match strip_0x(what) {
                Some(address) => old_fetch(address, pid, rest).map(Some),
                None => Err("the record is not ifetch, read, write or the like".into()),
            },
        }
    }

    /// Reads fetches, reads and writes of a thread that is a number.
    #[inline(always)]
    fn quick<L: Lanes>(&mut self, head: Start<'_, L>) -> Option<Quick> {
        let what = quick_head(head.first())?;
        let record = head.block(what)?;
        let end = record.end().map_or(64, |end| end.text);
        let mut words = record.words(end);
        let (name, size, unit) = (words.next(), words.next(), words.next());
        let (sign, place) = (words.next(), words.next());
        let fetch = record.is(name, b"ifetch");
        let write = record.is(name, b"write");
        let known = fetch || write || record.is(name, b"read");
        let size = record.decimal(record.digits(), size)?.max(1);
        let shape = record.is(unit, b"byte(s)")
            && record.is(sign, b"@")
            && record.has(place.from, b"0x")
            && place.to < 64;
        if !(known && shape) || size > BYTES_MAX {
            return None;
        }
        let addr = record.hex(record.hex_digits(), place.after(2))?;
        addr.checked_add(size - 1)?;
        let rest = what + place.to;
        let tail = head.block(rest)?;
        let length = match fetch {
            true => rest + quick_code(head, rest)?,
            false => {
                let end = tail.end()?;
                if !is_quick_instruction(tail, end) {
                    return None;
                }
                rest + end.next
            }
        };
        let kind = match (fetch, write) {
            (true, _) => Kind::Ifetch,
            (false, true) => Kind::Write,
            (false, false) => Kind::Read,
        };
        let access = Access {
            size: size as u32,
            ..Access::single(kind, addr)
        };
        Quick::access(access, length)
    }

    fn report(&self) -> ReadReport {
        ReadReport {
            dropped: self.dropped.clone(),
            ..ReadReport::default()
        }
    }
}
