//! The product's engine against the oracles, event by event: every policy of the table, every
//! number of frames and many windows, over pseudo-random traces; and with it the TLBs, the swap
//! device and the warm-up.

use crate::oracle::tlb::{Hierarchy, Level, TlbRun, WalkRun, hierarchy};
use crate::oracle::{Ref, Run};
use crate::support::random::{Random, SHAPES, any_refs, refs_of};
use crate::support::{
    POLICIES, REPRESENTATIVES, Setting, assert_holds, bursts_of, caught, compare_runs, distinct,
    expected_facts, facts, fixed_space, geometry, oracle_of, oracle_with_events, replay,
    replay_with, run_of, trace_of, truncated,
};
use pagebench::internals::policy::TABLE;
use pagebench::internals::trace::bursts::Bursts;
use pagebench::internals::trace::model::dense::Trace;
use pagebench::internals::units::PageSize;
use pagebench::internals::vm::hardware::processors::MACHINES;
use pagebench::internals::vm::tlb::{Geometry, Replacement, Second, Shape as TlbShape};
use pagebench::internals::vm::{Outcome, TlbCounters};
use rayon::prelude::*;
use std::collections::HashSet;

#[test]
fn every_policy_and_every_parameter_has_an_oracle() {
    let all = POLICIES.iter();
    let settings: Vec<Setting> = all.map(|policy| Setting::frames(policy, 1)).collect();
    for spec in TABLE {
        let mut own = settings
            .iter()
            .filter(|s| s.policy.spec().name == spec.name);
        let plain = own
            .next()
            .unwrap_or_else(|| panic!("{}: not in POLICIES", spec.name));
        assert!(
            oracle_of(&[], plain).is_some(),
            "{} has no oracle in src/tests/oracle",
            spec.name
        );
        for param in spec.params {
            let changed = settings.iter().any(|s| {
                s.policy.spec().name == spec.name
                    && s.policy.params.get(spec, param.name) != param.default
            });
            assert!(changed, "{}: POLICIES never sets {}", spec.name, param.name);
        }
    }
}

/// Every setting of the fixed-space policies for so many frame counts, and of the variable-space
/// policies for these windows.
fn settings(frames: impl Iterator<Item = usize> + Clone, taus: &[u64]) -> Vec<Setting> {
    settings_of(POLICIES, frames, taus)
}

/// The same for some policies.
fn settings_of(
    policies: &[&str],
    frames: impl Iterator<Item = usize> + Clone,
    taus: &[u64],
) -> Vec<Setting> {
    let of = |policy: &&str| -> Vec<Setting> {
        match Setting::frames(policy, 1).is_variable() {
            true => taus
                .iter()
                .map(|&tau| Setting::window(policy, tau))
                .collect(),
            false => frames.clone().map(|n| Setting::frames(policy, n)).collect(),
        }
    };
    policies.iter().flat_map(of).collect()
}

/// The policies for the case of a number: all of them for one of every `nth`, else those that stand
/// for them.
fn policies(case: u64, nth: u64) -> &'static [&'static str] {
    match case.is_multiple_of(nth) {
        true => POLICIES,
        false => REPRESENTATIVES,
    }
}

/// Asserts that the product's events and numbers are the oracle's under each of the settings. Says
/// the first of them that fails for the shortest references found.
fn assert_agree(refs: &[Ref], settings: &[Setting]) {
    assert_holds(refs, |refs| {
        let trace = trace_of(refs);
        let bursts = bursts_of(&trace, std::iter::empty());
        settings.iter().try_for_each(|setting| {
            caught(|| agrees(refs, &trace, &bursts, setting))
                .map_err(|what| format!("{}: {what}", setting.describe()))
        })
    });
}

/// The product's events and numbers are the oracle's.
fn agrees(refs: &[Ref], trace: &Trace, bursts: &Bursts, setting: &Setting) -> Result<(), String> {
    let (expected, events) = oracle_with_events(refs, setting).expect("a policy with an oracle");
    let (outcome, recorder) = replay_with(trace, bursts, setting);
    let warm = (setting.warmup as usize).min(refs.len());
    if warm == 0 {
        if outcome.policy_events != events {
            let got = &outcome.policy_events;
            return Err(format!("counted {got:?}, expected {events:?}"));
        }
        let got = run_of(trace, &outcome, &recorder);
        compare_runs(&got, &expected)?;
    }
    let (got, wanted) = (facts(&outcome), expected_facts(&expected, refs.len(), warm));
    if got != wanted {
        return Err(format!("got {got:#?}, expected {wanted:#?}"));
    }
    let before = truncated(&expected, warm);
    if recorder.before_counting != Some((before.faults.len(), before.expired.len())) {
        return Err("counting begins elsewhere".into());
    }
    let frames = setting.limit().unwrap_or(distinct(refs).max(1));
    if outcome.frames != frames as u64 {
        return Err(format!("frames {}", outcome.frames));
    }
    agrees_on_tlbs(refs, setting, &outcome, &expected, warm)
}

fn agrees_on_tlbs(
    refs: &[Ref],
    setting: &Setting,
    outcome: &Outcome,
    run: &Run,
    warm: usize,
) -> Result<(), String> {
    let got = outcome.tlb.map(|tlb| (plain(&tlb), walks(&tlb)));
    let expected = setting.tlb.map(|geometry| {
        let (all, all_walks) = translated(refs, run, &geometry);
        let (before, walks_before) = translated(&refs[..warm], &truncated(run, warm), &geometry);
        let counted = TlbRun {
            l1i_hits: all.l1i_hits - before.l1i_hits,
            l1d_hits: all.l1d_hits - before.l1d_hits,
            l2_hits: all.l2_hits - before.l2_hits,
            misses: all.misses - before.misses,
            shootdowns: all.shootdowns - before.shootdowns,
        };
        let walks = WalkRun {
            refs: all_walks.refs - walks_before.refs,
            by_height: std::array::from_fn(|height| {
                all_walks.by_height[height] - walks_before.by_height[height]
            }),
            flushes: all_walks.flushes - walks_before.flushes,
        };
        if geometry.pwc.iter().all(Option::is_none) {
            assert_eq!(walks.refs, counted.misses * u64::from(geometry.levels));
        }
        (counted, walks)
    });
    match got == expected {
        true => Ok(()),
        false => Err(format!("got {got:?}, expected {expected:?}")),
    }
}

fn plain(counters: &TlbCounters) -> TlbRun {
    TlbRun {
        l1i_hits: counters.l1i_hits,
        l1d_hits: counters.l1d_hits,
        l2_hits: counters.l2_hits,
        misses: counters.misses,
        shootdowns: counters.shootdowns,
    }
}

fn walks(counters: &TlbCounters) -> WalkRun {
    let mut by_level = counters.walk_refs_by_level(8).into_iter().rev();
    WalkRun {
        refs: counters.walk_refs,
        by_height: std::array::from_fn(|_| by_level.next().expect("eight levels")),
        flushes: counters.flushes,
    }
}

fn translated(refs: &[Ref], run: &Run, geometry: &Geometry) -> (TlbRun, WalkRun) {
    let level = |shape: TlbShape| Level {
        sets: (shape.entries / shape.ways) as usize,
        ways: shape.ways as usize,
        fifo: shape.replacement == Replacement::Fifo,
    };
    let (l2i, l2d, shared) = match geometry.l2 {
        Second::Absent => (None, None, false),
        Second::Shared(shape) => (Some(shape), None, true),
        Second::Split { instructions, data } => (instructions, data, false),
    };
    let hardware = Hierarchy {
        l1i: level(geometry.l1i),
        l1d: level(geometry.l1d),
        l2i: l2i.map(level),
        l2d: l2d.map(level),
        shared,
        tags: geometry.tags,
        levels: geometry.levels,
        walk_caches: geometry.pwc[..geometry.levels as usize - 1]
            .iter()
            .map(|cache| cache.map(level))
            .collect(),
    };
    hierarchy(refs, run, &hardware)
}

const TAUS: [u64; 9] = [1, 2, 3, 4, 6, 10, 25, 100, 1_000];

#[test]
fn every_frame_count_and_many_windows() {
    (0..120u64).into_par_iter().for_each(|seed| {
        let refs = any_refs(seed, 400, 12);
        let frames = 1..=distinct(&refs) + 2;
        assert_agree(&refs, &settings_of(policies(seed, 5), frames, &TAUS));
    });
}

/// All strings of three pages, up to renaming: they begin with page 0. So no small case depends on
/// luck; the last reference but one writes.
#[test]
fn every_short_string() {
    const LENGTH: u32 = 7;
    let codes = (0..3u64.pow(LENGTH - 1))
        .into_par_iter()
        .map(|code| code * 3);
    let settings = settings(1..=4, &[1, 2, 3, 7, 8]);
    codes.for_each(|code| {
        let pages: Vec<u64> = (0..LENGTH).map(|i| code / 3u64.pow(i) % 3).collect();
        let mut refs = crate::oracle::reads(&pages);
        refs[LENGTH as usize - 2].write = true;
        assert_agree(&refs, &settings);
    });
}

#[test]
fn longer_traces() {
    SHAPES
        .into_par_iter()
        .enumerate()
        .for_each(|(index, shape)| {
            let refs = refs_of(shape, 5_000, 60, 7_000 + index as u64);
            let frames = [1, 2, 3, 7, 16, 31, 59, 60, 61].into_iter();
            assert_agree(&refs, &settings(frames, &[1, 17, 100, 900, 6_000]));
        });
}

#[test]
fn a_trace_of_nothing() {
    assert_agree(&[], &settings(1..=2, &[1, 5]));
}

/// The hostile case: cyclic references to one page more than there are frames.
#[test]
fn one_frame_too_few() {
    for frames in 2..=9usize {
        let length = 20 * (frames + 1);
        let string: Vec<u64> = (0..length as u64)
            .map(|i| i % (frames as u64 + 1))
            .collect();
        let refs = crate::oracle::reads(&string);
        for policy in fixed_space() {
            let setting = Setting::frames(policy, frames);
            assert_agree(&refs, std::slice::from_ref(&setting));
            let faults = crate::support::product(&refs, &setting).faults.len();
            match setting.policy.spec().name {
                "lru" | "fifo" | "clock" => assert_eq!(faults, length, "{policy}"),
                "opt" | "mru" => assert!(faults < length, "{policy}, {frames} frames"),
                _ => {}
            }
        }
    }
}

#[test]
fn warm_up_counts_the_rest() {
    (0..90u64).into_par_iter().for_each(|seed| {
        let refs = any_refs(10_000 + seed, 300, 10);
        let mut random = Random::new(seed);
        let mut warmups = vec![1, refs.len() - 1, refs.len(), refs.len() + 5];
        warmups.extend((0..4).map(|_| random.below(refs.len() as u64) as usize));
        let frames = (1..=distinct(&refs) + 1).step_by(2);
        let settings = settings_of(policies(seed, 10), frames, &[1, 3, 8, 40]);
        let mut warm = Vec::new();
        for setting in settings {
            warm.extend(
                warmups
                    .iter()
                    .map(|&warmup| setting.clone().with_warmup(warmup)),
            );
        }
        assert_agree(&refs, &warm);
    });
}

/// Small and odd shapes: no power of two, one entry, one set, levels larger and smaller than the
/// one before; second levels split, halved and absent, FIFO, page-walk caches, no tags.
fn geometries() -> Vec<Geometry> {
    let read = [
        "l1=3x3,l2=none,levels=2",
        "l1i=2x1,l1d=4x2,l2i=6x3,l2d=5x1,levels=3",
        "l1=2x2,l2i=none,l2d=9x3,levels=4,tags=off",
        "l1i=1,l1d=3,l2i=4x2,l2d=none,levels=4,pwc=1/1/1",
        "l1=2x2,l2=4x2,levels=5,pwc=1/0/2/3,tags=off",
        "l1=1,l2=none,levels=4,pwc=2/4x2/6x3",
        "l1=6x3,l2=12x4,levels=4,tags=off",
        "l1=1,l2=none,levels=8,pwc=0/0/0/0/0/0/2",
        "l1=4:fifo,l2=none,levels=4",
        "l1i=3:fifo,l1d=4x2,l2=6x3:fifo,levels=4,pwc=1/1/1",
        "l1=2x2,l2i=4x2:fifo,l2d=3:fifo,levels=3,tags=off",
    ];
    let read = read.map(|text| text.parse().expect("a geometry"));
    let plain = vec![
        geometry((1, 1), (1, 1), (1, 1), 1),
        geometry((3, 3), (3, 3), (3, 3), 3),
        geometry((6, 2), (3, 1), (12, 3), 4),
        geometry((1, 1), (2, 2), (12, 3), 5),
        geometry((12, 3), (6, 2), (3, 3), 2),
        geometry((5, 1), (7, 7), (10, 2), 4),
        geometry((2, 1), (9, 3), (35, 5), 8),
        Geometry::default(),
    ];
    plain.into_iter().chain(read).collect()
}

/// Every machine of the table, as pages of 4 KiB see it.
fn machines() -> impl Iterator<Item = Geometry> {
    MACHINES
        .iter()
        .map(|preset| preset.geometry(PageSize::DEFAULT))
}

#[test]
fn tlbs_of_any_shape() {
    let geometries = geometries();
    (0..120u64).into_par_iter().for_each(|seed| {
        let refs = any_refs(20_000 + seed, 350, 14);
        let most = distinct(&refs) + 1;
        let frames = [1, 2, 3, 5, most / 2 + 1, most].into_iter();
        let settings = settings_of(policies(seed, 20), frames, &[1, 2, 5, 12, 60]);
        let mut translated = Vec::new();
        for (index, setting) in settings.into_iter().enumerate() {
            // Every geometry meets every policy, though not in every trace.
            for turn in 0..3 {
                let tlb = geometries[(index + seed as usize + 3 * turn) % geometries.len()];
                let warmup = if turn == 2 { refs.len() / 3 } else { 0 };
                translated.push(setting.clone().with_tlb(Some(tlb)).with_warmup(warmup));
            }
        }
        assert_agree(&refs, &translated);
    });
}

#[test]
fn tlbs_over_longer_traces() {
    SHAPES
        .into_par_iter()
        .enumerate()
        .for_each(|(index, shape)| {
            let refs = refs_of(shape, 4_000, 60, 8_000 + index as u64);
            for tlb in geometries() {
                let settings = settings_of(REPRESENTATIVES, [9, 30].into_iter(), &[40, 200]);
                let with = |setting: Setting| setting.with_tlb(Some(tlb));
                let settings: Vec<Setting> = settings.into_iter().map(with).collect();
                assert_agree(&refs, &settings);
            }
        });
}

/// With tags it does not matter in which order processes run, if nothing is driven out: every page
/// misses once. Without tags the same holds where each process runs but once; and where there is
/// but one process, tags change nothing at all.
#[test]
fn tags_keep_processes_apart() {
    let with = |tags: &str| -> Option<Geometry> {
        let text = format!("l1=4096,l2=none,levels=4,pwc=64/64/64,tags={tags}");
        Some(text.parse().expect("a geometry"))
    };
    let count = |refs: &[Ref], tags: &str| {
        let setting = Setting::frames("lru", distinct(refs).max(1)).with_tlb(with(tags));
        let (outcome, _) = replay(&trace_of(refs), &setting);
        outcome.tlb.expect("modelled")
    };
    for seed in 0..60 {
        // Data only: instructions have a TLB of their own.
        let mut refs = any_refs(50_000 + seed, 400, 12);
        refs.iter_mut().for_each(|r| r.ifetch = false);
        let mut one_by_one = refs.clone();
        one_by_one.sort_by_key(|r| r.process);
        let pages = distinct(&refs) as u64;
        let changes = |refs: &[Ref]| {
            let pairs = refs.windows(2);
            pairs
                .filter(|pair| pair[0].process != pair[1].process)
                .count() as u64
        };
        for refs in [&refs, &one_by_one] {
            let tagged = count(refs, "on");
            assert_eq!((tagged.misses, tagged.flushes), (pages, 0));
            let flushed = count(refs, "off");
            assert_eq!(flushed.flushes, changes(refs));
            assert!(flushed.misses >= pages);
            if changes(refs) == 0 {
                assert_eq!(flushed, tagged);
            }
        }
        assert_eq!(count(&one_by_one, "off").misses, pages);
    }
}

/// Every machine against the oracle, over pages that meet in sets and tables and over pages that
/// do not.
#[test]
fn machines_of_the_table() {
    (0..6u64).into_par_iter().for_each(|seed| {
        let refs = refs_of(
            SHAPES[seed as usize % SHAPES.len()],
            3_000,
            400,
            60_000 + seed,
        );
        for tlb in machines() {
            for tags in [true, false] {
                let tlb = Geometry { tags, ..tlb };
                let setting = Setting::frames("lru", 150).with_tlb(Some(tlb));
                assert_agree(&refs, &[setting]);
            }
        }
    });
}

#[test]
fn tlbs_change_no_fault() {
    let geometries: Vec<Geometry> = geometries().into_iter().chain(machines()).collect();
    (0..60u64).into_par_iter().for_each(|seed| {
        let refs = any_refs(30_000 + seed, 400, 12);
        let trace = trace_of(&refs);
        for (index, setting) in settings([1, 3, 6].into_iter(), &[2, 9, 50])
            .into_iter()
            .enumerate()
        {
            let (without, events) = replay(&trace, &setting);
            let tlb = geometries[(seed as usize + index) % geometries.len()];
            let (with, same_events) = replay(&trace, &setting.clone().with_tlb(Some(tlb)));
            assert_eq!(events, same_events, "{}", setting.describe());
            assert_eq!(facts(&without), facts(&with), "{}", setting.describe());
            assert!(without.tlb.is_none() && with.tlb.is_some());
        }
    });
}

/// A working set with a frame limit, for limits of all sizes.
#[test]
fn working_sets_with_a_limit() {
    (0..120u64).into_par_iter().for_each(|seed| {
        let refs = any_refs(40_000 + seed, 300, 9);
        for limit in 1..=distinct(&refs) + 1 {
            for tau in [1, 2, 5, 11, 30, 400] {
                let setting = Setting::window(&format!("ws:limit={limit}"), tau);
                assert_eq!(setting.limit(), Some(limit));
                assert_agree(&refs, &[setting]);
            }
        }
    });
}

/// Where a run meets full swap: the references it gets through, and the faults, victims and
/// expiries up to there.
fn full_swap(run: &Run, slots: usize) -> Option<(usize, usize, usize, usize)> {
    let mut owners = HashSet::new();
    let mut denied = |page, dirty: bool| {
        let full = dirty && owners.len() == slots && !owners.contains(&page);
        if dirty && !full {
            owners.insert(page);
        }
        full
    };
    let (mut victims, mut expired) = (0, run.expired.iter().enumerate().peekable());
    for (faults, fault) in run.faults.iter().enumerate() {
        while let Some((index, expiry)) = expired.next_if(|(_, expiry)| expiry.at < fault.at) {
            if denied(expiry.page, expiry.dirty) {
                return Some((expiry.at + 1, faults, victims, index));
            }
        }
        if let Some((page, dirty)) = fault.victim {
            if denied(page, dirty) {
                let before = run.expired.iter().filter(|e| e.at < fault.at).count();
                return Some((fault.at, faults, victims, before));
            }
            victims += 1;
        }
    }
    let (index, expiry) = expired.find(|(_, expiry)| denied(expiry.page, expiry.dirty))?;
    Some((expiry.at + 1, run.faults.len(), victims, index))
}

#[test]
fn full_swap_ends_a_replay_before_the_page_that_finds_no_slot() {
    let ended: usize = (0..80u64)
        .into_par_iter()
        .map(|seed| {
            let refs = any_refs(50_000 + seed, 300, 10);
            let trace = trace_of(&refs);
            let mut ended = 0;
            for setting in settings([1, 2, 4].into_iter(), &[1, 3, 20]) {
                let unlimited = oracle_of(&refs, &setting).expect("a policy with an oracle");
                for slots in 0..4 {
                    let (outcome, _) = replay(&trace, &setting.clone().with_swap(slots as u64));
                    let expected = full_swap(&unlimited, slots);
                    let counters = outcome.counters;
                    let got = outcome.swap_full.map(|full| {
                        assert_eq!(full.after, counters.refs);
                        assert_eq!(full.by_kind.iter().sum::<u64>(), counters.refs);
                        [
                            full.after,
                            counters.faults(),
                            counters.evictions(),
                            counters.expired(),
                        ]
                    });
                    let expected = expected.map(|(a, b, c, d)| [a, b, c, d].map(|n| n as u64));
                    assert_eq!(got, expected, "{}, {slots} slots", setting.describe());
                    ended += usize::from(got.is_some());
                }
            }
            ended
        })
        .sum();
    assert!(ended > 1000, "only {ended} replays met full swap");
}
