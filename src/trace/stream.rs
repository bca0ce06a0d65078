//! From a reader or a stored trace to the stream that an [`Assembler`] makes of it: references,
//! and the events between them, in order, into a [`Sink`].
//!
//! Knows how accesses and events are put in order. Does not know how files are found and opened
//! (see `source`), nor what a reference or an event becomes (see `select`).

use super::ahead::{self, Known, Wanted};
use super::dense::{
    CONTINUES, Dictionary, KIND_MASK, KindCode, PageKey, Ref, TooManyPages, Trace, page_of,
};
use super::error::TraceError;
use super::event::{Event, EventAt, Told};
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
    let mut assembler = None;
    let has_events = reader.has_events();
    let first = wanted(selection.wanted().max(1), has_events);
    let mut selection = Some(selection);
    let mut references = References::default();
    let known = ahead::batches(reader, first, &mut |batch| {
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
            return Ok(Wanted::Nothing);
        }
        let mut at = 0;
        for told in batch.events.drain(..) {
            let accesses = &batch.accesses[at..told.before];
            let flow = references.of(assembler, accesses, sink);
            if flow.map_err(|e| too_many_pages(path, e))? == Flow::Done {
                return Ok(Wanted::Nothing);
            }
            at = told.before;
            sink.event(assembler.event(&told));
        }
        let flow = references.of(assembler, &batch.accesses[at..], sink);
        let flow = flow.map_err(|e| too_many_pages(path, e))?;
        Ok(match flow == Flow::More && sink.wants_more() {
            true => wanted(assembler.wanted(), has_events),
            false => Wanted::Nothing,
        })
    })?;
    let assembler = assembler.expect("at least one batch is taken");
    Ok((assembler, known))
}

/// What is wanted of a reader while so many references are wanted: each access is one at least. A
/// part of a trace has the events up to the next reference that would be in it.
pub(super) fn wanted(references: u64, has_events: bool) -> Wanted {
    match (references, has_events) {
        (0, true) => Wanted::Events,
        (0, false) => Wanted::Nothing,
        (references, _) => Wanted::Accesses(references),
    }
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

/// Calls `sink` with what a reader reads and what it knows, until `sink` wants nothing more; `first`
/// is what is wanted at first. Returns what the reader knew behind the last access wanted.
pub(super) fn list_records(
    reader: &mut dyn RecordReader,
    first: Wanted,
    mut sink: impl FnMut(Known, Record<'_>) -> Wanted,
) -> Result<Known, TraceError> {
    let (mut batch, mut events) = (Vec::new(), Vec::new());
    let mut wanted = first;
    let mut known = reader.known();
    while wanted != Wanted::Nothing {
        batch.clear();
        let filled = reader.fill(&mut batch, wanted.most());
        reader.take_events(&mut events);
        if let Wanted::Accesses(_) = wanted {
            known = reader.known();
        }
        let mut sink = |record: Record<'_>| {
            wanted = sink(known, record);
            wanted != Wanted::Nothing
        };
        // What is good before a bad record comes first.
        list_batch(&batch, &events, &mut sink);
        events.clear();
        match filled {
            Ok(true) => {}
            Err(error) if matches!(wanted, Wanted::Accesses(_)) => return Err(error),
            Ok(false) | Err(_) => break,
        }
    }
    Ok(known)
}

/// Calls `sink` with these accesses and the events between them, until it returns false.
fn list_batch(batch: &[Access], events: &[Told], sink: &mut dyn FnMut(Record<'_>) -> bool) {
    let mut at = 0;
    for told in events {
        let (pid, event) = (told.pid, &told.event);
        let mut before = batch[at..told.before].iter().copied().map(Record::Access);
        at = told.before;
        if !before.all(&mut *sink) || !sink(Record::Event { pid, event }) {
            return;
        }
    }
    batch[at..].iter().copied().map(Record::Access).all(sink);
}

/// Calls `sink` with what a stored trace says, until it returns false: the beginnings of pages
/// instead of addresses. Each page is an access, or, to be joined, those of one access are one: from
/// the last byte of the first to the first byte of the last, so that smaller pages add as few
/// references as can be.
pub(super) fn list_stored(
    store: &Store,
    join: bool,
    mut sink: impl FnMut(Record<'_>) -> bool,
) -> Result<(), TraceError> {
    let (dictionary, shift) = (&store.dictionary, store.meta.page_shift());
    let tell = |event: &EventAt, sink: &mut dyn FnMut(Record<'_>) -> bool| {
        let told = event.told(dictionary, 0);
        let (pid, event) = (told.pid, &told.event);
        sink(Record::Event { pid, event })
    };
    let mut events = store.events.iter().peekable();
    let mut position = 0;
    // The access to which more pages may belong.
    let mut held: Option<Held> = None;
    let (mut refs, mut kinds) = (Vec::new(), Vec::new());
    for block in 0..store.blocks() {
        refs.clear();
        kinds.clear();
        store.unpack(block, &mut refs, &mut kinds)?;
        for (reference, kind) in refs.iter().zip(&kinds) {
            let key = dictionary.pages[page_of(*reference) as usize];
            if join
                && kind & CONTINUES != 0
                && held.as_mut().is_some_and(|held| held.grow(key, shift))
            {
                position += 1;
                continue;
            }
            if !held.take().is_none_or(|held| sink(held.record(store))) {
                return Ok(());
            }
            while let Some(event) = events.next_if(|event| event.position <= position) {
                if !tell(event, &mut sink) {
                    return Ok(());
                }
            }
            held = Some(Held {
                first: key,
                last: key.number,
                kind: Kind::ALL[usize::from(kind & KIND_MASK)],
            });
            position += 1;
        }
    }
    if held.is_none_or(|held| sink(held.record(store))) {
        events.all(|event| tell(event, &mut sink));
    }
    Ok(())
}

/// An access of a stored trace, to pages one behind the other.
struct Held {
    first: PageKey,
    /// The number of the last page.
    last: u64,
    kind: Kind,
}

impl Held {
    /// Takes a page to the access, if it is the next one and the access does not become too large.
    fn grow(&mut self, key: PageKey, shift: u32) -> bool {
        let is_next =
            key.process == self.first.process && self.last.checked_add(1) == Some(key.number);
        let joined = Held {
            last: key.number,
            ..*self
        };
        let grows = is_next && u32::try_from(joined.range(shift).1).is_ok();
        if grows {
            *self = joined;
        }
        grows
    }

    /// The address and the size in bytes, or the first id and their number.
    fn range(&self, shift: u32) -> (u64, u64) {
        let (first, last) = (self.first.number << shift, self.last << shift);
        match first == last {
            true => (first, 1),
            false => {
                let addr = first + ((1 << shift) - 1);
                (addr, last - addr + 1)
            }
        }
    }

    fn record(&self, store: &Store) -> Record<'static> {
        let (addr, size) = self.range(store.meta.page_shift());
        Record::Access(Access {
            pid: store.dictionary.pids[self.first.process as usize],
            kind: self.kind,
            addr,
            size: size as u32,
        })
    }
}

fn too_many_pages(path: &Path, error: TooManyPages) -> TraceError {
    TraceError::new(path, error.to_string())
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
