//! A number that changes now and then, by moments between and during the legal references. Knows
//! nothing of what it counts.

/// A moment of a resolution, in order of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Twice the legal references before; one more for what a legal reference itself does.
    place: u64,
    /// The ops before.
    ops: u64,
}

impl Moment {
    /// Creates the moment after `legal` legal references and `ops` ops; `in_reference`: during the
    /// next legal reference, else before it.
    pub(super) fn new(legal: u64, ops: usize, in_reference: bool) -> Moment {
        Moment {
            place: 2 * legal + u64::from(in_reference),
            ops: ops as u64,
        }
    }
}

/// Where a replay ended before the last reference of its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The legal references before.
    pub legal: u64,
    /// The ops done: all that precede the reference, or the op, that could not be served. `None` if
    /// the replay ended right after a reference, before the events that follow it.
    pub ops: Option<u64>,
}

impl End {
    /// Returns whether `moment` is before the end.
    fn is_after(self, moment: Moment) -> bool {
        match self.ops {
            None => moment.place < 2 * self.legal,
            Some(ops) => moment.place <= 2 * self.legal && moment.ops <= ops,
        }
    }
}

/// The values of a number, each from its moment on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline<T = u64>(Vec<(Moment, T)>);

impl<T: Copy + Default> Timeline<T> {
    /// Sets the number from the moment `at` on, which is not before the last one.
    pub(super) fn set(&mut self, at: Moment, value: T) {
        match self.0.last_mut() {
            Some(last) if last.0 == at => last.1 = value,
            _ => self.0.push((at, value)),
        }
    }

    /// Moves changes that were made during a reference, which turned out to be illegal, to between
    /// references.
    pub(super) fn is_illegal(&mut self, at: Moment) {
        for last in self.0.iter_mut().rev() {
            if last.0.place <= at.place {
                break;
            }
            last.0.place = at.place;
        }
    }

    /// Returns the number after the first `position` references, before the events that follow
    /// them. Zero before the first change.
    pub fn after(&self, position: u64) -> T {
        self.at(End {
            legal: position,
            ops: None,
        })
    }

    /// Returns the number after the last change.
    pub fn last(&self) -> T {
        self.0.last().map_or(T::default(), |last| last.1)
    }

    /// Returns the number at the end of a replay.
    pub fn at(&self, end: End) -> T {
        let changes = self.0.partition_point(|&(moment, _)| end.is_after(moment));
        changes
            .checked_sub(1)
            .map_or(T::default(), |last| self.0[last].1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OnSegfault, Options, resolve_at};
    use super::*;
    use crate::trace::model::source;
    use crate::trace::model::source::LoadOptions;
    use std::path::Path;

    /// At every position of a trace the numbers are those that the processes there add up to.
    #[test]
    fn the_numbers_are_those_of_the_processes() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tests/data/family.trace");
        let load = || source::load(Path::new(file), &LoadOptions::default()).unwrap();
        let options = Options {
            on_segfault: OnSegfault::Skip,
            ..Options::default()
        };
        let mut most = (0, 0);
        for at in 0..load().len() as u64 {
            let (resolved, view) = resolve_at(load(), &options, Some(at)).unwrap();
            let (space, view) = (resolved.space.unwrap(), view.unwrap());
            let vmas = view.processes.iter().flat_map(|process| &process.vmas);
            let mapped = vmas.map(|vma| vma.bytes() / 4096).sum();
            let touched = view.processes.iter().map(|p| p.bound.len() as u64).sum();
            assert_eq!(space.mapped.after(view.position), mapped, "{at}");
            assert_eq!(space.touched.after(view.position), touched, "{at}");
            most = most.max((mapped, touched));
        }
        assert_eq!(most, (15, 10));
    }

    #[test]
    fn what_a_position_sets_is_there_after_its_reference() {
        let mut line = Timeline::default();
        let event = |legal| Moment::new(legal, 0, false);
        line.set(event(0), 9);
        line.set(event(0), 3);
        line.set(event(2), 5);
        assert_eq!(
            [0, 1, 2, 3, 99].map(|at| line.after(at)),
            [0, 3, 3, 5, 5],
            "events at 0 and 2 belong to the references behind them"
        );
        assert_eq!(line.0.len(), 2);
    }

    /// Two events without ops before an event with two, all before reference 4, which binds a page.
    #[test]
    fn an_end_is_behind_what_was_done() {
        let mut line = Timeline::default();
        for (moment, value) in [
            (Moment::new(3, 7, true), 1),
            (Moment::new(4, 7, false), 2),
            (Moment::new(4, 9, false), 3),
            (Moment::new(4, 9, true), 4),
        ] {
            line.set(moment, value);
        }
        let at = |line: &Timeline, legal, ops| line.at(End { legal, ops });
        assert_eq!(at(&line, 4, None), 1, "right after reference 3");
        assert_eq!(
            [6, 7, 8, 9].map(|ops| at(&line, 4, Some(ops))),
            [0, 2, 2, 3]
        );
        assert_eq!(at(&line, 5, None), 4);
        line.is_illegal(Moment::new(4, 9, false));
        assert_eq!(at(&line, 4, Some(9)), 4, "not by a legal reference");
    }
}
