//! Cells of a trace that stays in its file because it is too long for memory: they are replayed side
//! by side, tile by tile, while the next tiles are unpacked. Memory is that of the cells and of a
//! few tiles, however long the trace.

use super::{CellResult, panic_text};
use crate::space::Space;
use crate::sweep::Plan;
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
    replay: Result<Box<dyn Replay + 't>, String>,
    done: bool,
}

/// An unpacked block.
struct Unpacked {
    start: u64,
    refs: Vec<Ref>,
    kinds: Vec<KindCode>,
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
        let mut running: Vec<Running<'_>> = parts.iter().map(|parts| begin(plan, parts)).collect();
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

fn begin<'t>(plan: &'t Plan<'_>, parts: &'t Parts) -> Running<'t> {
    let job = |quotas: &'t Option<Vec<u32>>| Job {
        space: parts.identity.as_ref(),
        ..plan.job(
            &plan.cells[parts.index],
            parts.tlb.as_ref(),
            quotas.as_deref(),
        )
    };
    let replay = match &parts.quotas {
        Ok(quotas) => vm::begin(&job(quotas)).map_err(|error| error.to_string()),
        Err(error) => Err(error.clone()),
    };
    Running {
        index: parts.index,
        wall: Duration::ZERO,
        done: replay.is_err(),
        replay,
    }
}

/// Feeds cells with a whole trace. False if it was stopped; an error if the file cannot be read.
fn pass(store: &Store, cells: &mut [Running<'_>], stop: &AtomicBool) -> Result<bool, String> {
    let together = rayon::current_num_threads();
    let unpack =
        |from: usize, start: u64| unpack(store, from..(from + together).min(store.blocks()), start);
    let (mut from, mut tiles) = (0, unpack(0, 0)?);
    while let Some(last) = tiles.last() {
        let end = last.start + last.refs.len() as u64;
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
fn unpack(store: &Store, blocks: Range<usize>, start: u64) -> Result<Vec<Unpacked>, String> {
    let mut end = start;
    let starts: Vec<(usize, u64)> = blocks
        .map(|block| {
            let start = end;
            end += store.block_refs(block);
            (block, start)
        })
        .collect();
    let one = |(block, start): (usize, u64)| {
        let mut tile = Unpacked {
            start,
            refs: Vec::new(),
            kinds: Vec::new(),
        };
        let unpacked = store.unpack(block, &mut tile.refs, &mut tile.kinds);
        unpacked.map(|()| tile).map_err(|error| error.to_string())
    };
    starts.into_par_iter().map(one).collect()
}

fn feed(cell: &mut Running<'_>, tile: &Unpacked) {
    let Some(replay) = cell.replay.as_mut().ok().filter(|_| !cell.done) else {
        return;
    };
    let begun = Instant::now();
    let tile = Tile {
        start: tile.start,
        refs: &tile.refs,
        kinds: &tile.kinds,
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
        wall: cell.wall + begun.elapsed(),
    }
}
