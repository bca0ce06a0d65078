//! What a reader did with a file besides reading accesses ([`ReadReport`]): the columns it used and
//! ignored, and the lines it dropped. `cli` prints it with every trace.
//!
//! Does not know formats, and prints nothing.

use super::options::{Base, Unit};
use crate::units::counted;

/// How a file was read, and what of it was dropped.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadReport {
    /// What separates the columns, as in a message: `","`, `TAB`, `blanks`; `None` if there are no
    /// columns.
    pub delimiter: Option<String>,
    /// Whether the first line is a header; `None` if the format has none.
    pub header: Option<bool>,
    /// The base of numbers without `0x`; `None` for a binary format.
    pub base: Option<Base>,
    /// What one number counts; `None` if the format has units of its own.
    pub unit: Option<Unit>,
    /// True if places are text keys, which have neither base nor unit.
    pub text_keys: bool,
    /// The columns that are read, each as `role=column`.
    pub used: Vec<String>,
    /// The columns that are not read, by name or number.
    pub ignored: Vec<String>,
    /// Records dropped by kind, which is in the singular: `comment`, `escape record`. Bad records are
    /// not among them (see [`Known::skipped`](super::Known::skipped)).
    pub dropped: Vec<(&'static str, u64)>,
    /// Anything else worth saying, each a lowercase fragment.
    pub notes: Vec<String>,
}

impl ReadReport {
    /// Counts one more dropped record of this kind.
    pub(super) fn drop_one(dropped: &mut Vec<(&'static str, u64)>, kind: &'static str) {
        // Most often the same literal.
        let is = |known: &str| std::ptr::eq(known, kind) || known == kind;
        match dropped.iter_mut().find(|(known, _)| is(known)) {
            Some((_, count)) => *count += 1,
            None => dropped.push((kind, 1)),
        }
    }

    /// Returns the parts of the line about a file, in the order of reading; empty for a format that
    /// leaves nothing to say.
    pub fn parts(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if let Some(delimiter) = &self.delimiter {
            parts.push(format!("columns by {delimiter}"));
        }
        match self.header {
            Some(true) => parts.push("with a header line".into()),
            Some(false) => parts.push("without a header line".into()),
            None => {}
        }
        let base = self.base.map(|base| format!("{} ", base.word()));
        let base = base.unwrap_or_default();
        match self.unit {
            _ if self.text_keys => parts.push("text keys".into()),
            Some(Unit::Byte) => parts.push(format!("{base}byte addresses")),
            Some(Unit::Page) => parts.push(format!("{base}page ids")),
            Some(Unit::Sector) => parts.push(format!("{base}sectors of 512 bytes")),
            Some(Unit::Bytes(bytes)) => parts.push(format!("{base}units of {bytes} bytes")),
            None if self.base.is_some() => parts.push(format!("{base}numbers")),
            None => {}
        }
        if !self.used.is_empty() {
            parts.push(format!("reads {}", self.used.join(" ")));
        }
        if !self.ignored.is_empty() {
            parts.push(format!("ignores {}", self.ignored.join(" ")));
        }
        parts.extend(self.notes.iter().cloned());
        let dropped = self.dropped.iter().filter(|(_, count)| *count > 0);
        let dropped: Vec<String> = dropped.map(|&(kind, count)| counted(count, kind)).collect();
        if !dropped.is_empty() {
            parts.push(format!("{} dropped", dropped.join(" and ")));
        }
        parts
    }
}
