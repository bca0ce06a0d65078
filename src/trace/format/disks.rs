//! The devices of a block trace, numbered in order of appearance ([`Disks`]). Knows no format.

use super::complaint::Complaint;

/// The devices of a file so far, each with two parts of a name. A search is faster than a hash: a file
/// has a few dozen at most.
pub(super) struct Disks {
    names: Vec<Vec<u8>>,
    /// Names of up to sixteen bytes looked up lately, as `Block::key` of the fast path has
    /// them, with their numbers. Each has one place; 0 is no name.
    recent: [(u128, u32); RECENT],
}

/// Places for names looked up lately; a power of two.
const RECENT: usize = 64;

/// Largest number of devices. A file with more is probably of another format.
const DISKS_MAX: usize = 4096;

impl Default for Disks {
    fn default() -> Disks {
        Disks {
            names: Vec::new(),
            recent: [(0, 0); RECENT],
        }
    }
}

impl Disks {
    /// Returns the number of the device `first,second`, which is the next one if it is new.
    ///
    /// # Errors
    ///
    /// Errors if there are too many devices.
    pub fn number(&mut self, first: &[u8], second: &[u8]) -> Result<u32, Complaint> {
        let number = self.find(first, second)?;
        let length = first.len() + 1 + second.len();
        if length <= 16 {
            let mut name = [0; 16];
            name[..length].copy_from_slice(&self.names[number as usize]);
            let key = u128::from_le_bytes(name);
            self.recent[place(key)] = (key, number);
        }
        Ok(number)
    }

    /// Returns the number of the device whose name is the key `first,second`, if it was looked up lately.
    #[inline(always)]
    pub fn recent(&self, key: u128) -> Option<u32> {
        let (known, number) = self.recent[place(key)];
        (known == key && key != 0).then_some(number)
    }

    fn find(&mut self, first: &[u8], second: &[u8]) -> Result<u32, Complaint> {
        let is = |disk: &Vec<u8>| {
            disk.strip_prefix(first).and_then(|d| d.strip_prefix(b",")) == Some(second)
        };
        if let Some(known) = self.names.iter().position(is) {
            return Ok(known as u32);
        }
        if self.names.len() >= DISKS_MAX {
            return Err(format!("more than {DISKS_MAX} different hosts and disks").into());
        }
        self.names.push([first, b",", second].concat());
        Ok(self.names.len() as u32 - 1)
    }
}

/// Returns the place of a name among those looked up lately.
#[inline(always)]
fn place(key: u128) -> usize {
    let key = (key ^ key >> 64) as u64;
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize % RECENT
}
