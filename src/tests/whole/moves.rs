//! Mappings that move, worked out by hand, and drawn at random under every policy of the table.

use super::*;
use crate::oracle::whole::space::{Space, Step};
use pagebench::internals::trace::model::event::Move;

/// So many pages from page `old` go to page `new`.
fn moves(old: u64, pages: u64, new: u64, to: u64) -> Move {
    Move {
        old_start: old * SIZE,
        old_length: pages * SIZE,
        new_start: new * SIZE,
        new_length: to * SIZE,
        fixed: false,
        keep: false,
    }
}

fn moved(pid: u32, moves: Move) -> Item {
    at(pid, Event::Move(Box::new(moves)))
}

fn skip(options: Options) -> Options {
    Options {
        on_segfault: OnSegfault::Skip,
        ..options
    }
}

#[test]
fn a_grown_buffer_faults_only_where_it_grew() {
    let items = [
        map(1, anonymous(0, 2)),
        w(1, 0),
        w(1, 1),
        moved(1, moves(0, 2, 10, 4)),
        w(1, 10), // 2, 3: hits. 4, 5: the pages behind.
        w(1, 11),
        w(1, 12),
        w(1, 13),
        r(1, 0),                       // Illegal: nothing is there now.
        moved(1, moves(10, 4, 10, 6)), // In place.
        w(1, 15),                      // 6.
        moved(1, moves(10, 6, 10, 1)), // And back: four of the five pages are freed.
        r(1, 10),                      // 7: a hit.
        r(1, 11),                      // Illegal.
    ];
    let ends = outcome(&items, &skip(lru(8)));
    assert_eq!(faults(&ends), "0:fill 1:fill 4:fill 5:fill 6:fill");
    assert_eq!((ends.counters.hits, ends.counters.freed), (3, 4));
    assert_eq!((ends.segmentation_faults(), ends.resident_end), (2, 1));
    assert!(ends.pages[&(1, 10)].dirty && ends.pages.len() == 1);
}

/// One frame: the page in memory goes along with it, the other one with its slot.
#[test]
fn frames_and_slots_go_along() {
    let items = [
        map(1, anonymous(0, 2)),
        w(1, 0), // 0: a.
        w(1, 1), // 1: b; a to slot 0.
        moved(1, moves(0, 2, 7, 2)),
        r(1, 8), // 2: b, a hit.
        r(1, 7), // 3: a from its slot; b to slot 1, for it is dirty still.
        r(1, 8), // 4: b from its slot; a is clean.
    ];
    let ends = outcome(&items, &lru(1));
    assert_eq!(faults(&ends), "0:fill 1:fill 3:refillM 4:refillM");
    let c = &ends.counters;
    assert_eq!((c.hits, c.swap_reads), (1, 2));
    assert_eq!((c.evictions_dirty, c.evictions_clean), (2, 1));
    let end = |page| (ends.pages[&page].frame, ends.pages[&page].slot);
    assert_eq!(end((1, 7)), (None, Some(0)));
    assert_eq!(end((1, 8)), (Some(0), Some(1)));
}

#[test]
fn what_is_shared_until_written_stays_so() {
    let items = [
        map(1, anonymous(0, 1)),
        w(1, 0), // 0: a.
        fork(1, 2),
        moved(2, moves(0, 1, 5, 1)),
        r(2, 5), // 1: a, a hit.
        w(2, 5), // 2: a copy.
        w(1, 0), // 3: a is the parent's alone.
        map(1, of_file(20, 1, SIZE)),
        r(1, 20), // 4: the file's page.
        moved(1, moves(20, 1, 30, 1)),
        w(1, 30), // 5: a copy, too.
    ];
    let ends = outcome(&items, &lru(4));
    assert_eq!(faults(&ends), "0:fill 2:copy 3:reuse 4:fillM 5:copy");
    assert_eq!(ends.counters.freed, 1, "the file's page");
}

/// MREMAP_DONTUNMAP: the old range stays, empty.
#[test]
fn a_range_that_is_kept_is_empty() {
    let keep = |moves| Move {
        keep: true,
        ..moves
    };
    let items = [
        map(1, anonymous(0, 1)),
        map(1, shared(of_file(10, 1, SIZE))),
        w(1, 0),  // 0.
        w(1, 10), // 1: the file's page.
        moved(1, keep(moves(0, 1, 5, 1))),
        moved(1, keep(moves(10, 1, 15, 1))),
        r(1, 5),  // 2: a hit.
        r(1, 0),  // 3: zeros again.
        r(1, 15), // 4: a hit.
        r(1, 10), // 5: still in memory, but this page table entry is empty.
    ];
    let ends = outcome(&items, &lru(4));
    assert_eq!(faults(&ends), "0:fill 1:fillM 3:fill 5:map");
    assert_eq!((ends.counters.hits, ends.counters.freed), (2, 0));
    assert_eq!(ends.pages[&(1, 10)].owners, 2);
}

/// MREMAP_FIXED: what lies at the target is unmapped first; what does not fit is unmapped, too.
#[test]
fn a_fixed_move_replaces() {
    let fixed = |moves| Move {
        fixed: true,
        ..moves
    };
    let items = [
        map(1, anonymous(0, 3)),
        map(1, anonymous(10, 3)),
        w(1, 0),
        w(1, 1),
        w(1, 2),
        w(1, 10),
        w(1, 11),
        w(1, 12), // 5.
        // Page 11 goes, 1 takes its place; 2 does not fit.
        moved(1, fixed(moves(1, 2, 11, 1))),
        r(1, 11), // 6: hits.
        r(1, 0),
        r(1, 10),
        r(1, 12), // 9.
        r(1, 1),  // Illegal, and so is 2.
        r(1, 2),
    ];
    let ends = outcome(&items, &skip(lru(8)));
    assert_eq!(ends.log.len(), 6);
    assert_eq!((ends.counters.hits, ends.counters.freed), (4, 2));
    assert_eq!(ends.segmentation_faults(), 2);
}

/// The pages of a file go on where they were in it, and so do those of shared memory.
#[test]
fn offsets_go_along() {
    let items = [
        map(1, shared(of_file(10, 4, 8 * SIZE))),
        map(2, shared(of_file(50, 8, 8 * SIZE))),
        moved(1, moves(12, 2, 30, 4)),
        r(1, 30), // 0: page 2 of the file.
        r(2, 52), // 1: the same.
        r(1, 33), // 2: page 5 of the file: it grew.
        r(2, 55), // 3.
        map(1, shared(anonymous(100, 4))),
        fork(1, 3),
        moved(3, moves(101, 2, 200, 2)),
        w(1, 102), // 4.
        r(3, 201), // 5: the same.
    ];
    let ends = outcome(&items, &lru(8));
    assert_eq!(faults(&ends), "0:fillM 1:map 2:fillM 3:map 4:fill 5:map");
}

#[test]
fn tlbs_forget_the_old_range_only() {
    let items = [
        map(1, anonymous(0, 2)),
        w(1, 0),                     // Miss.
        w(1, 1),                     // Miss.
        moved(1, moves(0, 2, 8, 2)), // Each is in both levels: four dropped.
        r(1, 9),                     // Miss, no fault.
        r(1, 9),                     // Hit.
        moved(1, moves(8, 2, 0, 2)), // Two dropped; page 8 had not been looked up.
        r(1, 1),                     // Miss, no fault.
    ];
    let options = Options {
        tlb: Some(hardware(Some(level(1, 4)))),
        ..lru(2)
    };
    let ends = outcome(&items, &options);
    assert_eq!(faults(&ends), "0:fill 1:fill");
    let tlb = ends.tlb.expect("asked for");
    assert_eq!((tlb.lookups.l1d_hits, tlb.lookups.misses), (1, 4));
    assert_eq!(tlb.lookups.shootdowns, 6);
}

/// A cache for the entries of the last level above the leaves: a walk that it serves reads one entry, any
/// other four. A page that makes room leaves it as it is.
#[test]
fn walks_begin_at_the_root_after_a_change() {
    let tlb = Some(Hierarchy {
        walk_caches: vec![None, None, Some(level(1, 4))],
        ..hardware(None)
    });
    let protect = Event::Protect {
        start: 0,
        length: 1,
        protection: Protection::default(),
    };
    let items = [
        map(1, anonymous(0, 3)),
        map(1, anonymous(10, 1)),
        map(2, anonymous(0, 4)),
        w(1, 0),                     // 4
        w(1, 1),                     // 1
        w(2, 0),                     // 4: another process, other tables.
        moved(1, moves(1, 1, 9, 1)), // What is remembered of process 1 is gone.
        w(1, 2),                     // 4
        w(2, 1),                     // 1
        unmap(1, 0, 1),              // The same again.
        r(1, 9),                     // 4: a hit that no TLB has.
        at(2, protect),              // Now of process 2.
        w(2, 2),                     // 4
        fork(1, 3),                  // Pages of process 1 may not be written as they are.
        w(1, 10),                    // 4
        advise(2, 1, 1, Advice::DontNeed),
        w(2, 3), // 4
    ];
    let options = Options {
        tlb: tlb.clone(),
        ..lru(8)
    };
    let tlb_of = |items: &[Item], options: &Options| {
        let translations = outcome(items, options).tlb.expect("asked for");
        (translations.lookups.misses, translations.walk_refs)
    };
    assert_eq!(tlb_of(&items, &options), (9, 30));
    let items = [
        map(1, anonymous(0, 3)),
        w(1, 0), // 4
        w(1, 1), // 1: page 0 leaves.
        w(1, 0), // 1
    ];
    assert_eq!(tlb_of(&items, &Options { tlb, ..lru(1) }), (3, 6));
}

/// The window of a process counts its references, wherever the page lies meanwhile.
#[test]
fn a_working_set_keeps_what_moved() {
    let items = [
        map(1, anonymous(0, 2)),
        w(1, 0), // 0.
        w(1, 1), // 1.
        moved(1, moves(0, 1, 9, 1)),
        w(1, 1),                     // 2: page 9 was used two references ago.
        w(1, 9),                     // 3: a hit.
        w(1, 1),                     // 4.
        moved(1, moves(9, 1, 0, 1)), // To where it was once, with a stale use.
        w(1, 1),                     // 5.
        w(1, 1),                     // 6: three references ago: it leaves.
        w(1, 0),                     // 7: back from swap.
    ];
    let options = Options {
        frames: None,
        ..Options::new(Policy::Ws(3), 1)
    };
    let ends = outcome(&items, &options);
    assert_eq!(faults(&ends), "0:fill 1:fill 7:refillM");
    assert_eq!(ends.counters.expired_dirty, 1);
}

/// Without mappings, the pages that were touched move.
#[test]
fn touched_pages_move_without_mappings() {
    let items = [
        w(1, 0),
        w(1, 5),
        moved(1, moves(0, 1, 5, 1)),   // What was at 5 is freed.
        w(1, 5),                       // 2: a hit.
        w(1, 0),                       // 3: another page.
        moved(1, moves(40, 1, 50, 1)), // Nothing there.
    ];
    let ends = outcome(&items, &lru(4));
    assert_eq!(faults(&ends), "0:fill 1:fill 3:fill");
    assert_eq!((ends.counters.freed, ends.idle_events), (1, 1));
}

#[test]
fn moves_that_make_no_sense() {
    let fixed = |moves| Move {
        fixed: true,
        ..moves
    };
    let keep = |moves| Move {
        keep: true,
        ..moves
    };
    let crooked = Move {
        old_start: 1,
        ..moves(0, 1, 5, 1)
    };
    for (wrong, why, said) in [
        (crooked, "does not begin with a page", "does not begin at"),
        (
            Move {
                new_start: 5 * SIZE + 8,
                ..moves(0, 1, 5, 1)
            },
            "does not begin with a page",
            "the move of 0x5008 does not begin at the start of a page of 4096",
        ),
        (moves(0, 2, 1, 2), "onto itself", "overlaps its new range"),
        (moves(1, 2, 0, 2), "onto itself", "overlaps its new range"),
        (fixed(moves(0, 2, 0, 3)), "onto itself", "overlaps its new"),
        (keep(moves(0, 2, 0, 2)), "onto itself", "overlaps its new"),
        (
            keep(moves(0, 2, 5, 3)),
            "keeps what it changes",
            "cannot change its length from 8192 to 12288",
        ),
        (
            moves(0, 1, 10, 1),
            "over a mapping",
            "the move to 0xa000 to 0xb000 overlaps the mapping of 0xa000 to 0xb000",
        ),
        (moves(1, 1, 8, 3), "over a mapping", "overlaps the mapping"),
        (
            moves(0, 2, 0, 11),
            "over a mapping",
            "overlaps the mapping of 0xa000",
        ),
        (moves(0, 3, 20, 3), "a hole", "not mapped from 0x2000 on"),
        (moves(9, 2, 20, 2), "a hole", "not mapped from 0x9000 on"),
        (
            moves(0, 1, (1 << 44) - 1, 2),
            "beyond user space",
            "ends beyond user space",
        ),
    ] {
        let items = [
            map(1, anonymous(0, 2)),
            map(1, anonymous(10, 1)),
            w(1, 0),
            moved(1, wrong),
        ];
        let error = whole(&items, &lru(1)).expect_err(why);
        assert!(error.contains(why), "{error}");
        let trace = trace_of(&items, SIZE);
        let error = space::resolve(trace, &space::Options::default()).expect_err(said);
        let error = error.to_string();
        assert!(error.contains(said), "{error}");
        assert!(error.contains("before position 1"), "{error}");
    }
    // Of nothing at all: without effect, and counted.
    let items = [
        map(1, anonymous(0, 1)),
        moved(1, moves(5, 1, 9, 1)),
        w(1, 0),
    ];
    assert_eq!(outcome(&items, &lru(1)).idle_events, 1);
}

/// The drawn traces do have pages that move, also to where others were, and others that do not.
#[test]
fn pages_move_in_drawn_traces() {
    let (mut moved, mut again, mut idle) = (0, 0, 0);
    for seed in 0..100 {
        let items = items(Style::Moves, 4096, 400, seed);
        let mut space = Space::new(4096, true, OnSegfault::Skip);
        let mut targets = std::collections::BTreeSet::new();
        for item in &items {
            let before = space.idle_events;
            let steps = space.apply(item).expect("a trace that makes sense");
            idle += space.idle_events - before;
            for step in steps {
                if let Step::Move { to, .. } = step {
                    moved += 1;
                    again += usize::from(!targets.insert(to));
                }
            }
        }
    }
    assert!(
        moved > 500 && again > 25 && idle > 20,
        "{moved} {again} {idle}"
    );
}

/// A buffer, or a part of one that went its own way, in a process.
#[derive(Clone, Copy)]
struct Part {
    /// Its first page, and how many it has.
    first: u64,
    pages: u64,
    /// Its first page where nothing ever moves.
    still: u64,
    /// How many pages it may grow by: none unless it has the end of its buffer, which was never cut.
    room: u64,
}

/// The most pages of a buffer.
const BUFFER: u64 = 16;

/// A drawn trace of buffers that move, grow and shrink in processes that fork; and the same trace where
/// nothing moves: every page has one address throughout.
fn moving_and_still(seed: u64) -> [Vec<Item>; 2] {
    let mut random = Random::new(seed ^ 0x3057);
    let (mut moving, mut still) = (Vec::new(), Vec::new());
    let mut processes: Vec<Vec<Part>> = vec![Vec::new()];
    let mut free = 1000;
    while moving.len() < 300 {
        let at_process = random.below(processes.len() as u64) as usize;
        let pid = 1 + at_process as u32;
        let parts = processes[at_process].len() as u64;
        let mut place = |pages| {
            free += pages + 1;
            free - pages - 1
        };
        if parts == 0 || random.percent(2) {
            let (first, still_first) = (place(3), place(BUFFER));
            moving.push(map(pid, anonymous(first, 3)));
            still.push(map(pid, anonymous(still_first, BUFFER)));
            processes[at_process].push(Part {
                first,
                pages: 3,
                still: still_first,
                room: BUFFER - 3,
            });
            continue;
        }
        if processes.len() < 4 && random.percent(1) {
            let child = 1 + processes.len() as u32;
            processes.push(processes[at_process].clone());
            moving.push(fork(pid, child));
            still.push(fork(pid, child));
            continue;
        }
        let which = random.below(parts) as usize;
        let part = &mut processes[at_process][which];
        if random.percent(88) {
            let page = random.below(part.pages);
            let kind = [Kind::Read, Kind::Write][random.below(2) as usize];
            moving.push(access(pid, kind, part.first + page));
            still.push(access(pid, kind, part.still + page));
            continue;
        }
        // The upper part of it, or all, goes elsewhere, longer or shorter.
        let skipped = random.below(part.pages) * random.below(2);
        let (first, pages) = (part.first + skipped, part.pages - skipped);
        let to = match random.below(3) {
            0 => 1 + random.below(pages),
            1 => pages + random.below(part.room.min(3) + 1),
            _ => pages,
        };
        let target = place(BUFFER);
        moving.push(moved(pid, moves(first, pages, target, to)));
        if to < pages {
            still.push(unmap(pid, part.still + skipped + to, pages - to));
        }
        let upper = Part {
            first: target,
            pages: to,
            still: part.still + skipped,
            room: match to < pages {
                true => 0,
                false => part.room - (to - pages),
            },
        };
        match skipped {
            0 => *part = upper,
            _ => {
                (part.pages, part.room) = (skipped, 0);
                processes[at_process].push(upper);
            }
        }
    }
    [moving, still]
}

/// What moves is the page that it was: under every policy the counts are those of the trace in which
/// each page stays where it is.
#[test]
fn moves_change_addresses_and_nothing_else() {
    (0..60u64).into_par_iter().for_each(|seed| {
        let [moving, still] = moving_and_still(seed).map(|items| {
            let trace = trace_of(&items, SIZE);
            space::resolve(trace, &space::Options::default()).expect("a trace that makes sense")
        });
        assert_eq!(moving.tally.illegal.len() + still.tally.illegal.len(), 0);
        for policy in crate::support::POLICIES {
            // It looks at the neighbours of a page, which move with it or do not.
            if policy.starts_with("mglru") && !policy.contains("lookaround=1") {
                continue;
            }
            let frames = 1 + (seed % 7) as usize;
            let setting = crate::support::Setting::frames(policy, frames);
            let counts = |resolved: &Resolved| {
                let job = Job {
                    space: resolved.space.as_ref(),
                    seed: crate::support::SEED,
                    frames: setting.limit().map(|limit| limit as u32),
                    tau: 1 + seed % 9,
                    swap_slots: [None, Some(4)][(seed % 2) as usize],
                    ..Job::new(&resolved.trace, &setting.policy)
                };
                let outcome = vm::run(&job).expect("a short trace");
                let ends = [outcome.resident_end, outcome.dirty_end, outcome.swap_slots];
                (
                    counters_of(&outcome),
                    ends,
                    outcome.swap_full.map(|full| full.after),
                )
            };
            assert_eq!(counts(&moving), counts(&still), "{policy}, seed {seed}");
        }
    });
}
