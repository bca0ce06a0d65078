//! Cells of models beside paging: which of them there are, what names them, and their replay. The segments
//! of a trace are found once and shared by all its cells.

use super::Engine;
use super::plan::{Axes, Cell, Plan, PlanError};
use crate::space::{AddressLayout, Origin};
use crate::vm::hardware::layout::find;
use crate::vm::hardware::page_table_sizes::most_tables;
use crate::vm::models::Rules;
use crate::vm::models::choices::{Model, Segments};
use crate::vm::models::counts::{ModelOutcome, SegmentOutcome};
use crate::vm::models::physical::places;
use crate::vm::models::replay::{SegmentJob, replay};
use crate::vm::models::segmented::{NoSegments, segmented};
use crate::vm::models::steps::Segmented;
use crate::vm::models::units::POLICIES;
use crate::vm::{Counters, FaultKind, Outcome};

/// The segments of a flat model on x86, 8 bytes each: code and data of programs and of the kernel.
const FLAT_TABLE_BYTES: u64 = 4 * 8;

impl Plan<'_> {
    /// Returns the segments of a trace.
    pub fn segmented(&self, trace: usize, kind: Segments) -> Result<&Segmented, NoSegments> {
        let slot = &self.segments[trace].by_kind[kind as usize];
        let found = slot.get_or_init(|| segmented(self.traces[trace], kind));
        found.as_ref().map_err(|error| *error)
    }

    /// Returns the most bytes that the tables of a cell's model take; `None` if it has none, or the trace
    /// is not in memory.
    pub fn table_bytes(&self, cell: &Cell) -> Option<u64> {
        let resolved = self.traces[cell.trace];
        let model = cell.model();
        if model == Model::Physical || resolved.trace.store().is_some() {
            return None;
        }
        let segments = self.settings.segments.segments_of(model);
        match model {
            Model::Segmentation | Model::BaseLimit => {
                let segmented = self.segmented(cell.trace, segments).ok()?;
                Some(8 * segmented.peak_entries)
            }
            Model::SegmentedPaging => {
                let segmented = self.segmented(cell.trace, segments).ok()?;
                Some(segmented.peak_paged_tables)
            }
            _ => {
                let layout = match self.settings.space.layout {
                    AddressLayout::Any => "four-level",
                    layout => layout.name(),
                };
                let layout = find(layout).expect("a layout of the table");
                let slot = &self.segments[cell.trace].page_tables;
                let bytes = *slot.get_or_init(|| most_tables(layout, resolved).all_bytes);
                Some(
                    bytes
                        + if model == Model::Flat {
                            FLAT_TABLE_BYTES
                        } else {
                            0
                        },
                )
            }
        }
    }

    /// Errors if a model does not go with the traces, the policies or the settings.
    pub(super) fn check_models(&self, axes: &Axes) -> Result<(), PlanError> {
        let wrong = |what: String| Err(PlanError::Model(what));
        let Some(moving) = axes.models.iter().find(|model| model.moves_segments()) else {
            return self.check_mappings(axes);
        };
        for choice in &axes.policies {
            let name = choice.spec().name;
            if !POLICIES.contains(&name) {
                return wrong(format!(
                    "-p {name}: --model {} has the policies {}",
                    moving.name(),
                    POLICIES.join(", ")
                ));
            }
        }
        self.check_mappings(axes)
    }

    /// Errors if a model needs mappings that a trace lacks, or smaller pages.
    fn check_mappings(&self, axes: &Axes) -> Result<(), PlanError> {
        let mut models = axes.models.iter();
        let Some(model) = models.find(|model| model.needs_mappings()) else {
            return Ok(());
        };
        for (resolved, facts) in self.traces.iter().zip(&self.facts) {
            let error = match facts.origin {
                _ if facts.page_size.bytes() > 4096 => NoSegments::LargePages,
                Origin::Permissive => NoSegments::NoMappings,
                _ if resolved.trace.store().is_some() => NoSegments::NotInMemory,
                _ => continue,
            };
            let what = format!("{}: --model {}: {error}", facts.name, model.name());
            return Err(PlanError::Model(what));
        }
        Ok(())
    }

    /// Returns the pages of memory with which nothing of a trace ever leaves, whatever the model.
    pub(super) fn pages_that_fit(&self, trace: usize, axes: &Axes) -> u64 {
        let facts = &self.facts[trace];
        let mut most = facts.distinct;
        let kinds = axes.models.iter().filter(|model| model.moves_segments());
        let mut kinds: Vec<Segments> = kinds
            .map(|&model| match model {
                // The gaps between its mappings are not memory in use.
                Model::BaseLimit => Segments::Vma,
                model => self.settings.segments.segments_of(model),
            })
            .collect();
        kinds.dedup();
        for kind in kinds {
            if let Ok(segmented) = self.segmented(trace, kind) {
                most = most.max(segmented.peak_bytes.div_ceil(facts.page_size.bytes()));
            }
        }
        most.min(u64::from(u32::MAX))
    }

    /// Returns the parts of a cell's name that its model gives, in their order.
    pub(super) fn model_names(&self, cell: &Cell) -> [String; 6] {
        let Some(model) = cell.model else {
            return Default::default();
        };
        let settings = &self.settings.segments;
        let mut names: [String; 6] = Default::default();
        names[0] = model.name().to_owned();
        if model.moves_segments() {
            let idle = settings.idle.map_or(String::new(), |idle| idle.to_string());
            let others = [
                settings.segments_of(model).name(),
                settings.fit.name(),
                settings.unit_of(model).name(),
                settings.relief.name(),
                &idle,
            ];
            for (name, other) in names[1..].iter_mut().zip(others) {
                *name = other.to_owned();
            }
        }
        names
    }

    /// Finds what the cells of a model share.
    pub(super) fn prepare_model(&self, cell: &Cell) {
        if cell.model().moves_segments() {
            let kind = self.settings.segments.segments_of(cell.model());
            let _ = self.segmented(cell.trace, kind);
        }
    }

    /// Returns the replay of a cell with segments.
    ///
    /// # Errors
    /// Errors if its trace has no segments.
    pub fn segment_job<'s>(&'s self, cell: &'s Cell) -> Result<SegmentJob<'s>, String> {
        let facts = &self.facts[cell.trace];
        let settings = &self.settings.segments;
        let segmented = self.segmented(cell.trace, settings.segments_of(cell.model()));
        Ok(SegmentJob {
            trace: &self.traces[cell.trace].trace,
            segmented: segmented.map_err(|error| error.to_string())?,
            policy: &cell.choice,
            seed: cell.seed.unwrap_or(0),
            rules: Rules {
                memory: u64::from(cell.frames.unwrap_or(u32::MAX)) * facts.page_size.bytes(),
                fit: settings.fit,
                unit: settings.unit_of(cell.model()),
                relief: settings.relief,
                swap: self.settings.swap_bytes,
            },
            warmup: facts.warmup_refs,
            plain: self.settings.engine == Engine::Plain,
            idle: settings.idle,
        })
    }

    /// Returns the outcome of a replay with segments in the terms of all models.
    pub fn outcome_of(outcome: SegmentOutcome) -> Outcome {
        let counts = &outcome.counts;
        let faults = [counts.fills, counts.refills, counts.copies];
        let (hits, major) = (outcome.hits, counts.major);
        in_general(
            ModelOutcome::Segments(Box::new(outcome)),
            hits,
            faults,
            major,
        )
    }

    /// Replays a cell of a model without frames.
    pub fn run_model(&self, cell: &Cell) -> Result<Outcome, String> {
        let frames = u64::from(cell.frames.unwrap_or(u32::MAX));
        let facts = &self.facts[cell.trace];
        let resolved = self.traces[cell.trace];
        if cell.model() == Model::Physical {
            let outcome = places(resolved, frames, facts.warmup_refs);
            let hits = outcome.refs;
            return Ok(in_general(ModelOutcome::Places(outcome), hits, [0; 3], 0));
        }
        Ok(Plan::outcome_of(replay(&self.segment_job(cell)?)))
    }
}

/// Returns an outcome with the counts that every model has: references, hits, faults that are fills,
/// refills and copies, and how many of them read a device.
fn in_general(model: ModelOutcome, hits: u64, kinds: [u64; 3], major: u64) -> Outcome {
    let mut counters = Counters {
        refs: model.refs(),
        hits,
        ..Counters::default()
    };
    let kinds = [FaultKind::Fill, FaultKind::Refill, FaultKind::CowCopy]
        .into_iter()
        .zip(kinds);
    let mut major = major;
    for (kind, count) in kinds {
        let read = major.min(count);
        counters.faults[kind as usize][1][0] = read;
        counters.faults[kind as usize][0][0] = count - read;
        major -= read;
    }
    Outcome {
        counters,
        model: Some(Box::new(model)),
        ..Outcome::default()
    }
}
