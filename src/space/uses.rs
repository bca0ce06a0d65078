//! What each process of a trace needs frames for: the pages that its references touch and those
//! that its advice may bring in. Illegal references and those left out are none.

use super::{Op, Resolved};
use crate::trace::model::refs::page_of;

/// What a process needs frames for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessUse {
    /// Distinct pages that its legal references touch.
    pub pages: u64,
    /// Whether it advises that pages will be needed which can be read from a device, or populates any.
    pub advises: bool,
}

impl ProcessUse {
    /// Returns whether it loads any page, so that it must have a frame.
    pub fn needs_frames(self) -> bool {
        self.pages > 0 || self.advises
    }
}

impl Resolved {
    /// Returns what each process needs frames for, in the order of the trace's processes. Computed
    /// once and shared.
    pub fn uses(&self) -> &[ProcessUse] {
        self.uses.get_or_init(|| self.find_uses())
    }

    /// Returns the number of processes that make a legal reference, or whose advice may bring pages
    /// in.
    pub fn processes(&self) -> usize {
        self.uses().iter().filter(|of| of.needs_frames()).count()
    }

    fn find_uses(&self) -> Vec<ProcessUse> {
        let dictionary = &self.trace.dictionary;
        let mut uses = vec![ProcessUse::default(); dictionary.pids.len()];
        // The dictionary also has the pages of illegal and dropped references, and those of processes
        // that used the memory of others.
        let tally = &self.tally;
        let lends = self.space.as_ref().is_some_and(|space| space.lends);
        let all_legal = tally.all_illegal() + tally.dropped == 0 && !lends;
        let mut touched = vec![all_legal; dictionary.pages.len()];
        if !all_legal {
            self.trace.tiles_of(0..self.trace.len(), |tile| {
                for &reference in tile.refs {
                    touched[page_of(reference) as usize] = true;
                }
                true
            });
        }
        for (key, touched) in dictionary.pages.iter().zip(touched) {
            uses[key.process as usize].pages += u64::from(touched);
        }
        let space = self.space.iter();
        for (space, at) in space.flat_map(|space| space.ops.iter().map(move |at| (space, at))) {
            if let Op::Prefetch { entry }
            | Op::Populate { entry, .. }
            | Op::PopulateCopy { entry, .. } = at.op
            {
                let process = space.entries[entry as usize].process;
                uses[process as usize].advises = true;
            }
        }
        uses
    }
}
