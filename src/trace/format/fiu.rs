//! The block traces of Florida International University (IODedup, SRCMap; SNIA publishes them): files
//! whose names end in `.blkparse`, one request per line with a digest of its data.

use super::Format;
use super::complaint::{Complaint, RUN_MAX, checked_size};
use super::disks::Disks;
use super::lines::{self, LineParser};
use super::options::{Base, Numbers, ReadOptions, Unit};
use super::quick;
use super::quick::{Head, Letters, Quick, SURE_DIGITS, Word};
use super::tokens::{NumberFault, decimal, decimal_u32, is_blank, trim, word};
use crate::simd::text::Lanes;
use crate::trace::model::access::{Access, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "fiu",
    about: "FIU block traces: time, process, program, block, blocks, R or W, device, digest",
    layout: "\
one request per line, nine words or more: time in ns, process, program (its name may hold blanks),
first block of 512 bytes, number of blocks, R or W, major and minor number of the device, and the
MD5 of the data (one or more). Time, process, program and digest are ignored. Each device is a
process of its own, numbered from 0 in order of the file.
    89968195792462 20782 gzip 283193184 8 R 6 0 56f11b711d91a065a2b6458eca924523
    89968195811237 1892 kjournald 279188088 8 W 6 0 4dd80e3f08f77a2a5f0c2ae8c9d9ba41
",
    kind: TraceKind::BlockIo,
    numbers: Numbers {
        unit: Some(Unit::Sector),
        sizes_in_bytes: true,
        ..Numbers::DEC_BYTES
    },
    sniff: lines::sniff::<Fiu>,
    open: lines::open::<Fiu>,
    written: None,
};

/// Size of a block in bytes.
const BLOCK: u64 = 512;

/// Number of digits of a digest.
const DIGEST: usize = 32;

static LETTERS: Letters = Letters::new(&[
    (b'R', Kind::Read),
    (b'r', Kind::Read),
    (b'W', Kind::Write),
    (b'w', Kind::Write),
]);

struct Fiu {
    base: Base,
    disks: Disks,
}

/// Splits off the last word of a line that does not end with a blank; it is empty at the beginning.
fn last_word(line: &[u8]) -> (&[u8], &[u8]) {
    let word = line.iter().rev().take_while(|&&b| !is_blank(b)).count();
    let (rest, word) = line.split_at(line.len() - word);
    (word, trim(rest))
}

fn is_digest(word: &[u8]) -> bool {
    word.len() == DIGEST && word.iter().all(u8::is_ascii_hexdigit)
}

impl LineParser for Fiu {
    const NAME: &'static str = FORMAT.name;
    const MANY: bool = true;

    fn new(options: &ReadOptions) -> Fiu {
        Fiu {
            base: options.base.unwrap_or(Base::Dec),
            disks: Disks::default(),
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let (mut digest, mut rest) = last_word(trim(line));
        if !is_digest(digest) {
            return Err("the line does not end with an MD5 of 32 digits".into());
        }
        while is_digest(digest) {
            (digest, rest) = last_word(rest);
        }
        let minor = digest;
        let (major, rest) = last_word(rest);
        let (kind, rest) = last_word(rest);
        let (count, rest) = last_word(rest);
        let (block, rest) = last_word(rest);
        let (time, rest) = word(rest);
        let (process, program) = word(rest);
        if decimal_u32(major).is_none() || decimal_u32(minor).is_none() {
            return Err("no device (two decimal numbers) before the MD5".into());
        }
        let kind = match kind {
            b"R" | b"r" => Kind::Read,
            b"W" | b"w" => Kind::Write,
            _ => return Err("no R or W before the device".into()),
        };
        if decimal(time).is_err() || decimal(process).is_err() || trim(program).is_empty() {
            return Err("the line does not begin with a time, a process and a program".into());
        }
        let block = self.base.number(block).ok();
        let block = block.and_then(|n| n.checked_mul(BLOCK));
        let addr = block.ok_or("the block is not a number of up to 55 bits")?;
        let bytes =
            decimal(count).and_then(|count| count.checked_mul(BLOCK).ok_or(NumberFault::Large));
        Ok(Some(Access {
            pid: self.disks.number(major, minor)?,
            kind,
            size: checked_size(bytes, addr, RUN_MAX)?,
            addr,
        }))
    }

    /// Reads lines of nine words.
    #[inline(always)]
    fn quick<L: Lanes>(&mut self, head: Head<'_, L>) -> Option<Quick> {
        let block = head.first();
        let digits = block.digits();
        let mut words = block.words(64);
        let (time, process, program) = (words.next(), words.next(), words.next());
        let (first, count, kind) = (words.next(), words.next(), words.next());
        let (major, minor, digest) = (words.next(), words.next(), words.next());
        let in_line = block.equal(b'\n') & !quick::from(digest.from) == 0;
        let numbers = time.is_number(digits, SURE_DIGITS) & process.is_number(digits, SURE_DIGITS);
        let device = Word {
            to: minor.to,
            ..major
        };
        // Of up to 32 bits each for certain.
        let is_device = major.is_number(digits, 9)
            & minor.is_number(digits, 9)
            & (device.len() <= 16)
            & (minor.from == major.to + 1);
        if digest.is_empty() || !(in_line & numbers & is_device) {
            return None;
        }
        let tail = head.block(digest.from)?;
        let end = tail.end()?;
        let sum = Word {
            from: 0,
            to: end.text,
        };
        if sum.len() != DIGEST as u32 || !sum.is_number(tail.hex_digits(), DIGEST as u32) {
            return None;
        }
        let kind = block.letter(kind, &LETTERS)?;
        let addr = block.number(self.base, first)?.checked_mul(BLOCK)?;
        let size = block.decimal(digits, count)?.checked_mul(BLOCK)?;
        let fits = (1..=RUN_MAX).contains(&size) && addr.checked_add(size - 1).is_some();
        // A comma in place of the blank, as in the name of a device.
        let comma = u128::from(block.byte(major.to) ^ b',') << (8 * major.len());
        let name = block.key(device.from, device.len()) ^ comma;
        if !fits || program.is_empty() {
            return None;
        }
        let access = Access {
            pid: self.disks.recent(name)?,
            kind,
            size: size as u32,
            addr,
        };
        Quick::access(access, digest.from + end.next)
    }
}
