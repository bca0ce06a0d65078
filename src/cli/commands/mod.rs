//! The subcommands, one file each.

pub(super) mod check;
pub(super) mod compare;
pub(super) mod completions;
pub(super) mod convert;
pub(super) mod curve;
pub(super) mod explain;
pub(super) mod generate;
pub(super) mod guide;
pub(super) mod init;
pub(super) mod inspect;
pub(super) mod interleave;
pub(super) mod lists;
pub(super) mod machines;
pub(super) mod merge;
pub(super) mod plan;
pub(super) mod plot;
pub(super) mod record;
pub(super) mod run;
pub(super) mod translate;
pub(super) mod vm;
