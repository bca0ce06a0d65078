//! A set of numbers of which the least is asked for, and which mostly has one number or none: the
//! least stands apart, so that only a second one needs a tree.

use std::collections::BTreeSet;

/// The set.
#[derive(Debug, Clone, Default)]
pub struct LeastFirst {
    least: Option<u32>,
    /// All others. Empty if there is no least.
    others: BTreeSet<u32>,
}

impl LeastFirst {
    /// Returns the least number.
    #[inline(always)]
    pub fn least(&self) -> Option<u32> {
        self.least
    }

    /// Returns whether the set has no number.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.least.is_none()
    }

    /// Puts in `number`, which is not in the set.
    #[inline]
    pub fn insert(&mut self, number: u32) {
        match self.least {
            None => self.least = Some(number),
            Some(least) => {
                self.others.insert(least.max(number));
                self.least = Some(least.min(number));
            }
        }
    }

    /// Removes `number`, if it is in the set.
    #[inline]
    pub fn remove(&mut self, number: u32) {
        if self.least == Some(number) {
            self.least = self.others.pop_first();
        } else if !self.others.is_empty() {
            self.others.remove(&number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_a_tree() {
        let (mut set, mut model) = (LeastFirst::default(), BTreeSet::new());
        let mut state = 7u32;
        for _ in 0..10_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let number = state >> 8 & 7;
            match state >> 28 {
                0..5 if model.insert(number) => set.insert(number),
                5..12 => {
                    model.remove(&number);
                    set.remove(number);
                }
                _ => {}
            }
            assert_eq!(set.least(), model.first().copied());
            assert_eq!(set.is_empty(), model.is_empty());
        }
    }
}
