//! The model of one process of a recording: its mappings, which follow its calls, and the events to
//! emit so that every access meets a mapping that allows it. Does not know other processes, nor where
//! the log comes from.

use super::allowed::Allowed;
use super::areas::{Area, AreaOrigin, Areas, PAGE, moved};
use super::calls::{Change, NewMapping, Resized};
use super::descriptors::Descriptors;
use super::files::{Files, is_preload};
use super::proc_maps;
use super::proc_maps::{Entry, Owner};
use super::system::{FileFacts, FileKey, System, names_memory};
use crate::trace::model::access::Kind;
use crate::trace::model::event::{Backing, Event, Mapping, Move, Protection, USER_END};
use crate::units::PageSize;
use std::ops::Range;
use std::path::PathBuf;

/// The address space and the open files of a process.
#[derive(Debug, Clone, Default)]
pub struct Process {
    /// Its id in the system.
    pub pid: u32,
    areas: Areas,
    pub descriptors: Descriptors,
    allowed: Allowed,
    /// Whether the trace has the mappings of valgrind in this process, and the accesses of them.
    keeps_preloads: bool,
}

/// State that all processes of a recording share.
#[derive(Debug, Default)]
pub struct World<S> {
    pub system: S,
    /// The files mapped so far.
    pub files: Files,
}

/// What made an access of a page legal, beyond what the log shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supplied {
    /// Nothing: the log explains the access.
    Nothing,
    /// The page is in a mapping of valgrind's own, which the trace keeps.
    Valgrind,
    /// The page is in a mapping of valgrind's own, which the trace does not have: nor has it the access.
    LeftOut,
    /// A mapping was made up.
    Unknown,
    /// The protection of the page was widened.
    Widened,
    /// Nothing can: the page lies outside user space.
    Outside,
}

/// What a program asked for besides the area itself.
#[derive(Default)]
struct Request {
    fixed: bool,
    page_size: Option<PageSize>,
}

impl Process {
    /// A process with nothing mapped.
    pub fn new(pid: u32, keeps_preloads: bool) -> Process {
        Process {
            pid,
            keeps_preloads,
            ..Process::default()
        }
    }

    /// Returns true if the cache holds the page at `page` and allows `kind` there. False means unknown.
    #[inline]
    pub fn is_cached(&self, page: u64, kind: Kind) -> bool {
        self.allowed.has(page, kind)
    }

    /// Makes an access of the page at `page` legal. Appends the events that must precede it.
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
        let mut supplied = Supplied::Nothing;
        if self.areas.at_or_grow(page).is_none() && !self.look_up(page, world, events) {
            self.make_up(page, kind, events);
            supplied = Supplied::Unknown;
        }
        let Some(area) = self.areas.at_or_grow(page) else {
            // Cannot be: one has just been mapped.
            return supplied;
        };
        let (origin, mut protection) = (area.origin, area.protection);
        if origin == AreaOrigin::Valgrind && !self.keeps_preloads {
            return Supplied::LeftOut;
        }
        if !protection.allows(kind) {
            protection = protection.plus(kind);
            self.protect(page..page + PAGE, protection, events);
            supplied = Supplied::Widened;
        } else if origin == AreaOrigin::Valgrind {
            supplied = Supplied::Valgrind;
        }
        self.allowed.set(page, protection);
        supplied
    }

    /// Asks the system for the mapping of a page, and maps it. Returns false if there is none. The log
    /// does not show all mappings, for example those of valgrind or of shared memory by `shmat`.
    fn look_up<S: System>(
        &mut self,
        page: u64,
        world: &mut World<S>,
        events: &mut Vec<Event>,
    ) -> bool {
        let mut entries = world.entries(self.pid).into_iter();
        let Some((entry, owner)) = entries.find(|(entry, _)| entry.range.contains(&page)) else {
            return false;
        };
        // The listing may be later than the log: only the gap is filled.
        let gap = self.areas.gap(page, entry.range.clone());
        let origin = match owner {
            Owner::Other => AreaOrigin::Valgrind,
            Owner::Program | Owner::Stack => AreaOrigin::Program,
        };
        self.map_entry(&entry, gap, owner, origin, world, events);
        true
    }

    /// Takes over the mappings of a program that begins.
    pub fn begin<S: System>(&mut self, world: &mut World<S>, events: &mut Vec<Event>) {
        for (entry, owner) in world.entries(self.pid) {
            let range = entry.range.clone();
            let free = !self.areas.overlaps(range.clone());
            if owner != Owner::Other && free && range.end <= USER_END {
                self.map_entry(&entry, range, owner, AreaOrigin::Program, world, events);
            }
        }
    }

    /// Maps `range`, a part of an entry of the listing.
    fn map_entry<S: System>(
        &mut self,
        entry: &Entry,
        range: Range<u64>,
        owner: Owner,
        origin: AreaOrigin,
        world: &mut World<S>,
        events: &mut Vec<Event>,
    ) {
        let offset = entry.offset + (range.start - entry.range.start);
        let (backing, name, swap_backed) = match listed_file(entry, &world.system) {
            None if owner == Owner::Stack => (Backing::Anonymous, "[stack]".into(), false),
            None => (Backing::Anonymous, "".into(), false),
            Some(facts) => {
                let end = offset.saturating_add(range.end - range.start);
                world.files.backing(Some(&facts), offset, end)
            }
        };
        let origin = match is_preload(&name) {
            true => AreaOrigin::Valgrind,
            false => origin,
        };
        let area = Area {
            end: range.end,
            protection: entry.protection,
            shared: entry.shared,
            grows_down: owner == Owner::Stack,
            backing,
            swap_backed,
            name,
            origin,
        };
        self.map(range.start, area, events);
    }

    /// Maps one page for an access that nothing explains.
    fn make_up(&mut self, page: u64, kind: Kind, events: &mut Vec<Event>) {
        let area = Area {
            end: page + PAGE,
            protection: Protection::RW.plus(kind),
            shared: false,
            grows_down: false,
            backing: Backing::Anonymous,
            swap_backed: false,
            name: "[unknown]".into(),
            origin: AreaOrigin::Unknown,
        };
        self.map(page, area, events);
    }

    /// Makes the change that a call makes. Appends the events for it; none if nothing was mapped there.
    pub fn apply<S: System>(
        &mut self,
        change: &Change,
        world: &mut World<S>,
        events: &mut Vec<Event>,
    ) {
        match change {
            Change::Map(new) => self.map_new(new, world, events),
            Change::Unmap(range) => self.unmap(range.clone(), events),
            Change::Remap {
                old,
                new,
                fixed,
                keep,
            } => {
                let (old_start, new_start) = (old.start, new.start);
                let moves = Move {
                    old_start,
                    old_length: old.end - old_start,
                    new_start,
                    new_length: new.end - new_start,
                    fixed: *fixed,
                    keep: *keep,
                };
                self.remap(old, new, moves, events);
            }
            Change::Again { from, to, fixed } => self.map_again(*from, to, *fixed, world, events),
            Change::Populate { range, write } => self.populate(range, *write, events),
            Change::Protect { range, protection } => {
                self.protect(range.clone(), *protection, events);
            }
            Change::Brk(end) => self.brk(*end, events),
            Change::Resize {
                file,
                bytes,
                at_least,
            } => {
                let facts = match file {
                    Resized::Descriptor(number) => {
                        self.descriptors.file(*number, self.pid, &world.system)
                    }
                    Resized::Path(path) => {
                        let folder = world.system.folder(self.pid).unwrap_or_default();
                        world.system.file(&folder.join(path))
                    }
                };
                let event = facts.and_then(|facts| world.files.resized(&facts, *bytes, *at_least));
                events.extend(event);
            }
            Change::Advise { range, advice } => {
                if self.shows(range) {
                    events.push(Event::Advise {
                        start: range.start,
                        length: range.end - range.start,
                        advice: *advice,
                    });
                }
            }
        }
    }

    fn map_new<S: System>(
        &mut self,
        new: &NewMapping,
        world: &mut World<S>,
        events: &mut Vec<Event>,
    ) {
        let (backing, name, swap_backed) = match new.file {
            None => (Backing::Anonymous, "".into(), false),
            Some((descriptor, offset)) => {
                let facts = self
                    .descriptors
                    .file(descriptor, self.pid, &world.system)
                    .or_else(|| mapped_file(self.pid, new.range.start, &world.system));
                let end = offset.saturating_add(new.range.end - new.range.start);
                world.files.backing(facts.as_ref(), offset, end)
            }
        };
        // The loader maps what a library has beyond its file over the library.
        let there = self.areas.at(new.range.start).filter(|_| new.fixed);
        let over = there.is_some_and(|(_, area)| area.origin == AreaOrigin::Valgrind);
        let origin = match is_preload(&name) || over && new.file.is_none() {
            true => AreaOrigin::Valgrind,
            false => AreaOrigin::Program,
        };
        let area = Area {
            end: new.range.end,
            protection: new.protection,
            shared: new.shared,
            grows_down: new.grows_down,
            backing,
            swap_backed,
            name,
            origin,
        };
        let request = Request {
            fixed: new.fixed,
            page_size: new.page_size,
        };
        self.map_as(new.range.start, area, request, events);
        let Protection { read, write, .. } = new.protection;
        if new.populates && (read || write) {
            // Linux writes the pages of a private mapping that allows it, so that none is copied later.
            self.populate(&new.range, write && !new.shared, events);
        }
    }

    /// The pages of a range come in.
    fn populate(&mut self, range: &Range<u64>, write: bool, events: &mut Vec<Event>) {
        if self.shows(range) {
            events.push(Event::Populate {
                start: range.start,
                length: range.end - range.start,
                write,
            });
        }
    }

    /// Returns true if the trace has any of what is mapped in a range.
    fn shows(&self, range: &Range<u64>) -> bool {
        match self.keeps_preloads {
            true => self.areas.overlaps(range.clone()),
            false => self.areas.overlaps_program(range.clone()),
        }
    }

    /// Maps `area` at `start`. Areas that are still held there, because the log missed their unmapping,
    /// are replaced.
    fn map(&mut self, start: u64, area: Area, events: &mut Vec<Event>) {
        self.map_as(start, area, Request::default(), events);
    }

    /// Like [`Process::map`], as the program asked for it.
    fn map_as(&mut self, start: u64, area: Area, request: Request, events: &mut Vec<Event>) {
        let of_valgrind = area.origin == AreaOrigin::Valgrind;
        if of_valgrind && !self.keeps_preloads {
            // What the trace has of the range goes.
            self.unmap(start..area.end, events);
        } else {
            events.push(Event::Map(Box::new(Mapping {
                start,
                length: area.end - start,
                protection: area.protection,
                shared: area.shared,
                fixed: request.fixed || self.areas.overlaps(start..area.end),
                grows_down: area.grows_down,
                swap_backed: area.swap_backed,
                backing: area.backing,
                page_size: request.page_size,
                name: match of_valgrind {
                    true => format!("[valgrind]{}", area.name),
                    false => area.name.to_string(),
                },
            })));
        }
        self.areas.insert(start, area);
        self.allowed.clear();
    }

    /// Changes the protection of what is mapped in a range, if anything is.
    fn protect(&mut self, range: Range<u64>, protection: Protection, events: &mut Vec<Event>) {
        if !self.areas.overlaps(range.clone()) {
            return;
        }
        if self.shows(&range) {
            events.push(Event::Protect {
                start: range.start,
                length: range.end - range.start,
                protection,
            });
        }
        self.areas.protect(range, protection);
        self.allowed.clear();
    }

    /// Unmaps a range, if anything is mapped there.
    fn unmap(&mut self, range: Range<u64>, events: &mut Vec<Event>) {
        if !range.is_empty() && self.areas.overlaps(range.clone()) {
            if self.shows(&range) {
                events.push(Event::Unmap {
                    start: range.start,
                    length: range.end - range.start,
                });
            }
            self.areas.remove(range);
            self.allowed.clear();
        }
    }

    /// Moves or resizes what is mapped in `old`.
    fn remap(
        &mut self,
        old: &Range<u64>,
        new: &Range<u64>,
        mut moves: Move,
        events: &mut Vec<Event>,
    ) {
        if old == new {
            return;
        }
        let in_place = old.start == new.start;
        let overlap = old.start < new.end && new.start < old.end;
        let impossible = overlap && !in_place || moves.keep && moves.old_length != moves.new_length;
        if impossible || !self.areas.covers(old.clone()) {
            return self.map_moved(old, new, moves.keep, events);
        }
        // Areas that are still held at the target, because the log missed their unmapping, go.
        if in_place {
            (moves.fixed, moves.keep) = (false, false);
            self.unmap(old.end..new.end.max(old.end), events);
        } else if self.areas.overlaps(new.clone()) {
            moves.fixed = true;
            self.areas.remove(new.clone());
        }
        self.areas.relocate(old.clone(), new.clone(), moves.keep);
        self.allowed.clear();
        events.push(Event::Move(Box::new(moves)));
    }

    /// Maps the new range of a move of which the log does not show all that moved, as if it were new.
    fn map_moved(
        &mut self,
        old: &Range<u64>,
        new: &Range<u64>,
        keep: bool,
        events: &mut Vec<Event>,
    ) {
        let Some((at, area)) = self.areas.at(old.start) else {
            return;
        };
        let mut area = area.clone();
        area.backing = moved(area.backing, old.start - at);
        area.end = new.end;
        if !keep {
            self.unmap(old.clone(), events);
        }
        let fixed = Request {
            fixed: true,
            ..Request::default()
        };
        self.map_as(new.start, area, fixed, events);
    }

    /// Maps what a shared mapping has from `from` on at `to`, too, as Linux does for an `mremap` of no
    /// bytes. (It refuses a private mapping.) Shared memory without a file has no name by which an event
    /// could map it again: the trace has other memory at `to`.
    fn map_again<S: System>(
        &mut self,
        from: u64,
        to: &Range<u64>,
        fixed: bool,
        world: &World<S>,
        events: &mut Vec<Event>,
    ) {
        let Some((start, area)) = self.areas.at(from).filter(|(_, area)| area.shared) else {
            return;
        };
        let mut again = area.clone();
        again.backing = world
            .files
            .as_long_as_now(moved(area.backing, from - start));
        again.end = to.end;
        let request = Request {
            fixed,
            ..Request::default()
        };
        self.map_as(to.start, again, request, events);
    }

    /// Moves the end of the heap. The first end is also its beginning. valgrind maps the first page of
    /// the heap in advance; until then it looked like a mapping of the program.
    fn brk(&mut self, end: u64, events: &mut Vec<Event>) {
        let page = |byte: u64| byte.next_multiple_of(PAGE);
        let Some(heap) = self.areas.heap.clone() else {
            let advance = self.areas.at(end).map(|(start, area)| start..area.end);
            if let Some(advance) = advance
                && advance.start == end
            {
                self.unmap(advance, events);
            }
            self.areas.heap = Some(end..end);
            return events.push(Event::Brk { end });
        };
        if end == heap.end || end < heap.start {
            return;
        }
        let (from, to) = (page(heap.end), page(end));
        if to > from {
            if self.areas.overlaps(from..to) {
                // A heap does not grow into something else.
                return;
            }
            let area = Area {
                end: to,
                protection: Protection::RW,
                shared: false,
                grows_down: false,
                backing: Backing::Anonymous,
                swap_backed: false,
                name: "[heap]".into(),
                origin: AreaOrigin::Program,
            };
            self.areas.insert(from, area);
        } else {
            self.areas.remove(to..from);
        }
        self.areas.heap = Some(heap.start..end);
        self.allowed.clear();
        events.push(Event::Brk { end });
    }

    /// Takes over what `child` mapped while it used this process's memory.
    pub fn take_back(&mut self, child: &Process) {
        self.areas.add_missing(&child.areas);
        self.allowed.clear();
    }

    /// Another program begins, with nothing mapped.
    pub fn exec(&mut self) {
        self.areas = Areas::default();
        self.allowed.clear();
    }
}

impl<S: System> World<S> {
    /// The mappings of a process in the listing, with their owners; none if it has ended.
    fn entries(&self, pid: u32) -> Vec<(Entry, Owner)> {
        let Some(listing) = self.system.mappings(pid) else {
            return Vec::new();
        };
        let tool = self.system.tool(pid).unwrap_or_default();
        let entries: Vec<Entry> = proc_maps::parse(&listing).collect();
        let owners = proc_maps::owners(&entries, &tool.to_string_lossy());
        entries.into_iter().zip(owners).collect()
    }
}

/// The file that is mapped at an address, according to the listing.
fn mapped_file(pid: u32, start: u64, system: &impl System) -> Option<FileFacts> {
    let listing = system.mappings(pid)?;
    let entry = proc_maps::parse(&listing).find(|entry| entry.range.contains(&start))?;
    listed_file(&entry, system)
}

/// The file of an entry of the listing. By now its path may be gone, or belong to another file.
fn listed_file(entry: &Entry, system: &impl System) -> Option<FileFacts> {
    let Entry { inode, range, .. } = entry;
    if *inode == 0 {
        return None;
    }
    let path = PathBuf::from(entry.name.trim_end_matches(" (deleted)"));
    let same = |facts: &FileFacts| facts.key.inode == *inode;
    Some(system.file(&path).filter(same).unwrap_or(FileFacts {
        key: FileKey {
            device: entry.device.number(),
            inode: *inode,
        },
        length: entry.offset.saturating_add(range.end - range.start),
        in_memory: names_memory(&path),
        cached: true,
        links: 1,
        through_link: false,
        path,
    }))
}
