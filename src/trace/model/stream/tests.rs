//! Events on all ways that a trace can take: text, `.pbt`, coarser pages, parts of a trace.

use super::super::convert::convert;
use super::super::refs::KindCode;
use super::super::source::{self, LoadOptions, TraceSource};
use super::*;
use crate::trace::model::error::Position;
use std::fmt::Write as _;

/// A file whose content is removed with it.
fn file(content: impl AsRef<[u8]>) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    file
}

fn options(selection: Selection, page_size: PageSize) -> LoadOptions {
    LoadOptions {
        selection,
        page_size: Some(page_size),
        name: Some("t".into()),
        ..LoadOptions::default()
    }
}

fn load(content: &[u8], selection: Selection, page_size: PageSize) -> Trace {
    let file = file(content);
    source::load(file.path(), &options(selection, page_size)).unwrap_or_else(|e| panic!("{e}"))
}

fn stored(content: &[u8], selection: Selection, page_size: PageSize) -> Vec<u8> {
    let file = file(content);
    let source = TraceSource::open(file.path(), &options(selection, page_size)).unwrap();
    let mut bytes = Vec::new();
    convert(source, &mut bytes, 1).unwrap_or_else(|e| panic!("{e}"));
    bytes
}

fn all(content: &[u8]) -> Trace {
    load(content, Selection::default(), PageSize::DEFAULT)
}

type Parts<'a> = (
    &'a [Ref],
    &'a [KindCode],
    &'a [EventAt],
    &'a Dictionary,
    u128,
);

/// Everything that makes two traces the same.
fn parts(trace: &Trace) -> Parts<'_> {
    let (refs, kinds, events) = (trace.refs(), trace.kinds(), &trace.events[..]);
    (refs, kinds, events, &trace.dictionary, trace.digest())
}

/// Events as text, with their positions and the process ids.
fn shown(trace: &Trace) -> Vec<String> {
    let told = trace.events.iter().map(|event| {
        let (pid, stated) = event.with_pids(&trace.dictionary.pids);
        format!("{} {pid} {stated}", event.position)
    });
    told.collect()
}

/// Accesses that cross pages of every size, and every kind of event, of five processes.
fn random_text(records: usize, mut seed: u64) -> String {
    let mut below = move |n: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % n
    };
    let mut text = "# pagebench trace 1\n".to_owned();
    for _ in 0..records {
        let (start, length) = (below(1 << 20), 1 + below(20_000));
        let _ = match below(16) {
            0 => writeln!(text, "switch {}", below(5)),
            1 => writeln!(
                text,
                "map {start:x} {length} rw- shared file=3,{length},9 name=f"
            ),
            2 => writeln!(text, "unmap {start:x} {length}"),
            3 => writeln!(text, "protect {start:x} {length} r--"),
            4 => writeln!(text, "brk {start:x}\nadvise {start:x} {length} dontneed"),
            5 => writeln!(text, "fork {}", 10 + below(9)),
            6 => writeln!(text, "exec\nexit"),
            kind => writeln!(
                text,
                "{} {start:x} {length}",
                ["I", "R", "W"][kind as usize % 3]
            ),
        };
    }
    text
}

const TEXT: &str = "# pagebench trace 1
map 1000 8192 rw- name=first # a comment it is not
";

const PROGRAM: &str = "# pagebench trace 1
switch 7
map 1000 12288 rw- name=data
W 1ffe 4
fork 9
I 5000
# a comment
switch 9
exec
R 3000
switch 7
exit
";

#[test]
fn positions_count_references_not_accesses() {
    let trace = all(PROGRAM.as_bytes());
    let wanted = [
        "0 7 map 1000 12288 rw- name=data",
        "2 7 fork 9",
        "3 9 exec",
        "4 7 exit",
    ];
    assert_eq!(shown(&trace), wanted);
    assert_eq!(trace.dictionary.pids, [7, 9]);
    let lines: Vec<u64> = trace.events.iter().map(|event| event.line).collect();
    assert_eq!(lines, [3, 5, 9, 12]);
    assert_eq!(trace.events[1].event, Event::Fork { child: 1 });
}

#[test]
fn a_trace_is_the_same_from_text_and_from_pbt() {
    for (records, seed) in [(40, 3), (3_000, 5), (30_000, 9)] {
        let text = random_text(records, seed);
        let trace = all(text.as_bytes());
        assert!(trace.events.len() > records / 5);
        let pbt = stored(text.as_bytes(), Selection::default(), PageSize::DEFAULT);
        let back = all(&pbt);
        assert!(parts(&back) == parts(&trace));
        assert_eq!(shown(&back), shown(&trace));
        // A stored trace stored again is the same file.
        assert!(stored(&pbt, Selection::default(), PageSize::DEFAULT) == pbt);
    }
}

#[test]
fn parts_of_a_trace_and_coarser_pages_have_the_same_events_from_everywhere() {
    let text = random_text(4_000, 77);
    let pbt = stored(text.as_bytes(), Selection::default(), PageSize::DEFAULT);
    let fine = all(text.as_bytes());
    let coarse = PageSize::from_shift(14).unwrap();
    let whole = load(text.as_bytes(), Selection::default(), coarse);
    let coarsened = coarsened(Path::new("t"), &fine, coarse).unwrap();
    assert!(parts(&coarsened) == parts(&whole));
    assert_eq!(whole.events.len(), fine.events.len());
    for (data_only, pids, skip, limit) in [
        (true, vec![], 0, None),
        (false, vec![2, 4], 0, None),
        (false, vec![], 1_000, None),
        (false, vec![], 0, Some(1_000)),
        (true, vec![1], 30, Some(100)),
        (false, vec![], 0, Some(0)),
        (false, vec![], 1 << 40, None),
    ] {
        let selection = Selection {
            data_only,
            pids,
            skip,
            limit,
            sample: None,
        };
        for page_size in [PageSize::DEFAULT, coarse] {
            let from_text = load(text.as_bytes(), selection.clone(), page_size);
            let from_pbt = load(&pbt, selection.clone(), page_size);
            assert!(parts(&from_text) == parts(&from_pbt), "{selection:?}");
            if from_text.is_empty() {
                continue;
            }
            let written = stored(text.as_bytes(), selection.clone(), page_size);
            let back = load(&written, Selection::default(), page_size);
            assert!(parts(&from_text) == parts(&back), "{selection:?}");
        }
    }
}

#[test]
fn filters_leave_no_event_out_and_skipped_ones_come_first() {
    let shown_with = |skip, limit, pids| {
        let selection = Selection {
            data_only: true,
            pids,
            skip,
            limit,
            ..Selection::default()
        };
        shown(&load(PROGRAM.as_bytes(), selection, PageSize::DEFAULT))
    };
    let map = "0 7 map 1000 12288 rw- name=data";
    assert_eq!(
        shown_with(0, None, vec![9]),
        [map, "0 7 fork 9", "0 9 exec", "1 7 exit"]
    );
    assert_eq!(
        shown_with(1, None, vec![]),
        [map, "1 7 fork 9", "1 9 exec", "2 7 exit"]
    );
    assert_eq!(
        shown_with(2, None, vec![]),
        [map, "0 7 fork 9", "0 9 exec", "1 7 exit"]
    );
    // Up to the next reference that would be taken, and no further.
    assert_eq!(shown_with(0, Some(1), vec![]), [map]);
    assert_eq!(
        shown_with(0, Some(2), vec![]),
        [map, "2 7 fork 9", "2 9 exec"]
    );
    assert_eq!(shown_with(0, Some(3), vec![]).len(), 4);
}

#[test]
fn a_process_is_numbered_where_it_first_appears() {
    let text = "# pagebench trace 1\nswitch 5\nfork 3\nswitch 4\nR 1\nswitch 3\nexec\nR 2\n";
    let trace = all(text.as_bytes());
    assert_eq!(trace.dictionary.pids, [5, 3, 4]);
    assert_eq!(trace.events[0].event, Event::Fork { child: 1 });
    assert_eq!(trace.events[1].process, 1);
}

#[test]
fn the_digest_counts_what_events_mean() {
    let digest = |text: &str| all(format!("# pagebench trace 1\n{text}").as_bytes()).digest();
    let base = digest("map 1000 4096 rw-\nR 1000\nR 2000\n");
    assert_eq!(
        base,
        digest("#\nmap 1000 4096 rw- name=x\nR 1000\nR 2000\n")
    );
    for other in [
        "R 1000\nR 2000\n",
        "R 1000\nmap 1000 4096 rw-\nR 2000\n",
        "map 1000 4096 r--\nR 1000\nR 2000\n",
        "map 1000 4096 rw- file=0,0,0\nR 1000\nR 2000\n",
        "unmap 1000 4096\nR 1000\nR 2000\n",
    ] {
        assert_ne!(base, digest(other), "{other}");
    }
}

#[test]
fn records_come_in_the_order_of_the_file() {
    let list = |content: &[u8], most: u64| {
        let file = file(content);
        let source = TraceSource::open(file.path(), &LoadOptions::default()).unwrap();
        let mut got = Vec::new();
        let sink = |record: Record<'_>| {
            got.push(match record {
                Record::Access(access) => format!("{} {:x}", access.pid, access.addr),
                Record::Event { pid, event } => format!("{pid} {event}"),
            });
            true
        };
        source.records(most, sink).unwrap();
        got
    };
    let map = "7 map 1000 12288 rw- name=data";
    let wanted = [
        map, "7 1ffe", "7 fork 9", "7 5000", "9 exec", "9 3000", "7 exit",
    ];
    assert_eq!(list(PROGRAM.as_bytes(), 99), wanted);
    let pbt = stored(PROGRAM.as_bytes(), Selection::default(), PageSize::DEFAULT);
    let pages = [
        map, "7 1000", "7 2000", "7 fork 9", "7 5000", "9 exec", "9 3000", "7 exit",
    ];
    assert_eq!(list(&pbt, 99), pages);
    for most in 1..8 {
        assert_eq!(
            list(PROGRAM.as_bytes(), most),
            wanted[..most.min(7) as usize]
        );
        assert_eq!(list(&pbt, most), pages[..most as usize]);
    }
}

#[test]
fn a_bad_event_is_an_error_with_its_line_and_never_skipped() {
    let file = file(format!("{TEXT}R 1000\nexit\n"));
    let error = source::load(file.path(), &LoadOptions::default()).unwrap_err();
    assert_eq!(error.position, Position::Line(2));
    assert!(error.what.contains("unknown attribute `#`"), "{error}");
    // What follows depends on it: it is not left out.
    let mut options = LoadOptions::default();
    options.read.skip_bad = true;
    let fatal = source::load(file.path(), &options).unwrap_err();
    assert_eq!(fatal.to_string(), error.to_string());
}
