//! Copies of segments that several programs have: at the first write, or when a mapping of a sum changes.
//! Knows nothing of why a copy is due.

use super::choices::SwapUnit;
use super::core::{Core, Segment};
use super::counts::{Ending, SegmentFault};
use super::steps::SegmentId;

impl Core<'_> {
    /// Gives `process` its own copy of a segment: `from` and `to` of the step.
    pub fn copy(
        &mut self,
        (from, to): (SegmentId, SegmentId),
        process: u32,
        address: u64,
        written: bool,
    ) -> Result<(), Ending> {
        self.segments[to as usize].touched = self.segment(from).touched;
        self.copied = Some(from);
        let unit = self.unit_of(process, to);
        let is_out = self.processes[process as usize].is_out;
        if written {
            self.settle(self.time);
            self.check_fits(process, to)?;
            if is_out {
                self.bring_back(process)?;
                self.counts.swap_ins += 1;
            }
        }
        let source = self.segment(from).clone();
        if written || source.place.is_some() {
            self.copy_in(from, to, process, written)?;
        } else {
            self.copy_away(from, to)?;
        }
        self.segments[from as usize]
            .owners
            .retain(|own| *own != (process, address));
        self.copied = None;
        self.release(from)?;
        self.note_process(process, false);
        // A program that is out has a copy where it is.
        self.release(to)?;
        if written {
            if self.rules.unit == SwapUnit::Process {
                self.units.hit(unit, true, self.time);
            }
            self.segments[to as usize].dirty = true;
            let work = std::mem::take(&mut self.work);
            let kind = match source.known {
                true => SegmentFault::Copy,
                // There was nothing to copy. The program came back, or the segment is new.
                false if is_out => SegmentFault::Refill,
                false => SegmentFault::Fill,
            };
            self.counts.fault(kind, work);
        }
        Ok(())
    }

    /// Puts the copy into memory.
    fn copy_in(
        &mut self,
        from: SegmentId,
        to: SegmentId,
        process: u32,
        written: bool,
    ) -> Result<(), Ending> {
        let bytes = self.segment(to).bytes;
        let pinned = self.unit_of(process, from);
        let place = self.make_room(to, bytes, pinned)?;
        let was_in = self.segment(from).place.is_some();
        if was_in {
            self.counts.bytes_copied += bytes;
            self.work.copied += bytes;
        } else {
            self.read(from);
        }
        self.segments[to as usize].dirty = true;
        self.arrive(to, place, written.then_some(process));
        Ok(())
    }

    /// Lets the segment leave that is being copied, because nothing else can. Returns whether it was there.
    pub fn let_source_leave(&mut self) -> Result<bool, Ending> {
        let there = |&source: &SegmentId| self.segment(source).place.is_some();
        let Some(source) = self.copied.filter(there) else {
            return Ok(false);
        };
        if self.rules.unit == SwapUnit::Segment {
            self.units.leave(source);
            self.counts.swap_outs += 1;
        }
        self.swap_out(source)?;
        Ok(true)
    }

    /// Makes the copy of a segment that is not in memory, where that is.
    fn copy_away(&mut self, from: SegmentId, to: SegmentId) -> Result<(), Ending> {
        let Segment { known, copy, .. } = *self.segment(from);
        let swap = self.swap + copy;
        if self.rules.swap.is_some_and(|limit| swap > limit) {
            return Err(Ending::SwapFull);
        }
        self.swap = swap;
        self.counts.swap_peak = self.counts.swap_peak.max(swap);
        let own = &mut self.segments[to as usize];
        (own.known, own.copy) = (known, copy);
        Ok(())
    }
}
