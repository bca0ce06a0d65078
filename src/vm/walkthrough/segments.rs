//! Translation by segments, by hand: a table of segments with base, limit and rights, and the page tables
//! of segments that have pages. The text form of such a state:
//!
//! ```text
//! segment NUMBER base=4300 limit=400 rw-     decimal unless 0x; without rights all are allowed
//! page BYTES                                 bytes of a page, 4096 if absent
//! pte NUMBER:VPN PPN                         the page table of a segment
//! ```
//!
//! `#` begins a comment. Lines that begin with other words are left to another reader.

use super::state::StateError;
use crate::trace::model::access::Kind;
use crate::trace::model::event::Protection;
use std::collections::BTreeMap;

/// A segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentEntry {
    /// The first byte in memory.
    pub base: u64,
    /// The length in bytes: an offset must be below it.
    pub limit: u64,
    /// The accesses that it allows.
    pub rights: Protection,
}

/// Segments, and the pages of those that have any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentState {
    /// The segments by number.
    pub segments: BTreeMap<u64, SegmentEntry>,
    /// Bytes of a page: a power of two.
    pub page: u64,
    /// The frame of each page, by segment and page number.
    pub ptes: BTreeMap<(u64, u64), u64>,
    /// The text without the lines above, with as many lines.
    pub rest: String,
}

/// The result of a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Located {
    /// The physical address, or with pages the linear one.
    At(u64),
    /// The offset is not below the limit.
    Outside,
    /// The segment does not allow the access.
    Forbidden,
}

/// All rights.
const ALL: Protection = Protection {
    read: true,
    write: true,
    execute: true,
};

/// The largest number of bits of an address.
const ADDRESS_BITS: u32 = 63;

/// Reads a number: decimal, or hexadecimal with 0x.
pub fn number(text: &str) -> Result<u64, String> {
    let value = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    value.ok_or_else(|| format!("{text:?} is not a number: write 4300 or 0x10cc"))
}

/// Reads `SEGMENT:OFFSET`.
pub fn address(text: &str) -> Result<(u64, u64), String> {
    let wrong = || format!("{text:?} is no address of a segment: write SEGMENT:OFFSET, as 2:53");
    let (segment, offset) = text.split_once(':').ok_or_else(wrong)?;
    let part = |text| number(text).map_err(|_| wrong());
    Ok((part(segment)?, part(offset)?))
}

impl SegmentEntry {
    /// Looks up an offset for an access of `kind`.
    pub fn locate(&self, offset: u64, kind: Kind) -> Located {
        match offset < self.limit {
            false => Located::Outside,
            true if !self.rights.allows(kind) => Located::Forbidden,
            true => Located::At(self.base + offset),
        }
    }
}

impl SegmentState {
    /// Reads the text form. `bits`: the bits of an address, beyond which no segment may reach.
    ///
    /// # Errors
    /// Errors with the line if a number is none, a length is 0, a segment reaches beyond the last address
    /// or appears twice, or a page is of an unknown segment.
    pub fn parse(text: &str, bits: u32) -> Result<SegmentState, StateError> {
        let mut state = SegmentState {
            segments: BTreeMap::new(),
            page: 4096,
            ptes: BTreeMap::new(),
            rest: String::new(),
        };
        for (at, line) in text.lines().enumerate() {
            let code = line.split('#').next().unwrap_or_default();
            let words: Vec<&str> = code.split_whitespace().collect();
            let own = match words.split_first() {
                Some((&"segment", rest)) => Some(state.segment(rest, bits)),
                Some((&"page", rest)) => Some(state.page(rest)),
                Some((&"pte", rest)) if rest.first().is_some_and(|word| word.contains(':')) => {
                    Some(state.pte(rest))
                }
                _ => None,
            };
            match own {
                Some(result) => result.map_err(|what| StateError { line: at + 1, what })?,
                None => state.rest += line,
            }
            state.rest.push('\n');
        }
        Ok(state)
    }

    fn segment(&mut self, words: &[&str], bits: u32) -> Result<(), String> {
        let form = "write segment 2 base=4300 limit=400 rw-";
        let (&name, rest) = words.split_first().ok_or(form)?;
        let (mut base, mut limit, mut rights) = (None, None, ALL);
        for word in rest {
            match word.split_once('=') {
                Some(("base", value)) => base = Some(number(value)?),
                Some(("limit", value)) => limit = Some(number(value)?),
                _ => {
                    rights = Protection::parse(word)
                        .ok_or_else(|| format!("{word:?} in a segment: {form}"))?;
                }
            }
        }
        let segment = number(name)?;
        let limit = limit.ok_or_else(|| format!("segment {segment} has no limit: {form}"))?;
        let base = base.unwrap_or(0);
        if limit == 0 {
            return Err(format!(
                "segment {segment}: limit=0; a segment has one byte at least"
            ));
        }
        let end = base.checked_add(limit);
        if end.is_none_or(|end| end > 1 << bits) {
            return Err(format!(
                "segment {segment}: base={base} limit={limit} reaches beyond the {bits} bits of an address"
            ));
        }
        let entry = SegmentEntry {
            base,
            limit,
            rights,
        };
        match self.segments.insert(segment, entry) {
            None => Ok(()),
            Some(_) => Err(format!("segment {segment} appears twice")),
        }
    }

    fn page(&mut self, words: &[&str]) -> Result<(), String> {
        let bytes = match words {
            [bytes] => number(bytes)?,
            _ => return Err("write page 4096".into()),
        };
        if !bytes.is_power_of_two() || bytes < 2 {
            return Err(format!("page {bytes}: a power of two of bytes"));
        }
        self.page = bytes;
        Ok(())
    }

    fn pte(&mut self, words: &[&str]) -> Result<(), String> {
        let [page, frame] = words else {
            return Err("write pte 2:0 7: segment, page and frame".into());
        };
        let (segment, page) = address(page)?;
        let limit = self.find(segment)?.limit;
        let frame = number(frame)?;
        if page > (limit - 1) / self.page {
            return Err(format!(
                "pte {segment}:{page}: segment {segment} has {} pages",
                limit.div_ceil(self.page)
            ));
        }
        if frame > (1 << ADDRESS_BITS) / self.page {
            return Err(format!(
                "pte {segment}:{page}: frame {frame} is beyond any memory"
            ));
        }
        self.ptes.insert((segment, page), frame);
        Ok(())
    }

    /// Returns a segment.
    ///
    /// # Errors
    /// Errors if no segment has this number.
    pub fn find(&self, segment: u64) -> Result<&SegmentEntry, String> {
        self.segments.get(&segment).ok_or_else(|| {
            let known: Vec<String> = self.segments.keys().map(u64::to_string).collect();
            format!(
                "there is no segment {segment} (segments: {})",
                known.join(", ")
            )
        })
    }

    /// Returns the page number, the offset in the page and the frame of an offset in a segment; no frame
    /// if the page is absent.
    pub fn page_of(&self, segment: u64, offset: u64) -> (u64, u64, Option<u64>) {
        let page = offset / self.page;
        let frame = self.ptes.get(&(segment, page)).copied();
        (page, offset % self.page, frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(state: &SegmentState, text: &str) -> Option<u64> {
        let (segment, offset) = address(text).unwrap();
        let entry = state.find(segment).unwrap();
        match entry.locate(offset, Kind::Read) {
            Located::At(address) => Some(address),
            Located::Outside | Located::Forbidden => None,
        }
    }

    /// Silberschatz, Operating System Concepts, chapter 8: the figure of segmentation, and the exercise on
    /// a segment table.
    #[test]
    fn tables_of_silberschatz() {
        let figure = "segment 0 base=1400 limit=1000\nsegment 1 base=6300 limit=400\n\
                      segment 2 base=4300 limit=400\nsegment 3 base=3200 limit=1100\n\
                      segment 4 base=4700 limit=1000\n";
        let figure = SegmentState::parse(figure, 63).unwrap();
        assert_eq!(at(&figure, "2:53"), Some(4353));
        assert_eq!(at(&figure, "3:852"), Some(4052));
        assert_eq!(at(&figure, "0:1222"), None);
        let exercise = "segment 0 base=219 limit=600\nsegment 1 base=2300 limit=14\n\
                        segment 2 base=90 limit=100\nsegment 3 base=1327 limit=580\n\
                        segment 4 base=1952 limit=96\n";
        let exercise = SegmentState::parse(exercise, 63).unwrap();
        let found = ["0:430", "1:10", "2:500", "3:400", "4:112"].map(|text| at(&exercise, text));
        assert_eq!(found, [Some(649), Some(2310), None, Some(1727), None]);
    }

    /// OSTEP, chapters 15 and 16: a base of 16 KiB and the address 3000; a heap at 34 KiB and the offset
    /// 104.
    #[test]
    fn addresses_of_ostep() {
        let state = "segment 0 base=16384 limit=16384\nsegment 1 base=0x8800 limit=0x800 rw-\n";
        let state = SegmentState::parse(state, 63).unwrap();
        assert_eq!(at(&state, "0:3000"), Some(19_384));
        assert_eq!(at(&state, "1:104"), Some(34_920));
    }

    #[test]
    fn an_offset_is_below_its_limit() {
        let state = SegmentState::parse("segment 0 base=1000 limit=1000", 63).unwrap();
        assert_eq!(at(&state, "0:999"), Some(1999));
        assert_eq!(at(&state, "0:1000"), None);
    }

    #[test]
    fn pages_of_segments() {
        let text = "page 256\nsegment 2 limit=600 r--\npte 2:0 7\npte 2:2 0x10\n";
        let state = SegmentState::parse(text, 63).unwrap();
        assert_eq!(state.page_of(2, 53), (0, 53, Some(7)));
        assert_eq!(state.page_of(2, 256), (1, 0, None));
        assert_eq!(state.page_of(2, 599), (2, 87, Some(16)));
        let write = state.find(2).unwrap().locate(5, Kind::Write);
        assert_eq!(write, Located::Forbidden);
    }

    #[test]
    fn mistakes_have_their_line() {
        for (text, line, why) in [
            ("segment 0 base=1 limit=0", 1, "one byte at least"),
            (
                "\nsegment 0 base=4294967295 limit=2",
                2,
                "beyond the 32 bits",
            ),
            ("segment 0 base=18446744073709551615 limit=2", 1, "beyond"),
            ("segment 0 base=1", 1, "no limit"),
            ("segment 0 base=1 limit=2 rwz", 1, "write segment"),
            ("segment x base=1 limit=2", 1, "not a number"),
            ("segment 0 limit=2\nsegment 0 limit=3", 2, "twice"),
            ("pte 1:0 4", 1, "no segment 1"),
            ("segment 1 limit=4096\npte 1:1 4", 2, "1 pages"),
            ("page 100", 1, "power of two"),
        ] {
            let error = SegmentState::parse(text, 32).unwrap_err();
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.what.contains(why), "{text}: {error}");
        }
        for text in ["53", "a:b", "2:", ":3"] {
            assert!(address(text).is_err(), "{text}");
        }
    }
}
