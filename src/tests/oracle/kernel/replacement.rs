//! Which page leaves: LRU, FIFO and Clock, as lists of pages. Knows nothing of what pages are.

use super::machine::PageId;

/// A replacement policy with its list of resident pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// The least recently used first.
    Lru(Vec<PageId>),
    /// The first to come in first.
    Fifo(Vec<PageId>),
    /// The page at the hand first, each with its reference bit; `load_bit` is the bit after a fault.
    Clock {
        circle: Vec<(PageId, bool)>,
        load_bit: bool,
    },
    /// The circle is that of the frames; an empty frame is `None`.
    ClockOfFrames {
        frames: Vec<Option<(PageId, bool)>>,
        hand: usize,
        load_bit: bool,
    },
}

impl Replacement {
    /// As on the command line. Panics if it is none of these.
    pub fn named(name: &str, frames: usize) -> Replacement {
        let load_bit = !name.contains("load-bit=0");
        match name.split(':').next().unwrap_or_default() {
            "lru" => Replacement::Lru(Vec::new()),
            "fifo" => Replacement::Fifo(Vec::new()),
            "clock" if name.contains("order=frame") => Replacement::ClockOfFrames {
                frames: vec![None; frames],
                hand: 0,
                load_bit,
            },
            "clock" => Replacement::Clock {
                circle: Vec::new(),
                load_bit,
            },
            _ => panic!("no naive list for {name}"),
        }
    }

    /// The page `page` comes into `frame`. Ahead of use its bit is clear, otherwise that of a fault.
    pub fn comes(&mut self, page: PageId, frame: usize, bit: Bit) {
        match self {
            Replacement::Lru(list) | Replacement::Fifo(list) => list.push(page),
            Replacement::Clock { circle, load_bit } => circle.push((page, bit.of(*load_bit))),
            Replacement::ClockOfFrames {
                frames, load_bit, ..
            } => {
                frames[frame] = Some((page, bit.of(*load_bit)));
            }
        }
    }

    /// A resident page is referenced.
    pub fn hit(&mut self, page: PageId) {
        match self {
            Replacement::Lru(list) => {
                list.retain(|&other| other != page);
                list.push(page);
            }
            Replacement::Fifo(_) => {}
            Replacement::Clock { circle, .. } => {
                for (_, bit) in circle.iter_mut().filter(|(other, _)| *other == page) {
                    *bit = true;
                }
            }
            Replacement::ClockOfFrames { frames, .. } => {
                for (_, bit) in frames
                    .iter_mut()
                    .flatten()
                    .filter(|(other, _)| *other == page)
                {
                    *bit = true;
                }
            }
        }
    }

    /// A page is freed, or left as a victim.
    pub fn goes(&mut self, page: PageId) {
        match self {
            Replacement::Lru(list) | Replacement::Fifo(list) => list.retain(|&other| other != page),
            Replacement::Clock { circle, .. } => circle.retain(|(other, _)| *other != page),
            Replacement::ClockOfFrames { frames, .. } => {
                for frame in frames.iter_mut() {
                    if frame.is_some_and(|(other, _)| other == page) {
                        *frame = None;
                    }
                }
            }
        }
    }

    /// Chooses the page that makes room when every frame is in use; it is not `pinned` if there is
    /// another.
    pub fn victim(&mut self, pinned: Option<PageId>) -> PageId {
        match self {
            Replacement::Lru(list) | Replacement::Fifo(list) => {
                let other = list.iter().find(|&&page| Some(page) != pinned);
                *other.unwrap_or(&list[0])
            }
            Replacement::Clock { circle, .. } => {
                if circle.len() == 1 {
                    return circle[0].0;
                }
                loop {
                    let (page, bit) = circle.remove(0);
                    if Some(page) == pinned {
                        circle.push((page, bit));
                    } else if bit {
                        circle.push((page, false));
                    } else {
                        return page;
                    }
                }
            }
            Replacement::ClockOfFrames { frames, hand, .. } => {
                let alone = frames.len() == 1;
                loop {
                    let at = *hand;
                    *hand = (*hand + 1) % frames.len();
                    let (page, bit) = frames[at].expect("every frame is in use");
                    if alone {
                        return page;
                    }
                    if Some(page) == pinned {
                        continue;
                    }
                    if !bit {
                        return page;
                    }
                    frames[at] = Some((page, false));
                }
            }
        }
    }
}

/// The reference bit of a page that comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bit {
    /// By a fault: as the policy has it.
    OfFault,
    /// Ahead of use.
    Clear,
}

impl Bit {
    fn of(self, load_bit: bool) -> bool {
        match self {
            Bit::OfFault => load_bit,
            Bit::Clear => false,
        }
    }
}
