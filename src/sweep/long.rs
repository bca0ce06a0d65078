//! Cells of a trace that stays in its file because it is too long for memory: they are replayed side
//! by side, tile by tile, while the next tiles are unpacked: by bursts where they can be, else by
//! references. Memory is that of the cells and of a few tiles, however long the trace.

use super::{CellResult, Engine, panic_text};
use crate::space::Space;
use crate::sweep::Plan;
use crate::trace::TraceError;
use crate::trace::bursts::{Bursts, K_MAX};
use crate::trace::dense::{KindCode, Ref, Tile};
use crate::trace::store::Store;
use crate::vm::tlb::Geometry;
use crate::vm::{self, Accessed, Job, Replay};
use rayon::prelude::*;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Memory that the cells of one pass through the file may take, roughly, in bytes.
const CELLS_BYTES: usize = 512 << 20;
/// Memory that a cell takes for each page and for itself, roughly, in bytes.
const PAGE_BYTES: usize = 48;
const CELL_BYTES: usize = 1 << 20;

/// What a cell borrows.
struct Parts {
    index: usize,
    tlb: Option<Geometry>,
    quotas: Result<Option<Vec<u32>>, String>,
    identity: Option<Space>,
}

/// A cell under way: what it is, how long it took, and what it is or why it failed.
struct Running<'t> {
    index: usize,
    wall: Duration,
    replay: Result<Replay<'t>, String>,
    done: bool,
}

/// An unpacked block, in the forms that are wanted.
struct Unpacked {
    start: u64,
    end: u64,
    refs: Vec<Ref>,
    kinds: Vec<KindCode>,
    bursts: Bursts,
}

/// The forms in which the cells of a pass take references: one by one, as bursts of these sizes.
struct Forms {
    references: bool,
    burst_sizes: Vec<usize>,
}

impl Forms {
    fn of(cells: &[Running<'_>]) -> Forms {
        let replays = || cells.iter().filter_map(|cell| cell.replay.as_ref().ok());
        let mut burst_sizes: Vec<usize> = replays().filter_map(|r| r.burst_size()).collect();
        burst_sizes.sort_unstable();
        burst_sizes.dedup();
        Forms {
            references: replays().any(|replay| replay.burst_size().is_none()),
            burst_sizes,
        }
    }

    /// Unpacks the block that begins at a position.
    fn unpack(&self, store: &Store, block: usize, start: u64) -> Result<Unpacked, TraceError> {
        let mut tile = Unpacked {
            start,
            end: start + store.block_refs(block),
            refs: Vec::new(),
            kinds: Vec::new(),
            bursts: Bursts::default(),
        };
        if self.references {
            store.unpack(block, &mut tile.refs, &mut tile.kinds)?;
        }
        if !self.burst_sizes.is_empty() {
            let bursts = store.bursts_of(block, start)?;
            tile.bursts = bursts.cut(&store.dictionary, std::iter::empty());
            // Made here, since cells that are replayed side by side must not wait for each other.
            for &k in &self.burst_sizes {
                tile.bursts.of(k);
            }
        }
        Ok(tile)
    }
}

/// Replays cells of one trace, so many at a time as memory allows; `done` is called for each. Ends
/// early when `stop` becomes true: cells that were not finished then have no result.
pub(super) fn run(
    plan: &Plan<'_>,
    store: &Store,
    cells: &[usize],
    stop: &AtomicBool,
    done: &(dyn Fn(usize, CellResult) + Sync),
) {
    let pages = store.dictionary.pages.len();
    let at_once = (CELLS_BYTES / (pages * PAGE_BYTES + CELL_BYTES)).max(1);
    for batch in cells.chunks(at_once) {
        let parts: Vec<Parts> = batch.iter().map(|&index| parts(plan, index)).collect();
        let mut running: Vec<Running<'_>> = parts
            .iter()
            .map(|parts| begin(plan, store, parts))
            .collect();
        match pass(store, &mut running, stop) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => running
                .iter_mut()
                .for_each(|cell| cell.replay = Err(error.clone())),
        }
        running
            .into_par_iter()
            .for_each(|cell| done(cell.index, finish(cell)));
    }
}

fn parts(plan: &Plan<'_>, index: usize) -> Parts {
    let cell = &plan.cells[index];
    let quotas = plan.quotas(cell);
    let dynamic = matches!(quotas, Ok(Some(_))) || plan.settings.accessed != Accessed::Every;
    let dictionary = &plan.traces[cell.trace].trace.dictionary;
    Parts {
        index,
        tlb: plan.tlb_of(cell),
        quotas,
        identity: dynamic.then(|| Space::identity(dictionary)),
    }
}

fn begin<'t>(plan: &'t Plan<'_>, store: &Store, parts: &'t Parts) -> Running<'t> {
    let burst_size = burst_size(plan, store, parts.index);
    let job = |quotas: &'t Option<Vec<u32>>| Job {
        space: parts.identity.as_ref(),
        ..plan.job(
            &plan.cells[parts.index],
            parts.tlb.as_ref(),
            quotas.as_deref(),
        )
    };
    let replay = match &parts.quotas {
        Ok(quotas) => vm::begin(&job(quotas), burst_size).map_err(|error| error.to_string()),
        Err(error) => Err(error.clone()),
    };
    Running {
        index: parts.index,
        wall: Duration::ZERO,
        done: replay.is_err(),
        replay,
    }
}

/// The size of the bursts by which a cell is best replayed.
fn burst_size(plan: &Plan<'_>, store: &Store, cell: usize) -> Option<usize> {
    let cell = &plan.cells[cell];
    if plan.settings.engine == Engine::Plain || !store.is_local() {
        return None;
    }
    // Of smaller bursts it is not known before how long they are.
    let largest = store.refs() / store.bursts.max(1);
    let mean_length = |k: usize| largest * k as u64 / K_MAX as u64;
    let tau = cell.tau.unwrap_or(1);
    vm::choose_burst_size(cell.choice.spec(), cell.frames, tau, mean_length)
}

/// Feeds cells with a whole trace. False if it was stopped; an error if the file cannot be read.
fn pass(store: &Store, cells: &mut [Running<'_>], stop: &AtomicBool) -> Result<bool, String> {
    let together = rayon::current_num_threads();
    let forms = Forms::of(cells);
    let unpack = |from: usize, start: u64| {
        let blocks = from..(from + together).min(store.blocks());
        unpack(store, &forms, blocks, start)
    };
    let (mut from, mut tiles) = (0, unpack(0, 0)?);
    while let Some(last) = tiles.last() {
        let end = last.end;
        from += tiles.len();
        let feed = || {
            cells.par_iter_mut().for_each(|cell| {
                for tile in &tiles {
                    feed(cell, tile);
                }
            });
        };
        let ((), ahead) = rayon::join(feed, || unpack(from, end));
        tiles = ahead?;
        if stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        if cells.iter().all(|cell| cell.done) {
            break;
        }
    }
    Ok(true)
}

/// The blocks of a range, of which the first begins at a position.
fn unpack(
    store: &Store,
    forms: &Forms,
    blocks: Range<usize>,
    start: u64,
) -> Result<Vec<Unpacked>, String> {
    let mut end = start;
    let starts: Vec<(usize, u64)> = blocks
        .map(|block| {
            let start = end;
            end += store.block_refs(block);
            (block, start)
        })
        .collect();
    let one = |(block, start)| {
        let unpacked = forms.unpack(store, block, start);
        unpacked.map_err(|error| error.to_string())
    };
    starts.into_par_iter().map(one).collect()
}

fn feed(cell: &mut Running<'_>, tile: &Unpacked) {
    let Some(replay) = cell.replay.as_mut().ok().filter(|_| !cell.done) else {
        return;
    };
    let begun = Instant::now();
    let tile = match replay.burst_size() {
        Some(k) => Tile::of_bursts(tile.bursts.of(k)),
        None => Tile {
            start: tile.start,
            refs: &tile.refs,
            kinds: &tile.kinds,
            bursts: None,
        },
    };
    match catch_unwind(AssertUnwindSafe(|| replay.feed(tile))) {
        Ok(more) => cell.done = !more,
        Err(panic) => fail(cell, panic.as_ref()),
    }
    cell.wall += begun.elapsed();
}

fn fail(cell: &mut Running<'_>, panic: &(dyn std::any::Any + Send)) {
    cell.replay = Err(format!("internal error: {}", panic_text(panic)));
    cell.done = true;
}

fn finish(cell: Running<'_>) -> CellResult {
    let begun = Instant::now();
    let outcome = cell.replay.and_then(|replay| {
        let finished = catch_unwind(AssertUnwindSafe(|| replay.finish()));
        finished.map_err(|panic| format!("internal error: {}", panic_text(panic.as_ref())))
    });
    CellResult {
        outcome,
        wall: Some(cell.wall + begun.elapsed()),
    }
}
