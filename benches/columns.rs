//! Lines a second of the csv engine, from memory on one core: rows of numbers, with and without quotes,
//! text keys, and the layouts of published traces. Run with `cargo bench --bench columns`.

#![allow(
    missing_docs,
    reason = "criterion's macros make public items without documentation"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pagebench::internals::trace::format::{ReadOptions, by_name};
use pagebench::internals::trace::generate::{Generator, Step};
use pagebench::internals::trace::model::access::Access;
use std::fmt::Write;
use std::io::Cursor;
use std::sync::Arc;

/// Lines of a file.
const LINES: u64 = 1_000_000;

/// Returns the addresses of a skewed pattern: as many different ones as a cache sees.
fn accesses() -> Vec<Access> {
    let generator = Generator::parse(&format!("zipf:pages=100K:writes=25:refs={LINES}"));
    let steps = generator.expect("a generator of the table");
    let access = |step| match step {
        Step::Access(access) => Some(access),
        _ => None,
    };
    steps.filter_map(access).collect()
}

/// Returns a file, a line for each access.
fn file(header: &str, line: impl Fn(&mut String, &Access)) -> Arc<[u8]> {
    let mut text = String::from(header);
    for access in accesses() {
        line(&mut text, &access);
        text.push('\n');
    }
    text.into_bytes().into()
}

/// Reads a file to its end. Returns the number of accesses.
fn read(format: &str, bytes: &Arc<[u8]>) -> usize {
    let format = by_name(format).expect("a format of the table");
    let input = Box::new(Cursor::new(bytes.clone()));
    let mut reader = (format.open)(input, "memory".into(), &ReadOptions::default())
        .expect("the columns are named");
    let mut batch = Vec::new();
    let mut number = 0;
    while reader
        .fill(&mut batch, usize::MAX)
        .expect("the lines are good")
    {
        number += batch.len();
        batch.clear();
    }
    number
}

fn columns(c: &mut Criterion) {
    let kind = |access: &Access| {
        if access.addr.is_multiple_of(3) {
            "w"
        } else {
            "r"
        }
    };
    let files = [
        (
            "two columns",
            "csv",
            file("addr,rw\n", |text, a| {
                let _ = write!(text, "{},{}", a.addr, kind(a));
            }),
        ),
        (
            "four columns, hexadecimal",
            "csv",
            file("time,op,addr,size\n", |text, a| {
                let _ = write!(text, "{},{},{:#x},8", a.addr % 977, kind(a), a.addr);
            }),
        ),
        (
            "four columns, quotes",
            "csv",
            file("time,op,addr,size\n", |text, a| {
                let _ = write!(text, "{},\"{}\",{},8", a.addr % 977, kind(a), a.addr);
            }),
        ),
        (
            "text keys",
            "csv",
            file("key,op\n", |text, a| {
                let _ = write!(text, "user:{:016x},{}", a.addr >> 12, kind(a));
            }),
        ),
        (
            "twitter",
            "twitter",
            file("", |text, a| {
                let key = a.addr >> 12;
                let _ = write!(text, "7,nz:u:{key:016x},22,304,4,get,0");
            }),
        ),
        (
            "tencent",
            "tencent",
            file("", |text, a| {
                let kind = u8::from(a.addr.is_multiple_of(3));
                let _ = write!(text, "1538323200,{},8,{kind},1063", a.addr >> 9);
            }),
        ),
        (
            "cachelib",
            "cachelib",
            file("key,op,size,op_count,key_size\n", |text, a| {
                let kind = if a.addr.is_multiple_of(3) {
                    "SET"
                } else {
                    "GET"
                };
                let _ = write!(text, "{},{kind},82,1,40", 1_600_000_000 + (a.addr >> 12));
            }),
        ),
        (
            "cachelib of 2024",
            "cachelib",
            file("", |text, a| {
                let kind = if a.addr.is_multiple_of(3) {
                    "SET"
                } else {
                    "GET"
                };
                let key = a.addr >> 12;
                let _ = write!(
                    text,
                    "604038471,82131353f9ddc{key:x},48,{kind},1,87,1,0,366387042,3003229276"
                );
            }),
        ),
        (
            "webcache",
            "webcache",
            file("", |text, a| {
                let _ = write!(text, "7 {} {}", a.addr >> 12, 1 + a.addr % 977);
            }),
        ),
        (
            "alibaba",
            "alibaba",
            file("", |text, a| {
                let kind = if a.addr.is_multiple_of(3) { "W" } else { "R" };
                let _ = write!(text, "7,{kind},{},4096,1577808000000626", a.addr);
            }),
        ),
    ];
    let mut group = c.benchmark_group("columns");
    group
        .throughput(Throughput::Elements(LINES))
        .sample_size(10);
    for (name, format, bytes) in &files {
        assert_eq!(read(format, bytes), LINES as usize);
        group.bench_function(*name, |b| b.iter(|| read(format, bytes)));
    }
    group.finish();
}

criterion_group!(benches, columns);
criterion_main!(benches);
