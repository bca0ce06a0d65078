//! What commands share on the way from arguments to a job and from results to files.

pub(super) mod cache;
pub(super) mod chart_files;
pub(super) mod defaults;
pub(super) mod experiment;
pub(super) mod failure;
pub(super) mod folder;
pub(super) mod host;
pub(super) mod input;
pub(super) mod job;
pub(super) mod manifest;
pub(super) mod miss_files;
pub(super) mod output_file;
pub(super) mod outputs;
pub(super) mod over_windows;
pub(super) mod own_files;
pub(super) mod page_tables;
pub(super) mod paths;
pub(super) mod progress;
pub(super) mod reading;
pub(super) mod replay;
pub(super) mod signals;
pub(super) mod terminal;
