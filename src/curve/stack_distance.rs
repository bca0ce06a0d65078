//! Pages in order of last use. It answers one question: how many pages were used later than this one?
//!
//! Each use takes the next position of a window, and the latest use of each page is a set bit there
//! (Bennett and Kruskal, "LRU stack processing", IBM Journal of Research and Development 19(4),
//! 1975). Three levels of prefix sums count the bits, so that an answer takes four loads and a
//! removal changes two rows of 64 bytes. The newest positions, where most pages of a program are,
//! have no sums yet: an answer counts their few words, and a removal clears a bit. When the window
//! is full, the positions are numbered afresh.
//!
//! Deliberately absent: references, distances, what a page is.

use crate::simd::prefetch::prefetch;
use crate::units::PageId;

/// Words per row of counts.
const ROW: usize = 32;
/// log2 of the positions that one word, one row and one row of rows stand for.
const WORD_BITS: usize = 6;
const ROW_BITS: usize = WORD_BITS + 5;
const FAR_BITS: usize = ROW_BITS + 5;
/// Positions per page. With fewer the window is renumbered too often, with more it outgrows the
/// cache.
const ROOM: usize = 6;

/// The position of a page's latest use.
pub type Slot = u32;

/// The window. See the module's documentation.
///
/// Counts of words and rows are set when the newest position has left their row.
pub struct Recency {
    words: Vec<u64>,
    /// For each word, the number of set bits before it within its row.
    near: Vec<[u16; ROW]>,
    /// For each row, the number of set bits before it within its row of rows.
    middle: Vec<[u16; ROW]>,
    /// For each row of rows reached, the number of set bits before it.
    far: Vec<u32>,
    /// The page that used each position.
    page_at: Vec<PageId>,
    /// The next position.
    now: usize,
    /// The number of pages in the window.
    live: u32,
    /// Rows below position `summed` have counts; `summed_live` pages are in them.
    summed: usize,
    summed_live: u32,
}

impl Recency {
    /// Returns an empty window for at most `pages` pages at a time, with room for at least `uses`
    /// uses after each renumbering.
    pub fn new(pages: usize, uses: usize) -> Recency {
        let window = (pages.saturating_mul(ROOM)).clamp(1 << ROW_BITS, u32::MAX as usize / 2);
        let window = window.next_multiple_of(1 << ROW_BITS).max(pages + uses);
        Recency {
            words: vec![0; window.div_ceil(1 << WORD_BITS)],
            near: vec![[0; ROW]; window.div_ceil(1 << ROW_BITS)],
            middle: vec![[0; ROW]; window.div_ceil(1 << FAR_BITS)],
            far: Vec::with_capacity(window.div_ceil(1 << FAR_BITS)),
            page_at: vec![0; window],
            now: 0,
            live: 0,
            summed: 0,
            summed_live: 0,
        }
    }

    /// Returns true if `uses` more uses fit; else call [`Recency::renumber`] first.
    #[inline(always)]
    pub fn has_room(&self, uses: usize) -> bool {
        self.page_at.len() - self.now >= uses
    }

    /// Adds a use of `page`, which must not be in the window. Returns its slot.
    #[inline(always)]
    pub fn push(&mut self, page: PageId) -> Slot {
        let at = self.now;
        if at == self.summed + (1 << ROW_BITS) {
            self.sum_row();
        }
        self.words[at >> WORD_BITS] |= 1 << (at & 63);
        self.page_at[at] = page;
        self.now += 1;
        self.live += 1;
        at as Slot
    }

    /// Sets the counts of the first row that has none.
    fn sum_row(&mut self) {
        let at = self.summed;
        let (row, far) = (at >> ROW_BITS, at >> FAR_BITS);
        if at.is_multiple_of(1 << FAR_BITS) {
            self.far.push(self.summed_live);
        }
        self.middle[far][row % ROW] = (self.summed_live - self.far[far]) as u16;
        let mut in_row = 0;
        let words = &self.words[at >> WORD_BITS..][..ROW];
        for (count, word) in self.near[row].iter_mut().zip(words) {
            *count = in_row;
            in_row += word.count_ones() as u16;
        }
        self.summed += 1 << ROW_BITS;
        self.summed_live += u32::from(in_row);
    }

    /// Prefetches what [`Recency::take`] of `slot` reads.
    #[inline(always)]
    pub fn prefetch(&self, slot: Slot) {
        let at = slot as usize;
        prefetch(&self.words, at >> WORD_BITS);
        prefetch(&self.near, at >> ROW_BITS);
        prefetch(&self.middle, at >> FAR_BITS);
    }

    /// Returns the number of pages used later than the page with this slot.
    #[inline(always)]
    fn later(&self, slot: Slot) -> u32 {
        let at = slot as usize;
        let (word, row, far) = (at >> WORD_BITS, at >> ROW_BITS, at >> FAR_BITS);
        if at >= self.summed {
            // No bit is set after the newest position.
            let own = self.words[word] & (u64::MAX - 1) << (at & 63);
            let last = self.now.saturating_sub(1) >> WORD_BITS;
            let others = &self.words[word + 1..=last.max(word)];
            let ones = |ones, word: &u64| ones + word.count_ones();
            return others.iter().fold(own.count_ones(), ones);
        }
        // The bits up to the position itself, included.
        let own = self.words[word] & (u64::MAX >> (63 - (at & 63)));
        let before = self.far[far]
            + u32::from(self.middle[far][row % ROW])
            + u32::from(self.near[row][word % ROW])
            + own.count_ones();
        self.live - before
    }

    /// Removes the page with this slot.
    #[inline(always)]
    fn remove(&mut self, slot: Slot) {
        let at = slot as usize;
        let (word, row, far) = (at >> WORD_BITS, at >> ROW_BITS, at >> FAR_BITS);
        self.words[word] &= !(1 << (at & 63));
        self.live -= 1;
        if at >= self.summed {
            return;
        }
        self.summed_live -= 1;
        subtract_after(&mut self.near[row], word % ROW);
        subtract_after(&mut self.middle[far], row % ROW);
        for count in &mut self.far[far + 1..] {
            *count -= 1;
        }
    }

    /// Removes the page with this slot. Returns the number of pages used later than it.
    #[inline(always)]
    pub fn take(&mut self, slot: Slot) -> u32 {
        let later = self.later(slot);
        self.remove(slot);
        later
    }

    /// Renumbers the positions from 0 on. Calls `moved` with each page and its new slot.
    #[cold]
    pub fn renumber(&mut self, mut moved: impl FnMut(PageId, Slot)) {
        let mut kept = 0;
        for word in 0..self.words.len() {
            let mut bits = std::mem::take(&mut self.words[word]);
            while bits != 0 {
                // `kept` never runs ahead of the position that is read.
                self.page_at[kept] =
                    self.page_at[(word << WORD_BITS) + bits.trailing_zeros() as usize];
                kept += 1;
                bits &= bits - 1;
            }
        }
        self.far.clear();
        (self.now, self.live) = (0, 0);
        (self.summed, self.summed_live) = (0, 0);
        for at in 0..kept {
            let page = self.page_at[at];
            moved(page, self.push(page));
        }
    }

    /// Returns the pages, the latest used first.
    pub fn pages(&self) -> impl Iterator<Item = PageId> + '_ {
        let set = |at: &usize| self.words[at >> WORD_BITS] >> (at & 63) & 1 == 1;
        (0..self.now).rev().filter(set).map(|at| self.page_at[at])
    }
}

/// Subtracts 1 from every count after `place`; counts that are not set yet may hold anything. There
/// is no branch, so that the compiler vectorizes it.
#[inline(always)]
fn subtract_after(row: &mut [u16; ROW], place: usize) {
    for (at, count) in row.iter_mut().enumerate() {
        *count = count.wrapping_sub(u16::from(at as u16 > place as u16));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::lcg::Lcg;

    #[test]
    fn it_counts_like_a_list() {
        for pages in [1usize, 3, 200, 20_000] {
            let mut recency = Recency::new(pages, 1);
            let mut slots = vec![None; pages];
            let mut list: Vec<PageId> = Vec::new();
            let mut numbers = Lcg::new(7);
            let steps = if pages > 1000 { 130_000 } else { 20_000 };
            for step in 0..steps {
                let page = numbers.below(pages as u64) as usize;
                if let Some(slot) = slots[page].take() {
                    // The list is slow: for many pages it is asked now and then.
                    if pages < 1000 || step % 512 == 0 {
                        let place = list.iter().position(|p| *p == page as u32).unwrap();
                        assert_eq!(recency.later(slot), (list.len() - 1 - place) as u32);
                    }
                    recency.remove(slot);
                    list.retain(|p| *p != page as u32);
                }
                if !recency.has_room(1) {
                    recency.renumber(|page, slot| slots[page as usize] = Some(slot));
                }
                if step % 5 > 0 {
                    slots[page] = Some(recency.push(page as u32));
                    list.push(page as u32);
                }
            }
            list.reverse();
            assert!(recency.pages().eq(list));
        }
    }
}
