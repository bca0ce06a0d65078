//! Tests of all generators: that their streams never change, and that each is what it says.

use super::*;
use crate::trace::model::access::Addressing;
use crate::trace::model::assembler::Assembler;
use crate::trace::model::refs::References;
use crate::trace::model::selection::Selection;
use crate::units::PageSize;
use std::collections::BTreeSet;
use xxhash_rust::xxh3::Xxh3;

fn steps(text: &str) -> Vec<Step> {
    Generator::parse(text)
        .unwrap_or_else(|e| panic!("{e}"))
        .collect()
}

fn accesses(text: &str) -> Vec<Access> {
    let access = |step| match step {
        Step::Access(access) => Some(access),
        Step::Event { .. } => None,
    };
    steps(text).into_iter().filter_map(access).collect()
}

fn pages(text: &str) -> Vec<u64> {
    accesses(text)
        .iter()
        .map(|access| access.addr / 4096)
        .collect()
}

/// 64 parts of 2^28 pages of 1 GiB are all addresses that there are; one page more would be shared.
#[test]
fn the_parts_of_a_mix_fit_into_64_bits() {
    let mix = |of: &str| {
        let pattern = by_name("mix").unwrap();
        let mut values = Values::of(pattern);
        let param = pattern
            .params
            .iter()
            .find(|param| param.name == "of")
            .unwrap();
        values.set(param, of).unwrap();
        Generator::new(pattern, &values, 1 << 30).err()
    };
    let all = vec!["sequential:pages=268435456"; 64].join(",");
    assert_eq!(mix(&all), None);
    let error = mix(&format!("{all},belady")).unwrap();
    assert!(
        error.contains("more than 64-bit addresses reach"),
        "{error}"
    );
}

/// A digest of every stream with few references: it must be the same in every version and on every
/// machine, since results rest on it.
#[test]
fn every_stream_is_pinned() {
    let digests: Vec<(String, String)> = TABLE
        .iter()
        .map(|pattern| {
            let mut hash = Xxh3::new();
            for step in steps(&format!("{}:refs=20k:writes=25:seed=7", pattern.name)) {
                match step {
                    Step::Access(a) => hash.update(&[a.pid as u8, a.kind as u8, a.size as u8]),
                    Step::Event { pid, ref event } => {
                        hash.update(format!("{pid} {event}").as_bytes())
                    }
                }
                if let Step::Access(access) = step {
                    hash.update(&access.addr.to_le_bytes());
                }
            }
            (pattern.name.to_owned(), format!("{:016x}", hash.digest()))
        })
        .collect();
    let digests: Vec<(&str, &str)> = digests.iter().map(|(a, b)| (&**a, &**b)).collect();
    assert_eq!(digests, PINNED);
}

const PINNED: [(&str, &str); 11] = [
    ("zipf", "422f3c74265accc0"),
    ("uniform", "92af007a49e20ac5"),
    ("loop", "e8ff38bdd179d71f"),
    ("sequential", "56815a90647467c2"),
    ("stride", "a98fd0d1c53a25cf"),
    ("phases", "8ccbed4af09834e2"),
    ("chase", "1c3249bd69da742a"),
    ("belady", "42502c48edee88e2"),
    ("mix", "cf40a01b5f3ab25a"),
    ("fork-server", "a38c144300741b20"),
    ("programs", "14a9ba89be02b4d7"),
];

#[test]
fn names_are_unique_and_entries_described() {
    let names: Vec<&str> = TABLE
        .iter()
        .flat_map(|p| p.aliases.iter().copied().chain([p.name]))
        .collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    for pattern in TABLE {
        assert!(pattern.example.contains("-o ") && !pattern.about.ends_with('.'));
        for param in pattern.params.iter().chain(&COMMON) {
            assert!(!param.about.is_empty() && !param.value_name().is_empty());
        }
    }
    assert_eq!(by_name("SEQ").map(|p| p.name), Ok("sequential"));
    assert!(
        by_name("zpif")
            .err()
            .unwrap()
            .contains("did you mean \"zipf\"")
    );
}

#[test]
fn simple_orders() {
    assert_eq!(pages("loop:pages=3:refs=7"), [0, 1, 2, 0, 1, 2, 0]);
    assert_eq!(pages("sequential:pages=3:refs=7"), [0, 0, 0, 1, 1, 2, 2]);
    assert_eq!(pages("belady"), [1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5]);
    let addresses: Vec<u64> = accesses("stride:pages=2:stride=3000:refs=5")
        .iter()
        .map(|a| a.addr)
        .collect();
    assert_eq!(addresses, [0, 3000, 6000, 9000 - 8192, 12_000 - 8192]);
}

#[test]
fn zipf_is_as_skewed_as_it_says() {
    let mut counts = vec![0u64; 100];
    for page in pages("zipf:pages=100:alpha=1:refs=200k") {
        counts[page as usize] += 1;
    }
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let harmonic: f64 = (1..=100).map(|k| 1.0 / f64::from(k)).sum();
    for (rank, share) in [(0usize, 1.0), (1, 0.5), (9, 0.1)] {
        let expected = 200_000.0 * share / harmonic;
        let got = counts[rank] as f64;
        let near = (got - expected).abs() < 5.0 * expected.sqrt() + 30.0;
        assert!(near, "rank {rank}: {got} for {expected}");
    }
}

#[test]
fn a_quarter_writes() {
    let all = accesses("uniform:pages=10:refs=40k:writes=25");
    let writes = all.iter().filter(|a| a.kind == Kind::Write).count();
    assert!((9_600..10_400).contains(&writes), "{writes}");
}

#[test]
fn a_chase_visits_every_page_before_any_again() {
    let order = pages("chase:pages=500:refs=1500");
    let first: BTreeSet<u64> = order[..500].iter().copied().collect();
    assert_eq!(first.len(), 500);
    assert_eq!(order[..500], order[500..1000]);
    assert_ne!(order[..500], pages("chase:pages=500:refs=500:seed=2"));
}

#[test]
fn a_phase_stays_in_its_set() {
    let order = pages("phases:pages=10k:set=50:phase=1000:outside=0:refs=10k");
    let mut starts = BTreeSet::new();
    for phase in order.chunks(1000) {
        let (low, high) = (phase.iter().min().unwrap(), phase.iter().max().unwrap());
        assert!(high - low < 50);
        starts.insert(*low);
    }
    assert!(starts.len() > 5);
    assert!(
        Generator::parse("phases:pages=10:set=11")
            .err()
            .unwrap()
            .contains("more than all 10")
    );
}

#[test]
fn a_mix_keeps_weights_and_pages_apart() {
    let order = {
        let mut values = Values::of(by_name("mix").unwrap());
        let of = &parts_of_a_mix();
        values
            .set(of, "loop:weight=3:pages=10,sequential:pages=1000")
            .unwrap();
        values.set(&COMMON[0], "40k").unwrap();
        let generator = Generator::new(by_name("mix").unwrap(), &values, 4096).unwrap();
        let page = |step| match step {
            Step::Access(access) => access.addr / 4096,
            Step::Event { .. } => unreachable!("a mix has no events"),
        };
        generator.map(page).collect::<Vec<u64>>()
    };
    let low = order.iter().filter(|page| **page < 10).count();
    assert!((29_400..30_600).contains(&low), "{low}");
    assert!(order.iter().all(|page| *page < 1010));
    let high: Vec<u64> = order.into_iter().filter(|page| *page >= 10).collect();
    assert!(high.is_sorted() && *high.last().unwrap() > 1000);
}

/// The parameter that names the parts.
fn parts_of_a_mix() -> Param {
    by_name("mix").unwrap().params[0]
}

#[test]
fn what_is_wrong_is_said() {
    for (text, what) in [
        ("zpif", "did you mean \"zipf\"?"),
        (
            "zipf:pags=3",
            "unknown parameter \"pags\"; did you mean \"pages\"? (it has: pages, alpha)",
        ),
        ("zipf:pages", "write zipf:key=value"),
        (
            "zipf:pages=0",
            "pages: \"0\" is not a whole number from 1 to 2^28",
        ),
        (
            "zipf:alpha=11",
            "alpha: \"11\" is not a number from 0.001 to 10",
        ),
        ("zipf:alpha=nan", "not a number"),
        ("zipf:writes=101", "from 0 to 100"),
        ("zipf:refs=0", "from 1 to 2^40"),
        ("stride:stride=x", "not a number of bytes from 1 to 2^40"),
    ] {
        let error = Generator::parse(text).err().unwrap();
        assert!(error.contains(what), "{error}");
    }
    let mut values = Values::of(by_name("mix").unwrap());
    for (of, what) in [
        ("mix", "mix cannot be part"),
        ("fork-server", "fork-server cannot be part"),
        ("zipf:weight=0", "weight: \"0\" is not"),
        ("loop:refs=2", "loop: refs is of the whole mix"),
        ("zipf:writes=90", "writes is of the whole mix"),
        ("uniform:weight=2:seed=9", "seed is of the whole mix"),
        ("zipf,,", "unknown pattern \"\""),
    ] {
        values.set(&parts_of_a_mix(), of).unwrap();
        let error = Generator::new(by_name("mix").unwrap(), &values, 4096)
            .err()
            .unwrap();
        assert!(error.contains(what), "{error}");
    }
}

/// The server's trace means what it should: every access is legal, and children are forked, write
/// copies and exit.
#[test]
fn the_server_is_legal_and_copies() {
    let mut assembler = Assembler::new(Selection::default(), Addressing::Bytes, PageSize::DEFAULT);
    let (mut forks, mut exits, mut refs) = (0, 0, References::default());
    for step in steps("fork-server:refs=30k:pages=50:children=3:work=600") {
        match step {
            Step::Access(access) => {
                assembler.access(&access, &mut refs).unwrap();
            }
            Step::Event { pid, event } => {
                forks += u64::from(matches!(event, Event::Fork { .. }));
                exits += u64::from(event == Event::Exit);
                assembler.event(pid, event, 0);
            }
        }
    }
    assert_eq!(refs.len(), 30_000);
    assert!(forks > 40 && exits + 3 >= forks, "{forks} {exits}");
}
