//! Pages that a program populates: they come in at the call and get their page-table entries there, so
//! that no fault follows. Compiled for each kind of page tables and TLBs, not for each policy.

use super::Paging;
use super::fault::Cause;
use crate::policy::{PageAccess, Policy};
use crate::space::{EntryId, ObjectId};
use crate::units::FrameId;
use crate::vm::core::{Full, Read};
use crate::vm::machine::page_tables::{NOT_RESIDENT, Residence};
use crate::vm::tlb::Translation;

impl<'t, R, T> Paging<'t, R, T>
where
    R: Residence,
    T: Translation,
{
    /// Makes `entry` present. Brings its page in if it is not in memory, and counts that.
    #[inline(never)]
    pub(super) fn populate(
        &mut self,
        policy: &mut dyn Policy,
        entry: EntryId,
        write: bool,
        time: u64,
    ) -> Result<(), Full> {
        let object = self.memory.object(entry);
        let present = self.memory.present(entry);
        let state = self.memory.state(object);
        let frame = if present < NOT_RESIDENT {
            present
        } else if state < NOT_RESIDENT {
            self.show(entry, state, time);
            state
        } else {
            let read = self.source(object, state);
            let (frame, victim) =
                self.take_frame(policy, Cause::Ahead, entry, object, None, time)?;
            self.load_ahead(policy, PageAccess { entry, frame, time }, object);
            // As a fault would map it.
            if read == Read::Swap {
                self.core.note_swap_in(object);
            }
            self.show(entry, frame, time);
            let written = self.core.note_transfers(read, victim);
            self.core.counters.populated[written] += 1;
            frame
        };
        if write {
            self.make_dirty(policy, PageAccess { entry, frame, time });
        }
        Ok(())
    }

    /// Gives `entry` a copy of its page, `object`, before it is written.
    #[inline(never)]
    pub(super) fn populate_copy(
        &mut self,
        policy: &mut dyn Policy,
        entry: EntryId,
        source: (ObjectId, bool),
        object: ObjectId,
        time: u64,
    ) -> Result<(), Full> {
        let (frame, read, victim) =
            self.part_from_source(policy, Cause::Ahead, entry, source, object, time)?;
        self.load_ahead(policy, PageAccess { entry, frame, time }, object);
        self.show(entry, frame, time);
        self.make_dirty(policy, PageAccess { entry, frame, time });
        let written = self.core.note_transfers(read, victim);
        self.core.counters.populated[written] += 1;
        Ok(())
    }

    /// The program wants to write the page at `at`, which is present.
    fn make_dirty(&mut self, policy: &mut dyn Policy, at: PageAccess) {
        let next_use = self.next_use();
        self.core.frames.make_dirty(at.frame);
        self.core.note_present(at.entry, true);
        policy.dirtied(&self.core.frames, at, next_use);
    }

    /// Makes `entry`, which is not present, show the page in `frame`.
    fn show(&mut self, entry: EntryId, frame: FrameId, time: u64) {
        self.memory.attach(entry, frame);
        self.core.note_present(entry, false);
        // No TLB holds it, and its next reference need not fault.
        self.tlb.may_stay_resident(entry, time);
    }
}
