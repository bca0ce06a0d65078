//! What a written format can hold, and the trait of its writer. From [`Written`] alone `export`
//! works out what a conversion loses.

use crate::trace::model::access::{Access, Addressing, Kind, TraceKind};
use crate::trace::model::event::Event;
use crate::trace::model::sample::Chosen;
use std::io::{self, Write};

/// Properties of a trace, for the head of a file.
#[derive(Debug, Clone, Copy)]
pub struct FileHead {
    /// The kind of recording.
    pub kind: TraceKind,
    /// The addressing of the file.
    pub addressing: Addressing,
    /// How the pages were chosen from those of an original.
    pub chosen: Chosen,
    /// True if the ending of the file's name settles what the format leaves open.
    pub name_settles: bool,
}

/// The kinds of accesses that a format distinguishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    /// Instruction fetches, reads and writes.
    All,
    /// Reads and writes; it cannot hold instruction fetches.
    Data,
    /// None: all are reads.
    None,
}

/// A written format: what it can hold, and its writer.
#[derive(Clone, Copy)]
pub struct Written {
    /// Endings of file names that select this format, without dots.
    pub endings: &'static [&'static str],
    /// The kinds of accesses that it distinguishes.
    pub kinds: Kinds,
    /// The addressings that it can hold. The first is used where both are possible.
    pub addressings: &'static [Addressing],
    /// Largest size of a record, in bytes or ids; 1 if the format has no sizes.
    pub most: fn(Addressing) -> u32,
    /// Every address is a multiple of this power of two, in bytes.
    pub alignment: u64,
    /// True if it distinguishes processes.
    pub processes: bool,
    /// True if it holds events.
    pub events: bool,
    /// Returns true if a file with this addressing is read back as this kind.
    pub tells_kind: fn(TraceKind, Addressing) -> bool,
    /// Makes a writer.
    pub writer: fn() -> Box<dyn RecordWriter>,
}

/// A text of byte addresses without sizes, processes and events, which is read back as a full
/// recording.
pub(super) const fn text(writer: fn() -> Box<dyn RecordWriter>) -> Written {
    Written {
        endings: &[],
        kinds: Kinds::All,
        addressings: &[Addressing::Bytes],
        most: |_| 1,
        alignment: 1,
        processes: false,
        events: false,
        tells_kind: |kind, _| kind == TraceKind::Full,
        writer,
    }
}

/// Writes records in order. Every access must be one that the format can hold (see [`Written`]).
pub trait RecordWriter {
    /// Begins the file.
    fn begin(&mut self, _out: &mut dyn Write, _origin: FileHead) -> io::Result<()> {
        Ok(())
    }

    /// Writes the next access.
    fn access(&mut self, out: &mut dyn Write, access: &Access) -> io::Result<()>;

    /// Writes the next event of process `pid`. Called only for formats that hold events.
    fn event(&mut self, _out: &mut dyn Write, _pid: u32, event: &Event) -> io::Result<()> {
        unreachable!("an event for a format without events: {event}")
    }

    /// Ends the file.
    fn end(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Writes one line per access, and nothing else.
pub(super) struct LineWriter(pub fn(&mut dyn Write, &Access) -> io::Result<()>);

impl RecordWriter for LineWriter {
    fn access(&mut self, out: &mut dyn Write, access: &Access) -> io::Result<()> {
        (self.0)(out, access)
    }
}

/// Returns the one of three that belongs to the kind of an access.
pub(super) fn by_kind<T>(access: &Access, fetch: T, read: T, write: T) -> T {
    match access.kind {
        Kind::Ifetch => fetch,
        Kind::Read => read,
        Kind::Write => write,
    }
}
