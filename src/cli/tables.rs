//! The part of `pagebench stat` that says what page tables a trace needs.

use crate::trace::dense::Trace;
use crate::trace::record::Addressing;
use crate::units::show_bytes;
use crate::vm::layout::{Layout, find, page_table_bytes, page_table_pages};
use std::fmt::Write;

/// Processes that are listed one by one.
const LISTED: usize = 20;

/// Page-table memory of each process, for a trace of addresses: 48 bits, and 32 bits if all
/// addresses fit.
pub fn page_tables(out: &mut String, trace: &Trace) {
    if trace.meta.addressing != Addressing::Bytes || trace.distinct() == 0 {
        return;
    }
    let mut numbers = vec![Vec::new(); trace.dictionary.pids.len()];
    for page in &trace.dictionary.pages {
        numbers[page.process as usize].push(page.number);
    }
    let end = (1u64 << 32) / trace.meta.page_size.bytes();
    let narrow = trace.dictionary.pages.iter().all(|page| page.number < end);
    let names = ["four-level", "two-level"];
    for name in &names[..1 + usize::from(narrow)] {
        one_layout(
            out,
            trace,
            &numbers,
            find(name).expect("a layout of the table"),
        );
    }
}

fn one_layout(out: &mut String, trace: &Trace, numbers: &[Vec<u64>], layout: &Layout) {
    let _ = writeln!(
        out,
        "page tables  {} bits, {} (a linear table: {} a process)",
        layout.address_bits(),
        layout.name,
        show_bytes(layout.linear_bytes())
    );
    let mut total = 0;
    for (process, numbers) in numbers.iter().enumerate() {
        let tables = page_table_pages(layout, trace.meta.page_size, numbers);
        let bytes = page_table_bytes(layout, &tables);
        total += bytes;
        if process < LISTED {
            let shown: Vec<String> = tables.iter().map(u64::to_string).collect();
            let _ = writeln!(
                out,
                "             process {}: {} tables by level, {}",
                trace.dictionary.pids[process],
                shown.join(" + "),
                show_bytes(bytes)
            );
        }
    }
    if numbers.len() > 1 {
        let _ = writeln!(
            out,
            "             all {} processes: {}",
            numbers.len(),
            show_bytes(total)
        );
    }
}
