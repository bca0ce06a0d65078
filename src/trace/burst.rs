//! Bursts: how a block of references is encoded, in memory and in files. A burst is a greedy stretch
//! of references that touch at most [`K`] distinct pages; it lists those pages once, in order of
//! first reference, and each reference then takes one byte: its place in the list and its kind.
//!
//! Knows nothing of files, checksums and compression, nor of what a replay needs besides (see
//! `bursts`).

use crate::simd::burst as simd;
use crate::trace::dense::{CONTINUES, KIND_MASK, KindCode, Ref, pack, page_of};
use crate::trace::record::Kind;
use crate::units::PageId;

/// The most distinct pages of a burst.
pub const K: usize = 64;
/// The most references of a burst: its length takes 16 bits.
pub const LENGTH_MAX: usize = 65_535;
/// In a raw byte, the kind code of a reference that continues the access before it.
const RAW_CONTINUES: u8 = 3;

/// The columns of one block, as bursts.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Bursts {
    /// References of each burst, 1 to [`LENGTH_MAX`].
    pub lengths: Vec<u16>,
    /// Distinct pages of each burst, 1 to [`K`].
    pub counts: Vec<u8>,
    /// The pages of all bursts, one list after the other, in order of first reference.
    pub pages: Vec<PageId>,
    /// One byte per reference: place in the list times four, plus the kind (ifetch 0, read 1,
    /// write 2, continuation 3).
    pub raw: Vec<u8>,
}

impl Bursts {
    /// Forgets the block and keeps the memory.
    pub fn clear(&mut self) {
        self.lengths.clear();
        self.counts.clear();
        self.pages.clear();
        self.raw.clear();
    }
}

/// Encodes references into bursts, one block after the other.
#[derive(Default)]
pub struct Encoder {
    /// For each page, the burst that used it last (times 64) and its place there.
    marks: Vec<u32>,
    /// The number of the burst, 1 to [`BURST_MAX`].
    burst: u32,
    length: usize,
    count: usize,
    /// How long the last burst was that its list of pages ended.
    before: usize,
}

/// The most that a mark can say; behind it numbers begin anew.
const BURST_MAX: u32 = u32::MAX >> 6;

/// References of a burst from which on most groups of sixteen are of pages in its list.
const LONG: usize = 8 * K;

impl Encoder {
    /// Appends references, as many of the one as of the other, to the block `out`: what
    /// [`Encoder::push`] does for each, with the checks that hold for many made once.
    pub fn push_all(&mut self, refs: &[Ref], kinds: &[KindCode], out: &mut Bursts) {
        let most = refs.iter().fold(0, |most, &r| most.max(page_of(r))) as usize;
        if most >= self.marks.len() && !refs.is_empty() {
            self.marks.resize((most + 1).next_power_of_two(), 0);
        }
        let mut raw = std::mem::take(&mut out.raw);
        let start = raw.len();
        raw.resize(start + refs.len(), 0);
        let (mut refs, mut kinds, mut into) = (refs, kinds, &mut raw[start..]);
        while !refs.is_empty() {
            if self.length == 0 {
                self.next_burst();
            }
            let run = refs.len().min(LENGTH_MAX - self.length);
            let taken = self.run(
                &refs[..run],
                &kinds[..run],
                &mut into[..run],
                &mut out.pages,
            );
            self.length += taken;
            (refs, kinds, into) = (&refs[taken..], &kinds[taken..], &mut into[taken..]);
            // Full, or the next page is one too many.
            if taken < run || self.length == LENGTH_MAX {
                self.close(out);
            }
        }
        out.raw = raw;
    }

    /// A number that no mark has.
    fn next_burst(&mut self) {
        if self.burst == BURST_MAX {
            self.marks.fill(0);
            self.burst = 0;
        }
        self.burst += 1;
    }

    /// The references that still belong to the burst: writes their raw bytes, says how many.
    /// Where bursts are long, many at a time as far as that goes.
    fn run(
        &mut self,
        refs: &[Ref],
        kinds: &[KindCode],
        raw: &mut [u8],
        pages: &mut Vec<PageId>,
    ) -> usize {
        if self.before < LONG && self.length < LONG {
            return self.run_each(refs, kinds, raw, pages);
        }
        let mut at = 0;
        while at < refs.len() {
            let (refs, kinds, raw) = (&refs[at..], &kinds[at..], &mut raw[at..]);
            let many = simd::encode(refs, kinds, &self.marks, self.burst, raw);
            let end = refs.len().min(many + 16);
            let (refs, kinds) = (&refs[many..end], &kinds[many..end]);
            let taken = self.run_each(refs, kinds, &mut raw[many..end], pages);
            at += many + taken;
            if taken < refs.len() {
                break;
            }
        }
        at
    }

    /// [`Encoder::run`] one by one.
    fn run_each(
        &mut self,
        refs: &[Ref],
        kinds: &[KindCode],
        raw: &mut [u8],
        pages: &mut Vec<PageId>,
    ) -> usize {
        let marks = &mut self.marks[..];
        let burst = self.burst;
        let mut at = 0;
        for ((&reference, &kind), byte) in refs.iter().zip(kinds).zip(raw) {
            let page = page_of(reference);
            let mark = &mut marks[page as usize];
            if *mark >> 6 != burst {
                if self.count == K {
                    return at;
                }
                *mark = burst << 6 | self.count as u32;
                self.count += 1;
                pages.push(page);
            }
            // The kind, and 3 whatever it is for a continuation.
            let code = (kind & KIND_MASK) | ((kind & CONTINUES) / CONTINUES * RAW_CONTINUES);
            *byte = (*mark as u8) << 2 | code;
            at += 1;
        }
        at
    }

    /// Appends a reference to the block `out`.
    #[inline]
    pub fn push(&mut self, reference: Ref, kind: KindCode, out: &mut Bursts) {
        let page = page_of(reference) as usize;
        if page >= self.marks.len() {
            self.marks.resize((page + 1).next_power_of_two(), 0);
        }
        let known = self.length > 0 && self.marks[page] >> 6 == self.burst;
        if (!known && self.count == K) || self.length == LENGTH_MAX || self.length == 0 {
            self.close(out);
            self.next_burst();
        }
        let slot = if self.length > 0 && self.marks[page] >> 6 == self.burst {
            self.marks[page] as u8 & 63
        } else {
            let slot = self.count as u8;
            self.marks[page] = self.burst << 6 | u32::from(slot);
            self.count += 1;
            out.pages.push(page as PageId);
            slot
        };
        self.length += 1;
        let code = if kind & CONTINUES != 0 {
            RAW_CONTINUES
        } else {
            kind & KIND_MASK
        };
        out.raw.push(slot << 2 | code);
    }

    /// Ends the burst that is open, as at the end of a block.
    pub fn close(&mut self, out: &mut Bursts) {
        if self.length > 0 {
            self.before = self.length;
            out.lengths.push(self.length as u16);
            out.counts.push(self.count as u8);
        }
        self.length = 0;
        self.count = 0;
    }
}

/// The columns of one block, as they are read.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// See [`Bursts::lengths`].
    pub lengths: &'a [u16],
    /// See [`Bursts::counts`].
    pub counts: &'a [u8],
    /// See [`Bursts::pages`].
    pub pages: &'a [PageId],
    /// See [`Bursts::raw`].
    pub raw: &'a [u8],
}

impl Bursts {
    /// The columns.
    pub fn view(&self) -> View<'_> {
        View {
            lengths: &self.lengths,
            counts: &self.counts,
            pages: &self.pages,
            raw: &self.raw,
        }
    }
}

/// Unpacks a block, appending its references. `distinct` bounds the page ids. Errors say which
/// rule of the format the block breaks; nothing is assumed of it.
pub fn decode(
    bursts: &Bursts,
    distinct: usize,
    refs: &mut Vec<Ref>,
    kinds: &mut Vec<KindCode>,
) -> Result<(), &'static str> {
    let (start, total) = (refs.len(), bursts.raw.len());
    refs.resize(start + total, 0);
    kinds.resize(start + total, 0);
    decode_into(
        bursts.view(),
        distinct,
        &mut refs[start..],
        &mut kinds[start..],
    )
}

/// Unpacks a block into slices as long as its raw column. See [`decode`].
pub fn decode_into(
    bursts: View<'_>,
    distinct: usize,
    refs: &mut [Ref],
    kinds: &mut [KindCode],
) -> Result<(), &'static str> {
    let total: usize = bursts.lengths.iter().map(|&n| usize::from(n)).sum();
    if bursts.lengths.len() != bursts.counts.len()
        || [bursts.raw.len(), refs.len(), kinds.len()] != [total; 3]
    {
        return Err("burst lengths do not add up");
    }
    let (mut raw, mut pages) = (bursts.raw, bursts.pages);
    let (mut refs, mut kinds) = (refs, kinds);
    let mut last_kind = RAW_CONTINUES;
    for (&length, &count) in bursts.lengths.iter().zip(bursts.counts) {
        let (length, count) = (usize::from(length), usize::from(count));
        if count > K || count > pages.len() || length == 0 {
            return Err("a burst has no references or too many pages");
        }
        // Unused places name a page that cannot be, so that one test per burst suffices.
        let mut table = [u32::MAX; K];
        table[..count].copy_from_slice(&pages[..count]);
        if table[..count].iter().any(|&page| page as usize >= distinct) {
            return Err("a page id is not in the dictionary");
        }
        let (burst_refs, rest_refs) = refs.split_at_mut(length);
        let (burst_kinds, rest_kinds) = kinds.split_at_mut(length);
        if !decode_burst(
            &raw[..length],
            &table,
            &mut last_kind,
            burst_refs,
            burst_kinds,
        ) {
            return Err("a reference names no page of its burst");
        }
        (refs, kinds) = (rest_refs, rest_kinds);
        raw = &raw[length..];
        pages = &pages[count..];
    }
    if pages.is_empty() {
        Ok(())
    } else {
        Err("page lists do not add up")
    }
}

/// Unpacks references of one burst: `pages` has the page of each place, `u32::MAX` where there is
/// none; `last_kind` is the kind of the reference before them. False if one names no page, or
/// continues nothing.
pub fn decode_burst(
    raw: &[u8],
    pages: &[PageId; K],
    last_kind: &mut KindCode,
    refs: &mut [Ref],
    kinds: &mut [KindCode],
) -> bool {
    let mut foreign = false;
    let mut at = 0;
    while at < raw.len() {
        let (rest_refs, rest_kinds) = (&mut refs[at..], &mut kinds[at..]);
        let many = simd::decode(&raw[at..], pages, rest_refs, rest_kinds);
        if many > 0 {
            *last_kind = rest_kinds[many - 1];
        }
        // One by one what ended the many, or what is left.
        at += many;
        let each = at..(at + 16).min(raw.len());
        at = each.end;
        let places = refs[each.clone()].iter_mut().zip(&mut kinds[each.clone()]);
        for (&byte, (reference, kind_code)) in raw[each].iter().zip(places) {
            let code = byte & 3;
            let continues = code == RAW_CONTINUES;
            let kind = if continues { *last_kind } else { code };
            *last_kind = kind;
            let page = pages[usize::from(byte >> 2)];
            foreign |= page == u32::MAX || kind == RAW_CONTINUES;
            *reference = pack(page & (u32::MAX >> 1), kind == Kind::Write as u8);
            *kind_code = kind | if continues { CONTINUES } else { 0 };
        }
    }
    !foreign
}

/// Gives each reference of a raw column that continues an access the kind of the one before it;
/// says which do. An error if the first one does.
pub fn resolve_continuations(raw: &mut [u8]) -> Result<Vec<usize>, &'static str> {
    const TOGETHER: usize = 64;
    let continues = |byte: u8| byte & KIND_MASK == RAW_CONTINUES;
    let mut found = Vec::new();
    let mut at = 0;
    while at < raw.len() {
        let end = raw.len().min(at + TOGETHER);
        // Nearly always there is none: a test for many that the compiler makes vectors of.
        if raw[at..end]
            .iter()
            .fold(false, |any, &byte| any | continues(byte))
        {
            for position in at..end {
                if continues(raw[position]) {
                    let before = position.checked_sub(1).map(|before| raw[before]);
                    let kind = before.ok_or("the first reference continues nothing")? & KIND_MASK;
                    raw[position] = raw[position] & !KIND_MASK | kind;
                    found.push(position);
                }
            }
        }
        at = end;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(refs: &[(Ref, KindCode)]) -> Bursts {
        let (mut encoder, mut out) = (Encoder::default(), Bursts::default());
        for &(r, k) in refs {
            encoder.push(r, k, &mut out);
        }
        encoder.close(&mut out);
        out
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(pages in 1u32..200, seed: u64, n in 1usize..3000) {
            let mut state = seed | 1;
            let mut last = 0u8;
            let refs: Vec<(Ref, KindCode)> = (0..n).map(|i| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let x = (state >> 33) as u32;
                let continues = i > 0 && x.is_multiple_of(11);
                let kind = if continues { last } else { (x % 3) as u8 };
                last = kind;
                let code = kind | if continues { CONTINUES } else { 0 };
                (pack((x >> 4) % pages, kind == 2), code)
            }).collect();
            let bursts = encode(&refs);
            let (refs_only, kinds_only): (Vec<Ref>, Vec<KindCode>) = refs.iter().copied().unzip();
            let (mut encoder, mut many) = (Encoder::default(), Bursts::default());
            let middle = n / 3;
            encoder.push_all(&refs_only[..middle], &kinds_only[..middle], &mut many);
            encoder.push_all(&refs_only[middle..], &kinds_only[middle..], &mut many);
            encoder.close(&mut many);
            prop_assert_eq!(&many, &bursts);
            prop_assert!(bursts.counts.iter().all(|&c| usize::from(c) <= K));
            let (mut back, mut kinds) = (Vec::new(), Vec::new());
            decode(&bursts, pages as usize, &mut back, &mut kinds).unwrap();
            let back: Vec<(Ref, KindCode)> = back.into_iter().zip(kinds).collect();
            prop_assert_eq!(back, refs);
        }
    }

    /// References with long bursts, as programs have them.
    fn local(n: usize, other: u32) -> Vec<(Ref, KindCode)> {
        let mut state = 3u64;
        let mut kind = 0;
        let one = |i: usize| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let x = (state >> 33) as u32;
            let continues = i > 0 && x % 101 == 1;
            kind = if continues { kind } else { (x % 3) as u8 };
            let code = kind | if continues { CONTINUES } else { 0 };
            let page = match x / 3 % other {
                0 => x >> 10 & 1023,
                _ => (i / 5000) as u32 * 7 + (x >> 10) % 9,
            };
            (pack(page, kind == 2), code)
        };
        (0..n).map(one).collect()
    }

    #[test]
    fn many_at_a_time_are_what_each_is() {
        for (n, other) in [(300_000, 20), (300_000, 300), (200_000, 30_000)] {
            let refs = local(n, other);
            let bursts = encode(&refs);
            let (refs_only, kinds_only): (Vec<Ref>, Vec<KindCode>) = refs.iter().copied().unzip();
            for piece in [17, 1000, n] {
                // As if so many bursts had gone before: numbers begin anew.
                let (mut encoder, mut many) = (Encoder::default(), Bursts::default());
                encoder.burst = BURST_MAX - 2;
                let kinds = kinds_only.chunks(piece);
                for (refs, kinds) in refs_only.chunks(piece).zip(kinds) {
                    encoder.push_all(refs, kinds, &mut many);
                }
                encoder.close(&mut many);
                assert!(many == bursts);
            }
            let (mut back, mut kinds) = (Vec::new(), Vec::new());
            decode(&bursts, usize::MAX, &mut back, &mut kinds).unwrap();
            assert!(back == refs_only && kinds == kinds_only);
            // A place beyond the list is found wherever it stands.
            let mut bad = bursts.clone();
            let first = usize::from(bad.lengths[0]);
            let count = bad.counts[0];
            for at in [0, 5, first / 2, first - 1] {
                let good = bad.raw[at];
                bad.raw[at] = count << 2 | good & 3;
                let result = decode(&bad, usize::MAX, &mut Vec::new(), &mut Vec::new());
                assert!(result.is_err() || count == 64);
                bad.raw[at] = good;
            }
        }
    }

    #[test]
    fn a_burst_is_as_long_as_its_rule_allows() {
        let refs: Vec<(Ref, KindCode)> = (0..65u32).map(|p| (pack(p, false), 1)).collect();
        assert_eq!(encode(&refs).lengths, [64, 1]);
        let long = vec![(pack(0, false), 1); LENGTH_MAX + 2];
        assert_eq!(encode(&long).lengths, [LENGTH_MAX as u16, 2]);
        let (refs, kinds): (Vec<Ref>, Vec<KindCode>) = long.into_iter().unzip();
        let (mut encoder, mut many) = (Encoder::default(), Bursts::default());
        encoder.push_all(&refs, &kinds, &mut many);
        encoder.close(&mut many);
        assert_eq!(many.lengths, [LENGTH_MAX as u16, 2]);
    }

    #[test]
    fn nonsense_is_refused() {
        let good = encode(&[(pack(0, false), 1), (pack(1, true), 2)]);
        let check = |change: &dyn Fn(&mut Bursts), distinct| {
            let mut bursts = good.clone();
            change(&mut bursts);
            decode(&bursts, distinct, &mut Vec::new(), &mut Vec::new()).unwrap_err()
        };
        check(&|_| (), 1);
        check(&|b| b.lengths[0] = 3, 2);
        check(&|b| b.raw[1] = 2 << 2 | 1, 2);
        check(&|b| b.raw[0] = RAW_CONTINUES, 2);
        check(&|b| b.counts[0] = 1, 2);
        check(&|b| b.counts[0] = 65, 2);
        check(&|b| b.pages.push(0), 2);
        check(
            &|b| {
                b.lengths.push(0);
                b.counts.push(0)
            },
            2,
        );
    }
}
