//! How often the pages of a trace are referenced, and how far apart references of one page are.

use super::dense::Trace;
use super::refs::page_of;

/// Reuse of the pages of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reuse {
    /// The number of pages that are written.
    pub written: usize,
    /// The number of pages that are referenced once.
    pub once: usize,
    /// The references of each page, in rising order.
    pub times: Vec<u64>,
    /// The references to the page of the reference before.
    pub repeated: u64,
    /// Intervals between successive references of one page: `intervals[n]` is the number of those from
    /// 2^n to 2^(n+1) − 1 references.
    intervals: [u64; 64],
}

impl Reuse {
    /// Visits all references of `trace`.
    pub fn of(trace: &Trace) -> Reuse {
        let mut times = vec![0u64; trace.distinct()];
        let mut last = vec![0u64; trace.distinct()];
        let mut written = vec![false; trace.distinct()];
        let mut repeated = 0;
        let mut intervals = [0u64; 64];
        for (now, &reference) in (1..).zip(trace.refs().iter()) {
            let page = page_of(reference) as usize;
            times[page] += 1;
            written[page] |= reference & 1 != 0;
            let before = std::mem::replace(&mut last[page], now);
            if before > 0 {
                let interval: u64 = now - before;
                intervals[interval.ilog2() as usize] += 1;
                repeated += u64::from(interval == 1);
            }
        }
        let once = times.iter().filter(|&&n| n == 1).count();
        times.sort_unstable();
        Reuse {
            written: written.into_iter().filter(|&w| w).count(),
            once,
            times,
            repeated,
            intervals,
        }
    }

    /// Returns the number of references to pages that were referenced before.
    pub fn reused(&self) -> u64 {
        self.intervals.iter().sum()
    }

    /// Returns an interval, 2^n − 1, that at least the share `share` of all intervals do not exceed.
    pub fn interval_of(&self, share: f64) -> u64 {
        let mut left = (self.reused() as f64 * share).ceil() as u64;
        let power = self.intervals.iter().position(|&n| {
            let enough = n >= left;
            left = left.saturating_sub(n);
            enough
        });
        let bound = 1u128 << (power.unwrap_or(63) + 1);
        (bound - 1) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::model::reference_string;

    #[test]
    fn intervals_are_between_references_of_one_page() {
        let trace = reference_string::parse("1 1 2w 3 4 1 2").unwrap();
        let reuse = Reuse::of(&trace);
        assert_eq!((reuse.written, reuse.once, reuse.repeated), (1, 2, 1));
        assert_eq!(reuse.times, [1, 1, 2, 3]);
        // 1, 4 and 4 references apart.
        assert_eq!(reuse.reused(), 3);
        assert_eq!(reuse.interval_of(0.3), 1);
        assert_eq!(reuse.interval_of(1.0), 7);
    }
}
