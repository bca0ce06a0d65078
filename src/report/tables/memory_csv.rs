//! `memory.csv`: what lies where in a memory without frames, at many positions of one trace, written and
//! read back. THE column table of memory maps.

use crate::report::results::column::{TableRow, table};
use crate::report::results::results_csv::{TableError, read, read_table, rows_to_csv};
use std::path::Path;

table! {
    /// One item of memory after `position` references: a segment, or a hole. The fields are the columns
    /// of [`COLUMNS`], in order, where each is defined.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct MemoryRow {}
    /// Every column of `memory.csv`, in order.
    pub const COLUMNS;
    position: u64, "references", "legal references before, and all events that precede the next one";
    start: u64, "bytes", "first byte in memory";
    end: u64, "bytes", "first byte behind it";
    pid: Option<u64>, "", "process that has the segment, the first of several; empty for a hole";
    address: Option<u64>, "bytes", "its first address in that process; empty for a hole";
}

impl TableRow for MemoryRow {}

/// Returns the rows as CSV text.
pub fn to_csv(rows: &[MemoryRow]) -> Vec<u8> {
    rows_to_csv(COLUMNS, rows)
}

/// Reads the rows of a file.
///
/// # Errors
///
/// Errors if the file cannot be read, the header is another one, or a field is not a count.
pub fn read_rows(path: &Path) -> Result<Vec<MemoryRow>, TableError> {
    read_table(path, &read(path)?, "memory", COLUMNS)
}
