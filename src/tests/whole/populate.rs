//! Pages that come in at a call, worked out by hand.

use super::*;
use pagebench::internals::trace::model::event::Move;

fn populate(pid: u32, first: u64, pages: u64, write: bool) -> Item {
    at(
        pid,
        Event::Populate {
            start: first * SIZE,
            length: pages * SIZE,
            write,
        },
    )
}

fn skip(frames: usize) -> Options {
    Options {
        on_segfault: OnSegfault::Skip,
        ..lru(frames)
    }
}

#[test]
fn populated_pages_fault_no_more() {
    let items = [
        map(1, anonymous(0, 4)),
        w(1, 1),                 // 0: a fill.
        populate(1, 0, 3, true), // Pages 0 and 2 come in; page 1 is there.
        r(1, 0),                 // 1 to 3: hits.
        w(1, 1),
        w(1, 2),
        r(1, 3), // 4: a fill.
    ];
    let ends = outcome(&items, &lru(8));
    assert_eq!(faults(&ends), "0:fill 4:fill");
    assert_eq!((ends.counters.hits, ends.counters.populated), (3, [2, 0]));
    // Page 0 was populated for writing: it is dirty, though it was only read.
    assert_eq!(ends.dirty_end, 3);
    let mut read = items.clone();
    read[2] = populate(1, 0, 3, false);
    assert_eq!(outcome(&read, &lru(8)).dirty_end, 2);
}

/// Pages of files are read, those of others found; a page shared until written is copied, or kept by its
/// last owner.
#[test]
fn populated_pages_come_from_where_they_are() {
    let items = [
        map(1, of_file(10, 3, 3 * SIZE)),
        map(2, of_file(20, 3, 3 * SIZE)),
        r(2, 20),                  // 0: a fill, read.
        populate(1, 10, 2, false), // Page 20 is found; the next one is read.
        r(1, 10),                  // 1, 2: hits.
        r(1, 11),
        w(1, 11),                 // 3: a copy.
        populate(1, 12, 1, true), // A copy of a page that is read for it.
        w(1, 12),                 // 4: a hit.
        fork(1, 3),
        populate(3, 12, 1, true), // A copy of its own.
        w(3, 12),                 // 5: a hit.
        populate(1, 12, 1, true), // No other owner is left: it is writable again.
        w(1, 12),                 // 6: a hit.
    ];
    let ends = outcome(&items, &lru(9));
    assert_eq!(faults(&ends), "0:fillM 3:copy");
    let c = &ends.counters;
    assert_eq!((c.populated, c.file_reads, c.hits), ([3, 0], 3, 5));
}

/// The call ends at the first page that cannot be had, as madvise of Linux does with ENOMEM, EFAULT or
/// EINVAL.
#[test]
fn a_populated_range_ends_where_it_must() {
    let read_only = Mapping {
        protection: Protection::parse("r--").expect("a protection"),
        ..anonymous(1, 1)
    };
    let items = [
        map(1, anonymous(0, 1)),
        map(1, read_only),
        map(1, anonymous(3, 1)),
        map(1, of_file(10, 3, SIZE + 1)),
        populate(1, 0, 2, true),   // Page 0; page 1 is not to be written.
        populate(1, 1, 3, false),  // Page 1; there is no page 2.
        populate(1, 2, 2, false),  // Nothing.
        populate(1, 10, 3, false), // Pages 10 and 11; page 12 begins beyond the end.
        r(1, 0),                   // 0 to 3: hits.
        r(1, 1),
        r(1, 10),
        r(1, 11),
        r(1, 3),  // 4, 5: fills.
        r(1, 12), // Zeros.
    ];
    let ends = outcome(&items, &skip(8));
    assert_eq!(faults(&ends), "4:fill 5:fill");
    assert_eq!((ends.counters.populated, ends.idle_events), ([4, 0], 1));
}

/// Populated pages make room like others, and full swap ends the replay before the page that cannot
/// come in.
#[test]
fn populated_pages_make_room() {
    let items = [
        map(1, anonymous(0, 5)),
        w(1, 0),                 // 0: a fill.
        populate(1, 1, 3, true), // Pages 1 and 2, the latter for page 0; page 3 for page 1.
        r(1, 3),                 // 1: a hit.
        r(1, 0),                 // 2: a refill.
    ];
    let ends = outcome(&items, &lru(2));
    assert_eq!(faults(&ends), "0:fill 2:refillM");
    assert_eq!(ends.counters.populated, [1, 2]);
    let full = Options {
        swap_slots: Some(1),
        ..lru(2)
    };
    let ends = outcome(&items, &full);
    assert_eq!((ends.swap_full, ends.counters.populated), (Some(1), [1, 1]));
}

/// A process that borrows memory populates its lender's; without mappings every page of the range is
/// private memory.
#[test]
fn populated_pages_are_the_home_s() {
    let items = [
        map(1, anonymous(0, 2)),
        w(1, 0),
        at(1, Event::Vfork { child: 2 }),
        populate(2, 0, 2, true),
        exit(2),
        w(1, 1), // A hit.
    ];
    assert_eq!(faults(&outcome(&items, &lru(4))), "0:fill");
    let items = [w(1, 0), populate(1, 0, 3, false), w(1, 2), w(1, 4)];
    let ends = outcome(&items, &lru(4));
    assert_eq!(faults(&ends), "0:fill 2:fill");
    assert_eq!(ends.counters.populated, [2, 0]);
}

#[test]
fn a_range_that_is_too_long_is_refused() {
    let pages = 1 << 20;
    for (pages, fine) in [(pages, true), (pages + 1, false)] {
        let items = [
            map(1, anonymous(0, 1)),
            r(1, 0),
            populate(1, 0, pages, false),
        ];
        let trace = trace_of(&items, SIZE);
        let resolved = space::resolve(trace, &space::Options::default());
        assert_eq!(resolved.is_ok(), fine);
        if let Err(error) = resolved {
            let said = "before position 1: populates 1048577 pages; one event populates 1048576";
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}

/// What is populated moves, with its entry.
#[test]
fn populated_pages_move() {
    let moves = Move {
        old_start: 0,
        old_length: SIZE,
        new_start: 8 * SIZE,
        new_length: SIZE,
        fixed: false,
        keep: false,
    };
    let items = [
        map(1, anonymous(0, 1)),
        populate(1, 0, 1, true),
        at(1, Event::Move(Box::new(moves))),
        w(1, 8), // A hit.
    ];
    assert_eq!(faults(&outcome(&items, &lru(4))), "");
}

/// OPT-WB notes which pages are clean. Two frames, a write-back as dear as a fault; at reference 1 page 0 is
/// clean and one reference away, page 1 dirty and two from the end: half of that is as near, and the clean
/// page leaves. As a clean page that is never used again page 1 would leave.
#[test]
fn a_populated_page_is_dirty_for_who_spares_dirty_pages() {
    let items = [
        map(1, anonymous(0, 3)),
        r(1, 0),                 // 0: a fill.
        populate(1, 1, 1, true), // Page 1 comes in, dirty.
        r(1, 2),                 // 1: a fill, for page 0.
        r(1, 0),                 // 2: a refill, for page 2, which is not used again.
    ];
    let already_there = [
        map(1, anonymous(0, 3)),
        r(1, 1), // Another page that leaves first: clean, and never used again.
        r(1, 0),
        advise(1, 1, 1, Advice::DontNeed),
        populate(1, 1, 1, false),
        populate(1, 1, 1, true), // It is there, and becomes dirty.
        r(1, 2),
        r(1, 0),
    ];
    let choice = "opt-wb".parse().expect("a policy of the table");
    for (items, fills) in [(&items[..], 2), (&already_there[..], 3)] {
        let trace = trace_of(items, SIZE);
        let resolved = space::resolve(trace, &space::Options::default()).expect("it makes sense");
        let job = Job {
            space: resolved.space.as_ref(),
            frames: Some(2),
            ..Job::new(&resolved.trace, &choice)
        };
        let counters = vm::run(&job).expect("a short trace").counters;
        let of = |kind: vm::FaultKind| counters.of(kind);
        assert_eq!(of(vm::FaultKind::Fill), fills);
        assert_eq!(of(vm::FaultKind::Refill), 1);
        assert_eq!((counters.evictions_clean, counters.evictions_dirty), (2, 0));
    }
}
