//! The devices of a block trace, numbered in order of appearance ([`Disks`]). Knows no format.

use super::complaint::Complaint;

/// The devices of a file so far, each with two parts of a name. A search is faster than a hash: a file
/// has a few dozen at most.
#[derive(Default)]
pub(super) struct Disks(Vec<Vec<u8>>);

/// Largest number of devices. A file with more is probably of another format.
const DISKS_MAX: usize = 4096;

impl Disks {
    /// Returns the number of the device `first,second`, which is the next one if it is new.
    ///
    /// # Errors
    ///
    /// Errors if there are too many devices.
    pub fn number(&mut self, first: &[u8], second: &[u8]) -> Result<u32, Complaint> {
        let is = |disk: &Vec<u8>| {
            disk.strip_prefix(first).and_then(|d| d.strip_prefix(b",")) == Some(second)
        };
        if let Some(known) = self.0.iter().position(is) {
            return Ok(known as u32);
        }
        if self.0.len() >= DISKS_MAX {
            return Err(format!("more than {DISKS_MAX} different hosts and disks").into());
        }
        self.0.push([first, b",", second].concat());
        Ok(self.0.len() as u32 - 1)
    }
}
