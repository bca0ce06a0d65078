//! The plan of a sweep: its cells and their order, which is that of the result rows. The order
//! depends on nothing but the plan's inputs.

use super::allocation::Allocation;
use super::auto_sizes::{frame_ladder, tau_ladder};
use super::exclude::Exclude;
use super::identity::Identity;
use super::occasions::Occasions;
use super::segment_settings::{SegmentSettings, TraceSegments};
use crate::policy::{MemoryBy, PolicyChoice};
use crate::space::{self, AddressLayout, Origin, Resolved};
use crate::trace::TraceError;
use crate::trace::model::access::{Addressing, TraceKind};
use crate::trace::model::dense::Trace;
use crate::trace::model::digest;
use crate::trace::model::refs::count_kinds;
use crate::units::{Ladder, PageSize, UnitError, percent_of};
use crate::vm::core::swap::slots_of;
use crate::vm::hardware::layout::find;
use crate::vm::models::choices::Model;
use crate::vm::tlb::{Geometry, Hardware};
use crate::vm::{AccessedBitMode, Choices, Job};
use std::sync::Arc;

/// The most cells of a plan.
pub const CELLS_MAX: u64 = 1_000_000;

/// The axes of a sweep, as the user gave them.
#[derive(Debug, Clone)]
pub struct Axes {
    /// Policies with their parameters.
    pub policies: Vec<PolicyChoice>,
    /// Frames, for fixed-space policies.
    pub frames: Ladder,
    /// Windows, for variable-space policies.
    pub tau: Ladder,
    /// Seeds, for randomized policies.
    pub seeds: Vec<u64>,
    /// Models of memory; empty if none was asked for, which means paging.
    pub models: Vec<Model>,
}

impl Axes {
    /// Returns the numbers of frames for a trace with `distinct` pages of `page_size`.
    fn frames_for(&self, distinct: u64, page_size: PageSize) -> Result<Vec<u64>, UnitError> {
        let auto = frame_ladder(distinct);
        self.frames.frames(distinct, page_size, &auto)
    }

    /// Returns the windows for a trace; `auto` replaces the word `auto`.
    fn tau_for(&self, trace: &Trace, auto: &[u64]) -> Result<Vec<u64>, UnitError> {
        let refs = trace.len() as u64;
        self.tau.windows(refs, trace.meta.page_size, auto)
    }

    /// Returns whether any model beside paging is among them.
    pub fn has_other_models(&self) -> bool {
        self.models.iter().any(|&model| model != Model::Paging)
    }

    /// Returns the models, each once; a single `None` if none was asked for.
    fn models(&self) -> Vec<Option<Model>> {
        let mut models = self.models.clone();
        models.sort_unstable();
        models.dedup();
        match models.is_empty() {
            true => vec![None],
            false => models.into_iter().map(Some).collect(),
        }
    }

    /// Returns true if a policy has a window in place of frames.
    fn has_windows(&self) -> bool {
        let mut spaces = self.policies.iter().map(|choice| choice.spec().space);
        spaces.any(|space| space == MemoryBy::Variable)
    }

    /// Checks that the frames and windows fit a trace.
    ///
    /// # Errors
    ///
    /// A value or a range is invalid for the trace's number of pages or references.
    pub fn fit(&self, resolved: &Resolved) -> Result<(), UnitError> {
        let trace = &resolved.trace;
        self.frames_for(resolved.objects() as u64, trace.meta.page_size)?;
        if self.has_windows() {
            self.tau_for(trace, &[])?;
        }
        Ok(())
    }
}

/// Settings of every cell.
#[derive(Debug, Clone)]
pub struct Settings {
    /// References replayed before counting begins.
    pub warmup: Warmup,
    /// The TLBs, if they are modelled.
    pub tlb: Option<Hardware>,
    /// Bytes of swap; `None` if it is unlimited.
    pub swap_bytes: Option<u64>,
    /// Which part of each trace was read, in words, for the rows.
    pub filter: String,
    /// How the traces were resolved, for the rows.
    pub space: space::Options,
    /// How frames are divided among processes.
    pub allocation: Allocation,
    /// When reference bits are set. Without TLBs they are set at every reference.
    pub accessed: AccessedBitMode,
    /// How frames are mapped and chosen where systems differ.
    pub choices: Choices,
    /// How memory by segments is used.
    pub segments: SegmentSettings,
    /// How references are replayed. Affects speed only.
    pub engine: Engine,
    /// Facts beyond faults that the requested columns need. `None`: replay every cell.
    pub curves: Option<CurveNeeds>,
}

/// Facts beyond faults and mean resident sizes that the requested columns need.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CurveNeeds {
    /// Dirty pages that left memory.
    pub write_backs: bool,
    /// Counts that follow if memory is a number of frames, which fill once and stay full.
    pub frames: bool,
}

impl Settings {
    /// Returns `hardware` as pages of this size see it, over page tables of the layout, if there is one.
    pub fn geometry(&self, hardware: &Hardware, page: PageSize) -> Geometry {
        match self.space.layout {
            AddressLayout::Any => hardware.geometry(page),
            layout => {
                let layout = find(layout.name()).expect("a layout of the table");
                Geometry {
                    radix_bits: layout.index_bits[0],
                    ..hardware.over(layout, page)
                }
            }
        }
    }

    /// Removes the TLBs unless they set reference bits: else no count of faults depends on them.
    pub fn drop_tlb(&mut self) {
        if self.accessed == AccessedBitMode::Every {
            self.tlb = None;
        }
    }
}

/// How references are replayed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Engine {
    /// By bursts where the policy, the model and the trace's locality let that be faster.
    #[default]
    Auto,
    /// One by one.
    Plain,
}

/// How much of a trace is replayed before counting begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Warmup {
    /// This many references.
    Refs(u64),
    /// This share of the references, in percent.
    Percent(f64),
}

impl Warmup {
    /// Returns the number of references of `trace` before counting begins.
    pub fn refs_of(self, trace: &Trace) -> u64 {
        match self {
            Warmup::Refs(refs) => refs,
            Warmup::Percent(percent) => percent_of(percent, trace.len() as u64),
        }
    }
}

/// Facts of a trace that its result rows state.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceFacts {
    /// The name.
    pub name: String,
    /// The digest of the trace.
    pub digest: String,
    /// The kind of recording.
    pub kind: TraceKind,
    /// Byte addresses or ids.
    pub addressing: Addressing,
    /// Which part of the trace was read, in words.
    pub filter: String,
    /// The page size.
    pub page_size: PageSize,
    /// The origin of its mappings.
    pub origin: Origin,
    /// Number of processes that make a legal reference, or whose advice may bring pages in.
    pub processes: u64,
    /// Number of distinct pages: objects that can be in frames.
    pub distinct: u64,
    /// Illegal references to addresses without a mapping.
    pub segfaults: u64,
    /// Illegal references that the mapping's rights forbid.
    pub protection_faults: u64,
    /// Illegal references to pages beyond the end of their file.
    pub bus_errors: u64,
    /// References of processes that an illegal reference or a refused fork had ended.
    pub dropped: u64,
    /// Pages of mappings at the end that no reference touched; `None` without mappings.
    pub untouched_end: Option<u64>,
    /// References before counting begins.
    pub warmup_refs: u64,
    /// Counted references by kind: ifetch, read, write.
    pub by_kind: [u64; 3],
    /// Which choices the trace gives occasion for.
    pub occasions: Occasions,
}

/// One combination of trace, policy, parameters, seed and memory: one result row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The index of the trace.
    pub trace: usize,
    /// The policy and its parameters.
    pub choice: PolicyChoice,
    /// The seed of a randomized policy.
    pub seed: Option<u64>,
    /// Frames; `None` for a variable-space policy without limit.
    pub frames: Option<u32>,
    /// The window of a variable-space policy.
    pub tau: Option<u64>,
    /// The model of memory; `None` if none was asked for, which means paging.
    pub model: Option<Model>,
}

impl Cell {
    /// Returns the model of memory.
    pub fn model(&self) -> Model {
        self.model.unwrap_or_default()
    }
}

/// Cells in the order of the result rows.
pub struct Plan<'t> {
    /// The traces, in the order of their names.
    pub traces: Vec<&'t Resolved>,
    /// Facts of each trace.
    pub facts: Vec<TraceFacts>,
    /// The cells.
    pub cells: Vec<Cell>,
    /// Settings of every cell.
    pub settings: Settings,
    /// The segments of each trace.
    pub(super) segments: Arc<Vec<TraceSegments>>,
}

/// What the replay of a cell borrows: the plan, and what follows from it for this cell.
pub struct CellInputs<'p> {
    plan: &'p Plan<'p>,
    cell: &'p Cell,
    /// The TLBs, as the cell's page size sees them.
    tlb: Option<Geometry>,
    /// Frames of each process, if each has its own.
    quotas: Option<Vec<u32>>,
}

impl<'t> Plan<'t> {
    /// Returns a plan of the cells at `places` only.
    pub fn part(&self, places: &[usize]) -> Plan<'t> {
        Plan {
            traces: self.traces.clone(),
            facts: self.facts.clone(),
            cells: places.iter().map(|&p| self.cells[p].clone()).collect(),
            settings: self.settings.clone(),
            segments: self.segments.clone(),
        }
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A ladder does not fit a trace.
    #[error("{0}")]
    Units(#[from] UnitError),
    /// The swap device has no room for a page.
    #[error("{0}")]
    Swap(String),
    /// A model of memory does not go with the traces or the settings.
    #[error("{0}")]
    Model(String),
    /// The file of a trace that is not in memory cannot be read.
    #[error("{0}")]
    Trace(String),
    /// There are too many combinations.
    #[error(
        "traces, page sizes, policies, seeds and sizes of memory give more than {CELLS_MAX} cells, which \
         is the most that a plan may have; list fewer, or split the experiment"
    )]
    TooManyCells,
    /// Warm-up takes every reference.
    #[error("{trace}: nothing left to count: the warm-up takes all {refs} references")]
    NothingLeft {
        /// The trace.
        trace: String,
        /// Its references.
        refs: u64,
    },
}

impl From<TraceError> for PlanError {
    fn from(error: TraceError) -> PlanError {
        PlanError::Trace(error.to_string())
    }
}

impl<'t> Plan<'t> {
    /// Returns the plan of every combination of the axes, for each trace.
    pub fn new(
        traces: &[&'t Resolved],
        axes: &Axes,
        settings: Settings,
    ) -> Result<Plan<'t>, PlanError> {
        let mut plan = Plan::empty(traces, settings)?;
        let mut policies = axes.policies.clone();
        policies.sort_by_key(|choice| (choice.spec().name, choice.params()));
        policies.dedup();
        plan.check_models(axes)?;
        for (index, resolved) in plan.traces.iter().enumerate() {
            let trace = &resolved.trace;
            let facts = &plan.facts[index];
            let most = plan.pages_that_fit(index, axes);
            let frames = axes.frames_for(most, facts.page_size)?;
            let mut tau = Vec::new();
            if axes.has_windows() {
                let auto = if axes.tau.has_auto() {
                    tau_ladder(resolved, &frames)?
                } else {
                    Vec::new()
                };
                tau = axes.tau_for(trace, &auto)?;
            }
            // The future of a trace is computed in memory.
            let in_memory = trace.store().is_none();
            let possible = policies
                .iter()
                .filter(|choice| in_memory || !choice.spec().needs_future());
            let models = axes.models().into_iter();
            let models = models
                .filter(|model| *model != Some(Model::Physical))
                .count() as u64;
            for choice in possible {
                let seeds = seeds(choice, axes);
                let sizes = match choice.spec().space {
                    MemoryBy::Fixed => frames.len(),
                    MemoryBy::Variable => tau.len(),
                };
                let more = seeds.len() as u64 * sizes as u64 * models;
                if plan.cells.len() as u64 + more > CELLS_MAX {
                    return Err(PlanError::TooManyCells);
                }
                for seed in seeds {
                    let cells = cells(index, choice, seed, &frames, &tau);
                    let models = axes.models().into_iter();
                    let with = models.filter(|model| *model != Some(Model::Physical));
                    for model in with {
                        let cells = cells.iter().cloned();
                        plan.cells.extend(cells.map(|cell| Cell { model, ..cell }));
                    }
                }
            }
            if let Some(choice) = policies
                .first()
                .filter(|_| axes.models.contains(&Model::Physical))
            {
                plan.cells.extend(frames.iter().map(|&frames| Cell {
                    trace: index,
                    choice: choice.clone(),
                    seed: None,
                    frames: Some(frames as u32),
                    tau: None,
                    model: Some(Model::Physical),
                }));
            }
        }
        Ok(plan)
    }

    /// Returns a plan without cells, for a caller that adds its own, such as those of a baseline.
    pub fn empty(traces: &[&'t Resolved], settings: Settings) -> Result<Plan<'t>, PlanError> {
        let mut traces = traces.to_vec();
        traces.sort_by_cached_key(|resolved| {
            let trace = &resolved.trace;
            (
                trace.meta.name.clone(),
                trace.digest(),
                trace.meta.page_size,
            )
        });
        let facts = traces
            .iter()
            .map(|resolved| facts(resolved, &settings))
            .collect::<Result<Vec<_>, PlanError>>()?;
        let segments = traces.iter().map(|_| TraceSegments::default()).collect();
        Ok(Plan {
            traces,
            facts,
            cells: Vec::new(),
            settings,
            segments: Arc::new(segments),
        })
    }

    /// Returns the TLBs of a cell as its page size sees them. A trace of page ids has none: ids are not
    /// addresses and have no translation.
    pub fn tlb_of(&self, cell: &Cell) -> Option<Geometry> {
        let facts = &self.facts[cell.trace];
        let hardware = self
            .settings
            .tlb
            .filter(|_| facts.addressing == Addressing::Bytes)?;
        let geometry = self.settings.geometry(&hardware, facts.page_size);
        Some(match cell.model() {
            // A walk reads the entry of the segment and that of the page.
            Model::SegmentedPaging => Geometry {
                levels: 2,
                pwc: Default::default(),
                ..geometry
            },
            _ => geometry,
        })
    }

    /// Returns what names a cell. It states what the replay does, not what the user set: without
    /// translation, reference bits are set at every reference; without a limit, frames are not
    /// divided.
    pub fn identity(&self, cell: &Cell) -> Identity {
        let (facts, settings) = (&self.facts[cell.trace], &self.settings);
        let layout = match (settings.space.layout, facts.addressing) {
            (AddressLayout::Any, _) | (_, Addressing::Ids) => "",
            (layout, Addressing::Bytes) => layout.name(),
        };
        let on_segfault = match facts.origin {
            Origin::Permissive if layout.is_empty() => "",
            _ => settings.space.on_segfault.name(),
        };
        let (choices, occasions) = (settings.choices, facts.occasions);
        let where_it_matters = |matters: bool, name: &str| match matters {
            true => name.to_owned(),
            false => String::new(),
        };
        let [model, segments, fit, swap_unit, relief, idle] = self.model_names(cell);
        let has_policy = cell.model() != Model::Physical;
        Identity {
            trace: facts.name.clone(),
            page_size: facts.page_size.bytes(),
            trace_digest: facts.digest.clone(),
            filter: facts.filter.clone(),
            policy: where_it_matters(has_policy, cell.choice.spec().name),
            params: where_it_matters(has_policy, &cell.choice.params()),
            seed: cell.seed,
            tau: cell.tau,
            frames: cell.frames.map(u64::from),
            swap_limit: self.swap_slots(cell),
            mappings: facts.origin.name().to_owned(),
            on_segfault: on_segfault.to_owned(),
            allocation: match cell.frames {
                Some(_) => settings.allocation.name(),
                None => Allocation::Global.name(),
            },
            accessed_bit: match (settings.accessed, self.tlb_of(cell)) {
                (AccessedBitMode::Every, _) | (_, None) => AccessedBitMode::Every.name().to_owned(),
                (accessed, Some(tlb)) => format!("{}:{}", accessed.name(), tlb.tlbs()),
            },
            commit_limit: settings.space.commit_limit,
            warmup_refs: facts.warmup_refs,
            swap_in: where_it_matters(occasions.reuses, choices.swap_in.name()),
            pin_cow_source: where_it_matters(occasions.copies, choices.cow_source.name()),
            fork_file_ptes: where_it_matters(
                occasions.forks_file_ptes,
                settings.space.fork_file_ptes.name(),
            ),
            free_frames: where_it_matters(occasions.frees, choices.free_frames.name()),
            layout: layout.to_owned(),
            page_cache: occasions
                .page_cache
                .map_or(String::new(), |cache| cache.name().to_owned()),
            file_io: where_it_matters(occasions.file_io, settings.space.file_io.name()),
            beyond_eof: where_it_matters(occasions.beyond_eof, settings.space.beyond_eof.name()),
            model,
            segments,
            fit,
            swap_unit,
            relief,
            idle,
        }
    }

    /// Returns the number of slots of the swap device, one page each; `None` if it is unlimited.
    pub fn swap_slots(&self, cell: &Cell) -> Option<u64> {
        let page_size = self.facts[cell.trace].page_size;
        self.settings
            .swap_bytes
            .map(|bytes| bytes / page_size.bytes())
    }

    /// Returns the frames of each process of a cell, if each has its own.
    fn quotas(&self, cell: &Cell) -> Result<Option<Vec<u32>>, String> {
        let resolved = self.traces[cell.trace];
        match cell.frames {
            Some(frames) => self.settings.allocation.quotas(frames, resolved),
            None => Ok(None),
        }
    }

    /// Returns what a replay of `cell` borrows.
    ///
    /// # Errors
    ///
    /// The frames of the cell cannot be divided among its processes.
    pub fn inputs<'s>(&'s self, cell: &'s Cell) -> Result<CellInputs<'s>, String> {
        Ok(CellInputs {
            plan: self,
            cell,
            tlb: self.tlb_of(cell),
            quotas: self.quotas(cell)?,
        })
    }

    /// Removes the cells that the exclusions match. Returns for each exclusion how many cells it
    /// removed that no earlier one had.
    pub fn exclude(&mut self, excludes: &[Exclude]) -> Vec<usize> {
        let mut removed = vec![0; excludes.len()];
        if excludes.is_empty() {
            return removed;
        }
        let mut cells = std::mem::take(&mut self.cells);
        cells.retain(|cell| {
            let identity = self.identity(cell);
            let first = excludes
                .iter()
                .position(|exclude| exclude.matches(&identity));
            if let Some(first) = first {
                removed[first] += 1;
            }
            first.is_none()
        });
        self.cells = cells;
        removed
    }

    /// Returns the relative cost of a cell: references times 2 (fixed space), 3 (variable space) or 4
    /// (needs the future). Orders cells and feeds `guessed_seconds`.
    pub fn effort(&self, cell: usize) -> u64 {
        let cell = &self.cells[cell];
        let spec = cell.choice.spec();
        let weight = match (spec.needs_future(), spec.space) {
            (true, _) => 4,
            (false, MemoryBy::Variable) => 3,
            (false, MemoryBy::Fixed) => 2,
        };
        self.traces[cell.trace].trace.len() as u64 * weight
    }
}

impl CellInputs<'_> {
    /// Returns the replay of the cell, by single references: `bursts` and `misses` are `None`.
    pub fn job(&self) -> Job<'_> {
        let (plan, cell) = (self.plan, self.cell);
        let resolved = plan.traces[cell.trace];
        // Quotas and reference bits set by walks need page tables, even where nothing is shared.
        let tables = self.quotas.is_some() || plan.settings.accessed != AccessedBitMode::Every;
        let identity = || tables.then(|| resolved.identity());
        Job {
            space: resolved.space.as_ref().or_else(identity),
            seed: cell.seed.unwrap_or(0),
            frames: cell.frames,
            quotas: self.quotas.as_deref(),
            tau: cell.tau.unwrap_or(1),
            warmup: plan.facts[cell.trace].warmup_refs,
            tlb: self.tlb.as_ref(),
            accessed: plan.settings.accessed,
            swap_slots: plan.swap_slots(cell),
            choices: plan.settings.choices,
            ..Job::new(&resolved.trace, &cell.choice)
        }
    }
}

/// Returns the seeds with which `choice` is replayed: a single `None` if the policy is not randomized.
fn seeds(choice: &PolicyChoice, axes: &Axes) -> Vec<Option<u64>> {
    if !choice.spec().randomized {
        return vec![None];
    }
    let mut seeds: Vec<Option<u64>> = axes.seeds.iter().copied().map(Some).collect();
    seeds.sort_unstable();
    seeds.dedup();
    seeds
}

fn cells(
    trace: usize,
    choice: &PolicyChoice,
    seed: Option<u64>,
    frames: &[u64],
    tau: &[u64],
) -> Vec<Cell> {
    let cell = |frames: Option<u64>, tau| Cell {
        trace,
        choice: choice.clone(),
        seed,
        frames: frames.map(|frames| frames as u32),
        tau,
        model: None,
    };
    match choice.spec().space {
        MemoryBy::Fixed => frames
            .iter()
            .map(|&frames| cell(Some(frames), None))
            .collect(),
        MemoryBy::Variable => {
            let limit = choice.params.get_if_any(choice.spec(), "limit");
            tau.iter().map(|&tau| cell(limit, Some(tau))).collect()
        }
    }
}

/// Counts the references from position `from` on by kind.
fn by_kind(trace: &Trace, from: u64) -> Result<[u64; 3], TraceError> {
    if let Some(store) = trace.store().filter(|_| from == 0) {
        return Ok(store.by_kind());
    }
    let mut by_kind = [0; 3];
    trace.tiles(|tile| {
        let skipped = from.saturating_sub(tile.start).min(tile.kinds.len() as u64);
        let now = count_kinds(&tile.kinds[skipped as usize..]);
        by_kind = std::array::from_fn(|kind| by_kind[kind] + now[kind]);
        true
    })?;
    Ok(by_kind)
}

fn facts(resolved: &Resolved, settings: &Settings) -> Result<TraceFacts, PlanError> {
    let (trace, tally) = (&resolved.trace, &resolved.tally);
    let refs = trace.len() as u64;
    let warmup_refs = settings.warmup.refs_of(trace);
    if warmup_refs >= refs {
        return Err(PlanError::NothingLeft {
            trace: trace.meta.name.clone(),
            refs,
        });
    }
    if let Some(bytes) = settings.swap_bytes {
        slots_of(bytes, trace.meta.page_size).map_err(PlanError::Swap)?;
    }
    let by_kind = by_kind(trace, warmup_refs)?;
    Ok(TraceFacts {
        name: trace.meta.name.clone(),
        digest: digest::show(trace.digest()),
        kind: trace.meta.kind,
        addressing: trace.meta.addressing,
        filter: settings.filter.clone(),
        page_size: trace.meta.page_size,
        origin: resolved.origin,
        processes: resolved.processes() as u64,
        distinct: resolved.objects() as u64,
        segfaults: tally.segfaults,
        protection_faults: tally.protection_faults,
        bus_errors: tally.bus_errors,
        dropped: tally.dropped,
        untouched_end: resolved.untouched_end(),
        warmup_refs,
        by_kind,
        occasions: Occasions::of(resolved),
    })
}
