//! From outcomes to rows: every field of a result row is filled here and nowhere else.

use super::columns::{ERROR, Row, SCHEMA, SWAP_FULL};
use crate::space::{End, Origin, Resolved, UpTo};
use crate::sweep::{Cell, CellResult, Plan};
use crate::trace::TraceError;
use crate::vm::cost::{CostTable, total_ns};
use crate::vm::{FaultKind, Outcome, TlbCounters};
use std::collections::HashMap;

/// The rows of the cells that were replayed, or failed, in the stable order. Cells that were
/// never begun have none.
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

/// Brings rows into the stable order and fills in what a row has from others.
pub fn complete(rows: &mut [Row]) {
    compare_with_opt(rows);
    rows.sort_by_cached_key(Row::sort_key);
}

/// The fields that say which cell a row is about; no counts.
pub fn key_of(plan: &Plan<'_>, cell: &Cell) -> Row {
    let facts = &plan.facts[cell.trace];
    let [ifetches, reads, writes] = facts.by_kind;
    Row {
        schema: SCHEMA,
        trace: facts.name.clone(),
        trace_digest: facts.digest.clone(),
        trace_kind: facts.kind.name().to_owned(),
        filter: facts.filter.clone(),
        mappings: facts.origin.name().to_owned(),
        on_segfault: match facts.origin {
            Origin::Permissive => "",
            _ => plan.settings.space.on_segfault.name(),
        }
        .to_owned(),
        page_size: facts.page_size.bytes(),
        policy: cell.choice.spec().name.to_owned(),
        params: cell.choice.params(),
        seed: cell.seed,
        tau: cell.tau,
        frames: cell.frames.map(u64::from),
        frames_frac: cell
            .frames
            .and_then(|frames| ratio(u64::from(frames), facts.distinct)),
        allocation: plan.settings.allocation.name().to_owned(),
        accessed_bit: plan.settings.accessed.name().to_owned(),
        swap_limit: plan.swap_slots(cell),
        commit_limit: plan.settings.space.commit_limit,
        warmup_refs: facts.warmup_refs,
        refs: ifetches + reads + writes,
        reads,
        writes,
        ifetches,
        processes: facts.processes,
        distinct_pages: facts.distinct,
        segfaults: facts.segfaults,
        protection_faults: facts.protection_faults,
        refs_dropped: facts.dropped,
        untouched_end: facts.untouched_end,
        ..Row::default()
    }
}

/// The row of a cell by itself: what it has from other rows is still absent.
pub fn row(
    plan: &Plan<'_>,
    cell: &Cell,
    outcome: &Result<Outcome, String>,
    costs: &CostTable,
) -> Row {
    let key = key_of(plan, cell);
    match outcome {
        Ok(outcome) => {
            let levels = plan.tlb_of(cell).map_or(0, |geometry| geometry.levels);
            let Some(full) = &outcome.swap_full else {
                return filled(key, outcome, costs, levels);
            };
            match ended(&key, plan.traces[cell.trace], full.end()) {
                Ok(key) => filled(key, outcome, costs, levels),
                Err(error) => failed(key, &error.to_string()),
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

/// The fields that say which cell a row is about, with the facts of its trace up to the end of a
/// replay that full swap ended.
///
/// # Errors
/// The file of a trace that stays there cannot be read.
pub fn ended(key: &Row, resolved: &Resolved, end: End) -> Result<Row, TraceError> {
    let UpTo {
        processes,
        distinct,
        segfaults,
        protection_faults,
        dropped,
        untouched,
    } = resolved.up_to(end)?;
    Ok(Row {
        frames_frac: key.frames.and_then(|frames| ratio(frames, distinct)),
        warmup_refs: key.warmup_refs.min(end.legal),
        processes,
        distinct_pages: distinct,
        segfaults,
        protection_faults,
        refs_dropped: dropped,
        untouched_end: untouched,
        status: SWAP_FULL.into(),
        ..key.clone()
    })
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

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Sets each row beside OPT with the same memory, where OPT was among the cells.
fn compare_with_opt(rows: &mut [Row]) {
    let place = |row: &Row| {
        (
            row.trace_digest.clone(),
            row.page_size,
            row.warmup_refs,
            row.frames,
        )
    };
    let opt: HashMap<_, u64> = rows
        .iter()
        .filter(|row| row.policy == "opt" && row.is_ok())
        .map(|row| (place(row), row.faults))
        .collect();
    for row in rows
        .iter_mut()
        .filter(|row| row.is_ok() && row.frames.is_some())
    {
        row.opt_faults = opt.get(&place(row)).copied();
        row.ratio_to_opt = row.opt_faults.and_then(|opt| ratio(row.faults, opt));
    }
}
