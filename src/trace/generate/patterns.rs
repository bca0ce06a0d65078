//! Patterns of one process, which are sequences of addresses.

use super::zipf::{ALPHA, Zipf};
use super::{Addresses, Make, Param, Pattern, Rng, Setting, Unit};

/// Largest number of pages: a table of weights or a permutation of them must fit into memory.
pub(super) const PAGES_MAX: f64 = (1u64 << 28) as f64;

pub(super) const PAGES: Param = Param {
    name: "pages",
    unit: Unit::Count("PAGES"),
    default: "10000",
    min: 1.0,
    max: PAGES_MAX,
    about: "Distinct pages",
};

/// The values that most entries share.
const BASE: Pattern = Pattern {
    name: "",
    aliases: &[],
    about: "",
    params: &[PAGES],
    refs: "1M",
    writes: "0",
    example: "",
    make: Make::Addresses(|values, setting, _| {
        let pages = values.count("pages");
        let page = move |rng: &mut Rng, _| rng.below(pages);
        Ok(Addresses::of_pages(pages, setting, page))
    }),
};

pub(super) const ZIPF: Pattern = Pattern {
    name: "zipf",
    about: "Independent draws, the k-th page with a weight of 1/k^alpha",
    params: &[PAGES, ALPHA],
    example: "--pages 1M --refs 50M --alpha 0.9 --writes 25 -o zipf.pbt",
    make: Make::Addresses(|values, setting, rng| {
        let pages = values.count("pages");
        let zipf = Zipf::new(pages, values.real("alpha"), rng);
        let page = move |rng: &mut Rng, _| zipf.draw(rng);
        Ok(Addresses::of_pages(pages, setting, page))
    }),
    ..BASE
};

pub(super) const UNIFORM: Pattern = Pattern {
    name: "uniform",
    aliases: &["random"],
    about: "Independent draws, all pages alike",
    example: "--pages 1000 --refs 100k -o uniform.pbt",
    ..BASE
};

pub(super) const LOOP: Pattern = Pattern {
    name: "loop",
    aliases: &["cyclic"],
    about: "All pages in order, again and again",
    example: "--pages 5 --refs 25 -o -",
    make: Make::Addresses(|values, setting, _| {
        let pages = values.count("pages");
        Ok(Addresses::of_pages(pages, setting, move |_, at| at % pages))
    }),
    ..BASE
};

pub(super) const SEQUENTIAL: Pattern = Pattern {
    name: "sequential",
    aliases: &["seq", "scan"],
    about: "All pages in order, each as often as --refs allows, never to return",
    example: "--pages 1000 --refs 16k -o scan.pbt",
    make: Make::Addresses(|values, setting, _| {
        let (refs, pages) = (u128::from(setting.refs), values.count("pages"));
        let page = move |_: &mut Rng, at| {
            ((u128::from(at) * u128::from(pages) / refs) as u64).min(pages - 1)
        };
        Ok(Addresses::of_pages(pages, setting, page))
    }),
    ..BASE
};

pub(super) const STRIDE: Pattern = Pattern {
    name: "stride",
    about: "Addresses at equal distances, wrapping around at the end of the last page",
    params: &[
        PAGES,
        Param {
            name: "stride",
            unit: Unit::Bytes("BYTES"),
            default: "256",
            min: 1.0,
            max: (1u64 << 40) as f64,
            about: "Distance between consecutive references",
        },
    ],
    example: "--pages 1000 --stride 64 --refs 1M -o stride.pbt",
    make: Make::Addresses(|values, setting, _| {
        let pages = values.count("pages");
        let stride = u128::from(values.count("stride"));
        let span = u128::from(pages) * u128::from(setting.page_bytes);
        Ok(Addresses {
            pages,
            next: Box::new(move |_, at| (u128::from(at) * stride % span) as u64),
        })
    }),
    ..BASE
};

pub(super) const PHASES: Pattern = Pattern {
    name: "phases",
    about: "Working sets that change: each phase draws from another run of neighbouring pages",
    params: &[
        PAGES,
        Param {
            name: "set",
            unit: Unit::Count("PAGES"),
            default: "100",
            min: 1.0,
            max: PAGES_MAX,
            about: "Pages of the working set of a phase, at most all pages",
        },
        Param {
            name: "phase",
            unit: Unit::Count("REFERENCES"),
            default: "50k",
            min: 1.0,
            max: (1u64 << 40) as f64,
            about: "Length of a phase",
        },
        Param {
            name: "outside",
            unit: Unit::Real("PERCENT"),
            default: "1",
            min: 0.0,
            max: 100.0,
            about: "Percentage of references to any page instead of the working set",
        },
    ],
    example: "--pages 10k --set 200 --phase 100k --outside 0.5 --refs 2M -o phases.pbt",
    make: Make::Addresses(|values, setting, _| {
        let (pages, set) = (values.count("pages"), values.count("set"));
        if set > pages {
            return Err(format!(
                "--set: {set} pages are more than all {pages} (--pages)"
            ));
        }
        let phase = values.count("phase");
        let outside = values.real("outside") / 100.0;
        // The first page of the working set.
        let mut start = 0;
        let page = move |rng: &mut Rng, at: u64| {
            if at.is_multiple_of(phase) {
                start = rng.below(pages - set + 1);
            }
            if rng.unit() < outside {
                rng.below(pages)
            } else {
                start + rng.below(set)
            }
        };
        Ok(Addresses::of_pages(pages, setting, page))
    }),
    ..BASE
};

pub(super) const CHASE: Pattern = Pattern {
    name: "chase",
    aliases: &["pointer-chase"],
    about: "A chain of pointers: all pages in one random order, again and again",
    example: "--pages 5000 --refs 100k -o chase.pbt",
    make: Make::Addresses(|values, setting, rng| {
        let pages = values.count("pages");
        let next = one_cycle(pages as u32, rng);
        let mut page = 0;
        let step = move |_: &mut Rng, _| {
            let this = page;
            page = next[page as usize];
            u64::from(this)
        };
        Ok(Addresses::of_pages(pages, setting, step))
    }),
    ..BASE
};

/// The string of Belady, Nelson and Shedler, "An anomaly in space-time characteristics of certain
/// programs running in a paging machine", Communications of the ACM 12(6), 1969.
const BELADYS: [u64; 12] = [1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5];

pub(super) const BELADY: Pattern = Pattern {
    name: "belady",
    about: "Belady's string 1 2 3 4 1 2 5 1 2 3 4 5, on which FIFO has more faults with 4 frames than with 3",
    params: &[],
    refs: "12",
    example: "-o - | pagebench run - -p fifo,lru -m 3,4 --show faults --no-charts",
    make: Make::Addresses(|_, setting, _| {
        let page = |_: &mut Rng, at| BELADYS[(at % 12) as usize];
        Ok(Addresses::of_pages(6, setting, page))
    }),
    ..BASE
};

impl Addresses {
    /// Addresses of whole pages: `page` returns the page at a position, counted from 0.
    fn of_pages(
        pages: u64,
        setting: Setting,
        mut page: impl FnMut(&mut Rng, u64) -> u64 + 'static,
    ) -> Addresses {
        Addresses {
            pages,
            next: Box::new(move |rng, at| page(rng, at) * setting.page_bytes),
        }
    }
}

/// Makes a random permutation that is one cycle (S. Sattolo, "An algorithm to generate a random cyclic
/// permutation", Information Processing Letters 22, 1986).
fn one_cycle(length: u32, rng: &mut Rng) -> Vec<u32> {
    let mut next: Vec<u32> = (0..length).collect();
    for i in (1..next.len()).rev() {
        next.swap(i, rng.below(i as u64) as usize);
    }
    next
}
