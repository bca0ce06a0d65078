//! A set of the numbers `0..n` with its least and greatest element at hand: a tree of 64-bit
//! words, each bit of a level telling whether a word of the level below has any bit set.

/// The set. Memory is n/8 bytes and a little.
#[derive(Debug, Clone)]
pub struct BitSet {
    /// The leaves first, the single word of the root last.
    levels: Vec<Vec<u64>>,
}

impl BitSet {
    /// An empty set of numbers below `n`.
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

    /// Puts a number in.
    #[inline]
    pub fn insert(&mut self, number: usize) {
        let mut index = number;
        for level in &mut self.levels {
            let word = &mut level[index >> 6];
            let had_any = *word != 0;
            *word |= 1 << (index & 63);
            // The levels above know of this word already.
            if had_any {
                return;
            }
            index >>= 6;
        }
    }

    /// Takes a number out.
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

    /// The greatest element.
    pub fn max(&self) -> Option<usize> {
        self.descend(|word| 63 - word.leading_zeros() as usize)
    }

    /// The least element.
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
            }
        }
    }
}
