//! A replay step by step, as a table for people: text in blocks as wide as the terminal, Markdown, and
//! CSV.
//!
//! Deliberately absent: replays and traces. Pages come with their names.

use super::csv::table_to_csv;
use super::markdown;
use super::table::{self, percent};
use crate::space::Rights;
use crate::units::{EntryId, counted};
use crate::vm::machine::explain::{Cause, EntryState, Gone, Step, Story};
use crate::vm::{FaultKind, PageState};
use std::fmt::Write;

/// The most frames that are shown one by one.
pub const FRAMES_SHOWN: usize = 32;
/// References side by side in markdown.
const MARKDOWN_COLUMNS: usize = 20;
/// A table of fewer references side by side is turned: a line for each.
const COLUMNS_LEAST: usize = 8;

/// One replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The policy with its parameters.
    pub policy: String,
    /// Frames of memory; `None` without limit.
    pub frames: Option<u64>,
    /// The window of a variable-space policy, in references.
    pub tau: Option<u64>,
    /// The references looked at.
    pub lines: Vec<Line>,
    /// A line without a reference: what left after the last one, if anything did.
    pub end: Option<Line>,
    /// References and faults of `lines`.
    pub shown: Totals,
    /// References and faults of the whole replay.
    pub whole: Totals,
    /// The number of references after which full swap ended the replay, if it did.
    pub swap_full: Option<u64>,
    /// Whether page-table entries are shown.
    pub entries: bool,
}

/// References and faults.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// References.
    pub refs: u64,
    /// Those that faulted.
    pub faults: u64,
}

/// One reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1; `None` at the end of the replay.
    pub number: Option<u64>,
    /// The page; empty at the end.
    pub page: String,
    /// `I`, `R` or `W`; a blank at the end.
    pub kind: char,
    /// The fault, and whether a device was read for it.
    pub fault: Option<(FaultKind, bool)>,
    /// What is in each frame afterwards.
    pub frames: Vec<Option<InFrame>>,
    /// The pages that left.
    pub left: Vec<Departed>,
    /// What the policy keeps in order afterwards, in words.
    pub state: Option<String>,
    /// The page-table entry before the reference.
    pub entry_before: String,
    /// The page-table entry after it.
    pub entry_after: String,
}

/// A page in a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFrame {
    /// The name of the page.
    pub page: String,
    /// Whether it has just come in.
    pub fresh: bool,
}

/// A page that left memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departed {
    /// The name of the page.
    pub page: String,
    /// Why it left and what happened to it, in words.
    pub words: String,
}

impl Explained {
    /// Makes the table of `story`, with the frames and the window of `memory`. `name` gives the name of a
    /// page, `rights` what entries allow at each step, if that is known.
    pub fn new(
        policy: String,
        memory: (Option<u64>, Option<u64>),
        story: &Story,
        rights: &[Rights],
        name: &dyn Fn(EntryId) -> String,
    ) -> Explained {
        let rights = rights.iter().map(Some).chain(std::iter::repeat(None));
        let lines = story.steps.iter().zip(rights);
        let lines: Vec<Line> = lines
            .map(|(step, rights)| line(step, rights, name))
            .collect();
        let faults = lines.iter().filter(|line| line.fault.is_some()).count();
        let counters = &story.outcome.counters;
        Explained {
            policy,
            frames: memory.0,
            tau: memory.1,
            shown: Totals {
                refs: lines.len() as u64,
                faults: faults as u64,
            },
            whole: Totals {
                refs: counters.refs,
                faults: counters.faults(),
            },
            swap_full: story.outcome.swap_full.map(|full| full.after),
            end: (!story.end.is_empty()).then(|| at_end(&story.end, name)),
            lines,
            entries: false,
        }
    }

    /// Returns the policy and its memory, in words.
    pub fn heading(&self) -> String {
        let mut parts = vec![self.policy.clone()];
        parts.extend(self.frames.map(|frames| counted(frames, "frame")));
        let tau = self.tau.map(|tau| counted(tau, "reference"));
        parts.extend(tau.map(|tau| format!("a window of {tau}")));
        parts.join(", ")
    }

    /// Returns faults, hits and the rate, in words; and those of the part shown, if it is not the whole.
    pub fn totals(&self) -> String {
        let mut text = self.whole.words();
        if self.shown.refs < self.whole.refs {
            let shown = self.shown.words();
            text += &format!("; those shown are {shown}");
        }
        if let Some(after) = self.swap_full {
            text += &format!("; swap was full after reference {after}, where the replay ended");
        }
        text
    }

    /// Returns the number of frames that are shown: 0 if there are more than [`FRAMES_SHOWN`].
    pub fn frames_shown(&self) -> usize {
        let frames = self.lines.iter().map(|line| {
            let last = line.frames.iter().rposition(Option::is_some);
            last.map_or(0, |last| last + 1)
        });
        let used = frames.max().unwrap_or(0);
        let all = self.lines.first().map_or(0, |line| line.frames.len());
        // Of a policy with a window the frames that were never used are not worth a line.
        let shown = if self.tau.is_some() { used } else { all };
        if shown > FRAMES_SHOWN { 0 } else { shown }
    }
}

impl Totals {
    fn words(self) -> String {
        let Totals { refs, faults } = self;
        let rate = match refs {
            0 => String::new(),
            _ => format!(", fault rate {}", percent(faults as f64 / refs as f64)),
        };
        format!(
            "{}: {}, {}{rate}",
            counted(refs, "reference"),
            counted(faults, "fault"),
            counted(refs - faults, "hit")
        )
    }
}

fn line(step: &Step, rights: Option<&Rights>, name: &dyn Fn(EntryId) -> String) -> Line {
    let held = step.frames.iter();
    let state = step.state.as_ref().map(|(title, pages)| {
        let one = |(entry, word): &(EntryId, String)| {
            if word.is_empty() {
                name(*entry)
            } else {
                format!("{} ({word})", name(*entry))
            }
        };
        let pages: Vec<String> = pages.iter().map(one).collect();
        format!("{title}: {}", pages.join(" "))
    });
    Line {
        number: Some(step.position + 1),
        page: name(step.entry),
        kind: step.kind.letter(),
        fault: step.fault.map(|fault| (fault.kind, fault.major)),
        frames: held
            .map(|held| {
                held.map(|held| InFrame {
                    page: name(held.entry),
                    fresh: held.fresh,
                })
            })
            .collect(),
        left: step.gone.iter().map(|gone| left(gone, name)).collect(),
        state,
        entry_before: entry(&step.before, rights.map(|rights| rights.before.to_string())),
        entry_after: entry(&step.after, rights.map(|rights| rights.after.to_string())),
    }
}

/// Returns the line of what left after the last reference.
fn at_end(gone: &[Gone], name: &dyn Fn(EntryId) -> String) -> Line {
    Line {
        number: None,
        page: String::new(),
        kind: ' ',
        fault: None,
        frames: Vec::new(),
        left: gone.iter().map(|gone| left(gone, name)).collect(),
        state: None,
        entry_before: String::new(),
        entry_after: String::new(),
    }
}

impl Line {
    /// Returns the number as text; `end` without one.
    pub fn label(&self) -> String {
        self.number
            .map_or("end".into(), |number| number.to_string())
    }

    /// Returns the name of the page in a frame; empty if there is none.
    pub fn page_in(&self, frame: usize) -> &str {
        let held = self.frames.get(frame).and_then(Option::as_ref);
        held.map_or("", |held| &held.page)
    }

    /// Returns `F` if the reference faulted.
    pub fn fault_mark(&self) -> &'static str {
        if self.fault.is_some() { "F" } else { "" }
    }

    /// Returns the names of the pages that left.
    pub fn names_left(&self) -> String {
        let names: Vec<&str> = self.left.iter().map(|left| &*left.page).collect();
        names.join(" ")
    }

    /// Returns the names of the pages in all frames, `-` for an empty one.
    fn pages_in_frames(&self) -> String {
        let held = self.frames.iter().map(Option::as_ref);
        let pages = held.map(|held| held.map_or("-", |held| &held.page));
        pages.collect::<Vec<_>>().join(" ")
    }
}

fn left(gone: &Gone, name: &dyn Fn(EntryId) -> String) -> Departed {
    let what = match gone.cause {
        Cause::Victim => "leaves",
        Cause::MadeRoom => "leaves for a page brought in ahead",
        Cause::Expired => "leaves the working set",
        Cause::Freed => "is freed: nobody maps it any more",
    };
    let written = if gone.written { ", written back" } else { "" };
    let why = gone.why.as_ref().map(|why| format!(": {why}"));
    Departed {
        page: name(gone.entry),
        words: format!("{what}{written}{}", why.unwrap_or_default()),
    }
}

/// Returns a page-table entry in a few letters.
fn entry(state: &EntryState, rights: Option<String>) -> String {
    let bit = |set, letter| if set { letter } else { '-' };
    match state.place {
        PageState::Unallocated => "-".into(),
        PageState::Swapped(slot) => format!("swap slot {slot}"),
        PageState::Dropped => "dropped".into(),
        PageState::Resident(frame) if !state.present => format!("(frame {frame})"),
        PageState::Resident(frame) => {
            let rights = rights.map_or(String::new(), |rights| format!("{rights} "));
            let (dirty, referenced) = (bit(state.dirty, 'D'), bit(state.referenced, 'A'));
            format!("frame {frame} {rights}{dirty}{referenced}")
        }
    }
}

/// Returns a sentence for each replay that had more faults than one with fewer frames. Replays that full
/// swap ended are not compared: they did not make the same references.
pub fn anomalies(tables: &[Explained]) -> Vec<String> {
    let mut found = Vec::new();
    let tables: Vec<&Explained> = tables
        .iter()
        .filter(|table| table.swap_full.is_none())
        .collect();
    for (i, more) in tables.iter().enumerate() {
        let fewer = tables[..i].iter().rev().find(|fewer| {
            fewer.policy == more.policy && fewer.tau == more.tau && fewer.frames < more.frames
        });
        let Some((fewer, small, large)) =
            fewer.and_then(|fewer| Some((fewer, fewer.frames?, more.frames?)))
        else {
            continue;
        };
        if more.whole.faults > fewer.whole.faults {
            found.push(format!(
                "Belady's anomaly: {} has more faults with {} ({}) than with {small} ({})",
                more.policy,
                counted(large, "frame"),
                more.whole.faults,
                fewer.whole.faults
            ));
        }
    }
    found
}

/// A block of a table: lines of fields, the first of each its title.
type Grid = Vec<Vec<String>>;

/// Returns the references side by side.
fn side_by_side(table: &Explained, lines: &[Line]) -> Grid {
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
fn one_below_the_other(table: &Explained, frames: usize) -> Grid {
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
fn sentences(line: &Line, frames: bool) -> Vec<String> {
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

/// Aligns columns, by `sides` as [`table::columns`] does.
fn aligned(grid: &Grid, sides: &str) -> String {
    let mut out = String::new();
    table::columns(&mut out, "", sides, grid);
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
