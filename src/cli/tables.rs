//! The part of `pagebench stat` that says what page tables a trace needs.

use crate::space::Resolved;
use crate::trace::record::Addressing;
use crate::units::show_bytes;
use crate::vm::layout::{Layout, find, page_table_bytes};
use crate::vm::tables::most_tables;
use std::fmt::Write;

/// Processes that are listed one by one.
const LISTED: usize = 20;

/// The page tables of each process when they take most memory, for a trace of addresses: 48 bits, and
/// 32 bits if all addresses fit.
pub fn page_tables(out: &mut String, resolved: &Resolved) {
    let trace = &resolved.trace;
    if trace.meta.addressing != Addressing::Bytes || resolved.entries().is_empty() {
        return;
    }
    let end = (1u64 << 32) / trace.meta.page_size.bytes();
    let narrow = resolved.entries().iter().all(|page| page.number < end);
    let names = ["four-level", "two-level"];
    for name in &names[..1 + usize::from(narrow)] {
        one_layout(out, resolved, find(name).expect("a layout of the table"));
    }
}

fn one_layout(out: &mut String, resolved: &Resolved, layout: &Layout) {
    let trace = &resolved.trace;
    let _ = writeln!(
        out,
        "page tables  {} bits, {} (a linear table: {} a process)",
        layout.address_bits(),
        layout.name,
        show_bytes(layout.linear_bytes(trace.meta.page_shift()))
    );
    // Without events pages only come.
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
        let shown: Vec<String> = tables.iter().map(u64::to_string).collect();
        let _ = writeln!(
            out,
            "             process {pid}: {at_most}{} tables by level, {}",
            shown.join(" + "),
            show_bytes(page_table_bytes(layout, tables))
        );
    }
    if most.by_process.len() > 1 {
        let _ = writeln!(
            out,
            "             all {} processes: {at_most}{}",
            most.by_process.len(),
            show_bytes(most.all_bytes)
        );
    }
}
