//! Files whose length changes, and files that are memory, worked out by hand.

use super::*;
use pagebench::internals::trace::model::event::Move;

fn length(pid: u32, bytes: u64) -> Item {
    at(pid, Event::Length { file: 7, bytes })
}

/// The same mapping of a file that is memory.
fn in_memory(mapping: Mapping) -> Mapping {
    Mapping {
        swap_backed: true,
        ..mapping
    }
}

#[test]
fn what_is_cut_off_is_freed_everywhere() {
    let items = [
        map(1, shared(of_file(10, 4, 4 * SIZE))),
        map(2, of_file(50, 4, 4 * SIZE)),
        w(1, 10), // 0 to 2: pages of the file.
        w(1, 11),
        w(1, 12),
        r(2, 52),                                   // 3: the last one, another entry.
        w(2, 53),                                   // 4: a copy, of a page that nobody has.
        length(1, SIZE + 100), // Page 2 and the copy go, unwritten; page 1 has bytes left.
        r(1, 11),              // 5: a hit.
        r(2, 53),              // 6: zeros, beyond the end.
        length(2, 4 * SIZE),   // It grows again: the zeros go.
        r(1, 12),              // 7: the file's, read again.
        r(2, 53),              // 8: the same.
        length(1, 4 * SIZE),   // No change.
        at(1, Event::Length { file: 9, bytes: 1 }), // No file.
    ];
    let ends = outcome(&items, &lru(8));
    assert_eq!(
        faults(&ends),
        "0:fillM 1:fillM 2:fillM 3:map 4:copyM 6:fill 7:fillM 8:fillM"
    );
    let c = &ends.counters;
    assert_eq!((c.freed, c.freed_dirty, c.file_reads), (3, 0, 6));
    assert_eq!((ends.idle_events, ends.dirty_end), (1, 2));
}

/// A file that is empty when it is mapped, as by a program that calls ftruncate later.
#[test]
fn a_file_may_get_its_length_after_its_mapping() {
    let items = [
        map(1, shared(of_file(10, 2, 0))),
        map(1, anonymous(20, 1)),
        length(1, 2 * SIZE),
        w(1, 10), // 0: of the file.
        w(1, 20), // 1: the page of the file leaves, to the file.
        r(1, 10), // 2: and comes from there.
    ];
    let ends = outcome(&items, &lru(1));
    assert_eq!(faults(&ends), "0:fillM 1:fill 2:refillM");
    assert_eq!((ends.counters.file_reads, ends.swap_slots), (2, 1));
    // Without the length it is zeros, which go to swap.
    let items: Vec<Item> = items
        .into_iter()
        .filter(|item| {
            !matches!(
                item,
                Item::Event {
                    event: Event::Length { .. },
                    ..
                }
            )
        })
        .collect();
    let ends = outcome(&items, &lru(1));
    assert_eq!(faults(&ends), "0:fill 1:fill 2:refillM");
    assert_eq!((ends.counters.file_reads, ends.counters.swap_reads), (0, 1));
}

/// The options of a machine on which a file has no pages beyond its end.
fn faulting(frames: usize) -> Options {
    Options {
        fault_beyond: true,
        on_segfault: OnSegfault::Skip,
        ..lru(frames)
    }
}

/// The positions of the references beyond the end of a file; there are no other illegal ones.
fn bus_errors(ends: &Outcome) -> Vec<usize> {
    assert_eq!(ends.bus_errors(), ends.illegal.len());
    ends.illegal.iter().map(|one| one.position).collect()
}

/// `traces/examples/beyond-eof.trace`, with the positions of before anything is left out.
#[test]
fn what_begins_beyond_the_end_is_no_page() {
    let items = [
        map(1, shared(of_file(10, 2, 0))),
        w(1, 10), // 0: the file is empty.
        length(1, SIZE + 100),
        w(1, 10), // 1: of the file.
        r(1, 11), // 2: the same, and zeros behind the end.
        map(1, of_file(20, 2, SIZE + 100)),
        w(1, 21),        // 3: a copy of that page.
        length(1, SIZE), // The page and its copy go.
        r(1, 11),        // 4
        r(1, 21),        // 5
        r(1, 10),        // 6: a hit.
    ];
    let ends = outcome(&items, &faulting(4));
    // By the number of legal references before.
    assert_eq!(faults(&ends), "0:fillM 1:fillM 2:copy");
    assert_eq!(bus_errors(&ends), [0, 4, 5]);
    let c = &ends.counters;
    assert_eq!((c.refs, c.hits, c.freed, c.file_reads), (4, 1, 2, 2));
    // As zeros they are all legal.
    let ends = outcome(&items, &lru(4));
    assert_eq!(faults(&ends), "0:fill 1:fillM 2:fillM 3:copy 4:fill 5:fill");
    let c = &ends.counters;
    assert_eq!((c.refs, c.hits, c.freed, c.file_reads), (7, 1, 3, 2));
}

/// A bus error ends its process as any illegal reference does.
#[test]
fn a_bus_error_kills() {
    let kill = Options {
        on_segfault: OnSegfault::Kill,
        ..faulting(4)
    };
    let items = [
        map(1, shared(of_file(10, 2, SIZE))),
        w(1, 10), // 0: of the file.
        fork(1, 2),
        r(2, 11), // 1: the child ends.
        r(2, 10), // 2: dropped.
        length(1, 2 * SIZE),
        r(1, 11), // 3: the file has that page now.
    ];
    let ends = outcome(&items, &kill);
    assert_eq!(faults(&ends), "0:fillM 1:fillM");
    assert_eq!((bus_errors(&ends), ends.dropped), (vec![1], 1));
}

/// The mapping says first whether the access is allowed, as a kernel looks at it first. A file that is
/// memory has an end, too; memory without a file has none.
#[test]
fn what_is_not_allowed_is_no_bus_error() {
    let read_only = |mapping: Mapping| Mapping {
        protection: Protection {
            write: false,
            ..Protection::RW
        },
        ..mapping
    };
    let items = [
        map(1, read_only(shared(of_file(10, 1, 0)))),
        map(
            1,
            shared(in_memory(Mapping {
                backing: Backing::File {
                    file: 8,
                    offset: SIZE,
                    length: SIZE,
                },
                ..anonymous(20, 1)
            })),
        ),
        map(1, shared(anonymous(30, 1))),
        w(1, 10), // 0: not allowed.
        r(1, 10), // 1: beyond the end.
        w(1, 20), // 2: beyond the end.
        w(1, 40), // 3: not mapped.
        w(1, 30), // 4: zeros.
        at(
            1,
            Event::Populate {
                start: 10 * SIZE,
                length: SIZE,
                write: false,
            },
        ), // Ends at once.
    ];
    let ends = outcome(&items, &faulting(4));
    let why: Vec<Why> = ends.illegal.iter().map(|one| one.why).collect();
    assert_eq!(
        why,
        [Why::Forbidden, Why::Beyond, Why::Beyond, Why::Unmapped]
    );
    assert_eq!((faults(&ends).as_str(), ends.idle_events), ("0:fill", 1));
}

/// A mapping that moves or grows takes its place in the file along; a larger page that begins within the
/// file is there, whatever it has of the end.
#[test]
fn the_end_is_that_of_the_bytes_where_the_page_begins() {
    let moves = |from: u64, pages: u64, to: u64, more: u64| {
        at(
            1,
            Event::Move(Box::new(Move {
                old_start: from * SIZE,
                old_length: pages * SIZE,
                new_start: to * SIZE,
                new_length: more * SIZE,
                fixed: false,
                keep: false,
            })),
        )
    };
    let items = [
        map(1, shared(of_file(10, 1, 2 * SIZE))),
        moves(10, 1, 20, 3),
        r(1, 21), // 0: the file's second page.
        r(1, 22), // 1: beyond.
        moves(20, 3, 20, 4),
        r(1, 23), // 2: beyond.
    ];
    let ends = outcome(&items, &faulting(4));
    assert_eq!(
        (faults(&ends).as_str(), bus_errors(&ends)),
        ("0:fillM", vec![1, 2])
    );
    let large = Options {
        page_size: 4 * SIZE,
        ..faulting(4)
    };
    let items = [
        map(1, shared(of_file(0, 8, SIZE))),
        r(1, 0), // 0: a page of 16 KiB, of which the file has a quarter.
        r(1, 1), // 1: behind the end.
    ];
    let ends = outcome(&items, &large);
    assert_eq!(
        (faults(&ends).as_str(), bus_errors(&ends)),
        ("0:fillM", vec![1])
    );
}

/// Memory with a name: shared as a file, and swapped as memory.
#[test]
fn files_that_are_memory_go_to_swap() {
    let items = [
        map(1, shared(in_memory(of_file(10, 2, 2 * SIZE)))),
        map(2, shared(in_memory(of_file(30, 2, 2 * SIZE)))),
        map(2, in_memory(of_file(40, 2, 2 * SIZE))),
        w(1, 10), // 0: zeros.
        r(2, 30), // 1: the same page.
        w(1, 11), // 2: zeros; the first page goes to slot 0.
        r(2, 30), // 3: it comes from there; the second goes to slot 1.
        w(2, 40), // 4: a copy of it; it leaves, clean.
        w(2, 41), // 5: a copy of the second one, from slot 1; the first copy goes to slot 2.
    ];
    let ends = outcome(&items, &lru(1));
    assert_eq!(
        faults(&ends),
        "0:fill 1:map 2:fill 3:refillM 4:copy 5:copyM"
    );
    let c = &ends.counters;
    assert_eq!((c.file_reads, c.swap_reads, c.freed_dirty), (0, 2, 0));
    assert_eq!((c.evictions_dirty, c.evictions_clean), (3, 1));
    assert_eq!(ends.swap_slots, 3);
    // A private page of memory that nobody has written is zeros: no copy is made.
    let items = [
        map(1, in_memory(of_file(10, 1, SIZE))),
        w(1, 10),
        advise(1, 10, 1, Advice::WillNeed),
    ];
    assert_eq!(faults(&outcome(&items, &lru(1))), "0:fill");
}

#[test]
fn a_file_is_memory_in_all_mappings_or_in_none() {
    let items = [
        map(1, shared(of_file(10, 1, SIZE))),
        map(2, in_memory(of_file(10, 1, SIZE))),
        r(1, 10),
    ];
    let trace = trace_of(&items, SIZE);
    let error = space::resolve(trace, &space::Options::default()).expect_err("a contradiction");
    let said = "file 7 is `swap-backed` here and was not where it was mapped first";
    assert!(error.to_string().contains(said), "{error}");
}
