//! The files of a recording: one number per file, whatever its names are, with its length and its names
//! as the calls of all processes changed them. Does not know descriptors.

use super::system::{FileFacts, FileKey, System};
use crate::trace::model::event::{Backing, Event, FileRange};
use rustc_hash::FxHashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Returns true for the name of a library that valgrind adds to every program.
pub fn is_preload(name: &str) -> bool {
    name.starts_with("vgpreload_") && name.ends_with(".so")
}

/// The files of a recording.
#[derive(Debug, Default)]
pub struct Files {
    numbers: FxHashMap<FileKey, u32>,
    /// For each file with a key its length, as events stated it last.
    lengths: FxHashMap<u32, u64>,
    /// For each file with a key whether it is memory.
    in_memory: FxHashMap<u32, bool>,
    /// Number of files, including those without a key.
    count: u32,
    /// The length of each file that was opened, as calls changed it.
    sizes: FxHashMap<FileKey, u64>,
    /// The names under which files were opened.
    paths: FxHashMap<PathBuf, FileKey>,
    /// The number of names of each file that was opened; 0 once it has none.
    links: FxHashMap<FileKey, u64>,
    /// Whether reads and writes of files are recorded.
    records_uses: bool,
    /// Reads and writes that were not recorded, since the log does not show where in the file they are.
    pub unseen_uses: u64,
}

impl Files {
    /// No file yet. `records_uses`: reads and writes without a mapping are recorded.
    pub fn new(records_uses: bool) -> Files {
        Files {
            records_uses,
            ..Files::default()
        }
    }

    /// Returns the backing and the name of a mapping of a file from `offset` on, and whether the file
    /// is memory. Without `facts` the mapping gets a file of its own, which reaches to `end`.
    pub fn backing(
        &mut self,
        facts: Option<&FileFacts>,
        offset: u64,
        end: u64,
    ) -> (Backing, Arc<str>, bool) {
        let Some(facts) = facts else {
            self.count += 1;
            let backing = Backing::File {
                file: self.count - 1,
                offset,
                length: end,
            };
            return (backing, "[file]".into(), false);
        };
        if facts.path == Path::new("/dev/zero") {
            return (Backing::Anonymous, "/dev/zero".into(), false);
        }
        let file = self.number(facts.key);
        // A device, or a file that the system makes up, ends nowhere, whatever length it states: never
        // before what an earlier mapping has.
        let length = match facts.cached {
            true => facts.length,
            false => {
                let known = self.lengths.get(&file).copied().unwrap_or(0);
                facts.length.max(end).max(known)
            }
        };
        let backing = Backing::File {
            file,
            offset,
            length,
        };
        self.lengths.insert(file, length);
        // What a file was at its first mapping it stays.
        let in_memory = *self.in_memory.entry(file).or_insert(facts.in_memory);
        (backing, name(&facts.path), in_memory)
    }

    /// Returns the event that a file has a new length: `bytes`, or if `at_least` is true at least
    /// that. `None` if nothing has mapped the file yet, or it has that length already.
    pub fn resized(&mut self, facts: &FileFacts, bytes: u64, at_least: bool) -> Option<Event> {
        let &file = self.numbers.get(&facts.key)?;
        let known = self.lengths.get(&file).copied();
        if known == Some(bytes) || at_least && known.is_some_and(|known| known > bytes) {
            return None;
        }
        self.lengths.insert(file, bytes);
        Some(Event::Length { file, bytes })
    }

    /// Returns a backing with the length that its file has now, as far as events stated it.
    pub fn as_long_as_now(&self, backing: Backing) -> Backing {
        match backing {
            Backing::Anonymous => backing,
            Backing::File {
                file,
                offset,
                length,
            } => Backing::File {
                file,
                offset,
                length: self.lengths.get(&file).copied().unwrap_or(length),
            },
        }
    }

    fn number(&mut self, key: FileKey) -> u32 {
        let count = &mut self.count;
        *self.numbers.entry(key).or_insert_with(|| {
            *count += 1;
            *count - 1
        })
    }

    /// A file was opened, and made if there was none (`creates`) or cut to nothing (`truncates`).
    /// Returns the event that its length changed.
    pub fn opened(&mut self, facts: &FileFacts, creates: bool, truncates: bool) -> Option<Event> {
        let key = facts.key;
        if creates && self.links.get(&key) == Some(&0) {
            // A new file got the number of one that is gone.
            self.numbers.remove(&key);
            self.sizes.remove(&key);
            self.links.remove(&key);
        }
        if !facts.through_link {
            self.paths.insert(facts.path.clone(), key);
        }
        self.links.entry(key).or_insert(facts.links.max(1));
        if !truncates {
            self.sizes.entry(key).or_insert(facts.length);
            return None;
        }
        self.sizes.insert(key, 0);
        self.resized(facts, 0, false)
    }

    /// Returns the length of a file, as the calls of the recording changed it.
    pub fn size(&self, facts: &FileFacts, system: &impl System) -> u64 {
        let now = || {
            system
                .file(&facts.path)
                .map_or(facts.length, |now| now.length)
        };
        self.sizes.get(&facts.key).copied().unwrap_or_else(now)
    }

    /// A part of a file was read or written without a mapping. Appends the events.
    pub fn used(
        &mut self,
        facts: &FileFacts,
        writes: bool,
        offset: u64,
        length: u64,
        events: &mut Vec<Event>,
    ) {
        let Some(end) = offset.checked_add(length) else {
            return;
        };
        let size = *self.sizes.entry(facts.key).or_insert(facts.length);
        if writes && end > size {
            self.sizes.insert(facts.key, end);
            events.extend(self.resized(facts, end, true));
        }
        // Only a mapping says that a file is memory.
        let unknown = facts.in_memory && !self.numbers.contains_key(&facts.key);
        if !self.records_uses || unknown {
            return;
        }
        let file = self.number(facts.key);
        self.lengths.entry(file).or_insert(size.max(end));
        let range = FileRange {
            file,
            offset,
            length,
        };
        events.push(match writes {
            true => Event::Write(range),
            false => Event::Read(range),
        });
    }

    /// A name of a file was removed. Returns the event that the file has none any more; `None` if the
    /// trace does not know the file.
    pub fn unlinked(&mut self, path: &Path) -> Option<Event> {
        let key = self.paths.remove(path)?;
        self.lose_name(key)
    }

    fn lose_name(&mut self, key: FileKey) -> Option<Event> {
        let links = self.links.get_mut(&key)?;
        *links = links.saturating_sub(1);
        if *links > 0 {
            return None;
        }
        let &file = self.numbers.get(&key)?;
        Some(Event::Unlink { file })
    }

    /// A file got another name, in place of the file that had it; or if `exchanges` is true the two
    /// changed names. Returns the event that a file has no name any more.
    pub fn renamed(&mut self, from: &Path, to: &Path, exchanges: bool) -> Option<Event> {
        let moved = self.paths.remove(from);
        let replaced = self.paths.remove(to);
        if let Some(key) = moved {
            self.paths.insert(to.to_path_buf(), key);
        }
        let replaced = replaced.filter(|&replaced| Some(replaced) != moved)?;
        if exchanges {
            self.paths.insert(from.to_path_buf(), replaced);
            return None;
        }
        self.lose_name(replaced)
    }

    /// A file got another name besides its own.
    pub fn linked(&mut self, from: &Path, to: &Path) {
        if let Some(&key) = self.paths.get(from) {
            *self.links.entry(key).or_insert(1) += 1;
            self.paths.insert(to.to_path_buf(), key);
        }
    }
}

/// The name of a file in listings, which separate names by blanks.
fn name(path: &Path) -> Arc<str> {
    let name = path.file_name().map(|name| name.to_string_lossy());
    let odd = |c: char| c.is_whitespace() || c.is_control();
    name.unwrap_or_default().replace(odd, "_").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::system::FileKey;

    /// A mapping of a device says how far it reaches, not how long the device is.
    #[test]
    fn a_device_never_becomes_shorter() {
        let facts = FileFacts {
            key: FileKey {
                device: 5,
                inode: 7,
            },
            length: 0,
            path: "/dev/fb0".into(),
            in_memory: false,
            cached: false,
            links: 1,
            through_link: false,
        };
        let mut files = Files::new(false);
        let lengths = [8192, 4096, 16384].map(|end| match files.backing(Some(&facts), 0, end).0 {
            Backing::File { length, .. } => length,
            Backing::Anonymous => panic!("a device is a file"),
        });
        assert_eq!(lengths, [8192, 8192, 16384]);
    }
}
