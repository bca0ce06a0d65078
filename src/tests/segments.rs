//! Models of memory with segments: stories with every number worked out by hand, laws on pseudo-random
//! traces, and the two ways of a replay beside each other.

use crate::support::events::{STYLES, items, trace_of};
use pagebench::internals::policy::PolicyChoice;
use pagebench::internals::space::{self, Mappings, OnSegfault, Resolved};
use pagebench::internals::trace::model::source::{self, LoadOptions};
use pagebench::internals::vm::models::{
    Fit, ONE, Observer, Placed, Relief, Rules, SegmentJob, SegmentOutcome, Segmented, Segments,
    StepAt, SwapUnit, View, replay, replay_observed, segmented,
};
use std::collections::BTreeSet;
use std::path::Path;

const MIB: u64 = 1 << 20;

/// Resolves a trace for models with segments.
fn resolved(trace: pagebench::internals::trace::model::dense::Trace, skips: bool) -> Resolved {
    let options = space::Options {
        on_segfault: if skips {
            OnSegfault::Skip
        } else {
            OnSegfault::Kill
        },
        mappings: Mappings::Permissive,
        changes: true,
        ..space::Options::default()
    };
    space::resolve(trace, &options).expect("a trace that makes sense")
}

fn example(name: &str) -> Resolved {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces/examples");
    let trace = source::load(&folder.join(name), &LoadOptions::default()).expect("an example");
    resolved(trace, false)
}

fn rules(memory: u64, segments: Segments) -> Rules {
    Rules {
        memory,
        fit: Fit::First,
        unit: SwapUnit::usual(segments),
        relief: Relief::Compact,
        swap: None,
    }
}

fn choice(policy: &str) -> PolicyChoice {
    policy.parse().expect("a policy of the table")
}

/// Records where the segments of processes are after each reference.
#[derive(Default)]
struct Places {
    /// For each reference: process, first address there, place.
    after: Vec<Vec<(u32, u64)>>,
}

impl Observer for Places {
    fn after(&mut self, view: &View<'_, '_>, _position: u64, cause: Option<&StepAt>) {
        if cause.is_none() {
            let owner = |placed: Placed| (view.owners(placed.item)[0].0, placed.start);
            self.after.push(view.placed().map(owner).collect());
        }
    }
}

struct Case<'c> {
    resolved: &'c Resolved,
    segmented: &'c Segmented,
    policy: &'c str,
}

impl Case<'_> {
    fn replay(&self, rules: Rules) -> SegmentOutcome {
        let policy = choice(self.policy);
        let job = SegmentJob {
            trace: &self.resolved.trace,
            segmented: self.segmented,
            policy: &policy,
            seed: 7,
            rules,
            warmup: 0,
            plain: false,
            idle: None,
        };
        let plain = SegmentJob { plain: true, ..job };
        let outcome = replay(&job);
        assert_eq!(outcome, replay(&plain), "both ways count the same");
        outcome
    }

    /// Returns where the segments of processes are at the end.
    fn places(&self, rules: Rules) -> Vec<Vec<(u32, u64)>> {
        let policy = choice(self.policy);
        let job = SegmentJob {
            trace: &self.resolved.trace,
            segmented: self.segmented,
            policy: &policy,
            seed: 7,
            rules,
            warmup: 0,
            plain: true,
            idle: None,
        };
        let mut places = Places::default();
        replay_observed(&job, &mut places);
        places.after
    }
}

/// Each way to divide a process, every fit and every relief of the story: the same numbers.
#[test]
fn the_story_of_the_texts() {
    let resolved = example("segments.trace");
    // Processes by first appearance: game, browser, music, program.
    let (game, music, program) = (0, 2, 3);
    for segments in [Segments::Vma, Segments::Classic, Segments::Whole] {
        let segmented = segmented(&resolved, segments).unwrap();
        let case = Case {
            resolved: &resolved,
            segmented: &segmented,
            policy: "lru",
        };
        for (fit, _) in Fit::ALL {
            for (relief, _) in Relief::ALL {
                let rules = Rules {
                    fit,
                    relief,
                    ..rules(1024 * MIB, segments)
                };
                let outcome = case.replay(rules);
                assert_eq!(outcome.ended, None);
                let counts = &outcome.counts;
                assert_eq!(
                    counts.fragmentation_worst,
                    ONE / 2,
                    "{segments:?} {fit:?} {relief:?}"
                );
                assert_eq!((counts.fills, counts.copies), (4, 0));
                assert_eq!(counts.unfit, 1);
                let moved = (
                    counts.compactions,
                    counts.bytes_moved / MIB,
                    counts.swap_bytes_out / MIB,
                    counts.swap_bytes_in / MIB,
                    counts.refills,
                );
                let wanted = match relief {
                    Relief::Compact => (1, 256, 0, 0, 0),
                    Relief::Swap => (0, 0, 256, 256, 0),
                    Relief::Evict => (0, 0, 256, 256, 1),
                };
                assert_eq!(moved, wanted, "{segments:?} {fit:?} {relief:?}");
                assert_eq!((counts.bytes_grown, counts.bytes_copied), (0, 0));
                let places = case.places(rules);
                let before_program = places.len() - 2 - 200 * 256;
                let at = |all: &[(u32, u64)]| -> Vec<(u32, u64)> {
                    all.iter().map(|&(of, place)| (of, place / MIB)).collect()
                };
                assert_eq!(at(&places[before_program]), [(game, 0), (music, 640)]);
                let end = match relief {
                    Relief::Compact | Relief::Swap => [(game, 0), (music, 512), (program, 768)],
                    Relief::Evict => [(game, 0), (program, 512), (music, 712)],
                };
                assert_eq!(
                    at(places.last().unwrap()),
                    end,
                    "{segments:?} {fit:?} {relief:?}"
                );
            }
        }
    }
}

/// a goes out, b lies at 0; c leaves without a write, a comes back at 4096.
#[test]
fn the_story_of_two_pages() {
    let resolved = example("two-pages.trace");
    let segmented = segmented(&resolved, Segments::Vma).unwrap();
    let case = Case {
        resolved: &resolved,
        segmented: &segmented,
        policy: "lru",
    };
    let rules = Rules {
        relief: Relief::Evict,
        ..rules(8192, Segments::Vma)
    };
    let outcome = case.replay(rules);
    let counts = &outcome.counts;
    assert_eq!((counts.fills, counts.refills, outcome.hits), (3, 1, 0));
    assert_eq!((counts.swap_outs, counts.swap_ins), (2, 1));
    assert_eq!((counts.swap_bytes_out, counts.swap_bytes_in), (4096, 4096));
    assert_eq!(counts.file_bytes_in, 4096);
    let places = case.places(rules);
    assert_eq!(places[2], [(1, 0), (0, 4096)]);
    assert_eq!(places[3], [(1, 0), (0, 4096)]);
}

/// Checks the laws after each step and each reference.
#[derive(Default)]
struct Laws {
    moments: u64,
    layout: Vec<(u64, u64, u32)>,
}

impl Observer for Laws {
    fn after(&mut self, view: &View<'_, '_>, position: u64, cause: Option<&StepAt>) {
        self.moments += 1;
        let (mut at, mut used, mut free) = (0, 0, 0);
        let mut holes = view.holes().peekable();
        let mut placed = view.placed().peekable();
        let mut after_hole = false;
        loop {
            if let Some(hole) = holes.next_if(|hole| hole.start == at) {
                assert!(!after_hole, "holes are maximal, {position} {cause:?}");
                free += hole.bytes();
                (at, after_hole) = (hole.end, true);
            } else if let Some(item) = placed.next_if(|item| item.start == at) {
                let state = view.state(item.item);
                assert_eq!(state.place, Some(item.start));
                assert_eq!(state.bytes, item.end - item.start, "{position} {cause:?}");
                used += state.bytes;
                (at, after_hole) = (item.end, false);
            } else {
                break;
            }
        }
        assert!(holes.next().is_none() && placed.next().is_none());
        assert_eq!(used + free, at);
        self.layout = view.placed().map(|p| (p.start, p.end, p.item)).collect();
    }
}

/// Every fit, relief, unit, policy and way to divide a process, on traces of every style: the laws hold
/// at each step, both ways count the same, and `compact` and `swap` leave the same memory.
#[test]
fn laws_hold_on_random_traces() {
    let policies = ["lru", "fifo", "clock", "random", "opt"];
    let mut endings = BTreeSet::new();
    for seed in 0..40_u64 {
        let style = STYLES[seed as usize % STYLES.len()];
        let page_size = [4096, 1024][seed as usize % 2];
        let items = items(style, page_size, 250, seed);
        let resolved = resolved(trace_of(&items, page_size), true);
        for segments in [Segments::Vma, Segments::Classic, Segments::Whole] {
            let Ok(segmented) = segmented(&resolved, segments) else {
                continue;
            };
            let policy = policies[seed as usize % policies.len()];
            let case = Case {
                resolved: &resolved,
                segmented: &segmented,
                policy,
            };
            let peak = segmented.peak_bytes.max(page_size);
            for share in [100, 60, 35, 15] {
                for (unit, _) in SwapUnit::ALL {
                    for (fit, _) in Fit::ALL {
                        let base = Rules {
                            memory: peak * share / 100 / page_size * page_size,
                            fit,
                            unit,
                            relief: Relief::Compact,
                            swap: (seed % 3 == 0).then_some(peak / 2),
                        };
                        let mut layouts = Vec::new();
                        for (relief, _) in Relief::ALL {
                            let rules = Rules { relief, ..base };
                            let outcome = case.replay(rules);
                            endings.insert(outcome.ended.map(|(ending, _)| {
                                std::mem::discriminant(&ending);
                                format!("{ending:?}").chars().take(4).collect::<String>()
                            }));
                            let policy = choice(case.policy);
                            let job = SegmentJob {
                                trace: &resolved.trace,
                                segmented: &segmented,
                                policy: &policy,
                                seed: 7,
                                rules,
                                warmup: 0,
                                plain: true,
                                idle: None,
                            };
                            let mut laws = Laws::default();
                            let observed = replay_observed(&job, &mut laws);
                            assert_eq!(observed, outcome);
                            layouts.push((outcome.ended, laws.layout));
                        }
                        if base.swap.is_none() {
                            assert_eq!(layouts[0], layouts[1], "compact and swap");
                        }
                        if share == 100 && segments == Segments::Vma && base.swap.is_none() {
                            assert_eq!(layouts[0].0, None);
                        }
                    }
                }
            }
        }
    }
    assert_eq!(endings.len(), 3, "{endings:?}");
}

/// Replays a trace in the plain format by mappings, with lru. Returns the outcome and, after the last
/// reference, where each process has what.
fn replayed(lines: &str, rules: Rules) -> (SegmentOutcome, Vec<(u32, u64)>) {
    replayed_by("lru", lines, rules)
}

/// Returns the most bytes of all segments at a time.
fn peak_bytes(lines: &str, segments: Segments) -> u64 {
    segmented(&resolved_lines(lines), segments)
        .unwrap()
        .peak_bytes
}

/// Resolves a trace in the plain format.
fn resolved_lines(lines: &str) -> Resolved {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("t.trace");
    std::fs::write(&file, format!("# pagebench trace 1\n{lines}")).unwrap();
    let trace = source::load(&file, &LoadOptions::default()).expect("a good trace");
    resolved(trace, false)
}

/// Replays a trace in the plain format by mappings with `policy`. Returns the outcome and, after the last
/// reference, where each process has what.
fn replayed_by(policy: &str, lines: &str, rules: Rules) -> (SegmentOutcome, Vec<(u32, u64)>) {
    let resolved = resolved_lines(lines);
    let segmented = segmented(&resolved, Segments::Vma).unwrap();
    let case = Case {
        resolved: &resolved,
        segmented: &segmented,
        policy,
    };
    let outcome = case.replay(rules);
    let places = case.places(rules);
    (outcome, places.last().unwrap().clone())
}

/// A heap of two pages grows by one where another program lies behind it: it goes behind that, 8 KiB are
/// copied, and its old room is free. A stack grows down into free bytes and stays.
#[test]
fn what_grows_is_placed_anew_without_room() {
    let lines = "\
switch 1\nbrk 10000\nbrk 12000\nW 10000\nswitch 2\nmap 10000 8192 rw-\nW 10000\nswitch 1\n\
brk 13000\nW 12000\n";
    let (outcome, places) = replayed(lines, rules(1 << 20, Segments::Vma));
    assert_eq!(
        (outcome.counts.bytes_grown, outcome.counts.fills),
        (8192, 2)
    );
    assert_eq!(outcome.hits, 1);
    assert_eq!(places, [(1, 8192), (0, 16384)]);
    let lines = "\
switch 1\nmap 70000 65536 rw- grows-down\nW 7f000\nmap 10000 4096 rw-\nW 10000\nunmap 10000 4096\n\
W 7e000\n";
    let (outcome, places) = replayed(lines, rules(1 << 20, Segments::Vma));
    // Only the touched page of the stack is in memory, at 0. There is no room below it.
    assert_eq!((outcome.counts.bytes_grown, outcome.hits), (4096, 1));
    assert_eq!(places, [(0, 0)]);
}

/// After a fork both have one segment. The first write of one of them copies all of it; then the other
/// has its own.
#[test]
fn a_segment_is_copied_whole_at_the_first_write() {
    let lines = "\
switch 1\nmap 10000 16384 rw-\nW 10000\nfork 2\nswitch 2\nR 12000\nW 13000\nswitch 1\nW 11000\n";
    let (outcome, places) = replayed(lines, rules(1 << 20, Segments::Vma));
    let counts = &outcome.counts;
    assert_eq!((counts.fills, counts.copies, outcome.hits), (1, 1, 2));
    assert_eq!(counts.bytes_copied, 16384);
    assert_eq!(places, [(0, 0), (1, 16384)]);
    // With room for one only, the source leaves for its copy, and comes back for its owner.
    let (outcome, places) = replayed(lines, rules(16384, Segments::Vma));
    let counts = &outcome.counts;
    assert_eq!((counts.fills, counts.copies, counts.refills), (1, 1, 1));
    assert_eq!(
        (counts.swap_bytes_out, counts.swap_bytes_in),
        (32768, 32768)
    );
    assert_eq!(places, [(0, 0)]);
}

/// Two programs have the code of one file in memory once; it is dropped and read again without a write.
#[test]
fn code_of_a_file_is_in_memory_once() {
    let lines = "\
switch 1\nmap 10000 8192 r-x file=1,0,8192\nI 10000\nswitch 2\nmap 50000 8192 r-x file=1,0,8192\n\
I 51000\nmap 60000 4096 rw-\nW 60000\nswitch 1\nI 11000\n";
    let (outcome, places) = replayed(lines, rules(1 << 20, Segments::Vma));
    assert_eq!((outcome.counts.fills, outcome.hits), (2, 2));
    assert_eq!(outcome.counts.file_bytes_in, 8192);
    assert_eq!(places, [(0, 0), (1, 8192)]);
    let (outcome, _) = replayed(lines, rules(8192, Segments::Vma));
    let counts = &outcome.counts;
    assert_eq!((counts.refills, counts.file_bytes_in), (1, 16384));
    assert_eq!((counts.swap_outs, counts.swap_bytes_out), (2, 4096));
}

/// An unmap in the middle leaves both ends where they are. A move copies nothing.
#[test]
fn a_split_leaves_the_parts_in_place() {
    let lines = "\
switch 1\nmap 10000 16384 rw-\nW 10000\nunmap 11000 4096\nR 10000\nmove 12000 8192 90000 8192\n\
W 91000\n";
    let (outcome, places) = replayed(lines, rules(16384, Segments::Vma));
    assert_eq!((outcome.counts.fills, outcome.hits), (1, 2));
    assert_eq!(places, [(0, 0), (0, 8192)]);
    assert_eq!(outcome.counts.bytes_moved + outcome.counts.bytes_grown, 0);
}

/// Memory of `pages`, with whole programs that leave.
fn programs(pages: u64) -> Rules {
    Rules {
        unit: SwapUnit::Process,
        ..rules(pages * 4096, Segments::Vma)
    }
}

/// A reference that brings in one more segment of a program in memory, or that copies one, is a reference
/// of the program: another leaves.
#[test]
fn a_program_is_referenced_by_what_comes_in_of_it() {
    // Program 1 has pages 0 and 1, program 2 page 2 of four. Program 1 gets its second segment, in page
    // 3, after the reference of program 2. Then program 3 needs one page: program 2 leaves, of one page,
    // and not program 1, of three.
    let lines = "\
switch 1\nmap 10000 8192 rw-\nmap 20000 4096 rw-\nW 10000\nswitch 2\nmap 10000 4096 rw-\nW 10000\n\
switch 1\nW 20000\nswitch 3\nmap 10000 4096 rw-\nW 10000\n";
    let (outcome, places) = replayed(lines, programs(4));
    let counts = &outcome.counts;
    assert_eq!((counts.fills, counts.swap_outs), (4, 1));
    assert_eq!(counts.swap_bytes_out, 4096);
    assert_eq!(places, [(0, 0), (2, 8192), (0, 12288)]);
    // Parent and child have page 0, program 3 pages 1 and 2, and the copy of the child, which writes, is
    // page 3. Program 4 needs two: of 3, 2, 1, in order of last reference, program 3 leaves. Without the
    // reference that copies, program 2 would be the first to leave.
    let lines = "\
switch 1\nmap 10000 4096 rw-\nW 10000\nfork 2\nswitch 1\nR 10000\nswitch 3\nmap 10000 8192 rw-\nW 10000\n\
switch 1\nR 10000\nswitch 2\nW 10000\nswitch 1\nR 10000\nswitch 4\nmap 10000 8192 rw-\nW 10000\n";
    let (outcome, places) = replayed(lines, programs(4));
    let counts = &outcome.counts;
    // The fills are those of programs 1, 3 and 4.
    assert_eq!((counts.fills, counts.copies, counts.swap_outs), (3, 1, 1));
    assert_eq!(counts.swap_bytes_out, 8192);
    assert_eq!(places, [(0, 0), (3, 4096), (1, 12288)]);
}

/// A segment of a shared file that moves through the disk is written to its file and read from it.
#[test]
fn what_moves_through_its_file_is_read_from_it() {
    // Pages: 0 is A's, 1 the file's, 2 is B's of three. A's goes: one page free at 0. C needs two: lru B
    // and the file; B is the older and leaves (4096 to swap). The file moves from 1 to 0, by its own file
    // (4096 out, 4096 from the file, after the 4096 of its load), and C lies at 4096.
    let lines = "\
switch 1\nmap 10000 4096 rw-\nW 10000\nmap 20000 4096 rw- file=1,0,4096 shared\nR 20000\n\
switch 2\nmap 10000 4096 rw-\nW 10000\nswitch 1\nW 20000\nunmap 10000 4096\n\
switch 3\nmap 10000 8192 rw-\nW 10000\n";
    let rules = Rules {
        relief: Relief::Swap,
        ..rules(3 * 4096, Segments::Vma)
    };
    let (outcome, places) = replayed(lines, rules);
    let counts = &outcome.counts;
    assert_eq!((counts.swap_outs, counts.swap_ins), (2, 1));
    assert_eq!((counts.swap_bytes_out, counts.swap_bytes_in), (8192, 0));
    assert_eq!((counts.file_bytes_in, counts.swap_end), (8192, 4096));
    assert_eq!(places, [(0, 0), (2, 4096)]);
}

/// A program that is out and writes to what others have, too, but nobody ever referenced, comes back: a
/// refill, as with what nobody else has.
#[test]
fn a_program_that_is_out_comes_back_by_a_write_to_what_never_was_in_memory() {
    // Programs 1 and 2 have a page of code, in page 0, and a heap never referenced. Program 3 needs all
    // four pages: both leave. Program 2 writes to its heap: it comes back, with the code (page 0) and a
    // heap of its own (page 1); program 3 leaves. One refill, after the fills of the code and of 3. The
    // code is written once, read once; the bytes of 3 are written.
    let lines = "\
switch 1\nmap 10000 4096 r-x\nmap 20000 4096 rw-\nI 10000\nfork 2\nswitch 3\nmap 10000 16384 rw-\nW 10000\n\
switch 2\nW 20000\n";
    let (outcome, _) = replayed(lines, programs(4));
    let counts = &outcome.counts;
    assert_eq!((counts.fills, counts.refills, counts.copies), (2, 1, 0));
    assert_eq!((counts.swap_ins, counts.swap_outs), (1, 3));
    assert_eq!((counts.swap_bytes_out, counts.swap_bytes_in), (20480, 4096));
}

/// A stack that loses all rights and gains them again has no segment before it is touched.
#[test]
fn a_stack_that_gains_rights_again_begins_anew() {
    // The touched page lies at 0 and goes with the rights. The reference of the lower page makes a
    // segment of it; the upper page is not touched again. With one page of memory both fit in turn.
    let lines = "\
switch 1\nmap 46000 8192 rw- grows-down\nW 47000\nprotect 46000 8192 ---\nprotect 46000 8192 rw-\n\
W 47000\n";
    let (outcome, places) = replayed(lines, rules(4096, Segments::Vma));
    assert_eq!((outcome.counts.fills, outcome.ended), (2, None));
    assert_eq!(places, [(0, 0)]);
    // Only a part gains rights: were it a segment, the most at a time would be two pages.
    let lines = "\
switch 1\nmap 46000 8192 rw- grows-down\nW 47000\nprotect 47000 4096 ---\nprotect 47000 4096 rw-\n\
W 46000\n";
    for segments in [Segments::Vma, Segments::Classic] {
        assert_eq!(peak_bytes(lines, segments), 4096);
    }
}

/// After `unlink` the number of a file is another file's: a later mapping shares nothing with it, not even
/// with a part that the old file's mapping is split into.
#[test]
fn a_file_without_name_is_shared_no_more() {
    // Two segments of 8 KiB, one of each file.
    let lines = "\
switch 1\nmap 10000 8192 r-x file=1,0,65536\nI 10000\nunlink 1\nswitch 2\n\
map 10000 8192 r-x file=1,0,65536\nI 10000\n";
    let (outcome, places) = replayed(lines, rules(1 << 20, Segments::Vma));
    assert_eq!((outcome.counts.fills, outcome.hits), (2, 0));
    assert_eq!(outcome.counts.file_bytes_in, 16384);
    assert_eq!(places, [(0, 0), (1, 8192)]);
    // The old file's second page is split off after the unlink, and loses and gains its rights. The new
    // file's second page is another segment: three fills, of the old file, its page anew, and the new one.
    let lines = "\
switch 1\nmap 10000 8192 r-x file=1,0,65536\nI 10000\nunlink 1\nprotect 11000 4096 ---\n\
protect 11000 4096 r-x\nI 11000\nswitch 2\nmap 10000 4096 r-x file=1,4096,65536\nI 10000\n";
    let (outcome, places) = replayed(lines, rules(1 << 20, Segments::Vma));
    assert_eq!((outcome.counts.fills, outcome.hits), (3, 0));
    assert_eq!(places, [(0, 0), (0, 4096), (1, 8192)]);
    // Mappings of the new file share.
    let lines = "\
switch 1\nmap 10000 8192 r-x file=1,0,65536\nunlink 1\nswitch 2\nmap 10000 8192 r-x file=1,0,65536\n\
I 10000\nswitch 3\nmap 10000 8192 r-x file=1,0,65536\nI 10000\n";
    let (outcome, _) = replayed(lines, rules(1 << 20, Segments::Vma));
    assert_eq!((outcome.counts.fills, outcome.hits), (1, 1));
}

/// What is written goes back to the file while a mapping has the segment that shares what it writes,
/// whichever made the segment.
#[test]
fn writes_go_to_the_file_of_those_that_share_them() {
    let rules = rules(4096, Segments::Vma);
    // The private mapping makes the segment and goes. The shared one writes; then program 3 needs the only
    // page: 4096 to the file, no room on swap, and read again from there after the bytes of program 3 went
    // to swap.
    let lines = "\
switch 1\nmap 10000 4096 r-- file=1,0,4096\nR 10000\nswitch 2\nmap 10000 4096 rw- file=1,0,4096 shared\n\
switch 1\nunmap 10000 4096\nswitch 2\nW 10000\nswitch 3\nmap 10000 4096 rw-\nW 10000\nswitch 2\nR 10000\n";
    let (outcome, _) = replayed(lines, rules);
    let counts = &outcome.counts;
    assert_eq!((counts.fills, counts.refills, outcome.hits), (2, 1, 1));
    assert_eq!((counts.swap_bytes_out, counts.swap_peak), (8192, 4096));
    assert_eq!((counts.file_bytes_in, counts.swap_bytes_in), (8192, 0));
    // The shared mapping makes it. The private one gains the right to write and gets a copy, which is its
    // own: it goes to swap, and comes back from there. (With one page the source leaves first, clean.)
    let lines = "\
switch 2\nmap 10000 4096 r-- file=1,0,4096 shared\nR 10000\nswitch 1\nmap 10000 4096 r-- file=1,0,4096\n\
R 10000\nprotect 10000 4096 rw-\nW 10000\nswitch 2\nR 10000\nswitch 1\nR 10000\n";
    let (outcome, _) = replayed(lines, rules);
    let counts = &outcome.counts;
    // Read from the file: by the fill, for the copy, and when program 2 reads it again.
    assert_eq!((counts.fills, counts.copies, counts.refills), (1, 1, 2));
    assert_eq!((counts.swap_bytes_out, counts.swap_peak), (4096, 4096));
    assert_eq!((counts.file_bytes_in, counts.swap_bytes_in), (12288, 4096));
}
