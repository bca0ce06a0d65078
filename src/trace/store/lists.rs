//! What is stored of the bursts of a block besides the references themselves: where each page is
//! referenced first and last, whether it is written, and what happens within bursts. With it an LRU
//! curve needs no reference.
//!
//! It follows from the references, and whoever has these works it out from them. Knows nothing of
//! columns' place in the file.

use super::u32_at;
use crate::trace::burst;
use crate::trace::bursts::{Block, Columns, K_MAX, Listed};
use crate::trace::within::{Edges, Within};

/// The columns, unpacked, in the order of their tags.
pub(super) type Lists = [Vec<u8>; 5];

/// The lists of a block as it was encoded; `raw` is room for its bytes.
pub(super) fn of(encoded: &burst::Bursts, raw: &mut Vec<u8>) -> Result<Lists, &'static str> {
    raw.clone_from(&encoded.raw);
    let block = Block::decode(0, encoded.view(), usize::MAX, raw)?;
    Ok(encode(&block.columns, &Within::of(&block.columns, raw)))
}

fn encode(columns: &Columns, within: &Within) -> Lists {
    // A block has less than 2^32 references.
    let number = |&number: &u64| (number as u32).to_le_bytes();
    let numbers = within.distances[1..].iter().chain(&within.rewrites[1..]);
    let before = within.edges.iter().map(|edges| edges.before);
    let behind = within.edges.iter().map(|edges| edges.behind);
    [
        numbers.flat_map(number).collect(),
        before.chain(behind).collect(),
        columns.first.iter().flat_map(|n| n.to_le_bytes()).collect(),
        columns.last.iter().flat_map(|n| n.to_le_bytes()).collect(),
        columns.pages.iter().map(|page| (page & 1) as u8).collect(),
    ]
}

/// What happens within the bursts of a block with so many listed pages and references. Errors say
/// which rule the columns break.
pub(super) fn decode_within(
    [numbers, edges]: [&[u8]; 2],
    listed: usize,
    refs: usize,
) -> Result<Within, &'static str> {
    if numbers.len() != 2 * 4 * K_MAX || edges.len() != 2 * listed {
        return Err("what happens within bursts is told of another block");
    }
    let mut within = Within::default();
    for distance in 1..=K_MAX {
        let number = |part: usize| u64::from(u32_at(numbers, 4 * (part * K_MAX + distance - 1)));
        within.distances[distance] = number(0);
        within.rewrites[distance] = number(1);
    }
    let (before, behind) = edges.split_at(listed);
    let pairs = before.iter().zip(behind);
    within.edges = pairs
        .map(|(&before, &behind)| Edges { before, behind })
        .collect();
    let repeats = within.distances.iter().sum::<u64>();
    let mut largest = within.rewrites;
    for edges in &within.edges {
        for distance in [edges.before, edges.behind] {
            let count = largest.get_mut(usize::from(distance));
            *count.ok_or("a distance within a burst is above 64")? += 1;
        }
    }
    // Each of these is the distance of a reference of its own.
    let fits = largest[1..].iter().zip(&within.distances[1..]);
    if repeats != (refs - listed) as u64 || fits.into_iter().any(|(most, all)| most > all) {
        return Err("what happens within bursts does not add up");
    }
    Ok(within)
}

/// The lists of a block that begins at a position, without its references.
pub(super) fn decode(
    start: u64,
    encoded: burst::View<'_>,
    lists: &[Vec<u8>],
    distinct: usize,
) -> Result<Columns, &'static str> {
    let [first, last, written] = lists else {
        return Err("the lists of its pages are not there");
    };
    let offset = |bytes: &[u8]| u16::from_le_bytes([bytes[0], bytes[1]]);
    let listed = encoded.pages.len();
    if [first.len(), last.len(), written.len()] != [2 * listed, 2 * listed, listed] {
        return Err("the lists of its pages are of another block");
    }
    let both = first.chunks_exact(2).zip(last.chunks_exact(2));
    let all = both.zip(written).zip(encoded.pages);
    let all = all.map(|(((first, last), &written), &page)| Listed {
        page,
        written: written != 0,
        first: offset(first),
        last: offset(last),
    });
    Columns::of_lists(
        start,
        encoded.lengths,
        encoded.counts,
        &all.collect::<Vec<_>>(),
        distinct,
    )
}
