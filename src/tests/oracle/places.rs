//! Addresses that are places in memory, for all processes: who wrote each place last is found by looking
//! back over all that happened. Written from the description of the model alone.

use super::whole::Item;
use super::whole::space::Space;
use pagebench::internals::trace::model::access::Kind;
use pagebench::internals::trace::model::event::Event;

/// What a replay counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Places {
    pub refs: u64,
    /// Writes to a place that another living process wrote last.
    pub clobbers: u64,
    /// Reads of one.
    pub foreign_reads: u64,
    /// The legal references before the first of each.
    pub first: [Option<u64>; 2],
    /// The place beyond memory at which the replay ends.
    pub beyond: Option<u64>,
}

/// Counts in memory of `places` pages. `space` is empty.
pub fn count(items: &[Item], mut space: Space, places: u64) -> Places {
    let mut out = Places::default();
    // Writes so far: place and process, the last one last.
    let mut writes: Vec<(u64, u32)> = Vec::new();
    // Children that use the memory of their parents.
    let mut lent: Vec<(u32, u32)> = Vec::new();
    let mut over: Vec<u32> = Vec::new();
    for item in items {
        let illegal = space.illegal.len();
        space.apply(item).expect("a trace that makes sense");
        match *item {
            Item::Access { pid, kind, page } if space.illegal.len() == illegal => {
                let lender = lent.iter().find(|(child, _)| *child == pid);
                let pid = lender.map_or(pid, |(_, parent)| *parent);
                if page >= places {
                    out.beyond = Some(page);
                    return out;
                }
                let last = writes.iter().rfind(|(place, _)| *place == page);
                if last.is_some_and(|(_, by)| *by != pid && !over.contains(by)) {
                    let write = kind == Kind::Write;
                    out.clobbers += u64::from(write);
                    out.foreign_reads += u64::from(!write);
                    out.first[usize::from(!write)].get_or_insert(out.refs);
                }
                if kind == Kind::Write {
                    writes.push((page, pid));
                }
                out.refs += 1;
            }
            Item::Access { .. } => {}
            Item::Event { pid, ref event } => {
                let home = lent.iter().find(|(child, _)| *child == pid);
                let home = home.map_or(pid, |(_, parent)| *parent);
                match event {
                    Event::Vfork { child } => lent.push((*child, home)),
                    Event::Exec => lent.retain(|(child, _)| *child != pid),
                    Event::Exit => {
                        lent.retain(|(child, _)| *child != pid);
                        over.push(pid);
                    }
                    _ => {}
                }
            }
        }
    }
    out
}
