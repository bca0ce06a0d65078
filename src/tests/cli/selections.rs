//! A part of a trace is the same part however it is taken: while a trace is read, from a stored one,
//! or written to a file before. And what a file says that was written is what was read, at every page
//! size, but for what `convert` tells.

use super::harness::Sandbox;
use pagebench::internals::space;
use pagebench::internals::space::Options;
use pagebench::internals::trace::format::by_name;
use pagebench::internals::trace::generate::Rng;
use pagebench::internals::trace::model::convert::convert;
use pagebench::internals::trace::model::dense::Trace;
use pagebench::internals::trace::model::export::{Exported, export};
use pagebench::internals::trace::model::refs::KIND_MASK;
use pagebench::internals::trace::model::selection::Selection;
use pagebench::internals::trace::model::source;
use pagebench::internals::trace::model::source::{LoadOptions, TraceSource};
use pagebench::internals::units::PageSize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn size(text: &str) -> PageSize {
    text.parse().unwrap()
}

fn options(selection: &Selection, page_size: PageSize) -> LoadOptions {
    LoadOptions {
        selection: selection.clone(),
        page_size: Some(page_size),
        name: Some("t".into()),
        ..LoadOptions::default()
    }
}

fn load(path: &Path, selection: &Selection, page_size: PageSize) -> Trace {
    source::load(path, &options(selection, page_size)).unwrap_or_else(|e| panic!("{e}"))
}

/// Writes what is selected as `.pbt`, or in a format of the table; `None` is the page size of the
/// original.
fn write(
    from: &Path,
    selection: &Selection,
    page_size: Option<PageSize>,
    to: &Path,
) -> Option<Exported> {
    let options = LoadOptions {
        page_size,
        ..options(selection, PageSize::DEFAULT)
    };
    let source = TraceSource::open(from, &options).unwrap();
    let mut out = std::fs::File::create(to).unwrap();
    match to.extension().unwrap().to_str().unwrap() {
        "pbt" => {
            convert(source, out, 1).unwrap_or_else(|e| panic!("{e}"));
            None
        }
        format => {
            let format = by_name(format).unwrap();
            Some(export(source, format, false, &mut out).unwrap_or_else(|e| panic!("{e}")))
        }
    }
}

/// All of a trace that a replay depends on.
fn all_of(trace: &Trace) -> impl PartialEq + use<> {
    let events: Vec<String> = trace
        .events
        .iter()
        .map(|event| format!("{event:?}"))
        .collect();
    // The line is no part of an event.
    let events: Vec<String> = events
        .iter()
        .map(|e| e.split(", line: ").next().unwrap().to_owned())
        .collect();
    let dictionary = (
        trace.dictionary.pids.clone(),
        trace.dictionary.pages.clone(),
    );
    (
        trace.refs().to_vec(),
        trace.kinds().to_vec(),
        events,
        dictionary,
        trace.digest(),
    )
}

/// What formats without boundaries of accesses keep: pages in order and kinds.
fn references(trace: &Trace) -> (Vec<u32>, Vec<u8>, Vec<u64>) {
    let kinds = trace.kinds().iter().map(|kind| kind & KIND_MASK);
    let pages = trace.dictionary.pages.iter().map(|page| page.number);
    (trace.refs().to_vec(), kinds.collect(), pages.collect())
}

/// Several processes, which fork and begin other programs, with small and large accesses; with
/// mappings or without.
fn program(mapped: bool, records: usize, rng: &mut Rng) -> String {
    let mut text = "# pagebench trace 1\n".to_owned();
    let mut living = vec![0u32];
    let mut next_pid = 1;
    let map = "map 0 4194304 rwx\n";
    if mapped {
        text.push_str(map);
    }
    for _ in 0..records {
        let pid = living[rng.below(living.len() as u64) as usize];
        let _ = writeln!(text, "switch {pid}");
        let start = rng.below(1 << 20);
        match rng.below(24) {
            0 if living.len() < 5 => {
                let _ = writeln!(text, "fork {next_pid}");
                living.push(next_pid);
                next_pid += 1;
            }
            1 if living.len() > 1 => {
                text.push_str("exit\n");
                living.retain(|&other| other != pid);
            }
            2 => {
                text.push_str("exec\n");
                if mapped {
                    text.push_str(map);
                }
            }
            3 => {
                let length = 1 + rng.below(30_000);
                let _ = writeln!(text, "advise {start:x} {length} dontneed");
            }
            4 if mapped => {
                let length = 1 + rng.below(30_000);
                let _ = writeln!(text, "map {start:x} {length} rwx fixed shared");
            }
            kind => {
                let size = [1, 8, 4096, 70_000, 300_000][rng.below(30).min(4) as usize];
                let letter = ["I", "R", "W"][kind as usize % 3];
                let _ = writeln!(text, "{letter} {start:x} {size}");
            }
        }
    }
    text
}

fn selections(rng: &mut Rng) -> Vec<Selection> {
    let limit = |rng: &mut Rng| [None, Some(1 + rng.below(300))][rng.below(2) as usize];
    let mut all = vec![Selection::default()];
    for _ in 0..5 {
        all.push(Selection {
            data_only: rng.below(2) == 0,
            pids: [vec![], vec![0], vec![1], vec![0, 2, 3]][rng.below(4) as usize].clone(),
            skip: [0, rng.below(200)][rng.below(2) as usize],
            limit: limit(rng),
            sample: None,
        });
    }
    all
}

/// Selected then written is written then selected, at two page sizes, from text and from `.pbt`.
#[test]
fn selected_then_written_is_written_then_selected() {
    let sandbox = Sandbox::new();
    let path = |name: &str| -> PathBuf { sandbox.path(name) };
    let mut rng = Rng::new(22);
    for round in 0..12 {
        sandbox.write("t.txt", program(round % 2 == 0, 400, &mut rng));
        let (text, stored) = (path("t.txt"), path("t.pbt"));
        write(&text, &Selection::default(), None, &stored);
        for selection in selections(&mut rng) {
            for page_size in [PageSize::DEFAULT, size("64KiB")] {
                let wanted = load(&text, &selection, page_size);
                if wanted.is_empty() {
                    continue;
                }
                let told = format!("round {round}, {selection:?}, pages of {page_size}");
                let same = |trace: &Trace, how: &str| {
                    assert!(all_of(trace) == all_of(&wanted), "{how}: {told}");
                };
                same(
                    &load(&stored, &selection, page_size),
                    "written then selected",
                );
                for from in [&text, &stored] {
                    for to in ["s.pbt", "s.plain"] {
                        write(from, &selection, Some(page_size), &path(to));
                        let all = Selection::default();
                        same(&load(&path(to), &all, page_size), to);
                        // Written once more.
                        write(&path(to), &all, Some(page_size), &path("again.plain"));
                        same(&load(&path("again.plain"), &all, page_size), "again");
                    }
                    // Processes and kinds are the same at every page size.
                    if selection.skip == 0 && selection.limit.is_none() {
                        for to in ["s.pbt", "s.plain"] {
                            write(from, &selection, None, &path(to));
                            same(
                                &load(&path(to), &Selection::default(), page_size),
                                "coarser",
                            );
                        }
                    }
                }
            }
        }
    }
}

/// A parent of which a selection leaves nothing is one all the same: what is selected is as good as
/// the whole, before it is written and after.
#[test]
fn a_part_of_a_good_trace_is_a_good_trace() {
    let sandbox = Sandbox::new();
    let mut rng = Rng::new(7);
    for round in 0..20 {
        sandbox.write("t.txt", program(round % 2 == 0, 150, &mut rng));
        let text = sandbox.path("t.txt");
        let whole = load(&text, &Selection::default(), PageSize::DEFAULT);
        space::resolve(whole, &Options::default()).unwrap_or_else(|e| panic!("{e}"));
        for selection in selections(&mut rng) {
            let part = load(&text, &selection, PageSize::DEFAULT);
            if part.is_empty() {
                continue;
            }
            let resolved = space::resolve(part, &Options::default());
            let resolved = resolved.unwrap_or_else(|e| panic!("{selection:?}: {e}"));
            write(&text, &selection, None, &sandbox.path("s.pbt"));
            let written = load(
                &sandbox.path("s.pbt"),
                &Selection::default(),
                PageSize::DEFAULT,
            );
            let written = space::resolve(written, &Options::default()).unwrap();
            assert!(
                all_of(&written.trace) == all_of(&resolved.trace),
                "{selection:?}"
            );
            assert_eq!(written.tally, resolved.tally);
        }
    }
}

/// The same by commands: each takes what `convert` wrote of a trace with forks, and says what it says
/// of the whole with the same options.
#[test]
fn commands_take_what_was_selected_and_written() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "t.txt",
        "# pagebench trace 1\nW 1000\nW 2000\nfork 1\nfork 2\nswitch 1\nW 1000 9000\nR 5000\n\
         switch 2\nR 2000\nfork 3\nexit\nswitch 3\nW 2000\nR 9000\nswitch 1\nR 1fff 2\n",
    );
    for (selection, filter) in [
        ("--pid 1", "pid=1 "),
        ("--pid 3", "pid=3 "),
        ("--skip 2", "skip=2 "),
        ("--skip 5", "skip=5 "),
        ("--pid 1,2 --limit 3", "pid=1 pid=2 limit=3 "),
    ] {
        for page_size in ["4KiB", "16KiB"] {
            sandbox
                .run(&format!(
                    "convert t.txt {selection} --page-size {page_size} -q --name t --force -o s.pbt"
                ))
                .code(0);
            let both = |command: &str| {
                let run = |trace: &str| {
                    let line = command.replace("TRACE", trace);
                    sandbox
                        .run(&format!("{line} --page-size {page_size}"))
                        .code(0)
                        .out
                };
                (run(&format!("t.txt {selection}")), run("s.pbt"))
            };
            for command in [
                "vm TRACE --at end -m 3",
                "vm TRACE --at 1 -m 2",
                "explain TRACE -p lru -m 2 --out markdown",
                "curve TRACE -p lru,opt --ignore-events",
            ] {
                let (selected, written) = both(command);
                let selected = selected.replace(filter, "");
                assert_eq!(selected, written, "{command} {selection}");
            }
            let rows = |out: &str| {
                let mut rows = sandbox.rows(&format!("{out}/results.csv"));
                for row in &mut rows {
                    row.retain(|column, _| column != "trace" && column != "filter");
                }
                rows
            };
            for (trace, out) in [(format!("t.txt {selection}"), "a"), ("s.pbt".into(), "b")] {
                let run = "-p lru,fifo,ws --tau 3 -m 1,2,3 --no-charts -q --force";
                sandbox
                    .run(&format!(
                        "run {trace} {run} --page-size {page_size} -o {out}"
                    ))
                    .code(0);
            }
            assert_eq!(rows("a"), rows("b"), "{selection}");
        }
    }
}

/// Accesses of up to 6 MiB in every format that is written, at small and at huge pages: read at the
/// page size at which it was written, a file has the same references.
#[test]
fn large_accesses_are_the_same_references_in_every_format() {
    let sandbox = Sandbox::new();
    let mut rng = Rng::new(3);
    let mut text = "op,addr,size\n".to_owned();
    for _ in 0..60 {
        let op = ["r", "w"][rng.below(2) as usize];
        let addr = rng.below(1 << 23) & !(rng.below(2) * 4095);
        let size = [
            1 + rng.below(64),
            1 << 20,
            (1 << 20) + 1,
            rng.below(6 << 20) + 1,
        ];
        let size = size[rng.below(4) as usize];
        let _ = writeln!(text, "{op},{addr},{size}");
    }
    sandbox.write("t.csv", text);
    let csv = sandbox.path("t.csv");
    let all = Selection::default();
    for page_size in ["4KiB", "64KiB", "1MiB", "2MiB", "32MiB"].map(size) {
        let wanted = load(&csv, &all, page_size);
        let stored = sandbox.path("t.pbt");
        write(&csv, &all, Some(page_size), &stored);
        for from in [&csv, &stored] {
            for format in ["plain", "csv", "lackey", "dinero", "addr-rw", "page-ref"] {
                let to = sandbox.path(&format!("to.{format}"));
                write(from, &all, Some(page_size), &to);
                let options = LoadOptions {
                    format: Some(format.into()),
                    ..options(&all, page_size)
                };
                let back = source::load(&to, &options).unwrap();
                assert!(
                    references(&back) == references(&wanted),
                    "{format}, pages of {page_size}"
                );
                // At coarser pages the accesses of a stored trace merge as they did.
                if format == "csv" {
                    let coarser = PageSize::from_shift(page_size.shift() + 2).unwrap();
                    assert!(
                        all_of(&load(&to, &all, coarser)) == all_of(&load(from, &all, coarser))
                    );
                }
            }
        }
    }
}

#[test]
fn what_is_lost_of_pages_and_large_accesses_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write("p.txt", "# pagebench trace 1\nR ffff 2\nR 20000\n");
    sandbox.write("big.csv", "addr,size\n0x800,4194304\n0x0,8\n");
    sandbox
        .run("convert p.txt --page-size 64KiB -q -o p.pbt")
        .code(0);
    let stored = "the addresses are those of the stored pages of 64KiB, of which smaller pages cannot be \
                  told apart: read it with --page-size 64KiB or more";
    for (args, text, losses) in [
        ("p.pbt --to plain", "R ffff 2\nR 20000\n", &[stored][..]),
        (
            "p.pbt --to lackey",
            " L 0000ffff,2\n L 00020000,1\n",
            &[stored],
        ),
        (
            "p.pbt --to lirs",
            "0\n1\n2\n",
            &[
                "does not tell kinds",
                "holds page numbers: addresses became those of pages of 64KiB",
                "does not tell the kind",
            ][1..],
        ),
        (
            "big.csv --to plain",
            "R 800 1046528\nR 100000 1048576\nR 200000 1048576\nR 300000 1048576\nR 400000 2048\n\
             R 0 8\n",
            &[
                "plain holds no accesses over 1MiB: 1 became several, a reference each in larger pages",
            ],
        ),
        (
            "big.csv --to plain --page-size 2MiB",
            "R 800 1048576\nR 200000 1048576\nR 400000 2048\nR 0 8\n",
            &[
                "plain holds no accesses over 1MiB: 1 became one of 1MiB or less in each page of 2MiB they touch",
            ],
        ),
        (
            "big.csv --to dinero --page-size 4MiB",
            "0 00000800\n0 00400000\n0 00000000\n",
            &[
                "dinero holds no sizes: 2 larger accesses became one byte of each page of 4MiB they touch",
            ],
        ),
        (
            "big.csv --to csv",
            "0,read,0x800,4194304\n0,read,0x0,8\n",
            &[],
        ),
    ] {
        let done = sandbox
            .run(&format!("convert {args} -o -"))
            .code(0)
            .err(losses);
        assert!(done.out.ends_with(text), "{args}: {}", done.out);
        if losses.is_empty() {
            assert!(!done.err.contains("warning: "), "{}", done.err);
        }
    }
}

/// Two traces of drmemtrace in one file, of which the second one is filtered, after more records than
/// are read at a time.
fn filtered_later() -> Vec<u8> {
    let header = |file_type: u64| [(25u16, 0u16, 6), (28, 9, file_type), (22, 4, 7), (24, 4, 7)];
    let (first, second) = (header(0x240), header(0x241));
    let records = [
        &first[..],
        &[(0, 8, 0x1000); 5000],
        &second,
        &[(1, 8, 0x2000), (26, 0, 0)],
    ]
    .concat();
    let bytes = records
        .into_iter()
        .flat_map(|(kind, size, value): (u16, u16, u64)| {
            [
                &kind.to_le_bytes()[..],
                &size.to_le_bytes(),
                &value.to_le_bytes(),
            ]
            .concat()
        });
    bytes.collect()
}

#[test]
fn a_kind_that_is_known_later_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write("t.mem", filtered_later());
    for (args, losses) in [
        (
            "-o t.plain",
            &["later on the trace is faults-only: change the kind there to faults-only"][..],
        ),
        (
            "-o t.din",
            &["does not tell the kind of trace: read it with --kind faults-only"],
        ),
        ("--limit 1 -o u.plain", &[]),
        ("--limit 1 -o u.pbt", &[]),
        ("-o t.pbt", &[]),
    ] {
        let done = sandbox
            .run(&format!("convert t.mem {args}"))
            .code(0)
            .err(losses);
        assert_eq!(
            done.err.contains("faults-only"),
            !losses.is_empty(),
            "{}",
            done.err
        );
    }
    for (file, kind) in [
        ("t.pbt", "faults-only"),
        ("u.pbt", "full"),
        ("u.plain", "full"),
    ] {
        sandbox
            .run(&format!("stat {file}"))
            .code(0)
            .out(&[&format!("kind         {kind}\n")]);
    }
}

#[test]
fn a_format_that_holds_nothing_of_a_trace_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write("i.txt", "# pagebench trace 1\nI 1000\nI 2000\n");
    sandbox.run("convert i.txt -o i.rw").code(4).err(&[
        "error: i.txt: nothing is left to write: addr-rw holds no instruction fetches: 2 left out",
    ]);
    assert_eq!(sandbox.files("."), ["i.txt"]);
}
