//! The product's engine against the oracles, event by event: every policy of the table, every
//! number of frames and many windows, over pseudo-random traces; and with it the TLBs, the swap
//! device and the warm-up.

// A test crate has no readers of its documentation, and shares its helpers with other test crates.
#![allow(missing_docs, dead_code)]

mod oracle;
mod support;

use oracle::tlb::{Level, TlbRun, tlb};
use oracle::{Ref, Run};
use pagebench::policy::TABLE;
use pagebench::vm::tlb::{Geometry, Shape as TlbShape};
use pagebench::vm::{Outcome, TlbCounters};
use rayon::prelude::*;
use std::collections::HashSet;
use support::random::{Random, SHAPES, any_refs, refs_of};
use support::{
    POLICIES, Setting, assert_holds, compare_runs, distinct, expected_facts, facts, fixed_space,
    geometry, oracle_of, replay, run_of, trace_of, truncated, variable_space,
};

#[test]
fn every_policy_and_every_parameter_has_an_oracle() {
    let settings = POLICIES.map(|policy| Setting::frames(policy, 1));
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
    let fixed = fixed_space().flat_map(|policy| {
        frames
            .clone()
            .map(move |frames| Setting::frames(policy, frames))
    });
    let variable = variable_space()
        .flat_map(|policy| taus.iter().map(move |&tau| Setting::window(policy, tau)));
    fixed.chain(variable).collect()
}

/// The product's events and numbers are the oracle's.
fn agrees(refs: &[Ref], setting: &Setting) -> Result<(), String> {
    let trace = trace_of(refs);
    let expected = oracle_of(refs, setting).expect("a policy with an oracle");
    let (outcome, recorder) = replay(&trace, setting);
    let said = |what: String| format!("{}: {what}", setting.describe());
    let warm = (setting.warmup as usize).min(refs.len());
    if warm == 0 {
        let got = run_of(&trace, &outcome, &recorder);
        compare_runs(&got, &expected).map_err(said)?;
    }
    let (got, wanted) = (facts(&outcome), expected_facts(&expected, refs.len(), warm));
    if got != wanted {
        return Err(said(format!("got {got:#?}, expected {wanted:#?}")));
    }
    let before = truncated(&expected, warm);
    if recorder.before_counting != Some((before.faults.len(), before.expired.len())) {
        return Err(said("counting begins elsewhere".into()));
    }
    let frames = setting.limit().unwrap_or(distinct(refs).max(1));
    if outcome.frames != frames as u64 {
        return Err(said(format!("frames {}", outcome.frames)));
    }
    agrees_on_tlbs(refs, setting, &outcome, &expected, warm).map_err(said)
}

fn agrees_on_tlbs(
    refs: &[Ref],
    setting: &Setting,
    outcome: &Outcome,
    run: &Run,
    warm: usize,
) -> Result<(), String> {
    let got = outcome.tlb.map(|tlb| (plain(&tlb), tlb.walk_refs));
    let expected = setting.tlb.map(|geometry| {
        let all = translated(refs, run, &geometry);
        let before = translated(&refs[..warm], &truncated(run, warm), &geometry);
        let counted = TlbRun {
            l1i_hits: all.l1i_hits - before.l1i_hits,
            l1d_hits: all.l1d_hits - before.l1d_hits,
            l2_hits: all.l2_hits - before.l2_hits,
            misses: all.misses - before.misses,
            shootdowns: all.shootdowns - before.shootdowns,
        };
        (counted, counted.misses * u64::from(geometry.levels))
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

fn translated(refs: &[Ref], run: &Run, geometry: &Geometry) -> TlbRun {
    let level = |shape: TlbShape| Level {
        sets: (shape.entries / shape.ways) as usize,
        ways: shape.ways as usize,
    };
    tlb(
        refs,
        run,
        level(geometry.l1i),
        level(geometry.l1d),
        level(geometry.l2),
    )
}

const TAUS: [u64; 9] = [1, 2, 3, 4, 6, 10, 25, 100, 1_000];

#[test]
fn every_frame_count_and_many_windows() {
    (0..480u64).into_par_iter().for_each(|seed| {
        let refs = any_refs(seed, 400, 12);
        for setting in settings(1..=distinct(&refs) + 2, &TAUS) {
            assert_holds(&refs, |refs| agrees(refs, &setting));
        }
    });
}

/// All strings of three pages, so that no small case depends on luck; the last reference but one
/// writes.
#[test]
fn every_short_string() {
    const LENGTH: u32 = 7;
    (0..3u64.pow(LENGTH)).into_par_iter().for_each(|code| {
        let mut refs: Vec<Ref> = oracle::reads(
            &(0..LENGTH)
                .map(|i| code / 3u64.pow(i) % 3)
                .collect::<Vec<_>>(),
        );
        refs[LENGTH as usize - 2].write = true;
        for setting in settings(1..=4, &[1, 2, 3, 7, 8]) {
            assert_holds(&refs, |refs| agrees(refs, &setting));
        }
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
            for setting in settings(frames, &[1, 17, 100, 900, 6_000]) {
                assert_holds(&refs, |refs| agrees(refs, &setting));
            }
        });
}

#[test]
fn a_trace_of_nothing() {
    for setting in settings(1..=2, &[1, 5]) {
        assert_holds(&[], |refs| agrees(refs, &setting));
    }
}

/// The hostile case: cyclic references to one page more than there are frames.
#[test]
fn one_frame_too_few() {
    for frames in 2..=9usize {
        let length = 20 * (frames + 1);
        let string: Vec<u64> = (0..length as u64)
            .map(|i| i % (frames as u64 + 1))
            .collect();
        let refs = oracle::reads(&string);
        for policy in fixed_space() {
            let setting = Setting::frames(policy, frames);
            assert_holds(&refs, |refs| agrees(refs, &setting));
            let faults = support::product(&refs, &setting).faults.len();
            assert_eq!(
                faults == length,
                policy != "opt",
                "{policy}, {frames} frames"
            );
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
        for setting in settings((1..=distinct(&refs) + 1).step_by(2), &[1, 3, 8, 40]) {
            for &warmup in &warmups {
                let setting = setting.clone().with_warmup(warmup);
                assert_holds(&refs, |refs| agrees(refs, &setting));
            }
        }
    });
}

/// Small and odd shapes: no power of two, one entry, one set, levels larger and smaller than the
/// one before.
fn geometries() -> Vec<Geometry> {
    vec![
        geometry((1, 1), (1, 1), (1, 1), 1),
        geometry((3, 3), (3, 3), (3, 3), 3),
        geometry((6, 2), (3, 1), (12, 3), 4),
        geometry((1, 1), (2, 2), (12, 3), 5),
        geometry((12, 3), (6, 2), (3, 3), 2),
        geometry((5, 1), (7, 7), (10, 2), 4),
        geometry((2, 1), (9, 3), (35, 5), 8),
        Geometry::default(),
    ]
}

#[test]
fn tlbs_of_any_shape() {
    let geometries = geometries();
    (0..120u64).into_par_iter().for_each(|seed| {
        let refs = any_refs(20_000 + seed, 350, 14);
        let most = distinct(&refs) + 1;
        let frames = [1, 2, 3, 5, most / 2 + 1, most].into_iter();
        for (index, setting) in settings(frames, &[1, 2, 5, 12, 60]).into_iter().enumerate() {
            // Every geometry meets every policy, though not in every trace.
            for turn in 0..3 {
                let tlb = geometries[(index + seed as usize + 3 * turn) % geometries.len()];
                let warmup = if turn == 2 { refs.len() / 3 } else { 0 };
                let setting = setting.clone().with_tlb(Some(tlb)).with_warmup(warmup);
                assert_holds(&refs, |refs| agrees(refs, &setting));
            }
        }
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
                for setting in settings([9, 30].into_iter(), &[40, 200]) {
                    let setting = setting.with_tlb(Some(tlb));
                    assert_holds(&refs, |refs| agrees(refs, &setting));
                }
            }
        });
}

#[test]
fn tlbs_change_no_fault() {
    let geometries = geometries();
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
                assert_holds(&refs, |refs| agrees(refs, &setting));
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
