//! x
pub mod exit;
pub mod report;
pub mod trace;
pub mod units;
