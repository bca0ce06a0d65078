//! Address spaces: what the references and events of a trace mean for processes, their mappings
//! and the pages behind them. Worked out once per trace, since none of it depends on the
//! replacement policy or on the number of frames; every cell replays the result.
//!
//! # Entries and objects
//!
//! An *entry* is one page of one process: a page-table entry. Its number is the dense id of the
//! references; entries that are inherited by a fork and never referenced have numbers behind
//! those. An *object* is what can be in a frame: a page of private memory, of shared memory or of
//! a file. An entry is *bound* to the object that it shows; several entries may be bound to one
//! object, which are its owners, whether it is resident or not. So it is known from the trace
//! alone whether a write to a page shared copy-on-write must copy it.
//!
//! What changes bindings, and what the machine must do with frames because of it, is a list of
//! [`Op`]s by position. A trace without events has none of this: each entry is an object, and
//! [`Resolved::space`] is `None`.
//!
//! # What is owned by whom
//!
//! | module | owns |
//! |---|---|
//! | [`vma`] | the mappings of one process |
//! | `resolver` | processes and bindings: references and events in, ops out |
//! | `bind` | what is legal, and which object a reference is of |
//! | `events` | the meaning of each event |
//! | `infer` | mappings for a trace that has none |
//! | `timeline` | numbers that change with the position |
//! | `up_to` | what a trace comes to up to the end of a replay that ended early |
//! | `uses` | what each process needs frames for |
//!
//! Deliberately absent: frames, residency, policies, time.

mod bind;
mod events;
mod infer;
mod resolver;
#[cfg(test)]
mod tests;
mod timeline;
mod up_to;
mod uses;
pub mod vma;

pub use resolver::{resolve, resolve_at, resolve_watched};
pub use timeline::{End, Timeline};
pub use up_to::UpTo;
pub use uses::ProcessUse;

use crate::trace::bursts::Bursts;
use crate::trace::dense::{Dictionary, NEVER, PageKey, Ref, Trace, pack, page_of};
use crate::trace::event::Protection;
use crate::trace::record::Kind;
pub use crate::units::EntryId;
use crate::units::PageId;
use std::sync::OnceLock;
use vma::Vma;

/// The number of an object: something that can be in a frame.
pub type ObjectId = PageId;

/// No object, no entry, no process.
pub const NONE: u32 = u32::MAX;

/// The first byte beyond user space: half of a 57-bit address space, the largest of today's
/// machines, belongs to the kernel.
pub const USER_END: u64 = 1 << 56;

/// How far below its end a stack may grow by being touched, in bytes: the usual limit of Linux.
pub const STACK_LIMIT: u64 = 8 << 20;

/// What a trace without mappings is taken to mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mappings {
    /// Every page is private memory of its process from its first touch on.
    #[default]
    Permissive,
    /// Touched pages are gathered into mappings, their kinds told by how they are used.
    Infer,
}

/// What happens to a process that touches what it may not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnSegfault {
    /// It ends there.
    #[default]
    Kill,
    /// The reference is left out, the process goes on.
    Skip,
    /// The trace is refused.
    Abort,
}

impl OnSegfault {
    /// Every way, with its name on the command line and in results.
    pub const ALL: [(OnSegfault, &'static str); 3] = [
        (OnSegfault::Kill, "kill"),
        (OnSegfault::Skip, "skip"),
        (OnSegfault::Abort, "abort"),
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        OnSegfault::ALL[self as usize].1
    }
}

/// The choices of a resolution.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// What a trace without mappings means.
    pub mappings: Mappings,
    /// What an illegal reference does.
    pub on_segfault: OnSegfault,
    /// Strict overcommit: a map, a growing heap or stack, or a fork that would bring the memory
    /// promised to all processes over so many bytes is refused. `None`: nothing is refused.
    pub commit_limit: Option<u64>,
}

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
    /// Nobody knows: its first touch is a cold fill, and it is read again from where it came from.
    Original,
    /// Zeros: nothing needs to be read.
    Zero,
    /// A file, which is read, and written when the page was.
    File,
}

/// What the machine does besides replaying references. Entries named are bound, objects alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// The entry, which is not present, is bound to another object than before.
    Bind {
        /// The entry.
        entry: EntryId,
        /// What it is bound to now.
        object: ObjectId,
    },
    /// A fork: `to` is present if `from` is. If the page is private the entry of `from` becomes
    /// read-only, so its translations are dropped.
    Copy {
        /// The parent's entry.
        from: EntryId,
        /// The child's.
        to: EntryId,
        /// Whether a later write must not be seen by the other.
        private: bool,
    },
    /// The entry is present no longer.
    Drop {
        /// The entry.
        entry: EntryId,
        /// Nor is it bound.
        unbinds: bool,
    },
    /// The entry's translations are dropped: its protection changed.
    Flush {
        /// The entry.
        entry: EntryId,
    },
    /// The last owner is gone: frame and slot are free.
    Free {
        /// The object.
        object: ObjectId,
    },
    /// A page that will be needed is brought in, if it must be read from a device.
    Prefetch {
        /// The entry through which it was asked for.
        entry: EntryId,
    },
    /// The reference at this position writes a page that must be copied first.
    CowCopy {
        /// The entry that writes.
        entry: EntryId,
        /// What is copied; [`NONE`] for a page of a file that no one has mapped.
        source: ObjectId,
        /// The copy.
        object: ObjectId,
        /// The source has no owner afterwards.
        frees: bool,
    },
    /// The reference at this position writes a page that was shared copy-on-write and has no other
    /// owner left.
    Reuse {
        /// The entry that writes.
        entry: EntryId,
    },
}

impl Op {
    /// Whether it is part of the reference at its position rather than before it.
    pub fn is_of_reference(self) -> bool {
        matches!(self, Op::CowCopy { .. } | Op::Reuse { .. })
    }
}

/// An op and the legal reference before which, or with which, it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpAt {
    /// The position among the legal references.
    pub position: u64,
    /// The op.
    pub op: Op,
}

/// A reference that was not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Illegal {
    /// Its position in the trace, from 0.
    pub position: u64,
    /// The process, as an index.
    pub process: u32,
    /// The number of the page.
    pub page: u64,
    /// What it would have done.
    pub kind: Kind,
    /// There is no mapping; else the mapping does not allow it, or the kernel's half was touched.
    pub segmentation: bool,
}

impl Illegal {
    /// Returns the name of the fault: `segmentation` or `protection`.
    pub fn fault_name(&self) -> &'static str {
        if self.segmentation {
            "segmentation"
        } else {
            "protection"
        }
    }

    /// Returns the reason in words: `no mapping` or `not allowed`.
    pub fn why(&self) -> &'static str {
        if self.segmentation {
            "no mapping"
        } else {
            "not allowed"
        }
    }
}

/// An event that could not be as the trace has it, though a kernel would go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its position in the trace, from 0: an event stands before the reference at its position, and
    /// a growing stack is part of it.
    pub position: u64,
    /// The process, as an index.
    pub process: u32,
    /// What was refused, and why.
    pub what: String,
}

/// How many of the illegal references and of the refusals are listed; all are counted.
pub const LISTED: usize = 1000;

/// What resolving a trace counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// References to pages without a mapping.
    pub segfaults: u64,
    /// References that a mapping does not allow.
    pub protection_faults: u64,
    /// References of processes that an illegal reference or a refused fork had ended.
    pub dropped: u64,
    /// Events without effect: nothing was mapped there, or the heap could not be so.
    pub idle_events: u64,
    /// Events refused by the commit limit.
    pub refused: u64,
    /// The first illegal references.
    pub illegal: Vec<Illegal>,
    /// The first refusals.
    pub refusals: Vec<Refusal>,
}

/// What is resolved of a trace with events, for the machine.
#[derive(Debug, Default)]
pub struct Space {
    /// The page that each entry is; those of the trace's dictionary come first.
    pub entries: Vec<PageKey>,
    /// The object to which each entry is bound first; [`NONE`] if it never is.
    pub first_object: Vec<ObjectId>,
    /// What backs each object.
    pub classes: Vec<Class>,
    /// What happens besides the references, by position.
    pub ops: Vec<OpAt>,
    /// The pages that the mappings of each process have, of all processes together. A page of a
    /// process counts once, however many mappings have a part of it.
    pub mapped: Timeline,
    /// Of these, the pages that are bound to something; not kept without mappings.
    pub touched: Timeline,
    /// References left out: segmentation faults, protection faults, and those dropped.
    pub left_out: Timeline<[u64; 3]>,
    /// Pages of mappings at the end that are bound to nothing.
    pub untouched_end: u64,
    future: OnceLock<ObjectFuture>,
}

/// The references as references of objects, and when each object is used next.
#[derive(Debug)]
pub struct ObjectFuture {
    /// For each reference its object, packed like the trace's references.
    pub refs: Vec<Ref>,
    /// The position of the next reference of the same object, or [`NEVER`].
    pub next_use: Vec<u32>,
    /// For each op that prefetches, when its object is used next; [`NEVER`] for the others.
    pub after_op: Vec<u32>,
}

impl Space {
    /// Every entry an object of its own, and nothing but references.
    pub fn identity(dictionary: &Dictionary) -> Space {
        let pages = dictionary.pages.len();
        Space {
            entries: dictionary.pages.clone(),
            first_object: (0..pages as u32).collect(),
            classes: vec![Class::Original; pages],
            ..Space::default()
        }
    }

    /// Whether entries are objects, with the same numbers, and nothing but references happens. A
    /// page whose first references were illegal has an earlier number than its object.
    pub fn is_identity(&self) -> bool {
        let mut objects = self.first_object.iter().zip(0..);
        self.ops.is_empty() && objects.all(|(&object, entry)| object == entry)
    }

    /// What a policy that knows the future must know. Worked out once and shared. `None` for a
    /// trace of 2^32 - 1 references or more.
    pub fn future(&self, refs: &[Ref]) -> Option<&ObjectFuture> {
        if refs.len() >= NEVER as usize {
            return None;
        }
        Some(self.future.get_or_init(|| self.look_ahead(refs)))
    }

    fn look_ahead(&self, refs: &[Ref]) -> ObjectFuture {
        let mut object_of = self.first_object.clone();
        let mut wanted = vec![NONE; self.ops.len()];
        let mut ops = self.ops.iter().enumerate().peekable();
        let mut objects = Vec::with_capacity(refs.len());
        for (position, &reference) in refs.iter().enumerate() {
            while let Some((index, at)) = ops.next_if(|(_, at)| at.position <= position as u64) {
                match at.op {
                    Op::Bind { entry, object } | Op::CowCopy { entry, object, .. } => {
                        object_of[entry as usize] = object;
                    }
                    Op::Prefetch { entry } => wanted[index] = object_of[entry as usize],
                    _ => {}
                }
            }
            objects.push(pack(
                object_of[page_of(reference) as usize],
                reference & 1 != 0,
            ));
        }
        let mut upcoming = vec![NEVER; self.classes.len()];
        let mut next_use = vec![NEVER; refs.len()];
        let mut after_op = vec![NEVER; self.ops.len()];
        let mut ops = self.ops.iter().enumerate().rev().peekable();
        for position in (0..refs.len()).rev() {
            while let Some((index, _)) = ops.next_if(|(_, at)| at.position > position as u64) {
                if wanted[index] != NONE {
                    after_op[index] = upcoming[wanted[index] as usize];
                }
            }
            let object = page_of(objects[position]) as usize;
            next_use[position] = std::mem::replace(&mut upcoming[object], position as u32);
        }
        for (index, _) in ops {
            if wanted[index] != NONE {
                after_op[index] = upcoming[wanted[index] as usize];
            }
        }
        ObjectFuture {
            refs: objects,
            next_use,
            after_op,
        }
    }
}

/// A trace and what it means.
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
    pub tally: Tally,
    bursts: OnceLock<Option<Bursts>>,
    uses: OnceLock<Vec<ProcessUse>>,
}

impl Resolved {
    pub(crate) fn new(
        trace: Trace,
        space: Option<Space>,
        origin: Origin,
        tally: Tally,
    ) -> Resolved {
        Resolved {
            trace,
            space,
            origin,
            tally,
            bursts: OnceLock::new(),
            uses: OnceLock::new(),
        }
    }

    /// The references as bursts that end where anything else happens; `None` if its locality is so
    /// poor that a replay is faster without. Worked out once and shared.
    pub fn bursts(&self) -> Option<&Bursts> {
        let ops = self.space.iter().flat_map(|space| &space.ops);
        let cut = || self.trace.bursts(cuts(ops));
        self.bursts.get_or_init(cut).as_ref()
    }
}

/// Where bursts end: before each op, and behind the reference that it is part of.
pub fn cuts<'o>(ops: impl Iterator<Item = &'o OpAt>) -> impl Iterator<Item = u64> {
    ops.flat_map(|op| {
        let behind = op.op.is_of_reference().then_some(op.position + 1);
        [Some(op.position), behind].into_iter().flatten()
    })
}

impl Resolved {
    /// The number of entries that were ever bound to something.
    pub fn entries(&self) -> &[PageKey] {
        match &self.space {
            Some(space) => &space.entries,
            None => &self.trace.dictionary.pages,
        }
    }

    /// Pages of mappings at the end that are bound to nothing; `None` without mappings.
    pub fn untouched_end(&self) -> Option<u64> {
        let space = self.space.as_ref()?;
        (self.origin != Origin::Permissive).then_some(space.untouched_end)
    }

    /// The number of distinct objects: as many frames hold all there ever is.
    pub fn objects(&self) -> usize {
        match &self.space {
            Some(space) => space.classes.len(),
            None => self.trace.distinct(),
        }
    }
}

/// What a page-table entry allows around a reference: the rights of its mapping, without the right
/// to write while a write would have to copy the page. Nothing as long as the page is not known.
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
    /// Its object is its own, or it may be written all the same.
    Private,
    /// The object may have other owners: the next write copies it, or finds it alone.
    Cow,
    /// The object is a page of a file that a private mapping shows: the next write copies it.
    CowFile,
    /// Writes are seen by all owners.
    Shared,
}

/// A process as it stands at a position.
#[derive(Debug, Clone)]
pub struct ProcessView {
    /// The process, as an index.
    pub process: u32,
    /// What it is: `alive`, `exited`, `killed`, or `refused` if its fork was.
    pub state: &'static str,
    /// Its mappings.
    pub vmas: Vec<Vma>,
    /// Its bound pages in ascending order: page number, entry, object, binding.
    pub bound: Vec<(u64, EntryId, ObjectId, Binding)>,
}

/// All processes as they stand at a position.
#[derive(Debug, Clone)]
pub struct View {
    /// The legal references before it.
    pub position: u64,
    /// The ops before it.
    pub ops: usize,
    /// The processes that have appeared.
    pub processes: Vec<ProcessView>,
    /// The owners of each object.
    pub owners: Vec<u32>,
}

/// Why a trace has no meaning.
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
