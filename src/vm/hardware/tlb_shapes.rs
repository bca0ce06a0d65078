//! Translation hardware as data: the shapes of TLBs and page-walk caches, their text form, and how a
//! page size shortens walks. Knows neither how entries are replaced nor which processor has them.
//!
//! The text form is `l1i=64x4,l1d=64x4,l2=1536x12,levels=4`; what is left out keeps its default.
//! `16xfull` is fully associative; `:fifo` after a TLB replaces the entry that came in first.
//! `l2i=` and `l2d=` split the second level, `none` leaves it (or one half) out; `pwc=2/4/32` are
//! the page-walk caches, from the root of the table down, `0` for none at that level; `tags=off`
//! flushes everything when the process changes.

use crate::units::PageSize;
use crate::units::did_you_mean;
use std::fmt;
use std::str::FromStr;

/// Which entry of a full set a new one replaces. An empty entry is always taken first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Replacement {
    /// The entry that was used least recently.
    #[default]
    Lru,
    /// The entry that came in first, however recently it was used.
    Fifo,
}

/// The shape of one TLB. Neither number needs to be a power of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Entries in all sets together.
    pub entries: u32,
    /// Entries of one set; equal to `entries` for a fully associative TLB.
    pub ways: u32,
    /// Which entry of a full set goes.
    pub replacement: Replacement,
}

impl Shape {
    /// Returns a set-associative shape that replaces by LRU.
    pub const fn new(entries: u32, ways: u32) -> Shape {
        Shape {
            entries,
            ways,
            replacement: Replacement::Lru,
        }
    }

    /// Returns this shape, replacing by `replacement`.
    #[must_use]
    pub const fn replacing_by(self, replacement: Replacement) -> Shape {
        Shape {
            replacement,
            ..self
        }
    }

    /// Returns a fully associative shape: one set of all entries.
    pub const fn full(entries: u32) -> Shape {
        Shape::new(entries, entries)
    }

    /// Returns the number of sets.
    pub const fn sets(self) -> u32 {
        self.entries / self.ways
    }

    /// Returns the bytes that the entries map when each maps a page of `page` bytes: the TLB's reach.
    pub const fn reach(self, page: u64) -> u64 {
        self.entries as u64 * page
    }
}

/// The second level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Second {
    /// No second level: a miss of the first level is a walk.
    Absent,
    /// One TLB for instructions and data.
    Shared(Shape),
    /// One TLB for each, or for one of them only.
    Split {
        /// Instructions.
        instructions: Option<Shape>,
        /// Data.
        data: Option<Shape>,
    },
}

impl Second {
    /// Returns the part that serves instructions and the part that serves data.
    pub const fn parts(self) -> [Option<Shape>; 2] {
        match self {
            Second::Absent => [None, None],
            Second::Shared(shape) => [Some(shape), Some(shape)],
            Second::Split { instructions, data } => [instructions, data],
        }
    }
}

/// Index bits of one level in tables of 512 entries of 8 bytes.
pub(in crate::vm) const RADIX_BITS: u32 = 9;

/// The most levels of a page table.
pub const LEVELS_MAX: u32 = 8;

/// Page-walk caches by the level whose entries they hold, from the root down; `None` for a level
/// without one. The last level of a table holds pages, not tables, and has none.
pub type WalkCacheShapes = [Option<Shape>; LEVELS_MAX as usize - 1];

/// The whole translation hardware as one page size sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// First level, instructions.
    pub l1i: Shape,
    /// First level, data.
    pub l1d: Shape,
    /// Second level.
    pub l2: Second,
    /// Levels of the page table: entries that a walk reads without page-walk caches.
    pub levels: u32,
    /// log2 of the size, in bytes, of the pages that the last of these levels names.
    pub leaf_bits: u32,
    /// Index bits of a level: each level above covers `2^radix_bits` times the one below.
    pub radix_bits: u32,
    /// Page-walk caches.
    pub pwc: WalkCacheShapes,
    /// Entries are tagged with their process; without tags, a reference by another process than
    /// the one before flushes TLBs and page-walk caches.
    pub tags: bool,
}

impl Default for Geometry {
    /// 64 entries in 4 ways for each first level, 1536 entries in 12 ways after them, a page
    /// table of 4 levels, tags, no page-walk caches: a usual 64-bit server of the late 2010s.
    fn default() -> Geometry {
        Geometry {
            l1i: Shape::new(64, 4),
            l1d: Shape::new(64, 4),
            l2: Second::Shared(Shape::new(1536, 12)),
            levels: 4,
            leaf_bits: 12,
            radix_bits: RADIX_BITS,
            pwc: WalkCacheShapes::default(),
            tags: true,
        }
    }
}

impl Geometry {
    /// Returns the TLBs alone, which decide what misses: `l1i=64x4,l1d=64x4,l2=1536x12`, and `tags=off`
    /// without tags. Walks and their caches decide only what a miss costs.
    pub fn tlbs(&self) -> String {
        self.arrays() + if self.tags { "" } else { ",tags=off" }
    }

    fn arrays(&self) -> String {
        let or_none = |shape: Option<Shape>| shape.map_or("none".to_owned(), |s| s.to_string());
        let second = match self.l2 {
            Second::Absent => "l2=none".to_owned(),
            Second::Shared(shape) => format!("l2={shape}"),
            Second::Split { instructions, data } => {
                format!("l2i={},l2d={}", or_none(instructions), or_none(data))
            }
        };
        format!("l1i={},l1d={},{second}", self.l1i, self.l1d)
    }

    /// Returns this hardware for pages of size `page`, if `levels` is the number for 4 KiB pages: a
    /// page of 2 MiB and more is named one level higher, one of 1 GiB two.
    pub fn for_pages(self, page: PageSize) -> Geometry {
        let higher = large_levels(page);
        Geometry {
            leaf_bits: self.leaf_bits + RADIX_BITS * higher,
            ..self.with_levels(self.levels.saturating_sub(higher).max(1))
        }
    }

    /// Returns this hardware with `levels` levels. Drops the caches of levels that name no table any
    /// more.
    pub fn with_levels(self, levels: u32) -> Geometry {
        let mut pwc = self.pwc;
        pwc[levels as usize - 1..].fill(None);
        Geometry {
            levels,
            pwc,
            ..self
        }
    }
}

/// Returns by how many levels a walk for a page of this size is shorter than for a 4 KiB page, in
/// tables of 512 entries: 1 from 2 MiB on, 2 at 1 GiB.
pub fn large_levels(page: PageSize) -> u32 {
    u32::from(page.shift().saturating_sub(12)) / RADIX_BITS
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.entries, self.ways)?;
        match self.replacement {
            Replacement::Lru => Ok(()),
            Replacement::Fifo => f.write_str(":fifo"),
        }
    }
}

impl fmt::Display for Geometry {
    /// Only what differs from a tagged hierarchy with a shared second level and no page-walk
    /// caches is written beside the four usual parts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},levels={}", self.arrays(), self.levels)?;
        if let Some(last) = self.pwc.iter().rposition(Option::is_some) {
            let texts: Vec<String> = self.pwc[..=last].iter().copied().map(show_cache).collect();
            write!(f, ",pwc={}", texts.join("/"))?;
        }
        f.write_str(if self.tags { "" } else { ",tags=off" })
    }
}

/// Shows a page-walk cache: its entries, and its ways only if it is not fully associative.
fn show_cache(cache: Option<Shape>) -> String {
    match cache {
        None => "0".into(),
        Some(shape) if shape.ways == shape.entries => shape.entries.to_string(),
        Some(shape) => shape.to_string(),
    }
}

/// A geometry that is not valid; the message is a lowercase sentence that says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GeometryError(pub(in crate::vm) String);

impl FromStr for Shape {
    type Err = GeometryError;
    fn from_str(text: &str) -> Result<Shape, GeometryError> {
        let wrong = |why: &str| GeometryError(format!("tlb {text:?}: {why}"));
        let (size, replacement) = match text.split_once(':') {
            None => (text, Replacement::Lru),
            Some((size, "lru")) => (size, Replacement::Lru),
            Some((size, "fifo")) => (size, Replacement::Fifo),
            Some(_) => return Err(wrong("entries are replaced by :lru or :fifo")),
        };
        let (entries, ways) = size.split_once('x').unwrap_or((size, "full"));
        let number = |digits: &str| {
            digits
                .trim()
                .parse::<u32>()
                .map_err(|_| wrong("write ENTRIESxWAYS, as in 1536x12 or 16xfull"))
        };
        let entries = number(entries)?;
        let ways = match ways.trim() {
            "full" => entries,
            ways => number(ways)?,
        };
        match Shape::new(entries, ways).replacing_by(replacement) {
            Shape { entries: 0, .. } | Shape { ways: 0, .. } => {
                Err(wrong("at least one entry and one way"))
            }
            Shape { entries, .. } if entries > 1 << 24 => Err(wrong("at most 2^24 entries")),
            Shape { entries, ways, .. } if !entries.is_multiple_of(ways) => {
                Err(wrong("the ways do not divide the entries into whole sets"))
            }
            shape => Ok(shape),
        }
    }
}

/// Reads a shape, or `none`.
fn optional(text: &str) -> Result<Option<Shape>, GeometryError> {
    match text.trim() {
        "none" => Ok(None),
        text => text.parse().map(Some),
    }
}

fn walk_caches(text: &str) -> Result<WalkCacheShapes, GeometryError> {
    let mut caches = WalkCacheShapes::default();
    let parts: Vec<&str> = match text.trim() {
        "none" => Vec::new(),
        text => text.split('/').map(str::trim).collect(),
    };
    if parts.len() > caches.len() {
        let most = caches.len();
        let why = format!("tlb pwc {text:?}: at most {most} page-walk caches");
        return Err(GeometryError(why));
    }
    for (cache, part) in caches.iter_mut().zip(parts) {
        if part == "0" {
            continue;
        }
        let shape: Shape = part.parse()?;
        if shape.replacement != Replacement::Lru {
            let why = format!("tlb pwc {part:?}: page-walk caches replace by LRU");
            return Err(GeometryError(why));
        }
        *cache = Some(shape);
    }
    Ok(caches)
}

impl FromStr for Geometry {
    type Err = GeometryError;
    /// Reads the text form; what is left out keeps its default.
    fn from_str(text: &str) -> Result<Geometry, GeometryError> {
        let mut geometry = Geometry::default();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (key, value) = part.split_once('=').ok_or_else(|| unknown(part))?;
            set(&mut geometry, key.trim(), value.trim(), part)?;
        }
        let named = geometry.levels as usize - 1;
        if geometry.pwc[named..].iter().any(Option::is_some) {
            let why = format!(
                "tlb {text:?}: a walk through {} levels has at most {named} page-walk caches",
                geometry.levels
            );
            return Err(GeometryError(why));
        }
        Ok(geometry)
    }
}

/// The parts of a geometry, and the alternatives to one.
const PARTS: [&str; 10] = [
    "none", "l1", "l1i", "l1d", "l2", "l2i", "l2d", "levels", "pwc", "tags",
];

fn unknown(part: &str) -> GeometryError {
    let key = part.split('=').next().unwrap_or(part).trim();
    let hint = did_you_mean(key, PARTS.into_iter().filter(|name| *name != key));
    GeometryError(format!(
        "tlb {part:?}{hint}: write l1i=64x4,l1d=64x4,l2=1536x12,levels=4 (or l2i=, l2d=, l2=none, \
         pwc=2/4/32, tags=off), or none"
    ))
}

/// Sets one part of a geometry.
fn set(geometry: &mut Geometry, key: &str, value: &str, part: &str) -> Result<(), GeometryError> {
    let [instructions, data] = geometry.l2.parts();
    match key {
        "l1" => (geometry.l1i, geometry.l1d) = (value.parse()?, value.parse()?),
        "l1i" => geometry.l1i = value.parse()?,
        "l1d" => geometry.l1d = value.parse()?,
        "l2" => geometry.l2 = optional(value)?.map_or(Second::Absent, Second::Shared),
        "l2i" => {
            let instructions = optional(value)?;
            geometry.l2 = Second::Split { instructions, data };
        }
        "l2d" => {
            let data = optional(value)?;
            geometry.l2 = Second::Split { instructions, data };
        }
        "levels" => match value.parse() {
            Ok(levels @ 1..=LEVELS_MAX) => geometry.levels = levels,
            _ => {
                let why = format!("tlb levels {value:?}: from 1 to {LEVELS_MAX}");
                return Err(GeometryError(why));
            }
        },
        "pwc" => geometry.pwc = walk_caches(value)?,
        "tags" => match value {
            "on" => geometry.tags = true,
            "off" => geometry.tags = false,
            _ => return Err(GeometryError(format!("tlb tags {value:?}: on or off"))),
        },
        _ => return Err(unknown(part)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn geometries_read_and_print() {
        for text in [
            "l1i=32x32,l1d=48x3,l2=3072x6,levels=5",
            "l1i=64x4,l1d=64x4,l2=none,levels=1",
            "l1i=64x64,l1d=72x72,l2i=512x4,l2d=3072x8,levels=5,pwc=2/4/8x4/32",
            "l1i=64x64,l1d=72x72,l2i=none,l2d=3072x8,levels=4,pwc=0/4,tags=off",
            "l1i=16x16:fifo,l1d=32x4,l2=1536x12:fifo,levels=4",
        ] {
            assert_eq!(text.parse::<Geometry>().unwrap().to_string(), text);
        }
        assert_eq!("".parse::<Geometry>().unwrap(), Geometry::default());
        assert_eq!(
            "l2=none,l2d=8,tags=on,pwc=none"
                .parse::<Geometry>()
                .unwrap()
                .l2,
            Second::Split {
                instructions: None,
                data: Some(Shape::full(8))
            }
        );
        assert_eq!(
            "l1=16xfull:fifo,l2=8:lru".parse::<Geometry>().unwrap(),
            "l1=16x16:fifo,l2=8x8".parse::<Geometry>().unwrap()
        );
        for (text, why) in [
            ("l1=16xfull:random", ":lru or :fifo"),
            ("l1=fullx16", "16xfull"),
            ("pwc=2:fifo", "replace by LRU"),
            ("l1=64x5", "whole sets"),
            ("l1=0x4", "at least one"),
            ("l3=64x4", "write l1i="),
            ("l2=lots", "ENTRIESxWAYS"),
            ("levels=9", "from 1 to 8"),
            ("64", "write l1i="),
            ("pwc=2/4/8/16", "at most 3 page-walk caches"),
            ("levels=8,pwc=1/1/1/1/1/1/1/1", "at most 7"),
            ("pwc=2/x", "ENTRIESxWAYS"),
            ("tags=perhaps", "on or off"),
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

    #[test]
    fn large_pages_shorten_the_walk() {
        let geometry: Geometry = "levels=5,pwc=2/4/8/32".parse().unwrap();
        for (page, levels, caches) in [
            ("64", 5, 4),
            ("4KiB", 5, 4),
            ("1MiB", 5, 4),
            ("2MiB", 4, 3),
            ("512MiB", 4, 3),
            ("1GiB", 3, 2),
        ] {
            let seen = geometry.for_pages(page.parse().unwrap());
            let left = seen.pwc.iter().flatten().count();
            assert_eq!((seen.levels, left), (levels, caches), "{page}");
        }
        let one: Geometry = "levels=1".parse().unwrap();
        assert_eq!(one.for_pages(PageSize::MAX).levels, 1);
    }
}
