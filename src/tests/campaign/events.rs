//! Traces with drawn events, replayed under a drawn policy with drawn settings: by bursts of several
//! sizes the counts must be those of the plain replay. Lines of the layout of the plain format are mixed
//! in, so that a new event of it is tried, too.

use super::mutate::{self, Rng, at, one, percent};
use super::runner::Subject;
use super::store::{refill, scratch};
use pagebench::internals::policy::{MemoryBy, PolicyChoice, Spec, TABLE};
use pagebench::internals::space::{
    BeyondEof, FileIo, ForkFilePtes, OnSegfault, Options, PageCache, cuts, resolve,
};
use pagebench::internals::trace::bursts::Bursts;
use pagebench::internals::trace::format::FORMATS;
use pagebench::internals::trace::{LoadOptions, load};
use pagebench::internals::vm::{self, Choices, CowSource, FreeFrames, Job, SwapIn};
use std::fmt::Write;

/// Sizes of bursts that are tried.
const BURSTS: [usize; 4] = [1, 3, 16, 64];
/// Granules of the addresses, most of which are few and low.
const GRANULES: u64 = 40;

pub struct Events {
    file: tempfile::NamedTempFile,
    /// Lines of examples.
    lines: Vec<String>,
}

impl Events {
    pub fn new() -> Events {
        let plain = FORMATS.iter().find(|format| format.name == "plain");
        let layout = plain.expect("the plain format").layout.lines();
        let examples = layout.filter_map(|line| line.strip_prefix("    "));
        let family = include_str!("../data/family.trace").lines();
        Events {
            file: scratch(),
            lines: examples
                .chain(family)
                .filter(|line| !line.starts_with('#'))
                .map(str::to_owned)
                .collect(),
        }
    }

    fn line(&self, random: &mut Rng, pids: &mut u32, text: &mut String) {
        let address = match percent(random, 97) {
            true => 0x1000 * random.below(GRANULES) + [0, 0, 0, 8, 4095][at(random, 5)],
            false => mutate::odd_number(random),
        };
        let length = match percent(random, 90) {
            true => 4096 * (1 + random.below(9)),
            false => 1 + random.below(20_000),
        };
        let other = 0x1000 * random.below(GRANULES);
        let file = random.below(4);
        let rights = *one(random, &["rw-", "r--", "r-x", "rwx", "---", "-w-"]);
        let _ = match random.below(100) {
            0..62 => writeln!(
                text,
                "{} {address:x} {}",
                ["R", "W", "I", "W"][at(random, 4)],
                1 + random.below(9)
            ),
            62..70 => writeln!(text, "switch {}", random.below(u64::from(*pids) + 1)),
            70..79 => {
                let mut line = format!("map {:x} {length} {rights}", address & !4095);
                for (word, chance) in [
                    (" shared", 40),
                    (" fixed", 60),
                    (" grows-down", 6),
                    (" swap-backed", 8),
                ] {
                    if percent(random, chance) {
                        line += word;
                    }
                }
                if percent(random, 50) {
                    let _ = write!(
                        line,
                        " file={file},{},{}",
                        4096 * random.below(4),
                        4096 * file * 3 + 777
                    );
                }
                writeln!(text, "{line}")
            }
            79..82 => writeln!(text, "unmap {:x} {length}", address & !4095),
            82 => writeln!(text, "protect {:x} {length} {rights}", address & !4095),
            83 => writeln!(
                text,
                "advise {address:x} {length} {}",
                ["willneed", "dontneed"][at(random, 2)]
            ),
            84 => {
                let how = ["", " fixed", " keep"][at(random, 3)];
                writeln!(
                    text,
                    "move {:x} {length} {other:x} {}{how}",
                    address & !4095,
                    4096 * (1 + random.below(9))
                )
            }
            85 => writeln!(
                text,
                "populate {address:x} {length} {}",
                ["read", "write"][at(random, 2)]
            ),
            86 => writeln!(text, "brk {:x}", 0x30000 + other),
            87 => writeln!(text, "read {file} {} {length}", random.below(40_000)),
            88 => writeln!(text, "write {file} {} {length}", random.below(40_000)),
            89 => writeln!(text, "length {file} {}", random.below(60_000)),
            90 => writeln!(text, "unlink {file}"),
            91..95 => {
                *pids += 1;
                writeln!(text, "{} {pids}", ["fork", "fork", "vfork"][at(random, 3)])
            }
            95 => writeln!(text, "exec"),
            96 => writeln!(text, "exit"),
            _ => writeln!(text, "{}", one(random, &self.lines)),
        };
    }
}

impl Subject for Events {
    fn draw(&mut self, random: &mut Rng) -> Vec<u8> {
        let mut text = "# pagebench trace 1\n".to_owned();
        let mut pids = 0;
        let lines = 1 + random.below(120);
        // Without a mapping, whatever is touched is legal.
        if percent(random, 60) {
            text += "map 0 163840 rwx\nmap 7ff0000 8192 rw- grows-down\n";
        }
        for _ in 0..lines {
            self.line(random, &mut pids, &mut text);
        }
        text += "R 1000\n";
        text.into_bytes()
    }

    fn attack(&mut self, bytes: &[u8], random: &mut Rng) -> Result<(), String> {
        refill(&mut self.file, bytes);
        let Ok(trace) = load(self.file.path(), &LoadOptions::default()) else {
            return Ok(());
        };
        let options = Options {
            on_segfault: match percent(random, 80) {
                true => OnSegfault::Skip,
                false => Options::default().on_segfault,
            },
            page_cache: *one(
                random,
                &[None, Some(PageCache::Keep), Some(PageCache::Drop)],
            ),
            file_io: *one(random, &[FileIo::Count, FileIo::Ignore]),
            beyond_eof: *one(random, &[BeyondEof::Fault, BeyondEof::Zero]),
            fork_file_ptes: *one(random, &[ForkFilePtes::Copy, ForkFilePtes::Drop]),
            ..Options::default()
        };
        let Ok(resolved) = resolve(trace, &options) else {
            return Ok(());
        };
        let spec = one(random, TABLE);
        let choice: Result<PolicyChoice, _> = policy(random, spec).parse();
        let Ok(choice) = choice.or_else(|_| spec.name.parse()) else {
            return Err(format!("{}: the table does not know it", spec.name));
        };
        let frames = 1 + random.below(20) as u32;
        let job = Job {
            space: resolved.space.as_ref(),
            frames: match spec.space {
                MemoryBy::Variable => {
                    let limit = choice.params.get_if_any(spec, "limit");
                    limit.map(|limit| limit as u32)
                }
                _ => Some(frames),
            },
            tau: 1 + random.below(30),
            warmup: [0, 0, 1, 7, 1000][at(random, 5)],
            seed: 1 + random.below(3),
            swap_slots: [None, None, Some(2), Some(64)][at(random, 4)],
            choices: Choices {
                swap_in: *one(random, &[SwapIn::Writable, SwapIn::ReadOnly]),
                cow_source: *one(random, &[CowSource::Evictable, CowSource::Pinned]),
                free_frames: *one(random, &[FreeFrames::Lifo, FreeFrames::Fifo]),
            },
            ..Job::new(&resolved.trace, &choice)
        };
        let plain = vm::run(&job).map_err(|e| e.to_string());
        let ops = resolved.space.iter().flat_map(|space| &space.ops);
        let (refs, kinds) = (resolved.trace.refs(), resolved.trace.kinds());
        let bursts = Bursts::encode(refs, kinds).cut(&resolved.trace.dictionary, cuts(ops));
        for k in BURSTS {
            let job = Job {
                bursts: Some(bursts.of(k)),
                ..job
            };
            if vm::run(&job).map_err(|e| e.to_string()) != plain {
                return Err(format!(
                    "{choice}: bursts of {k} and the plain replay differ"
                ));
            }
        }
        Ok(())
    }
}

/// A policy with parameters near their bounds or defaults.
fn policy(random: &mut Rng, spec: &Spec) -> String {
    let mut text = spec.name.to_owned();
    for param in spec.params {
        if percent(random, 30) {
            let value = random.below(9);
            let _ = write!(text, ":{}={value}", param.name);
        }
    }
    text
}
