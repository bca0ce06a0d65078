//! The dense trace: every reference as a `u32` page id and a kind, ids in order of first
//! reference, and the dictionary that says which (process, page number) an id names.
//!
//! It is immutable once built, and shared by all cells that replay it. It is *unresolved*: it
//! says what the program touched, not what that means for mappings. Knows nothing of policies
//! and frames.

use super::bursts::{Bursts, View};
use super::error::TraceError;
use super::event::{Event, EventAt};
use super::record::{Addressing, TraceKind};
use super::store::Store;
use crate::units::{PAGE_ID_MAX, PageId, PageSize};
use rustc_hash::FxHashMap;
use std::ops::Range;
use std::sync::OnceLock;

/// A reference packed for the replay loop: page id times two, plus one if it writes.
pub type Ref = u32;

/// The kind of a reference in the dense trace: the code of [`Kind`](super::record::Kind), plus
/// [`CONTINUES`].
pub type KindCode = u8;
/// Set on the second and later references of one access that crosses page boundaries. A coarser
/// page size merges such a reference with the one before it.
pub const CONTINUES: KindCode = 4;
/// Masks the kind proper out of a [`KindCode`].
pub const KIND_MASK: KindCode = 3;

/// References by kind: ifetch, read, write.
pub fn count_kinds(kinds: &[KindCode]) -> [u64; 3] {
    let mut by_kind = [0; 3];
    // Short enough for sums of bytes, which the compiler makes vectors of.
    for piece in kinds.chunks(128) {
        for (code, sum) in by_kind.iter_mut().enumerate() {
            let is = |kind: &KindCode| u8::from(usize::from(kind & KIND_MASK) == code);
            *sum += u64::from(piece.iter().map(is).sum::<u8>());
        }
    }
    by_kind
}

/// How many references continue the access before them.
pub fn count_continuations(kinds: &[KindCode]) -> u64 {
    let in_piece = |piece: &[KindCode]| {
        let is = |kind: &KindCode| u8::from(kind & CONTINUES != 0);
        u64::from(piece.iter().map(is).sum::<u8>())
    };
    kinds.chunks(128).map(in_piece).sum()
}

/// Packs a reference.
#[inline]
pub fn pack(page: PageId, write: bool) -> Ref {
    page << 1 | u32::from(write)
}

/// The page of a packed reference.
#[inline]
pub fn page_of(reference: Ref) -> PageId {
    reference >> 1
}

/// Which page an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PageKey {
    /// The process, as an index into [`Dictionary::pids`].
    pub process: u32,
    /// The page number: address divided by page size, or the id itself.
    pub number: u64,
}

/// The pages of a trace, by dense id, and its processes, both in order of first reference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dictionary {
    /// Process ids as the file numbers them.
    pub pids: Vec<u32>,
    /// The page that each id names.
    pub pages: Vec<PageKey>,
}

/// What is known of a trace besides its references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// The name: the file name without folder, codec and format endings, unless given.
    pub name: String,
    /// The format it was first read from.
    pub format: String,
    /// The kind of recording.
    pub kind: TraceKind,
    /// Whether page numbers come from byte addresses or are ids.
    pub addressing: Addressing,
    /// The page size; for ids only the nominal size of one page.
    pub page_size: PageSize,
    /// Bad records that were skipped when the original was read.
    pub skipped: u64,
}

impl Meta {
    /// How far a page number is shifted to become the address of the page; ids are not.
    pub fn page_shift(&self) -> u32 {
        match self.addressing {
            Addressing::Bytes => u32::from(self.page_size.shift()),
            Addressing::Ids => 0,
        }
    }

    /// Returns the text of the page `number`: its address in hexadecimal, or the id itself.
    pub fn page_text(&self, number: u64) -> String {
        match self.addressing {
            Addressing::Bytes => format!("{:#x}", u128::from(number) << self.page_shift()),
            Addressing::Ids => number.to_string(),
        }
    }
}

impl Dictionary {
    /// Returns the process id that the file gives the process with the index `process`.
    pub fn pid(&self, process: u32) -> u32 {
        self.pids[process as usize]
    }
}

/// References that follow each other in a trace.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tile<'a> {
    /// The position of the first of them.
    pub start: u64,
    /// The packed references.
    pub refs: &'a [Ref],
    /// The kind of each reference.
    pub kinds: &'a [KindCode],
    /// The references as bursts; `refs` and `kinds` may then be empty.
    pub bursts: Option<View<'a>>,
}

impl<'a> Tile<'a> {
    /// References that are there as bursts only.
    pub fn of_bursts(view: View<'a>) -> Tile<'a> {
        Tile {
            start: view.base,
            bursts: Some(view),
            ..Tile::default()
        }
    }

    /// All references of a trace in memory, one by one.
    pub fn whole(trace: &'a Trace) -> Tile<'a> {
        Tile {
            start: 0,
            refs: trace.refs(),
            kinds: trace.kinds(),
            bursts: None,
        }
    }

    /// The position behind the last reference.
    pub fn end(&self) -> u64 {
        match self.bursts {
            Some(view) => view.end(),
            None => self.start + self.refs.len() as u64,
        }
    }

    /// Where a position stands in the slices.
    ///
    /// # Panics
    /// If it is before the tile.
    #[inline]
    pub fn index(&self, position: u64) -> usize {
        (position - self.start) as usize
    }
}

/// A trace. See the module's documentation.
#[derive(Debug)]
pub struct Trace {
    /// What is known besides the references.
    pub meta: Meta,
    /// What the ids mean.
    pub dictionary: Dictionary,
    /// What happens to address spaces, in order; positions never go back and are at most the
    /// number of references.
    pub events: Vec<EventAt>,
    body: Body,
    /// The references one by one, of a trace that is kept as bursts, once they are asked for.
    flat: OnceLock<Flat>,
    digest: OnceLock<u128>,
    next_use: OnceLock<Vec<u32>>,
}

/// How the references are kept.
#[derive(Debug)]
enum Body {
    /// One by one: locality is poor, or they were just made.
    Flat(Flat),
    /// As bursts.
    Bursts(Bursts),
    /// In their file, since they are too many for memory.
    Stored(Box<Store>),
}

/// References one by one, as many of the one as of the other.
#[derive(Debug, Default)]
struct Flat {
    refs: Vec<Ref>,
    kinds: Vec<KindCode>,
}

/// References that are decoded at a time: few enough to stay in the cache.
const TILE: usize = 1 << 15;

/// In [`Trace::next_use`]: the page is not referenced again.
pub const NEVER: u32 = u32::MAX;

impl Trace {
    /// A trace of these references. `digest` is given where it is known already.
    pub fn new(
        meta: Meta,
        dictionary: Dictionary,
        refs: Vec<Ref>,
        kinds: Vec<KindCode>,
        digest: Option<u128>,
    ) -> Trace {
        assert_eq!(refs.len(), kinds.len());
        Trace::of(meta, dictionary, Body::Flat(Flat { refs, kinds }), digest)
    }

    /// A trace kept as bursts.
    pub fn of_bursts(
        meta: Meta,
        dictionary: Dictionary,
        bursts: Bursts,
        digest: Option<u128>,
    ) -> Trace {
        Trace::of(meta, dictionary, Body::Bursts(bursts), digest)
    }

    /// A trace that stays in its file.
    pub fn stored(store: Store) -> Trace {
        let (meta, dictionary) = (store.meta.clone(), store.dictionary.clone());
        let (events, digest) = (store.events.clone(), store.digest);
        let body = Body::Stored(Box::new(store));
        Trace {
            events,
            ..Trace::of(meta, dictionary, body, Some(digest))
        }
    }

    fn of(meta: Meta, dictionary: Dictionary, body: Body, digest: Option<u128>) -> Trace {
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

    /// The same, kept as bursts if its locality is such that this takes less memory and time.
    pub fn compact(mut self) -> Trace {
        if let Body::Flat(Flat { refs, kinds }) = &self.body
            && let Some(bursts) = Bursts::if_local(refs, kinds)
        {
            self.body = Body::Bursts(bursts);
        }
        self
    }

    /// The file, if the trace stays there.
    pub fn store(&self) -> Option<&Store> {
        match &self.body {
            Body::Stored(store) => Some(store),
            _ => None,
        }
    }

    /// The references as bursts, if they are kept so.
    pub fn as_bursts(&self) -> Option<&Bursts> {
        match &self.body {
            Body::Bursts(bursts) => Some(bursts),
            _ => None,
        }
    }

    /// The references as bursts that also end before each position of `cuts`, which ascend, and
    /// where the process changes; `None` if their locality is so poor that a replay is faster
    /// without, or if they stay in their file.
    pub fn bursts(&self, cuts: impl Iterator<Item = u64>) -> Option<Bursts> {
        match &self.body {
            Body::Flat(Flat { refs, kinds }) => {
                Some(Bursts::if_local(refs, kinds)?.cut(&self.dictionary, cuts))
            }
            Body::Bursts(bursts) => Some(bursts.cut(&self.dictionary, cuts)),
            Body::Stored(_) => None,
        }
    }

    /// The packed references one by one. Those of a trace kept as bursts are decoded once and kept:
    /// what can do with [`Trace::tiles`] takes less memory. None if they stay in their file.
    pub fn refs(&self) -> &[Ref] {
        &self.flat().refs
    }

    /// The kind of each reference; see [`Trace::refs`].
    pub fn kinds(&self) -> &[KindCode] {
        &self.flat().kinds
    }

    fn flat(&self) -> &Flat {
        match &self.body {
            Body::Flat(flat) => flat,
            Body::Bursts(bursts) => self.flat.get_or_init(|| {
                let mut flat = Flat::default();
                flat.decode(bursts, 0..bursts.len());
                flat
            }),
            Body::Stored(_) => self.flat.get_or_init(Flat::default),
        }
    }

    /// Hands out the references in order, a tile at a time, until `each` returns false. Fails where
    /// the file of a stored trace cannot be read.
    pub fn tiles(&self, mut each: impl FnMut(Tile<'_>) -> bool) -> Result<(), TraceError> {
        let Body::Stored(store) = &self.body else {
            self.tiles_of(0..self.len(), each);
            return Ok(());
        };
        let (mut flat, mut start) = (Flat::default(), 0);
        for block in 0..store.blocks() {
            flat.clear();
            store.unpack(block, &mut flat.refs, &mut flat.kinds)?;
            let tile = flat.tile(start);
            start = tile.end();
            if !each(tile) {
                break;
            }
        }
        Ok(())
    }

    /// The same for a range of positions of a trace in memory.
    ///
    /// # Panics
    /// If the trace stays in its file.
    pub fn tiles_of(&self, range: Range<usize>, mut each: impl FnMut(Tile<'_>) -> bool) {
        match &self.body {
            Body::Flat(Flat { refs, kinds }) => {
                each(Tile {
                    start: range.start as u64,
                    refs: &refs[range.clone()],
                    kinds: &kinds[range],
                    bursts: None,
                });
            }
            Body::Bursts(bursts) => {
                let (mut flat, mut at) = (Flat::default(), range.start);
                while at < range.end {
                    let end = range.end.min(at + TILE);
                    flat.decode(bursts, at..end);
                    if !each(flat.tile(at as u64)) {
                        break;
                    }
                    at = end;
                }
            }
            Body::Stored(_) => panic!("the trace stays in its file"),
        }
    }

    /// The same with these events. A digest given before must have counted them.
    pub fn with_events(self, events: Vec<EventAt>) -> Trace {
        assert!(events.is_sorted_by_key(|event| event.position));
        assert!(
            events
                .last()
                .is_none_or(|last| last.position <= self.len() as u64)
        );
        Trace { events, ..self }
    }

    /// Whether it says what is mapped, so that what is not is illegal.
    pub fn has_mappings(&self) -> bool {
        let maps = |at: &EventAt| matches!(at.event, Event::Map(_) | Event::Brk { .. });
        self.events.iter().any(maps)
    }

    /// The number of references.
    pub fn len(&self) -> usize {
        match &self.body {
            Body::Flat(flat) => flat.refs.len(),
            Body::Bursts(bursts) => bursts.len(),
            Body::Stored(store) => store.refs() as usize,
        }
    }

    /// True without any reference.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of distinct pages, each counted per process.
    pub fn distinct(&self) -> usize {
        self.dictionary.pages.len()
    }

    /// Takes the digest from who has worked it out already; the first one counts.
    pub fn know_digest(&self, digest: u128) {
        self.digest.get_or_init(|| digest);
    }

    /// The digest of the logical stream of references (see [`Digest`](super::digest::Digest)).
    pub fn digest(&self) -> u128 {
        *self.digest.get_or_init(|| {
            let mut digest = super::digest::Digest::default();
            self.tiles_of(0..self.len(), |tile| {
                digest.update(tile.refs, tile.kinds);
                true
            });
            self.events.iter().for_each(|event| digest.event(event));
            digest.finish(&self.meta, &self.dictionary)
        })
    }

    /// For each reference, the position of the next reference of the same page, or [`NEVER`].
    /// Worked out once and shared. `None` for a trace of 2^32 - 1 references or more, and for one that
    /// stays in its file.
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

impl Flat {
    fn clear(&mut self) {
        self.refs.clear();
        self.kinds.clear();
    }

    /// Takes these references instead of those it has.
    fn decode(&mut self, bursts: &Bursts, range: Range<usize>) {
        self.refs.resize(range.len(), 0);
        self.kinds.resize(range.len(), 0);
        bursts.decode(range, &mut self.refs, &mut self.kinds);
    }

    /// All, as they stand at a position.
    fn tile(&self, start: u64) -> Tile<'_> {
        Tile {
            start,
            refs: &self.refs,
            kinds: &self.kinds,
            bursts: None,
        }
    }
}

/// More distinct pages than an id can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than 2^31 distinct pages; choose a larger page size")]
pub struct TooManyPages;

/// Gives pages their dense ids, in order of first reference.
///
/// A page referenced again soon is found in a small direct-mapped cache, since a hash look-up for
/// every reference would cost more than reading it.
pub struct Densifier {
    ids: FxHashMap<PageKey, PageId>,
    recent: Box<[Recent; RECENT]>,
    processes: FxHashMap<u32, u32>,
    last_process: (u32, u32),
    dictionary: Dictionary,
}

/// A page and its id; sixteen bytes.
#[derive(Clone, Copy)]
struct Recent {
    number: u64,
    process: u32,
    id: PageId,
}

/// Entries of the cache of recent pages; a power of two.
const RECENT: usize = 4096;
/// No page: marks an empty cache entry, as process numbers stay below it.
const NO_PROCESS: u32 = u32::MAX;

impl Default for Densifier {
    fn default() -> Densifier {
        Densifier::new()
    }
}

impl Densifier {
    /// With no page known.
    pub fn new() -> Densifier {
        let empty = Recent {
            number: 0,
            process: NO_PROCESS,
            id: 0,
        };
        Densifier {
            ids: FxHashMap::default(),
            recent: Box::new([empty; RECENT]),
            processes: FxHashMap::default(),
            last_process: (0, NO_PROCESS),
            dictionary: Dictionary::default(),
        }
    }

    /// The index of the process that the file calls `pid`.
    #[inline]
    pub fn process(&mut self, pid: u32) -> u32 {
        if self.last_process.0 == pid && self.last_process.1 != NO_PROCESS {
            return self.last_process.1;
        }
        let next = self.dictionary.pids.len() as u32;
        let process = *self.processes.entry(pid).or_insert(next);
        if process == next {
            self.dictionary.pids.push(pid);
        }
        self.last_process = (pid, process);
        process
    }

    /// The id of a page.
    #[inline]
    pub fn id(&mut self, key: PageKey) -> Result<PageId, TooManyPages> {
        if let Some(id) = self.recent(key) {
            return Ok(id);
        }
        let id = self.look_up(key)?;
        self.recent[slot(key)] = Recent {
            number: key.number,
            process: key.process,
            id,
        };
        Ok(id)
    }

    /// The id of a page that was asked for lately; `None` says nothing.
    #[inline]
    pub fn recent(&self, key: PageKey) -> Option<PageId> {
        let recent = &self.recent[slot(key)];
        (recent.number == key.number && recent.process == key.process).then_some(recent.id)
    }

    fn look_up(&mut self, key: PageKey) -> Result<PageId, TooManyPages> {
        let next = self.dictionary.pages.len();
        let id = *self.ids.entry(key).or_insert(next as u32);
        if id as usize == next {
            if next > PAGE_ID_MAX as usize {
                return Err(TooManyPages);
            }
            self.dictionary.pages.push(key);
        }
        Ok(id)
    }

    /// What the ids mean.
    pub fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    /// What the ids mean, at the end.
    pub fn into_dictionary(self) -> Dictionary {
        self.dictionary
    }
}

/// Where the cache of recent pages has a page.
#[inline]
fn slot(key: PageKey) -> usize {
    (key.number as usize ^ (key.process as usize) << 6) & (RECENT - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn densify_is_a_bijection() {
        let mut densifier = Densifier::new();
        let keys: Vec<PageKey> = (0..20_000u64)
            .map(|i| PageKey {
                process: (i % 3) as u32,
                number: i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (i % 50),
            })
            .collect();
        let ids: Vec<u32> = keys.iter().map(|&k| densifier.id(k).unwrap()).collect();
        for (key, &id) in keys.iter().zip(&ids) {
            assert_eq!(densifier.dictionary().pages[id as usize], *key);
            assert_eq!(densifier.id(*key).unwrap(), id);
        }
    }
}
