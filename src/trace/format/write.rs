//! What all formats that can be written share: what a format can hold, and who writes it. What is
//! lost on the way is worked out by `export` from this alone.

use crate::trace::event::Event;
use crate::trace::record::{Access, Addressing, Kind, TraceKind};
use crate::trace::sample::Chosen;
use std::io::{self, Write};

/// What a trace is, for the head of a file.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// The kind of recording.
    pub kind: TraceKind,
    /// What the addresses of the file will be.
    pub addressing: Addressing,
    /// How the pages were chosen from those of an original.
    pub chosen: Chosen,
}

/// What of the kinds of accesses a format tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    /// Instruction fetches, reads and writes.
    All,
    /// Reads and writes; instruction fetches cannot be in it.
    Data,
    /// None: all are reads.
    None,
}

/// What a format can hold, and how it is written.
#[derive(Clone, Copy)]
pub struct Written {
    /// Endings of file names that mean this format, without dots.
    pub endings: &'static [&'static str],
    /// Which kinds of accesses are told apart.
    pub kinds: Kinds,
    /// Which addresses it can hold; the first where both could be.
    pub addressings: &'static [Addressing],
    /// The greatest size of a record, in bytes or ids; 1 where there are no sizes.
    pub most: fn(Addressing) -> u32,
    /// What every address is a multiple of, in bytes: a power of two.
    pub alignment: u64,
    /// Whether it tells processes apart.
    pub processes: bool,
    /// Whether it holds events.
    pub events: bool,
    /// Whether a reader will know that a trace with such addresses is of this kind.
    pub tells_kind: fn(TraceKind, Addressing) -> bool,
    /// Who writes it.
    pub writer: fn() -> Box<dyn RecordWriter>,
}

/// A text of byte addresses without sizes, processes and events, taken for a full recording.
pub(super) const TEXT: Written = Written {
    endings: &[],
    kinds: Kinds::All,
    addressings: &[Addressing::Bytes],
    most: |_| 1,
    alignment: 1,
    processes: false,
    events: false,
    tells_kind: |kind, _| kind == TraceKind::Full,
    writer: || Box::new(Lines(|_, _| Ok(()))),
};

/// Writes records in order. An access is one that the format can hold (see [`Written`]).
pub trait RecordWriter {
    /// Begins the file.
    fn begin(&mut self, _out: &mut dyn Write, _origin: Origin) -> io::Result<()> {
        Ok(())
    }

    /// The next access.
    fn access(&mut self, out: &mut dyn Write, access: &Access) -> io::Result<()>;

    /// The next event; only for formats that hold events.
    fn event(&mut self, _out: &mut dyn Write, _pid: u32, _event: &Event) -> io::Result<()> {
        Ok(())
    }

    /// Ends the file.
    fn end(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Writes one line for each access, without anything around them.
pub(super) struct Lines(pub fn(&mut dyn Write, &Access) -> io::Result<()>);

impl RecordWriter for Lines {
    fn access(&mut self, out: &mut dyn Write, access: &Access) -> io::Result<()> {
        (self.0)(out, access)
    }
}

/// The one of three that stands for the kind of an access.
pub(super) fn by_kind<T>(access: &Access, fetch: T, read: T, write: T) -> T {
    match access.kind {
        Kind::Ifetch => fetch,
        Kind::Read => read,
        Kind::Write => write,
    }
}
