//! Pages that leave memory, as victims, because a window closed or because no one owns them any
//! more, and what becomes of their entries and translations. Compiled for each kind of page tables
//! and TLBs, not for each policy.

use super::Paging;
use crate::policy::{Frames, Policy};
use crate::space::{Class, EntryId, ObjectId};
use crate::units::FrameId;
use crate::vm::core::UnmappedFilePage;
use crate::vm::core::distribution::Victim;
use crate::vm::machine::page_tables::{NOT_RESIDENT, Residence, UNALLOCATED};
use crate::vm::tlb::Translation;

impl<'t, R, T> Paging<'t, R, T>
where
    R: Residence,
    T: Translation,
{
    /// Returns true if the page in `frame` can leave: it is clean, belongs to a file, or swap has
    /// room for it.
    #[inline]
    pub(super) fn can_leave(&self, frame: FrameId) -> bool {
        let page = self.core.frames.page(frame);
        !self.core.frames.dirty(frame)
            || self.memory.class(page) == Class::File
            || self.core.swap.has_room(page)
    }

    /// Takes the page out of `frame`, writing it back if it is dirty. Its translations go before
    /// the reference at `time`.
    ///
    /// # Panics
    /// If the policy named a frame without a page.
    #[inline(always)]
    pub(super) fn remove(&mut self, frame: FrameId, time: u64) -> Victim {
        let page = self.core.frames.page(frame);
        assert_eq!(
            self.memory.state(page),
            frame,
            "{} named a frame it does not hold",
            self.core.policy_name
        );
        let written = self.core.frames.dirty(frame);
        if written && self.memory.class(page) != Class::File {
            self.core.swap.write(page);
        }
        self.displace(page, time);
        Victim { page, written }
    }

    /// Takes `page` out of its frame before the reference at `time`: no entry names the frame any
    /// more.
    #[inline(always)]
    fn displace(&mut self, page: ObjectId, time: u64) {
        let (tlb, burst_state) = (&mut self.tlb, &mut self.core.burst_state);
        self.memory.displace(page, |entry| {
            tlb.shoot_down(entry, time);
            if let Some(state) = burst_state {
                state.forget(entry);
            }
        });
        self.core.residency.now -= 1;
    }

    /// Takes the page out of `frame` after the reference at `time`: its window closed. Full swap
    /// ends the replay instead, if the page is dirty and has no slot.
    #[inline(never)]
    pub(super) fn expire(&mut self, frame: FrameId, time: u64) {
        if !self.can_leave(frame) {
            (self.core.swap_full, self.core.cannot_expire) = (true, true);
        }
        if self.core.swap_full {
            return;
        }
        self.core.residency.settle(time);
        // The reference at this position has been translated.
        let Victim { page, written } = self.remove(frame, time + 1);
        self.core.give_back(frame);
        self.core.note_expiry(page, written, time);
    }

    /// Makes `entry` name no frame any more, and drops its translations.
    pub(super) fn drop_entry(&mut self, entry: EntryId, time: u64) {
        if self.memory.detach(entry) {
            self.tlb.shoot_down(entry, time);
            self.core.note_absent(entry);
        }
    }

    /// Frees `page`, whose last owner is gone, and its swap slot. Writes it to its file if it is dirty.
    /// A page of the page cache stays instead, or leaves without being freed. If `discards` is true its
    /// bytes are gone: it is freed, and nothing is written.
    pub(super) fn free(
        &mut self,
        policy: &mut dyn Policy,
        page: ObjectId,
        discards: bool,
        time: u64,
    ) {
        let frame = self.memory.state(page);
        let unmapped = match discards || self.memory.class(page) != Class::File {
            true => UnmappedFilePage::Freed,
            false => self.core.unmapped,
        };
        if unmapped == UnmappedFilePage::Stays {
            return;
        }
        self.core.swap.release(page);
        if frame < NOT_RESIDENT {
            self.core.residency.settle(time);
            let dirty = self.core.frames.dirty(frame);
            let writes = dirty && !discards && self.memory.class(page) == Class::File;
            self.core.counters.freed += 1;
            self.core.counters.freed_dirty += u64::from(writes);
            policy.freed(&mut self.core.frames, frame);
            self.displace(page, time);
            self.core.give_back(frame);
        }
        if unmapped == UnmappedFilePage::Freed {
            // It is no page any more, and is counted as none.
            self.memory.place(page, UNALLOCATED);
        }
    }

    /// Drops the translations of pages whose reference bits the policy cleared: a walk must set
    /// the bits again. `time` is the position of the first reference that is translated without
    /// them.
    #[inline(always)]
    pub(super) fn flush_cleared(&mut self, time: u64) {
        if self.core.frames.has_cleared() {
            self.flush_what_was_cleared(time);
        }
    }

    #[inline(never)]
    fn flush_what_was_cleared(&mut self, time: u64) {
        let Paging { core, memory, tlb } = self;
        while let Some(frame) = core.frames.next_cleared() {
            let page = core.frames.page(frame);
            match &mut core.burst_state {
                Some(state) => memory.entries(page, |entry| state.note_cleared(entry)),
                None => memory.entries(page, |entry| tlb.shoot_down(entry, time)),
            }
        }
    }
}

/// With [`AccessedBitMode::WalkFlush`](super::AccessedBitMode::WalkFlush): after each reference a page whose
/// reference bit is clear has no translation.
impl<'t, R, T> Paging<'t, R, T>
where
    R: Residence,
    T: Translation,
{
    /// A reference that faulted was translated, and put its entry into the TLBs, though the policy
    /// cleared the bit of its page at the load. Drops the entry, so that the next reference walks
    /// and sets the bit.
    #[inline(always)]
    pub(super) fn flush_unreferenced(&mut self, entry: EntryId, frame: FrameId, time: u64) {
        let frames: &Frames = &self.core.frames;
        if T::WALKS_SET_BITS && frames.watches_clearing() && !frames.referenced(frame) {
            self.tlb.shoot_down(entry, time + 1);
        }
    }

    /// # Panics
    /// If the TLBs hold an entry whose page has its bit clear, or is not in memory.
    pub(super) fn assert_flushed(&self, entry: EntryId) {
        let frames: &Frames = &self.core.frames;
        let frame = self.memory.present(entry);
        let idle = frame >= NOT_RESIDENT || !frames.referenced(frame);
        assert!(
            !(frames.watches_clearing() && idle && self.tlb.holds(entry)),
            "a translation outlived the reference bit of its page"
        );
    }

    /// Asserts at the end what [`Paging::assert_flushed`] asserts, for every entry. If full swap
    /// ended the replay, the last thing that happened is the search for a victim that could not
    /// leave, and the bits that this search cleared do not count.
    pub(super) fn assert_all_flushed(&self) {
        if T::WALKS_SET_BITS && !self.core.swap_full {
            let entries = 0..self.core.entries.len() as EntryId;
            entries.for_each(|entry| self.assert_flushed(entry));
        }
    }
}
