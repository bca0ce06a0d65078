//! What happens to files: reads and writes without a mapping, other lengths, names that go.

use super::lines::PAGE;
use super::machine::{Done, File, Holds, Machine, PageId};
use super::replacement::Bit;
use super::space::{FileId, Mapping, Shows};

/// Most bytes that Linux transfers at once.
const TRANSFER: u64 = (2 << 30) - PAGE;

impl Machine {
    /// The file with a number, since the last one with it was unlinked.
    pub fn known_file(&self, number: u32) -> Option<FileId> {
        self.files
            .iter()
            .position(|file| file.number == number && !file.gone)
    }

    pub fn file(&mut self, number: u32) -> FileId {
        self.known_file(number).unwrap_or_else(|| {
            self.files.push(File {
                number,
                length: None,
                unlinked: false,
                gone: false,
                swap_backed: false,
            });
            self.files.len() - 1
        })
    }

    /// `read` or `write`.
    pub fn io(&mut self, number: u32, offset: u64, length: u64, write: bool) -> Done {
        if !self.settings.count_file_io {
            return Ok(());
        }
        let file = self.file(number);
        if self.files[file].swap_backed {
            return Ok(());
        }
        let end = offset.saturating_add(length.min(TRANSFER));
        let before = self.files[file].length;
        let end = match before {
            Some(before) if !write => end.min(before),
            _ => end,
        };
        if offset >= end {
            return Ok(());
        }
        if write && before.is_some_and(|before| before < end) {
            self.length(number, end);
        }
        for index in offset / PAGE..=(end - 1) / PAGE {
            // What the file has of the page, and whether the write covers it.
            let has = (
                index * PAGE,
                before.unwrap_or(u64::MAX).min((index + 1) * PAGE),
            );
            let covered = write && (has.0 >= has.1 || offset <= has.0 && has.1 <= end);
            self.all_or_nothing(|machine| machine.io_page(file, index, write, covered))?;
        }
        Ok(())
    }

    fn io_page(&mut self, file: FileId, index: u64, write: bool, covered: bool) -> Done {
        let page = self.find_or_add(Holds::File { file, index });
        if self.pages[page].frame.is_some() {
            self.counts.io_hits += 1;
            self.replacement.hit(page);
            self.pages[page].dirty |= write;
            return Ok(());
        }
        self.counts.io_loads += 1;
        if !covered {
            self.counts.file_reads += 1;
        }
        if !self.settings.keep_page_cache && self.owners(page) == 0 {
            self.counts.freed += 1;
            self.counts.freed_dirty += u64::from(write);
            self.pages[page].gone = true;
            return Ok(());
        }
        let frame = self.free_frame(None)?;
        self.put(page, frame, Bit::OfFault);
        self.pages[page].dirty |= write;
        Ok(())
    }

    /// A mapping says how long a file is, and whether it is memory: then reads and writes left nothing.
    pub fn file_is(&mut self, number: u32, length: u64, swap_backed: bool) {
        let file = self.file(number);
        if swap_backed && !self.files[file].swap_backed {
            for page in self.pages_by_place() {
                let place = self.place_of(page).filter(|(of, _)| *of == file);
                if place.is_some() && !self.pages[page].gone {
                    self.free(page, false);
                }
            }
        }
        self.length(number, length);
    }

    /// The file ends elsewhere: pages beyond the end, of before or from now on, go.
    pub fn length(&mut self, number: u32, bytes: u64) {
        let file = self.file(number);
        if self.files[file].length == Some(bytes) {
            return;
        }
        let before = self.files[file].length.replace(bytes).unwrap_or(bytes);
        // Of the processes in the order of their beginning.
        let mut spaces: Vec<usize> = Vec::new();
        for process in self.processes.iter().filter(|process| process.lives()) {
            if !spaces.contains(&process.space) {
                spaces.push(process.space);
            }
        }
        for space in spaces {
            let mut lost = Vec::new();
            let spaces = &mut self.spaces[space];
            for mapping in &mut spaces.mappings {
                let whole = *mapping;
                let Shows::File {
                    file: shown,
                    length,
                    ..
                } = &mut mapping.shows
                else {
                    continue;
                };
                if *shown == file {
                    let least = bytes.min(*length);
                    let inside = spaces
                        .entries
                        .iter()
                        .map(|entry| entry.number)
                        .filter(|&number| whole.has(number));
                    let place = |number| whole.place(number).expect("a file").1;
                    lost.extend(inside.filter(|&number| place(number) * PAGE >= least));
                    *length = bytes;
                }
            }
            lost.sort_unstable();
            for number in lost {
                let page = self.spaces[space].entry(number).expect("an entry").page;
                self.spaces[space]
                    .entries
                    .retain(|entry| entry.number != number);
                if self.owners(page) == 0 {
                    match self.pages[page].holds {
                        Holds::File { index, .. } if index * PAGE < bytes => {
                            self.forget_if_unowned(page)
                        }
                        _ => self.free(page, false),
                    }
                }
            }
        }
        // What nobody has an entry for. Nothing is written.
        for page in self.pages_by_place() {
            if let Some((of, index)) = self.place_of(page)
                && of == file
                && index * PAGE >= self.end_for(page, before, bytes)
                && !self.pages[page].gone
            {
                for space in &mut self.spaces {
                    space.entries.retain(|entry| entry.page != page);
                }
                self.free(page, false);
            }
        }
    }

    /// Where a file ends for a page that nobody has: memory beyond the end does not outlive that end.
    fn end_for(&self, page: PageId, before: u64, now: u64) -> u64 {
        match self.pages[page].holds {
            Holds::FileInMemory { .. } => before.min(now),
            _ => now,
        }
    }

    /// The place of a page in its file.
    fn place_of(&self, page: PageId) -> Option<(FileId, u64)> {
        match self.pages[page].holds {
            Holds::File { file, index } | Holds::FileInMemory { file, index } => {
                Some((file, index))
            }
            _ => None,
        }
    }

    /// All pages: those of files on a device, of memory without a file, and of files in memory, each in the
    /// order of their places.
    fn pages_by_place(&self) -> Vec<PageId> {
        let mut pages: Vec<PageId> = (0..self.pages.len()).collect();
        pages.sort_by_key(|&page| match self.pages[page].holds {
            Holds::Private => (0, 0, 0),
            Holds::File { file, index } => (1, self.files[file].number as usize, index),
            Holds::Memory { memory, index } => (2, memory, index),
            Holds::FileInMemory { file, index } => (3, self.files[file].number as usize, index),
        });
        pages
    }

    /// The name goes; the pages too, at once or with the last mapping.
    pub fn unlink(&mut self, number: u32) {
        if let Some(file) = self.known_file(number) {
            self.files[file].unlinked = true;
            self.forget_files();
        }
    }

    /// Frees the pages of unlinked files that nobody maps any more, and of other memory of that kind.
    pub fn forget_files(&mut self) {
        self.files_without_mappings_go();
        for page in self.pages_by_place() {
            if self.owners(page) == 0 {
                let holds = self.pages[page].holds;
                let is_kept = matches!(holds, Holds::File { file, .. } if !self.files[file].gone);
                if !is_kept {
                    self.forget_if_unowned(page);
                }
            }
        }
    }

    /// Unlinked files that nobody maps any more are gone.
    pub fn files_without_mappings_go(&mut self) {
        for file in 0..self.files.len() {
            let maps = |mapping: &Mapping| {
                mapping
                    .place(mapping.start)
                    .is_some_and(|(of, _)| of == file)
            };
            self.files[file].gone |= self.files[file].unlinked && !self.any_mapping(maps);
        }
    }
}
