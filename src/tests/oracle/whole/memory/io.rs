//! Pages of files that nobody maps, and reads and writes of files.

use super::super::Policy;
use super::super::chooser::Arrival;
use super::super::space::{Class, Object};
use super::{Ended, Memory};

impl Memory<'_> {
    /// All processes have all frames, and no window closes: pages can be nobody's.
    pub(super) fn is_common(&self) -> bool {
        self.options.local.is_none() && !matches!(self.options.policy, Policy::Ws(_))
    }

    /// Nobody wants an object that nobody has.
    pub(super) fn forget(&mut self, object: Object) {
        if self.objects.entry(object).or_default().frame.is_some() {
            self.counters.freed += 1;
            self.leave(object);
        }
        if let Some(slot) = self.state(object).slot {
            self.swap.used.remove(&slot);
        }
        self.objects.remove(&object);
    }

    /// A process reads or writes a page of a file.
    pub(super) fn io(
        &mut self,
        pid: u32,
        object: Option<Object>,
        write: bool,
        read: bool,
    ) -> Result<(), Ended> {
        let common = self.is_common();
        let Some(object) = object else {
            self.pass(write, read);
            return Ok(());
        };
        self.objects.entry(object).or_default();
        if self.state(object).frame.is_some() {
            self.counters.io_hits += 1;
            self.state(object).dirty |= write;
            if common {
                self.state(object).referenced = true;
                self.touch(object, false);
            }
            return Ok(());
        }
        if !common {
            self.pass(write, read);
            self.state(object).loaded = true;
            return Ok(());
        }
        if read && (self.state(object).loaded || self.classes[object] == Class::File) {
            self.read(object);
        }
        let (pool, frame, victim) = self.take_frame(pid, object, false, None)?;
        self.load(object, pool, frame, pid, Arrival::Io);
        let state = self.state(object);
        (state.dirty, state.referenced) = (write, true);
        if self.options.policy == Policy::ClockUnset {
            self.clear(object);
        }
        let written = self.evicted(victim);
        self.counters.io_loads[usize::from(written)] += 1;
        Ok(())
    }

    /// What a process is about to copy is in memory before that, if it can stay there.
    pub(super) fn original(&mut self, pid: u32, object: Object) -> Result<(), Ended> {
        self.objects.entry(object).or_default();
        if self.state(object).frame.is_some() || !self.is_common() {
            return Ok(());
        }
        let (pool, frame, victim) = self.take_frame(pid, object, false, None)?;
        self.read(object);
        self.load(object, pool, frame, pid, Arrival::Io);
        self.state(object).referenced = true;
        if self.options.policy == Policy::ClockUnset {
            self.clear(object);
        }
        let written = self.evicted(victim);
        self.counters.originals[usize::from(written)] += 1;
        self.fetched_original = true;
        Ok(())
    }

    /// A page comes in and goes at once.
    fn pass(&mut self, write: bool, read: bool) {
        self.counters.io_loads[0] += 1;
        self.counters.file_reads += usize::from(read);
        self.counters.freed += 1;
        self.counters.freed_dirty += usize::from(write);
    }
}
