//! Memory as one range of bytes: what is placed where, the holes between, and the placement of what comes
//! in. Knows nothing of what a placed item is.

use super::choices::Fit;
use std::collections::BTreeMap;

/// The number of an item in memory.
pub type ItemId = u32;

/// A stretch of free bytes that nothing free touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hole {
    /// The first byte.
    pub start: u64,
    /// The first byte behind it.
    pub end: u64,
}

impl Hole {
    /// Returns its length in bytes.
    pub fn bytes(self) -> u64 {
        self.end - self.start
    }
}

/// An item in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// The first byte.
    pub start: u64,
    /// The first byte behind it.
    pub end: u64,
    /// The item.
    pub item: ItemId,
}

/// Memory.
#[derive(Debug, Clone)]
pub struct Memory {
    size: u64,
    free: u64,
    /// The end and the item of each placed item, by its start.
    placed: BTreeMap<u64, (u64, ItemId)>,
    /// The end of each hole, by its start.
    holes: BTreeMap<u64, u64>,
    /// The end of the last placement.
    last_end: u64,
}

impl Memory {
    /// Creates `size` bytes of memory, all free.
    pub fn new(size: u64) -> Memory {
        let holes = (size > 0).then_some((0, size)).into_iter().collect();
        Memory {
            size,
            free: size,
            placed: BTreeMap::new(),
            holes,
            last_end: 0,
        }
    }

    /// Returns its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the number of free bytes.
    pub fn free(&self) -> u64 {
        self.free
    }

    /// Returns the number of bytes of all items.
    pub fn used(&self) -> u64 {
        self.size - self.free
    }

    /// Returns the items in order of their places.
    pub fn placed(&self) -> impl Iterator<Item = Placed> {
        let all = self.placed.iter();
        all.map(|(&start, &(end, item))| Placed { start, end, item })
    }

    /// Returns the holes in order of their places.
    pub fn holes(&self) -> impl Iterator<Item = Hole> {
        self.holes.iter().map(|(&start, &end)| Hole { start, end })
    }

    /// Returns the length of the largest hole, 0 if there is none.
    pub fn largest_hole(&self) -> u64 {
        self.holes().map(Hole::bytes).max().unwrap_or(0)
    }

    /// Returns the hole in which `fit` places `bytes`, which are not 0; `None` if none is large enough.
    pub fn find(&self, fit: Fit, bytes: u64) -> Option<Hole> {
        let mut large = self.holes().filter(|hole| hole.bytes() >= bytes);
        match fit {
            Fit::First => large.next(),
            Fit::Next => {
                let mut lowest = None;
                for hole in large {
                    if hole.end > self.last_end {
                        return Some(hole);
                    }
                    lowest = lowest.or(Some(hole));
                }
                lowest
            }
            // The first of equals.
            Fit::Best => large.min_by_key(|hole| hole.bytes()),
            Fit::Worst => large.max_by_key(|hole| (hole.bytes(), std::cmp::Reverse(hole.start))),
        }
    }

    /// Places `item` of `bytes` at the low end of a hole and notes it as the last placement.
    ///
    /// # Panics
    /// Panics if no hole begins at `start`, or if it is too small.
    pub fn place(&mut self, start: u64, bytes: u64, item: ItemId) {
        let end = self.holes.remove(&start).expect("a hole begins there");
        assert!(
            bytes > 0 && bytes <= end - start,
            "the hole is large enough"
        );
        if start + bytes < end {
            self.holes.insert(start + bytes, end);
        }
        self.placed.insert(start, (start + bytes, item));
        self.free -= bytes;
        self.last_end = start + bytes;
    }

    /// Removes the item at `start`. Returns its length.
    ///
    /// # Panics
    /// Panics if no item begins there.
    pub fn remove(&mut self, start: u64) -> u64 {
        let (end, _) = self.placed.remove(&start).expect("an item begins there");
        self.release(start, end);
        end - start
    }

    /// Makes `start..end` free, which is not.
    fn release(&mut self, start: u64, end: u64) {
        self.free += end - start;
        let above = self.holes.remove(&end).unwrap_or(end);
        let below = self.holes.range(..start).next_back();
        match below.filter(|(_, below_end)| **below_end == start) {
            Some((&below, _)) => self.holes.insert(below, above),
            None => self.holes.insert(start, above),
        };
    }

    /// Returns the bytes that are free just below `start` and from `end` on.
    pub fn room(&self, start: u64, end: u64) -> (u64, u64) {
        let below = self.holes.range(..start).next_back();
        let below = below.filter(|(_, below_end)| **below_end == start);
        let above = self.holes.get(&end);
        (
            below.map_or(0, |(&below, _)| start - below),
            above.map_or(0, |&above| above - end),
        )
    }

    /// Extends the item at `start` by `bytes`, downwards if `below`, else upwards. Returns its new start;
    /// `None`, and nothing changes, if there is no room on that side.
    pub fn extend(&mut self, start: u64, bytes: u64, below: bool) -> Option<u64> {
        let (end, item) = self.placed[&start];
        let (room_below, room_above) = self.room(start, end);
        if bytes > if below { room_below } else { room_above } {
            return None;
        }
        self.free -= bytes;
        if !below {
            let hole_end = self.holes.remove(&end).unwrap_or(end);
            if end + bytes < hole_end {
                self.holes.insert(end + bytes, hole_end);
            }
            self.placed.insert(start, (end + bytes, item));
            return Some(start);
        }
        let hole = start - room_below;
        self.holes.remove(&hole);
        if bytes < room_below {
            self.holes.insert(hole, start - bytes);
        }
        self.placed.remove(&start);
        self.placed.insert(start - bytes, (end, item));
        Some(start - bytes)
    }

    /// Takes `bytes`, which are fewer than it has, from the low end of the item at `start` if `below`, else
    /// from its high end. Returns its new start.
    pub fn shrink(&mut self, start: u64, bytes: u64, below: bool) -> u64 {
        let (end, item) = self.placed[&start];
        assert!(bytes < end - start, "something of the item stays");
        if below {
            self.placed.remove(&start);
            self.placed.insert(start + bytes, (end, item));
            self.release(start, start + bytes);
            return start + bytes;
        }
        self.placed.insert(start, (end - bytes, item));
        self.release(end - bytes, end);
        start
    }

    /// Makes two items of the one at `start`: the upper one, `item`, begins `bytes` behind it.
    pub fn split(&mut self, start: u64, bytes: u64, upper: ItemId) {
        let (end, item) = self.placed[&start];
        assert!(bytes > 0 && start + bytes < end, "both parts have bytes");
        self.placed.insert(start, (start + bytes, item));
        self.placed.insert(start + bytes, (end, upper));
    }

    /// Moves items down, the lowest first, each against the one below it, until the hole behind the last
    /// one moved has `bytes`. Returns what moved: the item, its old start and its new one.
    pub fn compact(&mut self, bytes: u64) -> Vec<(ItemId, u64, u64)> {
        let (mut moved, mut floor) = (Vec::new(), 0);
        let items: Vec<Placed> = self.placed().collect();
        for (place, at) in items.iter().enumerate() {
            if at.start > floor {
                let length = at.end - at.start;
                self.placed.remove(&at.start);
                self.release(at.start, at.end);
                let hole_end = self.holes.remove(&floor).expect("a hole is below");
                if floor + length < hole_end {
                    self.holes.insert(floor + length, hole_end);
                }
                self.placed.insert(floor, (floor + length, at.item));
                self.free -= length;
                moved.push((at.item, at.start, floor));
                floor += length;
            } else {
                floor = at.end;
            }
            let next = items.get(place + 1).map_or(self.size, |next| next.start);
            if next - floor >= bytes {
                break;
            }
        }
        moved
    }

    /// Asserts the laws of memory.
    ///
    /// # Panics
    /// Panics if used and free bytes do not add up, items overlap, or a hole is not maximal.
    pub fn assert_laws(&self) {
        let (mut at, mut free) = (0, 0);
        let mut holes = self.holes().peekable();
        let mut after_hole = false;
        let mut placed = self.placed().peekable();
        while at < self.size {
            if let Some(hole) = holes.next_if(|hole| hole.start == at) {
                assert!(!after_hole && hole.end > at, "holes are maximal");
                free += hole.bytes();
                (at, after_hole) = (hole.end, true);
                continue;
            }
            let item = placed.next_if(|item| item.start == at);
            let item = item.expect("every byte is in one item or one hole");
            assert!(item.end > at, "items have bytes");
            (at, after_hole) = (item.end, false);
        }
        assert!(placed.next().is_none() && holes.next().is_none());
        assert_eq!((at, free), (self.size, self.free), "used + free = memory");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory with holes of these sizes, each behind an item of one byte.
    fn with_holes(sizes: &[u64]) -> Memory {
        let size: u64 = sizes.iter().map(|size| size + 1).sum();
        let mut memory = Memory::new(size + 1);
        let mut at = 0;
        for (item, &hole) in sizes.iter().enumerate() {
            memory.place(at, 1, item as u32);
            memory.place(at + 1, hole, 99);
            at += hole + 1;
        }
        memory.place(at, 1, 100);
        let fillers: Vec<u64> = memory
            .placed()
            .filter(|p| p.item == 99)
            .map(|p| p.start)
            .collect();
        for start in fillers {
            memory.remove(start);
        }
        memory.last_end = 0;
        memory.assert_laws();
        memory
    }

    /// Places `requests` in turn. Returns the size of the hole that each goes to.
    fn holes_taken(memory: &mut Memory, fit: Fit, requests: &[u64]) -> Vec<Option<u64>> {
        let place = |&bytes: &u64| {
            let hole = memory.find(fit, bytes)?;
            memory.place(hole.start, bytes, 7);
            memory.assert_laws();
            Some(hole.bytes())
        };
        requests.iter().map(place).collect()
    }

    /// Tanenbaum, Modern Operating Systems, chapter 3, problems: holes of 10, 4, 20, 18, 7, 9, 12 and
    /// 15 MB in order of memory, requests of 12, 10 and 9 MB.
    #[test]
    fn holes_of_tanenbaum() {
        for (fit, wanted) in [
            (Fit::First, [20, 10, 18]),
            (Fit::Best, [12, 10, 9]),
            (Fit::Worst, [20, 18, 15]),
            (Fit::Next, [20, 18, 9]),
        ] {
            let mut memory = with_holes(&[10, 4, 20, 18, 7, 9, 12, 15]);
            let taken = holes_taken(&mut memory, fit, &[12, 10, 9]);
            assert_eq!(taken, wanted.map(Some), "{fit:?}");
        }
    }

    /// Silberschatz, Operating System Concepts, chapter 8, exercises: partitions of 100, 500, 200, 300
    /// and 600 KB in order, processes of 212, 417, 112 and 426 KB.
    #[test]
    fn partitions_of_silberschatz() {
        let [some, none] = [Some, |_: u64| None];
        for (fit, wanted) in [
            (Fit::First, [some(500), some(600), some(288), none(0)]),
            (Fit::Best, [some(300), some(500), some(200), some(600)]),
            (Fit::Worst, [some(600), some(500), some(388), none(0)]),
        ] {
            let mut memory = with_holes(&[100, 500, 200, 300, 600]);
            let taken = holes_taken(&mut memory, fit, &[212, 417, 112, 426]);
            assert_eq!(taken, wanted, "{fit:?}");
        }
    }

    #[test]
    fn equal_holes_go_lowest_first() {
        for fit in [Fit::First, Fit::Best, Fit::Worst] {
            let memory = with_holes(&[5, 8, 8]);
            assert_eq!(
                memory.find(fit, 6).map(|hole| hole.start),
                Some(7),
                "{fit:?}"
            );
        }
    }

    /// Next fit begins anew at the bottom once nothing above the last placement is large enough.
    #[test]
    fn next_fit_comes_round() {
        let mut memory = with_holes(&[6, 6, 3]);
        let starts: Vec<u64> = [5, 5, 3, 1]
            .map(|bytes| {
                let hole = memory.find(Fit::Next, bytes).unwrap();
                memory.place(hole.start, bytes, 9);
                hole.start
            })
            .into();
        assert_eq!(starts, [1, 8, 15, 6]);
        assert_eq!(memory.find(Fit::Next, 2), None);
    }

    #[test]
    fn items_grow_shrink_and_split_in_place() {
        let mut memory = Memory::new(100);
        for (start, bytes, item) in [(0, 10, 0), (10, 20, 1), (30, 10, 2)] {
            memory.place(start, bytes, item);
        }
        memory.remove(0);
        assert_eq!(memory.extend(10, 11, true), None);
        assert_eq!(memory.extend(10, 4, true), Some(6));
        assert_eq!(memory.extend(6, 1, false), None);
        assert_eq!(memory.extend(30, 5, false), Some(30));
        assert_eq!(memory.shrink(6, 4, true), 10);
        assert_eq!(memory.shrink(10, 5, false), 10);
        memory.split(30, 6, 3);
        memory.assert_laws();
        let shown: Vec<_> = memory.placed().map(|p| (p.start, p.end, p.item)).collect();
        assert_eq!(shown, [(10, 25, 1), (30, 36, 2), (36, 45, 3)]);
        let holes: Vec<_> = memory.holes().map(|h| (h.start, h.end)).collect();
        assert_eq!(holes, [(0, 10), (25, 30), (45, 100)]);
        assert_eq!((memory.free(), memory.largest_hole()), (70, 55));
    }

    /// The lowest moves first, and nothing moves that need not.
    #[test]
    fn compaction_stops_when_the_hole_is_large_enough() {
        let mut memory = Memory::new(100);
        for (start, item) in [(0, 0), (10, 1), (20, 2), (30, 3), (40, 4)] {
            memory.place(start, 10, item);
        }
        memory.remove(10);
        memory.remove(30);
        let moved = memory.compact(20);
        memory.assert_laws();
        assert_eq!(moved, [(2, 20, 10)]);
        assert_eq!(memory.find(Fit::First, 20).map(|hole| hole.start), Some(20));
        let moved = memory.compact(70);
        memory.assert_laws();
        assert_eq!(moved, [(4, 40, 20)]);
    }
}
