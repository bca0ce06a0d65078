//! What a policy says of itself, for `pagebench explain`: why a page left, and what it keeps in
//! order. The words are the policies' own; they are asked for after a reference, never in a loop.
//! Knows nothing of how they are shown.

use super::support::lists::Lists;
use crate::units::{FrameId, PageId};

/// What was seen of a page while it was in its frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// The position of the reference that brought it in, or before which it was brought in.
    pub loaded: u64,
    /// The position of its last reference; that of the load if there was none.
    pub last_use: u64,
    /// References since it came in, the one that brought it in among them.
    pub uses: u64,
    /// Whether its reference bit was set when it last was looked at.
    pub referenced: bool,
}

/// A page that has just left memory by the policy's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// The page.
    pub page: PageId,
    /// The frame that it was in.
    pub frame: FrameId,
    /// The position of the reference that it had to make room for, or after which it left.
    pub time: u64,
    /// What was seen of it.
    pub seen: Seen,
    /// Whether it left because its window closed.
    pub expired: bool,
    /// How many pages lost their reference bit while it was looked for.
    pub cleared: u32,
}

/// What a policy keeps in order: frames, and of each what the policy knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// What the order is: `most recent first`.
    pub title: String,
    /// The frames, and a word on each; the empty one if the order is all there is.
    pub frames: Vec<(FrameId, String)>,
}

impl State {
    /// An order of frames without words on them.
    pub fn order(title: &str, frames: impl Iterator<Item = FrameId>) -> State {
        State {
            title: title.to_owned(),
            frames: frames.map(|frame| (frame, String::new())).collect(),
        }
    }

    /// Frames with the positions, from 0, of the next references to their pages.
    pub fn by_next_use(order: Vec<(FrameId, Option<u64>)>) -> State {
        let word = |next: Option<u64>| match next {
            Some(at) => format!("at {}", at + 1),
            None => "never".into(),
        };
        let frames = order.into_iter();
        State {
            title: "next used".into(),
            frames: frames.map(|(frame, next)| (frame, word(next))).collect(),
        }
    }

    /// The frames of several lists, each from its front on, with the name of their list on them.
    pub fn lists<'a>(
        title: &str,
        lists: &Lists,
        names: impl IntoIterator<Item = (usize, &'a str)>,
    ) -> State {
        let named = |(list, name): (usize, &'a str)| {
            let frames = lists.iter(list);
            frames.map(move |frame| (frame, name.to_owned()))
        };
        State {
            title: title.to_owned(),
            frames: names.into_iter().flat_map(named).collect(),
        }
    }
}

/// A position, from 0, as people count references: `reference 1` is the first.
pub fn reference(position: u64) -> String {
    format!("reference {}", position + 1)
}
