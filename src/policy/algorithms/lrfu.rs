//! LRFU: each reference to a page counts, the less the longer ago it was; the victim is the page
//! with the least sum.

use crate::policy::params::MILLION;
use crate::policy::prelude::*;
use crate::policy::support::lazy_heap::LazyHeap;
use crate::units::counted;
use std::sync::LazyLock;

/// A sum of weights 2^(lambda * time), one for each reference: the paper's value scaled to time 0.
/// It only grows, and sums compare as the paper's values do at any time.
#[derive(Clone, Copy, Default)]
struct Sum {
    /// The sum is `scaled` times 2 to this power: lambda times the time of the last reference,
    /// rounded down.
    power: u64,
    /// At least 1.
    scaled: f64,
    /// The number of the last reference, which no other reference has.
    last: u64,
}

/// The order of sums: by the power of two that they reach, the bits of the fraction, and the number
/// of the last reference.
type Key = (u64, u64, u64);

/// Bits of the fraction of an `f64`.
const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
/// The bias of the exponent of an `f64`.
const BIAS: u64 = 1023;

impl Sum {
    #[inline(always)]
    fn key(&self) -> Key {
        let bits = self.scaled.to_bits();
        let fraction = bits & ((1 << FRACTION_BITS) - 1);
        (self.power + (bits >> FRACTION_BITS), fraction, self.last)
    }

    /// Adds `weight`, which is of a reference after the last one.
    #[inline(always)]
    fn add(&mut self, weight: Sum) {
        self.scaled = self.scaled * halved(weight.power - self.power) + weight.scaled;
        self.power = weight.power;
        self.last = weight.last;
    }
}

/// Returns 1 halved `times` times, or 0 if that is too small to matter.
#[inline(always)]
fn halved(times: u64) -> f64 {
    f64::from_bits(BIAS.saturating_sub(times) << FRACTION_BITS)
}

/// Returns 2 to the power `numerator / denominator`, which is below 1. It multiplies square roots
/// of 2, so that the result is the same on all machines.
fn power_of_two(mut numerator: u64, denominator: u64) -> f64 {
    let (mut power, mut root) = (1.0, 2.0f64);
    for _ in 0..=f64::MANTISSA_DIGITS {
        root = root.sqrt();
        numerator *= 2;
        if numerator >= denominator {
            numerator -= denominator;
            power *= root;
        }
    }
    power
}

/// The number of entries of both tables of powers, and the millionths of a coarse step.
const STEP: u64 = 1000;

/// Powers of two. They are the same for every `lambda`, so all replays share them.
struct Powers {
    /// Two to the power of each number of thousandths below 1.
    coarse: [f64; STEP as usize],
    /// Two to the power of each number of millionths below a thousandth.
    fine: [f64; STEP as usize],
}

static POWERS: LazyLock<Powers> = LazyLock::new(|| {
    let powers = |denominator| std::array::from_fn(|n| power_of_two(n as u64, denominator));
    Powers {
        coarse: powers(STEP),
        fine: powers(MILLION),
    }
});

/// The weights of references.
struct Weights {
    /// In millionths.
    lambda: u64,
    powers: &'static Powers,
}

impl Weights {
    fn new(lambda: u64) -> Weights {
        Weights {
            lambda,
            powers: &POWERS,
        }
    }

    /// Returns the weight of the `number`-th reference, at `time`.
    #[inline(always)]
    fn at(&self, time: u64, number: u64) -> Sum {
        let millionths = self.lambda * time;
        let (power, rest) = (millionths / MILLION, millionths % MILLION);
        let coarse = self.powers.coarse[(rest / STEP) as usize];
        Sum {
            power,
            scaled: coarse * self.powers.fine[(rest % STEP) as usize],
            last: number,
        }
    }
}

/// Least recently and frequently used. Sums only grow, so a heap with stale keys is enough.
pub struct Lrfu {
    weights: Weights,
    /// The sum of each frame.
    sums: Vec<Sum>,
    /// References so far, including arrivals ahead of use.
    made: u64,
    /// Frames by the key of their sum.
    order: LazyHeap<Key>,
}

impl<'t> PolicyType<'t> for Lrfu {
    const SPEC: Spec = Spec {
        name: "lrfu",
        aliases: &["least-recently-frequently-used"],
        family: Family::Research,
        about: "evicts the page with the least sum of references, each fading with age",
        cite: "D. Lee, J. Choi, J.-H. Kim, S. H. Noh, S. L. Min, Y. Cho, C. S. Kim, \"LRFU: a spectrum of policies that subsumes the least recently used and least frequently used policies\", IEEE Transactions on Computers 50(12), 2001",
        choices: "the paper's weighing function (1/2)^(lambda * age), without its correlated period. What was counted of a page is forgotten when it leaves. Of equal sums that of the least recently used page counts as the least. lambda=0 is LFU that forgets, lambda=1 is LRU, but for pages that other processes hit while their own stands still (with frames by process). Sums have 53 bits, and are kept so that those of pages long unused do not all round to zero.",
        sees: Sees::Hits,
        complexity: "hit O(1); fault O(log c) amortised",
        bytes: "60 bytes a frame",
        repeats: HitSensitivity::All,
        params: &[Param::fraction(
            "lambda",
            Some(MILLION / 1000),
            0..=MILLION,
            "how fast references fade: they halve in 1/lambda references",
        )],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Lrfu {
        Lrfu {
            weights: Weights::new(setup.number("lambda")),
            sums: vec![Sum::default(); setup.frames as usize],
            made: 0,
            order: LazyHeap::new(setup.frames),
        }
    }
}

impl Policy for Lrfu {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
        self.made += 1;
        let weight = self.weights.at(at.time, self.made);
        self.sums[at.frame as usize].add(weight);
    }

    fn victim(&mut self, _frames: &mut Frames, request: VictimRequest) -> FrameId {
        let sums = &self.sums;
        let key = |frame| sums[frame as usize].key();
        let least = self.order.pop_least_but(request.spare, key);
        least.expect("every frame is taken")
    }

    fn loaded(&mut self, _frames: &mut Frames, at: PageAccess) {
        self.made += 1;
        let sum = self.weights.at(at.time, self.made);
        self.sums[at.frame as usize] = sum;
        self.order.push(at.frame, sum.key());
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.order.remove(frame);
    }
}

impl Explain for Lrfu {
    fn why(&self, evicted: &Evicted) -> String {
        let uses = counted(evicted.seen.uses, "reference");
        format!("the least sum: {uses}, {}", evicted.seen.last())
    }

    fn order(&self, _frames: &Frames, next: u64) -> Option<FrameOrder> {
        let sum = |frame: FrameId| &self.sums[frame as usize];
        let mut order: Vec<FrameId> = self.order.iter().collect();
        order.sort_unstable_by_key(|&frame| sum(frame).key());
        let now = self.weights.at(next, self.made);
        let word = |frame| {
            let sum = sum(frame);
            let faded = sum.scaled * halved(now.power - sum.power) / now.scaled;
            format!("{faded:.3}")
        };
        let title = "faded sum, next to leave first";
        Some(FrameOrder::with_words(title, order, word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_right() {
        for n in [0, 1, 250, 333, 500, 750, 999] {
            for denominator in [STEP, MILLION] {
                let exact = (n as f64 / denominator as f64).exp2();
                let got = power_of_two(n, denominator);
                assert!(
                    (got / exact - 1.0).abs() < 1e-14,
                    "{n}/{denominator}: {got}"
                );
            }
        }
        assert_eq!([halved(0), halved(1), halved(10)], [1.0, 0.5, 0.0009765625]);
        assert_eq!(halved(5000), 0.0);
    }

    #[test]
    fn sums_are_those_of_the_definition() {
        for lambda in [0, 1000, 123_456, MILLION] {
            let weights = Weights::new(lambda);
            let mut sum = weights.at(3, 1);
            let times = [3u64, 4, 9, 50, 51, 700, 705];
            times[1..]
                .iter()
                .for_each(|&time| sum.add(weights.at(time, 2)));
            let fade = |time: &u64| (-(lambda as f64 / 1e6) * (705 - time) as f64).exp2();
            let exact: f64 = times.iter().map(fade).sum();
            let got = sum.scaled / weights.at(705, 2).scaled;
            assert!(
                (got / exact - 1.0).abs() < 1e-12,
                "{lambda}: {got}, {exact}"
            );
        }
    }
}
