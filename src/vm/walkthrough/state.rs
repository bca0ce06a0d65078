//! The contents of TLB, page table and memory before the first address: a small text format, for the
//! worked examples of textbooks.
//!
//! ```text
//! bits va=14 pa=12 page=64      widths of addresses, bytes of a page (decimal); first line
//!                               index=5/5   index bits by level, from the root; one level if absent
//!                               tlb=16x4    as a TLB of --tlb; if absent, the one given elsewhere
//! tlb SET TAG PPN               an entry of the TLB, the least recent first
//! pte VPN PPN                   a page's entry in the last table
//! table INDEX/… PPN             an entry above, by its indices from the root
//! byte ADDRESS VALUE            a byte of physical memory
//! ```
//!
//! Numbers but those of `bits` are hexadecimal, with 0x or without; `#` begins a comment. Without
//! any `table` line the tables above are those that the `pte` lines need.

use crate::vm::hardware::layout::{LEVEL_NAMES, Layout};
use crate::vm::hardware::tlb_shapes::{Geometry, LEVELS_MAX, Second, Shape, WalkCacheShapes};
use std::borrow::Cow;
use std::collections::HashMap;

/// A given state. See the module's documentation.
#[derive(Debug, Clone)]
pub struct State {
    /// How addresses are split.
    pub layout: Layout,
    /// Bits of a physical address.
    pub physical_bits: u32,
    /// The shape of the TLB, if the state gives it.
    pub shape: Option<Shape>,
    /// Set, tag and frame of the TLB's entries, the least recent first.
    pub(super) tlb: Vec<(u64, u64, u64)>,
    /// The frame of each page that has one.
    pub(super) ptes: HashMap<u64, u64>,
    /// Bytes of physical memory.
    pub(super) bytes: HashMap<u64, u8>,
    /// Entries of upper levels, by level and number, with their frame where it is given.
    tables: HashMap<(usize, u64), Option<u64>>,
}

/// A state that cannot be read: the line, from 1, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct StateError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to write.
    pub what: String,
}

fn hexadecimal(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u64::from_str_radix(digits, 16).map_err(|_| format!("{text:?} is not a hexadecimal number"))
}

impl State {
    /// Reads the text form.
    pub fn parse(text: &str) -> Result<State, StateError> {
        let mut state: Option<State> = None;
        let mut implied = true;
        for (at, line) in text.lines().enumerate() {
            let words: Vec<&str> = line
                .split('#')
                .next()
                .unwrap_or_default()
                .split_whitespace()
                .collect();
            let Some((&word, rest)) = words.split_first() else {
                continue;
            };
            let fail = |what| StateError { line: at + 1, what };
            match (&mut state, word) {
                (None, "bits") => state = Some(bits(rest).map_err(fail)?),
                (Some(_), "bits") => return Err(fail("\"bits\" appears twice".into())),
                (None, _) => {
                    let what = "begin with: bits va=14 pa=12 page=64".to_owned();
                    return Err(fail(what));
                }
                (Some(state), _) => {
                    implied &= word != "table";
                    state.line(word, rest).map_err(fail)?;
                }
            }
        }
        let mut state = state.ok_or(StateError {
            line: 1,
            what: "nothing here; begin with: bits va=14 pa=12 page=64".into(),
        })?;
        if implied {
            state.imply_tables();
        }
        Ok(state)
    }

    fn line(&mut self, word: &str, rest: &[&str]) -> Result<(), String> {
        let number = |at: usize| rest.get(at).map_or(Ok(0), |text| hexadecimal(text));
        match (word, rest.len()) {
            ("tlb", 3) => {
                let entry = (number(0)?, number(1)?, number(2)?);
                if let Some(shape) = self.shape.filter(|s| entry.0 >= u64::from(s.sets())) {
                    return Err(format!("the TLB has {} sets", shape.sets()));
                }
                self.frame(entry.2)?;
                self.tlb.push(entry);
            }
            ("pte", 2) => {
                let (page, frame) = (number(0)?, self.frame(number(1)?)?);
                let bits = self.layout.address_bits() - self.layout.page_bits;
                if page >> bits != 0 {
                    return Err(format!("page {page:#x} has more than {bits} bits"));
                }
                self.ptes.insert(page, frame);
            }
            ("table", 2) => {
                let frame = self.frame(number(1)?)?;
                let key = self.table(rest[0])?;
                self.tables.insert(key, Some(frame));
            }
            ("byte", 2) => {
                let value = u8::try_from(number(1)?).map_err(|_| "a byte is at most ff")?;
                self.bytes.insert(number(0)?, value);
            }
            _ => {
                let known = "tlb SET TAG PPN, pte VPN PPN, table INDEX/… PPN, byte ADDRESS VALUE";
                return Err(format!("{word:?}: write {known}"));
            }
        }
        Ok(())
    }

    fn frame(&self, frame: u64) -> Result<u64, String> {
        let bits = self.physical_bits - self.layout.page_bits;
        match frame >> bits {
            0 => Ok(frame),
            _ => Err(format!("frame {frame:#x} has more than {bits} bits")),
        }
    }

    /// Returns the level and number of an upper entry, from its indices.
    fn table(&self, text: &str) -> Result<(usize, u64), String> {
        let indices: Vec<u64> = text.split('/').map(hexadecimal).collect::<Result<_, _>>()?;
        if indices.len() >= self.layout.levels() {
            let upper = self.layout.levels() - 1;
            return Err(format!("table {text}: at most {upper} indices"));
        }
        let mut number = 0;
        for (&index, &bits) in indices.iter().zip(self.layout.index_bits.iter()) {
            if index >> bits != 0 {
                return Err(format!("index {index:#x} has more than {bits} bits"));
            }
            number = number << bits | index;
        }
        Ok((indices.len() - 1, number))
    }

    fn imply_tables(&mut self) {
        for level in 0..self.layout.levels() - 1 {
            let shift = self.layout.shift(level) - self.layout.page_bits;
            let entries = self.ptes.keys().map(|page| ((level, page >> shift), None));
            self.tables.extend(entries);
        }
    }

    /// Returns the entry of this number in the tables of `level`: `None` if it is absent, otherwise
    /// its frame, if known.
    pub(super) fn entry(&self, level: usize, number: u64) -> Option<Option<u64>> {
        if level + 1 == self.layout.levels() {
            self.ptes.get(&number).map(|&frame| Some(frame))
        } else {
            self.tables.get(&(level, number)).copied()
        }
    }

    /// Returns the hardware: one TLB of the state's own shape, or `given`, over the state's table.
    pub fn geometry(&self, given: Geometry) -> Geometry {
        let geometry = self.shape.map_or(given, |shape| Geometry {
            l1i: shape,
            l1d: shape,
            l2: Second::Absent,
            pwc: WalkCacheShapes::default(),
            ..given
        });
        Geometry {
            leaf_bits: self.layout.page_bits,
            ..geometry.with_levels(self.layout.levels() as u32)
        }
    }
}

/// Reads the rest of the line `bits`.
fn bits(words: &[&str]) -> Result<State, String> {
    Bits::parse(words)?.checked()
}

/// The values of a line `bits`.
struct Bits {
    va: u64,
    pa: u64,
    page: u64,
    index: Option<Vec<u32>>,
    shape: Option<Shape>,
}

impl Bits {
    /// Reads `KEY=VALUE` words. Errors if a word is unknown, or `va`, `pa` or `page` is missing.
    fn parse(words: &[&str]) -> Result<Bits, String> {
        let (mut va, mut pa, mut page, mut index, mut shape) = (None, None, None, None, None);
        for word in words {
            let wrong = || format!("bits {word:?}: write va=14 pa=12 page=64 index=5/5 tlb=16x4");
            let (key, value) = word.split_once('=').ok_or_else(wrong)?;
            let number = || value.parse::<u64>().map_err(|_| wrong());
            match key {
                "va" => va = Some(number()?),
                "pa" => pa = Some(number()?),
                "page" => page = Some(number()?),
                "index" => {
                    let parts = value.split('/').map(|part| part.parse::<u32>().ok());
                    index = Some(parts.collect::<Option<Vec<u32>>>().ok_or_else(wrong)?);
                }
                "tlb" => shape = Some(value.parse::<Shape>().map_err(|e| e.to_string())?),
                _ => return Err(wrong()),
            }
        }
        let (Some(va), Some(pa), Some(page)) = (va, pa, page) else {
            return Err("bits: va, pa and page are needed, as in va=14 pa=12 page=64".into());
        };
        Ok(Bits {
            va,
            pa,
            page,
            index,
            shape,
        })
    }

    /// Returns the state without any entry. Errors if the widths do not fit each other.
    fn checked(self) -> Result<State, String> {
        let Bits { va, pa, page, .. } = self;
        if !page.is_power_of_two() || page < 2 {
            return Err(format!("bits page={page}: a power of two of bytes"));
        }
        let page_bits = page.trailing_zeros();
        let allowed = u64::from(page_bits) + 1..=63;
        if !allowed.contains(&va) || !allowed.contains(&pa) {
            return Err(format!(
                "bits va={va} pa={pa}: from {} to 63 with pages of {page} bytes",
                page_bits + 1
            ));
        }
        let index = self.index.unwrap_or_else(|| vec![va as u32 - page_bits]);
        let sum = index.iter().map(|&bits| u64::from(bits)).sum::<u64>();
        let number_bits = va - u64::from(page_bits);
        if index.len() > LEVELS_MAX as usize || index.contains(&0) || sum != number_bits {
            return Err(format!(
                "bits index: at most {LEVELS_MAX} levels of at least 1 bit, {number_bits} bits together"
            ));
        }
        Ok(State {
            layout: Layout {
                name: "state",
                about: "as the state gives it",
                page_bits,
                entries: &LEVEL_NAMES[LEVEL_NAMES.len() - index.len()..],
                index_bits: Cow::Owned(index),
                entry_bytes: 8,
                large: 0,
            },
            physical_bits: pa as u32,
            shape: self.shape,
            tlb: Vec::new(),
            ptes: HashMap::new(),
            bytes: HashMap::new(),
            tables: HashMap::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_told_with_their_line() {
        const BITS: &str = "bits va=15 pa=12 page=32 index=5/5 tlb=16x4\n";
        for (text, line, why) in [
            ("", 1, "nothing here"),
            ("\n# only\n", 1, "nothing here"),
            ("pte 1 2", 1, "begin with: bits"),
            ("bits va=14 pa=12", 1, "va, pa and page are needed"),
            ("bits va=14 pa=12 page=48", 1, "a power of two"),
            ("bits va=70 pa=12 page=64", 1, "from 7 to 63"),
            ("bits va=14 pa=6 page=64", 1, "from 7 to 63"),
            ("bits va=14 pa=12 page=64 index=4/3", 1, "8 bits together"),
            ("bits va=14 pa=12 page=64 tlb=5x2", 1, "whole sets"),
            ("bits va", 1, "write va=14"),
            ("+bits va=15 pa=12 page=32", 2, "appears twice"),
            ("+tlb 4 0 1", 2, "4 sets"),
            ("+\npte 1 80", 3, "more than 7 bits"),
            ("+pte 400 1", 2, "more than 10 bits"),
            ("+pte 1", 2, "write tlb SET TAG PPN"),
            ("+pte one 1", 2, "not a hexadecimal number"),
            ("+table 1/2 1", 2, "at most 1 indices"),
            ("+table 20 1", 2, "more than 5 bits"),
            ("+byte 0 100", 2, "at most ff"),
        ] {
            let whole = text.strip_prefix('+').map(|rest| format!("{BITS}{rest}"));
            let error = State::parse(whole.as_deref().unwrap_or(text)).unwrap_err();
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.what.contains(why), "{text}: {error}");
        }
    }
}
