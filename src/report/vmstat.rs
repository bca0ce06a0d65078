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
