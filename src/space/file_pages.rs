//! Pages of files that no entry is bound to: which of them the page cache has, and what reads, writes
//! and the unlinking of files mean for them. Knows nothing of references.

use super::contents::{FilePage, Key};
use super::place::Place;
use super::resolver::Resolver;
use super::{Class, EntryId, FileIo, NONE, ObjectId, Op, SpaceError};
use crate::trace::model::event::{EventAt, FileRange};
use crate::trace::model::refs::PageKey;
use crate::units::PAGE_ID_MAX;

/// The addresses from here on stand for pages that a process reads or writes without mapping them. No
/// program has them.
pub const IO_WINDOW: u64 = 1 << 63;

/// The most bytes that one read or write transfers, as in Linux.
const TRANSFER_MAX: u64 = 0x7fff_f000;
/// The most pages that one read or write transfers.
const PAGES_MAX: u64 = 1 << 20;

impl Resolver<'_> {
    /// Keeps `object`, which has lost its last owner, in the page cache. Returns false if it ceases to
    /// exist: it is no page of a file, or nothing keeps pages.
    pub fn keep_in_cache(&mut self, object: ObjectId, key: Key) -> bool {
        let (Key::File(file, offset), Class::File) = (key, self.space.classes[object as usize])
        else {
            return false;
        };
        self.space.leaves_file_pages = true;
        if self.files.keeps {
            self.files.cached.insert((file, offset as i64), object);
        }
        self.files.keeps
    }

    /// Returns whether `object` is of a file that has no name any more and that nothing maps.
    pub fn is_gone(&self, object: ObjectId) -> bool {
        match self.key_of[object as usize] {
            Some(Key::File(file, _)) if self.files.unlinked.contains(&file) => {
                !self.is_mapped(file)
            }
            _ => false,
        }
    }

    fn is_mapped(&self, file: u32) -> bool {
        let mut processes = self.processes.iter();
        processes.any(|process| process.vmas.maps_file(file))
    }

    /// Forgets an object without owner, whose bytes are gone from its file.
    fn discard(&mut self, page: (u32, i64), object: ObjectId) {
        self.files.cached.remove(&page);
        self.keyed.remove(&Key::File(page.0, page.1 as u64));
        let discards = true;
        self.push(Op::Free { object, discards });
    }

    /// Discards the pages of `file` in the page cache without owner that begin at `offset` or behind it.
    pub fn discard_behind(&mut self, file: u32, offset: i64) {
        let behind = self.files.cached.range((file, offset)..=(file, i64::MAX));
        let behind: Vec<_> = behind.map(|(&page, &object)| (page, object)).collect();
        for (page, object) in behind {
            self.discard(page, object);
        }
    }

    /// Gives the pages of a file without owner a new end. Returns whether the page cache has any.
    pub fn cut_off(&mut self, file: u32, bytes: u64) -> bool {
        let mut all = self.files.cached.range((file, i64::MIN)..=(file, i64::MAX));
        let is_cached = all.next().is_some();
        if let Ok(bytes) = i64::try_from(bytes) {
            self.discard_behind(file, bytes);
        }
        let before = self.files.lengths.insert(file, Some(bytes)).flatten();
        if before != Some(bytes)
            && let Ok(same) = i64::try_from(before.map_or(bytes, |before| before.min(bytes)))
        {
            self.free_memory_behind(file, same);
        }
        is_cached
    }

    /// Unlinks a file: what nothing maps of it goes at once, the rest when its last mapping does.
    pub fn unlink(&mut self, file: u32) {
        if self.is_mapped(file) {
            self.files.unlinked.insert(file);
            return;
        }
        self.discard_behind(file, i64::MIN);
        let is_known = self.files.lengths.remove(&file).is_some();
        self.tally.idle_events += u64::from(!is_known);
    }

    /// Discards the pages of unlinked files whose last mapping has gone.
    pub fn discard_unlinked(&mut self) {
        if !std::mem::take(&mut self.lost_unlinked) {
            return;
        }
        let unlinked = self.files.unlinked.iter().copied();
        let mut gone: Vec<u32> = unlinked.filter(|&file| !self.is_mapped(file)).collect();
        gone.sort_unstable();
        for file in gone {
            self.files.unlinked.remove(&file);
            self.files.lengths.remove(&file);
            self.discard_behind(file, i64::MIN);
        }
    }

    /// Reads or writes a part of a file, page by page, if such events count.
    pub fn file_io(
        &mut self,
        at: &EventAt,
        range: FileRange,
        write: bool,
    ) -> Result<(), SpaceError> {
        self.space.has_file_io = true;
        if self.options.file_io == FileIo::Ignore {
            self.tally.ignored_io += 1;
            return Ok(());
        }
        let FileRange { file, offset, .. } = range;
        let end = offset.saturating_add(range.length.min(TRANSFER_MAX));
        let is_memory = self.swap_backed.get(&file).is_some_and(|&is| is);
        let length = *self.files.lengths.entry(file).or_insert(None);
        let end = match length {
            Some(length) if !write => end.min(length),
            _ => end,
        };
        if is_memory || end <= offset {
            self.tally.idle_events += 1;
            return Ok(());
        }
        if write && length.is_some_and(|length| length < end) {
            // The mappings that are there see it.
            self.change_length(file, end);
        }
        let pages = (offset >> self.shift)..=((end - 1) >> self.shift);
        for number in pages.take(PAGES_MAX as usize) {
            let page = self.bytes_of(number);
            // What the file has of the page must be read, unless it is overwritten.
            let content_end = length.map_or(page.end, |length| length.min(page.end));
            let is_replaced = offset <= page.start && end >= content_end;
            let reads = !write || content_end > page.start && !is_replaced;
            let entry = self.io_entry(at.process, (file, page.start))?;
            self.push(Op::FileIo {
                entry,
                write,
                reads,
            });
        }
        Ok(())
    }

    /// Lets the machine bring in `source`, a page of a file that `entry` is bound to, before it is copied.
    /// Only if the page cache keeps pages.
    pub fn bring_original(&mut self, entry: EntryId, source: ObjectId) {
        if self.files.keeps && self.space.classes[source as usize] == Class::File {
            self.push(Op::Original { entry });
        }
    }

    /// Returns the page of a file that `process` is about to copy though it is not bound to it, after
    /// letting the machine bring it in; [`NONE`] if it is in no object, since nothing keeps it.
    pub fn unbound_original(
        &mut self,
        process: u32,
        class: Class,
        key: Key,
    ) -> Result<ObjectId, SpaceError> {
        if let (Key::File(file, offset), Class::File) = (key, class) {
            self.space.leaves_file_pages |= !self.keyed.contains_key(&key);
            if self.files.keeps {
                let entry = self.io_entry(process, (file, offset))?;
                self.push(Op::Original { entry });
            }
        }
        Ok(self.keyed.get(&key).copied().unwrap_or(NONE))
    }

    /// Returns the entry through which `process` reads, writes or copies a page of a file; [`NONE`] if
    /// no memory holds it.
    fn io_entry(&mut self, process: u32, page: FilePage) -> Result<EntryId, SpaceError> {
        let key = Key::File(page.0, page.1);
        let object = match self.keyed.get(&key) {
            Some(&object) => object,
            None if self.files.keeps => {
                let object = self.new_object(Class::File, Some(key));
                self.files.cached.insert((page.0, page.1 as i64), object);
                object
            }
            None => {
                self.space.leaves_file_pages = true;
                return Ok(NONE);
            }
        };
        // Without owner it has one as little afterwards.
        self.space.leaves_file_pages |= self.owners[object as usize] == 0;
        if let Some(&entry) = self.files.io_entries.get(&(process, object)) {
            return Ok(entry);
        }
        let entry = self.space.entries.len() as u32;
        if entry > PAGE_ID_MAX {
            let what = "more than 2^31 pages of all processes";
            return Err(self.fail(Place::Before(self.position), what.into()));
        }
        // Far from each other: they are no neighbours in a page table.
        let address = IO_WINDOW + ((self.files.io_entries.len() as u64) << 32);
        self.add_entry(PageKey {
            process,
            number: address >> self.shift,
        });
        self.space.first_object[entry as usize] = object;
        self.space.io_entries.insert(entry, page);
        self.files.io_entries.insert((process, object), entry);
        Ok(entry)
    }
}
