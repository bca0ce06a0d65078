//! Programs that start, run, sleep and end, each with code and data of its own: what fills and breaks up a
//! memory of whole programs. The programs take turns.

use super::{Make, Param, Pattern, Rng, Setting, Step, Unit, Values, read_or_write};
use crate::trace::model::access::{Access, Kind};
use crate::trace::model::event::{Backing, Event, Mapping, Protection};
use std::collections::VecDeque;

pub(super) const PROGRAMS: Pattern = Pattern {
    name: "programs",
    aliases: &[],
    about: "Programs of several sizes that start, run, sleep and end: mappings, exits",
    params: &[
        Param {
            name: "programs",
            unit: Unit::Count("PROGRAMS"),
            default: "40",
            min: 1.0,
            max: 1_000_000.0,
            about: "Programs in all; each makes an equal part of the references",
        },
        Param {
            name: "alive",
            unit: Unit::Count("PROGRAMS"),
            default: "6",
            min: 1.0,
            max: 10_000.0,
            about: "Largest number of programs at a time",
        },
        Param {
            name: "least",
            unit: Unit::Bytes("BYTES"),
            default: "256KiB",
            min: 1024.0,
            max: (1u64 << 40) as f64,
            about: "Size of the smallest programs",
        },
        Param {
            name: "most",
            unit: Unit::Bytes("BYTES"),
            default: "4MiB",
            min: 1024.0,
            max: (1u64 << 40) as f64,
            about: "Size of the largest programs; sizes between are as likely on a scale of powers of 2",
        },
        Param {
            name: "run",
            unit: Unit::Count("REFERENCES"),
            default: "500",
            min: 1.0,
            max: (1u64 << 40) as f64,
            about: "References of a program before the next one runs",
        },
        Param {
            name: "idle",
            unit: Unit::Count("TURNS"),
            default: "4",
            min: 0.0,
            max: 1_000_000.0,
            about: "Most turns of others that a program sleeps after its own, drawn anew each time",
        },
    ],
    refs: "200k",
    writes: "30",
    example: "--programs 100 --alive 8 --refs 1M -o programs.pbt",
    make: Make::Programs(Programs::new),
};

/// The first byte of a program's code, a multiple of every page size. Its data follow.
const CODE: u64 = 1 << 32;
/// The pages of a program for each page of code.
const CODE_SHARE: u64 = 4;
/// The references of a program for each that goes to another page than the one before.
const STAY: u64 = 16;

/// A program.
#[derive(Debug)]
struct Program {
    pid: u32,
    code_pages: u64,
    data_pages: u64,
    /// The pages that it uses now.
    code_at: u64,
    data_at: u64,
    /// References that it has left.
    left: u64,
    /// Turns of others before it runs again.
    sleeps: u64,
}

pub(super) struct Programs {
    page_bytes: u64,
    /// Number of writes per 2^32 data references.
    write_share: u64,
    /// Programs that have not started.
    to_start: u64,
    alive_max: usize,
    /// The logarithms of the least and the largest size in pages.
    sizes: (f64, f64),
    life: u64,
    run: u64,
    idle: u64,
    /// Steps to emit before anything else is worked out.
    next: VecDeque<Step>,
    /// The programs, in turn: the first runs.
    alive: VecDeque<Program>,
    /// References left in this turn.
    turn: u64,
    last_pid: u32,
}

impl Programs {
    fn new(values: &Values, setting: Setting, _rng: &mut Rng) -> Result<Programs, String> {
        let (least, most) = (values.count("least"), values.count("most"));
        if least > most {
            return Err(format!("--least {least} bytes are more than --most {most}"));
        }
        let pages = |bytes: u64| bytes.div_ceil(setting.page_bytes).max(2) as f64;
        let programs = values.count("programs");
        Ok(Programs {
            page_bytes: setting.page_bytes,
            write_share: setting.write_share,
            to_start: programs,
            alive_max: values.count("alive") as usize,
            sizes: (pages(least).log2(), pages(most).log2()),
            life: setting.refs.div_ceil(programs).max(1),
            run: values.count("run"),
            idle: values.count("idle"),
            next: VecDeque::new(),
            alive: VecDeque::new(),
            turn: 0,
            last_pid: 0,
        })
    }

    fn event(&mut self, pid: u32, event: Event) {
        self.next.push_back(Step::Event { pid, event });
    }

    /// Starts a program.
    fn start(&mut self, rng: &mut Rng) {
        self.last_pid += 1;
        self.to_start = self.to_start.saturating_sub(1);
        let (least, most) = self.sizes;
        let pages = (least + (most - least) * rng.unit()).exp2() as u64;
        let code_pages = (pages / CODE_SHARE).max(1);
        let data_pages = (pages - code_pages.min(pages)).max(1);
        let pid = self.last_pid;
        let code = Mapping {
            backing: Backing::File {
                file: pid,
                offset: 0,
                length: code_pages * self.page_bytes,
            },
            name: format!("program{pid}"),
            ..Mapping::anonymous(CODE, code_pages * self.page_bytes, Protection::RX)
        };
        let data = Mapping {
            name: "[heap]".into(),
            ..Mapping::anonymous(
                CODE + code_pages * self.page_bytes,
                data_pages * self.page_bytes,
                Protection::RW,
            )
        };
        for mapping in [code, data] {
            self.event(pid, Event::Map(Box::new(mapping)));
        }
        self.alive.push_front(Program {
            pid,
            code_pages,
            data_pages,
            code_at: 0,
            data_at: 0,
            left: self.life,
            sleeps: 0,
        });
    }

    /// Begins the next turn: a program starts if there may be more, else the first that does not sleep
    /// runs.
    fn begin_turn(&mut self, rng: &mut Rng) {
        self.turn = self.run;
        let may_start = self.to_start > 0 && self.alive.len() < self.alive_max;
        if may_start || self.alive.is_empty() {
            return self.start(rng);
        }
        for _ in 0..self.alive.len() {
            match self.alive.front_mut() {
                Some(program) if program.sleeps > 0 => program.sleeps -= 1,
                _ => return,
            }
            self.alive.rotate_left(1);
        }
        // All sleep: the first is woken.
    }

    /// Emits one reference of the program whose turn it is.
    fn run_first(&mut self, rng: &mut Rng) {
        let program = self.alive.front_mut().expect("a turn has a program");
        program.left -= 1;
        self.turn -= 1;
        let draw = rng.next_u64();
        let (stays, kind_draw) = (!draw.is_multiple_of(STAY), draw >> 32);
        let (kind, base, page) = if kind_draw % 3 == 0 {
            if !stays {
                program.code_at = rng.below(program.code_pages);
            }
            (Kind::Ifetch, CODE, program.code_at)
        } else {
            if !stays {
                program.data_at = rng.below(program.data_pages);
            }
            let data = CODE + program.code_pages * self.page_bytes;
            (read_or_write(rng, self.write_share), data, program.data_at)
        };
        let (pid, ended) = (program.pid, program.left == 0);
        let access = Access::single(kind, base + page * self.page_bytes);
        self.next.push_back(Step::Access(Access { pid, ..access }));
        if ended {
            self.event(pid, Event::Exit);
            self.alive.pop_front();
            self.turn = 0;
        } else if self.turn == 0 {
            program.sleeps = rng.below(self.idle + 1);
            self.alive.rotate_left(1);
        }
    }

    /// Returns the next step.
    pub(super) fn step(&mut self, rng: &mut Rng) -> Step {
        loop {
            if let Some(step) = self.next.pop_front() {
                return step;
            }
            if self.turn == 0 {
                self.begin_turn(rng);
            } else {
                self.run_first(rng);
            }
        }
    }
}
