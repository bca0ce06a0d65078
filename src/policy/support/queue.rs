//! A queue of the numbers `0..n`, each in it at most once, from which any can be taken out: a ring
//! with gaps where something was taken out, closed when the ring is full.

/// In place of a number: a gap.
const GAP: u32 = u32::MAX;

/// The queue.
#[derive(Debug, Clone)]
pub struct Queue {
    /// The numbers, the oldest first, with gaps. Its length is a power of two.
    ring: Vec<u32>,
    /// For each number in the queue its running position; its slot is `place & (len - 1)`.
    place: Vec<u32>,
    /// The running position of the oldest.
    oldest: u32,
    /// The running position behind the newest.
    end: u32,
}

impl Queue {
    /// Creates an empty queue of the numbers `0..n`; `n` is at most 2^31.
    pub fn new(n: u32) -> Queue {
        Queue::with_capacity(n, n)
    }

    /// Creates an empty queue of the numbers `0..n` that never has more than `capacity` of them.
    pub fn with_capacity(n: u32, capacity: u32) -> Queue {
        let room = (capacity as usize * 2)
            .next_power_of_two()
            .clamp(2, 1 << 31);
        Queue {
            ring: vec![GAP; room],
            place: vec![0; n as usize],
            oldest: 0,
            end: 0,
        }
    }

    #[inline(always)]
    fn at(&mut self, place: u32) -> &mut u32 {
        let mask = self.ring.len() - 1;
        &mut self.ring[place as usize & mask]
    }

    /// Returns whether `number` is in the queue.
    #[inline]
    pub fn contains(&self, number: u32) -> bool {
        let place = self.place[number as usize];
        // The slot of a stale position may have been reused, by another number.
        place.wrapping_sub(self.oldest) < self.end.wrapping_sub(self.oldest)
            && self.ring[place as usize & (self.ring.len() - 1)] == number
    }

    /// Appends `number`, which is not in the queue.
    #[inline]
    pub fn push(&mut self, number: u32) {
        if self.end.wrapping_sub(self.oldest) as usize == self.ring.len() {
            self.compact();
        }
        let end = self.end;
        *self.at(end) = number;
        self.place[number as usize] = end;
        self.end = end.wrapping_add(1);
    }

    /// Removes and returns the oldest.
    #[inline]
    pub fn pop(&mut self) -> Option<u32> {
        while self.oldest != self.end {
            let oldest = self.oldest;
            let number = *self.at(oldest);
            self.oldest = oldest.wrapping_add(1);
            if number != GAP {
                return Some(number);
            }
        }
        None
    }

    /// Removes and returns the oldest other than `spare`.
    #[inline(always)]
    pub fn pop_but(&mut self, spare: Option<u32>) -> Option<u32> {
        match spare {
            Some(spare) => self.pop_other(spare),
            None => self.pop(),
        }
    }

    #[cold]
    fn pop_other(&mut self, spare: u32) -> Option<u32> {
        let oldest = self.pop()?;
        if oldest != spare {
            return Some(oldest);
        }
        let next = self.pop();
        // What was popped last has left room in front.
        self.oldest = self.oldest.wrapping_sub(1);
        let place = self.oldest;
        *self.at(place) = oldest;
        self.place[oldest as usize] = place;
        next
    }

    /// Returns the numbers in the queue, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let places = self.end.wrapping_sub(self.oldest);
        let at = |ahead: u32| self.oldest.wrapping_add(ahead) as usize & (self.ring.len() - 1);
        let numbers = (0..places).map(move |ahead| self.ring[at(ahead)]);
        numbers.filter(|&number| number != GAP)
    }

    /// Removes `number`, which is in the queue.
    #[inline]
    pub fn remove(&mut self, number: u32) {
        let place = self.place[number as usize];
        *self.at(place) = GAP;
    }

    /// Closes the gaps. A full ring is at least half gaps.
    #[inline(never)]
    fn compact(&mut self) {
        let (mut from, end) = (self.oldest, self.end);
        self.end = from;
        while from != end {
            let number = *self.at(from);
            from = from.wrapping_add(1);
            if number != GAP {
                let to = self.end;
                *self.at(to) = number;
                self.place[number as usize] = to;
                self.end = to.wrapping_add(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    #[test]
    fn it_agrees_with_a_deque() {
        let mut state = 7u32;
        for n in [1, 2, 3, 8, 20] {
            let mut queue = Queue::new(n);
            // Places are counted on past the last number that there is.
            (queue.oldest, queue.end) = (u32::MAX - 100, u32::MAX - 100);
            let mut model: VecDeque<u32> = VecDeque::new();
            for _ in 0..5000 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let number = (state >> 8) % n;
                let known = model.contains(&number);
                assert_eq!(queue.contains(number), known);
                match state >> 28 {
                    0..7 if !known => {
                        queue.push(number);
                        model.push_back(number);
                    }
                    7..14 if known => {
                        queue.remove(number);
                        model.retain(|&m| m != number);
                    }
                    14 => assert_eq!(queue.pop(), model.pop_front()),
                    _ => {}
                }
                assert!(queue.iter().eq(model.iter().copied()));
            }
            while let Some(number) = model.pop_front() {
                assert_eq!(queue.pop(), Some(number));
            }
            assert_eq!(queue.pop(), None);
        }
    }
}
