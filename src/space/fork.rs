//! Forks: a child has its parent's mappings, and its pages until one of both writes them. A page of the
//! child that nothing ever uses has no entry: its object has one owner more, and no more than that. So a
//! fork costs little more than what the child uses of it. Knows nothing of references.

use super::changes::Change;
use super::inherited::InheritedPage;
use super::kinds::Kinds;
use super::place::Place;
use super::process::State;
use super::resolver::Resolver;
use super::{Binding, EntryId, ForkFilePtes, NONE, Op, SpaceError};
use crate::trace::model::event::EventAt;
use crate::trace::model::refs::PageKey;
use crate::units::PAGE_ID_MAX;
use std::ops::Range;

/// The mapping of the pages that begin in a range, and whether a fault fills its entries again.
struct Fillable {
    range: Range<u64>,
    is: bool,
}

impl Resolver<'_> {
    /// Resolves a fork.
    pub fn fork(&mut self, at: &EventAt, child: u32) -> Result<(), SpaceError> {
        self.beget(at, child, State::Alive)?;
        let parent = &self.processes[at.process as usize];
        let (vmas, heap) = (parent.vmas.for_child(), parent.heap);
        if !self.admit(child, vmas, || "a fork".into()) {
            self.processes[child as usize].state = State::Refused;
            return Ok(());
        }
        self.change(at.process, || Change::Fork { child });
        self.processes[child as usize].heap = heap;
        let (range, is) = (0..0, false);
        let mut fillable = Fillable { range, is };
        let (mut all, mut unused) = (Vec::new(), Vec::new());
        // A page whose translations are gone already, and whether those of any other go now.
        let (mut gone, mut drops) = (None, false);
        for (number, from) in self.bound_pages(at.process, 0..=u64::MAX) {
            let page = self.hand_down(at.process, number, from);
            let fills = self.can_be_filled(at.process, number, &mut fillable);
            self.space.forks_file_ptes |= fills;
            let copies = !fills || self.options.fork_file_ptes == ForkFilePtes::Copy;
            let private = copies && page.binding != Binding::Shared;
            all.push(page);
            if self.is_used(child, number) {
                self.copy_entry(child, &page, from, copies)?;
                drops |= private;
                continue;
            }
            unused.push(page);
            if private && from != NONE && !self.write_protected[from as usize] {
                self.push(Op::Flush { entry: from });
                self.write_protected[from as usize] = true;
                drops = true;
            } else if private {
                gone = Some(from);
            }
        }
        if let (Some(entry), false) = (gone, drops) {
            // The caches of page-table entries lose those of the parent at any change of its tables.
            let entry = match entry {
                NONE => self.processes[at.process as usize].stand_in,
                entry => entry,
            };
            self.push(Op::Flush { entry });
        }
        self.inherit(at, child, &all, &unused)
    }

    /// Returns the page `number` of `process` as both have it after a fork. Its next write may have to
    /// copy.
    fn hand_down(&mut self, process: u32, number: u64, entry: EntryId) -> InheritedPage {
        if entry == NONE {
            let inherited = &self.processes[process as usize].inherited;
            return inherited.get(number).expect("a page without entry");
        }
        let binding = &mut self.binding[entry as usize];
        if *binding == Binding::Private {
            *binding = Binding::Cow;
        }
        self.settled[entry as usize] = Kinds::NONE;
        InheritedPage {
            number,
            object: self.object[entry as usize],
            binding: *binding,
        }
    }

    /// Returns whether `process` or a descendant ever uses the page `number` that it inherits.
    fn is_used(&self, process: u32, number: u64) -> bool {
        let uses = self.uses.get(process as usize);
        uses.is_none_or(|uses| uses.has(number))
    }

    /// Gives `child` an entry for `page`, which is that of `from` in its parent. If `copies` is false the
    /// entry is not present.
    fn copy_entry(
        &mut self,
        child: u32,
        page: &InheritedPage,
        from: EntryId,
        copies: bool,
    ) -> Result<(), SpaceError> {
        debug_assert_ne!(from, NONE, "a page that is used later has an entry");
        let to = self.entry(PageKey {
            process: child,
            number: page.number,
        })?;
        self.bind(to, page.object, page.binding);
        if copies {
            let private = page.binding != Binding::Shared;
            self.push(Op::Copy { from, to, private });
            self.write_protected[from as usize] |= private;
        }
        Ok(())
    }

    /// Gives `child` the pages `unused`, which have no entries; `all` are those of its parent.
    fn inherit(
        &mut self,
        at: &EventAt,
        child: u32,
        all: &[InheritedPage],
        unused: &[InheritedPage],
    ) -> Result<(), SpaceError> {
        let Some(first) = unused.first() else {
            return Ok(());
        };
        let bound = self.bound + unused.len() as u64;
        let stand_in = self.space.entries.len() as u32;
        if bound > u64::from(u32::MAX) || stand_in > PAGE_ID_MAX {
            let what = "more than 2^31 pages of all processes";
            return Err(self.fail(Place::Event(at), what.into()));
        }
        self.add_entry(PageKey {
            process: child,
            number: first.number,
        });
        for page in unused {
            self.owners[page.object as usize] += 1;
        }
        let parent = &mut self.processes[at.process as usize];
        parent.handed_down.replace(all);
        let mut inherited = parent.handed_down.clone();
        if unused.len() < all.len() {
            inherited.replace(unused);
        }
        let place = &mut self.processes[child as usize];
        (place.inherited, place.stand_in) = (inherited, stand_in);
        self.set_bound(bound);
        Ok(())
    }

    /// Returns whether a fault finds again what a page-table entry of `process` shows, as Linux sees it
    /// for a whole mapping. `known` is of a page before it, or of none.
    fn can_be_filled(&self, process: u32, number: u64, known: &mut Fillable) -> bool {
        let bytes = self.bytes_of(number);
        if self.strict && !known.range.contains(&bytes.start) {
            let vmas = &self.processes[process as usize].vmas;
            let (range, is) = match vmas.lowest_over(&bytes) {
                Some(vma) => (vma.start..vma.end, vma.can_be_filled()),
                None => (0..0, false),
            };
            *known = Fillable { range, is };
        }
        known.is
    }

    /// Unbinds the page `number` of `process`, which has no entry. If `discards` is true its bytes are gone
    /// from its file.
    pub fn unbind_inherited(&mut self, process: u32, number: u64, discards: bool) {
        let place = &mut self.processes[process as usize];
        let Some(page) = place.inherited.get(number) else {
            return;
        };
        place.inherited.remove(number);
        // A change of the page tables drops what is cached of them; once an event. And an object that is
        // left with one owner must have a moment of its own.
        let first = std::mem::replace(&mut place.changed_at, self.causes) != self.causes;
        let entry = place.stand_in;
        self.set_bound(self.bound - 1);
        if first || self.owners[page.object as usize] == 2 {
            self.push(Op::Unmap { entry });
        }
        self.disown_unbound(page.object, discards);
    }

    /// Drops what is cached of the page tables of `process`, whose entry `entry` changes: [`NONE`] for a
    /// page without entry.
    pub fn flush_for(&mut self, process: u32, entry: EntryId) {
        if entry != NONE {
            self.push(Op::Flush { entry });
            return;
        }
        let place = &mut self.processes[process as usize];
        let entry = place.stand_in;
        if std::mem::replace(&mut place.changed_at, self.causes) != self.causes {
            self.push(Op::Flush { entry });
        }
    }
}
