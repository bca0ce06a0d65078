//! Which cells of a baseline and of today are the same, and whether their counts may be compared.
//!
//! Deliberately absent: the counts themselves, and how cells are called ([`Identity`]).

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

/// What finds a cell of a baseline among those of today: its identity without model and digest, so
/// that counts of another model or trace are found and refused, not missed.
pub fn key_of(cell: &Identity) -> Identity {
    cell.without(&MODEL).without(&[Part::Digest])
}

/// Why the counts of a cell of today say nothing about those of the baseline: another trace, another
/// model. `None` if they are comparable.
pub fn incomparable(baseline: &Identity, now: &Identity) -> Option<String> {
    other_trace(baseline, now).or_else(|| {
        let (setting, then, now) = baseline.difference(now, &MODEL)?;
        let word = |text: String| match text.is_empty() {
            true => "nothing".to_owned(),
            false => text,
        };
        Some(format!(
            "{}: counted with other options: {}: {} there, {} here\n  \
             help: give the options that the baseline was made with, or write the counts of these \
             with --accept",
            baseline.name(),
            setting.column(),
            word(then),
            word(now)
        ))
    })
}

/// Why a cell is of other references than the baseline's, if it is.
fn other_trace(baseline: &Identity, now: &Identity) -> Option<String> {
    let (_, then, now) = baseline.difference(now, &[Part::Digest])?;
    Some(format!(
        "trace {} is another one now: digest {then} in the baseline, {now} here\n  \
         help: take the trace of the baseline, or write the counts of this one with --accept",
        baseline.trace
    ))
}

/// Why a cell is of another part of the trace or was counted after another warm-up, if one of these
/// is. Such a cell is not missing, it is another one.
pub fn other_part(baseline: &Identity, now: &Identity) -> Option<String> {
    let (part, then, now) = baseline.difference(now, &[Part::Filter, Part::WarmupRefs])?;
    if part == Part::WarmupRefs {
        return Some(format!(
            "{}: counted after a warm-up of {then} references there, of {now} here\n  \
             help: give the same --warmup",
            baseline.name()
        ));
    }
    let part = |filter: String| match &*filter {
        "" => "the whole of it".to_owned(),
        filter => format!("its part \"{filter}\""),
    };
    Some(format!(
        "trace {}: the baseline counts {}, this command {}\n  \
         help: take the same part (--data-only, --pid, --skip, --limit)",
        baseline.trace,
        part(then),
        part(now)
    ))
}
