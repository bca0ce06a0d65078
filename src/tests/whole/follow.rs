//! Replays that follow the log of a trace count as those that look at every reference: over
//! traces with events, made-up ones without, and the shipped recordings.

use super::layers::{Case, eventless, geometries, resolved};
use super::*;
use pagebench::internals::space;
use pagebench::internals::space::Mappings;
use pagebench::internals::trace::bursts::Bursts;
use pagebench::internals::trace::model::dense::Trace;
use pagebench::internals::trace::model::selection::Selection;
use pagebench::internals::trace::model::source::{LoadOptions, load};
use pagebench::internals::vm::tlb::MissLog;
use pagebench::internals::vm::{AccessedBitMode, run_with};
use std::path::Path;

/// Writes down every event.
#[derive(Default, PartialEq, Debug)]
struct Events(Vec<FaultEvent>, Vec<vm::ExpiryEvent>);

impl Listener for Events {
    fn fault(&mut self, event: &FaultEvent) {
        self.0.push(*event);
    }
    fn expired(&mut self, event: &vm::ExpiryEvent) {
        self.1.push(*event);
    }
}

fn tiny(random: &mut Random) -> Geometry {
    let mut shape = || {
        let ways = 1 + random.below(4) as u32;
        Shape::new(ways * (1 + random.below(3) as u32), ways)
    };
    let (l1i, l1d, mut first, mut second) = (shape(), shape(), shape(), shape());
    if random.percent(25) {
        [first, second] = [first, second].map(|shape| shape.replacing_by(Replacement::Fifo));
    }
    let l2 = match random.below(3) {
        0 => Second::Absent,
        1 => Second::Shared(first),
        _ => Second::Split {
            instructions: Some(first).filter(|_| random.percent(50)),
            data: Some(second),
        },
    };
    let mut pwc = Geometry::default().pwc;
    pwc[1] = Some(Shape::full(2)).filter(|_| random.percent(50));
    Geometry {
        l1i,
        l1d,
        l2,
        pwc,
        ..Geometry::default()
    }
}

/// The outcomes and the events of a job are the same either way.
fn same(job: &Job<'_>, log: &MissLog, what: &str) {
    let (mut plain, mut followed) = (Events::default(), Events::default());
    let expected = run_with(job, &mut plain).expect("a short trace");
    let misses = Some(log);
    let got = run_with(&Job { misses, ..*job }, &mut followed).expect("a short trace");
    assert_eq!(got.tlb, expected.tlb, "{what}");
    assert_eq!(got, expected, "{what}");
    assert_eq!(followed, plain, "{what}");
    // And by bursts, which look at faults only.
    let (refs, kinds) = (job.trace.refs(), job.trace.kinds());
    let dictionary = &job.trace.dictionary;
    let ops = job.space.iter().flat_map(|space| &space.ops);
    let bursts = Bursts::encode(refs, kinds).cut(dictionary, space::cuts(ops));
    for k in [1, 4, 16, 64] {
        let mut heard = Events::default();
        let job = Job {
            misses,
            bursts: Some(bursts.of(k)),
            ..*job
        };
        let got = run_with(&job, &mut heard).expect("a short trace");
        assert_eq!(got, expected, "{what}, {k}");
        assert_eq!(heard, plain, "{what}, {k}");
    }
}

/// Every policy of a case, with frames for all and for each process.
fn follow(case: &Case, seed: u64) {
    let mut random = Random::new(seed ^ 0xf0110);
    let geometry = tiny(&mut random);
    let resolved = &case.resolved;
    let log = MissLog::of(&geometry, &resolved.trace, resolved.space.as_ref()).expect("tags");
    let processes = resolved.trace.dictionary.pids.len();
    let quotas: Vec<u32> = (0..processes).map(|_| 1 + random.below(4) as u32).collect();
    case.each(|policy, job| {
        let what = format!("seed {seed}, {policy}, {geometry}");
        let tlb = Some(&geometry);
        same(&Job { tlb, ..job }, &log, &what);
        let local = Job {
            tlb,
            frames: job.frames.map(|_| quotas.iter().sum()),
            quotas: job.frames.map(|_| &quotas[..]),
            ..job
        };
        same(&local, &log, &what);
    });
}

#[test]
fn events_are_followed() {
    (0..600u64).into_par_iter().for_each(|seed| {
        follow(&Case::of_seed(seed), seed);
    });
}

#[test]
fn longer_traces_with_events_are_followed() {
    (0..30u64).into_par_iter().for_each(|seed| {
        let style = STYLES[(seed % 6) as usize];
        let items = items(style, 4096, 4000, seed);
        follow(&Case::new(trace_of(&items, 4096), seed), seed);
    });
}

#[test]
fn references_alone_are_followed() {
    (0..600u64).into_par_iter().for_each(|seed| {
        follow(&Case::new(eventless(seed), seed), seed);
    });
}

/// The beginning of a shipped recording.
fn recording(name: &str, page: &str) -> Trace {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    let selection = Selection {
        limit: Some(400_000),
        ..Selection::default()
    };
    let options = LoadOptions {
        selection,
        page_size: Some(page.parse().expect("a page size")),
        ..LoadOptions::default()
    };
    load(&folder.join(name), &options).expect("the shipped recording is sound")
}

#[test]
fn the_shipped_recordings_are_followed() {
    let names = ["cc1", "git", "pipeline", "python", "sort", "sqlite", "xz"];
    let all = names.into_par_iter().flat_map(|name| {
        let pages = ["4KiB", "64KiB", "2MiB"].into_par_iter();
        pages.map(move |page| (name, page))
    });
    all.for_each(|(name, page)| {
        let trace = recording(&format!("{name}.pbt"), page);
        let resolved = resolved(trace, Mappings::Permissive);
        for text in ["l1=64x4", "l1=72,l2=none,pwc=2/4/32", "l1i=8x2,l1d=12x3"] {
            let geometry: Geometry = text.parse().expect("a geometry");
            let log = MissLog::of(&geometry, &resolved.trace, resolved.space.as_ref());
            let log = log.expect("tags");
            for (policy, frames, tau) in [
                ("lru", Some(16), 1),
                ("fifo", Some(5), 1),
                ("clock", Some(96), 1),
                ("opt", Some(8), 1),
                ("ws", None, 900),
            ] {
                let choice: PolicyChoice = policy.parse().expect("a policy of the table");
                let job = Job {
                    space: resolved.space.as_ref(),
                    frames,
                    tau,
                    warmup: 12_345,
                    tlb: Some(&geometry),
                    ..Job::new(&resolved.trace, &choice)
                };
                same(&job, &log, &format!("{name}, {page}, {policy}, {text}"));
            }
        }
    });
}

/// Every reference faults, and every fault asks where the other side is referenced next: at once,
/// far away, or beyond many other pages.
#[test]
fn hostile_traces_are_followed() {
    const LENGTH: u64 = 100_000;
    let page_at: [fn(u64) -> (u64, bool); 4] = [
        |at| (0, at % 2 == 0),
        |at| (at / 2 % 2, at % 2 == 0),
        |at| (at % 2, at % 5000 > 1),
        |at| (at % 512, at / 512 % 2 == 0),
    ];
    page_at.into_par_iter().for_each(|page_at| {
        let refs = (0..LENGTH).map(|at| {
            let (page, ifetch) = page_at(at);
            let (process, write) = (1, false);
            crate::oracle::Ref {
                process,
                page,
                write,
                ifetch,
            }
        });
        let refs: Vec<crate::oracle::Ref> = refs.collect();
        let case = Case::new(crate::support::trace_of(&refs), 0);
        let geometry: Geometry = "l1=1024,l2=none".parse().expect("a geometry");
        let log = MissLog::of(&geometry, &case.resolved.trace, None).expect("few misses");
        case.each(|policy, job| {
            let (frames, tlb) = (job.frames.map(|_| 1), Some(&geometry));
            let job = Job {
                frames,
                tlb,
                warmup: 0,
                ..job
            };
            same(&job, &log, policy);
        });
    });
}

/// A log is of no use without tags, where bits are set by walks, and for other TLBs: then every
/// reference is looked at.
#[test]
fn what_cannot_be_followed_is_replayed_plainly() {
    for seed in 0..40 {
        let case = Case::of_seed(seed);
        let [tagged, untagged] = geometries();
        let space = case.resolved.space.as_ref();
        assert!(MissLog::of(&untagged, &case.resolved.trace, space).is_none());
        let log = MissLog::of(&tagged, &case.resolved.trace, space).expect("tags");
        let other = Geometry::default();
        case.each(|policy, job| {
            let what = format!("seed {seed}, {policy}");
            for tlb in [&untagged, &other] {
                let tlb = Some(tlb);
                same(&Job { tlb, ..job }, &log, &what);
            }
            for accessed in [AccessedBitMode::Walk, AccessedBitMode::WalkFlush] {
                let tlb = Some(&tagged);
                same(
                    &Job {
                        tlb,
                        accessed,
                        ..job
                    },
                    &log,
                    &what,
                );
            }
            same(&job, &log, &what);
        });
    }
}
