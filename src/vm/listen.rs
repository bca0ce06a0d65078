//! The machine's events and those who listen to them. Events happen at faults and expiries only,
//! so listeners stay out of the replay's hot path.

use crate::units::PageId;
use hdrhistogram::Histogram;

/// The kind of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The page comes in for the first time.
    Fill,
    /// The page had left memory and comes in again.
    Refill,
    /// The page is in memory, and this process has no entry for it yet.
    Map,
    /// A write to a page that others have too, or to a private page of a file: it is copied.
    CowCopy,
    /// A write to a page that others had too: it need not be copied any more.
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

/// A reference that could not go on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultEvent {
    /// The position of the reference in the trace.
    pub time: u64,
    /// The page that comes in, or is there already.
    pub page: PageId,
    /// The kind.
    pub kind: FaultKind,
    /// Whether a device was read.
    pub major: bool,
    /// The page that made room and whether it had to be written back.
    pub victim: Option<(PageId, bool)>,
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

/// Hears of faults and expiries in order.
pub trait Listener: Send {
    /// A fault was served.
    fn fault(&mut self, event: &FaultEvent);
    /// A page expired.
    fn expired(&mut self, _event: &ExpiryEvent) {}
    /// Warm-up is over: what is counted is counted from here on.
    fn start_counting(&mut self) {}
}

/// The shares of a distribution that are kept, with the names of their columns.
pub const QUANTILES: [(f64, &str); 5] = [
    (0.5, "p50"),
    (0.9, "p90"),
    (0.99, "p99"),
    (0.999, "p99_9"),
    (0.9999, "p99_99"),
];

/// A distribution, summed up: count, sum, least and greatest are exact, quantiles have three
/// digits and lie between the extremes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Distribution {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: u128,
    /// The least; 0 without any value.
    pub min: u64,
    /// The greatest; 0 without any value.
    pub max: u64,
    /// The values that the shares of [`QUANTILES`] do not exceed.
    pub quantiles: [u64; QUANTILES.len()],
}

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
        let histogram = Histogram::new(3).expect("three digits are allowed");
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
    /// Takes a value so many times.
    pub fn note(&mut self, value: u64, times: u64) {
        self.histogram.saturating_record_n(value, times);
        self.count += times;
        self.sum += u128::from(value) * u128::from(times);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// What was gathered.
    pub fn finish(&self) -> Distribution {
        if self.count == 0 {
            return Distribution::default();
        }
        let quantile = |share| {
            self.histogram
                .value_at_quantile(share)
                .clamp(self.min, self.max)
        };
        Distribution {
            count: self.count,
            sum: self.sum,
            min: self.min,
            max: self.max,
            quantiles: QUANTILES.map(|(share, _)| quantile(share)),
        }
    }
}

/// Intervals below this are counted one by one before they go into the histogram.
const SHORT: usize = 1024;

/// Gathers the references between successive faults.
pub struct Intervals {
    /// How often each short interval occurred.
    short: Box<[u64; SHORT]>,
    long: Gatherer,
    last: Option<u64>,
}

impl Default for Intervals {
    fn default() -> Intervals {
        Intervals {
            short: Box::new([0; SHORT]),
            long: Gatherer::default(),
            last: None,
        }
    }
}

impl Intervals {
    /// A fault at a position.
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

    /// The intervals so far: one less than faults.
    pub fn gathered(mut self) -> Distribution {
        for (value, &times) in (0..).zip(self.short.iter()) {
            if times > 0 {
                self.long.note(value, times);
            }
        }
        self.long.finish()
    }
}
