//! Traces in the plain format and what they mean: what is refused and with which words, what is
//! illegal and where, what is promised, and that nothing grows faster than the trace.

use super::*;
use crate::policy::PolicyChoice;
use crate::trace::model::access::{Addressing, TraceKind};
use crate::trace::model::densify::Densifier;
use crate::trace::model::event::{
    Advice, Backing, Event, EventAt, Mapping, Move, Protection, STACK_LIMIT, USER_END,
};
use crate::trace::model::refs::{Meta, pack};
use crate::trace::model::source;
use crate::trace::model::source::LoadOptions;
use crate::units::PageSize;
use crate::vm::{self, AccessedBitMode, FaultKind, Job, Outcome};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use std::io::Write as _;

/// A trace of the lines of a text, which begin behind the first line of the format.
fn read(text: &str, page_size: u64) -> Trace {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "# pagebench trace 1\n{text}").unwrap();
    let options = LoadOptions {
        page_size: PageSize::from_shift(page_size.trailing_zeros() as u8),
        name: Some("t".into()),
        ..LoadOptions::default()
    };
    source::load(file.path(), &options).unwrap()
}

fn trace(text: &str) -> Trace {
    read(text, 4096)
}

const KILL: Options = Options {
    changes: false,
    mappings: Mappings::Permissive,
    on_segfault: OnSegfault::Kill,
    commit_limit: None,
    layout: AddressLayout::Any,
    fork_file_ptes: ForkFilePtes::Copy,
    beyond_eof: BeyondEof::Zero,
    page_cache: None,
    file_io: FileIo::Ignore,
    only_used_entries: false,
};
const SKIP: Options = Options {
    on_segfault: OnSegfault::Skip,
    ..KILL
};

fn limited(pages: u64) -> Options {
    Options {
        commit_limit: Some(pages * 4096),
        ..SKIP
    }
}

fn resolved(text: &str, options: &Options) -> Resolved {
    resolve(trace(text), options).unwrap_or_else(|e| panic!("{e}"))
}

/// The illegal references: position, page, kind, `s` or `p` for what the fault is.
fn illegal(resolved: &Resolved) -> String {
    let one = |i: &Illegal| {
        let fault = &i.fault.name()[..1];
        format!("{}:{:x}:{}{fault}", i.position, i.page, i.kind.letter())
    };
    let all: Vec<String> = resolved.tally.illegal.iter().map(one).collect();
    all.join(" ")
}

/// What was refused.
fn refusals(resolved: &Resolved) -> Vec<&str> {
    let all = resolved.tally.refusals.iter();
    all.map(|refusal| refusal.what.as_str()).collect()
}

#[test]
fn traces_that_contradict_themselves() {
    // The first line of each text is line 2 of its file.
    for (text, place, what) in [
        (
            "R 1000\nfork 2\nR 1000\nfork 2\n",
            "line 5, before position 2",
            "process 2 already exists or existed; a child needs a new number",
        ),
        (
            "R 1000\nfork 0\n",
            "line 3, before position 1",
            "process 0 already exists or existed; a child needs a new number",
        ),
        (
            "R 1000\nfork 2\nswitch 2\nexit\nswitch 0\nfork 2\n",
            "line 7, before position 1",
            "process 2 already exists or existed; a child needs a new number",
        ),
        (
            "R 1000\nexit\nunmap 1000 4096\nR 2000\n",
            "line 4, before position 1",
            "process 0 has exited already",
        ),
        (
            "R 1000\nexit\nexit\n",
            "line 4, before position 1",
            "process 0 has exited already",
        ),
        (
            "R 1000\nexit\nswitch 7\nR 1000\nswitch 0\nR 1000\n",
            "position 2",
            "process 0 has exited",
        ),
        (
            "map 1000 8192 rw-\nR 1000\nmap 2fff 1 r--\n",
            "line 4, before position 1",
            "the mapping of 0x2000 to 0x3000 overlaps that of 0x1000 to 0x3000",
        ),
        (
            "R 1000\nmap fffffffffff000 4097 rw-\n",
            "line 3, before position 1",
            "4097 bytes from 0xfffffffffff000 on end beyond user space, 0x100000000000000",
        ),
        (
            "map ffffffffffffffff 1 rw-\nR 1000\n",
            "line 2, before position 0",
            "1 bytes from 0xffffffffffffffff on end beyond user space, 0x100000000000000",
        ),
        (
            "R 1000\nbrk 100000000000001\n",
            "line 3, before position 1",
            "a heap that ends at 0x100000000000001 passes the end of user space",
        ),
    ] {
        let error = resolve(trace(text), &SKIP).expect_err(what);
        assert_eq!(
            (&*error.name, &*error.place, &*error.what),
            ("t", place, what)
        );
        assert!(
            error
                .to_string()
                .starts_with(&format!("t: {place}: {what}\n  help: "))
        );
    }
}

#[test]
fn what_a_kernel_refuses_is_idle() {
    // Ranges in which nothing is, at any address; a heap that cannot be.
    for event in [
        "unmap 5000 4096",
        "protect 5000 4096 r--",
        "advise 5000 4096 dontneed",
        "advise 5000 4096 willneed",
        "unmap ffffffffffffffff 1",
        "protect fffffffffffff000 4096 r--",
        "advise fffffffffffff000 4096 dontneed",
        "advise fffffffffffff000 4096 willneed",
        "advise ffffffff00000000 4294967296 willneed",
        "brk 0",
        "brk 2000",
    ] {
        let text = format!("map 1000 4096 rw-\nbrk 1000\nW 1000\n{event}\nR 1000\n");
        let resolved = resolved(&text, &SKIP);
        assert_eq!(resolved.tally.idle_events, 1, "{event}");
        assert_eq!((resolved.trace.len(), illegal(&resolved)), (2, "".into()));
    }
    // Everything that there is, to the end of all addresses.
    let everything = format!("unmap 1000 {}\n", u64::MAX - 0xfff);
    let text = format!("map 1000 4096 rw-\nW 1000\n{everything}R 1000\nR fffffffffffff000\n");
    let strict = resolved(&text, &SKIP);
    assert_eq!(strict.tally.idle_events, 0);
    assert_eq!(illegal(&strict), "1:1:Rs 2:fffffffffffff:Rp");
    // Without mappings the last page may be touched, and is dropped with all of it.
    let text = format!("W fffffffffffff000\n{everything}{everything}R fffffffffffff000\n");
    let permissive = resolved(&text, &SKIP);
    assert_eq!((permissive.tally.idle_events, permissive.objects()), (1, 2));
}

const ILLEGAL: &str = "map 1000 8192 r--
R 1000
W 1000
R 2000
R 5000
fork 2
switch 2
I 1000
R 1000
switch 3
R 100000000000000
W fffffffffffff000
R 1000
";

#[test]
fn illegal_references_end_their_process() {
    let killed = resolved(ILLEGAL, &KILL);
    // Process 0 at its write; its child never comes to be; process 3 at the kernel's half.
    assert_eq!(illegal(&killed), "1:1:Wp 6:100000000000:Rp");
    let tally = &killed.tally;
    assert_eq!((tally.segfaults, tally.protection_faults), (0, 2));
    // Two more of process 0, two of process 2, two of process 3.
    assert_eq!((tally.dropped, killed.trace.len()), (6, 1));
    assert_eq!(killed.trace.kinds(), [Kind::Read as u8]);
}

#[test]
fn illegal_references_are_left_out() {
    let skipped = resolved(ILLEGAL, &SKIP);
    assert_eq!(
        illegal(&skipped),
        "1:1:Wp 3:5:Rs 4:1:Ip 6:100000000000:Rp 7:fffffffffffff:Wp 8:1:Rs"
    );
    let tally = &skipped.tally;
    assert_eq!((tally.segfaults, tally.protection_faults), (2, 4));
    assert_eq!((tally.dropped, skipped.trace.len()), (0, 3));
    // The digest is that of the whole trace, whatever is left of it.
    let whole = trace(ILLEGAL).digest();
    assert_eq!(skipped.trace.digest(), whole);
    assert_eq!(resolved(ILLEGAL, &KILL).trace.digest(), whole);
}

#[test]
fn illegal_references_refuse_the_trace() {
    let abort = Options {
        on_segfault: OnSegfault::Abort,
        ..KILL
    };
    let error = resolve(trace(ILLEGAL), &abort).unwrap_err();
    assert_eq!(
        error.to_string(),
        "t: position 1: protection fault: W of page 0x1000 by process 0\n  \
         help: --on-segfault kill or skip goes on"
    );
    let error = resolve(trace("map 1000 4096 rwx\nswitch 9\nI 1000\n"), &abort).unwrap_err();
    assert_eq!(
        error.what,
        "segmentation fault: I of page 0x1000 by process 9"
    );
}

#[test]
fn only_so_many_illegal_references_are_listed() {
    let text = "map 1000 4096 r--\n".to_owned() + &"R 9000\nW 1000\n".repeat(LISTED);
    let skipped = resolved(&text, &SKIP);
    let tally = &skipped.tally;
    assert_eq!(tally.illegal.len(), LISTED);
    assert_eq!(tally.segfaults, LISTED as u64);
    assert_eq!(tally.protection_faults, LISTED as u64);
    assert_eq!(tally.illegal[LISTED - 1].position, LISTED as u64 - 1);
}

#[test]
fn stacks_grow_as_far_as_they_may() {
    // The stack ends at 1001000: 8 MiB below that is 801000.
    let text = "map 1000000 4096 rw- grows-down\nmap 400000 4096 rw-
W 800fff
R 801000
W 900000
W 1001000
R 7ff000
map 700000 4096 rw- fixed
W 701000
";
    // The first is of the page 800, out of reach; the stack then ends where it may begin.
    let grown = resolved(text, &SKIP);
    assert_eq!(illegal(&grown), "0:800:Ws 3:1001:Ws 4:7ff:Rs 5:701:Ws");
    // Below a mapping that is no stack nothing grows, however near.
    let text = "map 1000000 4096 rw- grows-down\nmap fff000 4096 rw-\nW ffe000\n";
    assert_eq!(illegal(&resolved(text, &SKIP)), "0:ffe:Ws");
    // What a stack grew to is part of it: it is unmapped and inherited.
    let text = "map 1000000 4096 rw- grows-down\nW f00000\nfork 2\nunmap f00000 4096\nR f80000
switch 2\nR f00000\nexec\nR f00000\n";
    assert_eq!(illegal(&resolved(text, &SKIP)), "3:f00:Rs");
}

#[test]
fn a_page_of_two_mappings_may_what_either_allows() {
    // Pages of 16 KiB: the first has a mapping to read in its first quarter, one to write in its
    // second.
    let text = "map 0 4096 r--\nmap 1000 4096 -w-
R 0
W 0
I 0
unmap 1000 4096
W 0
R 0
map 1000 4096 -w-
W 3fff
map 1000 4096 --x fixed
W 0
I 2000
protect 0 4096 -w-
R 0
W 0
R 4000
";
    let resolved = resolve(read(text, 16384), &SKIP).unwrap();
    assert_eq!(illegal(&resolved), "2:0:Ip 3:0:Wp 6:0:Wp 8:0:Rp 10:1:Rs");
    // It is the page of the lower mapping, and stays the same while any is left.
    assert_eq!(resolved.objects(), 1);
    let text = "brk 1000\nbrk 3000\nmap 0 4096 r--\nW 0\nbrk 1000\nW 0\nR 0\n";
    let shrunk = resolve(read(text, 16384), &SKIP).unwrap();
    assert_eq!(illegal(&shrunk), "1:0:Wp");
}

#[test]
fn files_end_inside_mappings() {
    // 4097 bytes of file 1 from its second page on; the third page of the mapping is beyond.
    let text = "map 1000 12288 rw- file=1,4096,8193
R 1000
R 2000
R 3000
W 3000
switch 2
map 1000 12288 rw- shared file=1,4096,8193
R 2000
W 3000
map 9000 4096 r-- file=2,9223372036854775808,100
R 9000
";
    let resolved = resolved(text, &SKIP);
    let space = resolved.space.as_ref().unwrap();
    use Class::{File, Zero};
    // Two pages of the file; zeros, written without a copy; the file's again, the same object;
    // shared zeros; far beyond the end.
    assert_eq!(space.classes, [File, File, Zero, Zero, Zero]);
    assert_eq!(space.ops, []);
    assert_eq!(space.first_object, [0, 1, 2, 1, 3, 4]);
}

#[test]
fn maps_beyond_the_limit_are_refused() {
    let text = "map 1000 8192 rw-
map 8000 8192 rw-
W 1000
W 8000
unmap 1000 4096
map 8000 8192 rw-
W 8000
exec
map 20000 12288 rw-
W 20000
exit
switch 2
map 1000 12288 -w-
W 3000
";
    let resolved = resolved(text, &limited(3));
    assert_eq!(illegal(&resolved), "1:8:Ws");
    assert_eq!(
        refusals(&resolved),
        ["a mapping of 8192 bytes: 16384 of 12288 bytes promised"]
    );
    let refusal = &resolved.tally.refusals[0];
    assert_eq!((refusal.position, refusal.process), (0, 0));
    assert_eq!(resolved.tally.refused, 1);
}

#[test]
fn what_needs_no_memory_of_its_own_is_not_charged() {
    // Neither what is read only nor what is a file's; until it may be written.
    let text = "map 1000 409600 r--
map 100000 409600 r-x file=1,0,409600
map 200000 409600 rw- shared file=1,0,409600
protect 1000 8192 rw-
W 1000
protect 3000 4096 rw-
W 3000
protect 1000 8192 r--
protect 3000 4096 rw-
W 3000
unmap 1000 8192
protect 3000 4096 rw-
W 3000
";
    // What was writable may hold what was written and stays charged when it is read only again.
    let resolved = resolved(text, &limited(2));
    assert_eq!(illegal(&resolved), "1:3:Wp 2:3:Wp");
    assert_eq!(
        refusals(&resolved),
        ["a mapping that becomes writable: 12288 of 8192 bytes promised"; 2]
    );
}

#[test]
fn forks_beyond_the_limit_are_refused() {
    let text = "map 1000 8192 rw-
W 1000
fork 2
fork 3
fork 4
switch 2
W 1000
switch 3
W 1000
fork 5
switch 5
R 1000
switch 2
exit
switch 0
fork 6
switch 6
W 2000
";
    let resolved = resolved(text, &limited(4));
    // 3, its child 5, and 4 never come to be; 6 takes the place of 2.
    assert_eq!(
        refusals(&resolved),
        ["a fork: 24576 of 16384 bytes promised"; 2]
    );
    assert_eq!((resolved.tally.dropped, resolved.trace.len()), (2, 3));
    assert_eq!(illegal(&resolved), "");
}

#[test]
fn heaps_and_stacks_beyond_the_limit_are_refused() {
    let text = "map 80000000 4096 rw- grows-down
brk 1000
brk 3000
W 2000
brk 4000
W 3000
W 7ffff000
brk 2000
W 7ffff000
brk 3000
W 2000
";
    let resolved = resolved(text, &limited(3));
    assert_eq!(illegal(&resolved), "1:3:Ws 2:7ffff:Ws 4:2:Ws");
    assert_eq!(
        refusals(&resolved),
        [
            "a growing heap: 16384 of 12288 bytes promised",
            "a growing stack: 16384 of 12288 bytes promised",
            "a growing heap: 16384 of 12288 bytes promised"
        ]
    );
}

#[test]
fn shared_memory_is_charged_once() {
    let text = "map 1000 8192 rw- shared
fork 2
fork 3
switch 2
W 1000
protect 1000 8192 r--
protect 1000 8192 rw-
W 2000
map 9000 4096 rw-
W 9000
map a000 4096 rw-
W a000
";
    let resolved = resolved(text, &limited(3));
    assert_eq!(illegal(&resolved), "3:a:Ws");
    assert_eq!(
        refusals(&resolved),
        ["a mapping of 4096 bytes: 16384 of 12288 bytes promised"]
    );
}

#[test]
fn advice_on_an_absurdly_large_file_is_bounded() {
    let huge = 1u64 << 50;
    let mut text = String::new();
    for file in 0..20u64 {
        let start = (file + 1) * huge;
        text += &format!("map {start:x} {huge} r-- file={file},0,{}\n", u64::MAX);
    }
    text += &format!("advise 1000 {} willneed\nR {huge:x}\n", u64::MAX >> 1);
    let resolved = resolved(&text, &SKIP);
    // A million pages, of all files together.
    assert_eq!(resolved.objects(), 1 << 20);
}

#[test]
fn mapped_pages_are_counted_as_they_come_and_go() {
    let text = "map 1000 8192 rw-
R 1000
fork 2
map 9000 4096 rw-
R 9000
unmap 2000 4096
brk 20000
brk 22000
switch 2
R 2000
exit
switch 0
R 1000
map 80000 4096 rw- grows-down
R 7e000
";
    let resolved = resolved(text, &SKIP);
    let space = resolved.space.as_ref().unwrap();
    // Two pages; as many of the child and one more; one less and two of a heap; the child's go; a
    // stack of one page grows by two. Seven pages at the end, of which 1, 9 and 7e were touched.
    let after = |refs| space.mapped.after(refs);
    assert_eq!([0, 1, 2, 3, 4, 5].map(after), [0, 2, 5, 6, 4, 7]);
    assert_eq!(resolved.untouched_end(), Some(4));
}

// ---------------------------------------------------------------------------------------------
// Large ones.

fn meta() -> Meta {
    Meta {
        name: "t".into(),
        format: "plain".into(),
        kind: TraceKind::Synthetic,
        addressing: Addressing::Bytes,
        page_size: PageSize::DEFAULT,
        skipped: 0,
    }
}

fn private(start: u64, length: u64) -> Mapping {
    Mapping::anonymous(start, length, Protection::RW)
}

/// A process with two pages that forks so many children; each child writes one page and exits, or
/// all live on.
fn fork_bomb(children: u32, die: bool) -> Trace {
    let mut densifier = Densifier::new();
    let parent = densifier.process(0);
    let (mut refs, mut kinds, mut events) = (Vec::new(), Vec::new(), Vec::new());
    let mut touch = |densifier: &mut Densifier, process, number| {
        let id = densifier.id(PageKey { process, number }).unwrap();
        refs.push(pack(id, true));
        kinds.push(Kind::Write as u8);
        refs.len() as u64
    };
    let mut tell = |position, process, event| {
        events.push(EventAt {
            position,
            process,
            event,
            line: 0,
        });
    };
    tell(0, parent, Event::Map(Box::new(private(0, 8192))));
    touch(&mut densifier, parent, 0);
    let mut position = touch(&mut densifier, parent, 1);
    for pid in 1..=children {
        let child = densifier.process(pid);
        tell(position, parent, Event::Fork { child });
        if die {
            position = touch(&mut densifier, child, 0);
            tell(position, child, Event::Exit);
        }
    }
    let trace = Trace::new(meta(), densifier.into_dictionary(), refs, kinds, None);
    trace.with_events(events)
}

fn replay(resolved: &Resolved, policy: &str, tau: u64) -> Outcome {
    let choice: PolicyChoice = policy.parse().unwrap();
    let job = Job {
        trace: &resolved.trace,
        space: resolved.space.as_ref(),
        policy: choice.id,
        params: &choice.params,
        seed: 0,
        frames: (policy != "ws").then_some(10),
        quotas: None,
        tau,
        warmup: 0,
        tlb: None,
        accessed: AccessedBitMode::Every,
        bursts: None,
        misses: None,
        swap_slots: None,
        choices: Default::default(),
    };
    vm::run(&job).unwrap()
}

#[test]
fn a_million_forks() {
    let bomb = resolve(fork_bomb(1_000_000, false), &KILL).unwrap();
    assert_eq!((bomb.entries().len(), bomb.objects()), (2_000_002, 2));
    let space = bomb.space.as_ref().unwrap();
    assert_eq!(space.ops.len(), 2_000_000);
    assert_eq!([2, 3].map(|refs| space.mapped.after(refs)), [2, 2_000_002]);
}

#[test]
fn a_hundred_thousand_children_that_come_and_go() {
    const CHILDREN: u32 = 100_000;
    let bomb = resolve(fork_bomb(CHILDREN, true), &KILL).unwrap();
    for (policy, tau) in [("lru", 1), ("ws", 3)] {
        let outcome = replay(&bomb, policy, tau);
        let c = &outcome.counters;
        assert_eq!(c.of(FaultKind::CowCopy), u64::from(CHILDREN), "{policy}");
        assert_eq!(c.freed, u64::from(CHILDREN), "{policy}");
        // Those of the parent; nobody's window closes, as the parent runs no more.
        assert_eq!(outcome.resident_end, 2, "{policy}");
    }
    let bomb = resolve(fork_bomb(CHILDREN, false), &KILL).unwrap();
    assert_eq!(replay(&bomb, "lru", 1).counters.hits, 0);
    assert_eq!(replay(&bomb, "ws", 3).resident_end, 2);
}

/// An event costs what it changes, not what there is: each of these is a scan of 200,000 mappings less.
#[test]
fn a_browser_has_many_mappings() {
    const MAPPINGS: u64 = 200_000;
    let mut events = Vec::new();
    let mut tell = |event| {
        events.push(EventAt {
            position: 0,
            process: 0,
            event,
            line: 0,
        });
    };
    for at in 0..MAPPINGS {
        tell(Event::Map(Box::new(private(at * 8192, 4096))));
    }
    // Shared memory, a file without a name and stacks among them.
    for at in 0..1000 {
        let start = MAPPINGS * 8192 + at * 8192;
        let mapping = Mapping {
            shared: true,
            ..private(start, 4096)
        };
        tell(Event::Map(Box::new(mapping)));
    }
    for at in (0..MAPPINGS).step_by(2) {
        let (start, length) = (at * 8192, 4096);
        let protection = Protection::parse("r--").unwrap();
        match at % 4 {
            0 => tell(Event::Unmap { start, length }),
            _ => tell(Event::Protect {
                start,
                length,
                protection,
            }),
        }
    }
    let mut densifier = Densifier::new();
    densifier.process(0);
    let id = densifier.id(PageKey {
        process: 0,
        number: 2,
    });
    let trace = Trace::new(
        meta(),
        densifier.into_dictionary(),
        vec![pack(id.unwrap(), false)],
        vec![Kind::Read as u8],
        None,
    );
    let resolved = resolve(trace.with_events(events), &KILL).unwrap();
    let left = MAPPINGS - MAPPINGS / 4 + 1000;
    assert_eq!(resolved.untouched_end(), Some(left - 1));
    assert_eq!(resolved.tally.idle_events, 0);
}

/// Children that touch nothing of what they inherit have no entries, and each fork after the first has
/// next to no ops.
#[test]
fn a_fork_costs_what_is_used_of_it() {
    const PAGES: u64 = 300;
    const CHILDREN: u32 = 20_000;
    let mut text = format!("map 0 {} rw-\n", PAGES * 4096);
    (0..PAGES).for_each(|page| text += &format!("W {:x}\n", page * 4096));
    (1..=CHILDREN).for_each(|child| text += &format!("fork {child}\n"));
    text += "W 1000\nswitch 7\nR 2000\nW 3000\nexit\nswitch 0\nW 2000\n";
    let options = Options {
        only_used_entries: true,
        ..KILL
    };
    let lean = resolved(&text, &options);
    let space = lean.space.as_ref().unwrap();
    // Two pages of child 7 are used; each child has one entry more.
    let used = PAGES as usize + 2 + CHILDREN as usize;
    assert_eq!(lean.entries().len(), used);
    assert!(space.ops.len() < PAGES as usize + CHILDREN as usize + 20);
    assert_eq!(space.touched.last(), (u64::from(CHILDREN)) * PAGES);
    // The parent copies two pages, and child 7 one; nobody is alone with any.
    let ops = |is: fn(&Op) -> bool| space.ops.iter().filter(|at| is(&at.op)).count();
    assert_eq!(ops(|op| matches!(op, Op::CowCopy { .. })), 3);
    assert_eq!(ops(|op| matches!(op, Op::Reuse { .. })), 0);
    replay(&lean, "lru", 1).assert_laws();
}

#[test]
fn a_large_mapping_goes_at_once_from_a_working_set() {
    // The pages of a file are in the window of the process that asked for them, and its child maps
    // them too. When the process is rid of them all leave after the next reference.
    const PAGES: u64 = 50_000;
    let length = PAGES * 4096;
    let text = format!(
        "map 0 {length} r-- shared file=1,0,{length}\nadvise 0 {length} willneed\nR 0\nfork 1\n\
         exec\nmap 0 4096 rw-\nW 0\n"
    );
    let resolved = resolved(&text, &SKIP);
    let outcome = replay(&resolved, "ws", 1 << 30);
    assert_eq!(outcome.counters.prefetched, [PAGES, 0]);
    assert_eq!(outcome.counters.expired_clean, PAGES);
    assert_eq!(outcome.resident_end, 1);
}

// ---------------------------------------------------------------------------------------------
// Anything at all.

/// Small numbers and those about which something changes.
fn number() -> impl Strategy<Value = u64> {
    let edges = vec![
        0,
        1,
        4095,
        4096,
        1 << 20,
        STACK_LIMIT,
        USER_END - 4096,
        USER_END,
        USER_END + 1,
        1 << 63,
        u64::MAX - 4096,
        u64::MAX,
    ];
    let near = (prop::sample::select(edges), 0u64..3);
    prop_oneof![
        (0u64..40).prop_map(|page| page * 2048),
        near.prop_map(|(edge, more)| edge.saturating_add(more)),
        any::<u64>(),
    ]
}

fn protection() -> impl Strategy<Value = Protection> {
    any::<[bool; 3]>().prop_map(|[read, write, execute]| Protection {
        read,
        write,
        execute,
    })
}

fn backing() -> impl Strategy<Value = Backing> {
    let file = (0u32..2, number(), number()).prop_map(|(file, offset, length)| Backing::File {
        file,
        offset,
        length,
    });
    prop_oneof![Just(Backing::Anonymous), file]
}

fn mapping() -> impl Strategy<Value = Mapping> {
    let flags = any::<[bool; 3]>();
    (number(), number(), protection(), backing(), flags).prop_map(
        |(start, length, protection, backing, [shared, fixed, grows_down])| Mapping {
            // Two of three lie in user space.
            start: if length % 3 > 0 {
                start % USER_END
            } else {
                start
            },
            length: (length % (USER_END / 2)).max(1),
            protection,
            shared,
            fixed: fixed || length % 2 > 0,
            grows_down,
            swap_backed: false,
            backing,
            page_size: None,
            name: String::new(),
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    let range = || (number(), number());
    prop_oneof![
        3 => mapping().prop_map(|mapping| Event::Map(Box::new(mapping))),
        1 => range().prop_map(|(start, length)| Event::Unmap { start, length }),
        1 => (range(), protection()).prop_map(|((start, length), protection)| Event::Protect {
            start,
            length,
            protection,
        }),
        2 => number().prop_map(|end| Event::Brk { end: end % (USER_END + 9) }),
        2 => (range(), any::<bool>()).prop_map(|((start, length), needed)| Event::Advise {
            start,
            length,
            advice: if needed { Advice::WillNeed } else { Advice::DontNeed },
        }),
        2 => (range(), range(), any::<[bool; 2]>()).prop_map(|(old, new, [fixed, keep])| {
            // Half of them in place, or to where something may be.
            let (old_start, new_start) = (old.0 & !4095, new.0 & !4095);
            let new_start = if new.1 % 3 == 0 { old_start } else { new_start };
            let length = |number: u64| number % (USER_END / 2) + 1;
            Event::Move(Box::new(Move {
                old_start: old_start % USER_END,
                old_length: length(old.1),
                new_start: new_start % USER_END,
                new_length: length(if keep { old.1 } else { new.1 }),
                fixed,
                keep,
            }))
        }),
        1 => (0u32..3, number()).prop_map(|(file, bytes)| Event::Length { file, bytes }),
        1 => (0u32..4).prop_map(|child| Event::Fork { child }),
        1 => (0u32..4).prop_map(|child| Event::Vfork { child }),
        1 => Just(Event::Exec),
    ]
}

/// A reference of a process to an address, or an event.
fn item() -> impl Strategy<Value = (u32, Result<(u64, u8), Event>)> {
    let what = prop_oneof![(number(), 0u8..3).prop_map(Ok), event().prop_map(Err),];
    (0u32..3, what)
}

proptest! {
    #![proptest_config(Config {
        cases: 400,
        rng_seed: RngSeed::Fixed(1970),
        failure_persistence: None,
        ..Config::default()
    })]

    /// Whatever the numbers, a trace has a meaning or an error; and what has a meaning replays.
    #[test]
    fn no_number_is_too_large(
        items in vec(item(), 1..40),
        shift in prop::sample::select(vec![6u8, 12, 13, 21, 30]),
        limit in prop::option::of(number()),
    ) {
        let mut densifier = Densifier::new();
        (0..4).for_each(|pid| { densifier.process(pid); });
        let (mut refs, mut kinds, mut events) = (Vec::new(), Vec::new(), Vec::new());
        for (process, what) in items {
            match what {
                Ok((address, kind)) => {
                    let number = address >> shift;
                    let id = densifier.id(PageKey { process, number }).unwrap();
                    refs.push(pack(id, kind == Kind::Write as u8));
                    kinds.push(kind);
                }
                Err(event) => {
                    let position = refs.len() as u64;
                    events.push(EventAt { position, process, event, line: 0 });
                }
            }
        }
        let page_size = PageSize::from_shift(shift).unwrap();
        let meta = Meta { page_size, ..meta() };
        let trace = Trace::new(meta, densifier.into_dictionary(), refs, kinds, None);
        let options = Options { commit_limit: limit, ..SKIP };
        if let Ok(resolved) = resolve(trace.with_events(events), &options) {
            for policy in ["lru", "ws", "opt"] {
                replay(&resolved, policy, 3).assert_laws();
            }
        }
    }
}
