//! Which pages of segments their processes still use: those that they referenced in their last references.
//! What else is in memory is idle. Looked at for every reference, and only if it is asked for.

use super::holes::Placed;
use super::steps::{NONE, SegmentId, Step};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;

/// A page of a segment: its number there stays the same whatever happens to the segment.
type Page = (SegmentId, u64);

/// The name of pages that do not exist any longer.
const GONE: Page = (NONE, 0);

/// The window of a process.
#[derive(Debug, Default)]
struct Window {
    /// References of the process so far.
    clock: u64,
    /// The pages referenced in the window, by time; a page once for each reference.
    queue: VecDeque<(u64, Page)>,
    /// The time of the last reference of each page in the window.
    last: FxHashMap<Page, u64>,
}

/// The windows of all processes.
#[derive(Debug)]
pub(super) struct Idle {
    tau: u64,
    page_bytes: u64,
    windows: Vec<Window>,
    /// In how many windows each page is.
    used: FxHashMap<Page, u32>,
    /// The pages of each segment that are in a window.
    pages: FxHashMap<SegmentId, u64>,
}

impl Idle {
    /// Returns empty windows of `tau` references.
    pub fn new(tau: u64, page_bytes: u64, processes: usize) -> Idle {
        Idle {
            tau,
            page_bytes,
            windows: (0..processes).map(|_| Window::default()).collect(),
            used: FxHashMap::default(),
            pages: FxHashMap::default(),
        }
    }

    fn add(&mut self, page: Page) {
        let windows = self.used.entry(page).or_default();
        *windows += 1;
        if *windows == 1 {
            *self.pages.entry(page.0).or_default() += 1;
        }
    }

    fn take(&mut self, page: Page) {
        if let Some(windows) = self.used.get_mut(&page) {
            *windows -= 1;
            if *windows == 0 {
                self.used.remove(&page);
                *self.pages.entry(page.0).or_default() -= 1;
            }
        }
    }

    /// Notes a reference of `process`, and what leaves its window.
    pub fn reference(&mut self, process: u32, page: Page) {
        let window = &mut self.windows[process as usize];
        window.clock += 1;
        let now = window.clock;
        window.queue.push_back((now, page));
        let is_new = window.last.insert(page, now).is_none();
        let mut gone = Vec::new();
        while let Some(&(time, old)) = window.queue.front() {
            if time + self.tau > now {
                break;
            }
            window.queue.pop_front();
            if window.last.get(&old) == Some(&time) {
                window.last.remove(&old);
                gone.push(old);
            }
        }
        if is_new {
            self.add(page);
        }
        gone.into_iter().for_each(|page| self.take(page));
    }

    /// Follows what happens to segments.
    pub fn step(&mut self, step: &Step) {
        match *step {
            Step::Split {
                segment,
                upper,
                first_page,
                ..
            } => {
                let upper = |page: Page| match page.0 == segment && page.1 >= first_page {
                    true => Some((upper, page.1)),
                    false => Some(page),
                };
                self.rename_all(upper);
            }
            Step::Renumber {
                segment,
                first,
                pages,
                to,
            } => {
                let goes = |page: Page| page.0 == segment && page.1.wrapping_sub(first) < pages;
                self.rename_all(|page| match goes(page) {
                    true => to.map(|to| (segment, page.1 - first + to)),
                    false => Some(page),
                });
            }
            Step::Copy {
                from, to, process, ..
            } => self.rename(process as usize, |page| match page.0 == from {
                true => Some((to, page.1)),
                false => Some(page),
            }),
            _ => {}
        }
    }

    /// Takes the pages of a segment out of the window of a process, which has it no longer.
    pub fn lose(&mut self, process: u32, segment: SegmentId) {
        self.rename(process as usize, |page| (page.0 != segment).then_some(page));
    }

    fn rename_all(&mut self, name: impl Fn(Page) -> Option<Page>) {
        for process in 0..self.windows.len() {
            self.rename(process, &name);
        }
    }

    /// Gives the pages in the window of a process other names, or takes those without one out of it.
    fn rename(&mut self, process: usize, name: impl Fn(Page) -> Option<Page>) {
        let window = &mut self.windows[process];
        let changed = window.last.iter().map(|(&page, &time)| (page, time));
        let changed: Vec<(Page, u64)> = changed
            .filter(|&(page, _)| name(page) != Some(page))
            .collect();
        if changed.is_empty() {
            return;
        }
        for (page, _) in &changed {
            window.last.remove(page);
        }
        let named = changed
            .iter()
            .filter_map(|&(page, time)| Some((name(page)?, time)));
        window.last.extend(named);
        // References to a page that is gone count in the window all the same: of no page.
        for (_, page) in &mut window.queue {
            *page = name(*page).unwrap_or(GONE);
        }
        for &(page, _) in &changed {
            self.take(page);
        }
        for page in changed.into_iter().filter_map(|(page, _)| name(page)) {
            self.add(page);
        }
    }

    /// Returns the bytes in memory that are in no window.
    pub fn bytes(&self, placed: impl Iterator<Item = Placed>) -> u64 {
        let idle = |placed: Placed| {
            let pages = self.pages.get(&placed.item).copied().unwrap_or(0);
            (placed.end - placed.start).saturating_sub(pages * self.page_bytes)
        };
        placed.map(idle).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window of 2: after a, b, c the window has b and c. A second process keeps a page that the first
    /// no longer uses.
    #[test]
    fn windows_are_of_each_process() {
        let mut idle = Idle::new(2, 10, 2);
        let memory = |bytes| {
            let of = |item: SegmentId| Placed {
                start: u64::from(item) * 100,
                end: u64::from(item) * 100 + bytes,
                item,
            };
            [of(0), of(1)].into_iter()
        };
        for page in [1, 2, 3] {
            idle.reference(0, (0, page));
        }
        assert_eq!(idle.bytes(memory(50)), 30 + 50);
        idle.reference(1, (0, 1));
        assert_eq!(idle.bytes(memory(50)), 20 + 50);
        idle.step(&Step::Copy {
            from: 0,
            to: 1,
            process: 1,
            address: 0,
            written: true,
        });
        assert_eq!(idle.bytes(memory(50)), 30 + 40);
        idle.step(&Step::Split {
            segment: 0,
            bytes: 20,
            upper: 1,
            touched: 0,
            first_page: 3,
        });
        assert_eq!(idle.bytes(memory(50)), 40 + 30);
        idle.reference(0, (0, 9));
        idle.reference(0, (0, 9));
        assert_eq!(idle.bytes(memory(50)), 40 + 40);
    }
}
