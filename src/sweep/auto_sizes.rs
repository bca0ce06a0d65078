//! The sizes of memory that `auto` stands for: frames from a trace's footprint, and windows whose
//! mean working sets are about as large as these frames.

use super::working_sets::WorkingSets;
use crate::curve::{least_size, powers};
use crate::space::{Op, Resolved};
use crate::trace::TraceError;
use crate::trace::model::dense::Trace;
use crate::trace::model::refs::page_of;

/// Returns the powers of two from [`least_size`] up to below the number of distinct pages, and that
/// number, with which only first references fault.
pub fn frame_ladder(distinct: u64) -> Vec<u64> {
    let below = powers(least_size(distinct), distinct.saturating_sub(1));
    let mut ladder: Vec<u64> = below.collect();
    ladder.push(distinct.max(1));
    ladder
}

/// Returns for each number of frames the window whose mean working set is about as large, rounded to
/// two digits. With one process the intervals between references suffice, as it shares hardly any page
/// with itself: ten times as fast as following the page of every entry. A page that it unmaps then
/// counts until its window closes. A page that moves would count as two.
pub fn tau_ladder(resolved: &Resolved, frames: &[u64]) -> Result<Vec<u64>, TraceError> {
    let trace = &resolved.trace;
    let mut ops = resolved.space.iter().flat_map(|space| &space.ops);
    let moves = ops.any(|at| matches!(at.op, Op::Move { .. }));
    let window: Box<dyn Fn(f64) -> u64> = match trace.dictionary.pids.len() {
        0 | 1 if !moves => {
            let intervals = IntervalBuckets::of(trace)?;
            Box::new(move |pages| intervals.tau_for(pages))
        }
        _ => {
            let sets = WorkingSets::of(resolved)?;
            Box::new(move |pages| sets.window_for(pages))
        }
    };
    let windows = frames.iter().map(|&frames| round(window(frames as f64)));
    let mut ladder: Vec<u64> = windows.collect();
    ladder.dedup();
    Ok(ladder)
}

/// Rounds to two significant digits, at least 1.
pub(super) fn round(tau: u64) -> u64 {
    let unit = 10u64.pow(tau.max(1).ilog10().saturating_sub(1));
    ((tau + unit / 2) / unit * unit).max(1)
}

/// Number of buckets per power of two.
const STEPS: u32 = 16;

/// The intervals between references of the same page in a trace of one process, in logarithmic
/// buckets: exact enough to choose windows, not to count faults.
struct IntervalBuckets {
    /// The number of intervals in each bucket.
    count: Vec<u64>,
    /// The sum of the intervals in each bucket.
    sum: Vec<u64>,
    refs: u64,
    longest: u64,
}

impl IntervalBuckets {
    fn of(trace: &Trace) -> Result<IntervalBuckets, TraceError> {
        let mut now = 0;
        let mut last = vec![0u64; trace.distinct()];
        let buckets = (64 * STEPS) as usize;
        let mut all = IntervalBuckets {
            count: vec![0; buckets],
            sum: vec![0; buckets],
            refs: trace.len() as u64,
            longest: 1,
        };
        trace.tiles(|tile| {
            for &reference in tile.refs {
                now += 1;
                let before = std::mem::replace(&mut last[page_of(reference) as usize], now);
                if before > 0 {
                    all.note(now - before);
                }
            }
            true
        })?;
        // After its last reference a page stays until its window closes or the trace ends.
        for &last in last.iter().filter(|&&last| last > 0) {
            all.note(now + 1 - last);
        }
        Ok(all)
    }

    fn note(&mut self, interval: u64) {
        let bucket = bucket(interval);
        self.count[bucket] += 1;
        self.sum[bucket] += interval;
        self.longest = self.longest.max(interval);
    }

    /// Returns the mean working set with window `tau`: each reference keeps its page for the interval
    /// that follows, but not longer than the window (Denning & Schwartz 1972).
    fn mean_size(&self, tau: u64) -> f64 {
        let kept = self.count.iter().zip(&self.sum);
        let kept = kept.map(|(&count, &sum)| sum.min(count.saturating_mul(tau)));
        kept.map(u128::from).sum::<u128>() as f64 / self.refs as f64
    }

    /// Returns the shortest window with a mean working set of at least `pages`.
    fn tau_for(&self, pages: f64) -> u64 {
        let (mut low, mut high) = (1, self.longest);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.mean_size(middle) < pages {
                low = middle + 1
            } else {
                high = middle
            }
        }
        low
    }
}

/// Returns the bucket of an interval: its power of two and the next four bits.
fn bucket(interval: u64) -> usize {
    let power = interval.ilog2();
    let steps = if power >= 4 {
        interval >> (power - 4)
    } else {
        interval << (4 - power)
    };
    (power * STEPS) as usize + (steps & 15) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_reach_from_few_to_all() {
        assert_eq!(frame_ladder(1), [1]);
        assert_eq!(frame_ladder(5), [1, 2, 4, 5]);
        assert_eq!(frame_ladder(64), [16, 32, 64]);
        assert_eq!(frame_ladder(700), [16, 32, 64, 128, 256, 512, 700]);
    }

    #[test]
    fn windows_are_round_and_buckets_in_order() {
        assert_eq!(
            [0, 1, 99, 104, 105, 123_456].map(round),
            [1, 1, 99, 100, 110, 120_000]
        );
        let buckets: Vec<usize> = (1..100_000).map(bucket).collect();
        assert!(buckets.is_sorted());
    }
}
