//! Which part of a trace is taken: a kind, some processes, a sample of the pages, a range of positions.
//!
//! The order is fixed: kind and process, then pages and their sample, then `skip` and `limit`, which
//! therefore count references as they are replayed. No event is left out before the last reference
//! taken, because a later reference depends on all of them.

use super::access::Kind;
use super::event::Event;
use super::refs::{KIND_MASK, KindCode};
use super::sample::Rate;
use super::shown::ShownPages;

/// The part of a trace that is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Leave instruction fetches out.
    pub data_only: bool,
    /// Take only these processes; all if empty.
    pub pids: Vec<u32>,
    /// Number of references left out at the beginning.
    pub skip: u64,
    /// Upper limit of the references taken after that.
    pub limit: Option<u64>,
    /// Take only a sample of the pages; all if absent.
    pub sample: Option<Rate>,
}

impl Selection {
    /// Returns true if the whole trace is taken.
    pub fn is_all(&self) -> bool {
        *self == Selection::default()
    }

    /// Returns how many references must be read at least, skipped ones included; `u64::MAX` without a
    /// limit.
    pub(in crate::trace) fn wanted(&self) -> u64 {
        self.skip.saturating_add(self.limit.unwrap_or(u64::MAX))
    }

    /// Returns whether accesses of process `pid` with this kind are taken.
    #[inline]
    pub(in crate::trace) fn takes(&self, pid: u32, kind: KindCode) -> bool {
        !(self.data_only && kind & KIND_MASK == Kind::Ifetch as KindCode)
            && (self.pids.is_empty() || self.pids.contains(&pid))
    }

    /// Returns the text of the result column `filter`; empty if the whole trace is taken.
    pub fn describe(&self) -> String {
        let mut parts = Vec::new();
        if self.data_only {
            parts.push("data-only".to_owned());
        }
        parts.extend(self.pids.iter().map(|pid| format!("pid={pid}")));
        parts.extend(self.sample.map(|rate| format!("sample={rate}")));
        if self.skip > 0 {
            parts.push(format!("skip={}", self.skip));
        }
        parts.extend(self.limit.map(|limit| format!("limit={limit}")));
        parts.join(" ")
    }
}

/// Whether more references are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    More,
    /// The limit is reached.
    Done,
}

/// The part of a [`Selection`] that works page by page: a sample of the pages, then `skip`, then
/// `limit`.
pub(in crate::trace) struct Cut {
    selection: Selection,
    /// True if the whole trace is taken.
    all: bool,
    /// The content of pages, which decides whether a sample takes them.
    shown: ShownPages,
    /// References still to skip.
    to_skip: u64,
    /// References taken so far.
    taken: u64,
}

/// Whether a reference is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::trace) enum Taken {
    /// It is left out.
    No,
    /// It is taken.
    Yes,
    /// It is left out because the limit is reached, and so are all later ones.
    Done,
}

impl Cut {
    /// Returns a cut for pages of `1 << shift` bytes.
    pub fn new(selection: Selection, shift: u32) -> Cut {
        Cut {
            shown: ShownPages::new(shift),
            to_skip: selection.skip,
            taken: 0,
            all: selection.is_all(),
            selection,
        }
    }

    /// Returns whether accesses of process `pid` with this kind are taken, as far as sample, `skip`
    /// and `limit` allow.
    #[inline]
    pub fn takes(&self, pid: u32, kind: KindCode) -> bool {
        self.selection.takes(pid, kind)
    }

    /// Decides on the next reference, to page `number` of process `pid`, and counts it.
    #[inline]
    pub fn take(&mut self, pid: u32, number: u64) -> Taken {
        if self.selection.sample.is_some() && !self.is_in_sample(pid, number) {
            return Taken::No;
        }
        if self.to_skip > 0 {
            self.to_skip -= 1;
            return Taken::No;
        }
        if self
            .selection
            .limit
            .is_some_and(|limit| self.taken >= limit)
        {
            return Taken::Done;
        }
        self.taken += 1;
        Taken::Yes
    }

    /// Out of line, so that [`Cut::take`] stays small in the loops that read whole traces.
    #[inline(never)]
    fn is_in_sample(&self, pid: u32, number: u64) -> bool {
        let rate = self.selection.sample;
        rate.is_none_or(|rate| rate.takes(self.shown.of(pid, number)))
    }

    /// Returns true if neighbouring pages may be missing because only a sample is taken.
    #[inline]
    pub fn is_sampled(&self) -> bool {
        self.selection.sample.is_some()
    }

    /// Returns true if the whole trace is taken.
    #[inline]
    pub fn is_all(&self) -> bool {
        self.all
    }

    /// Returns the number of references taken so far.
    #[inline]
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Counts `references` references that were taken without [`Cut::take`], as they may be if
    /// [`Cut::is_all`].
    #[inline]
    pub fn count(&mut self, references: u64) {
        self.taken += references;
    }

    /// Takes the next event of process `pid`. The child of a fork is a process id.
    pub fn event(&mut self, pid: u32, event: &Event) {
        if self.is_sampled() {
            self.shown.event(pid, event);
        }
    }

    /// Returns how many references must still be read at least, those to skip included; `u64::MAX`
    /// without a limit.
    pub fn wanted(&self) -> u64 {
        let left = |limit| self.to_skip.saturating_add(limit - self.taken);
        self.selection.limit.map_or(u64::MAX, left)
    }
}
