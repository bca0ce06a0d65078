//! A recording on its way into a `.pbt`: accesses become references, which are packed and written.

use super::RecordingSink;
use crate::trace::model::access::{Access, Addressing, TraceKind};
use crate::trace::model::assembler::Assembler;
use crate::trace::model::event::Event;
use crate::trace::model::refs::{Meta, References};
use crate::trace::model::selection::{Flow, Selection};
use crate::trace::model::sink::Sink as _;
use crate::trace::store::{Summary, Writer};
use crate::units::PageSize;
use std::io::{self, Write};

/// The `.pbt` that is recorded.
pub struct RecordingFile<W: Write> {
    assembler: Assembler,
    /// References on their way from the assembler to the writer.
    references: References,
    writer: Writer<W>,
    page_size: PageSize,
    /// The number of references of each process, by its number.
    refs_by_process: Vec<u64>,
}

impl<W: Write> RecordingFile<W> {
    /// Begins a recording of the references that `selection` takes, of pages of `page_size`. Writes to
    /// `out`, packed at `level`.
    ///
    /// # Errors
    ///
    /// Errors if `out` cannot be written.
    pub fn new(selection: Selection, page_size: PageSize, level: i32, out: W) -> io::Result<Self> {
        Ok(RecordingFile {
            assembler: Assembler::new(selection, Addressing::Bytes, page_size),
            references: References::default(),
            writer: Writer::new(out, level)?,
            page_size,
            refs_by_process: Vec::new(),
        })
    }

    /// Returns the number of references of each process, by its number; empty if there is none.
    pub fn refs_by_process(&self) -> &[u64] {
        &self.refs_by_process
    }

    /// Writes what is left, under the name `name`. Returns the output and a summary.
    ///
    /// # Errors
    ///
    /// Errors if anything could not be written, also earlier.
    pub fn finish(self, name: String) -> io::Result<(W, Summary)> {
        let meta = Meta {
            name,
            format: "valgrind".into(),
            kind: TraceKind::Full,
            addressing: Addressing::Bytes,
            page_size: self.page_size,
            skipped: 0,
        };
        let dictionary = self.assembler.into_dictionary();
        self.writer.finish(&meta, &dictionary)
    }

    /// Makes references of `accesses` and counts them by process.
    fn assemble(&mut self, accesses: &[Access]) -> io::Result<Flow> {
        for access in accesses {
            let before = self.references.len();
            let flow = self.assembler.access(access, &mut self.references);
            let count = (self.references.len() - before) as u64;
            if count > 0 {
                let process = access.pid as usize;
                let counts = &mut self.refs_by_process;
                counts.resize(counts.len().max(process + 1), 0);
                counts[process] += count;
            }
            if flow.map_err(io::Error::other)? == Flow::Done {
                return Ok(Flow::Done);
            }
        }
        Ok(Flow::More)
    }
}

impl<W: Write> RecordingSink for RecordingFile<W> {
    fn accesses(&mut self, accesses: &[Access]) -> io::Result<bool> {
        self.references.clear();
        let flow = self.assemble(accesses);
        let References { refs, kinds } = &self.references;
        self.writer.references(refs, kinds);
        // A failed write is reported at the end.
        Ok(flow? == Flow::More && self.writer.wants_more())
    }

    fn event(&mut self, process: u32, event: Event) -> io::Result<()> {
        let event = self.assembler.event(process, event, 0);
        self.writer.event(event);
        Ok(())
    }
}
