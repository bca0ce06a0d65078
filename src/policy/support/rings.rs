//! Any number of queues of the numbers `0..n`, each number in one of them at most, over one array of
//! links: every queue is a ring closed by a head of its own.

/// The queues, numbered from 0.
#[derive(Debug, Clone)]
pub struct Rings {
    /// Previous and next of each number, then of each head.
    links: Vec<(u32, u32)>,
    /// Numbers are below this.
    n: u32,
}

impl Rings {
    /// So many empty queues of numbers below `n`.
    pub fn new(rings: usize, n: u32) -> Rings {
        let mut links = vec![(0, 0); n as usize];
        links.extend((n..).take(rings).map(|head| (head, head)));
        Rings { links, n }
    }

    #[inline]
    fn head(&self, ring: usize) -> u32 {
        self.n + ring as u32
    }

    /// The oldest of a queue.
    #[inline]
    pub fn oldest(&self, ring: usize) -> Option<u32> {
        self.newer(self.head(ring))
    }

    /// The one behind a number that is in a queue.
    #[inline]
    pub fn newer(&self, number: u32) -> Option<u32> {
        let next = self.links[number as usize].1;
        (next < self.n).then_some(next)
    }

    /// Puts in behind all others of a queue a number that is in none.
    #[inline]
    pub fn push(&mut self, ring: usize, number: u32) {
        let head = self.head(ring);
        let newest = self.links[head as usize].0;
        self.links[number as usize] = (newest, head);
        self.links[newest as usize].1 = number;
        self.links[head as usize].0 = number;
    }

    /// Takes a number out of the queue that it is in.
    #[inline]
    pub fn remove(&mut self, number: u32) {
        let (before, after) = self.links[number as usize];
        self.links[before as usize].1 = after;
        self.links[after as usize].0 = before;
    }

    /// Takes out the oldest of a queue.
    #[inline]
    pub fn pop(&mut self, ring: usize) -> Option<u32> {
        let oldest = self.oldest(ring)?;
        self.remove(oldest);
        Some(oldest)
    }

    /// The numbers of a queue, the oldest first.
    pub fn iter(&self, ring: usize) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(self.oldest(ring), |&at| self.newer(at))
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
        for _ in 0..5000 {
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
                (8..12, Some(of)) => {
                    rings.remove(number);
                    model[of].retain(|&n| n != number);
                }
                (12..14, _) => assert_eq!(rings.pop(ring), model[ring].pop_front()),
                _ => {}
            }
            for ring in [0, 1, RINGS - 1] {
                assert!(rings.iter(ring).eq(model[ring].iter().copied()));
            }
        }
    }
}
