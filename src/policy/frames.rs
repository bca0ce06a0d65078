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
    page: Vec<PageId>,
    bits: Vec<u8>,
    /// Frames whose reference bit was cleared, where somebody must know.
    cleared: Option<Vec<FrameId>>,
    /// Whether these are also the frames of whose hits the policy wants to hear again.
    watches_hits: bool,
}

impl Frames {
    /// So many empty frames.
    pub fn new(frames: u32) -> Frames {
        Frames {
            page: vec![0; frames as usize],
            bits: vec![0; frames as usize],
            cleared: None,
            watches_hits: false,
        }
    }

    /// From now on the frames whose reference bit is cleared are kept, for the machine.
    pub(crate) fn watch_clearing(&mut self) {
        self.cleared = Some(Vec::new());
    }

    /// Whether they are kept.
    #[inline(always)]
    pub(crate) fn watches_clearing(&self) -> bool {
        self.cleared.is_some()
    }

    /// The same, and frames for which [`unsettle`](Frames::unsettle) is called.
    pub(crate) fn watch_hits(&mut self) {
        self.watch_clearing();
        self.watches_hits = true;
    }

    /// Whether the reference bit of any frame was cleared since the machine last asked.
    #[inline(always)]
    pub(crate) fn has_cleared(&self) -> bool {
        self.cleared
            .as_ref()
            .is_some_and(|frames| !frames.is_empty())
    }

    /// A frame whose reference bit was cleared since the machine last asked.
    pub(crate) fn next_cleared(&mut self) -> Option<FrameId> {
        self.cleared.as_mut()?.pop()
    }

    /// The page in a taken frame.
    #[inline]
    pub fn page(&self, frame: FrameId) -> PageId {
        self.page[frame as usize]
    }

    /// Whether the page was referenced since its bit was last cleared.
    #[inline]
    pub fn referenced(&self, frame: FrameId) -> bool {
        self.bits[frame as usize] & REFERENCED != 0
    }

    /// Clears the reference bit.
    #[inline]
    pub fn clear_referenced(&mut self, frame: FrameId) {
        self.bits[frame as usize] &= !REFERENCED;
        if let Some(cleared) = &mut self.cleared {
            cleared.push(frame);
        }
    }

    /// The policy must be told of hits of this page again (see
    /// [`Policy::is_settled`](super::Policy::is_settled)).
    #[inline]
    pub fn unsettle(&mut self, frame: FrameId) {
        if let Some(cleared) = self.cleared.as_mut().filter(|_| self.watches_hits) {
            cleared.push(frame);
        }
    }

    /// Whether the page was written since it came in.
    #[inline]
    pub fn dirty(&self, frame: FrameId) -> bool {
        self.bits[frame as usize] & DIRTY != 0
    }

    /// A reference, by the machine.
    #[inline(always)]
    pub(crate) fn touch(&mut self, frame: FrameId, write: bool) {
        // Stored only where it changes: most references would wait for the store of the last one.
        let bits = &mut self.bits[frame as usize];
        let set = REFERENCED | u8::from(write) << 1;
        if *bits & set != set {
            *bits |= set;
        }
    }

    /// A write that does not set the reference bit: its translation was there already.
    #[inline(always)]
    pub(crate) fn touch_translated(&mut self, frame: FrameId, write: bool) {
        self.bits[frame as usize] |= u8::from(write) << 1;
    }

    /// A page comes in, by the machine.
    #[inline]
    pub(crate) fn load(&mut self, frame: FrameId, page: PageId, write: bool) {
        self.page[frame as usize] = page;
        self.bits[frame as usize] = REFERENCED | u8::from(write) << 1;
    }

    /// A page comes in that is not referenced yet, by the machine.
    pub(crate) fn load_ahead(&mut self, frame: FrameId, page: PageId) {
        self.page[frame as usize] = page;
        self.bits[frame as usize] = 0;
    }

    /// The number of dirty pages among `frames`, by the machine.
    pub(crate) fn count_dirty(&self, frames: impl Iterator<Item = FrameId>) -> u64 {
        frames.filter(|&frame| self.dirty(frame)).count() as u64
    }
}
