//! A number that changes now and then, by position among the legal references. Knows nothing of
//! what it counts.

/// The values of a number, each from its position on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline(Vec<(u64, u64)>);

impl Timeline {
    /// From a position on, which is none before the last one, the number is this.
    pub(super) fn set(&mut self, position: u64, value: u64) {
        match self.0.last_mut() {
            Some(last) if last.0 == position => last.1 = value,
            _ => self.0.push((position, value)),
        }
    }

    /// The number after the first `position` references, before the events that follow them; 0
    /// where nothing set it.
    pub fn after(&self, position: u64) -> u64 {
        let changes = self.0.partition_point(|&(from, _)| from < position);
        changes.checked_sub(1).map_or(0, |last| self.0[last].1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OnSegfault, Options, resolve_at};
    use super::*;
    use crate::trace::source::{self, LoadOptions};
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
        line.set(0, 9);
        line.set(0, 3);
        line.set(2, 5);
        assert_eq!(
            [0, 1, 2, 3, 99].map(|at| line.after(at)),
            [0, 3, 3, 5, 5],
            "events at 0 and 2 belong to the references behind them"
        );
        assert_eq!(line.0.len(), 2);
    }
}
