//! Linux, the multi-generational LRU, its core. Pages are in generations, numbered from the oldest
//! to the youngest; a page comes in at the front of the youngest. Pages leave from the back of the
//! oldest; a page found there with its reference bit set goes to the front of the youngest, and so
//! do, after it, the referenced pages of the same process in the same block of `lookaround` page
//! numbers. When fewer than two generations are left beyond the oldest, memory is aged: every
//! referenced page goes to the front of the youngest generation, in order of frames, and a new
//! youngest generation begins. A page that moves loses its reference bit. A page that comes back
//! while the generation it left from is still the oldest counts as a refault.
//!
//! Linux, mm/vmscan.c (`lru_gen_look_around`, `inc_max_seq`, `try_to_inc_min_seq`) and
//! mm/workingset.c (Y. Zhao, 2022).

use super::{Page, Ref, Run};

struct Frame {
    slot: usize,
    page: Page,
    dirty: bool,
    referenced: bool,
}

/// Replays `refs` in `frames` frames. Empty frames are filled in order of arrival.
pub fn mglru(refs: &[Ref], frames: usize, lookaround: u64) -> (Run, Vec<(&'static str, u64)>) {
    assert!(frames > 0 && lookaround.is_power_of_two() && lookaround <= 512);
    let (mut scan, mut steal, mut activate, mut refault) = (0, 0, 0, 0);
    let mut run = Run::default();
    // Every generation ever, by number; the front of each is index 0. The last is the youngest.
    let mut generations: Vec<Vec<Frame>> = Vec::new();
    generations.resize_with(4, Vec::new);
    let mut min = 0;
    // Each evicted page, and the oldest generation at that time.
    let mut shadows: Vec<(Page, usize)> = Vec::new();
    for (at, r) in refs.iter().enumerate() {
        let resident: usize = generations.iter().map(Vec::len).sum();
        let mut pages = generations.iter_mut().flatten();
        if let Some(frame) = pages.find(|frame| frame.page == r.key()) {
            frame.referenced = true;
            frame.dirty |= r.write;
            run.count_resident(resident);
            continue;
        }

        let mut slot = resident;
        let mut victim = None;
        while resident == frames && victim.is_none() {
            let max = generations.len() - 1;
            if min + 2 > max {
                let pages = generations.iter().flatten();
                let mut used: Vec<_> = pages.filter(|frame| frame.referenced).collect();
                used.sort_by_key(|frame| frame.slot);
                let used: Vec<Page> = used.into_iter().map(|frame| frame.page).collect();
                for page in used {
                    rejuvenate(&mut generations, page);
                }
                generations.push(Vec::new());
            } else if generations[min].is_empty() {
                min += 1;
            } else {
                let back = generations[min].last().expect("it is not empty");
                let (page, referenced) = (back.page, back.referenced);
                scan += 1;
                if referenced {
                    rejuvenate(&mut generations, page);
                    activate += 1;
                    let block = |page: Page| (page.0, page.1 / lookaround);
                    let pages = generations.iter().flatten();
                    let used = pages.filter(|o| o.referenced && block(o.page) == block(page));
                    let mut used: Vec<Page> = used.map(|frame| frame.page).collect();
                    used.sort_unstable();
                    for neighbour in used {
                        rejuvenate(&mut generations, neighbour);
                    }
                } else {
                    let left = generations[min].pop().expect("it is not empty");
                    steal += 1;
                    shadows.retain(|(page, _)| *page != left.page);
                    shadows.push((left.page, min));
                    slot = left.slot;
                    victim = Some((left.page, left.dirty));
                }
            }
        }

        run.fault(at, r.key(), victim);
        refault += u64::from(shadows.contains(&(r.key(), min)));
        let youngest = generations.last_mut().expect("there are always some");
        youngest.insert(
            0,
            Frame {
                slot,
                page: r.key(),
                dirty: r.write,
                referenced: true,
            },
        );
        run.count_resident(generations.iter().map(Vec::len).sum());
    }
    let resident = generations.into_iter().flatten();
    let counters = vec![
        ("pgscan", scan),
        ("pgsteal", steal),
        ("pgactivate", activate),
        ("workingset_refault", refault),
    ];
    (
        run.end(resident.map(|frame| (frame.page, frame.dirty))),
        counters,
    )
}

/// Clears the reference bit of a resident page and moves it to the front of the youngest
/// generation.
fn rejuvenate(generations: &mut [Vec<Frame>], page: Page) {
    let holds = |generation: &&mut Vec<Frame>| generation.iter().any(|frame| frame.page == page);
    let from = generations.iter_mut().find(holds).expect("it is resident");
    let index = from.iter().position(|frame| frame.page == page);
    let mut frame = from.remove(index.expect("it is here"));
    frame.referenced = false;
    let youngest = generations.last_mut().expect("there are always some");
    youngest.insert(0, frame);
}
