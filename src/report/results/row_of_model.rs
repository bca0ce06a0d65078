//! The columns of models of memory: for cells without frames, all that they count; for cells with frames,
//! what makes them comparable. Filled only where a run asked for models.

use super::columns::{COLUMNS, DOES_NOT_FIT, OF_MODELS, Row, SWAP_FULL, col};
use super::row_up_to::{ended, ratio};
use crate::space::{End, Origin, Resolved};
use crate::sweep::{Cell, Plan};
use crate::units::show_bytes;
use crate::vm::hardware::cost::{CostTable, total_ns};
use crate::vm::models::choices::Model;
use crate::vm::models::counts::{Ending, ModelOutcome, ONE, SegmentOutcome};
use crate::vm::{FaultKind, Outcome};

/// The columns of faults and time, which cells without frames have, too.
const GENERAL: [&super::columns::Column; 13] = [
    col::hits,
    col::faults,
    col::fills,
    col::refills,
    col::maps,
    col::cow_copies,
    col::cow_reuses,
    col::minor_faults,
    col::major_faults,
    col::fault_rate,
    col::hit_rate,
    col::time_ns,
    col::eat_ns,
];

/// Returns the row of a cell without frames. Columns about frames and pages are left empty.
pub(super) fn of_model(
    key: Row,
    plan: &Plan<'_>,
    cell: &Cell,
    (outcome, model): (&Outcome, &ModelOutcome),
    costs: &CostTable,
) -> Row {
    let mut row = match model.ended() {
        Some((ending, after)) => cut_short(key, plan, cell, model, (ending, after)),
        None => Row {
            status: "ok".into(),
            ..key
        },
    };
    let kept = |index: usize| {
        let mut all = GENERAL.iter().chain(&OF_MODELS);
        all.any(|column| column.index == index) || index == col::refs_per_fault.index
    };
    for column in COLUMNS.iter().filter(|column| column.facts.counted) {
        if !kept(column.index) {
            row.counts.remove(column.index);
        }
    }
    let c = &outcome.counters;
    let time_ns = total_ns(outcome, costs);
    let row = Row {
        hits: c.hits,
        faults: c.faults(),
        fills: c.of(FaultKind::Fill),
        refills: c.of(FaultKind::Refill),
        cow_copies: c.of(FaultKind::CowCopy),
        minor_faults: c.faults() - c.major(),
        major_faults: c.major(),
        fault_rate: ratio(c.faults(), c.refs),
        hit_rate: ratio(c.hits, c.refs),
        refs_per_fault: ratio(c.refs, c.faults()),
        time_ns: Some(time_ns),
        eat_ns: ratio(time_ns, c.refs),
        table_bytes_peak: plan.table_bytes(cell),
        table_refs: Some(0),
        ..row
    };
    match model {
        ModelOutcome::Places(places) => Row {
            clobbers: Some(places.clobbers),
            foreign_reads: Some(places.foreign_reads),
            ..row
        },
        ModelOutcome::Segments(outcome) => of_segments(row, outcome),
    }
}

fn of_segments(row: Row, outcome: &SegmentOutcome) -> Row {
    let counts = &outcome.counts;
    let mean = |sum: u128| (outcome.refs > 0).then(|| sum as f64 / outcome.refs as f64);
    let share = |fixed: f64| fixed / ONE as f64;
    Row {
        swap_ins: Some(counts.swap_ins),
        swap_outs: Some(counts.swap_outs),
        swap_bytes_in: Some(counts.swap_bytes_in),
        swap_bytes_out: Some(counts.swap_bytes_out),
        file_bytes_in: Some(counts.file_bytes_in),
        compactions: Some(counts.compactions),
        bytes_moved: Some(counts.bytes_moved),
        bytes_grown: Some(counts.bytes_grown),
        bytes_copied: Some(counts.bytes_copied),
        unfit: Some(counts.unfit),
        fragmentation: mean(counts.fragmentation_sum).map(share),
        fragmentation_worst: Some(share(counts.fragmentation_worst as f64)),
        mean_resident_bytes: mean(counts.resident_sum),
        mean_untouched_bytes: mean(counts.untouched_sum),
        mean_idle_bytes: counts.idle_sum.and_then(mean),
        ..row
    }
}

/// Returns the row of a cell that ended before its last reference.
fn cut_short(
    key: Row,
    plan: &Plan<'_>,
    cell: &Cell,
    model: &ModelOutcome,
    (ending, after): (Ending, u64),
) -> Row {
    let resolved = plan.traces[cell.trace];
    let end = End {
        legal: after,
        ops: None,
    };
    let mut row = match ended(key.clone(), resolved, end) {
        Ok(row) => row,
        Err(_) => key,
    };
    [row.ifetches, row.reads, row.writes] = model.by_kind();
    row.refs = model.refs();
    let memory = cell.frames.map_or(0, u64::from) * row.page_size;
    let status = match ending {
        Ending::SwapFull => SWAP_FULL,
        Ending::DoesNotFit { .. } | Ending::Beyond { .. } => DOES_NOT_FIT,
    };
    row.status = status.into();
    row.error = ending_words(resolved, cell.model(), memory, ending, after);
    row
}

/// Returns why a replay of `model` in `memory` bytes ended after `after` legal references.
pub fn ending_words(
    resolved: &Resolved,
    model: Model,
    memory: u64,
    ending: Ending,
    after: u64,
) -> String {
    let pid = |process: u32| resolved.trace.dictionary.pid(process);
    match ending {
        Ending::SwapFull => format!("no room on swap after {after} references"),
        Ending::DoesNotFit { bytes, process } => {
            let other = match model {
                Model::BaseLimit => {
                    "; one segment spans all that is mapped: --model segmentation takes the parts alone"
                }
                _ => "",
            };
            format!(
                "process {} needs {} of memory, of which there are {}, after {after} references{other}",
                pid(process),
                show_bytes(bytes),
                show_bytes(memory)
            )
        }
        Ending::Beyond { place, process } => format!(
            "process {} uses the address {}, beyond {} of memory, after {after} references",
            pid(process),
            resolved.trace.meta.page_text(place),
            show_bytes(memory)
        ),
    }
}

/// Returns the row of a cell with frames, with the columns of models.
pub(super) fn with_frames(row: Row, plan: &Plan<'_>, cell: &Cell, outcome: &Outcome) -> Row {
    let (c, page) = (&outcome.counters, row.page_size);
    // Without mappings a page that comes back is read from where it came from, which no file is.
    let back = match plan.facts[cell.trace].origin {
        Origin::Permissive => c.faults[FaultKind::Refill as usize][1].iter().sum(),
        Origin::Recorded | Origin::Inferred => c.swap_reads,
    };
    let mean = |sum: u128| (c.refs > 0).then(|| sum as f64 * page as f64 / c.refs as f64);
    Row {
        swap_ins: Some(c.of(FaultKind::Refill)),
        swap_outs: Some(c.evictions() + c.expired()),
        swap_bytes_in: Some(back * page),
        swap_bytes_out: Some(c.write_backs() * page),
        file_bytes_in: Some(c.file_reads * page),
        compactions: Some(0),
        bytes_moved: Some(0),
        bytes_grown: Some(0),
        bytes_copied: Some(c.of(FaultKind::CowCopy) * page),
        unfit: Some(0),
        fragmentation: Some(0.0),
        fragmentation_worst: Some(0.0),
        mean_resident_bytes: mean(outcome.resident_sum),
        table_bytes_peak: plan.table_bytes(cell),
        table_refs: outcome.tlb.map(|tlb| tlb.walk_refs),
        ..row
    }
}
