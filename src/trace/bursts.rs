//! A trace as bursts, in memory: stretches of references that touch at most K distinct pages, each
//! with the list of its pages, so that a replay need not look at references between which nothing
//! can happen.
//!
//! Bursts are of one process and end where they are told to (see `cuts`). Knows nothing of what is
//! replayed, and of files (`store::burst` is the stored form).

use super::dense::{Dictionary, KIND_MASK, KindCode, Ref, pack, page_of};
use super::record::Kind;
use crate::units::PageId;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::OnceLock;

/// The most distinct pages of any burst.
pub const K_MAX: usize = 64;
/// The sizes of bursts that replays choose from, least first.
pub const SIZES: [usize; 3] = [16, 32, K_MAX];
/// The most references of a burst: offsets in it take 16 bits.
pub const LENGTH_MAX: usize = 65_535;
/// References per burst, over K, from which on bursts are faster than single references: at 1
/// every reference is of another page, programs have 5 and more.
const WORTH_WHILE: usize = 3;
/// References from whose bursts it is told whether bursts are worth while.
const PROBE: usize = 1 << 18;

/// All bursts of a trace.
#[derive(Debug)]
pub struct Bursts {
    /// One byte per reference: the place of its page in its burst of 64 pages times four, plus its
    /// kind (ifetch 0, read 1, write 2).
    pub raw: Vec<u8>,
    largest: Columns,
    /// The columns of each size, made when they are first asked for.
    smaller: [OnceLock<Columns>; K_MAX],
}

/// The bursts of one size and the bytes of the references.
#[derive(Debug, Clone, Copy)]
pub struct View<'t> {
    /// See [`Bursts::raw`].
    pub raw: &'t [u8],
    /// The bursts.
    pub columns: &'t Columns,
}

/// The bursts of one size. The pages of burst `i`, in order of first reference, are those from
/// `offsets[i]` to `offsets[i + 1]`; likewise all that there is of each.
#[derive(Debug, Default)]
pub struct Columns {
    /// The most distinct pages of a burst.
    pub k: usize,
    /// The position of the first reference of each burst, and of the trace's end.
    pub starts: Vec<u64>,
    /// Where the list of each burst begins, and the end of the last.
    pub offsets: Vec<usize>,
    /// The pages: times two, plus one if the burst writes it.
    pub pages: Vec<Ref>,
    /// How far behind the burst's start each page is referenced first.
    pub first: Vec<u16>,
    /// And last.
    pub last: Vec<u16>,
    /// The place of each page in the bytes of [`Bursts::raw`].
    pub places: Vec<u8>,
    /// The burst's list in order of last reference: indices into the list.
    pub by_last: Vec<u8>,
}

/// The burst that is being built: its pages by the place that they have in its bytes.
struct Open {
    start: usize,
    /// The places that occur, and those that are written.
    occurs: u64,
    written: u64,
    /// The places in order of first reference.
    places: [u8; K_MAX],
    count: usize,
    /// Position of the first and of the last reference of each.
    first: [usize; K_MAX],
    last: [usize; K_MAX],
}

impl Open {
    fn at(start: usize) -> Open {
        Open {
            start,
            occurs: 0,
            written: 0,
            places: [0; K_MAX],
            count: 0,
            first: [0; K_MAX],
            last: [0; K_MAX],
        }
    }

    fn has(&self, place: u8) -> bool {
        self.occurs >> place & 1 != 0
    }

    /// The first reference of a place.
    fn list(&mut self, place: u8, at: usize) {
        self.occurs |= 1 << place;
        self.places[self.count] = place;
        self.count += 1;
        self.first[usize::from(place)] = at;
    }

    /// Any reference of a place.
    #[inline(always)]
    fn note(&mut self, place: u8, at: usize, kind: u8) {
        self.last[usize::from(place)] = at;
        self.written |= u64::from(kind == Kind::Write as u8) << place;
    }

    /// Begins anew at a position.
    fn restart(&mut self, at: usize) {
        (self.start, self.occurs, self.written, self.count) = (at, 0, 0, 0);
    }
}

impl Columns {
    /// The number of bursts.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// True without bursts.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// References of a burst, on the average.
    pub fn mean_length(&self) -> u64 {
        let refs = self.starts.last().copied().unwrap_or(0);
        refs / self.len().max(1) as u64
    }

    /// Whether a replay by bursts is likely to be faster than one by references.
    pub fn worth_while(&self) -> bool {
        self.mean_length() >= (WORTH_WHILE * self.k) as u64
    }

    /// Ends the open burst before the reference at `at`; `page` tells the page of a place.
    fn close(&mut self, open: &mut Open, at: usize, page: impl Fn(u8) -> PageId) {
        let places = &open.places[..open.count];
        if !places.is_empty() {
            self.starts.push(open.start as u64);
            self.offsets.push(self.pages.len());
        }
        let mut order = [0u32; K_MAX];
        for (index, &place) in places.iter().enumerate() {
            let written = open.written >> place & 1 != 0;
            let offset = |position: usize| (position - open.start) as u16;
            let last = offset(open.last[usize::from(place)]);
            self.pages.push(pack(page(place), written));
            self.first.push(offset(open.first[usize::from(place)]));
            self.last.push(last);
            order[index] = u32::from(last) << 8 | index as u32;
        }
        self.places.extend_from_slice(places);
        let order = &mut order[..open.count];
        order.sort_unstable();
        self.by_last.extend(order.iter().map(|&key| key as u8));
        open.restart(at);
    }

    fn finish(&mut self, end: usize) {
        self.starts.push(end as u64);
        self.offsets.push(self.pages.len());
    }

    fn of_size(k: usize) -> Columns {
        Columns {
            k,
            ..Columns::default()
        }
    }

    /// One after the other.
    fn join(k: usize, end: usize, parts: Vec<Columns>) -> Columns {
        let mut all = Columns::of_size(k);
        for part in parts {
            let lists = part.offsets.iter().map(|offset| offset + all.pages.len());
            all.offsets.extend(lists);
            all.starts.extend_from_slice(&part.starts);
            all.pages.extend_from_slice(&part.pages);
            all.first.extend_from_slice(&part.first);
            all.last.extend_from_slice(&part.last);
            all.places.extend_from_slice(&part.places);
            all.by_last.extend_from_slice(&part.by_last);
        }
        all.finish(end);
        all
    }

    /// Bursts `range` of these cut into smaller ones, each at the latest before the reference that
    /// would be of its `k + 1`st page.
    fn split(&self, k: usize, range: Range<usize>, raw: &[u8]) -> Columns {
        let mut columns = Columns::of_size(k);
        let mut open = Open::at(0);
        for burst in range {
            let list = &self.pages[self.offsets[burst]..];
            let page = |place: u8| page_of(list[usize::from(place)]);
            let (start, end) = (self.starts[burst] as usize, self.starts[burst + 1] as usize);
            open.restart(start);
            for (at, &byte) in (start..).zip(&raw[start..end]) {
                let place = byte >> 2;
                if !open.has(place) {
                    if open.count == k {
                        columns.close(&mut open, at, page);
                    }
                    open.list(place, at);
                }
                open.note(place, at, byte & 3);
            }
            columns.close(&mut open, end, page);
        }
        columns
    }
}

/// References that one thread encodes at a time. No burst goes beyond.
const BLOCK: usize = 1 << 20;

impl Bursts {
    /// Encodes references. A burst ends before each position of `cuts`, which ascend, and where the
    /// process changes.
    pub fn new(
        refs: &[Ref],
        kinds: &[KindCode],
        dictionary: &Dictionary,
        cuts: impl Iterator<Item = u64>,
    ) -> Bursts {
        let cuts: Vec<u64> = cuts.collect();
        let mut raw = vec![0; refs.len()];
        let blocks = raw.par_chunks_mut(BLOCK).enumerate();
        let parts: Vec<Columns> = blocks
            .map_init(
                || Encoder::new(dictionary),
                |encoder, (block, raw)| {
                    let from = block * BLOCK;
                    let range = from..from + raw.len();
                    let cuts = &cuts[cuts.partition_point(|&cut| cut < from as u64)..];
                    encoder.block(from, &refs[range.clone()], &kinds[range], cuts, raw)
                },
            )
            .collect();
        Bursts {
            largest: Columns::join(K_MAX, refs.len(), parts),
            raw,
            smaller: std::array::from_fn(|_| OnceLock::new()),
        }
    }

    /// The same, or `None` if by a part of the references their locality is so poor that replays
    /// are faster without.
    pub fn if_local<C: Iterator<Item = u64>>(
        refs: &[Ref],
        kinds: &[KindCode],
        dictionary: &Dictionary,
        cuts: impl Fn() -> C,
    ) -> Option<Bursts> {
        let encode = |range: Range<usize>| {
            Bursts::new(&refs[range.clone()], &kinds[range], dictionary, cuts())
        };
        let probes = [0, refs.len() / 2].map(|from| from..(from + PROBE).min(refs.len()));
        probes
            .into_iter()
            .any(|probe| encode(probe).of(K_MAX).columns.worth_while())
            .then(|| encode(0..refs.len()))
    }

    /// The bursts of at most `k` pages, made when they are first asked for.
    ///
    /// # Panics
    /// If `k` is not from 1 to [`K_MAX`].
    pub fn of(&self, k: usize) -> View<'_> {
        let columns = match k {
            K_MAX => &self.largest,
            _ => self.smaller[k].get_or_init(|| self.split(k)),
        };
        View {
            raw: &self.raw,
            columns,
        }
    }

    fn split(&self, k: usize) -> Columns {
        assert!((1..K_MAX).contains(&k), "bursts of {k} pages");
        let all: Vec<usize> = (0..self.largest.len()).collect();
        // Many bursts each, so that joining costs little.
        let parts = all.par_chunks(256);
        let parts = parts.map(|part| {
            self.largest
                .split(k, part[0]..part[0] + part.len(), &self.raw)
        });
        Columns::join(k, self.raw.len(), parts.collect())
    }
}

/// Encodes blocks of references, one after the other.
struct Encoder<'d> {
    dictionary: &'d Dictionary,
    /// For each page the burst that had it last, times 64, and its place there. Bursts count from 1.
    marks: Vec<u64>,
    burst: u64,
    /// The page of each place of the open burst.
    pages: [PageId; K_MAX],
}

impl Encoder<'_> {
    fn new(dictionary: &Dictionary) -> Encoder<'_> {
        Encoder {
            dictionary,
            marks: vec![0; dictionary.pages.len()],
            burst: 0,
            pages: [0; K_MAX],
        }
    }

    /// The bursts of at most [`K_MAX`] pages of references from position `from` on; `raw` is filled.
    fn block(
        &mut self,
        from: usize,
        refs: &[Ref],
        kinds: &[KindCode],
        cuts: &[u64],
        raw: &mut [u8],
    ) -> Columns {
        let mut columns = Columns::of_size(K_MAX);
        let mut open = Open::at(from);
        let mut at = from;
        while at < from + refs.len() {
            let end = self.end_of_run(from, at, refs, cuts);
            self.burst += 1;
            let run = at - from..end - from;
            let references = refs[run.clone()].iter().zip(&kinds[run.clone()]);
            for (((&reference, &kind), byte), at) in references.zip(&mut raw[run]).zip(at..) {
                let page = page_of(reference);
                let mut mark = self.marks[page as usize];
                if mark >> 6 != self.burst {
                    if open.count == K_MAX {
                        columns.close(&mut open, at, |place| self.pages[usize::from(place)]);
                        self.burst += 1;
                    }
                    mark = self.burst << 6 | open.count as u64;
                    self.marks[page as usize] = mark;
                    self.pages[open.count] = page;
                    open.list(open.count as u8, at);
                }
                let place = (mark & 63) as u8;
                let kind = kind & KIND_MASK;
                *byte = place << 2 | kind;
                open.note(place, at, kind);
            }
            at = end;
            columns.close(&mut open, at, |place| self.pages[usize::from(place)]);
        }
        columns
    }

    /// Where the stretch ends that begins at a position and has neither a cut nor another process in
    /// it, nor more references than a burst can have.
    fn end_of_run(&self, from: usize, at: usize, refs: &[Ref], cuts: &[u64]) -> usize {
        let mut end = (from + refs.len()).min(at + LENGTH_MAX);
        let next = cuts.partition_point(|&cut| cut <= at as u64);
        if let Some(&cut) = cuts.get(next) {
            end = end.min(usize::try_from(cut).unwrap_or(usize::MAX));
        }
        if self.dictionary.pids.len() > 1 {
            let process =
                |reference: Ref| self.dictionary.pages[page_of(reference) as usize].process;
            let run = &refs[at - from..end - from];
            let first = process(run[0]);
            let same = run
                .iter()
                .position(|&reference| process(reference) != first);
            end = at + same.unwrap_or(run.len());
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::dense::PageKey;

    const TEST_SIZES: [usize; 6] = [1, 2, 5, 16, 32, 64];

    fn dictionary(pages: u32, processes: u32) -> Dictionary {
        let key = |number: u32| PageKey {
            process: number % processes,
            number: u64::from(number),
        };
        Dictionary {
            pids: (0..processes).collect(),
            pages: (0..pages).map(key).collect(),
        }
    }

    /// What the columns say of each burst is what the references say, reference by reference.
    #[test]
    fn columns_say_what_references_say() {
        let mut state = 3u64;
        let mut next = |below: u32| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as u32 % below
        };
        for round in 0..60 {
            let (pages, processes) = (1 + next(120), 1 + next(3));
            let hot = 1 + next(pages);
            let length = next(3000) as usize;
            let refs: Vec<Ref> = (0..length)
                .map(|_| {
                    let page = if next(50) > 0 { next(hot) } else { next(pages) };
                    pack(page, next(3) == 0)
                })
                .collect();
            let kinds: Vec<KindCode> = refs
                .iter()
                .map(|&r| if r & 1 == 1 { 2 } else { next(2) as u8 })
                .collect();
            let mut cuts: Vec<u64> = (0..next(6)).map(|_| u64::from(next(3000))).collect();
            cuts.sort_unstable();
            let dictionary = dictionary(pages, processes);
            let process = |r: Ref| dictionary.pages[page_of(r) as usize].process;
            let bursts = Bursts::new(&refs, &kinds, &dictionary, cuts.iter().copied());
            for k in TEST_SIZES {
                let columns = bursts.of(k).columns;
                assert_eq!(columns.starts[columns.len()], length as u64);
                assert_eq!(columns.starts[0], 0);
                for burst in 0..columns.len() {
                    let [from, to] = [0, 1].map(|i| columns.starts[burst + i] as usize);
                    let list = columns.offsets[burst]..columns.offsets[burst + 1];
                    assert!(from < to && to - from <= LENGTH_MAX && list.len() <= k);
                    assert!(!cuts.iter().any(|&c| from < c as usize && (c as usize) < to));
                    let mut expected: Vec<(u32, bool, usize, usize)> = Vec::new();
                    for (at, &r) in refs[from..to].iter().enumerate() {
                        assert_eq!(process(r), process(refs[from]), "round {round}");
                        match expected.iter_mut().find(|e| e.0 == page_of(r)) {
                            Some(e) => (e.1, e.3) = (e.1 | (r & 1 == 1), at),
                            None => expected.push((page_of(r), r & 1 == 1, at, at)),
                        }
                    }
                    let got: Vec<_> = list
                        .clone()
                        .map(|i| {
                            let page = columns.pages[i];
                            let (first, last) = (columns.first[i], columns.last[i]);
                            (page_of(page), page & 1 == 1, first.into(), last.into())
                        })
                        .collect();
                    assert_eq!(got, expected);
                    for (at, &byte) in (from..to).zip(&bursts.raw[from..to]) {
                        let entry = list
                            .clone()
                            .find(|&i| columns.places[i] == byte >> 2)
                            .unwrap();
                        assert_eq!(page_of(columns.pages[entry]), page_of(refs[at]));
                        assert_eq!(byte & 3, kinds[at]);
                    }
                    let order = &columns.by_last[list.clone()];
                    let lasts: Vec<u16> = order
                        .iter()
                        .map(|&i| columns.last[list.start + usize::from(i)])
                        .collect();
                    assert!(lasts.is_sorted_by(|a, b| a < b));
                    // Greedy: it ends for a reason.
                    let full = expected.len() == k;
                    let cut = cuts.contains(&(to as u64)) || to == length;
                    let long = to - from == LENGTH_MAX;
                    let switch = to < length && process(refs[to]) != process(refs[from]);
                    let parent = bursts.of(K_MAX).columns.starts.contains(&(to as u64));
                    assert!(full || cut || long || switch || parent);
                }
            }
        }
    }
}
