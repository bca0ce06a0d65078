//! Bursts: how a block of references is encoded, in memory and in files. A burst is a greedy stretch
//! of references that touch at most [`K`] distinct pages; it lists those pages once, in order of
//! first reference, and each reference then takes one byte: its place in the list and its kind.
//!
//! Knows nothing of files, checksums and compression, nor of the lists that a replay uses (see
//! `bursts`).

use crate::simd::burst_codec as simd;
use crate::trace::model::access::Kind;
use crate::trace::model::refs::{CONTINUES, KIND_MASK, KindCode, Ref, pack, page_of};
use crate::units::PageId;

/// Upper limit of the distinct pages of a burst.
pub const K: usize = simd::PAGES;
/// Upper limit of the references of a burst: its length takes 16 bits.
pub const LENGTH_MAX: usize = 65_535;
/// In a raw byte, the kind code of a reference that continues the access before it.
const RAW_CONTINUES: u8 = 3;

/// The columns of one block, as bursts.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct EncodedBlock {
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

impl EncodedBlock {
    /// Removes all bursts and keeps the memory.
    pub fn clear(&mut self) {
        self.lengths.clear();
        self.counts.clear();
        self.pages.clear();
        self.raw.clear();
    }

    /// Returns the number of references, by the lengths of the bursts.
    pub fn refs(&self) -> usize {
        self.lengths.iter().map(|&length| usize::from(length)).sum()
    }

    /// Calls `each` for every burst, in order, with the index of its first reference in the block,
    /// its length and its pages. Page ids are below `distinct`, lengths at least 1, and every burst
    /// has 1 to [`K`] pages. Does not look at `raw`.
    ///
    /// # Errors
    /// Errors if the block breaks one of these rules, and passes on an error of `each`. The message
    /// names the rule.
    pub fn each_burst<'a>(
        &'a self,
        distinct: usize,
        mut each: impl FnMut(usize, usize, &'a [PageId]) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        if self.lengths.len() != self.counts.len() {
            return Err("burst lengths do not add up");
        }
        let (mut start, mut rest) = (0, &self.pages[..]);
        for (&length, &count) in self.lengths.iter().zip(&self.counts) {
            let (length, count) = (usize::from(length), usize::from(count));
            if length == 0 || !(1..=K.min(rest.len())).contains(&count) {
                return Err("a burst has no references or too many pages");
            }
            let (pages, others) = rest.split_at(count);
            if pages.iter().any(|&page| page as usize >= distinct) {
                return Err("a page id is not in the dictionary");
            }
            each(start, length, pages)?;
            (start, rest) = (start + length, others);
        }
        match rest.is_empty() {
            true => Ok(()),
            false => Err("page lists do not add up"),
        }
    }

    /// Decodes the references into `refs` and `kinds`, both as long as `raw`. Page ids must be below
    /// `distinct`.
    ///
    /// # Errors
    /// Errors if the block breaks a rule of the format; the message names the rule. Any bytes may be
    /// passed.
    pub fn decode(
        &self,
        distinct: usize,
        mut refs: &mut [Ref],
        mut kinds: &mut [KindCode],
    ) -> Result<(), &'static str> {
        if [self.raw.len(), refs.len(), kinds.len()] != [self.refs(); 3] {
            return Err("burst lengths do not add up");
        }
        let mut last_kind = RAW_CONTINUES;
        self.each_burst(distinct, |start, length, pages| {
            // Unused places have an impossible page, so that one test a burst is enough.
            let mut table = [u32::MAX; K];
            table[..pages.len()].copy_from_slice(pages);
            let raw = &self.raw[start..start + length];
            let burst_refs = refs.split_off_mut(..length).expect("lengths add up");
            let burst_kinds = kinds.split_off_mut(..length).expect("lengths add up");
            match decode_burst(raw, &table, &mut last_kind, burst_refs, burst_kinds) {
                true => Ok(()),
                false => Err("a reference names no page of its burst"),
            }
        })
    }
}

/// Encodes references into bursts, one block after the other.
#[derive(Default)]
pub struct BurstEncoder {
    /// For each page, the number of the last burst that used it, times 64, plus its place there.
    marks: Vec<u32>,
    /// Number of the open burst, 1 to [`BURST_MAX`].
    burst: u32,
    /// References of the open burst.
    length: usize,
    /// Distinct pages of the open burst.
    count: usize,
    /// Length of the burst closed last.
    previous_length: usize,
}

/// Largest burst number that fits into a mark (26 bits). After it [`BurstEncoder::next_burst`] clears all
/// marks and restarts at 1.
const BURST_MAX: u32 = u32::MAX >> 6;

/// From this burst length on, most groups of sixteen references touch listed pages only.
const LONG: usize = 8 * K;

impl BurstEncoder {
    /// Appends references to the block `out`. `refs` and `kinds` have the same length. The last burst
    /// stays open until [`BurstEncoder::close`].
    pub fn push_all(&mut self, refs: &[Ref], kinds: &[KindCode], out: &mut EncodedBlock) {
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

    /// Advances to a burst number that no mark has.
    fn next_burst(&mut self) {
        if self.burst == BURST_MAX {
            self.marks.fill(0);
            self.burst = 0;
        }
        self.burst += 1;
    }

    /// Writes the raw bytes of the references that still belong to the open burst and returns their
    /// number. Encodes many at a time where bursts are long.
    fn run(
        &mut self,
        refs: &[Ref],
        kinds: &[KindCode],
        raw: &mut [u8],
        pages: &mut Vec<PageId>,
    ) -> usize {
        if self.previous_length < LONG && self.length < LONG {
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

    /// Like [`BurstEncoder::run`], one reference at a time.
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
            // A continuation has code 3 whatever its kind.
            let code = (kind & KIND_MASK) | ((kind & CONTINUES) / CONTINUES * RAW_CONTINUES);
            *byte = (*mark as u8) << 2 | code;
            at += 1;
        }
        at
    }

    /// Ends the open burst, as at the end of a block. Does nothing if none is open.
    pub fn close(&mut self, out: &mut EncodedBlock) {
        if self.length > 0 {
            self.previous_length = self.length;
            out.lengths.push(self.length as u16);
            out.counts.push(self.count as u8);
        }
        self.length = 0;
        self.count = 0;
    }
}

/// Decodes references of one burst. `pages` has the page of each place, `u32::MAX` for an unused one;
/// `last_kind` is the kind of the reference before `raw` and then that of its last one. Returns false
/// if a reference names an unused place or a continuation has nothing before it.
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
        // One at a time: the group that ended the fast loop, or the rest.
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

/// Replaces each continuation code by the kind of the reference before it. Returns the indices
/// replaced. Errors if the first byte is a continuation.
pub fn resolve_continuations(raw: &mut [u8]) -> Result<Vec<usize>, &'static str> {
    const TOGETHER: usize = 64;
    let continues = |byte: u8| byte & KIND_MASK == RAW_CONTINUES;
    let mut found = Vec::new();
    let mut at = 0;
    while at < raw.len() {
        let end = raw.len().min(at + TOGETHER);
        // Continuations are rare: the compiler vectorizes this test of a whole group.
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
pub(in crate::trace) mod tests {
    use super::*;
    use crate::trace::generate::Rng;
    use proptest::prelude::*;

    /// The plain twin of [`BurstEncoder::push_all`] and [`BurstEncoder::close`]: one reference at a time, each
    /// searched for in the list of its burst.
    pub fn encode_plainly(refs: &[Ref], kinds: &[KindCode]) -> EncodedBlock {
        let mut out = EncodedBlock::default();
        let (mut length, mut list) = (0, Vec::new());
        for (&reference, &kind) in refs.iter().zip(kinds) {
            let page = page_of(reference);
            if length == LENGTH_MAX || list.len() == K && !list.contains(&page) {
                out.lengths.push(std::mem::take(&mut length) as u16);
                out.counts.push(list.len() as u8);
                out.pages.append(&mut list);
            }
            let listed = list.iter().position(|&other| other == page);
            let place = listed.unwrap_or_else(|| {
                list.push(page);
                list.len() - 1
            });
            length += 1;
            let code = match kind & CONTINUES {
                0 => kind & KIND_MASK,
                _ => RAW_CONTINUES,
            };
            out.raw.push((place as u8) << 2 | code);
        }
        if length > 0 {
            out.lengths.push(length as u16);
            out.counts.push(list.len() as u8);
            out.pages.append(&mut list);
        }
        out
    }

    /// The references of a block, with ids below `distinct`.
    fn decoded(
        bursts: &EncodedBlock,
        distinct: usize,
    ) -> Result<(Vec<Ref>, Vec<KindCode>), &'static str> {
        let (mut refs, mut kinds) = (vec![0; bursts.raw.len()], vec![0; bursts.raw.len()]);
        bursts.decode(distinct, &mut refs, &mut kinds)?;
        Ok((refs, kinds))
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(pages in 1u32..200, seed: u64, n in 1usize..3000) {
            let mut rng = Rng::new(seed);
            let mut last = 0;
            let (refs, kinds): (Vec<Ref>, Vec<KindCode>) = (0..n).map(|i| {
                let continues = i > 0 && rng.below(11) == 0;
                let kind = if continues { last } else { rng.below(3) as u8 };
                last = kind;
                let code = kind | if continues { CONTINUES } else { 0 };
                (pack(rng.below(pages.into()) as u32, kind == 2), code)
            }).unzip();
            let bursts = encode_plainly(&refs, &kinds);
            let (mut encoder, mut many) = (BurstEncoder::default(), EncodedBlock::default());
            let middle = n / 3;
            encoder.push_all(&refs[..middle], &kinds[..middle], &mut many);
            encoder.push_all(&refs[middle..], &kinds[middle..], &mut many);
            encoder.close(&mut many);
            prop_assert_eq!(&many, &bursts);
            prop_assert!(bursts.counts.iter().all(|&c| usize::from(c) <= K));
            prop_assert_eq!(decoded(&bursts, pages as usize), Ok((refs, kinds)));
        }
    }

    /// References with long bursts, as programs have them. One of `other` is of a page far away.
    fn local(n: usize, other: u64) -> (Vec<Ref>, Vec<KindCode>) {
        let mut rng = Rng::new(3);
        let mut kind = 0;
        let one = |i: usize| {
            let continues = i > 0 && rng.below(101) == 1;
            kind = if continues { kind } else { rng.below(3) as u8 };
            let code = kind | if continues { CONTINUES } else { 0 };
            let page = match rng.below(other) {
                0 => rng.below(1024),
                _ => (i / 5000) as u64 * 7 + rng.below(9),
            };
            (pack(page as u32, kind == 2), code)
        };
        (0..n).map(one).unzip()
    }

    #[test]
    fn many_at_a_time_are_what_each_is() {
        for (n, other) in [(300_000, 20), (300_000, 300), (200_000, 30_000)] {
            let (refs, kinds) = local(n, other);
            let bursts = encode_plainly(&refs, &kinds);
            for piece in [17, 1000, n] {
                // Starts near the largest burst number, so that numbers begin anew.
                let (mut encoder, mut many) = (BurstEncoder::default(), EncodedBlock::default());
                encoder.burst = BURST_MAX - 2;
                let kinds = kinds.chunks(piece);
                for (refs, kinds) in refs.chunks(piece).zip(kinds) {
                    encoder.push_all(refs, kinds, &mut many);
                }
                encoder.close(&mut many);
                assert!(many == bursts);
            }
            assert!(decoded(&bursts, usize::MAX) == Ok((refs, kinds)));
            // A place beyond the list is found wherever it stands.
            let mut bad = bursts.clone();
            let first = usize::from(bad.lengths[0]);
            let count = bad.counts[0];
            for at in [0, 5, first / 2, first - 1] {
                let good = bad.raw[at];
                bad.raw[at] = count << 2 | good & 3;
                assert!(decoded(&bad, usize::MAX).is_err() || count == 64);
                bad.raw[at] = good;
            }
        }
    }

    #[test]
    fn a_burst_is_as_long_as_its_rule_allows() {
        let refs: Vec<Ref> = (0..65u32).map(|p| pack(p, false)).collect();
        assert_eq!(encode_plainly(&refs, &[1; 65]).lengths, [64, 1]);
        let (refs, kinds) = ([0; LENGTH_MAX + 2], [1; LENGTH_MAX + 2]);
        let expected = [LENGTH_MAX as u16, 2];
        assert_eq!(encode_plainly(&refs, &kinds).lengths, expected);
        let (mut encoder, mut many) = (BurstEncoder::default(), EncodedBlock::default());
        encoder.push_all(&refs, &kinds, &mut many);
        encoder.close(&mut many);
        assert_eq!(many.lengths, expected);
    }

    #[test]
    fn nonsense_is_refused() {
        let good = encode_plainly(&[pack(0, false), pack(1, true)], &[1, 2]);
        let check = |change: &dyn Fn(&mut EncodedBlock), distinct| {
            let mut bursts = good.clone();
            change(&mut bursts);
            decoded(&bursts, distinct).unwrap_err()
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
