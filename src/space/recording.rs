//! The record of changes of mappings, while a trace is resolved. Knows nothing of what they mean.

use super::changes::{Change, ChangeAt};
use super::resolver::Resolver;

impl Resolver<'_> {
    /// Records a change, if changes are recorded.
    pub(super) fn change(&mut self, process: u32, change: impl FnOnce() -> Change) {
        if self.options.changes {
            self.space.changes.push(ChangeAt {
                position: self.legal,
                cause: self.causes,
                process,
                change: change(),
            });
        }
    }
}
