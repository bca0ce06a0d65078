//! The machine drawn step by step. Each row is a reference and the frames after it; the page in
//! a frame is its number, `.` an empty frame, `!` marks a fault.

use super::snapshot::PageState;
use super::*;
use crate::policy::{Future, PolicyType, Setup, Visitor, dispatch};
use crate::trace::model::access::{Addressing, TraceKind};
use crate::trace::model::refs::{Dictionary, Meta, PageKey, pack};
use crate::units::PageSize;
use crate::vm::core::counters::SwapFull;
use crate::vm::core::distribution::FaultKind;
use crate::vm::machine::page_tables::Flat;

/// A trace of one process; a page number followed by `w` is a write.
fn trace(text: &str) -> Trace {
    let mut dictionary = Dictionary {
        pids: vec![0],
        pages: Vec::new(),
    };
    let (mut refs, mut kinds) = (Vec::new(), Vec::new());
    for word in text.split_whitespace() {
        let (number, write) = word.strip_suffix('w').map_or((word, false), |n| (n, true));
        let key = PageKey {
            process: 0,
            number: number.parse().unwrap(),
        };
        let id = dictionary
            .pages
            .iter()
            .position(|&k| k == key)
            .unwrap_or_else(|| {
                dictionary.pages.push(key);
                dictionary.pages.len() - 1
            });
        refs.push(pack(id as u32, write));
        kinds.push(if write { 2 } else { 1 });
    }
    let meta = Meta {
        name: "drawn".into(),
        format: "plain".into(),
        kind: TraceKind::Synthetic,
        addressing: Addressing::Ids,
        page_size: PageSize::DEFAULT,
        skipped: 0,
    };
    Trace::new(meta, dictionary, refs, kinds, None)
}

struct Draw<'t> {
    trace: &'t Trace,
    frames: u32,
    tau: u64,
}

impl<'t> Visitor<'t> for Draw<'t> {
    type Output = Vec<String>;
    fn visit<P: PolicyType<'t>>(self) -> Vec<String> {
        let pages = &self.trace.dictionary.pages[..];
        let choice: PolicyChoice = P::SPEC.name.parse().unwrap();
        let policy = choice.id;
        let params: &'t Params = Box::leak(Box::new(choice.params));
        let future = Future {
            refs: self.trace.refs(),
            entries: self.trace.refs(),
            next_use: self.trace.next_use().unwrap(),
            after_op: &[],
            left_out: &[],
        };
        let setup = Setup {
            policy,
            frames: self.frames,
            capacity: self.frames,
            entries: pages,
            pages: pages.len(),
            shares: false,
            quotas: None,
            bursts: false,
            processes: 1,
            tau: self.tau,
            params,
            seed: 0,
            future,
        };
        let mut machine = Machine {
            policy: P::new(&setup),
            paging: Paging {
                core: Core::new(&P::SPEC, &setup, None, None, Default::default(), None),
                memory: Flat::new(pages.len()),
                tlb: (),
            },
        };
        let mut rows = Vec::new();
        for (time, (&reference, &kind)) in
            self.trace.refs().iter().zip(self.trace.kinds()).enumerate()
        {
            let hit = machine.access(reference, kind, time as u64) == Ok(true);
            let mut row: Vec<String> = vec![".".into(); self.frames as usize];
            for (page, key) in pages.iter().enumerate() {
                if let PageState::Resident(frame) = machine
                    .paging
                    .core
                    .page_state(page as u32, machine.paging.memory.state(page as u32))
                {
                    row[frame as usize] = key.number.to_string();
                }
            }
            rows.push(format!("{}{}", row.join(" "), if hit { "" } else { " !" }));
        }
        rows
    }
}

fn draw(policy: &str, frames: u32, tau: u64, references: &str) -> Vec<String> {
    let choice: PolicyChoice = policy.parse().unwrap();
    let trace = trace(references);
    dispatch(
        choice.id,
        Draw {
            trace: &trace,
            frames,
            tau,
        },
    )
}

#[test]
fn fifo_drawn() {
    // Belady 1969, three frames: 9 faults.
    assert_eq!(
        draw("fifo", 3, 0, "1 2 3 4 1 2 5 1 2 3 4 5"),
        [
            "1 . . !", "1 2 . !", "1 2 3 !", "4 2 3 !", "4 1 3 !", "4 1 2 !", "5 1 2 !", "5 1 2",
            "5 1 2", "5 3 2 !", "5 3 4 !", "5 3 4"
        ]
    );
}

#[test]
fn lru_drawn() {
    // Stallings, three frames: 7 = 4 + 3 faults.
    assert_eq!(
        draw("lru", 3, 0, "2 3 2 1 5 2 4 5 3 2 5 2"),
        [
            "2 . . !", "2 3 . !", "2 3 .", "2 3 1 !", "2 5 1 !", "2 5 1", "2 5 4 !", "2 5 4",
            "3 5 4 !", "3 5 2 !", "3 5 2", "3 5 2"
        ]
    );
}

#[test]
fn clock_drawn() {
    // Stallings, Operating Systems, the Clock figure: 8 = 5 + 3 faults.
    assert_eq!(
        draw("clock", 3, 0, "2 3 2 1 5 2 4 5 3 2 5 2"),
        [
            "2 . . !", "2 3 . !", "2 3 .", "2 3 1 !", "5 3 1 !", "5 2 1 !", "5 2 4 !", "5 2 4",
            "3 2 4 !", "3 2 4", "3 2 5 !", "3 2 5"
        ]
    );
}

#[test]
fn opt_drawn() {
    // Stallings, three frames: 6 = 3 + 3 faults. When 2 comes back neither 3 nor 4 is needed
    // again; 3 was referenced first and goes.
    assert_eq!(
        draw("opt", 3, 0, "2 3 2 1 5 2 4 5 3 2 5 2"),
        [
            "2 . . !", "2 3 . !", "2 3 .", "2 3 1 !", "2 3 5 !", "2 3 5", "4 3 5 !", "4 3 5",
            "4 3 5", "4 2 5 !", "4 2 5", "4 2 5"
        ]
    );
}

#[test]
fn working_set_drawn() {
    // tau = 3: 2 leaves after the fifth reference, 1 after the seventh.
    assert_eq!(
        draw("ws", 4, 3, "1 2 1 1 1 3 4 2"),
        [
            "1 . . . !",
            "1 2 . . !",
            "1 2 . .",
            "1 2 . .",
            "1 . . .",
            "1 3 . . !",
            "1 3 4 . !",
            ". 3 4 2 !"
        ]
    );
}

#[test]
fn a_page_is_written_once_per_dirtying_and_keeps_its_slot() {
    // One frame: 1 is written, leaves dirty, comes back, leaves clean (its slot is valid), comes
    // back, is written, leaves dirty to the same slot.
    let trace = trace("1w 2 1 2 1w 2");
    let choice: PolicyChoice = "lru".parse().unwrap();
    let job = Job {
        frames: Some(1),
        ..Job::new(&trace, &choice)
    };
    let outcome = run(&job).unwrap();
    let c = outcome.counters;
    assert_eq!(c.faults[FaultKind::Fill as usize], [[1, 1], [0, 0]]);
    assert_eq!(c.faults[FaultKind::Refill as usize], [[0, 0], [3, 1]]);
    assert_eq!((c.evictions_clean, c.evictions_dirty), (3, 2));
    assert_eq!((outcome.swap_slots, c.swap_reads), (1, 2));
    assert_eq!((outcome.dirty_end, outcome.resident_end), (0, 1));

    // Without swap the first dirty page that must leave ends the replay before it is counted.
    let none = run(&Job {
        swap_slots: Some(0),
        ..job
    })
    .unwrap();
    assert_eq!(
        none.swap_full,
        Some(SwapFull {
            after: 1,
            ops: Some(0),
            by_kind: [0, 0, 1]
        })
    );
    assert_eq!(
        (none.counters.refs, none.counters.faults(), none.dirty_end),
        (1, 1, 1)
    );

    let warm = run(&Job { warmup: 2, ..job }).unwrap();
    assert_eq!(
        (
            warm.counters.refs,
            warm.counters.of(FaultKind::Fill),
            warm.resident_start
        ),
        (4, 0, 1)
    );
    assert_eq!(warm.resident_sum, 4);
}

/// Frames of each process are looked up by page tables; without them they would be ignored.
#[test]
#[should_panic(expected = "this job needs page tables")]
fn a_replay_with_quotas_needs_page_tables() {
    let trace = trace("1 2");
    let choice: PolicyChoice = "lru".parse().unwrap();
    let job = Job {
        frames: Some(1),
        quotas: Some(&[1]),
        ..Job::new(&trace, &choice)
    };
    _ = begin(&job, None);
}
