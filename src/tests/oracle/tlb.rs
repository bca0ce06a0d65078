//! Two-level TLB: set-associative with LRU in each set, the first level split into instructions and
//! data, the second shared. The set of a page is its number modulo the number of sets; entries are
//! tagged with their process, so that a switch of process drops nothing.
//!
//! A hit in the first level changes only the recency there. A miss there that hits in the second
//! level changes the recency there and copies the entry into the first level, whose victim is
//! dropped. A miss in both is one walk and fills both. A page that leaves memory is dropped from
//! every level; each entry so dropped is one shootdown.
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

/// One level: in each set the pages in order of recency, oldest first.
struct Entries {
    ways: usize,
    sets: Vec<Vec<Page>>,
}

impl Entries {
    fn new(level: Level) -> Entries {
        assert!(level.sets > 0);
        Entries {
            ways: level.ways,
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

    /// Looks the page up; a hit makes it the most recent one of its set.
    fn hit(&mut self, page: Page) -> bool {
        let found = self.remove(page);
        if found {
            self.insert(page);
        }
        found
    }
}

/// Translates `refs`; `run` says which pages leave memory, and when.
pub fn tlb(refs: &[Ref], run: &Run, l1i: Level, l1d: Level, l2: Level) -> TlbRun {
    let mut result = TlbRun::default();
    let (mut l1i, mut l1d, mut l2) = (Entries::new(l1i), Entries::new(l1d), Entries::new(l2));
    let mut faults = run.faults.iter().peekable();
    let mut expired = run.expired.iter().peekable();
    for (at, r) in refs.iter().enumerate() {
        let page = r.key();
        let fault = faults.next_if(|fault| fault.at == at);
        let in_first = if r.ifetch {
            l1i.hit(page)
        } else {
            l1d.hit(page)
        };
        let in_second = !in_first && l2.hit(page);
        assert!(
            fault.is_none() || !(in_first || in_second),
            "a page that faults is in no TLB"
        );

        if in_first && r.ifetch {
            result.l1i_hits += 1;
        } else if in_first {
            result.l1d_hits += 1;
        } else if in_second {
            result.l2_hits += 1;
        } else {
            result.misses += 1;
        }
        if let Some((victim, _)) = fault.and_then(|fault| fault.victim) {
            for level in [&mut l1i, &mut l1d, &mut l2] {
                result.shootdowns += u64::from(level.remove(victim));
            }
        }
        if !in_first && !in_second {
            l2.insert(page);
        }
        if !in_first {
            if r.ifetch {
                l1i.insert(page)
            } else {
                l1d.insert(page)
            }
        }
        while let Some(expiry) = expired.next_if(|expiry| expiry.at == at) {
            for level in [&mut l1i, &mut l1d, &mut l2] {
                result.shootdowns += u64::from(level.remove(expiry.page));
            }
        }
    }
    result
}
