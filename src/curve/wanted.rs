//! The memory at which a curve is wanted, and the points of curves that have every size.

use super::sizes::{POINTS, least_size, outline, powers};
use super::{Filling, Point};

/// The memory at which a curve is wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Numbers of frames.
    pub frames: Amounts,
    /// Windows.
    pub taus: Amounts,
    /// LRU and OPT choose every number of frames.
    pub all_sizes: bool,
}

/// Amounts of memory: numbers of frames, or windows.
#[derive(Debug, Clone)]
pub struct Amounts {
    /// The amounts that the user gave, rising, at least 1.
    pub asked: Vec<u64>,
    /// Each curve adds amounts of its own choice.
    pub chosen: bool,
}

impl Default for Amounts {
    fn default() -> Amounts {
        Amounts {
            asked: Vec::new(),
            chosen: true,
        }
    }
}

impl Amounts {
    /// Returns these amounts alone.
    pub fn only(asked: Vec<u64>) -> Amounts {
        Amounts {
            asked,
            chosen: false,
        }
    }

    /// Returns all amounts, rising; `chosen` returns those that the curve chooses.
    pub fn all(&self, chosen: impl FnOnce() -> Vec<u64>) -> Vec<u64> {
        let mut all = self.asked.clone();
        if self.chosen {
            all.extend(chosen());
            all.sort_unstable();
            all.dedup();
        }
        all
    }

    /// Returns the least amount, or 1 if there is none; `chosen` is the least that the curve
    /// chooses.
    fn least(&self, chosen: u64) -> u64 {
        let asked = self.asked.first().copied();
        let chosen = self.chosen.then_some(chosen);
        asked.into_iter().chain(chosen).min().unwrap_or(1)
    }
}

impl Wanted {
    /// Returns the least number of frames of LRU's and OPT's curve over `pages` pages.
    pub(super) fn least_frames(&self, pages: usize) -> u64 {
        let chosen = if self.all_sizes {
            1
        } else {
            least_size(pages as u64)
        };
        self.frames.least(chosen)
    }

    /// Returns the least window.
    pub(super) fn least_tau(&self) -> u64 {
        self.taus.least(1)
    }

    /// Returns the points of a curve that one pass gives at every number of frames: `faults` and
    /// `write_backs` have an element for each from 0 to the number of pages.
    pub(super) fn at_frames(
        &self,
        faults: &[u64],
        write_backs: Option<&[u64]>,
        filling: &Filling,
    ) -> Vec<Point> {
        let pages = faults.len() as u64 - 1;
        let sizes = self.frames.all(|| {
            if self.all_sizes {
                return (1..=pages).collect();
            }
            let mut sizes = outline(faults, least_size(pages), POINTS / 2);
            // Tables show the powers of two.
            sizes.extend(powers(least_size(pages), pages));
            sizes
        });
        let point = |&frames: &u64| {
            let at = frames.min(pages) as usize;
            filling.point(frames, faults[at], write_backs.map(|counts| counts[at]))
        };
        sizes.iter().map(point).collect()
    }
}

impl Filling {
    pub(super) fn point(&self, frames: u64, faults: u64, write_backs: Option<u64>) -> Point {
        Point {
            memory: frames,
            faults,
            write_backs,
            resident_sum: self.resident_sum(frames),
        }
    }
}
