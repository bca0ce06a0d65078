//! The numbers `0..n`, each in it at most once, by keys that only grow: a heap whose keys may be out
//! of date, and are brought up to date when they come to its top. Whoever raises a key needs not
//! tell the heap.

/// Children of a node: they lie side by side, and there are fewer levels than with two.
const CHILDREN: usize = 4;

/// The heap, its least key at the top.
#[derive(Debug, Clone)]
pub struct LazyHeap<K> {
    /// Each number with a key that it has or had.
    nodes: Vec<(K, u32)>,
    /// For each number in the heap its place, from 1; 0 for the others.
    place: Vec<u32>,
}

impl<K: Copy + Ord> LazyHeap<K> {
    /// An empty heap of numbers below `n`.
    pub fn new(n: u32) -> LazyHeap<K> {
        LazyHeap {
            nodes: Vec::with_capacity(n as usize),
            place: vec![0; n as usize],
        }
    }

    /// Whether a number is in the heap.
    #[inline]
    pub fn contains(&self, number: u32) -> bool {
        self.place[number as usize] != 0
    }

    /// The numbers in the heap, in no order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.nodes.iter().map(|&(_, number)| number)
    }

    /// Puts in a number that is not in the heap.
    #[inline]
    pub fn push(&mut self, number: u32, key: K) {
        debug_assert!(!self.contains(number));
        self.nodes.push((key, number));
        self.raise(self.nodes.len() - 1);
    }

    /// Takes out a number that is in the heap.
    #[inline]
    pub fn remove(&mut self, number: u32) {
        let at = self.place[number as usize] as usize - 1;
        self.place[number as usize] = 0;
        let last = self.nodes.pop().expect("it is there");
        if at < self.nodes.len() {
            let key = std::mem::replace(&mut self.nodes[at], last).0;
            match last.0 < key {
                true => self.raise(at),
                false => self.lower(at),
            }
        }
    }

    /// The number whose key is the least; `key` tells the keys that hold. Equal ones must not be.
    #[inline]
    pub fn least(&mut self, key: impl Fn(u32) -> K) -> Option<u32> {
        loop {
            let top = self.nodes.first_mut()?;
            let holds = key(top.1);
            if holds == top.0 {
                return Some(top.1);
            }
            top.0 = holds;
            self.lower(0);
        }
    }

    /// Takes out the number whose key is the least, as [`least`](LazyHeap::least) finds it.
    #[inline]
    pub fn pop_least(&mut self, key: impl Fn(u32) -> K) -> Option<u32> {
        let least = self.least(key)?;
        self.remove(least);
        Some(least)
    }

    /// Orders all numbers anew, after keys that became less.
    pub fn rebuild(&mut self, key_of: impl Fn(u32) -> K) {
        for (key, number) in &mut self.nodes {
            *key = key_of(*number);
        }
        for at in (0..self.nodes.len().div_ceil(CHILDREN)).rev() {
            self.lower(at);
        }
    }

    #[inline(always)]
    fn put(&mut self, at: usize, node: (K, u32)) {
        self.nodes[at] = node;
        self.place[node.1 as usize] = at as u32 + 1;
    }

    /// Moves a node up to where its key belongs.
    fn raise(&mut self, mut at: usize) {
        let node = self.nodes[at];
        while at > 0 {
            let above = (at - 1) / CHILDREN;
            if self.nodes[above].0 <= node.0 {
                break;
            }
            self.put(at, self.nodes[above]);
            at = above;
        }
        self.put(at, node);
    }

    /// Moves a node down to where its key belongs.
    fn lower(&mut self, mut at: usize) {
        let node = self.nodes[at];
        loop {
            let first = at * CHILDREN + 1;
            let end = self.nodes.len().min(first + CHILDREN);
            let Some(least) = (first..end).min_by_key(|&child| self.nodes[child].0) else {
                break;
            };
            if node.0 <= self.nodes[least].0 {
                break;
            }
            self.put(at, self.nodes[least]);
            at = least;
        }
        self.put(at, node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_a_search() {
        let mut state = 7u32;
        for n in [1, 2, 5, 40] {
            let mut heap = LazyHeap::new(n);
            let mut keys: Vec<(u64, u32)> = (0..n).map(|number| (0, number)).collect();
            let mut model: Vec<u32> = Vec::new();
            for time in 1..20_000 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let number = (state >> 8) % n;
                let known = model.contains(&number);
                assert_eq!(heap.contains(number), known);
                match (state >> 28, known) {
                    (0..4, false) => {
                        // Out of the heap, keys may become less.
                        keys[number as usize].0 = time / (1 + u64::from(state >> 20 & 3));
                        heap.push(number, keys[number as usize]);
                        model.push(number);
                    }
                    (4..6, true) => {
                        heap.remove(number);
                        model.retain(|&m| m != number);
                    }
                    (6..14, true) => keys[number as usize].0 += u64::from(state >> 20 & 63),
                    (14, _) if state >> 20 & 7 == 0 => {
                        keys.iter_mut().for_each(|key| key.0 /= 2);
                        heap.rebuild(|m| keys[m as usize]);
                    }
                    (14, _) => {
                        let least = model.iter().copied().min_by_key(|&m| keys[m as usize]);
                        assert_eq!(heap.pop_least(|m| keys[m as usize]), least);
                        model.retain(|&m| Some(m) != least);
                    }
                    (15.., _) => {
                        let least = model.iter().copied().min_by_key(|&m| keys[m as usize]);
                        assert_eq!(heap.least(|m| keys[m as usize]), least);
                    }
                    _ => {}
                }
            }
            let mut left: Vec<u32> = heap.iter().collect();
            left.sort_unstable();
            model.sort_unstable();
            assert_eq!(left, model);
        }
    }
}
