//! What the first levels of a trace do when nothing is ever shot down: every miss, in order, and
//! where some pages are referenced next. Worked out once for a trace and the shapes of its first
//! levels, and shared by all replays that go along it ([`FollowTlbs`](super::FollowTlbs)). Does not
//! know of faults, nor of what follows a first level.

use super::{Geometry, NONE, Replacement, Shape, Side};
use crate::space::{Op, Space};
use crate::trace::model::access::Kind;
use crate::trace::model::dense::Trace;
use crate::trace::model::refs::{KIND_MASK, KindCode, PageKey, Ref};
use crate::units::PageId;

/// References of one block: what a search for the next reference of a page looks at, at most.
const BLOCK: u64 = 1024;

/// A page as one first level sees it: the page times two, plus one for data.
pub(super) type Slot = u32;

/// Returns the slot of a page on a side.
#[inline(always)]
pub(super) fn slot_of(page: PageId, side: Side) -> Slot {
    page << 1 | side as u32
}

/// Returns the side of a slot.
#[inline(always)]
pub(super) fn side_of(slot: Slot) -> Side {
    Side::of(slot & 1 == 0)
}

/// The slot of a reference. A packed reference has the page where a slot has it.
#[inline(always)]
fn slot_at(reference: Ref, kind: KindCode) -> Slot {
    reference & !1 | u32::from(kind & KIND_MASK != Kind::Ifetch as KindCode)
}

/// A miss of an undisturbed first level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Miss {
    /// The position of the reference.
    pub(super) at: u64,
    /// The page that comes in, and where.
    pub(super) slot: Slot,
    /// The page that it drops, or [`NONE`].
    pub(super) dropped: PageId,
}

/// The misses of a trace in first levels from which nothing is shot down.
#[derive(Debug)]
pub struct MissLog {
    first: [Shape; 2],
    /// References of the trace.
    references: u64,
    /// In order of position.
    pub(super) misses: Vec<Miss>,
    /// Instruction fetches before each block.
    fetches: Vec<u64>,
    /// `(slot, position)` of the first reference of a slot in each block. Kept for pages that both
    /// sides reference and for pages marked [`STAYS`]. Misses are left out; they are in `misses`.
    touches: Vec<(Slot, u64)>,
}

impl MissLog {
    /// The log of a whole trace, whose address spaces are `space` if it has any. `None` if a log
    /// is of no use: without tags, and unless LRU replaces in the first levels, it does not hold;
    /// and where one reference in eight misses, a replay that looks at each of them is as fast.
    pub fn of(geometry: &Geometry, trace: &Trace, space: Option<&Space>) -> Option<MissLog> {
        const PIECE: usize = 1 << 20;
        let first = [geometry.l1i, geometry.l1d];
        let lru = |shape: Shape| shape.replacement == Replacement::Lru;
        if !geometry.tags || !first.into_iter().all(lru) {
            return None;
        }
        let pages = match space {
            Some(space) => &space.entries[..],
            None => &trace.dictionary.pages,
        };
        let mut logger = Logger::new(geometry, pages);
        for at in space.iter().flat_map(|space| &space.ops) {
            match at.op {
                // No reference can have been of the child's entry.
                Op::Copy {
                    from,
                    private: true,
                    ..
                } => logger.stays(from),
                Op::Flush { entry }
                | Op::Move { to: entry, .. }
                | Op::Populate { entry, .. }
                | Op::PopulateCopy { entry, .. } => logger.stays(entry),
                _ => {}
            }
        }
        let mut few = true;
        trace.tiles_of(0..trace.len(), |tile| {
            let pieces = tile.refs.chunks(PIECE).zip(tile.kinds.chunks(PIECE));
            for (refs, kinds) in pieces {
                logger.feed(refs, kinds);
                few &= logger.log.misses.len() as u64 <= PIECE as u64 / 8 + logger.position / 8;
            }
            few
        });
        few.then(|| logger.finish())
    }

    /// Whether it is of these first levels, and can be of this trace.
    pub fn is_of(&self, geometry: &Geometry, trace: &Trace) -> bool {
        let first = [geometry.l1i, geometry.l1d];
        geometry.tags && self.first == first && self.references == trace.len() as u64
    }

    /// Returns the number of instruction fetches before a position of the trace.
    pub(super) fn fetches(&self, trace: &Trace, before: u64) -> u64 {
        let block = (before / BLOCK) as usize;
        let mut fetches = self.fetches[block];
        trace.tiles_of(block * BLOCK as usize..before as usize, |tile| {
            fetches += fetches_of(tile.kinds);
            true
        });
        fetches
    }

    /// Returns the position of the first reference of an indexed slot from position `from` on;
    /// `None` if there is none. It may skip references that miss the undisturbed level.
    pub(super) fn next(&self, trace: &Trace, slot: Slot, from: u64) -> Option<u64> {
        let block_end = (from / BLOCK + 1) * BLOCK;
        let mut found = None;
        trace.tiles_of(from as usize..trace.len().min(block_end as usize), |tile| {
            found = find(tile.refs, tile.kinds, slot);
            found.is_none()
        });
        found.map(|offset| from + offset as u64).or_else(|| {
            let after = self.touches.partition_point(|&at| at < (slot, block_end));
            let &(of, at) = self.touches.get(after)?;
            (of == slot).then_some(at)
        })
    }
}

fn fetches_of(kinds: &[KindCode]) -> u64 {
    let is_fetch = |kind: &&KindCode| **kind & KIND_MASK == Kind::Ifetch as KindCode;
    kinds.iter().filter(is_fetch).count() as u64
}

/// Returns the index of the first reference of a slot.
fn find(refs: &[Ref], kinds: &[KindCode], slot: Slot) -> Option<usize> {
    /// References that are compared together before the first hit is sought among them.
    const TOGETHER: usize = 32;
    let pieces = refs.chunks(TOGETHER).zip(kinds.chunks(TOGETHER));
    for (number, (refs, kinds)) in pieces.enumerate() {
        let same_page = |hit: bool, &reference: &Ref| hit | (reference & !1 == slot & !1);
        if refs.iter().fold(false, same_page) {
            let mut both = refs.iter().zip(kinds);
            if let Some(at) = both.position(|(&r, &kind)| slot_at(r, kind) == slot) {
                return Some(number * TOGETHER + at);
            }
        }
    }
    None
}

/// One undisturbed first level.
struct LoggedLevel {
    sets: u64,
    ways: usize,
    /// The page of each entry.
    page: Vec<PageId>,
}

/// In [`Logger::known`]: the page was referenced by data, or by instructions: the side's bit.
const BOTH: u8 = 3;
/// The page stays in memory when its entries are dropped.
const STAYS: u8 = 4;

/// Makes the log, in one pass over the references.
pub struct Logger<'t> {
    pages: &'t [PageKey],
    levels: [LoggedLevel; 2],
    /// For each slot the position of its last reference plus one; 0 if the level does not hold it.
    used: Vec<u64>,
    /// For each page [`BOTH`] and [`STAYS`].
    known: Vec<u8>,
    position: u64,
    /// Instruction fetches so far.
    fetches: u64,
    log: MissLog,
}

impl<'t> Logger<'t> {
    /// For a trace with these pages.
    pub fn new(geometry: &Geometry, pages: &'t [PageKey]) -> Logger<'t> {
        let first = [geometry.l1i, geometry.l1d];
        let level = |shape: Shape| LoggedLevel {
            sets: u64::from(shape.sets()),
            ways: shape.ways as usize,
            page: vec![NONE; shape.entries as usize],
        };
        Logger {
            pages,
            levels: first.map(level),
            used: vec![0; 2 * pages.len()],
            known: vec![0; pages.len()],
            position: 0,
            fetches: 0,
            log: MissLog {
                first,
                references: 0,
                misses: Vec::new(),
                fetches: Vec::new(),
                touches: Vec::new(),
            },
        }
    }

    /// Marks a page that may stay in memory when its entries are dropped, so that
    /// [`MissLog::next`] can find its references. Call it before the first `feed`.
    pub fn stays(&mut self, page: PageId) {
        self.known[page as usize] |= STAYS;
    }

    /// Takes the next references of the trace and their kinds.
    pub fn feed(&mut self, refs: &[Ref], kinds: &[KindCode]) {
        let mut at = 0;
        while at < refs.len() {
            let into = self.position % BLOCK;
            if into == 0 {
                self.log.fetches.push(self.fetches);
            }
            let end = refs.len().min(at + (BLOCK - into) as usize);
            self.block(&refs[at..end], &kinds[at..end]);
            at = end;
        }
    }

    /// References of one block. Those that are the first of their slot in the block are looked at
    /// more closely; every miss is among them or among those of pages dropped since.
    fn block(&mut self, refs: &[Ref], kinds: &[KindCode]) {
        let mut used = std::mem::take(&mut self.used);
        let begin = self.position - self.position % BLOCK + 1;
        let mut now = self.position;
        for (&reference, &kind) in refs.iter().zip(kinds) {
            let slot = slot_at(reference, kind);
            if used[slot as usize] < begin
                && let Some(dropped) = self.rare(&used, slot, now)
            {
                used[dropped as usize] = 0;
            }
            now += 1;
            used[slot as usize] = now;
        }
        self.used = used;
        self.fetches += fetches_of(kinds);
        self.position = now;
    }

    /// The slot was not referenced in this block yet, or is not held. Returns the one dropped.
    #[inline(never)]
    fn rare(&mut self, used: &[u64], slot: Slot, now: u64) -> Option<Slot> {
        let (page, side) = (slot >> 1, side_of(slot));
        self.known[page as usize] |= 1 << side as u8;
        if used[slot as usize] == 0 {
            return self.miss(used, slot, now);
        }
        let known = self.known[page as usize];
        if known & STAYS != 0 || known & BOTH == BOTH {
            self.log.touches.push((slot, now));
        }
        None
    }

    fn miss(&mut self, used: &[u64], slot: Slot, now: u64) -> Option<Slot> {
        let (page, side) = (slot >> 1, side_of(slot));
        let level = &mut self.levels[side as usize];
        let set = (self.pages[page as usize].number % level.sets) as usize;
        let entries = &mut level.page[set * level.ways..][..level.ways];
        let age = |page: PageId| match page {
            NONE => 0,
            page => used[slot_of(page, side) as usize],
        };
        let oldest = entries.iter_mut().min_by_key(|page| age(**page))?;
        let dropped = std::mem::replace(oldest, page);
        self.log.misses.push(Miss {
            at: now,
            slot,
            dropped,
        });
        (dropped != NONE).then(|| slot_of(dropped, side))
    }

    /// The log.
    pub fn finish(mut self) -> MissLog {
        self.log.references = self.position;
        if self.position.is_multiple_of(BLOCK) {
            // `fetches` can be called with the end of the trace, too.
            self.log.fetches.push(self.fetches);
        }
        self.log.misses.shrink_to_fit();
        self.log.touches.sort_unstable();
        self.log.touches.shrink_to_fit();
        self.log
    }
}
