//! Two-level TLB: set-associative with LRU or FIFO in each set, the first level split into instructions and
//! data, the second shared, split or absent. The set of a page is its number modulo the number of
//! sets; entries are tagged with their process, so that a switch of process drops nothing; without
//! tags everything is dropped before a reference by another process than the one before.
//!
//! A hit in the first level changes only the recency there. A miss there that hits in the second
//! level changes the recency there and copies the entry into the first level, whose victim is
//! dropped. A miss in both is one walk and fills both. A page that leaves memory is dropped from
//! every level; each entry so dropped is one shootdown.
//!
//! A walk reads an entry of each level of the page table. The entry of a level above the last one
//! names a table of 512 entries below; a page-walk cache keeps such entries of one level. Every
//! cache is looked up (a hit is recent use); the entries read are those below the deepest hit, and
//! each of them but the last goes into its cache. Page-walk caches are set-associative with LRU,
//! too. Pages that leave memory leave them as they are.
//!
//! Order at a reference that faults: the lookup misses (one walk), the fault is served and its
//! victim shot down, then the levels are filled; the restart of the instruction is not counted
//! again. Pages that expire after a reference are shot down after its translation.

use super::{Page, Ref, Run};

/// Size of one level. No ways: the level is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    pub sets: usize,
    pub ways: usize,
    /// The oldest entry of a set goes, in place of the least recently used one.
    pub fifo: bool,
}

impl Level {
    pub const fn lru(sets: usize, ways: usize) -> Level {
        Level {
            sets,
            ways,
            fifo: false,
        }
    }
}

/// What the lookups came to. Every reference is exactly one of the first four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlbRun {
    pub l1i_hits: u64,
    pub l1d_hits: u64,
    pub l2_hits: u64,
    /// Misses in both levels, each one page walk.
    pub misses: u64,
    /// Entries dropped because their page left memory.
    pub shootdowns: u64,
}

/// What walks and switches came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalkRun {
    /// Entries of page tables that walks read.
    pub refs: u64,
    /// The same by level: the first is that of the leaves, the next the one above it.
    pub by_height: [u64; 8],
    /// Switches of process that dropped everything.
    pub flushes: u64,
}

/// All of the hardware.
#[derive(Clone, Debug)]
pub struct Hierarchy {
    pub l1i: Level,
    pub l1d: Level,
    /// The second level of instructions; of data, too, if that is shared.
    pub l2i: Option<Level>,
    pub l2d: Option<Level>,
    pub shared: bool,
    pub tags: bool,
    /// Levels of the page table.
    pub levels: u32,
    /// The page-walk caches, the root's first; as many as levels but one, or fewer.
    pub walk_caches: Vec<Option<Level>>,
}

/// One level: in each set the pages in order of recency, with FIFO of arrival, oldest first.
#[derive(Clone, Debug)]
struct Entries {
    ways: usize,
    fifo: bool,
    sets: Vec<Vec<Page>>,
}

impl Entries {
    fn new(level: Level) -> Entries {
        assert!(level.sets > 0);
        Entries {
            ways: level.ways,
            fifo: level.fifo,
            sets: vec![Vec::new(); level.sets],
        }
    }

    fn set(&mut self, page: Page) -> &mut Vec<Page> {
        let index = page.1 % self.sets.len() as u64;
        &mut self.sets[index as usize]
    }

    /// Takes the page out; says whether it was there.
    fn remove(&mut self, page: Page) -> bool {
        let set = self.set(page);
        let before = set.len();
        set.retain(|entry| *entry != page);
        set.len() < before
    }

    /// Puts the page in as the most recent one of its set.
    fn insert(&mut self, page: Page) {
        let ways = self.ways;
        let set = self.set(page);
        set.push(page);
        if set.len() > ways {
            set.remove(0);
        }
    }

    /// Looks the page up; a hit makes it the most recent one of its set, but not with FIFO.
    fn hit(&mut self, page: Page) -> bool {
        if self.fifo {
            return self.set(page).contains(&page);
        }
        let found = self.remove(page);
        if found {
            self.insert(page);
        }
        found
    }
}

/// Where a page was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    First,
    Second,
    Nowhere,
}

/// Every buffer of the hardware, page-walk caches apart.
#[derive(Clone, Debug)]
pub struct Buffers {
    l1i: Entries,
    l1d: Entries,
    l2i: Option<Entries>,
    l2d: Option<Entries>,
    shared: bool,
}

impl Buffers {
    pub fn of(hardware: &Hierarchy) -> Buffers {
        Buffers {
            l1i: Entries::new(hardware.l1i),
            l1d: Entries::new(hardware.l1d),
            l2i: hardware.l2i.map(Entries::new),
            l2d: hardware.l2d.map(Entries::new),
            shared: hardware.shared,
        }
    }

    fn first(&mut self, ifetch: bool) -> &mut Entries {
        if ifetch { &mut self.l1i } else { &mut self.l1d }
    }

    fn second(&mut self, ifetch: bool) -> Option<&mut Entries> {
        if ifetch || self.shared {
            self.l2i.as_mut()
        } else {
            self.l2d.as_mut()
        }
    }

    /// Looks the page up; the level that has it knows that it was used.
    pub fn look_up(&mut self, page: Page, ifetch: bool) -> Found {
        if self.first(ifetch).hit(page) {
            Found::First
        } else if self.second(ifetch).is_some_and(|second| second.hit(page)) {
            Found::Second
        } else {
            Found::Nowhere
        }
    }

    /// Takes the page into the levels in which it was not found.
    pub fn fill(&mut self, page: Page, ifetch: bool, found: Found) {
        if found == Found::Nowhere
            && let Some(second) = self.second(ifetch)
        {
            second.insert(page);
        }
        if found != Found::First {
            self.first(ifetch).insert(page);
        }
    }

    /// Takes the page out of every level; says how many had it.
    pub fn shoot_down(&mut self, page: Page) -> u64 {
        let mut dropped = u64::from(self.l1i.remove(page)) + u64::from(self.l1d.remove(page));
        for second in [&mut self.l2i, &mut self.l2d].into_iter().flatten() {
            dropped += u64::from(second.remove(page));
        }
        dropped
    }
}

/// The page-walk caches, and what walks came to.
#[derive(Clone, Debug)]
pub struct Walker {
    levels: u32,
    page_size: u128,
    caches: Vec<Option<Entries>>,
    pub walks: WalkRun,
}

impl Walker {
    pub fn of(hardware: &Hierarchy, page_size: u64) -> Walker {
        let caches = hardware.walk_caches.iter();
        Walker {
            levels: hardware.levels,
            page_size: page_size.into(),
            caches: caches.map(|cache| cache.map(Entries::new)).collect(),
            walks: WalkRun::default(),
        }
    }

    /// Walks to this page and counts the entries that it reads.
    pub fn walk(&mut self, page: Page) {
        let levels = self.levels;
        let address = u128::from(page.1) * self.page_size;
        let entry = |level: usize| {
            // Each entry of a leaf is for 4 KiB.
            let below = levels - 1 - level as u32;
            (page.0, (address / (4096 * 512u128.pow(below))) as u64)
        };
        let mut deepest = None;
        for (level, cache) in self.caches.iter_mut().enumerate() {
            if cache.as_mut().is_some_and(|cache| cache.hit(entry(level))) {
                deepest = Some(level);
            }
        }
        let from = deepest.map_or(0, |level| level + 1);
        for (level, cache) in self.caches.iter_mut().enumerate().skip(from) {
            if let Some(cache) = cache {
                cache.insert(entry(level));
            }
        }
        for level in from..levels as usize {
            self.walks.refs += 1;
            self.walks.by_height[levels as usize - 1 - level] += 1;
        }
    }

    /// The caches have nothing of this process any more.
    pub fn forget(&mut self, process: u32) {
        for cache in self.caches.iter_mut().flatten() {
            for set in &mut cache.sets {
                set.retain(|entry| entry.0 != process);
            }
        }
    }

    /// The caches have nothing any more.
    pub fn empty(&mut self) {
        for cache in self.caches.iter_mut().flatten() {
            cache.sets.iter_mut().for_each(Vec::clear);
        }
    }
}

/// Translates `refs`; `run` says which pages leave memory, and when.
pub fn tlb(refs: &[Ref], run: &Run, l1i: Level, l1d: Level, l2: Level) -> TlbRun {
    let hardware = Hierarchy {
        l1i,
        l1d,
        l2i: Some(l2),
        l2d: None,
        shared: true,
        tags: true,
        levels: 4,
        walk_caches: Vec::new(),
    };
    hierarchy(refs, run, &hardware).0
}

/// Translates `refs` by any hardware; `run` says which pages leave memory, and when.
pub fn hierarchy(refs: &[Ref], run: &Run, hardware: &Hierarchy) -> (TlbRun, WalkRun) {
    let mut result = TlbRun::default();
    let (mut buffers, mut walker) = (Buffers::of(hardware), Walker::of(hardware, 4096));
    let mut faults = run.faults.iter().peekable();
    let mut expired = run.expired.iter().peekable();
    for (at, r) in refs.iter().enumerate() {
        let page = r.key();
        if !hardware.tags && at > 0 && refs[at - 1].process != r.process {
            walker.walks.flushes += 1;
            buffers = Buffers::of(hardware);
            walker.empty();
        }
        let fault = faults.next_if(|fault| fault.at == at);
        let found = buffers.look_up(page, r.ifetch);
        assert!(
            fault.is_none() || found == Found::Nowhere,
            "a page that faults is in no TLB"
        );

        match found {
            Found::First if r.ifetch => result.l1i_hits += 1,
            Found::First => result.l1d_hits += 1,
            Found::Second => result.l2_hits += 1,
            Found::Nowhere => {
                result.misses += 1;
                walker.walk(page);
            }
        }
        if let Some((victim, _)) = fault.and_then(|fault| fault.victim) {
            result.shootdowns += buffers.shoot_down(victim);
        }
        buffers.fill(page, r.ifetch, found);
        while let Some(expiry) = expired.next_if(|expiry| expiry.at == at) {
            result.shootdowns += buffers.shoot_down(expiry.page);
        }
    }
    (result, walker.walks)
}
