//! Numbers for the names in a trace (disks, files), in order of appearance.

use rustc_hash::FxHashMap;

/// Numbers names from 0, in order of appearance.
#[derive(Default)]
pub(super) struct Numbering(FxHashMap<Vec<u8>, u32>);

impl Numbering {
    /// Returns the number of `name`, which is the next one if the name is new. Returns `None` if a
    /// new name would be one of more than `max`.
    pub fn number(&mut self, name: &[u8], max: usize) -> Option<u32> {
        if let Some(&number) = self.0.get(name) {
            return Some(number);
        }
        let next = self.0.len();
        (next < max).then(|| {
            self.0.insert(name.to_vec(), next as u32);
            next as u32
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_in_order_up_to_a_limit() {
        let mut numbering = Numbering::default();
        for (name, number) in [("b", Some(0)), ("a", Some(1)), ("b", Some(0)), ("c", None)] {
            assert_eq!(numbering.number(name.as_bytes(), 2), number, "{name}");
        }
    }
}
