//! The plan of a sweep: which cells there are, in which order. The order is that of the result
//! rows and depends on nothing but the plan's inputs.

use super::allocation::Allocation;
use super::auto::{frame_ladder, tau_ladder};
use super::by_curves::{self, Facts};
use super::exclude::Exclude;
use super::identity::Identity;
use crate::policy::{Bursts, PolicyChoice, Space};
use crate::space::{self, Origin, Resolved};
use crate::trace::TraceError;
use crate::trace::dense::{Trace, count_kinds};
use crate::trace::digest;
use crate::trace::record::{Addressing, TraceKind};
use crate::units::{Ladder, PageSize, UnitError, percent_of};
use crate::vm::swap::slots_of;
use crate::vm::tlb::{Geometry, Hardware};
use crate::vm::{Accessed, Job};

/// What a core gets through in a second of [`Plan::effort`], by bursts and by single references: of
/// the order of what the README's tables say.
const EFFORT_BY_BURSTS: f64 = 1.5e9;
const EFFORT_BY_REFERENCES: f64 = 8e7;

/// The axes of a sweep, as the user gave them.
#[derive(Debug, Clone)]
pub struct Axes {
    /// Policies with their parameters.
    pub policies: Vec<PolicyChoice>,
    /// Frames, for fixed-space policies.
    pub frames: Ladder,
    /// Windows, for variable-space policies.
    pub tau: Ladder,
    /// Seeds, for policies that draw.
    pub seeds: Vec<u64>,
}

impl Axes {
    /// Numbers of frames for a trace with so many distinct pages of this size.
    fn frames_for(&self, distinct: u64, page_size: PageSize) -> Result<Vec<u64>, UnitError> {
        let auto = frame_ladder(distinct);
        self.frames.frames(distinct, page_size, &auto)
    }

    /// Windows for a trace; `auto` is what the word stands for.
    fn tau_for(&self, trace: &Trace, auto: &[u64]) -> Result<Vec<u64>, UnitError> {
        let refs = trace.len() as u64;
        self.tau.windows(refs, trace.meta.page_size, auto)
    }

    /// True if a policy has a window in place of frames.
    fn has_windows(&self) -> bool {
        let mut spaces = self.policies.iter().map(|choice| choice.spec().space);
        spaces.any(|space| space == Space::Variable)
    }

    /// Whether the frames and windows can be had of a trace.
    ///
    /// # Errors
    ///
    /// A value or a range is none with so many pages or references.
    pub fn fit(&self, resolved: &Resolved) -> Result<(), UnitError> {
        let trace = &resolved.trace;
        self.frames_for(resolved.objects() as u64, trace.meta.page_size)?;
        if self.has_windows() {
            self.tau_for(trace, &[])?;
        }
        Ok(())
    }
}

/// What holds for every cell.
#[derive(Debug, Clone)]
pub struct Settings {
    /// References replayed before counting begins: a count, or a share of the trace in percent.
    pub warmup: Warmup,
    /// The TLBs, if they are modelled.
    pub tlb: Option<Hardware>,
    /// Bytes of swap; `None` for as many as needed.
    pub swap_bytes: Option<u64>,
    /// What was taken of each trace, for the rows.
    pub filter: String,
    /// How the traces were resolved, for the rows.
    pub space: space::Options,
    /// How frames are divided among processes.
    pub allocation: Allocation,
    /// When reference bits are set; without TLBs at every reference.
    pub accessed: Accessed,
    /// How references are replayed: no count depends on it.
    pub engine: Engine,
    /// What curves must tell so that they do for all that is asked; `None` if only replays do.
    pub curves: Option<Facts>,
}

impl Settings {
    /// Leaves the TLBs out, on which no count of faults depends unless they set reference bits.
    pub fn drop_tlb(&mut self) {
        if self.accessed == Accessed::Every {
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
    /// So many references.
    Refs(u64),
    /// So many percent of the references.
    Percent(f64),
}

impl Warmup {
    /// References of this trace before counting begins.
    pub fn refs_of(self, trace: &Trace) -> u64 {
        match self {
            Warmup::Refs(refs) => refs,
            Warmup::Percent(percent) => percent_of(percent, trace.len() as u64),
        }
    }
}

/// What the rows say of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceFacts {
    /// The name.
    pub name: String,
    /// The digest of the references replayed.
    pub digest: String,
    /// The kind of recording.
    pub kind: TraceKind,
    /// Byte addresses or ids.
    pub addressing: Addressing,
    /// What was taken of it.
    pub filter: String,
    /// The page size.
    pub page_size: PageSize,
    /// Where its mappings came from.
    pub origin: Origin,
    /// Processes that make a legal reference, or whose advice may bring pages in.
    pub processes: u64,
    /// Distinct pages: objects that can be in frames.
    pub distinct: u64,
    /// References that were illegal, by kind of fault, and those that never came to be.
    pub segfaults: u64,
    /// See [`TraceFacts::segfaults`].
    pub protection_faults: u64,
    /// See [`TraceFacts::segfaults`].
    pub dropped: u64,
    /// Pages of mappings at the end that nobody touched; `None` without mappings.
    pub untouched_end: Option<u64>,
    /// References before counting begins.
    pub warmup_refs: u64,
    /// Counted references by kind: ifetch, read, write.
    pub by_kind: [u64; 3],
}

/// One replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The index of the trace.
    pub trace: usize,
    /// The policy and its parameters.
    pub choice: PolicyChoice,
    /// The seed, of randomised policies.
    pub seed: Option<u64>,
    /// Frames; `None` for a variable-space policy without limit.
    pub frames: Option<u32>,
    /// The window of a variable-space policy.
    pub tau: Option<u64>,
}

/// Cells in the order of the result rows.
pub struct Plan<'t> {
    /// The traces, in the order of their names.
    pub traces: Vec<&'t Resolved>,
    /// What the rows say of each trace.
    pub facts: Vec<TraceFacts>,
    /// The cells.
    pub cells: Vec<Cell>,
    /// What holds for every cell.
    pub settings: Settings,
}

impl<'t> Plan<'t> {
    /// The same with the cells at these places only.
    pub fn part(&self, places: &[usize]) -> Plan<'t> {
        Plan {
            traces: self.traces.clone(),
            facts: self.facts.clone(),
            cells: places.iter().map(|&p| self.cells[p].clone()).collect(),
            settings: self.settings.clone(),
        }
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A ladder does not fit a trace.
    #[error("{0}")]
    Units(#[from] UnitError),
    /// The swap device holds no page.
    #[error("{0}")]
    Swap(String),
    /// The file of a trace that stays there cannot be read.
    #[error("{0}")]
    Trace(String),
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
    /// Every combination of the axes, for each trace.
    pub fn new(
        traces: &[&'t Resolved],
        axes: &Axes,
        settings: Settings,
    ) -> Result<Plan<'t>, PlanError> {
        let mut plan = Plan::empty(traces, settings)?;
        let mut policies = axes.policies.clone();
        policies.sort_by_key(|choice| (choice.spec().name, choice.params()));
        policies.dedup();
        for (index, resolved) in plan.traces.iter().enumerate() {
            let trace = &resolved.trace;
            let facts = &plan.facts[index];
            let frames = axes.frames_for(facts.distinct, facts.page_size)?;
            let mut tau = Vec::new();
            if axes.has_windows() {
                let auto = if axes.tau.has_auto() {
                    tau_ladder(resolved, &frames)?
                } else {
                    Vec::new()
                };
                tau = axes.tau_for(trace, &auto)?;
            }
            // Of a trace that stays in its file nobody knows the future.
            let in_memory = trace.store().is_none();
            let possible = policies
                .iter()
                .filter(|choice| in_memory || !choice.spec().needs_future());
            for choice in possible {
                for seed in seeds(choice, axes) {
                    plan.cells.extend(cells(index, choice, seed, &frames, &tau));
                }
            }
        }
        Ok(plan)
    }

    /// A plan whose cells are still to be given, as by a baseline.
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
        Ok(Plan {
            traces,
            facts,
            cells: Vec::new(),
            settings,
        })
    }

    /// The TLBs of a cell, as its page size sees them: ids are not addresses and have no
    /// translation.
    pub fn tlb_of(&self, cell: &Cell) -> Option<Geometry> {
        let facts = &self.facts[cell.trace];
        let hardware = self
            .settings
            .tlb
            .filter(|_| facts.addressing == Addressing::Bytes)?;
        Some(hardware.geometry(facts.page_size))
    }

    /// What names a cell. It says what is done, not what was asked for: reference bits are set at
    /// every reference where nothing is translated, and frames that are not limited are not divided.
    pub fn identity(&self, cell: &Cell) -> Identity {
        let (facts, settings) = (&self.facts[cell.trace], &self.settings);
        let on_segfault = match facts.origin {
            Origin::Permissive => "",
            _ => settings.space.on_segfault.name(),
        };
        Identity {
            trace: facts.name.clone(),
            page_size: facts.page_size.bytes(),
            trace_digest: facts.digest.clone(),
            filter: facts.filter.clone(),
            policy: cell.choice.spec().name.to_owned(),
            params: cell.choice.params(),
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
                (Accessed::Every, _) | (_, None) => Accessed::Every.name().to_owned(),
                (accessed, Some(tlb)) => format!("{}:{}", accessed.name(), tlb.tlbs()),
            },
            commit_limit: settings.space.commit_limit,
            warmup_refs: facts.warmup_refs,
        }
    }

    /// The slots of the swap device, a page each.
    pub fn swap_slots(&self, cell: &Cell) -> Option<u64> {
        let page_size = self.facts[cell.trace].page_size;
        self.settings
            .swap_bytes
            .map(|bytes| bytes / page_size.bytes())
    }

    /// Frames of each process of a cell, if each has its own.
    pub fn quotas(&self, cell: &Cell) -> Result<Option<Vec<u32>>, String> {
        let resolved = self.traces[cell.trace];
        match cell.frames {
            Some(frames) => self.settings.allocation.quotas(frames, resolved),
            None => Ok(None),
        }
    }

    /// The replay of a cell, without bursts and misses.
    pub fn job<'s>(
        &'s self,
        cell: &'s Cell,
        tlb: Option<&'s Geometry>,
        quotas: Option<&'s [u32]>,
    ) -> Job<'s> {
        let resolved: &'s Resolved = self.traces[cell.trace];
        Job {
            trace: &resolved.trace,
            bursts: None,
            misses: None,
            space: resolved.space.as_ref(),
            policy: cell.choice.index,
            params: &cell.choice.params,
            seed: cell.seed.unwrap_or(0),
            frames: cell.frames,
            quotas,
            tau: cell.tau.unwrap_or(1),
            warmup: self.facts[cell.trace].warmup_refs,
            tlb,
            accessed: self.settings.accessed,
            swap_slots: self.swap_slots(cell),
        }
    }

    /// Leaves cells out; gives for each exclusion how many it took away, those that another had
    /// taken away before not counted.
    pub fn exclude(&mut self, excludes: &[Exclude]) -> Vec<usize> {
        let take = |exclude: &Exclude| {
            let cells = std::mem::take(&mut self.cells);
            let (gone, left): (Vec<Cell>, Vec<Cell>) = cells
                .into_iter()
                .partition(|cell| exclude.matches(&self.identity(cell)));
            self.cells = left;
            gone.len()
        };
        excludes.iter().map(take).collect()
    }

    /// How long the plan may take on so many threads, in seconds: a guess from what common hardware
    /// replays, which may be wrong by a factor of some. Looks at the locality of each trace.
    pub fn guessed_seconds(&self, threads: usize) -> f64 {
        let seconds = |cell: usize| {
            let resolved = self.traces[self.cells[cell].trace];
            let local = self.settings.engine == Engine::Auto && resolved.bursts().is_some();
            let by_bursts = local && self.cells[cell].choice.spec().bursts != Bursts::Never;
            let speed = match by_bursts {
                true => EFFORT_BY_BURSTS,
                false => EFFORT_BY_REFERENCES,
            };
            self.effort(cell) as f64 / speed
        };
        let mut all: Vec<f64> = (0..self.cells.len()).map(seconds).collect();
        // A pass takes about as long as the replay of a cell by references.
        for pass in by_curves::passes(self) {
            let each = self.effort(pass.cells[0]) as f64 / EFFORT_BY_REFERENCES;
            for &cell in &pass.cells {
                all[cell] = each / pass.cells.len() as f64;
            }
        }
        // No plan ends before its longest cell.
        let longest = all.iter().copied().fold(0.0, f64::max);
        longest.max(all.iter().sum::<f64>() / threads.max(1) as f64)
    }

    /// How long a cell is likely to take, in references of a cheap policy: for scheduling only.
    pub fn effort(&self, cell: usize) -> u64 {
        let cell = &self.cells[cell];
        let spec = cell.choice.spec();
        let weight = match (spec.needs_future(), spec.space) {
            (true, _) => 4,
            (false, Space::Variable) => 3,
            (false, Space::Fixed) => 2,
        };
        self.traces[cell.trace].trace.len() as u64 * weight
    }
}

/// The seeds of a policy: one that is no seed if it draws nothing.
fn seeds(choice: &PolicyChoice, axes: &Axes) -> Vec<Option<u64>> {
    if !choice.spec().draws {
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
    };
    match choice.spec().space {
        Space::Fixed => frames
            .iter()
            .map(|&frames| cell(Some(frames), None))
            .collect(),
        Space::Variable => {
            let limit = choice.params.find(choice.spec(), "limit");
            tau.iter().map(|&tau| cell(limit, Some(tau))).collect()
        }
    }
}

/// References by kind from a position on.
fn by_kind(trace: &Trace, from: u64) -> Result<[u64; 3], TraceError> {
    if let Some(store) = trace.store().filter(|_| from == 0) {
        return Ok(store.by_kind);
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
        dropped: tally.dropped,
        untouched_end: resolved.untouched_end(),
        warmup_refs,
        by_kind,
    })
}
