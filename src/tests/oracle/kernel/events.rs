//! What happens to address spaces: mappings, advice, moves, and processes.

use super::lines::{Line, Map, Move, PAGE, Rights};
use super::machine::{Done, Holds, Machine, PageId, Process, State, refused};
use super::replacement::Bit;
use super::space::{Entry, Mapping, Shows, Space, pages_of};

impl Machine {
    /// An event of the running process, which lives.
    pub fn event(&mut self, line: &Line) -> Done {
        let space = self.here();
        match *line {
            Line::Map(map) => self.map(space, &map),
            Line::Unmap { start, length } => {
                let (start, end) = pages_of(start, length);
                match self.has_mappings {
                    true => self.unmap(space, start, end),
                    false => self.unbind(space, start, end),
                }
                Ok(())
            }
            Line::Protect { .. } if !self.has_mappings => Ok(()),
            Line::Protect {
                start,
                length,
                rights,
            } => {
                let (start, end) = pages_of(start, length);
                self.spaces[space].protect(start, end, rights);
                Ok(())
            }
            Line::Brk { end } => self.brk(space, end),
            Line::Advise {
                start,
                length,
                needed,
            } => {
                let (start, end) = pages_of(start, length);
                if needed {
                    self.will_need(space, start, end)
                } else {
                    self.not_needed(space, start, end);
                    Ok(())
                }
            }
            Line::Populate {
                start,
                length,
                write,
            } => {
                let (start, end) = pages_of(start, length);
                self.populate(space, start, end, write)
            }
            Line::Move(moves) => self.moves(space, &moves),
            Line::Io {
                file,
                offset,
                length,
                write,
            } => self.io(file, offset, length, write),
            Line::Length { file, bytes } => {
                self.length(file, bytes);
                Ok(())
            }
            Line::Unlink { file } => {
                self.unlink(file);
                Ok(())
            }
            Line::Fork { child } => self.fork(space, child),
            Line::Vfork { child } => self.vfork(space, child),
            Line::Exec => {
                self.refuse_if_lent()?;
                self.leave_space(self.running);
                Ok(())
            }
            Line::Exit => {
                self.refuse_if_lent()?;
                self.leave_space(self.running);
                self.process_mut(self.running).state = State::Ended;
                Ok(())
            }
            Line::Switch(_) | Line::Access { .. } => unreachable!("no event"),
        }
    }

    // Mappings.

    fn map(&mut self, space: usize, map: &Map) -> Done {
        let (start, end) = pages_of(map.start, map.length);
        self.refuse_beyond_user(end)?;
        if let Some((number, _, length)) = map.file {
            self.file_is(number, length, map.swap_backed);
        }
        // The program has the file open, so that it is not gone with its last mapping.
        let held = map.file.map(|(number, ..)| self.file(number));
        let unlinked = held.map(|file| std::mem::replace(&mut self.files[file].unlinked, false));
        if map.fixed {
            self.spaces[space].cut(start, end);
        } else if !self.spaces[space].is_free(start, end) {
            return Err(refused("a mapping overlaps another"));
        }
        let shows = match map.file {
            Some((number, offset, length)) => {
                let file = self.file(number);
                self.files[file].unlinked = unlinked == Some(true);
                self.files[file].length = Some(length);
                self.files[file].swap_backed = map.swap_backed;
                Shows::File {
                    file,
                    first: offset / PAGE,
                    length,
                    swap_backed: map.swap_backed,
                }
            }
            None if map.shared => {
                self.memories += 1;
                Shows::Memory {
                    memory: self.memories,
                    first: 0,
                }
            }
            None => Shows::Zeros,
        };
        let (rights, shared, grows_down) = (map.rights, map.shared, map.grows_down);
        self.spaces[space].mappings.push(Mapping {
            start,
            end,
            rights,
            shared,
            grows_down,
            shows,
            has_private: false,
        });
        if map.fixed {
            self.gone_from(space, &[(start, end)]);
        }
        Ok(())
    }

    fn refuse_beyond_user(&self, end: u64) -> Done {
        let user_end: u64 = if self.settings.i386 { 3 << 30 } else { 1 << 56 };
        match end > user_end / PAGE {
            true => Err(refused("beyond user space")),
            false => Ok(()),
        }
    }

    /// Removes what is mapped in a range.
    fn unmap(&mut self, space: usize, start: u64, end: u64) {
        self.spaces[space].cut(start, end);
        self.gone_from(space, &[(start, end)]);
    }

    /// The mappings of these ranges are gone, or others are there: their pages go.
    fn gone_from(&mut self, space: usize, ranges: &[(u64, u64)]) {
        self.files_without_mappings_go();
        for &(start, end) in ranges {
            self.unbind(space, start, end);
        }
        self.forget_files();
    }

    /// Removes the entries of a range, the lowest first.
    fn unbind(&mut self, space: usize, start: u64, end: u64) {
        self.spaces[space].entries.sort_by_key(|entry| entry.number);
        let inside = |entry: &Entry| (start..end).contains(&entry.number);
        while let Some(at) = self.spaces[space].entries.iter().position(inside) {
            let lost = self.spaces[space].entries.remove(at);
            self.forget_if_unowned(lost.page);
        }
    }

    /// The pages of private mappings go. Those of shared ones only leave the page table.
    fn not_needed(&mut self, space: usize, start: u64, end: u64) {
        let mut inside: Vec<u64> = self.spaces[space]
            .entries
            .iter()
            .map(|entry| entry.number)
            .collect();
        inside.retain(|number| (start..end).contains(number));
        inside.sort_unstable();
        for number in inside {
            if self.spaces[space]
                .mapping(number)
                .is_some_and(|mapping| mapping.shared)
            {
                self.entry_mut(space, number).present = false;
            } else {
                self.unbind(space, number, number + 1);
            }
        }
    }

    /// The heap is whole pages from its beginning to its end, rounded up. It does not grow into a mapping.
    fn brk(&mut self, space: usize, end: u64) -> Done {
        let Some((start, before)) = self.spaces[space].heap else {
            self.spaces[space].heap = Some((end, end));
            return Ok(());
        };
        if end < start {
            return Ok(());
        }
        let (old, new) = (before.div_ceil(PAGE), end.div_ceil(PAGE));
        if new > old {
            self.refuse_beyond_user(new)?;
            if !self.spaces[space].is_free(old, new) {
                return Ok(());
            }
            let rights = Rights {
                read: true,
                write: true,
                execute: false,
            };
            let mapping = Mapping {
                start: old,
                end: new,
                rights,
                shared: false,
                grows_down: false,
                shows: Shows::Zeros,
                has_private: false,
            };
            self.spaces[space].mappings.push(mapping);
        } else if new < old {
            self.unmap(space, new, old);
        }
        self.spaces[space].heap = Some((start, end));
        Ok(())
    }

    /// Brings in what a device holds of a range; nothing is put into the page table.
    fn will_need(&mut self, space: usize, start: u64, end: u64) -> Done {
        for number in start..end {
            self.all_or_nothing(|machine| {
                let Some(page) = machine.needed_page(space, number) else {
                    return Ok(());
                };
                machine.count_process();
                machine.load(page, None, Bit::Clear)?;
                machine.counts.prefetched += 1;
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The page that advice on a page of an address space brings in.
    fn needed_page(&mut self, space: usize, number: u64) -> Option<PageId> {
        let holds = self.holds_at(Some(self.spaces[space].mapping(number)?), number);
        let page = match self.spaces[space].entry(number) {
            Some(entry) => entry.page,
            None if matches!(holds, Holds::File { .. }) => self.bind(space, number, false).page,
            None => return None,
        };
        let content = self.pages[page];
        let unknown = !self.has_mappings && content.came_in;
        let on_device = content.has_slot || unknown || matches!(content.holds, Holds::File { .. });
        if content.frame.is_none() && on_device {
            return Some(page);
        }
        self.count_process();
        None
    }

    /// Brings the pages of a range in, into the page table.
    fn populate(&mut self, space: usize, start: u64, end: u64, write: bool) -> Done {
        for number in start..end {
            let Some(mapping) = self.spaces[space].mapping(number) else {
                return Ok(());
            };
            let allowed = if write {
                mapping.rights.write
            } else {
                mapping.rights.read
            };
            if !allowed || mapping.is_beyond_end(number) {
                return Ok(());
            }
            self.all_or_nothing(|machine| {
                machine.populate_page(space, number, write)?;
                machine.count_process();
                Ok(())
            })?;
        }
        Ok(())
    }

    fn populate_page(&mut self, space: usize, number: u64, write: bool) -> Done {
        let mapping = self.spaces[space].mapping(number).expect("a mapping");
        let entry = self.spaces[space].entry(number);
        let holds = match entry {
            Some(entry) => self.pages[entry.page].holds,
            None => self.holds_at(Some(mapping), number),
        };
        let view = !mapping.shared && holds != Holds::Private;
        let shared_cow = entry.is_some_and(|entry| entry.cow && self.owners(entry.page) > 1);
        let zeros = entry.is_none() && self.is_untouched_memory(holds);
        if write && (view && !zeros || shared_cow) {
            let source = match entry {
                Some(entry) => entry.page,
                None => self.find_or_add(holds),
            };
            self.copy(space, number, source, Bit::Clear)?;
            self.counts.populated += 1;
            return Ok(());
        }
        let page = entry
            .unwrap_or_else(|| self.bind(space, number, write))
            .page;
        if self.pages[page].frame.is_none() {
            let swapped = self.pages[page].has_slot;
            self.load(page, None, Bit::Clear)?;
            self.counts.populated += 1;
            if swapped && self.settings.swap_in_writable && self.owners(page) == 1 {
                self.regain(space, number);
            }
        }
        let entry = self.entry_mut(space, number);
        entry.present = true;
        if write {
            entry.cow = false;
            entry.regained = false;
        }
        self.pages[page].dirty |= write;
        Ok(())
    }

    /// `mremap`.
    fn moves(&mut self, space: usize, moves: &Move) -> Done {
        let Move {
            old_start,
            old_length,
            new_start,
            new_length,
            fixed,
            keep,
        } = *moves;
        if old_start % PAGE != 0 || new_start % PAGE != 0 {
            return Err(refused("a move from or to the middle of a page"));
        }
        let (old, old_end) = pages_of(old_start, old_length);
        let (new, new_end) = pages_of(new_start, new_length);
        self.refuse_beyond_user(new_end)?;
        if keep && old_end - old != new_end - new {
            return Err(refused(
                "a move that keeps its old range cannot change its length",
            ));
        }
        let in_place = old == new;
        if in_place && (fixed || keep) || !in_place && old < new_end && new < old_end {
            return Err(refused("a move onto itself"));
        }
        if !self.has_mappings {
            self.moves_without_mappings(space, old, old_end, new, new_end);
            return Ok(());
        }
        let mapped = (old..old_end).filter(|&number| self.spaces[space].mapping(number).is_some());
        match mapped.count() as u64 {
            0 => return Ok(()),
            count if count < old_end - old => return Err(refused("a move of a range with a hole")),
            _ => {}
        }
        if in_place {
            if new_end < old_end {
                self.unmap(space, new_end, old_end);
            } else if new_end > old_end {
                if !self.spaces[space].is_free(old_end, new_end) {
                    return Err(refused("a move grows into a mapping"));
                }
                let last = self.spaces[space]
                    .mappings
                    .iter_mut()
                    .find(|mapping| mapping.has(old_end - 1));
                last.expect("a mapping").end = new_end;
            }
            return Ok(());
        }
        if !fixed && !self.spaces[space].is_free(new, new_end) {
            return Err(refused("a move onto a mapping"));
        }
        let kept = (new_end - new).min(old_end - old);
        self.spaces[space].cut(new, new_end);
        self.spaces[space].cut(old + kept, old_end);
        let parts = self.spaces[space].cut(old, old + kept);
        for mapping in &parts {
            let (start, mut end) = (mapping.start - old + new, mapping.end - old + new);
            if mapping.end == old_end.min(old + kept) {
                end = new_end;
            }
            self.spaces[space].mappings.push(mapping.at(start, end));
        }
        if keep {
            self.spaces[space].mappings.extend(parts);
        }
        self.gone_from(space, &[(new, new_end), (old + kept, old_end)]);
        for entry in &mut self.spaces[space].entries {
            if (old..old + kept).contains(&entry.number) {
                entry.number = entry.number - old + new;
            }
        }
        Ok(())
    }

    /// What was touched moves; what lies at the target goes, and what there is no room for.
    fn moves_without_mappings(
        &mut self,
        space: usize,
        old: u64,
        old_end: u64,
        new: u64,
        new_end: u64,
    ) {
        let kept = (new_end - new).min(old_end - old);
        if !self.spaces[space]
            .entries
            .iter()
            .any(|entry| (old..old_end).contains(&entry.number))
        {
            return;
        }
        if old != new {
            self.unbind(space, new, new_end);
        } else if old_end < new_end {
            self.unbind(space, old_end, new_end);
        }
        self.unbind(space, old + kept, old_end);
        for entry in &mut self.spaces[space].entries {
            if (old..old + kept).contains(&entry.number) {
                entry.number = entry.number - old + new;
            }
        }
    }

    // Processes.

    fn refuse_known(&self, child: u32) -> Done {
        match self.processes.iter().any(|process| process.pid == child) {
            true => Err(refused("the child exists already")),
            false => Ok(()),
        }
    }

    fn fork(&mut self, space: usize, child: u32) -> Done {
        self.refuse_known(child)?;
        let mut copy: Space = self.spaces[space].clone();
        if !self.settings.copy_file_ptes {
            // `vma_needs_copy`: a fault fills again what is shared, or of a file and never private.
            let again = |mapping: Mapping| {
                mapping.shared || mapping.shows != Shows::Zeros && !mapping.has_private
            };
            for entry in &mut copy.entries {
                let mapping = self.spaces[space].mapping(entry.number);
                entry.present &= !mapping.is_some_and(again);
            }
        }
        for entry in copy
            .entries
            .iter_mut()
            .chain(&mut self.spaces[space].entries)
        {
            let private = self.pages[entry.page].holds == Holds::Private;
            entry.cow |= private;
            entry.regained &= !private;
        }
        let space = self.new_space(copy);
        self.processes.push(Process {
            pid: child,
            state: State::Lives,
            space,
            lender: None,
            owner: child,
        });
        Ok(())
    }

    fn vfork(&mut self, space: usize, child: u32) -> Done {
        self.refuse_known(child)?;
        let (lender, owner) = (Some(self.running), self.process(self.running).owner);
        self.processes.push(Process {
            pid: child,
            state: State::Lives,
            space,
            lender,
            owner,
        });
        Ok(())
    }

    /// A process whose memory a `vfork` child uses cannot give it up.
    fn refuse_if_lent(&self) -> Done {
        let borrows = |process: &Process| {
            process.state == State::Lives && process.lender == Some(self.running)
        };
        match self.processes.iter().any(borrows) {
            true => Err(refused("a vfork child still uses the memory")),
            false => Ok(()),
        }
    }

    /// The process gives up its address space and has an empty one.
    pub fn leave_space(&mut self, pid: u32) {
        let process = self.process(pid);
        let empty = self.new_space(Space::default());
        let left = self.process_mut(pid);
        left.space = empty;
        left.lender = None;
        left.owner = pid;
        let still = |other: &Process| other.space == process.space && other.state == State::Lives;
        if !self.processes.iter().any(still) {
            self.unmap(process.space, 0, u64::MAX);
        }
    }
}
