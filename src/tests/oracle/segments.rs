//! Memory by segments, reference by reference: processes are lists of parts of mappings, segments are
//! plain structs, and memory is whatever segments have a place. Everything is found by looking at all of
//! it. Written from the description of the models alone.
//!
//! This file knows address spaces and who has which segment, [`events`] what events change, [`place`]
//! where segments lie, what leaves and what comes in.
//!
//! Of the crate only the types of a record are used.

mod events;
mod faults;
mod place;

use super::whole::Item;
use pagebench::internals::trace::model::access::Kind;
use pagebench::internals::trace::model::event::Protection;
use std::collections::{BTreeMap, BTreeSet};

/// A segment, numbered in order of creation.
pub type Seg = usize;

/// What a segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Division {
    /// A mapping.
    Vma,
    /// Code, data, stack or heap of a process.
    Classic,
    /// A process, from its lowest to its highest address.
    Whole,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    First,
    Next,
    Best,
    Worst,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relief {
    Compact,
    Swap,
    Evict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    Lru,
    Fifo,
    Clock,
}

#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub division: Division,
    pub page: u64,
    /// Bytes.
    pub memory: u64,
    pub fit: Fit,
    pub relief: Relief,
    /// Programs leave as a whole, else segments one by one.
    pub programs: bool,
    pub policy: Policy,
    /// Bytes; `None`: as many as are wanted.
    pub swap: Option<u64>,
    /// The last references of a process in which a page that is not idle is.
    pub tau: usize,
}

/// Why a replay ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A unit of this many bytes is larger than memory.
    DoesNotFit(u64),
    SwapFull,
}

/// What leaves memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Program(u32),
    Segment(Seg),
}

/// The class of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Code,
    Data,
    Heap,
    Stack,
    /// Of a process that is one segment.
    Everything,
}

/// What mappings of the same file share: file, which of the files with that number, offset, length.
type Key = (u32, u32, u64, u64);

/// A file behind a mapping, from its first byte on.
#[derive(Clone, Copy, Debug)]
struct Behind {
    file: u32,
    generation: u32,
    offset: u64,
}

/// A mapping, or the part of one that is a segment of its own.
#[derive(Clone, Debug)]
struct Part {
    start: u64,
    end: u64,
    protection: Protection,
    shared: bool,
    grows_down: bool,
    heap: bool,
    behind: Option<Behind>,
    /// The file is memory.
    swap_backed: bool,
    /// As of when it got its rights.
    class: Class,
    /// The lowest byte that occupies memory: the lowest touched page if it grows down.
    low: u64,
    /// With [`Division::Vma`].
    segment: Option<Seg>,
}

impl Part {
    fn meets(&self, range: (u64, u64)) -> bool {
        self.start < range.1 && range.0 < self.end
    }

    fn has_rights(&self) -> bool {
        self.protection != Protection::default()
    }

    /// What occupies memory.
    fn occupied(&self) -> Option<(u64, u64)> {
        (self.has_rights() && self.low < self.end).then_some((self.low, self.end))
    }

    /// Its bytes come from a file that is none of memory.
    fn of_file(&self) -> bool {
        self.behind.is_some() && !self.swap_backed
    }

    fn key(&self) -> Option<Key> {
        let shares = self.shared || !self.protection.write;
        let of = |behind: Behind| {
            let length = self.end - self.start;
            (behind.file, behind.generation, behind.offset, length)
        };
        self.behind.filter(|_| shares).map(of)
    }
}

/// The parts of a class of a process, one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sum {
    class: Class,
    segment: Seg,
    measure: Measure,
    parts: Vec<(u64, u64)>,
}

/// What a sum is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Measure {
    low: u64,
    high: u64,
    bytes: u64,
}

#[derive(Clone, Debug, Default)]
struct Process {
    gone: bool,
    /// By address.
    parts: Vec<Part>,
    heap: Option<(u64, u64)>,
    sums: Vec<Sum>,
    /// Swapped out as a whole.
    out: bool,
    /// The pages of its last references, as in [`Segment::touched`]; `None`: not there any more.
    recent: Vec<Option<(Seg, u64)>>,
}

#[derive(Clone, Debug, Default)]
pub struct Segment {
    pub bytes: u64,
    pub place: Option<u64>,
    /// It has been in memory.
    pub known: bool,
    /// Bytes of its copy on swap.
    pub copy: u64,
    /// Written since it came in.
    pub dirty: bool,
    /// Part of it is new since it left.
    grew_away: bool,
    /// Bytes that a file has.
    of_file: u64,
    key: Option<Key>,
    /// When it got its key: of segments with the same key the first is found.
    key_number: usize,
    /// Pages referenced so far: where they lie in the segment, or with sums at which address.
    touched: BTreeSet<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub fills: u64,
    pub refills: u64,
    pub copies: u64,
    pub major: u64,
    pub swap_ins: u64,
    pub swap_outs: u64,
    pub swap_bytes_in: u64,
    pub swap_bytes_out: u64,
    pub file_bytes_in: u64,
    pub compactions: u64,
    pub bytes_moved: u64,
    pub bytes_grown: u64,
    pub bytes_copied: u64,
    pub unfit: u64,
}

/// What is only summed, or kept at its highest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    pub refs: u64,
    pub fragmentation: f64,
    pub fragmentation_worst: f64,
    pub resident: u64,
    pub untouched: u64,
    pub idle: u64,
    pub swap_peak: u64,
}

/// What lies in memory: its start, its end, and which processes have it at which address.
pub type Placed = (u64, u64, Vec<(u32, u64)>);

/// What is where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// In order of addresses.
    pub memory: Vec<Placed>,
    /// Each segment that somebody has.
    pub segments: Vec<SegmentSnapshot>,
    /// Programs that are swapped out.
    pub out: Vec<u32>,
    pub counts: Counts,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SegmentSnapshot {
    pub owners: Vec<(u32, u64)>,
    pub bytes: u64,
    pub place: Option<u64>,
    pub known: bool,
    pub copy: u64,
    /// In memory, and written since it came in.
    pub dirty: bool,
}

/// Who may not leave.
#[derive(Clone, Copy, Debug, Default)]
struct Pin {
    unit: Option<Unit>,
    /// Leaves only if nothing else can.
    source: Option<Seg>,
    /// Its room is free while it is placed anew.
    growing: Option<Seg>,
}

pub struct Oracle {
    rules: Rules,
    processes: BTreeMap<u32, Process>,
    lenders: BTreeMap<u32, u32>,
    generations: BTreeMap<u32, u32>,
    pub segments: BTreeMap<Seg, Segment>,
    created: usize,
    keys: usize,
    /// Units in memory with their reference bits, the next to leave first.
    order: Vec<(Unit, bool)>,
    /// The end of the last placement.
    last_end: u64,
    pub counts: Counts,
    pub sums: Sums,
}

impl Oracle {
    pub fn new(rules: Rules) -> Oracle {
        Oracle {
            rules,
            processes: BTreeMap::new(),
            lenders: BTreeMap::new(),
            generations: BTreeMap::new(),
            segments: BTreeMap::new(),
            created: 0,
            keys: 0,
            order: Vec::new(),
            last_end: 0,
            counts: Counts::default(),
            sums: Sums::default(),
        }
    }

    /// Lets an item happen. Returns whether it was a legal reference.
    pub fn apply(&mut self, item: &Item) -> Result<bool, Ended> {
        let legal = match *item {
            Item::Access { pid, kind, page } => self.access(pid, page * self.rules.page, kind)?,
            Item::Event { pid, ref event } => {
                self.processes.entry(pid).or_default();
                self.event(pid, event)?;
                self.forget_lost();
                self.settle()?;
                false
            }
        };
        let fragmentation = self.fragmentation();
        self.sums.fragmentation_worst = self.sums.fragmentation_worst.max(fragmentation);
        if legal {
            self.sums.refs += 1;
            self.sums.fragmentation += fragmentation;
            self.sums.resident += self.used();
            self.sums.untouched += self.untouched();
            self.sums.idle += self.idle();
        }
        Ok(legal)
    }

    /// The process whose memory this one uses.
    fn home(&self, pid: u32) -> u32 {
        self.lenders.get(&pid).copied().unwrap_or(pid)
    }

    fn process(&mut self, pid: u32) -> &mut Process {
        self.processes.get_mut(&pid).expect("a process")
    }

    fn segment(&mut self, segment: Seg) -> &mut Segment {
        self.segments.get_mut(&segment).expect("a segment")
    }

    fn create(&mut self, segment: Segment) -> Seg {
        self.created += 1;
        self.segments.insert(self.created, segment);
        self.created
    }

    /// The segments of a process with their addresses, by address.
    fn segments_of(&self, pid: u32) -> Vec<(u64, Seg)> {
        let process = &self.processes[&pid];
        let parts = process.parts.iter();
        let mut all: Vec<(u64, Seg)> = match self.rules.division {
            Division::Vma => parts
                .filter_map(|part| Some((part.low, part.segment?)))
                .collect(),
            _ => {
                let sums = process.sums.iter();
                sums.map(|sum| (sum.measure.low, sum.segment)).collect()
            }
        };
        all.sort_unstable();
        all
    }

    /// Who has a segment, at which addresses.
    fn owners(&self, segment: Seg) -> Vec<(u32, u64)> {
        let mut owners = Vec::new();
        for &pid in self.processes.keys() {
            for (address, of) in self.segments_of(pid) {
                if of == segment {
                    owners.push((pid, address));
                }
            }
        }
        owners
    }

    pub fn used(&self) -> u64 {
        let placed = self
            .segments
            .values()
            .filter(|segment| segment.place.is_some());
        placed.map(|segment| segment.bytes).sum()
    }

    /// Bytes in memory that were never referenced.
    fn untouched(&self) -> u64 {
        let placed = self
            .segments
            .values()
            .filter(|segment| segment.place.is_some());
        placed
            .map(|segment| segment.bytes - segment.touched.len() as u64 * self.rules.page)
            .sum()
    }

    /// Bytes in memory that no process which has them referenced in its last references.
    fn idle(&self) -> u64 {
        let placed = self.segments.iter();
        let placed = placed.filter(|(_, segment)| segment.place.is_some());
        let idle = placed.map(|(&id, segment)| {
            let recent = self.processes.values().flat_map(|process| &process.recent);
            let pages = recent.flatten().filter(|(of, _)| *of == id);
            let used: BTreeSet<u64> = pages.map(|(_, page)| *page).collect();
            segment.bytes - used.len() as u64 * self.rules.page
        });
        idle.sum()
    }

    /// Changes what the references so far were of, of all processes or of one.
    fn rename(&mut self, of: Option<u32>, change: impl Fn(Seg, u64) -> Option<(Seg, u64)>) {
        for (&pid, process) in &mut self.processes {
            if of.is_none_or(|of| of == pid) {
                for recent in &mut process.recent {
                    *recent = recent.and_then(|(segment, page)| change(segment, page));
                }
            }
        }
    }

    /// What a process has no longer was not referenced.
    fn forget_lost(&mut self) {
        let pids: Vec<u32> = self.processes.keys().copied().collect();
        for pid in pids {
            let own: Vec<Seg> = self.segments_of(pid).iter().map(|(_, own)| *own).collect();
            self.rename(Some(pid), |segment, page| {
                own.contains(&segment).then_some((segment, page))
            });
        }
    }

    fn fragmentation(&self) -> f64 {
        let holes = self.holes();
        let free: u64 = holes.iter().map(|hole| hole.1 - hole.0).sum();
        let largest = holes.iter().map(|hole| hole.1 - hole.0).max().unwrap_or(0);
        match free {
            0 => 0.0,
            _ => 1.0 - largest as f64 / free as f64,
        }
    }

    /// Bytes on swap.
    pub fn swapped(&self) -> u64 {
        self.segments.values().map(|segment| segment.copy).sum()
    }

    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot {
            counts: self.counts.clone(),
            ..Snapshot::default()
        };
        for (&id, segment) in &self.segments {
            let owners = self.owners(id);
            if let Some(place) = segment.place {
                snapshot
                    .memory
                    .push((place, place + segment.bytes, owners.clone()));
            }
            snapshot.segments.push(SegmentSnapshot {
                owners,
                bytes: segment.bytes,
                place: segment.place,
                known: segment.known,
                copy: segment.copy,
                dirty: segment.place.is_some() && segment.dirty,
            });
        }
        snapshot.memory.sort();
        snapshot.segments.sort();
        let out = self.processes.iter().filter(|(_, process)| process.out);
        snapshot.out = out.map(|(pid, _)| *pid).collect();
        snapshot
    }

    /// What must always hold.
    pub fn assert_laws(&self) {
        let placed = self.placed();
        let mut at = 0;
        for &(start, end, _) in &placed {
            assert!(at <= start, "an overlap: {placed:?}");
            assert!(start < end && end <= self.rules.memory);
            at = end;
        }
        let holes = self.holes();
        let free: u64 = holes.iter().map(|hole| hole.1 - hole.0).sum();
        assert_eq!(self.used() + free, self.rules.memory);
        assert!(holes.windows(2).all(|two| two[0].1 < two[1].0), "{holes:?}");
        for (&id, segment) in &self.segments {
            assert!(segment.bytes > 0 && !self.owners(id).is_empty());
            assert!(segment.copy <= segment.bytes && (segment.known || segment.copy == 0));
            assert!(segment.touched.len() as u64 * self.rules.page <= segment.bytes);
            // In memory, or on swap, or in its file, or not yet loaded, or new while it was away.
            let saved = segment.copy > 0 || segment.of_file == segment.bytes;
            let away = saved || !segment.known || segment.grew_away;
            assert!(segment.place.is_some() || away, "a segment is lost");
        }
        assert!(self.rules.swap.is_none_or(|limit| self.swapped() <= limit));
    }

    // References.

    /// Returns whether the reference is legal.
    fn access(&mut self, pid: u32, address: u64, kind: Kind) -> Result<bool, Ended> {
        self.processes.entry(pid).or_default();
        let pid = self.home(pid);
        let page = (address, address + self.rules.page);
        let parts = &mut self.process(pid).parts;
        if !parts.iter().any(|part| part.meets(page)) {
            // A stack extends down to it.
            let above = parts.iter_mut().find(|part| part.start > address);
            match above.filter(|part| part.grows_down && part.end - address <= 8 << 20) {
                Some(stack) => {
                    stack.start = address;
                }
                None => return Ok(false),
            }
        }
        let at = self.part_at(pid, address).expect("it is mapped");
        if !self.processes[&pid].parts[at].protection.allows(kind) {
            return Ok(false);
        }
        if address < self.processes[&pid].parts[at].low {
            self.touch_stack(pid, at, address)?;
        }
        self.reference(pid, address, kind == Kind::Write)?;
        self.settle()?;
        Ok(true)
    }

    /// The index of the part that has this address.
    fn part_at(&self, pid: u32, address: u64) -> Option<usize> {
        let mut parts = self.processes[&pid].parts.iter();
        parts.position(|part| part.start <= address && address < part.end)
    }

    /// The segment of an address, which some mapping has.
    fn segment_at(&self, pid: u32, address: u64) -> Seg {
        let process = &self.processes[&pid];
        let part = &process.parts[self.part_at(pid, address).expect("it is mapped")];
        match self.rules.division {
            Division::Vma => part.segment.expect("it has rights"),
            _ => {
                let class = self.class_of(part);
                let sum = process.sums.iter().find(|sum| sum.class == class);
                sum.expect("the class has parts").segment
            }
        }
    }

    fn class_of(&self, part: &Part) -> Class {
        match self.rules.division {
            Division::Whole => Class::Everything,
            _ => part.class,
        }
    }
}
