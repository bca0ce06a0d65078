//! A trace as bursts, in memory: stretches of references that touch at most K distinct pages, each
//! with the list of its pages, so that a replay need not look at references between which nothing
//! can happen. Each reference takes a byte, each listed page ten.
//!
//! Bursts of 64 pages come from the encoder (`encode`) or from a file; smaller ones, and ones that
//! end where something else happens, are cut from them and share their bytes. Knows nothing of what
//! is replayed, and of files.

mod columns;
pub mod encode;
mod mark;
pub mod reuse_distances;

pub use columns::Columns;
pub use mark::Mark;

use super::model::refs::{CONTINUES, Dictionary, KIND_MASK, KindCode, Ref, References};
use crate::simd::SimdLevel;
use crate::simd::scan::{Wanted, scan};
use crate::units::PageId;
use columns::Listing;
use encode::{BurstEncoder, decode_burst};
use rayon::prelude::*;
use reuse_distances::Within;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Upper limit of the distinct pages of a burst of any size.
pub const K_MAX: usize = encode::K;
/// Sizes of bursts that replays choose from, in ascending order.
pub const SIZES: [usize; 3] = [16, 32, K_MAX];
/// Bursts pay off at a mean length of `WORTH_WHILE` × K references or more. At 1 × K every reference
/// is of another page; programs reach 5 × K and more.
const WORTH_WHILE: usize = 3;
/// References that one probe encodes before deciding whether bursts pay off.
const PROBE: usize = 1 << 18;

pub use encode::LENGTH_MAX;

/// Returns whether a replay by `bursts` bursts of [`K_MAX`] pages is likely to be faster than one by
/// `refs` single references.
pub fn worth_while(bursts: u64, refs: u64) -> bool {
    refs >= bursts.saturating_mul((WORTH_WHILE * K_MAX) as u64)
}

/// All bursts of a trace.
#[derive(Debug)]
pub struct Bursts {
    /// Position of the first reference: 0, except for a block of a trace that stays in its file.
    base: u64,
    /// One byte per reference: the place of its page in its burst of 64 pages times four, plus its
    /// kind (ifetch 0, read 1, write 2).
    raw: Arc<Vec<u8>>,
    /// Positions of references that continue the access before them.
    continues: Arc<Vec<u64>>,
    largest: Arc<Columns>,
    /// Columns of each size below [`K_MAX`], computed at first use.
    smaller: Box<[OnceLock<Columns>; K_MAX]>,
    within: Arc<OnceLock<Within>>,
}

/// No columns of any smaller size.
fn none_smaller() -> Box<[OnceLock<Columns>; K_MAX]> {
    Box::new([const { OnceLock::new() }; K_MAX])
}

/// The bursts of one size and the bytes of the references.
#[derive(Debug, Clone, Copy)]
pub struct BurstsView<'t> {
    /// Position of the first reference.
    pub base: u64,
    /// One byte per reference: the place of its page in its burst times four (see
    /// [`Columns::places`]), plus its kind (ifetch 0, read 1, write 2).
    pub raw: &'t [u8],
    /// The bursts.
    pub columns: &'t Columns,
}

impl<'t> BurstsView<'t> {
    /// Returns the bytes of the references at the positions `range`.
    #[inline]
    pub fn raw(&self, range: Range<usize>) -> &'t [u8] {
        let base = self.base as usize;
        &self.raw[range.start - base..range.end - base]
    }

    /// Returns the byte of the reference at `position`.
    #[inline]
    pub fn byte(&self, position: usize) -> u8 {
        self.raw[position - self.base as usize]
    }

    /// Decodes the references at the positions `range` into `refs` and `kinds`, both of its length.
    /// Sets the kinds only, never [`CONTINUES`]: [`Bursts::decode`] adds it.
    pub fn decode(&self, range: Range<usize>, refs: &mut [Ref], kinds: &mut [KindCode]) {
        let columns = self.columns;
        let (mut at, mut burst) = (range.start, columns.burst_at(range.start));
        while at < range.end {
            let end = range.end.min(columns.starts[burst + 1] as usize);
            let into = at - range.start..end - range.start;
            let (refs, kinds) = (&mut refs[into.clone()], &mut kinds[into]);
            let table = columns.table(burst);
            let decoded = decode_burst(self.raw(at..end), &table, &mut 0, refs, kinds);
            assert!(decoded, "every place has a page");
            (at, burst) = (end, burst + 1);
        }
    }

    /// Returns the page of the reference at `position`.
    pub fn page(&self, position: usize) -> PageId {
        let table = self.columns.table(self.columns.burst_at(position));
        table[usize::from(self.byte(position) >> 2)]
    }

    /// Returns the position after the last reference.
    pub fn end(&self) -> u64 {
        self.base + self.raw.len() as u64
    }
}

/// The rules by which bursts end.
struct Cuts<'a> {
    /// Upper limit of the pages of a burst.
    k: usize,
    /// A burst also ends before each of these positions, which ascend.
    before: &'a [u64],
    /// If present, a burst also ends where the process changes.
    dictionary: Option<&'a Dictionary>,
}

impl Cuts<'_> {
    /// Cuts the bursts `bursts` of `view`, which are not empty.
    fn cut(&self, view: BurstsView<'_>, bursts: Range<usize>) -> Columns {
        let columns = view.columns;
        let mut parts = Columns::of_size(self.k);
        let mut listing = Listing::new(SimdLevel::best());
        for burst in bursts.clone() {
            let table = columns.table(burst);
            let (mut at, end) = (
                columns.starts[burst] as usize,
                columns.starts[burst + 1] as usize,
            );
            while at < end {
                let raw = view.raw(at..end);
                let run = self.end_of_run(at, &table, raw);
                let length = listing.list(&raw[..run], self.k);
                parts.push(at, &listing, |place| table[usize::from(place)]);
                at += length;
            }
        }
        parts.finish(columns.starts[bursts.end]);
        parts
    }

    /// Returns the length of the prefix of `raw` (first reference at position `start`) that reaches
    /// neither the next cut nor another process. `table` has the page of each place.
    fn end_of_run(&self, start: usize, table: &[PageId; K_MAX], raw: &[u8]) -> usize {
        let mut end = raw.len();
        let next = self.before.partition_point(|&cut| cut <= start as u64);
        if let Some(&cut) = self.before.get(next) {
            end = end.min(usize::try_from(cut).unwrap_or(usize::MAX) - start);
        }
        let Some(dictionary) = self.dictionary else {
            return end;
        };
        let process = |place: usize| Some(dictionary.pages.get(table[place] as usize)?.process);
        let own = process(usize::from(raw[0] >> 2));
        let others = (0..K_MAX).filter(|&place| process(place) != own);
        let others = Wanted {
            any: others.fold(0, |others, place| others | 1 << place),
            writes: 0,
        };
        let other = scan(SimdLevel::best())(&raw[..end], 0, &others);
        other.unwrap_or(end)
    }
}

/// References that one thread encodes at a time. No burst crosses the end of a block.
const BLOCK: usize = 1 << 20;

/// The bursts of one block of references, to be joined with those of the other blocks.
pub(super) struct Block {
    pub(super) columns: Columns,
    pub(super) continues: Vec<u64>,
}

impl Block {
    /// Decodes a block whose first reference has position `start`. `raw` is its raw column, in which
    /// continuations get their kind. Page ids must be below `distinct`.
    ///
    /// # Errors
    /// Errors if the block breaks a rule of the format; the message names the rule. Any bytes may be
    /// passed.
    pub(super) fn decode(
        start: u64,
        encoded: &encode::EncodedBlock,
        distinct: usize,
        raw: &mut [u8],
    ) -> Result<Block, &'static str> {
        let continues = encode::resolve_continuations(raw)?;
        let continues = continues.into_iter().map(|at| start + at as u64);
        let columns = columns_of(start as usize, encoded, distinct, raw)?;
        match columns.lists_are_sets() {
            true => Ok(Block {
                continues: continues.collect(),
                columns,
            }),
            false => Err("a burst lists a page twice"),
        }
    }
}

/// Returns the columns of the block `encoded`, whose first reference has position `start`. `raw` is
/// its raw column with the kinds of continuations.
fn columns_of(
    start: usize,
    encoded: &encode::EncodedBlock,
    distinct: usize,
    raw: &[u8],
) -> Result<Columns, &'static str> {
    if encoded.refs() != raw.len() {
        return Err("burst lengths do not add up");
    }
    let mut columns = Columns::of_size(K_MAX);
    let mut listing = Listing::new(SimdLevel::best());
    encoded.each_burst(distinct, |at, length, pages| {
        listing.list(&raw[at..at + length], K_MAX);
        // Places count up in order of first reference: all of them occur, and no other.
        let expected = (0..pages.len()).map(|place| place as u8);
        if !listing.places[..listing.count].iter().copied().eq(expected) {
            return Err("a reference names no page of its burst");
        }
        columns.push(start + at, &listing, |place| pages[usize::from(place)]);
        Ok(())
    })?;
    columns.finish((start + raw.len()) as u64);
    Ok(columns)
}

impl Bursts {
    /// Encodes references, as if all were of one process; see [`Bursts::cut`]. `refs` and `kinds` have
    /// the same length.
    pub fn encode(refs: &[Ref], kinds: &[KindCode]) -> Bursts {
        let mut raw = vec![0; refs.len()];
        let blocks = raw.par_chunks_mut(BLOCK).enumerate();
        let parts = blocks.map_init(Default::default, |(encoder, out), (block, raw)| {
            let from = block * BLOCK;
            let range = from..from + raw.len();
            encode_block(from, &refs[range.clone()], &kinds[range], raw, encoder, out)
        });
        let parts: Vec<Block> = parts.collect();
        Bursts::join(0, refs.len() as u64, raw, parts)
    }

    /// Encodes references if bursts pay off. Decides by two probes of `PROBE` references, at the
    /// start and from the middle; one good probe is enough.
    pub fn if_local(refs: &[Ref], kinds: &[KindCode]) -> Option<Bursts> {
        let encode = |range: Range<usize>| Bursts::encode(&refs[range.clone()], &kinds[range]);
        let probes = [0, refs.len() / 2].map(|from| from..(from + PROBE).min(refs.len()));
        let local = probes.into_iter().any(|probe| {
            let refs = probe.len() as u64;
            worth_while(encode(probe).largest.len() as u64, refs)
        });
        local.then(|| encode(0..refs.len()))
    }

    /// Joins blocks that follow each other. The first begins at position `base`, the last ends at
    /// `end`. `raw` has the bytes of all of them.
    pub(super) fn join(base: u64, end: u64, raw: Vec<u8>, blocks: Vec<Block>) -> Bursts {
        let mut continues = Vec::new();
        let mut parts = Vec::with_capacity(blocks.len());
        for block in blocks {
            continues.extend(block.continues);
            parts.push(block.columns);
        }
        Bursts {
            base,
            largest: Arc::new(Columns::join(K_MAX, end, parts)),
            raw: Arc::new(raw),
            continues: Arc::new(continues),
            smaller: none_smaller(),
            within: Arc::default(),
        }
    }

    /// Returns the same references in bursts that also end before each position of `cuts`, which
    /// ascend, and where the process changes.
    pub fn cut(&self, dictionary: &Dictionary, cuts: impl Iterator<Item = u64>) -> Bursts {
        let cuts: Vec<u64> = cuts.collect();
        let several = dictionary.pids.len() > 1;
        let (largest, within) = match cuts.is_empty() && !several {
            true => (self.largest.clone(), self.within.clone()),
            false => {
                let largest = self.parts(&Cuts {
                    k: K_MAX,
                    before: &cuts,
                    dictionary: several.then_some(dictionary),
                });
                (Arc::new(largest), Arc::default())
            }
        };
        Bursts {
            base: self.base,
            raw: self.raw.clone(),
            continues: self.continues.clone(),
            largest,
            smaller: none_smaller(),
            within,
        }
    }

    /// Returns the bursts of at most `k` pages. Computes them at first use.
    ///
    /// # Panics
    /// Panics if `k` is not from 1 to [`K_MAX`].
    pub fn of(&self, k: usize) -> BurstsView<'_> {
        assert!((1..=K_MAX).contains(&k), "bursts of {k} pages");
        let smaller = || {
            self.parts(&Cuts {
                k,
                before: &[],
                dictionary: None,
            })
        };
        let columns = match k {
            K_MAX => &self.largest,
            _ => self.smaller[k].get_or_init(smaller),
        };
        BurstsView {
            base: self.base,
            raw: &self.raw,
            columns,
        }
    }

    /// Returns the distances within the bursts of [`K_MAX`] pages. Computes them at first use.
    pub fn within(&self) -> &Within {
        self.within.get_or_init(|| {
            let view = self.of(K_MAX);
            let parts = self.pieces().map(|bursts| Within::of(view, bursts));
            let parts: Vec<Within> = parts.collect();
            let mut all = Within::default();
            parts.into_iter().for_each(|part| all.append(part));
            all
        })
    }

    /// Returns ranges of bursts to work on in parallel. Each has many bursts, so that joining costs
    /// little.
    fn pieces(&self) -> impl IndexedParallelIterator<Item = Range<usize>> {
        const TOGETHER: usize = 256;
        let bursts = self.largest.len();
        let pieces = (0..bursts.div_ceil(TOGETHER)).into_par_iter();
        pieces.map(move |piece| piece * TOGETHER..bursts.min((piece + 1) * TOGETHER))
    }

    fn parts(&self, cuts: &Cuts<'_>) -> Columns {
        let view = self.of(K_MAX);
        let parts = self.pieces().map(|bursts| cuts.cut(view, bursts));
        Columns::join(cuts.k, view.end(), parts.collect())
    }

    /// Returns the number of references.
    pub fn len(&self) -> usize {
        (self.largest.starts.last().map_or(0, |end| end - self.base)) as usize
    }

    /// Returns true if there is no reference.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Decodes all references.
    pub fn decoded(&self) -> References {
        let (start, length) = (self.base as usize, self.len());
        let mut all = References {
            refs: vec![0; length],
            kinds: vec![0; length],
        };
        self.decode(start..start + length, &mut all.refs, &mut all.kinds);
        all
    }

    /// Decodes the references at the positions `range` into `refs` and `kinds`, both of its length.
    pub fn decode(&self, range: Range<usize>, refs: &mut [Ref], kinds: &mut [KindCode]) {
        self.of(K_MAX).decode(range.clone(), refs, kinds);
        let continues =
            |position: usize| self.continues.partition_point(|&at| at < position as u64);
        for &position in &self.continues[continues(range.start)..continues(range.end)] {
            kinds[position as usize - range.start] |= CONTINUES;
        }
    }
}

/// Encodes a block whose first reference has position `start`. Writes its bytes to `raw`; `out` is
/// working memory.
fn encode_block(
    start: usize,
    refs: &[Ref],
    kinds: &[KindCode],
    raw: &mut [u8],
    encoder: &mut BurstEncoder,
    out: &mut encode::EncodedBlock,
) -> Block {
    out.clear();
    encoder.push_all(refs, kinds, out);
    encoder.close(out);
    raw.copy_from_slice(&out.raw);
    // Not taken from the reference before, which may have been left out.
    let mut continues = Vec::new();
    for (at, (byte, kind)) in raw.iter_mut().zip(kinds).enumerate() {
        if kind & CONTINUES != 0 {
            *byte = *byte & !KIND_MASK | (kind & KIND_MASK);
            continues.push((start + at) as u64);
        }
    }
    let columns = columns_of(start, out, usize::MAX, raw);
    Block {
        columns: columns.expect("what was encoded keeps the rules"),
        continues,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::generate::Rng;
    use crate::trace::model::refs::{PageKey, pack, page_of};

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
        let mut rng = Rng::new(3);
        let mut next = |below: u32| rng.below(below.into()) as u32;
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
            let bursts = Bursts::encode(&refs, &kinds).cut(&dictionary, cuts.iter().copied());
            for k in TEST_SIZES {
                let columns = bursts.of(k).columns;
                assert_eq!(columns.starts[columns.len()], length as u64);
                assert_eq!(columns.starts[0], 0);
                for burst in 0..columns.len() {
                    let [from, to] = [0, 1].map(|i| columns.starts[burst + i] as usize);
                    let list = columns.list(burst);
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
