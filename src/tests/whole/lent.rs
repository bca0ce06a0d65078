//! Children that use their parent's memory until their exec or exit (vfork), worked out by hand.

use super::*;

fn vfork(pid: u32, child: u32) -> Item {
    at(pid, Event::Vfork { child })
}

fn exec(pid: u32) -> Item {
    at(pid, Event::Exec)
}

fn skip(frames: usize) -> Options {
    Options {
        on_segfault: OnSegfault::Skip,
        ..lru(frames)
    }
}

#[test]
fn nothing_is_copied_for_a_child_that_borrows() {
    let items = [
        map(1, anonymous(0, 3)),
        w(1, 0), // 0.
        vfork(1, 2),
        w(2, 0),                 // 1: a hit, in the page table of the parent.
        w(2, 1),                 // 2: the parent's, too.
        map(2, anonymous(5, 1)), // And so is this.
        w(2, 5),                 // 3.
        exec(2),
        r(2, 0), // Illegal: it has its own memory now, and nothing is mapped there.
        map(2, anonymous(0, 1)),
        w(2, 0), // 4.
        r(1, 5), // 5 to 7: hits.
        w(1, 0),
        w(1, 1),
        fork(1, 3), // From now on they are shared until one of them writes.
        w(3, 0),    // 8: a copy.
    ];
    let ends = outcome(&items, &skip(8));
    assert_eq!(faults(&ends), "0:fill 2:fill 3:fill 4:fill 8:copy");
    assert_eq!((ends.counters.hits, ends.segmentation_faults()), (4, 1));
    assert_eq!(ends.illegal[0].page, (2, 0));
    assert_eq!(ends.pages[&(1, 5)].owners, 2);
}

#[test]
fn what_a_borrower_unmaps_is_gone() {
    let items = [
        map(1, anonymous(0, 2)),
        w(1, 0),
        w(1, 1),
        vfork(1, 2),
        vfork(2, 3),    // Of a borrower: the same memory.
        unmap(3, 0, 1), // One page is freed.
        exit(3),
        r(2, 1), // 2: a hit.
        exit(2),
        r(1, 1), // 3: a hit; what the children leave stays.
        r(1, 0), // Illegal.
    ];
    let ends = outcome(&items, &skip(4));
    assert_eq!(faults(&ends), "0:fill 1:fill");
    assert_eq!((ends.counters.freed, ends.resident_end), (1, 1));
    assert_eq!(ends.segmentation_faults(), 1);
}

/// An illegal reference ends the process that makes it. The others that use the memory go on, and it
/// goes with the last of them.
#[test]
fn an_illegal_reference_ends_one_of_those_who_use_the_memory() {
    let items = [
        map(1, anonymous(0, 1)),
        w(1, 0),
        vfork(1, 2),
        r(2, 7), // Illegal: the child ends.
        r(2, 0), // Dropped.
        r(1, 0), // 1: a hit.
        vfork(1, 3),
        r(1, 7), // Illegal: the parent ends.
        r(1, 0), // Dropped.
        r(3, 0), // 2: a hit.
        vfork(3, 4),
        exec(3), // The memory stays for 4.
        w(4, 0), // 3: a hit.
    ];
    let ends = outcome(&items, &lru(2));
    assert_eq!((ends.legal, ends.dropped, ends.counters.freed), (4, 2, 0));
    assert_eq!((ends.illegal.len(), ends.counters.hits), (2, 3));
    let items = [&items[..], &[exit(4), map(3, anonymous(0, 1)), w(3, 0)]].concat();
    let ends = outcome(&items, &lru(2));
    assert_eq!((ends.legal, ends.counters.freed), (5, 1));
    assert_eq!((ends.counters.hits, ends.resident_end), (3, 1));
}

#[test]
fn a_lender_cannot_leave() {
    for (leaves, said) in [
        (
            exit(1),
            "process 1 exits while its vfork child 2 uses its memory",
        ),
        (exec(1), "process 1 starts another program while its vfork"),
    ] {
        let items = [map(1, anonymous(0, 1)), w(1, 0), vfork(1, 2), leaves];
        let error = whole(&items, &lru(1)).expect_err("no sense");
        assert!(error.contains("a lender that leaves"), "{error}");
        let trace = trace_of(&items, SIZE);
        let error = space::resolve(trace, &space::Options::default()).expect_err(said);
        let error = error.to_string();
        assert!(
            error.contains(said) && error.contains("before position 1"),
            "{error}"
        );
    }
    let items = [r(1, 0), vfork(1, 1)];
    let trace = trace_of(&items, SIZE);
    assert!(space::resolve(trace, &space::Options::default()).is_err());
}
