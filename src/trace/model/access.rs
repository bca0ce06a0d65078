//! One memory access as a trace file states it: process, kind, address, size. Also how addresses are
//! read, and what kind of recording a trace is. Knows nothing of events, files or formats.

use crate::units::PageSize;
use serde::{Deserialize, Serialize};

use crate::simd::packed::{ADDR_MASK, KIND_SHIFT, SIZE_MASK, SIZE_SHIFT};

/// What an access does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// An instruction is fetched.
    Ifetch = 0,
    /// Data is read.
    Read = 1,
    /// Data is written. A read-modify-write of one address (lackey's `M`) is one write.
    Write = 2,
}

impl Kind {
    /// Every kind, in the order of its code.
    pub const ALL: [Kind; 3] = [Kind::Ifetch, Kind::Read, Kind::Write];

    /// Returns the letter of the kind in our text format and in tables: `I`, `R` or `W`.
    pub const fn letter(self) -> char {
        match self {
            Kind::Ifetch => 'I',
            Kind::Read => 'R',
            Kind::Write => 'W',
        }
    }
}

/// One access, as a trace file states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// The process as the file numbers it; 0 where the format has no processes.
    pub pid: u32,
    /// What the access does.
    pub kind: Kind,
    /// Bytes touched from `addr` on, at least 1. Where the addressing is [`Addressing::Ids`],
    /// the number of consecutive pages.
    pub size: u32,
    /// The byte address of the first byte touched, or the page id (see [`Addressing`]).
    pub addr: u64,
}

/// An access of process 0 in eight bytes, laid out as in [`packed`](crate::simd::packed). Most accesses of a program are so, and take a third of
/// the memory on their way.
pub(crate) type Packed = u64;

impl Access {
    /// An access by process 0 to one byte, or with ids to one page.
    #[inline]
    pub(crate) const fn single(kind: Kind, addr: u64) -> Access {
        Access {
            pid: 0,
            kind,
            size: 1,
            addr,
        }
    }

    /// In eight bytes, if it fits.
    pub(crate) fn packed(&self) -> Option<Packed> {
        let size = u64::from(self.size);
        let fits = self.pid == 0 && self.addr <= ADDR_MASK && (1..=SIZE_MASK).contains(&size);
        fits.then_some(self.addr | size << SIZE_SHIFT | (self.kind as u64) << KIND_SHIFT)
    }

    /// What was packed.
    pub(crate) fn unpacked(word: Packed) -> Access {
        Access {
            pid: 0,
            kind: match word >> KIND_SHIFT {
                0 => Kind::Ifetch,
                1 => Kind::Read,
                _ => Kind::Write,
            },
            size: (word >> SIZE_SHIFT & SIZE_MASK) as u32,
            addr: word & ADDR_MASK,
        }
    }

    /// Returns the address of the last byte touched, or the last id. Does not wrap around.
    #[inline]
    pub fn last(&self) -> u64 {
        let more = u64::from(self.size.max(1)) - 1;
        self.addr.saturating_add(more)
    }
}

/// How the addresses of a trace are to be read. A `.pbt` states its name in lower case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Addressing {
    /// Byte addresses: the page is the address divided by the page size.
    #[default]
    Bytes,
    /// Page (block, object) ids: each id is a page, whatever the page size.
    Ids,
}

impl Addressing {
    /// Returns how far to shift an address right to get its page, for pages of `page_size`. 0 for ids,
    /// which are pages whatever the size.
    pub fn page_shift(self, page_size: PageSize) -> u32 {
        match self {
            Addressing::Bytes => u32::from(page_size.shift()),
            Addressing::Ids => 0,
        }
    }
}

/// What kind of recording a trace is. It travels with every result row, since it decides whether
/// a fault rate means anything. A `.pbt` states its [name](TraceKind::name).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TraceKind {
    /// Every access of the traced interval.
    Full,
    /// A sample of the accesses.
    Sampled,
    /// Only the accesses that faulted in some other memory.
    FaultsOnly,
    /// Requests to a block device or store, already filtered by a cache above it.
    BlockIo,
    /// Made by a generator.
    Synthetic,
}

impl TraceKind {
    /// Every kind of trace, in the order of listings.
    pub const ALL: [TraceKind; 5] = [
        TraceKind::Full,
        TraceKind::Sampled,
        TraceKind::FaultsOnly,
        TraceKind::BlockIo,
        TraceKind::Synthetic,
    ];

    /// Returns the name used in results, on the command line and in `.pbt`.
    pub const fn name(self) -> &'static str {
        match self {
            TraceKind::Full => "full",
            TraceKind::Sampled => "sampled",
            TraceKind::FaultsOnly => "faults-only",
            TraceKind::BlockIo => "block-io",
            TraceKind::Synthetic => "synthetic",
        }
    }

    /// Returns a warning for readers of a fault rate of this kind of trace, if one is due.
    pub const fn warning(self) -> Option<&'static str> {
        match self {
            TraceKind::Full | TraceKind::Synthetic => None,
            TraceKind::Sampled => Some("a sample of the accesses: reuse distances are distorted"),
            TraceKind::FaultsOnly => {
                Some("the misses of another memory, not references: the rate is not the program's")
            }
            TraceKind::BlockIo => Some(
                "block requests already filtered by a cache: read the rate as a second-level one",
            ),
        }
    }
}
