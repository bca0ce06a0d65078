//! The meaning of a move: a range of mappings goes elsewhere with its pages, or becomes longer or
//! shorter in place, as `mremap` of Linux does it. Knows nothing of references.
//!
//! A page goes along as the object that it is: its entry at the new place is bound to the same object,
//! shared or to be copied at a write as before, and the entry at the old place to none.
//!
//! A page larger than the kernel's goes to the page that the bytes from its first one on go to. It
//! stays, or is dropped as by an unmap, if another mapping has a part of it or of its target.

use super::changes::Change;
use super::kinds::Kinds;
use super::place::Place;
use super::resolver::Resolver;
use super::vma::Vma;
use super::vmas::Vmas;
use super::{EntryId, NONE, SpaceError};
use crate::trace::model::event::{EventAt, Move, USER_END};
use crate::trace::model::refs::PageKey;
use std::ops::Range;

/// A move in whole pages of the kernel.
struct Ranges {
    old: Range<u64>,
    new: Range<u64>,
    /// The bytes at the start of `old` that `new` has room for.
    kept: Range<u64>,
    keep: bool,
}

impl Ranges {
    /// Returns whether the range only changes its length.
    fn in_place(&self) -> bool {
        self.old.start == self.new.start
    }

    /// Returns the part of the new range that has what the old one had.
    fn arrived(&self) -> Range<u64> {
        self.new.start..self.new.start + (self.kept.end - self.kept.start)
    }
}

impl Resolver<'_> {
    /// Resolves a move.
    pub fn move_range(&mut self, at: &EventAt, moves: &Move) -> Result<(), SpaceError> {
        let ranges = self.ranges(at, moves)?;
        let process = at.process;
        let before = self.processes[process as usize].vmas.clone();
        if before.is_free(&ranges.old) && !self.touches(process, &ranges.old) {
            self.tally.idle_events += 1;
            return Ok(());
        }
        self.check_holes(at, &before, &ranges.old)?;
        if ranges.in_place() && ranges.new.end <= ranges.old.end {
            let cut_off = ranges.new.end..ranges.old.end;
            if !cut_off.is_empty() {
                let mut left = before;
                left.cut(&cut_off);
                self.change(process, || Change::Unmap(cut_off.clone()));
                self.set_vmas(process, left.clone());
                self.unbind_uncovered(process, &cut_off, &left);
            }
            return Ok(());
        }
        let comes = match ranges.in_place() {
            true => ranges.old.end..ranges.new.end,
            false => ranges.new.clone(),
        };
        let in_the_way = |_: &&Vma| !moves.fixed && !self.has_parted();
        if let Some(there) = before.lowest_over(&comes).filter(in_the_way) {
            let what = format!(
                "the move to {:#x} to {:#x} overlaps the mapping of {:#x} to {:#x}",
                comes.start, comes.end, there.start, there.end
            );
            return Err(SpaceError {
                help: "a move that replaces what is there is marked `fixed`",
                ..self.fail(Place::Event(at), what)
            });
        }
        // What lay at the target goes first, then what the new range has no room for.
        let mut without = before;
        without.cut(&comes);
        let target = without.clone();
        let pieces = pieces(&without, &ranges);
        if !ranges.keep {
            without.cut(&ranges.old);
        }
        let left = without.clone();
        for piece in pieces {
            without.insert(piece);
        }
        let what = || format!("a move to {} bytes", moves.new_length);
        if !self.admit(process, without, what) {
            return Ok(());
        }
        self.change(process, || Change::Unmap(comes.clone()));
        self.change(process, || Change::Move {
            old: ranges.old.clone(),
            new: ranges.new.clone(),
            keep: ranges.keep,
        });
        self.unbind_uncovered(process, &comes, &target);
        if ranges.in_place() {
            return Ok(());
        }
        // A page with a part of both goes along.
        let cut_off = self.first_page_from(ranges.kept.end) << self.shift..ranges.old.end;
        if cut_off.start < cut_off.end {
            self.unbind_uncovered(process, &cut_off, &left);
        }
        self.move_pages(process, &ranges)
    }

    /// Returns the ranges of a move. Errors for what `mremap` refuses as invalid.
    fn ranges(&self, at: &EventAt, moves: &Move) -> Result<Ranges, SpaceError> {
        let fail = |what: String| Err(self.fail(Place::Event(at), what));
        for start in [moves.old_start, moves.new_start] {
            if start % self.granule != 0 {
                let granule = self.granule;
                return fail(format!(
                    "the move of {start:#x} does not begin at the start of a page of {granule} bytes"
                ));
            }
        }
        let old = self.rounded(moves.old_start, moves.old_length);
        let new = self.rounded(moves.new_start, moves.new_length);
        if old.end > USER_END || new.end > USER_END {
            let beyond = if new.end > USER_END { &new } else { &old };
            return fail(format!(
                "{:#x} to {:#x} ends beyond user space, {USER_END:#x}",
                beyond.start, beyond.end
            ));
        }
        let in_place = old.start == new.start;
        let overlap = old.start < new.end && new.start < old.end;
        if overlap && (!in_place || moves.fixed || moves.keep) {
            return fail(format!(
                "the move of {:#x} to {:#x} overlaps its new range, {:#x} to {:#x}",
                old.start, old.end, new.start, new.end
            ));
        }
        if moves.keep && old.end - old.start != new.end - new.start {
            return fail(format!(
                "a move that keeps the old range cannot change its length from {} to {} bytes",
                old.end - old.start,
                new.end - new.start
            ));
        }
        let kept = old.start..old.end.min(old.start + (new.end - new.start));
        let keep = moves.keep;
        Ok(Ranges {
            old,
            new,
            kept,
            keep,
        })
    }

    /// Errors if a part of `old` is not mapped, unless nothing is.
    fn check_holes(&self, at: &EventAt, vmas: &Vmas, old: &Range<u64>) -> Result<(), SpaceError> {
        if !self.strict || self.has_parted() {
            return Ok(());
        }
        let mut from = old.start;
        for vma in vmas.over(old) {
            if vma.start > from {
                break;
            }
            from = vma.end;
        }
        if from >= old.end {
            return Ok(());
        }
        let what = format!(
            "the move of {:#x} to {:#x} is of a range that is not mapped from {from:#x} on",
            old.start, old.end
        );
        Err(self.fail(Place::Event(at), what))
    }

    /// Lets the bound pages go along.
    fn move_pages(&mut self, process: u32, ranges: &Ranges) -> Result<(), SpaceError> {
        let arrived = ranges.arrived();
        let by = i128::from(ranges.new.start) - i128::from(ranges.old.start);
        // The first byte of page `number` goes to page `number + up`; rounded down if it is negative.
        let up = by >> self.shift;
        for (number, from) in self.bound_over(process, &ranges.kept) {
            let target = (i128::from(number) + up) as u64;
            let bytes = self.bytes_of(target);
            let lands = bytes.start < arrived.end && arrived.start < bytes.end;
            let stays = self.is_still_mapped(process, number, ranges);
            if lands && !stays {
                let number = target;
                let to = self.entry(PageKey { process, number })?;
                if self.object[to as usize] == NONE {
                    self.rebind(process, from, to);
                    continue;
                }
            }
            self.part(process, number, from, stays);
        }
        Ok(())
    }

    /// Returns whether something else than the range that moves has a part of page `number`.
    fn is_still_mapped(&self, process: u32, number: u64, ranges: &Ranges) -> bool {
        let bytes = self.bytes_of(number);
        let vmas = &self.processes[process as usize].vmas;
        let outside = [
            bytes.start..bytes.end.min(ranges.old.start),
            bytes.start.max(ranges.old.end)..bytes.end,
        ];
        let is_mapped = |part: &Range<u64>| !part.is_empty() && !vmas.is_free(part);
        outside.iter().any(is_mapped)
    }

    /// A page of the old range does not go along: it stays if a mapping has a part of it.
    fn part(&mut self, process: u32, number: u64, entry: EntryId, stays: bool) {
        match stays {
            true => self.settled[entry as usize] = Kinds::NONE,
            false => self.unbind(process, number),
        }
    }
}

/// Returns the mappings of the old range as they are in the new one. The last is as long as the new
/// range.
fn pieces(vmas: &Vmas, ranges: &Ranges) -> Vec<Vma> {
    let over = vmas.over(&ranges.kept);
    let mut pieces: Vec<Vma> = over
        .map(|vma| {
            let part = vma.start.max(ranges.kept.start)..vma.end.min(ranges.kept.end);
            let start = part.start - ranges.old.start + ranges.new.start;
            vma.moved(part, start)
        })
        .collect();
    if let Some(last) = pieces.last_mut()
        && ranges.new.end - ranges.new.start > ranges.old.end - ranges.old.start
    {
        last.end = ranges.new.end;
    }
    pieces
}
