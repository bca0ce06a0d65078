//! x
pub mod exit;
pub mod policy;
pub mod report;
pub mod sweep;
pub mod trace;
pub mod units;
pub mod vm;
