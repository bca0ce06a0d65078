//! Which cells of a baseline and of the current run are the same, and whether their counts may be
//! compared.
//!
//! Deliberately absent: the counts themselves, and the names of cells ([`Identity`]).

use crate::sweep::{Identity, MODEL, Part};

/// The parts that make two rows the same cell: everything but the model and the digest, in the order
/// of their columns.
pub const KEY: [Part; 9] = [
    Part::Trace,
    Part::Filter,
    Part::PageSize,
    Part::Policy,
    Part::Params,
    Part::Seed,
    Part::Tau,
    Part::Frames,
    Part::WarmupRefs,
];

/// Returns the key by which a baseline's cell is found in the current run: its identity without model and
/// digest. So counts of another model or trace are found and refused, not reported as missing.
pub fn key_of(cell: &Identity) -> Identity {
    cell.without(&MODEL).without(&[Part::Digest])
}

/// Returns why the current counts of a cell cannot be compared with the baseline's: another trace or
/// another model. `None` if they can.
pub fn incomparable(baseline: &Identity, now: &Identity) -> Option<String> {
    let baseline = &baseline.completed(now);
    other_trace(baseline, now).or_else(|| {
        let (setting, then, now) = baseline.difference(now, &MODEL)?;
        let word = |text: String| {
            if text.is_empty() {
                "unset".to_owned()
            } else {
                text
            }
        };
        Some(format!(
            "{}: counted with different options: {} is {} in the baseline, {} in this run\n  \
             help: give the options that the baseline was made with, or accept the counts of these \
             with --accept",
            baseline.name(),
            setting.column(),
            word(then),
            word(now)
        ))
    })
}

/// Returns why a cell has other references than the baseline's; `None` if it has the same.
fn other_trace(baseline: &Identity, now: &Identity) -> Option<String> {
    let (_, then, now) = baseline.difference(now, &[Part::Digest])?;
    Some(format!(
        "trace {} has changed: digest {then} in the baseline, {now} in this run\n  \
         help: use the trace of the baseline, or accept the counts of this one with --accept",
        baseline.trace
    ))
}

/// Returns why a cell is another one than the baseline's: it has another selection of the trace or was
/// counted after another warm-up. `None` if both are the same. Such a cell is not missing.
pub fn other_part(baseline: &Identity, now: &Identity) -> Option<String> {
    let (part, then, now) = baseline.difference(now, &[Part::Filter, Part::WarmupRefs])?;
    if part == Part::WarmupRefs {
        return Some(format!(
            "{}: counted after a warm-up of {then} references in the baseline, of {now} in this run\n  \
             help: give the same --warmup",
            baseline.name()
        ));
    }
    let part = |filter: String| match &*filter {
        "" => "all references".to_owned(),
        filter => format!("the selection {filter:?}"),
    };
    Some(format!(
        "trace {}: the baseline counts {}, this run {}\n  \
         help: select the same references (--data-only, --pid, --skip, --limit)",
        baseline.trace,
        part(then),
        part(now)
    ))
}
