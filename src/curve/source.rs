//! What the curves of one trace share: its bursts, its intervals; and which engine is the fastest
//! for what is asked. The counts are the same from each.

use super::{
    Choice, Filling, Intervals, LANES, LruCurve, TooLong, Wanted, by_bursts, has_windows, lists_do,
};
use crate::trace::bursts::{Bursts, K_MAX};
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
    /// By single references only.
    plain: bool,
    bursts: OnceLock<Option<Bursts>>,
    /// With every window.
    intervals: OnceLock<Result<Intervals, TooLong>>,
}

impl<'t> Source<'t> {
    /// Of a trace whose every page is private and stays mapped.
    pub fn new(trace: &'t Trace) -> Source<'t> {
        Source {
            trace,
            plain: false,
            bursts: OnceLock::new(),
            intervals: OnceLock::new(),
        }
    }

    /// The same, every curve by single references.
    pub fn plain(trace: &'t Trace) -> Source<'t> {
        Source {
            trace,
            plain: true,
            bursts: OnceLock::from(None),
            intervals: OnceLock::new(),
        }
    }

    /// Works out what several curves would ask for, so that these can then be made side by side:
    /// it takes all threads, and whoever waited for it in one of them would wait for himself.
    pub fn prepare(&self, choices: &[Choice], wanted: &Wanted) -> Result<(), TooLong> {
        let least = wanted.least_frames(self.trace.distinct());
        if let Some(bursts) = self.uncut().filter(|_| least < K_MAX as u64) {
            bursts.within();
        }
        if choices.iter().all(lists_do) {
            return Ok(());
        }
        // By single references one thread does it, for which others may wait.
        if self.bursts().is_some() && choices.iter().any(has_windows) {
            self.intervals(wanted.least_tau())?;
        }
        Ok(())
    }

    /// Bursts that may be of several processes.
    fn uncut(&self) -> Option<&Bursts> {
        self.trace.as_bursts().filter(|_| !self.plain)
    }

    fn bursts(&self) -> Option<&Bursts> {
        let bursts = || self.trace.bursts(std::iter::empty());
        self.bursts.get_or_init(bursts).as_ref()
    }

    /// LRU with `least` frames and more.
    pub fn lru(&self, least: u64) -> LruCurve {
        let pages = self.trace.distinct();
        match self.uncut() {
            Some(bursts) => {
                let within = (least < K_MAX as u64).then(|| bursts.within());
                by_bursts::lru(bursts.of(K_MAX).columns, within, pages)
            }
            None => super::lru(self.trace.refs(), pages),
        }
    }

    /// How memory fills with pages that are referenced for the first time.
    pub fn filling(&self) -> Filling {
        let pages = self.trace.distinct();
        match self.uncut() {
            Some(bursts) => Filling::of_bursts(bursts.of(K_MAX).columns, pages),
            None => Filling::of(self.trace.refs(), pages),
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
            let pages = self.trace.distinct();
            let few = sizes.partition_point(|&size| size < FEW_FRAMES);
            let bursts = match few <= slow {
                true => self.bursts(),
                false => None,
            };
            match (bursts.map(|bursts| bursts.of(K_MAX)), fifo) {
                (Some(view), true) => by_bursts::fifo(view, pages, sizes),
                (Some(view), false) => by_bursts::clock(view, pages, sizes, load_bit),
                (None, true) => super::fifo(self.trace.refs(), pages, sizes),
                (None, false) => super::clock(self.trace.refs(), pages, sizes, load_bit),
            }
        });
        counts.collect::<Vec<_>>().concat()
    }
}
