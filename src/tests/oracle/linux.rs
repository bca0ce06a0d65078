//! Linux, the active and inactive lists with refault distances. A page comes in at the front of the
//! inactive list, pages leave from its back. A page at the back that was referenced goes to the
//! front again the first time and is noted; referenced a second time, it goes to the active list.
//! When the inactive list is too short (length * `ratio` below that of the active list, or empty)
//! up to `batch` pages move from the back of the active to the front of the inactive list,
//! referenced or not. Evictions and activations drive an age; a page that leaves leaves behind the
//! age of then, and if it comes back before the age has advanced by more than the length of the
//! active list, it goes to the active list at once. A page that was ever deactivated is part of the
//! workingset; if such a page is activated by a refault, that is a restore.
//!
//! Linux, mm/vmscan.c (`shrink_lruvec`, `folio_check_references`, `inactive_is_low`) and
//! mm/workingset.c (J. Weiner, "Refault distance-based file cache sizing", 2012-2014).

use super::{Page, Ref, Run};

struct Frame {
    page: Page,
    dirty: bool,
    /// The bit in the page table.
    accessed: bool,
    /// The page flags of the kernel.
    referenced: bool,
    workingset: bool,
}

/// What an evicted page leaves behind.
struct Shadow {
    page: Page,
    age: u64,
    workingset: bool,
}

/// Replays `refs` in `frames` frames; without a `ratio`, that of the kernel for this memory size.
pub fn linux(
    refs: &[Ref],
    frames: usize,
    ratio: Option<u64>,
    batch: u64,
) -> (Run, Vec<(&'static str, u64)>) {
    assert!(frames > 0 && ratio != Some(0) && batch > 0);
    // The square root of 10 per GiB of 4 KiB pages, rounded down, at least 1.
    let tens = 10 * (frames as u64 >> 18);
    let root = (1..).take_while(|root| root * root <= tens).last();
    let ratio = ratio.or(root).unwrap_or(1);

    let (mut scan, mut steal, mut refill, mut activate, mut deactivate) = (0, 0, 0, 0, 0);
    let (mut refault, mut refault_activate, mut restore) = (0, 0, 0);
    let mut run = Run::default();
    // The front of both lists is index 0.
    let mut active: Vec<Frame> = Vec::new();
    let mut inactive: Vec<Frame> = Vec::new();
    let mut shadows: Vec<Shadow> = Vec::new();
    let mut age = 0;
    for (at, r) in refs.iter().enumerate() {
        let mut resident = active.iter_mut().chain(&mut inactive);
        if let Some(frame) = resident.find(|frame| frame.page == r.key()) {
            frame.accessed = true;
            frame.dirty |= r.write;
            run.count_resident(active.len() + inactive.len());
            continue;
        }

        let mut victim = None;
        while active.len() + inactive.len() == frames {
            if inactive.is_empty()
                || ratio.saturating_mul(inactive.len() as u64) < active.len() as u64
            {
                for _ in 0..batch.min(active.len() as u64) {
                    let mut frame = active.pop().expect("no more pages than there are");
                    frame.accessed = false;
                    frame.workingset = true;
                    inactive.insert(0, frame);
                    refill += 1;
                    deactivate += 1;
                }
            }
            let mut frame = inactive.pop().expect("pages have just been deactivated");
            scan += 1;
            let accessed = std::mem::replace(&mut frame.accessed, false);
            let referenced = std::mem::replace(&mut frame.referenced, accessed);
            if accessed && referenced {
                active.insert(0, frame);
                age += 1;
                activate += 1;
            } else if accessed {
                inactive.insert(0, frame);
            } else {
                shadows.push(Shadow {
                    page: frame.page,
                    age,
                    workingset: frame.workingset,
                });
                age += 1;
                steal += 1;
                victim = Some((frame.page, frame.dirty));
            }
        }

        run.fault(at, r.key(), victim);
        let mut loaded = Frame {
            page: r.key(),
            dirty: r.write,
            accessed: true,
            referenced: false,
            workingset: false,
        };
        let shadow = shadows.iter().position(|shadow| shadow.page == r.key());
        let shadow = shadow.map(|index| shadows.remove(index));
        refault += u64::from(shadow.is_some());
        match shadow {
            Some(shadow) if age - shadow.age <= active.len() as u64 => {
                if shadow.workingset {
                    loaded.workingset = true;
                    restore += 1;
                }
                active.insert(0, loaded);
                age += 1;
                refault_activate += 1;
            }
            _ => inactive.insert(0, loaded),
        }
        run.count_resident(active.len() + inactive.len());
    }
    let resident = active.into_iter().chain(inactive);
    let counters = vec![
        ("pgscan", scan),
        ("pgsteal", steal),
        ("pgrefill", refill),
        ("pgactivate", activate),
        ("pgdeactivate", deactivate),
        ("workingset_refault", refault),
        ("workingset_activate", refault_activate),
        ("workingset_restore", restore),
    ];
    (
        run.end(resident.map(|frame| (frame.page, frame.dirty))),
        counters,
    )
}
