//! What comes out: THE column table, result rows to CSV and back, the terminal table, summaries
//! and charts. Charts are drawn from rows that were read back from the CSV, so they cannot
//! disagree with it.
//!
//! Deliberately absent: traces, policies and how counts come about.

pub mod chart;
pub mod column;
pub mod columns;
pub mod counts;
pub mod csv;
pub mod curve_table;
pub mod curves;
pub mod deltas;
pub mod distributions;
pub mod exact;
pub mod explain;
pub mod file;
pub mod markdown;
pub mod plan_file;
pub mod records;
pub mod rows;
pub mod states;
pub mod summary;
pub mod table;
pub mod tables;
pub mod vmstat;
pub mod windows;
pub mod xml;
