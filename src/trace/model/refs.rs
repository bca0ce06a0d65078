//! What the dense trace is made of: packed references, their kinds, the dictionary of pages, and the
//! metadata.
//!
//! Knows nothing of how references are kept and read.

use super::access::{Addressing, Kind, TraceKind};
use crate::units::{PageId, PageSize};

/// A reference packed for the replay loop: page id times two, plus one if it writes.
pub type Ref = u32;

/// The kind of a reference in the dense trace: the code of [`Kind`], plus [`CONTINUES`].
pub type KindCode = u8;
/// Set on the second and later references of one access that crosses page boundaries. A coarser
/// page size merges such a reference with the one before it.
pub const CONTINUES: KindCode = 4;
/// Masks the kind proper out of a [`KindCode`].
pub const KIND_MASK: KindCode = 3;

/// Entry of [`Trace::next_use`](super::dense::Trace::next_use) for a page that is not referenced again.
pub const NEVER: u32 = u32::MAX;

/// Returns the number of references of each kind: ifetch, read, write.
pub fn count_kinds(kinds: &[KindCode]) -> [u64; 3] {
    let mut by_kind = [0; 3];
    // Short enough for sums in bytes, which the compiler vectorizes.
    for piece in kinds.chunks(128) {
        for (code, sum) in by_kind.iter_mut().enumerate() {
            let is = |kind: &KindCode| u8::from(usize::from(kind & KIND_MASK) == code);
            *sum += u64::from(piece.iter().map(is).sum::<u8>());
        }
    }
    by_kind
}

/// Returns the number of references that continue the access before them.
pub fn count_continuations(kinds: &[KindCode]) -> u64 {
    let in_piece = |piece: &[KindCode]| {
        let is = |kind: &KindCode| u8::from(kind & CONTINUES != 0);
        u64::from(piece.iter().map(is).sum::<u8>())
    };
    kinds.chunks(128).map(in_piece).sum()
}

/// Packs a reference.
#[inline]
pub fn pack(page: PageId, write: bool) -> Ref {
    page << 1 | u32::from(write)
}

/// Returns the page of a packed reference.
#[inline]
pub fn page_of(reference: Ref) -> PageId {
    reference >> 1
}

/// Returns whether a packed reference writes.
#[inline]
pub fn is_write(reference: Ref) -> bool {
    reference & 1 != 0
}

/// Returns the kind of a reference.
///
/// # Panics
/// Panics if the code is not one of a kind.
#[inline]
pub fn kind_of(code: KindCode) -> Kind {
    Kind::ALL[usize::from(code & KIND_MASK)]
}

/// A page of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PageKey {
    /// The process, as an index into [`Dictionary::pids`].
    pub process: u32,
    /// The page number: address divided by page size, or the id itself.
    pub number: u64,
}

/// The pages of a trace, by dense id, and its processes, both in order of first reference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dictionary {
    /// Process ids as the file numbers them.
    pub pids: Vec<u32>,
    /// The page of each id.
    pub pages: Vec<PageKey>,
}

impl Dictionary {
    /// Returns the process id that the file gives the process with the index `process`.
    pub fn pid(&self, process: u32) -> u32 {
        self.pids[process as usize]
    }
}

/// Metadata of a trace: name, format, kind, page size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// The name: the file name without folder, codec and format endings, unless given.
    pub name: String,
    /// The format it was first read from.
    pub format: String,
    /// The kind of recording.
    pub kind: TraceKind,
    /// Whether page numbers come from byte addresses or are ids.
    pub addressing: Addressing,
    /// The page size; for ids only the nominal size of one page.
    pub page_size: PageSize,
    /// Bad records that were skipped when the original was read.
    pub skipped: u64,
}

impl Meta {
    /// Returns how far to shift a page number left to get the address of the page; 0 for ids.
    pub fn page_shift(&self) -> u32 {
        self.addressing.page_shift(self.page_size)
    }

    /// Returns the text of the page `number`: its address in hexadecimal, or the id itself.
    pub fn page_text(&self, number: u64) -> String {
        match self.addressing {
            Addressing::Bytes => format!("{:#x}", u128::from(number) << self.page_shift()),
            Addressing::Ids => number.to_string(),
        }
    }
}

/// References, one by one. `refs` and `kinds` have the same length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// The packed references.
    pub refs: Vec<Ref>,
    /// The kind of each reference.
    pub kinds: Vec<KindCode>,
}

impl References {
    /// Returns the number of references.
    #[inline]
    pub fn len(&self) -> usize {
        self.refs.len()
    }

    /// Returns true if there is no reference.
    pub fn is_empty(&self) -> bool {
        self.refs.is_empty()
    }

    /// Removes all references and keeps the memory.
    pub fn clear(&mut self) {
        self.refs.clear();
        self.kinds.clear();
    }

    /// Appends a reference to `page` whose kind is `code`.
    #[inline]
    pub fn push(&mut self, page: PageId, code: KindCode) {
        let write = code & KIND_MASK == Kind::Write as KindCode;
        self.refs.push(pack(page, write));
        self.kinds.push(code);
    }

    /// Appends references. `refs` and `kinds` have the same length.
    pub fn extend(&mut self, refs: &[Ref], kinds: &[KindCode]) {
        self.refs.extend_from_slice(refs);
        self.kinds.extend_from_slice(kinds);
    }
}
/// Returns the position among all references of the `legal`-th one, from 0, of those that are left if
/// the references at the positions `left_out`, in ascending order, are taken away.
pub fn position_of(left_out: &[u64], legal: u64) -> u64 {
    let (mut low, mut high) = (0, left_out.len());
    while low < high {
        let middle = low + (high - low) / 2;
        // References before `left_out[middle]` that are left.
        match left_out[middle] - middle as u64 <= legal {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    legal + low as u64
}
