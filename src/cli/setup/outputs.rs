//! The tables of a run's folder, each file whole or absent. `folder` decides which folder that may be.

use super::failure::Failure;
use crate::report::results::cells_jsonl;
use crate::report::results::cells_jsonl::Record;
use crate::report::results::columns::Row;
use crate::report::results::results_csv::{read_rows, to_csv, write_file};
use std::path::Path;

/// Writes the tables of finished cells; returns the rows as they are read back. `distributions.csv` is
/// written only if every count was computed.
pub fn write_tables(folder: &Path, records: &[Record]) -> Result<Vec<Row>, Failure> {
    let results = folder.join("results.csv");
    write_file(&results, &to_csv(&cells_jsonl::rows(records)))?;
    // A cell without frames never has all columns.
    let is_whole = |record: &Record| {
        let row = &record.row;
        row.counts.is_all() || !row.model.is_empty() && !record.distributions.is_empty()
    };
    if records.iter().all(is_whole) {
        let table = cells_jsonl::distributions(records);
        write_file(&folder.join("distributions.csv"), &table)?;
    }
    if let Some(table) = cells_jsonl::vmstat(records) {
        write_file(&folder.join("vmstat.csv"), &table)?;
    }
    write_file(&folder.join("timings.csv"), &cells_jsonl::timings(records))?;
    Ok(read_rows(&results)?)
}
