//! Address-space layouts as data: how an address is split into indices of page-table levels and an
//! offset, and how much memory the tables of a set of pages take. Knows nothing of TLBs and traces.

use crate::units::PageSize;
use crate::units::did_you_mean;
use std::borrow::Cow;

/// The names of the entries of the usual tables, from the root down; tables of fewer levels have the
/// last of these.
pub const LEVEL_NAMES: &[&str] = &["L8E", "L7E", "L6E", "PML5E", "PML4E", "PDPTE", "PDE", "PTE"];

/// The shape of a page table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The name, lower case.
    pub name: &'static str,
    /// A description of one line.
    pub about: &'static str,
    /// log2 of the smallest page, in bytes.
    pub page_bits: u32,
    /// Index bits of each level, from the root down.
    pub index_bits: Cow<'static, [u32]>,
    /// Bytes of one entry.
    pub entry_bytes: u64,
    /// The name of the entries of each level, from the root down.
    pub entries: &'static [&'static str],
    /// Levels above the last whose entries may name a large page instead of a table.
    pub large: u32,
}

/// Every layout.
pub const LAYOUTS: &[Layout] = &[
    Layout {
        name: "two-level",
        about: "32-bit x86: 10 + 10 bits, pages of 4KiB and 4MiB",
        page_bits: 12,
        index_bits: Cow::Borrowed(&[10, 10]),
        entry_bytes: 4,
        entries: &["PDE", "PTE"],
        large: 1,
    },
    Layout {
        name: "pae",
        about: "32-bit x86 with physical address extension: 2 + 9 + 9 bits, pages of 4KiB and 2MiB",
        page_bits: 12,
        index_bits: Cow::Borrowed(&[2, 9, 9]),
        entry_bytes: 8,
        entries: &["PDPTE", "PDE", "PTE"],
        large: 1,
    },
    Layout {
        name: "four-level",
        about: "48-bit x86 and Arm: 4 x 9 bits, pages of 4KiB, 2MiB and 1GiB",
        page_bits: 12,
        index_bits: Cow::Borrowed(&[9; 4]),
        entry_bytes: 8,
        entries: &["PML4E", "PDPTE", "PDE", "PTE"],
        large: 2,
    },
    Layout {
        name: "five-level",
        about: "57-bit x86: 5 x 9 bits, pages of 4KiB, 2MiB and 1GiB",
        page_bits: 12,
        index_bits: Cow::Borrowed(&[9; 5]),
        entry_bytes: 8,
        entries: &["PML5E", "PML4E", "PDPTE", "PDE", "PTE"],
        large: 2,
    },
    Layout {
        name: "arm-16k",
        about: "47-bit Arm with a granule of 16KiB: 3 x 11 bits, pages of 16KiB and 32MiB",
        page_bits: 14,
        index_bits: Cow::Borrowed(&[11; 3]),
        entry_bytes: 8,
        entries: &["L1E", "L2E", "PTE"],
        large: 1,
    },
    Layout {
        name: "linear-32",
        about: "32 bits in one level of 4-byte entries, pages of 4KiB",
        page_bits: 12,
        index_bits: Cow::Borrowed(&[20]),
        entry_bytes: 4,
        entries: &["PTE"],
        large: 0,
    },
    Layout {
        name: "linear-48",
        about: "48 bits in one level of 8-byte entries, pages of 4KiB",
        page_bits: 12,
        index_bits: Cow::Borrowed(&[36]),
        entry_bytes: 8,
        entries: &["PTE"],
        large: 0,
    },
    Layout {
        name: "csapp",
        about: "14 bits in one level, pages of 64 bytes (Bryant and O'Hallaron, chapter 9)",
        page_bits: 6,
        index_bits: Cow::Borrowed(&[8]),
        entry_bytes: 4,
        entries: &["PTE"],
        large: 0,
    },
];

/// Returns the layout of this name. Errors if there is none; the message lists the names.
pub fn find(name: &str) -> Result<&'static Layout, String> {
    let known = LAYOUTS.iter().map(|layout| layout.name);
    LAYOUTS
        .iter()
        .find(|layout| layout.name == name)
        .ok_or_else(|| {
            let hint = did_you_mean(name, known.clone());
            let all = known.collect::<Vec<_>>().join(", ");
            format!("unknown layout {name:?}{hint} (layouts: {all})")
        })
}

impl Layout {
    /// Returns the number of bits of a virtual address.
    pub fn address_bits(&self) -> u32 {
        self.page_bits + self.index_bits.iter().sum::<u32>()
    }

    /// Returns the number of levels, that of the leaves included.
    pub fn levels(&self) -> usize {
        self.index_bits.len()
    }

    /// Returns the bit of an address at which the index of `level` begins; the root's level is 0.
    pub fn shift(&self, level: usize) -> u32 {
        self.page_bits + self.index_bits[level + 1..].iter().sum::<u32>()
    }

    /// Returns the index of an address in its table of `level`.
    pub fn index(&self, address: u64, level: usize) -> u64 {
        let mask = (1u64 << self.index_bits[level]) - 1;
        address.checked_shr(self.shift(level)).unwrap_or(0) & mask
    }

    /// Returns log2 of each page size, largest first.
    pub fn page_sizes(&self) -> impl Iterator<Item = u32> + '_ {
        let last = self.levels() - 1;
        (last - (self.large as usize).min(last)..=last).map(|level| self.shift(level))
    }

    /// Returns the number of levels of a walk to a page of `2^page_bits` bytes. Its leaf is of the
    /// largest page size not above the page, or of the smallest.
    pub fn walk_levels(&self, page_bits: u32) -> usize {
        let last = self.levels() - 1;
        let first = last - (self.large as usize).min(last);
        let fits = |level: &usize| self.shift(*level) <= page_bits;
        (first..last).find(fits).unwrap_or(last) + 1
    }

    /// Returns how far the number of a page of `2^page_bits` bytes is shifted to name the entry of
    /// each level above its leaf, from the root down.
    pub fn upper_shifts(&self, page_bits: u32) -> Vec<u32> {
        (0..self.walk_levels(page_bits) - 1)
            .map(|level| self.shift(level).saturating_sub(page_bits))
            .collect()
    }

    /// Returns the bytes of one table of `level`.
    pub fn table_bytes(&self, level: usize) -> u64 {
        self.entry_bytes << self.index_bits[level]
    }

    /// Returns the mask of the address bits that the layout has.
    pub fn address_mask(&self) -> u64 {
        1u64.checked_shl(self.address_bits())
            .map_or(u64::MAX, |end| end - 1)
    }

    /// Returns the bytes of one linear table for the whole address space, with an entry for every
    /// page of `2^page_bits` bytes, or for every smallest page if the layout has none as small.
    pub fn linear_bytes(&self, page_bits: u32) -> u64 {
        let page_bits = page_bits.clamp(self.page_bits, self.address_bits());
        self.entry_bytes << (self.address_bits() - page_bits)
    }
}

/// Returns the number of tables of each level, from the root down, that an address space with these
/// pages needs; there is a root even without a page. Page numbers are in units of `page`; bits of an address above
/// the layout's do not count.
pub fn page_table_pages(layout: &Layout, page: PageSize, numbers: &[u64]) -> Vec<u64> {
    let mask = layout.address_mask();
    (0..layout.walk_levels(page.shift().into()))
        .map(|level| {
            if level == 0 {
                return 1;
            }
            // A table of a level is named by the entry of the level above.
            let shift = layout.shift(level - 1);
            let tables = numbers
                .iter()
                .map(|number| (number << page.shift() & mask) >> shift);
            let mut tables: Vec<u64> = tables.collect();
            tables.sort_unstable();
            tables.dedup();
            tables.len() as u64
        })
        .collect()
}

/// Returns the bytes of these tables, of which there is a number per level, from the root down.
pub fn page_table_bytes(layout: &Layout, tables: &[u64]) -> u64 {
    tables
        .iter()
        .enumerate()
        .map(|(level, tables)| tables * layout.table_bytes(level))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::hardware::tlb_shapes::Geometry;
    use crate::vm::tlb::walk::radix_shifts;

    fn tables(name: &str, addresses: &[u64]) -> (Vec<u64>, u64) {
        let layout = find(name).unwrap();
        let numbers: Vec<u64> = addresses.iter().map(|address| address >> 12).collect();
        let tables = page_table_pages(layout, PageSize::DEFAULT, &numbers);
        let bytes = page_table_bytes(layout, &tables);
        (tables, bytes)
    }

    #[test]
    fn layouts_are_whole() {
        for (at, layout) in LAYOUTS.iter().enumerate() {
            let same = |other: &Layout| other.name == layout.name;
            assert!(!LAYOUTS[..at].iter().any(same), "{}", layout.name);
            assert_eq!(layout.entries.len(), layout.levels(), "{}", layout.name);
            assert!((layout.large as usize) < layout.levels());
            let bits = format!("{}-bit", layout.address_bits());
            let bits = [bits, format!("{} bits", layout.address_bits())];
            let said = bits.iter().any(|bits| layout.about.contains(bits));
            assert!(said, "{}: {}", layout.name, layout.about);
        }
        assert!(find("for-level").unwrap_err().contains("\"four-level\"?"));
    }

    /// The textbook's figures: 4 MiB for 32 bits, 512 GiB for 48.
    #[test]
    fn linear_tables_are_large() {
        assert_eq!(find("linear-32").unwrap().linear_bytes(12), 4 << 20);
        assert_eq!(find("two-level").unwrap().linear_bytes(12), 4 << 20);
        assert_eq!(find("linear-48").unwrap().linear_bytes(12), 512 << 30);
        let four_level = find("four-level").unwrap();
        let bytes = [6, 12, 16, 21, 30].map(|bits| four_level.linear_bytes(bits));
        assert_eq!(bytes, [512 << 30, 512 << 30, 32 << 30, 1 << 30, 2 << 20]);
        assert_eq!(tables("linear-32", &[0x1000]), (vec![1], 4 << 20));
    }

    /// CMU 15-213, spring 2003: two levels with three second-level tables in use take 16 KiB.
    #[test]
    fn two_levels_with_three_second_level_tables() {
        let used = [0x0000_0000, 0x0040_0000, 0x0040_1000, 0xbfff_f000];
        assert_eq!(tables("two-level", &used), (vec![1, 3], 16 << 10));
    }

    #[test]
    fn a_radix_tree_of_three_pages() {
        let used = [0x40_0000, 0x60_0000, 0x7fff_ffff_e000];
        assert_eq!(tables("four-level", &used), (vec![1, 2, 2, 3], 32 << 10));
        assert_eq!(tables("five-level", &used), (vec![1, 1, 2, 2, 3], 36 << 10));
        assert_eq!(tables("four-level", &[]), (vec![1, 0, 0, 0], 4096));
        // The kernel's half of a 64-bit address is the upper half of 48 bits.
        let kernel = [0xffff_8000_0000_0000];
        assert_eq!(tables("four-level", &kernel).0, [1, 1, 1, 1]);
        // Eight times 2 MiB, two of them in another gigabyte.
        let layout = find("four-level").unwrap();
        let large: PageSize = "2MiB".parse().unwrap();
        let numbers = [0, 1, 2, 3, 4, 5, 512, 513];
        assert_eq!(page_table_pages(layout, large, &numbers), [1, 1, 2]);
        assert_eq!(page_table_pages(layout, PageSize::MAX, &[0, 1]), [1, 1]);
    }

    #[test]
    fn an_address_is_split() {
        let layout = find("four-level").unwrap();
        let address = 0x7f12_3456_7abc;
        let indices: Vec<u64> = (0..4).map(|level| layout.index(address, level)).collect();
        assert_eq!(indices, [0xfe, 0x48, 0x1a2, 0x167]);
        assert_eq!(address & 0xfff, 0xabc);
    }

    /// The replay walks tables of 512 entries with the same shifts as these layouts.
    #[test]
    fn the_replay_walks_these_tables() {
        for name in ["four-level", "five-level"] {
            let layout = find(name).unwrap();
            for page in ["64", "4KiB", "64KiB", "2MiB", "4MiB", "1GiB"] {
                let page: PageSize = page.parse().unwrap();
                let bits = u32::from(page.shift());
                let text = format!("levels={}", layout.levels());
                let geometry: Geometry = text.parse().unwrap();
                let geometry = geometry.for_pages(page);
                let levels = layout.walk_levels(bits);
                assert_eq!(levels, geometry.levels as usize, "{name}, {page}");
                let shifts = radix_shifts(&geometry, page);
                assert_eq!(layout.upper_shifts(bits), shifts, "{name}, {page}");
            }
        }
    }
}
