//! What policies know that know the future: the references of the trace and for each where its page
//! comes next. Knows nothing of what they make of it.

use super::Frames;
use crate::simd::later::NotBelow;
use crate::trace::dense::{Ref, page_of};
use crate::units::{FrameId, PageId};
use rustc_hash::FxHashMap;

/// The whole trace and its next-use links.
#[derive(Clone, Copy, Default)]
pub struct Future<'t> {
    /// The packed references, by page.
    pub refs: &'t [Ref],
    /// The same by [`Touch::entry`](super::Touch::entry).
    pub entries: &'t [Ref],
    /// The position of the next reference of the same page.
    pub next_use: &'t [u32],
    /// For the machine: the same for each op that brings a page in ahead of use.
    pub after_op: &'t [u32],
}

impl Future<'_> {
    /// Tells `note` of the references from one position up to another whose page is not referenced
    /// again in between: the page, and where it comes next.
    #[inline]
    pub(super) fn last_before(
        &self,
        from: usize,
        time: usize,
        not_below: NotBelow,
        mut note: impl FnMut(PageId, u32),
    ) {
        let next_use = &self.next_use[..time];
        for from in (from..time).step_by(64) {
            let mut bits = not_below(&next_use[from..], time as u32);
            while bits != 0 {
                let at = from + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                note(page_of(self.refs[at]), next_use[at]);
            }
        }
    }

    /// When a page is referenced next from a position on. Looks at every reference until then.
    pub(super) fn next_of(&self, page: PageId, from: u64) -> Option<u64> {
        let later = &self.refs[from as usize..];
        let ahead = later.iter().position(|&at| page_of(at) == page)?;
        Some(from + ahead as u64)
    }

    /// Taken frames in the order in which their pages are referenced from a position on, each with
    /// that position; those that are not, last, by number.
    pub(super) fn by_next_use(
        &self,
        frames: &Frames,
        taken: impl Iterator<Item = FrameId>,
        from: u64,
    ) -> Vec<(FrameId, Option<u64>)> {
        let mut of_page: FxHashMap<PageId, FrameId> =
            taken.map(|frame| (frames.page(frame), frame)).collect();
        let mut order = Vec::new();
        for (&reference, at) in self.refs[from as usize..].iter().zip(from..) {
            if of_page.is_empty() {
                break;
            }
            if let Some(frame) = of_page.remove(&page_of(reference)) {
                order.push((frame, Some(at)));
            }
        }
        let mut never: Vec<FrameId> = of_page.into_values().collect();
        never.sort_unstable();
        order.extend(never.into_iter().map(|frame| (frame, None)));
        order
    }
}
