//! A replay told step by step, as a table for people: text in blocks as wide as the terminal,
//! markdown, and CSV. Knows neither how the steps came about nor what a trace is: pages come with
//! their names.

use super::csv::table_to_csv;
use super::markdown;
use super::table::percent;
use crate::space::Rights;
use crate::units::{EntryId, counted};
use crate::vm::machine::explain::{Cause, EntryState, Gone, Step, Story};
use crate::vm::{FaultKind, PageState};
use std::fmt::Write;

/// So many frames are shown one by one.
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
    /// A line without a reference: what left behind the last one, if anything did.
    pub end: Option<Line>,
    /// What they came to.
    pub shown: Totals,
    /// What the whole trace came to.
    pub whole: Totals,
    /// Full swap ended the replay after so many references.
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
    /// What is in each frame afterwards, and whether it has just come in.
    pub frames: Vec<Option<(String, bool)>>,
    /// Pages that left: the name, what became of it in words, and whether it made room.
    pub left: Vec<(String, String, bool)>,
    /// What the policy keeps in order afterwards, in words.
    pub state: Option<String>,
    /// The page-table entry before and after.
    pub entry: [String; 2],
}

impl Explained {
    /// Of a story; `name` gives the name of a page, `rights` what entries allow at each step, if that
    /// is known.
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

    /// The policy and its memory, in words.
    pub fn heading(&self) -> String {
        let mut parts = vec![self.policy.clone()];
        parts.extend(self.frames.map(|frames| counted(frames, "frame")));
        let tau = self.tau.map(|tau| counted(tau, "reference"));
        parts.extend(tau.map(|tau| format!("a window of {tau}")));
        parts.join(", ")
    }

    /// Faults, hits and the rate, in words; of the part shown too, if it is one.
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

    /// The frames that are shown: none if they are too many.
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
        let one = |(entry, word): &(EntryId, String)| match word.is_empty() {
            true => name(*entry),
            false => format!("{} ({word})", name(*entry)),
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
            .map(|held| held.map(|held| (name(held.entry), held.fresh)))
            .collect(),
        left: step.gone.iter().map(|gone| left(gone, name)).collect(),
        state,
        entry: [
            entry(&step.before, rights.map(|rights| rights.before.to_string())),
            entry(&step.after, rights.map(|rights| rights.after.to_string())),
        ],
    }
}

/// What left behind the last reference.
fn at_end(gone: &[Gone], name: &dyn Fn(EntryId) -> String) -> Line {
    Line {
        number: None,
        page: String::new(),
        kind: ' ',
        fault: None,
        frames: Vec::new(),
        left: gone.iter().map(|gone| left(gone, name)).collect(),
        state: None,
        entry: Default::default(),
    }
}

impl Line {
    /// Its number in words; `end` without one.
    pub fn label(&self) -> String {
        self.number
            .map_or("end".into(), |number| number.to_string())
    }
}

fn left(gone: &Gone, name: &dyn Fn(EntryId) -> String) -> (String, String, bool) {
    let what = match gone.cause {
        Cause::Victim => "leaves",
        Cause::MadeRoom => "leaves for a page brought in ahead",
        Cause::Expired => "leaves the working set",
        Cause::Freed => "is freed: nobody maps it any more",
    };
    let written = if gone.written { ", written back" } else { "" };
    let why = gone.why.as_ref().map(|why| format!(": {why}"));
    let words = format!("{what}{written}{}", why.unwrap_or_default());
    (name(gone.entry), words, gone.cause == Cause::Victim)
}

/// A page-table entry in a few letters.
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

/// Where more frames gave more faults, one sentence each. Replays that full swap ended have not made
/// the same references, and are not compared.
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

/// References side by side.
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
            in_frame(line, frame).to_owned()
        }));
    }
    grid.push(row("fault", &|line| mark(line).to_owned()));
    grid.push(row("left", &|line| names_left(line)));
    grid
}

/// References one below the other.
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
        fields.extend((0..frames).map(|frame| in_frame(line, frame).to_owned()));
        if table.entries {
            fields.extend(line.entry.clone());
        }
        fields.push(names_left(line));
        fields
    };
    let lines = table.lines.iter().map(fields);
    std::iter::once(titles).chain(lines).collect()
}

/// The kind of a fault, and whether a device was read for it (major) or not (minor).
fn fault_words((kind, major): (FaultKind, bool)) -> String {
    let class = if major { "major" } else { "minor" };
    format!("{}, {class}", kind.name())
}

fn in_frame(line: &Line, frame: usize) -> &str {
    let held = line.frames.get(frame).and_then(Option::as_ref);
    held.map_or("", |(page, _)| page)
}

fn mark(line: &Line) -> &'static str {
    if line.fault.is_some() { "F" } else { "" }
}

fn names_left(line: &Line) -> String {
    let names: Vec<&str> = line.left.iter().map(|left| &*left.0).collect();
    names.join(" ")
}

/// As wide as the widest field of each column.
fn widths(grid: &Grid) -> Vec<usize> {
    let columns = grid.first().map_or(0, Vec::len);
    let width = |column: usize| grid.iter().map(|row| row[column].chars().count()).max();
    (0..columns)
        .map(|column| width(column).unwrap_or(0))
        .collect()
}

/// The references side by side, cut into blocks that fit; `None` if few fit.
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

/// As text, in lines of at most so many characters where words allow.
pub fn to_text(table: &Explained, width: usize) -> String {
    let mut out = format!("{}\n", table.heading());
    let mut frames_apart = false;
    match blocks(table, width) {
        Some(blocks) => {
            let texts: Vec<String> = blocks.iter().map(|grid| aligned(grid, false)).collect();
            out += &texts.join("\n");
        }
        None => {
            let text = |frames| aligned(&one_below_the_other(table, frames), true);
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

/// What is to be said of a reference beside the table.
fn sentences(line: &Line, frames: bool) -> Vec<String> {
    let left = line.left.iter();
    let mut all: Vec<String> = left
        .map(|(page, words, _)| format!("{page} {words}"))
        .collect();
    if frames {
        let held = line.frames.iter().map(|held| match held {
            Some((page, _)) => page,
            None => "-",
        });
        all.push(format!("in frames: {}", held.collect::<Vec<_>>().join(" ")));
    }
    all.extend(line.state.clone());
    all
}

/// Columns two blanks apart: the first to the left, the others to the right, or all to the left.
fn aligned(grid: &Grid, left: bool) -> String {
    let widths = widths(grid);
    let mut out = String::new();
    for row in grid {
        let mut line = String::new();
        for (column, (field, width)) in row.iter().zip(&widths).enumerate() {
            let gap = if column == 0 { "" } else { "  " };
            let _ = match left && column > 0 || !left && column == 0 {
                true => write!(line, "{gap}{field:<width$}"),
                false => write!(line, "{gap}{field:>width$}"),
            };
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

/// A sentence behind its head, the lines that follow below its beginning.
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

/// As markdown.
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

/// The fields of a line of CSV.
type Field = fn(&Explained, &Line) -> String;

/// The columns of the CSV, in order.
pub const COLUMNS: [(&str, Field); 14] = [
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
    ("in_frames", |_, line| {
        let held = line.frames.iter().map(|held| match held {
            Some((page, _)) => page,
            None => "-",
        });
        held.collect::<Vec<_>>().join(" ")
    }),
    ("left", |_, line| names_left(line)),
    ("why", |_, line| {
        let words: Vec<&str> = line.left.iter().map(|left| &*left.1).collect();
        // Reasons have semicolons of their own.
        words.join(" | ")
    }),
    ("state", |_, line| line.state.clone().unwrap_or_default()),
    ("entry_before", |_, line| line.entry[0].clone()),
    ("entry_after", |_, line| line.entry[1].clone()),
];

fn shown(value: Option<u64>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

/// All tables as one CSV.
pub fn to_csv(tables: &[Explained]) -> Vec<u8> {
    let header = COLUMNS.map(|(name, _)| name);
    let lines = tables.iter().flat_map(|table| {
        let fields = |line| COLUMNS.map(|(_, field)| field(table, line));
        table.lines.iter().chain(&table.end).map(fields)
    });
    table_to_csv(header, lines)
}
