//! The tables of a run's folder, each file whole or absent. `folder` decides which folder that may be.

use super::failure::Failure;
use super::own_files::write_table;
use crate::report::results::cells_jsonl;
use crate::report::results::cells_jsonl::Record;
use crate::report::results::columns::Row;
use crate::report::results::results_csv::{read_rows, to_csv};
use std::path::Path;

/// Writes the tables of finished cells; returns the rows as they are read back. `distributions.csv` is
/// written only if every count was computed.
pub fn write_tables(folder: &Path, records: &[Record]) -> Result<Vec<Row>, Failure> {
    write_table(folder, "results.csv", &to_csv(&cells_jsonl::rows(records)))?;
    // A cell without frames never has all columns.
    let is_whole = |record: &Record| {
        let row = &record.row;
        row.counts.is_all() || !row.model.is_empty() && !record.distributions.is_empty()
    };
    if records.iter().all(is_whole) {
        let table = cells_jsonl::distributions(records);
        write_table(folder, "distributions.csv", &table)?;
    }
    if let Some(table) = cells_jsonl::vmstat(records) {
        write_table(folder, "vmstat.csv", &table)?;
    }
    write_table(folder, "timings.csv", &cells_jsonl::timings(records))?;
    Ok(read_rows(&folder.join("results.csv"))?)
}
