//! THE table of processor models: translation hardware of processors, simulators and textbooks, a row
//! each with its source. Knows nothing of how TLBs replace their entries; replays use LRU for all.
//!
//! # Which arrays serve a page size
//!
//! A processor model has arrays for some page sizes. A cell uses those of the largest page size not
//! above its own, or of the smallest; each entry maps one page of the cell. A walk has as many levels
//! as for that page size.
//!
//! Left out, since a replay cannot tell or the hardware does not say: store TLBs, skewed
//! associativity, hashed sets, sharing between hardware threads, page-walk caches that no source
//! documents. If a source gives an instruction TLB for smaller pages only, that one serves larger
//! ones too, and x86 page tables have four levels. If several page sizes share arrays, the one page
//! size of a cell gets all of them.

use super::layout::{self, Layout};
use super::tlb_shapes::{Geometry, Second, Shape, WalkCacheShapes};
use crate::units::PageSize;
use crate::units::did_you_mean;

/// The TLBs that serve one page size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrays {
    /// log2 of the page size.
    pub page_bits: u8,
    /// First level, instructions.
    pub l1i: Shape,
    /// First level, data.
    pub l1d: Shape,
    /// Second level.
    pub l2: Second,
}

/// One processor model.
#[derive(Debug, PartialEq, Eq)]
pub struct ProcessorModel {
    /// The name, lower case.
    pub name: &'static str,
    /// A description.
    pub about: &'static str,
    /// The TLBs by page size, smallest first.
    pub arrays: &'static [Arrays],
    /// The name of its page tables' layout.
    pub layout: &'static str,
    /// Page-walk caches, from the root of the table down.
    pub pwc: &'static [Shape],
    /// The costs of its translations and faults.
    pub costs: Costs,
    /// Every number of its TLBs was decoded from the hardware's own report or read from source.
    pub confirmed: bool,
    /// Where the numbers come from.
    pub source: &'static str,
    /// A remark on the numbers; may be empty.
    pub remark: &'static str,
}

/// What translation and faults cost on a processor model. Orders of magnitude. The real cost of a
/// walk depends on which cache holds the entries. `--cost` overrides each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Costs {
    /// Base clock of the model named, in MHz.
    pub clock_mhz: u32,
    /// A translation by the second-level TLB, in cycles.
    pub tlb_l2_cycles: u32,
    /// One page-table entry read by a walk, in cycles.
    pub walk_ref_cycles: u32,
    /// A fault for which no device is read, in nanoseconds.
    pub fault_ns: u32,
}

/// The costs of a processor model without its own: 7 cycles for the second level (simulators and
/// measurements have 7 to 12), 45 for an entry that is found in the third-level cache (4, 14 and
/// 200 in the first, the second and memory; Sniper has 30 for a whole walk, Victima 300), 1 us for a
/// fault (measured on Linux 6.6: least 0.6, median 1.0, 95 % below 4.0).
pub const NOMINAL: Costs = Costs {
    clock_mhz: 2_250,
    tlb_l2_cycles: 7,
    walk_ref_cycles: 45,
    fault_ns: 1_000,
};

/// The usual costs at the base clock of the vendor's data sheet.
const fn clocked(clock_mhz: u32) -> Costs {
    Costs {
        clock_mhz,
        ..NOMINAL
    }
}

impl Costs {
    /// Returns `cycles` cycles in nanoseconds, rounded.
    fn ns(&self, cycles: u32) -> u64 {
        let (cycles, clock) = (u64::from(cycles) * 1_000, u64::from(self.clock_mhz));
        (cycles + clock / 2) / clock
    }

    /// Returns the cost of a translation by the second-level TLB, in nanoseconds.
    pub fn tlb_l2_ns(&self) -> u64 {
        self.ns(self.tlb_l2_cycles)
    }

    /// Returns the cost of one page-table entry read by a walk, in nanoseconds.
    pub fn walk_ref_ns(&self) -> u64 {
        self.ns(self.walk_ref_cycles)
    }
}

/// log2 of 4 KiB, 2 MiB and 1 GiB.
const K4: u8 = 12;
const M2: u8 = 21;
const G1: u8 = 30;

const fn arrays(page_bits: u8, l1i: Shape, l1d: Shape, l2: Second) -> Arrays {
    Arrays {
        page_bits,
        l1i,
        l1d,
        l2,
    }
}

const fn sets(entries: u32, ways: u32) -> Shape {
    Shape::new(entries, ways)
}

const fn full(entries: u32) -> Shape {
    Shape::full(entries)
}

const fn shared(entries: u32, ways: u32) -> Second {
    Second::Shared(Shape::new(entries, ways))
}

const fn split(instructions: Shape, data: Shape) -> Second {
    Second::Split {
        instructions: Some(instructions),
        data: Some(data),
    }
}

const fn data_only(data: Shape) -> Second {
    Second::Split {
        instructions: None,
        data: Some(data),
    }
}

/// The usual page-table layout of 64-bit processors.
const FOUR_LEVEL: &str = "four-level";
const CPUID_INTEL: &str = "CPUID leaf 18h (InstLatx64 dumps)";
const CPUID_AMD: &str = "CPUID leaves 80000005h, 80000006h, 80000019h (InstLatx64 dumps)";
const HALVES: &str = "the second level is two halves of 1024x8 (4K with 2M, 4K with 1G), given as \
                      2048x16 to 4K pages; the store TLB of 16 entries is left out";

/// Every processor model.
pub const MACHINES: &[ProcessorModel] = &[
    ProcessorModel {
        name: "skylake-sp",
        about: "Intel Skylake-SP and Cascade Lake (Xeon Gold 6154, 5215)",
        arrays: &[
            arrays(K4, sets(64, 8), sets(64, 4), shared(1536, 6)),
            arrays(M2, full(8), sets(32, 4), shared(1536, 6)),
            arrays(G1, full(8), sets(4, 4), shared(16, 4)),
        ],
        layout: FOUR_LEVEL,
        pwc: &[],
        costs: clocked(3_000),
        confirmed: true,
        source: "CPUID leaf 2, descriptor C3h among them (InstLatx64 dumps)",
        remark: "vendor tables give the second level 12 ways: see skylake-sp-12way; instruction \
                 TLBs are per hardware thread, and pages of 1G use the entries of 2M there",
    },
    ProcessorModel {
        name: "skylake-sp-12way",
        about: "Intel Skylake-SP with the second level of the vendor's tables",
        arrays: &[
            arrays(K4, sets(64, 8), sets(64, 4), shared(1536, 12)),
            arrays(M2, full(8), sets(32, 4), shared(1536, 12)),
            arrays(G1, full(8), sets(4, 4), shared(16, 4)),
        ],
        layout: FOUR_LEVEL,
        pwc: &[],
        costs: clocked(3_000),
        confirmed: false,
        source: "vendor tables and Victima (12 ways); the rest as skylake-sp",
        remark: "CPUID says 6 ways",
    },
    ProcessorModel {
        name: "ice-lake",
        about: "Intel Ice Lake (Core i7-1065G7)",
        arrays: &[
            arrays(K4, sets(128, 8), sets(64, 4), shared(2048, 16)),
            arrays(M2, full(8), sets(32, 4), shared(1024, 8)),
            arrays(G1, full(8), full(8), shared(1024, 8)),
        ],
        layout: FOUR_LEVEL,
        pwc: &[],
        costs: clocked(1_300),
        confirmed: false,
        source: "CPUID leaf 18h (InstLatx64 dumps); the 4K instruction TLB from memory",
        remark: HALVES,
    },
    ProcessorModel {
        name: "golden-cove",
        about: "Intel Golden Cove (Alder Lake, Sapphire Rapids)",
        arrays: &[
            arrays(K4, sets(256, 8), sets(64, 4), shared(2048, 16)),
            arrays(M2, sets(32, 8), sets(32, 4), shared(1024, 8)),
            arrays(G1, sets(32, 8), full(8), shared(1024, 8)),
        ],
        layout: FOUR_LEVEL,
        pwc: &[],
        costs: clocked(2_000),
        confirmed: true,
        source: CPUID_INTEL,
        remark: "vendor material gives the 4K data TLB 96 entries; the second level is two halves \
                 of 1024x8, given as 2048x16 to 4K pages; no store TLB here",
    },
    ProcessorModel {
        name: "granite-rapids",
        about: "Intel Granite Rapids (Redwood Cove)",
        arrays: &[
            arrays(K4, sets(256, 8), sets(96, 6), shared(2048, 16)),
            arrays(M2, sets(32, 8), sets(32, 4), shared(1024, 8)),
            arrays(G1, sets(32, 8), full(8), shared(1024, 8)),
        ],
        layout: FOUR_LEVEL,
        pwc: &[],
        costs: clocked(2_000),
        confirmed: true,
        source: CPUID_INTEL,
        remark: HALVES,
    },
    ProcessorModel {
        name: "lunar-lake",
        about: "Intel Lunar Lake (Lion Cove)",
        arrays: &[
            arrays(K4, sets(256, 8), sets(128, 8), shared(2048, 16)),
            arrays(M2, sets(32, 8), sets(32, 4), shared(1024, 8)),
            arrays(G1, sets(32, 8), full(8), shared(1024, 8)),
        ],
        layout: FOUR_LEVEL,
        pwc: &[],
        costs: clocked(2_200),
        confirmed: true,
        source: CPUID_INTEL,
        remark: HALVES,
    },
    ProcessorModel {
        name: "zen2",
        about: "AMD Zen 2 (EPYC 7742)",
        arrays: &[
            arrays(K4, full(64), full(64), split(sets(1024, 8), sets(2048, 8))),
            arrays(M2, full(64), full(64), split(sets(1024, 8), sets(2048, 4))),
            arrays(G1, full(64), full(64), Second::Absent),
        ],
        layout: FOUR_LEVEL,
        pwc: &[],
        costs: clocked(2_250),
        confirmed: true,
        source: CPUID_AMD,
        remark: "the second level holds a page of 1G in pieces of 2M, which is left out",
    },
    ProcessorModel {
        name: "zen3",
        about: "AMD Zen 3 (EPYC 7713)",
        arrays: &[
            arrays(K4, full(64), full(64), split(sets(512, 4), sets(2048, 8))),
            arrays(M2, full(64), full(64), split(sets(512, 2), sets(2048, 4))),
            arrays(G1, full(64), full(64), data_only(full(64))),
        ],
        layout: FOUR_LEVEL,
        pwc: &[],
        costs: clocked(2_000),
        confirmed: true,
        source: CPUID_AMD,
        remark: "the second-level data TLB is said to be skewed in 16 ways",
    },
    ProcessorModel {
        name: "zen4",
        about: "AMD Zen 4 (EPYC 9654)",
        arrays: &[
            arrays(K4, full(64), full(72), split(sets(512, 4), sets(3072, 8))),
            arrays(M2, full(64), full(72), split(sets(512, 2), sets(3072, 6))),
            arrays(G1, full(64), full(72), data_only(full(64))),
        ],
        layout: FOUR_LEVEL,
        pwc: &[],
        costs: clocked(2_400),
        confirmed: true,
        source: CPUID_AMD,
        remark: "the second-level data TLB is said to be skewed in 24 ways; 57-bit address spaces \
                 take a fifth level",
    },
    ProcessorModel {
        name: "zen5",
        about: "AMD Zen 5 (EPYC 9655)",
        arrays: &[
            arrays(K4, full(64), full(96), data_only(sets(4096, 8))),
            arrays(M2, full(64), full(96), data_only(sets(4096, 4))),
            arrays(G1, full(64), full(96), data_only(sets(1024, 4))),
        ],
        layout: FOUR_LEVEL,
        pwc: &[],
        costs: clocked(2_600),
        confirmed: false,
        source: CPUID_AMD,
        remark: "the second level's size field is scaled on this model: read as 32 times 128, 128 \
                 and 32; its second-level instruction TLB is not in our source and left out",
    },
    ProcessorModel {
        name: "neoverse-n1",
        about: "Arm Neoverse N1 and Cortex-A76",
        arrays: &[
            arrays(K4, full(48), full(48), shared(1280, 5)),
            arrays(M2, full(48), full(48), shared(1280, 5)),
            arrays(G1, full(48), full(48), shared(1280, 5)),
        ],
        layout: FOUR_LEVEL,
        pwc: &[],
        costs: clocked(2_500),
        confirmed: false,
        source: "the Technical Reference Manual, from memory",
        remark: "the second level also holds partial walks, which is left out",
    },
    ProcessorModel {
        name: "neoverse-v2",
        about: "Arm Neoverse V2",
        arrays: &[
            arrays(K4, full(48), full(48), shared(2048, 8)),
            arrays(M2, full(48), full(48), shared(2048, 8)),
            arrays(G1, full(48), full(48), shared(2048, 8)),
        ],
        layout: FOUR_LEVEL,
        pwc: &[],
        costs: clocked(2_800),
        confirmed: false,
        source: "the Technical Reference Manual, from memory",
        remark: "",
    },
    ProcessorModel {
        name: "cortex-a72",
        about: "Arm Cortex-A72",
        arrays: &[arrays(K4, full(48), full(32), shared(1024, 4))],
        layout: FOUR_LEVEL,
        pwc: &[],
        costs: clocked(1_500),
        confirmed: true,
        source: "Arm's Technical Reference Manual (second level), Sniper's cortex-a72.cfg",
        remark: "",
    },
    ProcessorModel {
        name: "apple-m1",
        about: "Apple M1, Firestorm cores, pages of 16 KiB",
        arrays: &[arrays(14, full(192), full(160), shared(3072, 12))],
        layout: "arm-16k",
        pwc: &[],
        costs: clocked(3_200),
        confirmed: false,
        source: "published measurements, from memory; they disagree",
        remark: "experimental: the data TLB is 160 or 256 entries, all ways are assumed",
    },
    ProcessorModel {
        name: "csapp",
        about: "the example of Bryant and O'Hallaron, \"Computer Systems\", chapter 9",
        arrays: &[arrays(6, sets(16, 4), sets(16, 4), Second::Absent)],
        layout: "csapp",
        pwc: &[],
        costs: NOMINAL,
        confirmed: false,
        source: "the book, section 9.6.4, from memory",
        remark: "14-bit addresses, pages of 64 bytes, one table; the book's TLB is one for \
                 instructions and data, here there is one for each",
    },
    ProcessorModel {
        name: "drcachesim",
        about: "default TLBs of DynamoRIO's drcachesim",
        arrays: &[arrays(K4, full(32), full(32), shared(1024, 4))],
        layout: FOUR_LEVEL,
        pwc: &[],
        costs: NOMINAL,
        confirmed: true,
        source: "clients/drcachesim/common/options.cpp",
        remark: "its default replacement is LFU, here it is LRU; it has no walks, these are ours",
    },
    ProcessorModel {
        name: "champsim",
        about: "default TLBs of ChampSim",
        arrays: &[arrays(K4, sets(64, 4), sets(64, 4), shared(1536, 12))],
        layout: "five-level",
        pwc: &[full(2), full(4), sets(8, 4), sets(32, 8)],
        costs: Costs {
            clock_mhz: 4_000,
            tlb_l2_cycles: 8,
            ..NOMINAL
        },
        confirmed: true,
        source: "champsim_config.json and the defaults of its configuration script",
        remark: "its clock and the 8 cycles of the second level are those of the same file",
    },
    ProcessorModel {
        name: "virtuoso",
        about: "base configuration of Virtuoso",
        arrays: &[
            arrays(K4, sets(64, 4), sets(64, 4), shared(2048, 8)),
            arrays(M2, sets(64, 4), sets(64, 4), shared(2048, 8)),
        ],
        layout: FOUR_LEVEL,
        pwc: &[sets(32, 4), sets(32, 4), sets(32, 4)],
        costs: Costs {
            tlb_l2_cycles: 12,
            fault_ns: 2_000,
            ..NOMINAL
        },
        confirmed: true,
        source: "the base MMU configuration in its repository",
        remark: "12 cycles for the second level and 2 us a fault are its configurations'; the clock is ours",
    },
];

/// Returns the processor model of this name. Errors if there is none; the message lists the names.
pub fn find(name: &str) -> Result<&'static ProcessorModel, String> {
    let wanted = name.trim().to_ascii_lowercase();
    let known = MACHINES.iter().map(|preset| preset.name);
    MACHINES
        .iter()
        .find(|preset| preset.name == wanted)
        .ok_or_else(|| {
            let hint = did_you_mean(&wanted, known);
            format!("unknown machine {name:?}{hint} (see: pagebench machines)")
        })
}

impl ProcessorModel {
    /// Returns the layout of its page tables.
    pub fn layout(&self) -> &'static Layout {
        layout::find(self.layout).expect("every row names a layout")
    }

    /// Returns the arrays that serve pages of this size.
    pub fn serving(&self, page: PageSize) -> &'static Arrays {
        let fits = |arrays: &&Arrays| arrays.page_bits <= page.shift();
        let largest = self.arrays.iter().rfind(fits);
        largest.unwrap_or(&self.arrays[0])
    }

    /// Returns the hardware as pages of this size see it: the arrays that serve them, and page tables
    /// of the model's layout.
    pub fn geometry(&self, page: PageSize) -> Geometry {
        self.over(self.layout(), page)
    }

    /// Returns the hardware as pages of this size see it, over page tables of `layout`. The levels of
    /// a walk depend on the page size, not on the arrays that serve it.
    pub fn over(&self, layout: &Layout, page: PageSize) -> Geometry {
        let arrays = self.serving(page);
        let levels = layout.walk_levels(page.shift().into());
        let mut pwc = WalkCacheShapes::default();
        for (cache, &shape) in pwc.iter_mut().zip(self.pwc) {
            *cache = Some(shape);
        }
        Geometry {
            l1i: arrays.l1i,
            l1d: arrays.l1d,
            l2: arrays.l2,
            levels: layout.levels() as u32,
            leaf_bits: layout.shift(levels - 1),
            radix_bits: Geometry::default().radix_bits,
            pwc,
            tags: true,
        }
        .with_levels(levels as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_whole() {
        for (at, preset) in MACHINES.iter().enumerate() {
            let name = preset.name;
            let same = |other: &ProcessorModel| other.name == name;
            assert!(!MACHINES[..at].iter().any(same), "{name} stands twice");
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(name.chars().all(plain), "{name}");
            assert!(preset.source.len() > 5 && preset.about.len() > 5, "{name}");
            assert!(find(&name.to_uppercase()).is_ok_and(|found| found == preset));
            assert!((1_000..=6_000).contains(&preset.costs.clock_mhz), "{name}");
            let layout = preset.layout();
            assert!(preset.pwc.len() < layout.levels(), "{name}");
            assert!(!preset.arrays.is_empty(), "{name}");
            let sizes = preset.arrays.iter().map(|arrays| arrays.page_bits);
            assert!(sizes.is_sorted_by(|a, b| a < b), "{name}");
            for arrays in preset.arrays {
                let page = PageSize::from_shift(arrays.page_bits).expect("a page size");
                assert!(u32::from(arrays.page_bits) >= layout.page_bits, "{name}");
                let seconds = arrays.l2.parts().into_iter().flatten();
                for shape in [arrays.l1i, arrays.l1d].into_iter().chain(seconds) {
                    assert!(shape.entries > 0 && shape.ways > 0, "{name}");
                    assert!(shape.entries.is_multiple_of(shape.ways), "{name} {shape}");
                }
                // What is printed reads back as the same hardware.
                let geometry = preset.geometry(page);
                let read = geometry.to_string().parse::<Geometry>();
                let leaf_bits = geometry.leaf_bits;
                let read = read.map(|read| Geometry { leaf_bits, ..read });
                assert_eq!(read, Ok(geometry), "{name}");
            }
        }
    }

    #[test]
    fn a_page_size_picks_its_arrays() {
        let zen3 = find("zen3").unwrap();
        for (page, expected) in [
            ("1KiB", "l1i=64x64,l1d=64x64,l2i=512x4,l2d=2048x8,levels=4"),
            ("4KiB", "l1i=64x64,l1d=64x64,l2i=512x4,l2d=2048x8,levels=4"),
            ("1MiB", "l1i=64x64,l1d=64x64,l2i=512x4,l2d=2048x8,levels=4"),
            ("2MiB", "l1i=64x64,l1d=64x64,l2i=512x2,l2d=2048x4,levels=3"),
            ("1GiB", "l1i=64x64,l1d=64x64,l2i=none,l2d=64x64,levels=2"),
        ] {
            let geometry = zen3.geometry(page.parse().unwrap());
            assert_eq!(geometry.to_string(), expected, "{page}");
        }
        let champsim = find("champsim").unwrap().geometry(PageSize::MAX);
        let expected = "l1i=64x4,l1d=64x4,l2=1536x12,levels=3,pwc=2/4";
        assert_eq!(champsim.to_string(), expected, "only 4K has arrays");
        let virtuoso = find("virtuoso").unwrap().geometry(PageSize::MAX);
        let expected = "l1i=64x4,l1d=64x4,l2=2048x8,levels=2,pwc=32x4";
        assert_eq!(virtuoso.to_string(), expected, "1G is served as 2M");
        assert!(find("zen33").unwrap_err().contains("did you mean \"zen3\""));
    }

    /// Bytes that TLBs map: 64, 1536, 2048 and 3072 pages of 4 KiB, 1024 and 3072 of 2 MiB.
    #[test]
    fn reach() {
        let reach = |shape: Shape, page: u64| shape.reach(page);
        assert_eq!(reach(sets(64, 4), 4 << 10), 256 << 10);
        assert_eq!(reach(sets(1536, 12), 4 << 10), 6 << 20);
        assert_eq!(reach(sets(2048, 8), 4 << 10), 8 << 20);
        assert_eq!(reach(sets(3072, 8), 4 << 10), 12 << 20);
        assert_eq!(reach(sets(1024, 8), 2 << 20), 2 << 30);
        assert_eq!(reach(sets(3072, 6), 2 << 20), 6 << 30);
    }
}
