//! A replay step by step: the page in every frame after each reference, what faulted, what left and
//! why. The machine is the one that counts, stopped before and after each of the references of a
//! range. Knows no names: pages are entries and objects here.

use super::replay::Progress;
use super::snapshot::PageState;
use super::{Job, Machine, Paging, RunError};
use crate::policy::{AnyPolicy, Departure, Explain, Leaves};
use crate::space::{Class, EntryId, NONE, ObjectId, Op, Space};
use crate::trace::model::access::Kind;
use crate::trace::model::dense::Trace;
use crate::trace::model::refs::{KIND_MASK, page_of};
use crate::trace::model::tile::Tile;
use crate::units::FrameId;
use crate::vm::core::Core;
use crate::vm::core::counters::Outcome;
use crate::vm::core::distribution::{FaultEvent, Listener};
use crate::vm::machine::page_tables::{NOT_RESIDENT, Residence, Spaces};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

/// The machine around one reference.
#[derive(Debug, Clone)]
pub struct Step {
    /// The position of the reference, from 0.
    pub position: u64,
    /// The page of a process that is referenced.
    pub entry: EntryId,
    /// The kind of access.
    pub kind: Kind,
    /// The fault, if it was one.
    pub fault: Option<FaultEvent>,
    /// The page-table entry before the reference, after the events that precede it.
    pub before: EntryState,
    /// The page-table entry after the reference.
    pub after: EntryState,
    /// Pages that left memory, in order: before the reference, for it, after it.
    pub gone: Vec<Gone>,
    /// What is in each frame after the reference.
    pub frames: Vec<Option<Held>>,
    /// What the policy keeps in order then, if it can show that: the title, and for each page an
    /// entry that names it and the policy's word on it.
    pub state: Option<(String, Vec<(EntryId, String)>)>,
}

/// A page in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// A present entry that shows it: the first that ever did, else the lowest.
    pub entry: EntryId,
    /// Its reference bit.
    pub referenced: bool,
    /// Its dirty bit.
    pub dirty: bool,
    /// Whether it came in for this reference, or since the last one.
    pub fresh: bool,
}

/// A page-table entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryState {
    /// Whether it names a frame.
    pub present: bool,
    /// Where its page is.
    pub place: PageState,
    /// The dirty bit of the page's frame.
    pub dirty: bool,
    /// The reference bit of the page's frame.
    pub referenced: bool,
}

/// Why a page is not in memory any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It made room for the page that is referenced.
    Victim,
    /// It made room for a page that was brought in ahead of use, or to be copied.
    MadeRoom,
    /// Its window closed.
    Expired,
    /// No process maps it any more.
    Freed,
}

/// A page that left memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// An entry that showed it.
    pub entry: EntryId,
    /// Whether it was written back: it was dirty, and not freed memory that no file backs.
    pub written: bool,
    /// The cause.
    pub cause: Cause,
    /// The policy's reason, if it had a choice.
    pub why: Option<String>,
}

/// A replay with the steps of a range.
#[derive(Debug)]
pub struct Story {
    /// The references of the range, one after the other; fewer if full swap ends the replay.
    pub steps: Vec<Step>,
    /// Pages that left after the last of these, if the replay ended there: by events after the last
    /// reference of the trace, or before the reference that full swap denied.
    pub end: Vec<Gone>,
    /// The counts of the whole trace.
    pub outcome: Outcome,
}

/// Replays everything and returns the steps of a range. With `states` each step has what the policy
/// keeps in order. Ignores the job's TLBs, bursts and warm-up.
///
/// # Errors
/// As for [`run`](super::run).
pub fn explain(job: &Job<'_>, range: Range<u64>, states: bool) -> Result<Story, RunError> {
    let identity = Space::identity(&job.trace.dictionary);
    let job = Job {
        bursts: None,
        misses: None,
        tlb: None,
        warmup: 0,
        ..job.with_space(Some(&identity))
    };
    let setup = job.setup()?;
    let space = job.space.expect("a space was made");
    let watches = Arc::new(AtomicBool::new(false));
    let (report, departures) = channel();
    let fault = LastFault::default();
    let mut listener = &fault;
    let core = Core::new(
        job.spec(),
        &setup,
        job.space,
        job.swap_slots,
        job.choices,
        Some(&mut listener),
    );
    let machine = Machine {
        policy: AnyPolicy::watched(&setup, &space.left_out_at, Arc::clone(&watches), report),
        paging: Paging {
            core,
            memory: Spaces::new(space),
            tlb: (),
        },
    };
    let mut stepper = Stepper {
        machine,
        progress: Progress::new(&job),
        fault: &fault,
        departures,
        trace: job.trace,
        space,
        name: vec![NONE; space.classes.len()],
        held: vec![None; setup.frames as usize],
    };
    let length = job.trace.len() as u64;
    let (from, to) = (range.start.min(length), range.end.min(length));
    let (mut steps, mut end) = (Vec::new(), Vec::new());
    if (0..from).all(|position| stepper.reference(position)) {
        watches.store(true, Ordering::Relaxed);
        stepper.look();
        let each = (from..to).map_while(|position| stepper.step(position, states, &mut end));
        steps.extend(each);
        if steps.len() as u64 == to - from {
            if to == length {
                end = stepper.perform_before(length).0;
            }
            watches.store(false, Ordering::Relaxed);
            stepper.feed(to, length);
        }
    }
    Ok(Story {
        steps,
        end,
        outcome: stepper.progress.finish(&mut stepper.machine),
    })
}

/// The latest fault, until the stepper takes it.
type LastFault = Mutex<Option<FaultEvent>>;

impl Listener for &LastFault {
    fn fault(&mut self, event: &FaultEvent) {
        *self.lock().expect("no panic while it is locked") = Some(*event);
    }
}

/// The replay under way, stopped between references.
struct Stepper<'t> {
    machine: Machine<'t, AnyPolicy<'t>, Spaces<'t>, ()>,
    progress: Progress,
    fault: &'t LastFault,
    departures: Receiver<Departure>,
    trace: &'t Trace,
    space: &'t Space,
    /// The entry that names each object in steps, or [`NONE`].
    name: Vec<EntryId>,
    /// The object in each frame after the last step.
    held: Vec<Option<ObjectId>>,
}

impl Stepper<'_> {
    /// Replays references of the trace. Returns false if swap is full.
    fn feed(&mut self, from: u64, to: u64) -> bool {
        let range = from as usize..to as usize;
        let tile = Tile {
            start: from,
            refs: &self.trace.refs()[range.clone()],
            kinds: &self.trace.kinds()[range],
            bursts: None,
        };
        self.progress.feed(&mut self.machine, tile)
    }

    /// Returns the latest fault, and forgets it.
    fn take_fault(&mut self) -> Option<FaultEvent> {
        self.fault
            .lock()
            .expect("no panic while it is locked")
            .take()
    }

    /// Replays one reference. Returns false if swap is full.
    fn reference(&mut self, position: u64) -> bool {
        self.take_fault();
        let goes_on = self.feed(position, position + 1);
        if goes_on {
            let entry = page_of(self.trace.refs()[position as usize]);
            let object = self.machine.paging.memory.object(entry) as usize;
            if self.name[object] == NONE {
                self.name[object] = entry;
            }
        }
        goes_on
    }

    /// Replays one reference and the events before it. If full swap ends the replay there, returns
    /// `None` and puts what left until then into `end`.
    fn step(&mut self, position: u64, states: bool, end: &mut Vec<Gone>) -> Option<Step> {
        let last = self.held.clone();
        let (mut gone, goes_on) = self.perform_before(position);
        let at = position as usize;
        let entry = page_of(self.trace.refs()[at]);
        let kind = Kind::ALL[usize::from(self.trace.kinds()[at] & KIND_MASK)];
        let before = self.entry_state(entry);
        let goes_on = goes_on && self.reference(position);
        gone.extend(self.gone(Cause::Victim));
        if !goes_on {
            *end = gone;
            return None;
        }
        self.look();
        Some(Step {
            position,
            entry,
            kind,
            fault: self.take_fault(),
            before,
            after: self.entry_state(entry),
            gone,
            frames: self.frames(&last),
            state: states.then(|| self.state(position + 1)).flatten(),
        })
    }

    /// Performs what happens before a reference, without the op that belongs to it. Returns what
    /// left memory, and false if swap is full.
    fn perform_before(&mut self, position: u64) -> (Vec<Gone>, bool) {
        let Machine { policy, paging } = &mut self.machine;
        let ops = &paging.core.ops[paging.core.next_op..];
        let due = ops
            .iter()
            .take_while(|at| at.position <= position && !at.op.is_of_reference());
        let end = paging.core.next_op + due.count();
        let done = paging.perform(policy, position, end);
        paging.core.swap_full |= done.is_err();
        let gone = self.gone(Cause::MadeRoom);
        self.look();
        (gone, done.is_ok())
    }

    /// Returns the pages that left since the last call; `chosen` is the cause for those that the
    /// policy chose. If swap is full the last ones are still there, since they could not be
    /// written, and are left out.
    fn gone(&mut self, chosen: Cause) -> Vec<Gone> {
        let mut departures: Vec<Departure> = self.departures.try_iter().collect();
        let Paging { core, memory, .. } = &self.machine.paging;
        let stays = |last: &Departure| {
            last.leaves != Leaves::Freed && memory.state(last.page) < NOT_RESIDENT
        };
        while core.swap_full && departures.last().is_some_and(stays) {
            departures.pop();
        }
        let each = departures.into_iter();
        each.map(|left| self.one_gone(left, chosen)).collect()
    }

    fn one_gone(&mut self, left: Departure, chosen: Cause) -> Gone {
        let class = self.machine.paging.memory.class(left.page);
        let cause = match left.leaves {
            Leaves::Chosen => chosen,
            Leaves::Expired => Cause::Expired,
            Leaves::Freed => Cause::Freed,
        };
        let why = (cause != Cause::Freed)
            .then(|| left.why.unwrap_or_else(|| "chosen by the policy".into()));
        Gone {
            entry: self.name_of(left.page),
            written: left.dirty && (cause != Cause::Freed || class == Class::File),
            cause,
            why,
        }
    }

    /// Notes the page in each frame, and the entry that names it there.
    fn look(&mut self) {
        self.held = self.in_frames();
        for (frame, page) in (0..).zip(self.held.clone()) {
            if let Some(page) = page {
                self.name[page as usize] = self.name_in(page, frame);
            }
        }
    }

    /// Returns the entry that names a page in a frame: the one that named it before, while that
    /// shows it; else the lowest that is present.
    fn name_in(&self, page: ObjectId, frame: FrameId) -> EntryId {
        let memory = &self.machine.paging.memory;
        let (name, mut lowest) = (self.name[page as usize], NONE);
        if name != NONE && memory.object(name) == page && memory.present(name) == frame {
            return name;
        }
        memory.entries(page, |entry| lowest = lowest.min(entry));
        match lowest {
            NONE => self.name_of(page),
            lowest => lowest,
        }
    }

    /// Returns the entry that names a page, though none may be present: the page was prefetched, or
    /// has left.
    fn name_of(&self, page: ObjectId) -> EntryId {
        let name = self.name[page as usize];
        if name != NONE {
            return name;
        }
        let first = self.space.first_object.iter().position(|&at| at == page);
        let first = first.map(|entry| entry as EntryId);
        let bound = || {
            self.space.ops.iter().find_map(|at| match at.op {
                Op::Bind { entry, object }
                | Op::CowCopy { entry, object, .. }
                | Op::PopulateCopy { entry, object, .. }
                    if object == page =>
                {
                    Some(entry)
                }
                _ => None,
            })
        };
        first.or_else(bound).expect("an entry shows every object")
    }

    fn in_frames(&self) -> Vec<Option<ObjectId>> {
        let mut held = vec![None; self.held.len()];
        let states = (0..).zip(self.machine.paging.memory.states());
        for (object, &frame) in states.filter(|(_, state)| **state < NOT_RESIDENT) {
            held[frame as usize] = Some(object);
        }
        held
    }

    fn frames(&self, earlier: &[Option<ObjectId>]) -> Vec<Option<Held>> {
        let frames = &self.machine.paging.core.frames;
        let held = (0..).zip(self.held.iter().zip(earlier));
        held.map(|(frame, (now, before))| {
            let page = *now;
            page.map(|page| Held {
                entry: self.name[page as usize],
                referenced: frames.referenced(frame),
                dirty: frames.dirty(frame),
                fresh: now != before,
            })
        })
        .collect()
    }

    fn entry_state(&self, entry: EntryId) -> EntryState {
        let Paging { core, memory, .. } = &self.machine.paging;
        let place = match memory.object(entry) {
            NONE => PageState::Unallocated,
            object => core.page_state(object, memory.state(object)),
        };
        let bits = match place {
            PageState::Resident(frame) => (core.frames.dirty(frame), core.frames.referenced(frame)),
            _ => (false, false),
        };
        EntryState {
            present: memory.present(entry) < NOT_RESIDENT,
            place,
            dirty: bits.0,
            referenced: bits.1,
        }
    }

    fn state(&self, next: u64) -> Option<(String, Vec<(EntryId, String)>)> {
        let frames = &self.machine.paging.core.frames;
        let state = self.machine.policy.order(frames, next)?;
        let name = |(frame, word): (FrameId, String)| {
            let page = frames.page(frame);
            (self.name[page as usize], word)
        };
        Some((state.title, state.frames.into_iter().map(name).collect()))
    }
}
