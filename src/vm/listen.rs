//! The machine's events and those who listen to them. Events happen at faults and expiries only,
//! so listeners stay out of the replay's hot path.

use crate::units::PageId;
use hdrhistogram::Histogram;

/// The kind of a fault. (Mappings, sharing and copy-on-write add more.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The first touch of the page.
    Fill,
    /// The page had left memory and comes in again.
    Refill,
}

/// A reference that could not go on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultEvent {
    /// The position of the reference in the trace.
    pub time: u64,
    /// The page that comes in.
    pub page: PageId,
    /// The kind.
    pub kind: FaultKind,
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
pub trait Listener {
    /// A fault was served.
    fn fault(&mut self, event: &FaultEvent);
    /// A page expired.
    fn expired(&mut self, _event: &ExpiryEvent) {}
    /// Warm-up is over: what is counted is counted from here on.
    fn start_counting(&mut self) {}
}

/// Hears nothing.
pub struct Silent;

impl Listener for Silent {
    #[inline(always)]
    fn fault(&mut self, _event: &FaultEvent) {}
}

/// The distribution of references between successive faults: percentiles to three digits, with
/// exact count, sum, least and greatest beside them.
#[derive(Debug, Clone)]
pub struct Intervals {
    histogram: Histogram<u64>,
    last: Option<u64>,
    /// Intervals: one less than faults.
    pub count: u64,
    /// The sum of all intervals, in references.
    pub sum: u64,
    /// The shortest.
    pub min: Option<u64>,
    /// The longest.
    pub max: Option<u64>,
}

impl Default for Intervals {
    fn default() -> Intervals {
        let histogram = Histogram::new(3).expect("three digits are allowed");
        Intervals {
            histogram,
            last: None,
            count: 0,
            sum: 0,
            min: None,
            max: None,
        }
    }
}

impl Intervals {
    /// The interval that a share of 0 to 1 of the intervals does not exceed, to three digits and
    /// never outside the exact extremes; `None` without any interval.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        Some(
            self.histogram
                .value_at_quantile(share)
                .clamp(self.min?, self.max?),
        )
    }
}

impl Listener for Intervals {
    #[inline]
    fn fault(&mut self, event: &FaultEvent) {
        let Some(last) = self.last.replace(event.time) else {
            return;
        };
        let interval = event.time - last;
        self.histogram.saturating_record(interval);
        self.count += 1;
        self.sum += interval;
        self.min = Some(self.min.map_or(interval, |min| min.min(interval)));
        self.max = Some(self.max.map_or(interval, |max| max.max(interval)));
    }

    fn start_counting(&mut self) {
        *self = Intervals::default();
    }
}

impl<A: Listener, B: Listener> Listener for (A, B) {
    #[inline]
    fn fault(&mut self, event: &FaultEvent) {
        self.0.fault(event);
        self.1.fault(event);
    }
    #[inline]
    fn expired(&mut self, event: &ExpiryEvent) {
        self.0.expired(event);
        self.1.expired(event);
    }
    fn start_counting(&mut self) {
        self.0.start_counting();
        self.1.start_counting();
    }
}

impl<L: Listener> Listener for &mut L {
    #[inline]
    fn fault(&mut self, event: &FaultEvent) {
        (**self).fault(event);
    }
    #[inline]
    fn expired(&mut self, event: &ExpiryEvent) {
        (**self).expired(event);
    }
    fn start_counting(&mut self) {
        (**self).start_counting();
    }
}
