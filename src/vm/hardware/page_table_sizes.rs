//! The largest page tables that each process of a trace has. They hold the pages that are bound to an
//! object, which come and go with references, forks and events. Knows nothing of frames.

use super::layout::Layout;
use crate::space::{EntryId, Op, Resolved};
use crate::trace::model::refs::{PageKey, page_of};
use rustc_hash::FxHashMap;

/// The largest page tables of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Most {
    /// For each process, tables by level, from the root down, when they took most memory; only a
    /// root if the process never has a page.
    pub by_process: Vec<Vec<u64>>,
    /// The most bytes that the tables of all processes took at one time.
    pub all_bytes: u64,
}

/// The page tables of one process.
#[derive(Debug)]
struct Tree {
    /// For each level below the root and each of its tables, the number of pages below it.
    pages: Vec<FxHashMap<u64, u32>>,
    /// The number of tables by level, the root included.
    tables: Vec<u64>,
    bound: u64,
    most: Vec<u64>,
    most_bytes: u64,
}

/// The page tables of all processes at one position of the trace.
struct Forest<'a> {
    layout: &'a Layout,
    shift: u32,
    entries: &'a [PageKey],
    is_bound: Vec<bool>,
    trees: Vec<Tree>,
    bytes: u64,
    most_bytes: u64,
}

/// Finds the largest page tables, in one pass over a trace.
pub fn most_tables(layout: &Layout, resolved: &Resolved) -> Most {
    let trace = &resolved.trace;
    let entries = resolved.entries();
    let shift = trace.meta.page_shift();
    let levels = layout.walk_levels(shift);
    let root: Vec<u64> = (0..levels).map(|level| u64::from(level == 0)).collect();
    let tree = |_: &u32| Tree {
        pages: vec![FxHashMap::default(); levels - 1],
        tables: root.clone(),
        bound: 0,
        most: root.clone(),
        most_bytes: layout.table_bytes(0),
    };
    let mut forest = Forest {
        layout,
        shift,
        entries,
        is_bound: vec![false; entries.len()],
        trees: trace.dictionary.pids.iter().map(tree).collect(),
        bytes: 0,
        most_bytes: 0,
    };
    let mut ops = resolved
        .space
        .iter()
        .flat_map(|space| &space.ops)
        .peekable();
    trace.tiles_of(0..trace.len(), |tile| {
        for (&reference, position) in tile.refs.iter().zip(tile.start..) {
            while let Some(at) = ops.next_if(|at| at.position <= position) {
                forest.op(at.op);
            }
            forest.bind(page_of(reference));
        }
        true
    });
    ops.for_each(|at| forest.op(at.op));
    Most {
        by_process: forest.trees.into_iter().map(|tree| tree.most).collect(),
        all_bytes: forest.most_bytes,
    }
}

impl Forest<'_> {
    fn op(&mut self, op: Op) {
        match op {
            Op::Copy { to: entry, .. }
            | Op::Prefetch { entry }
            | Op::Populate { entry, .. }
            | Op::PopulateCopy { entry, .. }
            | Op::Bind { entry, .. } => {
                self.bind(entry);
            }
            Op::Move { from, to } => {
                self.bind(to);
                self.unbind(from);
            }
            Op::Unmap { entry } => self.unbind(entry),
            _ => {}
        }
    }

    #[inline]
    fn bind(&mut self, entry: EntryId) {
        if !self.is_bound[entry as usize] {
            self.change(entry, true);
        }
    }

    fn unbind(&mut self, entry: EntryId) {
        if self.is_bound[entry as usize] {
            self.change(entry, false);
        }
    }

    /// Adds or removes a page, and the tables that hold nothing else. A process without pages counts
    /// no table.
    fn change(&mut self, entry: EntryId, comes: bool) {
        self.is_bound[entry as usize] = comes;
        let PageKey { process, number } = self.entries[entry as usize];
        let tree = &mut self.trees[process as usize];
        let before = tree.bytes(self.layout);
        tree.bound = if comes {
            tree.bound + 1
        } else {
            tree.bound - 1
        };
        let address = number << self.shift & self.layout.address_mask();
        for (level, tables) in tree.pages.iter_mut().enumerate() {
            // A table is named by the entry of the level above.
            let name = address >> self.layout.shift(level);
            let pages = tables.entry(name).or_default();
            if comes {
                *pages += 1;
                tree.tables[level + 1] += u64::from(*pages == 1);
            } else {
                *pages -= 1;
                if *pages == 0 {
                    tables.remove(&name);
                    tree.tables[level + 1] -= 1;
                }
            }
        }
        let after = tree.bytes(self.layout);
        if after > tree.most_bytes {
            (tree.most_bytes, tree.most) = (after, tree.tables.clone());
        }
        self.bytes = self.bytes - before + after;
        self.most_bytes = self.most_bytes.max(self.bytes);
    }
}

impl Tree {
    fn bytes(&self, layout: &Layout) -> u64 {
        match self.bound {
            0 => 0,
            _ => super::layout::page_table_bytes(layout, &self.tables),
        }
    }
}
