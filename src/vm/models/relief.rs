//! What is done when no hole is large enough: units leave, segments move down, or both go through the
//! disk. Knows nothing of references.

use super::choices::{Relief, SwapUnit};
use super::core::Core;
use super::counts::Ending;
use super::steps::SegmentId;
use super::units::UnitId;
use std::collections::BTreeSet;

impl Core<'_> {
    /// Places `segment`, which is not in memory and has `bytes`, and makes room for it first if it must.
    /// `pinned` is the unit that stays. Returns its place.
    ///
    /// # Errors
    /// Errors if not even without all other units there is room, or if swap is full.
    pub(super) fn make_room(
        &mut self,
        segment: SegmentId,
        bytes: u64,
        pinned: UnitId,
    ) -> Result<u64, Ending> {
        let fit = self.rules.fit;
        if self.memory.find(fit, bytes).is_none() {
            self.counts.unfit += u64::from(self.memory.free() >= bytes);
            self.relieve(bytes, pinned, segment)?;
        }
        let hole = self.memory.find(fit, bytes).expect("room was made");
        self.memory.place(hole.start, bytes, segment);
        Ok(hole.start)
    }

    /// Makes a hole of `bytes`.
    fn relieve(&mut self, bytes: u64, pinned: UnitId, segment: SegmentId) -> Result<(), Ending> {
        let fits = |core: &Core<'_>| core.memory.find(core.rules.fit, bytes).is_some();
        while match self.rules.relief {
            Relief::Compact | Relief::Swap => self.memory.free() < bytes,
            Relief::Evict => !fits(self),
        } {
            match self.units.victim(pinned, self.time) {
                Some(victim) => self.evict(victim)?,
                None if self.memory.free() >= bytes => break,
                None if self.let_source_leave()? => {}
                None => {
                    let owner = self.segment(segment).owners.first();
                    return Err(Ending::DoesNotFit {
                        bytes: self.memory.used() + bytes,
                        process: owner.map_or(0, |&(process, _)| process),
                    });
                }
            }
        }
        match fits(self) {
            true => Ok(()),
            false => self.move_down(bytes),
        }
    }

    /// Moves segments down until a hole has `bytes`.
    fn move_down(&mut self, bytes: u64) -> Result<(), Ending> {
        let moved = self.memory.compact(bytes);
        for &(segment, _, to) in &moved {
            self.segments[segment as usize].place = Some(to);
        }
        if self.rules.relief == Relief::Swap {
            let segments: Vec<SegmentId> = moved.iter().map(|&(segment, ..)| segment).collect();
            return self.move_by_swap(&segments);
        }
        let bytes_of = |&(segment, ..): &(SegmentId, u64, u64)| self.segment(segment).bytes;
        let moved: u64 = moved.iter().map(bytes_of).sum();
        self.counts.compactions += 1;
        self.counts.bytes_moved += moved;
        self.work.copied += moved;
        Ok(())
    }

    /// Counts what it takes to write each unit of which a segment moved, and to read it back.
    fn move_by_swap(&mut self, moved: &[SegmentId]) -> Result<(), Ending> {
        let units: BTreeSet<UnitId> = match self.rules.unit {
            SwapUnit::Segment => moved.iter().copied().collect(),
            SwapUnit::Process => {
                let owners = moved.iter().flat_map(|&moved| &self.segment(moved).owners);
                let there = owners.filter(|(owner, _)| !self.processes[*owner as usize].is_out);
                there.map(|&(process, _)| process).collect()
            }
        };
        let segments: BTreeSet<SegmentId> = match self.rules.unit {
            SwapUnit::Segment => units.clone(),
            SwapUnit::Process => {
                let of = |&process: &u32| self.processes[process as usize].segments.values();
                let all = units.iter().flat_map(of).copied();
                let there = all.filter(|&segment| self.segment(segment).place.is_some());
                // What is being copied is no longer among the segments of the program that writes.
                there.chain(moved.iter().copied()).collect()
            }
        };
        for segment in segments {
            self.write(segment)?;
            self.read(segment);
        }
        self.counts.swap_outs += units.len() as u64;
        self.counts.swap_ins += units.len() as u64;
        Ok(())
    }
}
