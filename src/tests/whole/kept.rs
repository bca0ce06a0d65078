//! Pages that outlive those who touched them, worked out by hand: shared memory that another process maps,
//! originals of copies, pages of files that change their length, mappings that a child does not inherit.

use super::*;

/// The same mapping of a file that is memory.
fn in_memory(mapping: Mapping) -> Mapping {
    Mapping {
        swap_backed: true,
        ..mapping
    }
}

fn keep(frames: usize) -> Options {
    Options {
        keep_file_pages: true,
        ..lru(frames)
    }
}

/// With reads and writes of files.
fn keep_io(frames: usize) -> Options {
    Options {
        file_io: true,
        ..keep(frames)
    }
}

/// A write of so many bytes to file 7, from a page on.
fn write(pid: u32, page: u64, length: u64) -> Item {
    let (file, offset) = (7, page * SIZE);
    at(
        pid,
        Event::Write(FileRange {
            file,
            offset,
            length,
        }),
    )
}

fn brk(pid: u32, end: u64) -> Item {
    at(pid, Event::Brk { end })
}

/// The child maps what its parent wrote after the fork: it reads that, whether the parent has exited or
/// unmapped it. One page, which is never freed.
#[test]
fn shared_memory_lives_while_anybody_maps_it() {
    for leaves in [exit(1), unmap(1, 16, 1)] {
        let items = [
            map(1, shared(anonymous(16, 1))),
            fork(1, 2),
            w(1, 16), // 0: a fill. The child has no entry.
            leaves,   // The child's mapping has the page.
            r(2, 16), // 1: a map.
        ];
        let ends = outcome(&items, &lru(4));
        assert_eq!(faults(&ends), "0:fill 1:map");
        assert_eq!((ends.counters.freed, ends.dirty_end), (0, 1));
        // It goes with the last mapping, touched there or not.
        let untouched = [&items[..4], &[exit(2), map(3, anonymous(0, 1)), r(3, 0)]].concat();
        let ends = outcome(&untouched, &lru(4));
        assert_eq!((ends.counters.freed, ends.resident_end), (1, 1));
    }
}

/// The same of a file that is memory, which leaves for swap in between: its slot stays, too.
#[test]
fn a_slot_of_shared_memory_stays_with_it() {
    let mapping = || in_memory(shared(of_file(16, 1, SIZE)));
    let items = [
        map(1, mapping()),
        map(1, anonymous(32, 1)),
        w(1, 16), // 0: a fill.
        r(1, 32), // 1: the first page leaves for swap.
        map(2, mapping()),
        unmap(1, 16, 1),
        r(2, 16), // 2: from swap.
    ];
    let ends = outcome(&items, &lru(1));
    assert_eq!(faults(&ends), "0:fill 1:fill 2:refillM");
    let c = &ends.counters;
    assert_eq!((c.freed, c.swap_reads, ends.swap_slots), (0, 1, 1));
    // What is cut off goes, though nobody has it.
    let mut items = items.to_vec();
    let (file, bytes) = (7, 0);
    items.insert(6, at(2, Event::Length { file, bytes }));
    let ends = outcome(&items, &lru(1));
    assert_eq!(faults(&ends), "0:fill 1:fill 2:fill");
    assert_eq!((ends.counters.swap_reads, ends.swap_slots), (0, 0));
}

/// A private mapping of a file that is memory has its pages as well: a copy leaves the original behind.
#[test]
fn a_copy_leaves_memory_behind() {
    let items = [
        map(1, in_memory(of_file(16, 1, SIZE))),
        r(1, 16), // 0: a fill, of the file.
        w(1, 16), // 1: a copy.
        map(2, in_memory(shared(of_file(16, 1, SIZE)))),
        r(2, 16), // 2: a map.
        exit(1),  // The copy goes.
    ];
    let ends = outcome(&items, &lru(4));
    assert_eq!(faults(&ends), "0:fill 1:copy 2:map");
    assert_eq!((ends.counters.freed, ends.resident_end), (1, 1));
}

/// Under a window nobody's page closes like any other: it is written to its slot, and read again.
#[test]
fn no_window_has_memory_that_nobody_touched() {
    let items = [
        map(1, shared(anonymous(16, 1))),
        fork(1, 2),
        w(1, 16), // 0: a fill.
        unmap(1, 16, 1),
        map(2, anonymous(0, 1)),
        r(2, 0),  // 1: a fill; then the page of nobody expires.
        r(2, 16), // 2: from swap.
    ];
    let options = Options::new(Policy::Ws(9), 1);
    let options = Options {
        frames: None,
        ..options
    };
    let ends = outcome(&items, &options);
    assert_eq!(faults(&ends), "0:fill 1:fill 2:refillM");
    let c = &ends.counters;
    assert_eq!((c.expired_dirty, c.swap_reads, c.freed), (1, 1, 0));
}

/// Two processes write the same page of a file in private mappings. The first reads the file into a frame
/// that stays and copies it, the second finds it there: 2 faults, 3 pages, 1 read.
#[test]
fn the_original_of_a_copy_stays() {
    let items = [
        map(1, of_file(16, 1, SIZE)),
        w(1, 16), // 0: the original comes in, and is copied.
        map(2, of_file(16, 1, SIZE)),
        w(2, 16), // 1: copied from memory.
        exit(1),  // Its copy goes.
        map(3, of_file(16, 1, SIZE)),
        r(3, 16), // 2: a map.
    ];
    let ends = outcome(&items, &keep(4));
    assert_eq!(faults(&ends), "0:copyM 1:copy 2:map");
    let c = &ends.counters;
    assert_eq!((c.originals, c.file_reads, c.freed), ([1, 0], 1, 1));
    assert_eq!((ends.resident_end, ends.dirty_end), (2, 1));
    // Dropped, it passes through: each copy reads the file.
    let ends = outcome(&items, &lru(4));
    assert_eq!(faults(&ends), "0:copyM 1:copyM 2:fillM");
    assert_eq!(
        (ends.counters.originals, ends.counters.file_reads),
        ([0, 0], 3)
    );
    // So it does where no process can have it.
    let window = Options {
        keep_file_pages: true,
        frames: None,
        ..Options::new(Policy::Ws(9), 1)
    };
    let ends = outcome(&items, &window);
    assert_eq!(faults(&ends), "0:copyM 1:copyM 2:fillM");
    assert_eq!(
        (ends.counters.originals, ends.counters.file_reads),
        ([0, 0], 3)
    );
}

/// Read first and then written, the same pages come in and the file is read once as well: a fill and a
/// minor copy. If the page has left in between, it comes in again before it is copied.
#[test]
fn reading_first_brings_the_same_pages_in() {
    let items = [
        map(1, of_file(16, 1, SIZE)),
        map(1, anonymous(0, 2)),
        r(1, 16), // 0: a fill.
        w(1, 16), // 1: a copy.
    ];
    let ends = outcome(&items, &keep(4));
    assert_eq!(faults(&ends), "0:fillM 1:copy");
    let c = &ends.counters;
    assert_eq!(
        (c.originals, c.file_reads, ends.resident_end),
        ([0, 0], 1, 2)
    );
    let items = [
        map(1, of_file(16, 1, SIZE)),
        map(1, anonymous(0, 2)),
        r(1, 16), // 0: a fill.
        w(1, 0),  // 1
        w(1, 1),  // 2: the page of the file leaves.
        w(1, 16), // 3: page 0 leaves for the original, page 1 for the copy.
        r(1, 16), // 4: a hit.
    ];
    let ends = outcome(&items, &keep(2));
    assert_eq!(faults(&ends), "0:fillM 1:fill 2:fill 3:copyM");
    let c = &ends.counters;
    assert_eq!((c.originals, c.file_reads, c.hits), ([0, 1], 2, 1));
    assert_eq!((c.evictions_clean, c.evictions_dirty), (1, 2));
}

/// A single frame: the copy takes that of its original.
#[test]
fn one_frame_is_enough_for_an_original() {
    let items = [
        map(1, of_file(16, 1, SIZE)),
        w(1, 16), // 0: the original comes in, and makes room for the copy.
        r(1, 16), // 1: a hit.
    ];
    let ends = outcome(&items, &keep(1));
    assert_eq!(faults(&ends), "0:copyM");
    let c = &ends.counters;
    assert_eq!((c.originals, c.evictions_clean, c.hits), ([1, 0], 1, 1));
}

/// A range that is populated for writing does the same, without faults.
#[test]
fn a_populated_copy_brings_its_original() {
    let (start, length, write) = (16 * SIZE, 2 * SIZE, true);
    let items = [
        map(1, of_file(16, 2, 2 * SIZE)),
        at(
            1,
            Event::Populate {
                start,
                length,
                write,
            },
        ),
        w(1, 16), // 0 and 1: hits.
        w(1, 17),
    ];
    let ends = outcome(&items, &keep(8));
    let c = &ends.counters;
    assert_eq!((c.hits, c.populated, c.originals), (2, [2, 0], [2, 0]));
    assert_eq!((c.file_reads, ends.resident_end), (2, 4));
}

/// A write beyond the end that a mapping knows makes the file longer for it, too: the page that is written
/// is mapped, and dirty at the end.
#[test]
fn a_write_moves_the_end_for_mappings() {
    let items = [
        map(1, shared(of_file(16, 2, SIZE))),
        write(1, 1, SIZE),
        r(1, 17), // 0: a map.
    ];
    let ends = outcome(&items, &keep_io(4));
    assert_eq!(faults(&ends), "0:map");
    let c = &ends.counters;
    assert_eq!((c.io_loads, c.file_reads, c.freed), ([1, 0], 0, 0));
    assert_eq!(ends.dirty_end, 1);
    // The zeros that were there before go.
    let items = [
        map(1, shared(of_file(16, 2, SIZE))),
        r(1, 17), // 0: zeros.
        write(1, 1, SIZE),
        r(1, 17), // 1: a map.
    ];
    let ends = outcome(&items, &keep_io(4));
    assert_eq!(faults(&ends), "0:fill 1:map");
    assert_eq!((ends.counters.freed, ends.resident_end), (1, 1));
}

/// A file that is shorter when it is mapped again has lost its pages meanwhile, unwritten; in the mappings
/// that are there as well.
#[test]
fn a_map_states_the_length_for_all() {
    let items = [
        map(1, shared(of_file(16, 2, 2 * SIZE))),
        w(1, 17), // 0: the second page.
        unmap(1, 16, 2),
        map(1, shared(of_file(16, 2, SIZE))), // It goes.
        r(1, 16),                             // 1: the first one.
    ];
    let ends = outcome(&items, &keep(4));
    assert_eq!(faults(&ends), "0:fillM 1:fillM");
    let c = &ends.counters;
    assert_eq!((c.freed, c.freed_dirty), (1, 0));
    assert_eq!((ends.resident_end, ends.dirty_end), (1, 0));
    let items = [
        map(1, shared(of_file(16, 2, 2 * SIZE))),
        w(1, 17),                                 // 0: the second page.
        map(2, shared(of_file(16, 2, SIZE))),     // It goes.
        r(1, 17),                                 // 1: zeros.
        map(3, shared(of_file(16, 2, 2 * SIZE))), // They go.
        r(2, 17),                                 // 2: the second page.
    ];
    let ends = outcome(&items, &keep(4));
    assert_eq!(faults(&ends), "0:fillM 1:fill 2:fillM");
    assert_eq!((ends.counters.freed, ends.counters.freed_dirty), (2, 0));
}

/// What a write left in the page cache is none of a file that a mapping says is memory.
#[test]
fn a_file_that_turns_out_to_be_memory() {
    let items = [
        write(1, 0, SIZE),
        map(1, in_memory(shared(of_file(16, 1, SIZE)))), // The page goes.
        r(1, 16),                                        // 0: zeros.
    ];
    let ends = outcome(&items, &keep_io(4));
    assert_eq!(faults(&ends), "0:fill");
    let c = &ends.counters;
    assert_eq!((c.io_loads, c.freed, c.freed_dirty), ([1, 0], 1, 0));
}

/// The heap begins at 0x51f32: no brk ends it at 0x51271, though that is in the same page; at 0x51f32
/// it is empty.
#[test]
fn a_heap_begins_at_a_byte() {
    let items = [
        brk(1, 0x51f32),
        brk(1, 0x52948),
        w(1, 0x52), // 0: a fill.
        brk(1, 0x51271),
        r(1, 0x52), // 1: a hit.
    ];
    let ends = outcome(&items, &lru(4));
    assert_eq!(faults(&ends), "0:fill");
    assert_eq!((ends.counters.hits, ends.counters.freed), (1, 0));
    assert_eq!(ends.idle_events, 1);
    let items = [
        &items[..],
        &[brk(1, 0x51f32), map(1, anonymous(0, 1)), r(1, 0)],
    ]
    .concat();
    assert_eq!(outcome(&items, &lru(4)).counters.freed, 1);
}

/// With page-table entries that a fault can fill again left out, as Linux has it: those of a mapping that is
/// shared, with a file or without, and of a private one of a file that has no copy. One copy, and all
/// entries of the mapping are inherited.
#[test]
fn a_mapping_is_inherited_as_a_whole() {
    let files = |first, file| Mapping {
        backing: Backing::File {
            file,
            offset: 0,
            length: 2 * SIZE,
        },
        ..anonymous(first, 2)
    };
    let items = [
        map(1, shared(anonymous(16, 1))),
        map(1, in_memory(shared(files(24, 1)))),
        map(1, files(32, 2)),
        map(1, files(40, 3)),
        map(1, anonymous(48, 1)),
        w(1, 16), // 0 to 6.
        w(1, 24),
        r(1, 32),
        r(1, 40),
        w(1, 41), // A copy.
        w(1, 48),
        r(1, 33),
        fork(1, 2),
        r(2, 16), // 7: a map.
        r(2, 24), // 8: a map.
        r(2, 32), // 9: a map.
        r(2, 40), // 10: a hit.
        r(2, 41), // 11: a hit.
        r(2, 48), // 12: a hit.
        fork(2, 3),
        r(3, 40), // 13: a hit: the child's mapping has copies as its parent's.
        r(3, 33), // 14: a map.
    ];
    let drop = Options {
        drop_file_ptes: true,
        ..keep(12)
    };
    let ends = outcome(&items, &drop);
    assert_eq!(
        faults(&ends),
        "0:fill 1:fill 2:fillM 3:fillM 4:copyM 5:fill 6:fillM 7:map 8:map 9:map 14:map"
    );
    let ends = outcome(&items, &keep(12));
    assert_eq!((ends.counters.of_kind(Map), ends.counters.hits), (0, 8));
}

/// Where swap fills while a range comes in, the page that could not is bound to nothing.
#[test]
fn what_could_not_come_in_is_untouched() {
    let (start, length, write) = (32 * SIZE, SIZE, false);
    let populate = at(
        1,
        Event::Populate {
            start,
            length,
            write,
        },
    );
    let advice = advise(1, 48, 1, Advice::WillNeed);
    for (comes, pages) in [(populate, 2), (advice, 3)] {
        let mut items = vec![map(1, shared(anonymous(16, 2)))];
        items.push(map(1, anonymous(32, 1)));
        if pages == 3 {
            items.push(map(1, of_file(48, 1, SIZE)));
        }
        items.extend([w(1, 16), comes, r(1, 16)]);
        let options = Options {
            swap_slots: Some(0),
            ..keep(1)
        };
        let ends = outcome(&items, &options);
        assert_eq!(ends.swap_full, Some(1));
        let trace = trace_of(&items, SIZE);
        let resolved = space::resolve(trace, &space::Options::default()).expect("sense");
        let choice: PolicyChoice = "lru".parse().expect("a policy");
        let job = Job {
            space: resolved.space.as_ref(),
            frames: Some(1),
            swap_slots: Some(0),
            ..Job::new(&resolved.trace, &choice)
        };
        let full = vm::run(&job).expect("a short trace").swap_full;
        let facts = resolved
            .up_to(full.expect("full swap").end())
            .expect("facts");
        assert_eq!(facts.untouched, Some(pages));
    }
}
