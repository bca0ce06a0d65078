//! Pseudo-random traces in the plain format with every event, which all make sense. The same seed gives
//! the same trace everywhere.

use crate::oracle::kernel::{Machine, OnSegfault, Settings, parse};
use crate::support::random::Random;

/// What a trace is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Mappings of all kinds.
    Mapped,
    /// Forks and copies.
    Forks,
    /// Files that are mapped, read, written, cut and unlinked.
    Files,
    /// Mappings that move.
    Moves,
    /// No mapping is told of.
    Permissive,
}

pub const STYLES: [Style; 5] = [
    Style::Mapped,
    Style::Forks,
    Style::Files,
    Style::Moves,
    Style::Permissive,
];

/// Pages of the arena, in which most mappings lie; from page 16 on.
const ARENA: u64 = 20;
/// Where stacks end and heaps begin, in pages.
const STACK: u64 = 0x40;
const HIGH_STACK: u64 = 0x1040;
const HEAP: u64 = 0x50;
/// Files 1 to 3 are on a device, file 4 is memory.
const FILES: u64 = 4;
const PAGE: u64 = 4096;
const PROCESSES: usize = 4;
/// A process without memory that changes the lengths and names of files.
const KEEPER: u32 = 99;

struct Draw {
    random: Random,
    style: Style,
    /// Of a hundred illegal references, how many are taken.
    illegal: u64,
    lines: Vec<String>,
    /// The machine after the lines; illegal references are left out.
    machine: Machine,
    /// How long the files are now, in bytes.
    lengths: [u64; FILES as usize + 1],
    next_pid: u32,
    running: u32,
}

/// A trace of so many lines after the first mappings, or one or two more.
pub fn draw(style: Style, length: usize, seed: u64) -> String {
    let mut random = Random::new(seed ^ 0x57a9);
    let settings = Settings {
        frames: 64,
        count_file_io: true,
        on_segfault: OnSegfault::Skip,
        ..super::settings_by_default()
    };
    let lengths = [0, 2 * PAGE, 3 * PAGE + 100, PAGE + 1, 3 * PAGE];
    let mut draw = Draw {
        illegal: [0, 20, 100][random.below(3) as usize],
        machine: Machine::new(&settings, style != Style::Permissive),
        lines: Vec::new(),
        style,
        lengths,
        next_pid: 1,
        running: 0,
        random,
    };
    for file in 1..FILES {
        draw.state_length(file);
    }
    draw.first_mappings();
    let first = draw.lines.len();
    while draw.lines.len() < first + length {
        draw.one();
    }
    draw.lines.join("\n") + "\n"
}

/// The first lines of every trace.
pub const HEAD: &str = "# pagebench trace 1\n# kind: full\n# addressing: bytes\n";

impl Draw {
    /// Takes a line if it makes sense.
    fn take(&mut self, line: String) -> bool {
        let mut machine = self.machine.clone();
        if parse(&line).iter().any(|line| machine.step(line).is_err()) {
            return false;
        }
        let illegal =
            |machine: &Machine| machine.counts.segfaults + machine.counts.protection_faults;
        if illegal(&machine) > illegal(&self.machine) && self.random.below(100) >= self.illegal {
            return false;
        }
        self.machine = machine;
        self.lines.push(line);
        true
    }

    fn living(&self) -> Vec<u32> {
        let living = self.machine.processes.iter();
        let living = living.filter(|process| process.lives() && process.pid != KEEPER);
        living.map(|process| process.pid).collect()
    }

    fn switch(&mut self, pid: u32) {
        if pid != self.running {
            self.running = pid;
            self.take(format!("switch {pid}"));
        }
    }

    fn first_mappings(&mut self) {
        if self.style == Style::Permissive {
            return;
        }
        for _ in 0..3 {
            self.map();
        }
        if self.random.percent(40) {
            let end = if self.random.percent(15) {
                HIGH_STACK
            } else {
                STACK
            };
            let start = (end - 1) * PAGE;
            self.take(format!("map {start:x} 4096 rw- grows-down name=[stack]"));
        }
    }

    fn one(&mut self) {
        let living = self.living();
        if living.is_empty() || living.len() < PROCESSES && self.random.below(100) < 2 {
            let pid = self.next_pid;
            self.next_pid += 1;
            self.switch(pid);
            if self.style == Style::Permissive {
                self.access();
            }
            return self.first_mappings();
        }
        if !living.contains(&self.running) || self.random.percent(18) {
            let pid = living[self.random.below(living.len() as u64) as usize];
            self.switch(pid);
        }
        let events = if self.style == Style::Permissive {
            15
        } else {
            38
        };
        if self.random.percent(events) {
            self.event();
        } else {
            self.access();
        }
    }

    /// Mappings of the running process, in pages.
    fn mapped(&mut self) -> Vec<(u64, u64)> {
        if self.style == Style::Permissive {
            return vec![(16, 24)];
        }
        let space = self
            .machine
            .processes
            .iter()
            .find(|process| process.pid == self.running);
        let Some(space) = space.map(|process| process.space) else {
            return Vec::new();
        };
        let mappings = &self.machine.spaces[space].mappings;
        mappings
            .iter()
            .map(|mapping| (mapping.start, mapping.end))
            .collect()
    }

    fn access(&mut self) {
        let mapped = self.mapped();
        let number = if self.style == Style::Permissive {
            16 + self.random.below(6)
        } else if mapped.is_empty() || self.random.percent(4) {
            match self.random.below(12) {
                0 => (1 << 56) / PAGE + self.random.below(2),
                1 => (3 << 30) / PAGE,
                2 => (1 << 24) / PAGE,
                // The lowest page that a high stack reaches, and the next below.
                3 => HIGH_STACK - 2048 - self.random.below(2),
                _ => 14 + self.random.below(HEAP),
            }
        } else {
            let (start, end) = mapped[self.random.below(mapped.len() as u64) as usize];
            start + self.random.below((end - start).min(4))
        };
        let letter = ["I", "R", "R", "R", "R", "W", "W", "W", "W"][self.random.below(9) as usize];
        let line = match self.random.below(30) {
            0 => format!("{letter} {:x} 2", (number + 1) * PAGE - 1),
            _ => format!("{letter} {:x}", number * PAGE + self.random.below(2)),
        };
        self.take(line);
    }

    fn event(&mut self) {
        let living = self.living().len();
        let chance = self.random.below(100);
        if self.style == Style::Permissive {
            match chance {
                0..35 => self.fork(living),
                35..45 => self.take("exec".into()),
                45..60 => living > 1 && self.take("exit".into()),
                60..75 => self.io(),
                _ => self.of_mappings(),
            };
            return;
        }
        let (forks, exits, moves, files) = match self.style {
            Style::Forks => (30, 38, 43, 50),
            Style::Files => (6, 11, 16, 60),
            Style::Moves => (10, 14, 60, 66),
            _ => (10, 15, 25, 35),
        };
        let _ = match chance {
            chance if chance < forks => self.fork(living),
            chance if chance < exits => match self.random.below(3) {
                0 => {
                    let done = self.take("exec".into());
                    self.first_mappings();
                    done
                }
                _ => living > 1 && self.take("exit".into()),
            },
            chance if chance < moves => self.moves(),
            chance if chance < files => match self.random.below(10) {
                0..2 => self.length(),
                2 => self.unlink(),
                _ => self.io(),
            },
            _ => self.of_mappings(),
        };
    }

    fn of_mappings(&mut self) -> bool {
        let (start, length) = self.range();
        let permissive = self.style == Style::Permissive;
        match self.random.below(20) {
            0..6 | 18 if permissive => false,
            0..6 => self.map(),
            6..9 => self.take(format!("unmap {start:x} {length}")),
            9..11 => {
                let rights = self.rights();
                self.take(format!("protect {start:x} {length} {rights}"))
            }
            11..14 => self.take(format!("advise {start:x} {length} dontneed")),
            14..16 => self.take(format!("advise {start:x} {length} willneed")),
            16..18 => {
                let access = ["read", "write"][self.random.below(2) as usize];
                self.take(format!("populate {start:x} {length} {access}"))
            }
            18 => {
                let end = HEAP * PAGE + self.random.below(5 * PAGE);
                self.take(format!("brk {end:x}"))
            }
            _ => self.moves(),
        }
    }

    fn fork(&mut self, living: usize) -> bool {
        if living >= PROCESSES {
            return false;
        }
        let child = self.next_pid;
        self.next_pid += 1;
        let word = if self.random.percent(25) {
            "vfork"
        } else {
            "fork"
        };
        self.take(format!("{word} {child}"))
    }

    /// Mostly of what is mapped.
    fn range(&mut self) -> (u64, u64) {
        let mapped = self.mapped();
        let mut start = 16 + self.random.below(ARENA);
        if !mapped.is_empty() && self.random.percent(70) {
            let (first, end) = mapped[self.random.below(mapped.len() as u64) as usize];
            start = first + self.random.below((end - first).min(4));
        }
        let length = (1 + self.random.below(4)) * PAGE;
        let ragged = self.random.percent(10);
        (
            start * PAGE,
            if ragged {
                length - self.random.below(PAGE)
            } else {
                length
            },
        )
    }

    fn rights(&mut self) -> String {
        let mut letter = |letter, percent| {
            if self.random.percent(percent) {
                letter
            } else {
                "-"
            }
        };
        [letter("r", 95), letter("w", 85), letter("x", 40)].concat()
    }

    fn map(&mut self) -> bool {
        let start = (16 + self.random.below(ARENA)) * PAGE;
        let length = (1 + self.random.below(4)) * PAGE;
        let rights = self.rights();
        let mut line = format!("map {start:x} {length} {rights}");
        let of_file = match self.style {
            Style::Files => 75,
            Style::Forks => 25,
            _ => 40,
        };
        let shared = self.random.percent(45);
        if shared {
            line += " shared";
        }
        if self.random.percent(30) {
            line += " fixed";
        }
        if self.random.percent(of_file) {
            let file = 1 + self.random.below(FILES);
            if file == FILES {
                line += " swap-backed";
            }
            let offset = self.random.below(3) * PAGE;
            line += &format!(" file={file},{offset},{}", self.lengths[file as usize]);
        } else if !shared && self.random.percent(5) {
            line += " grows-down";
        }
        self.take(line)
    }

    fn length(&mut self) -> bool {
        let file = 1 + self.random.below(FILES);
        let mut bytes = self.random.below(5) * PAGE;
        if self.random.percent(30) {
            bytes += self.random.below(PAGE);
        }
        self.set_length(file, bytes)
    }

    fn unlink(&mut self) -> bool {
        let file = 1 + self.random.below(FILES);
        self.by_keeper(format!("unlink {file}")) && self.state_length(file)
    }

    /// States how long a file is, so that nothing reads what it does not have.
    fn state_length(&mut self, file: u64) -> bool {
        self.set_length(file, self.lengths[file as usize])
    }

    fn set_length(&mut self, file: u64, bytes: u64) -> bool {
        self.lengths[file as usize] = bytes;
        self.by_keeper(format!("length {file} {bytes}"))
    }

    /// Takes an event of a process that no illegal reference ends, so that files are what they are said
    /// to be.
    fn by_keeper(&mut self, line: String) -> bool {
        let running = self.running;
        self.switch(KEEPER);
        let done = self.take(line);
        self.switch(running);
        done
    }

    fn io(&mut self) -> bool {
        let file = 1 + self.random.below(FILES);
        let offset = match self.random.percent(60) {
            true => self.random.below(4) * PAGE,
            false => self.random.below(4 * PAGE),
        };
        let length = match self.random.percent(50) {
            true => (1 + self.random.below(2)) * PAGE,
            false => 1 + self.random.below(PAGE),
        };
        let read = self.random.percent(50);
        // Memory has no such events; what they do before it is known to be memory is left open.
        if file == FILES {
            return false;
        }
        let known = self.machine.known_file(file as u32);
        let is_known = known.is_some_and(|file| self.machine.files[file].length.is_some());
        if read && !is_known && offset + length > self.lengths[file as usize] {
            // It would read what a later mapping says is not there.
            return false;
        }
        if read {
            return self.take(format!("read {file} {offset} {length}"));
        }
        // A recording says where the file ends now if it has grown.
        let end = offset + length;
        if end > self.lengths[file as usize] && file != FILES {
            self.set_length(file, end);
        }
        self.take(format!("write {file} {offset} {length}"))
    }

    fn moves(&mut self) -> bool {
        let mapped = self.mapped();
        let (mut old, length) = self.range();
        let mut pages = length.div_ceil(PAGE);
        if !mapped.is_empty() && self.random.percent(80) {
            let (start, end) = mapped[self.random.below(mapped.len() as u64) as usize];
            let skipped = if self.random.percent(50) {
                0
            } else {
                self.random.below(end - start)
            };
            old = (start + skipped) * PAGE;
            pages = 1 + self.random.below(end - start - skipped);
        }
        let mut new = (16 + self.random.below(ARENA)) * PAGE;
        let keep = self.random.percent(20);
        let mut new_pages = pages;
        if !keep && self.random.percent(60) {
            new_pages = 1 + self.random.below(5);
        }
        if !keep && self.random.percent(25) {
            new = old;
        }
        let mut line = format!("move {old:x} {} {new:x} {}", pages * PAGE, new_pages * PAGE);
        if new != old && self.random.percent(60) {
            line += " fixed";
        }
        if keep {
            line += " keep";
        }
        self.take(line)
    }
}
