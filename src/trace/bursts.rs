//! A trace as bursts, in memory: stretches of references that touch at most K distinct pages, each
//! with the list of its pages, so that a replay need not look at references between which nothing
//! can happen.
//!
//! Bursts are of one process and end where they are told to (see `cuts`). Knows nothing of what is
//! replayed, and of files (`store::burst` is the stored form).

use super::dense::{Dictionary, KIND_MASK, KindCode, Ref, pack, page_of};
use super::record::Kind;
use crate::units::PageId;

/// The most distinct pages of any burst.
pub const K_MAX: usize = 64;
/// The sizes of bursts that replays choose from, least first.
pub const SIZES: [usize; 3] = [16, 32, K_MAX];
/// The most references of a burst: offsets in it take 16 bits.
pub const LENGTH_MAX: usize = 65_535;
/// References per burst, over K, from which on bursts are faster than single references: at 1
/// every reference is of another page, programs have 5 and more.
const WORTH_WHILE: usize = 3;

/// All bursts of a trace.
#[derive(Debug)]
pub struct Bursts {
    /// One byte per reference: the place of its page in its burst of 64 pages times four, plus its
    /// kind (ifetch 0, read 1, write 2).
    pub raw: Vec<u8>,
    /// By size, the largest last.
    columns: Vec<Columns>,
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

/// The burst that is being built.
struct Open {
    start: usize,
    /// The index in the list of each place, of those that occur.
    index: [u8; K_MAX],
    occurs: u64,
    pages: usize,
}

impl Open {
    fn at(start: usize) -> Open {
        Open {
            start,
            index: [0; K_MAX],
            occurs: 0,
            pages: 0,
        }
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

    /// Takes the reference at `at`, whose page has this place in the bytes of the burst.
    #[inline(always)]
    fn note(&mut self, open: &mut Open, place: u8, page: PageId, at: usize, kind: u8) {
        let offset = (at - open.start) as u16;
        let bit = 1 << place;
        let write = kind == Kind::Write as u8;
        if open.occurs & bit == 0 {
            open.occurs |= bit;
            open.index[usize::from(place)] = open.pages as u8;
            open.pages += 1;
            self.pages.push(pack(page, write));
            self.first.push(offset);
            self.last.push(offset);
            self.places.push(place);
        } else {
            let list = self.pages.len() - open.pages;
            let entry = list + usize::from(open.index[usize::from(place)]);
            self.last[entry] = offset;
            self.pages[entry] |= u32::from(write);
        }
    }

    /// Ends the open burst before the reference at `at`.
    fn close(&mut self, open: &mut Open, at: usize) {
        if open.pages > 0 {
            self.starts.push(open.start as u64);
            let list = self.pages.len() - open.pages;
            self.offsets.push(list);
            let from = self.by_last.len();
            self.by_last.extend(0..open.pages as u8);
            let last = &self.last[list..];
            self.by_last[from..].sort_unstable_by_key(|&index| last[usize::from(index)]);
        }
        *open = Open::at(at);
    }

    fn finish(&mut self, end: usize) {
        self.starts.push(end as u64);
        self.offsets.push(self.pages.len());
    }
}

impl Bursts {
    /// Encodes references, in bursts of each of `sizes`, from 1 to [`K_MAX`], and of [`K_MAX`] pages.
    /// A burst ends before each position of `cuts`, which ascend, and where the process changes.
    pub fn new(
        refs: &[Ref],
        kinds: &[KindCode],
        dictionary: &Dictionary,
        cuts: impl Iterator<Item = u64>,
        sizes: &[usize],
    ) -> Bursts {
        let mut raw = Vec::with_capacity(refs.len());
        let largest = encode(refs, kinds, dictionary, cuts, &mut raw);
        let smaller = sizes.iter().filter(|&&k| k < K_MAX);
        let mut columns: Vec<Columns> = smaller.map(|&k| largest.split(k, &raw)).collect();
        columns.push(largest);
        Bursts { raw, columns }
    }

    /// The bursts of at most `k` pages.
    ///
    /// # Panics
    /// If they were not asked for.
    pub fn of(&self, k: usize) -> View<'_> {
        let columns = self.columns.iter().find(|columns| columns.k == k);
        View {
            raw: &self.raw,
            columns: columns.expect("one of the sizes"),
        }
    }
}

/// The bursts of the largest size, and their bytes.
fn encode(
    refs: &[Ref],
    kinds: &[KindCode],
    dictionary: &Dictionary,
    cuts: impl Iterator<Item = u64>,
    raw: &mut Vec<u8>,
) -> Columns {
    let mut columns = Columns {
        k: K_MAX,
        ..Columns::default()
    };
    let mut cuts = cuts.filter_map(|at| usize::try_from(at).ok()).peekable();
    let several = dictionary.pids.len() > 1;
    // For each page the burst that has it, times 64, and its place there. Bursts count from 1.
    let mut marks = vec![0u64; dictionary.pages.len()];
    let mut burst = 1u64;
    let (mut open, mut process) = (Open::at(0), 0);
    for (at, (&reference, &kind)) in refs.iter().zip(kinds).enumerate() {
        let page = page_of(reference);
        let mark = &mut marks[page as usize];
        let mut ends = at - open.start == LENGTH_MAX;
        while cuts.next_if(|&cut| cut <= at).is_some() {
            ends = true;
        }
        if several {
            let runs = dictionary.pages[page as usize].process;
            ends |= std::mem::replace(&mut process, runs) != runs;
        }
        if ends || (*mark >> 6 != burst && open.pages == K_MAX) {
            columns.close(&mut open, at);
            burst += 1;
        }
        if *mark >> 6 != burst {
            *mark = burst << 6 | open.pages as u64;
        }
        let place = (*mark & 63) as u8;
        let kind = kind & KIND_MASK;
        raw.push(place << 2 | kind);
        columns.note(&mut open, place, page, at, kind);
    }
    columns.close(&mut open, refs.len());
    columns.finish(refs.len());
    columns
}

impl Columns {
    /// The same bursts cut into smaller ones, each at the latest before the reference that would
    /// be its `k + 1`st page.
    fn split(&self, k: usize, raw: &[u8]) -> Columns {
        let mut columns = Columns {
            k,
            ..Columns::default()
        };
        for burst in 0..self.len() {
            let list = &self.pages[self.offsets[burst]..];
            let (start, end) = (self.starts[burst] as usize, self.starts[burst + 1] as usize);
            let mut open = Open::at(start);
            for (at, &byte) in (start..).zip(&raw[start..end]) {
                let place = byte >> 2;
                if open.pages == k && open.occurs & 1 << place == 0 {
                    columns.close(&mut open, at);
                }
                let page = page_of(list[usize::from(place)]);
                columns.note(&mut open, place, page, at, byte & 3);
            }
            columns.close(&mut open, end);
        }
        columns.finish(raw.len());
        columns
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
            let bursts = Bursts::new(
                &refs,
                &kinds,
                &dictionary,
                cuts.iter().copied(),
                &TEST_SIZES,
            );
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
