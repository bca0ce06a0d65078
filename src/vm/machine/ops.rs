//! What happens between references: entries come and go with forks and mappings, pages without
//! owners are freed, pages that will be needed are brought in. Compiled for each kind of page tables
//! and TLBs, not for each policy.

use super::Paging;
use super::fault::Cause;
use super::file_io::FileIo;
use crate::policy::{PageAccess, Policy};
use crate::space::{EntryId, ObjectId, Op};
use crate::trace::model::refs::NEVER;
use crate::vm::core::{Full, Read};
use crate::vm::machine::page_tables::{NOT_RESIDENT, Residence};
use crate::vm::tlb::Translation;

impl<'t, R, T> Paging<'t, R, T>
where
    R: Residence,
    T: Translation,
{
    /// Performs the ops before the reference at `time`, up to op index `end`. Returns the op that
    /// belongs to that reference (copy-on-write), if any, and the position of the next op. Errors
    /// if swap is full.
    pub(super) fn perform(
        &mut self,
        policy: &mut dyn Policy,
        time: u64,
        end: usize,
    ) -> Result<(Option<Op>, u64), Full> {
        let ops = self.core.ops;
        let end = end.min(ops.len());
        while self.core.next_op < end {
            let at = ops[self.core.next_op];
            if at.position > time {
                return Ok((None, at.position));
            }
            if self.core.swap_full {
                return Err(Full);
            }
            if at.op.is_of_reference() {
                self.core.next_op += 1;
                return Ok((Some(at.op), u64::MAX));
            }
            self.do_op(policy, at.op, time)?;
            self.core.next_op += 1;
        }
        Ok((None, u64::MAX))
    }

    fn do_op(&mut self, policy: &mut dyn Policy, op: Op, time: u64) -> Result<(), Full> {
        match op {
            Op::Bind { entry, object } => self.memory.bind(entry, object),
            Op::Copy { from, to, private } => {
                let frame = self.memory.present(from);
                if frame < NOT_RESIDENT {
                    self.memory.attach(to, frame);
                    self.core.note_present(to, false);
                }
                if private {
                    self.flush_entry(from, time);
                    self.tlb.tables_change(from, time);
                }
            }
            Op::Move { from, to } => {
                let frame = self.memory.present(from);
                self.drop_entry(from, time);
                self.tlb.tables_change(from, time);
                if frame < NOT_RESIDENT {
                    self.memory.attach(to, frame);
                    self.core.note_present(to, false);
                    // The next reference of `to` need not fault. No TLB holds it: it was unmapped.
                    self.tlb.may_stay_resident(to, time);
                }
                policy.moved(from, to);
            }
            Op::Drop { entry } => {
                self.drop_entry(entry, time);
                self.tlb.tables_change(entry, time);
            }
            Op::Unmap { entry } => {
                self.drop_entry(entry, time);
                self.tlb.tables_change(entry, time);
                policy.unmapped(entry);
            }
            Op::Flush { entry } => {
                self.flush_entry(entry, time);
                self.tlb.tables_change(entry, time);
            }
            Op::Free { object, discards } => self.free(policy, object, discards, time),
            Op::FileIo {
                entry,
                write,
                reads,
            } => {
                return self.file_io(
                    policy,
                    FileIo {
                        entry,
                        write,
                        reads,
                    },
                    time,
                );
            }
            Op::Original { entry } => return self.original(policy, entry, time),
            Op::Prefetch { entry } => return self.prefetch(policy, entry, time),
            Op::Populate { entry, write } => return self.populate(policy, entry, write, time),
            Op::PopulateCopy {
                entry,
                source,
                object,
                frees,
            } => return self.populate_copy(policy, entry, (source, frees), object, time),
            Op::CowCopy { .. } | Op::Reuse { .. } => unreachable!("part of a reference"),
        }
        Ok(())
    }

    /// Brings in the page of `entry`, which the program will need, if a device must be read for it.
    fn prefetch(&mut self, policy: &mut dyn Policy, entry: EntryId, time: u64) -> Result<(), Full> {
        let object = self.memory.object(entry);
        let state = self.memory.state(object);
        if state < NOT_RESIDENT {
            return Ok(());
        }
        let read = self.source(object, state);
        if read == Read::Nothing {
            return Ok(());
        }
        self.core.residency.settle(time);
        let (frame, victim) = self.take_frame(policy, Cause::Ahead, entry, object, None, time)?;
        self.load_ahead(policy, PageAccess { entry, frame, time }, object);
        let written = self.core.note_transfers(read, victim);
        self.core.counters.prefetched[written] += 1;
        Ok(())
    }

    /// Puts `object` into the frame of `at` ahead of use. `at.time` is the position of the next
    /// reference. No entry shows the page yet.
    pub(super) fn load_ahead(&mut self, policy: &mut dyn Policy, at: PageAccess, object: ObjectId) {
        self.memory.place(object, at.frame);
        let core = &mut self.core;
        core.residency.now += 1;
        core.frames.load_ahead(at.frame, object);
        let next_use = core.after_op.get(core.next_op).copied();
        policy.prefetched(&mut core.frames, at, next_use.unwrap_or(NEVER));
        // `prefetched` may clear the bit, which queues a shoot-down. Drain the queue before the
        // page gets TLB entries.
        self.flush_cleared(at.time);
    }

    /// Drops the translations of `entry` before the reference at `time`. Its page may stay.
    fn flush_entry(&mut self, entry: EntryId, time: u64) {
        self.tlb.shoot_down(entry, time);
        self.tlb.may_stay_resident(entry, time);
    }
}
