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
    /// Uses, the oldest first.
    queue: Vec<u32>,
    /// Where the newest entry of each number stands, or [`ABSENT`].
    newest: Vec<u32>,
    /// Entries before this one are out of date.
    oldest: usize,
}

impl Recency {
    /// Without any of the numbers below `n`.
    pub fn new(n: u32) -> Recency {
        let room = (n as usize * ROOM).clamp(64, ABSENT as usize);
        Recency {
            queue: Vec::with_capacity(room),
            newest: vec![ABSENT; n as usize],
            oldest: 0,
        }
    }

    /// Makes a number the most recent one, whether it is in the order or not.
    #[inline(always)]
    pub fn touch(&mut self, number: u32) {
        if self.queue.last() == Some(&number) && self.newest[number as usize] != ABSENT {
            return;
        }
        if self.queue.len() == self.queue.capacity() {
            self.throw_out();
        }
        self.newest[number as usize] = self.queue.len() as u32;
        self.queue.push(number);
    }

    /// Takes a number out of the order.
    #[inline]
    pub fn remove(&mut self, number: u32) {
        self.newest[number as usize] = ABSENT;
    }

    /// Takes out the one used longest ago.
    #[inline]
    pub fn pop_oldest(&mut self) -> Option<u32> {
        while let Some(&number) = self.queue.get(self.oldest) {
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
        for at in self.oldest..self.queue.len() {
            let number = self.queue[at];
            if self.newest[number as usize] == at as u32 {
                self.queue[kept] = number;
                self.newest[number as usize] = kept as u32;
                kept += 1;
            }
        }
        self.queue.truncate(kept);
        self.oldest = 0;
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
