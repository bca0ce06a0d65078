//! Swap: a dirty page that leaves memory is written to its slot, which it gets the first time and
//! keeps. A refill reads the slot if the page has one and the original otherwise. A clean page that
//! leaves costs nothing: its slot or its original still holds it.

use super::{Page, Run};

/// Traffic with the swap device. Refills that read an original are not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SwapRun {
    /// Pages written to their slots.
    pub writes: u64,
    /// Pages read from their slots.
    pub reads: u64,
    /// Slots given out.
    pub slots: u64,
}

/// What the pages that `run` moves in and out do to the swap device.
pub fn swap(run: &Run) -> SwapRun {
    let (mut writes, mut reads) = (0, 0);
    let mut slots: Vec<Page> = Vec::new();
    let mut leave = |slots: &mut Vec<Page>, page: Page, dirty: bool| {
        if dirty {
            writes += 1;
            if !slots.contains(&page) {
                slots.push(page);
            }
        }
    };
    let mut expired = run.expired.iter().peekable();
    for fault in &run.faults {
        // Pages expire after the reference at their position, so after a fault there.
        while let Some(expiry) = expired.next_if(|expiry| expiry.at < fault.at) {
            leave(&mut slots, expiry.page, expiry.dirty);
        }
        if let Some((victim, dirty)) = fault.victim {
            leave(&mut slots, victim, dirty);
        }
        reads += u64::from(fault.refill && slots.contains(&fault.page));
    }
    for expiry in expired {
        leave(&mut slots, expiry.page, expiry.dirty);
    }
    SwapRun {
        writes,
        reads,
        slots: slots.len() as u64,
    }
}
