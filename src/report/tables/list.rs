//! Every table that the program writes as CSV, with its columns, as `pagebench columns` prints them.
//! Each table's own module has the list that its header is made from.

use super::{changes_csv, curve_csv, distributions, memory_csv, states_csv, vmstat, windows_csv};
use crate::report::results::column::{Column, ColumnKind};
use crate::report::results::{cells_jsonl, columns};

pub use crate::report::results::column::Described;

/// The name of the file, and its columns in order.
type Table = (&'static str, fn() -> Vec<Described>);

/// THE table of tables.
pub const TABLES: &[Table] = &[
    ("results.csv", || all_of(columns::COLUMNS)),
    ("windows.csv", || windows_csv::columns().collect()),
    ("vmstat.csv", || {
        let counter = |&(name, about)| (name, ColumnKind::Count, "", about);
        let counters = vmstat::COUNTERS.iter().map(counter);
        vmstat::columns().chain(counters).collect()
    }),
    ("distributions.csv", || distributions::columns().collect()),
    ("timings.csv", || cells_jsonl::timing_columns().collect()),
    ("states.csv", || all_of(states_csv::COLUMNS)),
    ("memory.csv", || all_of(memory_csv::COLUMNS)),
    ("curve.csv", || all_of(curve_csv::COLUMNS)),
    ("deltas.csv", || all_of(changes_csv::COLUMNS)),
];

fn all_of<R>(columns: &[Column<R>]) -> Vec<Described> {
    columns.iter().map(Column::described).collect()
}

/// Returns the columns of a table, by the name of its file.
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
