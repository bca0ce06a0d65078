//! The story of a replay without frames as text: what each fault and each event did to memory.

use crate::report::results::columns::Row;
use crate::space::Resolved;
use crate::trace::model::refs::page_of;
use crate::units::{counted, show_bytes};
use crate::vm::models::counts::PlaceOutcome;
use crate::vm::models::story::{Counted, Happened, Moment, Resident};
use std::fmt::Write;

/// What a text is about.
pub struct Told<'t> {
    /// The trace.
    pub resolved: &'t Resolved,
    /// What names the cell.
    pub name: String,
    /// Bytes of memory.
    pub memory: u64,
}

impl Told<'_> {
    fn pid(&self, process: u32) -> u32 {
        self.resolved.trace.dictionary.pid(process)
    }

    /// Returns a segment in words: whose, at which address, how long.
    fn segment(&self, of: &Resident) -> String {
        let owners = of
            .owners
            .iter()
            .map(|&(process, _)| self.pid(process).to_string());
        let mut owners: Vec<String> = owners.collect();
        owners.dedup();
        let whose = match owners.len() {
            0 => "no process".to_owned(),
            1 => format!("process {}", owners[0]),
            _ => format!("processes {}", owners.join(", ")),
        };
        let address = of.owners.first().map_or(0, |&(_, address)| address);
        format!(
            "{} of {whose} at {address:#x}",
            show_bytes(of.end - of.start)
        )
    }
}

/// Returns the story of segments. `more`: moments that are not shown.
pub fn segments(told: &Told<'_>, moments: &[Moment], row: &Row) -> String {
    let mut out = format!("{}, {} of memory\n", told.name, show_bytes(told.memory));
    for moment in moments {
        let position = moment.position;
        let what = match moment.is_reference {
            true => format!("reference {position}: {}", reference(told, position)),
            false => format!("before reference {position}: an event"),
        };
        let _ = writeln!(out, "\n{what}{}", verdict(&moment.counted));
        for happened in &moment.happened {
            let _ = writeln!(out, "  {}", words(told, happened));
        }
        for line in work(&moment.counted) {
            let _ = writeln!(out, "  {line}");
        }
        let _ = writeln!(out, "  memory: {}", map(told, moment));
    }
    if moments.is_empty() {
        out.push_str("\nnothing changes in memory within these references\n");
    }
    let _ = writeln!(
        out,
        "\nin all: {}, {} of them first; {} left and {} came back; {} written to swap, {} read back, {} \
         moved in memory; fragmentation {:.3} at worst",
        counted(row.faults, "fault"),
        row.fills,
        row.swap_outs.unwrap_or(0),
        row.swap_ins.unwrap_or(0),
        show_bytes(row.swap_bytes_out.unwrap_or(0)),
        show_bytes(row.swap_bytes_in.unwrap_or(0)),
        show_bytes(row.bytes_moved.unwrap_or(0)),
        row.fragmentation_worst.unwrap_or(0.0),
    );
    if !row.is_ok() {
        let _ = writeln!(out, "{}: {}", row.status, row.error);
    }
    out
}

/// Returns a reference in words, by its number among the legal ones.
fn reference(told: &Told<'_>, position: u64) -> String {
    let trace = &told.resolved.trace;
    let mut text = String::new();
    let at = position as usize;
    if at < trace.len() {
        trace.tiles_of(at..at + 1, |tile| {
            let key = told.resolved.entries()[page_of(tile.refs[0]) as usize];
            let kind = crate::trace::model::refs::kind_of(tile.kinds[0]);
            let (pid, letter) = (told.pid(key.process), kind.letter());
            text = format!(
                "process {pid} {letter} {}",
                trace.meta.page_text(key.number)
            );
            false
        });
    }
    text
}

fn verdict(counted: &Counted) -> String {
    let words = [
        "a segment comes in for the first time",
        "it had left",
        "it is copied",
    ];
    let word = counted
        .faults
        .iter()
        .zip(words)
        .find(|(count, _)| **count > 0);
    word.map_or(String::new(), |(_, word)| format!(": fault, {word}"))
}

fn words(told: &Told<'_>, happened: &Happened) -> String {
    match happened {
        Happened::In(is) => format!("in: {}, to {}", told.segment(is), is.start),
        Happened::Out { was, lives: true } => format!("out: {}", told.segment(was)),
        Happened::Out { was, lives: false } => {
            format!(
                "gone: {}, from {}",
                show_bytes(was.end - was.start),
                was.start
            )
        }
        Happened::Changed { was, is } => {
            let (before, now) = (was.end - was.start, is.end - is.start);
            match before == now {
                true => format!(
                    "moves: {}, from {} to {}",
                    told.segment(is),
                    was.start,
                    is.start
                ),
                false => format!(
                    "from {} to {}: {}, at {}",
                    show_bytes(before),
                    show_bytes(now),
                    told.segment(is),
                    is.start
                ),
            }
        }
    }
}

fn work(counts: &Counted) -> Vec<String> {
    let mut lines = Vec::new();
    if counts.unfit > 0 {
        lines.push("no hole was large enough, though enough bytes were free".to_owned());
    }
    let amounts = counts.transfers.iter().chain(&counts.copies);
    let names = [
        "written to disk",
        "read from swap",
        "read from a file",
        "moved in memory",
        "copied to grow",
        "copied for a second owner",
    ];
    let done: Vec<String> = amounts
        .zip(names)
        .filter(|(amount, _)| **amount > 0)
        .map(|(amount, name)| format!("{} {name}", show_bytes(*amount)))
        .collect();
    if !done.is_empty() {
        lines.push(done.join(", "));
    }
    lines
}

/// Returns memory from its first byte on: segments by process, and holes.
fn map(told: &Told<'_>, moment: &Moment) -> String {
    let segments = moment.memory.iter().map(|of| {
        let pid = of
            .owners
            .first()
            .map_or(0, |&(process, _)| told.pid(process));
        (
            of.start,
            format!("{pid}: {}", show_bytes(of.end - of.start)),
        )
    });
    let holes = moment
        .holes
        .iter()
        .map(|&(start, end)| (start, format!("free {}", show_bytes(end - start))));
    let mut all: Vec<(u64, String)> = segments.chain(holes).collect();
    all.sort_by_key(|(start, _)| *start);
    let all: Vec<String> = all.into_iter().map(|(_, text)| text).collect();
    all.join(" | ")
}

/// Returns what happened to addresses that are places.
pub fn places(told: &Told<'_>, outcome: &PlaceOutcome, row: &Row) -> String {
    let mut out = format!("{}, {} of memory\n\n", told.name, show_bytes(told.memory));
    let first = outcome.first.iter().zip([
        ("writes over", outcome.clobbers, "such write"),
        ("reads", outcome.foreign_reads, "such read"),
    ]);
    for (first, (verb, all, name)) in first {
        match first {
            None => {
                let _ = writeln!(out, "no process {verb} what another living one wrote");
            }
            Some(first) => {
                let page = told.resolved.trace.meta.page_text(first.place);
                let _ = writeln!(
                    out,
                    "reference {}: process {} {verb} the place {page}, which process {} wrote last: the first of {}",
                    first.position,
                    told.pid(first.process),
                    told.pid(first.writer),
                    counted(all, name)
                );
            }
        }
    }
    if !row.is_ok() {
        let _ = writeln!(out, "{}: {}", row.status, row.error);
    }
    out
}
