//! The other tables that commands write, one file each.

pub mod changes_csv;
pub mod curve_csv;
pub mod curves_text;
pub mod distributions;
pub mod list;
pub mod memory_csv;
pub mod states_csv;
pub mod vmstat;
pub mod windows_csv;
