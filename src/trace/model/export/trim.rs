//! The part of a trace that is taken, as accesses: an
//! [`Assembler`](crate::trace::model::assembler::Assembler) makes the same references of the accesses given here as of
//! all accesses under the same selection. For writing traces in formats that hold addresses and sizes.

use crate::trace::model::access::{Access, Addressing};
use crate::trace::model::event::Event;
use crate::trace::model::selection::{Cut, Flow, Selection, Taken};
use crate::units::PageSize;

/// Cuts accesses to what a selection takes of them.
pub struct Trim {
    cut: Cut,
    addressing: Addressing,
    shift: u32,
}

impl Trim {
    /// Returns a trim whose `skip` and `limit` count references to pages of `page_size`; ids are pages
    /// whatever the size.
    pub fn new(selection: Selection, addressing: Addressing, page_size: PageSize) -> Trim {
        let shift = addressing.page_shift(page_size);
        Trim {
            cut: Cut::new(selection, shift),
            addressing,
            shift,
        }
    }

    /// Returns true if every access is taken whole, so that [`Trim::access`] need not be asked.
    #[inline]
    pub fn takes_all(&self) -> bool {
        self.cut.is_all()
    }

    /// Calls `sink` with the part of `access` that is taken, in pieces if pages between are not.
    pub fn access(&mut self, access: &Access, mut sink: impl FnMut(Access)) -> Flow {
        if !self.cut.takes(access.pid, access.kind as u8) {
            return Flow::More;
        }
        let last = access.last();
        let piece = |from: u64, to: u64| {
            let start = access.addr.max(from << self.shift);
            let stop = last.min((to << self.shift) | ((1 << self.shift) - 1));
            Access {
                addr: start,
                size: (stop - start + 1) as u32,
                ..*access
            }
        };
        // A sampled page is an access of its own: its neighbours may be missing.
        let joins = !self.cut.is_sampled();
        let mut run: Option<(u64, u64)> = None;
        let mut flow = Flow::More;
        for number in access.addr >> self.shift..=last >> self.shift {
            match self.cut.take(access.pid, number) {
                Taken::Yes => {}
                Taken::No => continue,
                Taken::Done => {
                    flow = Flow::Done;
                    break;
                }
            }
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

    /// Returns how many references must still be read at least, those to skip included; `u64::MAX`
    /// without a limit.
    pub(in crate::trace) fn wanted(&self) -> u64 {
        self.cut.wanted()
    }

    /// Takes the next event of process `pid`.
    pub fn event(&mut self, pid: u32, event: &Event) {
        self.cut.event(pid, event);
    }

    /// Returns how the addresses are read.
    pub fn addressing(&self) -> Addressing {
        self.addressing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::generate::Rng;
    use crate::trace::model::access::Kind;
    use crate::trace::model::assembler::Assembler;
    use crate::trace::model::refs::References;
    use crate::trace::model::sample::Rate;

    /// The references taken, and the number of their pages.
    fn assembled(
        accesses: &[Access],
        selection: &Selection,
        addressing: Addressing,
    ) -> (References, usize) {
        let mut assembler = Assembler::new(selection.clone(), addressing, PageSize::DEFAULT);
        let mut out = References::default();
        assembler.accesses(accesses, &mut out).unwrap();
        (out, assembler.dictionary().pages.len())
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

    #[test]
    fn a_trim_that_takes_all_gives_each_access_as_it_is() {
        let mut rng = Rng::new(6);
        for addressing in [Addressing::Bytes, Addressing::Ids] {
            let mut trim = Trim::new(Selection::default(), addressing, PageSize::DEFAULT);
            assert!(trim.takes_all());
            for _ in 0..500 {
                let access = Access {
                    pid: rng.below(3) as u32,
                    kind: Kind::ALL[rng.below(3) as usize],
                    size: 1 + rng.below(20_000) as u32,
                    addr: rng.below(1 << 18),
                };
                let mut pieces = Vec::new();
                assert_eq!(trim.access(&access, |piece| pieces.push(piece)), Flow::More);
                assert_eq!(pieces, [access]);
            }
        }
        let limited = Selection {
            limit: Some(u64::MAX),
            ..Selection::default()
        };
        assert!(!Trim::new(limited, Addressing::Bytes, PageSize::DEFAULT).takes_all());
    }
}
