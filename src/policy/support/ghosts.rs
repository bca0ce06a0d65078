//! A bounded FIFO of pages that are remembered though they are not resident. A remembered page is
//! never pushed again, so FIFO order is also LRU order.

use super::queue::Queue;

/// The pages.
#[derive(Debug, Clone)]
pub struct Ghosts {
    /// The remembered pages, the oldest first.
    order: Queue,
    length: u32,
    /// The most pages that are remembered.
    capacity: u32,
    /// Pages taken out already, for which [`take`](Ghosts::take) has not been called yet.
    recalled: Vec<u32>,
}

impl Ghosts {
    /// Remembers none of the pages `0..pages` yet, and never more than `capacity` of them.
    pub fn new(pages: usize, capacity: u32) -> Ghosts {
        let pages = pages as u32;
        let capacity = capacity.min(pages);
        Ghosts {
            order: Queue::with_capacity(pages, capacity.saturating_add(1)),
            length: 0,
            capacity,
            recalled: Vec::with_capacity(1),
        }
    }

    /// Returns whether `page` is remembered.
    #[inline]
    fn contains(&self, page: u32) -> bool {
        self.order.contains(page)
    }

    /// Remembers `page`, which is not remembered. Forgets the oldest if there are then too many.
    #[inline]
    pub fn push(&mut self, page: u32) {
        self.order.push(page);
        self.length += 1;
        if self.length > self.capacity {
            self.pop();
        }
    }

    /// Forgets the oldest page and returns it.
    #[inline]
    fn pop(&mut self) -> Option<u32> {
        let oldest = self.order.pop()?;
        self.length -= 1;
        Some(oldest)
    }

    /// Forgets `page`. Returns whether it was remembered.
    #[inline]
    fn remove(&mut self, page: u32) -> bool {
        let remembered = self.contains(page);
        if remembered {
            self.order.remove(page);
            self.length -= 1;
        }
        remembered
    }

    /// Forgets `page`, if there is one, but lets the next [`take`](Ghosts::take) of it still return
    /// true. Call it in `victim`, before the victim is [pushed](Ghosts::push) and may need the
    /// place.
    #[inline]
    pub fn recall(&mut self, page: Option<u32>) {
        if let Some(page) = page.filter(|&page| self.remove(page)) {
            self.recalled.push(page);
        }
    }

    /// Forgets `page`, which is loaded. Returns whether it was remembered or
    /// [recalled](Ghosts::recall).
    #[inline]
    pub fn take(&mut self, page: u32) -> bool {
        let recalled = self.recalled.iter().position(|&other| other == page);
        if let Some(at) = recalled {
            self.recalled.swap_remove(at);
        }
        recalled.is_some() || self.remove(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    #[test]
    fn they_agree_with_a_deque() {
        let mut state = 7u32;
        for (pages, most) in [(1, 0), (1, 1), (5, 2), (9, 4), (12, 100)] {
            let mut ghosts = Ghosts::new(pages, most);
            let mut model: VecDeque<u32> = VecDeque::new();
            for _ in 0..5000 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let page = (state >> 8) % pages as u32;
                let known = model.contains(&page);
                match state >> 28 {
                    0..8 if !known => {
                        ghosts.push(page);
                        model.push_back(page);
                        if model.len() > most as usize {
                            model.pop_front();
                        }
                    }
                    8..10 => {
                        assert_eq!(ghosts.remove(page), known);
                        model.retain(|&p| p != page);
                    }
                    10 => {
                        assert_eq!(ghosts.take(page), known);
                        assert!(!ghosts.take(page));
                        model.retain(|&p| p != page);
                    }
                    11 => {
                        // Several pages may be recalled before the first is taken.
                        let other = (page + 1) % pages as u32;
                        let knew_other = model.contains(&other);
                        for recalled in [Some(page), Some(other), Some(page), None] {
                            ghosts.recall(recalled);
                        }
                        assert!(!ghosts.contains(page) && !ghosts.contains(other));
                        assert_eq!(ghosts.take(page), known);
                        assert_eq!(ghosts.take(other), knew_other && other != page);
                        model.retain(|&p| p != page && p != other);
                    }
                    12 => assert_eq!(ghosts.pop(), model.pop_front()),
                    _ => {}
                }
                assert_eq!(ghosts.length as usize, model.len());
                assert!((0..pages as u32).all(|p| ghosts.contains(p) == model.contains(&p)));
            }
        }
    }
}
