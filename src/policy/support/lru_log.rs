//! The numbers `0..n` in order of their last use: a log to which every use appends, and in which
//! only the newest entry of a number counts. A use is two stores. Stale entries are skipped, and
//! dropped when the log is full.

/// In place of a position: not in the order.
const ABSENT: u32 = u32::MAX;
/// Entries of the log for each number: the more there are, the less often it is compacted.
const ROOM: usize = 6;

/// The order.
#[derive(Debug, Clone)]
pub struct Recency {
    /// Uses, the oldest first, and free space behind them.
    queue: Vec<u32>,
    /// The position of the newest entry of each number, or [`ABSENT`].
    newest: Vec<u32>,
    /// The entries before this position are stale.
    oldest: usize,
    /// The position of the next use.
    end: usize,
}

impl Recency {
    /// Creates an empty order of the numbers `0..n`.
    pub fn new(n: u32) -> Recency {
        let room = (n as usize * ROOM).clamp(256, ABSENT as usize);
        Recency {
            queue: vec![0; room],
            newest: vec![ABSENT; n as usize],
            oldest: 0,
            end: 0,
        }
    }

    /// Makes `number` the most recent one, whether it is in the order or not.
    #[inline(always)]
    pub fn touch(&mut self, number: u32) {
        if self.newest[number as usize] as usize + 1 == self.end {
            return;
        }
        if self.end == self.queue.len() {
            self.compact();
        }
        self.queue[self.end] = number;
        self.newest[number as usize] = self.end as u32;
        self.end += 1;
    }

    /// Makes each of `numbers` (at most 128) the most recent one, one after the other.
    #[inline(always)]
    pub fn touch_all(&mut self, numbers: impl ExactSizeIterator<Item = u32>) {
        debug_assert!(numbers.len() <= 128, "there may be no room");
        if self.end + numbers.len() > self.queue.len() {
            self.compact();
        }
        let start = self.end;
        self.end += numbers.len();
        let slots = self.queue[start..].iter_mut().zip(start as u32..);
        for (number, (slot, at)) in numbers.zip(slots) {
            *slot = number;
            self.newest[number as usize] = at;
        }
    }

    /// Removes `number`.
    #[inline]
    pub fn remove(&mut self, number: u32) {
        self.newest[number as usize] = ABSENT;
    }

    /// Removes and returns the number used longest ago.
    #[inline]
    pub fn pop_oldest(&mut self) -> Option<u32> {
        while let Some(&number) = self.queue[..self.end].get(self.oldest) {
            let at = self.oldest;
            self.oldest += 1;
            if self.newest[number as usize] == at as u32 {
                self.newest[number as usize] = ABSENT;
                return Some(number);
            }
        }
        None
    }

    /// Removes and returns the number other than `spare` that was used longest ago.
    #[inline(always)]
    pub fn pop_oldest_but(&mut self, spare: Option<u32>) -> Option<u32> {
        match spare {
            Some(spare) => self.pop_oldest_other(spare),
            None => self.pop_oldest(),
        }
    }

    #[cold]
    fn pop_oldest_other(&mut self, spare: u32) -> Option<u32> {
        let oldest = self.pop_oldest()?;
        if oldest != spare {
            return Some(oldest);
        }
        let next = self.pop_oldest();
        // What was popped last has left room in front.
        self.oldest -= 1;
        self.queue[self.oldest] = oldest;
        self.newest[oldest as usize] = self.oldest as u32;
        next
    }

    /// Drops the stale entries.
    #[inline(never)]
    fn compact(&mut self) {
        let mut kept = 0;
        for at in self.oldest..self.end {
            let number = self.queue[at];
            if self.newest[number as usize] == at as u32 {
                self.queue[kept] = number;
                self.newest[number as usize] = kept as u32;
                kept += 1;
            }
        }
        (self.oldest, self.end) = (0, kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_a_list_that_is_searched() {
        let mut state = 7u32;
        for n in [1, 2, 5, 30] {
            let mut order = Recency::new(n);
            let mut model: Vec<u32> = Vec::new();
            for _ in 0..20_000 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let number = (state >> 8) % n;
                match state >> 24 & 15 {
                    0 => {
                        order.remove(number);
                        model.retain(|&m| m != number);
                    }
                    1 => {
                        let oldest = (!model.is_empty()).then(|| model.remove(0));
                        assert_eq!(order.pop_oldest(), oldest);
                    }
                    2 | 3 => {
                        let last = n.min(number + 4);
                        order.touch_all(number..last);
                        model.retain(|m| !(number..last).contains(m));
                        model.extend(number..last);
                    }
                    _ => {
                        order.touch(number);
                        model.retain(|&m| m != number);
                        model.push(number);
                    }
                }
            }
        }
    }
}
