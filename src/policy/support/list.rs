//! A doubly linked list of the numbers `0..n`, each in it at most once, in two flat arrays.

/// The list. Its front is the newest end by convention, its back the oldest.
#[derive(Debug, Clone)]
pub struct List {
    /// Previous and next of each number; the last entry is the ring's head.
    links: Vec<(u32, u32)>,
}

impl List {
    /// An empty list of numbers below `n`.
    pub fn new(n: u32) -> List {
        let mut links = vec![(0, 0); n as usize + 1];
        links[n as usize] = (n, n);
        List { links }
    }

    #[inline]
    fn head(&self) -> u32 {
        (self.links.len() - 1) as u32
    }

    /// The oldest.
    #[inline]
    pub fn back(&self) -> Option<u32> {
        let back = self.links[self.head() as usize].0;
        (back != self.head()).then_some(back)
    }

    /// Puts in at the front a number that is not in the list.
    #[inline]
    pub fn push_front(&mut self, number: u32) {
        let head = self.head();
        let front = self.links[head as usize].1;
        self.links[number as usize] = (head, front);
        self.links[front as usize].0 = number;
        self.links[head as usize].1 = number;
    }

    /// Takes out a number that is in the list.
    #[inline]
    pub fn remove(&mut self, number: u32) {
        let (before, after) = self.links[number as usize];
        self.links[before as usize].1 = after;
        self.links[after as usize].0 = before;
    }

    /// Moves a number that is in the list to the front.
    #[inline]
    pub fn move_front(&mut self, number: u32) {
        if self.links[number as usize].0 != self.head() {
            self.remove(number);
            self.push_front(number);
        }
    }

    /// The numbers in the list, from the front on.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let next = |at: u32| {
            let next = self.links[at as usize].1;
            (next != self.head()).then_some(next)
        };
        std::iter::successors(next(self.head()), move |&at| next(at))
    }

    /// Takes out the oldest.
    #[inline]
    pub fn pop_back(&mut self) -> Option<u32> {
        let back = self.back()?;
        self.remove(back);
        Some(back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    #[test]
    fn it_agrees_with_a_deque() {
        let mut list = List::new(8);
        let mut model: VecDeque<u32> = VecDeque::new();
        let mut state = 7u32;
        for _ in 0..5000 {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            let number = state >> 8 & 7;
            let known = model.contains(&number);
            match state >> 16 & 3 {
                0 if !known => {
                    list.push_front(number);
                    model.push_front(number);
                }
                1 if known => {
                    list.remove(number);
                    model.retain(|&n| n != number);
                }
                2 if known => {
                    list.move_front(number);
                    model.retain(|&n| n != number);
                    model.push_front(number);
                }
                3 => assert_eq!(list.pop_back(), model.pop_back()),
                _ => {}
            }
            assert_eq!(list.back(), model.back().copied());
            assert!(list.iter().eq(model.iter().copied()));
        }
    }
}
