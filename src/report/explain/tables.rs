//! A replay step by step as Markdown and as CSV.

use super::text::{one_below_the_other, sentences, side_by_side};
use super::{Explained, Line};
use crate::report::markdown;
use crate::report::results::results_csv::table_to_csv;
use std::fmt::Write;

/// References side by side in Markdown.
const MARKDOWN_COLUMNS: usize = 20;

/// Renders the table as Markdown.
pub fn to_markdown(table: &Explained) -> String {
    let mut out = format!("### {}\n", table.heading());
    if table.entries {
        markdown::grid(&mut out, &one_below_the_other(table, table.frames_shown()));
    } else {
        for lines in table.lines.chunks(MARKDOWN_COLUMNS) {
            markdown::grid(&mut out, &side_by_side(table, lines));
        }
    }
    out.push('\n');
    for line in table.lines.iter().chain(&table.end) {
        for sentence in sentences(line, false) {
            let _ = writeln!(out, "- {}: {}", line.label(), markdown::escaped(&sentence));
        }
    }
    let _ = writeln!(out, "\n{}", table.totals());
    out
}

/// The field of a line of CSV.
type Field = fn(&Explained, &Line) -> String;

/// The columns of the CSV, in order.
const CSV_COLUMNS: [(&str, Field); 14] = [
    ("policy", |table, _| table.policy.clone()),
    ("frames", |table, _| shown(table.frames)),
    ("tau", |table, _| shown(table.tau)),
    ("reference", |_, line| line.label()),
    ("page", |_, line| line.page.clone()),
    ("kind", |_, line| line.kind.to_string().trim().to_owned()),
    ("fault", |_, line| {
        line.fault
            .map_or(String::new(), |(kind, _)| kind.name().into())
    }),
    ("device_read", |_, line| {
        line.fault.map_or(String::new(), |(_, major)| {
            if major { "yes" } else { "no" }.into()
        })
    }),
    ("in_frames", |_, line| line.pages_in_frames()),
    ("left", |_, line| line.names_left()),
    ("why", |_, line| {
        let words: Vec<&str> = line.left.iter().map(|left| &*left.words).collect();
        // Reasons have semicolons of their own.
        words.join(" | ")
    }),
    ("state", |_, line| line.state.clone().unwrap_or_default()),
    ("entry_before", |_, line| line.entry_before.clone()),
    ("entry_after", |_, line| line.entry_after.clone()),
];

fn shown(value: Option<u64>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

/// Renders all tables as one CSV.
pub fn to_csv(tables: &[Explained]) -> Vec<u8> {
    let header = CSV_COLUMNS.map(|(name, _)| name);
    let lines = tables.iter().flat_map(|table| {
        let fields = |line| CSV_COLUMNS.map(|(_, field)| field(table, line));
        table.lines.iter().chain(&table.end).map(fields)
    });
    table_to_csv(header, lines)
}
