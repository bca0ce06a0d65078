//! The inputs that the curves of one trace share (its bursts, its intervals), and the choice of the
//! fastest engine for each curve. Every engine gives the same counts.

use super::{
    CurveError, CurveKind, Filling, LANES, LruCurve, TooLong, UseIntervals, Wanted, by_bursts,
};
use crate::trace::bursts::{Bursts, BurstsView, K_MAX};
use crate::trace::model::dense::Trace;
use rayon::prelude::*;
use std::sync::OnceLock;

/// A pass by bursts is slow when many of its sizes are small. It is used only if at most
/// `FIFO_SMALL_MAX` (Clock: `CLOCK_SMALL_MAX`) sizes are below `SMALL_FRAMES`. Measured; affects
/// speed only.
const SMALL_FRAMES: u64 = 64;
const FIFO_SMALL_MAX: usize = 8;
const CLOCK_SMALL_MAX: usize = 2;

/// A trace, and what its curves share.
#[derive(Debug)]
pub struct CurveInputs<'t> {
    /// The references.
    pub trace: &'t Trace,
    /// Every curve uses single references.
    plain: bool,
    /// Bursts of one process each; `None` if single references are faster.
    bursts: OnceLock<Option<Bursts>>,
    /// For every window from the least that is wanted.
    intervals: OnceLock<Result<UseIntervals, TooLong>>,
}

impl<'t> CurveInputs<'t> {
    /// Returns the inputs of `trace`, whose every page is taken to be private and to stay mapped.
    pub fn new(trace: &'t Trace) -> CurveInputs<'t> {
        CurveInputs {
            trace,
            plain: false,
            bursts: OnceLock::new(),
            intervals: OnceLock::new(),
        }
    }

    /// Like [`CurveInputs::new`], but every curve uses single references: for tests.
    pub fn plain(trace: &'t Trace) -> CurveInputs<'t> {
        CurveInputs {
            trace,
            plain: true,
            bursts: OnceLock::from(None),
            intervals: OnceLock::new(),
        }
    }

    /// Computes shared inputs before the curves run in parallel. Each uses rayon inside a
    /// `OnceLock`; a worker that fills one could steal a curve that waits for the same lock, and
    /// deadlock. Errors as the curves themselves would.
    pub fn prepare(&self, kinds: &[CurveKind], wanted: &Wanted) -> Result<(), CurveError> {
        let least = wanted.least_frames(self.trace.distinct());
        if least < K_MAX as u64 && self.uncut().is_some() {
            self.trace.within()?;
        }
        if kinds.iter().all(|kind| kind.needs_lists_only()) {
            return Ok(());
        }
        // Without bursts one thread computes the intervals, and others may wait for it.
        if self.bursts().is_some() && kinds.iter().any(|kind| kind.has_windows()) {
            self.intervals(wanted.least_tau())?;
        }
        Ok(())
    }

    /// Returns the stored bursts, each of which may hold references of several processes.
    fn uncut(&self) -> Option<&Bursts> {
        self.trace.as_bursts().filter(|_| !self.plain)
    }

    fn bursts(&self) -> Option<&Bursts> {
        let bursts = || self.trace.bursts(std::iter::empty());
        self.bursts.get_or_init(bursts).as_ref()
    }

    /// Returns LRU's curve, valid from `least` frames on. Errors if the file of the trace states other
    /// distances within its bursts than its references have.
    pub fn lru(&self, least: u64) -> Result<LruCurve, CurveError> {
        let pages = self.trace.distinct();
        Ok(match self.uncut() {
            Some(bursts) => {
                let within = match least < K_MAX as u64 {
                    true => self.trace.within()?,
                    false => None,
                };
                by_bursts::lru(bursts.of(K_MAX).columns, within, pages)
            }
            None => super::lru(self.trace.refs(), pages),
        })
    }

    /// Returns how memory fills with pages referenced for the first time.
    pub fn filling(&self) -> Filling {
        let pages = self.trace.distinct();
        match self.uncut() {
            Some(bursts) => Filling::of_bursts(bursts.of(K_MAX).columns, pages),
            None => Filling::of(self.trace.refs(), pages),
        }
    }

    /// Returns the intervals for windows of at least `least` references. The first call computes
    /// them; later calls must not ask for a smaller `least`.
    pub fn intervals(&self, least: u64) -> Result<&UseIntervals, TooLong> {
        let all = || match self.bursts() {
            Some(bursts) => by_bursts::intervals(self.trace, bursts, least),
            None => super::intervals(self.trace),
        };
        self.intervals.get_or_init(all).as_ref().map_err(|e| *e)
    }

    /// Returns the faults and dirty victims of FIFO with each of `sizes` frames, which rise.
    pub fn fifo(&self, sizes: &[u64]) -> Vec<(u64, u64)> {
        let pages = self.trace.distinct();
        let references = |sizes: &[u64]| super::fifo(self.trace.refs(), pages, sizes);
        let bursts = |view: BurstsView<'_>, sizes: &[u64]| by_bursts::fifo(view, pages, sizes);
        self.lanes(sizes, FIFO_SMALL_MAX, references, bursts)
    }

    /// Returns the faults and dirty victims of Clock with each of `sizes` frames, which rise.
    pub fn clock(&self, sizes: &[u64], load_bit: bool) -> Vec<(u64, u64)> {
        let pages = self.trace.distinct();
        let references = |sizes: &[u64]| super::clock(self.trace.refs(), pages, sizes, load_bit);
        let bursts =
            |view: BurstsView<'_>, sizes: &[u64]| by_bursts::clock(view, pages, sizes, load_bit);
        self.lanes(sizes, CLOCK_SMALL_MAX, references, bursts)
    }

    /// Returns the counts at `sizes`, [`LANES`] a pass: by bursts if at most `small_max` sizes of
    /// the pass are small, else by references.
    fn lanes(
        &self,
        sizes: &[u64],
        small_max: usize,
        references: impl Fn(&[u64]) -> Vec<(u64, u64)> + Sync,
        bursts: impl Fn(BurstsView<'_>, &[u64]) -> Vec<(u64, u64)> + Sync,
    ) -> Vec<(u64, u64)> {
        let pass = |sizes: &[u64]| {
            let small = sizes.partition_point(|&size| size < SMALL_FRAMES);
            let encoded = (small <= small_max).then(|| self.bursts()).flatten();
            match encoded {
                Some(encoded) => bursts(encoded.of(K_MAX), sizes),
                None => references(sizes),
            }
        };
        let passes: Vec<Vec<(u64, u64)>> = sizes.par_chunks(LANES).map(pass).collect();
        passes.concat()
    }
}
