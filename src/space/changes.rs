//! What happens to the mappings of each process, in order: the record from which models of memory
//! without pages follow which segments there are. Recorded only if [`Options::changes`] asks for it.
//!
//! A change is recorded when it takes effect: what the commit limit refuses is not among them. Knows
//! nothing of segments.
//!
//! [`Options::changes`]: super::Options::changes

use super::vma::Vma;
use crate::trace::model::event::Protection;
use std::ops::Range;

/// A change of the mappings of a process. Ranges are whole pages of the kernel, or of the trace if those
/// are smaller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A mapping is made where nothing is mapped.
    Map(Box<Vma>),
    /// What is mapped in the range goes.
    Unmap(Range<u64>),
    /// The rights of what is mapped in the range change.
    Protect(Range<u64>, Protection),
    /// The mapping that ends at the start of the range extends over it.
    GrowUp(Range<u64>),
    /// The stack that begins at the end of the range extends over it.
    GrowDown(Range<u64>),
    /// What is mapped in `old` goes to `new`, as far as that has room, and the last mapping extends to
    /// the end of `new`. Both have the same start if the range grows in place.
    Move {
        /// The range before.
        old: Range<u64>,
        /// The range afterwards. Nothing else is mapped there.
        new: Range<u64>,
        /// Whether `old` stays mapped, without its contents.
        keep: bool,
    },
    /// `child` has the same mappings from now on.
    Fork {
        /// The child, as an index.
        child: u32,
    },
    /// The name of a file goes. A later mapping with its number is of another file.
    Unlink(u32),
    /// All mappings go.
    Clear,
    /// The process ends. A [`Change::Clear`] comes before, if it has mappings of its own.
    End,
}

/// A change, and when it takes place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeAt {
    /// The legal references before it.
    pub position: u64,
    /// Changes with the same number belong to one event, or to one reference.
    pub cause: u64,
    /// The process, as an index.
    pub process: u32,
    /// The change.
    pub change: Change,
}
