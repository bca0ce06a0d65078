//! The TLBs of one replay, from the log of its trace: only misses, shoot-downs and what follows
//! from these is looked at. Exact where LRU replaces and entries have tags. Knows neither policies
//! nor frames; the machine reports shoot-downs and references that fault, in order of position.
//!
//! Without shoot-downs every replay of a trace has the same first levels: the *undisturbed* ones,
//! whose misses are the log. A set of a replay's own first level is kept as its difference from
//! the undisturbed set B: pages *shot* down that B still holds and that were not referenced there
//! since, and *extra* pages, which B has dropped and this set has not, since it had room. B holds
//! the most recent pages of all, so every extra page is less recent than all of B, and they are
//! in order of recency in the order in which B dropped them. The set drops its least recent page:
//! the oldest extra one, or with none the page that B drops.
//!
//! What differs from a hit of B is then either a miss of B (in the log), or the first reference of
//! a page that was shot down. If that reference faults, the machine reports it. It does not fault
//! if the page came back with a fault of the other side, or never left memory; its position is then
//! looked up and *awaited*.

use super::miss_log::{Miss, MissLog, Slot, side_of, slot_of};
use super::second_level::Deeper;
use super::{Geometry, NONE, Shape, Side, Translation};
use crate::trace::model::dense::Trace;
use crate::trace::model::refs::PageKey;
use crate::units::PageId;
use crate::vm::core::counters::TlbCounters;
use crate::vm::tlb::walk::radix_shifts;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Which of a first level and the undisturbed one hold a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Neither this level nor the undisturbed one holds it.
    Out,
    /// Both hold it.
    In,
    /// The undisturbed one holds it; here it was shot down.
    Shot,
    /// As `Shot`, and its next reference is awaited.
    Awaited,
    /// This level holds it; the undisturbed one has dropped it.
    Extra,
}

/// The difference of one first level from the undisturbed one.
struct Difference {
    sets: u64,
    ways: usize,
    /// For each set, the number of pages that the undisturbed level holds.
    undisturbed: Vec<u32>,
    /// For each set, the number of pages that are shot or awaited.
    shot: Vec<u32>,
    /// For each set, the number of extra pages.
    extras: Vec<u32>,
    /// The extra pages of each set, the oldest first.
    extra: Vec<PageId>,
    /// The number of shot, awaited and extra pages of all sets.
    odd: u32,
    /// The number of references that missed.
    missed: u64,
}

impl Difference {
    fn new(shape: Shape) -> Difference {
        let sets = shape.sets() as usize;
        Difference {
            sets: sets as u64,
            ways: shape.ways as usize,
            undisturbed: vec![0; sets],
            shot: vec![0; sets],
            extras: vec![0; sets],
            extra: vec![NONE; shape.entries as usize],
            odd: 0,
            missed: 0,
        }
    }

    fn is_full(&self, set: usize) -> bool {
        (self.undisturbed[set] - self.shot[set] + self.extras[set]) as usize == self.ways
    }

    fn shoot(&mut self, set: usize) {
        self.shot[set] += 1;
        self.odd += 1;
    }

    fn no_longer_shot(&mut self, set: usize) {
        self.shot[set] -= 1;
        self.odd -= 1;
    }

    /// Makes `page` the newest extra page.
    fn push(&mut self, set: usize, page: PageId) {
        self.extra[set * self.ways + self.extras[set] as usize] = page;
        self.extras[set] += 1;
        self.odd += 1;
    }

    /// Makes `page` extra no longer.
    fn remove(&mut self, set: usize, page: PageId) {
        let extra = &mut self.extra[set * self.ways..][..self.extras[set] as usize];
        if let Some(at) = extra.iter().position(|&p| p == page) {
            extra.copy_within(at + 1.., at);
            self.extras[set] -= 1;
            self.odd -= 1;
        }
    }

    /// Returns the oldest extra page, if any.
    fn oldest(&self, set: usize) -> Option<PageId> {
        (self.extras[set] > 0).then(|| self.extra[set * self.ways])
    }
}

/// The TLBs of one replay that go along the log of its trace. The plain twin is
/// [`Tlbs`](super::Tlbs).
pub struct FollowTlbs<'t> {
    log: &'t MissLog,
    trace: &'t Trace,
    pages: &'t [PageKey],
    /// The difference of each side.
    sides: [Difference; 2],
    /// The state of each slot.
    state: Vec<State>,
    deeper: Deeper<'t>,
    /// The first miss of the log that has not been looked at.
    next: usize,
    /// Min-heap of `(position, slot)`: when each awaited slot is referenced next. Stale items are
    /// ignored: `undisturbed_hit` checks the slot's state.
    awaited: BinaryHeap<Reverse<(u64, Slot)>>,
}

impl<'t> FollowTlbs<'t> {
    /// Returns empty TLBs for a trace and its log.
    ///
    /// # Panics
    /// If the log is not of these first levels and this trace. It must be of the same `pages`, too.
    pub fn new(
        geometry: &Geometry,
        pages: &'t [PageKey],
        trace: &'t Trace,
        log: &'t MissLog,
    ) -> FollowTlbs<'t> {
        assert!(log.is_of(geometry, trace), "the log is of other TLBs");
        let shifts = radix_shifts(geometry, trace.meta.page_size);
        FollowTlbs {
            log,
            trace,
            pages,
            sides: [geometry.l1i, geometry.l1d].map(Difference::new),
            state: vec![State::Out; 2 * pages.len()],
            deeper: Deeper::new(geometry, pages, &shifts),
            next: 0,
            awaited: BinaryHeap::with_capacity(64),
        }
    }

    /// Does what the references before position `before` do.
    fn follow_to(&mut self, before: u64) {
        loop {
            let awaited = self.awaited.peek().map_or(u64::MAX, |first| first.0.0);
            let goal = before.min(awaited);
            while let Some(&miss) = self.log.misses.get(self.next)
                && miss.at < goal
            {
                self.next += 1;
                self.undisturbed_miss(miss);
            }
            if awaited >= before {
                return;
            }
            let Some(Reverse((at, slot))) = self.awaited.pop() else {
                return;
            };
            self.undisturbed_hit(slot, at);
        }
    }

    fn set_of(&self, page: PageId, side: Side) -> usize {
        (self.pages[page as usize].number % self.sides[side as usize].sets) as usize
    }

    /// Handles a miss of the undisturbed level.
    #[inline]
    fn undisturbed_miss(&mut self, Miss { at, slot, dropped }: Miss) {
        let side = side_of(slot);
        if self.sides[side as usize].odd > 0 || dropped == NONE {
            return self.miss_with_differences(Miss { at, slot, dropped });
        }
        // This level is the same as the undisturbed one, and remains so.
        self.state[slot_of(dropped, side) as usize] = State::Out;
        self.state[slot as usize] = State::In;
        self.miss(slot, at);
    }

    /// Handles a miss of the undisturbed level when the two levels may differ, or when the
    /// undisturbed one has room.
    #[inline(never)]
    fn miss_with_differences(&mut self, Miss { at, slot, dropped }: Miss) {
        let (page, side) = (slot >> 1, side_of(slot));
        let set = self.set_of(page, side);
        let hits = self.state[slot as usize] == State::Extra;
        let keeps = if hits {
            self.sides[side as usize].remove(set, page);
            true
        } else {
            self.make_room(side, set)
        };
        let level = &mut self.sides[side as usize];
        if dropped == NONE {
            level.undisturbed[set] += 1;
        } else {
            let state = &mut self.state[slot_of(dropped, side) as usize];
            if *state != State::In {
                *state = State::Out;
                level.no_longer_shot(set);
            } else if keeps {
                *state = State::Extra;
                level.push(set, dropped);
            } else {
                *state = State::Out;
            }
        }
        self.state[slot as usize] = State::In;
        if !hits {
            self.miss(slot, at);
        }
    }

    /// Makes room for a page in a set. Returns false if the set is full and has no extra page: the
    /// page that the undisturbed level drops must go.
    fn make_room(&mut self, side: Side, set: usize) -> bool {
        let level = &mut self.sides[side as usize];
        if !level.is_full(set) {
            return true;
        }
        let Some(oldest) = level.oldest(set) else {
            return false;
        };
        level.remove(set, oldest);
        self.state[slot_of(oldest, side) as usize] = State::Out;
        true
    }

    /// Handles a reference that hits the undisturbed level. It misses here if its page was shot down
    /// since its last reference.
    fn undisturbed_hit(&mut self, slot: Slot, at: u64) {
        if !matches!(self.state[slot as usize], State::Shot | State::Awaited) {
            return;
        }
        let (page, side) = (slot >> 1, side_of(slot));
        let set = self.set_of(page, side);
        // A full set has as many extra pages as shot ones, and this page is one of these.
        let has_room = self.make_room(side, set);
        debug_assert!(
            has_room,
            "a page was shot down, so there was room or an extra page"
        );
        self.sides[side as usize].no_longer_shot(set);
        self.state[slot as usize] = State::In;
        self.miss(slot, at);
    }

    /// Counts a miss of the first level, which holds the page now, and goes on to the second level.
    #[inline]
    fn miss(&mut self, slot: Slot, at: u64) {
        let (page, side) = (slot >> 1, side_of(slot));
        self.sides[side as usize].missed += 1;
        self.deeper.translate(page, side, at);
        // The page is in memory, so its next reference on the other side need not fault.
        self.await_next(slot ^ 1, at + 1);
    }

    /// Awaits the next reference of a slot from position `from` on, if it will be a miss.
    #[inline]
    fn await_next(&mut self, slot: Slot, from: u64) {
        if self.state[slot as usize] == State::Shot {
            self.search(slot, from);
        }
    }

    #[inline(never)]
    fn search(&mut self, slot: Slot, from: u64) {
        self.state[slot as usize] = State::Awaited;
        if let Some(at) = self.log.next(self.trace, slot, from) {
            self.awaited.push(Reverse((at, slot)));
        }
    }
}

impl Translation for FollowTlbs<'_> {
    const EVERY: bool = false;

    fn translate(&mut self, page: PageId, ifetch: bool, now: u64) -> bool {
        self.follow_to(now + 1);
        self.undisturbed_hit(slot_of(page, Side::of(ifetch)), now);
        false
    }

    #[inline]
    fn before_fault(&mut self, _page: PageId) {}

    #[inline]
    fn walked(&self) -> usize {
        self.deeper.walked
    }

    fn shoot_down(&mut self, page: PageId, before: u64) {
        self.follow_to(before);
        for side in Side::BOTH {
            let state = &mut self.state[slot_of(page, side) as usize];
            let held = *state;
            if !matches!(held, State::In | State::Extra) {
                continue;
            }
            *state = match held {
                State::In => State::Shot,
                _ => State::Out,
            };
            self.deeper.counters.shootdowns += 1;
            let set = self.set_of(page, side);
            match held {
                State::In => self.sides[side as usize].shoot(set),
                _ => self.sides[side as usize].remove(set, page),
            }
        }
        self.deeper.shoot_down(page);
    }

    fn tables_change(&mut self, page: PageId, before: u64) {
        self.follow_to(before);
        self.deeper.tables_change(page);
    }

    fn may_stay_resident(&mut self, page: PageId, before: u64) {
        self.follow_to(before);
        for side in Side::BOTH {
            self.await_next(slot_of(page, side), before);
        }
    }

    fn counters(&mut self, before: u64) -> Option<TlbCounters> {
        self.follow_to(before);
        let fetches = self.log.fetches(self.trace, before);
        let [instructions, data] = &self.sides;
        Some(TlbCounters {
            l1i_hits: fetches - instructions.missed,
            l1d_hits: before - fetches - data.missed,
            ..self.deeper.counters
        })
    }
}
