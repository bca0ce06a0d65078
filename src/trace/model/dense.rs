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
use crate::trace::bursts::reuse_distances::Within;
use crate::trace::bursts::{Bursts, K_MAX};
use crate::trace::store::{DAMAGED, Store, Verifier};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
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
    stated: Option<Box<StatedDistances>>,
}

/// What a file states of the bursts loaded from it, not yet compared.
#[derive(Debug)]
struct StatedDistances {
    path: PathBuf,
    within: Within,
    /// It is not what the references say.
    is_wrong: AtomicBool,
}

/// How the references are kept.
#[derive(Debug)]
enum Body {
    /// One by one: locality is poor, or the trace was just made.
    Flat(References),
    /// As bursts.
    Bursts(Bursts),
    /// In their file, because they are too many for memory.
    Stored(Box<Store>),
}

/// Number of references decoded at a time: few enough to stay in the cache.
const TILE: usize = 1 << 15;

/// Why a trace in its file has no references to hand out.
const IN_FILE: &str = "the trace stays in its file";

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

    /// Loads `store` into memory, blocks in parallel. Errors if the file states anything else than its
    /// references, or changed meanwhile.
    pub fn load(mut store: Store) -> Result<Trace, TraceError> {
        let (body, bursts, within) = match store.is_local() {
            true => {
                let (bursts, within) = store.load_bursts()?;
                let number = bursts.of(K_MAX).columns.len() as u64;
                (Body::Bursts(bursts), number, within)
            }
            false => {
                let (references, bursts) = store.load_references()?;
                (Body::Flat(references), bursts, None)
            }
        };
        let (meta, dictionary) = (store.meta.clone(), store.dictionary.clone());
        let mut trace = Trace::of(meta, dictionary, body, Some(store.digest));
        let mut verifier = Verifier::default();
        trace.tiles_of(0..trace.len(), |tile| {
            verifier.references(tile.refs, tile.kinds);
            true
        });
        verifier.bursts(bursts);
        store.verify(Some(verifier))?;
        trace.stated = within.map(|within| {
            Box::new(StatedDistances {
                path: store.path().to_path_buf(),
                within,
                is_wrong: AtomicBool::new(false),
            })
        });
        Ok(trace.with_events(std::mem::take(&mut store.events)))
    }

    /// Returns a trace that stays in its file. Its digest is the one that the file states: reading all
    /// references verifies it.
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
            stated: None,
        }
    }

    /// Returns the distances within the bursts; `None` if the trace is not kept as bursts. Computes them
    /// at first use.
    ///
    /// # Errors
    /// Errors if the file that the trace was loaded from states others.
    pub fn within(&self) -> Result<Option<&Within>, TraceError> {
        let within = self.as_bursts().map(Bursts::within);
        match (&self.stated, within) {
            (Some(stated), Some(within)) if stated.within != *within => {
                stated.is_wrong.store(true, Ordering::Relaxed);
                let what = "the distances stored with its bursts are not those of its references";
                Err(TraceError::new(&stated.path, what).help(DAMAGED))
            }
            _ => Ok(within),
        }
    }

    /// Returns whether its file turned out, after it was loaded or opened, to state something else than
    /// its references, to be damaged, or to have changed.
    pub fn is_refuted(&self) -> bool {
        let stated = self.stated.as_ref();
        stated.is_some_and(|stated| stated.is_wrong.load(Ordering::Relaxed))
            || self.store().is_some_and(Store::is_refuted)
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

    /// Returns the bursts, if the trace is kept so.
    pub fn as_bursts(&self) -> Option<&Bursts> {
        match &self.body {
            Body::Bursts(bursts) => Some(bursts),
            Body::Flat(_) | Body::Stored(_) => None,
        }
    }

    /// Returns the references as bursts that also end before each position of `cuts`, which ascend,
    /// and where the process changes. Returns `None` if locality is so poor that a replay is faster
    /// without, or if the trace stays in its file.
    pub fn bursts(&self, cuts: impl Iterator<Item = u64>) -> Option<Bursts> {
        match &self.body {
            Body::Flat(References { refs, kinds }) => {
                Some(Bursts::if_local(refs, kinds)?.cut(&self.dictionary, cuts))
            }
            Body::Bursts(bursts) => Some(bursts.cut(&self.dictionary, cuts)),
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
    /// Panics if the trace stays in its file.
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
            Body::Stored(_) => panic!("{IN_FILE}"),
        }
    }

    /// Calls `each` with the references in order, a tile at a time, until it returns false. Errors if
    /// the file of a stored trace cannot be read, or states something else than its references.
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
    /// Panics if the trace stays in its file.
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
            Body::Bursts(bursts) => bursts.len(),
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
