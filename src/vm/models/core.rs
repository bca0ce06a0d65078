//! Segments in memory: how they come in, leave, grow and split, and what each of these counts. Knows
//! nothing of the order of references, and not what is done when no hole is large enough.

use super::choices::{Fit, Relief, SwapUnit};
use super::counts::{Ending, ONE, SegmentCounts, SegmentFault, Work};
use super::holes::Memory;
use super::steps::{SegmentId, Segmented, Step};
use super::units::{UnitId, UnitSetup, Units};
use std::collections::BTreeMap;

/// How a cell replays segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Bytes of memory.
    pub memory: u64,
    /// The hole that a segment is placed in.
    pub fit: Fit,
    /// What leaves as a whole.
    pub unit: SwapUnit,
    /// What is done when no hole is large enough.
    pub relief: Relief,
    /// Bytes of swap; `None` without a limit.
    pub swap: Option<u64>,
}

/// A segment.
#[derive(Debug, Clone, Default)]
pub(super) struct Segment {
    pub bytes: u64,
    /// The bytes of it that are of a file.
    pub file: u64,
    /// Whether what is written goes back to the file.
    pub returns: bool,
    /// Its first byte in memory; `None` if it is not there.
    pub place: Option<u64>,
    /// The bytes that its copy occupies on the swap device; 0 without a copy.
    pub copy: u64,
    /// Whether it has ever been in memory.
    pub known: bool,
    /// Whether it differs from its copy and its file.
    pub dirty: bool,
    /// The bytes that have been referenced.
    pub touched: u64,
    /// Who has it, and at which address.
    pub owners: Vec<(u32, u64)>,
}

/// A process.
#[derive(Debug, Default)]
pub(super) struct Process {
    /// Its segments, by address.
    pub segments: BTreeMap<u64, SegmentId>,
    /// Whether it was swapped out as a whole and has not come back.
    pub is_out: bool,
}

/// Memory and everything in it.
pub(super) struct Core<'t> {
    pub rules: Rules,
    pub memory: Memory,
    pub segments: Vec<Segment>,
    pub processes: Vec<Process>,
    pub units: Units<'t>,
    pub counts: SegmentCounts,
    /// The work of the reference or event under way.
    pub work: Work,
    /// The position of the reference under way, or of the next one.
    pub time: u64,
    /// Bytes of swap in use.
    pub swap: u64,
    /// The segment that is being copied: it leaves after all others.
    pub copied: Option<SegmentId>,
    /// With whole programs, segments that a program lost by the event under way.
    lost: Vec<SegmentId>,
    /// Bytes in memory that have never been referenced.
    untouched: u64,
    /// Bytes of all segments that some process has.
    alive: u64,
    /// External fragmentation now.
    pub fragmentation: u64,
    /// The references that the sums of `counts` account for.
    pub until: u64,
}

impl<'t> Core<'t> {
    pub fn new(segmented: &Segmented, rules: Rules, setup: UnitSetup<'t>) -> Core<'t> {
        Core {
            rules,
            memory: Memory::new(rules.memory),
            segments: vec![Segment::default(); segmented.segments],
            processes: (0..segmented.processes)
                .map(|_| Process::default())
                .collect(),
            units: Units::new(setup),
            counts: SegmentCounts::default(),
            work: Work::default(),
            time: 0,
            swap: 0,
            copied: None,
            lost: Vec::new(),
            untouched: 0,
            alive: 0,
            fragmentation: 0,
            until: 0,
        }
    }

    pub fn segment(&self, segment: SegmentId) -> &Segment {
        &self.segments[segment as usize]
    }

    /// Returns the unit that `segment` is of, for a process that has it.
    pub fn unit_of(&self, process: u32, segment: SegmentId) -> UnitId {
        match self.rules.unit {
            SwapUnit::Process => process,
            SwapUnit::Segment => segment,
        }
    }

    /// Accounts for the references before `time` with what is in memory now.
    #[inline]
    pub fn settle(&mut self, time: u64) {
        if time > self.until {
            let refs = u128::from(time - self.until);
            let counts = &mut self.counts;
            counts.resident_sum += u128::from(self.memory.used()) * refs;
            counts.untouched_sum += u128::from(self.untouched) * refs;
            counts.fragmentation_sum += u128::from(self.fragmentation) * refs;
            self.until = time;
        }
    }

    /// Notes the external fragmentation after a reference or event that changed memory.
    pub fn note_fragmentation(&mut self) {
        let (free, largest) = (self.memory.free(), self.memory.largest_hole());
        self.fragmentation = match free {
            0 => 0,
            _ => (u128::from(free - largest) * u128::from(ONE) / u128::from(free)) as u64,
        };
        let worst = &mut self.counts.fragmentation_worst;
        *worst = (*worst).max(self.fragmentation);
        if cfg!(debug_assertions) {
            self.memory.assert_laws();
        }
    }

    /// Asserts the laws of segments.
    ///
    /// # Panics
    /// Panics if bytes in memory and away are not those of all segments, if memory or swap hold something
    /// else than the segments say, or if more of a segment was referenced than it has.
    pub fn assert_laws(&self) {
        self.memory.assert_laws();
        let (mut there, mut away, mut copies, mut untouched) = (0, 0, 0, 0);
        for of in self.segments.iter().filter(|of| !of.owners.is_empty()) {
            assert!(of.touched <= of.bytes, "only what is there is referenced");
            assert!(of.copy <= of.bytes, "a copy is of a segment");
            copies += of.copy;
            match of.place {
                Some(_) => {
                    (there, untouched) = (there + of.bytes, untouched + of.bytes - of.touched)
                }
                None => away += of.bytes,
            }
        }
        assert_eq!(there, self.memory.used(), "segments are in memory");
        assert_eq!(there + away, self.alive, "in memory + away = all");
        assert_eq!(copies, self.swap, "copies are on swap");
        assert_eq!(
            untouched, self.untouched,
            "untouched bytes of what is there"
        );
    }

    /// Returns whether a program that is not swapped out has `segment`, or a copy of it is being made.
    /// Used with whole programs.
    fn is_had(&self, segment: SegmentId) -> bool {
        let mut owners = self.segment(segment).owners.iter();
        let is_in = |&(process, _): &(u32, u64)| !self.processes[process as usize].is_out;
        self.copied == Some(segment) || owners.any(is_in)
    }

    /// Tells the policy whether `process` is in memory, with whole programs. `referenced`: because of its
    /// own reference.
    pub fn note_process(&mut self, process: u32, referenced: bool) {
        if self.rules.unit != SwapUnit::Process {
            return;
        }
        let of = &self.processes[process as usize];
        let is_in = |&segment: &SegmentId| self.segment(segment).place.is_some();
        let should = !of.is_out && of.segments.values().any(is_in);
        match (self.units.holds(process), should) {
            (false, true) => self.units.enter(process, referenced, self.time),
            (true, false) => self.units.leave(process),
            _ => {}
        }
    }

    /// Tells the policy that `segment` came in, or left other than by its choice. `acting`: the process
    /// whose reference is the cause. It comes in after the others that have the segment.
    fn note_owners(&mut self, segment: SegmentId, acting: Option<u32>) {
        match self.rules.unit {
            SwapUnit::Segment => {
                let is_in = self.segment(segment).place.is_some();
                match (self.units.holds(segment), is_in) {
                    (false, true) => self.units.enter(segment, acting.is_some(), self.time),
                    (true, false) => self.units.leave(segment),
                    _ => {}
                }
            }
            SwapUnit::Process => {
                let owners = self.segment(segment).owners.iter();
                let mut owners: Vec<u32> = owners.map(|&(process, _)| process).collect();
                owners.sort_by_key(|&process| (acting == Some(process), process));
                for process in owners {
                    self.note_process(process, acting == Some(process));
                }
            }
        }
    }

    /// Notes that `segment` is at `place` from now on.
    pub fn arrive(&mut self, segment: SegmentId, place: u64, acting: Option<u32>) {
        let of = &mut self.segments[segment as usize];
        of.place = Some(place);
        of.known = true;
        self.untouched += of.bytes - of.touched;
        self.note_owners(segment, acting);
    }

    /// Takes a segment out of memory. Its bytes are gone, or somewhere else.
    pub fn depart(&mut self, segment: SegmentId) {
        let of = &mut self.segments[segment as usize];
        let place = of.place.take().expect("it is in memory");
        self.untouched -= of.bytes - of.touched;
        self.memory.remove(place);
    }

    /// Returns whether a segment that leaves must be written: with whole programs always.
    fn must_write(&self, segment: SegmentId) -> bool {
        let of = self.segment(segment);
        let has_copy = of.copy > 0 || of.file == of.bytes;
        self.rules.unit == SwapUnit::Process || of.dirty || !has_copy
    }

    /// Writes a segment to the swap device, or to its file.
    pub fn write(&mut self, segment: SegmentId) -> Result<(), Ending> {
        let of = &mut self.segments[segment as usize];
        let to_file = self.rules.unit == SwapUnit::Segment && of.returns;
        if to_file {
            // An older copy on swap is not what the file has now.
            self.swap -= std::mem::take(&mut of.copy);
        } else {
            let swap = self.swap - of.copy + of.bytes;
            if self.rules.swap.is_some_and(|limit| swap > limit) {
                return Err(Ending::SwapFull);
            }
            of.copy = of.bytes;
            self.swap = swap;
            self.counts.swap_peak = self.counts.swap_peak.max(swap);
        }
        of.dirty = false;
        self.counts.swap_bytes_out += of.bytes;
        self.work.write(of.bytes);
        Ok(())
    }

    /// Writes a segment if it must be, and takes it out of memory.
    pub fn swap_out(&mut self, segment: SegmentId) -> Result<(), Ending> {
        if self.must_write(segment) {
            self.write(segment)?;
        }
        self.depart(segment);
        Ok(())
    }

    /// Lets a unit leave that the policy chose and has forgotten.
    pub fn evict(&mut self, unit: UnitId) -> Result<(), Ending> {
        self.counts.swap_outs += 1;
        match self.rules.unit {
            SwapUnit::Segment => self.swap_out(unit),
            SwapUnit::Process => {
                self.processes[unit as usize].is_out = true;
                let of = &self.processes[unit as usize].segments;
                let mut segments: Vec<SegmentId> = of.values().copied().collect();
                segments.dedup();
                for segment in segments {
                    if self.segment(segment).place.is_some() && !self.is_had(segment) {
                        self.swap_out(segment)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Lets a segment leave that no program in memory has any longer: with whole programs.
    pub fn release(&mut self, segment: SegmentId) -> Result<(), Ending> {
        let is_in = self.segment(segment).place.is_some();
        match self.rules.unit == SwapUnit::Process && is_in && !self.is_had(segment) {
            true => self.swap_out(segment),
            false => Ok(()),
        }
    }

    /// Counts what is read for a segment that comes in: its copy on swap, or else its part of a file.
    pub fn read(&mut self, from: SegmentId) {
        let of = &self.segments[from as usize];
        if of.copy > 0 {
            self.counts.swap_bytes_in += of.copy;
            self.work.read(of.copy);
        } else if of.file > 0 {
            self.counts.file_bytes_in += of.file;
            self.work.read(of.file);
        }
    }

    /// Brings `segment` in for a reference of `process`.
    fn load(&mut self, process: u32, segment: SegmentId) -> Result<(), Ending> {
        let pinned = self.unit_of(process, segment);
        let place = self.make_room(segment, self.segment(segment).bytes, pinned)?;
        self.read(segment);
        let of = &mut self.segments[segment as usize];
        // It may have grown since it was written.
        of.dirty = of.copy > 0 && of.copy < of.bytes;
        self.arrive(segment, place, Some(process));
        Ok(())
    }

    /// Errors if the unit of `segment` is larger than memory once that is in it.
    pub fn check_fits(&self, process: u32, segment: SegmentId) -> Result<(), Ending> {
        let bytes = match self.rules.unit {
            SwapUnit::Segment => self.segment(segment).bytes,
            SwapUnit::Process => self.bytes_in(process, segment),
        };
        match bytes > self.rules.memory {
            true => Err(Ending::DoesNotFit { bytes, process }),
            false => Ok(()),
        }
    }

    /// Returns the bytes of `process` that are in memory once its program is there, with `also`.
    fn bytes_in(&self, process: u32, also: SegmentId) -> u64 {
        let of = &self.processes[process as usize];
        let mut all: Vec<SegmentId> = of.segments.values().copied().collect();
        all.sort_unstable();
        all.dedup();
        let counts = |segment: &SegmentId| {
            let of_segment = self.segment(*segment);
            let comes_back = of.is_out && of_segment.known;
            *segment == also || of_segment.place.is_some() || comes_back
        };
        let counted = all.into_iter().filter(counts);
        counted.map(|segment| self.segment(segment).bytes).sum()
    }

    /// Serves a reference of `process` to `segment`. Returns whether it is a hit.
    pub fn reference(
        &mut self,
        process: u32,
        segment: SegmentId,
        write: bool,
    ) -> Result<bool, Ending> {
        let unit = self.unit_of(process, segment);
        let is_out =
            self.rules.unit == SwapUnit::Process && self.processes[process as usize].is_out;
        let hit = self.segment(segment).place.is_some() && !is_out;
        if hit {
            self.units.hit(unit, write, self.time);
        } else {
            self.settle(self.time);
            self.check_fits(process, segment)?;
            let again = is_out || self.segment(segment).known;
            if is_out {
                self.bring_back(process)?;
            }
            if self.segment(segment).place.is_none() {
                self.load(process, segment)?;
            }
            if self.rules.unit == SwapUnit::Process {
                // Others that have what came in are in memory from now on, too: the reference is this
                // program's.
                self.units.hit(unit, write, self.time);
            }
            let kind = match again {
                true => SegmentFault::Refill,
                false => SegmentFault::Fill,
            };
            self.counts.swap_ins += u64::from(again);
            let work = std::mem::take(&mut self.work);
            self.counts.fault(kind, work);
            self.note_fragmentation();
        }
        if write {
            self.segments[segment as usize].dirty = true;
        }
        Ok(hit)
    }

    /// Brings back every segment of a program that has been in memory, in address order.
    pub fn bring_back(&mut self, process: u32) -> Result<(), Ending> {
        self.processes[process as usize].is_out = false;
        self.note_process(process, true);
        let of = &self.processes[process as usize].segments;
        let segments: Vec<SegmentId> = of.values().copied().collect();
        for segment in segments {
            let of = self.segment(segment);
            if of.known && of.place.is_none() {
                self.load(process, segment)?;
            }
        }
        Ok(())
    }

    /// Takes a step.
    pub fn step(&mut self, step: Step) -> Result<(), Ending> {
        if matches!(step, Step::Grow { .. } | Step::Copy { .. }) {
            self.let_lost_leave()?;
        }
        match step {
            Step::Create {
                segment,
                bytes,
                file,
            } => {
                self.segments[segment as usize] = Segment {
                    bytes,
                    file,
                    ..Segment::default()
                };
            }
            Step::Returns { segment, returns } => {
                self.segments[segment as usize].returns = returns;
            }
            Step::FileBytes { segment, file } => self.segments[segment as usize].file = file,
            Step::Fork { process, child } => {
                let is_out = self.processes[process as usize].is_out;
                self.processes[child as usize].is_out = is_out;
            }
            Step::Attach {
                segment,
                process,
                address,
            } => self.attach(segment, process, address),
            Step::Readdress {
                segment,
                process,
                address,
                to,
            } => {
                let mut owners = self.segments[segment as usize].owners.iter_mut();
                let own = owners.find(|own| **own == (process, address));
                own.expect("it has the segment").1 = to;
                let of = &mut self.processes[process as usize].segments;
                if of.get(&address) == Some(&segment) {
                    of.remove(&address);
                }
                of.insert(to, segment);
            }
            Step::Detach {
                segment,
                process,
                address,
            } => self.detach(segment, process, address),
            Step::Grow {
                segment,
                bytes,
                below,
            } => self.grow(segment, bytes, below)?,
            Step::Shrink {
                segment,
                bytes,
                below,
            } => self.shrink(segment, bytes, below),
            Step::Split {
                segment,
                bytes,
                upper,
                touched,
                ..
            } => self.split(segment, bytes, upper, touched),
            Step::Touch { segment, bytes } => {
                let touched = self.segment(segment).touched + bytes;
                self.set_touched(segment, touched);
            }
            Step::Retouch { segment, touched } => self.set_touched(segment, touched),
            Step::Copy {
                from,
                to,
                process,
                address,
                written,
            } => self.copy((from, to), process, address, written)?,
            Step::Bind { .. } | Step::Renumber { .. } => {}
        }
        Ok(())
    }

    fn set_touched(&mut self, segment: SegmentId, touched: u64) {
        let of = &mut self.segments[segment as usize];
        if of.place.is_some() {
            self.untouched = self.untouched + of.touched - touched;
        }
        of.touched = touched;
    }

    fn attach(&mut self, segment: SegmentId, process: u32, address: u64) {
        let of = &mut self.segments[segment as usize];
        if of.owners.is_empty() {
            self.alive += of.bytes;
        }
        of.owners.push((process, address));
        let of = &mut self.processes[process as usize];
        of.segments.insert(address, segment);
        // What a copy replaces is still there: a program does not leave memory by what it gets.
        if self.rules.unit == SwapUnit::Process && !self.units.holds(process) {
            self.note_process(process, false);
        }
    }

    /// Takes a segment from a process. Returns whether any process still has it.
    fn disown(&mut self, segment: SegmentId, process: u32, address: u64) -> bool {
        let owners = &mut self.segments[segment as usize].owners;
        owners.retain(|own| *own != (process, address));
        let left = !owners.is_empty();
        let of = &mut self.processes[process as usize];
        if of.segments.get(&address) == Some(&segment) {
            of.segments.remove(&address);
        }
        if of.segments.is_empty() {
            of.is_out = false;
        }
        left
    }

    fn detach(&mut self, segment: SegmentId, process: u32, address: u64) {
        let is_had = self.disown(segment, process, address);
        if !is_had {
            self.alive -= self.segment(segment).bytes;
            if self.segment(segment).place.is_some() {
                self.depart(segment);
                self.note_owners(segment, None);
            }
            let of = &mut self.segments[segment as usize];
            self.swap -= std::mem::take(&mut of.copy);
        }
        self.note_process(process, false);
        if is_had && self.rules.unit == SwapUnit::Process {
            self.lost.push(segment);
        }
    }

    /// Lets what programs lost leave, if no program in memory has it any longer: when an event ends, or
    /// needs room.
    pub fn let_lost_leave(&mut self) -> Result<(), Ending> {
        while let Some(segment) = self.lost.pop() {
            self.release(segment)?;
        }
        Ok(())
    }

    fn grow(&mut self, segment: SegmentId, bytes: u64, below: bool) -> Result<(), Ending> {
        self.alive += bytes;
        let of = &mut self.segments[segment as usize];
        let before = of.bytes;
        let (process, _) = *of.owners.first().expect("a process has what grows");
        let Some(place) = of.place else {
            of.bytes += bytes;
            return Ok(());
        };
        of.dirty = true;
        self.untouched += bytes;
        if let Some(place) = self.memory.extend(place, bytes, below) {
            of.bytes += bytes;
            of.place = Some(place);
            return Ok(());
        }
        of.bytes += bytes;
        self.check_fits(process, segment)?;
        self.memory.remove(place);
        let pinned = self.unit_of(process, segment);
        let place = self.make_room(segment, before + bytes, pinned)?;
        self.segments[segment as usize].place = Some(place);
        self.counts.bytes_grown += before;
        self.work.copied += before;
        Ok(())
    }

    fn shrink(&mut self, segment: SegmentId, bytes: u64, below: bool) {
        self.alive -= bytes;
        let of = &mut self.segments[segment as usize];
        of.bytes -= bytes;
        if of.copy > of.bytes {
            self.swap -= of.copy - of.bytes;
            of.copy = of.bytes;
        }
        if let Some(place) = of.place {
            of.place = Some(self.memory.shrink(place, bytes, below));
            // The referenced pages of what goes were taken off before.
            self.untouched -= bytes;
        }
    }

    fn split(&mut self, segment: SegmentId, bytes: u64, upper: SegmentId, touched: u64) {
        let of = &mut self.segments[segment as usize];
        // The upper part is attached next.
        self.alive -= of.bytes - bytes;
        let mut above = Segment {
            owners: Vec::new(),
            bytes: of.bytes - bytes,
            touched,
            ..of.clone()
        };
        above.place = of.place.map(|place| place + bytes);
        above.copy = of.copy.saturating_sub(bytes).min(above.bytes);
        if of.file > 0 {
            above.file = above.bytes;
            of.file = bytes;
        }
        of.copy = of.copy.min(bytes);
        of.bytes = bytes;
        of.touched -= touched;
        if let Some(place) = of.place {
            self.memory.split(place, bytes, upper);
        }
        let is_in = above.place.is_some();
        self.segments[upper as usize] = above;
        if is_in && self.rules.unit == SwapUnit::Segment {
            self.units.enter(upper, false, self.time);
        }
    }
}
