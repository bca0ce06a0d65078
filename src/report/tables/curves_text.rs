//! The table of curves on the terminal: for each trace fault rates at a few numbers of frames,
//! one column per curve, and a few windows. `curve.csv` has the rest.

use super::curve_csv::CurveRow;
use crate::units::{about, counted, show_bytes};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The most lines of one block.
const LINES: usize = 16;

/// Renders the table as text; `rows` are in their stable order.
pub fn render(rows: &[CurveRow]) -> String {
    let mut out = String::new();
    for group in rows.chunk_by(CurveRow::same_trace) {
        let first = &group[0];
        let _ = write!(
            out,
            "{}: {}, {} of {}",
            first.trace,
            about(first.refs, "reference"),
            counted(first.distinct_pages, "page"),
            show_bytes(first.page_size),
        );
        if !first.filter.is_empty() {
            let _ = write!(out, ", {}", first.filter);
        }
        let _ = writeln!(out, "; digest {}", first.trace_digest);
        block(
            &mut out,
            group,
            "frames",
            |row| row.frames,
            |row| {
                let bound = row
                    .error_bound
                    .map(|bound| format!(" ± {}", percent(bound)));
                format!("{}{}", percent(row.fault_rate), bound.unwrap_or_default())
            },
        );
        block(
            &mut out,
            group,
            "window",
            |row| row.tau,
            |row| {
                format!(
                    "{} at {:.1} pages",
                    percent(row.fault_rate),
                    row.mean_resident
                )
            },
        );
        out.push('\n');
    }
    out
}

fn percent(rate: f64) -> String {
    format!("{:.4}%", rate * 100.0)
}

/// Writes the lines of one kind of memory.
fn block(
    out: &mut String,
    rows: &[CurveRow],
    name: &str,
    memory: fn(&CurveRow) -> Option<u64>,
    cell: fn(&CurveRow) -> String,
) {
    let mut cells: BTreeMap<u64, BTreeMap<String, String>> = BTreeMap::new();
    let mut labels = BTreeSet::new();
    for row in rows {
        if let Some(memory) = memory(row) {
            labels.insert(row.label());
            cells
                .entry(memory)
                .or_default()
                .insert(row.label(), cell(row));
        }
    }
    let shown = few(&cells, labels.len());
    if shown.is_empty() {
        return;
    }
    let head = std::iter::once(name.to_owned()).chain(labels.iter().cloned());
    let line = |memory: &u64| {
        let field = |label: &String| cells[memory].get(label).cloned().unwrap_or_default();
        let fields = labels.iter().map(field);
        std::iter::once(memory.to_string()).chain(fields).collect()
    };
    let lines = std::iter::once(head.collect()).chain(shown.iter().map(line));
    crate::report::text::columns(out, "  ", "", &lines.collect::<Vec<_>>());
}

/// Returns the amounts of memory that are shown. If there are many, these are, of the amounts that every
/// curve has, the powers of two and the last; or [`LINES`] at equal distances.
fn few(cells: &BTreeMap<u64, BTreeMap<String, String>>, curves: usize) -> Vec<u64> {
    let all: Vec<u64> = cells.keys().copied().collect();
    if all.len() <= LINES {
        return all;
    }
    let full = cells.iter().filter(|(_, cells)| cells.len() == curves);
    let full: Vec<u64> = full.map(|(&memory, _)| memory).collect();
    let from = if full.is_empty() { &all } else { &full };
    if from.len() <= LINES {
        return from.clone();
    }
    let last = from[from.len() - 1];
    let shown = |memory: &&u64| memory.is_power_of_two() || **memory == last;
    let powers: Vec<u64> = from.iter().filter(shown).copied().collect();
    // Either nearly all powers of two were measured or a few by chance.
    if powers.len() as u32 + 4 > last.ilog2() {
        return powers;
    }
    (0..LINES)
        .map(|i| from[i * (from.len() - 1) / (LINES - 1)])
        .collect()
}
