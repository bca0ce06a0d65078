//! Which objects are in which frames, and through which page-table entries they are reached. Two
//! implementations: [`Flat`] for a trace in which every entry is an object, and [`Spaces`] with
//! sharing. Knows nothing of policies, swap and counters.

use crate::simd::prefetch::prefetch;
use crate::space::{Class, EntryId, NONE, ObjectId, Space};
use crate::units::FrameId;

/// The object has no content: never loaded, or freed. Frames have lower numbers. ([`Spaces`] uses
/// it for objects only; its absent entries are [`NOT_RESIDENT`].)
pub const UNALLOCATED: u32 = u32::MAX;
/// The object was in a frame and is not now, or the entry names no frame.
pub const NOT_RESIDENT: u32 = u32::MAX - 1;

/// Page tables, and the frame of each object.
pub trait Residence: Send {
    /// Whether several entries may show one object.
    const SHARES: bool;

    /// Returns the frame that an entry names; [`NOT_RESIDENT`] or [`UNALLOCATED`] if it names none.
    fn present(&self, entry: EntryId) -> u32;
    /// Prefetches the cache line that [`present`](Residence::present) will read.
    fn prefetch(&self, entry: EntryId);
    /// Returns the object to which an entry is bound.
    fn object(&self, entry: EntryId) -> ObjectId;
    /// Returns the frame of an object; [`NOT_RESIDENT`] or [`UNALLOCATED`] if it is in none.
    fn state(&self, object: ObjectId) -> u32;
    /// Returns what backs an object.
    fn class(&self, object: ObjectId) -> Class;
    /// Puts an object into a frame.
    fn place(&mut self, object: ObjectId, frame: FrameId);
    /// Makes an entry name the frame that its object is in.
    fn attach(&mut self, entry: EntryId, frame: FrameId);
    /// Makes an entry name no frame. Returns false if it named none before.
    fn detach(&mut self, entry: EntryId) -> bool;
    /// Takes an object out of its frame. Calls `each` with the entries that named the frame.
    fn displace(&mut self, object: ObjectId, each: impl FnMut(EntryId));
    /// Calls `each` with the entries that name the frame of an object.
    fn entries(&self, object: ObjectId, each: impl FnMut(EntryId));
    /// Binds an entry that names no frame to another object.
    fn bind(&mut self, entry: EntryId, object: ObjectId);
    /// Returns the state of every object, in object order.
    fn states(&self) -> &[u32];
}

/// Every entry is an object.
pub struct Flat {
    states: Vec<u32>,
}

impl Flat {
    /// Returns page tables with nothing in memory.
    pub fn new(pages: usize) -> Flat {
        Flat {
            states: vec![UNALLOCATED; pages],
        }
    }
}

impl Residence for Flat {
    const SHARES: bool = false;

    #[inline(always)]
    fn present(&self, entry: EntryId) -> u32 {
        self.states[entry as usize]
    }
    #[inline(always)]
    fn prefetch(&self, entry: EntryId) {
        prefetch(&self.states, entry as usize);
    }
    #[inline(always)]
    fn object(&self, entry: EntryId) -> ObjectId {
        entry
    }
    #[inline(always)]
    fn state(&self, object: ObjectId) -> u32 {
        self.states[object as usize]
    }
    #[inline(always)]
    fn class(&self, _object: ObjectId) -> Class {
        Class::Original
    }
    #[inline(always)]
    fn place(&mut self, object: ObjectId, frame: FrameId) {
        self.states[object as usize] = frame;
    }
    #[inline(always)]
    fn attach(&mut self, _entry: EntryId, _frame: FrameId) {}
    fn detach(&mut self, _entry: EntryId) -> bool {
        false
    }
    #[inline(always)]
    fn displace(&mut self, object: ObjectId, mut each: impl FnMut(EntryId)) {
        self.states[object as usize] = NOT_RESIDENT;
        each(object);
    }
    fn entries(&self, object: ObjectId, mut each: impl FnMut(EntryId)) {
        each(object);
    }
    fn bind(&mut self, _entry: EntryId, _object: ObjectId) {}
    fn states(&self) -> &[u32] {
        &self.states
    }
}

/// Page tables with sharing. The entries that name one frame are chained, the last first: the
/// reverse mapping.
pub struct Spaces<'t> {
    space: &'t Space,
    object_of: Vec<ObjectId>,
    /// For each entry the frame that it names, or [`NOT_RESIDENT`].
    present: Vec<u32>,
    states: Vec<u32>,
    /// For each object the first entry of its chain, or [`NONE`].
    first: Vec<EntryId>,
    /// For each present entry those before and after it in its chain, or [`NONE`].
    chain: Vec<(EntryId, EntryId)>,
}

impl<'t> Spaces<'t> {
    /// Returns page tables with nothing in memory.
    pub fn new(space: &'t Space) -> Spaces<'t> {
        let (entries, objects) = (space.entries.len(), space.classes.len());
        Spaces {
            space,
            object_of: space.first_object.clone(),
            present: vec![NOT_RESIDENT; entries],
            states: vec![UNALLOCATED; objects],
            first: vec![NONE; objects],
            chain: vec![(NONE, NONE); entries],
        }
    }
}

impl Residence for Spaces<'_> {
    const SHARES: bool = true;

    #[inline(always)]
    fn present(&self, entry: EntryId) -> u32 {
        self.present[entry as usize]
    }
    #[inline(always)]
    fn prefetch(&self, entry: EntryId) {
        prefetch(&self.present, entry as usize);
    }
    #[inline(always)]
    fn object(&self, entry: EntryId) -> ObjectId {
        self.object_of[entry as usize]
    }
    #[inline(always)]
    fn state(&self, object: ObjectId) -> u32 {
        self.states[object as usize]
    }
    #[inline]
    fn class(&self, object: ObjectId) -> Class {
        self.space.classes[object as usize]
    }
    #[inline]
    fn place(&mut self, object: ObjectId, frame: FrameId) {
        self.states[object as usize] = frame;
    }

    #[inline]
    fn attach(&mut self, entry: EntryId, frame: FrameId) {
        self.present[entry as usize] = frame;
        let first = &mut self.first[self.object_of[entry as usize] as usize];
        let after = std::mem::replace(first, entry);
        self.chain[entry as usize] = (NONE, after);
        if after != NONE {
            self.chain[after as usize].0 = entry;
        }
    }

    fn detach(&mut self, entry: EntryId) -> bool {
        if std::mem::replace(&mut self.present[entry as usize], NOT_RESIDENT) == NOT_RESIDENT {
            return false;
        }
        let (before, after) = self.chain[entry as usize];
        match before {
            NONE => self.first[self.object_of[entry as usize] as usize] = after,
            before => self.chain[before as usize].1 = after,
        }
        if after != NONE {
            self.chain[after as usize].0 = before;
        }
        true
    }

    #[inline(always)]
    fn displace(&mut self, object: ObjectId, mut each: impl FnMut(EntryId)) {
        self.states[object as usize] = NOT_RESIDENT;
        let mut entry = std::mem::replace(&mut self.first[object as usize], NONE);
        while entry != NONE {
            self.present[entry as usize] = NOT_RESIDENT;
            each(entry);
            entry = self.chain[entry as usize].1;
        }
    }

    #[inline]
    fn entries(&self, object: ObjectId, mut each: impl FnMut(EntryId)) {
        let mut entry = self.first[object as usize];
        while entry != NONE {
            each(entry);
            entry = self.chain[entry as usize].1;
        }
    }

    fn bind(&mut self, entry: EntryId, object: ObjectId) {
        self.object_of[entry as usize] = object;
    }
    fn states(&self) -> &[u32] {
        &self.states
    }
}
