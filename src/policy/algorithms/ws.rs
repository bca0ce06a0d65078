//! The working set: a page is resident while it was referenced in the last tau references of a
//! process that maps it.

use crate::policy::prelude::*;
use crate::policy::protocol::Windows;
use crate::policy::support::least_first::LeastFirst;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The last use of an entry by its process.
#[derive(Clone, Copy, Default)]
struct Stamp {
    process: u32,
    /// The page that the entry maps, while it is in the window; and the bit [`QUEUED`]: whether the
    /// heap has this entry, with a current key or a stale one. Stamps are read at every reference:
    /// small ones stay in the processor's cache.
    page_and_queued: u32,
    /// The clock of the process at that use; [`OUTSIDE`] if the entry is not in the window.
    virtual_time: u64,
}

/// See [`Stamp::page_and_queued`]; pages have lower numbers.
const QUEUED: u32 = 1 << 31;

impl Stamp {
    fn page(&self) -> PageId {
        self.page_and_queued & !QUEUED
    }
}

/// In place of a clock reading: outside the window. Clocks begin at 1.
const OUTSIDE: u64 = 0;

/// A process with its window.
///
/// A hit only stamps its entry. The heap is corrected when its top is needed. An entry reaches the
/// top at most once per window, so a reference costs a store and a comparison.
struct Process {
    /// Its clock.
    virtual_time: u64,
    /// The entries in its window by a last use that may be stale: by virtual time, then by
    /// [`WorkingSet::arrivals`].
    oldest: BinaryHeap<Reverse<(u64, u32, EntryId)>>,
    /// No entry's window closes before this virtual time.
    due: u64,
}

/// The state of a page, resident or not.
#[derive(Clone, Copy)]
struct PageInfo {
    /// The number of entries, in the windows of all processes, that map it.
    windows: u32,
    /// Its frame, or [`NOWHERE`].
    frame: FrameId,
    /// Its last use or arrival, by [`WorkingSet::uses`].
    last: u64,
    /// The process that loaded it.
    loader: u32,
}

/// In place of a frame: not resident.
const NOWHERE: FrameId = FrameId::MAX;

/// Denning's working set, exactly: after each reference the page whose window closes leaves.
pub struct WorkingSet<'t> {
    tau: u64,
    /// Whether several entries can map one page.
    shares: bool,
    /// Whether the order of last uses is needed: pages are shared, or there is a limit.
    notes_uses: bool,
    /// The frames that each process may have, if they are limited by process.
    quotas: Option<&'t [u32]>,
    /// The number of resident pages loaded by each process; read only with quotas.
    loaded: Vec<u32>,
    /// The last use of each entry.
    stamps: Vec<Stamp>,
    /// For each entry the number of its last arrival ahead of use; 0 if there was none. It orders
    /// pages that arrive at one time of their process, all after the page of the last reference.
    /// Empty if nothing is shared.
    arrivals: Vec<u32>,
    /// The number of arrivals ahead of use so far.
    arrived: u32,
    /// The state of each page.
    pages: Vec<PageInfo>,
    /// The page in each frame.
    page_in: Vec<PageId>,
    /// References and arrivals so far. Without `notes_uses` it misses plain hits.
    uses: u64,
    processes: Vec<Process>,
    /// Resident pages that are in no window any more. They leave after the present reference or the
    /// next one, in the order of their numbers.
    orphans: LeastFirst,
}

/// Returns the number of the last arrival of `entry` ahead of use.
#[inline(always)]
fn arrival(arrivals: &[u32], entry: EntryId) -> u32 {
    arrivals.get(entry as usize).copied().unwrap_or(0)
}

impl Process {
    /// Returns the virtual time of the use that is longest ago, and its entry.
    fn true_oldest(&mut self, stamps: &mut [Stamp], arrivals: &[u32]) -> Option<(u64, EntryId)> {
        loop {
            let mut top = self.oldest.peek_mut()?;
            let Reverse((noted, number, entry)) = *top;
            let stamp = &mut stamps[entry as usize];
            let last = stamp.virtual_time;
            if last == OUTSIDE {
                stamp.page_and_queued &= !QUEUED;
                std::collections::binary_heap::PeekMut::pop(top);
                continue;
            }
            let arrival = arrival(arrivals, entry);
            if (last, arrival) == (noted, number) {
                return Some((last, entry));
            }
            *top = Reverse((last, arrival, entry));
        }
    }
}

impl<'t> PolicyType<'t> for WorkingSet<'t> {
    const SPEC: Spec = Spec {
        name: "ws",
        aliases: &["working-set"],
        family: Family::VariableSpace,
        about: "working set: keeps the pages of a process's last tau references",
        cite: "P. J. Denning, \"The working set model for program behavior\", Communications of the ACM 11(5), 1968",
        choices: "a page referenced exactly tau references ago is still a hit, then it leaves unless it was the one referenced. The window is counted in references of the process and stands still while that does not run; a shared page is resident while it is in the window of any process. With a limit, an over-full pool loses its least recently referenced page (with local allocation: of those that the process loaded).",
        space: MemoryBy::Variable,
        sees: Sees::Hits,
        complexity: "hit O(1); fault and expiry O(log p) amortised, p pages in the window; with a limit O(frames) a victim where there are mappings, forks or frames by process",
        bytes: "16 bytes a page of a process, 24 a page, 16 in the window",
        repeats: HitSensitivity::LastTime,
        bursts: HitDelivery::Windows,
        curve: Some(CurveKind::Ws),
        params: &[Param::count(
            "limit",
            None,
            1..=crate::units::PAGE_ID_MAX as u64,
            "most resident pages of all processes together, in frames",
        )],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> WorkingSet<'t> {
        let mut owned = vec![0usize; setup.processes];
        let mut stamps = vec![Stamp::default(); setup.entries.len()];
        for (key, stamp) in setup.entries.iter().zip(&mut stamps) {
            owned[key.process as usize] += 1;
            stamp.process = key.process;
        }
        let process = |owned: &usize| Process {
            virtual_time: OUTSIDE + 1,
            oldest: BinaryHeap::with_capacity((*owned).min(setup.frames as usize)),
            due: u64::MAX,
        };
        WorkingSet {
            tau: setup.tau,
            shares: setup.shares,
            notes_uses: setup.shares || (setup.frames as usize) < setup.pages,
            quotas: setup.quotas,
            loaded: vec![0; setup.processes],
            arrivals: vec![0; if setup.shares { stamps.len() } else { 0 }],
            arrived: 0,
            stamps,
            pages: vec![
                PageInfo {
                    windows: 0,
                    frame: NOWHERE,
                    last: 0,
                    loader: 0,
                };
                setup.pages
            ],
            page_in: vec![0; setup.frames as usize],
            uses: 0,
            processes: owned.iter().map(process).collect(),
            orphans: LeastFirst::default(),
        }
    }

    #[inline(always)]
    fn windows(&mut self) -> Option<&mut impl Windows> {
        Some(self)
    }
}

impl Policy for WorkingSet<'_> {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
        let stamp = &mut self.stamps[at.entry as usize];
        let process = &mut self.processes[stamp.process as usize];
        process.virtual_time += 1;
        if self.notes_uses {
            self.uses += 1;
            let page = self.page_in[at.frame as usize];
            self.pages[page as usize].last = self.uses;
            if stamp.virtual_time == OUTSIDE {
                return self.enter(at.entry, page);
            }
        }
        stamp.virtual_time = process.virtual_time;
    }

    fn is_full(&self, process: u32) -> bool {
        let quota = self.quotas.map(|quotas| quotas[process as usize]);
        quota.is_some_and(|quota| self.loaded[process as usize] >= quota)
    }

    /// Chooses the least recently used page. Needed with a limit only; without one and with several
    /// processes the order between processes is that of loads.
    fn victim(&mut self, _frames: &mut Frames, request: VictimRequest) -> FrameId {
        if self.shares || self.quotas.is_some() {
            // It stays in its windows, and is in them when it is loaded again.
            let page = self.least_recent(request);
            return self.forget(page);
        }
        let (stamps, pages, arrivals) = (&mut self.stamps, &self.pages, &self.arrivals);
        let oldest = self.processes.iter_mut().filter_map(|process| {
            let (_, entry) = process.true_oldest(stamps, arrivals)?;
            Some((pages[stamps[entry as usize].page() as usize].last, entry))
        });
        let Some((_, entry)) = oldest.min() else {
            let orphan = self.orphans.least();
            return self.forget(orphan.expect("a page is resident"));
        };
        let stamp = &mut self.stamps[entry as usize];
        stamp.virtual_time = OUTSIDE;
        let page = stamp.page();
        self.pages[page as usize].windows = 0;
        self.forget(page)
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        let process = self.stamps[at.entry as usize].process;
        self.processes[process as usize].virtual_time += 1;
        self.load(at, frames.page(at.frame));
    }

    /// The page counts as used by the process just now.
    fn prefetched(&mut self, frames: &mut Frames, at: PageAccess, _next_use: u32) {
        self.arrived += 1;
        if let Some(arrival) = self.arrivals.get_mut(at.entry as usize) {
            *arrival = self.arrived;
        }
        self.load(at, frames.page(at.frame));
    }

    fn freed(&mut self, frames: &mut Frames, frame: FrameId) {
        self.forget(frames.page(frame));
    }

    fn unmapped(&mut self, entry: EntryId) {
        self.leave(entry);
    }

    fn moved(&mut self, from: EntryId, to: EntryId) {
        let Stamp { virtual_time, .. } = self.stamps[from as usize];
        let page = self.stamps[from as usize].page();
        self.stamps[from as usize].virtual_time = OUTSIDE;
        if virtual_time == OUTSIDE {
            return;
        }
        if !self.arrivals.is_empty() {
            self.arrivals[to as usize] = self.arrivals[from as usize];
        }
        let stamp = &mut self.stamps[to as usize];
        stamp.virtual_time = virtual_time;
        stamp.page_and_queued = page | QUEUED;
        // The heap may have `to` already, from an earlier stay; but perhaps with a later key.
        let key = (virtual_time, arrival(&self.arrivals, to), to);
        let process = &mut self.processes[stamp.process as usize];
        process.oldest.push(Reverse(key));
        process.due = process.due.min(virtual_time.saturating_add(self.tau));
    }

    #[inline(always)]
    fn expire(&mut self, _frames: &mut Frames, entry: EntryId) -> Option<FrameId> {
        // Only the clock of the process that runs has moved; others may have unmapped pages.
        let process = &mut self.processes[self.stamps[entry as usize].process as usize];
        if process.virtual_time < process.due && self.orphans.is_empty() {
            return None;
        }
        self.expire_due(entry)
    }
}

impl Explain for WorkingSet<'_> {
    fn why(&self, evicted: &Evicted) -> String {
        let last = evicted.seen.last();
        match evicted.expired {
            true => format!("outside the window of {}, {last}", self.tau),
            false => format!("the limit is reached: least recently used, {last}"),
        }
    }

    fn order(&self, _frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let mut ages: Vec<(u64, FrameId)> = Vec::new();
        for stamp in self.stamps.iter().filter(|s| s.virtual_time != OUTSIDE) {
            let frame = self.pages[stamp.page() as usize].frame;
            let now = self.processes[stamp.process as usize].virtual_time;
            if frame != NOWHERE {
                ages.push((now - stamp.virtual_time, frame));
            }
        }
        ages.sort_unstable();
        // A shared page is listed once, by the window in which it is youngest.
        let mut listed = vec![false; self.page_in.len()];
        ages.retain(|&(_, frame)| !std::mem::replace(&mut listed[frame as usize], true));
        let aged = ages.into_iter();
        Some(FrameOrder {
            title: format!("window of {}, references of the process ago", self.tau),
            frames: aged.map(|(age, frame)| (frame, age.to_string())).collect(),
        })
    }
}

impl Windows for WorkingSet<'_> {
    #[inline]
    fn refs_until_close(&self, entry: EntryId) -> u64 {
        if !self.orphans.is_empty() {
            return 0;
        }
        let process = &self.processes[self.stamps[entry as usize].process as usize];
        process.due.saturating_sub(process.virtual_time)
    }

    #[inline]
    fn advance(&mut self, entry: EntryId, refs: u64) {
        self.uses += refs;
        let process = self.stamps[entry as usize].process;
        self.processes[process as usize].virtual_time += refs;
    }

    #[inline]
    fn is_in_window(&self, entry: EntryId) -> bool {
        self.stamps[entry as usize].virtual_time != OUTSIDE
    }

    #[inline]
    fn set_last_use(&mut self, entry: EntryId, frame: FrameId, ago: u64) {
        if self.notes_uses {
            let page = self.page_in[frame as usize];
            self.pages[page as usize].last = self.uses - ago;
        }
        let stamp = &mut self.stamps[entry as usize];
        stamp.virtual_time = self.processes[stamp.process as usize].virtual_time - ago;
    }
}

impl WorkingSet<'_> {
    /// Records that `page` was put into `at.frame` through `at.entry`.
    fn load(&mut self, at: PageAccess, page: PageId) {
        self.uses += 1;
        self.page_in[at.frame as usize] = page;
        let stamp = &mut self.stamps[at.entry as usize];
        let held = &mut self.pages[page as usize];
        held.frame = at.frame;
        held.last = self.uses;
        held.loader = stamp.process;
        self.loaded[stamp.process as usize] += 1;
        match stamp.virtual_time {
            OUTSIDE => self.enter(at.entry, page),
            _ => stamp.virtual_time = self.processes[stamp.process as usize].virtual_time,
        }
    }

    /// Puts `entry`, which is outside, into the window of its process, now.
    #[inline(never)]
    fn enter(&mut self, entry: EntryId, page: PageId) {
        let held = &mut self.pages[page as usize];
        if held.windows == 0 {
            self.orphans.remove(page);
        }
        held.windows += 1;
        let stamp = &mut self.stamps[entry as usize];
        let process = &mut self.processes[stamp.process as usize];
        stamp.virtual_time = process.virtual_time;
        let queued = stamp.page_and_queued & QUEUED != 0;
        stamp.page_and_queued = page | QUEUED;
        if !queued {
            let arrival = arrival(&self.arrivals, entry);
            process
                .oldest
                .push(Reverse((process.virtual_time, arrival, entry)));
        }
        process.due = process
            .due
            .min(process.virtual_time.saturating_add(self.tau));
    }

    /// Takes `entry` out of the window of its process, if it is in it.
    fn leave(&mut self, entry: EntryId) {
        let stamp = &mut self.stamps[entry as usize];
        if std::mem::replace(&mut stamp.virtual_time, OUTSIDE) == OUTSIDE {
            return;
        }
        let held = &mut self.pages[stamp.page() as usize];
        held.windows -= 1;
        if held.windows == 0 && held.frame != NOWHERE {
            self.orphans.insert(stamp.page());
        }
    }

    /// Ends the window of the page that the process of `entry` used longest ago, if that is at
    /// least `age` of its references ago.
    pub(in crate::policy) fn drop_oldest(&mut self, entry: EntryId, age: u64) {
        let process = self.stamps[entry as usize].process as usize;
        let process = &mut self.processes[process];
        let oldest = process.true_oldest(&mut self.stamps, &self.arrivals);
        let old = oldest.filter(|&(last, _)| process.virtual_time - last >= age);
        if let Some((_, entry)) = old {
            process.oldest.pop();
            self.stamps[entry as usize].page_and_queued &= !QUEUED;
            self.leave(entry);
        }
    }

    /// Returns the least recently used page, with quotas of those that the process loaded.
    fn least_recent(&self, request: VictimRequest) -> PageId {
        let ours = |held: &PageInfo| self.quotas.is_none() || held.loader == request.process;
        let resident = self.page_in.iter().zip(0..).filter(|&(&page, frame)| {
            let held = &self.pages[page as usize];
            held.frame == frame && ours(held)
        });
        // A page that must stay leaves if the process has loaded no other.
        let key = |&(&page, frame): &(&PageId, FrameId)| {
            (request.spares(frame), self.pages[page as usize].last)
        };
        *resident.min_by_key(key).expect("a frame is taken").0
    }

    /// Forgets `page`, which leaves memory, and returns its frame.
    fn forget(&mut self, page: PageId) -> FrameId {
        let held = &mut self.pages[page as usize];
        self.loaded[held.loader as usize] -= 1;
        self.orphans.remove(page);
        std::mem::replace(&mut held.frame, NOWHERE)
    }

    /// Closes the windows of the process of `entry` that are due, then returns the frame of one
    /// page that is in no window.
    #[inline(never)]
    fn expire_due(&mut self, entry: EntryId) -> Option<FrameId> {
        let process = self.stamps[entry as usize].process as usize;
        self.close_due(process);
        let page = self.orphans.least()?;
        Some(self.forget(page))
    }

    /// Closes the windows of `process` that are due.
    fn close_due(&mut self, process: usize) {
        loop {
            let process = &mut self.processes[process];
            let oldest = process.true_oldest(&mut self.stamps, &self.arrivals);
            process.due = oldest.map_or(u64::MAX, |(last, _)| last.saturating_add(self.tau));
            let Some((_, entry)) = oldest.filter(|_| process.virtual_time >= process.due) else {
                return;
            };
            process.oldest.pop();
            self.stamps[entry as usize].page_and_queued &= !QUEUED;
            self.leave(entry);
        }
    }
}
