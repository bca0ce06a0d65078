//! The table on the terminal: for each trace one line per amount of memory and one column per
//! policy, showing any numeric column of the column table; and one sentence that a person can
//! use.

use super::columns::{Column, ColumnKind, DOES_NOT_FIT, Row, SWAP_FULL, col, short_digest};
use super::knee::sentence;
use crate::report::text::{aligned, percent};
use crate::sweep::{Identity, Labels, MEMORY_MODEL, POLICY, Part, by_setting};
use crate::units::{about, counted, show_bytes, show_count};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Renders the report as text, with `metric` in the cells.
pub fn render(rows: &[Row], metric: &Column) -> String {
    let mut out = String::new();
    let cells: Vec<Identity> = rows.iter().map(Row::identity).collect();
    for (_, indices) in by_setting(&cells) {
        let group: Vec<Row> = indices.iter().map(|&index| rows[index].clone()).collect();
        // A cell that full swap ended counts fewer references than its trace has.
        if let Some(longest) = group.iter().rev().max_by_key(|row| (row.refs, row.is_ok())) {
            heading(&mut out, longest);
        }
        let labels = Labels::of(indices.iter().map(|&index| &cells[index]));
        fixed_space(&mut out, &group, &labels, metric);
        variable_space(&mut out, &group, &labels, metric);
        if let Some(sentence) = sentence(&group) {
            let ended = group.iter().filter(|row| row.is_cut_short()).count() as u64;
            let without = match ended {
                0 => String::new(),
                _ => format!(
                    " (without {} that {})",
                    counted(ended, "cell"),
                    why_ended(&group)
                ),
            };
            let _ = writeln!(out, "  {sentence}{without}");
        }
        out.push('\n');
    }
    for sentence in model_sentences(rows) {
        let _ = writeln!(out, "{sentence}");
    }
    out
}

/// Returns for each trace and policy of several models what they cost in the same memory: the least in
/// which all of them ran to the end, else the largest.
fn model_sentences(rows: &[Row]) -> Vec<String> {
    let without_model = |row: &Row| {
        let cell = row.identity().without(&MEMORY_MODEL);
        cell.without(&[Part::Frames])
    };
    let mut traces: BTreeMap<Identity, BTreeMap<u64, Vec<&Row>>> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.model.is_empty()) {
        if let Some(frames) = row.frames {
            traces
                .entry(without_model(row))
                .or_default()
                .entry(frames)
                .or_default()
                .push(row);
        }
    }
    // Physical memory has no policy: it stands beside each.
    let places: Vec<&Row> = rows.iter().filter(|row| row.model == "physical").collect();
    let mut sentences = Vec::new();
    for (cell, sizes) in &traces {
        let all_ran = |(_, rows): &(&u64, &Vec<&Row>)| rows.iter().all(|row| row.is_ok());
        let size = sizes.iter().find(all_ran).or(sizes.iter().next_back());
        let Some((&frames, of)) = size.filter(|(_, of)| of.len() > 1) else {
            continue;
        };
        let beside = places.iter().filter(|row| {
            row.frames == Some(frames) && without_model(row) == cell.without(&POLICY)
        });
        let costs: Vec<String> = of.iter().chain(beside).map(|row| cost(row)).collect();
        sentences.push(format!(
            "{}, {}, {}: {}",
            cell.trace,
            cell.policy_label(),
            show_bytes(frames * cell.page_size),
            costs.join("; ")
        ));
    }
    sentences
}

/// Returns what a model cost, in words.
fn cost(row: &Row) -> String {
    let mut words = vec![row.model.clone()];
    if !row.relief.is_empty() {
        words.push(format!("({} {} {})", row.segments, row.fit, row.relief).replace("( ", "("));
    }
    if let Some(clobbers) = row.clobbers {
        words.push(counted(clobbers, "clobber"));
    } else {
        words.push(format!("{},", counted(row.faults, "fault")));
        words.push(format!(
            "{} out,",
            show_bytes(row.swap_bytes_out.unwrap_or(0))
        ));
        words.push(format!(
            "{} moved,",
            show_bytes(row.bytes_moved.unwrap_or(0))
        ));
        words.push(format!("{:.3} ms", row.time_ns.unwrap_or(0) as f64 / 1e6));
    }
    if !row.is_ok() {
        words.push(format!(
            "({} after {})",
            row.status,
            about(row.refs, "reference")
        ));
    }
    words.join(" ")
}

/// Returns what ended the cells that ended early, as a predicate.
fn why_ended(group: &[Row]) -> &'static str {
    let mut ended = group.iter().filter(|row| row.is_cut_short());
    match ended.all(|row| row.status == SWAP_FULL) {
        true => "full swap ended",
        false => "full swap or too small a memory ended",
    }
}

fn heading(out: &mut String, row: &Row) {
    let footprint = show_bytes(row.distinct_pages.saturating_mul(row.page_size));
    let up_to = if row.is_cut_short() { "up to " } else { "" };
    let _ = write!(
        out,
        "{}: {up_to}{} (I {}, R {}, W {}), {} of {} ({footprint})",
        row.trace,
        about(row.refs, "reference"),
        show_count(row.ifetches),
        show_count(row.reads),
        show_count(row.writes),
        counted(row.distinct_pages, "page"),
        show_bytes(row.page_size),
    );
    if !row.filter.is_empty() {
        let _ = write!(out, ", {}", row.filter);
    }
    if row.warmup_refs > 0 {
        let _ = write!(out, ", after a warm-up of {}", show_count(row.warmup_refs));
    }
    let cell = row.identity();
    let words: Vec<String> = MEMORY_MODEL
        .into_iter()
        .filter(|&part| part != Part::Idle)
        .map(|part| cell.text(part))
        .filter(|text| !text.is_empty())
        .collect();
    if !words.is_empty() {
        let _ = write!(out, ", model {}", words.join(" "));
    }
    if row.processes > 1 {
        let _ = write!(out, ", {} processes", row.processes);
    }
    let _ = writeln!(
        out,
        "; {}, {} mappings, digest {}",
        row.trace_kind,
        row.mappings,
        short_digest(&row.trace_digest)
    );
}

/// Writes the fixed-space policies: a line per number of frames, a column per policy and seed.
fn fixed_space(out: &mut String, group: &[Row], labels: &Labels, metric: &Column) {
    let rows: Vec<&Row> = group.iter().filter(|row| row.tau.is_none()).collect();
    let frames: BTreeSet<u64> = rows.iter().filter_map(|row| row.frames).collect();
    let mut columns: Vec<String> = Vec::new();
    let mut cells: BTreeMap<(u64, String), &Row> = BTreeMap::new();
    for &row in &rows {
        let label = labels.label(&row.identity());
        if !columns.contains(&label) {
            columns.push(label.clone());
        }
        if let Some(frames) = row.frames {
            cells.entry((frames, label)).or_insert(row);
        }
    }
    if frames.is_empty() {
        return;
    }
    let mut lines = vec![["frames", "memory", "of pages"].map(str::to_owned).to_vec()];
    lines[0].extend(columns.iter().cloned());
    for &count in &frames {
        let row = rows
            .iter()
            .find(|row| row.frames == Some(count))
            .expect("a row has these frames");
        let share = format!("{:.1} %", row.frames_frac.unwrap_or(0.0) * 100.0);
        let mut line = vec![count.to_string(), show_bytes(count * row.page_size), share];
        for label in &columns {
            let row = cells.get(&(count, label.clone()));
            line.push(row.map_or(String::new(), |row| value(row, metric)));
        }
        lines.push(line);
    }
    let _ = writeln!(out, "  {} by frames", title(metric));
    aligned(out, &lines);
}

/// Writes the variable-space policies: a line per window.
fn variable_space(out: &mut String, group: &[Row], labels: &Labels, metric: &Column) {
    let rows: Vec<&Row> = group.iter().filter(|row| row.tau.is_some()).collect();
    if rows.is_empty() {
        return;
    }
    let mut lines = vec![
        ["policy", "tau", "mean pages", "peak"]
            .map(str::to_owned)
            .to_vec(),
    ];
    lines[0].push(metric.name.replace('_', " "));
    for row in rows {
        lines.push(vec![
            labels.label(&row.identity()),
            row.tau.unwrap_or(0).to_string(),
            row.mean_resident
                .map_or(String::new(), |mean| format!("{mean:.1}")),
            (col::peak_resident.show)(row),
            value(row, metric),
        ]);
    }
    let _ = writeln!(out, "  {} by window", title(metric));
    aligned(out, &lines);
}

fn title(metric: &Column) -> String {
    match metric.unit {
        "" => metric.name.replace('_', " "),
        unit if unit == metric.name => unit.to_owned(),
        unit => format!("{} ({unit})", metric.name.replace('_', " ")),
    }
}

fn value(row: &Row, metric: &Column) -> String {
    if row.status == SWAP_FULL {
        return format!("full@{}", show_count(row.refs));
    }
    if row.status == DOES_NOT_FIT {
        return format!("too small@{}", show_count(row.refs));
    }
    if !row.is_ok() {
        return row.status.clone();
    }
    match (metric.number)(row) {
        None => "-".into(),
        Some(share) if metric.unit == "of references" => percent(share),
        // Nine decimals are for the CSV.
        Some(real) if metric.kind == ColumnKind::Real => format!("{real:.3}"),
        Some(_) => (metric.show)(row),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::results::columns::column;

    fn row(policy: &str, frames: u64, faults: u64) -> Row {
        Row {
            trace: "t".into(),
            trace_digest: "0123456789abcdef".into(),
            mappings: "permissive".into(),
            trace_kind: "full".into(),
            page_size: 4096,
            policy: policy.into(),
            frames: Some(frames),
            frames_frac: Some(frames as f64 / 100.0),
            refs: 1000,
            distinct_pages: 100,
            faults,
            fault_rate: Some(faults as f64 / 1000.0),
            mean_resident: Some(frames as f64),
            status: "ok".into(),
            ..Row::default()
        }
    }

    #[test]
    fn the_table_is_drawn() {
        let rows = [
            row("lru", 8, 500),
            row("lru", 16, 250),
            row("opt", 8, 400),
            Row {
                status: "error".into(),
                ..row("opt", 16, 0)
            },
        ];
        let text = render(&rows, column("fault_rate").unwrap());
        let expected = "\
t: 1000 references (I 0, R 0, W 0), 100 pages of 4KiB (400KiB); full, permissive mappings, digest 01234567
  fault rate (of references) by frames
    frames  memory  of pages     lru     opt
         8   32KiB     8.0 %  50.0 %  40.0 %
        16   64KiB    16.0 %  25.0 %   error
";
        assert!(text.starts_with(expected), "{text}");
        assert!(
            render(&rows, column("faults").unwrap())
                .contains("         8   32KiB     8.0 %  500    400\n")
        );
    }

    #[test]
    fn decimals_are_rounded() {
        let row = Row {
            mean_resident: Some(288.1689),
            refs_per_fault: Some(1.9996),
            ..row("lru", 8, 500)
        };
        let shown = |name| value(&row, column(name).unwrap());
        assert_eq!(shown("mean_resident"), "288.169");
        assert_eq!(shown("refs_per_fault"), "2.000");
        assert_eq!(shown("faults"), "500");
    }
}
