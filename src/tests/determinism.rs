//! The same plan gives the same bytes: whatever the number of threads, the order of the cells and
//! the order of the traces; and a cell that fails leaves the others as they are.

use crate::support::random::{Random, Shape, refs_of};
use crate::support::{POLICIES, Setting, expected_facts, facts, named_trace, oracle_of};
use pagebench::internals::report::results::cells_jsonl;
use pagebench::internals::report::results::cells_jsonl::Record;
use pagebench::internals::report::results::{results_csv, row_of_cell};
use pagebench::internals::space::{Resolved, resolve};
use pagebench::internals::sweep;
use pagebench::internals::sweep::{Axes, Cell, CellResult, Engine, Plan, Settings, Warmup};
use pagebench::internals::trace::model::dense::Trace;
use pagebench::internals::vm::hardware::cost::CostTable;
use pagebench::internals::vm::tlb::Geometry;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

fn resolved(trace: Trace) -> Resolved {
    resolve(trace, &Default::default()).expect("a trace without events")
}

fn traces() -> [Resolved; 2] {
    [
        resolved(named_trace("phases", &refs_of(Shape::Phases, 6_000, 50, 1))),
        resolved(named_trace("skewed", &refs_of(Shape::Skewed, 4_000, 70, 2))),
    ]
}

fn axes() -> Axes {
    Axes {
        models: Vec::new(),
        policies: POLICIES
            .iter()
            .map(|policy| policy.parse().expect("a policy of the table"))
            .collect(),
        frames: "1,3,10%,auto".parse().expect("a ladder"),
        tau: "1,50,auto".parse().expect("a ladder"),
        seeds: vec![1],
    }
}

fn settings() -> Settings {
    Settings {
        segments: Default::default(),
        swap_bytes: None,
        warmup: Warmup::Percent(5.0),
        tlb: Some(Geometry::default().into()),
        filter: String::new(),
        space: Default::default(),
        allocation: Default::default(),
        engine: Engine::Auto,
        accessed: Default::default(),
        choices: Default::default(),
        curves: None,
    }
}

fn plan(traces: &[Resolved; 2]) -> Plan<'_> {
    Plan::new(&[&traces[0], &traces[1]], &axes(), settings()).expect("a plan")
}

fn run(plan: &Plan<'_>, threads: usize) -> Vec<Option<CellResult>> {
    sweep::run(plan, threads, &AtomicBool::new(false), &|_, _| {})
}

/// `results.csv` and `distributions.csv`.
fn tables(plan: &Plan<'_>, results: &[Option<CellResult>]) -> [String; 2] {
    let costs = CostTable::default();
    let all = plan.cells.iter().zip(results);
    let records: Vec<Record> = all
        .filter_map(|(cell, result)| {
            Some(Record::of(
                plan,
                cell,
                result.as_ref()?,
                &costs,
                Default::default(),
            ))
        })
        .collect();
    let rows = row_of_cell::rows(plan, results, &costs);
    assert!(cells_jsonl::rows(&records) == rows, "records have the rows");
    [
        results_csv::to_csv(&rows),
        cells_jsonl::distributions(&records),
    ]
    .map(|bytes| String::from_utf8(bytes).expect("text"))
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let traces = traces();
    let plan = plan(&traces);
    let one = tables(&plan, &run(&plan, 1));
    assert_eq!(one[0].lines().count(), 1 + plan.cells.len());
    assert_eq!(one[1].lines().count(), 1 + 2 * plan.cells.len());
    for threads in [2, 8, 2, 8] {
        assert_eq!(
            tables(&plan, &run(&plan, threads)),
            one,
            "{threads} threads"
        );
    }
}

#[test]
fn the_order_of_cells_does_not_matter() {
    let traces = traces();
    let mut plan = plan(&traces);
    let expected = tables(&plan, &run(&plan, 1));
    let mut random = Random::new(3);
    for threads in [1, 3] {
        random.shuffle(&mut plan.cells);
        assert_eq!(tables(&plan, &run(&plan, threads)), expected);
    }
}

#[test]
fn the_order_of_traces_and_policies_does_not_matter() {
    let traces = traces();
    let expected = plan(&traces);
    let mut axes = axes();
    axes.policies.reverse();
    axes.policies.push(axes.policies[0].clone());
    let other = Plan::new(&[&traces[1], &traces[0]], &axes, settings()).expect("a plan");
    assert_eq!(other.cells, expected.cells);
    assert_eq!(other.facts, expected.facts);
}

/// Each cell holds the counts of its own policy, trace and memory.
#[test]
fn every_cell_is_the_oracles() {
    let refs = [
        refs_of(Shape::Phases, 700, 20, 4),
        refs_of(Shape::Uniform, 500, 12, 5),
    ];
    let traces = [named_trace("a", &refs[0]), named_trace("b", &refs[1])].map(resolved);
    let plan = plan(&traces);
    for (cell, result) in plan.cells.iter().zip(run(&plan, 2)) {
        let outcome = result.expect("replayed").outcome.expect("no failure");
        let setting = Setting {
            swap_slots: None,
            policy: cell.choice.clone(),
            frames: cell.frames.unwrap_or(1) as usize,
            tau: cell.tau.unwrap_or(1),
            warmup: plan.facts[cell.trace].warmup_refs,
            tlb: None,
        };
        let refs = &refs[cell.trace];
        let oracle = oracle_of(refs, &setting).expect("a policy with an oracle");
        let expected = expected_facts(&oracle, refs.len(), setting.warmup as usize);
        assert_eq!(facts(&outcome), expected, "{cell:?}");
    }
}

#[test]
fn what_is_written_is_read() {
    let traces = traces();
    let plan = plan(&traces);
    let rows = row_of_cell::rows(&plan, &run(&plan, 2), &CostTable::default());
    let text = results_csv::to_csv(&rows);
    let read = results_csv::parse_rows(Path::new("results.csv"), &text).expect("our own table");
    assert_eq!(results_csv::to_csv(&read), text);
}

/// A cell without frames breaks a law of the machine and stops there. No plan of the program's own
/// has one.
#[test]
fn a_cell_that_fails_fails_alone() {
    let traces = traces();
    let mut plan = plan(&traces);
    let whole = tables(&plan, &run(&plan, 2))[0].clone();
    let broken = plan
        .cells
        .iter()
        .position(|cell| cell.choice.spec().name == "fifo" && cell.frames == Some(3))
        .expect("fifo with 3 frames");
    plan.cells[broken].frames = Some(0);
    let results = run(&plan, 2);
    for (index, result) in results.iter().enumerate() {
        let outcome = &result.as_ref().expect("replayed").outcome;
        assert_eq!(outcome.is_err(), index == broken);
    }
    let table = tables(&plan, &results)[0].clone();
    let (failed, good): (Vec<&str>, Vec<&str>) = table
        .lines()
        .partition(|line| line.contains("internal error"));
    assert_eq!(failed.len(), 1);
    let lost: Vec<&str> = whole.lines().filter(|line| !good.contains(line)).collect();
    assert_eq!(lost.len(), 1, "every other row is as it was");
    assert!(lost[0].contains(",fifo,"));
    let before: Vec<&str> = whole.lines().filter(|line| *line != lost[0]).collect();
    assert_eq!(good, before);
}

#[test]
fn every_cell_is_reported_once_and_a_stop_begins_no_other() {
    let traces = traces();
    let plan = plan(&traces);
    let seen: Mutex<Vec<Cell>> = Mutex::default();
    let go = AtomicBool::new(false);
    sweep::run(&plan, 4, &go, &|cell, result| {
        let cell = &plan.cells[cell];
        let refs = plan.traces[cell.trace].trace.len();
        assert_eq!(result.replayed(refs), refs as u64);
        seen.lock().expect("no holder panics").push(cell.clone());
    });
    let seen = seen.into_inner().expect("no holder panics");
    assert_eq!(seen.len(), plan.cells.len());
    assert!(plan.cells.iter().all(|cell| seen.contains(cell)));

    let stop = AtomicBool::new(false);
    let results = sweep::run(&plan, 1, &stop, &|_, _| stop.store(true, Ordering::Relaxed));
    assert_eq!(results.iter().flatten().count(), 1);
    let rows = row_of_cell::rows(&plan, &results, &CostTable::default());
    assert_eq!(rows.len(), 1, "what was not begun has no row");
}
