//! Which objects are in which frames, and through which page-table entries they are reached. Two
//! implementations: [`Flat`] for a trace in which every entry is an object, and [`Spaces`] with
//! sharing. Knows nothing of policies, swap and counters.

use crate::simd::prefetch::prefetch;
use crate::space::{Class, EntryId, NONE, ObjectId, OpAt, Space};
use crate::units::FrameId;

/// The state of an object, or of an entry, that is in no frame and never was. Frames have lower
/// numbers.
pub const UNALLOCATED: u32 = u32::MAX;
/// The state of one that was in a frame and is not now.
pub const AWAY: u32 = u32::MAX - 1;

/// What the machine asks of page tables.
pub trait Residence<'t>: Send {
    /// Whether several entries may show one object.
    const SHARES: bool;

    /// The frame that an entry names; [`AWAY`] or [`UNALLOCATED`] if it names none.
    fn present(&self, entry: EntryId) -> u32;
    /// Asks the memory of this machine for what [`present`](Residence::present) will read.
    fn prefetch(&self, entry: EntryId);
    /// The object to which an entry is bound.
    fn object(&self, entry: EntryId) -> ObjectId;
    /// The frame of an object; [`AWAY`] or [`UNALLOCATED`] if it is in none.
    fn state(&self, object: ObjectId) -> u32;
    /// What backs an object.
    fn class(&self, object: ObjectId) -> Class;
    /// An object is put into a frame.
    fn place(&mut self, object: ObjectId, frame: FrameId);
    /// An entry names the frame that its object is in.
    fn attach(&mut self, entry: EntryId, frame: FrameId);
    /// An entry names no frame any more; false if it did not.
    fn detach(&mut self, entry: EntryId) -> bool;
    /// An object leaves its frame; `each` learns which entries named it.
    fn displace(&mut self, object: ObjectId, each: impl FnMut(EntryId));
    /// Calls `each` with the entries that name the frame of an object.
    fn entries(&self, object: ObjectId, each: impl FnMut(EntryId));
    /// Binds an entry that names no frame to another object.
    fn bind(&mut self, entry: EntryId, object: ObjectId);
    /// What happens besides references.
    fn ops(&self) -> &'t [OpAt];
    /// Calls `each` with every object and its state.
    fn objects(&self) -> impl Iterator<Item = u32>;
}

/// Every entry is an object.
pub struct Flat {
    states: Vec<u32>,
}

impl Flat {
    /// With nothing in memory.
    pub fn new(pages: usize) -> Flat {
        Flat {
            states: vec![UNALLOCATED; pages],
        }
    }
}

impl<'t> Residence<'t> for Flat {
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
        self.states[object as usize] = AWAY;
        each(object);
    }
    fn entries(&self, object: ObjectId, mut each: impl FnMut(EntryId)) {
        each(object);
    }
    fn bind(&mut self, _entry: EntryId, _object: ObjectId) {}
    fn ops(&self) -> &'t [OpAt] {
        &[]
    }
    fn objects(&self) -> impl Iterator<Item = u32> {
        self.states.iter().copied()
    }
}

/// Page tables with sharing. The entries that name one frame are chained, the last first: the
/// reverse mapping.
pub struct Spaces<'t> {
    space: &'t Space,
    object_of: Vec<ObjectId>,
    /// For each entry the frame that it names, or [`AWAY`].
    present: Vec<u32>,
    states: Vec<u32>,
    /// For each object the first entry of its chain, or [`NONE`].
    first: Vec<EntryId>,
    /// For each present entry those before and behind it in its chain, or [`NONE`].
    chain: Vec<(EntryId, EntryId)>,
}

impl<'t> Spaces<'t> {
    /// With nothing in memory.
    pub fn new(space: &'t Space) -> Spaces<'t> {
        let (entries, objects) = (space.entries.len(), space.classes.len());
        Spaces {
            space,
            object_of: space.first_object.clone(),
            present: vec![AWAY; entries],
            states: vec![UNALLOCATED; objects],
            first: vec![NONE; objects],
            chain: vec![(NONE, NONE); entries],
        }
    }
}

impl<'t> Residence<'t> for Spaces<'t> {
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
        let behind = std::mem::replace(first, entry);
        self.chain[entry as usize] = (NONE, behind);
        if behind != NONE {
            self.chain[behind as usize].0 = entry;
        }
    }

    fn detach(&mut self, entry: EntryId) -> bool {
        if std::mem::replace(&mut self.present[entry as usize], AWAY) == AWAY {
            return false;
        }
        let (before, behind) = self.chain[entry as usize];
        match before {
            NONE => self.first[self.object_of[entry as usize] as usize] = behind,
            before => self.chain[before as usize].1 = behind,
        }
        if behind != NONE {
            self.chain[behind as usize].0 = before;
        }
        true
    }

    #[inline(always)]
    fn displace(&mut self, object: ObjectId, mut each: impl FnMut(EntryId)) {
        self.states[object as usize] = AWAY;
        let mut entry = std::mem::replace(&mut self.first[object as usize], NONE);
        while entry != NONE {
            self.present[entry as usize] = AWAY;
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
    fn ops(&self) -> &'t [OpAt] {
        &self.space.ops
    }
    fn objects(&self) -> impl Iterator<Item = u32> {
        self.states.iter().copied()
    }
}
