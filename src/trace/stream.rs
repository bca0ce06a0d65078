//! From a reader or a stored trace to the stream that an [`Assembler`] makes of it: references,
//! and the events between them, in order, into a [`Sink`].
//!
//! Knows how accesses and events are put in order. Does not know how files are found and opened
//! (see `source`), nor what a reference or an event becomes (see `select`).

use super::ahead::{self, Known};
use super::dense::{CONTINUES, Dictionary, KIND_MASK, KindCode, Ref, TooManyPages, Trace, page_of};
use super::error::TraceError;
use super::event::{Event, EventAt};
use super::format::RecordReader;
use super::record::{Access, Addressing, Kind, Packed};
use super::sample::Chosen;
use super::select::{Assembler, Collector, Flow, Selection, Sink};
use super::store::Store;
use crate::units::PageSize;
use std::path::Path;

/// One thing that a trace says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record<'a> {
    /// An access.
    Access(Access),
    /// An event.
    Event {
        /// The process, as the file numbers it.
        pid: u32,
        /// What happens; the child of a fork is a process id.
        event: &'a Event,
    },
}

/// Streams what a reader reads. The path is for messages; `check` may object once the addressing
/// is known, and `original` says how its pages were chosen. Returns what the reader knew at the
/// end, too.
pub(super) fn records(
    path: &Path,
    reader: &mut dyn RecordReader,
    original: impl Fn(Known) -> Chosen,
    selection: Selection,
    page_size: PageSize,
    check: impl Fn(Addressing) -> Result<(), TraceError>,
    sink: &mut impl Sink,
) -> Result<(Assembler, Known), TraceError> {
    // With a limit nothing is read that is not wanted: a pipe might stay open.
    let ahead = selection.limit.is_none();
    let mut assembler = None;
    let mut selection = Some(selection);
    let mut references = References::default();
    let known = ahead::batches(reader, ahead, &mut |batch| {
        // Known only once something was read.
        let addressing = batch.known.addressing;
        if let Some(mut selection) = selection.take() {
            check(addressing)?;
            let original = original(batch.known);
            selection.sample = selection.sample.map(|rate| rate.of(original));
            assembler = Some(Assembler::new(selection, addressing, page_size));
        }
        let assembler = assembler.as_mut().expect("made with the first batch");
        let flow = references.of_packed(assembler, &batch.packed, sink);
        if flow.map_err(|e| too_many_pages(path, e))? == Flow::Done {
            return Ok(false);
        }
        let mut at = 0;
        for told in batch.events.drain(..) {
            let accesses = &batch.accesses[at..told.before];
            let flow = references.of(assembler, accesses, sink);
            if flow.map_err(|e| too_many_pages(path, e))? == Flow::Done {
                return Ok(false);
            }
            at = told.before;
            sink.event(assembler.event(&told));
        }
        let flow = references.of(assembler, &batch.accesses[at..], sink);
        let flow = flow.map_err(|e| too_many_pages(path, e))?;
        Ok(flow == Flow::More && sink.wants_more())
    })?;
    let assembler = assembler.expect("at least one batch is taken");
    Ok((assembler, known))
}

/// Buffers for the references that accesses become.
#[derive(Default)]
struct References {
    refs: Vec<Ref>,
    kinds: Vec<KindCode>,
}

impl References {
    /// Hands the references of these packed accesses on.
    fn of_packed(
        &mut self,
        assembler: &mut Assembler,
        words: &[Packed],
        sink: &mut impl Sink,
    ) -> Result<Flow, TooManyPages> {
        self.refs.clear();
        self.kinds.clear();
        let flow = assembler.packed(words, &mut self.refs, &mut self.kinds);
        sink.references(&self.refs, &self.kinds);
        flow
    }

    /// Hands the references of these accesses on.
    fn of(
        &mut self,
        assembler: &mut Assembler,
        accesses: &[Access],
        sink: &mut impl Sink,
    ) -> Result<Flow, TooManyPages> {
        self.refs.clear();
        self.kinds.clear();
        let flow = assembler.accesses(accesses, &mut self.refs, &mut self.kinds);
        sink.references(&self.refs, &self.kinds);
        flow
    }
}

/// Streams a stored trace at this page size, which must not be finer than its own.
pub(super) fn stored(
    path: &Path,
    store: &Store,
    selection: Selection,
    page_size: PageSize,
    sink: &mut impl Sink,
) -> Result<Assembler, TraceError> {
    let mut feed = Feed {
        assembler: Assembler::new(selection, store.meta.addressing, page_size),
        dictionary: &store.dictionary,
        coarser: page_size.shift() - store.meta.page_size.shift(),
        events: &store.events,
        position: 0,
    };
    let (mut refs, mut kinds) = (Vec::new(), Vec::new());
    // The first events may stand before no reference at all.
    feed.events(sink);
    for block in 0..store.blocks() {
        refs.clear();
        kinds.clear();
        store.unpack(block, &mut refs, &mut kinds)?;
        let flow = feed.references(&refs, &kinds, sink);
        if flow.map_err(|e| too_many_pages(path, e))? == Flow::Done || !sink.wants_more() {
            break;
        }
    }
    Ok(feed.assembler)
}

/// A trace of the same accesses with coarser pages, from one already in memory. The path is for
/// messages.
pub(super) fn coarsened(
    path: &Path,
    trace: &Trace,
    page_size: PageSize,
) -> Result<Trace, TraceError> {
    let mut feed = Feed {
        assembler: Assembler::new(Selection::default(), trace.meta.addressing, page_size),
        dictionary: &trace.dictionary,
        coarser: page_size.shift() - trace.meta.page_size.shift(),
        events: &trace.events,
        position: 0,
    };
    let mut collector = Collector::default();
    feed.events(&mut collector);
    let mut result = Ok(());
    trace.tiles_of(0..trace.len(), |tile| {
        let flow = feed.references(tile.refs, tile.kinds, &mut collector);
        result = flow.map(|_| ());
        result.is_ok()
    });
    result.map_err(|e| too_many_pages(path, e))?;
    let mut meta = trace.meta.clone();
    meta.page_size = page_size;
    Ok(collector.into_trace(meta, feed.assembler.into_dictionary()))
}

/// Feeds the references of a stored trace to an assembler, and its events where they stand.
struct Feed<'a> {
    assembler: Assembler,
    dictionary: &'a Dictionary,
    /// By so many bits the pages wanted are coarser than those stored.
    coarser: u8,
    /// The events to come.
    events: &'a [EventAt],
    /// References fed so far, which the positions of events count.
    position: u64,
}

impl Feed<'_> {
    /// The next references, and the events before them and right behind the last.
    fn references(
        &mut self,
        mut refs: &[Ref],
        mut kinds: &[KindCode],
        sink: &mut impl Sink,
    ) -> Result<Flow, TooManyPages> {
        while !refs.is_empty() {
            let until = |event: &EventAt| event.position.saturating_sub(self.position);
            let run = self.events.first().map_or(u64::MAX, until);
            let run = run.min(refs.len() as u64) as usize;
            for (&reference, &kind) in refs[..run].iter().zip(&kinds[..run]) {
                let key = self.dictionary.pages[page_of(reference) as usize];
                let mut push = |r, k| sink.reference(r, k);
                let flow =
                    self.assembler
                        .stored(self.dictionary, key, self.coarser, kind, &mut push)?;
                if flow == Flow::Done {
                    return Ok(Flow::Done);
                }
            }
            (refs, kinds) = (&refs[run..], &kinds[run..]);
            self.position += run as u64;
            self.events(sink);
        }
        Ok(Flow::More)
    }

    /// The events that stand here.
    fn events(&mut self, sink: &mut impl Sink) {
        while let Some((event, rest)) = self.events.split_first()
            && event.position <= self.position
        {
            sink.event(self.assembler.stored_event(self.dictionary, event));
            self.events = rest;
        }
    }
}

/// Calls `sink` with what a reader reads and what it knows, until it returns false. Returns what
/// the reader knew at the end.
pub(super) fn list_records(
    reader: &mut dyn RecordReader,
    mut sink: impl FnMut(Known, Record<'_>) -> bool,
) -> Result<Known, TraceError> {
    let (mut batch, mut events) = (Vec::new(), Vec::new());
    while reader.fill(&mut batch)? {
        let known = Known::of(reader);
        let mut sink = |record: Record<'_>| sink(known, record);
        reader.take_events(&mut events);
        let mut at = 0;
        for told in events.drain(..) {
            let (pid, event) = (told.pid, &told.event);
            let mut before = batch[at..told.before].iter().copied().map(Record::Access);
            at = told.before;
            if !before.all(&mut sink) || !sink(Record::Event { pid, event }) {
                return Ok(known);
            }
        }
        if !batch.drain(..).skip(at).map(Record::Access).all(&mut sink) {
            return Ok(known);
        }
    }
    Ok(Known::of(reader))
}

/// The most bytes of an access that is joined, as of any access that is read.
const JOINED_MAX: u64 = 1 << 24;

/// Calls `sink` with what a stored trace says, until it returns false: the beginnings of pages
/// instead of addresses. Each page is an access, or, to be joined, those of one access are one: from
/// the beginning of the first to the first byte of the last.
pub(super) fn list_stored(
    store: &Store,
    join: bool,
    mut sink: impl FnMut(Record<'_>) -> bool,
) -> Result<(), TraceError> {
    let dictionary = &store.dictionary;
    let shift = store.meta.page_shift();
    let access = |(reference, kind): (&Ref, &KindCode)| {
        let key = dictionary.pages[page_of(*reference) as usize];
        Access {
            pid: dictionary.pids[key.process as usize],
            kind: Kind::ALL[usize::from(kind & KIND_MASK)],
            addr: key.number << shift,
            size: 1,
        }
    };
    let tell = |event: &EventAt, sink: &mut dyn FnMut(Record<'_>) -> bool| {
        let told = event.told(dictionary, 0);
        let (pid, event) = (told.pid, &told.event);
        sink(Record::Event { pid, event })
    };
    let mut events = store.events.iter().peekable();
    let mut position = 0;
    // The access to which more pages may belong.
    let mut held: Option<Access> = None;
    let (mut refs, mut kinds) = (Vec::new(), Vec::new());
    for block in 0..store.blocks() {
        refs.clear();
        kinds.clear();
        store.unpack(block, &mut refs, &mut kinds)?;
        for (reference, kind) in refs.iter().zip(&kinds) {
            if join && kind & CONTINUES != 0 && grows(&mut held, 1 << shift) {
                position += 1;
                continue;
            }
            if !held
                .take()
                .is_none_or(|access| sink(Record::Access(access)))
            {
                return Ok(());
            }
            while let Some(event) = events.next_if(|event| event.position <= position) {
                if !tell(event, &mut sink) {
                    return Ok(());
                }
            }
            held = Some(access((reference, kind)));
            position += 1;
        }
    }
    if held.is_none_or(|access| sink(Record::Access(access))) {
        events.all(|event| tell(event, &mut sink));
    }
    Ok(())
}

/// Lets an access reach into the next page, if it may be so large.
fn grows(held: &mut Option<Access>, page_bytes: u64) -> bool {
    let size = |access: &&mut Access| u64::from(access.size) + page_bytes;
    match held.as_mut().filter(|access| size(access) <= JOINED_MAX) {
        Some(access) => {
            access.size += page_bytes as u32;
            true
        }
        None => false,
    }
}

fn too_many_pages(path: &Path, error: TooManyPages) -> TraceError {
    TraceError::new(path, error.to_string())
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
