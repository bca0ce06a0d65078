//! Pages that are to leave memory, in the order of their numbers.

use crate::units::{FrameId, PageId};

/// The pages, each with its frame.
#[derive(Debug, Clone)]
pub struct Leaving {
    /// In descending order of pages after [`sort`](Leaving::sort).
    pages: Vec<(PageId, FrameId)>,
}

impl Leaving {
    /// Creates an empty list with room for `frames` pages.
    pub fn new(frames: usize) -> Leaving {
        Leaving {
            pages: Vec::with_capacity(frames),
        }
    }

    /// Adds `page`, which is in `frame`.
    pub fn push(&mut self, page: PageId, frame: FrameId) {
        self.pages.push((page, frame));
    }

    /// Sorts the pages. Call it after the last [`push`](Leaving::push), before the first
    /// [`pop`](Leaving::pop).
    pub fn sort(&mut self) {
        self.pages
            .sort_unstable_by_key(|page| std::cmp::Reverse(page.0));
    }

    /// Removes the page with the lowest number and returns its frame.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<FrameId> {
        self.pages.pop().map(|(_, frame)| frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_page_leaves_first() {
        let mut leaving = Leaving::new(3);
        for (page, frame) in [(5, 0), (9, 1), (2, 2)] {
            leaving.push(page, frame);
        }
        leaving.sort();
        let order: Vec<FrameId> = std::iter::from_fn(|| leaving.pop()).collect();
        assert_eq!(order, [2, 0, 1]);
    }
}
