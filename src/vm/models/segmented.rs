//! One pass over a trace that finds its segments: follows references and changes of mappings and records
//! what a replay needs. Most references are skipped: for each entry the pass knows which of them change
//! nothing.

use super::book::{ALL, Book, READS};
use super::choices::Segments;
use super::steps::{NONE, OF_REFERENCE, Segmented, Stretch, UseId};
use crate::space::{Origin, Resolved};
use crate::trace::model::refs::{PageKey, Ref, is_write, page_of};

/// The most references of a stretch: many, so that few lists are looked at; not too many, since a stretch
/// with a fault is replayed reference by reference.
const STRETCH_MAX: u64 = 1 << 9;

/// Why a trace has no segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSegments {
    /// It has no mappings.
    #[error(
        "models with segments need mappings, and the trace has none; --mappings infer guesses them"
    )]
    NoMappings,
    /// It is not in memory.
    #[error("models with segments need the trace in memory; raise --mem-limit")]
    NotInMemory,
    /// A page may have parts of several segments.
    #[error(
        "models with segments need pages of at most 4 KiB: a larger one can be of two segments"
    )]
    LargePages,
}

/// Returns the segments of a trace whose changes of mappings were recorded.
///
/// # Errors
/// Errors if the trace has no mappings, is not in memory, or has pages above 4 KiB.
pub fn segmented(resolved: &Resolved, kind: Segments) -> Result<Segmented, NoSegments> {
    if resolved.trace.store().is_some() {
        return Err(NoSegments::NotInMemory);
    }
    let space = match &resolved.space {
        Some(space) if resolved.origin != Origin::Permissive => space,
        _ => return Err(NoSegments::NoMappings),
    };
    if resolved.trace.meta.page_size.bytes() > 4096 {
        return Err(NoSegments::LargePages);
    }
    let processes = resolved.trace.dictionary.pids.len();
    let shift = resolved.trace.meta.page_shift();
    let mut pass = Pass {
        entries: &space.entries,
        book: Book::new(kind, shift, processes, space.entries.len()),
        open: Open::default(),
    };
    let mut at = 0;
    for change in &space.changes {
        pass.references(resolved, at, change.position);
        at = change.position;
        pass.close(at);
        pass.book.now = (change.position, change.cause);
        pass.book.follow(change);
    }
    let end = resolved.trace.len() as u64;
    pass.references(resolved, at, end);
    pass.close(end);
    let mut out = pass.book.out;
    out.segments = pass.book.segments.len();
    Ok(out)
}

/// The pass under way.
struct Pass<'r> {
    entries: &'r [PageKey],
    book: Book,
    open: Open,
}

/// The stretch that is being recorded.
#[derive(Default)]
struct Open {
    /// The position of its first reference.
    start: u64,
    /// Its uses.
    uses: Vec<UseId>,
    /// For each use the position behind its last reference, and whether it was written; of no use in
    /// other stretches.
    last: Vec<(u64, bool)>,
}

impl Open {
    /// Notes a reference at `position` of the stretch.
    #[inline]
    fn note(&mut self, of: UseId, write: bool, position: u64) {
        let last = &mut self.last[of as usize];
        if last.0 <= self.start {
            self.uses.push(of);
            *last = (position + 1, write);
        } else {
            *last = (position + 1, last.1 | write);
        }
    }
}

impl Pass<'_> {
    /// Follows the references `from..to`, between which nothing else happens.
    fn references(&mut self, resolved: &Resolved, from: u64, to: u64) {
        resolved.trace.tiles_of(from as usize..to as usize, |tile| {
            self.tile(tile.refs, tile.start);
            true
        });
    }

    fn tile(&mut self, refs: &[Ref], start: u64) {
        for (&reference, position) in refs.iter().zip(start..) {
            let (entry, write) = (page_of(reference) as usize, is_write(reference));
            if position - self.open.start >= STRETCH_MAX {
                self.close(position);
            }
            let wanted = if write { ALL } else { READS };
            if self.book.settled[entry] & wanted != wanted {
                self.close(position);
                if self.look(entry as u32, write, position) {
                    // The reference is part of the copy.
                    self.open.start = position + 1;
                    continue;
                }
            }
            self.open.note(self.book.bound_to[entry], write, position);
        }
    }

    /// Ends the open stretch before the reference at `position`.
    fn close(&mut self, position: u64) {
        let Open { start, uses, last } = &mut self.open;
        if position > *start {
            let out = &mut self.book.out;
            uses.sort_unstable_by_key(|&of| last[of as usize].0);
            out.stretches.push(Stretch {
                start: *start,
                end: position,
                first: out.listed.len(),
            });
            let written = |of: &UseId| of << 1 | u32::from(last[*of as usize].1);
            out.listed.extend(uses.iter().map(written));
            uses.clear();
        }
        *start = position;
    }

    /// Looks at a reference of `entry` that may change something. Returns whether it copies.
    fn look(&mut self, entry: u32, write: bool, position: u64) -> bool {
        let book = &mut self.book;
        let PageKey { process, number } = self.entries[entry as usize];
        book.now = (position, OF_REFERENCE);
        let address = number << book.shift;
        let parts = &book.processes[process as usize].parts;
        let mut at = parts
            .at(address)
            .expect("a legal reference is of a mapping");
        if address < parts.all()[at].low {
            at = book.reach_down(process, at, address);
        }
        let part = &book.processes[process as usize].parts.all()[at];
        let (mut segment, low, is_private) = (part.segment, part.low, !part.shared);
        assert_ne!(segment, NONE, "what is referenced occupies memory");
        let copies = write && is_private && book.is_shared(segment);
        if copies {
            let address = match book.kind {
                Segments::Vma => low,
                Segments::Classic | Segments::Whole => book.address_of(segment, process),
            };
            segment = book.copy(segment, process, address, true);
        } else if write && is_private {
            book.forget_key(segment);
        }
        book.bind(entry, process, at, number);
        book.touch(process, at, number);
        let of_own = !book.is_shared(segment) && book.segment(segment).key.is_none();
        book.settled[entry as usize] = if !is_private || of_own { ALL } else { READS };
        book.processes[process as usize].bound.insert(number, entry);
        book.note_peaks();
        let uses = book.out.uses.len();
        self.open.last.resize(uses, (0, false));
        copies
    }
}
