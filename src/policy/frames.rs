//! What a policy sees of memory: the page in each frame and the two bits that hardware keeps.
//! The machine sets the bits; a policy may read them and clear the reference bit, as a kernel
//! does. Knows nothing of faults and counters.

use crate::units::{FrameId, PageId};

/// The reference bit, set by every reference.
const REFERENCED: u8 = 1;
/// The dirty bit, set by every write.
const DIRTY: u8 = 2;

/// The frames of memory.
#[derive(Debug)]
pub struct Frames {
    /// The page in each taken frame.
    page: Vec<PageId>,
    /// The reference and the dirty bit of each frame.
    bits: Vec<u8>,
    /// The frames whose reference bit was cleared, or that were unsettled, since the machine last
    /// drained the list; `None` if the machine needs no list.
    cleared: Option<Vec<FrameId>>,
    /// Whether unsettled frames are in that list.
    watches_hits: bool,
}

impl Frames {
    /// Creates `frames` empty frames.
    pub fn new(frames: u32) -> Frames {
        Frames {
            page: vec![0; frames as usize],
            bits: vec![0; frames as usize],
            cleared: None,
            watches_hits: false,
        }
    }

    /// Starts the list of frames whose reference bit is cleared.
    pub(crate) fn watch_clearing(&mut self) {
        self.cleared = Some(Vec::new());
    }

    /// Returns whether that list was started.
    #[inline(always)]
    pub(crate) fn watches_clearing(&self) -> bool {
        self.cleared.is_some()
    }

    /// Starts the list, which then also has the frames that are [unsettled](Frames::unsettle).
    pub(crate) fn watch_hits(&mut self) {
        self.watch_clearing();
        self.watches_hits = true;
    }

    /// Returns whether the list has any frame.
    #[inline(always)]
    pub(crate) fn has_cleared(&self) -> bool {
        self.cleared
            .as_ref()
            .is_some_and(|frames| !frames.is_empty())
    }

    /// Removes a frame from the list and returns it.
    pub(crate) fn next_cleared(&mut self) -> Option<FrameId> {
        self.cleared.as_mut()?.pop()
    }

    /// Returns the page in `frame`, which is taken.
    #[inline]
    pub fn page(&self, frame: FrameId) -> PageId {
        self.page[frame as usize]
    }

    /// Returns the reference bit: whether the page was referenced since the bit was last cleared.
    #[inline]
    pub fn referenced(&self, frame: FrameId) -> bool {
        self.bits[frame as usize] & REFERENCED != 0
    }

    /// Clears the reference bit of `frame`.
    #[inline]
    pub fn clear_referenced(&mut self, frame: FrameId) {
        self.bits[frame as usize] &= !REFERENCED;
        if let Some(cleared) = &mut self.cleared {
            cleared.push(frame);
        }
    }

    /// Asks for hits in `frame` to be reported again (see
    /// [`Policy::is_settled`](super::Policy::is_settled)).
    #[inline]
    pub fn unsettle(&mut self, frame: FrameId) {
        if let Some(cleared) = self.cleared.as_mut().filter(|_| self.watches_hits) {
            cleared.push(frame);
        }
    }

    /// Returns the dirty bit: whether the page was written since it was loaded.
    #[inline]
    pub fn dirty(&self, frame: FrameId) -> bool {
        self.bits[frame as usize] & DIRTY != 0
    }

    /// Sets the bits for a reference, by the machine.
    #[inline(always)]
    pub(crate) fn touch(&mut self, frame: FrameId, write: bool) {
        // Stored only if it changes: most references would wait for the store of the last one.
        let bits = &mut self.bits[frame as usize];
        let set = REFERENCED | u8::from(write) << 1;
        if *bits & set != set {
            *bits |= set;
        }
    }

    /// Sets the bits for a hit whose translation a TLB already had: the dirty bit if `write`, never
    /// the reference bit.
    #[inline(always)]
    pub(crate) fn touch_translated(&mut self, frame: FrameId, write: bool) {
        self.bits[frame as usize] |= u8::from(write) << 1;
    }

    /// Puts `page` into `frame` with its reference bit set, by the machine.
    #[inline]
    pub(crate) fn load(&mut self, frame: FrameId, page: PageId, write: bool) {
        self.page[frame as usize] = page;
        self.bits[frame as usize] = REFERENCED | u8::from(write) << 1;
    }

    /// Puts `page` into `frame` with both bits clear, by the machine.
    pub(crate) fn load_ahead(&mut self, frame: FrameId, page: PageId) {
        self.page[frame as usize] = page;
        self.bits[frame as usize] = 0;
    }

    /// Sets the dirty bit alone: the program populated the page for writing, but did not touch it.
    pub(crate) fn make_dirty(&mut self, frame: FrameId) {
        self.bits[frame as usize] |= DIRTY;
    }

    /// Returns the number of dirty pages in `frames`.
    pub(crate) fn count_dirty(&self, frames: impl Iterator<Item = FrameId>) -> u64 {
        frames.filter(|&frame| self.dirty(frame)).count() as u64
    }
}
