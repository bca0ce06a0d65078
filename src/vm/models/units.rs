//! What leaves memory as a whole, and the policy that chooses it: the policies of the table, with units
//! in place of pages. Each unit has a frame of its own. Knows nothing of segments and places.

use super::choices::SwapUnit;
use super::steps::{Segmented, Step, UnitFuture};
use crate::policy::{
    AnyPolicy, Frames, Future, NEVER, PageAccess, PageKey, Params, Policy, PolicyId, PolicyType,
    Setup, VictimRequest,
};
use crate::trace::model::dense::Trace;
use crate::trace::model::refs::page_of;

/// The names of the policies that units can be replaced by.
pub const POLICIES: [&str; 5] = ["lru", "fifo", "clock", "random", "opt"];

/// The number of a unit: of a segment, or of a process.
pub type UnitId = u32;

/// What a set of units is made for.
#[derive(Clone, Copy)]
pub struct UnitSetup<'t> {
    /// The policy.
    pub policy: PolicyId,
    /// Its parameters.
    pub params: &'t Params,
    /// The seed of a randomized policy.
    pub seed: u64,
    /// The page of each unit.
    pub entries: &'t [PageKey],
    /// The future, for a policy that sees it.
    pub future: Option<&'t UnitFuture>,
}

/// The units in memory, in the order of a policy.
pub(super) struct Units<'t> {
    policy: AnyPolicy<'t>,
    frames: Frames,
    is_held: Vec<bool>,
    held: usize,
    future: Option<&'t UnitFuture>,
}

impl<'t> Units<'t> {
    pub fn new(setup: UnitSetup<'t>) -> Units<'t> {
        let units = setup.entries.len();
        let future = setup.future.map_or(Future::default(), |future| Future {
            refs: &future.refs,
            entries: &future.refs,
            next_use: &future.next_use,
            after_op: &[],
            left_out: &[],
        });
        let policy = AnyPolicy::new(&Setup {
            policy: setup.policy,
            frames: units as u32,
            capacity: units as u32,
            entries: setup.entries,
            pages: units,
            shares: true,
            processes: 1,
            quotas: None,
            bursts: false,
            tau: 1,
            params: setup.params,
            seed: setup.seed,
            future,
        });
        Units {
            policy,
            frames: Frames::new(units as u32),
            is_held: vec![false; units],
            held: 0,
            future: setup.future,
        }
    }

    /// Returns whether the policy has `unit`.
    pub fn holds(&self, unit: UnitId) -> bool {
        self.is_held[unit as usize]
    }

    /// Records a reference to a unit that is in memory.
    #[inline]
    pub fn hit(&mut self, unit: UnitId, write: bool, time: u64) {
        self.frames.touch(unit, write);
        self.policy.hit(access(unit, time));
    }

    /// Records that a unit came in, at its own reference or because of something else.
    pub fn enter(&mut self, unit: UnitId, referenced: bool, time: u64) {
        self.is_held[unit as usize] = true;
        self.held += 1;
        self.frames.load(unit, unit, false);
        if referenced {
            self.policy.loaded(&mut self.frames, access(unit, time));
            return;
        }
        let next_use = self.next_use(unit, time);
        self.policy
            .prefetched(&mut self.frames, access(unit, time), next_use);
    }

    /// Returns the position of the next reference of `unit` from `time` on, if the policy sees it.
    fn next_use(&self, unit: UnitId, time: u64) -> u32 {
        let Some(future) = self.future else {
            return NEVER;
        };
        let later = future.refs.get(time as usize..).unwrap_or_default();
        let ahead = later.iter().position(|&at| page_of(at) == unit);
        ahead.map_or(NEVER, |ahead| time as u32 + ahead as u32)
    }

    /// Forgets a unit that left without being chosen.
    pub fn leave(&mut self, unit: UnitId) {
        self.forget(unit);
        self.policy.freed(&mut self.frames, unit);
    }

    fn forget(&mut self, unit: UnitId) {
        assert!(self.is_held[unit as usize], "a unit leaves that is there");
        self.is_held[unit as usize] = false;
        self.held -= 1;
    }

    /// Lets the policy choose a unit that leaves, not `pinned`. Returns it; `None` if there is no other.
    pub fn victim(&mut self, pinned: UnitId, time: u64) -> Option<UnitId> {
        let spare = self.holds(pinned).then_some(pinned);
        if self.held == usize::from(spare.is_some()) {
            return None;
        }
        let request = VictimRequest {
            process: 0,
            page: Some(pinned),
            time,
            ahead: false,
            spare,
        };
        let victim = self.policy.victim(&mut self.frames, request);
        assert_ne!(Some(victim), spare, "the unit being referenced stays");
        self.forget(victim);
        Some(victim)
    }
}

fn access(unit: UnitId, time: u64) -> PageAccess {
    PageAccess {
        entry: unit,
        frame: unit,
        time,
    }
}

impl Segmented {
    /// Returns the number of units.
    pub fn units(&self, unit: SwapUnit) -> usize {
        match unit {
            SwapUnit::Process => self.processes,
            SwapUnit::Segment => self.segments,
        }
    }

    /// Returns the future of the units. Computed once and shared.
    pub fn future(&self, trace: &Trace, unit: SwapUnit) -> &UnitFuture {
        self.futures[unit as usize].get_or_init(|| self.find_future(trace, unit))
    }

    fn find_future(&self, trace: &Trace, unit: SwapUnit) -> UnitFuture {
        let unit_of = |of: u32| {
            let (process, segment) = self.uses[of as usize];
            match unit {
                SwapUnit::Process => process,
                SwapUnit::Segment => segment,
            }
        };
        let mut bound_to = vec![0; self.entries];
        let mut refs = Vec::with_capacity(trace.len());
        let mut steps = self.steps.iter().peekable();
        trace.tiles_of(0..trace.len(), |tile| {
            for (&reference, position) in tile.refs.iter().zip(tile.start..) {
                while let Some(at) = steps.next_if(|at| at.position <= position) {
                    if let Step::Bind { entry, of, .. } = at.step {
                        bound_to[entry as usize] = of;
                    }
                }
                refs.push(unit_of(bound_to[page_of(reference) as usize]) << 1);
            }
            true
        });
        let mut upcoming = vec![NEVER; self.units(unit)];
        let mut next_use = vec![NEVER; refs.len()];
        for (position, &reference) in refs.iter().enumerate().rev() {
            let slot = &mut upcoming[page_of(reference) as usize];
            next_use[position] = std::mem::replace(slot, position as u32);
        }
        UnitFuture { refs, next_use }
    }
}
