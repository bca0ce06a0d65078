//! What happens between references: entries come and go with forks and mappings, pages without
//! owners are freed, pages that will be needed are brought in.

use super::fault::Read;
use super::*;

impl<'t, P, R, T> Machine<'t, P, R, T>
where
    P: PolicyType<'t>,
    R: Residence<'t>,
    T: Translation,
{
    /// Does what happens before the reference at a position, but no op from `end` on. Returns the
    /// op that is part of that reference, if there is one, and the position of the next op.
    #[inline]
    pub(super) fn perform(
        &mut self,
        position: u64,
        end: usize,
    ) -> Result<(Option<Op>, usize), Full> {
        let ops = self.memory.ops();
        let end = end.min(ops.len());
        while self.next_op < end {
            let at = ops[self.next_op];
            if at.position > position {
                return Ok((None, usize::try_from(at.position).unwrap_or(usize::MAX)));
            }
            if self.is_denied() {
                return Err(Full);
            }
            if at.op.is_of_reference() {
                self.next_op += 1;
                return Ok((Some(at.op), usize::MAX));
            }
            self.do_op(at.op, position)?;
            self.next_op += 1;
        }
        Ok((None, usize::MAX))
    }

    fn do_op(&mut self, op: Op, time: u64) -> Result<(), Full> {
        match op {
            Op::Bind { entry, object } => self.memory.bind(entry, object),
            Op::Copy { from, to, private } => {
                let frame = self.memory.present(from);
                if frame < AWAY {
                    self.memory.attach(to, frame);
                    self.is_present(to);
                }
                if private {
                    self.tlb.shoot_down(from, time);
                    self.tlb.stays(from, time);
                }
            }
            Op::Drop { entry } => self.drop_entry(entry, time),
            Op::Unmap { entry } => {
                self.drop_entry(entry, time);
                self.policy.unmapped(entry);
            }
            Op::Flush { entry } => {
                self.tlb.shoot_down(entry, time);
                self.tlb.stays(entry, time);
            }
            Op::Free { object } => self.free(object, time),
            Op::Prefetch { entry } => return self.prefetch(entry, time),
            Op::CowCopy { .. } | Op::Reuse { .. } => unreachable!("part of a reference"),
        }
        Ok(())
    }

    /// A page that will be needed: brought in if a device must be read for it.
    fn prefetch(&mut self, entry: EntryId, time: u64) -> Result<(), Full> {
        let object = self.memory.object(entry);
        let state = self.memory.state(object);
        if state < AWAY {
            return Ok(());
        }
        let read = self.source(object, state);
        if read == Read::Nothing {
            return Ok(());
        }
        self.residency.settle(time);
        let (frame, victim) = self.take_frame(None, entry, object, time)?;
        self.memory.place(object, frame);
        self.residency.now += 1;
        self.frames.load_ahead(frame, object);
        let next_use = self.after_op.get(self.next_op).copied();
        let next_use = next_use.unwrap_or(crate::trace::dense::NEVER);
        let at = Touch { entry, frame, time };
        self.policy.prefetched(&mut self.frames, at, next_use);
        // Its bit was cleared, and it has no translations yet; later ones must not go for that.
        self.flush_cleared(time);
        let written = self.count_moves(read, victim);
        self.counters.prefetched[written] += 1;
        Ok(())
    }
}
