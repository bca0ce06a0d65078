//! The areas of one address space, as far as a recorder must know them: what is mapped where, and
//! what may be done there. Deliberately absent: pages, frames, sharing (see `space`).
//!
//! Everything is a multiple of [`PAGE`]; callers round.

use crate::trace::event::{Backing, Protection};
use crate::trace::record::Kind;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The granule of mappings, in bytes.
pub const PAGE: u64 = 4096;
/// User space ends here.
pub const USER_END: u64 = 1 << 56;
/// How far a stack may grow, in bytes.
const STACK_MOST: u64 = 8 << 20;

/// How the recorder came to know of an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The program, or the system for it, mapped it.
    Program,
    /// It is valgrind's own: some functions of the program are replaced by valgrind's.
    Valgrind,
    /// Only an access shows that it exists.
    Unknown,
}

/// A mapped area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    /// The first byte behind it.
    pub end: u64,
    /// What may be done there.
    pub protection: Protection,
    /// Writes are seen by others.
    pub shared: bool,
    /// It is a stack.
    pub grows_down: bool,
    /// What it holds at first; a file's offset is that of the area's first byte.
    pub backing: Backing,
    /// Its name.
    pub name: Arc<str>,
    /// How it is known.
    pub origin: Origin,
}

/// The areas of an address space, and its heap.
#[derive(Debug, Clone, Default)]
pub struct Areas {
    areas: BTreeMap<u64, Area>,
    /// Where the heap begins and ends, once the program asked.
    pub heap: Option<(u64, u64)>,
}

/// Whether an access is in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is; the area is of this origin, and this may be done there.
    Fine(Origin, Protection),
    /// The area does not allow it; this is what it allows.
    Forbidden(Protection),
    /// Nothing is mapped there.
    Nothing,
}

impl Areas {
    /// Maps an area, in place of what was there.
    pub fn insert(&mut self, start: u64, area: Area) {
        self.remove(start, area.end);
        if start < area.end {
            self.areas.insert(start, area);
        }
    }

    /// Unmaps a range.
    pub fn remove(&mut self, start: u64, end: u64) {
        self.split(start);
        self.split(end);
        let inside: Vec<u64> = self.starts(start, end).collect();
        for at in inside {
            self.areas.remove(&at);
        }
    }

    /// Changes what may be done in a range.
    pub fn protect(&mut self, start: u64, end: u64, protection: Protection) {
        self.split(start);
        self.split(end);
        if start < end {
            for (_, area) in self.areas.range_mut(start..end) {
                area.protection = protection;
            }
        }
    }

    /// The area that holds this byte, and where it begins.
    pub fn at(&self, byte: u64) -> Option<(u64, &Area)> {
        let (&start, area) = self.areas.range(..=byte).next_back()?;
        (byte < area.end).then_some((start, area))
    }

    /// Whether anything is mapped in a range.
    pub fn overlaps(&self, start: u64, end: u64) -> bool {
        self.at(start).is_some() || self.starts(start, end).next().is_some()
    }

    /// The largest free range around a free byte, within these bounds.
    pub fn gap(&self, byte: u64, start: u64, end: u64) -> (u64, u64) {
        let before = self.areas.range(..=byte).next_back();
        let after = self.areas.range(byte..).next();
        (
            before.map_or(start, |(_, area)| area.end.max(start)),
            after.map_or(end, |(&next, _)| next.min(end)),
        )
    }

    /// Judges an access of the page that begins here. A stack grows to meet it.
    pub fn judge(&mut self, page: u64, kind: Kind) -> Verdict {
        if let Some((_, area)) = self.at(page) {
            return area.judge(kind);
        }
        let Some((&start, area)) = self.areas.range(page..).next() else {
            return Verdict::Nothing;
        };
        if !area.grows_down || area.end - page > STACK_MOST {
            return Verdict::Nothing;
        }
        let area = area.clone();
        let verdict = area.judge(kind);
        self.areas.remove(&start);
        self.areas.insert(page, area);
        verdict
    }

    fn starts(&self, start: u64, end: u64) -> impl Iterator<Item = u64> {
        self.areas
            .range(start..end.max(start))
            .map(|(&start, _)| start)
    }

    /// Makes an area end, and the next begin, at this byte.
    fn split(&mut self, byte: u64) {
        let Some((start, area)) = self.at(byte) else {
            return;
        };
        if start == byte {
            return;
        }
        let mut upper = area.clone();
        upper.backing = moved(upper.backing, byte - start);
        // What grows is the lowest part.
        upper.grows_down = false;
        if let Some(lower) = self.areas.get_mut(&start) {
            lower.end = byte;
        }
        self.areas.insert(byte, upper);
    }
}

impl Area {
    fn judge(&self, kind: Kind) -> Verdict {
        let p = self.protection;
        let allowed = match kind {
            Kind::Ifetch => p.execute,
            Kind::Read => p.read,
            Kind::Write => p.write,
        };
        match allowed {
            true => Verdict::Fine(self.origin, p),
            false => Verdict::Forbidden(p),
        }
    }
}

/// The same so many bytes further on.
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
            name: "".into(),
            origin: Origin::Program,
        }
    }

    #[test]
    fn areas_are_cut_and_keep_their_place_in_the_file() {
        let mut areas = Areas::default();
        areas.insert(0x1000, area(0x9000, "rw-"));
        areas.remove(0x3000, 0x4000);
        areas.protect(0x6000, 0x7000, Protection::default());
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
        assert_eq!(areas.judge(0x3000, Kind::Read), Verdict::Nothing);
        assert!(matches!(
            areas.judge(0x6000, Kind::Read),
            Verdict::Forbidden(_)
        ));
        assert!(matches!(
            areas.judge(0x5000, Kind::Write),
            Verdict::Fine(..)
        ));
        assert!(matches!(
            areas.judge(0x5000, Kind::Ifetch),
            Verdict::Forbidden(_)
        ));
        assert!(areas.overlaps(0, 0x1001) && !areas.overlaps(0, 0x1000));
        assert!(!areas.overlaps(0x3000, 0x4000) && areas.overlaps(0x3000, 0x4001));
        assert_eq!(areas.gap(0x3000, 0, u64::MAX), (0x3000, 0x4000));
        assert_eq!(areas.gap(0xa000, 0x9800, 0xc000), (0x9800, 0xc000));
    }

    #[test]
    fn a_stack_grows_eight_mebibytes_and_no_further() {
        let mut areas = Areas::default();
        let mut stack = area(0x1000_0000, "rw-");
        stack.grows_down = true;
        areas.insert(0x0fff_f000, stack);
        assert!(matches!(
            areas.judge(0x0ff0_0000, Kind::Write),
            Verdict::Fine(..)
        ));
        assert_eq!(areas.at(0x0ff8_0000).unwrap().0, 0x0ff0_0000);
        assert_eq!(areas.judge(0x0f7f_f000, Kind::Write), Verdict::Nothing);
    }
}
