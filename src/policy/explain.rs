//! What a policy says of itself, for `pagebench explain`: why a page left, and what it keeps in
//! order. The words are the policies' own; they are asked for after a reference, never in a loop.
//! Knows nothing of how they are shown.

use super::support::lists::Lists;
use crate::units::{FrameId, PageId, counted};

/// What happened to a page while it was in its frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// The position of the reference that brought the page in, or before which it was brought in
    /// ahead of use.
    pub loaded: u64,
    /// The position of its last reference; equal to `loaded` without any.
    pub last_use: u64,
    /// Whether it was brought in ahead of use, not by a reference.
    pub ahead: bool,
    /// References since it came in, the one that brought it in among them.
    pub uses: u64,
}

impl Seen {
    /// Its last reference in words: `last at reference 5`. Of a page that was never referenced: when
    /// it was brought in.
    pub fn last(&self) -> String {
        match self.uses {
            0 => format!("{}, not referenced since", self.arrival()),
            _ => format!("last at {}", reference(self.last_use)),
        }
    }

    /// When it came in, in words: `loaded at reference 5`, `brought in ahead of reference 5`.
    pub fn arrival(&self) -> String {
        let how = if self.ahead {
            "brought in ahead of"
        } else {
            "loaded at"
        };
        format!("{how} {}", reference(self.loaded))
    }
}

/// A page that leaves memory, as the policy that chose it sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evicted {
    /// The page.
    pub page: PageId,
    /// The frame that it is in.
    pub frame: FrameId,
    /// The position of the reference that it makes room for, or after which it leaves.
    pub time: u64,
    /// What happened to it since it came in.
    pub seen: Seen,
    /// Whether its reference bit was set when the policy began to look for a page. Of an expired
    /// page: never.
    pub referenced: bool,
    /// Whether the policy cleared that bit before it chose the page.
    pub lost_its_bit: bool,
    /// How many other pages lost their reference bits while the policy looked.
    pub cleared: u32,
    /// Whether it leaves because its window closed.
    pub expired: bool,
}

impl Evicted {
    /// Which bits the hand cleared on its way, in words that follow those on the page; empty if none.
    pub fn looks(&self) -> String {
        let others = counted(u64::from(self.cleared), "other page");
        match (self.lost_its_bit, self.cleared) {
            (false, 0) => String::new(),
            (false, _) => format!(", after the bits of {others} were cleared"),
            (true, 0) => ", after its own bit was cleared".into(),
            (true, _) => format!(", after its own bit and those of {others} were cleared"),
        }
    }
}

/// Why a page leaves memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaves {
    /// The policy chose it to make room.
    Chosen,
    /// Its window closed.
    Expired,
    /// Nobody maps it any more.
    Freed,
}

/// A page that leaves memory, as reported by [`AnyPolicy::watched`](super::AnyPolicy::watched).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// The page.
    pub page: PageId,
    /// Whether its dirty bit is set.
    pub dirty: bool,
    /// The cause.
    pub leaves: Leaves,
    /// The policy's reason, if it had a choice and says why.
    pub why: Option<String>,
}

/// What a policy keeps in order: frames, and of each what the policy knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FrameOrder {
    /// What the order is: `most recent first`.
    pub title: String,
    /// The frames, and a word on each; the empty one if the order is all there is.
    pub frames: Vec<(FrameId, String)>,
}

impl FrameOrder {
    /// An order of frames without words on them.
    pub fn plain(title: &str, frames: impl Iterator<Item = FrameId>) -> FrameOrder {
        FrameOrder {
            title: title.to_owned(),
            frames: frames.map(|frame| (frame, String::new())).collect(),
        }
    }

    /// Frames with the positions, from 0, of the next references to their pages.
    pub fn by_next_use(order: Vec<(FrameId, Option<u64>)>) -> FrameOrder {
        let word = |next: Option<u64>| match next {
            Some(at) => format!("at {}", at + 1),
            None => "never".into(),
        };
        let frames = order.into_iter();
        FrameOrder {
            title: "next used".into(),
            frames: frames.map(|(frame, next)| (frame, word(next))).collect(),
        }
    }

    /// The frames of several lists, each from its front on, with the name of their list on them.
    pub fn lists<'a>(
        title: &str,
        lists: &Lists,
        names: impl IntoIterator<Item = (usize, &'a str)>,
    ) -> FrameOrder {
        let named = |(list, name): (usize, &'a str)| {
            let frames = lists.iter(list);
            frames.map(move |frame| (frame, name.to_owned()))
        };
        FrameOrder {
            title: title.to_owned(),
            frames: names.into_iter().flat_map(named).collect(),
        }
    }
}

/// A position, from 0, as people count references: `reference 1` is the first.
pub fn reference(position: u64) -> String {
    format!("reference {}", position + 1)
}
