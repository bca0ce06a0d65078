//! Lines a second of the text formats that are read line by line, from memory on one core: to accesses
//! (`accesses`), and to references with dense page numbers (`references`). Lines are as long as those of
//! real files. Run with `cargo bench --bench text_formats`, or with the name of a format after `--`.

#![allow(
    missing_docs,
    reason = "criterion's macros make public items without documentation"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pagebench::internals::trace::format::{ReadOptions, by_name};
use pagebench::internals::trace::generate::{Generator, Step};
use pagebench::internals::trace::model::access::Access;
use pagebench::internals::trace::model::assembler::Assembler;
use pagebench::internals::trace::model::refs::References;
use pagebench::internals::trace::model::selection::Selection;
use pagebench::internals::units::PageSize;
use std::fmt::Write;
use std::io::Cursor;
use std::sync::Arc;

/// Lines of a file.
const LINES: u64 = 500_000;

/// A format, what is special about the file, its first lines, and its line for an access.
struct File {
    format: &'static str,
    variant: &'static str,
    head: &'static str,
    line: fn(&mut String, &Line) -> std::fmt::Result,
}

/// What the lines of all formats are made of.
struct Line {
    /// An address of 48 bits, as those of a program.
    addr: u64,
    /// Its place on a disk, in bytes.
    place: u64,
    /// The number of its page.
    page: u64,
    /// True if it writes, as a third of them do.
    write: bool,
    /// A random number, as those of columns that are ignored.
    other: u64,
}

impl Line {
    fn of(access: &Access) -> Line {
        let other = (access.addr ^ 0x5bd1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        Line {
            addr: 0x7f12_0000_0000 + access.addr,
            place: access.addr,
            page: access.addr >> 12,
            write: access.addr.is_multiple_of(3),
            other,
        }
    }

    /// Returns the word for what the access does.
    fn kind<'a>(&self, read: &'a str, write: &'a str) -> &'a str {
        if self.write { write } else { read }
    }

    /// Returns a random number below `end`.
    fn below(&self, end: u64) -> u64 {
        self.other % end
    }
}

const fn file(
    format: &'static str,
    variant: &'static str,
    line: fn(&mut String, &Line) -> std::fmt::Result,
) -> File {
    File {
        format,
        variant,
        head: "",
        line,
    }
}

const fn with_head(head: &'static str, file: File) -> File {
    File { head, ..file }
}

const PLAIN: &str = "# pagebench trace 1\n# kind: synthetic\n";
const PLAIN_IDS: &str = "# pagebench trace 1\n# kind: synthetic\n# addressing: ids\n";

static FILES: &[File] = &[
    with_head(
        PLAIN,
        file("plain", "with sizes", |text, a| {
            writeln!(text, "{} {:x} 8", a.kind("R", "W"), a.addr)
        }),
    ),
    with_head(
        PLAIN,
        file("plain", "without sizes", |text, a| {
            writeln!(text, "{} {:x}", a.kind("R", "W"), a.addr)
        }),
    ),
    with_head(
        PLAIN_IDS,
        file("plain", "ids", |text, a| {
            writeln!(text, "{} {}", a.kind("R", "W"), a.page)
        }),
    ),
    file("lackey", "", |text, a| {
        writeln!(text, " {} {:010x},8", a.kind("L", "S"), a.addr)
    }),
    file("addr-rw", "", |text, a| {
        writeln!(text, "0x{:x} {}", a.addr, a.kind("R", "W"))
    }),
    file("addr-rw", "short", |text, a| {
        writeln!(text, "{:08x} {}", a.addr & 0xffff_ffff, a.kind("R", "W"))
    }),
    file("spec", "", |text, a| {
        writeln!(
            text,
            "{} 0x{:08x} {}",
            a.kind("l", "s"),
            a.addr & 0xffff_ffff,
            a.below(13)
        )
    }),
    file("page-ref", "", |text, a| {
        writeln!(text, "{} {:x}000", a.kind("L", "S"), a.page)
    }),
    file("dinero", "", |text, a| {
        writeln!(text, "{} {:x}", a.kind("0", "1"), a.addr)
    }),
    file("dinero", "short", |text, a| {
        writeln!(text, "{} {:x}", a.kind("2", "1"), 0x40_0000 + a.place)
    }),
    file("pinatrace", "", |text, a| {
        writeln!(
            text,
            "0x7f3bf1a4{:04x}: {} 0x{:x}",
            a.below(1 << 16),
            a.kind("R", "W"),
            a.addr
        )
    }),
    file("ramulator", "", |text, a| {
        writeln!(text, "{} {}", a.below(37), a.addr)
    }),
    file("ramulator2", "", |text, a| {
        writeln!(text, "{} 0x{:x}", a.kind("LD", "ST"), a.addr)
    }),
    file("string", "", |text, a| {
        writeln!(text, "{}{}", a.page, a.kind("", "w"))
    }),
    file("lirs", "", |text, a| writeln!(text, "{}", a.page)),
    file("arc", "", |text, a| {
        writeln!(text, "{} 1 0 {}", a.page, a.below(100_000))
    }),
    file("spc", "", |text, a| {
        writeln!(
            text,
            "{},{},4096,{},{}.{:06}",
            a.below(3),
            a.place >> 9,
            a.kind("R", "W"),
            a.below(4000),
            a.below(1_000_000)
        )
    }),
    file("msr", "", |text, a| {
        writeln!(
            text,
            "128166372003061629,hm,{},{},{},4096,{}",
            a.below(2),
            a.kind("Read", "Write"),
            a.place,
            a.below(9000)
        )
    }),
    file("fiu", "", |text, a| {
        writeln!(
            text,
            "89968195792462 {} {} {} 8 {} 6 0 56f11b711d91a065a2b6458eca924523",
            1892 + a.below(20_000),
            ["gzip", "kjournald"][a.below(2) as usize],
            a.place >> 9,
            a.kind("R", "W")
        )
    }),
    file("blkparse", "", |text, a| {
        writeln!(
            text,
            "  8,16   {}  {:7} {:5}.{:09}  5529  Q  {} {} + 8 [fio]",
            a.below(4),
            a.below(1_000_000),
            a.below(100),
            a.below(1_000_000_000),
            a.kind(" R", "WS"),
            a.place >> 9
        )
    }),
    file("ftrace", "", |text, a| {
        writeln!(
            text,
            "            bash-{}   [003] d... {:5}.{:06}: page_fault_user: address=0x{:x} ip=0x7ff74f7aa84c error_code=0x{}",
            930 + a.below(3),
            a.below(10_000),
            a.below(1_000_000),
            a.addr,
            a.kind("4", "6")
        )
    }),
    file("perf-script", "", |text, a| {
        writeln!(
            text,
            "  8055/8055   1618.{:06}: page-faults:     {:x}",
            a.below(1_000_000),
            a.addr
        )
    }),
    file("perf-script", "tracepoint", |text, a| {
        writeln!(
            text,
            "              ls 24190/24190 [000] 34685.{:06}: exceptions:page_fault_user: address=0x{:x} ip=0x7fb1de5007ad error_code=0x{}",
            a.below(1_000_000),
            a.addr,
            a.kind("4", "6")
        )
    }),
    file("perf-trace", "", |text, a| {
        writeln!(
            text,
            "     0.{:03} ( 0.000 ms): ls/24187 minfault [elf_load+0x28a] => {}0x{:x} (d.)",
            a.below(1000),
            a.kind("//anon@", "/usr/lib/ld-linux.so.2@"),
            a.place
        )
    }),
    with_head(
        "Attaching 1 probe...\n",
        file("bpftrace", "", |text, a| {
            writeln!(
                text,
                "pid=930 address=0x{:x} ip=0x7ff74f7aa84c error_code=0x{}",
                a.addr,
                a.kind("4", "6")
            )
        }),
    ),
    with_head(
        "Attaching 1 probe...\n",
        file("bpftrace", "rows", |text, a| {
            writeln!(
                text,
                "930 bash 0x{:x} 0x7ff74f7aa84c {}",
                a.addr,
                a.kind("4", "6")
            )
        }),
    ),
    file("drmemtrace-view", "", |text, a| {
        writeln!(
            text,
            "{:12}{:12}:     2765543 {}        8 byte(s) @ 0x{:016x} by PC 0x0000000000404a7e",
            a.below(10_000_000),
            a.below(3_000_000),
            a.kind("read ", "write"),
            a.addr
        )
    }),
    file("drmemtrace-view", "fetches", |text, a| {
        writeln!(
            text,
            "{:12}{:12}:     2765543 ifetch       5 byte(s) @ 0x{:016x} 48 8b 5c 24 08       mov    0x08(%rsp)[8byte] -> %rbx",
            a.below(10_000_000),
            a.below(3_000_000),
            a.addr
        )
    }),
];

/// Reads a file to its end. Returns the number of accesses; `assembler` makes references of them.
fn read(format: &str, bytes: &Arc<[u8]>, assembles: bool) -> usize {
    let format = by_name(format).expect("a format of the table");
    let input = Box::new(Cursor::new(bytes.clone()));
    let options = ReadOptions::default();
    let mut reader = (format.open)(input, "memory".into(), &options).expect("nothing is missing");
    let (mut packed, mut batch) = (Vec::new(), Vec::new());
    let (mut references, mut assembler) = (References::default(), None);
    let (mut number, mut more) = (0, true);
    while more {
        // As many at a time as when a trace is loaded.
        while more && packed.len() + batch.len() < 8192 {
            let filled = match batch.is_empty() {
                true => reader.fill_packed(&mut packed, &mut batch, usize::MAX),
                false => reader.fill(&mut batch, usize::MAX),
            };
            more = filled.expect("the lines are good");
        }
        number += packed.len() + batch.len();
        if assembles {
            let assembler = assembler.get_or_insert_with(|| {
                let addressing = reader.known().addressing;
                Assembler::new(Selection::default(), addressing, PageSize::DEFAULT)
            });
            let taken = assembler.packed(&packed, &mut references);
            taken.expect("few pages");
            let taken = assembler.accesses(&batch, &mut references);
            taken.expect("few pages");
            references.clear();
        }
        packed.clear();
        batch.clear();
    }
    number
}

fn text_formats(c: &mut Criterion) {
    let generator = Generator::parse(&format!("zipf:pages=2000:writes=25:refs={LINES}"));
    let steps = generator.expect("a generator of the table");
    let line = |step| match step {
        Step::Access(access) => Some(Line::of(&access)),
        _ => None,
    };
    let lines: Vec<Line> = steps.filter_map(line).collect();
    let mut group = c.benchmark_group("text formats");
    group.sample_size(10);
    for file in FILES {
        let mut text = String::from(file.head);
        for line in &lines {
            (file.line)(&mut text, line).expect("memory");
        }
        let bytes: Arc<[u8]> = text.into_bytes().into();
        assert_eq!(read(file.format, &bytes, true), lines.len());
        group.throughput(Throughput::ElementsAndBytes {
            elements: LINES,
            bytes: bytes.len() as u64,
        });
        let name = [file.format, file.variant].join(" ");
        for (what, assembles) in [("accesses", false), ("references", true)] {
            let name = format!("{} {what}", name.trim());
            group.bench_function(name, |b| b.iter(|| read(file.format, &bytes, assembles)));
        }
    }
    group.finish();
}

criterion_group!(benches, text_formats);
criterion_main!(benches);
