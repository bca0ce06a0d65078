//! The numbers `0..n` in order of their last use, each in it at most once: a queue to which every
//! use appends, and in which only the newest entry of a number counts. A use is two stores; what is
//! out of date is passed over, and thrown out when the queue is full.

/// Not in the order.
const ABSENT: u32 = u32::MAX;
/// Entries of the queue for each number: the more, the rarer is the throwing out.
const ROOM: usize = 6;

/// The order.
#[derive(Debug, Clone)]
pub struct Recency {
    /// Uses, the oldest first, and room for more.
    queue: Vec<u32>,
    /// Where the newest entry of each number stands, or [`ABSENT`].
    newest: Vec<u32>,
    /// Entries before this one are out of date.
    oldest: usize,
    /// Where the next use is put.
    end: usize,
}

impl Recency {
    /// Without any of the numbers below `n`.
    pub fn new(n: u32) -> Recency {
        let room = (n as usize * ROOM).clamp(256, ABSENT as usize);
        Recency {
            queue: vec![0; room],
            newest: vec![ABSENT; n as usize],
            oldest: 0,
            end: 0,
        }
    }

    /// Makes a number the most recent one, whether it is in the order or not.
    #[inline(always)]
    pub fn touch(&mut self, number: u32) {
        if self.newest[number as usize] as usize + 1 == self.end {
            return;
        }
        if self.end == self.queue.len() {
            self.throw_out();
        }
        self.queue[self.end] = number;
        self.newest[number as usize] = self.end as u32;
        self.end += 1;
    }

    /// Makes each of a few numbers, 128 at most, the most recent one, one after the other.
    #[inline(always)]
    pub fn touch_all(&mut self, numbers: impl ExactSizeIterator<Item = u32>) {
        if self.end + numbers.len() > self.queue.len() {
            self.throw_out();
        }
        let start = self.end;
        self.end += numbers.len();
        let slots = self.queue[start..].iter_mut().zip(start as u32..);
        for (number, (slot, at)) in numbers.zip(slots) {
            *slot = number;
            self.newest[number as usize] = at;
        }
    }

    /// Takes a number out of the order.
    #[inline]
    pub fn remove(&mut self, number: u32) {
        self.newest[number as usize] = ABSENT;
    }

    /// Takes out the one used longest ago.
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

    /// Keeps the entries that count.
    #[inline(never)]
    fn throw_out(&mut self) {
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
