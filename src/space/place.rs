//! Where in a trace an error lies, in words.

use crate::trace::model::event::EventAt;
use std::fmt;

/// The place of an error.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'e> {
    /// An event.
    Event(&'e EventAt),
    /// Before the reference at a position of the trace.
    Before(u64),
    /// The reference at a position of the trace.
    Reference(u64),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Event(at) => {
                if at.line > 0 {
                    write!(f, "line {}, ", at.line)?;
                }
                Place::Before(at.position).fmt(f)
            }
            Place::Before(position) => write!(f, "before position {position}"),
            Place::Reference(position) => write!(f, "position {position}"),
        }
    }
}
