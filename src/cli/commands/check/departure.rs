//! `--explain`: the faults where a cell departs from the baseline's digests. A digest covers a block of
//! faults, so the departure is known as a range of faults.

use super::task::no_baseline;
use crate::check::Baseline;
use crate::check::cell_key::key_of;
use crate::check::digests::{Departure, Digests, FaultDigest, Rolling, Window, path_of};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::terminal::Align::{Left, Right};
use crate::cli::setup::terminal::table;
use crate::exit;
use crate::space::{EntryId, Resolved, file_page_text};
use crate::sweep::{self, Plan};
use crate::trace::model::refs::page_of;
use crate::units::Printable;
use crate::vm::FaultEvent;
use std::io::ErrorKind;
use std::path::Path;

/// The number of faults shown before the block.
const BEFORE: u64 = 3;
/// The number of faults shown from the beginning of the block.
const AFTER: u64 = 12;

/// Reads the digests of the baseline `path`; `None` if it has none.
pub fn read_digests(path: &Path) -> Result<Option<Digests>, Failure> {
    let path = path_of(path);
    let unusable = |error: String| Failure::new(exit::NO_BASELINE, error);
    // Opening a pipe without a writer would wait without end.
    if path.exists() && !path.is_file() {
        let path = path.printed();
        return Err(unusable(format!("{path}: cannot read: no regular file")));
    }
    match std::fs::read(&path) {
        Ok(text) => match Digests::parse(&path, &text) {
            Ok(digests) => Ok(Some(digests)),
            Err(error) => Err(unusable(error.to_string())),
        },
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(unusable(format!("{}: cannot read: {e}", path.printed()))),
    }
}

/// Returns where the one cell of the plan departs from `baseline`, which is the file `path`; `None` if
/// its trace was not given.
pub fn explain(
    path: &Path,
    baseline: &Baseline,
    plan: &Plan<'_>,
) -> Result<Option<String>, Failure> {
    let Some(cell) = plan.cells.first() else {
        return Ok(None);
    };
    let named = plan.identity(cell);
    let name = named.name();
    let mut entries = baseline.entries.iter().map(|entry| &entry.cell);
    let known = entries.find(|known| key_of(known) == key_of(&named));
    let digests = read_digests(path)?;
    let expected = known.and_then(|cell| digests.as_ref()?.of(cell));
    let Some(expected) = expected else {
        let why = format!(
            "no digests of the faults of {name}\n  \
             help: write them with --accept --with-digests while its counts are as they should be"
        );
        return Err(no_baseline(&path_of(path), None, why));
    };
    let failed = |error| Failure::new(exit::FAILURE, format!("{name}: {error}"));
    if plan.traces[cell.trace].trace.store().is_some() {
        return Err(failed(
            "the whole trace must be in memory (raise --mem-limit)".to_owned(),
        ));
    }
    let mut rolling = Rolling::like(expected);
    sweep::listen(plan, 0, &mut rolling).map_err(failed)?;
    let now = rolling.finish();
    let Some(departure) = expected.departure(&now) else {
        return Ok(Some(format!(
            "{name}: all {} faults are those of the baseline, in their order\n",
            now.faults
        )));
    };
    let mut window = Window::around(departure, BEFORE, AFTER);
    sweep::listen(plan, 0, &mut window).map_err(failed)?;
    let resolved = plan.traces[cell.trace];
    let mut out = format!("{name}: ") + &range(expected, &now, departure, &window, resolved);
    faults(&mut out, departure, &window, resolved);
    Ok(Some(out))
}

/// Returns the place of the departure in words: faults count from 1, references from 0.
fn range(
    expected: &FaultDigest,
    now: &FaultDigest,
    departure: Departure,
    window: &Window,
    resolved: &Resolved,
) -> String {
    let Departure { from, to } = departure;
    let agree = match from {
        0 => "no block of faults agrees with the baseline".to_owned(),
        from => format!("the first {from} faults agree with the baseline"),
    };
    let which = match to - from {
        1 => format!("fault {to} is the first that does not"),
        _ => format!(
            "the first that does not is one of the faults {} to {to}",
            from + 1
        ),
    };
    let start = match window.before {
        None => "at the beginning".to_owned(),
        Some(before) => format!("after reference {before}"),
    };
    // If today has fewer faults, the baseline's next fault may be anywhere up to the end.
    let ended = now.faults < to && now.faults < expected.faults;
    let end = match window.behind.filter(|_| !ended) {
        Some(behind) => format!("not after reference {behind}"),
        None => format!("before the end, {} references", resolved.trace.len()),
    };
    format!(
        "{agree}; {which}: {start} and {end} (faults including warm-up: {} in the baseline, {} now; one \
         digest every {} faults)\n",
        expected.faults, now.faults, expected.every
    )
}

/// Appends the faults of today around the beginning of the block.
fn faults(out: &mut String, departure: Departure, window: &Window, resolved: &Resolved) {
    let titles = [
        ("", Left),
        ("fault", Right),
        ("reference", Right),
        ("pid", Right),
        ("page", Right),
        ("kind", Left),
        ("victim", Left),
    ];
    let mut lines = Vec::new();
    let objects = Objects::of(resolved);
    for (number, event) in &window.events {
        let entry = page_of(resolved.trace.refs()[event.time as usize]);
        let key = resolved.entries()[entry as usize];
        let mark = if *number >= departure.from { "?" } else { "=" };
        lines.push(vec![
            mark.to_owned(),
            (number + 1).to_string(),
            event.time.to_string(),
            resolved.trace.dictionary.pid(key.process).to_string(),
            resolved.trace.meta.page_text(key.number),
            event.kind.name().to_owned() + if event.major { ", major" } else { "" },
            objects.victim(event),
        ]);
    }
    if lines.is_empty() {
        out.push_str("  today there is no fault in that range\n");
        return;
    }
    table(out, "  ", &titles, lines);
    out.push_str(
        "  = agrees with the baseline   ? in the range of the departure, as it is today\n",
    );
}

/// The names of objects: pages and copies of pages.
struct Objects<'r> {
    resolved: &'r Resolved,
    /// For each object an entry that shows it; `None` for copies.
    names: Vec<Option<EntryId>>,
}

impl<'r> Objects<'r> {
    fn of(resolved: &'r Resolved) -> Objects<'r> {
        let entries = resolved.entries();
        let mut names = vec![None; resolved.objects()];
        for entry in 0..entries.len() {
            let object = match &resolved.space {
                Some(space) => space.first_object[entry] as usize,
                None => entry,
            };
            if let Some(name) = names.get_mut(object).filter(|name| name.is_none()) {
                *name = Some(entry as EntryId);
            }
        }
        Objects { resolved, names }
    }

    fn victim(&self, event: &FaultEvent) -> String {
        let Some(victim) = event.victim else {
            return "-".to_owned();
        };
        let object = victim.page;
        let trace = &self.resolved.trace;
        let space = self.resolved.space.as_ref();
        let name = self.names.get(object as usize).copied().flatten();
        let of_file = name.and_then(|entry| space?.io_entries.get(&entry));
        let page = match (name, of_file) {
            (None, _) => format!("copy {object}"),
            (_, Some(page)) => file_page_text(*page),
            (Some(entry), None) => {
                let key = self.resolved.entries()[entry as usize];
                let page = trace.meta.page_text(key.number);
                match trace.dictionary.pids.len() {
                    1 => page,
                    _ => format!("{page} of {}", trace.dictionary.pid(key.process)),
                }
            }
        };
        page + if victim.written { ", dirty" } else { "" }
    }
}
