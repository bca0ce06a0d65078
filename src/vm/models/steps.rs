//! What a replay of segments reads: which segments there are and what happens to them, and which of them
//! are referenced in which order. The same for every size of memory.
//!
//! A *use* is a segment as one process has it. Several processes can use one segment.

use crate::trace::model::refs::Ref;
use std::sync::OnceLock;

/// The number of a segment. Numbers are never given again.
pub type SegmentId = u32;

/// The number of a use.
pub type UseId = u32;

/// No segment, no use.
pub const NONE: u32 = u32::MAX;

/// What happens to segments besides references.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There is a segment now. It has not been in memory.
    Create {
        /// The segment.
        segment: SegmentId,
        /// Its length.
        bytes: u64,
        /// The bytes of it that are read from a file when it first comes in. The others are zeros.
        file: u64,
    },
    /// What is written to a segment goes back to its file from now on, or no longer does.
    Returns {
        /// The segment.
        segment: SegmentId,
        /// Whether it does: a mapping that shares what it writes has it.
        returns: bool,
    },
    /// Another part of a segment than before is of a file.
    FileBytes {
        /// The segment.
        segment: SegmentId,
        /// The bytes of it that are of a file.
        file: u64,
    },
    /// A child begins, to which its segments are attached next.
    Fork {
        /// The parent, as an index.
        process: u32,
        /// The child.
        child: u32,
    },
    /// A process has a segment from now on, at `address`. It may have it at another address, too.
    Attach {
        /// The segment.
        segment: SegmentId,
        /// The process, as an index.
        process: u32,
        /// Its first address.
        address: u64,
    },
    /// What a process has at `address` is at another address from now on.
    Readdress {
        /// The segment.
        segment: SegmentId,
        /// The process, as an index.
        process: u32,
        /// Its first address.
        address: u64,
        /// Its first address from now on.
        to: u64,
    },
    /// A process has a segment no longer at `address`. Without any process it ceases to exist.
    Detach {
        /// The segment.
        segment: SegmentId,
        /// The process, as an index.
        process: u32,
        /// Its first address.
        address: u64,
    },
    /// A segment becomes longer.
    Grow {
        /// The segment.
        segment: SegmentId,
        /// By how many bytes.
        bytes: u64,
        /// At its low end; else at its high end.
        below: bool,
    },
    /// A segment becomes shorter. Something of it stays.
    Shrink {
        /// The segment.
        segment: SegmentId,
        /// By how many bytes.
        bytes: u64,
        /// At its low end; else at its high end.
        below: bool,
    },
    /// A segment becomes two where it is. Both have what it had: its processes, if it was in memory, on
    /// disk, written.
    Split {
        /// The segment, which is the lower part from now on.
        segment: SegmentId,
        /// The bytes of the lower part.
        bytes: u64,
        /// The upper part.
        upper: SegmentId,
        /// The bytes of the upper part that have been referenced.
        touched: u64,
        /// The number of the first page of the upper part, as [`Step::Bind`] has it.
        first_page: u64,
    },
    /// Bytes of a segment are referenced for the first time, at the reference at this position.
    Touch {
        /// The segment.
        segment: SegmentId,
        /// How many.
        bytes: u64,
    },
    /// Referenced bytes of a segment cease to exist, or it is a copy of which as many had been
    /// referenced.
    Retouch {
        /// The segment.
        segment: SegmentId,
        /// The bytes of it that have been referenced.
        touched: u64,
    },
    /// Pages of a sum get other numbers, or cease to exist.
    Renumber {
        /// The segment.
        segment: SegmentId,
        /// The number of the first page, as [`Step::Bind`] has it.
        first: u64,
        /// How many pages.
        pages: u64,
        /// The number of the first page from now on; `None`: they do not exist any longer.
        to: Option<u64>,
    },
    /// A process gets a segment of its own, which it has already, in place of one that others have, too,
    /// and that it has no longer.
    Copy {
        /// The segment that it had.
        from: SegmentId,
        /// Its own.
        to: SegmentId,
        /// The process, as an index.
        process: u32,
        /// The first address of both.
        address: u64,
        /// Whether the reference at this position is the cause: it faults.
        written: bool,
    },
    /// References of an entry are of this use from now on.
    Bind {
        /// The page-table entry.
        entry: u32,
        /// The use.
        of: UseId,
        /// The number of the page in the segment, which stays the same when that grows or is split.
        page: u64,
    },
}

/// The cause of steps that belong to the reference at their position.
pub const OF_REFERENCE: u64 = u64::MAX;

/// A step, and when it takes place: before the reference at a position, or as a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepAt {
    /// The position among the legal references.
    pub position: u64,
    /// Steps with the same number belong to one event, or to the reference: [`OF_REFERENCE`].
    pub cause: u64,
    /// The step.
    pub step: Step,
}

/// References between which no step takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The position of the first reference.
    pub start: u64,
    /// The position behind the last one.
    pub end: u64,
    /// The first of its uses in [`Segmented::listed`], which end where those of the next stretch begin.
    pub first: usize,
}

/// The segments of a trace.
#[derive(Debug, Default)]
pub struct Segmented {
    /// The steps, in order.
    pub steps: Vec<StepAt>,
    /// All references, as stretches.
    pub stretches: Vec<Stretch>,
    /// The uses of each stretch in order of their last references: use times two, plus one if it is
    /// written.
    pub listed: Vec<u32>,
    /// The process and the segment of each use.
    pub uses: Vec<(u32, SegmentId)>,
    /// The number of segments.
    pub segments: usize,
    /// The number of processes.
    pub processes: usize,
    /// The number of page-table entries.
    pub entries: usize,
    /// The most bytes of all segments at a time.
    pub peak_bytes: u64,
    /// The most segments at a time, summed over the processes.
    pub peak_entries: u64,
    /// The most bytes of segment tables at a time, with a page table for each segment.
    pub peak_paged_tables: u64,
    /// References by segment and by process with next uses, for policies that see the future.
    pub(super) futures: [OnceLock<UnitFuture>; 2],
}

/// The future of the units of a trace.
#[derive(Debug, Default)]
pub struct UnitFuture {
    /// The unit of each reference times two.
    pub refs: Vec<Ref>,
    /// The position of the next reference of the same unit.
    pub next_use: Vec<u32>,
}

impl Segmented {
    /// Returns the uses of a stretch in order of last reference: use times two, plus one if written.
    pub fn listed(&self, stretch: usize) -> &[u32] {
        let first = self.stretches[stretch].first;
        let next = self.stretches.get(stretch + 1);
        &self.listed[first..next.map_or(self.listed.len(), |next| next.first)]
    }
}
