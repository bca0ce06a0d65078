//! Memory: objects in frames, entries of processes for them, the swap device, the TLBs. What
//! happens in address spaces comes as [`Step`]s.

mod io;
mod translations;

use super::super::tlb::{Buffers, Found, TlbRun, Walker};
use super::chooser::{self, Arrival, Chooser};
use super::space::{Class, How, Object, Reference, Step};
use super::{Accessed, Counters, FaultAt, FaultKind, Options, Page, PageEnd, Policy, Translations};
use pagebench::internals::trace::model::access::Kind;
use std::collections::{BTreeMap, BTreeSet};

/// A dirty page had to leave and found no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// What it had to make room for does not take place.
    Before,
    /// It was to leave after a reference, which has taken place.
    After,
}

/// An object, in memory or not.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// It has been in memory.
    loaded: bool,
    frame: Option<usize>,
    /// Whose frames it is in.
    pool: usize,
    dirty: bool,
    referenced: bool,
    slot: Option<usize>,
    /// A fault of its only owner read it from swap, and it has had no other owner since, wherever it was.
    writable: bool,
}

/// What a bound page is bound to.
#[derive(Clone, Copy, Debug)]
struct Entry {
    object: Object,
    /// The page table has it.
    present: bool,
    /// The last reference through this binding, counted in references of the process.
    last: Option<u64>,
}

/// Frames, of one process or of all. Which frames they are is nobody's own.
#[derive(Clone, Debug)]
struct Pool {
    owner: Option<u32>,
    limit: Option<usize>,
    taken: usize,
}

/// Slots in one cluster of the swap device.
const CLUSTER: usize = 256;

/// The swap device.
#[derive(Clone, Debug)]
struct Swap {
    size: Option<usize>,
    used: BTreeSet<usize>,
    cluster: usize,
    cursor: usize,
}

impl Swap {
    fn take(&mut self) -> Option<usize> {
        let size = self.size.unwrap_or(usize::MAX);
        let slots = |cluster: usize| {
            let end = cluster.saturating_add(1).saturating_mul(CLUSTER);
            cluster * CLUSTER..end.min(size)
        };
        let free = |slot: &usize| !self.used.contains(slot);
        let here = slots(self.cluster).find(|slot| *slot >= self.cursor && free(slot));
        let clusters = 0..size.div_ceil(CLUSTER);
        let empty = |cluster: &usize| slots(*cluster).all(|slot| free(&slot));
        let slot = here
            .or_else(|| clusters.clone().find(empty).map(|c| c * CLUSTER))
            .or_else(|| (0..size).find(free))?;
        self.used.insert(slot);
        (self.cluster, self.cursor) = (slot / CLUSTER, slot + 1);
        Some(slot)
    }
}

#[derive(Clone, Debug)]
pub struct Memory<'a> {
    options: &'a Options,
    classes: &'a [Class],
    /// The object of each reference.
    future: &'a [Object],
    /// References so far.
    pub time: usize,
    /// References of each process so far.
    own_time: BTreeMap<u32, u64>,
    bound: BTreeMap<Page, Entry>,
    objects: BTreeMap<Object, State>,
    /// The resident objects in the order of the policy, the next to leave first: by load; for LRU
    /// and the working set by last reference. The hand of the clock stands before the first.
    order: Vec<Object>,
    pools: Vec<Pool>,
    /// Frames in use at some time, and those given back: the last one is taken first.
    used: usize,
    free: Vec<usize>,
    chooser: Chooser,
    /// By pool, the frame that the hand of a clock around the frames stands at.
    hands: BTreeMap<usize, usize>,
    swap: Swap,
    buffers: Option<Buffers>,
    walker: Option<Walker>,
    /// The process of the last reference, and how often that changed though entries have no tags.
    running: Option<u32>,
    flushes: u64,
    lookups: TlbRun,
    /// The original of the next copy was read from its file just now.
    fetched_original: bool,
    pub counters: Counters,
    pub log: Vec<FaultAt>,
}

impl<'a> Memory<'a> {
    pub fn new(options: &'a Options, classes: &'a [Class], future: &'a [Object]) -> Memory<'a> {
        let pool = |owner, limit| Pool {
            owner,
            limit,
            taken: 0,
        };
        let mut pools = Vec::new();
        match &options.local {
            None => pools.push(pool(None, options.frames)),
            Some(quotas) => {
                let own = quotas
                    .iter()
                    .map(|&(pid, frames)| pool(Some(pid), Some(frames)));
                pools.extend(own);
            }
        }
        Memory {
            options,
            classes,
            future,
            time: 0,
            own_time: BTreeMap::new(),
            bound: BTreeMap::new(),
            objects: BTreeMap::new(),
            order: Vec::new(),
            pools,
            used: 0,
            free: Vec::new(),
            chooser: Chooser::default(),
            hands: BTreeMap::new(),
            swap: Swap {
                size: options.swap_slots,
                used: BTreeSet::new(),
                cluster: 0,
                cursor: 0,
            },
            buffers: options.tlb.as_ref().map(Buffers::of),
            walker: options
                .tlb
                .as_ref()
                .map(|tlb| Walker::of(tlb, options.page_size)),
            running: None,
            flushes: 0,
            lookups: TlbRun::default(),
            fetched_original: false,
            counters: Counters::default(),
            log: Vec::new(),
        }
    }

    /// Counting begins.
    pub fn forget_counts(&mut self) {
        self.counters = Counters::default();
        self.lookups = TlbRun::default();
        self.flushes = 0;
        if let Some(walker) = &mut self.walker {
            walker.walks = Default::default();
        }
    }

    /// Lets a step of an item happen.
    pub fn step(&mut self, step: &Step) -> Result<(), Ended> {
        match *step {
            Step::Reference(ref reference) => return self.reference(reference),
            Step::Unbind(page) => {
                self.unbind(page, true);
                self.tables_change(page);
            }
            Step::LeaveBehind(page) => {
                self.leave_behind(page);
                self.tables_change(page);
            }
            Step::Original { pid, object } => return self.original(pid, object),
            Step::Discard(page) => {
                self.unbind(page, false);
                self.tables_change(page);
            }
            Step::Move { from, to } => {
                self.tables_change(from);
                if self.entry(from).present {
                    self.shoot_down(from);
                }
                let entry = self.bound.remove(&from).expect("a bound page");
                self.bound.insert(to, entry);
            }
            Step::Forget(object) => self.forget(object),
            Step::Io {
                pid,
                object,
                write,
                read,
            } => return self.io(pid, object, write, read),
            Step::Drop(page) => {
                self.drop_entry(page);
                self.tables_change(page);
            }
            Step::Flush(page) => {
                self.shoot_down(page);
                self.tables_change(page);
            }
            Step::Fork {
                parent,
                child,
                private,
                dropped,
            } => {
                let Entry {
                    object, present, ..
                } = self.bound[&parent];
                self.bind(child, object);
                self.entry(child).present = present && !dropped;
                self.state(object).writable = false;
                if private && !dropped {
                    self.shoot_down(parent);
                    self.tables_change(parent);
                }
            }
            Step::Populate(ref reference) => return self.populate(reference),
            Step::Prefetch { page, object } => {
                self.bind(page, object);
                return self.prefetch(page, object);
            }
        }
        Ok(())
    }

    // References.

    fn reference(&mut self, r: &Reference) -> Result<(), Ended> {
        let (page, object) = (r.page, r.object);
        let (write, ifetch) = (r.kind == Kind::Write, r.kind == Kind::Ifetch);
        self.switch_to(page.0);
        let present = self.bound.get(&page).is_some_and(|entry| entry.present);
        // The entry allows the write already.
        let writable = r.how == How::Reuse && present && self.objects[&object].writable;
        if r.how != How::Plain && !writable {
            self.shoot_down(page);
        }
        let found = self.look_up(page, ifetch);

        let fault = match r.how {
            How::Copy { source, stays } => {
                let major = self.read_source(source);
                let pinned = source.filter(|_| self.options.pin_cow_source);
                let (pool, frame, victim) = self.take_frame(page.0, object, true, pinned)?;
                self.part(page, stays);
                self.bind(page, object);
                self.load(object, pool, frame, page.0, Arrival::Referenced);
                Some((FaultKind::CowCopy, major, victim))
            }
            How::Reuse if present && !writable => Some((FaultKind::CowReuse, false, None)),
            _ if present => None,
            _ => {
                self.bind(page, object);
                Some(if self.state(object).frame.is_some() {
                    (FaultKind::Map, false, None)
                } else if self.state(object).loaded {
                    let major = self.read(object);
                    let swapped = self.state(object).slot.is_some();
                    let (pool, frame, victim) = self.take_frame(page.0, object, true, None)?;
                    self.load(object, pool, frame, page.0, Arrival::Referenced);
                    let alone = self.owners(object) == 1;
                    let may = self.options.swap_in_writable;
                    self.state(object).writable |= may && swapped && alone;
                    (FaultKind::Refill, major, victim)
                } else {
                    let major = self.classes[object] == Class::File && self.read(object);
                    let (pool, frame, victim) = self.take_frame(page.0, object, true, None)?;
                    self.load(object, pool, frame, page.0, Arrival::Referenced);
                    (FaultKind::Fill, major, victim)
                })
            }
        };
        let walked = found == Found::Nowhere || self.options.accessed == Accessed::Every;
        let state = self.state(object);
        state.referenced |= walked || fault.is_some();
        state.dirty |= write;
        let loaded = match fault {
            Some((kind, ..)) => !matches!(kind, FaultKind::Map | FaultKind::CowReuse),
            None => false,
        };
        self.touch(object, loaded);
        let own_time = self.own_time.entry(page.0).or_default();
        *own_time += 1;
        let last = Some(*own_time);
        let entry = self.entry(page);
        (entry.present, entry.last) = (true, last);
        self.fill(page, ifetch, found);
        if loaded && self.options.policy == Policy::ClockUnset {
            self.clear(object);
        }
        self.tick(page.0);

        match fault {
            None => self.counters.hits += 1,
            Some((kind, major, victim)) => {
                let written = self.evicted(victim);
                let count = self.counters.faults.entry((kind, major, written));
                *count.or_default() += 1;
                self.log.push(FaultAt {
                    time: self.time,
                    page,
                    kind,
                    major,
                });
            }
        }
        self.counters.refs += 1;
        self.time += 1;
        let expiry = self.expire();
        self.counters.resident_sum += self.resident() as u128;
        self.counters.peak = self.counters.peak.max(self.resident());
        expiry
    }

    /// Reads what a new copy is made of; says whether from a device.
    fn read_source(&mut self, source: Option<Object>) -> bool {
        match source {
            None => {
                self.counters.file_reads += 1;
                true
            }
            Some(source) if self.state(source).frame.is_some() => {
                std::mem::take(&mut self.fetched_original)
            }
            Some(source) => self.read(source),
        }
    }

    /// Reads an object that is not in memory; says whether from a device.
    fn read(&mut self, object: Object) -> bool {
        let State { slot, loaded, .. } = *self.state(object);
        match self.classes[object] {
            _ if slot.is_some() => {
                self.counters.swap_reads += 1;
                true
            }
            Class::File => {
                self.counters.file_reads += 1;
                true
            }
            Class::Original => loaded,
            Class::Zero => false,
        }
    }

    /// Brings an object in on advice that the process of this page gave.
    fn prefetch(&mut self, page: Page, object: Object) -> Result<(), Ended> {
        let State {
            frame,
            loaded,
            slot,
            ..
        } = *self.state(object);
        let worth = match self.classes[object] {
            Class::File => true,
            Class::Original => loaded,
            Class::Zero => slot.is_some(),
        };
        if frame.is_some() || !worth {
            return Ok(());
        }
        self.read(object);
        let (pool, frame, victim) = self.take_frame(page.0, object, false, None)?;
        self.load(object, pool, frame, page.0, Arrival::Ahead);
        let now = self.own_time.get(&page.0).copied().unwrap_or(0);
        self.entry(page).last = Some(now);
        let written = self.evicted(victim);
        self.counters.prefetched[usize::from(written)] += 1;
        Ok(())
    }

    /// Gives a page its entry before it is referenced.
    fn populate(&mut self, r: &Reference) -> Result<(), Ended> {
        let (page, object) = (r.page, r.object);
        let mut comes = true;
        if let How::Copy { source, stays } = r.how {
            self.read_source(source);
            let pinned = source.filter(|_| self.options.pin_cow_source);
            let taken = self.take_frame(page.0, object, false, pinned)?;
            self.part(page, stays);
            self.bind(page, object);
            self.come_populated(page, object, taken);
        } else {
            self.bind(page, object);
            if r.how == How::Reuse {
                self.shoot_down(page);
                self.tables_change(page);
            }
            let state = *self.state(object);
            if state.frame.is_some() {
                comes = false;
            } else {
                let first_of_zeros = !state.loaded && self.classes[object] != Class::File;
                if !first_of_zeros {
                    self.read(object);
                }
                let swapped = state.slot.is_some();
                let taken = self.take_frame(page.0, object, false, None)?;
                self.come_populated(page, object, taken);
                let alone = self.owners(object) == 1;
                let may = self.options.swap_in_writable;
                self.state(object).writable |= may && swapped && alone;
            }
        }
        let now = self.own_time.get(&page.0).copied().unwrap_or(0);
        let entry = self.entry(page);
        entry.present = true;
        if comes {
            entry.last = Some(now);
        }
        self.state(object).dirty |= r.kind == Kind::Write;
        Ok(())
    }

    fn come_populated(
        &mut self,
        page: Page,
        object: Object,
        (pool, frame, victim): (usize, usize, Option<bool>),
    ) {
        self.load(object, pool, frame, page.0, Arrival::Ahead);
        let written = self.evicted(victim);
        self.counters.populated[usize::from(written)] += 1;
    }

    /// Counts a victim, dirty or not; says whether it had to be written.
    fn evicted(&mut self, victim: Option<bool>) -> bool {
        match victim {
            Some(true) => self.counters.evictions_dirty += 1,
            Some(false) => self.counters.evictions_clean += 1,
            None => {}
        }
        victim == Some(true)
    }

    // Bindings.

    /// A page that is not bound is bound to the object.
    fn bind(&mut self, page: Page, object: Object) {
        let entry = Entry {
            object,
            present: false,
            last: None,
        };
        let bound = self.bound.entry(page).or_insert(entry);
        assert_eq!(bound.object, object, "address spaces and memory agree");
        self.objects.entry(object).or_default();
    }

    /// An object without owners is freed, and written to its file if that is wanted.
    fn unbind(&mut self, page: Page, wanted: bool) {
        self.drop_entry(page);
        let entry = self.bound.remove(&page).expect("a bound page");
        if self.owners(entry.object) > 0 {
            return;
        }
        let of_file = self.classes[entry.object] == Class::File;
        let remembered = wanted && of_file && self.options.keep_file_pages;
        if remembered && self.is_common() {
            return;
        }
        if self.state(entry.object).frame.is_some() {
            self.counters.freed += 1;
            let dirty = self.leave(entry.object);
            let written = wanted && dirty && of_file;
            self.counters.freed_dirty += usize::from(written);
        }
        if remembered {
            return;
        }
        if let Some(slot) = self.state(entry.object).slot {
            self.swap.used.remove(&slot);
        }
        self.objects.remove(&entry.object);
    }

    /// A page loses what it is bound to, if anything, for a copy.
    fn part(&mut self, page: Page, stays: bool) {
        match (self.bound.contains_key(&page), stays) {
            (false, _) => {}
            (true, true) => self.leave_behind(page),
            (true, false) => self.unbind(page, true),
        }
    }

    /// A page is not bound any more; the object stays what and where it is.
    fn leave_behind(&mut self, page: Page) {
        self.drop_entry(page);
        self.bound.remove(&page).expect("a bound page");
    }

    fn drop_entry(&mut self, page: Page) {
        if std::mem::take(&mut self.entry(page).present) {
            self.shoot_down(page);
        }
    }

    fn entry(&mut self, page: Page) -> &mut Entry {
        self.bound.get_mut(&page).expect("a bound page")
    }

    fn state(&mut self, object: Object) -> &mut State {
        self.objects
            .get_mut(&object)
            .expect("an object with an owner")
    }

    fn owners(&self, object: Object) -> usize {
        let entries = self.bound.values();
        entries.filter(|entry| entry.object == object).count()
    }

    // Frames.

    /// A frame for the process, with its pool; a victim made room for it if so said, dirty or not.
    /// The pinned object is the victim only if it is alone.
    fn take_frame(
        &mut self,
        pid: u32,
        object: Object,
        referenced: bool,
        pinned: Option<Object>,
    ) -> Result<(usize, usize, Option<bool>), Ended> {
        let pool = self.pool_of(pid);
        let Pool { limit, taken, .. } = self.pools[pool];
        let mut written = None;
        if limit.is_some_and(|limit| taken == limit) {
            let pinned = pinned.filter(|_| self.residents(pool).len() > 1);
            let victim = self.victim(pool, (pid, object, referenced), pinned);
            written = Some(self.write_out(victim).ok_or(Ended::Before)?);
            self.leave(victim);
        }
        self.pools[pool].taken += 1;
        let fresh = match (self.options.fifo_frames, self.all_frames()) {
            (false, _) => self.free.is_empty(),
            (true, all) => all.is_none_or(|all| self.used < all),
        };
        // The page takes the frame of its victim.
        let frame = if written.is_some() {
            self.free.pop().expect("the victim's frame")
        } else if fresh {
            self.used += 1;
            self.used - 1
        } else if self.options.fifo_frames {
            self.free.remove(0)
        } else {
            self.free.pop().expect("a free frame")
        };
        Ok((pool, frame, written))
    }

    /// The frames that there are, if they are not as many as are wanted.
    fn all_frames(&self) -> Option<usize> {
        let all: Option<usize> = self.pools.iter().map(|pool| pool.limit).sum();
        // Without pools of their own there are no more frames than objects.
        match self.options.local {
            Some(_) => all,
            None => all.map(|all| all.min(self.classes.len())),
        }
    }

    /// The pool that a process takes frames of.
    fn pool_of(&self, pid: u32) -> usize {
        let own = self.pools.iter().position(|pool| pool.owner == Some(pid));
        own.unwrap_or(0)
    }

    /// References made so far of those that a pool's policy counts.
    fn pool_time(&self, pool: usize) -> u64 {
        match self.pools[pool].owner {
            Some(pid) => self.own_time.get(&pid).copied().unwrap_or(0),
            None => self.time as u64,
        }
    }

    /// The object that leaves for one that the process wants, referenced by it or ahead of use.
    fn victim(
        &mut self,
        pool: usize,
        (pid, want, referenced): (u32, Object, bool),
        pinned: Option<Object>,
    ) -> Object {
        let policy = self.options.policy;
        let others = |memory: &Memory| {
            let mut others = memory.residents(pool);
            others.retain(|object| Some(*object) != pinned);
            others
        };
        if Chooser::is_for(policy) {
            let found = |object: Object| {
                let state = self.objects[&object];
                chooser::Found {
                    object,
                    frame: state.frame.expect("it is resident"),
                    referenced: state.referenced,
                    dirty: state.dirty,
                }
            };
            let found: Vec<_> = self.residents(pool).into_iter().map(found).collect();
            let under_way = |of: u32| u64::from(referenced && of == pid);
            let own = |of: u32| self.own_time.get(&of).copied().unwrap_or(0) + under_way(of);
            let size = self.pools[pool].limit.expect("it is full");
            let at = (pool, size, self.pool_time(pool));
            let victim = self.chooser.choose(policy, at, want, pinned, found, own);
            for object in std::mem::take(&mut self.chooser.cleared) {
                self.clear(object);
            }
            for object in std::mem::take(&mut self.chooser.passed) {
                self.move_last(object);
            }
            return victim;
        }
        match self.options.policy {
            // The order is that of last reference, or of load.
            Policy::Lru | Policy::Ws(_) | Policy::Fifo => others(self)[0],
            // The hand goes past what is pinned, and leaves its bit.
            Policy::Clock | Policy::ClockUnset => loop {
                let object = self.residents(pool)[0];
                if Some(object) != pinned {
                    if !self.state(object).referenced {
                        return object;
                    }
                    self.clear(object);
                }
                self.move_last(object);
            },
            Policy::ClockByFrame => loop {
                let hand = self.hands.get(&pool).copied().unwrap_or(0);
                let frame = |object: &Object| self.objects[object].frame.expect("resident");
                let next = |object: &Object| (frame(object) < hand, frame(object));
                let object = self.residents(pool).into_iter().min_by_key(next);
                let object = object.expect("a full memory has a victim");
                self.hands.insert(pool, frame(&object) + 1);
                if Some(object) != pinned {
                    if !self.state(object).referenced {
                        return object;
                    }
                    self.clear(object);
                }
            },
            Policy::Opt => {
                let mut objects = others(self);
                objects.sort_unstable();
                let next = |object: Object| {
                    let mut coming = self.future[self.time..].iter();
                    let next = coming.position(|used| *used == object);
                    next.unwrap_or(usize::MAX)
                };
                let farthest = objects.iter().map(|&object| next(object)).max();
                let mut lowest = objects.into_iter();
                let victim = lowest.find(|&object| Some(next(object)) == farthest);
                victim.expect("a full memory has a victim")
            }
            _ => unreachable!("the chooser's"),
        }
    }

    /// The policy takes the reference bit of an object away.
    fn clear(&mut self, object: Object) {
        self.state(object).referenced = false;
        if self.options.accessed == Accessed::WalkFlush {
            let entries = self.entries_of(object);
            entries.into_iter().for_each(|page| self.shoot_down(page));
        }
    }

    /// A reference of a process was made.
    fn tick(&mut self, pid: u32) {
        let pool = self.pool_of(pid);
        let now = match self.pools[pool].owner {
            Some(_) => self.pool_time(pool),
            None => self.time as u64 + 1,
        };
        self.chooser.made(self.options.policy, pool, now);
        if let Policy::Nru(tick) = self.options.policy
            && now.is_multiple_of(tick)
        {
            for object in self.residents(pool) {
                if self.state(object).referenced {
                    self.clear(object);
                }
            }
        }
    }

    /// What is in these frames, in the order of the policy.
    fn residents(&self, pool: usize) -> Vec<Object> {
        let own = |object: &Object| self.objects[object].pool == pool;
        self.order.iter().copied().filter(own).collect()
    }

    /// Puts an object into a frame, neither dirty nor referenced yet.
    fn load(&mut self, object: Object, pool: usize, frame: usize, pid: u32, arrival: Arrival) {
        let state = self.state(object);
        *state = State {
            loaded: true,
            frame: Some(frame),
            pool,
            dirty: false,
            referenced: false,
            slot: state.slot,
            writable: state.writable,
        };
        self.order.push(object);
        if Chooser::is_for(self.options.policy) {
            let own = self.own_time.get(&pid).copied().unwrap_or(0);
            let now = (self.pool_time(pool), own);
            let whose = (object, pool, pid);
            self.chooser
                .arrives(self.options.policy, whose, now, arrival);
        }
    }

    /// Writes an object that must leave if it is dirty, and says whether it was; `None` without a
    /// slot to write to.
    fn write_out(&mut self, object: Object) -> Option<bool> {
        let State { dirty, slot, .. } = *self.state(object);
        if dirty && slot.is_none() && self.classes[object] != Class::File {
            let slot = self.swap.take()?;
            self.state(object).slot = Some(slot);
        }
        Some(dirty)
    }

    /// Takes an object out of its frame, and says whether it was dirty.
    fn leave(&mut self, object: Object) -> bool {
        let entries = self.entries_of(object);
        entries.into_iter().for_each(|page| self.drop_entry(page));
        let state = self.state(object);
        let (dirty, frame, pool) = (state.dirty, state.frame.take(), state.pool);
        (state.dirty, state.referenced) = (false, false);
        self.pools[pool].taken -= 1;
        self.free.push(frame.expect("a resident object"));
        self.chooser.leaves(object, pool);
        self.order.retain(|other| *other != object);
        dirty
    }

    /// The pages through which an object is reached in page tables.
    fn entries_of(&self, object: Object) -> Vec<Page> {
        let bound = self.bound.iter();
        let own = bound.filter(|(_, entry)| entry.object == object && entry.present);
        own.map(|(page, _)| *page).collect()
    }

    /// A reference, which has loaded the object or finds it.
    fn touch(&mut self, object: Object, loaded: bool) {
        if Chooser::is_for(self.options.policy) && !loaded {
            let pool = self.objects[&object].pool;
            let now = self.pool_time(pool);
            self.chooser.hit(self.options.policy, (object, pool), now);
        }
        if matches!(self.options.policy, Policy::Lru | Policy::Ws(_)) {
            self.move_last(object);
        }
    }

    fn move_last(&mut self, object: Object) {
        self.order.retain(|other| *other != object);
        self.order.push(object);
    }

    /// What is in no working set leaves.
    fn expire(&mut self) -> Result<(), Ended> {
        let Policy::Ws(tau) = self.options.policy else {
            return Ok(());
        };
        let in_window = |(page, entry): (&Page, &Entry)| {
            let now = self.own_time.get(&page.0).copied().unwrap_or(0);
            entry
                .last
                .is_some_and(|last| now - last < tau)
                .then_some(entry.object)
        };
        let wanted: BTreeSet<Object> = self.bound.iter().filter_map(in_window).collect();
        let mut old = self.order.clone();
        old.retain(|object| !wanted.contains(object));
        old.sort_unstable();
        for object in old {
            match self.write_out(object).ok_or(Ended::After)? {
                true => self.counters.expired_dirty += 1,
                false => self.counters.expired_clean += 1,
            }
            self.leave(object);
        }
        Ok(())
    }

    // The state of things.

    pub fn resident(&self) -> usize {
        self.order.len()
    }

    /// Resident objects that no page is bound to.
    pub fn unmapped(&self) -> usize {
        let unmapped = |object: &&Object| self.owners(**object) == 0;
        self.order.iter().filter(unmapped).count()
    }

    pub fn unmapped_slots(&self) -> usize {
        let all = self.objects.iter();
        let unmapped = |(object, state): &(&Object, &State)| {
            state.slot.is_some() && self.owners(**object) == 0
        };
        all.filter(unmapped).count()
    }

    pub fn dirty(&self) -> usize {
        self.objects.values().filter(|state| state.dirty).count()
    }

    pub fn swap_slots(&self) -> usize {
        self.swap.used.len()
    }

    pub fn pages(&self) -> BTreeMap<Page, PageEnd> {
        let end = |(&page, entry): (&Page, &Entry)| {
            let state = self.objects[&entry.object];
            let end = PageEnd {
                object: entry.object,
                present: entry.present,
                frame: state.frame,
                dirty: state.dirty,
                slot: state.slot,
                owners: self.owners(entry.object),
            };
            (page, end)
        };
        self.bound.iter().map(end).collect()
    }

    pub fn translations(&self) -> Option<Translations> {
        let tlb = self.options.tlb.as_ref()?;
        let walks = self.walker.as_ref().expect("there are TLBs").walks;
        let cached = tlb.walk_caches.iter().any(Option::is_some);
        let all = self.lookups.misses * u64::from(tlb.levels);
        assert!(walks.refs == all || cached && walks.refs < all);
        Some(Translations {
            lookups: self.lookups,
            walk_refs: walks.refs,
            flushes: self.flushes,
        })
    }
}
