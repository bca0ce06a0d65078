//! The part of a trace that is taken, as accesses: what an [`Assembler`](super::select::Assembler)
//! makes of the accesses given here is what it would make of all of them under the same selection.
//! For writing traces in formats that hold addresses and sizes.

use super::event::Event;
use super::record::{Access, Addressing};
use super::select::{Flow, Selection};
use super::shown::ShownPages;
use crate::units::PageSize;

/// Cuts accesses to what a selection takes of them.
pub struct Trim {
    selection: Selection,
    addressing: Addressing,
    shift: u8,
    /// What pages show, which decides whether a sample takes them.
    shown: ShownPages,
    to_skip: u64,
    to_take: u64,
}

impl Trim {
    /// For pages of this size, as positions count references to pages; ids are pages whatever the
    /// size.
    pub fn new(selection: Selection, addressing: Addressing, page_size: PageSize) -> Trim {
        let shift = match addressing {
            Addressing::Bytes => page_size.shift(),
            Addressing::Ids => 0,
        };
        Trim {
            to_skip: selection.skip,
            to_take: selection.limit.unwrap_or(u64::MAX),
            shift,
            shown: ShownPages::new(u32::from(shift)),
            selection,
            addressing,
        }
    }

    /// Hands the part of an access that is taken to `sink`, in pieces if pages between are not.
    pub fn access(&mut self, access: &Access, mut sink: impl FnMut(Access)) -> Flow {
        if !self.selection.takes(access.pid, access.kind as u8) {
            return Flow::More;
        }
        let end = access
            .addr
            .saturating_add(u64::from(access.size.max(1)) - 1);
        let (first, last) = (access.addr >> self.shift, end >> self.shift);
        let piece = |from: u64, to: u64| {
            let start = access.addr.max(from << self.shift);
            let stop = end.min((to << self.shift) | ((1 << self.shift) - 1));
            Access {
                addr: start,
                size: (stop - start + 1) as u32,
                ..*access
            }
        };
        // A sampled page is an access of its own: its neighbours may be missing.
        let sample = self.selection.sample;
        let joins = sample.is_none();
        let mut run: Option<(u64, u64)> = None;
        let mut flow = Flow::More;
        for number in first..=last {
            if sample.is_some_and(|rate| !rate.takes(self.shown.of(access.pid, number))) {
                continue;
            }
            if self.to_skip > 0 {
                self.to_skip -= 1;
                continue;
            }
            if self.to_take == 0 {
                flow = Flow::Done;
                break;
            }
            self.to_take -= 1;
            run = match run {
                Some((from, _)) if joins => Some((from, number)),
                Some((from, to)) => {
                    sink(piece(from, to));
                    Some((number, number))
                }
                None => Some((number, number)),
            };
        }
        if let Some((from, to)) = run {
            sink(piece(from, to));
        }
        flow
    }

    /// How many references are still to be read at least: those to skip and those to take;
    /// `u64::MAX` if all are taken.
    pub(super) fn wanted(&self) -> u64 {
        match self.selection.limit {
            None => u64::MAX,
            Some(_) => self.to_skip.saturating_add(self.to_take),
        }
    }

    /// The next event of process `pid`.
    pub fn event(&mut self, pid: u32, event: &Event) {
        if self.selection.sample.is_some() {
            self.shown.event(pid, event);
        }
    }

    /// How the addresses are read.
    pub fn addressing(&self) -> Addressing {
        self.addressing
    }
}

#[cfg(test)]
mod tests {
    use super::super::r#gen::Rng;
    use super::super::record::Kind;
    use super::super::sample::Rate;
    use super::super::select::Assembler;
    use super::*;

    /// References, kinds and pages of what is taken.
    fn assembled(
        accesses: &[Access],
        selection: &Selection,
        addressing: Addressing,
    ) -> (Vec<u32>, Vec<u8>, usize) {
        let mut assembler = Assembler::new(selection.clone(), addressing, PageSize::DEFAULT);
        let (mut refs, mut kinds) = (Vec::new(), Vec::new());
        assembler.accesses(accesses, &mut refs, &mut kinds).unwrap();
        let pages = assembler.dictionary().pages.len();
        (refs, kinds, pages)
    }

    #[test]
    fn what_is_trimmed_assembles_to_what_is_selected() {
        let mut rng = Rng::new(5);
        for round in 0..200 {
            let accesses: Vec<Access> = (0..rng.below(60))
                .map(|_| Access {
                    pid: rng.below(3) as u32,
                    kind: Kind::ALL[rng.below(3) as usize],
                    size: [1, 8, 4096, 20_000][rng.below(4) as usize],
                    addr: rng.below(1 << 18),
                })
                .collect();
            let addressing = [Addressing::Bytes, Addressing::Ids][round % 2];
            let selection = Selection {
                data_only: rng.below(2) == 0,
                pids: [vec![], vec![1]][rng.below(2) as usize].clone(),
                skip: rng.below(20),
                limit: [None, Some(rng.below(50))][rng.below(2) as usize],
                sample: [None, Rate::new(0.5)][rng.below(2) as usize],
            };
            let mut trim = Trim::new(selection.clone(), addressing, PageSize::DEFAULT);
            let mut taken = Vec::new();
            for access in &accesses {
                if trim.access(access, |piece| taken.push(piece)) == Flow::Done {
                    break;
                }
            }
            assert_eq!(
                assembled(&taken, &Selection::default(), addressing),
                assembled(&accesses, &selection, addressing),
                "{selection:?}"
            );
        }
    }
}
