//! The meaning of lengths and kinds of files: what their mappings hold when their length changes, and
//! which of them are memory. Knows nothing of references.

use super::SpaceError;
use super::place::Place;
use super::resolver::Resolver;
use super::vma::Vma;
use crate::trace::model::event::{Backing, EventAt, Mapping};

impl Resolver<'_> {
    /// Records whether the file of `mapping` is memory. Pages that earlier reads and writes left in the
    /// page cache are none of a file that is. Errors if an earlier mapping contradicts.
    pub fn check_kind(&mut self, at: &EventAt, mapping: &Mapping) -> Result<(), SpaceError> {
        let Backing::File { file, .. } = mapping.backing else {
            return Ok(());
        };
        let known = match self.swap_backed.get(&file) {
            Some(&known) => known,
            None => {
                self.swap_backed.insert(file, mapping.swap_backed);
                if mapping.swap_backed {
                    self.discard_behind(file, i64::MIN);
                }
                mapping.swap_backed
            }
        };
        if known == mapping.swap_backed {
            return Ok(());
        }
        let (now, before) = match known {
            true => ("is not `swap-backed`", "was"),
            false => ("is `swap-backed`", "was not"),
        };
        let what = format!("file {file} {now} here and {before} where it was mapped first");
        Err(self.fail(Place::Event(at), what))
    }

    /// Gives a file the length that a `length` event states.
    pub fn set_length(&mut self, file: u32, bytes: u64) {
        let has_pages = self.change_length(file, bytes);
        self.tally.idle_events += u64::from(!has_pages);
    }

    /// Records the length of a file that is being mapped. If it was another one, the file changed
    /// meanwhile.
    pub fn note_mapped(&mut self, backing: Backing) {
        if let Backing::File { file, length, .. } = backing
            && self.files.lengths.get(&file) != Some(&Some(length))
        {
            self.change_length(file, length);
        }
    }

    /// Gives a file a new length. The pages that are cut off go out of all mappings, copies of them
    /// too, and out of the page cache, without being written; and where the file grows, so do the zeros
    /// that were beyond its end. A page with bytes on both sides of the end stays. Returns whether
    /// anything maps the file, or the page cache has pages of it.
    pub fn change_length(&mut self, file: u32, bytes: u64) -> bool {
        let mut is_mapped = false;
        for process in 0..self.processes.len() as u32 {
            let mut vmas = self.processes[process as usize].vmas.clone();
            let Some(changed) = vmas.set_length(file, bytes) else {
                continue;
            };
            is_mapped = true;
            for before in &changed {
                self.drop_from(process, before, bytes);
            }
            self.set_vmas(process, vmas);
        }
        self.cut_off(file, bytes) || is_mapped
    }

    /// Unbinds the pages of `vma` from the first byte on that its file has only with or only without
    /// its new length.
    fn drop_from(&mut self, process: u32, vma: &Vma, bytes: u64) {
        let Backing::File { length, .. } = vma.backing else {
            return;
        };
        let same = i128::from(length.min(bytes));
        let range = vma.start..vma.end;
        for (number, _) in self.bound_over(process, &range) {
            let page = self.bytes_of(number);
            // A page belongs to the lowest of several mappings.
            let lowest = self.processes[process as usize].vmas.lowest_over(&page);
            let is_its = lowest.is_some_and(|lowest| lowest.start == vma.start);
            if is_its && vma.exact_offset_of(page.start) >= same {
                self.unbind_for(process, number, true);
            }
        }
    }
}
