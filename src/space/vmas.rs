//! All mappings of one address space, in order and without overlap, with the sums that follow from them.
//!
//! Copies share memory: a copy costs nothing, and an edit copies a path of the tree. So an event edits a
//! copy, which takes the place of the original if the commit limit admits it, and a child of a fork has a
//! copy of its own. An edit costs what it changes, times the logarithm of the number of mappings; sums
//! are kept with each edit. Knows nothing of processes and events.

use super::contents::Share;
use super::vma::Vma;
use crate::trace::model::event::{Backing, Protection, STACK_LIMIT};
use imbl::{OrdMap, OrdSet};
use std::ops::Range;
use std::sync::Arc;

/// The mappings of a process.
#[derive(Debug, Clone)]
pub(super) struct Vmas {
    /// Pages have `1 << shift` bytes.
    shift: u32,
    by_start: OrdMap<u64, Arc<Vma>>,
    /// The starts of the mappings of each file and of each region of shared memory.
    by_share: OrdSet<(Share, u64)>,
    /// The number of pages that any mapping has a part of.
    pages: u64,
    /// The bytes of the mappings that are charged.
    charge: u128,
    /// The number of mappings that are both shared and charged.
    shared_charges: usize,
    /// Mappings of files and of shared memory that left or changed since the last call of
    /// [`Vmas::take_removed`], as they were.
    removed: Vec<Arc<Vma>>,
}

impl Vmas {
    /// Returns no mappings. Sums are of pages of `1 << shift` bytes.
    pub fn new(shift: u32) -> Vmas {
        Vmas {
            shift,
            by_start: OrdMap::new(),
            by_share: OrdSet::new(),
            pages: 0,
            charge: 0,
            shared_charges: 0,
            removed: Vec::new(),
        }
    }

    /// Returns no mappings, after the removal of all that are here.
    pub fn cleared(&self) -> Vmas {
        let shared = self.by_share.iter();
        Vmas {
            removed: shared
                .map(|(_, start)| self.by_start[start].clone())
                .collect(),
            ..Vmas::new(self.shift)
        }
    }

    /// Returns all mappings, in order.
    pub fn all(&self) -> impl Iterator<Item = &Vma> {
        self.by_start.values().map(|vma| &**vma)
    }

    /// Returns the lowest mapping that starts at `address` or above it.
    fn from(&self, address: u64) -> Option<&Vma> {
        self.by_start.get_next(&address).map(|(_, vma)| &**vma)
    }

    /// Returns the highest mapping that starts below `address`.
    fn below(&self, address: u64) -> Option<&Vma> {
        let found = self.by_start.get_prev(&address.checked_sub(1)?);
        found.map(|(_, vma)| &**vma)
    }

    /// Returns the mappings that share a byte with `range`, in order. An empty range gives the mapping
    /// around it.
    pub fn over(&self, range: &Range<u64>) -> impl Iterator<Item = &Vma> + Clone {
        let end = range.end;
        let around = self.by_start.get_prev(&range.start).map(|(_, vma)| &**vma);
        let first = match around {
            Some(vma) if vma.end > range.start => Some(vma),
            _ => self.from(range.start),
        };
        let following = |vma: &&Vma| self.from(vma.end);
        std::iter::successors(first, following).take_while(move |vma| vma.start < end)
    }

    /// Returns the lowest mapping that shares a byte with `range`.
    #[inline]
    pub fn lowest_over(&self, range: &Range<u64>) -> Option<&Vma> {
        self.over(range).next()
    }

    /// Returns whether no mapping shares a byte with `range`.
    #[inline]
    pub fn is_free(&self, range: &Range<u64>) -> bool {
        self.lowest_over(range).is_none()
    }

    /// Returns the lowest mapping above `address`.
    pub fn above(&self, address: u64) -> Option<&Vma> {
        self.from(address.checked_add(1)?)
    }

    /// Returns the lowest mapping above `address` if it is a stack that may grow down to it. A stack is as
    /// long as the mappings that continue it.
    pub fn stack_above(&self, address: u64) -> Option<&Vma> {
        let first = self.above(address).filter(|vma| vma.grows_down)?;
        let mut last = first;
        while last.end - address <= STACK_LIMIT {
            match self.from(last.end).filter(|next| next.continues(last)) {
                Some(next) => last = next,
                None => return Some(first),
            }
        }
        None
    }

    /// Returns the mappings of `file`, or of the region of shared memory.
    pub fn of_share(&self, share: Share) -> impl Iterator<Item = &Vma> {
        let all = self.by_share.range((share, 0)..=(share, u64::MAX));
        all.map(|(_, start)| &*self.by_start[start])
    }

    /// Returns whether any mapping is of `file`.
    pub fn maps_file(&self, file: u32) -> bool {
        !self.by_share.is_empty() && self.of_share(Share::File(file)).next().is_some()
    }

    /// Returns the number of pages of `vma`, which is not among the mappings, that no mapping has a part
    /// of.
    fn own_pages(&self, vma: &Vma) -> u64 {
        let page = |address: u64| address >> self.shift;
        let (mut first, mut behind) = (page(vma.start), page(vma.end - 1) + 1);
        if self
            .below(vma.start)
            .is_some_and(|low| page(low.end - 1) == first)
        {
            first += 1;
        }
        if self
            .from(vma.end)
            .is_some_and(|high| page(high.start) + 1 == behind)
        {
            behind -= 1;
        }
        behind.saturating_sub(first)
    }

    /// Inserts `vma`, whose range is free.
    pub fn insert(&mut self, vma: Vma) {
        self.put(Arc::new(vma));
    }

    fn put(&mut self, vma: Arc<Vma>) {
        self.pages += self.own_pages(&vma);
        if vma.charged {
            self.charge += u128::from(vma.bytes());
            self.shared_charges += usize::from(vma.shared);
        }
        if let Some(share) = share_of(&vma) {
            self.by_share.insert((share, vma.start));
        }
        self.by_start.insert(vma.start, vma);
    }

    /// Removes the mapping that starts at `start`.
    fn take(&mut self, start: u64) -> Arc<Vma> {
        let vma = self
            .by_start
            .remove(&start)
            .expect("a mapping starts there");
        self.pages -= self.own_pages(&vma);
        if vma.charged {
            self.charge -= u128::from(vma.bytes());
            self.shared_charges -= usize::from(vma.shared);
        }
        if let Some(share) = share_of(&vma) {
            self.by_share.remove(&(share, vma.start));
            self.removed.push(vma.clone());
        }
        vma
    }

    /// Takes out the mappings that share a byte with `range`, and puts back what lies outside of it.
    /// Returns the parts inside, in order.
    fn take_parts(&mut self, range: &Range<u64>) -> Vec<Vma> {
        let starts: Vec<u64> = self.over(range).map(|vma| vma.start).collect();
        let mut parts = Vec::with_capacity(starts.len());
        for start in starts {
            let vma = self.take(start);
            let part = vma.start.max(range.start)..vma.end.min(range.end);
            for outside in [vma.start..part.start, part.end..vma.end] {
                if !outside.is_empty() {
                    self.put(Arc::new(vma.part(outside)));
                }
            }
            if !part.is_empty() {
                parts.push(vma.part(part));
            }
        }
        parts
    }

    /// Removes what lies in `range`. Returns false if nothing does.
    pub fn cut(&mut self, range: &Range<u64>) -> bool {
        if self.is_free(range) {
            return false;
        }
        self.take_parts(range);
        true
    }

    /// Changes the protection of what lies in `range`. Returns false if nothing changes.
    pub fn protect(&mut self, range: &Range<u64>, protection: Protection) -> bool {
        if self.over(range).all(|vma| vma.protection == protection) {
            return false;
        }
        for mut part in self.take_parts(range) {
            part.protection = protection;
            // Shared memory is charged to the process that created it.
            part.charged |= !part.shared && part.chargeable();
            self.insert(part);
        }
        true
    }

    /// Records that a page of the lowest mapping over `range`, which is private and of a file, is private
    /// memory.
    pub fn note_copy(&mut self, range: &Range<u64>) {
        let lowest = self.lowest_over(range).expect("a page of it is mapped");
        if lowest.has_copies {
            return;
        }
        let start = lowest.start;
        if let Some(vma) = self.by_start.get_mut(&start) {
            Arc::make_mut(vma).has_copies = true;
        }
    }

    /// Moves the start of the lowest mapping above `address` down to it.
    pub fn grow_down(&mut self, address: u64) {
        if let Some(start) = self.above(address).map(|vma| vma.start) {
            let vma = self.take(start);
            self.insert(Vma {
                start: address,
                ..(*vma).clone()
            });
        }
    }

    /// Inserts `vma`, or extends the mapping that ends where it starts if they differ in range and
    /// `origin` only (used for the heap).
    pub fn append(&mut self, vma: Vma) {
        let continued = |before: &&Vma| {
            let as_before = Vma {
                start: vma.start,
                end: vma.end,
                origin: vma.origin,
                base: vma.base,
                ..(*before).clone()
            };
            before.end == vma.start && as_before == vma
        };
        match self
            .below(vma.start)
            .filter(continued)
            .map(|before| before.start)
        {
            Some(start) => {
                let before = self.take(start);
                self.insert(Vma {
                    end: vma.end,
                    ..(*before).clone()
                });
            }
            None => self.insert(vma),
        }
    }

    /// Gives `file` a new length in all its mappings. Returns those whose content changes, each as it
    /// was, in order; `None` if nothing maps the file.
    pub fn set_length(&mut self, file: u32, bytes: u64) -> Option<Vec<Arc<Vma>>> {
        let all = self.of_share(Share::File(file));
        let all: Vec<u64> = all.map(|vma| vma.start).collect();
        if all.is_empty() {
            return None;
        }
        let mut changed = Vec::new();
        for start in all {
            let mut vma = (*self.by_start[&start]).clone();
            if let Backing::File { length, .. } = &mut vma.backing
                && *length != bytes
            {
                *length = bytes;
                changed.push(self.take(start));
                self.insert(vma);
            }
        }
        Some(changed)
    }

    /// Returns the mappings of a child. Shared anonymous memory stays charged to the parent.
    pub fn for_child(&self) -> Vmas {
        let mut child = self.clone();
        if child.shared_charges > 0 {
            let regions = (Share::Region(0), 0)..=(Share::Region(u32::MAX), u64::MAX);
            let starts: Vec<u64> = self
                .by_share
                .range(regions)
                .map(|&(_, start)| start)
                .collect();
            for start in starts {
                if child.by_start[&start].charged {
                    let vma = child.take(start);
                    child.insert(Vma {
                        charged: false,
                        ..(*vma).clone()
                    });
                }
            }
        }
        child.removed.clear();
        child
    }

    /// Returns the number of pages that they cover. A page that several share counts once.
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// Returns the number of bytes that count against the commit limit; 2^64 - 1 at most.
    pub fn charge(&self) -> u64 {
        u64::try_from(self.charge).unwrap_or(u64::MAX)
    }

    /// Returns the mappings of files and of shared memory that left or changed since the last call, as
    /// they were.
    pub fn take_removed(&mut self) -> Vec<Arc<Vma>> {
        std::mem::take(&mut self.removed)
    }
}

/// Returns the file of `vma`, or the region if it is shared memory.
fn share_of(vma: &Vma) -> Option<Share> {
    match vma.backing {
        Backing::Anonymous => vma.shared.then_some(Share::Region(vma.region)),
        Backing::File { file, .. } => Some(Share::File(file)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::vma::pages_of_each;
    use crate::trace::generate::Rng;
    use crate::trace::model::event::Mapping;

    fn map(start: u64, length: u64, protection: &str) -> Vma {
        let mapping = Mapping::anonymous(start, length, Protection::parse(protection).unwrap());
        Vma::of(&mapping, start..start + length, 0)
    }

    fn shown(vmas: &Vmas) -> Vec<(u64, u64, String)> {
        let show = |vma: &Vma| (vma.start, vma.end, vma.protection.to_string());
        vmas.all().map(show).collect()
    }

    #[test]
    fn a_page_of_several_mappings_counts_once() {
        for (shift, wanted) in [(12, 6), (16, 4), (21, 1)] {
            let mut vmas = Vmas::new(shift);
            for start in [0x1000, 0x3000, 0xf000, 0x1_2000] {
                vmas.insert(map(start, 0x1000, "rw-"));
            }
            vmas.insert(map(0x2_f000, 0x2000, "rw-"));
            assert_eq!(vmas.pages(), wanted);
        }
    }

    #[test]
    fn cutting_and_protecting_split() {
        let mut vmas = Vmas::new(12);
        vmas.insert(map(100, 100, "rw-"));
        vmas.insert(map(0, 50, "r--"));
        let parent = vmas.clone();
        assert!(vmas.cut(&(120..130)) && !vmas.cut(&(50..100)));
        assert!(vmas.protect(&(40..110), Protection::parse("r-x").unwrap()));
        assert!(!vmas.protect(&(45..50), Protection::parse("r-x").unwrap()));
        let wanted = [
            (0, 40, "r--"),
            (40, 50, "r-x"),
            (100, 110, "r-x"),
            (110, 120, "rw-"),
            (130, 200, "rw-"),
        ];
        let wanted: Vec<_> = wanted.map(|(a, b, p)| (a, b, p.to_owned())).into();
        assert_eq!(shown(&vmas), wanted);
        assert!(vmas.all().skip(2).all(|vma| vma.origin == 100));
        assert_eq!(parent.all().count(), 2, "a copy is its own");
        assert_eq!(vmas.over(&(49..101)).count(), 2);
        assert_eq!(vmas.above(105).map(|vma| vma.start), Some(110));
        // What has been writable stays charged, as its pages may have been written.
        assert_eq!(vmas.charge(), 90);
    }

    /// After each edit the sums are those of the list of mappings, and the list is that of a plain one.
    #[test]
    fn sums_follow_every_edit() {
        let mut rng = Rng::new(7);
        for shift in [6, 12, 16, 21] {
            let (mut vmas, mut plain) = (Vmas::new(shift), vec![""; 64]);
            let mut others: Vec<(Vmas, Vec<&str>)> = Vec::new();
            for _ in 0..400 {
                let first = rng.below(64) as usize;
                let behind = (first + 1 + rng.below(8) as usize).min(64);
                let range = first as u64 * 4096..behind as u64 * 4096;
                let protection = ["r--", "rw-", "---"][rng.below(3) as usize];
                match rng.below(4) {
                    0 => {
                        vmas.cut(&range);
                        plain[first..behind].fill("");
                    }
                    1 => {
                        vmas.protect(&range, Protection::parse(protection).unwrap());
                        let mapped = plain[first..behind].iter_mut().filter(|p| !p.is_empty());
                        mapped.for_each(|p| *p = protection);
                    }
                    _ => {
                        vmas.cut(&range);
                        vmas.insert(map(range.start, range.end - range.start, protection));
                        plain[first..behind].fill(protection);
                    }
                }
                if rng.below(40) == 0 {
                    others.push((vmas.clone(), plain.clone()));
                }
                check(&vmas, &plain, shift);
            }
            others
                .iter()
                .for_each(|(vmas, plain)| check(vmas, plain, shift));
        }
    }

    fn check(vmas: &Vmas, plain: &[&str], shift: u32) {
        let mut pages = vec![""; plain.len()];
        let mut charge = 0;
        for vma in vmas.all() {
            let range = (vma.start / 4096) as usize..(vma.end / 4096) as usize;
            let text = vma.protection.to_string();
            for page in &mut pages[range] {
                assert!(page.is_empty(), "no overlap");
                *page = ["r--", "rw-", "---"]
                    .into_iter()
                    .find(|p| *p == text)
                    .unwrap();
            }
            charge += if vma.charged { vma.bytes() } else { 0 };
        }
        assert_eq!(pages, plain);
        assert_eq!(vmas.charge(), charge);
        let all: Vec<Vma> = vmas.all().cloned().collect();
        assert_eq!(vmas.pages(), pages_of_each(&all, shift).sum::<u64>());
        for address in (0..64 * 4096).step_by(2048) {
            let range = address..address + 6000;
            let over = all
                .iter()
                .filter(|vma| vma.end > range.start && vma.start < range.end);
            assert!(vmas.over(&range).eq(over));
        }
    }
}
