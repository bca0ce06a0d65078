//! Frames divided among processes: who shares nothing fares as alone. And what of reference bits and
//! of pages brought in ahead of use holds whatever the policy.

use super::layers::{Case, geometries};
use super::*;
use std::collections::BTreeSet;

/// A program of its own: memory, and a file that nobody else has, with advice about it.
fn program(pid: u32, length: usize, random: &mut Random) -> Vec<Item> {
    let file = Mapping {
        backing: Backing::File {
            file: pid,
            offset: 0,
            length: 8 * SIZE,
        },
        ..shared(of_file(20, 8, 8 * SIZE))
    };
    let mut items = vec![map(pid, anonymous(0, 9)), map(pid, file)];
    let pages = 3 + random.below(6);
    while items.len() < length {
        let page = [random.below(pages), 20 + random.below(8)][random.below(2) as usize];
        items.push(match random.below(20) {
            0 => advise(pid, 20 + random.below(8), 2, Advice::WillNeed),
            1..7 => w(pid, page),
            _ => r(pid, page),
        });
    }
    items
}

/// Several lists as one, each in its order.
fn mixed(parts: &[Vec<Item>], random: &mut Random) -> Vec<Item> {
    let mut left: Vec<_> = parts.iter().map(|part| part.iter().peekable()).collect();
    let mut all = Vec::new();
    while left.iter_mut().any(|part| part.peek().is_some()) {
        let one = random.below(left.len() as u64) as usize;
        let run = 1 + random.below(4) as usize;
        all.extend(left[one].by_ref().take(run).cloned());
    }
    all
}

/// Whatever adds up.
fn sums(outcomes: &[vm::Outcome]) -> (BTreeMap<String, u64>, Vec<(&'static str, u64)>) {
    let mut all: BTreeMap<String, u64> = BTreeMap::new();
    let mut events: Vec<(&'static str, u64)> = Vec::new();
    for outcome in outcomes {
        let c = &outcome.counters;
        let mut add = |name: String, count: u64| *all.entry(name).or_default() += count;
        for kind in vm::FaultKind::ALL {
            for (major, row) in c.faults[kind as usize].iter().enumerate() {
                for (written, &count) in row.iter().enumerate() {
                    add(format!("{kind:?} {major} {written}"), count);
                }
            }
        }
        for (name, count) in [
            ("refs", c.refs),
            ("hits", c.hits),
            ("swap reads", c.swap_reads),
            ("file reads", c.file_reads),
            ("prefetched", c.prefetched[0]),
            ("prefetched for a written one", c.prefetched[1]),
            ("clean", c.evictions_clean),
            ("dirty", c.evictions_dirty),
            ("freed", c.freed),
            ("resident", outcome.resident_end),
            ("dirty at the end", outcome.dirty_end),
            ("swapped", outcome.swapped_end),
            ("dropped", outcome.dropped_end),
            ("slots", outcome.swap_slots),
        ] {
            add(name.into(), count);
        }
        for &(name, count) in &outcome.policy_events {
            match events.iter_mut().find(|event| event.0 == name) {
                Some(event) => event.1 += count,
                None => events.push((name, count)),
            }
        }
    }
    (all, events)
}

/// The numbers of SplitMix64 (G. L. Steele, D. Lea, C. H. Flood, 2014) begun with a seed.
fn split_mix(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

fn job_of<'t>(resolved: &'t Resolved, choice: &'t PolicyChoice) -> Job<'t> {
    Job {
        trace: &resolved.trace,
        space: resolved.space.as_ref(),
        policy: choice.id,
        params: &choice.params,
        seed: crate::support::SEED,
        frames: None,
        quotas: None,
        tau: 1,
        warmup: 0,
        tlb: None,
        accessed: vm::AccessedBitMode::Every,
        bursts: None,
        misses: None,
        swap_slots: None,
        choices: Default::default(),
    }
}

/// The fixed-space policies, but for OPT-WB: it weighs distances in the trace, which other processes
/// make longer.
fn settings() -> Vec<PolicyChoice> {
    let all = crate::support::fixed_space().filter(|policy| !policy.starts_with("opt-wb"));
    all.map(|policy| policy.parse().expect("a policy of the table"))
        .collect()
}

/// Programs that share and free nothing have in frames of their own what they have alone in as many,
/// under every policy.
#[test]
fn quotas_are_separate_runs() {
    let settings = settings();
    let names: BTreeSet<&str> = settings.iter().map(|one| one.spec().name).collect();
    assert_eq!(names.len(), 28);
    (0..30u64).into_par_iter().for_each(|seed| {
        let mut random = Random::new(seed ^ 0x9407a);
        let count = 2 + random.below(3) as u32;
        let length = |random: &mut Random| 40 + random.below(260) as usize;
        let parts: Vec<Vec<Item>> = (0..count)
            .map(|i| program(3 + 2 * i, length(&mut random), &mut random))
            .collect();
        let all = mixed(&parts, &mut random);
        let meaning =
            |items: &[Item]| layers::resolved(trace_of(items, SIZE), space::Mappings::Permissive);
        let together = meaning(&all);
        let alone: Vec<Resolved> = together
            .trace
            .dictionary
            .pids
            .iter()
            .map(|pid| {
                let own = all.iter().filter(|item| item.pid() == *pid);
                meaning(&own.cloned().collect::<Vec<_>>())
            })
            .collect();
        let quotas: Vec<u32> = alone.iter().map(|_| 1 + random.below(9) as u32).collect();
        for choice in &settings {
            let run = |job: Job<'_>| vm::run(&job).expect("a short trace");
            let shared = run(Job {
                frames: Some(quotas.iter().sum()),
                quotas: Some(&quotas),
                ..job_of(&together, choice)
            });
            let seeds =
                std::iter::once(crate::support::SEED).chain(split_mix(crate::support::SEED));
            let each = alone.iter().zip(&quotas).zip(seeds);
            let separate: Vec<vm::Outcome> = each
                .map(|((resolved, &quota), seed)| {
                    run(Job {
                        frames: Some(quota),
                        seed,
                        ..job_of(resolved, choice)
                    })
                })
                .collect();
            assert_eq!(
                sums(&[shared]),
                sums(&separate),
                "seed {seed}, {choice}, {quotas:?}"
            );
        }
    });
}

fn told(job: &Job<'_>) -> (vm::Outcome, Vec<vm::FaultEvent>) {
    let mut log = Log::default();
    let mut outcome = vm::run_with(job, &mut log).expect("a short trace");
    outcome.tlb = None;
    (outcome, log.0)
}

/// A bit that is cleared takes the page's translations with it, whoever clears it and when: then walks
/// set bits as references do. The machine asserts that no translation is left.
#[test]
fn walk_flush_is_every() {
    (600..640u64).into_par_iter().for_each(|seed| {
        let case = Case::of_seed(seed);
        let geometry = &geometries()[(seed % 2) as usize];
        let frames = 1 + (seed % 7) as u32;
        let quotas = vec![frames; case.resolved.trace.dictionary.pids.len()];
        for policy in crate::support::POLICIES {
            let setting = crate::support::Setting::frames(policy, frames as usize);
            let limit = setting.limit().map(|limit| limit as u32);
            let job = Job {
                frames: limit,
                tau: 6,
                tlb: Some(geometry),
                ..job_of(&case.resolved, &setting.policy)
            };
            let local = Job {
                frames: limit.map(|_| quotas.iter().sum()),
                quotas: limit.map(|_| &quotas[..]),
                ..job
            };
            for job in [job, local] {
                let walks = told(&Job {
                    accessed: vm::AccessedBitMode::WalkFlush,
                    ..job
                });
                assert_eq!(walks, told(&job), "seed {seed}, {policy}");
            }
        }
    });
}

/// What `policies` says of parameters at which one policy is another, with pages brought in ahead of
/// use, shared and freed; with frames by process where that changes nothing of it.
#[test]
fn policies_that_are_others_stay_so() {
    let pairs = [
        ("lru-k:k=1", "lru", true),
        ("lrfu:lambda=1", "lru", false),
        ("lrfu:lambda=0", "lfu:keep=0", true),
        ("gclock:bits=1", "clock", true),
        ("lirs:hir=1", "lru", true),
        ("dws:alpha=1", "ws", false),
    ];
    (700..780u64).into_par_iter().for_each(|seed| {
        let case = Case::of_seed(seed);
        let frames = 1 + (seed % 6) as u32;
        let quotas = vec![frames; case.resolved.trace.dictionary.pids.len()];
        for (policy, other, local) in pairs {
            let [these, those] = [policy, other].map(|text| {
                let setting = crate::support::Setting::frames(text, frames as usize);
                let job = Job {
                    frames: setting.limit().map(|limit| limit as u32),
                    tau: 1 + seed % 9,
                    ..job_of(&case.resolved, &setting.policy)
                };
                let by_process = Job {
                    frames: Some(quotas.iter().sum()),
                    quotas: Some(&quotas),
                    ..job
                };
                [Some(job), local.then_some(by_process)].map(|job| job.map(|job| told(&job)))
            });
            assert!(these == those, "seed {seed}, {policy}, {other}");
        }
    });
}

/// Both pages of the file come in while the clock stands still; the one that came first leaves, though
/// the other is referenced first and so has the lower number.
#[test]
fn the_damped_working_set_gives_up_what_came_in_first() {
    let items = [
        map(1, anonymous(0, 4)),
        map(1, shared(of_file(8, 2, 2 * SIZE))),
        advise(1, 8, 1, Advice::WillNeed),
        advise(1, 9, 1, Advice::WillNeed),
        r(1, 0), // 8 leaves.
        r(1, 9), // 9 is there still.
        r(1, 8),
    ];
    let resolved = layers::resolved(trace_of(&items, SIZE), space::Mappings::Permissive);
    let choice: PolicyChoice = "dws:alpha=0.1".parse().expect("a policy of the table");
    let mut log = Log::default();
    let job = Job {
        tau: 10,
        ..job_of(&resolved, &choice)
    };
    vm::run_with(&job, &mut log).expect("a short trace");
    let kinds: Vec<_> = log
        .0
        .iter()
        .map(|fault| (fault.kind, fault.major))
        .collect();
    let expected = [
        (vm::FaultKind::Fill, false),
        (vm::FaultKind::Map, false),
        (vm::FaultKind::Refill, true),
    ];
    assert_eq!(kinds, expected);
}
