//! Translates addresses one by one through TLBs, page-walk caches and page table, and keeps every
//! step for people to read. It drives the TLBs of the replay, so it shows what a replay does.
//!
//! Without a given state memory is unlimited and empty: the first touch of a page faults and takes
//! the next frame, from 0. With one (see [`State`]) a page without an entry faults at every touch;
//! the fault leaves TLBs and page-walk caches as they are.
//!
//! Deliberately absent: files, and how steps are printed.

pub mod segments;
mod state;

pub use state::State;

use super::hardware::layout::Layout;
use super::hardware::tlb_shapes::{Geometry, Shape};
use super::tlb::{Probe, Tlbs, Translation};
use crate::trace::model::refs::PageKey;
use crate::units::PageId;
use std::collections::{HashMap, HashSet};

/// The hardware, layout and state by which addresses are translated.
#[derive(Debug, Clone)]
pub struct Translator {
    /// TLBs and page-walk caches.
    pub geometry: Geometry,
    /// How an address is split.
    pub layout: Layout,
    /// log2 of the page size: one of the layout's.
    pub page_bits: u32,
    /// What TLBs and tables hold at the beginning; empty and filled on demand if absent.
    pub state: Option<State>,
}

/// A look-up in one TLB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The TLB: `L1I`, `L1D` or `L2`.
    pub level: &'static str,
    /// The set that is searched.
    pub set: u64,
    /// The tag that is searched for in the set.
    pub tag: u64,
    /// Whether the tag is there.
    pub hit: bool,
}

/// The entry that a walk finds in the table of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A page-walk cache holds it, so the walk does not read it.
    Cached,
    /// Present; it names this frame, if the frame is known.
    Present(Option<u64>),
    /// Absent: a fault.
    Absent,
}

/// One level of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalkLevel {
    /// The name of its entries.
    pub name: &'static str,
    /// The index in its table.
    pub index: u64,
    /// The entry there.
    pub entry: Entry,
}

/// The result of a translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A frame.
    Mapped {
        /// The frame.
        frame: u64,
        /// The physical address.
        physical: u64,
        /// The byte there, if the state gives it.
        value: Option<u8>,
        /// True if the page faulted and was brought in.
        faulted: bool,
    },
    /// No entry in the given state.
    Fault,
}

/// One translation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The virtual address, of the layout's width.
    pub address: u64,
    /// The virtual page number.
    pub page: u64,
    /// The offset in the page.
    pub offset: u64,
    /// The look-ups, up to the one that hits.
    pub looks: Vec<Look>,
    /// The walk, from the root down to the first absent entry; none after a hit.
    pub walk: Vec<WalkLevel>,
    /// The result.
    pub found: Found,
}

impl Translator {
    /// Returns the address cut to the layout's bits. Accepts addresses of the upper half of a larger
    /// address space, whose upper bits are all set. Errors for any other address beyond the layout.
    pub fn address(&self, address: u64) -> Result<u64, String> {
        let bits = self.layout.address_bits();
        let upper = address >> (bits - 1);
        if address >> bits == 0 || upper == u64::MAX >> (bits - 1) {
            return Ok(address & ((1 << bits) - 1));
        }
        Err(format!(
            "address {address:#x} has more than the {bits} bits of the layout"
        ))
    }

    /// Returns page and frame of each TLB entry of the state.
    fn loaded(&self) -> Result<Vec<(u64, u64)>, String> {
        let sets = u64::from(self.geometry.l1d.sets());
        let bits = self.layout.address_bits() - self.page_bits;
        let entries = self.state.iter().flat_map(|state| &state.tlb);
        entries
            .map(|&(set, tag, frame)| {
                let page = tag.checked_mul(sets).and_then(|page| page.checked_add(set));
                match page.filter(|page| set < sets && page >> bits == 0) {
                    Some(page) => Ok((page, frame)),
                    None => Err(format!(
                        "tlb {set:x} {tag:x}: no page of {bits} bits in a TLB of {sets} sets"
                    )),
                }
            })
            .collect()
    }

    /// Translates addresses one after the other, as instruction fetches or as data references.
    pub fn run(&self, addresses: &[u64], ifetch: bool) -> Result<Vec<Step>, String> {
        let addresses: Vec<u64> = addresses
            .iter()
            .map(|&address| self.address(address))
            .collect::<Result<_, _>>()?;
        let mut ids = Ids::default();
        let touched: Vec<PageId> = addresses
            .iter()
            .map(|address| ids.of(address >> self.page_bits))
            .collect();
        let loaded: Vec<(PageId, u64)> = self
            .loaded()?
            .into_iter()
            .map(|(page, frame)| (ids.of(page), frame))
            .collect();
        let shifts = self.layout.upper_shifts(self.page_bits);
        let mut walk = Walk {
            translator: self,
            tlbs: Tlbs::with_tables(&self.geometry, &ids.pages, &shifts),
            frames: HashMap::new(),
            tables: HashSet::new(),
        };
        for (now, &(page, frame)) in loaded.iter().enumerate() {
            walk.tlbs.preload(page, now as u64);
            walk.frames.insert(ids.pages[page as usize].number, frame);
        }
        let steps = addresses.iter().zip(&touched).enumerate();
        Ok(steps
            .map(|(at, (&address, &page))| {
                walk.step(address, page, ifetch, (loaded.len() + at) as u64)
            })
            .collect())
    }
}

/// Dense ids of page numbers, as the TLBs take them.
#[derive(Default)]
struct Ids {
    pages: Vec<PageKey>,
    ids: HashMap<u64, PageId>,
}

impl Ids {
    fn of(&mut self, number: u64) -> PageId {
        *self.ids.entry(number).or_insert_with(|| {
            self.pages.push(PageKey { process: 0, number });
            self.pages.len() as PageId - 1
        })
    }
}

/// Translations under way.
struct Walk<'t> {
    translator: &'t Translator,
    tlbs: Tlbs<'t>,
    /// The frame of each page that TLBs or, without a state, tables name.
    frames: HashMap<u64, u64>,
    /// Tables that exist, by level and first page, without a state.
    tables: HashSet<(usize, u64)>,
}

impl Walk<'_> {
    fn step(&mut self, address: u64, id: PageId, ifetch: bool, now: u64) -> Step {
        let bits = self.translator.page_bits;
        let (page, offset) = (address >> bits, address & ((1 << bits) - 1));
        let probe = self.tlbs.probe(id, ifetch);
        let looks = self.looks(page, ifetch, &probe);
        let hit = looks.last().is_some_and(|look| look.hit);
        let mut walk = Vec::new();
        let mut faulted = false;
        let mut frame = self.frames.get(&page).copied();
        if !hit {
            walk = self.walk(address, probe.skips);
            if let Some(state) = &self.translator.state {
                let complete = walk.iter().all(|level| level.entry != Entry::Absent);
                frame = complete.then(|| state.ptes[&page]);
            } else {
                faulted = frame.is_none();
                frame.get_or_insert(self.frames.len() as u64);
            }
        }
        if let Some(frame) = frame {
            self.tlbs.translate(id, ifetch, now);
            self.frames.insert(page, frame);
            self.make_tables(address);
        }
        let found = frame.map_or(Found::Fault, |frame| {
            let physical = frame << bits | offset;
            let state = self.translator.state.as_ref();
            Found::Mapped {
                frame,
                physical,
                value: state.and_then(|state| state.bytes.get(&physical).copied()),
                faulted,
            }
        });
        Step {
            address,
            page,
            offset,
            looks,
            walk,
            found,
        }
    }

    /// Returns the look-ups of a reference, up to the one that hits.
    fn looks(&self, page: u64, ifetch: bool, probe: &Probe) -> Vec<Look> {
        let geometry = &self.translator.geometry;
        let look = |level, shape: Shape, hit| Look {
            level,
            set: page % u64::from(shape.sets()),
            tag: page / u64::from(shape.sets()),
            hit,
        };
        let [instructions, data] = geometry.l2.parts();
        let (first, shape, second) = if ifetch {
            ("L1I", geometry.l1i, instructions)
        } else {
            ("L1D", geometry.l1d, data)
        };
        let mut looks = vec![look(first, shape, probe.first)];
        if let (false, Some(shape), Some(hit)) = (probe.first, second, probe.second) {
            looks.push(look("L2", shape, hit));
        }
        looks
    }

    /// Returns the levels of a walk, down to the first absent entry.
    fn walk(&self, address: u64, skips: usize) -> Vec<WalkLevel> {
        let layout = &self.translator.layout;
        let mut walk = Vec::new();
        for level in 0..layout.walk_levels(self.translator.page_bits) {
            let entry = if level < skips {
                Entry::Cached
            } else {
                self.entry(address, level)
            };
            walk.push(WalkLevel {
                name: layout.entries[level],
                index: layout.index(address, level),
                entry,
            });
            if entry == Entry::Absent {
                break;
            }
        }
        walk
    }

    fn entry(&self, address: u64, level: usize) -> Entry {
        let layout = &self.translator.layout;
        let number = address >> layout.shift(level);
        let leaf = level + 1 == layout.walk_levels(self.translator.page_bits);
        let frame = match &self.translator.state {
            Some(state) => state.entry(level, number),
            None if leaf => self.frames.get(&number).map(|&frame| Some(frame)),
            None => self.tables.contains(&(level, number)).then_some(None),
        };
        frame.map_or(Entry::Absent, Entry::Present)
    }

    /// Makes the tables on the way to a page.
    fn make_tables(&mut self, address: u64) {
        let layout = &self.translator.layout;
        for level in 0..layout.walk_levels(self.translator.page_bits) - 1 {
            self.tables.insert((level, address >> layout.shift(level)));
        }
    }
}

#[cfg(test)]
mod tests;
