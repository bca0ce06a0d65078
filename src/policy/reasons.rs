//! The types and words with which a policy explains itself, for `pagebench explain`: why a page was
//! evicted, and what the policy keeps in order. Knows nothing of how they are shown.

use super::support::lists::Lists;
use crate::units::{FrameId, PageId, counted};

/// What happened to a page while it was in its frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// The position of the reference that loaded the page, or before which it was brought in ahead
    /// of use.
    pub loaded: u64,
    /// The position of its last reference; equal to `loaded` if there was none.
    pub last_use: u64,
    /// Whether it was brought in ahead of use.
    pub ahead: bool,
    /// References since it came in, including the one that loaded it.
    pub uses: u64,
}

impl Seen {
    /// Returns its last reference in words: `last at reference 5`. Without one, when it was brought
    /// in.
    pub fn last(&self) -> String {
        match self.uses {
            0 => format!("{}, not referenced since", self.arrival()),
            _ => format!("last at {}", reference(self.last_use)),
        }
    }

    /// Returns when it came in, in words: `loaded at reference 5`, `brought in ahead of reference
    /// 5`.
    pub fn arrival(&self) -> String {
        let how = if self.ahead {
            "brought in ahead of"
        } else {
            "loaded at"
        };
        format!("{how} {}", reference(self.loaded))
    }
}

/// A page that leaves memory by the choice of its policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evicted {
    /// The page.
    pub page: PageId,
    /// The frame that it was in.
    pub frame: FrameId,
    /// The position of the reference for which it makes room, or after which its window closed.
    pub time: u64,
    /// What happened to it while it was in memory.
    pub seen: Seen,
    /// Whether its reference bit was set when the policy began to look for a victim. False for an
    /// expired page.
    pub referenced: bool,
    /// Whether the policy cleared that bit before it chose the page.
    pub lost_its_bit: bool,
    /// The number of other pages whose reference bits the policy cleared meanwhile.
    pub cleared: u32,
    /// Whether it leaves because its window closed.
    pub expired: bool,
}

impl Evicted {
    /// Returns which bits the hand cleared on its way, in words that follow those on the page;
    /// empty if it cleared none.
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
    /// It has no owner left.
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
    /// The policy's reason; `None` for a page without owners.
    pub why: Option<String>,
}

/// What a policy keeps in order: frames, each with what the policy knows of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FrameOrder {
    /// What the order is: `most recent first`.
    pub title: String,
    /// The frames, each with a word; the word is empty if there is only the order.
    pub frames: Vec<(FrameId, String)>,
}

impl FrameOrder {
    /// Creates an order of frames without words on them.
    pub fn plain(title: &str, frames: impl Iterator<Item = FrameId>) -> FrameOrder {
        FrameOrder::with_words(title, frames, |_| String::new())
    }

    /// Creates an order of frames; `word` returns the word on each.
    pub fn with_words(
        title: impl Into<String>,
        frames: impl IntoIterator<Item = FrameId>,
        word: impl Fn(FrameId) -> String,
    ) -> FrameOrder {
        let frames = frames.into_iter();
        FrameOrder {
            title: title.into(),
            frames: frames.map(|frame| (frame, word(frame))).collect(),
        }
    }

    /// Creates an order of frames, each with the position, from 0, of the next reference to its
    /// page.
    pub fn by_next_use(order: Vec<(FrameId, Option<u64>)>) -> FrameOrder {
        let word = |next: Option<u64>| match next {
            Some(at) => format!("at {at}"),
            None => "never".into(),
        };
        let frames = order.into_iter();
        FrameOrder {
            title: "next used".into(),
            frames: frames.map(|(frame, next)| (frame, word(next))).collect(),
        }
    }

    /// Creates an order of the frames of several lists, each from its front on, with the name of
    /// their list as the word.
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

/// Returns a position in words: `reference 0` is the first.
pub fn reference(position: u64) -> String {
    format!("reference {position}")
}
