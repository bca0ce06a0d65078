//! Pages of files that come in without being mapped. Reads and writes of files: each page is found in
//! memory or loaded, neither is a reference or a fault. Originals of copies: the page of the file comes in
//! before the fault that copies it. Compiled for each kind of page tables and TLBs, not for each policy.

use super::Paging;
use super::fault::Cause;
use crate::policy::{PageAccess, Policy};
use crate::space::{EntryId, NONE};
use crate::trace::model::refs::NEVER;
use crate::vm::core::{Full, Read};
use crate::vm::machine::page_tables::{NOT_RESIDENT, Residence};
use crate::vm::tlb::Translation;

/// A page of a file that is read or written, as in [`Op::FileIo`](crate::space::Op::FileIo).
#[derive(Debug, Clone, Copy)]
pub(super) struct FileIo {
    /// The entry that stands for the page, or [`NONE`].
    pub(super) entry: EntryId,
    /// Whether it is written.
    pub(super) write: bool,
    /// Whether the file must be read if the page is not in memory.
    pub(super) reads: bool,
}

impl<'t, R, T> Paging<'t, R, T>
where
    R: Residence,
    T: Translation,
{
    /// Reads or writes a page of a file before the reference at `time`. Errors if the victim that must
    /// make room cannot leave.
    pub(super) fn file_io(
        &mut self,
        policy: &mut dyn Policy,
        io: FileIo,
        time: u64,
    ) -> Result<(), Full> {
        if io.entry == NONE {
            self.pass_through(io);
            return Ok(());
        }
        let object = self.memory.object(io.entry);
        let frame = self.memory.state(object);
        if frame < NOT_RESIDENT {
            self.core.counters.io_hits += 1;
            if self.core.shows_file_io {
                let next_use = self.next_use();
                let frames = &mut self.core.frames;
                frames.touch(frame, io.write);
                policy.file_hit(frames, at(io, frame, time), next_use);
            } else {
                self.core.frames.touch_translated(frame, io.write);
            }
            return Ok(());
        }
        if self.core.shows_file_io {
            return self.load_for_io(policy, io, time);
        }
        self.pass_through(io);
        self.memory.place(object, NOT_RESIDENT);
        Ok(())
    }

    /// Returns the position of the next reference of the page that the op under way names; [`NEVER`] for
    /// policies that do not need it.
    pub(super) fn next_use(&self) -> u32 {
        let next_use = self.core.after_op.get(self.core.next_op);
        next_use.copied().unwrap_or(NEVER)
    }

    /// Counts a page that comes in and leaves at once: no memory holds it.
    fn pass_through(&mut self, io: FileIo) {
        let counters = &mut self.core.counters;
        counters.io_loads[0] += 1;
        counters.file_reads += u64::from(io.reads);
        counters.freed += 1;
        counters.freed_dirty += u64::from(io.write);
    }

    /// Brings in a page that is not in memory.
    fn load_for_io(&mut self, policy: &mut dyn Policy, io: FileIo, time: u64) -> Result<(), Full> {
        let object = self.memory.object(io.entry);
        let read = match io.reads {
            true => self.source(object, self.memory.state(object)),
            false => Read::Nothing,
        };
        let written = self.bring_in(policy, io, read, time)?;
        self.core.counters.io_loads[written] += 1;
        Ok(())
    }

    /// Brings in the page of a file that is to be copied before the reference at `time`, or as part of it,
    /// if it is not in memory. Without a place for pages that no process maps, the copy reads it.
    pub(super) fn original(
        &mut self,
        policy: &mut dyn Policy,
        entry: EntryId,
        time: u64,
    ) -> Result<(), Full> {
        let state = self.memory.state(self.memory.object(entry));
        if state < NOT_RESIDENT || !self.core.shows_file_io {
            return Ok(());
        }
        let (write, reads) = (false, true);
        let io = FileIo {
            entry,
            write,
            reads,
        };
        let written = self.bring_in(policy, io, Read::File, time)?;
        self.core.counters.originals[written] += 1;
        self.core.read_original = true;
        Ok(())
    }

    /// Puts the page of `io`, for which `read` is read, into a frame. Returns 1 if its victim had to be
    /// written, else 0.
    fn bring_in(
        &mut self,
        policy: &mut dyn Policy,
        io: FileIo,
        read: Read,
        time: u64,
    ) -> Result<usize, Full> {
        let object = self.memory.object(io.entry);
        self.core.residency.settle(time);
        // No reference needs the frame.
        let cause = Cause::Ahead;
        let (frame, victim) = self.take_frame(policy, cause, io.entry, object, None, time)?;
        self.memory.place(object, frame);
        let next_use = self.next_use();
        let core = &mut self.core;
        core.residency.now += 1;
        core.frames.load(frame, object, io.write);
        policy.file_loaded(&mut core.frames, at(io, frame, time), next_use);
        self.flush_cleared(time);
        Ok(self.core.note_transfers(read, victim))
    }
}

fn at(io: FileIo, frame: u32, time: u64) -> PageAccess {
    let entry = io.entry;
    PageAccess { entry, frame, time }
}
