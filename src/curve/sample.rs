//! An estimate of the LRU curve from a share of the pages, for traces with too many pages for the
//! exact curve: SHARDS (Waldspurger, Park, Garthwaite and Ahmad, "Efficient MRC construction with
//! SHARDS", FAST 2015).
//!
//! A page is taken, with all its references, if a hash of its process and number is below a
//! threshold. Of N pages n are taken. Both numbers are known, so the share is n/N, not the rate that
//! the user gave. `frames` frames of the whole correspond to `frames * (n - 1) / (N - 1)` of the
//! sample, as every page but the referenced one may lie between two references; counts of the whole
//! are N/n times as large. Between two whole sizes of the sample the estimate is linear. Counts are
//! not scaled by the share of references, for the reason that the paper gives for SHARDS-adj: whether
//! a popular page is taken shifts no other point.
//!
//! Two things are exact, from the whole trace: mean resident pages, and faults once all pages fit. A
//! sample gives no estimate for sizes that correspond to one frame of it or less.
//!
//! # The error bound
//!
//! The bound is the sum of three parts, each for other samples that might have been taken:
//!
//! - three standard errors of a mean over n of N pages without replacement (Cochran, "Sampling
//!   Techniques", 1977, chapter 2), from how much faults differ between the pages taken. Three and
//!   not two, since few pages have most of the references;
//! - the change of the curve within two standard deviations of the number of pages taken among
//!   `frames` pages, at least one page. It matters where a curve falls steeply, as that of a loop
//!   does. At the ends of this range the bound is at least two standard errors wider than the change;
//! - one fault of each page of a kind of which no page was taken: up to 3/n of the pages, at 95 %
//!   (the rule of three).
//!
//! At any one size the bound holds for at least 19 of 20 samples of most traces; a test requires 181
//! of 200 at each size. The errors of one sample at neighbouring sizes are alike.
//!
//! Deliberately absent: exact curves, which sizes are wanted.

use super::sizes::{POINTS, powers, spread_from};
use super::stack_distance::Recency;
use super::{Filling, Point};
use crate::trace::model::dense::Trace;
use crate::trace::model::refs::{PageKey, page_of};
use crate::units::splitmix64;
use rayon::prelude::*;

/// Standard errors of the mean over pages that the bound allows for.
const STANDARD_ERRORS: f64 = 3.0;
/// Standard deviations of the number of pages taken that the bound allows for, and standard errors at
/// the ends of that range.
const DEVIATIONS: f64 = 2.0;
/// If none of n pages taken is of a kind, at most this number divided by n of all pages are, at 95 %.
const RULE_OF_THREE: f64 = 3.0;

/// An estimate of a number of faults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Frames.
    pub frames: u64,
    /// Faults, rounded.
    pub faults: u64,
    /// The bound: for about 19 of 20 samples the true number is not farther away.
    pub error: f64,
    /// Mean resident pages; exact.
    pub mean_resident: f64,
}

/// A sampled curve.
#[derive(Debug)]
pub struct Sampled {
    /// The number of references of the whole trace, and how it fills memory.
    refs: u64,
    filling: Filling,
    /// The rate that the user gave.
    rate: f64,
    /// The number of pages taken.
    pub pages: u64,
    /// `faults[s]`: the sum of the faults of the pages taken, with `s` frames; `faults[0]` is unused.
    faults: Vec<f64>,
    /// Like `faults`: the sum of the squares of each page's faults.
    squares: Vec<f64>,
}

/// Samples about `rate` of the pages of a trace; 1 takes all of them.
///
/// # Panics
/// If `rate` is not above 0 and at most 1.
pub fn sample(trace: &Trace, rate: f64) -> Sampled {
    assert!(rate > 0.0 && rate <= 1.0, "a rate of {rate}");
    let (ids, pages) = chosen(&trace.dictionary.pages, rate);
    let mut stack = Stack::new(pages);
    let mut first_uses = Vec::with_capacity(ids.len());
    for (position, &reference) in trace.refs().iter().enumerate() {
        let page = page_of(reference);
        // Ids are in order of first reference.
        if page as usize == first_uses.len() {
            first_uses.push(position as u64);
        }
        let id = ids[page as usize];
        if id != ABSENT {
            stack.reference(id);
        }
    }
    let (faults, squares) = sums(stack.distances, pages);
    let refs = trace.len() as u64;
    Sampled {
        refs,
        filling: Filling::new(&first_uses, refs),
        rate,
        pages: pages as u64,
        faults,
        squares,
    }
}

/// The number of a page that was not taken.
const ABSENT: u32 = u32::MAX;

/// Returns for each page its number among those taken, or [`ABSENT`]; and how many are taken.
fn chosen(pages: &[PageKey], rate: f64) -> (Vec<u32>, usize) {
    // A share of 2^64 hashes; a rate of 1 gives 2^64, above every hash.
    let threshold = (rate * 2f64.powi(64)) as u128;
    let mut count = 0;
    let number = |key: &PageKey| {
        let hash = splitmix64(key.number ^ splitmix64(u64::from(key.process)));
        if u128::from(hash) >= threshold {
            return ABSENT;
        }
        count += 1;
        count - 1
    };
    let ids = pages.iter().map(number).collect();
    (ids, count as usize)
}

/// The LRU stack of the pages taken, and the distances of their references.
struct Stack {
    slots: Vec<u32>,
    recency: Recency,
    last: u32,
    /// For each reference its page, and the number of other pages referenced since the page's last
    /// reference ([`FIRST`] for the first). References directly after one of the same page are left
    /// out: they never fault.
    distances: Vec<(u32, u32)>,
}

/// The distance of a page's first reference.
const FIRST: u32 = u32::MAX;
/// The slot of a page that was not referenced yet.
const UNSEEN: u32 = u32::MAX;

impl Stack {
    fn new(pages: usize) -> Stack {
        Stack {
            slots: vec![UNSEEN; pages],
            recency: Recency::new(pages, 1),
            last: ABSENT,
            distances: Vec::new(),
        }
    }

    fn reference(&mut self, page: u32) {
        if page == self.last {
            return;
        }
        self.last = page;
        let slot = self.slots[page as usize];
        let distance = match slot {
            UNSEEN => FIRST,
            slot => self.recency.take(slot),
        };
        self.distances.push((page, distance));
        if !self.recency.has_room(1) {
            let slots = &mut self.slots;
            self.recency
                .renumber(|page, slot| slots[page as usize] = slot);
        }
        self.slots[page as usize] = self.recency.push(page);
    }
}

/// Returns, for each number of frames from 0 to `pages`, the sum of each page's faults and the sum of
/// their squares. A reference faults if there are at most as many frames as its distance.
fn sums(mut distances: Vec<(u32, u32)>, pages: usize) -> (Vec<f64>, Vec<f64>) {
    distances.par_sort_unstable_by_key(|&(page, distance)| (page, !distance));
    let (mut faults, mut squares) = (vec![0.0; pages + 1], vec![0.0; pages + 1]);
    for page in distances.chunk_by(|a, b| a.0 == b.0) {
        for (&(_, distance), longer) in page.iter().zip(0..) {
            let at = pages.min(distance as usize);
            faults[at] += 1.0;
            // The square grows by this from k = `longer` faults of the page to k + 1.
            squares[at] += f64::from(2 * longer + 1);
        }
    }
    for frames in (0..pages).rev() {
        faults[frames] += faults[frames + 1];
        squares[frames] += squares[frames + 1];
    }
    (faults, squares)
}

/// Returns the value of a curve at `size`, linear between whole sizes. Beyond its end the curve keeps
/// its last value.
fn between(curve: &[f64], size: f64) -> f64 {
    let top = curve.len() - 1;
    let below = (size.max(0.0) as usize).min(top);
    let (low, high) = (curve[below], curve[(below + 1).min(top)]);
    low + (high - low) * (size - below as f64).clamp(0.0, 1.0)
}

/// Returns sizes from `from` on and below `pages`: about `POINTS` of them, or `all`.
pub fn sample_sizes(from: u64, pages: u64, all: bool) -> Vec<u64> {
    let Some(last) = pages.checked_sub(1).filter(|&last| last >= from) else {
        return Vec::new();
    };
    if all {
        return (from..=last).collect();
    }
    let mut sizes = spread_from(from, last, POINTS);
    // Tables show the powers of two.
    sizes.extend(powers(from.next_power_of_two(), last));
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

impl Sampled {
    /// Returns the number of pages of the trace.
    pub fn distinct(&self) -> u64 {
        self.filling.pages() as u64
    }

    /// Returns the share of the pages that was taken.
    pub fn share(&self) -> f64 {
        self.pages as f64 / self.distinct().max(1) as f64
    }

    /// Returns true if every page was taken: nothing is left to estimate.
    pub fn is_whole(&self) -> bool {
        self.pages == self.distinct()
    }

    /// Returns the least number of frames that has an estimate. It corresponds to more than one frame
    /// of the sample, and of a sample with the rate that the user gave. At most the number of pages,
    /// with which the count is exact.
    pub fn least(&self) -> u64 {
        let distinct = self.distinct();
        if self.is_whole() {
            return 1;
        }
        let asked = (1.0 / self.rate).ceil() as u64;
        let taken = match self.pages {
            0 | 1 => distinct,
            pages => (distinct - 1) / (pages - 1),
        };
        asked.max(taken).saturating_add(1).min(distinct)
    }

    /// Returns the frames of the sample that correspond to one of the whole.
    fn scale(&self) -> f64 {
        match self.distinct() {
            0 | 1 => 1.0,
            distinct => self.pages.saturating_sub(1) as f64 / (distinct - 1) as f64,
        }
    }

    /// Returns the estimated faults of all pages; `frames` are frames of the sample.
    fn faults_at(&self, frames: f64) -> f64 {
        let (refs, distinct) = (self.refs as f64, self.distinct() as f64);
        if frames <= 0.0 {
            return refs;
        }
        (between(&self.faults, frames) / self.share()).clamp(distinct, refs)
    }

    /// Returns the standard error of [`Sampled::faults_at`].
    fn standard_error(&self, frames: f64) -> f64 {
        if frames <= 0.0 {
            return 0.0;
        }
        let (taken, distinct) = (self.pages as f64, self.distinct() as f64);
        let mean = between(&self.faults, frames) / taken;
        let square = between(&self.squares, frames) / taken;
        let variance = (square - mean * mean).max(0.0) / (taken - 1.0);
        distinct * (variance * (1.0 - self.share())).sqrt()
    }

    /// Returns the estimate with `frames` frames.
    ///
    /// # Panics
    /// If `frames` is below [`Sampled::least`].
    pub fn at(&self, frames: u64) -> Estimate {
        assert!(frames >= self.least(), "{frames} frames are too few");
        let (refs, distinct) = (self.refs as f64, self.distinct());
        let among = frames as f64 * self.scale();
        let (faults, error) = if frames < distinct {
            (self.faults_at(among), self.error(frames))
        } else {
            (distinct as f64, 0.0)
        };
        Estimate {
            frames,
            faults: faults.round() as u64,
            error,
            mean_resident: self.filling.resident_sum(frames) as f64 / refs,
        }
    }

    /// Returns the bound of the estimate with `frames` frames, fewer than pages: see the head of this
    /// module.
    fn error(&self, frames: u64) -> f64 {
        if self.is_whole() {
            return 0.0;
        }
        let (refs, distinct) = (self.refs as f64, self.distinct() as f64);
        let (scale, full) = (self.scale(), frames as f64 / distinct);
        let among = frames as f64 * scale;
        let off = DEVIATIONS * (among * (1.0 - scale) * (1.0 - full)).sqrt();
        let sizes = [-1.0, 0.0, 1.0].map(|step| among + step * off.max(1.0));
        let [more, faults, fewer] = sizes.map(|size| self.faults_at(size));
        let [below, here, above] = sizes.map(|size| self.standard_error(size));
        let (falls, fell) = (more - faults, faults - fewer);
        let error = (STANDARD_ERRORS * here + falls.max(fell))
            .max(DEVIATIONS * below + falls)
            .max(DEVIATIONS * above + fell);
        let unseen = RULE_OF_THREE * (1.0 / self.share() - 1.0);
        (error + unseen).min((refs - faults).max(faults - distinct))
    }

    /// Returns the counts with at least as many frames as there are pages: each page comes in once and
    /// none leaves.
    pub fn fits(&self, frames: u64) -> Point {
        Point {
            memory: frames,
            faults: self.distinct(),
            write_backs: Some(0),
            resident_sum: self.filling.resident_sum(frames),
        }
    }
}
