//! What a fault does: a frame is found, a victim leaves, a page comes in, each counted.

use super::*;

/// What must be read for a page to come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// Nothing: it begins as zeros, or as whatever a cold fill finds.
    Nothing,
    /// Its slot of the swap device.
    Swap,
    /// Its file.
    File,
    /// Where it came from, which nobody knows.
    Original,
}

/// A page that made room and whether it had to be written back.
type Victim = Option<(ObjectId, bool)>;

impl<'t, P, R, T> Machine<'t, P, R, T>
where
    P: PolicyType<'t>,
    R: Residence<'t>,
    T: Translation,
{
    /// A reference whose entry names no frame. Returns the frame that it names now.
    #[inline(never)]
    pub(super) fn fault(
        &mut self,
        entry: EntryId,
        write: bool,
        time: u64,
    ) -> Result<FrameId, Full> {
        let object = self.memory.object(entry);
        let state = self.memory.state(object);
        if R::SHARES && state < AWAY {
            self.tlb.faults(entry);
            self.memory.attach(entry, state);
            self.found(FaultKind::Map, entry, state, write, time);
            return Ok(state);
        }
        let read = self.source(object, state);
        let (frame, victim) = self.take_frame_here(Some(entry), entry, object, time)?;
        let kind = if state == UNALLOCATED {
            FaultKind::Fill
        } else {
            FaultKind::Refill
        };
        self.load_here(entry, object, frame, write, time);
        self.count(kind, read, victim);
        self.tell(kind, object, read, victim, time);
        Ok(frame)
    }

    /// A fault whose page is in memory already.
    fn found(&mut self, kind: FaultKind, entry: EntryId, frame: FrameId, write: bool, time: u64) {
        self.frames.touch(frame, write);
        self.policy.hit(Touch { entry, frame, time });
        self.knows(entry, frame, write);
        self.count(kind, Read::Nothing, None);
        self.tell(kind, self.frames.page(frame), Read::Nothing, None, time);
    }

    /// A reference that copies its page, or finds that it need not be copied.
    #[inline(never)]
    pub(super) fn access_by(&mut self, op: Op, entry: EntryId, time: u64) -> Result<(), Full> {
        if self.is_denied() {
            return Err(Full);
        }
        let present = self.memory.present(entry);
        let frame = match op {
            Op::CowCopy {
                source,
                object,
                frees,
                ..
            } => self.cow_copy(entry, source, object, frees, time)?,
            _ if present < AWAY => {
                self.tlb.faults(entry);
                self.tlb.shoot_down(entry, time);
                self.found(FaultKind::CowReuse, entry, present, true, time);
                present
            }
            _ => self.fault(entry, true, time)?,
        };
        // It is a write.
        self.translate_fault(entry, false, time);
        self.flush_unreferenced(entry, frame, time);
        self.close_windows(Touch { entry, frame, time });
        Ok(())
    }

    fn cow_copy(
        &mut self,
        entry: EntryId,
        source: ObjectId,
        object: ObjectId,
        frees: bool,
        time: u64,
    ) -> Result<FrameId, Full> {
        self.residency.settle(time);
        // Whatever becomes of the source below, its content is there now or is read.
        let read = match source {
            crate::space::NONE => Read::File,
            source => match self.memory.state(source) {
                state if state < AWAY => Read::Nothing,
                state => self.source(source, state),
            },
        };
        let (frame, victim) = self.take_frame(Some(entry), entry, object, time)?;
        if source != crate::space::NONE {
            self.drop_entry(entry, time);
            self.policy.unmapped(entry);
            if frees {
                self.free(source, time);
            }
        }
        self.memory.bind(entry, object);
        self.load(entry, object, frame, true, time);
        self.count(FaultKind::CowCopy, read, victim);
        self.tell(FaultKind::CowCopy, object, read, victim, time);
        Ok(frame)
    }

    /// An entry names no frame any more, if it did, and no TLB has it.
    pub(super) fn drop_entry(&mut self, entry: EntryId, time: u64) {
        if self.memory.detach(entry) {
            self.tlb.shoot_down(entry, time);
            self.knows_nothing(entry);
        }
    }

    /// What must be read for an object that is in no frame.
    #[inline]
    pub(super) fn source(&self, object: ObjectId, state: u32) -> Read {
        let first = state == UNALLOCATED;
        match self.memory.class(object) {
            Class::File => Read::File,
            _ if first => Read::Nothing,
            _ if self.swap.slot(object).is_some() => Read::Swap,
            Class::Original => Read::Original,
            Class::Zero => Read::Nothing,
        }
    }

    /// [`Machine::take_frame_here`], where that is rare.
    #[inline(never)]
    pub(super) fn take_frame(
        &mut self,
        faults: Option<EntryId>,
        wants: EntryId,
        page: ObjectId,
        time: u64,
    ) -> Result<(FrameId, Victim), Full> {
        self.take_frame_here(faults, wants, page, time)
    }

    /// A frame for a `page` of the process of `wants`: a free one, or one whose page leaves.
    /// `faults` is the entry whose reference faults, if one does. The residency is settled if there
    /// will be one page more.
    #[inline(always)]
    fn take_frame_here(
        &mut self,
        faults: Option<EntryId>,
        wants: EntryId,
        page: ObjectId,
        time: u64,
    ) -> Result<(FrameId, Victim), Full> {
        let process = self.entries[wants as usize].process;
        let free = match self.policy.is_full(process) {
            true => None,
            false => self.free_frame(),
        };
        // The victim may be a page that cannot leave: then its choice counts for nothing.
        if free.is_none() && self.swap.is_full() {
            self.events_before = self.policy.event_counts();
        }
        let (frame, taken) = match free {
            Some(frame) => {
                self.residency.settle(time);
                (frame, false)
            }
            None => (
                self.policy.victim(
                    &mut self.frames,
                    VictimRequest {
                        process,
                        page: Some(page),
                        time,
                        ahead: faults.is_none(),
                    },
                ),
                true,
            ),
        };
        if taken && !self.can_leave(frame) {
            return Err(Full);
        }
        if let Some(entry) = faults {
            self.tlb.faults(entry);
        }
        self.flush_cleared(time);
        Ok((frame, taken.then(|| self.remove(frame, time))))
    }

    /// The policy cleared reference bits; a walk must set them again.
    #[inline(always)]
    pub(super) fn flush_cleared(&mut self, time: u64) {
        if self.frames.has_cleared() {
            self.flush_what_was_cleared(time);
        }
    }

    #[inline(never)]
    fn flush_what_was_cleared(&mut self, time: u64) {
        while let Some(frame) = self.frames.next_cleared() {
            let page = self.frames.page(frame);
            if let Some(bursts) = &mut self.by_bursts {
                self.memory.entries(page, |entry| bursts.cleared(entry));
            } else {
                let tlb = &mut self.tlb;
                let each = |entry| tlb.shoot_down(entry, time);
                self.memory.entries(page, each);
            }
        }
    }

    #[inline]
    fn free_frame(&mut self) -> Option<FrameId> {
        if let Some(frame) = self.free.pop() {
            return Some(frame);
        }
        (self.fresh < self.capacity).then(|| {
            self.fresh += 1;
            self.fresh - 1
        })
    }

    /// [`Machine::load_here`], where that is rare.
    #[inline(never)]
    fn load(&mut self, entry: EntryId, object: ObjectId, frame: FrameId, write: bool, time: u64) {
        self.load_here(entry, object, frame, write, time);
    }

    /// A page comes into a frame because a reference faulted.
    #[inline(always)]
    fn load_here(
        &mut self,
        entry: EntryId,
        object: ObjectId,
        frame: FrameId,
        write: bool,
        time: u64,
    ) {
        self.memory.place(object, frame);
        self.memory.attach(entry, frame);
        self.residency.now += 1;
        self.frames.load(frame, object, write);
        self.policy
            .loaded(&mut self.frames, Touch { entry, frame, time });
        self.knows(entry, frame, write);
        self.flush_cleared(time);
    }

    #[inline]
    fn count(&mut self, kind: FaultKind, read: Read, victim: Victim) {
        let major = usize::from(read != Read::Nothing);
        let written = self.count_moves(read, victim);
        self.counters.faults[kind as usize][major][written] += 1;
        self.last_fault = [kind as usize, major, written];
    }

    /// Counts what was read and who made room; 1 if the victim had to be written, else 0.
    #[inline]
    pub(super) fn count_moves(&mut self, read: Read, victim: Victim) -> usize {
        self.counters.swap_reads += u64::from(read == Read::Swap);
        self.counters.file_reads += u64::from(read == Read::File);
        match victim {
            None => return 0,
            Some((_, false)) => self.counters.evictions_clean += 1,
            Some((_, true)) => self.counters.evictions_dirty += 1,
        }
        usize::from(matches!(victim, Some((_, true))))
    }

    #[inline]
    fn tell(&mut self, kind: FaultKind, page: PageId, read: Read, victim: Victim, time: u64) {
        self.intervals.fault_at(time);
        if let Some(listener) = &mut self.listener {
            listener.fault(&FaultEvent {
                time,
                page,
                kind,
                major: read != Read::Nothing,
                victim,
            });
        }
    }

    /// Whether a page must be written before it leaves, and can be.
    #[inline]
    fn can_leave(&self, frame: FrameId) -> bool {
        let page = self.frames.page(frame);
        !self.frames.dirty(frame)
            || self.memory.class(page) == Class::File
            || self.swap.has_room(page)
    }

    /// Takes the page out of a frame, writing it if it is dirty. Returns the page and whether it
    /// was written. Its translations go before the reference at `time`.
    #[inline(always)]
    fn remove(&mut self, frame: FrameId, time: u64) -> (ObjectId, bool) {
        let page = self.frames.page(frame);
        assert_eq!(
            self.memory.state(page),
            frame,
            "{} named a frame it does not hold",
            P::SPEC.name
        );
        let dirty = self.frames.dirty(frame);
        if dirty && self.memory.class(page) != Class::File {
            self.swap.write(page);
        }
        self.displace(page, time);
        (page, dirty)
    }

    /// A page leaves its frame before the reference at a position, and no entry names it any more.
    #[inline(always)]
    fn displace(&mut self, page: ObjectId, before: u64) {
        let (tlb, bursts) = (&mut self.tlb, &mut self.by_bursts);
        self.memory.displace(page, |entry| {
            tlb.shoot_down(entry, before);
            if let Some(bursts) = bursts {
                bursts.gone(entry);
            }
        });
        self.residency.now -= 1;
    }

    #[inline(never)]
    pub(super) fn expire(&mut self, frame: FrameId, time: u64) {
        if !self.can_leave(frame) {
            (self.swap_full, self.cannot_expire) = (true, true);
        }
        if self.swap_full {
            return;
        }
        self.residency.settle(time);
        // The reference at this position has been translated.
        let (page, dirty) = self.remove(frame, time + 1);
        *(if dirty {
            &mut self.counters.expired_dirty
        } else {
            &mut self.counters.expired_clean
        }) += 1;
        self.free.push(frame);
        if let Some(listener) = &mut self.listener {
            listener.expired(&ExpiryEvent { time, page, dirty });
        }
    }

    /// The last owner of a page is gone.
    pub(super) fn free(&mut self, page: ObjectId, time: u64) {
        let frame = self.memory.state(page);
        self.swap.release(page);
        if frame < AWAY {
            self.residency.settle(time);
            let writes = self.frames.dirty(frame) && self.memory.class(page) == Class::File;
            self.counters.freed += 1;
            self.counters.freed_dirty += u64::from(writes);
            self.policy.freed(&mut self.frames, frame);
            self.displace(page, time);
            self.free.push(frame);
        }
        // It is no page any more, and is counted as none.
        self.memory.place(page, UNALLOCATED);
    }
}
