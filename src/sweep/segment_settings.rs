//! How the cells of a sweep use memory by segments, and what cells of one trace share. Knows nothing of
//! plans.

use crate::vm::models::choices::{Fit, Model, Relief, Segments, SwapUnit};
use crate::vm::models::segmented::NoSegments;
use crate::vm::models::steps::Segmented;
use std::sync::OnceLock;

/// How memory by segments is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SegmentSettings {
    /// What a segment is.
    pub segments: Segments,
    /// The hole that a segment is placed in.
    pub fit: Fit,
    /// What leaves as a whole; `None` for what is usual for the segments.
    pub unit: Option<SwapUnit>,
    /// What is done when no hole is large enough.
    pub relief: Relief,
    /// References of a process after which what it did not reference is idle.
    pub idle: Option<u64>,
}

impl SegmentSettings {
    /// Returns what a segment is in `model`.
    pub fn segments_of(&self, model: Model) -> Segments {
        match model {
            Model::BaseLimit => Segments::Whole,
            Model::Segmentation => self.segments,
            _ => Segments::Vma,
        }
    }

    /// Returns what leaves as a whole in `model`.
    pub fn unit_of(&self, model: Model) -> SwapUnit {
        let usual = SwapUnit::usual(self.segments_of(model));
        self.unit.unwrap_or(usual)
    }
}

/// The segments of a trace, by what a segment is. Found at first use.
#[derive(Debug, Default)]
pub(super) struct TraceSegments {
    /// The segments.
    pub by_kind: [OnceLock<Result<Segmented, NoSegments>>; 3],
    /// The most bytes of the page tables of all processes.
    pub page_tables: OnceLock<u64>,
}
