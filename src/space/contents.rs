//! What pages hold that several mappings may share: bytes of a file or of a region ([`Key`]), and what
//! is known of files while a trace is resolved ([`Files`]). Knows nothing of processes and mappings.

use super::{EntryId, ObjectId};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

/// The key of an object that several mappings may share: a byte of a region or of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Region(u32, u64),
    File(u32, u64),
}

impl Key {
    /// Returns the region or the file.
    pub fn share(self) -> Share {
        match self {
            Key::Region(region, _) => Share::Region(region),
            Key::File(file, _) => Share::File(file),
        }
    }

    /// Returns the offset of the byte; one below 0 wraps around.
    pub fn offset(self) -> u64 {
        match self {
            Key::Region(_, offset) | Key::File(_, offset) => offset,
        }
    }

    /// Returns its place in the order in which pages are freed.
    pub fn place(self) -> (Share, i64) {
        (self.share(), self.offset() as i64)
    }
}

/// A region or a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Share {
    Region(u32),
    File(u32),
}

/// A page of a file: the file, and the offset of its first byte.
pub type FilePage = (u32, u64);

/// Returns the text of a page of a file: its number and the offset in hexadecimal.
pub fn file_page_text((file, offset): FilePage) -> String {
    format!("file{file}+{offset:#x}")
}

/// What is known of files.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Whether pages stay that lose their last owner.
    pub keeps: bool,
    /// The pages that the page cache has and that have no owner: file and offset. Offsets below 0 are of
    /// pages that begin before the file does.
    pub cached: BTreeMap<(u32, i64), ObjectId>,
    /// The pages of shared memory that have no owner, and that a mapping has.
    pub unowned_memory: BTreeMap<(Share, i64), (Key, ObjectId)>,
    /// The length of each file that any event has named, if an event told it.
    pub lengths: FxHashMap<u32, Option<u64>>,
    /// Files that are mapped and have no name any more.
    pub unlinked: FxHashSet<u32>,
    /// The entry through which a process reads and writes an object.
    pub io_entries: FxHashMap<(u32, ObjectId), EntryId>,
}

impl Files {
    /// Returns the pages without owner, with a text for each.
    pub fn pages(&self) -> Vec<(ObjectId, String)> {
        let of_files = self.cached.iter().map(|(&(file, offset), &object)| {
            let text = file_page_text((file, offset as u64));
            (object, text)
        });
        let of_memory = self.unowned_memory.values().map(|&(key, object)| {
            let text = match key {
                Key::Region(region, offset) => format!("memory{region}+{offset:#x}"),
                Key::File(file, offset) => file_page_text((file, offset)),
            };
            (object, text)
        });
        of_files.chain(of_memory).collect()
    }

    /// Returns whether there are pages without owner.
    pub fn has_unowned(&self) -> bool {
        !self.cached.is_empty() || !self.unowned_memory.is_empty()
    }

    /// Removes the page of `key` from those without owner: it has one now, or is gone.
    pub fn take(&mut self, key: Option<Key>) {
        if let Some(Key::File(file, offset)) = key {
            self.cached.remove(&(file, offset as i64));
        }
        if let Some(key) = key {
            self.unowned_memory.remove(&key.place());
        }
    }
}
