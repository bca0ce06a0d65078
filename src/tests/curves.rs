//! Curves against replays: every point of every curve is what the machine counts at that size,
//! on pseudo-random traces with few and many pages and on a recording; and the estimates against
//! the curve that they estimate (`samples`).

mod samples;

use crate::oracle::Ref;
use crate::support::random::{SHAPES, Shape, any_refs, refs_of};
use crate::support::{assert_holds, trace_of};
use pagebench::internals::curve;
use pagebench::internals::curve::{
    Amounts, CurveInputs, CurveKind, Filling, Point, Wanted, by_bursts,
};
use pagebench::internals::policy::PolicyChoice;
use pagebench::internals::report::results::cells_jsonl;
use pagebench::internals::report::results::cells_jsonl::Record;
use pagebench::internals::report::results::column_set::Counts;
use pagebench::internals::report::results::columns::Row;
use pagebench::internals::report::results::results_csv::to_csv;
use pagebench::internals::space::{Resolved, resolve};
use pagebench::internals::sweep;
use pagebench::internals::sweep::{Axes, CellResult, Engine, Plan, Settings, Warmup};
use pagebench::internals::trace::bursts::{Bursts, K_MAX};
use pagebench::internals::trace::model::dense::Trace;
use pagebench::internals::trace::model::selection::Selection;
use pagebench::internals::trace::model::source::{LoadOptions, load};
use pagebench::internals::vm;
use pagebench::internals::vm::Job;
use rayon::prelude::*;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// What the machine counts.
fn replayed(trace: &Trace, policy: &str, frames: Option<u32>, tau: u64) -> Point {
    let choice: PolicyChoice = policy.parse().expect("a policy");
    let job = Job {
        frames,
        tau,
        ..Job::new(trace, &choice)
    };
    let outcome = vm::run(&job).expect("a short trace");
    Point {
        memory: frames.map_or(tau, u64::from),
        faults: outcome.counters.faults(),
        write_backs: Some(outcome.counters.write_backs()),
        resident_sum: outcome.resident_sum,
    }
}

fn same(policy: &str, got: Point, expected: Point) -> Result<(), String> {
    // OPT and VMIN tell no write-backs.
    let expected = Point {
        write_backs: expected.write_backs.filter(|_| got.write_backs.is_some()),
        ..expected
    };
    match got == expected {
        true => Ok(()),
        false => Err(format!("{policy}: got {got:?}, expected {expected:?}")),
    }
}

/// Every curve of a trace at these sizes and windows.
fn check(trace: &Trace, sizes: &[u64], taus: &[u64]) -> Result<(), String> {
    let pages = trace.distinct();
    let filling = Filling::of(trace.refs(), pages);
    let point = |frames: u64, (faults, write_backs): (u64, Option<u64>)| Point {
        memory: frames,
        faults,
        write_backs,
        resident_sum: filling.resident_sum(frames),
    };
    let lru = curve::lru(trace.refs(), pages);
    let opt = curve::opt(trace).map_err(|e| e.to_string())?;
    assert_eq!(lru.faults.len(), pages + 1);
    assert_eq!(opt.faults.len(), pages + 1);
    for &frames in sizes {
        let at = frames.min(pages as u64) as usize;
        let counts = (lru.faults[at], Some(lru.write_backs[at]));
        let replay = |policy| replayed(trace, policy, Some(frames as u32), 1);
        same("lru", point(frames, counts), replay("lru"))?;
        same("opt", point(frames, (opt.faults[at], None)), replay("opt"))?;
    }
    type Engine = fn(&Trace, &[u64]) -> Vec<(u64, u64)>;
    let engines: [(&str, Engine); 3] = [
        ("fifo", |t, sizes| {
            curve::fifo(t.refs(), t.distinct(), sizes)
        }),
        ("clock", |t, sizes| {
            curve::clock(t.refs(), t.distinct(), sizes, true)
        }),
        ("clock:load-bit=0", |t, sizes| {
            curve::clock(t.refs(), t.distinct(), sizes, false)
        }),
    ];
    for (policy, engine) in engines {
        for sizes in sizes.chunks(curve::LANES) {
            for (&frames, (faults, dirty)) in sizes.iter().zip(engine(trace, sizes)) {
                let replay = replayed(trace, policy, Some(frames as u32), 1);
                same(policy, point(frames, (faults, Some(dirty))), replay)?;
            }
        }
    }
    let intervals = curve::intervals(trace).map_err(|e| e.to_string())?;
    for &tau in taus {
        same(
            "ws",
            intervals.working_set(tau),
            replayed(trace, "ws", None, tau),
        )?;
    }
    Ok(())
}

/// Sizes of bursts, for few pages and for many.
const BURSTS: [usize; 7] = [1, 2, 3, 5, 16, 32, 64];

/// The engines by bursts against those by single references: at every size and window, where
/// they have any, and whatever the size of the bursts.
fn assert_bursts_agree(trace: &Trace, sizes: &[u64], taus: &[u64]) -> Result<(), String> {
    let (refs, kinds) = (trace.refs(), trace.kinds());
    let dictionary = &trace.dictionary;
    let pages = trace.distinct();
    let bursts = Bursts::encode(refs, kinds).cut(dictionary, std::iter::empty());
    let agree = |what: &str, yes: bool| match yes {
        true => Ok(()),
        false => Err(format!("{what}: bursts and references differ")),
    };
    let plain = curve::lru(refs, pages);
    for k in BURSTS {
        let fast = by_bursts::lru(bursts.of(k).columns, None, pages);
        let from = k.min(pages);
        assert_eq!(fast.least, k);
        let same = fast.first_uses == plain.first_uses
            && fast.faults[from..] == plain.faults[from..]
            && fast.write_backs[from..] == plain.write_backs[from..];
        agree(&format!("lru by {k}"), same)?;
    }
    let filling = Filling::of_bursts(bursts.of(K_MAX).columns, pages);
    let plain_filling = Filling::of(refs, pages);
    let alike = |frames| filling.resident_sum(frames) == plain_filling.resident_sum(frames);
    agree("filling", (0..=pages as u64).all(alike))?;
    let within = Some(bursts.within());
    let fast = by_bursts::lru(bursts.of(K_MAX).columns, within, pages);
    agree("lru at every size", fast == plain)?;
    for sizes in sizes.chunks(curve::LANES) {
        let fifo = curve::fifo(refs, pages, sizes);
        let clocks = [true, false].map(|bit| (bit, curve::clock(refs, pages, sizes, bit)));
        for k in BURSTS {
            let view = bursts.of(k);
            agree("fifo", by_bursts::fifo(view, pages, sizes) == fifo)?;
            for (bit, clock) in &clocks {
                let fast = by_bursts::clock(view, pages, sizes, *bit);
                agree("clock", fast == *clock)?;
            }
        }
    }
    let plain = curve::intervals(trace).map_err(|e| e.to_string())?;
    let longest = 1 + trace.len().min(65_535) as u64;
    for least in [1, longest] {
        let fast = by_bursts::intervals(trace, &bursts, least).map_err(|e| e.to_string())?;
        for &tau in taus.iter().filter(|&&tau| tau >= least) {
            let what = format!("window {tau} of {least} and more");
            agree(&what, fast.working_set(tau) == plain.working_set(tau))?;
            agree(&what, fast.vmin(tau) == plain.vmin(tau))?;
        }
        agree("longest", least > 1 || fast.longest() == plain.longest())?;
    }
    Ok(())
}

#[test]
fn every_point_is_a_replay() {
    (0..400u64).into_par_iter().for_each(|seed| {
        let refs = any_refs(seed, 700, 60);
        assert_holds(&refs, |refs| {
            let trace = trace_of(refs);
            let sizes: Vec<u64> = (1..=trace.distinct() as u64 + 2).collect();
            let taus: Vec<u64> = (1..=trace.len() as u64 + 2)
                .step_by(1 + trace.len() / 60)
                .collect();
            check(&trace, &sizes, &taus)?;
            assert_bursts_agree(&trace, &sizes, &taus)
        });
    });
}

/// Long enough to number the positions of the LRU window afresh, deep enough for OPT's blocks.
#[test]
fn many_pages_are_a_replay_too() {
    let shapes = (0..SHAPES.len() as u64).into_par_iter();
    shapes.for_each(|seed| {
        let shape = SHAPES[seed as usize];
        let refs = refs_of(shape, 40_000, 1500, seed);
        let trace = trace_of(&refs);
        let pages = trace.distinct() as u64;
        let sizes: Vec<u64> = [
            1, 15, 16, 17, 18, 63, 127, 128, 129, 130, 200, 384, 385, 640, 1000,
        ]
        .into_iter()
        .chain([pages - 1, pages, pages + 1])
        .filter(|&frames| frames > 0)
        .collect();
        let taus = [1, 2, 31, 1000, 70_000];
        check(&trace, &sizes, &taus)
            .and_then(|()| assert_bursts_agree(&trace, &sizes, &taus))
            .unwrap_or_else(|e| panic!("{shape:?}: {e}"));
    });
}

/// Against the definitions, which share no code with the program.
#[test]
fn curves_agree_with_the_oracles() {
    for seed in 0..60 {
        let refs = any_refs(seed, 150, 25);
        let trace = trace_of(&refs);
        let lru = curve::lru(trace.refs(), trace.distinct());
        let opt = curve::opt(&trace).expect("short");
        for frames in 1..=trace.distinct() {
            let oracle = crate::oracle::lru::lru(&refs, frames);
            assert_eq!(lru.faults[frames], oracle.faults.len() as u64);
            assert_eq!(lru.write_backs[frames], oracle.write_backs() as u64);
            assert_eq!(
                opt.faults[frames],
                crate::oracle::opt::opt(&refs, frames).faults.len() as u64
            );
        }
        let intervals = curve::intervals(&trace).expect("short");
        for tau in (1..=refs.len() as u64 + 1).step_by(7) {
            let ws = crate::oracle::ws::ws(&refs, tau, None);
            let got = intervals.working_set(tau);
            let expected = (
                ws.faults.len() as u64,
                ws.resident_sum,
                Some(ws.write_backs() as u64),
            );
            assert_eq!(
                (got.faults, got.resident_sum, got.write_backs),
                expected,
                "ws {tau}"
            );
            let got = intervals.vmin(tau);
            assert_eq!(
                (got.faults, got.resident_sum),
                crate::oracle::vmin::vmin(&refs, tau),
                "vmin {tau}"
            );
        }
    }
}

fn recording(name: &str, limit: u64) -> Trace {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("traces")
        .join(name);
    let selection = Selection {
        limit: Some(limit),
        ..Selection::default()
    };
    let options = LoadOptions {
        selection,
        ..LoadOptions::default()
    };
    load(&path, &options).expect("the shipped recordings are sound")
}

#[test]
fn recordings_are_replays() {
    for name in ["cc1.pbt", "pipeline.pbt", "xz.pbt"] {
        let trace = recording(name, 400_000);
        let pages = trace.distinct() as u64;
        let sizes = [1, 7, 16, 17, 40, 128, 150, pages / 2, pages - 1, pages];
        check(
            &trace,
            &sizes,
            &[1, 50, 3000, 65_535, 65_536, 300_000, 1 << 40],
        )
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

/// Every recording as far as debug builds get in seconds.
#[test]
fn bursts_of_recordings_agree() {
    let names = [
        "cc1.pbt",
        "git.pbt",
        "pipeline.pbt",
        "python.pbt",
        "sort.pbt",
        "sqlite.pbt",
        "xz.pbt",
    ];
    names.into_par_iter().for_each(|name| {
        let trace = recording(name, 1_500_000);
        let pages = trace.distinct() as u64;
        let sizes = curve::lane_sizes(pages);
        let taus: Vec<u64> = curve::spread(1 << 21, 300);
        assert_bursts_agree(&trace, &sizes, &taus).unwrap_or_else(|e| panic!("{name}: {e}"));
        // What a curve takes by itself, of both engines.
        let wanted = [
            Wanted::default(),
            Wanted {
                frames: Amounts::only(vec![3, 40, 64, 100, pages]),
                taus: Amounts::only(vec![70_000, 1 << 20]),
                all_sizes: false,
            },
        ];
        for wanted in wanted {
            let (plain, fast) = (CurveInputs::plain(&trace), CurveInputs::new(&trace));
            fast.prepare(&CurveKind::ALL, &wanted)
                .expect("a short trace");
            for kind in CurveKind::ALL {
                assert_eq!(
                    kind.points(&fast, &wanted).expect("a short trace"),
                    kind.points(&plain, &wanted).expect("a short trace"),
                    "{name}: {kind}"
                );
            }
        }
    });
}

#[test]
fn empty_and_tiny_traces_have_curves() {
    let empty = trace_of(&[]);
    assert_eq!(curve::lru(&[], 0).faults, [0]);
    assert_eq!(curve::opt(&empty).expect("short").faults, [0]);
    assert_eq!(
        curve::intervals(&empty)
            .expect("short")
            .working_set(1)
            .faults,
        0
    );
    assert_eq!(curve::fifo(&[], 0, &[]), []);
    let one = [Ref {
        process: 1,
        page: 9,
        write: true,
        ifetch: false,
    }];
    let (sizes, taus) = ([1, 2, u64::from(u32::MAX >> 1)], [1, u64::MAX >> 1]);
    check(&trace_of(&one), &sizes, &taus).unwrap();
    assert_bursts_agree(&trace_of(&one), &sizes, &taus).unwrap();
    assert_bursts_agree(&empty, &[1, 5], &taus).unwrap();
}

/// The counts that are asked for in turn: each needs more of a curve than the one before, and the last
/// more than curves have.
const ASKED: [&[&str]; 5] = [
    &["faults"],
    &[
        "hits",
        "fills",
        "refills",
        "fault_rate",
        "refs_per_fault",
        "mean_resident",
        "freed",
    ],
    &["write_backs", "ratio_to_opt"],
    &[
        "peak_resident",
        "resident_end",
        "evictions",
        "evictions_clean",
        "evictions_dirty",
        "expired",
    ],
    &["faults", "dirty_end", "minor_faults"],
];

/// How many cells curves gave, and `results.csv`.
fn results(resolved: &Resolved, sizes: &[u64], engine: Engine, counts: Counts) -> (usize, String) {
    let numbers: Vec<String> = sizes.iter().map(u64::to_string).collect();
    let policies = [
        "lru",
        "fifo",
        "clock",
        "clock:load-bit=0",
        "opt",
        "ws",
        "ws:limit=2",
    ];
    let axes = Axes {
        models: Vec::new(),
        policies: policies
            .map(|policy| policy.parse().expect("a policy"))
            .to_vec(),
        frames: numbers.join(",").parse().expect("a ladder"),
        tau: numbers.join(",").parse().expect("a ladder"),
        seeds: vec![1],
    };
    let settings = Settings {
        segments: Default::default(),
        swap_bytes: None,
        warmup: Warmup::Refs(0),
        tlb: None,
        filter: String::new(),
        space: Default::default(),
        allocation: Default::default(),
        engine,
        accessed: Default::default(),
        choices: Default::default(),
        curves: counts.facts(),
    };
    let plan = Plan::new(&[resolved], &axes, settings).expect("a plan");
    let results = sweep::run(&plan, 2, &AtomicBool::new(false), &|_, _| {});
    let results: Vec<CellResult> = results.into_iter().map(|r| r.expect("it ran")).collect();
    let costs = Default::default();
    let cells = plan.cells.iter().zip(&results);
    let records: Vec<Record> = cells
        .map(|(cell, result)| Record::of(&plan, cell, result, &costs, counts))
        .collect();
    let text = to_csv(&cells_jsonl::rows(&records));
    let by_curve = results.iter().filter(|result| result.wall.is_none());
    (by_curve.count(), String::from_utf8(text).expect("text"))
}

/// `results.csv` with the columns blanked that are not asked for.
fn blanked(text: &str, counts: Counts) -> String {
    let rows = pagebench::internals::report::results::results_csv::parse_rows(
        Path::new("r.csv"),
        text.as_bytes(),
    );
    let rows: Vec<Row> = (rows.expect("it was just written").into_iter())
        .map(|row| Row { counts, ..row })
        .collect();
    String::from_utf8(to_csv(&rows)).expect("text")
}

/// The results of curves, of replays and of a run of all counts are the same bytes.
fn assert_results_agree(trace: Trace, sizes: &[u64]) {
    let resolved = resolve(trace, &Default::default()).expect("a trace without events");
    let (none, all) = results(&resolved, sizes, Engine::Auto, Counts::ALL);
    assert_eq!(none, 0);
    let mut some = Vec::new();
    for names in ASKED {
        let counts = Counts::parse(names).expect("names of counts");
        let (by_curve, fast) = results(&resolved, sizes, Engine::Auto, counts);
        let (none, plain) = results(&resolved, sizes, Engine::Plain, counts);
        assert_eq!(none, 0);
        assert_eq!(fast, plain, "{names:?}");
        assert_eq!(fast, blanked(&all, counts), "{names:?}");
        some.push(by_curve / sizes.len());
    }
    // Of seven policies; a working set with a limit has no curve.
    assert_eq!(some, [6, 6, 5, 4, 0]);
}

#[test]
fn results_from_curves_are_those_of_replays() {
    for (seed, shape) in (0..).zip(SHAPES) {
        let refs = refs_of(shape, 500, 30, seed);
        let sizes: Vec<u64> = (1..=33).chain([64, 2000]).collect();
        assert_results_agree(trace_of(&refs), &sizes);
    }
    for seed in 0..8 {
        let refs = any_refs(seed, 60, 12);
        if !refs.is_empty() {
            let sizes: Vec<u64> = (1..=16).collect();
            assert_results_agree(trace_of(&refs), &sizes);
        }
    }
    // More sizes than a word has lanes.
    let sizes: Vec<u64> = (1..140).step_by(2).collect();
    assert_results_agree(trace_of(&refs_of(Shape::Phases, 1000, 140, 7)), &sizes);
}

#[test]
fn results_of_recordings_from_curves_are_those_of_replays() {
    let resolved = |name| {
        let mut trace = recording(name, 8_000);
        trace.events.clear();
        trace
    };
    let sizes: Vec<u64> = (1..200).step_by(12).collect();
    assert_results_agree(resolved("sort.pbt"), &sizes);
    assert_results_agree(resolved("pipeline.pbt"), &sizes);
    // With mappings curves are no replays.
    let trace = resolve(recording("pipeline.pbt", 8_000), &Default::default());
    let counts = Counts::parse(&["faults"]).expect("a count");
    let (by_curve, fast) = results(&trace.expect("sound"), &[40, 50, 60], Engine::Auto, counts);
    assert_eq!((by_curve, fast.lines().count()), (0, 22));
}
