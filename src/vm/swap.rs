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
}

impl Swap {
    /// An empty device for so many pages; it is as large as needed.
    pub fn new(pages: usize) -> Swap {
        Swap {
            slot_of: vec![NONE; pages],
            used: 0,
        }
    }

    /// A dirty page is written.
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

    /// Asserts that every slot has exactly one owner.
    pub fn assert_owned(&self) {
        let owners = self.slot_of.iter().filter(|&&slot| slot != NONE).count() as u64;
        assert_eq!(owners, self.used(), "every slot has an owner");
    }
}
