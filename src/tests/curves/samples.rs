//! Estimates from a share of the pages against the exact curve: at every size the bound holds for
//! the samples that it is said to hold for, and what is known is exact.

use crate::oracle::Ref;
use crate::support::random::Random;
use crate::support::trace_of;
use pagebench::internals::curve;
use pagebench::internals::curve::Filling;
use pagebench::internals::curve::sample::{sample, sample_sizes};
use rayon::prelude::*;

/// Samples of each trace.
const SAMPLES: u64 = 200;
/// 19 of 20, less three standard deviations of as many draws: 190 - 3 * sqrt(200 * 0.95 * 0.05).
const WITHIN: usize = 181;

/// The page numbers of a reference string.
type Pages = fn(&mut Random) -> Vec<u64>;

/// Reference strings that are hard for samples in different ways.
const STRINGS: [(&str, Pages); 6] = [
    // The curve falls at once, at the last size of all.
    ("a loop", |_| (0..5_000).map(|i| i % 1_000).collect()),
    // It falls at once at three sizes between.
    ("loops of three sizes", |_| {
        let of = |(base, size): (u64, u64)| (0..4_000).map(move |i| base + i % size);
        [(0, 300), (5_000, 520), (9_000, 110)]
            .into_iter()
            .flat_map(of)
            .collect()
    }),
    // Every size is a line.
    ("uniform", |random| {
        (0..12_000).map(|_| random.below(700)).collect()
    }),
    // Few pages have most of the references.
    ("popular pages", |random| {
        let mut page = || {
            let (a, b, c) = (
                random.below(1_100),
                random.below(1_100),
                random.below(1_100),
            );
            a * b * c / (1_100 * 1_100)
        };
        (0..16_000).map(|_| page()).collect()
    }),
    // A loop beside a few pages that always fit.
    ("a loop and a hot set", |random| {
        let mut page = |i: u64| match i % 3 {
            0 => 10_000 + i / 3 % 900,
            _ => random.below(60),
        };
        (0..9_000).map(&mut page).collect()
    }),
    // Short distances: only sizes that a sample knows little of change anything.
    ("locality", |random| {
        let mut at = 0;
        let mut page = || {
            if random.below(40) == 0 {
                at = random.below(900);
            }
            (at + random.below(12)) % 900
        };
        (0..14_000).map(|_| page()).collect()
    }),
];

/// References of these pages, each `by` further.
fn refs_of(pages: &[u64], by: u64) -> Vec<Ref> {
    let reference = |&page: &u64| Ref {
        process: 0,
        page: page + by,
        write: false,
        ifetch: false,
    };
    pages.iter().map(reference).collect()
}

#[test]
fn the_bound_holds_at_every_size() {
    for (seed, (name, string)) in STRINGS.iter().enumerate() {
        let pages = string(&mut Random::new(seed as u64 + 1));
        let whole = trace_of(&refs_of(&pages, 0));
        let exact = curve::lru(whole.refs(), whole.distinct()).faults;
        for rate in [0.05, 0.2, 0.5] {
            let sizes = sample_sizes(2, exact.len() as u64 - 1, false);
            // Pages elsewhere are another sample of the same string.
            let samples = (0..SAMPLES).into_par_iter().map(|number| {
                let trace = trace_of(&refs_of(&pages, number << 32));
                let sampled = sample(&trace, rate);
                let off = |&size: &u64| {
                    let at = (size >= sampled.least()).then(|| sampled.at(size))?;
                    let off = (at.faults as f64 - exact[size as usize] as f64).abs();
                    Some(off <= at.error + 0.5)
                };
                sizes.iter().map(off).collect::<Vec<_>>()
            });
            let samples: Vec<Vec<Option<bool>>> = samples.collect();
            let mut asked = 0;
            for (index, size) in sizes.iter().enumerate() {
                let known = samples.iter().filter_map(|sample| sample[index]);
                // A size that some samples do not know counts as if these were right.
                let outside = known.filter(|within| !within).count();
                let all = samples.iter().all(|sample| sample[index].is_some());
                asked += usize::from(all);
                assert!(
                    SAMPLES as usize - outside >= WITHIN,
                    "{name}, rate {rate}, {size} frames: {outside} of {SAMPLES} outside"
                );
            }
            assert!(asked > 50, "{name}, rate {rate}: {asked} sizes");
        }
    }
}

/// The bound is of use: far above the least size of a smooth curve it is a few hundredths.
#[test]
fn the_bound_is_narrow_where_many_pages_are_taken() {
    let mut random = Random::new(9);
    let pages: Vec<u64> = (0..60_000).map(|_| random.below(4_000)).collect();
    let trace = trace_of(&refs_of(&pages, 0));
    let sampled = sample(&trace, 0.2);
    for frames in (500..3_900).step_by(100) {
        let error = sampled.at(frames).error / trace.len() as f64;
        assert!(error < 0.06, "{frames} frames: {error}");
    }
}

#[test]
fn what_is_known_is_exact() {
    let mut random = Random::new(4);
    let pages: Vec<u64> = (0..5_000).map(|_| random.below(300)).collect();
    let trace = trace_of(&refs_of(&pages, 0));
    let distinct = trace.distinct() as u64;
    let exact = curve::lru(trace.refs(), trace.distinct());
    let whole = sample(&trace, 1.0);
    assert!(whole.is_whole() && whole.least() == 1);
    for frames in 1..=distinct + 3 {
        let at = whole.at(frames);
        assert_eq!(at.faults, exact.faults[frames.min(distinct) as usize]);
        assert_eq!(at.error, 0.0);
    }
    let filling = Filling::of(trace.refs(), trace.distinct());
    let some = sample(&trace, 0.3);
    assert!(!some.is_whole());
    assert_eq!(some.share(), some.pages as f64 / distinct as f64);
    for frames in some.least()..distinct {
        let resident = filling.resident_sum(frames) as f64 / trace.len() as f64;
        assert_eq!(some.at(frames).mean_resident, resident);
    }
    let full = some.at(distinct);
    assert_eq!((full.faults, full.error), (distinct, 0.0));
}

/// With at most one frame of the sample nothing is known, and with no page or one, nothing at all.
#[test]
fn small_sizes_are_not_known() {
    let pages: Vec<u64> = (0..400).map(|i| i % 100).collect();
    let trace = trace_of(&refs_of(&pages, 0));
    for rate in [0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 0.9] {
        let sampled = sample(&trace, rate);
        let share = (sampled.pages as f64 - 1.0) / 99.0;
        let least = sampled.least();
        assert!(least > (1.0 / rate).ceil() as u64, "{rate}: {least}");
        assert!(
            least as f64 * share > 1.0 || least == 100,
            "{rate}: {least}"
        );
    }
    let none = sample(&trace, 1e-9);
    assert_eq!((none.pages, none.share(), none.least()), (0, 0.0, 100));
    let few = trace_of(&refs_of(&[3, 4, 3], 0));
    let one = (0..64).map(|by| sample(&trace_of(&refs_of(&[3, 4, 3], by)), 0.5));
    assert!(one.filter(|one| one.pages == 1).all(|one| one.least() == 2));
    assert_eq!(sample(&few, 1.0).at(1).faults, 3);
    assert_eq!(sample_sizes(6, 6, true), [0u64; 0]);
    assert_eq!(sample_sizes(4, 6, true), [4, 5]);
    assert!(sample_sizes(20, 4_000, false).starts_with(&[20, 21]));
}
