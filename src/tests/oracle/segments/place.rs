//! Where segments lie: holes, fits, the ways to make room, and what leaves.

use super::{Ended, Fit, Oracle, Pin, Policy, Relief, Seg, Unit};

impl Oracle {
    /// What is in memory, by place: start, end, segment.
    pub(super) fn placed(&self) -> Vec<(u64, u64, Seg)> {
        let mut placed = Vec::new();
        for (&id, segment) in &self.segments {
            if let Some(place) = segment.place {
                placed.push((place, place + segment.bytes, id));
            }
        }
        placed.sort_unstable();
        placed
    }

    /// Ranges of free bytes, by place.
    pub(super) fn holes(&self) -> Vec<(u64, u64)> {
        let mut holes = Vec::new();
        let mut at = 0;
        for (start, end, _) in self.placed() {
            if at < start {
                holes.push((at, start));
            }
            at = end;
        }
        if at < self.rules.memory {
            holes.push((at, self.rules.memory));
        }
        holes
    }

    /// Where so many bytes go if a hole is large enough.
    fn fit(&self, bytes: u64) -> Option<u64> {
        let mut holes = self.holes();
        holes.retain(|hole| hole.1 - hole.0 >= bytes);
        let length = |hole: &&(u64, u64)| hole.1 - hole.0;
        let hole = match self.rules.fit {
            Fit::First => holes.first(),
            Fit::Next => {
                let behind = holes.iter().find(|hole| hole.1 > self.last_end);
                behind.or(holes.first())
            }
            Fit::Best => holes.iter().min_by_key(length),
            // Of several the lowest, which `max_by_key` would not give.
            Fit::Worst => holes.iter().rev().max_by_key(length),
        };
        hole.map(|hole| hole.0)
    }

    /// A segment lies here now.
    pub(super) fn put(&mut self, segment: Seg, place: u64) {
        let state = self.segment(segment);
        state.place = Some(place);
        state.known = true;
        self.last_end = place + state.bytes;
    }

    /// Errs if a unit cannot be in memory whose segment, or one more, has so many bytes.
    pub(super) fn fits_in_memory(&self, pid: u32, segment: Seg, bytes: u64) -> Result<(), Ended> {
        let mut all = bytes;
        if self.rules.programs {
            let mut own: Vec<Seg> = self.segments_of(pid).iter().map(|(_, own)| *own).collect();
            own.sort_unstable();
            own.dedup();
            // What is there, or comes back with the program.
            let comes = |own: &Seg| self.processes[&pid].out && self.segments[own].known;
            own.retain(|own| *own != segment && (self.is_placed(*own) || comes(own)));
            all += own.iter().map(|own| self.segments[own].bytes).sum::<u64>();
        }
        match all <= self.rules.memory {
            true => Ok(()),
            false => Err(Ended::DoesNotFit(all)),
        }
    }

    /// Finds a place for so many bytes, and makes room if there is none.
    pub(super) fn make_room(&mut self, bytes: u64, pin: Pin) -> Result<u64, Ended> {
        if let Some(place) = self.fit(bytes) {
            return Ok(place);
        }
        if self.rules.memory - self.used() >= bytes {
            self.counts.unfit += 1;
        }
        let evict = self.rules.relief == Relief::Evict;
        while evict || self.rules.memory - self.used() < bytes {
            if !self.evict_one(pin, false)? {
                break;
            }
            if evict && let Some(place) = self.fit(bytes) {
                return Ok(place);
            }
        }
        while self.rules.memory - self.used() < bytes {
            if !self.evict_one(pin, true)? {
                return Err(Ended::DoesNotFit(bytes));
            }
        }
        if let Some(place) = self.fit(bytes) {
            return Ok(place);
        }
        let moved = self.move_down(bytes);
        match self.rules.relief {
            Relief::Swap => self.through_the_disk(&moved, pin)?,
            _ => {
                self.counts.compactions += 1;
                let bytes = moved.iter().map(|segment| self.segments[segment].bytes);
                self.counts.bytes_moved += bytes.sum::<u64>();
            }
        }
        Ok(self
            .fit(bytes)
            .expect("enough bytes are free behind the last one"))
    }

    /// Segments move down until the hole behind them is large enough. Returns those that moved.
    fn move_down(&mut self, bytes: u64) -> Vec<Seg> {
        let mut moved = Vec::new();
        let mut at = 0;
        for (start, end, segment) in self.placed() {
            if start > at {
                self.segment(segment).place = Some(at);
                moved.push(segment);
            }
            at += end - start;
            let hole = self.holes().into_iter().find(|hole| hole.0 == at);
            if hole.is_some_and(|hole| hole.1 - hole.0 >= bytes) {
                break;
            }
        }
        moved
    }

    /// The units of these segments are written out and read back in.
    fn through_the_disk(&mut self, moved: &[Seg], pin: Pin) -> Result<(), Ended> {
        if !self.rules.programs {
            for &segment in moved {
                self.write(segment)?;
                self.read(segment);
            }
            self.counts.swap_outs += moved.len() as u64;
            self.counts.swap_ins += moved.len() as u64;
            return Ok(());
        }
        let mut programs = Vec::new();
        let mut all = moved.to_vec();
        for &pid in self.processes.keys() {
            let own: Vec<Seg> = self.segments_of(pid).iter().map(|(_, own)| *own).collect();
            // Until it has its copy, a program that writes has the source.
            let copies = pin.unit == Some(Unit::Program(pid));
            let source = pin.source.filter(|_| copies);
            let mut has = own.iter().chain(&source);
            if !self.processes[&pid].out && has.any(|segment| moved.contains(segment)) {
                programs.push(pid);
                all.extend(
                    own.into_iter()
                        .filter(|own| self.is_placed(*own) || pin.growing == Some(*own)),
                );
            }
        }
        all.sort_unstable();
        all.dedup();
        for segment in all {
            self.write(segment)?;
            self.read(segment);
        }
        self.counts.swap_outs += programs.len() as u64;
        self.counts.swap_ins += programs.len() as u64;
        Ok(())
    }

    // What leaves.

    /// The unit that a segment of a process is, or is a part of.
    pub(super) fn unit_of(&self, pid: u32, segment: Seg) -> Unit {
        match self.rules.programs {
            true => Unit::Program(pid),
            false => Unit::Segment(segment),
        }
    }

    /// A unit leaves by the policy, if one may. The source of a copy does so only with `source_too`.
    fn evict_one(&mut self, pin: Pin, source_too: bool) -> Result<bool, Ended> {
        let spared = |unit: Unit| {
            let source = pin.source.filter(|_| !source_too);
            // Other programs that have the source may leave: it does so with the last of them.
            let is_source = source.is_some_and(|source| unit == Unit::Segment(source));
            pin.unit == Some(unit) || is_source
        };
        if !self.order.iter().any(|(unit, _)| !spared(*unit)) {
            // Only programs that are out have the source: it is no part of a unit in memory.
            let alone = pin
                .source
                .filter(|source| source_too && self.is_placed(*source));
            if let Some(source) = alone {
                self.save(source)?;
                self.segment(source).place = None;
            }
            return Ok(alone.is_some());
        }
        let victim = match self.rules.policy {
            Policy::Lru | Policy::Fifo => {
                let mut order = self.order.iter();
                order.position(|(unit, _)| !spared(*unit))
            }
            .expect("there is one"),
            // The hand goes past what is spared, and leaves its bit.
            Policy::Clock => loop {
                let (unit, referenced) = self.order[0];
                if spared(unit) {
                    self.order.rotate_left(1);
                } else if referenced {
                    self.order[0].1 = false;
                    self.order.rotate_left(1);
                } else {
                    break 0;
                }
            },
        };
        let (unit, _) = self.order.remove(victim);
        self.counts.swap_outs += 1;
        match unit {
            Unit::Segment(segment) => {
                self.save(segment)?;
                self.segment(segment).place = None;
            }
            Unit::Program(pid) => {
                self.process(pid).out = true;
                let own: Vec<Seg> = self.segments_of(pid).iter().map(|(_, own)| *own).collect();
                let source = pin.source.filter(|_| !source_too);
                self.leave_with_programs(source, &own)?;
            }
        }
        Ok(true)
    }

    /// With programs: of these segments leave those that no program in memory has, but for the source
    /// of a copy.
    pub(super) fn leave_with_programs(
        &mut self,
        source: Option<Seg>,
        of: &[Seg],
    ) -> Result<(), Ended> {
        for (_, _, segment) in self.placed() {
            let owners = self.owners(segment);
            if source != Some(segment)
                && of.contains(&segment)
                && !owners.is_empty()
                && owners.iter().all(|(pid, _)| self.processes[pid].out)
            {
                self.save(segment)?;
                self.segment(segment).place = None;
            }
        }
        Ok(())
    }

    pub(super) fn is_placed(&self, segment: Seg) -> bool {
        let state = self.segments.get(&segment);
        state.is_some_and(|segment| segment.place.is_some())
    }

    /// A segment would have to be written if it left.
    pub(super) fn unsaved(&self, segment: Seg) -> bool {
        let segment = &self.segments[&segment];
        let on_disk = segment.of_file == segment.bytes || segment.copy == segment.bytes;
        segment.dirty || !on_disk
    }

    /// A segment is written, if it must be.
    pub(super) fn save(&mut self, segment: Seg) -> Result<(), Ended> {
        if !self.rules.programs && !self.unsaved(segment) {
            return Ok(());
        }
        self.write(segment)
    }

    /// A segment is written, whole: to its file if it is a shared one, else to swap, where programs go.
    fn write(&mut self, segment: Seg) -> Result<(), Ended> {
        let state = &self.segments[&segment];
        if !self.rules.programs && state.of_file == state.bytes && self.is_shared(segment) {
            let bytes = state.bytes;
            self.counts.swap_bytes_out += bytes;
            let state = self.segment(segment);
            // What swap has is older.
            (state.dirty, state.copy) = (false, 0);
            return Ok(());
        }
        let swapped = self.swapped();
        let state = self.segment(segment);
        let room = swapped - state.copy + state.bytes;
        if self.rules.swap.is_some_and(|limit| room > limit) {
            return Err(Ended::SwapFull);
        }
        let state = self.segment(segment);
        (state.copy, state.dirty, state.grew_away) = (state.bytes, false, false);
        let bytes = state.bytes;
        self.counts.swap_bytes_out += bytes;
        self.sums.swap_peak = self.sums.swap_peak.max(room);
        Ok(())
    }

    /// Some mapping of it is shared.
    fn is_shared(&self, segment: Seg) -> bool {
        let parts = self.processes.values().flat_map(|process| &process.parts);
        let mut own = parts.filter(|part| part.segment == Some(segment));
        own.any(|part| part.shared)
    }

    /// A segment's bytes come from a device, if they are on one.
    pub(super) fn read(&mut self, segment: Seg) {
        let state = &self.segments[&segment];
        let (swap, file) = match state.copy {
            0 => (0, state.of_file),
            copy => (copy, 0),
        };
        self.counts.swap_bytes_in += swap;
        self.counts.file_bytes_in += file;
    }

    // The order of the policy.

    /// A unit is in memory before it is referenced.
    pub(super) fn comes_ahead(&mut self, segment: Seg) {
        if !self.rules.programs {
            self.order.push((Unit::Segment(segment), false));
        }
    }

    /// With programs: others that have a segment that comes in are in memory, too.
    pub(super) fn others_come_ahead(&mut self, segment: Seg, except: Unit) {
        for (pid, _) in self.owners(segment) {
            let unit = Unit::Program(pid);
            let known = self.order.iter().any(|(other, _)| *other == unit);
            if !known && unit != except && !self.processes[&pid].out {
                self.order.push((unit, false));
            }
        }
    }

    /// A unit is in memory by a reference, or a part of it.
    pub(super) fn enters(&mut self, unit: Unit) {
        if !self.order.iter().any(|(other, _)| *other == unit) {
            self.order.push((unit, true));
        }
    }

    /// A unit is referenced.
    pub(super) fn referenced(&mut self, unit: Unit) {
        match self.order.iter().position(|(other, _)| *other == unit) {
            None => self.order.push((unit, true)),
            Some(at) => {
                self.order[at].1 = true;
                if self.rules.policy == Policy::Lru {
                    let last = self.order.remove(at);
                    self.order.push(last);
                }
            }
        }
    }

    /// Segments that nobody has are gone, and units that have nothing in memory are in no order; with
    /// programs, those that have something in memory are.
    pub(super) fn bury(&mut self) {
        let all: Vec<Seg> = self.segments.keys().copied().collect();
        for segment in all {
            if self.owners(segment).is_empty() {
                self.segments.remove(&segment);
            }
        }
        let present = |oracle: &Oracle, unit: Unit| match unit {
            Unit::Segment(segment) => oracle.is_placed(segment),
            Unit::Program(pid) => {
                let own = oracle.segments_of(pid);
                !oracle.processes[&pid].out && own.iter().any(|(_, own)| oracle.is_placed(*own))
            }
        };
        let pids: Vec<u32> = self.processes.keys().copied().collect();
        for pid in pids {
            if self.segments_of(pid).is_empty() {
                self.process(pid).out = false;
            }
        }
        let mut order = std::mem::take(&mut self.order);
        order.retain(|(unit, _)| present(self, *unit));
        if self.rules.programs {
            for &pid in self.processes.keys() {
                let unit = Unit::Program(pid);
                if present(self, unit) && !order.iter().any(|(other, _)| *other == unit) {
                    order.push((unit, false));
                }
            }
        }
        self.order = order;
    }
}
