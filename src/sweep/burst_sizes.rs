//! Which bursts a cell is replayed by. Measured, and for speed only: the counts are the same.

use crate::policy::{HitDelivery, Spec};
use crate::trace::bursts::{Bursts, BurstsView, SIZES};

/// Returns the bursts by which a policy with `frames` frames (as many as pages, if `None`) is best
/// replayed; `None` if by references. For speed only: the counts are the same.
pub fn choose_bursts<'t>(
    spec: &Spec,
    frames: Option<u32>,
    tau: u64,
    bursts: &'t Bursts,
) -> Option<BurstsView<'t>> {
    let mean_length = |k| bursts.of(k).columns.mean_length();
    Some(bursts.of(choose_burst_size(spec, frames, tau, mean_length)?))
}

/// Returns the size of the bursts that [`choose_bursts`] chooses. `mean_length(k)` is the mean number of
/// references of a burst of at most `k` pages.
pub fn choose_burst_size(
    spec: &Spec,
    frames: Option<u32>,
    tau: u64,
    mean_length: impl Fn(usize) -> u64,
) -> Option<usize> {
    let frames = frames.map_or(usize::MAX, |frames| frames as usize);
    // Small bursts are looked at often, large ones have a fault nearly always.
    match spec.bursts {
        HitDelivery::Never => None,
        HitDelivery::SetBits | HitDelivery::SetBitsAlone | HitDelivery::OrderOfHits => {
            Some(match frames {
                0..150 => 16,
                150..600 => 32,
                _ => 64,
            })
        }
        HitDelivery::Order => SIZES.into_iter().rfind(|&k| k <= frames),
        HitDelivery::Windows => {
            // Bursts longer than the window are replayed by references.
            let short = |k| k == SIZES[0] || mean_length(k) * 4 <= tau;
            SIZES.into_iter().rfind(|&k| k <= frames && short(k))
        }
    }
}
