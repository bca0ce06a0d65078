//! Address spaces: what the references and events of a trace mean for processes, their mappings
//! and the pages behind them. A trace is resolved once: nothing here depends on the replacement
//! policy or on the number of frames. Every cell replays the result.
//!
//! # Entries and objects
//!
//! An *entry* is one page of one process: a page-table entry. Its number is the dense id of the
//! references. Entries that are never referenced have higher numbers, or none: with
//! [`Options::only_used_entries`] a page that a fork inherits has an entry only if it is used later. An
//! *object* is what can be in a frame: a page of private memory, of shared memory or of a file. An
//! entry is *bound* to the object that it maps. All entries bound to an object are its owners,
//! whether it is resident or not. So the trace alone determines whether a write to a page shared
//! copy-on-write must copy it.
//!
//! Changes of bindings, and what the machine must do with frames because of them, are a list of
//! [`Op`]s by position. A trace without events and mappings has none: each entry is an object, and
//! [`Resolved::space`] is `None`.
//!
//! # Modules
//!
//! | module | owns |
//! |---|---|
//! | [`vma`] | one mapping |
//! | `vmas` | all mappings of one address space |
//! | `changes` | what happens to mappings, for models without pages |
//! | `resolver` | processes and bindings: references and events in, ops out |
//! | `references` | which references are legal, and their objects |
//! | `events` | the meaning of each event |
//! | `contents` | what several mappings may share: bytes of files and of regions |
//! | `file_pages` | pages of files without owner: the page cache, reads and writes |
//! | `files` | the meaning of events on files |
//! | `fork` | the meaning of a fork |
//! | `lent` | address spaces that children borrow |
//! | `linux_faults` | the faults that Linux takes while memory suffices |
//! | `moves` | the meaning of a move |
//! | `infer` | mappings for a trace that has none |
//! | `inherited` | pages that a process inherited and that nothing uses any more |
//! | `kinds` | sets of kinds of access |
//! | `next_uses` | the next reference of each object |
//! | `options` | the choices of a resolution |
//! | `place` | where in a trace an error lies |
//! | `populate` | pages that come in at a call |
//! | `process` | what is kept of a process |
//! | `recording` | the record of changes of mappings |
//! | `shared_memory` | pages of shared memory without owner |
//! | `timeline` | numbers that change with the position |
//! | `up_to` | the facts of a trace up to the end of a replay that ended early |
//! | `uses` | what each process needs frames for |
//! | `view` | processes, mappings and bindings at a position |
//! | `view_at` | the view of a resolution under way |
//!
//! Deliberately absent: frames, residency, policies, time.

mod changes;
mod contents;
mod events;
mod file_pages;
mod files;
mod fork;
mod infer;
mod inherited;
mod kinds;
mod lent;
mod linux_faults;
mod moves;
mod next_uses;
mod options;
mod place;
mod populate;
mod process;
mod recording;
mod references;
mod resolver;
mod shared_memory;
#[cfg(test)]
mod tests;
mod timeline;
mod up_to;
mod uses;
mod view;
mod view_at;
pub mod vma;
mod vmas;

pub use changes::{Change, ChangeAt};
pub use contents::{FilePage, file_page_text};
pub use file_pages::IO_WINDOW;
pub use linux_faults::{LinuxFaults, linux_faults};
pub use next_uses::ObjectFuture;
pub use options::{
    AddressLayout, BeyondEof, FileIo, ForkFilePtes, Mappings, OnSegfault, Options, PageCache,
};
pub use resolver::{WatchedRefs, resolve, resolve_at, resolve_watched};
pub use timeline::{End, Timeline};
pub use up_to::UpTo;
pub use uses::ProcessUse;
pub use view::{Binding, ProcessView, Rights, SpaceAt};

use crate::trace::bursts::Bursts;
use crate::trace::model::access::Kind;
use crate::trace::model::dense::Trace;
use crate::trace::model::refs::{Dictionary, PageKey};
pub use crate::units::EntryId;
use crate::units::PageId;
use rustc_hash::FxHashMap;
use std::sync::OnceLock;

/// The number of an object: something that can be in a frame.
pub type ObjectId = PageId;

/// No object, no entry, no process.
pub const NONE: u32 = u32::MAX;

/// Where the mappings came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The trace's own events.
    Recorded,
    /// There are none: [`Mappings::Permissive`].
    Permissive,
    /// There are none: [`Mappings::Infer`].
    Inferred,
}

impl Origin {
    /// The word of the result column `mappings`.
    pub const fn name(self) -> &'static str {
        match self {
            Origin::Recorded => "recorded",
            Origin::Permissive => "permissive",
            Origin::Inferred => "inferred",
        }
    }
}

/// What backs an object when it has no slot on the swap device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Unknown: its first touch is a cold fill, and it is read again from where it came from.
    Original,
    /// Zeros: nothing needs to be read.
    Zero,
    /// A file, which is read, and written when the page was.
    File,
}

/// What the machine does besides replaying references. The entries are bound, the objects have
/// owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `entry`, which is not present, is bound to another object than before.
    Bind {
        /// The entry.
        entry: EntryId,
        /// The object to which it is bound now.
        object: ObjectId,
    },
    /// A fork: `to` becomes present if `from` is. If the page is private, `from` becomes read-only,
    /// so its translations are dropped.
    Copy {
        /// The parent's entry.
        from: EntryId,
        /// The child's.
        to: EntryId,
        /// Whether a later write by one process must not be seen by the other.
        private: bool,
    },
    /// The page of `from` moved to `to`, an entry of the same process that is bound to the same object
    /// and is not present: `to` becomes present if `from` is, and `from` is neither present nor bound
    /// any longer. Its translations are dropped.
    Move {
        /// The entry that had the page.
        from: EntryId,
        /// The entry that has it now.
        to: EntryId,
    },
    /// `entry` is present no longer; it stays bound.
    Drop {
        /// The entry.
        entry: EntryId,
    },
    /// `entry` is neither present nor bound any longer.
    Unmap {
        /// The entry.
        entry: EntryId,
    },
    /// The translations of `entry` are dropped: its protection changed.
    Flush {
        /// The entry.
        entry: EntryId,
    },
    /// `object` has no owner left: its frame and its slot become free. A dirty page of a file is
    /// written to it first. With [`PageCache::Keep`] a page of a file stays what it is instead, in its
    /// frame if the machine can keep it there.
    Free {
        /// The object.
        object: ObjectId,
        /// The bytes are gone from the file: nothing is written or kept.
        discards: bool,
    },
    /// A process reads or writes a page of a file without mapping it: it is found in memory, or loaded.
    FileIo {
        /// The entry through which it does, which is never bound; [`NONE`] if no memory is to hold the
        /// page afterwards.
        entry: EntryId,
        /// Whether it writes.
        write: bool,
        /// Whether the file must be read if the page is not in memory.
        reads: bool,
    },
    /// The page of `entry`, a page of a file, is the original that the next op copies: it is brought in
    /// if it is not in memory and the machine can keep it there. Only with [`PageCache::Keep`].
    Original {
        /// An entry that is bound to the page, or through which it is read without being bound.
        entry: EntryId,
    },
    /// The page of `entry` will be needed: it is brought in if it must be read from a device.
    Prefetch {
        /// The entry that the advice named.
        entry: EntryId,
    },
    /// The program wants the page of `entry` now, without a reference: `entry` becomes present, and the
    /// page is brought in if it is not in memory.
    Populate {
        /// The entry.
        entry: EntryId,
        /// Whether the page becomes dirty.
        write: bool,
    },
    /// The same for a page that is to be written and must be copied first.
    PopulateCopy {
        /// The entry.
        entry: EntryId,
        /// The object that is copied; [`NONE`] for a page of a file that is in no object.
        source: ObjectId,
        /// The copy.
        object: ObjectId,
        /// Whether the source has no owner afterwards.
        frees: bool,
    },
    /// The reference at this position writes a page that must be copied first.
    CowCopy {
        /// The entry that writes.
        entry: EntryId,
        /// The object that is copied; [`NONE`] for a page of a file that is in no object.
        source: ObjectId,
        /// The copy.
        object: ObjectId,
        /// Whether the source has no owner afterwards.
        frees: bool,
    },
    /// The reference at this position writes a page that was shared copy-on-write and has no other
    /// owner left.
    Reuse {
        /// The entry that writes.
        entry: EntryId,
        /// The number of ops before the moment since which there is no other owner.
        alone_since: u32,
    },
}

impl Op {
    /// Returns whether it is part of the reference at its position, not before it.
    pub fn is_of_reference(self) -> bool {
        matches!(self, Op::CowCopy { .. } | Op::Reuse { .. })
    }
}

/// An op and the position at which it happens: before a legal reference, or as a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpAt {
    /// The position of that reference among the legal ones, from 0.
    pub position: u64,
    /// The op.
    pub op: Op,
}

/// Why a reference is illegal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IllegalKind {
    /// No mapping was there: a segmentation fault.
    Segmentation,
    /// The mapping does not allow the access, or the page is in the kernel's half: a protection fault.
    Protection,
    /// The page begins beyond the end of its file, with [`BeyondEof::Fault`]: a bus error.
    Bus,
}

impl IllegalKind {
    /// Returns the name of the fault: `segmentation`, `protection` or `bus`.
    pub const fn name(self) -> &'static str {
        match self {
            IllegalKind::Segmentation => "segmentation",
            IllegalKind::Protection => "protection",
            IllegalKind::Bus => "bus",
        }
    }

    /// Returns the fault in words: `segmentation fault`, `protection fault` or `bus error`.
    pub const fn words(self) -> &'static str {
        match self {
            IllegalKind::Segmentation => "segmentation fault",
            IllegalKind::Protection => "protection fault",
            IllegalKind::Bus => "bus error",
        }
    }

    /// Returns the reason in words: `no mapping`, `not allowed` or `beyond the end of its file`.
    pub const fn why(self) -> &'static str {
        match self {
            IllegalKind::Segmentation => "no mapping",
            IllegalKind::Protection => "not allowed",
            IllegalKind::Bus => "beyond the end of its file",
        }
    }
}

/// An illegal reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Illegal {
    /// Its position among all references of the trace, from 0.
    pub position: u64,
    /// The process, as an index.
    pub process: u32,
    /// The number of the page.
    pub page: u64,
    /// The kind of access.
    pub kind: Kind,
    /// Why it is illegal.
    pub fault: IllegalKind,
}

/// An event, or a growing stack, that the commit limit refused. The process goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its position among all references of the trace, from 0. An event comes before the reference
    /// at its position; a growing stack is part of that reference.
    pub position: u64,
    /// The process, as an index.
    pub process: u32,
    /// What was refused, and why.
    pub what: String,
}

/// The most illegal references, and the most refusals, that are listed. All are counted.
pub const LISTED: usize = 1000;

/// The counts of a resolution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResolveCounts {
    /// References to pages without a mapping.
    pub segfaults: u64,
    /// References that a mapping does not allow.
    pub protection_faults: u64,
    /// References to pages beyond the end of their file.
    pub bus_errors: u64,
    /// References of processes that had been ended by an illegal reference or a refused fork.
    pub dropped: u64,
    /// Events without effect: nothing was mapped there, or the heap could not end there.
    pub idle_events: u64,
    /// Reads and writes of files that were ignored.
    pub ignored_io: u64,
    /// Events refused by the commit limit.
    pub refused: u64,
    /// The first illegal references.
    pub illegal: Vec<Illegal>,
    /// The first refusals.
    pub refusals: Vec<Refusal>,
}

impl ResolveCounts {
    /// Returns the number of illegal references.
    pub fn all_illegal(&self) -> u64 {
        self.segfaults + self.protection_faults + self.bus_errors
    }
}

/// The entries, objects and ops of a trace, for the machine.
#[derive(Debug, Default)]
pub struct Space {
    /// The page of each entry; those of the trace's dictionary come first.
    pub entries: Vec<PageKey>,
    /// The first object to which each entry is bound; `NONE` if it never is bound.
    pub first_object: Vec<ObjectId>,
    /// What backs each object.
    pub classes: Vec<Class>,
    /// What happens besides the references, by position.
    pub ops: Vec<OpAt>,
    /// The number of mapped pages, summed over the processes. A page of a process counts once,
    /// however many mappings have a part of it.
    pub mapped: Timeline,
    /// The number of mapped pages that are bound; empty without mappings.
    pub touched: Timeline,
    /// The numbers of references left out: segmentation faults, protection faults, bus errors, dropped
    /// ones.
    pub left_out: Timeline<[u64; 4]>,
    /// Whether a process used the memory of another (vfork): its references are of entries of that one,
    /// and the trace's own entries for it have none.
    pub lends: bool,
    /// The positions of the references left out. Only if references were
    /// [watched](resolve_watched).
    pub left_out_at: Vec<u64>,
    /// Whether any fork found page-table entries that a fault can fill again.
    pub forks_file_ptes: bool,
    /// What becomes of a page of a file that loses its last owner.
    pub page_cache: PageCache,
    /// Whether any page of a file lost its last owner while its bytes were in the file, or was read,
    /// written or copied without owner.
    pub leaves_file_pages: bool,
    /// Whether any reference is to a page beyond the end of its file, whether that is illegal or not.
    pub reaches_beyond_eof: bool,
    /// Whether the trace reads or writes files, whether that counts or not.
    pub has_file_io: bool,
    /// What happens to mappings, in order; empty unless [`Options::changes`].
    pub changes: Vec<ChangeAt>,
    /// The page that a process reads, writes or copies through each of these entries, which are never
    /// bound.
    pub io_entries: FxHashMap<EntryId, FilePage>,
    future: OnceLock<ObjectFuture>,
}

impl Space {
    /// Creates a space in which every entry is an object, and nothing but references happens.
    pub fn identity(dictionary: &Dictionary) -> Space {
        let pages = dictionary.pages.len();
        Space {
            entries: dictionary.pages.clone(),
            first_object: (0..pages as u32).collect(),
            classes: vec![Class::Original; pages],
            ..Space::default()
        }
    }

    /// Returns whether entries are objects, with the same numbers, and nothing but references
    /// happens. A page whose first references were illegal has a lower number than its object.
    pub fn is_identity(&self) -> bool {
        let mut objects = self.first_object.iter().zip(0..);
        self.ops.is_empty() && objects.all(|(&object, entry)| object == entry)
    }
}

/// A trace and its meaning.
#[derive(Debug)]
pub struct Resolved {
    /// The legal references; the digest is that of all, events included.
    pub trace: Trace,
    /// Entries, objects and ops; `None` if each entry is an object and nothing but references
    /// happens.
    pub space: Option<Space>,
    /// Where the mappings came from.
    pub origin: Origin,
    /// What was illegal, refused or without effect.
    pub tally: ResolveCounts,
    bursts: OnceLock<Option<Bursts>>,
    uses: OnceLock<Vec<ProcessUse>>,
    identity: OnceLock<Space>,
}

impl Resolved {
    pub(crate) fn new(
        trace: Trace,
        space: Option<Space>,
        origin: Origin,
        tally: ResolveCounts,
    ) -> Resolved {
        Resolved {
            trace,
            space,
            origin,
            tally,
            bursts: OnceLock::new(),
            uses: OnceLock::new(),
            identity: OnceLock::new(),
        }
    }

    /// Returns the references as bursts, which end where anything else happens; `None` if locality
    /// is so poor that a replay is faster without them. Computed once and shared.
    pub fn bursts(&self) -> Option<&Bursts> {
        let ops = self.space.iter().flat_map(|space| &space.ops);
        let cut = || self.trace.bursts(cuts(ops));
        self.bursts.get_or_init(cut).as_ref()
    }

    /// Returns page tables in which every entry is an object of its own, for replays that need page
    /// tables though nothing is shared. Built once.
    pub fn identity(&self) -> &Space {
        self.identity
            .get_or_init(|| Space::identity(&self.trace.dictionary))
    }
}

/// Returns the positions at which bursts end: before each op, and behind the reference that an op
/// is part of.
pub fn cuts<'o>(ops: impl Iterator<Item = &'o OpAt>) -> impl Iterator<Item = u64> {
    ops.flat_map(|op| {
        let behind = op.op.is_of_reference().then_some(op.position + 1);
        [Some(op.position), behind].into_iter().flatten()
    })
}

impl Resolved {
    /// Returns the page of each entry.
    pub fn entries(&self) -> &[PageKey] {
        match &self.space {
            Some(space) => &space.entries,
            None => &self.trace.dictionary.pages,
        }
    }

    /// Returns the positions of the references left out, if references were
    /// [watched](resolve_watched).
    pub fn left_out_at(&self) -> &[u64] {
        self.space.as_ref().map_or(&[], |space| &space.left_out_at)
    }

    /// Returns the number of mapped pages that are not bound at the end; `None` without mappings.
    pub fn untouched_end(&self) -> Option<u64> {
        let space = self.space.as_ref()?;
        let untouched = || space.mapped.last() - space.touched.last();
        (self.origin != Origin::Permissive).then(untouched)
    }

    /// Returns the number of objects: with that many frames no page is ever evicted.
    pub fn objects(&self) -> usize {
        match &self.space {
            Some(space) => space.classes.len(),
            None => self.trace.distinct(),
        }
    }
}

/// The reason why a trace cannot be resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {place}: {what}\n  help: {help}")]
pub struct SpaceError {
    /// The trace.
    pub name: String,
    /// Where: a reference, and the line if there is one.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub help: &'static str,
}

impl SpaceError {
    /// The same error of the trace called `name`.
    pub fn named(self, name: impl Into<String>) -> SpaceError {
        SpaceError {
            name: name.into(),
            ..self
        }
    }
}
