//! Names of cells: what makes two rows the same cell, how a cell is called in words and in globs,
//! and whether the counts of two rows may be compared.
//!
//! Deliberately absent: the counts themselves.

use crate::report::columns::{COLUMNS, Row, column};
use crate::report::distributions::KEY_COLUMNS;
use crate::units::show_bytes;

/// What makes two rows the same cell: everything but the counts, the model and the digest.
pub type CellKey = Vec<String>;

/// The columns that say how the model was set: counts of other settings are not comparable.
pub const MODEL: [&str; 6] = [
    "mappings",
    "on_segfault",
    "allocation",
    "accessed_bit",
    "swap_limit",
    "commit_limit",
];

/// The columns of a [`CellKey`].
pub fn key_columns() -> impl Iterator<Item = &'static str> {
    let place = |name: &&str| {
        *name == "warmup_refs" || *name != "trace_digest" && KEY_COLUMNS.contains(name)
    };
    COLUMNS.iter().map(|column| column.name).filter(place)
}

/// The key of a row's cell.
pub fn key_of(row: &Row) -> CellKey {
    let show = |name| (column(name).expect("a column of the table").show)(row);
    key_columns().map(show).collect()
}

/// A cell in words: `cc1, lru, 64 frames`.
pub fn cell_name(row: &Row) -> String {
    format!("{}, {}, {}", row.trace, row.policy_label(), memory(row))
}

/// The memory of a cell in words: `64 frames`, `tau 300`; and its page size if it is not 4 KiB.
pub fn memory(row: &Row) -> String {
    let mut parts = Vec::new();
    parts.extend(row.tau.map(|tau| format!("tau {tau}")));
    parts.extend(row.frames.map(|frames| match frames {
        1 => "1 frame".to_owned(),
        frames => format!("{frames} frames"),
    }));
    parts.extend(row.seed.map(|seed| format!("seed {seed}")));
    if row.page_size != 4096 {
        parts.push(format!("pages of {}", show_bytes(row.page_size)));
    }
    parts.join(", ")
}

/// A cell as globs and `--explain` name it: `cc1/lru/64`, `cc1/ws/tau=300`; with the page size
/// behind if it is not 4 KiB: `cc1/lru/64/64KiB`.
pub fn cell_path(row: &Row) -> String {
    let mut path = format!("{}/{}/{}", row.trace, row.policy_label(), frames(row));
    if row.page_size != 4096 {
        path.push_str(&format!("/{}", show_bytes(row.page_size)));
    }
    if let Some(seed) = row.seed {
        path.push_str(&format!("/seed={seed}"));
    }
    path
}

/// The frames of a cell as globs name them: `64`, or the window where there is one: `tau=300`.
pub fn frames(row: &Row) -> String {
    match (row.tau, row.frames) {
        (Some(tau), _) => format!("tau={tau}"),
        (None, frames) => frames.map_or(String::new(), |frames| frames.to_string()),
    }
}

/// Why the counts of a row of today say nothing about those of the baseline: another part of the
/// trace, another trace, another model. `None` if they are comparable.
pub fn incomparable(baseline: &Row, now: &Row) -> Option<String> {
    other_trace(baseline, now).or_else(|| {
        let (setting, then, now) = other_model(baseline, now)?;
        Some(format!(
            "{}: counted with other options: {setting}: {then} there, {now} here\n  \
             help: give the options that the baseline was made with, or write the counts of these \
             with --accept",
            cell_name(baseline)
        ))
    })
}

/// Why a row is of other references than the baseline's, if it is.
fn other_trace(baseline: &Row, now: &Row) -> Option<String> {
    (baseline.trace_digest != now.trace_digest).then(|| {
        format!(
            "trace {} is another one now: digest {} in the baseline, {} here\n  \
             help: take the trace of the baseline, or write the counts of this one with --accept",
            baseline.trace, baseline.trace_digest, now.trace_digest
        )
    })
}

/// Why a part of the trace is not that of the baseline, if it is not.
pub fn other_part(baseline: &Row, filter: &str) -> Option<String> {
    let part = |filter: &str| match filter {
        "" => "the whole of it".to_owned(),
        filter => format!("its part \"{filter}\""),
    };
    (baseline.filter != filter).then(|| {
        format!(
            "trace {}: the baseline counts {}, this command {}\n  \
             help: take the same part (--data-only, --pid, --skip, --limit)",
            baseline.trace,
            part(&baseline.filter),
            part(filter)
        )
    })
}

/// The first setting of the model in which two rows differ, with both values in words.
fn other_model(baseline: &Row, now: &Row) -> Option<(&'static str, String, String)> {
    let word = |text: String| match text.is_empty() {
        true => "nothing".to_owned(),
        false => text,
    };
    MODEL.into_iter().find_map(|name| {
        let show = column(name).expect("a column of the table").show;
        let (then, now) = (show(baseline), show(now));
        (then != now).then(|| (name, word(then), word(now)))
    })
}
