//! One process of a recording: what is mapped in it, kept up with its calls, and what must be told
//! of it so that every access of the recording meets a mapping that allows it. Knows nothing of
//! other processes and of where the log comes from.

use super::areas::{Area, Areas, Origin, PAGE, USER_END, Verdict};
use super::calls::{Change, NewMapping};
use super::files::{Descriptors, Files};
use super::maps::{self, Entry, Owner};
use super::system::{FileFacts, FileKey, System};
use crate::trace::event::{Backing, Event, Mapping, Protection};
use crate::trace::record::Kind;
use std::path::PathBuf;
use std::sync::Arc;

/// The address space and the open files of a process.
#[derive(Debug, Clone, Default)]
pub struct Process {
    /// Its id in the system.
    pub pid: u32,
    /// What is mapped.
    pub areas: Areas,
    /// What is open.
    pub descriptors: Descriptors,
    allowed: Allowed,
}

/// What must be shared by all processes of a recording.
#[derive(Debug, Default)]
pub struct World<S> {
    /// The running system.
    pub system: S,
    /// The files mapped so far.
    pub files: Files,
}

/// What a page needed that the log did not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supplied {
    /// Nothing.
    Nothing,
    /// It is in a mapping of valgrind's own.
    Valgrind,
    /// A mapping had to be made up.
    Unknown,
    /// It had to allow more.
    Widened,
    /// It is no address that a program can map.
    Outside,
}

impl Process {
    /// With nothing mapped.
    pub fn new(pid: u32) -> Process {
        Process {
            pid,
            ..Process::default()
        }
    }

    /// Whether an access of the page that begins here is known to be in order.
    #[inline]
    pub fn knows(&self, page: u64, kind: Kind) -> bool {
        self.allowed.has(page, kind)
    }

    /// Makes an access of the page legal, if it is not yet, and appends what must be told first.
    pub fn supply<S: System>(
        &mut self,
        page: u64,
        kind: Kind,
        world: &mut World<S>,
        events: &mut Vec<Event>,
    ) -> Supplied {
        if page >= USER_END {
            return Supplied::Outside;
        }
        let mut verdict = self.areas.judge(page, kind);
        let mut supplied = Supplied::Nothing;
        if verdict == Verdict::Nothing {
            if !self.look_up(page, world, events) {
                self.make_up(page, kind, events);
                supplied = Supplied::Unknown;
            }
            verdict = self.areas.judge(page, kind);
        }
        let protection = match verdict {
            Verdict::Fine(origin, protection) => {
                if origin == Origin::Valgrind {
                    supplied = Supplied::Valgrind;
                }
                protection
            }
            Verdict::Forbidden(protection) => {
                supplied = Supplied::Widened;
                self.widen(page, kind, protection, events)
            }
            // Not after a mapping was made.
            Verdict::Nothing => return supplied,
        };
        self.allowed.set(page, protection);
        supplied
    }

    /// Asks the system for the mapping of a page: the log does not show all of them, as those of
    /// valgrind or of shared memory by `shmat`.
    fn look_up<S: System>(
        &mut self,
        page: u64,
        world: &mut World<S>,
        events: &mut Vec<Event>,
    ) -> bool {
        let Some(listing) = world.system.mappings(self.pid) else {
            return false;
        };
        let tool = world.tool(self.pid);
        let entries: Vec<Entry<'_>> = maps::parse(&listing).collect();
        let owners = maps::owners(&entries, &tool);
        let found = entries
            .iter()
            .zip(owners)
            .find(|(entry, _)| (entry.start..entry.end).contains(&page));
        let Some((entry, owner)) = found else {
            return false;
        };
        // What the program did in the meantime must not show: only the gap is filled.
        let (start, end) = self.areas.gap(page, entry.start, entry.end);
        let origin = match owner {
            Owner::Other => Origin::Valgrind,
            _ => Origin::Program,
        };
        self.map_entry(entry, (start, end), owner, origin, world, events);
        true
    }

    /// Takes over the mappings of a program that begins.
    pub fn begin<S: System>(&mut self, world: &mut World<S>, events: &mut Vec<Event>) {
        let Some(listing) = world.system.mappings(self.pid) else {
            return;
        };
        let tool = world.tool(self.pid);
        let entries: Vec<Entry<'_>> = maps::parse(&listing).collect();
        let owners = maps::owners(&entries, &tool);
        for (entry, owner) in entries.iter().zip(owners) {
            let free = !self.areas.overlaps(entry.start, entry.end);
            if owner != Owner::Other && free && entry.end <= USER_END {
                let range = (entry.start, entry.end);
                self.map_entry(entry, range, owner, Origin::Program, world, events);
            }
        }
    }

    fn map_entry<S: System>(
        &mut self,
        entry: &Entry<'_>,
        (start, end): (u64, u64),
        owner: Owner,
        origin: Origin,
        world: &mut World<S>,
        events: &mut Vec<Event>,
    ) {
        let offset = entry.offset + (start - entry.start);
        let (backing, name) = match listed_file(entry, &world.system) {
            None if owner == Owner::Stack => (Backing::Anonymous, "[stack]".into()),
            None if origin == Origin::Valgrind => (Backing::Anonymous, "[valgrind]".into()),
            None => (Backing::Anonymous, "".into()),
            Some(facts) => world.files.backing(Some(&facts), offset, facts.length),
        };
        let area = Area {
            end,
            protection: entry.protection,
            shared: entry.shared,
            grows_down: owner == Owner::Stack,
            backing,
            name,
            origin,
        };
        self.map(start, area, false, None, events);
    }

    /// Maps the page alone.
    fn make_up(&mut self, page: u64, kind: Kind, events: &mut Vec<Event>) {
        let area = Area {
            end: page + PAGE,
            protection: with(Protection::RW, kind),
            shared: false,
            grows_down: false,
            backing: Backing::Anonymous,
            name: "[unknown]".into(),
            origin: Origin::Unknown,
        };
        self.map(page, area, false, None, events);
    }

    fn widen(
        &mut self,
        page: u64,
        kind: Kind,
        protection: Protection,
        events: &mut Vec<Event>,
    ) -> Protection {
        let protection = with(protection, kind);
        let change = Change::Protect {
            start: page,
            end: page + PAGE,
            protection,
        };
        self.change_plain(&change, events);
        protection
    }

    /// Makes the change that a call makes, and appends what must be told.
    pub fn apply<S: System>(
        &mut self,
        change: &Change,
        world: &mut World<S>,
        events: &mut Vec<Event>,
    ) {
        match change {
            Change::Map(new) => self.map_new(new, world, events),
            change => self.change_plain(change, events),
        }
    }

    fn map_new<S: System>(
        &mut self,
        new: &NewMapping,
        world: &mut World<S>,
        events: &mut Vec<Event>,
    ) {
        let (backing, name) = match new.file {
            None => (Backing::Anonymous, "".into()),
            Some((descriptor, offset)) => {
                let facts = self
                    .descriptors
                    .file(descriptor, self.pid, &world.system)
                    .or_else(|| mapped_file(self.pid, new.start, &world.system));
                let end = offset.saturating_add(new.end - new.start);
                world.files.backing(facts.as_ref(), offset, end)
            }
        };
        let area = Area {
            end: new.end,
            protection: new.protection,
            shared: new.shared,
            grows_down: new.grows_down,
            backing,
            name,
            origin: Origin::Program,
        };
        self.map(new.start, area, new.fixed, new.page_size, events);
    }

    /// Maps an area. What the model holds there and the program does not, because the log did not
    /// show its end, makes room.
    fn map(
        &mut self,
        start: u64,
        area: Area,
        fixed: bool,
        page_size: Option<crate::units::PageSize>,
        events: &mut Vec<Event>,
    ) {
        events.push(Event::Map(Box::new(Mapping {
            start,
            length: area.end - start,
            protection: area.protection,
            shared: area.shared,
            fixed: fixed || self.areas.overlaps(start, area.end),
            grows_down: area.grows_down,
            backing: area.backing,
            page_size,
            name: area.name.to_string(),
        })));
        self.areas.insert(start, area);
        self.allowed.clear();
    }

    /// Every change but a new mapping. One of nothing is not told.
    fn change_plain(&mut self, change: &Change, events: &mut Vec<Event>) {
        match *change {
            Change::Map(_) => {}
            Change::Unmap { start, end } => self.unmap(start, end, events),
            Change::Remap {
                start,
                end,
                new_start,
                new_end,
                keep,
            } => self.remap((start, end), (new_start, new_end), keep, events),
            Change::Protect {
                start,
                end,
                protection,
            } => {
                if self.areas.overlaps(start, end) {
                    self.areas.protect(start, end, protection);
                    self.allowed.clear();
                    events.push(Event::Protect {
                        start,
                        length: end - start,
                        protection,
                    });
                }
            }
            Change::Brk(end) => self.brk(end, events),
            Change::Advise { start, end, advice } => {
                if self.areas.overlaps(start, end) {
                    events.push(Event::Advise {
                        start,
                        length: end - start,
                        advice,
                    });
                }
            }
        }
    }

    fn unmap(&mut self, start: u64, end: u64, events: &mut Vec<Event>) {
        if start < end && self.areas.overlaps(start, end) {
            self.areas.remove(start, end);
            self.allowed.clear();
            events.push(Event::Unmap {
                start,
                length: end - start,
            });
        }
    }

    /// There is no event for a move: the old range goes and a new one comes, whose pages are
    /// filled afresh.
    fn remap(&mut self, old: (u64, u64), new: (u64, u64), keep: bool, events: &mut Vec<Event>) {
        let Some((at, area)) = self.areas.at(old.0) else {
            return;
        };
        let mut area = area.clone();
        area.backing = super::areas::moved(area.backing, old.0 - at);
        if new.0 == old.0 {
            if new.1 <= old.1 {
                return self.unmap(new.1, old.1, events);
            }
            area.backing = super::areas::moved(area.backing, old.1 - old.0);
            area.end = new.1;
            return self.map(old.1, area, false, None, events);
        }
        if !keep {
            self.unmap(old.0, old.1, events);
        }
        area.end = new.1;
        self.map(new.0, area, true, None, events);
    }

    /// The heap begins where it ends at first. valgrind maps its first page in advance, which was
    /// taken for a mapping of the program.
    fn brk(&mut self, end: u64, events: &mut Vec<Event>) {
        let page = |byte: u64| byte.next_multiple_of(PAGE);
        let Some((begin, before)) = self.areas.heap else {
            let advance = self.areas.at(end).map(|(start, area)| (start, area.end));
            if let Some((start, area_end)) = advance
                && start == end
            {
                self.unmap(start, area_end, events);
            }
            self.areas.heap = Some((end, end));
            return events.push(Event::Brk { end });
        };
        if end == before || end < begin {
            return;
        }
        let (from, to) = (page(before), page(end));
        if to > from {
            if self.areas.overlaps(from, to) {
                // A heap does not grow into something else.
                return;
            }
            let heap = Area {
                end: to,
                protection: Protection::RW,
                shared: false,
                grows_down: false,
                backing: Backing::Anonymous,
                name: "[heap]".into(),
                origin: Origin::Program,
            };
            self.areas.insert(from, heap);
        } else {
            self.areas.remove(to, from);
        }
        self.areas.heap = Some((begin, end));
        self.allowed.clear();
        events.push(Event::Brk { end });
    }

    /// Another program begins: nothing is mapped.
    pub fn exec(&mut self) {
        self.areas = Areas::default();
        self.allowed.clear();
    }
}

impl<S: System> World<S> {
    fn tool(&self, pid: u32) -> String {
        let tool = self.system.tool(pid).unwrap_or_default();
        tool.to_string_lossy().into_owned()
    }
}

/// The same and what this access needs.
fn with(mut protection: Protection, kind: Kind) -> Protection {
    match kind {
        Kind::Ifetch => protection.execute = true,
        Kind::Read => protection.read = true,
        Kind::Write => protection.write = true,
    }
    protection
}

/// The file that is mapped at an address, by the listing.
fn mapped_file(pid: u32, start: u64, system: &impl System) -> Option<FileFacts> {
    let listing = system.mappings(pid)?;
    let entry = maps::parse(&listing).find(|entry| (entry.start..entry.end).contains(&start))?;
    listed_file(&entry, system)
}

/// The file of a line of the listing. Its path may be gone, or name another file by now.
fn listed_file(entry: &Entry<'_>, system: &impl System) -> Option<FileFacts> {
    if entry.inode == 0 {
        return None;
    }
    let path = PathBuf::from(entry.name.trim_end_matches(" (deleted)"));
    let same = |facts: &FileFacts| facts.key.1 == entry.inode;
    Some(system.file(&path).filter(same).unwrap_or(FileFacts {
        key: FileKey(device_number(entry.device), entry.inode),
        length: entry.offset.saturating_add(entry.end - entry.start),
        path,
    }))
}

/// The number of a device as a file's metadata has it.
fn device_number((major, minor): (u64, u64)) -> u64 {
    (major & 0xffff_f000) << 32 | (major & 0xfff) << 8 | (minor & !0xff) << 12 | minor & 0xff
}

/// Pages whose accesses were found in order: a direct-mapped cache, since every access asks.
#[derive(Debug, Clone)]
struct Allowed(Arc<[(u64, u8)]>);

/// Entries of the cache; a power of two.
const ALLOWED: usize = 1024;

impl Default for Allowed {
    fn default() -> Allowed {
        Allowed(vec![(u64::MAX, 0); ALLOWED].into())
    }
}

impl Allowed {
    fn slot(page: u64) -> usize {
        (page / PAGE) as usize & (ALLOWED - 1)
    }

    #[inline]
    fn has(&self, page: u64, kind: Kind) -> bool {
        let (known, kinds) = self.0[Allowed::slot(page)];
        known == page && kinds & 1 << kind as u8 != 0
    }

    fn set(&mut self, page: u64, p: Protection) {
        let kinds = u8::from(p.execute) << Kind::Ifetch as u8
            | u8::from(p.read) << Kind::Read as u8
            | u8::from(p.write) << Kind::Write as u8;
        Arc::make_mut(&mut self.0)[Allowed::slot(page)] = (page, kinds);
    }

    fn clear(&mut self) {
        Arc::make_mut(&mut self.0).fill((u64::MAX, 0));
    }
}
