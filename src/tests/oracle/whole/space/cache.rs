//! Files apart from their mappings: which pages are remembered that nobody maps, which files are gone,
//! and what reading and writing a file without a mapping touches.

use super::{Class, Content, Key, Object, Space, Step};
use pagebench::internals::trace::model::event::{Backing, FileRange};
use std::collections::{BTreeMap, BTreeSet};

/// A call transfers no more bytes.
const MOST: i128 = 0x7fff_f000;

/// What is known of files.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    /// What nobody maps is remembered.
    pub keep: bool,
    pub count_io: bool,
    /// Reads and writes that did not count.
    pub ignored: usize,
    /// Files that were heard of, with their length if that was said.
    lengths: BTreeMap<u32, Option<i128>>,
    /// Files that are memory.
    memory: BTreeSet<u32>,
    /// Files without a name that somebody maps.
    nameless: BTreeSet<u32>,
}

impl Space {
    fn maps(&self, file: u32) -> bool {
        let mut vmas = self.processes.values().flat_map(|process| &process.vmas);
        vmas.any(|vma| matches!(vma.backing, Backing::File { file: of, .. } if of == file))
    }

    /// A file is mapped: it is as long as that says, and what reads and writes left of it is nothing if it
    /// is memory.
    pub(super) fn heard_of(&mut self, backing: Backing, memory: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        if let Backing::File { file, length, .. } = backing {
            if memory && self.cache.memory.insert(file) {
                let all = self.remembered(file).into_iter();
                steps.extend(all.map(|(key, _)| self.forget(key)));
            }
            let known = self.cache.lengths.get(&file).copied().flatten();
            if known != Some(i128::from(length)) {
                steps.extend(self.resize(file, i128::from(length)).0);
            }
        }
        steps
    }

    /// Whether an object is memory that a mapping of some process has, touched there or not.
    pub(super) fn is_mapped_memory(&self, object: Object) -> bool {
        let Some(key) = self.key_of(object) else {
            return false;
        };
        let is_it = |page: super::super::Page| match self.content(page) {
            Content::Shared(of, Class::Zero) | Content::PrivateFile(of, Class::Zero) => of == key,
            _ => false,
        };
        self.classes[object] == Class::Zero
            && self.processes.iter().any(|(&pid, process)| {
                process.vmas.iter().any(|vma| {
                    let first = vma.start / self.page_size;
                    let last = (vma.end - 1) / self.page_size;
                    (first..=last).any(|number| is_it((pid, number as u64)))
                })
            })
    }

    fn key_of(&self, object: Object) -> Option<Key> {
        let mut all = self.keyed.iter();
        all.find(|(_, of)| **of == object).map(|(key, _)| *key)
    }

    /// Whether an object is of a file that has neither a name nor a mapping.
    pub(super) fn is_gone(&self, object: Object) -> bool {
        match self.key_of(object) {
            Some(Key::File(file, _)) => self.cache.nameless.contains(&file) && !self.maps(file),
            _ => false,
        }
    }

    /// Whether an object that has lost its last owner is found again.
    pub(super) fn stays(&self, object: Object) -> bool {
        let of_file = matches!(self.key_of(object), Some(Key::File(..)));
        self.cache.keep && of_file && self.classes[object] == Class::File && !self.is_gone(object)
    }

    fn forget(&mut self, key: Key) -> Step {
        Step::Forget(self.keyed.remove(&key).expect("it was there"))
    }

    /// The remembered pages of a file that nobody maps.
    fn remembered(&self, file: u32) -> Vec<(Key, i128)> {
        let mut pages = Vec::new();
        for (&key, &object) in &self.keyed {
            if let Key::File(of, at) = key
                && of == file
                && self.owners(object) == 0
            {
                pages.push((key, at));
            }
        }
        pages
    }

    /// A file ends here now: what is remembered behind it is not there any more, nor what was behind its
    /// end before. Says whether anything was remembered.
    pub(super) fn cut(&mut self, file: u32, bytes: i128) -> (Vec<Step>, bool) {
        let before = self.cache.lengths.insert(file, Some(bytes)).flatten();
        let all = self.remembered(file);
        let any = !all.is_empty();
        let mut steps = Vec::new();
        for (key, at) in all {
            let end = match self.classes[self.keyed[&key]] {
                Class::Zero if before == Some(bytes) => i128::MAX,
                Class::Zero => before.unwrap_or(bytes).min(bytes),
                _ => bytes,
            };
            if at >= end {
                steps.push(self.forget(key));
            }
        }
        (steps, any)
    }

    pub(super) fn unlink(&mut self, file: u32) -> Vec<Step> {
        if self.maps(file) {
            self.cache.nameless.insert(file);
            return Vec::new();
        }
        self.idle_events += usize::from(self.cache.lengths.remove(&file).is_none());
        let all = self.remembered(file).into_iter();
        all.map(|(key, _)| self.forget(key)).collect()
    }

    /// Files without name whose last mapping has gone.
    pub(super) fn bury(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        for file in self.cache.nameless.clone() {
            if !self.maps(file) {
                self.cache.nameless.remove(&file);
                steps.extend(self.unlink(file));
            }
        }
        // Memory that nobody has or maps.
        for (key, object) in self.keyed.clone() {
            let is_memory = self.classes[object] == Class::Zero;
            if is_memory && self.owners(object) == 0 && !self.is_mapped_memory(object) {
                steps.push(self.forget(key));
            }
        }
        steps
    }

    pub(super) fn file_io(&mut self, pid: u32, range: FileRange, write: bool) -> Vec<Step> {
        if !self.cache.count_io {
            self.cache.ignored += 1;
            return Vec::new();
        }
        let file = range.file;
        let length = *self.cache.lengths.entry(file).or_insert(None);
        let start = i128::from(range.offset);
        let mut end = start + i128::from(range.length).min(MOST);
        if let (false, Some(length)) = (write, length) {
            end = end.min(length);
        }
        if self.cache.memory.contains(&file) || end <= start {
            self.idle_events += 1;
            return Vec::new();
        }
        let mut steps = Vec::new();
        if write && length.is_some_and(|length| end > length) {
            steps = self.resize(file, end).0;
        }
        let mut at = start / self.page_size * self.page_size;
        while at < end {
            let key = Key::File(file, at);
            let object = match self.keyed.get(&key) {
                Some(&object) => Some(object),
                None if self.cache.keep => {
                    let object = self.create(Class::File);
                    self.keyed.insert(key, object);
                    Some(object)
                }
                None => None,
            };
            // Bytes of the page that the file has, before the first and behind the last one written.
            let behind = (at + self.page_size).min(length.unwrap_or(i128::MAX));
            let left_over = at < start.min(behind) || end < behind;
            let read = !write || (at < behind && left_over);
            steps.push(Step::Io {
                pid,
                object,
                write,
                read,
            });
            at += self.page_size;
        }
        steps
    }
}
