//! The page tables that a trace needs, as `pagebench stat` prints them.

use super::terminal::field;
use crate::space::{IO_WINDOW, Resolved};
use crate::trace::model::access::Addressing;
use crate::units::show_bytes;
use crate::vm::hardware::layout::{Layout, find, page_table_bytes};
use crate::vm::hardware::page_table_sizes::most_tables;

/// The most processes that are listed.
const LISTED: usize = 20;

/// Appends the page tables of each process when they take most memory, for a trace of addresses: with
/// 48 bits, and with 32 bits if all addresses fit.
pub fn page_tables(out: &mut String, resolved: &Resolved) {
    let trace = &resolved.trace;
    if trace.meta.addressing != Addressing::Bytes || resolved.entries().is_empty() {
        return;
    }
    let end = (1u64 << 32) / trace.meta.page_size.bytes();
    let shift = trace.meta.page_shift();
    let mut mapped = resolved.entries().iter().map(|page| page.number);
    // Pages that are read and written without mappings have no entry in any table.
    let narrow = mapped.all(|number| number < end || number >= IO_WINDOW >> shift);
    let names = ["four-level", "two-level"];
    for name in &names[..1 + usize::from(narrow)] {
        one_layout(out, resolved, find(name).expect("a layout of the table"));
    }
}

fn one_layout(out: &mut String, resolved: &Resolved, layout: &Layout) {
    let trace = &resolved.trace;
    let linear = show_bytes(layout.linear_bytes(trace.meta.page_shift()));
    let (bits, name) = (layout.address_bits(), layout.name);
    field(
        out,
        "page tables",
        format!("{bits} bits, {name} (a linear table: {linear} a process)"),
    );
    // Without events page tables only grow.
    let at_most = match resolved.space {
        Some(_) => "at most ",
        None => "",
    };
    let most = most_tables(layout, resolved);
    for (tables, pid) in most
        .by_process
        .iter()
        .zip(&trace.dictionary.pids)
        .take(LISTED)
    {
        let levels = by_level(tables);
        let bytes = show_bytes(page_table_bytes(layout, tables));
        field(
            out,
            "",
            format!("process {pid}: {at_most}{levels} tables by level, {bytes}"),
        );
    }
    if most.by_process.len() > 1 {
        let (count, bytes) = (most.by_process.len(), show_bytes(most.all_bytes));
        field(out, "", format!("all {count} processes: {at_most}{bytes}"));
    }
}

/// Returns the numbers of tables of each level as a sum, `1 + 1 + 3 + 12`.
pub fn by_level(tables: &[u64]) -> String {
    let levels: Vec<String> = tables.iter().map(u64::to_string).collect();
    levels.join(" + ")
}
