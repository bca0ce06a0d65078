//! A replay step by step, as a table for people. `text` writes it in blocks as wide as the terminal,
//! `tables` as Markdown and CSV.
//!
//! Deliberately absent: replays and traces. Pages come with their names.

pub mod models;
mod tables;
mod text;

pub use tables::{to_csv, to_markdown};
pub use text::to_text;

use super::text::percent;
use crate::space::Rights;
use crate::trace::model::refs::position_of;
use crate::units::{EntryId, counted};
use crate::vm::machine::stepper::{Cause, EntryState, Gone, Step, Story};
use crate::vm::{FaultKind, PageState};

/// The most frames that are shown one by one.
pub const FRAMES_SHOWN: usize = 32;

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
    /// The position of the reference at which full swap ended the replay, if it did.
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
    /// Its position in the trace, from 0; `None` at the end of the replay.
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
    /// page, `rights` what entries allow at each step, if that is known, `left_out` the positions of the
    /// references that were not replayed.
    pub fn new(
        policy: String,
        memory: (Option<u64>, Option<u64>),
        story: &Story,
        rights: &[Rights],
        left_out: &[u64],
        name: &dyn Fn(EntryId) -> String,
    ) -> Explained {
        let rights = rights.iter().map(Some).chain(std::iter::repeat(None));
        let lines = story.steps.iter().zip(rights);
        let lines: Vec<Line> = lines
            .map(|(step, rights)| {
                let position = position_of(left_out, step.position);
                line(step, position, rights, name)
            })
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
            swap_full: story
                .outcome
                .swap_full
                .map(|full| position_of(left_out, full.after)),
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
        if let Some(at) = self.swap_full {
            text += &format!("; swap was full at reference {at}, where the replay ended");
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

fn line(
    step: &Step,
    position: u64,
    rights: Option<&Rights>,
    name: &dyn Fn(EntryId) -> String,
) -> Line {
    // A write that hits needed no copy: the page was mapped writable when it came from swap.
    let hits = step.fault.is_none();
    let before = |rights: &Rights| if hits { rights.after } else { rights.before };
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
        number: Some(position),
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
        entry_before: entry(
            &step.before,
            rights.map(|rights| before(rights).to_string()),
        ),
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
        Cause::Freed => "is freed: no process maps it any more",
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
