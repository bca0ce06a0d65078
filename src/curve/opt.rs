//! OPT at every number of frames in one pass: faults.
//!
//! OPT is a stack algorithm, like LRU (Mattson, Gecsei, Slutz and Traiger 1970). The referenced page
//! goes to the top. From there down to the place that it left, each page meets the page that was
//! pushed down: the one referenced sooner stays, the other is pushed further. The stack holds for
//! each page only the time of its next reference; the page referenced now is the one whose time is
//! now. In programs most distances are small, so the upper [`TOP`] places are an array.
//!
//! Below them the stack is cut into blocks. A time pushed through a whole block pushes out the
//! block's latest time (or itself, if that is later), whatever the order inside. A heap of the times
//! gives the latest; the times pushed in get their places only when the referenced page is in the
//! block. Each place keeps the least of its own time and those that pass, so the order in which they
//! came does not matter. With blocks of b places a reference at distance d costs O(d/b log b + b).
//!
//! Write-backs are not counted: they depend on which of the pages never used again leaves first.

use super::{Filling, TooLong};
use crate::trace::model::dense::Trace;
use crate::trace::model::refs::{NEVER, page_of};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Places of the stack that are an array.
const TOP: usize = 128;
/// [`Stack::block_of`] of a page that was not referenced yet.
const UNSEEN: u32 = u32::MAX;
/// The least and the most places of a block.
const BLOCK: (usize, usize) = (256, 4096);

/// The counts of OPT at every number of frames.
#[derive(Debug, Clone)]
pub struct OptCurve {
    /// `faults[n]`: faults with `n` frames, from 0 to the number of pages.
    pub faults: Vec<u64>,
    /// How memory fills.
    pub filling: Filling,
}

/// Counts the faults of a trace under OPT. Errors if its positions do not fit 32 bits.
pub fn opt(trace: &Trace) -> Result<OptCurve, TooLong> {
    let next_use = trace.next_use().ok_or(TooLong("opt"))?;
    let pages = trace.distinct();
    // With this size passing blocks and entering one cost about the same.
    let size = (pages.isqrt() * 2).clamp(BLOCK.0, BLOCK.1);
    let mut stack = Stack::new(pages, TOP, size);
    let mut at_distance = vec![0u64; pages + 1];
    let mut first_uses = Vec::new();
    for (now, (&reference, &next)) in trace.refs().iter().zip(next_use).enumerate() {
        let page = page_of(reference);
        match stack.touch(page, now as u32, next, |time| {
            page_of(trace.refs()[time as usize])
        }) {
            Some(distance) => at_distance[distance] += 1,
            None => first_uses.push(now as u64),
        }
    }
    let mut left = trace.len() as u64;
    let faults = at_distance[..=first_uses.len()].iter().map(|count| {
        left -= count;
        left
    });
    Ok(OptCurve {
        faults: faults.collect(),
        filling: Filling::new(&first_uses, trace.len() as u64),
    })
}

/// The stack: for each place the time at which its page is referenced next.
struct Stack {
    top: Vec<u32>,
    blocks: Vec<Block>,
    /// Where each page is: 0 for the top, `n + 1` for block `n`.
    block_of: Vec<u32>,
    top_size: usize,
    block_size: usize,
}

/// Consecutive places of the stack.
struct Block {
    /// The times in order, as they were before those of `pushed` came in.
    cells: Vec<u32>,
    /// Times pushed in since, in any order.
    pushed: Vec<u32>,
    /// A heap of all times that are here now, the latest first; empty if it must be rebuilt.
    heap: Vec<u32>,
}

impl Stack {
    fn new(pages: usize, top_size: usize, block_size: usize) -> Stack {
        Stack {
            top: Vec::with_capacity(top_size),
            blocks: Vec::new(),
            block_of: vec![UNSEEN; pages],
            top_size,
            block_size,
        }
    }

    /// References `page` at time `now`; its next reference is at `next`. Returns its distance, 1 for
    /// the top place; `None` at the first reference. `page_at` returns the page referenced at a time.
    #[inline(always)]
    fn touch(
        &mut self,
        page: u32,
        now: u32,
        next: u32,
        page_at: impl Fn(u32) -> u32,
    ) -> Option<usize> {
        let block = self.block_of[page as usize];
        if block == 0 {
            // Block 0 is the top, so the loop finds the page.
            let mut pushed = std::mem::replace(&mut self.top[0], next);
            if pushed == now {
                return Some(1);
            }
            for (place, here) in self.top.iter_mut().enumerate().skip(1) {
                if *here == now {
                    *here = pushed;
                    return Some(place + 1);
                }
                (*here, pushed) = ((*here).min(pushed), (*here).max(pushed));
            }
        }
        self.touch_deep(page, now, next, page_at)
    }

    /// [`Stack::touch`] of a page that is not at the top.
    #[inline(never)]
    fn touch_deep(
        &mut self,
        page: u32,
        now: u32,
        next: u32,
        page_at: impl Fn(u32) -> u32,
    ) -> Option<usize> {
        let block = std::mem::replace(&mut self.block_of[page as usize], 0);
        let pushed = self.push_through_top(next);
        if block != UNSEEN {
            let number = block as usize - 1;
            let pushed = self.push_through_blocks(number, pushed, &page_at);
            let before = self.top_size + number * self.block_size;
            let inside = self.blocks[number].enter(pushed, now);
            self.place(pushed, number, page_at);
            return Some(before + inside + 1);
        }
        if self.top.len() < self.top_size {
            self.top.push(pushed);
            return None;
        }
        let pushed = self.push_through_blocks(self.blocks.len(), pushed, &page_at);
        self.append(pushed, page_at);
        None
    }

    /// Puts `next` on the top place and pushes times through the others. Returns the time that falls
    /// out below; `next` itself if the top is empty.
    fn push_through_top(&mut self, next: u32) -> u32 {
        let Some(first) = self.top.first_mut() else {
            return next;
        };
        let mut pushed = std::mem::replace(first, next);
        for here in &mut self.top[1..] {
            (*here, pushed) = ((*here).min(pushed), (*here).max(pushed));
        }
        pushed
    }

    /// Pushes a time through the first `count` blocks. Returns the time that falls out below.
    fn push_through_blocks(
        &mut self,
        count: usize,
        mut pushed: u32,
        page_at: impl Fn(u32) -> u32,
    ) -> u32 {
        for number in 0..count {
            let out = self.blocks[number].push_through(pushed);
            if out != pushed {
                self.place(pushed, number, &page_at);
                pushed = out;
            }
        }
        pushed
    }

    /// Appends a time at the bottom of the stack.
    fn append(&mut self, time: u32, page_at: impl Fn(u32) -> u32) {
        let full = |block: &Block| block.cells.len() == self.block_size;
        if self.blocks.last().is_none_or(full) {
            self.blocks.push(Block::new(self.block_size));
        }
        let number = self.blocks.len() - 1;
        self.blocks[number].append(time);
        self.place(time, number, page_at);
    }

    /// Notes that the page referenced at `time` is in block `number`.
    fn place(&mut self, time: u32, number: usize, page_at: impl Fn(u32) -> u32) {
        // Pages that are never referenced again are never looked up.
        if time != NEVER {
            self.block_of[page_at(time) as usize] = number as u32 + 1;
        }
    }
}

impl Block {
    fn new(size: usize) -> Block {
        Block {
            cells: Vec::with_capacity(size),
            pushed: Vec::new(),
            heap: Vec::with_capacity(size),
        }
    }

    /// Pushes `time` through all places. Returns the time that falls out below.
    fn push_through(&mut self, time: u32) -> u32 {
        if self.heap.is_empty() {
            self.settle();
            self.heap.extend_from_slice(&self.cells);
            for at in (0..self.heap.len() / 2).rev() {
                sift_down(&mut self.heap, at);
            }
        }
        if time >= self.heap[0] {
            return time;
        }
        self.pushed.push(time);
        let latest = std::mem::replace(&mut self.heap[0], time);
        sift_down(&mut self.heap, 0);
        latest
    }

    /// Puts the times pushed in to their places.
    fn settle(&mut self) {
        if self.pushed.is_empty() {
            return;
        }
        let mut times: BinaryHeap<Reverse<u32>> = self.pushed.drain(..).map(Reverse).collect();
        for cell in &mut self.cells {
            let mut least = times.peek_mut().expect("as many as before");
            if least.0 < *cell {
                std::mem::swap(&mut least.0, cell);
            }
        }
    }

    /// Pushes `time` down to the place whose time is `now`, which gets what arrives there. Returns the
    /// index of that place.
    fn enter(&mut self, mut time: u32, now: u32) -> usize {
        self.settle();
        self.heap.clear();
        for (at, cell) in self.cells.iter_mut().enumerate() {
            if *cell == now {
                *cell = time;
                return at;
            }
            (*cell, time) = ((*cell).min(time), (*cell).max(time));
        }
        unreachable!("the page is in the block that was noted")
    }

    /// Adds a place at the end.
    fn append(&mut self, time: u32) {
        self.settle();
        self.heap.clear();
        self.cells.push(time);
    }
}

/// Restores a heap, the latest first, after the element at `at` got earlier.
fn sift_down(heap: &mut [u32], mut at: usize) {
    let time = heap[at];
    loop {
        let mut child = 2 * at + 1;
        if child >= heap.len() {
            break;
        }
        if child + 1 < heap.len() && heap[child + 1] > heap[child] {
            child += 1;
        }
        if heap[child] <= time {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = time;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::lcg::Lcg;

    /// Mattson's stack, place by place.
    fn plain(refs: &[u32], next_use: &[u32]) -> Vec<Option<usize>> {
        let mut stack: Vec<u32> = Vec::new();
        let each = refs.iter().zip(next_use).zip(0..).map(|((_, &next), now)| {
            let at = stack.iter().position(|time| *time == now);
            let mut pushed = next;
            for place in 0..at.unwrap_or(stack.len()) {
                let here = stack[place];
                if place == 0 || pushed < here {
                    stack[place] = pushed;
                    pushed = here;
                }
            }
            match at {
                Some(at) => stack[at] = pushed,
                None => stack.push(pushed),
            }
            at.map(|at| at + 1)
        });
        each.collect()
    }

    #[test]
    fn blocks_are_a_stack() {
        let mut numbers = Lcg::new(11);
        for round in 0..300 {
            let mut below = |n: u64| numbers.below(n);
            let (pages, top, size) = (1 + below(90), 1 + below(5), 1 + below(9));
            let refs: Vec<u32> = (0..600)
                .map(|_| below(pages).min(below(pages)) as u32)
                .collect();
            let mut next_use = vec![NEVER; refs.len()];
            for (at, page) in refs.iter().enumerate() {
                let later = refs[at + 1..].iter().position(|other| other == page);
                next_use[at] = later.map_or(NEVER, |later| (at + 1 + later) as u32);
            }
            let mut stack = Stack::new(pages as usize, top as usize, size as usize);
            let got: Vec<Option<usize>> = refs
                .iter()
                .zip(&next_use)
                .zip(0..)
                .map(|((&page, &next), now)| {
                    stack.touch(page, now, next, |time| refs[time as usize])
                })
                .collect();
            assert_eq!(got, plain(&refs, &next_use), "round {round}");
        }
    }
}
