//! Dense ids: a page gets the next id at its first reference, and so does a process.

use super::refs::{Dictionary, PageKey};
use crate::units::{PAGE_ID_MAX, PageId};
use rustc_hash::FxHashMap;

/// The error for more distinct pages than there are ids, or than memory may be taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooManyPages {
    /// More than there are ids.
    #[error("more than 2^31 distinct pages; choose a larger page size")]
    Ids,
    /// More than this number, which [`Densifier::with_memory`] allows.
    #[error(
        "more than {0} distinct pages, which is what --mem-limit has room for; raise it, or choose a larger \
         page size"
    )]
    Memory(usize),
}

/// Bytes that a page takes here while there may be more to come.
const PAGE_BYTES: u64 = 128;
/// The memory for pages is never less than this, in bytes.
const PAGES_MEMORY_MIN: u64 = 64 << 20;

/// Gives pages their dense ids, in order of first reference.
///
/// A small direct-mapped cache finds pages that are referenced again soon: a hash look-up for every
/// reference would cost more than reading it.
pub struct Densifier {
    ids: FxHashMap<PageKey, PageId>,
    recent: Box<[Recent; RECENT]>,
    processes: FxHashMap<u32, u32>,
    /// Processes looked up lately: the number in the file, and the index. Each has one place.
    recent_processes: Box<[(u32, u32); RECENT_PROCESSES]>,
    dictionary: Dictionary,
    /// The most pages.
    pages_max: usize,
}

/// A page and its id; sixteen bytes.
#[derive(Clone, Copy)]
struct Recent {
    number: u64,
    process: u32,
    id: PageId,
}

/// Number of entries of the cache of recent pages; a power of two.
const RECENT: usize = 1 << 14;
/// Places for processes looked up lately; a power of two.
const RECENT_PROCESSES: usize = 256;
/// Marks an empty cache entry; process numbers stay below it.
const NO_PROCESS: u32 = u32::MAX;

impl Default for Densifier {
    fn default() -> Densifier {
        Densifier::new()
    }
}

impl Densifier {
    /// Returns a densifier without any page.
    pub fn new() -> Densifier {
        let empty = Recent {
            number: 0,
            process: NO_PROCESS,
            id: 0,
        };
        Densifier {
            ids: FxHashMap::default(),
            recent: (vec![empty; RECENT].into_boxed_slice().try_into())
                .unwrap_or_else(|_| unreachable!("as many as there are entries")),
            processes: FxHashMap::default(),
            recent_processes: Box::new([(0, NO_PROCESS); RECENT_PROCESSES]),
            dictionary: Dictionary::default(),
            pages_max: PAGE_ID_MAX as usize + 1,
        }
    }

    /// Bounds the number of pages by `memory`, in bytes; 64 MiB are always allowed.
    pub fn with_memory(mut self, memory: u64) -> Densifier {
        let pages = memory.max(PAGES_MEMORY_MIN) / PAGE_BYTES;
        self.pages_max = self
            .pages_max
            .min(usize::try_from(pages).unwrap_or(usize::MAX));
        self
    }

    /// Returns the index of the process that the file calls `pid`. Adds the process if it is new.
    #[inline]
    pub fn process(&mut self, pid: u32) -> u32 {
        if let Some(process) = self.recent_process(pid) {
            return process;
        }
        self.look_up_process(pid)
    }

    /// Looks `pid` up among the processes looked up lately. `None` does not mean that it is new.
    #[inline]
    pub fn recent_process(&self, pid: u32) -> Option<u32> {
        let (known, process) = self.recent_processes[pid as usize % RECENT_PROCESSES];
        (known == pid && process != NO_PROCESS).then_some(process)
    }

    fn look_up_process(&mut self, pid: u32) -> u32 {
        let next = self.dictionary.pids.len() as u32;
        let process = *self.processes.entry(pid).or_insert(next);
        if process == next {
            self.dictionary.pids.push(pid);
        }
        self.recent_processes[pid as usize % RECENT_PROCESSES] = (pid, process);
        process
    }

    /// Returns the id of the page `key`. Adds the page if it is new; errors if there is no id left.
    #[inline]
    pub fn id(&mut self, key: PageKey) -> Result<PageId, TooManyPages> {
        if let Some(id) = self.recent(key) {
            return Ok(id);
        }
        let id = self.look_up(key)?;
        self.recent[slot(key)] = Recent {
            number: key.number,
            process: key.process,
            id,
        };
        Ok(id)
    }

    /// Looks `key` up in the cache of recent pages. `None` does not mean that the page is new.
    #[inline]
    pub fn recent(&self, key: PageKey) -> Option<PageId> {
        let recent = &self.recent[slot(key)];
        (recent.number == key.number && recent.process == key.process).then_some(recent.id)
    }

    fn look_up(&mut self, key: PageKey) -> Result<PageId, TooManyPages> {
        let next = self.dictionary.pages.len();
        let id = *self.ids.entry(key).or_insert(next as u32);
        if id as usize == next {
            if next >= self.pages_max {
                return Err(match next > PAGE_ID_MAX as usize {
                    true => TooManyPages::Ids,
                    false => TooManyPages::Memory(self.pages_max),
                });
            }
            self.dictionary.pages.push(key);
        }
        Ok(id)
    }

    /// Returns the processes and pages so far.
    pub fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    /// Returns the processes and pages.
    pub fn into_dictionary(self) -> Dictionary {
        self.dictionary
    }
}

/// Returns the index of the only entry of the cache of recent pages that may hold `key`.
#[inline]
fn slot(key: PageKey) -> usize {
    (key.number as usize ^ (key.process as usize) << 6) & (RECENT - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_bounded_by_memory() {
        let mut densifier = Densifier::new().with_memory(1);
        let page = |number| PageKey { process: 0, number };
        let most = (64 << 20) / 128;
        assert!((0..most).all(|number| densifier.id(page(number)).is_ok()));
        let error = densifier.id(page(most)).unwrap_err();
        assert_eq!(error, TooManyPages::Memory(524_288));
        assert!(
            error
                .to_string()
                .contains("more than 524288 distinct pages")
        );
        assert_eq!(densifier.id(page(5)), Ok(5));
    }

    #[test]
    fn densify_is_a_bijection() {
        let mut densifier = Densifier::new();
        let keys: Vec<PageKey> = (0..20_000u64)
            .map(|i| PageKey {
                process: (i % 3) as u32,
                number: i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (i % 50),
            })
            .collect();
        let ids: Vec<u32> = keys.iter().map(|&k| densifier.id(k).unwrap()).collect();
        for (key, &id) in keys.iter().zip(&ids) {
            assert_eq!(densifier.dictionary().pages[id as usize], *key);
            assert_eq!(densifier.id(*key).unwrap(), id);
        }
    }
}
