//! A few linked lists of the numbers `0..n`, each number in at most one of them: as [`Rings`], with
//! the list of each number and the length of each list.

use super::rings::Rings;

/// In place of a list: in no list.
const NONE: u8 = u8::MAX;

/// The lists, numbered from 0. The front of each is its newest end, the back its oldest.
#[derive(Debug, Clone)]
pub struct Lists {
    rings: Rings,
    /// The list of each number, or [`NONE`].
    list: Vec<u8>,
    /// The length of each list.
    lengths: Vec<u32>,
}

impl Lists {
    /// Creates `lists` empty lists (at most 255) of the numbers `0..n`.
    pub fn new(lists: usize, n: u32) -> Lists {
        assert!(lists <= usize::from(NONE), "{lists} lists");
        Lists {
            rings: Rings::new(lists, n),
            list: vec![NONE; n as usize],
            lengths: vec![0; lists],
        }
    }

    /// Returns the list that `number` is in, if it is in one.
    #[inline(always)]
    pub fn list_of(&self, number: u32) -> Option<usize> {
        let list = self.list[number as usize];
        (list != NONE).then_some(usize::from(list))
    }

    /// Returns whether `number` is in `list`.
    #[inline(always)]
    pub fn is_in(&self, list: usize, number: u32) -> bool {
        usize::from(self.list[number as usize]) == list
    }

    /// Returns the length of `list`.
    #[inline(always)]
    pub fn len(&self, list: usize) -> u32 {
        self.lengths[list]
    }

    /// Returns whether `list` is empty.
    #[inline(always)]
    pub fn is_empty(&self, list: usize) -> bool {
        self.len(list) == 0
    }

    /// Returns the oldest number of `list`.
    #[inline]
    pub fn back(&self, list: usize) -> Option<u32> {
        self.rings.oldest(list)
    }

    /// Returns the oldest number of `list` other than `spare`.
    #[inline(always)]
    pub fn back_but(&self, list: usize, spare: Option<u32>) -> Option<u32> {
        self.rings.oldest_but(list, spare)
    }

    /// Returns the oldest number of list 0 or 1 other than `spare`, and its list: of `list`, or of
    /// the other one if `list` has none.
    ///
    /// # Panics
    /// If both have none.
    #[inline]
    pub fn back_of(&self, list: usize, spare: Option<u32>) -> (usize, u32) {
        match self.back_but(list, spare) {
            Some(back) => (list, back),
            None => self.back_of_other(list, spare),
        }
    }

    #[cold]
    fn back_of_other(&self, list: usize, spare: Option<u32>) -> (usize, u32) {
        let back = self.back_but(1 - list, spare);
        (1 - list, back.expect("every frame is taken"))
    }

    /// Returns the neighbour of `number`, which is in a list, towards the front.
    #[inline]
    pub fn newer(&self, number: u32) -> Option<u32> {
        self.rings.newer(number)
    }

    /// Puts `number`, which is in no list, at the front of `list`.
    #[inline]
    pub fn push_front(&mut self, list: usize, number: u32) {
        debug_assert_eq!(self.list_of(number), None);
        self.rings.push(list, number);
        self.list[number as usize] = list as u8;
        self.lengths[list] += 1;
    }

    /// Removes `number` from its list.
    #[inline]
    pub fn remove(&mut self, number: u32) {
        self.rings.remove(number);
        let list = std::mem::replace(&mut self.list[number as usize], NONE);
        self.lengths[usize::from(list)] -= 1;
    }

    /// Puts `by`, which is in no list, in the place of `number`, which is in none afterwards.
    #[inline]
    pub fn replace(&mut self, number: u32, by: u32) {
        debug_assert_eq!(self.list_of(by), None);
        self.rings.replace(number, by);
        self.list[by as usize] = std::mem::replace(&mut self.list[number as usize], NONE);
    }

    /// Moves `number` from its list to the front of `list`, which may be the same.
    #[inline]
    pub fn move_front(&mut self, list: usize, number: u32) {
        if !self.rings.is_newest(list, number) {
            self.remove(number);
            self.push_front(list, number);
        }
    }

    /// Removes and returns the oldest number of `list`.
    #[inline]
    pub fn pop_back(&mut self, list: usize) -> Option<u32> {
        let back = self.back(list)?;
        self.remove(back);
        Some(back)
    }

    /// Returns the numbers of `list`, from the front on.
    pub fn iter(&self, list: usize) -> impl Iterator<Item = u32> + '_ {
        self.rings.newest_first(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    #[test]
    fn they_agree_with_deques() {
        const LISTS: usize = 3;
        let mut lists = Lists::new(LISTS, 8);
        let mut model: [VecDeque<u32>; LISTS] = Default::default();
        let mut state = 7u32;
        for _ in 0..20_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (number, list) = (state >> 8 & 7, (state >> 12) as usize % LISTS);
            let of = model.iter().position(|list| list.contains(&number));
            assert_eq!(lists.list_of(number), of);
            let by = state >> 16 & 7;
            match (state >> 24 & 7, of) {
                (0, Some(of)) if lists.list_of(by).is_none() => {
                    lists.replace(number, by);
                    model[of]
                        .iter_mut()
                        .filter(|n| **n == number)
                        .for_each(|n| *n = by);
                }
                (0 | 1, None) => {
                    lists.push_front(list, number);
                    model[list].push_front(number);
                }
                (2, Some(of)) => {
                    lists.remove(number);
                    model[of].retain(|&n| n != number);
                }
                (3, Some(of)) => {
                    lists.move_front(list, number);
                    model[of].retain(|&n| n != number);
                    model[list].push_front(number);
                }
                (5, Some(of)) => {
                    let at = model[of].iter().position(|&n| n == number);
                    let at = at.expect("it is there");
                    let newer = at.checked_sub(1).map(|at| model[of][at]);
                    assert_eq!(lists.newer(number), newer);
                }
                (6, _) => assert_eq!(lists.pop_back(list), model[list].pop_back()),
                _ => {}
            }
            for (list, model) in model.iter().enumerate() {
                assert!(lists.iter(list).eq(model.iter().copied()));
                assert_eq!(lists.len(list) as usize, model.len());
                assert_eq!(lists.is_empty(list), model.is_empty());
                assert_eq!(lists.back(list), model.back().copied());
                assert!((0..8).all(|n| lists.is_in(list, n) == model.contains(&n)));
            }
        }
    }
}
