//! `vmstat.csv`: counts that policies of kernels keep themselves, and the machine's counts of the same
//! run, under their names in Linux's `/proc/vmstat`. Other policies have no lines.

use crate::report::results::column::{ColumnKind, Described};
use crate::report::results::columns::{Column, key_columns};
use crate::vm::Outcome;

/// The columns after those that name a cell: name, what it holds, unit and meaning.
const OWN: [Described; 2] = [
    (
        "counter",
        ColumnKind::Text,
        "",
        "name of the counter, as in /proc/vmstat",
    ),
    (
        "count",
        ColumnKind::Count,
        "",
        "how often it happened within the counted references",
    ),
];

/// Returns every column as `pagebench columns` describes it.
pub fn columns() -> impl Iterator<Item = Described> {
    key_columns().map(Column::described).chain(OWN)
}

/// Every counter, and what it counts under which policy.
pub const COUNTERS: [(&str, &str); 11] = [
    ("pgfault", "faults"),
    ("pgmajfault", "faults for which a device was read"),
    ("pswpin", "pages read from a swap slot"),
    (
        "pgscan",
        "pages looked at for a victim: of the inactive list (linux), of the oldest generation (mglru), of the inactive and laundry queues (freebsd)",
    ),
    ("pgsteal", "victims found so"),
    (
        "pgactivate",
        "pages of pgscan found referenced that became active (linux: found so twice) or joined the youngest generation (mglru)",
    ),
    (
        "pgrefill",
        "pages of the active list or queue looked at because the inactive one was short (linux, freebsd)",
    ),
    ("pgdeactivate", "pages of pgrefill that became inactive"),
    (
        "workingset_refault",
        "pages that came in again: all (linux), or those in whose absence the oldest generation stayed the same (mglru)",
    ),
    (
        "workingset_activate",
        "of these, pages that were active at once, since fewer pages had left or become active in the meantime than are active (linux)",
    ),
    (
        "workingset_restore",
        "of these, pages that had been active before they left (linux)",
    ),
];

/// Returns the lines of a cell, without the fields that name it; none if its policy keeps no counts.
pub fn lines(outcome: &Outcome) -> Vec<Vec<String>> {
    if outcome.policy_events.is_empty() {
        return Vec::new();
    }
    let counters = &outcome.counters;
    let machine = [
        ("pgfault", counters.faults()),
        ("pgmajfault", counters.major()),
        ("pswpin", counters.swap_reads),
    ];
    let all = machine.iter().chain(&outcome.policy_events);
    all.map(|(name, count)| vec![(*name).to_owned(), count.to_string()])
        .collect()
}
