//! Generators of one process that only say where the next reference goes.

use super::rng::{Rng, alias_table, weights};
use super::{Make, Pages, Param, Pattern, Setting, Unit, Values};

/// The most pages: what a table of weights or a permutation takes memory for.
pub(super) const PAGES_MAX: f64 = (1u64 << 28) as f64;

pub(super) const PAGES: Param = Param {
    name: "pages",
    unit: Unit::Count("PAGES"),
    default: "10000",
    min: 1.0,
    max: PAGES_MAX,
    about: "Distinct pages",
};

pub(super) const ALPHA: Param = Param {
    name: "alpha",
    unit: Unit::Real("ALPHA"),
    default: "0.9",
    min: 0.001,
    max: 10.0,
    about: "Exponent of the Zipf law",
};

/// What most entries have.
const BASE: Pattern = Pattern {
    name: "",
    aliases: &[],
    about: "",
    params: &[PAGES],
    refs: "1M",
    writes: "0",
    example: "",
    make: Make::Pages(|values, setting| every(values, setting, |_, rng, pages| rng.below(pages))),
};

pub(super) const ZIPF: Pattern = Pattern {
    name: "zipf",
    about: "Independent draws, the k-th page with a weight of 1/k^alpha",
    params: &[PAGES, ALPHA],
    example: "--pages 1M --refs 50M --alpha 0.9 --writes 25 -o zipf.pbt",
    make: Make::Pages(|values, setting| {
        let zipf = Zipf::new(values.count("pages"), values.real("alpha"), setting.rng);
        Ok(Box::new(Scaled {
            page_bytes: setting.page_bytes,
            pages: values.count("pages"),
            page: move |_, rng: &mut Rng, _| zipf.draw(rng),
        }))
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
    make: Make::Pages(|values, setting| every(values, setting, |at, _, pages| at % pages)),
    ..BASE
};

pub(super) const SEQUENTIAL: Pattern = Pattern {
    name: "sequential",
    aliases: &["seq", "scan"],
    about: "All pages in order, each as often as --refs allows, never to return",
    example: "--pages 1000 --refs 16k -o scan.pbt",
    make: Make::Pages(|values, setting| {
        let (refs, pages) = (u128::from(setting.refs), values.count("pages"));
        Ok(Box::new(Scaled {
            page_bytes: setting.page_bytes,
            pages,
            page: move |at: u64, _: &mut Rng, pages: u64| {
                ((u128::from(at) * u128::from(pages) / refs) as u64).min(pages - 1)
            },
        }))
    }),
    ..BASE
};

pub(super) const STRIDE: Pattern = Pattern {
    name: "stride",
    about: "One address after the other at equal distances; what passes the last page goes on from the first byte",
    params: &[
        PAGES,
        Param {
            name: "stride",
            unit: Unit::Bytes("BYTES"),
            default: "256",
            min: 1.0,
            max: (1u64 << 40) as f64,
            about: "Distance of one reference from the one before it",
        },
    ],
    example: "--pages 1000 --stride 64 --refs 1M -o stride.pbt",
    make: Make::Pages(|values, setting| {
        let pages = values.count("pages");
        Ok(Box::new(Stride {
            pages,
            stride: u128::from(values.count("stride")),
            span: u128::from(pages) * u128::from(setting.page_bytes),
        }))
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
            about: "References to any page, in percent, not to the working set",
        },
    ],
    example: "--pages 10k --set 200 --phase 100k --outside 0.5 --refs 2M -o phases.pbt",
    make: Make::Pages(|values, setting| {
        let (pages, set) = (values.count("pages"), values.count("set"));
        if set > pages {
            return Err(format!(
                "--set: {set} pages are more than all {pages} (--pages)"
            ));
        }
        Ok(Box::new(Phases {
            page_bytes: setting.page_bytes,
            pages,
            set,
            phase: values.count("phase"),
            outside: values.real("outside") / 100.0,
            start: 0,
        }))
    }),
    ..BASE
};

pub(super) const CHASE: Pattern = Pattern {
    name: "chase",
    aliases: &["pointer-chase"],
    about: "A chain of pointers: all pages in one random order, again and again",
    example: "--pages 5000 --refs 100k -o chase.pbt",
    make: Make::Pages(|values, setting| {
        let pages = values.count("pages");
        Ok(Box::new(Chase {
            page_bytes: setting.page_bytes,
            next: one_cycle(pages as u32, setting.rng),
            page: 0,
        }))
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
    make: Make::Pages(|_, setting| {
        Ok(Box::new(Scaled {
            page_bytes: setting.page_bytes,
            pages: 6,
            page: |at: u64, _: &mut Rng, _| BELADYS[(at % 12) as usize],
        }))
    }),
    ..BASE
};

/// A generator by a function from position, random numbers and the number of pages to a page.
struct Scaled<F> {
    page_bytes: u64,
    pages: u64,
    page: F,
}

impl<F: FnMut(u64, &mut Rng, u64) -> u64> Pages for Scaled<F> {
    fn address(&mut self, rng: &mut Rng, at: u64) -> u64 {
        (self.page)(at, rng, self.pages) * self.page_bytes
    }

    fn pages(&self) -> u64 {
        self.pages
    }
}

/// The generator of such a function, over `pages`.
fn every(
    values: &Values,
    setting: &mut Setting<'_>,
    page: fn(u64, &mut Rng, u64) -> u64,
) -> Result<Box<dyn Pages>, String> {
    Ok(Box::new(Scaled {
        page_bytes: setting.page_bytes,
        pages: values.count("pages"),
        page,
    }))
}

/// Draws by the Zipf law. Popular pages are no neighbours.
pub(super) struct Zipf {
    alias: Vec<(f64, u32)>,
    shuffled: Vec<u32>,
}

impl Zipf {
    pub(super) fn new(pages: u64, alpha: f64, rng: &mut Rng) -> Zipf {
        let mut shuffled: Vec<u32> = (0..pages as u32).collect();
        for i in (1..shuffled.len()).rev() {
            shuffled.swap(i, rng.below(i as u64 + 1) as usize);
        }
        Zipf {
            alias: alias_table(&weights(pages, alpha)),
            shuffled,
        }
    }

    pub(super) fn draw(&self, rng: &mut Rng) -> u64 {
        let column = rng.below(self.alias.len() as u64) as usize;
        let (share, other) = self.alias[column];
        let rank = if rng.unit() < share {
            column as u32
        } else {
            other
        };
        u64::from(self.shuffled[rank as usize])
    }
}

struct Stride {
    pages: u64,
    stride: u128,
    span: u128,
}

impl Pages for Stride {
    fn address(&mut self, _rng: &mut Rng, at: u64) -> u64 {
        (u128::from(at) * self.stride % self.span) as u64
    }

    fn pages(&self) -> u64 {
        self.pages
    }
}

struct Phases {
    page_bytes: u64,
    pages: u64,
    set: u64,
    phase: u64,
    /// From 0 to 1.
    outside: f64,
    /// The first page of the working set.
    start: u64,
}

impl Pages for Phases {
    fn address(&mut self, rng: &mut Rng, at: u64) -> u64 {
        if at.is_multiple_of(self.phase) {
            self.start = rng.below(self.pages - self.set + 1);
        }
        let page = match rng.unit() < self.outside {
            true => rng.below(self.pages),
            false => self.start + rng.below(self.set),
        };
        page * self.page_bytes
    }

    fn pages(&self) -> u64 {
        self.pages
    }
}

struct Chase {
    page_bytes: u64,
    next: Vec<u32>,
    page: u32,
}

impl Pages for Chase {
    fn address(&mut self, _rng: &mut Rng, _at: u64) -> u64 {
        let addr = u64::from(self.page) * self.page_bytes;
        self.page = self.next[self.page as usize];
        addr
    }

    fn pages(&self) -> u64 {
        self.next.len() as u64
    }
}

/// A random permutation that is one cycle (S. Sattolo, "An algorithm to generate a random cyclic
/// permutation", Information Processing Letters 22, 1986).
fn one_cycle(length: u32, rng: &mut Rng) -> Vec<u32> {
    let mut next: Vec<u32> = (0..length).collect();
    for i in (1..next.len()).rev() {
        next.swap(i, rng.below(i as u64) as usize);
    }
    next
}
