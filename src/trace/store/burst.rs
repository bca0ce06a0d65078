//! Bursts: the form in which a block of references is stored. A burst is a greedy stretch of
//! references that touch at most [`K`] distinct pages; it lists those pages once, in order of
//! first reference, and each reference then takes one byte: its place in the list and its kind.
//!
//! Knows nothing of files, checksums and compression.

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
    marks: Vec<u64>,
    burst: u64,
    length: usize,
    count: usize,
}

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
                self.burst += 1;
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

    /// The references that still belong to the burst: writes their raw bytes, says how many.
    fn run(
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
                *mark = burst << 6 | self.count as u64;
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
            self.burst += 1;
        }
        let slot = if self.length > 0 && self.marks[page] >> 6 == self.burst {
            self.marks[page] as u8 & 63
        } else {
            let slot = self.count as u8;
            self.marks[page] = self.burst << 6 | u64::from(slot);
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
        let mut foreign = false;
        for ((&byte, reference), kind_code) in raw[..length].iter().zip(burst_refs).zip(burst_kinds)
        {
            let code = byte & 3;
            let continues = code == RAW_CONTINUES;
            let kind = if continues { last_kind } else { code };
            last_kind = kind;
            let page = table[usize::from(byte >> 2)];
            foreign |= page == u32::MAX || kind == RAW_CONTINUES;
            *reference = pack(page & (u32::MAX >> 1), kind == Kind::Write as u8);
            *kind_code = kind | if continues { CONTINUES } else { 0 };
        }
        if foreign {
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
