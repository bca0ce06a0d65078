//! A set of the numbers `0..n` that finds its least and greatest element fast: a tree of 64-bit
//! words, in which a bit is set if its word of the level below has any bit set.

use std::ops::Range;

/// The set. Memory is n/8 bytes and a little.
#[derive(Debug, Clone)]
pub struct BitSet {
    /// The words of each level: those of the elements first, the single word of the root last. A
    /// bit of a higher level is set if the word below is not zero.
    levels: Vec<Vec<u64>>,
}

impl BitSet {
    /// Creates an empty set of the numbers `0..n`.
    pub fn new(n: usize) -> BitSet {
        let mut levels = Vec::new();
        let mut words = n.div_ceil(64).max(1);
        loop {
            levels.push(vec![0; words]);
            if words == 1 {
                return BitSet { levels };
            }
            words = words.div_ceil(64);
        }
    }

    /// Inserts `number`.
    #[inline]
    pub fn insert(&mut self, number: usize) {
        let mut index = number;
        for level in &mut self.levels {
            let word = &mut level[index >> 6];
            let had_any = *word != 0;
            *word |= 1 << (index & 63);
            // The bits of this word are set in the levels above already.
            if had_any {
                return;
            }
            index >>= 6;
        }
    }

    /// Removes `number`.
    pub fn remove(&mut self, number: usize) {
        let mut index = number;
        for level in &mut self.levels {
            let word = &mut level[index >> 6];
            *word &= !(1 << (index & 63));
            if *word != 0 {
                return;
            }
            index >>= 6;
        }
    }

    /// Returns whether `number` is in the set.
    #[inline]
    pub fn contains(&self, number: usize) -> bool {
        self.levels[0][number >> 6] >> (number & 63) & 1 != 0
    }

    /// Returns the least element in `range`.
    #[inline]
    pub fn within(&self, range: &Range<usize>) -> Option<usize> {
        self.next(range.start).filter(|&found| found < range.end)
    }

    /// Returns the first element from `from` on, around the circle of all numbers.
    #[inline]
    pub fn next_around(&self, from: usize) -> Option<usize> {
        self.next(from).or_else(|| self.min())
    }

    /// Returns the least element that is at least `from`.
    pub fn next(&self, from: usize) -> Option<usize> {
        let mut index = from;
        for (height, level) in self.levels.iter().enumerate() {
            let word = level.get(index >> 6)? & (!0 << (index & 63));
            if word == 0 {
                index = (index >> 6) + 1;
                continue;
            }
            let mut found = index & !63 | word.trailing_zeros() as usize;
            for below in self.levels[..height].iter().rev() {
                found = found << 6 | below[found].trailing_zeros() as usize;
            }
            return Some(found);
        }
        None
    }

    /// Returns the elements, the least first.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(self.next(0), |&at| self.next(at + 1))
    }

    /// Returns the greatest element.
    pub fn max(&self) -> Option<usize> {
        self.descend(|word| 63 - word.leading_zeros() as usize)
    }

    /// Returns the least element.
    pub fn min(&self) -> Option<usize> {
        self.descend(|word| word.trailing_zeros() as usize)
    }

    fn descend(&self, pick: impl Fn(u64) -> usize) -> Option<usize> {
        let mut index = 0;
        for level in self.levels.iter().rev() {
            let word = level[index];
            if word == 0 {
                return None;
            }
            index = index << 6 | pick(word);
        }
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn it_agrees_with_a_tree_set() {
        for n in [1usize, 64, 65, 5000, 300_000] {
            let mut set = BitSet::new(n);
            let mut model = BTreeSet::new();
            let mut state = 3u64;
            for _ in 0..4000 {
                state = state
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                let number = (state >> 32) as usize % n;
                if state >> 30 & 1 == 0 {
                    set.insert(number);
                    model.insert(number);
                } else {
                    set.remove(number);
                    model.remove(&number);
                }
                assert_eq!(set.max(), model.last().copied());
                assert_eq!(set.min(), model.first().copied());
                assert_eq!(set.contains(number), model.contains(&number));
                let from = (state >> 13) as usize % (n + 1);
                let next = model.range(from..).next().copied();
                assert_eq!(set.next(from), next);
                assert_eq!(set.next_around(from), next.or(model.first().copied()));
                let end = from + 9;
                if n < 100 {
                    assert!(set.iter().eq(model.iter().copied()));
                }
                assert_eq!(set.within(&(from..end)), next.filter(|&at| at < end));
            }
        }
    }
}
