//! Pages that a process inherited and that nothing uses any more: neither the process nor a descendant
//! refers to them. They have owners, but no page-table entry of their own. Forks share them in chunks.
//! Knows nothing of processes.

use super::view::Binding;
use super::{ObjectId, Options};
use crate::trace::model::dense::Trace;
use crate::trace::model::event::{Advice, Event};
use imbl::{OrdMap, OrdSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// A chunk has the pages whose numbers differ in this many bits.
const CHUNK_BITS: u32 = 9;

/// A page without entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InheritedPage {
    pub number: u64,
    pub object: ObjectId,
    pub binding: Binding,
}

/// The pages without entry of one process, by number. Copies share memory.
#[derive(Debug, Clone, Default)]
pub(super) struct InheritedPages {
    /// By the number of the chunk; none is empty.
    chunks: OrdMap<u64, Arc<Vec<InheritedPage>>>,
}

impl InheritedPages {
    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Returns the pages with the numbers `numbers`, in order.
    pub fn over(&self, numbers: &RangeInclusive<u64>) -> Vec<InheritedPage> {
        if self.is_empty() {
            return Vec::new();
        }
        let chunks = numbers.start() >> CHUNK_BITS..=numbers.end() >> CHUNK_BITS;
        let pages = self
            .chunks
            .range(chunks)
            .flat_map(|(_, chunk)| chunk.iter());
        let inside = pages.filter(|page| numbers.contains(&page.number));
        inside.copied().collect()
    }

    /// Returns the page `number`.
    pub fn get(&self, number: u64) -> Option<InheritedPage> {
        let chunk = self.chunks.get(&(number >> CHUNK_BITS))?;
        let at = chunk
            .binary_search_by_key(&number, |page| page.number)
            .ok()?;
        Some(chunk[at])
    }

    /// Removes the page `number`, which is there.
    pub fn remove(&mut self, number: u64) {
        let name = number >> CHUNK_BITS;
        let Some(chunk) = self.chunks.get_mut(&name) else {
            return;
        };
        let pages = Arc::make_mut(chunk);
        pages.retain(|page| page.number != number);
        if pages.is_empty() {
            self.chunks.remove(&name);
        }
    }

    /// Puts `pages`, which are in order, in the place of all that are there. What is the same stays
    /// shared.
    pub fn replace(&mut self, pages: &[InheritedPage]) {
        let mut known = Vec::new();
        for pages in pages.chunk_by(|a, b| a.number >> CHUNK_BITS == b.number >> CHUNK_BITS) {
            let name = pages[0].number >> CHUNK_BITS;
            known.push(name);
            let same = self
                .chunks
                .get(&name)
                .is_some_and(|chunk| **chunk == *pages);
            if !same {
                self.chunks.insert(name, Arc::new(pages.to_vec()));
            }
        }
        if self.chunks.len() > known.len() {
            let gone = |name: &&u64| known.binary_search(name).is_err();
            let gone: Vec<u64> = self.chunks.keys().filter(gone).copied().collect();
            gone.iter().for_each(|name| {
                self.chunks.remove(name);
            });
        }
    }
}

/// Which pages that a process may inherit are ever used: by it or by a descendant.
#[derive(Debug, Clone, Default)]
pub(super) struct Uses {
    /// Any page may be: an event of one of them finds pages by what is bound.
    all: bool,
    /// The numbers of the pages that one of them refers to.
    numbers: OrdSet<u64>,
}

impl Uses {
    /// Returns those of each process of `trace`; nothing if every entry is to be kept, as `options` may
    /// ask, or if no process forks.
    pub fn of_each(trace: &Trace, options: &Options) -> Vec<Uses> {
        let is_fork = |event: &Event| matches!(event, Event::Fork { .. });
        let forks = trace.events.iter().any(|at| is_fork(&at.event));
        if !options.only_used_entries || options.changes || !forks {
            return Vec::new();
        }
        let mut all = vec![Uses::default(); trace.dictionary.pids.len()];
        for page in &trace.dictionary.pages {
            all[page.process as usize].numbers.insert(page.number);
        }
        // A child has no event before the fork that made it.
        for at in trace.events.iter().rev() {
            match at.event {
                Event::Fork { child } | Event::Vfork { child } if child != at.process => {
                    let of_child = all[child as usize].clone();
                    all[at.process as usize].join(of_child);
                }
                Event::Populate { .. }
                | Event::Move(_)
                | Event::Advise {
                    advice: Advice::WillNeed,
                    ..
                } => all[at.process as usize].all = true,
                _ => {}
            }
        }
        all
    }

    /// Adds what `other` has. The larger set stays, the smaller one is added to it.
    fn join(&mut self, mut other: Uses) {
        self.all |= other.all;
        if other.numbers.len() > self.numbers.len() {
            std::mem::swap(&mut self.numbers, &mut other.numbers);
        }
        for number in other.numbers {
            self.numbers.insert(number);
        }
    }

    /// Returns whether the page `number` is ever used.
    pub fn has(&self, number: u64) -> bool {
        self.all || self.numbers.contains(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(numbers: &[u64]) -> Vec<InheritedPage> {
        let page = |&number: &u64| InheritedPage {
            number,
            object: number as u32,
            binding: Binding::Cow,
        };
        numbers.iter().map(page).collect()
    }

    fn numbers(pages: &InheritedPages) -> Vec<u64> {
        let all = pages.over(&(0..=u64::MAX));
        all.iter().map(|page| page.number).collect()
    }

    #[test]
    fn what_is_the_same_stays_shared() {
        let mut parent = InheritedPages::default();
        parent.replace(&pages(&[1, 2, 600, 5000]));
        let mut child = parent.clone();
        parent.replace(&pages(&[1, 600, 700]));
        assert_eq!(numbers(&parent), [1, 600, 700]);
        assert_eq!(numbers(&child), [1, 2, 600, 5000], "a copy is its own");
        let again = parent.clone();
        parent.replace(&pages(&[1, 600, 700, 9000]));
        let same = |chunk: u64| Arc::ptr_eq(&parent.chunks[&chunk], &again.chunks[&chunk]);
        assert!(same(0) && same(1));
        assert_eq!(child.get(2).map(|page| page.object), Some(2));
        child.remove(2);
        child.remove(5000);
        assert_eq!((child.get(2), numbers(&child)), (None, vec![1, 600]));
        assert_eq!(child.over(&(2..=600)).len(), 1);
    }
}
