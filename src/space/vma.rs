//! The mappings of one address space: ranges of bytes with a protection and a backing, in order and
//! without overlap. Knows nothing of pages, processes and events.

use crate::trace::model::event::{Backing, Mapping, Protection};
use crate::units::PageSize;
use std::ops::Range;
use std::sync::Arc;

/// One mapping, or what later events left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vma {
    /// The first byte.
    pub start: u64,
    /// The first byte behind it.
    pub end: u64,
    /// The first byte of the mapping when it was made or moved: offsets count from here.
    pub origin: u64,
    /// The offset of the byte at `origin` in the file, or in the shared memory. Below 0 for a part of a
    /// stack that grew beyond the first byte of its file, and moved then.
    pub base: i128,
    /// The kinds of access that it allows.
    pub protection: Protection,
    /// Whether writes are seen by all processes that map the same.
    pub shared: bool,
    /// Whether it is a stack.
    pub grows_down: bool,
    /// The initial content of its pages. The length of a file is the present one.
    pub backing: Backing,
    /// Whether its file is memory, so that its dirty pages go to swap.
    pub swap_backed: bool,
    /// Identifies shared anonymous memory; every map event has its own.
    pub region: u32,
    /// The page size that the program asked for.
    pub page_size: Option<PageSize>,
    /// Whether its bytes count against the commit limit.
    pub charged: bool,
    /// Whether any page of it was private memory of its process, or of one that it was forked from: a
    /// copy of a page of its file, or of what lies beyond the end of that. False of anonymous memory.
    pub has_copies: bool,
    /// Its name.
    pub name: Arc<str>,
}

impl Vma {
    /// Creates the mapping of an event over `range`.
    pub fn of(mapping: &Mapping, range: Range<u64>, region: u32) -> Vma {
        let mut vma = Vma {
            start: range.start,
            end: range.end,
            origin: range.start,
            base: match mapping.backing {
                Backing::Anonymous => 0,
                Backing::File { offset, .. } => offset.into(),
            },
            protection: mapping.protection,
            shared: mapping.shared,
            grows_down: mapping.grows_down,
            backing: mapping.backing,
            swap_backed: mapping.swap_backed,
            region,
            page_size: mapping.page_size,
            charged: false,
            has_copies: false,
            name: mapping.name.as_str().into(),
        };
        vma.charged = vma.chargeable();
        vma
    }

    /// Returns its length in bytes.
    pub fn bytes(&self) -> u64 {
        self.end - self.start
    }

    /// Returns the offset of `address` as [`Vma::offset_of`] does, without wrapping around.
    pub fn exact_offset_of(&self, address: u64) -> i128 {
        i128::from(address) - i128::from(self.origin) + self.base
    }

    /// Returns whether `address` is of a file, and beyond its end.
    pub fn is_beyond_eof(&self, address: u64) -> bool {
        match self.backing {
            Backing::Anonymous => false,
            // A page may begin before its mapping, and offsets may be as large as 2^64 - 1.
            Backing::File { length, .. } => self.exact_offset_of(address) >= i128::from(length),
        }
    }

    /// Returns what lies in `part`, a part of its range, as it is at `start` after a move.
    pub fn moved(&self, part: Range<u64>, start: u64) -> Vma {
        Vma {
            start,
            end: start + (part.end - part.start),
            origin: start,
            base: self.exact_offset_of(part.start),
            ..self.clone()
        }
    }

    /// Returns whether it goes on where `before` ends and allows the same, so that a kernel has one mapping
    /// for both.
    fn continues(&self, before: &Vma) -> bool {
        let kind = |vma: &Vma| (vma.protection, vma.shared, vma.grows_down, vma.swap_backed);
        let is_next = before.end == self.start && kind(self) == kind(before);
        let goes_on = self.exact_offset_of(self.start) == before.exact_offset_of(self.start);
        let same_bytes = match (self.backing, before.backing) {
            (Backing::Anonymous, Backing::Anonymous) => {
                !self.shared || self.region == before.region && goes_on
            }
            (Backing::File { file, .. }, Backing::File { file: other, .. }) => {
                file == other && goes_on
            }
            _ => false,
        };
        is_next && same_bytes
    }

    /// Returns whether it counts against the commit limit: private and writable, or shared without
    /// a file.
    fn chargeable(&self) -> bool {
        match self.shared {
            true => self.backing == Backing::Anonymous,
            false => self.protection.write,
        }
    }

    /// Returns whether a fault fills each of its page-table entries again: it is shared, or of a file and
    /// without private memory.
    pub fn can_be_filled(&self) -> bool {
        self.shared || self.backing != Backing::Anonymous && !self.has_copies
    }

    /// Returns the offset of `address` in the mapping, or in its file. An address shortly before
    /// the mapping, as on its first page, wraps around.
    pub fn offset_of(&self, address: u64) -> u64 {
        self.exact_offset_of(address) as u64
    }
}

/// The mappings of a process. Copies share memory until one of them changes.
#[derive(Debug, Clone, Default)]
pub struct Vmas(Arc<Vec<Vma>>);

impl Vmas {
    /// Returns all mappings, in order.
    pub fn all(&self) -> &[Vma] {
        &self.0
    }

    /// Returns the indices of the mappings that share a byte with `range`.
    fn span(&self, range: &Range<u64>) -> Range<usize> {
        let first = self.0.partition_point(|vma| vma.end <= range.start);
        let behind = self.0.partition_point(|vma| vma.start < range.end);
        first..behind.max(first)
    }

    /// Returns the mappings that share a byte with `range`.
    pub fn over(&self, range: &Range<u64>) -> &[Vma] {
        &self.0[self.span(range)]
    }

    /// Returns the lowest mapping that starts above `address`, with the end of the last one of those that
    /// continue it.
    pub fn above(&self, address: u64) -> Option<(&Vma, u64)> {
        let all = &self.0[self.0.partition_point(|vma| vma.start <= address)..];
        let pairs = all
            .windows(2)
            .take_while(|pair| pair[1].continues(&pair[0]));
        let first = all.first()?;
        Some((first, pairs.last().map_or(first.end, |pair| pair[1].end)))
    }

    /// Inserts `vma`, whose range is free.
    pub fn insert(&mut self, vma: Vma) {
        let at = self.0.partition_point(|other| other.start < vma.start);
        Arc::make_mut(&mut self.0).insert(at, vma);
    }

    /// Splits the mapping that straddles `address`, if there is one.
    fn split(&mut self, address: u64) {
        let at = self.0.partition_point(|vma| vma.end <= address);
        let Some(vma) = self.0.get(at).filter(|vma| vma.start < address) else {
            return;
        };
        let (mut low, mut high) = (vma.clone(), vma.clone());
        low.end = address;
        high.start = address;
        Arc::make_mut(&mut self.0).splice(at..=at, [low, high]);
    }

    /// Removes what lies in `range`. Returns false if nothing does.
    pub fn cut(&mut self, range: &Range<u64>) -> bool {
        if self.over(range).is_empty() {
            return false;
        }
        self.split(range.start);
        self.split(range.end);
        let span = self.span(range);
        Arc::make_mut(&mut self.0).drain(span);
        true
    }

    /// Changes the protection of what lies in `range`. Returns false if nothing changes.
    pub fn protect(&mut self, range: &Range<u64>, protection: Protection) -> bool {
        let over = self.over(range);
        if over.iter().all(|vma| vma.protection == protection) {
            return false;
        }
        self.split(range.start);
        self.split(range.end);
        let span = self.span(range);
        for vma in &mut Arc::make_mut(&mut self.0)[span] {
            vma.protection = protection;
            // Shared memory is charged to the process that created it.
            vma.charged |= !vma.shared && vma.chargeable();
        }
        true
    }

    /// Records that a page of the lowest mapping over `range`, which is private and of a file, is private
    /// memory.
    pub fn note_copy(&mut self, range: &Range<u64>) {
        let first = self.span(range).start;
        if !self.0[first].has_copies {
            Arc::make_mut(&mut self.0)[first].has_copies = true;
        }
    }

    /// Moves the start of the lowest mapping above `address` down to it.
    pub fn grow_down(&mut self, address: u64) {
        let at = self.0.partition_point(|vma| vma.start <= address);
        if let Some(vma) = Arc::make_mut(&mut self.0).get_mut(at) {
            vma.start = address;
        }
    }

    /// Inserts `vma`, or extends the mapping that ends where it starts if they differ in range and
    /// `origin` only (used for the heap).
    pub fn append(&mut self, vma: Vma) {
        let at = self.0.partition_point(|other| other.end < vma.start);
        let continued = self.0.get(at).is_some_and(|before| {
            before.end == vma.start
                && Vma {
                    start: vma.start,
                    end: vma.end,
                    origin: vma.origin,
                    base: vma.base,
                    ..before.clone()
                } == vma
        });
        if continued {
            Arc::make_mut(&mut self.0)[at].end = vma.end;
        } else {
            self.insert(vma);
        }
    }

    /// Gives `file` a new length in all its mappings. Returns those whose content changes, each as it
    /// was, in order; `None` if nothing maps the file.
    pub fn set_length(&mut self, file: u32, bytes: u64) -> Option<Vec<Vma>> {
        let is_of = |vma: &Vma| matches!(vma.backing, Backing::File { file: f, .. } if f == file);
        if !self.0.iter().any(is_of) {
            return None;
        }
        let mut changed = Vec::new();
        for vma in Arc::make_mut(&mut self.0)
            .iter_mut()
            .filter(|vma| is_of(vma))
        {
            let before = vma.clone();
            if let Backing::File { length, .. } = &mut vma.backing
                && *length != bytes
            {
                *length = bytes;
                changed.push(before);
            }
        }
        Some(changed)
    }

    /// Returns the mappings of a child. Shared anonymous memory stays charged to the parent.
    pub fn for_child(&self) -> Vmas {
        let mut child = self.clone();
        if child.0.iter().any(|vma| vma.shared && vma.charged) {
            for vma in Arc::make_mut(&mut child.0) {
                vma.charged &= !vma.shared;
            }
        }
        child
    }

    /// Returns the number of pages of `1 << shift` bytes that they cover. A page that several share
    /// counts once.
    pub fn pages(&self, shift: u32) -> u64 {
        self.pages_of_each(shift).sum()
    }

    /// Returns the number of pages of each mapping, in order. A page that several share counts with
    /// the lowest.
    pub fn pages_of_each(&self, shift: u32) -> impl Iterator<Item = u64> {
        pages_of_each(&self.0, shift)
    }

    /// Returns the number of bytes that count against the commit limit.
    pub fn charge(&self) -> u64 {
        let charged = self.0.iter().filter(|vma| vma.charged);
        charged.fold(0, |sum, vma| sum.saturating_add(vma.bytes()))
    }
}

/// As [`Vmas::pages_of_each`], for mappings in order and without overlap.
pub fn pages_of_each(vmas: &[Vma], shift: u32) -> impl Iterator<Item = u64> {
    // The first page of which no lower mapping has a part.
    let mut free = 0;
    vmas.iter().map(move |vma| {
        let behind = ((vma.end - 1) >> shift) + 1;
        let first = (vma.start >> shift).max(std::mem::replace(&mut free, behind));
        behind - first.min(behind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(start: u64, length: u64, protection: &str) -> Vma {
        let mapping = Mapping::anonymous(start, length, Protection::parse(protection).unwrap());
        Vma::of(&mapping, start..start + length, 0)
    }

    fn shown(vmas: &Vmas) -> Vec<(u64, u64, String)> {
        let show = |vma: &Vma| (vma.start, vma.end, vma.protection.to_string());
        vmas.all().iter().map(show).collect()
    }

    #[test]
    fn a_page_of_several_mappings_counts_once() {
        let mut vmas = Vmas::default();
        for start in [0x1000, 0x3000, 0xf000, 0x1_2000] {
            vmas.insert(map(start, 0x1000, "rw-"));
        }
        vmas.insert(map(0x2_f000, 0x2000, "rw-"));
        let each = |shift| vmas.pages_of_each(shift).collect::<Vec<u64>>();
        assert_eq!(each(12), [1, 1, 1, 1, 2]);
        assert_eq!(each(16), [1, 0, 0, 1, 2]);
        assert_eq!(each(21), [1, 0, 0, 0, 0]);
        assert_eq!((vmas.pages(12), vmas.pages(16), vmas.pages(21)), (6, 4, 1));
    }

    #[test]
    fn cutting_and_protecting_split() {
        let mut vmas = Vmas::default();
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
        assert!(vmas.all().iter().skip(2).all(|vma| vma.origin == 100));
        assert_eq!(parent.all().len(), 2, "a copy is its own");
        assert_eq!(vmas.over(&(49..101)).len(), 2);
        let (above, end) = vmas.above(105).unwrap();
        assert_eq!((above.start, end), (110, 120));
        // What has been writable stays charged, as its pages may have been written.
        assert_eq!(vmas.charge(), 90);
    }
}
