//! FreeBSD: an active, an inactive and a laundry queue, and an activity count per page. A page
//! comes in at the tail of the active queue with a count of 5. At a fault with all frames in use:
//!
//! 1. While the inactive and laundry queues together are short of their target, pages are taken
//!    from the head of the active queue, each at most once. A referenced page gains 4 (up to 64),
//!    another loses 1; at 0 it goes to the tail of the inactive queue, else to the tail of the
//!    active queue.
//! 2. Pages are taken from the head of the inactive queue. A referenced page gains 4, from 5 on
//!    if it had less, and goes to the tail of the active queue, a clean one leaves, a dirty one goes to the tail of the laundry
//!    queue.
//! 3. If none has left, the same for the laundry queue, where the first page not referenced leaves.
//!
//! If none has left yet, all starts again. A page looked at loses its reference bit.
//!
//! FreeBSD, sys/vm/vm_pageout.c (`vm_pageout_scan_active`, `vm_pageout_scan_inactive`,
//! `vm_pageout_launder`).

use super::{Page, Ref, Run};

struct Frame {
    page: Page,
    dirty: bool,
    referenced: bool,
    activity: u32,
}

/// Replays `refs` in `frames` frames; `inactive_ppm` is the target's part of them in millionths.
pub fn freebsd(refs: &[Ref], frames: usize, inactive_ppm: u64) -> (Run, Vec<(&'static str, u64)>) {
    assert!(frames > 0 && inactive_ppm <= 1_000_000);
    let target = (frames as u128 * u128::from(inactive_ppm) / 1_000_000).max(1) as usize;
    let (mut scan, mut steal, mut refill, mut activate, mut deactivate) = (0, 0, 0, 0, 0);
    let mut run = Run::default();
    // The head of each queue is index 0.
    let mut active: Vec<Frame> = Vec::new();
    let mut inactive: Vec<Frame> = Vec::new();
    let mut laundry: Vec<Frame> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        let queues = active.iter_mut().chain(&mut inactive).chain(&mut laundry);
        let mut pages: Vec<&mut Frame> = queues.collect();
        let resident = pages.len();
        if let Some(frame) = pages.iter_mut().find(|frame| frame.page == r.key()) {
            frame.referenced = true;
            frame.dirty |= r.write;
            run.count_resident(resident);
            continue;
        }

        let mut victim = None;
        while resident == frames && victim.is_none() {
            for _ in 0..active.len() {
                if inactive.len() + laundry.len() >= target {
                    break;
                }
                let mut frame = active.remove(0);
                refill += 1;
                if frame.referenced {
                    reward(&mut frame);
                    active.push(frame);
                    continue;
                }
                frame.activity = frame.activity.saturating_sub(1);
                if frame.activity == 0 {
                    deactivate += 1;
                    inactive.push(frame);
                } else {
                    active.push(frame);
                }
            }
            while !inactive.is_empty() && victim.is_none() {
                let mut frame = inactive.remove(0);
                scan += 1;
                if frame.referenced {
                    frame.activity = frame.activity.max(5);
                    reward(&mut frame);
                    active.push(frame);
                    activate += 1;
                } else if frame.dirty {
                    laundry.push(frame);
                } else {
                    steal += 1;
                    victim = Some((frame.page, frame.dirty));
                }
            }
            while !laundry.is_empty() && victim.is_none() {
                let mut frame = laundry.remove(0);
                scan += 1;
                if frame.referenced {
                    frame.activity = frame.activity.max(5);
                    reward(&mut frame);
                    active.push(frame);
                    activate += 1;
                } else {
                    steal += 1;
                    victim = Some((frame.page, frame.dirty));
                }
            }
        }

        run.fault(at, r.key(), victim);
        active.push(Frame {
            page: r.key(),
            dirty: r.write,
            referenced: true,
            activity: 5,
        });
        run.count_resident(active.len() + inactive.len() + laundry.len());
    }
    let resident = active.into_iter().chain(inactive).chain(laundry);
    let counters = vec![
        ("pgscan", scan),
        ("pgsteal", steal),
        ("pgrefill", refill),
        ("pgactivate", activate),
        ("pgdeactivate", deactivate),
    ];
    (
        run.end(resident.map(|frame| (frame.page, frame.dirty))),
        counters,
    )
}

fn reward(frame: &mut Frame) {
    frame.referenced = false;
    frame.activity = 64.min(frame.activity + 4);
}
