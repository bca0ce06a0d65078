//! Pages of files that outlive their last unmap, and reads and writes of files: under every policy a replay
//! by bursts is the plain one, the laws that the machine asserts hold, and what is kept is not loaded
//! again.

use super::PAGE_SIZES;
use crate::oracle::whole::Item;
use crate::support::events::{Style, items, trace_of};
use crate::support::random::Random;
use crate::support::{POLICIES, SEED, Setting, assert_every_way_agrees};
use pagebench::internals::policy::PolicyChoice;
use pagebench::internals::space::{self, FileIo, Options, PageCache, Resolved};
use pagebench::internals::trace::model::event::Event;
use pagebench::internals::vm::{self, FaultKind, Job, Outcome};
use rayon::prelude::*;

fn options(page_cache: PageCache, file_io: FileIo) -> Options {
    Options {
        page_cache: Some(page_cache),
        file_io,
        ..Options::default()
    }
}

fn resolved(items: &[Item], page_size: u64, options: &Options) -> Resolved {
    space::resolve(trace_of(items, page_size), options).expect("a trace that makes sense")
}

#[test]
fn every_policy_with_files_that_come_and_go() {
    let styles = [Style::Cache, Style::Files, Style::Mapped];
    (700..760u64).into_par_iter().for_each(|seed| {
        let mut random = Random::new(seed ^ 0xcac4e);
        let page_size = PAGE_SIZES[random.below(4) as usize];
        let items = items(styles[(seed % 3) as usize], page_size, 300, seed);
        for page_cache in PageCache::ALL {
            let file_io = FileIo::ALL[random.below(4).min(1) as usize].0;
            let resolved = resolved(&items, page_size, &options(page_cache.0, file_io));
            let ops = resolved.space.iter().flat_map(|space| &space.ops);
            let bursts = crate::support::bursts_of(&resolved.trace, space::cuts(ops));
            for policy in POLICIES {
                let frames = 1 + random.below(8) as usize;
                let setting = Setting::frames(policy, frames);
                let limit = setting.limit().map(|limit| limit as u32);
                let job = Job {
                    space: resolved.space.as_ref(),
                    seed: SEED,
                    frames: limit,
                    tau: 1 + random.below(30),
                    swap_slots: [None, Some(5)][random.below(2) as usize],
                    ..Job::new(&resolved.trace, &setting.policy)
                };
                assert_every_way_agrees(&job, &bursts, frames);
            }
        }
    });
}

fn replay(resolved: &Resolved, policy: &str, tau: u64) -> Outcome {
    let choice: PolicyChoice = policy.parse().expect("a policy of the table");
    let job = Job {
        space: resolved.space.as_ref(),
        tau,
        ..Job::new(&resolved.trace, &choice)
    };
    vm::run(&job).expect("a short trace")
}

/// With a frame for each page nothing is loaded twice that is kept.
#[test]
fn what_is_kept_is_loaded_once() {
    let mut kept = 0;
    for seed in 0..60 {
        let items = items(Style::Cache, 4096, 300, seed);
        for file_io in FileIo::ALL {
            let of = |cache| resolved(&items, 4096, &options(cache, file_io.0));
            let (keep, drop) = (of(PageCache::Keep), of(PageCache::Drop));
            let (k, d) = (replay(&keep, "lru", 1), replay(&drop, "lru", 1));
            let (k, d) = (k.counters, d.counters);
            assert_eq!(k.of(FaultKind::Refill), 0, "seed {seed}");
            assert!(k.file_reads <= d.file_reads);
            assert!(k.loads() - k.originals[0] <= d.loads());
            assert_eq!(k.of(FaultKind::CowReuse), d.of(FaultKind::CowReuse));
            kept += d.file_reads - k.file_reads;
        }
    }
    assert!(kept > 100, "{kept} reads are spared");
}

/// Under a window what is unmapped leaves at once: the same pages come in and leave as if they were
/// dropped, but they are refills.
#[test]
fn a_window_has_no_page_that_nobody_maps() {
    let mut refills = 0;
    for seed in 0..60 {
        let items = items(Style::Cache, 4096, 300, seed);
        let of = |cache| resolved(&items, 4096, &options(cache, FileIo::Count));
        let (keep, drop) = (of(PageCache::Keep), of(PageCache::Drop));
        for tau in [1, 5, 1000] {
            let (k, d) = (replay(&keep, "ws", tau), replay(&drop, "ws", tau));
            let loads = |outcome: &Outcome| {
                let c = outcome.counters;
                let came = c.of(FaultKind::Fill) + c.of(FaultKind::Refill);
                (came, c.hits, c.io_hits, c.io_loads, c.file_reads)
            };
            assert_eq!(loads(&k), loads(&d), "seed {seed}, tau {tau}");
            assert_eq!(k.resident_sum, d.resident_sum, "seed {seed}, tau {tau}");
            assert_eq!(k.counters.freed_dirty, d.counters.freed_dirty);
            refills += k.counters.of(FaultKind::Refill) - d.counters.of(FaultKind::Refill);
        }
    }
    assert!(refills > 100, "{refills} refills instead of fills");
}

/// Reads and writes that are ignored change nothing.
#[test]
fn ignored_reads_and_writes_change_nothing() {
    let mut all_ignored = 0;
    for seed in 0..30 {
        let all = items(Style::Cache, 4096, 300, seed);
        let is_io = |item: &Item| {
            matches!(
                item,
                Item::Event {
                    event: Event::Read(_) | Event::Write(_),
                    ..
                }
            )
        };
        let rest: Vec<Item> = all.iter().filter(|item| !is_io(item)).cloned().collect();
        let options = options(PageCache::Keep, FileIo::Ignore);
        let (with, without) = (
            resolved(&all, 4096, &options),
            resolved(&rest, 4096, &options),
        );
        let ignored = all.iter().filter(|item| is_io(item)).count() as u64;
        // Those of processes that have been ended are not looked at.
        assert!(with.tally.ignored_io <= ignored, "seed {seed}");
        all_ignored += with.tally.ignored_io;
        for policy in ["lru", "clock", "ws"] {
            assert_eq!(replay(&with, policy, 9), replay(&without, policy, 9));
        }
    }
    assert!(all_ignored > 100, "{all_ignored} reads and writes ignored");
}
