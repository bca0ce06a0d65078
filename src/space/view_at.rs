//! The view of a resolution under way: processes, mappings and bindings as they are now.

use super::process::{Process, State};
use super::resolver::Resolver;
use super::{EntryId, ProcessView, SpaceAt};

impl Resolver<'_> {
    /// Returns processes, mappings and bindings as they are now.
    pub fn view(&self) -> SpaceAt {
        let appeared = |(_, process): &(usize, &Process)| process.state != State::Unborn;
        let bound = |process: &Process| {
            let one = |(&page, &entry): (&u64, &EntryId)| {
                let at = entry as usize;
                (page, entry, self.object[at], self.binding[at])
            };
            process.bound.iter().map(one).collect()
        };
        SpaceAt {
            position: self.legal,
            ops: self.space.ops.len(),
            processes: self
                .processes
                .iter()
                .enumerate()
                .filter(appeared)
                .map(|(index, process)| ProcessView {
                    process: index as u32,
                    state: process.state.name(),
                    vmas: process.vmas.all().cloned().collect(),
                    bound: bound(process),
                })
                .collect(),
            owners: self.owners.clone(),
            unowned: self.files.pages(),
        }
    }
}
