//! traces
pub mod codec;
pub mod error;
pub mod format;
pub mod record;
