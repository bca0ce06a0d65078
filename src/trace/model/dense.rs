//! The dense trace: every reference as a `u32` page id and a kind, ids in order of first
//! reference, and the dictionary that maps an id to a process and a page number.
//!
//! It is immutable once built, and shared by all cells that replay it. It is *unresolved*: it has the
//! pages that a program touched, not their mappings. Knows nothing of policies and frames.

use super::digest::Digest;
use super::error::TraceError;
use super::event::{Event, EventAt};
use super::refs::{Dictionary, KindCode, Meta, NEVER, Ref, References, page_of};
use super::tile::Tile;
use crate::trace::bursts::Bursts;
use crate::trace::store::Store;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// A trace. See the module's documentation.
#[derive(Debug)]
pub struct Trace {
    /// Metadata.
    pub meta: Meta,
    /// Processes and pages by dense id. A trace in its file shares them with its [`Store`].
    pub dictionary: Arc<Dictionary>,
    /// Events of address spaces, in order. Positions never decrease and are at most the number of
    /// references.
    pub events: Vec<EventAt>,
    body: Body,
    /// Second copy of the references of a trace kept as bursts, decoded at first use.
    flat: OnceLock<References>,
    digest: OnceLock<u128>,
    next_use: OnceLock<Vec<u32>>,
}

/// How the references are kept.
#[derive(Debug)]
enum Body {
    /// One by one: locality is poor, or the trace was just made.
    Flat(References),
    /// As bursts.
    Bursts(Bursts),
    /// Only the lists of bursts were loaded: enough for an LRU curve, but no single reference.
    Lists(Bursts),
    /// In their file, because they are too many for memory.
    Stored(Box<Store>),
}

/// Number of references decoded at a time: few enough to stay in the cache.
const TILE: usize = 1 << 15;

/// Why a trace in its file has no references to hand out.
const IN_FILE: &str = "the trace stays in its file";
/// Why a trace of lists has no references to hand out.
const NO_REFERENCES: &str = "only the lists of bursts were loaded";

impl Trace {
    /// Returns a trace of references in memory. `digest` is its digest, if known already.
    ///
    /// # Panics
    /// Panics if `refs` and `kinds` differ in length.
    pub fn new(
        meta: Meta,
        dictionary: impl Into<Arc<Dictionary>>,
        refs: Vec<Ref>,
        kinds: Vec<KindCode>,
        digest: Option<u128>,
    ) -> Trace {
        assert_eq!(refs.len(), kinds.len());
        let body = Body::Flat(References { refs, kinds });
        Trace::of(meta, dictionary.into(), body, digest)
    }

    /// Loads `store` into memory, blocks in parallel. Errors if its digest does not match.
    pub fn load(mut store: Store) -> Result<Trace, TraceError> {
        let body = match store.is_local() {
            true => Body::Bursts(store.load_bursts()?),
            false => Body::Flat(store.load_references()?),
        };
        let (meta, dictionary) = (store.meta.clone(), store.dictionary.clone());
        let events = std::mem::take(&mut store.events);
        let trace = Trace::of(meta, dictionary, body, None).with_events(events);
        store.check_digest(trace.digest())?;
        Ok(trace)
    }

    /// Loads the per-burst lists of `store` only: enough for an LRU curve, but the references must not
    /// be asked for. Falls back to [`Trace::load`] if the file has no lists, has events, or has poor
    /// locality. The digest is taken from the file, unchecked.
    pub fn load_lists(store: Store) -> Result<Trace, TraceError> {
        if !store.is_local() || !store.events.is_empty() {
            return Trace::load(store);
        }
        let Some(lists) = store.load_lists()? else {
            return Trace::load(store);
        };
        let (body, digest) = (Body::Lists(lists), store.digest);
        Ok(Trace::of(store.meta, store.dictionary, body, Some(digest)))
    }

    /// Returns a trace that stays in its file.
    pub fn stored(store: Store) -> Trace {
        let (meta, dictionary) = (store.meta.clone(), store.dictionary.clone());
        let (events, digest) = (store.events.clone(), store.digest);
        let body = Body::Stored(Box::new(store));
        Trace {
            events,
            ..Trace::of(meta, dictionary, body, Some(digest))
        }
    }

    fn of(meta: Meta, dictionary: Arc<Dictionary>, body: Body, digest: Option<u128>) -> Trace {
        Trace {
            meta,
            dictionary,
            events: Vec::new(),
            body,
            flat: OnceLock::new(),
            digest: digest.map(OnceLock::from).unwrap_or_default(),
            next_use: OnceLock::new(),
        }
    }

    /// Returns the same trace, kept as bursts if that takes less memory and time.
    pub fn compact(mut self) -> Trace {
        if let Body::Flat(References { refs, kinds }) = &self.body
            && let Some(bursts) = Bursts::if_local(refs, kinds)
        {
            self.body = Body::Bursts(bursts);
        }
        self
    }

    /// Returns the file, if the trace stays there.
    pub fn store(&self) -> Option<&Store> {
        match &self.body {
            Body::Stored(store) => Some(store),
            _ => None,
        }
    }

    /// Returns the bursts, or their lists only, if the trace is kept so.
    pub fn as_bursts(&self) -> Option<&Bursts> {
        match &self.body {
            Body::Bursts(bursts) | Body::Lists(bursts) => Some(bursts),
            Body::Flat(_) | Body::Stored(_) => None,
        }
    }

    /// Returns the references as bursts that also end before each position of `cuts`, which ascend,
    /// and where the process changes. Returns `None` if locality is so poor that a replay is faster
    /// without, or if the trace stays in its file.
    ///
    /// # Panics
    /// Panics if only the lists of bursts were loaded.
    pub fn bursts(&self, cuts: impl Iterator<Item = u64>) -> Option<Bursts> {
        match &self.body {
            Body::Flat(References { refs, kinds }) => {
                Some(Bursts::if_local(refs, kinds)?.cut(&self.dictionary, cuts))
            }
            Body::Bursts(bursts) => Some(bursts.cut(&self.dictionary, cuts)),
            Body::Lists(_) => panic!("{NO_REFERENCES}"),
            Body::Stored(_) => None,
        }
    }

    /// Returns all references of a trace in memory as one tile; see [`Trace::refs`].
    pub fn whole(&self) -> Tile<'_> {
        Tile::of(self.flat(), 0)
    }

    /// Returns all packed references. Decodes and keeps a second copy if the trace is kept as bursts;
    /// prefer [`Trace::tiles`].
    ///
    /// # Panics
    /// Panics if the trace stays in its file, or if only the lists of bursts were loaded.
    pub fn refs(&self) -> &[Ref] {
        &self.flat().refs
    }

    /// Returns the kind of each reference; see [`Trace::refs`].
    pub fn kinds(&self) -> &[KindCode] {
        &self.flat().kinds
    }

    fn flat(&self) -> &References {
        match &self.body {
            Body::Flat(flat) => flat,
            Body::Bursts(bursts) => self.flat.get_or_init(|| {
                let mut flat = References::default();
                decode(bursts, 0..bursts.len(), &mut flat);
                flat
            }),
            Body::Lists(_) => panic!("{NO_REFERENCES}"),
            Body::Stored(_) => panic!("{IN_FILE}"),
        }
    }

    /// Calls `each` with the references in order, a tile at a time, until it returns false. Errors if
    /// the file of a stored trace cannot be read.
    ///
    /// # Panics
    /// Panics if only the lists of bursts were loaded.
    pub fn tiles(&self, mut each: impl FnMut(Tile<'_>) -> bool) -> Result<(), TraceError> {
        if let Body::Stored(store) = &self.body {
            return store.each_block(|tile| Ok(each(tile)));
        }
        self.tiles_of(0..self.len(), each);
        Ok(())
    }

    /// Calls `each` with the references at the positions `range`, a tile at a time and in order, until
    /// it returns false.
    ///
    /// # Panics
    /// Panics if the trace stays in its file, or if only the lists of bursts were loaded.
    pub fn tiles_of(&self, range: Range<usize>, mut each: impl FnMut(Tile<'_>) -> bool) {
        match &self.body {
            Body::Flat(References { refs, kinds }) => {
                each(Tile {
                    start: range.start as u64,
                    refs: &refs[range.clone()],
                    kinds: &kinds[range],
                    bursts: None,
                });
            }
            Body::Bursts(bursts) => {
                let (mut flat, mut at) = (References::default(), range.start);
                while at < range.end {
                    let end = range.end.min(at + TILE);
                    decode(bursts, at..end, &mut flat);
                    if !each(Tile::of(&flat, at as u64)) {
                        break;
                    }
                    at = end;
                }
            }
            Body::Lists(_) => panic!("{NO_REFERENCES}"),
            Body::Stored(_) => panic!("{IN_FILE}"),
        }
    }

    /// Returns the same trace with `events`. A digest set before must include them.
    ///
    /// # Panics
    /// Panics if positions decrease or are beyond the end of the trace.
    pub fn with_events(self, events: Vec<EventAt>) -> Trace {
        assert!(events.is_sorted_by_key(|event| event.position));
        assert!(
            events
                .last()
                .is_none_or(|last| last.position <= self.len() as u64)
        );
        Trace { events, ..self }
    }

    /// Returns whether the trace states mappings, so that a reference outside them is illegal.
    pub fn has_mappings(&self) -> bool {
        let maps = |at: &EventAt| matches!(at.event, Event::Map(_) | Event::Brk { .. });
        self.events.iter().any(maps)
    }

    /// Returns the number of references.
    pub fn len(&self) -> usize {
        match &self.body {
            Body::Flat(flat) => flat.len(),
            Body::Bursts(bursts) | Body::Lists(bursts) => bursts.len(),
            Body::Stored(store) => store.refs() as usize,
        }
    }

    /// Returns true if there is no reference.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of distinct pages; a page counts once for each process.
    pub fn distinct(&self) -> usize {
        self.dictionary.pages.len()
    }

    /// Sets the digest, computed elsewhere from the same trace. Has no effect if one is known.
    pub fn set_digest(&self, digest: u128) {
        self.digest.get_or_init(|| digest);
    }

    /// Returns the digest of the references and events (see [`Digest`]).
    /// Computes it at first use.
    pub fn digest(&self) -> u128 {
        *self.digest.get_or_init(|| {
            let mut digest = Digest::default();
            self.tiles_of(0..self.len(), |tile| {
                digest.update(tile.refs, tile.kinds);
                true
            });
            self.events.iter().for_each(|event| digest.event(event));
            digest.finish(&self.meta, &self.dictionary)
        })
    }

    /// Returns, for each reference, the position of the next reference of the same page, or `NEVER`.
    /// Computes it at first use. Returns `None` for a trace of 2^32 - 1 references or more, and for one
    /// that stays in its file.
    pub fn next_use(&self) -> Option<&[u32]> {
        if self.store().is_some() || self.len() >= NEVER as usize {
            return None;
        }
        Some(self.next_use.get_or_init(|| {
            let mut upcoming = vec![NEVER; self.distinct()];
            let mut next = vec![NEVER; self.len()];
            for (position, &reference) in self.refs().iter().enumerate().rev() {
                let slot = &mut upcoming[page_of(reference) as usize];
                next[position] = *slot;
                *slot = position as u32;
            }
            next
        }))
    }
}

/// Replaces the references of `into` by those of `bursts` at the positions `range`.
fn decode(bursts: &Bursts, range: Range<usize>, into: &mut References) {
    into.refs.resize(range.len(), 0);
    into.kinds.resize(range.len(), 0);
    bursts.decode(range, &mut into.refs, &mut into.kinds);
}
