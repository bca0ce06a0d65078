//! An address space: its mappings as a list, its page table as a list of entries. Knows nothing of
//! frames.

use super::lines::{PAGE, Rights};
use super::machine::PageId;

/// A file of a trace, from its first mention to its unlinking: its place among the files.
pub type FileId = usize;

/// What a mapping shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// Zeros, private to the address space.
    Zeros,
    /// Memory without a file that is shared; `memory` is its number.
    Memory { memory: usize, first: u64 },
    /// A file from page `first` on, which this mapping takes to be of `length` bytes.
    File {
        file: FileId,
        first: u64,
        length: u64,
        swap_backed: bool,
    },
}

/// A mapping of the pages `start..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub start: u64,
    pub end: u64,
    pub rights: Rights,
    pub shared: bool,
    pub grows_down: bool,
    pub shows: Shows,
    /// Of a private mapping of a file: a page of it was copied, or is beyond the end of the file.
    pub has_private: bool,
}

impl Mapping {
    pub fn has(&self, number: u64) -> bool {
        (self.start..self.end).contains(&number)
    }

    /// True if a kernel takes it and the one below it as one mapping.
    fn continues(&self, below: &Mapping) -> bool {
        let pages = below.end - below.start;
        let shows_on = match (below.shows, self.shows) {
            (Shows::Zeros, Shows::Zeros) => true,
            (
                Shows::Memory { memory, first },
                Shows::Memory {
                    memory: other,
                    first: next,
                },
            ) => memory == other && first.wrapping_add(pages) == next,
            (
                Shows::File {
                    file,
                    first,
                    swap_backed,
                    ..
                },
                Shows::File {
                    file: other,
                    first: next,
                    swap_backed: memory,
                    ..
                },
            ) => file == other && first.wrapping_add(pages) == next && swap_backed == memory,
            _ => false,
        };
        let way = |mapping: &Mapping| (mapping.rights, mapping.shared, mapping.grows_down);
        below.end == self.start && way(below) == way(self) && shows_on
    }

    /// The mapping of a part.
    fn part(&self, start: u64, end: u64) -> Mapping {
        let by = start.wrapping_sub(self.start);
        let shows = match self.shows {
            Shows::Zeros => Shows::Zeros,
            Shows::Memory { memory, first } => Shows::Memory {
                memory,
                first: first.wrapping_add(by),
            },
            Shows::File {
                file,
                first,
                length,
                swap_backed,
            } => Shows::File {
                file,
                first: first.wrapping_add(by),
                length,
                swap_backed,
            },
        };
        Mapping {
            start,
            end,
            shows,
            ..*self
        }
    }

    /// The same mapping elsewhere, with another end.
    pub fn at(&self, start: u64, end: u64) -> Mapping {
        Mapping {
            start,
            end,
            ..*self
        }
    }

    /// The page of its file that is at this page; `None` if it shows no file.
    pub fn place(&self, number: u64) -> Option<(FileId, u64)> {
        match self.shows {
            Shows::File { file, first, .. } => Some((file, first + (number - self.start))),
            _ => None,
        }
    }

    /// True if the page begins beyond the end of the file.
    pub fn is_beyond_end(&self, number: u64) -> bool {
        match self.shows {
            Shows::File { first, length, .. } => (first + (number - self.start)) * PAGE >= length,
            _ => false,
        }
    }
}

/// A page-table entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The page's number in the address space.
    pub number: u64,
    /// What it is bound to.
    pub page: PageId,
    /// The page is in memory, and this entry leads to it.
    pub present: bool,
    /// A write faults, since the page was shared by a fork.
    pub cow: bool,
    /// `cow` was cleared without a write, by a fault that read the page from swap for its only owner.
    pub regained: bool,
}

/// An address space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Space {
    pub mappings: Vec<Mapping>,
    pub entries: Vec<Entry>,
    /// Where the heap begins and ends, in bytes.
    pub heap: Option<(u64, u64)>,
}

impl Space {
    pub fn mapping(&self, number: u64) -> Option<Mapping> {
        self.mappings
            .iter()
            .copied()
            .find(|mapping| mapping.has(number))
    }

    pub fn entry(&self, number: u64) -> Option<Entry> {
        self.entries
            .iter()
            .copied()
            .find(|entry| entry.number == number)
    }

    pub fn is_free(&self, start: u64, end: u64) -> bool {
        self.mappings
            .iter()
            .all(|mapping| mapping.end <= start || end <= mapping.start)
    }

    /// Cuts `start..end` out of all mappings. Returns what was cut out.
    pub fn cut(&mut self, start: u64, end: u64) -> Vec<Mapping> {
        let (mut left, mut out) = (Vec::new(), Vec::new());
        for mapping in &self.mappings {
            let (from, to) = (mapping.start.max(start), mapping.end.min(end));
            if from >= to {
                left.push(*mapping);
                continue;
            }
            out.push(mapping.part(from, to));
            if mapping.start < from {
                left.push(mapping.part(mapping.start, from));
            }
            if to < mapping.end {
                left.push(mapping.part(to, mapping.end));
            }
        }
        self.mappings = left;
        out.sort_by_key(|mapping| mapping.start);
        out
    }

    /// Changes the rights of a range. A mapping that has them already stays whole.
    pub fn protect(&mut self, start: u64, end: u64, rights: Rights) {
        for mapping in self.mappings.clone() {
            let (from, to) = (mapping.start.max(start), mapping.end.min(end));
            if mapping.rights != rights && from < to {
                let changed = self.cut(from, to);
                let changed = changed.into_iter();
                self.mappings
                    .extend(changed.map(|part| Mapping { rights, ..part }));
            }
        }
    }

    /// Makes a stack that ends above reach down to a page, if there is one, so that it holds the page.
    /// Pieces of a stack that lie side by side and allow the same are one.
    pub fn grow_stack(&mut self, number: u64, limit: u64) {
        let above = self
            .mappings
            .iter()
            .filter(|mapping| mapping.start > number);
        let Some(&next) = above.min_by_key(|mapping| mapping.start) else {
            return;
        };
        let (mut end, mut last) = (next.end, next);
        while let Some(above) = self.mapping(end)
            && above.continues(&last)
        {
            (end, last) = (above.end, above);
        }
        if next.grows_down && end - number <= limit {
            self.mappings.retain(|mapping| *mapping != next);
            self.mappings.push(next.part(number, next.end));
        }
    }
}

/// The pages of a range of bytes, those that it has a part of included.
pub fn pages_of(start: u64, length: u64) -> (u64, u64) {
    (start / PAGE, (start + (length - 1)) / PAGE + 1)
}
