//! The page walk and the caches that shorten it. A walk reads one entry of each level of the page
//! table, from the root to the leaf that names the page. A page-walk cache holds the entries of
//! one level above the leaf, which name tables.
//!
//! All caches are asked at once, and each that holds its entry makes it the most recent one; the
//! walk begins below the deepest of them. Every upper entry it reads goes into the cache of its
//! level. Entries are tagged like those of the TLBs. A page that leaves memory takes no entry out
//! of these caches: they name tables, not pages. An event that changes a page table takes all entries
//! of its process out: the kernel invalidates the range, and an x86 processor that invalidates one
//! address drops every paging-structure cache of the process (Intel SDM volume 3, 4.10.4.1).
//!
//! Knows nothing of TLBs; what is looked up is a process and a page number.

use crate::trace::model::refs::PageKey;
use crate::units::PageSize;
use crate::vm::hardware::tlb_shapes::Geometry;
use std::ops::Range;

/// Returns how far a page number is shifted to name the entry of each level above the leaf, from
/// the root down, for pages of size `page`.
pub fn radix_shifts(geometry: &Geometry, page: PageSize) -> Vec<u32> {
    let leaf = geometry.leaf_bits;
    (1..geometry.levels)
        .rev()
        .map(|above| {
            let shift = leaf + geometry.radix_bits * above;
            shift.saturating_sub(u32::from(page.shift()))
        })
        .collect()
}

/// Returns the entry of a set that a new entry replaces: the first that is empty, else the one with
/// the least time in `used`. `used` is when each entry was last used (LRU) or came in (FIFO).
#[inline]
pub(in crate::vm) fn replaced_way(
    set: Range<usize>,
    used: &[u64],
    is_empty: impl Fn(usize) -> bool,
) -> usize {
    let mut chosen = set.start;
    for entry in set {
        if is_empty(entry) {
            return entry;
        }
        if used[entry] < used[chosen] {
            chosen = entry;
        }
    }
    chosen
}

/// No entry.
const EMPTY: PageKey = PageKey {
    process: u32::MAX,
    number: 0,
};

/// The cache of one level.
struct WalkCache {
    sets: u64,
    ways: usize,
    /// The number of bits that a page number loses to become the number of an entry of this level.
    shift: u32,
    /// Process and number of each entry.
    held: Vec<PageKey>,
    /// When each entry was last used.
    used: Vec<u64>,
}

impl WalkCache {
    fn key(&self, page: PageKey) -> PageKey {
        PageKey {
            number: page.number.checked_shr(self.shift).unwrap_or(0),
            ..page
        }
    }

    fn find(&self, key: PageKey) -> Option<usize> {
        let first = (key.number % self.sets) as usize * self.ways;
        (first..first + self.ways).find(|&entry| self.held[entry] == key)
    }

    fn insert(&mut self, key: PageKey, now: u64) {
        let first = (key.number % self.sets) as usize * self.ways;
        let set = first..first + self.ways;
        let oldest = replaced_way(set, &self.used, |entry| self.held[entry] == EMPTY);
        self.held[oldest] = key;
        self.used[oldest] = now;
    }
}

/// The walker of one replay.
pub struct Walker {
    levels: u64,
    /// For each level above the leaf, from the root down.
    caches: Vec<Option<WalkCache>>,
}

impl Walker {
    /// A walker with empty caches; `shifts` as [`radix_shifts`] gives them.
    pub fn new(geometry: &Geometry, shifts: &[u32]) -> Walker {
        let caches = geometry.pwc.iter().zip(shifts).map(|(shape, &shift)| {
            shape.map(|shape| WalkCache {
                sets: u64::from(shape.sets()),
                ways: shape.ways as usize,
                shift,
                held: vec![EMPTY; shape.entries as usize],
                used: vec![0; shape.entries as usize],
            })
        });
        let mut caches: Vec<_> = caches.collect();
        if caches.iter().all(Option::is_none) {
            caches.clear();
        }
        Walker {
            levels: u64::from(geometry.levels),
            caches,
        }
    }

    /// The levels that a walk for this page would skip now: those down to the deepest cached entry.
    pub fn skips(&self, page: PageKey) -> usize {
        let held = |cache: &Option<WalkCache>| {
            cache
                .as_ref()
                .is_some_and(|cache| cache.find(cache.key(page)).is_some())
        };
        self.caches.iter().rposition(held).map_or(0, |at| at + 1)
    }

    /// Walks to a page; returns the entries read, the leaf among them.
    pub fn walk(&mut self, page: PageKey, now: u64) -> u64 {
        let mut skipped = 0;
        for (level, cache) in self.caches.iter_mut().enumerate() {
            let Some(cache) = cache else { continue };
            if let Some(entry) = cache.find(cache.key(page)) {
                cache.used[entry] = now;
                skipped = level + 1;
            }
        }
        for cache in self.caches[skipped..].iter_mut().flatten() {
            cache.insert(cache.key(page), now);
        }
        self.levels - skipped as u64
    }

    /// Drops the entries of `process`.
    pub fn forget(&mut self, process: u32) {
        for cache in self.caches.iter_mut().flatten() {
            let own = cache.held.iter_mut().filter(|key| key.process == process);
            own.for_each(|key| *key = EMPTY);
        }
    }

    /// Empties the caches.
    pub fn flush(&mut self) {
        for cache in self.caches.iter_mut().flatten() {
            cache.held.fill(EMPTY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four levels with two entries for the root's, one for each level below, drawn step by step.
    #[test]
    fn a_cached_table_shortens_the_walk() {
        let geometry: Geometry = "levels=4,pwc=2/1/1".parse().unwrap();
        let mut walker = Walker::new(&geometry, &radix_shifts(&geometry, PageSize::DEFAULT));
        let page = |number| PageKey { process: 0, number };
        let steps = [
            (0, 4),             // all levels
            (1, 1),             // the same leaf table
            (512, 2),           // the next leaf table, under the same directory
            (0, 2),             // its predecessor was driven out
            (1 << 18, 3),       // another directory
            (1 << 27, 4),       // another root entry
            ((1 << 18) + 1, 3), // the root's entry is still held, the others are not
        ];
        for (step, (number, reads)) in steps.into_iter().enumerate() {
            assert_eq!(
                4 - walker.skips(page(number)) as u64,
                reads,
                "step {step}, asked"
            );
            assert_eq!(walker.walk(page(number), step as u64), reads, "step {step}");
        }
        let other = PageKey {
            process: 1,
            number: (1 << 18) + 1,
        };
        assert_eq!(walker.walk(other, 9), 4, "another process, other tables");
        assert_eq!(walker.walk(other, 10), 1);
        walker.forget(0);
        assert_eq!(walker.walk(other, 11), 1, "those of another process stay");
        walker.forget(1);
        assert_eq!(walker.walk(other, 12), 4, "its own do not");
        walker.flush();
        assert_eq!(walker.walk(other, 13), 4, "nothing is left after a flush");
    }

    #[test]
    fn shifts_name_the_tables_of_a_page() {
        let shifts = |text: &str, page: &str| {
            let page = page.parse().unwrap();
            let geometry: Geometry = text.parse().unwrap();
            radix_shifts(&geometry.for_pages(page), page)
        };
        assert_eq!(shifts("levels=4", "4KiB"), [27, 18, 9]);
        assert_eq!(shifts("levels=5", "64KiB"), [32, 23, 14, 5]);
        assert_eq!(shifts("levels=4", "2MiB"), [18, 9]);
        assert_eq!(shifts("levels=4", "1GiB"), [9]);
        assert!(shifts("levels=1", "64").is_empty());
        // Pages of 2 MiB on a machine whose TLBs hold 4 KiB only.
        let page: PageSize = "2MiB".parse().unwrap();
        let champsim = crate::vm::hardware::processors::find("champsim").unwrap();
        assert_eq!(radix_shifts(&champsim.geometry(page), page), [27, 18, 9]);
    }
}
