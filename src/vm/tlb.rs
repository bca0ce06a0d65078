//! Translation look-aside buffers: a split first level for instructions and data, a shared second
//! level, LRU replacement within each set, any number of entries and ways; behind them the page
//! walk. Knows nothing of frames, faults and policies: it is told which page is referenced and
//! which page leaves memory.

use super::counters::TlbCounters;
use crate::trace::dense::PageKey;
use crate::units::PageId;
use std::fmt;
use std::str::FromStr;

/// The shape of one TLB. Neither number needs to be a power of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Entries in all sets together.
    pub entries: u32,
    /// Entries of one set; equal to `entries` for a fully associative TLB.
    pub ways: u32,
}

/// The whole translation hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// First level, instructions.
    pub l1i: Shape,
    /// First level, data.
    pub l1d: Shape,
    /// Second level, shared.
    pub l2: Shape,
    /// Levels of the page table: entries that a walk reads.
    pub levels: u32,
}

impl Default for Geometry {
    /// 64 entries in 4 ways for each first level, 1536 entries in 12 ways behind them, a page
    /// table of 4 levels: a usual 64-bit server of the late 2010s.
    fn default() -> Geometry {
        Geometry {
            l1i: Shape {
                entries: 64,
                ways: 4,
            },
            l1d: Shape {
                entries: 64,
                ways: 4,
            },
            l2: Shape {
                entries: 1536,
                ways: 12,
            },
            levels: 4,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.entries, self.ways)
    }
}

impl fmt::Display for Geometry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "l1i={},l1d={},l2={},levels={}",
            self.l1i, self.l1d, self.l2, self.levels
        )
    }
}

/// A geometry that cannot be: a lowercase sentence that says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GeometryError(String);

impl FromStr for Shape {
    type Err = GeometryError;
    fn from_str(text: &str) -> Result<Shape, GeometryError> {
        let wrong = |why: &str| GeometryError(format!("tlb \"{text}\": {why}"));
        let (entries, ways) = text.split_once('x').unwrap_or((text, text));
        let number = |digits: &str| {
            digits
                .trim()
                .parse::<u32>()
                .map_err(|_| wrong("write ENTRIESxWAYS, as in 1536x12"))
        };
        let shape = Shape {
            entries: number(entries)?,
            ways: number(ways)?,
        };
        match shape {
            Shape { entries: 0, .. } | Shape { ways: 0, .. } => {
                Err(wrong("at least one entry and one way"))
            }
            Shape { entries, .. } if entries > 1 << 24 => Err(wrong("at most 2^24 entries")),
            Shape { entries, ways } if !entries.is_multiple_of(ways) => {
                Err(wrong("the ways do not divide the entries into whole sets"))
            }
            shape => Ok(shape),
        }
    }
}

impl FromStr for Geometry {
    type Err = GeometryError;
    /// Reads `l1i=64x4,l1d=64x4,l2=1536x12,levels=4`; what is left out keeps its default.
    fn from_str(text: &str) -> Result<Geometry, GeometryError> {
        let mut geometry = Geometry::default();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let wrong = || {
                GeometryError(format!(
                    "tlb \"{part}\": write l1i=64x4,l1d=64x4,l2=1536x12,levels=4, or none"
                ))
            };
            let (key, value) = part.split_once('=').ok_or_else(wrong)?;
            match key.trim() {
                "l1" => (geometry.l1i, geometry.l1d) = (value.parse()?, value.parse()?),
                "l1i" => geometry.l1i = value.parse()?,
                "l1d" => geometry.l1d = value.parse()?,
                "l2" => geometry.l2 = value.parse()?,
                "levels" => match value.parse() {
                    Ok(levels @ 1..=8) => geometry.levels = levels,
                    _ => {
                        return Err(GeometryError(format!(
                            "tlb levels \"{value}\": from 1 to 8"
                        )));
                    }
                },
                _ => return Err(wrong()),
            }
        }
        Ok(geometry)
    }
}

/// What the replay needs of translation. Two implementations: [`Tlbs`], and `()` for none, which
/// compiles away.
pub trait Translation {
    /// The page is referenced; `now` grows with every call.
    fn translate(&mut self, page: PageId, ifetch: bool, now: u64);
    /// The page leaves memory: entries for it are dropped.
    fn shoot_down(&mut self, page: PageId);
    /// The counters so far; `None` if nothing is modelled.
    fn counters(&self) -> Option<TlbCounters>;
}

impl Translation for () {
    #[inline(always)]
    fn translate(&mut self, _page: PageId, _ifetch: bool, _now: u64) {}
    #[inline(always)]
    fn shoot_down(&mut self, _page: PageId) {}
    fn counters(&self) -> Option<TlbCounters> {
        None
    }
}

/// No entry, or an empty entry.
const NONE: u32 = u32::MAX;

/// One set-associative buffer. Where a page has its entry is kept in [`Tlbs::at`], so a hit is a
/// load and a store whatever the number of ways; sets are searched at misses only.
struct Level {
    sets: u64,
    ways: usize,
    /// The page of each entry.
    page: Vec<PageId>,
    /// When each entry was last used.
    used: Vec<u64>,
}

impl Level {
    fn new(shape: Shape) -> Level {
        Level {
            sets: u64::from(shape.entries / shape.ways),
            ways: shape.ways as usize,
            page: vec![NONE; shape.entries as usize],
            used: vec![0; shape.entries as usize],
        }
    }

    /// Puts a page in its set, into an empty entry or the least recently used one. Returns the
    /// entry and the page that was there.
    fn insert(&mut self, page: PageId, number: u64, now: u64) -> (u32, PageId) {
        let first = (number % self.sets) as usize * self.ways;
        let mut chosen = first;
        for entry in first..first + self.ways {
            if self.page[entry] == NONE {
                chosen = entry;
                break;
            }
            if self.used[entry] < self.used[chosen] {
                chosen = entry;
            }
        }
        self.used[chosen] = now;
        (
            chosen as u32,
            std::mem::replace(&mut self.page[chosen], page),
        )
    }
}

const L1I: usize = 0;
const L1D: usize = 1;
const L2: usize = 2;

/// The two-level TLB and the walk. Entries are tagged by process: a dense page id is one page of
/// one process.
pub struct Tlbs<'t> {
    pages: &'t [PageKey],
    levels: [Level; 3],
    /// For each page, its entry in each level.
    at: Vec<[u32; 3]>,
    walk_levels: u64,
    counters: TlbCounters,
}

impl<'t> Tlbs<'t> {
    /// Empty TLBs for a trace with these pages.
    pub fn new(geometry: &Geometry, pages: &'t [PageKey]) -> Tlbs<'t> {
        Tlbs {
            pages,
            levels: [
                Level::new(geometry.l1i),
                Level::new(geometry.l1d),
                Level::new(geometry.l2),
            ],
            at: vec![[NONE; 3]; pages.len()],
            walk_levels: u64::from(geometry.levels),
            counters: TlbCounters::default(),
        }
    }

    fn insert(&mut self, level: usize, page: PageId, now: u64) {
        let number = self.pages[page as usize].number;
        let (entry, dropped) = self.levels[level].insert(page, number, now);
        if dropped != NONE {
            self.at[dropped as usize][level] = NONE;
        }
        self.at[page as usize][level] = entry;
    }

    /// The first level missed.
    #[inline(never)]
    fn miss(&mut self, page: PageId, first: usize, now: u64) {
        let entry = self.at[page as usize][L2];
        if entry != NONE {
            self.levels[L2].used[entry as usize] = now;
            self.counters.l2_hits += 1;
        } else {
            self.counters.misses += 1;
            self.insert(L2, page, now);
        }
        self.insert(first, page, now);
    }
}

impl Translation for Tlbs<'_> {
    #[inline(always)]
    fn translate(&mut self, page: PageId, ifetch: bool, now: u64) {
        let first = if ifetch { L1I } else { L1D };
        let entry = self.at[page as usize][first];
        if entry != NONE {
            self.levels[first].used[entry as usize] = now;
            self.counters.l1i_hits += u64::from(ifetch);
            self.counters.l1d_hits += u64::from(!ifetch);
        } else {
            self.miss(page, first, now);
        }
    }

    fn shoot_down(&mut self, page: PageId) {
        for level in [L1I, L1D, L2] {
            let entry = std::mem::replace(&mut self.at[page as usize][level], NONE);
            if entry != NONE {
                self.levels[level].page[entry as usize] = NONE;
                self.counters.shootdowns += 1;
            }
        }
    }

    fn counters(&self) -> Option<TlbCounters> {
        let walk_refs = self.counters.misses * self.walk_levels;
        Some(TlbCounters {
            walk_refs,
            ..self.counters
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn geometries_read_and_print() {
        let text = "l1i=32x32,l1d=48x3,l2=3072x6,levels=5";
        assert_eq!(text.parse::<Geometry>().unwrap().to_string(), text);
        assert_eq!("".parse::<Geometry>().unwrap(), Geometry::default());
        for (text, why) in [
            ("l1=64x5", "whole sets"),
            ("l1=0x4", "at least one"),
            ("l3=64x4", "write l1i="),
            ("l2=lots", "ENTRIESxWAYS"),
            ("levels=9", "from 1 to 8"),
            ("64", "write l1i="),
        ] {
            assert!(
                text.parse::<Geometry>()
                    .unwrap_err()
                    .to_string()
                    .contains(why),
                "{text}"
            );
        }
    }

    /// Three pages in one set of two ways, drawn step by step: the set after each reference, the
    /// most recent page first.
    #[test]
    fn the_least_recent_entry_of_a_set_goes() {
        let pages: Vec<PageKey> = (0..3)
            .map(|n| PageKey {
                process: 0,
                number: n * 2,
            })
            .collect();
        let shape = Shape {
            entries: 4,
            ways: 2,
        };
        let geometry = Geometry {
            l1i: shape,
            l1d: shape,
            l2: Shape {
                entries: 1,
                ways: 1,
            },
            levels: 3,
        };
        let mut tlbs = Tlbs::new(&geometry, &pages);
        let steps: [(PageId, u64, u64); 7] = [
            (0, 0, 1), // 0
            (1, 0, 2), // 1 0
            (0, 1, 2), // 0 1
            (2, 1, 3), // 2 0    1 leaves
            (0, 2, 3), // 0 2
            (1, 2, 4), // 1 0    2 leaves
            (1, 3, 4), // 1 0
        ];
        for (now, (page, hits, misses)) in steps.into_iter().enumerate() {
            tlbs.translate(page, false, now as u64);
            let counters = tlbs.counters().unwrap();
            assert_eq!(
                (counters.l1d_hits, counters.misses),
                (hits, misses),
                "step {now}"
            );
        }
        tlbs.shoot_down(1);
        let counters = tlbs.counters().unwrap();
        assert_eq!(
            (counters.shootdowns, counters.walk_refs),
            (2, 12),
            "in L1D and in L2"
        );
    }
}
