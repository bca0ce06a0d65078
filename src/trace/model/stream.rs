//! From a reader or a stored trace to the stream that an [`Assembler`] makes of it: references,
//! and the events between them, in order, into a [`Sink`].
//!
//! Puts accesses and events in order. Does not know how files are found and opened (see `source`),
//! nor what a reference or an event becomes (see `assembler`).

use super::access::{Access, Addressing, Kind};
use super::assembler::Assembler;
use super::collector::Collector;
use super::dense::Trace;
use super::densify::TooManyPages;
use super::error::TraceError;
use super::event::{Event, EventAt, EventRecord};
use super::refs::{CONTINUES, Dictionary, KindCode, PageKey, Ref, References, kind_of, page_of};
use super::sample::Chosen;
use super::selection::{Flow, Selection};
use super::sink::Sink;
use crate::trace::codec::read_ahead;
use crate::trace::codec::read_ahead::Wanted;
use crate::trace::format::Known;
use crate::trace::format::RecordReader;
use crate::trace::store::Store;
use crate::units::PageSize;
use std::path::Path;

/// An entry of a trace.
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

/// Number of references passed on at once: few enough to stay in the cache.
const AT_ONCE: usize = 4096;

/// Streams the accesses and events of `reader` to `sink`. `path` is for messages. `check` may object
/// once the addressing is known; `original` returns how the pages of the file were chosen. Pages take at
/// most about `memory` bytes. Returns the assembler, and what the reader knew at the end.
pub(in crate::trace) fn records(
    path: &Path,
    reader: &mut dyn RecordReader,
    original: impl Fn(Known) -> Chosen,
    selection: Selection,
    (page_size, memory): (PageSize, Option<u64>),
    check: impl Fn(Addressing) -> Result<(), TraceError>,
    sink: &mut impl Sink,
) -> Result<(Assembler, Known), TraceError> {
    let mut assembler = None;
    let has_events = reader.has_events();
    let first = wanted(selection.wanted().max(1), has_events);
    let mut selection = Some(selection);
    let mut out = References::default();
    let fail = |error| too_many_pages(path, error);
    let known = read_ahead::batches(reader, first, &mut |batch| {
        // Known only once something was read.
        let addressing = batch.known.addressing;
        if let Some(mut selection) = selection.take() {
            check(addressing)?;
            let original = original(batch.known);
            selection.sample = selection.sample.map(|rate| rate.of(original));
            let new = Assembler::new(selection, addressing, page_size);
            assembler = Some(new.with_memory(memory));
        }
        let assembler = assembler.as_mut().expect("made with the first batch");
        let flow = assembler.packed(&batch.packed, &mut out);
        pass_on(&mut out, sink);
        if flow.map_err(fail)? == Flow::Done {
            return Ok(Wanted::Nothing);
        }
        let mut at = 0;
        for told in batch.events.drain(..) {
            let flow = accesses(assembler, &batch.accesses[at..told.before], &mut out, sink);
            if flow.map_err(fail)? == Flow::Done {
                return Ok(Wanted::Nothing);
            }
            at = told.before;
            sink.event(assembler.event(told.pid, told.event, told.line));
        }
        let flow = accesses(assembler, &batch.accesses[at..], &mut out, sink);
        Ok(
            match flow.map_err(fail)? == Flow::More && sink.wants_more() {
                true => wanted(assembler.wanted(), has_events),
                false => Wanted::Nothing,
            },
        )
    })?;
    let assembler = assembler.expect("at least one batch is taken");
    Ok((assembler, known))
}

/// Passes the references of `accesses` on to `sink`, those of a wide one before those of the next.
fn accesses(
    assembler: &mut Assembler,
    mut accesses: &[Access],
    out: &mut References,
    sink: &mut impl Sink,
) -> Result<Flow, TooManyPages> {
    loop {
        let wide = accesses.iter().position(|access| assembler.is_wide(access));
        let (now, later) = accesses.split_at(wide.map_or(accesses.len(), |at| at + 1));
        let flow = assembler.accesses(now, out);
        pass_on(out, sink);
        if flow? == Flow::Done || later.is_empty() || !sink.wants_more() {
            return flow;
        }
        accesses = later;
    }
}

/// Passes references on to `sink` and removes them from `out`.
fn pass_on(out: &mut References, sink: &mut impl Sink) {
    sink.references(&out.refs, &out.kinds);
    out.clear();
}

/// Returns what is wanted of a reader while at least `references` references are wanted: each access
/// is one at least. Part of a trace are the events up to the next reference that would be in it.
pub(in crate::trace) fn wanted(references: u64, has_events: bool) -> Wanted {
    match (references, has_events) {
        (0, true) => Wanted::Events,
        (0, false) => Wanted::Nothing,
        (references, _) => Wanted::Accesses(references),
    }
}

/// Streams a stored trace to `sink`. `page_size` must not be finer than the stored one; `path` is for
/// messages. Pages take at most about `memory` bytes.
pub(in crate::trace) fn stored(
    path: &Path,
    store: &Store,
    selection: Selection,
    (page_size, memory): (PageSize, Option<u64>),
    sink: &mut impl Sink,
) -> Result<Assembler, TraceError> {
    let assembler = Assembler::new(selection, store.meta.addressing, page_size);
    let mut feed = Feed {
        assembler: assembler.with_memory(memory),
        dictionary: &store.dictionary,
        coarser: page_size.shift() - store.meta.page_size.shift(),
        events: &store.events,
        position: 0,
        out: References::default(),
    };
    // Events may precede the first reference, and there may be none.
    feed.events(sink);
    store.each_block(|tile| {
        let flow = feed.references(tile.refs, tile.kinds, sink);
        let flow = flow.map_err(|e| too_many_pages(path, e))?;
        Ok::<_, TraceError>(flow == Flow::More && sink.wants_more())
    })?;
    Ok(feed.assembler)
}

/// Returns a trace of the same accesses with coarser pages, from one already in memory. `path` is for
/// messages.
pub(in crate::trace) fn coarsened(
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
        out: References::default(),
    };
    let mut collector = Collector::default();
    feed.events(&mut collector);
    let mut result = Ok(Flow::More);
    trace.tiles_of(0..trace.len(), |tile| {
        result = feed.references(tile.refs, tile.kinds, &mut collector);
        result.is_ok()
    });
    result.map_err(|e| too_many_pages(path, e))?;
    let mut meta = trace.meta.clone();
    meta.page_size = page_size;
    Ok(collector.into_trace(meta, feed.assembler.into_dictionary()))
}

/// Feeds the references of a stored trace to an assembler, and its events at their positions.
struct Feed<'a> {
    assembler: Assembler,
    dictionary: &'a Dictionary,
    /// How far to shift a stored page number right to get the requested page size.
    coarser: u8,
    /// The events to come.
    events: &'a [EventAt],
    /// References fed so far, which the positions of events count.
    position: u64,
    /// References on their way to the sink.
    out: References,
}

impl Feed<'_> {
    /// Feeds the next references, the events between them, and those right after the last.
    fn references(
        &mut self,
        mut refs: &[Ref],
        mut kinds: &[KindCode],
        sink: &mut impl Sink,
    ) -> Result<Flow, TooManyPages> {
        while !refs.is_empty() {
            let until = |event: &EventAt| event.position.saturating_sub(self.position);
            let run = self.events.first().map_or(u64::MAX, until);
            let run = run.min(refs.len().min(AT_ONCE) as u64) as usize;
            let flow = self.run(&refs[..run], &kinds[..run]);
            pass_on(&mut self.out, sink);
            if flow? == Flow::Done {
                return Ok(Flow::Done);
            }
            (refs, kinds) = (&refs[run..], &kinds[run..]);
            self.position += run as u64;
            self.events(sink);
        }
        Ok(Flow::More)
    }

    /// Feeds references without an event between them.
    fn run(&mut self, refs: &[Ref], kinds: &[KindCode]) -> Result<Flow, TooManyPages> {
        let Dictionary { pids, pages } = self.dictionary;
        for (&reference, &kind) in refs.iter().zip(kinds) {
            let key = pages[page_of(reference) as usize];
            let out = &mut self.out;
            if self.assembler.stored(pids, key, self.coarser, kind, out)? == Flow::Done {
                return Ok(Flow::Done);
            }
        }
        Ok(Flow::More)
    }

    /// Passes on the events at the present position.
    fn events(&mut self, sink: &mut impl Sink) {
        while let Some((event, rest)) = self.events.split_first()
            && event.position <= self.position
        {
            sink.event(self.assembler.stored_event(&self.dictionary.pids, event));
            self.events = rest;
        }
    }
}

/// Calls `sink` with the accesses and events of `reader`, and with what the reader knows, until `sink`
/// wants nothing more; `first` is what is wanted at first. Returns what the reader knew after the last
/// access wanted.
pub(in crate::trace) fn list_records<E: From<TraceError>>(
    reader: &mut dyn RecordReader,
    first: Wanted,
    mut sink: impl FnMut(Known, Record<'_>) -> Result<Wanted, E>,
) -> Result<Known, E> {
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
        // The good records before a bad one come first.
        list_batch(&batch, &events, |record| {
            wanted = sink(known, record)?;
            Ok::<_, E>(match wanted {
                Wanted::Nothing => Flow::Done,
                _ => Flow::More,
            })
        })?;
        events.clear();
        match filled {
            Ok(true) => {}
            Err(error) if matches!(wanted, Wanted::Accesses(_)) => return Err(error.into()),
            Ok(false) | Err(_) => break,
        }
    }
    Ok(known)
}

/// Calls `sink` with the accesses of a batch and the events between them, until it is done.
fn list_batch<E>(
    batch: &[Access],
    events: &[EventRecord],
    mut sink: impl FnMut(Record<'_>) -> Result<Flow, E>,
) -> Result<(), E> {
    let mut events = events.iter().peekable();
    for at in 0..=batch.len() {
        while let Some(told) = events.next_if(|told| told.before == at) {
            let (pid, event) = (told.pid, &told.event);
            if sink(Record::Event { pid, event })? == Flow::Done {
                return Ok(());
            }
        }
        if let Some(&access) = batch.get(at)
            && sink(Record::Access(access))? == Flow::Done
        {
            return Ok(());
        }
    }
    Ok(())
}

/// How to list the pages of one access of a stored trace. A `.pbt` keeps pages, not addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::trace) enum StoredPages {
    /// Each page is an access to its first byte.
    Split,
    /// The pages of one access become one access, from the last byte of the first page to the first
    /// byte of the last, so that smaller pages add as few references as possible.
    Joined,
}

/// Calls `sink` with the accesses and events of a stored trace, in order, until it is done.
pub(in crate::trace) fn list_stored<E: From<TraceError>>(
    store: &Store,
    pages: StoredPages,
    mut sink: impl FnMut(Record<'_>) -> Result<Flow, E>,
) -> Result<(), E> {
    let (dictionary, shift) = (&store.dictionary, store.meta.page_shift());
    let mut events = store.events.iter().peekable();
    let tell = |event: &EventAt, sink: &mut dyn FnMut(Record<'_>) -> Result<Flow, E>| {
        let (pid, event) = event.with_pids(&dictionary.pids);
        sink(Record::Event { pid, event: &event })
    };
    // The access to which more pages may belong, at the end of a tile.
    let mut held_over: Option<HeldAccess> = None;
    let mut flow = Flow::More;
    store.each_block(|tile| {
        // Local to the tile: the loop keeps it in registers.
        let mut held = held_over.take();
        for ((&reference, &code), position) in tile.refs.iter().zip(tile.kinds).zip(tile.start..) {
            let key = dictionary.pages[page_of(reference) as usize];
            if let Some(access) = &mut held {
                let may_join = pages == StoredPages::Joined && code & CONTINUES != 0;
                if may_join && access.grow(key, shift) {
                    continue;
                }
                flow = sink(access.record(&dictionary.pids, shift))?;
            }
            while flow == Flow::More
                && let Some(event) = events.next_if(|event| event.position <= position)
            {
                flow = tell(event, &mut sink)?;
            }
            if flow == Flow::Done {
                return Ok(false);
            }
            held = Some(HeldAccess {
                first: key,
                last: key.number,
                kind: kind_of(code),
            });
        }
        held_over = held;
        Ok::<_, E>(true)
    })?;
    if let Some(access) = held_over {
        flow = sink(access.record(&dictionary.pids, shift))?;
    }
    while flow == Flow::More
        && let Some(event) = events.next()
    {
        flow = tell(event, &mut sink)?;
    }
    Ok(())
}

/// An access of a stored trace, to pages that follow each other.
struct HeldAccess {
    first: PageKey,
    /// The number of the last page.
    last: u64,
    kind: Kind,
}

impl HeldAccess {
    /// Adds a page if it is the next one and the size still fits. Returns whether it was added.
    fn grow(&mut self, key: PageKey, shift: u32) -> bool {
        let is_next =
            key.process == self.first.process && self.last.checked_add(1) == Some(key.number);
        let joined = HeldAccess {
            last: key.number,
            ..*self
        };
        let grows = is_next && u32::try_from(joined.range(shift).1).is_ok();
        if grows {
            *self = joined;
        }
        grows
    }

    /// Returns the address and the size in bytes, or the first id and the number of ids.
    #[inline]
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

    /// Returns the access, of the process that `pids` names.
    #[inline]
    fn record(&self, pids: &[u32], shift: u32) -> Record<'static> {
        let (addr, size) = self.range(shift);
        Record::Access(Access {
            pid: pids[self.first.process as usize],
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
mod tests;
