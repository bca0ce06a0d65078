//! A stretch of a trace, as a replay or a scan is given it: references one by one, or as bursts.
//!
//! Knows nothing of where the references are kept.

use super::refs::{KindCode, Ref, References};
use crate::trace::bursts::BurstsView;

/// References that follow each other in a trace.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tile<'a> {
    /// Position of the first reference.
    pub start: u64,
    /// The packed references.
    pub refs: &'a [Ref],
    /// The kind of each reference.
    pub kinds: &'a [KindCode],
    /// The references as bursts. If present, `refs` and `kinds` are empty.
    pub bursts: Option<BurstsView<'a>>,
}

impl<'a> Tile<'a> {
    /// Returns the references of `view` as a tile of bursts.
    pub fn of_bursts(view: BurstsView<'a>) -> Tile<'a> {
        Tile {
            start: view.base,
            bursts: Some(view),
            ..Tile::default()
        }
    }

    /// Returns `references` as a tile whose first reference has position `start`.
    pub fn of(references: &'a References, start: u64) -> Tile<'a> {
        Tile {
            start,
            refs: &references.refs,
            kinds: &references.kinds,
            bursts: None,
        }
    }

    /// Returns the position after the last reference.
    pub fn end(&self) -> u64 {
        match self.bursts {
            Some(view) => view.end(),
            None => self.start + self.refs.len() as u64,
        }
    }

    /// Returns the index of `position` in the slices.
    ///
    /// # Panics
    /// Panics if `position` is before the tile.
    #[inline]
    pub fn index(&self, position: u64) -> usize {
        (position - self.start) as usize
    }
}
