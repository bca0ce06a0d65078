//! What a reference does to memory: hits, the kinds of faults, frames and victims.

use super::machine::{Done, Holds, Machine, Page, PageId, Stop};
use super::replacement::Bit;
use super::space::{Entry, Mapping, Shows, Space};

/// Where the content of a page comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Zeros,
    Slot,
    File,
    /// Without mappings: from wherever a clean page came.
    Unknown,
}

impl Machine {
    /// The owners of a page: entries that are bound to it.
    pub fn owners(&self, page: PageId) -> usize {
        let entries = self.spaces.iter().flat_map(|space| &space.entries);
        entries.filter(|entry| entry.page == page).count()
    }

    pub fn entry_mut(&mut self, space: usize, number: u64) -> &mut Entry {
        let entries = &mut self.spaces[space].entries;
        entries
            .iter_mut()
            .find(|entry| entry.number == number)
            .expect("an entry")
    }

    pub fn add_page(&mut self, holds: Holds) -> PageId {
        let page = Page {
            holds,
            frame: None,
            dirty: false,
            has_slot: false,
            came_in: false,
            gone: false,
        };
        self.pages.push(page);
        self.pages.len() - 1
    }

    /// The page that holds this; a new one if there is none.
    pub fn find_or_add(&mut self, holds: Holds) -> PageId {
        let is_it = |page: &Page| !page.gone && page.holds == holds && holds != Holds::Private;
        match self.pages.iter().position(is_it) {
            Some(page) => page,
            None => self.add_page(holds),
        }
    }

    /// What a page of a mapping holds that nothing is bound to.
    pub fn holds_at(&self, mapping: Option<Mapping>, number: u64) -> Holds {
        let Some(mapping) = mapping else {
            return Holds::Private;
        };
        match mapping.shows {
            Shows::Zeros => Holds::Private,
            Shows::Memory { memory, first } => Holds::Memory {
                memory,
                index: first.wrapping_add(number - mapping.start),
            },
            Shows::File {
                file,
                first,
                swap_backed,
                ..
            } => {
                let index = first + (number - mapping.start);
                match (mapping.is_beyond_end(number), swap_backed) {
                    (true, _) if !mapping.shared => Holds::Private,
                    (true, _) | (_, true) => Holds::FileInMemory { file, index },
                    (false, false) => Holds::File { file, index },
                }
            }
        }
    }

    /// Binds a page of an address space to what is to be seen there. Returns its entry.
    pub fn bind(&mut self, space: usize, number: u64, write: bool) -> Entry {
        let mapping = self.spaces[space].mapping(number);
        let mut holds = self.holds_at(mapping, number);
        if write
            && self.is_untouched_memory(holds)
            && mapping.is_some_and(|mapping| !mapping.shared)
        {
            holds = Holds::Private;
        }
        if holds == Holds::Private {
            self.has_private(space, number);
        }
        let page = self.find_or_add(holds);
        let entry = Entry {
            number,
            page,
            present: false,
            cow: false,
            regained: false,
        };
        self.spaces[space].entries.push(entry);
        entry
    }

    /// A page of a mapping is private memory.
    fn has_private(&mut self, space: usize, number: u64) {
        for mapping in &mut self.spaces[space].mappings {
            mapping.has_private |= mapping.has(number);
        }
    }

    /// True of a page of a file in memory that nobody has touched: its zeros are nobody's.
    pub fn is_untouched_memory(&self, holds: Holds) -> bool {
        let of_memory = matches!(holds, Holds::FileInMemory { .. });
        of_memory
            && !self
                .pages
                .iter()
                .any(|page| !page.gone && page.holds == holds)
    }

    /// True if a write must not reach the page itself: the mapping is private, the page is not.
    fn is_private_view(&self, space: &Space, number: u64, page: PageId) -> bool {
        let private = space.mapping(number).is_some_and(|mapping| !mapping.shared);
        private && self.pages[page].holds != Holds::Private
    }

    /// A legal reference.
    pub fn access(&mut self, space: usize, number: u64, write: bool) -> Done {
        let bound = self.spaces[space].entry(number);
        if write {
            match bound {
                Some(entry) if self.is_private_view(&self.spaces[space], number, entry.page) => {
                    return self
                        .copy(space, number, entry.page, Bit::OfFault)
                        .map(|from| self.count_copy(from));
                }
                Some(entry) if entry.cow && self.owners(entry.page) > 1 => {
                    return self
                        .copy(space, number, entry.page, Bit::OfFault)
                        .map(|from| self.count_copy(from));
                }
                Some(_) => {}
                None => {
                    let mapping = self.spaces[space].mapping(number);
                    let holds = self.holds_at(mapping, number);
                    let shared = mapping.is_some_and(|mapping| mapping.shared);
                    if holds != Holds::Private && !shared && !self.is_untouched_memory(holds) {
                        let source = self.find_or_add(holds);
                        return self
                            .copy(space, number, source, Bit::OfFault)
                            .map(|from| self.count_copy(from));
                    }
                }
            }
        }
        let entry = bound.unwrap_or_else(|| self.bind(space, number, write));
        let page = entry.page;
        if self.pages[page].frame.is_some() {
            if entry.present && !(write && entry.cow) {
                self.counts.hits += 1;
            } else if entry.present {
                self.counts.cow_reuses += 1;
                self.counts.minor_faults += 1;
            } else {
                self.counts.maps += 1;
                self.counts.minor_faults += 1;
            }
            self.replacement.hit(page);
        } else {
            let again = self.pages[page].came_in;
            let source = self.load(page, None, Bit::OfFault)?;
            let alone = self.owners(page) == 1;
            if again {
                self.counts.refills += 1;
            } else {
                self.counts.fills += 1;
            }
            self.count_source(source);
            if source == Source::Slot && alone && self.settings.swap_in_writable {
                self.regain(space, number);
            }
        }
        let entry = self.entry_mut(space, number);
        entry.present = true;
        if write {
            entry.cow = false;
            entry.regained = false;
            self.pages[page].dirty = true;
        }
        Ok(())
    }

    fn count_copy(&mut self, from: Option<Source>) {
        self.counts.cow_copies += 1;
        self.count_source(from.unwrap_or(Source::Zeros));
    }

    /// Counts a fault as minor or major.
    fn count_source(&mut self, source: Source) {
        match source {
            Source::Zeros => self.counts.minor_faults += 1,
            Source::Slot | Source::File | Source::Unknown => self.counts.major_faults += 1,
        }
    }

    /// Where the content of a page that is not in memory comes from. Counts the reads of devices.
    fn read_content(&mut self, page: PageId) -> Source {
        let content = self.pages[page];
        if content.has_slot {
            self.counts.swap_reads += 1;
            return Source::Slot;
        }
        match content.holds {
            Holds::File { .. } => {
                self.counts.file_reads += 1;
                Source::File
            }
            _ if !self.has_mappings && content.came_in => Source::Unknown,
            _ => Source::Zeros,
        }
    }

    /// Copies `source` for one page of an address space. The copy is private, and dirty. Returns where
    /// the source was read from; `None` if it was in memory.
    pub fn copy(
        &mut self,
        space: usize,
        number: u64,
        source: PageId,
        bit: Bit,
    ) -> Result<Option<Source>, Stop> {
        let mut in_memory = self.pages[source].frame.is_some();
        let of_file = matches!(self.pages[source].holds, Holds::File { .. });
        let from = if in_memory {
            None
        } else if of_file && self.settings.keep_page_cache {
            // As Linux does: into the page cache, and from there to the copy.
            let from = self.load(source, None, Bit::OfFault)?;
            self.counts.originals += 1;
            in_memory = true;
            self.with_original = Some(Box::new(self.clone()));
            Some(from)
        } else {
            Some(self.read_content(source))
        };
        let copy = self.add_page(Holds::Private);
        let pinned = (in_memory && self.settings.pin_cow_source).then_some(source);
        let frame = self.free_frame(pinned)?;
        self.put(copy, frame, bit);
        self.pages[copy].dirty = true;
        self.has_private(space, number);
        let entries = &mut self.spaces[space].entries;
        entries.retain(|entry| entry.number != number);
        entries.push(Entry {
            number,
            page: copy,
            present: true,
            cow: false,
            regained: false,
        });
        self.forget_if_unowned(source);
        Ok(from)
    }

    /// Brings a page in. Returns where it comes from.
    pub fn load(&mut self, page: PageId, pinned: Option<PageId>, bit: Bit) -> Result<Source, Stop> {
        let source = self.read_content(page);
        let frame = self.free_frame(pinned)?;
        self.put(page, frame, bit);
        Ok(source)
    }

    /// Puts a page into a frame.
    pub fn put(&mut self, page: PageId, frame: usize, bit: Bit) {
        self.frames[frame] = Some(page);
        self.pages[page].frame = Some(frame);
        self.pages[page].came_in = true;
        self.replacement.comes(page, frame, bit);
    }

    /// Returns a free frame; a page makes room if there is none.
    pub fn free_frame(&mut self, pinned: Option<PageId>) -> Result<usize, Stop> {
        let never_used = (0..self.frames.len())
            .find(|&frame| self.frames[frame].is_none() && !self.freed_frames.contains(&frame));
        if self.settings.free_frames_lifo {
            if let Some(frame) = self.freed_frames.pop().or(never_used) {
                return Ok(frame);
            }
        } else if let Some(frame) = never_used {
            return Ok(frame);
        } else if !self.freed_frames.is_empty() {
            return Ok(self.freed_frames.remove(0));
        }
        let victim = self.replacement.victim(pinned);
        let frame = self.pages[victim].frame.expect("a victim is in memory");
        if self.pages[victim].dirty {
            self.write_back(victim)?;
            self.counts.evictions_dirty += 1;
        } else {
            self.counts.evictions_clean += 1;
        }
        self.replacement.goes(victim);
        self.take_out(victim);
        Ok(frame)
    }

    /// Writes a page to its file or its slot.
    fn write_back(&mut self, page: PageId) -> Done {
        if !matches!(self.pages[page].holds, Holds::File { .. }) && !self.pages[page].has_slot {
            let used = self.slots();
            if self.settings.swap_slots.is_some_and(|slots| used >= slots) {
                return Err(Stop::SwapFull);
            }
            self.pages[page].has_slot = true;
            self.counts.swap_slots_peak = self.counts.swap_slots_peak.max(used as u64 + 1);
        }
        self.pages[page].dirty = false;
        Ok(())
    }

    pub fn slots(&self) -> usize {
        self.pages.iter().filter(|page| page.has_slot).count()
    }

    /// Takes a page out of its frame and of all page tables.
    fn take_out(&mut self, page: PageId) {
        let frame = self.pages[page].frame.take().expect("a page in memory");
        self.frames[frame] = None;
        self.pages[page].dirty = false;
        for space in &mut self.spaces {
            for entry in space.entries.iter_mut().filter(|entry| entry.page == page) {
                entry.present = false;
                entry.regained = false;
            }
        }
    }

    /// The only owner of a page that was shared by a fork may write to it.
    pub fn regain(&mut self, space: usize, number: u64) {
        let entry = self.entry_mut(space, number);
        entry.regained |= entry.cow;
        entry.cow = false;
    }

    /// Drops a page with its frame and its slot. A dirty page of a file is written if `written`.
    pub fn free(&mut self, page: PageId, written: bool) {
        if let Some(frame) = self.pages[page].frame {
            self.counts.freed += 1;
            let of_file = matches!(self.pages[page].holds, Holds::File { .. });
            if written && of_file && self.pages[page].dirty {
                self.counts.freed_dirty += 1;
            }
            self.replacement.goes(page);
            self.take_out(page);
            self.freed_frames.push(frame);
        }
        self.pages[page].has_slot = false;
        self.pages[page].gone = true;
    }

    /// A page lost an owner.
    pub fn forget_if_unowned(&mut self, page: PageId) {
        if self.pages[page].gone || self.owners(page) > 0 {
            return;
        }
        match self.pages[page].holds {
            Holds::Private => self.free(page, false),
            holds @ (Holds::Memory { .. } | Holds::FileInMemory { .. }) => {
                if !self.is_mapped(holds) {
                    self.free(page, false);
                }
            }
            Holds::File { file, .. } => {
                if self.files[file].gone {
                    self.free(page, false);
                } else if !self.settings.keep_page_cache {
                    self.free(page, true);
                }
            }
        }
    }

    /// True if a mapping has this page of shared memory or of a file.
    fn is_mapped(&self, wanted: Holds) -> bool {
        let has = |mapping: &Mapping| {
            (mapping.start..mapping.end)
                .any(|number| self.holds_at(Some(*mapping), number) == wanted)
        };
        self.any_mapping(has)
    }

    pub fn any_mapping(&self, is_it: impl Fn(&Mapping) -> bool) -> bool {
        self.spaces
            .iter()
            .flat_map(|space| &space.mappings)
            .any(is_it)
    }
}
