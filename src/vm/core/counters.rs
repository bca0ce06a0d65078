//! What is counted of one replay, and the conservation laws that every replay must obey. The laws
//! are asserted in release builds too: a count that breaks one must not reach a report.

use super::distribution::{Distribution, FaultKind};
use crate::policy::EventCount;
use crate::space::End;
use crate::vm::hardware::tlb_shapes::LEVELS_MAX;
use crate::vm::models::counts::ModelOutcome;

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
    /// References that did not fault.
    pub hits: u64,
    /// Faults, by [`FaultKind`].
    pub faults: FaultTables,
    /// Pages read from a swap slot.
    pub swap_reads: u64,
    /// Pages read from a file.
    pub file_reads: u64,
    /// Pages loaded because a program said that it would need them. Index 1: a victim had to be
    /// written back first.
    pub prefetched: [u64; 2],
    /// Pages loaded because a program populated a range. Index 1: a victim had to be written back
    /// first.
    pub populated: [u64; 2],
    /// Pages of files that came in to be copied. Index 1: a victim had to be written back first.
    pub originals: [u64; 2],
    /// Pages that a read or a write of a file found in memory.
    pub io_hits: u64,
    /// Pages that a read or a write of a file brought in. Index 1: a victim had to be written back
    /// first.
    pub io_loads: [u64; 2],
    /// Victims that needed no write.
    pub evictions_clean: u64,
    /// Victims written back.
    pub evictions_dirty: u64,
    /// Pages that left because their window closed and needed no write.
    pub expired_clean: u64,
    /// Pages that left because their window closed, written back.
    pub expired_dirty: u64,
    /// Resident pages that left because no process mapped them any more.
    pub freed: u64,
    /// The pages of files among these that had to be written.
    pub freed_dirty: u64,
}

impl Counters {
    /// Returns the number of faults.
    pub fn faults(&self) -> u64 {
        FaultKind::ALL.iter().map(|&kind| self.of(kind)).sum()
    }

    /// Returns the number of faults of a kind.
    pub fn of(&self, kind: FaultKind) -> u64 {
        self.faults[kind as usize].iter().flatten().sum()
    }

    /// Returns the number of faults for which a device was read.
    pub fn major(&self) -> u64 {
        let read = |table: &FaultTable| table[1].iter().sum::<u64>();
        self.faults.iter().map(read).sum()
    }

    /// Returns the number of pages that came into memory.
    pub fn loads(&self) -> u64 {
        let loading = [FaultKind::Fill, FaultKind::Refill, FaultKind::CowCopy];
        let faults: u64 = loading.iter().map(|&kind| self.of(kind)).sum();
        faults + self.ahead()
    }

    /// Returns the number of pages that came in without a fault of their own.
    pub fn ahead(&self) -> u64 {
        let ahead = self.prefetched.iter().chain(&self.populated);
        ahead.chain(&self.originals).chain(&self.io_loads).sum()
    }

    /// Returns the number of victims.
    pub fn evictions(&self) -> u64 {
        self.evictions_clean + self.evictions_dirty
    }

    /// Returns the number of pages that left because their window closed.
    pub fn expired(&self) -> u64 {
        self.expired_clean + self.expired_dirty
    }

    /// Returns the number of dirty pages that left memory and were written.
    pub fn write_backs(&self) -> u64 {
        self.evictions_dirty + self.expired_dirty + self.freed_dirty
    }
}

/// Returns the faults of `now` minus those of `start`.
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
    /// Returns the number of page-table entries read at each of `levels` levels, the root's first:
    /// a walk of n entries reads the lowest n levels.
    pub fn walk_refs_by_level(&self, levels: u32) -> Vec<u64> {
        let read = |height: u32| self.walks[height as usize..].iter().sum();
        (0..levels).rev().map(read).collect()
    }

    /// Returns the number of walks of references that did not fault, by the number of entries that
    /// they read, in the order of `walks`.
    pub fn walks_of_hits(&self) -> [u64; LEVELS_MAX as usize] {
        let all = |tables: &FaultTables| tables.iter().flatten().flatten().sum::<u64>();
        std::array::from_fn(|i| self.walks[i] - all(&self.faults[i]))
    }

    /// Returns the number of references translated by some level.
    pub fn hits(&self) -> u64 {
        self.l1i_hits + self.l1d_hits + self.l2_hits
    }

    /// Returns what was counted since `start`. The faults stay as they are: the machine counts
    /// them, from the start on.
    pub(in crate::vm) fn since(&self, start: &TlbCounters) -> TlbCounters {
        TlbCounters {
            l1i_hits: self.l1i_hits - start.l1i_hits,
            l1d_hits: self.l1d_hits - start.l1d_hits,
            l2_hits: self.l2_hits - start.l2_hits,
            misses: self.misses - start.misses,
            shootdowns: self.shootdowns - start.shootdowns,
            walk_refs: self.walk_refs - start.walk_refs,
            walks: std::array::from_fn(|i| self.walks[i] - start.walks[i]),
            faults: self.faults,
            flushes: self.flushes - start.flushes,
        }
    }
}

/// A replay that ended early because a dirty page had to leave and swap had no slot for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SwapFull {
    /// References replayed, warm-up included.
    pub after: u64,
    /// The ops done, if the next reference or op could not be served; `None` if a page could not
    /// leave after the last reference. See [`End::ops`].
    pub ops: Option<u64>,
    /// Counted references by kind: ifetch, read, write.
    pub by_kind: [u64; 3],
}

impl SwapFull {
    /// Returns where the replay ended.
    pub fn end(&self) -> End {
        End {
            legal: self.after,
            ops: self.ops,
        }
    }
}

/// The result of one replay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Set if full swap ended the replay; everything else is exact up to there.
    pub swap_full: Option<SwapFull>,
    /// Frames of memory; for a variable-space policy without limit, as many as pages.
    pub frames: u64,
    /// Pages resident when counting began, after warm-up.
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
    /// The counts of a model without frames; everything but the references and the hits is 0 then.
    pub model: Option<Box<ModelOutcome>>,
    /// The policy's counts of its own actions, by name.
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
            c.faults.iter().map(written).sum::<u64>()
                + c.prefetched[1]
                + c.populated[1]
                + c.originals[1]
                + c.io_loads[1],
            c.evictions_dirty,
            "one load per written victim"
        );
        let read = c.major() + c.ahead();
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
