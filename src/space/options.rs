//! The choices of a resolution: what mappings, illegal references, forks and files mean where systems
//! or users differ. Knows nothing of how they are carried out.

use super::Origin;
use crate::trace::model::event::USER_END;

/// The meaning of a trace without mappings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mappings {
    /// Every page is private memory of its process from its first touch on.
    #[default]
    Permissive,
    /// Touched pages are gathered into mappings, whose kinds follow from how the pages are used.
    Infer,
}

/// What an illegal reference does to its process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnSegfault {
    /// It ends there.
    #[default]
    Kill,
    /// The reference is left out; the process goes on.
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

/// What becomes of a page of a file that no process maps any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PageCache {
    /// It stays in its frame, and is found when it is mapped again.
    Keep,
    /// It leaves, and is another page when it is mapped again.
    #[default]
    Drop,
}

impl PageCache {
    /// Both ways, with their names on the command line and in results.
    pub const ALL: [(PageCache, &'static str); 2] =
        [(PageCache::Keep, "keep"), (PageCache::Drop, "drop")];

    /// The name.
    pub fn name(self) -> &'static str {
        PageCache::ALL[self as usize].1
    }
}

/// Whether reads and writes of files use their pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FileIo {
    /// They change nothing.
    #[default]
    Ignore,
    /// Each page is found in memory or loaded.
    Count,
}

impl FileIo {
    /// Both ways, with their names on the command line and in results.
    pub const ALL: [(FileIo, &'static str); 2] =
        [(FileIo::Ignore, "ignore"), (FileIo::Count, "count")];

    /// The name.
    pub fn name(self) -> &'static str {
        FileIo::ALL[self as usize].1
    }
}

/// What a reference to a page of a mapping is that begins beyond the end of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BeyondEof {
    /// The page holds zeros.
    #[default]
    Zero,
    /// It is illegal: a bus error (SIGBUS).
    Fault,
}

impl BeyondEof {
    /// Both ways, with their names on the command line and in results.
    pub const ALL: [(BeyondEof, &'static str); 2] =
        [(BeyondEof::Zero, "zero"), (BeyondEof::Fault, "fault")];

    /// The name.
    pub fn name(self) -> &'static str {
        BeyondEof::ALL[self as usize].1
    }
}

/// The choices of a resolution.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// What a trace without mappings means.
    pub mappings: Mappings,
    /// What an illegal reference does.
    pub on_segfault: OnSegfault,
    /// The limit of committed memory of all processes, in bytes (strict overcommit). What would
    /// exceed it is refused: map, protect, heap, stack, fork. `None`: nothing is refused.
    pub commit_limit: Option<u64>,
    /// Which addresses there are.
    pub layout: AddressLayout,
    /// Whether a child inherits the page-table entries that a fault can fill again.
    pub fork_file_ptes: ForkFilePtes,
    /// What becomes of pages of files that no process maps any more. `None`: they stay if the mappings
    /// were recorded.
    pub page_cache: Option<PageCache>,
    /// Whether reads and writes of files use their pages.
    pub file_io: FileIo,
    /// What a reference to a page beyond the end of its file is.
    pub beyond_eof: BeyondEof,
    /// Whether the changes of mappings are recorded. They change no count.
    pub changes: bool,
    /// Whether pages that a child inherits and that nothing uses later have no entries. They change no
    /// count of a replay, but page tables cannot be shown without them. Ignored if changes are recorded.
    pub only_used_entries: bool,
}

impl Options {
    /// Returns what becomes of unmapped pages of files in a trace whose mappings came from `origin`.
    pub fn page_cache(&self, origin: Origin) -> PageCache {
        self.page_cache.unwrap_or(match origin {
            Origin::Recorded => PageCache::Keep,
            Origin::Permissive | Origin::Inferred => PageCache::Drop,
        })
    }
}

/// Which addresses a process has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AddressLayout {
    /// Those of the largest layout: user space ends at 2^56.
    #[default]
    Any,
    /// 32-bit x86: user space ends at 3 GiB, the kernel's part at 4 GiB.
    TwoLevel,
}

impl AddressLayout {
    /// Every layout, with its names on the command line. Results have the first of them.
    pub const ALL: [(AddressLayout, &'static str); 3] = [
        (AddressLayout::Any, "any"),
        (AddressLayout::TwoLevel, "two-level"),
        (AddressLayout::TwoLevel, "i386"),
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        let mut all = AddressLayout::ALL.into_iter();
        let own = all.find(|(layout, _)| *layout == self);
        own.expect("every layout has a name").1
    }

    /// Returns the first address behind user space.
    pub fn user_end(self) -> u64 {
        match self {
            AddressLayout::Any => USER_END,
            AddressLayout::TwoLevel => 3 << 30,
        }
    }

    /// Returns the first address that the layout does not have; `None` if it has all.
    pub fn end(self) -> Option<u64> {
        match self {
            AddressLayout::Any => None,
            AddressLayout::TwoLevel => Some(1 << 32),
        }
    }
}

/// What a fork does with the page-table entries that a fault can fill again: those of mappings that are
/// shared, or of files and without private pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ForkFilePtes {
    /// The child inherits them, as those for other pages.
    #[default]
    Copy,
    /// The child has none, as in Linux: its first reference to such a page is a fault.
    Drop,
}

impl ForkFilePtes {
    /// Both ways, with their names on the command line and in results.
    pub const ALL: [(ForkFilePtes, &'static str); 2] =
        [(ForkFilePtes::Copy, "copy"), (ForkFilePtes::Drop, "drop")];

    /// The name.
    pub fn name(self) -> &'static str {
        ForkFilePtes::ALL[self as usize].1
    }
}
