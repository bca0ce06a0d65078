//! The block traces of Microsoft Research Cambridge: requests to the disks of servers, as published
//! by SNIA, seven columns, usually without a header line.

use super::complaint::{Complaint, RUN_MAX, checked_size};
use super::disks::Disks;
use super::lines::{self, LineParser, sample_lines};
use super::options::{Base, Numbers, ReadOptions};
use super::quick::{Head, Quick, SURE_DIGITS, Word};
use super::tokens::{decimal, trim};
use super::{Fit, Format, Sample};
use crate::simd::text::Lanes;
use crate::trace::model::access::{Access, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "msr",
    about: "MSR Cambridge block traces: time, host, disk, Read or Write, offset, size, response",
    layout: "\
one request per line, seven fields between commas: time, host, number of the disk, Read or Write,
offset and size in bytes (decimal, 0 to 16777216), response time. Times are ignored. A request
touches the bytes of the disk from its offset on, of size 0 one byte. Each disk of each host is a
process of its own, numbered from 0 in order of the file. The first line may name the columns:
Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime.
    128166372003061629,hm,1,Read,383496192,32768,413
    128166372016382155,hm,1,Write,310983680,20480,1963
",
    kind: TraceKind::BlockIo,
    numbers: Numbers {
        sizes_in_bytes: true,
        ..Numbers::DEC_BYTES
    },
    sniff,
    open: lines::open::<Msr>,
    written: None,
};

struct Msr {
    base: Base,
    disks: Disks,
    /// True once a request or the header was read: the header comes first or not at all.
    started: bool,
}

/// The header that some copies of the traces have.
const HEADER: &[u8] = b"timestamp,hostname,disknumber,type,offset,size,responsetime";

/// Returns true if a line is the header, in upper or lower case.
fn is_header(line: &[u8]) -> bool {
    let mut fields = line.split(|&b| b == b',').map(trim);
    let mut names = HEADER.split(|&b| b == b',');
    let same = names.all(|name| {
        fields
            .next()
            .is_some_and(|field| field.eq_ignore_ascii_case(name))
    });
    same && fields.next().is_none()
}

/// The header identifies the format if all lines are requests.
fn sniff(sample: &Sample<'_>) -> Fit {
    let first = sample_lines(sample).find(|line| !trim(line).is_empty());
    match lines::sniff::<Msr>(sample) {
        Fit::Share { good, of } if good == of && first.is_some_and(is_header) => Fit::Certain,
        fit => fit,
    }
}

impl LineParser for Msr {
    const NAME: &'static str = FORMAT.name;
    const MANY: bool = true;

    fn new(options: &ReadOptions) -> Msr {
        Msr {
            base: options.base.unwrap_or(Base::Dec),
            disks: Disks::default(),
            started: false,
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        if !self.started && is_header(line) {
            self.started = true;
            return Ok(None);
        }
        let mut fields = line.split(|&b| b == b',').map(trim);
        let mut next = || {
            fields
                .next()
                .ok_or("fewer than seven fields between commas")
        };
        let (time, host, number) = (next()?, next()?, next()?);
        let (kind, offset, size, response) = (next()?, next()?, next()?, next()?);
        if fields.next().is_some() {
            return Err("more than seven fields between commas".into());
        }
        let kind = match kind {
            read if read.eq_ignore_ascii_case(b"read") => Kind::Read,
            write if write.eq_ignore_ascii_case(b"write") => Kind::Write,
            _ => return Err("the fourth field is not Read or Write".into()),
        };
        for (field, what) in [
            (time, "time"),
            (number, "number of the disk"),
            (response, "response time"),
        ] {
            if decimal(field).is_err() {
                return Err(format!("the {what} is not a decimal number").into());
            }
        }
        let addr = self.base.number(offset);
        let addr = addr
            .map_err(|_| format!("the offset is not a {} number of 64 bits", self.base.word()))?;
        let size = checked_size(decimal(size).map(|n| n.max(1)), addr, RUN_MAX)?;
        self.started = true;
        Ok(Some(Access {
            pid: self.disks.number(host, number)?,
            kind,
            size,
            addr,
        }))
    }

    /// Reads lines of seven fields without blanks.
    #[inline(always)]
    fn quick<L: Lanes>(&mut self, head: Head<'_, L>) -> Option<Quick> {
        let block = head.first();
        let end = block.end()?;
        let digits = block.digits();
        let mut fields = block.fields(b',', end.text);
        let (time, host, number) = (fields.next(), fields.next(), fields.next());
        let (kind, offset, size) = (fields.next(), fields.next(), fields.next());
        let response = fields.next();
        let disk = Word {
            to: number.to,
            ..host
        };
        let blank = block.blanks() & disk.bits() != 0;
        if response.to != end.text || blank || disk.len() > 16 || !self.started {
            return None;
        }
        let numbers = [time, number, response];
        if !numbers.iter().all(|n| n.is_number(digits, SURE_DIGITS)) {
            return None;
        }
        // The letters in lower case.
        let word = block.word(kind.from) | u64::from_le_bytes([0x20; 8]);
        let read = kind.len() == 4 && word as u32 == u32::from_le_bytes(*b"read");
        let written = word & 0xff_ffff_ffff == u64::from_le_bytes(*b"write\0\0\0");
        let write = kind.len() == 5 && written;
        let addr = block.number(self.base, offset)?;
        let size = block.decimal(digits, size)?.max(1);
        let fits = size <= RUN_MAX && addr.checked_add(size - 1).is_some();
        if !(fits && read | write) {
            return None;
        }
        let access = Access {
            pid: self.disks.recent(block.key(disk.from, disk.len()))?,
            kind: if write { Kind::Write } else { Kind::Read },
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
    fn every_disk_is_a_process() {
        let text = b"1,hm,1,Read,4095,2,4\r\n2,hm,0,Write,512,0,4\n3,src1,1,read,0,16777216,4\n4,hm,1,WRITE,7,1,4";
        let got = accesses("msr", text);
        let expected = [
            (Kind::Read, 4095, 2),
            (Kind::Write, 512, 1),
            (Kind::Read, 0, 1 << 24),
            (Kind::Write, 7, 1),
        ];
        assert_eq!(tuples(&got), expected);
        let pids: Vec<u32> = got.iter().map(|a| a.pid).collect();
        assert_eq!(pids, [0, 1, 2, 0]);
        assert_eq!(guess_of(text).unwrap(), "msr");
    }

    #[test]
    fn what_is_wrong_is_said() {
        bad_line_cases(
            "msr",
            "1,hm,1,Read,4096,512,4",
            &[
                ("1,hm,1,Read,4096,512", "fewer than seven"),
                ("1,hm,1,Read,4096,512,4,5", "more than seven"),
                ("1,hm,1,Trim,4096,512,4", "not Read or Write"),
                ("x,hm,1,Read,4096,512,4", "the time is not"),
                ("1,hm,x,Read,4096,512,4", "the number of the disk is not"),
                ("1,hm,1,Read,-1,512,4", "the offset is not"),
                ("1,hm,1,Read,1,16777217,4", "over 16777216"),
                ("1,hm,1,Read,18446744073709551615,2,4", "past the end"),
                ("1,hm,1,Read,1,1,\x02", "binary data"),
            ],
        );
        assert_eq!(skipping("msr", b"1,a,1,Read,1,1,1\n1,a\n").1, 1);
    }
}
