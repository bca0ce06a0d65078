//! Our own text format, to be written by hand, by scripts and by `pagebench convert`: its reader
//! and its writer.
//!
//! Deliberately absent: the text of an event (see `event_text`), and what events mean.

use super::complaint::{BYTES_MAX, Complaint, RUN_MAX, address, checked_size, id, nothing_more};
use super::event_text;
use super::lines::{self, LineParser};
use super::options::{Base, Numbers, ReadOptions};
use super::quick::{Head, Letters, Quick};
use super::report::ReadReport;
use super::tokens::{decimal, decimal_u32, trim, word};
use super::write::{FileHead, RecordWriter, Written, text};
use super::{Fit, Format, Sample};
use crate::simd::text::Lanes;
use crate::trace::model::access::{Access, Addressing, Kind, TraceKind};
use crate::trace::model::event::Event;
use crate::trace::model::sample::Chosen;
use std::io::{self, Write};

pub(super) const FORMAT: Format = Format {
    name: "plain",
    about: "pagebench's own text format",
    layout: "\
The first line is `# pagebench trace 1`. Lines `# kind: full` (or sampled, faults-only, block-io,
synthetic) and `# addressing: bytes` (or ids) may follow, before the first access or event. Then one
access per line: I (instruction fetch), R (read) or W (write), byte address (hexadecimal, 0x or
not), and size in bytes (decimal, 1 to 1048576), 1 if absent. With ids the address is a decimal page
id and the size the number of consecutive ids (1 to 16777216). `touch START LENGTH` (decimal) stands
for as many W lines of 1048576 each, the last one shorter, as LENGTH takes. `switch PID` makes what
follows belong to that process (decimal, 32 bits); a trace begins in process 0. Other lines with #
are comments; `# a sample: 0.1 of the pages` in the head marks a sample (`convert --sample` writes
it).
Between accesses, in order of time, may be changes of the address space of the process. Addresses
are hexadecimal, lengths, offsets and ids decimal, PROT is rwx with - for what is missing:
- map START LENGTH PROT, then in any order: shared (else private), file=ID,OFFSET,LENGTH (else
  zeros; LENGTH is the file's, another one than before acts as a length line; an ID means one file
  until it is unlinked), swap-backed (the file is memory: a
  memfd or a file in tmpfs), fixed (replaces what is mapped), grows-down (a stack), page-size=2MiB
  (asked for), name=TEXT (for listings, without blanks)
- unmap START LENGTH, protect START LENGTH PROT, advise START LENGTH willneed (or dontneed)
- move OLD-START OLD-LENGTH NEW-START NEW-LENGTH, then fixed or keep: the range moves with its
  pages; with OLD-START as NEW-START it grows or shrinks in place; fixed replaces what is mapped at
  the new range, keep leaves the old range mapped, without its pages (as mremap does)
- populate START LENGTH read (or write): the pages come in now, as if each were read (or written),
  up to the first page that is not mapped, allows it not, or begins beyond the end of its file
- brk END: the heap ends here; the first such line gives its beginning, to the byte; an END before
  that or in a mapping is without effect
- read ID OFFSET LENGTH and write ID OFFSET LENGTH: a file is used without a mapping (counted with
  --file-io count; then a write beyond the end makes the file longer, for its mappings, too)
- length ID BYTES: the file ends here from now on, in all its mappings
- unlink ID: the file has no name any more; once nothing maps it, ID stands for another file
- fork CHILD: the process is copied; CHILD is the copy's number for switch (decimal, 32 bits)
- vfork CHILD: CHILD uses the memory of the process until it has its own by exec, or exits
- exec and exit: all mappings go; with exit the process too
With ids, only fork, vfork, exec and exit are allowed.
    # pagebench trace 1
    # kind: full
    # addressing: bytes
    map 401000 8192 r-x file=1,4096,24576 name=/bin/prog
    map 7ffe0000 65536 rw- grows-down name=[stack]
    I 401ab7 3
    W 7ffeff48 8
    fork 2
    switch 2
    W 7ffeff48 8
    exit
",
    kind: TraceKind::Full,
    numbers: Numbers {
        sizes_in_bytes: true,
        ..Numbers::HEX_BYTES
    },
    sniff,
    open: lines::open::<Plain>,
    written: Some(Written {
        endings: &["txt", "plain", "trace"],
        addressings: &[Addressing::Bytes, Addressing::Ids],
        most: |addressing| match addressing {
            Addressing::Bytes => BYTES_MAX as u32,
            Addressing::Ids => RUN_MAX as u32,
        },
        processes: true,
        events: true,
        tells_kind: |_, _| true,
        ..text(|| Box::new(PlainWriter::default()))
    }),
};

/// The beginning of the first line; the version follows.
const MAGIC: &[u8] = b"# pagebench trace ";

/// The beginning of the comment with the choice of the pages, after its `#`.
const SAMPLE: &[u8] = b"a sample:";

/// The length of the writes that a `touch` stands for.
const TOUCH_STEP: u64 = 1 << 20;

/// The version that is read and written.
const VERSION: &[u8] = b"1";

/// The first line alone decides. Other versions are accepted here too: the reader refuses them.
fn sniff(sample: &Sample<'_>) -> Fit {
    let bytes = sample.bytes;
    if bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(bytes)
        .starts_with(MAGIC)
    {
        Fit::Certain
    } else {
        Fit::No
    }
}

static LETTERS: Letters = Letters::new(&[
    (b'I', Kind::Ifetch),
    (b'R', Kind::Read),
    (b'W', Kind::Write),
]);

struct Plain {
    /// True once the first line was seen.
    magic: bool,
    /// True once an access or event was seen: header lines are then errors.
    started: bool,
    addressing: Addressing,
    kind: Option<TraceKind>,
    chosen: Chosen,
    pid: u32,
    /// The event of the line just parsed.
    event: Option<Event>,
    /// What is left of the range of the `touch` just parsed: its start and its length.
    touched: (u64, u64),
    /// The base of addresses and ids, if the user gave one.
    base: Option<Base>,
}

impl LineParser for Plain {
    const NAME: &'static str = FORMAT.name;
    const COMMENTS: bool = false;
    const EVENTS: bool = true;
    const MANY: bool = true;
    const SECOND: bool = true;

    fn new(options: &ReadOptions) -> Plain {
        Plain {
            magic: false,
            started: false,
            addressing: Addressing::Bytes,
            kind: None,
            chosen: Chosen::ALL,
            pid: 0,
            event: None,
            touched: (0, 0),
            base: options.base,
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        if !self.magic {
            return self.first_line(line).map(|()| None);
        }
        let (first, rest) = word(line);
        let kind = match first {
            b"I" => Kind::Ifetch,
            b"R" => Kind::Read,
            b"W" => Kind::Write,
            b"switch" => return self.switch(rest).map(|()| None),
            b"touch" => return self.touch(rest).map(|()| self.take_second()),
            _ if first.starts_with(b"#") => return self.header(line).map(|()| None),
            _ => return self.event(line).map(|()| None),
        };
        let (place, rest) = word(rest);
        let (size, rest) = word(rest);
        let size = if size.is_empty() {
            Ok(1)
        } else {
            decimal(size)
        };
        let (addr, max) = match self.addressing {
            Addressing::Bytes => (address(self.base.unwrap_or(Base::Hex), place)?, BYTES_MAX),
            Addressing::Ids => (id(self.base.unwrap_or(Base::Dec), place)?, RUN_MAX),
        };
        let size = checked_size(size, addr, max)?;
        nothing_more(rest)?;
        self.started = true;
        Ok(Some(Access {
            pid: self.pid,
            kind,
            size,
            addr,
        }))
    }

    /// Reads accesses.
    #[inline(always)]
    fn quick<L: Lanes>(&mut self, head: Head<'_, L>) -> Option<Quick> {
        let block = head.first();
        let end = block.end()?;
        let mut words = block.words(end.text);
        let kind = block.letter(words.next(), &LETTERS)?;
        let (place, size) = (words.next(), words.next());
        let (base, max) = match self.addressing {
            Addressing::Bytes => (self.base.unwrap_or(Base::Hex), BYTES_MAX),
            Addressing::Ids => (self.base.unwrap_or(Base::Dec), RUN_MAX),
        };
        let addr = block.number(base, place)?;
        let size = match size.is_empty() {
            true => 1,
            false => block.decimal(block.digits(), size)?,
        };
        let fits = (1..=max).contains(&size) && addr.checked_add(size - 1).is_some();
        if !(fits && words.is_empty() && self.magic) {
            return None;
        }
        self.started = true;
        let access = Access {
            pid: self.pid,
            kind,
            size: size as u32,
            addr,
        };
        Quick::access(access, end.next)
    }

    #[inline]
    fn take_second(&mut self) -> Option<Access> {
        let (addr, left) = self.touched;
        if left == 0 {
            return None;
        }
        let size = left.min(TOUCH_STEP);
        self.touched = (addr.saturating_add(size), left - size);
        Some(Access {
            pid: self.pid,
            kind: Kind::Write,
            size: size as u32,
            addr,
        })
    }

    #[inline]
    fn take_event(&mut self) -> Option<(u32, Event)> {
        Some((self.pid, self.event.take()?))
    }

    /// Later lines depend on a `switch` (their process), on the addressing, and on every event (their
    /// address space).
    fn carries_on(&self, line: &[u8]) -> bool {
        let first = word(line).0;
        first == b"switch"
            || Event::NAMES.iter().any(|name| name.as_bytes() == first)
            || header(line).is_some_and(|text| text.starts_with(ADDRESSING))
    }

    fn addressing(&self) -> Addressing {
        self.addressing
    }

    fn kind(&self) -> Option<TraceKind> {
        self.kind
    }

    fn chosen(&self) -> Chosen {
        self.chosen
    }

    fn report(&self) -> ReadReport {
        let own = match self.addressing {
            Addressing::Bytes => Base::Hex,
            Addressing::Ids => Base::Dec,
        };
        ReadReport {
            base: Some(self.base.unwrap_or(own)),
            ..ReadReport::default()
        }
    }
}

impl Plain {
    fn first_line(&mut self, line: &[u8]) -> Result<(), Complaint> {
        let fatal = |what: String, help| Complaint {
            help,
            fatal: true,
            ..Complaint::from(what)
        };
        match line.strip_prefix(MAGIC).map(trim) {
            Some(VERSION) => {
                self.magic = true;
                Ok(())
            }
            Some(version) => Err(fatal(
                format!(
                    "version {} of the plain format; this program reads version 1",
                    version.escape_ascii()
                ),
                "a newer pagebench may read it",
            )),
            None => Err(fatal(
                "the first line is not `# pagebench trace 1`".into(),
                "the format is plain; choose another with --format NAME",
            )),
        }
    }

    fn switch(&mut self, rest: &[u8]) -> Result<(), Complaint> {
        let (pid, rest) = word(rest);
        nothing_more(rest)?;
        self.pid = decimal_u32(pid)
            .ok_or("`switch` takes a process number (decimal, up to 4294967295)")?;
        Ok(())
    }

    /// Reads the range of a `touch`. [`LineParser::take_second`] returns its accesses.
    fn touch(&mut self, rest: &[u8]) -> Result<(), Complaint> {
        let (place, rest) = word(rest);
        let (length, rest) = word(rest);
        nothing_more(rest)?;
        let start = match self.addressing {
            Addressing::Bytes => address(self.base.unwrap_or(Base::Hex), place)?,
            Addressing::Ids => id(self.base.unwrap_or(Base::Dec), place)?,
        };
        let length = match decimal(length) {
            Ok(length) if length > 0 => length,
            _ => return Err("`touch` takes a length of at least 1 (decimal)".into()),
        };
        if start.checked_add(length - 1).is_none() {
            return Err("the touched range ends beyond 2^64".into());
        }
        self.touched = (start, length);
        self.started = true;
        Ok(())
    }

    /// Reads a line that must be an event. [`LineParser::take_event`] returns it.
    fn event(&mut self, line: &[u8]) -> Result<(), Complaint> {
        let event = event_text::parse_in(line, self.addressing, self.base.unwrap_or(Base::Hex))?;
        self.event = Some(event.ok_or_else(unknown_word)?);
        self.started = true;
        Ok(())
    }

    /// Reads a line with `#`: one of the two headers, or a comment.
    fn header(&mut self, line: &[u8]) -> Result<(), Complaint> {
        let text = header(line).unwrap_or_default();
        if let Some(kind) = text.strip_prefix(b"kind:") {
            let name = trim(kind);
            let found = TraceKind::ALL.iter().find(|k| k.name().as_bytes() == name);
            self.header_is_open()?;
            self.kind = Some(*found.ok_or("the kind is unknown")?);
        } else if let Some(addressing) = text.strip_prefix(ADDRESSING) {
            self.header_is_open()?;
            self.addressing = match trim(addressing) {
                b"bytes" => Addressing::Bytes,
                b"ids" => Addressing::Ids,
                _ => return Err("the addressing is neither bytes nor ids".into()),
            };
        } else if let Some(chosen) = text.strip_prefix(SAMPLE)
            && !self.started
        {
            // It remains a comment for other programs, and if its text is something else.
            let chosen = str::from_utf8(chosen).ok().and_then(Chosen::parse);
            self.chosen = chosen.unwrap_or(self.chosen);
        }
        Ok(())
    }

    fn header_is_open(&self) -> Result<(), Complaint> {
        if self.started {
            return Err("a header line after the first access or event".into());
        }
        Ok(())
    }
}

/// The beginning of the header line of the addressing, after its `#`.
const ADDRESSING: &[u8] = b"addressing:";

/// The text after the `#` of a line; `None` if the line does not begin with one.
fn header(line: &[u8]) -> Option<&[u8]> {
    trim(line).strip_prefix(b"#").map(trim)
}

fn unknown_word() -> Complaint {
    let words = Event::NAMES.join(", ");
    format!("the line does not begin with I, R, W, touch or switch, nor with an event ({words})")
        .into()
}

/// Writes the format. Its own methods do what those of [`RecordWriter`] do, without dynamic dispatch.
#[derive(Debug)]
pub struct PlainWriter {
    addressing: Addressing,
    /// The process of the last line.
    pid: u32,
}

impl RecordWriter for PlainWriter {
    fn begin(&mut self, out: &mut dyn Write, origin: FileHead) -> io::Result<()> {
        self.addressing = origin.addressing;
        let addressing = match origin.addressing {
            Addressing::Bytes => "bytes",
            Addressing::Ids => "ids",
        };
        out.write_all(MAGIC)?;
        out.write_all(VERSION)?;
        let kind = origin.kind.name();
        write!(out, "\n# kind: {kind}\n# addressing: {addressing}\n")?;
        match origin.chosen.hashes {
            0 => Ok(()),
            _ => writeln!(out, "# a sample: {}", origin.chosen),
        }
    }

    fn access(&mut self, out: &mut dyn Write, access: &Access) -> io::Result<()> {
        self.write_access(out, access)
    }

    fn event(&mut self, out: &mut dyn Write, pid: u32, event: &Event) -> io::Result<()> {
        self.write_event(out, pid, event)
    }
}

impl PlainWriter {
    /// Begins a file.
    ///
    /// # Errors
    ///
    /// Errors if `out` cannot be written.
    pub fn begin(out: &mut dyn Write, origin: FileHead) -> io::Result<PlainWriter> {
        let mut writer = PlainWriter::default();
        RecordWriter::begin(&mut writer, out, origin)?;
        Ok(writer)
    }

    /// Writes an access, and before it a `switch` if it is of another process than the last line.
    ///
    /// # Errors
    ///
    /// Errors if `out` cannot be written.
    pub fn write_access<W: Write + ?Sized>(
        &mut self,
        out: &mut W,
        access: &Access,
    ) -> io::Result<()> {
        self.switch(out, access.pid)?;
        let letter = access.kind.letter();
        match self.addressing {
            Addressing::Bytes => write!(out, "{letter} {:x}", access.addr)?,
            Addressing::Ids => write!(out, "{letter} {}", access.addr)?,
        }
        match access.size {
            1 => out.write_all(b"\n"),
            size => writeln!(out, " {size}"),
        }
    }

    /// Writes an event of process `pid`, and before it a `switch` as for an access. The child of a fork
    /// is a process id.
    ///
    /// # Errors
    ///
    /// Errors if `out` cannot be written.
    pub fn write_event<W: Write + ?Sized>(
        &mut self,
        out: &mut W,
        pid: u32,
        event: &Event,
    ) -> io::Result<()> {
        self.switch(out, pid)?;
        writeln!(out, "{event}")
    }

    fn switch<W: Write + ?Sized>(&mut self, out: &mut W, pid: u32) -> io::Result<()> {
        if pid != self.pid {
            writeln!(out, "switch {pid}")?;
            self.pid = pid;
        }
        Ok(())
    }
}

impl Default for PlainWriter {
    fn default() -> PlainWriter {
        PlainWriter {
            addressing: Addressing::Bytes,
            pid: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{
        Random, Slow, accesses, bad_line_cases, error, guess_of, not_skipped, skipping,
    };
    use super::super::{ReadOptions, by_name};
    use super::*;
    use crate::trace::format::lines::BATCH;
    use crate::trace::model::error::Position;
    use crate::trace::model::event::EventRecord;

    fn origin(kind: TraceKind, addressing: Addressing) -> FileHead {
        let chosen = Chosen::ALL;
        FileHead {
            kind,
            addressing,
            chosen,
            name_settles: true,
        }
    }

    /// What is written is read back, `addr` and `size` within the bounds of both addressings.
    #[test]
    fn what_is_written_is_read_back() {
        for (kind, addressing) in [
            (TraceKind::Synthetic, Addressing::Bytes),
            (TraceKind::FaultsOnly, Addressing::Ids),
        ] {
            let mut random = Random(9);
            let wanted: Vec<Access> = (0..20_000)
                .map(|_| Access {
                    pid: if random.below(50) == 0 { u32::MAX } else { 0 },
                    kind: Kind::ALL[random.below(3)],
                    size: 1 + random.below(3) as u32 * 500,
                    addr: random.next() >> random.below(60) >> 1,
                })
                .collect();
            let mut text = Vec::new();
            let mut writer = PlainWriter::begin(&mut text, origin(kind, addressing)).unwrap();
            for access in &wanted {
                writer.access(&mut text, access).unwrap();
            }
            assert_eq!(guess_of(&text).unwrap(), "plain");
            let input = Box::new(std::io::Cursor::new(text));
            let format = by_name("plain").unwrap();
            let mut reader = (format.open)(input, "t".into(), &ReadOptions::default()).unwrap();
            let mut got = Vec::new();
            while reader.fill(&mut got, usize::MAX).unwrap() {}
            assert!(got == wanted);
            let known = reader.known();
            assert_eq!((known.kind, known.addressing), (Some(kind), addressing));
        }
    }

    #[test]
    fn processes_sizes_comments_and_crlf() {
        let text = "# pagebench trace 1\r\n# made by hand\r\n\r\nI 401ab70 3\r\nswitch 2\r\n\
                    W 0xFF\r\n# kind of a comment\r\nswitch 0\r\nR ffffffffffffffff";
        let got = accesses("plain", text.as_bytes());
        let fields: Vec<_> = got.iter().map(|a| (a.pid, a.addr, a.size)).collect();
        assert_eq!(fields, [(0, 0x401_ab70, 3), (2, 255, 1), (0, u64::MAX, 1)]);
    }

    /// Reads with buffers of `step` bytes: accesses, and the events with the accesses before them
    /// counted from the beginning of the file; and the most that one call read of either.
    fn read_events(text: &str, step: usize) -> (Vec<Access>, Vec<EventRecord>, usize) {
        let input = Box::new(Slow::new(text.as_bytes(), step));
        let format = by_name("plain").unwrap();
        let mut reader = (format.open)(input, "t".into(), &ReadOptions::default()).unwrap();
        let (mut accesses, mut events, mut most) = (Vec::new(), Vec::new(), 0);
        loop {
            let (old, told) = (accesses.len(), events.len());
            let more = reader.fill(&mut accesses, usize::MAX).unwrap();
            reader.take_events(&mut events);
            most = most.max(accesses.len() - old).max(events.len() - told);
            assert!(
                events[told..]
                    .iter()
                    .all(|e| (old..=accesses.len()).contains(&e.before))
            );
            assert_eq!(more, old < accesses.len() || told < events.len());
            if !more {
                return (accesses, events, most);
            }
        }
    }

    #[test]
    fn events_stand_between_the_accesses_of_their_process() {
        let text = "# pagebench trace 1\nmap 1000 4096 rw-\nR 1000\n#\nswitch 3\nfork 4\n\nexec\n\
                    R 2000\r\nexit\r\nswitch 4\nbrk 5000";
        let wanted = [
            (0, 0, 2, "map 1000 4096 rw-"),
            (1, 3, 6, "fork 4"),
            (1, 3, 8, "exec"),
            (2, 3, 10, "exit"),
            (2, 4, 12, "brk 5000"),
        ];
        for step in [1, 2, 3, 7, 1000] {
            let (accesses, events, _) = read_events(text, step);
            assert_eq!(accesses.len(), 2);
            let texts: Vec<String> = events.iter().map(|e| e.event.to_string()).collect();
            let got = events.iter().zip(&texts);
            let got: Vec<_> = got
                .map(|(e, text)| (e.before, e.pid, e.line, &**text))
                .collect();
            assert_eq!(got, wanted, "{step}");
        }
    }

    #[test]
    fn a_long_row_of_events_is_read_in_pieces() {
        let row = "brk 1000\n".repeat(20_000);
        for text in [
            row.clone(),
            format!("R 1\n{row}"),
            format!("{row}R 1\n{row}"),
        ] {
            let text = format!("# pagebench trace 1\n{text}");
            let (accesses, events, most) = read_events(&text, 1 << 16);
            assert_eq!(events.len(), text.matches("brk").count());
            assert_eq!(accesses.len(), text.matches('R').count());
            assert!(most <= BATCH);
            // Who does not ask for events gets to the end all the same.
            assert_eq!(
                super::super::testing::accesses("plain", text.as_bytes()),
                accesses
            );
        }
    }

    #[test]
    fn events_that_are_written_are_read_back() {
        let text = FORMAT.example();
        let (accesses, events, _) = read_events(&text, 1000);
        assert!(events.len() > 3 && accesses.len() > 2);
        let mut out = Vec::new();
        let origin = origin(TraceKind::Full, Addressing::Bytes);
        let mut writer = PlainWriter::begin(&mut out, origin).unwrap();
        let mut events = events.iter().peekable();
        for at in 0..=accesses.len() {
            while let Some(told) = events.next_if(|told| told.before == at) {
                writer.event(&mut out, told.pid, &told.event).unwrap();
            }
            if let Some(access) = accesses.get(at) {
                writer.access(&mut out, access).unwrap();
            }
        }
        assert_eq!(String::from_utf8(out).unwrap(), text);
    }

    #[test]
    fn the_first_line_decides() {
        for (text, what) in [
            ("# pagebench trace 2\nR 1\n", "version 2"),
            ("# pagebench trace 1.5\nR 1\n", "version 1.5"),
            ("R 1\n", "first line is not"),
        ] {
            let error = error("plain", text.as_bytes());
            assert!(error.what.contains(what), "{error}");
            assert_eq!(error.position, Position::Line(1));
        }
        assert_eq!(guess_of(b"# pagebench trace 2\nR 1\n").unwrap(), "plain");
        assert_eq!(guess_of(b"R 1\nW 2\n").unwrap(), "addr-rw");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("X 1", "I, R, W, touch or switch"),
            ("R", "address is missing"),
            ("R 1g", "not hexadecimal"),
            ("R 11112222333344445", "address over 64 bits"),
            ("R 1 0", "size is 0"),
            ("R 1 1048577", "over 1048576"),
            ("R ffffffffffffffff 2", "past the end"),
            ("R 1 1 1", "more on the line"),
            ("R\0", "binary data"),
            ("# kind: full", "header line after"),
            ("maps", "nor with an event (map, unmap,"),
        ];
        // Later lines depend on these: --skip-bad does not leave them out.
        let carry_on = [
            ("switch", "process number"),
            ("switch 4294967296", "process number"),
            ("switch\t1 2", "more on the line"),
            ("# addressing: ids", "header line after"),
            ("  #addressing:  ids", "header line after"),
            ("map 0 0 rwx", "the length is 0"),
            ("unmap 0", "the length is missing"),
            ("protect 0 1 w", "is not rwx"),
            ("brk x", "not hexadecimal"),
            ("advise 0 1 maybe", "neither willneed nor dontneed"),
            ("fork x", "number of the child"),
            ("exec now", "unexpected `now`; the event is written: exec"),
            ("exit 3", "unexpected `3`; the event is written: exit"),
        ];
        for (i, (line, what)) in cases.iter().chain(&carry_on).enumerate() {
            let text = format!("# pagebench trace 1\nR 1\n{line}\nR 2\n");
            let error = error("plain", text.as_bytes());
            assert!(error.what.contains(what), "{line:?}: {error}");
            assert_eq!(error.position, Position::Line(3));
            if i < cases.len() {
                let (got, skipped) = skipping("plain", text.as_bytes());
                assert_eq!((got.len(), skipped), (2, 1), "{line:?}");
            } else {
                assert!(error.help.contains("later records depend"), "{error}");
                assert_eq!(not_skipped("plain", text.as_bytes()), error.to_string());
            }
        }
        let long = format!("# pagebench trace 1\nexec {}\nR 2\n", " ".repeat(1 << 20));
        assert!(not_skipped("plain", long.as_bytes()).contains("longer than 1 MiB"));
        let header = b"# pagebench trace 1\n# addressing: id\nR 1\n";
        assert!(not_skipped("plain", header).contains("neither bytes nor ids"));
        for (text, what) in [
            (
                "# addressing: ids\nfork 2\nmap 0 1 rwx\n",
                "`map` in a trace of page ids",
            ),
            ("exec\n\n# addressing: ids\n", "header line after"),
        ] {
            let error = error("plain", format!("# pagebench trace 1\n{text}").as_bytes());
            assert!(error.what.contains(what), "{error}");
            assert_eq!(error.position, Position::Line(4));
        }
        for header in ["# kind: complete", "# addressing: pages"] {
            let text = format!("# pagebench trace 1\n{header}\n");
            assert_eq!(error("plain", text.as_bytes()).position, Position::Line(2));
        }
        bad_line_cases(
            "plain",
            "# pagebench trace 1",
            &[("fork x", "number of the child")],
        );
    }
}
