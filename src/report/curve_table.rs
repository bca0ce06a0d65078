//! The table of curves on the terminal: for each trace fault rates at a few numbers of frames,
//! one column per curve, and a few windows. `curve.csv` has the rest.

use super::curves::CurveRow;
use crate::units::{about, counted, show_bytes};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The most lines of one block.
const LINES: usize = 16;

/// The whole table as text; `rows` are in their stable order.
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

/// Lines of one kind of memory.
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
    let Some(last) = shown.last() else {
        return;
    };
    let first = name.len().max(last.to_string().len());
    let empty = String::new();
    let text = |memory: &u64, label: &String| cells[memory].get(label).unwrap_or(&empty).clone();
    let width = |label: &String| {
        let texts = shown
            .iter()
            .map(|memory| text(memory, label).chars().count());
        texts.max().unwrap_or(0).max(label.chars().count())
    };
    let _ = write!(out, "  {name:>first$}");
    for label in &labels {
        let _ = write!(out, "  {label:>width$}", width = width(label));
    }
    out.push('\n');
    for memory in &shown {
        let _ = write!(out, "  {memory:>first$}");
        for label in &labels {
            let _ = write!(
                out,
                "  {:>width$}",
                text(memory, label),
                width = width(label)
            );
        }
        out.push('\n');
    }
}

/// The amounts of memory that are shown: where there are many, of those that every curve has the
/// powers of two and the last, or some at equal distances.
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
    // Powers of two are there all the way up or only by chance.
    if powers.len() as u32 + 4 > last.ilog2() {
        return powers;
    }
    (0..LINES)
        .map(|i| from[i * (from.len() - 1) / (LINES - 1)])
        .collect()
}
