//! The TLBs of the memory.

use super::super::super::tlb::{Buffers, Found};
use super::{Memory, Page};

impl Memory<'_> {
    pub(super) fn switch_to(&mut self, pid: u32) {
        let before = self.running.replace(pid);
        if let Some(tlb) = self.options.tlb.as_ref().filter(|tlb| !tlb.tags)
            && before.is_some_and(|before| before != pid)
        {
            self.buffers = Some(Buffers::of(tlb));
            self.walker.iter_mut().for_each(|walker| walker.empty());
            self.flushes += 1;
        }
    }

    pub(super) fn look_up(&mut self, page: Page, ifetch: bool) -> Found {
        let Some(buffers) = &mut self.buffers else {
            return Found::Nowhere;
        };
        let found = buffers.look_up(page, ifetch);
        match found {
            Found::First if ifetch => self.lookups.l1i_hits += 1,
            Found::First => self.lookups.l1d_hits += 1,
            Found::Second => self.lookups.l2_hits += 1,
            Found::Nowhere => {
                self.lookups.misses += 1;
                self.walker.iter_mut().for_each(|walker| walker.walk(page));
            }
        }
        found
    }

    pub(super) fn fill(&mut self, page: Page, ifetch: bool, found: Found) {
        if let Some(buffers) = &mut self.buffers {
            buffers.fill(page, ifetch, found);
        }
    }

    /// An event changes the page tables of this page's process, so that nothing holds for it that was
    /// remembered of them.
    pub(super) fn tables_change(&mut self, page: Page) {
        if let Some(walker) = &mut self.walker {
            walker.forget(page.0);
        }
    }

    pub(super) fn shoot_down(&mut self, page: Page) {
        if let Some(buffers) = &mut self.buffers {
            self.lookups.shootdowns += buffers.shoot_down(page);
        }
    }
}
