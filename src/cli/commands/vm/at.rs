//! The state of memory at a position, as text: the machine, the processes with their mappings, and
//! illegal references and refused events. The machine knows where pages are, the address spaces what
//! they are.

use super::machine::{ChosenMachine, MachineChoice};
use super::pages;
use super::picture::{Picture, Place};
use super::{VmArgs, load};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::input::counted_illegal;
use crate::cli::setup::page_tables::by_level;
use crate::cli::setup::progress::note;
use crate::cli::setup::terminal::Align::{Left, Right};
use crate::cli::setup::terminal::{Align, field, print, table};
use crate::exit::{self, ExitCode};
use crate::space::vma::{Vma, pages_of_each};
use crate::space::{self, AddressLayout, ProcessView, Resolved, SpaceAt};
use crate::trace::model::access::Addressing;
use crate::trace::model::event::Backing;
use crate::units::{
    Printable, counted, did_you_mean, parse_count, parse_percent, percent_of, show_bytes,
    show_count,
};
use crate::vm::FaultKind;
use crate::vm::hardware::layout::{find, page_table_bytes, page_table_pages};
use crate::vm::machine::snapshot::snapshot;
use std::fmt::Write;
use std::ops::AddAssign;
use std::str::FromStr;

/// A position as the user wrote it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Position {
    /// After this number of references.
    Refs(u64),
    /// After this percentage of all references.
    Percent(f64),
    /// After the last event.
    End,
}

impl FromStr for Position {
    type Err = String;

    fn from_str(text: &str) -> Result<Position, String> {
        let wrong = || {
            let hint = did_you_mean(text.trim(), std::iter::once("end"));
            format!("{text:?} is no position: write 1000, 20M, 50% or end{hint}")
        };
        let text = text.trim();
        if text == "end" {
            return Ok(Position::End);
        }
        match parse_percent(text) {
            None => parse_count(text).map(Position::Refs).map_err(|_| wrong()),
            Some(percent) if (0.0..=100.0).contains(&percent) => Ok(Position::Percent(percent)),
            Some(_) => Err(wrong()),
        }
    }
}

impl Position {
    /// Returns the number of references before the position in a trace of `refs` references; `None` for
    /// the end.
    pub fn of(self, refs: u64) -> Result<Option<u64>, Failure> {
        match self {
            Position::End => Ok(None),
            Position::Percent(percent) => Ok(Some(percent_of(percent, refs))),
            Position::Refs(at) if at <= refs => Ok(Some(at)),
            Position::Refs(at) => Err(Failure::usage(format!(
                "--at {at}: beyond the end of the trace, which has {}; end is after its last event",
                counted(refs, "reference")
            ))),
        }
    }
}

/// The address spaces of a trace up to a position, and there.
pub(super) struct SpacesAt {
    pub resolved: Resolved,
    pub view: SpaceAt,
    /// The number of references before the position; `None` for the end.
    pub at: Option<u64>,
    /// The number of references of the trace.
    pub refs: u64,
}

/// Loads the trace and resolves it up to the position of the arguments.
pub(super) fn spaces_at(args: &VmArgs, choice: &MachineChoice<'_>) -> Result<SpacesAt, Failure> {
    let trace = load(args)?;
    let refs = trace.len() as u64;
    let at = args.at.of(refs)?;
    let resolved = space::resolve_at(trace, &choice.space, Some(at.unwrap_or(u64::MAX)));
    let (resolved, view) = resolved.map_err(|e| e.named(args.trace.printed().to_string()))?;
    let view = view.expect("a position was given");
    Ok(SpacesAt {
        resolved,
        view,
        at,
        refs,
    })
}

/// Runs the command without `-o`.
pub fn show(args: &VmArgs, choice: &MachineChoice<'_>) -> Result<ExitCode, Failure> {
    let SpacesAt {
        resolved,
        view,
        at,
        refs,
    } = spaces_at(args, choice)?;
    let machine = choice.machine(&resolved)?;
    let job = machine.job(&resolved);
    let snapshot = snapshot(&job, view.position, view.ops)?;
    if snapshot.swap_full {
        note(&format!(
            "note: swap was full after {}, where the replay ended: pages are where they were then, mappings are as at the position",
            counted(snapshot.counters.refs, "legal reference")
        ));
    }
    let picture = Picture {
        resolved: &resolved,
        view: &view,
        snapshot: &snapshot,
        layout: choice.space.layout,
    };
    let mut out = String::new();
    heading(&mut out, &picture, &machine);
    position(&mut out, &picture, at, refs);
    for process in &view.processes {
        show_process(&mut out, &picture, process);
        if args.entries {
            pages::entries(&mut out, &picture, process);
        }
    }
    if args.list_frames || snapshot.bits.len() <= pages::FRAMES_SHOWN {
        pages::frames(&mut out, &picture);
    }
    illegal_references(&mut out, &picture);
    refused_events(&mut out, &picture);
    remarks(&mut out, &picture);
    print(&out)?;
    Ok(exit::OK)
}

fn heading(out: &mut String, picture: &Picture<'_>, machine: &ChosenMachine) {
    let Resolved { trace, origin, .. } = picture.resolved;
    let processes = match trace.dictionary.pids.len() {
        1 => "1 process".to_owned(),
        n => format!("{n} processes"),
    };
    let (name, mappings, size) = (&trace.meta.name, origin.name(), trace.meta.page_size);
    field(
        out,
        "trace",
        format!("{name}: {mappings} mappings, {processes}, pages of {size}"),
    );
    field(out, "memory", &machine.about);
    let slots = picture.snapshot.slots.iter().flatten().count() as u64;
    field(
        out,
        "swap",
        format!(
            "{}: {} in use, at most {} so far",
            machine.about_swap,
            counted(slots, "slot"),
            picture.snapshot.slots_peak
        ),
    );
}

/// Returns the position behind `at` of the `refs` references of a trace, in words; the end for `None`.
pub(super) fn position_words(at: Option<u64>, refs: u64) -> String {
    let references = counted(refs, "reference");
    match at {
        None => format!("after the last event, all {references}"),
        Some(at) => format!("after {at} of {references}"),
    }
}

/// Appends the position, and the counts up to there.
fn position(out: &mut String, picture: &Picture<'_>, at: Option<u64>, refs: u64) {
    let mut position = position_words(at, refs);
    let legal = picture.view.position;
    if legal < at.unwrap_or(refs) {
        position += &format!(", {legal} of them legal");
    }
    field(out, "position", position);
    let counters = &picture.snapshot.counters;
    let kinds = FaultKind::ALL.map(|kind| format!("{} {}", counters.of(kind), kind.name()));
    let (faults, kinds, major) = (counters.faults(), kinds.join(", "), counters.major());
    field(
        out,
        "faults",
        format!("{faults}: {kinds}; {major} read a device"),
    );
    let clean = counters.evictions_clean + counters.expired_clean;
    let dirty = counters.evictions_dirty + counters.expired_dirty;
    let freed = counters.freed;
    let pages = counted(clean + dirty + freed, "page");
    field(
        out,
        "left memory",
        format!("{pages}: {clean} clean, {dirty} written, {freed} freed"),
    );
    let taken = picture.taken();
    let dirty = taken
        .iter()
        .filter(|&&frame| picture.snapshot.bits[frame].dirty);
    let (pages, dirty) = (counted(taken.len() as u64, "page"), dirty.count());
    field(out, "resident", format!("{pages}, {dirty} dirty"));
}

/// Numbers of pages of a mapping, or of a process, by their place.
#[derive(Debug, Clone, Copy, Default)]
struct Pages {
    mapped: u64,
    touched: u64,
    resident: u64,
    swapped: u64,
    dropped: u64,
}

impl Pages {
    /// Adds a touched page.
    fn add(&mut self, place: Place) {
        self.touched += 1;
        match place {
            Place::Frame(_) => self.resident += 1,
            Place::Slot(_) => self.swapped += 1,
            Place::Dropped => self.dropped += 1,
            Place::NeverLoaded => {}
        }
    }

    fn fields(&self) -> [String; 5] {
        let Pages {
            mapped,
            touched,
            resident,
            swapped,
            dropped,
        } = self;
        [mapped, touched, resident, swapped, dropped].map(u64::to_string)
    }
}

impl AddAssign for Pages {
    fn add_assign(&mut self, other: Pages) {
        self.mapped += other.mapped;
        self.touched += other.touched;
        self.resident += other.resident;
        self.swapped += other.swapped;
        self.dropped += other.dropped;
    }
}

fn show_process(out: &mut String, picture: &Picture<'_>, process: &ProcessView) {
    let pid = picture.pid(process.process);
    let _ = writeln!(out, "\nprocess {pid}: {}", process.state);
    if process.vmas.is_empty() {
        let mut all = Pages::default();
        for &(_, _, object, _) in &process.bound {
            all.add(picture.place(object));
        }
        if all.touched > 0 {
            let _ = writeln!(
                out,
                "  no mappings; {} touched: {} resident, {} swapped, {} dropped",
                counted(all.touched, "page"),
                all.resident,
                all.swapped,
                all.dropped
            );
        }
    } else {
        mappings(out, picture, process);
    }
    page_tables(out, picture, process);
}

fn mappings(out: &mut String, picture: &Picture<'_>, process: &ProcessView) {
    const TITLES: [(&str, Align); 10] = [
        ("start", Left),
        ("end", Left),
        ("prot", Left),
        ("kind", Left),
        ("mapped", Right),
        ("touched", Right),
        ("resident", Right),
        ("swapped", Right),
        ("dropped", Right),
        ("name", Left),
    ];
    let counts = by_mapping(picture, process);
    let mut lines = Vec::new();
    let mut all = Pages::default();
    for (vma, pages) in process.vmas.iter().zip(counts) {
        all += pages;
        let sharing = if vma.shared { 's' } else { 'p' };
        let mut line = vec![
            format!("{:#x}", vma.start),
            format!("{:#x}", vma.end),
            format!("{}{sharing}", vma.protection),
            kind(vma),
        ];
        line.extend(pages.fields());
        line.push(name(vma));
        lines.push(line);
    }
    let mut total = ["total", "", "", ""].map(str::to_owned).to_vec();
    total.extend(all.fields());
    lines.push(total);
    table(out, "  ", &TITLES, lines);
}

/// Returns the pages of each mapping. A page that spans several mappings counts for the lowest.
fn by_mapping(picture: &Picture<'_>, process: &ProcessView) -> Vec<Pages> {
    let shift = picture.resolved.trace.meta.page_shift();
    let mapped = pages_of_each(&process.vmas, shift);
    let mut counts: Vec<Pages> = mapped
        .map(|mapped| Pages {
            mapped,
            ..Pages::default()
        })
        .collect();
    for &(number, _, object, _) in &process.bound {
        let lowest = process
            .vmas
            .partition_point(|vma| (vma.end - 1) >> shift < number);
        if let Some(pages) = counts.get_mut(lowest) {
            pages.add(picture.place(object));
        }
    }
    counts
}

fn kind(vma: &Vma) -> String {
    match vma.backing {
        // Earlier events may have cut off the front of the mapping.
        Backing::File { file, .. } => format!("file {file} +{:#x}", vma.offset_of(vma.start)),
        Backing::Anonymous if vma.shared => format!("region {}", vma.region),
        Backing::Anonymous => "anonymous".into(),
    }
}

fn name(vma: &Vma) -> String {
    let mut parts = vec![vma.name.to_string()];
    if vma.grows_down {
        parts.push("(grows down)".into());
    }
    if let Some(size) = vma.page_size {
        parts.push(format!("(asks for pages of {size})"));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" ")
}

/// Appends the page tables that the touched pages of a process need.
fn page_tables(out: &mut String, picture: &Picture<'_>, process: &ProcessView) {
    let meta = &picture.resolved.trace.meta;
    if meta.addressing != Addressing::Bytes || process.bound.is_empty() {
        return;
    }
    let layout = match picture.layout {
        AddressLayout::Any => "four-level",
        narrow @ AddressLayout::TwoLevel => narrow.name(),
    };
    let layout = find(layout).expect("a layout of the table");
    let numbers: Vec<u64> = process.bound.iter().map(|page| page.0).collect();
    let tables = page_table_pages(layout, meta.page_size, &numbers);
    let bytes = show_bytes(page_table_bytes(layout, &tables));
    let levels = by_level(&tables);
    let _ = writeln!(
        out,
        "  page tables: {levels} by level, {bytes} ({})",
        layout.name
    );
}

/// Appends the illegal references of the whole trace.
fn illegal_references(out: &mut String, picture: &Picture<'_>) {
    let tally = &picture.resolved.tally;
    if tally.all_illegal() == 0 {
        return;
    }
    let _ = writeln!(
        out,
        "\nillegal references of the whole trace: {}; {} dropped",
        counted_illegal(tally).join(", "),
        counted(tally.dropped, "later reference")
    );
    let titles = [
        ("position", Right),
        ("pid", Right),
        ("kind", Left),
        ("page", Left),
        ("why", Left),
    ];
    let lines = tally.illegal.iter().map(|one| {
        vec![
            one.position.to_string(),
            picture.pid(one.process).to_string(),
            one.kind.letter().to_string(),
            picture.address(one.page),
            one.fault.why().to_owned(),
        ]
    });
    table(out, "  ", &titles, lines);
}

/// Appends the refused events of the whole trace.
fn refused_events(out: &mut String, picture: &Picture<'_>) {
    let tally = &picture.resolved.tally;
    if tally.refused == 0 {
        return;
    }
    let count = counted(tally.refused, "event");
    let _ = writeln!(out, "\nrefused of the whole trace: {count}");
    for one in &tally.refusals {
        let pid = picture.pid(one.process);
        let _ = writeln!(
            out,
            "  position {}, process {pid}: {}",
            one.position, one.what
        );
    }
}

/// Appends what the lists of illegal references and refused events mean, and the number of events
/// without effect.
fn remarks(out: &mut String, picture: &Picture<'_>) {
    let tally = &picture.resolved.tally;
    let counts = [tally.all_illegal(), tally.refused];
    if counts.iter().any(|&count| count > 0) {
        let _ = writeln!(
            out,
            "  (positions count all references, from 0; an event stands before the reference at its position)"
        );
    }
    if counts.iter().any(|&count| count > space::LISTED as u64) {
        let _ = writeln!(out, "  (the first {} are listed)", space::LISTED);
    }
    if tally.ignored_io > 0 {
        let _ = writeln!(
            out,
            "\nignored: {} reads and writes of files in the whole trace (--file-io count counts the pages)",
            show_count(tally.ignored_io)
        );
    }
    if tally.idle_events > 0 {
        let count = counted(tally.idle_events, "event");
        let _ = writeln!(out, "\nwithout effect: {count} of the whole trace");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_read() {
        assert_eq!("20M".parse(), Ok(Position::Refs(20_000_000)));
        assert_eq!(" 12.5% ".parse(), Ok(Position::Percent(12.5)));
        assert_eq!("end".parse(), Ok(Position::End));
        for text in ["", "half", "-1", "101%", "%", "nan%", "1KiB"] {
            let why = text.parse::<Position>().unwrap_err();
            assert!(why.contains("is no position"), "{why}");
        }
        assert_eq!(Position::Percent(50.0).of(9).unwrap(), Some(4));
        assert_eq!(Position::Percent(32.3).of(1000).unwrap(), Some(323));
        assert_eq!(Position::Refs(9).of(9).unwrap(), Some(9));
        assert!(Position::Refs(10).of(9).is_err());
        assert_eq!(Position::End.of(9).unwrap(), None);
    }
}
