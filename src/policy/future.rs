//! The future of a trace: its references, and for each the next one of the same page. Knows no
//! policy.

use super::Frames;
use crate::simd::not_below::NotBelow;
use crate::trace::model::refs::{Ref, page_of, position_of};
use crate::units::{FrameId, PageId};
use rustc_hash::FxHashMap;

/// The whole trace and its next-use links.
#[derive(Clone, Copy, Default)]
pub struct Future<'t> {
    /// The packed references, by page.
    pub refs: &'t [Ref],
    /// The same by [`PageAccess::entry`](super::PageAccess::entry).
    pub entries: &'t [Ref],
    /// The position of the next reference of the same page.
    pub next_use: &'t [u32],
    /// The same for each op that brings a page in ahead of use. Read by the machine.
    pub after_op: &'t [u32],
    /// The positions of the references of the trace that are left out of `refs`. Explanations count
    /// them.
    pub left_out: &'t [u64],
}

impl Future<'_> {
    /// Calls `note(page, next_use)` for each reference in `from..time` whose page is not referenced
    /// again before `time`.
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

    /// Returns the position of the next reference to `page` from position `from` on, as explanations
    /// count. Looks at every reference until then.
    pub(super) fn next_of(&self, page: PageId, from: u64) -> Option<u64> {
        let later = &self.refs[from as usize..];
        let ahead = later.iter().position(|&at| page_of(at) == page)?;
        Some(position_of(self.left_out, from + ahead as u64))
    }

    /// Returns the `taken` frames in the order in which their pages are referenced from position
    /// `from` on, each with that position, as explanations count. Frames whose pages are not referenced come last, by
    /// number.
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
                order.push((frame, Some(position_of(self.left_out, at))));
            }
        }
        let mut never: Vec<FrameId> = of_page.into_values().collect();
        never.sort_unstable();
        order.extend(never.into_iter().map(|frame| (frame, None)));
        order
    }
}
