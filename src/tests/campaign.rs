//! The campaign of faults, inside one process: mutated input of every kind through everything that
//! reads it. A violation is a panic, no end within seconds, memory beyond 64 MiB + 64 × the input, or
//! two ways that disagree.
//!
//! `scripts/fault_campaign.sh` runs the ignored test `campaign` for minutes. The others take seconds.
//! A case is a kind and a seed: the same two give the same input on every machine.

// A test crate has no readers of its documentation.
#![allow(missing_docs)]

#[path = "campaign/codecs.rs"]
mod codecs;
#[path = "campaign/command_lines.rs"]
mod command_lines;
#[path = "campaign/events.rs"]
mod events;
#[path = "campaign/formats.rs"]
mod formats;
#[path = "campaign/mutate.rs"]
mod mutate;
#[path = "campaign/runner.rs"]
mod runner;
#[path = "campaign/store.rs"]
mod store;
#[path = "campaign/tables.rs"]
mod tables;

use runner::{Asked, Kind, Subject, Tried};
use std::time::Duration;

#[global_allocator]
static MEMORY: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// Every kind of input. `share` is its part of the time.
const KINDS: &[Kind] = &[
    Kind {
        name: "store",
        about: "bytes of .pbt files changed",
        share: 2,
        new: || Box::new(store::Bytes::new()),
    },
    Kind {
        name: "store-repaired",
        about: "columns of .pbt files changed, checksums and often the digest made right",
        share: 4,
        new: || Box::new(store::Repaired::new()),
    },
    Kind {
        name: "format",
        about: "samples of every trace format changed, read by name and by guess",
        share: 4,
        new: || Box::new(formats::Formats::new()),
    },
    Kind {
        name: "codec",
        about: "compressed traces of every codec changed",
        share: 2,
        new: || Box::new(codecs::Codecs::new()),
    },
    Kind {
        name: "events",
        about: "traces with drawn events through a policy, by bursts and plainly",
        share: 4,
        new: || Box::new(events::Events::new()),
    },
    Kind {
        name: "table",
        about: "results, baselines, digests and the files of run folders changed",
        share: 2,
        new: || Box::new(tables::Tables::new()),
    },
    Kind {
        name: "command-line",
        about: "values of all options of the commands that only print, changed",
        share: 2,
        new: || Box::new(command_lines::CommandLines::new()),
    },
    Kind {
        name: "experiment",
        about: "experiment files changed",
        share: 1,
        new: || Box::new(command_lines::Experiments::new()),
    },
];

/// Kinds that print: only the campaign itself, whose output is thrown away, runs them.
const PRINTING: [&str; 2] = ["command-line", "experiment"];

/// The campaign. The environment says what is asked for (see `Asked::from_environment`).
#[test]
#[ignore = "takes as long as it is told to: scripts/fault_campaign.sh"]
fn campaign() {
    let asked = Asked::from_environment();
    let tried = runner::run(KINDS, &asked);
    let violations: u64 = tried.iter().map(|tried| tried.violations).sum();
    assert_eq!(violations, 0, "{tried:?}");
}

/// Some cases of each kind, always the same.
#[test]
fn some_cases_of_each_kind() {
    let left_out = |kind: &Kind| PRINTING.contains(&kind.name);
    for kind in KINDS.iter().filter(|kind| !left_out(kind)) {
        let mut subject = (kind.new)();
        for number in 0..60 {
            let seed = runner::seed_of(1, kind.name, number);
            runner::attack(kind.name, &mut *subject, seed)
                .unwrap_or_else(|what| panic!("{} {seed}: {what}", kind.name));
        }
    }
}

/// Cases that were faults once, in `src/tests/data/campaign/cases.txt`. Those that still are begin with
/// `open`.
#[test]
fn cases_of_faults_that_were_found() {
    let cases = include_str!("data/campaign/cases.txt");
    let is_open = |line: &&str| line.starts_with("open ") || line.starts_with('#');
    for case in cases.lines().filter(|line| !is_open(line)) {
        let mut words = case.split_whitespace();
        let (Some(name), Some(seed)) = (words.next(), words.next()) else {
            continue;
        };
        let kind = KINDS.iter().find(|kind| kind.name == name);
        let kind = kind.unwrap_or_else(|| panic!("no kind is called {name}"));
        let seed = seed.parse().expect("a seed");
        runner::attack(name, &mut *(kind.new)(), seed)
            .unwrap_or_else(|what| panic!("{case}: {what}"));
    }
}

/// A subject that does as it is told.
struct Broken(fn(&[u8]) -> Result<(), String>);

impl Subject for Broken {
    fn draw(&mut self, _: &mut mutate::Rng) -> Vec<u8> {
        vec![0; 100]
    }

    fn attack(&mut self, bytes: &[u8], _: &mut mutate::Rng) -> Result<(), String> {
        (self.0)(bytes)
    }
}

/// Each sort of violation is found where it happens on purpose.
#[test]
fn each_sort_of_violation_is_found() {
    type Act = fn(&[u8]) -> Result<(), String>;
    let sorts: [(Act, &str); 5] = [
        (|bytes| panic!("{} bytes", bytes.len()), "panic"),
        // A panic that somebody catches is one, too.
        (
            |_| {
                std::thread::spawn(|| panic!("unseen")).join().unwrap_or(());
                Ok(())
            },
            "panic",
        ),
        (
            |_| {
                std::hint::black_box(vec![1u8; 80 << 20]);
                Ok(())
            },
            "memory",
        ),
        (|_| Err("two ways disagree".into()), "two ways disagree"),
        (
            |_| {
                std::thread::sleep(runner::HANG + Duration::from_millis(300));
                Ok(())
            },
            "no end",
        ),
    ];
    for (act, word) in sorts {
        let what = runner::attack("broken", &mut Broken(act), 1).unwrap_err();
        assert!(what.contains(word), "{word}: {what}");
    }
    runner::attack("broken", &mut Broken(|_| Ok(())), 1).unwrap();
}

/// A step of writing that fails is exit 1 with the name of the file, and leaves nothing.
#[test]
fn a_failing_step_leaves_nothing() {
    for step in ["create", "write", "sync", "rename"] {
        let folder = tempfile::TempDir::new().expect("a scratch folder");
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_pagebench"))
            .args(["init", "x.toml"])
            .env("PAGEBENCH_FAIL_AT", format!("{step}:1:fail"))
            .current_dir(folder.path())
            .output()
            .expect("the program");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{step}: {said}");
        assert!(said.contains("x.toml"), "{step}: {said}");
        let left = std::fs::read_dir(folder.path())
            .expect("the folder")
            .count();
        assert_eq!(left, 0, "{step} leaves a file");
    }
}

/// The loop counts what it tries and what it finds.
#[test]
fn the_loop_counts_violations() {
    let kinds = [Kind {
        name: "broken",
        about: "",
        share: 1,
        new: || Box::new(Broken(|_| Err("on purpose".into()))),
    }];
    let asked = Asked {
        time: Duration::from_millis(50),
        seed: 7,
        ..Asked::default()
    };
    let tried: Vec<Tried> = runner::run(&kinds, &asked);
    assert!(tried[0].tried > 0 && tried[0].violations == tried[0].tried);
}
