//! Every table that the program writes as CSV, with its columns: what `pagebench columns` prints. Each
//! table's own module has the list that its header is made from.

use super::columns::{COLUMNS, ColumnKind};
use super::{curves, deltas, distributions, records, states, vmstat, windows};

/// A column as it is described: name, what it holds, unit, meaning.
pub type Described = (&'static str, ColumnKind, &'static str, &'static str);

/// The name of the file, and its columns in order.
type Table = (&'static str, fn() -> Vec<Described>);

/// THE table of tables.
pub const TABLES: &[Table] = &[
    ("results.csv", || {
        COLUMNS
            .iter()
            .map(|c| (c.name, c.kind, c.unit, c.about))
            .collect()
    }),
    ("windows.csv", || windows::columns().collect()),
    ("vmstat.csv", || {
        let counter = |&(name, about)| (name, ColumnKind::Count, "", about);
        let counters = vmstat::COUNTERS.iter().map(counter);
        vmstat::columns().chain(counters).collect()
    }),
    ("distributions.csv", || distributions::columns().collect()),
    ("timings.csv", || records::timing_columns().collect()),
    ("states.csv", || {
        let column = |c: &states::StatesColumn| (c.name, ColumnKind::Count, c.unit, c.about);
        states::COLUMNS.iter().map(column).collect()
    }),
    ("curve.csv", || {
        curves::COLUMNS
            .iter()
            .map(|c| (c.name, c.kind, c.unit, c.about))
            .collect()
    }),
    ("deltas.csv", || deltas::COLUMNS.to_vec()),
];

/// The columns of a table, by the name of its file.
pub fn columns_of(table: &str) -> Option<Vec<Described>> {
    let (_, columns) = TABLES.iter().find(|(name, _)| *name == table)?;
    Some(columns())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_every_table_is_defined_once() {
        for (table, columns) in TABLES {
            let columns = columns();
            for (i, (name, _, _, about)) in columns.iter().enumerate() {
                let twice = columns[..i].iter().any(|other| other.0 == *name);
                assert!(!twice, "{table}: {name}");
                assert!(about.len() > 5 && about.is_ascii(), "{table}: {name}");
            }
        }
    }
}
