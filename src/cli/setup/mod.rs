//! What commands share on the way from arguments to a job and from results to files.

pub(in crate::cli) mod cache;
pub(in crate::cli) mod chart_files;
pub(in crate::cli) mod defaults;
pub(in crate::cli) mod experiment;
pub(in crate::cli) mod failure;
pub(in crate::cli) mod folder;
pub(in crate::cli) mod host;
pub(in crate::cli) mod input;
pub(in crate::cli) mod job;
pub(in crate::cli) mod manifest;
pub(in crate::cli) mod output_file;
pub(in crate::cli) mod outputs;
pub(in crate::cli) mod over_windows;
pub(in crate::cli) mod page_tables;
pub(in crate::cli) mod progress;
pub(in crate::cli) mod replay;
pub(in crate::cli) mod signals;
pub(in crate::cli) mod terminal;
