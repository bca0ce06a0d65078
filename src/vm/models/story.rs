//! The story of a replay by segments: what came in, left, moved, grew and was copied, reference by
//! reference and event by event, for people to read. Only moments at which memory changes are kept.

use super::counts::{SegmentCounts, SegmentOutcome};
use super::replay::{Observer, SegmentJob, View, replay_observed};
use super::steps::{OF_REFERENCE, SegmentId, Step, StepAt};
use std::collections::BTreeMap;
use std::ops::Range;

/// A segment in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resident {
    /// The segment.
    pub segment: SegmentId,
    /// Its first byte in memory.
    pub start: u64,
    /// The first byte behind it.
    pub end: u64,
    /// Who has it, and at which address.
    pub owners: Vec<(u32, u64)>,
}

/// What happened to a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// It came in.
    In(Resident),
    /// It left memory, or ceased to exist.
    Out {
        /// As it was.
        was: Resident,
        /// Whether any process still has it.
        lives: bool,
    },
    /// It is at another place, or as long as it was not.
    Changed {
        /// As it was.
        was: Resident,
        /// As it is.
        is: Resident,
    },
}

/// A moment at which memory changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// The number of the reference, or of the next one.
    pub position: u64,
    /// Whether it is the reference itself; else an event before it.
    pub is_reference: bool,
    /// What happened, in the order of segments' numbers: what left first.
    pub happened: Vec<Happened>,
    /// What this moment counted.
    pub counted: Counted,
    /// Memory afterwards.
    pub memory: Vec<Resident>,
    /// The holes afterwards.
    pub holes: Vec<(u64, u64)>,
}

/// What a moment counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Faults: fills, refills, copies.
    pub faults: [u64; 3],
    /// Bytes written to swap, read from swap, and read from files.
    pub transfers: [u64; 3],
    /// Bytes moved in memory, copied because something grew, and copied for a second owner.
    pub copies: [u64; 3],
    /// Whether no hole was large enough though enough bytes were free.
    pub unfit: u64,
}

impl Counted {
    fn of(counts: &SegmentCounts) -> Counted {
        Counted {
            faults: [counts.fills, counts.refills, counts.copies],
            transfers: [
                counts.swap_bytes_out,
                counts.swap_bytes_in,
                counts.file_bytes_in,
            ],
            copies: [counts.bytes_moved, counts.bytes_grown, counts.bytes_copied],
            unfit: counts.unfit,
        }
    }

    fn since(self, before: Counted) -> Counted {
        let less = |now: [u64; 3], then: [u64; 3]| [0, 1, 2].map(|at| now[at] - then[at]);
        Counted {
            faults: less(self.faults, before.faults),
            transfers: less(self.transfers, before.transfers),
            copies: less(self.copies, before.copies),
            unfit: self.unfit - before.unfit,
        }
    }
}

/// Replays a cell and returns its story: the moments within the positions `range`, at most `most`, and the
/// outcome of the whole.
pub fn story(
    job: &SegmentJob<'_>,
    range: Range<u64>,
    most: usize,
) -> (Vec<Moment>, SegmentOutcome) {
    let mut teller = Teller {
        range,
        most,
        moments: Vec::new(),
        before: BTreeMap::new(),
        counted: Counted::default(),
        open: None,
    };
    let outcome = replay_observed(job, &mut teller);
    teller.close();
    (teller.moments, outcome)
}

/// The state of memory: residents by segment.
type Memory = BTreeMap<SegmentId, Resident>;

struct Teller {
    range: Range<u64>,
    most: usize,
    moments: Vec<Moment>,
    before: Memory,
    counted: Counted,
    /// The moment under way.
    open: Option<Open>,
}

struct Open {
    position: u64,
    /// The event; `None` for a reference.
    cause: Option<u64>,
    now: Memory,
    holes: Vec<(u64, u64)>,
    counted: Counted,
    alive: Vec<SegmentId>,
}

impl Observer for Teller {
    fn after(&mut self, view: &View<'_, '_>, position: u64, cause: Option<&StepAt>) {
        if let Some(
            Step::Bind { .. } | Step::Touch { .. } | Step::Retouch { .. } | Step::Renumber { .. },
        ) = cause.map(|at| at.step)
        {
            return;
        }
        let counted = Counted::of(view.counts());
        let event = cause
            .map(|at| at.cause)
            .filter(|cause| *cause != OF_REFERENCE);
        let place = match cause {
            Some(at) => at.position,
            None => position - 1,
        };
        let of_same = self
            .open
            .as_ref()
            .is_some_and(|open| open.position == place && open.cause == event);
        if !of_same {
            self.close();
        }
        let faulted = counted != self.counted;
        let is_event = cause.is_some();
        if !faulted && !is_event {
            return;
        }
        let resident = |placed: super::holes::Placed| Resident {
            segment: placed.item,
            start: placed.start,
            end: placed.end,
            owners: view.owners(placed.item).to_vec(),
        };
        let now: Memory = view
            .placed()
            .map(|placed| (placed.item, resident(placed)))
            .collect();
        let gone = self
            .before
            .keys()
            .filter(|segment| !now.contains_key(segment));
        let alive = gone.filter(|segment| !view.owners(**segment).is_empty());
        let alive = alive.copied().collect();
        self.open = Some(Open {
            position: place,
            cause: event,
            alive,
            holes: view.holes().map(|hole| (hole.start, hole.end)).collect(),
            now,
            counted,
        });
    }
}

impl Teller {
    /// Ends the moment under way, and keeps it if memory changed.
    fn close(&mut self) {
        let Some(open) = self.open.take() else {
            return;
        };
        let counted = open.counted.since(self.counted);
        let before = std::mem::replace(&mut self.before, open.now.clone());
        self.counted = open.counted;
        let mut happened = Vec::new();
        for (segment, was) in &before {
            match open.now.get(segment) {
                None => happened.push(Happened::Out {
                    was: was.clone(),
                    lives: open.alive.contains(segment),
                }),
                Some(is) if (is.start, is.end) != (was.start, was.end) => {
                    happened.push(Happened::Changed {
                        was: was.clone(),
                        is: is.clone(),
                    });
                }
                Some(_) => {}
            }
        }
        let new = open
            .now
            .iter()
            .filter(|(segment, _)| !before.contains_key(segment));
        happened.extend(new.map(|(_, is)| Happened::In(is.clone())));
        let shown = self.range.contains(&open.position) && self.moments.len() < self.most;
        if shown && (!happened.is_empty() || counted != Counted::default()) {
            let mut memory: Vec<Resident> = open.now.into_values().collect();
            memory.sort_by_key(|resident| resident.start);
            self.moments.push(Moment {
                position: open.position,
                is_reference: open.cause.is_none(),
                happened,
                counted,
                memory,
                holes: open.holes,
            });
        }
    }
}
