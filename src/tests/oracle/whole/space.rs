//! Address spaces: which references are legal, and which page object each uses. Nothing here
//! depends on what is in memory.

mod cache;
mod changes;

use super::{Illegal, Item, OnSegfault, Page, Why};
use pagebench::internals::trace::model::access::Kind;
use pagebench::internals::trace::model::event::{Advice, Backing, Event, Mapping, Protection};
use std::collections::BTreeMap;

/// An object, numbered in order of creation.
pub type Object = usize;

/// What an object holds at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Zero,
    File,
    /// Something: no mapping tells.
    Original,
}

/// How a legal reference comes to its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Plain,
    /// Writes what was shared until written, and has no other owner any more.
    Reuse,
    /// Writes what is shared until written: the object is a new copy of this source. The page of a
    /// file may be in no object. The source may stay though nobody has it any more.
    Copy {
        source: Option<Object>,
        stays: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    pub page: Page,
    pub kind: Kind,
    pub object: Object,
    pub how: How,
}

/// What memory must know of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Reference(Reference),
    /// The child's page is bound to what the parent's is bound to.
    Fork {
        parent: Page,
        child: Page,
        private: bool,
        /// The child's page table has no entry.
        dropped: bool,
    },
    Unbind(Page),
    /// The same; others map what it is bound to, whether they have touched it or not.
    LeaveBehind(Page),
    /// A page of a file that is about to be copied for a process is wanted in memory.
    Original {
        pid: u32,
        object: Object,
    },
    /// The same as unbinding; what it holds is no longer wanted in its file.
    Discard(Page),
    /// What is at the first page, bound or in memory, is at the second from now on.
    Move {
        from: Page,
        to: Page,
    },
    /// An object that nobody has is no longer wanted, nor in its file.
    Forget(Object),
    /// A process reads or writes a page of a file without mapping it; read: what the page holds is
    /// wanted. It is in no object if nothing remembers it.
    Io {
        pid: u32,
        object: Option<Object>,
        write: bool,
        read: bool,
    },
    /// The process loses its entry, not the binding.
    Drop(Page),
    /// What TLBs hold of the page is out of date.
    Flush(Page),
    /// Wanted now, without a reference; as if it were read or written.
    Populate(Reference),
    /// To be brought in; the page is bound to the object, perhaps only now.
    Prefetch {
        page: Page,
        object: Object,
    },
}

/// User space ends here.
const USER_END: i128 = 1 << 56;
/// A stack grows to at most so many bytes.
const STACK: i128 = 8 << 20;

/// A range of bytes mapped in the same way.
#[derive(Clone, Debug)]
struct Vma {
    start: i128,
    end: i128,
    protection: Protection,
    shared: bool,
    grows_down: bool,
    backing: Backing,
    /// The file is memory.
    swap_backed: bool,
    /// Where the mapping began that this is a part of.
    origin: i128,
    /// Tells shared anonymous mappings apart.
    region: usize,
    /// Of a private mapping of a file: some page of it was memory of its own.
    own_memory: bool,
}

impl Vma {
    fn meets(&self, range: (i128, i128)) -> bool {
        self.start < range.1 && range.0 < self.end
    }

    fn allows(&self, kind: Kind) -> bool {
        match kind {
            Kind::Ifetch => self.protection.execute,
            Kind::Read => self.protection.read,
            Kind::Write => self.protection.write,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Lives,
    Exited,
    /// By an illegal reference; or its parent was, before it came to be.
    Killed,
}

#[derive(Clone, Debug)]
struct Process {
    fate: Fate,
    /// By address.
    vmas: Vec<Vma>,
    /// Where the heap begins, to the byte, and where its last page ends.
    heap: Option<(i128, i128)>,
}

impl Process {
    fn new(fate: Fate) -> Process {
        Process {
            fate,
            vmas: Vec::new(),
            heap: None,
        }
    }

    fn meets(&self, range: (i128, i128)) -> bool {
        self.vmas.iter().any(|vma| vma.meets(range))
    }

    /// Where the mapping above an address ends, pieces of the same kind that follow each other taken as
    /// one.
    fn stack_end(&self, at: i128) -> i128 {
        let mut pieces = self.vmas.iter().filter(|vma| vma.start > at);
        let Some(mut last) = pieces.next() else {
            return at;
        };
        for next in pieces {
            let (at, way) = (next.start, |vma: &Vma| {
                (vma.protection, vma.shared, vma.grows_down, vma.swap_backed)
            });
            let bytes = |vma: &Vma| match (vma.backing, vma.shared) {
                (Backing::Anonymous, false) => (None, 0, 0),
                (Backing::Anonymous, true) => (None, vma.region, at - vma.origin),
                (Backing::File { file, offset, .. }, _) => {
                    (Some(file), 0, at - vma.origin + i128::from(offset))
                }
            };
            let kind = |vma: &Vma| (way(vma), bytes(vma));
            if next.start != last.end || kind(next) != kind(last) {
                break;
            }
            last = next;
        }
        last.end
    }

    fn insert(&mut self, vma: Vma) {
        self.vmas.push(vma);
        self.vmas.sort_by_key(|vma| vma.start);
    }

    /// No mapping lies on both sides of this address any more.
    fn split(&mut self, at: i128) {
        for mut upper in self.vmas.clone() {
            if upper.start < at && at < upper.end {
                let lower = self.vmas.iter_mut().find(|vma| vma.start == upper.start);
                lower.expect("it was there").end = at;
                upper.start = at;
                self.insert(upper);
            }
        }
    }
}

/// What a page is bound to.
#[derive(Clone, Copy, Debug)]
struct Binding {
    object: Object,
    private: bool,
    /// The object is the file's: a write copies.
    of_file: bool,
    /// A write copies if the object has other owners.
    cow: bool,
}

/// What others may be bound to, too: a page of a shared anonymous mapping, or of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Region(usize, i128),
    File(u32, i128),
}

/// What an unbound page is to be bound to.
enum Content {
    Private(Class),
    Shared(Key, Class),
    PrivateFile(Key, Class),
}

/// All address spaces at some point of a trace.
#[derive(Clone, Debug)]
pub struct Space {
    page_size: i128,
    granule: i128,
    strict: bool,
    on_segfault: OnSegfault,
    processes: BTreeMap<u32, Process>,
    bound: BTreeMap<Page, Binding>,
    /// Whose memory a process uses that has none of its own yet.
    lenders: BTreeMap<u32, u32>,
    keyed: BTreeMap<Key, Object>,
    regions: usize,
    /// References so far.
    position: usize,
    /// Where user space ends, and where there are no more addresses.
    pub user_end: i128,
    pub end: Option<i128>,
    /// A child has no entries for pages of files.
    pub drop_file_ptes: bool,
    /// What begins behind the end of its file is no page.
    pub fault_beyond: bool,
    pub cache: cache::Cache,
    /// Of each object.
    pub classes: Vec<Class>,
    pub illegal: Vec<Illegal>,
    pub dropped: usize,
    pub idle_events: usize,
}

impl Space {
    pub fn new(page_size: u64, strict: bool, on_segfault: OnSegfault) -> Space {
        Space {
            page_size: i128::from(page_size),
            granule: i128::from(page_size.min(4096)),
            strict,
            on_segfault,
            processes: BTreeMap::new(),
            bound: BTreeMap::new(),
            lenders: BTreeMap::new(),
            keyed: BTreeMap::new(),
            regions: 0,
            position: 0,
            user_end: USER_END,
            end: None,
            drop_file_ptes: false,
            fault_beyond: false,
            cache: cache::Cache::default(),
            classes: Vec::new(),
            illegal: Vec::new(),
            dropped: 0,
            idle_events: 0,
        }
    }

    /// Processes that neither exited nor were killed.
    pub fn living(&self) -> Vec<u32> {
        let lives =
            |(&pid, process): (&u32, &Process)| (process.fate == Fate::Lives).then_some(pid);
        self.processes.iter().filter_map(lives).collect()
    }

    /// The mapped ranges of a process.
    pub fn mapped(&self, pid: u32) -> Vec<(u64, u64)> {
        let process = self.processes.get(&self.home(pid));
        let vmas = process.iter().flat_map(|process| &process.vmas);
        vmas.map(|vma| (vma.start as u64, vma.end as u64)).collect()
    }

    /// Lets an item happen. After an error, nothing is to be made of the state.
    pub fn apply(&mut self, item: &Item) -> Result<Vec<Step>, String> {
        let pid = item.pid();
        self.position += usize::from(matches!(item, Item::Access { .. }));
        let steps = match self.processes.get(&pid).map(|process| process.fate) {
            Some(Fate::Exited) => return Err(format!("process {pid} has exited")),
            Some(Fate::Killed) => {
                self.lost(item);
                Vec::new()
            }
            Some(Fate::Lives) | None => match item {
                &Item::Access { page, .. } if self.is_nowhere(self.bytes((pid, page)).0) => {
                    return Err(format!("no address: reference {}", self.position - 1));
                }
                &Item::Access { kind, page, .. } => self.access(pid, page, kind),
                Item::Event { event, .. } => self.event(pid, event)?,
            },
        };
        let mut all = steps;
        all.extend(self.bury());
        Ok(all)
    }

    /// There is no such address.
    fn is_nowhere(&self, at: i128) -> bool {
        self.end.is_some_and(|end| at >= end)
    }

    /// Something of a process that was killed.
    fn lost(&mut self, item: &Item) {
        match item {
            Item::Access { .. } => self.dropped += 1,
            &Item::Event {
                event: Event::Fork { child } | Event::Vfork { child },
                ..
            } => {
                self.processes.insert(child, Process::new(Fate::Killed));
            }
            Item::Event { .. } => {}
        }
    }

    /// The process whose memory this one uses.
    fn home(&self, pid: u32) -> u32 {
        self.lenders.get(&pid).copied().unwrap_or(pid)
    }

    /// The processes that use the memory of this one.
    fn borrowers(&self, pid: u32) -> Vec<u32> {
        let all = self.lenders.iter();
        all.filter(|(_, lender)| **lender == pid)
            .map(|(child, _)| *child)
            .collect()
    }

    /// The process, which begins to exist now if it did not.
    fn process(&mut self, pid: u32) -> &mut Process {
        let process = self.processes.entry(pid);
        process.or_insert_with(|| Process::new(Fate::Lives))
    }

    /// The bytes of a page.
    fn bytes(&self, page: Page) -> (i128, i128) {
        let first = i128::from(page.1) * self.page_size;
        (first, first + self.page_size)
    }

    /// The bytes of an event, rounded outward.
    fn range(&self, start: u64, length: u64) -> (i128, i128) {
        let start = i128::from(start);
        (self.down(start), self.up(start + i128::from(length)))
    }

    fn down(&self, at: i128) -> i128 {
        at / self.granule * self.granule
    }

    fn up(&self, at: i128) -> i128 {
        self.down(at + self.granule - 1)
    }

    /// The bound pages of a process, ascending.
    fn bound_of(&self, pid: u32) -> Vec<Page> {
        let pages = self.bound.keys().copied();
        pages.filter(|page| page.0 == pid).collect()
    }

    fn owners(&self, object: Object) -> usize {
        let bindings = self.bound.values();
        bindings.filter(|binding| binding.object == object).count()
    }

    // References.

    fn access(&mut self, pid: u32, number: u64, kind: Kind) -> Vec<Step> {
        self.process(pid);
        let page = (self.home(pid), number);
        match self.legal(page, kind) {
            Ok(()) => {
                let reference = self.resolve(page, kind);
                let mut steps: Vec<Step> = self.original(&reference).into_iter().collect();
                steps.push(Step::Reference(reference));
                steps
            }
            Err(why) => {
                self.illegal.push(Illegal {
                    position: self.position - 1,
                    page: (pid, number),
                    why,
                });
                match self.on_segfault {
                    OnSegfault::Kill => self.end(pid, Fate::Killed),
                    OnSegfault::Skip => Vec::new(),
                }
            }
        }
    }

    /// Whether the reference is legal; a stack grows to make it so. The error says why not.
    fn legal(&mut self, page: Page, kind: Kind) -> Result<(), Why> {
        let bytes = self.bytes(page);
        // Without mappings and a layout nothing says where user space ends.
        if bytes.0 >= self.user_end && (self.strict || self.end.is_some()) {
            return Err(Why::Forbidden);
        }
        if !self.strict {
            return Ok(());
        }
        let process = self.process(page.0);
        if !process.meets(bytes) {
            let end = process.stack_end(bytes.0);
            let above = process.vmas.iter_mut().find(|vma| vma.start > bytes.0);
            let stack = above.filter(|vma| vma.grows_down && end - bytes.0 <= STACK);
            stack.ok_or(Why::Unmapped)?.start = bytes.0;
        }
        let own: Vec<&Vma> = process.vmas.iter().filter(|v| v.meets(bytes)).collect();
        if !own.iter().any(|vma| vma.allows(kind)) {
            return Err(Why::Forbidden);
        }
        // The right to the access comes first, then the look into the file, if there is no page yet.
        let Backing::File { offset, length, .. } = own[0].backing else {
            return Ok(());
        };
        let at = bytes.0 - own[0].origin + i128::from(offset);
        let is_new = !self.bound.contains_key(&page);
        match self.fault_beyond && is_new && at >= i128::from(length) {
            true => Err(Why::Beyond),
            false => Ok(()),
        }
    }

    /// What a legal reference uses.
    fn resolve(&mut self, page: Page, kind: Kind) -> Reference {
        let write = kind == Kind::Write;
        let (object, how) = match self.bound.get(&page).copied() {
            None => self.first(page, write),
            Some(binding) if write && binding.of_file => self.copy(page, binding.object),
            Some(binding) if write && binding.cow => match self.owners(binding.object) {
                1 => {
                    self.bound.insert(page, private(binding.object));
                    (binding.object, How::Reuse)
                }
                _ => self.copy(page, binding.object),
            },
            Some(binding) => (binding.object, How::Plain),
        };
        Reference {
            page,
            kind,
            object,
            how,
        }
    }

    /// What must be in memory before a copy of it is made.
    fn original(&self, reference: &Reference) -> Option<Step> {
        let How::Copy {
            source: Some(object),
            ..
        } = reference.how
        else {
            return None;
        };
        let pid = reference.page.0;
        let of_file = self.classes[object] == Class::File;
        (of_file && self.cache.keep).then_some(Step::Original { pid, object })
    }

    /// The mapping of a page has memory of its own, if it is one of a file.
    fn has_own_memory(&mut self, page: Page) {
        let bytes = self.bytes(page);
        let mut vmas = self.process(page.0).vmas.iter_mut();
        if let Some(vma) = vmas.find(|vma| vma.meets(bytes)) {
            vma.own_memory = true;
        }
    }

    /// A write to a bound page gives it a copy of its own.
    fn copy(&mut self, page: Page, source: Object) -> (Object, How) {
        self.has_own_memory(page);
        let stays = matches!(self.unbind(page), Step::LeaveBehind(_));
        let class = if self.strict {
            Class::Zero
        } else {
            Class::Original
        };
        let source = Some(source);
        (self.bind_new(page, class), How::Copy { source, stays })
    }

    /// The first reference of an unbound page.
    fn first(&mut self, page: Page, write: bool) -> (Object, How) {
        let content = self.content(page);
        if matches!(content, Content::Private(_)) || write {
            self.has_own_memory(page);
        }
        match content {
            Content::Private(class) => (self.bind_new(page, class), How::Plain),
            Content::Shared(key, class) => (self.bind_keyed(page, key, class, false), How::Plain),
            Content::PrivateFile(key, Class::Zero) if write && !self.keyed.contains_key(&key) => {
                (self.bind_new(page, Class::Zero), How::Plain)
            }
            Content::PrivateFile(key, class) if write => {
                if self.cache.keep && !self.keyed.contains_key(&key) {
                    let object = self.create(class);
                    self.keyed.insert(key, object);
                }
                let source = self.keyed.get(&key).copied();
                let stays = true;
                (
                    self.bind_new(page, Class::Zero),
                    How::Copy { source, stays },
                )
            }
            Content::PrivateFile(key, class) => {
                (self.bind_keyed(page, key, class, true), How::Plain)
            }
        }
    }

    /// What the lowest mapping that the page meets says that it holds.
    fn content(&self, page: Page) -> Content {
        if !self.strict {
            return Content::Private(Class::Original);
        }
        let bytes = self.bytes(page);
        let mut vmas = self.processes[&page.0].vmas.iter();
        let owner = vmas.find(|vma| vma.meets(bytes)).expect("it is mapped");
        let into = bytes.0 - owner.origin;
        match (owner.backing, owner.shared) {
            (Backing::Anonymous, false) => Content::Private(Class::Zero),
            (Backing::Anonymous, true) => {
                Content::Shared(Key::Region(owner.region, into), Class::Zero)
            }
            (
                Backing::File {
                    file,
                    offset,
                    length,
                },
                shared,
            ) => {
                let at = into + i128::from(offset);
                let key = Key::File(file, at);
                let class = if owner.swap_backed {
                    Class::Zero
                } else {
                    Class::File
                };
                match (at < i128::from(length), shared) {
                    (false, false) => Content::Private(Class::Zero),
                    (false, true) => Content::Shared(key, Class::Zero),
                    (true, true) => Content::Shared(key, class),
                    (true, false) => Content::PrivateFile(key, class),
                }
            }
        }
    }

    fn create(&mut self, class: Class) -> Object {
        self.classes.push(class);
        self.classes.len() - 1
    }

    /// Binds to a new object of the page's own.
    fn bind_new(&mut self, page: Page, class: Class) -> Object {
        let object = self.create(class);
        self.bound.insert(page, private(object));
        object
    }

    /// Binds to the object of this key, which is made if there is none.
    fn bind_keyed(&mut self, page: Page, key: Key, class: Class, private: bool) -> Object {
        let object = match self.keyed.get(&key) {
            Some(&object) => object,
            None => self.create(class),
        };
        self.keyed.insert(key, object);
        let binding = Binding {
            object,
            private,
            of_file: private,
            cow: false,
        };
        self.bound.insert(page, binding);
        object
    }

    /// Removes a binding; an object that has no owner any more is not found again.
    fn unbind(&mut self, page: Page) -> Step {
        let binding = self.bound.remove(&page).expect("a bound page");
        if self.owners(binding.object) == 0 {
            let gone = self.is_gone(binding.object);
            if self.is_mapped_memory(binding.object) {
                return Step::LeaveBehind(page);
            }
            if !self.stays(binding.object) {
                self.keyed.retain(|_, object| *object != binding.object);
            }
            if gone {
                return Step::Discard(page);
            }
        }
        Step::Unbind(page)
    }

    /// Removes a binding to what is not in its file any more.
    fn discard(&mut self, page: Page) -> Step {
        let binding = self.bound.remove(&page).expect("a bound page");
        if self.owners(binding.object) == 0 {
            self.keyed.retain(|_, object| *object != binding.object);
        }
        Step::Discard(page)
    }

    // Events.

    fn event(&mut self, pid: u32, event: &Event) -> Result<Vec<Step>, String> {
        self.process(pid);
        if matches!(event, Event::Exec | Event::Exit) && !self.borrowers(pid).is_empty() {
            return Err("a lender that leaves".into());
        }
        let home = self.home(pid);
        match *event {
            Event::Fork { child } => return self.fork(home, child),
            Event::Vfork { child } => {
                if self.processes.contains_key(&child) {
                    return Err(format!("process {child} exists or existed"));
                }
                self.processes.insert(child, Process::new(Fate::Lives));
                self.lenders.insert(child, home);
                return Ok(Vec::new());
            }
            Event::Exec => return Ok(self.end(pid, Fate::Lives)),
            Event::Exit => return Ok(self.end(pid, Fate::Exited)),
            _ => {}
        }
        let pid = home;
        match *event {
            Event::Map(ref mapping) => self.map(pid, mapping),
            Event::Brk { end } => Ok(self.brk(pid, i128::from(end))),
            Event::Exec | Event::Exit | Event::Fork { .. } | Event::Vfork { .. } => unreachable!(),
            Event::Move(ref moves) => self.moves(pid, moves),
            Event::Length { file, bytes } => Ok(self.length(file, i128::from(bytes))),
            Event::Populate {
                start,
                length,
                write,
            } => Ok(self.populate(pid, self.range(start, length), write)),
            Event::Read(range) => Ok(self.file_io(pid, range, false)),
            Event::Write(range) => Ok(self.file_io(pid, range, true)),
            Event::Unlink { file } => Ok(self.unlink(file)),
            Event::Unmap { start, length }
            | Event::Protect { start, length, .. }
            | Event::Advise { start, length, .. } => {
                let range = self.range(start, length);
                // Without mappings there are still pages that were touched.
                let touched = !self.strict
                    && !matches!(event, Event::Protect { .. })
                    && self
                        .bound_of(pid)
                        .iter()
                        .any(|&page| overlap(self.bytes(page), range));
                if !self.process(pid).meets(range) && !touched {
                    self.idle_events += 1;
                    return Ok(Vec::new());
                }
                Ok(match *event {
                    Event::Protect { protection, .. } => self.protect(pid, range, protection),
                    Event::Advise { advice, .. } => match advice {
                        Advice::DontNeed => self.dont_need(pid, range),
                        Advice::WillNeed => self.will_need(pid, range),
                    },
                    _ => self.unmap(pid, range),
                })
            }
        }
    }

    fn map(&mut self, pid: u32, mapping: &Mapping) -> Result<Vec<Step>, String> {
        let range = self.range(mapping.start, mapping.length);
        if range.1 > self.user_end {
            return Err("a mapping beyond user space".into());
        }
        let mut steps = self.heard_of(mapping.backing, mapping.swap_backed);
        let mut lost = Vec::new();
        if mapping.fixed {
            lost = self.cut_out(pid, range);
        } else if self.process(pid).meets(range) {
            return Err("a mapping over another".into());
        }
        self.regions += 1;
        let vma = Vma {
            start: range.0,
            end: range.1,
            protection: mapping.protection,
            shared: mapping.shared,
            grows_down: mapping.grows_down,
            backing: mapping.backing,
            swap_backed: mapping.swap_backed,
            origin: range.0,
            region: self.regions,
            own_memory: false,
        };
        self.process(pid).insert(vma);
        steps.extend(lost.into_iter().map(|page| self.unbind(page)));
        Ok(steps)
    }

    fn unmap(&mut self, pid: u32, range: (i128, i128)) -> Vec<Step> {
        let lost = self.cut_out(pid, range).into_iter();
        lost.map(|page| self.unbind(page)).collect()
    }

    /// Nothing is mapped there any more. The pages that no mapping covers now are to be unbound.
    fn cut_out(&mut self, pid: u32, range: (i128, i128)) -> Vec<Page> {
        let process = self.process(pid);
        process.split(range.0);
        process.split(range.1);
        process.vmas.retain(|vma| !vma.meets(range));
        let mut pages = self.bound_of(pid);
        pages.retain(|&page| {
            let bytes = self.bytes(page);
            overlap(bytes, range) && !self.processes[&pid].meets(bytes)
        });
        pages
    }

    fn protect(&mut self, pid: u32, range: (i128, i128), protection: Protection) -> Vec<Step> {
        let process = self.process(pid);
        process.split(range.0);
        process.split(range.1);
        let mut changed = false;
        for vma in process.vmas.iter_mut().filter(|vma| vma.meets(range)) {
            changed |= vma.protection != protection;
            vma.protection = protection;
        }
        let mut pages = self.bound_of(pid);
        pages.retain(|&page| changed && overlap(self.bytes(page), range));
        pages.into_iter().map(Step::Flush).collect()
    }

    fn brk(&mut self, pid: u32, byte: i128) -> Vec<Step> {
        let end = self.up(byte);
        let process = self.process(pid);
        let Some((begin, old)) = process.heap else {
            process.heap = Some((byte, end));
            return Vec::new();
        };
        if byte < begin || (end > old && process.meets((old, end))) {
            self.idle_events += 1;
            return Vec::new();
        }
        process.heap = Some((begin, end));
        if end > old {
            process.insert(Vma {
                start: old,
                end,
                protection: Protection::RW,
                shared: false,
                grows_down: false,
                backing: Backing::Anonymous,
                swap_backed: false,
                origin: begin,
                region: 0,
                own_memory: false,
            });
            return Vec::new();
        }
        if end < old {
            return self.unmap(pid, (end, old));
        }
        Vec::new()
    }

    /// The program ends; what becomes of the process is its fate.
    fn end(&mut self, pid: u32, fate: Fate) -> Vec<Step> {
        if !self.borrowers(pid).is_empty() {
            // Killed: the others go on with its memory.
            self.process(pid).fate = fate;
            return Vec::new();
        }
        self.processes.insert(pid, Process::new(fate));
        match self.lenders.remove(&pid) {
            None => self.give_up(pid),
            Some(home) if self.processes[&home].fate == Fate::Killed => {
                match self.borrowers(home).is_empty() {
                    true => {
                        self.processes.insert(home, Process::new(Fate::Killed));
                        self.give_up(home)
                    }
                    false => Vec::new(),
                }
            }
            Some(_) => Vec::new(),
        }
    }

    /// Nothing is bound any more.
    fn give_up(&mut self, pid: u32) -> Vec<Step> {
        let pages = self.bound_of(pid).into_iter();
        pages.map(|page| self.unbind(page)).collect()
    }

    fn fork(&mut self, pid: u32, child: u32) -> Result<Vec<Step>, String> {
        let mut parent = self.process(pid).clone();
        parent.fate = Fate::Lives;
        if self.processes.contains_key(&child) {
            return Err(format!("process {child} exists or existed"));
        }
        self.processes.insert(child, parent);
        let mut steps = Vec::new();
        for page in self.bound_of(pid) {
            let mut binding = self.bound[&page];
            // A fault finds again what is shared, or in a file that has not been copied from.
            let bytes = self.bytes(page);
            let mut vmas = self.processes[&pid].vmas.iter();
            let again =
                |vma: &Vma| vma.shared || vma.backing != Backing::Anonymous && !vma.own_memory;
            let found = vmas.find(|vma| vma.meets(bytes)).is_some_and(again);
            let dropped = self.drop_file_ptes && found;
            binding.cow |= binding.private;
            self.bound.insert(page, binding);
            self.bound.insert((child, page.1), binding);
            steps.push(Step::Fork {
                parent: page,
                child: (child, page.1),
                private: binding.private,
                dropped,
            });
        }
        Ok(steps)
    }
}

fn overlap(one: (i128, i128), other: (i128, i128)) -> bool {
    one.0 < other.1 && other.0 < one.1
}

/// A binding to an object of the page's own.
fn private(object: Object) -> Binding {
    Binding {
        object,
        private: true,
        of_file: false,
        cow: false,
    }
}
