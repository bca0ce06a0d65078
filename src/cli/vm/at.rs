//! The state of memory at a position, as text: the machine, the processes with their mappings, and
//! what was illegal or refused. Where pages are is the machine's word, what they are is that of the
//! address spaces.

use super::machine::{Choice, Machine, cannot_run};
use super::pages::{self, Place};
use super::{VmArgs, contradiction, load};
use crate::cli::failure::Failure;
use crate::cli::print;
use crate::cli::progress::note;
use crate::exit::{self, ExitCode};
use crate::report::table::columns;
use crate::space::vma::{Vma, pages_of_each};
use crate::space::{self, ProcessView, Resolved, View};
use crate::trace::event::Backing;
use crate::trace::record::Addressing;
use crate::units::{counted, did_you_mean, parse_count, percent_of, show_bytes};
use crate::vm::layout::{find, page_table_bytes, page_table_pages};
use crate::vm::machine::observe::snapshot;
use crate::vm::{FaultKind, Snapshot};
use std::fmt::Write;
use std::ops::AddAssign;
use std::str::FromStr;

/// A position as the user wrote it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum At {
    /// After so many references.
    Refs(u64),
    /// After so many percent of them.
    Percent(f64),
    /// After the last event.
    End,
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<At, String> {
        let wrong = || {
            let hint = did_you_mean(text.trim(), std::iter::once("end"));
            format!("\"{text}\" is no position: write 1000, 20M, 50% or end{hint}")
        };
        let text = text.trim();
        if text == "end" {
            return Ok(At::End);
        }
        match text.strip_suffix('%') {
            None => parse_count(text).map(At::Refs).map_err(|_| wrong()),
            Some(percent) => match percent.trim().parse::<f64>() {
                Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(At::Percent(percent)),
                _ => Err(wrong()),
            },
        }
    }
}

impl At {
    /// The references before the position, of so many; `None` for the end.
    fn of(self, refs: u64) -> Result<Option<u64>, Failure> {
        match self {
            At::End => Ok(None),
            At::Percent(percent) => Ok(Some(percent_of(percent, refs))),
            At::Refs(at) if at <= refs => Ok(Some(at)),
            At::Refs(at) => Err(Failure::usage(format!(
                "--at {at}: beyond the end of the trace, which has {}; end stands after its last event",
                counted(refs, "reference")
            ))),
        }
    }
}

/// Everything that is known of memory at a position.
pub struct Picture<'a> {
    /// The trace.
    pub resolved: &'a Resolved,
    /// The processes.
    pub view: &'a View,
    /// The machine.
    pub snapshot: &'a Snapshot,
}

impl Picture<'_> {
    /// The address of a page; for a trace of ids, the id.
    pub fn address(&self, number: u64) -> String {
        match self.resolved.trace.meta.addressing {
            Addressing::Bytes => format!("{:#x}", number << self.shift()),
            Addressing::Ids => number.to_string(),
        }
    }

    /// The process id of a process of the view.
    pub fn pid(&self, process: u32) -> u32 {
        self.resolved.trace.dictionary.pids[process as usize]
    }

    fn shift(&self) -> u32 {
        self.resolved.trace.meta.page_shift()
    }
}

/// Runs the command without `-o`.
pub fn show(args: &VmArgs, choice: &Choice<'_>) -> Result<ExitCode, Failure> {
    let trace = load(args)?;
    let refs = trace.len() as u64;
    let at = args.at.of(refs)?;
    let resolved = space::resolve_at(trace, &choice.space, Some(at.unwrap_or(u64::MAX)));
    let (resolved, view) = resolved.map_err(|error| contradiction(args, error))?;
    let view = view.expect("it was asked for");
    let machine = choice.machine(&resolved)?;
    let job = machine.job(&resolved);
    let snapshot = snapshot(&job, view.position, view.ops).map_err(cannot_run)?;
    if snapshot.swap_full {
        note(&format!(
            "note: swap was full after {}, where the replay ended: pages are where they were then, mappings are those of the position",
            counted(snapshot.counters.refs, "legal reference")
        ));
    }
    let picture = Picture {
        resolved: &resolved,
        view: &view,
        snapshot: &snapshot,
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
    illegal(&mut out, &picture);
    print(&out)?;
    Ok(exit::OK)
}

fn heading(out: &mut String, picture: &Picture<'_>, machine: &Machine) {
    let Resolved { trace, origin, .. } = picture.resolved;
    let processes = match trace.dictionary.pids.len() {
        1 => "1 process".to_owned(),
        n => format!("{n} processes"),
    };
    let _ = writeln!(
        out,
        "trace        {}: {} mappings, {processes}, pages of {}",
        trace.meta.name,
        origin.name(),
        trace.meta.page_size
    );
    let _ = writeln!(out, "memory       {}", machine.about);
    let slots = picture.snapshot.slots.iter().flatten().count() as u64;
    let _ = writeln!(
        out,
        "swap         {}: {} in use, at most {} so far",
        machine.about_swap,
        counted(slots, "slot"),
        picture.snapshot.slots_peak
    );
}

/// Where the trace stands, and what was counted up to there.
fn position(out: &mut String, picture: &Picture<'_>, at: Option<u64>, refs: u64) {
    let legal = picture.view.position;
    let _ = match at {
        None => write!(
            out,
            "position     after the last event, all {}",
            counted(refs, "reference")
        ),
        Some(at) => write!(
            out,
            "position     after {at} of {}",
            counted(refs, "reference")
        ),
    };
    if legal < at.unwrap_or(refs) {
        let _ = write!(out, ", {legal} of them legal");
    }
    let counters = &picture.snapshot.counters;
    let kinds = FaultKind::ALL.map(|kind| format!("{} {}", counters.of(kind), kind.name()));
    let _ = writeln!(
        out,
        "\nfaults       {}: {}; {} read a device",
        counters.faults(),
        kinds.join(", "),
        counters.major()
    );
    let (clean, dirty) = (
        counters.evictions_clean + counters.expired_clean,
        counters.evictions_dirty + counters.expired_dirty,
    );
    let _ = writeln!(
        out,
        "left memory  {}: {clean} clean, {dirty} written, {} freed",
        counted(clean + dirty + counters.freed, "page"),
        counters.freed
    );
    let taken = picture.taken();
    let dirty = taken
        .iter()
        .filter(|&&frame| picture.snapshot.bits[frame].dirty);
    let _ = writeln!(
        out,
        "resident     {}, {} dirty",
        counted(taken.len() as u64, "page"),
        dirty.count()
    );
}

/// How many pages of a mapping, or of a process, are where.
#[derive(Debug, Clone, Copy, Default)]
struct Pages {
    mapped: u64,
    touched: u64,
    resident: u64,
    swapped: u64,
    dropped: u64,
}

impl Pages {
    /// One touched page.
    fn note(&mut self, place: Place) {
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
            all.note(picture.place(object));
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
    const TITLES: [&str; 10] = [
        "start", "end", "prot", "kind", "mapped", "touched", "resident", "swapped", "dropped",
        "name",
    ];
    let counts = by_mapping(picture, process);
    let mut lines = vec![TITLES.map(str::to_owned).to_vec()];
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
    let mut total = vec![
        "total".to_owned(),
        String::new(),
        String::new(),
        String::new(),
    ];
    total.extend(all.fields());
    lines.push(total);
    columns(out, "  ", "<<<<>>>>><", &lines);
}

/// The pages of each mapping. A page that several mappings share a part of counts with the lowest.
fn by_mapping(picture: &Picture<'_>, process: &ProcessView) -> Vec<Pages> {
    let shift = picture.shift();
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
            pages.note(picture.place(object));
        }
    }
    counts
}

fn kind(vma: &Vma) -> String {
    match vma.backing {
        Backing::File { file, offset, .. } => {
            // What earlier events cut off the front is not shown any more.
            let offset = offset.wrapping_add(vma.start.wrapping_sub(vma.origin));
            format!("file {file} +{offset:#x}")
        }
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

/// The page tables that the touched pages of a process need.
fn page_tables(out: &mut String, picture: &Picture<'_>, process: &ProcessView) {
    let meta = &picture.resolved.trace.meta;
    if meta.addressing != Addressing::Bytes || process.bound.is_empty() {
        return;
    }
    let layout = find("four-level").expect("a layout of the table");
    let numbers: Vec<u64> = process.bound.iter().map(|page| page.0).collect();
    let tables = page_table_pages(layout, meta.page_size, &numbers);
    let bytes = show_bytes(page_table_bytes(layout, &tables));
    let by_level: Vec<String> = tables.iter().map(u64::to_string).collect();
    let _ = writeln!(
        out,
        "  page tables: {} by level, {bytes} ({})",
        by_level.join(" + "),
        layout.name
    );
}

/// What of the whole trace was illegal or refused.
fn illegal(out: &mut String, picture: &Picture<'_>) {
    let tally = &picture.resolved.tally;
    if tally.segfaults + tally.protection_faults > 0 {
        let _ = writeln!(
            out,
            "\nillegal references of the whole trace: {}, {}; {} dropped",
            counted(tally.segfaults, "segmentation fault"),
            counted(tally.protection_faults, "protection fault"),
            counted(tally.dropped, "later reference")
        );
        let mut lines = vec![
            ["position", "pid", "kind", "page", "why"]
                .map(str::to_owned)
                .to_vec(),
        ];
        lines.extend(tally.illegal.iter().map(|one| {
            let why = match one.segmentation {
                true => "no mapping",
                false => "not allowed",
            };
            vec![
                one.position.to_string(),
                picture.pid(one.process).to_string(),
                one.kind.letter().to_string(),
                picture.address(one.page),
                why.to_owned(),
            ]
        }));
        columns(out, "  ", ">><<<", &lines);
    }
    if tally.refused > 0 {
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
    if tally.segfaults + tally.protection_faults + tally.refused > 0 {
        let _ = writeln!(
            out,
            "  (positions count all references, from 0; an event stands before the reference at its position)"
        );
    }
    let counts = [tally.segfaults + tally.protection_faults, tally.refused];
    if counts.iter().any(|&count| count > space::LISTED as u64) {
        let _ = writeln!(out, "  (the first {} are listed)", space::LISTED);
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
        assert_eq!("20M".parse(), Ok(At::Refs(20_000_000)));
        assert_eq!(" 12.5% ".parse(), Ok(At::Percent(12.5)));
        assert_eq!("end".parse(), Ok(At::End));
        for text in ["", "half", "-1", "101%", "%", "nan%", "1KiB"] {
            let why = text.parse::<At>().unwrap_err();
            assert!(why.contains("is no position"), "{why}");
        }
        assert_eq!(At::Percent(50.0).of(9).unwrap(), Some(4));
        assert_eq!(At::Percent(32.3).of(1000).unwrap(), Some(323));
        assert_eq!(At::Refs(9).of(9).unwrap(), Some(9));
        assert!(At::Refs(10).of(9).is_err());
        assert_eq!(At::End.of(9).unwrap(), None);
    }
}
