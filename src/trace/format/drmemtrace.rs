//! DynamoRIO's drmemtrace in its final form: one record with type, size and address per fetch,
//! access, process and marker of a thread. The numbers are those of `trace_type_t`,
//! `trace_marker_type_t` and `offline_file_type_t` in DynamoRIO's
//! `clients/drcachesim/common/trace_entry.h`.
//!
//! Deliberately absent: the archive that holds such a trace (see `codec`), and the raw form, which only
//! a tool with the program's own files can read.

use super::complaint::{CARRIES_ON, Complaint};
use super::fixed::{FixedReader, RecordParser, peek, u16_at, u32_at, u64_at};
use super::options::Numbers;
use super::{Fit, Format, ReadOptions, RecordReader, Sample};
use crate::trace::codec::read_error;
use crate::trace::model::access::{Access, Kind, TraceKind};
use crate::trace::model::error::{Position, TraceError};
use std::io::BufRead;
use std::path::PathBuf;

pub(super) const FORMAT: Format = Format {
    name: "drmemtrace",
    about: "DynamoRIO's drmemtrace: the fetches and accesses of a thread, usually in a .zip",
    layout: "\
12 bytes per record, little-endian (8 if the program had 32 bits); several traces may follow:
  offset 0  u16  type: 0 read, 1 write, 10 to 16, 30, 31, 48 and 49 instruction fetches, 17 more of
  them, 22 thread, 24 process, 25 header, 26 end, 28 marker; others are ignored
  offset 2  u16  size in bytes; of a marker, which
  offset 4  u64  address, process or value (u32 if the program had 32 bits)
It begins with a header. Each file is one thread; a .zip is read as its chunk.* members in order.
Name the folder (drmemtrace.PROG.PID.*.dir, or its folder trace) to read all threads of a process,
merged by their time stamps (28 with size 2).
If the file type says that a cache filtered the addresses, the kind is faults-only. The raw form
must be converted first, which DynamoRIO's own tools do when they first look at it:
drrun -t drmemtrace -indir drmemtrace.PROG.*.dir; then read trace/*.zip in that folder.
",
    kind: TraceKind::Full,
    numbers: Numbers::FIXED,
    sniff,
    open,
    written: None,
};

const READ: u16 = 0;
const WRITE: u16 = 1;
const BUNDLE: u16 = 17;
const THREAD: u16 = 22;
const PID: u16 = 24;
const HEADER: u16 = 25;
const MARKER: u16 = 28;
/// The highest record type.
const LAST: u16 = 49;
/// The marker whose value is the time, in microseconds.
const TIME_STAMP: u64 = 2;
/// The marker whose value is the type of the file.
const FILE_TYPE: u64 = 9;
/// Bits of the type of a file: a cache filtered its addresses (0x1: all, 0x80: instructions, 0x100:
/// data).
const FILTERED: u64 = 0x181;
/// The highest number that is taken for the version of a file.
const VERSION_MAX: u64 = 255;

/// Number of bytes at the beginning of a file that [`form`] looks at.
pub(super) const HEAD: usize = 64;

/// The width of the traced program's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    Bits32,
    Bits64,
}

impl Width {
    /// Length of a record in bytes.
    #[inline(always)]
    fn record_bytes(self) -> usize {
        match self {
            Width::Bits32 => 8,
            Width::Bits64 => 12,
        }
    }

    /// The address or value in a record.
    #[inline(always)]
    fn value(self, record: &[u8]) -> u64 {
        match self {
            Width::Bits32 => u64::from(u32_at(record, 4)),
            Width::Bits64 => u64_at(record, 4),
        }
    }
}

/// The form of a trace, as its first bytes show.
enum Form {
    /// The final form.
    Final(Width),
    /// The raw form.
    Raw,
    /// Something else.
    Other,
}

/// Works out the form of a trace from its first bytes.
fn form(head: &[u8]) -> Form {
    let header = head.len() >= 4 && u16_at(head, 0) == HEADER && u16_at(head, 2) == 0;
    for width in [Width::Bits64, Width::Bits32] {
        let at = width.record_bytes();
        let follows = head.len() >= at + 2 && matches!(u16_at(head, at), THREAD | PID | MARKER);
        if header && (1..=VERSION_MAX).contains(&width.value(head)) && follows {
            return Form::Final(width);
        }
    }
    // The three topmost bits are the type of a raw entry: 6 a header, then thread (2) and process (3).
    let (words, _) = head.as_chunks::<8>();
    let tags: Vec<u64> = words.iter().map(|w| u64::from_le_bytes(*w) >> 61).collect();
    if tags.first() == Some(&6) && tags.contains(&2) && tags.contains(&3) {
        Form::Raw
    } else {
        Form::Other
    }
}

/// Returns whether a trace that begins with `head` is in its final form.
pub(super) fn is_final(head: &[u8]) -> bool {
    matches!(form(head), Form::Final(_))
}

fn sniff(sample: &Sample<'_>) -> Fit {
    match form(&sample.bytes[..sample.bytes.len().min(HEAD)]) {
        Form::Other => Fit::No,
        // The raw form is accepted here, so that `open` refuses it and says what to do.
        _ => Fit::Certain,
    }
}

fn open(
    input: Box<dyn BufRead + Send>,
    path: PathBuf,
    options: &ReadOptions,
) -> Result<Box<dyn RecordReader>, TraceError> {
    Ok(Box::new(thread_reader(input, path, options, false)?))
}

/// Opens the file of one thread; with `marks` its time stamps are kept for [`Drmemtrace::take_marks`].
pub(super) fn thread_reader(
    input: Box<dyn BufRead + Send>,
    path: PathBuf,
    options: &ReadOptions,
    marks: bool,
) -> Result<FixedReader<Drmemtrace>, TraceError> {
    let (head, input) = peek(input, HEAD).map_err(|e| read_error(&path, e))?;
    let width = match form(&head) {
        Form::Final(width) => width,
        Form::Raw => {
            let what = "the raw form of drmemtrace, which cannot be understood alone";
            let help = "convert it with DynamoRIO: drrun -t drmemtrace -indir \
                        DIR, where DIR is the folder above raw/; then read the files in DIR/trace";
            return Err(TraceError::new(&path, what)
                .at(Position::Byte(0))
                .help(help));
        }
        Form::Other if head.is_empty() => Width::Bits64,
        Form::Other => {
            return Err(TraceError::new(&path, "no header of drmemtrace")
                .at(Position::Byte(0))
                .text(&head[..head.len().min(12)])
                .help("leave --format out to have the format guessed"));
        }
    };
    let parser = Drmemtrace {
        width,
        pid: 0,
        marks: marks.then(Vec::new),
        next: 0,
        filtered: false,
    };
    Ok(FixedReader::new(input, path, options, 0, parser))
}

/// A time stamp among the accesses of a thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    /// The number of accesses before it in their batch.
    pub before: usize,
    /// The time.
    pub time: u64,
}

/// What the records of a thread mean.
pub(super) struct Drmemtrace {
    width: Width,
    /// The process; 0 before its record.
    pid: u32,
    /// The time stamps since they were taken last; `None` if they are of no use.
    marks: Option<Vec<Mark>>,
    /// The address after the last instruction.
    next: u64,
    filtered: bool,
}

impl Drmemtrace {
    /// Returns the process, if its record was read.
    pub(super) fn pid(&self) -> Option<u32> {
        (self.pid != 0).then_some(self.pid)
    }

    /// Takes the time stamps since the last call, in order.
    pub(super) fn take_marks(&mut self) -> Vec<Mark> {
        self.marks.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn access(&self, kind: Kind, addr: u64, size: u64) -> Result<Access, Complaint> {
        let size = size.max(1);
        match addr.checked_add(size - 1) {
            Some(_) => Ok(Access {
                pid: self.pid,
                kind,
                // At most 16 bits.
                size: size as u32,
                addr,
            }),
            None => Err("the access runs past the end of the 64-bit address space".into()),
        }
    }

    /// Appends `count` fetches that follow the last instruction. Byte `i` of `lengths` is the length of
    /// instruction `i`.
    fn bundle(&mut self, count: u64, lengths: u64, out: &mut Vec<Access>) -> Result<(), Complaint> {
        let max = self.width.record_bytes() as u64 - 4;
        if count > max {
            let what = format!("{count} instructions follow, more than the {max} of a record");
            return Err(carries_on(what));
        }
        let mut result = Ok(());
        for i in 0..count {
            let length = lengths >> (8 * i) & 0xff;
            result = result.and_then(|()| {
                out.push(self.access(Kind::Ifetch, self.next, length)?);
                Ok(())
            });
            self.next = self.next.wrapping_add(length);
        }
        result
    }
}

/// A complaint about a record on which later ones depend.
fn carries_on(what: String) -> Complaint {
    Complaint {
        help: CARRIES_ON,
        fatal: true,
        ..Complaint::from(what)
    }
}

impl RecordParser for Drmemtrace {
    const NAME: &'static str = FORMAT.name;

    #[inline(always)]
    fn bytes(&self) -> usize {
        self.width.record_bytes()
    }

    fn parse(&mut self, record: &[u8], out: &mut Vec<Access>) -> Result<(), Complaint> {
        let size = u64::from(u16_at(record, 2));
        let value = self.width.value(record);
        match u16_at(record, 0) {
            READ => out.push(self.access(Kind::Read, value, size)?),
            WRITE => out.push(self.access(Kind::Write, value, size)?),
            10..=16 | 30 | 31 | 48 | 49 => {
                // The next ones begin there even if this one is bad.
                self.next = value.wrapping_add(size);
                out.push(self.access(Kind::Ifetch, value, size)?);
            }
            BUNDLE => self.bundle(size, value, out)?,
            PID => {
                let pid = u32::try_from(value);
                self.pid = pid.map_err(|_| carries_on("the process id is over 32 bits".into()))?;
            }
            MARKER if size == TIME_STAMP => {
                if let Some(marks) = &mut self.marks {
                    marks.push(Mark {
                        before: out.len(),
                        time: value,
                    });
                }
            }
            MARKER if size == FILE_TYPE => self.filtered |= value & FILTERED != 0,
            HEADER if !(1..=VERSION_MAX).contains(&value) => {
                return Err(format!("a header with version {value}").into());
            }
            other if other > LAST => return Err(format!("unknown record type {other}").into()),
            // Prefetches, flushes, threads, markers, encodings and ends touch no memory.
            _ => {}
        }
        Ok(())
    }

    fn kind(&self) -> Option<TraceKind> {
        self.filtered.then_some(TraceKind::FaultsOnly)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::testing::{accesses, error, guess_of, not_skipped, read, skipping, tuples};
    use super::super::{ReadOptions, by_name};
    use super::*;

    /// Records of a 64-bit program, or of a 32-bit one.
    pub fn records(wide: bool, list: &[(u16, u16, u64)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for &(kind, size, value) in list {
            bytes.extend_from_slice(&kind.to_le_bytes());
            bytes.extend_from_slice(&size.to_le_bytes());
            match wide {
                true => bytes.extend_from_slice(&value.to_le_bytes()),
                false => bytes.extend_from_slice(&(value as u32).to_le_bytes()),
            }
        }
        bytes
    }

    pub const BEGIN: [(u16, u16, u64); 6] = [
        (HEADER, 0, 6),
        (MARKER, 12, 6),
        (MARKER, 9, 0x240),
        (MARKER, 10, 64),
        (THREAD, 4, 1257),
        (PID, 4, 1250),
    ];

    pub fn trace(wide: bool) -> Vec<u8> {
        let body = [
            (MARKER, 2, 0x2f_1234_5678),
            (47, 4, 0xe8e7_8948),
            (10, 3, 0x40_1000),
            (READ, 8, 0x7ffd_1000),
            (12, 5, 0x40_1003),
            (WRITE, 8, 0x7ffd_0ff8),
            (BUNDLE, 2, 0x0302),
            (2, 0, 0x1234),
            (23, 4, 1257),
            (26, 0, 0),
        ];
        [records(wide, &BEGIN), records(wide, &body)].concat()
    }

    #[test]
    fn fetches_and_accesses_of_both_widths() {
        let expected = [
            (Kind::Ifetch, 0x40_1000, 3),
            (Kind::Read, 0x7ffd_1000, 8),
            (Kind::Ifetch, 0x40_1003, 5),
            (Kind::Write, 0x7ffd_0ff8, 8),
            (Kind::Ifetch, 0x40_1008, 2),
            (Kind::Ifetch, 0x40_100a, 3),
        ];
        for wide in [true, false] {
            let bytes = trace(wide);
            let got = accesses("drmemtrace", &bytes);
            assert_eq!(tuples(&got), expected);
            assert!(got.iter().all(|a| a.pid == 1250));
            assert_eq!(guess_of(&bytes).unwrap(), "drmemtrace");
            // Another thread's trace may follow.
            assert_eq!(accesses("drmemtrace", &bytes.repeat(3)).len(), 18);
        }
    }

    #[test]
    fn a_filtered_trace_says_so() {
        let format = by_name("drmemtrace").unwrap();
        for (file_type, kind) in [(0x240, None), (0x340, Some(TraceKind::FaultsOnly))] {
            let mut list = BEGIN;
            list[2].2 = file_type;
            let input = Box::new(std::io::Cursor::new(records(true, &list)));
            let mut reader = (format.open)(input, "t".into(), &ReadOptions::default()).unwrap();
            reader.fill(&mut Vec::new(), usize::MAX).unwrap();
            assert_eq!(reader.known().kind, kind);
        }
    }

    #[test]
    fn a_bad_fetch_is_skipped_and_the_next_ones_follow_it() {
        let bytes = [
            records(true, &BEGIN),
            records(
                true,
                &[
                    (10, 3, 0x1000),
                    // Ends 4 bytes behind the last byte there is.
                    (10, 5, u64::MAX),
                    (BUNDLE, 3, 0x03_03_02),
                ],
            ),
        ]
        .concat();
        let (got, skipped) = skipping("drmemtrace", &bytes);
        let places: Vec<u64> = got.iter().map(|access| access.addr).collect();
        assert_eq!((places, skipped), (vec![0x1000, 4, 6, 9], 1));
    }

    #[test]
    fn the_raw_form_is_refused_with_what_to_do() {
        let words = [
            6u64 << 61 | 7,
            2 << 61 | 1257,
            3 << 61 | 1250,
            4 << 61 | 99,
            1 << 61,
        ];
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        assert_eq!(guess_of(&bytes).unwrap(), "drmemtrace");
        let fault = error("drmemtrace", &bytes);
        assert!(fault.what.contains("raw form"), "{fault}");
        assert!(fault.help.contains("drrun -t drmemtrace"), "{fault}");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (record, what) in [
            ((50, 0, 0), "record 6: unknown record type 50"),
            ((PID, 4, 1 << 32), "process id is over 32 bits"),
            ((READ, 8, u64::MAX - 3), "past the end"),
            ((BUNDLE, 9, 0), "9 instructions follow"),
            ((HEADER, 0, 1 << 40), "a header with version"),
        ] {
            let bytes = [
                records(true, &BEGIN),
                records(true, &[record, (READ, 4, 64)]),
            ]
            .concat();
            let fault = error("drmemtrace", &bytes);
            assert!(fault.what.contains(what), "{fault}");
            assert_eq!(fault.position, Position::Byte(72));
            // What follows is of that process, or begins behind these instructions.
            if [PID, BUNDLE].contains(&record.0) {
                let told = not_skipped("drmemtrace", &bytes);
                assert!(told.contains("later records depend on this one"), "{told}");
            } else {
                let (got, skipped) = skipping("drmemtrace", &bytes);
                assert_eq!((got.len(), skipped), (1, 1));
            }
        }
        let fault = error("drmemtrace", b"I  0401ab70,3\n");
        assert!(fault.what.contains("no header of drmemtrace"), "{fault}");
        let input = Box::new(std::io::Cursor::new(Vec::new()));
        let format = by_name("drmemtrace").unwrap();
        assert_eq!(read(format, input, &ReadOptions::default()).1.unwrap(), 0);
    }
}
