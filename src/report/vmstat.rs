//! `vmstat.csv`: what policies count of their own doings, and the machine's counts of the same run
//! under the names that they have in Linux's `/proc/vmstat`. Only of policies that count something:
//! those of kernels.

use super::columns::ColumnKind;
use super::distributions::key_columns;
use crate::vm::Outcome;

/// The columns after those that name a cell: name, what it holds, unit and meaning.
const OWN: [(&str, ColumnKind, &str, &str); 2] = [
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

/// Every column: name, what it holds, unit and meaning.
pub fn columns() -> impl Iterator<Item = (&'static str, ColumnKind, &'static str, &'static str)> {
    key_columns()
        .map(|column| (column.name, column.kind, column.unit, column.about))
        .chain(OWN)
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

/// The lines of a cell, without the fields that name it; none if its policy counts nothing itself.
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
