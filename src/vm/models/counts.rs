//! What a replay of a model counts, and the laws that its counts obey. Knows nothing of how they come
//! about.

use std::collections::BTreeMap;

/// What must be done before a reference can go on, or for an event: transfers and copies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Work {
    /// Transfers from a device.
    pub reads: u64,
    /// The bytes of these, less 4 KiB each.
    pub read_beyond: u64,
    /// Transfers to a device.
    pub writes: u64,
    /// The bytes of these, less 4 KiB each.
    pub written_beyond: u64,
    /// Bytes copied in memory.
    pub copied: u64,
}

/// What a transfer costs without regard to its length covers this many bytes.
pub const FIRST_BYTES: u64 = 4096;

impl Work {
    /// Adds a transfer from a device.
    pub fn read(&mut self, bytes: u64) {
        self.reads += 1;
        self.read_beyond += bytes.saturating_sub(FIRST_BYTES);
    }

    /// Adds a transfer to a device.
    pub fn write(&mut self, bytes: u64) {
        self.writes += 1;
        self.written_beyond += bytes.saturating_sub(FIRST_BYTES);
    }

    /// Adds other work.
    pub fn add(&mut self, other: &Work) {
        self.reads += other.reads;
        self.read_beyond += other.read_beyond;
        self.writes += other.writes;
        self.written_beyond += other.written_beyond;
        self.copied += other.copied;
    }
}

/// A fraction of 1 as a whole number: 2^32 is 1.
pub const ONE: u64 = 1 << 32;

/// The faults of a replay of segments, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentFault {
    /// The unit comes in for the first time.
    Fill,
    /// The unit comes in again.
    Refill,
    /// A write copies a segment that others have, too.
    Copy,
}

/// What a replay of segments counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SegmentCounts {
    /// Faults that find their unit absent, for the first time.
    pub fills: u64,
    /// Faults that find their unit absent, later.
    pub refills: u64,
    /// Faults that copy a segment.
    pub copies: u64,
    /// Of all faults those for which a device was read.
    pub major: u64,
    /// Units that came back.
    pub swap_ins: u64,
    /// Units that left by choice of the policy, or to be read back at another place.
    pub swap_outs: u64,
    /// Bytes read that had left memory and are not read from a file.
    pub swap_bytes_in: u64,
    /// Bytes written.
    pub swap_bytes_out: u64,
    /// Bytes read from files.
    pub file_bytes_in: u64,
    /// Times that segments moved down in memory.
    pub compactions: u64,
    /// Bytes that did so.
    pub bytes_moved: u64,
    /// Bytes of segments that grew at another place.
    pub bytes_grown: u64,
    /// Bytes copied because several processes had a segment.
    pub bytes_copied: u64,
    /// Placements for which no hole was large enough though enough bytes were free.
    pub unfit: u64,
    /// External fragmentation after each reference, summed; [`ONE`] is 1.
    pub fragmentation_sum: u128,
    /// The worst external fragmentation after any reference or event.
    pub fragmentation_worst: u64,
    /// Bytes in memory after each reference, summed.
    pub resident_sum: u128,
    /// Bytes in memory that have never been referenced, after each reference, summed.
    pub untouched_sum: u128,
    /// Bytes in memory that their processes did not reference in their window, after each reference,
    /// summed; `None` without a window.
    pub idle_sum: Option<u128>,
    /// Bytes of swap in use at the end.
    pub swap_end: u64,
    /// The most bytes of swap in use.
    pub swap_peak: u64,
    /// The work of faults: how many waited for which.
    pub pauses: BTreeMap<Work, u64>,
    /// The work of events.
    pub between: Work,
}

impl SegmentCounts {
    /// Returns the number of faults.
    pub fn faults(&self) -> u64 {
        self.fills + self.refills + self.copies
    }

    /// Counts a fault and the work that it waits for.
    pub(super) fn fault(&mut self, kind: SegmentFault, work: Work) {
        match kind {
            SegmentFault::Fill => self.fills += 1,
            SegmentFault::Refill => self.refills += 1,
            SegmentFault::Copy => self.copies += 1,
        }
        self.major += u64::from(work.reads > 0);
        *self.pauses.entry(work).or_default() += 1;
    }

    /// Asserts that the counts of a replay of `refs` references in `memory` bytes agree with each other.
    ///
    /// # Panics
    /// Panics if a law does not hold: a bug, which fails the cell.
    pub fn assert_laws(&self, refs: u64, memory: u64) {
        assert!(self.faults() <= refs, "a reference has at most one fault");
        let waited: u64 = self.pauses.values().sum();
        assert_eq!(waited, self.faults(), "every fault has its work");
        assert!(self.untouched_sum <= self.resident_sum, "what is resident");
        assert!(
            self.idle_sum.unwrap_or(0) <= self.resident_sum,
            "what is resident"
        );
        assert!(
            self.resident_sum <= u128::from(refs) * u128::from(memory),
            "resident <= memory"
        );
        assert!(self.fragmentation_worst <= ONE, "fragmentation <= 1");
        assert!(self.swap_end <= self.swap_peak, "swap <= its peak");
        assert!(
            self.fragmentation_sum <= u128::from(self.fragmentation_worst) * u128::from(refs),
            "mean <= worst"
        );
    }
}

/// Why a replay ended before the last reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A unit of this many bytes is larger than memory.
    DoesNotFit {
        /// The bytes that memory must have.
        bytes: u64,
        /// The process, as an index.
        process: u32,
    },
    /// A place is beyond memory.
    Beyond {
        /// The place: the number of its page.
        place: u64,
        /// The process, as an index.
        process: u32,
    },
    /// What had to leave has no room on the swap device.
    SwapFull,
}

/// The result of a replay of segments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SegmentOutcome {
    /// Counted references.
    pub refs: u64,
    /// Counted references that did not fault.
    pub hits: u64,
    /// Why the replay ended early, and the references before; everything else is exact up to there.
    pub ended: Option<(Ending, u64)>,
    /// Counted references by kind (ifetch, read, write) of a replay that ended early.
    pub by_kind: [u64; 3],
    /// The counts.
    pub counts: SegmentCounts,
}

/// The result of a replay in which addresses are places in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlaceOutcome {
    /// Counted references.
    pub refs: u64,
    /// Writes to a place that another living process wrote last.
    pub clobbers: u64,
    /// Reads of such a place.
    pub foreign_reads: u64,
    /// The first of each.
    pub first: [Option<Foreign>; 2],
    /// Why the replay ended early, and the references before.
    pub ended: Option<(Ending, u64)>,
    /// Counted references by kind (ifetch, read, write) of a replay that ended early.
    pub by_kind: [u64; 3],
}

/// A reference to a place that another living process wrote last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    /// Its position among the legal references.
    pub position: u64,
    /// The process, as an index.
    pub process: u32,
    /// The process that wrote the place.
    pub writer: u32,
    /// The place: the number of its page.
    pub place: u64,
}

/// The result of a replay without frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelOutcome {
    /// With segments.
    Segments(Box<SegmentOutcome>),
    /// With addresses that are places.
    Places(PlaceOutcome),
}

impl ModelOutcome {
    /// Returns the counted references.
    pub fn refs(&self) -> u64 {
        match self {
            ModelOutcome::Segments(outcome) => outcome.refs,
            ModelOutcome::Places(outcome) => outcome.refs,
        }
    }

    /// Returns why the replay ended early, and the references before.
    pub fn ended(&self) -> Option<(Ending, u64)> {
        match self {
            ModelOutcome::Segments(outcome) => outcome.ended,
            ModelOutcome::Places(outcome) => outcome.ended,
        }
    }

    /// Returns the counted references by kind of a replay that ended early.
    pub fn by_kind(&self) -> [u64; 3] {
        match self {
            ModelOutcome::Segments(outcome) => outcome.by_kind,
            ModelOutcome::Places(outcome) => outcome.by_kind,
        }
    }
}
