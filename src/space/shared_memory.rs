//! Pages of shared memory that no entry is bound to: memory without a file, files that are memory, and
//! what shared mappings have beyond the end of a file. Such a page lives as long as a mapping of any
//! process has it, though only others touched it. Knows nothing of references.

use super::contents::{Key, Share, Sharers};
use super::references::PageSource;
use super::resolver::Resolver;
use super::vma::Vma;
use super::{Class, ObjectId, Op};
use crate::trace::model::event::Backing;
use crate::trace::model::refs::PageKey;

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
    fn is_in_a_mapping(&mut self, key: Key) -> bool {
        let sharers = self.sharers.take().unwrap_or_else(|| self.find_sharers());
        let all = sharers.get(&key.share());
        let found =
            all.is_some_and(|all| all.iter().any(|&(process, at)| self.has(process, at, key)));
        self.sharers = Some(sharers);
        found
    }

    fn find_sharers(&self) -> Sharers {
        let mut sharers = Sharers::default();
        for (process, place) in (0..).zip(&self.processes) {
            for (at, vma) in place.vmas.all().iter().enumerate() {
                if let Some(share) = share_of(vma) {
                    sharers.entry(share).or_default().push((process, at));
                }
            }
        }
        sharers
    }

    /// Returns whether the mapping `at` of `process`, which is of the share of `key`, has the page.
    fn has(&self, process: u32, at: usize, key: Key) -> bool {
        let vmas = &self.processes[process as usize].vmas;
        let vma = &vmas.all()[at];
        // Where the page would begin. Offsets may wrap around.
        let offset = key.offset().wrapping_sub(vma.base as u64);
        let start = vma.origin.wrapping_add(offset);
        let page = start >> self.shift;
        let bytes = self.bytes_of(page);
        // A page belongs to the lowest of several mappings.
        let is_there = bytes.start == start && vma.start < bytes.end && bytes.start < vma.end;
        is_there
            && vmas.over(&bytes)[0].start == vma.start
            && match self.source_of(PageKey {
                process,
                number: page,
            }) {
                PageSource::Shared(Class::Zero, name)
                | PageSource::PrivateFile(Class::Zero, name) => name == key,
                _ => false,
            }
    }

    /// Notes that a process has other mappings than `before`, which were its.
    pub fn mappings_changed(&mut self, process: u32, before: &[Vma]) {
        self.sharers = None;
        if !self.files.unowned_memory.is_empty() {
            let vmas = &self.processes[process as usize].vmas;
            let is_lost = |vma: &Vma| vmas.over(&(vma.start..vma.end)).first() != Some(vma);
            let mut shared = before.iter().filter(|vma| share_of(vma).is_some());
            // A new mapping can take a page that is larger than the kernel's from another one.
            self.lost_shared |= self.granule < 1 << self.shift || shared.any(is_lost);
        }
    }

    /// Frees the pages of shared memory without owner that no mapping has any more.
    pub fn free_unmapped_memory(&mut self) {
        if !std::mem::take(&mut self.lost_shared) {
            return;
        }
        let unowned: Vec<_> = self.files.unowned_memory.values().copied().collect();
        for (key, _) in unowned {
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

/// Returns the shared memory that `vma` may have pages of.
fn share_of(vma: &Vma) -> Option<Share> {
    match vma.backing {
        Backing::Anonymous => vma.shared.then_some(Share::Region(vma.region)),
        Backing::File { file, .. } => (vma.shared || vma.swap_backed).then_some(Share::File(file)),
    }
}
