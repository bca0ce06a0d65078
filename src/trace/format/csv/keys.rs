//! Text keys as ids, numbered from 0 in order of appearance.
//!
//! Keys are compared byte by byte as long as they fit into the memory allowed, then by hashes of 128
//! bits: of ten thousand million keys two have the same hash with a chance below 10⁻¹⁸.

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// Memory for text keys if none is said: 1 GiB.
const MEMORY: u64 = 1 << 30;

/// The most keys: an id fits beside a tag into one word.
const KEYS_MAX: usize = u32::MAX as usize - 1;

/// The keys so far.
pub(super) struct Keys {
    /// A hash table with linear probing; its length is a power of two. An entry holds the low half of
    /// the key's hash in its high half, and the id plus 1 in its low half; 0 is empty.
    slots: Vec<u64>,
    /// Number of keys.
    len: usize,
    stored: Stored,
    /// Bytes allowed for keys that are compared exactly.
    memory: u64,
    /// Number of keys from which on they are compared by their hashes.
    hashed_from: Option<u64>,
}

/// What each key is compared with.
enum Stored {
    /// The keys one after another, and where each of them ends.
    Exact { bytes: Vec<u8>, ends: Vec<u64> },
    /// The hash of each key.
    Hashes(Vec<u128>),
}

impl Keys {
    /// Returns no keys. `memory` is how many bytes they may take before they are hashed.
    pub fn new(memory: Option<u64>) -> Keys {
        Keys {
            slots: vec![0; 1024],
            len: 0,
            stored: Stored::Exact {
                bytes: Vec::new(),
                ends: Vec::new(),
            },
            memory: memory.unwrap_or(MEMORY),
            hashed_from: None,
        }
    }

    /// Returns the number of keys after which they were compared by 128-bit hashes, if they were.
    pub fn hashed_from(&self) -> Option<u64> {
        self.hashed_from
    }

    /// Returns the id of a key, which is the next one if the key is new. Returns `None` if there are too
    /// many keys.
    #[inline]
    pub fn id(&mut self, key: &[u8]) -> Option<u64> {
        let tag = xxh3_64(key) >> 32;
        let mask = self.slots.len() - 1;
        let mut at = tag as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return self.insert(key, tag, at);
            }
            let id = (slot & u64::from(u32::MAX)) - 1;
            if slot >> 32 == tag && self.stored.is(id as usize, key) {
                return Some(id);
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds a new key whose place in the table is `at`.
    #[cold]
    #[inline(never)]
    fn insert(&mut self, key: &[u8], tag: u64, at: usize) -> Option<u64> {
        if self.len >= KEYS_MAX {
            return None;
        }
        let id = self.len;
        self.len += 1;
        self.slots[at] = tag << 32 | (id as u64 + 1);
        if self.needs(key.len()) > self.memory {
            self.hash();
        }
        match &mut self.stored {
            Stored::Exact { bytes, ends } => {
                bytes.extend_from_slice(key);
                ends.push(bytes.len() as u64);
            }
            Stored::Hashes(hashes) => hashes.push(xxh3_128(key)),
        }
        if self.len * 2 > self.slots.len() {
            self.grow();
        }
        Some(id as u64)
    }

    /// Returns the bytes that all keys take once one of `more` bytes is added; 0 if they are hashed.
    fn needs(&self, more: usize) -> u64 {
        let Stored::Exact { bytes, ends } = &self.stored else {
            return 0;
        };
        // A list that is full doubles.
        let after = |len: usize, capacity: usize| match len > capacity {
            true => len.max(2 * capacity),
            false => capacity,
        };
        let bytes = after(bytes.len() + more, bytes.capacity());
        let ends = after(ends.len() + 1, ends.capacity());
        (bytes + 8 * ends + 8 * self.slots.len()) as u64
    }

    /// Replaces the keys by their hashes.
    fn hash(&mut self) {
        let Stored::Exact { bytes, ends } = &self.stored else {
            return;
        };
        self.hashed_from.get_or_insert(ends.len() as u64);
        let begins = [0].into_iter().chain(ends.iter().copied());
        let hash = |(begin, &end): (u64, &u64)| xxh3_128(&bytes[begin as usize..end as usize]);
        self.stored = Stored::Hashes(begins.zip(ends).map(hash).collect());
    }

    /// Doubles the table. The tags have enough bits for every table, since ids have as many.
    fn grow(&mut self) {
        let mask = 2 * self.slots.len() - 1;
        let mut slots = vec![0; mask + 1];
        for &slot in self.slots.iter().filter(|&&slot| slot != 0) {
            let mut at = (slot >> 32) as usize & mask;
            while slots[at] != 0 {
                at = (at + 1) & mask;
            }
            slots[at] = slot;
        }
        self.slots = slots;
    }
}

impl Stored {
    /// Returns true if `key` is the one with this id.
    #[inline]
    fn is(&self, id: usize, key: &[u8]) -> bool {
        match self {
            Stored::Exact { bytes, ends } => {
                let begin = if id == 0 { 0 } else { ends[id - 1] };
                &bytes[begin as usize..ends[id] as usize] == key
            }
            Stored::Hashes(hashes) => hashes[id] == xxh3_128(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::format::testing::Random;
    use std::collections::HashMap;

    /// The ids are those of the standard library's map, with any memory.
    #[test]
    fn ids_are_the_order_of_appearance() {
        for memory in [None, Some(0), Some(20_000), Some(200_000)] {
            let mut random = Random(7);
            let mut keys = Keys::new(memory);
            let mut naive: HashMap<Vec<u8>, u64> = HashMap::new();
            for _ in 0..60_000 {
                let number = random.next() % 9_000;
                let mut key = number.to_string().into_bytes();
                key.resize(1 + number as usize % 40, b'x');
                let next = naive.len() as u64;
                let wanted = *naive.entry(key.clone()).or_insert(next);
                assert_eq!(keys.id(&key), Some(wanted));
            }
            let hashed = keys.hashed_from();
            match memory {
                None => assert_eq!(hashed, None),
                Some(0) => assert_eq!(hashed, Some(0)),
                Some(_) => assert!(hashed.is_some_and(|from| from > 100), "{hashed:?}"),
            }
        }
    }

    /// Two keys with the same tag differ in their bytes.
    #[test]
    fn equal_tags_are_no_equal_keys() {
        let mut tags: HashMap<u64, u64> = HashMap::new();
        let pair = (0u64..)
            .find_map(|n| {
                let other = tags.insert(xxh3_64(&n.to_le_bytes()) >> 32, n)?;
                Some((other, n))
            })
            .unwrap();
        for memory in [None, Some(0)] {
            let mut keys = Keys::new(memory);
            let ids = [pair.0, pair.1, pair.0].map(|n| keys.id(&n.to_le_bytes()));
            assert_eq!(ids, [Some(0), Some(1), Some(0)]);
        }
    }
}
