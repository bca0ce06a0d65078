//! A replay step by step as text, in blocks as wide as the terminal; and the grids that Markdown shares.

use super::{Explained, FRAMES_SHOWN, Line};
use crate::vm::FaultKind;
use std::fmt::Write;

/// A table of fewer references side by side is turned: a line for each.
const COLUMNS_LEAST: usize = 8;

/// A block of a table: lines of fields, the first of each its title.
pub type Grid = Vec<Vec<String>>;

/// Returns the references side by side.
pub fn side_by_side(table: &Explained, lines: &[Line]) -> Grid {
    let row = |title: &str, field: &dyn Fn(&Line) -> String| -> Vec<String> {
        let fields = lines.iter().map(field);
        std::iter::once(title.to_owned()).chain(fields).collect()
    };
    let mut grid = vec![row("reference", &Line::label)];
    grid.push(row("page", &|line| line.page.clone()));
    if table.lines.iter().any(|line| line.kind != 'R') {
        grid.push(row("kind", &|line| line.kind.to_string()));
    }
    for frame in 0..table.frames_shown() {
        grid.push(row(&format!("frame {frame}"), &|line| {
            line.page_in(frame).to_owned()
        }));
    }
    grid.push(row("fault", &|line| line.fault_mark().to_owned()));
    grid.push(row("left", &Line::names_left));
    grid
}

/// Returns the references one below the other.
pub fn one_below_the_other(table: &Explained, frames: usize) -> Grid {
    let mut titles: Vec<String> = ["reference", "page", "kind", "fault"]
        .map(str::to_owned)
        .into();
    titles.extend((0..frames).map(|frame| format!("frame {frame}")));
    if table.entries {
        titles.extend(["entry before", "entry after"].map(str::to_owned));
    }
    titles.push("left".to_owned());
    let fields = |line: &Line| {
        let mut fields = vec![
            line.label(),
            line.page.clone(),
            line.kind.to_string(),
            line.fault.map_or(String::new(), fault_words),
        ];
        fields.extend((0..frames).map(|frame| line.page_in(frame).to_owned()));
        if table.entries {
            fields.extend([line.entry_before.clone(), line.entry_after.clone()]);
        }
        fields.push(line.names_left());
        fields
    };
    let lines = table.lines.iter().map(fields);
    std::iter::once(titles).chain(lines).collect()
}

/// Returns the kind of a fault, and whether a device was read for it (major) or not (minor).
fn fault_words((kind, major): (FaultKind, bool)) -> String {
    let class = if major { "major" } else { "minor" };
    format!("{}, {class}", kind.name())
}

/// Returns the width of the widest field of each column.
fn widths(grid: &Grid) -> Vec<usize> {
    let columns = grid.first().map_or(0, Vec::len);
    let width = |column: usize| grid.iter().map(|row| row[column].chars().count()).max();
    (0..columns)
        .map(|column| width(column).unwrap_or(0))
        .collect()
}

/// Returns the references side by side, cut into blocks that fit; `None` if few fit.
fn blocks(table: &Explained, width: usize) -> Option<Vec<Grid>> {
    let all = widths(&side_by_side(table, &table.lines));
    let (title, fields) = all.split_first()?;
    let widest = fields.iter().max().copied().unwrap_or(0) + 2;
    let fit = width.saturating_sub(*title) / widest;
    if table.entries || fit < COLUMNS_LEAST.min(table.lines.len()) {
        return None;
    }
    let chunks = table.lines.chunks(fit.max(1));
    Some(chunks.map(|lines| side_by_side(table, lines)).collect())
}

/// Renders the table as text, in lines of at most `width` characters unless a word is longer.
pub fn to_text(table: &Explained, width: usize) -> String {
    let mut out = format!("{}\n", table.heading());
    let mut frames_apart = false;
    match blocks(table, width) {
        Some(blocks) => {
            let texts: Vec<String> = blocks.iter().map(|grid| aligned(grid, "<")).collect();
            out += &texts.join("\n");
        }
        None => {
            let text = |frames| {
                let grid = one_below_the_other(table, frames);
                let left_but_first = format!(" {}", "<".repeat(grid[0].len()));
                aligned(&grid, &left_but_first)
            };
            let wide = text(table.frames_shown());
            let fits = wide.lines().all(|line| line.chars().count() <= width);
            frames_apart = !fits;
            out += &if fits { wide } else { text(0) };
        }
    }
    for line in table.lines.iter().chain(&table.end) {
        let mut head = format!("  {:>4}  ", line.label());
        let frames = frames_apart && table.frames_shown() > 0 && line.number.is_some();
        for sentence in sentences(line, frames) {
            wrapped(&mut out, &head, &sentence, width);
            head = " ".repeat(head.chars().count());
        }
    }
    if table.entries {
        let legend = "entry: its frame, its rights (w is missing while a write would copy), D dirty, A accessed; (frame) is in memory, but not in this page table";
        wrapped(&mut out, "  ", legend, width);
    }
    if table.lines.iter().any(|line| !line.frames.is_empty()) && table.frames_shown() == 0 {
        let note = format!("frames are shown one by one if they are at most {FRAMES_SHOWN}");
        wrapped(&mut out, "  ", &note, width);
    }
    wrapped(&mut out, "", &table.totals(), width);
    out
}

/// Returns the sentences on a reference that follow the table.
pub fn sentences(line: &Line, frames: bool) -> Vec<String> {
    let left = line.left.iter();
    let mut all: Vec<String> = left
        .map(|left| format!("{} {}", left.page, left.words))
        .collect();
    if frames {
        all.push(format!("in frames: {}", line.pages_in_frames()));
    }
    all.extend(line.state.clone());
    all
}

/// Aligns columns, by `sides` as [`crate::report::text::columns`] does.
fn aligned(grid: &Grid, sides: &str) -> String {
    let mut out = String::new();
    crate::report::text::columns(&mut out, "", sides, grid);
    out
}

/// Writes a sentence after its head. Further lines are indented by the width of the head.
fn wrapped(out: &mut String, head: &str, text: &str, width: usize) {
    let indent = head.chars().count();
    let (mut line, mut used) = (head.to_owned(), indent);
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > indent && used + 1 + length > width {
            let _ = writeln!(out, "{line}");
            (line, used) = (" ".repeat(indent), indent);
        }
        if used > indent {
            line.push(' ');
            used += 1;
        }
        line += word;
        used += length;
    }
    let _ = writeln!(out, "{line}");
}
