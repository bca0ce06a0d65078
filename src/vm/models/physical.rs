//! Addresses that are places in memory, as on a machine without a memory-management unit: programs that
//! use the same addresses overwrite each other. A place is a page: traces keep no finer addresses.

use super::counts::{Ending, Foreign, PlaceOutcome};
use super::steps::NONE;
use crate::space::{Change, ChangeAt, Resolved};
use crate::trace::model::refs::{PageKey, count_kinds, is_write, page_of};

/// Replays a trace in `places` pages of memory. Counting begins after `warmup` references.
pub fn places(resolved: &Resolved, places: u64, warmup: u64) -> PlaceOutcome {
    let entries = resolved.entries();
    let changes = resolved
        .space
        .as_ref()
        .map_or(&[][..], |space| &space.changes);
    let highest = entries.iter().map(|key| key.number + 1).max().unwrap_or(0);
    let mut run = Run {
        entries,
        changes,
        written_by: vec![NONE; highest.min(places) as usize],
        is_over: vec![false; resolved.trace.dictionary.pids.len()],
        warmup,
        out: PlaceOutcome::default(),
    };
    let mut ended = None;
    let trace = &resolved.trace;
    trace.tiles_of(0..trace.len(), |tile| {
        for (&reference, position) in tile.refs.iter().zip(tile.start..) {
            if let Err(ending) = run.reference(page_of(reference), is_write(reference), position) {
                ended = Some((ending, position));
                return false;
            }
        }
        true
    });
    let mut out = run.out;
    out.ended = ended;
    let end = ended.map_or(trace.len() as u64, |(_, at)| at);
    out.refs = end.saturating_sub(warmup);
    if ended.is_some() {
        trace.tiles_of(warmup.min(end) as usize..end as usize, |tile| {
            let now = count_kinds(tile.kinds);
            out.by_kind = std::array::from_fn(|kind| out.by_kind[kind] + now[kind]);
            true
        });
    }
    out
}

/// A replay under way.
struct Run<'r> {
    entries: &'r [PageKey],
    /// The changes that have not taken place.
    changes: &'r [ChangeAt],
    /// The process that wrote each place last; [`NONE`] before the first.
    written_by: Vec<u32>,
    /// Whether each process has ended.
    is_over: Vec<bool>,
    warmup: u64,
    out: PlaceOutcome,
}

impl Run<'_> {
    fn reference(&mut self, entry: u32, write: bool, position: u64) -> Result<(), Ending> {
        while let Some((at, rest)) = self.changes.split_first() {
            if at.position > position {
                break;
            }
            if at.change == Change::End {
                self.is_over[at.process as usize] = true;
            }
            self.changes = rest;
        }
        let PageKey { process, number } = self.entries[entry as usize];
        let Some(writer) = self.written_by.get_mut(number as usize) else {
            return Err(Ending::Beyond {
                place: number,
                process,
            });
        };
        let other = *writer;
        if write {
            *writer = process;
        }
        let is_foreign = other != NONE && other != process && !self.is_over[other as usize];
        if is_foreign && position >= self.warmup {
            let count = match write {
                true => &mut self.out.clobbers,
                false => &mut self.out.foreign_reads,
            };
            *count += 1;
            self.out.first[usize::from(!write)].get_or_insert(Foreign {
                position,
                process,
                writer: other,
                place: number,
            });
        }
        Ok(())
    }
}
