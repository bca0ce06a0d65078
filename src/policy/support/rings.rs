//! Any number of linked lists of the numbers `0..n`, each number in at most one of them, over one
//! array of links. Every list is a ring closed by a head of its own.

/// The lists, numbered from 0. A number is pushed at the newest end.
#[derive(Debug, Clone)]
pub struct Rings {
    /// The older and the newer neighbour of each number, then of each head. The newer neighbour of
    /// a head is the oldest of its list.
    links: Vec<(u32, u32)>,
    /// Numbers are below this; heads are not.
    n: u32,
}

impl Rings {
    /// Creates `rings` empty lists of the numbers `0..n`.
    pub fn new(rings: usize, n: u32) -> Rings {
        let mut links = vec![(0, 0); n as usize];
        links.extend((n..).take(rings).map(|head| (head, head)));
        Rings { links, n }
    }

    #[inline(always)]
    fn head(&self, ring: usize) -> u32 {
        self.n + ring as u32
    }

    /// Returns `link` if it is no head.
    #[inline(always)]
    fn number(&self, link: u32) -> Option<u32> {
        (link < self.n).then_some(link)
    }

    /// Returns the oldest of a list.
    #[inline]
    pub fn oldest(&self, ring: usize) -> Option<u32> {
        self.newer(self.head(ring))
    }

    /// Returns the oldest of a list other than `spare`.
    #[inline(always)]
    pub fn oldest_but(&self, ring: usize, spare: Option<u32>) -> Option<u32> {
        let oldest = self.oldest(ring);
        match spare {
            Some(spare) if oldest == Some(spare) => self.newer(spare),
            _ => oldest,
        }
    }

    /// Returns the next newer neighbour of `number`, which is in a list.
    #[inline]
    pub fn newer(&self, number: u32) -> Option<u32> {
        self.number(self.links[number as usize].1)
    }

    /// Returns the next older neighbour of `number`, which is in a list.
    #[inline]
    fn older(&self, number: u32) -> Option<u32> {
        self.number(self.links[number as usize].0)
    }

    /// Returns whether `number`, which is in a list, is the newest of `ring`.
    #[inline(always)]
    pub fn is_newest(&self, ring: usize, number: u32) -> bool {
        self.links[number as usize].1 == self.head(ring)
    }

    #[inline(always)]
    fn link(&mut self, older: u32, number: u32, newer: u32) {
        self.links[number as usize] = (older, newer);
        self.links[older as usize].1 = number;
        self.links[newer as usize].0 = number;
    }

    /// Puts `number`, which is in no list, at the newest end of `ring`.
    #[inline]
    pub fn push(&mut self, ring: usize, number: u32) {
        let head = self.head(ring);
        self.link(self.links[head as usize].0, number, head);
    }

    /// Removes `number` from its list.
    #[inline]
    pub fn remove(&mut self, number: u32) {
        let (older, newer) = self.links[number as usize];
        self.links[older as usize].1 = newer;
        self.links[newer as usize].0 = older;
    }

    /// Puts `by`, which is in no list, in the place of `number`, which is in none afterwards.
    #[inline]
    pub fn replace(&mut self, number: u32, by: u32) {
        let (older, newer) = self.links[number as usize];
        self.link(older, by, newer);
    }

    /// Moves `number` within `ring` to the newest end.
    #[inline]
    pub fn renew(&mut self, ring: usize, number: u32) {
        if !self.is_newest(ring, number) {
            self.remove(number);
            self.push(ring, number);
        }
    }

    /// Removes and returns the oldest of `ring`.
    #[inline]
    pub fn pop(&mut self, ring: usize) -> Option<u32> {
        let oldest = self.oldest(ring)?;
        self.remove(oldest);
        Some(oldest)
    }

    /// Returns the numbers of `ring`, the oldest first.
    pub fn iter(&self, ring: usize) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(self.oldest(ring), |&at| self.newer(at))
    }

    /// Returns the numbers of `ring`, the newest first.
    pub fn newest_first(&self, ring: usize) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(self.older(self.head(ring)), |&at| self.older(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    #[test]
    fn they_agree_with_deques() {
        const RINGS: usize = 300;
        let mut rings = Rings::new(RINGS, 8);
        let mut model = vec![VecDeque::new(); RINGS];
        let mut state = 7u32;
        for _ in 0..10_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (number, ring) = (
                state >> 8 & 7,
                [0, 1, RINGS - 1][(state >> 12) as usize % 3],
            );
            let of = model.iter().position(|ring| ring.contains(&number));
            match (state >> 28, of) {
                (0..8, None) => {
                    rings.push(ring, number);
                    model[ring].push_back(number);
                }
                (0..4, Some(of)) => {
                    rings.renew(of, number);
                    model[of].retain(|&n| n != number);
                    model[of].push_back(number);
                }
                (4..6, Some(of)) => {
                    let by = state >> 16 & 7;
                    if !model.iter().any(|ring| ring.contains(&by)) {
                        rings.replace(number, by);
                        let mut places = model[of].iter_mut();
                        *places.find(|n| **n == number).unwrap() = by;
                    }
                }
                (8..12, Some(of)) => {
                    rings.remove(number);
                    model[of].retain(|&n| n != number);
                }
                (12..14, _) => assert_eq!(rings.pop(ring), model[ring].pop_front()),
                _ => {}
            }
            for ring in [0, 1, RINGS - 1] {
                assert!(rings.iter(ring).eq(model[ring].iter().copied()));
                assert!(
                    rings
                        .newest_first(ring)
                        .eq(model[ring].iter().rev().copied())
                );
            }
        }
    }
}
