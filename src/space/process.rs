//! What a resolution keeps of a process: its state, its mappings, its bound pages. Knows nothing of
//! events and references.

use super::NONE;
use super::inherited::InheritedPages;
use super::vmas::Vmas;
use crate::units::EntryId;
use std::collections::BTreeMap;

/// The state of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum State {
    /// It has not appeared yet.
    #[default]
    Unborn,
    Alive,
    Exited,
    /// An illegal reference ended it.
    Killed,
    /// The fork that would have made it was refused, or its parent had ended.
    Refused,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            State::Unborn => "unborn",
            State::Alive => "alive",
            State::Exited => "exited",
            State::Killed => "killed",
            State::Refused => "refused",
        }
    }
}

/// A process.
#[derive(Debug)]
pub(super) struct Process {
    pub state: State,
    pub vmas: Vmas,
    /// The first byte of the heap, not rounded, and the first behind its last page.
    pub heap: Option<(u64, u64)>,
    /// The entries of its bound pages, by page number.
    pub bound: BTreeMap<u64, EntryId>,
    /// Its bound pages that nothing uses any more, which have no entries.
    pub inherited: InheritedPages,
    /// All its bound pages as they were at its last fork, to be shared with the next child.
    pub handed_down: InheritedPages,
    /// An entry that is never present, for changes of its page tables where a page has none; [`NONE`] if
    /// every page has one.
    pub stand_in: EntryId,
    /// The event or reference at which a page without entry changed last.
    pub changed_at: u64,
    /// Bytes that count against the commit limit.
    pub charge: u64,
    /// The process whose address space it uses instead of its own, which is empty then (vfork).
    pub lender: Option<u32>,
}

impl Process {
    /// Returns a process that has not appeared yet, with pages of `1 << shift` bytes.
    pub fn unborn(shift: u32) -> Process {
        Process {
            state: State::Unborn,
            vmas: Vmas::new(shift),
            heap: None,
            bound: BTreeMap::new(),
            inherited: InheritedPages::default(),
            handed_down: InheritedPages::default(),
            stand_in: NONE,
            changed_at: 0,
            charge: 0,
            lender: None,
        }
    }
}
