//! What the curves of one trace share: its bursts, its intervals; and which engine is the fastest
//! for what is asked. The counts are the same from each.

use super::{Choice, Intervals, LANES, LruCurve, TooLong, Wanted, by_bursts, has_windows};
use crate::trace::bursts::{Bursts, K_MAX, SIZES};
use crate::trace::dense::Trace;
use rayon::prelude::*;
use std::sync::OnceLock;

/// With fewer frames there are so many faults that bursts gain nothing: if there are more such
/// sizes in one pass than this, of FIFO or of Clock, whose faults cost more, references are faster.
const FEW_FRAMES: u64 = 64;
const FEW_OF_FIFO: usize = 8;
const FEW_OF_CLOCK: usize = 2;

/// A trace of which curves are made.
#[derive(Debug)]
pub struct Source<'t> {
    /// The references.
    pub trace: &'t Trace,
    bursts: OnceLock<Option<Bursts>>,
    /// With every window.
    intervals: OnceLock<Result<Intervals, TooLong>>,
}

impl<'t> Source<'t> {
    /// Of a trace whose every page is private and stays mapped.
    pub fn new(trace: &'t Trace) -> Source<'t> {
        Source {
            trace,
            bursts: OnceLock::new(),
            intervals: OnceLock::new(),
        }
    }

    /// The same, every curve by single references.
    pub fn plain(trace: &'t Trace) -> Source<'t> {
        Source {
            trace,
            bursts: OnceLock::from(None),
            intervals: OnceLock::new(),
        }
    }

    /// Works out what several curves would ask for, so that these can then be made side by side:
    /// it takes all threads, and whoever waited for it in one of them would wait for himself.
    pub fn prepare(&self, choices: &[Choice], wanted: &Wanted) -> Result<(), TooLong> {
        let Some(bursts) = self.bursts() else {
            // By single references one thread does it, for which others may wait.
            return Ok(());
        };
        let least = wanted.least_frames(self.trace.distinct());
        if let Some(&k) = burst_size(least) {
            bursts.of(k);
        }
        if choices.iter().any(has_windows) {
            self.intervals(wanted.least_tau())?;
        }
        Ok(())
    }

    fn bursts(&self) -> Option<&Bursts> {
        let bursts = || self.trace.bursts(std::iter::empty());
        self.bursts.get_or_init(bursts).as_ref()
    }

    /// LRU with `least` frames and more.
    pub fn lru(&self, least: u64) -> LruCurve {
        let pages = self.trace.distinct();
        match burst_size(least).and_then(|&k| Some(self.bursts()?.of(k))) {
            Some(view) => by_bursts::lru(view.columns, pages),
            None => super::lru(self.trace.refs(), pages),
        }
    }

    /// The intervals for all windows of at least `least`; worked out once.
    pub fn intervals(&self, least: u64) -> Result<&Intervals, TooLong> {
        let all = || match self.bursts() {
            Some(bursts) => by_bursts::intervals(self.trace, bursts, least),
            None => super::intervals(self.trace),
        };
        self.intervals.get_or_init(all).as_ref().map_err(|e| *e)
    }

    /// Faults and dirty victims of FIFO or Clock with each of `sizes` frames, which rise.
    pub fn lanes(&self, fifo: bool, load_bit: bool, sizes: &[u64]) -> Vec<(u64, u64)> {
        let slow = if fifo { FEW_OF_FIFO } else { FEW_OF_CLOCK };
        let words: Vec<&[u64]> = sizes.chunks(LANES).collect();
        let counts = words.into_par_iter().map(|sizes| {
            let (refs, pages) = (self.trace.refs(), self.trace.distinct());
            let few = sizes.partition_point(|&size| size < FEW_FRAMES);
            let bursts = match few <= slow {
                true => self.bursts(),
                false => None,
            };
            match (bursts.map(|bursts| bursts.of(K_MAX)), fifo) {
                (Some(view), true) => by_bursts::fifo(view, pages, sizes),
                (Some(view), false) => by_bursts::clock(view, pages, sizes, load_bit),
                (None, true) => super::fifo(refs, pages, sizes),
                (None, false) => super::clock(refs, pages, sizes, load_bit),
            }
        });
        counts.collect::<Vec<_>>().concat()
    }
}

/// The largest bursts that LRU with so many frames and more can take.
fn burst_size(least: u64) -> Option<&'static usize> {
    SIZES.iter().rfind(|&&k| k as u64 <= least)
}
