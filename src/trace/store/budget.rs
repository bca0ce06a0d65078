//! How much memory the words of a file may take before they are verified: any file could claim, or be
//! compressed from, a million times its size.
//!
//! Writer and reader share this: what is written can be read. Knows nothing of where columns are.

use super::{TAG_EVENTS, TAG_INDEX, TAG_META, TAG_NUMBERS, TAG_PIDS, TAG_PROCESSES};
use crate::trace::model::event::EventAt;
use crate::units::show_bytes;

/// Bytes that are allowed whatever the file.
const ANYWAY: u64 = 64 << 20;
/// Bytes that are allowed for each byte of the file.
const TIMES: u64 = 64;

/// The memory that is left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    allowed: u64,
    left: u64,
}

impl Budget {
    /// Returns the budget of a file of `file_bytes`.
    pub fn of(file_bytes: u64) -> Budget {
        let allowed = file_bytes.saturating_mul(TIMES).saturating_add(ANYWAY);
        Budget {
            allowed,
            left: allowed,
        }
    }

    /// Takes `bytes` for `what`. Errors if fewer are left; the message names both.
    pub fn take(&mut self, bytes: u64, what: &str) -> Result<(), String> {
        let allowed = show_bytes(self.allowed);
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            format!("{what} would take more memory than its size allows ({allowed})")
        })?;
        Ok(())
    }
}

/// Returns an upper bound of the memory that a footer column of `bytes` unpacked bytes takes until the
/// trace is opened: itself, joined with others, and decoded. [`event_bytes`] come on top.
pub(super) fn footer_bytes(tag: u16, bytes: u64) -> u64 {
    let times = match tag {
        // Strings of JSON are unpacked once more. A process id also gets an entry in a table.
        TAG_META | TAG_PIDS => 8,
        TAG_PROCESSES => 2,
        // 8 bytes become 16.
        TAG_NUMBERS | TAG_INDEX => 4,
        TAG_EVENTS => 3,
        _ => 0,
    };
    bytes.saturating_mul(times)
}

/// Returns the memory that the events of `text` take, one a line.
pub(super) fn event_bytes(text: &[u8]) -> u64 {
    let lines = memchr::memchr_iter(b'\n', text).count();
    (lines * size_of::<EventAt>()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_used_up_once() {
        let mut budget = Budget::of(10);
        budget.take(64 << 20, "it").unwrap();
        budget.take(640, "it").unwrap();
        let what = budget.take(1, "its footer").unwrap_err();
        assert!(what.starts_with("its footer would take more memory than its size allows (64"));
        Budget::of(u64::MAX).take(u64::MAX, "it").unwrap();
    }
}
