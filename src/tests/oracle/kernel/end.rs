//! What is counted at the end.

use super::machine::{Counts, Machine, State};

impl Machine {
    /// Ends the replay. Returns the counts.
    pub fn end(mut self) -> Counts {
        let mut counts = self.counts.clone();
        counts.processes = self.counted.len() as u64;
        counts.distinct_pages = self.pages.iter().filter(|page| page.came_in).count() as u64;
        counts.resident_end = self.resident();
        let left: Vec<_> = self
            .pages
            .iter()
            .filter(|page| !page.gone && page.came_in)
            .collect();
        let many = |n: usize| n as u64;
        counts.dirty_end = many(left.iter().filter(|page| page.dirty).count());
        counts.swapped_end = many(
            left.iter()
                .filter(|page| page.frame.is_none() && page.has_slot)
                .count(),
        );
        counts.dropped_end = many(
            left.iter()
                .filter(|page| page.frame.is_none() && !page.has_slot)
                .count(),
        );
        counts.swap_slots = many(self.slots());
        counts.untouched_end = self.untouched();
        match self.before.take() {
            Some(before) => counts.less(&before),
            // The warm-up takes everything.
            None => {
                counts.less(&self.counts);
                counts.peak_resident = 0;
            }
        }
        counts
    }

    /// Mapped pages that nothing is bound to, of each process.
    fn untouched(&self) -> u64 {
        let mut spaces: Vec<usize> = self
            .processes
            .iter()
            .filter(|process| process.state == State::Lives)
            .map(|process| process.space)
            .collect();
        spaces.sort_unstable();
        spaces.dedup();
        let of_space = |&space: &usize| {
            let space = &self.spaces[space];
            let mapped: u64 = space
                .mappings
                .iter()
                .map(|mapping| mapping.end - mapping.start)
                .sum();
            mapped - space.entries.len() as u64
        };
        if self.has_mappings {
            spaces.iter().map(of_space).sum()
        } else {
            0
        }
    }
}

impl Counts {
    /// Takes away what was counted before counting began.
    fn less(&mut self, before: &Counts) {
        for (count, before) in [
            (&mut self.refs, before.refs),
            (&mut self.reads, before.reads),
            (&mut self.writes, before.writes),
            (&mut self.ifetches, before.ifetches),
            (&mut self.hits, before.hits),
            (&mut self.fills, before.fills),
            (&mut self.refills, before.refills),
            (&mut self.maps, before.maps),
            (&mut self.cow_copies, before.cow_copies),
            (&mut self.cow_reuses, before.cow_reuses),
            (&mut self.minor_faults, before.minor_faults),
            (&mut self.major_faults, before.major_faults),
            (&mut self.resident_sum, before.resident_sum),
            (&mut self.evictions_clean, before.evictions_clean),
            (&mut self.evictions_dirty, before.evictions_dirty),
            (&mut self.freed, before.freed),
            (&mut self.freed_dirty, before.freed_dirty),
            (&mut self.prefetched, before.prefetched),
            (&mut self.populated, before.populated),
            (&mut self.originals, before.originals),
            (&mut self.io_hits, before.io_hits),
            (&mut self.io_loads, before.io_loads),
            (&mut self.swap_reads, before.swap_reads),
            (&mut self.file_reads, before.file_reads),
        ] {
            *count -= before;
        }
    }
}
