//! Curves: faults over memory for many sizes in one pass over the references of a trace.
//!
//! One file per engine. Each gives exactly the counts of replays by [`vm::run`](crate::vm::run), one
//! at each size, of a trace in which nothing is shared and nothing is unmapped; only [`sample`]
//! estimates. [`CurveKind`] lists the curves. [`by_bursts`] has faster twins of most engines;
//! [`CurveInputs`] chooses between them.
//!
//! Deliberately absent: mappings and sharing, TLBs, swap, files.

pub mod by_bursts;
mod engines;
mod intervals;
mod kind;
mod lanes;
mod lru;
mod opt;
mod rings;
pub mod sample;
mod sizes;
mod stack_distance;
mod wanted;

pub use self::engines::CurveInputs;
pub use self::wanted::{Amounts, Wanted};
pub use crate::policy::CurveKind;
pub use intervals::{UseIntervals, intervals};
pub use lanes::{clock, fifo};
pub use lru::{LruCurve, lru};
pub use opt::opt;
pub use rings::LANES;
pub use sizes::{lane_sizes, least_size, powers, spread};

use crate::trace::TraceError;
use crate::trace::bursts::Columns;
use crate::trace::model::refs::{Ref, page_of};

/// The counts with one amount of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Frames, or the window in references of the process.
    pub memory: u64,
    /// Faults.
    pub faults: u64,
    /// Dirty pages that left memory; `None` if the engine does not count them.
    pub write_backs: Option<u64>,
    /// Sum over all references of the number of resident pages after it.
    pub resident_sum: u128,
}

/// The trace has more references than the engines' 32-bit times can count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a curve of {0} takes traces of at most 2^32 - 2 references; take a part with --limit")]
pub struct TooLong(pub &'static str);

/// Why there is no curve.
#[derive(Debug, thiserror::Error)]
pub enum CurveError {
    /// The trace is too long.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// The file of the trace states something else than its references.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

/// How memory fills: the same for every policy that loads pages on demand and evicts only when every
/// frame is taken.
#[derive(Debug, Clone)]
pub struct Filling {
    /// `sums[n]`: for the first `n` pages, references from first use to the end of the trace, added
    /// up.
    sums: Vec<u128>,
}

impl Filling {
    /// Computes it from the positions of first references, ascending, in a trace of `refs`
    /// references.
    pub fn new(first_uses: &[u64], refs: u64) -> Filling {
        let mut sums = Vec::with_capacity(first_uses.len() + 1);
        let mut sum = 0;
        sums.push(sum);
        for position in first_uses {
            sum += u128::from(refs - position);
            sums.push(sum);
        }
        Filling { sums }
    }

    /// Computes it from references to pages below `pages`.
    pub fn of(refs: &[Ref], pages: usize) -> Filling {
        let mut seen = vec![false; pages];
        let mut first_uses = Vec::with_capacity(pages);
        for (position, &reference) in refs.iter().enumerate() {
            let seen = &mut seen[page_of(reference) as usize];
            if !*seen {
                *seen = true;
                first_uses.push(position as u64);
            }
        }
        Filling::new(&first_uses, refs.len() as u64)
    }

    /// Like [`Filling::of`], from the first references that the lists of bursts state.
    pub fn of_bursts(columns: &Columns, pages: usize) -> Filling {
        let mut seen = vec![false; pages];
        let mut first_uses = Vec::with_capacity(pages);
        for burst in 0..columns.len() {
            for at in columns.list(burst) {
                let seen = &mut seen[page_of(columns.pages[at]) as usize];
                if !std::mem::replace(seen, true) {
                    first_uses.push(columns.starts[burst] + u64::from(columns.first[at]));
                }
            }
        }
        let refs = columns.starts.last().copied().unwrap_or(0);
        Filling::new(&first_uses, refs)
    }

    /// Returns the number of distinct pages.
    pub fn pages(&self) -> usize {
        self.sums.len() - 1
    }

    /// Returns the sum over all references of the number of resident pages, with `frames` frames.
    pub fn resident_sum(&self, frames: u64) -> u128 {
        let filled = usize::try_from(frames).unwrap_or(usize::MAX);
        self.sums[filled.min(self.pages())]
    }
}
