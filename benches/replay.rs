//! The cost of each part per reference: parsing, storing, loading, replaying, curves. Run with
//! `cargo bench`; `cargo bench -- replay/lru` runs only the benchmarks with that name.

#![allow(
    missing_docs,
    reason = "criterion's macros make public items without documentation"
)]

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use pagebench::internals::curve;
use pagebench::internals::curve::by_bursts;
use pagebench::internals::policy::{PolicyChoice, TABLE};
use pagebench::internals::space::{Resolved, resolve};
use pagebench::internals::sweep::choose_bursts;
use pagebench::internals::trace::bursts::{Bursts, K_MAX, SIZES};
use pagebench::internals::trace::generate::{Generator, Step};
use pagebench::internals::trace::model::access::{Addressing, TraceKind};
use pagebench::internals::trace::model::assembler::Assembler;
use pagebench::internals::trace::model::convert::convert;
use pagebench::internals::trace::model::dense::Trace;
use pagebench::internals::trace::model::refs::References;
use pagebench::internals::trace::model::selection::Selection;
use pagebench::internals::trace::model::source::{LoadOptions, TraceSource, load};
use pagebench::internals::trace::store::Writer;
use pagebench::internals::units::PageSize;
use pagebench::internals::vm::tlb::{Geometry, MissLog};
use pagebench::internals::vm::{AccessedBitMode, Job, run};
use std::hint::black_box;
use std::path::Path;

/// References of a trace: few enough for a run of a minute, enough to outgrow the caches.
const REFS: u64 = 4_000_000;

fn recording() -> Trace {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces/cc1.pbt");
    let selection = Selection {
        limit: Some(REFS),
        ..Selection::default()
    };
    load(
        &path,
        &LoadOptions {
            selection,
            ..LoadOptions::default()
        },
    )
    .expect("the shipped recording is sound")
}

/// Zipf(0.9) over a million pages: the worst case for locality.
fn zipf() -> Trace {
    let generator = Generator::parse(&format!("zipf:pages=1M:writes=25:refs={REFS}"));
    let mut assembler = Assembler::new(Selection::default(), Addressing::Bytes, PageSize::DEFAULT);
    let mut out = References::default();
    for step in generator.expect("a generator of the table") {
        let Step::Access(access) = step else { continue };
        assembler
            .access(&access, &mut out)
            .expect("a million pages are allowed");
    }
    let meta = pagebench::internals::trace::model::refs::Meta {
        name: "zipf".into(),
        format: "gen".into(),
        kind: TraceKind::Synthetic,
        addressing: Addressing::Bytes,
        page_size: PageSize::DEFAULT,
        skipped: 0,
    };
    Trace::new(meta, assembler.into_dictionary(), out.refs, out.kinds, None)
}

fn job<'t>(
    trace: &'t Trace,
    choice: &'t PolicyChoice,
    frames: u32,
    tlb: Option<&'t Geometry>,
) -> Job<'t> {
    Job {
        frames: Some(frames),
        tau: u64::from(frames) * 100,
        tlb,
        ..Job::new(trace, choice)
    }
}

fn replay(c: &mut Criterion) {
    for (trace, sizes) in [
        (recording(), [16, 256, 1024]),
        (zipf(), [1_000, 100_000, 500_000]),
    ] {
        // Next-use links are computed once per trace and are not to be timed.
        black_box(trace.next_use());
        for spec in TABLE {
            let mut group = c.benchmark_group(format!("replay/{}/{}", spec.name, trace.meta.name));
            group
                .throughput(Throughput::Elements(trace.len() as u64))
                .sample_size(10);
            let choice: PolicyChoice = spec.name.parse().expect("a name of the table");
            for frames in sizes {
                group.bench_with_input(
                    BenchmarkId::from_parameter(frames),
                    &frames,
                    |b, &frames| {
                        b.iter(|| run(&job(&trace, &choice, frames, None)));
                    },
                );
            }
            group.finish();
        }
    }
}

/// Encoding bursts, and replays by bursts beside their plain twins.
fn bursts(c: &mut Criterion) {
    let trace = recording();
    let encode =
        || Bursts::encode(trace.refs(), trace.kinds()).cut(&trace.dictionary, std::iter::empty());
    let mut group = c.benchmark_group("bursts/cc1");
    group
        .throughput(Throughput::Elements(trace.len() as u64))
        .sample_size(10);
    group.bench_function("encode 64", |b| b.iter(encode));
    group.bench_function("encode 64, 32, 16", |b| {
        b.iter(|| {
            let bursts = encode();
            [16, 32].map(|k| bursts.of(k).columns.len())
        });
    });
    let bursts = encode();
    for spec in TABLE {
        let choice: PolicyChoice = spec.name.parse().expect("a name of the table");
        for frames in [16, 256, 1024] {
            let plain = job(&trace, &choice, frames, None);
            let fast = Job {
                bursts: choose_bursts(spec, plain.frames, plain.tau, &bursts),
                ..plain
            };
            if fast.bursts.is_some() {
                let name = |engine| format!("{}/{frames}/{engine}", spec.name);
                group.bench_function(name("plain"), |b| b.iter(|| run(&plain)));
                group.bench_function(name("bursts"), |b| b.iter(|| run(&fast)));
            }
        }
    }
    group.finish();
}

/// The model switched on layer by layer, from the references alone.
fn machine(c: &mut Criterion) {
    let resolved = resolve(recording(), &Default::default()).expect("the recording is sound");
    let geometry = Geometry::default();
    black_box(resolved.trace.next_use());
    let log = MissLog::of(&geometry, &resolved.trace, resolved.space.as_ref());
    for spec in TABLE {
        let choice: PolicyChoice = spec.name.parse().expect("a name of the table");
        let mut group = c.benchmark_group(format!("machine/{}/cc1/256", spec.name));
        group
            .throughput(Throughput::Elements(resolved.trace.len() as u64))
            .sample_size(10);
        for (name, job) in layers(&resolved, &choice, &geometry, log.as_ref()) {
            group.bench_function(name, |b| b.iter(|| run(&job)));
        }
        group.finish();
    }
}

/// Returns a job with 256 frames for each layer of the model, with its name.
fn layers<'t>(
    resolved: &'t Resolved,
    choice: &'t PolicyChoice,
    geometry: &'t Geometry,
    log: Option<&'t MissLog>,
) -> [(&'static str, Job<'t>); 7] {
    let bare = job(&resolved.trace, choice, 256, None);
    let spaces = Job {
        space: resolved.space.as_ref(),
        ..bare
    };
    let tlbs = Job {
        tlb: Some(geometry),
        ..spaces
    };
    let by_walk = Job {
        accessed: AccessedBitMode::WalkFlush,
        ..tlbs
    };
    let followed = Job {
        misses: log,
        ..tlbs
    };
    let bursts = resolved
        .bursts()
        .and_then(|bursts| choose_bursts(choice.spec(), bare.frames, bare.tau, bursts));
    [
        ("references alone", bare),
        ("address spaces", spaces),
        ("address spaces and TLBs", tlbs),
        ("bits set by walks", by_walk),
        ("address spaces and TLBs, followed", followed),
        ("address spaces, by bursts", Job { bursts, ..spaces }),
        (
            "address spaces and TLBs, followed, by bursts",
            Job { bursts, ..followed },
        ),
    ]
}

/// Whole curves in one pass: every size of LRU, OPT and the working set, 64 of FIFO and Clock. By
/// single references and by bursts, on one core.
fn curves(c: &mut Criterion) {
    // One thread: encoding bursts and finding gaps would use all cores.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.expect("one thread");
    for trace in [recording(), zipf()] {
        let (refs, pages) = (trace.refs(), trace.distinct());
        let sizes = curve::lane_sizes(pages as u64);
        black_box(trace.next_use());
        let mut group = c.benchmark_group(format!("curve/{}", trace.meta.name));
        group
            .throughput(Throughput::Elements(trace.len() as u64))
            .sample_size(10);
        group.bench_function("lru", |b| {
            b.iter(|| curve::lru(refs, pages));
        });
        // OPT takes minutes if no page is referenced again soon.
        if trace.meta.kind != TraceKind::Synthetic {
            group.bench_function("opt", |b| b.iter(|| curve::opt(&trace)));
        }
        group.bench_function("ws and vmin", |b| b.iter(|| curve::intervals(&trace)));
        group.bench_function("fifo, 64 sizes", |b| {
            b.iter(|| curve::fifo(refs, pages, &sizes));
        });
        group.bench_function("clock, 64 sizes", |b| {
            b.iter(|| curve::clock(refs, pages, &sizes, true));
        });
        group.bench_function("lru, 1 % of the pages", |b| {
            b.iter(|| curve::sample::sample(&trace, 0.01));
        });
        if trace.meta.kind != TraceKind::Synthetic {
            curves_by_bursts(&mut group, &pool, &trace, &sizes);
        }
        group.finish();
    }
}

fn curves_by_bursts(
    group: &mut BenchmarkGroup<'_, WallTime>,
    pool: &rayon::ThreadPool,
    trace: &Trace,
    sizes: &[u64],
) {
    let (refs, pages) = (trace.refs(), trace.distinct());
    let encode = || Bursts::encode(refs, trace.kinds()).cut(&trace.dictionary, std::iter::empty());
    group.bench_function("bursts themselves", |b| b.iter(|| pool.install(encode)));
    let bursts = encode();
    for k in SIZES {
        let columns = bursts.of(k).columns;
        group.bench_function(format!("lru by bursts, from {k} frames"), |b| {
            b.iter(|| by_bursts::lru(columns, None, pages));
        });
    }
    for least in [1, 65_536] {
        group.bench_function(format!("ws and vmin by bursts, from window {least}"), |b| {
            b.iter(|| pool.install(|| by_bursts::intervals(trace, &bursts, least)));
        });
    }
    let view = bursts.of(K_MAX);
    for least in [16, 64, 256] {
        let sizes = &sizes[sizes.partition_point(|&size| size < least)..];
        let name = |policy| format!("{policy}, {} sizes from {least}", sizes.len());
        group.bench_function(name("fifo"), |b| {
            b.iter(|| curve::fifo(refs, pages, sizes));
        });
        group.bench_function(name("fifo by bursts"), |b| {
            b.iter(|| by_bursts::fifo(view, pages, sizes));
        });
        group.bench_function(name("clock"), |b| {
            b.iter(|| curve::clock(refs, pages, sizes, true));
        });
        group.bench_function(name("clock by bursts"), |b| {
            b.iter(|| by_bursts::clock(view, pages, sizes, true));
        });
    }
}

/// The log of TLB misses, which replays with TLBs share.
fn misses(c: &mut Criterion) {
    let resolved = resolve(recording(), &Default::default()).expect("the recording is sound");
    let (trace, geometry) = (&resolved.trace, Geometry::default());
    let mut group = c.benchmark_group("misses/cc1");
    group
        .throughput(Throughput::Elements(trace.len() as u64))
        .sample_size(10);
    group.bench_function("log", |b| {
        b.iter(|| MissLog::of(&geometry, trace, resolved.space.as_ref()));
    });
    group.finish();
}

fn store(c: &mut Criterion) {
    let trace = recording();
    let mut group = c.benchmark_group("store/cc1");
    group
        .throughput(Throughput::Elements(trace.len() as u64))
        .sample_size(10);
    group.bench_function("write", |b| {
        b.iter(|| {
            let mut writer = Writer::new(std::io::sink(), 3).expect("a sink takes everything");
            writer
                .push_all(trace.refs(), trace.kinds())
                .expect("a sink takes everything");
            writer
                .finish(&trace.meta, &trace.dictionary)
                .expect("a sink takes everything")
                .1
        });
    });
    group.bench_function("load", |b| b.iter(recording));
    group.finish();
}

fn parse(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("text.lackey");
    std::fs::write(&path, lackey_text(500_000)).expect("a scratch file");
    let mut group = c.benchmark_group("parse");
    group
        .throughput(Throughput::Elements(500_000))
        .sample_size(10);
    group.bench_function("lackey", |b| {
        b.iter(|| load(&path, &LoadOptions::default()))
    });
    let lines = 5_000_000;
    let text = lackey_text(lines);
    let zipped = folder.path().join("text.lackey.zst");
    let bytes = zstd::bulk::compress(text.as_bytes(), 3).expect("memory takes it");
    std::fs::write(&zipped, bytes).expect("a scratch file");
    group.throughput(Throughput::Elements(lines));
    group.bench_function("lackey.zst to pbt", |b| {
        b.iter(|| {
            let source = TraceSource::open(&zipped, &LoadOptions::default()).expect("a trace");
            convert(source, std::io::sink(), 3).expect("a sink takes everything")
        })
    });
    group.finish();
}

/// Returns lines as valgrind writes them.
fn lackey_text(lines: u64) -> String {
    let generator = Generator::parse(&format!("zipf:pages=500:alpha=1.2:writes=25:refs={lines}"));
    let mut text = String::new();
    for step in generator.expect("a generator of the table") {
        let Step::Access(access) = step else { continue };
        let kind = if access.addr % 3 == 0 { "I " } else { " L" };
        text.push_str(&format!("{kind} {:08x},8\n", 0x0400_0000 + access.addr));
    }
    text
}

criterion_group!(
    benches, replay, bursts, machine, misses, curves, store, parse
);
criterion_main!(benches);
