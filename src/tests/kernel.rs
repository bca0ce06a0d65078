//! The whole machine against the naive one of `oracle::kernel`, count by count: traces drawn with every
//! event under every setting, replayed one by one and by bursts, and traces that were followed by hand.

mod draw;
mod hand;
mod product;

use crate::oracle::kernel::{Counts, OnSegfault, Settings, replay};
use crate::support::random::Random;
use draw::{HEAD, STYLES, draw};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The defaults, with LRU in one frame.
fn settings_by_default() -> Settings {
    Settings {
        policy: "lru".to_owned(),
        frames: 1,
        keep_page_cache: true,
        swap_in_writable: true,
        pin_cow_source: true,
        copy_file_ptes: true,
        free_frames_lifo: true,
        count_file_io: false,
        fault_beyond_eof: false,
        swap_slots: None,
        on_segfault: OnSegfault::Kill,
        i386: false,
        warmup: 0,
    }
}

/// The settings of the case with this number.
fn settings(case: u64) -> Settings {
    let mut random = Random::new(case ^ 0x5e77);
    let mut coin = |percent| random.percent(percent);
    let (keep_page_cache, swap_in_writable, pin_cow_source) = (coin(65), coin(60), coin(60));
    let (copy_file_ptes, free_frames_lifo, count_file_io) = (coin(60), coin(50), coin(60));
    let (i386, limited, warm) = (coin(10), coin(25), coin(15));
    let fault_beyond_eof = coin(40);
    let policies = [
        "lru",
        "fifo",
        "clock",
        "clock:load-bit=0",
        "clock:order=frame",
    ];
    Settings {
        keep_page_cache,
        swap_in_writable,
        pin_cow_source,
        copy_file_ptes,
        free_frames_lifo,
        count_file_io,
        fault_beyond_eof,
        i386,
        swap_slots: limited.then(|| random.below(6) as usize),
        policy: policies[random.below(5) as usize].to_owned(),
        frames: 1 + random.below(8) as usize,
        on_segfault: match random.below(10) {
            0..5 => OnSegfault::Kill,
            5..9 => OnSegfault::Skip,
            _ => OnSegfault::Abort,
        },
        warmup: if warm { random.below(20) } else { 0 },
    }
}

/// Says where the two machines differ. Returns true if they had counts to compare.
fn agree(text: &str, settings: &Settings) -> Result<bool, String> {
    let product = crate::support::caught_value(|| product::replay(text, settings))?;
    match (product, replay(text, settings)) {
        (Ok(Some(got)), Ok(wanted)) => product::compare(&got, &wanted).map(|()| true),
        (Err(_) | Ok(None), Err(_)) | (Ok(None), Ok(Counts { refs: 0, .. })) => Ok(false),
        (Ok(None), Ok(wanted)) => Err(format!("nothing to count, expected {wanted:?}")),
        (Ok(Some(_)), Err(why)) => {
            // What a killed process would have done to memory that it shares is missing: events that
            // contradict the rest are taken as they are.
            match settings.on_segfault == OnSegfault::Kill && text.contains("vfork") {
                true => Ok(false),
                false => Err(format!("taken, expected to be refused: {why:?}")),
            }
        }
        (Err(why), Ok(_)) => Err(format!("refused: {why}")),
    }
}

/// Drops lines as long as what is left still fails in the same column.
fn shrunk(text: &str, settings: &Settings) -> (String, String) {
    let mut lines: Vec<&str> = text.lines().collect();
    let mut why = agree(text, settings).expect_err("it fails");
    let kind = |why: &str| why.split(' ').next().map(str::to_owned);
    let mut piece = lines.len();
    while piece > 0 {
        let mut at = 0;
        while at < lines.len() {
            let mut fewer = lines.clone();
            fewer.drain(at..(at + piece).min(fewer.len()));
            match agree(&fewer.join("\n"), settings) {
                Err(reason) if kind(&reason) == kind(&why) => (lines, why) = (fewer, reason),
                _ => at += piece,
            }
        }
        piece /= 2;
    }
    (lines.join("\n"), why)
}

/// How many cases had counts to compare, and those that fail, in order. Threads of their own, since replays share those of rayon.
fn compared(cases: Range<u64>) -> (u64, Vec<u64>) {
    let next = AtomicU64::new(cases.start);
    let (compared, failed) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let case = next.fetch_add(1, Ordering::Relaxed);
                    if case >= cases.end {
                        break;
                    }
                    match agree(&trace(case), &settings(case)) {
                        Ok(had_counts) => {
                            compared.fetch_add(u64::from(had_counts), Ordering::Relaxed);
                        }
                        Err(_) => failed.lock().expect("no panic").push(case),
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().expect("no panic");
    failed.sort_unstable();
    (compared.into_inner(), failed)
}

/// The trace of the case with this number.
fn trace(case: u64) -> String {
    let style = STYLES[(case % STYLES.len() as u64) as usize];
    draw(style, 8 + (case / 7 % 60) as usize, case)
}

/// Traces drawn, all events, every setting.
#[test]
fn drawn_traces_have_the_counts_of_the_naive_machine() {
    let number = |name: &str, default: u64| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (first, cases) = (number("KERNEL_FIRST", 0), number("KERNEL_CASES", 2_000));
    let (compared, failed) = compared(first..first + cases);
    let reports: Vec<String> = failed
        .iter()
        .take(number("KERNEL_SHOWN", 4) as usize)
        .map(|&case| {
            let settings = settings(case);
            let (text, why) = shrunk(&trace(case), &settings);
            format!("case {case}: {why}\n{settings:?}\n{HEAD}{text}\n")
        })
        .collect();
    assert!(
        failed.is_empty(),
        "{} of {cases} cases: {failed:?}\n{}",
        failed.len(),
        reports.join("\n")
    );
    assert!(
        compared * 10 >= cases * 8,
        "{compared} of {cases} cases had counts to compare"
    );
}
