//! Fault and expiry events, the trait of those who listen to them, and distributions. Events happen
//! at faults and expiries only, so listeners stay out of the replay's hot path.

use crate::trace::model::access::Kind;
use crate::units::PageId;
use hdrhistogram::Histogram;

/// The kind of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The page is loaded for the first time.
    Fill,
    /// The page had left memory and is loaded again.
    Refill,
    /// The page is in memory, but this process has no entry for it yet.
    Map,
    /// A write to a page that other processes share, or to a private page of a file: it is copied.
    CowCopy,
    /// A write to a page that other processes shared before: it need not be copied any more.
    CowReuse,
}

impl FaultKind {
    /// Every kind, in the order of their tables.
    pub const ALL: [FaultKind; 5] = [
        FaultKind::Fill,
        FaultKind::Refill,
        FaultKind::Map,
        FaultKind::CowCopy,
        FaultKind::CowReuse,
    ];

    /// The name in listings.
    pub const fn name(self) -> &'static str {
        match self {
            FaultKind::Fill => "fill",
            FaultKind::Refill => "refill",
            FaultKind::Map => "map",
            FaultKind::CowCopy => "cow-copy",
            FaultKind::CowReuse => "cow-reuse",
        }
    }
}

/// A page that made room for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Victim {
    /// The page.
    pub page: PageId,
    /// Whether it had to be written back.
    pub written: bool,
}

/// A reference that faulted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultEvent {
    /// The position of the reference in the trace.
    pub time: u64,
    /// What the reference does.
    pub access: Kind,
    /// The page that is loaded, or is in memory already.
    pub page: PageId,
    /// The kind.
    pub kind: FaultKind,
    /// Whether a device was read.
    pub major: bool,
    /// The page that made room, if one had to.
    pub victim: Option<Victim>,
}

/// A page that left because its window closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpiryEvent {
    /// The position of the reference after which it left.
    pub time: u64,
    /// The page.
    pub page: PageId,
    /// Whether it had to be written back.
    pub dirty: bool,
}

/// Code outside the machine that needs each fault and expiry, in order.
pub trait Listener: Send {
    /// A fault was served.
    fn fault(&mut self, event: &FaultEvent);
    /// A page expired.
    fn expired(&mut self, _event: &ExpiryEvent) {}
    /// A page is written back, whatever made it leave. Called before the fault or the expiry whose
    /// event has it, too; once for each count of [`Counters::write_backs`].
    ///
    /// [`Counters::write_backs`]: super::counters::Counters::write_backs
    fn written_back(&mut self, _page: PageId) {}
    /// Warm-up is over: counting begins here.
    fn start_counting(&mut self) {}
}

/// The shares of a distribution that are kept, in units of 1/10,000, with the names of their
/// columns.
pub const QUANTILES: [(u64, &str); 5] = [
    (5_000, "p50"),
    (9_000, "p90"),
    (9_900, "p99"),
    (9_990, "p99_9"),
    (9_999, "p99_99"),
];

/// A distribution, summed up. Count, sum, least and greatest are exact. The quantile of a share is
/// the `ceil(share * count)`-th smallest value `v`: exact below 2,048, from there on at most
/// `2^(floor(log2 v) - 10) - 1` above `v`, never above the greatest value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Distribution {
    /// The number of values.
    pub count: u64,
    /// Their sum.
    pub sum: u128,
    /// The least value; 0 if there is none.
    pub min: u64,
    /// The greatest value; 0 if there is none.
    pub max: u64,
    /// One value for each share of [`QUANTILES`].
    pub quantiles: [u64; QUANTILES.len()],
}

/// Decimal digits of a value above 2,048: buckets are `2^(floor(log2 v) - 10)` wide.
const DIGITS: u8 = 3;

/// Gathers a distribution.
pub struct Gatherer {
    histogram: Histogram<u64>,
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
}

impl Default for Gatherer {
    fn default() -> Gatherer {
        // A new histogram grows with the values that it takes.
        let histogram = Histogram::new(DIGITS).expect("three digits are allowed");
        Gatherer {
            histogram,
            count: 0,
            sum: 0,
            min: u64::MAX,
            max: 0,
        }
    }
}

impl Gatherer {
    /// Takes `value`, `times` times.
    pub fn note(&mut self, value: u64, times: u64) {
        let noted = self.histogram.record_n(value, times);
        noted.expect("the histogram grows to hold every value");
        self.count += times;
        self.sum += u128::from(value) * u128::from(times);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Returns the distribution of the values so far.
    pub fn finish(&self) -> Distribution {
        if self.count == 0 {
            return Distribution::default();
        }
        Distribution {
            count: self.count,
            sum: self.sum,
            min: self.min,
            max: self.max,
            quantiles: self.quantiles(),
        }
    }

    /// Returns the values at the ranks of [`QUANTILES`], in one pass. Ranks are whole numbers: the
    /// histogram's own quantiles multiply floating-point numbers, whose product can lie above the
    /// rank that it means.
    fn quantiles(&self) -> [u64; QUANTILES.len()] {
        let rank = |share| (u128::from(self.count) * u128::from(share)).div_ceil(10_000);
        let mut buckets = self.histogram.iter_recorded();
        let (mut seen, mut value) = (0, 0);
        QUANTILES.map(|(share, _)| {
            while seen < rank(share)
                && let Some(bucket) = buckets.next()
            {
                seen += u128::from(bucket.count_at_value());
                // The end of the last bucket of all saturates one below it.
                value = match bucket.value_iterated_to() {
                    end if end == u64::MAX - 1 => u64::MAX,
                    end => end,
                };
            }
            value.clamp(self.min, self.max)
        })
    }
}

/// Intervals below this are counted one by one before they go into the histogram.
const SHORT: usize = 1024;

/// Gathers the references between successive faults.
pub struct FaultIntervals {
    /// How often each short interval occurred.
    short: Box<[u64; SHORT]>,
    long: Gatherer,
    last: Option<u64>,
}

impl Default for FaultIntervals {
    fn default() -> FaultIntervals {
        FaultIntervals {
            short: Box::new([0; SHORT]),
            long: Gatherer::default(),
            last: None,
        }
    }
}

impl FaultIntervals {
    /// Notes a fault at position `time`, which never goes back.
    #[inline]
    pub fn fault_at(&mut self, time: u64) {
        if let Some(last) = self.last.replace(time) {
            let interval = time - last;
            match self.short.get_mut(interval as usize) {
                Some(times) => *times += 1,
                None => self.long.note(interval, 1),
            }
        }
    }

    /// Returns the distribution of the intervals, of which there is one less than faults.
    pub fn gathered(mut self) -> Distribution {
        for (value, &times) in (0..).zip(self.short.iter()) {
            if times > 0 {
                self.long.note(value, times);
            }
        }
        self.long.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The distribution of these values, and its quantiles by the definition, from the sorted list.
    fn gathered(values: &[u64]) -> (Distribution, Vec<u64>) {
        let mut gatherer = Gatherer::default();
        values.iter().for_each(|&value| gatherer.note(value, 1));
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        let exact = QUANTILES.map(|(share, _)| {
            let rank = (values.len() as u64 * share).div_ceil(10_000);
            sorted[rank as usize - 1]
        });
        (gatherer.finish(), exact.to_vec())
    }

    fn assert_exact(values: &[u64]) {
        let (got, exact) = gathered(values);
        assert_eq!(got.count, values.len() as u64);
        assert_eq!(got.sum, values.iter().map(|&v| u128::from(v)).sum());
        assert_eq!(Some(&got.min), values.iter().min());
        assert_eq!(Some(&got.max), values.iter().max());
        for (got_value, exact) in got.quantiles.into_iter().zip(exact) {
            let above = match exact {
                0..2048 => 0,
                exact => (1 << (exact.ilog2() - 10)) - 1,
            };
            let most = exact.saturating_add(above).min(got.max);
            assert!(
                (exact..=most).contains(&got_value),
                "{got_value}, not {exact} to {most}"
            );
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_list() {
        // The values of a device read stay where they are.
        let (got, _) = gathered(&[10, 3000, 5000, 5000]);
        assert_eq!(got.quantiles, [3001, 5000, 5000, 5000, 5000]);
        assert_exact(&[10, 3000, 5000, 5000]);
        // Beyond 2^40, and the largest there are.
        assert_exact(&[1, 1 << 41, (1 << 41) + 12_345_678_901, 1 << 50, 7]);
        assert_exact(&[u64::MAX, u64::MAX - 1, 1 << 63, 0]);
        // Whole ranks: 0.9, 0.99 and 0.999 of the count exactly.
        for count in [10, 70, 700, 1000, 3000, 10_000, 70_000] {
            assert_exact(&(1..=count).collect::<Vec<u64>>());
        }
        let mut random = 1u64;
        let mut next = || {
            random = random
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            random >> 20 >> (random >> 58)
        };
        for count in 1..200 {
            let values: Vec<u64> = (0..count).map(|_| next()).collect();
            assert_exact(&values);
        }
    }

    #[test]
    fn one_value_and_none() {
        for value in [0, 1, 2047, 2048, 4097, 1 << 45, u64::MAX] {
            let (got, _) = gathered(&[value]);
            assert_eq!(got.quantiles, [value; QUANTILES.len()], "{value}");
        }
        assert_eq!(Gatherer::default().finish(), Distribution::default());
        assert_eq!(FaultIntervals::default().gathered().count, 0);
    }

    /// Consecutive faults are 1 apart; long intervals and short ones are of one distribution.
    #[test]
    fn intervals_are_between_successive_faults() {
        let mut intervals = FaultIntervals::default();
        for time in [5, 6, 7, 5007, 5007 + (1 << 41)] {
            intervals.fault_at(time);
        }
        let got = intervals.gathered();
        assert_eq!((got.count, got.min, got.max), (4, 1, 1 << 41));
        assert_eq!(got.quantiles[..2], [1, 1 << 41]);
    }
}
