//! Pages that a child inherits and that nothing uses later need no entries: every count and every event
//! is that of a resolution in which each has one.

use super::*;
use crate::support::{POLICIES, SEED, Setting};
use pagebench::internals::space::{ForkFilePtes, resolve};
use pagebench::internals::vm::tlb::MissLog;
use pagebench::internals::vm::{AccessedBitMode, ExpiryEvent, run_with};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Writes down every event.
#[derive(Default, PartialEq, Debug)]
struct Events(Vec<FaultEvent>, Vec<ExpiryEvent>);

impl Listener for Events {
    fn fault(&mut self, event: &FaultEvent) {
        self.0.push(*event);
    }
    fn expired(&mut self, event: &ExpiryEvent) {
        self.1.push(*event);
    }
}

/// Leaves out what some processes refer to, and mostly what finds pages by what is bound.
fn silenced(items: Vec<Item>, random: &mut Random) -> Vec<Item> {
    let silent: Vec<bool> = (0..64).map(|_| random.percent(50)).collect();
    let calls = random.percent(30);
    let stays = |item: &Item| match item {
        Item::Access { pid, .. } => !silent[(pid % 64) as usize],
        Item::Event { event, .. } => {
            calls
                || !matches!(
                    event,
                    Event::Populate { .. }
                        | Event::Move(_)
                        | Event::Advise {
                            advice: Advice::WillNeed,
                            ..
                        }
                )
        }
    };
    items.into_iter().filter(stays).collect()
}

fn run(job: &Job<'_>) -> (vm::Outcome, Events) {
    let mut events = Events::default();
    let outcome = run_with(job, &mut events).expect("a short trace");
    (outcome, events)
}

/// What does not depend on the numbers of ops: whether the replay ended early, and the facts up to there.
fn comparable(mut outcome: vm::Outcome, resolved: &Resolved) -> (vm::Outcome, String) {
    let full = outcome.swap_full.take();
    let facts = full.as_ref().map(|full| {
        let facts = resolved.up_to(full.end()).expect("in memory");
        (full.after, full.by_kind, facts)
    });
    (outcome, format!("{facts:?}"))
}

#[test]
fn every_count_is_that_with_all_entries() {
    let (spared, forks) = (AtomicUsize::new(0), AtomicUsize::new(0));
    (0..700u64).into_par_iter().for_each(|seed| {
        let mut random = Random::new(seed ^ 0x0b5e);
        let page_size = PAGE_SIZES[random.below(4) as usize];
        let style = match seed % 3 {
            0 => STYLES[(seed / 3 % 7) as usize],
            _ => Style::Forks,
        };
        let items = silenced(items(style, page_size, 300, seed), &mut random);
        let forked = |item: &&Item| {
            matches!(
                item,
                Item::Event {
                    event: Event::Fork { .. },
                    ..
                }
            )
        };
        forks.fetch_add(items.iter().filter(forked).count(), Ordering::Relaxed);
        let options = space::Options {
            fork_file_ptes: ForkFilePtes::ALL[random.below(2) as usize].0,
            on_segfault: [space::OnSegfault::Kill, space::OnSegfault::Skip]
                [random.below(2) as usize],
            commit_limit: random.percent(20).then_some(page_size * 200),
            ..space::Options::default()
        };
        let resolve = |only_used_entries| {
            let options = space::Options {
                only_used_entries,
                ..options
            };
            resolve(trace_of(&items, page_size), &options)
        };
        let (all, used) = match (resolve(false), resolve(true)) {
            (Ok(all), Ok(used)) => (all, used),
            // A mapping can be in the way of one that was made for what is left out.
            (all, used) => return assert_eq!(all.err(), used.err(), "seed {seed}"),
        };
        spared.fetch_add(
            all.entries().len() - used.entries().len().min(all.entries().len()),
            Ordering::Relaxed,
        );
        assert_eq!(used.tally, all.tally, "seed {seed}");
        assert_eq!(used.untouched_end(), all.untouched_end(), "seed {seed}");
        assert_eq!(used.objects(), all.objects(), "seed {seed}");
        let geometry: Geometry = [
            "l1=4x2,l2=none,pwc=1/2/4",
            "l1i=2x2,l1d=3x3,l2=8x2,pwc=2/2/2",
        ][random.below(2) as usize]
            .parse()
            .expect("a geometry");
        let quotas: Vec<u32> = all.trace.dictionary.pids.iter().map(|_| 2).collect();
        let policy = POLICIES[random.below(POLICIES.len() as u64) as usize];
        for policy in [policy, "lru", "ws", "clock"] {
            let frames = 1 + random.below(8) as usize;
            let setting = Setting::frames(policy, frames);
            let limit = setting.limit().map(|limit| limit as u32);
            let local = random.percent(20) && limit.is_some();
            let job = Job {
                seed: SEED,
                frames: if local {
                    Some(quotas.iter().sum())
                } else {
                    limit
                },
                quotas: local.then_some(&quotas[..]),
                tau: 5,
                tlb: Some(&geometry),
                accessed: AccessedBitMode::ALL[random.below(3) as usize].0,
                swap_slots: [None, Some(3)][random.below(2) as usize],
                ..Job::new(&all.trace, &setting.policy)
            };
            let of = |resolved: &Resolved, follows: bool| {
                let space = resolved.space.as_ref();
                let log = MissLog::of(&geometry, &resolved.trace, space).filter(|_| follows);
                let (outcome, events) = run(&Job {
                    trace: &resolved.trace,
                    space,
                    misses: log.as_ref(),
                    ..job
                });
                (comparable(outcome, resolved), events)
            };
            let expected = of(&all, false);
            assert_eq!(of(&used, false), expected, "seed {seed}, {policy}");
            assert_eq!(
                of(&used, true),
                expected,
                "seed {seed}, {policy}, by the log"
            );
        }
    });
    let (spared, forks) = (spared.into_inner(), forks.into_inner());
    assert!(
        spared > 1000 && forks > 1000,
        "{spared} entries, {forks} forks"
    );
}
