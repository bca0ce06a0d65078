//! A machine behind one type, whatever its policy, page tables and TLBs are. Only
//! [`Engine::feed`] enters a loop over references, once for each tile of a trace, so the virtual
//! calls do not matter for speed, and all code that uses an engine is compiled once.

use super::Machine;
use crate::policy::{EventCount, PolicyType};
use crate::space::EntryId;
use crate::trace::model::tile::Tile;
use crate::vm::core::counters::TlbCounters;
use crate::vm::core::{Core, Full};
use crate::vm::machine::page_tables::Residence;
use crate::vm::tlb::Translation;
use std::ops::Range;

/// What a replay needs of a machine.
pub(super) trait Engine<'t>: Send {
    /// Replays a range of the trace, see [`Machine::feed`].
    fn feed(&mut self, tile: Tile<'_>, range: Range<u64>) -> u64;
    /// Performs the ops before the reference at `position`, up to op index `end`. Errors if swap is
    /// full.
    fn perform(&mut self, position: u64, end: usize) -> Result<(), Full>;
    /// Returns the part of the machine that is not generic.
    fn core(&self) -> &Core<'t>;
    /// Returns the part of the machine that is not generic, to be changed.
    fn core_mut(&mut self) -> &mut Core<'t>;
    /// Returns the state of every object, in object order.
    fn states(&self) -> &[u32];
    /// Returns the frame that `entry` names, or a state above all frames.
    fn present(&self, entry: EntryId) -> u32;
    /// Returns the counters of the TLBs before the reference at `position`, without their table
    /// of faults; `None` if TLBs are not modelled.
    fn tlb_counters(&mut self, position: u64) -> Option<TlbCounters>;
    /// Returns the policy's counts of its own doings.
    fn policy_events(&self) -> Vec<EventCount>;
    /// Asserts at the end that no translation outlived the reference bit of its page.
    fn assert_all_flushed(&self);
}

impl<'t, P, R, T> Engine<'t> for Machine<'t, P, R, T>
where
    P: PolicyType<'t>,
    R: Residence,
    T: Translation,
{
    fn feed(&mut self, tile: Tile<'_>, range: Range<u64>) -> u64 {
        Machine::feed(self, tile, range)
    }

    fn perform(&mut self, position: u64, end: usize) -> Result<(), Full> {
        let performed = self.paging.perform(&mut self.policy, position, end);
        performed.map(|_| ())
    }

    fn core(&self) -> &Core<'t> {
        &self.paging.core
    }

    fn core_mut(&mut self) -> &mut Core<'t> {
        &mut self.paging.core
    }

    fn states(&self) -> &[u32] {
        self.paging.memory.states()
    }

    fn present(&self, entry: EntryId) -> u32 {
        self.paging.memory.present(entry)
    }

    fn tlb_counters(&mut self, position: u64) -> Option<TlbCounters> {
        self.paging.tlb.counters(position)
    }

    fn policy_events(&self) -> Vec<EventCount> {
        self.policy.event_counts()
    }

    fn assert_all_flushed(&self) {
        self.paging.assert_all_flushed();
    }
}
