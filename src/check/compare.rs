//! The engine of `pagebench compare`: results are put side by side, one of them as the reference, and
//! compared cell by cell. The sides are files, or the values of one column in a file.
//!
//! Deliberately absent: files, and what is printed.

use crate::report::results::columns::{Better, Column, Row, short_digest};
use crate::report::results::exact;
use crate::sweep::{Identity, MEMORY_MODEL, MODEL, POLICY, Part};
use crate::units::{Fraction, Percent};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// The ways to divide the rows of files into sides (`--by`): the name, and the parts in which the sides
/// differ.
pub const BY: [(&str, &[Part]); 16] = [
    ("policy", &POLICY),
    ("allocation", &[Part::Allocation]),
    ("accessed_bit", &[Part::AccessedBit]),
    ("swap_in", &[Part::SwapIn]),
    ("pin_cow_source", &[Part::PinCowSource]),
    ("fork_file_ptes", &[Part::ForkFilePtes]),
    ("free_frames", &[Part::FreeFrames]),
    ("layout", &[Part::Layout]),
    ("page_cache", &[Part::PageCache]),
    ("file_io", &[Part::FileIo]),
    ("beyond_eof", &[Part::BeyondEof]),
    ("model", &MEMORY_MODEL),
    ("segments", &[Part::Segments, Part::SwapUnit]),
    ("fit", &[Part::Fit]),
    ("swap_unit", &[Part::SwapUnit]),
    ("relief", &[Part::Relief]),
];

/// Rows that are compared with those of other sides.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// The name of the side.
    pub name: String,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// The relation of a value to that of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The same.
    Same,
    /// Better.
    Better,
    /// Worse.
    Worse,
    /// Different, in a column where neither more nor less is better.
    Differs,
}

impl Relation {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Relation::Same => "same",
            Relation::Better => "better",
            Relation::Worse => "worse",
            Relation::Differs => "differs",
        }
    }
}

/// One value beside that of the reference.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The column.
    pub metric: &'static Column,
    /// The cell, in words.
    pub cell: String,
    /// The index of the side.
    pub side: usize,
    /// The value of the reference.
    pub reference: f64,
    /// The value of the side.
    pub value: f64,
    /// The value of the reference and that of the side, not rounded.
    pub exact: [Fraction; 2],
}

impl Pair {
    /// Returns `value - reference`.
    pub fn difference(&self) -> f64 {
        self.value - self.reference
    }

    /// Returns `value / reference`; `None` if the reference is 0.
    pub fn ratio(&self) -> Option<f64> {
        (self.reference != 0.0).then(|| self.value / self.reference)
    }

    /// Returns the relation of the value to the reference.
    pub fn verdict(&self) -> Relation {
        let [reference, value] = self.exact;
        match (value.cmp(&reference), self.metric.facts.better) {
            (Ordering::Equal, _) => Relation::Same,
            (_, Better::Neither) => Relation::Differs,
            (Ordering::Greater, Better::More) | (Ordering::Less, Better::Less) => Relation::Better,
            (Ordering::Greater, Better::Less) | (Ordering::Less, Better::More) => Relation::Worse,
        }
    }

    /// Returns whether the value differs from the reference by more than `limit`. Rounds nothing.
    pub fn beyond(&self, limit: Percent) -> bool {
        let [reference, value] = self.exact;
        !limit.allows(reference, value)
    }
}

/// What a comparison finds.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Values side by side: by metric, then in the order of the reference's rows, then by side.
    pub pairs: Vec<Pair>,
    /// Cells that some sides lack: the cell, and the indices of the sides that have it.
    pub partial: Vec<(String, Vec<usize>)>,
    /// Cells that were not replayed to their end and so are left out: the cell and the side.
    pub unfinished: Vec<(String, usize)>,
}

/// Divides the rows of all files into sides by the parts of [`BY`], in the order of the rows. A cell that
/// several files have with the same counts is taken once: every run has the same value of what an option
/// cannot change, such as reference bits of a trace of ids.
pub fn split(files: Vec<Vec<Row>>, by: &[Part]) -> Vec<Side> {
    let mut sides: Vec<Side> = Vec::new();
    let mut earlier: BTreeMap<Identity, Vec<Row>> = BTreeMap::new();
    for rows in files {
        let of_file: Vec<(Identity, Row)> = (rows.into_iter())
            .map(|row| (row.identity(), row))
            .filter(|(cell, row)| earlier.get(cell).is_none_or(|known| !known.contains(row)))
            .collect();
        for (cell, row) in of_file {
            let name = match by {
                [part] => cell.text(*part),
                _ => cell.seeded_label(),
            };
            earlier.entry(cell).or_default().push(row.clone());
            match sides.iter_mut().find(|side| side.name == name) {
                Some(side) => side.rows.push(row),
                None => sides.push(Side {
                    name,
                    rows: vec![row],
                }),
            }
        }
    }
    sides
}

/// Returns a sentence for each trace that is not the same on all sides.
pub fn other_traces(sides: &[Side]) -> Vec<String> {
    let mut traces: BTreeMap<Identity, BTreeMap<String, BTreeSet<&str>>> = BTreeMap::new();
    for side in sides {
        for row in &side.rows {
            let mut trace = row.identity().setting();
            let digest = std::mem::take(&mut trace.trace_digest);
            let trace = trace.without(&MODEL).without(&[Part::WarmupRefs]);
            let digests = traces.entry(trace).or_default();
            digests.entry(digest).or_default().insert(&side.name);
        }
    }
    let mut sentences = Vec::new();
    for (trace, digests) in traces.iter().filter(|(_, digests)| digests.len() > 1) {
        let each = digests.iter().map(|(digest, sides)| {
            let sides: Vec<&str> = sides.iter().copied().collect();
            let short = short_digest(digest);
            format!("{short} in {}", sides.join(", "))
        });
        sentences.push(format!(
            "{}: {}",
            trace.trace,
            each.collect::<Vec<_>>().join("; ")
        ));
    }
    sentences
}

/// Compares the sides with the side `reference`.
///
/// # Errors
///
/// Errors if two rows of one side are of the same cell: which one.
pub fn compare(
    sides: &[Side],
    reference: usize,
    by: &[Part],
    metrics: &[&'static Column],
) -> Result<Comparison, String> {
    let cells = join(sides, reference, by)?;
    Ok(Comparison {
        pairs: pairs(&cells, reference, metrics),
        partial: partial(&cells),
        unfinished: unfinished(sides, reference, by),
    })
}

/// A cell, and the row that each side has of it.
struct Cell<'r> {
    key: Identity,
    rows: Vec<Option<&'r Row>>,
}

fn key_of(row: &Row, by: &[Part]) -> Identity {
    row.identity().without(by).without(&[Part::Digest])
}

/// Returns the sides' indices, that of the reference first.
fn reference_first(sides: &[Side], reference: usize) -> impl Iterator<Item = usize> {
    let others = (0..sides.len()).filter(move |&side| side != reference);
    std::iter::once(reference).chain(others)
}

/// Returns the cells that were replayed to their end, in the order of the rows, those of the reference
/// first.
fn join<'r>(sides: &'r [Side], reference: usize, by: &[Part]) -> Result<Vec<Cell<'r>>, String> {
    let mut cells: Vec<Cell<'r>> = Vec::new();
    let mut indices: BTreeMap<Identity, usize> = BTreeMap::new();
    for side in reference_first(sides, reference) {
        for row in sides[side].rows.iter().filter(|row| row.is_ok()) {
            let key = key_of(row, by);
            let index = *indices.entry(key.clone()).or_insert_with(|| {
                let rows = vec![None; sides.len()];
                cells.push(Cell { key, rows });
                cells.len() - 1
            });
            let cell = &mut cells[index];
            if cell.rows[side].replace(row).is_some() {
                let name = &sides[side].name;
                return Err(format!("{name}: two rows of one cell: {}", cell.key.name()));
            }
        }
    }
    Ok(cells)
}

fn unfinished(sides: &[Side], reference: usize, by: &[Part]) -> Vec<(String, usize)> {
    let of_side = |side: usize| {
        let rows = sides[side].rows.iter().filter(|row| !row.is_ok());
        rows.map(move |row| (key_of(row, by).name(), side))
    };
    reference_first(sides, reference)
        .flat_map(of_side)
        .collect()
}

fn partial(cells: &[Cell<'_>]) -> Vec<(String, Vec<usize>)> {
    let lacks = |cell: &&Cell<'_>| cell.rows.iter().any(Option::is_none);
    let sides = |cell: &Cell<'_>| {
        let sides = (0..cell.rows.len()).filter(|&side| cell.rows[side].is_some());
        (cell.key.name(), sides.collect())
    };
    cells.iter().filter(lacks).map(sides).collect()
}

fn pairs(cells: &[Cell<'_>], reference: usize, metrics: &[&'static Column]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for &metric in metrics {
        for cell in cells {
            let Some(before) = cell.rows[reference] else {
                continue;
            };
            let others = cell.rows.iter().enumerate();
            for (side, row) in others.filter(|(side, _)| *side != reference) {
                pairs.extend(row.and_then(|row| pair(metric, &cell.key, before, (side, row))));
            }
        }
    }
    pairs
}

/// Returns the pair of a metric in two rows; `None` if one of them lacks the metric.
fn pair(
    metric: &'static Column,
    cell: &Identity,
    reference: &Row,
    (side, row): (usize, &Row),
) -> Option<Pair> {
    Some(Pair {
        metric,
        cell: cell.name(),
        side,
        reference: (metric.number)(reference)?,
        value: (metric.number)(row)?,
        exact: exact::both(metric, [reference, row])?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(policy: &str, frames: u64, faults: u64) -> Row {
        Row {
            trace: "t".into(),
            trace_digest: "d".into(),
            page_size: 4096,
            allocation: "global".into(),
            accessed_bit: "every".into(),
            policy: policy.into(),
            frames: Some(frames),
            refs: 100,
            faults,
            hits: 100 - faults,
            status: "ok".into(),
            ..Row::default()
        }
    }

    fn side(name: &str, rows: Vec<Row>) -> Side {
        let name = name.into();
        Side { name, rows }
    }

    fn metrics() -> Vec<&'static Column> {
        ["faults", "hits", "refs"]
            .map(|name| crate::report::results::columns::column(name).unwrap())
            .into()
    }

    #[test]
    fn cells_are_joined_and_judged() {
        let a = side(
            "a",
            vec![row("lru", 4, 10), row("lru", 8, 0), row("lru", 9, 1)],
        );
        let mut more = row("lru", 8, 3);
        more.refs = 101;
        let b = side("b", vec![more, row("lru", 4, 8), row("fifo", 4, 1)]);
        let found = compare(&[a, b], 0, &[], &metrics()).unwrap();
        let told: Vec<_> = found
            .pairs
            .iter()
            .map(|p| (p.metric.name, &*p.cell, p.verdict()))
            .collect();
        use Relation::{Better, Differs, Same, Worse};
        assert_eq!(
            told,
            [
                ("faults", "t, lru, 4 frames", Better),
                ("faults", "t, lru, 8 frames", Worse),
                ("hits", "t, lru, 4 frames", Better),
                ("hits", "t, lru, 8 frames", Worse),
                ("refs", "t, lru, 4 frames", Same),
                ("refs", "t, lru, 8 frames", Differs),
            ]
        );
        assert_eq!(found.pairs[0].ratio(), Some(0.8));
        let beyond = |pair: usize, limit: &str| found.pairs[pair].beyond(limit.parse().unwrap());
        assert!(beyond(0, "19.99") && !beyond(0, "20"));
        assert_eq!(found.pairs[1].ratio(), None);
        assert!(beyond(1, "1000000") && !beyond(4, "0"));
        let partial = [
            ("t, lru, 9 frames".into(), vec![0]),
            ("t, fifo, 4 frames".into(), vec![1]),
        ];
        assert_eq!(found.partial, partial);
    }

    #[test]
    fn policies_of_one_file_are_sides() {
        let rows = [
            row("fifo", 4, 9),
            row("fifo", 8, 5),
            row("lru", 4, 8),
            row("lru", 8, 5),
        ];
        let sides = split(vec![rows.to_vec()], BY[0].1);
        let names: Vec<&str> = sides.iter().map(|side| &*side.name).collect();
        assert_eq!(names, ["fifo", "lru"]);
        let found = compare(&sides, 1, BY[0].1, &metrics()[..1]).unwrap();
        let told: Vec<_> = found
            .pairs
            .iter()
            .map(|p| (&*p.cell, p.side, p.difference()))
            .collect();
        assert_eq!(told, [("t, 4 frames", 0, 1.0), ("t, 8 frames", 0, 0.0)]);
    }

    #[test]
    fn other_traces_and_twice_the_same_cell_are_told() {
        let mut other = row("lru", 4, 1);
        other.trace_digest = "0123456789".into();
        let sides = [side("a", vec![row("lru", 4, 1)]), side("b", vec![other])];
        assert_eq!(other_traces(&sides), ["t: 01234567 in b; d in a"]);
        let twice = [side("a", vec![row("lru", 4, 1), row("lru", 4, 2)])];
        let error = compare(&twice, 0, &[], &metrics()).unwrap_err();
        assert_eq!(error, "a: two rows of one cell: t, lru, 4 frames");
    }
}
