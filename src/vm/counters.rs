//! What is counted of one replay, and the conservation laws that every replay must obey. The laws
//! are asserted in release builds too: a count that breaks one must not reach a report.

use super::geometry::LEVELS_MAX;
use super::listen::{Distribution, FaultKind};
use crate::policy::EventCount;
use crate::space::End;

/// Faults of one kind: by whether a device was read, then by whether the victim had to be written
/// back first.
pub type FaultTable = [[u64; 2]; 2];

/// Faults as a [`FaultTable`] for each kind.
pub type FaultTables = [FaultTable; FaultKind::ALL.len()];

/// Counters of the machine over the counted references.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// References.
    pub refs: u64,
    /// References that went on at once.
    pub hits: u64,
    /// Faults, by [`FaultKind`].
    pub faults: FaultTables,
    /// Pages read from a swap slot.
    pub swap_reads: u64,
    /// Pages read from a file.
    pub file_reads: u64,
    /// Pages brought in because a program said that it would need them; index 1: a victim had to
    /// be written back first.
    pub prefetched: [u64; 2],
    /// Victims that needed no write.
    pub evictions_clean: u64,
    /// Victims written back.
    pub evictions_dirty: u64,
    /// Pages that left because their window closed and needed no write.
    pub expired_clean: u64,
    /// Pages that left because their window closed, written back.
    pub expired_dirty: u64,
    /// Resident pages that left because nobody mapped them any more.
    pub freed: u64,
    /// Of these, pages of files that had to be written.
    pub freed_dirty: u64,
}

impl Counters {
    /// All faults.
    pub fn faults(&self) -> u64 {
        FaultKind::ALL.iter().map(|&kind| self.of(kind)).sum()
    }

    /// Faults of a kind.
    pub fn of(&self, kind: FaultKind) -> u64 {
        self.faults[kind as usize].iter().flatten().sum()
    }

    /// Faults for which a device was read.
    pub fn major(&self) -> u64 {
        let read = |table: &FaultTable| table[1].iter().sum::<u64>();
        self.faults.iter().map(read).sum()
    }

    /// Pages that came into memory.
    pub fn loads(&self) -> u64 {
        let loading = [FaultKind::Fill, FaultKind::Refill, FaultKind::CowCopy];
        let faults: u64 = loading.iter().map(|&kind| self.of(kind)).sum();
        faults + self.prefetched.iter().sum::<u64>()
    }

    /// All victims.
    pub fn evictions(&self) -> u64 {
        self.evictions_clean + self.evictions_dirty
    }

    /// All pages that left because their window closed.
    pub fn expired(&self) -> u64 {
        self.expired_clean + self.expired_dirty
    }

    /// Dirty pages that left memory and were written.
    pub fn write_backs(&self) -> u64 {
        self.evictions_dirty + self.expired_dirty + self.freed_dirty
    }

    /// What was counted since `start`.
    pub(super) fn since(&self, start: &Counters) -> Counters {
        Counters {
            refs: self.refs - start.refs,
            hits: self.hits - start.hits,
            faults: faults_since(&self.faults, &start.faults),
            swap_reads: self.swap_reads - start.swap_reads,
            file_reads: self.file_reads - start.file_reads,
            prefetched: [0, 1].map(|i| self.prefetched[i] - start.prefetched[i]),
            evictions_clean: self.evictions_clean - start.evictions_clean,
            evictions_dirty: self.evictions_dirty - start.evictions_dirty,
            expired_clean: self.expired_clean - start.expired_clean,
            expired_dirty: self.expired_dirty - start.expired_dirty,
            freed: self.freed - start.freed,
            freed_dirty: self.freed_dirty - start.freed_dirty,
        }
    }
}

/// The faults of `now` that are not among those of `start`.
fn faults_since(now: &FaultTables, start: &FaultTables) -> FaultTables {
    let mut faults = *now;
    let cells = faults.iter_mut().flatten().flatten();
    for (now, then) in cells.zip(start.iter().flatten().flatten()) {
        *now -= then;
    }
    faults
}

/// Counters of the TLBs over the counted references.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TlbCounters {
    /// Hits of the first-level instruction TLB.
    pub l1i_hits: u64,
    /// Hits of the first-level data TLB.
    pub l1d_hits: u64,
    /// Hits of the second level.
    pub l2_hits: u64,
    /// References that no level translated.
    pub misses: u64,
    /// Entries dropped because their page left memory or its page-table entry changed.
    pub shootdowns: u64,
    /// Page-table entries read by walks. Each walk reads one leaf; the rest are upper entries.
    pub walk_refs: u64,
    /// Walks by the number of entries they read: the first is those that read the leaf alone.
    pub walks: [u64; LEVELS_MAX as usize],
    /// The faults by the number of entries that their walks read, in the order of `walks`. The
    /// machine counts them: TLBs do not know which references fault.
    pub faults: [FaultTables; LEVELS_MAX as usize],
    /// Flushes of all levels because the process changed and entries have no tags.
    pub flushes: u64,
}

impl TlbCounters {
    /// Page-table entries read at each of so many levels, the root's first: a walk of n entries
    /// reads the lowest n levels.
    pub fn walk_refs_by_level(&self, levels: u32) -> Vec<u64> {
        let read = |height: u32| self.walks[height as usize..].iter().sum();
        (0..levels).rev().map(read).collect()
    }

    /// Walks of references that did not fault, by the number of entries that they read, in the
    /// order of `walks`.
    pub fn walks_of_hits(&self) -> [u64; LEVELS_MAX as usize] {
        let all = |tables: &FaultTables| tables.iter().flatten().flatten().sum::<u64>();
        std::array::from_fn(|i| self.walks[i] - all(&self.faults[i]))
    }

    /// References translated by some level.
    pub fn hits(&self) -> u64 {
        self.l1i_hits + self.l1d_hits + self.l2_hits
    }

    pub(super) fn since(&self, start: &TlbCounters) -> TlbCounters {
        TlbCounters {
            l1i_hits: self.l1i_hits - start.l1i_hits,
            l1d_hits: self.l1d_hits - start.l1d_hits,
            l2_hits: self.l2_hits - start.l2_hits,
            misses: self.misses - start.misses,
            shootdowns: self.shootdowns - start.shootdowns,
            walk_refs: self.walk_refs - start.walk_refs,
            walks: std::array::from_fn(|i| self.walks[i] - start.walks[i]),
            faults: std::array::from_fn(|i| faults_since(&self.faults[i], &start.faults[i])),
            flushes: self.flushes - start.flushes,
        }
    }
}

/// A replay that ended early because a dirty page had to leave and swap had no slot for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SwapFull {
    /// References replayed, warm-up among them.
    pub after: u64,
    /// The ops done, if the next reference or op could not be served; `None` if a page could not
    /// leave after the last reference. See [`End::ops`].
    pub ops: Option<u64>,
    /// Counted references by kind: ifetch, read, write.
    pub by_kind: [u64; 3],
}

impl SwapFull {
    /// Where the replay ended.
    pub fn end(&self) -> End {
        End {
            legal: self.after,
            ops: self.ops,
        }
    }
}

/// The result of one replay.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Set if full swap ended the replay; everything else is exact up to there.
    pub swap_full: Option<SwapFull>,
    /// Frames of memory; for a variable-space policy without limit, as many as pages.
    pub frames: u64,
    /// Pages resident when counting began (after warm-up).
    pub resident_start: u64,
    /// Pages resident at the end.
    pub resident_end: u64,
    /// Dirty pages resident at the end.
    pub dirty_end: u64,
    /// Resident pages after each counted reference, summed.
    pub resident_sum: u128,
    /// The most pages resident after any counted reference.
    pub resident_peak: u64,
    /// Pages at the end that are not resident: with a swap slot, and without.
    pub swapped_end: u64,
    /// See [`Outcome::swapped_end`].
    pub dropped_end: u64,
    /// Swap slots in use at the end.
    pub swap_slots: u64,
    /// The most swap slots ever in use, warm-up included.
    pub swap_slots_peak: u64,
    /// The machine's counters.
    pub counters: Counters,
    /// The TLBs' counters, if they were modelled.
    pub tlb: Option<TlbCounters>,
    /// What the policy counted of its own doings, by name.
    pub policy_events: Vec<EventCount>,
    /// References between successive faults.
    pub intervals: Distribution,
}

impl Outcome {
    /// Asserts the conservation laws.
    ///
    /// # Panics
    /// If a law does not hold: a bug, which fails the cell.
    pub fn assert_laws(&self) {
        let c = &self.counters;
        assert_eq!(c.refs, c.hits + c.faults(), "references = hits + faults");
        let left = c.evictions() + c.expired() + c.freed;
        assert_eq!(
            self.resident_start + c.loads(),
            self.resident_end + left,
            "loads - left = resident"
        );
        assert!(self.resident_peak <= self.frames, "resident <= frames");
        assert!(self.resident_end <= self.frames, "resident <= frames");
        assert!(self.dirty_end <= self.resident_end, "dirty <= resident");
        let written = |table: &FaultTable| table[0][1] + table[1][1];
        assert_eq!(
            c.faults.iter().map(written).sum::<u64>() + c.prefetched[1],
            c.evictions_dirty,
            "one fault or prefetch per written victim"
        );
        let read = c.major() + c.prefetched.iter().sum::<u64>();
        assert!(c.swap_reads + c.file_reads <= read, "reads have a cause");
        assert!(
            self.swap_slots <= self.swap_slots_peak,
            "slots <= their peak"
        );
        assert!(
            self.resident_sum <= u128::from(c.refs) * u128::from(self.resident_peak),
            "mean <= peak"
        );
        if let Some(tlb) = &self.tlb {
            assert_eq!(
                c.refs,
                tlb.hits() + tlb.misses,
                "references = TLB hits + misses"
            );
            assert!(tlb.misses >= c.faults(), "every fault misses the TLB");
            let all = |tables: &FaultTables| tables.iter().flatten().flatten().sum::<u64>();
            for (walks, faults) in tlb.walks.iter().zip(&tlb.faults) {
                assert!(
                    all(faults) <= *walks,
                    "walks of a length include those of faults"
                );
            }
            let none = FaultTables::default();
            let left = tlb
                .faults
                .iter()
                .fold(c.faults, |left, faults| faults_since(&left, faults));
            assert_eq!(left, none, "every fault has one walk");
            let by_level = tlb.walk_refs_by_level(LEVELS_MAX);
            assert_eq!(by_level.iter().sum::<u64>(), tlb.walk_refs, "by level");
            assert_eq!(
                by_level.last(),
                Some(&tlb.misses),
                "every walk reads a leaf"
            );
        }
    }
}
