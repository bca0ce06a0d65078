//! Memory at a position, and the place of each page in it.

use crate::space::{AddressLayout, ObjectId, Resolved, SpaceAt};
use crate::vm::{PageState, Snapshot};

/// The place of the page that an entry is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In this frame.
    Frame(u32),
    /// Only in this slot of the swap device.
    Slot(u32),
    /// Out of memory, and without a slot.
    Dropped,
    /// Never in memory: full swap ended the replay before.
    NeverLoaded,
}

/// Memory at a position.
pub struct Picture<'a> {
    /// The trace.
    pub resolved: &'a Resolved,
    /// The processes.
    pub view: &'a SpaceAt,
    /// The machine.
    pub snapshot: &'a Snapshot,
    /// The addresses that there are.
    pub layout: AddressLayout,
}

impl Picture<'_> {
    /// Returns the address of a page; in a trace of ids, the id.
    pub fn address(&self, number: u64) -> String {
        self.resolved.trace.meta.page_text(number)
    }

    /// Returns the process id of a process of the view.
    pub fn pid(&self, process: u32) -> u32 {
        self.resolved.trace.dictionary.pid(process)
    }

    /// Returns the place of an object.
    pub fn place(&self, object: ObjectId) -> Place {
        match self.snapshot.objects[object as usize] {
            PageState::Resident(frame) => Place::Frame(frame),
            PageState::Swapped(slot) => Place::Slot(slot),
            PageState::Dropped => Place::Dropped,
            PageState::Unallocated => Place::NeverLoaded,
        }
    }

    /// Returns the frames in use, in rising order.
    pub fn taken(&self) -> Vec<usize> {
        let objects = self.snapshot.objects.iter();
        let mut taken: Vec<usize> = objects
            .filter_map(|state| match state {
                PageState::Resident(frame) => Some(*frame as usize),
                _ => None,
            })
            .collect();
        taken.sort_unstable();
        taken
    }
}
