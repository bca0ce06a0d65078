//! Processes, mappings and bindings as they are at a position.

use super::vma::Vma;
use super::{EntryId, ObjectId};
use crate::trace::model::event::Protection;

/// The rights of a page-table entry around a reference: those of its mapping, without the right to
/// write while a write would have to copy the page. None while the entry is not bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// Before the reference, and after the events that precede it.
    pub before: Protection,
    /// After the reference.
    pub after: Protection,
}

/// How an entry is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// This entry is the object's only owner; a write needs no copy.
    Private,
    /// The object may have other owners: the next write copies it, unless it has none by then.
    Cow,
    /// The object is a page of a file in a private mapping: the next write copies it.
    CowFile,
    /// Writes are seen by all owners.
    Shared,
}

impl Binding {
    /// Returns whether a write must look for a copy.
    pub const fn copies_on_write(self) -> bool {
        matches!(self, Binding::Cow | Binding::CowFile)
    }
}

/// A process at a position.
#[derive(Debug, Clone)]
pub struct ProcessView {
    /// The process, as an index.
    pub process: u32,
    /// Its state: `alive`, `exited`, `killed`, or `refused` if its fork was.
    pub state: &'static str,
    /// Its mappings.
    pub vmas: Vec<Vma>,
    /// Its bound pages in ascending order: page number, entry, object, binding.
    pub bound: Vec<(u64, EntryId, ObjectId, Binding)>,
}

/// All processes at a position.
#[derive(Debug, Clone)]
pub struct SpaceAt {
    /// The legal references before it.
    pub position: u64,
    /// The ops before it.
    pub ops: usize,
    /// The processes that have appeared.
    pub processes: Vec<ProcessView>,
    /// The number of owners of each object.
    pub owners: Vec<u32>,
    /// The pages that exist without owner, with a text for each: those of files that the page cache has,
    /// and those of shared memory that a mapping has.
    pub unowned: Vec<(ObjectId, String)>,
}
