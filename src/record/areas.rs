//! The areas of one address space, as far as a recorder needs them: the ranges that are mapped, and
//! their protection. Deliberately absent: pages, frames, sharing (see `space`).
//!
//! All bounds are multiples of [`PAGE`]; callers round.

use crate::trace::model::event::{Backing, Protection, STACK_LIMIT};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// The granule of mappings, in bytes.
pub const PAGE: u64 = 4096;

/// How the recorder came to know of an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AreaOrigin {
    /// The program, or the system for it, mapped it.
    Program,
    /// It is valgrind's own: valgrind replaces some functions of the program by its own.
    Valgrind,
    /// Only an access shows that it exists.
    Unknown,
}

/// A mapped area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    /// One past the last byte.
    pub end: u64,
    pub protection: Protection,
    pub shared: bool,
    /// True for a stack.
    pub grows_down: bool,
    /// The initial content; a file's offset is that of the area's first byte.
    pub backing: Backing,
    /// Its file is memory.
    pub swap_backed: bool,
    pub name: Arc<str>,
    pub origin: AreaOrigin,
}

/// The areas of an address space, and its heap.
#[derive(Debug, Clone, Default)]
pub struct Areas {
    /// By their first byte.
    areas: BTreeMap<u64, Area>,
    /// The heap, once the program asked for its end.
    pub heap: Option<Range<u64>>,
}

impl Areas {
    /// Maps an area at `start`, in place of what was there.
    pub fn insert(&mut self, start: u64, area: Area) {
        self.remove(start..area.end);
        if start < area.end {
            self.areas.insert(start, area);
        }
    }

    /// Unmaps a range.
    pub fn remove(&mut self, range: Range<u64>) {
        self.split(range.start);
        self.split(range.end);
        let inside: Vec<u64> = self.starts(range).collect();
        for at in inside {
            self.areas.remove(&at);
        }
    }

    /// Changes the protection of what is mapped in a range.
    pub fn protect(&mut self, range: Range<u64>, protection: Protection) {
        self.split(range.start);
        self.split(range.end);
        if !range.is_empty() {
            for (_, area) in self.areas.range_mut(range) {
                area.protection = protection;
            }
        }
    }

    /// The area that holds `byte`, and the area's first byte.
    pub fn at(&self, byte: u64) -> Option<(u64, &Area)> {
        let (&start, area) = self.areas.range(..=byte).next_back()?;
        (byte < area.end).then_some((start, area))
    }

    /// Returns true if anything is mapped in a range.
    pub fn overlaps(&self, range: Range<u64>) -> bool {
        self.at(range.start).is_some() || self.starts(range).next().is_some()
    }

    /// Returns true if anything but mappings of valgrind is mapped in a range.
    pub fn overlaps_program(&self, range: Range<u64>) -> bool {
        let first = self.at(range.start).map(|(start, _)| start);
        let mut starts = first.into_iter().chain(self.starts(range));
        starts.any(|start| self.areas[&start].origin != AreaOrigin::Valgrind)
    }

    /// Returns true if all of a range is mapped.
    pub fn covers(&self, range: Range<u64>) -> bool {
        let mut from = range.start;
        while from < range.end {
            match self.at(from) {
                Some((_, area)) => from = area.end,
                None => return false,
            }
        }
        true
    }

    /// Moves what is mapped in `old` to `new`, which is free. The last area gets the length of `new`;
    /// what does not fit is dropped. With `keep` the old areas stay.
    pub fn relocate(&mut self, old: Range<u64>, new: Range<u64>, keep: bool) {
        self.split(old.start);
        self.split(old.end);
        let starts: Vec<u64> = self.starts(old.clone()).collect();
        let mut moving: Vec<(u64, Area)> = Vec::new();
        for start in starts {
            moving.push((start, self.areas[&start].clone()));
            if !keep {
                self.areas.remove(&start);
            }
        }
        let length = new.end - new.start;
        moving.retain(|(start, _)| start - old.start < length);
        let last = moving.len().wrapping_sub(1);
        for (at, (start, mut area)) in moving.into_iter().enumerate() {
            area.end = match at == last {
                true => new.end,
                false => area.end - old.start + new.start,
            };
            self.areas.insert(start - old.start + new.start, area);
        }
    }

    /// Maps what `other` has where nothing is mapped here.
    pub fn add_missing(&mut self, other: &Areas) {
        for (&start, area) in &other.areas {
            let mut at = start;
            while at < area.end {
                if let Some((_, here)) = self.at(at) {
                    at = here.end;
                    continue;
                }
                let Range { end, .. } = self.gap(at, start..area.end);
                let part = Area {
                    end,
                    backing: moved(area.backing, at - start),
                    ..area.clone()
                };
                self.areas.insert(at, part);
                at = end;
            }
        }
    }

    /// The largest free range around a free byte, within `bounds`.
    pub fn gap(&self, byte: u64, bounds: Range<u64>) -> Range<u64> {
        let before = self.areas.range(..=byte).next_back();
        let after = self.areas.range(byte..).next();
        let start = before.map_or(bounds.start, |(_, area)| area.end.max(bounds.start));
        let end = after.map_or(bounds.end, |(&next, _)| next.min(bounds.end));
        start..end
    }

    /// The area that holds the page at `page`. A stack above a free page grows to hold it, if it then
    /// has at most [`STACK_LIMIT`] bytes.
    pub fn at_or_grow(&mut self, page: u64) -> Option<&Area> {
        if self.at(page).is_none() {
            let (&start, area) = self.areas.range(page..).next()?;
            if !area.grows_down || area.end - page > STACK_LIMIT {
                return None;
            }
            let area = self.areas.remove(&start)?;
            self.areas.insert(page, area);
        }
        self.at(page).map(|(_, area)| area)
    }

    fn starts(&self, range: Range<u64>) -> impl Iterator<Item = u64> {
        self.areas
            .range(range.start..range.end.max(range.start))
            .map(|(&start, _)| start)
    }

    /// Makes an area end, and the next begin, at `byte`.
    fn split(&mut self, byte: u64) {
        let Some((start, area)) = self.at(byte) else {
            return;
        };
        if start == byte {
            return;
        }
        let mut upper = area.clone();
        upper.backing = moved(upper.backing, byte - start);
        // Only the lowest part of a stack grows.
        upper.grows_down = false;
        if let Some(lower) = self.areas.get_mut(&start) {
            lower.end = byte;
        }
        self.areas.insert(byte, upper);
    }
}

/// The backing of the memory that begins `by` bytes further on.
pub fn moved(backing: Backing, by: u64) -> Backing {
    match backing {
        Backing::Anonymous => Backing::Anonymous,
        Backing::File {
            file,
            offset,
            length,
        } => Backing::File {
            file,
            offset: offset.saturating_add(by),
            length,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::model::access::Kind;

    fn area(end: u64, protection: &str) -> Area {
        Area {
            end,
            protection: Protection::parse(protection).unwrap(),
            shared: false,
            grows_down: false,
            backing: Backing::File {
                file: 0,
                offset: 0,
                length: 9,
            },
            swap_backed: false,
            name: "".into(),
            origin: AreaOrigin::Program,
        }
    }

    #[test]
    fn areas_are_cut_and_keep_their_place_in_the_file() {
        let mut areas = Areas::default();
        areas.insert(0x1000, area(0x9000, "rw-"));
        areas.remove(0x3000..0x4000);
        areas.protect(0x6000..0x7000, Protection::default());
        let list: Vec<_> = areas.areas.iter().map(|(s, a)| (*s, a.end)).collect();
        assert_eq!(
            list,
            [
                (0x1000, 0x3000),
                (0x4000, 0x6000),
                (0x6000, 0x7000),
                (0x7000, 0x9000)
            ]
        );
        let Backing::File { offset, .. } = areas.at(0x8fff).unwrap().1.backing else {
            panic!()
        };
        assert_eq!(offset, 0x6000);
        let allows = |areas: &mut Areas, page, kind| {
            let area = areas.at_or_grow(page);
            area.map(|area| area.protection.allows(kind))
        };
        assert_eq!(allows(&mut areas, 0x3000, Kind::Read), None);
        assert_eq!(allows(&mut areas, 0x6000, Kind::Read), Some(false));
        assert_eq!(allows(&mut areas, 0x5000, Kind::Write), Some(true));
        assert_eq!(allows(&mut areas, 0x5000, Kind::Ifetch), Some(false));
        assert!(areas.overlaps(0..0x1001) && !areas.overlaps(0..0x1000));
        assert!(!areas.overlaps(0x3000..0x4000) && areas.overlaps(0x3000..0x4001));
        assert_eq!(areas.gap(0x3000, 0..u64::MAX), 0x3000..0x4000);
        assert_eq!(areas.gap(0xa000, 0x9800..0xc000), 0x9800..0xc000);
    }

    #[test]
    fn areas_move_with_their_place_in_the_file() {
        let mut areas = Areas::default();
        areas.insert(0x1000, area(0x5000, "rw-"));
        areas.insert(0x5000, area(0x7000, "r--"));
        let list = |areas: &Areas| -> Vec<(u64, u64, u64)> {
            let offset = |area: &Area| match area.backing {
                Backing::File { offset, .. } => offset,
                Backing::Anonymous => panic!(),
            };
            let one = |(&start, area): (&u64, &Area)| (start, area.end, offset(area));
            areas.areas.iter().map(one).collect()
        };
        assert!(areas.covers(0x1000..0x7000) && !areas.covers(0x1000..0x7001));
        areas.relocate(0x4000..0x7000, 0x1_4000..0x1_8000, true);
        let kept = [
            (0x1000, 0x4000, 0),
            (0x4000, 0x5000, 0x3000),
            (0x5000, 0x7000, 0),
            (0x1_4000, 0x1_5000, 0x3000),
            (0x1_5000, 0x1_8000, 0),
        ];
        assert_eq!(list(&areas), kept);
        areas.relocate(0x1_4000..0x1_8000, 0x9000..0xa000, false);
        areas.relocate(0x2000..0x4000, 0x2000..0x3000, false);
        let left = [
            (0x1000, 0x2000, 0),
            (0x2000, 0x3000, 0x1000),
            (0x4000, 0x5000, 0x3000),
            (0x5000, 0x7000, 0),
            (0x9000, 0xa000, 0x3000),
        ];
        assert_eq!(list(&areas), left);
        assert!(!areas.covers(0x2000..0x5000));
    }

    #[test]
    fn a_stack_grows_eight_mebibytes_and_no_further() {
        let mut areas = Areas::default();
        let mut stack = area(0x1000_0000, "rw-");
        stack.grows_down = true;
        areas.insert(0x0fff_f000, stack);
        assert!(areas.at_or_grow(0x0ff0_0000).is_some());
        assert_eq!(areas.at(0x0ff8_0000).unwrap().0, 0x0ff0_0000);
        assert_eq!(areas.at_or_grow(0x0f7f_f000), None);
    }
}
