//! Messages about traces that were read: their formats and sizes, skipped records, and references and
//! events that could not happen as the trace has them.

use super::Loaded;
use crate::cli::setup::progress::note;
use crate::space::{OnSegfault, Options, ResolveCounts, Resolved};
use crate::trace::format::ReadReport;
use crate::units::{Printable, about, counted, plain_name, show_count};
use std::path::Path;

/// The most illegal references, and refused events, that are listed.
const LISTED: usize = 3;

/// Notes how a trace was read, its size, and whether its kind limits what its counts mean.
pub fn report_loaded(loaded: &Loaded) {
    let trace = &loaded.traces[0];
    let mut parts = vec![format!(
        "{}, {}, {}",
        read_as(loaded.format, loaded.guessed, loaded.codec),
        about(trace.len() as u64, "reference"),
        counted(trace.distinct(), "page"),
    )];
    parts.extend(loaded.report.parts());
    note(&format!("{}: {}", loaded.path.printed(), parts.join("; ")));
    report_skipped(&loaded.path, trace.meta.skipped);
    if let Some(warning) = trace.meta.kind.warning() {
        note(&format!(
            "warning: {}: trace kind is {:?}: {warning}",
            trace.meta.name,
            trace.meta.kind.name()
        ));
    }
}

/// Returns the name that a user gave a trace, made plain; notes what that changed.
pub fn plain_given_name(name: &str) -> String {
    let plain = plain_name(name).into_owned();
    if plain != name {
        note(&format!(
            "note: --name \"{}\": the trace is called {plain:?}, since the rest would act on what shows it",
            name.printed()
        ));
    }
    plain
}

/// Returns how a file was read: its format, whether that was guessed, and its codec if it has one.
pub fn read_as(format: &str, guessed: bool, codec: &str) -> String {
    let how = if guessed {
        " (guessed from content)"
    } else {
        ""
    };
    match codec {
        "none" => format!("{format}{how}"),
        codec => format!("{format}{how}, {codec}"),
    }
}

/// Notes what the numbers of a file were taken for, and what of it was dropped, if there is something to
/// say.
pub fn report_read(path: &Path, report: &ReadReport) {
    let parts = report.parts();
    if !parts.is_empty() {
        note(&format!("{}: {}", path.printed(), parts.join("; ")));
    }
}

/// Warns that bad records were skipped, if any were.
pub fn report_skipped(path: &Path, skipped: u64) {
    if skipped > 0 {
        note(&format!(
            "warning: {}: {} skipped",
            path.printed(),
            counted(skipped, "bad record")
        ));
    }
}

/// Warns of illegal references, refused events and events without effect.
pub fn report_illegal(path: &str, resolved: &Resolved, options: &Options) {
    let tally = &resolved.tally;
    let dictionary = &resolved.trace.dictionary;
    let illegal = tally.all_illegal();
    if illegal > 0 {
        let then = match options.on_segfault {
            OnSegfault::Kill => format!(
                "processes ended there, {} later references were left out",
                show_count(tally.dropped)
            ),
            _ => "they were left out".to_owned(),
        };
        let mut counts = counted_illegal(tally);
        let last = counts.pop().unwrap_or_default();
        let others = counts.join(", ");
        note(&format!("warning: {path}: {others} and {last}: {then}"));
        for one in tally.illegal.iter().take(LISTED) {
            note(&format!(
                "  position {}: {} of the page at {:#x} by process {}: {}",
                one.position,
                one.kind.letter(),
                one.page << resolved.trace.meta.page_shift(),
                dictionary.pid(one.process),
                one.fault.why()
            ));
        }
        if illegal > LISTED as u64 {
            note("  (pagebench vm lists more)");
        }
    }
    for one in tally.refusals.iter().take(LISTED) {
        note(&format!(
            "warning: {path}: position {}, process {}: {} (refused)",
            one.position,
            dictionary.pid(one.process),
            one.what
        ));
    }
    if tally.refused > LISTED as u64 {
        note(&format!("  {} events were refused in all", tally.refused));
    }
    if tally.ignored_io > 0 {
        note(&format!(
            "note: {path}: {} ignored; --file-io count counts the pages",
            counted_io(tally.ignored_io)
        ));
    }
    if tally.idle_events > 0 {
        note(&format!(
            "note: {path}: {} had no effect: they name unmapped memory, a file that is not there, bytes beyond its end, or a heap end that brk cannot set",
            counted(tally.idle_events, "event")
        ));
    }
}

/// Returns the numbers of illegal references, one text for each kind. Bus errors are among them only if
/// there are any.
pub fn counted_illegal(tally: &ResolveCounts) -> Vec<String> {
    let mut counts = vec![
        counted(tally.segfaults, "segmentation fault"),
        counted(tally.protection_faults, "protection fault"),
    ];
    if tally.bus_errors > 0 {
        counts.push(counted(tally.bus_errors, "bus error"));
    }
    counts
}

/// Returns the words for a number of reads and writes of files.
fn counted_io(count: u64) -> String {
    match count {
        1 => "1 read or write of a file is".to_owned(),
        _ => format!("{} reads and writes of files are", show_count(count)),
    }
}
