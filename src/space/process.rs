//! What a resolution keeps of a process: its state, its mappings, its bound pages. Knows nothing of
//! events and references.

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
            charge: 0,
            lender: None,
        }
    }
}
