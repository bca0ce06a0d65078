//! A replay told step by step: what is in every frame after each reference, what faulted, what left
//! and why. The machine is the one that counts, stopped before and after each of the references that
//! are looked at. Names nothing: pages are entries and objects here.

use super::observe::PageState;
use super::*;
use crate::policy::explain::{Left, Seen};
use crate::space::NONE;
use crate::trace::record::Kind;
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
    /// An entry that names it: the first that did.
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
    /// An entry that names it.
    pub entry: EntryId,
    /// Whether it was dirty.
    pub dirty: bool,
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
    let (said, heard) = channel();
    Ok(tell(&job, &setup, range, states, said, heard))
}

fn tell(
    job: &Job<'_>,
    setup: &Setup<'_>,
    range: Range<u64>,
    states: bool,
    mut tells: Sender<Said>,
    said: Receiver<Said>,
) -> Story {
    let space = job.space.expect("a space was made");
    let memory = Spaces::new(space);
    let policy = AnyPolicy::new(setup);
    let hears: Hears<'_> = Some(&mut tells);
    let machine = Machine::new(policy, setup, memory, job.swap_slots, (), hears);
    let mut told = Told {
        running: Running::new(machine, job),
        said,
        heard: Heard::default(),
        trace: job.trace,
        seen: vec![Seen::default(); space.classes.len()],
        name: vec![NONE; space.classes.len()],
        held: vec![None; setup.frames as usize],
    };
    let length = job.trace.len() as u64;
    let (from, to) = (range.start.min(length), range.end.min(length));
    let mut steps = Vec::new();
    // What the reasons speak of is noted from the beginning on.
    let goes_on = (0..from).all(|position| told.reference(position));
    if goes_on {
        told.held = told.in_frames();
        let each = (from..to).map_while(|position| told.step(position, states));
        steps.extend(each);
        if steps.len() as u64 == to - from {
            told.running.take(part(job.trace, to, length));
        }
    }
    Story {
        steps,
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

/// Hears of what happens at one reference.
#[derive(Default)]
struct Heard {
    fault: Option<FaultEvent>,
    expired: Vec<ExpiryEvent>,
}

/// What a listener says to the replay that looks on.
enum Said {
    Fault(FaultEvent),
    Expired(ExpiryEvent),
}

impl Listener for Sender<Said> {
    fn fault(&mut self, event: &FaultEvent) {
        // Who does not listen any more needs to hear nothing.
        _ = self.send(Said::Fault(*event));
    }
    fn expired(&mut self, event: &ExpiryEvent) {
        _ = self.send(Said::Expired(*event));
    }
}

/// The replay under way.
struct Told<'t> {
    running: Running<'t, AnyPolicy<'t>, Spaces<'t>, ()>,
    said: Receiver<Said>,
    heard: Heard,
    trace: &'t Trace,
    /// What was seen of each object.
    seen: Vec<Seen>,
    /// The entry that each object is called by, or [`NONE`].
    name: Vec<EntryId>,
    /// The object in each frame after the last step.
    held: Vec<Option<ObjectId>>,
}

impl Told<'_> {
    /// Replays one reference and notes what it means for its page; false if swap is full.
    fn reference(&mut self, position: u64) -> bool {
        let goes_on = self.running.take(part(self.trace, position, position + 1));
        self.heard = Heard::default();
        for said in self.said.try_iter() {
            match said {
                Said::Fault(event) => self.heard.fault = Some(event),
                Said::Expired(event) => self.heard.expired.push(event),
            }
        }
        if !goes_on {
            return false;
        }
        let machine = &self.running.machine;
        let entry = page_of(self.trace.refs()[position as usize]);
        let object = machine.memory.object(entry) as usize;
        let loads = self.heard.fault.is_some_and(|fault| {
            use FaultKind::{CowCopy, Fill, Refill};
            matches!(fault.kind, Fill | Refill | CowCopy)
        });
        let seen = &mut self.seen[object];
        if loads {
            (seen.loaded, seen.uses) = (position, 0);
        }
        (seen.last_use, seen.uses) = (position, seen.uses + 1);
        if self.name[object] == NONE {
            self.name[object] = entry;
        }
        true
    }

    fn step(&mut self, position: u64, states: bool) -> Option<Step> {
        let last = self.held.clone();
        let mut gone = self.events(position)?;
        let at = position as usize;
        let entry = page_of(self.trace.refs()[at]);
        let kind = Kind::ALL[usize::from(self.trace.kinds()[at] & KIND_MASK)];
        let before = self.entry_state(entry);
        self.note_bits();
        let earlier = self.held.clone();
        if !self.reference(position) {
            return None;
        }
        let cleared = self.cleared(&earlier);
        let (fault, expired) = (self.heard.fault, std::mem::take(&mut self.heard.expired));
        let victim = fault.and_then(|fault| fault.victim);
        let expired = expired.into_iter().map(|e| (e.page, e.dirty));
        let left = victim.into_iter().map(|left| (left, Cause::Victim));
        let all: Vec<_> = left
            .chain(expired.map(|left| (left, Cause::Expired)))
            .collect();
        for ((page, dirty), cause) in all {
            gone.push(self.gone(page, dirty, cause, position, cleared));
        }
        // A page copied by its last owner goes with the reference.
        let told: Vec<EntryId> = gone.iter().map(|gone| gone.entry).collect();
        let machine = &self.running.machine;
        let freed = earlier.iter().flatten().filter(|&&page| {
            machine.memory.state(page) == UNALLOCATED && !told.contains(&self.name[page as usize])
        });
        let freed: Vec<ObjectId> = freed.copied().collect();
        for page in freed {
            gone.push(self.gone(page, false, Cause::Freed, position, 0));
        }
        self.held = self.in_frames();
        let frames = self.frames(&last);
        Some(Step {
            position,
            entry,
            kind,
            fault,
            before,
            after: self.entry_state(entry),
            gone,
            frames,
            state: states.then(|| self.state(position + 1)).flatten(),
        })
    }

    /// Does what happens before a reference, without the part that is its own; what left memory.
    fn events(&mut self, position: u64) -> Option<Vec<Gone>> {
        self.note_bits();
        let earlier = self.held.clone();
        let machine = &mut self.running.machine;
        let ops = machine.memory.ops();
        let due = ops[machine.next_op..]
            .iter()
            .take_while(|at| at.position <= position && !at.op.is_of_reference());
        let end = machine.next_op + due.count();
        if machine.perform(position, end).is_err() {
            machine.swap_full = true;
            return None;
        }
        let now = self.in_frames();
        let left = earlier.iter().flatten();
        let left: Vec<ObjectId> = left
            .filter(|page| !now.contains(&Some(**page)))
            .copied()
            .collect();
        for &page in now.iter().flatten() {
            if !earlier.contains(&Some(page)) {
                self.call(page);
                let (loaded, last_use) = (position, position);
                self.seen[page as usize] = Seen {
                    loaded,
                    last_use,
                    ..Seen::default()
                };
            }
        }
        let cleared = self.cleared(&earlier);
        let mut gone = Vec::new();
        for page in left {
            let freed = self.running.machine.memory.state(page) == UNALLOCATED;
            let cause = if freed { Cause::Freed } else { Cause::MadeRoom };
            gone.push(self.gone(page, false, cause, position, cleared));
        }
        self.held = now;
        Some(gone)
    }

    /// A page that left, with the policy's reason if that chose it.
    fn gone(&mut self, page: ObjectId, dirty: bool, cause: Cause, time: u64, cleared: u32) -> Gone {
        let frame = self.held.iter().position(|held| *held == Some(page));
        let left = Left {
            page,
            frame: frame.unwrap_or(0) as FrameId,
            time,
            seen: self.seen[page as usize],
            expired: cause == Cause::Expired,
            cleared,
        };
        let chosen = || self.running.machine.policy.why(&left);
        let why = match cause {
            Cause::Freed => None,
            _ => Some(chosen().unwrap_or_else(|| "chosen by the policy".into())),
        };
        self.call(page);
        Gone {
            entry: self.name[page as usize],
            dirty,
            cause,
            why,
        }
    }

    /// Gives an object a name if it has none: it was brought in before anybody referenced it.
    fn call(&mut self, page: ObjectId) {
        if self.name[page as usize] == NONE {
            let memory = &self.running.machine.memory;
            let entries = 0..self.running.machine.entries.len() as u32;
            let shows = |&entry: &u32| memory.object(entry) == page;
            self.name[page as usize] = entries.into_iter().find(shows).unwrap_or(0);
        }
    }

    /// Notes the reference bits of the pages in frames.
    fn note_bits(&mut self) {
        for (frame, page) in (0..).zip(&self.held) {
            if let Some(page) = page {
                self.seen[*page as usize].referenced =
                    self.running.machine.frames.referenced(frame);
            }
        }
    }

    /// How many of these pages have lost the bit that was noted, those that left apart.
    fn cleared(&self, earlier: &[Option<ObjectId>]) -> u32 {
        let machine = &self.running.machine;
        let lost = (0..).zip(earlier).filter(|(frame, page)| {
            page.is_some_and(|page| {
                machine.memory.state(page) == *frame
                    && self.seen[page as usize].referenced
                    && !machine.frames.referenced(*frame)
            })
        });
        lost.count() as u32
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
        let state = machine.policy.state(&machine.frames, next)?;
        let name = |(frame, word): (FrameId, String)| {
            let page = machine.frames.page(frame);
            (self.name[page as usize], word)
        };
        Some((state.title, state.frames.into_iter().map(name).collect()))
    }
}
