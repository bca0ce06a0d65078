//! The multi-generational LRU of Linux, its core: pages in generations, the youngest by what is
//! found referenced when memory is aged or near a referenced page.

use crate::policy::prelude::*;
use crate::policy::support::lists::Lists;
use crate::trace::model::refs::PageKey;
use std::ops::Range;

/// The most generations at a time.
const GENERATIONS: u64 = 4;

/// In place of an entry or a frame: none.
const NONE: u32 = u32::MAX;

/// In place of a shadow: none.
const NO_SHADOW: u64 = u64::MAX;

/// Entries by blocks of neighbouring page numbers of a process.
struct Blocks {
    /// All entries, by process and page number.
    order: Vec<EntryId>,
    /// For each entry the place in `order` at which its block begins.
    start: Vec<u32>,
}

impl Blocks {
    /// Creates blocks of `size` page numbers. With a `size` of 1 there are none.
    fn new(entries: &[PageKey], size: u64) -> Blocks {
        if size == 1 {
            return Blocks {
                order: Vec::new(),
                start: Vec::new(),
            };
        }
        let key = |entry: EntryId| entries[entry as usize];
        let mut order: Vec<EntryId> = (0..entries.len() as u32).collect();
        order.sort_unstable_by_key(|&entry| (key(entry).process, key(entry).number));
        let block = |entry| (key(entry).process, key(entry).number / size);
        let mut start = vec![0; entries.len()];
        for at in 1..order.len() {
            let (before, entry) = (order[at - 1], order[at]);
            start[entry as usize] = match block(before) == block(entry) {
                true => start[before as usize],
                false => at as u32,
            };
        }
        Blocks { order, start }
    }

    /// Returns the places in `order` of the entries of the block of `entry`.
    fn of(&self, entry: EntryId) -> Range<usize> {
        let Some(&start) = self.start.get(entry as usize) else {
            return 0..0;
        };
        let rest = &self.order[start as usize..];
        let is_inside = |entry: &&EntryId| self.start[**entry as usize] == start;
        let length = rest.iter().take_while(is_inside).count();
        start as usize..start as usize + length
    }
}

/// The counters of `/proc/vmstat`.
#[derive(Default)]
struct Counts {
    scan: u64,
    steal: u64,
    activate: u64,
    refault: u64,
}

/// Multi-generational LRU.
pub struct Mglru {
    /// Frames by generation: its list is its number modulo [`GENERATIONS`]. Pages enter at the
    /// front.
    lists: Lists,
    /// The oldest generation.
    min: u64,
    /// The youngest generation.
    max: u64,
    /// The entry through which the page in each frame was loaded, while it maps that page.
    entry_of: Vec<EntryId>,
    /// The inverse: the frame of the page that was loaded through each entry.
    frame_of: Vec<FrameId>,
    blocks: Blocks,
    /// For each evicted page the oldest generation at its eviction.
    shadows: Vec<u64>,
    counts: Counts,
}

/// Returns the list of `generation`.
fn list(generation: u64) -> usize {
    (generation % GENERATIONS) as usize
}

impl Mglru {
    /// Moves a referenced page to the youngest generation and clears its bit.
    fn rejuvenate(&mut self, frames: &mut Frames, frame: FrameId) {
        frames.clear_referenced(frame);
        self.lists.move_front(list(self.max), frame);
    }

    /// Rejuvenates all referenced pages, then begins a new youngest generation.
    fn age(&mut self, frames: &mut Frames) {
        for frame in 0..self.entry_of.len() as u32 {
            if frames.referenced(frame) && self.lists.list_of(frame).is_some() {
                self.rejuvenate(frames, frame);
            }
        }
        self.max += 1;
    }

    /// Rejuvenates the referenced pages near the page in `frame`.
    fn look_around(&mut self, frames: &mut Frames, frame: FrameId) {
        let entry = self.entry_of[frame as usize];
        for at in self.blocks.of(entry) {
            let near = self.frame_of[self.blocks.order[at] as usize];
            if near != NONE && frames.referenced(near) {
                self.rejuvenate(frames, near);
            }
        }
    }

    /// Forgets which frame `entry` maps.
    fn part(&mut self, entry: EntryId) {
        let Some(shown) = self.frame_of.get_mut(entry as usize) else {
            return;
        };
        let frame = std::mem::replace(shown, NONE);
        if frame != NONE {
            self.entry_of[frame as usize] = NONE;
        }
    }
}

impl<'t> PolicyType<'t> for Mglru {
    const SPEC: Spec = Spec {
        name: "mglru",
        aliases: &["multi-gen-lru", "lru-gen"],
        family: Family::Kernel,
        about: "Linux's generations: referenced pages and their neighbours join the youngest",
        cite: "Linux 6.x, mm/vmscan.c (evict_folios, lru_gen_look_around, inc_max_seq, try_to_inc_min_seq) and mm/workingset.c; Y. Zhao, \"Multi-gen LRU framework\", Linux 6.1, 2022",
        choices: "four generations, of which a new one begins when fewer than two would be left beside the oldest; a page comes in as the youngest. Aging looks at all frames in order. lookaround is the block of page numbers of a process in which neighbours of a page found referenced are looked at (the kernel: those in the same page table, 64 at most); a page in shared memory is where the process that brought it in has it. Reclaim is direct, one page a fault. workingset_refault counts the pages that come in again while the generation that was the oldest when they left still is; a recent kernel counts all. Not modelled: separate types for file and anonymous pages, swappiness, tiers and their refault feedback, Bloom filters of page tables, min_ttl, kswapd, cgroups, NUMA, readahead, and dirty pages, which leave as clean ones do.",
        sees: Sees::Bits,
        complexity: "hit sets a bit; fault O(lookaround) amortised, O(c) when memory is aged",
        bytes: "13 bytes a frame, 8 bytes a page, 12 bytes a page of each process",
        repeats: HitSensitivity::Twice,
        bursts: HitDelivery::SetBits,
        params: &[Param::count(
            "lookaround",
            Some(64),
            1..=512,
            "page numbers in a block of neighbours (1: none but the page itself)",
        )],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Mglru {
        let lookaround = setup.number("lookaround");
        let frames = setup.frames as usize;
        Mglru {
            lists: Lists::new(GENERATIONS as usize, setup.frames),
            min: 0,
            max: GENERATIONS - 1,
            entry_of: vec![NONE; frames],
            frame_of: vec![NONE; setup.entries.len()],
            blocks: Blocks::new(setup.entries, lookaround),
            shadows: vec![NO_SHADOW; setup.pages],
            counts: Counts::default(),
        }
    }
}

impl Policy for Mglru {
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        loop {
            while self.min + 2 <= self.max {
                let oldest = list(self.min);
                if self.lists.back_but(oldest, request.spare).is_some() {
                    break;
                }
                // What is spared goes on into the next generation.
                if let Some(spare) = self.lists.back(oldest) {
                    self.lists.move_front(list(self.min + 1), spare);
                }
                self.min += 1;
            }
            if self.min + 2 > self.max {
                self.age(frames);
                continue;
            }
            let oldest = self.lists.back_but(list(self.min), request.spare);
            let frame = oldest.expect("the oldest generation is not empty");
            self.counts.scan += 1;
            if frames.referenced(frame) {
                self.counts.activate += 1;
                self.rejuvenate(frames, frame);
                self.look_around(frames, frame);
                continue;
            }
            self.counts.steal += 1;
            self.shadows[frames.page(frame) as usize] = self.min;
            self.lists.remove(frame);
            self.part(self.entry_of[frame as usize]);
            return frame;
        }
    }

    #[inline(always)]
    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        let shadow = &mut self.shadows[frames.page(at.frame) as usize];
        let shadow = std::mem::replace(shadow, NO_SHADOW);
        self.counts.refault += u64::from(shadow == self.min);
        self.lists.push_front(list(self.max), at.frame);
        self.part(at.entry);
        self.entry_of[at.frame as usize] = at.entry;
        self.frame_of[at.entry as usize] = at.frame;
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.lists.remove(frame);
        self.part(self.entry_of[frame as usize]);
    }

    fn unmapped(&mut self, entry: EntryId) {
        self.part(entry);
    }

    fn moved(&mut self, from: EntryId, to: EntryId) {
        let frame = self.frame_of[from as usize];
        self.part(from);
        if frame != NONE {
            self.entry_of[frame as usize] = to;
            self.frame_of[to as usize] = frame;
        }
    }

    fn event_counts(&self) -> Vec<EventCount> {
        vec![
            ("pgscan", self.counts.scan),
            ("pgsteal", self.counts.steal),
            ("pgactivate", self.counts.activate),
            ("workingset_refault", self.counts.refault),
        ]
    }
}

impl Explain for Mglru {
    fn why(&self, _evicted: &Evicted) -> String {
        format!(
            "reference bit 0, oldest page of generation {}, the oldest; {} is the youngest",
            self.min, self.max
        )
    }

    fn order(&self, frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let generation = |generation| {
            let bit = |frame| u8::from(frames.referenced(frame));
            let word = move |frame| {
                (
                    frame,
                    format!("generation {generation}, bit {}", bit(frame)),
                )
            };
            self.lists.iter(list(generation)).map(word)
        };
        Some(FrameOrder {
            title: "youngest generation first".into(),
            frames: (self.min..=self.max).rev().flat_map(generation).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_of_one_process_and_in_order_of_numbers() {
        let keys = [(0, 9), (1, 8), (0, 3), (0, 8), (0, 11), (1, 3), (0, 12)];
        let entries = keys.map(|(process, number)| PageKey { process, number });
        let blocks = Blocks::new(&entries, 4);
        let of = |entry| blocks.order[blocks.of(entry)].to_vec();
        for inside in [0, 3, 4] {
            assert_eq!(of(inside), [3, 0, 4]);
        }
        for alone in [1, 2, 5, 6] {
            assert_eq!(of(alone), [alone]);
        }
        assert!(Blocks::new(&entries, 1).of(3).is_empty());
    }
}
