//! What pages hold that several mappings may share: bytes of a file or of a region ([`Key`]), and what
//! is known of files while a trace is resolved ([`Files`]). Knows nothing of processes and mappings.

use super::{EntryId, ObjectId};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

/// The key of an object that several mappings may share: a byte of a file or of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    File(u32, u64),
    Region(u32, u64),
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
    /// The length of each file that any event has named, if an event told it.
    pub lengths: FxHashMap<u32, Option<u64>>,
    /// Files that are mapped and have no name any more.
    pub unlinked: FxHashSet<u32>,
    /// The entry through which a process reads and writes an object.
    pub io_entries: FxHashMap<(u32, ObjectId), EntryId>,
}

impl Files {
    /// Returns the pages without owner.
    pub fn pages(&self) -> Vec<(ObjectId, FilePage)> {
        let all = self.cached.iter();
        all.map(|(&(file, offset), &object)| (object, (file, offset as u64)))
            .collect()
    }

    /// Removes the page of `key` from those without owner: it has one now, or is gone.
    pub fn take(&mut self, key: Option<Key>) {
        if let Some(Key::File(file, offset)) = key {
            self.cached.remove(&(file, offset as i64));
        }
    }
}
