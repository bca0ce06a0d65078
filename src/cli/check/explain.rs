//! `--explain`: the faults where a cell departs from what the baseline's digests know of it. Digests
//! name a block of faults, not the fault: what is said of the departure is the range it lies in.

use super::accept::read_digests;
use super::{CheckArgs, Task, none};
use crate::check::cell::key_of;
use crate::check::digests::{Departure, FaultDigest, Rolling, Window, path_of};
use crate::cli::failure::Failure;
use crate::exit;
use crate::report::table::columns;
use crate::space::Resolved;
use crate::sweep::{self, Plan};
use crate::trace::dense::{PageKey, page_of};
use crate::trace::record::Addressing;
use crate::vm::FaultEvent;

/// Faults shown before the block and from its beginning.
const BEFORE: u64 = 3;
const BEHIND: u64 = 12;

/// Says where the one cell of the plan departs; `None` if its trace was not given.
pub fn explain(args: &CheckArgs, task: &Task, plan: &Plan<'_>) -> Result<Option<String>, Failure> {
    let Some(cell) = plan.cells.first() else {
        return Ok(None);
    };
    let named = plan.identity(cell);
    let name = named.name();
    let entries = task.baseline.iter().flat_map(|baseline| &baseline.entries);
    let known = entries
        .map(|entry| &entry.cell)
        .find(|known| key_of(known) == key_of(&named));
    let digests = read_digests(args)?;
    let expected = known.and_then(|cell| digests.as_ref()?.of(cell));
    let Some(expected) = expected else {
        let why = format!(
            "no digests of the faults of {name}\n  \
             help: write them with --accept --with-digests while its counts are as they should be"
        );
        return Err(none(&path_of(&args.baseline), None, why));
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
    let mut window = Window::around(departure, BEFORE, BEHIND);
    sweep::listen(plan, 0, &mut window).map_err(failed)?;
    let resolved = plan.traces[cell.trace];
    let mut out = format!("{name}: ") + &range(expected, &now, departure, &window, resolved);
    table(&mut out, departure, &window, resolved);
    Ok(Some(out))
}

/// Where the departure is, in words: faults counted from 1, references from 0.
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
    // Where today's faults end first, the baseline's next one may be anywhere behind.
    let ended = now.faults < to && now.faults < expected.faults;
    let end = match window.behind.filter(|_| !ended) {
        Some(behind) => format!("not after reference {behind}"),
        None => format!("before the end, {} references", resolved.trace.len()),
    };
    format!(
        "{agree}; {which}: {start} and {end} (warm-up included {} faults then, {} now; digests every {})\n",
        expected.faults, now.faults, expected.every
    )
}

/// The faults of today around the beginning of the block.
fn table(out: &mut String, departure: Departure, window: &Window, resolved: &Resolved) {
    let names = ["", "fault", "reference", "pid", "page", "kind", "victim"];
    let mut lines = vec![names.map(str::to_owned).to_vec()];
    let objects = Objects::of(resolved);
    for (number, event) in &window.events {
        let entry = page_of(resolved.trace.refs()[event.time as usize]);
        let key = resolved.entries()[entry as usize];
        let mark = match *number >= departure.from {
            true => "?",
            false => "=",
        };
        lines.push(vec![
            mark.to_owned(),
            (number + 1).to_string(),
            event.time.to_string(),
            resolved.trace.dictionary.pids[key.process as usize].to_string(),
            objects.page(key),
            event.kind.name().to_owned() + if event.major { ", major" } else { "" },
            objects.victim(event),
        ]);
    }
    if lines.len() == 1 {
        out.push_str("  today there is no fault in that range\n");
        return;
    }
    columns(out, "  ", "<>>>><<", &lines);
    out.push_str(
        "  = agrees with the baseline   ? in the range of the departure, as it is today\n",
    );
}

/// Names of pages in frames.
struct Objects<'r> {
    resolved: &'r Resolved,
    /// For each object a page that it is; none for copies.
    keys: Vec<Option<PageKey>>,
}

impl<'r> Objects<'r> {
    fn of(resolved: &'r Resolved) -> Objects<'r> {
        let entries = resolved.entries();
        let mut keys = vec![None; resolved.objects()];
        for (entry, key) in entries.iter().enumerate() {
            let object = match &resolved.space {
                Some(space) => space.first_object[entry] as usize,
                None => entry,
            };
            if let Some(name) = keys.get_mut(object).filter(|name| name.is_none()) {
                *name = Some(*key);
            }
        }
        Objects { resolved, keys }
    }

    fn page(&self, key: PageKey) -> String {
        let meta = &self.resolved.trace.meta;
        match meta.addressing {
            Addressing::Bytes => format!("{:#x}", u128::from(key.number) << meta.page_shift()),
            Addressing::Ids => key.number.to_string(),
        }
    }

    fn victim(&self, event: &FaultEvent) -> String {
        let Some(victim) = event.victim else {
            return "-".to_owned();
        };
        let object = victim.page;
        let pids = &self.resolved.trace.dictionary.pids;
        let page = match self.keys.get(object as usize).copied().flatten() {
            None => format!("copy {object}"),
            Some(key) if pids.len() == 1 => self.page(key),
            Some(key) => format!("{} of {}", self.page(key), pids[key.process as usize]),
        };
        page + if victim.written { ", dirty" } else { "" }
    }
}
