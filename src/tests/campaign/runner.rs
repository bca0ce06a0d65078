//! Runs cases: draws an input by its seed, attacks with it, and says what went wrong. Writes down the
//! running case, so that a process that dies names it.

use super::MEMORY;
use super::mutate::Rng;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::path::PathBuf;
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

/// A kind of input.
pub struct Kind {
    pub name: &'static str,
    /// What is attacked with what, for the table.
    pub about: &'static str,
    /// Its part of the time.
    pub share: u32,
    pub new: fn() -> Box<dyn Subject>,
}

/// What is attacked.
pub trait Subject {
    /// Draws an input.
    fn draw(&mut self, random: &mut Rng) -> Vec<u8>;
    /// Reads the input in every way there is. Errors if two ways disagree.
    fn attack(&mut self, bytes: &[u8], random: &mut Rng) -> Result<(), String>;
}

/// A case takes less than this, on a busy machine with assertions, too.
pub const HANG: Duration = Duration::from_secs(5);
/// When the process gives a case up and ends.
const GIVEN_UP: Duration = Duration::from_secs(30);
/// Memory that an input may take: a base, and a multiple of its length.
const MEMORY_BASE: usize = 64 << 20;
const MEMORY_FACTOR: usize = 64;

/// What is asked for.
#[derive(Debug, Default)]
pub struct Asked {
    pub time: Duration,
    pub seed: u64,
    /// Kinds; all if empty.
    pub only: Vec<String>,
    /// One case of each kind, with this seed.
    pub case: Option<u64>,
    /// Where lines about violations and counts go.
    pub report: Option<PathBuf>,
}

impl Asked {
    /// `PAGEBENCH_CAMPAIGN_SECONDS`, `_SEED`, `_ONLY` (names with commas), `_CASE` (a seed) and
    /// `_REPORT` (a file).
    pub fn from_environment() -> Asked {
        let get = |name: &str| std::env::var(format!("PAGEBENCH_CAMPAIGN_{name}")).ok();
        let number = |name: &str| get(name).map(|text| text.parse::<u64>().expect(name));
        let only = get("ONLY").unwrap_or_default();
        Asked {
            time: Duration::from_secs(number("SECONDS").unwrap_or(10)),
            seed: number("SEED").unwrap_or(1),
            only: only
                .split(',')
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect(),
            case: number("CASE"),
            report: get("REPORT").map(PathBuf::from),
        }
    }
}

/// What became of a kind.
#[derive(Debug)]
pub struct Tried {
    pub name: &'static str,
    pub tried: u64,
    pub violations: u64,
    pub time: Duration,
}

/// Panics since the case began, of all threads.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The running case: its kind, its seed, and when it began.
static RUNNING: Mutex<Option<(String, u64, Instant)>> = Mutex::new(None);

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

/// Tests of this crate run on threads of one process; cases do not overlap, or one would be charged
/// for the other's memory.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The seed of case `number` of a kind.
pub fn seed_of(seed: u64, kind: &str, number: u64) -> u64 {
    let text = format!("{seed}/{kind}/{number}");
    xxhash_rust::xxh3::xxh3_64(text.as_bytes()) >> 16
}

/// Runs the case of this seed. Errors with what went wrong.
pub fn attack(kind: &str, subject: &mut dyn Subject, seed: u64) -> Result<(), String> {
    let _alone = locked(&ONE_AT_A_TIME);
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        set_hook(Box::new(move |panic| match locked(&RUNNING).is_some() {
            true => locked(&PANICS).push(panic.to_string().replace('\n', " ")),
            false => before(panic),
        }));
    });
    let mut random = Rng::new(seed);
    let bytes = subject.draw(&mut random);
    let begun = Instant::now();
    locked(&PANICS).clear();
    *locked(&RUNNING) = Some((kind.to_owned(), seed, begun));
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let result = catch_unwind(AssertUnwindSafe(|| subject.attack(&bytes, &mut random)));
    let used = MEMORY.peak_usage().saturating_sub(before);
    let took = begun.elapsed();
    *locked(&RUNNING) = None;
    if let Some(panic) = locked(&PANICS).drain(..).next() {
        return Err(format!("panic: {panic}"));
    }
    let allowed = MEMORY_BASE + MEMORY_FACTOR * bytes.len();
    if used > allowed {
        return Err(format!(
            "memory: {used} bytes for an input of {}, {allowed} are allowed",
            bytes.len()
        ));
    }
    if took > HANG {
        return Err(format!("no end within {} s", HANG.as_secs()));
    }
    result.unwrap_or_else(|_| Err("panic without a message".into()))
}

/// Where lines go, and where the running case is written down.
struct Report {
    lines: Option<File>,
    current: Option<File>,
}

impl Report {
    fn open(path: Option<&PathBuf>) -> Report {
        let open = |path: PathBuf| {
            let mut options = OpenOptions::new();
            let file = options.create(true).append(true).open(&path);
            file.unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        };
        let current = path.map(|path| {
            let path = path.with_extension("current");
            File::create(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        });
        Report {
            lines: path.cloned().map(open),
            current,
        }
    }

    fn line(&mut self, text: &str) {
        let written = match &mut self.lines {
            Some(file) => writeln!(file, "{text}"),
            None => writeln!(std::io::stderr(), "{text}"),
        };
        written.expect("the report");
    }

    /// Fixed width, so that a line replaces the one before it.
    fn current(&mut self, kind: &str, seed: u64) {
        if let Some(file) = &mut self.current {
            let line = format!("{kind:<24}{seed:>24}\n");
            file.seek(SeekFrom::Start(0))
                .and_then(|_| file.write_all(line.as_bytes()))
                .expect("the report");
        }
    }
}

/// Ends the process if a case does not end.
fn watch() {
    std::thread::spawn(|| {
        loop {
            std::thread::sleep(Duration::from_millis(250));
            if let Some((_, _, begun)) = &*locked(&RUNNING)
                && begun.elapsed() > GIVEN_UP
            {
                std::process::exit(99);
            }
        }
    });
}

/// The longest turn of a kind.
const TURN: Duration = Duration::from_millis(400);

/// Runs cases of all kinds in turns until the time is over.
pub fn run(kinds: &[Kind], asked: &Asked) -> Vec<Tried> {
    let mut report = Report::open(asked.report.as_ref());
    watch();
    let is_asked =
        |kind: &&Kind| asked.only.is_empty() || asked.only.iter().any(|n| n == kind.name);
    let mut running: Vec<(&Kind, Box<dyn Subject>, Tried)> = kinds
        .iter()
        .filter(is_asked)
        .map(|kind| {
            let tried = Tried {
                name: kind.name,
                tried: 0,
                violations: 0,
                time: Duration::ZERO,
            };
            (kind, (kind.new)(), tried)
        })
        .collect();
    assert!(!running.is_empty(), "no kind is called {:?}", asked.only);
    let shares: u32 = running.iter().map(|(kind, ..)| kind.share).sum();
    // Every kind has a turn even in a short campaign.
    let turn = (asked.time / shares.max(1)).min(TURN);
    let begun = Instant::now();
    loop {
        for (kind, subject, tried) in &mut running {
            let turn_begun = Instant::now();
            loop {
                let seed = asked
                    .case
                    .unwrap_or_else(|| seed_of(asked.seed, kind.name, tried.tried));
                report.current(kind.name, seed);
                tried.tried += 1;
                if let Err(what) = attack(kind.name, &mut **subject, seed) {
                    tried.violations += 1;
                    report.line(&format!("VIOLATION\t{}\t{seed}\t{what}", kind.name));
                }
                if asked.case.is_some() || turn_begun.elapsed() >= turn * kind.share {
                    break;
                }
            }
            tried.time += turn_begun.elapsed();
        }
        if asked.case.is_some() || begun.elapsed() >= asked.time {
            break;
        }
    }
    for (kind, _, tried) in &running {
        let Tried {
            name,
            tried,
            violations,
            time,
        } = tried;
        let (seconds, about) = (time.as_secs_f64(), kind.about);
        report.line(&format!(
            "TRIED\t{name}\t{tried}\t{violations}\t{seconds:.1}\t{about}"
        ));
    }
    running.into_iter().map(|(.., tried)| tried).collect()
}
