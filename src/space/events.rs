//! The meaning of each event for the process that it happens to. Knows nothing of references.

use super::changes::Change;
use super::kinds::Kinds;
use super::place::Place;
use super::process::State;
use super::references::PageSource;
use super::resolver::Resolver;
use super::vma::Vma;
use super::vmas::Vmas;
use super::{Binding, Class, EntryId, NONE, Op, SpaceError};
use crate::trace::model::event::{Advice, Backing, Event, EventAt, Mapping, Protection};
use crate::trace::model::refs::PageKey;
use std::ops::{Range, RangeInclusive};

/// The most pages of files that one advice brings in.
const WILL_NEED_MAX: u64 = 1 << 20;

impl Resolver<'_> {
    /// Resolves one event.
    pub fn event(&mut self, at: &EventAt) -> Result<(), SpaceError> {
        let process = at.process;
        let pid = self.pid(process);
        self.position = at.position;
        self.causes += 1;
        let state = &mut self.processes[process as usize].state;
        // Any event may be the first of its process, a fork too: a trace may begin with one, and a
        // filter may have removed all references before it.
        match (*state, &at.event) {
            (State::Exited, _) => {
                return Err(self.fail(
                    Place::Event(at),
                    format!("process {pid} has exited already"),
                ));
            }
            (State::Killed | State::Refused, Event::Fork { child } | Event::Vfork { child }) => {
                return self.beget(at, *child, State::Refused);
            }
            (State::Killed | State::Refused, _) => return Ok(()),
            (State::Unborn, _) => *state = State::Alive,
            (State::Alive, _) => {}
        }
        match &at.event {
            Event::Exec | Event::Exit => self.check_lent(at)?,
            Event::Vfork { child } => {
                self.beget(at, *child, State::Alive)?;
                self.lend(process, *child);
                return Ok(());
            }
            _ => {}
        }
        let borrowed;
        let (at, process) = match self.home(process) {
            home if home != process && !matches!(at.event, Event::Exec | Event::Exit) => {
                borrowed = EventAt {
                    process: home,
                    ..at.clone()
                };
                (&borrowed, home)
            }
            _ => (at, process),
        };
        match &at.event {
            Event::Map(mapping) => self.map(at, mapping)?,
            Event::Unmap { start, length } => {
                let range = self.rounded(*start, *length);
                self.unmap(process, &range);
            }
            Event::Protect {
                start,
                length,
                protection,
            } => {
                let range = self.rounded(*start, *length);
                self.protect(process, &range, *protection);
            }
            Event::Brk { end } => self.brk(at, *end)?,
            Event::Advise {
                start,
                length,
                advice,
            } => {
                let range = self.rounded(*start, *length);
                self.advise(process, &range, *advice)?;
            }
            Event::Move(moves) => self.move_range(at, moves)?,
            Event::Length { file, bytes } => self.set_length(*file, *bytes),
            &Event::Populate {
                start,
                length,
                write,
            } => {
                let range = self.rounded(start, length);
                self.populate(at, &range, write)?;
            }
            Event::Read(range) => self.file_io(at, *range, false)?,
            Event::Write(range) => self.file_io(at, *range, true)?,
            Event::Unlink { file } => {
                self.unlink(*file);
                self.change(process, || Change::Unlink(*file));
            }
            Event::Vfork { .. } => unreachable!("resolved above"),
            Event::Fork { child } => self.fork(at, *child)?,
            Event::Exec if self.give_back(process) => {}
            Event::Exec => self.clear(process),
            Event::Exit => self.end(process, State::Exited),
        }
        self.forget_unmapped();
        Ok(())
    }

    /// Returns the range rounded to whole pages, as a kernel does; it ends at 2^64 - 1 at most.
    pub(super) fn rounded(&self, start: u64, length: u64) -> Range<u64> {
        let mask = self.granule - 1;
        let end = start.saturating_add(length.max(1)).checked_add(mask);
        start & !mask..end.map_or(u64::MAX, |end| end & !mask)
    }

    /// Returns whether the trace goes on from something else than what is here: the commit limit
    /// refused what the program was granted when it was recorded, or a process was ended that changed
    /// the memory of another.
    pub(super) fn has_parted(&self) -> bool {
        self.tally.refused > 0 || self.lost_sharer
    }

    fn map(&mut self, at: &EventAt, mapping: &Mapping) -> Result<(), SpaceError> {
        let (start, length) = (mapping.start, mapping.length);
        let range = self.rounded(start, length);
        if let Some(what) = self.beyond_layout(start) {
            return Err(self.outside(Place::Event(at), what));
        }
        let user_end = self.options.layout.user_end();
        if range.end > user_end {
            let what =
                format!("{length} bytes from {start:#x} on end beyond user space, {user_end:#x}");
            return Err(self.fail(Place::Event(at), what));
        }
        self.check_kind(at, mapping)?;
        self.note_mapped(mapping.backing);
        let mut vmas = self.processes[at.process as usize].vmas.clone();
        let in_the_way = |_: &&Vma| !mapping.fixed && !self.has_parted();
        if let Some(there) = vmas.lowest_over(&range).filter(in_the_way) {
            let what = format!(
                "the mapping of {:#x} to {:#x} overlaps that of {:#x} to {:#x}",
                range.start, range.end, there.start, there.end
            );
            let help = "a mapping that replaces what is there is marked `fixed`";
            return Err(SpaceError {
                help,
                ..self.fail(Place::Event(at), what)
            });
        }
        vmas.cut(&range);
        let without = vmas.clone();
        let vma = Vma::of(mapping, range.clone(), self.regions);
        vmas.insert(vma.clone());
        self.regions += 1;
        let what = || format!("a mapping of {} bytes", mapping.length);
        if self.admit(at.process, vmas, what) {
            self.change(at.process, || Change::Unmap(range.clone()));
            self.change(at.process, || Change::Map(Box::new(vma)));
            self.unbind_uncovered(at.process, &range, &without);
        }
        Ok(())
    }

    fn unmap(&mut self, process: u32, range: &Range<u64>) {
        let mut vmas = self.processes[process as usize].vmas.clone();
        if !vmas.cut(range) && !self.touches(process, range) {
            self.tally.idle_events += 1;
            return;
        }
        self.change(process, || Change::Unmap(range.clone()));
        self.set_vmas(process, vmas.clone());
        self.unbind_uncovered(process, range, &vmas);
    }

    fn protect(&mut self, process: u32, range: &Range<u64>, protection: Protection) {
        let mut vmas = self.processes[process as usize].vmas.clone();
        if vmas.is_free(range) {
            self.tally.idle_events += 1;
            return;
        }
        if !vmas.protect(range, protection) {
            return;
        }
        if self.admit(process, vmas, || "a mapping that becomes writable".into()) {
            self.change(process, || Change::Protect(range.clone(), protection));
            for (_, entry) in self.bound_over(process, range) {
                self.unsettle_entry(entry);
                self.flush_for(process, entry);
            }
        }
    }

    fn brk(&mut self, at: &EventAt, end: u64) -> Result<(), SpaceError> {
        let mask = self.granule - 1;
        if let Some(what) = self.beyond_layout(end.saturating_sub(1)) {
            return Err(self.outside(Place::Event(at), what));
        }
        if end > self.options.layout.user_end() {
            let what = format!("a heap that ends at {end:#x} passes the end of user space");
            return Err(self.fail(Place::Event(at), what));
        }
        let (exact, end) = (end, (end + mask) & !mask);
        let place = &mut self.processes[at.process as usize];
        let Some((begin, before)) = place.heap else {
            place.heap = Some((exact, end));
            return Ok(());
        };
        let mut vmas = place.vmas.clone();
        if exact < begin || end > before && !vmas.is_free(&(before..end)) {
            self.tally.idle_events += 1;
            return Ok(());
        }
        if end > before {
            vmas.append(heap(before..end));
            let appended = vmas.lowest_over(&(before..end)).cloned();
            if !self.admit(at.process, vmas, || "a growing heap".into()) {
                return Ok(());
            }
            self.change(at.process, || match appended {
                Some(own) if own.start == before => Change::Map(Box::new(own)),
                _ => Change::GrowUp(before..end),
            });
        } else if end < before {
            vmas.cut(&(end..before));
            self.change(at.process, || Change::Unmap(end..before));
            self.set_vmas(at.process, vmas.clone());
            self.unbind_uncovered(at.process, &(end..before), &vmas);
        }
        self.processes[at.process as usize].heap = Some((begin, end));
        Ok(())
    }

    fn advise(
        &mut self,
        process: u32,
        range: &Range<u64>,
        advice: Advice,
    ) -> Result<(), SpaceError> {
        let vmas = &self.processes[process as usize].vmas;
        if vmas.is_free(range) && !self.touches(process, range) {
            self.tally.idle_events += 1;
            return Ok(());
        }
        match advice {
            Advice::DontNeed => {
                self.dont_need(process, range);
                Ok(())
            }
            Advice::WillNeed => self.will_need(process, range),
        }
    }

    fn dont_need(&mut self, process: u32, range: &Range<u64>) {
        for (number, entry) in self.bound_over(process, range) {
            let bytes = self.bytes_of(number);
            if bytes.start < range.start || bytes.end > range.end {
                continue;
            }
            if self.binding_of(process, number, entry) == Binding::Shared {
                match entry {
                    NONE => self.flush_for(process, entry),
                    entry => self.push(Op::Drop { entry }),
                }
            } else {
                self.unbind(process, number);
            }
        }
    }

    fn will_need(&mut self, process: u32, range: &Range<u64>) -> Result<(), SpaceError> {
        let mut numbers: Vec<u64> = Vec::new();
        let mut left = WILL_NEED_MAX;
        let end = range.end.min(self.options.layout.user_end());
        let pages = (range.start >> self.shift)..self.first_page_from(end);
        let bytes = pages.start << self.shift..pages.end << self.shift;
        for vma in self.processes[process as usize].vmas.over(&bytes) {
            let more = self.pages_with_content(vma, &pages);
            let more = more.start..more.end.min(more.start + left).max(more.start);
            left -= more.end - more.start;
            numbers.extend(more);
        }
        let bound = self.bound_over(process, range);
        numbers.extend(bound.iter().map(|(number, _)| number));
        numbers.sort_unstable();
        numbers.dedup();
        for number in numbers {
            let key = PageKey { process, number };
            let entry = self.entry(key)?;
            if self.object[entry as usize] == NONE {
                let (name, binding) = match self.source_of(key) {
                    PageSource::PrivateFile(Class::File, name) => (name, Binding::CowFile),
                    PageSource::Shared(Class::File, name) => (name, Binding::Shared),
                    _ => continue,
                };
                let object = self.named_object(Class::File, name);
                self.comes_in = true;
                self.bind(entry, object, binding);
            }
            self.push(Op::Prefetch { entry });
            self.came_in();
        }
        Ok(())
    }

    /// Returns those of `pages` that are in `vma` and for which its file has content.
    fn pages_with_content(&self, vma: &Vma, pages: &Range<u64>) -> Range<u64> {
        let Backing::File { length, .. } = vma.backing else {
            return 0..0;
        };
        if vma.swap_backed {
            return 0..0;
        }
        let content = i128::from(length) - vma.base;
        let content_end = vma
            .origin
            .saturating_add(content.clamp(0, u64::MAX.into()) as u64);
        let first = (vma.start >> self.shift).max(pages.start);
        let behind = self.first_page_from(vma.end.min(content_end));
        first..behind.min(pages.end)
    }

    /// Returns the first page that begins at `address` or above it.
    pub(super) fn first_page_from(&self, address: u64) -> u64 {
        (address >> self.shift) + u64::from(address & ((1 << self.shift) - 1) != 0)
    }

    /// Puts the new process `child` into `state`.
    pub(super) fn beget(
        &mut self,
        at: &EventAt,
        child: u32,
        state: State,
    ) -> Result<(), SpaceError> {
        if self.processes[child as usize].state != State::Unborn || child == at.process {
            let what = format!(
                "process {} already exists or existed; a child needs a new number",
                self.pid(child)
            );
            return Err(self.fail(Place::Event(at), what));
        }
        self.processes[child as usize].state = state;
        Ok(())
    }

    /// Returns whether, in a trace without mappings, `process` has touched a page of `range`.
    pub(super) fn touches(&self, process: u32, range: &Range<u64>) -> bool {
        !self.strict && !self.bound_over(process, range).is_empty()
    }

    /// Returns the bound pages of `process` that share a byte with `range`, in order, each with its entry:
    /// [`NONE`] for a page without.
    pub(super) fn bound_over(&self, process: u32, range: &Range<u64>) -> Vec<(u64, EntryId)> {
        let (first, last) = (range.start >> self.shift, (range.end - 1) >> self.shift);
        match first <= last {
            true => self.bound_pages(process, first..=last),
            false => Vec::new(),
        }
    }

    /// Returns the bound pages of `process` with the numbers `numbers`; see [`Resolver::bound_over`].
    pub(super) fn bound_pages(
        &self,
        process: u32,
        numbers: RangeInclusive<u64>,
    ) -> Vec<(u64, EntryId)> {
        let place = &self.processes[process as usize];
        let inherited = place.inherited.over(&numbers);
        let bound = place.bound.range(numbers);
        let mut pages: Vec<_> = bound.map(|(&number, &entry)| (number, entry)).collect();
        if !inherited.is_empty() {
            pages.extend(inherited.iter().map(|page| (page.number, NONE)));
            pages.sort_unstable();
        }
        pages
    }

    /// Returns how the bound page `number` of `process` is bound; `entry` is its entry, or [`NONE`].
    fn binding_of(&self, process: u32, number: u64, entry: EntryId) -> Binding {
        let inherited = || self.processes[process as usize].inherited.get(number);
        match entry {
            NONE => inherited().map_or(Binding::Private, |page| page.binding),
            entry => self.binding[entry as usize],
        }
    }

    /// Looks again at the next reference of `entry`, if it is one.
    pub(super) fn unsettle_entry(&mut self, entry: EntryId) {
        if entry != NONE {
            self.settled[entry as usize] = Kinds::NONE;
        }
    }

    /// Unbinds the pages in `range` that none of the mappings `vmas` covers. A page larger than the
    /// kernel's may be covered by others, which may allow less.
    pub(super) fn unbind_uncovered(&mut self, process: u32, range: &Range<u64>, vmas: &Vmas) {
        for (number, entry) in self.bound_over(process, range) {
            let bytes = self.bytes_of(number);
            if vmas.is_free(&bytes) {
                self.unbind(process, number);
            } else {
                self.unsettle_entry(entry);
            }
        }
    }
}

/// Returns a mapping of the heap.
fn heap(range: Range<u64>) -> Vma {
    let mapping = Mapping {
        name: "[heap]".into(),
        ..Mapping::anonymous(range.start, range.end - range.start, Protection::RW)
    };
    Vma::of(&mapping, range, 0)
}
