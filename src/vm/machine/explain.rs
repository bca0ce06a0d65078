//! A replay told step by step: what is in every frame after each reference, what faulted, what left
//! and why. The machine is the one that counts, stopped before and after each of the references that
//! are looked at. Names nothing: pages are entries and objects here.

use super::observe::PageState;
use super::*;
use crate::policy::{Departure, Leaves};
use crate::space::NONE;
use crate::trace::record::Kind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

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
    /// The same after the reference.
    pub after: EntryState,
    /// Pages that left memory, in order: before the reference, for it, after it.
    pub gone: Vec<Gone>,
    /// What is in each frame after the reference.
    pub frames: Vec<Option<Held>>,
    /// What the policy keeps in order then, if it says so: the title, and of each page an entry that
    /// names it and the policy's word on it.
    pub state: Option<(String, Vec<(EntryId, String)>)>,
}

/// A page in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// An entry that shows it: of those present the first that ever did, else the lowest.
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
    /// It made room for a page that was brought in ahead of use.
    MadeRoom,
    /// Its window closed.
    Expired,
    /// Nobody maps it any more.
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

/// A replay, of which a stretch was looked at.
#[derive(Debug)]
pub struct Story {
    /// The references looked at, one after the other; fewer where full swap ends the replay.
    pub steps: Vec<Step>,
    /// Pages that left behind the last of these, if the replay ended there: for the events behind the
    /// last reference of the trace, or before the reference that full swap denied.
    pub end: Vec<Gone>,
    /// The counts of the whole trace.
    pub outcome: Outcome,
}

/// Replays everything, looking at the references of a range; with `states` the policy is asked what
/// it keeps in order. Without TLBs, bursts and warm-up, whatever the job says.
///
/// # Errors
/// As for [`run`].
pub fn explain(job: &Job<'_>, range: Range<u64>, states: bool) -> Result<Story, RunError> {
    let identity = Space::identity(&job.trace.dictionary);
    let job = Job {
        bursts: None,
        misses: None,
        tlb: None,
        warmup: 0,
        ..job.with_space(Some(&identity))
    };
    let setup = job.setup(false)?;
    let (fault, faults) = channel();
    Ok(tell(&job, &setup, range, states, fault, faults))
}

fn tell(
    job: &Job<'_>,
    setup: &Setup<'_>,
    range: Range<u64>,
    states: bool,
    mut fault: Sender<FaultEvent>,
    faults: Receiver<FaultEvent>,
) -> Story {
    let space = job.space.expect("a space was made");
    let memory = Spaces::new(space);
    let watches = Arc::new(AtomicBool::new(false));
    let (report, departures) = channel();
    let policy = AnyPolicy::watched(setup, Arc::clone(&watches), report);
    let hears: Hears<'_> = Some(&mut fault);
    let machine = Machine::new(policy, setup, memory, job.swap_slots, (), hears);
    let mut told = Told {
        running: Running::new(machine, job),
        faults,
        departures,
        trace: job.trace,
        space,
        name: vec![NONE; space.classes.len()],
        held: vec![None; setup.frames as usize],
    };
    let length = job.trace.len() as u64;
    let (from, to) = (range.start.min(length), range.end.min(length));
    let (mut steps, mut end) = (Vec::new(), Vec::new());
    if (0..from).all(|position| told.reference(position)) {
        watches.store(true, Ordering::Relaxed);
        told.look();
        let each = (from..to).map_while(|position| told.step(position, states, &mut end));
        steps.extend(each);
        if steps.len() as u64 == to - from {
            if to == length {
                end = told.events(length).0;
            }
            watches.store(false, Ordering::Relaxed);
            told.running.take(part(job.trace, to, length));
        }
    }
    Story {
        steps,
        end,
        outcome: told.running.outcome(),
    }
}

/// Some references of a trace in memory.
fn part(trace: &Trace, from: u64, to: u64) -> Tile<'_> {
    let range = from as usize..to as usize;
    Tile {
        start: from,
        refs: &trace.refs()[range.clone()],
        kinds: &trace.kinds()[range],
        bursts: None,
    }
}

impl Listener for Sender<FaultEvent> {
    fn fault(&mut self, event: &FaultEvent) {
        // Whoever does not listen any more needs to hear nothing.
        _ = self.send(*event);
    }
}

/// The replay under way.
struct Told<'t> {
    running: Running<'t, AnyPolicy<'t>, Spaces<'t>, ()>,
    faults: Receiver<FaultEvent>,
    departures: Receiver<Departure>,
    trace: &'t Trace,
    space: &'t Space,
    /// The entry that each object is called by, or [`NONE`].
    name: Vec<EntryId>,
    /// The object in each frame after the last step.
    held: Vec<Option<ObjectId>>,
}

impl Told<'_> {
    /// Replays one reference; false if swap is full.
    fn reference(&mut self, position: u64) -> bool {
        while self.faults.try_recv().is_ok() {}
        let goes_on = self.running.take(part(self.trace, position, position + 1));
        if goes_on {
            let entry = page_of(self.trace.refs()[position as usize]);
            let object = self.running.machine.memory.object(entry) as usize;
            if self.name[object] == NONE {
                self.name[object] = entry;
            }
        }
        goes_on
    }

    /// One reference and the events before it. If full swap ends the replay there, what left until
    /// then goes to `end`.
    fn step(&mut self, position: u64, states: bool, end: &mut Vec<Gone>) -> Option<Step> {
        let last = self.held.clone();
        let (mut gone, goes_on) = self.events(position);
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
            fault: self.faults.try_iter().last(),
            before,
            after: self.entry_state(entry),
            gone,
            frames: self.frames(&last),
            state: states.then(|| self.state(position + 1)).flatten(),
        })
    }

    /// Does what happens before a reference, without the part that is its own. Returns what left
    /// memory, and false if swap is full.
    fn events(&mut self, position: u64) -> (Vec<Gone>, bool) {
        let machine = &mut self.running.machine;
        let ops = &machine.memory.ops()[machine.next_op..];
        let due = ops
            .iter()
            .take_while(|at| at.position <= position && !at.op.is_of_reference());
        let end = machine.next_op + due.count();
        let done = machine.perform(position, end);
        machine.swap_full |= done.is_err();
        let gone = self.gone(Cause::MadeRoom);
        self.look();
        (gone, done.is_ok())
    }

    /// The pages that left since this was last asked; `chosen` is why those that the policy chose
    /// had to. Where swap is full the last ones are still there: they could not be written.
    fn gone(&mut self, chosen: Cause) -> Vec<Gone> {
        let mut departures: Vec<Departure> = self.departures.try_iter().collect();
        let machine = &self.running.machine;
        let stays = |last: &Departure| {
            last.leaves != Leaves::Freed && machine.memory.state(last.page) < AWAY
        };
        while machine.swap_full && departures.last().is_some_and(stays) {
            departures.pop();
        }
        let each = departures.into_iter();
        each.map(|left| self.one_gone(left, chosen)).collect()
    }

    fn one_gone(&mut self, left: Departure, chosen: Cause) -> Gone {
        let class = self.running.machine.memory.class(left.page);
        let cause = match left.leaves {
            Leaves::Chosen => chosen,
            Leaves::Expired => Cause::Expired,
            Leaves::Freed => Cause::Freed,
        };
        let why = (cause != Cause::Freed)
            .then(|| left.why.unwrap_or_else(|| "chosen by the policy".into()));
        Gone {
            entry: self.called(left.page),
            written: left.dirty && (cause != Cause::Freed || class == Class::File),
            cause,
            why,
        }
    }

    /// Looks at what is in the frames, and by what each page is called there.
    fn look(&mut self) {
        self.held = self.in_frames();
        for (frame, page) in (0..).zip(self.held.clone()) {
            if let Some(page) = page {
                self.name[page as usize] = self.called_in(page, frame);
            }
        }
    }

    /// The entry that a page in a frame is called by: the one it was called by, while that shows it;
    /// else the lowest that is present.
    fn called_in(&self, page: ObjectId, frame: FrameId) -> EntryId {
        let memory = &self.running.machine.memory;
        let (name, mut lowest) = (self.name[page as usize], NONE);
        if name != NONE && memory.object(name) == page && memory.present(name) == frame {
            return name;
        }
        memory.entries(page, |entry| lowest = lowest.min(entry));
        match lowest {
            NONE => self.called(page),
            lowest => lowest,
        }
    }

    /// The entry that a page is called by, though none may be present: it was brought in ahead of
    /// use, or has left.
    fn called(&self, page: ObjectId) -> EntryId {
        let name = self.name[page as usize];
        if name != NONE {
            return name;
        }
        let first = self.space.first_object.iter().position(|&at| at == page);
        let first = first.map(|entry| entry as EntryId);
        let bound = || {
            self.space.ops.iter().find_map(|at| match at.op {
                Op::Bind { entry, object } | Op::CowCopy { entry, object, .. }
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
        let states = (0..).zip(self.running.machine.memory.objects());
        for (object, frame) in states.filter(|(_, state)| *state < AWAY) {
            held[frame as usize] = Some(object);
        }
        held
    }

    fn frames(&self, earlier: &[Option<ObjectId>]) -> Vec<Option<Held>> {
        let frames = &self.running.machine.frames;
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
        let machine = &self.running.machine;
        let place = match machine.memory.object(entry) {
            NONE => PageState::Unallocated,
            object => machine.page_state(object),
        };
        let bits = match place {
            PageState::Resident(frame) => {
                let frames = &machine.frames;
                (frames.dirty(frame), frames.referenced(frame))
            }
            _ => (false, false),
        };
        EntryState {
            present: machine.memory.present(entry) < AWAY,
            place,
            dirty: bits.0,
            referenced: bits.1,
        }
    }

    fn state(&self, next: u64) -> Option<(String, Vec<(EntryId, String)>)> {
        let machine = &self.running.machine;
        let state = machine.policy.order(&machine.frames, next)?;
        let name = |(frame, word): (FrameId, String)| {
            let page = machine.frames.page(frame);
            (self.name[page as usize], word)
        };
        Some((state.title, state.frames.into_iter().map(name).collect()))
    }
}
