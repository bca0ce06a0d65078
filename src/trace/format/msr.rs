//! The block traces of Microsoft Research Cambridge: requests to the disks of servers, as published
//! by SNIA, seven columns without a header line.

use super::Format;
use super::complaint::{Complaint, RUN_MAX, checked_size};
use super::lines::{self, LineParser};
use super::options::{Base, Numbers, ReadOptions};
use super::tokens::{decimal, trim};
use crate::trace::model::access::{Access, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "msr",
    about: "MSR Cambridge block traces: time, host, disk, Read or Write, offset, size, response",
    layout: "\
one request per line, seven fields between commas: time, host, number of the disk, Read or Write,
offset and size in bytes (decimal, 0 to 16777216), response time. Times are ignored. A request
touches the bytes of the disk from its offset on, of size 0 one byte. Each disk of each host is a
process of its own, numbered from 0 in order of the file.
    128166372003061629,hm,1,Read,383496192,32768,413
    128166372016382155,hm,1,Write,310983680,20480,1963
",
    kind: TraceKind::BlockIo,
    numbers: Numbers {
        sizes_in_bytes: true,
        ..Numbers::DEC_BYTES
    },
    sniff: lines::sniff::<Msr>,
    open: lines::open::<Msr>,
    written: None,
};

struct Msr {
    base: Base,
    /// The disks so far, each as `host,number`. A search is faster than a hash: a file has a few dozen
    /// at most.
    disks: Vec<Vec<u8>>,
}

/// Largest number of disks. A file with more is probably of another format.
const DISKS_MAX: usize = 4096;

impl Msr {
    /// Returns the number of a disk, which is the next one if the disk is new.
    fn disk(&mut self, host: &[u8], number: &[u8]) -> Result<u32, Complaint> {
        let is = |disk: &Vec<u8>| {
            disk.strip_prefix(host).and_then(|d| d.strip_prefix(b",")) == Some(number)
        };
        if let Some(known) = self.disks.iter().position(is) {
            return Ok(known as u32);
        }
        if self.disks.len() >= DISKS_MAX {
            return Err(format!("more than {DISKS_MAX} different hosts and disks").into());
        }
        self.disks.push([host, b",", number].concat());
        Ok(self.disks.len() as u32 - 1)
    }
}

impl LineParser for Msr {
    const NAME: &'static str = FORMAT.name;

    fn new(options: &ReadOptions) -> Msr {
        Msr {
            base: options.base.unwrap_or(Base::Dec),
            disks: Vec::new(),
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
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
        let kind = match kind.to_ascii_lowercase().as_slice() {
            b"read" => Kind::Read,
            b"write" => Kind::Write,
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
        Ok(Some(Access {
            pid: self.disk(host, number)?,
            kind,
            size,
            addr,
        }))
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
