//! Pseudo-random traces: the same seed gives the same trace everywhere.

use crate::oracle::Ref;

/// xorshift64* (S. Vigna, "An experimental exploration of Marsaglia's xorshift generators,
/// scrambled", ACM Transactions on Mathematical Software 42(4), 2016).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        // Seeds that follow one another must not give streams that resemble one another.
        Random((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }

    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}

/// How the pages of a trace follow one another.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Any page at any time.
    Uniform,
    /// Loops over some pages, each passed several times.
    Loops,
    /// Few pages for a while, then others.
    Phases,
    /// Few pages very often, many seldom.
    Skewed,
    /// All pages in turn: with one frame less, LRU, FIFO and Clock fault at every reference.
    Cyclic,
    /// The same page several times in a row.
    Runs,
}

pub const SHAPES: [Shape; 6] = [
    Shape::Uniform,
    Shape::Loops,
    Shape::Phases,
    Shape::Skewed,
    Shape::Cyclic,
    Shape::Runs,
];

/// Page numbers from 0 to `pages` - 1.
pub fn numbers(shape: Shape, length: usize, pages: u64, random: &mut Random) -> Vec<u64> {
    let mut out: Vec<u64> = Vec::with_capacity(length);
    while out.len() < length {
        match shape {
            Shape::Uniform => out.push(random.below(pages)),
            Shape::Skewed => {
                let upper = random.below(pages) + 1;
                let upper = random.below(upper) + 1;
                out.push(random.below(upper));
            }
            Shape::Cyclic => out.push(out.len() as u64 % pages),
            Shape::Loops => {
                let (first, count) = (random.below(pages), random.below(pages) + 1);
                for _ in 0..=random.below(4) {
                    out.extend((0..count).map(|i| (first + i) % pages));
                }
            }
            Shape::Phases => {
                let (first, few) = (random.below(pages), random.below(4) + 1);
                for _ in 0..=random.below(40) {
                    out.push((first + random.below(few)) % pages);
                }
            }
            Shape::Runs => {
                let page = random.below(pages);
                let times = random.below(6) + 1;
                out.extend((0..times).map(|_| page));
            }
        }
    }
    out.truncate(length);
    out
}

/// A trace of `length` references with at most `pages` page numbers in each process.
pub fn refs_of(shape: Shape, length: usize, pages: u64, seed: u64) -> Vec<Ref> {
    let mut random = Random::new(seed);
    let numbers = numbers(shape, length, pages, &mut random);
    // Two traces in three have one process; the others share page numbers between processes.
    let processes = if random.percent(33) {
        random.below(3) + 2
    } else {
        1
    };
    let switch = 1 + random.below(60);
    let (writes, fetches) = (random.below(60), random.below(40));
    // Page numbers far apart and close together, for the sets of the TLBs.
    let (stride, base) = match random.below(3) {
        0 => (1, 0),
        1 => (1 + random.below(9), random.below(1000)),
        _ => (random.below(1 << 20) | 1, 1 << 40),
    };
    let mut process = 0;
    numbers
        .into_iter()
        .map(|number| {
            if random.percent(switch) {
                process = random.below(processes);
            }
            let ifetch = random.percent(fetches);
            Ref {
                process: 100 + 7 * process as u32,
                page: base + number * stride,
                write: !ifetch && random.percent(writes),
                ifetch,
            }
        })
        .collect()
}

/// A trace of any shape, of up to `longest` references and `pages` pages.
pub fn any_refs(seed: u64, longest: u64, pages: u64) -> Vec<Ref> {
    let mut random = Random::new(seed ^ 0x5eed);
    let shape = SHAPES[(seed % SHAPES.len() as u64) as usize];
    let length = 1 + random.below(longest) as usize;
    refs_of(shape, length, 1 + random.below(pages), seed)
}
