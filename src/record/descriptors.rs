//! The open files of each process, as its calls made them: which file a descriptor is, and where in it
//! the next read or write begins. Descriptors that `dup` or a fork made share that position.

use super::file_use::{FileUse, Place, uses};
use super::files::{Files, is_preload};
use super::log_line::Call;
use super::system::{FileFacts, Inherited, System};
use crate::trace::model::event::Event;
use rustc_hash::FxHashMap;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// `openat`: the current folder, in place of the descriptor of a folder.
const AT_FDCWD: u32 = -100i32 as u32;
const F_DUPFD: u64 = 0;
const F_SETFD: u64 = 2;
const F_SETFL: u64 = 4;
const F_DUPFD_CLOEXEC: u64 = 1030;
const O_CREAT: u64 = 0o100;
const O_TRUNC: u64 = 0o1000;
const O_APPEND: u64 = 0o2000;
const O_CLOEXEC: u64 = 0o200_0000;
const FD_CLOEXEC: u64 = 1;
const MFD_CLOEXEC: u64 = 1;
const RENAME_EXCHANGE: u64 = 2;

/// An open file, which several descriptors may share.
#[derive(Debug)]
struct OpenFile {
    /// `None` for memory without a name.
    path: Option<PathBuf>,
    /// As it was when it was opened.
    facts: Option<FileFacts>,
    /// Where the next read or write begins; `None` if the log does not show it.
    position: Cell<Option<u64>>,
    /// Writes go to the end of the file.
    appends: Cell<bool>,
}

/// A descriptor of a process.
#[derive(Debug, Clone)]
struct Descriptor {
    file: Rc<OpenFile>,
    /// Another program does not get it.
    closes_on_exec: bool,
}

/// The open files of a process, as far as its calls show them: without descriptors that it got from
/// another process.
#[derive(Debug, Clone, Default)]
pub struct Descriptors(FxHashMap<u32, Descriptor>);

impl Descriptors {
    /// The files that the first process of a recording has from the start.
    pub fn inherited(system: &impl System) -> Descriptors {
        let open = |one: Inherited| {
            let file = OpenFile {
                path: Some(one.facts.path.clone()),
                position: Cell::new(Some(one.position)),
                appends: Cell::new(one.flags & O_APPEND != 0),
                facts: Some(one.facts),
            };
            let descriptor = Descriptor {
                file: Rc::new(file),
                closes_on_exec: false,
            };
            (one.number, descriptor)
        };
        Descriptors(system.inherited().into_iter().map(open).collect())
    }

    /// Takes note of a call that succeeded and returned `result`. Appends the events of the files that
    /// it changes or uses.
    pub fn note(
        &mut self,
        call: &Call<'_>,
        result: u64,
        pid: u32,
        system: &impl System,
        files: &mut Files,
        events: &mut Vec<Event>,
    ) {
        let opened = result as u32;
        let folder = |index: usize| call.number(index).unwrap_or(u64::from(AT_FDCWD)) as u32;
        let flags = call.after_path(0).unwrap_or(0);
        let absolute = |path, folder| self.absolute(path, folder, pid, system);
        match call.name {
            b"open" | b"openat" | b"openat2" | b"creat" => {
                let folder = match call.name {
                    b"open" | b"creat" => AT_FDCWD,
                    _ => folder(0),
                };
                let flags = match call.name {
                    b"creat" => O_CREAT | O_TRUNC,
                    // They are not in the log.
                    b"openat2" => 0,
                    _ => flags,
                };
                match call.path().and_then(|path| absolute(path, folder)) {
                    Some(path) => {
                        let facts = facts_of(&path, opened, pid, system);
                        self.open(opened, Some(path), facts, flags, files, events);
                    }
                    None => drop(self.0.remove(&opened)),
                }
            }
            b"memfd_create" => {
                let facts = system.descriptor(pid, opened);
                let closes = flags & MFD_CLOEXEC != 0;
                let flags = if closes { O_CLOEXEC } else { 0 };
                self.open(opened, None, facts, flags, files, events);
            }
            b"unlink" | b"unlinkat" => {
                let folder = if call.name == b"unlink" {
                    AT_FDCWD
                } else {
                    folder(0)
                };
                let path = call.path().and_then(|path| absolute(path, folder));
                events.extend(path.and_then(|path| files.unlinked(&path)));
            }
            b"rename" | b"renameat" | b"renameat2" => {
                let [from, to] = match call.name {
                    b"rename" => [AT_FDCWD; 2],
                    _ => [folder(0), folder(2)],
                };
                let exchanges = call.name == b"renameat2"
                    && call
                        .number(4)
                        .is_some_and(|flags| flags & RENAME_EXCHANGE != 0);
                let paths = call
                    .two_paths()
                    .and_then(|[one, other]| Some((absolute(one, from)?, absolute(other, to)?)));
                if let Some((from, to)) = paths {
                    events.extend(files.renamed(&from, &to, exchanges));
                }
            }
            b"link" | b"linkat" => {
                let [from, to] = match call.name {
                    b"link" => [AT_FDCWD; 2],
                    _ => [folder(0), folder(2)],
                };
                if let Some([one, other]) = call.two_paths()
                    && let (Some(one), Some(other)) = (absolute(one, from), absolute(other, to))
                {
                    files.linked(&one, &other);
                }
            }
            _ => self.change(call, result),
        }
        for used in uses(call, result) {
            self.used(&used, system, files, events);
        }
    }

    /// Takes note of a call that changes descriptors only.
    fn change(&mut self, call: &Call<'_>, result: u64) {
        let opened = result as u32;
        let number = |index: usize| call.number(index);
        match (call.name, number(1)) {
            (b"dup" | b"dup2", _) => self.duplicate(number(0), opened, false),
            (b"dup3", _) => {
                let closes = number(2).is_some_and(|flags| flags & O_CLOEXEC != 0);
                self.duplicate(number(0), opened, closes);
            }
            (b"fcntl", Some(F_DUPFD)) => self.duplicate(number(0), opened, false),
            (b"fcntl", Some(F_DUPFD_CLOEXEC)) => self.duplicate(number(0), opened, true),
            (b"fcntl", Some(F_SETFD)) => {
                if let Some(own) = self.of(number(0)) {
                    own.closes_on_exec = number(2).is_some_and(|flags| flags & FD_CLOEXEC != 0);
                }
            }
            (b"fcntl", Some(F_SETFL)) => {
                if let Some(own) = self.of(number(0)) {
                    let appends = number(2).is_some_and(|flags| flags & O_APPEND != 0);
                    own.file.appends.set(appends);
                }
            }
            (b"lseek", _) => {
                if let Some(own) = self.of(number(0)) {
                    own.file.position.set(Some(result));
                }
            }
            (b"_llseek", _) => {
                if let Some(own) = self.of(number(0)) {
                    own.file.position.set(None);
                }
            }
            (b"close", _) => {
                if let Some(descriptor) = number(0) {
                    self.0.remove(&(descriptor as u32));
                }
            }
            (b"close_range", last) if number(2) == Some(0) => {
                let closed = number(0).unwrap_or(u64::MAX)..=last.unwrap_or(0);
                self.0.retain(|&number, _| !closed.contains(&number.into()));
            }
            _ => {}
        }
    }

    fn of(&mut self, descriptor: Option<u64>) -> Option<&mut Descriptor> {
        self.0.get_mut(&(descriptor? as u32))
    }

    /// Returns a path from the current folder, or from that of a descriptor, on.
    fn absolute(
        &self,
        path: &[u8],
        folder: u32,
        pid: u32,
        system: &impl System,
    ) -> Option<PathBuf> {
        let path = PathBuf::from(&*String::from_utf8_lossy(path));
        if path.is_absolute() {
            return Some(path);
        }
        let base = match folder {
            AT_FDCWD => system.folder(pid),
            folder => self.0.get(&folder).and_then(|own| own.file.path.clone()),
        };
        Some(base?.join(path))
    }

    fn open(
        &mut self,
        descriptor: u32,
        path: Option<PathBuf>,
        facts: Option<FileFacts>,
        flags: u64,
        files: &mut Files,
        events: &mut Vec<Event>,
    ) {
        if let Some(facts) = &facts {
            events.extend(files.opened(facts, flags & O_CREAT != 0, flags & O_TRUNC != 0));
        }
        let file = OpenFile {
            path,
            facts,
            position: Cell::new(Some(0)),
            appends: Cell::new(flags & O_APPEND != 0),
        };
        let opened = Descriptor {
            file: Rc::new(file),
            closes_on_exec: flags & O_CLOEXEC != 0,
        };
        self.0.insert(descriptor, opened);
    }

    fn duplicate(&mut self, original: Option<u64>, copy: u32, closes_on_exec: bool) {
        match self.of(original).map(|own| Rc::clone(&own.file)) {
            Some(file) => drop(self.0.insert(
                copy,
                Descriptor {
                    file,
                    closes_on_exec,
                },
            )),
            None => drop(self.0.remove(&copy)),
        }
    }

    /// Another program begins.
    pub fn exec(&mut self) {
        self.0.retain(|_, own| !own.closes_on_exec);
    }

    /// A call read or wrote a file. Moves its position on.
    fn used(
        &self,
        used: &FileUse,
        system: &impl System,
        files: &mut Files,
        events: &mut Vec<Event>,
    ) {
        let Some(own) = self.0.get(&used.descriptor) else {
            return;
        };
        let file = &own.file;
        let Some(facts) = file.facts.as_ref().filter(|facts| facts.cached) else {
            return;
        };
        let name = facts.path.file_name().unwrap_or_default();
        if is_preload(&name.to_string_lossy()) {
            return;
        }
        let of_position = used.place == Place::Position;
        let offset = match used.place {
            Place::Unknown => None,
            // Linux appends at any offset.
            _ if used.writes && file.appends.get() => Some(files.size(facts, system)),
            Place::At(offset) => Some(offset),
            Place::Position => file.position.get(),
        };
        let Some(offset) = offset else {
            files.unseen_uses += 1;
            return;
        };
        if of_position {
            file.position.set(offset.checked_add(used.length));
        }
        files.used(facts, used.writes, offset, used.length, events);
    }

    /// The file of a descriptor, as it is now.
    pub fn file(&self, descriptor: u32, pid: u32, system: &impl System) -> Option<FileFacts> {
        let Some(Descriptor { file, .. }) = self.0.get(&descriptor) else {
            return system.descriptor(pid, descriptor);
        };
        let by_path = || file.path.as_ref().and_then(|path| system.file(path));
        let Some(opened) = &file.facts else {
            return by_path().or_else(|| system.descriptor(pid, descriptor));
        };
        // Another file may have its path or its descriptor by now.
        let same = |facts: &FileFacts| facts.key == opened.key;
        let now = by_path().filter(same);
        let now = now.or_else(|| system.descriptor(pid, descriptor).filter(same));
        now.or_else(|| Some(opened.clone()))
    }
}

/// Returns the facts of a file that was opened: by its path, or if that is gone by its descriptor.
fn facts_of(path: &Path, descriptor: u32, pid: u32, system: &impl System) -> Option<FileFacts> {
    system.file(path).or_else(|| {
        let facts = system.descriptor(pid, descriptor)?;
        let named = facts.path.to_string_lossy();
        let same = Path::new(named.trim_end_matches(" (deleted)")) == path;
        same.then(|| FileFacts {
            path: path.to_path_buf(),
            ..facts
        })
    })
}
