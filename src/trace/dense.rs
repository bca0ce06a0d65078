//! The dense trace: every reference as a `u32` page id and a kind, ids in order of first
//! reference, and the dictionary that says which (process, page number) an id names.
//!
//! It is immutable once built, and shared by all cells that replay it. It is *unresolved*: it
//! says what the program touched, not what that means for mappings. Knows nothing of policies
//! and frames.

use super::error::TraceError;
use super::event::{Event, EventAt};
use super::record::{Addressing, TraceKind};
use super::store::Store;
use crate::units::{PAGE_ID_MAX, PageId, PageSize};
use rustc_hash::FxHashMap;
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
}

/// References that follow each other in a trace.
#[derive(Debug, Clone, Copy)]
pub struct Tile<'a> {
    /// The position of the first of them.
    pub start: u64,
    /// The packed references.
    pub refs: &'a [Ref],
    /// The kind of each reference.
    pub kinds: &'a [KindCode],
}

impl Tile<'_> {
    /// The position behind the last reference.
    pub fn end(&self) -> u64 {
        self.start + self.refs.len() as u64
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

/// A trace. See the module's documentation. One that is too long for memory stays in its file:
/// `refs` and `kinds` are empty, and references come tile by tile.
#[derive(Debug)]
pub struct Trace {
    /// What is known besides the references.
    pub meta: Meta,
    /// What the ids mean.
    pub dictionary: Dictionary,
    /// The packed references.
    pub refs: Vec<Ref>,
    /// The kind of each reference.
    pub kinds: Vec<KindCode>,
    /// What happens to address spaces, in order; positions never go back and are at most the
    /// number of references.
    pub events: Vec<EventAt>,
    digest: OnceLock<u128>,
    next_use: OnceLock<Vec<u32>>,
    stored: Option<Box<Store>>,
}

/// In [`Trace::next_use`]: the page is not referenced again.
pub const NEVER: u32 = u32::MAX;

impl Trace {
    /// A trace of these parts. `digest` is given where the store has it already.
    pub fn new(
        meta: Meta,
        dictionary: Dictionary,
        refs: Vec<Ref>,
        kinds: Vec<KindCode>,
        digest: Option<u128>,
    ) -> Trace {
        assert_eq!(refs.len(), kinds.len());
        let cell = OnceLock::new();
        if let Some(digest) = digest {
            cell.get_or_init(|| digest);
        }
        Trace {
            meta,
            dictionary,
            refs,
            kinds,
            events: Vec::new(),
            digest: cell,
            next_use: OnceLock::new(),
            stored: None,
        }
    }

    /// A trace that stays in its file.
    pub fn stored(store: Store) -> Trace {
        let (meta, dictionary) = (store.meta.clone(), store.dictionary.clone());
        let events = store.events.clone();
        let trace = Trace::new(meta, dictionary, Vec::new(), Vec::new(), Some(store.digest));
        Trace {
            events,
            stored: Some(Box::new(store)),
            ..trace
        }
    }

    /// The file, if the trace stays there.
    pub fn store(&self) -> Option<&Store> {
        self.stored.as_deref()
    }

    /// All references of a trace in memory.
    pub fn whole(&self) -> Tile<'_> {
        Tile {
            start: 0,
            refs: &self.refs,
            kinds: &self.kinds,
        }
    }

    /// Hands out the references in order, a tile at a time, until `each` returns false. Fails where
    /// the file of a stored trace cannot be read.
    pub fn tiles(&self, mut each: impl FnMut(Tile<'_>) -> bool) -> Result<(), TraceError> {
        let Some(store) = &self.stored else {
            each(self.whole());
            return Ok(());
        };
        let (mut refs, mut kinds, mut start) = (Vec::new(), Vec::new(), 0);
        for block in 0..store.blocks() {
            refs.clear();
            kinds.clear();
            store.unpack(block, &mut refs, &mut kinds)?;
            let tile = Tile {
                start,
                refs: &refs,
                kinds: &kinds,
            };
            start = tile.end();
            if !each(tile) {
                break;
            }
        }
        Ok(())
    }

    /// The same with these events. A digest given before must have counted them.
    pub fn with_events(self, events: Vec<EventAt>) -> Trace {
        assert!(events.is_sorted_by_key(|event| event.position));
        assert!(
            events
                .last()
                .is_none_or(|last| last.position <= self.refs.len() as u64)
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
        match &self.stored {
            Some(store) => store.refs() as usize,
            None => self.refs.len(),
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
            digest.update(&self.refs, &self.kinds);
            self.events.iter().for_each(|event| digest.event(event));
            digest.finish(&self.meta, &self.dictionary)
        })
    }

    /// For each reference, the position of the next reference of the same page, or [`NEVER`].
    /// Worked out once and shared. `None` for a trace of 2^32 - 1 references or more, and for one that
    /// stays in its file.
    pub fn next_use(&self) -> Option<&[u32]> {
        if self.stored.is_some() || self.refs.len() >= NEVER as usize {
            return None;
        }
        Some(self.next_use.get_or_init(|| {
            let mut upcoming = vec![NEVER; self.distinct()];
            let mut next = vec![NEVER; self.refs.len()];
            for (position, &reference) in self.refs.iter().enumerate().rev() {
                let slot = &mut upcoming[page_of(reference) as usize];
                next[position] = *slot;
                *slot = position as u32;
            }
            next
        }))
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
