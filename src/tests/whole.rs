//! Traces with mapping events: the product's address spaces and memory against an oracle of both,
//! and the oracle itself against scenarios that were worked out by hand, against the conservation
//! laws, and against the oracles that know no mappings.

mod cache;
mod follow;
mod kept;
mod layers;
mod lengths;
mod lent;
mod moves;
mod populate;
mod settings;
mod shares;
mod unused;

use crate::oracle::tlb::{Hierarchy, Level, TlbRun};
use crate::oracle::whole::FaultKind::{CowCopy, CowReuse, Fill, Map, Refill};
use crate::oracle::whole::{
    Accessed, Counters, FaultAt, FaultKind, Illegal, Item, OnSegfault, Options, Outcome, PageEnd,
    Policy, Translations, Why, whole,
};
use crate::oracle::{Page, Run};
use crate::support::events::{STYLES, Style, items, trace_of};
use crate::support::random::{Random, any_refs};
use pagebench::internals::policy::PolicyChoice;
use pagebench::internals::space;
use pagebench::internals::space::{Resolved, SpaceAt};
use pagebench::internals::trace::model::access::Kind;
use pagebench::internals::trace::model::event::{
    Advice, Backing, Event, FileRange, Mapping, Protection,
};
use pagebench::internals::trace::model::refs::{PageKey, page_of};
use pagebench::internals::vm;
use pagebench::internals::vm::machine::snapshot::snapshot;
use pagebench::internals::vm::tlb::{Geometry, Replacement, Second, Shape};
use pagebench::internals::vm::{FaultEvent, Job, Listener, PageState, Snapshot};
use rayon::prelude::*;
use std::collections::BTreeMap;

// ---------------------------------------------------------------------------------------------
// The product's side.

/// The product's name of a policy; without a limit of a working set.
fn name_of(policy: Policy) -> String {
    match policy {
        Policy::Lru => "lru".into(),
        Policy::Fifo => "fifo".into(),
        Policy::Clock => "clock".into(),
        Policy::ClockByFrame => "clock:order=frame".into(),
        Policy::ClockUnset => "clock:load-bit=0".into(),
        Policy::Lfu => "lfu".into(),
        Policy::LruK(k) => format!("lru-k:k={k}"),
        Policy::GClock { bits, load } => format!("gclock:bits={bits}:load={load}"),
        Policy::Mq { queues, life } => format!("mq:queues={queues}:life={life}:out=1"),
        Policy::Nru(tick) => format!("nru:tick={tick}"),
        Policy::WsClock(tau) => format!("wsclock:tau={tau}"),
        Policy::Opt => "opt".into(),
        Policy::Ws(_) => "ws".into(),
    }
}

/// What the product makes of a trace, in the oracle's terms.
fn product(items: &[Item], options: &Options) -> Outcome {
    let trace = trace_of(items, options.page_size);
    let meaning = space::Options {
        on_segfault: match options.on_segfault {
            OnSegfault::Kill => space::OnSegfault::Kill,
            OnSegfault::Skip => space::OnSegfault::Skip,
        },
        layout: match options.two_level {
            false => space::AddressLayout::Any,
            true => space::AddressLayout::TwoLevel,
        },
        fork_file_ptes: match options.drop_file_ptes {
            false => space::ForkFilePtes::Copy,
            true => space::ForkFilePtes::Drop,
        },
        page_cache: Some(match options.keep_file_pages {
            false => space::PageCache::Drop,
            true => space::PageCache::Keep,
        }),
        beyond_eof: match options.fault_beyond {
            false => space::BeyondEof::Zero,
            true => space::BeyondEof::Fault,
        },
        file_io: match options.file_io {
            false => space::FileIo::Ignore,
            true => space::FileIo::Count,
        },
        ..space::Options::default()
    };
    let (resolved, end) =
        space::resolve_at(trace, &meaning, Some(u64::MAX)).expect("a trace that makes sense");
    let end = end.expect("a position was given");
    let pids = &resolved.trace.dictionary.pids;
    let quotas: Option<Vec<u32>> = options.local.as_ref().map(|local| {
        let quota = |pid: &u32| local.iter().find(|(p, _)| p == pid).map_or(1, |l| l.1);
        pids.iter().map(|pid| quota(pid) as u32).collect()
    });
    let all = |quotas: &Vec<u32>| quotas.iter().sum::<u32>();
    let geometry = options.tlb.as_ref().map(geometry);
    let policy = name_of(options.policy);
    let tau = match options.policy {
        Policy::Ws(tau) => tau,
        _ => 1,
    };
    let choice: PolicyChoice = policy.parse().expect("a policy of the table");
    let accessed = match options.accessed {
        Accessed::Every => vm::AccessedBitMode::Every,
        Accessed::Walk => vm::AccessedBitMode::Walk,
        Accessed::WalkFlush => vm::AccessedBitMode::WalkFlush,
    };
    let job = Job {
        space: resolved.space.as_ref(),
        frames: quotas
            .as_ref()
            .map(all)
            .or(options.frames.map(|frames| frames as u32)),
        quotas: quotas.as_deref(),
        tau,
        warmup: options.warmup as u64,
        tlb: geometry.as_ref(),
        accessed,
        swap_slots: options.swap_slots.map(|slots| slots as u64),
        choices: vm::Choices {
            swap_in: match options.swap_in_writable {
                true => vm::SwapIn::Writable,
                false => vm::SwapIn::ReadOnly,
            },
            cow_source: match options.pin_cow_source {
                true => vm::CowSource::Pinned,
                false => vm::CowSource::Evictable,
            },
            free_frames: match options.fifo_frames {
                true => vm::FreeFrames::Fifo,
                false => vm::FreeFrames::Lifo,
            },
        },
        ..Job::new(&resolved.trace, &choice)
    };
    let mut log = Log::default();
    let outcome = vm::run_with(&job, &mut log).expect("a short trace");
    let bare = Job {
        tlb: None,
        accessed: vm::AccessedBitMode::Every,
        ..job
    };
    let mut recorder = crate::support::Recorder::default();
    let plain = vm::run_with(&bare, &mut recorder).expect("a short trace");
    let ops = resolved.space.iter().flat_map(|space| &space.ops);
    let bursts = crate::support::bursts_of(&resolved.trace, space::cuts(ops));
    crate::support::assert_bursts_agree(&bare, &bursts, &plain, &recorder);
    let snapshot = snapshot(&job, end.position, end.ops).expect("a short trace");
    let place = |key: PageKey| (pids[key.process as usize], key.number);
    let fault = |event: &FaultEvent| FaultAt {
        time: event.time as usize,
        page: place(
            resolved.entries()[page_of(resolved.trace.refs()[event.time as usize]) as usize],
        ),
        kind: kind_of(event.kind),
        major: event.major,
    };
    let tally = &resolved.tally;
    let listed = |fault| {
        let of = |one: &&space::Illegal| one.fault == fault;
        tally.illegal.iter().filter(of).count() as u64
    };
    assert_eq!(
        [tally.segfaults, tally.protection_faults, tally.bus_errors],
        [
            listed(space::IllegalKind::Segmentation),
            listed(space::IllegalKind::Protection),
            listed(space::IllegalKind::Bus),
        ],
    );
    let illegal = |one: &space::Illegal| Illegal {
        position: one.position as usize,
        page: (pids[one.process as usize], one.page),
        why: match one.fault {
            space::IllegalKind::Segmentation => Why::Unmapped,
            space::IllegalKind::Protection => Why::Forbidden,
            space::IllegalKind::Bus => Why::Beyond,
        },
    };
    Outcome {
        legal: resolved.trace.len(),
        illegal: resolved.tally.illegal.iter().map(illegal).collect(),
        dropped: resolved.tally.dropped as usize,
        idle_events: resolved.tally.idle_events as usize,
        counters: counters_of(&outcome),
        swap_full: outcome.swap_full.map(|full| full.after as usize),
        resident_start: outcome.resident_start as usize,
        resident_end: outcome.resident_end as usize,
        dirty_end: outcome.dirty_end as usize,
        unmapped_end: snapshot
            .objects
            .iter()
            .zip(&end.owners)
            .filter(|(state, owners)| matches!(state, PageState::Resident(_)) && **owners == 0)
            .count(),
        unmapped_slots: snapshot
            .slots
            .iter()
            .zip(&end.owners)
            .filter(|(slot, owners)| slot.is_some() && **owners == 0)
            .count(),
        swap_slots: outcome.swap_slots as usize,
        log: log.0.iter().map(fault).collect(),
        pages: pages_of(&resolved, &end, &snapshot),
        tlb: outcome.tlb.map(|tlb| Translations {
            lookups: TlbRun {
                l1i_hits: tlb.l1i_hits,
                l1d_hits: tlb.l1d_hits,
                l2_hits: tlb.l2_hits,
                misses: tlb.misses,
                shootdowns: tlb.shootdowns,
            },
            walk_refs: tlb.walk_refs,
            flushes: tlb.flushes,
        }),
    }
}

#[derive(Default)]
struct Log(Vec<FaultEvent>);

impl Listener for Log {
    fn fault(&mut self, event: &FaultEvent) {
        self.0.push(*event);
    }
}

fn kind_of(kind: vm::FaultKind) -> FaultKind {
    match kind {
        vm::FaultKind::Fill => Fill,
        vm::FaultKind::Refill => Refill,
        vm::FaultKind::Map => Map,
        vm::FaultKind::CowCopy => CowCopy,
        vm::FaultKind::CowReuse => CowReuse,
    }
}

fn counters_of(outcome: &vm::Outcome) -> Counters {
    let c = &outcome.counters;
    let mut faults = BTreeMap::new();
    for kind in vm::FaultKind::ALL {
        for (major, row) in c.faults[kind as usize].iter().enumerate() {
            for (written, &count) in row.iter().enumerate().filter(|(_, count)| **count > 0) {
                faults.insert((kind_of(kind), major == 1, written == 1), count as usize);
            }
        }
    }
    Counters {
        refs: c.refs as usize,
        hits: c.hits as usize,
        faults,
        evictions_clean: c.evictions_clean as usize,
        evictions_dirty: c.evictions_dirty as usize,
        expired_clean: c.expired_clean as usize,
        expired_dirty: c.expired_dirty as usize,
        freed: c.freed as usize,
        freed_dirty: c.freed_dirty as usize,
        prefetched: c.prefetched.map(|count| count as usize),
        populated: c.populated.map(|count| count as usize),
        originals: c.originals.map(|count| count as usize),
        io_hits: c.io_hits as usize,
        io_loads: c.io_loads.map(|count| count as usize),
        swap_reads: c.swap_reads as usize,
        file_reads: c.file_reads as usize,
        resident_sum: outcome.resident_sum,
        peak: outcome.resident_peak as usize,
    }
}

/// The bound pages at the end, where the replay got so far.
fn pages_of(resolved: &Resolved, end: &SpaceAt, snapshot: &Snapshot) -> BTreeMap<Page, PageEnd> {
    let pids = &resolved.trace.dictionary.pids;
    let mut pages = BTreeMap::new();
    for process in &end.processes {
        for &(number, entry, object, _) in &process.bound {
            let frame = match snapshot.objects[object as usize] {
                PageState::Resident(frame) => Some(frame as usize),
                _ => None,
            };
            let state = PageEnd {
                object: object as usize,
                present: snapshot.present[entry as usize],
                frame,
                dirty: frame.is_some_and(|frame| snapshot.bits[frame].dirty),
                slot: snapshot.slots[object as usize].map(|slot| slot as usize),
                owners: end.owners[object as usize] as usize,
            };
            pages.insert((pids[process.process as usize], number), state);
        }
    }
    pages
}

fn geometry(hardware: &Hierarchy) -> Geometry {
    let shape = |level: Level| {
        let by = match level.fifo {
            true => Replacement::Fifo,
            false => Replacement::Lru,
        };
        Shape::new((level.sets * level.ways) as u32, level.ways as u32).replacing_by(by)
    };
    Geometry {
        l1i: shape(hardware.l1i),
        l1d: shape(hardware.l1d),
        l2: hardware
            .l2i
            .map_or(Second::Absent, |level| Second::Shared(shape(level))),
        tags: hardware.tags,
        levels: hardware.levels,
        pwc: std::array::from_fn(|level| {
            let cache = hardware.walk_caches.get(level).copied();
            cache.flatten().map(shape)
        }),
        ..Geometry::default()
    }
}

// ---------------------------------------------------------------------------------------------
// The comparison.

/// Each object goes by the name of its lowest page. A working set says nothing of the order in
/// which several objects expire after one reference, so that frames and slots are only there or
/// not.
fn named(outcome: &Outcome, options: &Options) -> BTreeMap<Page, (Page, PageEnd)> {
    let mut names: BTreeMap<usize, Page> = BTreeMap::new();
    let mut pages = BTreeMap::new();
    for (&page, end) in &outcome.pages {
        let name = *names.entry(end.object).or_insert(page);
        let anyhow = matches!(options.policy, Policy::Ws(_)) || options.local.is_some();
        let any = |number: Option<usize>| number.map(|n| if anyhow { 0 } else { n });
        let end = PageEnd {
            object: 0,
            frame: any(end.frame),
            slot: any(end.slot),
            ..*end
        };
        pages.insert(page, (name, end));
    }
    pages
}

/// Says where two outcomes part.
fn compare(got: &Outcome, expected: &Outcome, options: &Options) -> Result<(), String> {
    let longest = got.log.len().max(expected.log.len());
    for i in 0..longest {
        let (g, e) = (got.log.get(i), expected.log.get(i));
        if g != e {
            return Err(format!("fault {i}: got {g:?}, expected {e:?}"));
        }
    }
    // A replay that ended early leaves pages bound as they were then; the product only knows how
    // they are in the end.
    let (got_pages, expected_pages) = match expected.swap_full {
        Some(_) => Default::default(),
        None => (named(got, options), named(expected, options)),
    };
    for page in got_pages.keys().chain(expected_pages.keys()) {
        let (g, e) = (got_pages.get(page), expected_pages.get(page));
        if g != e {
            return Err(format!("page {page:?}: got {g:?}, expected {e:?}"));
        }
    }
    // The rest as it is.
    let rest = |outcome: &Outcome| Outcome {
        log: Vec::new(),
        pages: BTreeMap::new(),
        unmapped_end: match expected.swap_full {
            Some(_) => 0,
            None => outcome.unmapped_end,
        },
        unmapped_slots: match expected.swap_full {
            Some(_) => 0,
            None => outcome.unmapped_slots,
        },
        ..outcome.clone()
    };
    match rest(got) == rest(expected) {
        true => Ok(()),
        false => Err(format!(
            "got {:#?}, expected {:#?}",
            rest(got),
            rest(expected)
        )),
    }
}

/// The laws hold for the oracle, and the product says the same.
fn agrees(items: &[Item], options: &Options) -> Result<(), String> {
    // Fewer items than were made may make no sense.
    let Ok(expected) = whole(items, options) else {
        return Ok(());
    };
    let is_access = |item: &&Item| matches!(item, Item::Access { .. });
    let illegal = [
        expected.segmentation_faults(),
        expected.protection_faults(),
        expected.bus_errors(),
    ];
    let left_out = illegal.into_iter().sum::<usize>() + expected.dropped;
    if items.iter().filter(is_access).count() != expected.legal + left_out {
        return Err("each reference is legal, illegal or dropped".into());
    }
    laws(&expected, options)?;
    compare(&product(items, options), &expected, options)
}

/// The failure of a check, said of the fewest items found that still fail.
fn assert_holds(items: &[Item], options: &Options) {
    let check = |items: &[Item]| crate::support::caught(|| agrees(items, options));
    let Err(first) = check(items) else { return };
    let (mut fewest, mut why) = (items.to_vec(), first);
    let mut piece = fewest.len();
    while piece > 0 {
        let mut at = 0;
        while at < fewest.len() {
            let mut fewer = fewest.clone();
            fewer.drain(at..(at + piece).min(fewer.len()));
            match check(&fewer) {
                Err(reason) => (fewest, why) = (fewer, reason),
                Ok(()) => at += piece,
            }
        }
        piece /= 2;
    }
    let shown: Vec<String> = fewest.iter().map(|item| format!("{item:?}")).collect();
    panic!("{why}\n{options:?}\n{}", shown.join("\n"));
}

/// What every outcome obeys.
fn laws(outcome: &Outcome, options: &Options) -> Result<(), String> {
    let c = &outcome.counters;
    let sum = |wanted: &dyn Fn(bool, bool) -> bool| -> usize {
        let faults = c.faults.iter();
        let own = faults.filter(|((_, major, written), _)| wanted(*major, *written));
        own.map(|(_, count)| count).sum()
    };
    let ahead = c.prefetched.iter().chain(&c.populated);
    let ahead: usize = ahead.chain(&c.originals).chain(&c.io_loads).sum();
    let loads = c.of_kind(Fill) + c.of_kind(Refill) + c.of_kind(CowCopy) + ahead;
    let left = c.evictions_clean + c.evictions_dirty + c.expired_clean + c.expired_dirty + c.freed;
    let reads = c.swap_reads + c.file_reads;
    let resident = |end: &&PageEnd| end.frame.is_some();
    let mut frames: Vec<usize> = Vec::new();
    let mut slots: Vec<usize> = Vec::new();
    let mut objects: BTreeMap<usize, Vec<PageEnd>> = BTreeMap::new();
    for end in outcome.pages.values() {
        objects.entry(end.object).or_default().push(*end);
    }
    let mut shared = true;
    for ends in objects.values() {
        shared &= ends.iter().all(|end| {
            let facts = |end: &PageEnd| (end.frame, end.slot, end.dirty, end.owners);
            facts(end) == facts(&ends[0]) && end.owners == ends.len()
        });
        frames.extend(ends[0].frame);
        slots.extend(ends[0].slot);
    }
    let distinct = |numbers: &mut Vec<usize>| {
        let all = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.len() == all
    };
    let laws = [
        (
            "references = hits + faults",
            c.refs == c.hits + c.all_faults(),
        ),
        (
            "loads - left = resident",
            outcome.resident_start + loads == outcome.resident_end + left,
        ),
        (
            "one load per written victim",
            sum(&|_, written| written)
                + c.prefetched[1]
                + c.populated[1]
                + c.originals[1]
                + c.io_loads[1]
                == c.evictions_dirty,
        ),
        (
            "what reads is major",
            reads <= sum(&|major, _| major) + ahead,
        ),
        (
            "a limit of frames",
            options.local.is_some() || options.frames.is_none_or(|most| c.peak <= most),
        ),
        ("sharers see the same", shared),
        ("an object per frame", distinct(&mut frames)),
        ("an object per slot", distinct(&mut slots)),
        (
            "slots have owners, or are of mapped memory",
            slots.len() + outcome.unmapped_slots == outcome.swap_slots,
        ),
        (
            "frames have owners, or are of files or mapped memory",
            frames.len() + outcome.unmapped_end == outcome.resident_end,
        ),
        (
            "entries are for what is resident",
            outcome
                .pages
                .values()
                .filter(|end| end.present)
                .all(|end| resident(&end)),
        ),
        (
            "written to a file, thus freed",
            c.freed_dirty <= c.freed && outcome.dirty_end <= outcome.resident_end,
        ),
        (
            "references = TLB hits + misses",
            outcome.tlb.is_none_or(|tlb| {
                let l = tlb.lookups;
                let hits = l.l1i_hits + l.l1d_hits + l.l2_hits;
                hits + l.misses == c.refs as u64 && l.misses >= c.all_faults() as u64
            }),
        ),
    ];
    match laws.into_iter().find(|(_, holds)| !holds) {
        None => Ok(()),
        Some((law, _)) => Err(format!("{law}: {outcome:#?}")),
    }
}

// ---------------------------------------------------------------------------------------------
// Pseudo-random traces.

fn level(sets: usize, ways: usize) -> Level {
    Level::lru(sets, ways)
}

/// Two small first levels before a second one, or before none.
fn hardware(l2: Option<Level>) -> Hierarchy {
    Hierarchy {
        l1i: level(1, 2),
        l1d: level(2, 1),
        l2i: l2,
        l2d: None,
        shared: l2.is_some(),
        tags: true,
        levels: 4,
        walk_caches: Vec::new(),
    }
}

/// The same with small caches for the entries of the root and of the directories.
fn with_walk_caches(hardware: Hierarchy) -> Hierarchy {
    Hierarchy {
        walk_caches: vec![Some(level(1, 1)), None, Some(level(2, 1))],
        ..hardware
    }
}

/// The same with FIFO in every buffer.
fn first_in_first_out(hardware: Hierarchy) -> Hierarchy {
    let fifo = |level: Level| Level {
        fifo: true,
        ..level
    };
    Hierarchy {
        l1i: fifo(hardware.l1i),
        l1d: fifo(hardware.l1d),
        l2i: hardware.l2i.map(fifo),
        ..hardware
    }
}

/// Settings of all kinds for a trace of this style.
fn options_of(items: &[Item], page_size: u64, random: &mut Random) -> Options {
    let policies = [
        Policy::Lru,
        Policy::Fifo,
        Policy::Clock,
        Policy::Opt,
        Policy::Ws(1 + random.below(12)),
        Policy::ClockUnset,
        Policy::Lfu,
        Policy::LruK(1 + random.below(3) as usize),
        Policy::GClock {
            bits: 1 + random.below(2) as u32,
            load: 1,
        },
        Policy::Mq {
            queues: 3,
            life: random.below(12),
        },
        Policy::Nru(1 + random.below(20)),
        Policy::WsClock(random.below(12)),
        Policy::ClockByFrame,
    ];
    let policy = policies[random.below(policies.len() as u64) as usize];
    let frames = match random.below(4) {
        0 => 1,
        _ => 1 + random.below(10) as usize,
    };
    let window = matches!(policy, Policy::Ws(_));
    let unlimited = window && random.percent(60);
    let swap = [None, None, Some(0), Some(1 + random.below(6) as usize)];
    let tlbs = [
        None,
        Some(hardware(None)),
        Some(hardware(Some(level(2, 3)))),
        Some(first_in_first_out(hardware(Some(level(2, 3))))),
    ];
    let legal = items.len() as u64 / 3;
    let local = random.percent(15).then(|| {
        let mut quotas: Vec<(u32, usize)> = Vec::new();
        for item in items {
            let child = match item {
                Item::Event {
                    event: Event::Fork { child },
                    ..
                } => Some(*child),
                _ => None,
            };
            for pid in std::iter::once(item.pid()).chain(child) {
                if quotas.iter().all(|(other, _)| *other != pid) {
                    quotas.push((pid, 1 + random.below(4) as usize));
                }
            }
        }
        quotas
    });
    let mut tlb = tlbs[random.below(3) as usize].clone();
    if let Some(hardware) = &mut tlb {
        hardware.tags = random.percent(70);
        if random.percent(50) {
            *hardware = with_walk_caches(hardware.clone());
        }
    }
    let walks = [Accessed::Every, Accessed::Walk, Accessed::WalkFlush];
    let accessed = match tlb {
        Some(_) => walks[random.below(3) as usize],
        None => Accessed::Every,
    };
    Options {
        page_size,
        on_segfault: match random.percent(60) {
            true => OnSegfault::Kill,
            false => OnSegfault::Skip,
        },
        policy,
        frames: (!unlimited).then_some(frames),
        local,
        swap_slots: swap[random.below(4) as usize],
        warmup: match random.percent(30) {
            true => random.below(legal) as usize,
            false => 0,
        },
        tlb,
        accessed,
        swap_in_writable: random.percent(60),
        pin_cow_source: random.percent(60),
        drop_file_ptes: random.percent(40),
        fifo_frames: random.percent(40),
        keep_file_pages: random.percent(60),
        file_io: random.percent(60),
        fault_beyond: random.percent(40),
        two_level: false,
    }
}

/// The same items in a 32-bit address space: addresses that this does not have become the kernel's.
fn in_32_bits(items: &mut [Item], page_size: u64) {
    for item in items {
        if let Item::Access { page, .. } = item
            && *page >= (4 << 30) / page_size
        {
            *page = (3 << 30) / page_size + *page % 3;
        }
    }
}

const PAGE_SIZES: [u64; 4] = [4096, 16384, 1024, 8192];

/// A trace and settings for it.
fn case(style: Style, seed: u64) -> (Vec<Item>, Vec<Options>) {
    let mut random = Random::new(seed ^ 0x0b7);
    let page_size = PAGE_SIZES[random.below(4) as usize];
    let (length, count) = match style {
        Style::Wide => (1200, 3),
        _ => (400, 4),
    };
    let mut items = items(style, page_size, length, seed);
    let mut options: Vec<Options> = (0..count)
        .map(|_| options_of(&items, page_size, &mut random))
        .collect();
    if style == Style::Wide {
        for options in &mut options {
            // A last cluster that is short, or no end.
            options.swap_slots = random.percent(50).then_some(300);
        }
    }
    if random.percent(20) {
        in_32_bits(&mut items, page_size);
        options.iter_mut().for_each(|all| all.two_level = true);
    }
    (items, options)
}

#[test]
fn whole_traces() {
    (0..600u64).into_par_iter().for_each(|seed| {
        // The wide ones are slow.
        let style = match seed % 50 {
            49 => Style::Wide,
            _ => STYLES[(seed % 6) as usize],
        };
        let (items, options) = case(style, seed);
        options
            .iter()
            .for_each(|options| assert_holds(&items, options));
    });
}

/// Nothing that the oracle knows stays untried.
#[test]
fn the_traces_have_everything() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..60u64 {
        for style in STYLES {
            if style == Style::Wide && seed > 2 {
                continue;
            }
            let (items, options) = case(style, seed);
            for options in &options {
                let outcome = match whole(&items, options) {
                    Ok(outcome) => outcome,
                    // What a borrower does not unmap once it was killed is in the way of its lender.
                    Err(_) if options.on_segfault == OnSegfault::Kill => continue,
                    Err(why) => panic!("{why}"),
                };
                let c = &outcome.counters;
                let mut see = |what, count: usize| *seen.entry(what).or_default() += count;
                see("fills from files", c.major(Fill));
                see("refills from devices", c.major(Refill));
                see("refills with zeros", c.of_kind(Refill) - c.major(Refill));
                see("maps", c.of_kind(Map));
                see("copies", c.of_kind(CowCopy) - c.major(CowCopy));
                see("copies from devices", c.major(CowCopy));
                see("reuses", c.of_kind(CowReuse));
                see("clean victims", c.evictions_clean);
                see("dirty victims", c.evictions_dirty);
                see("clean expiries", c.expired_clean);
                see("dirty expiries", c.expired_dirty);
                see("freed", c.freed);
                see("freed and written", c.freed_dirty);
                see("prefetched", c.prefetched[0]);
                see("prefetched for a written victim", c.prefetched[1]);
                see("populated", c.populated[0]);
                see("populated for a written victim", c.populated[1]);
                see("originals", c.originals[0]);
                see("originals for a written victim", c.originals[1]);
                see("swap reads", c.swap_reads);
                see("pages read or written that are there", c.io_hits);
                see("pages read or written", c.io_loads[0]);
                see("pages read or written for a written victim", c.io_loads[1]);
                see("unmapped pages at the end", outcome.unmapped_end);
                see("file reads", c.file_reads);
                see("segmentation faults", outcome.segmentation_faults());
                see("protection faults", outcome.protection_faults());
                see("bus errors", outcome.bus_errors());
                see("dropped", outcome.dropped);
                see("idle events", outcome.idle_events);
                see("full swap", usize::from(outcome.swap_full.is_some()));
                see(
                    "second-level hits",
                    outcome.tlb.map_or(0, |t| t.lookups.l2_hits as usize),
                );
                see(
                    "shoot-downs",
                    outcome.tlb.map_or(0, |t| t.lookups.shootdowns as usize),
                );
                see(
                    "flushes of TLBs without tags",
                    outcome.tlb.map_or(0, |t| t.flushes as usize),
                );
                let high = outcome.pages.values().filter(|end| end.slot >= Some(256));
                see("slots of a second cluster", high.count());
                see("hits", c.hits);
            }
        }
    }
    let few: Vec<_> = seen.iter().filter(|(_, count)| **count < 20).collect();
    assert!(few.is_empty(), "{few:?} of {seen:?}");
}

/// Without mapping events, everything is as the other oracles have it.
#[test]
fn without_events_it_is_the_other_oracles() {
    (0..200u64).into_par_iter().for_each(|seed| {
        let refs = any_refs(70_000 + seed, 300, 12);
        let items: Vec<Item> = refs
            .iter()
            .map(|r| Item::Access {
                pid: r.process,
                kind: crate::support::kind_of(r),
                page: r.page,
            })
            .collect();
        let mut random = Random::new(seed);
        let frames = 1 + random.below(6) as usize;
        let tau = 1 + random.below(20);
        let limit = random.percent(50).then_some(frames);
        for (policy, frames, run) in [
            (
                Policy::Lru,
                Some(frames),
                crate::oracle::lru::lru(&refs, frames),
            ),
            (
                Policy::Fifo,
                Some(frames),
                crate::oracle::fifo::fifo(&refs, frames),
            ),
            (
                Policy::Clock,
                Some(frames),
                crate::oracle::clock::clock(&refs, frames, true),
            ),
            (
                Policy::ClockUnset,
                Some(frames),
                crate::oracle::clock::clock(&refs, frames, false),
            ),
            (
                Policy::Lfu,
                Some(frames),
                crate::oracle::lfu::lfu(&refs, frames, true, None),
            ),
            (
                Policy::LruK(2),
                Some(frames),
                crate::oracle::lru_k::lru_k(&refs, frames, 2, 0, None),
            ),
            (
                Policy::GClock { bits: 2, load: 1 },
                Some(frames),
                crate::oracle::gclock::gclock(&refs, frames, 2, 1),
            ),
            (
                Policy::Mq {
                    queues: 3,
                    life: tau,
                },
                Some(frames),
                crate::oracle::mq::mq(&refs, frames, 3, tau, 1),
            ),
            (
                Policy::Nru(tau),
                Some(frames),
                crate::oracle::nru::nru(&refs, frames, tau),
            ),
            (
                Policy::WsClock(tau),
                Some(frames),
                crate::oracle::wsclock::wsclock(&refs, frames, tau),
            ),
            (
                Policy::Opt,
                Some(frames),
                crate::oracle::opt::opt(&refs, frames),
            ),
            (
                Policy::Ws(tau),
                limit,
                crate::oracle::ws::ws(&refs, tau, limit),
            ),
        ] {
            let options = Options {
                frames,
                tlb: Some(hardware(Some(level(2, 3)))),
                ..Options::new(policy, 1)
            };
            let outcome = whole(&items, &options).expect("no events");
            let got = run_of(&outcome, &run);
            crate::support::compare_runs(&got, &run)
                .unwrap_or_else(|why| panic!("{policy:?}: {why}"));
            let traffic = crate::oracle::swap::swap(&run);
            assert_eq!(outcome.counters.swap_reads as u64, traffic.reads);
            assert_eq!(outcome.swap_slots as u64, traffic.slots);
            let hardware = options.tlb.clone().expect("given above");
            let (lookups, walks) = crate::oracle::tlb::hierarchy(&refs, &run, &hardware);
            let tlb = outcome.tlb.expect("asked for");
            assert_eq!((tlb.lookups, tlb.walk_refs), (lookups, walks.refs));
            // And the engine itself, where swap fills.
            let window = matches!(policy, Policy::Ws(_));
            let mut policy = name_of(policy);
            if let Some(limit) = limit.filter(|_| window) {
                policy += &format!(":limit={limit}");
            }
            let setting = match window {
                true => crate::support::Setting::window(&policy, tau),
                false => crate::support::Setting::frames(&policy, frames.expect("fixed space")),
            };
            let (slots, warmup) = (random.below(4), random.below(refs.len() as u64));
            let geometry = crate::support::geometry((2, 2), (2, 1), (6, 3), 4);
            let setting = setting
                .with_swap(slots)
                .with_warmup(warmup as usize)
                .with_tlb(Some(geometry));
            let options = Options {
                swap_slots: Some(slots as usize),
                warmup: warmup as usize,
                tlb: Some(hardware),
                ..options
            };
            let outcome = whole(&items, &options).expect("no events");
            let (engine, _) = crate::support::replay(&crate::support::trace_of(&refs), &setting);
            let full = engine.swap_full.map(|full| full.after as usize);
            assert_eq!(outcome.swap_full, full);
            let engine_tlb = engine.tlb.expect("asked for");
            let expected = Translations {
                lookups: TlbRun {
                    l1i_hits: engine_tlb.l1i_hits,
                    l1d_hits: engine_tlb.l1d_hits,
                    l2_hits: engine_tlb.l2_hits,
                    misses: engine_tlb.misses,
                    shootdowns: engine_tlb.shootdowns,
                },
                walk_refs: engine_tlb.walk_refs,
                flushes: engine_tlb.flushes,
            };
            assert_eq!(outcome.tlb, Some(expected));
            let c = &outcome.counters;
            let [got, expected] = [
                [
                    c.refs,
                    c.hits,
                    c.evictions_dirty,
                    c.expired_dirty,
                    c.swap_reads,
                    c.peak,
                    c.resident_sum as usize,
                    outcome.resident_start,
                    outcome.resident_end,
                    outcome.dirty_end,
                    outcome.swap_slots,
                ],
                [
                    engine.counters.refs as usize,
                    engine.counters.hits as usize,
                    engine.counters.evictions_dirty as usize,
                    engine.counters.expired_dirty as usize,
                    engine.counters.swap_reads as usize,
                    engine.resident_peak as usize,
                    engine.resident_sum as usize,
                    engine.resident_start as usize,
                    engine.resident_end as usize,
                    engine.dirty_end as usize,
                    engine.swap_slots as usize,
                ],
            ];
            assert_eq!(
                got, expected,
                "{policy}, {slots} slots, warm-up {warmup}, {full:?}"
            );
        }
    });
}

/// An outcome as the other oracles say it; what only they say is taken from `like`.
fn run_of(outcome: &Outcome, like: &Run) -> Run {
    assert_eq!(outcome.log.len(), like.faults.len());
    let faults = outcome.log.iter().zip(&like.faults);
    let faults = faults.map(|(fault, like)| crate::oracle::Fault {
        at: fault.time,
        page: fault.page,
        refill: fault.kind == Refill,
        victim: like.victim,
    });
    let resident = outcome.pages.iter().filter(|(_, end)| end.frame.is_some());
    let c = &outcome.counters;
    let written = like
        .faults
        .iter()
        .filter(|f| matches!(f.victim, Some((_, true))));
    assert_eq!(c.evictions_dirty, written.count());
    assert_eq!(c.expired_clean + c.expired_dirty, like.expired.len());
    Run {
        faults: faults.collect(),
        expired: like.expired.clone(),
        resident_sum: c.resident_sum,
        peak_resident: c.peak,
        resident: resident.map(|(page, _)| *page).collect(),
        dirty_end: outcome.dirty_end,
    }
}

// ---------------------------------------------------------------------------------------------
// Scenarios worked out by hand. Pages are of 4 KiB.

const SIZE: u64 = 4096;

fn access(pid: u32, kind: Kind, page: u64) -> Item {
    Item::Access { pid, kind, page }
}

fn r(pid: u32, page: u64) -> Item {
    access(pid, Kind::Read, page)
}

fn w(pid: u32, page: u64) -> Item {
    access(pid, Kind::Write, page)
}

fn at(pid: u32, event: Event) -> Item {
    Item::Event { pid, event }
}

fn fork(pid: u32, child: u32) -> Item {
    at(pid, Event::Fork { child })
}

fn exit(pid: u32) -> Item {
    at(pid, Event::Exit)
}

/// A private anonymous mapping of so many pages, to be read and written.
fn anonymous(first: u64, pages: u64) -> Mapping {
    Mapping::anonymous(first * SIZE, pages * SIZE, Protection::RW)
}

/// A private mapping of a file of so many bytes, from its beginning.
fn of_file(first: u64, pages: u64, length: u64) -> Mapping {
    let (file, offset) = (7, 0);
    let backing = Backing::File {
        file,
        offset,
        length,
    };
    Mapping {
        backing,
        ..anonymous(first, pages)
    }
}

fn shared(mapping: Mapping) -> Mapping {
    Mapping {
        shared: true,
        ..mapping
    }
}

fn map(pid: u32, mapping: Mapping) -> Item {
    at(pid, Event::Map(Box::new(mapping)))
}

fn unmap(pid: u32, first: u64, pages: u64) -> Item {
    let (start, length) = (first * SIZE, pages * SIZE);
    at(pid, Event::Unmap { start, length })
}

fn advise(pid: u32, first: u64, pages: u64, advice: Advice) -> Item {
    let (start, length) = (first * SIZE, pages * SIZE);
    let event = Event::Advise {
        start,
        length,
        advice,
    };
    at(pid, event)
}

fn lru(frames: usize) -> Options {
    Options::new(Policy::Lru, frames)
}

/// What comes of it; the product says the same.
fn outcome(items: &[Item], options: &Options) -> Outcome {
    assert_holds(items, options);
    whole(items, options).expect("a trace that makes sense")
}

/// The faults by kind, `M` after those that read a device, with their times.
fn faults(outcome: &Outcome) -> String {
    let one = |fault: &crate::oracle::whole::FaultAt| {
        let kind = match fault.kind {
            Fill => "fill",
            Refill => "refill",
            Map => "map",
            CowCopy => "copy",
            CowReuse => "reuse",
        };
        let major = if fault.major { "M" } else { "" };
        format!("{}:{kind}{major}", fault.time)
    };
    let all: Vec<String> = outcome.log.iter().map(one).collect();
    all.join(" ")
}

/// A fork, copies on write, a file that is shared, and swap that fills.
fn worked_example() -> Vec<Item> {
    vec![
        map(1, anonymous(0, 2)),
        map(1, shared(of_file(10, 2, SIZE + 100))),
        w(1, 0),  // 0: object a, zeros, frame 0.
        r(1, 10), // 1: object b, read from the file, frame 1.
        fork(1, 2),
        r(2, 0),  // 2: hit. By last use now b a.
        w(2, 10), // 3: hit, b is dirty: a b.
        w(2, 0),  // 4: copy of a, which is resident: c in frame 2. a b c.
        w(1, 0),  // 5: the last owner of a: reuse. b c a.
        map(2, of_file(20, 1, SIZE + 100)),
        r(2, 20), // 6: b is resident: map. c a b.
        w(2, 20), // 7: copy of b; c leaves, dirty: slot 0. d in frame 2. a b d.
        r(1, 11), // 8: a must leave, dirty: slot 1, or swap is full. e from the file: b d e.
        r(2, 0),  // 9: c from slot 0; b leaves, dirty, to its file. d e c.
        r(1, 10), // 10: b from the file; d leaves, dirty: slot 2. e c b.
        r(2, 10), // 11: map.
        exit(1),  // a goes with its slot, e with its frame; b has an owner left.
    ]
}

#[test]
fn the_worked_example_with_one_slot() {
    let options = Options {
        swap_slots: Some(1),
        ..lru(3)
    };
    let outcome = outcome(&worked_example(), &options);
    assert_eq!(outcome.swap_full, Some(8));
    assert_eq!(
        faults(&outcome),
        "0:fill 1:fillM 4:copy 5:reuse 6:map 7:copy"
    );
    let c = &outcome.counters;
    assert_eq!((c.refs, c.hits), (8, 2));
    assert_eq!((c.evictions_clean, c.evictions_dirty), (0, 1));
    assert_eq!(c.faults[&(CowCopy, false, true)], 1);
    assert_eq!((c.swap_reads, c.file_reads, c.freed), (0, 1, 0));
    // 1 + 2 + 2 + 2 + 3 + 3 + 3 + 3.
    assert_eq!((c.resident_sum, c.peak), (19, 3));
    assert_eq!((outcome.dirty_end, outcome.swap_slots), (3, 1));
    let end = |page| {
        let end = &outcome.pages[&page];
        (end.present, end.frame, end.slot, end.owners)
    };
    assert_eq!(end((1, 0)), (true, Some(0), None, 1));
    assert_eq!(end((1, 10)), (true, Some(1), None, 2));
    assert_eq!(end((2, 10)), (true, Some(1), None, 2));
    assert_eq!(end((2, 0)), (false, None, Some(0), 1));
    assert_eq!(end((2, 20)), (true, Some(2), None, 1));
    assert_eq!(outcome.pages.len(), 5);
}

#[test]
fn the_worked_example_to_its_end() {
    let outcome = outcome(&worked_example(), &lru(3));
    assert_eq!(
        faults(&outcome),
        "0:fill 1:fillM 4:copy 5:reuse 6:map 7:copy 8:fillM 9:refillM 10:refillM 11:map"
    );
    let c = &outcome.counters;
    assert_eq!((c.swap_reads, c.file_reads), (1, 3));
    // c, a, b and d left dirty.
    assert_eq!((c.evictions_clean, c.evictions_dirty), (0, 4));
    assert_eq!((c.freed, c.freed_dirty), (1, 0));
    // Left are c (in frame 1, and in slot 0), b (in frame 2), d (in slot 2).
    assert_eq!((outcome.resident_end, outcome.dirty_end), (2, 0));
    assert_eq!(outcome.swap_slots, 2);
    let end = |page| {
        let end = &outcome.pages[&page];
        (end.present, end.frame, end.slot, end.owners)
    };
    assert_eq!(end((2, 0)), (true, Some(1), Some(0), 1));
    assert_eq!(end((2, 10)), (true, Some(2), None, 1));
    assert_eq!(end((2, 20)), (false, None, Some(2), 1));
    assert_eq!(outcome.pages.len(), 3);
}

#[test]
fn one_frame_is_enough_for_a_copy() {
    let items = [
        map(1, anonymous(0, 1)),
        w(1, 0), // 0: a.
        fork(1, 2),
        w(2, 0), // 1: copy of a, which is resident, and then leaves for slot 0: b.
        r(1, 0), // 2: a from its slot; b leaves for slot 1.
        w(1, 0), // 3: a has one owner: reuse.
        r(2, 0), // 4: b from its slot; a leaves for its old slot, dirty.
        fork(2, 3),
        r(1, 0), // 5: a from its slot; b leaves, clean.
        w(3, 0), // 6: copy of b, which is in its slot; a leaves, clean.
    ];
    // Mapped writable at 2, a is written at 3 without a fault; no more changes.
    let writable = outcome(&items, &lru(1));
    assert_eq!(
        faults(&writable),
        "0:fill 1:copy 2:refillM 4:refillM 5:refillM 6:copyM"
    );
    let outcome = outcome(&items, &lru(1).with_none());
    assert_eq!(
        faults(&outcome),
        "0:fill 1:copy 2:refillM 3:reuse 4:refillM 5:refillM 6:copyM"
    );
    let c = &outcome.counters;
    assert_eq!((c.hits, c.swap_reads), (0, 4));
    assert_eq!((c.evictions_clean, c.evictions_dirty), (2, 3));
    assert_eq!(c.faults[&(CowCopy, false, true)], 1);
    assert_eq!(c.faults[&(CowCopy, true, false)], 1);
    assert_eq!((outcome.swap_slots, outcome.resident_end), (2, 1));
    assert_eq!(outcome.pages[&(2, 0)].slot, Some(1));
    assert_eq!(outcome.pages[&(2, 0)].owners, 1);
}

#[test]
fn the_last_sharer_keeps_the_page() {
    let items = [
        map(1, anonymous(0, 2)),
        w(1, 0),
        fork(1, 2),
        exit(1),
        w(2, 0), // 1: the child's entry is there: reuse.
        w(2, 0), // 2: hit.
    ];
    let ends = outcome(&items, &lru(2));
    assert_eq!(faults(&ends), "0:fill 1:reuse");
    assert_eq!((ends.counters.hits, ends.counters.freed), (1, 0));
    // Without an entry, it is the fault that brings the page in.
    let items = [
        map(1, anonymous(0, 2)),
        w(1, 0),
        w(1, 1), // 1: page 0 leaves for slot 0.
        fork(1, 2),
        exit(1),
        w(2, 0), // 2: from the slot; page 1 leaves for slot 1.
        w(2, 0), // 3: hit.
    ];
    let ends = outcome(&items, &lru(1));
    assert_eq!(faults(&ends), "0:fill 1:fill 2:refillM");
    assert_eq!((ends.counters.hits, ends.swap_slots), (1, 2));
}

#[test]
fn a_file_page_is_loaded_once_for_all() {
    let items = [
        map(1, shared(of_file(0, 2, 2 * SIZE))),
        map(2, shared(of_file(5, 2, 2 * SIZE))),
        map(3, of_file(8, 2, 2 * SIZE)),
        r(1, 0), // 0: a from the file.
        r(2, 5), // 1: map.
        r(3, 8), // 2: map.
        w(2, 5), // 3: hit: it is shared.
        w(3, 8), // 4: always a copy, from memory.
        w(3, 9), // 5: a copy from the file, whose page is nowhere in memory.
        exit(1),
        exit(2), // a goes; it is dirty and written to the file.
        map(4, of_file(0, 1, 2 * SIZE)),
        w(4, 0), // 6: a copy from the file: a is no more.
    ];
    let ends = outcome(&items, &lru(9));
    assert_eq!(faults(&ends), "0:fillM 1:map 2:map 4:copy 5:copyM 6:copyM");
    let c = &ends.counters;
    assert_eq!((c.hits, c.file_reads), (1, 3));
    assert_eq!((c.freed, c.freed_dirty), (1, 1));
    // a was in frame 0, which the last copy got.
    assert_eq!(ends.pages[&(4, 0)].frame, Some(0));
}

#[test]
fn unmapping_frees_frames_and_slots() {
    let items = [
        map(1, anonymous(0, 3)),
        w(1, 0), // 0: frame 0.
        w(1, 1), // 1: frame 1.
        w(1, 2), // 2: page 0 leaves for slot 0; frame 0.
        unmap(1, 0, 2),
        r(1, 2), // 3: hit.
        map(1, anonymous(0, 2)),
        w(1, 0), // 4: another page than before: fill, frame 1.
        w(1, 1), // 5: page 2 leaves for slot 1, the next one; frame 0.
    ];
    let ends = outcome(&items, &lru(2));
    assert_eq!(faults(&ends), "0:fill 1:fill 2:fill 4:fill 5:fill");
    let c = &ends.counters;
    assert_eq!((c.hits, c.freed, c.freed_dirty), (1, 1, 0));
    assert_eq!((c.evictions_dirty, ends.swap_slots), (2, 1));
    assert_eq!(ends.pages[&(1, 0)].frame, Some(1));
    assert_eq!(ends.pages[&(1, 1)].frame, Some(0));
    assert_eq!(ends.pages[&(1, 2)].slot, Some(1));
    // The frame freed last is taken first.
    let items = [
        map(1, anonymous(0, 3)),
        w(1, 0),
        w(1, 1),
        unmap(1, 0, 2),
        map(1, anonymous(0, 2)),
        w(1, 1),
        w(1, 0),
        w(1, 2),
    ];
    let ends = outcome(&items, &lru(3));
    let frame = |page| ends.pages[&(1, page)].frame;
    assert_eq!([frame(1), frame(0), frame(2)], [Some(1), Some(0), Some(2)]);
}

#[test]
fn illegal_references_kill_or_are_left_out() {
    let read_only = Mapping {
        protection: Protection {
            write: false,
            ..Protection::RW
        },
        ..anonymous(0, 1)
    };
    let items = [
        map(1, read_only),
        r(1, 0),                        // Fill.
        w(1, 0),                        // Not allowed.
        r(1, 0),                        // Dropped, or a hit.
        fork(1, 2),                     // Does not take place, or does.
        r(2, 0),                        // Dropped, or a hit.
        unmap(1, 9, 1),                 // Idle, if 1 is there.
        r(3, 9),                        // Nothing is mapped.
        access(3, Kind::Read, 1 << 44), // Dropped, or behind user space.
    ];
    let killed = outcome(&items, &lru(2));
    assert_eq!(
        (killed.legal, killed.dropped, killed.idle_events),
        (1, 3, 0)
    );
    let places = |outcome: &Outcome| {
        let illegal = outcome.illegal.iter();
        let places = illegal.map(|i| (i.position, i.page, i.why));
        places.collect::<Vec<_>>()
    };
    assert_eq!(
        places(&killed),
        [(1, (1, 0), Why::Forbidden), (4, (3, 9), Why::Unmapped)]
    );
    assert_eq!((killed.counters.freed, killed.resident_end), (1, 0));
    let skip = Options {
        on_segfault: OnSegfault::Skip,
        ..lru(2)
    };
    let left_out = outcome(&items, &skip);
    assert_eq!((left_out.legal, left_out.dropped), (3, 0));
    assert_eq!(left_out.idle_events, 1);
    assert_eq!(left_out.protection_faults(), 2);
    assert_eq!((left_out.counters.hits, left_out.resident_end), (2, 1));
}

#[test]
fn stacks_grow_by_references() {
    let top = 4096;
    let stack = Mapping {
        grows_down: true,
        ..anonymous(top - 1, 1)
    };
    let items = [
        map(1, stack),
        w(1, top - 2048), // 8 MiB below the end: grows.
        w(1, top - 2),    // In it now.
        w(1, top - 2049), // Too far.
        w(1, top),        // Above.
    ];
    let skip = Options {
        on_segfault: OnSegfault::Skip,
        ..lru(4)
    };
    let ends = outcome(&items, &skip);
    assert_eq!((ends.legal, ends.segmentation_faults()), (2, 2));
}

#[test]
fn files_end_within_mappings() {
    let items = [
        // The file has one page and a half.
        map(1, of_file(0, 3, SIZE + 2048)),
        map(2, shared(of_file(0, 3, SIZE + 2048))),
        r(1, 1), // 0: its second page, from the file.
        r(1, 2), // 1: beyond the end: zeros.
        w(1, 2), // 2: hit: the process's own.
        r(2, 2), // 3: zeros, and not the same ones.
        w(2, 2), // 4: hit.
    ];
    let ends = outcome(&items, &lru(9));
    assert_eq!(faults(&ends), "0:fillM 1:fill 3:fill");
    assert_eq!(ends.counters.hits, 2);
}

#[test]
fn advice_drops_and_brings_in() {
    let items = [
        map(1, anonymous(0, 2)),
        map(1, shared(anonymous(4, 1))),
        map(1, of_file(8, 2, SIZE)),
        w(1, 0),                            // 0: a, frame 0.
        w(1, 4),                            // 1: b, frame 1.
        advise(1, 0, 6, Advice::DontNeed),  // a goes; b stays without the entry.
        w(1, 4),                            // 2: map.
        w(1, 0),                            // 3: fill: zeros again, frame 0.
        advise(1, 8, 2, Advice::WillNeed),  // The first page of the file, no more of it: frame 2.
        r(1, 8),                            // 4: map.
        w(1, 8),                            // 5: copy; b leaves, dirty; frame 2 is free again.
        advise(1, 4, 1, Advice::WillNeed),  // b is read, into frame 2.
        advise(1, 20, 1, Advice::DontNeed), // Idle.
        r(1, 4),                            // 6: map.
    ];
    let ends = outcome(&items, &lru(3));
    assert_eq!(
        faults(&ends),
        "0:fill 1:fill 2:map 3:fill 4:map 5:copy 6:map"
    );
    let c = &ends.counters;
    assert_eq!((c.prefetched, c.swap_reads, c.file_reads), ([2, 0], 1, 1));
    // Page 0, and the page of the file that was copied and has no owner any more.
    assert_eq!((c.freed, c.freed_dirty), (2, 0));
    assert_eq!((c.evictions_dirty, c.evictions_clean), (1, 0));
    assert_eq!(ends.idle_events, 1);
}

#[test]
fn full_swap_undoes_the_whole_event() {
    let items = [
        map(1, of_file(8, 2, 2 * SIZE)),
        map(1, anonymous(0, 2)),
        r(1, 8),                           // 0.
        w(1, 0),                           // 1: dirty.
        advise(1, 8, 2, Advice::WillNeed), // The second page: the first leaves, clean.
        advise(1, 8, 2, Advice::WillNeed), // The first page: page 0 finds no slot.
        r(1, 8),
    ];
    let options = Options {
        swap_slots: Some(0),
        ..lru(2)
    };
    let ends = outcome(&items, &options);
    assert_eq!(ends.swap_full, Some(2));
    assert_eq!((ends.counters.refs, ends.counters.prefetched), (2, [1, 0]));
    assert_eq!(ends.counters.file_reads, 2);
}

#[test]
fn heaps_grow_and_shrink() {
    let brk = |pages: u64| at(1, Event::Brk { end: pages * SIZE });
    let items = [
        brk(10),
        brk(12),
        w(1, 10),
        w(1, 11),
        brk(11), // Page 11 goes.
        brk(9),  // Idle.
        map(1, anonymous(12, 1)),
        brk(13), // Idle: into the mapping.
        brk(12),
        w(1, 11), // 2: another page.
        at(1, Event::Exec),
        brk(20),
        brk(21),
        w(1, 20), // 3.
    ];
    let ends = outcome(&items, &lru(4));
    assert_eq!(faults(&ends), "0:fill 1:fill 2:fill 3:fill");
    assert_eq!((ends.counters.freed, ends.idle_events), (3, 2));
    assert!(ends.illegal.is_empty());
}

#[test]
fn a_working_set_loses_what_is_unmapped() {
    let shared = || shared(of_file(0, 2, 2 * SIZE));
    let items = [
        map(1, shared()),
        map(2, shared()),
        r(1, 0),        // 0: in the window of 1.
        r(2, 0),        // 1: map; in that of 2, too.
        r(2, 1),        // 2.
        unmap(2, 0, 1), // Still in that of 1.
        r(2, 1),        // 3.
        exit(1),        // No owner: freed.
        r(2, 1),        // 4.
    ];
    let ends = outcome(
        &items,
        &Options {
            frames: None,
            ..Options::new(Policy::Ws(3), 1)
        },
    );
    assert_eq!(faults(&ends), "0:fillM 1:map 2:fillM");
    assert_eq!((ends.counters.freed, ends.counters.expired_clean), (1, 0));
    let items = [
        map(1, shared()),
        map(2, shared()),
        r(2, 0),        // 0.
        r(1, 0),        // 1.
        r(2, 1),        // 2.
        r(2, 1),        // 3: in the window of 1 only.
        unmap(1, 0, 1), // In none: leaves after the next reference, though 2 is bound to it.
        r(2, 1),        // 4.
        r(2, 0),        // 5: refill.
    ];
    let ends = outcome(
        &items,
        &Options {
            frames: None,
            ..Options::new(Policy::Ws(2), 1)
        },
    );
    assert_eq!(faults(&ends), "0:fillM 1:map 2:fillM 5:refillM");
    assert_eq!((ends.counters.expired_clean, ends.counters.freed), (1, 0));
    // 1 + 1 + 2 + 2 + 1 + 2.
    assert_eq!(ends.counters.resident_sum, 9);
}

#[test]
fn tlbs_forget_what_changed() {
    let items = [
        map(1, anonymous(0, 1)),
        w(1, 0),    // Miss.
        w(1, 0),    // Hit.
        fork(1, 2), // Two entries dropped: in the first level and in the second.
        r(1, 0),    // Miss.
        r(2, 0),    // Miss; takes the place of 1 in the first level.
        w(2, 0),    // Copy: two dropped; miss.
        w(1, 0),    // Reuse: one dropped; miss; takes the place of 2.
        w(1, 0),    // Hit.
        at(
            1,
            Event::Protect {
                start: 0,
                length: 1,
                protection: Protection::default(),
            },
        ), // Two dropped.
        at(
            1,
            Event::Protect {
                start: 0,
                length: SIZE,
                protection: Protection::default(),
            },
        ), // No change.
        exit(2),    // Two dropped.
    ];
    let options = Options {
        tlb: Some(hardware(Some(level(1, 4)))),
        ..lru(2)
    };
    let ends = outcome(&items, &options);
    let tlb = ends.tlb.expect("asked for");
    assert_eq!((tlb.lookups.l1d_hits, tlb.lookups.misses), (2, 5));
    assert_eq!((tlb.lookups.shootdowns, tlb.walk_refs), (8, 20));
}

/// Three frames; the clock's order, the next to be looked at first, with `*` for a reference bit.
#[test]
fn a_page_that_stays_in_the_tlb_looks_idle() {
    let items = [
        map(1, anonymous(0, 8)),
        r(1, 0), // 0*.
        r(1, 1), // 0* 1*.
        r(1, 2), // 0* 1* 2*.
        r(1, 3), // The hand passes all and takes 0: 1 2 3*.
        r(1, 1), // A hit. Its TLB entry is there: a walk would not be, 1 stays without the bit.
        // every: 1* 2 3*, the hand passes 1 and takes 2. walk: it takes 1. walk-flush: the hand
        // that passed 1 dropped its TLB entry, so that it was walked to: as with every.
        r(1, 4),
        r(1, 1), // A hit, but with walk.
    ];
    let run = |accessed| {
        let options = Options {
            tlb: Some(Hierarchy {
                l1d: level(1, 8),
                ..hardware(None)
            }),
            accessed,
            ..Options::new(Policy::Clock, 3)
        };
        let ends = outcome(&items, &options);
        let lookups = ends.tlb.expect("asked for").lookups;
        let numbers = (lookups.l1d_hits, lookups.misses, lookups.shootdowns);
        (faults(&ends), numbers)
    };
    let five = "0:fill 1:fill 2:fill 3:fill 5:fill";
    // Shoot-downs are those of the victims 0 and 2.
    assert_eq!(run(Accessed::Every), (five.into(), (2, 5, 2)));
    // Of 0 and 1; and 1 is walked to again.
    assert_eq!(run(Accessed::Walk), (format!("{five} 6:refill"), (1, 6, 3)));
    // Of 0, 1 and 2 when the hand passes them first; of 1 when it does so again. 2 has no entry
    // left when it leaves. Each time that 1 is referenced it is walked to.
    assert_eq!(run(Accessed::WalkFlush), (five.into(), (0, 7, 4)));
}

#[test]
fn every_process_has_frames_of_its_own() {
    let shared = || shared(of_file(0, 1, SIZE));
    let items = [
        map(1, shared()),
        map(1, anonymous(4, 2)),
        map(2, shared()),
        map(2, anonymous(4, 2)),
        r(1, 0), // 0: frame 0, of process 1.
        r(2, 0), // 1: map.
        r(2, 4), // 2: frame 1, of process 2.
        r(2, 5), // 3: page 4 leaves, though the file page was used before it.
        r(1, 4), // 4: the file page leaves.
        r(2, 0), // 5: refill, in the frame of process 2.
    ];
    let options = Options {
        local: Some(vec![(1, 1), (2, 1)]),
        ..lru(1)
    };
    let ends = outcome(&items, &options);
    assert_eq!(
        faults(&ends),
        "0:fillM 1:map 2:fill 3:fill 4:fill 5:refillM"
    );
    assert_eq!(ends.pages[&(1, 0)].frame, Some(1));
    assert_eq!(ends.pages[&(1, 4)].frame, Some(0));
}

#[test]
fn without_mappings_pages_are_the_process_s_own() {
    let items = [
        w(1, 0), // 0.
        r(1, 1), // 1: page 0 leaves for a slot.
        fork(1, 2),
        r(2, 1),                           // 2: hit.
        w(2, 0),                           // 3: copy from the slot; page 1 leaves, clean.
        w(2, 1), // 4: copy of page 1, from wherever it came: major. The other copy leaves.
        advise(2, 1, 2, Advice::DontNeed), // Page 1 goes, with its frame.
        advise(2, 5, 2, Advice::DontNeed), // Idle.
        at(2, Event::Exec),
        w(2, 0), // 5: another page: fill.
    ];
    let ends = outcome(&items, &lru(1));
    assert_eq!(faults(&ends), "0:fill 1:fill 3:copyM 4:copyM 5:fill");
    let c = &ends.counters;
    assert_eq!((c.swap_reads, c.file_reads, c.hits), (1, 0, 1));
    assert_eq!((ends.idle_events, c.freed), (1, 1));
}

#[test]
fn traces_that_make_no_sense() {
    let beyond = Mapping {
        start: (1 << 56) - SIZE,
        ..anonymous(0, 2)
    };
    for (items, why) in [
        (vec![r(1, 0), fork(1, 2), fork(1, 2)], "exists"),
        (vec![r(1, 0), fork(1, 1)], "exists"),
        (vec![r(1, 0), exit(1), r(1, 0)], "has exited"),
        (vec![exit(1), exit(1)], "has exited"),
        (
            vec![map(1, anonymous(0, 2)), map(1, anonymous(1, 2))],
            "over another",
        ),
        (vec![map(1, beyond)], "beyond user space"),
    ] {
        let error = whole(&items, &lru(1)).expect_err(why);
        assert!(error.contains(why), "{error}");
    }
    let fixed = Mapping {
        fixed: true,
        ..anonymous(1, 1)
    };
    let items = [map(1, anonymous(0, 3)), w(1, 1), map(1, fixed), w(1, 1)];
    let ends = outcome(&items, &lru(3));
    assert_eq!(
        (faults(&ends), ends.counters.freed),
        ("0:fill 1:fill".into(), 1)
    );
}
