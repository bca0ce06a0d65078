//! The oracles and the product's engine against the textbooks' tables, and the oracles against
//! hand-worked cases where there is none.

use crate::oracle::expected::{
    SILBERSCHATZ_WINDOW_CONTENTS, SILBERSCHATZ_WINDOWS, STALLINGS_WINDOW_STEPS, STALLINGS_WINDOWS,
    TANENBAUM_AGING, TANENBAUM_COUNTERS, TEXTBOOKS, WORKING_SETS,
};
use crate::oracle::pages::{Access, pages};
use crate::oracle::published::PUBLISHED;
use crate::oracle::swap::{SwapRun, swap};
use crate::oracle::tlb::{Level, TlbRun, tlb};
use crate::oracle::{
    Expiry, Fault, Page, Ref, Run, aging, clock, dws, fifo, lru, mru, opt, reads, sws, vmin_run, ws,
};
use crate::support::{Setting, product};
use pagebench::internals::policy::PolicyChoice;

/// The fixed-space oracle of that name.
fn fixed_space(policy: &str, refs: &[Ref], frames: usize) -> Run {
    match policy {
        "fifo" => fifo::fifo(refs, frames),
        "lru" => lru::lru(refs, frames),
        "mru" => mru::mru(refs, frames),
        "opt" => opt::opt(refs, frames),
        "clock" => clock::clock(refs, frames, true),
        "clock:load-bit=0" => clock::clock(refs, frames, false),
        _ => panic!("no oracle for {policy}"),
    }
}

const FIXED_SPACE: [&str; 6] = ["fifo", "lru", "mru", "opt", "clock", "clock:load-bit=0"];

/// A reproducible string of reads, writes and instruction fetches by `processes` processes.
fn scrambled(length: usize, processes: u32, distinct: u64, seed: u64) -> Vec<Ref> {
    let mut state = seed;
    let mut draw = |below: u64| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) % below
    };
    let mut one = || {
        let (process, page, kind) = (draw(u64::from(processes)) as u32, draw(distinct), draw(3));
        Ref {
            process,
            page,
            write: kind == 1,
            ifetch: kind == 2,
        }
    };
    (0..length).map(|_| one()).collect()
}

/// Every string of `length` references to at most 4 pages that begins with page 0.
fn all_strings(length: u32) -> impl Iterator<Item = Vec<u64>> {
    (0..4u64.pow(length - 1))
        .map(move |code| (0..length).rev().map(|i| code >> (2 * i) & 3).collect())
}

fn read(page: u64) -> Ref {
    Ref {
        process: 0,
        page,
        write: false,
        ifetch: false,
    }
}

fn write(page: u64) -> Ref {
    Ref {
        write: true,
        ..read(page)
    }
}

fn fetch(page: u64) -> Ref {
    Ref {
        ifetch: true,
        ..read(page)
    }
}

#[test]
fn fault_counts_of_the_textbooks() {
    for textbook in TEXTBOOKS {
        for row in textbook.rows {
            for (policy, faults) in row.by_policy() {
                let refs = reads(textbook.string);
                let oracle = fixed_space(policy, &refs, row.frames);
                let product = product(&refs, &Setting::frames(policy, row.frames));
                let what = format!(
                    "{}, {policy}, {} frames ({})",
                    textbook.name, row.frames, row.source
                );
                assert_eq!(oracle.faults.len() as u64, faults, "{what}");
                assert_eq!(product, oracle, "{what}");
            }
        }
    }
}

/// The working sets of a string: the oracles' and the product's. A working set sampled at every
/// reference is one, and so is one that is not damped.
fn working_sets(string: &[u64], tau: u64) -> [Run; 6] {
    let refs = reads(string);
    let by = |policy| product(&refs, &Setting::window(policy, tau));
    [
        ws::ws(&refs, tau, None),
        sws::sws(&refs, tau, 1),
        dws::dws(&refs, tau, 1_000_000),
        by("ws"),
        by("sws:interval=1"),
        by("dws:alpha=1"),
    ]
}

#[test]
fn working_sets_of_the_textbooks() {
    for table in WORKING_SETS {
        for row in table.rows {
            for run in working_sets(table.string, row.tau) {
                assert_eq!(
                    (run.faults.len() as u64, run.resident_sum),
                    (row.faults, row.size_sum),
                    "{}, tau {} ({})",
                    table.name,
                    row.tau,
                    table.source
                );
            }
        }
    }
}

#[test]
fn vmin_has_the_faults_of_the_working_set_in_less_space() {
    for table in WORKING_SETS {
        for row in table.rows {
            let refs = reads(table.string);
            let product = product(&refs, &Setting::window("vmin", row.tau));
            for run in [vmin_run::vmin_run(&refs, row.tau), product] {
                let found = (run.faults.len() as u64, run.resident_sum);
                let what = format!("{}, tau {}", table.name, row.tau);
                assert_eq!(found, (row.faults, row.vmin_sum), "{what}");
                assert!(row.vmin_sum <= row.size_sum, "{what}");
            }
        }
    }
}

/// Tanenbaum's six pages, and a page that is referenced all the time and so never leaves. They come
/// in so long before that their counters are 0; after the figure's intervals six other pages drive
/// them out, the least counter first.
#[test]
fn tanenbaum_aging() {
    const TICK: usize = 8;
    const BUSY: u64 = 9;
    let interval = |pages: &[u64]| -> Vec<u64> {
        let busy = std::iter::repeat(&BUSY);
        pages.iter().chain(busy).take(TICK).copied().collect()
    };
    for (intervals, counters) in TANENBAUM_COUNTERS {
        let mut string = interval(&[0, 1, 2, 3, 4, 5]);
        string.extend((0..8).flat_map(|_| interval(&[])));
        string.extend(
            TANENBAUM_AGING[..intervals]
                .iter()
                .flat_map(|p| interval(p)),
        );
        string.extend(10..16);
        let refs = reads(&string);
        let mut expected: Vec<u64> = (0..6).collect();
        expected.sort_by_key(|&page| counters[page as usize]);
        let policy = format!("aging:tick={TICK}");
        let product = product(&refs, &Setting::frames(&policy, 7));
        for run in [aging::aging(&refs, 7, 8, TICK as u64), product] {
            let victims = run.faults.iter().filter_map(|fault| fault.victim);
            let victims: Vec<u64> = victims.map(|victim| victim.0.1).collect();
            assert_eq!(victims, expected, "after {intervals}");
        }
    }
}

#[test]
fn stallings_working_set_step_by_step() {
    for row in STALLINGS_WINDOW_STEPS {
        for run in working_sets(STALLINGS_WINDOWS, row.tau) {
            let sizes = run.sizes(STALLINGS_WINDOWS.len());
            assert_eq!(sizes, row.sizes, "tau {}", row.tau);
            assert_eq!(run.faults.len() as u64, row.faults, "tau {}", row.tau);
            assert_eq!(Some(run.peak_resident), row.sizes.iter().copied().max());
        }
    }
}

#[test]
fn silberschatz_working_sets() {
    for row in SILBERSCHATZ_WINDOW_CONTENTS {
        for run in working_sets(&SILBERSCHATZ_WINDOWS[..row.references], row.tau) {
            let resident: Vec<u64> = run.resident.iter().map(|page| page.1).collect();
            assert_eq!(resident, row.pages, "after {}", row.references);
        }
    }
}

/// Stallings counts the faults after the frames are filled: the hand's way, victim by victim.
#[test]
fn stallings_clock_victims() {
    let refs = reads(crate::oracle::expected::STALLINGS);
    for run in [
        clock::clock(&refs, 3, true),
        product(&refs, &Setting::frames("clock", 3)),
    ] {
        let filling = run.faults.iter().filter(|f| f.victim.is_none()).count();
        assert_eq!((filling, run.faults.len() - filling), (3, 5));
        let victims: Vec<u64> = run
            .faults
            .iter()
            .filter_map(|f| f.victim.map(|v| v.0.1))
            .collect();
        // As the figure draws it: the frames hold 2 3 1, 5 3 1, 5 2 1, 5 2 4, 3 2 4 and 3 2 5.
        assert_eq!(victims, [2, 3, 1, 5, 4]);
    }
}

/// The fewest faults that any choice of victims leads to.
fn fewest_faults(string: &[u64], frames: usize, resident: &[u64]) -> usize {
    let Some((&page, rest)) = string.split_first() else {
        return 0;
    };
    if resident.contains(&page) {
        return fewest_faults(rest, frames, resident);
    }
    let after = |leaves: Option<u64>| {
        let stay = resident
            .iter()
            .copied()
            .filter(|&page| Some(page) != leaves);
        let resident: Vec<u64> = stay.chain([page]).collect();
        1 + fewest_faults(rest, frames, &resident)
    };
    match resident.len() < frames {
        true => after(None),
        false => resident
            .iter()
            .map(|&page| after(Some(page)))
            .min()
            .expect("a frame at least"),
    }
}

#[test]
fn opt_is_optimal() {
    for string in all_strings(7) {
        for frames in 1..=3 {
            let oracle = opt::opt(&reads(&string), frames);
            let product = product(&reads(&string), &Setting::frames("opt", frames));
            let fewest = fewest_faults(&string, frames, &[]);
            assert_eq!(oracle.faults.len(), fewest, "{string:?}");
            assert_eq!(product.faults.len(), fewest, "{string:?}");
        }
    }
}

#[test]
fn opt_ties_go_to_the_lowest_id() {
    // 9 was referenced first and neither 9 nor 1 comes again: 9 leaves, the higher number.
    let run = opt::opt(&reads(&[9, 1, 5, 5]), 2);
    assert_eq!(run.faults[2].victim, Some(((0, 9), false)));
    assert_eq!(run.resident, [(0, 1), (0, 5)]);
}

/// The pages among the last `tau` references of each process up to `at`, sorted.
fn windows(refs: &[Ref], at: usize, tau: usize) -> Vec<Page> {
    let mut all = Vec::new();
    for process in 0..4 {
        let own = refs[..=at].iter().rev().filter(|r| r.process == process);
        all.extend(own.take(tau).map(Ref::key));
    }
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn the_working_set_is_the_last_tau_references_of_each_process() {
    for (processes, seed) in [(1, 1), (3, 2), (4, 3)] {
        let refs = scrambled(120, processes, 9, seed);
        for tau in [1, 2, 3, 7, 20, 200] {
            let mut sum = 0;
            for at in 0..refs.len() {
                let run = ws::ws(&refs[..=at], tau as u64, None);
                sum += windows(&refs, at, tau).len() as u128;
                assert_eq!(run.resident, windows(&refs, at, tau));
                assert_eq!(run.resident_sum, sum);
                let faulted = run.faults.iter().any(|fault| fault.at == at);
                let before = at.checked_sub(1).map(|before| windows(&refs, before, tau));
                assert_eq!(
                    faulted,
                    !before.unwrap_or_default().contains(&refs[at].key())
                );
            }
        }
    }
}

/// The identity of Denning and Schwartz for a finite string: one more unit of window adds as many
/// pages as there are faults, less the pages whose last reference is among the final `tau`.
#[test]
fn the_working_set_identity_holds() {
    for string in all_strings(7) {
        let refs = reads(&string);
        for tau in 1..=8 {
            let (narrow, wide) = (ws::ws(&refs, tau, None), ws::ws(&refs, tau + 1, None));
            let growth = wide.resident_sum - narrow.resident_sum;
            let last = windows(&refs, refs.len() - 1, tau as usize).len();
            assert_eq!(
                growth,
                (narrow.faults.len() - last) as u128,
                "{string:?}, tau {tau}"
            );
        }
    }
}

#[test]
fn a_frame_limit_takes_the_least_recent_page_of_all_processes() {
    let by = |process, page| Ref {
        process,
        ..read(page)
    };
    // Process 1 stands still, so its page 7 stays; it is the least recent when 3 needs a frame.
    let refs = [
        by(1, 7),
        by(0, 1),
        by(0, 2),
        by(0, 1),
        by(0, 3),
        by(0, 3),
        by(0, 3),
        by(1, 7),
    ];
    let run = ws::ws(&refs, 3, Some(3));
    let faults: Vec<_> = run
        .faults
        .iter()
        .map(|f| (f.at, f.page, f.refill, f.victim))
        .collect();
    let first = [
        (0, (1, 7), false, None),
        (1, (0, 1), false, None),
        (2, (0, 2), false, None),
    ];
    assert_eq!(faults[..3], first);
    assert_eq!(
        faults[3..],
        [
            (4, (0, 3), false, Some(((1, 7), false))),
            (7, (1, 7), true, None)
        ]
    );
    let expired: Vec<_> = run.expired.iter().map(|e| (e.at, e.page)).collect();
    assert_eq!(expired, [(5, (0, 2)), (6, (0, 1))]);
    assert_eq!(run.sizes(8), [1, 2, 3, 3, 3, 2, 1, 2]);
}

#[test]
fn a_frame_limit_above_every_need_changes_nothing() {
    let refs = scrambled(150, 2, 8, 4);
    for tau in [1, 4, 11] {
        assert_eq!(ws::ws(&refs, tau, Some(16)), ws::ws(&refs, tau, None));
    }
}

/// With a window over the whole string, only the limit drives pages out: that is LRU.
#[test]
fn an_endless_window_under_a_limit_is_lru() {
    let refs = scrambled(150, 3, 6, 5);
    for frames in [1, 3, 8] {
        assert_eq!(ws::ws(&refs, 1000, Some(frames)), lru::lru(&refs, frames));
    }
}

#[test]
fn runs_conserve_pages() {
    let refs = scrambled(200, 2, 9, 6);
    let mut runs: Vec<Run> = (1..=18)
        .map(|frames| ws::ws(&refs, frames, Some(7)))
        .collect();
    for policy in FIXED_SPACE {
        for frames in 1..=18 {
            let run = fixed_space(policy, &refs, frames);
            assert!(run.peak_resident <= frames && run.expired.is_empty());
            assert!(opt::opt(&refs, frames).faults.len() <= run.faults.len());
            runs.push(run);
        }
    }
    let mut distinct: Vec<Page> = refs.iter().map(Ref::key).collect();
    distinct.sort_unstable();
    distinct.dedup();
    for run in runs {
        let sizes = run.sizes(refs.len());
        assert_eq!(sizes.last(), Some(&run.resident.len()));
        assert_eq!(sizes.iter().max(), Some(&run.peak_resident));
        assert_eq!(sizes.iter().sum::<usize>() as u128, run.resident_sum);
        assert_eq!(
            run.faults.iter().filter(|fault| !fault.refill).count(),
            distinct.len()
        );
        let (writes, faults) = (run.write_backs(), run.faults.len());
        assert!(writes + run.dirty_end <= refs.iter().filter(|r| r.write).count());
        assert_eq!(writes as u64, swap(&run).writes);
        assert!(swap(&run).reads as usize <= faults - distinct.len());
    }
}

#[test]
fn inclusion_of_lru_and_opt() {
    for string in all_strings(7) {
        for policy in ["lru", "opt"] {
            let faults = |frames| fixed_space(policy, &reads(&string), frames).faults.len();
            assert!(
                (1..4).all(|frames| faults(frames + 1) <= faults(frames)),
                "{string:?}"
            );
        }
    }
}

/// A page is dirty from its first write until it leaves; a write-back makes it clean.
#[test]
fn dirty_victims() {
    let refs = [write(1), read(1), read(2), read(1), read(3), write(3)];
    let both = |policy| {
        let product = product(&refs, &Setting::frames(policy, 1));
        [fixed_space(policy, &refs, 1), product].map(|run| (policy, run))
    };
    for (policy, run) in FIXED_SPACE.into_iter().flat_map(both) {
        let victims: Vec<_> = run.faults.iter().filter_map(|fault| fault.victim).collect();
        assert_eq!(
            victims,
            [((0, 1), true), ((0, 2), false), ((0, 1), false)],
            "{policy}"
        );
        assert_eq!((run.write_backs(), run.dirty_end), (1, 1), "{policy}");
    }
}

#[test]
fn swap_slots() {
    // Leave: 1 dirty (slot), 2 clean, 1 clean (keeps its slot), 2 dirty (slot), 1 dirty (again),
    // 2 clean.
    let refs = [
        write(1),
        read(2),
        read(1),
        write(2),
        write(1),
        read(2),
        read(1),
    ];
    let traffic = swap(&fifo::fifo(&refs, 1));
    // Reads: 1, then 2 from its original (not counted), 1, 2, 1.
    assert_eq!(
        traffic,
        SwapRun {
            writes: 3,
            reads: 4,
            slots: 2
        }
    );
}

#[test]
fn swap_takes_expired_pages_too() {
    // Window of one: each page expires when the next one comes.
    let refs = [write(1), read(2), read(1), read(3)];
    let run = ws::ws(&refs, 1, None);
    assert_eq!(
        run.expired[0],
        Expiry {
            at: 1,
            page: (0, 1),
            dirty: true
        }
    );
    assert_eq!(
        swap(&run),
        SwapRun {
            writes: 1,
            reads: 1,
            slots: 1
        }
    );
}

const NONE: Level = Level::lru(1, 0);
const ONE: Level = Level::lru(1, 1);
const TWO: Level = Level::lru(1, 2);
const FOUR: Level = Level::lru(1, 4);

/// Bryant and O'Hallaron, "Computer Systems: A Programmer's Perspective", chapter 9: 4 sets of 4
/// ways. The entries of the example are brought in first; then its addresses hit, hit and miss.
#[test]
fn translation_example_of_csapp() {
    let entries = [0x24, 0x1c, 0x0d, 0x0f, 0x2b].map(read);
    let looked_up = [0x0f, 0x0f, 0x2e, 0x00, 0x09, 0x0e, 0x01].map(read);
    let refs: Vec<Ref> = entries.into_iter().chain(looked_up).collect();
    let level = Level::lru(4, 4);
    let translated = tlb(&refs, &lru::lru(&refs, 100), NONE, level, NONE);
    assert_eq!(
        translated,
        TlbRun {
            l1d_hits: 2,
            misses: 5 + 5,
            ..TlbRun::default()
        }
    );
}

#[test]
fn the_first_level_is_split_and_the_second_shared() {
    // Miss; the fetch finds in the second level what the read brought there; both firsts then hit.
    let refs = [read(1), fetch(1), read(1), fetch(1)];
    let translated = tlb(&refs, &lru::lru(&refs, 9), ONE, ONE, FOUR);
    let expected = TlbRun {
        l1i_hits: 1,
        l1d_hits: 1,
        l2_hits: 1,
        misses: 1,
        shootdowns: 0,
    };
    assert_eq!(translated, expected);
}

#[test]
fn entries_belong_to_a_process() {
    let other = Ref {
        process: 1,
        ..read(1)
    };
    let refs = [read(1), other, read(1), other];
    let translated = tlb(&refs, &lru::lru(&refs, 9), TWO, TWO, FOUR);
    assert_eq!(
        translated,
        TlbRun {
            l1d_hits: 2,
            misses: 2,
            ..TlbRun::default()
        }
    );
}

/// A hit in the first level leaves the recency in the second alone.
#[test]
fn a_first_level_hit_is_not_seen_by_the_second() {
    // First level: one entry for data, one for instructions. Second level: two. 1 and 2 miss, the
    // fetch of 2 and the read of 1 hit the second level, whose oldest entry is now 2. The second
    // fetch of 2 hits the first level and leaves it so: 3 misses and drops 2 from the second level.
    let refs = [
        read(1),
        read(2),
        fetch(2),
        read(1),
        fetch(2),
        read(3),
        fetch(2),
        read(2),
    ];
    let translated = tlb(&refs, &lru::lru(&refs, 9), ONE, ONE, TWO);
    // The last fetch of 2 still hits the first level; the read of 2 finds it nowhere.
    let expected = TlbRun {
        l1i_hits: 2,
        l1d_hits: 0,
        l2_hits: 2,
        misses: 4,
        shootdowns: 0,
    };
    assert_eq!(translated, expected);
}

#[test]
fn a_victim_is_shot_down_in_every_level() {
    // One frame: 2 drives out 1, which data, instructions and the second level hold.
    let refs = [read(1), fetch(1), read(2), read(1)];
    let run = lru::lru(&refs, 1);
    let last = Fault {
        at: 3,
        page: (0, 1),
        refill: true,
        victim: Some(((0, 2), false)),
    };
    assert_eq!(run.faults[2], last);
    let translated = tlb(&refs, &run, FOUR, FOUR, FOUR);
    let expected = TlbRun {
        l1i_hits: 0,
        l1d_hits: 0,
        l2_hits: 1,
        misses: 3,
        shootdowns: 3 + 2,
    };
    assert_eq!(translated, expected);
}

/// The victim goes before the levels are filled, so that it is its entry that the new one replaces.
#[test]
fn a_victim_makes_room_before_the_fill() {
    // Two frames under FIFO: 3 drives out 1, the most recent entry. 2 stays in the TLB.
    let refs = [read(1), read(2), read(1), read(3), read(2)];
    let translated = tlb(&refs, &fifo::fifo(&refs, 2), TWO, TWO, TWO);
    let expected = TlbRun {
        l1i_hits: 0,
        l1d_hits: 2,
        l2_hits: 0,
        misses: 3,
        shootdowns: 2,
    };
    assert_eq!(translated, expected);
}

#[test]
fn an_expired_page_is_shot_down_after_the_translation() {
    // Window of two: 1 expires after the third reference. That reference has filled a first level
    // of two, and driven out the entry of 1 itself; the second level still holds it.
    let refs = [read(1), read(2), read(3), read(3)];
    let run = ws::ws(&refs, 2, None);
    let expired: Vec<_> = run.expired.iter().map(|e| (e.at, e.page.1)).collect();
    assert_eq!(expired, [(2, 1), (3, 2)]);
    let translated = tlb(&refs, &run, TWO, TWO, FOUR);
    let expected = TlbRun {
        l1i_hits: 0,
        l1d_hits: 1,
        l2_hits: 0,
        misses: 3,
        shootdowns: 1 + 2,
    };
    assert_eq!(translated, expected);
}

#[test]
fn accesses_that_cross_page_boundaries() {
    let access = |address, size| Access {
        process: 3,
        address,
        size,
        write: true,
        ifetch: false,
    };
    let touched = |address, size, page_size| -> Vec<u64> {
        pages(&[access(address, size)], page_size)
            .iter()
            .map(|r| r.page)
            .collect()
    };
    assert_eq!(touched(4095, 1, 4096), [0]);
    assert_eq!(touched(4095, 2, 4096), [0, 1]);
    assert_eq!(touched(4095, 2, 8192), [0]);
    assert_eq!(touched(100, 9000, 4096), [0, 1, 2]);
    assert_eq!(touched(4096, 4096, 4096), [1]);
    assert_eq!(touched(4096, 0, 4096), [1]);
    assert_eq!(touched(u64::MAX, 1, 4096), [u64::MAX / 4096]);
    let kept = Ref {
        process: 3,
        page: 0,
        write: true,
        ifetch: false,
    };
    assert_eq!(pages(&[access(0, 1)], 4096), [kept]);
}

#[test]
fn published_rows_are_well_formed() {
    for (index, row) in PUBLISHED.iter().enumerate() {
        assert!(row.sha256.len() == 64 && row.sha256.bytes().all(|c| c.is_ascii_hexdigit()));
        assert!(row.policy.parse::<PolicyChoice>().is_ok(), "{row:?}");
        let key = (row.trace, row.policy, row.frames);
        let again = PUBLISHED[..index]
            .iter()
            .any(|r| (r.trace, r.policy, r.frames) == key);
        assert!(!again, "{row:?} stands twice");
    }
}
