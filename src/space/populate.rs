//! Pages that come in at a call (MAP_POPULATE, MADV_POPULATE_READ, MADV_POPULATE_WRITE): each page is
//! bound, and copied if it must be, as a reference would do it. Knows nothing of references.
//!
//! As Linux does, the call goes through the range from its start and ends at the first page that no
//! mapping has, that its mapping does not allow to be read (or written), or that begins beyond the end
//! of its file. A stack does not grow.

use super::kinds::Kinds;
use super::place::Place;
use super::references::kinds_of_all;
use super::resolver::Resolver;
use super::{Op, SpaceError};
use crate::trace::model::access::Kind;
use crate::trace::model::event::{EventAt, USER_END};
use crate::trace::model::refs::PageKey;
use std::ops::Range;

/// The most pages that one event populates.
const POPULATE_MAX: u64 = 1 << 20;

impl Resolver<'_> {
    /// Resolves an event that populates `range`.
    pub fn populate(
        &mut self,
        at: &EventAt,
        range: &Range<u64>,
        write: bool,
    ) -> Result<(), SpaceError> {
        let process = at.process;
        let kind = if write { Kind::Write } else { Kind::Read };
        let numbers = range.start >> self.shift..self.first_page_from(range.end);
        let count = numbers.end - numbers.start;
        if count > POPULATE_MAX {
            let what = format!(
                "populates {count} pages; one event populates {POPULATE_MAX} pages at most"
            );
            return Err(SpaceError {
                help: "split the event into several ranges",
                ..self.fail(Place::Event(at), what)
            });
        }
        let first = numbers.start;
        for number in numbers {
            if self.strict && !self.can_populate(process, number, kind) {
                self.tally.idle_events += u64::from(number == first);
                break;
            }
            let key = PageKey { process, number };
            let entry = self.entry(key)?;
            let ops = self.space.ops.len();
            self.comes_in = true;
            self.bind_for(entry, key, kind)?;
            let copied = self.space.ops[ops..].last();
            if !copied.is_some_and(|at| matches!(at.op, Op::PopulateCopy { .. })) {
                self.push(Op::Populate { entry, write });
            }
            self.came_in();
        }
        Ok(())
    }

    /// Returns whether the mappings of a page allow `kind`, and its file reaches to it.
    fn can_populate(&self, process: u32, number: u64, kind: Kind) -> bool {
        let bytes = self.bytes_of(number);
        let mut vmas = self.processes[process as usize]
            .vmas
            .over(&bytes)
            .peekable();
        let Some(vma) = vmas.peek().filter(|_| bytes.start < USER_END) else {
            return false;
        };
        !vma.is_beyond_eof(bytes.start) && kinds_of_all(vmas).has_all(Kinds::of(kind))
    }
}
