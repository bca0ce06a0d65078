//! The files of mappings: the descriptors of each process, as its calls made them, and one number per
//! file for the whole recording.

use super::log_line::Call;
use super::system::{FileFacts, FileKey, System};
use crate::trace::model::event::{Backing, Event};
use rustc_hash::FxHashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// `openat`: the current folder, in place of the descriptor of a folder.
const AT_FDCWD: u32 = -100i32 as u32;
/// `fcntl`: duplicate a descriptor.
const F_DUPFD: u64 = 0;
/// `fcntl`: duplicate a descriptor, and close the copy on exec.
const F_DUPFD_CLOEXEC: u64 = 1030;

/// The open files of a process, as far as its calls show them: without descriptors that it inherited
/// or got from another process.
#[derive(Debug, Clone, Default)]
pub struct Descriptors(FxHashMap<u32, PathBuf>);

impl Descriptors {
    /// Takes note of a call that succeeded and returned `result`.
    pub fn note(&mut self, call: &Call<'_>, result: u64, pid: u32, system: &impl System) {
        let result = result as u32;
        match call.name {
            b"open" | b"creat" => self.open(call.path(), AT_FDCWD, result, pid, system),
            b"openat" | b"openat2" => {
                let folder = call.number(0).unwrap_or(u64::from(AT_FDCWD));
                self.open(call.path(), folder as u32, result, pid, system);
            }
            b"dup" | b"dup2" | b"dup3" => self.duplicate(call, result),
            b"fcntl" if matches!(call.number(1), Some(F_DUPFD | F_DUPFD_CLOEXEC)) => {
                self.duplicate(call, result);
            }
            b"memfd_create" => drop(self.0.remove(&result)),
            b"close" => {
                if let Some(descriptor) = call.number(0) {
                    self.0.remove(&(descriptor as u32));
                }
            }
            _ => {}
        }
    }

    fn open(
        &mut self,
        path: Option<&[u8]>,
        folder: u32,
        result: u32,
        pid: u32,
        system: &impl System,
    ) {
        let path = path.map(|path| PathBuf::from(&*String::from_utf8_lossy(path)));
        let absolute = path.and_then(|path| {
            if path.is_absolute() {
                return Some(path);
            }
            let base = match folder {
                AT_FDCWD => system.folder(pid),
                folder => self.0.get(&folder).cloned(),
            };
            Some(base?.join(path))
        });
        match absolute {
            Some(path) => drop(self.0.insert(result, path)),
            None => drop(self.0.remove(&result)),
        }
    }

    fn duplicate(&mut self, call: &Call<'_>, result: u32) {
        let original = call.number(0).and_then(|from| self.0.get(&(from as u32)));
        match original.cloned() {
            Some(path) => drop(self.0.insert(result, path)),
            None => drop(self.0.remove(&result)),
        }
    }

    /// The file of a descriptor.
    pub fn file(&self, descriptor: u32, pid: u32, system: &impl System) -> Option<FileFacts> {
        let by_path = self.0.get(&descriptor).and_then(|path| system.file(path));
        by_path.or_else(|| system.descriptor(pid, descriptor))
    }
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
}

impl Files {
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
        let count = &mut self.count;
        let file = *self.numbers.entry(facts.key).or_insert_with(|| {
            *count += 1;
            *count - 1
        });
        let backing = Backing::File {
            file,
            offset,
            length: facts.length,
        };
        self.lengths.insert(file, facts.length);
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
}

/// The name of a file in listings, which separate names by blanks.
fn name(path: &Path) -> Arc<str> {
    let name = path.file_name().map(|name| name.to_string_lossy());
    let odd = |c: char| c.is_whitespace() || c.is_control();
    name.unwrap_or_default().replace(odd, "_").into()
}
