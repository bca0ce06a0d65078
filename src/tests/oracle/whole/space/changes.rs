//! What moves, what loses its end, and what is advised: mappings that move or change their length, files
//! that do, pages that will be needed or not.

use super::{Class, Content, Space, Step, USER_END, Vma, overlap};
use pagebench::internals::trace::model::access::Kind;
use pagebench::internals::trace::model::event::{Backing, Move};
use std::collections::BTreeSet;

impl Space {
    /// A file has this many bytes now. Whoever maps it loses the pages that begin behind its end, be it
    /// the old one or the new one.
    pub(super) fn length(&mut self, file: u32, bytes: i128) -> Vec<Step> {
        let (steps, known) = self.resize(file, bytes);
        self.idle_events += usize::from(!known);
        steps
    }

    /// The same, however it is heard of. Says whether the file is mapped, or anything of it remembered.
    pub(super) fn resize(&mut self, file: u32, bytes: i128) -> (Vec<Step>, bool) {
        let mut steps = Vec::new();
        let mut known = false;
        let pids: Vec<u32> = self.processes.keys().copied().collect();
        for pid in pids {
            let mut ends = Vec::new();
            for vma in &mut self.processes.get_mut(&pid).expect("a process").vmas {
                let same = |at: &u32| *at == file;
                if let Backing::File { file, length, .. } = &mut vma.backing
                    && same(file)
                {
                    known = true;
                    let old = i128::from(*length);
                    *length = bytes as u64;
                    if old != bytes {
                        ends.push((vma.start, old.min(bytes)));
                    }
                }
            }
            for page in self.bound_of(pid) {
                let range = self.bytes(page);
                let mut vmas = self.processes[&pid].vmas.iter();
                let Some(lowest) = vmas.find(|vma| vma.meets(range)) else {
                    continue;
                };
                let Backing::File { offset, .. } = lowest.backing else {
                    continue;
                };
                let at = range.0 - lowest.origin + i128::from(offset);
                if ends
                    .iter()
                    .any(|&(start, end)| start == lowest.start && at >= end)
                {
                    steps.push(self.discard(page));
                }
            }
        }
        let (forgotten, remembered) = self.cut(file, bytes);
        steps.extend(forgotten);
        (steps, known || remembered)
    }

    /// As the kernel does it: what is at the new range goes, then what does not fit into it, then the
    /// rest moves, page by page from the lowest.
    pub(super) fn moves(&mut self, pid: u32, moves: &Move) -> Result<Vec<Step>, String> {
        let old = self.range(moves.old_start, moves.old_length);
        let new = self.range(moves.new_start, moves.new_length);
        let (by, in_place) = (new.0 - old.0, new.0 == old.0);
        let kept = (old.0, old.1.min(old.0 + new.1 - new.0));
        let crooked = |start: u64| i128::from(start) % self.granule != 0;
        if crooked(moves.old_start) || crooked(moves.new_start) {
            return Err("a move that does not begin with a page".into());
        }
        if old.1 > USER_END || new.1 > USER_END {
            return Err("a move beyond user space".into());
        }
        if overlap(old, new) && (!in_place || moves.fixed || moves.keep) {
            return Err("a move onto itself".into());
        }
        if moves.keep && old.1 - old.0 != new.1 - new.0 {
            return Err("a move that keeps what it changes".into());
        }
        let pages = self.bound_of(pid);
        let touched = pages.iter().any(|&page| overlap(self.bytes(page), old));
        if !self.process(pid).meets(old) && (self.strict || !touched) {
            self.idle_events += 1;
            return Ok(Vec::new());
        }
        let mut at = old.0;
        while self.strict && at < old.1 {
            if !self.process(pid).meets((at, at + 1)) {
                return Err("a move of a range with a hole".into());
            }
            at += self.granule;
        }
        if in_place && new.1 <= old.1 {
            return Ok(match new.1 < old.1 {
                true => self.unmap(pid, (new.1, old.1)),
                false => Vec::new(),
            });
        }
        let comes = if in_place { (old.1, new.1) } else { new };
        if self.process(pid).meets(comes) && !moves.fixed {
            return Err("a move over a mapping".into());
        }
        let mut lost = self.cut_out(pid, comes);
        let process = self.process(pid);
        for edge in [old.0, kept.1, old.1] {
            process.split(edge);
        }
        let mut arriving: Vec<Vma> = process.vmas.clone();
        arriving.retain(|vma| vma.meets(kept));
        for vma in &mut arriving {
            vma.start += by;
            vma.end += by;
            vma.origin += by;
        }
        if let Some(last) = arriving.last_mut()
            && new.1 - new.0 > old.1 - old.0
        {
            last.end = new.1;
        }
        if !moves.keep {
            process.vmas.retain(|vma| !vma.meets(old));
        }
        if !in_place {
            for page in self.bound_of(pid) {
                let bytes = self.bytes(page);
                let cut_off = bytes.0 >= kept.1 && bytes.0 < old.1;
                if cut_off && !self.process(pid).meets(bytes) {
                    lost.push(page);
                }
            }
        }
        for vma in arriving {
            self.process(pid).insert(vma);
        }
        // A page may be at the target and cut off.
        let mut steps = Vec::new();
        for page in lost {
            if self.bound.contains_key(&page) {
                steps.push(self.unbind(page));
            }
        }
        if in_place {
            return Ok(steps);
        }
        for page in self.bound_of(pid) {
            let bytes = self.bytes(page);
            if !overlap(bytes, kept) {
                continue;
            }
            let others = &self.processes[&pid].vmas;
            let stays = others.iter().any(|vma| {
                let low = (vma.start.max(bytes.0), vma.end.min(bytes.1));
                low.0 < low.1 && (low.0 < old.0 || low.1 > old.1)
            });
            let to = (pid, (bytes.0 + by).div_euclid(self.page_size) as u64);
            let lands = overlap(self.bytes(to), (new.0, new.0 + kept.1 - kept.0));
            if stays {
                continue;
            }
            if lands && !self.bound.contains_key(&to) {
                let binding = self.bound.remove(&page).expect("a bound page");
                self.bound.insert(to, binding);
                steps.push(Step::Move { from: page, to });
            } else {
                steps.push(self.unbind(page));
            }
        }
        Ok(steps)
    }

    /// Page by page what a reference would do, up to the first page that cannot be had.
    pub(super) fn populate(&mut self, pid: u32, range: (i128, i128), write: bool) -> Vec<Step> {
        let kind = if write { Kind::Write } else { Kind::Read };
        let mut steps = Vec::new();
        let mut number = range.0 / self.page_size;
        while number * self.page_size < range.1 {
            let page = (pid, number as u64);
            let bytes = self.bytes(page);
            let vmas = self.processes[&pid].vmas.iter();
            let over: Vec<&Vma> = vmas.filter(|vma| vma.meets(bytes)).collect();
            let fits = |vma: &&&Vma| match vma.backing {
                Backing::Anonymous => true,
                Backing::File { offset, length, .. } => {
                    bytes.0 - vma.origin + i128::from(offset) < i128::from(length)
                }
            };
            let allowed = over.iter().any(|vma| vma.allows(kind));
            if self.strict && !(over.first().filter(fits).is_some() && allowed) {
                self.idle_events += usize::from(steps.is_empty());
                break;
            }
            let reference = self.resolve(page, kind);
            steps.extend(self.original(&reference));
            steps.push(Step::Populate(reference));
            number += 1;
        }
        steps
    }

    pub(super) fn dont_need(&mut self, pid: u32, range: (i128, i128)) -> Vec<Step> {
        let mut steps = Vec::new();
        for page in self.bound_of(pid) {
            let bytes = self.bytes(page);
            if range.0 <= bytes.0 && bytes.1 <= range.1 {
                steps.push(match self.bound[&page].private {
                    true => self.unbind(page),
                    false => Step::Drop(page),
                });
            }
        }
        steps
    }

    pub(super) fn will_need(&mut self, pid: u32, range: (i128, i128)) -> Vec<Step> {
        let bound = self.bound_of(pid);
        let mut numbers: BTreeSet<u64> = bound.iter().map(|&(_, number)| number).collect();
        for vma in &self.processes[&pid].vmas {
            let first = vma.start / self.page_size;
            let last = (vma.end - 1) / self.page_size;
            numbers.extend((first..=last).map(|number| number as u64));
        }
        let mut steps = Vec::new();
        for number in numbers {
            let page = (pid, number);
            if !overlap(self.bytes(page), range) {
                continue;
            }
            let object = match self.bound.get(&page) {
                Some(binding) => binding.object,
                None => match self.content(page) {
                    Content::Shared(key, Class::File) => {
                        self.bind_keyed(page, key, Class::File, false)
                    }
                    Content::PrivateFile(key, Class::File) => {
                        self.bind_keyed(page, key, Class::File, true)
                    }
                    _ => continue,
                },
            };
            steps.push(Step::Prefetch { page, object });
        }
        steps
    }
}
