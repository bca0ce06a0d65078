//! How long a plan is likely to take.

use super::{Engine, Plan, by_curves};
use crate::policy::HitDelivery;

/// Units of [`Plan::effort`] that a core does in a second, by bursts and by single references: orders
/// of magnitude, from the tables of the guide's chapter on speed.
const EFFORT_BY_BURSTS: f64 = 1.5e9;
const EFFORT_BY_REFERENCES: f64 = 8e7;

impl Plan<'_> {
    /// Guesses how many seconds the plan takes on `threads` threads, from the speed of common
    /// hardware. May be wrong by a factor of several. Encodes the bursts of each trace to judge its
    /// locality.
    pub fn guessed_seconds(&self, threads: usize) -> f64 {
        let seconds = |cell: usize| {
            let resolved = self.traces[self.cells[cell].trace];
            let local = self.settings.engine == Engine::Auto && resolved.bursts().is_some();
            let by_bursts = local && self.cells[cell].choice.spec().bursts != HitDelivery::Never;
            let speed = if by_bursts {
                EFFORT_BY_BURSTS
            } else {
                EFFORT_BY_REFERENCES
            };
            self.effort(cell) as f64 / speed
        };
        let mut all: Vec<f64> = (0..self.cells.len()).map(seconds).collect();
        // A pass of a curve takes about as long as the replay of one cell by references.
        for pass in by_curves::passes(self) {
            let each = self.effort(pass.cells[0]) as f64 / EFFORT_BY_REFERENCES;
            for &cell in &pass.cells {
                all[cell] = each / pass.cells.len() as f64;
            }
        }
        // A plan takes at least as long as its longest cell.
        let longest = all.iter().copied().fold(0.0, f64::max);
        longest.max(all.iter().sum::<f64>() / threads.max(1) as f64)
    }
}
