//! The faults that Linux takes for a trace while memory suffices, where they differ from the model's:
//! one fault maps the cached pages of a file around it, a page of zeros that is only read is mapped once
//! more at its first write, a child finds no page-table entries for files that it only reads, and the
//! first write to a shared page of a file that was read before is a fault. For comparisons with a real
//! run; knows neither frames nor policies.
//!
//! All pages of files count as cached. Mappings that a stack extends, and huge pages, are not followed.

use super::{Class, EntryId, NONE, ObjectId, Op, Space};
use crate::trace::TraceError;
use crate::trace::model::dense::Trace;
use crate::trace::model::event::{Backing, Event, EventAt};
use crate::trace::model::refs::{PageKey, page_of};
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;

/// The pages that one fault maps at most: `fault_around_bytes` of 64 KiB.
const AROUND: u64 = 16;

/// The faults by the kind of page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinuxFaults {
    /// Of memory, and of copies of pages of files.
    pub anonymous: u64,
    /// Among these, first writes of pages that were mapped as zeros.
    pub of_zeros: u64,
    /// Of pages of files.
    pub file: u64,
    /// Pages that were populated. Linux counts them as minor faults.
    pub populated: u64,
}

impl LinuxFaults {
    /// Returns all that Linux counts.
    pub fn all(&self) -> u64 {
        self.anonymous + self.file + self.populated
    }
}

/// A part of a mapping of a file.
#[derive(Debug, Clone, Copy)]
struct Area {
    /// The first page behind it.
    end: u64,
    id: u32,
}

/// The mappings of files of each process, and what is present.
struct Tables<'s> {
    space: &'s Space,
    shift: u32,
    areas: Vec<BTreeMap<u64, Area>>,
    /// For each process the one whose address space it uses.
    home: Vec<u32>,
    next_id: u32,
    /// Pages that a fault mapped around itself: process, mapping, page.
    around: FxHashSet<(u32, u32, u64)>,
    /// Mappings of which a process has copies of pages.
    copied: FxHashSet<(u32, u32)>,
    /// Entries of pages that the kernel wrote for the program.
    kernel_written: Vec<bool>,
    object: Vec<ObjectId>,
    present: Vec<bool>,
    /// Whether the entry is writable in the page table.
    writable: Vec<bool>,
    faults: LinuxFaults,
}

/// Returns the faults of the legal references of `trace`, which `space` was made of. `events` are those
/// of the trace before it was resolved. `kernel_written`: pages that the kernel wrote for the program, by
/// process id and first byte; they are mapped writable.
///
/// # Errors
/// Errors if the trace stays in its file and that cannot be read.
pub fn linux_faults(
    trace: &Trace,
    space: &Space,
    events: &[EventAt],
    kernel_written: &FxHashSet<(u32, u64)>,
) -> Result<LinuxFaults, TraceError> {
    let processes = trace.dictionary.pids.len();
    let entries = space.entries.len();
    let shift = trace.meta.page_shift();
    let pids = &trace.dictionary.pids;
    let is_written =
        |key: &PageKey| kernel_written.contains(&(pids[key.process as usize], key.number << shift));
    let mut tables = Tables {
        space,
        shift,
        kernel_written: space.entries.iter().map(is_written).collect(),
        areas: vec![BTreeMap::new(); processes],
        home: (0..processes as u32).collect(),
        next_id: 0,
        around: FxHashSet::default(),
        copied: FxHashSet::default(),
        object: space.first_object.clone(),
        present: vec![false; entries],
        writable: vec![false; entries],
        faults: LinuxFaults::default(),
    };
    let mut events = events.iter().peekable();
    let mut ops = space.ops.iter().peekable();
    trace.tiles(|tile| {
        for (&reference, position) in tile.refs.iter().zip(tile.start..) {
            while let Some(at) = events.next_if(|at| at.position <= position) {
                tables.event(at);
            }
            let mut copies = false;
            while let Some(at) = ops.next_if(|at| at.position <= position) {
                copies |= at.op.is_of_reference();
                tables.op(at.op);
            }
            tables.reference(page_of(reference), reference & 1 != 0, copies);
        }
        true
    })?;
    ops.for_each(|at| tables.op(at.op));
    Ok(tables.faults)
}

impl Tables<'_> {
    fn is_file(&self, entry: EntryId) -> bool {
        let object = self.object[entry as usize];
        object != NONE && self.space.classes[object as usize] == Class::File
    }

    /// Follows the mappings of files.
    fn event(&mut self, at: &EventAt) {
        let home = self.home[at.process as usize];
        match &at.event {
            Event::Map(mapping) => {
                let pages = self.pages(mapping.start, mapping.length);
                self.cut(home, pages);
                if matches!(mapping.backing, Backing::File { .. }) {
                    self.next_id += 1;
                    let (end, id) = (pages.1, self.next_id);
                    self.areas[home as usize].insert(pages.0, Area { end, id });
                }
            }
            &Event::Unmap { start, length } => self.cut(home, self.pages(start, length)),
            Event::Move(moves) if !moves.keep => {
                self.cut(home, self.pages(moves.old_start, moves.old_length));
            }
            &Event::Fork { child } => {
                self.areas[child as usize] = self.areas[home as usize].clone();
                let copied: Vec<u32> = self.areas[home as usize]
                    .values()
                    .map(|area| area.id)
                    .filter(|&id| self.copied.contains(&(home, id)))
                    .collect();
                self.copied.extend(copied.into_iter().map(|id| (child, id)));
            }
            &Event::Vfork { child } => self.home[child as usize] = home,
            Event::Exec | Event::Exit => {
                if home == at.process {
                    self.areas[home as usize].clear();
                }
                self.home[at.process as usize] = at.process;
            }
            _ => {}
        }
    }

    fn pages(&self, start: u64, length: u64) -> (u64, u64) {
        let end = start.saturating_add(length);
        let mask = (1 << self.shift) - 1;
        (
            start >> self.shift,
            (end >> self.shift) + u64::from(end & mask != 0),
        )
    }

    /// Removes the pages `from..to` from the mappings of a process.
    fn cut(&mut self, process: u32, (from, to): (u64, u64)) {
        let areas = &mut self.areas[process as usize];
        for at in [from, to] {
            let below = areas.range_mut(..at).next_back();
            if let Some((_, area)) = below.filter(|(_, area)| area.end > at) {
                let upper = *area;
                area.end = at;
                areas.insert(at, upper);
            }
        }
        let inside: Vec<u64> = areas.range(from..to).map(|(&start, _)| start).collect();
        for start in inside {
            areas.remove(&start);
        }
    }

    /// Returns the mapping of a file that has a page, with its first page.
    fn area(&self, process: u32, page: u64) -> Option<(u64, Area)> {
        let (&start, &area) = self.areas[process as usize].range(..=page).next_back()?;
        (page < area.end).then_some((start, area))
    }

    fn op(&mut self, op: Op) {
        match op {
            Op::Bind { entry, object } => self.object[entry as usize] = object,
            Op::CowCopy { entry, object, .. } => self.copy(entry, object),
            Op::PopulateCopy { entry, object, .. } => {
                self.copy(entry, object);
                self.populate(entry, true);
            }
            Op::Populate { entry, write } => self.populate(entry, write),
            Op::Copy { from, to, private } => self.inherit(from, to, private),
            Op::Move { from, to } => {
                let (old, new) = (from as usize, to as usize);
                self.present[new] = std::mem::take(&mut self.present[old]);
                self.writable[new] = self.writable[old];
            }
            Op::Drop { entry } | Op::Unmap { entry } => self.present[entry as usize] = false,
            Op::Flush { .. }
            | Op::Free { .. }
            | Op::FileIo { .. }
            | Op::Original { .. }
            | Op::Prefetch { .. }
            | Op::Reuse { .. } => {}
        }
    }

    fn copy(&mut self, entry: EntryId, object: ObjectId) {
        let key = self.space.entries[entry as usize];
        if let Some((_, area)) = self.area(key.process, key.number) {
            self.copied.insert((key.process, area.id));
        }
        self.object[entry as usize] = object;
    }

    fn populate(&mut self, entry: EntryId, write: bool) {
        let at = entry as usize;
        self.faults.populated += u64::from(!self.present[at] || write && !self.writable[at]);
        self.present[at] = true;
        self.writable[at] = write;
    }

    fn inherit(&mut self, from: EntryId, to: EntryId, private: bool) {
        let (old, new) = (from as usize, to as usize);
        let key = self.space.entries[old];
        let area = self.area(key.process, key.number);
        let copied = area.is_some_and(|(_, area)| self.copied.contains(&(key.process, area.id)));
        self.present[new] = self.present[old] && (!self.is_file(from) || copied);
        self.writable[new] = self.writable[old] && !private;
        self.writable[old] &= !private;
    }

    /// A reference. `copies`: it writes a page that was shared until written.
    fn reference(&mut self, entry: EntryId, write: bool, copies: bool) {
        let at = entry as usize;
        if self.present[at] && (self.writable[at] || !write) && !copies {
            return;
        }
        let was_present = std::mem::replace(&mut self.present[at], true);
        // A page that is mapped at a write stays writable.
        self.writable[at] |= write || self.kernel_written[at] && !self.is_file(entry);
        if !self.is_file(entry) || copies {
            self.faults.anonymous += 1;
            self.faults.of_zeros += u64::from(was_present && !copies);
            return;
        }
        let key = self.space.entries[at];
        let area = self.area(key.process, key.number);
        let Some((start, Area { end, id })) = area.filter(|_| !write && !was_present) else {
            self.faults.file += 1;
            return;
        };
        if self.around.contains(&(key.process, id, key.number)) {
            return;
        }
        self.faults.file += 1;
        let from = (key.number & !(AROUND - 1)).max(start);
        let pages = from..(from + AROUND).min(end);
        self.around
            .extend(pages.map(|page| (key.process, id, page)));
    }
}
