//! Files whose length changes, and files that are memory, worked out by hand.

use super::*;

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
