//! The working set and VMIN at every window in one pass, from the intervals between references
//! of the same page in references of its process (Slutz and Traiger, "A note on the calculation
//! of average working set size", Communications of the ACM 17(10), 1974).
//!
//! With window tau a reference faults if more than tau references of its process passed since
//! the last one of its page. After a reference the page stays for tau references of its process
//! or until it is referenced again (VMIN: until it is referenced again, if that is within tau;
//! else it leaves before the next reference of anybody; Prieve and Fabry, "VMIN: an optimal
//! variable-space page replacement algorithm", Communications of the ACM 19(5), 1976). A page's
//! last interval ends with the trace.
//!
//! Where several processes run by turns, an interval lasts as long as the references of all of
//! them in the meantime.
//!
//! Deliberately absent: which windows are wanted.

use super::{Point, TooLong};
use crate::trace::dense::{PageKey, Trace, page_of};
use std::ops::RangeInclusive;

/// Intervals below this are counted in an array, longer ones are listed.
const SHORT: usize = 1 << 16;
/// Of a page that was not written.
const CLEAN: u32 = u32::MAX;

/// The intervals of a trace, ready to be asked for any window.
#[derive(Debug)]
pub struct Intervals {
    refs: u64,
    pages: u64,
    /// Between two references of a page.
    inner: Tally,
    /// The same, where it is known that all references in the meantime are of its process.
    within: Tally,
    /// From the last reference of each page to behind the process's last.
    last: Tally,
    /// Pages that are written.
    written: u64,
    /// For each write of a page but its first, the longest interval since the one before: with a
    /// shorter window it makes the page dirty.
    rewrites: Tally,
    /// For each written page, the longest interval since its last write: with a window as long it
    /// is dirty at the end.
    stays: Tally,
    processes: Option<Processes>,
}

/// Intervals, by length: how many, and how long they last in references of all processes.
#[derive(Debug)]
pub(super) struct Tally {
    /// By length: those up to it, and how long these last together.
    short: Vec<(u64, u128)>,
    /// Longer ones in order of length; the sums with all before and with all short ones.
    long: Vec<(u32, u64, u128)>,
}

/// What is kept of several processes: an interval may be cut by the window at any reference.
#[derive(Debug)]
pub(super) struct Processes {
    /// The positions of the references of each process, and the trace's end, one process after
    /// the other.
    positions: Vec<u32>,
    /// The intervals, last ones among them: where in `positions` they begin, and their length,
    /// the longest first; those that no window can cut are left out.
    spans: Vec<(u32, u32)>,
}

/// A [`Tally`] that is being filled.
pub(super) struct Growing {
    short: Vec<(u64, u64)>,
    long: Vec<(u32, u64)>,
}

impl Growing {
    fn new() -> Growing {
        Growing {
            short: vec![(0, 0); SHORT],
            long: Vec::new(),
        }
    }

    #[inline(always)]
    fn note(&mut self, interval: u32, lasts: u64) {
        match self.short.get_mut(interval as usize) {
            Some(entry) => {
                entry.0 += 1;
                entry.1 += lasts;
            }
            None => self.long.push((interval, lasts)),
        }
    }

    fn finish(mut self) -> Tally {
        let (mut count, mut sum) = (0, 0);
        let mut add = |more: u64, lasts: u64| {
            count += more;
            sum += u128::from(lasts);
            (count, sum)
        };
        let short = self.short.iter().map(|&(more, lasts)| add(more, lasts));
        let short = short.collect();
        self.long.sort_unstable_by_key(|&(interval, _)| interval);
        let long = self.long.iter().map(|&(interval, lasts)| {
            let (count, sum) = add(1, lasts);
            (interval, count, sum)
        });
        let long = long.collect();
        Tally { short, long }
    }
}

impl Tally {
    /// Of nothing but this many of each length below [`SHORT`], which last as long.
    pub fn of_lengths(counts: &[u64]) -> Tally {
        let mut growing = Growing::new();
        for ((length, &count), entry) in counts.iter().enumerate().zip(&mut growing.short) {
            *entry = (count, count * length as u64);
        }
        growing.finish()
    }

    /// Of so many intervals that no window cuts, and how long they last together.
    pub fn of_short(count: u64, lasts: u64) -> Tally {
        let mut growing = Growing::new();
        growing.short[1] = (count, lasts);
        growing.finish()
    }

    /// How many there are.
    fn count(&self) -> u64 {
        self.up_to(u64::MAX).0
    }

    /// How many intervals are at most so long, and how long these last together.
    fn up_to(&self, interval: u64) -> (u64, u128) {
        if let Some(&entry) = self.short.get(usize::try_from(interval).unwrap_or(SHORT)) {
            return entry;
        }
        let long = self
            .long
            .partition_point(|&(length, ..)| u64::from(length) <= interval);
        match long.checked_sub(1) {
            Some(last) => (self.long[last].1, self.long[last].2),
            None => self.short[SHORT - 1],
        }
    }
}

/// What is known of a page while the references pass.
#[derive(Clone, Copy)]
struct Stamp {
    /// The process's clock at the last reference; clocks begin at 1.
    last: u32,
    /// The longest interval since it was last written.
    longest: u32,
}

/// Runs over the references of a trace.
pub fn intervals(trace: &Trace) -> Result<Intervals, TooLong> {
    clocks_fit(trace)?;
    Ok(match trace.dictionary.pids.len() {
        0 | 1 => one_process(trace),
        _ => several(trace),
    })
}

/// Clocks have 32 bits.
pub(super) fn clocks_fit(trace: &Trace) -> Result<(), TooLong> {
    // Each process has one position more than references.
    match trace.len() + trace.dictionary.pids.len() < u32::MAX as usize {
        true => Ok(()),
        false => Err(TooLong("the working set")),
    }
}

/// The tallies while they are filled.
pub(super) struct Open {
    stamps: Vec<Stamp>,
    inner: Growing,
    last: Growing,
    written: u64,
    rewrites: Growing,
    stays: Growing,
    pages: u64,
}

impl Open {
    /// For pages below this.
    pub fn new(pages: usize) -> Open {
        let unseen = Stamp {
            last: 0,
            longest: CLEAN,
        };
        Open {
            stamps: vec![unseen; pages],
            inner: Growing::new(),
            last: Growing::new(),
            written: 0,
            rewrites: Growing::new(),
            stays: Growing::new(),
            pages: 0,
        }
    }

    /// A reference at `now` of its process's clock; returns the clock at the one before, if there
    /// was one. `lasts` tells how long that is.
    #[inline(always)]
    fn touch(
        &mut self,
        page: u32,
        write: bool,
        now: u32,
        lasts: impl Fn(u32, u32) -> u64,
    ) -> Option<u32> {
        self.pass(page, write, now..=now, (0, 0), lasts)
    }

    /// References from one clock to another of a page, the longest intervals between which are,
    /// up to their first write (or all, without one) and behind their last, `longest`; the writes
    /// between these two are not counted here. Returns the clock at the reference before, if there
    /// was one; `lasts` tells how long that is.
    #[inline(always)]
    pub fn pass(
        &mut self,
        page: u32,
        write: bool,
        clocks: RangeInclusive<u32>,
        longest: (u32, u32),
        lasts: impl Fn(u32, u32) -> u64,
    ) -> Option<u32> {
        let stamp = &mut self.stamps[page as usize];
        let before = std::mem::replace(&mut stamp.last, *clocks.end());
        let mut since = stamp.longest.max(longest.0);
        if before == 0 {
            self.pages += 1;
        } else {
            let interval = clocks.start() - before;
            self.inner.note(interval, lasts(before, *clocks.start()));
            since = since.max(interval);
        }
        if write {
            match since {
                CLEAN => self.written += 1,
                since => self.rewrites.note(since, 0),
            }
            since = longest.1;
        }
        stamp.longest = since;
        (before > 0).then_some(before)
    }

    /// Writes that [`Open::pass`] did not count: how many by their longest interval since the one
    /// before, all below [`SHORT`].
    pub fn add_rewrites(&mut self, counts: &[u64]) {
        for (entry, count) in self.rewrites.short.iter_mut().zip(counts) {
            entry.0 += count;
        }
    }

    /// The clock at the last reference of a page.
    pub fn last_use(&self, page: u32) -> u32 {
        self.stamps[page as usize].last
    }

    /// The trace ends: each page, with its clock then, one tick behind its process's last.
    pub fn end(&mut self, page: u32, end: u32, lasts: impl Fn(u32, u32) -> u64) {
        let stamp = self.stamps[page as usize];
        let interval = end - stamp.last;
        self.last.note(interval, lasts(stamp.last, end));
        if stamp.longest != CLEAN {
            self.stays.note(stamp.longest.max(interval), 0);
        }
    }

    /// All is counted, but for the intervals `within`.
    pub fn finish(self, refs: usize, within: Tally, processes: Option<Processes>) -> Intervals {
        Intervals {
            refs: refs as u64,
            pages: self.pages,
            inner: self.inner.finish(),
            within,
            last: self.last.finish(),
            written: self.written,
            rewrites: self.rewrites.finish(),
            stays: self.stays.finish(),
            processes,
        }
    }

    /// The pages that were referenced.
    pub fn seen(&self) -> Vec<u32> {
        let pages = self.stamps.iter().zip(0..);
        pages
            .filter(|(stamp, _)| stamp.last > 0)
            .map(|(_, page)| page)
            .collect()
    }
}

fn one_process(trace: &Trace) -> Intervals {
    let mut open = Open::new(trace.distinct());
    let lasts = |from: u32, to: u32| u64::from(to - from);
    for (&reference, now) in trace.refs().iter().zip(1..) {
        open.touch(page_of(reference), reference & 1 != 0, now, lasts);
    }
    for page in open.seen() {
        open.end(page, trace.len() as u32 + 1, lasts);
    }
    open.finish(trace.len(), Tally::of_short(0, 0), None)
}

fn several(trace: &Trace) -> Intervals {
    let (positions, starts) = positions(trace);
    let pages: &[PageKey] = &trace.dictionary.pages;
    let process = |page: u32| pages[page as usize].process as usize;
    let mut clocks = vec![0u32; trace.dictionary.pids.len()];
    let mut open = Open::new(pages.len());
    let mut spans = Vec::new();
    for &reference in trace.refs() {
        let page = page_of(reference);
        let process = process(page);
        clocks[process] += 1;
        let now = clocks[process];
        let lasts = lasting(&positions[starts[process]..]);
        if let Some(before) = open.touch(page, reference & 1 != 0, now, lasts)
            && now - before > 1
        {
            spans.push((starts[process] as u32 + before - 1, now - before));
        }
    }
    for page in open.seen() {
        let process = process(page);
        let end = clocks[process] + 1;
        let begin = open.last_use(page);
        spans.push((starts[process] as u32 + begin - 1, end - begin));
        open.end(page, end, lasting(&positions[starts[process]..]));
    }
    let processes = Processes::new(positions, spans);
    open.finish(trace.len(), Tally::of_short(0, 0), Some(processes))
}

/// How many references of all processes pass from one clock to another of a process.
pub(super) fn lasting(positions: &[u32]) -> impl Fn(u32, u32) -> u64 + '_ {
    |from, to| u64::from(positions[to as usize - 1] - positions[from as usize - 1])
}

/// The positions of the references of each process, and the trace's end; and where those of each
/// process begin.
fn positions(trace: &Trace) -> (Vec<u32>, Vec<usize>) {
    let pages = &trace.dictionary.pages;
    let process = |reference: u32| pages[page_of(reference) as usize].process as usize;
    let mut counts = vec![0usize; trace.dictionary.pids.len()];
    trace
        .refs()
        .iter()
        .for_each(|&reference| counts[process(reference)] += 1);
    let mut starts = Vec::with_capacity(counts.len());
    let mut total = 0;
    for count in &counts {
        starts.push(total);
        total += count + 1;
    }
    let mut positions = vec![trace.len() as u32; total];
    let mut next = starts.clone();
    for (&reference, position) in trace.refs().iter().zip(0..) {
        let next = &mut next[process(reference)];
        positions[*next] = position;
        *next += 1;
    }
    (positions, starts)
}

impl Intervals {
    /// The working set with a window of `tau` references, at least 1.
    pub fn working_set(&self, tau: u64) -> Point {
        let (kept, kept_sum) = self.inner.up_to(tau);
        let (near, near_sum) = self.within.up_to(tau);
        let (ended, ended_sum) = self.last.up_to(tau);
        let cut = self.inner.count() - kept + self.pages - ended;
        let cut_sum = match &self.processes {
            None => u128::from(cut) * u128::from(tau),
            Some(processes) => processes.cut(tau, cut as usize),
        };
        let near_cut = u128::from(self.within.count() - near) * u128::from(tau);
        // Each time it became dirty it left, but for those that are there at the end.
        let became_dirty = self.written + self.rewrites.count() - self.rewrites.up_to(tau).0;
        Point {
            memory: tau,
            faults: self.refs - kept - near,
            write_backs: Some(became_dirty - self.stays.up_to(tau).0),
            resident_sum: kept_sum + near_sum + ended_sum + cut_sum + near_cut,
        }
    }

    /// VMIN with a window of `tau` references, at least 1. Its write-backs are not told.
    pub fn vmin(&self, tau: u64) -> Point {
        let (kept, kept_sum) = self.inner.up_to(tau);
        let (near, near_sum) = self.within.up_to(tau);
        let faults = self.refs - kept - near;
        Point {
            memory: tau,
            faults,
            write_backs: None,
            // The others are there at their reference only.
            resident_sum: kept_sum + near_sum + u128::from(faults),
        }
    }

    /// The number of references.
    pub fn refs(&self) -> u64 {
        self.refs
    }

    /// The longest interval: with this window only first references fault, and no page leaves.
    pub fn longest(&self) -> u64 {
        let longest = |tally: &Tally| match tally.long.last() {
            Some(&(length, ..)) => u64::from(length),
            None => {
                let all = tally.short[SHORT - 1].0;
                tally.short.partition_point(|&(count, _)| count < all) as u64
            }
        };
        longest(&self.inner)
            .max(longest(&self.within))
            .max(longest(&self.last))
            .max(1)
    }
}

impl Processes {
    /// See the fields; in any order.
    pub fn new(positions: Vec<u32>, mut spans: Vec<(u32, u32)>) -> Processes {
        // Only what a window cuts is looked at again.
        spans.sort_unstable_by_key(|&(_, length)| std::cmp::Reverse(length));
        Processes { positions, spans }
    }

    /// How long the `count` longest intervals last together if a window cuts them.
    fn cut(&self, tau: u64, count: usize) -> u128 {
        let one = |&(from, _): &(u32, u32)| {
            let from = from as usize;
            u128::from(self.positions[from + tau as usize] - self.positions[from])
        };
        self.spans[..count].iter().map(one).sum()
    }
}
