//! Files apart from their mappings: which pages are remembered that nobody maps, which files are gone,
//! and what reading and writing a file without a mapping touches.

use super::{Class, Key, Object, Space, Step};
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
    /// What was forgotten since the last item, for the next steps.
    pub(super) forgotten: Vec<Step>,
}

impl Space {
    fn maps(&self, file: u32) -> bool {
        let mut vmas = self.processes.values().flat_map(|process| &process.vmas);
        vmas.any(|vma| matches!(vma.backing, Backing::File { file: of, .. } if of == file))
    }

    pub(super) fn heard_of(&mut self, backing: Backing, memory: bool) {
        if let Backing::File { file, length, .. } = backing {
            self.cache.lengths.insert(file, Some(i128::from(length)));
            if memory {
                self.cache.memory.insert(file);
            }
        }
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

    /// What is remembered of this page is not what the file has there now.
    pub(super) fn compare(&mut self, key: Key, class: Class) {
        if let Some(&object) = self.keyed.get(&key)
            && self.owners(object) == 0
            && self.classes[object] != class
        {
            let step = self.forget(key);
            self.cache.forgotten.push(step);
        }
    }

    /// A file ends here now: what is remembered behind it is not there any more. Says whether anything
    /// was remembered.
    pub(super) fn cut(&mut self, file: u32, bytes: i128) -> (Vec<Step>, bool) {
        self.cache.lengths.insert(file, Some(bytes));
        let all = self.remembered(file);
        let any = !all.is_empty();
        let behind = all.into_iter().filter(|(_, at)| *at >= bytes);
        let steps = behind.map(|(key, _)| self.forget(key)).collect();
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
        if let (true, Some(Some(length))) = (write, self.cache.lengths.get_mut(&file)) {
            *length = end.max(*length);
        }
        steps
    }
}
