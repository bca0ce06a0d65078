//! The swap device: which page has a slot. A page gets its slot at its first write-back and keeps
//! it: a later write-back goes to the same slot, and a clean page with a slot leaves for nothing.
//! Knows nothing of frames and policies.

use crate::units::PageId;

/// No slot.
const NONE: u32 = u32::MAX;

/// Slots by page.
#[derive(Debug)]
pub struct Swap {
    slot_of: Vec<u32>,
    used: u32,
    /// Slots that there are.
    slots: u64,
}

impl Swap {
    /// An empty device with so many slots, or as many as needed, for a trace of so many pages.
    pub fn new(pages: usize, slots: Option<u64>) -> Swap {
        Swap {
            slot_of: vec![NONE; pages],
            used: 0,
            slots: slots.unwrap_or(u64::MAX),
        }
    }

    /// Whether a dirty page can be written: it has a slot, or one is free.
    pub fn has_room(&self, page: PageId) -> bool {
        self.slot(page).is_some() || self.used() < self.slots
    }

    /// A dirty page is written; there must be room.
    pub fn write(&mut self, page: PageId) {
        let slot = &mut self.slot_of[page as usize];
        if *slot == NONE {
            *slot = self.used;
            self.used += 1;
        }
    }

    /// The slot of a page, if it has one.
    pub fn slot(&self, page: PageId) -> Option<u32> {
        let slot = self.slot_of[page as usize];
        (slot != NONE).then_some(slot)
    }

    /// Slots in use.
    pub fn used(&self) -> u64 {
        u64::from(self.used)
    }

    /// Asserts that every slot has exactly one owner, and that there are no more than there are.
    pub fn assert_owned(&self) {
        let owners = self.slot_of.iter().filter(|&&slot| slot != NONE).count() as u64;
        assert_eq!(owners, self.used(), "every slot has an owner");
        assert!(self.used() <= self.slots, "no more slots than there are");
    }
}
