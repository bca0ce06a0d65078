//! The numbers `0..n` by keys that grow behind the heap's back: the least is found by bringing the
//! top up to date until it stays on top. A key that grows costs nothing until then.

/// Children of a node: they lie side by side, and there are few levels.
const ARITY: usize = 4;

/// The heap. A key may grow at any time and must not shrink while its number is in the heap.
#[derive(Debug, Clone)]
pub struct LazyHeap<K> {
    /// Each number with its key of some time.
    nodes: Vec<(K, u32)>,
    /// For each number in the heap its node.
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

    /// Puts in a number that is not in the heap.
    pub fn push(&mut self, number: u32, key: K) {
        self.nodes.push((key, number));
        self.rise(self.nodes.len() - 1);
    }

    /// Takes out a number that is in the heap.
    pub fn remove(&mut self, number: u32) {
        let at = self.place[number as usize] as usize;
        self.nodes.swap_remove(at);
        if at < self.nodes.len() {
            self.sink(at);
            self.rise(at);
        }
    }

    /// Takes out the number whose key is now the least.
    pub fn pop_least(&mut self, key_of: impl Fn(u32) -> K) -> Option<u32> {
        loop {
            let &(noted, number) = self.nodes.first()?;
            let key = key_of(number);
            if key == noted {
                self.remove(number);
                return Some(number);
            }
            self.nodes[0].0 = key;
            self.sink(0);
        }
    }

    /// Orders all numbers anew, after keys that shrank.
    pub fn rebuild(&mut self, key_of: impl Fn(u32) -> K) {
        for (key, number) in &mut self.nodes {
            *key = key_of(*number);
        }
        for at in (0..self.nodes.len().div_ceil(ARITY)).rev() {
            self.sink(at);
        }
    }

    /// The numbers in the heap, in no order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.nodes.iter().map(|node| node.1)
    }

    #[inline]
    fn put(&mut self, at: usize, node: (K, u32)) {
        self.place[node.1 as usize] = at as u32;
        self.nodes[at] = node;
    }

    fn rise(&mut self, mut at: usize) {
        let node = self.nodes[at];
        while at > 0 {
            let parent = (at - 1) / ARITY;
            if self.nodes[parent].0 <= node.0 {
                break;
            }
            self.put(at, self.nodes[parent]);
            at = parent;
        }
        self.put(at, node);
    }

    fn sink(&mut self, mut at: usize) {
        let node = self.nodes[at];
        loop {
            let first = at * ARITY + 1;
            let end = (first + ARITY).min(self.nodes.len());
            let least = (first..end).min_by_key(|&child| self.nodes[child].0);
            match least {
                Some(child) if self.nodes[child].0 < node.0 => {
                    self.put(at, self.nodes[child]);
                    at = child;
                }
                _ => break,
            }
        }
        self.put(at, node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn it_agrees_with_a_map_that_is_searched() {
        let mut state = 7u32;
        for n in [1, 2, 5, 40] {
            let mut heap: LazyHeap<(u32, u32)> = LazyHeap::new(n);
            let mut keys: BTreeMap<u32, u32> = BTreeMap::new();
            for _ in 0..5000 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let (number, more) = ((state >> 8) % n, state >> 18 & 7);
                let known = keys.contains_key(&number);
                let least = keys.iter().map(|(&number, &key)| (key, number)).min();
                match state >> 27 {
                    0..12 if known => *keys.get_mut(&number).unwrap() += more,
                    0..12 => {
                        keys.insert(number, more);
                        heap.push(number, (more, number));
                    }
                    12..16 if known => {
                        keys.remove(&number);
                        heap.remove(number);
                    }
                    16..24 => {
                        let popped = heap.pop_least(|number| (keys[&number], number));
                        assert_eq!(popped, least.map(|(_, number)| number));
                        popped.map(|number| keys.remove(&number));
                    }
                    24 => {
                        keys.values_mut().for_each(|key| *key /= 2);
                        heap.rebuild(|number| (keys[&number], number));
                    }
                    _ => {}
                }
                let mut all: Vec<u32> = heap.iter().collect();
                all.sort_unstable();
                assert!(all.iter().eq(keys.keys()));
            }
        }
    }
}
