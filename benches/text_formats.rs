//! Lines a second of the text formats, from memory on one core. Run with
//! `cargo bench --bench text_formats`.

#![allow(
    missing_docs,
    reason = "criterion's macros make public items without documentation"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pagebench::internals::trace::format::{ReadOptions, by_name};
use pagebench::internals::trace::generate::{Generator, Step};
use pagebench::internals::trace::model::access::Access;
use std::io::Cursor;
use std::sync::Arc;

/// Lines of a file.
const LINES: u64 = 1_000_000;

/// A format's name, and its line for an access.
type Lines = (&'static str, fn(&Access) -> String);

/// The formats with a line for each access; `w` is true for a third of them.
const FORMATS: [Lines; 14] = [
    ("addr-rw", |a| {
        format!("0x{:x} {}", high(a), if w(a) { "W" } else { "R" })
    }),
    ("spec", |a| {
        format!(
            "{} 0x{:08x} 3",
            if w(a) { "s" } else { "l" },
            high(a) & 0xffff_ffff
        )
    }),
    ("page-ref", |a| {
        format!("{} {:x}000", if w(a) { "S" } else { "L" }, a.addr >> 12)
    }),
    ("dinero", |a| format!("{} {:x}", u8::from(w(a)), high(a))),
    ("lackey", |a| {
        format!(" {} {:010x},8", if w(a) { "S" } else { "L" }, high(a))
    }),
    ("ramulator", |a| format!("{} {}", a.addr % 37, high(a))),
    ("ramulator2", |a| {
        format!("{} 0x{:x}", if w(a) { "ST" } else { "LD" }, high(a))
    }),
    ("string", |a| {
        format!("{}{}", a.addr >> 12, if w(a) { "w" } else { "" })
    }),
    ("msr", |a| {
        let kind = if w(a) { "Write" } else { "Read" };
        format!("128166372003061629,hm,1,{kind},{},4096,413", a.addr)
    }),
    ("fiu", |a| {
        let kind = if w(a) { "W" } else { "R" };
        format!(
            "89968195792462 20782 gzip {} 8 {kind} 6 0 56f11b711d91a065a2b6458eca924523",
            a.addr
        )
    }),
    ("blkparse", |a| {
        let kind = if w(a) { "WS" } else { " R" };
        format!(
            "  8,16   1        1     1.427376394  5529  Q  {kind} {} + 8 [fio]",
            a.addr
        )
    }),
    ("ftrace", |a| {
        let (addr, code) = (high(a), if w(a) { 6 } else { 4 });
        format!(
            "bash-930 [003] d... 6.896762: page_fault_user: address=0x{addr:x} ip=0x7ff74f7aa84c error_code=0x{code}"
        )
    }),
    ("bpftrace", |a| {
        format!(
            "pid=930 address=0x{:x} error_code=0x{}",
            high(a),
            if w(a) { 6 } else { 4 }
        )
    }),
    ("drmemtrace-view", |a| {
        let what = if w(a) { "write " } else { "read  " };
        let addr = high(a);
        format!(
            "       47744       37770:     2765543 {what}       8 byte(s) @ 0x{addr:016x} by PC 0x0000000000404a7e"
        )
    }),
];

fn w(access: &Access) -> bool {
    access.addr.is_multiple_of(3)
}

/// Returns an address of 48 bits, as those of a program.
fn high(access: &Access) -> u64 {
    0x7f12_0000_0000 + access.addr
}

/// Reads a file to its end. Returns the number of accesses.
fn read(format: &str, bytes: &Arc<[u8]>) -> usize {
    let format = by_name(format).expect("a format of the table");
    let input = Box::new(Cursor::new(bytes.clone()));
    let options = ReadOptions::default();
    let mut reader = (format.open)(input, "memory".into(), &options).expect("nothing is missing");
    let (mut packed, mut batch) = (Vec::new(), Vec::new());
    let mut number = 0;
    while reader
        .fill_packed(&mut packed, &mut batch, usize::MAX)
        .expect("the lines are good")
    {
        number += packed.len() + batch.len();
        packed.clear();
        batch.clear();
    }
    number
}

fn text_formats(c: &mut Criterion) {
    let generator = Generator::parse(&format!("zipf:pages=100K:writes=25:refs={LINES}"));
    let steps = generator.expect("a generator of the table");
    let access = |step| match step {
        Step::Access(access) => Some(access),
        _ => None,
    };
    let accesses: Vec<Access> = steps.filter_map(access).collect();
    let mut group = c.benchmark_group("text formats");
    group
        .throughput(Throughput::Elements(LINES))
        .sample_size(10);
    for (name, line) in FORMATS {
        let lines = accesses.iter().map(|access| line(access) + "\n");
        let bytes: Arc<[u8]> = lines.collect::<String>().into_bytes().into();
        assert_eq!(read(name, &bytes), accesses.len());
        group.bench_function(name, |b| b.iter(|| read(name, &bytes)));
    }
    group.finish();
}

criterion_group!(benches, text_formats);
criterion_main!(benches);
