//! Pages of shared memory that no entry is bound to: memory without a file, files that are memory, and
//! what shared mappings have beyond the end of a file. Such a page lives as long as a mapping of any
//! process has it, though only others touched it. Knows nothing of references.

use super::contents::{Key, Share};
use super::process::Process;
use super::references::PageSource;
use super::resolver::Resolver;
use super::vma::Vma;
use super::{Class, ObjectId, Op};
use crate::trace::model::event::Backing;
use crate::trace::model::refs::PageKey;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

impl Resolver<'_> {
    /// Keeps `object`, which has lost its last owner, if it is a page of shared memory that a mapping
    /// has. Returns whether it does.
    pub fn keep_for_mappings(&mut self, object: ObjectId, key: Key) -> bool {
        let is_memory = self.space.classes[object as usize] == Class::Zero;
        let keeps = is_memory && self.is_in_a_mapping(key);
        if keeps {
            let place = key.place();
            self.files.unowned_memory.insert(place, (key, object));
        }
        keeps
    }

    /// Returns whether a mapping of any process has the page `key` of shared memory.
    fn is_in_a_mapping(&self, key: Key) -> bool {
        let has = |(process, place): (u32, &Process)| {
            let mut vmas = place.vmas.of_share(key.share());
            vmas.any(|vma| shares_memory(vma) && self.has(process, vma, key))
        };
        (0..).zip(&self.processes).any(has)
    }

    /// Returns whether the mapping `vma` of `process`, which is of the share of `key`, has the page.
    fn has(&self, process: u32, vma: &Vma, key: Key) -> bool {
        // Where the page would begin. Offsets may wrap around.
        let offset = key.offset().wrapping_sub(vma.base as u64);
        let start = vma.origin.wrapping_add(offset);
        let page = start >> self.shift;
        let bytes = self.bytes_of(page);
        // A page belongs to the lowest of several mappings.
        let is_there = bytes.start == start && vma.start < bytes.end && bytes.start < vma.end;
        let vmas = &self.processes[process as usize].vmas;
        let is_lowest = || {
            let lowest = vmas.lowest_over(&bytes);
            lowest.is_some_and(|lowest| lowest.start == vma.start)
        };
        is_there
            && is_lowest()
            && match self.source_of(PageKey {
                process,
                number: page,
            }) {
                PageSource::Shared(Class::Zero, name)
                | PageSource::PrivateFile(Class::Zero, name) => name == key,
                _ => false,
            }
    }

    /// Notes that mappings of `process` of files and of shared memory left or changed, which were as
    /// `removed`.
    pub fn mappings_removed(&mut self, process: u32, removed: &[Arc<Vma>]) {
        if !self.files.unlinked.is_empty() {
            let is_unlinked = |vma: &Arc<Vma>| match vma.backing {
                Backing::File { file, .. } => self.files.unlinked.contains(&file),
                Backing::Anonymous => false,
            };
            self.lost_unlinked |= removed.iter().any(is_unlinked);
        }
        if self.files.unowned_memory.is_empty() {
            return;
        }
        if self.granule < 1 << self.shift {
            // A new mapping can take a page that is larger than the kernel's from another one.
            let all = (Share::Region(0), i64::MIN)..=(Share::File(u32::MAX), i64::MAX);
            self.lost_memory = vec![all];
            return;
        }
        let vmas = &self.processes[process as usize].vmas;
        let is_lost = |vma: &Vma| vmas.lowest_over(&(vma.start..vma.end)) != Some(vma);
        let shared = removed.iter().filter(|vma| shares_memory(vma));
        let lost = shared.filter(|vma| is_lost(vma));
        self.lost_memory.extend(lost.map(|vma| places_of(vma)));
    }

    /// Frees the pages of shared memory without owner that no mapping has any more.
    pub fn free_unmapped_memory(&mut self) {
        if self.lost_memory.is_empty() {
            return;
        }
        let lost = std::mem::take(&mut self.lost_memory).into_iter();
        let unowned = &self.files.unowned_memory;
        let keys: BTreeMap<_, Key> = lost
            .flat_map(|places| unowned.range(places))
            .map(|(&place, &(key, _))| (place, key))
            .collect();
        for key in keys.into_values() {
            if !self.is_in_a_mapping(key) {
                self.free_memory(key);
            }
        }
    }

    /// Frees the pages of `file` without owner that are memory and begin at `offset` or behind it.
    pub fn free_memory_behind(&mut self, file: u32, offset: i64) {
        let behind = (Share::File(file), offset)..=(Share::File(file), i64::MAX);
        let behind = self.files.unowned_memory.range(behind);
        let behind: Vec<Key> = behind.map(|(_, &(key, _))| key).collect();
        behind.into_iter().for_each(|key| self.free_memory(key));
    }

    fn free_memory(&mut self, key: Key) {
        self.keyed.remove(&key);
        if let Some((_, object)) = self.files.unowned_memory.remove(&key.place()) {
            let discards = true;
            self.push(Op::Free { object, discards });
        }
    }
}

/// Returns whether `vma` may have pages of shared memory.
fn shares_memory(vma: &Vma) -> bool {
    vma.shared || vma.swap_backed
}

/// Returns the places of the pages of shared memory that `vma` may have, and perhaps of more.
fn places_of(vma: &Vma) -> RangeInclusive<(Share, i64)> {
    let share = match vma.backing {
        Backing::Anonymous => Share::Region(vma.region),
        Backing::File { file, .. } => Share::File(file),
    };
    // Offsets wrap around where they do not fit.
    let offset = |address| i64::try_from(vma.exact_offset_of(address));
    let (first, behind) = match (offset(vma.start), offset(vma.end)) {
        (Ok(first), Ok(behind)) => (first, behind),
        _ => (i64::MIN, i64::MAX),
    };
    (share, first)..=(share, behind)
}
