//! Mappings for a trace that has none: the pages that a process and its descendants touch are
//! gathered where they lie close together, and each group is split into code, constants and data
//! by how its pages are used. Code and constants become private mappings of files, one each; data
//! becomes anonymous memory. What an event unmaps and the family touches later is mapped again at
//! once: the program must have mapped it, though the trace does not say so.

use super::kinds::Kinds;
use crate::trace::model::access::Kind;
use crate::trace::model::dense::Trace;
use crate::trace::model::event::{Backing, Event, EventAt, Mapping, Protection, USER_END};
use crate::trace::model::refs::page_of;
use std::collections::BTreeMap;
use std::ops::Range;

/// Pages at least this many bytes apart belong to different mappings.
const GAP: u64 = 128 << 10;

/// Returns `trace` with inferred mappings before its first reference. Its digest does not change.
pub(super) fn with_mappings(mut trace: Trace) -> Trace {
    let mut files = 0;
    let roots = roots(&trace);
    let page = trace.meta.page_size.bytes();
    let used = used_by_families(&trace, &roots);
    let families: BTreeMap<u32, Vec<Mapping>> = used
        .iter()
        .map(|(&root, pages)| (root, mappings(pages, page, &mut files)))
        .collect();
    let mapped = |position, process: u32, mapping: Mapping| EventAt {
        position,
        process,
        event: Event::Map(Box::new(mapping)),
        line: 0,
    };
    let made = |position, process: u32| {
        let mappings = families.get(&roots[process as usize]);
        let mappings = mappings.into_iter().flatten().cloned();
        mappings.map(move |mapping| mapped(position, process, mapping))
    };
    let mut events: Vec<EventAt> = families.keys().flat_map(|&root| made(0, root)).collect();
    for event in std::mem::take(&mut trace.events) {
        let (position, process) = (event.position, event.process);
        let gone = match event.event {
            Event::Exec => {
                events.push(event);
                events.extend(made(position, process));
                continue;
            }
            Event::Unmap { start, length } => Some(start..start.saturating_add(length)),
            _ => None,
        };
        events.push(event);
        let root = roots[process as usize];
        if let (Some(range), Some(mappings)) = (gone, families.get(&root)) {
            let again = mapped_again(&used[&root], mappings, page, range, position);
            events.extend(again.into_iter().map(|m| mapped(position, process, m)));
        }
    }
    trace.with_events(events)
}

/// Returns for each process its ancestor that no fork made.
fn roots(trace: &Trace) -> Vec<u32> {
    let mut roots: Vec<u32> = (0..trace.dictionary.pids.len() as u32).collect();
    for event in &trace.events {
        if let Event::Fork { child } | Event::Vfork { child } = event.event {
            roots[child as usize] = roots[event.process as usize];
        }
    }
    roots
}

/// How a page is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Used {
    /// The kinds of access.
    kinds: Kinds,
    /// The position behind the last reference.
    until: u64,
}

/// Returns for each process that no fork made the pages that it and its descendants touch, and how.
/// A child has its parent's mappings, so these must suit both.
fn used_by_families(trace: &Trace, roots: &[u32]) -> BTreeMap<u32, BTreeMap<u64, Used>> {
    let user_pages = USER_END / trace.meta.page_size.bytes();
    let mut uses = vec![Used::default(); trace.distinct()];
    trace.tiles_of(0..trace.len(), |tile| {
        let positions = tile.start + 1..;
        for ((&reference, &kind), behind) in tile.refs.iter().zip(tile.kinds).zip(positions) {
            let used = &mut uses[page_of(reference) as usize];
            used.kinds = used.kinds.and(Kinds::of_code(kind));
            used.until = behind;
        }
        true
    });
    let mut families: BTreeMap<u32, BTreeMap<u64, Used>> = BTreeMap::new();
    let pages = trace.dictionary.pages.iter().zip(uses);
    for (key, uses) in pages.filter(|(key, _)| key.number < user_pages) {
        let pages = families.entry(roots[key.process as usize]).or_default();
        let used = pages.entry(key.number).or_default();
        used.kinds = used.kinds.and(uses.kinds);
        used.until = used.until.max(uses.until);
    }
    families
}

/// Returns the parts of a family's mappings that an event at `position` unmaps from `range` and
/// whose pages are touched at that position or later: of each mapping from the first such page to
/// the last.
fn mapped_again(
    used: &BTreeMap<u64, Used>,
    mappings: &[Mapping],
    page: u64,
    range: Range<u64>,
    position: u64,
) -> Vec<Mapping> {
    let part = |mapping: &Mapping| {
        let end = mapping.start.saturating_add(mapping.length);
        let (low, high) = (mapping.start.max(range.start), end.min(range.end));
        if low >= high {
            return None;
        }
        let mut later = used
            .range(low / page..high.div_ceil(page))
            .filter(|(_, used)| used.until > position)
            .map(|(&number, _)| number);
        let first = later.next()?;
        let last = later.next_back().unwrap_or(first);
        // A page that is unmapped in part keeps the rest.
        let start = low.max(first * page);
        let mut part = Mapping {
            start,
            length: high.min((last + 1) * page) - start,
            ..mapping.clone()
        };
        if let Backing::File { offset, .. } = &mut part.backing {
            *offset += start - mapping.start;
        }
        Some(part)
    };
    mappings.iter().filter_map(part).collect()
}

/// The use of a run of pages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Code,
    Data,
    Constants,
}

/// Pages from the first to the last, how they are used, and all uses together.
struct Run {
    first: u64,
    last: u64,
    is: Use,
    uses: Kinds,
}

fn mappings(pages: &BTreeMap<u64, Used>, page: u64, files: &mut u32) -> Vec<Mapping> {
    let mut runs: Vec<Run> = Vec::new();
    for (&number, &Used { kinds: uses, .. }) in pages {
        let is = match uses {
            uses if uses.has(Kind::Ifetch) => Use::Code,
            uses if uses.has(Kind::Write) => Use::Data,
            _ => Use::Constants,
        };
        match runs.last_mut() {
            Some(run) if (number - run.last - 1) * page < GAP && run.takes(is) => {
                run.last = number;
                run.uses = run.uses.and(uses);
                if run.is == Use::Constants {
                    run.is = is;
                }
            }
            _ => runs.push(Run {
                first: number,
                last: number,
                is,
                uses,
            }),
        }
    }
    runs.iter().map(|run| run.mapping(page, files)).collect()
}

impl Run {
    /// Returns whether a page of the use `is` continues the run. Pages that are only read may
    /// belong to either neighbour; they go with the one before them.
    fn takes(&self, is: Use) -> bool {
        self.is == is || is == Use::Constants || self.is == Use::Constants && is == Use::Data
    }

    fn mapping(&self, page: u64, files: &mut u32) -> Mapping {
        let length = (self.last - self.first + 1).saturating_mul(page);
        let (write, execute) = (self.uses.has(Kind::Write), self.uses.has(Kind::Ifetch));
        let mut backing = Backing::Anonymous;
        if !write {
            let (file, offset) = (*files, 0);
            *files += 1;
            backing = Backing::File {
                file,
                offset,
                length,
            };
        }
        let name = match self.is {
            Use::Code => "[code]",
            Use::Data => "[data]",
            Use::Constants => "[constants]",
        };
        let protection = Protection {
            read: true,
            write,
            execute,
        };
        Mapping {
            backing,
            name: name.into(),
            ..Mapping::anonymous(self.first * page, length, protection)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_split_by_use_and_distance() {
        let [fetched, read, written] = [Kind::Ifetch, Kind::Read, Kind::Write].map(Kinds::of);
        let pages = BTreeMap::from([
            (0x400, fetched.and(read)),
            (0x402, read),
            (0x404, fetched),
            (0x405, read.and(written)),
            (0x406, read),
            (0x9000, read),
            (0x9001, written),
            (0xa000, read),
        ]);
        let used = |kinds| Used { kinds, until: 1 };
        let pages = pages.into_iter().map(|(page, kinds)| (page, used(kinds)));
        let pages: BTreeMap<u64, Used> = pages.collect();
        let mut files = 0;
        let got: Vec<_> = mappings(&pages, 4096, &mut files)
            .into_iter()
            .map(|m| {
                (
                    m.start >> 12,
                    m.length >> 12,
                    m.protection.to_string(),
                    m.name,
                )
            })
            .collect();
        let wanted = [
            (0x400, 5, "r-x", "[code]"),
            (0x405, 2, "rw-", "[data]"),
            (0x9000, 2, "rw-", "[data]"),
            (0xa000, 1, "r--", "[constants]"),
        ];
        let wanted = wanted.map(|(s, n, p, name)| (s, n, p.to_owned(), name.to_owned()));
        assert_eq!(got, wanted);
        assert_eq!(files, 2);
    }
}
