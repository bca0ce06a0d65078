//! The whole of it, reference by reference: address spaces ([`space`]) say which page object a
//! reference uses, memory ([`memory`]) keeps the objects in frames. Both are written straight from
//! the definitions, with maps keyed by (process, page number) and linear scans; nothing is numbered
//! densely, nothing is prepared.
//!
//! Of the crate only the types of a record are used: [`Event`] with what it holds, and [`Kind`].

pub mod chooser;
pub mod memory;
pub mod space;

use super::Page;
use super::tlb::{Hierarchy, TlbRun};
use memory::{Ended, Memory};
use pagebench::internals::trace::model::access::Kind;
use pagebench::internals::trace::model::event::Event;
use space::{Object, Space, Step};
use std::collections::BTreeMap;

/// One entry of a trace: what a process does, or what happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Access {
        pid: u32,
        kind: Kind,
        /// Page number within the process.
        page: u64,
    },
    /// A fork names the process id of the child.
    Event { pid: u32, event: Event },
}

impl Item {
    pub fn pid(&self) -> u32 {
        match *self {
            Item::Access { pid, .. } | Item::Event { pid, .. } => pid,
        }
    }
}

/// Some mapping is told of, so that every reference must lie in one.
pub fn is_strict(items: &[Item]) -> bool {
    let maps = |item: &Item| {
        let Item::Event { event, .. } = item else {
            return false;
        };
        matches!(event, Event::Map(_) | Event::Brk { .. })
    };
    items.iter().any(maps)
}

/// What an illegal reference does beside being left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSegfault {
    /// The process ends.
    Kill,
    /// Nothing.
    Skip,
}

/// Pages that MQ remembers, times the frames.
const MQ_OUT: usize = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    Lru,
    Fifo,
    /// Loading sets the reference bit.
    Clock,
    /// The same around the numbers of the frames, not in the order of load.
    ClockByFrame,
    /// As the first, but only a later reference sets it.
    ClockUnset,
    /// The fewest uses, those of earlier stays included; then the least recent one.
    Lfu,
    /// The use so many back is the farthest; then the last one.
    LruK(usize),
    /// A counter of so many bits, set by a load, instead of the clock's bit.
    GClock {
        bits: u32,
        load: u64,
    },
    /// Queues by the logarithm of the uses; a page sinks that was not used for `life` references. As
    /// many pages that have left are remembered as there are frames.
    Mq {
        queues: usize,
        life: u64,
    },
    /// The lowest class of referenced and dirty bit; all bits are cleared so often.
    Nru(u64),
    /// A window of so many references of the process that loaded the page.
    WsClock(u64),
    Opt,
    /// A window of so many references of each process.
    Ws(u64),
}

/// What sets the reference bit of an object that is in memory and has an entry. A fault always
/// does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accessed {
    /// Every reference.
    Every,
    /// One that no TLB translates.
    Walk,
    /// The same; and when a policy takes a bit away, TLBs forget all entries for the object, those
    /// that the reference under way puts in among them.
    WalkFlush,
}

#[derive(Clone, Debug)]
pub struct Options {
    pub page_size: u64,
    pub on_segfault: OnSegfault,
    pub policy: Policy,
    /// `None`: as many as are wanted.
    pub frames: Option<usize>,
    /// Frames of each process, instead of `frames`.
    pub local: Option<Vec<(u32, usize)>>,
    /// `None`: as many as are wanted.
    pub swap_slots: Option<usize>,
    /// Legal references before counting begins.
    pub warmup: usize,
    pub tlb: Option<Hierarchy>,
    /// Without TLBs every reference walks.
    pub accessed: Accessed,
    /// The only owner that reads a page back from swap may write it at once.
    pub swap_in_writable: bool,
    /// What is being copied makes no room for the copy, if anything else can.
    pub pin_cow_source: bool,
    /// A child has no entries for pages of files.
    pub drop_file_ptes: bool,
    /// Free frames queue up, those that were never used first; else the last one freed comes first.
    pub fifo_frames: bool,
    /// A page of a file that nobody maps stays, if nobody's part of memory or window had it.
    pub keep_file_pages: bool,
    /// Reads and writes of files count.
    pub file_io: bool,
    /// What begins behind the end of its file cannot be referenced; else it is zeros.
    pub fault_beyond: bool,
    /// Where user space ends and where addresses do, if they are those of a 32-bit machine.
    pub two_level: bool,
}

impl Options {
    /// Pages of 4 KiB, no limit of swap, nothing beside memory.
    pub fn new(policy: Policy, frames: usize) -> Options {
        Options {
            page_size: 4096,
            on_segfault: OnSegfault::Kill,
            policy,
            frames: Some(frames),
            local: None,
            swap_slots: None,
            warmup: 0,
            tlb: None,
            accessed: Accessed::Every,
            swap_in_writable: true,
            pin_cow_source: true,
            drop_file_ptes: false,
            fifo_frames: false,
            keep_file_pages: false,
            file_io: false,
            fault_beyond: false,
            two_level: false,
        }
    }

    /// The same in which nothing is done that an earlier version did not do.
    pub fn with_none(self) -> Options {
        Options {
            swap_in_writable: false,
            pin_cow_source: false,
            ..self
        }
    }
}

/// What kept a reference from going on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// The object was never in memory before.
    Fill,
    /// The object had left memory.
    Refill,
    /// The object is in memory, but the process has no entry for it.
    Map,
    /// A write to what is shared until written.
    CowCopy,
    /// The same by the last sharer.
    CowReuse,
}

/// A fault, in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultAt {
    /// Legal references before this one.
    pub time: usize,
    pub page: Page,
    pub kind: FaultKind,
    pub major: bool,
}

/// A reference that no mapping allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Illegal {
    /// References of the trace before this one, legal or not.
    pub position: usize,
    pub page: Page,
    pub why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing is mapped there.
    Unmapped,
    /// What is mapped does not allow it; or it is the kernel's.
    Forbidden,
    /// The file has no such page.
    Beyond,
}

/// Counted from the end of warm-up on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub refs: usize,
    pub hits: usize,
    /// By kind, whether a device was read, and whether the victim had to be written.
    pub faults: BTreeMap<(FaultKind, bool, bool), usize>,
    pub evictions_clean: usize,
    pub evictions_dirty: usize,
    pub expired_clean: usize,
    pub expired_dirty: usize,
    /// Objects that ceased to exist while in memory.
    pub freed: usize,
    /// Of these, those written to their file.
    pub freed_dirty: usize,
    /// Objects brought in on advice; index 1: the victim had to be written.
    pub prefetched: [usize; 2],
    /// Objects brought in because a range was populated; likewise.
    pub populated: [usize; 2],
    /// Pages of files brought in to be copied; likewise.
    pub originals: [usize; 2],
    /// Pages that reads and writes of files found in memory.
    pub io_hits: usize,
    /// Pages that they brought in; index 1: the victim had to be written.
    pub io_loads: [usize; 2],
    pub swap_reads: usize,
    pub file_reads: usize,
    /// Resident objects after each reference, summed.
    pub resident_sum: u128,
    /// The most resident objects after any reference.
    pub peak: usize,
}

impl Counters {
    /// Faults of a kind, whatever else is said of them.
    pub fn of_kind(&self, kind: FaultKind) -> usize {
        let own = self.faults.iter().filter(|((k, ..), _)| *k == kind);
        own.map(|(_, count)| count).sum()
    }

    /// Faults of a kind that read a device.
    pub fn major(&self, kind: FaultKind) -> usize {
        let own = |written| self.faults.get(&(kind, true, written));
        own(false).unwrap_or(&0) + own(true).unwrap_or(&0)
    }

    pub fn all_faults(&self) -> usize {
        self.faults.values().sum()
    }
}

/// A bound page at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageEnd {
    /// A label: pages with the same one share the object.
    pub object: Object,
    /// The process has an entry for it.
    pub present: bool,
    /// The frame of the object.
    pub frame: Option<usize>,
    pub dirty: bool,
    /// The slot of the object.
    pub slot: Option<usize>,
    /// Pages bound to the object.
    pub owners: usize,
}

/// What the TLBs did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Translations {
    pub lookups: TlbRun,
    /// Entries of page tables that walks read.
    pub walk_refs: u64,
    /// Switches of process that dropped everything.
    pub flushes: u64,
}

/// Everything that is known of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    // Of the trace, whatever becomes of the replay.
    /// References replayed if swap never fills.
    pub legal: usize,
    pub illegal: Vec<Illegal>,
    /// References of processes that were killed, and of children that they would have had.
    pub dropped: usize,
    pub idle_events: usize,
    // Of the replay.
    pub counters: Counters,
    /// Legal references replayed before full swap ended it.
    pub swap_full: Option<usize>,
    pub resident_start: usize,
    pub resident_end: usize,
    pub dirty_end: usize,
    /// Of the resident objects, those that no page is bound to.
    pub unmapped_end: usize,
    /// Of the slots in use at the end, those of objects that no page is bound to.
    pub unmapped_slots: usize,
    /// Slots in use at the end.
    pub swap_slots: usize,
    /// All faults, those of warm-up among them.
    pub log: Vec<FaultAt>,
    pub pages: BTreeMap<Page, PageEnd>,
    pub tlb: Option<Translations>,
}

impl Outcome {
    fn illegal_because(&self, why: Why) -> usize {
        self.illegal.iter().filter(|i| i.why == why).count()
    }

    pub fn segmentation_faults(&self) -> usize {
        self.illegal_because(Why::Unmapped)
    }

    pub fn protection_faults(&self) -> usize {
        self.illegal_because(Why::Forbidden)
    }

    pub fn bus_errors(&self) -> usize {
        self.illegal_because(Why::Beyond)
    }
}

/// Replays `items`; an error says why the trace makes no sense.
pub fn whole(items: &[Item], options: &Options) -> Result<Outcome, String> {
    // What everything is bound to does not depend on memory, and OPT must know the future.
    let strict = is_strict(items);
    let mut space = Space::new(options.page_size, strict, options.on_segfault);
    space.drop_file_ptes = options.drop_file_ptes;
    space.fault_beyond = options.fault_beyond;
    space.cache.keep = options.keep_file_pages;
    space.cache.count_io = options.file_io;
    if options.two_level {
        (space.user_end, space.end) = (3 << 30, Some(4 << 30));
    }
    let mut steps: Vec<Vec<Step>> = Vec::new();
    for item in items {
        steps.push(space.apply(item)?);
    }
    let object = |step: &Step| match step {
        Step::Reference(reference) => Some(reference.object),
        _ => None,
    };
    let future: Vec<Object> = steps.iter().flatten().filter_map(object).collect();

    let mut memory = Memory::new(options, &space.classes, &future);
    let (mut swap_full, mut counting, mut resident_start) = (None, false, 0);
    for group in &steps {
        if !counting && memory.time >= options.warmup.min(future.len()) {
            (counting, resident_start) = (true, memory.resident());
            memory.forget_counts();
        }
        // What of an event was done before swap filled stays done.
        let ended = group.iter().try_for_each(|step| {
            // Without a limit swap never fills.
            let before = options.swap_slots.map(|_| memory.clone());
            memory.step(step).inspect_err(|ended| {
                if *ended == Ended::Before {
                    memory = before.expect("only limited swap fills");
                }
            })
        });
        if ended.is_err() {
            swap_full = Some(memory.time);
            break;
        }
    }
    if !counting {
        resident_start = memory.resident();
        memory.forget_counts();
    }
    Ok(Outcome {
        legal: future.len(),
        illegal: space.illegal,
        dropped: space.dropped,
        idle_events: space.idle_events,
        swap_full,
        resident_start,
        resident_end: memory.resident(),
        dirty_end: memory.dirty(),
        unmapped_end: memory.unmapped(),
        unmapped_slots: memory.unmapped_slots(),
        swap_slots: memory.swap_slots(),
        pages: memory.pages(),
        tlb: memory.translations(),
        log: memory.log,
        counters: memory.counters,
    })
}
