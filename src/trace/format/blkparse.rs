//! Block requests as blktrace's blkparse prints them. Written from its `blkparse_fmt.c`.

use super::Format;
use super::complaint::{Complaint, RUN_MAX, checked_size};
use super::disks::Disks;
use super::lines::{self, LineParser};
use super::options::{Base, Numbers, ReadOptions, Unit};
use super::quick;
use super::quick::{Block, Head, Quick, Word};
use super::report::ReadReport;
use super::tokens::{NumberFault, decimal, decimal_u32, trim, word};
use crate::simd::text::Lanes;
use crate::trace::model::access::{Access, Kind, TraceKind};
use memchr::memchr;

pub(super) const FORMAT: Format = Format {
    name: "blkparse",
    about: "block requests as blkparse prints them",
    layout: "\
one event per line, in blkparse's own form (made without -f): device (major, minor), processor,
number, time in seconds, process, action, kind of request, sector + number of sectors, program.
Only action Q is read, which a request causes once, when it reaches the device: its sectors are 512
bytes each. Kinds with R are reads, with W writes. Discards, requests without sectors (flushes),
packet commands and other actions are dropped and counted, and so is the summary at the end. Each
device is a process of its own, numbered from 0 in order of the file.
      8,16   1        1     1.427376394  5529  Q  WS 274432 + 8 [fio]
      8,16   1        2     1.427384090  5529  G  WS 274432 + 8 [fio]
      8,16   1        3     1.427391010  5529  Q  RM 1052672 + 16 [fio]
",
    kind: TraceKind::BlockIo,
    numbers: Numbers {
        unit: Some(Unit::Sector),
        sizes_in_bytes: true,
        ..Numbers::DEC_BYTES
    },
    sniff: lines::sniff::<Blkparse>,
    open: lines::open::<Blkparse>,
    written: None,
};

/// Size of a sector in bytes.
const SECTOR: u64 = 512;

/// The actions that blkparse prints, in upper and lower case.
const ACTIONS: [&[u8]; 18] = [
    b"Q", b"G", b"S", b"R", b"D", b"C", b"M", b"F", b"B", b"U", b"UT", b"T", b"I", b"P", b"X",
    b"A", b"W", b"m",
];

/// The actions of one letter.
static ACTION_LETTERS: [bool; 256] = letters(b"QGSRDCMFBUTIPXAWm");

/// The letters for properties of a request.
static PROPERTIES: [bool; 256] = letters(b"FABSMPE");

const fn letters(list: &[u8]) -> [bool; 256] {
    let mut letters = [false; 256];
    let mut i = 0;
    while i < list.len() {
        letters[list[i] as usize] = true;
        i += 1;
    }
    letters
}

/// The beginnings of the lines of the summary.
const SUMMARY: [&[u8]; 17] = [
    b"CPU",
    b"Total (",
    b"Reads Queued:",
    b"Read Dispatches:",
    b"Reads Requeued:",
    b"Reads Completed:",
    b"Read Merges:",
    b"Read depth:",
    b"PC Reads Queued:",
    b"PC Read Disp.:",
    b"PC Reads Req.:",
    b"PC Reads Compl.:",
    b"IO unplugs:",
    b"Throughput (",
    b"Events (",
    b"Skips:",
    b"Input file ",
];

struct Blkparse {
    base: Base,
    disks: Disks,
    dropped: Vec<(&'static str, u64)>,
}

/// What a field `RWBS` says about a request.
enum Request {
    Access(Kind),
    Discard,
    Nothing,
}

/// Reads a field `RWBS`: F (flush before), one of R, W, D, N, then letters for properties.
fn request(field: &[u8]) -> Option<Request> {
    let letters = match field {
        [b'F', rest @ ..] if !rest.is_empty() => rest,
        field => field,
    };
    let (kind, properties) = letters.split_first()?;
    let known = properties.iter().all(|b| b"FABSMPE".contains(b));
    let request = match kind {
        b'R' => Request::Access(Kind::Read),
        b'W' => Request::Access(Kind::Write),
        b'D' => Request::Discard,
        b'N' | b'F' => Request::Nothing,
        _ => return None,
    };
    known.then_some(request)
}

/// Reads a field `RWBS` of up to four letters that begins with R or W.
#[inline(always)]
fn quick_kind<L: Lanes>(block: Block<'_, L>, word: Word) -> Option<Kind> {
    let property = |at: u32| {
        let known = PROPERTIES[usize::from(block.byte(word.from + at))];
        known | (word.len() <= at)
    };
    let known = property(1) & property(2) & property(3) & (word.len().wrapping_sub(1) < 4);
    let letter = block.byte(word.from);
    let write = letter == b'W';
    let kind = if write { Kind::Write } else { Kind::Read };
    (known & (write | (letter == b'R'))).then_some(kind)
}

/// Returns true if the byte marked in `bits` is the only one of a word, and inside of it.
#[inline(always)]
fn splits(bits: u64, word: Word) -> bool {
    let at = quick::first(bits);
    quick::after_first(bits) == 0 && word.from < at && at < word.last()
}

/// Splits `MAJOR,MINOR`. Returns `None` for another word.
fn device(word: &[u8]) -> Option<(&[u8], &[u8])> {
    let (major, minor) = word.split_at(memchr(b',', word)?);
    let minor = &minor[1..];
    let numbers = decimal_u32(major).is_some() && decimal_u32(minor).is_some();
    numbers.then_some((major, minor))
}

/// Returns true if a word is a time with nine decimals or fewer.
fn is_time(word: &[u8]) -> bool {
    let mut parts = word.split(|&b| b == b'.');
    let mut is_number = || parts.next().is_some_and(|n| decimal(n).is_ok());
    is_number() && is_number() && parts.next().is_none()
}

impl Blkparse {
    fn drop_one(&mut self, kind: &'static str) -> Option<Access> {
        ReadReport::drop_one(&mut self.dropped, kind);
        None
    }

    /// Reads the text after the kind of a queued request: `SECTOR + COUNT [PROGRAM]`.
    fn queued(
        &mut self,
        (major, minor): (&[u8], &[u8]),
        kind: Kind,
        text: &[u8],
    ) -> Result<Option<Access>, Complaint> {
        let (sector, rest) = word(text);
        let (plus, rest) = word(rest);
        let (count, _) = word(rest);
        if sector.starts_with(b"[") || sector.is_empty() {
            return Ok(self.drop_one("request without sectors"));
        }
        if plus.starts_with(b"(") || plus.starts_with(b"[") {
            return Ok(self.drop_one("packet command"));
        }
        if plus != b"+" {
            return Err("no + after the sector".into());
        }
        let sector = self.base.number(sector).ok();
        let sector = sector.and_then(|n| n.checked_mul(SECTOR));
        let addr = sector.ok_or("the sector is not a number of up to 55 bits")?;
        let bytes = match decimal(count) {
            Ok(0) => return Ok(self.drop_one("request without sectors")),
            Ok(count) => count.checked_mul(SECTOR).ok_or(NumberFault::Large),
            Err(fault) => Err(fault),
        };
        Ok(Some(Access {
            pid: self.disks.number(major, minor)?,
            kind,
            size: checked_size(bytes, addr, RUN_MAX)?,
            addr,
        }))
    }
}

impl LineParser for Blkparse {
    const NAME: &'static str = FORMAT.name;
    const MANY: bool = true;

    fn new(options: &ReadOptions) -> Blkparse {
        Blkparse {
            base: options.base.unwrap_or(Base::Dec),
            disks: Disks::default(),
            dropped: Vec::new(),
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let (first, rest) = word(line);
        let Some(device) = device(first) else {
            let text = trim(line);
            return match SUMMARY.iter().any(|head| text.starts_with(head)) {
                true => Ok(self.drop_one("line of the summary")),
                false => Err("the line does not begin with a device (MAJOR,MINOR)".into()),
            };
        };
        let (cpu, rest) = word(rest);
        let (number, rest) = word(rest);
        let (time, rest) = word(rest);
        let (process, rest) = word(rest);
        let (action, rest) = word(rest);
        let (kind, rest) = word(rest);
        if decimal(cpu).is_err() || decimal(number).is_err() || decimal(process).is_err() {
            return Err("processor, number or process is not a decimal number".into());
        }
        if !is_time(time) {
            return Err("the fourth word is not a time in seconds".into());
        }
        if !ACTIONS.contains(&action) {
            return Err("the action is not one of blkparse's".into());
        }
        if action != b"Q" {
            return Ok(self.drop_one("event that is no Q"));
        }
        match request(kind).ok_or("the kind of the request is not one of blkparse's")? {
            Request::Access(kind) => self.queued(device, kind, rest),
            Request::Discard => Ok(self.drop_one("discard")),
            Request::Nothing => Ok(self.drop_one("request without sectors")),
        }
    }

    fn report(&self) -> ReadReport {
        ReadReport {
            dropped: self.dropped.clone(),
            ..ReadReport::default()
        }
    }

    /// Reads events with an action of one letter, and of those that are Q only requests for sectors.
    #[inline(always)]
    fn quick<L: Lanes>(&mut self, head: Head<'_, L>) -> Option<Quick> {
        let block = head.first();
        let digits = block.digits();
        let mut words = block.words(64);
        let (device, cpu, number) = (words.next(), words.next(), words.next());
        let (time, process, action) = (words.next(), words.next(), words.next());
        let (kind, sector) = (words.next(), words.next());
        let comma = block.equal(b',') & device.bits();
        let dot = block.equal(b'.') & time.bits();
        // All digits at once, and no part longer than 64 bits hold for certain, 32 of the device.
        let numbers = device.bits() | cpu.bits() | number.bits() | time.bits() | process.bits();
        let is_digits = numbers & !(digits | comma | dot) == 0;
        let is_short = cpu.len() | number.len() | time.len() | process.len() < 16;
        let is_device = device.len() < 12 && splits(comma, device) && splits(dot, time);
        let letter = block.byte(action.from);
        let is_action = action.len() == 1 && action.to < 64 && ACTION_LETTERS[usize::from(letter)];
        let ends = block.equal(b'\n');
        let in_line = ends & !quick::from(action.to) == 0;
        if !(is_digits && is_short && is_device && is_action && in_line) {
            return None;
        }
        if letter != b'Q' {
            let (before, end) = match block.end() {
                Some(end) => (0, end),
                None => (64, head.block(64)?.end()?),
            };
            self.drop_one("event that is no Q");
            return Quick::nothing(before + end.next);
        }
        let kind = quick_kind(block, kind)?;
        if sector.is_empty() || ends & !quick::from(sector.from) != 0 {
            return None;
        }
        let request = head.block(sector.from)?;
        let end = request.end()?;
        let mut words = request.words(end.text);
        let (first, plus, count) = (words.next(), words.next(), words.next());
        let addr = request.number(self.base, first)?.checked_mul(SECTOR)?;
        let sectors = request.decimal(request.digits(), count)?;
        let size = sectors.checked_mul(SECTOR)?;
        let fits = (1..=RUN_MAX).contains(&size) && addr.checked_add(size - 1).is_some();
        if !(fits && request.is(plus, b"+")) {
            return None;
        }
        let access = Access {
            pid: self.disks.recent(block.key(device.from, device.len()))?,
            kind,
            size: size as u32,
            addr,
        };
        Quick::access(access, sector.from + end.next)
    }
}
