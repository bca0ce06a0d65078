//! The dense trace: every reference as a `u32` page id and a kind, ids in order of first
//! reference, and the dictionary that maps an id to a process and a page number.
//!
//! It is immutable once built, and shared by all cells that replay it. It is *unresolved*: it has the
//! pages that a program touched, not their mappings. Knows nothing of policies and frames.

use super::access::{Addressing, Kind, TraceKind};
use super::error::TraceError;
use super::event::{Event, EventAt};
use crate::trace::bursts::{Bursts, BurstsView};
use crate::trace::store::Store;
use crate::units::{PAGE_ID_MAX, PageId, PageSize};
use rustc_hash::FxHashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// A reference packed for the replay loop: page id times two, plus one if it writes.
pub type Ref = u32;

/// The kind of a reference in the dense trace: the code of [`Kind`], plus
/// [`CONTINUES`].
pub type KindCode = u8;
/// Set on the second and later references of one access that crosses page boundaries. A coarser
/// page size merges such a reference with the one before it.
pub const CONTINUES: KindCode = 4;
/// Masks the kind proper out of a [`KindCode`].
pub const KIND_MASK: KindCode = 3;

/// Returns the number of references of each kind: ifetch, read, write.
pub fn count_kinds(kinds: &[KindCode]) -> [u64; 3] {
    let mut by_kind = [0; 3];
    // Short enough for sums in bytes, which the compiler vectorizes.
    for piece in kinds.chunks(128) {
        for (code, sum) in by_kind.iter_mut().enumerate() {
            let is = |kind: &KindCode| u8::from(usize::from(kind & KIND_MASK) == code);
            *sum += u64::from(piece.iter().map(is).sum::<u8>());
        }
    }
    by_kind
}

/// Returns the number of references that continue the access before them.
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

/// Returns the page of a packed reference.
#[inline]
pub fn page_of(reference: Ref) -> PageId {
    reference >> 1
}

/// Returns whether a packed reference writes.
#[inline]
pub fn is_write(reference: Ref) -> bool {
    reference & 1 != 0
}

/// Returns the kind of a reference.
///
/// # Panics
/// Panics if the code is not one of a kind.
#[inline]
pub fn kind_of(code: KindCode) -> Kind {
    Kind::ALL[usize::from(code & KIND_MASK)]
}

/// A page of a process.
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
    /// The page of each id.
    pub pages: Vec<PageKey>,
}

impl Dictionary {
    /// Returns the process id that the file gives the process with the index `process`.
    pub fn pid(&self, process: u32) -> u32 {
        self.pids[process as usize]
    }
}

/// Metadata of a trace: name, format, kind, page size.
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
    /// Returns how far to shift a page number left to get the address of the page; 0 for ids.
    pub fn page_shift(&self) -> u32 {
        self.addressing.page_shift(self.page_size)
    }

    /// Returns the text of the page `number`: its address in hexadecimal, or the id itself.
    pub fn page_text(&self, number: u64) -> String {
        match self.addressing {
            Addressing::Bytes => format!("{:#x}", u128::from(number) << self.page_shift()),
            Addressing::Ids => number.to_string(),
        }
    }
}

/// References, one by one. `refs` and `kinds` have the same length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// The packed references.
    pub refs: Vec<Ref>,
    /// The kind of each reference.
    pub kinds: Vec<KindCode>,
}

impl References {
    /// Returns the number of references.
    #[inline]
    pub fn len(&self) -> usize {
        self.refs.len()
    }

    /// Returns true if there is no reference.
    pub fn is_empty(&self) -> bool {
        self.refs.is_empty()
    }

    /// Removes all references and keeps the memory.
    pub fn clear(&mut self) {
        self.refs.clear();
        self.kinds.clear();
    }

    /// Appends a reference to `page` whose kind is `code`.
    #[inline]
    pub fn push(&mut self, page: PageId, code: KindCode) {
        let write = code & KIND_MASK == Kind::Write as KindCode;
        self.refs.push(pack(page, write));
        self.kinds.push(code);
    }

    /// Appends references. `refs` and `kinds` have the same length.
    pub fn extend(&mut self, refs: &[Ref], kinds: &[KindCode]) {
        self.refs.extend_from_slice(refs);
        self.kinds.extend_from_slice(kinds);
    }

    /// Returns all references as a tile whose first has position `start`.
    pub fn tile(&self, start: u64) -> Tile<'_> {
        Tile {
            start,
            refs: &self.refs,
            kinds: &self.kinds,
            bursts: None,
        }
    }

    /// Replaces all references by those of `bursts` at the positions `range`.
    fn decode(&mut self, bursts: &Bursts, range: Range<usize>) {
        self.refs.resize(range.len(), 0);
        self.kinds.resize(range.len(), 0);
        bursts.decode(range, &mut self.refs, &mut self.kinds);
    }
}

/// References that follow each other in a trace.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tile<'a> {
    /// Position of the first reference.
    pub start: u64,
    /// The packed references.
    pub refs: &'a [Ref],
    /// The kind of each reference.
    pub kinds: &'a [KindCode],
    /// The references as bursts. If present, `refs` and `kinds` are empty.
    pub bursts: Option<BurstsView<'a>>,
}

impl<'a> Tile<'a> {
    /// Returns the references of `view` as a tile of bursts.
    pub fn of_bursts(view: BurstsView<'a>) -> Tile<'a> {
        Tile {
            start: view.base,
            bursts: Some(view),
            ..Tile::default()
        }
    }

    /// Returns all references of a trace in memory, one by one; see [`Trace::refs`].
    pub fn whole(trace: &'a Trace) -> Tile<'a> {
        Tile {
            start: 0,
            refs: trace.refs(),
            kinds: trace.kinds(),
            bursts: None,
        }
    }

    /// Returns the position after the last reference.
    pub fn end(&self) -> u64 {
        match self.bursts {
            Some(view) => view.end(),
            None => self.start + self.refs.len() as u64,
        }
    }

    /// Returns the index of `position` in the slices.
    ///
    /// # Panics
    /// Panics if `position` is before the tile.
    #[inline]
    pub fn index(&self, position: u64) -> usize {
        (position - self.start) as usize
    }
}

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

/// Entry of [`Trace::next_use`] for a page that is not referenced again.
pub const NEVER: u32 = u32::MAX;

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

    /// Returns a trace kept as bursts. `digest` is its digest, if known already.
    pub fn of_bursts(
        meta: Meta,
        dictionary: Arc<Dictionary>,
        bursts: Bursts,
        digest: Option<u128>,
    ) -> Trace {
        Trace::of(meta, dictionary, Body::Bursts(bursts), digest)
    }

    /// Returns a trace of which only the lists of bursts were loaded. Its references must not be asked
    /// for.
    pub fn of_lists(
        meta: Meta,
        dictionary: Arc<Dictionary>,
        bursts: Bursts,
        digest: u128,
    ) -> Trace {
        Trace::of(meta, dictionary, Body::Lists(bursts), Some(digest))
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
                flat.decode(bursts, 0..bursts.len());
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
                    flat.decode(bursts, at..end);
                    if !each(flat.tile(at as u64)) {
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

    /// Returns the digest of the references and events (see `digest::Digest`).
    /// Computes it at first use.
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

/// The error for more distinct pages than there are ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than 2^31 distinct pages; choose a larger page size")]
pub struct TooManyPages;

/// Gives pages their dense ids, in order of first reference.
///
/// A small direct-mapped cache finds pages that are referenced again soon: a hash look-up for every
/// reference would cost more than reading it.
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

/// Number of entries of the cache of recent pages; a power of two.
const RECENT: usize = 4096;
/// Marks an empty cache entry; process numbers stay below it.
const NO_PROCESS: u32 = u32::MAX;

impl Default for Densifier {
    fn default() -> Densifier {
        Densifier::new()
    }
}

impl Densifier {
    /// Returns a densifier without any page.
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

    /// Returns the index of the process that the file calls `pid`. Adds the process if it is new.
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

    /// Returns the id of the page `key`. Adds the page if it is new; errors if there is no id left.
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

    /// Looks `key` up in the cache of recent pages. `None` does not mean that the page is new.
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

    /// Returns the processes and pages so far.
    pub fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    /// Returns the processes and pages.
    pub fn into_dictionary(self) -> Dictionary {
        self.dictionary
    }
}

/// Returns the index of the only entry of the cache of recent pages that may hold `key`.
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
