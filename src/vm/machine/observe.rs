//! A machine looked at while it runs: what is in every frame and where every page is, at one
//! position or at many.

use super::*;

/// Where a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageState {
    /// Never brought in, or no page any more.
    Unallocated,
    /// In this frame.
    Resident(FrameId),
    /// In this slot of the swap device.
    Swapped(u32),
    /// It left memory clean and without a slot: its file or its original is read again, or it is
    /// zeros.
    Dropped,
}

/// The machine before a reference.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// For each entry whether it names a frame.
    pub present: Vec<bool>,
    /// For each object where it is.
    pub objects: Vec<PageState>,
    /// For each object its swap slot, resident or not.
    pub slots: Vec<Option<u32>>,
    /// For each frame whether it is taken by a dirty page, and whether its reference bit is set.
    pub bits: Vec<(bool, bool)>,
    /// The most slots in use so far.
    pub slots_peak: u64,
    /// The counters so far.
    pub counters: Counters,
    /// Full swap ended the replay earlier.
    pub swap_full: bool,
}

/// How many pages are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct States {
    /// The legal references before.
    pub position: u64,
    /// Pages in frames.
    pub resident: u64,
    /// Of these, dirty ones.
    pub dirty: u64,
    /// Pages on the swap device only.
    pub swapped: u64,
    /// Pages dropped.
    pub dropped: u64,
    /// Faults so far.
    pub faults: u64,
}

/// Replays up to a position and `ops` ops, and shows the machine there.
pub fn snapshot(job: &Job<'_>, position: u64, ops: usize) -> Result<Snapshot, RunError> {
    let identity = job.identity();
    let job = &job.with_space(identity.as_ref());
    with_machine(job, None, None, Look { job, position, ops })
}

struct Look<'a, 't> {
    job: &'a Job<'t>,
    position: u64,
    ops: usize,
}

impl<'t> Goal<'t> for Look<'_, 't> {
    type Output = Snapshot;
    const FAST: bool = false;

    fn reach<P: PolicyType<'t> + 't, R: Residence<'t> + 't, T: Translation + 't>(
        self,
        mut machine: Machine<'t, P, R, T>,
    ) -> Snapshot {
        let position = (self.position as usize).min(self.job.trace.len());
        let end = machine.feed(Tile::whole(self.job.trace), 0..position);
        if end == position && machine.perform(position as u64, self.ops).is_err() {
            machine.swap_full = true;
        }
        machine.snapshot()
    }
}

/// Replays everything and counts where pages are at each of some positions, in ascending order.
/// Where full swap ends the replay behind the first of them, the last states are those after the
/// last reference that was served; the end is returned too.
pub fn states(job: &Job<'_>, positions: &[u64]) -> Result<(Vec<States>, Option<End>), RunError> {
    let identity = job.identity();
    let job = &job.with_space(identity.as_ref());
    let sample = |positions: &[u64]| with_machine(job, None, None, Sample { job, positions });
    let (states, end) = sample(positions)?;
    if let (Some(end), Some(last)) = (end, states.last())
        && last.position < end.legal
    {
        // By now the events behind the last reference have happened, too: once more up to there.
        let before = positions.iter().copied().filter(|&at| at < end.legal);
        let positions: Vec<u64> = before.chain([end.legal]).collect();
        return Ok((sample(&positions)?.0, Some(end)));
    }
    Ok((states, end))
}

struct Sample<'a, 't> {
    job: &'a Job<'t>,
    positions: &'a [u64],
}

impl<'t> Goal<'t> for Sample<'_, 't> {
    type Output = (Vec<States>, Option<End>);
    const FAST: bool = false;

    fn reach<P: PolicyType<'t> + 't, R: Residence<'t> + 't, T: Translation + 't>(
        self,
        mut machine: Machine<'t, P, R, T>,
    ) -> Self::Output {
        let (mut from, mut all) = (0, Vec::with_capacity(self.positions.len()));
        for &position in self.positions {
            let position = (position as usize).min(self.job.trace.len());
            from = machine.feed(Tile::whole(self.job.trace), from..position);
            if from < position {
                break;
            }
            all.push(machine.states(position as u64));
            if machine.swap_full {
                break;
            }
        }
        // What follows the last reference of the trace may want room, too.
        if from == self.job.trace.len() && machine.perform(from as u64, usize::MAX).is_err() {
            machine.swap_full = true;
        }
        (all, machine.end(from as u64))
    }
}

impl<'t, P, R, T> Machine<'t, P, R, T>
where
    P: PolicyType<'t>,
    R: Residence<'t>,
    T: Translation,
{
    /// Where an object is.
    pub(super) fn page_state(&self, object: ObjectId) -> PageState {
        match (self.memory.state(object), self.swap.slot(object)) {
            (UNALLOCATED, _) => PageState::Unallocated,
            (AWAY, Some(slot)) => PageState::Swapped(slot),
            (AWAY, None) => PageState::Dropped,
            (frame, _) => PageState::Resident(frame),
        }
    }

    fn snapshot(&self) -> Snapshot {
        let objects = self.memory.objects().count() as u32;
        let bits = |frame| (self.frames.dirty(frame), self.frames.referenced(frame));
        Snapshot {
            present: (0..self.entries.len() as u32)
                .map(|entry| self.memory.present(entry) < AWAY)
                .collect(),
            objects: (0..objects).map(|object| self.page_state(object)).collect(),
            slots: (0..objects).map(|object| self.swap.slot(object)).collect(),
            bits: (0..self.capacity).map(bits).collect(),
            slots_peak: self.swap.peak(),
            counters: self.counters,
            swap_full: self.swap_full,
        }
    }

    fn states(&self, position: u64) -> States {
        let mut states = States {
            position,
            faults: self.counters.faults(),
            ..States::default()
        };
        for (state, object) in self.memory.objects().zip(0..) {
            match state {
                UNALLOCATED => {}
                AWAY if self.swap.slot(object).is_some() => states.swapped += 1,
                AWAY => states.dropped += 1,
                frame => {
                    states.resident += 1;
                    states.dirty += u64::from(self.frames.dirty(frame));
                }
            }
        }
        states
    }
}
