//! The facts of a trace in the row of a cell that ended early, and shares of counts.

use super::columns::{Row, SWAP_FULL};
use crate::space::{End, Resolved, UpTo};
use crate::trace::TraceError;

/// Returns the row `key` with the facts of its trace up to the `end` of a replay that full swap ended.
///
/// # Errors
///
/// Errors if the trace stays in its file and that cannot be read.
pub fn ended(key: Row, resolved: &Resolved, end: End) -> Result<Row, TraceError> {
    let UpTo {
        processes,
        distinct,
        segfaults,
        protection_faults,
        bus_errors,
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
        bus_errors,
        refs_dropped: dropped,
        untouched_end: untouched,
        status: SWAP_FULL.into(),
        ..key
    })
}

/// Returns `part / whole`; `None` of nothing.
pub fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
