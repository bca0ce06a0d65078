//! The swap device: which page has a slot. A page gets its slot at its first write-back and keeps
//! it until no process maps the page any more: a later write-back goes to the same slot, and a clean
//! page with a slot leaves without a write. Pages that leave one after the other get slots side by
//! side: slots are given out in clusters. Knows nothing of frames and policies.

use crate::units::{PageId, PageSize, show_bytes};

/// No slot.
const NONE: u32 = u32::MAX;

/// Slots of a cluster, as in Linux.
pub const CLUSTER: usize = 256;

/// Returns the number of slots of a device of `bytes` bytes, a page each.
///
/// # Errors
/// If there is a device but it holds no page; the error is a message for the user.
pub fn slots_of(bytes: u64, page: PageSize) -> Result<u64, String> {
    match bytes / page.bytes() {
        0 if bytes > 0 => Err(format!(
            "--swap: {} are less than a page of {page}: give more, or none, or unlimited",
            show_bytes(bytes)
        )),
        slots => Ok(slots),
    }
}

/// Slots by page.
#[derive(Debug)]
pub struct Swap {
    slot_of: Vec<u32>,
    /// For each slot up to the end of the last cluster begun, whether it is taken.
    taken: Vec<bool>,
    /// For each cluster, the number of its slots that are taken.
    in_cluster: Vec<u32>,
    /// The next slot of the current cluster to be tried.
    cursor: usize,
    used: u64,
    peak: u64,
    /// The slots of the device.
    slots: u64,
}

impl Swap {
    /// Returns an empty device for `pages` pages, with `slots` slots; without a limit if `None`.
    pub fn new(pages: usize, slots: Option<u64>) -> Swap {
        Swap {
            slot_of: vec![NONE; pages],
            taken: Vec::new(),
            in_cluster: Vec::new(),
            cursor: 0,
            used: 0,
            peak: 0,
            slots: slots.unwrap_or(u64::MAX),
        }
    }

    /// Returns true if a dirty page can be written: it has a slot, or one is free.
    #[inline]
    pub fn has_room(&self, page: PageId) -> bool {
        self.slot(page).is_some() || self.used < self.slots
    }

    /// Returns true if no slot is free.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.used == self.slots
    }

    /// Writes a dirty page; there must be room.
    #[inline]
    pub fn write(&mut self, page: PageId) {
        if self.slot_of[page as usize] == NONE {
            self.take_slot(page);
        }
    }

    /// Gives a page a slot; one must be free.
    #[inline(never)]
    fn take_slot(&mut self, page: PageId) {
        let slot = self.find();
        self.taken[slot] = true;
        self.in_cluster[slot / CLUSTER] += 1;
        self.cursor = slot + 1;
        self.used += 1;
        self.peak = self.peak.max(self.used);
        self.slot_of[page as usize] = slot as u32;
    }

    /// Returns a free slot: the next of the current cluster, else the first of a free cluster, else
    /// any.
    fn find(&mut self) -> usize {
        let start = self.cursor;
        let end = start.next_multiple_of(CLUSTER).min(self.taken.len());
        if let Some(offset) = self.taken[start.min(end)..end].iter().position(|t| !t) {
            return start + offset;
        }
        if let Some(cluster) = self.in_cluster.iter().position(|&taken| taken == 0) {
            return cluster * CLUSTER;
        }
        let all = self.taken.len();
        if (all as u64) < self.slots {
            let more = (self.slots - all as u64).min(CLUSTER as u64) as usize;
            self.taken.resize(all + more, false);
            self.in_cluster.push(0);
            return all;
        }
        let free = self.taken.iter().position(|taken| !taken);
        free.expect("there is room")
    }

    /// Frees the slot of a page, if it has one: no process maps the page any more.
    pub fn release(&mut self, page: PageId) {
        let slot = std::mem::replace(&mut self.slot_of[page as usize], NONE);
        if slot != NONE {
            self.taken[slot as usize] = false;
            self.in_cluster[slot as usize / CLUSTER] -= 1;
            self.used -= 1;
        }
    }

    /// Returns the slot of a page, if it has one.
    #[inline]
    pub fn slot(&self, page: PageId) -> Option<u32> {
        let slot = self.slot_of[page as usize];
        (slot != NONE).then_some(slot)
    }

    /// Returns the number of slots in use.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Returns the most slots ever in use.
    pub fn peak(&self) -> u64 {
        self.peak
    }

    /// Asserts that every slot in use has exactly one owner, and that no more are in use than the
    /// device has.
    pub fn assert_owned(&self) {
        let owners = self.slot_of.iter().filter(|&&slot| slot != NONE).count() as u64;
        assert_eq!(owners, self.used, "every slot has an owner");
        let taken = self.taken.iter().filter(|&&taken| taken).count() as u64;
        assert_eq!(taken, self.used, "no slot has two owners");
        assert!(self.used <= self.slots, "no more slots than there are");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_come_in_clusters_and_go_back() {
        let mut swap = Swap::new(2000, Some(600));
        (0..300).for_each(|page| swap.write(page));
        assert_eq!(swap.slot(299), Some(299));
        (0..256).for_each(|page| swap.release(page));
        // The current cluster goes on; then the one that became free, then the last, short one.
        (300..512).for_each(|page| swap.write(page));
        assert_eq!(swap.slot(511), Some(511));
        swap.write(512);
        assert_eq!(swap.slot(512), Some(0));
        (513..768).for_each(|page| swap.write(page));
        swap.write(768);
        assert_eq!(swap.slot(768), Some(512));
        (769..856).for_each(|page| swap.write(page));
        assert!(swap.used() == 600 && !swap.has_room(1000) && swap.has_room(400));
        // Only single slots are left.
        swap.release(400);
        swap.release(350);
        swap.write(1000);
        assert_eq!(swap.slot(1000), Some(350));
        assert_eq!((swap.used(), swap.peak()), (599, 600));
        swap.assert_owned();
    }
}
