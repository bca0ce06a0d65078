//! `--unit` for every format: a reader whose addresses count another unit than those of the format
//! ([`Scaled`]). No format knows it.

use super::complaint::RUN_MAX;
use super::options::{Numbers, Unit};
use super::report::ReadReport;
use super::{Known, RecordReader};
use crate::trace::model::access::{Access, Addressing, Packed};
use crate::trace::model::error::TraceError;
use crate::trace::model::event::{Event, EventRecord};
use std::path::{Path, PathBuf};

/// Returns `inner` with numbers that count `unit`, in place of the unit of its format.
pub(super) fn scaled(
    inner: Box<dyn RecordReader>,
    path: &Path,
    numbers: &Numbers,
    unit: Unit,
) -> Box<dyn RecordReader> {
    Box::new(Scaled {
        inner,
        path: path.to_path_buf(),
        unit,
        own: numbers.unit.and_then(Unit::bytes).unwrap_or(1),
        sizes_in_bytes: numbers.sizes_in_bytes,
        events: Vec::new(),
        done: false,
    })
}

struct Scaled {
    inner: Box<dyn RecordReader>,
    path: PathBuf,
    unit: Unit,
    /// By how much the inner reader has multiplied each number.
    own: u64,
    /// True if sizes stay as they are where the inner reader has byte addresses.
    sizes_in_bytes: bool,
    /// The events of the last `fill`.
    events: Vec<EventRecord>,
    done: bool,
}

impl Scaled {
    /// Returns true if sizes are bytes: those of ids count ids.
    fn sizes_in_bytes(&self) -> bool {
        self.sizes_in_bytes && self.inner.known().addressing == Addressing::Bytes
    }

    /// Returns true if addresses and sizes stay as they are, and only their meaning changes.
    fn is_plain(&self) -> bool {
        let keeps_sizes = match self.unit {
            Unit::Page => !self.sizes_in_bytes(),
            unit => unit.bytes() == Some(1),
        };
        self.own == 1 && keeps_sizes
    }

    /// Applies the unit to one access.
    fn scale(&self, access: &mut Access, sizes_in_bytes: bool) -> Result<(), TraceError> {
        let number = access.addr / self.own;
        let size = u64::from(access.size);
        let (addr, size) = match self.unit.bytes() {
            // A size in bytes is no number of pages.
            None if sizes_in_bytes => (Some(number), Some(1)),
            None => (Some(number), Some(size)),
            Some(bytes) => {
                let scaled = size.checked_mul(bytes);
                let size = if sizes_in_bytes { Some(size) } else { scaled };
                (number.checked_mul(bytes), size)
            }
        };
        let size = size.filter(|&size| size <= RUN_MAX);
        let (Some(addr), Some(size)) = (addr, size) else {
            return Err(self.too_large(access));
        };
        if addr.checked_add(size - 1).is_none() {
            return Err(self.too_large(access));
        }
        (access.addr, access.size) = (addr, size as u32);
        Ok(())
    }

    #[cold]
    fn too_large(&self, access: &Access) -> TraceError {
        let (number, size, unit) = (access.addr / self.own, access.size, self.unit);
        let what = format!(
            "with --unit {unit} the access at {number} of size {size} is over {RUN_MAX} bytes or \
             ends beyond 64 bits"
        );
        TraceError::new(&self.path, what).help("choose a smaller --unit")
    }

    /// Errors if the events just read have addresses, which are bytes whatever the unit.
    fn check_events(&self) -> Result<(), TraceError> {
        let of_processes = |event: &Event| {
            matches!(
                event,
                Event::Fork { .. } | Event::Vfork { .. } | Event::Exec | Event::Exit
            )
        };
        let has_addresses = |record: &&EventRecord| !of_processes(&record.event);
        match self.events.iter().find(has_addresses) {
            Some(event) if self.unit.bytes() != Some(1) => {
                let what = format!(
                    "`{}` is an event with byte addresses, but --unit is {}",
                    event.event.name(),
                    self.unit
                );
                Err(TraceError::new(&self.path, what).help("leave --unit out for this trace"))
            }
            _ => Ok(()),
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl RecordReader for Scaled {
    fn fill(&mut self, batch: &mut Vec<Access>, max: usize) -> Result<bool, TraceError> {
        if self.done {
            return Ok(false);
        }
        let from = batch.len();
        self.events.clear();
        let result = self.inner.fill(batch, max);
        self.inner.take_events(&mut self.events);
        let mut outcome = self.check_events();
        if !self.is_plain() {
            let sizes_in_bytes = self.sizes_in_bytes();
            for at in from..batch.len() {
                let mut access = batch[at];
                if let Err(error) = self.scale(&mut access, sizes_in_bytes) {
                    batch.truncate(at);
                    outcome = Err(error);
                    break;
                }
                batch[at] = access;
            }
        }
        self.done = outcome.is_err();
        self.events.retain(|event| event.before <= batch.len());
        outcome?;
        result
    }

    fn fill_packed(
        &mut self,
        packed: &mut Vec<Packed>,
        batch: &mut Vec<Access>,
        max: usize,
    ) -> Result<bool, TraceError> {
        if self.has_events() || !self.is_plain() {
            return self.fill(batch, max);
        }
        self.inner.fill_packed(packed, batch, max)
    }

    fn has_events(&self) -> bool {
        self.inner.has_events()
    }

    fn take_events(&mut self, into: &mut Vec<EventRecord>) {
        into.append(&mut self.events);
    }

    fn known(&self) -> Known {
        let addressing = match self.unit {
            Unit::Page => Addressing::Ids,
            _ => Addressing::Bytes,
        };
        Known {
            addressing,
            ..self.inner.known()
        }
    }

    fn report(&self) -> ReadReport {
        ReadReport {
            unit: Some(self.unit),
            ..self.inner.report()
        }
    }
}
