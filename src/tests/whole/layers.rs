//! A layer that is switched off, or too large to matter, leaves what is beneath it as it was; and
//! the short way of a trace without events is the long way.

use super::*;
use pagebench::internals::space::{Mappings, Origin, Space};
use pagebench::internals::trace::model::dense::Trace;

/// Every policy, with frames and a window.
const POLICIES: [(&str, Option<u32>, u64); 6] = [
    ("lru", Some(4), 1),
    ("fifo", Some(3), 1),
    ("clock", Some(5), 1),
    ("opt", Some(3), 1),
    ("ws", None, 6),
    ("ws:limit=3", Some(3), 9),
];

/// A resolved trace and what varies of its replays.
pub struct Case {
    pub resolved: Resolved,
    swap_slots: Option<u64>,
    warmup: u64,
}

/// What came of a replay: everything that it counted, and its faults.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    rest: vm::Outcome,
    tlb: Option<vm::TlbCounters>,
    swap_full: bool,
    faults: Vec<FaultEvent>,
}

pub fn resolved(trace: Trace, mappings: Mappings) -> Resolved {
    let options = space::Options {
        mappings,
        ..space::Options::default()
    };
    space::resolve(trace, &options).expect("a trace that makes sense")
}

impl Case {
    /// Traces with events of every style, and what of memory is limited.
    pub fn of_seed(seed: u64) -> Case {
        let style = STYLES[(seed % 5) as usize];
        let mut random = Random::new(seed ^ 0x1a7e);
        let page_size = PAGE_SIZES[random.below(4) as usize];
        let items = items(style, page_size, 300, seed);
        Case::new(trace_of(&items, page_size), seed)
    }

    pub fn new(trace: Trace, seed: u64) -> Case {
        let mut random = Random::new(seed ^ 0x5107);
        let resolved = resolved(trace, Mappings::Permissive);
        let legal = resolved.trace.len() as u64;
        Case {
            swap_slots: [None, None, Some(0), Some(5)][random.below(4) as usize],
            warmup: random.below(3) / 2 * random.below(legal + 1),
            resolved,
        }
    }

    /// Each policy with its job.
    pub fn each(&self, mut see: impl FnMut(&str, Job<'_>)) {
        for (policy, frames, tau) in POLICIES {
            let choice: PolicyChoice = policy.parse().expect("a policy of the table");
            see(policy, self.job(&choice, frames, tau));
        }
    }

    fn job<'t>(&'t self, choice: &'t PolicyChoice, frames: Option<u32>, tau: u64) -> Job<'t> {
        Job {
            space: self.resolved.space.as_ref(),
            seed: crate::support::SEED,
            frames,
            tau,
            warmup: self.warmup,
            swap_slots: self.swap_slots,
            ..Job::new(&self.resolved.trace, choice)
        }
    }
}

/// The laws of counting, which the machine asserts, hold under every policy where pages are shared,
/// copied, brought in ahead of use and freed, with frames in common and divided; and a replay by
/// bursts is the plain one.
#[test]
fn every_policy_where_pages_are_shared_and_freed() {
    (400..440u64).into_par_iter().for_each(|seed| {
        let case = Case::of_seed(seed);
        let ops = case.resolved.space.iter().flat_map(|space| &space.ops);
        let bursts = crate::support::bursts_of(&case.resolved.trace, space::cuts(ops));
        for policy in crate::support::POLICIES {
            let frames = 1 + (seed % 6) as usize;
            let setting = crate::support::Setting::frames(policy, frames);
            let limit = setting.limit().map(|limit| limit as u32);
            let job = case.job(&setting.policy, limit, 5);
            crate::support::assert_every_way_agrees(&job, &bursts, frames);
        }
    });
}

fn seen(job: &Job<'_>) -> Seen {
    let mut log = Log::default();
    let mut outcome = vm::run_with(job, &mut log).expect("a short trace");
    let (tlb, swap_full) = (outcome.tlb.take(), outcome.swap_full.is_some());
    Seen {
        rest: outcome,
        tlb,
        swap_full,
        faults: log.0,
    }
}

/// With tags and without.
pub fn geometries() -> [Geometry; 2] {
    let tagged = geometry(&hardware(Some(level(2, 3))));
    let untagged = Geometry {
        tags: false,
        ..tagged
    };
    [tagged, untagged]
}

#[test]
fn tlbs_change_no_counter_but_their_own() {
    (0..120u64).into_par_iter().for_each(|seed| {
        Case::of_seed(seed).each(|policy, job| {
            let without = seen(&job);
            for geometry in geometries() {
                let tlb = Some(&geometry);
                let with = seen(&Job { tlb, ..job });
                assert!(with.tlb.is_some());
                let told = |seen: &Seen| (seen.rest.clone(), seen.faults.clone());
                assert_eq!(told(&with), told(&without), "seed {seed}, {policy}");
                if policy == "clock" {
                    continue;
                }
                // Whoever does not look at reference bits does not see how they are set.
                for accessed in [vm::AccessedBitMode::Walk, vm::AccessedBitMode::WalkFlush] {
                    let walked = seen(&Job {
                        tlb,
                        accessed,
                        bursts: None,
                        misses: None,
                        ..job
                    });
                    assert_eq!(walked, with, "seed {seed}, {policy}, {accessed:?}");
                }
            }
        });
    });
}

#[test]
fn swap_that_never_fills_is_swap_without_limit() {
    (100..180u64).into_par_iter().for_each(|seed| {
        Case::of_seed(seed).each(|policy, job| {
            let [without, with] =
                [None, Some(100_000)].map(|swap_slots| seen(&Job { swap_slots, ..job }));
            assert!(!with.swap_full);
            assert_eq!(with, without, "seed {seed}, {policy}");
        });
    });
}

#[test]
fn one_process_has_all_frames_to_itself() {
    (200..300u64).into_par_iter().for_each(|seed| {
        let style = [Style::Mapped, Style::Files, Style::Permissive][(seed % 3) as usize];
        let mut items = items(style, SIZE, 600, seed);
        let first = items[0].pid();
        items.retain(|item| {
            let forks = matches!(item, Item::Event { event, .. } if event.name().ends_with("fork"));
            item.pid() == first && !forks
        });
        // With frames of its own it has no pages of files that it does not map.
        let options = space::Options {
            page_cache: Some(space::PageCache::Drop),
            ..space::Options::default()
        };
        let resolved = space::resolve(trace_of(&items, SIZE), &options).expect("it makes sense");
        let case = Case {
            resolved,
            ..Case::new(trace_of(&items, SIZE), seed)
        };
        assert_eq!(case.resolved.trace.dictionary.pids.len(), 1);
        case.each(|policy, job| {
            let quota = job.frames.map(|frames| [frames]);
            let quotas = quota.as_ref().map(|quota| &quota[..]);
            let local = seen(&Job { quotas, ..job });
            assert_eq!(local, seen(&job), "seed {seed}, {policy}");
        });
    });
}

/// A made-up trace without events, with pages of 4 KiB below the end of user space.
pub fn eventless(seed: u64) -> Trace {
    crate::support::trace_of(&any_refs(seed, 400, 14))
}

#[test]
fn inferred_mappings_change_only_what_is_read_from_devices() {
    (300..400u64).into_par_iter().for_each(|seed| {
        let permissive = Case::new(eventless(seed), seed);
        let inferred = Case {
            resolved: resolved(eventless(seed), Mappings::Infer),
            ..permissive
        };
        assert_eq!(inferred.resolved.origin, Origin::Inferred);
        let tally = &inferred.resolved.tally;
        assert_eq!((tally.segfaults, tally.protection_faults), (0, 0));
        let mut expected = Vec::new();
        // What is said of devices left out.
        let same = |job: &Job<'_>| {
            let mut log = Log::default();
            let mut outcome = vm::run_with(job, &mut log).expect("a short trace");
            for by_kind in &mut outcome.counters.faults {
                let [minor, major] = *by_kind;
                *by_kind = [[minor[0] + major[0], minor[1] + major[1]], [0, 0]];
            }
            outcome.counters.file_reads = 0;
            for fault in &mut log.0 {
                fault.major = false;
            }
            (outcome, log.0)
        };
        permissive.each(|_, job| expected.push(same(&job)));
        let mut expected = expected.into_iter();
        inferred.each(|policy, job| {
            let expected = expected.next().expect("as many policies");
            assert_eq!(same(&job), expected, "seed {seed}, {policy}");
        });
    });
}

/// Page tables are made up for what only they can do, and are made of the trace by whoever asks
/// how things stand at a position.
#[test]
fn page_tables_without_sharing_count_as_no_page_tables() {
    (400..520u64).into_par_iter().for_each(|seed| {
        let flat = Case::new(eventless(seed), seed);
        assert!(flat.resolved.space.is_none());
        let identity = Space::identity(&flat.resolved.trace.dictionary);
        let options = space::Options::default();
        let at = space::resolve_at(eventless(seed), &options, Some(3)).expect("no events");
        let asked = at.0.space.expect("for the position");
        let tlbs = geometries();
        flat.each(|policy, job| {
            for tlb in [None, Some(&tlbs[0]), Some(&tlbs[1])] {
                let expected = seen(&Job { tlb, ..job });
                for space in [&identity, &asked] {
                    let space = Some(space);
                    let got = seen(&Job { space, tlb, ..job });
                    assert_eq!(got, expected, "seed {seed}, {policy}, {tlb:?}");
                }
            }
        });
    });
}

/// Pages whose first references were all illegal are bound later than others, so that entries and
/// objects are as many but have other numbers.
#[test]
fn objects_are_told_from_entries_where_they_are_as_many() {
    let read_only = Mapping {
        protection: Protection {
            write: false,
            ..Protection::RW
        },
        ..anonymous(0, 2)
    };
    let mut trace = vec![map(1, read_only), map(1, anonymous(2, 3)), w(1, 1), w(1, 0)];
    // OPT in two frames: which page goes shows in every later fault.
    for page in [2, 0, 1, 2, 3, 0, 1, 4, 2, 3, 0, 4, 1] {
        trace.push(r(1, page));
    }
    for frames in 1..=4 {
        for policy in [Policy::Opt, Policy::Lru] {
            let options = Options {
                on_segfault: OnSegfault::Skip,
                ..Options::new(policy, frames)
            };
            let ends = outcome(&trace, &options);
            assert_eq!(ends.protection_faults(), 2);
        }
    }
}
