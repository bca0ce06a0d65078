//! Results set side by side: one is the reference, the others are compared with it, cell by cell. The
//! sides are files, or what one column has in one file.
//!
//! Deliberately absent: files, and what is printed.

use crate::report::columns::{COLUMNS, Column, Row};
use crate::report::exact;
use crate::sweep::{Identity, MODEL, POLICY, Part};
use crate::units::{Fraction, Percent};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// By what the rows of files can be compared: the name, and the parts in which the sides differ.
pub const BY: [(&str, &[Part]); 3] = [
    ("policy", &POLICY),
    ("allocation", &[Part::Allocation]),
    ("accessed_bit", &[Part::AccessedBit]),
];

/// Columns of which more is better; of other counts behind the trace's own, less is, but for those
/// in [`NEITHER`].
const MORE_IS_BETTER: [&str; 6] = [
    "hits",
    "hit_rate",
    "refs_per_fault",
    "tlb_hits_l1i",
    "tlb_hits_l1d",
    "tlb_hit_rate",
];

/// Counts of which neither more nor less is better: a clean eviction may stand for a dirty one or for
/// none, a hit of the second-level TLB for a miss or for a hit of the first, and what is where at the
/// end follows from the rest.
const NEITHER: [&str; 9] = [
    "evictions_clean",
    "tlb_hits_l2",
    "resident_end",
    "freed",
    "prefetched",
    "dirty_end",
    "swapped_end",
    "dropped_end",
    "untouched_end",
];

/// Rows under a name.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// The name.
    pub name: String,
    /// The rows.
    pub rows: Vec<Row>,
}

/// How a value stands to that of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The same.
    Same,
    /// Better.
    Better,
    /// Worse.
    Worse,
    /// Another, of a column where neither is better.
    Differs,
}

impl Verdict {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Same => "same",
            Verdict::Better => "better",
            Verdict::Worse => "worse",
            Verdict::Differs => "differs",
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
    /// The value less that of the reference.
    pub fn difference(&self) -> f64 {
        self.value - self.reference
    }

    /// The value by that of the reference; `None` if that is 0.
    pub fn ratio(&self) -> Option<f64> {
        (self.reference != 0.0).then(|| self.value / self.reference)
    }

    /// How it stands.
    pub fn verdict(&self) -> Verdict {
        let name = self.metric.name;
        let place = |name: &str| COLUMNS.iter().position(|column| column.name == name);
        let [reference, value] = self.exact;
        match value.cmp(&reference) {
            Ordering::Equal => Verdict::Same,
            _ if place(name) < place("hits") || NEITHER.contains(&name) => Verdict::Differs,
            change if (change == Ordering::Greater) == MORE_IS_BETTER.contains(&name) => {
                Verdict::Better
            }
            _ => Verdict::Worse,
        }
    }

    /// Whether the value differs by more than a percentage of the reference. Rounds nothing.
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
    /// Cells that not all have: the cell, and the indices of those that have it.
    pub partial: Vec<(String, Vec<usize>)>,
    /// Cells that were not replayed to their end, which are left out: the cell and the side.
    pub unfinished: Vec<(String, usize)>,
}

/// The rows of all files divided into sides by the parts of [`BY`], in the order of the rows. A cell
/// that several files have with the same counts is taken once: what an option cannot change, as
/// reference bits of a trace of ids, every run has alike.
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

/// The traces that are not the same on all sides: for each a sentence.
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
            let short = digest.get(..8).unwrap_or(digest);
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

/// Compares the sides with one of them.
///
/// # Errors
/// Two rows of one side are the same cell: which.
pub fn compare(
    sides: &[Side],
    reference: usize,
    by: &[Part],
    metrics: &[&'static Column],
) -> Result<Comparison, String> {
    let key_of = |row: &Row| row.identity().without(by).without(&[Part::Digest]);
    let mut found = Comparison::default();
    // The cells in the order of the rows, those of the reference first.
    let mut order: Vec<Identity> = Vec::new();
    let mut cells: BTreeMap<Identity, Vec<Option<&Row>>> = BTreeMap::new();
    let others = (0..sides.len()).filter(|&side| side != reference);
    for side in std::iter::once(reference).chain(others) {
        for row in &sides[side].rows {
            let key = key_of(row);
            if !row.is_ok() {
                found.unfinished.push((key.name(), side));
                continue;
            }
            let rows = cells.entry(key.clone()).or_insert_with(|| {
                order.push(key.clone());
                vec![None; sides.len()]
            });
            if rows[side].replace(row).is_some() {
                let name = &sides[side].name;
                return Err(format!("{name}: two rows of one cell: {}", key.name()));
            }
        }
    }
    for key in &order {
        let rows = &cells[key];
        if rows.iter().any(Option::is_none) {
            let have: Vec<usize> = (0..sides.len())
                .filter(|&side| rows[side].is_some())
                .collect();
            found.partial.push((key.name(), have));
        }
    }
    for &metric in metrics {
        for (key, rows) in order.iter().map(|key| (key, &cells[key])) {
            let Some(reference) = rows[reference] else {
                continue;
            };
            for (side, row) in rows.iter().enumerate() {
                let Some(row) = row.filter(|row| !std::ptr::eq(*row, reference)) else {
                    continue;
                };
                let exact = exact::both(metric, [reference, row]);
                if let (Some(before), Some(value), Some(exact)) =
                    ((metric.number)(reference), (metric.number)(row), exact)
                {
                    found.pairs.push(Pair {
                        metric,
                        cell: key.name(),
                        side,
                        reference: before,
                        value,
                        exact,
                    });
                }
            }
        }
    }
    Ok(found)
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
            .map(|name| crate::report::columns::column(name).unwrap())
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
        use Verdict::{Better, Differs, Same, Worse};
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
