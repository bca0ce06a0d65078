//! Curves: faults over memory for many sizes in one pass over the references of a trace.
//!
//! One file per engine; each gives exactly what a replay at each size by [`vm::run`](crate::vm::run)
//! gives, where nothing is shared and nothing is unmapped. [`TABLE`] is the list of them.
//! [`sample`] alone estimates. [`by_bursts`] has faster twins of some; [`Source`] chooses.
//!
//! Deliberately absent: mappings and sharing, TLBs, swap, files.

pub mod by_bursts;
mod choice;
mod clock;
mod fifo;
mod intervals;
mod lru;
mod opt;
mod recency;
mod rings;
pub mod sample;
mod sizes;
mod source;

pub use choice::{Amounts, Choice, Wanted, has_windows, lane_sizes, lists_do, tells_write_backs};
pub use clock::clock;
pub use fifo::fifo;
pub use intervals::{Intervals, intervals};
pub use lru::{LruCurve, lru};
pub use opt::{OptCurve, opt};
pub use rings::LANES;
pub use sizes::{POINTS, outline, spread, spread_from};
pub use source::Source;

use crate::trace::bursts::Columns;
use crate::trace::dense::{Ref, page_of};

/// How the memory of a curve is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// By frames; every size comes from one pass.
    AllFrames,
    /// By frames; [`LANES`] sizes come from one pass.
    SomeFrames,
    /// By windows of so many references of a process; every one comes from one pass.
    Windows,
}

/// A kind of curve.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The name: that of the policy, where it is one of the policies' table.
    pub name: &'static str,
    /// How memory is given.
    pub axis: Axis,
    /// From how many amounts of memory on the curve is sooner there than as many replays: measured,
    /// and no count depends on it.
    pub pays_from: usize,
    /// What comes of it, one line.
    pub about: &'static str,
    /// The source of the algorithm.
    pub cite: &'static str,
}

/// Every kind of curve, in the order of listings.
pub const TABLE: [Spec; 6] = [
    Spec {
        name: "lru",
        axis: Axis::AllFrames,
        pays_from: 3,
        about: "faults and write-backs at every number of frames",
        cite: "R. L. Mattson, J. Gecsei, D. R. Slutz, I. L. Traiger, IBM Systems Journal 9(2), 1970; B. T. Bennett, V. J. Kruskal, IBM Journal of Research and Development 19(4), 1975",
    },
    Spec {
        name: "opt",
        axis: Axis::AllFrames,
        pays_from: 16,
        about: "faults at every number of frames (write-backs depend on how ties are broken)",
        cite: "R. L. Mattson, J. Gecsei, D. R. Slutz, I. L. Traiger, IBM Systems Journal 9(2), 1970",
    },
    Spec {
        name: "ws",
        axis: Axis::Windows,
        pays_from: 2,
        about: "faults, write-backs and mean resident size of the working set at every window",
        cite: "D. R. Slutz, I. L. Traiger, Communications of the ACM 17(10), 1974",
    },
    Spec {
        name: "vmin",
        axis: Axis::Windows,
        pays_from: 1,
        about: "the least mean resident size with the faults of the working set, at every window",
        cite: "B. G. Prieve, R. S. Fabry, Communications of the ACM 19(5), 1976",
    },
    Spec {
        name: "fifo",
        axis: Axis::SomeFrames,
        pays_from: 2,
        about: "faults and write-backs at 64 numbers of frames a pass",
        cite: "each page has a word with a bit per number of frames",
    },
    Spec {
        name: "clock",
        axis: Axis::SomeFrames,
        pays_from: 2,
        about: "faults and write-backs at 64 numbers of frames a pass, both load-bit rules",
        cite: "each page has words with a bit per number of frames",
    },
];

/// What is counted with one amount of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Frames, or the window in references of the process.
    pub memory: u64,
    /// Faults.
    pub faults: u64,
    /// Dirty pages that left memory; `None` where the engine does not know.
    pub write_backs: Option<u64>,
    /// Resident pages after each reference, summed.
    pub resident_sum: u128,
}

/// More references than the engines' 32-bit times can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a curve of {0} takes traces of at most 2^32 - 2 references; take a part with --limit")]
pub struct TooLong(pub &'static str);

/// How memory fills, the same for every policy that loads pages on demand and evicts only when
/// every frame is taken: the positions of the first references of pages.
#[derive(Debug, Clone)]
pub struct Filling {
    refs: u64,
    /// At `n`: the first references of the first n pages, each by how many references it is
    /// before the trace's end, summed.
    sums: Vec<u128>,
}

impl Filling {
    /// From the positions, ascending, of `refs` references.
    pub fn new(first_uses: &[u64], refs: u64) -> Filling {
        let mut sums = Vec::with_capacity(first_uses.len() + 1);
        let mut sum = 0;
        sums.push(sum);
        for position in first_uses {
            sum += u128::from(refs - position);
            sums.push(sum);
        }
        Filling { refs, sums }
    }

    /// Looks for the first references itself; pages are below `pages`.
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

    /// The same by bursts, whose lists tell first references.
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

    /// The number of distinct pages.
    pub fn pages(&self) -> usize {
        self.sums.len() - 1
    }

    /// The number of references.
    pub fn refs(&self) -> u64 {
        self.refs
    }

    /// Resident pages after each reference, summed, with so many frames.
    pub fn resident_sum(&self, frames: u64) -> u128 {
        let filled = usize::try_from(frames).unwrap_or(usize::MAX);
        self.sums[filled.min(self.pages())]
    }
}
