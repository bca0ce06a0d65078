//! The gaps between references of a page within one burst: how many there are of each length, and for
//! each page of a burst the longest before its first write and after its last.
//!
//! This reads every reference, but nothing from before the burst, so threads work on parts of the
//! trace side by side.

use crate::trace::bursts::{BurstsView, Columns, LENGTH_MAX};
use crate::trace::model::access::Kind;
use crate::trace::model::refs::KIND_MASK;
use rayon::prelude::*;
use std::ops::Range;

/// Parts per thread: several, so that no thread waits long for the last one.
const PARTS: usize = 4;

/// The gaps of a trace's bursts.
pub struct Gaps {
    /// `lengths[n]`: the number of gaps of length `n`, in references.
    pub lengths: Vec<u64>,
    /// `rewrites[n]`: the number of writes, except the first of a page in its burst, whose longest gap
    /// since the page's write before has length `n`.
    pub rewrites: Vec<u64>,
    /// For each listed page of each burst.
    pub edges: Vec<Edges>,
}

/// The longest gaps of a page in a burst, in references; 0 if there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Edges {
    /// The longest up to its first write; of all gaps, if it is not written.
    pub to_first_write: u16,
    /// The longest after its last write.
    pub after_last_write: u16,
}

impl Gaps {
    fn new() -> Gaps {
        Gaps {
            lengths: vec![0; LENGTH_MAX + 1],
            rewrites: vec![0; LENGTH_MAX + 1],
            edges: Vec::new(),
        }
    }

    fn add(mut self, part: Gaps) -> Gaps {
        let add = |all: &mut Vec<u64>, part: Vec<u64>| {
            all.iter_mut()
                .zip(part)
                .for_each(|(sum, more)| *sum += more);
        };
        add(&mut self.lengths, part.lengths);
        add(&mut self.rewrites, part.rewrites);
        self.edges.extend(part.edges);
        self
    }
}

/// Finds the gaps of all bursts.
pub fn gaps(view: BurstsView<'_>) -> Gaps {
    let columns = view.columns;
    let parts = (rayon::current_num_threads() * PARTS) as u64;
    let refs = columns.starts.last().copied().unwrap_or(0);
    let bound = |part: u64| {
        let at = (u128::from(refs) * u128::from(part) / u128::from(parts)) as u64;
        columns.starts.partition_point(|&start| start < at)
    };
    let parts: Vec<Gaps> = (0..parts)
        .into_par_iter()
        .map(|part| {
            let end = bound(part + 1).min(columns.len());
            of_part(view, bound(part).min(end)..end)
        })
        .collect();
    parts.into_iter().fold(Gaps::new(), Gaps::add)
}

/// Finds the gaps of the bursts in a range.
fn of_part(view: BurstsView<'_>, bursts: Range<usize>) -> Gaps {
    let columns = view.columns;
    let mut gaps = Gaps::new();
    gaps.edges
        .reserve_exact(columns.offsets[bursts.end] - columns.offsets[bursts.start]);
    for burst in bursts {
        let raw = view.raw(columns.range(burst));
        of_burst(raw, columns, burst, &mut gaps);
    }
    // The first reference of each page was counted as a gap of length 0.
    gaps.lengths[0] = 0;
    gaps
}

#[inline(always)]
fn of_burst(raw: &[u8], columns: &Columns, burst: usize, gaps: &mut Gaps) {
    let list = columns.list(burst);
    let places = &columns.places[list.clone()];
    // By place: the last reference, the longest gap since the last write, and that up to the first.
    let (mut last, mut longest, mut before) = ([0u16; 64], [0u16; 64], [0u16; 64]);
    let mut written = 0u64;
    for (&place, &first) in places.iter().zip(&columns.first[list]) {
        last[usize::from(place)] = first;
    }
    let lengths: &mut [u64; LENGTH_MAX + 1] = (&mut gaps.lengths[..]).try_into().expect("all");
    for (&byte, at) in raw.iter().zip(0u16..) {
        let place = usize::from(byte >> 2);
        let gap = at - last[place];
        last[place] = at;
        lengths[usize::from(gap)] += 1;
        let most = longest[place].max(gap);
        longest[place] = most;
        if byte & KIND_MASK == Kind::Write as u8 {
            longest[place] = 0;
            if written >> place & 1 == 0 {
                written |= 1 << place;
                before[place] = most;
            } else {
                gaps.rewrites[usize::from(most)] += 1;
            }
        }
    }
    gaps.edges.extend(places.iter().map(|&place| {
        let (before, longest) = (before[usize::from(place)], longest[usize::from(place)]);
        match written >> place & 1 {
            0 => Edges {
                to_first_write: longest,
                after_last_write: 0,
            },
            _ => Edges {
                to_first_write: before,
                after_last_write: longest,
            },
        }
    }));
}
