//! The segments of all processes: who has which, how long each is and what of it was referenced. Its
//! operations record the steps of a replay. Knows nothing of references and of changes of mappings.

use super::choices::Segments;
use super::parts::{Class, Part, Parts};
use super::steps::{NONE, SegmentId, Segmented, Step, StepAt, UseId};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What several mappings may share: a file, an offset in it, and a length.
type Key = (u32, i128, u64);

/// A segment.
#[derive(Debug, Default)]
pub(super) struct Segment {
    pub bytes: u64,
    /// The bytes of it that are of a file.
    pub file: u64,
    /// Whether what is written goes back to the file.
    returns: bool,
    /// How many of the mappings that have it share what they write.
    sharing: u32,
    /// Who has it, and at which address.
    pub owners: Vec<(u32, u64)>,
    /// The mappings that may share it.
    pub key: Option<Key>,
    /// The place of its lowest byte among the pages in `touched`.
    pub origin: u64,
    /// Its pages that have been referenced.
    pub touched: BTreeSet<u64>,
}

/// A process.
#[derive(Debug, Default)]
pub(super) struct Process {
    pub parts: Parts,
    /// With segments that are sums of mappings: the segment of each class, or the only one.
    pub sums: [Option<SegmentId>; 4],
    /// The entries whose references are settled, by page number.
    pub bound: BTreeMap<u64, u32>,
}

/// The first of the numbers that the pages of a new segment have. Stacks grow below it.
const ORIGIN: u64 = 1 << 62;

/// The references of an entry that need not be looked at.
pub(super) type Settled = u8;
/// Reads and fetches.
pub(super) const READS: Settled = 1;
/// All.
pub(super) const ALL: Settled = 3;

/// The book of segments.
pub(super) struct Book {
    pub kind: Segments,
    /// The bytes of a page, as a power of 2.
    pub shift: u32,
    pub processes: Vec<Process>,
    pub segments: Vec<Segment>,
    /// The segments with each key, those that got it first first.
    keyed: FxHashMap<Key, Vec<SegmentId>>,
    /// The files that have a name, by their numbers in the trace.
    files: FxHashMap<u32, u32>,
    /// The number of files so far.
    all_files: u32,
    /// The use of each pair of process and segment.
    use_of: FxHashMap<(u32, SegmentId), UseId>,
    /// For each entry, which references need not be looked at.
    pub settled: Vec<Settled>,
    /// For each entry the use that its references are of; [`NONE`] before the first.
    pub bound_to: Vec<UseId>,
    /// For each entry the number of its page in the segment.
    page_of: Vec<u64>,
    /// The position and the cause of what happens now.
    pub now: (u64, u64),
    /// Bytes of all segments.
    bytes: u64,
    /// Segments, summed over the processes.
    entries: u64,
    /// Mapped pages that occupy memory, summed over the processes.
    pub mapped: u64,
    pub out: Segmented,
}

impl Book {
    pub fn new(kind: Segments, shift: u32, processes: usize, entries: usize) -> Book {
        Book {
            kind,
            shift,
            processes: (0..processes).map(|_| Process::default()).collect(),
            segments: Vec::new(),
            keyed: FxHashMap::default(),
            files: FxHashMap::default(),
            all_files: 0,
            use_of: FxHashMap::default(),
            settled: vec![0; entries],
            bound_to: vec![NONE; entries],
            page_of: vec![0; entries],
            now: (0, 0),
            bytes: 0,
            entries: 0,
            mapped: 0,
            out: Segmented {
                processes,
                entries,
                ..Segmented::default()
            },
        }
    }

    pub fn push(&mut self, step: Step) {
        let (position, cause) = self.now;
        self.out.steps.push(StepAt {
            position,
            cause,
            step,
        });
    }

    /// Notes how much there is, if it is more than ever.
    pub fn note_peaks(&mut self) {
        let out = &mut self.out;
        out.peak_bytes = out.peak_bytes.max(self.bytes);
        out.peak_entries = out.peak_entries.max(self.entries);
        let tables = 8 * (self.entries + self.mapped);
        out.peak_paged_tables = out.peak_paged_tables.max(tables);
    }

    pub fn segment(&self, segment: SegmentId) -> &Segment {
        &self.segments[segment as usize]
    }

    /// Returns whether a process besides the one that acts has `segment`.
    pub fn is_shared(&self, segment: SegmentId) -> bool {
        self.segment(segment).owners.len() > 1
    }

    /// Creates a segment that no process has yet.
    pub fn create(&mut self, bytes: u64, file: u64) -> SegmentId {
        let segment = self.segments.len() as SegmentId;
        self.segments.push(Segment {
            bytes,
            file,
            origin: ORIGIN,
            ..Segment::default()
        });
        self.bytes += bytes;
        self.push(Step::Create {
            segment,
            bytes,
            file,
        });
        segment
    }

    /// Gives `process` a segment at `address`. `shared`: it shares what it writes.
    pub fn attach(&mut self, segment: SegmentId, process: u32, address: u64, shared: bool) {
        self.segments[segment as usize]
            .owners
            .push((process, address));
        self.entries += 1;
        self.push(Step::Attach {
            segment,
            process,
            address,
        });
        self.segments[segment as usize].sharing += u32::from(shared);
        self.note_returns(segment);
    }

    /// Notes whether what is written to `segment` goes back to its file: some mapping shares it.
    fn note_returns(&mut self, segment: SegmentId) {
        let of = &mut self.segments[segment as usize];
        let returns = of.sharing > 0 && of.file > 0;
        if std::mem::replace(&mut of.returns, returns) != returns {
            self.push(Step::Returns { segment, returns });
        }
    }

    /// Notes that what `process` has at `address` is at `to` from now on.
    pub fn readdress(&mut self, segment: SegmentId, process: u32, address: u64, to: u64) {
        let mut owners = self.segments[segment as usize].owners.iter_mut();
        let own = owners.find(|own| **own == (process, address));
        own.expect("it has the segment").1 = to;
        if address != to {
            self.push(Step::Readdress {
                segment,
                process,
                address,
                to,
            });
        }
    }

    /// Returns the address of the only place at which `process` has a segment.
    pub fn address_of(&self, segment: SegmentId, process: u32) -> u64 {
        let mut owners = self.segment(segment).owners.iter();
        let own = owners.find(|(owner, _)| *owner == process);
        own.expect("it has the segment").1
    }

    /// Takes what it has at `address` from `process`. `shared`: it shared what it wrote.
    pub fn detach(&mut self, segment: SegmentId, process: u32, address: u64, shared: bool) {
        self.disown(segment, process, address);
        self.push(Step::Detach {
            segment,
            process,
            address,
        });
        self.segments[segment as usize].sharing -= u32::from(shared);
        if !self.segment(segment).owners.is_empty() {
            self.note_returns(segment);
        }
    }

    fn disown(&mut self, segment: SegmentId, process: u32, address: u64) {
        let of = &mut self.segments[segment as usize];
        of.owners.retain(|own| *own != (process, address));
        self.entries -= 1;
        if of.owners.is_empty() {
            self.bytes -= of.bytes;
            of.touched = BTreeSet::new();
            self.forget_key(segment);
        }
    }

    /// Returns the number of the file that has the number `file` in the trace now.
    pub fn file_numbered(&mut self, file: u32) -> u32 {
        let all = &mut self.all_files;
        *self.files.entry(file).or_insert_with(|| {
            *all += 1;
            *all
        })
    }

    /// Takes the name of a file away. Its number is another file's from now on.
    pub fn unlink(&mut self, file: u32) {
        self.files.remove(&file);
    }

    /// Lets no more mappings share a segment.
    pub fn forget_key(&mut self, segment: SegmentId) {
        let key = self.segments[segment as usize].key.take();
        if let Some(all) = key.and_then(|key| self.keyed.get_mut(&key)) {
            all.retain(|&other| other != segment);
        }
    }

    /// Lets mappings of the same part of a file share a segment. Of several with one key they share the
    /// first.
    fn set_key(&mut self, segment: SegmentId, key: Key) {
        if self.segments[segment as usize].key.replace(key) != Some(key) {
            self.keyed.entry(key).or_default().push(segment);
        }
    }

    /// Returns what mappings share a part with; `None` if it is private and writable, or of no file.
    fn key_of(part: &Part) -> Option<Key> {
        let of = part.file?;
        let offset = of.offset + i128::from(part.low - part.start);
        (part.shared || !part.protection.write).then_some((of.file, offset, part.bytes()))
    }

    /// Gives a part that occupies memory a segment: one that it shares, or a new one. For segments that
    /// are mappings.
    pub fn settle_part(&mut self, process: u32, at: usize) {
        let part = &self.processes[process as usize].parts.all()[at];
        if part.segment != NONE || part.bytes() == 0 {
            return;
        }
        let (key, bytes, low) = (Book::key_of(part), part.bytes(), part.low);
        let (file, is_shared) = (part.file_bytes(), part.shared);
        let shared = key.and_then(|key| self.keyed.get(&key)?.first().copied());
        let segment = shared.unwrap_or_else(|| self.create(bytes, file));
        if let Some(key) = key {
            self.set_key(segment, key);
        }
        self.attach(segment, process, low, is_shared);
        self.processes[process as usize].parts.all_mut()[at].segment = segment;
    }

    /// Makes `segment` longer.
    pub fn grow(&mut self, segment: SegmentId, bytes: u64, below: bool) {
        let pages = bytes >> self.shift;
        let of = &mut self.segments[segment as usize];
        let is_file = of.file == of.bytes && of.file > 0;
        of.bytes += bytes;
        if below {
            of.origin -= pages;
        }
        self.bytes += bytes;
        self.forget_key(segment);
        self.push(Step::Grow {
            segment,
            bytes,
            below,
        });
        if is_file && self.kind == Segments::Vma {
            self.set_file_bytes(segment, self.segment(segment).bytes);
        }
    }

    /// Makes `segment` shorter. Something of it stays.
    pub fn shrink(&mut self, segment: SegmentId, bytes: u64, below: bool) {
        self.segments[segment as usize].bytes -= bytes;
        self.bytes -= bytes;
        self.push(Step::Shrink {
            segment,
            bytes,
            below,
        });
    }

    pub fn set_file_bytes(&mut self, segment: SegmentId, file: u64) {
        let of = &mut self.segments[segment as usize];
        if std::mem::replace(&mut of.file, file) != file {
            self.push(Step::FileBytes { segment, file });
        }
    }

    /// Makes two of `segment`, for all who have it: the lower has `bytes`. For segments that are mappings.
    pub fn split(&mut self, segment: SegmentId, bytes: u64) {
        let upper_id = self.segments.len() as SegmentId;
        let pages = bytes >> self.shift;
        let key = self.segment(segment).key;
        self.forget_key(segment);
        let lower = &mut self.segments[segment as usize];
        let origin = lower.origin + pages;
        let touched = lower.touched.split_off(&origin);
        let is_file = lower.file > 0;
        let upper = Segment {
            bytes: lower.bytes - bytes,
            file: if is_file { lower.bytes - bytes } else { 0 },
            returns: lower.returns,
            sharing: 0,
            owners: Vec::new(),
            key: None,
            origin,
            touched,
        };
        lower.bytes = bytes;
        lower.file = if is_file { bytes } else { 0 };
        let (upper_bytes, touched) = (upper.bytes, (upper.touched.len() as u64) << self.shift);
        let owners = lower.owners.clone();
        self.segments.push(upper);
        self.push(Step::Split {
            segment,
            bytes,
            upper: upper_id,
            touched,
            first_page: origin,
        });
        if let Some((file, offset, _)) = key {
            self.set_key(segment, (file, offset, bytes));
            self.set_key(upper_id, (file, offset + i128::from(bytes), upper_bytes));
        }
        for (process, address) in owners {
            let parts = &mut self.processes[process as usize].parts;
            let at = parts.at(address).expect("an owner has a part");
            parts.split(at, address + bytes);
            let part = &mut parts.all_mut()[at + 1];
            part.segment = upper_id;
            let is_shared = part.shared;
            self.attach(upper_id, process, address + bytes, is_shared);
            self.unsettle(process, address + bytes..address + bytes + upper_bytes);
        }
    }

    /// Gives `process` a copy of `from`, which others have, too, in place of what it has at `address`.
    /// Returns it.
    pub fn copy(
        &mut self,
        from: SegmentId,
        process: u32,
        address: u64,
        written: bool,
    ) -> SegmentId {
        let of = self.segment(from);
        let (bytes, file) = (of.bytes, of.file);
        let to = self.create(bytes, file);
        let (origin, touched) = {
            let of = self.segment(from);
            (of.origin, of.touched.clone())
        };
        let copy = &mut self.segments[to as usize];
        (copy.origin, copy.touched) = (origin, touched);
        // Only what is private is copied.
        self.attach(to, process, address, false);
        self.push(Step::Copy {
            from,
            to,
            process,
            address,
            written,
        });
        self.disown(from, process, address);
        let is_sum = self.kind != Segments::Vma;
        let of = &mut self.processes[process as usize];
        for part in of.parts.all_mut().iter_mut() {
            if part.segment == from && (is_sum || part.low == address) {
                part.segment = to;
            }
        }
        for sum in of.sums.iter_mut().flatten().filter(|sum| **sum == from) {
            *sum = to;
        }
        let range = match self.kind {
            Segments::Vma => address..address + bytes,
            Segments::Classic | Segments::Whole => 0..u64::MAX,
        };
        self.unsettle(process, range);
        to
    }

    /// Looks again at the next reference of each page of `range`.
    pub fn unsettle(&mut self, process: u32, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let pages = range.start >> self.shift..=(range.end - 1) >> self.shift;
        let bound = &mut self.processes[process as usize].bound;
        let gone: Vec<u64> = bound.range(pages).map(|(&page, _)| page).collect();
        for page in gone {
            if let Some(entry) = bound.remove(&page) {
                self.settled[entry as usize] = 0;
            }
        }
    }

    /// Looks again at the next write to each page of `process`.
    pub fn unsettle_writes(&mut self, process: u32) {
        for &entry in self.processes[process as usize].bound.values() {
            self.settled[entry as usize] &= READS;
        }
    }

    /// Returns the use of a segment by a process.
    fn use_of(&mut self, process: u32, segment: SegmentId) -> UseId {
        let next = self.out.uses.len() as UseId;
        let of = *self.use_of.entry((process, segment)).or_insert(next);
        if of == next {
            self.out.uses.push((process, segment));
        }
        of
    }

    /// Returns the number by which `touched` has the page `number` of a part.
    fn touch_key(&self, part: &Part, number: u64) -> u64 {
        match self.kind {
            Segments::Vma => self.segment(part.segment).origin + number - (part.low >> self.shift),
            Segments::Classic | Segments::Whole => number,
        }
    }

    /// Notes the use and the page that references of `entry` are of from now on: the page `number`, which
    /// the part `at` of `process` has.
    pub fn bind(&mut self, entry: u32, process: u32, at: usize, number: u64) {
        let part = &self.processes[process as usize].parts.all()[at];
        let (segment, page) = (part.segment, self.touch_key(part, number));
        let of = self.use_of(process, segment);
        let place = entry as usize;
        if (self.bound_to[place], self.page_of[place]) != (of, page) {
            (self.bound_to[place], self.page_of[place]) = (of, page);
            self.push(Step::Bind { entry, of, page });
        }
    }

    /// Notes that the page `number`, which the part `at` of `process` has, is referenced.
    pub fn touch(&mut self, process: u32, at: usize, number: u64) {
        let part = &self.processes[process as usize].parts.all()[at];
        let (segment, key) = (part.segment, self.touch_key(part, number));
        if self.segments[segment as usize].touched.insert(key) {
            let bytes = 1 << self.shift;
            self.push(Step::Touch { segment, bytes });
        }
    }

    /// Takes the pages of `range` from those of `segment` that were referenced: for segments that are
    /// sums. Returns their numbers. The pages are from the number `to` on, or do not exist any longer.
    pub fn untouch(&mut self, segment: SegmentId, range: &Range<u64>, to: Option<u64>) -> Vec<u64> {
        let pages = range.start >> self.shift..range.end.div_ceil(1 << self.shift);
        let first = pages.start;
        let count = pages.end.saturating_sub(first);
        let of = &mut self.segments[segment as usize];
        let gone: Vec<u64> = of.touched.range(pages).copied().collect();
        for page in &gone {
            of.touched.remove(page);
        }
        if !gone.is_empty() {
            let touched = (of.touched.len() as u64) << self.shift;
            self.push(Step::Retouch { segment, touched });
            self.push(Step::Renumber {
                segment,
                first,
                pages: count,
                to,
            });
        }
        gone
    }

    /// Forgets pages of `segment` that were referenced, `gone`: for segments that are sums.
    pub fn forget_touched(&mut self, segment: SegmentId, gone: &[u64]) {
        if gone.is_empty() {
            return;
        }
        let of = &mut self.segments[segment as usize];
        for page in gone {
            of.touched.remove(page);
        }
        self.retouch(segment, []);
        for &first in gone {
            self.push(Step::Renumber {
                segment,
                first,
                pages: 1,
                to: None,
            });
        }
    }

    /// Adds pages to those of `segment` that were referenced: for segments that are sums.
    pub fn retouch(&mut self, segment: SegmentId, pages: impl IntoIterator<Item = u64>) {
        let of = &mut self.segments[segment as usize];
        of.touched.extend(pages);
        let touched = (of.touched.len() as u64) << self.shift;
        self.push(Step::Retouch { segment, touched });
    }

    /// Returns the segment that a part of `class` belongs to, of those that are sums.
    pub fn sum_of(&self, class: Class) -> usize {
        match self.kind {
            Segments::Whole => 0,
            _ => class as usize,
        }
    }
}
