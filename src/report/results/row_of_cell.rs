//! From an outcome to a result row. Every field of a row is filled here and nowhere else.

use super::columns::{ERROR, Row, SCHEMA, SWAP_FULL};
use super::row_of_model::{of_model, with_frames};
use super::row_up_to::{ended, ratio};
use crate::policy;
use crate::sweep::{Cell, CellResult, Identity, POLICY, Part, Plan};
use crate::vm::hardware::cost::{CostTable, total_ns};
use crate::vm::{FaultKind, Outcome, TlbCounters};
use std::collections::HashMap;

/// Returns the rows of the cells that were replayed or failed, in the stable order. Cells that were never
/// begun have no row.
pub fn rows(plan: &Plan<'_>, results: &[Option<CellResult>], costs: &CostTable) -> Vec<Row> {
    let mut rows: Vec<Row> = plan
        .cells
        .iter()
        .zip(results)
        .filter_map(|(cell, result)| {
            result
                .as_ref()
                .map(|result| row(plan, cell, &result.outcome, costs))
        })
        .collect();
    complete(&mut rows);
    rows
}

/// Sorts rows into the stable order and fills in the columns that are computed from other rows.
pub fn complete(rows: &mut [Row]) {
    compare_with_opt(rows);
    rows.sort_by_cached_key(Row::identity);
}

/// Returns the row of a cell without counts: what names the cell and describes its trace.
pub fn key_of(plan: &Plan<'_>, cell: &Cell) -> Row {
    let facts = &plan.facts[cell.trace];
    let [ifetches, reads, writes] = facts.by_kind;
    Row {
        schema: SCHEMA,
        trace_kind: facts.kind.name().to_owned(),
        frames_frac: cell
            .frames
            .and_then(|frames| ratio(u64::from(frames), facts.distinct)),
        refs: ifetches + reads + writes,
        reads,
        writes,
        ifetches,
        processes: facts.processes,
        distinct_pages: facts.distinct,
        segfaults: facts.segfaults,
        protection_faults: facts.protection_faults,
        bus_errors: facts.bus_errors,
        refs_dropped: facts.dropped,
        untouched_end: facts.untouched_end,
        ..Row::of_cell(plan.identity(cell))
    }
}

/// Returns the row of a cell. Columns that are computed from other rows are still absent.
pub fn row(
    plan: &Plan<'_>,
    cell: &Cell,
    outcome: &Result<Outcome, String>,
    costs: &CostTable,
) -> Row {
    let key = key_of(plan, cell);
    match outcome {
        Ok(outcome) => {
            if let Some(model) = &outcome.model {
                return of_model(key, plan, cell, (outcome, model), costs);
            }
            let levels = plan.tlb_of(cell).map_or(0, |geometry| geometry.levels);
            let key = match &outcome.swap_full {
                Some(full) => match ended(key.clone(), plan.traces[cell.trace], full.end()) {
                    Ok(key) => key,
                    Err(error) => return failed(key, &error.to_string()),
                },
                None => key,
            };
            let row = filled(key, outcome, costs, levels);
            match cell.model {
                Some(_) => with_frames(row, plan, cell, outcome),
                None => row,
            }
        }
        Err(error) => failed(key, error),
    }
}

fn failed(key: Row, error: &str) -> Row {
    Row {
        status: ERROR.into(),
        error: error.replace(['\n', '\r'], " "),
        ..key
    }
}

fn filled(mut key: Row, outcome: &Outcome, costs: &CostTable, levels: u32) -> Row {
    key.status = "ok".into();
    if let Some(full) = outcome.swap_full {
        [key.ifetches, key.reads, key.writes] = full.by_kind;
        key.refs = full.by_kind.iter().sum();
        key.status = SWAP_FULL.into();
        key.error = format!("no swap slot left after {} references", full.after);
    }
    let c = &outcome.counters;
    let faults = c.faults();
    let time_ns = total_ns(outcome, costs);
    assert_eq!(
        key.refs, c.refs,
        "references by kind add up to the references replayed"
    );
    let row = Row {
        hits: c.hits,
        faults,
        fills: c.of(FaultKind::Fill),
        refills: c.of(FaultKind::Refill),
        maps: c.of(FaultKind::Map),
        cow_copies: c.of(FaultKind::CowCopy),
        cow_reuses: c.of(FaultKind::CowReuse),
        minor_faults: faults - c.major(),
        major_faults: c.major(),
        fault_rate: ratio(faults, c.refs),
        hit_rate: ratio(c.hits, c.refs),
        refs_per_fault: ratio(c.refs, faults),
        mean_resident: (c.refs > 0).then(|| outcome.resident_sum as f64 / c.refs as f64),
        peak_resident: outcome.resident_peak,
        resident_end: outcome.resident_end,
        evictions: c.evictions(),
        evictions_clean: c.evictions_clean,
        evictions_dirty: c.evictions_dirty,
        expired: c.expired(),
        expired_dirty: c.expired_dirty,
        freed: c.freed,
        freed_dirty: c.freed_dirty,
        write_backs: c.write_backs(),
        prefetched: c.prefetched.iter().sum(),
        populated: c.populated.iter().sum(),
        originals: c.originals.iter().sum(),
        io_hits: c.io_hits,
        io_loads: c.io_loads.iter().sum(),
        dirty_end: outcome.dirty_end,
        swapped_end: outcome.swapped_end,
        dropped_end: outcome.dropped_end,
        swap_slots: outcome.swap_slots,
        swap_slots_peak: outcome.swap_slots_peak,
        swap_reads: c.swap_reads,
        file_reads: c.file_reads,
        time_ns: Some(time_ns),
        eat_ns: ratio(time_ns, c.refs),
        ..key
    };
    match outcome.tlb {
        Some(tlb) => translated(row, &tlb, levels),
        None => row,
    }
}

fn translated(row: Row, tlb: &TlbCounters, levels: u32) -> Row {
    let by_level = tlb.walk_refs_by_level(levels).into_iter();
    Row {
        tlb_hits_l1i: Some(tlb.l1i_hits),
        tlb_hits_l1d: Some(tlb.l1d_hits),
        tlb_hits_l2: Some(tlb.l2_hits),
        tlb_misses: Some(tlb.misses),
        tlb_hit_rate: ratio(tlb.hits(), row.refs),
        walk_refs: Some(tlb.walk_refs),
        walk_refs_leaf: Some(tlb.misses),
        walk_refs_upper: Some(tlb.walk_refs - tlb.misses),
        walk_refs_by_level: by_level
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join("/"),
        shootdowns: Some(tlb.shootdowns),
        tlb_flushes: Some(tlb.flushes),
        ..row
    }
}

/// Fills in the comparison of each row with OPT at the same memory, if OPT was among the cells.
fn compare_with_opt(rows: &mut [Row]) {
    // Files of one content have one optimum, whatever they are called.
    let memory = |row: &Row| {
        let cell = row.identity().without(&POLICY);
        cell.without(&[Part::Trace, Part::Tau])
    };
    let opt: HashMap<Identity, u64> = rows
        .iter()
        .filter(|row| row.policy == policy::OPTIMUM && row.is_ok() && row.fit.is_empty())
        .map(|row| (memory(row), row.faults))
        .collect();
    for row in rows
        .iter_mut()
        .filter(|row| row.is_ok() && row.frames.is_some() && row.fit.is_empty())
    {
        row.opt_faults = opt.get(&memory(row)).copied();
        row.ratio_to_opt = row.opt_faults.and_then(|opt| ratio(row.faults, opt));
    }
}
