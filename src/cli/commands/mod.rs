//! The subcommands, one file each.

pub(in crate::cli) mod check;
pub(in crate::cli) mod compare;
pub(in crate::cli) mod completions;
pub(in crate::cli) mod convert;
pub(in crate::cli) mod curve;
pub(in crate::cli) mod explain;
pub(in crate::cli) mod generate;
pub(in crate::cli) mod guide;
pub(in crate::cli) mod init;
pub(in crate::cli) mod inspect;
pub(in crate::cli) mod interleave;
pub(in crate::cli) mod lists;
pub(in crate::cli) mod machines;
pub(in crate::cli) mod merge;
pub(in crate::cli) mod plan;
pub(in crate::cli) mod plot;
pub(in crate::cli) mod record;
pub(in crate::cli) mod run;
pub(in crate::cli) mod translate;
pub(in crate::cli) mod vm;
