//! The facts of a trace up to the end of a replay that ended early. Does not know why it ended.

use super::{End, NONE, Op, Origin, Resolved, Space};
use crate::trace::TraceError;
use crate::trace::model::refs::page_of;

/// Facts of a trace up to a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpTo {
    /// Processes that made a legal reference, or whose advice may have brought pages in.
    pub processes: u64,
    /// Distinct pages: objects that were ever there.
    pub distinct: u64,
    /// References to pages that no mapping has.
    pub segfaults: u64,
    /// References that their mapping does not allow.
    pub protection_faults: u64,
    /// References to pages beyond the end of their file.
    pub bus_errors: u64,
    /// References of processes that had been ended.
    pub dropped: u64,
    /// Pages of mappings that are bound to nothing; `None` without mappings.
    pub untouched: Option<u64>,
}

impl Resolved {
    /// Returns the facts up to the end of a replay. Reads the references before it.
    ///
    /// # Errors
    /// Errors if the trace stays in its file and that cannot be read.
    pub fn up_to(&self, end: End) -> Result<UpTo, TraceError> {
        let Some(space) = &self.space else {
            return self.up_to_without_events(end.legal);
        };
        let [segfaults, protection_faults, bus_errors, dropped] = space.left_out.at(end);
        let untouched = || space.mapped.at(end) - space.touched.at(end);
        let (processes, distinct) = self.seen_up_to(space, end);
        Ok(UpTo {
            processes,
            distinct,
            segfaults,
            protection_faults,
            bus_errors,
            dropped,
            untouched: (self.origin != Origin::Permissive).then(untouched),
        })
    }

    /// Entries are objects, and every process appears with its first reference.
    fn up_to_without_events(&self, refs: u64) -> Result<UpTo, TraceError> {
        let dictionary = &self.trace.dictionary;
        let mut pages = vec![false; dictionary.pages.len()];
        let mut processes = vec![false; dictionary.pids.len()];
        self.trace.tiles(|tile| {
            let before = tile.refs.len().min((refs - tile.start) as usize);
            for &reference in &tile.refs[..before] {
                pages[page_of(reference) as usize] = true;
            }
            tile.end() < refs
        })?;
        for (key, _) in dictionary
            .pages
            .iter()
            .zip(&pages)
            .filter(|(_, seen)| **seen)
        {
            processes[key.process as usize] = true;
        }
        Ok(UpTo {
            processes: count(&processes),
            distinct: count(&pages),
            segfaults: 0,
            protection_faults: 0,
            bus_errors: 0,
            dropped: 0,
            untouched: None,
        })
    }

    /// Returns the number of processes that used memory (see [`Resolved::uses`]), and the number of
    /// objects. An object exists from its first binding on: by the first reference of its entry, or
    /// by an op.
    fn seen_up_to(&self, space: &Space, end: End) -> (u64, u64) {
        let mut objects = vec![false; space.classes.len()];
        let mut processes = vec![false; self.trace.dictionary.pids.len()];
        let mut uses =
            |entry: u32| processes[space.entries[entry as usize].process as usize] = true;
        let mut bound = |object| {
            if object != NONE {
                objects[object as usize] = true;
            }
        };
        self.trace.tiles_of(0..end.legal as usize, |tile| {
            for &reference in tile.refs {
                bound(space.first_object[page_of(reference) as usize]);
                uses(page_of(reference));
            }
            true
        });
        let done = match end.ops {
            Some(ops) => ops as usize,
            None => space.ops.partition_point(|at| at.position < end.legal),
        };
        let mut done = &space.ops[..done];
        // The binding of the page that could not come in. Those of a fork have copies behind them.
        if let Some((last, before)) = done.split_last()
            && matches!(last.op, Op::Bind { .. })
            && last.position == end.legal
        {
            done = before;
        }
        for at in done {
            match at.op {
                // It is part of the reference that was not served.
                op if op.is_of_reference() && at.position == end.legal => {}
                Op::Bind { object, .. } | Op::CowCopy { object, .. } => bound(object),
                Op::Copy { to: entry, .. } => bound(space.first_object[entry as usize]),
                Op::PopulateCopy { entry, object, .. } => {
                    bound(object);
                    uses(entry);
                }
                Op::Prefetch { entry } | Op::Populate { entry, .. } => {
                    bound(space.first_object[entry as usize]);
                    uses(entry);
                }
                Op::FileIo { entry, .. } | Op::Original { entry } if entry != NONE => {
                    bound(space.first_object[entry as usize]);
                }
                Op::FileIo { .. }
                | Op::Original { .. }
                | Op::Move { .. }
                | Op::Drop { .. }
                | Op::Unmap { .. }
                | Op::Flush { .. }
                | Op::Free { .. }
                | Op::Reuse { .. } => {}
            }
        }
        (count(&processes), count(&objects))
    }
}

fn count(seen: &[bool]) -> u64 {
    seen.iter().filter(|seen| **seen).count() as u64
}
