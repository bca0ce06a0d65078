//! The mappings of one process as parts of segments: ranges of addresses in order and without overlap,
//! each of one segment or of none. Knows nothing of other processes.

use super::steps::{NONE, SegmentId};
use crate::space::vma::Vma;
use crate::trace::model::event::{Backing, Protection};
use std::ops::Range;

/// What a mapping holds, in the order of the textbooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Executable, or of a file and not writable.
    Code,
    /// Of a file and writable.
    Data,
    /// Neither of a file nor a stack.
    Heap,
    /// A stack.
    Stack,
}

impl Class {
    /// Returns the class of a mapping by its rights when it was made.
    pub fn of(vma: &Vma) -> Class {
        let of_file = matches!(vma.backing, Backing::File { .. });
        match vma.protection {
            _ if vma.grows_down => Class::Stack,
            rights if rights.execute || of_file && !rights.write => Class::Code,
            _ if of_file => Class::Data,
            _ => Class::Heap,
        }
    }
}

/// What a part has of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FilePart {
    /// The file: its number in the trace, or with the book of segments one that no other file ever has.
    pub file: u32,
    /// The byte of the file at the part's start.
    pub offset: i128,
    /// Whether its bytes are read from the file: not beyond its end, and not of a file that is memory.
    pub has_bytes: bool,
}

/// A part of the mappings of a process.
#[derive(Debug, Clone)]
pub struct Part {
    /// The first address.
    pub start: u64,
    /// The first address behind it.
    pub end: u64,
    /// The lowest address that occupies memory: `start`, or the lowest that was touched of a stack.
    pub low: u64,
    /// The segment of `low..end`; [`NONE`] if the part occupies nothing.
    pub segment: SegmentId,
    /// The accesses that it allows.
    pub protection: Protection,
    /// Whether writes are seen by all who have it.
    pub shared: bool,
    /// Whether it is a stack.
    pub grows_down: bool,
    /// What it has of a file.
    pub file: Option<FilePart>,
    /// Its class.
    pub class: Class,
}

impl Part {
    /// Returns the part of a mapping, without a segment. No address of a stack is touched.
    pub fn of(vma: &Vma) -> Part {
        let file = match vma.backing {
            Backing::File { file, length, .. } => {
                let offset = vma.exact_offset_of(vma.start);
                Some(FilePart {
                    file,
                    offset,
                    has_bytes: offset < i128::from(length) && !vma.swap_backed,
                })
            }
            Backing::Anonymous => None,
        };
        Part {
            start: vma.start,
            end: vma.end,
            low: if vma.grows_down { vma.end } else { vma.start },
            segment: NONE,
            protection: vma.protection,
            shared: vma.shared,
            grows_down: vma.grows_down,
            file,
            class: Class::of(vma),
        }
    }

    /// Returns the addresses that occupy memory.
    pub fn occupied(&self) -> Range<u64> {
        match self.protection == Protection::default() {
            true => self.end..self.end,
            false => self.low..self.end,
        }
    }

    /// Returns the bytes that are read from a file.
    pub fn file_bytes(&self) -> u64 {
        match self.file {
            Some(FilePart {
                has_bytes: true, ..
            }) => self.bytes(),
            _ => 0,
        }
    }

    /// Returns the bytes that occupy memory.
    pub fn bytes(&self) -> u64 {
        let Range { start, end } = self.occupied();
        end - start
    }

    /// Splits the part at `address`, which is inside. Returns the upper part.
    fn split_off(&mut self, address: u64) -> Part {
        let mut upper = self.clone();
        upper.start = address;
        upper.low = upper.low.max(address);
        if let Some(of) = &mut upper.file {
            of.offset += i128::from(address - self.start);
        }
        self.end = address;
        self.low = self.low.min(address);
        upper
    }
}

/// The parts of a process, in order.
#[derive(Debug, Clone, Default)]
pub struct Parts(Vec<Part>);

impl Parts {
    /// Returns all parts.
    pub fn all(&self) -> &[Part] {
        &self.0
    }

    /// Returns all parts, to be changed without changing their ranges.
    pub fn all_mut(&mut self) -> &mut [Part] {
        &mut self.0
    }

    /// Returns the indices of the parts that share an address with `range`.
    pub fn over(&self, range: &Range<u64>) -> Range<usize> {
        let first = self.0.partition_point(|part| part.end <= range.start);
        let behind = self.0.partition_point(|part| part.start < range.end);
        first..behind.max(first)
    }

    /// Returns the index of the part that has `address`.
    pub fn at(&self, address: u64) -> Option<usize> {
        let at = self.0.partition_point(|part| part.end <= address);
        self.0
            .get(at)
            .filter(|part| part.start <= address)
            .map(|_| at)
    }

    /// Inserts a part, whose range is free.
    pub fn insert(&mut self, part: Part) {
        let at = self.0.partition_point(|other| other.start < part.start);
        self.0.insert(at, part);
    }

    /// Splits the part `at` at `address`. Both have its segment, if they occupy anything.
    pub fn split(&mut self, at: usize, address: u64) {
        let upper = self.0[at].split_off(address);
        self.0.insert(at + 1, upper);
        for part in &mut self.0[at..at + 2] {
            if part.low == part.end {
                part.segment = NONE;
            }
        }
    }

    /// Removes and returns the parts with the indices `range`.
    pub fn remove(&mut self, range: Range<usize>) -> Vec<Part> {
        self.0.drain(range).collect()
    }
}
