//! A heap of the numbers `0..n` by keys that only grow. Its keys may be stale: they are corrected
//! when they reach the top, so a caller that raises a key need not touch the heap.

/// Children of a node. They lie side by side, and there are fewer levels than with two.
const CHILDREN: usize = 4;

/// The heap, its least key at the top.
#[derive(Debug, Clone)]
pub struct LazyHeap<K> {
    /// Each number with its key, or with an earlier, lower one.
    nodes: Vec<(K, u32)>,
    /// For each number its place in `nodes` plus 1; 0 if it is not in the heap.
    place: Vec<u32>,
}

impl<K: Copy + Ord> LazyHeap<K> {
    /// Creates an empty heap of the numbers `0..n`.
    pub fn new(n: u32) -> LazyHeap<K> {
        LazyHeap {
            nodes: Vec::with_capacity(n as usize),
            place: vec![0; n as usize],
        }
    }

    /// Returns whether `number` is in the heap.
    #[inline]
    pub fn contains(&self, number: u32) -> bool {
        self.place[number as usize] != 0
    }

    /// Returns the numbers in the heap, in no order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.nodes.iter().map(|&(_, number)| number)
    }

    /// Inserts `number`, which is not in the heap, with its key.
    #[inline]
    pub fn push(&mut self, number: u32, key: K) {
        debug_assert!(!self.contains(number));
        self.nodes.push((key, number));
        self.raise(self.nodes.len() - 1);
    }

    /// Removes `number`, which is in the heap.
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

    /// Returns the number with the least key. `key` returns a number's current key; keys must be
    /// distinct.
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

    /// Removes and returns the number with the least key, as [`least`](LazyHeap::least) does.
    #[inline]
    pub fn pop_least(&mut self, key: impl Fn(u32) -> K) -> Option<u32> {
        let least = self.least(key)?;
        self.remove(least);
        Some(least)
    }

    /// Removes and returns the number other than `spare` with the least key.
    #[inline]
    pub fn pop_least_but(&mut self, spare: Option<u32>, key: impl Fn(u32) -> K) -> Option<u32> {
        let least = self.pop_least(&key)?;
        if spare.is_none_or(|spare| spare != least) {
            return Some(least);
        }
        let next = self.pop_least(&key);
        self.push(least, key(least));
        next
    }

    /// Orders all numbers again, after keys became lower.
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

    /// Moves the node at `at` up to where its key belongs.
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

    /// Moves the node at `at` down to where its key belongs.
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
