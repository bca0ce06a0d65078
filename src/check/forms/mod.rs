//! The forms in which a verdict leaves the program, one file each.

pub mod annotations;
pub mod json;
pub mod junit;
pub mod markdown;
