//! The miss stream of a cell: what its memory asks of the level behind it, as a trace of that level.
//! Every fault is a reference of the kind that it was, every write-back is a write; a page is written
//! back before the fault that it makes room for. Counting begins after the warm-up, and so does the
//! stream.
//!
//! Where address spaces share pages, or something happens to them, a page of the stream is a page of
//! memory, by a number: two processes that share it fault on one page. Elsewhere it is the page of
//! the trace.
//!
//! Knows nothing of files: the caller gives each cell a place to write to.

use super::{Cell, Plan};
use crate::trace::model::access::{Addressing, Kind, TraceKind};
use crate::trace::model::refs::{Dictionary, Meta, PageKey, pack};
use crate::trace::model::sink::Sink;
use crate::trace::store::Writer;
use crate::units::PageId;
use crate::vm::{FaultEvent, Listener, Outcome};
use std::borrow::Cow;
use std::io::{self, Write};

/// Where the stream of one cell goes.
pub trait MissOutput: Write + Send {
    /// The name of the trace.
    fn name(&self) -> String;

    /// Makes what was written final. Dropped without this call it leaves nothing.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// Opens the place for the stream of a cell, by its index in the plan; the error is a message.
pub type OpenMisses<'a> = dyn Fn(usize) -> Result<Box<dyn MissOutput>, String> + Sync + 'a;

/// Compression of the file, as the default of `convert`.
const LEVEL: i32 = 3;

/// The format that the metadata of a stream names.
const FORMAT: &str = "misses";

/// No page of the stream.
const NONE: PageId = PageId::MAX;

/// Takes the events of a cell and writes its stream.
pub(super) struct MissStream<'t> {
    writer: Writer<Box<dyn MissOutput>>,
    meta: Meta,
    /// Process ids of the trace.
    pids: Cow<'t, [u32]>,
    /// The page of each page of the machine; `None` if that has a number only.
    keys: Option<&'t [PageKey]>,
    /// For each page of the machine its id in the stream, or [`NONE`].
    ids: Vec<PageId>,
    /// For each process of the trace its index in the stream, or [`NONE`].
    processes: Vec<u32>,
    dictionary: Dictionary,
    /// The warm-up is over.
    counts: bool,
    references: u64,
}

impl<'t> MissStream<'t> {
    /// Begins the stream of the cell at `index` in what `open` opens for it.
    pub(super) fn open(
        plan: &Plan<'t>,
        index: usize,
        open: &OpenMisses<'_>,
    ) -> Result<MissStream<'t>, String> {
        let output = open(index)?;
        let name = output.name();
        let begun = MissStream::begin(plan, &plan.cells[index], output);
        begun.map_err(|error| cannot_write(&name, &error))
    }

    fn begin(
        plan: &Plan<'t>,
        cell: &Cell,
        output: Box<dyn MissOutput>,
    ) -> io::Result<MissStream<'t>> {
        let resolved = plan.traces[cell.trace];
        let trace = &resolved.trace;
        let keys = match &resolved.space {
            None => Some(&trace.dictionary.pages[..]),
            Some(space) if space.is_identity() => Some(&space.entries[..]),
            Some(_) => None,
        };
        let pids = match keys {
            Some(_) => Cow::Borrowed(&trace.dictionary.pids[..]),
            None => Cow::Owned(vec![0]),
        };
        let addressing = match keys {
            Some(_) => trace.meta.addressing,
            None => Addressing::Ids,
        };
        let meta = Meta {
            name: output.name(),
            format: FORMAT.to_owned(),
            kind: TraceKind::FaultsOnly,
            addressing,
            page_size: trace.meta.page_size,
            skipped: 0,
        };
        Ok(MissStream {
            // Other cells use the other cores.
            writer: Writer::with_threads(output, LEVEL, 0)?,
            meta,
            processes: vec![NONE; pids.len()],
            pids,
            keys,
            ids: vec![NONE; keys.map_or(resolved.objects(), <[PageKey]>::len)],
            dictionary: Dictionary::default(),
            counts: false,
            references: 0,
        })
    }

    fn push(&mut self, page: PageId, kind: Kind) {
        if !self.counts {
            return;
        }
        let mut id = self.ids[page as usize];
        if id == NONE {
            id = self.enter(page);
        }
        self.references += 1;
        let reference = pack(id, kind == Kind::Write);
        self.writer.references(&[reference], &[kind as u8]);
    }

    /// Gives a page its id, and its process an index, in order of first reference.
    fn enter(&mut self, page: PageId) -> PageId {
        let key = match self.keys {
            Some(keys) => keys[page as usize],
            None => PageKey {
                process: 0,
                number: u64::from(page),
            },
        };
        let Dictionary { pids, pages } = &mut self.dictionary;
        let process = &mut self.processes[key.process as usize];
        if *process == NONE {
            *process = pids.len() as u32;
            pids.push(self.pids[key.process as usize]);
        }
        let id = pages.len() as PageId;
        pages.push(PageKey {
            process: *process,
            number: key.number,
        });
        self.ids[page as usize] = id;
        id
    }

    /// Ends the stream of a cell with this outcome. Errors if it cannot be written; the message names
    /// what was tried.
    ///
    /// # Panics
    /// If the stream has another number of references than the cell has faults and write-backs.
    pub(super) fn finish(self, outcome: &Outcome) -> Result<(), String> {
        let counters = &outcome.counters;
        assert_eq!(
            self.references,
            counters.faults() + counters.write_backs(),
            "every fault and every write-back is in the miss stream"
        );
        let name = self.meta.name.clone();
        let written = self.writer.finish(&self.meta, &self.dictionary);
        written
            .and_then(|(output, _)| output.finish())
            .map_err(|error| cannot_write(&name, &error))
    }
}

/// Says that the stream `name` cannot be written.
fn cannot_write(name: &str, error: &io::Error) -> String {
    format!("miss stream {name}: cannot write: {error}")
}

impl Listener for MissStream<'_> {
    fn fault(&mut self, event: &FaultEvent) {
        self.push(event.page, event.access);
    }

    fn written_back(&mut self, page: PageId) {
        self.push(page, Kind::Write);
    }

    fn start_counting(&mut self) {
        self.counts = true;
    }
}
