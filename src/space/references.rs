//! The references that are not known to be legal and to change nothing: whether one is legal, which
//! object its entry is bound to, and whether a write must copy. Knows nothing of events.

use super::changes::Change;
use super::contents::Key;
use super::kinds::Kinds;
use super::place::Place;
use super::process::State;
use super::resolver::Resolver;
use super::vma::Vma;
use super::{
    AddressLayout, BeyondEof, Binding, Class, EntryId, Illegal, IllegalKind, LISTED, NONE,
    ObjectId, OnSegfault, Op, SpaceError,
};
use crate::trace::model::access::{Addressing, Kind};
use crate::trace::model::event::{Backing, Protection};
use crate::trace::model::refs::PageKey;
use std::ops::Range;

impl Resolver<'_> {
    /// Resolves one reference. Returns whether it is legal; then its entry is bound.
    pub fn reference(
        &mut self,
        entry: EntryId,
        kind: Kind,
        position: u64,
    ) -> Result<bool, SpaceError> {
        let key = self.space.entries[entry as usize];
        let acting = self.acting;
        match self.processes[acting as usize].state {
            State::Unborn => self.processes[acting as usize].state = State::Alive,
            State::Alive => {}
            State::Exited => {
                let pid = self.pid(acting);
                let what = format!("process {pid} has exited");
                return Err(self.fail(Place::Reference(position), what));
            }
            State::Killed | State::Refused => {
                self.tally.dropped += 1;
                self.leave_out();
                return Ok(false);
            }
        }
        if let Some(what) = self.beyond_layout(self.bytes_of(key.number).start)
            && self.trace.meta.addressing == Addressing::Bytes
        {
            return Err(self.outside(Place::Reference(position), what));
        }
        let mut allowed = Kinds::ALL;
        if self.strict {
            allowed = self.legal_kinds(key);
        } else if self.is_kernels(key) {
            allowed = Kinds::NONE;
        }
        if !allowed.has(kind) {
            let fault = self.refused_as(key);
            return self.illegal(key, kind, fault, position).map(|()| false);
        }
        if self.strict && self.object[entry as usize] == NONE && self.is_beyond_eof(key) {
            self.space.reaches_beyond_eof = true;
            if self.options.beyond_eof == BeyondEof::Fault {
                let fault = IllegalKind::Bus;
                return self.illegal(key, kind, fault, position).map(|()| false);
            }
        }
        self.bind_for(entry, key, kind)?;
        self.write_protected[entry as usize] = false;
        if self.processes[key.process as usize].state == State::Alive {
            self.settled[entry as usize] = self.without_copies(entry, allowed);
        }
        Ok(true)
    }

    /// Binds `entry`, if it is not bound, or gives it a copy of its page, if it needs one, for an access
    /// of `kind` that is legal.
    pub fn bind_for(&mut self, entry: EntryId, key: PageKey, kind: Kind) -> Result<(), SpaceError> {
        if self.object[entry as usize] == NONE {
            return self.bind_first(entry, key, kind);
        }
        if kind == Kind::Write {
            self.break_cow(entry);
        }
        Ok(())
    }

    /// Copies a page for `entry`, which is bound to `object` now: for a reference, or else for an event.
    fn push_copy(&mut self, entry: EntryId, source: ObjectId, object: ObjectId, frees: bool) {
        self.push(match self.in_reference {
            true => Op::CowCopy {
                entry,
                source,
                object,
                frees,
            },
            false => Op::PopulateCopy {
                entry,
                source,
                object,
                frees,
            },
        });
    }

    /// Returns what `entry` allows now: nothing if it is not bound.
    pub fn rights(&self, entry: EntryId) -> Protection {
        let key = self.space.entries[entry as usize];
        let rights = match (self.object[entry as usize], self.strict) {
            (NONE, _) => Kinds::NONE,
            (_, false) => Kinds::ALL,
            (_, true) => {
                let vmas = &self.processes[key.process as usize].vmas;
                kinds_of_all(vmas.over(&self.bytes_of(key.number)))
            }
        };
        self.without_copies(entry, rights).protection()
    }

    /// Returns whether, in a layout that was asked for, a page is in the kernel's part.
    fn is_kernels(&self, key: PageKey) -> bool {
        self.options.layout != AddressLayout::Any
            && self.trace.meta.addressing == Addressing::Bytes
            && key.number >= self.user_pages()
    }

    /// Returns `kinds` without writes, if a write through `entry` must look for a copy.
    fn without_copies(&self, entry: EntryId, kinds: Kinds) -> Kinds {
        match self.binding[entry as usize].copies_on_write() {
            true => kinds.without(Kind::Write),
            false => kinds,
        }
    }

    /// Returns the bytes of the page `number`.
    pub fn bytes_of(&self, number: u64) -> Range<u64> {
        let start = number << self.shift;
        start..start.saturating_add(1 << self.shift)
    }

    /// Returns the kinds of access that the mappings of a page allow, after growing a stack over
    /// the page if there is one.
    fn legal_kinds(&mut self, key: PageKey) -> Kinds {
        let bytes = self.bytes_of(key.number);
        if key.number >= self.user_pages() {
            return Kinds::NONE;
        }
        let process = &self.processes[key.process as usize];
        if process.vmas.is_free(&bytes) && !self.grow_stack(key.process, bytes.start) {
            return Kinds::NONE;
        }
        kinds_of_all(self.processes[key.process as usize].vmas.over(&bytes))
    }

    /// Extends the stack above `address` down to it. Returns false if there is none, or it may not
    /// grow that far.
    fn grow_stack(&mut self, process: u32, address: u64) -> bool {
        let vmas = &self.processes[process as usize].vmas;
        let Some(behind) = vmas.stack_above(address).map(|stack| stack.start) else {
            return false;
        };
        let mut grown = vmas.clone();
        grown.grow_down(address);
        let grows = self.admit(process, grown, || "a growing stack".into());
        if grows {
            self.change(process, || Change::GrowDown(address..behind));
        }
        grows
    }

    /// Returns why an access is illegal whose kind the mappings of the page do not allow.
    fn refused_as(&self, key: PageKey) -> IllegalKind {
        let bytes = self.bytes_of(key.number);
        let in_kernel = key.number >= self.user_pages();
        let vmas = &self.processes[key.process as usize].vmas;
        match !in_kernel && vmas.is_free(&bytes) {
            true => IllegalKind::Segmentation,
            false => IllegalKind::Protection,
        }
    }

    /// Returns whether a page, which is mapped and not bound, begins beyond the end of its file.
    fn is_beyond_eof(&self, key: PageKey) -> bool {
        let bytes = self.bytes_of(key.number);
        self.lowest_over(key.process, &bytes)
            .is_beyond_eof(bytes.start)
    }

    /// Counts and lists an illegal reference, and ends its process if the options say so.
    fn illegal(
        &mut self,
        key: PageKey,
        kind: Kind,
        fault: IllegalKind,
        position: u64,
    ) -> Result<(), SpaceError> {
        let bytes = self.bytes_of(key.number);
        if self.options.on_segfault == OnSegfault::Abort {
            let (what, pid) = (fault.words(), self.pid(self.acting));
            let (letter, start) = (kind.letter(), bytes.start);
            let what = format!("{what}: {letter} of page {start:#x} by process {pid}");
            return Err(SpaceError {
                help: "--on-segfault kill or skip goes on",
                ..self.fail(Place::Reference(position), what)
            });
        }
        match fault {
            IllegalKind::Segmentation => self.tally.segfaults += 1,
            IllegalKind::Protection => self.tally.protection_faults += 1,
            IllegalKind::Bus => self.tally.bus_errors += 1,
        }
        self.leave_out();
        if self.tally.illegal.len() < LISTED {
            self.tally.illegal.push(Illegal {
                position,
                process: self.acting,
                page: key.number,
                kind,
                fault,
            });
        }
        if self.options.on_segfault == OnSegfault::Kill {
            let acting = self.acting;
            self.lost_sharer |=
                self.home(acting) != acting || !self.borrowers_of(acting).is_empty();
            self.end(acting, State::Killed);
        }
        Ok(())
    }

    /// Binds `entry` at its first reference since it was mapped.
    fn bind_first(&mut self, entry: EntryId, key: PageKey, kind: Kind) -> Result<(), SpaceError> {
        if !self.strict {
            let object = self.new_object(Class::Original, None);
            self.bind(entry, object, Binding::Private);
            return Ok(());
        }
        match self.source_of(key) {
            PageSource::Private => {
                let object = self.new_object(Class::Zero, None);
                self.bind(entry, object, Binding::Private);
            }
            PageSource::BeyondEof => {
                self.note_copy(key);
                let object = self.new_object(Class::Zero, None);
                self.bind(entry, object, Binding::Private);
            }
            PageSource::Shared(class, name) => {
                let object = self.named_object(class, name);
                self.bind(entry, object, Binding::Shared);
            }
            PageSource::PrivateFile(class, name) if kind == Kind::Write => {
                self.note_copy(key);
                let source = self.unbound_original(key.process, class, name)?;
                let object = self.new_object(Class::Zero, None);
                if source == NONE && class == Class::Zero {
                    // A copy of zeros is zeros.
                    self.bind(entry, object, Binding::Private);
                    return Ok(());
                }
                self.bind_silently(entry, object, Binding::Private);
                self.push_copy(entry, source, object, false);
            }
            PageSource::PrivateFile(class, name) => {
                let object = self.named_object(class, name);
                self.bind(entry, object, Binding::CowFile);
            }
        }
        Ok(())
    }

    /// Records that the page `key` of a private mapping of a file is private memory.
    fn note_copy(&mut self, key: PageKey) {
        let bytes = self.bytes_of(key.number);
        self.processes[key.process as usize].vmas.note_copy(&bytes);
    }

    /// Returns the object of `key`, after creating it if there is none.
    pub fn named_object(&mut self, class: Class, key: Key) -> ObjectId {
        match self.keyed.get(&key) {
            Some(&object) => {
                debug_assert_eq!(self.space.classes[object as usize], class, "one length");
                object
            }
            None => self.new_object(class, Some(key)),
        }
    }

    /// Returns the lowest mapping of a page, which is mapped.
    fn lowest_over(&self, process: u32, bytes: &Range<u64>) -> &Vma {
        let vmas = &self.processes[process as usize].vmas;
        vmas.lowest_over(bytes).expect("the page is mapped")
    }

    /// Returns where the content of a mapped page comes from.
    pub fn source_of(&self, key: PageKey) -> PageSource {
        let bytes = self.bytes_of(key.number);
        let vma = self.lowest_over(key.process, &bytes);
        let offset = vma.offset_of(bytes.start);
        match vma.backing {
            Backing::Anonymous if vma.shared => {
                PageSource::Shared(Class::Zero, Key::Region(vma.region, offset))
            }
            Backing::Anonymous => PageSource::Private,
            Backing::File { file, .. } => {
                let name = Key::File(file, offset);
                let beyond = vma.is_beyond_eof(bytes.start);
                let class = match beyond || vma.swap_backed {
                    true => Class::Zero,
                    false => Class::File,
                };
                match (vma.shared, beyond) {
                    (true, _) => PageSource::Shared(class, name),
                    (false, true) => PageSource::BeyondEof,
                    (false, false) => PageSource::PrivateFile(class, name),
                }
            }
        }
    }

    /// Resolves a write to a bound page: it may have to copy.
    fn break_cow(&mut self, entry: EntryId) {
        let source = self.object[entry as usize];
        let alone = self.owners[source as usize] == 1;
        match self.binding[entry as usize] {
            Binding::Private | Binding::Shared => {}
            Binding::Cow if alone => {
                self.binding[entry as usize] = Binding::Private;
                let alone_since = self.alone_since[source as usize];
                self.push(match self.in_reference {
                    true => Op::Reuse { entry, alone_since },
                    false => Op::Flush { entry },
                });
            }
            Binding::Cow | Binding::CowFile => {
                if self.binding[entry as usize] == Binding::CowFile {
                    self.note_copy(self.space.entries[entry as usize]);
                    self.bring_original(entry, source);
                }
                let class = if self.strict {
                    Class::Zero
                } else {
                    Class::Original
                };
                let object = self.new_object(class, None);
                let frees = self.disown(source);
                self.bind_silently(entry, object, Binding::Private);
                self.push_copy(entry, source, object, frees);
                // The copy is what leaves the source to its last owner.
                self.alone_since[source as usize] = self.space.ops.len() as u32;
            }
        }
    }
}

/// The origin of the content of a mapped page.
pub(super) enum PageSource {
    /// Private memory.
    Private,
    /// Private memory, in a private mapping beyond the end of its file.
    BeyondEof,
    /// An object that all mappings of it share.
    Shared(Class, Key),
    /// A page of a file, copied at the first write.
    PrivateFile(Class, Key),
}

/// Returns the kinds of access that any of `vmas` allows.
pub(super) fn kinds_of_all<'v>(vmas: impl Iterator<Item = &'v Vma>) -> Kinds {
    let kinds = vmas.map(|vma| Kinds::from(vma.protection));
    kinds.fold(Kinds::NONE, Kinds::and)
}
