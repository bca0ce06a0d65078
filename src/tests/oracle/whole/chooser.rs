//! Policies that count, or walk over frames: what they know of the objects in each pool of frames.
//! Every pool is a memory of its own, whose time is that of its process; a pool of all processes
//! counts the references of all. WSClock's times are always those of the process that loaded.
//!
//! Times are references made before, so that several uses can have one: those that come before the
//! same reference. They are told apart by a running number.

use super::Policy;
use super::space::Object;
use std::collections::{BTreeMap, VecDeque};

/// An object as a search finds it.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    pub object: Object,
    pub frame: usize,
    pub referenced: bool,
    pub dirty: bool,
}

/// Why an object comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    Referenced,
    Ahead,
    /// A process reads or writes it as a page of a file: used, but by no reference.
    Io,
}

/// What is known of an object.
#[derive(Clone, Debug, Default)]
struct Note {
    resident: bool,
    /// Who loaded it.
    pid: u32,
    /// Uses that count, of all its stays.
    times: Vec<u64>,
    count: u64,
    /// The running number of the last use.
    number: u64,
    /// GCLOCK's counter; MQ's queue and when the object may sink; WSClock's time of last use.
    counter: u64,
    queue: usize,
    expire: u64,
    used: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Chooser {
    /// By pool, which knows nothing of what an object did in another.
    notes: BTreeMap<(usize, Object), Note>,
    number: u64,
    /// By pool, the frame that the hand stands at.
    hands: BTreeMap<usize, usize>,
    /// By pool, the objects that MQ remembers, the oldest first.
    out: BTreeMap<usize, Vec<Object>>,
    /// Objects whose bit was cleared in the last search, and those that the hand passed, in order.
    pub cleared: Vec<Object>,
    pub passed: Vec<Object>,
}

impl Chooser {
    /// Whether it is this one that chooses for a policy.
    pub fn is_for(policy: Policy) -> bool {
        !matches!(
            policy,
            Policy::Lru
                | Policy::Fifo
                | Policy::Clock
                | Policy::ClockByFrame
                | Policy::ClockUnset
                | Policy::Opt
                | Policy::Ws(_)
        )
    }

    /// An object comes in for a process, whose references so far are `own` and those of the pool
    /// `now`; by a reference, or ahead of one.
    pub fn arrives(
        &mut self,
        policy: Policy,
        (object, pool, pid): (Object, usize, u32),
        (now, own): (u64, u64),
        arrival: Arrival,
    ) {
        self.number += 1;
        let out = self.out.entry(pool).or_default();
        let remembered = out.iter().position(|ghost| *ghost == object);
        let note = self.notes.entry((pool, object)).or_default();
        (note.pid, note.resident) = (pid, true);
        note.number = self.number;
        note.times.push(now);
        note.count += 1;
        note.used = own + u64::from(arrival == Arrival::Referenced);
        match policy {
            Policy::GClock { load, .. } => {
                note.counter = if arrival == Arrival::Ahead { 0 } else { load };
            }
            Policy::Mq { queues, life } => {
                match remembered {
                    Some(at) => _ = out.remove(at),
                    None => note.count = 1,
                }
                note.queue = (note.count.ilog2() as usize).min(queues - 1);
                note.expire = now + life;
            }
            _ => {}
        }
    }

    /// A resident object is referenced.
    pub fn hit(&mut self, policy: Policy, (object, pool): (Object, usize), now: u64) {
        self.number += 1;
        let note = self.notes.get_mut(&(pool, object)).expect("it is resident");
        note.number = self.number;
        note.count += 1;
        // Of uses at one time one counts.
        if note.times.last() != Some(&now) {
            note.times.push(now);
        }
        match policy {
            Policy::GClock { bits, .. } => note.counter = (note.counter + 1).min((1 << bits) - 1),
            Policy::Mq { queues, life } => {
                note.queue = (note.count.ilog2() as usize).min(queues - 1);
                note.expire = now + life;
            }
            _ => {}
        }
    }

    pub fn leaves(&mut self, object: Object, pool: usize) {
        if let Some(note) = self.notes.get_mut(&(pool, object)) {
            note.resident = false;
        }
    }

    /// After a reference that makes `now` of a pool's.
    pub fn made(&mut self, policy: Policy, pool: usize, now: u64) {
        let Policy::Mq { queues, life } = policy else {
            return;
        };
        for queue in 1..queues {
            let own = self
                .notes
                .iter_mut()
                .filter(|((of, _), note)| *of == pool && note.resident && note.queue == queue);
            if let Some((_, back)) = own.min_by_key(|(_, note)| note.number)
                && back.expire < now
            {
                self.number += 1;
                (back.queue, back.expire, back.number) = (queue - 1, now + life, self.number);
            }
        }
    }

    /// The object that leaves a pool with room for `size`, at its time `now`, for `want`; `own` gives the references that
    /// a process has made, one under way included. The objects of the pool are given in the order of
    /// load; the pinned one, if any, is not chosen.
    pub fn choose(
        &mut self,
        policy: Policy,
        (pool, size, now): (usize, usize, u64),
        want: Object,
        pinned: Option<Object>,
        mut found: Vec<Found>,
        own: impl Fn(u32) -> u64,
    ) -> Object {
        self.cleared.clear();
        self.passed.clear();
        let notes = &mut self.notes;
        let least = |key: &dyn Fn(&Note) -> (u64, u64, u64),
                     notes: &BTreeMap<(usize, Object), Note>| {
            let objects = found.iter().map(|found| found.object);
            let objects = objects.filter(|object| Some(*object) != pinned);
            let least = objects.min_by_key(|object| key(&notes[&(pool, *object)]));
            least.expect("a full memory has a victim")
        };
        match policy {
            Policy::Lfu => least(&|note| (note.count, note.number, 0), notes),
            Policy::LruK(k) => {
                // What was used at this very time is in a burst: it leaves after all others.
                let key = |note: &Note| {
                    let kth = note.times.iter().rev().nth(k - 1).map_or(0, |at| at + 1);
                    let last = *note.times.last().expect("it was used");
                    (u64::from(last == now), kth, last << 32 | note.number)
                };
                least(&key, notes)
            }
            Policy::Mq { .. } => {
                let victim = least(&|note| (note.queue as u64, note.number, 0), notes);
                let out = self.out.entry(pool).or_default();
                // What comes in keeps its count though it makes way for the victim here.
                let wanted = out.iter().position(|ghost| *ghost == want);
                if let Some(at) = wanted {
                    out.remove(at);
                }
                out.push(victim);
                if out.len() > super::MQ_OUT * size {
                    out.remove(0);
                }
                if wanted.is_some() {
                    // Taken out when it arrives.
                    out.push(want);
                }
                victim
            }
            Policy::GClock { .. } => {
                let mut circle: VecDeque<Object> = found.iter().map(|at| at.object).collect();
                loop {
                    let object = circle.pop_front().expect("a full memory has a victim");
                    if Some(object) == pinned {
                        self.passed.push(object);
                        circle.push_back(object);
                        continue;
                    }
                    let note = notes.get_mut(&(pool, object)).expect("it is resident");
                    if note.counter == 0 {
                        return object;
                    }
                    note.counter -= 1;
                    self.passed.push(object);
                    circle.push_back(object);
                }
            }
            Policy::Nru(_) => {
                self.around(pool, &mut found);
                found.retain(|found| Some(found.object) != pinned);
                let class = |found: &Found| 2 * u8::from(found.referenced) + u8::from(found.dirty);
                let victim = *found.iter().min_by_key(|found| class(found)).expect("full");
                self.hands.insert(pool, victim.frame + 1);
                victim.object
            }
            Policy::WsClock(tau) => {
                self.around(pool, &mut found);
                let mut dirty = None;
                let mut chosen = None;
                for at in &found {
                    let note = self
                        .notes
                        .get_mut(&(pool, at.object))
                        .expect("it is resident");
                    let now = own(note.pid);
                    if at.referenced {
                        note.used = now;
                        self.cleared.push(at.object);
                    } else if Some(at.object) == pinned {
                        // Passed.
                    } else if now - note.used > tau {
                        if !at.dirty {
                            chosen = Some(*at);
                            break;
                        }
                        dirty = dirty.or(Some(*at));
                    }
                }
                found.retain(|found| Some(found.object) != pinned);
                let clean = found.iter().find(|at| !at.dirty).copied();
                let victim = chosen.or(dirty).or(clean).unwrap_or(found[0]);
                self.hands.insert(pool, victim.frame + 1);
                victim.object
            }
            _ => unreachable!("memory chooses"),
        }
    }

    /// Sorts by frame, from the hand on.
    fn around(&self, pool: usize, found: &mut [Found]) {
        let hand = self.hands.get(&pool).copied().unwrap_or(0);
        found.sort_by_key(|found| (found.frame < hand, found.frame));
    }
}
