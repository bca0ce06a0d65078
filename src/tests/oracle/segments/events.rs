//! What events, and stacks that are touched, change: mappings come, go, split, grow and move, programs
//! are copied and end.

use super::{
    Behind, Class, Division, Ended, Measure, Oracle, Part, Pin, Process, Seg, Segment, Sum,
};
use pagebench::internals::trace::model::event::{Backing, Event, Mapping, Move, Protection};

/// The end of a segment that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Low,
    High,
}

impl Oracle {
    pub(super) fn event(&mut self, pid: u32, event: &Event) -> Result<(), Ended> {
        let home = self.home(pid);
        match *event {
            Event::Fork { child } => self.fork(home, child),
            Event::Vfork { child } => {
                self.processes.insert(child, Process::default());
                self.lenders.insert(child, home);
            }
            Event::Exec | Event::Exit => {
                if self.lenders.remove(&pid).is_none() {
                    self.release_everything(pid);
                }
                self.process(pid).gone = *event == Event::Exit;
            }
            Event::Map(ref mapping) => self.map(home, mapping)?,
            Event::Unmap { start, length } => self.unmap(home, self.range(start, length))?,
            Event::Protect {
                start,
                length,
                protection,
            } => self.protect(home, self.range(start, length), protection)?,
            Event::Brk { end } => self.brk(home, self.up(end))?,
            Event::Move(ref moves) => self.moves(home, moves)?,
            Event::Unlink { file } => *self.generations.entry(file).or_default() += 1,
            Event::Advise { .. }
            | Event::Populate { .. }
            | Event::Read(_)
            | Event::Write(_)
            | Event::Length { .. } => {}
        }
        Ok(())
    }

    fn up(&self, at: u64) -> u64 {
        at.div_ceil(self.rules.page) * self.rules.page
    }

    /// The bytes of an event, rounded outward.
    fn range(&self, start: u64, length: u64) -> (u64, u64) {
        let page = self.rules.page;
        (start / page * page, self.up(start + length))
    }

    fn insert(&mut self, pid: u32, part: Part) {
        let parts = &mut self.process(pid).parts;
        parts.push(part);
        parts.sort_by_key(|part| part.start);
    }

    // Processes.

    fn fork(&mut self, pid: u32, child: u32) {
        let mut copy = self.processes[&pid].clone();
        copy.recent.clear();
        self.processes.insert(child, copy);
    }

    fn release_everything(&mut self, pid: u32) {
        *self.process(pid) = Process::default();
    }

    // Mappings that come.

    fn map(&mut self, pid: u32, mapping: &Mapping) -> Result<(), Ended> {
        let range = self.range(mapping.start, mapping.length);
        if mapping.fixed {
            self.unmap(pid, range)?;
        }
        let behind = match mapping.backing {
            Backing::Anonymous => None,
            Backing::File { file, offset, .. } => Some(Behind {
                file,
                generation: self.generations.get(&file).copied().unwrap_or(0),
                offset,
            }),
        };
        let mut part = Part {
            start: range.0,
            end: range.1,
            protection: mapping.protection,
            shared: mapping.shared,
            grows_down: mapping.grows_down,
            heap: false,
            behind,
            swap_backed: mapping.swap_backed,
            class: Class::Heap,
            low: range.0,
            segment: None,
        };
        let Protection { write, execute, .. } = mapping.protection;
        part.class = match part.behind {
            _ if part.grows_down => Class::Stack,
            _ if execute => Class::Code,
            Some(_) if !write => Class::Code,
            Some(_) => Class::Data,
            None => Class::Heap,
        };
        self.insert(pid, part);
        self.gain(pid, range.0);
        self.remeasure(pid)
    }

    /// The part at this address has rights that it did not have.
    fn gain(&mut self, pid: u32, address: u64) {
        let at = self.part_at(pid, address).expect("it is mapped");
        let mut part = self.processes[&pid].parts[at].clone();
        part.low = if part.grows_down {
            part.end
        } else {
            part.start
        };
        if self.rules.division == Division::Vma && part.occupied().is_some() {
            part.segment = Some(self.find(&part).unwrap_or_else(|| self.fresh(&part)));
        }
        self.process(pid).parts[at] = part;
    }

    /// The segment that others have of the same part of a file.
    fn find(&self, part: &Part) -> Option<Seg> {
        let key = Some(part.key()?);
        let same = self
            .segments
            .iter()
            .filter(|(_, segment)| segment.key == key);
        same.min_by_key(|(_, segment)| segment.key_number)
            .map(|(id, _)| *id)
    }

    /// A segment for a part that has none.
    fn fresh(&mut self, part: &Part) -> Seg {
        let (low, end) = part.occupied().expect("it occupies memory");
        self.keys += 1;
        self.create(Segment {
            key_number: self.keys,
            bytes: end - low,
            of_file: if part.of_file() { end - low } else { 0 },
            key: part.key(),
            ..Segment::default()
        })
    }

    fn brk(&mut self, pid: u32, end: u64) -> Result<(), Ended> {
        let process = self.process(pid);
        let Some((begin, old)) = process.heap else {
            process.heap = Some((end, end));
            return Ok(());
        };
        let blocked = end > old && process.parts.iter().any(|part| part.meets((old, end)));
        if end < begin || blocked {
            return Ok(());
        }
        process.heap = Some((begin, end));
        if end < old {
            return self.unmap(pid, (end, old));
        }
        if end > old {
            let mut parts = self.processes[&pid].parts.iter();
            let heap = parts
                .find(|part| part.heap && part.end == old && part.protection == Protection::RW);
            match heap.map(|part| part.start) {
                Some(start) => self.lengthen(pid, start, end)?,
                None => {
                    self.insert(pid, heap_part(old, end));
                    self.gain(pid, old);
                }
            }
            return self.remeasure(pid);
        }
        Ok(())
    }

    /// The part at this address ends later.
    fn lengthen(&mut self, pid: u32, address: u64, end: u64) -> Result<(), Ended> {
        let at = self.part_at(pid, address).expect("it is mapped");
        let part = self.processes[&pid].parts[at].clone();
        let old = part.end;
        let segment = part
            .segment
            .filter(|_| self.rules.division == Division::Vma);
        match segment {
            Some(segment) if self.owners(segment).len() > 1 => {
                let behind = part.behind.map(|behind| Behind {
                    offset: behind.offset + old - part.start,
                    ..behind
                });
                let mut more = Part {
                    start: old,
                    end,
                    low: old,
                    behind,
                    segment: None,
                    ..part
                };
                more.segment = Some(self.find(&more).unwrap_or_else(|| self.fresh(&more)));
                self.insert(pid, more);
                Ok(())
            }
            _ => {
                let part = &mut self.process(pid).parts[at];
                part.end = end;
                if part.low == old {
                    part.low = end;
                }
                let of_file = part.of_file();
                match segment {
                    Some(segment) => self.grow(pid, segment, Side::High, end - old, of_file),
                    None => Ok(()),
                }
            }
        }
    }

    /// A stack is touched below all that was touched.
    pub(super) fn touch_stack(&mut self, pid: u32, at: usize, low: u64) -> Result<(), Ended> {
        let part = self.processes[&pid].parts[at].clone();
        let old = part.low;
        match part
            .segment
            .filter(|_| self.rules.division == Division::Vma)
        {
            Some(segment) if self.owners(segment).len() > 1 => {
                let upper = &mut self.process(pid).parts[at];
                upper.start = old;
                let mut lower = Part {
                    end: old,
                    low,
                    segment: None,
                    ..part
                };
                lower.segment = Some(self.fresh(&lower));
                self.insert(pid, lower);
            }
            Some(segment) => {
                self.process(pid).parts[at].low = low;
                self.grow(pid, segment, Side::Low, old - low, false)?;
            }
            None => {
                self.process(pid).parts[at].low = low;
                if self.rules.division == Division::Vma {
                    let touched = self.processes[&pid].parts[at].clone();
                    let fresh = self.fresh(&touched);
                    self.process(pid).parts[at].segment = Some(fresh);
                }
            }
        }
        self.remeasure(pid)
    }

    // Mappings that go.

    /// No part lies on both sides of this address any more; nor, where segments are mappings, does a
    /// segment, whoever has it.
    fn split(&mut self, pid: u32, address: u64) {
        let Some(at) = self.part_at(pid, address) else {
            return;
        };
        let part = self.processes[&pid].parts[at].clone();
        if part.start == address {
            return;
        }
        match part.segment {
            Some(segment) if part.low < address => {
                let offset = address - part.low;
                let upper = self.split_segment(segment, offset);
                for (owner, first) in self.owners(segment) {
                    self.split_part(owner, first + offset, Some(upper));
                }
            }
            _ => self.split_part(pid, address, part.segment),
        }
    }

    /// The part becomes two, of which the upper has this segment.
    fn split_part(&mut self, pid: u32, address: u64, segment: Option<Seg>) {
        let at = self.part_at(pid, address).expect("it is mapped");
        let lower = &mut self.process(pid).parts[at];
        let mut upper = lower.clone();
        lower.end = address;
        lower.low = lower.low.min(address);
        if lower.low == address {
            lower.segment = None;
        }
        upper.start = address;
        upper.low = upper.low.max(address);
        upper.segment = segment;
        if let Some(behind) = &mut upper.behind {
            behind.offset += address - lower.start;
        }
        self.insert(pid, upper);
    }

    fn split_segment(&mut self, segment: Seg, offset: u64) -> Seg {
        let keys = self.keys;
        self.keys += 2;
        let lower = self.segment(segment);
        let mut upper = lower.clone();
        lower.bytes = offset;
        upper.bytes -= offset;
        upper.place = upper.place.map(|place| place + offset);
        lower.copy = lower.copy.min(offset);
        upper.copy -= lower.copy;
        if lower.of_file > 0 {
            lower.of_file = lower.bytes;
            upper.of_file = upper.bytes;
        }
        if let Some((file, generation, start, length)) = lower.key {
            lower.key = Some((file, generation, start, offset));
            upper.key = Some((file, generation, start + offset, length - offset));
            (lower.key_number, upper.key_number) = (keys + 1, keys + 2);
        }
        lower.touched.retain(|page| *page < offset);
        upper.touched = upper
            .touched
            .iter()
            .filter(|page| **page >= offset)
            .map(|page| page - offset)
            .collect();
        let in_memory = upper.place.is_some();
        let upper = self.create(upper);
        self.rename(None, |of, page| match of == segment && page >= offset {
            true => Some((upper, page - offset)),
            false => Some((of, page)),
        });
        if in_memory {
            self.comes_ahead(upper);
        }
        upper
    }

    fn unmap(&mut self, pid: u32, range: (u64, u64)) -> Result<(), Ended> {
        self.split(pid, range.0);
        self.split(pid, range.1);
        self.process(pid).parts.retain(|part| !part.meets(range));
        self.forget_lost();
        self.remeasure(pid)
    }

    fn protect(
        &mut self,
        pid: u32,
        range: (u64, u64),
        protection: Protection,
    ) -> Result<(), Ended> {
        let parts = self.processes[&pid].parts.iter();
        let mut within = parts.filter(|part| part.meets(range));
        if !within.any(|part| part.protection != protection) {
            return Ok(());
        }
        self.split(pid, range.0);
        self.split(pid, range.1);
        let parts = self.processes[&pid].parts.iter();
        let within = parts.filter(|part| part.meets(range));
        let starts: Vec<u64> = within.map(|part| part.start).collect();
        for start in starts {
            let at = self.part_at(pid, start).expect("it is mapped");
            let part = &mut self.process(pid).parts[at];
            let had = part.has_rights();
            part.protection = protection;
            if had && !part.has_rights() {
                part.segment = None;
            } else if !had && part.has_rights() {
                self.gain(pid, start);
            }
        }
        self.remeasure(pid)
    }

    // Mappings that move.

    fn moves(&mut self, pid: u32, moves: &Move) -> Result<(), Ended> {
        let old = self.range(moves.old_start, moves.old_length);
        let new = self.range(moves.new_start, moves.new_length);
        let in_place = old.0 == new.0;
        if !self.processes[&pid]
            .parts
            .iter()
            .any(|part| part.meets(old))
        {
            return Ok(());
        }
        let kept = (old.0, old.1.min(old.0 + (new.1 - new.0)));
        if in_place && new.1 <= old.1 {
            return match new.1 < old.1 {
                true => self.unmap(pid, (new.1, old.1)),
                false => Ok(()),
            };
        }
        self.unmap(pid, if in_place { (old.1, new.1) } else { new })?;
        if kept.1 < old.1 {
            self.unmap(pid, (kept.1, old.1))?;
        }
        self.split(pid, old.0);
        self.split(pid, kept.1);
        if !in_place {
            self.own_what_moves(pid, kept)?;
            self.carry(pid, kept, new.0, moves.keep);
        }
        if new.1 - new.0 > old.1 - old.0 {
            let last = new.0 + (old.1 - old.0) - 1;
            let at = self.part_at(pid, last).expect("it has moved");
            let start = self.processes[&pid].parts[at].start;
            self.lengthen(pid, start, new.1)?;
        }
        self.remeasure(pid)
    }

    /// A sum with a part that moves is a changed mapping: who shares it gets a copy first.
    fn own_what_moves(&mut self, pid: u32, range: (u64, u64)) -> Result<(), Ended> {
        let mut sums = self.processes[&pid].sums.clone();
        sums.sort_by_key(|sum| sum.measure.low);
        for sum in sums {
            let own = self.occupied_by(pid, sum.class);
            let moves = own.iter().any(|part| part.0 < range.1 && range.0 < part.1);
            if moves && self.owners(sum.segment).len() > 1 {
                self.copy_for_change(pid, sum.segment)?;
            }
        }
        Ok(())
    }

    /// The parts of a range go to another place; with `keep` the range stays mapped, with new segments.
    fn carry(&mut self, pid: u32, range: (u64, u64), to: u64, keep: bool) {
        let all = std::mem::take(&mut self.process(pid).parts);
        let (within, others): (Vec<Part>, _) = all.into_iter().partition(|part| part.meets(range));
        self.process(pid).parts = others;
        for part in within {
            let by = |at: u64| at - range.0 + to;
            self.insert(
                pid,
                Part {
                    start: by(part.start),
                    end: by(part.end),
                    low: by(part.low),
                    ..part.clone()
                },
            );
            if keep {
                let start = part.start;
                let rights = part.has_rights();
                self.insert(
                    pid,
                    Part {
                        segment: None,
                        ..part
                    },
                );
                if rights {
                    self.gain(pid, start);
                }
            }
        }
        if self.rules.division != Division::Vma {
            let sums = self.processes[&pid].sums.clone();
            for sum in sums {
                let touched = &mut self.segment(sum.segment).touched;
                let there: Vec<u64> = touched.range(range.0..range.1).copied().collect();
                for page in there {
                    touched.remove(&page);
                    touched.insert(page - range.0 + to);
                }
                self.rename(Some(pid), |of, page| {
                    let moves = of == sum.segment && (range.0..range.1).contains(&page);
                    Some((of, if moves { page - range.0 + to } else { page }))
                });
            }
        }
    }

    // Sums of mappings.

    /// What the classes of a process are made of now; nothing where segments are mappings.
    fn measures(&self, pid: u32) -> Vec<(Class, Measure, u64)> {
        let mut all: Vec<(Class, Measure, u64)> = Vec::new();
        if self.rules.division == Division::Vma {
            return all;
        }
        for part in &self.processes[&pid].parts {
            let Some((low, high)) = part.occupied() else {
                continue;
            };
            let class = self.class_of(part);
            let of_file = if part.of_file() { high - low } else { 0 };
            match all.iter_mut().find(|(of, ..)| *of == class) {
                None => {
                    let bytes = high - low;
                    all.push((class, Measure { low, high, bytes }, of_file));
                }
                Some((_, measure, file)) => {
                    measure.high = high;
                    measure.bytes += high - low;
                    *file += of_file;
                }
            }
        }
        if self.rules.division == Division::Whole {
            for (_, measure, _) in &mut all {
                measure.bytes = measure.high - measure.low;
            }
        }
        all
    }

    /// The ranges of a class.
    fn occupied_by(&self, pid: u32, class: Class) -> Vec<(u64, u64)> {
        let parts = self.processes[&pid].parts.iter();
        let own = parts.filter(|part| self.class_of(part) == class);
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for (low, end) in own.filter_map(Part::occupied) {
            match ranges.last_mut() {
                Some(last) if last.1 == low => last.1 = end,
                _ => ranges.push((low, end)),
            }
        }
        ranges
    }

    /// Brings the sums of a process up to date with its parts.
    fn remeasure(&mut self, pid: u32) -> Result<(), Ended> {
        if self.rules.division == Division::Vma {
            self.bury();
            return Ok(());
        }
        let measures = self.measures(pid);
        let old = self.processes[&pid].sums.clone();
        self.process(pid).sums.retain(|sum| {
            let class = sum.class;
            measures.iter().any(|(of, ..)| *of == class)
        });
        self.bury();
        for (class, measure, of_file) in measures {
            let Some(before) = old.iter().find(|sum| sum.class == class) else {
                let segment = self.create(Segment {
                    bytes: measure.bytes,
                    of_file,
                    ..Segment::default()
                });
                let parts = self.occupied_by(pid, class);
                self.process(pid).sums.push(Sum {
                    class,
                    segment,
                    measure,
                    parts,
                });
                continue;
            };
            self.change_sum(pid, before.clone(), measure, of_file)?;
        }
        Ok(())
    }

    fn change_sum(
        &mut self,
        pid: u32,
        before: Sum,
        now: Measure,
        of_file: u64,
    ) -> Result<(), Ended> {
        let Sum {
            class,
            mut segment,
            measure: old,
            ..
        } = before;
        let own = self.occupied_by(pid, class);
        let whole = self.rules.division == Division::Whole;
        let changed = match whole {
            true => old != now || before.parts != own,
            false => old.bytes != now.bytes,
        };
        if changed && self.owners(segment).len() > 1 {
            segment = self.copy_for_change(pid, segment)?;
        }
        let sums = &mut self.process(pid).sums;
        let sum = sums.iter_mut().find(|sum| sum.class == class);
        *sum.expect("it was there") = Sum {
            class,
            segment,
            measure: now,
            parts: own.clone(),
        };
        let overlap = old.low < now.high && now.low < old.high;
        if whole && changed && overlap {
            // What goes, goes first.
            if now.low > old.low {
                self.shrink(segment, Side::Low, now.low - old.low);
            }
            if now.high < old.high {
                self.shrink(segment, Side::High, old.high - now.high);
            }
            if now.low < old.low {
                self.grow(pid, segment, Side::Low, old.low - now.low, false)?;
            }
            if now.high > old.high {
                self.grow(pid, segment, Side::High, now.high - old.high, false)?;
            }
        } else if changed {
            let side = match class {
                Class::Stack => Side::Low,
                _ => Side::High,
            };
            match now.bytes > old.bytes {
                true => self.grow(pid, segment, side, now.bytes - old.bytes, false)?,
                false => self.shrink(segment, side, old.bytes - now.bytes),
            }
        }
        let state = self.segment(segment);
        state.of_file = of_file;
        state
            .touched
            .retain(|page| own.iter().any(|range| range.0 <= *page && *page < range.1));
        self.rename(Some(pid), |of, page| {
            let is_there = own.iter().any(|range| range.0 <= page && page < range.1);
            (of != segment || is_there).then_some((of, page))
        });
        Ok(())
    }

    /// A process that changes its part of a sum gets a copy of its own first.
    fn copy_for_change(&mut self, pid: u32, source: Seg) -> Result<Seg, Ended> {
        self.let_lost_leave()?;
        let copy = self.give_copy(pid, source);
        if self.segments[&source].known {
            self.make_copy(pid, source, copy, false)?;
        }
        Ok(copy)
    }

    /// The process has a new segment in place of this one, which is nowhere yet.
    pub(super) fn give_copy(&mut self, pid: u32, source: Seg) -> Seg {
        let copy = Segment {
            place: None,
            known: false,
            copy: 0,
            dirty: false,
            key: None,
            ..self.segments[&source].clone()
        };
        let copy = self.create(copy);
        self.rename(Some(pid), |of, page| {
            Some((if of == source { copy } else { of }, page))
        });
        for sum in &mut self.process(pid).sums {
            if sum.segment == source {
                sum.segment = copy;
            }
        }
        copy
    }

    // Lengths of segments.

    fn grow(
        &mut self,
        pid: u32,
        segment: Seg,
        side: Side,
        by: u64,
        of_file: bool,
    ) -> Result<(), Ended> {
        self.let_lost_leave()?;
        let state = self.segment(segment);
        state.key = None;
        let old = state.bytes;
        if of_file && state.of_file > 0 {
            state.of_file += by;
        }
        if side == Side::Low && self.rules.division == Division::Vma {
            let state = self.segment(segment);
            state.touched = state.touched.iter().map(|page| page + by).collect();
            self.rename(None, |of, page| {
                Some((of, if of == segment { page + by } else { page }))
            });
        }
        let Some(place) = self.segments[&segment].place else {
            let state = self.segment(segment);
            state.bytes += by;
            state.grew_away = true;
            return Ok(());
        };
        self.fits_in_memory(pid, segment, old + by)?;
        let before = self.holes().into_iter().find(|hole| hole.1 == place);
        let behind = self.holes().into_iter().find(|hole| hole.0 == place + old);
        let room = match side {
            Side::Low => before,
            Side::High => behind,
        };
        let state = self.segment(segment);
        state.bytes += by;
        // What is new is nowhere on disk.
        state.dirty = true;
        if room.is_some_and(|hole| hole.1 - hole.0 >= by) {
            if side == Side::Low {
                state.place = Some(place - by);
            }
            return Ok(());
        }
        state.place = None;
        self.counts.bytes_grown += old;
        let pin = Pin {
            unit: Some(self.unit_of(pid, segment)),
            growing: Some(segment),
            ..Pin::default()
        };
        let place = self.make_room(old + by, pin)?;
        self.put(segment, place);
        Ok(())
    }

    fn shrink(&mut self, segment: Seg, side: Side, by: u64) {
        let state = self.segment(segment);
        // What is left may be nothing: it is then of no matter where it lies.
        state.bytes = state.bytes.saturating_sub(by);
        state.copy = state.copy.min(state.bytes);
        if side == Side::Low {
            state.place = state.place.map(|place| place + by);
        }
    }
}

fn heap_part(start: u64, end: u64) -> Part {
    Part {
        start,
        end,
        protection: Protection::RW,
        shared: false,
        grows_down: false,
        heap: true,
        behind: None,
        swap_backed: false,
        class: Class::Heap,
        low: start,
        segment: None,
    }
}
