//! Address spaces that children borrow (vfork): until its exec or exit, what a child references, maps
//! and unmaps is its parent's, through the parent's page-table entries. Nothing is copied. Knows nothing
//! of mappings.

use super::place::Place;
use super::process::State;
use super::resolver::Resolver;
use super::{EntryId, SpaceError};
use crate::trace::model::event::{Event, EventAt};
use crate::trace::model::refs::PageKey;

impl Resolver<'_> {
    /// Returns the process whose address space `process` uses: its own, or the one that it borrows.
    pub fn home(&self, process: u32) -> u32 {
        self.processes[process as usize].lender.unwrap_or(process)
    }

    /// Lets `child`, which is alive, use the address space of `process`.
    pub fn lend(&mut self, process: u32, child: u32) {
        let lender = self.home(process);
        self.processes[child as usize].lender = Some(lender);
        self.borrowers.insert((lender, child));
    }

    /// Lets `process` use its own address space, which is empty, if it borrowed another. That one goes
    /// if an illegal reference ended its process and no other uses it. Returns whether `process`
    /// borrowed one.
    pub fn give_back(&mut self, process: u32) -> bool {
        let Some(lender) = self.processes[process as usize].lender.take() else {
            return false;
        };
        self.borrowers.remove(&(lender, process));
        let is_over = self.processes[lender as usize].state == State::Killed;
        if is_over && self.borrowers_of(lender).is_empty() {
            self.clear(lender);
        }
        true
    }

    /// Returns the processes that use the address space of `process`.
    pub fn borrowers_of(&self, process: u32) -> Vec<u32> {
        let own = self.borrowers.range((process, 0)..=(process, u32::MAX));
        own.map(|&(_, child)| child).collect()
    }

    /// Errors if the process of `at`, which gives up its address space, has lent it.
    pub fn check_lent(&self, at: &EventAt) -> Result<(), SpaceError> {
        let Some(&child) = self.borrowers_of(at.process).first() else {
            return Ok(());
        };
        let what = match at.event {
            Event::Exec => "starts another program",
            _ => "exits",
        };
        let (pid, child) = (self.pid(at.process), self.pid(child));
        let what = format!("process {pid} {what} while its vfork child {child} uses its memory");
        Err(self.fail(Place::Event(at), what))
    }

    /// Returns the entry through which a reference of `entry` goes: that of its process, or of the one
    /// whose address space that borrows.
    pub fn used_entry(&mut self, entry: EntryId) -> Result<EntryId, SpaceError> {
        let key = self.space.entries[entry as usize];
        match self.processes[key.process as usize].lender {
            None => Ok(entry),
            Some(process) => {
                self.space.lends = true;
                self.entry(PageKey { process, ..key })
            }
        }
    }
}
