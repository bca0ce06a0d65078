//! Draws by the Zipf law, in constant time and the same on every machine.

use super::{Param, Rng, Unit};

pub(super) const ALPHA: Param = Param {
    name: "alpha",
    unit: Unit::Real("ALPHA"),
    default: "0.9",
    min: 0.001,
    max: 10.0,
    about: "Exponent of the Zipf law",
};

/// Draws pages by the Zipf law. Popular pages are scattered over the address space.
pub(super) struct Zipf {
    alias: Vec<(f64, u32)>,
    shuffled: Vec<u32>,
}

impl Zipf {
    /// The law of `pages` pages with exponent `alpha`.
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

    /// Draws a page.
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

/// The weights 1 / k^alpha for `k` from 1. They come from `libm` and not from the system's library, so
/// that they have the same bits on every machine.
fn weights(pages: u64, alpha: f64) -> Vec<f64> {
    (1..=pages).map(|k| libm::pow(k as f64, -alpha)).collect()
}

/// Makes Vose's alias table (1991): a draw of a column and a coin takes constant time.
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
