//! Mappings for a trace that has none: the pages that a process and its descendants touch are
//! gathered where they lie close together, and each group is split into code, constants and data
//! by how its pages are used. Code and constants become private mappings of files, one each; data
//! becomes anonymous memory.

use super::USER_END;
use crate::trace::dense::{KIND_MASK, Trace, page_of};
use crate::trace::event::{Backing, Event, EventAt, Mapping, Protection};
use crate::trace::record::Kind;
use std::collections::BTreeMap;

/// Pages farther apart than this many bytes are of different mappings.
const GAP: u64 = 128 << 10;

const FETCHED: u8 = 1 << Kind::Ifetch as u8;
const WRITTEN: u8 = 1 << Kind::Write as u8;

/// The trace with inferred mappings before its first reference; its digest stays what it was.
pub(super) fn with_mappings(mut trace: Trace) -> Trace {
    let mut files = 0;
    let roots = roots(&trace);
    let families: BTreeMap<u32, Vec<Mapping>> = used_by_families(&trace, &roots)
        .into_iter()
        .map(|(root, pages)| {
            (
                root,
                mappings(&pages, trace.meta.page_size.bytes(), &mut files),
            )
        })
        .collect();
    let made = |position, process: u32| {
        let mappings = families.get(&roots[process as usize]);
        mappings.into_iter().flatten().map(move |mapping| EventAt {
            position,
            process,
            event: Event::Map(Box::new(mapping.clone())),
            line: 0,
        })
    };
    let mut events: Vec<EventAt> = families.keys().flat_map(|&root| made(0, root)).collect();
    for event in std::mem::take(&mut trace.events) {
        let (position, process) = (event.position, event.process);
        let anew = event.event == Event::Exec;
        events.push(event);
        if anew {
            events.extend(made(position, process));
        }
    }
    trace.with_events(events)
}

/// For each process its forefather that no fork made.
fn roots(trace: &Trace) -> Vec<u32> {
    let mut roots: Vec<u32> = (0..trace.dictionary.pids.len() as u32).collect();
    for event in &trace.events {
        if let Event::Fork { child } = event.event {
            roots[child as usize] = roots[event.process as usize];
        }
    }
    roots
}

/// For each process that no fork made, the pages that it and its descendants touch and how. A
/// child has its parent's mappings, so those must do for both.
fn used_by_families(trace: &Trace, roots: &[u32]) -> BTreeMap<u32, BTreeMap<u64, u8>> {
    let user_pages = USER_END / trace.meta.page_size.bytes();
    let mut uses = vec![0u8; trace.distinct()];
    trace.tiles_of(0..trace.len(), |tile| {
        for (&reference, &kind) in tile.refs.iter().zip(tile.kinds) {
            uses[page_of(reference) as usize] |= 1 << (kind & KIND_MASK);
        }
        true
    });
    let mut families: BTreeMap<u32, BTreeMap<u64, u8>> = BTreeMap::new();
    let pages = trace.dictionary.pages.iter().zip(uses);
    for (key, uses) in pages.filter(|(key, _)| key.number < user_pages) {
        let pages = families.entry(roots[key.process as usize]).or_default();
        *pages.entry(key.number).or_default() |= uses;
    }
    families
}

/// What a run of pages is.
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
    uses: u8,
}

fn mappings(pages: &BTreeMap<u64, u8>, page: u64, files: &mut u32) -> Vec<Mapping> {
    let mut runs: Vec<Run> = Vec::new();
    for (&number, &uses) in pages {
        let is = match uses {
            uses if uses & FETCHED != 0 => Use::Code,
            uses if uses & WRITTEN != 0 => Use::Data,
            _ => Use::Constants,
        };
        match runs.last_mut() {
            Some(run) if (number - run.last - 1) * page < GAP && run.takes(is) => {
                run.last = number;
                run.uses |= uses;
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
    /// Whether a page of this use continues the run: pages only read may belong to either
    /// neighbour and go with the one before them.
    fn takes(&self, is: Use) -> bool {
        self.is == is || is == Use::Constants || self.is == Use::Constants && is == Use::Data
    }

    fn mapping(&self, page: u64, files: &mut u32) -> Mapping {
        let length = (self.last - self.first + 1).saturating_mul(page);
        let (write, execute) = (self.uses & WRITTEN != 0, self.uses & FETCHED != 0);
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
        let read = 1 << Kind::Read as u8;
        let pages = BTreeMap::from([
            (0x400, FETCHED | read),
            (0x402, read),
            (0x404, FETCHED),
            (0x405, read | WRITTEN),
            (0x406, read),
            (0x9000, read),
            (0x9001, WRITTEN),
            (0xa000, read),
        ]);
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
