//! Generators: streams of accesses that are the same on every machine for the same parameters
//! and seed. For tests and benchmarks; they say nothing about programs.

use super::record::{Access, Kind};

/// A stable source of pseudo-random numbers: xoshiro256** seeded by SplitMix64 (D. Blackman,
/// S. Vigna, 2018). Our own, since golden results rest on its stream.
#[derive(Debug, Clone)]
pub struct Rng([u64; 4]);

impl Rng {
    /// The stream of this seed.
    pub fn new(seed: u64) -> Rng {
        let mut state = seed;
        Rng([0; 4].map(|_: u64| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }))
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Uniform in `0..n`, by multiplication (D. Lemire, 2019, without the rejection: the bias is
    /// below n / 2^64).
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// In what order pages are referenced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pattern {
    /// Independent draws, the k-th most popular page with a weight of 1 / k^alpha.
    Zipf {
        /// The exponent, above 0.
        alpha: f64,
    },
    /// Independent draws, all pages alike.
    Uniform,
    /// All pages in order, again and again.
    Loop,
    /// Each page a few times in order, never to return.
    Sequential,
}

/// A generated stream.
#[derive(Debug, Clone)]
pub struct Generator {
    pattern: Pattern,
    rng: Rng,
    pages: u64,
    /// Of 2^32 references so many write.
    write_share: u64,
    position: u64,
    refs: u64,
    alias: Vec<(f64, u32)>,
    shuffled: Vec<u32>,
}

/// The most pages of a generated Zipf or uniform stream.
pub const PAGES_MAX: u64 = 1 << 28;

impl Generator {
    /// `refs` accesses to `pages` pages, the share `writes` (0 to 1) of them writes.
    pub fn new(pattern: Pattern, pages: u64, refs: u64, writes: f64, seed: u64) -> Generator {
        let mut rng = Rng::new(seed);
        let (mut alias, mut shuffled) = (Vec::new(), Vec::new());
        if let Pattern::Zipf { alpha } = pattern {
            alias = alias_table(&weights(pages, alpha));
            shuffled = (0..pages as u32).collect();
            // Popular pages must not be neighbours.
            for i in (1..shuffled.len()).rev() {
                shuffled.swap(i, rng.below(i as u64 + 1) as usize);
            }
        }
        let write_share = (writes * 4_294_967_296.0) as u64;
        Generator {
            pattern,
            rng,
            pages,
            write_share,
            position: 0,
            refs,
            alias,
            shuffled,
        }
    }

    fn page(&mut self) -> u64 {
        match self.pattern {
            Pattern::Zipf { .. } => {
                let column = self.rng.below(self.pages) as usize;
                let (share, other) = self.alias[column];
                let rank = if self.rng.unit() < share {
                    column as u32
                } else {
                    other
                };
                u64::from(self.shuffled[rank as usize])
            }
            Pattern::Uniform => self.rng.below(self.pages),
            Pattern::Loop => self.position % self.pages,
            Pattern::Sequential => {
                (self.position as u128 * self.pages as u128 / self.refs as u128) as u64
            }
        }
    }

    /// The next access, with the page number as address; `None` at the end.
    pub fn next_page(&mut self) -> Option<(u64, Kind)> {
        if self.position == self.refs {
            return None;
        }
        let page = self.page();
        let write = self.rng.next_u64() >> 32 < self.write_share;
        self.position += 1;
        Some((page, if write { Kind::Write } else { Kind::Read }))
    }

    /// The next access as a byte address, pages being `page_bytes` large.
    pub fn next_access(&mut self, page_bytes: u64) -> Option<Access> {
        let (page, kind) = self.next_page()?;
        Some(Access {
            pid: 0,
            kind,
            addr: page * page_bytes,
            size: 1,
        })
    }
}

/// 1 / k^alpha for k from 1. `libm` and not the system's library: the same bits everywhere.
fn weights(pages: u64, alpha: f64) -> Vec<f64> {
    (1..=pages).map(|k| libm::pow(k as f64, -alpha)).collect()
}

/// Vose's alias table (1991): a draw of column and coin takes constant time.
fn alias_table(weights: &[f64]) -> Vec<(f64, u32)> {
    let mean = weights.iter().sum::<f64>() / weights.len() as f64;
    let mut table: Vec<(f64, u32)> = weights.iter().map(|w| (w / mean, 0)).collect();
    let (mut small, mut large): (Vec<u32>, Vec<u32>) =
        (0..weights.len() as u32).partition(|&i| table[i as usize].0 < 1.0);
    while let (Some(&less), Some(&more)) = (small.last(), large.last()) {
        small.pop();
        let missing = 1.0 - table[less as usize].0;
        table[less as usize].1 = more;
        table[more as usize].0 -= missing;
        if table[more as usize].0 < 1.0 {
            large.pop();
            small.push(more);
        }
    }
    for rest in small.into_iter().chain(large) {
        table[rest as usize].0 = 1.0;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(pattern: Pattern, pages: u64, refs: u64) -> Vec<u64> {
        let mut generator = Generator::new(pattern, pages, refs, 0.25, 42);
        std::iter::from_fn(|| generator.next_page().map(|(page, _)| page)).collect()
    }

    #[test]
    fn the_stream_is_pinned() {
        // xoshiro256** from the state 1, 2, 3, 4: the first values of the reference program.
        let mut rng = Rng([1, 2, 3, 4]);
        assert_eq!(
            [rng.next_u64(), rng.next_u64(), rng.next_u64()],
            [11520, 0, 1509978240]
        );
        assert_eq!(
            pages(Pattern::Zipf { alpha: 0.9 }, 1000, 8),
            pages(Pattern::Zipf { alpha: 0.9 }, 1000, 8)
        );
        assert_eq!(pages(Pattern::Loop, 3, 7), [0, 1, 2, 0, 1, 2, 0]);
        assert_eq!(pages(Pattern::Sequential, 3, 7), [0, 0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn zipf_is_as_skewed_as_it_says() {
        let mut counts = vec![0u64; 100];
        for page in pages(Pattern::Zipf { alpha: 1.0 }, 100, 200_000) {
            counts[page as usize] += 1;
        }
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let harmonic: f64 = (1..=100).map(|k| 1.0 / f64::from(k)).sum();
        for (rank, share) in [(0usize, 1.0), (1, 0.5), (9, 0.1)] {
            let expected = 200_000.0 * share / harmonic;
            let got = counts[rank] as f64;
            assert!(
                (got - expected).abs() < 5.0 * expected.sqrt() + 30.0,
                "rank {rank}: {got} for {expected}"
            );
        }
    }

    #[test]
    fn a_quarter_writes() {
        let mut generator = Generator::new(Pattern::Uniform, 10, 40_000, 0.25, 1);
        let writes = std::iter::from_fn(|| generator.next_page())
            .filter(|(_, kind)| *kind == Kind::Write)
            .count();
        assert!((9_600..10_400).contains(&writes), "{writes}");
    }
}
