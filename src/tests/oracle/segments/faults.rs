//! What a reference does: its unit comes in, or a segment that others have is copied.

use super::{Division, Ended, Oracle, Pin, Seg, Unit};

impl Oracle {
    /// A legal reference, whose address a stack has already grown to.
    pub(super) fn reference(&mut self, pid: u32, address: u64, write: bool) -> Result<(), Ended> {
        let segment = self.segment_at(pid, address);
        let at = self.part_at(pid, address).expect("it is mapped");
        let private = !self.processes[&pid].parts[at].shared;
        let faults = |oracle: &Oracle| {
            let counts = &oracle.counts;
            counts.fills + counts.refills + counts.copies
        };
        let bytes_in = |oracle: &Oracle| oracle.counts.swap_bytes_in + oracle.counts.file_bytes_in;
        let before = (faults(self), bytes_in(self));
        let copies = write && private && self.owners(segment).len() > 1;
        if copies {
            let copy = match self.rules.division {
                Division::Vma => {
                    let copy = self.give_copy(pid, segment);
                    self.process(pid).parts[at].segment = Some(copy);
                    copy
                }
                _ => self.give_copy(pid, segment),
            };
            if self.segments[&segment].known {
                self.make_copy(pid, segment, copy, true)?;
            } else {
                self.load(pid, copy)?;
            }
        } else if !self.is_placed(segment) || self.processes[&pid].out {
            self.load(pid, segment)?;
        }
        let read = bytes_in(self) > before.1;
        self.counts.major += u64::from(read && faults(self) > before.0);
        let segment = self.segment_at(pid, address);
        let unit = self.unit_of(pid, segment);
        self.referenced(unit);
        let part = &self.processes[&pid].parts[at];
        let touched = match self.rules.division {
            Division::Vma => address - part.low,
            _ => address,
        };
        let state = self.segment(segment);
        state.touched.insert(touched);
        let tau = self.rules.tau;
        let recent = &mut self.process(pid).recent;
        recent.push(Some((segment, touched)));
        let before = recent.len().saturating_sub(tau);
        recent.drain(..before);
        let state = self.segment(segment);
        if write {
            state.dirty = true;
            if private {
                state.key = None;
                state.of_file = 0;
            }
        }
        Ok(())
    }

    /// The unit of a segment comes in by a reference.
    fn load(&mut self, pid: u32, segment: Seg) -> Result<(), Ended> {
        let mut refill = self.segments[&segment].known;
        if self.rules.programs {
            refill |= self.processes[&pid].out;
            self.come_in(pid, Some(segment), None)?;
        } else {
            self.fits_in_memory(pid, segment, self.segments[&segment].bytes)?;
            self.bring(segment, Pin::default())?;
        }
        if refill {
            self.counts.refills += 1;
            self.counts.swap_ins += 1;
        } else {
            self.counts.fills += 1;
        }
        Ok(())
    }

    /// What left with a program comes back, and one more segment comes in.
    /// `source`: what the program then copies.
    fn come_in(&mut self, pid: u32, wanted: Option<Seg>, source: Option<Seg>) -> Result<(), Ended> {
        if let Some(wanted) = wanted {
            self.fits_in_memory(pid, wanted, self.segments[&wanted].bytes)?;
        }
        let back = std::mem::take(&mut self.process(pid).out);
        let own: Vec<Seg> = self.segments_of(pid).iter().map(|(_, own)| *own).collect();
        if own.iter().any(|own| self.is_placed(*own)) {
            // Others kept a part of it in memory: it is there at once.
            self.enters(Unit::Program(pid));
        }
        // What left comes back by address, then what is new.
        let mut coming = own;
        coming.retain(|own| back && self.segments[own].known);
        coming.extend(wanted);
        for segment in coming {
            if !self.is_placed(segment) {
                let pin = Pin {
                    unit: Some(Unit::Program(pid)),
                    source,
                    ..Pin::default()
                };
                self.bring(segment, pin)?;
            }
        }
        Ok(())
    }

    /// A segment is placed and read.
    fn bring(&mut self, segment: Seg, pin: Pin) -> Result<(), Ended> {
        let place = self.make_room(self.segments[&segment].bytes, pin)?;
        let state = self.segment(segment);
        state.dirty = 0 < state.copy && state.copy < state.bytes;
        self.put(segment, place);
        self.read(segment);
        if let Some(program @ Unit::Program(_)) = pin.unit {
            self.others_come_ahead(segment, program);
            self.enters(program);
        }
        Ok(())
    }

    /// A segment that a process has in place of another is filled with what that one holds.
    pub(super) fn make_copy(
        &mut self,
        pid: u32,
        source: Seg,
        copy: Seg,
        fault: bool,
    ) -> Result<(), Ended> {
        if !fault && !self.is_placed(source) {
            // It gets a copy where that is, and room for it; nothing is read.
            let room = self.segments[&source].copy;
            let swapped = self.swapped() + room;
            if self.rules.swap.is_some_and(|limit| swapped > limit) {
                return Err(Ended::SwapFull);
            }
            let state = self.segment(copy);
            (state.known, state.copy) = (true, room);
            self.sums.swap_peak = self.sums.swap_peak.max(swapped);
            return Ok(());
        }
        if fault && self.rules.programs && self.processes[&pid].out {
            // The rest of the program comes back first.
            self.fits_in_memory(pid, copy, self.segments[&copy].bytes)?;
            self.come_in(pid, None, Some(source))?;
            self.counts.swap_ins += 1;
        }
        let bytes = self.segments[&copy].bytes;
        if fault {
            self.fits_in_memory(pid, copy, bytes)?;
        }
        let pin = Pin {
            unit: self.rules.programs.then_some(Unit::Program(pid)),
            source: Some(source),
            ..Pin::default()
        };
        let place = self.make_room(bytes, pin)?;
        self.put(copy, place);
        match self.is_placed(source) {
            true => self.counts.bytes_copied += bytes,
            false => self.read(source),
        }
        self.segment(copy).dirty = true;
        self.segment(copy).of_file = 0;
        if self.rules.programs {
            // The program has the source no longer; and if it is out, so is its copy.
            self.leave_with_programs(None, &[source, copy])?;
        }
        if fault {
            self.counts.copies += 1;
            if self.rules.programs {
                self.enters(Unit::Program(pid));
            }
        } else {
            self.comes_ahead(copy);
        }
        Ok(())
    }

    /// After an event or a reference: what nobody has is gone, and what no program in memory has leaves.
    pub(super) fn settle(&mut self) -> Result<(), Ended> {
        self.bury();
        self.let_lost_leave()?;
        self.bury();
        Ok(())
    }

    /// What only programs that are out have is not in memory.
    pub(super) fn let_lost_leave(&mut self) -> Result<(), Ended> {
        if self.rules.programs {
            let all: Vec<Seg> = self.segments.keys().copied().collect();
            self.leave_with_programs(None, &all)?;
        }
        Ok(())
    }
}
