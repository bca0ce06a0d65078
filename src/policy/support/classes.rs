//! The numbers `0..n`, each in at most one class. Finds the first number of a class from a position
//! on, around the circle of all numbers.

use super::bit_set::BitSet;
use std::ops::Range;

/// In no class.
const NONE: u8 = u8::MAX;

/// The classes. Memory is 9/8 bytes a number and a little, with up to 8 classes 2 bytes.
#[derive(Debug, Clone)]
pub struct Classes<const N: usize> {
    sets: [BitSet; N],
    class: Vec<u8>,
}

impl<const N: usize> Classes<N> {
    /// Creates empty classes of the numbers `0..n`.
    pub fn new(n: u32) -> Classes<N> {
        Classes {
            sets: std::array::from_fn(|_| BitSet::new(n as usize)),
            class: vec![NONE; n as usize],
        }
    }

    /// Returns the number of numbers, in a class or not.
    #[inline]
    pub fn numbers(&self) -> usize {
        self.class.len()
    }

    /// Returns the class of `number`, if it is in one.
    #[inline]
    pub fn of(&self, number: u32) -> Option<usize> {
        let class = self.class[number as usize];
        (class != NONE).then_some(usize::from(class))
    }

    /// Moves `number` to `class`, from another class or from none.
    #[inline]
    pub fn put(&mut self, number: u32, class: usize) {
        self.remove(number);
        self.class[number as usize] = class as u8;
        self.sets[class].insert(number as usize);
    }

    /// Removes `number` from its class, if it is in one.
    #[inline]
    pub fn remove(&mut self, number: u32) {
        if let Some(class) = self.of(number) {
            self.sets[class].remove(number as usize);
            self.class[number as usize] = NONE;
        }
    }

    /// Returns the first number of `class` from `from` on, around the circle.
    #[inline]
    pub fn next_around(&self, class: usize, from: u32) -> Option<u32> {
        let found = self.sets[class].next_around(from as usize);
        found.map(|number| number as u32)
    }

    /// Returns the first number of `class` from `from` on, around the circle, other than `spare`.
    #[inline]
    pub fn next_around_but(&self, class: usize, from: u32, spare: Option<u32>) -> Option<u32> {
        match self.next_around(class, from)? {
            found if Some(found) == spare => {
                let next = self.next_around(class, found + 1);
                next.filter(|&next| next != found)
            }
            found => Some(found),
        }
    }

    /// Returns the least number of `class` in `range`.
    #[inline]
    pub fn within(&self, class: usize, range: &Range<usize>) -> Option<u32> {
        self.sets[class].within(range).map(|number| number as u32)
    }

    /// Returns all numbers that are in a class, from `from` on around the circle.
    pub fn around(&self, from: u32) -> impl Iterator<Item = u32> + '_ {
        let n = self.class.len() as u32;
        let circle = (from..n).chain(0..from.min(n));
        circle.filter(|&number| self.of(number).is_some())
    }
}

/// Returns the positions from `from` up to `to` on a circle of `n`, as two ranges; the whole circle
/// if `to` is `None`.
pub fn spans(from: u32, to: Option<u32>, n: usize) -> [Range<usize>; 2] {
    let from = from as usize;
    match to.map(|to| to as usize) {
        Some(to) if to >= from => [from..to, 0..0],
        Some(to) => [from..n, 0..to],
        None => [from..n, 0..from.min(n)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_agree_with_a_list_that_is_searched() {
        let mut state = 7u32;
        for n in [1, 3, 64, 200] {
            let mut classes: Classes<3> = Classes::new(n);
            let mut model = vec![None; n as usize];
            for _ in 0..3000 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let (number, class) = ((state >> 8) % n, (state >> 20) as usize % 3);
                if state >> 28 < 5 {
                    classes.remove(number);
                    model[number as usize] = None;
                } else {
                    classes.put(number, class);
                    model[number as usize] = Some(class);
                }
                assert_eq!(classes.of(number), model[number as usize]);
                let from = (state >> 4) % (n + 1);
                let circle = || (from..n).chain(0..from);
                let taken = circle().filter(|&at| model[at as usize].is_some());
                assert!(classes.around(from).eq(taken));
                for class in 0..3 {
                    let is = |at: &u32| model[*at as usize] == Some(class);
                    assert_eq!(classes.next_around(class, from), circle().find(is));
                    let to = (n - number) as usize;
                    let found = (from..n).filter(|&at| (at as usize) < to).find(is);
                    assert_eq!(classes.within(class, &(from as usize..to)), found);
                }
            }
        }
    }

    #[test]
    fn spans_go_around() {
        let places =
            |from, to| -> Vec<usize> { spans(from, to, 4).into_iter().flatten().collect() };
        assert_eq!(places(1, Some(3)), [1, 2]);
        assert_eq!(places(3, Some(1)), [3, 0]);
        assert_eq!(places(4, Some(2)), [0, 1]);
        assert_eq!(places(2, Some(2)), [0; 0]);
        assert_eq!(places(2, None), [2, 3, 0, 1]);
        assert_eq!(places(4, None), [0, 1, 2, 3]);
    }
}
