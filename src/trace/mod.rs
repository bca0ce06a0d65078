//! traces
pub mod error;
pub mod format;
pub mod record;
