//! Several doubly linked lists of the numbers `0..n`, each in one of them at most, over one array of
//! links. Of every number is known in which list it is, of every list how long.

/// In no list.
const NONE: u8 = u8::MAX;

/// The lists, numbered from 0. The front of each is its newest end by convention, its back the
/// oldest.
#[derive(Debug, Clone)]
pub struct Lists {
    /// Previous and next of each number, then of each list's head, which closes its ring.
    links: Vec<(u32, u32)>,
    /// The list of each number, or [`NONE`].
    list: Vec<u8>,
    lengths: Vec<u32>,
}

impl Lists {
    /// So many empty lists, 255 at most, of numbers below `n`.
    pub fn new(lists: usize, n: u32) -> Lists {
        assert!(lists <= usize::from(NONE), "{lists} lists");
        let mut links = vec![(0, 0); n as usize];
        links.extend((n..).take(lists).map(|head| (head, head)));
        Lists {
            links,
            list: vec![NONE; n as usize],
            lengths: vec![0; lists],
        }
    }

    #[inline(always)]
    fn head(&self, list: usize) -> u32 {
        (self.list.len() + list) as u32
    }

    /// A link, if it is no head.
    #[inline(always)]
    fn number(&self, link: u32) -> Option<u32> {
        ((link as usize) < self.list.len()).then_some(link)
    }

    /// The list that a number is in.
    #[inline(always)]
    pub fn list_of(&self, number: u32) -> Option<usize> {
        let list = self.list[number as usize];
        (list != NONE).then_some(usize::from(list))
    }

    /// Whether a number is in a list.
    #[inline(always)]
    pub fn is_in(&self, list: usize, number: u32) -> bool {
        usize::from(self.list[number as usize]) == list
    }

    /// How many numbers a list has.
    #[inline(always)]
    pub fn len(&self, list: usize) -> u32 {
        self.lengths[list]
    }

    /// Whether a list has no number.
    #[inline(always)]
    pub fn is_empty(&self, list: usize) -> bool {
        self.len(list) == 0
    }

    /// The newest of a list.
    #[inline]
    pub fn front(&self, list: usize) -> Option<u32> {
        self.number(self.links[self.head(list) as usize].1)
    }

    /// The oldest of a list.
    #[inline]
    pub fn back(&self, list: usize) -> Option<u32> {
        self.number(self.links[self.head(list) as usize].0)
    }

    /// The neighbour towards the front of a number that is in a list.
    #[inline]
    pub fn newer(&self, number: u32) -> Option<u32> {
        self.number(self.links[number as usize].0)
    }

    /// The neighbour towards the back of a number that is in a list.
    #[inline]
    pub fn older(&self, number: u32) -> Option<u32> {
        self.number(self.links[number as usize].1)
    }

    /// Puts a number between two neighbours.
    #[inline(always)]
    fn link(&mut self, before: u32, number: u32, after: u32) {
        self.links[number as usize] = (before, after);
        self.links[before as usize].1 = number;
        self.links[after as usize].0 = number;
    }

    #[inline(always)]
    fn unlink(&mut self, number: u32) {
        let (before, after) = self.links[number as usize];
        self.links[before as usize].1 = after;
        self.links[after as usize].0 = before;
    }

    #[inline(always)]
    fn enter(&mut self, list: usize, number: u32) {
        self.list[number as usize] = list as u8;
        self.lengths[list] += 1;
    }

    /// Puts in at the front of a list a number that is in none.
    #[inline]
    pub fn push_front(&mut self, list: usize, number: u32) {
        debug_assert_eq!(self.list_of(number), None);
        let head = self.head(list);
        self.link(head, number, self.links[head as usize].1);
        self.enter(list, number);
    }

    /// Puts in at the back of a list a number that is in none.
    #[inline]
    pub fn push_back(&mut self, list: usize, number: u32) {
        debug_assert_eq!(self.list_of(number), None);
        let head = self.head(list);
        self.link(self.links[head as usize].0, number, head);
        self.enter(list, number);
    }

    /// Takes a number out of the list that it is in.
    #[inline]
    pub fn remove(&mut self, number: u32) {
        self.unlink(number);
        let list = std::mem::replace(&mut self.list[number as usize], NONE);
        self.lengths[usize::from(list)] -= 1;
    }

    /// Puts in a number that is in no list where another one is, which is in none afterwards.
    #[inline]
    pub fn replace(&mut self, number: u32, by: u32) {
        debug_assert_eq!(self.list_of(by), None);
        let (before, after) = self.links[number as usize];
        self.link(before, by, after);
        self.list[by as usize] = std::mem::replace(&mut self.list[number as usize], NONE);
    }

    /// Moves a number from the list that it is in to the front of this one, the same or another.
    #[inline]
    pub fn move_front(&mut self, list: usize, number: u32) {
        let head = self.head(list);
        if self.links[number as usize].0 != head {
            self.remove(number);
            self.push_front(list, number);
        }
    }

    /// Moves a number from the list that it is in to the back of this one, the same or another.
    #[inline]
    pub fn move_back(&mut self, list: usize, number: u32) {
        let head = self.head(list);
        if self.links[number as usize].1 != head {
            self.remove(number);
            self.push_back(list, number);
        }
    }

    /// Takes out the oldest of a list.
    #[inline]
    pub fn pop_back(&mut self, list: usize) -> Option<u32> {
        let back = self.back(list)?;
        self.remove(back);
        Some(back)
    }

    /// Takes out the newest of a list.
    #[inline]
    pub fn pop_front(&mut self, list: usize) -> Option<u32> {
        let front = self.front(list)?;
        self.remove(front);
        Some(front)
    }

    /// The numbers of a list, from the front on.
    pub fn iter(&self, list: usize) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(self.front(list), |&at| self.older(at))
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
                (0, None) => {
                    lists.push_front(list, number);
                    model[list].push_front(number);
                }
                (1, None) => {
                    lists.push_back(list, number);
                    model[list].push_back(number);
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
                (4, Some(of)) => {
                    lists.move_back(list, number);
                    model[of].retain(|&n| n != number);
                    model[list].push_back(number);
                }
                (5, Some(of)) => {
                    let at = model[of].iter().position(|&n| n == number);
                    let at = at.expect("it is there");
                    let newer = at.checked_sub(1).map(|at| model[of][at]);
                    assert_eq!(lists.newer(number), newer);
                    assert_eq!(lists.older(number), model[of].get(at + 1).copied());
                }
                (6, _) => assert_eq!(lists.pop_back(list), model[list].pop_back()),
                (7, _) => assert_eq!(lists.pop_front(list), model[list].pop_front()),
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
