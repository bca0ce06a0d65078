//! What a change of mappings means for segments: mappings come, go, split, grow and move, and with
//! segments that are sums of mappings the sums follow. Knows nothing of references.

use super::book::Book;
use super::choices::Segments;
use super::parts::{Class, Part};
use super::steps::{NONE, SegmentId, Step};
use crate::space::{Change, ChangeAt};
use crate::trace::model::event::Protection;
use std::ops::Range;

/// The first address and the one behind the last, the length, and the bytes of files of a sum.
type Extent = (Range<u64>, u64, u64);

impl Book {
    /// Follows one change.
    pub fn follow(&mut self, at: &ChangeAt) {
        let process = at.process;
        let changed = match &at.change {
            Change::Map(vma) => {
                let mut part = Part::of(vma);
                if let Some(of) = &mut part.file {
                    of.file = self.file_numbered(of.file);
                }
                let changed = self.sums_of(std::slice::from_ref(&part));
                self.insert(process, part);
                changed
            }
            Change::Unmap(range) => self.unmap(process, range),
            Change::Protect(range, protection) => self.protect(process, range, *protection),
            Change::GrowUp(range) => self.grow_up(process, range),
            Change::GrowDown(range) => {
                self.grow_down(process, range);
                Vec::new()
            }
            Change::Move { old, new, keep } => {
                self.move_parts(process, old, new, *keep);
                Vec::new()
            }
            Change::Fork { child } => {
                self.fork(process, *child);
                Vec::new()
            }
            Change::Unlink(file) => {
                self.unlink(*file);
                Vec::new()
            }
            Change::Clear => self.unmap(process, &(0..u64::MAX)),
            Change::End => Vec::new(),
        };
        self.resize_sums(process, &changed);
        self.note_peaks();
    }

    /// Puts in a part, whose range is free, with a segment if it occupies anything.
    fn insert(&mut self, process: u32, part: Part) {
        self.mapped += part.bytes() >> self.shift;
        let start = part.start;
        let parts = &mut self.processes[process as usize].parts;
        parts.insert(part);
        if self.kind == Segments::Vma {
            let at = parts.at(start).expect("just put in");
            self.settle_part(process, at);
        }
    }

    /// Splits the part that has `address` inside, and its segment for all who have it.
    fn split_at(&mut self, process: u32, address: u64) {
        let parts = &mut self.processes[process as usize].parts;
        let Some(at) = parts.at(address) else {
            return;
        };
        let (start, low, segment) = {
            let part = &parts.all()[at];
            (part.start, part.low, part.segment)
        };
        if start == address {
            return;
        }
        if self.kind == Segments::Vma && segment != NONE && low < address {
            self.split(segment, address - low);
        } else {
            parts.split(at, address);
        }
    }

    /// Takes out the parts of `range`. Returns them.
    fn take(&mut self, process: u32, range: &Range<u64>) -> Vec<Part> {
        self.split_at(process, range.start);
        self.split_at(process, range.end);
        let parts = &mut self.processes[process as usize].parts;
        let over = parts.over(range);
        let gone = parts.remove(over);
        let pages = gone.iter().map(|part| part.bytes() >> self.shift);
        self.mapped -= pages.sum::<u64>();
        gone
    }

    /// Unmaps `range`. Returns the sums that change.
    fn unmap(&mut self, process: u32, range: &Range<u64>) -> Vec<usize> {
        let gone = self.take(process, range);
        for part in &gone {
            self.give_up(process, part);
        }
        self.sums_of(&gone)
    }

    /// Takes the segment of `part`, which `process` has no longer, or has without rights.
    fn give_up(&mut self, process: u32, part: &Part) {
        self.unsettle(process, part.start..part.end);
        if part.segment == NONE {
            return;
        }
        match self.kind {
            Segments::Vma => {
                self.detach(part.segment, process, part.low, part.shared);
            }
            Segments::Classic | Segments::Whole => {
                let segment = self.processes[process as usize].sums[self.sum_of(part.class)];
                let shared = segment.is_some_and(|segment| self.is_shared(segment));
                if let Some(segment) = segment.filter(|_| !shared) {
                    self.untouch(segment, &part.occupied(), None);
                }
            }
        }
    }

    /// Returns the sums that the parts which occupy anything belong to.
    fn sums_of(&self, parts: &[Part]) -> Vec<usize> {
        let occupying = parts.iter().filter(|part| part.bytes() > 0);
        let mut sums: Vec<usize> = occupying.map(|part| self.sum_of(part.class)).collect();
        sums.sort_unstable();
        sums.dedup();
        sums
    }

    /// Returns the sums `changed` once each with their extents: those of which nothing is left, then the
    /// others by address.
    fn in_order(&self, process: u32, changed: &[usize]) -> Vec<(usize, Extent)> {
        let mut sums = changed.to_vec();
        sums.sort_unstable();
        sums.dedup();
        let with_extent = |sum| (sum, self.extent(process, sum));
        let mut sums: Vec<(usize, Extent)> = sums.into_iter().map(with_extent).collect();
        sums.sort_by_key(|(_, (limits, bytes, _))| (*bytes > 0, limits.start));
        sums
    }

    /// Changes the rights of `range`. Returns the sums that change.
    fn protect(&mut self, process: u32, range: &Range<u64>, protection: Protection) -> Vec<usize> {
        let parts = &self.processes[process as usize].parts;
        let over = &parts.all()[parts.over(range)];
        if over.iter().all(|part| part.protection == protection) {
            return Vec::new();
        }
        self.split_at(process, range.start);
        self.split_at(process, range.end);
        let mut changed = Vec::new();
        let parts = &self.processes[process as usize].parts;
        for at in parts.over(range) {
            let before = self.processes[process as usize].parts.all()[at].clone();
            self.unsettle(process, before.start..before.end);
            let part = &mut self.processes[process as usize].parts.all_mut()[at];
            part.protection = protection;
            let after = part.bytes();
            match (before.bytes(), after) {
                (was, is) if was == is => {}
                (_, 0) => {
                    part.segment = NONE;
                    if part.grows_down {
                        // If it gains rights again, nothing of it is touched.
                        part.low = part.end;
                    }
                    self.give_up(process, &before);
                    changed.push(self.sum_of(before.class));
                }
                _ if self.kind == Segments::Vma => self.settle_part(process, at),
                _ => changed.push(self.sum_of(before.class)),
            }
            self.mapped = self.mapped + (after >> self.shift) - (before.bytes() >> self.shift);
        }
        changed
    }

    /// Extends the part that ends at the start of `range`. Returns the sums that change.
    fn grow_up(&mut self, process: u32, range: &Range<u64>) -> Vec<usize> {
        let parts = &mut self.processes[process as usize].parts;
        let below = range.start.checked_sub(1).and_then(|below| parts.at(below));
        let at = below.expect("what grows is mapped");
        let part = &mut parts.all_mut()[at];
        let bytes = range.end - range.start;
        let segment = part.segment;
        let is_own = segment != NONE && self.segments[segment as usize].owners.len() == 1;
        if self.kind == Segments::Vma && segment != NONE && !is_own {
            // Others have the segment: what is new is one of its own.
            let mut more = part.clone();
            (more.start, more.end, more.low) = (range.start, range.end, range.start);
            (more.segment, more.grows_down) = (NONE, false);
            if let Some(of) = &mut more.file {
                of.offset += i128::from(range.start - part.start);
            }
            self.insert(process, more);
            return Vec::new();
        }
        let before = part.bytes();
        part.end = range.end;
        if part.low == range.start {
            // Nothing of a stack was touched.
            part.low = range.end;
        }
        let grown = part.bytes() - before;
        self.mapped += grown >> self.shift;
        let class = part.class;
        if self.kind == Segments::Vma && segment != NONE {
            self.grow(segment, bytes, false);
        }
        match grown {
            0 => Vec::new(),
            _ => vec![self.sum_of(class)],
        }
    }

    /// Extends the stack that begins at the end of `range` over it. It occupies no more before it is
    /// touched.
    fn grow_down(&mut self, process: u32, range: &Range<u64>) {
        let parts = &mut self.processes[process as usize].parts;
        let at = parts.at(range.end).expect("a stack begins there");
        let part = &mut parts.all_mut()[at];
        part.start = range.start;
        if let Some(of) = &mut part.file {
            of.offset -= i128::from(range.end - range.start);
        }
    }

    /// Lets the stack of part `at` occupy everything from `address` on. Returns the part's index.
    pub fn reach_down(&mut self, process: u32, at: usize, address: u64) -> usize {
        let parts = &mut self.processes[process as usize].parts;
        let part = &mut parts.all_mut()[at];
        let (segment, before) = (part.segment, part.low);
        self.mapped += (before - address) >> self.shift;
        let is_own = segment != NONE && self.segments[segment as usize].owners.len() == 1;
        if self.kind != Segments::Vma {
            part.low = address;
            let sum = self.sum_of(Class::Stack);
            self.resize_sums(process, &[sum]);
        } else if segment == NONE {
            part.low = address;
            self.settle_part(process, at);
        } else if is_own {
            part.low = address;
            self.grow(segment, before - address, true);
            self.readdress(segment, process, before, address);
        } else {
            // Others have what was touched so far: what is new is a segment of its own.
            parts.split(at, before);
            let lower = &mut parts.all_mut()[at];
            (lower.low, lower.segment) = (address, NONE);
            self.settle_part(process, at);
        }
        self.note_peaks();
        at
    }

    /// Moves what is mapped in `old`.
    fn move_parts(&mut self, process: u32, old: &Range<u64>, new: &Range<u64>, keep: bool) {
        if old.start == new.start {
            self.split_at(process, old.start);
            if new.end > old.end {
                let changed = self.grow_up(process, &(old.end..new.end));
                self.resize_sums(process, &changed);
            }
            return;
        }
        let kept_end = old.end.min(old.start + (new.end - new.start));
        if kept_end < old.end {
            let changed = self.unmap(process, &(kept_end..old.end));
            self.resize_sums(process, &changed);
        }
        let mut changed = Vec::new();
        self.split_at(process, old.start);
        self.split_at(process, kept_end);
        self.own_sums(process, &(old.start..kept_end));
        let moving = self.take(process, &(old.start..kept_end));
        for before in &moving {
            self.unsettle(process, before.start..before.end);
            if keep {
                let mut left = before.clone();
                left.segment = NONE;
                left.low = if left.grows_down {
                    left.end
                } else {
                    left.start
                };
                changed.extend(self.sums_of(std::slice::from_ref(&left)));
                self.insert(process, left);
            }
        }
        if self.kind == Segments::Whole {
            // The limits of the only sum may be others.
            changed.extend(self.sums_of(&moving));
        }
        let to = |address: u64| address - old.start + new.start;
        let mut touched: Vec<(usize, Vec<u64>)> = Vec::new();
        for before in moving {
            let mut part = before.clone();
            (part.start, part.end, part.low) = (to(before.start), to(before.end), to(before.low));
            self.mapped += part.bytes() >> self.shift;
            let (segment, low) = (part.segment, part.low);
            touched.push(self.touched_pages(process, &before, low));
            self.processes[process as usize].parts.insert(part);
            if self.kind == Segments::Vma && segment != NONE {
                self.readdress(segment, process, before.low, low);
            }
        }
        let arrived = to(kept_end);
        if arrived < new.end {
            changed.extend(self.grow_up(process, &(arrived..new.end)));
        }
        if self.kind == Segments::Classic {
            self.readdress_sums(process);
        }
        self.resize_sums(process, &changed);
        // A sum has room for them only now.
        for (sum, pages) in touched {
            if let Some(segment) = self.processes[process as usize].sums[sum]
                && !pages.is_empty()
            {
                self.retouch(segment, pages);
            }
        }
    }

    /// Takes the referenced pages of `before`, which moves to `low`, from its sum. Returns the sum and
    /// their numbers after the move.
    fn touched_pages(&mut self, process: u32, before: &Part, low: u64) -> (usize, Vec<u64>) {
        let sum = self.sum_of(before.class);
        let segment = self.processes[process as usize].sums[sum];
        let own = segment.filter(|&own| self.kind != Segments::Vma && !self.is_shared(own));
        let shift = self.shift;
        let first = Some(low >> shift);
        let gone = own.map_or_else(Vec::new, |own| self.untouch(own, &before.occupied(), first));
        let to = |page: u64| page - (before.low >> shift) + (low >> shift);
        (sum, gone.into_iter().map(to).collect())
    }

    /// Gives `child` everything that `process` has.
    fn fork(&mut self, process: u32, child: u32) {
        let of = &self.processes[process as usize];
        let (parts, sums) = (of.parts.clone(), of.sums);
        let mut all: Vec<(SegmentId, u64, bool)> = Vec::new();
        for part in parts.all() {
            self.mapped += part.bytes() >> self.shift;
            if part.segment != NONE && self.kind == Segments::Vma {
                all.push((part.segment, part.low, part.shared));
            }
        }
        for segment in sums.into_iter().flatten() {
            all.push((segment, self.address_of(segment, process), false));
        }
        self.push(Step::Fork { process, child });
        for (segment, address, is_shared) in all {
            self.attach(segment, child, address, is_shared);
        }
        let of = &mut self.processes[child as usize];
        (of.parts, of.sums) = (parts, sums);
        self.unsettle_writes(process);
    }

    /// Returns the extent of a sum, with all its parts.
    fn extent(&self, process: u32, sum: usize) -> Extent {
        let parts = self.processes[process as usize].parts.all().iter();
        let of_sum = parts.filter(|part| part.bytes() > 0 && self.sum_of(part.class) == sum);
        let (mut low, mut high, mut bytes, mut file) = (u64::MAX, 0, 0, 0);
        for part in of_sum {
            low = low.min(part.low);
            high = part.end;
            bytes += part.bytes();
            file += part.file_bytes();
        }
        (low..high, bytes, file)
    }

    /// Gives the sums of `process` the lengths that their parts add up to. `changed`: those whose parts
    /// are others than before; a process that shares one gets its own.
    fn resize_sums(&mut self, process: u32, changed: &[usize]) {
        if self.kind == Segments::Vma {
            return;
        }
        for (sum, (limits, bytes, file)) in self.in_order(process, changed) {
            let bytes = match self.kind {
                Segments::Whole if bytes > 0 => limits.end - limits.start,
                _ => bytes,
            };
            let before = self.processes[process as usize].sums[sum];
            let Some(segment) = before else {
                if bytes > 0 {
                    let segment = self.create(bytes, file);
                    self.attach(segment, process, limits.start, false);
                    self.set_sum(process, sum, Some(segment));
                }
                continue;
            };
            if bytes == 0 {
                let address = self.address_of(segment, process);
                self.detach(segment, process, address, false);
                self.set_sum(process, sum, None);
                continue;
            }
            let segment = match self.is_shared(segment) {
                true => self.own_sum(segment, process, sum),
                false => segment,
            };
            self.resize(segment, process, (sum, bytes), limits);
            self.set_file_bytes(segment, file);
            self.set_sum(process, sum, Some(segment));
        }
    }

    /// Gives `process` its own copies of the sums that have a part in `range`, which moves.
    fn own_sums(&mut self, process: u32, range: &Range<u64>) {
        if self.kind == Segments::Vma {
            return;
        }
        let parts = &self.processes[process as usize].parts;
        let over = parts.all()[parts.over(range)].to_vec();
        for (sum, _) in self.in_order(process, &self.sums_of(&over)) {
            let segment = self.processes[process as usize].sums[sum];
            if let Some(segment) = segment.filter(|&segment| self.is_shared(segment)) {
                let own = self.own_sum(segment, process, sum);
                self.set_sum(process, sum, Some(own));
            }
        }
    }

    /// Gives `process` its own copy of a sum, of which it has not all that others have.
    fn own_sum(&mut self, segment: SegmentId, process: u32, sum: usize) -> SegmentId {
        let address = self.address_of(segment, process);
        let own = self.copy(segment, process, address, false);
        let (parts, shift) = (&self.processes[process as usize].parts, self.shift);
        let is_there = |page: u64| {
            let at = parts.at(page << shift);
            at.is_some_and(|at| {
                let part = &parts.all()[at];
                part.occupied().contains(&(page << shift)) && self.sum_of(part.class) == sum
            })
        };
        let touched = self.segment(own).touched.iter().copied();
        let gone: Vec<u64> = touched.filter(|&page| !is_there(page)).collect();
        self.forget_touched(own, &gone);
        own
    }

    /// Gives a sum of `process` its length and its first address.
    fn resize(
        &mut self,
        segment: SegmentId,
        process: u32,
        (sum, bytes): (usize, u64),
        limits: Range<u64>,
    ) {
        let before = self.segment(segment).bytes;
        let address = self.address_of(segment, process);
        let old = address..address + before;
        let overlap = limits.start < old.end && old.start < limits.end;
        if self.kind == Segments::Whole && overlap {
            // What it loses first, then what it gains, at each end.
            if limits.start > old.start {
                self.shrink(segment, limits.start - old.start, true);
            }
            if limits.end < old.end {
                self.shrink(segment, old.end - limits.end, false);
            }
            if limits.start < old.start {
                self.grow(segment, old.start - limits.start, true);
            }
            if limits.end > old.end {
                self.grow(segment, limits.end - old.end, false);
            }
        } else {
            let below = self.kind == Segments::Classic && sum == Class::Stack as usize;
            match bytes {
                bytes if bytes > before => self.grow(segment, bytes - before, below),
                bytes if bytes < before => self.shrink(segment, before - bytes, below),
                _ => {}
            }
        }
        self.readdress(segment, process, address, limits.start);
    }

    /// Makes `segment` the sum `sum` of `process`, to which its parts belong.
    fn set_sum(&mut self, process: u32, sum: usize, segment: Option<SegmentId>) {
        let of = &mut self.processes[process as usize];
        of.sums[sum] = segment;
        let whole = self.kind == Segments::Whole;
        for part in of.parts.all_mut() {
            if whole || part.class as usize == sum {
                let occupies = part.bytes() > 0;
                part.segment = segment.filter(|_| occupies).unwrap_or(NONE);
            }
        }
    }

    /// Notes the first addresses of the sums of `process`.
    fn readdress_sums(&mut self, process: u32) {
        for (sum, segment) in self.processes[process as usize]
            .sums
            .into_iter()
            .enumerate()
        {
            if let Some(segment) = segment {
                let (limits, bytes, _) = self.extent(process, sum);
                if bytes > 0 {
                    let address = self.address_of(segment, process);
                    self.readdress(segment, process, address, limits.start);
                }
            }
        }
    }
}
