//! The levels drawn step by step, and the twins held equal.

use super::miss_log::Logger;
use super::*;
use crate::trace::model::access::{Addressing, TraceKind};
use crate::trace::model::dense::Trace;
use crate::trace::model::refs::{Dictionary, Meta, pack};

/// Three pages in one set of two ways, drawn step by step: the set after each reference, the
/// most recent page first.
#[test]
fn the_least_recent_entry_of_a_set_goes() {
    let pages: Vec<PageKey> = (0..3)
        .map(|n| PageKey {
            process: 0,
            number: n * 2,
        })
        .collect();
    let shape = Shape::new(4, 2);
    let geometry = Geometry {
        l1i: shape,
        l1d: shape,
        l2: Second::Shared(Shape::full(1)),
        levels: 3,
        ..Geometry::default()
    };
    let mut tlbs = Tlbs::<false>::new(&geometry, &pages, PageSize::DEFAULT);
    let steps: [(PageId, u64, u64); 7] = [
        (0, 0, 1), // 0
        (1, 0, 2), // 1 0
        (0, 1, 2), // 0 1
        (2, 1, 3), // 2 0    1 leaves
        (0, 2, 3), // 0 2
        (1, 2, 4), // 1 0    2 leaves
        (1, 3, 4), // 1 0
    ];
    for (now, (page, hits, misses)) in steps.into_iter().enumerate() {
        tlbs.translate(page, false, now as u64);
        let counters = tlbs.counters(0).unwrap();
        assert_eq!(
            (counters.l1d_hits, counters.misses),
            (hits, misses),
            "step {now}"
        );
    }
    tlbs.shoot_down(1, 7);
    let counters = tlbs.counters(0).unwrap();
    assert_eq!(
        (counters.shootdowns, counters.walk_refs),
        (2, 12),
        "in L1D and in L2"
    );
}

/// xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }
}

/// References of up to three processes, both sides, some pages more often than others. Each side
/// has its few pages for a while, then others: for `phase` references on average.
fn random_trace(random: &mut Random, length: u64, phase: u64) -> Trace {
    let pages = (0..1 + random.below(24)).map(|id| PageKey {
        process: (id % 3) as u32,
        number: id / (1 + id % 2),
    });
    let pages: Vec<PageKey> = pages.collect();
    let (few, fetches) = (1 + random.below(8), random.below(101));
    let repeats = random.below(60);
    let (mut refs, mut kinds) = (Vec::new(), Vec::new());
    let (mut page, mut begin) = (0, [0, 0]);
    for _ in 0..length {
        let kind = match random.below(100) < fetches {
            true => 0,
            false => 1 + random.below(2) as u8,
        };
        if random.below(phase) == 0 {
            begin[usize::from(kind == 0)] = random.below(pages.len() as u64);
        }
        if random.below(100) >= repeats {
            page = begin[usize::from(kind == 0)] + random.below(few);
            page %= pages.len() as u64;
        }
        refs.push(pack(page as PageId, kind == 2));
        kinds.push(kind);
    }
    let dictionary = Dictionary {
        pids: vec![1, 2, 3],
        pages,
    };
    let meta = Meta {
        name: "random".into(),
        format: "made-up".into(),
        kind: TraceKind::Synthetic,
        addressing: Addressing::Bytes,
        page_size: PageSize::DEFAULT,
        skipped: 0,
    };
    Trace::new(meta, dictionary, refs, kinds, None)
}

fn random_geometry(random: &mut Random) -> Geometry {
    let mut shape = || {
        let ways = 1 + random.below(4) as u32;
        Shape::new(ways * (1 + random.below(4) as u32), ways)
    };
    let (l1i, l1d, mut first, mut second) = (shape(), shape(), shape(), shape());
    // The log follows first levels under LRU only; what comes after them is free.
    if random.below(4) == 0 {
        [first, second] = [first, second].map(|shape| shape.replacing_by(Replacement::Fifo));
    }
    let part = |random: &mut Random, shape| (random.below(2) == 0).then_some(shape);
    let l2 = match random.below(3) {
        0 => Second::Absent,
        1 => Second::Shared(first),
        _ => Second::Split {
            instructions: part(random, first),
            data: part(random, second),
        },
    };
    let mut pwc = Geometry::default().pwc;
    if random.below(2) == 0 {
        pwc[2] = Some(Shape::full(1));
    }
    Geometry {
        l1i,
        l1d,
        l2,
        pwc,
        ..Geometry::default()
    }
}

/// A replay of a random trace by both, in which pages leave and return at random.
struct Twins<'t> {
    trace: &'t Trace,
    plain: Tlbs<'t>,
    follow: FollowTlbs<'t>,
    resident: Vec<bool>,
    stays: bool,
}

impl Twins<'_> {
    fn shoot_down(&mut self, page: PageId, before: u64) {
        self.plain.shoot_down(page, before);
        self.follow.shoot_down(page, before);
    }

    /// A page leaves memory; if pages stay, one may lose its translations only, or come back
    /// without a fault.
    fn disturb(&mut self, random: &mut Random, before: u64) {
        let page = random.below(self.trace.distinct() as u64) as PageId;
        match random.below(4) + 2 * u64::from(!self.stays) {
            0 => {
                self.shoot_down(page, before);
                self.follow.may_stay_resident(page, before);
            }
            1 => {
                self.resident[page as usize] = true;
                self.follow.may_stay_resident(page, before);
            }
            _ if self.resident[page as usize] => {
                self.shoot_down(page, before);
                self.resident[page as usize] = false;
            }
            _ => {}
        }
    }

    /// Replays one reference. The follower gets it only if it faults, or now and then.
    fn reference(&mut self, random: &mut Random, at: usize) {
        let (page, ifetch) = (self.trace.refs()[at] >> 1, self.trace.kinds()[at] == 0);
        let fault = !std::mem::replace(&mut self.resident[page as usize], true);
        self.plain.translate(page, ifetch, at as u64);
        if fault || random.below(16) == 0 {
            self.follow.translate(page, ifetch, at as u64);
        }
    }

    fn compare(&mut self, before: u64, what: &str) {
        let (plain, follow) = (self.plain.counters(before), self.follow.counters(before));
        assert_eq!(follow, plain, "{what}, before {before}");
    }
}

/// Replays a random trace by both and compares the counters. Fewer than `disturbances` references
/// of a hundred are disturbed.
fn hold_equal(seed: u64, length: u64, phase: u64, disturbances: u64) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let trace = random_trace(&mut random, length, phase);
    let geometry = random_geometry(&mut random);
    let pages = &trace.dictionary.pages[..];
    let mut logger = Logger::new(&geometry, pages);
    let stays = random.below(2) == 0;
    if stays {
        (0..pages.len()).for_each(|page| logger.stays(page as PageId));
    }
    let mut at = 0;
    while at < trace.len() {
        let end = trace.len().min(at + 1 + random.below(3 * length) as usize);
        logger.feed(&trace.refs()[at..end], &trace.kinds()[at..end]);
        at = end;
    }
    let log = logger.finish();
    let size = PageSize::DEFAULT;
    let mut twins = Twins {
        trace: &trace,
        plain: Tlbs::new(&geometry, pages, size),
        follow: FollowTlbs::new(&geometry, pages, &trace, &log),
        resident: vec![false; pages.len()],
        stays,
    };
    let rate = random.below(disturbances);
    let what = format!("seed {seed}, {geometry}");
    for at in 0..trace.len() {
        if random.below(100) < rate {
            twins.disturb(&mut random, at as u64);
        }
        twins.reference(&mut random, at);
        if random.below(100) < rate {
            // A window closes after the reference.
            twins.disturb(&mut random, at as u64 + 1);
        }
        if random.below(4) == 0 {
            twins.compare(at as u64 + 1, &what);
        }
    }
    twins.compare(trace.len() as u64, &what);
}

#[test]
fn a_follower_counts_as_one_that_looks_at_every_reference() {
    for seed in 0..4000 {
        hold_equal(seed, 1 + seed % 300, 1 + seed % 40, 60);
    }
}

/// Traces that end with a block of the log, or beside its end.
#[test]
fn a_follower_counts_to_the_end_of_a_block() {
    for length in [0, 1, 1023, 1024, 1025, 2048, 3072] {
        for seed in 0..8 {
            hold_equal(seed, length, 50, 10);
        }
    }
}

/// Several blocks of the log, and long waits.
#[test]
fn a_follower_finds_references_that_are_far_away() {
    for seed in 0..200 {
        hold_equal(seed, 20_000, 3_000, 4);
    }
}
